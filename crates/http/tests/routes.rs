//! Where connections go: names, other hosts, proxies, Unix sockets, IPv6; and what keeps one apart from another.

mod support;

use loadgen_engine::ErrorKind;
use loadgen_http::{ConnectTo, Family, HttpConnect, Options, Proxies, Sources};
use loadgen_testkit::{ScriptedServer, Step, refused_address};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener};
use support::{
    Ask, User, answer, failed, ok, text, times,
    tls::{Authority, server_config},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn proxies(server: &ScriptedServer, user: &str) -> Proxies {
    let url = format!("http://{user}{}", server.address());
    Proxies::parse(Some(&url), Some(&url), Some("direct.invalid")).expect("good URLs")
}

#[tokio::test]
async fn names_are_looked_up_once() {
    let server = ScriptedServer::repeat(vec![Step::ReadRequest, ok("x"), Step::Close]).unwrap();
    let connect = HttpConnect::new(Options {
        family: Family::V4,
        ..Options::default()
    })
    .unwrap();
    let connector = loadgen_engine::Connect::connector(&connect, 0).unwrap();
    let ask = Ask::of("localhost", server.address().port());
    let mut least = None;
    for first in [true, false, false, false, false, false, false, false] {
        let mut user = User::new(Options::default());
        user.connection = loadgen_engine::Connector::connection(&connector);
        let exchange = user.ask(&ask).await;
        assert_eq!(failed(&exchange), None);
        if !first {
            least = least.min(Some(exchange.dns)).or(Some(exchange.dns));
        }
        let host = format!("host: localhost:{}\r\n", server.address().port());
        assert!(String::from_utf8_lossy(&server.received()[0]).contains(&host));
    }
    // Found in memory it takes some hundred nanoseconds, where nobody else has the processor.
    assert!(
        least < Some(std::time::Duration::from_millis(1)),
        "{least:?}"
    );
}

#[tokio::test]
async fn ports_are_counted_while_connections_hold_them() {
    let server =
        ScriptedServer::repeat(vec![Step::ReadRequest, ok("x"), Step::WaitForClose]).unwrap();
    let connect = HttpConnect::new(Options::default()).unwrap();
    let ports = connect.ports();
    let ask = Ask::get(server.address());
    let (mut first, mut second) = (User::of(&connect), User::of(&connect));
    for user in [&mut first, &mut second] {
        assert_eq!(failed(&user.ask(&ask).await), None);
    }
    assert_eq!(ports.look(), 2);
    drop(first);
    assert_eq!((ports.look(), ports.look()), (2, 1));
    // What does not come about holds none.
    let nobody = Ask::get(refused_address().unwrap());
    assert!(failed(&second.ask(&nobody).await).is_some());
    assert_eq!((ports.look(), ports.look()), (2, 1));
}

/// Users who each ask so often, on a new connection every time, until the last of them is alone and asks once more;
/// the last part of the address that each connection came from.
async fn origins(sources: Sources, users: usize, times: usize) -> Vec<u8> {
    let script = vec![Step::ReadRequest, ok("x"), Step::Close];
    let server = ScriptedServer::repeat(script).expect("a port");
    let options = Options {
        sources,
        ..Options::default()
    };
    let connect = HttpConnect::new(options).expect("good options");
    let ask = Ask::get(server.address());
    let mut all: Vec<User> = (0..users).map(|_| User::of(&connect)).collect();
    for count in 0..users * times {
        // A connection that the server has closed is given up, and its port with it, when its user asks again.
        assert_eq!(failed(&all[count % users].ask(&ask).await), None);
        server.ended(count + 1).await;
    }
    let mut last = all.remove(users - 1);
    drop(all);
    assert_eq!(failed(&last.ask(&ask).await), None);
    let last_part = |from: Option<SocketAddr>| match from.expect("it was accepted").ip() {
        IpAddr::V4(ip) => ip.octets()[3],
        IpAddr::V6(_) => 0,
    };
    let seen = server.connections();
    seen.iter().map(|one| last_part(one.from)).collect()
}

#[tokio::test]
async fn users_come_from_the_addresses_that_are_given() {
    assert_eq!(origins(Sources::System, 2, 1).await, [1, 1, 1]);
    let two = ["127.0.0.2", "127.0.0.3"].map(|text| text.parse().unwrap());
    let seen = origins(Sources::Of(two.into()), 3, 2).await;
    assert_eq!(seen, [2, 3, 2, 2, 3, 2, 2]);
}

#[tokio::test]
async fn loopback_is_spread_where_one_address_has_too_few_ports() {
    let seen = origins(Sources::Loopback { each: 100 }, 3, 2).await;
    assert_eq!(seen, [1; 7]);
    // The last user keeps its address when the others have gone.
    let seen = origins(Sources::Loopback { each: 2 }, 5, 1).await;
    assert_eq!(seen, [1, 1, 2, 2, 3, 3]);
}

#[tokio::test]
async fn addresses_that_cannot_be_used_are_told() {
    let server = ScriptedServer::repeat(vec![Step::ReadRequest, ok("x"), Step::Close]).unwrap();
    let to = server.address();
    for (source, reason) in [
        ("192.0.2.1", "192.0.2.1 is no address of this machine"),
        ("::1", "none of the source addresses is of IPv4"),
    ] {
        let options = Options {
            sources: Sources::Of(vec![source.parse().unwrap()]),
            ..Options::default()
        };
        let exchange = User::new(options).ask(&Ask::get(to)).await;
        let message = format!("no connection to {to}: {reason}");
        assert_eq!(
            failed(&exchange),
            Some((ErrorKind::Connect, message.as_str()))
        );
    }
}

#[tokio::test]
async fn connections_can_be_sent_elsewhere() {
    let server =
        ScriptedServer::repeat(vec![Step::ReadRequest, ok("here"), Step::WaitForClose]).unwrap();
    let rule = format!("example.org:80:{}", server.address());
    let options = Options {
        connect_to: vec![ConnectTo::parse(&rule).unwrap()],
        ..Options::default()
    };
    let mut user = User::new(options);
    let exchange = user.ask(&Ask::of("example.org", 80)).await;
    assert_eq!((failed(&exchange), text(&exchange)), (None, "here"));
    drop(user);
    let seen = server.ended(1).await;
    assert!(String::from_utf8_lossy(&seen[0].received).contains("\r\nhost: example.org\r\n"));
}

#[tokio::test]
async fn ipv6_is_spoken() {
    let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else {
        return; // A machine without IPv6.
    };
    let address = listener.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = vec![0; 1024];
        let length = stream.read(&mut head).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nv6")
            .unwrap();
        String::from_utf8_lossy(&head[..length]).into_owned()
    });
    let exchange = User::new(Options::default()).ask(&Ask::get(address)).await;
    assert_eq!((failed(&exchange), text(&exchange)), (None, "v6"));
    let head = serving.join().unwrap();
    assert!(
        head.contains(&format!("\r\nhost: [::1]:{}\r\n", address.port())),
        "{head}"
    );
}

#[tokio::test]
async fn unix_sockets_are_spoken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let options = Options {
        unix_socket: Some(path.clone()),
        ..Options::default()
    };
    let serving = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        for body in ["one", "two"] {
            let mut head = vec![0; 1024];
            let length = stream.read(&mut head).await.unwrap();
            assert!(head[..length].starts_with(b"GET /x HTTP/1.1\r\nhost: example.org\r\n"));
            let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{body}");
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
    };
    let asking = async {
        let mut user = User::new(options.clone());
        let ask = Ask {
            path: "/x",
            ..Ask::of("example.org", 80)
        };
        for body in ["one", "two"] {
            let (exchange, told) = user.ask_and_tell(&ask).await;
            assert_eq!((failed(&exchange), text(&exchange)), (None, body));
            // The kernel stamps nothing here: the time of the read is taken.
            assert!(!told.arrivals[0].kernel && !told.arrivals[0].fallback);
            assert_eq!(told.arrivals[0].at, told.arrivals[0].read);
        }
    };
    tokio::join!(serving, asking);
    std::fs::remove_file(&path).unwrap();
    let exchange = User::new(options).ask(&Ask::of("example.org", 80)).await;
    assert_eq!(
        exchange.failure.map(|failure| failure.kind),
        Some(ErrorKind::ConnectRefused)
    );
}

#[tokio::test]
async fn plain_requests_are_passed_on_by_a_proxy() {
    let script = times(2, &[Step::ReadRequest, ok("via")]);
    let server = ScriptedServer::start([script]).unwrap();
    let options = Options {
        proxies: proxies(&server, "me:secret@"),
        ..Options::default()
    };
    let mut user = User::new(options);
    for fixed in [false, true] {
        let ask = Ask {
            path: "/p?q",
            fixed,
            ..Ask::of("example.org", 8080)
        };
        let exchange = user.ask(&ask).await;
        assert_eq!((failed(&exchange), text(&exchange)), (None, "via"));
    }
    let seen = String::from_utf8_lossy(&server.ended(1).await[0].received).into_owned();
    assert!(
        seen.starts_with("GET http://example.org:8080/p?q HTTP/1.1\r\nhost: example.org:8080\r\n"),
        "{seen}"
    );
    assert_eq!(
        seen.matches("proxy-authorization: Basic bWU6c2VjcmV0\r\n")
            .count(),
        2,
        "{seen}"
    );
    let exchange = user.ask(&Ask::of("direct.invalid", 80)).await;
    assert_eq!(
        exchange.failure.map(|failure| failure.kind),
        Some(ErrorKind::Dns)
    );
}

#[tokio::test]
async fn a_proxy_makes_a_tunnel_for_tls() {
    let authority = Authority::new();
    let config = server_config(&authority.issue(&["example.org"], false), &[], None);
    let address = support::tls::serve(move |mut stream| {
        let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::clone(&config));
        async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            let want = "CONNECT example.org:443 HTTP/1.1\r\nhost: example.org:443\r\nproxy-authorization: Basic bWU6\r\n\r\n";
            assert_eq!(head, want);
            stream
                .write_all(b"HTTP/1.1 200 Connection established\r\nx: y\r\n\r\n")
                .await
                .unwrap();
            let mut stream = acceptor.accept(stream).await.unwrap();
            let mut head = vec![0; 1024];
            let length = stream.read(&mut head).await.unwrap();
            assert!(head[..length].starts_with(b"GET / HTTP/1.1\r\nhost: example.org\r\n"));
            assert!(!String::from_utf8_lossy(&head).contains("proxy"));
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\ninside")
                .await
                .unwrap();
            let _ = stream.read(&mut head).await;
        }
    });
    let url = format!("http://me:@{address}");
    let proxies = Proxies::parse(None, Some(&url), None).unwrap();
    let options = Options {
        proxies,
        authority: Some(authority.pem()),
        ..Options::default()
    };
    let exchange = User::new(options)
        .ask(&Ask::of("example.org", 443).tls())
        .await;
    assert_eq!((failed(&exchange), text(&exchange)), (None, "inside"));
}

#[tokio::test]
async fn proxies_that_refuse_are_told() {
    let cases = [
        (
            vec![
                Step::ReadRequest,
                answer("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 5\r\n\r\n"),
            ],
            "the proxy refused the tunnel with status 407",
        ),
        (
            vec![Step::ReadRequest, Step::Close],
            "the proxy closed the connection",
        ),
    ];
    for (script, want) in cases {
        let server = ScriptedServer::repeat(script).unwrap();
        let options = Options {
            proxies: proxies(&server, "me:secret@"),
            ..Options::default()
        };
        let exchange = User::new(options)
            .ask(&Ask::of("example.org", 443).tls())
            .await;
        assert_eq!(failed(&exchange), Some((ErrorKind::Connect, want)));
    }
    let nobody = refused_address().unwrap();
    let proxies = Proxies::parse(Some(&nobody.to_string()), None, None).unwrap();
    let exchange = User::new(Options {
        proxies,
        ..Options::default()
    })
    .ask(&Ask::of("example.org", 80))
    .await;
    let want = format!("connection refused by {nobody}");
    assert_eq!(
        failed(&exchange),
        Some((ErrorKind::ConnectRefused, want.as_str()))
    );
}

#[tokio::test]
async fn each_origin_has_a_connection_of_its_own() {
    let servers: Vec<_> = (0..3)
        .map(|n| {
            ScriptedServer::repeat(times(20, &[Step::ReadRequest, ok(&n.to_string())])).unwrap()
        })
        .collect();
    let mut user = User::new(Options::default());
    for _ in 0..4 {
        for (number, server) in servers.iter().enumerate() {
            let exchange = user
                .ask(&Ask {
                    step: number,
                    fixed: true,
                    ..Ask::get(server.address())
                })
                .await;
            assert_eq!(
                (failed(&exchange), text(&exchange)),
                (None, number.to_string().as_str())
            );
        }
    }
    assert!(servers.iter().all(|server| server.connections().len() == 1));
    // Those that were not used for longest are closed in the end.
    let many: Vec<_> = (0..40)
        .map(|_| {
            ScriptedServer::repeat(vec![Step::ReadRequest, ok("x"), Step::WaitForClose]).unwrap()
        })
        .collect();
    for server in &many {
        assert_eq!(failed(&user.ask(&Ask::get(server.address())).await), None);
    }
    assert_eq!(many[0].ended(1).await.len(), 1);
}
