//! What a user does once, before its first iteration of a scenario.

use super::{More, StepEnd, User};
use crate::{
    connection::Connector,
    schedule::{Budget, Stay},
    timer::Timer,
};
use loadgen_stats::{DropReason, ScenarioIndex};
use std::rc::Rc;
use tokio::time::timeout_at;

impl<C: Connector, T: Timer> User<C, T> {
    pub(super) fn more(&mut self) -> &mut More<C::Connection> {
        self.more.get_or_insert_default()
    }

    /// Whether something comes before the first iteration of a scenario that the user has not done.
    pub(super) fn has_to_prepare(&self, scenario: ScenarioIndex) -> bool {
        !self.shard.plan.scenarios[scenario.0].before.is_empty()
            && self.prepared(scenario).is_none()
    }

    /// Why the user may not go on with a scenario, where it has done what comes before.
    fn prepared(&self, scenario: ScenarioIndex) -> Option<Option<DropReason>> {
        let mut known = self.more.as_ref()?.prepared.iter();
        known
            .find(|(known, _)| *known == scenario)
            .map(|(_, hindrance)| *hindrance)
    }

    /// Does what comes before the first iteration of a scenario.
    pub(super) async fn prepare(&mut self, scenario: ScenarioIndex) {
        let shard = Rc::clone(&self.shard);
        let planned = &shard.plan.scenarios[scenario.0];
        self.scope.begin_before();
        let sets = planned.before_data.iter().copied();
        let hindrance = if self.is_given_rows(sets, 0) {
            match self.walk(&planned.before).await {
                StepEnd::EndUser | StepEnd::Leave | StepEnd::Over { .. } => {
                    Some(DropReason::StopUser)
                }
                StepEnd::Next { .. } | StepEnd::EndIteration => None,
            }
        } else {
            Some(DropReason::Data)
        };
        let more = self.more();
        more.prepared.push((scenario, hindrance));
        more.fresh = Some(scenario);
    }

    /// The same for a user who comes and goes; not where its load begins nothing any more. Whether the user may go on.
    pub(super) async fn prepare_in_time(&mut self, scenario: ScenarioIndex, stay: &Stay) -> bool {
        let now = self.now();
        if !self.shard.goes_on(self.load, (now, stay.until)) {
            return false;
        }
        match stay.cut {
            None => self.prepare(scenario).await,
            Some(cut) => {
                let cut = self.shard.clock.instant(cut);
                let _ = timeout_at(cut, self.prepare(scenario)).await;
            }
        }
        self.prepared(scenario) == Some(None)
    }

    /// Counts the iteration that a user would have begun, had there been a row for it and had what comes before not failed,
    /// where no number of them says how many are left: nobody is to be missing unseen.
    pub(super) fn tell_never_began(&self, scenario: ScenarioIndex) {
        let unlimited = self.shard.load(self.load).schedule.budget() == Budget::Unlimited;
        if unlimited
            && !self.has_to_go()
            && let Some(Some(reason)) = self.prepared(scenario)
        {
            let mut recorder = self.shard.recorder.borrow_mut();
            recorder.dropped_iterations(scenario, self.ready, reason, 1);
        }
    }

    /// Why an iteration cannot begin: what comes before it has failed, or there is no row for it.
    pub(super) fn hindrance(&mut self, scenario: ScenarioIndex, number: u64) -> Option<DropReason> {
        if let Some(Some(hindrance)) = self.prepared(scenario) {
            return Some(hindrance);
        }
        (!self.has_rows(scenario, number)).then_some(DropReason::Data)
    }
}
