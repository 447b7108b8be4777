//! One level while it is held: its samples, and what the limits say of them.

use crate::answered::Answered;
use crate::level::{Broken, Shortage};
use crate::search::{SearchSettings, Seen, Sight};
use loadgen_stats::{
    DropReason, Judged, Layout, Metric, Offset, Rate, Selection, Span, StepIndex, Threshold,
    Totals, Trend, Unit, VusRange, Window,
};
use std::sync::Arc;
use std::time::Duration;

/// A worker thread that is busy for more than this share of a core has nothing left.
const BUSY: f64 = 0.9;
/// The generator was the limit where it was busy in so many windows, and in half of all of them.
const BUSY_WINDOWS: u32 = 3;
/// A lateness of the generator up to this does no harm, nor up to that share of an answer's time.
const LATE: (Duration, f64) = (Duration::from_millis(1), 0.05);
/// Finished requests before a hold is called hopeless.
const HOPELESS: u64 = 50;
/// A level from which more than this share of its load was missing never had it.
const MISSING: f64 = 0.02;

/// How the run stands at the end of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// The present.
    pub now: Offset,
    /// Requests that were due in the measured span and have not ended.
    pub awaited: u64,
    /// Whether all that ended by the end of the window is in it.
    pub complete: bool,
    /// The seconds for which requests were under way in it, of all together.
    pub in_flight_seconds: f64,
}

/// What a level must hold.
#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) layout: Arc<Layout>,
    pub(crate) thresholds: Vec<Threshold>,
    /// Whether loads are users; else they are arrivals per second.
    pub(crate) users: bool,
}

/// A level that is held.
#[derive(Clone, Debug)]
pub(crate) struct Hold {
    load: f64,
    from: Offset,
    until: Offset,
    /// When its first hold began.
    pub(crate) first: Offset,
    pub(crate) totals: Totals,
    /// What was measured in windows that lie whole in a span: their length.
    pub(crate) seconds: f64,
    pub(crate) in_flight_seconds: f64,
    pub(crate) vus: Option<VusRange>,
    /// The end of the last of these windows.
    last: Offset,
    windows: u32,
    busy: u32,
    /// The users at the ends of these windows, of all windows together.
    users: u64,
}

/// What came of a level.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) seen: Seen,
    pub(crate) broken: Vec<Broken>,
    /// What kept the load from being there, where it was not.
    pub(crate) shortage: Option<Shortage>,
    /// Whether the generator was too late or too busy for its times to be believed.
    pub(crate) generator_doubtful: bool,
}

impl Limits {
    pub(crate) const fn new(layout: Arc<Layout>, thresholds: Vec<Threshold>, users: bool) -> Self {
        Self {
            layout,
            thresholds,
            users,
        }
    }
}

impl Hold {
    pub(crate) fn new(load: f64, from: Offset, until: Offset, limits: &Limits) -> Self {
        Self {
            load,
            from,
            until,
            first: from,
            totals: Totals::new(&limits.layout),
            seconds: 0.0,
            in_flight_seconds: 0.0,
            vus: None,
            last: from,
            windows: 0,
            busy: 0,
            users: 0,
        }
    }

    /// The same level, with more to be measured.
    pub(crate) fn extended(self, from: Offset, until: Offset) -> Self {
        Self {
            from,
            until,
            ..self
        }
    }

    pub(crate) const fn load(&self) -> f64 {
        self.load
    }

    pub(crate) const fn from(&self) -> Offset {
        self.from
    }

    pub(crate) const fn until(&self) -> Offset {
        self.until
    }

    /// When the measuring ended: where it was cut short, before the hold was to.
    pub(crate) fn measured_until(&self) -> Offset {
        self.until.min(self.last)
    }

    /// Takes in a window.
    pub(crate) fn add(&mut self, window: &Window, standing: &Standing) {
        let probes = self.totals.probes.clone();
        self.totals.merge(&window.totals);
        if window.start < self.from || window.end > self.until {
            // Probes know no due times.
            self.totals.probes = probes;
            return;
        }
        self.seconds += window.end.since(window.start).as_secs_f64();
        self.last = self.last.max(window.end);
        self.users += window.vus.last;
        self.in_flight_seconds += standing.in_flight_seconds;
        self.vus = Some(
            self.vus
                .map_or(window.vus, |before| before.then(window.vus)),
        );
        self.windows += 1;
        let busy = window
            .generator
            .as_ref()
            .is_some_and(|used| used.workers.iter().any(|share| *share > BUSY));
        self.busy += u32::from(busy);
    }

    /// Whether all that was due in the hold has ended, or should have.
    pub(crate) fn is_over(&self, standing: &Standing, answer: Duration) -> bool {
        let awaited = standing.awaited > 0 || !standing.complete;
        standing.now >= self.until && (!awaited || standing.now >= self.until.after(answer))
    }

    /// Whether so much fails that the service is to be spared the rest.
    pub(crate) fn is_hopeless(&self, settings: &SearchSettings, limits: &Limits) -> bool {
        let answered = self.answered(limits);
        let failed = answered.failed_share();
        answered.finished >= HOPELESS && failed.is_some_and(|share| share > settings.error_guard)
    }

    /// What ended in the holds so far.
    pub(crate) fn answered(&self, limits: &Limits) -> Answered {
        Answered::of(&self.totals, &limits.layout)
    }

    /// What the samples say.
    pub(crate) fn judge(&self, limits: &Limits) -> Judgement {
        let judged: Vec<Judged> = limits
            .thresholds
            .iter()
            .map(|limit| limit.judge(&self.totals, &limits.layout, self.span()))
            .collect();
        let known = |judged: &Judged| judged.observed.is_some() && judged.too_few.is_none();
        let broken: Vec<usize> = (0..judged.len())
            .filter(|&at| !judged[at].ok && known(&judged[at]))
            .collect();
        let (late, busy) = (self.is_late(limits), self.is_busy());
        let shortage = self.shortage(limits);
        // Errors are the service's own; times are not, where whoever takes them has no time.
        let blamed = broken.iter().all(|&at| is_of_times(&limits.thresholds[at]));
        let sight = if (busy || late && !broken.is_empty()) && blamed {
            Sight::Generator
        } else if !broken.is_empty() {
            Sight::Broken
        } else if shortage.is_some() {
            Sight::Short
        } else if judged.iter().all(known) && !judged.is_empty() {
            Sight::Held
        } else {
            Sight::TooFew
        };
        let seconds = self.seconds.max(f64::MIN_POSITIVE);
        let good = self.answered(limits).good;
        Judgement {
            seen: Seen {
                sight,
                goodput: good / seconds,
                goodput_error: good.sqrt() / seconds,
                failed: self.failed_share(limits),
                beyond: broken
                    .iter()
                    .filter_map(|&at| Some(distance(judged[at].observed?, judged[at].limit)))
                    .fold(0.0, f64::max),
            },
            broken: furthest_first(broken, &judged)
                .into_iter()
                .map(|at| self.broken(&limits.thresholds[at], &judged[at], limits))
                .collect(),
            shortage,
            generator_doubtful: late || busy,
        }
    }

    /// Whether every limit holds as far as it can be told, and something was answered.
    pub(crate) fn looks_good(&self, limits: &Limits) -> bool {
        let holds = |limit: &Threshold| {
            let judged = limit.judge(&self.totals, &limits.layout, self.span());
            // A probe may be asked less often than a hold is long.
            let unasked = judged.observed.is_none() && matches!(limit.limits(), Metric::Probe(_));
            judged.ok || unasked
        };
        let answered = self.answered(limits);
        answered.finished > answered.failed && limits.thresholds.iter().all(holds)
    }

    fn span(&self) -> Span {
        Span {
            measured: Duration::from_secs_f64(self.seconds),
            interrupted: false,
            vus: self.vus,
        }
    }

    /// The share of requests that failed, of those due in the hold; of those that finished in it where none is known yet.
    pub(crate) fn failed_share(&self, limits: &Limits) -> f64 {
        let due = self
            .totals
            .rate(&limits.layout, Rate::HttpReqFailed, &Selection::default());
        due.share()
            .or_else(|| self.answered(limits).failed_share())
            .unwrap_or(0.0)
    }

    /// The mean length of an iteration; zero where none ended.
    pub(crate) fn iteration(&self, limits: &Limits) -> Duration {
        let all = Selection::default();
        let lengths = self
            .totals
            .trend(&limits.layout, Trend::IterationDuration, &all);
        lengths.mean().unwrap_or_default()
    }

    fn is_late(&self, limits: &Limits) -> bool {
        let quantile = |trend, q| {
            self.totals
                .trend(&limits.layout, trend, &Selection::default())
                .quantile(q)
        };
        let answer = quantile(Trend::HttpReqDuration, 0.5).unwrap_or_default();
        quantile(Trend::ScheduleLag, 0.99)
            .is_some_and(|lag| lag > LATE.0.max(answer.mul_f64(LATE.1)))
    }

    const fn is_busy(&self) -> bool {
        self.busy >= BUSY_WINDOWS && 2 * self.busy > self.windows
    }

    /// What kept the load from being there, where too much of it was missing.
    fn shortage(&self, limits: &Limits) -> Option<Shortage> {
        if limits.users {
            let wanted = self.load * f64::from(self.windows);
            let missing = wanted - self.users as f64;
            return (missing > MISSING * wanted).then_some(Shortage::Users);
        }
        let dropped = |reason: DropReason| -> u64 {
            let scenarios = self.totals.scenarios.iter();
            scenarios
                .map(|scenario| scenario.dropped_in_window[reason.index()])
                .sum()
        };
        let all: u64 = DropReason::ALL.into_iter().map(dropped).sum();
        if all as f64 <= MISSING * self.load * self.seconds {
            return None;
        }
        match 2 * dropped(DropReason::MaxVus) >= all {
            true => Some(Shortage::MaxVus),
            false => Some(Shortage::Late),
        }
    }

    /// A limit that broke, and the step at which it is furthest beyond it.
    fn broken(&self, limit: &Threshold, judged: &Judged, limits: &Limits) -> Broken {
        let beyond = |step: usize| {
            let at_step = limit.at_step(StepIndex(step), &limits.layout)?.judge(
                &self.totals,
                &limits.layout,
                self.span(),
            );
            let observed = at_step.observed.filter(|_| !at_step.ok)?;
            Some(distance(observed, at_step.limit))
        };
        let steps = (0..limits.layout.steps.len()).filter_map(|step| Some((step, beyond(step)?)));
        let furthest = steps.max_by(|one, other| one.1.total_cmp(&other.1));
        Broken {
            metric: judged.metric.clone(),
            expression: judged.expression.clone(),
            observed: judged.observed,
            unit: judged.unit,
            step: furthest.map(|(step, _)| limits.layout.steps[step].name.clone()),
        }
    }
}

/// The limits that broke, by their places, the one furthest beyond its mark first.
fn furthest_first(mut broken: Vec<usize>, judged: &[Judged]) -> Vec<usize> {
    let beyond = |at: usize| {
        let Judged {
            observed, limit, ..
        } = judged[at];
        observed.map_or(0.0, |observed| distance(observed, limit))
    };
    broken.sort_by(|one, other| beyond(*other).total_cmp(&beyond(*one)));
    broken
}

/// How far a number is from its limit, in times of the limit.
fn distance(observed: f64, limit: f64) -> f64 {
    (observed - limit).abs() / limit.abs().max(1e-9)
}

/// Whether a limit is one that a generator without time can break.
fn is_of_times(limit: &Threshold) -> bool {
    match limit.limits() {
        Metric::Trend(_) | Metric::Rate(Rate::Goodput) => true,
        Metric::Counter(_) => limit.unit() == Unit::PerSecond,
        _ => false,
    }
}
