//! Turns of requests whose rate has a cap: shared by all shards, so that they do not depend on the number of workers.
//!
//! The nth turn is no sooner than the one before it and the interval of the cap. Whoever is ready before its turn waits in
//! line, in the order of coming; who leaves the line leaves no gap. Where somebody begins later than its turn, those behind
//! it come as much later: a generator that is late sends nothing in a burst.

use crate::{clock::Clock, permits::TOLERANCE, timer::Timer};
use loadgen_scenario::{Plan, RateLimit};
use loadgen_stats::Offset;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::sync::Mutex;

/// How long before its turn the next in line gives way to the one behind it: so that handing on takes no time of the
/// schedule. Who leaves later than this has used its turn up.
const AHEAD: Duration = Duration::from_millis(5);

/// The turns under one cap.
#[derive(Debug)]
pub struct Turns {
    interval: Duration,
    /// The earliest that the next turn can be. Who is next in line holds it.
    next: Mutex<Offset>,
    /// Nobody begins before this, in nanoseconds: an interval after the latest beginning, and one more for each of those
    /// that were out of line.
    free: AtomicU64,
}

impl Turns {
    /// Those of all caps of a plan, by their places.
    #[must_use]
    pub fn all(plan: &Plan) -> Vec<Self> {
        let limits = plan.requests().filter_map(|request| request.rate_limit);
        let mut limits: Vec<RateLimit> = limits.collect();
        limits.sort_by_key(|limit| limit.place);
        limits.dedup_by_key(|limit| limit.place);
        let intervals = limits.iter().map(RateLimit::interval);
        intervals.map(Self::every).collect()
    }

    /// One after each interval.
    fn every(interval: Duration) -> Self {
        Self {
            interval,
            next: Mutex::new(Offset::ZERO),
            free: AtomicU64::new(0),
        }
    }

    /// Waits for a turn of whoever is ready since then: when it was due. Dropped, it is out of line.
    pub async fn wait<T: Timer>(&self, ready: Offset, clock: Clock, timer: &T) -> Offset {
        let mut next = self.next.lock().await;
        let mut due = ready.max(*next).max(self.free());
        loop {
            sleep_until(before(due, AHEAD), clock, timer).await;
            // Somebody may have begun late meanwhile, or out of line.
            let free = self.free();
            if free <= due {
                break;
            }
            due = free;
        }
        *next = no_sooner(due, clock).after(self.interval);
        drop(next);
        sleep_until(due, clock, timer).await;
        self.begin(due, clock, timer).await
    }

    fn free(&self) -> Offset {
        Offset::from_nanos(self.free.load(Ordering::Relaxed))
    }

    /// Begins what was due then, not too close behind whoever has begun last: when it was due after all.
    async fn begin<T: Timer>(&self, mut due: Offset, clock: Clock, timer: &T) -> Offset {
        loop {
            let next = no_sooner(due, clock).after(self.interval).as_nanos();
            let may = |free: u64| (free <= clock.now().as_nanos()).then_some(next);
            let begun = (self.free).fetch_update(Ordering::Relaxed, Ordering::Relaxed, may);
            let Err(free) = begun else {
                return due;
            };
            let free = Offset::from_nanos(free);
            // Whoever is late itself stays as late as it is, so that this is seen.
            if no_sooner(due, clock) == due {
                due = due.max(free);
            }
            sleep_until(free, clock, timer).await;
        }
    }

    /// A request begins without waiting, as a redirection led to it: those who come after it wait longer.
    pub fn owe(&self, at: Offset) {
        let longer = |free| {
            let free = Offset::from_nanos(free).max(at);
            Some(free.after(self.interval).as_nanos())
        };
        // It always gives a value, so it never fails.
        let _ = (self.free).fetch_update(Ordering::Relaxed, Ordering::Relaxed, longer);
    }
}

/// A turn; or the present, where the turn is over: what a late generator has missed it does not make up for. Timers that
/// wake a little late do not count as that, as they would lower the rate.
fn no_sooner(turn: Offset, clock: Clock) -> Offset {
    let now = clock.now();
    if now.since(turn) > TOLERANCE {
        now
    } else {
        turn
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
        Turns::every(Duration::from_millis(millis))
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
    async fn what_a_late_generator_missed_it_does_not_make_up_for() {
        let (turns, clock) = (turns(100), Clock::starting_at(Instant::now()));
        turns.wait(millis(0), clock, &TokioTiming).await;
        tokio::time::advance(Duration::from_secs(1)).await;
        let mut got = Vec::new();
        for ready in [100, 200, 300, 400] {
            // Due as it was, so that the lateness is seen.
            let due = turns.wait(millis(ready), clock, &TokioTiming).await;
            got.push((due, clock.now()));
        }
        let wanted = [(100, 1_000), (1_100, 1_100), (1_200, 1_200), (1_300, 1_300)];
        assert_eq!(got, wanted.map(|(due, at)| (millis(due), millis(at))));
    }

    /// Wakes whoever sleeps until an instant, in milliseconds from the start, so many of them late.
    struct Sluggish(Clock, Offset, Duration);

    impl Timer for Sluggish {
        async fn sleep_until(&self, at: Instant) {
            let late = match self.0.offset(at) == self.1 {
                true => self.2,
                false => Duration::ZERO,
            };
            tokio::time::sleep_until(at + late).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_begins_late_makes_those_behind_it_wait() {
        let wakes = |at, late| (millis(at), Duration::from_millis(late));
        for ((at, late), wanted, lag) in [
            (wakes(0, 0), [100, 200, 300, 400], 0),
            // As late as any timer: the turns stay.
            (wakes(100, 1), [101, 200, 300, 400], 1),
            // At the turn itself, when the next is in line: nobody comes too close behind it.
            (wakes(100, 60), [160, 260, 360, 460], 60),
            // So late that others have had their turns: it comes after them.
            (wakes(200, 250), [100, 500, 300, 400], 300),
            // Before it gives way.
            (wakes(195, 60), [100, 255, 355, 455], 55),
        ] {
            let (turns, clock) = (turns(100), Clock::starting_at(Instant::now()));
            let timer = Sluggish(clock, at, late);
            turns.wait(millis(0), clock, &timer).await;
            let one = async |ready| {
                let due = turns.wait(millis(ready), clock, &timer).await;
                (due, clock.now())
            };
            let all = tokio::join!(one(1), one(1), one(1), one(1));
            let all = [all.0, all.1, all.2, all.3];
            assert_eq!(
                all.map(|(_, begun)| begun),
                wanted.map(millis),
                "{at:?} {late:?}"
            );
            // What the generator was late with is seen, until the turns have moved.
            let lags = all.map(|(due, begun)| begun.since(due));
            assert_eq!(lags[3], Duration::ZERO, "{at:?} {late:?}: {lags:?}");
            assert_eq!(
                lags.iter().max(),
                Some(&Duration::from_millis(lag)),
                "{lags:?}"
            );
        }
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
