//! How a run ended.

use crate::Offset;

/// How a run ended: what the ledger cannot know from windows.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEnd {
    /// Why it ended.
    pub stop_reason: StopReason,
    /// The measured part of due times: from the end of warm-up until the end of starting; of several scenarios from the
    /// first to the last. It counts where no recorder noted those of its scenarios.
    pub measured: (Offset, Offset),
    /// When the last user had ended.
    pub ended: Offset,
    /// Whether a run in which nothing succeeded may pass.
    pub allow_all_failed: bool,
    /// Whether too few samples make the verdict inconclusive.
    pub strict: bool,
    /// Processor time over the whole run in percent of one core; where absent, the mean over the windows.
    pub cpu_percent: Option<f64>,
    /// The most resident memory in bytes; where absent, the most that a window saw.
    pub peak_rss_bytes: Option<u64>,
    /// What dated the arrivals; where absent, what dated most of them.
    pub arrival_clock: Option<ArrivalClock>,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// Its load was done.
    Completed,
    /// A signal came.
    Interrupted,
    /// A threshold asked for it.
    Threshold,
    /// It could not go on.
    Error,
}

/// What dated the arrivals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrivalClock {
    /// The kernel's receive stamps.
    Kernel,
    /// The time of the read.
    Read,
}

impl StopReason {
    /// The public name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Interrupted => "interrupted",
            Self::Threshold => "threshold",
            Self::Error => "error",
        }
    }

    /// The reason of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Completed,
            Self::Interrupted,
            Self::Threshold,
            Self::Error,
        ]
        .into_iter()
        .find(|one| one.name() == name)
    }
}

impl ArrivalClock {
    /// The public name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Read => "read",
        }
    }
}

impl RunEnd {
    /// The end of a run that measured that part of due times and was over at `ended`.
    #[must_use]
    pub const fn new(stop_reason: StopReason, measured: (Offset, Offset), ended: Offset) -> Self {
        Self {
            stop_reason,
            measured,
            ended,
            allow_all_failed: false,
            strict: false,
            cpu_percent: None,
            peak_rss_bytes: None,
            arrival_clock: None,
        }
    }
}
