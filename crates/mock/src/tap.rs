//! Watches a connection's writes, so that the truth knows what the system has accepted.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::clock::Clock;
use crate::truth::{Ended, Entry, locked};

/// What the body of an answer and the socket under it must know of each other.
///
/// One frame of a body is under way at a time: the next is given only when the system has
/// accepted the one before. So every event is written by itself, and its instant is that of
/// its own write even if the client reads slowly.
#[derive(Debug)]
pub(crate) struct Conn {
    /// Number of the connection, from 1.
    pub(crate) number: u64,
    clock: Clock,
    busy: AtomicBool,
    finishing: AtomicBool,
    waiting: Mutex<Waiting>,
}

/// The socket with its writes watched.
pub(crate) struct Tap {
    io: TokioIo<TcpStream>,
    conn: Arc<Conn>,
}

#[derive(Debug, Default)]
struct Waiting {
    body: Option<Waker>,
    finished: Vec<(Arc<Entry>, Ended)>,
}

impl Conn {
    pub(crate) fn new(number: u64, clock: Clock) -> Self {
        Self {
            number,
            clock,
            busy: AtomicBool::new(false),
            finishing: AtomicBool::new(false),
            waiting: Mutex::default(),
        }
    }

    /// Ready when all that was given before has been accepted by the system.
    pub(crate) fn poll_free(&self, context: &Context<'_>) -> Poll<()> {
        // One task polls body and socket, so nothing can come between the test and the waker.
        if !self.busy.load(Ordering::Relaxed) {
            return Poll::Ready(());
        }
        locked(&self.waiting).body = Some(context.waker().clone());
        Poll::Pending
    }

    /// A frame was given for writing.
    pub(crate) fn given(&self) {
        self.busy.store(true, Ordering::Relaxed);
    }

    /// The last frame of `entry`'s answer was given; it ends as `ended` when that is written.
    pub(crate) fn finish(&self, entry: Arc<Entry>, ended: Ended) {
        locked(&self.waiting).finished.push((entry, ended));
        self.finishing.store(true, Ordering::Relaxed);
    }

    /// The system has accepted all that was given.
    pub(crate) fn flushed(&self) {
        let freed = self.busy.swap(false, Ordering::Relaxed);
        let finished = self.finishing.swap(false, Ordering::Relaxed);
        if !freed && !finished {
            return;
        }
        let mut waiting = locked(&self.waiting);
        if finished {
            let now = self.clock.now();
            for (entry, ended) in waiting.finished.drain(..) {
                entry.note(|record| record.end(now, ended));
            }
        }
        if let Some(body) = waiting.body.take() {
            body.wake();
        }
    }
}

impl Tap {
    pub(crate) fn new(socket: TcpStream, conn: Arc<Conn>) -> Self {
        Self {
            io: TokioIo::new(socket),
            conn,
        }
    }
}

impl Read for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl Write for Tap {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    /// hyper calls this when its own buffer is empty: the system has accepted all that was given.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(context);
        if let Poll::Ready(Ok(())) = flushed {
            self.conn.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        let now = self.conn.clock.now();
        for (entry, _) in locked(&self.conn.waiting).finished.drain(..) {
            entry.note(|record| record.end(now, Ended::ClientLeft));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;
    use crate::truth::{Arrival, Log};

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn one_frame_is_under_way_at_a_time() {
        let conn = Conn::new(1, Clock::start());
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let context = Context::from_waker(&waker);
        conn.flushed();
        assert!(conn.poll_free(&context).is_ready());
        conn.given();
        assert!(conn.poll_free(&context).is_pending());
        conn.flushed();
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert!(conn.poll_free(&context).is_ready());
        conn.flushed();
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    }

    /// An answer that was given whole, and then written or not; how it ended.
    async fn end(written: bool) -> Ended {
        let clock = Clock::start();
        let log = Log::new(clock, 1);
        let at = tokio::time::Instant::now().into_std();
        let (_, entry) = log.open(&Arrival {
            at,
            connection: 1,
            method: "GET",
            path: "/",
            id: None,
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let conn = Arc::new(Conn::new(1, clock));
        let tap = Tap::new(socket, Arc::clone(&conn));
        conn.finish(Arc::clone(&entry), Ended::Rejected);
        assert_eq!(entry.record().ended, Ended::Open);
        if written {
            conn.flushed();
        }
        drop(tap);
        entry.record().ended
    }

    #[tokio::test]
    async fn only_what_was_written_is_complete() {
        assert_eq!(end(true).await, Ended::Rejected);
        assert_eq!(end(false).await, Ended::ClientLeft);
    }
}
