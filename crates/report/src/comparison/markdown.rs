//! A comparison as Markdown, for a comment on a pull request: the worst first, and what stayed the same only counted.

use super::text::{change, interval, reason, value};
use super::{remarks, text};
use crate::markdown::escape::{code, words};
use crate::text::style::NO_BREAK;
use loadgen_stats::{Change, ComparedRow, Comparison, RunFacts};
use std::fmt::Write as _;
use std::io::{self, Write};

/// So many rows are shown.
const MOST: usize = 20;
/// So many of them at most that are better, or unclear without deciding anything.
const FEW: usize = 5;

/// Writes a comparison as Markdown, in GitHub's dialect.
///
/// # Errors
///
/// Where `out` fails.
pub fn write_comparison_markdown(mut out: impl Write, comparison: &Comparison) -> io::Result<()> {
    let name = comparison.current.first().map_or("", |run| &run.name);
    let (sign, verdict) = (sign(comparison.verdict), comparison.verdict.name());
    let head = format!("### {sign} {} {verdict}\n\n", code(name));
    out.write_all((head + &section(comparison)).as_bytes())?;
    out.flush()
}

/// The comparison below a heading: its reason, its rows, what to bear in mind.
pub(crate) fn section(comparison: &Comparison) -> String {
    let mut text = format!("{}\n", words(&told(comparison)));
    let shown: Vec<&ComparedRow> = shown(comparison);
    if !shown.is_empty() {
        text.push_str(
            "\n| | | base | current | change | 95% interval |\n|---|---|---:|---:|---:|---:|\n",
        );
    }
    for row in &shown {
        let change = words(&change(row, row.change));
        let change = match row.verdict {
            Change::Worse => format!("**{change}**"),
            _ => change,
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {change} | {} |",
            sign(row.verdict),
            code(&row.name()),
            words(&value(row, row.base)),
            words(&value(row, row.current)),
            words(&interval(row)),
        );
    }
    let left_out = comparison.rows.len() - shown.len();
    if left_out > 0 {
        let worse = comparison.count(Change::Worse).saturating_sub(MOST);
        let worse = if worse == 0 {
            "none".to_owned()
        } else {
            worse.to_string()
        };
        let more = if shown.is_empty() { "rows" } else { "more" };
        let and = if shown.is_empty() { "" } else { "and " };
        let _ = writeln!(text, "\n{and}{left_out} {more}, {worse} of them worse");
    }
    let remarks: Vec<String> = remarks(comparison)
        .map(|remark| format!("- {}\n", words(&remark)))
        .collect();
    if !remarks.is_empty() {
        let _ = write!(text, "\n{}", remarks.concat());
    }
    let _ = writeln!(text, "\n<sub>{}</sub>", runs(comparison));
    text
}

/// The sign of a verdict.
pub(crate) const fn sign(change: Change) -> &'static str {
    match change {
        Change::Worse => "❌",
        Change::Unclear => "⚠️",
        Change::Better | Change::Same => "✅",
    }
}

/// Why the verdict is as it is, and what would settle it.
pub(crate) fn told(comparison: &Comparison) -> String {
    let mut told = reason(comparison).replace(NO_BREAK, " ");
    if comparison.verdict == Change::Unclear {
        told.push_str("; to be sure: ");
        told.push_str(&text::advice(comparison));
    }
    told
}

/// Those that are worse, those that decide, and a few of the others that did not stay the same.
fn shown(comparison: &Comparison) -> Vec<&ComparedRow> {
    let (mut better, mut unclear) = (0, 0);
    let kept = comparison.rows.iter().filter(|row| match row.verdict {
        Change::Same => false,
        Change::Worse => true,
        Change::Unclear if row.decides => true,
        Change::Unclear => {
            unclear += 1;
            unclear <= FEW
        }
        Change::Better => {
            better += 1;
            better <= FEW
        }
    });
    kept.take(MOST).collect()
}

fn runs(comparison: &Comparison) -> String {
    let labels = |runs: &[RunFacts]| {
        let labels: Vec<String> = runs.iter().take(FEW).map(|run| code(&run.label)).collect();
        let more = match runs.len().saturating_sub(FEW) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        labels.join(", ") + &more
    };
    let (base, current) = (labels(&comparison.base), labels(&comparison.current));
    format!("base {base} · current {current}")
}
