//! Several kinds of users in one file: what each of them does, seen in whole runs, plans and stories.

use super::{keys::run, *};

/// A scenario that asks for `/plain` as a step of its own name.
fn scenario(name: &str, lines: &str) -> String {
    format!(
        "[[scenario]]\nname = \"{name}\"\n{lines}\n[[scenario.step]]\nname = \"{name} asks\"\nget = \"/plain\"\n"
    )
}

/// A file of scenarios, each with these lines, below these of its own.
fn file(lines: &str, scenarios: &[(&str, &str)]) -> String {
    let scenarios: String = scenarios
        .iter()
        .map(|(name, lines)| scenario(name, lines))
        .collect();
    format!("target = \"mock\"\n{lines}\n{scenarios}")
}

/// The count of a counter of one scenario.
fn of(summary: &Value, scenario: &str, metric: &str) -> u64 {
    let count = &summary["scenarios"][scenario]["metrics"][metric]["count"];
    count.as_u64().unwrap_or(0)
}

fn most_users(summary: &Value) -> u64 {
    summary["metrics"]["vus"]["max"].as_u64().unwrap_or(0)
}

#[test]
fn every_scenario_has_its_steps_and_figures() {
    let once = "load = { vus = 1, iterations = 3 }";
    let twice = "load = { executor = \"per-vu-iterations\", vus = 2, iterations = 2 }";
    let summary = run(&file("", &[("a", once), ("b", twice)]));
    for (name, requests) in [("a", 3), ("b", 4)] {
        assert_eq!(of(&summary, name, "http_reqs"), requests, "{name}");
        let steps = &summary["scenarios"][name]["steps"];
        let steps: Vec<&String> = steps.as_object().unwrap().keys().collect();
        assert_eq!(steps, [&format!("{name} asks")]);
    }
    assert_eq!(summary["metrics"]["http_reqs"]["count"], 7);
}

#[test]
fn a_weight_is_a_share_of_the_load() {
    // Of users: each does one iteration.
    let users = "load = { executor = \"per-vu-iterations\", vus = 10, iterations = 1 }";
    for (weights, split) in [
        (["weight = 80", "weight = 15", "weight = 5"], [8, 2, 0]),
        (["", "", "weight = 0"], [5, 5, 0]),
        (["", "weight = 0.5", "weight = 0.5"], [5, 3, 2]),
    ] {
        let names = ["a", "b", "c"];
        let parts: Vec<(&str, &str)> = names.into_iter().zip(weights).collect();
        let summary = run(&file(users, &parts));
        let counts = names.map(|name| of(&summary, name, "iterations"));
        assert_eq!(counts, split, "{weights:?}");
    }
    // Of iterations: each is drawn by the seed.
    for load in [
        "load = { vus = 3, iterations = 100 }",
        "load = { rate = \"500/s\", duration = \"200ms\" }",
    ] {
        let drawn = || {
            let summary = run(&file(load, &[("a", "weight = 3"), ("b", "")]));
            ["a", "b"].map(|name| of(&summary, name, "iterations"))
        };
        let [often, seldom] = drawn();
        assert_eq!(often + seldom, 100, "{load}");
        assert!((55..95).contains(&often), "{load}: {often}");
        assert_eq!([often, seldom], drawn(), "{load}: the seed decides");
    }
}

#[test]
fn who_gets_no_user_is_told_before_the_run() {
    let parts = [("often", "weight = 9"), ("seldom", "weight = 1")];
    for (users, expected) in [(2, Some("with 6 users")), (6, None)] {
        let load = format!("load = {{ vus = {users}, duration = \"100ms\" }}");
        let words = ["run", "a.toml", "--no-log", "--quiet"];
        let played = on(Stage::new(&words).file("a.toml", &file(&load, &parts)));
        let warning = format!(
            "warning: scenario `seldom` will not run: its share comes to none of the {users} users"
        );
        assert_eq!(
            played.err.contains(&warning),
            expected.is_some(),
            "{}",
            played.err
        );
        assert!(
            expected.is_none_or(|hint| played.err.contains(hint)),
            "{}",
            played.err
        );
    }
}

#[test]
fn a_load_begins_when_another_has_ended() {
    let first = "load = { executor = \"per-vu-iterations\", vus = 3, iterations = 2 }";
    for (start, users) in [("start_after = \"scenario:first\"", 3), ("", 5)] {
        let second = format!(
            "[scenario.load]\nexecutor = \"per-vu-iterations\"\nvus = 2\niterations = 2\n{start}"
        );
        let lines = "mock = { plain_time = \"100ms\" }";
        let summary = run(&file(lines, &[("second", &second), ("first", first)]));
        assert_eq!(most_users(&summary), users, "{start}");
        assert_eq!(of(&summary, "first", "iterations"), 6, "{start}");
        assert_eq!(of(&summary, "second", "iterations"), 4, "{start}");
        let length = summary["duration_s"].as_f64().unwrap();
        assert!(start.is_empty() || length >= 0.4, "{length}");
    }
}

#[test]
fn thresholds_are_of_one_scenario_or_of_all() {
    for (threshold, code) in [
        ("\"http_reqs{scenario=b}\" = \"count == 2\"", 0),
        ("\"http_reqs{scenario=a}\" = \"count == 2\"", 99),
        ("http_reqs = \"count == 5\"", 0),
    ] {
        let text = file(
            "",
            &[
                ("a", "load = { vus = 1, iterations = 3 }"),
                ("b", "load = { vus = 1, iterations = 2 }"),
            ],
        );
        let text = format!("{text}[thresholds]\n{threshold}\n");
        let words = ["run", "a.toml", "--no-log", "--quiet"];
        let played = on(Stage::new(&words).file("a.toml", &text));
        assert_eq!(
            played.code, code,
            "{threshold}\n{}{}",
            played.out, played.err
        );
    }
}

/// A warm-up, a sequence, a load that drops and one that is cut, all in one run.
fn eventful() -> String {
    let scenarios = [
        (
            "warm",
            "load = { rate = \"50/s\", duration = \"400ms\", warm_up = \"200ms\" }",
        ),
        (
            "drops",
            "load = { rate = \"50/s\", duration = \"300ms\", max_vus = 1 }",
        ),
        (
            "cut",
            "load = { vus = 2, duration = \"50ms\", graceful_stop = \"0s\" }",
        ),
        (
            "later",
            "load = { vus = 2, iterations = 4, start_after = \"scenario:cut\" }",
        ),
    ];
    let text = file("mock = { plain_time = \"100ms\" }", &scenarios);
    let limits = [
        "\"dropped_iterations{scenario=drops}\" = \"count >= 5\"",
        "\"dropped_iterations{reason=end}\" = \"count == 0\"",
        "\"http_reqs{scenario=later}\" = \"rate >= 5/s\"",
    ];
    format!("{text}[thresholds]\n{}\n", limits.join("\n"))
}

#[test]
fn each_load_is_measured_by_itself_and_the_log_tells_the_same() {
    let words = ["run", "a.toml", "--out", "json=out.json"];
    let played = on(Stage::new(&words).file("a.toml", &eventful()));
    assert_eq!(played.code, 0, "{}{}", played.out, played.err);
    let summary = played.json("out.json");
    assert_eq!(of(&summary, "warm", "iterations"), 10);
    let dropped = of(&summary, "drops", "dropped_iterations");
    assert_eq!(of(&summary, "drops", "iterations") + dropped, 15);
    // A machine that is too busy to begin them in time is to blame for some.
    let reasons = ["max_vus", "late"].map(|reason| summary["dropped"][reason].as_u64());
    assert_eq!(
        reasons.map(Option::unwrap_or_default).iter().sum::<u64>(),
        dropped
    );
    assert_eq!(of(&summary, "cut", "interrupted_iterations"), 2);
    assert_eq!(of(&summary, "later", "iterations"), 4);
    let length = |scenario: &str| summary["scenarios"][scenario]["measured_s"].as_f64();
    assert_eq!(
        ["warm", "drops", "cut"].map(length),
        [0.2, 0.3, 0.05].map(Some)
    );
    // Two users, two iterations of 100 ms each; it would have had ten minutes.
    assert!(length("later").is_some_and(|length| (0.15..5.0).contains(&length)));
    let mut stage = Stage::new(&["report", "--out", "json=again.json"]);
    let folder = played.stage.environment.folder.clone();
    stage.environment.folder = folder;
    let reported = on(stage);
    assert_eq!(reported.out, played.out);
    assert_eq!(reported.json("again.json"), summary);
}

#[test]
fn the_log_of_a_mix_tells_the_counts_and_quantiles_of_each_scenario() {
    // The example, with arrivals instead of users, so that it is over soon, and with answers that take little time.
    let text = include_str!("../../../../scenarios/mixed.toml");
    let text = text.replace(
        "vus = 20\nduration = \"30s\"",
        "rate = \"60/s\"\nduration = \"2s\"",
    );
    assert!(text.contains("60/s"), "the example has another load");
    let mock = "[mock]\nttft = \"20ms\"\nitl = \"2ms\"\ntokens = 8\njitter = 0.5\n";
    let words = [
        "run",
        "a.toml",
        "--seed",
        "1",
        "--workers",
        "2",
        "--out",
        "json=out.json",
    ];
    let played = on(Stage::new(&words).file("a.toml", &format!("{text}\n{mock}")));
    assert_eq!(played.code, 0, "{}{}", played.out, played.err);
    let summary = played.json("out.json");
    let path = played.stage.environment.folder.clone();
    let mut stage = Stage::new(&["report", "--out", "json=again.json"]);
    stage.environment.folder = path;
    let again = on(stage).json("again.json");
    let names = ["chat", "analytics", "auth"];
    for name in names {
        let [first, second] = [&summary, &again].map(|from| &from["scenarios"][name]["metrics"]);
        assert!(of(&summary, name, "iterations") > 0, "{name}");
        let counts = ["http_reqs", "iterations", "data_received"];
        let times = [
            "http_req_duration",
            "http_req_latency",
            "iteration_duration",
        ];
        let streams = ["ttft", "itl", "tpot"];
        let has_streams = name == "chat";
        let trends = times.iter().chain(streams.iter().filter(|_| has_streams));
        let figures = [
            "count", "min", "mean", "p50", "p90", "p95", "p99", "p999", "max",
        ];
        let asked = trends.flat_map(|trend| figures.map(|figure| (*trend, figure)));
        for (metric, figure) in counts
            .map(|count| (count, "count"))
            .into_iter()
            .chain(asked)
        {
            let told = &first[metric][figure];
            let least = if figure == "count" { 1.0 } else { 0.0 };
            assert!(
                told.as_f64().is_some_and(|told| told >= least),
                "{name} {metric} {figure}"
            );
            assert_eq!(told, &second[metric][figure], "{name} {metric} {figure}");
        }
    }
    let all: u64 = names
        .iter()
        .map(|name| of(&summary, name, "iterations"))
        .sum();
    assert_eq!(all, 120);
    let chats = of(&summary, "chat", "iterations");
    assert!((80..=112).contains(&chats), "{chats} of {all}");
    assert_eq!(again, summary);
}

/// Two loads: one that is shared, and one that waits for it.
fn plan() -> String {
    let after = "load = { vus = 4, duration = \"1m\", start_after = \"scenario:b\" }";
    let load = "load = { vus = 10, duration = \"30s\", graceful_stop = \"5s\" }";
    file(load, &[("a", "weight = 3"), ("b", ""), ("c", after)])
}

#[test]
fn check_shows_every_load_and_who_shares_it() {
    let check = |words: &[&str]| {
        let words = [&["check", "a.toml"], words].concat();
        on(Stage::new(&words).file("a.toml", &plan()))
    };
    let shown = |words: &[&str], parts: &[&str]| {
        let played = check(words);
        assert_eq!(played.code, 0, "{}", played.err);
        for part in parts {
            assert!(
                played.out.contains(part),
                "{words:?} {part:?}\n{}",
                played.out
            );
        }
    };
    let load = "load shared by a, b\n  executor    constant-vus\n  0s          10 users";
    let shares = "  shares      a  75%  8 users\n              b  25%  2 users\n";
    let after =
        "begins      after scenarios a, b: once the last iteration has ended, 35s at the latest";
    shown(
        &[],
        &[load, shares, after, "+1m ", "steps of one iteration of c\n"],
    );
    shown(&["--scale", "2"], &["20 users", "15 users", "8 users"]);
    shown(
        &["--explain", "--graceful-stop", "1s"],
        &[
            "scenario.a.weight",
            "3 (75% of `[load]`)",
            "scenario.c.load.start_after",
            "scenario:b",
        ],
    );
    // What waits never runs beside it.
    shown(&[], &["open files  42\n"]);
    for option in ["--vus", "--duration", "--iterations", "--rate", "--stage"] {
        let value = match option {
            "--rate" => "5/s",
            "--stage" => "5s:5",
            "--duration" => "5s",
            _ => "5",
        };
        let played = check(&[option, value]);
        assert_eq!((played.code, played.out.as_str()), (2, ""), "{option}");
        for part in [option, "which of the 2 loads", "--scale 2"] {
            assert!(played.err.contains(part), "{option}: {}", played.err);
        }
    }
    let stage = Stage::new(&["check", "a.toml"]).file("a.toml", &plan());
    let played = on(stage.var("LOADGEN_VUS", "5"));
    assert_eq!(played.code, 2);
    assert!(played.err.contains("LOADGEN_VUS"), "{}", played.err);
}

#[test]
fn debug_tells_every_scenario_or_the_one_that_is_wanted() {
    let told = |words: &[&str]| {
        let words = [&["debug", "a.toml"], words].concat();
        let played = on(Stage::new(&words).file("a.toml", &plan()));
        let heads: Vec<String> = played
            .out
            .lines()
            .filter(|line| line.starts_with("scenario ") || line.starts_with("> GET "))
            .map(|line| line.split(" http").next().unwrap_or(line).to_owned())
            .collect();
        (played.code, heads.join("; "), played.err)
    };
    let all = "scenario a; > GET; scenario b; > GET; scenario c; > GET";
    assert_eq!(told(&[]), (0, all.to_owned(), String::new()));
    let one = "scenario b; > GET";
    assert_eq!(
        told(&["--scenario", "b"]),
        (0, one.to_owned(), String::new())
    );
    let (code, out, err) = told(&["--scenario", "bb"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(
        err.contains("there is no scenario `bb`") && err.contains("a, b, c"),
        "{err}"
    );
}
