//! How arrivals were dated, and how late the reader was.

use crate::TrendCell;

/// How the arrivals of requests due outside warm-up were dated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClockTotals {
    /// How late the reader was: the read less the kernel's stamp. Only of reads with a stamp.
    pub read_lag: TrendCell,
    /// How much earlier than its stamp the first output of a stream may have come.
    pub uncertainty: TrendCell,
    /// Arrivals dated by the kernel.
    pub kernel: u64,
    /// Arrivals dated by the read.
    pub read: u64,
    /// Arrivals whose stamp was refused; also counted in `read`.
    pub fallbacks: u64,
    /// Extra events of a read that the service, or a proxy, sent together.
    pub coalesced_prompt: u64,
    /// Extra events of a read that came late: the generator's fault.
    pub coalesced_late: u64,
    /// Output events that arrived.
    pub events: u64,
}

impl ClockTotals {
    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.read_lag.merge(&other.read_lag);
        self.uncertainty.merge(&other.uncertainty);
        self.kernel += other.kernel;
        self.read += other.read;
        self.fallbacks += other.fallbacks;
        self.coalesced_prompt += other.coalesced_prompt;
        self.coalesced_late += other.coalesced_late;
        self.events += other.events;
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.read_lag.clear();
        self.uncertainty.clear();
        (self.kernel, self.read, self.fallbacks) = (0, 0, 0);
        (self.coalesced_prompt, self.coalesced_late, self.events) = (0, 0, 0);
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let counts = [
            self.kernel,
            self.read,
            self.coalesced_prompt,
            self.coalesced_late,
            self.events,
        ];
        counts.iter().all(|&count| count == 0) && self.uncertainty.is_empty()
    }

    pub(crate) fn arrival(&mut self, lag_nanos: u64, kernel: bool, fallback: bool) {
        if kernel {
            self.kernel += 1;
            self.read_lag.record_nanos(lag_nanos);
        } else {
            self.read += 1;
        }
        self.fallbacks += u64::from(fallback);
    }
}
