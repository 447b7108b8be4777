//! `loadgen new`: what it writes is a scenario that runs, and nothing is overwritten.

use super::*;

#[test]
fn the_starter_runs() {
    let made = on(Stage::new(&["new", "first.toml"]));
    assert_eq!(
        (made.code, made.out.as_str()),
        (0, "wrote first.toml\n"),
        "{}",
        made.err
    );
    let text = made
        .stage
        .environment
        .read_text(Path::new("first.toml"))
        .unwrap();
    assert!(text.contains("loadgen run first.toml"), "{text}");
    let words = [
        "run",
        "first.toml",
        "--iterations",
        "10",
        "--no-log",
        "--out",
        "json=out.json",
    ];
    let ran = on(Stage::new(&words).file("first.toml", &text));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(ran.count("iterations"), 10);
}

#[test]
fn what_the_starter_only_suggests_runs_too() {
    let made = on(Stage::new(&["new", "-"]));
    let suggested = |line: &str| {
        let begins = [
            "[[before]]",
            "name =",
            "post =",
            "json =",
            "extract =",
            "retry =",
            "conversation =",
            "turns =",
        ];
        let line = line
            .strip_prefix("# ")
            .filter(|line| begins.iter().any(|begin| line.starts_with(begin)));
        line.map(str::to_owned)
    };
    let lines = made.out.lines();
    let lines: Vec<String> = lines
        .map(|line| suggested(line).unwrap_or_else(|| line.to_owned()))
        .collect();
    let token = "{{ env.TOKEN | default('test-token') }}";
    let text = lines.join("\n").replace(token, "{{ token }}");
    assert!(text.contains("\n[[before]]\nname = \"log in\"\n"), "{text}");
    assert!(text.contains("\nturns = \"1..5\""), "{text}");
    let quick = "\n[mock]\nttft = \"1ms\"\nitl = \"1ms\"\ntokens = 3\n";
    let words = [
        "run",
        "a.toml",
        "-e",
        "PASSWORD=correct horse",
        "--duration",
        "300ms",
        "--no-log",
        "--out",
        "json=out.json",
    ];
    let text = text.replace("1s..3s", "5ms..20ms") + quick;
    let ran = on(Stage::new(&words).file("a.toml", &text));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let steps = &ran.json("out.json")["scenarios"]["starter"]["steps"];
    assert_eq!(steps["log in"]["metrics"]["http_reqs"]["count"], 10);
    assert_eq!(steps["chat (turn 5)"]["role"], "turn");
}

#[test]
fn nothing_is_overwritten() {
    let made = on(Stage::new(&["new"]).file("scenario.toml", "mine"));
    assert_eq!(made.code, 2);
    assert!(made.err.contains("nothing is overwritten"), "{}", made.err);
    let text = made
        .stage
        .environment
        .read_text(Path::new("scenario.toml"))
        .unwrap();
    assert_eq!(text, "mine");
}

#[test]
fn a_curl_command_becomes_a_scenario() {
    let mock = mock();
    let command = format!(
        "curl '{}/v1/chat/completions' -H 'Authorization: Bearer s3cret-token' --data-raw $'{{\"stream\":true,\"messages\":[{{\"role\":\"user\",\"content\":\"it\\'s\"}}]}}' -H 'content-type: application/json' --compressed",
        mock.url()
    );
    let made = on(Stage::new(&["new", "-", "--from-curl", &command]));
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(
        made.err.contains("set API_TOKEN before a run"),
        "{}",
        made.err
    );
    assert!(!format!("{}{}", made.out, made.err).contains("s3cret"));
    let checked = on(Stage::new(&["check", "a.toml"]).file("a.toml", &made.out));
    assert_eq!(checked.code, 0, "{}", checked.err);
    let words = [
        "run",
        "a.toml",
        "-e",
        "API_TOKEN=test-token",
        "--vus",
        "1",
        "--duration",
        "300ms",
        "--no-log",
        "--out",
        "json=out.json",
    ];
    let ran = on(Stage::new(&words).file("a.toml", &made.out));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.count("output_tokens") >= 3);
    assert!(!mock.truth().is_empty());
}

#[test]
fn commands_that_cannot_be_said_are_refused() {
    for (command, told) in [
        ("curl http://a.test/ --formm a=1", "did you mean `--form`?"),
        (
            "curl http://a.test/ | jq .",
            "does more than one cURL command",
        ),
        ("curl 'http://a.test/", "never closed"),
        ("http://a.test/", "does not begin with `curl`"),
    ] {
        let made = on(Stage::new(&["new", "-", "--from-curl", command]));
        assert_eq!(made.code, 2, "{command}");
        assert!(made.err.contains(told), "{command}: {}", made.err);
        assert_eq!(made.out, "");
    }
}
