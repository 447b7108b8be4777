//! Takes over what the events of a stream say, and judges the stream at its end.

use super::{BodyEnd, PROMPT, choices::Choices, repeat::Repeat};
use crate::dialect::{self, Dialect, Part, PartialUsage, Reading, json::NotJson};
use loadgen_engine::{
    ErrorKind, Exchange, Failure, Offset, StreamSample, StreamSink, StreamSpec, Usage,
};
use std::{mem, time::Duration};

/// How much of an event that is not JSON is shown, in bytes.
const SHOWN: usize = 120;

/// All that is known of the stream so far, except what the exchange holds.
///
/// What every event looks at comes first, so that it lies together.
#[repr(C)]
pub(super) struct Progress {
    /// Arrival of the newest read that brought any of the body.
    pub(super) last_read: Option<Offset>,
    pub(super) last_event: Option<Offset>,
    /// How uncertain that arrival is.
    pub(super) uncertainty: Duration,
    /// Output events of the read at hand.
    outputs_of_read: u32,
    /// Gaps of it without length.
    zero_gaps_of_read: u32,
    /// The newest second of the run that had output events, and how many.
    second: (u32, u32),
    repeat: Repeat,
    /// Whether the dialect tells reasoning from visible output.
    tells_reasoning: bool,
    /// Whether an empty delta counts as output.
    any_delta: bool,
    pub(super) terminated: bool,
    /// The answer is not empty, though no output event may have come.
    substance: bool,
    /// Whether usage came that has not been handed on.
    usage_came: bool,
    /// How its text is read, and how many bytes of it are kept; absent where nobody wants it.
    pub(super) text: Option<Box<(StreamSpec, usize)>>,
    choices: Choices,
    dialect: Box<dyn Dialect>,
    usage: PartialUsage,
    failure: Option<Failure>,
}

/// What an event needs to know of the read it came with.
pub(super) struct Scene<'a> {
    pub(super) at: Offset,
    /// How uncertain that arrival is.
    pub(super) uncertainty: Duration,
    pub(super) sent_first: Offset,
    /// How long the first write took.
    pub(super) first_write: Duration,
    pub(super) sample: &'a mut StreamSample,
    /// The text so far.
    pub(super) text: &'a mut String,
    pub(super) sink: &'a mut dyn StreamSink,
}

impl Progress {
    pub(super) fn new(dialect: Box<dyn Dialect>, any_delta: bool) -> Self {
        Self {
            tells_reasoning: dialect.tells_reasoning(),
            dialect,
            any_delta,
            repeat: Repeat::default(),
            usage: PartialUsage::default(),
            choices: Choices::default(),
            terminated: false,
            substance: false,
            failure: None,
            last_event: None,
            last_read: None,
            uncertainty: Duration::ZERO,
            outputs_of_read: 0,
            zero_gaps_of_read: 0,
            second: (0, 0),
            usage_came: false,
            text: None,
        }
    }

    /// The arrival of a read. Never before that of an earlier read: stamps of two sources may disagree a little.
    pub(super) fn date(&mut self, at: Offset) -> Offset {
        let at = self.last_read.map_or(at, |last| at.max(last));
        self.last_read = Some(at);
        at
    }

    /// Reads one event.
    #[inline]
    pub(super) fn event(
        &mut self,
        name: &[u8],
        data: &[u8],
        unterminated: bool,
        scene: &mut Scene<'_>,
    ) {
        if let Some(part) = self.repeat.recognise(name, data) {
            scene.sample.events += 1;
            self.last_event = Some(scene.at);
            let shown = self.part(part, scene);
            self.count(shown, scene);
        } else if !self.walk(name, data, unterminated, scene) {
            return;
        }
        if let Some(wanted) = &self.text {
            // One event more than asked for tells that it was cut.
            if scene.text.len() <= wanted.1 {
                dialect::add_text(&wanted.0, name, data, scene.text);
            }
        }
    }

    /// Takes over what an event says that is not like the one before; whether there was one.
    #[inline(never)]
    fn walk(
        &mut self,
        name: &[u8],
        data: &[u8],
        unterminated: bool,
        scene: &mut Scene<'_>,
    ) -> bool {
        let Some(mut reading) = self.read(name, data, unterminated) else {
            return false;
        };
        scene.sample.events += 1;
        self.last_event = Some(scene.at);
        if reading.usage != PartialUsage::default() {
            self.usage.update(reading.usage);
            self.usage_came = true;
        }
        self.substance |= reading.substance;
        if let Some(message) = reading.error.take() {
            self.fail(ErrorKind::StreamError, message);
        }
        let mut shown = Shown::default();
        for part in reading.parts() {
            let more = self.part(*part, scene);
            shown.output |= more.output;
            shown.visible |= more.visible;
        }
        self.count(shown, scene);
        if reading.terminator && !self.terminated {
            self.terminated = true;
            scene.sample.ended = Some(scene.at);
        }
        true
    }

    /// Has the dialect read an event; nothing where there was none.
    fn read(&mut self, name: &[u8], data: &[u8], unterminated: bool) -> Option<Reading> {
        let mut reading = Reading::default();
        match self.dialect.read(name, data, &mut reading) {
            Ok(()) => self.repeat.learn(name, data, &reading),
            // What the end of the body tore apart tells of the tear, not of a server that cannot write JSON.
            Err(_) if unterminated => return None,
            Err(error) => {
                reading = Reading::default();
                if !is_keep_alive(name) {
                    self.malformed(error, data);
                }
            }
        }
        Some(reading)
    }

    /// Takes over what an event said of one choice.
    #[inline]
    fn part(&mut self, part: Part, scene: &mut Scene<'_>) -> Shown {
        let output = part.visible || part.reasoning || (part.blank && self.any_delta);
        if output {
            scene.sample.reasoning_shown |= part.reasoning;
            match self.choices.output(part.choice, scene.at) {
                // They are told together, at the end of the read.
                Some(gap) if gap.is_zero() => self.zero_gaps_of_read += 1,
                Some(gap) => scene.sink.gap(gap),
                None => {}
            }
        }
        if part.finished {
            self.choices.finish(part.choice);
        }
        Shown {
            output,
            visible: output && part.visible,
        }
    }

    /// Counts what an event showed.
    #[inline]
    fn count(&mut self, shown: Shown, scene: &mut Scene<'_>) {
        scene.sample.choices = self.choices.seen();
        if shown.output {
            self.outputs_of_read += 1;
            scene.output(shown.visible && self.tells_reasoning);
        }
    }

    pub(super) fn end_read(
        &mut self,
        at: Offset,
        uncertainty: Duration,
        exchange: &mut Exchange,
        sink: &mut dyn StreamSink,
    ) -> u32 {
        let events = mem::take(&mut self.outputs_of_read);
        let zero_gaps = mem::take(&mut self.zero_gaps_of_read);
        if zero_gaps > 0 {
            sink.zero_gaps(zero_gaps);
        }
        if events > 0 {
            let sample = exchange.stream.get_or_insert_default();
            sample.output_reads += 1;
            self.book(at, events, sample);
            sink.output_events(at, events);
        }
        if events > 1 {
            sink.coalesced(events - 1, uncertainty > PROMPT);
        }
        events
    }

    /// Books output events in their second.
    fn book(&mut self, at: Offset, events: u32, sample: &mut StreamSample) {
        let second = u32::try_from(at.as_nanos() / 1_000_000_000).unwrap_or(u32::MAX);
        if second > self.second.0 {
            self.book_second(sample);
            self.second.0 = second;
        }
        self.second.1 += events;
    }

    /// Hands the newest second on; what comes in it after that is handed on by itself.
    pub(super) fn book_second(&mut self, sample: &mut StreamSample) {
        let (second, events) = self.second;
        if events > 0 {
            sample.by_second.push((second, events));
            self.second.1 = 0;
        }
    }

    /// What the stream tells of its usage, where it told anything since this was asked last.
    pub(super) fn new_usage(&mut self) -> Option<Usage> {
        if !mem::take(&mut self.usage_came) {
            return None;
        }
        self.usage.of_stream()
    }

    /// The first failure stays: what follows it is often its consequence.
    fn fail(&mut self, kind: ErrorKind, message: String) {
        self.failure.get_or_insert(Failure { kind, message });
    }

    fn malformed(&mut self, error: NotJson, data: &[u8]) {
        let shown = data.get(..data.len().min(SHOWN)).unwrap_or_default();
        let dots = if shown.len() < data.len() { "…" } else { "" };
        let text = String::from_utf8_lossy(shown);
        self.fail(
            ErrorKind::StreamMalformed,
            format!("an event of the stream is {error}: {text}{dots}"),
        );
    }

    pub(super) fn too_large(&self, message: String) -> Failure {
        self.failure.clone().unwrap_or(Failure {
            kind: ErrorKind::TooLarge,
            message,
        })
    }

    /// Whether the terminator or every finish reason came.
    pub(super) fn is_whole(&self) -> bool {
        self.terminated || self.choices.all_finished()
    }

    pub(super) fn verdict(&mut self, end: BodyEnd, sample: &StreamSample) -> Option<Failure> {
        if let Some(failure) = self.failure.take() {
            return Some(failure);
        }
        let whole = self.is_whole();
        let (kind, message) = if !whole && end == BodyEnd::Cut {
            (
                ErrorKind::StreamTruncated,
                format!(
                    "the stream was cut after {} output events",
                    sample.output_events
                ),
            )
        } else if !whole && self.dialect.demands_end() {
            let message = format!(
                "the stream ended after {} output events without a finish reason or terminator",
                sample.output_events
            );
            (ErrorKind::StreamTruncated, message)
        } else if sample.output_events == 0 && !self.substance {
            (
                ErrorKind::StreamEmpty,
                format!(
                    "the stream ended well but none of its {} events was output",
                    sample.events
                ),
            )
        } else {
            return None;
        };
        Some(Failure { kind, message })
    }
}

/// What an event, or a part of it, showed to the user.
#[derive(Clone, Copy, Default)]
struct Shown {
    output: bool,
    visible: bool,
}

impl Scene<'_> {
    /// Counts an output event.
    #[inline]
    fn output(&mut self, first_text_possible: bool) {
        let (at, sample) = (self.at, &mut *self.sample);
        sample.output_events += 1;
        sample.last_output = Some(at);
        if sample.first_output.is_none() {
            sample.first_output = Some(at);
            // What is uncertain of the sending blurs the time to the first output, not the arrival of the others.
            let uncertainty = self.uncertainty + self.first_write;
            self.sink.first_output(self.sent_first, at, uncertainty);
        }
        if first_text_possible && sample.first_text.is_none() {
            sample.first_text = Some(at);
            self.sink.first_text(at);
        }
    }
}

/// Names of events that keep a connection open and need not carry JSON.
fn is_keep_alive(name: &[u8]) -> bool {
    matches!(name, b"ping" | b"keepalive" | b"keep-alive" | b"heartbeat")
}
