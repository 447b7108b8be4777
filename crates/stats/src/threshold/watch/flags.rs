//! Which windows are not to be believed, because the generator was the limit in them.

use super::distribution::{Distribution, Slice};
use crate::cell::nearest_rank;
use crate::ledger::{BUSY_LENGTH, is_busy, shares};
use crate::summary::{FEW, tolerated};
use crate::threshold::expression::LONGEST_SPAN;
use crate::threshold::observed::Times as _;
use crate::{Layout, Offset, Selection, Trend, TrendCell, Window};
use std::collections::VecDeque;

/// What is wrong with a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flag {
    /// The generator was late in it: its own figures pass the limits of the warning.
    pub(crate) late: bool,
    /// How many windows, this one the last, belong to a while in which a worker was busy throughout.
    pub(crate) busy: usize,
}

/// Looks at one window after the other.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    /// `http_req_duration` so far, of which the limits are a part.
    durations: Distribution,
    /// The busy windows that each worker has just had in a row, and their seconds.
    rows: Vec<(usize, f64)>,
    /// Whether any worker was busy for too long.
    pub(super) was_busy: bool,
    /// The latest windows, as many as the longest sliding window spans.
    latest: VecDeque<Latest>,
}

/// What is kept of a window.
#[derive(Debug)]
struct Latest {
    end: Offset,
    lag: Lag,
    /// Whether it belongs to a while in which a worker was busy throughout.
    busy: bool,
}

/// How late the generator was in some windows: how many samples there are, and how many keep within the limit.
#[derive(Clone, Copy, Debug, Default)]
struct Lag {
    starts: (u64, u64),
    reads: (u64, u64),
    events: u64,
    late_events: u64,
}

impl Flags {
    pub(crate) fn look(&mut self, window: &Window, layout: &Layout) -> Flag {
        let lag = self.lag(window, layout);
        let flag = Flag {
            late: lag.is_late(),
            busy: self.busy(window),
        };
        self.was_busy |= flag.busy > 0;
        self.latest.push_back(Latest {
            end: window.end,
            lag,
            busy: false,
        });
        for latest in self.latest.iter_mut().rev().take(flag.busy) {
            latest.busy = true;
        }
        // A sliding window may be longer than what it is to span, by less than a window.
        let kept = LONGEST_SPAN + window.end.since(window.start) * 2;
        while let Some(oldest) = self.latest.front()
            && window.end.since(oldest.end) > kept
        {
            self.latest.pop_front();
        }
        flag
    }

    /// Whether the generator was the limit in the windows from then until now, taken together.
    pub(super) fn was_limit_since(&self, start: Offset) -> bool {
        let mut sum = Lag::default();
        let mut busy = false;
        for latest in self
            .latest
            .iter()
            .rev()
            .take_while(|latest| latest.end > start)
        {
            sum.add(&latest.lag);
            busy |= latest.busy;
        }
        busy || sum.is_late()
    }

    fn lag(&mut self, window: &Window, layout: &Layout) -> Lag {
        let (all, totals) = (Selection::default(), &window.totals);
        let mut durations = Slice::default();
        totals.each_cell(layout, Trend::HttpReqDuration, &all, totals, |cell| {
            durations.add(cell);
        });
        self.durations.add(&durations);
        let limit = tolerated(self.durations.quantile(0.5), 20);
        let of = |cell: &TrendCell| (cell.count(), cell.count_within(limit));
        Lag {
            starts: of(&totals.trend(layout, Trend::ScheduleLag, &all)),
            reads: of(&totals.clock.read_lag),
            events: totals.clock.events,
            late_events: totals.clock.coalesced_late,
        }
    }

    fn busy(&mut self, window: &Window) -> usize {
        let Some(sample) = &window.generator else {
            self.rows.clear();
            return 0;
        };
        let length = window.end.since(window.start).as_secs_f64();
        self.rows.resize(sample.workers.len(), (0, 0.0));
        let mut longest = 0;
        for ((windows, seconds), shares) in self.rows.iter_mut().zip(shares(sample)) {
            if is_busy(shares) {
                *windows += 1;
                *seconds += length;
            } else {
                (*windows, *seconds) = (0, 0.0);
            }
            if *windows >= BUSY_LENGTH as usize || *seconds >= f64::from(BUSY_LENGTH) {
                longest = longest.max(*windows);
            }
        }
        longest
    }
}

impl Lag {
    fn add(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.starts, other.starts),
            (&mut self.reads, other.reads),
        ] {
            mine.0 += theirs.0;
            mine.1 += theirs.1;
        }
        self.events += other.events;
        self.late_events += other.late_events;
    }

    /// Whether the 99th percentile of either lies above the limit, or too many of the events came late, together with
    /// others.
    fn is_late(&self) -> bool {
        let late = |(count, within): (u64, u64)| count > 0 && within < nearest_rank(0.99, count);
        let many = self.late_events as f64 > self.events.max(1) as f64 * FEW;
        late(self.starts) || late(self.reads) || many
    }
}
