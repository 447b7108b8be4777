//! The times of a few windows: a sparse one of each, and their sum, from which the oldest can be taken again.

use crate::cell::{FIRM, highest, nearest_rank};
use crate::threshold::observed::Times;
use crate::{CellParts, LONGEST, TrendCell};
use hdrhistogram::Histogram;
use std::time::Duration;

/// The times of one window, as few bytes as there are different ones.
#[derive(Debug, Default)]
pub(super) struct Slice {
    buckets: Vec<(u16, u32)>,
    cut: Vec<(u16, u32)>,
    exact: Exact,
}

/// The times of some windows.
#[derive(Clone, Debug, Default)]
pub(super) struct Distribution {
    buckets: Vec<u64>,
    cut: Vec<u64>,
    exact: Exact,
}

/// What is known beside the buckets, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Exact {
    count: u64,
    min: u64,
    max: u64,
    sum: u128,
    censored: u64,
    censored_min: u64,
}

impl Slice {
    /// Adds the samples of a distribution.
    pub(super) fn add(&mut self, cell: &TrendCell) {
        put(&mut self.buckets, cell.places());
        put(&mut self.cut, cell.places_of_cut());
        self.exact.add(&Exact::of(cell));
    }
}

impl Distribution {
    pub(super) fn add(&mut self, slice: &Slice) {
        pour(&mut self.buckets, &slice.buckets);
        pour(&mut self.cut, &slice.cut);
        self.exact.add(&slice.exact);
    }

    /// Takes the oldest of the slices again; `rest` are those that stay.
    pub(super) fn remove<'a>(&mut self, slice: &Slice, rest: impl Iterator<Item = &'a Slice>) {
        for &(place, count) in &slice.buckets {
            self.buckets[usize::from(place)] -= u64::from(count);
        }
        for &(place, count) in &slice.cut {
            self.cut[usize::from(place)] -= u64::from(count);
        }
        // Extremes do not tell which one comes next.
        self.exact = Exact::default();
        rest.for_each(|slice| self.exact.add(&slice.exact));
    }

    pub(super) const fn count(&self) -> u64 {
        self.exact.count
    }

    /// How many samples lie beyond the quantile, towards its nearer end.
    fn beyond(&self, q: f64) -> u64 {
        let count = self.count();
        let rank = nearest_rank(q, count);
        match count {
            0 => 0,
            _ if q < 0.5 => rank - 1,
            _ => count - rank,
        }
    }

    /// Samples that are not above `limit`, at the precision of the buckets.
    pub(super) fn count_within(&self, limit: Duration) -> u64 {
        let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        let limit = limit.saturating_add(500) / 1000;
        let places = (0_u16..).zip(&self.buckets);
        let inside = places.take_while(|&(place, _)| highest(place) <= limit);
        inside.map(|(_, count)| count).sum()
    }

    /// The same samples in the form that a whole run is judged in.
    pub(super) fn to_cell(&self) -> TrendCell {
        let Exact {
            min,
            max,
            sum,
            censored,
            censored_min,
            ..
        } = self.exact;
        TrendCell::from_parts(&CellParts {
            histogram: histogram(&self.buckets),
            cut: self
                .cut
                .iter()
                .any(|&count| count > 0)
                .then(|| histogram(&self.cut)),
            min_nanos: min,
            max_nanos: max,
            sum_nanos: sum,
            censored,
            censored_min_nanos: censored_min,
        })
    }
}

impl Times for Distribution {
    fn count(&self) -> u64 {
        self.exact.count
    }

    fn censored(&self) -> u64 {
        self.exact.censored
    }

    fn min(&self) -> Option<Duration> {
        (self.exact.count > 0).then(|| Duration::from_nanos(self.exact.min))
    }

    fn mean(&self) -> Option<Duration> {
        let mean = self.exact.sum.checked_div(u128::from(self.exact.count))?;
        Some(Duration::from_nanos(
            u64::try_from(mean).unwrap_or(u64::MAX),
        ))
    }

    fn max(&self) -> Option<Duration> {
        (self.exact.count > 0).then(|| Duration::from_nanos(self.exact.max))
    }

    /// The same as [`TrendCell::quantile`] of the same samples.
    fn quantile(&self, q: f64) -> Option<Duration> {
        let count = self.exact.count;
        let rank = nearest_rank(q, count);
        match rank {
            _ if count == 0 => None,
            _ if rank == count => self.max(),
            1 => self.min(),
            _ => {
                let mut seen = 0;
                let (place, _) = (0_u16..).zip(&self.buckets).find(|&(_, count)| {
                    seen += count;
                    seen >= rank
                })?;
                let nanos = highest(place).saturating_mul(1000);
                Some(Duration::from_nanos(
                    nanos.clamp(self.exact.min, self.exact.max),
                ))
            }
        }
    }

    fn is_firm(&self, q: f64) -> bool {
        self.beyond(q) >= FIRM
    }

    fn is_at_least(&self, value: Duration) -> bool {
        self.exact.censored > 0 && u128::from(self.exact.censored_min) <= value.as_nanos()
    }
}

impl Exact {
    fn of(cell: &TrendCell) -> Self {
        let nanos = |time: Option<Duration>| {
            time.map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
        };
        let none = Self::default();
        Self {
            count: cell.count(),
            min: nanos(cell.min()).unwrap_or(none.min),
            max: nanos(cell.max()).unwrap_or(none.max),
            sum: cell.sum_nanos(),
            censored: cell.censored(),
            censored_min: nanos(cell.censored_min()).unwrap_or(none.censored_min),
        }
    }

    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum += other.sum;
        self.censored += other.censored;
        self.censored_min = self.censored_min.min(other.censored_min);
    }
}

impl Default for Exact {
    fn default() -> Self {
        Self {
            count: 0,
            min: u64::MAX,
            max: 0,
            sum: 0,
            censored: 0,
            censored_min: u64::MAX,
        }
    }
}

fn put(into: &mut Vec<(u16, u32)>, from: impl Iterator<Item = (u16, u64)>) {
    for (place, mut left) in from {
        while left > 0 {
            let count = u32::try_from(left).unwrap_or(u32::MAX);
            into.push((place, count));
            left -= u64::from(count);
        }
    }
}

fn pour(into: &mut Vec<u64>, from: &[(u16, u32)]) {
    let most = from.iter().map(|&(place, _)| usize::from(place) + 1).max();
    if let Some(length) = most.filter(|&length| length > into.len()) {
        into.resize(length, 0);
    }
    for &(place, count) in from {
        into[usize::from(place)] += u64::from(count);
    }
}

fn histogram(buckets: &[u64]) -> Histogram<u64> {
    let mut histogram = TrendCell::new().histogram();
    let places = (0_u16..).zip(buckets);
    for (place, &count) in places.filter(|&(_, &count)| count > 0) {
        let longest = LONGEST.as_micros() as u64;
        if histogram
            .record_n(highest(place).min(longest), count)
            .is_err()
        {
            // Only where memory for a larger table cannot be addressed.
            histogram.saturating_record_n(highest(place), count);
        }
    }
    histogram
}

#[cfg(test)]
mod tests;
