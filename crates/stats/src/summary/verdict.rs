//! Whether a run held its limits.

use super::{ErrorSummary, Material, OutcomeSummary, RunEnd, StopReason, warnings};
use crate::{Counter, Judged, Rate, StepTotals};
use std::{cmp::Reverse, collections::BTreeMap};

/// Whether a run held its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every limit held.
    Pass,
    /// A limit did not hold, or nothing succeeded.
    Fail,
    /// It cannot be told.
    Inconclusive,
}

impl Verdict {
    /// The public name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// The verdict: a limit that failed comes before one that cannot be told.
pub(super) fn of(end: &RunEnd, thresholds: &[Judged], nothing_succeeded: bool) -> Verdict {
    if thresholds.iter().any(Judged::failed) || (nothing_succeeded && !end.allow_all_failed) {
        return Verdict::Fail;
    }
    let unsure = |threshold: &Judged| {
        (threshold.judged && threshold.too_few.is_some()) || threshold.may_flatter
    };
    // A limit that nobody looked at holds no more than one that cannot be told.
    let unseen = |one: &Judged| one.needs.is_some() && end.stop_reason == StopReason::Completed;
    let open = thresholds.iter().any(|one| one.is_open() || unseen(one));
    if open || (end.strict && thresholds.iter().any(unsure)) {
        Verdict::Inconclusive
    } else {
        Verdict::Pass
    }
}

/// Whether the generator was late or busy, so that what failed is not for certain the service's.
pub(super) fn is_generator_the_limit(material: &Material<'_>) -> bool {
    let mut late = Vec::new();
    warnings::generator_late(material, &mut late);
    !late.is_empty() || material.watch.was_busy()
}

/// Marks the times that hold in closed loads although the generator was late or busy: it may have spared the service.
pub(super) fn mark_flattered(material: &Material<'_>, thresholds: &mut [Judged]) {
    if !is_generator_the_limit(material) {
        return;
    }
    for (threshold, judged) in material.thresholds.iter().zip(thresholds) {
        judged.may_flatter =
            judged.judged && judged.ok && threshold.is_on_time_in_closed_load(material.layout);
    }
}

/// Why no request of the measured part succeeded; none where one did, where there was none to make, or where a signal
/// came before the first had finished. A refusal that the scenario expects is no success.
pub(super) fn nothing_succeeded(
    material: &Material<'_>,
    outcomes: &OutcomeSummary,
    errors: &[ErrorSummary],
) -> Option<String> {
    if outcomes.ok > 0 || material.layout.steps.is_empty() {
        return None;
    }
    if outcomes.failed + outcomes.rejected == 0 {
        // Whoever gives every answer up on purpose wants no whole one.
        if outcomes.cancelled > 0 {
            return None;
        }
        let came_early = material.end.stop_reason == StopReason::Interrupted;
        return (!came_early).then(|| match over_in_warm_up(material) {
            0 => "no request of the measured part finished".to_owned(),
            1 => "its only request was over before the warm-up was".to_owned(),
            all => format!("all {all} requests were over before the warm-up was"),
        });
    }
    let failures = (outcomes.failed > 0).then(|| failures(outcomes, errors));
    let refusals = (outcomes.rejected > 0).then(|| refusals(material));
    let mut parts = [failures, refusals];
    if outcomes.rejected > outcomes.failed {
        parts.reverse();
    }
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    Some(parts.join("; "))
}

/// How many requests there were, where all of them finished in the warm-up; else none.
pub(super) fn over_in_warm_up(material: &Material<'_>) -> u64 {
    let count = |of: fn(&StepTotals) -> u64| material.totals.steps.iter().map(of).sum::<u64>();
    let measured = count(|step| step.counter(Counter::HttpReqs) + step.in_flight);
    match measured {
        0 => count(|step| step.live_finished),
        _ => 0,
    }
}

/// The most frequent error.
fn failures(outcomes: &OutcomeSummary, errors: &[ErrorSummary]) -> String {
    match errors.first() {
        Some(error) if error.message.is_empty() => {
            format!("{} × {}", error.count, error.kind.name())
        }
        Some(error) => format!("{} × {}: {}", error.count, error.kind.name(), error.message),
        None => format!("{} failed", outcomes.failed),
    }
}

/// The statuses of the measured requests that did not fail, the most frequent first; for runs in which none succeeded.
fn refusals(material: &Material<'_>) -> String {
    let mut counts = BTreeMap::new();
    let requests = material.totals.requests(material.layout);
    for tally in requests.flat_map(|step| &step.tallies) {
        let (Some(status), None) = (tally.status, tally.error) else {
            continue;
        };
        *counts.entry(status).or_insert(0) += tally.rates[Rate::HttpReqFailed.index()].total;
    }
    let mut counts: Vec<(u16, u64)> = counts.into_iter().filter(|&(_, count)| count > 0).collect();
    counts.sort_by_key(|&(status, count)| (Reverse(count), status));
    let shown: Vec<String> = counts
        .iter()
        .map(|(status, count)| format!("{count} × status {status}"))
        .collect();
    format!("{}, which the scenario expects", shown.join(", "))
}
