//! One connected socket: waits for readiness, reads with the kernel's receive stamp, writes.

use crate::ports::HeldPort;
use nix::{
    cmsg_space,
    sys::{
        socket::{
            ControlMessageOwned, MsgFlags, TimestampingFlag, Timestamps, recvmsg, setsockopt,
            sockopt,
        },
        time::TimeSpec,
    },
};
use std::{
    io::{self, IoSlice, IoSliceMut},
    net::{Ipv4Addr, UdpSocket},
    os::fd::{AsRawFd, RawFd},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::Interest,
    net::{TcpStream, UnixStream},
};

/// How often it is tried whether the kernel stamps, a millisecond apart.
const BEGIN_TRIES: usize = 50;

/// What a shard lends to every read: one buffer for all of its connections.
#[derive(Debug)]
pub(crate) struct ReadBuffer {
    pub(crate) bytes: Box<[u8]>,
    control: Vec<u8>,
}

/// What one read brought.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    /// Bytes at the front of the buffer; 0 at the end of the connection.
    pub(crate) length: usize,
    /// The kernel's stamp of the newest segment, as time since 1970.
    pub(crate) stamp: Option<Duration>,
    /// Whether the read took all that had arrived.
    pub(crate) emptied: bool,
}

/// A connected socket in tokio's care.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: Stream,
    stamps: bool,
    _port: Option<HeldPort>,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl ReadBuffer {
    pub(crate) fn new(length: usize) -> Self {
        Self {
            bytes: vec![0; length].into_boxed_slice(),
            control: cmsg_space!(Timestamps, Timestamps),
        }
    }
}

impl Socket {
    /// A TCP connection; asks the kernel for stamps where `stamps` says so.
    pub(crate) fn tcp(stream: TcpStream, stamps: bool, port: HeldPort) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        // A kernel without stamps is no failure: arrivals are then dated by the read, and the summary says so.
        let stamps =
            stamps && setsockopt(&stream, sockopt::Timestamping, &receive_stamps()).is_ok();
        Ok(Self {
            stream: Stream::Tcp(stream),
            stamps,
            _port: Some(port),
        })
    }

    /// A connection over a Unix socket; the kernel stamps none of its reads.
    pub(crate) const fn unix(stream: UnixStream) -> Self {
        Self {
            stream: Stream::Unix(stream),
            stamps: false,
            _port: None,
        }
    }

    /// Whether a read may bring something now, also the end; nobody is told when that changes.
    pub(crate) fn is_readable(&self) -> bool {
        // What is not readable is not tried.
        let known = || Ok(());
        match &self.stream {
            Stream::Tcp(stream) => stream.try_io(Interest::READABLE, known),
            Stream::Unix(stream) => stream.try_io(Interest::READABLE, known),
        }
        .is_ok()
    }

    /// Ready when a read may bring something, also the end.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.stream {
            Stream::Tcp(stream) => stream.poll_read_ready(cx),
            Stream::Unix(stream) => stream.poll_read_ready(cx),
        }
    }

    /// Ready when a write may be taken.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.stream {
            Stream::Tcp(stream) => stream.poll_write_ready(cx),
            Stream::Unix(stream) => stream.poll_write_ready(cx),
        }
    }

    /// One read; nothing where there is nothing to read.
    pub(crate) fn receive(&self, buffer: &mut ReadBuffer) -> io::Result<Option<Received>> {
        let mut received = None;
        // A read that left the buffer partly empty took all there was: saying "would block" then makes tokio wait for
        // the next event, where it would otherwise have us read once more for nothing.
        let mut read = || {
            let one = self.receive_now(buffer)?;
            let drained = one.emptied && one.length > 0;
            received = Some(one);
            if drained {
                Err(io::ErrorKind::WouldBlock.into())
            } else {
                Ok(())
            }
        };
        let result = match &self.stream {
            Stream::Tcp(stream) => stream.try_io(Interest::READABLE, &mut read),
            Stream::Unix(stream) => stream.try_io(Interest::READABLE, &mut read),
        };
        match result {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(received),
        }
    }

    /// One write; nothing where the kernel takes nothing now.
    pub(crate) fn send(&self, parts: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
        let result = match (&self.stream, parts) {
            (Stream::Tcp(stream), [bytes]) => stream.try_write(bytes),
            (Stream::Tcp(stream), parts) => stream.try_write_vectored(parts),
            (Stream::Unix(stream), parts) => stream.try_write_vectored(parts),
        };
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            other => other.map(Some),
        }
    }

    fn receive_now(&self, buffer: &mut ReadBuffer) -> io::Result<Received> {
        let fd = match &self.stream {
            Stream::Tcp(stream) => stream.as_raw_fd(),
            Stream::Unix(stream) => stream.as_raw_fd(),
        };
        receive(fd, self.stamps, buffer)
    }
}

/// Has the kernel begin to stamp, and keep on while no connection is open. It begins a little after it is asked to:
/// without the wait for it, the first arrivals of a run would have no stamps.
pub(crate) fn keep_stamping() -> io::Result<UdpSocket> {
    let keeper = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    keeper.connect(keeper.local_addr()?)?;
    keeper.set_read_timeout(Some(Duration::from_millis(1)))?;
    setsockopt(&keeper, sockopt::Timestamping, &receive_stamps())?;
    let mut buffer = ReadBuffer::new(1);
    for _ in 0..BEGIN_TRIES {
        keeper.send(&[0])?;
        if receive(keeper.as_raw_fd(), true, &mut buffer)?
            .stamp
            .is_some()
        {
            break;
        }
        // Nothing more comes: this is the wait between two tries.
        let _ = receive(keeper.as_raw_fd(), true, &mut buffer);
    }
    Ok(keeper)
}

/// One read of a socket.
fn receive(fd: RawFd, stamps: bool, buffer: &mut ReadBuffer) -> io::Result<Received> {
    let ReadBuffer { bytes, control } = buffer;
    let room = bytes.len();
    let mut parts = [IoSliceMut::new(bytes)];
    let control = stamps.then_some(control.as_mut_slice());
    let message = recvmsg::<()>(fd, &mut parts, control, MsgFlags::empty())?;
    let stamp = message
        .cmsgs()
        .ok()
        .and_then(|mut all| all.find_map(|message| software_stamp(&message)));
    Ok(Received {
        length: message.bytes,
        stamp,
        emptied: message.bytes < room,
    })
}

fn receive_stamps() -> TimestampingFlag {
    TimestampingFlag::SOF_TIMESTAMPING_RX_SOFTWARE | TimestampingFlag::SOF_TIMESTAMPING_SOFTWARE
}

fn software_stamp(message: &ControlMessageOwned) -> Option<Duration> {
    let ControlMessageOwned::ScmTimestampsns(stamps) = message else {
        return None;
    };
    since_epoch(&stamps.system)
}

fn since_epoch(time: &TimeSpec) -> Option<Duration> {
    let seconds = u64::try_from(time.tv_sec())
        .ok()
        .filter(|seconds| *seconds > 0)?;
    let nanos = u32::try_from(time.tv_nsec()).ok()?;
    Some(Duration::new(seconds, nanos))
}
