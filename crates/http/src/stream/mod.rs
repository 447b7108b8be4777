//! Reads one streamed answer: dates its events, counts them, and judges how the stream ended.
//!
//! The connection hands over the decoded body as it arrives:
//!
//! 1. [`StreamReader::feed`] for every piece of the body (several for one read of the socket, where it held several
//!    chunks or was decompressed), with the arrival of the read;
//! 2. [`StreamReader::end_read`] once after each read of the socket, so that the events of one read are seen together;
//! 3. [`StreamReader::finish`] once, when the body ended or was cut.

mod choices;
mod progress;
mod repeat;
#[cfg(test)]
mod tests;

use crate::{
    dialect::{self, Framing},
    lines, sse,
};
use loadgen_engine::{
    Arrival, DialectName, ErrorKind, Exchange, Failure, Offset, StreamSink, StreamSpec, Usage,
};
use progress::{Progress, Scene};
use std::time::Duration;

/// The longest line, and the longest event, that is read, in bytes. Longer ones end the stream as `too_large`.
pub const MAX_LINE: usize = 4 * 1024 * 1024;

/// Where the socket had been found empty at most this long before the arrival, the events of a read came together;
/// else the reader was late.
pub const PROMPT: Duration = Duration::from_millis(1);

/// How a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    /// As HTTP says it ends (also by a close, where the close is the end).
    Clean,
    /// The peer cut it before that.
    Cut,
}

/// Reads one streamed answer.
pub struct StreamReader {
    parser: Parser,
    progress: Progress,
}

enum Parser {
    Sse(sse::Parser),
    Lines(lines::Parser),
}

/// Whether an answer with this content type is to be read as a stream; else it is a plain body, whose tokens
/// [`usage_of_plain`] tells, and whose error [`error_of_plain`].
///
/// Only the dialects of LLM servers answer in both ways. Without a content type a stream is taken for granted.
#[must_use]
pub fn is_stream(spec: &StreamSpec, content_type: Option<&[u8]>) -> bool {
    !(is_of_provider(spec)
        && content_type
            .is_some_and(|value| media_type(value).eq_ignore_ascii_case(b"application/json")))
}

/// The tokens that an answer without a stream reports, for a step with this dialect. `body` has to be whole.
#[must_use]
pub fn usage_of_plain(spec: &StreamSpec, body: &[u8]) -> Option<Usage> {
    dialect::of(spec).usage_of_body(body)
}

/// The failure that an answer without a stream reports in its body, for a step with this dialect: an error of the
/// provider under a status of success. `body` has to be whole.
#[must_use]
pub fn error_of_plain(spec: &StreamSpec, body: &[u8]) -> Option<Failure> {
    if !is_of_provider(spec) {
        return None;
    }
    let message = dialect::of(spec).error_of_body(body)?;
    Some(Failure {
        kind: ErrorKind::StreamError,
        message,
    })
}

impl StreamReader {
    /// A reader for one answer. A dialect of a provider is framed as the content type says, where it says so; `sse` and
    /// `ndjson` are taken by their word.
    #[must_use]
    pub fn new(spec: &StreamSpec, content_type: Option<&[u8]>) -> Self {
        let dialect = dialect::of(spec);
        let framing = content_type
            .filter(|_| is_of_provider(spec))
            .and_then(framing_of)
            .unwrap_or_else(|| dialect.framing());
        let parser = match framing {
            Framing::Sse => Parser::Sse(sse::Parser::new(MAX_LINE)),
            Framing::Lines => Parser::Lines(lines::Parser::new(MAX_LINE)),
        };
        Self {
            parser,
            progress: Progress::new(dialect, spec.any_delta),
        }
    }

    /// Keeps the text of the stream in `exchange.text`, and goes on to the event in which it passes `limit` bytes.
    pub fn keep_text(&mut self, spec: &StreamSpec, limit: usize) {
        self.progress.text = Some(Box::new((spec.clone(), limit)));
    }

    /// Reads a piece of the decoded body; `arrival` is that of the read of the socket that brought it.
    ///
    /// Writes to `exchange.stream` and `exchange.usage`; reads `exchange.sent_first`. Fails only where nothing after
    /// this can be read (an event is too large): the connection has then to give the answer up.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        arrival: &Arrival,
        exchange: &mut Exchange,
        sink: &mut dyn StreamSink,
    ) -> Result<(), Failure> {
        let Self { parser, progress } = self;
        let at = progress.date(arrival.at);
        progress.uncertainty = arrival.uncertainty;
        let sample = exchange.stream.get_or_insert_default();
        let sent_first = exchange.sent_first.unwrap_or_default();
        let mut scene = Scene {
            at,
            uncertainty: arrival.uncertainty,
            sent_first,
            first_write: exchange.first_write,
            sample,
            text: &mut exchange.text,
            sink,
        };
        let fed = parser.feed(bytes, &mut |name, data, torn| {
            progress.event(name, data, torn, &mut scene);
        });
        if let Some(usage) = progress.new_usage() {
            exchange.usage = Some(usage);
        }
        fed.map_err(|message| progress.too_large(message))
    }

    /// Ends a read of the socket: reports its output events to `sink`. Returns how many there were; where there were
    /// any, the connection reports the arrival ([`StreamSink::arrival`]), once for a read.
    pub fn end_read(
        &mut self,
        arrival: &Arrival,
        exchange: &mut Exchange,
        sink: &mut dyn StreamSink,
    ) -> u32 {
        let at = self.progress.date(arrival.at);
        self.progress
            .end_read(at, arrival.uncertainty, exchange, sink)
    }

    /// Ends the stream, and judges it. `at` is the arrival of the end of the body, or the instant of the cut.
    ///
    /// None says that the stream itself is whole and good; that goes for a cut after a finish reason or the terminator
    /// too. Sets `exchange.stream.ended`, not `exchange.failure`.
    pub fn finish(
        &mut self,
        end: BodyEnd,
        at: Offset,
        exchange: &mut Exchange,
        sink: &mut dyn StreamSink,
    ) -> Option<Failure> {
        let Self { parser, progress } = self;
        let read_at = progress.last_read.unwrap_or(at);
        let sample = exchange.stream.get_or_insert_default();
        let sent_first = exchange.sent_first.unwrap_or_default();
        let mut scene = Scene {
            at: read_at,
            uncertainty: progress.uncertainty,
            sent_first,
            first_write: exchange.first_write,
            sample,
            text: &mut exchange.text,
            sink,
        };
        let ended =
            parser.finish(&mut |name, data, torn| progress.event(name, data, torn, &mut scene));
        if let Some(usage) = progress.new_usage() {
            exchange.usage = Some(usage);
        }
        progress.end_read(read_at, progress.uncertainty, exchange, sink);
        progress.book_second(exchange.stream.get_or_insert_default());
        if let Err(message) = ended {
            return Some(progress.too_large(message));
        }
        let sample = exchange.stream.get_or_insert_default();
        if sample.ended.is_none() {
            sample.ended = match end {
                BodyEnd::Clean => Some(at.max(read_at)),
                BodyEnd::Cut => progress.last_event.filter(|_| progress.is_whole()),
            };
        }
        progress.verdict(end, sample)
    }

    /// Whether the terminator came: nothing is expected but the end of the body.
    #[must_use]
    pub const fn terminated(&self) -> bool {
        self.progress.terminated
    }

    /// Arrival of the newest event of any kind (comments are none); for the timer of `stall`.
    #[must_use]
    pub const fn last_event(&self) -> Option<Offset> {
        self.progress.last_event
    }
}

impl Parser {
    /// Calls `on_event` with the name and the data of every event, and whether it is unterminated.
    fn feed(
        &mut self,
        bytes: &[u8],
        on_event: &mut impl FnMut(&[u8], &[u8], bool),
    ) -> Result<(), String> {
        match self {
            Self::Sse(parser) => parser
                .feed(bytes, &mut |event| {
                    on_event(event.name, event.data, event.unterminated);
                })
                .map_err(|error| error.to_string()),
            Self::Lines(parser) => parser
                .feed(bytes, &mut |line| {
                    on_event(b"message", line.bytes, line.unterminated);
                })
                .map_err(|error| error.to_string()),
        }
    }

    fn finish(&mut self, on_event: &mut impl FnMut(&[u8], &[u8], bool)) -> Result<(), String> {
        match self {
            Self::Sse(parser) => parser
                .finish(&mut |event| on_event(event.name, event.data, event.unterminated))
                .map_err(|error| error.to_string()),
            Self::Lines(parser) => parser
                .finish(&mut |line| on_event(b"message", line.bytes, line.unterminated))
                .map_err(|error| error.to_string()),
        }
    }
}

/// How the content type says that events are framed.
fn framing_of(content_type: &[u8]) -> Option<Framing> {
    const LINES: [&[u8]; 6] = [
        b"application/x-ndjson",
        b"application/ndjson",
        b"application/jsonl",
        b"application/x-jsonlines",
        b"application/json-lines",
        b"application/stream+json",
    ];
    let name = media_type(content_type);
    if name.eq_ignore_ascii_case(b"text/event-stream") {
        return Some(Framing::Sse);
    }
    let lines = LINES.iter().any(|lines| name.eq_ignore_ascii_case(lines));
    lines.then_some(Framing::Lines)
}

/// A content type without its parameters.
fn media_type(content_type: &[u8]) -> &[u8] {
    let name = content_type
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default();
    name.trim_ascii()
}

/// Whether the dialect is that of LLM servers, rather than plain `sse` or `ndjson`.
const fn is_of_provider(spec: &StreamSpec) -> bool {
    matches!(
        spec.dialect,
        DialectName::OpenAi | DialectName::Anthropic | DialectName::Ollama
    )
}
