//! Who waits for which instant: ordered, and cheap to leave.

use std::{collections::BTreeMap, task::Waker};
use tokio::time::Instant;

/// The waits of one timer, in the order of their deadlines, and for equal ones of their coming.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    waits: BTreeMap<(Instant, u64), Waker>,
    last_ticket: u64,
}

impl Waiters {
    /// Adds a wait; tells its ticket, and whether it is now the first to be woken.
    pub(crate) fn add(&mut self, deadline: Instant, waker: &Waker) -> (u64, bool) {
        self.last_ticket += 1;
        let key = (deadline, self.last_ticket);
        let first = self
            .waits
            .first_key_value()
            .is_none_or(|(first, _)| key < *first);
        self.waits.insert(key, waker.clone());
        (self.last_ticket, first)
    }

    /// Has a wait wake another task than before; tells whether it still goes on.
    pub(crate) fn renew(&mut self, deadline: Instant, ticket: u64, waker: &Waker) -> bool {
        self.waits
            .get_mut(&(deadline, ticket))
            .map(|kept| kept.clone_from(waker))
            .is_some()
    }

    /// Forgets a wait.
    pub(crate) fn remove(&mut self, deadline: Instant, ticket: u64) {
        self.waits.remove(&(deadline, ticket));
    }

    /// Moves everyone who is due at `now` to `due`, and tells the next deadline.
    pub(crate) fn take_due(&mut self, now: Instant, due: &mut Vec<Waker>) -> Option<Instant> {
        while let Some(first) = self.waits.first_entry() {
            let deadline = first.key().0;
            if deadline > now {
                return Some(deadline);
            }
            due.push(first.remove());
        }
        None
    }

    /// How many wait.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.waits.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Adds waits with these deadlines in milliseconds, removes some, and takes those due at `now`.
    #[track_caller]
    fn check(deadlines: &[u64], removed: &[usize], now: u64, due: usize, next: Option<u64>) {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut waiters = Waiters::default();
        let tickets: Vec<_> = deadlines
            .iter()
            .map(|&ms| (at(ms), waiters.add(at(ms), Waker::noop()).0))
            .collect();
        for &index in removed {
            waiters.remove(tickets[index].0, tickets[index].1);
        }
        let mut woken = Vec::new();
        assert_eq!(
            waiters.take_due(at(now), &mut woken),
            next.map(at),
            "next of {deadlines:?}"
        );
        assert_eq!(woken.len(), due, "due of {deadlines:?}");
        assert_eq!(waiters.len(), deadlines.len() - removed.len() - due);
    }

    #[test]
    fn those_who_are_due_are_taken_and_the_next_is_told() {
        check(&[], &[], 10, 0, None);
        check(&[5], &[], 4, 0, Some(5));
        check(&[5], &[], 5, 1, None);
        check(&[5, 5, 5], &[], 5, 3, None);
        check(&[9, 1, 5], &[], 5, 2, Some(9));
        check(&[9, 1, 5], &[1], 5, 1, Some(9));
        check(&[9, 1, 5], &[0, 1, 2], 100, 0, None);
        check(&[5, 5], &[0], 5, 1, None);
    }

    #[test]
    fn only_an_earlier_deadline_is_first() {
        let start = Instant::now();
        let mut waiters = Waiters::default();
        let mut add = |ms| {
            waiters
                .add(start + Duration::from_millis(ms), Waker::noop())
                .1
        };
        assert_eq!(
            [5, 5, 9, 4, 4, 3].map(&mut add),
            [true, false, false, true, false, true]
        );
    }

    #[test]
    fn a_wait_that_was_taken_is_over() {
        let start = Instant::now();
        let mut waiters = Waiters::default();
        let (ticket, _) = waiters.add(start, Waker::noop());
        assert!(waiters.renew(start, ticket, Waker::noop()));
        assert_eq!(waiters.take_due(start, &mut Vec::new()), None);
        assert!(!waiters.renew(start, ticket, Waker::noop()));
    }
}
