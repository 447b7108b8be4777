//! A level with all that is told of it: the row of a table, and what the laws are fitted to.

use crate::hold::{Hold, Judgement, Limits};
use crate::little::{Little, little};
use crate::search::{LevelVerdict, Purpose, Trial};
use loadgen_stats::{Counter, Offset, ProbeTotals, Selection, Trend, Unit};
use std::time::Duration;

/// One level that was tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// The load: users, or arrivals per second.
    pub load: f64,
    /// Why it was tried.
    pub purpose: Purpose,
    /// What came of it.
    pub verdict: LevelVerdict,
    /// Whether the share of errors passed the guard.
    pub guarded: bool,
    /// How many holds were measured.
    pub holds: u32,
    /// When the first hold began.
    pub from: Offset,
    /// When the last hold ended, or was cut short.
    pub until: Offset,
    /// How long was measured.
    pub seconds: f64,
    /// Finished requests per second.
    pub http_reqs_per_second: f64,
    /// Requests per second that were answered for good and well: without failed ones, expected refusals, redirections that
    /// were followed, attempts that were sent again, and those that missed `[slo]`.
    pub goodput_per_second: f64,
    /// The share of failed requests.
    pub failed: f64,
    /// Quantiles of `http_req_latency`: 50, 95, 99 %.
    pub latency: [Option<Duration>; 3],
    /// The 95th percentile of `ttft`.
    pub ttft_p95: Option<Duration>,
    /// Output tokens per second.
    pub tokens_per_second: Option<f64>,
    /// Requests under way, on average.
    pub in_flight: f64,
    /// The same against what Little's law makes of their number and their length.
    pub little: Option<Little>,
    /// What the probes of the target gave in the holds, as in the layout.
    pub probes: Vec<ProbeTotals>,
    /// The limits that broke, the one furthest beyond its mark first.
    pub broken: Vec<Broken>,
    /// What kept the load from being there, where so much of it was missing that the level says nothing of the service.
    pub shortage: Option<Shortage>,
    /// Whether the generator was too late or too busy for its times to be believed.
    pub generator_doubtful: bool,
}

/// What kept a level from having its load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// Arrivals found each of `max_vus` users busy.
    MaxVus,
    /// Arrivals were begun too late, or there was no row of data left for them.
    Late,
    /// Users came to their end before the level did.
    Users,
}

/// A limit that broke.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    /// The metric with its tags, as written.
    pub metric: String,
    /// The expression, as written.
    pub expression: String,
    /// What was observed, in `unit`.
    pub observed: Option<f64>,
    /// The unit.
    pub unit: Unit,
    /// The step that was furthest beyond the limit.
    pub step: Option<String>,
}

/// How a service recovers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recovery {
    /// The load it was brought back to.
    pub load: f64,
    /// How long it took until it was well again; none where it was not well within the time it was given.
    pub after: Option<Duration>,
}

impl Level {
    pub(crate) fn of(
        trial: &Trial,
        purpose: Purpose,
        hold: &Hold,
        judgement: Judgement,
        limits: &Limits,
    ) -> Self {
        let all = Selection::default();
        let trend = |trend| hold.totals.trend(&limits.layout, trend, &all);
        let latency = trend(Trend::HttpReqLatency);
        let seconds = hold.seconds.max(f64::MIN_POSITIVE);
        let (redirects, _) = hold
            .totals
            .counter(&limits.layout, Counter::Redirects, &all);
        let due: u64 = hold.totals.outcomes(&limits.layout, &all).iter().sum();
        // A generator that is late adds to the latency, and to nobody who is there.
        let lag = trend(Trend::ScheduleLag).mean().unwrap_or_default();
        let mean = latency.mean().unwrap_or_default().saturating_sub(lag);
        let mean = mean.as_secs_f64();
        Self {
            load: trial.load,
            purpose,
            verdict: trial.verdict,
            guarded: trial.guarded,
            holds: trial.holds,
            from: hold.first,
            until: hold.measured_until(),
            seconds: hold.seconds,
            http_reqs_per_second: hold.answered(limits).finished as f64 / seconds,
            goodput_per_second: trial.seen.goodput,
            failed: trial.seen.failed,
            latency: [0.5, 0.95, 0.99].map(|q| latency.quantile(q)),
            ttft_p95: trend(Trend::Ttft).quantile(0.95),
            tokens_per_second: tokens(hold).map(|tokens| tokens / seconds),
            in_flight: hold.in_flight_seconds / seconds,
            // Broken connections have no latency, and what follows a redirection has that of all before it: then the mean
            // is not that of all that came.
            little: (latency.count() == due && redirects == 0)
                .then(|| little(hold.in_flight_seconds / seconds, due as f64 / seconds, mean))
                .flatten(),
            probes: hold.totals.probes.clone(),
            broken: judgement.broken,
            shortage: judgement.shortage,
            generator_doubtful: judgement.generator_doubtful,
        }
    }

    /// What broke, as it was written.
    pub fn broken_expressions(&self) -> impl Iterator<Item = String> {
        self.broken
            .iter()
            .map(|limit| format!("{}: {}", limit.metric, limit.expression))
    }
}

/// Tokens that arrived in the seconds of the holds; none where there were no streams.
fn tokens(hold: &Hold) -> Option<f64> {
    let (first, last) = (
        hold.first.as_secs_f64(),
        hold.measured_until().as_secs_f64(),
    );
    let within =
        |(second, _): &&(u32, f64)| first <= f64::from(*second) && f64::from(*second) < last;
    let streams = hold
        .totals
        .steps
        .iter()
        .any(|step| step.stream.finished > 0);
    streams.then(|| {
        hold.totals
            .token_seconds
            .iter()
            .filter(within)
            .map(|(_, tokens)| tokens)
            .sum()
    })
}
