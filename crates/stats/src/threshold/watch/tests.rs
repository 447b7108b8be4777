//! Sliding windows, what stops a run, and what is judged again, from windows made by hand.

use super::*;
use crate::fixtures::{CHAT, LIST, failed, layout, millis, ms, plain};
use crate::ledger::Ledger;
use crate::{
    Arrival, Ending, ErrorKind, GeneratorSample, Recorder, RunEnd, Sample, StopReason, Summary,
    Unit, Verdict, VusRange, Warning,
};

/// A second of a run: what finished in it, and how the generator was.
#[derive(Clone, Copy)]
struct Second {
    /// Requests, each taking so many milliseconds.
    requests: u64,
    took: u64,
    failed: u64,
    /// Milliseconds that requests began late.
    lag: u64,
    /// Share of a core that a worker used.
    busy: f64,
}

const CALM: Second = Second {
    requests: 100,
    took: 100,
    failed: 0,
    lag: 0,
    busy: 0.2,
};
const SLOW: Second = Second { took: 900, ..CALM };
const NONE: Second = Second {
    requests: 0,
    ..CALM
};
/// Slow, and the generator's own figures pass the limit.
const LATE: Second = Second { lag: 60, ..SLOW };
const BUSY: Second = Second { busy: 0.97, ..SLOW };

struct Run {
    ledger: Ledger,
    layout: Arc<Layout>,
    windows: Vec<Window>,
    /// Warm-up in milliseconds.
    from: u64,
    /// The end of starting in milliseconds.
    until: u64,
    /// The measured part of the second scenario, where it has one of its own.
    probe: Option<(u64, u64)>,
    strict: bool,
    stop_reason: StopReason,
    /// Seconds after which a threshold had stopped it.
    stopped: Option<u64>,
}

fn run(thresholds: &[(&str, &str)], seconds: &[(u64, Second)]) -> Run {
    let length: u64 = seconds.iter().map(|(count, _)| count).sum();
    Run::new(thresholds, 0, length * 1000).tell(seconds)
}

impl Run {
    fn new(thresholds: &[(&str, &str)], from: u64, until: u64) -> Self {
        let layout = Arc::new(layout());
        let parse = |&(metric, expression): &(&str, &str)| {
            Threshold::parse(metric, expression, &layout).unwrap()
        };
        let thresholds = thresholds.iter().map(parse).collect();
        Self {
            ledger: Ledger::new(Arc::clone(&layout), thresholds),
            layout,
            windows: Vec::new(),
            from,
            until,
            probe: None,
            strict: false,
            stop_reason: StopReason::Completed,
            stopped: None,
        }
    }

    /// The seconds one after the other, each so many times.
    fn tell(mut self, seconds: &[(u64, Second)]) -> Self {
        for &(count, second) in seconds {
            for _ in 0..count {
                self.second(second);
            }
        }
        self
    }

    fn second(&mut self, second: Second) {
        let at = self.windows.len() as u64;
        let mut recorder = Recorder::new(Arc::clone(&self.layout));
        recorder.measure_all(ms(self.from), ms(self.until));
        if let Some((from, until)) = self.probe {
            recorder.measure(ScenarioIndex(1), ms(from), ms(until));
        }
        for number in 0..second.requests {
            // Done in this second, whenever it was due.
            let done = (at * 1000 + number * 9).max(second.took);
            let due = done.saturating_sub(second.took);
            let sample = Sample {
                due: ms(due),
                started: ms(due + second.lag),
                done: ms(done),
                ..plain(LIST, due, second.took)
            };
            recorder.began(LIST, sample.due, sample.started);
            if number < second.failed {
                recorder.request(&failed(sample, Ending::Broken, ErrorKind::Reset, "reset"));
            } else {
                recorder.request(&sample);
            }
        }
        self.ledger.add(recorder.totals());
        let generator = GeneratorSample {
            workers: vec![0.1, second.busy],
            ..GeneratorSample::default()
        };
        let vus = VusRange::steady(at + 1);
        let (start, end) = (ms(at * 1000), ms(at * 1000 + 1000));
        let window = self
            .ledger
            .close_window(start, end, vus, Some(generator))
            .clone();
        self.windows.push(window);
        if self.ledger.stops() && self.stopped.is_none() {
            self.stopped = Some(at + 1);
        }
    }

    fn end(&self) -> RunEnd {
        let ended = ms(self.windows.len() as u64 * 1000);
        RunEnd {
            strict: self.strict,
            ..RunEnd::new(self.stop_reason, (ms(self.from), ms(self.until)), ended)
        }
    }

    /// The summary; a replay of the windows must give the same.
    fn summary(mut self) -> Summary {
        let end = self.end();
        let thresholds = self.ledger.thresholds().to_vec();
        let mut replayed = Ledger::new(Arc::clone(&self.layout), thresholds);
        self.windows
            .iter()
            .for_each(|window| replayed.replay(window));
        assert_eq!(replayed.stops(), self.ledger.stops());
        let summary = self.ledger.finish(&end);
        assert_eq!(replayed.finish(&end), summary);
        summary
    }

    fn judged(self) -> Judged {
        self.summary().thresholds.remove(0)
    }
}

const DURATION: &str = "http_req_duration";

#[test]
fn sliding_windows() {
    // Expected: whether it holds, what was observed (within 1 %), and in which seconds.
    type Expected = Option<(bool, Option<f64>, Option<(u64, u64)>)>;
    type Case<'a> = (&'a str, &'a str, &'a str, &'a [(u64, Second)], Expected);
    let cases: &[Case<'_>] = &[
        (
            "three slow seconds",
            DURATION,
            "p95 < 500ms for 3s",
            &[(10, CALM), (3, SLOW), (5, CALM)],
            Some((false, Some(897.0), Some((8, 11)))),
        ),
        (
            "all of three seconds must be slow",
            DURATION,
            "min < 500ms for 3s",
            &[(10, CALM), (3, SLOW), (5, CALM)],
            Some((false, Some(897.0), Some((10, 13)))),
        ),
        (
            "one of thirty seconds is too few",
            DURATION,
            "p95 < 500ms for 30s",
            &[(30, CALM), (1, SLOW), (30, CALM)],
            Some((true, Some(97.0), Some((1, 31)))),
        ),
        (
            "the whole run is not judged",
            DURATION,
            "p50 < 500ms for 3s",
            &[(5, CALM), (2, NONE), (10, CALM)],
            Some((true, Some(97.0), Some((0, 3)))),
        ),
        (
            "an empty window is not judged",
            DURATION,
            "p95 > 50ms for 3s",
            &[(5, CALM), (9, NONE), (5, CALM)],
            Some((true, Some(97.0), Some((0, 3)))),
        ),
        (
            "no data",
            DURATION,
            "p95 < 500ms for 3s",
            &[(9, NONE)],
            Some((false, None, None)),
        ),
        (
            "counts per second",
            "http_reqs",
            "rate > 50/s for 3s",
            &[(5, CALM), (3, NONE), (5, CALM)],
            Some((false, Some(0.0), Some((5, 8)))),
        ),
        (
            "counts",
            "http_reqs",
            "count >= 200 for 2s",
            &[(5, CALM)],
            Some((true, Some(200.0), Some((0, 2)))),
        ),
        (
            "shares",
            "http_req_failed",
            "rate < 10% for 2s",
            &[(3, CALM), (1, Second { failed: 50, ..CALM }), (3, CALM)],
            Some((false, Some(25.0), Some((2, 4)))),
        ),
        (
            "users",
            "vus",
            "max < 9 for 2s",
            &[(8, CALM)],
            Some((true, Some(8.0), Some((6, 8)))),
        ),
        (
            "too short a run",
            DURATION,
            "p95 < 1s for 9s",
            &[(8, SLOW)],
            None,
        ),
        (
            "not before",
            DURATION,
            "p95 < 1s for 3s after 9s",
            &[(8, SLOW)],
            None,
        ),
        (
            "earlier samples count",
            DURATION,
            "max < 500ms for 3s after 9s",
            &[(6, CALM), (1, SLOW), (5, CALM)],
            Some((false, Some(897.0), Some((6, 9)))),
        ),
        (
            "what was before is not judged",
            DURATION,
            "max < 500ms for 3s after 9s",
            &[(5, CALM), (1, SLOW), (5, CALM)],
            Some((true, Some(97.0), Some((6, 9)))),
        ),
    ];
    for (what, metric, expression, seconds, expected) in cases {
        let seen = run(&[(metric, expression)], seconds).judged();
        let Some((ok, observed, window)) = *expected else {
            assert!(
                !seen.judged && seen.needs.is_some() && seen.observed.is_none(),
                "{what}: {seen:?}"
            );
            continue;
        };
        assert!(seen.judged, "{what}: {seen:?}");
        assert_eq!(seen.ok, ok, "{what}: {seen:?}");
        let near = |seen: f64, wanted: f64| (seen - wanted).abs() <= wanted / 100.0;
        let same = match (seen.observed, observed) {
            (Some(seen), Some(wanted)) => near(seen, wanted),
            (seen, wanted) => seen == wanted,
        };
        assert!(same, "{what}: {seen:?}");
        let window = window.map(|(from, until)| (ms(from * 1000), ms(until * 1000)));
        assert_eq!(seen.window, window, "{what}");
    }
}

#[test]
fn sliding_windows_lie_in_the_measured_part() {
    let check = |metric: &str, expression: &str, window: (u64, u64)| {
        // Warm-up is slow; and after the end of starting only the slow are left.
        let mut run = Run::new(&[(metric, expression)], 3_000, 13_000);
        run.probe = Some((6_000, 11_000));
        let judged = run.tell(&[(3, SLOW), (10, CALM), (4, SLOW)]).judged();
        assert!(judged.ok, "{judged:?}");
        let window = (ms(window.0 * 1000), ms(window.1 * 1000));
        assert_eq!(judged.window, Some(window), "{metric}: {expression}");
    };
    check(DURATION, "max < 500ms for 3s", (3, 6));
    check(DURATION, "max < 500ms for 10s", (3, 13));
    // Counted from the end of warm-up.
    check(DURATION, "max < 500ms for 3s after 5s", (5, 8));
    check("http_reqs", "rate > 90/s for 3s", (3, 6));
    // A scenario is measured in its own part.
    check("http_reqs{scenario=probe}", "rate < 1/s for 3s", (6, 9));
    check(
        "http_reqs{scenario=probe}",
        "rate < 1/s for 1s after 3s",
        (8, 9),
    );
}

#[test]
fn a_threshold_that_the_run_was_too_short_for_is_not_judged() {
    let check = |expression, strict, stop_reason, verdict| {
        let mut run = run(&[(DURATION, expression)], &[(8, SLOW)]);
        (run.strict, run.stop_reason) = (strict, stop_reason);
        let summary = run.summary();
        let judged = &summary.thresholds[0];
        assert_eq!(
            (judged.judged, judged.needs),
            (false, Some(Duration::from_secs(10)))
        );
        assert_eq!(summary.verdict, verdict, "{expression}");
    };
    use {StopReason::*, Verdict::*};
    for expression in [
        "p95 < 500ms for 10s",
        "p95 < 500ms after 10s",
        "p95 < 500ms for 2s after 10s",
    ] {
        check(expression, false, Completed, Inconclusive);
        check(expression, true, Completed, Inconclusive);
        check(expression, true, Interrupted, Pass);
    }
}

#[test]
fn a_failure_stops_the_run_once_it_is_firm() {
    let failing = |failed| Second { failed, ..CALM };
    type Case<'a> = (&'a str, &'a str, &'a [(u64, Second)], Option<u64>);
    let cases: &[Case<'_>] = &[
        (DURATION, "p95 < 500ms abort", &[(3, SLOW)], Some(2)),
        (DURATION, "p50 < 500ms abort", &[(3, SLOW)], Some(1)),
        (DURATION, "p50 < 500ms", &[(3, SLOW)], None),
        (
            DURATION,
            "p50 < 500ms after 2s abort",
            &[(3, SLOW)],
            Some(2),
        ),
        (
            DURATION,
            "p50 < 500ms for 2s abort",
            &[(9, CALM), (3, SLOW)],
            Some(11),
        ),
        (
            DURATION,
            "p50 < 500ms for 2s after 12s abort",
            &[(9, CALM), (3, SLOW)],
            Some(12),
        ),
        // The whole run so far is still fast.
        (DURATION, "p50 < 500ms abort", &[(9, CALM), (3, SLOW)], None),
        // Fewer than ten samples beyond it.
        (DURATION, "p99 < 500ms abort", &[(9, SLOW)], None),
        (DURATION, "avg < 500ms abort", &[(9, SLOW)], Some(1)),
        (
            DURATION,
            "max < 500ms abort",
            &[(9, CALM), (1, SLOW)],
            Some(10),
        ),
        (
            "http_req_failed",
            "rate < 1% abort",
            &[(1, CALM), (9, failing(3))],
            Some(5),
        ),
        ("http_req_failed", "rate > 1% abort", &[(3, CALM)], Some(1)),
        ("http_reqs", "rate > 200/s abort", &[(3, CALM)], Some(1)),
        ("http_reqs", "rate > 1/s abort", &[(3, CALM)], None),
        ("http_reqs", "rate > 1/s abort", &[(20, NONE)], Some(10)),
        ("http_reqs", "rate < 50/s abort", &[(3, CALM)], Some(1)),
        ("http_reqs", "count < 250 abort", &[(9, CALM)], Some(3)),
        (
            "http_reqs",
            "count > 500 after 4s abort",
            &[(9, CALM)],
            Some(4),
        ),
        ("vus", "max < 4 abort", &[(9, CALM)], Some(4)),
        ("ttft", "p95 < 2s abort", &[(9, CALM)], None),
    ];
    for (metric, expression, seconds, stopped) in cases {
        let mut run = run(&[(metric, expression)], seconds);
        run.stop_reason = StopReason::Threshold;
        assert_eq!(run.stopped, *stopped, "{metric}: {expression}");
        let judged = run.judged();
        assert_eq!(
            judged.stopped_at,
            stopped.map(|at| ms(at * 1000)),
            "{metric}: {expression}"
        );
    }
}

#[test]
fn what_stopped_the_run_has_failed_whatever_came_after() {
    let run_of_it = || run(&[(DURATION, "p50 < 500ms abort")], &[(1, SLOW), (9, CALM)]);
    let mut run = run_of_it();
    run.stop_reason = StopReason::Threshold;
    let summary = run.summary();
    let judged = &summary.thresholds[0];
    assert!(!judged.ok && judged.failed(), "{judged:?}");
    assert!(
        judged.observed.is_some_and(|seen| seen > 800.0),
        "{judged:?}"
    );
    assert_eq!(summary.verdict, Verdict::Fail);
    // It came with the end of the load: the whole counts.
    let judged = run_of_it().judged();
    assert!(judged.ok && judged.stopped_at.is_none(), "{judged:?}");
}

/// What came of judging again: what was observed (within 1 %), the seconds, and whether it fails.
type Again = Option<(Option<f64>, u64, bool)>;

#[track_caller]
fn check_again(
    metric: &str,
    expression: &str,
    seconds: &[(u64, Second)],
    expected: Again,
    verdict: Verdict,
) {
    let summary = run(&[(metric, expression)], seconds).summary();
    let judged = &summary.thresholds[0];
    let again = judged.again.map(|again| {
        (
            again.observed.map(f64::round),
            again.length.as_secs(),
            again.fails,
        )
    });
    assert_eq!(again, expected, "{judged:?}");
    assert_eq!(summary.verdict, verdict, "{judged:?}");
    assert_eq!(judged.is_open(), verdict == Verdict::Inconclusive);
    assert_eq!(judged.failed(), verdict == Verdict::Fail);
}

#[test]
fn what_failed_while_the_generator_was_the_limit_is_judged_again() {
    use Verdict::*;
    let fast = Some(97.0);
    // It fails only where the generator was late or busy.
    check_again(
        DURATION,
        "p95 < 500ms",
        &[(20, CALM), (5, LATE)],
        Some((fast, 20, false)),
        Inconclusive,
    );
    check_again(
        DURATION,
        "p95 < 500ms",
        &[(20, CALM), (5, BUSY)],
        Some((fast, 20, false)),
        Inconclusive,
    );
    // It fails elsewhere too.
    let slow = Some(897.0);
    check_again(
        DURATION,
        "p95 < 500ms",
        &[(20, CALM), (5, SLOW), (5, LATE)],
        Some((slow, 25, true)),
        Fail,
    );
    // Under ten seconds are left.
    check_again(
        DURATION,
        "p95 < 500ms",
        &[(9, SLOW), (20, LATE)],
        Some((slow, 9, false)),
        Inconclusive,
    );
    check_again(
        DURATION,
        "p95 < 500ms",
        &[(10, SLOW), (20, LATE)],
        Some((slow, 10, true)),
        Fail,
    );
    check_again(
        DURATION,
        "p95 < 500ms",
        &[(20, LATE)],
        Some((None, 0, false)),
        Inconclusive,
    );
    // Nothing is left out: there is nothing to judge again. Two busy seconds are no warning.
    check_again(DURATION, "p95 < 500ms", &[(20, SLOW)], None, Fail);
    check_again(
        DURATION,
        "p95 < 500ms",
        &[(20, CALM), (2, BUSY), (9, SLOW)],
        None,
        Fail,
    );
    // A busy while reaches back to its first second.
    check_again(
        DURATION,
        "max < 500ms",
        &[(20, CALM), (3, BUSY), (9, CALM)],
        Some((fast, 29, false)),
        Inconclusive,
    );
    // Shares of failures and counts are not the generator's.
    check_again(
        "http_req_failed",
        "rate < 1%",
        &[(20, CALM), (5, Second { failed: 50, ..LATE })],
        None,
        Fail,
    );
    check_again(
        "http_reqs",
        "count > 9999",
        &[(20, CALM), (5, LATE)],
        None,
        Fail,
    );
    // Counts per second and goodput may be.
    let few = Second {
        requests: 10,
        ..LATE
    };
    check_again(
        "http_reqs",
        "rate > 90/s",
        &[(20, CALM), (5, few)],
        Some((Some(100.0), 20, false)),
        Inconclusive,
    );
    check_again(
        "http_reqs",
        "rate > 190/s",
        &[(20, CALM), (5, few)],
        Some((Some(100.0), 20, true)),
        Fail,
    );
    check_again(
        "goodput{step=list}",
        "rate > 95%",
        &[(20, CALM), (5, LATE)],
        Some((Some(100.0), 20, false)),
        Inconclusive,
    );
    // Too little is left, but over the whole run the generator was not the limit.
    let by_chance = [
        (8, SLOW),
        (
            1,
            Second {
                requests: 5,
                ..LATE
            },
        ),
    ];
    check_again(DURATION, "p95 < 500ms", &by_chance, None, Fail);
    // One late request is enough to break the maximum.
    let one = [(150, CALM), (1, LATE), (150, CALM)];
    check_again(
        DURATION,
        "max < 500ms",
        &one,
        Some((fast, 300, false)),
        Inconclusive,
    );
    // No data fails, whatever the generator did.
    check_again("ttft", "p95 < 2s", &[(20, LATE)], None, Fail);
}

#[test]
fn sliding_windows_are_judged_again_without_the_windows_that_are_flagged() {
    use Verdict::*;
    let seconds = [(20, CALM), (3, LATE), (20, CALM)];
    check_again(
        DURATION,
        "p95 < 500ms for 3s",
        &seconds,
        Some((Some(97.0), 40, false)),
        Inconclusive,
    );
    let seconds = [(20, CALM), (3, LATE), (3, SLOW), (20, CALM)];
    check_again(
        DURATION,
        "p95 < 500ms for 3s",
        &seconds,
        Some((Some(897.0), 43, true)),
        Fail,
    );
    // Too little is left, but over the worst sliding window the generator was not the limit.
    let few = Second {
        requests: 1,
        ..LATE
    };
    check_again(
        DURATION,
        "p95 < 500ms for 9s",
        &[(2, SLOW), (1, few), (6, SLOW)],
        None,
        Fail,
    );
    // Never three clean seconds.
    let seconds = [(2, CALM), (20, LATE)];
    check_again(
        DURATION,
        "p95 < 500ms for 3s",
        &seconds,
        Some((None, 2, false)),
        Inconclusive,
    );
}

#[test]
fn a_time_that_holds_in_a_closed_load_may_flatter() {
    let late = Second { took: 100, ..LATE };
    let check = |metric: &str, expression: &str, seconds: &[(u64, Second)], flatters, strict| {
        let mut run = run(&[(metric, expression)], seconds);
        run.strict = true;
        let summary = run.summary();
        assert_eq!(
            summary.thresholds[0].may_flatter, flatters,
            "{metric}: {expression}"
        );
        assert_eq!(summary.verdict, strict, "{metric}: {expression}");
    };
    use Verdict::*;
    check(DURATION, "p50 < 500ms", &[(20, late)], true, Inconclusive);
    check(
        DURATION,
        "p50 < 500ms",
        &[(20, Second { took: 100, ..BUSY })],
        true,
        Inconclusive,
    );
    check(
        DURATION,
        "p50 < 500ms for 3s",
        &[(20, late)],
        true,
        Inconclusive,
    );
    check(DURATION, "p50 < 500ms", &[(20, CALM)], false, Pass);
    check(DURATION, "count > 5", &[(20, late)], false, Pass);
    check("http_req_failed", "rate < 5%", &[(20, late)], false, Pass);
    check(
        "http_req_duration{scenario=users}",
        "p50 < 500ms",
        &[(20, late)],
        true,
        Inconclusive,
    );
    // Without --strict it is marked and passes.
    let summary = run(&[(DURATION, "p50 < 500ms")], &[(20, late)]).summary();
    assert!(summary.thresholds[0].may_flatter);
    assert_eq!(summary.verdict, Pass);
    let warned = |warning: &Warning| matches!(warning, Warning::GeneratorLate { .. });
    assert!(summary.warnings.iter().any(warned));
}

#[test]
fn after_an_hour_windows_are_ten_seconds_long() {
    let check = |expression: &str, expected: (u64, u64)| {
        let judged = run(
            &[(DURATION, expression)],
            &[(3595, NONE), (17, CALM), (10, SLOW), (12, CALM)],
        )
        .judged();
        assert!(!judged.ok, "{judged:?}");
        assert_eq!(
            judged.window,
            Some((ms(expected.0 * 1000), ms(expected.1 * 1000))),
            "{expression}"
        );
    };
    // A span that is no multiple of ten is rounded up.
    check("p50 < 500ms for 2s", (3610, 3620));
    check("avg < 500ms for 10s", (3610, 3620));
    check("p90 < 500ms for 15s", (3600, 3620));
}

#[test]
fn coarse_records_judge_as_the_run_did() {
    let thresholds = [
        (DURATION, "p95 < 500ms for 30s"),
        (DURATION, "p95 < 500ms for 15s after 1h"),
        (DURATION, "p99 < 500ms abort"),
        (DURATION, "p95 < 500ms"),
        ("http_reqs", "rate > 90/s for 20s"),
        ("http_reqs", "rate > 95/s"),
    ];
    let seconds = [
        (3570, NONE),
        (20, CALM),
        (20, NONE),
        (40, SLOW),
        (13, BUSY),
        (22, CALM),
        (9, LATE),
        (3, CALM),
    ];
    let run = run(&thresholds, &seconds);
    let (layout, end) = (Arc::clone(&run.layout), run.end());
    let mut log = Gathering::default();
    let mut coarse = Ledger::new(layout, run.ledger.thresholds().to_vec());
    let mut records = 0;
    for window in &run.windows {
        if let Some(record) = log.take(window) {
            coarse.replay(&record);
            records += 1;
        }
    }
    if let Some(record) = log.rest() {
        coarse.replay(&record);
    }
    assert!(records < run.windows.len());
    let expected = run.summary();
    assert_eq!(coarse.finish(&end).thresholds, expected.thresholds);
    assert!(
        expected
            .thresholds
            .iter()
            .any(|judged| judged.again.is_some())
    );
}

#[test]
fn arrivals_read_late_flag_their_window() {
    let mut run = run(&[(DURATION, "p95 < 50ms")], &[(15, CALM)]);
    let window = run.windows[3].clone();
    let mut recorder = Recorder::new(Arc::clone(&run.layout));
    for _ in 0..100 {
        recorder.arrival(
            LIST,
            ms(15_000),
            &Arrival {
                at: ms(15_100),
                read: ms(15_180),
                kernel: true,
                fallback: false,
                uncertainty: millis(0),
            },
        );
    }
    run.ledger.add(recorder.totals());
    run.ledger.add(&window.totals);
    run.ledger
        .close_window(ms(15_000), ms(16_000), VusRange::default(), None);
    recorder = Recorder::new(Arc::clone(&run.layout));
    recorder.output_events(CHAT, ms(16_000), 10);
    recorder.coalesced(CHAT, ms(16_000), 1, true);
    run.ledger.add(recorder.totals());
    run.ledger
        .close_window(ms(16_000), ms(17_000), VusRange::default(), None);
    let judged = run.ledger.finish(&run.end()).thresholds.remove(0);
    assert_eq!(
        judged.again.map(|again| again.length),
        Some(Duration::from_secs(15))
    );
    assert_eq!(judged.unit, Unit::Milliseconds);
}
