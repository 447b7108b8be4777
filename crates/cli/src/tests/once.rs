//! What is done once in a run, seen at real sockets: `[[setup]]` and `[[teardown]]`.

use super::{keys::run, *};

const SETUP: &str = r#"
[[setup]]
name = "admin"
post = "/login"
json = { user = "admin {{ vu }}", password = "correct horse" }
extract = { admin_token = "$.token" }
"#;
const STEP: &str = r#"
[[step]]
name = "me"
get = "/me"
headers = { authorization = "Bearer {{ admin_token }}" }
expect = { json = { "$.user" = "admin 0" } }
"#;
const TEARDOWN: &str = r#"
[[teardown]]
name = "clear"
delete = "/plain"
headers = { x-token = "{{ admin_token }}" }
"#;

/// A file against a server, with this load and these tables.
fn file(mock: &Mock, load: &str, tables: &[&str]) -> String {
    let target = format!("http://{}", mock.address());
    format!(
        "name = \"once\"\ntarget = \"{target}\"\nload = {{ {load} }}\n{}",
        tables.concat()
    )
}

/// How often the server was asked for each of these.
fn asked<const N: usize>(mock: &Mock, wanted: [(&str, &str); N]) -> [usize; N] {
    let truth = mock.truth();
    wanted.map(|(method, path)| {
        let of = truth.iter();
        of.filter(|one| one.method == method && one.path == path)
            .count()
    })
}

const ALL: [(&str, &str); 3] = [("POST", "/login"), ("GET", "/me"), ("DELETE", "/plain")];

#[test]
fn what_is_set_up_is_known_to_all_users() {
    let scenarios = "[[scenario]]\nname = \"a\"\n[[scenario.step]]\nname = \"me\"\nget = \"/me\"\nheaders = { authorization = \"{{ admin_token }}\" }\nexpect = { json = { \"$.user\" = \"admin 0\" } }\n\
        [[scenario]]\nname = \"b\"\n[[scenario.step]]\nget = \"/plain\"\n";
    for (load, steps, requests) in [
        ("vus = 3, iterations = 12", STEP, 12),
        ("rate = 50, duration = \"200ms\"", STEP, 10),
        (
            "executor = \"per-vu-iterations\", vus = 4, iterations = 5",
            scenarios,
            20,
        ),
    ] {
        let mock = mock();
        let tables = [SETUP, steps, TEARDOWN];
        let summary = run(&file(&mock, load, &tables));
        assert_eq!(summary["metrics"]["http_reqs"]["count"], requests, "{load}");
        assert_eq!(summary["metrics"]["checks"]["rate"], 1.0, "{load}");
        let me = if steps == STEP { requests } else { 10 };
        assert_eq!(asked(&mock, ALL), [1, me, 1], "{load}");
        let (first, last) = if steps == STEP {
            ("once", "once")
        } else {
            ("a", "b")
        };
        for (scenario, step, role) in [(first, "admin", "setup"), (last, "clear", "teardown")] {
            let step = &summary["scenarios"][scenario]["steps"][step];
            assert_eq!(step["role"], role, "{summary}");
            assert_eq!(step["metrics"]["http_reqs"]["count"], 1);
        }
        let numbers = |path: &str| {
            let truth = mock.truth();
            let of = truth
                .iter()
                .filter(|one| one.path == path && one.method != "GET");
            of.map(|one| one.request).next().unwrap()
        };
        let truth = mock.truth();
        let all = truth.iter().map(|one| one.request);
        assert_eq!(
            (numbers("/login"), numbers("/plain")),
            (all.clone().min().unwrap(), all.max().unwrap()),
            "the first and the last"
        );
    }
}

#[test]
fn a_setup_that_fails_ends_the_run() {
    let broken = "[[setup]]\nname = \"seed\"\nget = \"/status/500\"\n";
    let words = ["--out", "json=out.json", "--out", "log=a.jsonl"];
    for (command, load) in [
        ("run", "vus = 2, iterations = 6"),
        ("stress", "vus = 1, duration = \"1s\""),
    ] {
        let mock = mock();
        let text = file(
            &mock,
            load,
            &[
                broken,
                SETUP,
                STEP,
                TEARDOWN,
                "[slo]\nhttp_req_latency = \"1s\"\n",
            ],
        );
        let limit = ["--until", "http_req_failed: rate < 5%"];
        let limit = if command == "stress" { &limit[..] } else { &[] };
        let all = [&[command, "a.toml"][..], &words, limit].concat();
        let played = on(Stage::new(&all).file("a.toml", &text));
        assert_eq!(played.code, 1, "{command}\n{}{}", played.out, played.err);
        assert!(
            played.err.contains(
                "error: failed to set up, so that no user began: the step `seed` failed: http_5xx: status 500"
            ),
            "{}",
            played.err
        );
        assert_eq!(asked(&mock, ALL), [0, 0, 0]);
        let summary = played.json("out.json");
        assert_eq!(summary["stop_reason"], "error");
        assert_eq!(summary["errors"][0]["step"], "seed");
        assert_eq!(summary["metrics"]["iterations"]["count"], 0);
        // The log is whole, and tells the same.
        let mut stage = Stage::new(&["report", "a.jsonl", "--out", "json=again.json"]);
        stage
            .environment
            .folder
            .clone_from(&played.stage.environment.folder);
        let again = on(stage);
        assert_eq!(
            again.json("again.json")["errors"],
            summary["errors"],
            "{}",
            again.err
        );
        assert_eq!(again.json("again.json")["stop_reason"], "error");
    }
}

#[test]
fn what_is_done_once_may_take_only_so_long() {
    let slow = |once: &str| format!("[[{once}]]\nname = \"wait\"\nget = \"/plain\"\n");
    for (once, limit, code) in [
        ("setup", "", 0),
        ("setup", "setup_timeout = \"50ms\"", 1),
        ("teardown", "", 0),
        ("teardown", "teardown_timeout = \"50ms\"", 0),
    ] {
        let text = format!(
            "{limit}\ntarget = \"mock\"\nload = {{ vus = 1, iterations = 1 }}\nmock = {{ plain_time = \"500ms\" }}\n[[step]]\nget = \"/health\"\n{}",
            slow(once)
        );
        let words = [
            "run",
            "a.toml",
            "--no-log",
            "--out",
            "json=out.json",
            "--out",
            "log=a.jsonl",
        ];
        let played = on(Stage::new(&words).file("a.toml", &text));
        assert_eq!(played.code, code, "{once} {limit}\n{}", played.err);
        let summary = played.json("out.json");
        let warnings = summary["warnings"].as_array().unwrap();
        let told = warnings.iter().find(|one| one["code"] == "teardown-failed");
        let late = once == "teardown" && !limit.is_empty();
        assert_eq!(told.is_some(), late, "{warnings:?}");
        if code == 1 {
            assert!(
                played
                    .err
                    .contains("it took longer than 50ms (setup_timeout)"),
                "{}",
                played.err
            );
        }
        if let Some(told) = told {
            let message = told["message"].as_str().unwrap();
            assert!(
                message.ends_with("it took longer than 50ms (teardown_timeout)"),
                "{message}"
            );
            // The log keeps it.
            let mut stage = Stage::new(&["report", "a.jsonl", "--out", "json=again.json"]);
            stage
                .environment
                .folder
                .clone_from(&played.stage.environment.folder);
            assert_eq!(
                on(stage).json("again.json")["warnings"],
                summary["warnings"]
            );
        }
    }
}

#[test]
fn what_is_done_once_is_told() {
    let mock = mock();
    let text = file(&mock, "vus = 1, iterations = 1", &[SETUP, STEP, TEARDOWN]);
    let checked = on(Stage::new(&["check", "a.toml"]).file("a.toml", &text));
    for line in [
        "\nsetup, once before the first user, 1m at most\n  1. admin: POST /login\n",
        "\nteardown, once after the last user, 1m at most\n  1. clear: DELETE /plain\n",
    ] {
        assert!(checked.out.contains(line), "{line}\n{}", checked.out);
    }
    let told = on(Stage::new(&["debug", "a.toml"]).file("a.toml", &text));
    assert_eq!(told.code, 0, "{}", told.out);
    let places = [
        "\nsetup, once in a run\n\n1. admin\n",
        "\n1. me\n",
        "\nteardown, once in a run\n\n1. clear\n",
    ]
    .map(|line| {
        told.out
            .find(line)
            .unwrap_or_else(|| panic!("{line}\n{}", told.out))
    });
    assert!(places.is_sorted(), "{}", told.out);
    // The token is a secret by its name, also where another step sends it.
    assert!(!told.out.contains("mock-1-"), "{}", told.out);
    let broken = text.replace("correct horse", "wrong");
    let told = on(Stage::new(&["debug", "a.toml"]).file("a.toml", &broken));
    assert_eq!(told.code, 99);
    assert!(told.out.contains("\nno user would begin\n"), "{}", told.out);
    assert!(!told.out.contains("1. me"), "{}", told.out);
}

#[test]
fn a_signal_before_the_first_user_ends_the_run() {
    for (stop, cleared) in [(Stop::Drain, 0), (Stop::Run, 1)] {
        let mock = mock();
        let text = file(&mock, "vus = 1, iterations = 3", &[SETUP, STEP, TEARDOWN]);
        let stage = Stage::new(&["run", "a.toml", "--no-log"]).file("a.toml", &text);
        stage.stop.send_replace(stop);
        let played = on(stage);
        // Before the setup is done, there is nothing to tear down.
        assert_eq!(
            played.code,
            if stop == Stop::Run { 0 } else { 130 },
            "{}",
            played.err
        );
        assert_eq!(asked(&mock, ALL)[2], cleared);
    }
}

#[test]
fn debug_keeps_to_the_limits_of_a_run() {
    let slow = |once: &str| {
        format!(
            "{once}_timeout = \"50ms\"\ntarget = \"mock\"\nload = {{ vus = 1, iterations = 1 }}\nmock = {{ plain_time = \"30s\" }}\n\
             [[step]]\nname = \"page\"\nget = \"/health\"\n[[{once}]]\nparallel = [{{ get = \"/plain\" }}, {{ get = \"/health\" }}]\n"
        )
    };
    for (once, begins) in [("setup", false), ("teardown", true)] {
        let told = on(Stage::new(&["debug", "a.toml"]).file("a.toml", &slow(once)));
        assert_eq!(told.code, 99, "{once}\n{}", told.out);
        let line = format!("\nit ends here: it took longer than 50ms ({once}_timeout)\n");
        assert!(told.out.contains(&line), "{}", told.out);
        assert_eq!(told.out.contains("1. page"), begins, "{}", told.out);
        assert_eq!(told.out.contains("no user would begin"), !begins);
    }
}

#[test]
fn debug_takes_turns() {
    // Each a request of its own, attempts and redirections included: two turns for the last.
    let steps = "[[step]]\nname = \"again\"\nrepeat = 3\nget = \"/plain\"\n\
                 [[step]]\nname = \"moved\"\nget = \"/status/302\"\n[[step]]\nname = \"last\"\nget = \"/health\"\n";
    let mock = mock();
    let text = file(&mock, "vus = 1, iterations = 1", &[steps]);
    let text = format!("rate_limit = \"10/s\"\n{text}");
    let told = on(Stage::new(&["debug", "a.toml"]).file("a.toml", &text));
    assert_eq!(told.code, 0, "{}", told.out);
    let truth = mock.truth();
    let mut at: Vec<(u64, &str)> = truth
        .iter()
        .map(|one| (one.received_ns, one.path.as_str()))
        .collect();
    at.sort_unstable();
    let paths: Vec<&str> = at.iter().map(|(_, path)| *path).collect();
    assert_eq!(
        paths,
        [
            "/plain",
            "/plain",
            "/plain",
            "/status/302",
            "/plain",
            "/health"
        ]
    );
    let since_the_first = |place: usize| (at[place].0 - at[0].0) / 1_000_000;
    // The redirection is followed at once, and whoever comes next waits for two.
    for (place, least) in [(1, 90), (2, 190), (3, 290), (5, 490)] {
        assert!(since_the_first(place) >= least, "{place}: {at:?}");
    }
    assert!(
        told.out.contains(" for its turn (rate_limit)\n"),
        "{}",
        told.out
    );
}

#[test]
fn debug_says_whose_iteration_it_tells() {
    let two = "[[scenario]]\nname = \"a\"\nstep = [{ get = \"/plain\" }]\n[[scenario]]\nname = \"b\"\nstep = [{ get = \"/health\" }]\n";
    let mock = mock();
    for (tables, words, head) in [
        (STEP, &[][..], "one iteration of one user, target"),
        (
            two,
            &[],
            "one iteration of one user of each scenario, target",
        ),
        (
            two,
            &["--scenario", "b"],
            "one iteration of one user, target",
        ),
    ] {
        let text = file(&mock, "vus = 2, iterations = 2", &[SETUP, tables]);
        let words = [&["debug", "a.toml"], words].concat();
        let told = on(Stage::new(&words).file("a.toml", &text));
        assert!(
            told.out.starts_with(head),
            "{head}\n{}{}",
            told.out,
            told.err
        );
    }
}
