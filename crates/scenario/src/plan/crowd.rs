//! How many connections the users of a plan keep to one origin, and whether there is room for them.

use super::{LoadPlan, Origin, Plan, Request, Step, Target, load::rounded};
use crate::overrides::Room;
use std::{net::Ipv4Addr, time::Duration};

/// The local ports that connections to one address take at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    /// Those of users whose number is bounded, and those that are not free again yet.
    pub bounded: u64,
    /// Those on top, for each second that one iteration lasts, where loads make as many users as it takes.
    pub growing: u64,
    /// How many there are; absent where nobody knows.
    pub room: Option<u64>,
}

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

impl Ports {
    /// How many it takes if an iteration lasts a second.
    #[must_use]
    pub const fn for_a_second(&self) -> u64 {
        self.bounded.saturating_add(self.growing)
    }

    /// How long an iteration may last before there are too few, at the highest rate; none where that makes no difference.
    #[must_use]
    pub fn last_for(&self) -> Option<Duration> {
        let left = self.room?.saturating_sub(self.bounded);
        (self.growing > 0).then(|| Duration::from_secs(left / self.growing))
    }
}

impl Plan {
    /// The ports that connections to one address take: of that address where there is the least room for them. Users
    /// keep one each; those of connections for one request each rest a while after it.
    #[must_use]
    pub fn ports(&self, room: Option<Room>) -> Ports {
        let to = |origin: Option<&Origin>| {
            let of = |load: &LoadPlan, users: u32| match origin {
                Some(origin) => self.going_to(load, origin, users),
                None => u64::from(users),
            };
            let bounded = |load: &LoadPlan| {
                let users = load.load.users().map_or(0, super::UserCount::get);
                let resting = origin.map_or(0, |origin| self.resting(load, origin));
                of(load, users).saturating_add(resting)
            };
            let growing = |load: &LoadPlan| match load.load.users() {
                Some(_) => 0,
                None => of(load, rounded(load.load.highest().ceil())),
            };
            Ports {
                bounded: self.most_at_once(bounded),
                growing: self.most_at_once(growing),
                room: origin
                    .zip(room)
                    .map(|(origin, room)| self.room_to(origin, room)),
            }
        };
        let origins = self.origins();
        let all = origins.iter().map(|origin| to(Some(origin)));
        // Of addresses that are alike the first is told. One that is known only when something is sent there stands for all.
        let left = |ports: &Ports| {
            let room = ports.room.unwrap_or(u64::MAX);
            (
                room.saturating_sub(ports.for_a_second()),
                u64::MAX - ports.for_a_second(),
            )
        };
        all.min_by_key(left).unwrap_or_else(|| to(None))
    }

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

    /// The users of a closed load who send something there.
    fn users_of(&self, load: &LoadPlan, origin: &Origin) -> u64 {
        let users = load.load.users().filter(|_| !load.load.is_open());
        users.map_or(0, |users| self.going_to(load, origin, users.get()))
    }

    /// Of so many users of a load, those who send something there.
    fn going_to(&self, load: &LoadPlan, origin: &Origin, users: u32) -> u64 {
        let split = if load.splits_users() {
            load.split(users)
        } else {
            vec![users; load.members.len()]
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
        going.min(users.into())
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
