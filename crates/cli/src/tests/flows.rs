//! What an iteration does, seen at real sockets: conditions, repetitions, choices, and steps at once.

use super::{keys::run, *};
use std::collections::{BTreeMap, BTreeSet};

/// Runs iterations of one user over these steps against the mock; the requests of each step.
#[track_caller]
fn requests(iterations: u32, steps: &str) -> BTreeMap<String, u64> {
    let load = format!("load = {{ vus = 1, iterations = {iterations} }}");
    let summary = run(&format!(
        "target = \"mock\"\nname = \"flow\"\n{load}\n{steps}"
    ));
    assert_eq!(
        summary["metrics"]["http_req_failed"]["hits"], 0,
        "{summary}"
    );
    let steps = summary["scenarios"]["flow"]["steps"].as_object().unwrap();
    let count = |step: &Value| step["metrics"]["http_reqs"]["count"].as_u64().unwrap();
    steps
        .iter()
        .map(|(name, step)| (name.clone(), count(step)))
        .collect()
}

fn of(name: &str, lines: &str) -> String {
    format!("[[step]]\nname = \"{name}\"\nget = \"/plain\"\n{lines}\n")
}

#[test]
fn a_step_is_done_only_where_its_condition_holds() {
    let steps = [
        of("always", ""),
        of("first", "when = \"{{ iteration == 0 }}\""),
        of("never", "when = \"{{ env.SMOKE | default(false) }}\""),
    ];
    let seen = requests(5, &steps.concat());
    assert_eq!([seen["always"], seen["first"], seen["never"]], [5, 1, 0]);
}

#[test]
fn a_step_is_done_as_often_as_the_file_says() {
    let inner = "[[step]]\nrepeat = 2\n[[step.step]]\nname = \"in\"\nget = \"/plain\"\n[[step.step]]\nname = \"side\"\nget = \"/plain\"\nrepeat = 2\n";
    let steps = [
        of("fixed", "repeat = 3"),
        of("range", "repeat = \"1..4\""),
        inner.to_owned(),
    ];
    let seen = requests(20, &steps.concat());
    assert_eq!([seen["fixed"], seen["in"], seen["side"]], [60, 40, 80]);
    assert!((21..80).contains(&seen["range"]), "{seen:?}");
}

#[test]
fn one_of_several_steps_is_chosen_by_weight() {
    let alternative = |name: &str, weight: &str| {
        format!("[[step.choose]]\nname = \"{name}\"\nget = \"/plain\"\n{weight}\n")
    };
    for (weights, least) in [
        (["weight = 9", ""], 80),
        (["", ""], 30),
        (["weight = 0", ""], 0),
    ] {
        let [a, b] = weights;
        let steps = format!("[[step]]\n{}{}", alternative("a", a), alternative("b", b));
        let seen = requests(100, &steps);
        assert_eq!(seen["a"] + seen["b"], 100);
        assert!(
            (least..=least + 40).contains(&seen["a"]),
            "{weights:?}: {seen:?}"
        );
        assert_eq!(seen["a"] == 0, least == 0);
    }
}

#[test]
fn steps_at_once_have_connections_of_their_own() {
    let parts = "[{ get = \"/plain?1\" }, { get = \"/plain?2\" }, { get = \"/plain?3\" }]";
    for (key, connections) in [("parallel", 3), ("step", 1)] {
        let mock = mock();
        let summary = run(&format!(
            "target = \"http://{}\"\nload = {{ vus = 1, iterations = 5 }}\n[[step]]\n{key} = {parts}\n",
            mock.address()
        ));
        assert_eq!(summary["metrics"]["http_reqs"]["count"], 15);
        let used: BTreeSet<u64> = mock
            .truth()
            .iter()
            .map(|record| record.connection)
            .collect();
        // The user keeps those that it needed at once.
        assert_eq!(used.len(), connections, "{key}");
    }
}

#[test]
fn a_tree_of_steps_is_told() {
    let text = r#"
target = "mock"
load = { iterations = 1 }
[[step]]
repeat = "2..3"
when = "{{ vu == 1 }}"
step = [{ get = "/plain" }, { think = "1s" }]
[[step]]
choose = [{ get = "/plain?a", weight = 3 }, { parallel = [{ get = "/plain?b" }, { get = "/plain?c" }] }]
[[step]]
get = "/plain?d"
when = "{{ vu == 2 }}"
"#;
    let checked = on(Stage::new(&["check", "a.toml"]).file("a.toml", text));
    for line in [
        "  1. 2 to 3 times, as long as {{ vu == 1 }}: in order\n     1.1. GET /plain\n",
        "\n     1.2. think 1s\n  2. one of\n     2.1. 75%: GET /plain?a\n",
        "\n     2.2. 25%: at once\n        2.2.1. GET /plain?b\n",
        "\n  3. when {{ vu == 2 }}: GET /plain?d\n",
    ] {
        assert!(checked.out.contains(line), "{line}\n{}", checked.out);
    }
    let told = on(Stage::new(&["debug", "a.toml", "--seed", "1"]).file("a.toml", text));
    let twice = told.out.matches("\n1.1. GET /plain\n").count();
    assert!((2..=3).contains(&twice), "{}", told.out);
    assert!(told.out.contains("\n2."), "{}", told.out);
    assert!(
        told.out.contains("\n3. left: `when` does not hold\n"),
        "{}",
        told.out
    );
}

#[test]
fn debug_does_what_a_run_does() {
    use loadgen_testkit::{ScriptedServer, Step};
    let text = r#"
target = "mock"
load = { iterations = 1 }
[mock]
ttft = "1s"
[[step]]
[[step.parallel]]
name = "slow"
post = "/v1/chat/completions"
json = { model = "m", stream = true, messages = [{ role = "user", content = "Hello" }] }
stream = "openai"
[[step.parallel]]
name = "quick"
get = "/plain"
repeat = 2
[[step]]
get = "/plain?last"
"#;
    let told = on(Stage::new(&["debug", "a.toml"]).file("a.toml", text));
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    let at = |part: &str| {
        told.out
            .find(part)
            .unwrap_or_else(|| panic!("{}", told.out))
    };
    let order = [
        "\n1. at once, each request told when it is done\n",
        "\n1.2. quick\n",
        "\n1.1. slow\n",
        "\n2. GET /plain?last\n",
    ];
    assert!(order.map(at).is_sorted(), "{}", told.out);
    assert_eq!(told.out.matches("as expected: status 200").count(), 4);

    let script = vec![
        Step::ReadRequest,
        Step::write("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"),
        Step::ReadRequest,
        Step::write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"),
    ];
    let server = ScriptedServer::repeat(script).unwrap();
    let text = format!(
        "target = \"{}\"\nload = {{ iterations = 1 }}\n[[step]]\nget = \"/{{{{ random_int(1, 1000000) }}}}\"\nretry = {{ on = 503, backoff = \"1ms\", max = 2 }}\n",
        server.url("")
    );
    let told = on(Stage::new(&["debug", "a.toml"]).file("a.toml", &text));
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    for part in [
        "status 503: to be sent again in ",
        "(retry 1 of 2)\n",
        "\n  sent again:\n> GET ",
        "as expected: status 200",
    ] {
        assert!(told.out.contains(part), "{part}\n{}", told.out);
    }
}

#[test]
fn debug_ends_where_a_run_ends() {
    use loadgen_testkit::{ScriptedServer, Step};
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"ids\":[1]}";
    let turn = [Step::ReadRequest, Step::write(answer)];
    let first = "[[step]]\nget = \"/first\"\nextract = { ids = \"$.ids\" }\n";
    let login = "[[before]]\nname = \"login\"\nget = \"/login\"\nexpect = { status = 204 }\n";
    let missing = "[[step]]\nget = \"/x/{{ ids[3] + 0 }}\"\n";
    let cannot_tell = "[[step]]\nget = \"/x\"\nwhen = \"{{ ids[3] + 0 > 0 }}\"\n";
    // (what stands before the last step, whether that is done)
    let cases = [
        (login.to_owned(), false),
        (format!("{login}on_failure = \"continue\"\n"), true),
        (format!("{login}on_failure = \"next_iteration\"\n"), true),
        (format!("{first}{missing}"), true),
        (
            format!("{first}{missing}extract = {{ y = \"$.y\" }}\n"),
            false,
        ),
        (format!("{first}{cannot_tell}"), true),
        (
            format!("{first}{cannot_tell}on_failure = \"next_iteration\"\n"),
            false,
        ),
    ];
    for (steps, goes_on) in cases {
        let script = turn.iter().cloned().cycle().take(40).collect();
        let server = ScriptedServer::repeat(script).unwrap();
        let text = format!(
            "target = \"{}\"\nload = {{ iterations = 1 }}\n{steps}[[step]]\nname = \"last\"\nget = \"/last\"\n",
            server.url("")
        );
        let told = on(Stage::new(&["debug", "a.toml"]).file("a.toml", &text));
        assert_eq!(
            told.out.contains(". last\n"),
            goes_on,
            "{steps}\n{}",
            told.out
        );
        // A run does the same.
        let words = ["run", "a.toml", "--no-log", "--quiet"];
        on(Stage::new(&words).file("a.toml", &text));
        let lasts = String::from_utf8_lossy(&server.received().concat())
            .matches("GET /last ")
            .count();
        assert_eq!(lasts, if goes_on { 2 } else { 0 }, "{steps}");
    }
}

#[test]
fn a_group_is_timed_as_a_whole() {
    let text = r#"
target = "mock"
name = "flow"
load = { vus = 1, iterations = 5 }
[[step]]
group = "page"
step = [{ get = "/plain" }, { think = "20ms" }, { get = "/plain?b" }]
[thresholds]
"group_duration{step=page}" = "min > 20ms"
"#;
    let words = [
        "run",
        "a.toml",
        "--no-color",
        "--out",
        "json=out.json",
        "--out",
        "log=a.jsonl",
    ];
    let played = on(Stage::new(&words).file("a.toml", text));
    assert_eq!(played.code, 0, "{}{}", played.out, played.err);
    assert!(played.out.contains("\n  group page"), "{}", played.out);
    let summary = played.json("out.json");
    let page = &summary["scenarios"]["flow"]["steps"]["page"];
    assert_eq!(page["role"], "group");
    assert_eq!(page["metrics"]["group_duration"]["count"], 5);
    assert_eq!(page["metrics"]["http_reqs"], Value::Null);
    assert_eq!(summary["metrics"]["http_reqs"]["count"], 10);
    // The run log knows it too.
    let mut stage = Stage::new(&["report", "a.jsonl", "--out", "json=again.json"]);
    let folder = &played.stage.environment.folder;
    stage.environment.folder.clone_from(folder);
    let again = on(stage);
    assert_eq!(again.code, 0, "{}", again.err);
    assert_eq!(again.json("again.json")["scenarios"], summary["scenarios"]);
}

#[test]
fn an_iteration_begins_at_its_pace() {
    let steps = "[[scenario.step]]\nget = \"/plain\"\n";
    for (file, own, seconds) in [
        ("pace = \"100ms\"", "", 0.4),
        ("", "pace = \"50ms\"", 0.2),
        ("pace = \"1h\"", "pace = \"50ms\"", 0.2),
    ] {
        let summary = run(&format!(
            "target = \"mock\"\n{file}\nload = {{ vus = 1, iterations = 5 }}\n[[scenario]]\nname = \"a\"\n{own}\n{steps}"
        ));
        let taken = summary["duration_s"].as_f64().unwrap();
        assert!(taken >= seconds && taken < 60.0, "{file} {own}: {taken}");
    }
    // The mock is slower than that.
    let summary = run(
        "target = \"mock\"\npace = \"1ms\"\nload = { vus = 1, iterations = 3 }\n[mock]\nplain_time = \"20ms\"\n[[step]]\nget = \"/plain\"\n",
    );
    assert_eq!(summary["metrics"]["late_iterations"]["count"], 3);
    let warnings = summary["warnings"].as_array().unwrap();
    assert!(
        warnings.iter().any(|one| one["code"] == "pace-missed"),
        "{warnings:?}"
    );
}

#[test]
fn requests_begin_at_the_rate_of_the_file() {
    let limit = "rate_limit = \"20/s\"";
    let shared = ", shared by all requests of";
    for (file, own, step, waits, shown) in [
        (limit, "", "", 8, format!("{shared} the file")),
        ("", limit, "", 8, format!("{shared} its scenario")),
        ("", "", limit, 4, String::new()),
    ] {
        let text = format!(
            "target = \"mock\"\n{file}\nload = {{ vus = 4, iterations = 4 }}\n[[scenario]]\nname = \"a\"\n{own}\n[[scenario.step]]\nget = \"/plain?a\"\n{step}\n[[scenario.step]]\nget = \"/plain?b\"\n"
        );
        let summary = run(&text);
        let metrics = &summary["metrics"];
        assert_eq!(metrics["http_reqs"]["count"], 8, "{file}{own}{step}");
        assert_eq!(metrics["rate_limit_wait"]["count"], waits);
        // The first begins at once, and each other 50 ms after the one before it.
        let least = f64::from(waits - 1) * 0.05;
        let taken = summary["duration_s"].as_f64().unwrap();
        assert!(taken >= least && taken < 60.0, "{file}{own}{step}: {taken}");
        let longest = |name: &str| metrics[name]["max"].as_f64().unwrap();
        assert!(longest("rate_limit_wait") >= 140.0);
        // The wait is in it, but for how late the user began: that is in the wait alone.
        assert!(longest("iteration_duration") >= 50.0);
        let checked = on(Stage::new(&["check", "a.toml"]).file("a.toml", &text));
        let shown = format!("at most 20/s{shown};");
        assert!(checked.out.contains(&shown), "{}", checked.out);
    }
}

#[test]
fn a_line_that_grows_is_told_before_and_after() {
    let text = "target = \"mock\"\nrate_limit = \"5/s\"\nload = { rate = \"200/s\", duration = \"500ms\", graceful_stop = \"100ms\" }\n[[step]]\nget = \"/plain\"\n";
    let warning = "warning: arrivals ask for up to 200/s requests where the `rate_limit` of the file lets 5/s begin: the others wait in a line that grows\nhint: bound the users (`max_vus`)";
    let words = ["run", "a.toml", "--no-log", "--out", "json=out.json"];
    let bounded = text
        .replace("200/s\",", "200/s\", max_vus = 2,")
        .replace("100ms", "5s");
    for (text, told) in [(text, true), (&*bounded, false)] {
        for words in [&["check", "a.toml"][..], &words] {
            let played = on(Stage::new(words).file("a.toml", text));
            assert_eq!(played.code, 0, "{}{}", played.out, played.err);
            assert_eq!(played.err.contains(warning), told, "{}", played.err);
            if words[0] == "run" {
                let summary = played.json("out.json");
                let warnings = summary["warnings"].as_array().unwrap();
                let cut = warnings.iter().any(|one| one["code"] == "cut-in-line");
                assert_eq!(cut, told, "{warnings:?}");
                let left = &summary["metrics"]["rate_limit_cut"]["count"];
                // Turns at 0, 200 and 400 ms, perhaps one at 600 ms.
                assert_eq!(
                    (90..100).contains(&left.as_u64().unwrap_or(0)),
                    told,
                    "{left}"
                );
            }
        }
    }
}

#[test]
fn users_do_once_what_comes_before() {
    let text = r#"
target = "mock"
load = { executor = "per-vu-iterations", vus = 3, iterations = 2 }
[[before]]
name = "login"
post = "/login"
json = { user = "u{{ vu }}", password = "correct horse" }
[[scenario]]
name = "a"
step = [{ get = "/plain" }]
[[scenario]]
name = "b"
before = [{ name = "hello", get = "/plain?b" }]
step = [{ get = "/plain?c" }]
"#;
    let summary = run(text);
    assert_eq!(summary["metrics"]["http_reqs"]["count"], 6);
    let step = |scenario: &str, step: &str| summary["scenarios"][scenario]["steps"][step].clone();
    let login = step("a", "login");
    assert_eq!(
        (
            login["role"].as_str(),
            &login["metrics"]["http_reqs"]["count"]
        ),
        (Some("before"), &2.into())
    );
    assert_eq!(step("b", "hello")["metrics"]["http_reqs"]["count"], 1);
    assert_eq!(step("b", "login"), Value::Null);
    let checked = on(Stage::new(&["check", "a.toml"]).file("a.toml", text));
    assert!(
        checked.out.contains(
            "\nsteps of each user before its first iteration of a\n  1. login: POST /login\n"
        ),
        "{}",
        checked.out
    );
    let told = on(Stage::new(&["debug", "a.toml", "--scenario", "a"]).file("a.toml", text));
    assert!(
        told.out
            .contains("\nbefore the first iteration\n\n1. login\n"),
        "{}",
        told.out
    );
    assert!(
        told.out.contains("\nthe iteration\n\n1. GET /plain\n"),
        "{}",
        told.out
    );
}

#[test]
fn a_request_is_sent_again_where_that_is_wanted() {
    use loadgen_testkit::{ScriptedServer, Step};
    let refused = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
    let fine = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    for (retry, requests, failed, at_least) in [
        ("retry = { on = 503, backoff = \"1ms\" }", 2, 0, 1.0),
        ("retry = { on = [429, \"reset\"] }", 1, 1, 0.0),
        ("", 1, 1, 0.0),
    ] {
        let script = vec![
            Step::ReadRequest,
            Step::write(refused),
            Step::ReadRequest,
            Step::write(fine),
        ];
        let server = ScriptedServer::repeat(script).unwrap();
        for place in [
            "[defaults]\n{}\n[[step]]\nget = \"/x\"\n",
            "[[step]]\nget = \"/x\"\n{}\n",
        ] {
            let summary = run(&format!(
                "target = \"{}\"\nload = {{ vus = 1, iterations = 1 }}\n{}",
                server.url(""),
                place.replace("{}", retry)
            ));
            let metrics = &summary["metrics"];
            assert_eq!(metrics["http_reqs"]["count"], requests, "{retry}");
            assert_eq!(metrics["http_req_failed"]["hits"], failed, "{retry}");
            assert_eq!(
                metrics["retries"]["count"].as_u64().unwrap_or(0),
                requests - 1
            );
            let longest = metrics["iteration_duration"]["max"].as_f64().unwrap();
            assert!(longest >= at_least * 1000.0, "{retry}: {longest}");
        }
    }
}

#[test]
fn a_request_is_sent_again_so_often_and_after_such_waits() {
    let refusing = "[mock]\nerror_rate = 1\n[[step]]\nget = \"/plain\"\n";
    for (keys, requests, least, most) in [
        ("max = 2, backoff = \"20ms\"", 3, 30.0, 10_000.0),
        ("backoff = \"1ms\"", 4, 3.0, 10_000.0),
        (
            "max = 6, backoff = \"1ms\", max_backoff = \"2ms\"",
            7,
            5.0,
            10_000.0,
        ),
    ] {
        let summary = run(&format!(
            "target = \"mock\"\nload = {{ vus = 1, iterations = 1 }}\n{refusing}retry = {{ on = \"5xx\", {keys} }}\n"
        ));
        let metrics = &summary["metrics"];
        assert_eq!(metrics["http_reqs"]["count"], requests, "{keys}");
        assert_eq!(metrics["http_req_failed"]["hits"], 1, "{keys}");
        let taken = metrics["iteration_duration"]["max"].as_f64().unwrap();
        assert!((least..most).contains(&taken), "{keys}: {taken}");
    }
}
