//! The rows of data sets that a user needs before it can begin.

use super::User;
use crate::{connection::Connector, schedule::Budget, timer::Timer};
use loadgen_stats::{DropReason, ScenarioIndex};

impl<C: Connector, T: Timer> User<C, T> {
    /// Gives the user rows for what it does once; whether there are some.
    pub(super) fn is_given_rows(&self, scenario: ScenarioIndex) -> bool {
        let user = self.scope.vu() - 1;
        self.shard.give_rows(scenario, &self.scope, user, 0)
    }

    /// Counts an iteration that was taken and is not begun, where the load counts them.
    pub(super) fn drop_iteration(&self, scenario: ScenarioIndex) {
        if self.shard.load(self.load).schedule.budget() != Budget::Unlimited {
            let mut recorder = self.shard.recorder.borrow_mut();
            recorder.dropped_iterations(scenario, self.ready, DropReason::End, 1);
        }
    }
}
