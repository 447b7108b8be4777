//! Requests whose rate has a cap.

use crate::support::{Call, Service, count, plan, stopped, undisturbed};
use loadgen_engine::Stop;
use loadgen_stats::{Counter, Summary, Trend, Warning};
use std::time::Duration;

const TIME: Duration = Duration::from_millis(250);

async fn run(text: &str, workers: usize) -> (Summary, Vec<Call>) {
    let text = format!("target = \"http://127.0.0.1:1\"\n{text}");
    let service = Service::noting(TIME, &[]);
    let summary = undisturbed(plan(&text), workers, &service).await;
    let calls = service.calls("/");
    (summary, calls)
}

fn millis(calls: &[Call], path: &str) -> Vec<u64> {
    let own = calls.iter().filter(|call| call.0.starts_with(path));
    own.map(|call| call.1.as_nanos() / 1_000_000).collect()
}

fn longest(summary: &Summary, trend: Trend) -> Duration {
    summary.metrics.trend(trend).expect("times").max.value
}

#[tokio::test(start_paused = true)]
async fn a_step_begins_in_exact_turns() {
    let text = "load = { vus = 20, iterations = 50 }\n[[step]]\nget = \"/a\"\nrate_limit = \"10/s\"\n[[step]]\nget = \"/b\"\n[thresholds]\n\"rate_limit_wait{step=GET /a}\" = [\"count == 50\", \"max < 3s\"]\n";
    for workers in [1, 2, 7] {
        let (summary, calls) = run(text, workers).await;
        let turns: Vec<u64> = (0..50).map(|turn| turn * 100).collect();
        assert_eq!(millis(&calls, "/a"), turns, "{workers} workers");
        // The step after it begins when the answer is there.
        let after: Vec<u64> = turns.iter().map(|turn| turn + 250).collect();
        assert_eq!(millis(&calls, "/b"), after, "{workers} workers");
        // The wait is in the iteration, and in no time of a request.
        assert_eq!(longest(&summary, Trend::ScheduleLag), Duration::ZERO);
        assert_eq!(longest(&summary, Trend::HttpReqLatency), TIME);
        assert_eq!(longest(&summary, Trend::HttpReqBlocked), Duration::ZERO);
        // 20 users take turns of 0.1 s, and each is away for 0.5 s.
        let waited = longest(&summary, Trend::RateLimitWait);
        assert_eq!(waited, Duration::from_millis(1_900), "{workers} workers");
        let iteration = longest(&summary, Trend::IterationDuration);
        assert_eq!(iteration, waited + TIME * 2, "{workers} workers");
        let held: Vec<bool> = summary.thresholds.iter().map(|one| one.ok).collect();
        assert_eq!(held, [true, true], "{:?}", summary.thresholds);
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_share_a_cap_take_turns() {
    let two = "[[scenario]]\nname = \"one\"\n{one}\nload = { vus = 5, duration = \"3s\" }\nbefore = [{ get = \"/one/login\" }]\nstep = [{ get = \"/one/a\" }, { parallel = [{ get = \"/one/b\" }, { get = \"/one/c\" }] }]\n[[scenario]]\nname = \"two\"\n{two}\nload = { rate = \"20/s\", duration = \"3s\" }\nstep = [{ get = \"/two\" }]\n";
    for (file, one, other, limited) in [
        ("rate_limit = \"10/s\"", "", "", &[("/", 100)][..]),
        ("", "rate_limit = \"10/s\"", "", &[("/one", 100)]),
        (
            "",
            "rate_limit = \"4/s\"",
            "rate_limit = \"10/s\"",
            &[("/one", 250), ("/two", 100)],
        ),
    ] {
        let scenarios = two.replace("{one}", one).replace("{two}", other);
        for workers in [1, 2, 7] {
            let (summary, calls) = run(&format!("{file}\n{scenarios}"), workers).await;
            for (path, gap) in limited {
                let at = millis(&calls, path);
                // At the end there may be nobody for a turn.
                let busy: Vec<u64> = at.iter().copied().filter(|at| *at < 2_500).collect();
                let turns: Vec<u64> = (0..2_500 / gap).map(|turn| turn * gap).collect();
                assert_eq!(busy, turns, "{path} of {file} {one}, {workers} workers");
                assert!(
                    at.windows(2).all(|pair| pair[1] - pair[0] >= *gap),
                    "{path}"
                );
            }
            assert_eq!(longest(&summary, Trend::HttpReqLatency), TIME);
            if file.is_empty() && other.is_empty() {
                assert_eq!(millis(&calls, "/two").len(), 60, "{workers} workers");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_in_time_does_not_wait() {
    for (load, calls) in [
        ("rate = \"5/s\", duration = \"4s\"", 20),
        ("vus = 1, duration = \"4s\"", 16),
    ] {
        let text = format!("load = {{ {load} }}\n[[step]]\nget = \"/a\"\nrate_limit = \"10/s\"\n");
        let (summary, seen) = run(&text, 2).await;
        assert_eq!(seen.len(), calls, "{load}");
        assert_eq!(longest(&summary, Trend::RateLimitWait), Duration::ZERO);
        assert_eq!(longest(&summary, Trend::IterationDuration), TIME, "{load}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_saves_turns_up() {
    // All come at once, after a second in which nobody came.
    let text = "load = { executor = \"per-vu-iterations\", vus = 5, iterations = 1 }\n[[step]]\nthink = \"1s\"\n[[step]]\nget = \"/a\"\nrate_limit = \"2/s\"\nrepeat = 2\n";
    for workers in [1, 2, 7] {
        let (_, calls) = run(text, workers).await;
        let turns: Vec<u64> = (0..10).map(|turn| 1_000 + turn * 500).collect();
        assert_eq!(millis(&calls, "/a"), turns, "{workers} workers");
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_take_turns() {
    let text = "target = \"http://127.0.0.1:1\"\nload = { vus = 2, iterations = 2 }\n[[step]]\nget = \"/a\"\nrate_limit = \"1/s\"\nretry = { on = \"reset\", max = 3, backoff = \"1ms\" }\n";
    let mut service = Service::noting(TIME, &[]);
    service.fail_below = 4;
    let summary = undisturbed(plan(text), 2, &service).await;
    let at = millis(&service.calls("/a"), "/a");
    assert_eq!(at, [0, 1_000, 2_000, 3_000, 4_000, 5_000]);
    assert_eq!(count(&summary, Counter::Retries), 4);
    let waits = summary.metrics.trend(Trend::RateLimitWait).expect("waits");
    assert_eq!(waits.count, 6);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_while_it_waits_leaves_no_gap() {
    let text = "load = { executor = \"ramping-vus\", start_vus = 10, stages = [{ duration = \"2500ms\", target = 10 }, { duration = \"0s\", target = 1 }, { duration = \"5s\", target = 1 }], graceful_ramp_down = \"0s\", graceful_stop = \"0s\" }\n[[step]]\nget = \"/a\"\nrate_limit = \"1/s\"\n";
    for workers in [1, 2, 7] {
        let (summary, calls) = run(text, workers).await;
        let at = millis(&calls, "/a");
        assert_eq!(at[..3], [0, 1_000, 2_000], "{workers} workers");
        // One user is left, who has the next turn and those after it.
        assert_eq!(
            at[3..],
            [3_000, 4_000, 5_000, 6_000, 7_000],
            "{workers} workers"
        );
        assert!(count(&summary, Counter::InterruptedIterations) >= 9);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_cuts_those_who_wait() {
    let text = "target = \"http://127.0.0.1:1\"\nload = { vus = 10, duration = \"1m\" }\n[[step]]\nget = \"/a\"\nrate_limit = \"1/min\"\n";
    for workers in [1, 2, 7] {
        let service = Service::noting(TIME, &[]);
        let stops = [
            (Duration::from_secs(2), Stop::Drain),
            (Duration::from_secs(3), Stop::Cut),
        ];
        let summary = stopped(plan(text), workers, &service, &stops).await;
        assert_eq!(
            summary.duration,
            Duration::from_secs(3),
            "{workers} workers"
        );
        assert_eq!(service.accepted(), 1);
        assert_eq!(count(&summary, Counter::HttpReqs), 1);
        // The first has come again, and waits with the others.
        assert_eq!(count(&summary, Counter::InterruptedIterations), 10);
        assert_eq!(count(&summary, Counter::RateLimitCut), 10);
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_left_in_line_is_told() {
    let load = "rate = \"50/s\", duration = \"10s\", graceful_stop = \"950ms\"";
    for (bound, sent, cut, told) in [
        // Turns at 0, 0.1, 0.2 s and so on until the end of the grace.
        ("", 110, 390, true),
        // Each user waits for a turn and an answer: the line is never longer than they are.
        (", max_vus = 4", 0, 0, false),
    ] {
        for workers in [1, 2, 7] {
            let text = format!(
                "load = {{ {load}{bound} }}\n[[step]]\nget = \"/a\"\nrate_limit = \"10/s\"\n"
            );
            let (summary, calls) = run(&text, workers).await;
            let codes: Vec<&str> = summary.warnings.iter().map(Warning::code).collect();
            assert_eq!(codes.contains(&"cut-in-line"), told, "{codes:?}");
            assert_eq!(count(&summary, Counter::RateLimitCut), cut, "{workers}");
            if told {
                assert_eq!(calls.len(), sent, "{workers} workers");
                let message = summary.warnings.iter().map(Warning::message);
                let message: Vec<String> = message.collect();
                let text = "390 requests (79.6 %) were never sent";
                assert!(message.iter().any(|one| one.contains(text)), "{message:?}");
            } else {
                assert!(codes.contains(&"dropped-iterations"), "{codes:?}");
            }
        }
    }
}
