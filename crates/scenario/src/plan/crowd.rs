//! How many connections the users of a plan keep to one origin, and whether there is room for them.

use super::{LoadPlan, Origin, Plan, Request, Step, Target};
use crate::overrides::Room;
use std::net::Ipv4Addr;

/// More users than there is room for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Crowd {
    /// Where they all go.
    pub origin: Origin,
    /// How many there may be at one time.
    pub users: u64,
    /// How many more ports connections for one request each take, as each is free again only some time later.
    pub resting: u64,
    /// How many can have a connection.
    pub room: u64,
    /// The load that brings the most of them.
    pub load: usize,
}

impl Plan {
    /// The first origin to which more users keep connections than there is room for. Users who are only made where
    /// iterations take long are not counted: nobody knows how many there will be.
    pub(crate) fn crowd(&self, room: Room) -> Option<Crowd> {
        let crowded = |origin: Origin| {
            let takes = |load: &LoadPlan| {
                let users = self.users_of(load, &origin);
                users.saturating_add(self.resting(load, &origin))
            };
            let most = self.most_at_once(takes);
            let users = self.most_at_once(|load| self.users_of(load, &origin));
            let room = self.room_to(&origin, room);
            let loads = self.loads.iter().map(takes).enumerate();
            // Of loads that are alike the first is told.
            let (load, _) = loads.rev().max_by_key(|(_, takes)| *takes)?;
            (most > room).then_some(Crowd {
                origin,
                users,
                resting: most.saturating_sub(users),
                room,
                load,
            })
        };
        self.origins().into_iter().find_map(crowded)
    }

    /// Where requests go, as far as that is known before.
    pub(super) fn origins(&self) -> Vec<Origin> {
        let mut origins: Vec<Origin> = Vec::new();
        for request in self.requests() {
            let found = self.origin(request);
            origins.extend(found.filter(|one| !origins.contains(one)));
        }
        origins
    }

    /// The users of a load who send something there.
    fn users_of(&self, load: &LoadPlan, origin: &Origin) -> u64 {
        let Some(users) = load.load.users().filter(|_| !load.load.is_open()) else {
            return 0;
        };
        let split = if load.splits_users() {
            load.split(users.get())
        } else {
            vec![users.get(); load.members.len()]
        };
        let go_there = |scenario: usize| {
            let requests = Step::requests(&self.scenarios[scenario].flow);
            requests
                .into_iter()
                .any(|request| self.origin(request).as_ref() == Some(origin))
        };
        let shares = load.members.iter().zip(split);
        let going = shares.filter(|(member, _)| member.share > 0.0 && go_there(member.scenario.0));
        let going: u64 = going.map(|(_, users)| u64::from(users)).sum();
        going.min(users.get().into())
    }

    /// How many connections there can be to an origin.
    pub(super) fn room_to(&self, origin: &Origin, room: Room) -> u64 {
        let asked = match (room.sources, self.source_addresses.len()) {
            (0, of_file) => u32::try_from(of_file).unwrap_or(u32::MAX),
            (given, _) => given,
        };
        let addresses = match asked {
            0 if is_loopback(&origin.host) => room.loopbacks,
            0 => 1,
            asked => asked,
        };
        u64::from(room.ports) * u64::from(addresses)
    }

    /// Where a request goes; absent where that is known only when it is sent.
    pub(super) fn origin(&self, request: &Request) -> Option<Origin> {
        if let Some(fixed) = &request.message.fixed {
            return Some(fixed.origin.clone().into_owned());
        }
        let text = request.message.location.text.source();
        match &self.target {
            Target::Base { origin, .. } if text.starts_with('/') => Some(origin.clone()),
            Target::Mock if text.starts_with('/') => Some(Origin {
                tls: false,
                host: Ipv4Addr::LOCALHOST.to_string(),
                // Known once it listens.
                port: 0,
            }),
            _ => Some(crate::url::parse(text).ok()?.0),
        }
    }
}

/// Whether it is an address of 127.0.0.0/8, each of which is one of this machine.
fn is_loopback(host: &str) -> bool {
    let address = host.parse::<Ipv4Addr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}
