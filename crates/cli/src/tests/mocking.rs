//! What each setting of the embedded target does, as a key of `[mock]` and as an option of `loadgen mock`.

use super::*;
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
};
use tokio::time::Instant;

/// A setting, and how its effect is seen.
pub(super) struct Case {
    pub(super) key: &'static str,
    /// As an option has it.
    value: &'static str,
    /// Other settings, over the quick ones.
    beside: &'static [(&'static str, &'static str)],
    load: &'static str,
    /// Further lines of the step.
    step: &'static str,
    /// Whether the summary shows it.
    seen: fn(&Value) -> bool,
}

const QUICK: [(&str, &str); 3] = [("ttft", "1ms"), ("itl", "1ms"), ("tokens", "4")];
const CHAT: &str = "post = \"/v1/chat/completions\"\nstream = \"openai\"\n\
    json = { stream = true, messages = [] }\ntimeout = \"5s\"\n";
const FOUR: &str = "vus = 1, iterations = 4";

pub(super) const CASES: [Case; 18] = [
    Case {
        seen: |summary| least(summary, "ttft") >= 40.0,
        ..CASE.of("ttft", "40ms")
    },
    Case {
        seen: |summary| least(summary, "itl") >= 20.0,
        ..CASE.of("itl", "40ms")
    },
    Case {
        beside: &[("ttft", "40ms")],
        load: "vus = 8, iterations = 8",
        seen: |summary| least(summary, "ttft") < 30.0,
        ..CASE.of("jitter", "90%")
    },
    Case {
        seen: |summary| summary["metrics"]["output_tokens"]["count"] == 36,
        ..CASE.of("tokens", "9")
    },
    Case {
        seen: |summary| summary["statuses"]["500"] == 4,
        ..CASE.of("error_rate", "100%")
    },
    Case {
        beside: &[("ttft", "100ms")],
        load: "vus = 4, iterations = 4",
        seen: |summary| summary["statuses"]["429"].as_u64() > Some(0),
        ..CASE.of("max_concurrent", "1")
    },
    Case {
        step: "stall = \"40ms\"\n",
        seen: |summary| fails(summary, "stream_stalled"),
        ..CASE.of("stall_rate", "100%")
    },
    Case {
        seen: |summary| fails(summary, "stream_truncated"),
        ..CASE.of("truncate_rate", "100%")
    },
    Case {
        seen: |summary| fails(summary, "stream_malformed"),
        ..CASE.of("garbage_rate", "100%")
    },
    Case {
        seen: |summary| fails(summary, "stream_error"),
        ..CASE.of("stream_error_rate", "100%")
    },
    Case {
        step: "[[step]]\nname = \"plain\"\nget = \"/plain\"\n",
        seen: |summary| {
            let plain = &summary["scenarios"]["a"]["steps"]["plain"]["metrics"];
            plain["http_req_duration"]["min"].as_f64() >= Some(40.0)
        },
        ..CASE.of("plain_time", "40ms")
    },
    Case {
        // The mean of forty exponential times, without which a request takes 5 ms.
        load: "vus = 8, iterations = 40",
        seen: |summary| mean(summary, "ttft") > 60.0,
        ..CASE.of("service_time", "40ms")
    },
    Case {
        beside: &[("service_time", "40ms")],
        load: "vus = 8, iterations = 40",
        seen: |summary| mean(summary, "ttft") < 160.0,
        ..CASE.of("servers", "8")
    },
    Case {
        beside: &[("service_time", "20ms"), ("servers", "8")],
        load: "vus = 8, iterations = 40",
        seen: |summary| mean(summary, "ttft") > 60.0,
        ..CASE.of("contention", "100%")
    },
    Case {
        beside: &[("service_time", "2ms"), ("servers", "8")],
        load: "vus = 8, iterations = 40",
        seen: |summary| mean(summary, "ttft") > 40.0,
        ..CASE.of("coherency", "100%")
    },
    Case {
        // At the end services take four times as long as at the start.
        beside: &[("service_time", "20ms"), ("servers", "8")],
        load: "vus = 8, iterations = 300",
        seen: |summary| mean(summary, "ttft") > 40.0,
        ..CASE.of("leak", "100%")
    },
    Case {
        // A seed whose first six seconds are all fast; without noise no token comes before its time.
        beside: &[("ttft", "100ms"), ("seed", "3740")],
        seen: |summary| least(summary, "ttft") < 80.0,
        ..CASE.of("noise", "100%")
    },
    Case {
        seen: |summary| summary["statuses"]["429"] == 3,
        ..CASE.of("rate_limit", "1/s")
    },
];

const CASE: Case = Case {
    key: "",
    value: "",
    beside: &[],
    load: FOUR,
    step: "",
    seen: |_| false,
};

impl Case {
    const fn of(self, key: &'static str, value: &'static str) -> Self {
        Self { key, value, ..self }
    }

    /// The settings of the server, with or without the one that matters.
    fn settings(&self, with: bool) -> Vec<(&'static str, &'static str)> {
        let own = if with {
            vec![(self.key, self.value)]
        } else {
            Vec::new()
        };
        let mut settings: Vec<(&str, &str)> = Vec::new();
        for (key, value) in own.into_iter().chain(self.beside.to_vec()).chain(QUICK) {
            if settings.iter().all(|(known, _)| *known != key) {
                settings.push((key, value));
            }
        }
        settings
    }

    /// Whether the effect is seen with the setting, and not without it. A machine that is busy hides many an effect on
    /// times: it may be looked for three times.
    #[track_caller]
    fn check(&self, with: bool, run: impl Fn() -> Value) {
        let summary = (0..2)
            .map(|_| run())
            .find(|summary| (self.seen)(summary) == with);
        let summary = summary.unwrap_or_else(run);
        assert_eq!((self.seen)(&summary), with, "{} {summary}", self.key);
    }

    /// The summary of a run against a target with these tables.
    fn run(&self, target: &str, tables: &str) -> Value {
        super::keys::run(&format!(
            "target = \"{target}\"\nload = {{ {} }}\n{tables}[[step]]\n{CHAT}{}",
            self.load, self.step
        ))
    }
}

fn least(summary: &Value, metric: &str) -> f64 {
    summary["metrics"][metric]["min"].as_f64().unwrap()
}

fn mean(summary: &Value, metric: &str) -> f64 {
    summary["metrics"][metric]["mean"].as_f64().unwrap()
}

fn fails(summary: &Value, kind: &str) -> bool {
    let error = &summary["errors"][0];
    error["kind"] == kind && error["count"] == 4
}

/// Settings as the table of a scenario.
fn table(settings: &[(&str, &str)]) -> String {
    let line = |(key, value): &(&str, &str)| match value.parse::<u64>() {
        Ok(_) => format!("{key} = {value}\n"),
        Err(_) => format!("{key} = \"{value}\"\n"),
    };
    format!("[mock]\n{}", settings.iter().map(line).collect::<String>())
}

/// Settings as options.
fn options(settings: &[(&str, &str)]) -> Vec<String> {
    let option = |(key, value): &(&str, &str)| format!("--{}={value}", key.replace('_', "-"));
    settings.iter().map(option).collect()
}

/// What is asked of `loadgen mock` with these settings, at its URL.
fn serving<T>(settings: &[(&str, &str)], ask: impl FnOnce(&str) -> T) -> T {
    let words = [
        vec!["mock".to_owned(), "--port=0".to_owned()],
        options(settings),
    ]
    .concat();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let stage = Stage::new(&words);
    let (out, stop) = (stage.out.clone(), stage.stop.clone());
    let server = thread::spawn(move || on(stage).code);
    let deadline = Instant::now() + Duration::from_secs(30);
    let url = loop {
        let said = out.text();
        if let Some((_, rest)) = said.split_once("listening on ") {
            break rest.split(';').next().unwrap().to_owned();
        }
        assert!(Instant::now() < deadline, "it never listened: {said}");
        thread::yield_now();
    };
    let answer = ask(&url);
    stop.send_replace(Stop::Drain);
    assert_eq!(server.join().unwrap(), 0);
    answer
}

#[test]
fn every_key_of_the_mock_has_its_effect() {
    for case in CASES {
        for with in [true, false] {
            case.check(with, || case.run("mock", &table(&case.settings(with))));
        }
    }
}

#[test]
fn every_option_of_the_mock_has_its_effect() {
    for case in CASES {
        for with in [true, false] {
            case.check(with, || {
                serving(&case.settings(with), |url| case.run(url, ""))
            });
        }
    }
}

/// Failures among requests of which half fail.
fn failures(summary: &Value) -> u64 {
    summary["metrics"]["http_req_failed"]["hits"]
        .as_u64()
        .unwrap()
}

#[test]
fn the_seed_of_the_mock_decides_who_fails() {
    let case = Case {
        beside: &[("error_rate", "50%")],
        load: "vus = 1, iterations = 40",
        ..CASE
    };
    let settings = |seed| [&[("seed", seed)], &case.settings(false)[..]].concat();
    let seeds = ["1", "2", "3", "4"];
    let keys = seeds.map(|seed| failures(&case.run("mock", &table(&settings(seed)))));
    let options = seeds.map(|seed| serving(&settings(seed), |url| failures(&case.run(url, ""))));
    assert_eq!(keys, options, "the same seed, the same faults");
    assert!(keys.iter().any(|count| *count != keys[0]), "{keys:?}");
}

/// Whether this process has a thread of this name.
pub(super) fn has_thread(name: &str) -> bool {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("comm")).ok())
        .any(|comm| comm.trim() == name)
}

#[test]
fn the_mock_has_as_many_threads_as_asked_for() {
    // Numbers that no other test has, where tests share a process.
    assert!(!has_thread("mock-10") && !has_thread("mock-12"));
    serving(&[("workers", "11")], |_| {
        assert!(has_thread("mock-10") && !has_thread("mock-11"));
    });
    let text = "target = \"mock\"\nload = { duration = \"20s\" }\n[mock]\nworkers = 13\n\
        [[step]]\nget = \"/plain\"\n[[step]]\nthink = \"1ms\"\n";
    let stage = Stage::new(&["run", "a.toml", "--no-log"]).file("a.toml", text);
    let stop = stage.stop.clone();
    let run = thread::spawn(move || on(stage).code);
    while !has_thread("mock-12") && !run.is_finished() {
        thread::yield_now();
    }
    assert!(!run.is_finished(), "it ran with fewer threads");
    stop.send_replace(Stop::Drain);
    assert_eq!(run.join().unwrap(), 130);
}

#[test]
fn the_mock_listens_where_it_is_told() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let played = on(Stage::new(&["mock", "--port", &port]));
    assert_eq!(played.code, 1);
    assert!(
        played.err.contains(&format!("127.0.0.1:{port}")) && played.err.contains("--port 0"),
        "{}",
        played.err
    );
}

/// The requests in the first column of the reference page's table of what the server answers.
fn told_routes() -> Vec<(String, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/scenario-reference.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, table) = page.split_once("### What it serves\n").unwrap();
    let rows = table
        .lines()
        .skip_while(|line| !line.starts_with("| request"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let mut routes = Vec::new();
    for row in rows {
        let cell = row.split('|').nth(1).unwrap();
        let mut method = "GET".to_owned();
        for route in cell.split('`').skip(1).step_by(2) {
            let path = match route.split_once(' ') {
                Some((said, path)) => {
                    said.clone_into(&mut method);
                    path
                }
                None => route,
            };
            let path = path.replace("CODE", "204").replace('…', "x");
            routes.push((method.clone(), path));
        }
    }
    routes
}

#[test]
fn what_the_page_says_that_the_mock_serves_it_serves() {
    let routes = told_routes();
    assert!(routes.len() > 12, "{routes:?}");
    let mock = mock();
    for (method, path) in &routes {
        let mut stream = std::net::TcpStream::connect(mock.address()).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap_or_default();
        // What it asks of a body or of a user is not the matter here: that it knows the path and the method is.
        assert!(
            !["", "404", "405"].contains(&status),
            "{method} {path}: {answer}"
        );
    }
    // Nothing that it serves is left out, but what it tells of itself.
    let lists = include_str!("../../../mock/src/route.rs");
    let served = lists.split('"').skip(1).step_by(2);
    let served = served.filter(|path| path.starts_with('/') && *path != "/_truth");
    for path in served {
        let told = routes.iter().any(|(_, route)| route.starts_with(path));
        assert!(told, "{path} is not on the page");
    }
}
