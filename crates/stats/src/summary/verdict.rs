//! Whether a run held its limits.

use super::{ErrorSummary, Material, OutcomeSummary, RunEnd, StopReason};
use crate::Judged;

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
    let failed = thresholds
        .iter()
        .any(|threshold| threshold.judged && !threshold.ok);
    if failed || (nothing_succeeded && !end.allow_all_failed) {
        return Verdict::Fail;
    }
    let unsure = thresholds
        .iter()
        .any(|threshold| threshold.judged && threshold.too_few.is_some());
    if end.strict && unsure {
        Verdict::Inconclusive
    } else {
        Verdict::Pass
    }
}

/// Why no request of the measured part succeeded; none where one did, where there was none to make, or where a signal
/// came before the first had finished.
pub(super) fn nothing_succeeded(
    material: &Material<'_>,
    outcomes: &OutcomeSummary,
    errors: &[ErrorSummary],
) -> Option<String> {
    if outcomes.ok + outcomes.rejected > 0 || material.layout.steps.is_empty() {
        return None;
    }
    if outcomes.failed == 0 {
        let came_early = material.end.stop_reason == StopReason::Interrupted;
        return (!came_early).then(|| "no request of the measured part finished".to_owned());
    }
    Some(match errors.first() {
        Some(error) if error.message.is_empty() => {
            format!("{} × {}", error.count, error.kind.name())
        }
        Some(error) => format!("{} × {}: {}", error.count, error.kind.name(), error.message),
        None => format!("{} failed", outcomes.failed),
    })
}
