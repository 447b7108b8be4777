//! Who comes and goes in a closed load: the stays of its users, each worked out when it is needed.

use super::line::Line;
use loadgen_stats::Offset;
use std::{ops::Range, time::Duration};

/// A stay of one user of a closed load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    /// The user's number in its load: another one for every stay.
    pub user: u64,
    /// Its place: it is there while the level has more users than this.
    pub place: u32,
    /// When it comes.
    pub from: Offset,
    /// It begins no iteration at or after this.
    pub until: Offset,
    /// An iteration that still runs then is cut; none where the end of the load decides.
    pub cut: Option<Offset>,
}

/// The stays of the users of one shard, by when they come: those at every place ≡ shard (mod shards).
///
/// A ramp may have millions of them. So they are found one after the other as the level climbs, and none is kept.
#[derive(Clone, Debug)]
pub struct Stays {
    users: Users,
    shard: u32,
    shards: u32,
    /// The piece of the line in which users come next, and those of its places that are left: first of the users who are
    /// there when it begins, then of those who come while it climbs.
    piece: usize,
    jump: Range<u32>,
    climb: Range<u32>,
}

/// The users of a closed load.
#[derive(Clone, Debug)]
pub(super) struct Users {
    pub(super) line: Line,
    /// The most at once.
    pub(super) most: u32,
    pub(super) start: Offset,
    pub(super) graceful_ramp_down: Duration,
}

impl Stays {
    pub(super) fn new(users: Users, shard: usize, shards: usize) -> Self {
        let whole = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let mut stays = Self {
            users,
            shard: whole(shard),
            shards: whole(shards).max(1),
            piece: 0,
            jump: 0..0,
            climb: 0..0,
        };
        stays.enter();
        stays
    }

    /// No stay at all.
    pub(super) fn none() -> Self {
        let users = Users {
            line: Line::constant(0.0, Duration::ZERO),
            most: 0,
            start: Offset::ZERO,
            graceful_ramp_down: Duration::ZERO,
        };
        Self::new(users, 0, 1)
    }

    /// Looks up who comes in the piece.
    fn enter(&mut self) {
        let Some((before, from, to)) = self.users.line.levels(self.piece) else {
            return;
        };
        let places = |below: f64, upto: f64| {
            let most = self.users.most;
            let (first, end) = (places_up_to(below), places_up_to(upto).min(most));
            // The first place of this shard.
            let ahead = (self.shard + self.shards - first % self.shards) % self.shards;
            first.saturating_add(ahead)..end
        };
        (self.jump, self.climb) = (places(before, from), places(from, to));
    }

    /// The next place to which somebody may come, and in which piece.
    fn next_place(&mut self) -> Option<(usize, u32)> {
        loop {
            for places in [&mut self.jump, &mut self.climb] {
                if places.start < places.end {
                    let place = places.start;
                    places.start = place.saturating_add(self.shards);
                    return Some((self.piece, place));
                }
            }
            self.piece += 1;
            self.users.line.levels(self.piece)?;
            self.enter();
        }
    }
}

impl Iterator for Stays {
    type Item = Stay;

    fn next(&mut self) -> Option<Stay> {
        loop {
            let (piece, place) = self.next_place()?;
            if let Some(stay) = self.users.stay(piece, place) {
                return Some(stay);
            }
        }
    }
}

impl Users {
    /// The stay at a place that begins in that piece of the line.
    fn stay(&self, piece: usize, place: u32) -> Option<Stay> {
        let mut turn = 0;
        for (begins, from, until) in self.line.times_above(threshold(place)) {
            if begins < piece {
                turn += 1;
                continue;
            }
            let (from, until) = (self.start.after(from), self.start.after(until));
            let end = self.start.after(self.line.length());
            return (begins == piece).then_some(Stay {
                user: u64::from(place) + turn * u64::from(self.most),
                place,
                from,
                until,
                cut: (until < end).then(|| until.after(self.graceful_ramp_down)),
            });
        }
        None
    }

    /// The numbers that the stays take in all: as many for each place as the one has at which users come most often.
    pub(super) fn numbers(&self) -> u64 {
        // How often somebody comes changes only where a piece begins or ends.
        let around = |level: f64| [places_up_to(level).saturating_sub(1), places_up_to(level)];
        let places = self.line.corners().flat_map(around);
        let places = places.chain([0]).filter(|place| *place < self.most);
        let turns = places.map(|place| self.line.times_above(threshold(place)).count());
        u64::from(self.most) * turns.max().unwrap_or_default() as u64
    }
}

/// Whoever has that place is there while the level is no less.
fn threshold(place: u32) -> f64 {
    f64::from(place) + 0.5
}

/// How many places have a user at that level.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and a level below zero has no user"
)]
fn places_up_to(level: f64) -> u32 {
    (level + 0.5).floor() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_of_millions_of_stays() {
        // Ten thousand users come and go 400 times.
        let second = Duration::from_secs(1);
        let waves = (0..400).map(|wave| (second, if wave % 2 == 0 { 10_000.0 } else { 0.0 }));
        let users = Users {
            line: Line::ramps(0.0, waves),
            most: 10_000,
            start: Offset::ZERO,
            graceful_ramp_down: Duration::ZERO,
        };
        assert_eq!(users.numbers(), 200 * 10_000);
        let stays = Stays::new(users, 3, 7);
        assert!(size_of_val(&stays) < 256);
        let first: Vec<_> = stays.take(2).map(|stay| (stay.place, stay.user)).collect();
        assert_eq!(first, [(3, 3), (10, 10)]);
    }

    #[test]
    fn after_the_last_stay_comes_none() {
        let mut none = Stays::none();
        assert_eq!([none.next(), none.next()], [None, None]);
        let mut stays = Stays::new(
            Users {
                line: Line::ramps(1.0, [(Duration::from_secs(4), 3.0), (Duration::ZERO, 9.0)]),
                most: 9,
                start: Offset::ZERO,
                graceful_ramp_down: Duration::ZERO,
            },
            0,
            1,
        );
        let from: Vec<f64> = stays.by_ref().map(|stay| stay.from.as_secs_f64()).collect();
        assert_eq!(from, [0.0, 1.0, 3.0]);
        assert_eq!([stays.next(), stays.next()], [None, None]);
    }
}
