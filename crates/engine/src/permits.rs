//! What the run as a whole must bound, shared by shards without a lock.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Iterations that are left to begin, numbered in the order in which they are taken.
#[derive(Debug)]
pub(crate) struct Iterations {
    all: u64,
    left: AtomicU64,
}

/// Users that may be busy at once; without a bound there is always one more.
#[derive(Debug)]
pub(crate) struct BusyUsers {
    free: Option<AtomicU32>,
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
        Self {
            free: bound.map(AtomicU32::new),
        }
    }

    /// Takes one user; false where all are busy. Each that was taken is given back.
    pub(crate) fn take(&self) -> bool {
        self.free.as_ref().is_none_or(|free| {
            free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| {
                free.checked_sub(1)
            })
            .is_ok()
        })
    }

    pub(crate) fn give_back(&self) {
        if let Some(free) = &self.free {
            free.fetch_add(1, Ordering::Relaxed);
        }
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
        assert_eq!(
            [users.take(), users.take(), users.take()],
            [true, true, false]
        );
        users.give_back();
        assert_eq!([users.take(), users.take()], [true, false]);
        assert!(BusyUsers::new(None).take());
    }
}
