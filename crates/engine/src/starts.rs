//! What a shard is to begin, and when: the stays of its users and its arrivals, in the order of their due times.

use crate::schedule::{ArrivalTimes, Schedule, Stay};
use loadgen_stats::{Offset, ScenarioIndex};
use std::vec;

/// Something to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// A user of a closed load comes.
    Stay(Stay),
    /// An iteration of an open load is due: its number, and when.
    Arrival(u64, Offset),
}

/// All that one shard is to begin.
#[derive(Debug)]
pub(crate) struct Starts {
    sources: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    scenario: ScenarioIndex,
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
    pub(crate) fn new(schedules: &[Schedule], seed: u64, shard: usize, shards: usize) -> Self {
        let source = |(scenario, schedule): (usize, &Schedule)| {
            let rest = match schedule.arrivals(seed, shard, shards) {
                Some(arrivals) => Rest::Arrivals(Box::new(arrivals)),
                None => Rest::Stays(schedule.stays(shard, shards).into_iter()),
            };
            let mut source = Source {
                scenario: ScenarioIndex(scenario),
                next: None,
                rest,
            };
            source.advance();
            source
        };
        Self {
            sources: schedules.iter().enumerate().map(source).collect(),
        }
    }

    /// When the next start is due; none where all have begun.
    pub(crate) fn next_due(&self) -> Option<Offset> {
        self.sources
            .iter()
            .filter_map(|source| Some(source.next?.due()))
            .min()
    }

    /// The next start that is due at or before `now`.
    pub(crate) fn take_due(&mut self, now: Offset) -> Option<(ScenarioIndex, Start)> {
        let due = self.next_due().filter(|due| *due <= now)?;
        let source = self
            .sources
            .iter_mut()
            .find(|source| source.next.is_some_and(|start| start.due() == due))?;
        let start = source.next?;
        source.advance();
        Some((source.scenario, start))
    }

    /// Forgets all starts that have not begun; tells the due time of every arrival that was due before `until`.
    pub(crate) fn forget(&mut self, until: Offset, mut tell: impl FnMut(ScenarioIndex, Offset)) {
        for mut source in std::mem::take(&mut self.sources) {
            while let Some(Start::Arrival(_, due)) = source.next
                && due < until
            {
                tell(source.scenario, due);
                source.advance();
            }
        }
    }
}

impl Source {
    fn advance(&mut self) {
        self.next = match &mut self.rest {
            Rest::Stays(stays) => stays.next().map(Start::Stay),
            Rest::Arrivals(arrivals) => arrivals
                .next()
                .map(|(number, due)| Start::Arrival(number, due)),
        };
    }
}
