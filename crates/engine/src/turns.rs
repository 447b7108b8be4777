//! Turns of requests whose rate has a cap: shared by all shards, so that they do not depend on the number of workers.
//!
//! The nth turn is no sooner than the one before it and the interval of the cap. Whoever is ready before its turn waits in
//! line, in the order of coming; who leaves the line leaves no gap.

use crate::{clock::Clock, permits::TOLERANCE, timer::Timer};
use loadgen_scenario::{Plan, RateLimit};
use loadgen_stats::Offset;
use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};
use tokio::sync::Mutex;

/// How long before its turn the next in line gives way to the one behind it: so that handing on takes no time of the
/// schedule. Who leaves later than this has used its turn up.
const AHEAD: Duration = Duration::from_millis(5);

/// The turns under one cap.
#[derive(Debug)]
pub(crate) struct Turns {
    interval: Duration,
    /// The earliest that the next turn can be. Who is next in line holds it.
    next: Mutex<Offset>,
    /// Turns that were used out of line.
    owed: AtomicU32,
    /// When the latest of them began, in nanoseconds.
    owed_at: AtomicU64,
}

impl Turns {
    /// Those of all caps of a plan, by their places.
    pub(crate) fn all(plan: &Plan) -> Vec<Self> {
        let limits = plan.requests().filter_map(|request| request.rate_limit);
        let mut limits: Vec<RateLimit> = limits.collect();
        limits.sort_by_key(|limit| limit.place);
        limits.dedup_by_key(|limit| limit.place);
        limits.iter().map(Self::of).collect()
    }

    fn of(limit: &RateLimit) -> Self {
        Self {
            interval: limit.interval(),
            next: Mutex::new(Offset::ZERO),
            owed: AtomicU32::new(0),
            owed_at: AtomicU64::new(0),
        }
    }

    /// Waits for a turn of whoever is ready since then: when it was due. Dropped, it is out of line.
    pub(crate) async fn wait<T: Timer>(&self, ready: Offset, clock: Clock, timer: &T) -> Offset {
        let mut next = self.next.lock().await;
        let owed = self.owed.swap(0, Ordering::Relaxed);
        if owed > 0 {
            let latest = Offset::from_nanos(self.owed_at.load(Ordering::Relaxed));
            *next = latest.max(*next).after(self.interval.saturating_mul(owed));
        }
        let due = ready.max(*next);
        // What a late generator has missed it does not make up for in a burst.
        let most = self.interval.max(TOLERANCE);
        let turn = due.max(before(clock.now(), most));
        sleep_until(before(turn, AHEAD), clock, timer).await;
        *next = turn.after(self.interval);
        drop(next);
        sleep_until(turn, clock, timer).await;
        due
    }

    /// A request begins without waiting, as a redirection led to it: those who come after it wait longer.
    pub(crate) fn owe(&self, at: Offset) {
        self.owed_at.fetch_max(at.as_nanos(), Ordering::Relaxed);
        self.owed.fetch_add(1, Ordering::Relaxed);
    }
}

async fn sleep_until<T: Timer>(at: Offset, clock: Clock, timer: &T) {
    if clock.now() < at {
        timer.sleep_until(clock.instant(at)).await;
    }
}

fn before(at: Offset, length: Duration) -> Offset {
    Offset::from(at.as_duration().saturating_sub(length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timer::TokioTiming;
    use tokio::time::Instant;

    fn turns(millis: u64) -> Turns {
        Turns {
            interval: Duration::from_millis(millis),
            next: Mutex::new(Offset::ZERO),
            owed: AtomicU32::new(0),
            owed_at: AtomicU64::new(0),
        }
    }

    const fn millis(millis: u64) -> Offset {
        Offset::from_nanos(millis * 1_000_000)
    }

    #[tokio::test(start_paused = true)]
    async fn turns_follow_each_other_and_nobody_waits_without_need() {
        let (turns, clock) = (turns(100), Clock::starting_at(Instant::now()));
        let mut got = Vec::new();
        // When each is ready; before the last two, redirections have used turns, once after nobody had for long.
        let cases = [(0, 0), (0, 0), (150, 0), (1_000, 0), (1_000, 2), (5_001, 1)];
        for (ready, owes) in cases {
            let at = before(millis(ready), Duration::from_millis(1));
            (0..owes).for_each(|_| turns.owe(at));
            let due = turns.wait(millis(ready), clock, &TokioTiming).await;
            got.push((due, clock.now()));
        }
        let wanted = [0, 100, 200, 1_000, 1_300, 5_100].map(|at| (millis(at), millis(at)));
        assert_eq!(got, wanted);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_late_generator_missed_comes_in_no_burst() {
        let (turns, clock) = (turns(100), Clock::starting_at(Instant::now()));
        turns.wait(millis(0), clock, &TokioTiming).await;
        tokio::time::advance(Duration::from_secs(1)).await;
        let mut got = Vec::new();
        for ready in [100, 200, 300, 400] {
            // Due as it was, so that the lateness is seen.
            let due = turns.wait(millis(ready), clock, &TokioTiming).await;
            got.push((due, clock.now()));
        }
        let wanted = [(100, 1_000), (1_000, 1_000), (1_100, 1_100), (1_200, 1_200)];
        assert_eq!(got, wanted.map(|(due, at)| (millis(due), millis(at))));
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_the_line_leaves_no_gap() {
        let (turns, clock) = (turns(100), Clock::starting_at(Instant::now()));
        turns.wait(millis(0), clock, &TokioTiming).await;
        let left = turns.wait(millis(0), clock, &TokioTiming);
        let stays = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            turns.wait(millis(10), clock, &TokioTiming).await
        };
        let leaving = tokio::time::timeout(Duration::from_millis(50), left);
        let (left, due) = tokio::join!(leaving, stays);
        assert!(left.is_err());
        assert_eq!(due, millis(100));
    }
}
