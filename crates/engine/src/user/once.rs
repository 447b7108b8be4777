//! Whoever does what is done once in a run: a user of no load.

use super::{StepEnd, User};
use crate::{connection::Connector, luck::Luck, shard::Shard, timer::Timer};
use loadgen_scenario::{Scope, Step};
use std::rc::Rc;

impl<C: Connector, T: Timer> User<C, T> {
    /// A user whose number no other has.
    pub(crate) fn of_run(shard: Rc<Shard<C, T>>, scope: Scope) -> Self {
        Self {
            load: 0,
            connection: shard.connector.connection(),
            more: None,
            luck: Luck::of(shard.seed, u64::MAX),
            scope,
            seat: None,
            ready: shard.clock.now(),
            present: None,
            shard,
        }
    }

    /// Does steps; whether it came to their end.
    pub(crate) async fn do_once(&mut self, steps: &[Step]) -> bool {
        matches!(self.walk(steps).await, StepEnd::Next { .. })
    }
}
