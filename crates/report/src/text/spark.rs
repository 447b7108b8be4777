//! The course of a run as lines of small bars: throughput, users, and the worst seconds.

use super::style::{Line, Paint};
use super::{heading, units};
use loadgen_stats::{Quantiles, Summary, SummaryWindow};
use std::time::Duration;

/// So many bars at most: what a terminal has beside a label and a number.
const BARS: usize = 46;
/// Fewer intervals have no course worth a look.
const FEW: usize = 3;
const LABEL: usize = 16;
const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Nothing at all, so that a service that stood still is seen.
const NOTHING: char = '·';

/// One bar of each line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Point {
    per_second: f64,
    failed_per_second: f64,
    vus: u64,
    /// The worst of the intervals that it stands for: quantiles cannot be averaged.
    p95: Duration,
    ttft: Duration,
}

/// How throughput, failures, users and the 95th percentiles went; none for a run of fewer than three intervals.
pub(super) fn lines(summary: &Summary) -> Vec<Line> {
    let windows = whole(&summary.windows);
    if windows.len() < FEW {
        return Vec::new();
    }
    let points = points(windows);
    let most = |of: fn(&Point) -> f64| points.iter().map(of).fold(0.0, f64::max);
    let mut lines = vec![head(windows, points.len())];
    let mut row = |label: &str, paint: Paint, of: fn(&Point) -> f64, show: fn(f64) -> String| {
        let most = most(of);
        if most > 0.0 {
            let bars: String = points.iter().map(|point| bar(of(point), most)).collect();
            lines.push(
                Line::new()
                    .with("  ")
                    .with(Paint::Dim.on(label).pad(LABEL, false))
                    .with(paint.on(bars))
                    .with(Paint::Dim.on(format!("  most {}", show(most)))),
            );
        }
    };
    row(
        "requests/s",
        Paint::Cyan,
        |point| point.per_second,
        units::rate,
    );
    row(
        "failed/s",
        Paint::Red,
        |point| point.failed_per_second,
        units::rate,
    );
    let steady = |window: &SummaryWindow| window.vus.min == summary.peak_vus;
    if !windows.iter().all(steady) {
        row(
            "users",
            Paint::Cyan,
            |point| point.vus as f64,
            |most| units::count(most as u64),
        );
    }
    let seconds = |most| units::time(Duration::try_from_secs_f64(most).unwrap_or(Duration::MAX));
    row(
        "ttft p95",
        Paint::Cyan,
        |point| point.ttft.as_secs_f64(),
        seconds,
    );
    row(
        "duration p95",
        Paint::Cyan,
        |point| point.p95.as_secs_f64(),
        seconds,
    );
    lines
}

/// Without a last interval that is too short to have a rate.
fn whole(windows: &[SummaryWindow]) -> &[SummaryWindow] {
    let length = |window: &SummaryWindow| window.end.since(window.start).as_secs_f64();
    match windows.split_last() {
        Some((last, rest))
            if rest
                .first()
                .is_some_and(|first| length(last) < length(first) / 2.0) =>
        {
            rest
        }
        _ => windows,
    }
}

fn head(windows: &[SummaryWindow], bars: usize) -> Line {
    let (from, until) = (windows[0].start, windows[windows.len() - 1].end);
    let each = until.since(from).as_secs_f64() / bars as f64;
    let text = format!("  {} a bar", units::span(each));
    Line::new()
        .with(heading("Course"))
        .with(Paint::Dim.on(text))
}

/// Neighbours together until they fit.
fn points(windows: &[SummaryWindow]) -> Vec<Point> {
    let together = windows.len().div_ceil(BARS).max(1);
    windows.chunks(together).map(point).collect()
}

fn point(windows: &[SummaryWindow]) -> Point {
    let length: f64 = windows
        .iter()
        .map(|window| window.end.since(window.start).as_secs_f64())
        .sum();
    let sum = |of: fn(&SummaryWindow) -> u64| windows.iter().map(of).sum::<u64>() as f64;
    let worst = |of: fn(&SummaryWindow) -> Option<Quantiles>| {
        let p95s = windows
            .iter()
            .filter_map(of)
            .map(|quantiles| quantiles.p95.value);
        p95s.max().unwrap_or_default()
    };
    let rate = |count: f64| if length > 0.0 { count / length } else { 0.0 };
    Point {
        per_second: rate(sum(|window| window.http_reqs)),
        failed_per_second: rate(sum(|window| window.http_req_failed)),
        vus: windows
            .iter()
            .map(|window| window.vus.max)
            .max()
            .unwrap_or(0),
        p95: worst(|window| window.http_req_duration),
        ttft: worst(|window| window.ttft),
    }
}

fn bar(value: f64, most: f64) -> char {
    if value <= 0.0 || most <= 0.0 {
        return NOTHING;
    }
    let step = (value / most * STEPS.len() as f64).ceil() as usize;
    STEPS[step.clamp(1, STEPS.len()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use loadgen_stats::{Offset, VusRange};

    fn window(start: f64, length: f64, http_reqs: u64) -> SummaryWindow {
        let at = |seconds: f64| Offset::from(Duration::from_secs_f64(seconds));
        SummaryWindow {
            start: at(start),
            end: at(start + length),
            vus: VusRange::steady(1),
            iterations: http_reqs,
            http_reqs,
            http_req_failed: 0,
            http_req_duration: None,
            ttft: None,
        }
    }

    #[test]
    fn bars_are_eighths_of_the_most() {
        for (value, expected) in [
            (0.0, '·'),
            (0.001, '▁'),
            (1.0, '▁'),
            (1.1, '▂'),
            (4.0, '▄'),
            (8.0, '█'),
        ] {
            assert_eq!(bar(value, 8.0), expected, "{value}");
        }
        assert_eq!(bar(0.0, 0.0), '·');
    }

    #[test]
    fn neighbours_share_a_bar_where_there_are_many() {
        for (count, bars) in [(1, 1), (46, 46), (47, 24), (92, 46), (93, 31), (3_600, 46)] {
            let windows: Vec<_> = (0..count).map(|n| window(f64::from(n), 1.0, 10)).collect();
            let points = points(&windows);
            assert_eq!(points.len(), bars, "{count}");
            assert!(
                points
                    .iter()
                    .all(|point| (point.per_second - 10.0).abs() < 1e-9),
                "{points:?}"
            );
        }
    }

    #[test]
    fn a_stump_at_the_end_has_no_rate() {
        for (length, kept) in [(1.0, 3), (0.6, 3), (0.4, 2), (0.0, 2)] {
            let windows = [
                window(0.0, 1.0, 5),
                window(1.0, 1.0, 5),
                window(2.0, length, 5),
            ];
            assert_eq!(whole(&windows).len(), kept, "{length}");
        }
        assert_eq!(whole(&[window(0.0, 0.1, 5)]).len(), 1);
        assert!(whole(&[]).is_empty());
    }
}
