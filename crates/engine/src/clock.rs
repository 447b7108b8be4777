//! The run's clock: offsets from its start on the monotonic clock.

use loadgen_stats::Offset;
use tokio::time::Instant;

/// Turns instants into offsets from the run's start. With tokio's time paused it stands still too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock whose zero is `start`.
    #[must_use]
    pub const fn starting_at(start: Instant) -> Self {
        Self { start }
    }

    /// The present.
    #[must_use]
    pub fn now(self) -> Offset {
        self.offset(Instant::now())
    }

    /// The offset of an instant; zero for one before the start.
    #[must_use]
    pub fn offset(self, instant: Instant) -> Offset {
        Offset::from(instant.saturating_duration_since(self.start))
    }

    /// The instant of an offset.
    #[must_use]
    pub fn instant(self, offset: Offset) -> Instant {
        self.start + offset.as_duration()
    }
}
