//! Judges a threshold on the totals of a run.

use super::observed::{Counted, Observed};
use super::{Aggregate, Condition, Threshold};
use crate::confidence::{more_for_quantile, more_for_share, quantile_is_open, share_is_open};
use crate::{
    Counter, DropReason, Layout, Metric, Offset, ProbeIndex, ProbeTotals, RateCount, Selection,
    Totals, Trend, TrendCell, VusRange,
};
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
    /// Whether it was judged at all: not where a signal came before there was a sample, nor where the run ended before
    /// it was to be judged.
    pub judged: bool,
    /// How long the run had to be measured for it to be judged, where it was not for so long.
    pub needs: Option<Duration>,
    /// Set where there are too few samples to tell on which side of the limit the truth lies.
    pub too_few: Option<TooFew>,
    /// The sliding window that was observed: the worst.
    pub window: Option<(Offset, Offset)>,
    /// When it stopped the run.
    pub stopped_at: Option<Offset>,
    /// What came of judging it again, where it failed and the generator was the limit in a part of the run.
    pub again: Option<Again>,
    /// Whether it holds in a closed load whose generator was late or busy, so that the service may have been spared.
    pub may_flatter: bool,
}

/// A failed threshold judged again on what was not the generator's part: the windows in which it was not the limit, or of
/// dropped iterations those that it was not late with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Again {
    /// What was observed there, in the unit of the threshold; none where there is no sample.
    pub observed: Option<f64>,
    /// How much of the measured part that is.
    pub length: Duration,
    /// Whether it fails there too, and so for certain. Else the generator may be to blame, and it cannot be told.
    pub fails: bool,
    /// Whether it is the whole run, without the iterations that were dropped because the generator was late.
    pub without_late: bool,
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
    /// Bytes.
    Bytes,
}

impl Unit {
    /// A number as it is shown: shares in percent.
    pub(crate) fn shown(self, value: f64) -> f64 {
        match self {
            Self::Percent => value * 100.0,
            Self::Milliseconds | Self::Count | Self::PerSecond | Self::Bytes => value,
        }
    }

    /// A number as it is kept: shares from 0 to 1.
    fn kept(self, shown: f64) -> f64 {
        shown / self.shown(1.0)
    }

    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::Milliseconds,
        Self::Count,
        Self::PerSecond,
        Self::Percent,
        Self::Bytes,
    ];

    /// The one that is written so.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.name() == name)
    }

    /// How it is written; empty for a count.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Count => "",
            Self::PerSecond => "/s",
            Self::Percent => "%",
            Self::Bytes => "bytes",
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
    /// Judges what `totals` hold as a whole, such as a part of a run or the sum of several. What the expression says
    /// after its limit is about the course of a run, and is passed over.
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
    let unit = threshold.unit;
    let ok = observation
        .value
        .is_some_and(|value| operator.holds(value, limit));
    let early = facts.interrupted
        && observation.value.is_none()
        && nothing_finished(threshold, totals, layout);
    Judged {
        metric: threshold.metric().to_owned(),
        expression: threshold.expression().to_owned(),
        observed: observation.value.map(|value| unit.shown(value)),
        limit: unit.shown(limit),
        unit,
        at_least: observation.at_least,
        rough: observation.rough,
        ok,
        judged: !early,
        needs: None,
        too_few: observation.too_few,
        window: None,
        stopped_at: None,
        again: None,
        may_flatter: false,
    }
}

impl Again {
    /// With less of the measured part left, nothing can be told.
    pub const LEAST: Duration = Duration::from_secs(10);

    /// Whether there is enough of it to tell anything.
    #[must_use]
    pub fn tells(&self) -> bool {
        self.without_late || (self.observed.is_some() && self.length >= Self::LEAST)
    }
}

impl Judged {
    /// Whether it failed for certain.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.judged && !self.ok && !self.is_open()
    }

    /// Whether it failed where the generator was the limit, and did not where it was not: it cannot be told.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.judged && !self.ok && self.again.is_some_and(|again| !again.fails)
    }

    /// Puts another observation in the place of what the whole run came to.
    pub(super) fn observe(&mut self, value: f64, at_least: bool, rough: bool) {
        self.observed = Some(self.unit.shown(value));
        (self.at_least, self.rough) = (at_least, rough);
    }

    /// There was nothing to observe.
    pub(super) const fn forget(&mut self) {
        (self.observed, self.ok, self.too_few) = (None, false, None);
        (self.at_least, self.rough) = (false, false);
    }

    /// The run was not measured for as long as it takes.
    pub(super) const fn not_judged_before(&mut self, needs: Duration) {
        self.forget();
        self.judged = false;
        self.needs = Some(needs);
    }
}

/// A limit on dropped iterations judged without those that the generator was late with, where there are any.
pub(crate) fn judge_without_late(
    threshold: &Threshold,
    totals: &Totals,
    layout: &Layout,
    facts: Span,
) -> Option<Again> {
    let (selection, condition) = (&threshold.selection, threshold.condition);
    let drops = Metric::Counter(Counter::DroppedIterations);
    if threshold.metric != drops || selection.reason.is_some() {
        return None;
    }
    let late = Selection {
        reason: Some(DropReason::Late),
        ..selection.clone()
    };
    let counts = |part| totals.counter(layout, Counter::DroppedIterations, part);
    let (all, late) = (counts(selection), counts(&late));
    let rest = (all.0 - late.0, all.1 - late.1);
    let value = Observed::count(condition, rest, facts.measured).map(|seen| seen.value);
    (late.0 > 0).then(|| Again {
        observed: value
            .map(|value| unit(threshold.metric, condition.aggregate, layout).shown(value)),
        length: facts.measured,
        fails: value.is_some_and(|value| !condition.operator.holds(value, condition.limit)),
        without_late: true,
    })
}

fn observe(threshold: &Threshold, totals: &Totals, layout: &Layout, facts: Span) -> Observation {
    let (selection, condition) = (&threshold.selection, threshold.condition);
    let of = |counted| Observation::of(condition, Observed::of::<TrendCell>(threshold, &counted));
    match threshold.metric {
        Metric::Trend(trend) => of_trend(trend, threshold, totals, layout),
        Metric::Counter(counter) => {
            let (count, in_window) = totals.counter(layout, counter, selection);
            of(Counted::Count(count, in_window, facts.measured))
        }
        Metric::Rate(rate) => {
            let seen = totals.rate(layout, rate, selection);
            Observation {
                too_few: too_few_for_share(condition, seen),
                ..of(Counted::Share(seen))
            }
        }
        Metric::Gauge(_) => of(Counted::Level(facts.vus)),
        Metric::Probe(probe) => of(Counted::Probe(totals.probe(probe))),
    }
}

impl Observation {
    fn of(condition: Condition, observed: Option<Observed>) -> Self {
        let is_quantile = matches!(condition.aggregate, Aggregate::Quantile(_));
        Self {
            value: observed.map(|observed| observed.value),
            at_least: observed.is_some_and(|observed| observed.at_least),
            rough: is_quantile && observed.is_some_and(|observed| !observed.firm),
            too_few: None,
        }
    }
}

fn of_trend(trend: Trend, threshold: &Threshold, totals: &Totals, layout: &Layout) -> Observation {
    let (selection, condition) = (&threshold.selection, threshold.condition);
    let cell = judged_on(condition, totals.trend(layout, trend, selection));
    let observed = Observed::of(threshold, &Counted::Times(&cell));
    let mut observation = Observation::of(condition, observed);
    if let (Aggregate::Quantile(q), true) = (condition.aggregate, observed.is_some()) {
        let streams =
            (trend == Trend::Itl).then(|| totals.trend(layout, Trend::Ttft, selection).count());
        let limit = duration(condition.limit);
        observation.too_few = too_few_for_quantile(q, &cell, limit, streams);
    }
    observation
}

/// What a condition on a time is judged on: with the waits that had passed the limit when they were cut.
pub(super) fn judged_on(condition: Condition, cell: TrendCell) -> TrendCell {
    if condition.aggregate != Aggregate::Count && cell.cut_count() > 0 {
        cell.with_cut_above(duration(condition.limit))
    } else {
        cell
    }
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

fn too_few_for_share(condition: Condition, seen: RateCount) -> Option<TooFew> {
    // No number of requests proves a share of exactly 0 or 1.
    let can_tell = condition.limit > 0.0 && condition.limit < 1.0;
    let open = seen.total > 0 && can_tell && share_is_open(seen.hits, seen.total, condition.limit);
    open.then(|| TooFew {
        more: more_for_share(seen.hits, seen.total, condition.limit),
        of_streams: false,
    })
}

pub(super) const fn of_gauge(vus: VusRange, condition: Condition) -> f64 {
    (match condition.aggregate {
        Aggregate::Min => vus.min,
        Aggregate::Max => vus.max,
        _ => vus.last,
    }) as f64
}

/// As a limit is kept; none where there is no sample.
pub(super) fn of_probe(seen: &ProbeTotals, condition: Condition, unit: Unit) -> Option<f64> {
    let figure = seen.figure(|seen| match condition.aggregate {
        Aggregate::Min => seen.min,
        Aggregate::Max => seen.max,
        Aggregate::Mean => seen.sum / seen.count as f64,
        Aggregate::Count => seen.count as f64,
        _ => seen.last,
    });
    figure.map(|figure| unit.kept(figure))
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

/// What a limit is measured in.
pub(super) fn unit(metric: Metric, aggregate: Aggregate, layout: &Layout) -> Unit {
    match (metric, aggregate) {
        (Metric::Probe(_), Aggregate::Count) => Unit::Count,
        (Metric::Probe(ProbeIndex(place)), _) => {
            (layout.probes.get(place)).map_or(Unit::Count, |probe| probe.unit)
        }
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

pub(super) fn duration(millis: f64) -> Duration {
    Duration::try_from_secs_f64(millis / 1000.0).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests;
