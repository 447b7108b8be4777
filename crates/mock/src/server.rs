//! Starts and stops the mock: its threads, its listener, its connections.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpStream as StdStream};
use std::sync::{Arc, mpsc as sync_mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout_at};

use crate::clock::Clock;
use crate::exchange::Gate;
use crate::serve::{Site, serve};
use crate::tap::{Conn, Tap};
use crate::truth::Log;
use crate::{Error, Settings, TruthRecord};

/// Connections that may wait to be accepted. Bursts of thousands at once are what the mock is
/// for; the system lowers this to its own limit.
const BACKLOG: u32 = 8192;
/// Sockets that may wait for their worker.
const HANDED: usize = 1024;
/// How long [`Mock::stop`] lets requests finish.
const GRACE: Duration = Duration::from_secs(2);
/// How long to wait when the system has no descriptor left for a connection.
const BREATH: Duration = Duration::from_millis(20);

/// A running mock. Dropping it stops it at once.
#[derive(Debug)]
pub struct Mock {
    address: SocketAddr,
    site: Arc<Site>,
    stop: watch::Sender<Option<Instant>>,
    threads: Vec<JoinHandle<()>>,
}

/// A socket and the number of its connection, on the way to a worker.
type Handed = (StdStream, u64);

/// What one worker thread starts with.
struct Worker {
    site: Arc<Site>,
    stop: watch::Receiver<Option<Instant>>,
    task: Task,
}

/// Worker 0 accepts for all; the others are handed their connections.
enum Task {
    Accept {
        address: SocketAddr,
        others: Vec<mpsc::Sender<Handed>>,
    },
    Receive {
        sockets: mpsc::Receiver<Handed>,
    },
}

impl Mock {
    /// Listens on `address` (port 0 takes a free one) and serves from threads of its own, named
    /// `mock-0`, `mock-1` and so on. Returns as soon as connections are accepted.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for settings that cannot be used, [`Error::Listen`] for an address
    /// that cannot be listened on, [`Error::Worker`] if a thread cannot be started.
    pub fn start(settings: Settings, address: SocketAddr) -> Result<Self, Error> {
        settings.validate()?;
        let log = Arc::new(Log::new(Clock::start(), settings.truth_requests));
        let gate = Arc::new(Gate::new(settings.max_concurrent));
        let workers = settings.workers;
        let site = Arc::new(Site {
            settings,
            log,
            gate,
        });
        let (stop, stopped) = watch::channel(None);
        // Dropped on an error below, it stops the threads that have been started.
        let mut mock = Self {
            address,
            site,
            stop,
            threads: Vec::new(),
        };
        let (others, receivers): (Vec<_>, Vec<_>) =
            (1..workers).map(|_| mpsc::channel(HANDED)).unzip();
        let receivers = receivers
            .into_iter()
            .map(|sockets| Task::Receive { sockets });
        let tasks = std::iter::once(Task::Accept { address, others }).chain(receivers);
        for (number, task) in tasks.enumerate() {
            let worker = Worker {
                site: Arc::clone(&mock.site),
                stop: stopped.clone(),
                task,
            };
            let (listening, thread) = worker.start(number)?;
            mock.threads.push(thread);
            if let Some(address) = listening {
                mock.address = address;
            }
        }
        Ok(mock)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as a base URL without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What happened to each request so far, in the order of their numbers, those still open
    /// included; the oldest are gone if there were more than the settings keep.
    pub fn truth(&self) -> Vec<TruthRecord> {
        self.site
            .log
            .kept()
            .entries
            .iter()
            .map(|entry| entry.record())
            .collect()
    }

    /// Turns nanoseconds of the truth into an instant of this process.
    pub fn instant(&self, ns: u64) -> Option<Instant> {
        self.site.log.clock.instant(ns)
    }

    /// Accepts no more connections, lets requests finish for up to two seconds, then cuts
    /// them. Blocks until all threads have ended.
    pub fn stop(self) {
        self.stop_within(GRACE);
    }

    /// As [`stop`](Self::stop), with another time for requests to finish.
    pub fn stop_within(mut self, grace: Duration) {
        self.end(grace);
    }

    fn end(&mut self, grace: Duration) {
        let now = tokio::time::Instant::now().into_std();
        self.stop
            .send_replace(Some(now.checked_add(grace).unwrap_or(now)));
        for thread in self.threads.drain(..) {
            // A worker that panicked has ended, which is all that is wanted here.
            let _ = thread.join();
        }
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

impl Worker {
    /// Starts the thread, and waits until it listens (worker 0) or can serve.
    fn start(self, number: usize) -> Result<(Option<SocketAddr>, JoinHandle<()>), Error> {
        let (tell, told) = sync_mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name(format!("mock-{number}"));
        let thread = thread
            .spawn(move || self.run(&tell))
            .map_err(|source| Error::Worker { source })?;
        match told.recv() {
            Ok(Ok(listening)) => Ok((listening, thread)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(Error::Worker {
                source: io::Error::other("the thread ended at once"),
            }),
        }
    }

    fn run(self, tell: &sync_mpsc::SyncSender<Result<Option<SocketAddr>, Error>>) {
        let runtime = match tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
        {
            Ok(runtime) => runtime,
            Err(source) => return tell_or_end(tell, Err(Error::Worker { source })),
        };
        runtime.block_on(async {
            let Self { site, stop, task } = self;
            let (alive, mut dead) = mpsc::channel(1);
            let host = Host {
                site,
                stop: stop.clone(),
                _alive: alive,
            };
            let mut stopped = stop;
            match task {
                Task::Accept { address, others } => {
                    let listener =
                        listen(address).and_then(|listener| Ok((listener.local_addr()?, listener)));
                    let (bound, listener) = match listener {
                        Ok(bound) => bound,
                        Err(source) => {
                            return tell_or_end(tell, Err(Error::Listen { address, source }));
                        }
                    };
                    tell_or_end(tell, Ok(Some(bound)));
                    until(&mut stopped, accept(&host, &listener, &others)).await;
                }
                Task::Receive { mut sockets } => {
                    tell_or_end(tell, Ok(None));
                    until(&mut stopped, receive(&host, &mut sockets)).await;
                }
            }
            drop(host);
            // Without a time the mock itself is gone.
            let deadline = stopped
                .borrow()
                .map_or_else(tokio::time::Instant::now, Into::into);
            // No connection left, or no time: what is left is cut when the runtime is dropped.
            let _ = timeout_at(deadline, dead.recv()).await;
        });
    }
}

/// What every connection of one worker needs.
#[derive(Clone)]
struct Host {
    site: Arc<Site>,
    stop: watch::Receiver<Option<Instant>>,
    /// Held by each connection, so that the worker sees when none is left.
    _alive: mpsc::Sender<Infallible>,
}

impl Host {
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

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
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
async fn accept(host: &Host, listener: &TcpListener, others: &[mpsc::Sender<Handed>]) {
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

async fn receive(host: &Host, sockets: &mut mpsc::Receiver<Handed>) {
    while let Some((socket, number)) = sockets.recv().await {
        if let Ok(socket) = TcpStream::from_std(socket) {
            host.spawn(socket, number);
        }
    }
}

/// Does `work` until the mock is to stop.
async fn until(stop: &mut watch::Receiver<Option<Instant>>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => (),
        () = stopping(stop) => (),
    }
}

/// Resolves when the mock is to stop, or is gone.
async fn stopping(stop: &mut watch::Receiver<Option<Instant>>) {
    let _ = stop.wait_for(Option::is_some).await;
}

/// Tells the starting thread; if that is gone, so is the mock, and the worker ends by itself.
fn tell_or_end(
    tell: &sync_mpsc::SyncSender<Result<Option<SocketAddr>, Error>>,
    news: Result<Option<SocketAddr>, Error>,
) {
    let _ = tell.send(news);
}
