//! The course of a run as a bounded list of points, coarsened evenly when it grows long.

use crate::{
    Counter, Figure, Layout, Offset, ProbeTotals, Selection, Trend, TrendCell, VusRange, Window,
};

/// The most points that a summary shows.
const MOST: usize = 3600;

/// One interval of the course of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct SummaryWindow {
    /// When it began.
    pub start: Offset,
    /// When it ended.
    pub end: Offset,
    /// The virtual users in it.
    pub vus: VusRange,
    /// Iterations that finished in it, outside warm-up.
    pub iterations: u64,
    /// Requests that finished in it, outside warm-up.
    pub http_reqs: u64,
    /// The part of them that failed.
    pub http_req_failed: u64,
    /// Quantiles of `http_req_duration`, of requests that finished in it.
    pub http_req_duration: Option<Quantiles>,
    /// Quantiles of `ttft`, of streams whose first output came in it.
    pub ttft: Option<Quantiles>,
    /// What the probes of the target gave in it, as in [`Layout::probes`].
    pub probes: Vec<ProbeTotals>,
}

/// The quantiles that are shown of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantiles {
    /// The median.
    pub p50: Figure,
    /// The 95th percentile.
    pub p95: Figure,
    /// The 99th percentile.
    pub p99: Figure,
}

/// The course of a run so far.
///
/// Kept in levels, each of points twice as long as those of the level before. A point holds its quantiles only; what
/// the next level needs to merge is handed on at once. So the finest level that is short enough can be shown at any
/// time, its quantiles are exact, and no distribution is kept for each point.
#[derive(Debug)]
pub(crate) struct History {
    levels: Vec<Level>,
    most: usize,
}

#[derive(Debug, Default)]
struct Level {
    points: Vec<SummaryWindow>,
    /// Whether there were more points than may be shown, so that they were given up.
    too_fine: bool,
    /// A point that waits for its neighbour, to go to the next level with it.
    half: Option<Building>,
}

#[derive(Clone, Debug)]
struct Building {
    window: SummaryWindow,
    duration: TrendCell,
    ttft: TrendCell,
}

impl History {
    pub(crate) const fn new() -> Self {
        Self::of_at_most(MOST)
    }

    const fn of_at_most(most: usize) -> Self {
        Self {
            levels: Vec::new(),
            most,
        }
    }

    /// Takes in a closed window.
    pub(crate) fn push(&mut self, window: &Window, layout: &Layout) {
        let mut building = Building::new(window, layout);
        for number in 0.. {
            if number == self.levels.len() {
                self.levels.push(Level::default());
            }
            match self.levels[number].take(building, self.most) {
                Some(pair) => building = pair,
                None => break,
            }
        }
    }

    /// The points so far, the unfinished one last.
    pub(crate) fn windows(&self) -> impl Iterator<Item = SummaryWindow> {
        let fits = |number: &usize| {
            let unfinished = self.levels[..*number]
                .iter()
                .any(|level| level.half.is_some());
            let level = &self.levels[*number];
            !level.too_fine && level.points.len() + usize::from(unfinished) <= self.most
        };
        let all = self.levels.len();
        let fit = (0..all).find(fits).unwrap_or(all);
        // What has not come to this level yet waits on the finer ones, the longest part first.
        let halves = self.levels[..fit].iter().rev();
        let mut halves = halves.filter_map(|level| level.half.as_ref());
        let unfinished = halves.next().map(|first| {
            let mut building = first.clone();
            halves.for_each(|half| building.extend(half));
            building.shown()
        });
        let points = self.levels.get(fit).map(|level| level.points.as_slice());
        points.unwrap_or_default().iter().cloned().chain(unfinished)
    }
}

impl Level {
    /// Takes a point of this level; gives the point of the next one that it completes.
    fn take(&mut self, building: Building, most: usize) -> Option<Building> {
        if self.points.len() == most {
            self.too_fine = true;
            self.points = Vec::new();
        }
        if !self.too_fine {
            self.points.push(building.shown());
        }
        match self.half.take() {
            None => {
                self.half = Some(building);
                None
            }
            Some(mut pair) => {
                pair.extend(&building);
                Some(pair)
            }
        }
    }
}

impl Quantiles {
    /// The quantiles of a distribution; none where it is empty.
    #[must_use]
    pub fn of(cell: &TrendCell) -> Option<Self> {
        Some(Self {
            p50: cell.figure(0.5)?,
            p95: cell.figure(0.95)?,
            p99: cell.figure(0.99)?,
        })
    }
}

impl Building {
    fn new(window: &Window, layout: &Layout) -> Self {
        let all = Selection::default();
        let totals = &window.totals;
        let mut shown = SummaryWindow {
            start: window.start,
            end: window.end,
            vus: window.vus,
            iterations: totals.counter(layout, Counter::Iterations, &all).0,
            http_reqs: 0,
            http_req_failed: 0,
            http_req_duration: None,
            ttft: None,
            probes: totals.probes.clone(),
        };
        for step in totals.requests(layout) {
            shown.http_reqs += step.counter(Counter::HttpReqs);
            shown.http_req_failed += step.failed();
        }
        Self {
            window: shown,
            duration: totals.trend(layout, Trend::HttpReqDuration, &all),
            ttft: totals.trend(layout, Trend::Ttft, &all),
        }
    }

    fn extend(&mut self, next: &Self) {
        let window = &mut self.window;
        window.end = next.window.end;
        window.vus = window.vus.then(next.window.vus);
        window.iterations += next.window.iterations;
        window.http_reqs += next.window.http_reqs;
        window.http_req_failed += next.window.http_req_failed;
        for (mine, theirs) in window.probes.iter_mut().zip(&next.window.probes) {
            mine.merge(theirs);
        }
        self.duration.merge(&next.duration);
        self.ttft.merge(&next.ttft);
    }

    fn shown(&self) -> SummaryWindow {
        SummaryWindow {
            http_req_duration: Quantiles::of(&self.duration),
            ttft: Quantiles::of(&self.ttft),
            ..self.window.clone()
        }
    }
}

#[cfg(test)]
mod tests;
