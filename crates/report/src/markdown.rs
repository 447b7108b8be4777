//! A run as Markdown, for a comment on a pull request or the summary of a CI job: short, the worst first.

pub(crate) mod escape;
mod table;

use crate::text::{plain, units, verdict};
use crate::{Header, Report, comparison, probes};
use escape::{code, words};
use loadgen_stats::{Change, Comparison, Judged, Summary, Verdict};
use std::fmt::Write as _;
use std::io::{self, Write};
use verdict::Standing;

/// So many thresholds and steps are shown.
const MOST: usize = 20;
/// So many kinds of failure are shown.
const KINDS: usize = 5;
/// Characters of the example of a failure.
const EXAMPLE: usize = 200;

/// Writes the run as Markdown, in GitHub's dialect: the verdict, the thresholds, a row for the run and one for each step,
/// the comparison if there is one, the failures and the warnings. In each of them the worst comes first.
///
/// # Errors
///
/// Where `out` fails.
pub fn write_markdown(mut out: impl Write, report: &Report<'_>) -> io::Result<()> {
    let Report {
        header,
        summary,
        comparison,
    } = *report;
    let parts = [
        verdict_line(header, summary, comparison),
        thresholds(summary),
        table::of(header, summary),
        probes::markdown("probe", &probes::of_run(summary)),
        comparison.map(compared).unwrap_or_default(),
        errors(summary),
        warnings(summary),
        origin(header, summary),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    out.write_all(parts.join("\n").as_bytes())?;
    out.flush()
}

/// The sign of a verdict.
fn sign(summary: &Summary) -> &'static str {
    match (summary.verdict, verdict::word(summary)) {
        (Verdict::Pass, "passed") => "✅",
        (Verdict::Fail, _) => "❌",
        _ => "⚠️",
    }
}

fn verdict_line(header: &Header, summary: &Summary, comparison: Option<&Comparison>) -> String {
    let (word, why) = (verdict::word(summary), verdict::why(summary));
    let (sign, compared) = match comparison.map(|comparison| comparison.verdict) {
        Some(Change::Worse) => ("❌", ", and is worse than before"),
        Some(Change::Unclear) if sign(summary) == "✅" => ("⚠️", ", but may be worse than before"),
        _ => (sign(summary), ""),
    };
    format!(
        "### {sign} {} {word}{compared}\n\n{}\n",
        code(&header.name),
        words(&why)
    )
}

fn compared(comparison: &Comparison) -> String {
    let (sign, verdict) = (
        comparison::sign(comparison.verdict),
        comparison.verdict.name(),
    );
    format!(
        "**Comparison: {sign} {verdict}**\n\n{}",
        comparison::section(comparison)
    )
}

fn thresholds(summary: &Summary) -> String {
    let mut sorted: Vec<(Standing, &Judged)> = summary
        .thresholds
        .iter()
        .map(|judged| (verdict::standing(summary, judged), judged))
        .collect();
    sorted.sort_by_key(|&(standing, _)| standing);
    if sorted.is_empty() {
        return String::new();
    }
    let mut text = "| | threshold | limit | observed |\n|---|---|---|---|\n".to_owned();
    for (standing, judged) in sorted.iter().take(MOST) {
        let sign = match standing {
            Standing::Broken => "❌",
            Standing::Unsure => "⚠️",
            Standing::NotJudged => "➖",
            Standing::Held => "✅",
        };
        let observed = words(&verdict::observed(judged));
        let observed = match standing {
            Standing::Broken => format!("**{observed}**"),
            _ => observed,
        };
        let (metric, limit) = (code(&judged.metric), code(&judged.expression));
        // Writing to a string does not fail.
        let _ = writeln!(text, "| {sign} | {metric} | {limit} | {observed} |");
    }
    let more: Vec<_> = sorted
        .iter()
        .skip(MOST)
        .map(|(standing, _)| standing)
        .collect();
    if !more.is_empty() {
        let held = more.iter().all(|standing| **standing == Standing::Held);
        let which = if held { ", all of which hold" } else { "" };
        let _ = writeln!(text, "\nand {} more{which}", more.len());
    }
    text
}

fn errors(summary: &Summary) -> String {
    if summary.errors.is_empty() {
        return String::new();
    }
    let several = summary.scenarios.len() > 1;
    let mut text = "**Errors**\n\n".to_owned();
    for error in summary.errors.iter().take(KINDS) {
        let count = units::count(error.count);
        let step = match several {
            true => format!("{} / {}", code(&error.scenario), code(&error.step)),
            false => code(&error.step),
        };
        let _ = write!(text, "- {count} × {} in {step}", code(error.kind.name()));
        if !error.message.is_empty() {
            let _ = write!(text, ": {}", code(&shortened(&error.message)));
        }
        text.push('\n');
    }
    let more = summary.errors.len().saturating_sub(KINDS);
    if more > 0 {
        let kinds = units::plural(more as u64, "kind", "kinds");
        let _ = writeln!(text, "- and {kinds} more");
    }
    text
}

fn warnings(summary: &Summary) -> String {
    if summary.warnings.is_empty() {
        return String::new();
    }
    let mut text = "**Warnings**\n\n".to_owned();
    for alike in summary
        .warnings
        .chunk_by(|one, next| one.code() == next.code())
    {
        let Some(first) = alike.first() else { continue };
        let messages: Vec<String> = alike
            .iter()
            .take(KINDS)
            .map(|one| words(&one.message()))
            .collect();
        let more = match alike.len().saturating_sub(KINDS) {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        let _ = writeln!(
            text,
            "- {}: {}{more}. *{}*",
            code(first.code()),
            messages.join("; "),
            words(first.advice())
        );
    }
    text
}

/// What was run, where and when.
fn origin(header: &Header, summary: &Summary) -> String {
    let target = match header.target_is_embedded {
        true => Some("the embedded target".to_owned()),
        false => header.shown_target().map(|target| code(&target)),
    };
    let mut parts = vec![words(&header.load)];
    parts.extend(target);
    parts.push(units::span(summary.duration.as_secs_f64()));
    parts.push(format!("from {}", words(&header.started_at)));
    parts.push(format!("seed {}", header.seed));
    parts.push(format!("loadgen {}", words(&header.version)));
    parts.retain(|part| !part.is_empty());
    format!("<sub>{}</sub>\n", parts.join(" · "))
}

fn shortened(message: &str) -> String {
    let clean = plain(message);
    let mut short: String = clean.chars().take(EXAMPLE).collect();
    if short.len() < clean.len() {
        short.push('…');
    }
    short
}
