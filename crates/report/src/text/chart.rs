//! A distribution as bars: a row for each step of a scale that a person would have chosen.

use super::style::{Line, Paint};
use super::units;
use loadgen_stats::TrendCell;
use std::time::Duration;

/// Steps within a decade, from coarse to fine; each scale holds the one before.
const SCALES: [&[f64]; 3] = [
    &[1.0, 2.0, 5.0],
    &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0],
    &[1.0, 1.2, 1.5, 1.8, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
];
/// At least so many rows, where the samples differ enough.
const FEW: usize = 6;
/// At most so many rows.
const MANY: usize = 14;

/// One row: samples above the bound before and not above this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bar {
    up_to: Duration,
    count: u64,
}

/// The bars of a distribution in lines of at most `columns`; none without a sample.
pub(crate) fn lines(cell: &TrendCell, columns: usize) -> Vec<Line> {
    let bars = bars(cell);
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(0);
    let labels = labels(&bars);
    let counts: Vec<String> = bars.iter().map(|bar| units::count(bar.count)).collect();
    let widest = |texts: &[String]| {
        texts
            .iter()
            .map(|text| text.chars().count())
            .max()
            .unwrap_or(0)
    };
    let (label_width, count_width) = (widest(&labels), widest(&counts));
    let room = columns.saturating_sub(2 + 2 + label_width + 2 + count_width + 2);
    let rows = bars.iter().zip(labels).zip(counts);
    rows.map(|((bar, label), count)| {
        Line::new()
            .with("  ")
            .with(Paint::Dim.on("≤ "))
            .with(Paint::Plain.on(label).pad(label_width, true))
            .with("  ")
            .with(Paint::Plain.on(count).pad(count_width, true))
            .with("  ")
            .with(Paint::Cyan.on(blocks(bar.count, most, room)))
    })
    .collect()
}

/// The upper ends as text, with as many digits as it takes to tell neighbours apart.
fn labels(bars: &[Bar]) -> Vec<String> {
    let shown = |show: &dyn Fn(Duration) -> String| -> Vec<String> {
        bars.iter().map(|bar| show(bar.up_to)).collect()
    };
    let is_clear = |labels: &Vec<String>| labels.windows(2).all(|pair| pair[0] != pair[1]);
    let short = shown(&units::time);
    if is_clear(&short) {
        return short;
    }
    let longer = (1..=6).map(|decimals| shown(&|bound| units::time_with(bound, decimals)));
    let mut longer = longer.skip_while(|labels| !is_clear(labels));
    longer.next().unwrap_or(short)
}

/// A bar of `count` where `most` takes all of `room`: in eighths of a column, and never nothing for something.
fn blocks(count: u64, most: u64, room: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if count == 0 || most == 0 {
        return String::new();
    }
    let eighths = (count as f64 / most as f64 * (room * 8) as f64).round() as usize;
    let eighths = eighths.clamp(1, room * 8);
    "█".repeat(eighths / 8) + PARTS[eighths % 8]
}

fn bars(cell: &TrendCell) -> Vec<Bar> {
    let (Some(min), Some(max)) = (cell.min(), cell.max()) else {
        return Vec::new();
    };
    let mut below = 0;
    let mut bars = Vec::new();
    for up_to in bounds(min, max) {
        let within = if up_to >= max {
            cell.count()
        } else {
            cell.count_within(up_to)
        };
        bars.push(Bar {
            up_to,
            count: within.saturating_sub(below),
        });
        below = below.max(within);
    }
    bars
}

/// The upper ends of the rows: round numbers from just above `min` to just above `max`.
fn bounds(min: Duration, max: Duration) -> Vec<Duration> {
    let (low, high) = (micros(min).max(1.0), micros(max).max(1.0));
    let mut best = Vec::new();
    for scale in SCALES {
        let bounds = decades(scale, low, high);
        if bounds.len() > MANY && !best.is_empty() {
            break;
        }
        best = bounds;
        if best.len() >= FEW {
            break;
        }
    }
    if best.len() < FEW {
        let even = even(low, high);
        if even.len() > best.len() {
            best = even;
        }
    }
    gather(&best)
        .into_iter()
        .map(|micros| Duration::from_nanos((micros * 1000.0).round() as u64))
        .collect()
}

/// Every step of a scale from the one that holds `low` to the one that holds `high`.
fn decades(scale: &[f64], low: f64, high: f64) -> Vec<f64> {
    let first = low.log10().floor() as i32;
    let last = high.log10().floor() as i32 + 1;
    let steps =
        (first..=last).flat_map(|decade| scale.iter().map(move |step| step * 10_f64.powi(decade)));
    between(steps, low, high)
}

/// Even steps of 1, 2 or 5 times a power of ten, for samples that lie close together.
fn even(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low).max(1.0) / 10.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough);
    let step = step.unwrap_or(rough).max(1.0);
    let first = (low / step).floor();
    let count = ((high - low) / step).ceil() as u32 + 2;
    between(
        (0..=count).map(|n| (first + f64::from(n)) * step),
        low,
        high,
    )
}

/// The steps not below `low`, up to the first not below `high`.
fn between(steps: impl Iterator<Item = f64>, low: f64, high: f64) -> Vec<f64> {
    let mut kept = Vec::new();
    for step in steps.skip_while(|&step| step < low) {
        kept.push(step);
        if step >= high {
            break;
        }
    }
    kept
}

/// At most [`MANY`] of the bounds, the last among them: neighbours become one row.
fn gather(bounds: &[f64]) -> Vec<f64> {
    let every = bounds.len().div_ceil(MANY).max(1);
    let last = bounds.len().saturating_sub(1);
    let kept = bounds
        .iter()
        .enumerate()
        .filter(|(place, _)| (last - place).is_multiple_of(every));
    kept.map(|(_, &bound)| bound).collect()
}

fn micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(micros: &[u64]) -> TrendCell {
        let mut cell = TrendCell::new();
        for &micros in micros {
            cell.record(Duration::from_micros(micros));
        }
        cell
    }

    #[test]
    fn scales_are_round_and_of_readable_length() {
        let cases: [(u64, u64, &str); 7] = [
            (
                200_100,
                211_900,
                "202 ms 204 ms 206 ms 208 ms 210 ms 212 ms",
            ),
            (1_000, 1_000, "1.00 ms"),
            (0, 0, "1.00 µs"),
            (
                90,
                12_000,
                "100 µs 200 µs 500 µs 1.00 ms 2.00 ms 5.00 ms 10.0 ms 20.0 ms",
            ),
            (
                1_100,
                9_000,
                "1.50 ms 2.00 ms 3.00 ms 5.00 ms 7.00 ms 10.0 ms",
            ),
            (
                150_000,
                900_000,
                "150 ms 200 ms 300 ms 500 ms 700 ms 1.00 s",
            ),
            (1, 3_600_000_000, ""),
        ];
        for (low, high, expected) in cases {
            let bounds = bounds(Duration::from_micros(low), Duration::from_micros(high));
            let shown: Vec<String> = bounds.iter().map(|&bound| units::time(bound)).collect();
            assert!(bounds.len() <= MANY, "{shown:?}");
            assert!(bounds.is_sorted(), "{shown:?}");
            assert!(
                bounds.last() >= Some(&Duration::from_micros(high)),
                "{shown:?}"
            );
            if !expected.is_empty() {
                assert_eq!(shown.join(" "), expected, "{low} to {high}");
            }
        }
    }

    #[test]
    fn neighbours_have_different_labels() {
        let cases: [(u64, u64, &str); 4] = [
            (819_800, 824_100, "820.0 ms 820.5 ms 821.0 ms"),
            (4_000_000, 4_001_000, "4.0000 s 4.0001 s"),
            (200_100, 211_900, "202 ms 204 ms 206 ms"),
            (59_900_000, 60_400_000, "59.90 s 59.95 s 60.00 s"),
        ];
        for (low, high, expected) in cases {
            let labels = labels(&bars(&cell(&[low, high]))).join(" ");
            assert!(labels.starts_with(expected), "{labels}");
        }
    }

    #[test]
    fn every_sample_is_in_one_row() {
        let cases: [&[u64]; 6] = [
            &[],
            &[0, 0, 1],
            &[1_000],
            &[1_000, 1_001, 2_000, 2_001, 5_000, 5_005, 1_000_000],
            &[200_000, 200_001, 205_000, 211_999],
            &[1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 3_600_000_000],
        ];
        for samples in cases {
            let bars = bars(&cell(samples));
            assert_eq!(
                bars.iter().map(|bar| bar.count).sum::<u64>(),
                samples.len() as u64,
                "{bars:?}"
            );
        }
    }

    #[test]
    fn bars_are_as_long_as_their_counts() {
        let cases = [
            (0, 10, ""),
            (1, 8, "▏"),
            (1, 1_000_000, "▏"),
            (4, 8, "▌"),
            (8, 8, "█"),
            (12, 8, "█"),
        ];
        for (count, most, expected) in cases {
            assert_eq!(blocks(count, most, 1), expected);
        }
        assert_eq!(blocks(5, 10, 41), "█".repeat(20) + "▌");
    }

    #[test]
    fn rows_never_pass_the_edge() {
        let cell = cell(&[1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 3_600_000_000]);
        for columns in [40, 80] {
            assert!(
                lines(&cell, columns)
                    .iter()
                    .all(|line| line.width() <= columns)
            );
        }
    }
}
