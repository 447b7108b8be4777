//! Holds the framing to a plain split of whole streams.

use super::{Line, Parser};
use proptest::{collection::vec, prelude::*, sample};

proptest! {
    #[test]
    fn any_stream_is_split_alike_whatever_the_cuts(
        stream in vec(sample::select(&b"{\"a\":1} \t\r\r\n\n\n\xEF\xBB\xBF"[..]), 0..150),
        length in 1_usize..12,
    ) {
        let mut lines = Vec::new();
        let mut parser = Parser::new(1_000);
        let mut on_line = |line: Line<'_>| lines.push((line.bytes.to_vec(), line.unterminated));
        for read in stream.chunks(length) {
            parser.feed(read, &mut on_line).unwrap();
        }
        parser.finish(&mut on_line).unwrap();
        prop_assert_eq!(lines, by_splitting(&stream));
    }

    #[test]
    fn the_limit_holds_whatever_the_cuts(
        stream in vec(sample::select(&b"abc\r\n"[..]), 0..80),
        length in 1_usize..12,
        limit in 1_usize..8,
    ) {
        let read = |length: usize| {
            let mut lines = Vec::new();
            let mut parser = Parser::new(limit);
            let mut on_line = |line: Line<'_>| lines.push(line.bytes.to_vec());
            let fed = stream.chunks(length).try_for_each(|read| parser.feed(read, &mut on_line));
            let ended = fed.and_then(|()| parser.finish(&mut on_line));
            (lines, ended)
        };
        let whole = read(usize::MAX);
        prop_assert!(whole.0.iter().all(|line| line.len() <= limit));
        prop_assert_eq!(read(length), whole);
    }
}

fn by_splitting(stream: &[u8]) -> Vec<(Vec<u8>, bool)> {
    let stream = stream.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(stream);
    let count = stream.split(|byte| *byte == b'\n').count();
    let lines = stream.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.map(|(at, line)| {
        (
            line.strip_suffix(b"\r").unwrap_or(line).to_vec(),
            at + 1 == count,
        )
    });
    lines
        .filter(|(line, _)| !line.iter().all(u8::is_ascii_whitespace))
        .collect()
}
