//! What a whole search came to: its levels, its answer, and what the laws make of them.

use crate::answer::{Answer, Ended};
use crate::knee::{Knee, knee};
use crate::level::{Broken, Level, Recovery};
use crate::search::{LevelVerdict, SearchSettings, Seen, Sight, Trial};
use crate::usl::{Usl, usl};
use loadgen_stats::{ProbeLayout, Verdict};

/// What loads are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadUnit {
    /// Virtual users.
    Users,
    /// Arrivals per second.
    PerSecond,
}

/// The result of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct Stress {
    /// What was searched.
    pub settings: SearchSettings,
    /// What loads are counted in.
    pub unit: LoadUnit,
    /// The levels in the order in which they were tried.
    pub levels: Vec<Level>,
    /// What was found.
    pub answer: Answer,
    /// The Universal Scalability Law, where it could be fitted: over users, or over the requests under way.
    pub usl: Option<Usl>,
    /// The knee of the good throughput over the load.
    pub knee: Option<Knee>,
    /// How the service recovered, where that was measured.
    pub recovery: Option<Recovery>,
    /// The load that was asked for.
    pub required: Option<f64>,
    /// The limits, as `METRIC: EXPRESSION`.
    pub limits: Vec<String>,
    /// The probes of the target.
    pub probes: Vec<ProbeLayout>,
}

impl LoadUnit {
    /// The public name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::PerSecond => "per_second",
        }
    }
}

impl Stress {
    /// Sums a search up.
    #[must_use]
    pub fn of(settings: SearchSettings, unit: LoadUnit, levels: Vec<Level>, ended: Ended) -> Self {
        let trials: Vec<Trial> = levels.iter().map(trial).collect();
        let points = points(&levels);
        let over = |x: &dyn Fn(&Level) -> Option<f64>| -> Vec<(f64, f64)> {
            points
                .iter()
                .filter_map(|level| Some((x(level)?, level.goodput_per_second)))
                .collect()
        };
        let law = match unit {
            LoadUnit::Users => over(&|level| Some(level.load)),
            LoadUnit::PerSecond => over(&|level| level.little.map(|little| little.users)),
        };
        Self {
            answer: Answer::of(&trials, ended, &settings),
            usl: usl(&law),
            knee: knee(&over(&|level| Some(level.load))),
            recovery: None,
            required: None,
            limits: Vec::new(),
            probes: Vec::new(),
            settings,
            unit,
            levels,
        }
    }

    /// The limit that broke first, as the load grew: of those of the lowest load that broke, the one furthest beyond.
    #[must_use]
    pub fn first_broken(&self) -> Option<&Broken> {
        let lowest = self.answer.lowest_broke?;
        let levels = self.levels.iter().rev();
        let at = |load: f64| (load - lowest).abs() <= 1e-9 * lowest;
        let mut at_lowest =
            levels.filter(|level| at(level.load) && level.verdict == LevelVerdict::Broken);
        at_lowest.next()?.broken.first()
    }

    /// Whether the search came to an answer, and to what was asked for. One that a person stopped passes as far as it goes.
    #[must_use]
    pub fn verdict(&self, interrupted: bool) -> Verdict {
        let nothing = self
            .levels
            .iter()
            .all(|level| level.goodput_per_second <= 0.0);
        match (self.answer.ended, self.meets()) {
            (Ended::Stopped, _) if interrupted => Verdict::Pass,
            (Ended::Stopped, _) => Verdict::Inconclusive,
            (_, meets) if !self.answer.is_answer() && meets != Some(true) => Verdict::Inconclusive,
            (_, Some(false)) => Verdict::Fail,
            // Of a service that answers nothing there is no capacity to be told.
            _ if nothing => Verdict::Inconclusive,
            (_, _) => Verdict::Pass,
        }
    }

    /// Whether the safe load is what was asked for, or more; none where nothing was.
    #[must_use]
    pub fn meets(&self) -> Option<bool> {
        self.required
            .map(|required| self.answer.safe.is_some_and(|safe| safe >= required))
    }
}

/// The levels that tell of the service's throughput: the last try of each load, unless the generator was in the way.
fn points(levels: &[Level]) -> Vec<&Level> {
    let known = |level: &&Level| level.verdict != LevelVerdict::Generator;
    let mut points: Vec<&Level> = Vec::new();
    for level in levels.iter().filter(known) {
        points.retain(|other| (other.load - level.load).abs() > 1e-9 * level.load);
        points.push(level);
    }
    points
}

fn trial(level: &Level) -> Trial {
    let sight = match level.verdict {
        LevelVerdict::Held => Sight::Held,
        LevelVerdict::Broken => Sight::Broken,
        LevelVerdict::Unclear => Sight::TooFew,
        LevelVerdict::Generator => Sight::Generator,
    };
    Trial {
        load: level.load,
        purpose: level.purpose,
        verdict: level.verdict,
        holds: level.holds,
        guarded: level.guarded,
        seen: Seen {
            sight,
            goodput: level.goodput_per_second,
            goodput_error: 0.0,
            failed: level.failed,
            beyond: 0.0,
        },
    }
}
