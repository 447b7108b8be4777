//! A distribution as a few bars.

use crate::TrendCell;
use std::time::Duration;

/// So many bars of equal width up to the 99th percentile; one more for what lies beyond.
const BARS: u32 = 10;

/// One bar of a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// The samples are above this, or equal where it is the first bar.
    pub from: Duration,
    /// The samples are not above this.
    pub until: Duration,
    /// How many.
    pub count: u64,
}

/// Bars of equal width from the shortest sample to the 99th percentile, and one for the longer ones. The counts add up
/// to all samples.
pub(super) fn bars(cell: &TrendCell) -> Vec<Bar> {
    let (Some(min), Some(p99), Some(max)) = (cell.min(), cell.quantile(0.99), cell.max()) else {
        return Vec::new();
    };
    let width = p99.saturating_sub(min) / BARS;
    let mut edges: Vec<Duration> = (1..BARS).map(|bar| min + width * bar).collect();
    edges.extend([p99, max]);
    edges.dedup();
    let mut bars: Vec<Bar> = Vec::new();
    let (mut from, mut below) = (min, 0);
    for (place, &until) in edges.iter().enumerate() {
        let last = place + 1 == edges.len();
        let within = if last {
            cell.count()
        } else {
            cell.count_within(until).max(below)
        };
        bars.push(Bar {
            from,
            until,
            count: within - below,
        });
        (from, below) = (until, within);
    }
    bars
}
