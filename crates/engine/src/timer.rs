//! The seam to the clock: waiting until an instant.

use std::{future::Future, io};
use tokio::time::Instant;

/// Makes the timers of a run; shared by all shards.
pub trait Timing: Send + Sync {
    /// What one shard uses; it stays on the shard's thread.
    type Timer: Timer;

    /// Makes the timer of one shard, on the shard's own thread and inside its runtime.
    fn timer(&self, shard: usize) -> io::Result<Self::Timer>;
}

/// Waits.
pub trait Timer: 'static {
    /// Returns at `deadline`, or at once where it has passed. May be dropped at any time.
    fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()>;
}

/// Tokio's timer: late by up to some milliseconds, but it obeys paused time.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioTiming;

impl Timing for TokioTiming {
    type Timer = Self;

    fn timer(&self, _shard: usize) -> io::Result<Self> {
        Ok(Self)
    }
}

impl Timer for TokioTiming {
    fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> {
        tokio::time::sleep_until(deadline)
    }
}
