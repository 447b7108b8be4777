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
