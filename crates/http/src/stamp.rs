//! Dates reads: turns the kernel's receive stamps, which are of the wall clock, into offsets of the run.

use loadgen_engine::{Arrival, Clock, Nap, Offset, latest_nap};
use std::{
    cell::Cell,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::time::Instant;

/// The widest pair of monotonic readings around one of the wall clock that is taken without another try.
const SPAN: Duration = Duration::from_micros(20);

/// Tries for a narrow pair before the last one is taken.
const TRIES: usize = 4;

/// For so long a look at both clocks serves the reads that follow it: the wall clock is slewed by less than a microsecond
/// meanwhile. Where it is set meanwhile, stamps are refused as where it is set between an arrival and its read.
const FRESH: Duration = Duration::from_millis(1);

/// When the data of a read arrived; see [`Arrival`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dated {
    pub(crate) at: Offset,
    pub(crate) read: Offset,
    kernel: bool,
    fallback: bool,
    empty: Offset,
}

/// One look at both clocks, taken as if at one instant.
#[derive(Clone, Copy, Debug)]
struct Pair {
    monotonic: Offset,
    /// Half of the time between the monotonic readings: by so much the pair may be wrong.
    slack: Duration,
    wall: Duration,
}

/// The latest sleep of the thread, in the run's time.
#[derive(Clone, Copy, Debug)]
struct Slept {
    began: Offset,
    woken: Offset,
    woken_before: Offset,
}

/// What the connections of one shard share of clocks, each with the clock whose offsets it holds.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    /// The newest look at both clocks.
    newest: Cell<Option<(Clock, Pair)>>,
    /// The latest sleep: many reads follow it.
    slept: Cell<Option<(Clock, Nap, Slept)>>,
}

/// Dates the reads of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dating {
    clock: Clock,
    /// When the socket was last known to be empty.
    empty: Offset,
    /// The latest arrival so far; later reads are not dated before it.
    latest: Offset,
}

impl Dated {
    /// As the engine wants to know it.
    pub(crate) fn arrival(&self) -> Arrival {
        Arrival {
            at: self.at,
            read: self.read,
            kernel: self.kernel,
            fallback: self.fallback,
            uncertainty: self.at.since(self.empty),
        }
    }
}

impl Dating {
    /// For a socket that is known to be empty at `empty`.
    pub(crate) fn new(clock: Clock, empty: Offset) -> Self {
        Self {
            clock,
            empty,
            latest: Offset::ZERO,
        }
    }

    /// Nothing that arrives from now on can be dated before `sent`, the instant just before a request is written.
    pub(crate) fn begin(&mut self, sent: Offset) {
        self.latest = self.latest.max(sent);
    }

    /// Dates a read that has just returned. `stamp` is the kernel's, as time since 1970; `emptied` says that the read
    /// took all there was.
    pub(crate) fn date(&mut self, stamp: Option<Duration>, emptied: bool, looks: &Looks) -> Dated {
        let now = self.clock.now();
        let pair = stamp.map(|stamp| (stamp, looks.at(self.clock, now)));
        let read = pair.map_or(now, |(_, pair)| pair.monotonic);
        let stamped = pair.map(|(stamp, pair)| self.convert(stamp, &pair));
        let (at, kernel, fallback) = match stamped {
            Some(Some(at)) => (at, true, false),
            Some(None) => (read, false, true),
            None => (read, false, false),
        };
        let dated = Dated {
            at,
            read,
            kernel,
            fallback,
            empty: self.last_empty(at, looks.slept(self.clock)),
        };
        self.latest = self.latest.max(at);
        if emptied {
            self.empty = read;
        }
        dated
    }

    /// The last instant before `at`, an arrival, at which the socket is known to have been empty.
    ///
    /// A thread sleeps only while none of its sockets has anything to read, and is woken as soon as one has. So what
    /// came after it had gone to sleep came when it was woken, or later; what had come before was not there when it was
    /// woken from the sleep before.
    fn last_empty(&self, at: Offset, slept: Option<Slept>) -> Offset {
        let Some(slept) = slept else {
            return self.empty;
        };
        let slept_through = at >= slept.began;
        let woken = if slept_through {
            slept.woken
        } else {
            slept.woken_before
        };
        self.empty.max(woken)
    }

    /// The socket was found empty.
    pub(crate) fn found_empty(&mut self) {
        self.empty = self.clock.now();
    }

    fn convert(&self, stamp: Duration, pair: &Pair) -> Option<Offset> {
        let slack = pair.slack.max(Duration::from_micros(1));
        let now = pair.monotonic;
        let at = match pair.wall.checked_sub(stamp) {
            Some(age) => Offset::from(now.as_duration().checked_sub(age)?),
            // Ahead of the wall clock by no more than the look at it may be wrong.
            None if stamp - pair.wall <= slack => now,
            None => return None,
        };
        if at.after(slack) < self.latest {
            return None;
        }
        Some(at.max(self.latest))
    }
}

impl Looks {
    /// Both clocks at `now`, which has just been read, or a little later.
    fn at(&self, clock: Clock, now: Offset) -> Pair {
        let known = self.newest.get().filter(|(of, _)| *of == clock);
        let carried = known.and_then(|(_, pair)| pair.carried(now));
        carried.unwrap_or_else(|| {
            let pair = look(clock);
            self.newest.set(Some((clock, pair)));
            pair
        })
    }

    /// The latest sleep of this thread.
    fn slept(&self, clock: Clock) -> Option<Slept> {
        let nap = latest_nap()?;
        match self.slept.get() {
            Some((of, known, slept)) if known == nap && of == clock => Some(slept),
            _ => {
                let slept = Slept::of(nap, clock);
                self.slept.set(Some((clock, nap, slept)));
                Some(slept)
            }
        }
    }
}

impl Slept {
    fn of(nap: Nap, clock: Clock) -> Self {
        Self {
            began: clock.offset(nap.began),
            woken: clock.offset(nap.woken),
            woken_before: clock.offset(nap.woken_before),
        }
    }
}

impl Pair {
    /// The same look, as if taken at `now`; none where it is too old for that, or was not narrow.
    fn carried(&self, now: Offset) -> Option<Self> {
        if now < self.monotonic {
            return None;
        }
        let age = now.since(self.monotonic);
        (age <= FRESH && self.slack * 2 <= SPAN).then(|| Self {
            monotonic: now,
            slack: self.slack,
            wall: self.wall + age,
        })
    }
}

fn look(clock: Clock) -> Pair {
    let mut pair = look_once(clock);
    for _ in 1..TRIES {
        if pair.slack * 2 <= SPAN {
            break;
        }
        pair = look_once(clock);
    }
    pair
}

#[expect(
    clippy::disallowed_methods,
    reason = "kernel stamps are of the wall clock: this is the one place that converts them"
)]
fn look_once(clock: Clock) -> Pair {
    let before = Instant::now();
    let wall = SystemTime::now();
    let after = Instant::now();
    let slack = after.saturating_duration_since(before) / 2;
    // A wall clock before 1970 refuses every stamp, which is what a broken clock deserves.
    let wall = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    Pair {
        monotonic: clock.offset(before + slack),
        slack,
        wall,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: Duration = Duration::from_secs(1_800_000_000);

    /// The arrival of a stamp that is `age` nanoseconds old (negative: ahead of the wall clock) at a read ten seconds
    /// into the run, for a request that was sent at nine.
    fn check(age: i64, slack: Duration, want: Option<u64>) {
        let clock = Clock::starting_at(Instant::now());
        let seconds = |seconds: u64| Offset::from(Duration::from_secs(seconds));
        let mut dating = Dating::new(clock, seconds(1));
        dating.begin(seconds(9));
        let pair = Pair {
            monotonic: seconds(10),
            slack,
            wall: WALL,
        };
        let stamp = match u64::try_from(age) {
            Ok(age) => WALL - Duration::from_nanos(age),
            Err(_) => WALL + Duration::from_nanos(age.unsigned_abs()),
        };
        let at = dating.convert(stamp, &pair).map(Offset::as_nanos);
        assert_eq!(at, want, "{age} {slack:?}");
    }

    #[test]
    fn stamps_are_converted_and_impossible_ones_are_refused() {
        let second = 1_000_000_000;
        let narrow = Duration::from_nanos(50);
        check(0, narrow, Some(10_000_000_000));
        check(20_000, narrow, Some(9_999_980_000));
        check(second, narrow, Some(9_000_000_000));
        // A little before the request was sent, or after now: no more than the look at the clocks may be wrong.
        check(second + 500, narrow, Some(9_000_000_000));
        check(-500, narrow, Some(10_000_000_000));
        check(second + 2_000, narrow, None);
        check(-2_000, narrow, None);
        check(-2_000, Duration::from_micros(3), Some(10_000_000_000));
        // The wall clock was set.
        check(3600 * second, narrow, None);
        check(-3600 * second, narrow, None);
        check(30 * second, narrow, None);
    }

    /// For how long before an arrival at 100 ms something may have come, where the socket was empty at 20 ms and the
    /// thread slept from 40 ms until it was woken (and from the sleep before at 30 ms).
    fn check_empty(at: u64, woken: Option<u64>, want: u64) {
        let clock = Clock::starting_at(Instant::now());
        let ms = |ms| Offset::from(Duration::from_millis(ms));
        let dating = Dating::new(clock, ms(20));
        let nap = woken.map(|woken| Nap {
            began: clock.instant(ms(40)),
            woken: clock.instant(ms(woken)),
            woken_before: clock.instant(ms(30)),
        });
        let slept = nap.map(|nap| Slept::of(nap, clock));
        let uncertain = ms(at).since(dating.last_empty(ms(at), slept));
        assert_eq!(uncertain, Duration::from_millis(want), "{at} {woken:?}");
    }

    #[test]
    fn a_socket_was_empty_until_its_thread_was_woken() {
        check_empty(100, None, 80);
        check_empty(100, Some(100), 0);
        check_empty(100, Some(98), 2);
        // Woken at once, it waited for a processor: all the while data may have come, of which the newest is dated.
        check_empty(100, Some(40), 60);
        // What had come before the thread slept.
        check_empty(35, Some(98), 5);
    }

    #[test]
    fn a_refused_stamp_is_told_and_reads_do_not_go_back() {
        let clock = Clock::starting_at(Instant::now() - Duration::from_secs(5));
        let mut dating = Dating::new(clock, Offset::ZERO);
        let sent = clock.now();
        dating.begin(sent);
        let looks = Looks::default();
        let first = dating
            .date(Some(Duration::from_secs(1)), true, &looks)
            .arrival();
        assert!(first.fallback && !first.kernel);
        assert_eq!(first.at, first.read);
        let second = dating.date(None, false, &looks).arrival();
        assert!(!second.fallback && !second.kernel && second.at >= first.at);
        // The socket was empty after the first read.
        assert_eq!(second.uncertainty, second.at.since(first.read));
    }

    #[test]
    fn a_look_at_the_clocks_serves_for_a_millisecond_and_no_longer() {
        let monotonic = Offset::from_nanos(5_000_000_000);
        let slack = Duration::from_nanos(70);
        let pair = Pair {
            monotonic,
            slack,
            wall: WALL,
        };
        for (age, serves) in [(0, true), (1, true), (1_000, true), (1_001, false)] {
            let age = Duration::from_micros(age);
            let carried = pair.carried(monotonic.after(age));
            let carried = carried.map(|pair| (pair.monotonic, pair.slack, pair.wall));
            let want = serves.then_some((monotonic.after(age), slack, WALL + age));
            assert_eq!(carried, want, "{age:?}");
        }
        let wide = Pair {
            slack: SPAN,
            ..pair
        };
        assert!(wide.carried(monotonic).is_none());
        let before = Offset::from_nanos(monotonic.as_nanos() - 1);
        assert!(pair.carried(before).is_none());
    }

    #[test]
    fn a_stamp_is_converted_alike_by_a_fresh_look_and_by_one_that_serves_again() {
        let clock = Clock::starting_at(Instant::now() - Duration::from_secs(5));
        let looks = Looks::default();
        let fresh = Pair {
            slack: SPAN / 4,
            ..look(clock)
        };
        looks.newest.set(Some((clock, fresh)));
        let pair = looks.at(clock, fresh.monotonic.after(FRESH));
        assert_eq!(pair.monotonic, fresh.monotonic.after(FRESH));
        let dating = Dating::new(clock, Offset::ZERO);
        let stamp = fresh.wall - Duration::from_micros(300);
        assert_eq!(dating.convert(stamp, &pair), dating.convert(stamp, &fresh));
        // One that is too old is replaced.
        let old = fresh.monotonic.as_nanos() - FRESH.as_nanos() as u64;
        let old = Pair {
            monotonic: Offset::from_nanos(old),
            ..fresh
        };
        looks.newest.set(Some((clock, old)));
        let pair = looks.at(clock, fresh.monotonic.after(Duration::from_nanos(1)));
        assert!(pair.monotonic >= fresh.monotonic);
        let kept = looks.newest.get().map(|(_, pair)| pair.monotonic);
        assert_eq!(kept, Some(pair.monotonic));
        // One in the time of another run is no look at all.
        let other = Clock::starting_at(Instant::now() - Duration::from_secs(50));
        let pair = looks.at(other, other.now());
        assert!(pair.monotonic >= Offset::from(Duration::from_secs(50)));
    }
}
