//! What can go wrong with a run log.

use std::io;

/// Why a run log could not be written or read. The texts read well after "failed to …: ".
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or the disk under it failed.
    #[error("the run log could not be read or written")]
    Io(#[from] io::Error),
    /// A record could not be turned into JSON.
    #[error("a record could not be turned into JSON")]
    Encode(#[from] serde_json::Error),
    /// The file is something else.
    #[error("this is no run log of loadgen: {reason}")]
    NoRunLog {
        /// What its first line lacks.
        reason: String,
    },
    /// A newer loadgen wrote it.
    #[error("the run log has the format {found}, this loadgen reads {known}", known = crate::RUN_LOG_SCHEMA)]
    NewerFormat {
        /// The format it names.
        found: String,
    },
    /// A newer loadgen wrote the summary.
    #[error("the summary has the format {found}, this loadgen reads {known}", known = crate::SUMMARY_SCHEMA)]
    NewerSummary {
        /// The format it names.
        found: String,
    },
    /// A summary lacks what every summary has.
    #[error("the summary is damaged: {reason}")]
    BrokenSummary {
        /// What is wrong with it.
        reason: String,
    },
    /// A line in the middle is not as it was written.
    #[error("line {line} of the run log is damaged: {reason}")]
    Damaged {
        /// The line, counted from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}

/// What is wrong with a record; the reader adds the line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Damage(pub(crate) String);

impl Damage {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    pub(crate) fn on(self, line: u64) -> Error {
        Error::Damaged {
            line,
            reason: self.0,
        }
    }
}
