//! Counts of times by bucket: the buckets of an HdrHistogram of three digits, held as barely as recording needs them.

use super::LONGEST;
use hdrhistogram::Histogram;

/// Buckets of a power of two; the lowest powers share one table of single microseconds.
const HALF: u64 = 1024;

/// The fewest places by which a table grows.
const LEAST: usize = 64;

/// The places of a table that reaches [`LONGEST`].
const ALL: usize = place(u64::MAX) as usize + 1;

/// How often each time was seen.
///
/// An HdrHistogram keeps extremes, bounds and settings up with every sample; here a sample is an addition. The table is as
/// long as the longest time needs.
#[derive(Clone, Debug, Default)]
pub(super) struct Buckets {
    counts: Vec<u64>,
    total: u64,
}

impl Buckets {
    /// Counts a time in microseconds, so often.
    #[inline]
    pub(super) fn add(&mut self, micros: u64, count: u64) {
        let place = usize::from(place(micros));
        self.total += count;
        match self.counts.get_mut(place) {
            Some(known) => *known += count,
            None => self.add_beyond(place, count),
        }
    }

    #[cold]
    fn add_beyond(&mut self, place: usize, count: u64) {
        self.reach(place + 1);
        self.counts[place] += count;
    }

    /// Makes the table so long, with some room for what comes next.
    fn reach(&mut self, length: usize) {
        let known = self.counts.len();
        if length > known {
            let roomy = length.max(known + known / 4).next_multiple_of(LEAST);
            let length = roomy.min(ALL);
            // No more than is wanted, where a vector would take twice what it has.
            self.counts.reserve_exact(length - known);
            self.counts.resize(length, 0);
        }
    }

    /// Adds all of `other`.
    pub(super) fn merge(&mut self, other: &Self) {
        if other.total == 0 {
            return;
        }
        self.reach(other.used());
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
    }

    /// Forgets every count and keeps the memory.
    pub(super) fn clear(&mut self) {
        if self.total > 0 {
            self.counts.fill(0);
            self.total = 0;
        }
    }

    /// How many were counted.
    pub(super) const fn total(&self) -> u64 {
        self.total
    }

    /// The places of the table that has been taken so far.
    #[cfg(test)]
    pub(super) const fn length(&self) -> usize {
        self.counts.len()
    }

    /// Every place with a count, and that, from the shortest time on.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u16, u64)> {
        let places = (0_u16..).zip(&self.counts);
        places
            .filter(|&(_, &count)| count > 0)
            .map(|(place, &count)| (place, count))
    }

    /// The longest time, in microseconds, of the bucket in which the one of that rank is, from 1 on.
    pub(super) fn at_rank(&self, rank: u64) -> u64 {
        let mut seen = 0;
        let found = self.iter().find(|&(_, count)| {
            seen += count;
            seen >= rank
        });
        found.map_or(0, |(place, _)| highest(place))
    }

    /// How many are in buckets of which no time is above `micros`.
    pub(super) fn count_within(&self, micros: u64) -> u64 {
        let inside = self
            .iter()
            .take_while(|&(place, _)| highest(place) <= micros);
        inside.map(|(_, count)| count).sum()
    }

    /// The same as others know it.
    pub(super) fn to_histogram(&self) -> Histogram<u64> {
        let mut histogram = Histogram::new(DIGITS).expect("three digits are a valid precision");
        // The longest first, so that the table is made once.
        for (place, count) in self.rev() {
            let micros = lowest(place);
            if histogram.record_n(micros, count).is_err() {
                // Only where memory for a larger table cannot be addressed; the samples are kept in the last bucket.
                histogram.saturating_record_n(micros, count);
            }
        }
        histogram
    }

    fn rev(&self) -> impl Iterator<Item = (u16, u64)> {
        let places = self.counts.iter().enumerate().rev();
        places
            .filter(|&(_, &count)| count > 0)
            .map(|(place, &count)| (place as u16, count))
    }

    /// The least length that holds all counts.
    fn used(&self) -> usize {
        self.rev()
            .next()
            .map_or(0, |(place, _)| usize::from(place) + 1)
    }
}

/// What others counted.
impl From<&Histogram<u64>> for Buckets {
    fn from(histogram: &Histogram<u64>) -> Self {
        let mut buckets = Self::default();
        for step in histogram.iter_recorded() {
            buckets.add(step.value_iterated_to(), step.count_at_value());
        }
        buckets
    }
}

/// Equal counts, whatever memory each holds.
impl PartialEq for Buckets {
    fn eq(&self, other: &Self) -> bool {
        self.total == other.total && self.iter().eq(other.iter())
    }
}

/// Significant digits of a histogram.
const DIGITS: u8 = 3;

/// Where a time in microseconds is counted: longer ones than [`LONGEST`] as that.
#[inline]
pub(super) const fn place(micros: u64) -> u16 {
    const LONGEST_MICROS: u64 = LONGEST.as_micros() as u64;
    let micros = if micros < LONGEST_MICROS {
        micros
    } else {
        LONGEST_MICROS
    };
    let doublings = ((2 * HALF - 1) | micros).ilog2() - HALF.ilog2();
    (doublings as u64 * HALF + (micros >> doublings)) as u16
}

/// The longest time in microseconds that is counted there.
pub(crate) const fn highest(place: u16) -> u64 {
    let (step, doublings) = parts(place);
    ((step + 1) << doublings) - 1
}

/// The shortest time in microseconds that is counted there.
pub(super) const fn lowest(place: u16) -> u64 {
    let (step, doublings) = parts(place);
    step << doublings
}

const fn parts(place: u16) -> (u64, u64) {
    let place = place as u64;
    let doublings = (place / HALF).saturating_sub(1);
    (place - doublings * HALF, doublings)
}

#[cfg(test)]
mod tests;
