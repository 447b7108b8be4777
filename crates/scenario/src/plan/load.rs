//! How load is put on: the kinds of it, and the numbers they are made of.

use std::{borrow::Cow, time::Duration};

/// At so many instants the area under a level is looked at.
const SAMPLES: u32 = 1_000;

/// How load is put on.
#[derive(Clone, Debug, PartialEq)]
pub enum Load {
    /// A fixed number of users, each beginning iterations until the time is over.
    ConstantVus {
        /// The users.
        vus: UserCount,
        /// How long iterations are begun.
        duration: Duration,
    },
    /// A number of users that follows stages.
    RampingVus {
        /// The users at the start; zero is possible.
        start_vus: u32,
        /// Each moves the number in a straight line to its target.
        stages: Vec<Stage>,
        /// How long the iteration of a user who is to leave may go on.
        graceful_ramp_down: Duration,
    },
    /// A fixed number of iterations, taken by whichever user is free.
    SharedIterations {
        /// The users.
        vus: UserCount,
        /// Iterations in all.
        iterations: u64,
        /// No iteration begins after this.
        max_duration: Duration,
    },
    /// A fixed number of iterations for each user.
    PerVuIterations {
        /// The users.
        vus: UserCount,
        /// Iterations of each.
        iterations: u64,
        /// No iteration begins after this.
        max_duration: Duration,
    },
    /// Iterations that begin at a fixed rate, however long they take.
    ConstantArrivalRate {
        /// Iterations per second.
        rate: Rate,
        /// How long iterations are begun.
        duration: Duration,
        /// The most users at once; an arrival that finds all busy is dropped. Without it none is.
        max_vus: Option<UserCount>,
        /// How the gaps between arrivals are spread.
        arrivals: Arrivals,
    },
    /// Iterations that begin at a rate that follows stages.
    RampingArrivalRate {
        /// Iterations per second at the start; zero is possible.
        start_rate: f64,
        /// Each moves the rate in a straight line to its target, in iterations per second.
        stages: Vec<Stage>,
        /// The most users at once; an arrival that finds all busy is dropped. Without it none is.
        max_vus: Option<UserCount>,
        /// How the gaps between arrivals are spread.
        arrivals: Arrivals,
    },
    /// A number of users that is set while the run goes on, as a search for the breaking point wants it.
    SteeredVus {
        /// The most that may be set.
        most: UserCount,
        /// The longest that the search may take.
        longest: Duration,
    },
    /// A rate that is set while the run goes on.
    SteeredArrivalRate {
        /// The most that may be set.
        most: Rate,
        /// The longest that the search may take.
        longest: Duration,
        /// The most users at once; an arrival that finds all busy is dropped. Without it none is.
        max_vus: Option<UserCount>,
        /// How the gaps between arrivals are spread.
        arrivals: Arrivals,
    },
}

/// A part of a ramp: the level moves in a straight line to `target`, or jumps there where `duration` is zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// How long it takes.
    pub duration: Duration,
    /// The level at its end: users, or iterations per second.
    pub target: f64,
}

/// How the gaps between arrivals are spread; their mean is given by the rate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Arrivals {
    /// All alike.
    #[default]
    Uniform,
    /// Exponential: as from many people who know nothing of each other.
    Poisson,
    /// Gamma: below a burstiness of 1 they come in bursts, above it they are more even than by chance.
    Gamma {
        /// The shape of the distribution, above zero; 1 is Poisson.
        burstiness: f64,
    },
}

/// Iterations per second, above zero.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rate(f64);

/// A number of virtual users: 1 to 1,000,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserCount(u32);

impl Load {
    /// The most users at once; none where the load makes as many as it needs. No more than there are shared iterations to
    /// do.
    #[must_use]
    pub fn users(&self) -> Option<UserCount> {
        match self {
            Self::ConstantVus { vus, .. } | Self::PerVuIterations { vus, .. } => Some(*vus),
            Self::SharedIterations {
                vus, iterations, ..
            } => {
                let iterations = u32::try_from(*iterations).unwrap_or(u32::MAX).max(1);
                UserCount::new(vus.get().min(iterations))
            }
            // A ramp that never has a user is no plan.
            Self::RampingVus { .. } => UserCount::new(rounded(self.highest()).max(1)),
            Self::SteeredVus { most, .. } => Some(*most),
            Self::ConstantArrivalRate { max_vus, .. }
            | Self::RampingArrivalRate { max_vus, .. }
            | Self::SteeredArrivalRate { max_vus, .. } => *max_vus,
        }
    }

    /// How long iterations are begun, at most.
    #[must_use]
    pub fn length(&self) -> Duration {
        match self {
            Self::ConstantVus { duration, .. } | Self::ConstantArrivalRate { duration, .. } => {
                *duration
            }
            Self::SharedIterations { max_duration, .. }
            | Self::PerVuIterations { max_duration, .. } => *max_duration,
            Self::RampingVus { stages, .. } | Self::RampingArrivalRate { stages, .. } => {
                stages.iter().map(|stage| stage.duration).sum()
            }
            Self::SteeredVus { longest, .. } | Self::SteeredArrivalRate { longest, .. } => *longest,
        }
    }

    /// Whether iterations begin at a rate, however long they take.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(
            self,
            Self::ConstantArrivalRate { .. }
                | Self::RampingArrivalRate { .. }
                | Self::SteeredArrivalRate { .. }
        )
    }

    /// The level at the start: users, or iterations per second.
    #[must_use]
    pub fn start(&self) -> f64 {
        match self {
            Self::ConstantVus { vus, .. }
            | Self::SharedIterations { vus, .. }
            | Self::PerVuIterations { vus, .. } => f64::from(vus.get()),
            Self::RampingVus { start_vus, .. } => f64::from(*start_vus),
            Self::ConstantArrivalRate { rate, .. } => rate.get(),
            Self::RampingArrivalRate { start_rate, .. } => *start_rate,
            Self::SteeredVus { .. } | Self::SteeredArrivalRate { .. } => 0.0,
        }
    }

    /// The level over time, from that at the start on; one stage where it stays, or goes as it is set.
    #[must_use]
    pub fn stages(&self) -> Cow<'_, [Stage]> {
        match self {
            Self::RampingVus { stages, .. } | Self::RampingArrivalRate { stages, .. } => {
                stages.into()
            }
            one => Cow::Owned(vec![Stage {
                duration: one.length(),
                target: one.most(),
            }]),
        }
    }

    /// The level at the end of one stage: what may be set of a load that is steered, else where it starts.
    fn most(&self) -> f64 {
        match self {
            Self::SteeredVus { most, .. } => f64::from(most.get()),
            Self::SteeredArrivalRate { most, .. } => most.get(),
            steady => steady.start(),
        }
    }

    /// The highest level: users, or iterations per second.
    #[must_use]
    pub fn highest(&self) -> f64 {
        let targets = self.stages();
        targets
            .iter()
            .map(|stage| stage.target)
            .fold(self.start(), f64::max)
    }

    /// The area under the level: the mean number of arrivals of an open load, the seconds of all users of another.
    #[must_use]
    pub fn area(&self) -> f64 {
        let mut level = self.start();
        let mut area = 0.0;
        for stage in self.stages().iter() {
            area += stage.duration.as_secs_f64() * (level + stage.target) / 2.0;
            level = stage.target;
        }
        area
    }

    /// How many iterations it has, where that is said.
    pub(super) fn iterations(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
        match self {
            Self::SharedIterations { iterations, .. } => Some(*iterations as f64),
            Self::PerVuIterations {
                vus, iterations, ..
            } => Some(f64::from(vus.get()) * *iterations as f64),
            _ => None,
        }
    }

    /// The largest area under the level within a time of that length: no more than there is, where the level jumps.
    pub(super) fn most_within(&self, time: Duration) -> f64 {
        if let Self::SteeredVus { .. } | Self::SteeredArrivalRate { .. } = self {
            return 0.0;
        }
        let (length, time) = (self.length().as_secs_f64(), time.as_secs_f64());
        let stages = self.stages();
        let until = |end: f64| {
            let (mut level, mut at, mut area) = (self.start(), 0.0, 0.0);
            for stage in stages.iter() {
                let stage_length = stage.duration.as_secs_f64();
                let part = (end - at).clamp(0.0, stage_length);
                if stage_length > 0.0 {
                    let reached = level + (stage.target - level) * part / stage_length;
                    area += part * f64::midpoint(level, reached);
                }
                (level, at) = (stage.target, at + stage_length);
            }
            area
        };
        let ends = (1..=SAMPLES).map(|sample| f64::from(sample) / f64::from(SAMPLES) * length);
        ends.map(|end| until(end) - until((end - time).max(0.0)))
            .fold(0.0, f64::max)
    }

    /// The name of its kind, as the file has it.
    #[must_use]
    pub const fn executor(&self) -> &'static str {
        match self {
            Self::ConstantVus { .. } => "constant-vus",
            Self::RampingVus { .. } => "ramping-vus",
            Self::SharedIterations { .. } => "shared-iterations",
            Self::PerVuIterations { .. } => "per-vu-iterations",
            Self::ConstantArrivalRate { .. } => "constant-arrival-rate",
            Self::RampingArrivalRate { .. } => "ramping-arrival-rate",
            Self::SteeredVus { .. } => "steered-vus",
            Self::SteeredArrivalRate { .. } => "steered-arrival-rate",
        }
    }
}

impl Arrivals {
    /// The name, as the file has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Poisson => "poisson",
            Self::Gamma { .. } => "gamma",
        }
    }
}

impl Rate {
    /// The highest rate.
    pub const MAX: f64 = 10_000_000.0;

    /// That many iterations per second, where it is a possible rate.
    #[must_use]
    pub fn per_second(rate: f64) -> Option<Self> {
        (rate > 0.0 && rate <= Self::MAX).then_some(Self(rate))
    }

    /// Iterations per second.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl UserCount {
    /// The most users of one load.
    pub const MAX: u32 = 1_000_000;

    /// That many users, where it is a possible number.
    #[must_use]
    pub const fn new(count: u32) -> Option<Self> {
        if count == 0 || count > Self::MAX {
            None
        } else {
            Some(Self(count))
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// A level as a number of users: half and more counts.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a level is no less than zero, and `as` saturates"
)]
pub(crate) fn rounded(level: f64) -> u32 {
    (level + 0.5).floor() as u32
}
