//! Builds the summary of a run from its log.

use super::reader::{LogEnd, RunLogReader};
use super::{Closing, Header};
use crate::error::{Damage, Error};
use loadgen_stats::{Ledger, Offset, RunEnd, StopReason, Summary, Warning};
use std::{io::BufRead, sync::Arc};

/// A run as its log tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// What was known before it began.
    pub header: Header,
    /// The summary: the same as the run gave, if its log is whole.
    pub summary: Summary,
    /// Whether the log ends with its closing record.
    pub is_complete: bool,
}

/// Reads a run log to its end and sums the run up.
///
/// A log that ends early is summed up as far as it goes, as a run that was interrupted, with the warning
/// `log-incomplete`.
///
/// # Errors
///
/// Where a line other than a torn last one is damaged.
pub fn replay<R: BufRead>(mut reader: RunLogReader<R>) -> Result<Replayed, Error> {
    let header = reader.header().clone();
    let thresholds = header
        .parsed_thresholds()
        .map_err(|problem| Damage::new(problem).on(1))?;
    let mut ledger = Ledger::new(Arc::new(header.layout.clone()), thresholds);
    while let Some(window) = reader.next_window()? {
        ledger.replay(&window);
    }
    let (end, warnings, is_complete) = match reader.end() {
        Some(LogEnd::Closed(closing)) => {
            let Closing { end, warnings, .. } = closing.as_ref();
            (end.clone(), warnings.clone(), true)
        }
        early => {
            let torn = matches!(early, Some(LogEnd::Early { torn: true }));
            (
                early_end(&header, reader.last_end()),
                vec![ends_early(torn)],
                false,
            )
        }
    };
    let mut summary = ledger.finish(&end);
    let new = warnings
        .into_iter()
        .filter(|warning| !summary.warnings.contains(warning))
        .collect::<Vec<_>>();
    summary.warnings.extend(new);
    Ok(Replayed {
        header,
        summary,
        is_complete,
    })
}

/// The end of a run of which only the windows are known.
fn early_end(header: &Header, last: Offset) -> RunEnd {
    let (from, until) = header.measured;
    RunEnd {
        strict: header.strict,
        allow_all_failed: header.allow_all_failed,
        ..RunEnd::new(
            StopReason::Interrupted,
            (from.min(last), until.min(last)),
            last,
        )
    }
}

fn ends_early(torn: bool) -> Warning {
    let how = if torn {
        "in the middle of a record"
    } else {
        "without its closing record"
    };
    Warning::LogIncomplete {
        reason: format!("it ends {how}: the run was killed, or still goes on"),
    }
}
