//! What the target used, as its probes tell it: shared by all formats.

pub(crate) mod json;

use crate::markdown::escape::words;
use crate::text::style::{Line, Paint, Span};
use crate::text::table::Table;
use crate::text::{heading, units};
use loadgen_capacity::{Headroom, Stress};
use loadgen_stats::{ProbeLayout, ProbeStatus, ProbeTotals, Summary, Unit};
use std::fmt::Write as _;
use std::time::Duration;

/// A value of a probe with its unit.
pub(crate) fn amount(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Milliseconds => {
            units::time(Duration::try_from_secs_f64(value / 1000.0).unwrap_or_default())
        }
        Unit::Percent => units::percent(value / 100.0),
        Unit::PerSecond => units::rate(value),
        Unit::Count => units::three_digits(value),
        Unit::Bytes => units::bytes(value.max(0.0) as u64),
    }
}

/// The names of further columns of CSV, each behind a comma.
pub(crate) fn csv_names<'a>(probes: impl Iterator<Item = &'a ProbeLayout>) -> String {
    probes
        .map(|probe| format!(",probe.{}", probe.name))
        .collect()
}

/// The means in these columns; empty where a probe told nothing.
pub(crate) fn csv_means(probes: &[ProbeTotals]) -> String {
    let means = probes.iter().map(ProbeTotals::mean);
    means
        .map(|mean| mean.map_or_else(|| ",".to_owned(), |mean| format!(",{mean}")))
        .collect()
}

/// What probes told over the measured part of a run.
pub(crate) fn of_run(summary: &Summary) -> Vec<Headroom<'_>> {
    let probes = summary.probes.iter();
    probes
        .map(|one| Headroom::of(&one.probe, &one.totals))
        .collect()
}

/// The probes of a run as a table of text.
pub(crate) fn run_lines(summary: &Summary, columns: usize) -> Vec<Line> {
    lines("Probes", &of_run(summary), columns)
}

/// What the target used at the highest load that held, as a table of text.
pub(crate) fn limit_lines(stress: &Stress, columns: usize) -> Vec<Line> {
    lines("At the limit", &stress.headroom(), columns)
}

fn lines(title: &str, rows: &[Headroom<'_>], columns: usize) -> Vec<Line> {
    if rows.is_empty() {
        return Vec::new();
    }
    let marked = rows.iter().any(|row| row.status.is_some());
    let mut table = Table::new();
    let mut names = vec!["used", "most"];
    if marked {
        names.extend(["warn", "critical", "available", "status"]);
    }
    let names = names.into_iter().map(|name| Paint::Dim.on(name));
    table.head(std::iter::once(heading(title)).chain(names));
    for row in rows {
        let mut cells = vec![
            Span::from(format!("probe.{}", row.probe.name)),
            told(row, row.used),
            told(row, row.most),
        ];
        if marked {
            cells.extend([
                told(row, row.probe.warn),
                told(row, row.probe.critical),
                told(row, row.available),
                status(row.status),
            ]);
        }
        table.row(0, cells);
    }
    table.lines(columns)
}

fn told(row: &Headroom<'_>, value: Option<f64>) -> Span {
    Span::from(shown(row, value))
}

fn shown(row: &Headroom<'_>, value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| amount(value, row.probe.unit))
}

fn status(status: Option<ProbeStatus>) -> Span {
    match status {
        None => Span::from("–"),
        Some(status @ ProbeStatus::Ok) => Paint::Green.on(status.name()),
        Some(status @ ProbeStatus::Warn) => Paint::Yellow.on(status.name()),
        Some(status @ ProbeStatus::Critical) => Paint::Red.on(status.name()),
    }
}

/// A table in Markdown; empty where there are no probes.
pub(crate) fn markdown(title: &str, rows: &[Headroom<'_>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "| {title} | used | most | warn | critical | available | status |\n|---|--:|--:|--:|--:|--:|---|\n"
    );
    for row in rows {
        let status = match row.status {
            None => "–",
            Some(ProbeStatus::Ok) => "✅ ok",
            Some(ProbeStatus::Warn) => "⚠️ warn",
            Some(ProbeStatus::Critical) => "❌ critical",
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {status} |",
            words(&row.probe.name),
            shown(row, row.used),
            shown(row, row.most),
            shown(row, row.probe.warn),
            shown(row, row.probe.critical),
            shown(row, row.available),
        );
    }
    text
}
