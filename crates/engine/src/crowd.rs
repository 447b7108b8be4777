//! The users of one load on one shard: those that run, and those that are to come.

use crate::{
    connection::Connector,
    permits::{Asking, TOLERANCE},
    phase::{Phase, Starting},
    schedule::{Budget, Schedule},
    seats::{Change, Seats},
    shard::Shard,
    starts::{Start, Starts},
    timer::Timer,
    user::{Arrival, User},
};
use loadgen_stats::{DropReason, Offset};
use std::{
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::task::{JoinError, JoinSet};

/// The users of one load on one shard.
pub(crate) struct Crowd<C: Connector, T: Timer> {
    shard: Rc<Shard<C, T>>,
    load: usize,
    phase: Phase,
    /// The load's schedule, with its start once that is known.
    schedule: Schedule,
    starts: Starts,
    users: JoinSet<()>,
    seats: Rc<Seats>,
    /// The changes of a load that is steered which were made.
    changes: usize,
    /// What is measured of such a load.
    span: Option<(Offset, Offset)>,
    /// Whether the run was told that the load has ended here.
    told: bool,
    /// When the next start is looked at again, which is late and finds all users busy.
    waits_until: Option<Offset>,
    /// Users who were done by then have had their turn to say so.
    turned: Offset,
    /// Turns they have been given for the start at hand.
    looks: u32,
    /// What was due by then is late because a user was waited for.
    held_up: Offset,
}

/// How often it is looked whether a user is free for a start that waits: another shard may have given one back.
const LOOK: Duration = Duration::from_millis(1);
const SHORTEST_LOOK: Duration = Duration::from_micros(50);

/// So many turns it may take a user who is done to say so: one for the task that read the end of a stream, one for the user.
const TURNS: u32 = 2;

impl<C: Connector, T: Timer> Crowd<C, T> {
    /// The users of a load that has not begun.
    pub(crate) fn new(shard: &Rc<Shard<C, T>>, load: usize) -> Self {
        let schedule = shard.load(load).schedule.clone();
        Self {
            shard: Rc::clone(shard),
            load,
            phase: Phase::Waiting,
            starts: Starts::none(),
            users: JoinSet::new(),
            seats: Seats::new(schedule.steered_connect_rate()),
            schedule,
            changes: 0,
            span: None,
            told: false,
            waits_until: None,
            turned: Offset::ZERO,
            looks: 0,
            held_up: Offset::ZERO,
        }
    }

    /// When its next start is due; none where there is none to come, for all that is known.
    pub(crate) fn next_due(&self) -> Option<Offset> {
        self.starts.next_due()
    }

    /// When there is something to do about its next start: when it is due, or to be looked at again.
    pub(crate) fn next_look(&self) -> Option<Offset> {
        let due = self.next_due()?;
        Some(self.waits_until.map_or(due, |until| until.max(due)))
    }

    /// Whether nothing of the load is left to do here. A load that lasts for a time lasts for all of it, also where
    /// nothing is due at its end.
    pub(crate) fn has_ended(&self) -> bool {
        let may_end = match self.phase {
            Phase::Waiting => false,
            Phase::Running(_) => {
                self.schedule.budget() != Budget::Unlimited || self.has_lost_its_users()
            }
            Phase::Draining(_) | Phase::Cut(_) | Phase::Never => true,
        };
        // Whoever would still come finds nothing left to do.
        let nobody_comes = self.next_due().is_none() || self.shard.load(self.load).is_used_up();
        may_end && self.users.is_empty() && nobody_comes
    }

    /// Whether users who stay have gone before their time, as there was no row of data left for them: nothing is measured
    /// once all of them have.
    fn has_lost_its_users(&self) -> bool {
        let stay = self.schedule.stays_in_all().is_some();
        stay && self.shard.load(self.load).has_ended_data()
    }

    /// Makes the changes of a load that is steered which were not made yet.
    pub(crate) fn steer(&mut self, changes: &[Change]) {
        if !self.is_steered() {
            return;
        }
        for change in changes.iter().skip(self.changes) {
            let level = change.level;
            self.measure(level.from, level.until);
            self.span = Some((level.from, level.until));
            self.shard.steer(&mut self.starts, change);
        }
        self.changes = changes.len();
    }

    const fn is_steered(&self) -> bool {
        self.schedule.steered().is_some()
    }

    /// Follows the load into a phase; those between may have been missed.
    pub(crate) fn enter(&mut self, phase: Phase) {
        if phase == self.phase {
            return;
        }
        let before = std::mem::replace(&mut self.phase, phase);
        if let (None, Some(start)) = (before.start(), phase.start()) {
            self.begin(start);
        }
        match phase {
            Phase::Waiting | Phase::Running(_) => {}
            // What it would have begun was never due.
            Phase::Never => self.starts = Starts::none(),
            Phase::Draining(starting) => self.stop(starting),
            Phase::Cut(starting) => {
                self.stop(starting);
                self.forget(starting.ended);
                self.users.abort_all();
            }
        }
    }

    /// Whether the next start, which is due, is to wait for a user: it is late and all are busy, but had nothing been late
    /// one would have been free for it. Those who are done may only have had no turn yet to say so; and those who were
    /// taken late are busy for longer than they would have been.
    pub(crate) fn waits(&mut self, now: Offset) -> bool {
        self.waits_until = None;
        let wait = self.next_due().and_then(|due| self.wait(due, now));
        self.waits_until = wait.map(|wait| now.after(wait));
        let users = &self.shard.load(self.load).busy_users;
        users.wait(self.shard.index(), wait.and(self.next_due()));
        wait.is_some()
    }

    /// How long the start that was due then waits until it is looked at again; none where it does not wait.
    fn wait(&mut self, due: Offset, now: Offset) -> Option<Duration> {
        let users = &self.shard.load(self.load).busy_users;
        if !users.are_all_busy(self.asking(due)) {
            self.looks = 0;
            return None;
        }
        let late = now.since(due);
        let left = users.patience(now).saturating_sub(late);
        if late > TOLERANCE && self.turned < due {
            self.looks += 1;
            if self.looks == TURNS {
                (self.turned, self.looks) = (now, 0);
            }
            return Some(LOOK);
        }
        if left.is_zero() {
            return None;
        }
        self.held_up = now;
        // It grows later, and what is allowed shrinks.
        Some(left.clamp(SHORTEST_LOOK, LOOK))
    }

    fn asking(&self, due: Offset) -> Asking {
        Asking {
            shard: self.shard.index(),
            due,
            held_up: due <= self.held_up,
        }
    }

    /// Begins the next start.
    pub(crate) fn begin_next(&mut self) {
        if self.shard.load(self.load).is_used_up() {
            self.leave_unbegun();
            self.starts = Starts::none();
        }
        match self.starts.take() {
            Some(Start::Stay(stay)) => {
                let present = if stay.from == Offset::ZERO {
                    self.shard.already_here()
                } else {
                    self.shard.enter()
                };
                let seats = self.is_steered().then_some(&self.seats);
                let seat = seats.map(|seats| Box::new(seats.take(stay.place)));
                self.users
                    .spawn_local(User::stay(present, self.load, stay, seat));
            }
            Some(Start::Arrival(number, due)) => {
                let asking = self.asking(due);
                if let Some(arrival) = Arrival::new(&self.shard, self.load, number, asking) {
                    self.users.spawn_local(arrival.run());
                }
            }
            None => {}
        }
    }

    /// Forgets the users that have ended. Ready where there was one.
    pub(crate) fn poll_see_off(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut seen = Poll::Pending;
        while let Poll::Ready(Some(ended)) = self.users.poll_join_next(context) {
            pass_on_panic(ended);
            self.waits_until = None;
            seen = Poll::Ready(());
        }
        seen
    }

    /// Forgets the users that have ended.
    pub(crate) fn see_off(&mut self) {
        while let Some(ended) = self.users.try_join_next() {
            pass_on_panic(ended);
            self.waits_until = None;
        }
    }

    /// Tells the run once that the load has ended here.
    pub(crate) fn tell_end(&mut self) {
        if !std::mem::replace(&mut self.told, true) {
            self.stop_waiting();
            self.shard.end_load(self.load);
        }
    }

    fn begin(&mut self, start: Offset) {
        self.schedule = self.schedule.starting_at(start);
        self.starts = self.shard.starts(self.load, &self.schedule, &self.seats);
        let from = self.schedule.end_of_warm_up();
        match self.is_steered() {
            // Nothing is measured before the first change.
            true => self.measure(from, from),
            false => self.measure(from, self.schedule.end_of_starting()),
        }
    }

    /// No more is to begin: the rest is forgotten, and arrivals that were due by then are dropped.
    ///
    /// Where the load came to its own end, what was due before it is begun all the same, however late.
    fn stop(&mut self, starting: Starting) {
        if self.is_steered() {
            if let Some((from, until)) = self.span {
                self.measure(from, until.min(starting.ended));
            }
            // Nobody steers it any more.
            self.starts = Starts::none();
        } else if starting.ended < self.schedule.end_of_starting() {
            self.measure(self.schedule.end_of_warm_up(), starting.ended);
            self.forget(starting.ended);
        }
    }

    fn measure(&self, from: Offset, until: Offset) {
        let mut recorder = self.shard.recorder.borrow_mut();
        for scenario in self.shard.load(self.load).roles.scenarios() {
            match self.is_steered() {
                true => recorder.measure_next(*scenario, from, until),
                false => recorder.measure(*scenario, from, until),
            }
        }
    }

    /// No user is kept for a start of this shard.
    fn stop_waiting(&mut self) {
        self.waits_until = None;
        let users = &self.shard.load(self.load).busy_users;
        users.wait(self.shard.index(), None);
    }

    /// Users who count as there from the start of the run, and will not be begun, are there no more.
    fn leave_unbegun(&mut self) {
        for _ in 0..self.starts.take_first_users() {
            drop(self.shard.already_here());
        }
    }

    fn forget(&mut self, until: Offset) {
        self.stop_waiting();
        self.leave_unbegun();
        let mut recorder = self.shard.recorder.borrow_mut();
        let roles = &self.shard.load(self.load).roles;
        self.starts.forget(until, |number, due| {
            let scenario = roles.scenario(roles.of_iteration(number));
            // Nothing but a late generator leaves an arrival for later.
            recorder.dropped_iterations(scenario, due, DropReason::Late, 1);
        });
    }
}

/// A shard that breaks down must not keep the run waiting for its loads.
impl<C: Connector, T: Timer> Drop for Crowd<C, T> {
    fn drop(&mut self) {
        self.tell_end();
    }
}

/// A defect in a user's task is one of the whole run. One that was cut is none.
fn pass_on_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}
