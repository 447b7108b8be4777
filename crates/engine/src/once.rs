//! What is done once in a run: the setup before its first user, and the teardown after its last.
//!
//! Each is walked by a user of no load, on a thread of its own that ends with it. Nothing of it is on the way of the load.

use crate::{
    clock::Clock,
    connection::Connect,
    error::Error,
    nap::{nap_begins, nap_ends},
    phase::Stop,
    run::Settings,
    shard::{Common, Shard},
    timer::{Timer as _, Timing},
    user::User,
    worker::Placement,
};
use loadgen_scenario::{OnFailure, Once, Plan, Request, Scope, Step, format_duration};
use loadgen_stats::{ErrorTotal, Outcome, Totals};
use std::{fmt, io, rc::Rc, sync::Arc, thread};
use tokio::{
    sync::{oneshot, watch},
    task::{self, LocalSet},
    time::Instant,
};

/// What a plan does once.
pub(crate) struct Errands<C, T> {
    plan: Arc<Plan>,
    settings: Settings,
    connect: Arc<C>,
    timing: Arc<T>,
    stop: watch::Receiver<Stop>,
    /// What the user knows who does all of it.
    scope: Scope,
    /// By which the tokens and cookies of that user end.
    clock: Clock,
}

/// What came of it.
pub(crate) struct Done {
    /// What was counted.
    pub(crate) totals: Totals,
    /// Why it did not come to its end.
    pub(crate) trouble: Option<Trouble>,
}

/// Why something that is done once did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// A step failed: which, and why.
    Failed(String),
    /// It took longer than it may: the key that says how long, and that length.
    TooLong(&'static str, std::time::Duration),
    /// A signal came.
    Stopped,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(reason) => f.write_str(reason),
            Self::TooLong(key, limit) => {
                write!(f, "it took longer than {} ({key})", format_duration(*limit))
            }
            Self::Stopped => f.write_str("a signal ended it"),
        }
    }
}

/// One of the two.
struct Errand {
    plan: Arc<Plan>,
    settings: Settings,
    stop: watch::Receiver<Stop>,
    scope: Scope,
    clock: Clock,
    /// What ends it.
    ended_by: Stop,
    once: fn(&Plan) -> &Once,
    key: &'static str,
}

impl<C: Connect + 'static, T: Timing + 'static> Errands<C, T> {
    pub(crate) fn new(
        plan: &Arc<Plan>,
        settings: Settings,
        connect: Arc<C>,
        timing: Arc<T>,
        stop: watch::Receiver<Stop>,
    ) -> Self {
        let scope = plan.scope(0, crate::seed::user_seed(settings.seed, u64::MAX));
        // It takes none from those who take turns.
        (0..plan.data.len()).for_each(|set| scope.give_row(set, 0));
        Self {
            plan: Arc::clone(plan),
            settings,
            connect,
            timing,
            stop,
            scope,
            clock: Clock::starting_at(Instant::now()),
        }
    }

    pub(crate) fn has_setup(&self) -> bool {
        !self.plan.setup.steps.is_empty()
    }

    pub(crate) fn has_teardown(&self) -> bool {
        !self.plan.teardown.steps.is_empty()
    }

    /// Does what comes before the first user, and tells all users what it came to know. None where there is nothing.
    pub(crate) async fn set_up(&mut self) -> Result<Option<Done>, Error> {
        if !self.has_setup() {
            return Ok(None);
        }
        let done = self
            .errand(Stop::Drain, |plan| &plan.setup, "setup_timeout")
            .await?;
        self.plan.share(self.scope.kept());
        Ok(Some(done))
    }

    /// Does what comes after the last user. None where there is nothing.
    pub(crate) async fn tear_down(&mut self) -> Result<Option<Done>, Error> {
        if !self.has_teardown() {
            return Ok(None);
        }
        let done = self
            .errand(Stop::Cut, |plan| &plan.teardown, "teardown_timeout")
            .await?;
        Ok(Some(done))
    }

    async fn errand(
        &self,
        ended_by: Stop,
        once: fn(&Plan) -> &Once,
        key: &'static str,
    ) -> Result<Done, Error> {
        let errand = Errand {
            plan: Arc::clone(&self.plan),
            settings: self.settings,
            stop: self.stop.clone(),
            scope: self.scope.clone(),
            clock: self.clock,
            ended_by,
            once,
            key,
        };
        let (connect, timing) = (Arc::clone(&self.connect), Arc::clone(&self.timing));
        let done = match self.settings.placement {
            Placement::Inline => {
                let walk = task::spawn_local(errand.walk(connect, timing));
                walk.await.map_err(|_| Error::BrokenWorker)?
            }
            Placement::Threads => {
                let (told, done) = oneshot::channel();
                let thread = thread::Builder::new()
                    .name(key.trim_end_matches("_timeout").to_owned())
                    .spawn(move || {
                        // Whoever waits for it is gone only where the run is.
                        let _ = told.send(on_this_thread(errand.walk(connect, timing)));
                    })
                    .map_err(Error::Once)?;
                let done = done.await.map_err(|_| Error::BrokenWorker);
                thread.join().map_err(|_| Error::BrokenWorker)?;
                done?
            }
        };
        done.map_err(Error::Once)
    }
}

impl Errand {
    async fn walk<C: Connect, T: Timing>(
        mut self,
        connect: Arc<C>,
        timing: Arc<T>,
    ) -> io::Result<Done> {
        let index = self.settings.workers.max(1);
        let (connector, timer) = (connect.connector(index)?, timing.timer(index)?);
        let common = Common::by(self.clock, &self.plan, self.settings.seed, index);
        let common = Arc::new(common);
        // It belongs to no load, and no phase of one is about it.
        let (_phases, phases) = watch::channel(Vec::new());
        let shard = Rc::new(Shard::new(index, common, phases, connector, timer));
        let plan = Arc::clone(&self.plan);
        let once = (self.once)(&plan);
        let trouble = {
            let mut user = User::of_run(Rc::clone(&shard), self.scope.clone());
            let limit = shard.clock.instant(shard.clock.now().after(once.limit));
            tokio::select! {
                biased;
                () = stopped(&mut self.stop, self.ended_by) => Some(Trouble::Stopped),
                well = user.do_once(&once.steps) => (!well).then(|| {
                    Trouble::Failed(reason(&once.steps, shard.recorder.borrow().totals()))
                }),
                () = shard.timer.sleep_until(limit) => Some(Trouble::TooLong(self.key, once.limit)),
            }
        };
        let empty = shard.empty_totals();
        let totals = shard.recorder.borrow_mut().swap(empty);
        Ok(Done { totals, trouble })
    }
}

/// Carries a walk out on a runtime of this thread.
fn on_this_thread(walk: impl Future<Output = io::Result<Done>>) -> io::Result<Done> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_park(nap_begins)
        .on_thread_unpark(nap_ends)
        .build()?;
    LocalSet::new().block_on(&runtime, walk)
}

/// Waits until somebody wants an end as strong as that.
async fn stopped(stop: &mut watch::Receiver<Stop>, level: Stop) {
    if stop.wait_for(|stop| *stop >= level).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Why the walk ended before its end: the step that ended it, and what happened.
fn reason(steps: &[Step], totals: &Totals) -> String {
    let requests = Step::requests(steps);
    let of = |error: &&ErrorTotal| requests.iter().find(|one| one.index == error.step).copied();
    let ends = |error: &&ErrorTotal| {
        of(error).is_some_and(|request| request.on_failure != OnFailure::Continue)
    };
    // Whatever ends the walk happens but once; a condition that fails is booked on a step that may not.
    let errors = &totals.errors;
    let error = errors.iter().find(ends).or(errors.last());
    if let Some((error, request)) = error.and_then(|error| Some((error, of(&error)?))) {
        let (name, kind) = (&request.name, error.kind.name());
        return format!("the step `{name}` failed: {kind}: {}", error.message);
    }
    let lacking = requests
        .into_iter()
        .find_map(|request| lack(request, totals));
    lacking.unwrap_or_else(|| "a step failed".to_owned())
}

/// What is told of a step whose answer was fine, but held nothing of what the steps after it need.
fn lack(request: &Request, totals: &Totals) -> Option<String> {
    let step = totals.steps.get(request.index.0)?;
    let fine = [Outcome::Rejected, Outcome::Cancelled];
    let lacks = request.on_missing != OnFailure::Continue
        && !request.extract.is_empty()
        && fine
            .iter()
            .any(|outcome| step.outcomes[outcome.index()] > 0);
    let status = step.tallies.iter().find_map(|tally| tally.status);
    let status = status.map_or(String::new(), |status| format!(" (status {status})"));
    lacks.then(|| {
        format!(
            "the step `{}` had an answer that is allowed{status}, but nothing to extract",
            request.name
        )
    })
}
