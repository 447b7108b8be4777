//! Failures with an example each, and reasons not to believe the run with what to do.

use super::style::{Line, Paint, fit, wrap};
use super::{heading, units};
use loadgen_stats::Summary;

/// So many kinds of failure are shown.
const KINDS: usize = 10;
/// So many lines of an example.
const EXAMPLE: usize = 2;

/// Failures by kind and step, the most frequent first.
pub(crate) fn errors(summary: &Summary, columns: usize) -> Vec<Line> {
    if summary.errors.is_empty() {
        return Vec::new();
    }
    let several = summary.scenarios.len() > 1;
    let counts = summary
        .errors
        .iter()
        .map(|error| units::count(error.count).len());
    let count_width = counts.max().unwrap_or(0);
    let mut lines = vec![Line::new().with(heading("Errors"))];
    for error in summary.errors.iter().take(KINDS) {
        let place = if several {
            format!("{} / {}", error.scenario, error.step)
        } else {
            error.step.clone()
        };
        let count = Paint::Plain
            .on(units::count(error.count))
            .pad(count_width, true);
        let line = Line::new()
            .with("  ")
            .with(count)
            .with(" × ")
            .with(Paint::Red.on(error.kind.name()));
        lines.push(line.with(Paint::Dim.on(format!("  {place}"))));
        let indent = 2 + count_width + 3;
        lines.extend(example(&error.message, indent, columns));
    }
    let more = summary.errors.len().saturating_sub(KINDS);
    if more > 0 {
        let kinds = units::plural(more as u64, "kind", "kinds");
        lines.push(
            Line::new()
                .with("  ")
                .with(Paint::Dim.on(format!("and {kinds} more, all in the JSON summary"))),
        );
    }
    lines
}

/// Reasons not to believe the run.
pub(crate) fn warnings(summary: &Summary, columns: usize) -> Vec<Line> {
    if summary.warnings.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![Line::new().with(heading("Warnings"))];
    for alike in summary
        .warnings
        .chunk_by(|one, next| one.code() == next.code())
    {
        let Some(first) = alike.first() else { continue };
        let line = Line::new()
            .with("  ")
            .with(Paint::BoldYellow.on("!"))
            .with(" ");
        lines.push(line.with(Paint::Yellow.on(first.code())));
        for warning in alike {
            lines.extend(indented(&warning.message(), "    ", "    ", columns));
        }
        lines.extend(indented(first.advice(), "    → ", "      ", columns));
    }
    lines
}

fn example(message: &str, indent: usize, columns: usize) -> Vec<Line> {
    let room = columns.saturating_sub(indent);
    let clean = Paint::Plain.on(message);
    let mut rows = wrap(clean.text(), room);
    if rows.len() > EXAMPLE {
        let rest = rows[EXAMPLE - 1..].join(" ");
        rows.truncate(EXAMPLE - 1);
        rows.push(fit(&rest, room));
    }
    rows.into_iter()
        .map(|row| Line::new().with(" ".repeat(indent)).with(row))
        .collect()
}

fn indented(text: &str, first: &str, rest: &str, columns: usize) -> Vec<Line> {
    let clean = Paint::Plain.on(text);
    let rows = wrap(clean.text(), columns.saturating_sub(first.chars().count()));
    let indents = std::iter::once(first).chain(std::iter::repeat(rest));
    rows.into_iter()
        .zip(indents)
        .map(|(row, indent)| Line::new().with(indent).with(row))
        .collect()
}
