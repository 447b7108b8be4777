//! Starts and stops the mock: its threads, its listener, its connections.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc as sync_mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::time::timeout_at;

use crate::clock::Clock;
use crate::connections::{Handed, Host, Stopped, accept, listen, receive, stopping};
use crate::serve::Site;
use crate::truth::Log;
use crate::{Error, Settings, TruthRecord};

/// Sockets that may wait for their worker.
const HANDED: usize = 1024;
/// How long [`Mock::stop`] lets requests finish.
const GRACE: Duration = Duration::from_secs(2);
/// A running mock. Dropping it stops it at once.
pub struct Mock {
    address: SocketAddr,
    site: Arc<Site>,
    stop: watch::Sender<Option<Instant>>,
    threads: Vec<JoinHandle<()>>,
}

/// Where a worker says that it listens (and at which address) or serves, or why it cannot.
type Tell = sync_mpsc::SyncSender<Result<Option<SocketAddr>, Error>>;

/// What one worker thread starts with.
struct Worker {
    site: Arc<Site>,
    stop: Stopped,
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
        let workers = settings.workers;
        let site = Arc::new(Site::new(settings, log));
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

impl fmt::Debug for Mock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The truth may hold a million records, which is no one's idea of a debug text.
        let settings = &self.site.settings;
        let mut mock = formatter.debug_struct("Mock");
        mock.field("address", &self.address)
            .field("settings", settings)
            .finish_non_exhaustive()
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

    fn run(self, tell: &Tell) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let ended = match runtime {
            Ok(runtime) => runtime.block_on(self.work(tell)),
            Err(source) => Err(Error::Worker { source }),
        };
        if let Err(error) = ended {
            // Errors come before any other news; who started this thread still waits for it.
            let _ = tell.send(Err(error));
        }
    }

    async fn work(mut self, tell: &Tell) -> Result<(), Error> {
        let (host, mut gone) = Host::new(self.site, self.stop.clone());
        match self.task {
            Task::Accept { address, others } => {
                let failed = |source| Error::Listen { address, source };
                let listener = listen(address).map_err(failed)?;
                let bound = listener.local_addr().map_err(failed)?;
                let _ = tell.send(Ok(Some(bound)));
                until(&mut self.stop, accept(&host, &listener, &others)).await;
            }
            Task::Receive { mut sockets } => {
                let _ = tell.send(Ok(None));
                until(&mut self.stop, receive(&host, &mut sockets)).await;
            }
        }
        drop(host);
        // Without a time the mock itself is gone.
        let deadline = self
            .stop
            .borrow()
            .map_or_else(tokio::time::Instant::now, Into::into);
        // No connection left, or no time: what is left is cut when the runtime is dropped.
        let _ = timeout_at(deadline, gone.recv()).await;
        Ok(())
    }
}

/// Does `work` until the mock is to stop.
async fn until(stop: &mut Stopped, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => (),
        () = stopping(stop) => (),
    }
}
