//! A lean server for the benches: one thread, one epoll, one write per event, and its own truth.
//!
//! It is a process of its own (`bench-target`), so that its core and its memory are not the generator's. It knows four
//! paths, and what they do is said in the query, so that one server serves every bench and every client:
//!
//! | path | answer |
//! |---|---|
//! | `/plain` | a fixed body; counted only |
//! | `/arrive` | the same; the instant at which the request was read is noted |
//! | `/v1/chat/completions?n=100&ttft=200&itl=90&jitter=30` | n chunks in the manner of OpenAI: the first after `ttft` ms, the others `itl` ms apart, each gap scaled by 1 ± `jitter` % |
//! | `/flood?n=64` | the same chunks, all in one write |
//!
//! Not a web server: it reads what the benches' clients send (a head, and a body with a `content-length`), answers one
//! request at a time per connection, and closes what it does not understand.

mod ask;
mod connection;
mod pace;
mod replies;
mod truth;

use ask::Ask;
use connection::{Connection, Read, Streaming};
use nix::{
    sys::{
        epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
        socket::{
            AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, listen, setsockopt,
            socket, sockopt,
        },
    },
    time::{ClockId, clock_gettime},
};
use pace::{Pace, Turn};
use replies::Replies;
use std::{
    io,
    net::{Ipv4Addr, SocketAddrV4, TcpListener},
    os::fd::{AsFd, AsRawFd},
    time::Duration,
};

pub use truth::Truth;

/// The bytes of the answer to `/flood?n=EVENTS`, for benches that need no server.
#[must_use]
pub fn flooded(events: u32) -> Vec<u8> {
    Replies::default().flood(events).to_vec()
}

/// What the server is told once, at its start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Port on 127.0.0.1; 0 for any. Several servers may share one.
    pub port: u16,
    /// Stop everything for so long at the beginning of every period.
    pub stall: Option<Stall>,
}

/// A server that stands still now and then, as one does that collects garbage.
#[derive(Clone, Copy, Debug)]
pub struct Stall {
    /// How long it stands.
    pub length: Duration,
    /// From the beginning of one stall to that of the next.
    pub period: Duration,
}

const LISTENER: u64 = u64::MAX;
const ALARM: u64 = u64::MAX - 1;
const LIFELINE: u64 = u64::MAX - 2;

/// The server and all its connections.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    epoll: Epoll,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    pace: Pace,
    stall: Option<Stall>,
    started: u64,
    replies: Replies,
    truth: Truth,
    input: Box<[u8]>,
}

impl Server {
    /// Listens; nothing is answered before [`Server::run`].
    ///
    /// # Errors
    ///
    /// If the port is taken, or the system gives no epoll or timer.
    pub fn listen(options: Options) -> io::Result<Self> {
        let listener = listener(options.port)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let pace = Pace::new()?;
        epoll.add(&listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))?;
        epoll.add(pace.alarm(), EpollEvent::new(EpollFlags::EPOLLIN, ALARM))?;
        Ok(Self {
            listener,
            epoll,
            connections: Vec::new(),
            free: Vec::new(),
            pace,
            stall: options.stall,
            started: now()?,
            replies: Replies::default(),
            truth: Truth::default(),
            input: vec![0; 64 << 10].into_boxed_slice(),
        })
    }

    /// The port that is listened on.
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub fn port(&self) -> io::Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    /// Serves until the other end of `lifeline` (a pipe) is closed, so that no server outlives who started it.
    ///
    /// # Errors
    ///
    /// If the system refuses to wait; what goes wrong with one connection ends that connection only.
    pub fn run(mut self, lifeline: impl AsFd) -> io::Result<Truth> {
        self.epoll
            .add(lifeline, EpollEvent::new(EpollFlags::EPOLLIN, LIFELINE))?;
        let mut events = vec![EpollEvent::empty(); 1_024];
        loop {
            self.pace.arm()?;
            let ready = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Err(nix::errno::Errno::EINTR) => continue,
                ready => ready?,
            };
            self.stand_still()?;
            for event in &events[..ready] {
                match event.data() {
                    LISTENER => self.accept()?,
                    ALARM => {}
                    LIFELINE => return Ok(self.truth),
                    index => self.ready(index as usize, event.events())?,
                }
            }
            self.write_due()?;
        }
    }

    fn stand_still(&self) -> io::Result<()> {
        let Some(stall) = self.stall else {
            return Ok(());
        };
        let period = stall.period.as_nanos() as u64;
        let phase = (now()? - self.started) % period;
        match (stall.length.as_nanos() as u64).checked_sub(phase) {
            Some(left) if left > 0 => pace::wait(Duration::from_nanos(left)),
            _ => Ok(()),
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(_) => {
                    self.truth.not_accepted += 1;
                    return Ok(());
                }
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let index = self.free.pop().unwrap_or_else(|| {
                self.connections.push(None);
                self.connections.len() - 1
            });
            self.epoll
                .add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
            self.connections[index] = Some(Connection::new(stream));
            self.truth.opened(self.connections.len() - self.free.len());
        }
    }

    fn ready(&mut self, index: usize, events: EpollFlags) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(index).and_then(Option::as_mut) else {
            return Ok(());
        };
        if events.contains(EpollFlags::EPOLLOUT) {
            match connection.flush() {
                Ok(true) => watch(&self.epoll, connection, index, EpollFlags::EPOLLIN)?,
                Ok(false) => {}
                Err(_) => return self.close(index),
            }
        }
        let hung_up = EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR;
        if !events.intersects(hung_up) {
            return Ok(());
        }
        match connection.read(&mut self.input) {
            Read::Request(ask) => self.answer(index, ask),
            Read::Part => Ok(()),
            Read::End => self.close(index),
        }
    }

    fn answer(&mut self, index: usize, ask: Ask) -> io::Result<()> {
        match ask {
            Ask::Plain => {
                self.truth.plain += 1;
                self.write(index, |replies| replies.plain())
            }
            Ask::Arrive => {
                self.truth.arrived(now()?);
                self.write(index, |replies| replies.plain())
            }
            Ask::Flood { events } => {
                self.truth.flooded(events);
                self.write(index, |replies| replies.flood(events))
            }
            Ask::Stream(shape) => {
                let at = now()?;
                let record = self.truth.received(at);
                let streaming = Streaming::new(shape, record);
                self.pace.push(Turn {
                    due: at + shape.first.as_nanos() as u64,
                    connection: index,
                    record,
                });
                if let Some(connection) = &mut self.connections[index] {
                    connection.streaming = Some(streaming);
                }
                Ok(())
            }
        }
    }

    /// Writes the events whose time has come, each with a write of its own.
    fn write_due(&mut self) -> io::Result<()> {
        // A bound, so that requests are read also when more is due than one core can write.
        for _ in 0..256 {
            let at = now()?;
            let Some(turn) = self.pace.pop(at) else {
                return Ok(());
            };
            let slot = self
                .connections
                .get_mut(turn.connection)
                .and_then(Option::as_mut);
            let Some(streaming) = slot.and_then(|connection| connection.streaming.as_mut()) else {
                continue;
            };
            // The connection may have been closed and its place taken since.
            if streaming.record != turn.record {
                continue;
            }
            let part = streaming.next_part();
            let next = (!part.last).then(|| streaming.next_gap());
            self.truth.wrote(turn.record, at, turn.due, part);
            if let Some(gap) = next {
                self.pace.push(Turn {
                    due: turn.due + gap,
                    ..turn
                });
            } else if let Some(connection) = &mut self.connections[turn.connection] {
                connection.streaming = None;
            }
            self.write(turn.connection, |replies| replies.event(part))?;
        }
        Ok(())
    }

    fn write(&mut self, index: usize, bytes: impl FnOnce(&mut Replies) -> &[u8]) -> io::Result<()> {
        let Some(connection) = &mut self.connections[index] else {
            return Ok(());
        };
        let had_room = connection.has_room();
        match connection.write(bytes(&mut self.replies)) {
            Ok(true) => Ok(()),
            Ok(false) if had_room => {
                self.truth.blocked += 1;
                let both = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT;
                watch(&self.epoll, connection, index, both)
            }
            Ok(false) => Ok(()),
            Err(_) => self.close(index),
        }
    }

    fn close(&mut self, index: usize) -> io::Result<()> {
        if let Some(connection) = self.connections[index].take() {
            if connection.streaming.is_some() {
                self.truth.cut();
            }
            self.epoll.delete(connection.stream())?;
            self.free.push(index);
        }
        Ok(())
    }
}

fn watch(
    epoll: &Epoll,
    connection: &Connection,
    index: usize,
    flags: EpollFlags,
) -> io::Result<()> {
    let mut event = EpollEvent::new(flags, index as u64);
    Ok(epoll.modify(connection.stream(), &mut event)?)
}

/// A listener whose queue is long: thousands of clients that come at once must not wait for a repeated SYN.
fn listener(port: u16) -> io::Result<TcpListener> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
    setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    setsockopt(&socket, sockopt::ReusePort, &true)?;
    let address = SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
    bind(socket.as_raw_fd(), &address)?;
    listen(&socket, Backlog::MAXALLOWABLE)?;
    Ok(TcpListener::from(socket))
}

/// The monotonic clock, in nanoseconds.
fn now() -> io::Result<u64> {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
    Ok(Duration::from(time).as_nanos() as u64)
}
