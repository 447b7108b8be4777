//! When a worker's thread slept: while it did, no socket of its shard had anything to read.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};
use tokio::time::Instant;

/// The latest sleep of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nap {
    /// Just before the thread went to sleep.
    pub began: Instant,
    /// When it was woken: it may have waited for a processor after that. Until then no socket had anything to read.
    pub woken: Instant,
    /// When it was woken from the sleep before this one.
    pub woken_before: Instant,
}

/// Tells how long a thread has waited for a processor so far.
struct Account {
    waited: Box<dyn FnMut() -> Option<Duration>>,
    /// Whether anyone asked: to be told costs a system call at both ends of each sleep.
    wanted: bool,
    /// What was told at the beginning of the sleep.
    at_begin: Option<Duration>,
}

thread_local! {
    static LATEST: Cell<Option<Nap>> = const { Cell::new(None) };
    static ACCOUNT: RefCell<Option<Account>> = const { RefCell::new(None) };
}

/// The latest sleep of this thread; none where its runtime does not tell.
#[must_use]
pub fn latest_nap() -> Option<Nap> {
    LATEST.get()
}

/// Has this thread's sleeps end when it was woken, rather than when it came to run: `waited` tells how long the thread
/// has waited for a processor so far.
pub fn account_for_waits(waited: impl FnMut() -> Option<Duration> + 'static) {
    ACCOUNT.replace(Some(Account {
        waited: Box::new(waited),
        wanted: false,
        at_begin: None,
    }));
}

/// From now on it matters when this thread is woken.
pub fn watch_wake_ups() {
    ACCOUNT.with_borrow_mut(|account| {
        if let Some(account) = account {
            account.wanted = true;
        }
    });
}

/// For the runtime's `on_thread_park`: the thread goes to sleep.
pub fn nap_begins() {
    ACCOUNT.with_borrow_mut(|account| {
        if let Some(account) = account.as_mut().filter(|account| account.wanted) {
            account.at_begin = (account.waited)();
        }
    });
    let began = Instant::now();
    let woken_before = LATEST.get().map_or(began, |nap| nap.woken);
    LATEST.set(Some(Nap {
        began,
        woken: began,
        woken_before,
    }));
}

/// For the runtime's `on_thread_unpark`: the thread runs again.
pub fn nap_ends() {
    let Some(nap) = LATEST.get() else { return };
    let ended = Instant::now();
    let woken = ACCOUNT.with_borrow_mut(|account| {
        let Some(account) = account.as_mut().filter(|account| account.wanted) else {
            return Some(ended);
        };
        let waited = (account.waited)()?.checked_sub(account.at_begin?)?;
        ended.checked_sub(waited)
    });
    LATEST.set(Some(Nap {
        // Where the wait is not known, it may have been all of the sleep.
        woken: woken.unwrap_or(nap.began).max(nap.began),
        ..nap
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

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
            begun < nap.woken_before && nap.woken_before <= nap.began,
            "{nap:?}"
        );
        assert!(
            nap.began < nap.woken && nap.woken <= Instant::now(),
            "{nap:?}"
        );
    }

    /// A sleep of at least 50 ms, with what the account says at its beginning and its end; whether the thread counts as
    /// woken as it began, or as it ended.
    #[track_caller]
    fn check(wanted: bool, at_begin: Option<u64>, at_end: Option<u64>, as_it_began: bool) {
        const SLEEP: Duration = Duration::from_millis(50);
        let sleep = move || {
            let mut told = [at_begin, at_end].into_iter();
            account_for_waits(move || told.next()?.map(Duration::from_millis));
            if wanted {
                watch_wake_ups();
            }
            nap_begins();
            let end = latest_nap().unwrap().began + SLEEP;
            while Instant::now() < end {
                thread::yield_now();
            }
            nap_ends();
            latest_nap().unwrap()
        };
        // The account is the thread's.
        let nap = thread::spawn(sleep).join().unwrap();
        let slept = nap.woken - nap.began;
        let told = (at_begin, at_end);
        if as_it_began {
            assert_eq!(slept, Duration::ZERO, "{wanted} {told:?}");
        } else {
            assert!(slept >= SLEEP, "{wanted} {told:?} {slept:?}");
        }
    }

    #[test]
    fn a_sleep_ends_when_the_thread_is_woken() {
        check(true, Some(3_600_000), Some(3_600_000), false);
        // More than it slept: it was woken at once, and waited.
        check(true, Some(5), Some(3_600_000), true);
        // Unknown: it may have been all of the sleep.
        check(true, None, Some(5), true);
        check(true, Some(5), None, true);
        check(true, Some(5), Some(4), true);
        // Nobody asks.
        check(false, Some(5), Some(3_600_000), false);
    }
}
