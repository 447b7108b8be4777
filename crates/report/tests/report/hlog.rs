//! The interval log, read back by HdrHistogram's own reader.

use crate::runs::{self, Run};
use hdrhistogram::{
    Histogram,
    serialization::{
        Deserializer,
        interval_log::{IntervalLogIterator, LogEntry},
    },
};
use loadgen_report::HlogWriter;
use loadgen_stats::{Selection, StepIndex, Totals, Trend, TrendCell, Window};
use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

fn hlog(run: &Run, windows: &[Window]) -> String {
    let mut bytes = Vec::new();
    let mut writer = HlogWriter::new(&mut bytes, &run.header).unwrap();
    windows
        .iter()
        .for_each(|window| writer.window(window).unwrap());
    writer.finish().unwrap();
    String::from_utf8(bytes).unwrap()
}

/// One line as the library reads it: tag, start, length, the maximum as written, the distribution.
struct Line {
    tag: String,
    start: Duration,
    length: Duration,
    max: f64,
    histogram: Histogram<u64>,
}

fn read(text: &str) -> Vec<Line> {
    let mut deserializer = Deserializer::new();
    let mut lines = Vec::new();
    for entry in IntervalLogIterator::new(text.as_bytes()) {
        let LogEntry::Interval(interval) = entry.unwrap() else {
            continue;
        };
        use base64::Engine as _;
        let bytes = base64::prelude::BASE64_STANDARD.decode(interval.encoded_histogram());
        lines.push(Line {
            tag: interval.tag().unwrap().as_str().to_owned(),
            start: interval.start_timestamp(),
            length: interval.duration(),
            max: interval.max(),
            histogram: deserializer
                .deserialize(&mut bytes.unwrap().as_slice())
                .unwrap(),
        });
    }
    lines
}

/// All lines of a tag together.
fn merged(text: &str) -> BTreeMap<String, Histogram<u64>> {
    let mut all = BTreeMap::new();
    for line in read(text) {
        let into = all
            .entry(line.tag)
            .or_insert_with(|| Histogram::<u64>::new(3).unwrap());
        into.add(&line.histogram).unwrap();
    }
    all
}

/// The packed histograms are the library's affair; the golden file has what they hold.
#[test]
fn logs_are_as_in_the_golden_files() {
    for (name, run) in runs::all() {
        let text = hlog(&run, &run.windows);
        let mut lines = read(&text).into_iter();
        let mut shown = String::new();
        for line in text.lines() {
            match line.rsplit_once(',').filter(|_| line.starts_with("Tag=")) {
                Some((head, _)) => {
                    let histogram = lines.next().unwrap().histogram;
                    let [p50, p99] = [0.5, 0.99].map(|q| histogram.value_at_quantile(q));
                    let count = histogram.len();
                    let _ = writeln!(shown, "{head},(n={count} p50={p50} p99={p99})");
                }
                None => {
                    let _ = writeln!(shown, "{line}");
                }
            }
        }
        runs::golden(&format!("{name}.hlog"), &shown);
    }
}

#[test]
fn the_library_reads_the_same_quantiles() {
    for (name, run) in runs::all() {
        let layout = &run.header.layout;
        let mut totals = Totals::new(layout);
        run.windows
            .iter()
            .for_each(|window| totals.merge(&window.totals));
        let read = merged(&hlog(&run, &run.windows));
        let mut expected = BTreeMap::new();
        let several = layout.steps.len() > 1;
        let steps = (0..layout.steps.len()).filter(|_| several).map(|place| {
            let step = &layout.steps[place];
            let scenario = &layout.scenarios[step.scenario.0].name;
            let suffix = format!("{{{scenario}/{}}}", step.name).replace(' ', "_");
            (suffix, Selection::of_step(StepIndex(place)))
        });
        for (suffix, selection) in steps.chain([(String::new(), Selection::default())]) {
            for trend in Trend::ALL {
                let cell = totals.trend(layout, *trend, &selection);
                let of_step = !suffix.is_empty() && *trend == Trend::IterationDuration;
                if cell.count() > 0 && !of_step {
                    expected.insert(format!("{}{suffix}", trend.name()), cell);
                }
            }
        }
        let names = |names: Vec<&String>| names.into_iter().cloned().collect::<Vec<_>>();
        assert_eq!(
            names(read.keys().collect()),
            names(expected.keys().collect()),
            "{name}"
        );
        for (tag, cell) in &expected {
            check_quantiles(&read[tag], cell, tag);
        }
    }
}

/// The extremes are exact in ours, and to three digits in a histogram.
#[track_caller]
fn check_quantiles(read: &Histogram<u64>, cell: &TrendCell, tag: &str) {
    assert_eq!(*read, cell.histogram(), "{tag}");
    for q in [0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0] {
        let ours = cell.quantile(q).unwrap();
        let theirs = read.value_at_quantile(q);
        let micros = (ours.as_nanos() as u64).saturating_add(500) / 1000;
        let alike = read.equivalent(theirs, micros) || theirs.abs_diff(micros) <= 1;
        assert!(alike, "{tag} at {q}: {theirs} where {ours:?} is meant");
    }
}

#[test]
fn intervals_are_dated_from_the_start() {
    let run = runs::trouble();
    let text = hlog(&run, &run.windows);
    let start = IntervalLogIterator::new(text.as_bytes()).find_map(|entry| match entry.unwrap() {
        LogEntry::StartTime(start) => Some(start),
        _ => None,
    });
    assert_eq!(start, Some(Duration::from_secs(1_772_366_400)));
    for line in read(&text) {
        let window = run
            .windows
            .iter()
            .find(|window| window.start.as_duration() == line.start);
        let window = window.unwrap_or_else(|| panic!("no window begins at {:?}", line.start));
        assert_eq!(line.length, window.end.since(window.start));
        let longest = line.histogram.max() as f64 / 1000.0;
        assert!((line.max - longest).abs() < 0.001, "{} {longest}", line.max);
    }
}

/// An hour is written second by second, what comes after in pieces of ten.
#[test]
fn long_runs_are_written_coarser() {
    let run = runs::refused();
    let second = |at: u64| Window {
        start: runs::ms(at * 1000),
        end: runs::ms(at * 1000 + 1000),
        ..runs::chat().windows[0].clone()
    };
    let windows: Vec<Window> = (3_598..3_625).map(second).collect();
    let chat = runs::chat();
    let lines = read(&hlog(&chat, &windows));
    let of_ttft: Vec<(u64, u64, u64)> = lines
        .iter()
        .filter(|line| line.tag == "ttft")
        .map(|line| {
            (
                line.start.as_secs(),
                line.length.as_secs(),
                line.histogram.len(),
            )
        })
        .collect();
    let expected = [
        (3_598, 1, 10),
        (3_599, 1, 10),
        (3_600, 10, 100),
        (3_610, 10, 100),
        (3_620, 5, 50),
    ];
    assert_eq!(of_ttft, expected);
    assert!(read(&hlog(&run, &[])).is_empty());
}
