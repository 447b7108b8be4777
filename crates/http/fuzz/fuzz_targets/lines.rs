//! Any bytes, under any cut and any limit, are cut into the same lines as when they come at once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loadgen_http::lines::{Line, Parser, TooLong};

fuzz_target!(|data: &[u8]| {
    let [limit, length, stream @ ..] = data else {
        return;
    };
    let limit = 1 + usize::from(*limit);
    let whole = read(stream, stream.len().max(1), limit);
    assert_eq!(whole, read(stream, 1 + usize::from(*length), limit));
    assert_eq!(whole, read(stream, 1, limit));
    assert!(
        whole
            .0
            .iter()
            .all(|line| line.0.len() <= limit && !line.0.contains(&b'\n'))
    );
});

fn read(stream: &[u8], length: usize, limit: usize) -> (Vec<(Vec<u8>, bool)>, Result<(), TooLong>) {
    let mut found = Vec::new();
    let mut parser = Parser::new(limit);
    let mut on_line = |line: Line<'_>| found.push((line.bytes.to_vec(), line.unterminated));
    let ended = stream
        .chunks(length)
        .try_for_each(|piece| parser.feed(piece, &mut on_line));
    let ended = ended.and_then(|()| parser.finish(&mut on_line));
    (found, ended)
}
