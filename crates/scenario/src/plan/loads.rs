//! The loads of a plan: when each begins, and the scenarios among which it is shared.

use super::Load;
use loadgen_stats::ScenarioIndex;
use std::time::Duration;

/// One load, and the scenarios among which it is shared.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadPlan {
    /// How load is put on.
    pub load: Load,
    /// When it begins.
    pub start: StartAt,
    /// The first part of the load, which is run but kept out of every statistic.
    pub warm_up: Duration,
    /// How long iterations that run at the end may go on.
    pub graceful_stop: Duration,
    /// Who shares it, in the order of the file; never empty. The shares sum to 1.
    pub members: Vec<Member>,
}

/// When a load begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// So long after the start of the run.
    At(Duration),
    /// When the last iteration of that load has ended, finished or cut: its place in [`Plan::loads`](super::Plan). The
    /// loads never wait for each other in a circle.
    After(usize),
}

/// A scenario that shares a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Member {
    /// Whose iterations are begun.
    pub scenario: ScenarioIndex,
    /// Its part of the users or of the iterations, from 0 to 1.
    pub share: f64,
}
