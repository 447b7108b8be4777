//! Looks names up, once for each name of a shard until a connection fails.

use crate::{failure::failure, options::Family};
use loadgen_engine::{ErrorKind, Failure, Pinned};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    rc::Rc,
    time::Duration,
};
use tokio::{sync::OnceCell, time::Instant};

/// The most names that are remembered; beyond, all are forgotten.
const NAMES: usize = 1024;

/// For how long what a name resolved to is not asked for again.
const FRESH: Duration = Duration::from_secs(1);

/// What names resolved to.
pub(crate) struct Resolver {
    family: Family,
    pinned: Vec<Pinned>,
    /// How many connections took a pinned address, so that they go round.
    taken: Cell<usize>,
    known: RefCell<HashMap<(String, u16), Rc<Entry>>>,
}

/// One name: the first user looks it up, the others wait for that.
#[derive(Default)]
pub(crate) struct Entry {
    addresses: OnceCell<(Instant, Vec<SocketAddr>)>,
    /// How many connections took an address, so that they go round.
    taken: Cell<usize>,
}

impl Resolver {
    pub(crate) fn new(family: Family, pinned: Vec<Pinned>) -> Self {
        Self {
            family,
            pinned,
            taken: Cell::default(),
            known: RefCell::default(),
        }
    }

    /// The addresses of a host, in the order in which they are to be tried.
    pub(crate) async fn addresses(
        &self,
        host: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, Failure> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        if let Some(pinned) = self.pinned(host, port) {
            let turn = self.taken.replace(self.taken.get().wrapping_add(1));
            return Ok(in_turn(&pinned, turn));
        }
        let entry = self.entry(host, port);
        let (_, found) = entry
            .addresses
            .get_or_try_init(|| self.look_up(host, port))
            .await?;
        Ok(in_turn(
            found,
            entry.taken.replace(entry.taken.get().wrapping_add(1)),
        ))
    }

    /// Forgets a name whose addresses did not answer, so that the next user asks again; but not more often than once a
    /// second, however many users fail.
    pub(crate) fn forget(&self, host: &str, port: u16) {
        let now = Instant::now();
        let old = |entry: &Entry| {
            entry
                .addresses
                .get()
                .is_some_and(|(found, _)| now - *found >= FRESH)
        };
        self.known
            .borrow_mut()
            .retain(|(name, at), entry| name != host || *at != port || !old(entry));
    }

    /// The addresses that the name is given, one with its port before one without.
    fn pinned(&self, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
        let named = || {
            let pinned = self.pinned.iter();
            pinned.filter(|pinned| pinned.host.eq_ignore_ascii_case(host))
        };
        let pinned = named()
            .find(|pinned| pinned.port == Some(port))
            .or_else(|| named().find(|pinned| pinned.port.is_none()))?;
        let addresses = pinned.addresses.iter();
        Some(
            addresses
                .map(|address| SocketAddr::new(*address, port))
                .collect(),
        )
    }

    fn entry(&self, host: &str, port: u16) -> Rc<Entry> {
        let mut known = self.known.borrow_mut();
        if known.len() >= NAMES {
            known.clear();
        }
        Rc::clone(known.entry((host.to_owned(), port)).or_default())
    }

    async fn look_up(&self, host: &str, port: u16) -> Result<(Instant, Vec<SocketAddr>), Failure> {
        let found = tokio::net::lookup_host((host, port)).await;
        let found = found.map_err(|error| match error.raw_os_error() {
            Some(_) => crate::failure::connecting(&error, &host),
            None => failure(ErrorKind::Dns, format!("the name {host} does not resolve")),
        })?;
        let mut addresses: Vec<_> = found
            .filter(|address| self.family.admits(address))
            .collect();
        let mut seen = std::collections::HashSet::new();
        addresses.retain(|address| seen.insert(*address));
        if addresses.is_empty() {
            return Err(failure(
                ErrorKind::Dns,
                format!("the name {host} has no address of the wanted family"),
            ));
        }
        Ok((Instant::now(), addresses))
    }
}

/// The addresses of the first one's family begin in turn, so that they share the load; the others follow.
fn in_turn(addresses: &[SocketAddr], turn: usize) -> Vec<SocketAddr> {
    let preferred = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (mut first, second): (Vec<_>, Vec<_>) = addresses
        .iter()
        .copied()
        .partition(|address| address.is_ipv4() == preferred);
    let length = first.len().max(1);
    first.rotate_left(turn % length);
    first.extend(second);
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_first_family_take_turns() {
        let of = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| text.parse().unwrap())
                .collect::<Vec<SocketAddr>>()
        };
        let all = of(&["10.0.0.1:80", "[::1]:80", "10.0.0.2:80", "10.0.0.3:80"]);
        let cases: &[(usize, &[&str])] = &[
            (
                0,
                &["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "[::1]:80"],
            ),
            (
                1,
                &["10.0.0.2:80", "10.0.0.3:80", "10.0.0.1:80", "[::1]:80"],
            ),
            (
                5,
                &["10.0.0.3:80", "10.0.0.1:80", "10.0.0.2:80", "[::1]:80"],
            ),
        ];
        for (turn, want) in cases {
            assert_eq!(in_turn(&all, *turn), of(want), "{turn}");
        }
        assert!(in_turn(&[], 3).is_empty());
    }

    #[tokio::test]
    async fn names_resolve_and_those_that_do_not_are_told() {
        let resolver = Resolver::new(Family::Any, Vec::new());
        assert_eq!(
            resolver.addresses("::1", 80).await.unwrap(),
            ["[::1]:80".parse().unwrap()]
        );
        assert!(
            resolver
                .addresses("localhost", 80)
                .await
                .unwrap()
                .iter()
                .all(|address| address.ip().is_loopback())
        );
        let failed = resolver
            .addresses("no-such-host.invalid", 80)
            .await
            .unwrap_err();
        assert_eq!(failed.kind, ErrorKind::Dns);
        assert_eq!(
            failed.message,
            "the name no-such-host.invalid does not resolve"
        );
    }
}
