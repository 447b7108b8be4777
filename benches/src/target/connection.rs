//! One client's connection: reads requests, writes what there is room for, and keeps the rest.

use super::ask::{Ask, Shape};
use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
};

/// What a read brought.
pub(super) enum Read {
    /// A whole request.
    Request(Ask),
    /// Not yet a whole one.
    Part,
    /// The end, or something that is not understood.
    End,
}

/// The stream that a connection is in the middle of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streaming {
    /// Its place in the truth.
    pub(super) record: usize,
    shape: Shape,
    written: u32,
    chance: u64,
}

/// Which of a stream's events is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) first: bool,
    pub(super) last: bool,
    /// Events of the whole stream.
    pub(super) of: u32,
}

impl Streaming {
    pub(super) fn new(shape: Shape, record: usize) -> Self {
        Self {
            record,
            shape,
            written: 0,
            chance: record as u64 ^ 0x9e37_79b9_7f4a_7c15,
        }
    }

    pub(super) fn next_part(&mut self) -> Part {
        self.written += 1;
        Part {
            first: self.written == 1,
            last: self.written >= self.shape.events,
            of: self.shape.events,
        }
    }

    /// Nanoseconds to the next event. A xorshift is chance enough to keep streams out of step.
    pub(super) fn next_gap(&mut self) -> u64 {
        let gap = self.shape.gap.as_nanos() as u64;
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        let jitter = u64::from(self.shape.jitter);
        let spread = gap / 100 * jitter;
        match spread {
            0 => gap,
            spread => gap - spread + self.chance % (2 * spread),
        }
    }
}

/// One client's connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    /// The beginning of a request that is not whole yet.
    input: Vec<u8>,
    /// What the socket had no room for.
    output: Vec<u8>,
    pub(super) streaming: Option<Streaming>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            input: Vec::new(),
            output: Vec::new(),
            streaming: None,
        }
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(super) fn has_room(&self) -> bool {
        self.output.is_empty()
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Read {
        let length = match self.stream.read(buffer) {
            Ok(0) => return Read::End,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Read::Part,
            Err(_) => return Read::End,
        };
        // A second request before the first is answered is no part of any bench.
        if self.streaming.is_some() {
            return Read::End;
        }
        if self.input.is_empty()
            && let read @ (Read::Request(_) | Read::End) = request(&buffer[..length])
        {
            return read;
        }
        self.input.extend_from_slice(&buffer[..length]);
        let read = request(&self.input);
        if matches!(read, Read::Request(_)) {
            self.input = Vec::new();
        }
        read
    }

    /// Whether all of it went out.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<bool> {
        let done = if self.output.is_empty() {
            accepted(self.stream.write(bytes))?
        } else {
            0
        };
        self.output.extend_from_slice(&bytes[done..]);
        Ok(self.output.is_empty())
    }

    /// Whether nothing is left.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        let done = accepted(self.stream.write(&self.output))?;
        self.output.drain(..done);
        if self.output.is_empty() {
            self.output = Vec::new();
        }
        Ok(self.output.is_empty())
    }
}

fn accepted(written: io::Result<usize>) -> io::Result<usize> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        written => written,
    }
}

/// The request in `bytes`, if it is whole and alone.
fn request(bytes: &[u8]) -> Read {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Read::Part;
    };
    let (head, body) = bytes.split_at(end + 4);
    let expected = if head.starts_with(b"GET ") {
        0
    } else {
        content_length(head)
    };
    match body.len().cmp(&expected) {
        std::cmp::Ordering::Less => Read::Part,
        std::cmp::Ordering::Equal => Ask::parse(head).map_or(Read::End, Read::Request),
        std::cmp::Ordering::Greater => Read::End,
    }
}

fn content_length(head: &[u8]) -> usize {
    const NAME: &[u8] = b"content-length:";
    let mut lines = head.split(|byte| *byte == b'\n');
    let value = lines.find_map(|line| {
        let (name, value) = line.split_at_checked(NAME.len())?;
        name.eq_ignore_ascii_case(NAME).then_some(value)
    });
    let text = value.and_then(|value| std::str::from_utf8(value).ok());
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_whole_with_its_body() {
        let check = |text: &str, expected: &str| {
            let found = match request(text.as_bytes()) {
                Read::Request(Ask::Plain) => "plain",
                Read::Request(_) => "another",
                Read::Part => "part",
                Read::End => "end",
            };
            assert_eq!(found, expected, "{text:?}");
        };
        check("GET /plain HTTP/1.1\r\nhost: a\r\n\r\n", "plain");
        check("GET /plain HTTP/1.1\r\nhost: a\r\n", "part");
        let post = "POST /flood HTTP/1.1\r\nContent-Length: 2\r\n\r\n";
        check(post, "part");
        check(&format!("{post}{{}}"), "another");
        check(&format!("{post}{{}}GET"), "end");
        check("GET /what HTTP/1.1\r\n\r\n", "end");
    }

    #[test]
    fn gaps_stay_within_the_jitter() {
        let check = |jitter: u32, low: u64, high: u64| {
            let shape = Shape {
                events: 9,
                first: std::time::Duration::ZERO,
                gap: std::time::Duration::from_micros(100),
                jitter,
            };
            let mut streaming = Streaming::new(shape, 4);
            let gaps: Vec<_> = (0..1_000).map(|_| streaming.next_gap()).collect();
            assert!(
                gaps.iter().all(|gap| (low..=high).contains(gap)),
                "{gaps:?}"
            );
            assert_eq!(gaps.iter().min() == gaps.iter().max(), jitter == 0);
        };
        check(0, 100_000, 100_000);
        check(30, 70_000, 130_000);
        check(100, 0, 200_000);
    }
}
