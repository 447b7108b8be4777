//! What the run as a whole must bound, shared by shards without a lock.

use loadgen_stats::Offset;
use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

/// Lag that is never held against the generator.
pub(crate) const TOLERANCE: Duration = Duration::from_millis(1);

/// Iterations that are left to begin, numbered in the order in which they are taken.
#[derive(Debug)]
pub(crate) struct Iterations {
    all: u64,
    left: AtomicU64,
}

/// Users that may be busy at once; without a bound there is always one more.
#[derive(Debug)]
pub(crate) struct BusyUsers {
    bound: Option<Bound>,
}

#[derive(Debug)]
struct Bound {
    free: AtomicU32,
    /// Until when users may be busy only because they were taken late, in nanoseconds.
    disturbed: AtomicU64,
}

impl Iterations {
    pub(crate) const fn new(all: u64) -> Self {
        Self {
            all,
            left: AtomicU64::new(all),
        }
    }

    /// Takes one iteration: its number, from 0. None where none is left.
    pub(crate) fn take(&self) -> Option<u64> {
        let one_less = |left: u64| left.checked_sub(1);
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
            .ok()
            .map(|left| self.all - left)
    }

    /// Iterations never begun.
    pub(crate) fn left(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }
}

impl BusyUsers {
    pub(crate) fn new(bound: Option<u32>) -> Self {
        let bound = bound.map(|users| Bound {
            free: AtomicU32::new(users),
            disturbed: AtomicU64::new(0),
        });
        Self { bound }
    }

    /// Takes one user for what was due then; false where all are busy. Each that was taken is given back.
    pub(crate) fn take(&self, due: Offset, now: impl FnOnce() -> Offset) -> bool {
        let Some(bound) = &self.bound else {
            return true;
        };
        let one_less = |free: u32| free.checked_sub(1);
        let taken = bound
            .free
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
            .is_ok();
        if taken {
            let now = now();
            let late = now.since(due);
            if late > TOLERANCE {
                // Whoever begins so late is busy for as long later than it would have been.
                let until = now.after(late).as_nanos();
                bound.disturbed.fetch_max(until, Ordering::Relaxed);
            }
        }
        taken
    }

    pub(crate) fn give_back(&self) {
        if let Some(bound) = &self.bound {
            bound.free.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether all are busy.
    pub(crate) fn are_all_busy(&self) -> bool {
        let mut bound = self.bound.iter();
        bound.any(|bound| bound.free.load(Ordering::Relaxed) == 0)
    }

    /// Whether some may be busy at an instant only because they were taken late.
    pub(crate) fn are_disturbed(&self, at: Offset) -> bool {
        let mut bound = self.bound.iter();
        bound.any(|bound| at.as_nanos() < bound.disturbed.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_as_many_as_there_are_across_threads() {
        let iterations = Iterations::new(10_000);
        let mut taken: Vec<u64> = std::thread::scope(|scope| {
            let take_all = || std::iter::from_fn(|| iterations.take()).collect::<Vec<_>>();
            let workers: Vec<_> = (0..7).map(|_| scope.spawn(take_all)).collect();
            workers
                .into_iter()
                .flat_map(|worker| worker.join().expect("no panic"))
                .collect()
        });
        taken.sort_unstable();
        assert_eq!(taken, (0..10_000).collect::<Vec<_>>());
        assert_eq!(iterations.left(), 0);
    }

    #[test]
    fn a_busy_user_is_free_again_when_given_back() {
        let users = BusyUsers::new(Some(2));
        let millis = |at| Offset::from(Duration::from_millis(at));
        let take = |users: &BusyUsers, due, at| users.take(millis(due), || millis(at));
        assert_eq!(
            [10, 10, 10].map(|at| take(&users, at, at)),
            [true, true, false]
        );
        assert!(users.are_all_busy());
        users.give_back();
        assert!(!users.are_all_busy());
        // One that is a little late is none.
        assert_eq!([20, 20].map(|due| take(&users, due, 21)), [true, false]);
        assert!(!users.are_disturbed(millis(21)));
        users.give_back();
        assert!(take(&users, 20, 50));
        let at = [50, 79, 80].map(|at| users.are_disturbed(millis(at)));
        assert_eq!(at, [true, true, false]);
        let unbounded = BusyUsers::new(None);
        assert!(take(&unbounded, 0, 50) && !unbounded.are_all_busy());
        assert!(!unbounded.are_disturbed(millis(50)));
    }
}
