//! Reads `metric{tag=value,…}`.

mod turns;

use super::{ThresholdPlace, ThresholdProblem};
use crate::spelling::nearest;
use crate::{
    Counter, DropReason, ErrorKind, Layout, Metric, Outcome, Rate, ScenarioIndex, Selection,
    StepIndex, StepLayout, StepRole, Trend,
};
use std::ops::Range;
use turns::{TURN, narrow_turns};

const ONLY_STREAMS: &str = "only streams have it: add `stream` to a step";
const ONLY_GROUPS: &str = "only groups have it: add `group` to a step with steps inside";
const GROUPS_ONLY: &str = "a group has `group_duration` only";
const ONLY_LIMITED: &str = "only requests with limits have it: add `[slo]`";

/// Why a selector could not be read, and the metric if at least that is known.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) metric: Option<Metric>,
    pub(super) problems: Vec<ThresholdProblem>,
}

/// `tag=value` with its place.
struct Tag<'a> {
    name: &'a str,
    name_span: Range<usize>,
    value: &'a str,
    value_span: Range<usize>,
}

/// Reads the metric and the part of it that is meant.
pub(super) fn parse(text: &str, layout: &Layout) -> Result<(Metric, Selection), Failed> {
    let brace = text.find('{').unwrap_or(text.len());
    let mut problems = Vec::new();
    let metric = name(&text[..brace], layout, &mut problems);
    let mut selection = Selection::default();
    let mut seen: Vec<&str> = Vec::new();
    let tags = tags(text, brace, &mut problems);
    for tag in &tags {
        if seen.contains(&tag.name) {
            problems.push(problem(
                tag.name_span.clone(),
                format!("tag `{}` is given twice", tag.name),
                None,
            ));
        } else if metric.is_none_or(|metric| allowed(metric, tag, &mut problems)) {
            set(&mut selection, tag, layout, &mut problems);
        }
        seen.push(tag.name);
    }
    let turn = tags.iter().find(|tag| tag.name == TURN);
    let has_turns = metric.is_none_or(|metric| tag_names(metric).contains(&TURN));
    if let Some(turn) = turn.filter(|_| has_turns) {
        narrow_turns(&mut selection, turn, layout, &mut problems);
    }
    narrow_steps(&mut selection, text, brace, layout, &mut problems);
    exclude_status_with_outcome(&selection, brace..text.len(), metric, &mut problems);
    if let Some(metric) = metric.filter(|_| problems.is_empty()) {
        let of_step = tags.iter().find(|tag| tag.name == "step");
        let of_scenario = || tags.iter().find(|tag| tag.name == "scenario");
        let name = trimmed(&text[..brace], 0);
        let part = of_step.or_else(of_scenario);
        problems.extend(never_measured(metric, name, &selection, layout, part));
    }
    match metric {
        Some(metric) if problems.is_empty() => Ok((metric, selection)),
        metric => Err(Failed { metric, problems }),
    }
}

fn name(text: &str, layout: &Layout, problems: &mut Vec<ThresholdProblem>) -> Option<Metric> {
    let span = trimmed(text, 0);
    let name = &text[span.clone()];
    if name == "probe" || name.starts_with("probe.") {
        return probe(name, span, layout, problems);
    }
    let metric = Metric::from_name(name);
    if metric.is_none() {
        let names: Vec<&str> = Metric::all().map(Metric::name).collect();
        let help = match nearest(name, names.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => metrics_like(name, &names),
        };
        let message = if name.is_empty() {
            "a metric is missing".into()
        } else {
            format!("unknown metric `{name}`")
        };
        problems.push(problem(span, message, Some(help)));
    }
    metric
}

fn probe(
    name: &str,
    span: Range<usize>,
    layout: &Layout,
    problems: &mut Vec<ThresholdProblem>,
) -> Option<Metric> {
    let found = layout.probe(name);
    if found.is_none() {
        let names: Vec<String> = layout
            .probes
            .iter()
            .map(|probe| format!("probe.{}", probe.name))
            .collect();
        let near = nearest(name, names.iter().map(String::as_str));
        let help = match (near, names.is_empty()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, true) => "the file has no [[probe]]".to_owned(),
            (None, false) => format!("the probes are {}", names.join(", ")),
        };
        problems.push(problem(span, format!("unknown probe `{name}`"), Some(help)));
    }
    found.map(Metric::Probe)
}

/// What to write in the place of a name that no metric is near to: those that it is a part of, else the usual ones.
fn metrics_like(name: &str, names: &[&str]) -> String {
    let like: Vec<String> = names
        .iter()
        .filter(|known| name.len() > 2 && known.contains(name))
        .map(|known| format!("`{known}`"))
        .collect();
    match like.is_empty() {
        true => {
            "such as `http_req_duration`, `http_req_failed`, `http_reqs`, `checks`, `ttft` or `itl`"
                .to_owned()
        }
        false => format!("did you mean {}?", like.join(" or ")),
    }
}

/// The tags between the braces that begin at `brace`.
fn tags<'a>(text: &'a str, brace: usize, problems: &mut Vec<ThresholdProblem>) -> Vec<Tag<'a>> {
    if brace == text.len() {
        return Vec::new();
    }
    let whole = trimmed(text, 0);
    let Some(inner) = text[brace + 1..whole.end].strip_suffix('}') else {
        let help = Some("write `metric{tag=value}`".to_owned());
        problems.push(problem(
            brace..whole.end,
            "the braces are not closed".to_owned(),
            help,
        ));
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut start = brace + 1;
    for part in tag_parts(inner) {
        let span = trimmed(part, start);
        start += part.len() + 1;
        if let Some((name, value)) = text[span.clone()].split_once('=') {
            let value_start = span.start + name.len() + 1;
            let (name_span, value_span) = (trimmed(name, span.start), trimmed(value, value_start));
            let value_span = unquoted(text, value_span);
            found.push(Tag {
                name: &text[name_span.clone()],
                name_span,
                value: &text[value_span.clone()],
                value_span,
            });
        } else {
            let help = text[span.clone()].split_once(':').map_or_else(
                || "write `tag=value`, such as `step=chat`".to_owned(),
                |(name, value)| format!("write `{}={}`", name.trim(), value.trim()),
            );
            let message = if span.is_empty() {
                "a tag is missing"
            } else {
                "this is no tag with a value"
            };
            problems.push(problem(span, message.to_owned(), Some(help)));
        }
    }
    found
}

/// What commas part, but for those in quotes; a quote opens behind `=` and closes before a comma or at the end.
pub(crate) fn tag_parts(inner: &str) -> Vec<&str> {
    let (mut parts, mut from, mut quote) = (Vec::new(), 0, None);
    for (at, letter) in inner.char_indices() {
        let (before, behind) = (
            inner[..at].trim_end(),
            inner[at + letter.len_utf8()..].trim_start(),
        );
        match (quote, letter) {
            (None, '"' | '\'') if before.ends_with('=') => quote = Some(letter),
            (Some(open), _) if open == letter && (behind.is_empty() || behind.starts_with(',')) => {
                quote = None;
            }
            (None, ',') => {
                parts.push(&inner[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    // A quote that nothing closes is a letter like any.
    if quote.is_some() {
        return inner.split(',').collect();
    }
    parts.push(&inner[from..]);
    parts
}

/// The tags that a metric has.
const fn tag_names(metric: Metric) -> &'static [&'static str] {
    match metric {
        Metric::Trend(Trend::RateLimitWait) => &["scenario", "step"],
        Metric::Trend(Trend::Itl) => &["scenario", "step", TURN],
        Metric::Trend(Trend::IterationDuration) => &["scenario", "outcome"],
        Metric::Trend(Trend::GroupDuration) => &["scenario", "step", "outcome"],
        Metric::Trend(_) => &["scenario", "step", TURN, "outcome", "status"],
        Metric::Counter(Counter::DroppedIterations) => &["scenario", "reason"],
        Metric::Counter(counter) if counter.is_of_iterations() => &["scenario"],
        Metric::Counter(_) | Metric::Rate(_) => &["scenario", "step", TURN, "status", "error"],
        Metric::Gauge(_) | Metric::Probe(_) => &[],
    }
}

fn allowed(metric: Metric, tag: &Tag<'_>, problems: &mut Vec<ThresholdProblem>) -> bool {
    let names = tag_names(metric);
    if names.contains(&tag.name) {
        return true;
    }
    let help = match nearest(tag.name, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if names.is_empty() => "it has no tags".to_owned(),
        None => format!("its tags are {}", names.join(", ")),
    };
    let message = format!("`{}` has no tag `{}`", metric.name(), tag.name);
    problems.push(problem(tag.name_span.clone(), message, Some(help)));
    false
}

fn set(
    selection: &mut Selection,
    tag: &Tag<'_>,
    layout: &Layout,
    problems: &mut Vec<ThresholdProblem>,
) {
    match tag.name {
        "scenario" => {
            let names = layout
                .scenarios
                .iter()
                .map(|scenario| scenario.name.as_str());
            let place = names.clone().position(|name| name == tag.value);
            selection.scenario = place.map(ScenarioIndex);
            expect(place.is_some(), tag, "scenario", names, problems);
        }
        "step" => {
            let names = layout.steps.iter().map(|step| step.name.as_str());
            let named = names
                .clone()
                .enumerate()
                .filter(|&(_, name)| name == tag.value);
            let steps: Vec<StepIndex> = named.map(|(place, _)| StepIndex(place)).collect();
            expect(!steps.is_empty(), tag, "step", names, problems);
            selection.steps = Some(steps);
        }
        "outcome" => {
            let all = Outcome::ALL.map(Outcome::name);
            selection.outcome = Outcome::from_name(tag.value);
            expect(selection.outcome.is_some(), tag, "outcome", all, problems);
        }
        "reason" => {
            let all = DropReason::ALL.map(DropReason::name);
            selection.reason = DropReason::from_name(tag.value);
            expect(selection.reason.is_some(), tag, "reason", all, problems);
        }
        "error" => {
            let all = ErrorKind::ALL.map(ErrorKind::name);
            selection.error = ErrorKind::from_name(tag.value);
            expect(selection.error.is_some(), tag, "error kind", all, problems);
        }
        "status" => {
            selection.status = tag
                .value
                .parse()
                .ok()
                .filter(|status| (100..1000).contains(status));
            if selection.status.is_none() {
                let message = format!("`{}` is no HTTP status", tag.value);
                let help = Some("write three digits, such as 200".to_owned());
                problems.push(problem(tag.value_span.clone(), message, help));
            }
        }
        // The turn goes with the step, whichever of them stands first. Others are only reached where the metric is not
        // known, so that its tags are not either.
        _ => {}
    }
}

fn expect<'a>(
    found: bool,
    tag: &Tag<'_>,
    what: &str,
    names: impl IntoIterator<Item = &'a str>,
    problems: &mut Vec<ThresholdProblem>,
) {
    if !found {
        let names: Vec<&str> = names.into_iter().collect();
        let help = match nearest(tag.value, names.iter().copied()) {
            Some(name) => Some(format!("did you mean `{name}`?")),
            None => candidates(what, &names),
        };
        problems.push(problem(
            tag.value_span.clone(),
            format!("unknown {what} `{}`", tag.value),
            help,
        ));
    }
}

/// What there is to choose from, as far as a line holds it.
fn candidates(what: &str, names: &[&str]) -> Option<String> {
    const MOST: usize = 8;
    match names {
        [] => None,
        [only] => Some(format!("the only {what} is `{only}`")),
        names => {
            let mut shown: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            shown.dedup();
            let more = if shown.len() > MOST { ", …" } else { "" };
            shown.truncate(MOST);
            Some(format!("there are {}{more}", shown.join(", ")))
        }
    }
}

/// Keeps only the steps of the scenario, where both are given.
fn narrow_steps(
    selection: &mut Selection,
    text: &str,
    brace: usize,
    layout: &Layout,
    problems: &mut Vec<ThresholdProblem>,
) {
    let (Some(scenario), Some(steps)) = (selection.scenario, &mut selection.steps) else {
        return;
    };
    let had_some = !steps.is_empty();
    steps.retain(|step| {
        layout
            .steps
            .get(step.0)
            .is_some_and(|step| step.scenario == scenario)
    });
    if had_some && steps.is_empty() {
        let message = "the scenario has no such step".to_owned();
        problems.push(problem(brace..trimmed(text, 0).end, message, None));
    }
}

fn exclude_status_with_outcome(
    selection: &Selection,
    span: Range<usize>,
    metric: Option<Metric>,
    problems: &mut Vec<ThresholdProblem>,
) {
    if matches!(metric, Some(Metric::Trend(_)))
        && selection.status.is_some()
        && selection.outcome.is_some()
    {
        let help = Some("keep one of the two".to_owned());
        problems.push(problem(
            span,
            "a trend is selected by status or by outcome, not by both".to_owned(),
            help,
        ));
    }
}

/// Tells a metric that no selected step can have: it would stay without a sample, and fail.
fn never_measured(
    metric: Metric,
    name_span: Range<usize>,
    selection: &Selection,
    layout: &Layout,
    part: Option<&Tag<'_>>,
) -> Option<ThresholdProblem> {
    let (can, help): (fn(&StepLayout) -> bool, _) = match metric {
        Metric::Trend(trend) if trend.is_of_streams() => (|step| step.stream, ONLY_STREAMS),
        Metric::Rate(Rate::StreamFailed) => (|step| step.stream, ONLY_STREAMS),
        Metric::Rate(Rate::Goodput) => (|step| !step.slo.is_empty(), ONLY_LIMITED),
        Metric::Trend(Trend::GroupDuration) => (|step| step.role == StepRole::Group, ONLY_GROUPS),
        _ if metric.is_of_iterations() => return None,
        _ => (|step| step.role != StepRole::Group, GROUPS_ONLY),
    };
    let mut steps = layout.steps.iter().enumerate();
    let name = metric.name();
    let (span, message) = if layout.steps.iter().any(can) {
        let is_measured = |(place, step)| selection.has_step(layout, StepIndex(place)) && can(step);
        let part = part.filter(|_| !steps.any(is_measured))?;
        let message = format!("{} `{}` cannot have `{name}`", part.name, part.value);
        (part.value_span.clone(), message)
    } else if layout.steps.is_empty() {
        // Where the steps are not known, nothing is said of them.
        return None;
    } else {
        (name_span, format!("no step can have `{name}`"))
    };
    Some(problem(span, message, Some(help.to_owned())))
}

fn problem(span: Range<usize>, message: String, help: Option<String>) -> ThresholdProblem {
    ThresholdProblem {
        place: ThresholdPlace::Metric,
        span,
        message,
        help,
    }
}

/// Where `part`, which begins at `start`, is without the blanks around it.
fn trimmed(part: &str, start: usize) -> Range<usize> {
    let begin = start + part.len() - part.trim_start().len();
    begin..begin + part.trim().len()
}

fn unquoted(text: &str, span: Range<usize>) -> Range<usize> {
    let value = &text[span.clone()];
    let quoted = value.len() >= 2
        && (value.starts_with('"') && value.ends_with('"')
            || value.starts_with('\'') && value.ends_with('\''));
    if quoted {
        span.start + 1..span.end - 1
    } else {
        span
    }
}

/// A value without the quotes around it.
pub(crate) fn unquoted_text(text: &str) -> &str {
    &text[unquoted(text, 0..text.len())]
}

#[cfg(test)]
mod tests;
