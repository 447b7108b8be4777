//! One worker's share of a run: its users, its connections and its recorder.

use crate::{
    clock::Clock,
    connection::Connector,
    crowd::Crowd,
    flights::Flights,
    gauge::Gauge,
    load::SharedLoad,
    own_tokens::AT_ONCE,
    phase::{Phase, Phases},
    rows::{self, TakenRows},
    schedule::{Role, Schedule},
    seats::{Change, Seats},
    starts::Starts,
    timer::Timer,
    turns::Turns,
    user::Resting,
    windows::{Part, Windows},
};
use loadgen_scenario::{Plan, RateLimit, Scope};
use loadgen_stats::{Layout, Offset, Recorder, ScenarioIndex, Totals};
use std::{cell::RefCell, future::poll_fn, rc::Rc, sync::Arc, task::Poll};
use tokio::{
    sync::{Notify, Semaphore, SemaphorePermit, mpsc, watch},
    time::Instant,
};

/// What all shards share.
pub(crate) struct Common {
    pub(crate) plan: Arc<Plan>,
    pub(crate) layout: Arc<Layout>,
    pub(crate) loads: Vec<SharedLoad>,
    /// Told where a load has ended in every shard, and where its last iteration was taken.
    pub(crate) load_ended: Notify,
    pub(crate) users: Gauge,
    pub(crate) rows: Vec<TakenRows>,
    pub(crate) turns: Vec<Turns>,
    /// By scenario.
    resting: Vec<Resting>,
    /// How many users may ask for a token of their own at once.
    pub(crate) token_asks: Semaphore,
    pub(crate) seed: u64,
    pub(crate) shards: usize,
    pub(crate) clock: Clock,
}

impl Common {
    /// What the shards of a run share that begins now.
    pub(crate) fn new(plan: &Arc<Plan>, seed: u64, shards: usize) -> Self {
        Self::by(Clock::starting_at(Instant::now()), plan, seed, shards)
    }

    /// The same by a clock that may have started before.
    pub(crate) fn by(clock: Clock, plan: &Arc<Plan>, seed: u64, shards: usize) -> Self {
        let loads = SharedLoad::all(plan, seed, shards);
        let first = loads.iter().map(|load| load.schedule.first_users());
        Self {
            layout: Arc::new(plan.layout()),
            load_ended: Notify::new(),
            users: Gauge::new(first.sum()),
            rows: TakenRows::all(plan, seed),
            turns: Turns::all(plan),
            resting: (plan.scenarios.iter())
                .map(|_| Resting::default())
                .collect(),
            token_asks: Semaphore::new(AT_ONCE),
            seed,
            shards,
            clock,
            loads,
            plan: Arc::clone(plan),
        }
    }
}

/// What ties a shard to the run.
pub(crate) struct Ties {
    pub(crate) phases: Phases,
    /// The changes so far of the loads that are steered.
    pub(crate) changes: watch::Receiver<Vec<Change>>,
    pub(crate) parts: mpsc::Sender<Part>,
    pub(crate) empties: mpsc::Receiver<Totals>,
}

/// A shard, as its users see it.
pub(crate) struct Shard<C: Connector, T: Timer> {
    pub(crate) plan: Arc<Plan>,
    pub(crate) recorder: Rc<RefCell<Recorder>>,
    pub(crate) flights: Flights,
    pub(crate) connector: C,
    pub(crate) timer: T,
    pub(crate) clock: Clock,
    pub(crate) seed: u64,
    index: usize,
    common: Arc<Common>,
    phases: Phases,
    /// Connections that users of open loads left behind, by load, the latest last.
    idle: Vec<RefCell<Vec<C::Connection>>>,
}

/// A user's presence in the gauge `vus`.
pub(crate) struct Presence<C: Connector, T: Timer>(Rc<Shard<C, T>>);

impl<C: Connector, T: Timer> Presence<C, T> {
    /// Where the user is.
    pub(crate) const fn shard(&self) -> &Rc<Shard<C, T>> {
        &self.0
    }
}

impl<C: Connector, T: Timer> Drop for Presence<C, T> {
    fn drop(&mut self) {
        self.0.common.users.leave();
    }
}

impl<C: Connector, T: Timer> Shard<C, T> {
    pub(crate) fn new(
        index: usize,
        common: Arc<Common>,
        phases: Phases,
        connector: C,
        timer: T,
    ) -> Self {
        Self {
            plan: Arc::clone(&common.plan),
            recorder: Rc::new(RefCell::new(Recorder::new(Arc::clone(&common.layout)))),
            flights: Flights::default(),
            connector,
            timer,
            clock: common.clock,
            seed: common.seed,
            index,
            phases,
            idle: common.loads.iter().map(|_| RefCell::default()).collect(),
            common,
        }
    }

    /// Gives a user rows of the data sets at these places for its iteration of that number; false where one of them has
    /// none left.
    pub(crate) fn give_rows(
        &self,
        sets: impl Iterator<Item = usize>,
        scope: &Scope,
        iteration: u64,
    ) -> bool {
        rows::give(&self.common.rows, sets, scope, iteration)
    }

    /// The turns under a cap.
    pub(crate) fn turns(&self, limit: RateLimit) -> Option<&Turns> {
        self.common.turns.get(limit.place)
    }

    /// Waits until a user may ask for a token of its own; it may for as long as it keeps what is returned.
    pub(crate) async fn token_ask(&self) -> Option<SemaphorePermit<'_>> {
        // Nobody closes it.
        self.common.token_asks.acquire().await.ok()
    }

    /// Its place among the shards.
    pub(crate) const fn index(&self) -> usize {
        self.index
    }

    /// A load of the run.
    pub(crate) fn load(&self, load: usize) -> &SharedLoad {
        &self.common.loads[load]
    }

    /// Notes that a load has ended here: its connections are not used again.
    pub(crate) fn end_load(&self, load: usize) {
        self.idle[load].borrow_mut().clear();
        if self.load(load).end_in_a_shard() {
            let scenarios = self.plan.scenarios.iter().zip(&self.common.resting);
            let own = scenarios.filter(|(scenario, _)| scenario.load == load);
            own.for_each(|(_, resting)| resting.clear());
            self.common.load_ended.notify_one();
        }
    }

    /// What the shard is to begin of a load.
    pub(crate) fn starts(&self, load: usize, schedule: &Schedule, seats: &Rc<Seats>) -> Starts {
        Starts::of(
            schedule,
            seats,
            self.load(load).seed,
            self.index,
            self.common.shards,
        )
    }

    /// Changes what the shard is to begin of a load that is steered.
    pub(crate) fn steer(&self, starts: &mut Starts, change: &Change) {
        starts.steer(change, self.index, self.common.shards);
    }

    /// A user who was counted from the start.
    pub(crate) fn already_here(self: &Rc<Self>) -> Presence<C, T> {
        Presence(Rc::clone(self))
    }

    /// Counts a user in for as long as the returned value lives.
    pub(crate) fn enter(self: &Rc<Self>) -> Presence<C, T> {
        self.common.users.enter();
        Presence(Rc::clone(self))
    }

    /// Whether a load still begins iterations now, of users who stay until then.
    pub(crate) fn goes_on(&self, load: usize, (now, until): (Offset, Offset)) -> bool {
        matches!(self.phases.borrow()[load], Phase::Running(_)) && now < until
    }

    /// Waits until a load begins no more iterations.
    pub(crate) async fn stopped(&self, load: usize) {
        let mut phases = self.phases.clone();
        let running = |phases: &Vec<Phase>| matches!(phases[load], Phase::Running(_));
        // Where the run itself is gone, nothing is begun either.
        let _ = phases.wait_for(|phases| !running(phases)).await;
    }

    /// The users of a scenario of an open load who have done what comes before their iterations, and are free.
    pub(crate) fn resting(&self, scenario: ScenarioIndex) -> &Resting {
        &self.common.resting[scenario.0]
    }

    /// Takes an iteration for a user of a closed load who wants to begin one now, and stays until then: the scenario it is of.
    pub(crate) fn take(
        &self,
        load: usize,
        role: Role,
        (now, until): (Offset, Offset),
    ) -> Option<ScenarioIndex> {
        if !self.goes_on(load, (now, until)) {
            return None;
        }
        let taken = self.load(load).take(role);
        if taken.is_some() && self.load(load).is_used_up() {
            // A shard whose next user has yet to come would wait for it in vain.
            self.common.load_ended.notify_one();
        }
        taken
    }

    /// Waits until an instant; forever where there is none.
    async fn due(&self, at: Option<Offset>) {
        match at {
            Some(at) => self.timer.sleep_until(self.clock.instant(at)).await,
            None => std::future::pending().await,
        }
    }

    /// A connection that an earlier user of the load left behind, else a new one.
    pub(crate) fn idle_connection(&self, load: usize) -> C::Connection {
        let idle = self.idle[load].borrow_mut().pop();
        idle.unwrap_or_else(|| self.connector.connection())
    }

    /// Keeps the connection of a user who is done, for the next one of the load.
    pub(crate) fn leave_connection(&self, load: usize, connection: C::Connection) {
        self.idle[load].borrow_mut().push(connection);
    }

    /// Totals to count in.
    pub(crate) fn empty_totals(&self) -> Totals {
        Totals::new(&self.common.layout)
    }
}

/// Runs one shard to its end: every user finished, or cut.
pub(crate) async fn run<C: Connector, T: Timer>(
    index: usize,
    common: Arc<Common>,
    ties: Ties,
    connector: C,
    timer: T,
) {
    let Ties {
        mut phases,
        mut changes,
        parts,
        empties,
    } = ties;
    let shard = Rc::new(Shard::new(index, common, phases.clone(), connector, timer));
    let mut windows = Windows::new(index, &shard, parts, empties);
    let mut crowds = Crowds::new(&shard);
    crowds.enter(&phases.borrow_and_update());
    crowds.begin_due();
    while !crowds.have_ended() {
        let next = crowds.next_look();
        tokio::select! {
            biased;
            changed = phases.changed() => match changed {
                Ok(()) => crowds.enter(&phases.borrow_and_update()),
                // The run itself is gone.
                Err(_) => break,
            },
            Ok(()) = changes.changed() => crowds.steer(&changes.borrow_and_update()),
            () = windows.due() => windows.hand_over(),
            () = shard.due(next) => {
                crowds.begin_due();
                crowds.see_off();
                // Who has come must have a turn even where the next are due already.
                tokio::task::yield_now().await;
            }
            () = crowds.some_left() => {}
        }
    }
    drop(crowds);
    windows.hand_over_last().await;
}

/// Starts that are begun at once before the shard's other work has its turn.
const BATCH: usize = 256;

/// The users of all loads on a shard.
struct Crowds<'a, C: Connector, T: Timer> {
    shard: &'a Shard<C, T>,
    crowds: Vec<Crowd<C, T>>,
}

impl<'a, C: Connector, T: Timer> Crowds<'a, C, T> {
    fn new(shard: &'a Rc<Shard<C, T>>) -> Self {
        let loads = 0..shard.common.loads.len();
        Self {
            shard,
            crowds: loads.map(|load| Crowd::new(shard, load)).collect(),
        }
    }

    fn enter(&mut self, phases: &[Phase]) {
        for (crowd, phase) in self.crowds.iter_mut().zip(phases) {
            crowd.enter(*phase);
        }
    }

    fn steer(&mut self, changes: &[Change]) {
        for crowd in &mut self.crowds {
            crowd.steer(changes);
        }
    }

    /// Whether all loads have ended; tells the run of those that have.
    fn have_ended(&mut self) -> bool {
        let mut all = true;
        for crowd in &mut self.crowds {
            if crowd.has_ended() {
                crowd.tell_end();
            } else {
                all = false;
            }
        }
        all
    }

    /// When there is something to do about the next start of all.
    fn next_look(&self) -> Option<Offset> {
        self.crowds.iter().filter_map(Crowd::next_look).min()
    }

    /// Begins what is due by now.
    fn begin_due(&mut self) {
        let now = self.shard.clock.now();
        for _ in 0..BATCH {
            let due = |crowd: &&mut Crowd<C, T>| crowd.next_look().is_some_and(|look| look <= now);
            let dues = self.crowds.iter_mut().filter(due);
            let Some(first) = dues.min_by_key(|crowd| crowd.next_due()) else {
                break;
            };
            // Who waits for a user holds up nobody else's load.
            if !first.waits(now) {
                first.begin_next();
            }
        }
    }

    fn see_off(&mut self) {
        for crowd in &mut self.crowds {
            crowd.see_off();
        }
    }

    /// Waits until users have ended; forever where there are none.
    async fn some_left(&mut self) {
        poll_fn(|context| {
            let mut seen = Poll::Pending;
            for crowd in &mut self.crowds {
                if crowd.poll_see_off(context).is_ready() {
                    seen = Poll::Ready(());
                }
            }
            seen
        })
        .await;
    }
}
