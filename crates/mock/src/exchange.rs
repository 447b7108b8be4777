//! Follows one request from its head to the end of its answer, and tells the truth about it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::tap::Conn;
use crate::truth::{Arrival, Ended, Entry, Fault, Log};

/// Counts the requests that are served at the same time.
#[derive(Debug)]
pub(crate) struct Gate {
    most: Option<u32>,
    inside: AtomicU32,
}

/// One request inside the gate; it leaves when dropped.
#[derive(Debug)]
pub(crate) struct Pass {
    gate: Arc<Gate>,
}

/// One request and its answer. Dropped without an end, it was left by the client.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) number: u64,
    pub(crate) conn: Arc<Conn>,
    /// How it ends once the whole answer is written.
    ending: Ended,
    entry: Arc<Entry>,
    log: Arc<Log>,
    finished: bool,
    pass: Option<Pass>,
}

impl Gate {
    pub(crate) fn new(most: Option<u32>) -> Self {
        Self {
            most,
            inside: AtomicU32::new(0),
        }
    }

    /// Lets one more in, unless the gate's limit is reached.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Pass> {
        let most = self.most.unwrap_or(u32::MAX);
        let entered = self
            .inside
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |inside| {
                (inside < most).then_some(inside + 1)
            });
        entered.ok().map(|_| Pass {
            gate: Arc::clone(self),
        })
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.gate.inside.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Exchange {
    /// Begins when the head was read.
    pub(crate) fn open(log: &Arc<Log>, conn: &Arc<Conn>, arrival: &Arrival<'_>) -> Self {
        let (number, entry) = log.open(arrival);
        Self {
            number,
            conn: Arc::clone(conn),
            ending: Ended::Complete,
            entry,
            log: Arc::clone(log),
            finished: false,
            pass: None,
        }
    }

    /// Holds the place that the request takes among those served at the same time.
    pub(crate) fn hold(&mut self, pass: Pass) {
        self.pass = Some(pass);
    }

    pub(crate) fn status(&mut self, status: u16) {
        self.entry.note(|record| record.status = Some(status));
    }

    /// How it shall be called once the whole answer is written.
    pub(crate) fn ends_as(&mut self, ended: Ended) {
        self.ending = ended;
    }

    /// An event, or the first frame of a plain body, is given for writing now.
    pub(crate) fn event(&mut self, bytes: usize, output: bool) {
        let now = self.log.clock.now();
        self.entry.note(|record| record.event(now, bytes, output));
        self.conn.given();
    }

    /// A further frame of a plain body is given for writing now.
    pub(crate) fn bytes(&mut self, bytes: usize) {
        self.entry.note(|record| record.bytes += bytes as u64);
        self.conn.given();
    }

    /// The fault happens now.
    pub(crate) fn fault(&mut self, fault: Fault) {
        self.entry.note(|record| record.fault = Some(fault));
    }

    /// The stream is silent from now on.
    pub(crate) fn stalled(&mut self) {
        self.fault(Fault::Stall);
        self.entry.note(|record| record.ended = Ended::Stalled);
    }

    /// The connection is cut now.
    pub(crate) fn cut(&mut self) {
        let now = self.log.clock.now();
        self.entry.note(|record| record.end(now, Ended::Truncated));
    }

    /// All of the answer was given for writing.
    pub(crate) fn finished(&mut self) {
        if !self.finished {
            self.finished = true;
            self.conn.finish(Arc::clone(&self.entry), self.ending);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.finished {
            let now = self.log.clock.now();
            self.entry.note(|record| record.end(now, Ended::ClientLeft));
        }
        self.log.close(self.number, &self.entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_counts_who_is_inside() {
        for (most, let_in) in [(Some(0), 0), (Some(2), 2), (None, 5)] {
            let gate = Arc::new(Gate::new(most));
            let mut inside: Vec<Pass> = (0..5).filter_map(|_| gate.enter()).collect();
            assert_eq!(inside.len(), let_in, "{most:?}");
            let again = inside.pop().is_some();
            assert_eq!(gate.enter().is_some(), again, "{most:?}");
        }
    }
}
