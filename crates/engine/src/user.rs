//! One virtual user: walks the flow of a scenario, iteration after iteration.

mod once;
mod rows;
mod sending;
mod walk;

use crate::{
    connection::Connector,
    luck::Luck,
    schedule::Stay,
    seats::Seat,
    seed::user_seed,
    shard::{Presence, Shard},
    timer::Timer,
};
use loadgen_scenario::Scope;
use loadgen_stats::{DropReason, Iteration, Offset, ScenarioIndex};
use std::{rc::Rc, time::Duration};
use tokio::time::timeout_at;
use walk::lost;

/// A virtual user. Dropping it in mid-iteration books what was cut.
pub(crate) struct User<C: Connector, T: Timer> {
    shard: Rc<Shard<C, T>>,
    /// The load that it belongs to.
    load: usize,
    connection: C::Connection,
    /// What only some users have, made at first use.
    more: Option<Box<More<C::Connection>>>,
    scope: Scope,
    luck: Luck,
    /// In a load that is steered.
    seat: Option<Box<Seat>>,
    /// When the user became ready for its next step.
    ready: Offset,
}

/// What only some users have: in a box, so that it takes no memory of others.
struct More<C> {
    /// Connections of steps that were done at once.
    spare: Vec<C>,
    /// The scenarios for which it has done what comes before the first iteration, and whether it may go on.
    prepared: Vec<(ScenarioIndex, bool)>,
}

/// A user of an open load between two arrivals.
pub(crate) struct Rested<C> {
    connection: C,
    more: Option<Box<More<C>>>,
    scope: Scope,
    luck: Luck,
    /// How many iterations it has done.
    iterations: u64,
}

/// An arrival of an open load and one of the load's `max_vus`, until it is dropped. Dropped before it has begun, it is
/// counted as dropped.
pub(crate) struct Arrival<C: Connector, T: Timer> {
    present: Presence<C, T>,
    load: usize,
    scenario: ScenarioIndex,
    number: u64,
    due: Offset,
    begun: bool,
}

impl<C: Connector, T: Timer> Arrival<C, T> {
    /// The arrival, where a user is free for it; else it is counted as dropped.
    pub(crate) fn new(
        shard: &Rc<Shard<C, T>>,
        load: usize,
        number: u64,
        due: Offset,
    ) -> Option<Self> {
        let shared = shard.load(load);
        let scenario = shared.roles.scenario(shared.roles.of_iteration(number));
        if shared.busy_users.take(due, || shard.clock.now()) {
            Some(Self {
                present: shard.enter(),
                load,
                scenario,
                number,
                due,
                begun: false,
            })
        } else {
            // Had the users begun when they were to, one might be free by now.
            let reason = match shared.busy_users.are_disturbed(shard.clock.now()) {
                true => DropReason::Late,
                false => DropReason::MaxVus,
            };
            let mut recorder = shard.recorder.borrow_mut();
            recorder.dropped_iterations(scenario, due, reason, 1);
            None
        }
    }

    /// Runs one iteration, on a connection that an earlier arrival left behind; where something comes before the first
    /// iteration, by a user who has done it, if one is free.
    pub(crate) async fn run(mut self) {
        let shard = Rc::clone(self.present.shard());
        let keeps = !shard.plan.scenarios[self.scenario.0].before.is_empty();
        let rested = keeps.then(|| shard.wake(self.scenario)).flatten();
        let number = shard.load(self.load).user(self.number);
        let (mut user, iteration) = match rested {
            Some(rested) => User::woken(Rc::clone(&shard), self.load, rested, self.due),
            None => {
                let user = User::new(Rc::clone(&shard), self.load, number, self.due);
                (user, 0)
            }
        };
        if keeps {
            Box::pin(user.prepare(self.scenario)).await;
        }
        user.scope.begin_iteration(iteration);
        // Without a row for it, it is one of those that never begin.
        let end = if shard.give_rows(self.scenario, &user.scope, number, iteration) {
            self.begun = true;
            user.iteration(self.scenario, Offset::MAX).await
        } else {
            StepEnd::EndUser
        };
        if keeps && !matches!(end, StepEnd::EndUser) {
            shard.rest(self.scenario, user.rested(iteration + 1));
            return;
        }
        for connection in user
            .more
            .map(|more| more.spare)
            .into_iter()
            .flatten()
            .chain([user.connection])
        {
            shard.leave_connection(self.load, connection);
        }
    }
}

impl<C: Connector, T: Timer> Drop for Arrival<C, T> {
    fn drop(&mut self) {
        let shard = self.present.shard();
        shard.load(self.load).busy_users.give_back();
        if !self.begun {
            shard.recorder.borrow_mut().dropped_iterations(
                self.scenario,
                self.due,
                DropReason::Late,
                1,
            );
        }
    }
}

/// What one step did to its iteration.
enum StepEnd {
    Next {
        failed: bool,
    },
    /// The iteration ends without a failure: what follows needs what a fine refusal does not give.
    Over {
        failed: bool,
    },
    EndIteration,
    EndUser,
    /// The load has no place for the user any more: the iteration is interrupted.
    Leave,
}

impl<C: Connector, T: Timer> User<C, T> {
    /// The user of that number in the whole run.
    fn new(shard: Rc<Shard<C, T>>, load: usize, user: u64, ready: Offset) -> Self {
        let seed = shard.seed;
        let scope = shard.plan.scope(user + 1, user_seed(seed, user));
        Self {
            load,
            connection: shard.idle_connection(load),
            more: None,
            scope,
            luck: Luck::of(seed, user),
            seat: None,
            ready,
            shard,
        }
    }

    /// A user who has rested, and the number of its next iteration.
    fn woken(
        shard: Rc<Shard<C, T>>,
        load: usize,
        rested: Rested<C::Connection>,
        ready: Offset,
    ) -> (Self, u64) {
        let user = Self {
            load,
            connection: rested.connection,
            more: rested.more,
            scope: rested.scope,
            luck: rested.luck,
            seat: None,
            ready,
            shard,
        };
        (user, rested.iterations)
    }

    fn rested(self, iterations: u64) -> Rested<C::Connection> {
        Rested {
            connection: self.connection,
            more: self.more,
            scope: self.scope,
            luck: self.luck,
            iterations,
        }
    }

    /// A user of a closed load: runs iterations for as long as it stays and the load has some; of a load that is steered,
    /// for as long as it has its seat.
    pub(crate) async fn stay(present: Presence<C, T>, load: usize, stay: Stay, seat: Option<Seat>) {
        let shard = Rc::clone(present.shard());
        let shared = shard.load(load);
        let vu = shared.user(stay.user);
        let mut user = Self::new(Rc::clone(&shard), load, vu, stay.from);
        user.seat = seat.map(Box::new);
        let role = shared.roles.of_user(stay.place);
        for number in 0..shared.schedule.budget().most_of_one_user() {
            if user.has_to_go() {
                break;
            }
            if let Some(scenario) = shared.sure_scenario(role)
                && user.has_to_prepare(scenario)
                && !Box::pin(user.prepare_in_time(scenario, &stay)).await
            {
                break;
            }
            let Some(scenario) = shard.take(load, role, stay.until) else {
                break;
            };
            user.scope.begin_iteration(number);
            if !shard.give_rows(scenario, &user.scope, vu, number) {
                user.drop_iteration(scenario);
                break;
            }
            let end = match stay.cut {
                None => user.iteration(scenario, stay.until).await,
                // Cut in the middle, the iteration books itself as interrupted.
                Some(cut) => timeout_at(
                    shard.clock.instant(cut),
                    user.iteration(scenario, stay.until),
                )
                .await
                .unwrap_or(StepEnd::EndUser),
            };
            // A flow that never waits must not keep the shard's other users from their turn.
            tokio::task::yield_now().await;
            if matches!(end, StepEnd::EndUser | StepEnd::Leave) {
                break;
            }
        }
    }

    /// Whether something comes before the first iteration of a scenario that the user has not done.
    fn has_to_prepare(&self, scenario: ScenarioIndex) -> bool {
        !self.shard.plan.scenarios[scenario.0].before.is_empty() && self.fitness(scenario).is_none()
    }

    /// Whether the user may go on with a scenario, where it has done what comes before.
    fn fitness(&self, scenario: ScenarioIndex) -> Option<bool> {
        let mut known = self.more.as_ref()?.prepared.iter();
        known
            .find(|(known, _)| *known == scenario)
            .map(|(_, fit)| *fit)
    }

    fn more(&mut self) -> &mut More<C::Connection> {
        self.more.get_or_insert_with(|| {
            Box::new(More {
                spare: Vec::new(),
                prepared: Vec::new(),
            })
        })
    }

    /// Does what comes before the first iteration of a scenario, once; whether the user may go on.
    async fn prepare(&mut self, scenario: ScenarioIndex) -> bool {
        if let Some(fit) = self.fitness(scenario) {
            return fit;
        }
        let shard = Rc::clone(&self.shard);
        self.scope.begin_iteration(0);
        let end = if self.is_given_rows(scenario) {
            self.walk(&shard.plan.scenarios[scenario.0].before).await
        } else {
            StepEnd::EndUser
        };
        let fit = !matches!(
            end,
            StepEnd::EndUser | StepEnd::Leave | StepEnd::Over { .. }
        );
        self.more().prepared.push((scenario, fit));
        fit
    }

    /// The same for a user who comes and goes; not where its load begins nothing any more.
    async fn prepare_in_time(&mut self, scenario: ScenarioIndex, stay: &Stay) -> bool {
        if !self.shard.goes_on(self.load, stay.until) {
            return false;
        }
        match stay.cut {
            None => self.prepare(scenario).await,
            Some(cut) => timeout_at(self.shard.clock.instant(cut), self.prepare(scenario))
                .await
                .unwrap_or(false),
        }
    }

    /// Waits for the beginning of the next iteration, the last one having been due then.
    async fn keep_pace(
        &mut self,
        scenario: ScenarioIndex,
        due: Offset,
        pace: Duration,
        until: Offset,
    ) {
        let shard = Rc::clone(&self.shard);
        let next = due.after(pace);
        if next < self.ready {
            shard.recorder.borrow_mut().late_iteration(scenario, due);
            return;
        }
        self.ready = next;
        tokio::select! {
            () = shard.timer.sleep_until(shard.clock.instant(next.min(until))) => {}
            () = shard.stopped(self.load) => {}
            () = lost(&mut self.seat) => {}
        }
    }

    /// One iteration, and where it has a pace the wait for the next: not beyond `until`.
    async fn iteration(&mut self, scenario: ScenarioIndex, until: Offset) -> StepEnd {
        let shard = Rc::clone(&self.shard);
        let mut began = shard.clock.now();
        let mut guard = IterationGuard {
            shard: &shard,
            scenario,
            due: self.ready,
            finished: false,
        };
        // A user of shared iterations may come to a scenario for the first time.
        if self.has_to_prepare(scenario) {
            Box::pin(self.prepare(scenario)).await;
            (guard.due, began) = (self.ready, shard.clock.now());
        }
        let end = if self.fitness(scenario).unwrap_or(true) {
            self.walk(&shard.plan.scenarios[scenario.0].flow).await
        } else {
            StepEnd::EndUser
        };
        if matches!(end, StepEnd::Leave) {
            return end;
        }
        guard.finished = true;
        let iteration = Iteration {
            scenario: guard.scenario,
            due: guard.due,
            began,
            ended: shard.clock.now(),
            failed: end.has_failed(),
        };
        shard.recorder.borrow_mut().iteration(&iteration);
        if !matches!(end, StepEnd::EndUser)
            && let Some(pace) = shard.plan.scenarios[guard.scenario.0].pace
        {
            Box::pin(self.keep_pace(guard.scenario, guard.due, pace, until)).await;
        }
        end
    }

    /// Whether the load has no place for this user any more.
    fn has_to_go(&self) -> bool {
        self.seat.as_ref().is_some_and(|seat| seat.is_lost())
    }
}

/// An iteration that has begun; dropped in the middle, it is counted as interrupted.
struct IterationGuard<'a, C: Connector, T: Timer> {
    shard: &'a Shard<C, T>,
    scenario: ScenarioIndex,
    due: Offset,
    finished: bool,
}

impl<C: Connector, T: Timer> Drop for IterationGuard<'_, C, T> {
    fn drop(&mut self) {
        if !self.finished {
            self.shard
                .recorder
                .borrow_mut()
                .interrupted_iteration(self.scenario, self.due);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        connection::{Call, Connection, Exchange, StreamSink},
        timer::TokioTiming,
    };

    /// Its calls take a lot of memory while they run.
    struct Large;

    impl Connector for Large {
        type Connection = Self;

        fn connection(&self) -> Self {
            Self
        }
    }

    impl Connection for Large {
        async fn call(&mut self, _: &Call<'_>, exchange: &mut Exchange, _: &mut dyn StreamSink) {
            let room = [0_u8; 16 * 1024];
            tokio::task::yield_now().await;
            exchange.whole = room[0] == 0;
        }
    }

    fn size<A, B, C, D, F: Future>(_: impl Fn(A, B, C, D) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_user_who_thinks_holds_no_memory_of_a_request() {
        let user = size(User::<Large, TokioTiming>::stay);
        assert!(user <= 768, "{user} bytes");
    }
}
