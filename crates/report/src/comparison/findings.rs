//! What machines are told of a comparison: each of its rows, and how it ended.

use super::text::{change, interval, value};
use crate::findings::{Ending, Finding, Reason};
use loadgen_stats::{Change, ComparedRow, Comparison};

/// The rows, the worst first. One that is worse has failed; one that is unclear could not be judged if it decides, and
/// is passed over if it does not.
pub(crate) fn findings(comparison: &Comparison) -> impl Iterator<Item = Finding> {
    comparison.rows.iter().map(|row| Finding {
        name: format!("comparison: {}", row.name()),
        seconds: 0.0,
        ending: ending(row),
    })
}

/// What to bear in mind, in a line each.
pub(crate) fn remarks(comparison: &Comparison) -> impl Iterator<Item = String> {
    let forced = comparison.objections.iter();
    let forced = forced.map(|objection| format!("compared by force: {objection}"));
    forced.chain(comparison.cautions.iter().map(ToString::to_string))
}

fn ending(row: &ComparedRow) -> Ending {
    match row.verdict {
        Change::Better | Change::Same => Ending::Passed,
        Change::Worse => Ending::Failed(Reason {
            kind: "worse",
            message: told(row),
        }),
        Change::Unclear if row.decides => Ending::Error(Reason {
            kind: "unclear",
            message: told(row),
        }),
        Change::Unclear => Ending::Skipped(format!("unclear: {}", told(row))),
    }
}

/// `20.1 ms → 22.2 ms: +10.4% (95% interval +8.1 … +12.6%), tolerance 5.0%`
fn told(row: &ComparedRow) -> String {
    let tolerance = change(row, row.tolerance);
    format!(
        "{} → {}: {} (95% interval {}), tolerance {}",
        value(row, row.base),
        value(row, row.current),
        change(row, row.change),
        interval(row),
        tolerance.trim_start_matches('+'),
    )
}
