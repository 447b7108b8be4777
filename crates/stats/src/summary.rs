//! What is said of a run when it is over.

mod distribution;
mod metrics;
mod streams;
mod verdict;
mod warnings;

pub use distribution::Bar;
pub use metrics::{MetricValue, Metrics, TrendFigures};
pub use streams::StreamSummary;

use crate::history::{History, SummaryWindow};
use crate::ledger::Machine;
use crate::threshold::judge::{Facts, judge};
use crate::{
    Counter, ErrorKind, Figure, Judged, Layout, Metric, Offset, Outcome, Selection, StepIndex,
    Threshold, Totals, Trend, VusRange, Warning,
};
use std::time::Duration;

/// How a run ended: what the ledger cannot know from windows.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEnd {
    /// Why it ended.
    pub stop_reason: StopReason,
    /// The measured part of due times: from the end of warm-up until the end of starting.
    pub measured: (Offset, Offset),
    /// When the last user had ended.
    pub ended: Offset,
    /// Whether a run in which nothing succeeded may pass.
    pub allow_all_failed: bool,
    /// Whether too few samples make the verdict inconclusive.
    pub strict: bool,
    /// Processor time over the whole run in percent of one core; where absent, the mean over the windows.
    pub cpu_percent: Option<f64>,
    /// The most resident memory in bytes; where absent, the most that a window saw.
    pub peak_rss_bytes: Option<u64>,
    /// What dated the arrivals; where absent, what dated most of them.
    pub arrival_clock: Option<ArrivalClock>,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// Its load was done.
    Completed,
    /// A signal came.
    Interrupted,
    /// A threshold asked for it.
    Threshold,
    /// It could not go on.
    Error,
}

/// What dated the arrivals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrivalClock {
    /// The kernel's receive stamps.
    Kernel,
    /// The time of the read.
    Read,
}

/// Whether a run held its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every limit held.
    Pass,
    /// A limit did not hold, or nothing succeeded.
    Fail,
    /// It cannot be told.
    Inconclusive,
}

/// What is said of a run when it is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// From the start to the end of the last user.
    pub duration: Duration,
    /// Length of the measured part.
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
    /// `http_req_duration` as bars.
    pub duration_bars: Vec<Bar>,
    /// The streams, where there were any.
    pub streams: Option<StreamSummary>,
    /// Good requests per second over the measured part, where a limit of `[slo]` applies to any.
    pub goodput_per_second: Option<f64>,
    /// Finished requests per second over the measured part.
    pub requests_per_second: Option<f64>,
    /// The most virtual users at once, warm-up included.
    pub peak_vus: u64,
    /// Why no request succeeded, in one line; absent where one did.
    pub nothing_succeeded: Option<String>,
}

/// One scenario of a summary.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioSummary {
    /// Its name.
    pub name: String,
    /// Its metrics.
    pub metrics: Metrics,
    /// Its request steps, in the order of the file.
    pub steps: Vec<StepSummary>,
}

/// One request step of a summary.
#[derive(Clone, Debug, PartialEq)]
pub struct StepSummary {
    /// Its name.
    pub name: String,
    /// Its metrics.
    pub metrics: Metrics,
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

/// What the generator did.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratorSummary {
    /// Processor time in percent of one core, where it is known.
    pub cpu_percent: Option<f64>,
    /// The most resident memory in bytes, where it is known.
    pub peak_rss_bytes: Option<u64>,
    /// What dated the arrivals.
    pub arrival_clock: ArrivalClock,
    /// How late requests began.
    pub schedule_lag: Option<LagFigures>,
    /// How late arrivals were read, where the kernel stamped them.
    pub read_lag: Option<LagFigures>,
    /// Kernel stamps that had to be refused.
    pub clock_fallbacks: u64,
    /// Extra events of a read that the service, or a proxy, sent together.
    pub coalesced_prompt: u64,
    /// Extra events of a read that was late.
    pub coalesced_late: u64,
}

/// How late the generator was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LagFigures {
    /// The median.
    pub p50: Figure,
    /// The 99th percentile.
    pub p99: Figure,
    /// The longest.
    pub max: Duration,
}

/// How the requests due in the measured part ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutcomeSummary {
    /// A whole answer, as expected.
    pub ok: u64,
    /// Failed.
    pub failed: u64,
    /// A non-2xx answer that `expect` allows.
    pub rejected: u64,
    /// `http_req_duration`, `http_req_latency` and `ttft` of the first alone: set where the others exceed 1 %, so that
    /// fast refusals do not flatter.
    pub ok_trends: Vec<(Trend, TrendFigures)>,
}

/// What a summary is made from.
pub(crate) struct Material<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) totals: &'a Totals,
    pub(crate) thresholds: &'a [Threshold],
    pub(crate) history: &'a History,
    pub(crate) machine: &'a Machine,
    pub(crate) end: &'a RunEnd,
}

impl StopReason {
    /// The public name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Interrupted => "interrupted",
            Self::Threshold => "threshold",
            Self::Error => "error",
        }
    }

    /// The reason of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Completed,
            Self::Interrupted,
            Self::Threshold,
            Self::Error,
        ]
        .into_iter()
        .find(|one| one.name() == name)
    }
}

impl Verdict {
    /// The public name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
        }
    }
}

impl ArrivalClock {
    /// The public name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Read => "read",
        }
    }
}

impl RunEnd {
    /// The end of a run that measured that part of due times and was over at `ended`.
    #[must_use]
    pub const fn new(stop_reason: StopReason, measured: (Offset, Offset), ended: Offset) -> Self {
        Self {
            stop_reason,
            measured,
            ended,
            allow_all_failed: false,
            strict: false,
            cpu_percent: None,
            peak_rss_bytes: None,
            arrival_clock: None,
        }
    }

    /// Length of the measured part. An end of starting that lies after the run's end is not waited for.
    #[must_use]
    pub fn measured_length(&self) -> Duration {
        self.measured.1.min(self.ended).since(self.measured.0)
    }
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
    let facts = Facts {
        measured: end.measured_length(),
        interrupted: end.stop_reason == StopReason::Interrupted,
        vus: measured_vus(&windows, end),
    };
    let named: Vec<Metric> = material
        .thresholds
        .iter()
        .map(|threshold| threshold.metric)
        .collect();
    let table = metrics::Table {
        layout,
        totals,
        facts,
        named: &named,
    };
    let thresholds: Vec<Judged> = material
        .thresholds
        .iter()
        .map(|threshold| judge(threshold, totals, layout, facts))
        .collect();
    let errors = errors(layout, totals);
    let outcomes = outcomes(layout, totals);
    let nothing_succeeded = verdict::nothing_succeeded(material, &outcomes, &errors);
    let warnings = warnings::raise(material, &thresholds, nothing_succeeded.as_deref());
    let good: u64 = totals.steps.iter().map(|step| step.good_in_window).sum();
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
        statuses: statuses(totals),
        in_flight: in_flight(totals),
        thresholds,
        errors,
        warnings,
        peak_vus: windows
            .iter()
            .map(|window| window.vus.max)
            .max()
            .unwrap_or(0),
        windows,
        generator: generator(material),
        outcomes,
        duration_bars: distribution::bars(&totals.trend(layout, Trend::HttpReqDuration, &all)),
        streams: streams::sum_up(material),
        goodput_per_second: per_second(good).filter(|_| has_goodput),
        requests_per_second: per_second(requests),
        nothing_succeeded,
    }
}

/// The gauge over the measured part; over the whole run where no window touches it.
fn measured_vus(windows: &[SummaryWindow], end: &RunEnd) -> Option<VusRange> {
    let over = |windows: &mut dyn Iterator<Item = &SummaryWindow>| {
        windows.map(|window| window.vus).reduce(VusRange::then)
    };
    let touches =
        |window: &&SummaryWindow| window.start < end.measured.1 && window.end > end.measured.0;
    over(&mut windows.iter().filter(touches)).or_else(|| over(&mut windows.iter()))
}

fn statuses(totals: &Totals) -> Vec<(u16, u64)> {
    let mut sums = std::collections::BTreeMap::new();
    for tally in totals.steps.iter().flat_map(|step| &step.tallies) {
        if let Some(status) = tally.status {
            *sums.entry(status).or_insert(0) += tally.counters[Counter::HttpReqs.index()];
        }
    }
    sums.into_iter().filter(|&(_, count)| count > 0).collect()
}

fn in_flight(totals: &Totals) -> InFlight {
    InFlight {
        count: totals.steps.iter().map(|step| step.in_flight).sum(),
        sent: totals.steps.iter().map(|step| step.in_flight_sent).sum(),
        longest: totals
            .steps
            .iter()
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

fn outcomes(layout: &Layout, totals: &Totals) -> OutcomeSummary {
    let [ok, failed, rejected] = totals.outcomes(layout, &Selection::default());
    let mut ok_trends = Vec::new();
    if (failed + rejected) * 100 > ok + failed + rejected {
        let only_ok = Selection::default().with_outcome(Outcome::Ok);
        for trend in [Trend::HttpReqDuration, Trend::HttpReqLatency, Trend::Ttft] {
            let figures = TrendFigures::of(&totals.trend(layout, trend, &only_ok));
            ok_trends.extend(figures.map(|figures| (trend, figures)));
        }
    }
    OutcomeSummary {
        ok,
        failed,
        rejected,
        ok_trends,
    }
}

fn generator(material: &Material<'_>) -> GeneratorSummary {
    let &Material {
        layout,
        totals,
        machine,
        end,
        ..
    } = material;
    let clock = &totals.clock;
    let mean_cpu = (machine.cpu.1 > 0.0).then(|| machine.cpu.0 / machine.cpu.1);
    let mostly = if clock.kernel > clock.read {
        ArrivalClock::Kernel
    } else {
        ArrivalClock::Read
    };
    GeneratorSummary {
        cpu_percent: end.cpu_percent.or(mean_cpu),
        peak_rss_bytes: end
            .peak_rss_bytes
            .or_else(|| (machine.peak_rss_bytes > 0).then_some(machine.peak_rss_bytes)),
        arrival_clock: end.arrival_clock.unwrap_or(mostly),
        schedule_lag: LagFigures::of(&totals.trend(
            layout,
            Trend::ScheduleLag,
            &Selection::default(),
        )),
        read_lag: LagFigures::of(&clock.read_lag),
        clock_fallbacks: clock.fallbacks,
        coalesced_prompt: clock.coalesced_prompt,
        coalesced_late: clock.coalesced_late,
    }
}

impl LagFigures {
    fn of(cell: &crate::TrendCell) -> Option<Self> {
        Some(Self {
            p50: cell.figure(0.5)?,
            p99: cell.figure(0.99)?,
            max: cell.max()?,
        })
    }
}
