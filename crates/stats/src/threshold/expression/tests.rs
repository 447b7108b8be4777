//! Expressions, right and wrong.

use super::*;
use crate::{Counter, Gauge, Rate, Trend};
use proptest::prelude::*;
use std::time::Duration;

fn parse(
    text: &str,
    metric: Option<Metric>,
) -> Result<(Condition, Clauses), Vec<ThresholdProblem>> {
    super::parse(text, metric, &Layout::default())
}

const TREND: Metric = Metric::Trend(Trend::Ttft);
const COUNTER: Metric = Metric::Counter(Counter::HttpReqs);
const RATE: Metric = Metric::Rate(Rate::HttpReqFailed);
const GAUGE: Metric = Metric::Gauge(Gauge::Vus);

#[test]
fn conditions() {
    use Aggregate::{Count, Max, Mean, Min, Quantile, Rate, Value};
    use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
    let cases = [
        (TREND, "p95 < 2s", Quantile(0.95), Less, 2000.0),
        (TREND, "p95<2s", Quantile(0.95), Less, 2000.0),
        (
            TREND,
            "  p99.9  <=  250ms ",
            Quantile(0.999),
            LessOrEqual,
            250.0,
        ),
        (TREND, "p999 < 250ms", Quantile(0.999), Less, 250.0),
        (TREND, "p9999 < 1s", Quantile(0.9999), Less, 1000.0),
        (TREND, "med < 1_500", Quantile(0.5), Less, 1500.0),
        (TREND, "p50 < 10us", Quantile(0.5), Less, 0.01),
        (TREND, "p50 < 10µs", Quantile(0.5), Less, 0.01),
        (TREND, "avg < 1.5 s", Mean, Less, 1500.0),
        (TREND, "mean < 1s", Mean, Less, 1000.0),
        (TREND, "min >= 1ms", Min, GreaterOrEqual, 1.0),
        (TREND, "max == 1ms", Max, Equal, 1.0),
        (TREND, "count > 100", Count, Greater, 100.0),
        (COUNTER, "count >= 0", Count, GreaterOrEqual, 0.0),
        (COUNTER, "count < 1e9", Count, Less, 1e9),
        (COUNTER, "count < 2.5E+3", Count, Less, 2500.0),
        (TREND, "p50 < 1e-3s", Quantile(0.5), Less, 1.0),
        (COUNTER, "rate > 50/s", Rate, Greater, 50.0),
        (COUNTER, "rate > 50", Rate, Greater, 50.0),
        (RATE, "rate < 1%", Rate, Less, 0.01),
        (RATE, "rate < 0.01", Rate, Less, 0.01),
        (RATE, "rate == 100%", Rate, Equal, 1.0),
        (GAUGE, "value > 5", Value, Greater, 5.0),
        (GAUGE, "max <= 50", Max, LessOrEqual, 50.0),
    ];
    for (metric, text, aggregate, operator, limit) in cases {
        let (seen, clauses) = parse(text, Some(metric)).unwrap();
        assert_eq!(clauses, Clauses::default(), "{text}");
        assert_eq!(
            (seen.aggregate, seen.operator),
            (aggregate, operator),
            "{text}"
        );
        assert!((seen.limit - limit).abs() < 1e-9, "{text}: {}", seen.limit);
    }
}

#[test]
fn clauses() {
    let seconds = Duration::from_secs;
    let cases = [
        (TREND, "p95 < 2s for 30s", Some(30), 0, false),
        (TREND, "p95 < 2 for 30s", Some(30), 0, false),
        (TREND, "p95 < 2s  for  1m30s ", Some(90), 0, false),
        (TREND, "p95 < 2s for30s", Some(30), 0, false),
        (TREND, "p95 < 2s after 10s", None, 10, false),
        (TREND, "p95 < 2s after 0.5h", None, 1800, false),
        (TREND, "p95 < 2s abort", None, 0, true),
        (TREND, "p95 < 2abort", None, 0, true),
        (
            RATE,
            "rate < 1% for 10m after 1min abort",
            Some(600),
            60,
            true,
        ),
        (RATE, "rate < 1% abort after 1m for 10s", Some(10), 60, true),
        (COUNTER, "count > 100 after 60s abort", None, 60, true),
        (COUNTER, "count > 100 for 10s abort", Some(10), 0, true),
        (COUNTER, "count < 100 abort", None, 0, true),
        (GAUGE, "max < 5 for 2s", Some(2), 0, false),
    ];
    for (metric, text, span, after, abort) in cases {
        let expected = Clauses {
            span: span.map(seconds),
            after: seconds(after),
            abort,
        };
        assert_eq!(parse(text, Some(metric)).unwrap().1, expected, "{text}");
    }
}

/// The marked text of every problem, what is wrong and what helps.
fn problems(text: &str, metric: Option<Metric>) -> Vec<String> {
    let shown = |problem: &ThresholdProblem| {
        assert_eq!(problem.place, ThresholdPlace::Expression);
        let help = problem.help.as_deref().unwrap_or("-");
        format!(
            "[{}] {} | {help}",
            &text[problem.span.clone()],
            problem.message
        )
    };
    parse(text, metric).unwrap_err().iter().map(shown).collect()
}

#[test]
fn every_problem_is_marked() {
    let a_time = "a time is written with `us`, `ms` or `s`";
    let then = "after the limit come `for 30s`, `after 10s` and `abort`, or nothing";
    let of_trends = "write a quantile such as `p95`, or `avg`, `min`, `max`, `med`, `count`";
    let cases = [
        (
            TREND,
            "p(95) < 2s",
            "[p(95)] unknown aggregate `p(95)` | write `p95`",
        ),
        (
            TREND,
            "p100 < 2s",
            "[p100] unknown aggregate `p100` | write `max`",
        ),
        (
            TREND,
            "p0 < 2s",
            "[p0] unknown aggregate `p0` | write `min`",
        ),
        (
            TREND,
            "avgg < 2s",
            "[avgg] unknown aggregate `avgg` | did you mean `avg`?",
        ),
        (
            TREND,
            "quantile < 2s",
            &format!("[quantile] unknown aggregate `quantile` | {of_trends}"),
        ),
        (
            TREND,
            "< 2s",
            &format!("[] what to compare is missing | {of_trends}"),
        ),
        (
            TREND,
            "rate < 2",
            &format!("[rate] `ttft` is a trend and has no `rate` | {of_trends}"),
        ),
        (
            COUNTER,
            "p95 < 2",
            "[p95] `http_reqs` is a counter and has no `p95` | write `count`, or `rate` for a count per second",
        ),
        (
            RATE,
            "count < 2",
            "[count] `http_req_failed` is a rate and has no `count` | write `rate`",
        ),
        (
            GAUGE,
            "rate < 2",
            "[rate] `vus` is a gauge and has no `rate` | write `value`, `min` or `max`",
        ),
        (TREND, "p95 = 2s", "[=] unknown comparison `=` | write `==`"),
        (
            TREND,
            "p95 => 2s",
            "[=>] unknown comparison `=>` | write `>=`",
        ),
        (
            TREND,
            "p95 != 2s",
            "[!=] unknown comparison `!=` | write one of <, <=, >, >=, ==",
        ),
        (
            TREND,
            "p95 2s",
            "[] a comparison is missing | write one of <, <=, >, >=, ==",
        ),
        (
            TREND,
            "p95 == 2s",
            "[==] a quantile is never exactly equal to a number | write `<` or `<=`",
        ),
        (TREND, "p95 <", "[] a number is missing | -"),
        (TREND, "p95 < s", "[] a number is missing | -"),
        (TREND, "p95 < 1.2.3s", "[1.2.3] `1.2.3` is no number | -"),
        (TREND, "p95 < -1s", "[-1] no metric is below zero | -"),
        (
            TREND,
            "max < 0ms",
            "[0] nothing is ever below zero | write `<= 0`",
        ),
        (
            RATE,
            "rate < 0%",
            "[0] nothing is ever below zero | write `<= 0`",
        ),
        (
            RATE,
            "rate > 100%",
            "[100] no share is ever above 100 % | write `>= 100%`",
        ),
        (
            TREND,
            "p95 < 2sec",
            "[sec] unknown unit `sec` | did you mean `s`?",
        ),
        (
            TREND,
            "p95 < 2msec",
            "[msec] unknown unit `msec` | did you mean `ms`?",
        ),
        (
            COUNTER,
            "rate > 2rps",
            "[rps] unknown unit `rps` | did you mean `/s`?",
        ),
        (
            RATE,
            "rate < 2percent",
            "[percent] unknown unit `percent` | did you mean `%`?",
        ),
        (
            TREND,
            "p95 < 2m",
            &format!("[m] unknown unit `m` | {a_time}"),
        ),
        (
            TREND,
            "p95 < 2%",
            &format!("[%] the unit `%` does not fit here | {a_time}"),
        ),
        (
            TREND,
            "count < 2s",
            "[s] the unit `s` does not fit here | a count has no unit",
        ),
        (
            COUNTER,
            "rate < 2/min",
            "[/min] unknown unit `/min` | a rate per second is written with `/s`, or without a unit",
        ),
        (
            COUNTER,
            "count < 2/s",
            "[/s] the unit `/s` does not fit here | a count has no unit",
        ),
        (
            RATE,
            "rate < 2/s",
            "[/s] the unit `/s` does not fit here | a share is written with `%`, or as a number from 0 to 1",
        ),
        (
            RATE,
            "rate < 5",
            "[5] a rate lies between 0 and 1 | write `5%`",
        ),
        (RATE, "rate < 101%", "[101] a rate lies between 0 and 1 | -"),
        (
            TREND,
            "p95 < 2s abrt",
            "[abrt] `abrt` is too much | did you mean `abort`?",
        ),
        (
            COUNTER,
            "count < 2 aftr 5s",
            "[aftr 5s] `aftr 5s` is too much | did you mean `after`?",
        ),
        (
            TREND,
            "p95 < 2s pretty please",
            &format!("[pretty please] `pretty please` is too much | {then}"),
        ),
        (
            TREND,
            "p95 < 2s for",
            "[for] a time is missing after `for` | write for example `for 30s`",
        ),
        (
            TREND,
            "p95 < 2s after abort",
            "[after] a time is missing after `after` | write for example `after 30s`",
        ),
        (
            TREND,
            "p95 < 2s for 30",
            "[30] `30` is no time | write `for 30s`",
        ),
        (
            TREND,
            "p95 < 2s for 30x",
            "[30x] `30x` is no time | write for example `for 30s`",
        ),
        (
            TREND,
            "p95 < 2s for -3s",
            "[-3s] `-3s` is no time | write for example `for 30s`",
        ),
        (
            TREND,
            "p95 < 2s for 1500ms",
            "[1500ms] sliding windows are whole seconds long | write `for 2s`",
        ),
        (
            TREND,
            "p95 < 2s for 0s",
            "[0s] sliding windows are whole seconds long | write `for 1s`",
        ),
        (
            TREND,
            "p95 < 2s for 1h",
            "[1h] sliding windows are ten minutes long at most | write `for 10m`",
        ),
        (
            TREND,
            "p95 < 2s for 30s abort for 10s",
            "[for] `for` is given twice | -",
        ),
        (
            COUNTER,
            "count > 100 abort",
            "[abort] a count begins at zero: this would stop the run in its first second | say from when on it must hold, such as `after 60s`",
        ),
        (
            TREND,
            "p95 < 2s && p50 < 1s",
            &format!("[&& p50 < 1s] `&& p50 < 1s` is too much | {then}"),
        ),
    ];
    for (metric, text, expected) in cases {
        assert_eq!(problems(text, Some(metric)), [expected], "{text}");
    }
}

#[test]
fn several_problems_are_told_at_once() {
    let seen = problems("p(95) = 2x for 30", Some(TREND));
    let starts: Vec<&str> = seen
        .iter()
        .map(|problem| problem.split(' ').next().unwrap())
        .collect();
    assert_eq!(starts, ["[p(95)]", "[=]", "[x]", "[30]"]);
    // Without a known metric only what holds for all is told.
    assert_eq!(
        problems("p95 < 2x", None),
        ["[x] unknown unit `x` | the units are `us`, `ms`, `s`, `%` and `/s`"]
    );
    assert!(parse("rate < 2s", None).is_ok());
}

proptest! {
    #[test]
    fn no_text_panics_and_every_mark_is_inside(text in "[p0-9 <>=.%/saµe{}(),for-]{0,24}") {
        for metric in [None, Some(TREND), Some(COUNTER), Some(RATE), Some(GAUGE)] {
            for problem in parse(&text, metric).err().unwrap_or_default() {
                prop_assert!(text.get(problem.span.clone()).is_some(), "{text}: {:?}", problem.span);
            }
        }
    }
}
