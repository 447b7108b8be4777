//! Which rows of the data sets users get.
//!
//! Rows in order are taken from a count that all shards share, so that which rows are used does not depend on the number
//! of workers; who gets which does, where several come at the same time. Rows that are drawn follow from the seed, the
//! user and its iteration alone.

use crate::seed::mix;
use loadgen_scenario::{AtEnd, DataSet, Per, Pick, Plan, Scope};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// The rows of one data set that are taken.
#[derive(Debug)]
pub(crate) struct TakenRows {
    set: Arc<DataSet>,
    seed: u64,
    taken: AtomicU64,
}

impl TakenRows {
    /// Those of all data sets of a plan: none is taken yet.
    pub(crate) fn all(plan: &Plan, run_seed: u64) -> Vec<Self> {
        let of = |(place, set): (u64, &Arc<DataSet>)| Self {
            set: Arc::clone(set),
            seed: mix(mix(run_seed ^ 0x6461_7461_0000_0000).wrapping_add(place)),
            taken: AtomicU64::new(0),
        };
        (0..).zip(&plan.data).map(of).collect()
    }

    /// The place of the next row; none where all were taken and that is the end.
    fn next(&self, user: u64, iteration: u64) -> Option<usize> {
        let length = self.set.len() as u64;
        if self.set.pick == Pick::Random {
            let draw = mix(self.seed ^ mix(mix(user).wrapping_add(iteration)));
            return usize::try_from(draw % length).ok();
        }
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        let (pass, place) = (number / length, number % length);
        if pass > 0 && self.set.at_end == AtEnd::Stop {
            return None;
        }
        let place = match self.set.pick {
            Pick::Shuffle => shuffled(place, length, mix(self.seed ^ mix(pass))),
            _ => place,
        };
        usize::try_from(place).ok()
    }
}

/// Gives a user the rows of its next iteration, of the data sets at these places. False where one of them has none left.
pub(crate) fn give(
    taken: &[TakenRows],
    mut sets: impl Iterator<Item = usize>,
    scope: &Scope,
    iteration: u64,
) -> bool {
    let user = scope.vu().saturating_sub(1);
    sets.all(|place| {
        let Some(rows) = taken.get(place) else {
            return true;
        };
        let whole_life = rows.set.per == Per::User;
        if whole_life && scope.has_row(place) {
            return true;
        }
        let row = rows.next(user, if whole_life { 0 } else { iteration });
        row.map(|row| scope.give_row(place, row)).is_some()
    })
}

/// Where a place comes to stand in an order that the seed decides: a Feistel network over the next power of four, walked
/// on until it is inside. It needs no memory, and every place has one that no other has.
fn shuffled(place: u64, length: u64, seed: u64) -> u64 {
    let half = (u64::BITS - length.leading_zeros()).div_ceil(2).max(1);
    let mask = (1_u64 << half) - 1;
    let mut at = place;
    loop {
        let (mut left, mut right) = (at >> half, at & mask);
        for round in 0..4 {
            let mixed = mix(seed ^ mix(right ^ (round << 56))) & mask;
            (left, right) = (right, left ^ mixed);
        }
        at = left << half | right;
        if at < length {
            return at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_holds_every_place_once() {
        for length in [1, 2, 3, 4, 5, 15, 16, 17, 100, 1_000] {
            let order = |seed| -> Vec<u64> {
                (0..length)
                    .map(|place| shuffled(place, length, seed))
                    .collect()
            };
            let mut sorted = order(7);
            sorted.sort_unstable();
            assert_eq!(sorted, (0..length).collect::<Vec<_>>(), "{length}");
            assert_eq!(order(7), order(7));
            if length >= 15 {
                assert_ne!(order(7), order(8), "{length}");
                assert_ne!(order(7), sorted, "{length}");
            }
        }
    }
}
