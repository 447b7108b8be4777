//! A run as a comparison takes it in: for each metric and step, what each window held.

mod window;

use super::bootstrap::{Cumulative, Quantile, Ratio, Spread, spread};
use super::figure::{COUNTERS, RunFigure, Statistic, Subject, trends};
use crate::threshold::watch::flags::Flags;
use crate::{
    Layout, Metric, Offset, Outcome, Rate, ScenarioIndex, Selection, StepIndex, StepRole, Trend,
    Window,
};
use std::time::Duration;
use window::{Held, Times};

/// More windows are drawn together as longer ones.
const MOST_WINDOWS: f64 = 600.0;
/// Fewer seconds in which the generator was not the limit tell nothing.
const LEAST_BELIEVED: f64 = 10.0;
/// The share of failed and refused requests above which the times of all would flatter.
const MANY: f64 = 0.01;

/// Takes in a run window by window.
#[derive(Debug)]
pub struct SeriesBuilder {
    layout: Layout,
    parts: Vec<Part>,
    spans: Vec<(Offset, Offset)>,
    /// The measured part of each scenario, where it is noted.
    noted: Vec<Option<(Offset, Offset)>>,
    flags: Flags,
    /// Whether the generator was the limit, by window.
    doubtful: Vec<bool>,
}

/// A run as a comparison takes it in.
#[derive(Clone, Debug)]
pub struct RunSeries {
    parts: Vec<Part>,
    /// The seconds of the measured part that each window covers.
    seconds: Vec<f64>,
    /// Whether the generator was the limit in it.
    doubtful: Vec<bool>,
}

/// What of a run is to be believed.
#[derive(Clone, Debug)]
pub(super) enum Believed {
    /// All of it.
    Whole,
    /// Only these windows.
    Part(RunSeries),
    /// Too little to tell anything.
    TooLittle,
}

/// The whole run, one scenario, or one step.
#[derive(Clone, Debug)]
struct Part {
    selection: Selection,
    scenario: Option<String>,
    step: Option<String>,
    windows: Vec<Held>,
    /// The seconds of its own measured part that each window covers.
    seconds: Vec<f64>,
}

impl SeriesBuilder {
    /// For runs of that layout.
    #[must_use]
    pub fn new(layout: &Layout) -> Self {
        Self {
            parts: parts(layout),
            layout: layout.clone(),
            spans: Vec::new(),
            noted: vec![None; layout.scenarios.len()],
            flags: Flags::default(),
            doubtful: Vec::new(),
        }
    }

    /// Takes in the next window.
    pub fn push(&mut self, window: &Window) {
        self.spans.push((window.start, window.end));
        let flag = self.flags.look(window, &self.layout);
        self.doubtful.push(flag.late);
        for busy in self.doubtful.iter_mut().rev().take(flag.busy) {
            *busy = true;
        }
        for part in &mut self.parts {
            part.push(&window.totals, &self.layout);
        }
        for (noted, totals) in self.noted.iter_mut().zip(&window.totals.scenarios) {
            *noted = match (*noted, totals.measured) {
                // The end moves earlier only.
                (Some((from, until)), Some((_, earlier))) => Some((from, until.min(earlier))),
                (known, news) => known.or(news),
            };
        }
    }

    /// The run, whose measured part was that. What became known after it counts with the last window in it.
    #[must_use]
    pub fn finish(self, measured: (Offset, Offset)) -> RunSeries {
        let covered = self.covered(measured);
        let groups = groups(&covered);
        let seconds = |covered: Vec<f64>| {
            let mut seconds = vec![0.0; groups.last().map_or(0, |last| last + 1)];
            for (&group, covered) in groups.iter().zip(covered) {
                seconds[group] += covered;
            }
            seconds
        };
        let of_parts: Vec<Vec<f64>> = self
            .parts
            .iter()
            .map(|part| seconds(self.covered(self.measured(&part.selection, measured))))
            .collect();
        let (mut parts, doubts) = (self.parts, self.doubtful);
        for (part, seconds) in parts.iter_mut().zip(of_parts) {
            let windows = std::mem::take(&mut part.windows);
            part.windows = Held::gathered(windows, &groups);
            part.seconds = seconds;
        }
        let mut doubtful = vec![false; groups.last().map_or(0, |last| last + 1)];
        for (place, &group) in groups.iter().enumerate() {
            // Windows outside the measured part only end what was begun in it.
            doubtful[group] |= doubts[place] && covered[place] > 0.0;
        }
        RunSeries {
            parts,
            seconds: seconds(covered),
            doubtful,
        }
    }

    /// The seconds of a measured part that each window covers.
    fn covered(&self, (from, until): (Offset, Offset)) -> Vec<f64> {
        let inside =
            |&(start, end): &(Offset, Offset)| end.min(until).since(start.max(from)).as_secs_f64();
        self.spans.iter().map(inside).collect()
    }

    /// The measured part of the scenarios that a selection is about; `whole`: that of the run.
    fn measured(&self, selection: &Selection, whole: (Offset, Offset)) -> (Offset, Offset) {
        let about =
            |&(place, _): &(usize, _)| selection.is_about(&self.layout, ScenarioIndex(place));
        let noted = self.noted.iter().enumerate().filter(about);
        noted
            .filter_map(|(_, noted)| *noted)
            .reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
            .map_or(whole, |(from, until)| {
                (from.max(whole.0), until.min(whole.1))
            })
    }
}

/// Which of the windows that are drawn each window belongs to: equally long ones, whose number is bounded.
fn groups(covered: &[f64]) -> Vec<usize> {
    let total: f64 = covered.iter().sum();
    let longest = covered.iter().copied().fold(0.0, f64::max);
    // Windows end a little early or late.
    let enough = 0.95 * longest.max(total / MOST_WINDOWS);
    let mut groups = Vec::with_capacity(covered.len());
    let (mut group, mut gathered, mut left) = (0, 0.0, total);
    for &seconds in covered {
        if gathered >= enough && left >= enough && seconds > 0.0 {
            group += 1;
            gathered = 0.0;
        }
        groups.push(group);
        gathered += seconds;
        left -= seconds;
    }
    groups
}

impl RunSeries {
    /// How many windows there are to draw from.
    #[must_use]
    pub fn windows(&self) -> usize {
        self.seconds.len()
    }

    /// The length of the measured part.
    #[must_use]
    pub fn measured(&self) -> Duration {
        Duration::try_from_secs_f64(self.seconds.iter().sum()).unwrap_or_default()
    }

    /// What of it is to be believed: the windows in which the generator was not the limit.
    pub(super) fn believed(&self) -> Believed {
        if !self.doubtful.contains(&true) {
            return Believed::Whole;
        }
        let keep = |place: usize| !self.doubtful[place];
        let seconds: Vec<f64> = kept(&self.seconds, keep);
        if seconds.iter().sum::<f64>() < LEAST_BELIEVED {
            return Believed::TooLittle;
        }
        let part = |part: &Part| Part {
            windows: kept(&part.windows, keep),
            seconds: kept(&part.seconds, keep),
            ..part.clone()
        };
        Believed::Part(Self {
            parts: self.parts.iter().map(part).collect(),
            doubtful: vec![false; seconds.len()],
            seconds,
        })
    }

    /// The seconds in which the generator was the limit, and all of them.
    pub(super) fn doubtful_seconds(&self) -> (f64, f64) {
        let pairs = self.seconds.iter().zip(&self.doubtful);
        let doubtful = pairs.filter(|(_, doubtful)| **doubtful);
        (
            doubtful.map(|(seconds, _)| seconds).sum(),
            self.seconds.iter().sum(),
        )
    }

    /// Whether so many requests failed or were refused that the times of all would flatter.
    pub(super) fn many_unsuccessful(&self) -> bool {
        let run = self.parts.first().map_or(&[][..], |run| &run.windows);
        let [ok, failed, rejected, _, redirected] =
            run.iter().fold([0; Outcome::ALL.len()], |mut sum, window| {
                for (sum, count) in sum.iter_mut().zip(window.outcomes) {
                    *sum += count;
                }
                sum
            });
        are_many((ok, failed + rejected + redirected))
    }

    /// Every number that is compared; `only_ok`: times of successful requests alone, where they are kept apart.
    pub(super) fn figures(&self, only_ok: bool) -> Vec<RunFigure> {
        let mut figures = Vec::new();
        let steps = self.parts.iter().any(|part| part.step.is_some());
        let scenarios = self.parts.iter().any(|part| part.scenario.is_some());
        for part in &self.parts {
            for (place, trend) in trends().enumerate() {
                // Times of unlike things have no common middle: each step and each scenario tells its own.
                let mixes = if trend == Trend::IterationDuration {
                    // A step has no iterations: they are of its scenario.
                    part.step.is_some() || scenarios && part.scenario.is_none()
                } else {
                    steps && part.step.is_none()
                };
                if !mixes {
                    part.times(place, trend, only_ok, &mut figures);
                }
            }
            part.rates(&mut figures);
            part.counts(part.seconds.iter().sum(), &mut figures);
        }
        figures
    }

    /// How far chance moves that number.
    pub(super) fn spread(&self, figure: &RunFigure, seed: u64) -> Option<Spread> {
        let subject = &figure.subject;
        let part = self
            .parts
            .iter()
            .find(|part| part.scenario == subject.scenario && part.step == subject.step)?;
        let ratio = |of: &dyn Fn(&Held) -> (f64, f64)| {
            let (above, below) = part.windows.iter().map(of).unzip();
            spread(&Ratio { above, below }, seed)
        };
        match subject.metric {
            Metric::Trend(trend) => {
                let place = trends().position(|one| one == trend)?;
                let times = |held: &Held| held.times(place, subject.outcome.is_some()).clone();
                let Some(q) = figure.statistic.quantile() else {
                    return ratio(&|held| times(held).sum_and_count());
                };
                let windows: Vec<Times> = part.windows.iter().map(times).collect();
                let counts = Cumulative::of(windows.iter().map(Times::counts), milliseconds);
                spread(&Quantile { q, counts: &counts }, seed)
            }
            Metric::Rate(rate) => ratio(&|held| {
                let share = held.shares[rate.index()];
                (share.hits as f64, share.total as f64)
            }),
            Metric::Counter(counter) => {
                let place = COUNTERS.iter().position(|&one| one == counter)?;
                let above = part.windows.iter().map(|held| held.counts[place] as f64);
                let (above, below) = (above.collect(), part.seconds.clone());
                spread(&Ratio { above, below }, seed)
            }
            Metric::Gauge(_) | Metric::Probe(_) => None,
        }
    }
}

impl Part {
    fn push(&mut self, totals: &crate::Totals, layout: &Layout) {
        let outcomes = totals.outcomes(layout, &self.selection);
        let [_, others @ ..] = outcomes;
        let ok = self.selection.clone().with_outcome(Outcome::Ok);
        let times = trends().map(|trend| {
            let of = |selection| Times::of(&totals.trend(layout, trend, selection));
            // Where all succeeded, the two are one.
            let apart = others.iter().any(|count| *count > 0) && is_by_outcome(trend);
            (of(&self.selection), apart.then(|| of(&ok)))
        });
        let count = |counter| totals.counter(layout, counter, &self.selection).1;
        let share = |&rate: &Rate| totals.rate(layout, rate, &self.selection);
        self.windows.push(Held {
            times: times.collect(),
            shares: Rate::ALL.iter().map(share).collect(),
            counts: COUNTERS.map(count),
            outcomes,
        });
    }

    fn subject(&self, metric: Metric) -> Subject {
        Subject {
            scenario: self.scenario.clone(),
            step: self.step.clone(),
            ..Subject::of_run(metric)
        }
    }

    fn times(&self, place: usize, trend: Trend, only_ok: bool, into: &mut Vec<RunFigure>) {
        let only_ok = only_ok && is_by_outcome(trend);
        let times = Times::sum(self.windows.iter().map(|held| held.times(place, only_ok)));
        let subject = Subject {
            outcome: only_ok.then_some(Outcome::Ok),
            ..self.subject(Metric::Trend(trend))
        };
        for statistic in Statistic::OF_TREND {
            let quantile = statistic.quantile();
            let Some(value) = quantile.map_or_else(|| times.mean(), |q| times.quantile(q)) else {
                continue;
            };
            into.push(RunFigure {
                subject: subject.clone(),
                statistic,
                value,
                samples: times.count(),
                hits: None,
                rough: quantile.is_some_and(|q| times.is_rough(q)),
                // A mean holds all that are only bounds.
                at_least: times.is_at_least(if quantile.is_some() { value } else { f64::MAX }),
            });
        }
    }

    fn rates(&self, into: &mut Vec<RunFigure>) {
        for &rate in Rate::ALL {
            let mut sum = crate::RateCount::default();
            self.windows
                .iter()
                .for_each(|held| sum.merge(held.shares[rate.index()]));
            let Some(value) = sum.share() else { continue };
            into.push(RunFigure {
                subject: self.subject(Metric::Rate(rate)),
                statistic: Statistic::Rate,
                value,
                samples: sum.total,
                hits: Some(sum.hits),
                rough: false,
                at_least: false,
            });
        }
    }

    fn counts(&self, seconds: f64, into: &mut Vec<RunFigure>) {
        for (place, counter) in COUNTERS.into_iter().enumerate() {
            let sum: u64 = self.windows.iter().map(|held| held.counts[place]).sum();
            let elsewhere = self.step.is_some() && counter.is_of_iterations();
            if elsewhere || sum == 0 || seconds <= 0.0 {
                continue;
            }
            into.push(RunFigure {
                subject: self.subject(Metric::Counter(counter)),
                statistic: Statistic::Rate,
                value: sum as f64 / seconds,
                samples: sum,
                hits: None,
                rough: false,
                at_least: false,
            });
        }
    }
}

/// The whole run; each scenario and each step where there are several.
fn parts(layout: &Layout) -> Vec<Part> {
    let part = |selection, scenario: Option<&str>, step: Option<&str>| Part {
        selection,
        scenario: scenario.map(str::to_owned),
        step: step.map(str::to_owned),
        windows: Vec::new(),
        seconds: Vec::new(),
    };
    let mut parts = vec![part(Selection::default(), None, None)];
    let several = layout.scenarios.len() > 1;
    for (place, scenario) in layout.scenarios.iter().enumerate().filter(|_| several) {
        let selection = Selection::of_scenario(ScenarioIndex(place));
        parts.push(part(selection, Some(&scenario.name), None));
    }
    for (place, step) in layout
        .steps
        .iter()
        .enumerate()
        .filter(|(_, step)| layout.steps.len() > 1 && is_compared(step.role))
    {
        let scenario = layout.scenarios.get(step.scenario.0).filter(|_| several);
        let scenario = scenario.map(|scenario| scenario.name.as_str());
        let selection = Selection::of_step(StepIndex(place));
        parts.push(part(selection, scenario, Some(&step.name)));
    }
    parts
}

/// Whether a step is compared by itself: not what is done but once, nor what another step holds.
const fn is_compared(role: StepRole) -> bool {
    match role {
        StepRole::Request | StepRole::Group | StepRole::Before => true,
        StepRole::Setup | StepRole::Teardown | StepRole::Turn => false,
    }
}

/// Whether those who did not succeed are so many that the times of all would flatter.
pub(super) fn are_many((ok, others): (u64, u64)) -> bool {
    others as f64 > MANY * (ok + others) as f64
}

fn kept<T: Clone>(all: &[T], keep: impl Fn(usize) -> bool) -> Vec<T> {
    let places = (0..all.len()).filter(|&place| keep(place));
    places.map(|place| all[place].clone()).collect()
}

/// Whether a trend is kept by outcome.
pub(super) const fn is_by_outcome(trend: Trend) -> bool {
    !matches!(trend, Trend::Itl | Trend::RateLimitWait)
}

fn milliseconds(micros: u32) -> f64 {
    f64::from(micros) / 1e3
}

#[cfg(test)]
mod tests;
