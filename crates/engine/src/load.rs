//! One load of the run: what all shards share of it.

use crate::{
    permits::{BusyUsers, Iterations},
    phase::Phase,
    schedule::{Budget, Role, Roles, Schedule},
    seed::load_seed,
};
use loadgen_scenario::{Plan, StartAt};
use loadgen_stats::{Offset, ScenarioIndex};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// One load.
#[derive(Debug)]
pub(crate) struct SharedLoad {
    /// Its schedule; without a start that can be known where it waits for another load.
    pub(crate) schedule: Schedule,
    pub(crate) roles: Roles,
    pub(crate) busy_users: BusyUsers,
    /// The seed of all that it draws itself.
    pub(crate) seed: u64,
    /// The load it waits for.
    pub(crate) after: Option<usize>,
    left: Left,
    /// Whether a user of it found no row of a data set left.
    data_ended: AtomicBool,
    numbers: Numbers,
    /// The shards in which it has not ended.
    shards: AtomicUsize,
}

/// The iterations that are left to begin.
#[derive(Debug)]
enum Left {
    /// As many as time allows.
    Unlimited,
    /// Those of the whole load.
    Shared(Iterations),
    /// Those of all users of each role.
    ByRole(Vec<Iterations>),
}

/// How the users of one load are numbered, so that no two of the run have the same number.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    first: u64,
    step: u64,
}

impl SharedLoad {
    /// The loads of a plan, carried out on so many shards.
    pub(crate) fn all(plan: &Plan, run_seed: u64, shards: usize) -> Vec<Self> {
        let schedules: Vec<Schedule> = plan.loads.iter().map(Schedule::of).collect();
        let numbers = numbers(&schedules);
        let of = |(place, schedule): (usize, Schedule)| {
            let load = &plan.loads[place];
            let seed = load_seed(run_seed, place);
            let roles = Roles::new(load, schedule.most_users(), seed);
            Self {
                left: Left::new(&schedule, &roles),
                data_ended: AtomicBool::new(false),
                busy_users: BusyUsers::new(schedule.max_vus(), shards),
                after: match load.start {
                    StartAt::At(_) => None,
                    StartAt::After(other) => Some(other),
                },
                numbers: numbers[place],
                shards: AtomicUsize::new(shards),
                schedule,
                roles,
                seed,
            }
        };
        schedules.into_iter().enumerate().map(of).collect()
    }

    /// Its phase when the run begins.
    pub(crate) fn first_phase(&self) -> Phase {
        match self.after {
            None => Phase::Running(self.schedule.start()),
            Some(_) => Phase::Waiting,
        }
    }

    /// The number of a user in the whole run, from 0.
    pub(crate) const fn user(&self, number: u64) -> u64 {
        self.numbers
            .first
            .saturating_add(number.saturating_mul(self.numbers.step))
    }

    /// The scenario of all iterations of a user with that role; none where each iteration draws its own.
    pub(crate) fn sure_scenario(&self, role: Role) -> Option<ScenarioIndex> {
        let drawn = matches!(self.left, Left::Shared(_)) && self.roles.scenarios().len() > 1;
        (!drawn).then(|| self.roles.scenario(role))
    }

    /// Takes an iteration for a user of a closed load: the scenario it is of. None where none is left.
    pub(crate) fn take(&self, role: Role) -> Option<ScenarioIndex> {
        let role = match &self.left {
            Left::Unlimited => role,
            Left::Shared(left) => self.roles.of_iteration(left.take()?),
            Left::ByRole(left) => left[role.0].take().map(|_| role)?,
        };
        Some(self.roles.scenario(role))
    }

    /// Whether a user with that role may find an iteration left.
    pub(crate) fn has_more(&self, role: Role) -> bool {
        match &self.left {
            Left::Unlimited => true,
            Left::Shared(left) => left.left() > 0,
            Left::ByRole(left) => left[role.0].left() > 0,
        }
    }

    /// Whether no user can find an iteration left.
    pub(crate) fn is_used_up(&self) -> bool {
        match &self.left {
            Left::Unlimited => false,
            Left::Shared(left) => left.left() == 0,
            Left::ByRole(all) => all.iter().all(|left| left.left() == 0),
        }
    }

    /// Notes that a user found no row of a data set left: it ends.
    pub(crate) fn note_end_of_data(&self) {
        self.data_ended.store(true, Ordering::Relaxed);
    }

    /// Whether that happened.
    pub(crate) fn has_ended_data(&self) -> bool {
        self.data_ended.load(Ordering::Relaxed)
    }

    /// The iterations that were never begun, by scenario.
    pub(crate) fn left(&self) -> impl Iterator<Item = (ScenarioIndex, u64)> {
        let counts = match &self.left {
            Left::Unlimited => Vec::new(),
            // Those that nobody took have drawn no role.
            Left::Shared(left) => self.roles.split(left.left()),
            Left::ByRole(left) => left.iter().map(Iterations::left).collect(),
        };
        self.roles.scenarios().iter().copied().zip(counts)
    }

    /// Notes that it has ended in one shard. True where that was the last.
    pub(crate) fn end_in_a_shard(&self) -> bool {
        self.shards.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Whether it has ended in every shard.
    pub(crate) fn has_ended(&self) -> bool {
        self.shards.load(Ordering::Acquire) == 0
    }

    /// What is due from then on is measured, where it began at `start`.
    pub(crate) fn end_of_warm_up(&self, start: Offset) -> Offset {
        start.after(self.schedule.warm_up())
    }

    /// No iteration is due from then on, where it began at `start`.
    pub(crate) fn end_of_starting(&self, start: Offset) -> Offset {
        start.after(self.schedule.length())
    }
}

impl Left {
    fn new(schedule: &Schedule, roles: &Roles) -> Self {
        match schedule.budget() {
            Budget::Unlimited => Self::Unlimited,
            Budget::Shared(iterations) => Self::Shared(Iterations::new(iterations)),
            Budget::PerUser(iterations) => {
                let users = roles.users(schedule.most_users().unwrap_or_default());
                let all = |users: u64| Iterations::new(iterations.saturating_mul(users));
                Self::ByRole(users.into_iter().map(all).collect())
            }
        }
    }
}

/// The users of closed loads are counted first, load after load, as their number is known. The others follow, the loads
/// taking turns.
fn numbers(schedules: &[Schedule]) -> Vec<Numbers> {
    let stays: u64 = schedules.iter().filter_map(Schedule::stays_in_all).sum();
    let open = schedules.iter().filter(|one| one.stays_in_all().is_none());
    let step = open.count() as u64;
    let (mut next, mut next_open) = (0, stays);
    let number = |schedule: &Schedule| match schedule.stays_in_all() {
        Some(stays) => {
            let first = next;
            next += stays;
            Numbers { first, step: 1 }
        }
        None => {
            let first = next_open;
            next_open += 1;
            Numbers { first, step }
        }
    };
    schedules.iter().map(number).collect()
}

#[cfg(test)]
mod tests;
