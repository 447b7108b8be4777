//! One worker's share of a run: its users, its connections and its recorder.

use crate::{
    clock::Clock,
    connection::Connector,
    permits::Iterations,
    phase::{Phase, cut},
    schedule::Schedule,
    timer::Timer,
    user::User,
};
use loadgen_scenario::Plan;
use loadgen_stats::{Offset, Recorder, ScenarioIndex, Totals};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

/// How often a shard hands its recorder over.
pub(crate) const WINDOW: Duration = Duration::from_secs(1);

/// What all shards share.
pub(crate) struct Common {
    pub(crate) plan: Arc<Plan>,
    pub(crate) layout: Arc<loadgen_stats::Layout>,
    pub(crate) schedules: Vec<Schedule>,
    pub(crate) iterations: Vec<Iterations>,
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
    pub(crate) users: Users,
}

/// Users present on a shard during a window.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Users {
    pub(crate) last: u64,
    pub(crate) min: u64,
    pub(crate) max: u64,
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
    users: Cell<Users>,
}

/// A user's presence in the gauge `vus`.
pub(crate) struct Presence<C: Connector, T: Timer>(Rc<Shard<C, T>>);

impl<C: Connector, T: Timer> Drop for Presence<C, T> {
    fn drop(&mut self) {
        self.0.count_users(|users| users - 1);
    }
}

impl<C: Connector, T: Timer> Shard<C, T> {
    /// Counts a user in for as long as the returned value lives.
    pub(crate) fn enter(self: &Rc<Self>) -> Presence<C, T> {
        self.count_users(|users| users + 1);
        Presence(Rc::clone(self))
    }

    /// Whether a user may begin another iteration now; takes the permit for it.
    pub(crate) fn may_begin(&self, scenario: ScenarioIndex) -> bool {
        *self.phase.borrow() == Phase::Running
            && self.clock.now() < self.common.schedules[scenario.0].end_of_starting()
            && self.common.iterations[scenario.0].take()
    }

    fn count_users(&self, change: impl Fn(u64) -> u64) {
        let Users { last, min, max } = self.users.get();
        let last = change(last);
        self.users.set(Users {
            last,
            min: min.min(last),
            max: max.max(last),
        });
    }

    /// The users of the window that ends now; the next window begins with those present.
    fn take_users(&self) -> Users {
        let users = self.users.get();
        self.users.set(Users {
            last: users.last,
            min: users.last,
            max: users.last,
        });
        users
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
    recorder.measure(Offset::ZERO, end_of_starting(&common));
    let shard = Rc::new(Shard {
        plan: Arc::clone(&common.plan),
        recorder: RefCell::new(recorder),
        connector,
        timer,
        clock: common.clock,
        seed: common.seed,
        phase: phase.clone(),
        users: Cell::default(),
        common,
    });
    let mut users = spawn_users(&shard, index);
    let mut windows = Windows {
        index,
        next: 0,
        shard: &shard,
    };
    let mut running = true;
    while running {
        tokio::select! {
            biased;
            () = cut(phase.clone()) => running = false,
            changed = phase.changed() => match changed {
                Ok(()) => shorten_measurement(&shard, *phase.borrow_and_update()),
                Err(_) => running = false,
            },
            () = windows.due() => windows.hand_over(&parts, &mut empties),
            ended = users.join_next() => match ended {
                Some(Ok(())) => {}
                Some(Err(broken)) => std::panic::resume_unwind(broken.into_panic()),
                None => running = false,
            },
        }
    }
    users.shutdown().await;
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

fn spawn_users<C: Connector, T: Timer>(shard: &Rc<Shard<C, T>>, index: usize) -> JoinSet<()> {
    let mut users = JoinSet::new();
    for (scenario, schedule) in shard.common.schedules.iter().enumerate() {
        for number in schedule.users_of(index, shard.common.shards) {
            let user = User::new(Rc::clone(shard), ScenarioIndex(scenario), number);
            users.spawn_local(user.run(shard.enter()));
        }
    }
    // The run begins with all of them: the way there is no part of the first window.
    shard.take_users();
    users
}

fn shorten_measurement<C: Connector, T: Timer>(shard: &Shard<C, T>, phase: Phase) {
    if let Some(ended) = phase.ended_starting() {
        let until = ended.min(end_of_starting(&shard.common));
        shard.recorder.borrow_mut().measure(Offset::ZERO, until);
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
            users: self.shard.take_users(),
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
            users: self.shard.take_users(),
        };
        // Nobody takes it only where the run itself is gone.
        let _ = parts.send(part).await;
    }
}
