//! What an iteration does: conditions, repetitions, choices, and steps at once.

use crate::support::{Call, Service, count, plan, undisturbed};
use loadgen_stats::{Counter, ErrorKind, Summary, Trend};
use std::time::Duration;

const TIME: Duration = Duration::from_millis(100);

/// Runs these steps with this load; the summary, and the requests in the order in which they came.
async fn walked(load: &str, steps: &str, workers: usize) -> (Summary, Vec<Call>) {
    let text = format!("target = \"http://127.0.0.1:1\"\nload = {{ {load} }}\n{steps}");
    let service = Service::noting(TIME, &[("/slow", TIME * 3)]);
    let summary = undisturbed(plan(&text), workers, &service).await;
    let calls = service.calls("/");
    assert_eq!(count(&summary, Counter::HttpReqs), calls.len() as u64);
    (summary, calls)
}

/// The paths that one user asks for, in order.
async fn paths(iterations: u32, steps: &str) -> Vec<String> {
    let load = format!("vus = 1, iterations = {iterations}");
    let (summary, calls) = walked(&load, steps, 1).await;
    assert_eq!(count(&summary, Counter::Iterations), u64::from(iterations));
    calls.into_iter().map(|(path, _)| path).collect()
}

#[tokio::test(start_paused = true)]
async fn steps_are_walked_as_the_tree_says() {
    let cases: [(&str, u32, &[&str]); 7] = [
        (
            "[[step]]\nget = \"/a\"\nwhen = \"{{ iteration == 1 }}\"",
            3,
            &["/a"],
        ),
        (
            "[[step]]\nget = \"/a\"\nrepeat = 3\n[[step]]\nget = \"/b\"",
            1,
            &["/a", "/a", "/a", "/b"],
        ),
        (
            "[[step]]\nrepeat = 2\nstep = [{ get = \"/a\" }, { think = \"1s\" }, { get = \"/b\" }]",
            1,
            &["/a", "/b", "/a", "/b"],
        ),
        (
            "[[step]]\nwhen = \"{{ iteration > 0 }}\"\nrepeat = 2\nget = \"/a\"\n[[step]]\nget = \"/b\"",
            2,
            &["/b", "/a", "/a", "/b"],
        ),
        (
            "[[step]]\nchoose = [{ get = \"/a\", weight = 0 }, { step = [{ get = \"/b\" }, { get = \"/c\" }] }]",
            2,
            &["/b", "/c", "/b", "/c"],
        ),
        (
            "[[step]]\nparallel = [{ get = \"/slow\" }, { step = [{ get = \"/b\" }, { get = \"/c\" }] }]\n[[step]]\nget = \"/d\"",
            1,
            &["/slow", "/b", "/c", "/d"],
        ),
        // What never is leaves the rest as it is.
        (
            "[[step]]\nthink = \"1h\"\nwhen = \"{{ false }}\"\n[[step]]\nget = \"/a\"",
            1,
            &["/a"],
        ),
    ];
    for (steps, iterations, expected) in cases {
        assert_eq!(paths(iterations, steps).await, expected, "{steps}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_condition_is_asked_before_each_time() {
    // The first draw that is not above 2 ends the repeating.
    let steps = "[[step]]\nget = \"/{{ vu }}\"\nrepeat = 1000\nwhen = \"{{ random_int(1, 10) > 2 }}\"\n[[step]]\nget = \"/end\"";
    let load = "executor = \"per-vu-iterations\", vus = 200, iterations = 1";
    let (_, calls) = walked(load, steps, 2).await;
    let repeated = calls.iter().filter(|(path, _)| path != "/end").count();
    // Geometric with the mean 4, variance 20: four standard deviations of the sum of 200.
    assert!((547..1053).contains(&repeated), "{repeated}");
}

#[tokio::test(start_paused = true)]
async fn draws_are_the_same_for_any_number_of_workers() {
    let steps = r#"
[[step]]
repeat = "0..4"
choose = [{ get = "/a", weight = 3 }, { get = "/b" }, { think = "1s..2s" }]
[[step]]
parallel = [
    { get = "/p", repeat = "1..3" },
    { choose = [{ get = "/q" }, { get = "/r" }] },
]
"#;
    for load in [
        "executor = \"per-vu-iterations\", vus = 20, iterations = 5",
        "rate = 10, duration = \"10s\"",
    ] {
        let mut seen = Vec::new();
        for workers in [1, 2, 7] {
            let (summary, mut calls) = walked(load, steps, workers).await;
            assert_eq!(count(&summary, Counter::Iterations), 100, "{workers}");
            calls.sort();
            seen.push(calls);
        }
        assert_eq!(seen[0], seen[1], "{load}");
        assert_eq!(seen[0], seen[2], "{load}");
        for path in ["/a", "/b", "/p", "/q", "/r"] {
            assert!(seen[0].iter().any(|call| call.0 == path), "{path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn values_of_steps_at_once_do_not_depend_on_who_is_faster() {
    let value = "{{ random_int(1, 1000000) }}/{{ unique() }}/{{ prompt(tokens=8, unique=true) | replace(' ', '-') }}";
    let twice = |way: &str| format!("{{ repeat = 2, get = \"/{way}/{value}\" }}");
    let steps = format!(
        "[[step]]\nparallel = [{}, {{ parallel = [{}, {}] }}, {}]\n[[step]]\nget = \"/end/{value}\"",
        twice("a"),
        twice("b"),
        twice("c"),
        twice("d")
    );
    let text = format!(
        "target = \"http://127.0.0.1:1\"\nload = {{ vus = 2, executor = \"per-vu-iterations\", iterations = 3 }}\n{steps}"
    );
    let mut seen = Vec::new();
    for slow in ["/a", "/b", "/c", "/d", "/end"] {
        let service = Service::noting(TIME, &[(slow, TIME * 5)]);
        undisturbed(plan(&text), 2, &service).await;
        let mut paths: Vec<String> = service.calls("/").into_iter().map(|one| one.0).collect();
        paths.sort();
        let distinct = |part: usize| {
            let parts = paths.iter().filter_map(|path| path.split('/').nth(part));
            parts.collect::<std::collections::HashSet<_>>().len()
        };
        // 9 requests in each of 6 iterations, of which none is like another.
        assert_eq!(paths.len(), 54);
        assert_eq!([2, 3, 4].map(distinct), [54, 54, 54], "{slow}");
        seen.push(paths);
    }
    assert!(seen.iter().all(|paths| *paths == seen[0]));
}

#[tokio::test(start_paused = true)]
async fn steps_at_once_take_as_long_as_the_longest() {
    let steps = "[[step]]\nparallel = [{ get = \"/slow\" }, { get = \"/b\", repeat = 2 }, { think = \"50ms\" }]\n[[step]]\nget = \"/end\"";
    for workers in [1, 2, 7] {
        let (summary, calls) = walked("vus = 10, iterations = 100", steps, workers).await;
        let duration = summary
            .metrics
            .trend(Trend::IterationDuration)
            .expect("iterations");
        assert_eq!(
            (duration.min.value, duration.max.value),
            (TIME * 4, TIME * 4)
        );
        assert_eq!(calls.len(), 400, "{workers}");
        // What follows waits for all, and is due when the last of them is done.
        let lag = summary.metrics.trend(Trend::ScheduleLag).expect("requests");
        assert_eq!(lag.max.value, Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_cut_at_once_is_booked() {
    let steps =
        "[[step]]\nparallel = [{ get = \"/slow\" }, { get = \"/b\" }, { get = \"/slow2\" }]";
    let load = "vus = 4, duration = \"150ms\", graceful_stop = \"0s\"";
    let (summary, calls) = {
        let text = format!("target = \"http://127.0.0.1:1\"\nload = {{ {load} }}\n{steps}");
        let service = Service::noting(TIME, &[("/slow", TIME * 3)]);
        let summary = undisturbed(plan(&text), 2, &service).await;
        (summary, service.calls("/"))
    };
    assert_eq!(calls.len(), 12);
    assert_eq!(count(&summary, Counter::HttpReqs), 4);
    assert_eq!(summary.in_flight.count, 8);
    assert_eq!(count(&summary, Counter::InterruptedIterations), 4);
}

#[tokio::test(start_paused = true)]
async fn a_condition_that_fails_is_told_once_and_sends_nothing() {
    // The list is too short for most iterations.
    let when = "when = \"{{ [true, true][iteration] + 0 > 0 }}\"";
    for (on_failure, seconds) in [("continue", 20), ("next_iteration", 2), ("stop_user", 2)] {
        let steps = format!(
            "[defaults]\non_failure = \"{on_failure}\"\n[[step]]\n{when}\nstep = [{{ get = \"/a\" }}]\n[[step]]\nget = \"/b\""
        );
        let text = format!(
            "target = \"http://127.0.0.1:1\"\nload = {{ vus = 1, iterations = 20 }}\n{steps}"
        );
        let service = Service::noting(TIME, &[]);
        let summary = undisturbed(plan(&text), 1, &service).await;
        assert_eq!(service.calls("/a").len(), 2, "{on_failure}");
        assert_eq!(service.calls("/b").len(), seconds, "{on_failure}");
        assert_eq!(summary.errors.len(), 1);
        let error = &summary.errors[0];
        let failed = if on_failure == "stop_user" { 1 } else { 18 };
        assert_eq!((error.kind, error.count), (ErrorKind::Template, failed));
        assert_eq!(error.step.as_str(), "GET /a");
        assert!(error.message.contains("`when`"), "{}", error.message);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_inside_ends_what_it_says() {
    let steps = "[[step]]\nrepeat = 3\n[[step.step]]\nget = \"/a\"\non_failure = \"next_iteration\"\n[[step.step]]\nget = \"/b\"\n[[step]]\nget = \"/c\"";
    let text =
        format!("target = \"http://127.0.0.1:1\"\nload = {{ vus = 1, iterations = 2 }}\n{steps}");
    let mut service = Service::noting(TIME, &[]);
    service.fail_each = 3;
    let summary = undisturbed(plan(&text), 1, &service).await;
    let paths: Vec<String> = service.calls("/").into_iter().map(|call| call.0).collect();
    // Every third request fails: the second /a, and then again.
    assert_eq!(paths, ["/a", "/b", "/a", "/a", "/b", "/a"]);
    assert_eq!(count(&summary, Counter::IterationsFailed), 2);
}

#[tokio::test(start_paused = true)]
async fn groups_are_timed_as_a_whole() {
    let steps = r#"
[[step]]
get = "/before"
[[step]]
group = "page"
repeat = 2
parallel = [{ get = "/slow" }, { group = "rest", step = [{ get = "/a" }, { think = "1s" }, { get = "/b" }] }]
"#;
    let (page, rest) = (TIME * 12, TIME * 12);
    for workers in [1, 2, 7] {
        let text = format!(
            "target = \"http://127.0.0.1:1\"\nload = {{ vus = 5, iterations = 20 }}\n{steps}\n[thresholds]\ngroup_duration = \"count == 80\"\n\"group_duration{{step=page}}\" = \"p95 < 1.5s\"\n\"group_duration{{step=rest}}\" = [\"min >= 1s\", \"max < 1.1s\"]\n"
        );
        let service = Service::noting(TIME, &[("/slow", TIME * 3)]);
        let summary = undisturbed(plan(&text), workers, &service).await;
        let of = |name: &str| {
            let steps = &summary.scenarios[0].steps;
            let step = steps
                .iter()
                .find(|step| step.name == name)
                .expect("a group");
            assert_eq!(step.metrics.0.len(), 1, "a group has nothing else");
            let figures = step.metrics.trend(Trend::GroupDuration).expect("times");
            (figures.count, figures.min.value, figures.max.value)
        };
        assert_eq!(of("page"), (40, page, page), "{workers} workers");
        assert_eq!(of("rest"), (40, rest, rest), "{workers} workers");
        // Groups are no requests.
        assert_eq!(count(&summary, Counter::HttpReqs), 20 * 7);
        let held: Vec<bool> = summary.thresholds.iter().map(|one| one.ok).collect();
        assert_eq!(held, [true, true, true, false]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_with_a_failure_in_it_has_failed() {
    let text = "target = \"http://127.0.0.1:1\"\nload = { vus = 1, iterations = 4 }\n[[step]]\ngroup = \"page\"\nstep = [{ get = \"/a\" }, { get = \"/b\" }]\n[thresholds]\n\"group_duration{outcome=ok}\" = \"count == 2\"\n\"group_duration{step=page,outcome=failed}\" = \"count == 2\"\n";
    let mut service = Service::noting(TIME, &[]);
    service.fail_each = 4;
    let summary = undisturbed(plan(text), 1, &service).await;
    let held: Vec<bool> = summary.thresholds.iter().map(|one| one.ok).collect();
    assert_eq!(held, [true, true], "{:?}", summary.thresholds);
}

#[tokio::test(start_paused = true)]
async fn iterations_begin_at_their_pace() {
    // Each iteration takes 0.1 s; every user begins at 0, 1, 2, … s.
    let steps = "pace = \"1s\"\n[[step]]\nget = \"/a\"";
    for workers in [1, 2, 7] {
        let (summary, calls) = walked("vus = 3, duration = \"4500ms\"", steps, workers).await;
        let mut seconds: Vec<u64> = calls.iter().map(|call| call.1.as_nanos()).collect();
        seconds.dedup();
        let wanted: Vec<u64> = (0..5).map(|second| second * 1_000_000_000).collect();
        assert_eq!(seconds, wanted, "{workers} workers");
        assert_eq!(count(&summary, Counter::Iterations), 15);
        // Nobody waits for a beginning that never comes.
        assert_eq!(summary.duration, Duration::from_millis(4_500));
        assert_eq!(count(&summary, Counter::LateIterations), 0);
        let duration = summary
            .metrics
            .trend(Trend::IterationDuration)
            .expect("iterations");
        assert_eq!(duration.max.value, TIME);
    }
}

#[tokio::test(start_paused = true)]
async fn an_iteration_longer_than_the_pace_is_followed_at_once_and_told() {
    // Every other iteration takes 1.5 s: 0 to 1.5, 1.5 to 1.6, then at 2.5.
    let steps = "pace = \"1s\"\n[[step]]\nget = \"/a\"\n[[step]]\nthink = \"1400ms\"\nwhen = \"{{ iteration % 2 == 0 }}\"";
    let (summary, calls) = walked("vus = 1, iterations = 5", steps, 1).await;
    let begun: Vec<u64> = calls
        .iter()
        .map(|call| call.1.as_nanos() / 1_000_000)
        .collect();
    assert_eq!(begun, [0, 1_500, 2_500, 4_000, 5_000]);
    assert_eq!(count(&summary, Counter::LateIterations), 3);
    let codes: Vec<&str> = summary
        .warnings
        .iter()
        .map(loadgen_stats::Warning::code)
        .collect();
    assert_eq!(codes, ["pace-missed"]);
    // It is the service that is late.
    let lag = summary.metrics.trend(Trend::ScheduleLag).expect("requests");
    assert_eq!(lag.max.value, Duration::ZERO);
}

/// The figures of one step: its requests, and the longest of them.
fn step_of(summary: &Summary, name: &str) -> (u64, Option<Duration>) {
    let steps = &summary.scenarios[0].steps;
    let step = steps.iter().find(|step| step.name == name).expect("a step");
    let longest = step.metrics.trend(Trend::HttpReqDuration);
    (
        step.metrics.counter(Counter::HttpReqs),
        longest.map(|figures| figures.max.value),
    )
}

#[tokio::test(start_paused = true)]
async fn what_comes_before_is_done_once_by_each_user_and_in_no_figure_of_the_run() {
    let steps = "[[before]]\nname = \"login\"\npost = \"/slow\"\n[[before]]\nthink = \"1s\"\n[[step]]\nget = \"/a\"";
    for (load, users) in [
        (
            "executor = \"per-vu-iterations\", vus = 5, iterations = 4",
            5,
        ),
        ("vus = 5, iterations = 20", 5),
        ("rate = 4, duration = \"5s\"", 6),
    ] {
        for workers in [1, 2, 7] {
            let text = format!("target = \"http://127.0.0.1:1\"\nload = {{ {load} }}\n{steps}");
            let service = Service::noting(TIME, &[("/slow", TIME * 3)]);
            let summary = undisturbed(plan(&text), workers, &service).await;
            let logins = service.calls("/slow").len();
            assert_eq!(logins, users, "{load}, {workers} workers");
            assert_eq!(count(&summary, Counter::HttpReqs), 20, "{load}");
            assert_eq!(count(&summary, Counter::Iterations), 20, "{load}");
            assert_eq!(service.calls("/a").len(), 20);
            assert_eq!(step_of(&summary, "login"), (logins as u64, Some(TIME * 3)));
            let longest = |trend| summary.metrics.trend(trend).expect("times").max.value;
            assert_eq!(longest(Trend::HttpReqLatency), TIME, "{load}");
            assert_eq!(longest(Trend::IterationDuration), TIME, "{load}");
            assert_eq!(longest(Trend::ScheduleLag), Duration::ZERO, "{load}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_fails_before_begins_no_iteration() {
    for (line, iterations, logins) in [("", 0, 3), ("on_failure = \"continue\"", 12, 3)] {
        let text = format!(
            "target = \"http://127.0.0.1:1\"\nload = {{ executor = \"per-vu-iterations\", vus = 3, iterations = 4 }}\n[[before]]\nname = \"login\"\nget = \"/login\"\n{line}\n[[step]]\nget = \"/a\""
        );
        let mut service = Service::noting(TIME, &[]);
        // The first three requests are those of the logins.
        service.fail_below = 3;
        let summary = undisturbed(plan(&text), 2, &service).await;
        assert_eq!(count(&summary, Counter::Iterations), iterations, "{line}");
        assert_eq!(count(&summary, Counter::DroppedIterations), 12 - iterations);
        assert_eq!(service.calls("/login").len(), logins);
        // The failures are told, though they are none of the run's.
        assert_eq!((summary.errors.len(), summary.errors[0].count), (1, 3));
        assert_eq!(summary.errors[0].step, "login");
        assert_eq!(
            summary.metrics.rate(loadgen_stats::Rate::HttpReqFailed).0,
            0
        );
    }
}

#[tokio::test(start_paused = true)]
async fn shared_iterations_of_several_kinds_prepare_for_each() {
    let text = "target = \"http://127.0.0.1:1\"\nload = { vus = 4, iterations = 100 }\n[[before]]\nname = \"login\"\nget = \"/login\"\n[[scenario]]\nname = \"a\"\nstep = [{ get = \"/a\" }]\n[[scenario]]\nname = \"b\"\nbefore = [{ get = \"/other\" }]\nstep = [{ get = \"/b\" }]";
    for workers in [1, 2, 7] {
        let service = Service::noting(TIME, &[]);
        let summary = undisturbed(plan(text), workers, &service).await;
        assert_eq!(count(&summary, Counter::Iterations), 100, "{workers}");
        assert_eq!(count(&summary, Counter::HttpReqs), 100, "{workers}");
        assert_eq!(
            [service.calls("/login").len(), service.calls("/other").len()],
            [4, 4]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_sent_again_as_the_step_says() {
    let second = Duration::from_secs(1);
    // The waits are drawn from the upper half of 1 s and 2 s; an answer that asks for 10 s gets them.
    let cases = [
        (
            "[\"reset\", 503]",
            2,
            0,
            (3, 2, 0),
            (second * 3 / 2, second * 3),
        ),
        ("429", 0, 2, (3, 2, 0), (second * 20, second * 20)),
        ("[\"4xx\"]", 0, 2, (3, 2, 0), (second * 20, second * 20)),
        (
            "\"reset\"",
            u64::MAX,
            0,
            (4, 3, 1),
            (second * 7 / 2, second * 7),
        ),
        (
            "\"timeout\"",
            2,
            0,
            (1, 0, 1),
            (Duration::ZERO, Duration::ZERO),
        ),
    ];
    for (on, fail, refuse, (requests, retries, failed), (least, most)) in cases {
        let text = format!(
            "target = \"http://127.0.0.1:1\"\nload = {{ vus = 1, iterations = 1 }}\n[[step]]\nget = \"/a\"\nretry = {{ on = {on}, backoff = \"1s\", max_backoff = \"1m\" }}"
        );
        let mut service = Service::noting(TIME, &[]);
        service.fail_below = fail;
        service.refuse_below = (refuse, second * 10);
        let summary = undisturbed(plan(&text), 1, &service).await;
        assert_eq!(count(&summary, Counter::HttpReqs), requests, "{on}");
        assert_eq!(count(&summary, Counter::Retries), retries, "{on}");
        let (hits, total) = summary.metrics.rate(loadgen_stats::Rate::HttpReqFailed);
        assert_eq!((hits, total), (failed, requests), "{on}");
        assert_eq!(count(&summary, Counter::IterationsFailed), failed, "{on}");
        // The waits are in the iteration, and are nobody's lateness.
        let longest = |trend| summary.metrics.trend(trend).expect("times").max.value;
        let waited = longest(Trend::IterationDuration)
            .saturating_sub(TIME * u32::try_from(requests).expect("few"));
        let slack = Duration::from_millis(1);
        assert!(
            least <= waited + slack && waited <= most + slack * 20,
            "{on}: {waited:?}"
        );
        // Tokio's timer counts in milliseconds.
        assert!(longest(Trend::ScheduleLag) <= slack, "{on}");
    }
}
