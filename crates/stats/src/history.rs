//! The course of a run as a bounded list of points, coarsened evenly when it grows long.

use crate::packed::Packed;
use crate::{Counter, Figure, Layout, Offset, Selection, Trend, TrendCell, VusRange, Window};

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
#[derive(Debug)]
pub(crate) struct History {
    points: Vec<Point>,
    most: usize,
    /// How many closed windows make a point.
    per_point: u32,
    /// The point in the making, of so many windows.
    pending: Option<(u32, Building)>,
}

/// A point whose distributions are packed, so that it can still be merged with its neighbour.
#[derive(Debug)]
struct Point {
    window: SummaryWindow,
    duration: Packed,
    ttft: Packed,
}

#[derive(Debug)]
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
            points: Vec::new(),
            most,
            per_point: 1,
            pending: None,
        }
    }

    /// Takes in a closed window.
    pub(crate) fn push(&mut self, window: &Window, layout: &Layout) {
        if self.pending.is_none() && self.points.len() == self.most {
            self.coarsen();
        }
        let new = Building::new(window, layout);
        let (windows, building) = match self.pending.take() {
            Some((windows, mut building)) => {
                building.extend(&new);
                (windows + 1, building)
            }
            None => (1, new),
        };
        if windows < self.per_point {
            self.pending = Some((windows, building));
        } else {
            self.points.push(building.finish());
        }
    }

    /// The points so far, the unfinished one last.
    pub(crate) fn windows(&self) -> impl Iterator<Item = SummaryWindow> {
        let pending = self.pending.as_ref().map(|(_, building)| building.shown());
        self.points
            .iter()
            .map(|point| point.window.clone())
            .chain(pending)
    }

    /// Merges neighbours, so that each point covers twice as much; one without a neighbour is to be completed.
    fn coarsen(&mut self) {
        let mut points = std::mem::take(&mut self.points).into_iter();
        while let Some(first) = points.next() {
            let mut building = first.unpack();
            match points.next() {
                Some(second) => {
                    building.extend(&second.unpack());
                    self.points.push(building.finish());
                }
                None => self.pending = Some((self.per_point, building)),
            }
        }
        self.per_point = self.per_point.saturating_mul(2);
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

impl Point {
    fn unpack(self) -> Building {
        Building {
            window: self.window,
            duration: self.duration.unpack(),
            ttft: self.ttft.unpack(),
        }
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
        };
        for step in &totals.steps {
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

    fn finish(self) -> Point {
        Point {
            window: self.shown(),
            duration: Packed::new(&self.duration),
            ttft: Packed::new(&self.ttft),
        }
    }
}

#[cfg(test)]
mod tests;
