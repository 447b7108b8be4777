//! The iterations of one scenario.

use super::tally::add;
use crate::{Counter, DropReason, Offset, Outcome, TrendCell};

/// The iterations of one scenario over an interval.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioTotals {
    /// What finished and was due outside warm-up, by [`Counter::index`]; only the counters of iterations are used.
    pub counters: [u64; Counter::ALL.len()],
    /// What finished inside the measured part, whenever it was due.
    pub in_window: [u64; Counter::ALL.len()],
    /// The part of `dropped_iterations` with each reason, by [`DropReason::index`].
    pub dropped: [u64; DropReason::ALL.len()],
    /// The part of it that was due inside the measured part.
    pub dropped_in_window: [u64; DropReason::ALL.len()],
    /// The measured part of its due times, where it became known or changed.
    pub measured: Option<(Offset, Offset)>,
    /// `iteration_duration` of iterations without a failure that were due in the measured part.
    pub ok: TrendCell,
    /// The same of iterations with a failure in them.
    pub failed: TrendCell,
}

impl ScenarioTotals {
    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        add(&mut self.counters, &other.counters);
        add(&mut self.in_window, &other.in_window);
        add(&mut self.dropped, &other.dropped);
        add(&mut self.dropped_in_window, &other.dropped_in_window);
        self.measured = match (self.measured, other.measured) {
            // The end of a measured part moves earlier only.
            (Some((from, until)), Some((_, other))) => Some((from, until.min(other))),
            (mine, theirs) => mine.or(theirs),
        };
        self.ok.merge(&other.ok);
        self.failed.merge(&other.failed);
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.counters = [0; Counter::ALL.len()];
        self.in_window = [0; Counter::ALL.len()];
        self.dropped = [0; DropReason::ALL.len()];
        self.dropped_in_window = [0; DropReason::ALL.len()];
        self.measured = None;
        self.ok.clear();
        self.failed.clear();
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let mut counts = self.counters.iter().chain(&self.in_window);
        counts.all(|&count| count == 0)
            && self.measured.is_none()
            && self.ok.is_empty()
            && self.failed.is_empty()
    }

    /// Visits the distributions of `iteration_duration`, of one outcome or of all.
    pub(crate) fn each_duration(
        &self,
        outcome: Option<Outcome>,
        visit: &mut impl FnMut(&TrendCell),
    ) {
        for (cell, of) in [(&self.ok, Outcome::Ok), (&self.failed, Outcome::Failed)] {
            if outcome.is_none_or(|wanted| wanted == of) {
                visit(cell);
            }
        }
    }

    pub(crate) fn book(&mut self, counter: Counter, amount: u64, counted: bool, in_window: bool) {
        let place = counter.index();
        self.counters[place] += if counted { amount } else { 0 };
        self.in_window[place] += if in_window { amount } else { 0 };
    }

    pub(crate) fn drop(&mut self, reason: DropReason, amount: u64, in_window: bool) {
        self.book(Counter::DroppedIterations, amount, true, in_window);
        self.dropped[reason.index()] += amount;
        if in_window {
            self.dropped_in_window[reason.index()] += amount;
        }
    }

    /// Notes how many nanoseconds an iteration took.
    pub(crate) fn duration(&mut self, nanos: u64, failed: bool) {
        if failed {
            &mut self.failed
        } else {
            &mut self.ok
        }
        .record_nanos(nanos);
    }
}

impl Default for ScenarioTotals {
    fn default() -> Self {
        Self {
            counters: [0; Counter::ALL.len()],
            in_window: [0; Counter::ALL.len()],
            dropped: [0; DropReason::ALL.len()],
            dropped_in_window: [0; DropReason::ALL.len()],
            measured: None,
            ok: TrendCell::new(),
            failed: TrendCell::new(),
        }
    }
}
