//! The same answers as one histogram of the same samples gives.

use super::*;
use proptest::prelude::*;

fn slice(micros: &[u64]) -> Slice {
    let mut slice = Slice::default();
    slice.add(&cell(micros));
    slice
}

fn cell(micros: &[u64]) -> TrendCell {
    let mut cell = TrendCell::new();
    for (at, &micros) in micros.iter().enumerate() {
        // Between whole microseconds, so that the exact numbers are told from the buckets.
        let time = Duration::from_nanos(micros * 1000 + 100);
        match at % 5 {
            3 => cell.record_censored(time),
            4 => cell.record_cut(time),
            _ => cell.record(time),
        }
    }
    cell
}

fn times() -> impl Strategy<Value = Vec<Vec<u64>>> {
    let micros = prop_oneof![
        0..50_u64,
        0..5_000_u64,
        0..4_000_000_u64,
        0..8_000_000_000_u64
    ];
    prop::collection::vec(prop::collection::vec(micros, 0..40), 1..8)
}

proptest! {
    /// Windows come and go; what is left is told as if it alone had been recorded.
    #[test]
    fn sums_are_as_of_one_histogram(windows in times(), gone in 0..4_usize) {
        let slices: Vec<Slice> = windows.iter().map(|micros| slice(micros)).collect();
        let gone = gone.min(windows.len());
        let mut sum = Distribution::default();
        slices.iter().for_each(|slice| sum.add(slice));
        for oldest in 0..gone {
            sum.remove(&slices[oldest], slices[oldest + 1..].iter());
        }
        let mut expected = TrendCell::new();
        windows[gone..].iter().for_each(|micros| expected.merge(&cell(micros)));
        prop_assert_eq!(sum.count(), expected.count());
        prop_assert_eq!(sum.censored(), expected.censored());
        prop_assert_eq!((sum.min(), sum.max()), (expected.min(), expected.max()));
        prop_assert_eq!(sum.mean(), expected.mean());
        for q in [0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999] {
            let value = expected.quantile(q);
            prop_assert_eq!(sum.quantile(q), value);
            prop_assert_eq!(sum.beyond(q) < 10, expected.is_rough(q));
            let Some(value) = value else { continue };
            prop_assert_eq!(sum.is_at_least(value), expected.is_at_least(value));
            prop_assert_eq!(sum.count_within(value), expected.count_within(value));
        }
        prop_assert_eq!(sum.to_cell(), expected);
    }
}
