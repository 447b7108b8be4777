//! What each key of a load over time does, seen in whole runs against the embedded target.

use super::{keys::run, *};

/// Runs a load, written as an inline table's inside, with one plain request that takes so many milliseconds.
#[track_caller]
fn loaded(load: &str, takes: u32) -> Value {
    run(&format!(
        "target = \"mock\"\nload = {{ {load} }}\n[mock]\nplain_time = \"{takes}ms\"\n[[step]]\nget = \"/plain\"\n"
    ))
}

fn count(summary: &Value, metric: &str) -> u64 {
    summary["metrics"][metric]["count"].as_u64().unwrap_or(0)
}

fn most_users(summary: &Value) -> u64 {
    summary["metrics"]["vus"]["max"].as_u64().unwrap_or(0)
}

#[test]
fn an_executor_shapes_the_load() {
    // (load, iterations, most users)
    let cases = [
        (
            "executor = \"per-vu-iterations\", vus = 3, iterations = 4, connect_rate = \"off\"",
            12,
            3,
        ),
        (
            "executor = \"shared-iterations\", vus = 3, iterations = 4, connect_rate = \"off\"",
            4,
            3,
        ),
        (
            "executor = \"constant-arrival-rate\", rate = \"100/s\", duration = \"300ms\"",
            30,
            1,
        ),
        (
            "executor = \"ramping-arrival-rate\", start_rate = \"100/s\", stages = [{ duration = \"400ms\", target = \"0/s\" }]",
            20,
            1,
        ),
    ];
    for (load, iterations, users) in cases {
        let summary = loaded(load, 0);
        assert_eq!(count(&summary, "iterations"), iterations, "{load}");
        assert!(most_users(&summary) >= users, "{load}");
    }
    let ramping = "executor = \"ramping-vus\", start_vus = 4, stages = [{ duration = \"300ms\", target = 4 }]";
    assert_eq!(most_users(&loaded(ramping, 5)), 4);
}

#[test]
fn stages_have_their_length_and_their_target() {
    // ∫ rate: half of length times target.
    for (length, target, arrivals) in [(400, 100, 20), (400, 200, 40), (200, 200, 20)] {
        let stages = format!("stages = [{{ duration = \"{length}ms\", target = \"{target}/s\" }}]");
        assert_eq!(
            count(&loaded(&stages, 0), "iterations"),
            arrivals,
            "{stages}"
        );
    }
}

#[test]
fn a_ramp_begins_where_the_file_says() {
    for (start, arrivals) in [("start_rate = \"100/s\", ", 40), ("", 20)] {
        let load = format!("{start}stages = [{{ duration = \"400ms\", target = \"100/s\" }}]");
        assert_eq!(count(&loaded(&load, 0), "iterations"), arrivals, "{load}");
    }
    for (start, users) in [("start_vus = 6, ", 6), ("", 2)] {
        let load = format!(
            "{start}stages = [{{ duration = \"200ms\", target = 2 }}], connect_rate = \"off\""
        );
        assert_eq!(most_users(&loaded(&load, 5)), users, "{load}");
    }
}

#[test]
fn arrivals_are_spread_as_the_file_says() {
    let load = |spread: &str| {
        let load = format!("rate = \"400/s\", duration = \"500ms\"{spread}");
        count(&loaded(&load, 0), "iterations")
    };
    assert_eq!((load(""), load(", arrivals = \"uniform\"")), (200, 200));
    let poisson = load(", arrivals = \"poisson\"");
    assert_ne!(poisson, 200, "by chance, with this seed");
    assert_eq!(
        poisson,
        load(", arrivals = \"poisson\""),
        "the seed decides"
    );
    let gamma = |burstiness| {
        load(&format!(
            ", arrivals = \"gamma\", burstiness = {burstiness}"
        ))
    };
    let (bursts, even) = (gamma("0.05"), gamma("900.0"));
    assert!(even.abs_diff(200) <= 3, "{even}");
    assert!(bursts.abs_diff(200) > 3, "{bursts}");
}

#[test]
fn an_arrival_that_finds_all_users_busy_is_dropped() {
    for (limit, dropped) in [(", max_vus = 2", true), ("", false)] {
        let summary = loaded(
            &format!("rate = \"50/s\", duration = \"400ms\"{limit}"),
            150,
        );
        let lost = count(&summary, "dropped_iterations");
        assert_eq!(lost > 0, dropped, "{limit}");
        // A machine that is too busy to begin them in time is to blame for some.
        let reasons = ["max_vus", "late"].map(|reason| summary["dropped"][reason].as_u64());
        let told: u64 = reasons.into_iter().flatten().sum();
        assert_eq!(told, lost, "{limit}");
        assert_eq!(lost + count(&summary, "iterations"), 20, "{limit}");
        assert_eq!(most_users(&summary) <= 2, dropped, "{limit}");
    }
}

#[test]
fn users_begin_no_faster_than_they_may() {
    // An hour later there is no load any more: whoever is to begin then never does.
    let each =
        "executor = \"per-vu-iterations\", vus = 3, iterations = 1, max_duration = \"300ms\"";
    for (rate, begun) in [
        (", connect_rate = \"1/h\"", 1),
        (", connect_rate = \"off\"", 3),
        ("", 3),
    ] {
        let summary = loaded(&format!("{each}{rate}"), 0);
        assert_eq!(count(&summary, "iterations"), begun, "{rate}");
        assert_eq!(count(&summary, "dropped_iterations"), 3 - begun, "{rate}");
    }
    let text = format!(
        "target = \"mock\"\nload = {{ {each}, connect_rate = \"1/h\" }}\n[[step]]\nget = \"/plain\"\n"
    );
    let words = [
        "run",
        "a.toml",
        "--no-log",
        "--connect-rate",
        "off",
        "--out",
        "json=out.json",
    ];
    let played = on(Stage::new(&words).file("a.toml", &text));
    assert_eq!(
        (played.code, played.count("iterations")),
        (0, 3),
        "{}",
        played.err
    );
    let words = ["run", "a.toml", "--no-log", "--out", "json=out.json"];
    let played = on(Stage::new(&words).file("a.toml", &text));
    let told = "only 1 of 3 users begin before the load ends";
    assert!(played.err.contains(told), "{}", played.err);
}

#[test]
fn who_leaves_may_finish_within_the_graceful_ramp_down() {
    for (grace, cut) in [(", graceful_ramp_down = \"0s\"", 2), ("", 0)] {
        let load = format!(
            "start_vus = 3, stages = [{{ duration = \"0s\", target = 3 }}, {{ duration = \"50ms\", target = 3 }}, \
             {{ duration = \"0s\", target = 1 }}, {{ duration = \"100ms\", target = 1 }}]{grace}"
        );
        let summary = loaded(&load, 400);
        assert_eq!(count(&summary, "interrupted_iterations"), cut, "{grace}");
        assert_eq!(count(&summary, "iterations"), 3 - cut, "{grace}");
    }
}

#[test]
fn a_load_begins_late_and_warms_up() {
    for (line, requests, at_least) in [
        (", start_after = \"300ms\"", 20, 0.5),
        (", warm_up = \"100ms\"", 10, 0.2),
        ("", 20, 0.2),
    ] {
        let summary = loaded(&format!("rate = \"100/s\", duration = \"200ms\"{line}"), 0);
        assert_eq!(count(&summary, "http_reqs"), requests, "{line}");
        let length = summary["duration_s"].as_f64().unwrap();
        assert!(length >= at_least - 0.02, "{line}: {length}");
    }
}
