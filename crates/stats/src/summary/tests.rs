//! Summaries of small runs: tables, warnings, verdicts.

use super::*;
use crate::fixtures::{CHAT, LIST, failed, hung, layout, millis, ms, plain, refused, stream};
use crate::{
    Amount, Arrival, Cut, Ending, Gauge, Iteration, Late, Ledger, Rate, Recorder, Sample,
    ScenarioIndex,
};
use std::{collections::BTreeSet, sync::Arc};

/// A run of ten measured seconds, with one window.
struct Run {
    thresholds: Vec<(&'static str, &'static str)>,
    end: RunEnd,
}

fn run() -> Run {
    Run {
        thresholds: Vec::new(),
        end: RunEnd::new(StopReason::Completed, (ms(0), ms(10_000)), ms(11_000)),
    }
}

impl Run {
    fn threshold(mut self, metric: &'static str, expression: &'static str) -> Self {
        self.thresholds.push((metric, expression));
        self
    }

    fn end(mut self, change: impl Fn(&mut RunEnd)) -> Self {
        change(&mut self.end);
        self
    }

    fn sum_up(&self, tell: impl Fn(&mut Recorder)) -> Summary {
        let mut layout = layout();
        let parse = |&(metric, expression): &(&str, &str)| {
            Threshold::parse(metric, expression, &layout).unwrap()
        };
        let thresholds: Vec<Threshold> = self.thresholds.iter().map(parse).collect();
        layout.selected = Threshold::selected(&thresholds);
        let layout = Arc::new(layout);
        let mut recorder = Recorder::new(Arc::clone(&layout));
        recorder.measure_all(self.end.measured.0, self.end.measured.1);
        tell(&mut recorder);
        let mut ledger = Ledger::new(layout, thresholds);
        ledger.add(recorder.totals());
        ledger.close_window(
            ms(0),
            ms(11_000),
            VusRange {
                last: 2,
                min: 1,
                max: 5,
            },
            None,
        );
        ledger.finish(&self.end)
    }
}

fn many(recorder: &mut Recorder, count: u64, sample: &Sample<'_>) {
    for _ in 0..count {
        recorder.began(sample.step, sample.due, sample.started);
        recorder.request(sample);
    }
}

fn cut(due: u64, at: u64) -> Cut {
    Cut {
        step: LIST,
        due: ms(due),
        sent_first: Some(ms(due + 1)),
        sent_last: None,
        sent_whole: false,
        first_byte: None,
        first_output: None,
        at: ms(at),
        bytes_sent: 1,
        bytes_received: 2,
        resent: 0,
    }
}

fn codes(summary: &Summary) -> Vec<&'static str> {
    summary.warnings.iter().map(Warning::code).collect()
}

#[test]
fn the_tables_hold_what_happened() {
    let summary = run().sum_up(|recorder| {
        many(recorder, 10, &stream(1000));
        many(recorder, 20, &plain(LIST, 2000, 100));
        recorder.request(&Sample {
            status: Some(404),
            ..failed(
                plain(LIST, 2000, 50),
                Ending::Whole,
                ErrorKind::Http4xx,
                "status 404",
            )
        });
        recorder.iteration(&Iteration {
            scenario: ScenarioIndex(0),
            due: ms(0),
            began: ms(0),
            ended: ms(3000),
            failed: false,
        });
    });
    let metrics = &summary.metrics;
    assert_eq!(
        metrics.get(Metric::Counter(Counter::HttpReqs)),
        Some(&MetricValue::Counter {
            count: 31,
            per_second: Some(3.1)
        })
    );
    assert_eq!(metrics.rate(Rate::HttpReqFailed), (1, 31));
    assert_eq!(metrics.counter(Counter::OutputTokens), 110);
    assert_eq!(
        metrics.get(Metric::Gauge(Gauge::Vus)),
        Some(&MetricValue::Gauge(Some(VusRange {
            last: 2,
            min: 1,
            max: 5
        })))
    );
    let duration = metrics.trend(Trend::HttpReqDuration).unwrap();
    assert_eq!(
        (duration.count, duration.min.value, duration.max.value),
        (31, millis(50), millis(500))
    );
    assert_eq!(
        duration.mean.value,
        Duration::from_nanos((10 * 500 + 20 * 100 + 50) * 1_000_000 / 31)
    );
    assert!(duration.p99.rough && !duration.p50.rough);
    assert_eq!(summary.statuses, [(200, 30), (404, 1)]);
    assert_eq!(summary.requests_per_second, Some(3.1));
    assert_eq!(summary.goodput_per_second, Some(3.0));
    assert_eq!(
        (
            summary.duration.as_secs(),
            summary.measured.as_secs(),
            summary.peak_vus
        ),
        (11, 10, 5)
    );
    let [error] = summary.errors.as_slice() else {
        panic!("{:?}", summary.errors)
    };
    assert_eq!(
        (
            error.kind,
            error.scenario.as_str(),
            error.step.as_str(),
            error.count
        ),
        (ErrorKind::Http4xx, "users", "list", 1)
    );
    assert_eq!(error.message, "status 404");
    let [users, probe] = summary.scenarios.as_slice() else {
        panic!("two scenarios")
    };
    assert_eq!(
        (
            users.name.as_str(),
            users.metrics.counter(Counter::HttpReqs)
        ),
        ("users", 31)
    );
    assert_eq!(users.metrics.counter(Counter::Iterations), 1);
    assert_eq!(probe.metrics.counter(Counter::HttpReqs), 0);
    let counts: Vec<_> = users
        .steps
        .iter()
        .map(|step| (step.name.as_str(), step.metrics.counter(Counter::HttpReqs)))
        .collect();
    assert_eq!(counts, [("chat", 10), ("list", 21)]);
    assert_eq!(summary.windows.len(), 1);
    assert_eq!(
        (
            summary.windows[0].http_reqs,
            summary.windows[0].http_req_failed
        ),
        (31, 1)
    );
}

#[test]
fn what_is_empty_is_absent_unless_it_is_named() {
    let only_plain = |recorder: &mut Recorder| recorder.request(&plain(LIST, 0, 10));
    let summary = run()
        .threshold("ttft", "p95 < 1s")
        .threshold("input_tokens", "count >= 0")
        .sum_up(only_plain);
    let list = &summary.scenarios[0].steps[1].metrics;
    let cases = [
        (
            "a basic count of zero",
            &summary.metrics,
            Metric::Counter(Counter::DroppedIterations),
            true,
        ),
        (
            "an empty trend",
            &summary.metrics,
            Metric::Trend(Trend::Itl),
            false,
        ),
        (
            "an empty trend with a threshold",
            &summary.metrics,
            Metric::Trend(Trend::Ttft),
            true,
        ),
        (
            "stream events where a step reads streams",
            &summary.metrics,
            Metric::Counter(Counter::StreamEvents),
            true,
        ),
        (
            "stream events of a plain step",
            list,
            Metric::Counter(Counter::StreamEvents),
            false,
        ),
        (
            "tokens of a plain step with a threshold",
            list,
            Metric::Counter(Counter::InputTokens),
            true,
        ),
        (
            "iterations of a step",
            list,
            Metric::Counter(Counter::Iterations),
            false,
        ),
        ("users of a step", list, Metric::Gauge(Gauge::Vus), false),
        (
            "a rate without a total",
            list,
            Metric::Rate(Rate::StreamFailed),
            false,
        ),
    ];
    for (what, metrics, metric, expected) in cases {
        assert_eq!(metrics.get(metric).is_some(), expected, "{what}");
    }
    assert_eq!(
        summary.metrics.get(Metric::Trend(Trend::Ttft)),
        Some(&MetricValue::Trend(None))
    );
}

#[test]
fn streams_are_summed_up() {
    let summary = run().sum_up(|recorder| {
        let sample = stream(2000);
        recorder.first_output(CHAT, sample.due, ms(2003), ms(2203));
        many(recorder, 10, &sample);
        many(
            recorder,
            10,
            &Sample {
                usage: None,
                ..stream(3000)
            },
        );
        (0..9).for_each(|_| recorder.gap(CHAT, ms(2000), millis(40)));
        recorder.gap(CHAT, ms(2000), Duration::ZERO);
    });
    let streams = summary.streams.unwrap();
    assert_eq!(
        (
            streams.finished,
            streams.without_usage,
            streams.output_events
        ),
        (20, 10, 120)
    );
    assert_eq!(streams.events_per_read, Some(1.2));
    assert_eq!(streams.zero_gap_share, Some(0.1));
    assert_eq!(streams.tokens_per_second_per_user, Some(50.0));
    // 110 tokens by usage and 60 events over ten seconds.
    assert!((streams.tokens_per_second.unwrap() - 17.0).abs() < 1e-6);
}

#[test]
fn the_token_rate_is_of_whole_measured_seconds() {
    // All streams: ten tokens in each of the seconds 0 to 9.
    let tell = |recorder: &mut Recorder| {
        for second in 0..10 {
            recorder.request(&Sample {
                usage: Some(crate::Usage {
                    input: 1,
                    output: 10,
                    reasoning: 0,
                }),
                ..stream(second * 1000)
            });
        }
    };
    let cases = [
        ("all", 0, 10_000, 11_000, Some(10.0)),
        ("after warm-up", 4000, 10_000, 11_000, Some(10.0)),
        (
            "parts of seconds are left out",
            3500,
            6500,
            11_000,
            Some(10.0),
        ),
        ("the run ended first", 0, 20_000, 10_000, Some(10.0)),
        ("no whole second", 4000, 4500, 4500, Some(20.0)),
        ("no time", 4000, 4000, 4000, None),
    ];
    for (what, from, until, ended, expected) in cases {
        let run = Run {
            thresholds: Vec::new(),
            end: RunEnd::new(StopReason::Completed, (ms(from), ms(until)), ms(ended)),
        };
        let seen = run.sum_up(tell).streams.unwrap().tokens_per_second;
        let close = seen
            .zip(expected)
            .is_some_and(|(seen, expected)| (seen - expected).abs() < 1e-6);
        assert!(close || seen == expected, "{what}: {seen:?}");
    }
    let nothing = run().sum_up(|_| {}).streams.unwrap().tokens_per_second;
    assert!(nothing.is_some_and(|rate| rate == 0.0 && rate.is_sign_positive()));
}

#[test]
fn fast_refusals_do_not_flatter() {
    let rejected = Sample {
        outcome: crate::Outcome::Rejected,
        status: Some(429),
        ..plain(LIST, 1000, 1)
    };
    for (refusals, expected) in [(0, 0), (1, 0), (2, 2)] {
        let summary = run().sum_up(|recorder| {
            many(recorder, 100 - refusals, &plain(LIST, 1000, 300));
            many(recorder, refusals, &rejected);
        });
        let outcomes = summary.outcomes;
        assert_eq!(
            (outcomes.ok, outcomes.failed, outcomes.rejected),
            (100 - refusals, 0, refusals)
        );
        assert_eq!(outcomes.ok_trends.len(), expected, "{refusals} %");
        for (trend, figures) in outcomes.ok_trends {
            assert_eq!(figures.count, 98, "{}", trend.name());
            assert!(figures.min.value >= millis(300), "{}", trend.name());
        }
    }
}

#[test]
fn requests_in_flight_at_the_end_are_told() {
    let summary = run().sum_up(|recorder| {
        many(recorder, 10, &plain(LIST, 0, 10));
        recorder.cut(&cut(5000, 11_000));
        recorder.cut(&Cut {
            sent_whole: true,
            ..cut(10_500, 11_000)
        });
    });
    assert_eq!(
        summary.in_flight,
        InFlight {
            count: 2,
            sent: 1,
            longest: Duration::from_millis(5999)
        }
    );
    assert_eq!(summary.metrics.counter(Counter::HttpReqs), 10);
    // Only one of the two was due in the measured part.
    let share = 1.0 / 11.0;
    assert_eq!(summary.warnings, [Warning::CutRequests { count: 1, share }]);
}

#[test]
fn who_was_left_in_line_is_counted_and_told() {
    for (turns, left, told) in [(10, 0, false), (99, 1, false), (98, 2, true), (0, 5, true)] {
        let summary = run().sum_up(|recorder| {
            many(recorder, 100, &plain(LIST, 0, 200));
            (0..turns).for_each(|_| recorder.turn(LIST, ms(5_000), millis(10)));
            (0..left).for_each(|_| recorder.cut_in_line(LIST, ms(5_000)));
        });
        assert_eq!(summary.metrics.counter(Counter::RateLimitCut), left);
        assert_eq!(summary.metrics.counter(Counter::HttpReqs), 100);
        let share = left as f64 / (left + turns) as f64;
        let expected = Warning::CutInLine { count: left, share };
        let expected = told.then_some(expected);
        assert_eq!(summary.warnings, expected.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn warnings() {
    type Any<'a> = &'a dyn Fn(&mut Recorder);
    let late = Sample {
        started: ms(110),
        ..plain(LIST, 0, 200)
    };
    let arrival = |lag: u64| Arrival {
        at: ms(100),
        read: ms(100 + lag),
        kernel: true,
        fallback: false,
        uncertainty: Duration::ZERO,
    };
    let kind = |kind| failed(plain(LIST, 0, 1), Ending::Broken, kind, "");
    let with = |tell: &dyn Fn(&mut Recorder)| {
        run().sum_up(|recorder| {
            many(recorder, 10, &plain(LIST, 0, 200));
            tell(recorder);
        })
    };
    let quiet = |_: &mut Recorder| {};
    let cases: [(&str, Any<'_>, &[&str]); 12] = [
        ("nothing to say", &quiet, &[]),
        (
            "late starts",
            &|recorder| many(recorder, 1, &late),
            &["generator-late"],
        ),
        (
            "reads within 5 %",
            &|recorder| recorder.arrival(LIST, ms(0), &arrival(10)),
            &[],
        ),
        (
            "late reads",
            &|recorder| recorder.arrival(LIST, ms(0), &arrival(11)),
            &["generator-late"],
        ),
        (
            "events read late",
            &|recorder| {
                recorder.output_events(CHAT, ms(1), 100);
                recorder.coalesced(CHAT, ms(0), 2, true);
            },
            &["generator-late"],
        ),
        (
            "few events read late",
            &|recorder| {
                recorder.output_events(CHAT, ms(1), 100);
                recorder.coalesced(CHAT, ms(0), 1, true);
            },
            &[],
        ),
        (
            "events sent together",
            &|recorder| {
                recorder.output_events(CHAT, ms(1), 100);
                recorder.coalesced(CHAT, ms(0), 50, false);
            },
            &[],
        ),
        (
            "no ports",
            &|recorder| recorder.request(&kind(ErrorKind::NoPorts)),
            &["ports-exhausted"],
        ),
        (
            "no files",
            &|recorder| recorder.request(&kind(ErrorKind::NoFiles)),
            &["files-exhausted"],
        ),
        (
            "uncertain",
            &|recorder| {
                recorder.first_output(CHAT, ms(0), ms(0), ms(200));
                recorder.first_output_uncertainty(CHAT, ms(0), millis(3));
            },
            &["arrival-uncertain"],
        ),
        (
            "certain enough",
            &|recorder| {
                recorder.first_output(CHAT, ms(0), ms(0), ms(400));
                recorder.first_output_uncertainty(CHAT, ms(0), millis(3));
            },
            &[],
        ),
        (
            "dropped",
            &|recorder| recorder.dropped_iterations(ScenarioIndex(0), ms(1), DropReason::End, 3),
            &["dropped-iterations"],
        ),
    ];
    for (what, tell, expected) in cases {
        assert_eq!(codes(&with(tell)), expected, "{what}");
    }
}

#[test]
fn every_warning_says_what_to_do() {
    let dropped = |(count, reason)| Warning::DroppedIterations { reason, count };
    let dropped = (1..).zip(DropReason::ALL).map(dropped);
    let others = [
        Warning::GeneratorLate {
            what: Late::Starting,
            seen: Amount::Time(millis(7)),
            limit: Amount::Time(millis(1)),
        },
        Warning::GeneratorLate {
            what: Late::Events,
            seen: Amount::Share(0.25),
            limit: Amount::Share(0.01),
        },
        Warning::GeneratorBusy {
            share: 0.97,
            waited: 0.02,
        },
        Warning::GeneratorBusy {
            share: 0.1,
            waited: 0.62,
        },
        Warning::TooFewSamples {
            thresholds: 1,
            threshold: "ttft: p99 < 1s".into(),
            more: Some(268),
            of: "samples",
        },
        Warning::TooFewSamples {
            thresholds: 3,
            threshold: "ttft: p99 < 1s".into(),
            more: None,
            of: "samples",
        },
        Warning::PortsExhausted { count: 2 },
        Warning::FilesExhausted { count: 2 },
        Warning::LogIncomplete {
            reason: "no space left".into(),
        },
        Warning::ArrivalUncertain {
            seen: millis(5),
            limit: millis(2),
        },
        Warning::CutRequests {
            count: 3,
            share: 0.1,
        },
        Warning::CutInLine {
            count: 1,
            share: 0.02,
        },
        Warning::NothingSucceeded {
            reason: "5 × dns".into(),
            in_warm_up: false,
        },
    ];
    let messages = [
        "1 due iteration never begun, as all max_vus were busy",
        "2 due iterations never begun before the end of their load",
        "3 due iterations never begun, as the generator was late with them",
        "4 due iterations never begun, as their users had stopped",
        "5 due iterations never begun, as a data set had no row left",
        "requests began 7.0 ms late at p99; more than 1.0 ms makes the generator part of what is measured",
        "25.0 % of the output events were read late, together with others; more than 1.0 % makes the generator part of what is measured",
        "a worker thread used 97 % of a core for three seconds or longer",
        "a worker thread waited for a processor for 62 % of three seconds or longer",
        "too few samples to be sure of `ttft: p99 < 1s`: about 268 more samples would do",
        "too few samples to be sure of 3 thresholds, least of `ttft: p99 < 1s`: it lies too near its limit for any number of samples",
        "2 requests found no free local port",
        "2 requests found no free file descriptor",
        "the run log is incomplete: no space left",
        "the arrival of first outputs is uncertain by 5.0 ms at p99; more than 2.0 ms blurs ttft",
        "the end of the run cut 3 requests (10.0 %)",
        "1 request (2.0 %) was never sent: a user still waited for its turn under rate_limit when it was cut",
        "no request succeeded: 5 × dns",
    ];
    let all: Vec<Warning> = dropped.chain(others).collect();
    assert_eq!(all.len(), messages.len());
    for (warning, message) in all.iter().zip(messages) {
        assert_eq!(warning.message(), message);
        assert!(warning.advice().len() > 10, "{message}");
    }
    let advice: BTreeSet<_> = all[..4].iter().map(Warning::advice).collect();
    assert_eq!(advice.len(), 4, "each reason has its own cure");
}

#[test]
fn what_the_generator_was_late_with_is_not_held_against_the_service() {
    // (threshold, dropped with all users busy, dropped as the generator was late, verdict, judged again)
    let cases = [
        (
            "dropped_iterations",
            "count == 0",
            0,
            0,
            Verdict::Pass,
            None,
        ),
        (
            "dropped_iterations",
            "count == 0",
            0,
            9,
            Verdict::Inconclusive,
            Some(0.0),
        ),
        (
            "dropped_iterations",
            "count < 5",
            2,
            9,
            Verdict::Inconclusive,
            Some(2.0),
        ),
        (
            "dropped_iterations",
            "count < 5",
            6,
            9,
            Verdict::Fail,
            Some(6.0),
        ),
        ("dropped_iterations", "count < 5", 6, 0, Verdict::Fail, None),
        (
            "dropped_iterations",
            "rate < 1",
            5,
            9,
            Verdict::Inconclusive,
            Some(0.5),
        ),
        (
            "dropped_iterations{reason=late}",
            "count == 0",
            0,
            9,
            Verdict::Fail,
            None,
        ),
        (
            "dropped_iterations{reason=max_vus}",
            "count == 0",
            0,
            9,
            Verdict::Pass,
            None,
        ),
    ];
    for (metric, expression, busy, late, verdict, again) in cases {
        let run = run().threshold(metric, expression);
        let summary = run.sum_up(|recorder| {
            recorder.request(&plain(LIST, 1000, 100));
            for (reason, count) in [(DropReason::MaxVus, busy), (DropReason::Late, late)] {
                recorder.dropped_iterations(ScenarioIndex(0), ms(2000), reason, count);
            }
        });
        let what = format!("{metric}: {expression}, {busy} + {late}");
        assert_eq!(summary.verdict, verdict, "{what}");
        let judged = summary.thresholds[0].again;
        assert_eq!(judged.and_then(|again| again.observed), again, "{what}");
    }
}

#[test]
fn verdicts() {
    let good = |recorder: &mut Recorder| many(recorder, 400, &plain(LIST, 1000, 100));
    let few = |recorder: &mut Recorder| many(recorder, 10, &plain(LIST, 1000, 100));
    let refusals = |recorder: &mut Recorder| many(recorder, 10, &refused(LIST, 1000));
    let rejections = |recorder: &mut Recorder| {
        many(
            recorder,
            10,
            &Sample {
                outcome: crate::Outcome::Rejected,
                status: Some(429),
                ..plain(LIST, 1000, 1)
            },
        );
    };
    let nothing = |_: &mut Recorder| {};
    let strict = |run: Run| run.end(|end| end.strict = true);
    let interrupted = |run: Run| run.end(|end| end.stop_reason = StopReason::Interrupted);
    let all_may_fail = |run: Run| run.end(|end| end.allow_all_failed = true);
    let holds = || run().threshold("http_req_duration", "p99 < 1s");
    let breaks = || run().threshold("http_req_duration", "p99 < 50ms");
    type Tell<'a> = &'a dyn Fn(&mut Recorder);
    let cases: [(&str, Run, Tell<'_>, Verdict); 18] = [
        ("no threshold", run(), &good, Verdict::Pass),
        ("holds", holds(), &good, Verdict::Pass),
        ("breaks", breaks(), &good, Verdict::Fail),
        (
            "one of two breaks",
            breaks().threshold("http_reqs", "count > 1"),
            &good,
            Verdict::Fail,
        ),
        ("holds with few", holds(), &few, Verdict::Pass),
        (
            "holds with few, strictly",
            strict(holds()),
            &few,
            Verdict::Inconclusive,
        ),
        (
            "holds with enough, strictly",
            strict(holds()),
            &good,
            Verdict::Pass,
        ),
        (
            "breaks with few, strictly",
            strict(breaks()),
            &few,
            Verdict::Fail,
        ),
        (
            "no sample",
            run().threshold("ttft", "p95 < 1s"),
            &good,
            Verdict::Fail,
        ),
        ("all failed", run(), &refusals, Verdict::Fail),
        (
            "all may fail",
            all_may_fail(run()),
            &refusals,
            Verdict::Pass,
        ),
        (
            "all rejected as expected",
            run(),
            &rejections,
            Verdict::Fail,
        ),
        (
            "all may be rejected",
            all_may_fail(run()),
            &rejections,
            Verdict::Pass,
        ),
        (
            "one was answered",
            run(),
            &|recorder| {
                rejections(recorder);
                many(recorder, 1, &plain(LIST, 1000, 100));
            },
            Verdict::Pass,
        ),
        ("nothing finished", run(), &nothing, Verdict::Fail),
        (
            "a signal before anything finished",
            interrupted(holds()),
            &nothing,
            Verdict::Pass,
        ),
        (
            "a signal after all failed",
            interrupted(run()),
            &refusals,
            Verdict::Fail,
        ),
        (
            "a signal, and it broke before",
            interrupted(breaks()),
            &good,
            Verdict::Fail,
        ),
    ];
    for (what, run, tell, expected) in cases {
        assert_eq!(run.sum_up(tell).verdict, expected, "{what}");
    }
}

#[test]
fn one_line_says_why_nothing_succeeded() {
    type Refusals = &'static [(u16, u64)];
    let tell = |failures, refusals: Refusals| {
        run().sum_up(move |recorder| {
            many(recorder, failures, &hung(LIST, 1000, 500));
            many(recorder, failures + failures / 2, &refused(LIST, 1000));
            for &(status, count) in refusals {
                let refusal = Sample {
                    outcome: crate::Outcome::Rejected,
                    status: Some(status),
                    ..plain(LIST, 1000, 1)
                };
                many(recorder, count, &refusal);
                // Due after the end of starting: it decides nothing.
                many(
                    recorder,
                    1,
                    &Sample {
                        due: ms(10_500),
                        ..refusal
                    },
                );
            }
        })
    };
    let cases: [(u64, Refusals, &str); 5] = [
        (2, &[], "3 × connect_refused: connection refused"),
        (0, &[], "no request of the measured part finished"),
        (
            0,
            &[(429, 10)],
            "10 × status 429, which the scenario expects",
        ),
        (
            0,
            &[(429, 2), (503, 7)],
            "7 × status 503, 2 × status 429, which the scenario expects",
        ),
        (
            2,
            &[(429, 4)],
            "3 × connect_refused: connection refused; 4 × status 429, which the scenario expects",
        ),
    ];
    for (failures, refusals, reason) in cases {
        let summary = tell(failures, refusals);
        assert_eq!(summary.nothing_succeeded.as_deref(), Some(reason));
        assert_eq!(codes(&summary)[0], "nothing-succeeded", "{reason}");
    }
    assert_eq!(
        tell(2, &[(429, 9)]).nothing_succeeded.as_deref(),
        Some("9 × status 429, which the scenario expects; 3 × connect_refused: connection refused")
    );
}

#[test]
fn a_run_that_was_over_before_its_warm_up_says_so() {
    let run = run().end(|end| end.measured = (ms(5_000), ms(5_000)));
    let summary = run.sum_up(|recorder| many(recorder, 20, &plain(LIST, 1000, 100)));
    let reason = "all 20 requests were over before the warm-up was";
    assert_eq!(summary.nothing_succeeded.as_deref(), Some(reason));
    let advice = summary.warnings[0].advice();
    assert!(advice.contains("warm_up"), "{advice}");
    assert_eq!(summary.verdict, Verdict::Fail);
}

#[test]
fn too_few_samples_are_warned_of_once_for_all_thresholds() {
    let summary = run()
        .threshold("http_req_duration", "p95 < 101ms")
        .threshold("http_req_duration", "p99 < 1s")
        .threshold("http_req_waiting", "p99 < 1s")
        .threshold("http_req_duration", "p99.9 < 101ms")
        .threshold("http_req_duration", "p50 < 1s")
        .sum_up(|recorder| many(recorder, 100, &plain(LIST, 0, 100)));
    let threshold = "http_req_duration: p99.9 < 101ms".to_owned();
    assert_eq!(
        summary.warnings,
        [Warning::TooFewSamples {
            thresholds: 3,
            threshold,
            more: Some(3588),
            of: "samples"
        }]
    );
}

#[test]
fn the_generator_is_told_of() {
    let tell = |recorder: &mut Recorder| {
        many(recorder, 100, &plain(LIST, 1000, 100));
        let arrival = Arrival {
            at: ms(100),
            read: ms(101),
            kernel: true,
            fallback: false,
            uncertainty: Duration::ZERO,
        };
        recorder.arrival(LIST, ms(0), &arrival);
    };
    let generator = run().sum_up(tell).generator;
    assert_eq!(
        (
            generator.arrival_clock,
            generator.cpu_percent,
            generator.peak_rss_bytes
        ),
        (Some(ArrivalClock::Kernel), None, None)
    );
    assert_eq!(generator.schedule_lag.map(|lag| lag.max), Some(millis(1)));
    assert_eq!(generator.read_lag.map(|lag| lag.max), Some(millis(1)));
    let told = run().end(|end| {
        end.arrival_clock = Some(ArrivalClock::Read);
        (end.cpu_percent, end.peak_rss_bytes) = (Some(12.5), Some(99));
    });
    let generator = told.sum_up(tell).generator;
    assert_eq!(
        (
            generator.arrival_clock,
            generator.cpu_percent,
            generator.peak_rss_bytes
        ),
        (Some(ArrivalClock::Read), Some(12.5), Some(99))
    );
    let nothing = run().sum_up(|_| {}).generator;
    assert_eq!(nothing.arrival_clock, None, "nothing arrived");
}

#[test]
fn names_are_found_again() {
    for reason in [
        StopReason::Completed,
        StopReason::Interrupted,
        StopReason::Threshold,
        StopReason::Error,
    ] {
        assert_eq!(StopReason::from_name(reason.name()), Some(reason));
    }
    for metric in Metric::all() {
        assert_eq!(Metric::from_name(metric.name()), Some(metric));
    }
    assert_eq!(StopReason::from_name("done"), None);
}
