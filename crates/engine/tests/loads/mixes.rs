//! Several scenarios in one run: side by side, one after the other, and as shares of one load.

use crate::support::{Service, count, plan, scenario, stopped, undisturbed};
use loadgen_engine::Stop;
use loadgen_scenario::Plan;
use loadgen_stats::{Counter, Offset, StopReason, Summary, Trend};
use std::{collections::BTreeSet, time::Duration};

/// The plan of scenarios of one step each: their names, and the keys of their tables.
fn mix(head: &str, scenarios: &[(&str, &str)]) -> Plan {
    let table = |(name, keys): &(&str, &str)| {
        format!(
            "[[scenario]]\nname = \"{name}\"\n{keys}\n[[scenario.step]]\nname = \"{name}\"\n\
             get = \"/{name}/{{{{ vu }}}}\"\n"
        )
    };
    let tables: String = scenarios.iter().map(table).collect();
    plan(&format!(
        "target = \"http://127.0.0.1:1\"\n{head}\n{tables}"
    ))
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn at(instant: u64) -> Offset {
    Offset::from(millis(instant))
}

/// A counter of one scenario.
fn of(summary: &Summary, name: &str, counter: Counter) -> u64 {
    scenario(summary, name).metrics.counter(counter)
}

fn iterations(summary: &Summary, name: &str) -> u64 {
    of(summary, name, Counter::Iterations)
}

/// The samples of `http_req_duration` of one scenario.
fn measured(summary: &Summary, name: &str) -> u64 {
    let trend = scenario(summary, name)
        .metrics
        .trend(Trend::HttpReqDuration);
    trend.map_or(0, |trend| trend.count)
}

#[tokio::test(start_paused = true)]
async fn loads_run_side_by_side_each_in_its_own_time() {
    let mut seen = Vec::new();
    for workers in [1, 2, 7] {
        let service = Service::noting(millis(500), &[]);
        let plan = mix(
            "",
            &[
                ("users", "load = { vus = 3, duration = \"10s\" }"),
                (
                    "rate",
                    "load = { rate = \"10/s\", duration = \"6s\", start_after = \"2s\" }",
                ),
            ],
        );
        let summary = undisturbed(plan, workers, &service).await;
        let counts = ["users", "rate"].map(|name| iterations(&summary, name));
        assert_eq!(counts, [60, 60], "{workers} workers");
        assert_eq!(count(&summary, Counter::Iterations), 120);
        let lengths = ["users", "rate"].map(|name| scenario(&summary, name).measured);
        assert_eq!(lengths, [millis(10_000), millis(6_000)]);
        assert_eq!(summary.measured, millis(10_000));
        let calls = service.calls("/rate/");
        assert_eq!((calls[0].1, calls[59].1), (at(2_000), at(7_900)));
        // Three users, and one for every arrival, none of them twice.
        let vus: BTreeSet<String> = service
            .calls("/")
            .iter()
            .map(|(path, _)| path.rsplit('/').next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(vus.len(), 63);
        seen.push(
            service
                .calls("/")
                .into_iter()
                .map(|(path, _)| path)
                .collect::<BTreeSet<_>>(),
        );
    }
    assert!(seen[0] == seen[1] && seen[0] == seen[2], "the same users");
}

#[tokio::test(start_paused = true)]
async fn a_load_begins_when_the_last_iteration_of_another_has_ended() {
    for workers in [1, 2, 7] {
        let service = Service::noting(millis(10), &[("/first", millis(700))]);
        let plan = mix(
            "",
            &[
                (
                    "second",
                    "load = { rate = \"10/s\", duration = \"2s\", start_after = \"scenario:first\" }",
                ),
                ("first", "load = { vus = 3, duration = \"3s\" }"),
            ],
        );
        let summary = undisturbed(plan, workers, &service).await;
        // The last iterations of the first begin at 2.8 s and end at 3.5 s.
        assert_eq!(iterations(&summary, "first"), 15, "{workers} workers");
        let calls = service.calls("/second");
        assert_eq!(
            (calls.len(), calls[0].1, calls[19].1),
            (20, at(3_500), at(5_400))
        );
        let lag = scenario(&summary, "second")
            .metrics
            .trend(Trend::ScheduleLag);
        assert_eq!(lag.map(|lag| lag.max.value), Some(Duration::ZERO));
        let lengths = ["first", "second"].map(|name| scenario(&summary, name).measured);
        assert_eq!(lengths, [millis(3_000), millis(2_000)]);
        // From the first scenario's part to the end of the last one's, with the pause between them.
        assert_eq!(summary.measured, millis(5_500));
        assert_eq!(summary.duration, millis(5_500));
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_that_lasts_for_a_time_lasts_for_all_of_it() {
    for workers in [1, 2, 7] {
        let service = Service::noting(millis(10), &[]);
        let after = |name| {
            format!("load = {{ vus = 1, iterations = 1, start_after = \"scenario:{name}\" }}")
        };
        let plan = mix(
            "",
            &[
                // Due at 0, 10 and 20 s.
                ("seldom", "load = { rate = \"0.1/s\", duration = \"25s\" }"),
                ("after-seldom", &after("seldom")),
                // It may be that nothing at all is due.
                (
                    "never",
                    "load = { rate = \"1/h\", duration = \"5s\", arrivals = \"poisson\", start_after = \"2s\" }",
                ),
                ("after-never", &after("never")),
                (
                    "pause",
                    "load = { start_vus = 1, stages = [{ duration = \"1s\", target = 1 }, { duration = \"0s\", target = 0 }, \
                     { duration = \"8s\", target = 0 }] }",
                ),
                ("after-pause", &after("pause")),
            ],
        );
        let summary = undisturbed(plan, workers, &service).await;
        let first = |name| service.calls(name).first().map(|call| call.1);
        let firsts = ["/after-seldom", "/never", "/after-never", "/after-pause"].map(first);
        let expected = [Some(at(25_000)), None, Some(at(7_000)), Some(at(9_000))];
        assert_eq!(firsts, expected, "{workers} workers");
        let seldom = scenario(&summary, "seldom").metrics.get(HTTP_REQS).copied();
        assert_eq!(seldom, per_second(3, 0.12));
        let lengths = ["seldom", "never", "pause"].map(|name| scenario(&summary, name).measured);
        assert_eq!(lengths, [millis(25_000), millis(5_000), millis(9_000)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sequence_goes_on_when_what_hangs_is_cut() {
    for workers in [1, 2, 7] {
        let service = Service::noting(millis(200), &[("/hang", millis(60_000))]);
        let plan = mix(
            "",
            &[
                (
                    "hang",
                    "load = { vus = 4, duration = \"3s\", graceful_stop = \"2s\" }",
                ),
                (
                    "shared",
                    "load = { vus = 2, iterations = 10, start_after = \"scenario:hang\" }",
                ),
                (
                    "last",
                    "load = { vus = 1, duration = \"1s\", start_after = \"scenario:shared\" }",
                ),
                // It waits for the same as another.
                (
                    "beside",
                    "load = { rate = \"5/s\", duration = \"1s\", start_after = \"scenario:hang\" }",
                ),
            ],
        );
        let summary = undisturbed(plan, workers, &service).await;
        let first = |name| service.calls(name)[0].1;
        let firsts = ["/hang", "/shared", "/last", "/beside"].map(first);
        assert_eq!(
            firsts,
            [at(0), at(5_000), at(6_000), at(5_000)],
            "{workers} workers"
        );
        assert_eq!(of(&summary, "hang", Counter::InterruptedIterations), 4);
        assert_eq!(
            (summary.in_flight.count, summary.in_flight.longest),
            (4, millis(5_000))
        );
        let counts = ["hang", "shared", "last", "beside"].map(|name| iterations(&summary, name));
        assert_eq!(counts, [0, 10, 5, 5]);
        assert_eq!(count(&summary, Counter::InterruptedIterations), 4);
        assert_eq!(count(&summary, Counter::DroppedIterations), 0);
        // Ten iterations took a second, however long they might have taken.
        let lengths = ["hang", "shared", "last"].map(|name| scenario(&summary, name).measured);
        assert_eq!(lengths, [millis(3_000), millis(1_000), millis(1_000)]);
        assert_eq!(summary.stop_reason, StopReason::Completed);
        assert_eq!(summary.duration, millis(7_000));
    }
}

#[tokio::test(start_paused = true)]
async fn what_never_began_was_never_due() {
    let second = [
        "load = { rate = \"10/s\", duration = \"2s\", START }",
        "load = { vus = 3, iterations = 100, START }",
        "load = { executor = \"per-vu-iterations\", vus = 3, iterations = 5, START }",
        "load = { vus = 3, duration = \"2s\", START }",
    ];
    for (load, start) in second.iter().flat_map(|load| {
        [
            (load, "start_after = \"scenario:first\""),
            (load, "start_after = \"5s\""),
        ]
    }) {
        for (stop, cut) in [(Stop::Drain, 0), (Stop::Cut, 3)] {
            let service = Service::noting(millis(400), &[]);
            let load = load.replace("START", start);
            let plan = mix(
                "",
                &[
                    ("first", "load = { vus = 3, duration = \"10s\" }"),
                    ("second", &load),
                ],
            );
            let summary = stopped(plan, 2, &service, &[(millis(1_000), stop)]).await;
            assert_eq!(service.calls("/second").len(), 0, "{load}");
            for counter in [
                Counter::Iterations,
                Counter::DroppedIterations,
                Counter::InterruptedIterations,
            ] {
                assert_eq!(
                    of(&summary, "second", counter),
                    0,
                    "{load}: {}",
                    counter.name()
                );
            }
            assert_eq!(scenario(&summary, "second").measured, Duration::ZERO);
            assert_eq!(iterations(&summary, "first"), 9 - cut, "{stop:?}");
            assert_eq!(of(&summary, "first", Counter::InterruptedIterations), cut);
            assert_eq!(summary.measured, millis(1_000), "{load}");
            assert_eq!(summary.stop_reason, StopReason::Interrupted);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_stop_leaves_of_a_rate_was_never_due() {
    for (stop, begun) in [(Stop::Drain, 11), (Stop::Cut, 11)] {
        let plan = mix(
            "",
            &[("rate", "load = { rate = \"10/s\", duration = \"9s\" }")],
        );
        let service = Service::noting(millis(300), &[]);
        let summary = stopped(plan, 2, &service, &[(millis(1_050), stop)]).await;
        assert_eq!(service.accepted(), begun, "{stop:?}");
        assert_eq!(count(&summary, Counter::DroppedIterations), 0, "{stop:?}");
        let ended =
            count(&summary, Counter::Iterations) + count(&summary, Counter::InterruptedIterations);
        assert_eq!(ended, begun, "{stop:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_load_is_cut_after_its_own_graceful_stop() {
    let plan = mix(
        "",
        &[
            (
                "short",
                "load = { vus = 1, duration = \"4s\", graceful_stop = \"1s\" }",
            ),
            (
                "long",
                "load = { vus = 1, duration = \"3s\", graceful_stop = \"9s\" }",
            ),
        ],
    );
    let service = Service::noting(millis(60_000), &[]);
    let summary = undisturbed(plan, 2, &service).await;
    assert_eq!(summary.duration, millis(12_000));
    assert_eq!(summary.in_flight.longest, millis(12_000));
    let plan = mix(
        "",
        &[
            (
                "short",
                "load = { vus = 1, duration = \"40s\", graceful_stop = \"1s\" }",
            ),
            (
                "long",
                "load = { vus = 1, duration = \"30s\", graceful_stop = \"9s\" }",
            ),
        ],
    );
    // Asked to stop, both have so long to finish, and a second word cuts both.
    let service = Service::noting(millis(60_000), &[("/long", millis(9_000))]);
    let summary = stopped(plan, 2, &service, &[(millis(2_000), Stop::Drain)]).await;
    assert_eq!(iterations(&summary, "long"), 1);
    assert_eq!(of(&summary, "short", Counter::InterruptedIterations), 1);
    assert_eq!(summary.duration, millis(9_000));
    assert_eq!(summary.in_flight.longest, millis(3_000));
}

const WEIGHTS: [(&str, &str); 3] = [
    ("chat", "weight = 80"),
    ("look", "weight = 15"),
    ("log", "weight = 5"),
];

#[tokio::test(start_paused = true)]
async fn shares_are_of_the_users_in_closed_loads() {
    let cases = [
        ("vus = 20\nduration = \"10s\"", [320, 60, 20]),
        (
            "executor = \"per-vu-iterations\"\nvus = 20\niterations = 7",
            [112, 21, 7],
        ),
        // Up to 100 and down again: the area under each share, where a level is split within one user.
        (
            "start_vus = 0\nstages = [{ duration = \"50s\", target = 100 }, { duration = \"50s\", target = 0 }]",
            [8_000, 1_500, 500],
        ),
    ];
    for (load, expected) in cases {
        for workers in [1, 2, 7] {
            let service = Service::noting(millis(500), &[]);
            let summary =
                undisturbed(mix(&format!("[load]\n{load}"), &WEIGHTS), workers, &service).await;
            let counts = ["chat", "look", "log"].map(|name| iterations(&summary, name));
            for (count, expected) in counts.iter().zip(expected) {
                let tolerance = if load.contains("stages") { 250 } else { 0 };
                assert!(
                    count.abs_diff(expected) <= tolerance,
                    "{load}: {counts:?} with {workers} workers"
                );
            }
            // A user keeps its scenario.
            let users = |name: &str| {
                service
                    .calls(name)
                    .into_iter()
                    .map(|(path, _)| path)
                    .collect::<BTreeSet<_>>()
            };
            let users = ["/chat", "/look", "/log"].map(|name| users(name).len());
            if !load.contains("stages") {
                assert_eq!(users, [16, 3, 1], "{load}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn shares_are_of_the_iterations_where_no_user_owns_them() {
    let cases = [
        ("rate = \"100/s\"\nduration = \"20s\"", 2_000),
        (
            "rate = \"100/s\"\nduration = \"20s\"\narrivals = \"poisson\"",
            2_000,
        ),
        ("vus = 10\niterations = 2000", 2_000),
    ];
    for (load, all) in cases {
        let mut seen = Vec::new();
        for workers in [1, 2, 7] {
            let service = Service::noting(millis(50), &[]);
            let summary =
                undisturbed(mix(&format!("[load]\n{load}"), &WEIGHTS), workers, &service).await;
            let counts = ["chat", "look", "log"].map(|name| iterations(&summary, name));
            let sum: u64 = counts.iter().sum();
            assert_eq!(sum, count(&summary, Counter::Iterations));
            assert!(
                sum.abs_diff(all) <= if load.contains("poisson") { 150 } else { 0 },
                "{load}: {sum}"
            );
            for (count, share) in counts.iter().zip([0.80, 0.15, 0.05]) {
                let got = *count as f64 / sum as f64;
                assert!((got - share).abs() < 0.025, "{load}: {counts:?}");
            }
            seen.push(counts);
        }
        assert!(seen[0] == seen[1] && seen[0] == seen[2], "{load}: {seen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_load_warms_up_for_itself() {
    for workers in [1, 2, 7] {
        let service = Service::noting(millis(500), &[]);
        let plan = mix(
            "",
            &[
                (
                    "warm",
                    "load = { vus = 2, duration = \"6s\", warm_up = \"4s\" }",
                ),
                ("cold", "load = { vus = 2, duration = \"4s\" }"),
                (
                    "later",
                    "load = { rate = \"10/s\", duration = \"3s\", warm_up = \"1s\", start_after = \"scenario:cold\" }",
                ),
            ],
        );
        let summary = undisturbed(plan, workers, &service).await;
        assert_eq!(service.accepted(), 24 + 16 + 30, "{workers} workers");
        let names = ["warm", "cold", "later"];
        assert_eq!(names.map(|name| iterations(&summary, name)), [8, 16, 20]);
        assert_eq!(names.map(|name| measured(&summary, name)), [8, 16, 20]);
        // Nothing of a warm-up is in the figures of the run, though others were measured all the while.
        assert_eq!(count(&summary, Counter::HttpReqs), 44);
        let lengths = names.map(|name| scenario(&summary, name).measured);
        assert_eq!(lengths, [millis(2_000), millis(4_000), millis(2_000)]);
        assert_eq!(summary.measured, millis(7_000));
        // Those that end at the very end of a part are not in its rate; those that were due before it and end in it are.
        let rates = names.map(|name| scenario(&summary, name).metrics.get(HTTP_REQS).copied());
        assert_eq!(
            rates,
            [
                per_second(8, 4.0),
                per_second(16, 3.5),
                per_second(20, 10.0)
            ]
        );
    }
}

const HTTP_REQS: loadgen_stats::Metric = loadgen_stats::Metric::Counter(Counter::HttpReqs);

const fn per_second(count: u64, rate: f64) -> Option<loadgen_stats::MetricValue> {
    Some(loadgen_stats::MetricValue::Counter {
        count,
        per_second: Some(rate),
    })
}

#[tokio::test(start_paused = true)]
async fn what_is_due_in_its_own_part_counts_while_another_load_drains() {
    let service = Service::noting(millis(100), &[("/drains", millis(5_000))]);
    let plan = mix(
        "",
        &[
            (
                "drains",
                "load = { vus = 2, duration = \"2s\", graceful_stop = \"10s\" }",
            ),
            ("goes-on", "load = { rate = \"10/s\", duration = \"8s\" }"),
        ],
    );
    let summary = undisturbed(plan, 2, &service).await;
    assert_eq!(
        (measured(&summary, "drains"), measured(&summary, "goes-on")),
        (2, 80)
    );
    let all = summary.metrics.trend(Trend::HttpReqDuration);
    assert_eq!(all.map(|trend| trend.count), Some(82));
    // What ends in the drain is in the counts and the times, and in no rate per second.
    let drains = scenario(&summary, "drains").metrics.get(HTTP_REQS).copied();
    assert_eq!(drains, per_second(2, 0.0));
}

#[tokio::test(start_paused = true)]
async fn the_users_that_may_be_busy_are_those_of_one_load() {
    for workers in [1, 2, 7] {
        let service = Service::noting(millis(1_000), &[]);
        let plan = mix(
            "",
            &[
                (
                    "tight",
                    "load = { rate = \"10/s\", duration = \"4s\", max_vus = 5 }",
                ),
                (
                    "wide",
                    "load = { rate = \"10/s\", duration = \"4s\", max_vus = 15 }",
                ),
            ],
        );
        let summary = undisturbed(plan, workers, &service).await;
        assert_eq!(iterations(&summary, "wide"), 40, "{workers} workers");
        let begun = iterations(&summary, "tight");
        assert!((20..=24).contains(&begun), "{begun} with {workers} workers");
        assert_eq!(
            begun + of(&summary, "tight", Counter::DroppedIterations),
            40
        );
        assert_eq!(summary.dropped, [40 - begun, 0, 0, 0, 0]);
        assert_eq!(
            scenario(&summary, "tight").dropped,
            [40 - begun, 0, 0, 0, 0]
        );
    }
}
