//! What the benches share: the target, the bed that examples lie on, and a connection that notes each request beside the
//! statistics, to join it with a server's truth.

pub mod bed;
pub mod target;

use loadgen_engine::{Arrival, Call, Connect, Connection, Connector, Exchange, Offset, StreamSink};
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// What the client saw of one streamed request.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The request's `x-request-id`.
    pub id: String,
    /// When it was due, from the start of the run.
    pub sent: Duration,
    /// First byte sent → arrival of the first output event; absent where none came.
    pub ttft_service: Option<Duration>,
    /// The same to the read that brought it.
    pub ttft_service_by_read: Option<Duration>,
    /// By how much the time to the first output may be too long.
    pub uncertainty: Duration,
    /// Whether the connection reported a failure.
    pub failed: bool,
}

/// The requests seen so far, shared by all shards.
pub type Notes = Arc<Mutex<Vec<Seen>>>;

/// Wraps a [`Connect`] so that every request with an `x-request-id` is noted.
#[derive(Debug)]
pub struct Tap<C> {
    inner: C,
    notes: Notes,
}

impl<C> Tap<C> {
    /// Wraps `inner`; what is seen goes into `notes`.
    #[must_use]
    pub const fn new(inner: C, notes: Notes) -> Self {
        Self { inner, notes }
    }
}

impl<C: Connect> Connect for Tap<C> {
    type Connector = TapConnector<C::Connector>;

    fn connector(&self, shard: usize) -> io::Result<Self::Connector> {
        Ok(TapConnector {
            inner: self.inner.connector(shard)?,
            notes: Arc::clone(&self.notes),
        })
    }
}

/// The connector of one shard.
#[derive(Debug)]
pub struct TapConnector<C> {
    inner: C,
    notes: Notes,
}

impl<C: Connector> Connector for TapConnector<C> {
    type Connection = TapConnection<C::Connection>;

    fn connection(&self) -> Self::Connection {
        TapConnection {
            inner: self.inner.connection(),
            notes: Arc::clone(&self.notes),
        }
    }
}

/// The connections of one user.
#[derive(Debug)]
pub struct TapConnection<C> {
    inner: C,
    notes: Notes,
}

impl<C: Connection> Connection for TapConnection<C> {
    async fn call(&mut self, call: &Call<'_>, exchange: &mut Exchange, sink: &mut dyn StreamSink) {
        let mut watching = Watching {
            inner: sink,
            first: None,
            read: None,
            uncertainty: Duration::ZERO,
        };
        self.inner.call(call, exchange, &mut watching).await;
        let (read, uncertainty) = (watching.read, watching.uncertainty);
        let id = call
            .message
            .headers
            .iter()
            .find(|(name, _)| name == "x-request-id");
        let (Some((_, id)), Some(sent)) = (id, exchange.sent_first) else {
            return;
        };
        let first_output = exchange
            .stream
            .as_ref()
            .and_then(|stream| stream.first_output);
        let seen = Seen {
            id: id.to_string(),
            sent: sent.as_duration(),
            ttft_service: first_output.map(|at| at.since(sent)),
            ttft_service_by_read: read.map(|at| at.since(sent)),
            uncertainty,
            failed: exchange.failure.is_some(),
        };
        self.notes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(seen);
    }
}

/// Notes when the first output was read.
struct Watching<'a> {
    inner: &'a mut dyn StreamSink,
    first: Option<Offset>,
    read: Option<Offset>,
    uncertainty: Duration,
}

impl StreamSink for Watching<'_> {
    fn first_output(&mut self, sent_first: Offset, at: Offset, uncertainty: Duration) {
        self.first = Some(at);
        self.uncertainty = uncertainty;
        self.inner.first_output(sent_first, at, uncertainty);
    }

    fn first_text(&mut self, at: Offset) {
        self.inner.first_text(at);
    }

    fn gap(&mut self, gap: Duration) {
        self.inner.gap(gap);
    }

    fn output_events(&mut self, at: Offset, events: u32) {
        self.inner.output_events(at, events);
    }

    fn coalesced(&mut self, events: u32, late: bool) {
        self.inner.coalesced(events, late);
    }

    fn arrival(&mut self, arrival: &Arrival) {
        // The read that brought the first output is told of after the output.
        if self.read.is_none() && self.first == Some(arrival.at) {
            self.read = Some(arrival.read);
        }
        self.inner.arrival(arrival);
    }
}

/// The value at quantile `q` by nearest rank; zero where there is none.
#[must_use]
pub fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank within the slice"
    )]
    let rank = (q * values.len() as f64).ceil() as usize;
    values
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}
