//! How often requests may begin, and which of them share that.

use super::Rate;
use loadgen_stats::ScenarioIndex;
use std::time::Duration;

/// How often requests may begin, over all users and threads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// No more than so many begin in a second, one after the other.
    pub rate: Rate,
    /// The requests that take turns.
    pub of: Limited,
    /// Its place among all of the plan: requests with the same one take turns.
    pub place: usize,
}

/// The requests that take turns under one cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// All of the file.
    File,
    /// All of one scenario.
    Scenario(ScenarioIndex),
    /// Those of one step.
    Step,
}

impl RateLimit {
    /// From one turn to the next. No shorter than the rate allows.
    #[must_use]
    pub fn interval(&self) -> Duration {
        let nanos = (1e9 / self.rate.get()).ceil();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates: a turn that never comes"
        )]
        Duration::from_nanos(nanos as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_no_closer_than_the_rate_allows() {
        for (rate, nanos) in [
            (10.0, 100_000_000),
            (3.0, 333_333_334),
            (1e6, 1_000),
            (1.0 / 3600.0, 3_600_000_000_000),
            (1e-300, u64::MAX),
        ] {
            let limit = RateLimit {
                rate: Rate::per_second(rate).unwrap(),
                of: Limited::Step,
                place: 0,
            };
            assert_eq!(limit.interval(), Duration::from_nanos(nanos), "{rate}");
        }
    }
}
