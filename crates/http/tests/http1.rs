//! HTTP/1.1 over real sockets against scripted servers.

mod support;

use loadgen_engine::{DialectName, ErrorKind, Method, StreamSpec};
use loadgen_http::Options;
use loadgen_testkit::{ScriptedServer, Step, refused_address};
use std::time::Duration;
use support::{Ask, User, answer, failed, ok, text, times};

#[tokio::test]
async fn a_connection_is_kept_and_every_instant_is_there() {
    let server = ScriptedServer::start([vec![
        Step::ReadRequest,
        ok("one"),
        Step::ReadRequest,
        ok("two!"),
        Step::WaitForClose,
    ]])
    .unwrap();
    let mut user = User::new(Options::default());
    let mut ask = Ask::get(server.address());
    ask.method = Method::Post;
    ask.path = "/a?b=c";
    ask.headers = vec![("x-y", "z")];
    ask.body = b"hello".to_vec();

    let (first, told) = user.ask_and_tell(&ask).await;
    assert_eq!(failed(&first), None);
    assert_eq!(
        (first.status, text(&first), first.whole),
        (Some(200), "one", true)
    );
    assert!(!first.connecting.is_zero());
    // On loopback the answer may be there before the write that asked for it has returned.
    for middle in [first.sent_last, first.first_byte] {
        let instants = [
            first.connected,
            first.sent_first,
            middle,
            first.done.max(first.sent_last),
        ];
        assert!(
            instants.iter().all(Option::is_some) && instants.is_sorted(),
            "{instants:?}"
        );
    }
    assert_eq!((first.bytes_received, first.bytes_decoded), (41, 3));
    assert_eq!(told.arrivals.len(), 1);
    assert!(
        told.arrivals[0].kernel && !told.arrivals[0].fallback,
        "{told:?}"
    );

    let second = user.ask(&ask).await;
    assert_eq!(
        (second.status, text(&second), second.resent),
        (Some(200), "two!", 0)
    );
    assert!(second.connecting.is_zero() && second.dns.is_zero());
    assert_eq!(first.bytes_sent, second.bytes_sent);

    drop(user);
    let seen = server.ended(1).await;
    assert_eq!(seen.len(), 1);
    let request = format!(
        "POST /a?b=c HTTP/1.1\r\nhost: {}\r\nuser-agent: loadgen/0.1.0\r\naccept: */*\r\nx-y: z\r\ncontent-length: 5\r\n\r\nhello",
        server.address()
    );
    assert_eq!(
        String::from_utf8_lossy(&seen[0].received),
        request.repeat(2)
    );
    assert_eq!(first.bytes_sent, request.len() as u64);
}

#[tokio::test]
async fn an_answer_to_a_request_that_left_whole_is_never_early() {
    let script = times(200, &[Step::ReadRequest, ok("x")]);
    let server = ScriptedServer::repeat(script).unwrap();
    let mut user = User::new(Options::default());
    let ask = Ask::get(server.address());
    for _ in 0..200 {
        let exchange = user.ask(&ask).await;
        assert!(exchange.sent_first <= exchange.sent_last, "{exchange:?}");
        assert!(exchange.first_write > Duration::ZERO, "{exchange:?}");
        assert!(exchange.sent_last <= exchange.first_byte, "{exchange:?}");
    }
}

#[tokio::test]
async fn a_kept_connection_that_has_gone_is_replaced_once() {
    // Closed while idle: seen before anything is sent, so nothing is sent again.
    let idle = [
        vec![Step::ReadRequest, ok("1"), Step::Close],
        vec![Step::ReadRequest, ok("2"), Step::WaitForClose],
    ];
    let server = ScriptedServer::start(idle).unwrap();
    let mut user = User::new(Options::default());
    let ask = Ask::get(server.address());
    assert_eq!(text(&user.ask(&ask).await), "1");
    server.ended(1).await;
    let second = user.ask(&ask).await;
    assert_eq!((text(&second), failed(&second)), ("2", None));

    // Closed upon the request, before any byte of an answer.
    let upon = [
        vec![Step::ReadRequest, ok("1"), Step::ReadRequest, Step::Close],
        vec![Step::ReadRequest, ok("2"), Step::WaitForClose],
    ];
    let server = ScriptedServer::start(upon).unwrap();
    let ask = Ask::get(server.address());
    assert_eq!(text(&user.ask(&ask).await), "1");
    let second = user.ask(&ask).await;
    assert_eq!(
        (text(&second), failed(&second), second.resent),
        ("2", None, 1)
    );
    assert!(second.connected <= second.sent_first && !second.connecting.is_zero());
    assert_eq!(
        server.received().iter().map(Vec::len).collect::<Vec<_>>()[..1],
        [second.bytes_sent as usize]
    );

    // Reset upon the request; and the new connection is closed too: that is a failure.
    let twice = [
        vec![Step::ReadRequest, ok("1"), Step::ReadRequest, Step::Reset],
        vec![Step::ReadRequest, Step::Close],
    ];
    let server = ScriptedServer::start(twice).unwrap();
    let ask = Ask::get(server.address());
    assert_eq!(text(&user.ask(&ask).await), "1");
    let second = user.ask(&ask).await;
    assert_eq!(second.resent, 1);
    let want = (
        ErrorKind::ClosedEarly,
        "the peer closed the connection without an answer",
    );
    assert_eq!(failed(&second), Some(want));

    // Once a byte of the answer has come, nothing is sent again.
    let begun = [vec![
        Step::ReadRequest,
        ok("1"),
        Step::ReadRequest,
        answer("HTTP/1.1 2"),
        Step::Close,
    ]];
    let server = ScriptedServer::start(begun).unwrap();
    let ask = Ask::get(server.address());
    assert_eq!(text(&user.ask(&ask).await), "1");
    let second = user.ask(&ask).await;
    assert_eq!(second.resent, 0);
    let want = (
        ErrorKind::ClosedEarly,
        "the peer closed the connection within the head of its answer",
    );
    assert_eq!(failed(&second), Some(want));
}

#[tokio::test]
async fn a_stream_that_is_sent_again_ends_with_its_second_attempt() {
    let gone = [
        vec![Step::ReadRequest, ok("1"), Step::ReadRequest, Step::Close],
        vec![Step::ReadRequest, Step::WaitForClose],
    ];
    let server = ScriptedServer::start(gone).unwrap();
    let mut user = User::new(Options::default());
    let mut ask = Ask::get(server.address());
    assert_eq!(text(&user.ask(&ask).await), "1");
    ask.stream = Some(StreamSpec {
        dialect: DialectName::Sse,
        any_delta: false,
        pointer: None,
        stall: None,
    });
    ask.timeouts.total = Duration::from_millis(300);
    let begun = user.clock.now();
    let second = user.ask(&ask).await;
    assert_eq!(second.resent, 1);
    assert_eq!(failed(&second).map(|told| told.0), Some(ErrorKind::Timeout));
    assert!(second.done.unwrap().since(begun) >= ask.timeouts.total);
}

#[tokio::test]
async fn refused_connections_are_told() {
    let mut user = User::new(Options::default());
    let address = refused_address().unwrap();
    let exchange = user.ask(&Ask::get(address)).await;
    let want = format!("connection refused by {address}");
    assert_eq!(
        failed(&exchange),
        Some((ErrorKind::ConnectRefused, want.as_str()))
    );
    assert_eq!(
        (exchange.connected, exchange.sent_first, exchange.status),
        (None, None, None)
    );
}
