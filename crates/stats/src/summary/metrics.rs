//! The tables of metrics: of the run, of each scenario, of each step.

use super::parts::Parts;
use super::{ScenarioSummary, StepSummary};
use crate::threshold::judge::per_second;
use crate::{
    Counter, Figure, Gauge, Layout, Metric, Rate, ScenarioIndex, Selection, StepIndex, StepRole,
    Totals, Trend, TrendCell, VusRange,
};
use std::time::Duration;

/// Metrics by name, in the order in which they are shown.
///
/// A metric without a sample is absent, unless a threshold names it or it is one of the basic counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics(pub Vec<(Metric, MetricValue)>);

/// The value of one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MetricValue {
    /// A distribution; none where there is no sample.
    Trend(Option<TrendFigures>),
    /// A count.
    Counter {
        /// What finished outside warm-up.
        count: u64,
        /// What finished inside the measured part of its scenario, over the length of that; of several scenarios, over
        /// the span from the first to the last of them. None where that is zero.
        per_second: Option<f64>,
    },
    /// A share.
    Rate {
        /// What it counts.
        hits: u64,
        /// Among how many.
        total: u64,
    },
    /// A level over the measured part; none where no window was closed.
    Gauge(Option<VusRange>),
}

/// What is shown of a distribution. Extremes and mean are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrendFigures {
    /// Number of samples.
    pub count: u64,
    /// How many of them are lower bounds: the waits of requests that timed out.
    pub censored: u64,
    /// The shortest.
    pub min: Figure,
    /// The mean.
    pub mean: Figure,
    /// The median.
    pub p50: Figure,
    /// The 90th percentile.
    pub p90: Figure,
    /// The 95th percentile.
    pub p95: Figure,
    /// The 99th percentile.
    pub p99: Figure,
    /// The 99.9th percentile.
    pub p999: Figure,
    /// The longest.
    pub max: Figure,
}

impl Metrics {
    /// One metric.
    #[must_use]
    pub fn get(&self, metric: Metric) -> Option<&MetricValue> {
        self.0
            .iter()
            .find(|(known, _)| *known == metric)
            .map(|(_, value)| value)
    }

    /// The figures of a trend that has samples.
    #[must_use]
    pub fn trend(&self, trend: Trend) -> Option<&TrendFigures> {
        match self.get(Metric::Trend(trend)) {
            Some(MetricValue::Trend(figures)) => figures.as_ref(),
            _ => None,
        }
    }

    /// A counter; zero where it is not shown.
    #[must_use]
    pub fn counter(&self, counter: Counter) -> u64 {
        match self.get(Metric::Counter(counter)) {
            Some(MetricValue::Counter { count, .. }) => *count,
            _ => 0,
        }
    }

    /// A rate as hits and total; zero of zero where it is not shown.
    #[must_use]
    pub fn rate(&self, rate: Rate) -> (u64, u64) {
        match self.get(Metric::Rate(rate)) {
            Some(MetricValue::Rate { hits, total }) => (*hits, *total),
            _ => (0, 0),
        }
    }
}

impl TrendFigures {
    /// The figures of a distribution; none where it is empty.
    #[must_use]
    pub fn of(cell: &TrendCell) -> Option<Self> {
        let exact = |value: Duration, at_least| Figure {
            value,
            at_least,
            rough: false,
        };
        let (min, censored) = (cell.min()?, cell.censored() > 0);
        Some(Self {
            count: cell.count(),
            censored: cell.censored(),
            min: exact(min, cell.is_at_least(min)),
            mean: exact(cell.mean()?, censored),
            p50: cell.figure(0.5)?,
            p90: cell.figure(0.9)?,
            p95: cell.figure(0.95)?,
            p99: cell.figure(0.99)?,
            p999: cell.figure(0.999)?,
            max: exact(cell.max()?, censored),
        })
    }
}

/// What tables are made from.
pub(super) struct Table<'a> {
    pub(super) layout: &'a Layout,
    pub(super) totals: &'a Totals,
    pub(super) parts: &'a Parts,
    pub(super) vus: Option<VusRange>,
    /// Metrics that thresholds name.
    pub(super) named: &'a [Metric],
}

impl Table<'_> {
    /// The metrics of the whole run.
    pub(super) fn run(&self) -> Metrics {
        self.of(&Selection::default(), |_| true)
    }

    /// The metrics of every scenario and its steps.
    pub(super) fn scenarios(&self) -> Vec<ScenarioSummary> {
        let scenarios = self.layout.scenarios.iter().enumerate();
        let summed = scenarios.map(|(place, scenario)| ScenarioSummary {
            name: scenario.name.clone(),
            measured: self
                .parts
                .length(self.layout, &Selection::of_scenario(ScenarioIndex(place))),
            dropped: self
                .totals
                .scenarios
                .get(place)
                .map_or_else(Default::default, |totals| totals.dropped),
            metrics: self.of(&Selection::of_scenario(ScenarioIndex(place)), |metric| {
                !matches!(metric, Metric::Gauge(_))
            }),
            steps: self.steps(place),
        });
        summed.collect()
    }

    fn steps(&self, scenario: usize) -> Vec<StepSummary> {
        let steps = self.layout.steps.iter().enumerate();
        let own = steps.filter(|(_, step)| step.scenario.0 == scenario);
        let summed = own.map(|(place, step)| StepSummary {
            name: step.name.clone(),
            role: step.role,
            metrics: self.of(&Selection::of_step(StepIndex(place)), |metric| {
                let of_group = metric == Metric::Trend(Trend::GroupDuration);
                !matches!(metric, Metric::Gauge(_))
                    && !metric.is_of_iterations()
                    && of_group == (step.role == StepRole::Group)
            }),
        });
        summed.collect()
    }

    fn of(&self, selection: &Selection, has: impl Fn(Metric) -> bool) -> Metrics {
        let values = Metric::all()
            .filter(|&metric| has(metric))
            .filter_map(|metric| {
                let named = self.named.contains(&metric);
                let value = match metric {
                    Metric::Trend(trend) => self.trend(trend, selection, named),
                    Metric::Counter(counter) => self.counter(counter, selection, named),
                    Metric::Rate(rate) => self.rate(rate, selection, named),
                    Metric::Gauge(Gauge::Vus) => Some(MetricValue::Gauge(self.vus)),
                    // They stand apart.
                    Metric::Probe(_) => None,
                };
                Some((metric, value?))
            });
        Metrics(values.collect())
    }

    fn trend(&self, trend: Trend, selection: &Selection, named: bool) -> Option<MetricValue> {
        let figures = TrendFigures::of(&self.totals.trend(self.layout, trend, selection));
        (figures.is_some() || named).then_some(MetricValue::Trend(figures))
    }

    fn counter(&self, counter: Counter, selection: &Selection, named: bool) -> Option<MetricValue> {
        let (count, in_window) = self.totals.counter(self.layout, counter, selection);
        let shown = count > 0
            || named
            || is_basic(counter)
            || (is_of_streams(counter) && self.streams(selection));
        let measured = self.parts.length(self.layout, selection);
        let per_second = per_second(in_window, measured);
        shown.then_some(MetricValue::Counter { count, per_second })
    }

    fn rate(&self, rate: Rate, selection: &Selection, named: bool) -> Option<MetricValue> {
        let seen = self.totals.rate(self.layout, rate, selection);
        let shown = seen.total > 0 || named || rate == Rate::HttpReqFailed;
        shown.then_some(MetricValue::Rate {
            hits: seen.hits,
            total: seen.total,
        })
    }

    /// Whether a step of the part reads streams.
    fn streams(&self, selection: &Selection) -> bool {
        let steps = self.layout.steps.iter().enumerate();
        steps
            .into_iter()
            .any(|(place, step)| step.stream && selection.has_step(self.layout, StepIndex(place)))
    }
}

/// Counters that are shown even when they are zero.
const fn is_basic(counter: Counter) -> bool {
    (counter.is_of_iterations() && !matches!(counter, Counter::LateIterations))
        || matches!(
            counter,
            Counter::HttpReqs | Counter::DataSent | Counter::DataReceived
        )
}

/// Counters that are shown wherever there are streams.
const fn is_of_streams(counter: Counter) -> bool {
    matches!(
        counter,
        Counter::StreamEvents | Counter::OutputTokens | Counter::InputTokens
    )
}
