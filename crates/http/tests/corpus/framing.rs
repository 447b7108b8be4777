//! The cases of `corpus/sse` and `corpus/ndjson`.

use super::cases::{Case, load};
use loadgen_http::{lines, sse};
use serde_json::Value;

const NO_LIMIT: usize = 1 << 30;

/// What came out of a stream, in the words of the corpus.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    /// Type, data and ID of each event; of lines only the data.
    events: Vec<[Vec<u8>; 3]>,
    unterminated: Option<[Vec<u8>; 3]>,
    retry: Option<u64>,
    last_event_id: Vec<u8>,
    too_long: bool,
}

#[test]
fn every_event_stream_is_read_as_expected_whatever_its_cuts() {
    let cases = load("sse");
    assert!(cases.len() >= 100, "only {} cases", cases.len());
    for case in &cases {
        let expected = expected(case, |event| {
            ["type", "data", "id"].map(|key| Case::bytes_of(&event[key]))
        });
        for pieces in case.cuts() {
            assert_eq!(
                read_events(case, &pieces),
                expected,
                "{} cut {:?}",
                case.name,
                lengths(&pieces)
            );
        }
    }
}

#[test]
fn every_stream_of_lines_is_read_as_expected_whatever_its_cuts() {
    let cases = load("ndjson");
    assert!(cases.len() >= 20, "only {} cases", cases.len());
    for case in &cases {
        let expected = expected(case, |line| [Vec::new(), Case::bytes_of(line), Vec::new()]);
        for pieces in case.cuts() {
            assert_eq!(
                read_lines(case, &pieces),
                expected,
                "{} cut {:?}",
                case.name,
                lengths(&pieces)
            );
        }
    }
}

/// Searching a line again from its start at every read would never end here.
#[test]
fn a_line_of_four_mebibytes_takes_linear_time_byte_by_byte() {
    let length = 4 << 20;
    let stream = [b"data: ", &vec![b'x'; length][..], b"\n\n"].concat();
    let mut found = Vec::new();
    let mut parser = sse::Parser::new(NO_LIMIT);
    for byte in stream.chunks(1) {
        parser
            .feed(byte, &mut |event| found.push(event.data.len()))
            .unwrap();
    }
    let mut parser = lines::Parser::new(NO_LIMIT);
    for byte in stream.chunks(1) {
        parser
            .feed(byte, &mut |line| found.push(line.bytes.len()))
            .unwrap();
    }
    assert_eq!(found, [length, length + "data: ".len()]);
}

/// An event of one data line in one read is a slice of what was read.
#[test]
fn an_event_in_one_read_is_not_copied() {
    let stream = b"id: 1\nevent: x\ndata: hello\n\ndata: a\n\n";
    let inside = |slice: &[u8]| stream.as_ptr_range().contains(&slice.as_ptr());
    let mut places = Vec::new();
    let mut parser = sse::Parser::new(NO_LIMIT);
    parser
        .feed(stream, &mut |event| {
            places.push((inside(event.name), inside(event.data)));
        })
        .unwrap();
    assert_eq!(
        places,
        [(true, true), (false, true)],
        "only the name `message` is not in the stream"
    );
}

fn read_events(case: &Case, pieces: &[&[u8]]) -> Outcome {
    let mut outcome = Outcome::default();
    let mut parser = sse::Parser::new(limit(case));
    let mut on_event = |event: sse::Event<'_>| {
        let event_of = [event.name, event.data, event.id].map(<[u8]>::to_vec);
        outcome.keep(event_of, event.unterminated);
    };
    let fed = pieces
        .iter()
        .try_for_each(|piece| parser.feed(piece, &mut on_event));
    let ended = parser.finish(&mut on_event);
    assert_eq!(
        fed.is_err(),
        ended.is_err() && fed.is_err(),
        "{}: a refusal is final",
        case.name
    );
    outcome.too_long = fed.and(ended).is_err();
    outcome.retry = parser.retry();
    outcome.last_event_id = parser.last_event_id().to_vec();
    outcome
}

fn read_lines(case: &Case, pieces: &[&[u8]]) -> Outcome {
    let mut outcome = Outcome::default();
    let mut parser = lines::Parser::new(limit(case));
    let mut on_line = |line: lines::Line<'_>| {
        outcome.keep(
            [Vec::new(), line.bytes.to_vec(), Vec::new()],
            line.unterminated,
        );
    };
    let fed = pieces
        .iter()
        .try_for_each(|piece| parser.feed(piece, &mut on_line));
    let ended = parser.finish(&mut on_line);
    outcome.too_long = fed.and(ended).is_err();
    outcome
}

fn expected(case: &Case, event: impl Fn(&Value) -> [Vec<u8>; 3]) -> Outcome {
    let expected = &case.expected;
    let events = expected.get("events").or(expected.get("lines")).unwrap();
    Outcome {
        events: events.as_array().unwrap().iter().map(&event).collect(),
        unterminated: expected.get("unterminated").map(&event),
        retry: expected["retry"].as_u64(),
        last_event_id: expected
            .get("last_event_id")
            .map(Case::bytes_of)
            .unwrap_or_default(),
        too_long: expected["error"] == "too_long",
    }
}

fn limit(case: &Case) -> usize {
    case.expected["limit"]
        .as_u64()
        .map_or(NO_LIMIT, |limit| limit as usize)
}

fn lengths(pieces: &[&[u8]]) -> Vec<usize> {
    pieces.iter().map(|piece| piece.len()).take(50).collect()
}

impl Outcome {
    fn keep(&mut self, event: [Vec<u8>; 3], unterminated: bool) {
        if unterminated {
            assert!(self.unterminated.is_none(), "there can be one only");
            self.unterminated = Some(event);
        } else {
            self.events.push(event);
        }
    }
}
