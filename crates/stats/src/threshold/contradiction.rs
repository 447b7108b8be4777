//! Finds thresholds that no run could hold together: `p95 < 1s` and `p50 > 2s`.

use super::{Aggregate, Operator, Threshold};
use std::{cmp::Ordering, time::Duration};

/// A limit as one end of an interval.
#[derive(Clone, Copy)]
struct End {
    at: f64,
    /// Whether the limit itself is still allowed.
    closed: bool,
}

impl Threshold {
    /// The thresholds that cannot both hold, as places in `thresholds`: of each threshold only the first that
    /// contradicts it.
    #[must_use]
    pub fn contradictions(thresholds: &[Self]) -> Vec<(usize, usize)> {
        let earlier = |second: usize| {
            (0..second).find(|&first| thresholds[first].contradicts(&thresholds[second]))
        };
        (0..thresholds.len())
            .filter_map(|second| Some((earlier(second)?, second)))
            .collect()
    }

    fn contradicts(&self, other: &Self) -> bool {
        self.metric == other.metric
            && self.selection == other.selection
            && (excludes(self, other) || excludes(other, self))
    }
}

/// Whether `high` stays below what `low` asks for: the number of `low` is never above that of `high`.
fn excludes(low: &Threshold, high: &Threshold) -> bool {
    if !is_never_above(low, high) {
        return false;
    }
    match (least(low), most(high)) {
        (Some(least), Some(most)) => {
            let touches = least.closed && most.closed;
            least.at > most.at || (least.at >= most.at && !touches)
        }
        _ => false,
    }
}

/// Whether the one number is at most the other, whatever the samples are.
fn is_never_above(low: &Threshold, high: &Threshold) -> bool {
    let [within, around] =
        [low, high].map(|threshold| threshold.sliding().unwrap_or(Duration::MAX));
    let [low, high] = [low, high].map(|threshold| threshold.condition.aggregate);
    match within.cmp(&around) {
        Ordering::Equal => is_never_above_alike(low, high),
        // What is long holds the samples of each part of it: as many, and none beyond its own extremes.
        Ordering::Less => match high {
            Aggregate::Count => low == Aggregate::Count,
            Aggregate::Max => is_never_above_alike(low, high),
            _ => false,
        },
        Ordering::Greater => low == Aggregate::Min && is_never_above_alike(low, high),
    }
}

/// The same of two numbers of the same samples.
fn is_never_above_alike(low: Aggregate, high: Aggregate) -> bool {
    match (low, high) {
        (Aggregate::Mean, Aggregate::Max) | (Aggregate::Min, Aggregate::Mean) => true,
        _ => match (rank(low), rank(high)) {
            (Some(low), Some(high)) => low <= high,
            _ => low == high,
        },
    }
}

/// Where the number stands among the sorted samples, from 0 to 1.
const fn rank(aggregate: Aggregate) -> Option<f64> {
    match aggregate {
        Aggregate::Min => Some(0.0),
        Aggregate::Quantile(q) => Some(q),
        Aggregate::Max => Some(1.0),
        Aggregate::Mean | Aggregate::Count | Aggregate::Rate | Aggregate::Value => None,
    }
}

/// The least that holds.
const fn least(threshold: &Threshold) -> Option<End> {
    let at = threshold.condition.limit;
    match threshold.condition.operator {
        Operator::Greater => Some(End { at, closed: false }),
        Operator::GreaterOrEqual | Operator::Equal => Some(End { at, closed: true }),
        Operator::Less | Operator::LessOrEqual => None,
    }
}

/// The most that holds.
const fn most(threshold: &Threshold) -> Option<End> {
    let at = threshold.condition.limit;
    match threshold.condition.operator {
        Operator::Less => Some(End { at, closed: false }),
        Operator::LessOrEqual | Operator::Equal => Some(End { at, closed: true }),
        Operator::Greater | Operator::GreaterOrEqual => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::layout;

    #[test]
    fn pairs_that_no_run_can_hold() {
        type Texts<'a> = &'a [(&'a str, &'a str)];
        let cases: [(Texts<'_>, &[(usize, usize)]); 23] = [
            // A window is no run, and a short one no long one.
            (
                &[
                    ("http_reqs", "count > 1000"),
                    ("http_reqs", "count < 200 for 1s"),
                ],
                &[],
            ),
            (
                &[
                    ("http_reqs", "count < 100 for 1s"),
                    ("http_reqs", "count > 150 for 2s"),
                ],
                &[],
            ),
            (&[("vus", "value > 5 for 10s"), ("vus", "value < 2")], &[]),
            (
                &[("ttft", "p95 > 2s for 10s after 1m"), ("ttft", "p95 < 1s")],
                &[],
            ),
            // But the long one holds the short one.
            (
                &[
                    ("http_reqs", "count < 100"),
                    ("http_reqs", "count > 150 for 2s"),
                ],
                &[(0, 1)],
            ),
            (
                &[
                    ("http_reqs", "count < 100 for 2s"),
                    ("http_reqs", "count > 150 for 2s"),
                ],
                &[(0, 1)],
            ),
            (
                &[("ttft", "p50 > 2s for 2s"), ("ttft", "max < 1s for 9s")],
                &[(0, 1)],
            ),
            (
                &[("ttft", "p50 < 1s for 2s"), ("ttft", "min > 2s")],
                &[(0, 1)],
            ),
            (
                &[("ttft", "max < 1s for 2s"), ("ttft", "p50 > 2s for 9s")],
                &[],
            ),
            (&[("ttft", "p95 < 1s"), ("ttft", "p95 > 2s")], &[(0, 1)]),
            (&[("ttft", "p95 > 2s"), ("ttft", "p95 < 1s")], &[(0, 1)]),
            (&[("ttft", "p95 < 2s"), ("ttft", "p95 > 1s")], &[]),
            (&[("ttft", "p95 < 1s"), ("ttft", "p95 >= 1s")], &[(0, 1)]),
            (&[("ttft", "p95 <= 1s"), ("ttft", "p95 >= 1s")], &[]),
            // A lower quantile is never above a higher one.
            (&[("ttft", "p95 < 1s"), ("ttft", "p50 > 2s")], &[(0, 1)]),
            (&[("ttft", "p50 < 1s"), ("ttft", "p95 > 2s")], &[]),
            (&[("ttft", "max < 1s"), ("ttft", "avg > 2s")], &[(0, 1)]),
            (&[("ttft", "avg < 1s"), ("ttft", "min > 2s")], &[(0, 1)]),
            // The mean may lie above any quantile but the last.
            (&[("ttft", "p95 < 1s"), ("ttft", "avg > 2s")], &[]),
            (
                &[("ttft", "p95 < 1s"), ("ttft{step=chat}", "p95 > 2s")],
                &[],
            ),
            (
                &[("http_reqs", "count > 9"), ("http_reqs", "rate < 1/s")],
                &[],
            ),
            (
                &[("checks", "rate > 99%"), ("checks", "rate == 50%")],
                &[(0, 1)],
            ),
            (
                &[("vus", "max < 5"), ("vus", "min > 5"), ("vus", "value > 6")],
                &[(0, 1)],
            ),
        ];
        for (texts, expected) in cases {
            let parse = |&(metric, expression): &(&str, &str)| {
                Threshold::parse(metric, expression, &layout()).unwrap()
            };
            let thresholds: Vec<Threshold> = texts.iter().map(parse).collect();
            assert_eq!(
                Threshold::contradictions(&thresholds),
                expected,
                "{texts:?}"
            );
        }
    }
}
