//! Lets so many requests in each second pass: a bucket that fills at the rate and holds a tenth of a second of it.

use std::sync::Mutex;

use tokio::time::Instant;

use crate::truth::locked;

/// Seconds of the rate that may come at once.
const BURST: f64 = 0.1;

/// The limit of requests per second.
#[derive(Debug)]
pub(crate) struct Brake {
    rate: f64,
    most: f64,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    filled: f64,
    at: Instant,
}

impl Brake {
    /// A limit, where there is one, with a full bucket.
    pub(crate) fn new(rate: Option<f64>, now: Instant) -> Option<Self> {
        let rate = rate?;
        let most = (rate * BURST).max(1.0);
        Some(Self {
            rate,
            most,
            bucket: Mutex::new(Bucket {
                filled: most,
                at: now,
            }),
        })
    }

    /// Whether one more may pass now.
    pub(crate) fn pass(&self, now: Instant) -> bool {
        let mut bucket = locked(&self.bucket);
        let since = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.filled = (bucket.filled + since * self.rate).min(self.most);
        bucket.at = now.max(bucket.at);
        let passes = bucket.filled >= 1.0 - 1e-9;
        if passes {
            bucket.filled -= 1.0;
        }
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// How many of the requests that come at `offered` per second for ten seconds pass a limit of `rate`.
    fn passed(rate: f64, offered: u32) -> u32 {
        let start = Instant::now();
        let brake = Brake::new(Some(rate), start).unwrap();
        let passes = (0..10 * offered).filter(|n| {
            let at = start + Duration::from_secs(1).mul_f64(f64::from(*n) / f64::from(offered));
            brake.pass(at)
        });
        u32::try_from(passes.count()).unwrap()
    }

    #[test]
    fn the_rate_passes_and_what_is_above_does_not() {
        for (rate, offered, least, most) in [
            (100.0, 50, 500, 500),
            (100.0, 100, 1000, 1000),
            (100.0, 200, 1008, 1012),
            (0.5, 10, 5, 6),
            (2000.0, 4000, 20_190, 20_210),
        ] {
            let passed = passed(rate, offered);
            assert!(
                (least..=most).contains(&passed),
                "{offered} at a limit of {rate}: {passed}"
            );
        }
        assert!(Brake::new(None, Instant::now()).is_none());
    }
}
