//! Against published and exactly computed values.

use super::*;

#[test]
fn wilson_intervals() {
    let cases = [
        (0, 100, 0.0, 0.0370),
        (50, 100, 0.4038, 0.5962),
        (1, 10, 0.0179, 0.4042),
        (100, 100, 0.9630, 1.0),
    ];
    for (hits, total, low, high) in cases {
        let seen = wilson(f64::from(hits), f64::from(total));
        assert!(
            (seen.0 - low).abs() < 1e-4 && (seen.1 - high).abs() < 1e-4,
            "{hits}/{total}: {seen:?}"
        );
    }
}

#[test]
fn binomial_sums() {
    let cases = [
        (10, 0.5, 5, 0.623_046_875),
        (100, 0.01, 0, 0.366_032_341),
        (100, 0.5, 40, 0.028_443_967),
        (400, 0.01, 0, 0.017_950_553),
        (10, 0.3, 10, 1.0),
    ];
    for (count, p, hits, expected) in cases {
        let seen = binomial_at_most(count, p, hits);
        assert!(
            (seen - expected).abs() < 1e-8,
            "{count}, {p}, {hits}: {seen}"
        );
    }
}

#[test]
fn the_normal_distribution_takes_over_smoothly() {
    for (x, expected) in [
        (0.0, 0.5),
        (1.0, 0.841_344_7),
        (-Z, 0.025),
        (3.0, 0.998_650_1),
    ] {
        assert!((normal_at_most(x) - expected).abs() < 1e-6, "{x}");
    }
    // Just below and just above the change, at the same distance from the mean.
    let below = binomial_at_most(799, 0.5, 380);
    let above = binomial_at_most(801, 0.5, 381);
    assert!((below - above).abs() < 0.005, "{below} {above}");
}

#[test]
fn a_quantile_is_open_while_chance_explains_the_distance() {
    let cases = [
        // The classic interval of the median of 100 samples reaches from the 40th to the 61st.
        (0.5, 100, 50, true),
        (0.5, 100, 40, true),
        (0.5, 100, 39, false),
        (0.5, 100, 60, true),
        (0.5, 100, 61, false),
        // No sample above: 0.99ⁿ must fall under 2.5 %.
        (0.99, 100, 100, true),
        (0.99, 367, 367, true),
        (0.99, 368, 368, false),
        (0.99, 1_000_000, 990_000, true),
        (0.99, 1_000_000, 989_700, false),
        (0.99, 1_000_000, 990_300, false),
        (0.01, 368, 0, false),
        (0.95, 0, 0, true),
    ];
    for (q, count, within, expected) in cases {
        assert_eq!(
            quantile_is_open(q, count, within),
            expected,
            "{q} of {count}, {within} within"
        );
    }
}

#[test]
fn more_samples_are_those_that_settle_it() {
    for (q, count, share) in [
        (0.5, 100, 0.55),
        (0.95, 200, 0.97),
        (0.99, 100, 1.0),
        (0.9, 50, 0.85),
    ] {
        let within = |count: u64| (count as f64 * share).round() as u64;
        assert!(quantile_is_open(q, count, within(count)), "{q}");
        let enough = count + more_for_quantile(q, count, within(count)).unwrap();
        assert!(
            !quantile_is_open(q, enough, within(enough)),
            "{q}: {enough}"
        );
    }
    assert_eq!(more_for_quantile(0.99, 100, 100), Some(268));
    assert_eq!(more_for_share(0, 100, 0.01), Some(281));
    for (hits, total) in [(50, 100), (0, 0)] {
        assert_eq!(more_for_share(hits, total, 0.5), None, "{hits} of {total}");
        assert_eq!(
            more_for_quantile(0.5, total, hits),
            None,
            "{hits} of {total}"
        );
    }
}

#[test]
fn a_share_is_open_within_its_interval() {
    let cases = [
        (0, 100, 0.01, true),
        (0, 381, 0.01, false),
        (5, 100, 0.01, false),
        (5, 100, 0.03, true),
        (0, 0, 0.5, true),
    ];
    for (hits, total, limit, expected) in cases {
        assert_eq!(
            share_is_open(hits, total, limit),
            expected,
            "{hits} of {total} at {limit}"
        );
    }
}
