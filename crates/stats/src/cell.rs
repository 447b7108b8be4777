//! One distribution of times: a histogram, with the exact extremes and sum beside it.

mod buckets;
mod parts;

pub(crate) use buckets::highest;
pub use parts::CellParts;

use buckets::{Buckets, lowest};
use hdrhistogram::Histogram;
use std::time::Duration;

/// The longest time that the histogram tells apart: one hour. Longer ones count as one hour in quantiles; minimum,
/// maximum and mean stay exact.
pub const LONGEST: Duration = Duration::from_secs(3600);

/// Samples that must lie beyond a quantile before it counts as firm.
pub(crate) const FIRM: u64 = 10;

/// The distribution of one trend: whole microseconds at three significant digits, up to [`LONGEST`].
///
/// Memory grows with the largest value (half a KiB up to 63 µs, 16 KiB up to 2 ms, 182 KiB up to an hour) and is kept by
/// [`Self::clear`].
#[derive(Clone, Debug)]
pub struct TrendCell {
    samples: Buckets,
    cut: Option<Box<Buckets>>,
    min: u64,
    max: u64,
    sum: u128,
    censored: u64,
    censored_min: u64,
}

/// One number read from a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// The time.
    pub value: Duration,
    /// Whether the truth is this or more, because timed-out requests lie at or below it; shown with `≥`.
    pub at_least: bool,
    /// Whether fewer than ten samples lie beyond it; shown with `~`.
    pub rough: bool,
}

impl TrendCell {
    /// An empty distribution.
    #[must_use]
    pub fn new() -> Self {
        Self {
            samples: Buckets::default(),
            cut: None,
            min: u64::MAX,
            max: 0,
            sum: 0,
            censored: 0,
            censored_min: u64::MAX,
        }
    }

    /// The samples in microseconds, as a histogram that other programs know.
    #[must_use]
    pub fn histogram(&self) -> Histogram<u64> {
        self.samples.to_histogram()
    }

    /// The waits, in microseconds, of requests that the end of the run cut; not among the samples.
    #[must_use]
    pub fn cut(&self) -> Option<Histogram<u64>> {
        self.cuts().map(Buckets::to_histogram)
    }

    /// The samples by the place of their bucket, from the shortest on.
    pub(crate) fn places(&self) -> impl Iterator<Item = (u16, u64)> {
        self.samples.iter()
    }

    /// The cut waits by the place of their bucket, from the shortest on.
    pub(crate) fn places_of_cut(&self) -> impl Iterator<Item = (u16, u64)> {
        self.cut.iter().flat_map(|cut| cut.iter())
    }

    /// Adds one sample.
    pub fn record(&mut self, value: Duration) {
        self.record_nanos(nanos(value));
    }

    /// Adds one sample, in nanoseconds.
    #[inline]
    pub(crate) fn record_nanos(&mut self, nanos: u64) {
        self.samples.add(micros(nanos), 1);
        self.min = self.min.min(nanos);
        self.max = self.max.max(nanos);
        self.sum += u128::from(nanos);
    }

    /// Adds the wait of a request that timed out: the truth is this or more.
    pub fn record_censored(&mut self, value: Duration) {
        self.record_censored_nanos(nanos(value));
    }

    /// The same in nanoseconds.
    pub(crate) fn record_censored_nanos(&mut self, nanos: u64) {
        self.record_nanos(nanos);
        self.censored += 1;
        self.censored_min = self.censored_min.min(nanos);
    }

    /// Notes the wait of a request that the end of the run cut. It is no sample: it only counts where a limit is
    /// judged that it had already passed.
    pub fn record_cut(&mut self, value: Duration) {
        let cut = self.cut.get_or_insert_default();
        cut.add(micros(nanos(value)), 1);
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.samples.merge(&other.samples);
        if let Some(theirs) = other.cuts() {
            self.cut.get_or_insert_default().merge(theirs);
        }
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum += other.sum;
        self.censored += other.censored;
        self.censored_min = self.censored_min.min(other.censored_min);
    }

    /// Adds so many samples of no length.
    pub(crate) fn record_zeros(&mut self, count: u64) {
        if count > 0 {
            self.samples.add(0, count);
            self.min = 0;
        }
    }

    /// Forgets every sample and keeps the memory.
    pub fn clear(&mut self) {
        self.samples.clear();
        if let Some(cut) = &mut self.cut {
            cut.clear();
        }
        (self.min, self.max, self.sum) = (u64::MAX, 0, 0);
        (self.censored, self.censored_min) = (0, u64::MAX);
    }

    /// The cut waits, where there are some.
    fn cuts(&self) -> Option<&Buckets> {
        self.cut.as_deref().filter(|cut| cut.total() > 0)
    }

    /// Number of samples.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.samples.total()
    }

    /// How many of the samples are lower bounds.
    #[must_use]
    pub const fn censored(&self) -> u64 {
        self.censored
    }

    /// The least of them.
    pub(crate) fn censored_min(&self) -> Option<Duration> {
        (self.censored > 0).then(|| Duration::from_nanos(self.censored_min))
    }

    /// Number of waits that the end of the run cut.
    #[must_use]
    pub fn cut_count(&self) -> u64 {
        self.cut.as_ref().map_or(0, |cut| cut.total())
    }

    /// Whether there is neither a sample nor a cut wait.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count() == 0 && self.cut_count() == 0
    }

    /// The shortest sample, exactly.
    #[must_use]
    pub fn min(&self) -> Option<Duration> {
        (self.count() > 0).then(|| Duration::from_nanos(self.min))
    }

    /// The longest sample, exactly.
    #[must_use]
    pub fn max(&self) -> Option<Duration> {
        (self.count() > 0).then(|| Duration::from_nanos(self.max))
    }

    /// The mean of the samples, to the nanosecond.
    #[must_use]
    pub fn mean(&self) -> Option<Duration> {
        let mean = self.sum.checked_div(u128::from(self.count()))?;
        Some(Duration::from_nanos(
            u64::try_from(mean).unwrap_or(u64::MAX),
        ))
    }

    /// The sum of the samples in nanoseconds, exactly.
    #[must_use]
    pub const fn sum_nanos(&self) -> u128 {
        self.sum
    }

    /// The value at nearest rank ⌈q·n⌉ (`q` from 0 to 1): within 0.1 % or half a microsecond of the sample, and never
    /// outside the exact extremes.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = nearest_rank(q, count);
        if rank == count {
            return self.max();
        }
        if rank == 1 {
            return self.min();
        }
        let micros = self.samples.at_rank(rank);
        let nanos = micros.saturating_mul(1000).clamp(self.min, self.max);
        Some(Duration::from_nanos(nanos))
    }

    /// Whether fewer than ten samples lie beyond the quantile (towards its nearer end).
    #[must_use]
    pub fn is_rough(&self, q: f64) -> bool {
        let count = self.count();
        if count == 0 {
            return true;
        }
        let rank = nearest_rank(q, count);
        let beyond = if q < 0.5 { rank - 1 } else { count - rank };
        beyond < FIRM
    }

    /// A quantile with all that is to be said of it.
    #[must_use]
    pub fn figure(&self, q: f64) -> Option<Figure> {
        let value = self.quantile(q)?;
        Some(Figure {
            value,
            at_least: self.is_at_least(value),
            rough: self.is_rough(q),
        })
    }

    /// Whether a number of this distribution that reads `value` is only a lower bound of the truth.
    #[must_use]
    pub fn is_at_least(&self, value: Duration) -> bool {
        self.censored > 0 && self.censored_min <= nanos(value)
    }

    /// Samples that are not above `limit`, at the histogram's precision.
    #[must_use]
    pub fn count_within(&self, limit: Duration) -> u64 {
        self.samples.count_within(micros(nanos(limit)))
    }

    /// This distribution with the cut waits above `limit` among its samples, as lower bounds: what a limit on a time
    /// is judged on. A wait counts as above only where all of its bucket is, so that none is held against a limit that
    /// it had not passed.
    #[must_use]
    pub fn with_cut_above(&self, limit: Duration) -> Self {
        let mut whole = self.clone();
        let limit = micros(nanos(limit));
        for (place, count) in self.places_of_cut() {
            let value = lowest(place);
            if value > limit {
                let wait = Duration::from_micros(value);
                for _ in 0..count {
                    whole.record_censored(wait);
                }
            }
        }
        whole
    }
}

impl Default for TrendCell {
    fn default() -> Self {
        Self::new()
    }
}

/// The rank ⌈q·n⌉ among `count` samples, from 1 to `count`. The tiny slack keeps 0.07·100 from becoming 8.
pub(crate) fn nearest_rank(q: f64, count: u64) -> u64 {
    let exact = q.clamp(0.0, 1.0) * count as f64;
    let rank = (exact * (1.0 - 4.0 * f64::EPSILON)).ceil() as u64;
    rank.clamp(1, count.max(1))
}

/// A time in nanoseconds.
#[inline]
pub(crate) fn nanos(value: Duration) -> u64 {
    u64::try_from(value.as_nanos()).unwrap_or(u64::MAX)
}

/// Whole microseconds, rounded to the nearest.
#[inline]
const fn micros(nanos: u64) -> u64 {
    nanos.saturating_add(500) / 1000
}

#[cfg(test)]
mod tests;
