//! The two texts together, the form of the command line, and the recorders that thresholds need.

use super::*;
use crate::fixtures::{CHAT, LIST, layout};
use crate::{ScenarioIndex, StepIndex, Trend};

#[test]
fn the_form_of_the_command_line() {
    let cases = [
        ("ttft: p95 < 2s", Some(("ttft", "p95 < 2s"))),
        (
            " ttft{step=chat} :p95<2s ",
            Some(("ttft{step=chat}", "p95<2s")),
        ),
        (
            "http_reqs{step=a:b}: count > 1",
            Some(("http_reqs{step=a:b}", "count > 1")),
        ),
        ("ttft:", Some(("ttft", ""))),
        ("ttft p95 < 2s", None),
        ("ttft{step=a:b} p95", None),
        ("", None),
    ];
    for (option, expected) in cases {
        assert_eq!(Threshold::split(option), expected, "{option}");
    }
}

#[test]
fn the_texts_are_kept_as_written() {
    let threshold = Threshold::parse("ttft{step=chat}", "p95 < 2s", &layout()).unwrap();
    assert_eq!(
        (threshold.metric(), threshold.expression()),
        ("ttft{step=chat}", "p95 < 2s")
    );
}

#[test]
fn what_is_said_of_the_course_can_be_taken_off() {
    let check = |expression: &str, course: Option<&str>, whole: &str| {
        let threshold = Threshold::parse("ttft", expression, &layout()).unwrap();
        assert_eq!(threshold.course(), course, "{expression}");
        let plain = Threshold::parse("ttft", whole, &layout()).unwrap();
        assert_eq!(threshold.of_the_whole(), plain, "{expression}");
    };
    check("p95 < 2s", None, "p95 < 2s");
    check("p95<2s for 30s", Some("for 30s"), "p95<2s");
    check(
        "p95 < 2s  abort after 10s",
        Some("abort after 10s"),
        "p95 < 2s",
    );
    check("p99.9 < 2s after 0s", Some("after 0s"), "p99.9 < 2s");
}

#[test]
fn problems_of_both_texts_are_told_at_once() {
    let problems = Threshold::parse("ttft{step=chta}", "rate < 2s", &layout()).unwrap_err();
    let places: Vec<_> = problems.iter().map(|problem| problem.place).collect();
    assert_eq!(places, [ThresholdPlace::Metric, ThresholdPlace::Expression]);
    assert_eq!(
        problems[0].to_string(),
        "unknown step `chta` (did you mean `chat`?)"
    );
}

#[test]
fn a_trend_by_status_needs_a_recorder_for_every_step_it_means() {
    let mut layout = layout();
    layout.steps[2].name = "list".to_owned();
    let texts = [
        "http_req_duration{status=200}",
        "http_req_duration{status=200}",
        "http_req_duration{status=429,step=list}",
        "http_req_waiting{status=200,scenario=probe}",
        "http_reqs{status=200}",
        "ttft{step=chat}",
    ];
    let parse = |metric: &&str| Threshold::parse(metric, "count > 0", &layout).unwrap();
    let thresholds: Vec<Threshold> = texts.iter().map(parse).collect();
    let of = |trend, status, step, scenario| SelectedTrend {
        trend,
        status,
        step,
        scenario,
    };
    let expected = [
        of(Trend::HttpReqDuration, 200, None, None),
        of(Trend::HttpReqDuration, 429, Some(LIST), None),
        of(Trend::HttpReqDuration, 429, Some(StepIndex(2)), None),
        of(Trend::HttpReqWaiting, 200, None, Some(ScenarioIndex(1))),
    ];
    assert_eq!(Threshold::selected(&thresholds), expected);
    assert!(thresholds[5].selection.has_step(&layout, CHAT));
}
