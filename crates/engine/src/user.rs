//! One virtual user: walks the flow of a scenario, iteration after iteration.

mod before;
mod once;
mod resting;
mod rows;
mod sending;
mod talk;
mod waits;
mod walk;

pub(crate) use resting::Resting;

use crate::{
    connection::Connector,
    luck::Luck,
    permits::Asking,
    schedule::Stay,
    seats::Seat,
    seed::user_seed,
    shard::{Presence, Shard},
    timer::Timer,
};
use loadgen_scenario::Scope;
use loadgen_stats::{DropReason, Iteration, Offset, ScenarioIndex};
use std::{
    cell::RefCell,
    future::poll_fn,
    pin::{Pin, pin},
    rc::Rc,
};
use tokio::{sync::Mutex, time::timeout_at};

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
    /// The clock as it was read last; absent where something was waited for since.
    present: Option<Offset>,
}

/// What only some users have: in a box, so that it takes no memory of others.
struct More<C> {
    /// Connections of steps that were done at once: all ways that are gone at once have them together.
    spare: Rc<RefCell<Vec<C>>>,
    /// Held while it asks for a token of its own: of all ways one asks.
    asking: Rc<Mutex<()>>,
    /// The scenarios for which it has done what comes before the first iteration, and why it may not go on.
    prepared: Vec<(ScenarioIndex, Option<DropReason>)>,
    /// The one of which it has done so and no iteration yet: that goes on with the rows it was given.
    fresh: Option<ScenarioIndex>,
    /// When its next iteration begins, as the pace of its scenario says.
    next: Option<Offset>,
}

impl<C> Default for More<C> {
    fn default() -> Self {
        Self {
            spare: Rc::default(),
            asking: Rc::default(),
            prepared: Vec::new(),
            fresh: None,
            next: None,
        }
    }
}

/// An arrival of an open load and one of the load's `max_vus`, until it is dropped. Dropped before its user has it, it is
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
    /// The arrival of that number, where a user is free for it; else it is counted as dropped.
    pub(crate) fn new(
        shard: &Rc<Shard<C, T>>,
        load: usize,
        number: u64,
        asking: Asking,
    ) -> Option<Self> {
        let shared = shard.load(load);
        let scenario = shared.roles.scenario(shared.roles.of_iteration(number));
        let due = asking.due;
        if shared.busy_users.take(asking, || shard.clock.now()) {
            Some(Self {
                present: shard.enter(),
                load,
                scenario,
                number,
                due,
                begun: false,
            })
        } else {
            let reason = shared.busy_users.blame(shard.clock.now());
            let mut recorder = shard.recorder.borrow_mut();
            recorder.dropped_iterations(scenario, due, reason, 1);
            None
        }
    }

    /// Runs one iteration, on a connection that an earlier arrival left behind; where something comes before the first
    /// iteration, or users have tokens of their own, by a user who has all that, if one is free.
    pub(crate) async fn run(mut self) {
        let shard = Rc::clone(self.present.shard());
        let keeps = shard.plan.scenarios[self.scenario.0].keeps_users;
        let rested = keeps.then(|| shard.resting(self.scenario).wake());
        let rested = rested.flatten();
        let number = shard.load(self.load).user(self.number);
        let (mut user, iteration) = match rested {
            Some(rested) => User::woken(Rc::clone(&shard), self.load, rested, self.due),
            None => {
                let user = User::new(Rc::clone(&shard), self.load, number, self.due);
                (user, 0)
            }
        };
        // From here on the user books what becomes of it.
        self.begun = true;
        let end = user.iteration(self.scenario, iteration).await;
        let rested = user.leave(iteration + 1);
        if keeps && !matches!(end, StepEnd::EndUser) {
            shard.resting(self.scenario).add(rested);
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
            present: None,
            shard,
        }
    }

    /// A user of a closed load: runs iterations for as long as it stays and the load has some; of a load that is steered,
    /// for as long as it has its seat.
    pub(crate) async fn stay(
        present: Presence<C, T>,
        load: usize,
        stay: Stay,
        seat: Option<Box<Seat>>,
    ) {
        // What is kept here is memory of every user, also of those who think: as little as can be.
        let shard = present.shard();
        let role = shard.load(load).roles.of_user(stay.place);
        let number = shard.load(load).user(stay.user);
        let mut user = Self::new(Rc::clone(shard), load, number, stay.from);
        user.seat = seat;
        for number in 0..shard.load(load).schedule.budget().most_of_one_user() {
            if !user.is_in_time(role, stay.until).await {
                break;
            }
            if let Some(scenario) = shard.load(load).sure_scenario(role)
                && user.has_to_prepare(scenario)
                && !Box::pin(user.prepare_in_time(scenario, &stay)).await
            {
                user.tell_never_began(scenario);
                break;
            }
            let now = user.now();
            let Some(scenario) = shard.take(load, role, (now, stay.until)) else {
                break;
            };
            let (end, waited) = match stay.cut {
                None => waiting(pin!(user.iteration(scenario, number))).await,
                // Cut in the middle, the iteration books itself as interrupted.
                Some(cut) => {
                    let cut = shard.clock.instant(cut);
                    let cut = pin!(timeout_at(cut, user.iteration(scenario, number)));
                    let (end, waited) = waiting(cut).await;
                    (end.unwrap_or(StepEnd::EndUser), waited)
                }
            };
            // A flow that never waits must not keep the shard's other users from their turn. One that has waited gave
            // it to them then.
            if !waited {
                user.present = None;
                tokio::task::yield_now().await;
            }
            if matches!(end, StepEnd::EndUser | StepEnd::Leave) {
                break;
            }
        }
    }

    /// One iteration that was taken, of that number among those of the user; before the first one of its scenario, what
    /// comes before it. Where it does not come to begin, it is dropped.
    async fn iteration(&mut self, scenario: ScenarioIndex, number: u64) -> StepEnd {
        let shard = Rc::clone(&self.shard);
        let mut guard = IterationGuard {
            shard: &shard,
            scenario,
            due: self.ready,
            stage: Stage::Taken(DropReason::End),
        };
        // A user of shared iterations may come to a scenario for the first time.
        if self.has_to_prepare(scenario) {
            Box::pin(self.prepare(scenario)).await;
        }
        self.scope.begin_iteration(number);
        if let Some(reason) = self.hindrance(scenario, number) {
            guard.stage = Stage::Taken(reason);
            return StepEnd::EndUser;
        }
        (guard.due, guard.stage) = (self.ready, Stage::Begun);
        let began = self.now();
        let end = self.walk(&shard.plan.scenarios[scenario.0].flow).await;
        if shard.plan.scenarios[scenario.0].converses {
            self.scope.end_conversations();
        }
        if matches!(end, StepEnd::Leave) {
            return end;
        }
        guard.stage = Stage::Finished;
        let ended = shard.clock.now();
        self.present = Some(ended);
        let iteration = Iteration {
            scenario,
            due: guard.due,
            began,
            ended,
            failed: end.has_failed(),
        };
        shard.recorder.borrow_mut().iteration(&iteration);
        self.keep_pace(scenario, guard.due);
        end
    }

    /// The present; read once for all that is done without a wait.
    fn now(&mut self) -> Offset {
        let now = self.present.take();
        let now = now.unwrap_or_else(|| self.shard.clock.now());
        self.present = Some(now);
        now
    }

    /// Whether the load has no place for this user any more.
    fn has_to_go(&self) -> bool {
        self.seat.as_ref().is_some_and(|seat| seat.is_lost())
    }
}

/// What a future comes to, and whether it had to be waited for.
fn waiting<F: Future>(mut future: Pin<&mut F>) -> impl Future<Output = (F::Output, bool)> {
    let mut waited = false;
    poll_fn(move |context| {
        let polled = future.as_mut().poll(context);
        waited |= polled.is_pending();
        polled.map(|output| (output, waited))
    })
}

/// An iteration that was taken; dropped before it has begun, it is counted as dropped, and in the middle as interrupted.
struct IterationGuard<'a, C: Connector, T: Timer> {
    shard: &'a Shard<C, T>,
    scenario: ScenarioIndex,
    due: Offset,
    stage: Stage,
}

/// How far an iteration has come.
enum Stage {
    /// It has not begun; where it never does, this is why.
    Taken(DropReason),
    Begun,
    Finished,
}

impl<C: Connector, T: Timer> Drop for IterationGuard<'_, C, T> {
    fn drop(&mut self) {
        let mut recorder = self.shard.recorder.borrow_mut();
        match self.stage {
            Stage::Taken(reason) => {
                recorder.dropped_iterations(self.scenario, self.due, reason, 1);
            }
            Stage::Begun => recorder.interrupted_iteration(self.scenario, self.due),
            Stage::Finished => {}
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
    use loadgen_scenario::Request;

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

    /// Its calls take none.
    struct Small;

    impl Connector for Small {
        type Connection = Self;

        fn connection(&self) -> Self {
            Self
        }
    }

    impl Connection for Small {
        async fn call(&mut self, _: &Call<'_>, _: &mut Exchange, _: &mut dyn StreamSink) {}
    }

    fn size_of_returned<A, B, F: Future>(_: impl Fn(A, B) -> F) -> usize {
        size_of::<F>()
    }

    fn size<A, B, C, D, F: Future>(_: impl Fn(A, B, C, D) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_request_takes_little_memory_besides_its_call() {
        let request = |user: &'static mut User<Small, TokioTiming>, request: &'static Request| {
            user.request(request)
        };
        let bytes = size_of_returned(request);
        assert!(bytes <= 1_280, "{bytes} bytes");
    }

    #[test]
    fn a_user_who_thinks_holds_no_memory_of_a_request() {
        let user = size(User::<Large, TokioTiming>::stay);
        assert!(user <= 768, "{user} bytes");
    }

    #[tokio::test]
    async fn a_future_that_is_ready_at_once_was_not_waited_for() {
        assert_eq!(waiting(pin!(async { 1 })).await, (1, false));
        let later = async {
            tokio::task::yield_now().await;
            2
        };
        assert_eq!(waiting(pin!(later)).await, (2, true));
    }
}
