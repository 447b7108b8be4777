//! What a shard is to begin of one load, and when: the stays of its users or its arrivals, in the order of their due
//! times.

use crate::{
    schedule::{ArrivalTimes, Schedule, Stay, Stays, Steered, SteeredArrivals},
    seats::{Change, Seats},
};
use loadgen_stats::Offset;
use std::{rc::Rc, vec};

/// Something to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// A user of a closed load comes.
    Stay(Stay),
    /// An iteration of an open load is due: its number, and when.
    Arrival(u64, Offset),
}

/// All that one shard is to begin of a load.
#[derive(Debug)]
pub(crate) struct Starts {
    next: Option<Start>,
    rest: Rest,
    /// How often the load was changed.
    turn: u64,
}

#[derive(Debug)]
enum Rest {
    None,
    Stays(Box<Stays>),
    Arrivals(Box<ArrivalTimes>),
    /// Users of a load that is steered: those who are to come.
    Seats(Rc<Seats>, vec::IntoIter<Stay>),
    /// Arrivals of a load that is steered.
    Steered(Box<SteeredArrivals>),
}

impl Start {
    const fn due(&self) -> Offset {
        match self {
            Self::Stay(stay) => stay.from,
            Self::Arrival(_, due) => *due,
        }
    }
}

impl Starts {
    /// Nothing to begin.
    pub(crate) fn none() -> Self {
        Self {
            next: None,
            rest: Rest::None,
            turn: 0,
        }
    }

    pub(crate) fn of(
        schedule: &Schedule,
        seats: &Rc<Seats>,
        seed: u64,
        shard: usize,
        shards: usize,
    ) -> Self {
        let rest = match (schedule.steered(), schedule.arrivals(seed, shard, shards)) {
            (Some(Steered::Users), _) => Rest::Seats(Rc::clone(seats), Vec::new().into_iter()),
            (Some(Steered::Arrivals(spread)), _) => {
                Rest::Steered(Box::new(SteeredArrivals::new(spread, seed, shard, shards)))
            }
            (None, Some(arrivals)) => Rest::Arrivals(Box::new(arrivals)),
            (None, None) => Rest::Stays(Box::new(schedule.stays(shard, shards))),
        };
        let mut starts = Self {
            next: None,
            rest,
            turn: 0,
        };
        // A load that is steered has no start before its first change.
        if schedule.steered().is_none() {
            starts.advance();
        }
        starts
    }

    /// Changes a load that is steered; any other stays as it is.
    pub(crate) fn steer(&mut self, change: &Change, shard: usize, shards: usize) {
        match &mut self.rest {
            Rest::None | Rest::Stays(_) | Rest::Arrivals(_) => return,
            Rest::Seats(seats, stays) => {
                // Who was still to come at the level before is among those who come at this one.
                let next = self.next.iter().filter_map(|next| match next {
                    Start::Stay(stay) => Some(stay),
                    Start::Arrival(..) => None,
                });
                let waiting: Vec<Stay> = next.chain(stays.as_slice()).copied().collect();
                let new = seats.steer(change, self.turn, (shard, shards), &waiting);
                *stays = new.into_iter();
                self.next = stays.next().map(Start::Stay);
            }
            Rest::Steered(arrivals) => {
                arrivals.steer(change.level.load, change.at);
                self.next = arrivals
                    .peek()
                    .map(|(number, due)| Start::Arrival(number, due));
            }
        }
        self.turn += 1;
    }

    /// When the next start is due; none where all have begun.
    pub(crate) fn next_due(&self) -> Option<Offset> {
        Some(self.next?.due())
    }

    /// The next start.
    pub(crate) fn take(&mut self) -> Option<Start> {
        let start = self.next;
        self.advance();
        start
    }

    /// Takes the users that are there from the start of the run and were not begun; says how many they were.
    pub(crate) fn take_first_users(&mut self) -> usize {
        let mut taken = 0;
        while let Some(Start::Stay(stay)) = &self.next
            && stay.from == Offset::ZERO
        {
            taken += 1;
            self.advance();
        }
        taken
    }

    /// Forgets all starts; tells of every arrival that was due before `until`: its number, and when it was due.
    pub(crate) fn forget(&mut self, until: Offset, mut tell: impl FnMut(u64, Offset)) {
        while let Some(Start::Arrival(number, due)) = self.next
            && due < until
        {
            tell(number, due);
            self.advance();
        }
        *self = Self::none();
    }

    fn advance(&mut self) {
        self.next = match &mut self.rest {
            Rest::None => None,
            Rest::Stays(stays) => stays.next().map(Start::Stay),
            Rest::Arrivals(arrivals) => arrivals
                .next()
                .map(|(number, due)| Start::Arrival(number, due)),
            Rest::Seats(_, stays) => stays.next().map(Start::Stay),
            Rest::Steered(arrivals) => {
                arrivals.advance();
                arrivals
                    .peek()
                    .map(|(number, due)| Start::Arrival(number, due))
            }
        };
    }
}
