//! Users of open loads between two arrivals, where something comes before the first iteration or they have tokens.

use super::{More, User};
use crate::{connection::Connector, luck::Luck, shard::Shard, timer::Timer};
use loadgen_scenario::Scope;
use loadgen_stats::{DropReason, Offset, ScenarioIndex};
use std::{
    collections::BTreeMap,
    rc::Rc,
    sync::{Mutex, PoisonError},
};

/// A user who is kept for another iteration, and has none now. It has no connection either: those stay with the
/// shard, and it goes on in whichever shard the next arrival is of.
pub(crate) struct Rested {
    scope: Scope,
    luck: Luck,
    prepared: Vec<(ScenarioIndex, Option<DropReason>)>,
    /// How many iterations it has done.
    iterations: u64,
}

/// Those of one scenario, by their numbers: shared by all shards, so that it does not depend on the number of workers how
/// many users there are. It is locked for as long as it takes to put one in or take one out.
#[derive(Default)]
pub(crate) struct Resting(Mutex<BTreeMap<u64, Rested>>);

impl Resting {
    /// Keeps a user for the next arrival.
    pub(crate) fn add(&self, user: Rested) {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        users.insert(user.scope.vu(), user);
    }

    /// The first of them.
    pub(crate) fn wake(&self) -> Option<Rested> {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        users.pop_first().map(|(_, user)| user)
    }

    /// Forgets them all.
    pub(crate) fn clear(&self) {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        users.clear();
    }
}

impl<C: Connector, T: Timer> User<C, T> {
    /// A user who has rested, and the number of its next iteration.
    pub(super) fn woken(
        shard: Rc<Shard<C, T>>,
        load: usize,
        rested: Rested,
        ready: Offset,
    ) -> (Self, u64) {
        let more = More {
            prepared: rested.prepared,
            ..More::default()
        };
        let user = Self {
            load,
            connection: shard.idle_connection(load),
            more: Some(Box::new(more)),
            scope: rested.scope,
            luck: rested.luck,
            seat: None,
            ready,
            present: None,
            shard,
        };
        (user, rested.iterations)
    }

    /// The user is done with an arrival, after so many iterations: its connections are for those who come next.
    pub(super) fn leave(self, iterations: u64) -> Rested {
        let (spare, prepared) = match self.more {
            None => (Vec::new(), Vec::new()),
            Some(more) => (more.spare.take(), more.prepared),
        };
        let connections = spare.into_iter().chain([self.connection]);
        connections.for_each(|one| self.shard.leave_connection(self.load, one));
        Rested {
            scope: self.scope,
            luck: self.luck,
            prepared,
            iterations,
        }
    }
}
