//! The users of the whole run, counted where they come and go: sums of what single shards saw would be wrong.

use loadgen_stats::VusRange;
use std::sync::atomic::{AtomicU32, Ordering};

/// A level that all shards change, with the least and the most it had since somebody looked.
#[derive(Debug)]
pub(crate) struct Gauge {
    now: AtomicU32,
    least: AtomicU32,
    most: AtomicU32,
}

impl Gauge {
    /// `first` users are there from the start: they do not enter.
    pub(crate) const fn new(first: u32) -> Self {
        Self {
            now: AtomicU32::new(first),
            least: AtomicU32::new(first),
            most: AtomicU32::new(first),
        }
    }

    pub(crate) fn enter(&self) {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
    }

    pub(crate) fn leave(&self) {
        let now = self.now.fetch_sub(1, Ordering::Relaxed) - 1;
        self.least.fetch_min(now, Ordering::Relaxed);
    }

    /// Those who were to be there from the start do not come.
    pub(crate) fn nobody_came(&self) {
        for level in [&self.now, &self.least, &self.most] {
            level.store(0, Ordering::Relaxed);
        }
    }

    /// The level since the last look.
    pub(crate) fn look(&self) -> VusRange {
        let now = self.now.load(Ordering::Relaxed);
        let least = self.least.swap(now, Ordering::Relaxed).min(now);
        let most = self.most.swap(now, Ordering::Relaxed).max(now);
        VusRange {
            last: now.into(),
            min: least.into(),
            max: most.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_look_sees_what_was_since_the_last() {
        let gauge = Gauge::new(1);
        gauge.enter();
        assert_eq!(
            gauge.look(),
            VusRange {
                last: 2,
                min: 1,
                max: 2
            }
        );
        gauge.enter();
        gauge.leave();
        gauge.leave();
        assert_eq!(
            gauge.look(),
            VusRange {
                last: 1,
                min: 1,
                max: 3
            }
        );
        assert_eq!(gauge.look(), VusRange::steady(1));
        gauge.nobody_came();
        assert_eq!(gauge.look(), VusRange::steady(0));
    }
}
