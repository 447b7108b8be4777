//! The last line of a run log: how the run ended.

use super::window::LONGEST_RUN_NS;
use crate::error::Damage;
use loadgen_stats::{ArrivalClock, Offset, RunEnd, StopReason, Verdict, Warning};
use serde::{Deserialize, Serialize};

/// How a run ended, and what was made of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Closing {
    /// What windows do not tell.
    pub end: RunEnd,
    /// The verdict as it was given.
    pub verdict: Verdict,
    /// Warnings that the command line added to those that the statistics raise. Kept are the ones that are no more
    /// than a count, a share or a reason.
    pub warnings: Vec<Warning>,
}

/// The line as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ClosingRecord {
    stop_reason: String,
    verdict: String,
    measured_ns: (u64, u64),
    ended_ns: u64,
    #[serde(default)]
    strict: bool,
    #[serde(default)]
    allow_all_failed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cpu_percent: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    peak_rss_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    arrival_clock: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<WarningRecord>,
    /// How many records of windows the log has.
    windows: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
enum WarningRecord {
    GeneratorBusy {
        share: f64,
        #[serde(default)]
        waited: f64,
    },
    /// In older logs only: it is raised again from the windows.
    DroppedIterations,
    PortsExhausted {
        count: u64,
    },
    FilesExhausted {
        count: u64,
    },
    LogIncomplete {
        reason: String,
    },
    TeardownFailed {
        reason: String,
    },
}

impl ClosingRecord {
    pub(super) fn of(closing: &Closing, windows: u64) -> Self {
        let end = &closing.end;
        Self {
            stop_reason: end.stop_reason.name().to_owned(),
            verdict: closing.verdict.name().to_owned(),
            measured_ns: (end.measured.0.as_nanos(), end.measured.1.as_nanos()),
            ended_ns: end.ended.as_nanos(),
            strict: end.strict,
            allow_all_failed: end.allow_all_failed,
            cpu_percent: end.cpu_percent,
            peak_rss_bytes: end.peak_rss_bytes,
            arrival_clock: end.arrival_clock.map(|clock| clock.name().to_owned()),
            warnings: closing
                .warnings
                .iter()
                .filter_map(WarningRecord::of)
                .collect(),
            windows,
        }
    }

    /// The end of a run whose log has so many windows.
    pub(super) fn restore(&self, windows: u64) -> Result<Closing, Damage> {
        if self.windows != windows {
            let told = self.windows;
            return Err(Damage::new(format!(
                "the log has {windows} intervals where its end tells of {told}"
            )));
        }
        if self.ended_ns > LONGEST_RUN_NS || self.measured_ns.0 > self.measured_ns.1 {
            return Err(Damage::new("the run cannot have ended then"));
        }
        let unknown = |what: &str, name: &str| Damage::new(format!("there is no {what} `{name}`"));
        let stop_reason = StopReason::from_name(&self.stop_reason)
            .ok_or_else(|| unknown("reason to stop", &self.stop_reason))?;
        let verdict = [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive];
        let verdict = verdict
            .into_iter()
            .find(|verdict| verdict.name() == self.verdict);
        let clock = |name: &String| {
            let known = [ArrivalClock::Kernel, ArrivalClock::Read]
                .into_iter()
                .find(|clock| clock.name() == name);
            known.ok_or_else(|| unknown("clock", name))
        };
        let measured = (
            Offset::from_nanos(self.measured_ns.0),
            Offset::from_nanos(self.measured_ns.1),
        );
        let end = RunEnd {
            strict: self.strict,
            allow_all_failed: self.allow_all_failed,
            cpu_percent: self.cpu_percent,
            peak_rss_bytes: self.peak_rss_bytes,
            arrival_clock: self.arrival_clock.as_ref().map(clock).transpose()?,
            ..RunEnd::new(stop_reason, measured, Offset::from_nanos(self.ended_ns))
        };
        Ok(Closing {
            end,
            verdict: verdict.ok_or_else(|| unknown("verdict", &self.verdict))?,
            warnings: self
                .warnings
                .iter()
                .filter_map(WarningRecord::restore)
                .collect(),
        })
    }
}

impl WarningRecord {
    fn of(warning: &Warning) -> Option<Self> {
        match warning {
            Warning::GeneratorBusy { share, waited } => Some(Self::GeneratorBusy {
                share: *share,
                waited: *waited,
            }),
            Warning::PortsExhausted { count } => Some(Self::PortsExhausted { count: *count }),
            Warning::FilesExhausted { count } => Some(Self::FilesExhausted { count: *count }),
            Warning::LogIncomplete { reason } => Some(Self::LogIncomplete {
                reason: reason.clone(),
            }),
            Warning::TeardownFailed { reason } => Some(Self::TeardownFailed {
                reason: reason.clone(),
            }),
            // The others are raised again from the windows.
            _ => None,
        }
    }

    fn restore(&self) -> Option<Warning> {
        Some(match self {
            Self::DroppedIterations => return None,
            Self::GeneratorBusy { share, waited } => Warning::GeneratorBusy {
                share: *share,
                waited: *waited,
            },
            Self::PortsExhausted { count } => Warning::PortsExhausted { count: *count },
            Self::FilesExhausted { count } => Warning::FilesExhausted { count: *count },
            Self::LogIncomplete { reason } => Warning::LogIncomplete {
                reason: reason.clone(),
            },
            Self::TeardownFailed { reason } => Warning::TeardownFailed {
                reason: reason.clone(),
            },
        })
    }
}
