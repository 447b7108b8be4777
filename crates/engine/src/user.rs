//! One virtual user: walks the flow of its scenario, iteration after iteration.

use crate::{
    connection::{Call, Connection, Connector},
    flight::{Flight, template_failed},
    seed::{UserRng, think_rng, user_seed},
    shard::{Presence, Shard},
    sink::RecorderSink,
    timer::Timer,
};
use loadgen_scenario::{OnFailure, Request, Scope, Step, Think};
use loadgen_stats::{Iteration, Offset, Outcome, ScenarioIndex};
use rand::RngExt as _;
use std::{rc::Rc, time::Duration};

/// Bytes of a body that are kept for a check.
const CHECKED_BODY: usize = 1 << 20;

/// A virtual user. Dropping it in mid-iteration books what was cut.
pub(crate) struct User<C: Connector, T: Timer> {
    shard: Rc<Shard<C, T>>,
    scenario: ScenarioIndex,
    connection: C::Connection,
    scope: Scope,
    rng: UserRng,
    /// When the user became ready for its next step.
    ready: Offset,
}

/// What one step did to its iteration.
enum StepEnd {
    Next { failed: bool },
    EndIteration,
    EndUser,
}

impl<C: Connector, T: Timer> User<C, T> {
    pub(crate) fn new(shard: Rc<Shard<C, T>>, scenario: ScenarioIndex, number: u32) -> Self {
        let user = u64::from(number);
        let seed = shard.seed;
        Self {
            scenario,
            connection: shard.connector.connection(),
            scope: shard.plan.scope(user + 1, user_seed(seed, user)),
            rng: think_rng(seed, user),
            ready: Offset::ZERO,
            shard,
        }
    }

    /// Runs iterations for as long as the load has some.
    pub(crate) async fn run(mut self, _present: Presence<C, T>) {
        for number in 0.. {
            if !self.shard.may_begin(self.scenario) {
                break;
            }
            self.scope.begin_iteration(number);
            let ended = self.iteration().await;
            // A flow that never waits must not keep the shard's other users from their turn.
            tokio::task::yield_now().await;
            if matches!(ended, StepEnd::EndUser) {
                break;
            }
        }
    }

    async fn iteration(&mut self) -> StepEnd {
        let shard = Rc::clone(&self.shard);
        let began = shard.clock.now();
        let mut guard = IterationGuard {
            shard: &shard,
            scenario: self.scenario,
            finished: false,
        };
        let mut any_failed = false;
        let mut end = StepEnd::Next { failed: false };
        for step in &shard.plan.scenarios[self.scenario.0].flow {
            end = match step {
                Step::Think(think) => self.think(*think).await,
                Step::Request(request) => self.request(request).await,
            };
            any_failed |= !matches!(end, StepEnd::Next { failed: false });
            if !matches!(end, StepEnd::Next { .. }) {
                break;
            }
        }
        guard.finished = true;
        let iteration = Iteration {
            scenario: self.scenario,
            began,
            ended: shard.clock.now(),
            failed: any_failed,
        };
        shard.recorder.borrow_mut().iteration(&iteration);
        end
    }

    async fn think(&mut self, think: Think) -> StepEnd {
        let length = if think.min == think.max {
            think.min
        } else {
            Duration::from_secs_f64(
                self.rng
                    .random_range(think.min.as_secs_f64()..=think.max.as_secs_f64()),
            )
        };
        self.ready = self.ready.after(length);
        self.shard
            .timer
            .sleep_until(self.shard.clock.instant(self.ready))
            .await;
        StepEnd::Next { failed: false }
    }

    async fn request(&mut self, request: &Request) -> StepEnd {
        let shard = Rc::clone(&self.shard);
        let due = self.ready;
        let (done, outcome) = match request.message.render(&shard.plan.target, &self.scope) {
            Err(error) => template_failed(&shard, request, due, &error.to_string()),
            Ok(rendered) => {
                let call = Call {
                    step: request.index,
                    method: request.method,
                    message: &rendered,
                    fixed: request.message.fixed.is_some(),
                    timeouts: request.timeouts,
                    http_version: request.http_version,
                    stream: request.stream.as_ref(),
                    keep_body: if request.expect.body_contains.is_empty() {
                        0
                    } else {
                        CHECKED_BODY
                    },
                    keep_head: false,
                    clock: shard.clock,
                };
                let mut flight = Flight::begin(&shard, request, due);
                let mut sink = RecorderSink {
                    recorder: &shard.recorder,
                    step: request.index,
                    due,
                };
                self.connection
                    .call(&call, flight.exchange(), &mut sink)
                    .await;
                flight.land()
            }
        };
        self.ready = done;
        match (outcome, request.on_failure) {
            (Outcome::Ok | Outcome::Rejected, _) => StepEnd::Next { failed: false },
            (Outcome::Failed, OnFailure::Continue) => StepEnd::Next { failed: true },
            (Outcome::Failed, OnFailure::NextIteration) => StepEnd::EndIteration,
            (Outcome::Failed, OnFailure::StopUser) => StepEnd::EndUser,
        }
    }
}

/// An iteration that has begun; dropped in the middle, it is counted as interrupted.
struct IterationGuard<'a, C: Connector, T: Timer> {
    shard: &'a Shard<C, T>,
    scenario: ScenarioIndex,
    finished: bool,
}

impl<C: Connector, T: Timer> Drop for IterationGuard<'_, C, T> {
    fn drop(&mut self) {
        if !self.finished {
            self.shard
                .recorder
                .borrow_mut()
                .interrupted_iteration(self.scenario);
        }
    }
}
