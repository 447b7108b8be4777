//! What a series holds is what the summary of the same run says.

use super::super::tests::Made;
use super::*;
use crate::fixtures::{LIST, PING, failed, ms, plain, shared_layout, stream};
use crate::{Ending, ErrorKind, Iteration, Ledger, Recorder, RunEnd, StopReason, VusRange};
use std::sync::Arc;

#[test]
fn windows_are_gathered_into_equal_ones() {
    #[track_caller]
    fn check(covered: &[f64], expected: &[usize]) {
        assert_eq!(groups(covered), expected, "{covered:?}");
    }
    check(&[], &[]);
    check(&[1.0, 1.0, 1.0], &[0, 1, 2]);
    check(&[0.999, 1.001, 1.0], &[0, 1, 2]);
    // Warm-up before, the drain behind: both are part of their neighbour.
    check(&[0.0, 0.3, 1.0, 1.0, 0.0, 0.0], &[0, 0, 0, 1, 1, 1]);
    // What is left at the end is too short to be one.
    check(&[1.0, 1.0, 0.5], &[0, 1, 1]);
    // From some time on a log has longer windows.
    check(&[1.0, 1.0, 1.0, 3.0, 3.0], &[0, 0, 0, 1, 2]);
    check(&[0.0, 0.0], &[0, 0]);
    let hours = vec![1.0; 7_200];
    let found = groups(&hours);
    assert!(
        (550..=600).contains(&(found.last().unwrap() + 1)),
        "{:?}",
        found.last()
    );
}

/// Two seconds of three steps in two scenarios.
fn ledger(into: &mut SeriesBuilder) -> Ledger {
    let layout = shared_layout();
    let mut ledger = Ledger::new(Arc::clone(&layout), Vec::new());
    for second in 0..2 {
        let mut recorder = Recorder::new(Arc::clone(&layout));
        recorder.measure_all(ms(0), ms(2_000));
        for place in 0..20 {
            let due = second * 1_000 + place * 20;
            recorder.request(&plain(LIST, due, 10 + place));
            recorder.request(&plain(PING, due, 5 + second));
            recorder.request(&stream(due));
        }
        recorder.request(&failed(
            plain(LIST, second * 1_000, 1),
            Ending::Whole,
            ErrorKind::Http5xx,
            "x",
        ));
        ledger.add(recorder.totals());
        let window = ledger.close_window(
            ms(second * 1_000),
            ms(second * 1_000 + 1_000),
            VusRange::default(),
            None,
        );
        into.push(window);
    }
    ledger
}

#[test]
fn figures_are_those_of_the_summary() {
    let mut builder = SeriesBuilder::new(&shared_layout());
    let mut ledger = ledger(&mut builder);
    let measured = (ms(0), ms(2_000));
    let summary = ledger.finish(&RunEnd::new(StopReason::Completed, measured, ms(2_000)));
    let series = builder.finish(measured);
    assert_eq!((series.windows(), series.measured().as_secs()), (2, 2));
    let figures = series.figures(false);
    let value = |scenario: Option<&str>, step: Option<&str>, metric, statistic| {
        let wanted = Subject {
            scenario: scenario.map(str::to_owned),
            step: step.map(str::to_owned),
            ..Subject::of_run(metric)
        };
        let found = figures
            .iter()
            .find(|figure| figure.subject == wanted && figure.statistic == statistic);
        found.map(|figure| (figure.value * 1e6).round() / 1e6)
    };
    let tables = [
        (None, None, &summary.metrics),
        (Some("users"), None, &summary.scenarios[0].metrics),
        (
            Some("users"),
            Some("list"),
            &summary.scenarios[0].steps[1].metrics,
        ),
        (
            Some("probe"),
            Some("ping"),
            &summary.scenarios[1].steps[0].metrics,
        ),
    ];
    for (scenario, step, metrics) in tables {
        for trend in trends() {
            let told = metrics
                .trend(trend)
                .map(|figures| figures.p95.value.as_secs_f64() * 1e3);
            let told = told.map(|value| (value * 1e6).round() / 1e6);
            // Unlike requests, and unlike iterations, have no times in common.
            let told = told.filter(|_| {
                step.is_some() || trend == Trend::IterationDuration && scenario.is_some()
            });
            assert_eq!(
                value(scenario, step, Metric::Trend(trend), Statistic::P95),
                told,
                "{scenario:?} {step:?} {trend:?}"
            );
        }
        let (hits, total) = metrics.rate(Rate::HttpReqFailed);
        let told = (hits as f64 / total as f64 * 1e6).round() / 1e6;
        assert_eq!(
            value(
                scenario,
                step,
                Metric::Rate(Rate::HttpReqFailed),
                Statistic::Rate
            ),
            Some(told)
        );
        let per_second = metrics.counter(crate::Counter::HttpReqs) as f64 / 2.0;
        assert_eq!(
            value(
                scenario,
                step,
                Metric::Counter(crate::Counter::HttpReqs),
                Statistic::Rate
            ),
            Some(per_second)
        );
    }
}

#[test]
fn steps_have_no_iterations() {
    let mut builder = SeriesBuilder::new(&shared_layout());
    let mut recorder = Recorder::new(shared_layout());
    recorder.measure_all(ms(0), ms(1_000));
    recorder.request(&plain(LIST, 0, 10));
    recorder.request(&plain(PING, 0, 10));
    for scenario in [0, 1] {
        recorder.iteration(&Iteration {
            scenario: ScenarioIndex(scenario),
            due: ms(0),
            began: ms(0),
            ended: ms(15),
            failed: false,
        });
    }
    let mut ledger = Ledger::new(shared_layout(), Vec::new());
    ledger.add(recorder.totals());
    builder.push(ledger.close_window(ms(0), ms(1_000), VusRange::default(), None));
    let figures = builder.finish((ms(0), ms(1_000))).figures(false);
    let of_iterations = |figure: &&RunFigure| figure.subject.metric.is_of_iterations();
    let parts: Vec<_> = figures
        .iter()
        .filter(of_iterations)
        .map(|figure| (&figure.subject.step, figure.statistic))
        .collect();
    assert!(parts.iter().all(|(step, _)| step.is_none()), "{parts:?}");
    // Times of each of the two scenarios, and counts of these and of the run.
    assert_eq!(parts.len(), 2 * (Statistic::OF_TREND.len() + 1) + 1);
}

#[test]
fn the_spread_of_a_mean_is_that_of_theory() {
    // Uniform by 20 % around 20 ms: a standard deviation of 2.31 ms, over 6,000 samples 0.0298 ms.
    let series = Made {
        seconds: 60,
        ..Made::default()
    }
    .series();
    let figures = series.figures(false);
    let mean = figures
        .iter()
        .find(|figure| figure.statistic == Statistic::Mean)
        .unwrap();
    let spread = series.spread(mean, 3).unwrap();
    let (error, log_error) = (spread.variance.sqrt(), spread.log_variance.unwrap().sqrt());
    assert!((0.02..0.04).contains(&error), "{error}");
    assert!((log_error * 20.0 / error - 1.0).abs() < 0.01, "{log_error}");
    // The median of a uniform distribution of width 8 ms: 4/√n.
    let median = figures
        .iter()
        .find(|figure| figure.statistic == Statistic::P50)
        .unwrap();
    let error = series.spread(median, 3).unwrap().variance.sqrt();
    assert!((0.03..0.08).contains(&error), "{error}");
}
