//! Holds the parser to a plain reading of the standard, which works on whole streams only.

use super::{Event, Parser};
use proptest::{collection::vec, prelude::*, sample};

/// Type, data, ID, and whether the event was unterminated.
type Found = (Vec<u8>, Vec<u8>, Vec<u8>, bool);

proptest! {
    #[test]
    fn any_stream_is_read_as_the_standard_says(
        pieces in vec(sample::select(PIECES), 0..60),
        lengths in vec(0_usize..12, 1..60),
        lead in sample::select(LEADS),
    ) {
        let mut stream = lead.to_vec();
        stream.extend(pieces.concat());
        prop_assert_eq!(cut(&stream, &lengths), by_the_standard(&stream));
    }

    #[test]
    fn any_bytes_are_read_alike_whatever_the_cuts(
        stream in vec(sample::select(&b"data:evntir \n\r\n\n0\xEF\xBB\xBF\x80"[..]), 0..200),
        lengths in vec(0_usize..12, 1..60),
    ) {
        prop_assert_eq!(cut(&stream, &lengths), by_the_standard(&stream));
    }

    #[test]
    fn the_limit_holds_whatever_the_cuts(
        pieces in vec(sample::select(PIECES), 0..40),
        lengths in vec(0_usize..12, 1..60),
        limit in 3_usize..30,
    ) {
        let stream = pieces.concat();
        let read = |lengths: &[usize]| {
            let mut events = Vec::new();
            let mut parser = Parser::new(limit);
            let mut on_event = |event: Event<'_>| events.push(found(event));
            let fed = reads(&stream, lengths).into_iter().try_for_each(|read| parser.feed(read, &mut on_event));
            let ended = fed.and_then(|()| parser.finish(&mut on_event));
            let kept = parser.kept.as_ref();
            let most = kept.map_or(0, |kept| kept.line.capacity().max(kept.data.capacity()));
            (events, ended, most <= super::KEPT_CAPACITY)
        };
        let whole = read(&[usize::MAX]);
        prop_assert!(whole.0.iter().all(|event| event.1.len() <= limit));
        prop_assert_eq!(read(&lengths), whole);
    }
}

/// What streams begin with: mostly nothing, a byte order mark, or the beginning of one.
const LEADS: &[&[u8]] = &[b"", b"", b"\xEF\xBB\xBF", b"\xEF\xBB", b"\xEF"];

/// What streams are made of, at the places where parsers go wrong.
const PIECES: &[&[u8]] = &[
    b"\n",
    b"\n",
    b"\r",
    b"\r\n",
    b"\r\n",
    b"\n\n",
    b"\r\r",
    b"data: a",
    b"data:b",
    b"data",
    b"data: ",
    b"data:  c",
    b":comment",
    b": data: x",
    b"event: ping",
    b"event:",
    b"event",
    b"id: 7",
    b"id",
    b"id: a\0b",
    b"retry: 5",
    b"retry: x",
    b"other: z",
    b"\xEF\xBB\xBF",
    b"\xE2\x80\xA8",
    b"\xC2\x85",
    b"\xF0\x9F\x98\x80",
    b"\xFF",
    b"\0",
    b":",
    b" ",
];

fn cut(stream: &[u8], lengths: &[usize]) -> (Vec<Found>, Option<u64>) {
    let mut events = Vec::new();
    let mut parser = Parser::new(usize::MAX);
    let mut on_event = |event: Event<'_>| events.push(found(event));
    for read in reads(stream, lengths) {
        parser.feed(read, &mut on_event).unwrap();
    }
    parser.finish(&mut on_event).unwrap();
    (events, parser.retry())
}

fn found(event: Event<'_>) -> Found {
    (
        event.name.to_vec(),
        event.data.to_vec(),
        event.id.to_vec(),
        event.unterminated,
    )
}

/// The stream in reads of these lengths, over and over, the last one as long as it takes.
fn reads<'a>(stream: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = stream;
    let mut reads = Vec::new();
    for length in lengths.iter().chain(lengths) {
        let (read, after) = rest.split_at((*length).min(rest.len()));
        reads.push(read);
        rest = after;
    }
    reads.push(rest);
    reads
}

/// The algorithm of the standard, word by word, over a whole stream; an open event at the end is handed out too.
fn by_the_standard(stream: &[u8]) -> (Vec<Found>, Option<u64>) {
    let stream = stream.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(stream);
    let (mut data, mut name, mut id, mut retry) = (Vec::new(), Vec::new(), Vec::new(), None);
    let mut events = Vec::new();
    let mut dispatch = |data: &mut Vec<u8>, name: &mut Vec<u8>, id: &Vec<u8>, unterminated| {
        let type_of = if name.is_empty() {
            b"message".to_vec()
        } else {
            std::mem::take(name)
        };
        name.clear();
        if data.pop().is_some() {
            events.push((type_of, std::mem::take(data), id.clone(), unterminated));
        }
    };
    for line in lines_of(stream) {
        if line.is_empty() {
            dispatch(&mut data, &mut name, &id, false);
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let field = &line[..colon.unwrap_or(line.len())];
        let value = colon.map_or(&b""[..], |colon| &line[colon + 1..]);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                data.extend_from_slice(value);
                data.push(b'\n');
            }
            b"event" => name = value.to_vec(),
            b"id" if !value.contains(&0) => id = value.to_vec(),
            b"retry" => retry = String::from_utf8_lossy(value).parse().ok().or(retry),
            _ => {}
        }
    }
    dispatch(&mut data, &mut name, &id, true);
    (events, retry)
}

/// The lines of a whole stream, the last one with or without its end.
fn lines_of(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = vec![Vec::new()];
    let mut bytes = stream.iter().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\n' => lines.push(Vec::new()),
            b'\r' => {
                bytes.next_if(|next| **next == b'\n');
                lines.push(Vec::new());
            }
            byte => lines.last_mut().unwrap().push(*byte),
        }
    }
    if lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines
}
