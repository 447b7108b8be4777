//! What the run as a whole must bound, shared by shards without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

/// Iterations that are left to begin; without a bound there is always one.
#[derive(Debug)]
pub(crate) struct Iterations {
    left: Option<AtomicU64>,
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
}
