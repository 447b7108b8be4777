//! Counters and rates of the requests that ended alike.

use crate::{Counter, ErrorKind, Rate};

/// Hits over total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateCount {
    /// What the rate counts.
    pub hits: u64,
    /// Among how many.
    pub total: u64,
}

/// Counters and rates of the requests of one step that ended with the same status and the same error.
///
/// A request failed exactly where it has an error. The bytes of requests that the end of the run cut are in the tally
/// without status and error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Their status, where a head arrived.
    pub status: Option<u16>,
    /// Why they failed, where they did.
    pub error: Option<ErrorKind>,
    /// What finished and was due outside warm-up, by [`Counter::index`].
    pub counters: [u64; Counter::ALL.len()],
    /// What finished inside the measured part, whenever it was due.
    pub in_window: [u64; Counter::ALL.len()],
    /// The rates of requests due in the measured part, by [`Rate::index`].
    pub rates: [RateCount; Rate::ALL.len()],
}

impl RateCount {
    /// The share from 0 to 1; none where nothing was counted.
    #[must_use]
    pub fn share(self) -> Option<f64> {
        (self.total > 0).then(|| self.hits as f64 / self.total as f64)
    }

    /// Adds `other`.
    pub const fn merge(&mut self, other: Self) {
        self.hits += other.hits;
        self.total += other.total;
    }

    /// Counts one more.
    pub fn count(&mut self, hit: bool) {
        self.hits += u64::from(hit);
        self.total += 1;
    }
}

impl Tally {
    /// A tally without a request.
    #[must_use]
    pub const fn new(status: Option<u16>, error: Option<ErrorKind>) -> Self {
        Self {
            status,
            error,
            counters: [0; Counter::ALL.len()],
            in_window: [0; Counter::ALL.len()],
            rates: [RateCount { hits: 0, total: 0 }; Rate::ALL.len()],
        }
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        add(&mut self.counters, &other.counters);
        add(&mut self.in_window, &other.in_window);
        for (mine, theirs) in self.rates.iter_mut().zip(other.rates) {
            mine.merge(theirs);
        }
    }

    /// Forgets all counts.
    pub fn clear(&mut self) {
        *self = Self::new(self.status, self.error);
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let mut counts = self.counters.iter().chain(&self.in_window);
        counts.all(|&count| count == 0) && self.rates.iter().all(|rate| rate.total == 0)
    }

    /// Counts `amount`, which was due outside warm-up; `in_window`: it happened inside the measured part.
    pub fn count(&mut self, counter: Counter, amount: u64, in_window: bool) {
        self.book(counter, amount, true, in_window);
    }

    /// The same, of something that may have been due in warm-up: then it is not `counted`.
    pub(crate) fn book(&mut self, counter: Counter, amount: u64, counted: bool, in_window: bool) {
        let place = counter.index();
        self.counters[place] += if counted { amount } else { 0 };
        self.in_window[place] += if in_window { amount } else { 0 };
    }
}

/// Adds counts place by place.
pub(crate) fn add(into: &mut [u64], from: &[u64]) {
    for (mine, theirs) in into.iter_mut().zip(from) {
        *mine += theirs;
    }
}
