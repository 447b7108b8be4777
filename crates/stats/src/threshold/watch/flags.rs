//! Which windows are not to be believed, because the generator was the limit in them.

use super::distribution::{Distribution, Slice};
use crate::ledger::{BUSY, BUSY_LENGTH};
use crate::summary::{FEW, tolerated};
use crate::{Layout, Selection, Totals, Trend, Window};

/// What is wrong with a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flag {
    /// The generator was late in it: its own figures pass the limits of the warning.
    pub(super) late: bool,
    /// How many windows, this one the last, belong to a while in which a worker was busy throughout.
    pub(super) busy: usize,
}

/// Looks at one window after the other.
#[derive(Debug, Default)]
pub(super) struct Flags {
    /// `http_req_duration` so far, of which the limits are a part.
    durations: Distribution,
    /// The busy windows that each worker has just had in a row, and their seconds.
    rows: Vec<(usize, f64)>,
    /// Whether any worker was busy for too long.
    pub(super) was_busy: bool,
}

impl Flags {
    pub(super) fn look(&mut self, window: &Window, layout: &Layout) -> Flag {
        let flag = Flag {
            late: self.is_late(window, layout),
            busy: self.busy(window),
        };
        self.was_busy |= flag.busy > 0;
        flag
    }

    fn is_late(&mut self, window: &Window, layout: &Layout) -> bool {
        let (all, totals) = (Selection::default(), &window.totals);
        let mut durations = Slice::default();
        totals.each_cell(layout, Trend::HttpReqDuration, &all, totals, |cell| {
            durations.add(cell);
        });
        self.durations.add(&durations);
        let limit = tolerated(self.durations.quantile(0.5), 20);
        let lag = totals.trend(layout, Trend::ScheduleLag, &all);
        let late = |p99: Option<std::time::Duration>| p99.is_some_and(|seen| seen > limit);
        late(lag.quantile(0.99)) || late(totals.clock.read_lag.quantile(0.99)) || many_late(totals)
    }

    fn busy(&mut self, window: &Window) -> usize {
        let workers = window
            .generator
            .as_ref()
            .map_or(&[][..], |sample| &sample.workers);
        let length = window.end.since(window.start).as_secs_f64();
        self.rows.resize(workers.len(), (0, 0.0));
        let mut longest = 0;
        for ((windows, seconds), &share) in self.rows.iter_mut().zip(workers) {
            if share > BUSY {
                *windows += 1;
                *seconds += length;
            } else {
                (*windows, *seconds) = (0, 0.0);
            }
            if *windows >= BUSY_LENGTH as usize || *seconds >= f64::from(BUSY_LENGTH) {
                longest = longest.max(*windows);
            }
        }
        longest
    }
}

/// Whether too many of the events came late, together with others.
fn many_late(totals: &Totals) -> bool {
    let clock = &totals.clock;
    clock.coalesced_late as f64 > clock.events.max(1) as f64 * FEW
}
