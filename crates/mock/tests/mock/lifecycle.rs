//! Tests how the mock starts, shares its work out and stops.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use loadgen_mock::{Error, Mock, Settings};

use crate::client::{Client, STREAM, endless, fast, now, start};

#[test]
fn it_refuses_to_start_with_a_reason() {
    let taken = start(fast());
    let check = |settings: Settings, address: SocketAddr, expected: &str| {
        let error = Mock::start(settings, address).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(
            matches!(error, Error::Listen { .. }),
            std::error::Error::source(&error).is_some()
        );
    };
    let address = taken.address();
    check(
        fast(),
        address,
        &format!("listen on {address} for the mock"),
    );
    let many = Settings {
        workers: 3,
        ..fast()
    };
    check(many, address, &format!("listen on {address} for the mock"));
    let none = Settings {
        workers: 0,
        ..fast()
    };
    check(
        none,
        "127.0.0.1:0".parse().unwrap(),
        "use the mock's setting workers: 0 is not between 1 and 256",
    );
}

#[test]
fn connections_go_round_the_workers() {
    let mock = start(Settings {
        workers: 3,
        ..fast()
    });
    let mut clients: Vec<Client> = (0..6).map(|_| Client::connect(&mock)).collect();
    for client in &mut clients {
        for _ in 0..2 {
            assert_eq!(
                client
                    .ask("POST", "/v1/chat/completions", STREAM)
                    .chunks
                    .len(),
                12
            );
        }
    }
    let mut connections: Vec<u64> = mock
        .truth()
        .iter()
        .map(|record| record.connection)
        .collect();
    connections.sort_unstable();
    assert_eq!(connections, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]);
}

#[test]
fn idle_connections_do_not_hold_it_up() {
    let mock = start(Settings {
        workers: 2,
        ..fast()
    });
    let mut idle: Vec<Client> = (0..4).map(|_| Client::connect(&mock)).collect();
    // Two have asked before, two never; two belong to either worker.
    idle[0].ask("GET", "/plain", "");
    idle[1].ask("GET", "/plain", "");
    let before = now();
    mock.stop_within(Duration::from_secs(600));
    assert!(now() - before < Duration::from_secs(20));
    assert!(idle.iter_mut().all(Client::is_over));
}

#[test]
fn what_is_under_way_may_finish() {
    let wait = Duration::from_millis(20);
    let mock = start(Settings {
        ttft: wait,
        itl: wait,
        tokens: 10,
        ..Settings::default()
    });
    let address = mock.address();
    let mut client = Client::connect(&mock);
    client.send("POST", "/v1/chat/completions", "", STREAM);
    assert_eq!(client.head().status, 200);
    mock.stop_within(Duration::from_secs(600));
    let chunks = std::iter::from_fn(|| client.chunk().filter(|chunk| !chunk.is_empty()));
    assert_eq!(chunks.last().unwrap(), b"data: [DONE]\n\n");
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn what_takes_too_long_is_cut() {
    let check = |stop: fn(Mock)| {
        let mock = start(Settings {
            workers: 2,
            ..endless()
        });
        let mut clients: Vec<Client> = (0..2).map(|_| Client::connect(&mock)).collect();
        for client in &mut clients {
            client.send("POST", "/v1/chat/completions", "", STREAM);
            assert_eq!(client.head().status, 200);
        }
        let before = now();
        stop(mock);
        assert!(now() - before < Duration::from_secs(20));
        for client in &mut clients {
            // What was sent before is still there; then comes the end, and no terminator.
            let chunks: Vec<Vec<u8>> = std::iter::from_fn(|| client.chunk()).collect();
            assert!(chunks.iter().all(|chunk| !chunk.is_empty()), "{chunks:?}");
        }
    };
    check(drop);
    check(Mock::stop);
    check(|mock| mock.stop_within(Duration::from_millis(10)));
}

#[test]
fn a_port_can_be_used_again_at_once() {
    let mock = start(fast());
    let address = mock.address();
    assert_eq!(mock.url(), format!("http://{address}"));
    Client::connect(&mock).ask("GET", "/plain", "");
    mock.stop();
    let again = Mock::start(fast(), address).unwrap();
    assert_eq!(Client::connect(&again).ask("GET", "/plain", "").status, 200);
}

#[test]
fn it_can_start_and_stop_inside_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mock = start(fast());
        assert_eq!(Client::connect(&mock).ask("GET", "/plain", "").status, 200);
        mock.stop();
        drop(start(fast()));
    });
}
