//! When a request is sent again.

use loadgen_stats::ErrorKind;
use std::time::Duration;

/// When a request is sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The statuses after which it is, as inclusive ranges.
    pub statuses: Vec<(u16, u16)>,
    /// The kinds of errors after which it is.
    pub kinds: Vec<ErrorKind>,
    /// How many times at most.
    pub max: u32,
    /// The wait before the first time; twice as long before each further one.
    pub backoff: Duration,
    /// No wait is longer, unless the answer asks for it.
    pub max_backoff: Duration,
}

impl Retry {
    /// Whether a request that ended so is sent again.
    #[must_use]
    pub fn names(&self, status: Option<u16>, failure: Option<ErrorKind>) -> bool {
        match (failure, status) {
            (Some(kind), _) => self.kinds.contains(&kind),
            (None, Some(status)) => {
                let mut ranges = self.statuses.iter();
                ranges.any(|(first, last)| (*first..=*last).contains(&status))
            }
            (None, None) => false,
        }
    }

    /// The longest wait before it is sent again for the time of that number, from 0.
    #[must_use]
    pub fn backoff(&self, time: u32) -> Duration {
        let longer = 2_u32.saturating_pow(time);
        self.backoff.saturating_mul(longer).min(self.max_backoff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_bound() {
        let retry = Retry {
            statuses: vec![(429, 429), (500, 599)],
            kinds: vec![ErrorKind::Reset],
            max: 9,
            backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(3),
        };
        let waits = [0, 1, 2, 3, 60].map(|time| retry.backoff(time).as_millis());
        assert_eq!(waits, [500, 1_000, 2_000, 3_000, 3_000]);
        for (status, failure, named) in [
            (Some(429), None, true),
            (Some(503), None, true),
            (Some(404), None, false),
            (None, None, false),
            (None, Some(ErrorKind::Reset), true),
            (Some(503), Some(ErrorKind::Timeout), false),
        ] {
            assert_eq!(
                retry.names(status, failure),
                named,
                "{status:?} {failure:?}"
            );
        }
    }
}
