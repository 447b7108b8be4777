//! Holds the truth against what clients see: instants, order, ends.

use std::time::Duration;

use loadgen_mock::{Ended, Settings, TruthRecord};

use crate::client::{Client, STREAM, ended, endless, fast, now, start};

const CHAT: &str = "/v1/chat/completions";

#[test]
fn instants_lie_between_the_clients() {
    let settings = Settings {
        ttft: Duration::from_millis(30),
        itl: Duration::from_millis(5),
        tokens: 10,
        ..Settings::default()
    };
    let mock = start(settings);
    let mut client = Client::connect(&mock);
    let sent = now();
    let answer = client.ask("POST", CHAT, STREAM);
    let record = ended(&mock, 1);
    assert_eq!(record.events_ns.len(), answer.arrivals.len());
    assert!(sent <= mock.instant(record.received_ns).unwrap());
    assert!(record.events_ns.is_sorted() && !record.events_capped);
    for (written, arrived) in record.events_ns.iter().zip(&answer.arrivals) {
        assert!(mock.instant(*written).unwrap() <= *arrived);
    }

    // The role comes at once, no token before its due time, the rest after the last token.
    let since = |ns: u64| Duration::from_nanos(ns - record.received_ns);
    for (index, written) in (0..10).zip(&record.events_ns[1..11]) {
        assert!(
            since(*written) >= Duration::from_millis(30 + 5 * index),
            "token {index}: {:?}",
            since(*written)
        );
    }
    assert!(record.events_ns[0] < record.events_ns[1]);
    assert_eq!(record.first_output_ns, Some(record.events_ns[1]));
    assert_eq!(record.last_output_ns, Some(record.events_ns[10]));
    assert!(record.ended_ns.unwrap() >= *record.events_ns.last().unwrap());
}

#[test]
fn whole_answers_take_as_long_as_their_tokens() {
    let settings = Settings {
        ttft: Duration::from_millis(20),
        itl: Duration::from_millis(5),
        tokens: 10,
        ..Settings::default()
    };
    let mock = start(settings);
    Client::connect(&mock).ask("POST", CHAT, "{}");
    let record = ended(&mock, 1);
    assert!(
        record.events_ns[0] - record.received_ns >= 70_000_000,
        "{record:?}"
    );
}

#[test]
fn the_endpoint_tells_what_the_process_knows() {
    let mock = start(fast());
    let mut client = Client::connect(&mock);
    client.send("POST", CHAT, "x-request-id: one\r\n", STREAM);
    client.answer(false);
    client.ask("GET", "/plain?bytes=3", "");
    ended(&mock, 2);
    let answer = client.ask("GET", "/_truth", "");
    assert_eq!(
        answer.header("content-type").as_deref(),
        Some("application/x-ndjson")
    );
    for (name, expected) in [("x-truth-received", "2"), ("x-truth-dropped", "0")] {
        assert_eq!(answer.header(name).as_deref(), Some(expected), "{name}");
    }
    let clock = if cfg!(target_os = "linux") {
        "monotonic"
    } else {
        "start"
    };
    assert_eq!(answer.header("x-truth-clock").as_deref(), Some(clock));
    let text = answer.text();
    let told: Vec<TruthRecord> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(told, mock.truth());
    assert_eq!(
        (told[0].id.as_deref(), told[1].id.as_deref()),
        (Some("one"), None)
    );
    assert_eq!(
        (told[0].path.as_str(), told[1].path.as_str()),
        (CHAT, "/plain")
    );
    let json: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&json["ended"], &json["fault"]),
        (&"complete".into(), &serde_json::Value::Null)
    );
}

#[test]
fn a_request_is_known_before_it_ends() {
    let mock = start(endless());
    let mut client = Client::connect(&mock);
    client.send("POST", CHAT, "", STREAM);
    client.head();
    client.chunk();
    let record = mock.truth().swap_remove(0);
    assert_eq!(
        (record.ended, record.status, record.ended_ns),
        (Ended::Open, Some(200), None)
    );
}

/// A client that sends `request`, reads as `read` does and leaves.
#[track_caller]
fn check_leaving(settings: Settings, request: &str, read: impl Fn(&mut Client)) -> TruthRecord {
    let mock = start(settings);
    let mut client = Client::connect(&mock);
    client.write(request);
    read(&mut client);
    // The request has arrived before its client leaves.
    let mut looks = Client::connect(&mock);
    while mock.truth().is_empty() {
        looks.ask("GET", "/_truth", "");
    }
    drop(client);
    let record = ended(&mock, 1);
    assert_eq!(record.ended, Ended::ClientLeft, "{request}: {record:?}");
    record
}

fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: mock\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn clients_that_leave_are_noticed() {
    let in_mid_stream = check_leaving(endless(), &post(CHAT, STREAM), |client| {
        client.head();
        // The role and the first token.
        client.chunk();
        client.chunk();
    });
    assert_eq!((in_mid_stream.events, in_mid_stream.output_events), (2, 1));

    let while_waiting = check_leaving(endless(), &post(CHAT, "{}"), |_| ());
    assert_eq!((while_waiting.status, while_waiting.events), (None, 0));

    let slow = Settings {
        plain_time: Duration::from_secs(600),
        ..fast()
    };
    assert_eq!(
        check_leaving(slow, &post("/plain", ""), |_| ()).status,
        None
    );

    let while_sending = "POST /echo HTTP/1.1\r\nhost: mock\r\ncontent-length: 10\r\n\r\nabc";
    assert_eq!(check_leaving(fast(), while_sending, |_| ()).status, None);

    let large = check_leaving(
        fast(),
        "GET /plain?bytes=16777216 HTTP/1.1\r\nhost: mock\r\n\r\n",
        |client| {
            client.head();
        },
    );
    // What the system never took was never counted as sent.
    assert!(large.bytes < 16_777_216, "{}", large.bytes);
}

#[test]
fn forgetting_keeps_numbers_going() {
    let mock = start(fast());
    let mut client = Client::connect(&mock);
    client.ask("GET", "/plain", "");
    client.ask("GET", "/plain", "");
    assert_eq!(client.ask("DELETE", "/_truth", "").status, 204);
    let answer = client.ask("GET", "/_truth", "");
    assert_eq!(
        (
            answer.text().as_str(),
            answer.header("x-truth-received").as_deref()
        ),
        ("", Some("0"))
    );
    client.ask("GET", "/plain", "");
    assert_eq!(ended(&mock, 3).request, 3);
    assert_eq!(mock.truth().len(), 1);
}

#[test]
fn the_oldest_are_dropped_and_counted() {
    let mock = start(Settings {
        truth_requests: 2,
        ..fast()
    });
    let mut client = Client::connect(&mock);
    for _ in 0..5 {
        client.ask("GET", "/plain", "");
    }
    let answer = client.ask("GET", "/_truth", "");
    assert_eq!(answer.header("x-truth-dropped").as_deref(), Some("3"));
    assert_eq!(answer.header("x-truth-received").as_deref(), Some("5"));
    assert_eq!(
        mock.truth()
            .iter()
            .map(|record| record.request)
            .collect::<Vec<_>>(),
        [4, 5]
    );
}

#[test]
fn two_hundred_streams_at_a_time_are_all_told() {
    let settings = Settings {
        ttft: Duration::from_millis(50),
        itl: Duration::from_millis(5),
        tokens: 20,
        workers: 2,
        ..Settings::default()
    };
    let mock = start(settings);
    let mut clients: Vec<Client> = (0..200).map(|_| Client::connect(&mock)).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send("POST", CHAT, &format!("x-request-id: {number}\r\n"), STREAM);
    }
    let mut seen: Vec<(String, u64, usize)> = Vec::new();
    for (number, client) in clients.iter_mut().enumerate() {
        let answer = client.answer(false);
        assert!(answer.whole);
        let request = answer.header("x-mock-request").unwrap().parse().unwrap();
        seen.push((number.to_string(), request, answer.body().len()));
    }
    seen.sort_by_key(|(_, request, _)| *request);
    (1..=200).for_each(|number| assert_eq!(ended(&mock, number).ended, Ended::Complete));
    let told = mock.truth().into_iter().map(|record| {
        assert_eq!(
            (record.events, record.output_events, record.ended),
            (24, 20, Ended::Complete)
        );
        (
            record.id.unwrap(),
            record.request,
            usize::try_from(record.bytes).unwrap(),
        )
    });
    assert_eq!(told.collect::<Vec<_>>(), seen);
}
