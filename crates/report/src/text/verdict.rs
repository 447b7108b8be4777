//! The verdict with its reason, and the thresholds that it rests on.

use super::style::{Line, NO_BREAK, Paint, fit, width, wrap};
use super::table::Table;
use super::{heading, units};
use loadgen_stats::{Again, Judged, Offset, Rate, StopReason, Summary, Unit, Verdict, Warning};
use std::time::Duration;

/// What stands before a remark on a threshold.
const REMARK: &str = "    ";

/// How a threshold stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// It does not hold.
    Broken,
    /// It cannot be told.
    Unsure,
    /// A signal, or the end of the run, came before there was anything to judge.
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
        (false, _) if is_unseen(summary, judged) => Standing::Unsure,
        (false, _) => Standing::NotJudged,
        (true, false) if judged.is_open() => Standing::Unsure,
        (true, false) => Standing::Broken,
        (true, true) if doubtful && (judged.too_few.is_some() || judged.may_flatter) => {
            Standing::Unsure
        }
        (true, true) => Standing::Held,
    }
}

/// Whether nobody looked at the threshold, in a run that nothing cut short.
fn is_unseen(summary: &Summary, judged: &Judged) -> bool {
    judged.needs.is_some() && summary.stop_reason == StopReason::Completed
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
    for (row, judged) in table.lines(columns).into_iter().zip(&summary.thresholds) {
        lines.push(row);
        let remark = remark(judged).unwrap_or_default();
        let rows = wrap(
            Paint::Plain.on(remark).text(),
            columns.saturating_sub(REMARK.len()),
        );
        let rows = rows.into_iter().filter(|row| !row.is_empty());
        lines.extend(rows.map(|row| Line::new().with(REMARK).with(Paint::Dim.on(row))));
    }
    lines
}

/// What is to be said of a threshold besides what was observed: when, and how far it is to be believed.
pub(crate) fn remark(judged: &Judged) -> Option<String> {
    let seconds = |offset: Offset| units::span(offset.as_secs_f64());
    let mut parts = Vec::new();
    if let Some(needs) = judged.needs {
        let needs = units::span(needs.as_secs_f64());
        parts.push(format!("the run was measured for less than {needs}"));
    }
    if let Some((from, until)) = judged.window {
        let length = units::span(until.since(from).as_secs_f64());
        parts.push(format!("the worst {length} began at {}", seconds(from)));
    }
    parts.extend(
        judged
            .stopped_at
            .map(|at| format!("stopped the run at {}", seconds(at))),
    );
    parts.extend(judged.again.map(|again| judged_again(judged, again)));
    if judged.may_flatter {
        let flatters =
            "may flatter: a generator that is late or busy spares the service in a closed load";
        parts.push(flatters.to_owned());
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// What came of judging it without the windows in which the generator was late or busy.
fn judged_again(judged: &Judged, again: Again) -> String {
    let length = units::span(again.length.as_secs_f64());
    let seen = match again.observed {
        Some(value) => number(value, judged.unit),
        None => "no sample".to_owned(),
    };
    if again.without_late {
        let besides = format!("{seen} besides what it was late with");
        return match again.fails {
            true => format!("it fails without the generator's part too: {besides}"),
            false => format!("the generator was late, and is to blame: {besides}"),
        };
    }
    if again.length < Duration::from_secs(1) {
        return "the generator was late or busy, and never kept up for a whole second".to_owned();
    }
    let kept_up = format!("{seen} in the {length} in which the generator kept up");
    if again.fails {
        return format!("it fails without the generator's part too: {kept_up}");
    }
    match again.tells() {
        false => format!("the generator was late or busy: {kept_up}, too little to tell"),
        true => format!("the generator was late or busy, and may be to blame: {kept_up}"),
    }
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
        .filter(|threshold| threshold.failed());
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
    let early = first(|warning| matches!(warning, Warning::LogEndsEarly { .. }));
    let open = summary.thresholds.iter().find(|one| one.is_open());
    if let (None, Some(open)) = (early, open) {
        let (metric, was) = (fit(&open.metric, 48), observed(open));
        let remark = remark(open).unwrap_or_default();
        return format!("{metric} {} was {was}; {remark}", open.expression);
    }
    let unseen = summary
        .thresholds
        .iter()
        .find(|one| is_unseen(summary, one));
    if let (None, Some(unseen)) = (early, unseen) {
        let remark = remark(unseen).unwrap_or_default();
        let (metric, expression) = (fit(&unseen.metric, 48), &unseen.expression);
        return format!("{metric} {expression} was not judged: {remark}");
    }
    let few = || first(|warning| matches!(warning, Warning::TooFewSamples { .. }));
    early
        .or_else(few)
        .map(Warning::message)
        .or_else(|| summary.thresholds.iter().find_map(remark))
        .or_else(|| summary.warnings.first().map(Warning::message))
        .unwrap_or_else(|| "it cannot be told".to_owned())
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
    let shown = number(value, judged.unit);
    let rough = if judged.rough { "~" } else { "" };
    let at_least = if judged.at_least { "≥" } else { "" };
    format!("{rough}{at_least}{shown}")
}

fn number(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Milliseconds => {
            units::time(Duration::try_from_secs_f64(value / 1000.0).unwrap_or(Duration::MAX))
        }
        Unit::Percent => units::percent(value / 100.0),
        Unit::Bytes => units::bytes(value.max(0.0) as u64),
        Unit::PerSecond => units::rate(value),
        Unit::Count => units::count(value.round() as u64),
    }
}

fn length(summary: &Summary) -> String {
    units::span(summary.duration.as_secs_f64()).replace(' ', NO_BREAK.to_string().as_str())
}
