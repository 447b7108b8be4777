//! Probes of the target: what they tell, in runs and in searches, and what becomes of those that fail.

use super::{keys::run, *};
use loadgen_testkit::{ScriptedServer, Step, refused_address};

/// A second of load, with these tables.
fn second(tables: &str) -> String {
    format!(
        "target = \"mock\"\nload = {{ vus = 1, duration = \"1500ms\" }}\nmock = {{ plain_time = \"20ms\" }}\n\
         [[step]]\nname = \"get\"\nget = \"/plain\"\n{tables}"
    )
}

/// What a probe told over such a run.
#[track_caller]
fn told(tables: &str, name: &str) -> Value {
    run(&second(tables))["probes"][name].clone()
}

/// A server that answers every request with this body.
fn server(body: &str) -> ScriptedServer {
    let length = body.len();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
    let turn = [Step::ReadRequest, Step::write(answer)];
    ScriptedServer::repeat(turn.into_iter().cycle().take(64).collect()).unwrap()
}

#[test]
fn a_command_is_asked_again_and_again() {
    let summary = run(&second(
        "[[probe]]\nname = \"queue\"\ncommand = \"echo 40\"\nevery = \"100ms\"\nwarn = 30\ncritical = 50\n\
         [[probe]]\nname = \"words\"\ncommand = [\"echo\", \"7\"]\nunit = \"%\"\n\
         [thresholds]\n\"probe.queue\" = [\"max < 50\", \"count > 3\"]\n",
    ));
    let queue = &summary["probes"]["queue"];
    assert!(queue["count"].as_u64() > Some(3), "{queue}");
    for (key, value) in [("mean", 40.0), ("min", 40.0), ("max", 40.0), ("last", 40.0)] {
        assert_eq!(queue[key], value, "{queue}");
    }
    assert_eq!(
        (&queue["status"], &queue["available"]),
        (&"warn".into(), &10.0.into())
    );
    let words = &summary["probes"]["words"];
    // Once every five seconds, where nothing else is said.
    assert_eq!(
        (&words["count"], &words["mean"], &words["unit"]),
        (&1.into(), &7.0.into(), &"%".into())
    );
    assert_eq!(
        summary["thresholds"][0]["ok"], true,
        "{}",
        summary["thresholds"]
    );
    assert_eq!(
        summary["thresholds"][1]["ok"], true,
        "{}",
        summary["thresholds"]
    );
    assert_eq!(summary["windows"][0]["probes"]["queue"], 40.0);
    for unit in ["ms", "/s", "bytes"] {
        let table = format!("[[probe]]\nname = \"p\"\ncommand = \"echo 7\"\nunit = \"{unit}\"\n");
        assert_eq!(told(&table, "p")["unit"], unit);
    }
}

#[test]
fn a_number_is_found_in_json() {
    let server = server("{\"pool\":{\"used\":7}}");
    let table = format!(
        "[[probe]]\nname = \"pool\"\nhttp = \"{}\"\npointer = \"/pool/used\"\nheaders = {{ x-key = \"k\" }}\n",
        server.url("/stats?full=1")
    );
    assert_eq!(told(&table, "pool")["last"], 7.0);
    let received = String::from_utf8(server.received().concat()).unwrap();
    assert!(
        received.starts_with("GET /stats?full=1 HTTP/1.1"),
        "{received}"
    );
    assert!(received.contains("x-key: k\r\n"), "{received}");
}

#[test]
fn prometheus_is_asked() {
    let answer =
        r#"{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"62.5"]}]}}"#;
    let server = server(answer);
    let table = format!(
        "[[probe]]\nname = \"db_cpu\"\nprometheus = \"{}\"\nquery = '100 * sum(rate(x{{a=\"b\"}}[1m]))'\nwarn = \"70%\"\n",
        server.url("/prom")
    );
    let probe = told(&table, "db_cpu");
    assert_eq!(
        (&probe["last"], &probe["unit"]),
        (&62.5.into(), &"%".into())
    );
    assert_eq!(
        (&probe["status"], &probe["available"]),
        (&"ok".into(), &7.5.into())
    );
    let received = String::from_utf8(server.received().concat()).unwrap();
    let path = "GET /prom/api/v1/query?query=100%20%2A%20sum%28rate%28x%7Ba%3D%22b%22%7D%5B1m%5D%29%29 HTTP";
    assert!(received.starts_with(path), "{received}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_is_looked_at() {
    let own = std::process::id();
    let table = |figure: &str| {
        format!(
            "[[probe]]\nname = \"own\"\nprocess = {own}\nfigure = \"{figure}\"\nevery = \"200ms\"\n"
        )
    };
    let cases = [
        ("cpu", "%", 0.1),
        ("memory", "bytes", 1e6),
        ("threads", "", 2.0),
        ("descriptors", "", 3.0),
    ];
    for (figure, unit, least) in cases {
        let probe = told(&table(figure), "own");
        assert_eq!(probe["unit"], unit, "{probe}");
        assert!(probe["max"].as_f64() > Some(least), "{figure}: {probe}");
    }
}

#[test]
fn a_probe_that_fails_leaves_a_gap_and_the_run_goes_on() {
    let check = |table: &str, reason: &str| {
        let words = ["run", "a.toml", "--no-log", "--out", "json=out.json"];
        let text = second(&format!("[[probe]]\nname = \"p\"\n{table}\n"));
        let played = on(Stage::new(&words).file("a.toml", &text));
        assert_eq!(played.code, 0, "{}{}", played.out, played.err);
        let summary = played.json("out.json");
        let probe = &summary["probes"]["p"];
        assert_eq!(
            (&probe["count"], &probe["mean"]),
            (&0.into(), &Value::Null),
            "{probe}"
        );
        assert!(probe["failed"].as_u64() >= Some(1), "{probe}");
        let warnings = summary["warnings"].as_array().unwrap();
        let warning = warnings.iter().find(|one| one["code"] == "probe-failed");
        let warning = warning.unwrap();
        assert!(
            warning["message"].as_str().unwrap().contains(reason),
            "{warning}"
        );
        let line = format!("warning: the probe p failed: {reason}");
        assert!(played.err.contains(&line), "{}", played.err);
        assert_eq!(summary["windows"][0]["probes"], Value::Null);
    };
    let away = refused_address().unwrap();
    check(
        "command = \"sleep 1000\"\ntimeout = \"200ms\"",
        "no answer in 0.2 s",
    );
    check("command = \"echo a few\"", "it wrote `a few`, no number");
    check(
        "command = \"echo gone >&2; exit 7\"",
        "exit status: 7: gone",
    );
    check(
        "process = \"no-such-process\"",
        "there is no process called `no-such-process`",
    );
    check(
        &format!("prometheus = \"http://{away}\"\nquery = \"up\""),
        "",
    );
    let html = server("<html>");
    check(
        &format!("http = \"{}\"\npointer = \"/a\"", html.url("/")),
        "the answer is no JSON: <html>",
    );
}

#[test]
fn a_threshold_on_a_probe_stops_a_run_and_one_without_a_sample_fails() {
    let words = ["run", "a.toml", "--no-log", "--out", "json=out.json"];
    let check = |tables: &str, reason: &str, ok: bool| {
        let text = second(tables).replace("1500ms", "20s");
        let played = on(Stage::new(&words).file("a.toml", &text));
        assert_eq!(played.code, 99, "{}{}", played.out, played.err);
        let summary = played.json("out.json");
        assert_eq!(summary["stop_reason"], reason);
        assert_eq!(
            summary["thresholds"][0]["ok"], ok,
            "{}",
            summary["thresholds"]
        );
    };
    let full =
        "[[probe]]\nname = \"pool\"\ncommand = \"echo 90\"\nunit = \"%\"\nevery = \"200ms\"\n";
    check(
        &format!("{full}[thresholds]\n\"probe.pool\" = \"max < 85% abort\"\n"),
        "threshold",
        false,
    );
    let words = ["run", "a.toml", "--no-log", "--out", "json=out.json"];
    let none = second(
        "[[probe]]\nname = \"pool\"\ncommand = \"true\"\n[thresholds]\n\"probe.pool\" = \"max < 85\"\n",
    );
    let played = on(Stage::new(&words).file("a.toml", &none));
    assert_eq!(played.code, 99, "{}{}", played.out, played.err);
}

#[test]
fn a_secret_of_a_probe_is_not_told() {
    let words = [
        "run",
        "a.toml",
        "--no-log",
        "--out",
        "json=out.json",
        "-e",
        "API_KEY=hush-hush-hush",
    ];
    let text =
        second("[[probe]]\nname = \"p\"\ncommand = \"echo {{ env.API_KEY }} >&2; exit 1\"\n");
    let played = on(Stage::new(&words).file("a.toml", &text));
    let json = played.json("out.json").to_string();
    for text in [&played.out, &played.err, &json] {
        assert!(!text.contains("hush-hush"), "{text}");
    }
    assert!(json.contains("exit status: 1: ***"), "{json}");
}

#[test]
fn a_search_tells_what_the_target_used_at_its_limit() {
    let text = r#"
name = "limited"
target = "mock"
[mock]
rate_limit = "12/s"
[[step]]
name = "get"
get = "/plain"
[[probe]]
name = "pool"
command = "echo 64"
unit = "%"
every = "200ms"
warn = "60%"
critical = "80%"
"#;
    let words = [
        "stress",
        "a.toml",
        "--rate",
        "--start",
        "10/s",
        "--max",
        "20/s",
        "--settle",
        "0s",
        "--hold",
        "2s",
        "--resolution=100%",
        "--until",
        "http_req_failed: rate < 20%",
        "--out",
        "json=out.json",
        "--out",
        "csv=a.csv",
        "--out",
        "markdown=a.md",
        "--out",
        "log=run.jsonl",
        "--no-log",
    ];
    let played = on(Stage::new(&words).file("a.toml", text));
    assert_eq!(played.code, 0, "{}{}", played.out, played.err);
    let found = &played.json("out.json")["stress"];
    let headroom = &found["headroom"][0];
    for (key, value) in [("used", 64.0), ("most", 64.0), ("available", 16.0)] {
        assert_eq!(headroom[key], value, "{headroom}");
    }
    assert_eq!(
        (&headroom["probe"], &headroom["status"]),
        (&"pool".into(), &"warn".into())
    );
    for level in found["levels"].as_array().unwrap() {
        assert_eq!(level["probes"]["pool"]["mean"], 64.0, "{level}");
    }
    assert!(played.out.contains("At the limit"), "{}", played.out);
    let read = |path: &str| played.stage.environment.read_text(Path::new(path)).unwrap();
    assert!(
        read("a.csv")
            .lines()
            .next()
            .unwrap()
            .ends_with(",probe.pool")
    );
    assert!(
        read("a.md").contains("| pool | 64.0% | 64.0% | 60.0% | 80.0% | 16.0% | ⚠️ warn |"),
        "{}",
        read("a.md")
    );
    // The run log tells the same again.
    let log = played.stage.folder.path().join("run.jsonl");
    let again = on(Stage::new(&[
        "report",
        log.to_str().unwrap(),
        "--out",
        "json=out.json",
    ]));
    assert_eq!(again.json("out.json")["stress"], *found, "{}", again.err);
    assert_eq!(
        again.json("out.json")["probes"],
        played.json("out.json")["probes"]
    );
}

#[test]
fn a_search_breaks_where_a_probe_does() {
    let text = r#"
target = "mock"
[[step]]
get = "/plain"
[[probe]]
name = "pool"
command = "echo 90"
every = "200ms"
"#;
    let words = [
        "stress",
        "a.toml",
        "--rate",
        "--start",
        "10/s",
        "--max",
        "20/s",
        "--settle",
        "0s",
        "--hold",
        "1s",
        "--until",
        "probe.pool: max < 85",
        "--out",
        "json=out.json",
        "--no-log",
    ];
    let played = on(Stage::new(&words).file("a.toml", text));
    assert_eq!(played.code, 0, "{}{}", played.out, played.err);
    let found = &played.json("out.json")["stress"];
    assert_eq!(
        (&found["ended"], &found["first_broken"]),
        (&"at_start".into(), &"probe.pool: max < 85".into())
    );
}

#[test]
fn a_search_goes_on_without_probes_that_never_answer() {
    let away = refused_address().unwrap();
    let text = format!(
        r#"
target = "mock"
[mock]
rate_limit = "12/s"
[[step]]
get = "/plain"
[[probe]]
name = "hangs"
command = "sleep 1000"
every = "500ms"
timeout = "300ms"
[[probe]]
name = "away"
prometheus = "http://{away}"
query = "up"
every = "500ms"
"#
    );
    let words = [
        "stress",
        "a.toml",
        "--rate",
        "--start",
        "10/s",
        "--max",
        "20/s",
        "--settle",
        "0s",
        "--hold",
        "2s",
        "--resolution=100%",
        "--until",
        "http_req_failed: rate < 20%",
        "--out",
        "json=out.json",
        "--no-log",
    ];
    let played = on(Stage::new(&words).file("a.toml", &text));
    assert_eq!(played.code, 0, "{}{}", played.out, played.err);
    let summary = played.json("out.json");
    let found = &summary["stress"];
    assert_eq!(
        (&found["ended"], &found["highest_held"]),
        (&"found".into(), &10.0.into()),
        "{found}"
    );
    let warnings = summary["warnings"].as_array().unwrap();
    for probe in ["hangs", "away"] {
        let told = |warning: &&Value| {
            let message = warning["message"].as_str().unwrap();
            warning["code"] == "probe-failed" && message.contains(probe)
        };
        assert!(
            warnings.iter().any(|warning| told(&warning)),
            "{warnings:?}"
        );
        let told = format!("warning: the probe {probe} failed: ");
        assert!(played.err.contains(&told), "{}", played.err);
        // A gap, never a zero.
        for level in found["levels"].as_array().unwrap() {
            assert_eq!(level["probes"][probe]["mean"], Value::Null, "{level}");
        }
    }
}
