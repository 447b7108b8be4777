//! Why a run could not take place, or broke down.

use std::io;

/// Why there is no run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A worker could not be set up.
    #[error("start a worker")]
    Worker(#[source] io::Error),
    /// What is done once in the run could not be begun.
    #[error("prepare what is done once")]
    Once(#[source] io::Error),
    /// A worker broke down: a defect of loadgen itself.
    #[error("keep a worker running: it broke down, which is a defect of loadgen")]
    BrokenWorker,
}
