//! Each kind of failure over HTTP/1.1, as users see it.

mod support;

use loadgen_engine::{DialectName, ErrorKind, Exchange, Method, StreamSpec};
use loadgen_http::Options;
use loadgen_testkit::{ScriptedServer, Step};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, getsockname, listen, socket,
};
use std::{net::Ipv4Addr, os::fd::AsRawFd, time::Duration};
use support::{Ask, Told, User, answer, failed, text, times};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n";
const SSE: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// One request against a server that plays `script` after it has read it.
async fn against(script: Vec<Step>, change: impl Fn(&mut Ask)) -> Exchange {
    let script = [vec![Step::ReadRequest], script].concat();
    let server = ScriptedServer::repeat(script).expect("a free port");
    let mut ask = Ask::get(server.address());
    change(&mut ask);
    User::new(Options {
        body_limit: 10_000,
        ..Options::default()
    })
    .ask(&ask)
    .await
}

fn chunk(data: &str) -> Step {
    answer(&format!("{:x}\r\n{data}\r\n", data.len()))
}

fn streaming(ask: &mut Ask) {
    let dialect = DialectName::OpenAi;
    ask.stream = Some(StreamSpec {
        dialect,
        any_delta: false,
        pointer: None,
        stall: Some(Duration::from_millis(150)),
    });
}

#[tokio::test]
async fn answers_that_break_off_or_break_the_rules_are_told() {
    let closed_body = (
        ErrorKind::ClosedEarly,
        "the peer closed the connection before the end of the body",
    );
    let reset = (ErrorKind::Reset, "the peer reset the connection");
    let cases = [
        (
            vec![Step::Close],
            (
                ErrorKind::ClosedEarly,
                "the peer closed the connection without an answer",
            ),
        ),
        (vec![Step::Reset], reset),
        (
            vec![answer("HTTP/1.1 200 O"), Step::Close],
            (
                ErrorKind::ClosedEarly,
                "the peer closed the connection within the head of its answer",
            ),
        ),
        (
            vec![answer(HEAD), answer("12345"), Step::Close],
            closed_body,
        ),
        (
            vec![
                answer(HEAD),
                answer("12345"),
                Step::Pause(Duration::from_millis(50)),
                Step::Reset,
            ],
            reset,
        ),
        (vec![answer(SSE), chunk("hello"), Step::Close], closed_body),
        (
            vec![answer(SSE), answer("nonsense\r\n"), Step::WaitForClose],
            (ErrorKind::Protocol, "invalid size of a chunk"),
        ),
        (
            vec![answer("what is this?\r\n"), Step::WaitForClose],
            (ErrorKind::Protocol, "the answer is not HTTP/1"),
        ),
        (
            vec![
                answer("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"),
                Step::WaitForClose,
            ],
            (ErrorKind::Protocol, "conflicting content-length"),
        ),
        (
            vec![
                answer("HTTP/1.1 200 OK\r\nx: "),
                answer(&"y".repeat(140_000)),
                Step::WaitForClose,
            ],
            (
                ErrorKind::TooLarge,
                "the head of the answer is longer than 64 KiB",
            ),
        ),
        (
            vec![
                answer("HTTP/1.1 200 OK\r\n\r\n"),
                answer(&"x".repeat(10_001)),
                Step::WaitForClose,
            ],
            (ErrorKind::TooLarge, "the body is longer than 10000 bytes"),
        ),
    ];
    for (number, (script, want)) in cases.into_iter().enumerate() {
        let exchange = against(script, |_| {}).await;
        assert_eq!(failed(&exchange), Some(want), "case {number}");
        assert!(!exchange.whole && exchange.sent_first.is_some() && exchange.bytes_sent > 0);
    }
}

#[tokio::test]
async fn each_limit_on_time_is_kept_and_told() {
    let long = Duration::from_secs(30);
    let limit = Duration::from_millis(400);
    let hang = || vec![Step::WaitForClose];
    let halting = || vec![answer(HEAD), answer("12345"), Step::WaitForClose];
    let total = |ask: &mut Ask| ask.timeouts.total = limit;
    let first_byte =
        |ask: &mut Ask| (ask.timeouts.total, ask.timeouts.first_byte) = (long, Some(limit));
    let idle = |ask: &mut Ask| (ask.timeouts.total, ask.timeouts.idle) = (long, Some(limit));
    let no_answer = (ErrorKind::Timeout, "no whole answer within 400ms");
    assert_eq!(failed(&against(hang(), total).await), Some(no_answer));
    let exchange = against(halting(), total).await;
    assert_eq!(
        (failed(&exchange), exchange.status, text(&exchange)),
        (Some(no_answer), Some(200), "12345")
    );
    let want = Some((
        ErrorKind::Timeout,
        "no first byte of an answer within 400ms",
    ));
    assert_eq!(failed(&against(hang(), first_byte).await), want);
    let informational = vec![
        answer("HTTP/1.1 103 Early Hints\r\n\r\n"),
        Step::WaitForClose,
    ];
    let exchange = against(informational, first_byte).await;
    assert_eq!((failed(&exchange), exchange.first_byte), (want, None));
    let exchange = against(halting(), idle).await;
    assert_eq!(
        failed(&exchange),
        Some((ErrorKind::Timeout, "no more of the answer within 400ms"))
    );
    let waited = exchange.done.unwrap().since(exchange.first_byte.unwrap());
    assert!(waited >= limit, "{waited:?}");
    // Slow but not silent is no failure.
    let slow = [
        vec![answer(HEAD)],
        times(10, &[Step::Pause(limit / 3), answer("1")]),
        hang(),
    ]
    .concat();
    assert_eq!(failed(&against(slow, idle).await), None);
    // A limit that never comes does no harm.
    assert_eq!(
        failed(
            &against(vec![answer(HEAD), answer("1234567890")], |ask| ask
                .timeouts
                .total =
                Duration::MAX)
            .await
        ),
        None
    );
}

#[tokio::test]
async fn endless_bodies_end_with_the_time_of_the_request() {
    let flood = [
        vec![answer("HTTP/1.1 200 OK\r\n\r\n")],
        vec![answer(&"x".repeat(100_000)); 1_000],
    ]
    .concat();
    let script = [vec![Step::ReadRequest], flood].concat();
    let server = ScriptedServer::repeat(script).unwrap();
    let mut ask = Ask::get(server.address());
    ask.timeouts.total = Duration::from_millis(5);
    ask.keep_body = 0;
    let exchange = User::new(Options::default()).ask(&ask).await;
    assert_eq!(
        failed(&exchange),
        Some((ErrorKind::Timeout, "no whole answer within 5ms"))
    );
    assert!(exchange.body.is_empty());
}

#[tokio::test]
async fn a_connection_that_is_not_made_in_time_is_told() {
    let full = socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::empty(),
        None,
    )
    .unwrap();
    bind(full.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).unwrap();
    listen(&full, Backlog::new(0).unwrap()).unwrap();
    let port = getsockname::<SockaddrIn>(full.as_raw_fd()).unwrap().port();
    let address = (Ipv4Addr::LOCALHOST, port).into();
    // The queue of connections that nobody accepts has room for one.
    let _first = std::net::TcpStream::connect(address).unwrap();
    let mut user = User::new(Options::default());
    let mut ask = Ask::get(address);
    ask.timeouts.connect = Duration::from_millis(100);
    let exchange = user.ask(&ask).await;
    let want = format!("no connection to {address} within 100ms");
    assert_eq!(
        failed(&exchange),
        Some((ErrorKind::ConnectTimeout, want.as_str()))
    );
    assert!(exchange.connected.is_none());
    ask.timeouts.total = Duration::from_millis(50);
    let exchange = user.ask(&ask).await;
    assert_eq!(
        failed(&exchange),
        Some((ErrorKind::Timeout, "no whole answer within 50ms"))
    );
}

#[tokio::test]
async fn names_that_do_not_resolve_are_told() {
    let exchange = User::new(Options::default())
        .ask(&Ask::of("no-such-host.invalid", 80))
        .await;
    let want = (
        ErrorKind::Dns,
        "the name no-such-host.invalid does not resolve",
    );
    assert_eq!(failed(&exchange), Some(want));
}

#[tokio::test]
async fn broken_streams_are_told() {
    let delta = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    let stop = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let end = || answer("0\r\n\r\n");
    let cases = [
        (
            vec![answer(SSE), chunk(delta), chunk(stop), end()],
            None,
            true,
        ),
        (
            vec![answer(SSE), chunk(delta), end()],
            Some(ErrorKind::StreamTruncated),
            true,
        ),
        (
            vec![answer(SSE), chunk(delta), Step::Close],
            Some(ErrorKind::StreamTruncated),
            false,
        ),
        (
            vec![
                answer(SSE),
                chunk(delta),
                Step::Pause(Duration::from_millis(30)),
                Step::Reset,
            ],
            Some(ErrorKind::StreamTruncated),
            false,
        ),
        (
            vec![answer(SSE), chunk(delta), Step::WaitForClose],
            Some(ErrorKind::StreamStalled),
            false,
        ),
        (
            vec![answer(SSE), Step::WaitForClose],
            Some(ErrorKind::StreamStalled),
            false,
        ),
        // Comments are no events: they keep the connection, not the stream.
        (
            [
                vec![answer(SSE)],
                times(
                    20,
                    &[chunk(": ping\n\n"), Step::Pause(Duration::from_millis(20))],
                ),
            ]
            .concat(),
            Some(ErrorKind::StreamStalled),
            false,
        ),
        (
            vec![answer(SSE), chunk(stop), end()],
            Some(ErrorKind::StreamEmpty),
            true,
        ),
        (
            vec![answer(SSE), chunk("data: {\n\n"), end()],
            Some(ErrorKind::StreamMalformed),
            true,
        ),
        (
            vec![
                answer(SSE),
                chunk("data: {\"error\":{\"message\":\"no\"}}\n\n"),
                end(),
            ],
            Some(ErrorKind::StreamError),
            true,
        ),
        // Well ended, but not as HTTP wants it.
        (
            vec![answer(SSE), chunk(delta), chunk(stop), Step::Close],
            Some(ErrorKind::ClosedEarly),
            false,
        ),
    ];
    for (number, (script, want, whole)) in cases.into_iter().enumerate() {
        let exchange = against(script, streaming).await;
        assert_eq!(
            exchange.failure.as_ref().map(|failure| failure.kind),
            want,
            "case {number}: {:?}",
            exchange.failure
        );
        assert_eq!(exchange.whole, whole, "case {number}");
        assert!(exchange.stream.is_some(), "case {number}");
    }
}

#[tokio::test]
async fn what_a_dialect_does_not_read_is_a_plain_body() {
    let json = "{\"error\":{\"message\":\"slow down\"}}";
    let too_many = format!(
        "HTTP/1.1 429 Too Many\r\ncontent-length: {}\r\n\r\n{json}",
        json.len()
    );
    let exchange = against(vec![answer(&too_many)], |ask| {
        streaming(ask);
        ask.keep_body = 0;
    })
    .await;
    assert_eq!(
        (failed(&exchange), exchange.status, text(&exchange)),
        (None, Some(429), json)
    );
    assert!(exchange.stream.is_none() && exchange.whole);
    let long = "x".repeat(2_000);
    let broken = format!("HTTP/1.1 500 Oh\r\ncontent-length: 2000\r\n\r\n{long}");
    let exchange = against(vec![answer(&broken)], |ask| ask.keep_body = 0).await;
    assert_eq!(exchange.body.len(), 512);

    let plain = |json: &str| {
        answer(&format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{json}",
            json.len()
        ))
    };
    // The same under a status of success.
    let exchange = against(vec![plain(json)], streaming).await;
    assert_eq!(
        failed(&exchange),
        Some((ErrorKind::StreamError, "slow down"))
    );
    assert!(exchange.stream.is_none() && exchange.whole);

    let usage = "{\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5}}";
    let exchange = against(vec![plain(usage)], streaming).await;
    assert_eq!(failed(&exchange), None);
    let tokens = exchange.usage.unwrap();
    assert_eq!((tokens.input, tokens.output), (3, 5));
}

#[tokio::test]
async fn a_dropped_call_tells_how_far_it_came_and_takes_its_connection_along() {
    let script = vec![
        Step::ReadRequest,
        answer(SSE),
        chunk("data: 1\n\n"),
        Step::WaitForClose,
    ];
    let server = ScriptedServer::repeat(script).unwrap();
    let mut ask = Ask::get(server.address());
    ask.method = Method::Post;
    let dialect = DialectName::Sse;
    ask.stream = Some(StreamSpec {
        dialect,
        any_delta: false,
        pointer: None,
        stall: None,
    });
    let mut user = User::new(Options::default());
    for connections in 1..=2 {
        let (mut exchange, mut told) = (Exchange::default(), Told::default());
        let cut = user.ask_into(&ask, &mut exchange, &mut told);
        assert!(
            tokio::time::timeout(Duration::from_millis(200), cut)
                .await
                .is_err()
        );
        assert!(
            exchange.sent_last.is_some() && exchange.done.is_none() && exchange.failure.is_none()
        );
        assert_eq!(
            (exchange.status, exchange.stream.unwrap().output_events),
            (Some(200), 1)
        );
        assert!(exchange.bytes_received > 80);
        // The connection is closed with the call, not with the next one.
        let seen = server.ended(connections).await;
        assert_eq!(seen.len(), connections);
    }
}
