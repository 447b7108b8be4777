//! Against the mock: what the connection measured, joined with what the mock says it did.

mod support;

use loadgen_engine::{DialectName, Method, Offset, StreamSpec};
use loadgen_http::Options;
use loadgen_mock::{Ended, Mock, Settings, TruthRecord};
use std::{net::Ipv4Addr, time::Duration};
use support::{Ask, User, failed};
use tokio::time::Instant;

fn start() -> Mock {
    let settings = Settings {
        ttft: Duration::from_millis(40),
        itl: Duration::from_millis(8),
        tokens: 12,
        ..Settings::default()
    };
    Mock::start(settings, (Ipv4Addr::LOCALHOST, 0).into()).expect("a free port")
}

/// The newest record: the mock may write it some microseconds after the client has read the last byte.
async fn newest(mock: &Mock) -> TruthRecord {
    for _ in 0..1_000 {
        match mock.truth().pop() {
            Some(record) if record.ended_ns.is_some() => return record,
            _ => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
    panic!("the mock never noted the end of the exchange")
}

fn ask(mock: &Mock, dialect: DialectName, path: &'static str, body: &str) -> Ask {
    let mut ask = Ask::get(mock.address());
    (ask.method, ask.path, ask.body) = (Method::Post, path, body.as_bytes().to_vec());
    ask.headers = vec![("content-type", "application/json")];
    ask.stream = Some(StreamSpec {
        dialect,
        any_delta: false,
        pointer: None,
        stall: None,
    });
    ask
}

#[tokio::test]
async fn streams_of_every_dialect_agree_with_the_truth() {
    let mock = start();
    let chat =
        r#"{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[]}"#;
    let cases = [
        (DialectName::OpenAi, "/v1/chat/completions", chat),
        (DialectName::OpenAi, "/v1/completions", chat),
        (
            DialectName::OpenAi,
            "/v1/responses",
            r#"{"model":"m","stream":true,"input":"x"}"#,
        ),
        (
            DialectName::Anthropic,
            "/v1/messages",
            r#"{"model":"m","stream":true,"max_tokens":99,"messages":[]}"#,
        ),
        (
            DialectName::Ollama,
            "/api/chat",
            r#"{"model":"m","messages":[]}"#,
        ),
        (
            DialectName::Ollama,
            "/api/generate",
            r#"{"model":"m","prompt":"x"}"#,
        ),
    ];
    let mut user = User::new(Options::default());
    for (number, (dialect, path, body)) in cases.into_iter().enumerate() {
        let (exchange, told) = user.ask_and_tell(&ask(&mock, dialect, path, body)).await;
        assert_eq!(failed(&exchange), None, "{path}");
        let stream = exchange.stream.as_ref().unwrap();
        assert_eq!(
            (stream.output_events, told.outputs, told.gaps.len()),
            (12, 12, 11),
            "{path}"
        );
        assert_eq!(exchange.usage.unwrap().output, 12, "{path}");
        assert_eq!(
            exchange.connecting.is_zero(),
            number > 0,
            "one connection serves all"
        );

        let truth = newest(&mock).await;
        assert_eq!(
            (truth.output_events, truth.ended),
            (12, Ended::Complete),
            "{path}"
        );
        let offset = |nanos| -> Offset {
            user.clock
                .offset(Instant::from_std(mock.instant(nanos).unwrap()))
        };
        let written = offset(truth.first_output_ns.unwrap());
        let arrived = told.first_output.unwrap().1;
        let late = arrived.since(written);
        assert!(
            arrived >= written && late < Duration::from_millis(30),
            "{path}: {late:?}"
        );
    }
}

#[tokio::test]
async fn plain_answers_of_a_streaming_step_give_their_usage() {
    let mock = start();
    let plain = r#"{"model":"m","stream":false,"messages":[],"max_tokens":5}"#;
    let mut user = User::new(Options::default());
    for (dialect, path) in [
        (DialectName::OpenAi, "/v1/chat/completions"),
        (DialectName::Anthropic, "/v1/messages"),
        (DialectName::Ollama, "/api/chat"),
    ] {
        let exchange = user.ask(&ask(&mock, dialect, path, plain)).await;
        assert_eq!(failed(&exchange), None, "{path}");
        assert_eq!(exchange.status, Some(200), "{path}");
        assert!(exchange.usage.unwrap().output > 0, "{path}");
        assert!(exchange.stream.is_none(), "{path}");
    }
}
