//! Quantiles against a sorted list; censored, cut and merged samples.

use super::*;
use proptest::prelude::*;

fn of_micros(micros: &[u64]) -> TrendCell {
    let mut cell = TrendCell::new();
    for &value in micros {
        cell.record(Duration::from_micros(value));
    }
    cell
}

#[test]
fn ranks_are_the_nearest_above() {
    let cases = [
        (0.0, 5, 1),
        (0.07, 100, 7),
        (0.5, 1, 1),
        (0.5, 4, 2),
        (0.5, 5, 3),
        (0.95, 20, 19),
        (0.95, 21, 20),
        (0.99, 100, 99),
        (0.99, 101, 100),
        (0.999, 1000, 999),
        (1.0, 7, 7),
        (2.0, 7, 7),
    ];
    for (q, count, expected) in cases {
        assert_eq!(nearest_rank(q, count), expected, "⌈{q}·{count}⌉");
    }
}

#[test]
fn small_quantiles() {
    let cases: [(&[u64], f64, Option<u64>); 8] = [
        (&[], 0.5, None),
        (&[42], 0.01, Some(42)),
        (&[42], 0.99, Some(42)),
        (&[10, 20, 30, 40], 0.5, Some(20)),
        (&[10, 20, 30, 40], 0.75, Some(30)),
        (&[10, 20, 30, 40], 0.76, Some(40)),
        (&[0, 0, 0, 5], 0.75, Some(0)),
        (&[1_000_000, 7_200_000_000], 0.99, Some(7_200_000_000)),
    ];
    for (micros, q, expected) in cases {
        assert_eq!(
            of_micros(micros).quantile(q),
            expected.map(Duration::from_micros),
            "{micros:?} at {q}"
        );
    }
}

#[test]
fn extremes_and_mean_are_exact_to_the_nanosecond() {
    let mut cell = TrendCell::new();
    for nanos in [1_234_567_891, 3, 400] {
        cell.record(Duration::from_nanos(nanos));
    }
    assert_eq!(cell.min(), Some(Duration::from_nanos(3)));
    assert_eq!(cell.max(), Some(Duration::from_nanos(1_234_567_891)));
    assert_eq!(
        cell.mean(),
        Some(Duration::from_nanos((1_234_567_891 + 3 + 400) / 3))
    );
    assert_eq!(cell.sum_nanos(), 1_234_568_294);
}

#[test]
fn what_lies_longer_than_an_hour_keeps_its_exact_maximum() {
    let cell = of_micros(&[7_200_000_000, 9_000_000_000, 10_000_000_000]);
    assert_eq!(cell.count(), 3);
    assert_eq!(cell.max(), Some(Duration::from_secs(10_000)));
    // In quantiles it counts as an hour, but never as less than the shortest.
    assert_eq!(cell.quantile(0.5), Some(Duration::from_secs(7200)));
}

#[test]
fn a_quantile_is_rough_below_ten_samples_beyond() {
    let cases = [
        (1, 0.5, true),
        (20, 0.5, false),
        (19, 0.5, true),
        (1000, 0.99, false),
        (999, 0.99, true),
        (100, 0.01, true),
    ];
    for (count, q, expected) in cases {
        let cell = of_micros(&vec![5; count]);
        assert_eq!(cell.is_rough(q), expected, "{count} at {q}");
    }
}

#[test]
fn a_number_at_or_above_a_censored_sample_is_a_lower_bound() {
    let mut cell = of_micros(&[1000; 98]);
    cell.record_censored(Duration::from_millis(60));
    cell.record(Duration::from_millis(70));
    let cases = [
        (0.5, 1, false),
        (0.98, 1, false),
        (0.99, 60, true),
        (1.0, 70, true),
    ];
    for (q, millis, at_least) in cases {
        let figure = cell.figure(q).unwrap();
        let difference = figure.value.abs_diff(Duration::from_millis(millis));
        assert!(
            difference <= Duration::from_millis(millis) / 1000,
            "{q}: {figure:?}"
        );
        assert_eq!(figure.at_least, at_least, "{q}");
    }
    assert_eq!(cell.censored(), 1);
}

#[test]
fn cut_waits_count_only_above_the_limit() {
    let mut cell = of_micros(&[100_000; 9]);
    for wait in [50, 150, 3000] {
        cell.record_cut(Duration::from_millis(wait));
    }
    assert_eq!((cell.count(), cell.cut_count()), (9, 3));
    assert_eq!(cell.max(), Some(Duration::from_millis(100)));
    let cases = [(10, 12), (60, 11), (200, 10), (5000, 9)];
    for (limit, count) in cases {
        let judged = cell.with_cut_above(Duration::from_millis(limit));
        assert_eq!(judged.count(), count, "limit {limit} ms");
        assert_eq!(judged.censored(), count - 9, "limit {limit} ms");
    }
}

#[test]
fn a_cut_wait_below_the_limit_does_not_count_though_its_bucket_reaches_above() {
    // Around 3 s a bucket is 2,048 µs wide: 2,998,272 to 3,000,319 µs and the next.
    let cases = [
        (2_999_000, 3_000_000, 0),
        (3_000_000, 3_000_000, 0),
        (2_998_272, 2_998_272, 0),
        (3_000_320, 3_000_000, 1),
        (2_999_000, 2_998_000, 1),
        (1_001, 1_000, 1),
        (1_000, 1_000, 0),
    ];
    for (wait, limit, above) in cases {
        let mut cell = TrendCell::new();
        cell.record_cut(Duration::from_micros(wait));
        let judged = cell.with_cut_above(Duration::from_micros(limit));
        assert_eq!(judged.count(), above, "{wait} µs against {limit} µs");
        let told = judged.max().unwrap_or_default();
        assert!(
            told <= Duration::from_micros(wait),
            "{told:?} is no lower bound"
        );
    }
}

#[test]
fn clearing_forgets_all_and_keeps_the_table() {
    let mut cell = of_micros(&[5, 3_000_000_000]);
    cell.record_censored(Duration::from_secs(1));
    cell.record_cut(Duration::from_secs(1));
    let table = cell.samples.length();
    assert!(table > 20_000, "{table}");
    cell.clear();
    assert_eq!(cell, TrendCell::new());
    assert!(cell.is_empty());
    assert_eq!(cell.samples.length(), table);
    cell.record(Duration::from_micros(9));
    assert_eq!(
        (cell.min(), cell.max()),
        (
            Some(Duration::from_micros(9)),
            Some(Duration::from_micros(9))
        )
    );
}

#[test]
fn counts_within_a_limit() {
    let cell = of_micros(&[1, 2, 3, 1000, 2000, 1_000_000]);
    let cases = [
        (0, 0),
        (1, 1),
        (3, 3),
        (999, 3),
        (1000, 4),
        (999_000, 5),
        (1_001_000, 6),
    ];
    for (limit, expected) in cases {
        assert_eq!(
            cell.count_within(Duration::from_micros(limit)),
            expected,
            "{limit} µs"
        );
    }
}

fn some_nanos() -> impl Strategy<Value = Vec<u64>> {
    // Every magnitude alike, so that small and large buckets are both met.
    prop::collection::vec(
        (0_u32..42).prop_flat_map(|bits| 0..(1_u64 << bits).min(3_600_000_000_000)),
        1..300,
    )
}

proptest! {
    #[test]
    fn quantiles_are_those_of_the_sorted_list(mut nanos in some_nanos(), q in 0.0..=1.0) {
        let mut cell = TrendCell::new();
        for &value in &nanos {
            cell.record(Duration::from_nanos(value));
        }
        nanos.sort_unstable();
        let exact = nanos[nearest_rank(q, nanos.len() as u64) as usize - 1];
        let seen = cell.quantile(q).unwrap().as_nanos() as u64;
        prop_assert!(seen.abs_diff(exact) <= exact / 1000 + 500, "{seen} for {exact}");
    }

    #[test]
    fn parts_merge_to_the_whole(nanos in some_nanos(), censored in some_nanos(), parts in 1_usize..8) {
        let mut whole = TrendCell::new();
        let mut shards = vec![TrendCell::new(); parts];
        for (place, &value) in nanos.iter().enumerate() {
            whole.record(Duration::from_nanos(value));
            shards[place % parts].record(Duration::from_nanos(value));
        }
        for (place, &value) in censored.iter().enumerate() {
            whole.record_censored(Duration::from_nanos(value));
            whole.record_cut(Duration::from_nanos(value));
            shards[place * 3 % parts].record_censored(Duration::from_nanos(value));
            shards[place * 5 % parts].record_cut(Duration::from_nanos(value));
        }
        let mut merged = TrendCell::new();
        for shard in &shards {
            merged.merge(shard);
        }
        prop_assert_eq!(&merged, &whole);
        prop_assert_eq!(TrendCell::from_parts(&merged.to_parts()), whole);
    }
}
