//! Taking a distribution apart, building it again, and comparing two.

use super::{Buckets, TrendCell};
use hdrhistogram::Histogram;

/// What a [`TrendCell`] is made of, to be written down and read again.
#[derive(Clone, Debug)]
pub struct CellParts {
    /// The samples in microseconds.
    pub histogram: Histogram<u64>,
    /// Times, in microseconds, that requests had waited when the end of the run cut them; none of them is in
    /// `histogram`.
    pub cut: Option<Histogram<u64>>,
    /// The shortest sample in nanoseconds; without meaning where there is none.
    pub min_nanos: u64,
    /// The longest sample in nanoseconds.
    pub max_nanos: u64,
    /// The sum of the samples in nanoseconds.
    pub sum_nanos: u128,
    /// Samples that are lower bounds: the waits of requests that timed out.
    pub censored: u64,
    /// The shortest of these in nanoseconds; without meaning where there is none.
    pub censored_min_nanos: u64,
}

impl TrendCell {
    /// The distribution that was taken apart into `parts`.
    #[must_use]
    pub fn from_parts(parts: &CellParts) -> Self {
        Self {
            min: if parts.histogram.is_empty() {
                u64::MAX
            } else {
                parts.min_nanos
            },
            max: parts.max_nanos,
            sum: parts.sum_nanos,
            censored: parts.censored,
            censored_min: if parts.censored == 0 {
                u64::MAX
            } else {
                parts.censored_min_nanos
            },
            cut: parts.cut.as_ref().map(|cut| Box::new(Buckets::from(cut))),
            samples: Buckets::from(&parts.histogram),
        }
    }

    /// Takes the distribution apart, as [`Self::from_parts`] wants it.
    #[must_use]
    pub fn to_parts(&self) -> CellParts {
        CellParts {
            histogram: self.histogram(),
            cut: self.cut(),
            min_nanos: if self.count() == 0 { 0 } else { self.min },
            max_nanos: self.max,
            sum_nanos: self.sum,
            censored: self.censored,
            censored_min_nanos: if self.censored == 0 {
                0
            } else {
                self.censored_min
            },
        }
    }
}

/// Equal counts bucket by bucket and equal exact numbers, whatever memory each holds.
impl PartialEq for TrendCell {
    fn eq(&self, other: &Self) -> bool {
        let numbers = |cell: &Self| {
            (
                cell.min,
                cell.max,
                cell.sum,
                cell.censored,
                cell.censored_min,
            )
        };
        numbers(self) == numbers(other)
            && self.samples == other.samples
            && self.cuts() == other.cuts()
    }
}
