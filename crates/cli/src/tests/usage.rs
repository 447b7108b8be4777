//! What is refused, and what is only asked for.

use super::*;

/// Plays these words in a folder with a good and a bad scenario; the code, and what must be in the output it uses.
#[track_caller]
fn check(words: &[&str], code: u8, contains: &str) {
    let played = on(Stage::new(words)
        .file("a.toml", PLAIN)
        .file("bad.toml", BAD));
    let text = if code == 0 { &played.out } else { &played.err };
    assert_eq!(played.code, code, "{words:?}\n{}{}", played.out, played.err);
    assert!(
        text.contains(contains),
        "{words:?} does not tell of `{contains}`:\n{text}"
    );
}

#[test]
fn wrong_usage_is_told() {
    check(&[], 2, "Usage:");
    check(&["rnu"], 2, "unrecognized");
    check(&["run"], 2, "hint: loadgen run");
    check(&["run", "a.toml", "--vuss", "3"], 2, "--vus");
    check(&["run", "missing.toml"], 2, "failed to read `missing.toml`");
    check(&["run", "."], 2, "failed to read `.`");
    check(
        &["run", "a.toml", "-X", "GET", "-H", "a: b"],
        2,
        "-X, -H go with a URL",
    );
    check(&["run", "a.toml", "-v"], 2, "-v goes with a URL");
    check(
        &["run", "http://h", "--target", "http://x"],
        2,
        "--target goes with a scenario file",
    );
    check(&["run", "--json", "http://h"], 2, "--json took the URL");
    check(
        &["run", "http://h", "-d", "a", "--json", "b"],
        2,
        "two bodies",
    );
    check(
        &["run", "http://h", "-d", "@missing"],
        2,
        "failed to read `missing`",
    );
    check(&["run", "http://h", "--cert", "a.pem"], 2, "--key");
    check(
        &["run", "http://h", "--cacert", "missing.pem"],
        2,
        "failed to read `missing.pem`",
    );
    check(
        &["run", "http://h", "--cacert", "a.toml"],
        2,
        "cannot make connections",
    );
    check(
        &["run", "http://h", "-H", "host: a", "-H", "Host: b"],
        2,
        "the header `host` stands twice",
    );
    check(
        &["run", "http://h", "--connect-to", "nonsense"],
        2,
        "cannot make connections",
    );
    check(
        &[
            "run",
            "http://h",
            "--unix-socket",
            "/s",
            "--connect-to",
            "::a:1",
        ],
        2,
        "cannot go together",
    );
    check(
        &["run", "http://h", "--source-address", "192.0.2.1"],
        2,
        "the source address 192.0.2.1 is none of this machine",
    );
    check(
        &["run", "http://h", "--source-address", "localhost"],
        2,
        "--source-address",
    );
    check(
        &["run", "a.toml", "--out", "html=a"],
        2,
        "unknown format `html`",
    );
    check(
        &["run", "a.toml", "--out", "json=./a.toml"],
        2,
        "`./a.toml` cannot be written: it is the same file as the scenario, `a.toml`",
    );
    check(&["run", "a.toml", "--out", "log=-"], 2, "needs a file");
    check(
        &["run", "a.toml", "--out", "json=no/such/folder"],
        1,
        "failed to write `no/such/folder`",
    );
    check(&["run", "a.toml", "--vus", "0"], 2, "--vus");
    check(
        &["run", "a.toml", "--threshold", "nonsense"],
        2,
        "--threshold",
    );
    check(&["run", "a.toml", "-e", "nonsense"], 2, "-e");
    check(&["report"], 2, "hint: loadgen run writes one");
    check(
        &["report", "missing.jsonl"],
        2,
        "failed to read `missing.jsonl`",
    );
    check(&["report", "a.toml"], 2, "no run log");
    check(&["report", "--out", "log=x"], 2, "--out log=");
    check(&["mock", "--jitter", "2"], 2, "--jitter");
    check(&["mock", "--ttft", "5"], 2, "--ttft");
    check(&["mock", "--tokens", "2000000"], 2, "tokens");
    check(&["mock", "--tokens", "0"], 2, "--tokens");
    check(&["mock", "--max-concurrent", "0"], 2, "--max-concurrent");
    check(&["completions", "nonsense"], 2, "bash");
}

#[test]
fn a_misspelt_variable_is_told_and_the_command_goes_on() {
    let stage = Stage::new(&["check", "a.toml"]).file("a.toml", PLAIN);
    let played = on(stage.var("LOADGEN_VSU", "9").var("LOADGEN_TOKEN", "t"));
    assert_eq!(
        (played.code, played.err.as_str()),
        (
            0,
            "warning: the variable LOADGEN_VSU is not read\nhint: did you mean LOADGEN_VUS?\n"
        )
    );
    assert!(played.out.contains("2 users"), "{}", played.out);
}

#[test]
fn what_is_asked_for_is_printed() {
    check(&["--help"], 0, "debug");
    check(&["run", "--help"], 0, "--threshold");
    check(
        &["--version"],
        0,
        concat!("loadgen ", env!("CARGO_PKG_VERSION")),
    );
    check(&["completions", "bash"], 0, "_loadgen()");
    check(&["schema"], 0, "\"$schema\"");
    check(&["schema", "--summary"], 0, "loadgen.summary/1");
    check(&["schema", "--comparison"], 0, "loadgen.comparison/1");
    check(&["check", "a.toml"], 0, "2 users");
    check(&["check", "a.toml", "--vus", "3"], 0, "3 users");
}

#[test]
fn loads_are_said_on_the_command_line() {
    let url = "http://127.0.0.1:9/";
    check(
        &["check", "a.toml", "--rate", "90/min", "-z", "1m"],
        0,
        "90 in all",
    );
    check(
        &["check", url, "--rate", "100/s", "--duration", "30s"],
        0,
        "3000 in all",
    );
    check(&["check", url, "--rate", "100"], 0, "1000 in all");
    check(
        &["check", "a.toml", "--stage", "30s:50", "--stage", "1m:200"],
        0,
        "1m30s       200 users",
    );
    check(
        &["check", url, "--stage", "30s:50/s,1m:200/s"],
        0,
        "1m30s       200/s",
    );
    check(
        &["check", "a.toml", "--scale", "2.5"],
        0,
        "5 users, which share 6 iterations",
    );
    check(&["check", url, "--scale", "2"], 0, "100 users");
    check(&["check", "a.toml", "--rate", "-5/s"], 2, "below zero");
    check(
        &["check", "a.toml", "--rate", "9/s"],
        2,
        "add `--duration 30s`",
    );
    check(&["check", "a.toml", "--stage", "30s"], 2, "30s:50");
    check(
        &["check", "a.toml", "--scale", "-2"],
        2,
        "no factor above zero",
    );
    check(
        &["check", url, "--rate", "9/s", "-n", "18"],
        2,
        "--duration 2s",
    );
    check(
        &["check", url, "--rate", "9/s", "-c", "18"],
        2,
        "does not go with a rate",
    );
}

#[test]
fn nothing_is_replaced_silently() {
    let refused = |file: &str, words: &[&str], tells: &str| {
        let text = PLAIN.replace("vus = 2\niterations = 6", file);
        assert_ne!(text, PLAIN);
        let all = [&["check", "a.toml"], words].concat();
        let played = on(Stage::new(&all).file("a.toml", &text));
        assert_eq!(played.code, 2, "{words:?}\n{}", played.out);
        assert!(
            played.err.contains(tells) && played.err.contains("--scale"),
            "{words:?}\n{}",
            played.err
        );
    };
    let rate = "rate = \"5/s\"\nduration = \"9s\"";
    let stages = "stages = [{ duration = \"9s\", target = 9 }]";
    refused(rate, &["--vus", "5"], "`--vus` would replace the `rate`");
    refused(
        rate,
        &["--stage", "5s:5"],
        "`--stage` would replace the `rate`",
    );
    refused(
        stages,
        &["--rate", "5/s"],
        "`--rate` would replace the `stages`",
    );
    refused(
        stages,
        &["--duration", "5s"],
        "`--duration` would replace the `stages`",
    );
}

#[test]
fn what_is_replaced_is_explained() {
    let explained = |file: &str, words: &[&str], line: &str| {
        let text = PLAIN.replace("vus = 2\niterations = 6", file);
        let all = [&["check", "a.toml", "--explain"], words].concat();
        let played = on(Stage::new(&all).file("a.toml", &text));
        assert_eq!(played.code, 0, "{words:?}\n{}", played.err);
        let mut lines = played.out.lines().map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.join(" ")
        });
        let found = lines.any(|one| one.starts_with(line) && one.contains(" replaced by "));
        assert_eq!(found, !line.is_empty(), "{words:?}: {line}\n{}", played.out);
    };
    let rate = ["--rate", "20/s", "--duration", "5s"];
    explained("vus = 4\nduration = \"3s\"", &rate, "load.vus 4 line ");
    explained("vus = 4\niterations = 6", &rate, "load.iterations 6 line ");
    let duration = ["--duration", "5s"];
    let bounded = "vus = 4\niterations = 6\nmax_duration = \"1m\"";
    explained(bounded, &duration, "load.iterations 6 line ");
    explained(bounded, &duration, "load.max_duration 1m line ");
    let stages = ["--stage", "5s:5"];
    explained(
        "vus = 4\nduration = \"3s\"",
        &stages,
        "load.duration 3s line ",
    );
}

#[test]
fn variables_say_loads_as_options_do() {
    let explained = |variable: (&str, &str)| {
        let stage = Stage::new(&["check", "a.toml", "--explain"]).file("a.toml", PLAIN);
        let played = on(stage.var(variable.0, variable.1).var("LOADGEN_SCALE", "2"));
        assert_eq!(played.code, 0, "{}", played.err);
        let mut lines = played.out.lines();
        let line = lines.find(|line| line.contains(variable.0) && !line.contains("replaced"));
        line.unwrap()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        explained(("LOADGEN_STAGE", "5s:5,1m:9")),
        "load.stages 5s:10, 1m:18 LOADGEN_STAGE"
    );
    assert_eq!(
        explained(("LOADGEN_SCALE", "2")),
        "load.scale 2 LOADGEN_SCALE"
    );
    let stage = Stage::new(&["check", "a.toml", "--duration", "1s"]).file("a.toml", PLAIN);
    let played = on(stage.var("LOADGEN_RATE", "7/s"));
    assert!(
        played.out.contains("7 in all"),
        "{}{}",
        played.out,
        played.err
    );
}

#[test]
fn a_variable_says_where_it_stood() {
    let stage =
        Stage::new(&["check", "a.toml", "--explain", "--iterations", "9"]).file("a.toml", PLAIN);
    let played = on(stage.var("LOADGEN_VUS", "7").var("LOADGEN_ITERATIONS", "8"));
    assert_eq!(played.code, 0, "{}", played.err);
    let row = |key: &str| {
        let line = played.out.lines().find(|line| line.contains(key)).unwrap();
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(row("load.vus"), ["load.vus", "7", "LOADGEN_VUS"]);
    assert_eq!(
        row("load.iterations"),
        ["load.iterations", "9", "--iterations"]
    );
    assert_eq!(row("load.graceful_stop").last().unwrap(), "default");
}

#[test]
fn a_bad_variable_is_a_problem_of_its_own() {
    let stage = Stage::new(&["check", "a.toml"])
        .file("a.toml", PLAIN)
        .var("LOADGEN_VUS", "many");
    let played = on(stage);
    assert_eq!(played.code, 2);
    assert!(
        played.err.contains("LOADGEN_VUS") && played.err.contains("many"),
        "{}",
        played.err
    );
}

/// Three problems, in the file and beside it.
const BAD: &str = "\
name = \"bad\"
target = \"mock\"

[load]
vuss = 10
duration = \"30\"

[[step]]
get = \"/plain\"
";

#[test]
fn more_users_than_ports_are_refused_before_anything_is_sent() {
    for command in ["run", "check"] {
        let far = [
            command,
            "a.toml",
            "--target",
            "http://192.0.2.1",
            "--vus",
            "100000",
            "--iterations",
            "100000",
        ];
        check(&far, 2, "100000 users at a time are more than the");
        check(&far, 2, "--vus");
    }
    // Through a proxy, another address or a socket they go elsewhere.
    let near = [
        "run",
        "a.toml",
        "--target",
        "http://192.0.2.1",
        "--vus",
        "100000",
        "--unix-socket",
        "/nowhere",
    ];
    let again = [&near[..6], &["--connect-to", "nonsense"]].concat();
    for words in [&near[..], &again] {
        let mut words = words.to_vec();
        words.extend(["--out", "json=missing/out.json"]);
        let played = on(Stage::new(&words).file("a.toml", PLAIN));
        assert!(!played.err.contains("users at a time"), "{}", played.err);
        assert_eq!(played.code, 1, "{}", played.err);
    }
}

#[test]
fn ports_of_connections_for_one_request_each_are_counted() {
    let text = |load: &str, step: &str| {
        format!(
            "target = \"http://127.0.0.1:1\"\nload = {{ {load} }}\n[defaults]\nsource_addresses = [\"127.0.0.1\"]\n[[step]]\nget = \"/\"\n{step}\n"
        )
    };
    let new = "connection = \"new\"";
    let checked = |load: &str, step: &str| {
        on(Stage::new(&["check", "a.toml"]).file("a.toml", &text(load, step)))
    };
    let rate = "rate = \"5000/s\", duration = \"5m\"";
    let refused = checked(rate, new);
    assert_eq!(refused.code, 2, "{}", refused.err);
    let told = "300000 connections to http://127.0.0.1:1 in a minute are more than the";
    assert!(refused.err.contains(told), "{}", refused.err);
    assert_eq!(checked(rate, "").code, 0);
    assert_eq!(
        checked(rate, &format!("{new}\nrate_limit = \"10/s\"")).code,
        0
    );
    for (load, told) in [
        ("vus = 5000, duration = \"5m\"", Some("300000 connections")),
        ("vus = 5000, duration = \"2s\"", None),
        ("vus = 5000, iterations = 5000", None),
    ] {
        let warned = checked(load, new);
        assert_eq!(warned.code, 0, "{}", warned.err);
        let warning = warned
            .err
            .contains("connections to http://127.0.0.1:1 in a minute");
        assert_eq!(warning, told.is_some(), "{load}: {}", warned.err);
        assert!(
            warned.err.contains(told.unwrap_or_default()),
            "{}",
            warned.err
        );
    }
}

#[test]
fn all_problems_are_drawn_at_once() {
    let played = on(Stage::new(&["check", "bad.toml", "--iterations", "x"]).file("bad.toml", BAD));
    assert_eq!((played.code, played.out.as_str()), (2, ""));
    insta::assert_snapshot!(played.err);
}

#[test]
fn completions_know_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let played = on(Stage::new(&["completions", shell]));
        assert_eq!(played.code, 0);
        for command in [
            "run",
            "check",
            "debug",
            "report",
            "mock",
            "schema",
            "completions",
        ] {
            assert!(played.out.contains(command), "{shell} {command}");
        }
    }
}
