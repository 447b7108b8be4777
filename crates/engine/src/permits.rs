//! What the run as a whole must bound, shared by shards without a lock.

use loadgen_stats::{DropReason, Offset};
use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

/// Lag that is never held against the generator.
pub(crate) const TOLERANCE: Duration = Duration::from_millis(1);
/// A generator that was late catches up by this part of the time that passes, at least.
const CATCHING_UP: u64 = 10;

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
    /// How late a start may be and still wait for a user, in nanoseconds: this, less a part of the present.
    patience: AtomicU64,
    /// How late the one was begun that this comes from, in nanoseconds.
    lateness: AtomicU64,
    /// By shard: when the start was due that waits for a user there, in nanoseconds; [`NOBODY`] where none does.
    waiting: Vec<AtomicU64>,
    /// What starts found of late while the generator was on time.
    usual: Found,
    /// What they found while it caught up.
    behind: Found,
}

/// What starts found.
#[derive(Debug, Default)]
struct Found {
    /// A user.
    user: AtomicU64,
    /// All busy.
    all_busy: AtomicU64,
    /// All busy, as the generator was late.
    late: AtomicU64,
}

/// So many starts tell what they find of late.
const OF_LATE: u64 = 4096;

/// By so much may the starts of one shard be ahead of those of another: to hand users to and fro for each of them would
/// leave the users idle in between.
const AHEAD: Duration = Duration::from_millis(10);
/// No start waits.
const NOBODY: u64 = u64::MAX;

/// A start that asks for a user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking {
    /// The shard whose start it is.
    pub(crate) shard: usize,
    /// When it was due.
    pub(crate) due: Offset,
    /// Whether it is late because a user was waited for, by it or by what was due before it.
    pub(crate) held_up: bool,
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
    /// So many users for so many shards.
    pub(crate) fn new(bound: Option<u32>, shards: usize) -> Self {
        let bound = bound.map(|users| Bound {
            free: AtomicU32::new(users),
            patience: AtomicU64::new(0),
            lateness: AtomicU64::new(0),
            waiting: (0..shards).map(|_| AtomicU64::new(NOBODY)).collect(),
            usual: Found::default(),
            behind: Found::default(),
        });
        Self { bound }
    }

    /// Takes one user; false where all are busy. Each that was taken is given back.
    pub(crate) fn take(&self, asking: Asking, now: impl FnOnce() -> Offset) -> bool {
        let Some(bound) = &self.bound else {
            return true;
        };
        let older = bound.older(asking);
        let one_less = |free: u32| free.checked_sub(1).filter(|left| *left >= older);
        let taken = bound
            .free
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
            .is_ok();
        if taken {
            let now = now();
            if !asking.held_up {
                bound.note(now.since(asking.due), now);
            }
            let found = bound.found(now).map(|found| &found.user);
            found.map(|users| users.fetch_add(1, Ordering::Relaxed));
        }
        taken
    }

    pub(crate) fn give_back(&self) {
        if let Some(bound) = &self.bound {
            bound.free.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether all are busy, or kept for starts of other shards that have waited for longer.
    pub(crate) fn are_all_busy(&self, asking: Asking) -> bool {
        let mut bound = self.bound.iter();
        bound.any(|bound| bound.free.load(Ordering::Relaxed) <= bound.older(asking))
    }

    /// Tells the other shards of the start that waits in this one, or that none does.
    pub(crate) fn wait(&self, shard: usize, due: Option<Offset>) {
        let bound = self.bound.as_ref();
        if let Some(waiting) = bound.and_then(|bound| bound.waiting.get(shard)) {
            waiting.store(due.map_or(NOBODY, Offset::as_nanos), Ordering::Relaxed);
        }
    }

    /// How late a start may be that finds all busy, and still wait for one of them.
    ///
    /// Where all were taken so late, they would have been just as busy when it was due, had nothing been late: an arrival
    /// that is as late as they were finds what it would have found. One that is less late would have found a user who was
    /// done by then, and may wait for that. Half as much again is allowed, as shards take users out of turn. What is
    /// allowed shrinks as time passes, so that a load which keeps all users busy is on time again some day.
    pub(crate) fn patience(&self, now: Offset) -> Duration {
        let bound = self.bound.as_ref();
        bound.map_or(Duration::ZERO, |bound| bound.patience(now))
    }

    /// Why a start is dropped that found all busy: because they are, or because the generator has to catch up.
    ///
    /// While it does, as many of all starts as on time would have found all busy just as well: what is dropped beyond them
    /// is lost by its lateness. Under a load that keeps all users busy that is next to nothing.
    pub(crate) fn blame(&self, now: Offset) -> DropReason {
        let mut bound = self.bound.iter();
        let late = bound.any(|bound| match bound.found(now) {
            None => false,
            Some(found) if std::ptr::eq(found, &bound.usual) => {
                found.forget();
                found.all_busy.fetch_add(1, Ordering::Relaxed);
                false
            }
            Some(found) => found.is_late(&bound.usual),
        });
        match late {
            true => DropReason::Late,
            false => DropReason::MaxVus,
        }
    }
}

impl Found {
    /// Takes in one more start that found all busy: whether that is more than usual, so that lateness is to blame.
    fn is_late(&self, usual: &Self) -> bool {
        let [user, all_busy, late] = self.counts();
        let [usual_user, usual_busy, _] = usual.counts();
        let starts = u128::from(user + all_busy + late + 1);
        let expected = u128::from(usual_busy) * starts;
        let is_late = u128::from(all_busy + 1) * u128::from(usual_user + usual_busy) > expected;
        let counted = if is_late { &self.late } else { &self.all_busy };
        counted.fetch_add(1, Ordering::Relaxed);
        is_late
    }

    /// What is long past weighs half of what is recent.
    fn forget(&self) {
        let [user, all_busy, _] = self.counts();
        if user + all_busy >= OF_LATE {
            self.user.store(user / 2, Ordering::Relaxed);
            self.all_busy.store(all_busy / 2, Ordering::Relaxed);
        }
    }

    fn clear(&self) {
        for counted in [&self.user, &self.all_busy, &self.late] {
            counted.store(0, Ordering::Relaxed);
        }
    }

    fn counts(&self) -> [u64; 3] {
        [&self.user, &self.all_busy, &self.late].map(|counted| counted.load(Ordering::Relaxed))
    }
}

impl Bound {
    /// How many starts of other shards wait that were due well before.
    fn older(&self, asking: Asking) -> u32 {
        let due = asking
            .due
            .as_nanos()
            .saturating_sub(AHEAD.as_nanos() as u64);
        let others = self.waiting.iter().enumerate();
        let older = others.filter(|(shard, waiting)| {
            *shard != asking.shard && waiting.load(Ordering::Relaxed) < due
        });
        u32::try_from(older.count()).unwrap_or(u32::MAX)
    }

    /// Notes that a user was taken so late, for no other reason than the generator.
    fn note(&self, late: Duration, now: Offset) {
        if late <= TOLERANCE {
            return;
        }
        let allowed = Offset::from_nanos(now.as_nanos() / CATCHING_UP).after(late + late / 2);
        let before = self
            .patience
            .fetch_max(allowed.as_nanos(), Ordering::Relaxed);
        if before < allowed.as_nanos() {
            let late = Offset::from(late).as_nanos();
            self.lateness.store(late, Ordering::Relaxed);
            self.behind.clear();
        }
    }

    /// Where it is counted what a start finds now: nowhere while those that wait are as late as the latest was, since they
    /// find what they would have found on time.
    fn found(&self, now: Offset) -> Option<&Found> {
        let patience = self.patience(now).as_nanos();
        if patience == 0 {
            return Some(&self.usual);
        }
        let lateness = self.lateness.load(Ordering::Relaxed);
        (patience < u128::from(lateness)).then_some(&self.behind)
    }

    fn patience(&self, now: Offset) -> Duration {
        let allowed = self.patience.load(Ordering::Relaxed);
        Duration::from_nanos(allowed.saturating_sub(now.as_nanos() / CATCHING_UP))
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

    fn millis(at: u64) -> Offset {
        Offset::from(Duration::from_millis(at))
    }

    fn asking(shard: usize, due: u64) -> Asking {
        Asking {
            shard,
            due: millis(due),
            held_up: false,
        }
    }

    #[test]
    fn a_busy_user_is_free_again_when_given_back() {
        let users = BusyUsers::new(Some(2), 1);
        let take = |users: &BusyUsers, at| users.take(asking(0, at), || millis(at));
        let all_busy = |users: &BusyUsers| users.are_all_busy(asking(0, 20));
        assert_eq!([10, 10, 10].map(|at| take(&users, at)), [true, true, false]);
        assert!(all_busy(&users));
        users.give_back();
        assert!(!all_busy(&users) && take(&users, 20) && all_busy(&users));
        let unbounded = BusyUsers::new(None, 1);
        assert!(unbounded.take(asking(0, 0), || millis(50)) && !all_busy(&unbounded));
        assert_eq!(unbounded.patience(millis(50)), Duration::ZERO);
        assert_eq!(unbounded.blame(millis(50)), DropReason::MaxVus);
    }

    #[test]
    fn patience_is_as_long_as_users_were_taken_late_and_shrinks() {
        let users = BusyUsers::new(Some(9), 1);
        let take = |due, at| users.take(asking(0, due), || millis(at));
        let patience = |at| users.patience(millis(at)).as_millis();
        // In time, or as good as that.
        assert!(take(1_000, 1_000) && take(1_000, 1_001));
        assert_eq!(patience(1_001), 0);
        assert!(take(1_000, 1_200));
        let at = [1_200, 1_300, 2_200, 4_199, 4_200, 9_000];
        assert_eq!(at.map(patience), [300, 290, 200, 0, 0, 0]);
        // While as much is allowed as users were late, whoever is dropped would have been all the same.
        use DropReason::{Late, MaxVus};
        let blamed = [1_200, 2_200, 2_201, 4_190, 4_200].map(|at| users.blame(millis(at)));
        assert_eq!(blamed, [MaxVus, MaxVus, Late, Late, MaxVus]);
        // Who waited prolongs nothing.
        let held_up = Asking {
            held_up: true,
            ..asking(0, 1_000)
        };
        assert!(users.take(held_up, || millis(1_300)));
        assert_eq!([1_300, 2_200].map(patience), [290, 200]);
        // A generator that is late once more does.
        assert!(take(1_500, 2_300));
        assert_eq!(patience(2_300), 1_200);
    }

    #[test]
    fn what_would_have_been_dropped_on_time_is_not_the_generators() {
        use DropReason::{Late, MaxVus};
        // How many of so many starts find all busy on time, and how many of 100 do while the generator catches up.
        for (usual, behind, late) in [
            ((0, 100), 10, 10),
            ((50, 100), 50, 0),
            ((50, 100), 60, 10),
            ((90, 100), 80, 0),
            ((100, 100), 100, 0),
            // What was long ago counts little.
            ((9_000, 10_000), 95, 5),
        ] {
            let users = BusyUsers::new(Some(20_000), 1);
            let (busy, starts) = usual;
            let find = |all_busy: bool, at: u64| match all_busy {
                true => Some(users.blame(millis(at))),
                false => {
                    assert!(users.take(asking(0, at), || millis(at)));
                    None
                }
            };
            for start in 0..starts {
                let all_busy = start * busy / starts != (start + 1) * busy / starts;
                assert_ne!(find(all_busy, 1_000), Some(Late), "on time");
            }
            assert!(users.take(asking(0, 1_000), || millis(1_200)));
            assert_eq!(users.blame(millis(1_200)), MaxVus, "as late as all");
            // Not taken late again, so that this lasts.
            let held_up = |at| Asking {
                held_up: true,
                ..asking(0, at)
            };
            let mut lost = 0;
            for start in 0..100 {
                let all_busy = start * behind / 100 != (start + 1) * behind / 100;
                match all_busy {
                    true => lost += u64::from(users.blame(millis(2_500)) == Late),
                    false => assert!(users.take(held_up(2_400), || millis(2_500))),
                }
            }
            assert!(lost.abs_diff(late) <= 1, "{usual:?} {behind}: {lost}");
        }
    }

    #[test]
    fn who_has_waited_for_longest_comes_first() {
        let users = BusyUsers::new(Some(2), 3);
        let take = |shard, due| users.take(asking(shard, due), || millis(90));
        users.wait(1, Some(millis(20)));
        // One is kept for the start that waits.
        assert!(take(0, 40) && users.are_all_busy(asking(0, 41)) && !take(0, 41));
        assert!(!users.are_all_busy(asking(2, 10)), "it was due before");
        assert!(
            !users.are_all_busy(asking(2, 30)),
            "it was due but a little later"
        );
        assert!(take(1, 20));
        users.wait(1, None);
        users.give_back();
        assert!(take(0, 41));
    }
}
