//! Opens connections: name, TCP or Unix socket, proxy, TLS.

use crate::{
    alarm::Alarm,
    failure::{Authority, connecting, failure, protocol, transfer},
    limits::Limits,
    ports::HeldPort,
    proxy::Proxy,
    response::{Head, Receive, Response},
    shard::Shard,
    socket::Socket,
    sources::Seat,
    tls::{Shaken, shake_hands},
    wire::{ReadResult, TimedOut, Want, Wire, within},
};
use loadgen_engine::{ErrorKind, Exchange, Failure, HttpVersion, Offset, Origin};
use std::{io, net::SocketAddr};
use tokio::{
    net::{TcpStream, UnixStream},
    time::Instant,
};

/// A connection that has just been opened.
pub(crate) struct Dialled {
    pub(crate) wire: Wire,
    /// Whether HTTP/2 was agreed on under TLS.
    pub(crate) http2: bool,
}

/// Opens a connection for a call.
pub(crate) struct Dial<'a> {
    pub(crate) shard: &'a Shard,
    pub(crate) alarm: &'a mut Alarm,
    pub(crate) seat: &'a mut Seat,
    pub(crate) limits: &'a Limits,
    pub(crate) origin: &'a Origin,
    pub(crate) version: HttpVersion,
    pub(crate) exchange: &'a mut Exchange,
}

impl Dial<'_> {
    /// Opens it; notes how long each phase took.
    pub(crate) async fn open(&mut self) -> Result<Dialled, Failure> {
        let opened = self.open_phases().await;
        if opened.is_ok() {
            self.exchange.connected = Some(self.limits.clock.now());
        }
        opened
    }

    async fn open_phases(&mut self) -> Result<Dialled, Failure> {
        let origin = self.origin;
        let began = self.limits.clock.now();
        let deadline = self.limits.part(began, self.limits.timeouts.connect);
        let shared = &self.shard.shared;
        let socket = match &shared.options.unix_socket {
            Some(path) => {
                let connected = within(self.alarm, deadline, UnixStream::connect(path)).await;
                let connected = connected.map_err(|TimedOut| self.connect_timeout(origin))?;
                Socket::unix(connected.map_err(|error| connecting(&error, &path.display()))?)
            }
            None => self.open_tcp(origin, deadline).await?,
        };
        let mut wire = Wire::new(socket, self.limits.clock);
        if let Some(proxy) = shared.tunnel_proxy(origin, self.version) {
            self.open_tunnel(&mut wire, origin, proxy, deadline).await?;
        }
        let connected = self.limits.clock.now();
        self.exchange.connecting = connected.since(began).saturating_sub(self.exchange.dns);
        let http2 = origin.tls && self.open_tls(&mut wire, origin, connected).await?;
        Ok(Dialled { wire, http2 })
    }

    async fn open_tcp(&mut self, origin: &Origin, deadline: Instant) -> Result<Socket, Failure> {
        let options = &self.shard.shared.options;
        let (host, port) = match self.shard.shared.proxy(origin) {
            Some(proxy) => (proxy.host.as_str(), proxy.port),
            None => options.redirect(origin),
        };
        let began = self.limits.clock.now();
        let found = within(
            self.alarm,
            deadline,
            self.shard.resolver.addresses(host, port),
        )
        .await;
        self.exchange.dns = self.limits.clock.now().since(began);
        let addresses = found.map_err(|TimedOut| self.connect_timeout(origin))??;
        match self.open_one_of(&addresses, deadline).await {
            Ok((stream, port)) => {
                Socket::tcp(stream, options.kernel_stamps, port).map_err(|error| transfer(&error))
            }
            Err(error) => {
                self.shard.resolver.forget(host, port);
                let told = |error| connecting(&error, &Authority(host, port));
                Err(error.map_or_else(|| self.connect_timeout(origin), told))
            }
        }
    }

    /// Tries the addresses one after the other, each with its share of the time. No error says that time was up.
    async fn open_one_of(
        &mut self,
        addresses: &[SocketAddr],
        deadline: Instant,
    ) -> Result<(TcpStream, HeldPort), Option<io::Error>> {
        let shared = &self.shard.shared;
        let sources = &shared.options.sources;
        let port = shared.ports.hold();
        let mut last = None;
        for (tried, address) in addresses.iter().enumerate() {
            let left = deadline.saturating_duration_since(Instant::now());
            let share = u32::try_from(addresses.len() - tried).map_or(left, |others| left / others);
            let until = deadline.min(Instant::now() + share);
            let connecting = sources.connect(&shared.seats, self.seat, &shared.ports, *address);
            match within(self.alarm, until, connecting).await {
                Ok(Ok(stream)) => return Ok((stream, port)),
                Ok(Err(error)) => last = Some(error),
                Err(TimedOut) => last = None,
            }
        }
        Err(last)
    }

    /// Shakes hands; whether HTTP/2 was agreed on.
    async fn open_tls(
        &mut self,
        wire: &mut Wire,
        origin: &Origin,
        began: Offset,
    ) -> Result<bool, Failure> {
        let deadline = self.limits.part(began, self.limits.timeouts.tls);
        let version = self.version;
        let shaken = shake_hands(
            wire,
            &origin.host,
            version,
            self.shard,
            self.alarm,
            deadline,
        )
        .await;
        let ended = self.limits.clock.now();
        self.exchange.tls = ended.since(began);
        self.count(wire);
        match shaken? {
            Shaken::Done { http2 } => Ok(http2),
            Shaken::TimedOut if ended >= self.limits.total() => Err(self.total_timeout()),
            Shaken::TimedOut => {
                let length = self.limits.timeouts.tls;
                Err(failure(
                    ErrorKind::Timeout,
                    format!("no TLS handshake within {length:?}"),
                ))
            }
        }
    }

    /// Has the proxy make a tunnel (RFC 9110, section 9.3.6).
    async fn open_tunnel(
        &mut self,
        wire: &mut Wire,
        origin: &Origin,
        proxy: &Proxy,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let (host, port) = self.shard.shared.options.redirect(origin);
        let to = Authority(host, port);
        let mut request = format!("CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n");
        if let Some(authorization) = proxy.authorization() {
            request.push_str(&format!("proxy-authorization: {authorization}\r\n"));
        }
        request.push_str("\r\n");
        let mut sent = 0;
        let mut response = Response::new(true);
        let mut tunnel = Tunnel::default();
        while !response.is_done() {
            if sent < request.len() {
                sent += wire
                    .write(&request.as_bytes()[sent..])
                    .map_err(|error| transfer(&error))?;
            }
            let want = if sent < request.len() {
                Want::ReadOrWrite
            } else {
                Want::Read
            };
            let waited = wire.wait(want, self.alarm, deadline).await;
            waited.map_err(|TimedOut| self.connect_timeout(origin))?;
            let read = wire.read(self.shard, &mut |_, bytes| match response
                .feed(bytes, &mut tunnel)?
            {
                used if used == bytes.len() => Ok(()),
                _ => Err(protocol("the proxy sent more than a head for its tunnel")),
            });
            self.count(wire);
            if let ReadResult::Closed { .. } = read? {
                return Err(failure(
                    ErrorKind::Connect,
                    "the proxy closed the connection",
                ));
            }
        }
        match tunnel.status {
            200..300 => Ok(()),
            status => Err(failure(
                ErrorKind::Connect,
                format!("the proxy refused the tunnel with status {status}"),
            )),
        }
    }

    fn count(&mut self, wire: &mut Wire) {
        let counted = wire.take_counted();
        self.exchange.bytes_sent += counted.sent;
        self.exchange.bytes_received += counted.received;
    }

    fn connect_timeout(&self, origin: &Origin) -> Failure {
        if self.limits.clock.now() >= self.limits.total() {
            return self.total_timeout();
        }
        let length = self.limits.timeouts.connect;
        failure(
            ErrorKind::ConnectTimeout,
            format!(
                "no connection to {} within {length:?}",
                Authority::of(origin)
            ),
        )
    }

    fn total_timeout(&self) -> Failure {
        self.limits.failure(crate::limits::Limit::Total)
    }
}

/// What a proxy answers to CONNECT.
#[derive(Default)]
struct Tunnel {
    status: u16,
}

impl Receive for Tunnel {
    fn head_begins(&mut self) {}

    fn informational(&mut self) {}

    fn head(&mut self, head: &Head<'_>, _raw: &[u8]) -> Result<(), Failure> {
        self.status = head.status;
        Ok(())
    }

    fn body(&mut self, _bytes: &[u8]) -> Result<(), Failure> {
        Ok(())
    }
}
