//! Texts of tolerances, and what they let pass.

use super::*;
use crate::{Counter, Rate, Trend};

fn figure(metric: Metric, step: Option<&str>, statistic: Statistic) -> RunFigure {
    let subject = crate::Subject {
        step: step.map(str::to_owned),
        ..crate::Subject::of_run(metric)
    };
    RunFigure {
        subject,
        statistic,
        value: 1.0,
        samples: 100,
        hits: None,
        rough: false,
        at_least: false,
    }
}

/// From where a change of `ttft p95` at 100 ms, of `ttft{step=chat} p99` at 100 ms, of the share of failed requests, and
/// of 100 requests a second counts.
#[track_caller]
fn check(texts: &[&str], expected: [f64; 4]) {
    let tolerances: Vec<Tolerance> = texts.iter().map(|text| text.parse().unwrap()).collect();
    let ttft = Metric::Trend(Trend::Ttft);
    let found = [
        Limits::of(&tolerances, &figure(ttft, None, Statistic::P95)).counts(100.0, true),
        Limits::of(&tolerances, &figure(ttft, Some("chat"), Statistic::P99)).counts(100.0, true),
        Limits::of(
            &tolerances,
            &figure(Metric::Rate(Rate::HttpReqFailed), None, Statistic::Rate),
        )
        .counts(0.0, false),
        Limits::of(
            &tolerances,
            &figure(Metric::Counter(Counter::HttpReqs), None, Statistic::Rate),
        )
        .counts(100.0, true),
    ];
    for (found, expected) in found.into_iter().zip(expected) {
        assert!(
            (found - expected).abs() < 1e-9,
            "{texts:?}: {found} instead of {expected}"
        );
    }
}

#[test]
fn the_last_that_fits_is_taken() {
    check(&[], [0.05, 0.05, 0.001, 0.05]);
    check(&["2%"], [0.02, 0.02, 0.001, 0.02]);
    check(&["ttft: 10%"], [0.1, 0.1, 0.001, 0.05]);
    check(&["p99: 15%"], [0.05, 0.15, 0.001, 0.05]);
    check(
        &["ttft p95: 7%", "ttft{step=chat}: 9%"],
        [0.07, 0.09, 0.001, 0.05],
    );
    check(
        &["ttft{step=\"chat\"} p99 : 30ms"],
        [0.05, 0.3, 0.001, 0.05],
    );
    check(&["ttft: 3%, 20ms"], [0.2, 0.2, 0.001, 0.05]);
    check(&["ttft: 0.001s"], [0.01, 0.01, 0.001, 0.05]);
    check(&["0%"], [0.001, 0.001, 0.001, 0.0]);
    check(&["500us"], [0.005, 0.005, 0.001, 0.05]);
    check(&["http_req_failed: 0.5pp"], [0.05, 0.05, 0.005, 0.05]);
    check(&["http_req_failed rate: 1%"], [0.05, 0.05, 0.01, 0.05]);
    check(&["http_reqs: 3/s"], [0.05, 0.05, 0.001, 0.03]);
    check(&["ttft p95: 9%", "2%"], [0.02, 0.02, 0.001, 0.02]);
}

#[test]
fn names_may_hold_commas_and_braces() {
    for name in ["b,c d", "it's", "{x}", "a"] {
        let wanted = figure(Metric::Trend(Trend::Ttft), Some(name), Statistic::P95);
        let tolerance: Tolerance = format!("{}: 9%", wanted.subject).parse().unwrap();
        assert!(tolerance.fits(&wanted), "{}", wanted.subject);
    }
}

#[test]
fn what_may_hide() {
    let hides = |texts: &[&str], metric, statistic, relative| {
        let tolerances: Vec<Tolerance> = texts.iter().map(|text| text.parse().unwrap()).collect();
        Limits::of(&tolerances, &figure(metric, None, statistic)).hides(100.0, relative)
    };
    let (ttft, failed) = (
        Metric::Trend(Trend::Ttft),
        Metric::Rate(Rate::HttpReqFailed),
    );
    let goodput = Metric::Rate(Rate::Goodput);
    for (texts, metric, statistic, relative, expected) in [
        (&[][..], ttft, Statistic::P95, true, 0.05),
        (&[], ttft, Statistic::P99, true, 0.1),
        (&["2%"], ttft, Statistic::P99, true, 0.04),
        (&["p99: 7%"], ttft, Statistic::P99, true, 0.07),
        (&[], failed, Statistic::Rate, false, 0.01),
        (&[], goodput, Statistic::Rate, false, 5.0),
        (&["goodput: 2pp"], goodput, Statistic::Rate, false, 0.02),
        (
            &["http_req_failed: 0.2pp"],
            failed,
            Statistic::Rate,
            false,
            0.002,
        ),
    ] {
        let found = hides(texts, metric, statistic, relative);
        assert!(
            (found - expected).abs() < 1e-9,
            "{texts:?} {statistic:?}: {found}"
        );
    }
}

#[test]
fn problems_say_what_to_write() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let problem = text.parse::<Tolerance>().unwrap_err().to_string();
        assert!(problem.contains(expected), "{text}: {problem}");
    }
    check("", "`` is no size of a change");
    check("5", "write `5%`");
    check("five%", "`five%` is no size");
    check("-5%", "is no size");
    check("ttft 5%", "is no size");
    check("tfft: 5%", "did you mean `ttft`?");
    check("ttft p96: 5%", "`p96` (did you mean");
    check("ttft p95 p99: 5%", "`p99`");
    check("ttft{step=a: 5%", "braces");
    check("ttft{status=200}: 5%", "no tag `status=200`");
    check("ttft: 5pp", "not measured in `pp` (write `5%` or `10ms`)");
    check("http_req_failed: 5ms", "percentage points");
    check(
        "http_req_failed p95: 1%",
        "compared by its rate, not by `p95`",
    );
    check("ttft rate: 5%", "compared by p50");
    check("vus: 5%", "a gauge is not compared");
    check("5%,", "`` is no size");
    check("nonsense: 5%", "write METRIC");
}
