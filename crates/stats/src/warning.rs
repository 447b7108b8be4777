//! Reasons not to believe a run, each with the advice that cures it.

use crate::DropReason;
use std::{fmt, time::Duration};

/// A reason not to believe a run, or not all of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Warning {
    /// The generator acted or read later than the service can be blamed for.
    GeneratorLate {
        /// What was late.
        what: Late,
        /// How late, at the 99th percentile of a time.
        seen: Amount,
        /// How late it may be.
        limit: Amount,
    },
    /// A worker thread was busy for three seconds on end.
    GeneratorBusy {
        /// The most of one core, from 0 to 1, that a worker thread used without a pause.
        share: f64,
        /// The part of the time, from 0 to 1, for which it waited for a processor throughout.
        waited: f64,
    },
    /// Iterations were due but never begun.
    DroppedIterations {
        /// Why.
        reason: DropReason,
        /// How many.
        count: u64,
    },
    /// Chance alone may have decided thresholds.
    TooFewSamples {
        /// How many.
        thresholds: u64,
        /// The one of them that takes the most more samples.
        threshold: String,
        /// About how many more it takes; none where no number would do.
        more: Option<u64>,
        /// What is counted.
        of: &'static str,
    },
    /// No free local port was left.
    PortsExhausted {
        /// Requests that failed so.
        count: u64,
    },
    /// No free file descriptor was left.
    FilesExhausted {
        /// Requests that failed so.
        count: u64,
    },
    /// The run log lacks something.
    LogIncomplete {
        /// What is wrong with it.
        reason: String,
    },
    /// The run log, from which all is read again, ends before the run did.
    LogEndsEarly {
        /// Whether it ends in the middle of a record.
        torn: bool,
    },
    /// The arrival of first outputs is not known well enough.
    ArrivalUncertain {
        /// By how much, at the 99th percentile.
        seen: Duration,
        /// How much would do.
        limit: Duration,
    },
    /// The end of the run cut requests.
    CutRequests {
        /// How many of those due in the measured part.
        count: u64,
        /// Their share, from 0 to 1.
        share: f64,
    },
    /// The end of the run cut users who waited for a turn under `rate_limit`.
    CutInLine {
        /// How many.
        count: u64,
        /// Their share of those who came for a turn, from 0 to 1.
        share: f64,
    },
    /// Iterations took longer than the pace of their scenario.
    PaceMissed {
        /// How many.
        count: u64,
        /// Their share of the finished ones, from 0 to 1.
        share: f64,
    },
    /// What is done after the last user did not come to its end.
    TeardownFailed {
        /// Which step, and why; or that it took too long.
        reason: String,
    },
    /// A probe of the target failed: there is a gap.
    ProbeFailed {
        /// Its name.
        probe: String,
        /// How often.
        failed: u64,
        /// Of how many times.
        of: u64,
        /// Why it failed first.
        reason: String,
    },
    /// No request of the measured part succeeded.
    NothingSucceeded {
        /// Why, in one line.
        reason: String,
        /// Whether all requests were over before the warm-up was.
        in_warm_up: bool,
    },
}

/// What the generator was late with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// Starting requests: `schedule_lag`.
    Starting,
    /// Reading what had arrived: `read_lag`.
    Reading,
    /// Reading events apart: `coalesced_late`.
    Events,
}

/// A time or a share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// A time.
    Time(Duration),
    /// A share from 0 to 1.
    Share(f64),
}

impl Warning {
    /// The public name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::GeneratorLate { .. } => "generator-late",
            Self::GeneratorBusy { .. } => "generator-busy",
            Self::DroppedIterations { .. } => "dropped-iterations",
            Self::TooFewSamples { .. } => "too-few-samples",
            Self::PortsExhausted { .. } => "ports-exhausted",
            Self::FilesExhausted { .. } => "files-exhausted",
            Self::LogIncomplete { .. } | Self::LogEndsEarly { .. } => "log-incomplete",
            Self::ArrivalUncertain { .. } => "arrival-uncertain",
            Self::CutRequests { .. } => "cut-requests",
            Self::CutInLine { .. } => "cut-in-line",
            Self::PaceMissed { .. } => "pace-missed",
            Self::TeardownFailed { .. } => "teardown-failed",
            Self::ProbeFailed { .. } => "probe-failed",
            Self::NothingSucceeded { .. } => "nothing-succeeded",
        }
    }

    /// What happened, in one line.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::GeneratorLate { what, seen, limit } => late_message(*what, *seen, *limit),
            Self::GeneratorBusy { share, waited } if waited > share => format!(
                "a worker thread waited for a processor for {:.0} % of three seconds or longer",
                waited * 100.0
            ),
            Self::GeneratorBusy { share, .. } => format!(
                "a worker thread used {:.0} % of a core for three seconds or longer",
                share * 100.0
            ),
            Self::DroppedIterations { reason, count } => dropped_message(*reason, *count),
            Self::TooFewSamples {
                thresholds,
                threshold,
                more,
                of,
            } => too_few_message(*thresholds, threshold, *more, of),
            Self::PortsExhausted { count } => {
                format!("{} found no free local port", plural(*count, "request"))
            }
            Self::FilesExhausted { count } => format!(
                "{} found no free file descriptor",
                plural(*count, "request")
            ),
            Self::LogIncomplete { reason } => format!("the run log is incomplete: {reason}"),
            Self::LogEndsEarly { torn } => {
                let how = if *torn {
                    "in the middle of a record"
                } else {
                    "without its closing record"
                };
                format!("the run log ends {how}: the run was killed, or still goes on")
            }
            Self::ArrivalUncertain { seen, limit } => format!(
                "the arrival of first outputs is uncertain by {} at p99; more than {} blurs ttft",
                Amount::Time(*seen),
                Amount::Time(*limit)
            ),
            Self::CutRequests { count, share } => {
                format!(
                    "the end of the run cut {} ({:.1} %)",
                    plural(*count, "request"),
                    share * 100.0
                )
            }
            Self::CutInLine { count, share } => in_line_message(*count, *share),
            Self::PaceMissed { count, share } => format!(
                "{} ({:.1} %) took longer than their pace: the next began late",
                plural(*count, "iteration"),
                share * 100.0
            ),
            Self::TeardownFailed { reason } => {
                format!("the teardown did not come to its end: {reason}")
            }
            Self::ProbeFailed {
                probe,
                failed,
                of,
                reason,
            } => format!(
                "the probe {probe} failed {failed} of {}: {reason}",
                plural(*of, "time")
            ),
            Self::NothingSucceeded { reason, .. } => format!("no request succeeded: {reason}"),
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::GeneratorLate { .. } => {
                "use a machine with more or faster cores, or less load; times may be the generator's own"
            }
            Self::GeneratorBusy { .. } => {
                "use more workers (--workers), a machine with more cores, less load, or stop what else runs on it"
            }
            Self::DroppedIterations { reason, .. } => dropped_advice(*reason),
            Self::TooFewSamples { .. } => "run longer, or with more load",
            Self::PortsExhausted { .. } => {
                "keep connections alive, come from more addresses (--source-address), or widen net.ipv4.ip_local_port_range"
            }
            Self::FilesExhausted { .. } => "raise the limit of open files (ulimit -n)",
            Self::LogIncomplete { .. } => {
                "check the disk; the summary of the run itself is complete"
            }
            Self::LogEndsEarly { .. } => {
                "read this as the first part of the run; what came after is not in it"
            }
            Self::ArrivalUncertain { .. } => {
                "use less load per worker, so that sockets are read sooner"
            }
            Self::CutRequests { .. } => {
                "raise graceful_stop, so that requests can finish: those cut count only against limits they had passed"
            }
            Self::CutInLine { .. } => {
                "ask for less than rate_limit lets through, or bound the users (max_vus): arrivals beyond it are dropped and counted"
            }
            Self::PaceMissed { .. } => {
                "give more users a longer pace, or read it as: the service is slower than the pace asks"
            }
            Self::TeardownFailed { .. } => {
                "clear away by hand what the setup has made; the figures of the run are whole"
            }
            Self::ProbeFailed { .. } => {
                "try it by hand; where it failed there is a gap, and the run is not affected"
            }
            Self::NothingSucceeded {
                in_warm_up: true, ..
            } => "make warm_up shorter, or give the load more to do",
            Self::NothingSucceeded { .. } => {
                "look at the errors; --allow-all-failed accepts such a run"
            }
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => write!(f, "{:.1} ms", time.as_secs_f64() * 1000.0),
            Self::Share(share) => write!(f, "{:.1} %", share * 100.0),
        }
    }
}

fn late_message(what: Late, seen: Amount, limit: Amount) -> String {
    let what = match what {
        Late::Starting => format!("requests began {seen} late at p99"),
        Late::Reading => format!("arrivals were read {seen} late at p99"),
        Late::Events => format!("{seen} of the output events were read late, together with others"),
    };
    format!("{what}; more than {limit} makes the generator part of what is measured")
}

fn too_few_message(thresholds: u64, threshold: &str, more: Option<u64>, of: &str) -> String {
    let which = match thresholds {
        1 => format!("too few samples to be sure of `{threshold}`"),
        all => format!("too few samples to be sure of {all} thresholds, least of `{threshold}`"),
    };
    match more {
        Some(more) => format!("{which}: about {more} more {of} would do"),
        None => format!("{which}: it lies too near its limit for any number of {of}"),
    }
}

fn in_line_message(count: u64, share: f64) -> String {
    let (was, users) = match count {
        1 => (
            "was",
            "a user still waited for its turn under rate_limit when it was cut",
        ),
        _ => (
            "were",
            "their users still waited for a turn under rate_limit when they were cut",
        ),
    };
    let requests = plural(count, "request");
    format!(
        "{requests} ({:.1} %) {was} never sent: {users}",
        share * 100.0
    )
}

fn dropped_message(reason: DropReason, count: u64) -> String {
    let why = match reason {
        DropReason::MaxVus => "never begun, as all max_vus were busy",
        DropReason::End => "never begun before the end of their load",
        DropReason::Late => "never begun, as the generator was late with them",
        DropReason::StopUser => "never begun, as their users had stopped",
        DropReason::Data => "never begun, as a data set had no row left",
    };
    format!("{} {why}", plural(count, "due iteration"))
}

const fn dropped_advice(reason: DropReason) -> &'static str {
    match reason {
        DropReason::MaxVus => {
            "raise max_vus, or read it as: the service is slower than the rate asks"
        }
        DropReason::End => {
            "give the iterations more time or more users, or read it as: the service is slower than they ask"
        }
        DropReason::Late => {
            "use a machine with more or faster cores, or less load; this says nothing of the service"
        }
        DropReason::StopUser => {
            "look at the errors; a login that is refused needs `retry`; with on_failure = \"next_iteration\" users go on after a failure"
        }
        DropReason::Data => {
            "give the data set more rows, or at_end = \"recycle\"; who finds no row ends, so that the load was less than asked for"
        }
    }
}

fn plural(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
