//! Says with statistics whether runs are worse than others.
//!
//! One run a side: the windows of each are drawn again and again, in blocks, as neighbouring seconds hang together
//! (stationary bootstrap, Politis and Romano 1994), and the spread of a statistic over the draws tells how far chance
//! moves it. Several runs a side: the runs themselves are the units. Every row is a change of one statistic with its
//! interval; what is said of many rows at once is corrected for their number (Holm 1979).
//!
//! The same input gives the same answer: the seed of the draws is an argument.

mod block;
mod bootstrap;
mod comparison;
mod contrast;
mod decide;
mod doubt;
mod facts;
mod figure;
mod series;
mod student;
mod tolerance;

pub use comparison::{Change, CompareError, ComparedRow, Comparison, Interval, Method};
pub use facts::{Caution, Objection, RunFacts, Side};
pub use figure::{RunFigure, Statistic, Subject};
pub use series::{RunSeries, SeriesBuilder};
pub use tolerance::{Tolerance, ToleranceProblem};

use crate::Metric;
use contrast::Contrast;
use decide::Judgement;
use tolerance::Limits;

/// One run, as it is compared.
#[derive(Clone, Debug)]
pub struct ComparedRun {
    /// What is known of it.
    pub facts: RunFacts,
    /// What it measured.
    pub data: RunData,
}

/// What a run measured.
#[derive(Clone, Debug)]
pub enum RunData {
    /// Window by window: from a run log.
    Windows(Box<RunSeries>),
    /// Only its figures: from a summary.
    Figures(Box<RunDigest>),
}

/// What a summary tells of a run.
#[derive(Clone, Debug, Default)]
pub struct RunDigest {
    /// Every number that is compared.
    pub figures: Vec<RunFigure>,
    /// Times of successful requests alone, as far as they are told.
    pub ok_figures: Vec<RunFigure>,
    /// Requests that succeeded, and those that failed or were refused.
    pub outcomes: (u64, u64),
    /// Whether the generator was late or busy.
    pub doubtful: bool,
}

/// How runs are compared.
#[derive(Clone, Debug, Default)]
pub struct CompareOptions {
    /// How large a change must be to count; the last one that fits a row is taken.
    pub tolerances: Vec<Tolerance>,
    /// Whether runs that should not be compared are compared all the same.
    pub force: bool,
    /// The seed of the draws.
    pub seed: u64,
}

/// Two figures of the same statistic.
struct Pair<'a> {
    base: Vec<&'a RunFigure>,
    current: Vec<&'a RunFigure>,
}

/// Compares the runs of two sides.
///
/// # Errors
///
/// Where the sides should not be compared, cannot be, or have nothing in common; where a tolerance fits no row.
pub fn compare(
    base: &[ComparedRun],
    current: &[ComparedRun],
    options: &CompareOptions,
) -> Result<Comparison, CompareError> {
    let (objections, mut cautions) = facts::examine(base, current);
    if !objections.is_empty() && !options.force {
        return Err(CompareError::Refused(objections));
    }
    let method = method(base, current)?;
    let sides = [base, current].map(|side| side.iter().map(|run| &run.data).collect());
    let mut rows = rows(&sides, method, options)?;
    cautions.extend(doubt::cautions(base, current));
    doubt::again(&mut rows, &sides, |sides| {
        self::rows(sides, method, options)
    });
    Ok(Comparison {
        verdict: decide::whole(&rows),
        longer: decide::longer(&rows),
        rows,
        method,
        base: base.iter().map(|run| run.facts.clone()).collect(),
        current: current.iter().map(|run| run.facts.clone()).collect(),
        objections,
        cautions,
    })
}

/// The runs of both sides.
type Sides<'a> = [Vec<&'a RunData>; 2];

/// Every statistic that both sides have, judged.
fn rows(
    sides: &Sides<'_>,
    method: Method,
    options: &CompareOptions,
) -> Result<Vec<ComparedRow>, CompareError> {
    let only_ok = only_ok(sides);
    let figures = [0, 1].map(|side| figures(&sides[side], only_ok));
    let pairs = pairs(&figures);
    if pairs.is_empty() {
        return Err(CompareError::NothingInCommon);
    }
    let subjects = pairs.iter().map(|pair| pair.base[0]);
    tolerance::refuse_unused(&options.tolerances, subjects, "both sides have")?;
    let judged: Vec<Judgement<'_>> = pairs
        .iter()
        .zip(0..)
        .map(|(pair, place)| Judgement {
            base: &pair.base,
            current: &pair.current,
            contrast: contrast(pair, method, sides, options.seed.wrapping_add(place)),
            limits: Limits::of(&options.tolerances, pair.base[0]),
        })
        .collect();
    Ok(decide::rows(&judged))
}

/// Whether so many runs of a plan that is still to be carried out could be compared with that base.
///
/// # Errors
///
/// What would stand against it in the end.
pub fn check_baseline(
    base: &[ComparedRun],
    planned: &RunFacts,
    runs: usize,
    tolerances: &[Tolerance],
) -> Result<(), CompareError> {
    let objections = facts::objections(base, std::iter::once(planned));
    if !objections.is_empty() {
        return Err(CompareError::Refused(objections));
    }
    let has_windows = |run: &ComparedRun| matches!(run.data, RunData::Windows(_));
    if runs == 1 && base.len() == 1 && !base.iter().all(has_windows) {
        return Err(CompareError::NoWindows);
    }
    let base: Vec<&RunData> = base.iter().map(|run| &run.data).collect();
    let figures = figures(&base, false);
    tolerance::refuse_unused(tolerances, figures.iter().flatten(), "the baseline has")
}

/// The change of one statistic, and how far chance goes.
fn contrast(pair: &Pair<'_>, method: Method, sides: &Sides<'_>, seed: u64) -> Option<Contrast> {
    match (method, sides[0][0], sides[1][0]) {
        (Method::Windows, RunData::Windows(base), RunData::Windows(current)) => {
            Contrast::of_windows(pair.base[0], base, pair.current[0], current, seed)
        }
        (Method::Windows, ..) => None,
        (Method::Runs { paired }, ..) => Contrast::of_runs(&pair.base, &pair.current, paired),
    }
}

/// Whether windows or runs are the units.
fn method(base: &[ComparedRun], current: &[ComparedRun]) -> Result<Method, CompareError> {
    match (base, current) {
        ([], _) | (_, []) => Err(CompareError::NothingInCommon),
        ([one], [other]) => {
            let has_windows = |run: &ComparedRun| matches!(run.data, RunData::Windows(_));
            if has_windows(one) && has_windows(other) {
                Ok(Method::Windows)
            } else {
                Err(CompareError::NoWindows)
            }
        }
        _ => Ok(Method::Runs {
            paired: facts::interleaved(base, current),
        }),
    }
}

/// Whether times are those of successful requests alone: where so many fail or are refused that they would flatter.
fn only_ok(sides: &Sides<'_>) -> bool {
    let mut runs = sides.iter().flatten();
    runs.any(|run| match run {
        RunData::Windows(series) => series.many_unsuccessful(),
        RunData::Figures(digest) => series::are_many(digest.outcomes),
    })
}

fn figures(runs: &[&RunData], only_ok: bool) -> Vec<Vec<RunFigure>> {
    let of = |run: &&RunData| match run {
        RunData::Windows(series) => series.figures(only_ok),
        RunData::Figures(digest) => digest.figures(only_ok),
    };
    runs.iter().map(of).collect()
}

impl RunDigest {
    /// Every number that is compared; `only_ok`: without the times of all requests, which would flatter.
    fn figures(&self, only_ok: bool) -> Vec<RunFigure> {
        if !only_ok {
            return self.figures.clone();
        }
        let flatters = |figure: &&RunFigure| match figure.subject.metric {
            Metric::Trend(trend) => series::is_by_outcome(trend),
            _ => false,
        };
        let others = self.figures.iter().filter(|figure| !flatters(figure));
        others.chain(&self.ok_figures).cloned().collect()
    }
}

impl RunData {
    fn series(&self) -> Option<&RunSeries> {
        match self {
            Self::Windows(series) => Some(series),
            Self::Figures(_) => None,
        }
    }
}

/// The statistics that every run of both sides has.
fn pairs([base, current]: &[Vec<Vec<RunFigure>>; 2]) -> Vec<Pair<'_>> {
    fn in_each<'a>(runs: &'a [Vec<RunFigure>], wanted: &RunFigure) -> Option<Vec<&'a RunFigure>> {
        runs.iter()
            .map(|figures| figures.iter().find(|figure| figure.is_alike(wanted)))
            .collect()
    }
    let first = base.first().into_iter().flatten();
    let both = first.filter_map(|wanted| {
        Some(Pair {
            base: in_each(base, wanted)?,
            current: in_each(current, wanted)?,
        })
    });
    both.filter(Pair::is_there).collect()
}

impl Pair<'_> {
    /// Not where a phase never took any time, as on reused connections.
    fn is_there(&self) -> bool {
        let mut all = self.base.iter().chain(&self.current);
        !matches!(self.base[0].subject.metric, Metric::Trend(_))
            || all.any(|figure| figure.value > 0.0)
    }
}

#[cfg(test)]
mod tests;
