//! What machines are told of a run, whatever the format: the run itself and each threshold, and how it ended.

use crate::Header;
use crate::text::verdict::{self, Standing};
use loadgen_stats::{Judged, StopReason, Summary, Verdict};

/// One thing that was judged.
#[derive(Debug)]
pub(crate) struct Finding {
    /// `run`, or the threshold as it was written.
    pub(crate) name: String,
    /// How long it took to find out.
    pub(crate) seconds: f64,
    pub(crate) ending: Ending,
}

/// How it ended. Something failed or could not be judged exactly where the exit code is not 0.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Passed,
    Failed(Reason),
    /// It could not be judged.
    Error(Reason),
    Skipped(String),
}

/// Why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    /// A word for machines.
    pub(crate) kind: &'static str,
    /// In one line.
    pub(crate) message: String,
}

/// The run, then its thresholds in the order in which they were given.
pub(crate) fn of(header: &Header, summary: &Summary) -> Vec<Finding> {
    let thresholds = summary.thresholds.iter();
    let thresholds: Vec<Finding> = thresholds
        .map(|judged| of_threshold(summary, judged))
        .collect();
    let run = Finding {
        name: "run".to_owned(),
        seconds: summary.duration.as_secs_f64(),
        ending: of_run(header, summary, &thresholds),
    };
    std::iter::once(run).chain(thresholds).collect()
}

fn of_threshold(summary: &Summary, judged: &Judged) -> Finding {
    let observed = verdict::observed(judged);
    let message = match judged.observed {
        Some(_) => format!("was {observed}"),
        None => observed,
    };
    let message = match verdict::remark(judged) {
        Some(remark) => format!("{message}; {remark}"),
        None => message,
    };
    let ending = match verdict::standing(summary, judged) {
        Standing::Held => Ending::Passed,
        Standing::Broken => Ending::Failed(Reason {
            kind: "threshold",
            message,
        }),
        Standing::Unsure => Ending::Error(Reason {
            kind: "inconclusive",
            message,
        }),
        Standing::NotJudged => Ending::Skipped(message),
    };
    Finding {
        name: format!("{}: {}", judged.metric, judged.expression),
        seconds: 0.0,
        ending,
    }
}

/// What is to be said of the run besides its thresholds.
fn of_run(header: &Header, summary: &Summary, thresholds: &[Finding]) -> Ending {
    let nothing = summary.nothing_succeeded.as_ref();
    if let Some(reason) = nothing.filter(|_| !header.allow_all_failed) {
        let message = format!("no request succeeded: {reason}");
        return Ending::Failed(Reason {
            kind: "any_success",
            message,
        });
    }
    let has = |wanted: fn(&Ending) -> bool| thresholds.iter().any(|one| wanted(&one.ending));
    let is_told = match summary.verdict {
        Verdict::Pass => true,
        Verdict::Fail => has(|ending| matches!(ending, Ending::Failed(_))),
        Verdict::Inconclusive => has(|ending| matches!(ending, Ending::Error(_))),
    };
    let message = verdict::why(summary);
    match (summary.verdict, summary.stop_reason) {
        (Verdict::Fail, _) if !is_told => Ending::Failed(Reason {
            kind: "fail",
            message,
        }),
        (_, StopReason::Error) => Ending::Error(Reason {
            kind: "error",
            message,
        }),
        (_, StopReason::Interrupted) => Ending::Error(Reason {
            kind: "interrupted",
            message,
        }),
        _ if !is_told => Ending::Error(Reason {
            kind: "inconclusive",
            message,
        }),
        _ => Ending::Passed,
    }
}
