//! Judges a threshold on the totals of a run.

use super::{Aggregate, Condition, Threshold};
use crate::confidence::{more_for_quantile, more_for_share, quantile_is_open, share_is_open};
use crate::{Counter, Layout, Metric, Rate, Selection, Totals, Trend, TrendCell, VusRange};
use std::time::Duration;

/// A threshold with what was observed.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The metric with its tags, as written.
    pub metric: String,
    /// The expression, as written.
    pub expression: String,
    /// What was observed, in `unit`; none where there is no sample.
    pub observed: Option<f64>,
    /// The limit, in `unit`.
    pub limit: f64,
    /// The unit of both.
    pub unit: Unit,
    /// Whether what was observed is only a lower bound, because requests timed out or were cut.
    pub at_least: bool,
    /// Whether fewer than ten samples lie beyond the observed quantile.
    pub rough: bool,
    /// Whether the limit held. A metric without a sample does not hold.
    pub ok: bool,
    /// Whether it was judged at all: not where a signal came before there was a sample.
    pub judged: bool,
    /// Set where there are too few samples to tell on which side of the limit the truth lies.
    pub too_few: Option<TooFew>,
}

/// Too few samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFew {
    /// About how many more it takes, if they go on like those seen; none where what was seen lies so near the limit
    /// that no number would do.
    pub more: Option<u64>,
    /// Whether streams are counted, as the gaps within one hang together; else requests.
    pub of_streams: bool,
}

/// What a number is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// A count.
    Count,
    /// A count per second.
    PerSecond,
    /// A share in percent.
    Percent,
}

impl Unit {
    /// How it is written; empty for a count.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Count => "",
            Self::PerSecond => "/s",
            Self::Percent => "%",
        }
    }
}

/// A part of a run that is judged: what is known of it besides its totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Its length: what counts per second are taken over.
    pub measured: Duration,
    /// Whether a signal ended the run in it.
    pub interrupted: bool,
    /// The virtual users in it.
    pub vus: Option<VusRange>,
}

/// One observed number.
#[derive(Debug, Default)]
struct Observation {
    value: Option<f64>,
    at_least: bool,
    rough: bool,
    too_few: Option<TooFew>,
}

impl Threshold {
    /// Judges what `totals` hold as a whole, such as a part of a run or the sum of several.
    #[must_use]
    pub fn judge(&self, totals: &Totals, layout: &Layout, span: Span) -> Judged {
        judge(self, totals, layout, span)
    }
}

/// Judges one threshold.
pub(crate) fn judge(
    threshold: &Threshold,
    totals: &Totals,
    layout: &Layout,
    facts: Span,
) -> Judged {
    let Condition {
        operator, limit, ..
    } = threshold.condition;
    let observation = observe(threshold, totals, layout, facts);
    let unit = unit(threshold.metric, threshold.condition.aggregate);
    let scale = if unit == Unit::Percent { 100.0 } else { 1.0 };
    let ok = observation
        .value
        .is_some_and(|value| operator.holds(value, limit));
    let early = facts.interrupted
        && observation.value.is_none()
        && nothing_finished(threshold, totals, layout);
    Judged {
        metric: threshold.metric().to_owned(),
        expression: threshold.expression().to_owned(),
        observed: observation.value.map(|value| value * scale),
        limit: limit * scale,
        unit,
        at_least: observation.at_least,
        rough: observation.rough,
        ok,
        judged: !early,
        too_few: observation.too_few,
    }
}

fn observe(threshold: &Threshold, totals: &Totals, layout: &Layout, facts: Span) -> Observation {
    let (selection, condition) = (&threshold.selection, threshold.condition);
    match threshold.metric {
        Metric::Trend(trend) => of_trend(trend, condition, selection, totals, layout),
        Metric::Counter(counter) => of_counter(
            condition,
            totals.counter(layout, counter, selection),
            facts.measured,
        ),
        Metric::Rate(rate) => of_rate(rate, condition, selection, totals, layout),
        Metric::Gauge(_) => Observation {
            value: facts.vus.map(|vus| of_gauge(vus, condition)),
            ..Observation::default()
        },
    }
}

fn of_trend(
    trend: Trend,
    condition: Condition,
    selection: &Selection,
    totals: &Totals,
    layout: &Layout,
) -> Observation {
    let cell = totals.trend(layout, trend, selection);
    if condition.aggregate == Aggregate::Count {
        let value = (cell.count() > 0).then_some(cell.count() as f64);
        return Observation {
            value,
            ..Observation::default()
        };
    }
    let limit = duration(condition.limit);
    let cell = if cell.cut_count() > 0 {
        cell.with_cut_above(limit)
    } else {
        cell
    };
    let time = match condition.aggregate {
        Aggregate::Quantile(q) => cell.quantile(q),
        Aggregate::Mean => cell.mean(),
        Aggregate::Min => cell.min(),
        _ => cell.max(),
    };
    let Some(time) = time else {
        return Observation::default();
    };
    let mut observation = Observation {
        value: Some(millis(time)),
        ..Observation::default()
    };
    match condition.aggregate {
        Aggregate::Quantile(q) => {
            observation.at_least = cell.is_at_least(time);
            observation.rough = cell.is_rough(q);
            let streams =
                (trend == Trend::Itl).then(|| totals.trend(layout, Trend::Ttft, selection).count());
            observation.too_few = too_few_for_quantile(q, &cell, limit, streams);
        }
        Aggregate::Min => observation.at_least = cell.is_at_least(time),
        _ => observation.at_least = cell.censored() > 0,
    }
    observation
}

/// `streams`: how many streams the samples come from, where samples of one stream hang together.
fn too_few_for_quantile(
    q: f64,
    cell: &TrendCell,
    limit: Duration,
    streams: Option<u64>,
) -> Option<TooFew> {
    let (samples, within) = (cell.count(), cell.count_within(limit));
    let count = streams.map_or(samples, |streams| streams.clamp(1, samples));
    // As many of the streams as of their gaps.
    let within = (within as f64 * count as f64 / samples as f64).round() as u64;
    quantile_is_open(q, count, within).then(|| TooFew {
        more: more_for_quantile(q, count, within),
        of_streams: streams.is_some(),
    })
}

fn of_counter(
    condition: Condition,
    (count, in_window): (u64, u64),
    measured: Duration,
) -> Observation {
    let value = if condition.aggregate == Aggregate::Rate {
        per_second(in_window, measured)
    } else {
        Some(count as f64)
    };
    Observation {
        value,
        ..Observation::default()
    }
}

fn of_rate(
    rate: Rate,
    condition: Condition,
    selection: &Selection,
    totals: &Totals,
    layout: &Layout,
) -> Observation {
    let seen = totals.rate(layout, rate, selection);
    let Some(share) = seen.share() else {
        return Observation::default();
    };
    // No number of requests proves a share of exactly 0 or 1.
    let can_tell = condition.limit > 0.0 && condition.limit < 1.0;
    let open = can_tell && share_is_open(seen.hits, seen.total, condition.limit);
    let too_few = open.then(|| TooFew {
        more: more_for_share(seen.hits, seen.total, condition.limit),
        of_streams: false,
    });
    Observation {
        value: Some(share),
        too_few,
        ..Observation::default()
    }
}

const fn of_gauge(vus: VusRange, condition: Condition) -> f64 {
    (match condition.aggregate {
        Aggregate::Min => vus.min,
        Aggregate::Max => vus.max,
        _ => vus.last,
    }) as f64
}

/// Whether the metric is empty only because nothing it is about had time to finish.
fn nothing_finished(threshold: &Threshold, totals: &Totals, layout: &Layout) -> bool {
    let part = Selection {
        scenario: threshold.selection.scenario,
        steps: threshold.selection.steps.clone(),
        ..Selection::default()
    };
    if threshold.metric.is_of_iterations() {
        return totals.counter(layout, Counter::Iterations, &part).0 == 0;
    }
    totals.outcomes(layout, &part).iter().sum::<u64>() == 0
}

const fn unit(metric: Metric, aggregate: Aggregate) -> Unit {
    match (metric, aggregate) {
        (Metric::Trend(_), Aggregate::Count) => Unit::Count,
        (Metric::Trend(_), _) => Unit::Milliseconds,
        (Metric::Rate(_), _) => Unit::Percent,
        (Metric::Counter(_), Aggregate::Rate) => Unit::PerSecond,
        (Metric::Counter(_) | Metric::Gauge(_), _) => Unit::Count,
    }
}

/// A count over a length; none where there was no time.
pub(crate) fn per_second(count: u64, length: Duration) -> Option<f64> {
    (!length.is_zero()).then(|| count as f64 / length.as_secs_f64())
}

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e6
}

fn duration(millis: f64) -> Duration {
    Duration::try_from_secs_f64(millis / 1000.0).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests;
