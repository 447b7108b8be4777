//! Any bytes, under any cut and any limit, are read as they are when they come at once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loadgen_http::sse::{Event, Parser, TooLong};

type Found = (Vec<u8>, Vec<u8>, Vec<u8>, bool);

fuzz_target!(|data: &[u8]| {
    let [limit, first, second, stream @ ..] = data else {
        return;
    };
    let limit = 3 + usize::from(*limit);
    let whole = read(stream, &[stream.len().max(1)], limit);
    let cut = read(
        stream,
        &[1 + usize::from(*first), 1 + usize::from(*second)],
        limit,
    );
    assert_eq!(whole, cut);
    assert_eq!(whole, read(stream, &[1], limit));
    assert!(whole.0.iter().all(|event| event.1.len() <= limit));
});

fn read(stream: &[u8], lengths: &[usize], limit: usize) -> (Vec<Found>, Result<(), TooLong>) {
    let mut found = Vec::new();
    let mut parser = Parser::new(limit);
    let mut on_event = |event: Event<'_>| {
        found.push((
            event.name.to_vec(),
            event.data.to_vec(),
            event.id.to_vec(),
            event.unterminated,
        ));
    };
    let mut lengths = lengths.iter().cycle();
    let mut rest = stream;
    let mut ended = Ok(());
    while ended.is_ok() && !rest.is_empty() {
        let length = lengths.next().map_or(1, |length| (*length).min(rest.len()));
        let (piece, after) = rest.split_at(length);
        ended = parser.feed(piece, &mut on_event);
        rest = after;
    }
    let ended = ended.and_then(|()| parser.finish(&mut on_event));
    (found, ended)
}
