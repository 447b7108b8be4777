//! Bodies over HTTP/1.1: what is sent, what is decoded, what is kept, what comes too early.

mod support;

use flate2::{Compression, write::GzEncoder};
use loadgen_engine::{DialectName, ErrorKind, Method, StreamSpec};
use loadgen_http::Options;
use loadgen_testkit::{ScriptedServer, Step};
use std::{io::Write, time::Duration};
use support::{Ask, User, answer, failed, ok, text, times};

fn gzip(text: &str) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    out.write_all(text.as_bytes()).expect("memory");
    out.finish().expect("memory")
}

fn coded(coding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn coded_bodies_are_decoded_where_codings_were_asked_for() {
    let body = gzip("hello, hello, hello, hello");
    let server = ScriptedServer::repeat(times(
        3,
        &[Step::ReadRequest, Step::write(coded("gzip", &body))],
    ))
    .unwrap();
    let mut user = User::new(Options::default());
    let mut ask = Ask::get(server.address());
    let exchange = user.ask(&ask).await;
    assert_eq!((failed(&exchange), &exchange.body), (None, &body));
    assert_eq!(exchange.bytes_decoded, body.len() as u64);
    ask.headers = vec![("accept-encoding", "gzip")];
    let exchange = user.ask(&ask).await;
    assert_eq!(
        (failed(&exchange), text(&exchange)),
        (None, "hello, hello, hello, hello")
    );
    assert_eq!(exchange.bytes_decoded, 26);
    ask.method = Method::Head;
    let exchange = user.ask(&ask).await;
    assert_eq!((failed(&exchange), text(&exchange)), (None, ""));
}

#[tokio::test]
async fn bad_codings_are_failures_and_bombs_are_bounded() {
    let bomb = gzip(&"x".repeat(5_000_000));
    let cases = [
        (
            coded("gzip", b"this is not gzip"),
            (ErrorKind::Protocol, "invalid gzip body"),
        ),
        (
            coded("br", &[0xff; 40]),
            (ErrorKind::Protocol, "invalid brotli body"),
        ),
        (
            coded("zstd", b"this is not zstd"),
            (ErrorKind::Protocol, "invalid zstd body"),
        ),
        (
            coded("gzip", &gzip("hello")[..12]),
            (ErrorKind::Protocol, "the gzip body ends too early"),
        ),
        (
            coded("gzip, br", b"x"),
            (ErrorKind::Protocol, "unsupported content-encoding"),
        ),
        (
            coded("gzip", &bomb),
            (ErrorKind::TooLarge, "the body is longer than 1000000 bytes"),
        ),
    ];
    for (reply, want) in cases {
        let server = ScriptedServer::repeat(vec![
            Step::ReadRequest,
            Step::Write(reply),
            Step::WaitForClose,
        ])
        .unwrap();
        let mut ask = Ask::get(server.address());
        ask.headers = vec![("accept-encoding", "gzip, br, zstd")];
        let exchange = User::new(Options {
            body_limit: 1_000_000,
            ..Options::default()
        })
        .ask(&ask)
        .await;
        assert_eq!(failed(&exchange), Some(want));
        assert!(exchange.bytes_decoded <= 1_100_000);
    }
}

#[tokio::test]
async fn events_of_a_coded_stream_arrive_one_by_one() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let head = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let mut script = vec![Step::ReadRequest, answer(head)];
    for number in 0..4 {
        write!(encoder, "data: {number}\n\n").unwrap();
        encoder.flush().unwrap();
        script.extend([
            Step::Pause(Duration::from_millis(60)),
            Step::Write(std::mem::take(encoder.get_mut())),
        ]);
    }
    script.push(Step::Write(encoder.finish().unwrap()));
    let server = ScriptedServer::repeat(script).unwrap();
    let mut ask = Ask::get(server.address());
    ask.headers = vec![("accept-encoding", "gzip")];
    let dialect = DialectName::Sse;
    ask.stream = Some(StreamSpec {
        dialect,
        any_delta: false,
        pointer: None,
        stall: None,
    });
    let (exchange, told) = User::new(Options::default()).ask_and_tell(&ask).await;
    assert_eq!(failed(&exchange), None);
    assert_eq!((told.outputs, told.gaps.len()), (4, 3));
    assert!(
        told.gaps
            .iter()
            .all(|gap| *gap >= Duration::from_millis(10)),
        "{:?}",
        told.gaps
    );
}

#[tokio::test]
async fn an_answer_may_come_before_the_request_is_sent_whole() {
    let large = vec![b'x'; 30_000_000];
    let refusal =
        "HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno";
    // The server reads nothing of the body: it never leaves whole.
    let server = ScriptedServer::repeat(vec![
        Step::ReadHead,
        answer(refusal),
        Step::Pause(Duration::from_secs(5)),
    ])
    .unwrap();
    let mut ask = Ask::get(server.address());
    (ask.method, ask.body) = (Method::Put, large.clone());
    let mut user = User::new(Options::default());
    let exchange = user.ask(&ask).await;
    assert_eq!(
        (failed(&exchange), exchange.status, text(&exchange)),
        (None, Some(413), "no")
    );
    assert!(exchange.whole && exchange.sent_last > exchange.first_byte);
    assert!(exchange.bytes_sent < large.len() as u64);
    // It answers, then closes: the request breaks, what it said is read all the same, as far as it still comes.
    let server =
        ScriptedServer::repeat(vec![Step::ReadHead, answer(refusal), Step::Close]).unwrap();
    ask.origin = Ask::get(server.address()).origin;
    let exchange = user.ask(&ask).await;
    let told =
        exchange.status == Some(413) || matches!(failed(&exchange), Some((ErrorKind::Reset, _)));
    assert!(told, "{:?} {:?}", exchange.status, exchange.failure);
    // It reads all of it in the end: then the connection is good.
    let server = ScriptedServer::repeat(vec![
        Step::ReadRequest,
        ok("yes"),
        Step::ReadRequest,
        ok("again"),
    ])
    .unwrap();
    ask.origin = Ask::get(server.address()).origin;
    for want in ["yes", "again"] {
        let exchange = user.ask(&ask).await;
        assert_eq!((failed(&exchange), text(&exchange)), (None, want));
        assert!(exchange.bytes_sent > large.len() as u64);
    }
    assert_eq!(server.connections().len(), 1);
}

#[tokio::test]
async fn answers_without_bodies_and_informational_ones_keep_the_connection() {
    let script = vec![
        Step::ReadRequest,
        answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"),
        Step::Pause(Duration::from_millis(50)),
        answer("HTTP/1.1 204 No Content\r\n\r\n"),
        Step::ReadRequest,
        answer("HTTP/1.1 304 Not Modified\r\ncontent-length: 99\r\n\r\n"),
        Step::ReadRequest,
        answer("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n"),
        Step::ReadRequest,
        answer(
            "HTTP/1.1 200 OK\r\nX-A: b\r\ntransfer-encoding: chunked\r\n\r\n3;a=b\r\nend\r\n0\r\ntrailer: x\r\n\r\n",
        ),
        Step::WaitForClose,
    ];
    let server = ScriptedServer::start([script]).unwrap();
    let mut user = User::new(Options::default());
    let mut ask = Ask::get(server.address());
    ask.keep_head = true;
    let exchange = user.ask(&ask).await;
    assert_eq!((failed(&exchange), exchange.status), (None, Some(204)));
    assert_eq!(exchange.head, b"HTTP/1.1 204 No Content\r\n\r\n");
    let waited = exchange
        .first_byte
        .unwrap()
        .since(exchange.sent_first.unwrap());
    assert!(
        waited >= Duration::from_millis(40),
        "the first byte is that of the final head: {waited:?}"
    );
    assert_eq!(user.ask(&ask).await.status, Some(304));
    ask.method = Method::Head;
    assert_eq!(user.ask(&ask).await.status, Some(200));
    ask.method = Method::Get;
    let exchange = user.ask(&ask).await;
    assert_eq!((failed(&exchange), text(&exchange)), (None, "end"));
    assert!(exchange.head.starts_with(b"HTTP/1.1 200 OK\r\nX-A: b\r\n"));
}

#[tokio::test]
async fn connections_that_must_not_be_used_again_are_not() {
    /// The answer, the options, what the request says.
    type Case = (&'static str, Options, Vec<(&'static str, &'static str)>);
    let cases: [Case; 6] = [
        (
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            Options::default(),
            vec![],
        ),
        (
            "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
            Options::default(),
            vec![],
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nsurplus",
            Options::default(),
            vec![],
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            Options {
                keep_alive: false,
                ..Options::default()
            },
            vec![],
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            Options::default(),
            vec![("connection", "close")],
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            Options::default(),
            vec![],
        ),
    ];
    for (reply, options, headers) in cases {
        let script = vec![Step::ReadRequest, answer(reply), Step::WaitForClose];
        let server = ScriptedServer::repeat(script).unwrap();
        let mut user = User::new(options);
        let ask = Ask {
            headers,
            ..Ask::get(server.address())
        };
        for connections in 1..=2 {
            let exchange = user.ask(&ask).await;
            assert_eq!((failed(&exchange), exchange.resent), (None, 0), "{reply}");
            assert_eq!(
                server.ended(connections).await.len(),
                connections,
                "{reply}"
            );
        }
    }
}

#[tokio::test]
async fn what_comes_on_an_idle_connection_ends_it() {
    let late = "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let scripts = [
        vec![
            Step::ReadRequest,
            ok("1"),
            Step::Pause(Duration::from_millis(20)),
            answer(late),
            Step::WaitForClose,
        ],
        vec![Step::ReadRequest, ok("2"), Step::WaitForClose],
    ];
    let server = ScriptedServer::start(scripts).unwrap();
    let mut user = User::new(Options::default());
    let ask = Ask::get(server.address());
    assert_eq!(text(&user.ask(&ask).await), "1");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let exchange = user.ask(&ask).await;
    assert_eq!(
        (failed(&exchange), text(&exchange), exchange.resent),
        (None, "2", 0)
    );
}
