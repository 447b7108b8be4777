//! What the engine tells the recorder.

use crate::{ErrorKind, Offset, ScenarioIndex, StepIndex};
use std::time::Duration;

/// How a finished request is judged: the tag `outcome` of trends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A whole answer, as expected.
    Ok,
    /// No whole answer, an unexpected status, a failed check or a broken stream.
    Failed,
    /// An answer that `expect` allows but that is no success, such as an expected 429: one outside 2xx and 3xx; on a
    /// step that reads streams, outside 2xx.
    Rejected,
    /// Given up in the middle, as the step's `cancel` says; nothing had been wrong with it until then.
    Cancelled,
    /// A redirection that was followed: the answer is that of the request after it.
    Redirected,
}

impl Outcome {
    /// Every outcome, in the order in which they are shown.
    pub const ALL: [Self; 5] = [
        Self::Ok,
        Self::Failed,
        Self::Rejected,
        Self::Cancelled,
        Self::Redirected,
    ];

    /// The public name: the value of the tag `outcome`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Redirected => "redirected",
        }
    }

    /// The outcome of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }

    /// Its place in [`Self::ALL`], for tables.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// How far a finished request came: decides which trends it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The answer arrived whole, whatever its status.
    Whole,
    /// A timeout (or a stall of a stream) ended it: it is in the trends with the time it had waited.
    TimedOut,
    /// Refused, reset, garbled, truncated, given up: it has no duration.
    Broken,
}

/// One finished request; a followed redirect or a retry is a request of its own.
#[derive(Clone, Debug)]
pub struct Sample<'a> {
    /// The step it belongs to.
    pub step: StepIndex,
    /// When it was due; where it follows a redirection, when the first request was.
    pub due: Offset,
    /// Whether it follows a redirection: it began at once, so that no generator was late with it.
    pub follows: bool,
    /// Whether it is sent again, as the step's `retry` says: what it brought is of no use to anybody.
    pub retried: bool,
    /// When the user began to get a connection.
    pub started: Offset,
    /// When a usable connection was there; absent where it never was.
    pub connected: Option<Offset>,
    /// Looking the name up; zero on a reused connection.
    pub dns: Duration,
    /// Opening the TCP connection; zero on a reused connection.
    pub connecting: Duration,
    /// The TLS handshake; zero on a reused connection.
    pub tls: Duration,
    /// First byte handed to the kernel.
    pub sent_first: Option<Offset>,
    /// Last byte accepted by the kernel; absent where it cannot be told (HTTP/2): the request then has no
    /// `http_req_sending`, and `http_req_waiting` begins with the first byte sent. Where an answer came before the
    /// whole request was out, the instant at which sending stopped.
    pub sent_last: Option<Offset>,
    /// Arrival of the first byte of the final head.
    pub first_byte: Option<Offset>,
    /// Arrival of the last byte, or the failure.
    pub done: Offset,
    /// The status, where a head arrived.
    pub status: Option<u16>,
    /// How far it came.
    pub ending: Ending,
    /// How it is judged.
    pub outcome: Outcome,
    /// Why it failed, with a text for the user that holds no secret; present exactly where `outcome` is `Failed`.
    pub error: Option<(ErrorKind, &'a str)>,
    /// Bytes written to the socket.
    pub bytes_sent: u64,
    /// Bytes read from the socket.
    pub bytes_received: u64,
    /// Bytes of the body after decoding.
    pub bytes_decoded: u64,
    /// Explicit checks that held.
    pub checks_held: u32,
    /// Explicit checks made.
    pub checks_made: u32,
    /// Times the request was sent again on a fresh connection.
    pub resent: u32,
    /// Tokens by the provider's usage, of streams and of plain answers.
    pub usage: Option<Usage>,
    /// What the stream carried; absent for plain bodies and for answers that a dialect does not read (non-2xx).
    pub stream: Option<StreamSample>,
}

/// Tokens by the provider's usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub input: u64,
    /// Tokens of the answer, reasoning included.
    pub output: u64,
    /// The part of `output` that is reasoning, where told.
    pub reasoning: u64,
}

/// What a stream carried.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamSample {
    /// Arrival of the first output event.
    pub first_output: Option<Offset>,
    /// Arrival of the first visible output, where the dialect knows the difference.
    pub first_text: Option<Offset>,
    /// Arrival of the last output event.
    pub last_output: Option<Offset>,
    /// Arrival of the terminator, else of the end of the body; where the body was cut after all choices had finished, of
    /// the last event. Absent where the stream was cut before its end.
    pub ended: Option<Offset>,
    /// Events of any kind.
    pub events: u64,
    /// Events that carried output.
    pub output_events: u64,
    /// Reads of the socket that completed an output event.
    pub output_reads: u64,
    /// Choices (parallel answers) seen; 1 for most.
    pub choices: u32,
    /// Whether reasoning was shown in the stream.
    pub reasoning_shown: bool,
    /// Output events by the second of the run in which they arrived, ascending: (second, events). Complete once the stream has
    /// ended or was cut.
    pub by_second: Vec<(u32, u32)>,
}

/// A request that the end of the run cut.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// The step it belongs to.
    pub step: StepIndex,
    /// When it was due.
    pub due: Offset,
    /// When its first byte was sent; absent where it was still connecting.
    pub sent_first: Option<Offset>,
    /// When its last byte was sent; absent where it was still being sent, or where that cannot be told (HTTP/2).
    pub sent_last: Option<Offset>,
    /// Whether it is known to have been sent whole: its last byte was sent, or its answer had begun.
    pub sent_whole: bool,
    /// Arrival of the first byte of the final head.
    pub first_byte: Option<Offset>,
    /// When its first output arrived, for streams.
    pub first_output: Option<Offset>,
    /// When it was cut.
    pub at: Offset,
    /// Bytes written to the socket.
    pub bytes_sent: u64,
    /// Bytes read from the socket.
    pub bytes_received: u64,
    /// Times it was sent again on a fresh connection.
    pub resent: u32,
}

/// One finished iteration.
#[derive(Clone, Copy, Debug)]
pub struct Iteration {
    /// The scenario it belongs to.
    pub scenario: ScenarioIndex,
    /// When it was due: what decides whether it is measured.
    pub due: Offset,
    /// When it began.
    pub began: Offset,
    /// When it ended.
    pub ended: Offset,
    /// Whether a request in it failed.
    pub failed: bool,
}

/// Why an iteration that was due was never begun: the tag `reason` of `dropped_iterations`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// It found all `max_vus` of its load busy.
    MaxVus,
    /// The time of its load was up first.
    End,
    /// The generator was late with it: users were busy only with what it had begun late, or the load was over by then.
    Late,
    /// The users that were to begin it had stopped (`on_failure = "stop_user"`).
    StopUser,
    /// A data set had no row left for it (`at_end = "stop"`).
    Data,
}

impl DropReason {
    /// Every reason, in the order in which they are shown.
    pub const ALL: [Self; 5] = [
        Self::MaxVus,
        Self::End,
        Self::Late,
        Self::StopUser,
        Self::Data,
    ];

    /// The public name: the value of the tag `reason`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxVus => "max_vus",
            Self::End => "end",
            Self::Late => "late",
            Self::StopUser => "stop_user",
            Self::Data => "data",
        }
    }

    /// The reason of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// Its place in [`Self::ALL`], for tables.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// How one read of a socket was dated.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// The instant taken for the arrival.
    pub at: Offset,
    /// When the read returned.
    pub read: Offset,
    /// Whether `at` is the kernel's stamp; else it is the time of the read.
    pub kernel: bool,
    /// Whether the kernel gave a stamp that had to be refused (before the send, or in the future).
    pub fallback: bool,
    /// How much earlier than `at` the data may have come: `at` less the last instant at which the socket was known to
    /// be empty.
    pub uncertainty: Duration,
}
