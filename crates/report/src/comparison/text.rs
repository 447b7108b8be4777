//! A comparison as text: at most 80 columns, the verdict first, the worst rows before the others.

use crate::text::style::{Line, NO_BREAK, Paint, Span, width, wrap};
use crate::text::table::Table;
use crate::text::{heading, units};
use loadgen_stats::{
    Change, ComparedRow, Comparison, Interval, Method, Outcome, RunFacts, Statistic, Unit,
};
use std::io::{self, Write};
use std::time::Duration;

/// No line is longer.
const COLUMNS: usize = 80;

/// What rows without any tag are about.
const WHOLE: &str = "the whole run";
/// What stands before a part of the run.
const PART: &str = "  ";

/// Larger changes, in percent, are only said to be larger.
const MOST: f64 = 999.0;

/// Writes a comparison as text.
///
/// # Errors
///
/// Where `out` fails.
pub fn write_comparison(
    mut out: impl Write,
    comparison: &Comparison,
    color: bool,
) -> io::Result<()> {
    let sections = [
        verdict(comparison, COLUMNS),
        runs(comparison),
        rows(comparison),
        remarks(comparison),
    ];
    let mut text = String::new();
    for section in sections.iter().filter(|section| !section.is_empty()) {
        if !text.is_empty() {
            text.push('\n');
        }
        for line in section {
            line.render(COLUMNS, color, &mut text);
        }
    }
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes the verdict of a comparison and its reason as one line, however long.
///
/// # Errors
///
/// Where `out` fails.
pub fn write_comparison_verdict(
    mut out: impl Write,
    comparison: &Comparison,
    color: bool,
) -> io::Result<()> {
    let mut text = String::new();
    for line in verdict(comparison, usize::MAX) {
        line.render(usize::MAX, color, &mut text);
    }
    out.write_all(text.as_bytes())?;
    out.flush()
}

const fn sign(change: Change) -> (&'static str, Paint) {
    match change {
        Change::Worse => ("✗", Paint::BoldRed),
        Change::Unclear => ("?", Paint::BoldYellow),
        Change::Better => ("✓", Paint::BoldGreen),
        Change::Same => ("=", Paint::Dim),
    }
}

fn verdict(comparison: &Comparison, columns: usize) -> Vec<Line> {
    let (sign, paint) = match comparison.verdict {
        Change::Same => ("=", Paint::BoldGreen),
        other => sign(other),
    };
    let word = format!("{sign} {}", comparison.verdict.name());
    let indent = width(&word) + 2;
    let mut wrapped = wrap(&reason(comparison), columns.saturating_sub(indent)).into_iter();
    let first = wrapped.next().unwrap_or_default();
    let mut lines = vec![Line::new().with(paint.on(word)).with("  ").with(first)];
    lines.extend(wrapped.map(|row| Line::new().with(" ".repeat(indent)).with(row)));
    lines
}

pub(super) fn reason(comparison: &Comparison) -> String {
    let all = comparison.rows.len();
    let worst = comparison.rows.first().map(changed).unwrap_or_default();
    let forced = if comparison.objections.is_empty() {
        ""
    } else {
        "; compared by force"
    };
    let deciding = comparison.rows.iter().filter(|row| row.decides).count();
    let told = match comparison.verdict {
        Change::Worse => format!(
            "{} of {all} rows worse, most of all {worst}",
            comparison.count(Change::Worse)
        ),
        Change::Unclear => match comparison.rows.iter().filter(|row| is_doubted(row)).count() {
            0 => format!(
                "{deciding} of {all} rows may be worse by more than their tolerance, as {worst}"
            ),
            doubted => {
                let row = comparison.rows.iter().find(|row| is_doubted(row));
                let row = row.map(changed).unwrap_or_default();
                format!(
                    "{doubted} of {all} rows look worse, but not where the generator kept up, as {row}"
                )
            }
        },
        Change::Better => {
            let better = comparison
                .rows
                .iter()
                .find(|row| row.verdict == Change::Better);
            let best = better.map(changed).unwrap_or_default();
            format!(
                "{} of {all} rows better, none worse; most of all {best}",
                comparison.count(Change::Better)
            )
        }
        Change::Same => match comparison.count(Change::Unclear) {
            _ if comparison.rows.iter().any(|row| row.doubtful) => {
                let doubted = comparison.rows.iter().filter(|row| row.doubtful);
                let row = doubted.clone().next().map(changed).unwrap_or_default();
                format!(
                    "none of {all} rows is worse; {} look better, but not where the generator kept up, as {row}",
                    doubted.count()
                )
            }
            0 => format!("none of {all} rows changed by more than its tolerance"),
            unclear => format!(
                "none of {all} rows is worse by more than its tolerance; {unclear} cannot be told"
            ),
        },
    };
    told + forced
}

/// Whether a row would be worse, were it not for the generator.
const fn is_doubted(row: &ComparedRow) -> bool {
    row.doubtful && row.decides
}

/// A row in words: `ttft p95 312 ms → 355 ms (+13.8%)`.
fn changed(row: &ComparedRow) -> String {
    let keep = |text: String| text.replace(' ', &NO_BREAK.to_string());
    format!(
        "{} {} → {} ({})",
        row.name(),
        keep(value(row, row.base)),
        keep(value(row, row.current)),
        keep(change(row, row.change)),
    )
}

fn runs(comparison: &Comparison) -> Vec<Line> {
    let mut table = Table::of_texts(2);
    let sides = [("base", &comparison.base), ("current", &comparison.current)];
    for (side, runs) in sides {
        for (place, run) in runs.iter().enumerate() {
            let side = if place == 0 { side } else { "" };
            let cells: [Span; 3] = [
                Paint::Dim.on(side),
                run.label.as_str().into(),
                about(run).into(),
            ];
            table.row(0, cells);
        }
    }
    table.lines(COLUMNS)
}

fn about(run: &RunFacts) -> String {
    format!(
        "{}, {}",
        units::span(run.measured.as_secs_f64()),
        run.started_at
    )
}

/// So many rows of each kind are shown; every row that is worse is. Of those that stayed the same a few statistics will do.
const fn shown(row: &ComparedRow) -> usize {
    match (row.verdict, row.decides, row.statistic) {
        (Change::Worse, ..) => usize::MAX,
        (Change::Unclear, true, _) => 12,
        (Change::Unclear, false, _) => 4,
        (Change::Better, ..) => 8,
        (Change::Same, _, Statistic::P50 | Statistic::P95 | Statistic::Rate) => 12,
        (Change::Same, ..) => 0,
    }
}

fn rows(comparison: &Comparison) -> Vec<Line> {
    let mut table = Table::of_texts(2);
    let heads = ["", "base", "current", "change", "95% interval"].map(|head| Paint::Dim.on(head));
    table.head([heading("Rows")].into_iter().chain(heads));
    let alike = |one: &ComparedRow, other: &ComparedRow| {
        (one.verdict, one.decides) == (other.verdict, other.decides)
    };
    let (mut left_out, mut parts) = (0, Vec::new());
    for group in comparison.rows.chunk_by(alike) {
        let mut count = 0;
        let is_shown = |row: &&ComparedRow| {
            let shown = count < shown(row);
            count += usize::from(shown);
            shown
        };
        let rows: Vec<&ComparedRow> = group.iter().filter(is_shown).collect();
        left_out += group.len() - rows.len();
        for row in by_part(&rows) {
            parts.push(part(row));
            table.signed_row(signed(row.verdict, sign(row.verdict).0), cells(row));
        }
    }
    let mut lines = under_parts(table.lines(COLUMNS), &parts);
    if left_out > 0 {
        let told =
            format!("    … and {left_out} more, none of them worse (all with --out json=PATH)");
        lines.push(Line::new().with(Paint::Dim.on(told)));
    }
    lines
}

/// The same rows, those of one part together; the first of each part in their order.
fn by_part<'a>(rows: &[&'a ComparedRow]) -> Vec<&'a ComparedRow> {
    let first = |row: &ComparedRow| rows.iter().position(|other| part(other) == part(row));
    let mut sorted = rows.to_vec();
    sorted.sort_by_key(|row| first(row));
    sorted
}

/// What of the run a row is about, in words.
fn part(row: &ComparedRow) -> String {
    let tags = [
        ("scenario", row.subject.scenario.as_deref()),
        ("step", row.subject.step.as_deref()),
        ("outcome", row.subject.outcome.map(Outcome::name)),
    ];
    let told: Vec<String> = tags
        .into_iter()
        .filter_map(|(tag, value)| Some(format!("{tag} {}", value?)))
        .collect();
    match told.is_empty() {
        true => WHOLE.to_owned(),
        false => told.join(", "),
    }
}

/// Puts a line with its part above the rows of each; the first line is the head. One part needs none.
fn under_parts(lines: Vec<Line>, parts: &[String]) -> Vec<Line> {
    let mut lines = lines.into_iter();
    let mut told: Vec<Line> = lines.next().into_iter().collect();
    let plain = parts.iter().all(|part| part == WHOLE);
    let mut before: Option<&String> = None;
    for (line, part) in lines.zip(parts) {
        if !plain && before != Some(part) {
            let shown = Paint::Dim.on(part.as_str()).fit(COLUMNS - PART.len());
            told.push(Line::new().with(PART).with(shown));
        }
        before = Some(part);
        told.push(line);
    }
    told
}

fn cells(row: &ComparedRow) -> [Span; 6] {
    let change = change(row, row.change);
    [
        row.subject.metric.name().into(),
        row.statistic.name().into(),
        value(row, row.base).into(),
        value(row, row.current).into(),
        if row.verdict == Change::Same {
            change.into()
        } else {
            signed(row.verdict, &change)
        },
        interval(row).into(),
    ]
}

fn signed(verdict: Change, text: &str) -> Span {
    sign(verdict).1.on(text)
}

/// A number of a side, with its marks.
pub(super) fn value(row: &ComparedRow, value: f64) -> String {
    let told = match row.unit {
        Unit::Milliseconds => {
            let time = Duration::try_from_secs_f64(value / 1e3).unwrap_or_default();
            units::time(time)
        }
        Unit::Percent => units::percent(value / 100.0),
        Unit::Bytes => units::bytes(value.max(0.0) as u64),
        Unit::PerSecond => units::short_rate(value),
        Unit::Count => units::three_digits(value),
    };
    let rough = if row.rough { "~" } else { "" };
    let at_least = if row.at_least { "≥" } else { "" };
    format!("{rough}{at_least}{told}")
}

/// A change with its sign and unit.
pub(super) fn change(row: &ComparedRow, change: f64) -> String {
    let (number, unit) = split(row, change);
    format!("{number}{unit}")
}

fn split(row: &ComparedRow, change: f64) -> (String, &'static str) {
    let (change, unit) = match (row.relative, row.unit) {
        (true, _) => (change * 100.0, "%"),
        (false, Unit::Percent) => (change, " pp"),
        (false, Unit::Milliseconds) => (change, " ms"),
        (false, Unit::PerSecond) => (change, "/s"),
        (false, Unit::Count) => (change, ""),
        (false, Unit::Bytes) => (change, " bytes"),
    };
    // A change that rounds to nothing has no sign.
    let digits = if row.relative { 1 } else { 2 };
    let number = match format!("{change:+.digits$}") {
        _ if row.relative && change >= MOST => format!(">+{MOST:.0}"),
        zero if zero
            .trim_start_matches(['+', '-'])
            .bytes()
            .all(|byte| matches!(byte, b'0' | b'.')) =>
        {
            format!("{:.digits$}", 0.0)
        }
        number => number.replace('-', "−"),
    };
    (number, unit)
}

pub(super) fn interval(row: &ComparedRow) -> String {
    match row.interval {
        Some(Interval { low, high }) => {
            let (low, _) = split(row, low);
            let (high, unit) = split(row, high);
            format!("{low} … {high}{unit}")
        }
        None => "not known".to_owned(),
    }
}

fn remarks(comparison: &Comparison) -> Vec<Line> {
    let mut remarks = vec![(Paint::Dim, "method".to_owned(), method(comparison))];
    if comparison.verdict == Change::Unclear {
        remarks.push((Paint::Yellow, "to be sure".to_owned(), advice(comparison)));
    }
    let forced = comparison
        .objections
        .iter()
        .map(|objection| ("by force", objection.to_string()));
    let cautions = comparison
        .cautions
        .iter()
        .map(|caution| ("caution", caution.to_string()));
    remarks.extend(
        forced
            .chain(cautions)
            .map(|(label, text)| (Paint::Yellow, label.to_owned(), text)),
    );
    let mut lines = Vec::new();
    for (paint, label, text) in remarks {
        const LABEL: usize = 12;
        let mut label = paint.on(label).pad(LABEL, false);
        for row in wrap(&text, COLUMNS - LABEL - 2) {
            lines.push(Line::new().with("  ").with(label).with(row));
            label = Span::from("").pad(LABEL, false);
        }
    }
    lines
}

fn method(comparison: &Comparison) -> String {
    let rows = comparison.rows.len();
    let drawn = match comparison.method {
        Method::Windows => "the windows of each run drawn again and again in blocks".to_owned(),
        Method::Runs { paired } => format!(
            "{} and {} runs{}",
            comparison.base.len(),
            comparison.current.len(),
            if paired {
                ", which took turns, in pairs"
            } else {
                ""
            }
        ),
    };
    format!("{drawn}; verdicts allow for chance among {rows} rows")
}

/// What would settle what is unclear.
pub(super) fn advice(comparison: &Comparison) -> String {
    let deciding = || comparison.rows.iter().filter(|row| row.decides);
    let longest = comparison
        .base
        .iter()
        .chain(&comparison.current)
        .map(|run| run.measured)
        .max();
    let seconds = longest.unwrap_or_default().as_secs_f64();
    if deciding().any(is_doubted) {
        return "run again with a generator that has time to spare: on a quieter machine, or from another than the target's".to_owned();
    }
    let more = match (comparison.longer, comparison.method) {
        (None, _) if deciding().any(|row| row.interval.is_none()) => {
            "run longer: half a minute on each side is the least that tells anything".to_owned()
        }
        (None, _) => {
            "no reasonable length would settle it: a change is about as large as its tolerance, or chance too large".to_owned()
        }
        (Some(times), Method::Windows) => format!(
            "run about {} on each side, {times:.1} times as long",
            units::span((seconds * times).ceil()),
        ),
        (Some(times), Method::Runs { .. }) => {
            let runs = comparison.base.len().max(comparison.current.len()) as f64 * times;
            format!("make about {} runs on each side", runs.ceil())
        }
    };
    let widest = deciding()
        .filter(|row| row.relative)
        .filter_map(|row| row.interval);
    let widest = widest
        .map(|interval| interval.high.max(-interval.low))
        .fold(0.0, f64::max);
    if deciding().all(|row| row.relative && row.interval.is_some()) && widest < 1.0 {
        let percent = (widest * 100.0).ceil();
        format!("{more}; or accept what these tell: --tolerance {percent}%")
    } else {
        more
    }
}
