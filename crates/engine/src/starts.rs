//! What a shard is to begin of one load, and when: the stays of its users or its arrivals, in the order of their due
//! times.

use crate::schedule::{ArrivalTimes, Schedule, Stay};
use loadgen_stats::Offset;
use std::vec;

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
}

#[derive(Debug)]
enum Rest {
    Stays(vec::IntoIter<Stay>),
    Arrivals(Box<ArrivalTimes>),
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
            rest: Rest::Stays(Vec::new().into_iter()),
        }
    }

    pub(crate) fn of(schedule: &Schedule, seed: u64, shard: usize, shards: usize) -> Self {
        let rest = match schedule.arrivals(seed, shard, shards) {
            Some(arrivals) => Rest::Arrivals(Box::new(arrivals)),
            None => Rest::Stays(schedule.stays(shard, shards).into_iter()),
        };
        let mut starts = Self { next: None, rest };
        starts.advance();
        starts
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
            Rest::Stays(stays) => stays.next().map(Start::Stay),
            Rest::Arrivals(arrivals) => arrivals
                .next()
                .map(|(number, due)| Start::Arrival(number, due)),
        };
    }
}
