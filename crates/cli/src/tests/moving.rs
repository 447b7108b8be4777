//! The page for those who come from other tools: every file and command on it is run.

use super::{Stage, on};
use loadgen_mock::{Mock, Settings};
use std::{fs, net::Ipv4Addr, path::Path, time::Duration};

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/moving.md");
    fs::read_to_string(path).unwrap()
}

/// The blocks of the page in a language.
fn blocks(language: &str) -> Vec<String> {
    let page = page();
    let fence = format!("```{language}\n");
    let blocks = page.split(&fence).skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap().to_owned());
    blocks.collect()
}

/// The files that stand on the page, by the language of their blocks, in its order.
const FILES: [(&str, &[&str]); 4] = [
    ("bash", &["load-test.sh"]),
    ("python", &["thousand.py", "locustfile.py"]),
    ("js", &["report.js"]),
    (
        "toml",
        &["load-test.toml", "locustfile.toml", "report.toml"],
    ),
];

#[test]
fn the_page_shows_the_files_that_the_end_to_end_test_runs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/moving");
    let mut named = 0;
    for (language, names) in FILES {
        let shown = blocks(language);
        assert_eq!(shown.len(), names.len(), "{language}");
        for (name, block) in names.iter().zip(shown) {
            let file = fs::read_to_string(folder.join(name)).unwrap();
            assert_eq!(
                block, file,
                "docs/moving/{name} is not as on docs/moving.md"
            );
            assert!(page().contains(&format!("(moving/{name})")), "{name}");
            named += 1;
        }
    }
    assert_eq!(fs::read_dir(folder).unwrap().count(), named);
}

#[test]
fn every_file_of_the_page_runs() {
    let files = blocks("toml");
    assert_eq!(files.len(), 3);
    for text in files {
        let short = |stage: &str| format!("duration = \"{stage}\"");
        let text = ["30s", "1m", "10s", "60s", "290s"]
            .iter()
            .fold(text.clone(), |text, long| {
                text.replace(&short(long), &short("200ms"))
            })
            .replace("\"1s..3s\"", "\"10ms\"")
            .replace("\"5s..10s\"", "\"10ms\"")
            .replace("\"1s\"", "\"10ms\"")
            // The mock has no such page.
            .replace("\"/items\"", "\"/plain\"");
        let words = [
            "run",
            "a.toml",
            "--target",
            "mock",
            "--no-log",
            "--out",
            "json=out.json",
        ];
        let stage = Stage::new(&words).file(
            "a.toml",
            &(text.clone() + "\n[mock]\nttft = \"1ms\"\nitl = \"1ms\"\n"),
        );
        let played = on(stage);
        assert_eq!(played.code, 0, "{text}\n{}{}", played.out, played.err);
        let summary = played.json("out.json");
        let requests = &summary["metrics"]["http_reqs"]["count"];
        assert!(requests.as_u64() > Some(5), "{text}\n{summary}");
    }
}

#[test]
fn every_command_of_the_page_runs() {
    let settings = Settings {
        plain_time: Duration::from_millis(1),
        ..Settings::default()
    };
    let mock = Mock::start(settings, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let url = format!("http://{}/plain", mock.address());
    let mut count = 0;
    for line in blocks("console").concat().lines() {
        let Some(command) = line.strip_prefix("$ loadgen ") else {
            continue;
        };
        let command = command.replace("https://api.example.com/items", &url);
        let words: Vec<&str> = command.split(' ').chain(["--no-log"]).collect();
        let played = on(Stage::new(&words));
        assert_eq!(played.code, 0, "{line}\n{}{}", played.out, played.err);
        assert!(
            played.out.contains("1,000") || played.out.contains("1000"),
            "{}",
            played.out
        );
        count += 1;
    }
    assert_eq!(count, 1);
}
