//! Any bytes as an answer over HTTP/1.1: no panic, and the same answer under any cut, whatever heads were read before.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loadgen_engine::{ErrorKind, Failure};
use loadgen_http::response::{Head, KnownHeads, Receive, Response};

#[derive(Debug, Default, PartialEq)]
struct Seen {
    status: Option<u16>,
    content_type: Option<Vec<u8>>,
    informational: u32,
    body: Vec<u8>,
}

impl Receive for Seen {
    fn head_begins(&mut self) {}

    fn informational(&mut self) {
        self.informational += 1;
    }

    fn head(&mut self, head: &Head<'_>, _raw: &[u8]) -> Result<(), Failure> {
        assert!(self.status.replace(head.status).is_none());
        self.content_type = head.content_type.map(<[u8]>::to_vec);
        Ok(())
    }

    fn body(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        assert!(self.status.is_some());
        self.body.extend_from_slice(bytes);
        Ok(())
    }
}

/// Whether the connection may be used again, and how many bytes belonged to the answer; or why it failed.
type Ended = Result<(bool, usize), ErrorKind>;

fuzz_target!(|data: &[u8]| {
    let [choice, length, at, bytes @ ..] = data else {
        return;
    };
    let head_asked = choice & 1 == 1;
    // What was read before: a part of the same bytes, or all of them in answer to another question.
    let mut known = KnownHeads::default();
    let (begin, rest) = bytes.split_at(bytes.len().min(usize::from(*at) * 4));
    for (lesson, head_asked) in [
        (begin, choice & 2 == 2),
        (rest, choice & 4 == 4),
        (bytes, !head_asked),
    ] {
        let _ = read(lesson, lesson.len().max(1), head_asked, &mut known);
    }
    let mut read = |length: usize| {
        let unknown = read(bytes, length, head_asked, &mut KnownHeads::default());
        // The first time it is learned, the second time it is known.
        for _ in 0..2 {
            assert_eq!(unknown, read(bytes, length, head_asked, &mut known));
        }
        unknown
    };
    let whole = read(bytes.len().max(1));
    for length in [1, 1 + usize::from(*length)] {
        let cut = read(length);
        // A head that is broken and has no end yet is told at once, or at its end: that may be another failure.
        if whole.1.is_ok() || cut.1.is_ok() {
            assert_eq!(whole, cut);
        }
    }
});

fn read(
    bytes: &[u8],
    length: usize,
    head_asked: bool,
    known: &mut KnownHeads,
) -> (Seen, Ended) {
    let mut seen = Seen::default();
    let mut response = Response::new(head_asked);
    let mut used = 0;
    for piece in bytes.chunks(length) {
        match response.feed_knowing(piece, &mut seen, known) {
            Ok(taken) => used += taken,
            Err(failure) => return (seen, Err(failure.kind)),
        }
    }
    let reusable = response.allows_reuse();
    let ended = response.end().map(|()| (reusable, used));
    (seen, ended.map_err(|failure| failure.kind))
}
