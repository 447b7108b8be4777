//! What the run as a whole must bound, shared by shards without a lock.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Iterations that are left to begin; without a bound there is always one.
#[derive(Debug)]
pub(crate) struct Iterations {
    left: Option<AtomicU64>,
}

/// Users that may be busy at once; without a bound there is always one more.
#[derive(Debug)]
pub(crate) struct BusyUsers {
    free: Option<AtomicU32>,
}

impl Iterations {
    pub(crate) fn new(bound: Option<u64>) -> Self {
        Self {
            left: bound.map(AtomicU64::new),
        }
    }

    /// Takes one iteration; false where none is left.
    pub(crate) fn take(&self) -> bool {
        self.left.as_ref().is_none_or(|left| {
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            })
            .is_ok()
        })
    }

    /// Iterations never begun; zero without a bound.
    pub(crate) fn left(&self) -> u64 {
        self.left
            .as_ref()
            .map_or(0, |left| left.load(Ordering::Relaxed))
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
        let iterations = Iterations::new(Some(10_000));
        let taken: usize = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..7)
                .map(|_| {
                    scope.spawn(|| std::iter::from_fn(|| iterations.take().then_some(())).count())
                })
                .collect();
            workers
                .into_iter()
                .map(|worker| worker.join().expect("no panic"))
                .sum()
        });
        assert_eq!((taken, iterations.left()), (10_000, 0));
        assert!(Iterations::new(None).take());
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
