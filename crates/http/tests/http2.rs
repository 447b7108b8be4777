//! HTTP/2 over our own reads and writes, against hyper's server.

mod support;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, Collected, Full, StreamBody, combinators::BoxBody};
use hyper::{
    Request, Response,
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use loadgen_engine::{DialectName, ErrorKind, Exchange, HttpVersion, Method, StreamSpec};
use loadgen_http::{Family, Options};
use loadgen_testkit::{ScriptedServer, Step};
use std::{convert::Infallible, io, net::SocketAddr, time::Duration};
use support::{
    Ask, Told, User, answer, failed, text,
    tls::{Authority, serve, serve_tls, server_config},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::LocalSet,
};

type Reply = Response<BoxBody<Bytes, io::Error>>;

fn body(bytes: impl Into<Bytes>) -> BoxBody<Bytes, io::Error> {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed()
}

/// Writes an event, waits, writes the next; the error, where there is one, resets the stream.
fn events(count: usize, gap: Duration, broken: bool) -> BoxBody<Bytes, io::Error> {
    let ended = count;
    let frames = stream::unfold(0, move |number| async move {
        if number > ended {
            return None;
        }
        tokio::time::sleep(gap).await;
        let frame = match (number == ended, broken) {
            (true, true) => Err(io::Error::other("broken")),
            (true, false) => Ok(Frame::data(Bytes::from_static(b"data: [DONE]\n\n"))),
            (false, _) => Ok(Frame::data(Bytes::from(format!(
                "data: {{\"n\":{number}}}\n\n"
            )))),
        };
        Some((frame, number + 1))
    });
    BodyExt::boxed(StreamBody::new(SyncStream(Box::pin(frames))))
}

/// The boxed body has to be `Sync`; it is only ever polled through `&mut`.
struct SyncStream<S>(std::pin::Pin<Box<S>>);

impl<S: stream::Stream + Send> stream::Stream for SyncStream<S> {
    type Item = S::Item;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<S::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

async fn reply(request: Request<Incoming>) -> Result<Reply, Infallible> {
    let (parts, incoming) = request.into_parts();
    let gap = Duration::from_millis(20);
    let path = parts.uri.path().to_owned();
    let reply = match path.as_str() {
        "/echo" => {
            let text = format!("{} {} {:?}\n", parts.method, parts.uri, parts.headers);
            let sent = incoming
                .collect()
                .await
                .map(Collected::to_bytes)
                .unwrap_or_default();
            Response::new(body([text.as_bytes(), &sent].concat()))
        }
        "/large" if parts.method == "HEAD" => {
            let mut response = Response::new(body(""));
            response
                .headers_mut()
                .insert("content-length", "5000000".parse().expect("a number"));
            response
        }
        "/large" => Response::new(body(vec![b'x'; 5_000_000])),
        "/events" => Response::new(events(5, gap, false)),
        "/broken" => Response::new(events(2, gap, true)),
        "/silent" => std::future::pending().await,
        _ => {
            let mut response = Response::new(body("no such page"));
            *response.status_mut() = hyper::StatusCode::NOT_FOUND;
            response
        }
    };
    Ok(reply)
}

async fn speak(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    let _ = builder
        .serve_connection(TokioIo::new(stream), service_fn(reply))
        .await;
}

fn ask(address: SocketAddr, path: &'static str) -> Ask {
    Ask {
        path,
        version: HttpVersion::Http2,
        ..Ask::get(address)
    }
}

fn plain() -> SocketAddr {
    serve(speak)
}

#[tokio::test]
async fn requests_go_over_one_connection_with_prior_knowledge() {
    LocalSet::new()
        .run_until(async {
            let address = plain();
            let mut user = User::new(Options::default());
            let mut ask = ask(address, "/echo?a=b");
            ask.method = Method::Post;
            ask.headers = vec![
                ("x-y", "z"),
                ("connection", "keep-alive"),
                ("host", "example.org"),
                ("te", "gzip"),
            ];
            ask.body = b"hello".to_vec();
            for fixed in [false, true, true] {
                ask.fixed = fixed;
                let (exchange, told) = user.ask_and_tell(&ask).await;
                assert_eq!(
                    (failed(&exchange), exchange.status, exchange.whole),
                    (None, Some(200), true)
                );
                let text = text(&exchange);
                assert!(
                    text.starts_with("POST http://example.org/echo?a=b ")
                        && text.ends_with("\nhello"),
                    "{text}"
                );
                for part in [
                    "\"x-y\": \"z\"",
                    "\"user-agent\": \"loadgen/",
                    "\"accept\": \"*/*\"",
                    "\"content-length\": \"5\"",
                ] {
                    assert!(text.contains(part), "{part} in {text}");
                }
                assert!(
                    !text.contains("connection") && !text.contains("\"te\""),
                    "{text}"
                );
                assert!(exchange.sent_last.is_none() && told.arrivals.len() == 1);
                assert!(told.arrivals[0].kernel, "{told:?}");
                let instants = [
                    exchange.connected,
                    exchange.sent_first,
                    exchange.first_byte,
                    exchange.done,
                ];
                assert!(
                    instants.iter().all(Option::is_some) && instants.is_sorted(),
                    "{instants:?}"
                );
                assert!(
                    exchange.bytes_sent > 20 && exchange.bytes_received > 100,
                    "{exchange:?}"
                );
                // Opened for the first request only.
                assert_eq!(exchange.connecting.is_zero(), fixed);
            }
        })
        .await;
}

#[tokio::test]
async fn streams_are_dated_frame_by_frame() {
    LocalSet::new()
        .run_until(async {
            let mut ask = ask(plain(), "/events");
            let dialect = DialectName::Sse;
            ask.stream = Some(StreamSpec {
                dialect,
                any_delta: false,
                pointer: Some("/n".to_owned()),
                stall: None,
            });
            let (exchange, told) = User::new(Options::default()).ask_and_tell(&ask).await;
            assert_eq!(told.outputs, 5, "{exchange:?}");
            assert!(
                told.gaps
                    .iter()
                    .all(|gap| *gap >= Duration::from_millis(15)),
                "{:?}",
                told.gaps
            );
            assert_eq!(told.gaps.len(), 4);
            let (sent, first) = told.first_output.unwrap();
            assert!(first.since(sent) >= Duration::from_millis(15));
            // The head came with no event: it is told apart from the five reads of events.
            assert!((5..=6).contains(&told.arrivals.len()), "{told:?}");
        })
        .await;
}

#[tokio::test]
async fn large_bodies_and_unexpected_statuses_arrive() {
    LocalSet::new()
        .run_until(async {
            let address = plain();
            let mut user = User::new(Options::default());
            let exchange = user
                .ask(&Ask {
                    keep_body: 10,
                    ..ask(address, "/large")
                })
                .await;
            assert_eq!(
                (
                    failed(&exchange),
                    exchange.bytes_decoded,
                    exchange.body.len()
                ),
                (None, 5_000_000, 10)
            );
            assert!(exchange.bytes_received > 5_000_000);
            let exchange = user
                .ask(&Ask {
                    keep_body: 0,
                    keep_head: true,
                    ..ask(address, "/none")
                })
                .await;
            assert_eq!(
                (exchange.status, text(&exchange)),
                (Some(404), "no such page")
            );
            let head = String::from_utf8_lossy(&exchange.head);
            assert!(
                head.starts_with("HTTP/2 404\r\n") && head.contains("content-length: 12\r\n"),
                "{head}"
            );
            let exchange = user
                .ask(&Ask {
                    method: Method::Head,
                    ..ask(address, "/large")
                })
                .await;
            assert_eq!(
                (failed(&exchange), exchange.status, exchange.bytes_decoded),
                (None, Some(200), 0)
            );
            let limited = User::new(Options {
                body_limit: 1000,
                ..Options::default()
            });
            let mut limited = limited;
            let exchange = limited.ask(&ask(address, "/large")).await;
            assert_eq!(
                failed(&exchange),
                Some((ErrorKind::TooLarge, "the body is longer than 1000 bytes"))
            );
        })
        .await;
}

#[tokio::test]
async fn the_version_is_agreed_on_under_tls() {
    LocalSet::new()
        .run_until(async {
            let authority = Authority::new();
            let identity = authority.issue(&["localhost"], false);
            let options = Options {
                authority: Some(authority.pem()),
                family: Family::V4,
                ..Options::default()
            };
            let both = serve_tls(
                server_config(&identity, &["h2", "http/1.1"], None),
                |stream| async {
                    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    let io = TokioIo::new(stream);
                    if http2 {
                        let builder =
                            hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                        let _ = builder.serve_connection(io, service_fn(reply)).await;
                    }
                },
            );
            let secure = |address: SocketAddr, version| Ask {
                path: "/echo",
                version,
                ..Ask::of("localhost", address.port()).tls()
            };
            for version in [HttpVersion::Http2, HttpVersion::Auto] {
                let mut user = User::new(options.clone());
                for reused in [false, true] {
                    let exchange = user.ask(&secure(both, version)).await;
                    assert_eq!(failed(&exchange), None, "{version:?}");
                    assert!(
                        text(&exchange).starts_with("GET https://localhost:"),
                        "{}",
                        text(&exchange)
                    );
                    assert_eq!(exchange.tls.is_zero(), reused);
                }
            }
            let old = serve_tls(
                server_config(&identity, &["http/1.1"], None),
                |mut stream| async move {
                    use tokio::io::AsyncWriteExt;
                    let _ = stream
                        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nold")
                        .await;
                    std::future::pending::<()>().await;
                },
            );
            let exchange = User::new(options.clone())
                .ask(&secure(old, HttpVersion::Auto))
                .await;
            assert_eq!((failed(&exchange), text(&exchange)), (None, "old"));
            let exchange = User::new(options.clone())
                .ask(&secure(old, HttpVersion::Http2))
                .await;
            let want = "the server offers no version of HTTP that was asked for";
            assert_eq!(failed(&exchange), Some((ErrorKind::Tls, want)));
            let mute = serve_tls(server_config(&identity, &[], None), |_| {
                std::future::pending()
            });
            let exchange = User::new(options)
                .ask(&secure(mute, HttpVersion::Http2))
                .await;
            let want =
                "the server does not offer HTTP/2: http_version should be \"1.1\" or \"auto\"";
            assert_eq!(failed(&exchange), Some((ErrorKind::Protocol, want)));
        })
        .await;
}

#[tokio::test]
async fn failures_are_told_apart() {
    LocalSet::new()
        .run_until(async {
            let address = plain();
            let mut user = User::new(Options::default());
            let exchange = user.ask(&ask(address, "/broken")).await;
            let (kind, message) = failed(&exchange).unwrap();
            assert_eq!(kind, ErrorKind::Reset);
            assert!(
                message.starts_with("the peer reset the stream: "),
                "{message}"
            );
            assert_eq!((exchange.status, exchange.whole), (Some(200), false));

            let mut silent = ask(address, "/silent");
            silent.timeouts.total = Duration::from_millis(100);
            let exchange = user.ask(&silent).await;
            assert_eq!(
                failed(&exchange),
                Some((ErrorKind::Timeout, "no whole answer within 100ms"))
            );
            silent.timeouts.total = Duration::from_secs(10);
            silent.timeouts.first_byte = Some(Duration::from_millis(50));
            let exchange = user.ask(&silent).await;
            assert_eq!(
                failed(&exchange),
                Some((ErrorKind::Timeout, "no first byte of an answer within 50ms"))
            );

            let old = ScriptedServer::repeat(vec![
                answer("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"),
                Step::WaitForClose,
            ])
            .unwrap();
            let exchange = user.ask(&ask(old.address(), "/")).await;
            let want = "the server speaks HTTP/1, not HTTP/2: http_version should be \"1.1\"";
            assert_eq!(failed(&exchange), Some((ErrorKind::Protocol, want)));

            let gone = ScriptedServer::repeat(vec![Step::ReadHead, Step::Close]).unwrap();
            let exchange = user.ask(&ask(gone.address(), "/")).await;
            let (kind, message) = failed(&exchange).unwrap();
            assert!(
                matches!(kind, ErrorKind::ClosedEarly | ErrorKind::Reset),
                "{kind:?} {message}"
            );
            assert!(message.ends_with("does it speak HTTP/2?"), "{message}");

            let other =
                ScriptedServer::repeat(vec![answer(&"garbage ".repeat(20)), Step::WaitForClose])
                    .unwrap();
            let exchange = user.ask(&ask(other.address(), "/")).await;
            let (kind, message) = failed(&exchange).unwrap();
            assert_eq!(kind, ErrorKind::Protocol, "{message}");
        })
        .await;
}

#[tokio::test]
async fn a_dropped_call_takes_its_connection_along() {
    LocalSet::new()
        .run_until(async {
            let address = plain();
            let mut user = User::new(Options::default());
            let (mut exchange, mut told) = (Exchange::default(), Told::default());
            let silent = ask(address, "/silent");
            let cut = user.ask_into(&silent, &mut exchange, &mut told);
            assert!(
                tokio::time::timeout(Duration::from_millis(100), cut)
                    .await
                    .is_err()
            );
            assert!(
                exchange.sent_first.is_some()
                    && exchange.first_byte.is_none()
                    && exchange.done.is_none()
            );
            // The settings of both sides, and the request.
            assert!(
                exchange.bytes_sent > 24 && exchange.bytes_received > 0,
                "{exchange:?}"
            );
            let exchange = user.ask(&ask(address, "/echo")).await;
            assert_eq!(failed(&exchange), None);
            assert!(!exchange.connecting.is_zero());
        })
        .await;
}
