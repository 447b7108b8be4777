//! The verdict with its reason, and the thresholds that it rests on.

use super::style::{Line, NO_BREAK, Paint, fit, width, wrap};
use super::table::Table;
use super::{heading, units};
use loadgen_stats::{Judged, Rate, StopReason, Summary, Unit, Verdict, Warning};
use std::time::Duration;

/// How a threshold stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// It does not hold.
    Broken,
    /// It cannot be told.
    Unsure,
    /// A signal came before there was anything to judge.
    NotJudged,
    /// It holds.
    Held,
}

/// The verdict in one word.
pub(crate) fn word(summary: &Summary) -> &'static str {
    match summary.verdict {
        Verdict::Pass if told_nothing(summary) => "interrupted",
        Verdict::Pass => "passed",
        Verdict::Fail => "failed",
        Verdict::Inconclusive => "inconclusive",
    }
}

/// Why the verdict is as it is, in one line.
pub(crate) fn why(summary: &Summary) -> String {
    reason(summary).replace(NO_BREAK, " ")
}

/// How the threshold stands in this run.
pub(crate) fn standing(summary: &Summary, judged: &Judged) -> Standing {
    let doubtful = summary.verdict == Verdict::Inconclusive;
    match (judged.judged, judged.ok) {
        (false, _) => Standing::NotJudged,
        (true, false) => Standing::Broken,
        (true, true) if doubtful && judged.too_few.is_some() => Standing::Unsure,
        (true, true) => Standing::Held,
    }
}

/// The verdict and its reason: one line, and more where the reason is long.
pub(super) fn lines(summary: &Summary, columns: usize) -> Vec<Line> {
    let (sign, paint) = match summary.verdict {
        Verdict::Pass if told_nothing(summary) => ("–", Paint::BoldYellow),
        Verdict::Pass => ("✓", Paint::BoldGreen),
        Verdict::Fail => ("✗", Paint::BoldRed),
        Verdict::Inconclusive => ("?", Paint::BoldYellow),
    };
    let word = format!("{sign} {}", word(summary));
    let indent = width(&word) + 2;
    let reason = Paint::Plain.on(reason(summary));
    let room = columns.saturating_sub(indent);
    let mut rows = wrap(reason.text(), room).into_iter();
    let first = rows.next().unwrap_or_default();
    let mut lines = vec![Line::new().with(paint.on(word)).with("  ").with(first)];
    // A service's own words may be long; the errors below have room for them.
    lines.extend(
        rows.take(2)
            .map(|row| Line::new().with(" ".repeat(indent)).with(row)),
    );
    lines
}

/// The thresholds with what was observed.
pub(super) fn thresholds(summary: &Summary, columns: usize) -> Vec<Line> {
    if summary.thresholds.is_empty() {
        return Vec::new();
    }
    let mut table = Table::of_texts(2);
    for judged in &summary.thresholds {
        let (sign, paint) = match standing(summary, judged) {
            Standing::NotJudged => ("–", Paint::Dim),
            Standing::Held => ("✓", Paint::Green),
            Standing::Unsure => ("?", Paint::Yellow),
            Standing::Broken => ("✗", Paint::Red),
        };
        let observed = observed(judged);
        table.signed_row(
            paint.on(sign),
            [
                judged.metric.as_str().into(),
                judged.expression.as_str().into(),
                if judged.ok {
                    observed.into()
                } else {
                    paint.on(observed)
                },
            ],
        );
    }
    let mut lines = vec![Line::new().with(heading("Thresholds"))];
    lines.extend(table.lines(columns));
    lines
}

fn reason(summary: &Summary) -> String {
    if summary.verdict == Verdict::Pass && told_nothing(summary) {
        return format!("no request finished in {}", length(summary));
    }
    let reason = match summary.verdict {
        Verdict::Pass => held(summary),
        Verdict::Fail => broken(summary),
        Verdict::Inconclusive => doubtful(summary),
    };
    match summary.stop_reason {
        StopReason::Completed => reason,
        StopReason::Interrupted => format!("{reason}; interrupted after {}", length(summary)),
        StopReason::Threshold => format!(
            "{reason}; a threshold stopped the run after {}",
            length(summary)
        ),
        StopReason::Error => format!(
            "{reason}; an error stopped the run after {}",
            length(summary)
        ),
    }
}

/// Whether the run was interrupted before anything could hold.
fn told_nothing(summary: &Summary) -> bool {
    summary.stop_reason == StopReason::Interrupted
        && summary.metrics.rate(Rate::HttpReqFailed).1 == 0
}

fn held(summary: &Summary) -> String {
    let judged = summary
        .thresholds
        .iter()
        .filter(|threshold| threshold.judged)
        .count();
    let (failed, total) = summary.metrics.rate(Rate::HttpReqFailed);
    let requests = match (total, failed) {
        (0, _) => "no request finished".to_owned(),
        (total, 0) => format!(
            "{}, none failed",
            units::plural(total, "request", "requests")
        ),
        (total, failed) => {
            let share = units::percent(failed as f64 / total as f64);
            format!(
                "{}, {share} failed",
                units::plural(total, "request", "requests")
            )
        }
    };
    match (judged, summary.thresholds.len()) {
        (_, 0) => format!("{requests}; no threshold was set"),
        (0, _) => format!("{requests}; no threshold could be judged"),
        (1, 1) => format!("the threshold holds; {requests}"),
        (judged, all) if judged == all => format!("all {all} thresholds hold; {requests}"),
        (judged, all) => {
            format!("{judged} of {all} thresholds could be judged and hold; {requests}")
        }
    }
}

fn broken(summary: &Summary) -> String {
    if let Some(reason) = &summary.nothing_succeeded {
        return format!("no request succeeded: {reason}");
    }
    let mut failed = summary
        .thresholds
        .iter()
        .filter(|threshold| threshold.judged && !threshold.ok);
    let Some(first) = failed.next() else {
        return "a limit does not hold".to_owned();
    };
    let more = match failed.count() {
        0 => String::new(),
        more => format!(", and {} more", units::count(more as u64)),
    };
    let was = match first.observed {
        Some(_) => format!("was {}", observed(first)),
        None => "has no sample".to_owned(),
    };
    // The comparison comes first where it must be cut.
    format!(
        "{} {} {was}{more}",
        fit(&first.metric, 48),
        first.expression
    )
}

fn doubtful(summary: &Summary) -> String {
    let first = |wanted: fn(&Warning) -> bool| summary.warnings.iter().find(|one| wanted(one));
    // A run that was killed is in doubt for that, whatever else may be said of it.
    first(|warning| matches!(warning, Warning::LogEndsEarly { .. }))
        .or(first(|warning| {
            matches!(warning, Warning::TooFewSamples { .. })
        }))
        .or(summary.warnings.first())
        .map_or_else(|| "it cannot be told".to_owned(), Warning::message)
}

/// What was observed, as a person reads it.
pub(crate) fn observed(judged: &Judged) -> String {
    let Some(value) = judged.observed else {
        return if judged.judged {
            "no sample"
        } else {
            "not judged"
        }
        .to_owned();
    };
    let shown = match judged.unit {
        Unit::Milliseconds => {
            units::time(Duration::try_from_secs_f64(value / 1000.0).unwrap_or(Duration::MAX))
        }
        Unit::Percent => units::percent(value / 100.0),
        Unit::PerSecond => units::rate(value),
        Unit::Count => units::count(value.round() as u64),
    };
    let rough = if judged.rough { "~" } else { "" };
    let at_least = if judged.at_least { "≥" } else { "" };
    format!("{rough}{at_least}{shown}")
}

fn length(summary: &Summary) -> String {
    units::span(summary.duration.as_secs_f64()).replace(' ', NO_BREAK.to_string().as_str())
}
