//! The page about the scenario file: its examples do what it says of them.

use super::{Played, Stage, on};
use std::{fs, path::Path};

/// The examples of the page that ask the embedded server, in its order.
fn examples() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/scenario-reference.md");
    let page = fs::read_to_string(path).unwrap();
    let blocks = page.split("```toml\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap().to_owned());
    blocks
        .filter(|text| text.contains("target = \"mock\""))
        .collect()
}

/// An example whose times a test can wait for.
fn quick(text: &str, duration: &str, mock: &str) -> String {
    let times = [
        ("duration", duration),
        ("think", "10ms..20ms"),
        ("pace", "100ms"),
        ("warm_up", "50ms"),
    ];
    let shorten = |text: String, (key, short): (&str, &str)| {
        let begin = format!("{key} = \"");
        let mut parts = text.split(&begin);
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |made, part| {
            let (_, rest) = part.split_once('"').unwrap();
            format!("{made}{begin}{short}\"{rest}")
        })
    };
    let text = times.into_iter().fold(text.to_owned(), shorten);
    // Whoever waits to ask again must not keep the test waiting.
    let last = format!("duration = \"{duration}\" }}");
    let text = text.replace(&last, &last.replace(" }", ", graceful_stop = \"1s\" }"));
    format!("{text}\n[mock]\nttft = \"5ms\"\nitl = \"1ms\"\n{mock}\n")
}

fn played(text: &str) -> Played {
    let words = ["run", "a.toml", "--no-log", "--out", "json=out.json"];
    let played = on(Stage::new(&words).file("a.toml", text));
    assert_eq!(played.code, 0, "{text}\n{}{}", played.out, played.err);
    played
}

#[test]
fn every_example_that_asks_the_embedded_server_runs() {
    let examples = examples();
    assert!(examples.len() >= 12, "found only {}", examples.len());
    for text in examples {
        let text = quick(&text, "600ms", "");
        let played = played(&text);
        let failed = &played.json("out.json")["metrics"]["http_req_failed"]["hits"];
        assert_eq!(failed, 0, "{text}\n{}", played.out);
        assert!(played.count("http_reqs") > 2, "{text}\n{}", played.out);
    }
}

/// The third file: fifty people who chat, and twenty who look at dashboards.
fn people(mock: &str) -> Played {
    let text = &examples()[2];
    assert!(text.contains("turns = \"1..5\""), "{text}");
    played(&quick(text, "2s", mock))
}

#[test]
fn the_file_that_teaches_most_does_what_it_says() {
    let played = people("tokens = 4");
    let summary = played.json("out.json");
    let count = |scenario: &str, step: &str| {
        let step = &summary["scenarios"][scenario]["steps"][step];
        step["metrics"]["http_reqs"]["count"].as_u64()
    };
    assert_eq!(count("chatters", "log in"), Some(50));
    assert_eq!(count("watchers", "log in"), Some(20));
    assert!(count("chatters", "chat (turn 5)") > Some(0), "{summary}");
    assert_eq!(count("chatters", "chat (turn 6)"), None);
    let first = count("chatters", "chat (turn 1)");
    assert!(first > count("chatters", "chat (turn 5)"), "{summary}");
    assert!(count("watchers", "dashboard") >= Some(20));
    assert_eq!(summary["errors"], serde_json::json!([]));
}

#[test]
fn there_a_refusal_is_no_failure() {
    let played = people("tokens = 40\nmax_concurrent = 4");
    let summary = played.json("out.json");
    assert!(
        summary["statuses"]["429"].as_u64() > Some(0),
        "{}",
        played.out
    );
    assert_eq!(summary["metrics"]["http_req_failed"]["hits"], 0);
}
