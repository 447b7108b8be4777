//! Tests what the mock does wrong on purpose, and that a seed repeats it.

use std::time::Duration;

use loadgen_mock::{Ended, Fault, Settings};
use serde_json::Value;

use crate::client::{Answer, Client, STREAM, ended, endless, fast, start};

const STREAMS: [&str; 6] = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/messages",
    "/api/chat",
    "/api/generate",
];

/// Whether the data of an event is JSON, or the terminator.
fn is_told(data: &str) -> bool {
    data == "[DONE]" || serde_json::from_str::<Value>(data).is_ok()
}

/// Whether a stream has come to the end that its dialect has.
fn is_terminated(answer: &Answer) -> bool {
    let last = answer.data().pop().unwrap_or_default();
    [
        "[DONE]",
        r#""done":true"#,
        "message_stop",
        "response.completed",
    ]
    .iter()
    .any(|end| last.contains(end))
}

/// Each dialect's stream with `settings`; `look` judges answer and truth.
#[track_caller]
fn check(settings: &Settings, look: impl Fn(&str, Answer, loadgen_mock::TruthRecord)) {
    for path in STREAMS {
        let mock = start(settings.clone());
        let answer = Client::connect(&mock).ask("POST", path, STREAM);
        look(path, answer, ended(&mock, 1));
    }
}

#[test]
fn errors_are_answered_500() {
    let mock = start(Settings {
        error_rate: 1.0,
        ..fast()
    });
    let mut client = Client::connect(&mock);
    for (number, path) in (1..).zip(STREAMS.iter().chain(&["/plain", "/login"])) {
        let answer = client.ask("POST", path, STREAM);
        assert_eq!(answer.status, 500, "{path}");
        assert!(answer.json().get("error").is_some(), "{path}");
        let record = ended(&mock, number);
        assert_eq!(
            (record.ended, record.fault),
            (Ended::Error, Some(Fault::Error)),
            "{path}"
        );
    }
    for path in ["/health", "/status/200", "/echo", "/_truth"] {
        assert_eq!(client.ask("GET", path, "").status, 200, "{path}");
    }
}

#[test]
fn garbage_comes_in_mid_stream_and_the_stream_goes_on() {
    check(
        &Settings {
            garbage_rate: 1.0,
            ..fast()
        },
        |path, answer, record| {
            let data = answer.data();
            assert_eq!(
                data.iter().filter(|data| !is_told(data)).count(),
                1,
                "{path}: {data:?}"
            );
            assert!(
                !is_told(&data[1..data.len() - 1].join("")) && is_terminated(&answer),
                "{path}: {data:?}"
            );
            assert_eq!(
                (record.ended, record.fault, record.output_events),
                (Ended::Complete, Some(Fault::Garbage), 8)
            );
            assert_eq!(record.events, answer.chunks.len() as u64);
        },
    );
}

#[test]
fn streams_fail_with_an_error_event() {
    check(
        &Settings {
            stream_error_rate: 1.0,
            ..fast()
        },
        |path, answer, record| {
            let data = answer.data();
            assert!(data.last().unwrap().contains("error"), "{path}: {data:?}");
            assert!(
                data.iter().all(|data| is_told(data)) && !is_terminated(&answer),
                "{path}: {data:?}"
            );
            assert!(
                answer.whole && (1..8).contains(&record.output_events),
                "{path}: {record:?}"
            );
            assert_eq!(
                (record.ended, record.fault),
                (Ended::Error, Some(Fault::Error)),
                "{path}"
            );
        },
    );
}

#[test]
fn truncated_streams_end_without_a_terminator_in_two_ways() {
    let mut seen = [0, 0];
    for seed in 0..8 {
        check(
            &Settings {
                truncate_rate: 1.0,
                seed,
                ..fast()
            },
            |path, answer, record| {
                assert!(!is_terminated(&answer), "{path}: {:?}", answer.data());
                assert!(answer.data().iter().all(|data| is_told(data)), "{path}");
                assert!((1..8).contains(&record.output_events), "{path}: {record:?}");
                assert_eq!(record.events, answer.chunks.len() as u64, "{path}");
                assert_eq!(
                    (record.ended, record.fault),
                    (Ended::Truncated, Some(Fault::Truncate)),
                    "{path}"
                );
            },
        );
        let mock = start(Settings {
            truncate_rate: 1.0,
            seed,
            ..fast()
        });
        seen[usize::from(Client::connect(&mock).ask("POST", STREAMS[0], STREAM).whole)] += 1;
    }
    assert!(
        seen[0] > 0 && seen[1] > 0,
        "connections cut, bodies ended: {seen:?}"
    );
}

#[test]
fn stalled_streams_are_silent_until_the_client_leaves() {
    for path in STREAMS {
        let mock = start(Settings {
            stall_rate: 1.0,
            ..fast()
        });
        let mut client = Client::connect(&mock);
        client.send("POST", path, "", STREAM);
        assert_eq!(client.head().status, 200);
        let mut chunks = 0;
        // All that will come has come when the truth says that the stream is silent.
        let mut looks = Client::connect(&mock);
        let record = loop {
            assert_eq!(looks.ask("GET", "/_truth", "").status, 200);
            let record = mock.truth().swap_remove(0);
            if record.ended != Ended::Open {
                break record;
            }
        };
        assert_eq!(
            (record.ended, record.fault, record.ended_ns),
            (Ended::Stalled, Some(Fault::Stall), None)
        );
        while chunks < record.events {
            assert!(!client.chunk().unwrap().is_empty());
            chunks += 1;
        }
        drop(client);
        let record = ended(&mock, 1);
        assert_eq!(
            (record.ended, record.events),
            (Ended::Stalled, chunks),
            "{path}"
        );
        assert!((1..8).contains(&record.output_events), "{path}: {record:?}");
    }
}

#[test]
fn more_at_a_time_than_allowed_are_rejected() {
    let mock = start(Settings {
        max_concurrent: Some(2),
        ..endless()
    });
    let mut inside: Vec<Client> = (0..2).map(|_| Client::connect(&mock)).collect();
    for client in &mut inside {
        client.send("POST", STREAMS[0], "", STREAM);
        assert_eq!(client.head().status, 200);
    }
    let mut third = Client::connect(&mock);
    for path in STREAMS.iter().chain(&["/plain"]) {
        let answer = third.ask("POST", path, STREAM);
        assert_eq!(
            (answer.status, answer.header("retry-after").as_deref()),
            (429, Some("1")),
            "{path}"
        );
        assert!(answer.json().get("error").is_some(), "{path}");
    }
    for path in ["/health", "/echo", "/status/200"] {
        assert_eq!(third.ask("GET", path, "").status, 200, "{path}");
    }
    assert_eq!(ended(&mock, 3).ended, Ended::Rejected);

    // A place is free again when one of those inside has left.
    inside.pop();
    assert_eq!(ended(&mock, 2).ended, Ended::ClientLeft);
    assert_eq!(third.ask("GET", "/plain", "").status, 200);
}

/// Status, fault, end and number of tokens of each of a hundred requests.
fn story(seed: u64) -> Vec<(Option<u16>, Option<Fault>, Ended, u64)> {
    let settings = Settings {
        seed,
        error_rate: 0.2,
        truncate_rate: 0.3,
        garbage_rate: 0.2,
        stream_error_rate: 0.2,
        ..fast()
    };
    let mock = start(settings);
    let records = (1..=100).map(|number| {
        Client::connect(&mock).ask("POST", STREAMS[0], STREAM);
        let record = ended(&mock, number);
        (
            record.status,
            record.fault,
            record.ended,
            record.output_events,
        )
    });
    records.collect()
}

#[test]
fn a_seed_repeats_the_same_faults() {
    let first = story(1);
    assert_eq!(first, story(1));
    assert_ne!(first, story(2));
    let kinds = [Ended::Complete, Ended::Truncated, Ended::Error];
    assert!(
        kinds
            .iter()
            .all(|kind| first.iter().any(|story| story.2 == *kind)),
        "{first:?}"
    );
}

#[test]
fn jitter_scales_each_wait() {
    let wait = Duration::from_millis(20);
    let settings = Settings {
        ttft: wait,
        itl: wait,
        tokens: 8,
        jitter: 0.5,
        seed: 5,
        ..Settings::default()
    };
    check(&settings, |path, _, record| {
        // Nothing comes before the shortest waits are over.
        let first = record.first_output_ns.unwrap() - record.received_ns;
        let all = record.last_output_ns.unwrap() - record.received_ns;
        assert!(
            first >= 10_000_000 && all >= 80_000_000,
            "{path}: {first} {all}"
        );
    });
}
