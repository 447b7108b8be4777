//! Verdicts from changes and their errors.

use super::*;
use crate::{Metric, Rate, Statistic, Subject, Trend};

fn figure(metric: Metric, value: f64) -> RunFigure {
    let statistic = if matches!(metric, Metric::Rate(_)) {
        Statistic::Rate
    } else {
        Statistic::P95
    };
    let hits = matches!(metric, Metric::Rate(_)).then_some((value * 1000.0) as u64);
    RunFigure {
        subject: Subject::of_run(metric),
        statistic,
        value,
        samples: 1000,
        hits,
        rough: false,
        at_least: false,
    }
}

/// The row of a change whose error rests on very much.
fn row(metric: Metric, base: f64, current: f64, error: f64) -> ComparedRow {
    let figures = [figure(metric, base), figure(metric, current)];
    let relative = figures.iter().all(is_relative);
    let change = if relative {
        (current / base).ln()
    } else {
        current - base
    };
    let sides = [[&figures[0]], [&figures[1]]];
    let judgement = Judgement {
        base: &sides[0],
        current: &sides[1],
        contrast: Some(Contrast {
            relative,
            change,
            error,
            freedom: 1e6,
        }),
        limits: Limits::of(&[], &figures[0]),
    };
    rows(&[judgement]).remove(0)
}

#[test]
fn verdicts_of_rows() {
    use Change::{Better, Same, Unclear, Worse};
    let (ttft, failed, good) = (
        Metric::Trend(Trend::Ttft),
        Metric::Rate(Rate::HttpReqFailed),
        Metric::Rate(Rate::Goodput),
    );
    for (metric, base, current, error, expected, decides) in [
        // Chance and tolerance both passed.
        (ttft, 100.0, 110.0, 0.01, Worse, false),
        (ttft, 100.0, 90.0, 0.01, Better, false),
        // Sure, but small.
        (ttft, 100.0, 103.0, 0.005, Same, false),
        // Sure that it is something, not that it is little.
        (ttft, 100.0, 104.0, 0.015, Unclear, true),
        // Large, but by chance perhaps.
        (ttft, 100.0, 110.0, 0.06, Unclear, true),
        (ttft, 100.0, 100.0, 0.03, Unclear, true),
        (ttft, 100.0, 100.0, 0.02, Same, false),
        // It could be better, hardly worse: no reason to hold anything up.
        (ttft, 100.0, 92.0, 0.05, Unclear, false),
        (failed, 0.0, 0.01, 0.001, Worse, false),
        (failed, 0.02, 0.01, 0.001, Better, false),
        (failed, 0.01, 0.013, 0.002, Same, false),
        (failed, 0.01, 0.02, 0.006, Unclear, true),
        (good, 0.99, 0.95, 0.005, Worse, false),
        (good, 0.95, 0.99, 0.005, Better, false),
    ] {
        let row = row(metric, base, current, error);
        assert_eq!(
            (row.verdict, row.decides),
            (expected, decides),
            "{metric:?} {base} → {current} ± {error}: {row:?}"
        );
        assert_eq!(row.longer.is_some(), expected == Unclear, "{row:?}");
    }
}

#[test]
fn so_much_longer_settles_it() {
    let ttft = Metric::Trend(Trend::Ttft);
    for (current, error) in [(100.0, 0.03), (110.0, 0.06), (102.0, 0.05)] {
        let unclear = row(ttft, 100.0, current, error);
        let settled = row(
            ttft,
            100.0,
            current,
            error / (unclear.longer.unwrap() * 1.01).sqrt(),
        );
        assert!(
            !settled.decides,
            "{current} ± {error}: {unclear:?} {settled:?}"
        );
        let nearly = row(
            ttft,
            100.0,
            current,
            error / (unclear.longer.unwrap() * 0.9).sqrt(),
        );
        assert!(nearly.decides, "{current} ± {error}: {nearly:?}");
    }
    // A change as large as the tolerance is never settled.
    let never = row(ttft, 100.0, 104.99, 0.05);
    assert!(never.decides && never.longer.is_none(), "{never:?}");
}

#[test]
fn chances_are_corrected_for_their_number() {
    #[track_caller]
    fn check(chances: &[(f64, Option<f64>)], expected: &[Option<f64>]) {
        let found = holm(chances);
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            let near = found
                .zip(*expected)
                .is_none_or(|(found, expected)| (found - expected).abs() < 1e-12);
            assert!(
                near && found.is_some() == expected.is_some(),
                "{chances:?}: {found:?}"
            );
        }
    }
    let alike = [Some(0.01), None, Some(0.04), Some(0.03), Some(0.005)].map(|chance| (1.0, chance));
    check(
        &alike,
        &[Some(0.03), None, Some(0.06), Some(0.06), Some(0.02)],
    );
    check(
        &[(1.0, Some(0.9)), (1.0, Some(0.8))],
        &[Some(1.0), Some(1.0)],
    );
    // A tenth as important: ten times as sure it must be, and it costs the other a tenth.
    check(
        &[(1.0, Some(0.01)), (0.1, Some(0.01))],
        &[Some(0.011), Some(0.011)],
    );
    check(
        &[(1.0, Some(0.01)), (0.1, Some(0.000_1))],
        &[Some(0.01), Some(0.001_1)],
    );
}

#[test]
fn one_row_makes_the_whole() {
    let ttft = Metric::Trend(Trend::Ttft);
    let worse = || row(ttft, 100.0, 110.0, 0.01);
    let better = || row(ttft, 100.0, 90.0, 0.01);
    let same = || row(ttft, 100.0, 100.0, 0.01);
    let unclear = || row(ttft, 100.0, 100.0, 0.05);
    let harmless = || row(ttft, 100.0, 92.0, 0.05);
    for (rows, expected) in [
        (vec![same(), worse(), unclear(), better()], Change::Worse),
        (vec![same(), unclear(), better()], Change::Unclear),
        (vec![same(), harmless(), better()], Change::Better),
        (vec![same(), harmless()], Change::Same),
        (vec![], Change::Same),
    ] {
        assert_eq!(whole(&rows), expected, "{rows:?}");
    }
    let longest = [unclear(), row(ttft, 100.0, 100.0, 0.1), same()];
    assert_eq!(longer(&longest), longest[1].longer);
    assert_eq!(longer(&[unclear(), row(ttft, 100.0, 104.99, 0.05)]), None);
}
