//! Our own dated reads and writes, as hyper wants to have them.

use crate::{
    failure::protocol,
    shard::Shard,
    stamp::Dated,
    wire::{Counted, ReadResult, Wire},
};
use hyper::rt::{Executor, Read, ReadBufCursor, Write};
use loadgen_engine::{Failure, Offset};
use std::{
    cell::{Cell, RefCell},
    future::Future,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
};

/// What the connection and the calls on it tell each other.
#[derive(Default)]
pub(super) struct Shared {
    /// The newest read.
    pub(super) dated: Cell<Option<Dated>>,
    /// Bytes on the socket so far.
    pub(super) counted: Cell<Counted>,
    /// When the request at hand was handed over.
    pub(super) sent: Cell<Offset>,
    /// Why the connection broke, where hyper would not tell.
    broken: RefCell<Option<Failure>>,
    closed: Cell<bool>,
    reader: RefCell<Option<Waker>>,
}

/// The connection, for hyper.
pub(super) struct Http2Io {
    wire: Wire,
    shard: Rc<Shard>,
    shared: Rc<Shared>,
    /// What of a read hyper had no room for.
    left: Vec<u8>,
    /// A read has just been handed over: before the next one, those who wait for it must see it.
    fresh: bool,
    /// Nothing has been read yet.
    first: bool,
}

/// Runs hyper's tasks on the shard's thread.
#[derive(Clone)]
pub(super) struct LocalTasks;

impl<F: Future<Output = ()> + 'static> Executor<F> for LocalTasks {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(task);
    }
}

impl Shared {
    /// Remembers why the connection broke; the first reason counts.
    pub(super) fn break_off(&self, reason: Failure) {
        self.broken.borrow_mut().get_or_insert(reason);
    }

    /// Why the connection broke.
    pub(super) fn cause(&self) -> Option<Failure> {
        self.broken.borrow().clone()
    }

    /// Ends the connection at once, whatever is on its way.
    pub(super) fn close(&self) {
        self.closed.set(true);
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }
}

impl Http2Io {
    pub(super) const fn new(wire: Wire, shard: Rc<Shard>, shared: Rc<Shared>) -> Self {
        Self {
            wire,
            shard,
            shared,
            left: Vec::new(),
            fresh: false,
            first: true,
        }
    }

    fn count(&mut self) {
        let news = self.wire.take_counted();
        let Counted { sent, received } = self.shared.counted.get();
        let counted = Counted {
            sent: sent + news.sent,
            received: received + news.received,
        };
        self.shared.counted.set(counted);
    }

    /// One read, into `buf` as far as there is room.
    fn read(&mut self, buf: &mut ReadBufCursor<'_>) -> Result<ReadResult, Failure> {
        let Self {
            wire,
            shard,
            shared,
            left,
            first,
            fresh,
        } = self;
        wire.dating.begin(shared.sent.get());
        wire.read(shard, &mut |dated, bytes| {
            if std::mem::take(first) && bytes.starts_with(b"HTTP/1.") {
                return Err(protocol(
                    "the server speaks HTTP/1, not HTTP/2: http_version should be \"1.1\"",
                ));
            }
            shared.dated.set(Some(dated));
            *fresh = true;
            let (now, later) = bytes.split_at(bytes.len().min(buf.remaining()));
            buf.put_slice(now);
            left.extend_from_slice(later);
            Ok(())
        })
    }

    /// Remembers why, for the call, and tells hyper that it is over.
    fn broken(&self, reason: Failure) -> io::Error {
        self.shared.break_off(reason);
        io::ErrorKind::ConnectionAborted.into()
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, io::Error> {
        let written = self.wire.write(bytes);
        self.count();
        written.map_err(|error| self.broken(crate::failure::transfer(&error)))
    }
}

impl Read for Http2Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.shared.closed.get() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        if !this.left.is_empty() {
            let length = this.left.len().min(buf.remaining());
            buf.put_slice(&this.left[..length]);
            this.left.drain(..length);
            return Poll::Ready(Ok(()));
        }
        this.shared.reader.replace(Some(cx.waker().clone()));
        loop {
            ready!(this.wire.poll_read(cx));
            if std::mem::take(&mut this.fresh) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let room = buf.remaining();
            let result = this.read(&mut buf);
            this.count();
            match result.map_err(|reason| this.broken(reason))? {
                ReadResult::Closed { .. } => return Poll::Ready(Ok(())),
                _ if buf.remaining() < room => return Poll::Ready(Ok(())),
                _ => {}
            }
        }
    }
}

impl Write for Http2Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let written = self.write(bytes)?;
            if written > 0 || bytes.is_empty() {
                return Poll::Ready(Ok(written));
            }
            // An error of the socket shows at the next write.
            let _ = ready!(self.wire.socket.poll_writable(cx));
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.wire.is_flushed() {
            self.write(&[])?;
            if self.wire.is_flushed() {
                break;
            }
            let _ = ready!(self.wire.socket.poll_writable(cx));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The socket is closed when it is dropped, which hyper does next.
        self.poll_flush(cx)
    }
}
