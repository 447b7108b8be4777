//! What one window held of one part of a run.

use super::super::figure::COUNTERS;
use crate::cell::{FIRM, highest, nearest_rank};
use crate::{Outcome, RateCount, TrendCell};
use std::time::Duration;

/// What one window held of one part of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    /// The compared trends: of every outcome, and of `ok` alone where that differs.
    pub(super) times: Vec<(Times, Option<Times>)>,
    /// By `Rate::index`.
    pub(super) shares: Vec<RateCount>,
    /// As `COUNTERS`.
    pub(super) counts: [u64; COUNTERS.len()],
    /// By `Outcome::index`.
    pub(super) outcomes: [u64; Outcome::ALL.len()],
}

/// The distribution of one trend over some windows, sparse.
#[derive(Clone, Debug)]
pub(super) struct Times {
    /// Microseconds and samples, ascending.
    counts: Vec<(u32, u64)>,
    count: u64,
    sum_ms: f64,
    /// The exact extremes in milliseconds.
    extremes: (f64, f64),
    /// Samples that are lower bounds, and the least of them in milliseconds.
    censored: (u64, f64),
}

impl Held {
    /// The windows put together in groups; `groups`: the group of each, ascending.
    pub(super) fn gathered(windows: Vec<Self>, groups: &[usize]) -> Vec<Self> {
        let mut gathered: Vec<Self> = Vec::new();
        for (window, &group) in windows.into_iter().zip(groups) {
            match gathered.get_mut(group) {
                Some(known) => known.merge(&window),
                None => gathered.push(window),
            }
        }
        gathered
    }

    /// The times of a compared trend.
    pub(super) fn times(&self, place: usize, only_ok: bool) -> &Times {
        let (all, ok) = &self.times[place];
        ok.as_ref().filter(|_| only_ok).unwrap_or(all)
    }

    fn merge(&mut self, other: &Self) {
        for ((all, ok), (other_all, other_ok)) in self.times.iter_mut().zip(&other.times) {
            if ok.is_some() || other_ok.is_some() {
                let (mine, theirs) = (
                    ok.as_ref().unwrap_or(all),
                    other_ok.as_ref().unwrap_or(other_all),
                );
                *ok = Some(Times::sum([mine, theirs].into_iter()));
            }
            *all = Times::sum([&*all, other_all].into_iter());
        }
        for (share, other) in self.shares.iter_mut().zip(&other.shares) {
            share.merge(*other);
        }
        let counts = self.counts.iter_mut().zip(other.counts);
        let outcomes = self.outcomes.iter_mut().zip(other.outcomes);
        counts
            .chain(outcomes)
            .for_each(|(count, other)| *count += other);
    }
}

impl Times {
    pub(super) fn of(cell: &TrendCell) -> Self {
        if cell.count() == 0 {
            return Self::default();
        }
        let micros = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let counts = cell.places();
        let counts = counts.map(|(place, count)| (micros(highest(place)), count));
        let millis = |time: Option<Duration>| time.unwrap_or_default().as_secs_f64() * 1e3;
        Self {
            counts: counts.collect(),
            count: cell.count(),
            sum_ms: cell.sum_nanos() as f64 / 1e6,
            extremes: (millis(cell.min()), millis(cell.max())),
            censored: match cell.censored() {
                0 => Self::default().censored,
                count => (count, millis(cell.censored_min())),
            },
        }
    }

    /// All of these as one.
    pub(super) fn sum<'a>(all: impl Iterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        for times in all {
            sum.counts.extend_from_slice(&times.counts);
            sum.count += times.count;
            sum.sum_ms += times.sum_ms;
            sum.extremes.0 = sum.extremes.0.min(times.extremes.0);
            sum.extremes.1 = sum.extremes.1.max(times.extremes.1);
            sum.censored.0 += times.censored.0;
            sum.censored.1 = sum.censored.1.min(times.censored.1);
        }
        sum.counts.sort_unstable_by_key(|&(micros, _)| micros);
        sum.counts.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                earlier.1 += later.1;
            }
            same
        });
        sum
    }

    pub(super) fn counts(&self) -> &[(u32, u64)] {
        &self.counts
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// The sum in milliseconds, and of how many.
    pub(super) const fn sum_and_count(&self) -> (f64, f64) {
        (self.sum_ms, self.count as f64)
    }

    /// The mean in milliseconds.
    pub(super) fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum_ms / self.count as f64)
    }

    /// The value at nearest rank in milliseconds, as a `TrendCell` gives it.
    pub(super) fn quantile(&self, q: f64) -> Option<f64> {
        let rank = nearest_rank(q, self.count);
        let (min, max) = self.extremes;
        if self.count == 0 {
            return None;
        }
        if rank == self.count {
            return Some(max);
        }
        if rank == 1 {
            return Some(min);
        }
        let mut below = 0;
        let mut counts = self.counts.iter();
        let found = counts.find(|(_, count)| {
            below += count;
            below >= rank
        });
        found.map(|&(micros, _)| (f64::from(micros) / 1e3).clamp(min, max))
    }

    /// Whether fewer than ten samples lie beyond the quantile.
    pub(super) fn is_rough(&self, q: f64) -> bool {
        let rank = nearest_rank(q, self.count);
        let beyond = if q < 0.5 {
            rank - 1
        } else {
            self.count.saturating_sub(rank)
        };
        beyond < FIRM
    }

    /// Whether a number of these that reads so is only a lower bound of the truth.
    pub(super) fn is_at_least(&self, millis: f64) -> bool {
        self.censored.0 > 0 && self.censored.1 <= millis
    }
}

impl Default for Times {
    fn default() -> Self {
        Self {
            counts: Vec::new(),
            count: 0,
            sum_ms: 0.0,
            extremes: (f64::INFINITY, 0.0),
            censored: (0, f64::INFINITY),
        }
    }
}
