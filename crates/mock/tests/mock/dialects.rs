//! Holds every dialect to the same questions: tokens, text, usage, terminator, refusals.

use serde_json::Value;

use crate::client::{Client, STREAM, ended, fast, start};
use loadgen_mock::{Ended, Settings};

/// Where a dialect keeps what the tests ask for.
struct Case {
    path: &'static str,
    media_type: &'static str,
    /// Events before the first token, and after the last.
    around: (u64, u64),
    /// JSON pointers: to the text in a delta, in a whole answer; to input and output tokens in
    /// the stream's event that has them, in a whole answer.
    delta: &'static str,
    whole: &'static str,
    streamed_usage: [&'static str; 2],
    whole_usage: [&'static str; 2],
    /// How the last event begins.
    last: &'static str,
    limit: &'static str,
    /// Where an error's text is.
    error: &'static str,
}

const SSE: &str = "text/event-stream; charset=utf-8";
const NDJSON: &str = "application/x-ndjson";
const OPENAI_USAGE: [&str; 2] = ["/usage/prompt_tokens", "/usage/completion_tokens"];
const OLLAMA_USAGE: [&str; 2] = ["/prompt_eval_count", "/eval_count"];

const CASES: [Case; 6] = [
    Case {
        path: "/v1/chat/completions",
        media_type: SSE,
        around: (1, 3),
        delta: "/choices/0/delta/content",
        whole: "/choices/0/message/content",
        streamed_usage: OPENAI_USAGE,
        whole_usage: OPENAI_USAGE,
        last: "[DONE]",
        limit: r#""max_tokens": 3"#,
        error: "/error/message",
    },
    Case {
        path: "/v1/completions",
        media_type: SSE,
        around: (0, 3),
        delta: "/choices/0/text",
        whole: "/choices/0/text",
        streamed_usage: OPENAI_USAGE,
        whole_usage: OPENAI_USAGE,
        last: "[DONE]",
        limit: r#""max_completion_tokens": 3"#,
        error: "/error/message",
    },
    Case {
        path: "/v1/responses",
        media_type: SSE,
        around: (4, 4),
        delta: "/delta",
        whole: "/output/0/content/0/text",
        streamed_usage: [
            "/response/usage/input_tokens",
            "/response/usage/output_tokens",
        ],
        whole_usage: ["/usage/input_tokens", "/usage/output_tokens"],
        last: r#"{"type":"response."#,
        limit: r#""max_output_tokens": 3"#,
        error: "/error/message",
    },
    Case {
        path: "/v1/messages",
        media_type: SSE,
        around: (3, 3),
        delta: "/delta/text",
        whole: "/content/0/text",
        streamed_usage: ["/message/usage/input_tokens", "/usage/output_tokens"],
        whole_usage: ["/usage/input_tokens", "/usage/output_tokens"],
        last: r#"{"type":"message_stop"}"#,
        limit: r#""max_tokens": 3"#,
        error: "/error/message",
    },
    Case {
        path: "/api/chat",
        media_type: NDJSON,
        around: (0, 1),
        delta: "/message/content",
        whole: "/message/content",
        streamed_usage: OLLAMA_USAGE,
        whole_usage: OLLAMA_USAGE,
        last: r#"{"model":"any","#,
        limit: r#""options": { "num_predict": 3 }"#,
        error: "/error",
    },
    Case {
        path: "/api/generate",
        media_type: NDJSON,
        around: (0, 1),
        delta: "/response",
        whole: "/response",
        streamed_usage: OLLAMA_USAGE,
        whole_usage: OLLAMA_USAGE,
        last: r#"{"model":"any","#,
        limit: r#""options": { "num_predict": 3 }"#,
        error: "/error",
    },
];

/// A body with prompts for every dialect: two words each.
fn body(stream: bool, limit: &str) -> String {
    let limit = if limit.is_empty() {
        String::new()
    } else {
        format!(", {limit}")
    };
    format!(
        r#"{{ "model": "any", "stream": {stream}, "stream_options": {{ "include_usage": true }},
             "messages": [{{ "role": "user", "content": "two words" }}], "prompt": "two words",
             "input": [{{ "role": "user", "content": "two words" }}] {limit} }}"#
    )
}

fn find(events: &[Value], pointer: &str) -> Vec<Value> {
    let found = events.iter().filter_map(|event| event.pointer(pointer));
    found.filter(|value| !value.is_null()).cloned().collect()
}

fn numbers(events: &[Value], pointers: [&str; 2]) -> [u64; 2] {
    pointers.map(|pointer| {
        find(events, pointer)
            .last()
            .and_then(Value::as_u64)
            .unwrap()
    })
}

/// One streamed and one whole answer of a dialect with `tokens` tokens set.
#[track_caller]
fn check(case: &Case, tokens: u32, limit: &str, expected: u64) {
    let mock = start(Settings { tokens, ..fast() });
    let mut client = Client::connect(&mock);
    let streamed = client.ask("POST", case.path, &body(true, limit));
    let record = ended(&mock, 1);
    assert_eq!(
        (streamed.status, streamed.whole),
        (200, true),
        "{}",
        case.path
    );
    assert_eq!(
        streamed.header("content-type").as_deref(),
        Some(case.media_type)
    );
    assert_eq!(streamed.header("x-mock-request").as_deref(), Some("1"));

    let data = streamed.data();
    assert!(data.last().unwrap().starts_with(case.last), "{data:?}");
    let events: Vec<Value> = data
        .iter()
        .filter_map(|data| serde_json::from_str(data).ok())
        .collect();
    let texts = find(&events, case.delta);
    let texts: Vec<&str> = texts
        .iter()
        .filter_map(Value::as_str)
        .filter(|text| !text.is_empty())
        .collect();
    assert_eq!(texts.len() as u64, expected, "{}: {texts:?}", case.path);
    assert_eq!(
        numbers(&events, case.streamed_usage),
        [2, expected],
        "{}",
        case.path
    );

    // Each event is a chunk of its own, and the truth knows of each.
    assert_eq!(
        streamed.chunks.len() as u64,
        expected + case.around.0 + case.around.1,
        "{}",
        case.path
    );
    assert_eq!(
        (record.events, record.output_events),
        (streamed.chunks.len() as u64, expected)
    );
    assert_eq!(
        (record.bytes, record.ended),
        (streamed.body().len() as u64, Ended::Complete)
    );
    assert_eq!(
        (record.status, record.method.as_str(), record.path.as_str()),
        (Some(200), "POST", case.path)
    );

    let whole = client.ask("POST", case.path, &body(false, limit));
    assert_eq!((whole.status, whole.whole), (200, true), "{}", case.path);
    assert_eq!(
        whole.header("content-type").as_deref(),
        Some("application/json")
    );
    let whole = [whole.json()];
    assert_eq!(
        numbers(&whole, case.whole_usage),
        [2, expected],
        "{}",
        case.path
    );
    let text = find(&whole, case.whole)[0].as_str().unwrap().to_owned();
    assert_eq!(
        text.split_whitespace().count() as u64,
        expected,
        "{}: {text}",
        case.path
    );
    let record = ended(&mock, 2);
    assert_eq!(
        (record.events, record.output_events, record.first_output_ns),
        (1, 0, None)
    );
    assert_eq!(record.connection, 1);
}

#[test]
fn answers_streamed_and_whole() {
    for case in &CASES {
        check(case, 8, "", 8);
        check(case, 8, case.limit, 3);
        check(case, 2, case.limit, 2);
        check(case, 1, "", 1);
        check(case, 0, "", 0);
    }
}

#[test]
fn usage_is_streamed_only_when_asked_for() {
    let mock = start(fast());
    let mut client = Client::connect(&mock);
    for path in ["/v1/chat/completions", "/v1/completions"] {
        let answer = client.ask("POST", path, r#"{ "stream": true }"#);
        assert!(!answer.text().contains("usage"), "{}", answer.text());
        assert!(
            client
                .ask("POST", path, STREAM)
                .text()
                .contains(r#""completion_tokens":8"#)
        );
    }
}

#[test]
fn ollama_streams_by_default_and_the_others_do_not() {
    let mock = start(fast());
    let mut client = Client::connect(&mock);
    for case in &CASES {
        let chunked = client
            .ask("POST", case.path, "{}")
            .header("transfer-encoding")
            .is_some();
        assert_eq!(chunked, case.media_type == NDJSON, "{}", case.path);
    }
}

#[test]
fn wrong_requests_are_refused_in_the_dialect() {
    let mock = start(fast());
    let mut client = Client::connect(&mock);
    for case in &CASES {
        for (body, named) in [
            ("", "not JSON"),
            (r#"{ "stream": true"#, "not JSON"),
            ("[]", "must be a JSON object"),
            (r#"{ "stream": "yes" }"#, "'stream'"),
            (r#"{ "model": 1 }"#, "'model'"),
        ] {
            let answer = client.ask("POST", case.path, body);
            assert_eq!(answer.status, 400, "{} {body}", case.path);
            let message = answer
                .json()
                .pointer(case.error)
                .unwrap()
                .as_str()
                .unwrap()
                .to_owned();
            assert!(message.contains(named), "{} {body}: {message}", case.path);
        }
        let wrong_method = client.ask("GET", case.path, "");
        assert_eq!(wrong_method.status, 405);
        assert_eq!(wrong_method.header("allow").as_deref(), Some("POST"));
        assert!(wrong_method.json().pointer(case.error).is_some());
    }
    // All of it over one connection, each with its end in the truth.
    let requests = CASES.len() * 6;
    ended(&mock, requests as u64);
    let truth = mock.truth();
    assert!(
        truth
            .iter()
            .all(|record| record.connection == 1 && record.ended == Ended::Rejected)
    );
    assert_eq!(truth.len(), requests);
}
