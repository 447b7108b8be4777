//! Arrivals: dated by when data reached this machine, with what is known of their uncertainty.

mod support;

use loadgen_engine::{DialectName, StreamSpec, nap_begins, nap_ends};
use loadgen_http::Options;
use loadgen_testkit::{ScriptedServer, Step};
use std::time::Duration;
use support::{Ask, Told, User, answer, failed, ok};
use tokio::{task::LocalSet, time::Instant};

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// Keeps the thread busy, as a generator is that has too much to do.
fn busy_until(instant: Instant) {
    while Instant::now() < instant {
        std::hint::spin_loop();
    }
}

/// Runs as a worker of the engine does.
fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_park(nap_begins)
        .on_thread_unpark(nap_ends)
        .build()
        .expect("a runtime");
    LocalSet::new().block_on(&runtime, future)
}

fn streaming(server: &ScriptedServer) -> Ask {
    let mut ask = Ask::get(server.address());
    ask.stream = Some(StreamSpec {
        dialect: DialectName::Sse,
        any_delta: false,
        pointer: None,
        stall: None,
    });
    ask
}

/// Another task of the same thread, which is busy from `after` on for `length`.
fn busy_task(after: Duration, length: Duration) {
    tokio::task::spawn_local(async move {
        tokio::time::sleep(after).await;
        busy_until(Instant::now() + length);
    });
}

#[test]
fn an_answer_is_dated_by_when_it_came_not_by_when_it_was_read() {
    let late = Duration::from_millis(200);
    let script = vec![
        Step::ReadRequest,
        Step::Pause(late / 2),
        ok("x"),
        Step::WaitForClose,
    ];
    let server = ScriptedServer::repeat(script).unwrap();
    let tell = |kernel_stamps| -> (Duration, Told) {
        run(async {
            let mut user = User::new(Options {
                kernel_stamps,
                ..Options::default()
            });
            busy_task(late / 10, late);
            let (exchange, told) = user.ask_and_tell(&Ask::get(server.address())).await;
            assert_eq!(failed(&exchange), None);
            (
                exchange
                    .first_byte
                    .unwrap()
                    .since(exchange.sent_first.unwrap()),
                told,
            )
        })
    };
    let (waited, told) = tell(true);
    assert!(told.arrivals[0].kernel && !told.arrivals[0].fallback);
    let lag = told.arrivals[0].read.since(told.arrivals[0].at);
    assert!(
        waited >= late / 2 - Duration::from_millis(1) && waited < late,
        "{waited:?}"
    );
    assert!(lag > late / 4, "{lag:?}");
    let (waited, told) = tell(false);
    assert!(!told.arrivals[0].kernel && !told.arrivals[0].fallback);
    assert!(waited >= late, "{waited:?}");
}

#[test]
fn silence_is_no_uncertainty_where_the_thread_slept_through_it() {
    let gap = Duration::from_millis(60);
    let script = vec![
        Step::ReadRequest,
        answer(HEAD),
        Step::Pause(gap),
        answer("data: 1\n\n"),
        Step::Pause(gap),
        answer("data: 2\n\n"),
    ];
    let server = ScriptedServer::repeat(script).unwrap();
    let told = run(async {
        let (exchange, told) = User::new(Options::default())
            .ask_and_tell(&streaming(&server))
            .await;
        assert_eq!(failed(&exchange), None);
        told
    });
    assert_eq!((told.outputs, told.arrivals.len()), (2, 3));
    for arrival in &told.arrivals {
        assert!(arrival.uncertainty < gap / 4, "{arrival:?}");
    }
    assert!(told.gaps[0] >= gap - Duration::from_millis(1), "{told:?}");
}

#[test]
fn events_that_waited_for_a_late_reader_are_uncertain() {
    let gap = Duration::from_millis(40);
    let script = vec![
        Step::ReadRequest,
        answer(HEAD),
        Step::Pause(gap),
        answer("data: 1\n\n"),
        Step::Pause(gap),
        answer("data: 2\n\n"),
        Step::Pause(gap),
        answer("data: 3\n\n"),
    ];
    let server = ScriptedServer::repeat(script).unwrap();
    let told = run(async {
        busy_task(gap / 2, gap * 3);
        let (exchange, told) = User::new(Options::default())
            .ask_and_tell(&streaming(&server))
            .await;
        assert_eq!(failed(&exchange), None);
        told
    });
    // One and two waited together: what they are dated by is the newer one's arrival.
    assert_eq!(told.outputs, 3);
    let together = told
        .arrivals
        .iter()
        .find(|arrival| arrival.uncertainty > gap / 2);
    assert!(together.is_some(), "{told:?}");
}

#[test]
fn reads_of_one_stream_never_go_back_in_time() {
    let mut script = vec![Step::ReadRequest, answer(HEAD)];
    for number in 0..200 {
        script.push(answer(&format!("data: {number}\n\n")));
    }
    let server = ScriptedServer::repeat(script).unwrap();
    let (exchange, told) = run(async {
        User::new(Options::default())
            .ask_and_tell(&streaming(&server))
            .await
    });
    assert_eq!(failed(&exchange), None);
    assert!(
        told.arrivals.is_sorted_by_key(|arrival| arrival.at),
        "{told:?}"
    );
    for arrival in &told.arrivals {
        assert!(arrival.kernel && arrival.at <= arrival.read, "{arrival:?}");
        assert!(Some(arrival.at) >= exchange.sent_first);
    }
    assert_eq!(told.outputs, 200);
}
