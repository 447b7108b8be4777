//! The summary of a run as text: at most 80 columns, the verdict first.

mod chart;
pub(crate) mod course;
mod figures;
mod requests;
mod streams;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod troubles;
pub(crate) mod units;
pub(crate) mod verdict;

use crate::{Header, probes};
use loadgen_stats::Summary;
use std::io::{self, Write};
pub(crate) use style::plain;
use style::{Line, Paint};

/// No line is longer.
pub(crate) const COLUMNS: usize = 80;

/// How a summary is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextOptions<'a> {
    /// Whether to colour it, as a terminal understands.
    pub color: bool,
    /// Where the run log is, to be named at the end.
    pub run_log: Option<&'a str>,
}

/// Writes the summary of a run as text.
///
/// # Errors
///
/// Where `out` fails.
pub fn write_text(
    mut out: impl Write,
    header: &Header,
    summary: &Summary,
    options: &TextOptions<'_>,
) -> io::Result<()> {
    let sections = [
        verdict::lines(summary, COLUMNS),
        course::opening(header, summary, COLUMNS),
        verdict::thresholds(summary, COLUMNS),
        streams::lines(summary, COLUMNS),
        requests::by_step(summary, COLUMNS),
        requests::times(summary, COLUMNS),
        requests::distribution(summary, COLUMNS),
        probes::run_lines(summary, COLUMNS),
        course::lines(header, summary, options.run_log, COLUMNS),
        troubles::errors(summary, COLUMNS),
        troubles::warnings(summary, COLUMNS),
    ];
    let mut text = String::new();
    for section in sections.iter().filter(|section| !section.is_empty()) {
        if !text.is_empty() {
            text.push('\n');
        }
        for line in section {
            line.render(COLUMNS, options.color, &mut text);
        }
    }
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes the verdict of a run and its reason as one line, however long.
///
/// # Errors
///
/// Where `out` fails.
pub fn write_verdict(mut out: impl Write, summary: &Summary, color: bool) -> io::Result<()> {
    let mut text = String::new();
    for line in verdict::lines(summary, usize::MAX) {
        line.render(usize::MAX, color, &mut text);
    }
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// The heading of a section.
pub(crate) fn heading(text: &str) -> style::Span {
    Paint::Bold.on(text)
}

/// A label at a fixed place and what there is to say, in as many lines as it takes.
pub(crate) fn labelled(label: &str, parts: &[String], columns: usize) -> Vec<Line> {
    const LABEL: usize = 16;
    let mut lines: Vec<String> = Vec::new();
    let room = columns.saturating_sub(2 + LABEL);
    for part in parts.iter().filter(|part| !part.is_empty()) {
        match lines.last_mut() {
            Some(line) if style::width(line) + 3 + style::width(part) <= room => {
                line.push_str(" · ");
                line.push_str(part);
            }
            _ => lines.push(part.clone()),
        }
    }
    let label = Paint::Dim.on(label).pad(LABEL, false);
    let blank = style::Span::from("").pad(LABEL, false);
    let labels = std::iter::once(label).chain(std::iter::repeat(blank));
    let rows = lines.into_iter().zip(labels);
    rows.map(|(line, label)| Line::new().with("  ").with(label).with(line))
        .collect()
}
