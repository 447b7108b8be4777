//! What one threshold's metric came to in a window, and in several.

use super::distribution::{Distribution, Slice};
use crate::threshold::Threshold;
use crate::threshold::judge::duration;
use crate::threshold::observed::{Counted, Observed};
use crate::{Layout, Metric, Offset, ProbeTotals, RateCount, Selection, Totals, VusRange, Window};
use std::{collections::VecDeque, sync::Arc, time::Duration};

/// Lengths of windows that add up to a span but for this do.
const SLACK: Duration = Duration::from_millis(1);

/// What a metric came to in one window.
#[derive(Debug)]
pub(super) struct Part {
    start: Offset,
    end: Offset,
    times: Slice,
    count: u64,
    in_window: u64,
    share: RateCount,
    vus: VusRange,
    probe: ProbeTotals,
}

/// What a metric came to in several windows.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum {
    pub(super) length: Duration,
    pub(super) times: Distribution,
    pub(super) count: u64,
    pub(super) in_window: u64,
    pub(super) share: RateCount,
    pub(super) vus: Option<VusRange>,
    pub(super) probe: ProbeTotals,
}

/// Neighbouring windows that span a while, and their sum.
#[derive(Debug)]
pub(super) struct Slide {
    pub(super) span: Duration,
    held: VecDeque<Arc<Part>>,
    sum: Sum,
}

impl Part {
    /// `whole`: the run so far.
    pub(super) fn of(
        window: &Window,
        layout: &Layout,
        metric: Metric,
        selection: &Selection,
        whole: &Totals,
    ) -> Self {
        let totals = &window.totals;
        let mut part = Self {
            start: window.start,
            end: window.end,
            times: Slice::default(),
            count: 0,
            in_window: 0,
            share: RateCount::default(),
            vus: window.vus,
            probe: ProbeTotals::default(),
        };
        match metric {
            Metric::Trend(trend) => {
                totals.each_cell(layout, trend, selection, whole, |cell| part.times.add(cell));
            }
            Metric::Counter(counter) => {
                (part.count, part.in_window) = totals.counter(layout, counter, selection);
            }
            Metric::Rate(rate) => part.share = totals.rate(layout, rate, selection),
            Metric::Gauge(_) => {}
            Metric::Probe(probe) => part.probe = totals.probe(probe).cloned().unwrap_or_default(),
        }
        part
    }

    pub(super) fn length(&self) -> Duration {
        self.end.since(self.start)
    }
}

impl Sum {
    pub(super) fn add(&mut self, part: &Part) {
        self.length += part.length();
        self.times.add(&part.times);
        self.count += part.count;
        self.in_window += part.in_window;
        self.share.merge(part.share);
        self.vus = Some(self.vus.map_or(part.vus, |vus| vus.then(part.vus)));
        self.probe.merge(&part.probe);
    }

    /// What a condition compares; none where there is no sample.
    pub(super) fn observe(&self, threshold: &Threshold) -> Option<Observed> {
        let counted = match threshold.metric {
            Metric::Trend(_) => Counted::Times(&self.times),
            Metric::Counter(_) => Counted::Count(self.count, self.in_window, self.length),
            Metric::Rate(_) => Counted::Share(self.share),
            Metric::Gauge(_) => Counted::Level(self.vus),
            Metric::Probe(_) => Counted::Probe(Some(&self.probe)),
        };
        Observed::of(threshold, &counted)
    }

    /// Samples within the limit of a quantile, and all of them.
    pub(super) fn within(&self, limit: f64) -> (u64, u64) {
        (self.times.count_within(duration(limit)), self.times.count())
    }
}

impl Slide {
    pub(super) fn new(span: Duration) -> Self {
        Self {
            span,
            held: VecDeque::new(),
            sum: Sum::default(),
        }
    }

    /// Takes the next window in, and lets go of those that are not needed to span the while.
    pub(super) fn push(&mut self, part: &Arc<Part>) {
        self.sum.add(part);
        self.held.push_back(Arc::clone(part));
        while let Some(oldest) = self.held.front() {
            if self.sum.length + SLACK < self.span + oldest.length() {
                break;
            }
            self.let_go();
        }
    }

    /// The sum, once the windows span the while, and when they began and ended.
    pub(super) fn full(&self) -> Option<(&Sum, (Offset, Offset))> {
        let (first, last) = (self.held.front()?, self.held.back()?);
        (self.sum.length + SLACK >= self.span).then_some((&self.sum, (first.start, last.end)))
    }

    fn let_go(&mut self) {
        let Some(oldest) = self.held.pop_front() else {
            return;
        };
        let sum = &mut self.sum;
        sum.length -= oldest.length();
        sum.times
            .remove(&oldest.times, self.held.iter().map(|part| &part.times));
        sum.count -= oldest.count;
        sum.in_window -= oldest.in_window;
        sum.share.hits -= oldest.share.hits;
        sum.share.total -= oldest.share.total;
        sum.vus = self.held.iter().map(|part| part.vus).reduce(VusRange::then);
        sum.probe = ProbeTotals::default();
        for part in &self.held {
            sum.probe.merge(&part.probe);
        }
    }
}
