//! What is observed, what holds, and what is not judged.

use super::*;
use crate::fixtures::{CHAT, LIST, failed, hung, layout, millis, ms, plain, stream};
use crate::{Cut, Ending, ErrorKind, Iteration, Recorder, Sample, ScenarioIndex};
use std::sync::Arc;

const FACTS: Span = Span {
    measured: Duration::from_secs(10),
    interrupted: false,
    vus: None,
};

/// Judges one threshold on what `tell` records.
fn judged(metric: &str, expression: &str, facts: Span, tell: impl Fn(&mut Recorder)) -> Judged {
    let mut layout = layout();
    let threshold = Threshold::parse(metric, expression, &layout).unwrap();
    layout.selected = Threshold::selected(std::slice::from_ref(&threshold));
    let layout = Arc::new(layout);
    let mut recorder = Recorder::new(Arc::clone(&layout));
    tell(&mut recorder);
    judge(&threshold, recorder.totals(), &layout, facts)
}

/// 99 plain answers of 10 to 990 ms, five failures without duration.
fn mixed(recorder: &mut Recorder) {
    for tenth in 1..100 {
        recorder.request(&plain(LIST, tenth * 10, tenth * 10));
    }
    for kind in [
        ErrorKind::Reset,
        ErrorKind::Reset,
        ErrorKind::Reset,
        ErrorKind::Dns,
        ErrorKind::Dns,
    ] {
        recorder.request(&failed(
            Sample {
                status: None,
                ..plain(LIST, 5, 5)
            },
            Ending::Broken,
            kind,
            "",
        ));
    }
}

#[test]
fn a_status_of_failed_requests_is_a_share_of_all() {
    let broken = |recorder: &mut Recorder| {
        for place in 0..99 {
            recorder.request(&plain(LIST, place, 10));
        }
        let sample = Sample {
            status: Some(500),
            ..plain(LIST, 5, 5)
        };
        recorder.request(&failed(sample, Ending::Whole, ErrorKind::Http5xx, ""));
    };
    let whole = |recorder: &mut Recorder| recorder.request(&plain(LIST, 5, 5));
    type Tell<'a> = &'a dyn Fn(&mut Recorder);
    let cases: [(&str, Tell<'_>, Option<f64>); 6] = [
        ("http_req_failed{status=500}", &broken, Some(1.0)),
        ("http_req_failed{status=200}", &broken, Some(0.0)),
        // Where nobody answered so, nothing failed so.
        ("http_req_failed{status=500}", &whole, Some(0.0)),
        ("http_req_failed{status=500,error=dns}", &broken, Some(0.0)),
        (
            "http_req_failed{status=500,error=http_5xx}",
            &broken,
            Some(1.0),
        ),
        ("http_req_failed{status=500}", &|_| {}, None),
    ];
    for (metric, tell, observed) in cases {
        let seen = judged(metric, "rate < 2%", FACTS, tell);
        assert_eq!(
            (seen.observed, seen.ok),
            (observed, observed.is_some()),
            "{metric}"
        );
    }
}

#[test]
fn observed_values() {
    let vus = Some(VusRange {
        last: 3,
        min: 1,
        max: 9,
    });
    let facts = Span { vus, ..FACTS };
    let cases = [
        (
            "http_req_duration",
            "p50 < 1s",
            500.0,
            Unit::Milliseconds,
            true,
        ),
        (
            "http_req_duration",
            "p99 < 980ms",
            990.0,
            Unit::Milliseconds,
            false,
        ),
        (
            "http_req_duration",
            "avg == 500ms",
            500.0,
            Unit::Milliseconds,
            true,
        ),
        (
            "http_req_duration",
            "min >= 10",
            10.0,
            Unit::Milliseconds,
            true,
        ),
        (
            "http_req_duration",
            "max > 990ms",
            990.0,
            Unit::Milliseconds,
            false,
        ),
        ("http_req_duration", "count == 99", 99.0, Unit::Count, true),
        (
            "http_req_duration{outcome=ok}",
            "count == 99",
            99.0,
            Unit::Count,
            true,
        ),
        (
            "http_req_duration{step=list}",
            "count == 99",
            99.0,
            Unit::Count,
            true,
        ),
        (
            "http_req_duration{status=200}",
            "count == 99",
            99.0,
            Unit::Count,
            true,
        ),
        ("http_reqs", "count == 104", 104.0, Unit::Count, true),
        ("http_reqs", "rate > 10/s", 10.4, Unit::PerSecond, true),
        (
            "http_reqs{status=200}",
            "count == 99",
            99.0,
            Unit::Count,
            true,
        ),
        ("http_reqs{error=dns}", "count == 2", 2.0, Unit::Count, true),
        (
            "http_req_failed",
            "rate < 1%",
            500.0 / 104.0,
            Unit::Percent,
            false,
        ),
        // The error selects the hits; the total stays all requests.
        (
            "http_req_failed{error=dns}",
            "rate < 2%",
            200.0 / 104.0,
            Unit::Percent,
            true,
        ),
        (
            "http_req_failed{status=200}",
            "rate == 0",
            0.0,
            Unit::Percent,
            true,
        ),
        ("vus", "value == 3", 3.0, Unit::Count, true),
        ("vus", "min >= 2", 1.0, Unit::Count, false),
        ("vus", "max < 10", 9.0, Unit::Count, true),
    ];
    for (metric, expression, observed, unit, ok) in cases {
        let seen = judged(metric, expression, facts, mixed);
        let value = seen.observed.unwrap();
        assert!(
            (value - observed).abs() <= observed / 1000.0,
            "{metric} {expression}: {value}"
        );
        assert_eq!(
            (seen.unit, seen.ok, seen.judged),
            (unit, ok, true),
            "{metric} {expression}"
        );
    }
}

#[test]
fn a_metric_without_a_sample_fails_unless_a_signal_came_first() {
    let interrupted = Span {
        interrupted: true,
        ..FACTS
    };
    let nothing = |_: &mut Recorder| {};
    let list = |recorder: &mut Recorder| recorder.request(&plain(LIST, 0, 5));
    let iteration = |recorder: &mut Recorder| {
        recorder.iteration(&Iteration {
            scenario: ScenarioIndex(0),
            due: ms(0),
            began: ms(0),
            ended: ms(1),
            failed: false,
        });
    };
    type Tell<'a> = &'a dyn Fn(&mut Recorder);
    let cases: [(&str, &str, Span, Tell<'_>, bool); 10] = [
        ("ttft", "p95 < 2s", FACTS, &nothing, true),
        ("ttft", "p95 < 2s", interrupted, &nothing, false),
        // Requests finished, and still no first output: that is no matter of time.
        ("ttft", "p95 < 2s", interrupted, &list, true),
        ("ttft{step=chat}", "p95 < 2s", interrupted, &list, false),
        ("ttft", "count < 2", FACTS, &nothing, true),
        ("http_req_failed", "rate < 1%", FACTS, &nothing, true),
        ("http_req_failed", "rate < 1%", interrupted, &nothing, false),
        ("iteration_duration", "avg < 1s", interrupted, &list, false),
        (
            "iteration_duration{scenario=probe}",
            "avg < 1s",
            interrupted,
            &iteration,
            false,
        ),
        (
            "http_reqs",
            "rate > 1/s",
            Span {
                measured: Duration::ZERO,
                ..FACTS
            },
            &list,
            true,
        ),
    ];
    for (metric, expression, facts, tell, is_judged) in cases {
        let seen = judged(metric, expression, facts, tell);
        assert_eq!(
            (seen.observed, seen.ok, seen.judged),
            (None, false, is_judged),
            "{metric} {expression}"
        );
    }
}

#[test]
fn a_counter_of_zero_is_an_observed_zero() {
    let seen = judged("dropped_iterations", "count == 0", FACTS, |_| {});
    assert_eq!((seen.observed, seen.ok), (Some(0.0), true));
}

#[test]
fn timeouts_make_a_value_a_lower_bound() {
    let tell = |recorder: &mut Recorder| {
        for _ in 0..95 {
            recorder.request(&plain(LIST, 0, 100));
        }
        for _ in 0..5 {
            recorder.request(&hung(LIST, 0, 5000));
        }
    };
    let cases = [
        ("p50 < 1s", false, true),
        ("p99 < 1s", true, false),
        ("max < 9s", true, true),
        ("avg < 9s", true, true),
        ("min < 1s", false, true),
    ];
    for (expression, at_least, ok) in cases {
        let seen = judged("http_req_duration", expression, FACTS, tell);
        assert_eq!((seen.at_least, seen.ok), (at_least, ok), "{expression}");
    }
}

#[test]
fn cut_requests_count_against_limits_they_had_passed() {
    let tell = |recorder: &mut Recorder| {
        for _ in 0..90 {
            recorder.request(&plain(LIST, 0, 100));
        }
        for _ in 0..10 {
            let (due, sent) = (ms(0), Some(ms(1)));
            recorder.cut(&Cut {
                step: LIST,
                due,
                sent_first: sent,
                sent_last: Some(ms(2)),
                sent_whole: true,
                first_byte: None,
                first_output: None,
                at: ms(3001),
                bytes_sent: 0,
                bytes_received: 0,
                resent: 0,
            });
        }
    };
    // (expression, observed, lower bound, holds)
    let cases = [
        ("p95 < 2s", 3000.0, true, false),
        ("p90 < 2s", 100.0, false, true),
        ("p95 < 4s", 100.0, false, true),
        ("max < 2s", 3000.0, true, false),
        ("max < 4s", 100.0, false, true),
    ];
    for (expression, observed, at_least, ok) in cases {
        let seen = judged("http_req_duration", expression, FACTS, tell);
        let value = seen.observed.unwrap();
        assert!(
            (value - observed).abs() <= observed / 1000.0,
            "{expression}: {value}"
        );
        assert_eq!((seen.at_least, seen.ok), (at_least, ok), "{expression}");
    }
}

#[test]
fn too_few_samples_are_told() {
    let requests = |count: u64| {
        move |recorder: &mut Recorder| {
            (0..count).for_each(|_| recorder.request(&plain(LIST, 0, 100)));
        }
    };
    let of_requests = |more| {
        Some(TooFew {
            more,
            of_streams: false,
        })
    };
    let cases = [
        ("http_req_duration", "p99 < 1s", 100, of_requests(Some(268))),
        ("http_req_duration", "p99 < 1s", 400, None),
        ("http_req_duration", "p50 < 1s", 100, None),
        ("http_req_duration", "avg < 1s", 2, None),
        ("http_req_failed", "rate < 1%", 100, of_requests(Some(281))),
        ("http_req_failed", "rate < 1%", 400, None),
        ("http_req_failed", "rate == 0", 10, None),
        ("http_reqs", "count > 1", 2, None),
    ];
    for (metric, expression, count, expected) in cases {
        let seen = judged(metric, expression, FACTS, requests(count));
        assert_eq!(seen.too_few, expected, "{metric} {expression} of {count}");
        assert!(seen.ok, "{metric} {expression} of {count}");
    }
}

#[test]
fn gaps_are_as_sure_as_their_streams_are_many() {
    let tell = |recorder: &mut Recorder| {
        let sample = stream(0);
        let first = sample.stream.as_ref().unwrap().first_output.unwrap();
        recorder.first_output(CHAT, sample.due, sample.sent_first.unwrap(), first);
        recorder.request(&sample);
        (0..10_000).for_each(|_| recorder.gap(CHAT, ms(0), millis(20)));
    };
    let seen = judged("itl", "p99 < 1s", FACTS, tell);
    assert_eq!(
        seen.too_few,
        Some(TooFew {
            more: Some(367),
            of_streams: true
        })
    );
}
