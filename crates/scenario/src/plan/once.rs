//! What is done once in a run: before its first user, and after its last.

use super::Step;
use std::time::Duration;

/// How long it may take, if nothing is said.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Steps that are done once in a run.
#[derive(Debug)]
pub struct Once {
    /// What is done, in order; empty where there is nothing to do.
    pub steps: Vec<Step>,
    /// How long all of it may take.
    pub limit: Duration,
}

impl Default for Once {
    fn default() -> Self {
        Self {
            steps: Vec::new(),
            limit: LIMIT,
        }
    }
}
