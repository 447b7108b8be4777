//! Reads one HTTP/1.1 answer from bytes as they come, whatever the boundaries of the reads.

mod chunked;
mod head;
#[cfg(test)]
mod tests;

pub use head::{Coding, Framing, Head, KnownHeads};

use crate::failure::{failure, protocol};
use chunked::Chunked;
use loadgen_engine::{ErrorKind, Failure};

/// The most bytes of heads, informational ones included.
const HEAD_LIMIT: usize = 64 * 1024;

/// Takes the parts of an answer as they are found.
pub trait Receive {
    /// The first byte of a head has come; it may turn out to be that of an informational answer.
    fn head_begins(&mut self);
    /// The head was that of an informational answer (1xx): another one follows.
    fn informational(&mut self);
    /// The final head; `raw` is its bytes.
    fn head(&mut self, head: &Head<'_>, raw: &[u8]) -> Result<(), Failure>;
    /// Some of the body, without the transfer coding.
    fn body(&mut self, bytes: &[u8]) -> Result<(), Failure>;
}

/// A reader of one answer.
#[derive(Debug, Default)]
pub struct Response {
    state: State,
    head_asked: bool,
    keep_alive: bool,
    /// The beginning of a head whose end has not come.
    partial: Vec<u8>,
    /// Bytes of heads that are done.
    heads: usize,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Head,
    Length(u64),
    Chunked(Chunked),
    UntilClose,
    Done,
}

impl Response {
    /// For the answer to a request; `head_asked` says that its method was HEAD.
    pub const fn new(head_asked: bool) -> Self {
        Self {
            state: State::Head,
            head_asked,
            keep_alive: false,
            partial: Vec::new(),
            heads: 0,
        }
    }

    /// Whether the whole answer has come.
    pub const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Whether the whole answer has come and the connection may be used again.
    pub const fn allows_reuse(&self) -> bool {
        self.is_done() && self.keep_alive
    }

    /// Reads on: how many bytes of `input` belong to this answer. Fewer than all only where it is done.
    pub fn feed(&mut self, input: &[u8], receiver: &mut impl Receive) -> Result<usize, Failure> {
        self.feed_knowing(input, receiver, &mut KnownHeads::default())
    }

    /// As [`Self::feed`], with the heads that were read before, whatever the connection.
    pub fn feed_knowing(
        &mut self,
        input: &[u8],
        receiver: &mut impl Receive,
        known: &mut KnownHeads,
    ) -> Result<usize, Failure> {
        let mut used = 0;
        while used < input.len() && !self.is_done() {
            let rest = &input[used..];
            used += match &mut self.state {
                State::Head => self.feed_head(rest, receiver, known)?,
                State::Length(left) => {
                    let taken =
                        usize::try_from(*left).map_or(rest.len(), |left| left.min(rest.len()));
                    *left -= taken as u64;
                    if *left == 0 {
                        self.state = State::Done;
                    }
                    receiver.body(&rest[..taken])?;
                    taken
                }
                State::Chunked(chunked) => {
                    let step = chunked.step(rest)?;
                    if chunked.is_done() {
                        self.state = State::Done;
                    }
                    if step.data > 0 {
                        receiver.body(&rest[step.used - step.data..step.used])?;
                    }
                    step.used
                }
                State::UntilClose => {
                    receiver.body(rest)?;
                    rest.len()
                }
                State::Done => 0,
            };
        }
        Ok(used)
    }

    /// The peer has closed the connection.
    pub fn end(&mut self) -> Result<(), Failure> {
        let message = match self.state {
            State::Done => return Ok(()),
            State::UntilClose => {
                self.state = State::Done;
                return Ok(());
            }
            State::Head if self.partial.is_empty() => {
                "the peer closed the connection without an answer"
            }
            State::Head => "the peer closed the connection within the head of its answer",
            State::Length(_) | State::Chunked(_) => {
                "the peer closed the connection before the end of the body"
            }
        };
        Err(failure(ErrorKind::ClosedEarly, message))
    }

    fn feed_head(
        &mut self,
        input: &[u8],
        receiver: &mut impl Receive,
        known: &mut KnownHeads,
    ) -> Result<usize, Failure> {
        let before = self.partial.len();
        if before == 0 {
            receiver.head_begins();
            if looks_like_http(input)?
                && let Some((head, length)) = self.parse(input, known)?
            {
                self.take_head(&head, &input[..length], receiver)?;
                return Ok(length);
            }
            self.keep(input)?;
            return Ok(input.len());
        }
        self.keep(input)?;
        looks_like_http(&self.partial)?;
        // Parsing again from the start for every small piece would take quadratic time: look for the end first.
        if !holds_end(&self.partial[before.saturating_sub(3)..]) {
            return Ok(input.len());
        }
        let whole = std::mem::take(&mut self.partial);
        let Some((head, length)) = self.parse(&whole, known)? else {
            self.partial = whole;
            return Ok(input.len());
        };
        self.take_head(&head, &whole[..length], receiver)?;
        Ok(length - before)
    }

    fn parse<'a>(
        &self,
        bytes: &'a [u8],
        known: &mut KnownHeads,
    ) -> Result<Option<(Head<'a>, usize)>, Failure> {
        let parsed = known.parse(bytes, self.head_asked)?;
        match parsed {
            Some((_, length)) if self.heads + length > HEAD_LIMIT => Err(too_large()),
            _ => Ok(parsed),
        }
    }

    fn keep(&mut self, input: &[u8]) -> Result<(), Failure> {
        // What follows the head may be in `input` too, so that a little more than the limit is no error yet.
        let known_part = self.heads + self.partial.len();
        if known_part > HEAD_LIMIT || known_part + input.len() > 2 * HEAD_LIMIT {
            return Err(too_large());
        }
        self.partial.extend_from_slice(input);
        Ok(())
    }

    fn take_head(
        &mut self,
        head: &Head<'_>,
        raw: &[u8],
        receiver: &mut impl Receive,
    ) -> Result<(), Failure> {
        self.heads += raw.len();
        match head.status {
            101 => return Err(protocol("the server switched protocols unasked")),
            100..200 => {
                receiver.informational();
                return Ok(());
            }
            200..=999 => {}
            _ => return Err(protocol("invalid status line")),
        }
        self.keep_alive = head.keep_alive;
        self.state = match head.framing {
            Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Chunked(Chunked::new()),
            Framing::UntilClose => State::UntilClose,
        };
        receiver.head(head, raw)
    }
}

/// Whether an empty line ends in `bytes`.
fn holds_end(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', bytes).any(|at| {
        let next = &bytes[at + 1..];
        next.starts_with(b"\n") || next.starts_with(b"\r\n")
    })
}

/// Whether the first bytes are those of HTTP/1; if they are of something else it is told at once, as there may never be
/// an end of a head to wait for. Not so for the first bytes of a protocol that is known by a few more.
fn looks_like_http(bytes: &[u8]) -> Result<bool, Failure> {
    const PREFIX: &[u8] = b"HTTP/1.";
    let common = bytes.len().min(PREFIX.len());
    if bytes[..common] == PREFIX[..common] {
        return Ok(true);
    }
    Err(protocol(match bytes {
        [0x15 | 0x16, 0x03, ..] => "the server speaks TLS: the URL should begin with https://",
        [0, _, _, 4, ..] => "the server speaks HTTP/2: http_version should be \"2\"",
        [0x15 | 0x16 | 0] | [0, _] | [0, _, _] => return Ok(false),
        _ => "the answer is not HTTP/1",
    }))
}

fn too_large() -> Failure {
    failure(
        ErrorKind::TooLarge,
        "the head of the answer is longer than 64 KiB",
    )
}
