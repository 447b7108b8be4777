//! The seam to the network: what the engine asks of a connection, and what it gets back.

use crate::Clock;
use loadgen_stats::{Arrival, ErrorKind, Offset, StepIndex, StreamSample, Usage};
use std::{future::Future, io, time::Duration};

pub use loadgen_scenario::{
    Cancel, DialectName, HttpVersion, Method, Origin, Pinned, Rendered, StreamSpec, Timeouts,
};
pub use loadgen_scenario::{Probe, ProbeSource, ProcessFigure, WhichProcess};

/// Makes the connectors of a run; shared by all shards.
pub trait Connect: Send + Sync {
    /// What one shard uses; it stays on the shard's thread.
    type Connector: Connector;

    /// Makes the connector of one shard, on the shard's own thread and inside its runtime.
    fn connector(&self, shard: usize) -> io::Result<Self::Connector>;
}

/// Makes the connections of one shard's users.
pub trait Connector: 'static {
    /// What one user uses.
    type Connection: Connection;

    /// The connection state of a user who has just come: nothing is opened yet.
    fn connection(&self) -> Self::Connection;
}

/// The connections of one virtual user: kept per origin and reused from call to call.
pub trait Connection: 'static {
    /// Sends one request and reads its answer to the end.
    ///
    /// All that was learned is in `exchange` when the call ends, and also when it is dropped half-way (cut by the end of the
    /// run), so that it still tells how far it came; meanwhile it may be elsewhere. A call whose future was dropped leaves a connection that is not
    /// used again. All timeouts of the call are kept by the implementer. `exchange.done` is set when the future ends.
    fn call(
        &mut self,
        call: &Call<'_>,
        exchange: &mut Exchange,
        sink: &mut dyn StreamSink,
    ) -> impl Future<Output = ()>;
}

/// One request, rendered.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The step it belongs to: a key for what can be prepared once per step.
    pub step: StepIndex,
    /// The method.
    pub method: Method,
    /// Origin, path, header fields and body.
    pub message: &'a Rendered<'a>,
    /// Whether `message` is the same at every call of this step, so that its bytes may be kept.
    pub fixed: bool,
    /// How long each part may take.
    pub timeouts: Timeouts,
    /// The version of HTTP.
    pub http_version: HttpVersion,
    /// How the stream is read; applies to 2xx answers only. Absent: a plain body.
    pub stream: Option<&'a StreamSpec>,
    /// Whether it goes over a connection of its own, which is closed after the answer.
    pub new_connection: bool,
    /// When the call is given up on purpose; absent where its answer is read to the end.
    pub cancel: Option<&'a Cancel>,
    /// Whether a redirection is to be told in [`Exchange::onward`].
    pub follow: bool,
    /// How many bytes of the decoded body are to be kept in [`Exchange::body`]; 0 for none.
    pub keep_body: usize,
    /// How many bytes of the stream's visible text are to be kept in [`Exchange::text`]; 0 for none.
    pub keep_text: usize,
    /// Whether the head of the answer is to be kept in [`Exchange::head`].
    pub keep_head: bool,
    /// Whether it is to be told how long a refusal asks to be left alone, in [`Exchange::retry_after`].
    pub heed: bool,
    /// When it begins to get a connection: the present, as far as it matters.
    pub started: Offset,
    /// The run's clock.
    pub clock: Clock,
}

impl Call<'_> {
    /// The same with what a redirection asks for.
    pub(crate) const fn going_on<'a>(
        &'a self,
        method: Method,
        message: &'a Rendered<'a>,
        started: Offset,
    ) -> Call<'a> {
        Call {
            step: self.step,
            method,
            message,
            fixed: false,
            timeouts: self.timeouts,
            http_version: self.http_version,
            stream: self.stream,
            new_connection: self.new_connection,
            cancel: self.cancel,
            follow: self.follow,
            keep_body: self.keep_body,
            keep_text: self.keep_text,
            keep_head: self.keep_head,
            heed: self.heed,
            started,
            clock: self.clock,
        }
    }
}

/// What became of a request; filled while it runs.
///
/// What every read of a stream writes to comes first, so that it lies together.
#[derive(Clone, Debug, Default)]
#[repr(C)]
pub struct Exchange {
    /// Just before the first write of the request.
    pub sent_first: Option<Offset>,
    /// How long the first write took: by so much the request may have left later than `sent_first`, where the thread lost
    /// its processor meanwhile.
    pub first_write: Duration,
    /// Bytes written to the socket, TLS records included.
    pub bytes_sent: u64,
    /// Bytes read from the socket, TLS records included.
    pub bytes_received: u64,
    /// Bytes of the body after transfer and content decoding.
    pub bytes_decoded: u64,
    /// What the stream carried so far; present once the head of a 2xx answer of a streaming step arrived.
    pub stream: Option<StreamSample>,
    /// When a usable connection was there.
    pub connected: Option<Offset>,
    /// Looking the name up; zero on a reused connection.
    pub dns: Duration,
    /// Opening the TCP connection; zero on a reused connection.
    pub connecting: Duration,
    /// The TLS handshake; zero on a reused connection.
    pub tls: Duration,
    /// When the write that took the last byte returned, or the answer came while it returned; absent where it cannot be
    /// told apart (HTTP/2). Where the answer was whole first, the instant at which sending stopped.
    pub sent_last: Option<Offset>,
    /// Arrival of the first byte of the final head.
    pub first_byte: Option<Offset>,
    /// Arrival of the last byte of the answer, or the instant of the failure.
    pub done: Option<Offset>,
    /// The final status.
    pub status: Option<u16>,
    /// Whether the whole answer arrived, by HTTP's own framing; a stream in it may be broken all the same.
    pub whole: bool,
    /// Whether the call was given up as its `cancel` says; there is no `failure` then.
    pub cancelled: bool,
    /// Times the request was sent again because a kept-alive connection had gone before any byte of the answer.
    pub resent: u32,
    /// The first bytes of the decoded body, up to `keep_body`.
    pub body: Vec<u8>,
    /// The visible text of the stream, put together, where `keep_text` asked for it; longer than that where it was cut.
    pub text: String,
    /// Status line and header fields of the answer as received, where `keep_head` asked for them.
    pub head: Vec<u8>,
    /// How long the answer asks to be left alone: its `retry-after`, of statuses that can have it, where `heed` asked for
    /// it.
    pub retry_after: Option<Duration>,
    /// The request that the answer, a redirection, sends on to, where `follow` asked for it.
    pub onward: Option<Box<Onward>>,
    /// Tokens by the provider's usage, of a stream or of a plain answer of a streaming step.
    pub usage: Option<Usage>,
    /// Why there is no whole answer, or why the stream is broken; absent where all is well as far as the connection
    /// can tell. Statuses and checks are judged by the engine.
    pub failure: Option<Failure>,
}

/// A request that an answer sends on to.
#[derive(Clone, Debug)]
pub struct Onward {
    /// The method.
    pub method: Method,
    /// What is sent.
    pub message: Rendered<'static>,
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind.
    pub kind: ErrorKind,
    /// What happened, for the user; holds no secret.
    pub message: String,
}

/// What a running call tells as it happens.
pub trait StreamSink {
    /// The first output event arrived; once per stream. `sent_first` is that of the exchange; `uncertainty` is that of the
    /// time between the two.
    fn first_output(&mut self, sent_first: Offset, at: Offset, uncertainty: Duration);
    /// The first visible output arrived; once per stream, where the dialect knows the difference.
    fn first_text(&mut self, at: Offset);
    /// Time from one output event of a choice to the next; zero for two of one read.
    fn gap(&mut self, gap: Duration);
    /// So many gaps of no length, as [`Self::gap`] would be told of each: a read may bring many events.
    fn zero_gaps(&mut self, count: u32) {
        for _ in 0..count {
            self.gap(Duration::ZERO);
        }
    }
    /// Output events that arrived with one read.
    fn output_events(&mut self, at: Offset, events: u32);
    /// Output events beyond the first that shared one read; `late` where the reader was late, else they came together.
    fn coalesced(&mut self, events: u32, late: bool);
    /// How a read that brought the first byte of an answer or an output event was dated.
    fn arrival(&mut self, arrival: &Arrival);
    /// The same sink, for a stream that is read by a task of its own; none where the caller alone may be told.
    fn of_its_own(&self) -> Option<Box<dyn StreamSink>> {
        None
    }
}

/// For answers that nobody reads as streams.
impl StreamSink for () {
    fn first_output(&mut self, _: Offset, _: Offset, _: Duration) {}
    fn first_text(&mut self, _: Offset) {}
    fn gap(&mut self, _: Duration) {}
    fn output_events(&mut self, _: Offset, _: u32) {}
    fn coalesced(&mut self, _: u32, _: bool) {}
    fn arrival(&mut self, _: &Arrival) {}
}
