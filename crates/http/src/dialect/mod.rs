//! Says what an event of a stream means: one small trait, one file for each dialect.
//!
//! To add a dialect: write a file with a type that implements [`Dialect`], and name it in [`of`]. A dialect is told one
//! event at a time and keeps no state; it writes what it found into a [`Reading`]. All arithmetic on time is in
//! [`crate::stream`].

mod anthropic;
pub mod json;
mod ollama;
mod openai;
mod output;
mod plain;
#[cfg(test)]
mod tests;

use json::{Cursor, NotJson, Text};
use loadgen_engine::{DialectName, StreamSpec, Usage};
pub(crate) use output::add_text;

/// How a body is cut into events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Sse,
    /// One JSON value a line.
    Lines,
}

/// What the events of a stream mean.
pub trait Dialect: Send {
    /// How bodies are cut into events, where the answer's content type does not tell.
    fn framing(&self) -> Framing;

    /// Whether a whole stream has a finish reason or a terminator, so that one without either is truncated.
    fn demands_end(&self) -> bool;

    /// Whether reasoning can be told from visible output.
    fn tells_reasoning(&self) -> bool;

    /// Reads one event. `name` is the event's type (`message` where it has none); `data` may be blank.
    ///
    /// Fails where the dialect demands JSON and `data` is none; what `reading` then holds does not count.
    fn read(&self, name: &[u8], data: &[u8], reading: &mut Reading) -> Result<(), NotJson>;

    /// The tokens that an answer without a stream reports.
    fn usage_of_body(&self, body: &[u8]) -> Option<Usage>;

    /// The error that an answer without a stream reports, though its status tells of success: said as an event of a
    /// stream would say it.
    fn error_of_body(&self, body: &[u8]) -> Option<String> {
        let mut reading = Reading::default();
        self.read(b"message", body, &mut reading).ok()?;
        reading.error
    }
}

/// What one event said.
#[derive(Debug, Default)]
pub struct Reading {
    /// What it said of the choices: most events speak of one, and of choice 0.
    first: Option<Part>,
    more: Vec<Part>,
    /// Whether nothing may follow but the end of the body.
    pub terminator: bool,
    /// Tokens by the provider's usage, as far as this event tells them.
    pub usage: PartialUsage,
    /// The error that the provider sent.
    pub error: Option<String>,
    /// Whether it showed that the answer is not empty, though it carried no output itself (a tool that is called
    /// without arguments).
    pub substance: bool,
    /// A string of the event, as bytes from and to, that is not empty and was asked nothing else. An event that
    /// differs in this string only says the same, as long as it is not empty: it need not be walked again.
    pub text: Option<(usize, usize)>,
}

/// What an event said of one choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The choice.
    pub choice: u32,
    /// Whether output came that a user would see (or a program would act on): all but reasoning.
    pub visible: bool,
    /// Whether reasoning came.
    pub reasoning: bool,
    /// Whether an empty string came where output would stand, in an event that does nothing else.
    pub blank: bool,
    /// Whether the choice is finished.
    pub finished: bool,
}

/// Tokens by the provider's usage; what an event does not tell is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartialUsage {
    /// Tokens of the prompt.
    pub input: Option<u64>,
    /// Tokens of the answer, reasoning included.
    pub output: Option<u64>,
    /// The part of `output` that is reasoning.
    pub reasoning: Option<u64>,
}

/// The longest message of a provider that is kept, in bytes.
pub const MAX_MESSAGE: usize = 512;

/// The dialect that a step names.
#[must_use]
pub fn of(spec: &StreamSpec) -> Box<dyn Dialect> {
    let pointer = spec.pointer.as_deref();
    match spec.dialect {
        DialectName::OpenAi => Box::new(openai::OpenAi),
        DialectName::Anthropic => Box::new(anthropic::Anthropic),
        DialectName::Ollama => Box::new(ollama::Ollama),
        DialectName::Sse => Box::new(plain::Plain::new(Framing::Sse, pointer)),
        DialectName::Ndjson => Box::new(plain::Plain::new(Framing::Lines, pointer)),
    }
}

impl Reading {
    /// Adds what the event said of a choice, if it said anything.
    #[inline]
    pub fn add(&mut self, part: Part) {
        if part
            == (Part {
                choice: part.choice,
                ..Part::default()
            })
        {
            return;
        }
        if self.first.is_none() {
            self.first = Some(part);
        } else {
            self.more.push(part);
        }
    }

    /// What the event said of the choices.
    #[inline]
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.first.iter().chain(&self.more)
    }

    /// The only thing that the event said, where that is output and nothing else.
    #[inline]
    pub fn only_output(&self) -> Option<Part> {
        let more = self.terminator
            || self.substance
            || self.error.is_some()
            || self.usage != PartialUsage::default();
        let only = self
            .first
            .filter(|part| !part.finished && !more && self.more.is_empty())?;
        (only.visible || only.reasoning).then_some(only)
    }

    /// Notes an error of the provider, its text cut to [`MAX_MESSAGE`] bytes; the first one stays.
    pub fn fail(&mut self, message: &str) {
        if self.error.is_none() {
            self.error = Some(shorten(message));
        }
    }
}

impl PartialUsage {
    /// Takes over what a newer report tells.
    #[inline]
    pub fn update(&mut self, newer: Self) {
        self.input = newer.input.or(self.input);
        self.output = newer.output.or(self.output);
        self.reasoning = newer.reasoning.or(self.reasoning);
    }

    /// The tokens of a stream; absent where those of the answer were not told: the prompt's alone say nothing of what
    /// came, and the events are then all that there is to count.
    #[must_use]
    pub fn of_stream(self) -> Option<Usage> {
        self.output.and_then(|_| self.total())
    }

    /// The tokens of an answer without a stream; absent where nothing was told. A count that was not told is 0: an
    /// embedding has a prompt only.
    #[must_use]
    pub fn total(self) -> Option<Usage> {
        let Self {
            input,
            output,
            reasoning,
        } = self;
        let told = input.or(output).is_some();
        let count = Option::unwrap_or_default;
        told.then(|| Usage {
            input: count(input),
            output: count(output),
            reasoning: count(reasoning),
        })
    }
}

/// The beginning of a message, at most [`MAX_MESSAGE`] bytes, marked where it was cut.
#[must_use]
pub fn shorten(message: &str) -> String {
    let message = message.trim();
    if message.len() <= MAX_MESSAGE {
        return message.to_owned();
    }
    let mut end = MAX_MESSAGE - '…'.len_utf8();
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &message[..end])
}

/// Whether the event has nothing in it, and is dealt with: as a keep-alive, or as an error without a message.
#[inline]
fn is_blank(name: &[u8], data: &[u8], reading: &mut Reading) -> bool {
    let blank = data.iter().all(u8::is_ascii_whitespace);
    if blank && name == b"error" {
        reading.fail("an error event without data");
    }
    blank
}

/// The message of an error value: a string, or an object with `message` (else `type`, else `code`, else all of it).
/// None for null, false, and what is empty: many servers send `"error": null` with every event.
fn error_message(cursor: &mut Cursor<'_>) -> Result<Option<String>, NotJson> {
    match cursor.peek() {
        Some(b'"') => Ok(cursor
            .string()?
            .filter(|text| !text.is_empty())
            .map(|text| text.to_text())),
        Some(b'{') => error_of_object(cursor),
        Some(b'n' | b'f') => cursor.skip().map(|()| None),
        _ => {
            let raw = cursor.raw()?;
            Ok((raw != b"[]").then(|| String::from_utf8_lossy(raw).into_owned()))
        }
    }
}

fn error_of_object(cursor: &mut Cursor<'_>) -> Result<Option<String>, NotJson> {
    let mut inside = cursor.clone();
    let raw = cursor.raw()?;
    let (mut members, mut message, mut kind) = (0, None, None);
    inside.object(|cursor, key| {
        members += 1;
        match &*key.bytes() {
            b"message" => message = cursor.string()?.or(message),
            b"type" => kind = cursor.string()?.or(kind),
            b"code" => kind = kind.or(cursor.string()?),
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    let said = message.filter(|text| !text.is_empty()).or(kind);
    let text = said.map_or_else(
        || String::from_utf8_lossy(raw).into_owned(),
        |text: Text<'_>| text.to_text(),
    );
    Ok((members > 0).then_some(text))
}
