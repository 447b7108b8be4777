//! What really happened at the server's sockets.

use super::connection::Part;
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use std::io::{self, Write};

/// Instants of one request, in nanoseconds of the monotonic clock; 0 where it did not happen.
#[derive(Clone, Copy, Debug, Default)]
struct Record {
    received: u64,
    first: u64,
    done: u64,
}

/// Counts and instants. Streams and arrivals have a record each; plain and flooded requests are counted only.
#[derive(Debug)]
pub struct Truth {
    records: Vec<Record>,
    lateness: Histogram<u64>,
    connections: u64,
    peak_connections: usize,
    events: u64,
    floods: u64,
    streams: u64,
    streams_done: u64,
    streams_cut: u64,
    arrivals: u64,
    pub(super) plain: u64,
    pub(super) blocked: u64,
    pub(super) not_accepted: u64,
}

impl Default for Truth {
    fn default() -> Self {
        Self {
            records: Vec::new(),
            lateness: Histogram::new(3).expect("three digits are allowed"),
            connections: 0,
            peak_connections: 0,
            events: 0,
            floods: 0,
            streams: 0,
            streams_done: 0,
            streams_cut: 0,
            arrivals: 0,
            plain: 0,
            blocked: 0,
            not_accepted: 0,
        }
    }
}

impl Truth {
    pub(super) fn opened(&mut self, open: usize) {
        self.connections += 1;
        self.peak_connections = self.peak_connections.max(open);
    }

    pub(super) fn arrived(&mut self, at: u64) {
        self.arrivals += 1;
        self.records.push(Record {
            received: at,
            ..Record::default()
        });
    }

    pub(super) fn flooded(&mut self, events: u32) {
        self.floods += 1;
        self.events += u64::from(events);
    }

    /// A stream was asked for; its place among the records.
    pub(super) fn received(&mut self, at: u64) -> usize {
        self.streams += 1;
        self.records.push(Record {
            received: at,
            ..Record::default()
        });
        self.records.len() - 1
    }

    /// An event is about to be written at `at` that was due at `due`.
    pub(super) fn wrote(&mut self, record: usize, at: u64, due: u64, part: Part) {
        self.events += 1;
        self.lateness
            .saturating_record(at.saturating_sub(due) / 1_000);
        let record = &mut self.records[record];
        if part.first {
            record.first = at;
        }
        if part.last {
            record.done = at;
            self.streams_done += 1;
        }
    }

    pub(super) fn cut(&mut self) {
        self.streams_cut += 1;
    }

    /// One line per stream and arrival: received, first event, last event, in nanoseconds of the monotonic clock.
    ///
    /// # Errors
    ///
    /// If `to` takes no more.
    pub fn write_records(&self, mut to: impl Write) -> io::Result<()> {
        for record in &self.records {
            let Record {
                received,
                first,
                done,
            } = record;
            writeln!(to, "{received},{first},{done}")?;
        }
        to.flush()
    }

    /// The counts, and how late events were written.
    #[must_use]
    pub fn counts(&self) -> Value {
        let late = |q| self.lateness.value_at_quantile(q) as f64 / 1e3;
        json!({
            "connections": self.connections,
            "peak_connections": self.peak_connections,
            "not_accepted": self.not_accepted,
            "plain": self.plain,
            "arrivals": self.arrivals,
            "floods": self.floods,
            "streams": self.streams,
            "streams_done": self.streams_done,
            "streams_cut": self.streams_cut,
            "events": self.events,
            "blocked": self.blocked,
            "late_ms": { "p50": late(0.5), "p99": late(0.99), "max": self.lateness.max() as f64 / 1e3 },
        })
    }
}
