//! What is done once in a run: before its first user, and after its last.

use crate::support::{Service, count, outcome_stopped, plan};
use loadgen_engine::{Outcome, Stop};
use loadgen_stats::{Counter, Rate, StepRole, StopReason, Summary, Trend, Verdict, Warning};
use std::time::Duration;

const TIME: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);
/// A setup of 5.3 s, and a teardown of 3.1 s.
const ENDS: &str = "\
    [[setup]]\nname = \"prepare\"\npost = \"/setup/slow\"\n[[setup]]\nthink = \"5s\"\n\
    [[teardown]]\nthink = \"3s\"\n[[teardown]]\nname = \"clear\"\nget = \"/teardown\"\n";
const STEP: &str = "[[step]]\nget = \"/a\"\n";

/// Carries out a file with these lines before its load of a minute, and with these stops.
async fn run(
    lines: &str,
    load: &str,
    tables: &str,
    service: &Service,
    stops: &[(Duration, Stop)],
) -> Outcome {
    let text = format!("target = \"http://127.0.0.1:1\"\n{lines}\nload = {{ {load} }}\n{tables}");
    outcome_stopped(plan(&text), 2, service, stops).await
}

fn service() -> Service {
    Service::noting(TIME, &[("/setup/slow", TIME * 3)])
}

fn warnings(summary: &Summary) -> Vec<String> {
    let told = summary.warnings.iter();
    let told = told.filter(|one| matches!(one, Warning::TeardownFailed { .. }));
    told.map(Warning::message).collect()
}

/// Whether the teardown was begun.
fn is_torn_down(service: &Service) -> bool {
    !service.calls("/teardown").is_empty()
}

#[tokio::test(start_paused = true)]
async fn what_is_done_once_is_in_no_figure_of_the_run() {
    let several = "[[scenario]]\nname = \"a\"\nstep = [{ get = \"/a\" }]\n\
                   [[scenario]]\nname = \"b\"\nstep = [{ get = \"/a\" }]\n";
    for (load, steps) in [
        ("vus = 4, iterations = 20", STEP),
        ("rate = 4, duration = \"5s\"", STEP),
        ("vus = 4, iterations = 20", several),
    ] {
        for workers in [1, 2, 7] {
            let text =
                format!("target = \"http://127.0.0.1:1\"\nload = {{ {load} }}\n{ENDS}{steps}");
            let service = service();
            let outcome = outcome_stopped(plan(&text), workers, &service, &[]).await;
            let summary = &outcome.summary;
            assert_eq!(outcome.setup_failed, None);
            assert_eq!(summary.verdict, Verdict::Pass, "{load}");
            let calls = |path| service.calls(path).len();
            assert_eq!(
                [calls("/setup"), calls("/teardown"), calls("/a")],
                [1, 1, 20]
            );
            assert_eq!(count(summary, Counter::HttpReqs), 20, "{load}");
            assert_eq!(count(summary, Counter::Iterations), 20, "{load}");
            assert!(summary.duration <= SECOND * 6, "{:?}", summary.duration);
            let longest = |trend| summary.metrics.trend(trend).expect("times").max.value;
            assert_eq!(longest(Trend::HttpReqLatency), TIME, "{load}");
            // They have figures of their own, with the first scenario and the last.
            let first = summary.scenarios[0].steps.first();
            let last = summary.scenarios.last().and_then(|one| one.steps.last());
            let own = [first, last].map(|step| {
                let step = step.expect("a step");
                let times = step.metrics.trend(Trend::HttpReqDuration);
                (
                    step.name.as_str(),
                    step.role,
                    times.map(|times| times.max.value),
                )
            });
            let expected = [
                ("prepare", StepRole::Setup, Some(TIME * 3)),
                ("clear", StepRole::Teardown, Some(TIME)),
            ];
            assert_eq!(own, expected, "{load}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_setup_fails_nobody_begins() {
    const FAILED: &str = "the step `prepare` failed: reset: the peer reset the connection";
    const REFUSED: &str =
        "the step `prepare` had an answer that is allowed (status 429), but nothing to extract";
    let extract = "extract = { id = \"$.id\" }\nexpect = { status = [200, 429] }\n";
    for (step, fails, refuses, told) in [
        ("", 1, 0, Some(FAILED)),
        ("on_failure = \"next_iteration\"\n", 1, 0, Some(FAILED)),
        (extract, 0, 1, Some(REFUSED)),
        ("on_failure = \"continue\"\n", 1, 0, None),
        ("retry = { on = \"reset\" }\n", 1, 0, None),
    ] {
        // What the file says of all steps is about users.
        let tables = format!(
            "[defaults]\non_failure = \"continue\"\n[[setup]]\nname = \"prepare\"\nget = \"/setup\"\n{step}[[setup]]\nname = \"more\"\nget = \"/more\"\n[[teardown]]\nget = \"/teardown\"\n{STEP}"
        );
        let mut service = service();
        (service.fail_below, service.refuse_below.0) = (fails, refuses);
        let load = "vus = 4, iterations = 20";
        let outcome = run("", load, &tables, &service, &[]).await;
        assert_eq!(outcome.setup_failed.as_deref(), told, "{step}");
        let (summary, failed) = (&outcome.summary, told.is_some());
        assert_eq!(is_torn_down(&service), !failed, "{step}");
        assert_eq!(service.calls("/more").is_empty(), failed, "{step}");
        let begun = if failed { 0 } else { 20 };
        assert_eq!(service.calls("/a").len(), begun, "{step}");
        assert_eq!(count(summary, Counter::Iterations), begun as u64, "{step}");
        assert_eq!(count(summary, Counter::DroppedIterations), 0, "{step}");
        assert_eq!(summary.metrics.rate(Rate::HttpReqFailed).0, 0, "{step}");
        let reason = [StopReason::Completed, StopReason::Error][usize::from(failed)];
        assert_eq!(summary.stop_reason, reason, "{step}");
        assert_eq!(summary.peak_vus, if failed { 0 } else { 4 }, "{step}");
        let errors: Vec<&str> = summary.errors.iter().map(|one| one.step.as_str()).collect();
        let told = if told == Some(REFUSED) || step.contains("retry") {
            &[][..]
        } else {
            &["prepare"]
        };
        assert_eq!(errors, told, "{step}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_done_once_has_its_limit() {
    let load = "vus = 1, iterations = 1";
    let tables = format!("{ENDS}{STEP}");
    for (lines, setup, teardown) in [
        ("", None, None),
        (
            "setup_timeout = \"4s\"",
            Some("it took longer than 4s (setup_timeout)"),
            None,
        ),
        (
            "teardown_timeout = \"2s\"",
            None,
            Some("the teardown did not come to its end: it took longer than 2s (teardown_timeout)"),
        ),
    ] {
        let outcome = run(lines, load, &tables, &service(), &[]).await;
        assert_eq!(outcome.setup_failed.as_deref(), setup, "{lines}");
        let told: Vec<&str> = teardown.into_iter().collect();
        assert_eq!(warnings(&outcome.summary), told, "{lines}");
        if setup.is_none() {
            assert_eq!(outcome.summary.verdict, Verdict::Pass, "{lines}");
        }
    }
    // Nothing says how long: a minute.
    let long = tables.replace("5s", "2m");
    let outcome = run("", load, &long, &service(), &[]).await;
    let told = outcome.setup_failed.expect("it takes too long");
    assert_eq!(told, "it took longer than 1m (setup_timeout)");
}

#[tokio::test(start_paused = true)]
async fn a_failed_teardown_is_a_warning() {
    let tables = format!("{STEP}[[teardown]]\nname = \"clear\"\nget = \"/teardown\"\n");
    let mut service = service();
    // Every second request fails: the load has one, which is fine.
    service.fail_each = 2;
    let outcome = run("", "vus = 1, iterations = 1", &tables, &service, &[]).await;
    assert_eq!(outcome.setup_failed, None);
    assert_eq!(
        warnings(&outcome.summary),
        [
            "the teardown did not come to its end: the step `clear` failed: reset: the peer reset the connection"
        ]
    );
    assert_eq!(outcome.summary.verdict, Verdict::Pass);
    assert_eq!(outcome.summary.stop_reason, StopReason::Completed);
}

/// Signals and when they come; whether users begin, whether all is torn down, and what is told.
type Signalled<'a> = (&'a [(Duration, Stop)], bool, bool, &'a [&'a str]);

#[tokio::test(start_paused = true)]
async fn signals_end_what_is_done_once() {
    use Stop::{Cut, Drain};
    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }
    let tables = format!("{ENDS}{STEP}");
    // The setup takes 5.3 s, the load 10 s, the teardown 3.1 s.
    let cases: [Signalled<'_>; 6] = [
        (&[], true, true, &[]),
        (&[(at(2), Drain)], false, false, &[]),
        (&[(at(8), Drain)], true, true, &[]),
        (
            &[(at(8), Drain), (at(9), Cut)],
            true,
            true,
            &["the teardown did not come to its end: a signal ended it"],
        ),
        (
            &[(at(8), Cut)],
            true,
            false,
            &["the teardown did not come to its end: a signal ended it"],
        ),
        (&[(at(16), Drain)], true, true, &[]),
    ];
    for (stops, begins, torn_down, told) in cases {
        let service = service();
        let load = "vus = 1, duration = \"10s\"";
        let outcome = run("", load, &tables, &service, stops).await;
        assert_eq!(outcome.setup_failed, None, "{stops:?}");
        assert_eq!(!service.calls("/a").is_empty(), begins, "{stops:?}");
        let teardown = is_torn_down(&service);
        // The request comes 3 s after the beginning: where a signal ended it before, it is not sent.
        assert_eq!(teardown, torn_down && told.is_empty(), "{stops:?}");
        assert_eq!(warnings(&outcome.summary), told, "{stops:?}");
        let while_it_ran = stops.first().is_some_and(|(at, _)| *at < SECOND * 15);
        let reason = [StopReason::Completed, StopReason::Interrupted][usize::from(while_it_ran)];
        assert_eq!(outcome.summary.stop_reason, reason, "{stops:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_setup_was_given_grows_old_until_the_teardown() {
    // Both are by one clock: a token that ends after a minute has ended by the teardown.
    let service = service();
    let tables = format!("{ENDS}{STEP}");
    run("", "vus = 1, duration = \"1m\"", &tables, &service, &[]).await;
    let at = |path| service.calls(path)[0].1.as_duration();
    assert!(at("/setup") < SECOND);
    // 5.3 s of setup, the minute, 3 s of thinking.
    let passed = at("/teardown") - SECOND * 68;
    assert!((SECOND / 4..SECOND * 2).contains(&passed), "{passed:?}");
}
