//! One worker's share of a run: its users, its connections and its recorder.

use crate::{
    clock::Clock,
    connection::Connector,
    gauge::Gauge,
    permits::{BusyUsers, Iterations},
    phase::{Phase, cut},
    schedule::{Budget, Schedule},
    starts::{Start, Starts},
    timer::Timer,
    user::{Arrival, User},
};
use loadgen_scenario::Plan;
use loadgen_stats::{DropReason, Offset, Recorder, ScenarioIndex, Totals};
use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinError, JoinSet},
};

/// How often a shard hands its recorder over.
pub(crate) const WINDOW: Duration = Duration::from_secs(1);

/// What all shards share.
pub(crate) struct Common {
    pub(crate) plan: Arc<Plan>,
    pub(crate) layout: Arc<loadgen_stats::Layout>,
    pub(crate) schedules: Vec<Schedule>,
    pub(crate) iterations: Vec<Iterations>,
    pub(crate) busy_users: Vec<BusyUsers>,
    pub(crate) users: Gauge,
    pub(crate) seed: u64,
    pub(crate) shards: usize,
    pub(crate) clock: Clock,
}

/// One second of one shard.
pub(crate) struct Part {
    pub(crate) shard: usize,
    /// The window that this part closes, counted from 0.
    pub(crate) window: u64,
    pub(crate) totals: Totals,
}

/// What ties a shard to the run.
pub(crate) struct Ties {
    pub(crate) phase: watch::Receiver<Phase>,
    pub(crate) parts: mpsc::Sender<Part>,
    pub(crate) empties: mpsc::Receiver<Totals>,
}

/// A shard, as its users see it.
pub(crate) struct Shard<C: Connector, T: Timer> {
    pub(crate) plan: Arc<Plan>,
    pub(crate) recorder: RefCell<Recorder>,
    pub(crate) connector: C,
    pub(crate) timer: T,
    pub(crate) clock: Clock,
    pub(crate) seed: u64,
    common: Arc<Common>,
    phase: watch::Receiver<Phase>,
    /// Connections that users of open loads left behind, the latest last.
    idle: RefCell<Vec<C::Connection>>,
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
    /// A user who was counted from the start.
    fn already_here(self: &Rc<Self>) -> Presence<C, T> {
        Presence(Rc::clone(self))
    }

    /// Counts a user in for as long as the returned value lives.
    pub(crate) fn enter(self: &Rc<Self>) -> Presence<C, T> {
        self.common.users.enter();
        Presence(Rc::clone(self))
    }

    /// Whether a user of a closed load may begin another iteration now; takes the permit for it.
    pub(crate) fn may_begin(&self, scenario: ScenarioIndex, until: Offset) -> bool {
        *self.phase.borrow() == Phase::Running
            && self.clock.now() < until
            && self.common.iterations[scenario.0].take()
    }

    /// Waits until an instant; forever where there is none.
    async fn due(&self, at: Option<Offset>) {
        match at {
            Some(at) => self.timer.sleep_until(self.clock.instant(at)).await,
            None => std::future::pending().await,
        }
    }

    /// The most iterations of one user of a closed load.
    pub(crate) fn iterations_of_user(&self, scenario: ScenarioIndex) -> u64 {
        match self.common.schedules[scenario.0].budget() {
            Budget::PerUser(iterations) => iterations,
            Budget::Unlimited | Budget::Shared(_) => u64::MAX,
        }
    }

    /// The users that may be busy at once in an open load.
    pub(crate) fn busy_users(&self, scenario: ScenarioIndex) -> &BusyUsers {
        &self.common.busy_users[scenario.0]
    }

    /// A connection that an earlier user left behind, else a new one.
    pub(crate) fn idle_connection(&self) -> C::Connection {
        let idle = self.idle.borrow_mut().pop();
        idle.unwrap_or_else(|| self.connector.connection())
    }

    /// Keeps the connection of a user who is done, for the next one.
    pub(crate) fn leave_connection(&self, connection: C::Connection) {
        self.idle.borrow_mut().push(connection);
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
        mut phase,
        parts,
        mut empties,
    } = ties;
    let mut recorder = Recorder::new(Arc::clone(&common.layout));
    recorder.measure_all(end_of_warm_up(&common), end_of_starting(&common));
    let starts = Starts::new(&common.schedules, common.seed, index, common.shards);
    let shard = Rc::new(Shard {
        plan: Arc::clone(&common.plan),
        recorder: RefCell::new(recorder),
        connector,
        timer,
        clock: common.clock,
        seed: common.seed,
        phase: phase.clone(),
        idle: RefCell::default(),
        common,
    });
    let mut crowd = Crowd {
        shard: &shard,
        starts,
        users: JoinSet::new(),
    };
    let mut windows = Windows {
        index,
        next: 0,
        shard: &shard,
    };
    crowd.begin_due();
    while !crowd.is_done() {
        let next = crowd.starts.next_due();
        tokio::select! {
            biased;
            () = cut(phase.clone()) => break,
            changed = phase.changed() => match changed {
                Ok(()) => crowd.enter(*phase.borrow_and_update()),
                Err(_) => break,
            },
            () = windows.due() => windows.hand_over(&parts, &mut empties),
            () = shard.due(next) => {
                crowd.begin_due();
                crowd.see_off();
                // Who has come must have a turn even where the next are due already.
                tokio::task::yield_now().await;
            }
            () = crowd.one_left() => {}
        }
    }
    crowd.cut().await;
    windows.hand_over_last(&parts).await;
}

/// When the last scenario stops beginning iterations.
pub(crate) fn end_of_starting(common: &Common) -> Offset {
    common
        .schedules
        .iter()
        .map(Schedule::end_of_starting)
        .max()
        .unwrap_or_default()
}

/// When the first scenario's warm-up is over.
pub(crate) fn end_of_warm_up(common: &Common) -> Offset {
    common
        .schedules
        .iter()
        .map(Schedule::end_of_warm_up)
        .min()
        .unwrap_or_default()
}

/// Starts that are begun at once before the shard's other work has its turn.
const BATCH: usize = 256;

/// The users of a shard: those that run, and those that are to come.
struct Crowd<'a, C: Connector, T: Timer> {
    shard: &'a Rc<Shard<C, T>>,
    starts: Starts,
    users: JoinSet<()>,
}

impl<C: Connector, T: Timer> Crowd<'_, C, T> {
    fn is_done(&self) -> bool {
        self.users.is_empty() && self.starts.next_due().is_none()
    }

    /// Begins what is due by now.
    fn begin_due(&mut self) {
        let now = self.shard.clock.now();
        for _ in 0..BATCH {
            let Some((scenario, start)) = self.starts.take_due(now) else {
                break;
            };
            let shard = Rc::clone(self.shard);
            match start {
                Start::Stay(stay) => {
                    let first = stay.from == Offset::ZERO;
                    let present = if first {
                        shard.already_here()
                    } else {
                        shard.enter()
                    };
                    self.users.spawn_local(User::stay(present, scenario, stay));
                }
                Start::Arrival(number, due) => {
                    if let Some(arrival) = Arrival::new(&shard, scenario, number, due) {
                        self.users.spawn_local(arrival.run());
                    }
                }
            }
        }
    }

    /// Waits until a user has ended; forever where there is none.
    async fn one_left(&mut self) {
        match self.users.join_next().await {
            Some(ended) => pass_on_panic(ended),
            None => std::future::pending().await,
        }
    }

    /// Forgets the users that have ended.
    fn see_off(&mut self) {
        while let Some(ended) = self.users.try_join_next() {
            pass_on_panic(ended);
        }
    }

    /// No more is to begin: the rest is forgotten, and arrivals that were due by then are dropped.
    ///
    /// Where the load came to its own end, what was due before it is begun all the same, however late.
    fn enter(&mut self, phase: Phase) {
        let Some(at) = phase.ended_starting() else {
            return;
        };
        let common = &self.shard.common;
        let end = end_of_starting(common);
        if at < end {
            self.shard
                .recorder
                .borrow_mut()
                .measure_all(end_of_warm_up(common), at);
            self.forget(at);
        }
    }

    fn forget(&mut self, until: Offset) {
        let mut recorder = self.shard.recorder.borrow_mut();
        self.starts.forget(until, |scenario, due| {
            recorder.dropped_iterations(scenario, due, DropReason::End, 1);
        });
    }

    async fn cut(mut self) {
        self.forget(end_of_starting(&self.shard.common));
        self.users.shutdown().await;
    }
}

/// A defect in a user's task is one of the whole run.
fn pass_on_panic(ended: Result<(), JoinError>) {
    if let Err(broken) = ended {
        std::panic::resume_unwind(broken.into_panic());
    }
}

/// Hands the recorder over, window after window.
struct Windows<'a, C: Connector, T: Timer> {
    index: usize,
    next: u64,
    shard: &'a Shard<C, T>,
}

impl<C: Connector, T: Timer> Windows<'_, C, T> {
    /// Waits for the end of the present window.
    async fn due(&self) {
        let windows = u32::try_from(self.next + 1).unwrap_or(u32::MAX);
        tokio::time::sleep_until(self.shard.clock.instant(Offset::from(WINDOW * windows))).await;
    }

    /// Hands a full recorder over; where nobody takes it, recording goes on in it and the next hand-over holds both.
    fn hand_over(&mut self, parts: &mpsc::Sender<Part>, empties: &mut mpsc::Receiver<Totals>) {
        let window = self.next;
        self.next += 1;
        let Ok(permit) = parts.try_reserve() else {
            return;
        };
        let empty = empties
            .try_recv()
            .unwrap_or_else(|_| Totals::new(&self.shard.common.layout));
        let totals = self.shard.recorder.borrow_mut().swap(empty);
        permit.send(Part {
            shard: self.index,
            window,
            totals,
        });
    }

    async fn hand_over_last(self, parts: &mpsc::Sender<Part>) {
        let totals = self
            .shard
            .recorder
            .borrow_mut()
            .swap(Totals::new(&self.shard.common.layout));
        let part = Part {
            shard: self.index,
            window: u64::MAX,
            totals,
        };
        // Nobody takes it only where the run itself is gone.
        let _ = parts.send(part).await;
    }
}
