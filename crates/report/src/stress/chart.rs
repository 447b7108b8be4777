//! The levels as bars on a terminal: good throughput and latency over load, the knee marked.

use super::words;
use crate::text::style::{Line, Paint, Span};
use crate::text::units;
use loadgen_capacity::{Level, LevelVerdict, Stress};
use std::{collections::BTreeSet, time::Duration};

/// Bars that are drawn at most: of more levels some of each part, and those that the answer is about.
const MOST: usize = 30;

/// The bars in lines of at most `columns`; none where there are fewer than two loads.
pub(crate) fn lines(stress: &Stress, columns: usize) -> Vec<Line> {
    let levels = thinned(by_load(&stress.levels), stress);
    if levels.len() < 2 {
        return Vec::new();
    }
    let most_rate = levels
        .iter()
        .map(|level| level.goodput_per_second)
        .fold(0.0, f64::max);
    let most_time = levels
        .iter()
        .map(|level| p95(level))
        .max()
        .unwrap_or_default();
    let labels: Vec<String> = levels
        .iter()
        .map(|level| words::bare(level.load, stress.unit))
        .collect();
    let label_width = labels.iter().map(String::len).max().unwrap_or(0);
    // Two bars with a number of eight columns each, between them and around them eleven blanks and signs.
    let room = columns.saturating_sub(label_width + 2 * 9 + 11 + 7) / 2;
    let scale = Scale {
        rate: most_rate,
        time: most_time,
        room,
        label_width,
    };
    let rows = levels
        .iter()
        .zip(&labels)
        .map(|(level, label)| scale.row(stress, level, label));
    let head = Line::new()
        .with("  ")
        .with(Paint::Dim.on("load").pad(label_width + 3, false))
        .with(" ")
        .with(
            Paint::Dim
                .on("good requests per second")
                .pad(room + 9, false),
        )
        .with("  ")
        .with(Paint::Dim.on("p95 of http_req_latency"));
    std::iter::once(head).chain(rows).collect()
}

/// What full bars stand for, and the room they have.
struct Scale {
    rate: f64,
    time: Duration,
    room: usize,
    label_width: usize,
}

impl Scale {
    fn row(&self, stress: &Stress, level: &Level, label: &str) -> Line {
        let rate = level.goodput_per_second / self.rate;
        let time = ratio(p95(level), self.time);
        let at_knee = |load: f64| (load - level.load).abs() < 1e-9;
        let knee = stress.knee.is_some_and(|knee| at_knee(knee.load));
        Line::new()
            .with("  ")
            .with(Span::from(label).pad(self.label_width, true))
            .with(" ")
            .with(sign(level))
            .with(" ")
            .with(
                Paint::Cyan
                    .on(blocks(rate, self.room))
                    .pad(self.room, false),
            )
            .with(" ")
            .with(Span::from(units::short_rate(level.goodput_per_second)).pad(8, true))
            .with("  ")
            .with(
                Paint::Yellow
                    .on(blocks(time, self.room))
                    .pad(self.room, false),
            )
            .with(" ")
            .with(Span::from(units::time(p95(level))).pad(8, true))
            .with(if knee { " ← knee" } else { "" })
    }
}

fn p95(level: &Level) -> Duration {
    level.latency[1].unwrap_or_default()
}

/// So many levels that they fit on a screen, spread evenly, with the knee, the highest that held and the lowest that broke.
fn thinned<'a>(levels: Vec<&'a Level>, stress: &Stress) -> Vec<&'a Level> {
    if levels.len() <= MOST {
        return levels;
    }
    let answer = &stress.answer;
    let knee = stress.knee.map(|knee| knee.load);
    let marked = [knee, answer.highest_held, answer.lowest_broke];
    let is_marked = |load: f64| {
        let mut marked = marked.iter().flatten();
        marked.any(|at| (at - load).abs() <= 1e-9 * load)
    };
    let (last, even) = (levels.len() - 1, MOST - marked.len() - 1);
    let spread: BTreeSet<usize> = (0..=even).map(|place| place * last / even).collect();
    let levels = levels.into_iter().enumerate();
    levels
        .filter(|(place, level)| spread.contains(place) || is_marked(level.load))
        .map(|(_, level)| level)
        .collect()
}

/// One level for each load, the last try of it, ascending.
pub(super) fn by_load(levels: &[Level]) -> Vec<&Level> {
    let mut sorted: Vec<&Level> = Vec::new();
    for level in levels {
        sorted.retain(|other| (other.load - level.load).abs() > 1e-9 * level.load);
        sorted.push(level);
    }
    sorted.sort_by(|one, other| one.load.total_cmp(&other.load));
    sorted
}

/// The verdict on a level as a sign.
pub(super) fn sign(level: &Level) -> Span {
    match level.verdict {
        LevelVerdict::Held => Paint::Green.on("✓"),
        LevelVerdict::Broken => Paint::Red.on("✗"),
        LevelVerdict::Unclear | LevelVerdict::Generator => Paint::Yellow.on("?"),
    }
}

fn ratio(time: Duration, most: Duration) -> f64 {
    if most.is_zero() {
        0.0
    } else {
        time.as_secs_f64() / most.as_secs_f64()
    }
}

/// A bar for a share of `room`, in eighths of a column; never nothing for something.
fn blocks(share: f64, room: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if share.is_nan() || share <= 0.0 {
        return String::new();
    }
    let eighths = ((share * (room * 8) as f64).round() as usize).clamp(1, room * 8);
    "█".repeat(eighths / 8) + PARTS[eighths % 8]
}
