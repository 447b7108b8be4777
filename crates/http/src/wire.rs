//! One connection below HTTP: a socket, with or without TLS, whose reads are dated.

use crate::{
    alarm::Alarm,
    decode::Taker,
    failure::transfer,
    shard::Shard,
    socket::{ReadBuffer, Received, Socket},
    stamp::{Dated, Dating},
    tls,
};
use loadgen_engine::{Clock, Failure};
use rustls::ClientConnection;
use std::{
    future::{Future, poll_fn},
    io::{self, BufRead, IoSlice, Write},
    pin::pin,
    task::{Context, Poll},
};
use tokio::time::Instant;

/// A connection to a peer.
pub(crate) struct Wire {
    pub(crate) socket: Socket,
    pub(crate) tls: Option<Box<ClientConnection>>,
    pub(crate) dating: Dating,
    /// What came under TLS before anything was asked, until it is read.
    early: Vec<u8>,
    counted: Counted,
}

/// Bytes on the socket.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

/// What one read came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadResult {
    /// There is nothing to read now.
    Nothing,
    /// Something was read; not always something for HTTP.
    Some,
    /// The peer has closed the connection. Under TLS, `clean` says that it announced it.
    Closed { clean: bool },
}

/// Takes what a read brought for HTTP.
pub(crate) type TakeDated<'a> = &'a mut dyn FnMut(Dated, &[u8]) -> Result<(), Failure>;

/// What a wait is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    Read,
    ReadOrWrite,
}

/// The deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimedOut;

/// Awaits something, but not beyond a deadline.
pub(crate) async fn within<T>(
    alarm: &mut Alarm,
    deadline: Instant,
    future: impl Future<Output = T>,
) -> Result<T, TimedOut> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => alarm.poll(cx, deadline).map(|()| Err(TimedOut)),
    })
    .await
}

impl Wire {
    /// A connection that has just been made.
    pub(crate) fn new(socket: Socket, clock: Clock) -> Self {
        let dating = Dating::new(clock, clock.now());
        Self {
            socket,
            tls: None,
            dating,
            early: Vec::new(),
            counted: Counted::default(),
        }
    }

    /// Bytes on the socket since the last time this was asked.
    pub(crate) fn take_counted(&mut self) -> Counted {
        std::mem::take(&mut self.counted)
    }

    /// Waits until a read (or a write, where it is wanted too) may do something.
    pub(crate) async fn wait(
        &self,
        want: Want,
        alarm: &mut Alarm,
        deadline: Instant,
    ) -> Result<(), TimedOut> {
        let mut waited = false;
        poll_fn(|cx| {
            // Who comes back from a wait looks first whether it was for this: then nothing has to be waited for anew.
            // Not so who has not waited: a socket that always has more must not keep others from theirs.
            if waited && self.socket.is_readable() || self.poll_wanted(cx, want).is_ready() {
                return Poll::Ready(Ok(()));
            }
            waited = true;
            alarm.poll(cx, deadline).map(|()| Err(TimedOut))
        })
        .await
    }

    /// One read: hands over what it brought for HTTP, in one piece or several.
    pub(crate) fn read(
        &mut self,
        shard: &Shard,
        take: TakeDated<'_>,
    ) -> Result<ReadResult, Failure> {
        if !self.early.is_empty() {
            let early = std::mem::take(&mut self.early);
            take(self.dating.date(None, false, &shard.looks), &early)?;
            return Ok(ReadResult::Some);
        }
        let mut buffer = shard.buffer.borrow_mut();
        let Some(received) = self
            .socket
            .receive(&mut buffer)
            .map_err(|error| transfer(&error))?
        else {
            self.dating.found_empty();
            return Ok(ReadResult::Nothing);
        };
        let dated = self
            .dating
            .date(received.stamp, received.emptied, &shard.looks);
        self.counted.received += received.length as u64;
        self.deliver(&buffer, received, dated, take)
    }

    /// Begins to write; `bytes` is what is left of the request. How many were taken; fewer than all where the kernel
    /// takes no more now.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Self {
            socket,
            tls: Some(tls),
            counted,
            ..
        } = self
        else {
            return self.write_plain(bytes);
        };
        let mut taken = 0;
        loop {
            if !flush(tls, socket, counted)? || taken == bytes.len() {
                return Ok(taken);
            }
            taken += tls.writer().write(&bytes[taken..])?;
        }
    }

    /// Ready when a read may bring something.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_wanted(cx, Want::Read)
    }

    /// Whether TLS holds nothing that is still to be written.
    pub(crate) fn is_flushed(&self) -> bool {
        self.tls.as_ref().is_none_or(|tls| !tls.wants_write())
    }

    /// Writes what TLS still holds; whether all of it is out.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        match self {
            Self {
                socket,
                tls: Some(tls),
                counted,
                ..
            } => flush(tls, socket, counted),
            _ => Ok(true),
        }
    }

    /// Whether a connection that was kept can still be used: nothing has come but what TLS wants for itself.
    pub(crate) fn is_alive(&mut self, shard: &Shard) -> bool {
        loop {
            if !self.socket.is_readable() {
                return true;
            }
            let mut surplus = false;
            let read = self.read(shard, &mut |_, _| {
                surplus = true;
                Ok(())
            });
            match read {
                Ok(ReadResult::Nothing) => return true,
                Ok(ReadResult::Some) if !surplus && self.tls.is_some() => {}
                _ => return false,
            }
        }
    }

    /// Keeps bytes that came before they can be read.
    pub(crate) fn keep_early(&mut self, bytes: &[u8]) {
        self.early.extend_from_slice(bytes);
    }

    /// Ready when a read (or a write, where it is wanted too) may do something.
    pub(crate) fn poll_wanted(&self, cx: &mut Context<'_>, want: Want) -> Poll<()> {
        // An error of the socket shows at the read or write that follows.
        if !self.early.is_empty() || self.socket.poll_readable(cx).is_ready() {
            return Poll::Ready(());
        }
        if want == Want::ReadOrWrite && self.socket.poll_writable(cx).is_ready() {
            return Poll::Ready(());
        }
        Poll::Pending
    }

    fn write_plain(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = 0;
        while taken < bytes.len() {
            let Some(sent) = self.socket.send(&[IoSlice::new(&bytes[taken..])])? else {
                break;
            };
            self.counted.sent += sent as u64;
            taken += sent;
        }
        Ok(taken)
    }

    fn deliver(
        &mut self,
        buffer: &ReadBuffer,
        received: Received,
        dated: Dated,
        take: TakeDated<'_>,
    ) -> Result<ReadResult, Failure> {
        let Self {
            socket,
            tls,
            counted,
            ..
        } = self;
        let bytes = &buffer.bytes[..received.length];
        let Some(tls) = tls else {
            if bytes.is_empty() {
                return Ok(ReadResult::Closed { clean: true });
            }
            take(dated, bytes)?;
            return Ok(ReadResult::Some);
        };
        if bytes.is_empty() {
            return Ok(ReadResult::Closed { clean: false });
        }
        let closed = decrypt(tls, bytes, &mut |plain| take(dated, plain))?;
        // Answers of TLS itself (key updates, alerts). What does not go out now goes before the next request.
        let _ = flush(tls, socket, counted);
        Ok(if closed {
            ReadResult::Closed { clean: true }
        } else {
            ReadResult::Some
        })
    }
}

/// Decrypts all of `input`; whether the peer announced that it closes.
fn decrypt(tls: &mut ClientConnection, mut input: &[u8], take: Taker<'_>) -> Result<bool, Failure> {
    loop {
        let begin = input;
        let taken = tls.read_tls(&mut input).map_err(|error| transfer(&error))?;
        let state = tls
            .process_new_packets()
            .map_err(|error| tls::failed(&error, begin))?;
        let mut left = state.plaintext_bytes_to_read();
        while left > 0 {
            let mut reader = tls.reader();
            let plain = reader.fill_buf().map_err(|error| transfer(&error))?;
            let length = plain.len();
            take(plain)?;
            reader.consume(length);
            left = left.saturating_sub(length.max(1));
        }
        if state.peer_has_closed() {
            return Ok(true);
        }
        if input.is_empty() || taken == 0 {
            return Ok(false);
        }
    }
}

/// Writes the records that TLS holds; whether all of them are out.
fn flush(tls: &mut ClientConnection, socket: &Socket, counted: &mut Counted) -> io::Result<bool> {
    while tls.wants_write() {
        match tls.write_tls(&mut Records { socket, counted }) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Writes records to the socket.
struct Records<'a> {
    socket: &'a Socket,
    counted: &'a mut Counted,
}

impl Write for Records<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let sent = self.socket.send(parts)?.ok_or(io::ErrorKind::WouldBlock)?;
        self.counted.sent += sent as u64;
        Ok(sent)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
