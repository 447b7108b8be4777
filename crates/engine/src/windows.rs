//! What a shard hands over, second after second.

use crate::{connection::Connector, shard::Shard, timer::Timer};
use loadgen_stats::{Offset, Totals};
use std::{rc::Rc, time::Duration};
use tokio::sync::mpsc;

/// How often a shard hands its recorder over.
pub(crate) const WINDOW: Duration = Duration::from_secs(1);

/// One second of one shard.
pub(crate) struct Part {
    pub(crate) shard: usize,
    /// The window that this part closes, counted from 0.
    pub(crate) window: u64,
    pub(crate) totals: Totals,
    /// Requests under way that were due in the measured part.
    pub(crate) awaited: u64,
    /// The time for which requests were under way since the part before, of all together.
    pub(crate) in_flight: Duration,
}

/// The end of a window, counted from 0.
pub(crate) fn end_of_window(window: u64) -> Offset {
    Offset::from(WINDOW * u32::try_from(window.saturating_add(1)).unwrap_or(u32::MAX))
}

/// Hands the recorder over, window after window.
pub(crate) struct Windows<C: Connector, T: Timer> {
    index: usize,
    next: u64,
    shard: Rc<Shard<C, T>>,
    parts: mpsc::Sender<Part>,
    empties: mpsc::Receiver<Totals>,
}

impl<C: Connector, T: Timer> Windows<C, T> {
    pub(crate) fn new(
        index: usize,
        shard: &Rc<Shard<C, T>>,
        parts: mpsc::Sender<Part>,
        empties: mpsc::Receiver<Totals>,
    ) -> Self {
        Self {
            index,
            next: 0,
            shard: Rc::clone(shard),
            parts,
            empties,
        }
    }

    /// Waits for the end of the present window.
    pub(crate) async fn due(&self) {
        let end = self.shard.clock.instant(end_of_window(self.next));
        tokio::time::sleep_until(end).await;
    }

    /// Hands a full recorder over; where nobody takes it, recording goes on in it and the next hand-over holds both.
    pub(crate) fn hand_over(&mut self) {
        let window = self.next;
        self.next += 1;
        let Ok(permit) = self.parts.try_reserve() else {
            return;
        };
        let empty = self.empties.try_recv();
        let empty = empty.unwrap_or_else(|_| self.shard.empty_totals());
        permit.send(self.part(window, empty));
    }

    pub(crate) async fn hand_over_last(self) {
        let empty = self.shard.empty_totals();
        let part = self.part(u64::MAX, empty);
        // Nobody takes it only where the run itself is gone.
        let _ = self.parts.send(part).await;
    }

    fn part(&self, window: u64, empty: Totals) -> Part {
        let totals = self.shard.recorder.borrow_mut().swap(empty);
        let (awaited, in_flight) = self.shard.flights.look(self.shard.clock.now());
        Part {
            shard: self.index,
            window,
            totals,
            awaited,
            in_flight,
        }
    }
}
