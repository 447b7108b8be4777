//! What one threshold's metric came to in a window, and in several.

use super::distribution::{Distribution, Slice};
use crate::threshold::judge::{duration, millis, of_gauge, of_probe};
use crate::threshold::{Aggregate, Condition, Operator, Threshold};
use crate::{Layout, Metric, Offset, ProbeTotals, RateCount, Selection, Totals, VusRange, Window};
use std::{collections::VecDeque, sync::Arc, time::Duration};

/// Samples that must speak against a limit before they stop a run.
const FIRM: u64 = 10;
/// Lengths of windows that add up to a span but for this do.
const SLACK: Duration = Duration::from_millis(1);

/// What a metric came to in one window.
#[derive(Debug)]
pub(super) struct Part {
    start: Offset,
    end: Offset,
    times: Slice,
    count: u64,
    in_window: u64,
    share: RateCount,
    vus: VusRange,
    probe: ProbeTotals,
}

/// What a metric came to in several windows.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum {
    pub(super) length: Duration,
    pub(super) times: Distribution,
    pub(super) count: u64,
    pub(super) in_window: u64,
    pub(super) share: RateCount,
    pub(super) vus: Option<VusRange>,
    pub(super) probe: ProbeTotals,
}

/// Neighbouring windows that span a while, and their sum.
#[derive(Debug)]
pub(super) struct Slide {
    pub(super) span: Duration,
    held: VecDeque<Arc<Part>>,
    sum: Sum,
}

/// What was observed over some windows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Observed {
    /// In the unit of the limit: milliseconds, a count, a count per second, or a share from 0 to 1.
    pub(super) value: f64,
    /// Whether it is only a lower bound.
    pub(super) at_least: bool,
    /// Whether enough samples speak for it to stop a run by it.
    pub(super) firm: bool,
}

impl Part {
    /// `whole`: the run so far.
    pub(super) fn of(
        window: &Window,
        layout: &Layout,
        metric: Metric,
        selection: &Selection,
        whole: &Totals,
    ) -> Self {
        let totals = &window.totals;
        let mut part = Self {
            start: window.start,
            end: window.end,
            times: Slice::default(),
            count: 0,
            in_window: 0,
            share: RateCount::default(),
            vus: window.vus,
            probe: ProbeTotals::default(),
        };
        match metric {
            Metric::Trend(trend) => {
                totals.each_cell(layout, trend, selection, whole, |cell| part.times.add(cell));
            }
            Metric::Counter(counter) => {
                (part.count, part.in_window) = totals.counter(layout, counter, selection);
            }
            Metric::Rate(rate) => part.share = totals.rate(layout, rate, selection),
            Metric::Gauge(_) => {}
            Metric::Probe(probe) => part.probe = totals.probe(probe).cloned().unwrap_or_default(),
        }
        part
    }

    pub(super) fn length(&self) -> Duration {
        self.end.since(self.start)
    }
}

impl Sum {
    pub(super) fn add(&mut self, part: &Part) {
        self.length += part.length();
        self.times.add(&part.times);
        self.count += part.count;
        self.in_window += part.in_window;
        self.share.merge(part.share);
        self.vus = Some(self.vus.map_or(part.vus, |vus| vus.then(part.vus)));
        self.probe.merge(&part.probe);
    }

    /// What a condition compares; none where there is no sample.
    pub(super) fn observe(&self, threshold: &Threshold) -> Option<Observed> {
        let condition = threshold.condition;
        match threshold.metric {
            Metric::Trend(_) => self.time(condition),
            Metric::Counter(_) => self.counted(condition),
            Metric::Rate(_) => self.shared(condition),
            Metric::Gauge(_) => {
                let value = of_gauge(self.vus?, condition);
                Some(Observed {
                    value,
                    at_least: false,
                    firm: true,
                })
            }
            Metric::Probe(_) => Some(Observed {
                value: of_probe(&self.probe, condition, threshold.unit)?,
                at_least: false,
                firm: true,
            }),
        }
    }

    /// Samples within the limit of a quantile, and all of them.
    pub(super) fn within(&self, limit: f64) -> (u64, u64) {
        (self.times.count_within(duration(limit)), self.times.count())
    }

    fn time(&self, condition: Condition) -> Option<Observed> {
        let times = &self.times;
        let (time, firm) = match condition.aggregate {
            Aggregate::Count => {
                let value = (times.count() > 0).then_some(times.count() as f64)?;
                return Some(Observed {
                    value,
                    at_least: false,
                    firm: true,
                });
            }
            Aggregate::Quantile(q) => (times.quantile(q)?, times.beyond(q) >= FIRM),
            Aggregate::Min => (times.min()?, true),
            Aggregate::Mean => (times.mean()?, times.count() >= FIRM),
            _ => (times.max()?, true),
        };
        let at_least = match condition.aggregate {
            Aggregate::Quantile(_) | Aggregate::Min => times.is_at_least(time),
            _ => times.censored() > 0,
        };
        Some(Observed {
            value: millis(time),
            at_least,
            firm,
        })
    }

    fn counted(&self, condition: Condition) -> Option<Observed> {
        if condition.aggregate != Aggregate::Rate {
            let value = self.count as f64;
            return Some(Observed {
                value,
                at_least: false,
                firm: true,
            });
        }
        let seconds = self.length.as_secs_f64();
        let value = (seconds > 0.0).then(|| self.in_window as f64 / seconds)?;
        let expected = condition.limit * seconds;
        let firm = match condition.operator {
            // Too few came: as many must have been due to come.
            Operator::Greater | Operator::GreaterOrEqual => expected >= FIRM as f64,
            _ => self.in_window >= FIRM,
        };
        Some(Observed {
            value,
            at_least: false,
            firm,
        })
    }

    fn shared(&self, condition: Condition) -> Option<Observed> {
        let value = self.share.share()?;
        let against = match condition.operator {
            Operator::Less | Operator::LessOrEqual => self.share.hits,
            Operator::Greater | Operator::GreaterOrEqual => self.share.total - self.share.hits,
            Operator::Equal => self.share.total,
        };
        Some(Observed {
            value,
            at_least: false,
            firm: against >= FIRM,
        })
    }
}

impl Slide {
    pub(super) fn new(span: Duration) -> Self {
        Self {
            span,
            held: VecDeque::new(),
            sum: Sum::default(),
        }
    }

    /// Takes the next window in, and lets go of those that are not needed to span the while.
    pub(super) fn push(&mut self, part: &Arc<Part>) {
        self.sum.add(part);
        self.held.push_back(Arc::clone(part));
        while let Some(oldest) = self.held.front() {
            if self.sum.length + SLACK < self.span + oldest.length() {
                break;
            }
            self.let_go();
        }
    }

    /// The sum, once the windows span the while, and when they began and ended.
    pub(super) fn full(&self) -> Option<(&Sum, (Offset, Offset))> {
        let (first, last) = (self.held.front()?, self.held.back()?);
        (self.sum.length + SLACK >= self.span).then_some((&self.sum, (first.start, last.end)))
    }

    fn let_go(&mut self) {
        let Some(oldest) = self.held.pop_front() else {
            return;
        };
        let sum = &mut self.sum;
        sum.length -= oldest.length();
        sum.times
            .remove(&oldest.times, self.held.iter().map(|part| &part.times));
        sum.count -= oldest.count;
        sum.in_window -= oldest.in_window;
        sum.share.hits -= oldest.share.hits;
        sum.share.total -= oldest.share.total;
        sum.vus = self.held.iter().map(|part| part.vus).reduce(VusRange::then);
        sum.probe = ProbeTotals::default();
        for part in &self.held {
            sum.probe.merge(&part.probe);
        }
    }
}
