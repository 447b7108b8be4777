//! What one window held of one part of a run.

use super::super::figure::COUNTERS;
use crate::{Outcome, RateCount, TrendCell};

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

/// The distribution of one trend in one window, sparse.
#[derive(Clone, Debug, Default)]
pub(super) struct Times {
    /// Microseconds and samples, ascending.
    counts: Vec<(u32, u64)>,
    sum_ms: f64,
    count: u64,
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
                ok.get_or_insert_with(|| all.clone())
                    .merge(other_ok.as_ref().unwrap_or(other_all));
            }
            all.merge(other_all);
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
        let micros = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let steps = cell.histogram().iter_recorded();
        let counts = steps.map(|step| (micros(step.value_iterated_to()), step.count_at_value()));
        Self {
            // A cell without samples is not walked through.
            counts: if cell.count() > 0 {
                counts.collect()
            } else {
                Vec::new()
            },
            sum_ms: cell.sum_nanos() as f64 / 1e6,
            count: cell.count(),
        }
    }

    pub(super) fn counts(&self) -> &[(u32, u64)] {
        &self.counts
    }

    /// The sum in milliseconds, and of how many.
    pub(super) const fn sum_and_count(&self) -> (f64, f64) {
        (self.sum_ms, self.count as f64)
    }

    fn merge(&mut self, other: &Self) {
        self.counts.extend_from_slice(&other.counts);
        self.counts.sort_unstable_by_key(|&(micros, _)| micros);
        self.counts.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                earlier.1 += later.1;
            }
            same
        });
        self.sum_ms += other.sum_ms;
        self.count += other.count;
    }
}
