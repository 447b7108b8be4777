//! Builds the summary of a run from its log.

use super::reader::{LogEnd, RunLogReader};
use super::{Closing, Header};
use crate::error::{Damage, Error};
use loadgen_capacity::Stress;
use loadgen_stats::{Ledger, Offset, RunEnd, StopReason, Summary, Verdict, Warning, Window};
use std::{io::BufRead, sync::Arc};

/// A run as its log tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// What was known before it began.
    pub header: Header,
    /// The summary: the same as the run gave, if its log is whole.
    pub summary: Summary,
    /// The measured part of due times.
    pub measured: (Offset, Offset),
    /// Whether the log ends with its closing record.
    pub is_complete: bool,
    /// The search for the breaking point that the run was.
    pub stress: Option<Stress>,
}

/// Reads a run log to its end and sums the run up.
///
/// A log that ends early is summed up as far as it goes, as a run that was interrupted, with the warning
/// `log-incomplete`.
///
/// # Errors
///
/// Where a line other than a torn last one is damaged.
pub fn replay<R: BufRead>(reader: RunLogReader<R>) -> Result<Replayed, Error> {
    replay_each(reader, |_| {})
}

/// As [`replay`], and shows every window on the way.
///
/// # Errors
///
/// As [`replay`].
pub fn replay_each<R: BufRead>(
    mut reader: RunLogReader<R>,
    mut each: impl FnMut(&Window),
) -> Result<Replayed, Error> {
    let header = reader.header().clone();
    let thresholds = header
        .parsed_thresholds()
        .map_err(|problem| Damage::new(problem).on(1))?;
    let mut ledger = Ledger::new(Arc::new(header.layout.clone()), thresholds);
    while let Some(window) = reader.next_window()? {
        ledger.replay(&window);
        each(&window);
    }
    let closing = match reader.end() {
        Some(LogEnd::Closed(closing)) => closing.as_ref().clone(),
        early => ends_early(&header, reader.last_end(), early),
    };
    let is_complete = matches!(reader.end(), Some(LogEnd::Closed(_)));
    let mut summary = ledger.finish(&closing.end);
    if !is_complete && summary.verdict == Verdict::Pass {
        // What came after may have failed.
        summary.verdict = closing.verdict;
    }
    let known = std::mem::take(&mut summary.warnings);
    let new = closing
        .warnings
        .into_iter()
        .filter(|warning| !known.contains(warning));
    // That a part is missing must be read before all else.
    let (first, last): (Vec<_>, Vec<_>) =
        new.partition(|warning| matches!(warning, Warning::LogEndsEarly { .. }));
    summary.warnings = [first, known, last].concat();
    Ok(Replayed {
        header,
        summary,
        measured: closing.end.measured,
        is_complete,
        stress: reader.stress()?,
    })
}

/// What stands for the closing record where there is none: the run counts as interrupted after its last window.
fn ends_early(header: &Header, last: Offset, end: Option<&LogEnd>) -> Closing {
    let torn = matches!(end, Some(LogEnd::Early { torn: true }));
    let (from, until) = header.measured;
    let measured = (from.min(last), until.min(last));
    let end = RunEnd {
        strict: header.strict,
        allow_all_failed: header.allow_all_failed,
        ..RunEnd::new(StopReason::Interrupted, measured, last)
    };
    Closing {
        end,
        verdict: Verdict::Inconclusive,
        warnings: vec![Warning::LogEndsEarly { torn }],
    }
}
