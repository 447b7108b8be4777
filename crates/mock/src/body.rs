//! Is the body of every answer: an event stream, bytes, or the truth.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use crate::exchange::Exchange;
use crate::stream::EventStream;
use crate::tap::Conn;
use crate::truth::Entry;

/// The most bytes of a plain body that are given at a time.
const FRAME: usize = 64 * 1024;
static FILL: [u8; FRAME] = [b'x'; FRAME];

/// Says to hyper that the connection is to be cut here.
#[derive(Debug, thiserror::Error)]
#[error("cut the connection on purpose")]
pub(crate) struct Cut;

/// The body of an answer.
pub(crate) enum Body {
    Stream(Box<EventStream>),
    Plain(Plain),
    Truth(Truth),
}

/// What a plain body consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    Bytes(Bytes),
    /// So many bytes that are a JSON string (a digit, if it is but one).
    Fill(usize),
}

/// A body whose length is known.
pub(crate) struct Plain {
    exchange: Exchange,
    content: Content,
    begun: bool,
}

/// The records of the truth, a line each.
pub(crate) struct Truth {
    conn: Arc<Conn>,
    entries: std::vec::IntoIter<Arc<Entry>>,
}

impl Content {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Fill(left) => *left,
        }
    }

    /// Takes the next frame off the front.
    fn take(&mut self, begun: bool) -> Bytes {
        match self {
            Self::Bytes(bytes) => bytes.split_to(bytes.len().min(FRAME)),
            Self::Fill(left) => {
                let frame = fill(*left, begun);
                *left -= frame.len();
                frame
            }
        }
    }
}

impl Plain {
    /// Without a body to send, as an answer to HEAD has none, the exchange ends with its head.
    pub(crate) fn new(mut exchange: Exchange, content: Content) -> Self {
        if content.len() == 0 {
            exchange.finished();
        }
        Self {
            exchange,
            content,
            begun: false,
        }
    }

    fn poll_bytes(&mut self, context: &Context<'_>) -> Poll<Option<Bytes>> {
        if self.content.len() == 0 {
            return Poll::Ready(None);
        }
        ready!(self.exchange.conn.poll_free(context));
        let bytes = self.content.take(self.begun);
        if self.begun {
            self.exchange.bytes(bytes.len());
        } else {
            self.exchange.event(bytes.len(), false);
        }
        self.begun = true;
        if self.content.len() == 0 {
            self.exchange.finished();
        }
        Poll::Ready(Some(bytes))
    }
}

impl Truth {
    pub(crate) fn new(conn: Arc<Conn>, entries: Vec<Arc<Entry>>) -> Self {
        Self {
            conn,
            entries: entries.into_iter(),
        }
    }

    fn poll_lines(&mut self, context: &Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        ready!(self.conn.poll_free(context));
        let mut lines = Vec::with_capacity(FRAME);
        while lines.len() < FRAME {
            let Some(entry) = self.entries.next() else {
                break;
            };
            if entry.write_line(&mut lines).is_err() {
                return Poll::Ready(Some(Err(Cut)));
            }
        }
        if lines.is_empty() {
            return Poll::Ready(None);
        }
        self.conn.given();
        Poll::Ready(Some(Ok(Bytes::from(lines))))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let given = match self.get_mut() {
            Self::Stream(stream) => ready!(stream.poll_event(context)),
            Self::Plain(plain) => ready!(plain.poll_bytes(context)).map(Ok),
            Self::Truth(truth) => ready!(truth.poll_lines(context)),
        };
        Poll::Ready(given.map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Stream(stream) => stream.is_end(),
            Self::Plain(plain) => plain.content.len() == 0,
            Self::Truth(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Plain(plain) => SizeHint::with_exact(plain.content.len() as u64),
            Self::Stream(_) | Self::Truth(_) => SizeHint::default(),
        }
    }
}

/// The next frame of a JSON string of which `left` bytes are left, quotes included.
fn fill(left: usize, begun: bool) -> Bytes {
    if left == 1 && !begun {
        return Bytes::from_static(b"0");
    }
    let size = left.min(FRAME);
    if begun && size < left {
        return Bytes::from_static(&FILL);
    }
    let mut frame = FILL[..size].to_vec();
    if !begun {
        frame[0] = b'"';
    }
    if size == left {
        frame[size - 1] = b'"';
    }
    Bytes::from(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filled_bodies_are_json_of_their_length() {
        for size in [
            0,
            1,
            2,
            3,
            100,
            FRAME - 1,
            FRAME,
            FRAME + 1,
            2 * FRAME,
            2 * FRAME + 1,
            3 * FRAME + 7,
        ] {
            let mut content = Content::Fill(size);
            let mut all = Vec::new();
            while content.len() > 0 {
                all.extend(content.take(!all.is_empty()));
            }
            assert_eq!(all.len(), size);
            assert!(
                size == 0 || serde_json::from_slice::<serde_json::Value>(&all).is_ok(),
                "{size} bytes"
            );
        }
    }
}
