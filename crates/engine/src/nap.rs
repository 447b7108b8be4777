//! When a worker's thread slept: while it did, no socket of its shard had anything to read.

use std::cell::Cell;
use tokio::time::Instant;

/// The latest sleep of a thread.
#[derive(Clone, Copy, Debug)]
pub struct Nap {
    /// Just before the thread went to sleep.
    pub began: Instant,
    /// When it had been woken.
    pub ended: Instant,
    /// When it had been woken from the sleep before this one.
    pub ended_before: Instant,
}

thread_local! {
    static LATEST: Cell<Option<Nap>> = const { Cell::new(None) };
}

/// The latest sleep of this thread; none where its runtime does not tell.
#[must_use]
pub fn latest_nap() -> Option<Nap> {
    LATEST.get()
}

/// For the runtime's `on_thread_park`: the thread goes to sleep.
pub fn nap_begins() {
    let began = Instant::now();
    let ended_before = LATEST.get().map_or(began, |nap| nap.ended);
    LATEST.set(Some(Nap {
        began,
        ended: began,
        ended_before,
    }));
}

/// For the runtime's `on_thread_unpark`: the thread has been woken.
pub fn nap_ends() {
    if let Some(nap) = LATEST.get() {
        LATEST.set(Some(Nap {
            ended: Instant::now(),
            ..nap
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_runtime_that_tells_is_known_to_have_slept() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .on_thread_park(nap_begins)
            .on_thread_unpark(nap_ends)
            .build()
            .unwrap();
        assert!(latest_nap().is_none());
        let begun = Instant::now();
        for _ in 0..2 {
            runtime.block_on(async { tokio::time::sleep(Duration::from_millis(5)).await });
        }
        let nap = latest_nap().unwrap();
        assert!(
            begun < nap.ended_before && nap.ended_before <= nap.began,
            "{nap:?}"
        );
        assert!(
            nap.began < nap.ended && nap.ended <= Instant::now(),
            "{nap:?}"
        );
    }
}
