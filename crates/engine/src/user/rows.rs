//! The rows of data sets that a user needs before it can begin.

use super::User;
use crate::{connection::Connector, timer::Timer};
use loadgen_stats::ScenarioIndex;
use std::rc::Rc;

impl<C: Connector, T: Timer> User<C, T> {
    /// Gives the user the rows of an iteration; whether there are some. The first one goes on with the rows of what came
    /// before it.
    pub(super) fn has_rows(&mut self, scenario: ScenarioIndex, iteration: u64) -> bool {
        let shard = Rc::clone(&self.shard);
        let planned = &shard.plan.scenarios[scenario.0];
        let fresh = self.more.as_mut().and_then(|more| more.fresh.take());
        let given: &[usize] = match fresh == Some(scenario) {
            true => &planned.before_data,
            false => &[],
        };
        let sets = planned.data.iter().copied();
        self.is_given_rows(sets.filter(|set| !given.contains(set)), iteration)
    }

    /// Gives the user rows of these data sets; false, and noted, where one of them has none left.
    pub(super) fn is_given_rows(&self, sets: impl Iterator<Item = usize>, iteration: u64) -> bool {
        let given = self.shard.give_rows(sets, &self.scope, iteration);
        if !given {
            self.shard.load(self.load).note_end_of_data();
        }
        given
    }
}
