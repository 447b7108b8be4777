//! The distributions of a run as an HdrHistogram interval log, version 1.3: what HdrHistogram's own tools read.

use crate::Header;
use crate::runlog::encode;
use crate::text::plain;
use loadgen_stats::{Gathering, Layout, Selection, StepIndex, Trend, TrendCell, Window};
use std::fmt::Write as _;
use std::io::{self, Write};

/// The tools that read the log take a line without a tag for another distribution, so every line has one.
const LEGEND: &str =
    "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n";

/// Writes an interval log as the run goes: for each interval a line for every trend, `Tag=NAME`, and where there are
/// several steps, a line for every trend of each, `Tag=NAME{SCENARIO/STEP}`. Values are whole microseconds, the column
/// of maxima is in milliseconds. An interval is a second, after the first hour ten.
#[derive(Debug)]
pub struct HlogWriter<W> {
    out: W,
    layout: Layout,
    /// What stands behind the name of a trend, and what it means.
    parts: Vec<(String, Selection)>,
    gathering: Gathering,
}

impl<W: Write> HlogWriter<W> {
    /// Begins a log.
    ///
    /// # Errors
    ///
    /// Where `out` fails.
    pub fn new(mut out: W, header: &Header) -> io::Result<Self> {
        let (name, version) = (plain(&header.name), plain(&header.version));
        let mut text = format!("#[{name}; loadgen {version}; values in microseconds]\n");
        text.push_str("#[Histogram log format version 1.3]\n");
        if let Some(epoch) = seconds_of_epoch(&header.started_at) {
            let at = &header.started_at;
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "#[StartTime: {epoch}.000 (seconds since epoch), {at}]"
            );
        }
        text.push_str(LEGEND);
        out.write_all(text.as_bytes())?;
        out.flush()?;
        Ok(Self {
            out,
            parts: parts(&header.layout),
            layout: header.layout.clone(),
            gathering: Gathering::default(),
        })
    }

    /// Appends the distributions of a window.
    ///
    /// # Errors
    ///
    /// Where `out` fails.
    pub fn window(&mut self, window: &Window) -> io::Result<()> {
        match self.gathering.take(window) {
            Some(complete) => self.interval(&complete),
            None => Ok(()),
        }
    }

    /// Appends what is still gathered.
    ///
    /// # Errors
    ///
    /// Where `out` fails.
    pub fn finish(&mut self) -> io::Result<()> {
        match self.gathering.rest() {
            Some(window) => self.interval(&window),
            None => Ok(()),
        }
    }

    fn interval(&mut self, window: &Window) -> io::Result<()> {
        let mut text = String::new();
        for (suffix, selection) in &self.parts {
            for &trend in Trend::ALL {
                let cell = window.totals.trend(&self.layout, trend, selection);
                // Of iterations there is no part that is a step's.
                let own = suffix.is_empty() || trend != Trend::IterationDuration;
                if own && cell.count() > 0 {
                    line(&mut text, trend, suffix, window, &cell);
                }
            }
        }
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

fn line(text: &mut String, trend: Trend, suffix: &str, window: &Window, cell: &TrendCell) {
    let start = window.start.as_secs_f64();
    let length = window.end.since(window.start).as_secs_f64();
    let histogram = cell.histogram();
    let max = histogram.max() as f64 / 1e3;
    let (name, packed) = (trend.name(), encode(&histogram));
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "Tag={name}{suffix},{start:.3},{length:.3},{max:.3},{packed}"
    );
}

/// The run as a whole, and its steps where there are several.
fn parts(layout: &Layout) -> Vec<(String, Selection)> {
    let mut parts = vec![(String::new(), Selection::default())];
    if layout.steps.len() < 2 {
        return parts;
    }
    for (place, step) in layout.steps.iter().enumerate() {
        let scenario = layout.scenarios.get(step.scenario.0);
        let scenario = scenario.map_or("", |scenario| scenario.name.as_str());
        let suffix = format!("{{{}/{}}}", tag_safe(scenario), tag_safe(&step.name));
        parts.push((suffix, Selection::of_step(StepIndex(place))));
    }
    parts
}

/// A tag ends at a comma, and may hold no blanks.
fn tag_safe(name: &str) -> String {
    plain(name).replace(|char: char| char == ',' || char.is_whitespace(), "_")
}

/// Seconds from 1970 to a date such as `2026-03-01T12:00:00Z`.
fn seconds_of_epoch(date: &str) -> Option<u64> {
    let number = |from: usize, to: usize| date.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1970..10_000).contains(&year) || !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    // Years begin in March, so that a leap day is the last of its year.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leaps = year / 4 - year / 100 + year / 400;
    let days = year * 365 + leaps + (month * 153 + 2) / 5 + day - 1;
    // From the first of March in the year 0 to 1970.
    let days = days.checked_sub(719_468)?;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_counted_from_1970() {
        let cases = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-03-01T00:00:01Z", Some(5_097_601)),
            ("2000-02-29T23:59:59Z", Some(951_868_799)),
            ("2026-03-01T12:00:00Z", Some(1_772_366_400)),
            ("2100-03-01T00:00:00Z", Some(4_107_542_400)),
            ("1969-12-31T23:59:59Z", None),
            ("2026-13-01T12:00:00Z", None),
            ("yesterday", None),
            ("2026-03-01", None),
            ("", None),
            ("ÄÖÜ-03-01T12:00:00Z", None),
        ];
        for (date, expected) in cases {
            assert_eq!(seconds_of_epoch(date), expected, "{date}");
        }
    }

    #[test]
    fn names_become_parts_of_tags() {
        for (name, expected) in [
            ("chat", "chat"),
            ("GET /a, b\n", "GET_/a__b_"),
            ("größe\u{1b}", "größe\u{fffd}"),
        ] {
            assert_eq!(tag_safe(name), expected);
        }
    }
}
