//! Counts the requests of a shard that are under way, and for how long they are.

use loadgen_stats::Offset;
use std::{cell::Cell, time::Duration};

/// The requests under way on one shard.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    under_way: Cell<u32>,
    /// Those of them that were due in the measured part.
    awaited: Cell<u64>,
    /// The time for which requests were under way, of all together, up to `at`, in nanoseconds.
    sum: Cell<u64>,
    at: Cell<Offset>,
}

impl Flights {
    /// A request begins.
    pub(crate) fn begin(&self, now: Offset, measured: bool) {
        self.go_on(now);
        self.under_way.set(self.under_way.get() + 1);
        self.awaited.set(self.awaited.get() + u64::from(measured));
    }

    /// A request ends: `measured` as it began.
    pub(crate) fn end(&self, now: Offset, measured: bool) {
        self.go_on(now);
        self.under_way.set(self.under_way.get().saturating_sub(1));
        self.awaited
            .set(self.awaited.get().saturating_sub(u64::from(measured)));
    }

    /// How many are awaited, and for how long requests were under way since the last look.
    pub(crate) fn look(&self, now: Offset) -> (u64, Duration) {
        self.go_on(now);
        (self.awaited.get(), Duration::from_nanos(self.sum.take()))
    }

    fn go_on(&self, now: Offset) {
        let since = now.nanos_since(self.at.get());
        let all = since.saturating_mul(self.under_way.get().into());
        self.sum.set(self.sum.get().saturating_add(all));
        self.at.set(self.at.get().max(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_under_way_is_that_of_all_together() {
        let at = |millis| Offset::from(Duration::from_millis(millis));
        let flights = Flights::default();
        flights.begin(at(100), true);
        flights.begin(at(200), false);
        flights.begin(at(200), true);
        flights.end(at(400), true);
        // 100 ms of one, 200 ms of three, 100 ms of two.
        assert_eq!(
            flights.look(at(500)),
            (1, Duration::from_millis(900)),
            "until the look"
        );
        flights.end(at(550), false);
        flights.end(at(600), true);
        assert_eq!(flights.look(at(900)), (0, Duration::from_millis(150)));
        // An end that is dated before the last look adds nothing.
        flights.begin(at(900), true);
        flights.end(at(890), true);
        assert_eq!(flights.look(at(1000)), (0, Duration::ZERO));
    }
}
