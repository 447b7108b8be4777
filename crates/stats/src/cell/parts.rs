//! Taking a distribution apart, building it again, and comparing two.

use super::TrendCell;
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
    pub fn from_parts(parts: CellParts) -> Self {
        let mut cell = Self {
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
            cut: parts.cut.map(Box::new),
            histogram: parts.histogram,
        };
        cell.histogram.auto(true);
        if let Some(cut) = &mut cell.cut {
            cut.auto(true);
        }
        cell
    }

    /// Takes the distribution apart, as [`Self::from_parts`] wants it.
    #[must_use]
    pub fn to_parts(&self) -> CellParts {
        CellParts {
            histogram: self.histogram.clone(),
            cut: self.cut.as_deref().filter(|cut| !cut.is_empty()).cloned(),
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
                cell.cut_count(),
            )
        };
        numbers(self) == numbers(other)
            && same_counts(&self.histogram, &other.histogram)
            && match (self.cut(), other.cut()) {
                (Some(left), Some(right)) => same_counts(left, right),
                _ => true,
            }
    }
}

fn same_counts(left: &Histogram<u64>, right: &Histogram<u64>) -> bool {
    left.len() == right.len()
        && left
            .iter_recorded()
            .all(|step| right.count_at(step.value_iterated_to()) == step.count_at_value())
}
