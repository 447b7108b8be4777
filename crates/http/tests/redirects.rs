//! What a redirection asks for next, as the connection tells it.

mod support;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use loadgen_engine::{ErrorKind, HttpVersion, Method};
use loadgen_http::Options;
use loadgen_testkit::{ScriptedServer, Step};
use std::convert::Infallible;
use support::{Ask, User, answer, failed, tls::serve};
use tokio::task::LocalSet;

struct Case {
    answer: &'static str,
    method: Method,
    follow: bool,
    /// Method, URL and body of the next request.
    next: Option<(Method, &'static str, &'static str)>,
    failure: Option<ErrorKind>,
}

const CASE: Case = Case {
    answer: "302 Found\r\nlocation: /b?c#d\r\ncontent-length: 0\r\n\r\n",
    method: Method::Post,
    follow: true,
    next: Some((Method::Get, "http://HOST/b?c", "")),
    failure: None,
};

async fn check(case: &Case) {
    let answers = vec![
        Step::ReadRequest,
        answer(&format!("HTTP/1.1 {}", case.answer)),
        Step::Close,
    ];
    let server = ScriptedServer::start(vec![answers]).expect("a port");
    let mut ask = Ask::get(server.address());
    (ask.method, ask.path, ask.follow) = (case.method, "/a/x?y", case.follow);
    ask.body = b"hello".to_vec();
    ask.headers = vec![("content-type", "text/x"), ("authorization", "Bearer t")];
    let exchange = User::new(Options::default()).ask(&ask).await;
    let what = case.answer;
    assert_eq!(failed(&exchange).map(|one| one.0), case.failure, "{what}");
    let kept = exchange.whole && !exchange.head.is_empty();
    assert!(!kept, "{what}: nobody asked for the head");
    let next = exchange.onward.map(|onward| {
        let message = onward.message;
        let url = format!("{}{}", message.origin, message.path);
        let away = !url.contains(&server.address().to_string());
        let fields: Vec<_> = message
            .headers
            .iter()
            .map(|(name, _)| name.as_ref())
            .collect();
        let with_body = onward.method == case.method;
        assert_eq!(fields.contains(&"content-type"), with_body, "{what}");
        assert_eq!(fields.contains(&"authorization"), !away, "{what}");
        let body = String::from_utf8(message.body.into_owned()).expect("text");
        (onward.method, url, body)
    });
    let host = server.address().to_string();
    let expected = case
        .next
        .map(|(method, url, body)| (method, url.replace("HOST", &host), body.to_owned()));
    assert_eq!(next, expected, "{what}");
}

#[tokio::test]
async fn redirections_are_told() {
    let cases = [
        CASE,
        Case {
            follow: false,
            next: None,
            ..CASE
        },
        Case {
            answer: "308 Go\r\nLOCATION:   z \r\ncontent-length: 4\r\n\r\nbody",
            next: Some((Method::Post, "http://HOST/a/z", "hello")),
            ..CASE
        },
        Case {
            answer: "307 Go\r\nlocation: //example.org\r\ncontent-length: 0\r\n\r\n",
            next: Some((Method::Post, "http://example.org/", "hello")),
            ..CASE
        },
        Case {
            answer: "303 See\r\nlocation: https://example.org/%7Ea b\r\ncontent-length: 0\r\n\r\n",
            method: Method::Put,
            next: Some((Method::Get, "https://example.org/%7Ea%20b", "")),
            ..CASE
        },
        Case {
            answer: "200 OK\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n",
            next: None,
            ..CASE
        },
        Case {
            answer: "304 Same\r\nlocation: /b\r\n\r\n",
            next: None,
            ..CASE
        },
        Case {
            answer: "302 Found\r\ncontent-length: 0\r\n\r\n",
            next: None,
            ..CASE
        },
        Case {
            answer: "302 Found\r\nlocation: ftp://example.org/\r\ncontent-length: 0\r\n\r\n",
            next: None,
            failure: Some(ErrorKind::Redirect),
            ..CASE
        },
        Case {
            answer: "302 Found\r\nlocation: /b\r\ncontent-length: 9\r\n\r\ncut",
            next: None,
            failure: Some(ErrorKind::ClosedEarly),
            ..CASE
        },
    ];
    for case in &cases {
        check(case).await;
    }
}

#[tokio::test]
async fn redirections_are_told_over_http2_too() {
    LocalSet::new()
        .run_until(async {
            let address = serve(|socket| async {
                let reply = service_fn(|_| async {
                    let reply = Response::builder().status(303).header("location", "b");
                    Ok::<_, Infallible>(reply.body(Full::<Bytes>::default()).expect("a reply"))
                });
                let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection(TokioIo::new(socket), reply).await;
            });
            let mut ask = Ask::get(address);
            (ask.version, ask.method, ask.follow) = (HttpVersion::Http2, Method::Post, true);
            let exchange = User::new(Options::default()).ask(&ask).await;
            let onward = exchange.onward.expect("a redirection");
            assert_eq!(
                (onward.method, onward.message.path.as_ref()),
                (Method::Get, "/b")
            );
        })
        .await;
}
