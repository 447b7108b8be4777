//! Instants of a run, as offsets from its start.

use std::{fmt, num::NonZeroU64, time::Duration};

/// An instant of a run: nanoseconds since the run began, on the monotonic clock.
///
/// Held as one nanosecond more, so that one that may be absent takes no more memory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(NonZeroU64);

impl Offset {
    /// The start of the run.
    pub const ZERO: Self = Self(NonZeroU64::MIN);
    /// An instant later than any other.
    pub const MAX: Self = Self(NonZeroU64::MAX);

    /// The instant `nanos` nanoseconds after the start; [`Self::MAX`] where there is none.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(nanos))
    }

    /// Nanoseconds since the start.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0.get() - 1
    }

    /// Time since the start.
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        Duration::from_nanos(self.as_nanos())
    }

    /// Seconds since the start.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.as_duration().as_secs_f64()
    }

    /// Time from `earlier` to this instant; zero where `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }

    /// The same in nanoseconds.
    #[must_use]
    pub const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.get().saturating_sub(earlier.0.get())
    }

    /// The instant `length` after this one, saturating.
    #[must_use]
    pub fn after(self, length: Duration) -> Self {
        Self(self.0.saturating_add(nanos(length)))
    }
}

impl Default for Offset {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Debug for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Offset").field(&self.as_nanos()).finish()
    }
}

impl From<Duration> for Offset {
    fn from(length: Duration) -> Self {
        Self::from_nanos(nanos(length))
    }
}

/// As many nanoseconds as can be told.
fn nanos(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::Offset;
    use std::time::Duration;

    #[test]
    fn an_instant_is_what_it_was_made_of() {
        for nanos in [0, 1, 1_000_000_000, u64::MAX - 1] {
            let at = Offset::from_nanos(nanos);
            assert_eq!(at.as_nanos(), nanos);
            assert_eq!(at, Offset::from(Duration::from_nanos(nanos)));
            assert_eq!(at, Offset::ZERO.after(Duration::from_nanos(nanos)));
            assert_eq!(at.nanos_since(Offset::ZERO), nanos);
        }
        assert_eq!(Offset::from_nanos(u64::MAX), Offset::MAX);
        assert_eq!(Offset::from(Duration::MAX), Offset::MAX);
        assert_eq!(Offset::MAX.after(Duration::MAX), Offset::MAX);
        assert_eq!(Offset::default(), Offset::ZERO);
        assert_eq!(format!("{:?}", Offset::from_nanos(7)), "Offset(7)");
    }

    #[test]
    fn an_absent_instant_takes_no_memory_of_its_own() {
        assert_eq!(size_of::<Option<Offset>>(), size_of::<u64>());
    }
}
