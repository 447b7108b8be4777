//! The buckets of a histogram, held against the library that others have.

use super::*;
use proptest::prelude::*;

const HOUR: u64 = 3_600_000_000;

#[test]
fn buckets_are_those_of_histograms() {
    let mut histogram = Histogram::<u64>::new(3).unwrap();
    let steps = (0..32).flat_map(|power| {
        let step = 1_u64 << power;
        [step - 1, step, step + step / 3, 2 * step - 2, 2 * step - 1]
    });
    for micros in steps.chain([HOUR]).filter(|&micros| micros <= HOUR) {
        histogram.record(micros).unwrap();
        let bucket = place(micros);
        let bounds = (lowest(bucket), highest(bucket));
        let theirs = (
            histogram.lowest_equivalent(micros),
            histogram.highest_equivalent(micros),
        );
        assert_eq!(bounds, theirs, "{micros}");
        assert_eq!(place(highest(bucket)), bucket, "{micros}");
        assert_eq!(place(lowest(bucket)), bucket, "{micros}");
    }
    assert_eq!(place(u64::MAX), place(HOUR));
    assert_eq!(usize::from(place(u64::MAX)) + 1, ALL);
}

#[test]
fn a_table_is_as_long_as_the_longest_time_needs() {
    // The times, and the most places that a table may take for them.
    let cases: [(&[u64], usize); 6] = [
        (&[], 0),
        (&[0, 0, 0], LEAST),
        (&[63], LEAST),
        (&[64, 5], 2 * LEAST),
        (&[2_000], 2_048),
        (&[HOUR, u64::MAX], ALL),
    ];
    for (times, most) in cases {
        let buckets = of(times);
        assert!(buckets.length() <= most, "{times:?}: {}", buckets.length());
        assert!(
            buckets.counts.capacity() <= most.next_multiple_of(LEAST),
            "{times:?}"
        );
        assert_eq!(buckets.total(), times.len() as u64);
    }
    // Times that grow little by little do not have it made anew each time, nor much longer than it must be.
    let mut buckets = Buckets::default();
    let mut lengths = Vec::new();
    for micros in 0..1_000_000 {
        buckets.add(micros, 1);
        if lengths.last() != Some(&buckets.length()) {
            lengths.push(buckets.length());
        }
    }
    let needed = usize::from(place(1_000_000 - 1)) + 1;
    assert!(lengths.len() < 40, "{lengths:?}");
    assert!(
        buckets.length() < needed + needed / 4 + LEAST,
        "{lengths:?}"
    );
}

fn of(times: &[u64]) -> Buckets {
    let mut buckets = Buckets::default();
    times.iter().for_each(|&micros| buckets.add(micros, 1));
    buckets
}

fn histogram(times: &[u64]) -> Histogram<u64> {
    let mut histogram = Histogram::new(3).unwrap();
    for &micros in times {
        histogram.record(micros.min(HOUR)).unwrap();
    }
    histogram
}

/// Every magnitude alike, so that small and large buckets are both met; some beyond the longest.
fn times() -> impl Strategy<Value = Vec<u64>> {
    let one = (0_u32..34).prop_flat_map(|bits| 0..1_u64 << bits);
    prop::collection::vec(one, 0..300)
}

proptest! {
    #[test]
    fn counts_and_ranks_are_those_of_histograms(times in times(), limit in 0..2 * HOUR) {
        let (buckets, theirs) = (of(&times), histogram(&times));
        prop_assert_eq!(buckets.to_histogram(), theirs.clone());
        prop_assert_eq!(&Buckets::from(&theirs), &buckets);
        prop_assert_eq!(buckets.total(), theirs.len());
        let counts: Vec<_> = theirs.iter_recorded().map(|step| (place(step.value_iterated_to()), step.count_at_value())).collect();
        prop_assert_eq!(buckets.iter().collect::<Vec<_>>(), counts);
        for rank in 1..=theirs.len() {
            let quantile = (rank as f64 - 0.5) / theirs.len() as f64;
            prop_assert_eq!(buckets.at_rank(rank), theirs.value_at_quantile(quantile));
        }
        let within = theirs.iter_recorded().filter(|step| theirs.highest_equivalent(step.value_iterated_to()) <= limit);
        prop_assert_eq!(buckets.count_within(limit), within.map(|step| step.count_at_value()).sum::<u64>());
    }

    #[test]
    fn parts_make_up_the_whole(one in times(), other in times()) {
        let mut merged = of(&one);
        merged.merge(&of(&other));
        let all = [one, other].concat();
        prop_assert_eq!(&merged, &of(&all));
        prop_assert_eq!(merged.to_histogram(), histogram(&all));
        let length = merged.length();
        merged.clear();
        prop_assert_eq!(&merged, &Buckets::default());
        prop_assert_eq!(merged.length(), length);
    }
}
