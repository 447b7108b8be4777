//! Compares the event stream parser with `eventsource-stream`, wherever that conforms to the standard.

use super::cases::{Case, load};
use eventsource_stream::Eventsource;
use futures_util::{StreamExt, stream};
use loadgen_http::sse;
use proptest::{collection::vec, prelude::*, sample};
use std::panic;

/// The cases in which `eventsource-stream` 0.2.3 is known to differ, and why. A case that no longer differs fails the
/// test, so that the list stays true.
const DIFFERS: &[(&str, &str)] = &[
    ("bom", PANICS_ON_BOM),
    ("bom-cut-after-1", PANICS_ON_BOM),
    ("bom-cut-after-2", PANICS_ON_BOM),
    ("bom-cut-everywhere", PANICS_ON_BOM),
    ("bom-only", PANICS_ON_BOM),
    ("bom-then-crlf", PANICS_ON_BOM),
    ("bom-twice", PANICS_ON_BOM),
    ("bom-torn", STALLS_ON_INVALID),
    ("cr-at-end-of-read", WAITS_AFTER_CR),
    ("cr-at-end-of-stream", WAITS_AFTER_CR),
    ("line-end-cr", WAITS_AFTER_CR),
    ("line-end-crlf-cr", WAITS_AFTER_CR),
    ("line-end-lf-cr", WAITS_AFTER_CR),
    ("invalid-continuation", STALLS_ON_INVALID),
    ("invalid-in-comment", STALLS_ON_INVALID),
    ("invalid-in-name", STALLS_ON_INVALID),
    ("invalid-latin-1", STALLS_ON_INVALID),
    ("invalid-lone-byte", STALLS_ON_INVALID),
    ("invalid-overlong", STALLS_ON_INVALID),
    ("invalid-surrogate", STALLS_ON_INVALID),
    ("invalid-torn-character", STALLS_ON_INVALID),
    (
        "unterminated-torn-character",
        "ends in an error where a browser drops the open event",
    ),
];

const PANICS_ON_BOM: &str =
    "panics on a leading byte order mark, which the standard says to take off";
const WAITS_AFTER_CR: &str =
    "holds an event back after a CR that ends a read, and loses it at the end of the stream";
const STALLS_ON_INVALID: &str =
    "holds all events back after bytes that are not UTF-8, and ends in an error";

/// Type, data and ID.
type Event = [String; 3];

#[test]
fn both_parsers_agree_wherever_the_other_conforms() {
    let wrong: Vec<String> = load("sse").iter().filter_map(disagreement).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn disagreement(case: &Case) -> Option<String> {
    if case.expected.get("limit").is_some() {
        return None;
    }
    let ours = ours(&case.bytes);
    // Its time grows with the square of a line's length: long cases are not given byte by byte.
    let sizes = [usize::MAX, if case.bytes.len() > 5_000 { 4_096 } else { 1 }];
    let mut ways: Vec<Vec<&[u8]>> = sizes
        .iter()
        .map(|size| case.bytes.chunks(*size).collect())
        .collect();
    ways.extend(case.asked_cut());
    let differs = ways
        .iter()
        .any(|pieces| theirs(pieces).as_ref() != Some(&ours));
    let listed = DIFFERS.iter().any(|(name, _)| *name == case.name);
    (differs != listed).then(|| format!("{}: listed {listed}, differs {differs}", case.name))
}

proptest! {
    /// Streams of lines as servers write them, with LF or CRLF, closed by a blank line, in reads of any length.
    #[test]
    fn both_parsers_agree_on_common_streams(
        lines in vec((sample::select(LINES), sample::select(&["\n", "\r\n"][..])), 0..40),
        lengths in vec(1_usize..30, 1..40),
    ) {
        let mut text: String = lines.into_iter().flat_map(|(line, end)| [line, end]).collect();
        text.push_str("\n\n");
        let mut pieces = Vec::new();
        let mut rest = text.as_bytes();
        for length in lengths.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*length).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        prop_assert_eq!(theirs(&pieces), Some(ours(text.as_bytes())));
    }
}

const LINES: &[&str] = &[
    "",
    "",
    "",
    "data: a",
    "data:b",
    "data:  {\"content\": \"\u{20ac} \u{1f600} \u{2028}\"}",
    "data",
    "data:",
    "data: ",
    "event: ping",
    "event",
    "id: 7",
    "id",
    "retry: 10",
    ": comment",
    ":",
    "unknown: x",
    " data: x",
    "dataset: y",
];

fn ours(bytes: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    sse::Parser::new(1 << 30)
        .feed(bytes, &mut |event| {
            events.push(
                [event.name, event.data, event.id]
                    .map(|part| String::from_utf8_lossy(part).into_owned()),
            );
        })
        .unwrap();
    events
}

/// The events of the other parser; none where it panics or fails.
fn theirs(pieces: &[&[u8]]) -> Option<Vec<Event>> {
    let pieces: Vec<Result<Vec<u8>, std::convert::Infallible>> = pieces
        .iter()
        .filter(|piece| !piece.is_empty())
        .map(|piece| Ok(piece.to_vec()))
        .collect();
    panic::catch_unwind(move || {
        let events = stream::iter(pieces).eventsource().map(|event| {
            let event = event.ok()?;
            Some([event.event, event.data, event.id])
        });
        futures_util::FutureExt::now_or_never(events.collect::<Vec<_>>())?
            .into_iter()
            .collect()
    })
    .unwrap_or_default()
}
