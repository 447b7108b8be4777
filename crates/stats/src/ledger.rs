//! The whole run: what the shards hand over becomes windows, and in the end a summary.

mod live;

pub use live::Live;

use crate::health::Health;
use crate::history::History;
use crate::summary::{self, RunEnd, Summary};
use crate::threshold::watch::Watch;
use crate::threshold::watch::measured;
use crate::{
    GeneratorSample, Layout, Offset, ProbeIndex, Selection, Threshold, Totals, VusRange, Window,
};
use live::Recent;
use std::{iter, sync::Arc};

/// A worker thread is busy above this share of a core…
const BUSY: f64 = 0.9;
/// … or where it waits for a processor for more than this share of the time: what it does comes late by whole time slices.
const WAITING: f64 = 0.5;
/// It must be busy for so many windows in a row, or for so many seconds where windows are longer than one.
pub(crate) const BUSY_LENGTH: u32 = 3;

/// Merges what the shards hand over, first into the open window and then into the whole run.
///
/// It is built again from a run log by [`Self::replay`], with or without a closing record.
#[derive(Debug)]
pub struct Ledger {
    layout: Arc<Layout>,
    thresholds: Vec<Threshold>,
    watch: Watch,
    whole: Totals,
    window: Window,
    /// Whether the window was closed, and is only kept to be looked at.
    closed: bool,
    history: History,
    recent: Recent,
    machine: Machine,
    health: Health,
}

/// What the generator used of its machine so far.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    pub(crate) peak_rss_bytes: u64,
    /// Processor time in core-percent-seconds, and the seconds it was spent in.
    pub(crate) cpu: (f64, f64),
    /// The busy windows that each worker thread has just had in a row.
    workers: Vec<Streak>,
    /// The busiest streak of a worker thread that was long enough: the share of a core that it used throughout, and that for
    /// which it waited throughout.
    pub(crate) busiest: Option<(f64, f64)>,
}

/// Busy windows in a row.
#[derive(Clone, Copy, Debug, Default)]
struct Streak {
    windows: u32,
    seconds: f64,
    /// The least that was used of a core in any of them.
    used: f64,
    /// The least that it was waited for.
    waited: f64,
}

impl Ledger {
    /// A ledger without any sample.
    #[must_use]
    pub fn new(layout: Arc<Layout>, thresholds: Vec<Threshold>) -> Self {
        let empty = || Totals::new(&layout);
        let window = Window {
            start: Offset::ZERO,
            end: Offset::ZERO,
            vus: VusRange::default(),
            totals: empty(),
            generator: None,
        };
        Self {
            whole: empty(),
            window,
            closed: false,
            history: History::new(),
            recent: Recent::default(),
            machine: Machine::default(),
            health: Health::default(),
            layout,
            watch: Watch::new(&thresholds),
            thresholds,
        }
    }

    /// Adds what one shard handed over to the open window.
    pub fn add(&mut self, part: &Totals) {
        self.reopen();
        self.window.totals.merge(part);
    }

    /// Adds what a probe of the target gave to the open window: a value in the unit of the probe, or why it failed.
    pub fn probe(&mut self, probe: ProbeIndex, sample: Result<f64, &str>) {
        self.reopen();
        self.window.totals.add_probe(probe, sample);
    }

    /// Closes the open window, which was [`start`, `end`). The next [`Self::add`] opens another.
    pub fn close_window(
        &mut self,
        start: Offset,
        end: Offset,
        vus: VusRange,
        generator: Option<GeneratorSample>,
    ) -> &Window {
        self.reopen();
        (self.window.start, self.window.end) = (start, end);
        (self.window.vus, self.window.generator) = (vus, generator);
        self.merge_window();
        self.history.push(&self.window, &self.layout);
        self.recent.push(&self.window, &self.layout);
        self.machine.push(&self.window);
        self.health.push(&self.window);
        self.watch
            .push(&self.window, &self.whole, &self.layout, &self.thresholds);
        self.closed = true;
        &self.window
    }

    /// Takes in a window as it was closed once: how a run log is read again.
    pub fn replay(&mut self, window: &Window) {
        self.add(&window.totals);
        self.close_window(
            window.start,
            window.end,
            window.vus,
            window.generator.clone(),
        );
    }

    /// Whether a threshold failed that stops the run.
    #[must_use]
    pub const fn stops(&self) -> bool {
        self.watch.stops()
    }

    /// The layout that is counted by.
    #[must_use]
    pub const fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The thresholds that are judged.
    #[must_use]
    pub fn thresholds(&self) -> &[Threshold] {
        &self.thresholds
    }

    /// Everything in closed windows.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.whole
    }

    /// Whether something was added since a window was closed.
    #[must_use]
    pub fn holds_more(&self) -> bool {
        !self.closed && !self.window.totals.is_empty()
    }

    /// The window that was closed last.
    #[must_use]
    pub const fn last_window(&self) -> &Window {
        &self.window
    }

    /// The end of the last closed window: where the run ended, for all that is known without a closing record.
    #[must_use]
    pub const fn last_end(&self) -> Offset {
        self.window.end
    }

    /// A few figures for a progress line, from closed windows.
    #[must_use]
    pub fn live(&self) -> Live {
        self.recent.live(&self.whole, &self.layout)
    }

    /// Sums up the run. What was added since the last closed window is part of it, but of no window.
    #[must_use]
    pub fn finish(&mut self, end: &RunEnd) -> Summary {
        if self.holds_more() {
            self.merge_window();
            self.window.totals.clear();
        }
        self.watch
            .close(&self.whole, &self.layout, &self.thresholds);
        summary::sum_up(&summary::Material {
            layout: &self.layout,
            totals: &self.whole,
            thresholds: &self.thresholds,
            watch: &self.watch,
            history: &self.history,
            machine: &self.machine,
            health: &self.health,
            end,
        })
    }

    /// Takes the window into the whole. Probes know no due times: they count where their window began in the measured
    /// part.
    fn merge_window(&mut self) {
        let probes = self.whole.probes.clone();
        self.whole.merge(&self.window.totals);
        let (from, until) = measured(&self.whole, &self.layout, &Selection::default());
        if self.window.start < from || until <= self.window.start {
            self.whole.probes = probes;
        }
    }

    fn reopen(&mut self) {
        if self.closed {
            self.window.totals.clear();
            self.closed = false;
        }
    }
}

impl Machine {
    fn push(&mut self, window: &Window) {
        let Some(sample) = &window.generator else {
            return;
        };
        let length = window.end.since(window.start).as_secs_f64();
        self.peak_rss_bytes = self
            .peak_rss_bytes
            .max(sample.peak_rss_bytes)
            .max(sample.rss_bytes);
        self.cpu.0 += sample.cpu_percent * length;
        self.cpu.1 += length;
        self.workers.resize(sample.workers.len(), Streak::default());
        for (streak, (used, waited)) in self.workers.iter_mut().zip(shares(sample)) {
            streak.push(used, waited, length);
            let is_long = streak.windows >= BUSY_LENGTH || streak.seconds >= f64::from(BUSY_LENGTH);
            let found = (streak.used, streak.waited);
            let sum = |(used, waited): (f64, f64)| used + waited;
            if is_long && self.busiest.is_none_or(|most| sum(most) < sum(found)) {
                self.busiest = Some(found);
            }
        }
    }
}

/// Of each worker thread, the share of a core that it used, and that for which it waited.
pub(crate) fn shares(sample: &GeneratorSample) -> impl Iterator<Item = (f64, f64)> {
    let waited = sample.queued.iter().copied().chain(iter::repeat(0.0));
    sample.workers.iter().copied().zip(waited)
}

/// Whether a worker thread that used and waited for these shares of a core had too much to do.
pub(crate) fn is_busy((used, waited): (f64, f64)) -> bool {
    used > BUSY || waited > WAITING
}

impl Streak {
    fn push(&mut self, used: f64, waited: f64, seconds: f64) {
        *self = match is_busy((used, waited)) {
            false => Self::default(),
            true if self.windows == 0 => Self {
                windows: 1,
                seconds,
                used,
                waited,
            },
            true => Self {
                windows: self.windows + 1,
                seconds: self.seconds + seconds,
                used: self.used.min(used),
                waited: self.waited.min(waited),
            },
        };
    }
}

#[cfg(test)]
mod tests;
