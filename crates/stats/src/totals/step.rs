//! The requests of one step.

use super::{RateCount, Tally};
use crate::{Counter, ErrorKind, Outcome, Rate, Trend, TrendCell};
use std::time::Duration;

const TRENDS: usize = Trend::ALL.len();
const OUTCOMES: usize = Outcome::ALL.len();

/// The requests of one step over an interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepTotals {
    cells: Cells,
    /// Counters and rates by status and error. An entry without a count was kept for its memory.
    pub tallies: Vec<Tally>,
    /// Finished requests due in the measured part, by [`Outcome::index`].
    pub outcomes: [u64; OUTCOMES],
    /// Good requests that finished inside the measured part, whenever they were due.
    pub good_in_window: u64,
    /// What the streams carried.
    pub stream: StreamTotals,
    /// Requests that the end of the run cut, whenever due.
    pub in_flight: u64,
    /// The part of them that had been sent whole.
    pub in_flight_sent: u64,
    /// The part of them that was due in the measured part.
    pub in_flight_measured: u64,
    /// The longest that any of them had been under way.
    pub in_flight_longest: Duration,
    /// Finished requests, warm-up included: for live views only.
    pub live_finished: u64,
    /// Failed requests, warm-up included: for live views only.
    pub live_failed: u64,
}

/// What the streams of one step carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamTotals {
    /// Finished streams due in the measured part.
    pub finished: u64,
    /// The part of them for which usage did not tell the tokens.
    pub without_usage: u64,
    /// Their output events.
    pub output_events: u64,
    /// Reads of the socket that completed an output event of theirs.
    pub output_reads: u64,
    /// Gaps of `itl` that were zero: events of one read.
    pub zero_gaps: u64,
    /// Output events as they arrived, warm-up included: for live views only.
    pub live_events: u64,
}

/// Distributions by trend: `early` those known before the outcome is. Those of one outcome stand together, as a request
/// is recorded in many of them.
#[derive(Clone, Debug, Default)]
struct Cells {
    early: [Option<Box<TrendCell>>; TRENDS],
    by_outcome: [[Option<Box<TrendCell>>; TRENDS]; OUTCOMES],
}

impl StepTotals {
    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (trend, outcome, cell) in other.cells() {
            self.cell_mut(trend, outcome).merge(cell);
        }
        for theirs in other.tallies.iter().filter(|tally| !tally.is_empty()) {
            self.tally(theirs.status, theirs.error).merge(theirs);
        }
        super::tally::add(&mut self.outcomes, &other.outcomes);
        self.stream.merge(other.stream);
        self.good_in_window += other.good_in_window;
        self.in_flight += other.in_flight;
        self.in_flight_sent += other.in_flight_sent;
        self.in_flight_measured += other.in_flight_measured;
        self.in_flight_longest = self.in_flight_longest.max(other.in_flight_longest);
        self.live_finished += other.live_finished;
        self.live_failed += other.live_failed;
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        let mut cells = std::mem::take(&mut self.cells);
        let mut tallies = std::mem::take(&mut self.tallies);
        cells.each_mut(TrendCell::clear);
        tallies.iter_mut().for_each(Tally::clear);
        *self = Self {
            cells,
            tallies,
            ..Self::default()
        };
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells().next().is_none()
            && self.tallies.iter().all(Tally::is_empty)
            && self.stream == StreamTotals::default()
            && (self.live_finished, self.in_flight) == (0, 0)
    }

    /// Every distribution that holds something: of one outcome, or (none) recorded before the outcome was known.
    pub fn cells(&self) -> impl Iterator<Item = (Trend, Option<Outcome>, &TrendCell)> {
        Trend::ALL.iter().flat_map(move |&trend| {
            let early = self.early(trend).map(|cell| (trend, None, cell));
            let known = Outcome::ALL.into_iter().filter_map(move |outcome| {
                self.of_outcome(trend, outcome)
                    .map(|cell| (trend, Some(outcome), cell))
            });
            early
                .into_iter()
                .chain(known)
                .filter(|(_, _, cell)| !cell.is_empty())
        })
    }

    /// The distribution of a trend and an outcome, made at first use; without an outcome: recorded before it is known.
    pub fn cell_mut(&mut self, trend: Trend, outcome: Option<Outcome>) -> &mut TrendCell {
        let cell = match outcome {
            None => &mut self.cells.early[trend.index()],
            Some(outcome) => &mut self.cells.by_outcome[outcome.index()][trend.index()],
        };
        cell.get_or_insert_with(Box::default)
    }

    /// Visits the distributions of a trend, of one outcome or of all.
    ///
    /// Waits in vain for a text are noted for every stream, as the recorder cannot tell which dialects know texts: they
    /// count only where [`Self::has_texts`].
    pub(crate) fn each_cell(
        &self,
        trend: Trend,
        outcome: Option<Outcome>,
        visit: &mut impl FnMut(&TrendCell),
    ) {
        match outcome {
            None if trend.is_early() => self.early(trend).into_iter().for_each(visit),
            None => {
                let all = Outcome::ALL.into_iter();
                all.filter_map(|outcome| self.of_outcome(trend, outcome))
                    .for_each(visit);
            }
            Some(outcome) => self.of_outcome(trend, outcome).into_iter().for_each(visit),
        }
    }

    /// The tally of a status and an error, made at first use.
    pub fn tally(&mut self, status: Option<u16>, error: Option<ErrorKind>) -> &mut Tally {
        let known = self
            .tallies
            .iter()
            .position(|tally| tally.status == status && tally.error == error);
        let place = known.unwrap_or_else(|| {
            self.tallies.push(Tally::new(status, error));
            self.tallies.len() - 1
        });
        &mut self.tallies[place]
    }

    /// What finished outside warm-up.
    #[must_use]
    pub fn counter(&self, counter: Counter) -> u64 {
        self.tallies
            .iter()
            .map(|tally| tally.counters[counter.index()])
            .sum()
    }

    /// What finished inside the measured part, whenever it was due.
    #[must_use]
    pub fn counter_in_window(&self, counter: Counter) -> u64 {
        self.tallies
            .iter()
            .map(|tally| tally.in_window[counter.index()])
            .sum()
    }

    /// A rate of the requests due in the measured part.
    #[must_use]
    pub fn rate(&self, rate: Rate) -> RateCount {
        let mut sum = RateCount::default();
        for tally in &self.tallies {
            sum.merge(tally.rates[rate.index()]);
        }
        sum
    }

    /// Finished requests that failed, outside warm-up.
    #[must_use]
    pub fn failed(&self) -> u64 {
        let failed = self.tallies.iter().filter(|tally| tally.error.is_some());
        failed
            .map(|tally| tally.counters[Counter::HttpReqs.index()])
            .sum()
    }

    /// Whether a text was seen.
    pub(crate) fn has_texts(&self) -> bool {
        self.early(Trend::TtftText)
            .is_some_and(|cell| cell.count() > cell.censored())
    }

    fn early(&self, trend: Trend) -> Option<&TrendCell> {
        self.cells.early[trend.index()].as_deref()
    }

    fn of_outcome(&self, trend: Trend, outcome: Outcome) -> Option<&TrendCell> {
        self.cells.by_outcome[outcome.index()][trend.index()].as_deref()
    }
}

impl StreamTotals {
    /// Adds all of `other`.
    pub const fn merge(&mut self, other: Self) {
        self.finished += other.finished;
        self.without_usage += other.without_usage;
        self.output_events += other.output_events;
        self.output_reads += other.output_reads;
        self.zero_gaps += other.zero_gaps;
        self.live_events += other.live_events;
    }
}

impl Cells {
    fn each_mut(&mut self, mut visit: impl FnMut(&mut TrendCell)) {
        let known = self.by_outcome.iter_mut().flatten();
        for cell in self.early.iter_mut().chain(known).flatten() {
            visit(cell);
        }
    }
}

/// Equal where every distribution is; an absent one equals an empty one.
impl PartialEq for Cells {
    fn eq(&self, other: &Self) -> bool {
        fn pairs<'a>(
            left: &'a Cells,
            right: &'a Cells,
        ) -> impl Iterator<Item = (&'a Slot, &'a Slot)> {
            let early = left.early.iter().zip(&right.early);
            early.chain(
                left.by_outcome
                    .iter()
                    .flatten()
                    .zip(right.by_outcome.iter().flatten()),
            )
        }
        type Slot = Option<Box<TrendCell>>;
        pairs(self, other).all(|(left, right)| match (left, right) {
            (Some(left), Some(right)) => left == right,
            (Some(cell), None) | (None, Some(cell)) => cell.is_empty(),
            (None, None) => true,
        })
    }
}
