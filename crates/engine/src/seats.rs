//! The users of a steered load on one shard: who is there, and who has to go.

use crate::schedule::{Level, Stay};
use loadgen_stats::Offset;
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};
use tokio::sync::watch;

/// A change of a steered load, told to every shard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Change {
    /// When it takes effect.
    pub(crate) at: Offset,
    /// What it changes to.
    pub(crate) level: Level,
}

/// The seats of one load on a shard: user n of the load has the seat n, and belongs to the shard n ≡ shard (mod shards).
#[derive(Debug)]
pub(crate) struct Seats {
    taken: RefCell<BTreeSet<u32>>,
    /// Users with this seat or a higher one have to go.
    wanted: watch::Sender<u32>,
    /// The most users that come in a second; none where that is not bounded.
    connect_rate: Option<f64>,
    /// When those have come who came last of all that are known of.
    all_there: Cell<Offset>,
}

/// A taken seat; free again when it and all that share it are dropped.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    taken: Rc<Taken>,
    wanted: watch::Receiver<u32>,
}

#[derive(Debug)]
struct Taken {
    seats: Rc<Seats>,
    number: u32,
}

impl Seats {
    /// The seats of a load of which so many users come in a second at most, where that is bounded.
    pub(crate) fn new(connect_rate: Option<f64>) -> Rc<Self> {
        Rc::new(Self {
            taken: RefCell::default(),
            wanted: watch::Sender::new(0),
            connect_rate,
            all_there: Cell::new(Offset::ZERO),
        })
    }

    /// Takes a seat, which is free.
    pub(crate) fn take(self: &Rc<Self>, number: u32) -> Seat {
        self.taken.borrow_mut().insert(number);
        let seats = Rc::clone(self);
        Seat {
            taken: Rc::new(Taken { seats, number }),
            wanted: self.wanted.subscribe(),
        }
    }

    /// Changes how many users the whole load is to have; the stays of this shard's new ones, by when they come. `waiting`
    /// are those of its stays that have not begun.
    ///
    /// New users come one after the other until half of the time to the measured part has passed, or for longer where so
    /// many may not come in it: all at once they would hit the service in one wave, again and again.
    pub(crate) fn steer(
        &self,
        change: &Change,
        turn: u64,
        (shard, shards): (usize, usize),
        waiting: &[Stay],
    ) -> Vec<Stay> {
        let before = *self.wanted.borrow();
        let wanted = users(change.level.load);
        self.wanted.send_replace(wanted);
        let new = wanted.saturating_sub(before);
        let (begins, spread) = self.spread(change, new);
        // Whoever was still to come keeps its turn.
        let turns = waiting.iter().filter(|_| self.connect_rate.is_some());
        let turns: BTreeMap<u32, Offset> = turns.map(|stay| (stay.place, stay.from)).collect();
        let taken = self.taken.borrow();
        let own = (0..wanted).skip(shard).step_by(shards.max(1));
        let from = |seat: u32| match seat.checked_sub(before) {
            Some(place) => begins.after(spread.mul_f64(f64::from(place) / f64::from(new))),
            None => turns.get(&seat).copied().unwrap_or(change.at),
        };
        let stay = |seat: u32| Stay {
            // Another number for every stay, however often the seat was taken before.
            user: (turn << 32) | u64::from(seat),
            place: seat,
            from: from(seat),
            until: Offset::MAX,
            cut: None,
        };
        let mut stays: Vec<Stay> = own.filter(|seat| !taken.contains(seat)).map(stay).collect();
        stays.sort_by_key(|stay| stay.from);
        stays
    }

    /// When the first of so many new users comes, and the time in which all of them do.
    fn spread(&self, change: &Change, new: u32) -> (Offset, Duration) {
        let Some(rate) = self.connect_rate.filter(|_| new > 0) else {
            return (change.at, change.level.from.since(change.at) / 2);
        };
        // Those of the change before are known by their number alone: whoever of them is not there yet may be another
        // shard's.
        let begins = self.all_there.get().max(change.at);
        let least = Duration::try_from_secs_f64(f64::from(new) / rate).unwrap_or(Duration::MAX);
        let spread = least.max(change.level.from.since(begins) / 2);
        self.all_there.set(begins.after(spread));
        (begins, spread)
    }
}

impl Seat {
    /// Whether its user has to go.
    pub(crate) fn is_lost(&self) -> bool {
        self.taken.number >= *self.wanted.borrow()
    }

    /// Waits until its user has to go.
    pub(crate) async fn lost(&mut self) {
        let number = self.taken.number;
        if self
            .wanted
            .wait_for(|wanted| number >= *wanted)
            .await
            .is_err()
        {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.seats.taken.borrow_mut().remove(&self.number);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and a load below zero is none"
)]
fn users(load: f64) -> u32 {
    load.round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(load: f64, at: u64, from: u64) -> Change {
        let second = |seconds| Offset::from(Duration::from_secs(seconds));
        Change {
            at: second(at),
            level: Level {
                load,
                from: second(from),
                until: Offset::MAX,
            },
        }
    }

    fn told(stays: &[Stay]) -> Vec<(u32, f64)> {
        stays
            .iter()
            .map(|stay| (stay.place, stay.from.as_secs_f64()))
            .collect()
    }

    #[test]
    fn new_users_come_one_after_the_other() {
        let seats = Seats::new(None);
        let first = seats.steer(&change(4.0, 10, 14), 0, (0, 1), &[]);
        assert_eq!(told(&first), [(0, 10.0), (1, 10.5), (2, 11.0), (3, 11.5)]);
        let taken: Vec<Seat> = (0..4).map(|seat| seats.take(seat)).collect();
        let more = seats.steer(&change(6.0, 20, 24), 1, (0, 1), &[]);
        assert_eq!(told(&more), [(4, 20.0), (5, 21.0)]);
        assert!(taken.iter().all(|seat| !seat.is_lost()));
        assert!(
            first
                .iter()
                .all(|one| more.iter().all(|other| one.user != other.user))
        );
    }

    #[test]
    fn who_is_too_many_has_to_go_and_who_is_still_there_stays() {
        let seats = Seats::new(None);
        seats.steer(&change(4.0, 0, 0), 0, (0, 1), &[]);
        let mut taken: Vec<Seat> = (0..4).map(|seat| seats.take(seat)).collect();
        assert_eq!(told(&seats.steer(&change(2.0, 5, 9), 1, (0, 1), &[])), []);
        let lost: Vec<bool> = taken.iter().map(Seat::is_lost).collect();
        assert_eq!(lost, [false, false, true, true]);
        // The last has gone by the next change; the one before it has not, and is wanted again.
        taken.pop();
        assert_eq!(
            told(&seats.steer(&change(4.0, 10, 12), 2, (0, 1), &[])),
            [(3, 10.5)]
        );
        assert!(!taken[2].is_lost());
        // One that ended by itself gets its seat back at once.
        taken.remove(0);
        assert_eq!(
            told(&seats.steer(&change(4.0, 20, 24), 3, (0, 1), &[])),
            [(0, 20.0), (3, 20.0)]
        );
    }

    #[test]
    fn new_users_are_no_more_in_a_second_than_may_come() {
        // Two in a second: the half of the time to the measured part is too short for six.
        let seats = Seats::new(Some(2.0));
        let first = seats.steer(&change(6.0, 10, 14), 0, (0, 1), &[]);
        let times: Vec<f64> = told(&first).iter().map(|(_, from)| *from).collect();
        assert_eq!(times, [10.0, 10.5, 11.0, 11.5, 12.0, 12.5]);
        // Three have come when the load changes: the others keep their turn, and those who are new come behind them. Of
        // those that have come, one has ended by itself.
        let _taken: Vec<Seat> = [0, 2].map(|seat| seats.take(seat)).into();
        let more = seats.steer(&change(8.0, 11, 12), 1, (0, 1), &first[3..]);
        let expected = [
            (1, 11.0),
            (3, 11.5),
            (4, 12.0),
            (5, 12.5),
            (6, 13.0),
            (7, 13.5),
        ];
        assert_eq!(told(&more), expected);
        // With time enough they come as they would have.
        let calm = Seats::new(Some(2.0)).steer(&change(4.0, 10, 18), 0, (0, 1), &[]);
        assert_eq!(told(&calm), [(0, 10.0), (1, 11.0), (2, 12.0), (3, 13.0)]);
    }

    #[test]
    fn shards_together_are_the_whole() {
        for (shards, rate) in [(2, None), (7, None), (2, Some(5.0)), (7, Some(5.0))] {
            let whole = told(&Seats::new(rate).steer(&change(20.0, 3, 9), 0, (0, 1), &[]));
            let mut all: Vec<(u32, f64)> = (0..shards)
                .flat_map(|shard| {
                    told(&Seats::new(rate).steer(&change(20.0, 3, 9), 0, (shard, shards), &[]))
                })
                .collect();
            all.sort_by_key(|(seat, _)| *seat);
            assert_eq!(all, whole, "{shards} shards");
        }
    }

    #[tokio::test]
    async fn a_lost_seat_is_noticed() {
        let seats = Seats::new(None);
        seats.steer(&change(1.0, 0, 0), 0, (0, 1), &[]);
        let mut seat = seats.take(0);
        let (mut lost, mut still) = (false, true);
        tokio::select! {
            biased;
            () = seat.lost() => lost = true,
            () = tokio::task::yield_now() => still = false,
        }
        assert!(!lost && !still);
        seats.steer(&change(0.0, 5, 5), 1, (0, 1), &[]);
        seat.lost().await;
        assert!(seat.is_lost());
    }
}
