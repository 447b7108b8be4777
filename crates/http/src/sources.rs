//! From which local addresses connections come: one address has only so many ports for one address of a target.

use crate::ports::OpenPorts;
use nix::sys::socket::{setsockopt, sockopt};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU32, Ordering},
};
use tokio::net::{TcpSocket, TcpStream};

/// The addresses of 127.0.0.0/8 that are used at most.
pub const LOOPBACKS: u32 = 250;

/// From which local addresses connections come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sources {
    /// From that which the system chooses.
    #[default]
    System,
    /// From these: the users take them in turn, and each keeps its own.
    Of(Vec<IpAddr>),
    /// From that which the system chooses; but to an address of 127.0.0.0/8 from as many addresses of it as it takes,
    /// [`LOOPBACKS`] at most: each user comes from the next where so many ports are in use for each of those before.
    Loopback {
        /// The ports in use at which the next address is begun.
        each: u32,
    },
}

/// What the users of a run share about their addresses.
#[derive(Debug, Default)]
pub(crate) struct Seats {
    users: AtomicU32,
    /// The first of the loopback addresses that are not known to be without free ports.
    loopback: AtomicU32,
}

/// Where one user comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    number: u32,
    /// Its place among the loopback addresses, once it has one.
    loopback: Option<u32>,
}

impl Seats {
    /// The next user's.
    pub(crate) fn take(&self) -> Seat {
        Seat {
            number: self.users.fetch_add(1, Ordering::Relaxed),
            loopback: None,
        }
    }
}

impl Sources {
    /// Opens a connection from where the user comes from.
    pub(crate) async fn connect(
        &self,
        seats: &Seats,
        seat: &mut Seat,
        ports: &OpenPorts,
        to: SocketAddr,
    ) -> io::Result<TcpStream> {
        match (self, to.ip()) {
            (Self::Of(addresses), _) => connect_from(seat.of(addresses, to)?, to).await,
            (Self::Loopback { each }, IpAddr::V4(ip)) if ip.is_loopback() => {
                let first = || seats.loopback.load(Ordering::Relaxed);
                let place = seat
                    .loopback
                    .unwrap_or_else(|| first().max(place(ports.held_by_others(), *each)));
                let connected = connect_over_loopback(place, to).await;
                let without_ports =
                    |error: &io::Error| error.kind() == io::ErrorKind::AddrNotAvailable;
                if !connected.as_ref().is_err_and(without_ports) {
                    seat.loopback = Some(place);
                    return connected;
                }
                // Its ports are in use by others, or wait out the end of earlier connections.
                seats.loopback.fetch_max(place + 1, Ordering::Relaxed);
                let place = first();
                seat.loopback = Some(place);
                connect_over_loopback(place, to).await
            }
            (Self::System | Self::Loopback { .. }, _) => TcpStream::connect(to).await,
        }
    }
}

impl Seat {
    /// The user's address among those of the target's family.
    fn of(self, addresses: &[IpAddr], to: SocketAddr) -> io::Result<IpAddr> {
        let fit = || {
            addresses
                .iter()
                .filter(|source| source.is_ipv4() == to.is_ipv4())
        };
        let own = (self.number as usize)
            .checked_rem(fit().count())
            .and_then(|place| fit().nth(place));
        own.copied().ok_or_else(|| {
            let family = if to.is_ipv4() { "IPv4" } else { "IPv6" };
            let reason = format!("none of the source addresses is of {family}");
            io::Error::new(io::ErrorKind::InvalidInput, reason)
        })
    }
}

/// The place of a user who comes while so many ports are in use.
fn place(held: u64, each: u32) -> u32 {
    u32::try_from(held / u64::from(each.max(1))).unwrap_or(u32::MAX)
}

async fn connect_over_loopback(place: u32, to: SocketAddr) -> io::Result<TcpStream> {
    match place % LOOPBACKS {
        0 => TcpStream::connect(to).await,
        further => {
            let address = u32::from(Ipv4Addr::LOCALHOST) + further;
            connect_from(Ipv4Addr::from(address).into(), to).await
        }
    }
}

async fn connect_from(source: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = match source {
        IpAddr::V4(_) => TcpSocket::new_v4()?,
        IpAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // The port is then chosen when the target is known: one that serves another target is as good as any. A system
    // that does not know the option chooses at once, and has fewer.
    #[cfg(target_os = "linux")]
    let _ = setsockopt(&socket, sockopt::IpBindAddressNoPort, &true);
    socket
        .bind(SocketAddr::new(source, 0))
        .map_err(|error| match error.kind() {
            io::ErrorKind::AddrNotAvailable => io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{source} is no address of this machine"),
            ),
            _ => error,
        })?;
    socket.connect(to).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_take_the_addresses_of_the_family_in_turn() {
        let addresses: Vec<IpAddr> = ["127.0.0.2", "::1", "127.0.0.3"]
            .map(|text| text.parse().unwrap())
            .into();
        let seats = Seats::default();
        for (to, expected) in [
            ("127.0.0.1:80", Ok("127.0.0.2")),
            ("127.0.0.1:80", Ok("127.0.0.3")),
            ("127.0.0.1:80", Ok("127.0.0.2")),
            ("[::1]:80", Ok("::1")),
        ] {
            let told = seats.take().of(&addresses, to.parse().unwrap());
            let told = told.map(|address| address.to_string());
            assert_eq!(
                told.as_deref().map_err(ToString::to_string),
                expected.map_err(str::to_owned)
            );
        }
        let told = seats
            .take()
            .of(&addresses[..1], "[::1]:80".parse().unwrap());
        assert_eq!(
            told.unwrap_err().to_string(),
            "none of the source addresses is of IPv6"
        );
    }

    #[test]
    fn the_next_address_is_begun_where_the_ports_before_are_in_use() {
        for (held, each, expected) in [
            (0, 14_116, 0),
            (14_115, 14_116, 0),
            (14_116, 14_116, 1),
            (100_000, 14_116, 7),
            (3, 0, 3),
        ] {
            assert_eq!(place(held, each), expected, "{held} {each}");
        }
    }
}
