//! How far a run has come: the two deadlines of its end.

use loadgen_stats::Offset;
use tokio::sync::watch;

/// What whoever started the run wants of it; later values are stronger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Nothing: go on.
    #[default]
    Run,
    /// Begin no more iterations; running ones may finish within `graceful_stop`.
    Drain,
    /// Cut what still runs, and report.
    Cut,
}

/// A phase of the run, told to every shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Iterations are begun as the load says.
    Running,
    /// No more iterations are begun; requests due from this instant on are not measured.
    Draining(Offset),
    /// What still runs is cut; starting ended at this instant.
    Cut(Offset),
}

impl Phase {
    /// When starting ended, unless it goes on.
    pub(crate) const fn ended_starting(self) -> Option<Offset> {
        match self {
            Self::Running => None,
            Self::Draining(at) | Self::Cut(at) => Some(at),
        }
    }
}

/// Waits until what still runs is to be cut; forever where the run ends without that.
pub(crate) async fn cut(mut phase: watch::Receiver<Phase>) {
    if phase
        .wait_for(|phase| matches!(phase, Phase::Cut(_)))
        .await
        .is_err()
    {
        std::future::pending::<()>().await;
    }
}
