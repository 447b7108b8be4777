//! Any bytes as an answer over HTTP/1.1: no panic, and the same answer under any cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loadgen_engine::{ErrorKind, Failure};
use loadgen_http::response::{Head, Receive, Response};

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
    let [choice, length, bytes @ ..] = data else {
        return;
    };
    let head_asked = choice & 1 == 1;
    let whole = read(bytes, bytes.len().max(1), head_asked);
    for length in [1, 1 + usize::from(*length)] {
        let cut = read(bytes, length, head_asked);
        // A head that is broken and has no end yet is told at once, or at its end: that may be another failure.
        if whole.1.is_ok() || cut.1.is_ok() {
            assert_eq!(whole, cut);
        }
    }
});

fn read(bytes: &[u8], length: usize, head_asked: bool) -> (Seen, Ended) {
    let mut seen = Seen::default();
    let mut response = Response::new(head_asked);
    let mut used = 0;
    for piece in bytes.chunks(length) {
        match response.feed(piece, &mut seen) {
            Ok(taken) => used += taken,
            Err(failure) => return (seen, Err(failure.kind)),
        }
    }
    let reusable = response.allows_reuse();
    let ended = response.end().map(|()| (reusable, used));
    (seen, ended.map_err(|failure| failure.kind))
}
