//! What a comparison comes to: plain numbers, for whoever renders them.

use super::facts::{Caution, Objection, RunFacts};
use super::figure::{Statistic, Subject};
use super::tolerance::ToleranceProblem;
use crate::Unit;
use std::fmt;

/// What a comparison comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The verdict of the whole.
    pub verdict: Change,
    /// Every statistic that both sides have, the worst first.
    pub rows: Vec<ComparedRow>,
    /// How many times as long (as many runs) it takes to settle what is unclear and decides; none where nothing is, or
    /// where no length would.
    pub longer: Option<f64>,
    /// What was drawn.
    pub method: Method,
    /// The runs that the others are measured against.
    pub base: Vec<RunFacts>,
    /// The runs that are judged.
    pub current: Vec<RunFacts>,
    /// Why the runs should not have been compared; not empty only where that was forced.
    pub objections: Vec<Objection>,
    /// What to bear in mind.
    pub cautions: Vec<Caution>,
}

/// How something changed from base to current.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// For the better, by more than chance and more than the tolerance.
    Better,
    /// For the worse, by more than chance and more than the tolerance.
    Worse,
    /// By no more than the tolerance, and the interval says that it is so.
    Same,
    /// It cannot be told.
    Unclear,
}

/// What was drawn to learn how far chance goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The windows of one run on each side.
    Windows,
    /// Runs, several at least on one side.
    Runs {
        /// Whether they took turns, so that each is compared with its neighbour.
        paired: bool,
    },
}

/// One statistic of both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparedRow {
    /// What it is about.
    pub subject: Subject,
    /// What is made of it.
    pub statistic: Statistic,
    /// What `base` and `current` are in, and the changes of a row that is not relative; a change of
    /// [`Unit::Percent`] is in percentage points.
    pub unit: Unit,
    /// The number of the base, in `unit`.
    pub base: f64,
    /// The number of the current side, in `unit`.
    pub current: f64,
    /// Whether changes are relative to the base (0.05 is 5 % more), or plain differences.
    pub relative: bool,
    /// The change.
    pub change: f64,
    /// Where the true change lies in 95 of 100 cases, looking at this row alone; none where too little is known.
    pub interval: Option<Interval>,
    /// A change counts from here on.
    pub tolerance: f64,
    /// The chance of at least such a change where there is none, corrected for the number of rows.
    pub chance: Option<f64>,
    /// The verdict.
    pub verdict: Change,
    /// Whether its being unclear makes the whole unclear: it could be worse by more than the tolerance, and the samples
    /// suffice to expect an answer. Never of a time that larger ones contain.
    pub decides: bool,
    /// How many times as long (as many runs) would settle it; none where it is settled, or no length would.
    pub longer: Option<f64>,
    /// Whether fewer than ten samples lie beyond the quantile on a side.
    pub rough: bool,
    /// Whether the truth of a side is its number or more, because requests timed out.
    pub at_least: bool,
    /// Whether it is unclear because the change is not seen where the generator was not the limit.
    pub doubtful: bool,
}

/// From where to where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The least.
    pub low: f64,
    /// The greatest.
    pub high: f64,
}

/// Why there is no comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum CompareError {
    /// The runs should not be compared.
    Refused(Vec<Objection>),
    /// One run a side, and one of them is only a summary.
    NoWindows,
    /// No statistic that both sides have.
    NothingInCommon,
    /// A tolerance that fits no row.
    Tolerance(ToleranceProblem),
}

impl Interval {
    /// In another unit.
    pub(super) fn times(self, factor: f64) -> Self {
        Self {
            low: self.low * factor,
            high: self.high * factor,
        }
    }
}

impl Change {
    /// The public name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Same => "same",
            Self::Unclear => "unclear",
        }
    }
}

impl ComparedRow {
    /// Whether it is the same statistic of the same subject; that of which requests may differ.
    pub(super) fn is_alike(&self, other: &Self) -> bool {
        let outcome = other.subject.outcome;
        let subject = Subject {
            outcome,
            ..self.subject.clone()
        };
        self.statistic == other.statistic && subject == other.subject
    }

    /// As a threshold would name it: `ttft{step=chat} p95`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}", self.subject, self.statistic.name())
    }
}

impl Comparison {
    /// How many rows have that verdict.
    #[must_use]
    pub fn count(&self, verdict: Change) -> usize {
        self.rows
            .iter()
            .filter(|row| row.verdict == verdict)
            .count()
    }
}

impl fmt::Display for CompareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(objections) => {
                let reasons: Vec<String> = objections.iter().map(ToString::to_string).collect();
                write!(f, "{}", reasons.join("; "))
            }
            Self::NoWindows => f.write_str("a summary has no windows to draw from, and one summary a side tells nothing of chance"),
            Self::NothingInCommon => f.write_str("the two sides have no metric in common"),
            Self::Tolerance(problem) => write!(f, "{problem}"),
        }
    }
}

impl std::error::Error for CompareError {}
