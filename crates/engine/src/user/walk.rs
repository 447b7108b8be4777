//! How a user walks the tree of steps.

use super::{More, StepEnd, User};
use crate::{
    connection::Connector,
    flight::{Landing, template_failed},
    seats::Seat,
    shard::Shard,
    timer::Timer,
    ways::{self, all_of},
};
use loadgen_scenario::{
    Alternative, Condition, Group, Guarded, OnFailure, Request, Scope, Step, Think,
};
use loadgen_stats::{Offset, Outcome, StepIndex};
use std::{cell::RefCell, pin::Pin, rc::Rc};

/// Some of the way: in a box, as the tree may be of any depth, and users who think hold no memory of it.
type Way<'a> = ways::Way<'a, StepEnd>;

impl StepEnd {
    /// What a request does to its iteration.
    pub(super) fn of(request: &Request, landing: &Landing) -> Self {
        let on_failure = if landing.lacking {
            request.on_missing
        } else {
            request.on_failure
        };
        match (landing.outcome, on_failure) {
            (Outcome::Failed, on_failure) => Self::of_failure(on_failure),
            (_, OnFailure::NextIteration | OnFailure::StopUser) if landing.lacking => {
                Self::Over { failed: false }
            }
            _ => Self::Next { failed: false },
        }
    }

    /// What a failure does to the iteration.
    pub(super) const fn of_failure(on_failure: OnFailure) -> Self {
        match on_failure {
            OnFailure::Continue => Self::Next { failed: true },
            OnFailure::NextIteration => Self::EndIteration,
            OnFailure::StopUser => Self::EndUser,
        }
    }

    /// What two ways that were gone at once do together: the stronger end wins.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Leave, _) | (_, Self::Leave) => Self::Leave,
            (Self::EndUser, _) | (_, Self::EndUser) => Self::EndUser,
            (Self::EndIteration, _) | (_, Self::EndIteration) => Self::EndIteration,
            (Self::Next { failed }, Self::Next { failed: too }) => Self::Next {
                failed: failed || too,
            },
            (one, other) => Self::Over {
                failed: one.has_failed() || other.has_failed(),
            },
        }
    }

    /// Whether anything failed on the way.
    pub(super) const fn has_failed(&self) -> bool {
        !matches!(
            self,
            Self::Next { failed: false } | Self::Over { failed: false }
        )
    }
}

impl<C: Connector, T: Timer> User<C, T> {
    /// Does steps one after the other.
    pub(super) async fn walk(&mut self, steps: &[Step]) -> StepEnd {
        let mut all = StepEnd::Next { failed: false };
        for step in steps {
            if self.has_to_go() {
                return StepEnd::Leave;
            }
            let end = match step {
                Step::Think(think) => self.think(*think).await,
                Step::Request(request) => match &request.conversation {
                    None => self.boxed_request(request).await,
                    Some(talk) => Box::pin(self.converse(request, talk)).await,
                },
                tree => {
                    self.present = None;
                    self.tree(tree).await
                }
            };
            all = all.and(end);
            if !matches!(all, StepEnd::Next { .. }) {
                break;
            }
        }
        all
    }

    /// A request in a box of its own: most users think most of the time, and hold no memory of a request then. Not made
    /// where it is awaited, so that it is built where it stays rather than moved there.
    #[inline(never)]
    fn boxed_request<'a>(
        &'a mut self,
        request: &'a Request,
    ) -> Pin<Box<impl Future<Output = StepEnd> + use<'a, C, T>>> {
        Box::pin(self.request(request))
    }

    /// Does one step.
    fn step<'a>(&'a mut self, step: &'a Step) -> Way<'a> {
        Box::pin(self.walk(std::slice::from_ref(step)))
    }

    fn tree<'a>(&'a mut self, step: &'a Step) -> Way<'a> {
        match step {
            Step::Steps(steps) => Box::pin(self.walk(steps)),
            Step::Choose(alternatives) => self.choose(alternatives),
            Step::Parallel(steps) => Box::pin(self.at_once(steps)),
            Step::Group(group) => Box::pin(self.group(group)),
            Step::Guarded(guarded) => Box::pin(self.guarded(guarded)),
            Step::Request(_) | Step::Think(_) => self.step(step),
        }
    }

    fn choose<'a>(&'a mut self, alternatives: &'a [Alternative]) -> Way<'a> {
        let chosen = self.luck.choose(alternatives);
        self.step(&alternatives[chosen].step)
    }

    /// Goes through a group, and records how long that took.
    async fn group(&mut self, group: &Group) -> StepEnd {
        let shard = Rc::clone(&self.shard);
        let mut guard = GroupGuard {
            shard: &shard,
            group: group.index,
            due: self.ready,
            began: shard.clock.now(),
            finished: false,
        };
        let end = self.step(&group.step).await;
        if !matches!(end, StepEnd::Leave) {
            guard.finished = true;
            let length = shard.clock.now().since(guard.began);
            let mut recorder = shard.recorder.borrow_mut();
            recorder.group(group.index, guard.due, length, end.has_failed());
        }
        end
    }

    async fn guarded(&mut self, guarded: &Guarded) -> StepEnd {
        let mut all = StepEnd::Next { failed: false };
        for time in 0..self.luck.times(guarded.repeat) {
            if time > 0 {
                // Steps that never wait must not keep the shard's other users from their turn.
                tokio::task::yield_now().await;
                if self.has_to_go() {
                    return StepEnd::Leave;
                }
            }
            match self.may(guarded.when.as_ref()) {
                Ok(true) => {}
                Ok(false) => break,
                Err(end) => return all.and(end),
            }
            all = all.and(self.step(&guarded.step).await);
            if !matches!(all, StepEnd::Next { .. }) {
                break;
            }
        }
        all
    }

    /// Whether a step may be done; an error where that cannot be told: a request of the step has failed then.
    fn may(&mut self, when: Option<&Condition>) -> Result<bool, StepEnd> {
        let Some(condition) = when else {
            return Ok(true);
        };
        condition.holds(&self.scope).map_err(|error| {
            let landing = template_failed(&self.shard, (condition.step, None), self.ready, &error);
            self.ready = landing.done;
            StepEnd::of_failure(condition.on_failure)
        })
    }

    /// Does steps at once, and waits for all of them.
    async fn at_once(&mut self, steps: &[Step]) -> StepEnd {
        let Some((own, others)) = steps.split_first() else {
            return StepEnd::Next { failed: false };
        };
        let spare = Rc::clone(&self.more().spare);
        // Each way gets the connection that it had before, so that it finds its own servers there.
        let known = {
            let mut spare = spare.borrow_mut();
            let rest = spare.len().saturating_sub(others.len());
            spare.split_off(rest)
        };
        let mut known = known.into_iter();
        let whole = self.scope.clone();
        let scopes = whole.fork(steps.len());
        let mut ways = scopes.iter().cloned();
        self.scope = ways.next().unwrap_or_else(|| whole.clone());
        let companion = |scope| self.companion(scope, &spare, known.next());
        let mut companions: Vec<Self> = ways.map(companion).collect();
        let ends = {
            let going = companions.iter_mut().zip(others);
            let mut ways = vec![self.tree(own)];
            ways.extend(going.map(|(companion, step)| companion.tree(step)));
            all_of(ways).await
        };
        whole.join(&scopes);
        self.scope = whole;
        for way in companions {
            self.ready = self.ready.max(way.ready);
            spare.borrow_mut().push(way.connection);
        }
        let none = StepEnd::Next { failed: false };
        ends.into_iter().fold(none, StepEnd::and)
    }

    /// The same user on another connection, for one of several ways that it goes at once.
    fn companion(
        &mut self,
        scope: Scope,
        spare: &Rc<RefCell<Vec<C::Connection>>>,
        known: Option<C::Connection>,
    ) -> Self {
        let more = More {
            spare: Rc::clone(spare),
            asking: Rc::clone(&self.more().asking),
            ..More::default()
        };
        Self {
            connection: known.unwrap_or_else(|| self.shard.idle_connection(self.load)),
            shard: Rc::clone(&self.shard),
            load: self.load,
            scope,
            luck: self.luck.fork(),
            more: Some(Box::new(more)),
            seat: self.seat.clone(),
            ready: self.ready,
            present: None,
        }
    }

    pub(super) async fn think(&mut self, think: Think) -> StepEnd {
        self.ready = self.ready.after(self.luck.pause(think));
        // Who has to go need not think to the end.
        match self.is_still_here().await {
            true => StepEnd::Next { failed: false },
            false => StepEnd::Leave,
        }
    }
}

/// A group that has begun; dropped in the middle, it is noted as cut after as long as it took so far.
struct GroupGuard<'a, C: Connector, T: Timer> {
    shard: &'a Shard<C, T>,
    group: StepIndex,
    due: Offset,
    began: Offset,
    finished: bool,
}

impl<C: Connector, T: Timer> Drop for GroupGuard<'_, C, T> {
    fn drop(&mut self) {
        if !self.finished {
            let waited = self.shard.clock.now().since(self.began);
            let mut recorder = self.shard.recorder.borrow_mut();
            recorder.cut_group(self.group, self.due, waited);
        }
    }
}

/// Waits until the seat is lost: forever where there is none, which takes no memory.
pub(super) fn lost<'a>(seat: &'a mut Option<Box<Seat>>) -> ways::Way<'a, ()> {
    match seat {
        None => Box::pin(std::future::pending()),
        Some(seat) => Box::pin(seat.lost()),
    }
}
