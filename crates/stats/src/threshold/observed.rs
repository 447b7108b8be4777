//! What a threshold compares with its limit: one number of what was counted, in whatever form that is kept.

use super::judge::{of_gauge, of_probe};
use super::{Aggregate, Condition, Operator, Threshold};
use crate::cell::FIRM;
use crate::{ProbeTotals, RateCount, TrendCell, VusRange};
use std::time::Duration;

/// What was observed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Observed {
    /// In the unit of the limit: milliseconds, a count, a count per second, or a share from 0 to 1.
    pub(super) value: f64,
    /// Whether it is only a lower bound.
    pub(super) at_least: bool,
    /// Whether enough samples speak for it to stop a run by it.
    pub(super) firm: bool,
}

/// What was counted of a metric.
pub(super) enum Counted<'a, T> {
    /// Of a trend.
    Times(&'a T),
    /// Of a counter: how many, how many of them ended inside the measured part, and how long that is.
    Count(u64, u64, Duration),
    /// Of a rate.
    Share(RateCount),
    /// Of a gauge.
    Level(Option<VusRange>),
    /// Of a probe.
    Probe(Option<&'a ProbeTotals>),
}

/// A distribution of times.
pub(super) trait Times {
    fn count(&self) -> u64;
    fn censored(&self) -> u64;
    fn min(&self) -> Option<Duration>;
    fn mean(&self) -> Option<Duration>;
    fn max(&self) -> Option<Duration>;
    fn quantile(&self, q: f64) -> Option<Duration>;
    /// Whether enough samples lie beyond the quantile, towards its nearer end.
    fn is_firm(&self, q: f64) -> bool;
    fn is_at_least(&self, value: Duration) -> bool;
}

impl Observed {
    const fn exact(value: f64) -> Self {
        Self {
            value,
            at_least: false,
            firm: true,
        }
    }

    /// The number that a threshold compares; none where there is no sample.
    pub(super) fn of<T: Times>(threshold: &Threshold, counted: &Counted<'_, T>) -> Option<Self> {
        let condition = threshold.condition;
        match counted {
            Counted::Times(times) => Self::time(condition, *times),
            Counted::Count(count, in_window, length) => {
                Self::count(condition, (*count, *in_window), *length)
            }
            Counted::Share(seen) => Self::share(condition, *seen),
            Counted::Level(vus) => Some(Self::exact(of_gauge((*vus)?, condition))),
            Counted::Probe(seen) => of_probe((*seen)?, condition, threshold.unit).map(Self::exact),
        }
    }

    fn time(condition: Condition, times: &impl Times) -> Option<Self> {
        let (time, firm) = match condition.aggregate {
            Aggregate::Count => {
                let count = times.count();
                return (count > 0).then(|| Self::exact(count as f64));
            }
            Aggregate::Quantile(q) => (times.quantile(q)?, times.is_firm(q)),
            Aggregate::Min => (times.min()?, true),
            Aggregate::Mean => (times.mean()?, times.count() >= FIRM),
            _ => (times.max()?, true),
        };
        let at_least = match condition.aggregate {
            Aggregate::Quantile(_) | Aggregate::Min => times.is_at_least(time),
            _ => times.censored() > 0,
        };
        Some(Self {
            value: super::judge::millis(time),
            at_least,
            firm,
        })
    }

    /// Of a counter: how many, and how many of them in that length.
    pub(super) fn count(
        condition: Condition,
        (count, in_window): (u64, u64),
        length: Duration,
    ) -> Option<Self> {
        if condition.aggregate != Aggregate::Rate {
            return Some(Self::exact(count as f64));
        }
        let value = super::judge::per_second(in_window, length)?;
        let expected = condition.limit * length.as_secs_f64();
        let firm = match condition.operator {
            // Too few came: as many must have been due to come.
            Operator::Greater | Operator::GreaterOrEqual => expected >= FIRM as f64,
            _ => in_window >= FIRM,
        };
        Some(Self {
            value,
            at_least: false,
            firm,
        })
    }

    fn share(condition: Condition, seen: RateCount) -> Option<Self> {
        let value = seen.share()?;
        let against = match condition.operator {
            Operator::Less | Operator::LessOrEqual => seen.hits,
            Operator::Greater | Operator::GreaterOrEqual => seen.total - seen.hits,
            Operator::Equal => seen.total,
        };
        Some(Self {
            value,
            at_least: false,
            firm: against >= FIRM,
        })
    }
}

impl Times for TrendCell {
    fn count(&self) -> u64 {
        self.count()
    }

    fn censored(&self) -> u64 {
        self.censored()
    }

    fn min(&self) -> Option<Duration> {
        self.min()
    }

    fn mean(&self) -> Option<Duration> {
        self.mean()
    }

    fn max(&self) -> Option<Duration> {
        self.max()
    }

    fn quantile(&self, q: f64) -> Option<Duration> {
        self.quantile(q)
    }

    fn is_firm(&self, q: f64) -> bool {
        !self.is_rough(q)
    }

    fn is_at_least(&self, value: Duration) -> bool {
        self.is_at_least(value)
    }
}
