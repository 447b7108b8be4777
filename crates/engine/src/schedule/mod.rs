//! Load over time as pure arithmetic: offsets in, users, arrivals and deadlines out.

mod arrivals;
mod line;
mod roles;
mod stays;
mod steered;

pub use arrivals::ArrivalTimes;
pub use line::Line;
pub(crate) use roles::{Role, Roles};
use stays::Users;
pub use stays::{Stay, Stays};
pub use steered::Level;
pub(crate) use steered::SteeredArrivals;

use loadgen_scenario::{Arrivals, Load, LoadPlan, Rate, Stage, StartAt, UserCount};
use loadgen_stats::Offset;
use std::time::Duration;

/// When a load begins iterations, and with how many users or at which rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    shape: Shape,
    start: Offset,
    warm_up: Duration,
    graceful_stop: Duration,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    /// Users that repeat iterations: as many as the line says.
    Closed {
        line: Line,
        /// The most of them at once.
        most: u32,
        budget: Budget,
        graceful_ramp_down: Duration,
    },
    /// Iterations that begin at the rate that the line says.
    Open {
        line: Line,
        arrivals: Arrivals,
        max_vus: Option<u32>,
    },
    /// As many users as are set while the run goes on.
    SteeredUsers {
        most: u32,
        longest: Duration,
        /// The most of them that come in a second; none where that is not bounded.
        connect_rate: Option<f64>,
    },
    /// Iterations at the rate that is set while the run goes on.
    SteeredArrivals {
        longest: Duration,
        arrivals: Arrivals,
        max_vus: Option<u32>,
    },
}

/// What is steered of a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Steered {
    /// Its users.
    Users,
    /// Its arrivals, with the spread of their gaps.
    Arrivals(Arrivals),
}

/// How many iterations a closed load has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// As many as time allows.
    Unlimited,
    /// So many in all, taken by whichever user is free.
    Shared(u64),
    /// So many for each user.
    PerUser(u64),
}

impl Budget {
    /// The most iterations of one user.
    #[must_use]
    pub const fn most_of_one_user(self) -> u64 {
        match self {
            Self::PerUser(iterations) => iterations,
            Self::Unlimited | Self::Shared(_) => u64::MAX,
        }
    }
}

impl Schedule {
    /// The schedule of a load. One that waits for another has a start only once that has ended.
    #[must_use]
    pub fn of(plan: &LoadPlan) -> Self {
        Self {
            shape: Shape::of(&plan.load).coming_at(plan.connect_rate.map(Rate::get)),
            start: match plan.start {
                StartAt::At(start) => Offset::from(start),
                // Nobody knows when that is before the run has come there.
                StartAt::After(_) => Offset::MAX,
            },
            warm_up: plan.warm_up,
            graceful_stop: plan.graceful_stop,
        }
    }

    /// The same load, begun at `start`.
    #[must_use]
    pub fn starting_at(&self, start: Offset) -> Self {
        Self {
            start,
            ..self.clone()
        }
    }

    /// The users that the load has at an instant, as far as all have come that it wants; zero for an open load.
    #[must_use]
    pub fn users_at(&self, at: Offset) -> u32 {
        match &self.shape {
            Shape::Closed { line, .. } if at >= self.start => {
                rounded(line.level(at.since(self.start)))
            }
            _ => 0,
        }
    }

    /// The users that are there when the run starts.
    #[must_use]
    pub fn first_users(&self) -> u32 {
        self.users_at(Offset::ZERO)
            .min(self.most_users().unwrap_or_default())
    }

    /// The most users of a closed load at once; none for an open one.
    #[must_use]
    pub const fn most_users(&self) -> Option<u32> {
        match &self.shape {
            Shape::Closed { most, .. } | Shape::SteeredUsers { most, .. } => Some(*most),
            Shape::Open { .. } | Shape::SteeredArrivals { .. } => None,
        }
    }

    /// The most users of an open load at once, where it bounds them.
    #[must_use]
    pub const fn max_vus(&self) -> Option<u32> {
        match &self.shape {
            Shape::Closed { .. } | Shape::SteeredUsers { .. } => None,
            Shape::Open { max_vus, .. } | Shape::SteeredArrivals { max_vus, .. } => *max_vus,
        }
    }

    /// The bound on iterations of a closed load; unlimited for an open one.
    #[must_use]
    pub const fn budget(&self) -> Budget {
        match &self.shape {
            Shape::Closed { budget, .. } => *budget,
            _ => Budget::Unlimited,
        }
    }

    /// When the load begins; [`Offset::MAX`] where nobody knows that yet.
    #[must_use]
    pub const fn start(&self) -> Offset {
        self.start
    }

    /// The first part of the load, which is in no statistic.
    #[must_use]
    pub const fn warm_up(&self) -> Duration {
        self.warm_up
    }

    /// How long iterations are begun.
    #[must_use]
    pub fn length(&self) -> Duration {
        match &self.shape {
            Shape::Closed { line, .. } | Shape::Open { line, .. } => line.length(),
            Shape::SteeredUsers { longest, .. } | Shape::SteeredArrivals { longest, .. } => {
                *longest
            }
        }
    }

    /// What is due before this belongs to the warm-up.
    #[must_use]
    pub fn end_of_warm_up(&self) -> Offset {
        self.start.after(self.warm_up)
    }

    /// No iteration is due at or after this.
    #[must_use]
    pub fn end_of_starting(&self) -> Offset {
        self.start.after(self.length())
    }

    /// How long running iterations may go on once no more are begun.
    #[must_use]
    pub const fn graceful_stop(&self) -> Duration {
        self.graceful_stop
    }

    /// The numbers that the stays of a closed load take in all; none for an open load, and where nobody knows how often
    /// users will come and go.
    #[must_use]
    pub fn stays_in_all(&self) -> Option<u64> {
        self.users().map(|users| users.numbers())
    }

    /// The stays of one shard's users, by when they come: those of every place ≡ shard (mod shards). None for an open
    /// load.
    #[must_use]
    pub fn stays(&self, shard: usize, shards: usize) -> Stays {
        match self.users() {
            Some(users) => Stays::new(users, shard, shards),
            None => Stays::none(),
        }
    }

    /// The users of a closed load that is not steered.
    fn users(&self) -> Option<Users> {
        let Shape::Closed {
            line,
            most,
            graceful_ramp_down,
            ..
        } = &self.shape
        else {
            return None;
        };
        Some(Users {
            line: line.clone(),
            most: *most,
            start: self.start,
            graceful_ramp_down: *graceful_ramp_down,
        })
    }

    /// The most users that come in a second where their number is steered; none where that is not bounded.
    pub(crate) const fn steered_connect_rate(&self) -> Option<f64> {
        match &self.shape {
            Shape::SteeredUsers { connect_rate, .. } => *connect_rate,
            _ => None,
        }
    }

    /// What is steered, where it is.
    pub(crate) const fn steered(&self) -> Option<Steered> {
        match &self.shape {
            Shape::Closed { .. } | Shape::Open { .. } => None,
            Shape::SteeredUsers { .. } => Some(Steered::Users),
            Shape::SteeredArrivals { arrivals, .. } => Some(Steered::Arrivals(*arrivals)),
        }
    }

    /// The arrivals of one shard: every arrival n ≡ shard (mod shards), its due time an offset from the start of the
    /// run. None for a closed load.
    #[must_use]
    pub fn arrivals(&self, seed: u64, shard: usize, shards: usize) -> Option<ArrivalTimes> {
        match &self.shape {
            Shape::Closed { .. } | Shape::SteeredUsers { .. } | Shape::SteeredArrivals { .. } => {
                None
            }
            Shape::Open { line, arrivals, .. } => Some(ArrivalTimes::new(
                line.clone(),
                self.start,
                *arrivals,
                seed,
                shard,
                shards,
            )),
        }
    }
}

impl Shape {
    fn closed(load: &Load, line: Line, budget: Budget, graceful_ramp_down: Duration) -> Self {
        Self::Closed {
            line,
            most: load.users().map_or(0, UserCount::get),
            budget,
            graceful_ramp_down,
        }
    }

    /// The same with so many users coming in a second at most. Arrivals come as they are due.
    fn coming_at(mut self, rate: Option<f64>) -> Self {
        match (&mut self, rate) {
            (Self::Closed { line, .. }, Some(rate)) => *line = line.climbing_at_most(rate),
            (Self::SteeredUsers { connect_rate, .. }, rate) => *connect_rate = rate,
            _ => {}
        }
        self
    }

    fn of(load: &Load) -> Self {
        let closed = |line, budget, ramp_down| Self::closed(load, line, budget, ramp_down);
        let open = |line, arrivals, max_vus: Option<UserCount>| Self::Open {
            line,
            arrivals,
            max_vus: max_vus.map(UserCount::get),
        };
        let steady = |users: u32, length| Line::constant(f64::from(users), length);
        match load {
            Load::ConstantVus { vus, duration } => closed(
                steady(vus.get(), *duration),
                Budget::Unlimited,
                Duration::ZERO,
            ),
            Load::RampingVus {
                start_vus,
                stages,
                graceful_ramp_down,
            } => closed(
                ramps(f64::from(*start_vus), stages),
                Budget::Unlimited,
                *graceful_ramp_down,
            ),
            Load::SharedIterations {
                vus,
                iterations,
                max_duration,
            } => closed(
                steady(vus.get(), *max_duration),
                Budget::Shared(*iterations),
                Duration::ZERO,
            ),
            Load::PerVuIterations {
                vus,
                iterations,
                max_duration,
            } => closed(
                steady(vus.get(), *max_duration),
                Budget::PerUser(*iterations),
                Duration::ZERO,
            ),
            Load::ConstantArrivalRate {
                rate,
                duration,
                max_vus,
                arrivals,
            } => open(Line::constant(rate.get(), *duration), *arrivals, *max_vus),
            Load::RampingArrivalRate {
                start_rate,
                stages,
                max_vus,
                arrivals,
            } => open(ramps(*start_rate, stages), *arrivals, *max_vus),
            Load::SteeredVus { most, longest } => Self::SteeredUsers {
                most: most.get(),
                longest: *longest,
                connect_rate: None,
            },
            Load::SteeredArrivalRate {
                longest,
                max_vus,
                arrivals,
                ..
            } => Self::SteeredArrivals {
                longest: *longest,
                arrivals: *arrivals,
                max_vus: max_vus.map(UserCount::get),
            },
        }
    }
}

fn ramps(start: f64, stages: &[Stage]) -> Line {
    Line::ramps(
        start,
        stages.iter().map(|stage| (stage.duration, stage.target)),
    )
}

/// A level as a number of users: half and more counts.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a level is no less than zero, and `as` saturates"
)]
fn rounded(level: f64) -> u32 {
    (level + 0.5).floor() as u32
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod laws;
