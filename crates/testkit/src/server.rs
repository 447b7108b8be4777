//! A loopback server that plays one script per connection and keeps what it was sent.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use crate::play::{Step, play};

/// The longest a script may play: a test that waits for ever is cut here, and seen in [`Connection::played`].
const LIMIT: Duration = Duration::from_secs(60);

/// What one connection saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// Where it came from.
    pub from: Option<SocketAddr>,
    /// Every byte the client sent and a step read.
    pub received: Vec<u8>,
    /// `None` while the script plays, then whether it came to its end.
    pub played: Option<bool>,
}

/// A server on 127.0.0.1 that plays scripts, on a thread and a clock of its own.
///
/// The nth connection gets the nth script. After the last one the listener closes, so that
/// a further connection is refused. Dropping the server ends everything at once.
#[derive(Debug)]
pub struct ScriptedServer {
    address: SocketAddr,
    connections: Connections,
    ended: watch::Receiver<usize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

type Connections = Arc<Mutex<Vec<Arc<Mutex<Connection>>>>>;

impl ScriptedServer {
    /// Starts a server with one script per connection.
    ///
    /// # Errors
    /// When no port can be bound or no thread started.
    pub fn start(scripts: impl IntoIterator<Item = Vec<Step>>) -> io::Result<Self> {
        let scripts: Vec<_> = scripts.into_iter().collect();
        Self::start_with(scripts.into_iter())
    }

    /// Starts a server that plays the same script on every connection.
    ///
    /// # Errors
    /// As [`ScriptedServer::start`].
    pub fn repeat(script: Vec<Step>) -> io::Result<Self> {
        Self::start_with(std::iter::repeat(script))
    }

    fn start_with(scripts: impl Iterator<Item = Vec<Step>> + Send + 'static) -> io::Result<Self> {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let connections = Connections::default();
        let (ended_sender, ended) = watch::channel(0);
        let (stop, stopped) = oneshot::channel();
        let log = Arc::clone(&connections);
        let thread = std::thread::Builder::new()
            .name("scripted".into())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        _ = stopped => {}
                        _ = serve(listener, scripts, log, ended_sender) => {}
                    }
                });
            })?;
        Ok(Self {
            address,
            connections,
            ended,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT` and the path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What each connection saw so far, in the order they were accepted.
    #[must_use]
    pub fn connections(&self) -> Vec<Connection> {
        let all = self
            .connections
            .lock()
            .expect("no holder of this lock panics");
        all.iter()
            .map(|one| one.lock().expect("no holder of this lock panics").clone())
            .collect()
    }

    /// The bytes each connection received so far, in the order they were accepted.
    #[must_use]
    pub fn received(&self) -> Vec<Vec<u8>> {
        self.connections()
            .into_iter()
            .map(|connection| connection.received)
            .collect()
    }

    /// Waits until the scripts of this many connections have ended, and gives what all connections saw.
    /// Works on any runtime; a script that hangs ends after a minute.
    pub async fn ended(&self, count: usize) -> Vec<Connection> {
        // The only error is that the server has ended, and then nothing more will come.
        let _ = self.ended.clone().wait_for(|ended| *ended >= count).await;
        self.connections()
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the server's thread is a bug of the testkit and must not hide in a passing test.
            if thread.join().is_err() && !std::thread::panicking() {
                panic!("the scripted server panicked");
            }
        }
    }
}

/// An address on loopback at which nobody listens.
///
/// # Errors
/// When no port can be bound.
pub fn refused_address() -> io::Result<SocketAddr> {
    StdListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

async fn serve(
    listener: StdListener,
    scripts: impl Iterator<Item = Vec<Step>>,
    connections: Connections,
    ended: watch::Sender<usize>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let mut playing = JoinSet::new();
    for script in scripts {
        let (stream, from) = loop {
            tokio::select! {
                accepted = listener.accept() => break accepted?,
                Some(_) = playing.join_next() => {}
            }
        };
        let log = Arc::new(Mutex::new(Connection {
            from: Some(from),
            ..Connection::default()
        }));
        connections
            .lock()
            .expect("no holder of this lock panics")
            .push(Arc::clone(&log));
        playing.spawn(attend(stream, script, log, ended.clone()));
    }
    drop(listener);
    while playing.join_next().await.is_some() {}
    Ok(())
}

async fn attend(
    stream: TcpStream,
    script: Vec<Step>,
    log: Arc<Mutex<Connection>>,
    ended: watch::Sender<usize>,
) {
    // Pieces must leave when they are written: what a test cuts, the kernel must not glue.
    let ready = stream.set_nodelay(true);
    let played = tokio::time::timeout(LIMIT, play(stream, &script, Arc::clone(&log))).await;
    let played = ready.is_ok() && matches!(played, Ok(Ok(())));
    log.lock().expect("no holder of this lock panics").played = Some(played);
    ended.send_modify(|count| *count += 1);
}
