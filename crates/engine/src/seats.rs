//! The users of a steered load on one shard: who is there, and who has to go.

use crate::schedule::{Level, Stay};
use loadgen_stats::Offset;
use std::{cell::RefCell, collections::BTreeSet, rc::Rc};
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
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            taken: RefCell::default(),
            wanted: watch::Sender::new(0),
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

    /// Changes how many users the whole load is to have; the stays of this shard's new ones, by when they come.
    ///
    /// New users come one after the other until half of the time to the measured part has passed: all at once they would
    /// hit the service in one wave, again and again.
    pub(crate) fn steer(
        &self,
        change: &Change,
        turn: u64,
        (shard, shards): (usize, usize),
    ) -> Vec<Stay> {
        let before = *self.wanted.borrow();
        let wanted = users(change.level.load);
        self.wanted.send_replace(wanted);
        let spread = change.level.from.since(change.at) / 2;
        let taken = self.taken.borrow();
        let own = (0..wanted).skip(shard).step_by(shards.max(1));
        let stay = |seat: u32| {
            let part = match wanted.checked_sub(before) {
                Some(new) if seat >= before && new > 0 => f64::from(seat - before) / f64::from(new),
                _ => 0.0,
            };
            Stay {
                // Another number for every stay, however often the seat was taken before.
                user: (turn << 32) | u64::from(seat),
                place: seat,
                from: change.at.after(spread.mul_f64(part)),
                until: Offset::MAX,
                cut: None,
            }
        };
        own.filter(|seat| !taken.contains(seat)).map(stay).collect()
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
    use std::time::Duration;

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
        let seats = Seats::new();
        let first = seats.steer(&change(4.0, 10, 14), 0, (0, 1));
        assert_eq!(told(&first), [(0, 10.0), (1, 10.5), (2, 11.0), (3, 11.5)]);
        let taken: Vec<Seat> = (0..4).map(|seat| seats.take(seat)).collect();
        let more = seats.steer(&change(6.0, 20, 24), 1, (0, 1));
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
        let seats = Seats::new();
        seats.steer(&change(4.0, 0, 0), 0, (0, 1));
        let mut taken: Vec<Seat> = (0..4).map(|seat| seats.take(seat)).collect();
        assert_eq!(told(&seats.steer(&change(2.0, 5, 9), 1, (0, 1))), []);
        let lost: Vec<bool> = taken.iter().map(Seat::is_lost).collect();
        assert_eq!(lost, [false, false, true, true]);
        // The last has gone by the next change; the one before it has not, and is wanted again.
        taken.pop();
        assert_eq!(
            told(&seats.steer(&change(4.0, 10, 12), 2, (0, 1))),
            [(3, 10.5)]
        );
        assert!(!taken[2].is_lost());
        // One that ended by itself gets its seat back at once.
        taken.remove(0);
        assert_eq!(
            told(&seats.steer(&change(4.0, 20, 24), 3, (0, 1))),
            [(0, 20.0), (3, 20.0)]
        );
    }

    #[test]
    fn shards_together_are_the_whole() {
        let whole = told(&Seats::new().steer(&change(20.0, 3, 9), 0, (0, 1)));
        for shards in [2, 7] {
            let mut all: Vec<(u32, f64)> = (0..shards)
                .flat_map(|shard| {
                    told(&Seats::new().steer(&change(20.0, 3, 9), 0, (shard, shards)))
                })
                .collect();
            all.sort_by_key(|(seat, _)| *seat);
            assert_eq!(all, whole, "{shards} shards");
        }
    }

    #[tokio::test]
    async fn a_lost_seat_is_noticed() {
        let seats = Seats::new();
        seats.steer(&change(1.0, 0, 0), 0, (0, 1));
        let mut seat = seats.take(0);
        let (mut lost, mut still) = (false, true);
        tokio::select! {
            biased;
            () = seat.lost() => lost = true,
            () = tokio::task::yield_now() => still = false,
        }
        assert!(!lost && !still);
        seats.steer(&change(0.0, 5, 5), 1, (0, 1));
        seat.lost().await;
        assert!(seat.is_lost());
    }
}
