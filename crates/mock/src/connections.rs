//! Accepts connections, hands them round the workers, and talks over them until the end.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpStream as StdStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use crate::serve::{Site, serve};
use crate::tap::{Conn, Tap};

/// Connections that may wait to be accepted. Bursts of thousands at once are what the mock is
/// for; the system lowers this to its own limit.
const BACKLOG: u32 = 8192;
/// How long to wait when the system has no descriptor left for a connection.
const BREATH: Duration = Duration::from_millis(20);

/// A socket and the number of its connection, on the way to a worker.
pub(crate) type Handed = (StdStream, u64);

/// Says that the mock is to stop, and until when requests may finish.
pub(crate) type Stopped = watch::Receiver<Option<Instant>>;

/// What every connection of one worker needs.
#[derive(Clone)]
pub(crate) struct Host {
    site: Arc<Site>,
    stop: Stopped,
    /// Held by each connection, so that the worker sees when none is left.
    _alive: mpsc::Sender<Infallible>,
}

impl Host {
    /// A host, and what tells when it and all its connections are gone.
    pub(crate) fn new(site: Arc<Site>, stop: Stopped) -> (Self, mpsc::Receiver<Infallible>) {
        let (alive, gone) = mpsc::channel(1);
        (
            Self {
                site,
                stop,
                _alive: alive,
            },
            gone,
        )
    }

    fn spawn(&self, socket: TcpStream, number: u64) {
        // Without it each event would wait for the acknowledgement of the one before.
        let _ = socket.set_nodelay(true);
        tokio::spawn(self.clone().converse(socket, number));
    }

    async fn converse(mut self, socket: TcpStream, number: u64) {
        let conn = Arc::new(Conn::new(number, self.site.log.clock));
        let tap = Tap::new(socket, Arc::clone(&conn));
        let site = Arc::clone(&self.site);
        let service =
            service_fn(move |request| serve(Arc::clone(&site), Arc::clone(&conn), request));
        let mut server = http1::Builder::new();
        // Events are small: copying them into one buffer is cheaper than gathering pieces.
        let server = server.writev(false).header_read_timeout(None);
        let mut talk = std::pin::pin!(server.serve_connection(tap, service));
        // Errors are the clients' doings, and each is in the truth.
        tokio::select! {
            biased;
            _ = talk.as_mut() => return,
            () = stopping(&mut self.stop) => talk.as_mut().graceful_shutdown(),
        }
        let _ = talk.await;
    }
}

/// Listens on `address`, with room for bursts.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts, and hands connections round.
pub(crate) async fn accept(host: &Host, listener: &TcpListener, others: &[mpsc::Sender<Handed>]) {
    let mut number = 0;
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            // Mostly a lack of descriptors, which passes when connections end.
            sleep(BREATH).await;
            continue;
        };
        // The remainder is at most the number of workers.
        let worker = (number % (others.len() as u64 + 1)) as usize;
        number += 1;
        match worker.checked_sub(1).and_then(|other| others.get(other)) {
            None => host.spawn(socket, number),
            Some(other) => {
                if let Ok(socket) = socket.into_std() {
                    // A worker that is gone has dropped its end; so the client is hung up on.
                    let _ = other.send((socket, number)).await;
                }
            }
        }
    }
}

/// Serves the connections that this worker is handed.
pub(crate) async fn receive(host: &Host, sockets: &mut mpsc::Receiver<Handed>) {
    while let Some((socket, number)) = sockets.recv().await {
        if let Ok(socket) = TcpStream::from_std(socket) {
            host.spawn(socket, number);
        }
    }
}

/// Resolves when the mock is to stop, or is gone.
pub(crate) async fn stopping(stop: &mut Stopped) {
    let _ = stop.wait_for(Option::is_some).await;
}
