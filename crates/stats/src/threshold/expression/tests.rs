//! Expressions, right and wrong.

use super::*;
use crate::{Counter, Gauge, Rate, Trend};
use proptest::prelude::*;

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
        (COUNTER, "rate > 50/s", Rate, Greater, 50.0),
        (COUNTER, "rate > 50", Rate, Greater, 50.0),
        (RATE, "rate < 1%", Rate, Less, 0.01),
        (RATE, "rate < 0.01", Rate, Less, 0.01),
        (RATE, "rate == 100%", Rate, Equal, 1.0),
        (GAUGE, "value > 5", Value, Greater, 5.0),
        (GAUGE, "max <= 50", Max, LessOrEqual, 50.0),
    ];
    for (metric, text, aggregate, operator, limit) in cases {
        let seen = parse(text, Some(metric)).unwrap();
        assert_eq!(
            (seen.aggregate, seen.operator),
            (aggregate, operator),
            "{text}"
        );
        assert!((seen.limit - limit).abs() < 1e-9, "{text}: {}", seen.limit);
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
            "p95 < 2s for 30s",
            "[for 30s] `for` is not built yet | leave it out: the whole run is judged",
        ),
        (
            TREND,
            "p95 < 2 after 10s",
            "[after 10s] `after` is not built yet | leave it out: the whole run is judged",
        ),
        (
            TREND,
            "p95 < 2s abort ",
            "[abort] `abort` is not built yet | leave it out: the whole run is judged",
        ),
        (
            TREND,
            "p95 < 2abort",
            "[abort] `abort` is not built yet | leave it out: the whole run is judged",
        ),
        (
            TREND,
            "p95 < 2s abrt",
            "[abrt] `abrt` is too much | `abort` is not built yet either",
        ),
        (
            TREND,
            "p95 < 2s && p50 < 1s",
            "[&& p50 < 1s] `&& p50 < 1s` is too much | end after the number and its unit",
        ),
    ];
    for (metric, text, expected) in cases {
        assert_eq!(problems(text, Some(metric)), [expected], "{text}");
    }
}

#[test]
fn several_problems_are_told_at_once() {
    let seen = problems("p(95) = 2x for 30s", Some(TREND));
    let starts: Vec<&str> = seen
        .iter()
        .map(|problem| problem.split(' ').next().unwrap())
        .collect();
    assert_eq!(starts, ["[p(95)]", "[=]", "[x]", "[for"]);
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
