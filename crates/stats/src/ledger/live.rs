//! Figures for a progress line.

use crate::{Counter, Figure, Layout, Selection, Totals, Trend, VusRange, Window};
use std::collections::VecDeque;

/// Rates are shown over so many windows.
const WINDOWS: usize = 5;

/// How a run stands. Counts include warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Live {
    /// The virtual users.
    pub vus: VusRange,
    /// Finished requests so far.
    pub requests: u64,
    /// Failed requests so far.
    pub failed: u64,
    /// Finished iterations so far, outside warm-up.
    pub iterations: u64,
    /// Finished requests per second over the last windows.
    pub requests_per_second: f64,
    /// Output events per second over the last windows.
    pub output_events_per_second: f64,
    /// The 95th percentile of `http_req_duration` so far.
    pub http_req_duration_p95: Option<Figure>,
    /// The 95th percentile of `ttft` so far.
    pub ttft_p95: Option<Figure>,
}

/// The last windows.
#[derive(Debug, Default)]
pub(super) struct Recent {
    windows: VecDeque<Counts>,
    vus: VusRange,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    seconds: f64,
    requests: u64,
    events: u64,
}

impl Recent {
    pub(super) fn push(&mut self, window: &Window, layout: &Layout) {
        if self.windows.len() == WINDOWS {
            self.windows.pop_front();
        }
        let steps = || window.totals.requests(layout);
        self.windows.push_back(Counts {
            seconds: window.end.since(window.start).as_secs_f64(),
            requests: steps().map(|step| step.live_finished).sum(),
            events: steps().map(|step| step.stream.live_events).sum(),
        });
        self.vus = window.vus;
    }

    pub(super) fn live(&self, whole: &Totals, layout: &Layout) -> Live {
        let all = Selection::default();
        let seconds: f64 = self.windows.iter().map(|window| window.seconds).sum();
        let per_second = |count: u64| {
            if seconds > 0.0 {
                count as f64 / seconds
            } else {
                0.0
            }
        };
        Live {
            vus: self.vus,
            requests: whole.requests(layout).map(|step| step.live_finished).sum(),
            failed: whole.requests(layout).map(|step| step.live_failed).sum(),
            iterations: whole.counter(layout, Counter::Iterations, &all).0,
            requests_per_second: per_second(
                self.windows.iter().map(|window| window.requests).sum(),
            ),
            output_events_per_second: per_second(
                self.windows.iter().map(|window| window.events).sum(),
            ),
            http_req_duration_p95: whole
                .trend(layout, Trend::HttpReqDuration, &all)
                .figure(0.95),
            ttft_p95: whole.trend(layout, Trend::Ttft, &all).figure(0.95),
        }
    }
}
