//! Calls that are given up on purpose: the service learns of it, and nothing has failed.

mod support;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::{Response, body::Frame, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use loadgen_engine::{Cancel, DialectName, ErrorKind, HttpVersion, Method, StreamSpec};
use loadgen_http::Options;
use loadgen_mock::{Ended, Mock, Settings, TruthRecord};
use loadgen_testkit::{ScriptedServer, Step};
use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use support::{Ask, User, answer, failed, tls::serve};
use tokio::task::LocalSet;

const MS: Duration = Duration::from_millis(1);
const CHAT: &str = r#"{"model":"m","stream":true,"messages":[]}"#;

fn after(time: Duration) -> Option<Cancel> {
    Some(Cancel {
        after: Some(time),
        after_tokens: None,
        probability: 1.0,
    })
}

fn after_tokens(tokens: u64) -> Option<Cancel> {
    Some(Cancel {
        after: None,
        after_tokens: Some(tokens),
        probability: 1.0,
    })
}

fn stream(dialect: DialectName) -> Option<StreamSpec> {
    Some(StreamSpec {
        dialect,
        any_delta: false,
        pointer: None,
        stall: None,
    })
}

/// What the mock says of the request, once it has ended there.
async fn truth(mock: &Mock, number: usize) -> TruthRecord {
    for _ in 0..5_000 {
        match mock.truth().into_iter().nth(number) {
            Some(record) if record.ended_ns.is_some() => return record,
            _ => tokio::time::sleep(MS).await,
        }
    }
    panic!("the mock goes on with what nobody waits for")
}

#[tokio::test]
async fn the_service_sees_the_connection_closed_and_stops() {
    let settings = Settings {
        ttft: 60 * MS,
        itl: 5 * MS,
        tokens: 10_000,
        plain_time: Duration::from_secs(30),
        ..Settings::default()
    };
    let mock = Mock::start(settings, (Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
    // (when, streamed, the least and the most output events that were seen)
    let cases = [
        (after_tokens(1), true, 1, 9_000),
        (after_tokens(7), true, 7, 9_000),
        (after(20 * MS), true, 0, 9_000),
        (after(200 * MS), true, 1, 9_000),
        (after(20 * MS), false, 0, 0),
    ];
    let mut user = User::new(Options::default());
    for (number, (cancel, streamed, least, most)) in cases.into_iter().enumerate() {
        let mut ask = Ask::get(mock.address());
        (ask.path, ask.cancel) = ("/plain", cancel);
        if streamed {
            (ask.method, ask.path) = (Method::Post, "/v1/chat/completions");
            (ask.body, ask.stream) = (CHAT.into(), stream(DialectName::OpenAi));
        }
        let (exchange, told) = user.ask_and_tell(&ask).await;
        assert!(exchange.cancelled && !exchange.whole, "{cancel:?}");
        assert_eq!(failed(&exchange), None, "{cancel:?}");
        let seen = exchange.stream.as_ref().map_or(0, |one| one.output_events);
        assert!((least..=most).contains(&seen), "{cancel:?}: {seen}");
        assert_eq!(u64::from(told.outputs), seen, "{cancel:?}");
        let record = truth(&mock, number).await;
        assert_eq!(record.ended, Ended::ClientLeft, "{cancel:?}");
        assert!(record.output_events < 10_000, "{cancel:?}");
        // Each has a connection of its own, as the one before it was closed.
        assert_eq!(record.connection, number as u64 + 1);
    }
}

#[tokio::test]
async fn what_ends_or_fails_before_is_not_cancelled() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
    let chunk = |data: &str| format!("{:x}\r\n{data}\r\n", data.len());
    let output = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    let finish = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let error = "data: {\"error\":{\"message\":\"overloaded\"}}\n\n";
    let chunked = |parts: &[&str]| {
        let body: String = parts.iter().map(|part| chunk(part)).collect();
        format!("{head}transfer-encoding: chunked\r\n\r\n{body}")
    };
    // (answer, when, whether it was cancelled, kind of failure)
    let cases = [
        (
            chunked(&[output, finish]) + "0\r\n\r\n",
            after_tokens(1),
            false,
            None,
        ),
        (
            chunked(&[output, finish]) + "0\r\n\r\n",
            after_tokens(2),
            false,
            None,
        ),
        (chunked(&[output, finish]), after(50 * MS), true, None),
        (chunked(&[output]), after(50 * MS), true, None),
        (chunked(&[]), after(50 * MS), true, None),
        (
            chunked(&[output, error]),
            after(50 * MS),
            false,
            Some(ErrorKind::StreamError),
        ),
        (
            chunked(&[output, error, output]),
            after_tokens(2),
            false,
            Some(ErrorKind::StreamError),
        ),
        (
            "HTTP/1.1 503 Busy\r\ncontent-length: 9\r\n\r\nno".to_owned(),
            after(50 * MS),
            true,
            None,
        ),
    ];
    for (text, cancel, cancelled, kind) in cases {
        let server =
            ScriptedServer::repeat(vec![Step::ReadRequest, answer(&text), Step::WaitForClose])
                .unwrap();
        let mut ask = Ask::get(server.address());
        (ask.cancel, ask.stream) = (cancel, stream(DialectName::OpenAi));
        let exchange = User::new(Options::default()).ask(&ask).await;
        assert_eq!(exchange.cancelled, cancelled, "{text}");
        assert_eq!(failed(&exchange).map(|one| one.0), kind, "{text}");
    }
}

#[tokio::test]
async fn a_stream_that_brings_no_output_in_time_has_failed() {
    let server = ScriptedServer::repeat(vec![
        Step::ReadRequest,
        answer("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: wait\n\n"),
        Step::WaitForClose,
    ])
    .unwrap();
    let mut ask = Ask::get(server.address());
    ask.stream = stream(DialectName::Sse);
    ask.timeouts.first_token = Some(50 * MS);
    let exchange = User::new(Options::default()).ask(&ask).await;
    assert_eq!(
        failed(&exchange),
        Some((ErrorKind::Timeout, "no output of the stream within 50ms"))
    );
}

/// Counts the streams that were given up.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A server of HTTP/2 whose streams never end, and what counts those that are reset.
fn endless() -> (SocketAddr, Arc<AtomicUsize>) {
    let resets = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&resets);
    let address = serve(move |socket| {
        let counted = Arc::clone(&counted);
        async move {
            let reply = service_fn(move |_| {
                let guard = Dropped(Arc::clone(&counted));
                let frames = stream::unfold(guard, |guard| async move {
                    tokio::time::sleep(5 * MS).await;
                    let frame = Frame::data(Bytes::from_static(b"data: x\n\n"));
                    Some((Ok::<_, io::Error>(frame), guard))
                });
                let body = StreamBody::new(Box::pin(frames)).boxed_unsync();
                async move { Ok::<_, Infallible>(Response::new(body)) }
            });
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let _ = builder.serve_connection(TokioIo::new(socket), reply).await;
        }
    });
    (address, resets)
}

#[tokio::test]
async fn over_http2_the_stream_alone_is_reset() {
    LocalSet::new()
        .run_until(async {
            let (address, resets) = endless();
            let mut user = User::new(Options::default());
            for (number, cancel) in [after_tokens(3), after(40 * MS), after_tokens(1)]
                .into_iter()
                .enumerate()
            {
                let mut ask = Ask::get(address);
                (ask.version, ask.cancel) = (HttpVersion::Http2, cancel);
                ask.stream = stream(DialectName::Sse);
                let exchange = user.ask(&ask).await;
                assert!(exchange.cancelled, "{exchange:?}");
                assert_eq!(failed(&exchange), None);
                assert_eq!(exchange.connecting.is_zero(), number > 0, "one connection");
                let mut tries = 0;
                while resets.load(Ordering::Relaxed) <= number {
                    tries += 1;
                    assert!(tries < 5_000, "the server goes on with the stream");
                    tokio::time::sleep(MS).await;
                }
            }
        })
        .await;
}
