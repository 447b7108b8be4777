//! TLS: whom it trusts, what it tells when it fails, and its instants.

mod support;

use loadgen_engine::ErrorKind;
use loadgen_http::{ClientCertificate, Options};
use loadgen_testkit::{ScriptedServer, Step};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use support::{
    Ask, User, answer, failed, text,
    tls::{Authority, serve_tls, server_config},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

/// Reads up to the end of a head; false at the end of the connection.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return false,
        }
    }
    true
}

/// Answers every request with its number.
async fn count(mut stream: TlsStream<TcpStream>) {
    let mut number = 0;
    while read_head(&mut stream).await {
        number += 1;
        reply(
            &mut stream,
            &format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{number}"),
        )
        .await;
    }
}

async fn reply(stream: &mut (impl AsyncWrite + Unpin), text: &str) {
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.flush().await;
}

fn ask(address: SocketAddr) -> Ask {
    Ask::of("localhost", address.port()).tls()
}

fn trusting(authority: &Authority) -> Options {
    Options {
        authority: Some(authority.pem()),
        family: loadgen_http::Family::V4,
        ..Options::default()
    }
}

#[tokio::test]
async fn a_trusted_server_is_spoken_to_and_kept() {
    let authority = Authority::new();
    let config = server_config(&authority.issue(&["localhost"], false), &["http/1.1"], None);
    let address = serve_tls(config, count);
    let mut user = User::new(trusting(&authority));
    let (first, told) = user.ask_and_tell(&ask(address)).await;
    assert_eq!((failed(&first), text(&first)), (None, "1"));
    assert!(first.tls > Duration::ZERO && first.connecting > Duration::ZERO);
    assert!(first.connected <= first.sent_first && first.sent_first <= first.first_byte);
    assert!(told.arrivals[0].kernel, "{told:?}");
    assert!(
        first.bytes_sent > 300 && first.bytes_received > 600,
        "{first:?}"
    );
    let second = user.ask(&ask(address)).await;
    assert_eq!(
        (failed(&second), text(&second), second.resent),
        (None, "2", 0)
    );
    assert_eq!(
        (second.tls, second.connecting),
        (Duration::ZERO, Duration::ZERO)
    );
    assert!(
        second.bytes_sent < 200 && second.bytes_received < 100,
        "{second:?}"
    );
}

#[tokio::test]
async fn the_first_byte_is_that_of_the_answer_not_of_a_ticket() {
    let authority = Authority::new();
    let config = server_config(&authority.issue(&["localhost"], false), &[], None);
    assert!(config.send_tls13_tickets > 0);
    let late = Duration::from_millis(150);
    let address = serve_tls(config, move |mut stream| async move {
        read_head(&mut stream).await;
        tokio::time::sleep(late).await;
        reply(&mut stream, "HTTP/1.1 204 No Content\r\n\r\n").await;
    });
    let exchange = User::new(trusting(&authority)).ask(&ask(address)).await;
    assert_eq!(failed(&exchange), None);
    let waited = exchange
        .first_byte
        .unwrap()
        .since(exchange.sent_first.unwrap());
    assert!(waited >= late, "{waited:?}");
}

#[tokio::test]
async fn whom_it_does_not_trust_it_tells_apart() {
    let (authority, stranger) = (Authority::new(), Authority::named("stranger"));
    let good = authority.issue(&["localhost"], false);
    // (certificate, options, what is told)
    let cases = [
        (&good, trusting(&authority), None),
        (
            &good,
            Options::default(),
            Some("the server's certificate is not trusted: its issuer is unknown"),
        ),
        (
            &good,
            trusting(&stranger),
            Some("the server's certificate is not trusted: its issuer is unknown"),
        ),
        (
            &good,
            Options {
                insecure: true,
                ..Options::default()
            },
            None,
        ),
        (
            &authority.issue(&["example.org"], false),
            trusting(&authority),
            Some("the server's certificate is for another name"),
        ),
        (
            &authority.issue(&["localhost"], true),
            trusting(&authority),
            Some("the server's certificate has expired"),
        ),
        (
            &authority.issue(&["example.org"], true),
            Options {
                insecure: true,
                ..Options::default()
            },
            None,
        ),
    ];
    for (identity, options, want) in cases {
        let address = serve_tls(server_config(identity, &[], None), count);
        let exchange = User::new(Options {
            family: loadgen_http::Family::V4,
            ..options
        })
        .ask(&ask(address))
        .await;
        assert_eq!(failed(&exchange), want.map(|text| (ErrorKind::Tls, text)));
    }
}

#[tokio::test]
async fn a_server_may_demand_a_client_certificate() {
    let authority = Authority::new();
    let config = server_config(
        &authority.issue(&["localhost"], false),
        &[],
        Some(&authority),
    );
    let address = serve_tls(config, count);
    let own = authority.issue(&["client"], false);
    let certificate = ClientCertificate {
        chain: own.chain,
        key: own.key,
    };
    assert!(!format!("{certificate:?}").contains("PRIVATE"));
    let options = Options {
        client_certificate: Some(certificate),
        ..trusting(&authority)
    };
    assert_eq!(failed(&User::new(options).ask(&ask(address)).await), None);
    let without = User::new(trusting(&authority)).ask(&ask(address)).await;
    assert_eq!(
        failed(&without),
        Some((ErrorKind::Tls, "the server demands a client certificate"))
    );
}

#[tokio::test]
async fn options_that_cannot_be_used_are_refused() {
    let own = Authority::new().issue(&["client"], false);
    let pair = |chain: &[u8], key: &[u8]| Options {
        client_certificate: Some(ClientCertificate {
            chain: chain.to_vec(),
            key: key.to_vec(),
        }),
        ..Options::default()
    };
    let cases = [
        (
            Options {
                authority: Some(b"nothing".to_vec()),
                ..Options::default()
            },
            "read the certificates of the authority",
        ),
        (
            pair(b"", &own.key),
            "use the client certificate: the file holds no certificate",
        ),
        (
            pair(&own.chain, b""),
            "use the client certificate: the file holds no private key",
        ),
    ];
    for (options, want) in cases {
        let error = loadgen_http::HttpConnect::new(options)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(want), "{error}");
    }
}

#[tokio::test]
async fn speaking_the_wrong_protocol_is_told() {
    // TLS to a server that answers in plain HTTP.
    let plain = vec![
        answer("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"),
        Step::WaitForClose,
    ];
    let server = ScriptedServer::repeat(plain).unwrap();
    let mut user = User::new(Options::default());
    let exchange = user.ask(&Ask::get(server.address()).tls()).await;
    let want = "the server speaks plain HTTP, not TLS: the URL should begin with http://";
    assert_eq!(failed(&exchange), Some((ErrorKind::Tls, want)));

    // Plain HTTP to a server that speaks TLS.
    let authority = Authority::new();
    let config = server_config(&authority.issue(&["localhost"], false), &[], None);
    let address = serve_tls(config, count);
    let exchange = user.ask(&Ask::get(address)).await;
    let (kind, message) = failed(&exchange).unwrap();
    let told = (
        ErrorKind::Protocol,
        "the server speaks TLS: the URL should begin with https://",
    );
    assert_eq!((kind, message), told);

    // Something else altogether, a peer that closes, one that resets, and one that is silent.
    let cases = [
        (
            vec![answer("SSH-2.0-x\r\n"), Step::WaitForClose],
            ErrorKind::Tls,
            "the server does not speak TLS, or not well",
        ),
        (
            vec![Step::Close],
            ErrorKind::Tls,
            "the peer closed the connection in the TLS handshake",
        ),
        (
            vec![Step::WaitForClose],
            ErrorKind::Timeout,
            "no TLS handshake within 100ms",
        ),
    ];
    for (script, kind, message) in cases {
        let server = ScriptedServer::repeat(script).unwrap();
        let mut ask = Ask::get(server.address()).tls();
        ask.timeouts.tls = Duration::from_millis(100);
        let exchange = user.ask(&ask).await;
        match failed(&exchange) {
            // What is not read when a socket is closed makes a reset of it.
            Some((ErrorKind::Tls, "the peer reset the connection in the TLS handshake"))
                if kind == ErrorKind::Tls => {}
            other => assert_eq!(other, Some((kind, message))),
        }
        assert!(exchange.sent_first.is_none() && exchange.connected.is_none());
    }
}

#[tokio::test]
async fn an_end_of_tls_that_was_not_announced_is_no_end_of_a_body() {
    let authority = Authority::new();
    let identity = authority.issue(&["localhost"], false);
    let head = "HTTP/1.1 200 OK\r\n\r\n";
    let config = server_config(&identity, &[], None);
    let announced = serve_tls(Arc::clone(&config), move |mut stream| async move {
        read_head(&mut stream).await;
        reply(&mut stream, &format!("{head}all of it")).await;
        let _ = stream.shutdown().await;
    });
    let cut = serve_tls(config, move |mut stream| async move {
        read_head(&mut stream).await;
        reply(&mut stream, &format!("{head}some of it")).await;
    });
    let mut user = User::new(trusting(&authority));
    let exchange = user.ask(&ask(announced)).await;
    assert_eq!(
        (failed(&exchange), text(&exchange), exchange.whole),
        (None, "all of it", true)
    );
    let exchange = user.ask(&ask(cut)).await;
    let want = (
        ErrorKind::ClosedEarly,
        "the peer closed TLS without saying that the body is over",
    );
    assert_eq!((failed(&exchange), exchange.whole), (Some(want), false));
}

#[tokio::test]
async fn large_bodies_go_both_ways() {
    let authority = Authority::new();
    let config = server_config(&authority.issue(&["localhost"], false), &[], None);
    const SIZE: usize = 3_000_000;
    let address = serve_tls(config, |mut stream| async move {
        while read_head(&mut stream).await {
            let mut body = vec![0; SIZE];
            if stream.read_exact(&mut body).await.is_err() {
                return;
            }
            reply(
                &mut stream,
                &format!("HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\n\r\n"),
            )
            .await;
            let _ = stream.write_all(&body).await;
            let _ = stream.flush().await;
        }
    });
    let mut user = User::new(trusting(&authority));
    let mut ask = ask(address);
    ask.method = loadgen_engine::Method::Post;
    ask.body = (0..SIZE).map(|n| (n % 251) as u8).collect();
    ask.keep_body = SIZE;
    for _ in 0..2 {
        let exchange = user.ask(&ask).await;
        assert_eq!(failed(&exchange), None);
        assert!(exchange.body == ask.body);
    }
}

#[tokio::test]
async fn sessions_are_resumed_between_users() {
    let authority = Authority::new();
    let config = server_config(&authority.issue(&["localhost"], false), &[], None);
    let address = serve_tls(config, |mut stream| async move {
        let kind = format!("{:?}", stream.get_ref().1.handshake_kind());
        read_head(&mut stream).await;
        reply(
            &mut stream,
            &format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{kind}",
                kind.len()
            ),
        )
        .await;
    });
    let connect = loadgen_http::HttpConnect::new(trusting(&authority)).unwrap();
    assert_eq!(
        text(&User::of(&connect).ask(&ask(address)).await),
        "Some(Full)"
    );
    assert_eq!(
        text(&User::of(&connect).ask(&ask(address)).await),
        "Some(Resumed)"
    );
}
