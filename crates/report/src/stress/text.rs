//! A search as text: the answer first, then the levels, the chart, what the laws say.

use super::{chart, words};
use crate::text::style::{Line, NO_BREAK, Paint, Span, width, wrap};
use crate::text::table::Table;
use crate::text::{COLUMNS, TextOptions, course, heading, labelled, troubles, units};
use crate::{Header, probes};
use loadgen_capacity::{Ended, Level, Stress};
use loadgen_stats::{StopReason, Summary, Verdict};
use std::io::{self, Write};

/// Writes a search as text.
///
/// # Errors
///
/// Where `out` fails.
pub fn write_stress_text(
    mut out: impl Write,
    header: &Header,
    summary: &Summary,
    stress: &Stress,
    options: &TextOptions<'_>,
) -> io::Result<()> {
    let sections = [
        answer(summary, stress, COLUMNS),
        course::opening(header, summary, COLUMNS),
        found(stress, COLUMNS),
        levels(stress, COLUMNS),
        probe_levels(stress, COLUMNS),
        probes::limit_lines(stress, COLUMNS),
        chart::lines(stress, COLUMNS),
        course::lines(header, summary, options.run_log, COLUMNS),
        troubles::errors(summary, COLUMNS),
        troubles::warnings(summary, COLUMNS),
    ];
    out.write_all(rendered(&sections, COLUMNS, options.color).as_bytes())?;
    out.flush()
}

/// Writes the answer of a search as one line, however long.
///
/// # Errors
///
/// Where `out` fails.
pub fn write_stress_verdict(
    mut out: impl Write,
    summary: &Summary,
    stress: &Stress,
    color: bool,
) -> io::Result<()> {
    let sections = [answer(summary, stress, usize::MAX)];
    out.write_all(rendered(&sections, usize::MAX, color).as_bytes())?;
    out.flush()
}

fn rendered(sections: &[Vec<Line>], columns: usize, color: bool) -> String {
    let mut text = String::new();
    for section in sections.iter().filter(|section| !section.is_empty()) {
        if !text.is_empty() {
            text.push('\n');
        }
        for line in section {
            line.render(columns, color, &mut text);
        }
    }
    text
}

fn answer(summary: &Summary, stress: &Stress, columns: usize) -> Vec<Line> {
    let verdict = stress.verdict(summary.stop_reason == StopReason::Interrupted);
    let (sign, paint) = match verdict {
        Verdict::Pass => ("✓", Paint::BoldGreen),
        Verdict::Fail => ("✗", Paint::BoldRed),
        Verdict::Inconclusive => ("?", Paint::BoldYellow),
    };
    let (sign, told) = match (verdict, stress.answer.ended) {
        (Verdict::Pass, Ended::Stopped) => ("–", "unfinished"),
        _ => (sign, words::word(verdict)),
    };
    let word = format!("{sign} {told}");
    let safe = words::safe(stress).map_or_else(String::new, |safe| format!("; safe: {safe}"));
    let sentence = format!("{}{safe}", words::answer(stress));
    let indent = width(&word) + 2;
    let rows = wrap(&sentence, columns.saturating_sub(indent));
    let mut rows = rows.into_iter().map(|row| row.replace(NO_BREAK, " "));
    let first = Line::new()
        .with(paint.on(word))
        .with("  ")
        .with(rows.next().unwrap_or_default());
    let rest = rows.map(|row| Line::new().with(" ".repeat(indent)).with(row));
    std::iter::once(first).chain(rest).collect()
}

/// What was searched and found, beside the answer.
fn found(stress: &Stress, columns: usize) -> Vec<Line> {
    let mut lines = vec![Line::new().with(heading("Search"))];
    lines.extend(prose("levels", &words::search(stress), columns));
    if !stress.limits.is_empty() {
        lines.extend(prose("limits", &stress.limits.join("; "), columns));
    }
    for (label, law) in words::laws(stress) {
        lines.extend(prose(label, &law, columns));
    }
    if let Some(recovery) = words::recovery(stress) {
        lines.extend(prose("recovery", &recovery, columns));
    }
    for remark in words::remarks(stress) {
        lines.extend(prose("note", &remark, columns));
    }
    lines
}

/// A label and a sentence, in as many lines as it takes.
fn prose(label: &str, text: &str, columns: usize) -> Vec<Line> {
    let rows = wrap(text, columns.saturating_sub(18));
    rows.iter()
        .enumerate()
        .flat_map(|(at, row)| {
            labelled(
                if at == 0 { label } else { "" },
                std::slice::from_ref(row),
                columns,
            )
        })
        .collect()
}

fn levels(stress: &Stress, columns: usize) -> Vec<Line> {
    let streams = stress.levels.iter().any(|level| level.ttft_p95.is_some());
    let mut table = Table::new();
    let mut names = vec!["Levels", "req/s", "good/s", "failed", "p50", "p95", "p99"];
    if streams {
        names.extend(["ttft p95", "tok/s"]);
    }
    let bold = |(at, name): (usize, &str)| {
        if at == 0 {
            heading(name)
        } else {
            Paint::Dim.on(name)
        }
    };
    table.head(names.into_iter().enumerate().map(bold));
    for level in &stress.levels {
        table.signed_row(chart::sign(level), row(stress, level, streams));
    }
    let mut lines = table.lines(columns);
    let mut marks: Vec<String> = Vec::new();
    for level in &stress.levels {
        let (mark, what) = words::purpose(level);
        let told = format!("{} {what}", mark.trim());
        if !mark.is_empty() && !marks.contains(&told) {
            marks.push(told);
        }
    }
    if !marks.is_empty() {
        lines.push(
            Line::new()
                .with("  ")
                .with(Paint::Dim.on(marks.join(" · "))),
        );
    }
    lines
}

/// What the probes told at each level, on average: the levels in the order in which they were tried.
fn probe_levels(stress: &Stress, columns: usize) -> Vec<Line> {
    if stress.probes.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new();
    let names = stress
        .probes
        .iter()
        .map(|probe| Paint::Dim.on(probe.name.clone()));
    table.head(std::iter::once(heading("Probes")).chain(names));
    for level in &stress.levels {
        let (again, _) = words::purpose(level);
        let name = format!("{}{again}", words::bare(level.load, stress.unit));
        let told = stress
            .probes
            .iter()
            .zip(&level.probes)
            .map(|(probe, totals)| {
                let mean = totals.mean();
                mean.map_or_else(|| "–".to_owned(), |mean| probes::amount(mean, probe.unit))
            });
        let cells = std::iter::once(name).chain(told).map(Span::from);
        table.signed_row(chart::sign(level), cells);
    }
    table.lines(columns)
}

fn row(stress: &Stress, level: &Level, streams: bool) -> Vec<Span> {
    let per_second = |rate: f64| units::short_rate(rate).trim_end_matches("/s").to_owned();
    let time = |time: Option<std::time::Duration>| time.map_or_else(|| "–".to_owned(), units::time);
    let mark = if level.generator_doubtful { "*" } else { "" };
    let (again, _) = words::purpose(level);
    let name = format!("{}{again}{mark}", words::bare(level.load, stress.unit));
    let mut cells = vec![
        name,
        per_second(level.http_reqs_per_second),
        per_second(level.goodput_per_second),
        units::percent(level.failed),
        time(level.latency[0]),
        time(level.latency[1]),
        time(level.latency[2]),
    ];
    if streams {
        cells.push(time(level.ttft_p95));
        cells.push(
            level
                .tokens_per_second
                .map_or_else(|| "–".to_owned(), per_second),
        );
    }
    cells.into_iter().map(Span::from).collect()
}
