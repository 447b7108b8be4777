//! What a search found: the highest load that held, the lowest that broke, and what is to be said beside it.

use crate::search::{LevelVerdict, SearchSettings, Trial};

/// The answer of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// How the search ended.
    pub ended: Ended,
    /// The highest load that held below every load that broke.
    pub highest_held: Option<f64>,
    /// The lowest load that broke.
    pub lowest_broke: Option<f64>,
    /// The load that keeps the headroom free below the highest that held; below the peak where goodput fell.
    pub safe: Option<f64>,
    /// Loads that held although a lower one broke: the service is not steady.
    pub held_above: Vec<f64>,
    /// Loads that broke once and held when they were tried again.
    pub broke_once: Vec<f64>,
    /// Loads that could not be told.
    pub unclear: Vec<f64>,
    /// The load after which goodput fell twice, where that ended the search.
    pub peak: Option<f64>,
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The gap is as narrow as was asked for.
    Found,
    /// No level held: the first that could be told broke.
    AtStart,
    /// The highest load was tried, and nothing broke.
    Top,
    /// Goodput fell for two levels, though no limit broke: the service is past its peak.
    GoodputFell,
    /// The generator could not do what was asked.
    Generator,
    /// It was stopped from outside.
    Stopped,
}

/// What kept the load from going higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitedBy {
    /// The service under test.
    Service,
    /// This machine.
    Generator,
    /// The highest load that was to be tried.
    Max,
}

impl LimitedBy {
    /// The public name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Generator => "generator",
            Self::Max => "max",
        }
    }
}

impl Answer {
    /// What the trials say.
    #[must_use]
    pub fn of(trials: &[Trial], ended: Ended, settings: &SearchSettings) -> Self {
        let known = verdicts(trials);
        let with = |verdict| {
            known
                .iter()
                .filter(move |(_, is)| *is == verdict)
                .map(|(load, _)| *load)
        };
        let (lowest_broke, highest_held) = (lowest_broke(&known), highest_held(&known));
        let broke_once = with(LevelVerdict::Held).filter(|load| {
            trials
                .iter()
                .any(|trial| is(trial.load, *load) && trial.verdict == LevelVerdict::Broken)
        });
        let peak = (ended == Ended::GoodputFell)
            .then(|| peak(trials))
            .flatten();
        Self {
            ended,
            highest_held,
            lowest_broke,
            safe: peak
                .or(highest_held)
                .map(|load| settings.ladder.floor(load * (1.0 - settings.headroom))),
            held_above: with(LevelVerdict::Held)
                .filter(|load| lowest_broke.is_some_and(|broke| *load > broke))
                .collect(),
            broke_once: broke_once.collect(),
            unclear: with(LevelVerdict::Unclear).collect(),
            peak,
        }
    }

    /// The highest load that held, and the lowest above it that did not.
    pub(crate) fn gap(trials: &[Trial]) -> Option<(f64, f64)> {
        let known = verdicts(trials);
        let held = highest_held(&known)?;
        let not = known.iter().find(|(load, verdict)| {
            *load > held && matches!(verdict, LevelVerdict::Broken | LevelVerdict::Unclear)
        });
        not.map(|(not, _)| (held, *not))
    }

    /// Whether no load broke, and whether those above the highest that held would have could not be told.
    #[must_use]
    pub fn is_open_above(&self) -> bool {
        let held = self.highest_held.unwrap_or(0.0);
        matches!(self.ended, Ended::Found | Ended::Top)
            && self.lowest_broke.is_none()
            && self.unclear.iter().any(|load| *load > held)
    }

    /// What kept the load from going higher; none where that could not be told, or the search was stopped before.
    #[must_use]
    pub fn limited_by(&self) -> Option<LimitedBy> {
        match self.ended {
            _ if self.is_open_above() => None,
            Ended::Found | Ended::AtStart | Ended::GoodputFell => Some(LimitedBy::Service),
            Ended::Generator => Some(LimitedBy::Generator),
            Ended::Top => Some(LimitedBy::Max),
            Ended::Stopped => self.lowest_broke.map(|_| LimitedBy::Service),
        }
    }

    /// Whether the search came to an answer: it is not only the generator that was in the way, some level could be told,
    /// and what is above the highest that held too.
    #[must_use]
    pub fn is_answer(&self) -> bool {
        let told = self.highest_held.is_some() || self.lowest_broke.is_some();
        told && !self.is_open_above() && !matches!(self.ended, Ended::Generator | Ended::Stopped)
    }
}

/// The last verdict on each load, ascending; where the generator was in the way, nothing is known.
fn verdicts(trials: &[Trial]) -> Vec<(f64, LevelVerdict)> {
    let mut known: Vec<(f64, LevelVerdict)> = Vec::new();
    for trial in trials
        .iter()
        .filter(|trial| trial.verdict != LevelVerdict::Generator)
    {
        match known.iter_mut().find(|(load, _)| is(*load, trial.load)) {
            Some((_, verdict)) => *verdict = trial.verdict,
            None => known.push((trial.load, trial.verdict)),
        }
    }
    known.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    known
}

fn lowest_broke(known: &[(f64, LevelVerdict)]) -> Option<f64> {
    known
        .iter()
        .find(|(_, verdict)| *verdict == LevelVerdict::Broken)
        .map(|(load, _)| *load)
}

fn highest_held(known: &[(f64, LevelVerdict)]) -> Option<f64> {
    let below = lowest_broke(known).unwrap_or(f64::INFINITY);
    let held = known
        .iter()
        .rev()
        .find(|(load, verdict)| *verdict == LevelVerdict::Held && *load < below);
    held.map(|(load, _)| *load)
}

/// The level with the most goodput.
fn peak(trials: &[Trial]) -> Option<f64> {
    let held = trials
        .iter()
        .filter(|trial| trial.verdict == LevelVerdict::Held);
    held.max_by(|one, other| one.seen.goodput.total_cmp(&other.seen.goodput))
        .map(|trial| trial.load)
}

fn is(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9 * one.abs()
}
