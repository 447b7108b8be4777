//! One interval of a run, and what the machine did in it.

use crate::{Offset, Totals};

/// One interval of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// When it began.
    pub start: Offset,
    /// When it ended.
    pub end: Offset,
    /// The virtual users that ran in it.
    pub vus: VusRange,
    /// What became known in it.
    pub totals: Totals,
    /// What the generator used of its machine, where that is known.
    pub generator: Option<GeneratorSample>,
}

/// The gauge `vus` over an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VusRange {
    /// At the end.
    pub last: u64,
    /// The fewest.
    pub min: u64,
    /// The most.
    pub max: u64,
}

/// What the generator used of its machine over one interval.
///
/// The most of a second stands apart only where the interval was put together from several: in one second it is the
/// mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GeneratorSample {
    /// Processor time of each worker thread, as a fraction of one core.
    pub workers: Vec<f64>,
    /// The most of it in a second; empty where that is `workers`.
    pub workers_peak: Vec<f64>,
    /// The part of the interval in which each worker thread could have run, but waited for a processor; empty where the
    /// system does not tell.
    pub queued: Vec<f64>,
    /// The most of it in a second; empty where that is `queued`.
    pub queued_peak: Vec<f64>,
    /// Processor time of the whole process, without an embedded target, in percent of one core.
    pub cpu_percent: f64,
    /// Resident memory at the end, in bytes.
    pub rss_bytes: u64,
    /// The most resident memory so far, in bytes.
    pub peak_rss_bytes: u64,
    /// The most open file descriptors of the process that a look saw.
    pub open_files: Option<u64>,
    /// The most local ports that connections to targets had at once.
    pub ports: Option<u64>,
    /// The most ports of the whole machine that waited out the end of a connection when it was looked at.
    pub time_wait: Option<u64>,
}

impl VusRange {
    /// The range of a level that did not move.
    #[must_use]
    pub const fn steady(vus: u64) -> Self {
        Self {
            last: vus,
            min: vus,
            max: vus,
        }
    }

    /// The range over this interval and the `next` one.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        Self {
            last: next.last,
            min: self.min.min(next.min),
            max: self.max.max(next.max),
        }
    }
}

impl Window {
    /// Takes in the window that follows, so that the two are one: how a run log writes ten-second records.
    pub fn extend(&mut self, next: &Self) {
        let weight = |window: &Self| window.end.since(window.start).as_secs_f64();
        let (mine, theirs) = (weight(self), weight(next));
        self.vus = self.vus.then(next.vus);
        self.totals.merge(&next.totals);
        self.generator = match (self.generator.take(), &next.generator) {
            (Some(first), Some(second)) => Some(first.then(mine, second, theirs)),
            (first, second) => first.or_else(|| second.clone()),
        };
        self.end = next.end;
    }
}

impl GeneratorSample {
    /// Use over two intervals, weighted by their lengths.
    fn then(self, length: f64, next: &Self, next_length: f64) -> Self {
        let mean = |first: f64, second: f64| match length + next_length {
            whole if whole > 0.0 => (first * length + second * next_length) / whole,
            _ => second,
        };
        Self {
            workers: by_worker(&self.workers, &next.workers, mean),
            workers_peak: by_worker(self.workers_most(), next.workers_most(), f64::max),
            queued: by_worker(&self.queued, &next.queued, mean),
            queued_peak: by_worker(self.queued_most(), next.queued_most(), f64::max),
            cpu_percent: mean(self.cpu_percent, next.cpu_percent),
            rss_bytes: next.rss_bytes,
            peak_rss_bytes: self.peak_rss_bytes.max(next.peak_rss_bytes),
            open_files: self.open_files.max(next.open_files),
            ports: self.ports.max(next.ports),
            time_wait: self.time_wait.max(next.time_wait),
        }
    }

    /// Processor time of each worker thread in its busiest second.
    #[must_use]
    pub fn workers_most(&self) -> &[f64] {
        most(&self.workers_peak, &self.workers)
    }

    /// The part of a second that each worker thread waited for a processor, where it waited most.
    #[must_use]
    pub fn queued_most(&self) -> &[f64] {
        most(&self.queued_peak, &self.queued)
    }
}

fn most<'a>(peaks: &'a [f64], means: &'a [f64]) -> &'a [f64] {
    if peaks.is_empty() { means } else { peaks }
}

/// Puts the figures of each worker together; 0 for one that is missing on a side.
fn by_worker(first: &[f64], second: &[f64], put: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let of = |figures: &[f64], worker: usize| figures.get(worker).copied().unwrap_or(0.0);
    (0..first.len().max(second.len()))
        .map(|worker| put(of(first, worker), of(second, worker)))
        .collect()
}
