//! What a user waits for besides thinking: the beginning of its next iteration, that of its next attempt, and its turns.

use super::{User, walk::lost};
use crate::{connection::Connector, schedule::Role, shard::Shard, timer::Timer};
use loadgen_scenario::RateLimit;
use loadgen_stats::{Offset, ScenarioIndex, StepIndex};
use std::rc::Rc;

impl<C: Connector, T: Timer> User<C, T> {
    /// Notes when the next iteration begins, the last one having been due then, where its scenario has a pace; or that it
    /// is late.
    pub(super) fn keep_pace(&mut self, scenario: ScenarioIndex, due: Offset) {
        let Some(pace) = self.shard.plan.scenarios[scenario.0].pace else {
            return;
        };
        let next = due.after(pace);
        if next < self.ready {
            let mut recorder = self.shard.recorder.borrow_mut();
            recorder.late_iteration(scenario, due);
        } else {
            self.more().next = Some(next);
        }
    }

    /// Waits for the beginning of the next iteration, not beyond `until`; false where the user has to go, or where there is
    /// no iteration to wait for.
    pub(super) async fn is_in_time(&mut self, role: Role, until: Offset) -> bool {
        if let Some(next) = self.more.as_mut().and_then(|more| more.next.take()) {
            if !self.shard.load(self.load).has_more(role) {
                return false;
            }
            Box::pin(self.rest_until(next, until)).await;
        }
        !self.has_to_go()
    }

    async fn rest_until(&mut self, next: Offset, until: Offset) {
        let shard = Rc::clone(&self.shard);
        self.ready = next;
        self.present = None;
        tokio::select! {
            () = shard.timer.sleep_until(shard.clock.instant(next.min(until))) => {}
            () = shard.stopped(self.load) => {}
            () = lost(&mut self.seat) => {}
        }
    }

    /// Waits until the user is ready; false where it has to go before.
    pub(super) async fn is_still_here(&mut self) -> bool {
        let until = self.shard.clock.instant(self.ready);
        self.present = None;
        tokio::select! {
            () = self.shard.timer.sleep_until(until) => true,
            () = lost(&mut self.seat) => false,
        }
    }

    /// Waits for the turn of a request whose rate has a cap; false where the user has to go before it comes.
    pub(super) async fn turn(&mut self, limit: RateLimit, step: StepIndex) -> bool {
        let (shard, ready) = (Rc::clone(&self.shard), self.ready);
        let Some(turns) = shard.turns(limit) else {
            return true;
        };
        let mut guard = InLine {
            shard: &shard,
            step,
            ready,
            left: true,
        };
        let wait = turns.wait(ready, shard.clock, &shard.timer);
        self.present = None;
        self.ready = tokio::select! {
            due = wait => due,
            // Its level fell: that is not the end of the run.
            () = lost(&mut self.seat) => {
                guard.left = false;
                return false;
            }
        };
        guard.left = false;
        let mut recorder = shard.recorder.borrow_mut();
        recorder.turn(step, self.ready, self.ready.since(ready));
        true
    }
}

/// A user in line for a turn; dropped before that comes, it is counted as cut.
struct InLine<'a, C: Connector, T: Timer> {
    shard: &'a Shard<C, T>,
    step: StepIndex,
    ready: Offset,
    left: bool,
}

impl<C: Connector, T: Timer> Drop for InLine<'_, C, T> {
    fn drop(&mut self) {
        if self.left {
            let mut recorder = self.shard.recorder.borrow_mut();
            recorder.cut_in_line(self.step, self.ready);
        }
    }
}
