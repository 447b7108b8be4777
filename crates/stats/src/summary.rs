//! What is said of a run when it is over.

mod end;
mod generator;
mod metrics;
mod outcome;
mod parts;
mod streams;
mod verdict;
mod warnings;

pub use end::{ArrivalClock, RunEnd, StopReason};
pub use generator::{GeneratorSummary, LagFigures};
pub use metrics::{MetricValue, Metrics, TrendFigures};
pub use outcome::OutcomeSummary;
pub use streams::StreamSummary;
pub use verdict::Verdict;
pub(crate) use warnings::{FEW, tolerated};

use crate::health::Health;
use crate::history::{History, SummaryWindow};
use crate::ledger::Machine;
use crate::threshold::judge::{Span, judge, judge_without_late};
use crate::threshold::watch::{Ended, Watch};
use crate::{
    Counter, DropReason, ErrorKind, Judged, Layout, Metric, Offset, Selection, StepIndex, StepRole,
    Threshold, Totals, Trend, TrendCell, VusRange, Warning,
};
use crate::{ProbeLayout, ProbeTotals};
use parts::Parts;
use std::time::Duration;

/// What is said of a run when it is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// From the start to the end of the last user.
    pub duration: Duration,
    /// Length of the measured part: from the first scenario's to the end of the last one's.
    pub measured: Duration,
    /// Why the run ended.
    pub stop_reason: StopReason,
    /// Whether it held its limits.
    pub verdict: Verdict,
    /// The metrics of the whole run, in the order in which they are shown.
    pub metrics: Metrics,
    /// The scenarios, in the order of the file.
    pub scenarios: Vec<ScenarioSummary>,
    /// Finished requests by status, ascending; outside warm-up.
    pub statuses: Vec<(u16, u64)>,
    /// Iterations that were due but never begun, by [`DropReason::index`].
    pub dropped: [u64; DropReason::ALL.len()],
    /// Requests that the end of the run cut.
    pub in_flight: InFlight,
    /// The thresholds, in the order in which they were given.
    pub thresholds: Vec<Judged>,
    /// Failures by kind and step, the most frequent first; outside warm-up.
    pub errors: Vec<ErrorSummary>,
    /// Reasons not to believe the run.
    pub warnings: Vec<Warning>,
    /// The course of the run: at most 3,600 intervals.
    pub windows: Vec<SummaryWindow>,
    /// What the generator did.
    pub generator: GeneratorSummary,
    /// How the requests due in the measured part ended.
    pub outcomes: OutcomeSummary,
    /// The distribution of `http_req_duration`, for charts.
    pub durations: TrendCell,
    /// The streams, where there were any.
    pub streams: Option<StreamSummary>,
    /// Good requests per second over the measured part, where a limit of `[slo]` applies to any.
    pub goodput_per_second: Option<f64>,
    /// Finished requests per second over the measured part.
    pub requests_per_second: Option<f64>,
    /// The most virtual users at once, warm-up included.
    pub peak_vus: u64,
    /// The probes of the target, in the order of the file.
    pub probes: Vec<ProbeSummary>,
    /// Why no request succeeded, in one line; absent where one did.
    pub nothing_succeeded: Option<String>,
}

/// One scenario of a summary.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioSummary {
    /// Its name.
    pub name: String,
    /// Length of its own measured part, over which its rates per second are; zero where it never began.
    pub measured: Duration,
    /// Its iterations that were due but never begun, by [`DropReason::index`].
    pub dropped: [u64; DropReason::ALL.len()],
    /// Its metrics.
    pub metrics: Metrics,
    /// Its request steps, in the order of the file.
    pub steps: Vec<StepSummary>,
}

/// One step of a summary.
#[derive(Clone, Debug, PartialEq)]
pub struct StepSummary {
    /// Its name.
    pub name: String,
    /// What it is in the figures of its scenario and of the run.
    pub role: StepRole,
    /// Its metrics.
    pub metrics: Metrics,
}

/// One probe of a summary.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeSummary {
    /// The probe.
    pub probe: ProbeLayout,
    /// What it gave in the measured part.
    pub totals: ProbeTotals,
}

/// Requests that the end of the run cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InFlight {
    /// How many.
    pub count: u64,
    /// The part of them that had been sent whole.
    pub sent: u64,
    /// How long the longest had been under way.
    pub longest: Duration,
}

/// Failures of one kind in one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorSummary {
    /// Their kind.
    pub kind: ErrorKind,
    /// The name of their scenario.
    pub scenario: String,
    /// The name of their step.
    pub step: String,
    /// How many.
    pub count: u64,
    /// The text of the first.
    pub message: String,
}

/// What a summary is made from.
pub(crate) struct Material<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) totals: &'a Totals,
    pub(crate) thresholds: &'a [Threshold],
    pub(crate) watch: &'a Watch,
    pub(crate) history: &'a History,
    pub(crate) machine: &'a Machine,
    pub(crate) health: &'a Health,
    pub(crate) end: &'a RunEnd,
}

/// Sums a run up.
pub(crate) fn sum_up(material: &Material<'_>) -> Summary {
    let &Material {
        layout,
        totals,
        end,
        ..
    } = material;
    let all = Selection::default();
    let windows: Vec<SummaryWindow> = material.history.windows().collect();
    let parts = Parts::of(layout, totals, end);
    let facts = Span {
        measured: parts.whole_length(),
        interrupted: end.stop_reason == StopReason::Interrupted,
        vus: measured_vus(&windows, parts.whole()),
    };
    let named: Vec<Metric> = material
        .thresholds
        .iter()
        .map(|threshold| threshold.metric)
        .collect();
    let table = metrics::Table {
        layout,
        totals,
        parts: &parts,
        vus: facts.vus,
        named: &named,
    };
    let mut thresholds = thresholds(material, &parts, facts);
    let errors = errors(layout, totals);
    let outcomes = outcome::sum_up(layout, totals);
    let nothing_succeeded = verdict::nothing_succeeded(material, &outcomes, &errors);
    let warnings = warnings::raise(material, &thresholds, nothing_succeeded.as_deref());
    verdict::mark_flattered(material, &mut thresholds);
    let good: u64 = totals
        .requests(layout)
        .map(|step| step.good_in_window)
        .sum();
    let has_goodput = totals.rate(layout, crate::Rate::Goodput, &all).total > 0;
    let requests = totals.counter(layout, Counter::HttpReqs, &all).1;
    let per_second = |count| crate::threshold::judge::per_second(count, facts.measured);
    Summary {
        duration: end.ended.as_duration(),
        measured: facts.measured,
        stop_reason: end.stop_reason,
        verdict: verdict::of(end, &thresholds, nothing_succeeded.is_some()),
        metrics: table.run(),
        scenarios: table.scenarios(),
        statuses: statuses(layout, totals),
        dropped: totals.dropped(),
        in_flight: in_flight(layout, totals),
        thresholds,
        errors,
        warnings,
        peak_vus: windows
            .iter()
            .map(|window| window.vus.max)
            .max()
            .unwrap_or(0),
        windows,
        generator: generator::sum_up(material),
        outcomes,
        durations: totals.trend(layout, Trend::HttpReqDuration, &all),
        streams: streams::sum_up(material, parts.whole()),
        goodput_per_second: per_second(good).filter(|_| has_goodput),
        requests_per_second: per_second(requests),
        probes: probes(layout, totals),
        nothing_succeeded,
    }
}

fn thresholds(material: &Material<'_>, parts: &Parts, facts: Span) -> Vec<Judged> {
    let doubtful = verdict::is_generator_the_limit(material);
    let all = material.thresholds.iter().enumerate();
    let judged = all.map(|(place, threshold)| {
        let measured = parts.length(material.layout, &threshold.selection);
        let facts = Span { measured, ..facts };
        let mut judged = judge(threshold, material.totals, material.layout, facts);
        let ended = Ended {
            measured: facts.measured,
            by_threshold: material.end.stop_reason == StopReason::Threshold,
            doubtful,
        };
        material.watch.amend(place, threshold, &mut judged, ended);
        if judged.judged && !judged.ok && judged.window.is_none() {
            let without = judge_without_late(threshold, material.totals, material.layout, facts);
            judged.again = without.or(judged.again);
        }
        judged
    });
    judged.collect()
}

fn probes(layout: &Layout, totals: &Totals) -> Vec<ProbeSummary> {
    let probes = layout.probes.iter().zip(&totals.probes);
    probes
        .map(|(probe, totals)| ProbeSummary {
            probe: probe.clone(),
            totals: totals.clone(),
        })
        .collect()
}

/// The gauge over the windows inside the measured part: one that reaches into the drain holds users that had left. Where
/// there is none, over those that touch it, else over the whole run.
fn measured_vus(windows: &[SummaryWindow], (from, until): (Offset, Offset)) -> Option<VusRange> {
    let over = |windows: &mut dyn Iterator<Item = &SummaryWindow>| {
        windows.map(|window| window.vus).reduce(VusRange::then)
    };
    let inside = |window: &&SummaryWindow| from <= window.start && window.end <= until;
    let touches = |window: &&SummaryWindow| window.start < until && window.end > from;
    over(&mut windows.iter().filter(inside))
        .or_else(|| over(&mut windows.iter().filter(touches)))
        .or_else(|| over(&mut windows.iter()))
}

fn statuses(layout: &Layout, totals: &Totals) -> Vec<(u16, u64)> {
    let mut sums = std::collections::BTreeMap::new();
    for tally in totals.requests(layout).flat_map(|step| &step.tallies) {
        if let Some(status) = tally.status {
            *sums.entry(status).or_insert(0) += tally.counters[Counter::HttpReqs.index()];
        }
    }
    sums.into_iter().filter(|&(_, count)| count > 0).collect()
}

fn in_flight(layout: &Layout, totals: &Totals) -> InFlight {
    let steps = || totals.requests(layout);
    InFlight {
        count: steps().map(|step| step.in_flight).sum(),
        sent: steps().map(|step| step.in_flight_sent).sum(),
        longest: steps()
            .map(|step| step.in_flight_longest)
            .max()
            .unwrap_or_default(),
    }
}

fn errors(layout: &Layout, totals: &Totals) -> Vec<ErrorSummary> {
    let mut sorted: Vec<_> = totals
        .errors
        .iter()
        .filter(|error| error.count > 0)
        .collect();
    sorted.sort_by_key(|error| (std::cmp::Reverse(error.count), error.step, error.kind));
    let names = |StepIndex(step)| {
        let step = layout.steps.get(step)?;
        Some((
            layout.scenarios.get(step.scenario.0)?.name.clone(),
            step.name.clone(),
        ))
    };
    let named = sorted.into_iter().map(|error| {
        let (scenario, step) = names(error.step).unwrap_or_default();
        ErrorSummary {
            kind: error.kind,
            scenario,
            step,
            count: error.count,
            message: error.message.clone(),
        }
    });
    named.collect()
}

#[cfg(test)]
mod tests;
