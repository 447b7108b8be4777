//! Gives instants as nanoseconds that a client on the same machine can compare with its own.

use std::time::{Duration, Instant};

/// Turns instants into nanoseconds since a fixed origin, and back.
///
/// The origin is that of `CLOCK_MONOTONIC` where it can be learnt, otherwise the instant at
/// which the clock was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    anchor: Instant,
    anchor_ns: u64,
    monotonic: bool,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let anchor = tokio::time::Instant::now().into_std();
        let known = monotonic_ns(&format!("{anchor:?}")).filter(|_| cfg!(target_os = "linux"));
        Self {
            anchor,
            anchor_ns: known.unwrap_or(0),
            monotonic: known.is_some(),
        }
    }

    /// Now, by tokio's clock, which is the system's unless a test paused it.
    pub(crate) fn now(&self) -> u64 {
        self.at(tokio::time::Instant::now().into_std())
    }

    pub(crate) fn at(&self, instant: Instant) -> u64 {
        let since = instant.saturating_duration_since(self.anchor);
        self.anchor_ns
            .saturating_add(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    pub(crate) fn instant(&self, ns: u64) -> Option<Instant> {
        self.anchor
            .checked_add(Duration::from_nanos(ns.saturating_sub(self.anchor_ns)))
    }

    /// What the nanoseconds count from, as the truth's header says it.
    pub(crate) fn name(&self) -> &'static str {
        if self.monotonic { "monotonic" } else { "start" }
    }
}

/// Reads seconds and nanoseconds out of an `Instant`'s debug text.
///
/// The standard library gives no other safe way to its absolute value, and on Linux that value
/// is `CLOCK_MONOTONIC`. A text of another form gives nothing, and the clock falls back to its
/// own start.
fn monotonic_ns(debug: &str) -> Option<u64> {
    let field = |name: &str| -> Option<u64> {
        let (_, rest) = debug.split_once(name)?;
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        rest[..end].parse().ok()
    };
    field("tv_sec: ")?
        .checked_mul(1_000_000_000)?
        .checked_add(field("tv_nsec: ")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_texts() {
        let check =
            |text: &str, expected: Option<u64>| assert_eq!(monotonic_ns(text), expected, "{text}");
        check("Instant { tv_sec: 12, tv_nsec: 345 }", Some(12_000_000_345));
        check("Instant { tv_sec: 0, tv_nsec: 0 }", Some(0));
        check("Instant(12.345s)", None);
        check("Instant { tv_sec: , tv_nsec: 1 }", None);
        check("Instant { tv_sec: 99999999999999, tv_nsec: 1 }", None);
        check("", None);
    }

    #[test]
    fn there_and_back() {
        let clock = Clock::start();
        let later = clock.anchor + Duration::from_millis(3);
        assert_eq!(clock.instant(clock.at(later)), Some(later));
        assert_eq!(clock.name() == "monotonic", cfg!(target_os = "linux"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn two_clocks_agree() {
        let (one, two) = (Clock::start(), Clock::start());
        let now = two.anchor;
        assert_eq!(one.at(now), two.at(now));
    }
}
