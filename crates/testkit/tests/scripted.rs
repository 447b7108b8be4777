//! The scripted server does what its script says.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use loadgen_testkit::{Gate, ScriptedServer, Step, refused_address};

fn connect(server: &ScriptedServer) -> io::Result<TcpStream> {
    let client = TcpStream::connect(server.address())?;
    client.set_read_timeout(Some(Duration::from_secs(20)))?;
    Ok(client)
}

fn read_all(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).map(|_| bytes)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime without drivers starts")
        .block_on(future)
}

#[test]
fn reads_whole_requests_one_after_the_other() -> io::Result<()> {
    let check = |requests: &[&str]| -> io::Result<()> {
        let script = requests
            .iter()
            .flat_map(|_| [Step::ReadRequest, Step::write("ok")])
            .collect();
        let server = ScriptedServer::start([script])?;
        let mut client = connect(&server)?;
        let sent = requests.concat();
        // Cut in the middle, so that no request is whole in one read.
        let (left, right) = sent.split_at(sent.len() / 2);
        client.write_all(left.as_bytes())?;
        client.write_all(right.as_bytes())?;
        assert_eq!(read_all(&mut client)?, b"ok".repeat(requests.len()));
        assert_eq!(server.received(), [sent.as_bytes()]);
        Ok(())
    };
    check(&["GET / HTTP/1.1\r\n\r\n"])?;
    check(&[
        "GET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        "GET /b HTTP/1.1\r\n\r\n",
    ])?;
    check(&[
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
    ])
}

#[test]
fn a_request_cut_short_is_a_script_that_did_not_play() -> io::Result<()> {
    let server = ScriptedServer::start([vec![Step::ReadRequest, Step::write("never")]])?;
    let mut client = connect(&server)?;
    client.write_all(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc")?;
    client.shutdown(std::net::Shutdown::Write)?;
    assert_eq!(read_all(&mut client)?, b"");
    let connections = block_on(server.ended(1));
    assert_eq!(connections[0].played, Some(false));
    assert!(connections[0].received.ends_with(b"abc"));
    Ok(())
}

#[test]
fn each_connection_has_its_script_and_a_further_one_is_refused() -> io::Result<()> {
    let server = ScriptedServer::start([
        vec![Step::write("one")],
        vec![Step::write("two"), Step::Close, Step::write("never")],
    ])?;
    assert_eq!(read_all(&mut connect(&server)?)?, b"one");
    assert_eq!(read_all(&mut connect(&server)?)?, b"two");
    assert!(
        block_on(server.ended(2))
            .iter()
            .all(|connection| connection.played == Some(true))
    );
    let refused = TcpStream::connect(server.address()).expect_err("the listener is closed");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(
        TcpStream::connect(refused_address()?)
            .expect_err("nobody listens")
            .kind(),
        ErrorKind::ConnectionRefused
    );
    Ok(())
}

#[test]
fn repeats_one_script_for_all() -> io::Result<()> {
    let server = ScriptedServer::repeat(vec![Step::write("again")])?;
    for _ in 0..5 {
        assert_eq!(read_all(&mut connect(&server)?)?, b"again");
    }
    assert_eq!(block_on(server.ended(5)).len(), 5);
    Ok(())
}

#[test]
fn resets_so_that_the_client_sees_a_reset() -> io::Result<()> {
    let server = ScriptedServer::start([vec![Step::ReadHead, Step::Reset]])?;
    let mut client = connect(&server)?;
    client.write_all(b"GET / HTTP/1.1\r\n\r\n")?;
    assert_eq!(
        read_all(&mut client).expect_err("a reset").kind(),
        ErrorKind::ConnectionReset
    );
    Ok(())
}

#[test]
fn shuts_the_sending_half_and_reads_on_until_the_client_closes() -> io::Result<()> {
    let server = ScriptedServer::start([vec![
        Step::write("bye"),
        Step::ShutdownWrite,
        Step::WaitForClose,
    ]])?;
    let mut client = connect(&server)?;
    assert_eq!(read_all(&mut client)?, b"bye");
    client.write_all(b"still here")?;
    assert_eq!(server.connections()[0].played, None);
    drop(client);
    let connections = block_on(server.ended(1));
    assert_eq!(
        (connections[0].received.as_slice(), connections[0].played),
        (&b"still here"[..], Some(true))
    );
    Ok(())
}

#[test]
fn holds_until_the_gate_opens_and_pauses_at_least_as_long_as_told() -> io::Result<()> {
    let gate = Gate::new();
    let pause = Step::Pause(Duration::from_millis(30));
    let server = ScriptedServer::start([vec![
        Step::write("a"),
        Step::Hold(gate.clone()),
        pause,
        Step::write("b"),
    ]])?;
    let mut client = connect(&server)?;
    let mut byte = [0];
    client.read_exact(&mut byte)?;
    client.set_nonblocking(true)?;
    assert_eq!(
        client.read(&mut byte).expect_err("held").kind(),
        ErrorKind::WouldBlock
    );
    client.set_nonblocking(false)?;
    let before = tokio::time::Instant::now();
    gate.open();
    assert_eq!(read_all(&mut client)?, b"b");
    assert!(before.elapsed() >= Duration::from_millis(30));
    Ok(())
}

#[test]
fn dropping_the_server_ends_what_plays() -> io::Result<()> {
    let server = ScriptedServer::start([vec![Step::write("a"), Step::Hold(Gate::new())]])?;
    let mut client = connect(&server)?;
    let mut byte = [0];
    client.read_exact(&mut byte)?;
    drop(server);
    assert_eq!(read_all(&mut client)?, b"");
    Ok(())
}
