//! One level of work, driven against an embedded target whose own truth is known.

use crate::{error::Error, wiring};
use loadgen_engine::{GeneratorSample, Observer, Placement, Settings, Stop};
use loadgen_host::{Monitor, PreciseTiming};
use loadgen_http::{HttpConnect, Options};
use loadgen_mock::{Mock, TruthRecord};
use loadgen_scenario::{Given, Overrides, Plan, SourceText, load};
use loadgen_stats::{ArrivalClock, LagFigures, Rate, Summary, Trend};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;

/// What reported times may be off by, and requests late, at p99.
pub(super) const TOLERANCE: Duration = Duration::from_millis(5);
/// The part of what was asked for that must have been done.
const ENOUGH: f64 = 0.95;
/// The part of its processors from which on the target is taken for the limit.
const BUSY_TARGET: f64 = 0.9;
/// Streams of [`Work::Events`].
const STREAMS: u64 = 100;
/// Length of the streams of [`Work::Streams`], in tokens of a tenth of a second.
const TOKENS: u32 = 20;
/// Requests whose truth is kept.
const TRUTH: usize = 200_000;

/// A kind of work, with what its levels count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Plain requests a second, on kept connections.
    Requests,
    /// Streams at the same time, of ten tokens a second each.
    Streams,
    /// Events a second, on a hundred streams.
    Events,
}

/// Who drives it, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Crew {
    /// Worker threads.
    pub workers: usize,
    /// Their processors.
    pub processors: Vec<usize>,
    /// The target's, which has a worker thread for each.
    pub target: Vec<usize>,
}

impl Crew {
    /// Whether it shares processors with the target.
    fn shares(&self) -> bool {
        self.processors.iter().any(|one| self.target.contains(one))
    }
}

/// How a level went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    asked: f64,
    reached: f64,
    /// By how much the reported p99 is off the target's own.
    off: Duration,
    /// How late requests began at p99, and at p50.
    pub lag: (Duration, Duration),
    failed: u64,
    /// The part of its processors that the target used.
    target_busy: f64,
    /// Whether the target's processors are those of the workers, too.
    shared: bool,
    /// What dated arrivals.
    pub clock: Option<ArrivalClock>,
}

/// Why a level did not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broke {
    /// The generator was late, or reported other times than the target's.
    Generator,
    /// The embedded target had no time left: the generator may do more.
    Target,
    /// Both had the same processors: either may do more by itself.
    Shared,
}

impl Broke {
    /// The public name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Generator => "generator",
            Self::Target => "target",
            Self::Shared => "shared",
        }
    }

    /// The one of that name.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let mut all = [Self::Generator, Self::Target, Self::Shared].into_iter();
        all.find(|one| one.name() == name)
    }
}

impl Level {
    /// Why it did not hold; absent where it did.
    pub(super) fn broke(&self) -> Option<Broke> {
        let held = self.reached >= ENOUGH * self.asked
            && self.off <= TOLERANCE
            && self.lag.1 <= TOLERANCE
            && self.failed == 0;
        (!held).then_some(match (self.target_busy > BUSY_TARGET, self.shared) {
            (true, _) => Broke::Target,
            // Of processors that both use neither gets all.
            (false, true) => Broke::Shared,
            (false, false) => Broke::Generator,
        })
    }
}

impl Work {
    /// Every kind, in the order in which they are tried.
    pub(crate) const ALL: [Self; 3] = [Self::Requests, Self::Streams, Self::Events];

    /// What its levels count.
    pub(crate) const fn unit(self) -> &'static str {
        match self {
            Self::Requests => "requests/s",
            Self::Streams => "streams",
            Self::Events => "events/s",
        }
    }

    /// The first level that is tried.
    pub(crate) const fn first(self) -> u64 {
        match self {
            Self::Requests => 2_000,
            Self::Streams => 500,
            Self::Events => 10_000,
        }
    }

    /// The length of a token on the way, and the tokens of a stream, at a level.
    fn pace(self, level: u64) -> (Duration, u32) {
        match self {
            Self::Requests => (Duration::ZERO, 1),
            Self::Streams => (Duration::from_millis(100), TOKENS),
            Self::Events => {
                let each = (level / STREAMS).max(1);
                let gap = Duration::from_secs_f64(1.0 / each as f64);
                (gap, u32::try_from(each).unwrap_or(u32::MAX))
            }
        }
    }

    /// What a level asks for, in its unit.
    fn asked(self, level: u64) -> f64 {
        match self {
            Self::Requests | Self::Streams => level as f64,
            Self::Events => {
                let (gap, tokens) = self.pace(level);
                // The first token of a stream comes a gap after its request.
                STREAMS as f64 * f64::from(tokens) / (gap.as_secs_f64() * f64::from(tokens))
            }
        }
    }

    fn settings(self, level: u64, workers: usize) -> loadgen_mock::Settings {
        let (gap, tokens) = self.pace(level);
        loadgen_mock::Settings {
            ttft: gap,
            itl: gap,
            tokens,
            plain_time: Duration::ZERO,
            workers,
            truth_requests: TRUTH,
            ..loadgen_mock::Settings::default()
        }
    }

    fn scenario(self, level: u64, measured: Duration) -> String {
        let seconds = measured.as_secs_f64();
        let load = match self {
            Self::Requests => {
                format!(
                    "rate = \"{level}/s\"\nduration = \"{}s\"\nwarm_up = \"500ms\"",
                    seconds + 0.5
                )
            }
            Self::Streams => format!(
                "rate = \"{}/s\"\nduration = \"{}s\"\nwarm_up = \"2s\"",
                level as f64 / (f64::from(TOKENS) / 10.0),
                seconds + 2.0
            ),
            Self::Events => {
                format!(
                    "vus = {STREAMS}\nduration = \"{}s\"\nwarm_up = \"1s\"",
                    seconds + 1.0
                )
            }
        };
        let step = match self {
            Self::Requests => "get = \"/plain\"",
            Self::Streams | Self::Events => {
                "post = \"/v1/chat/completions\"\nstream = \"openai\"\n\
                 json = { model = \"m\", stream = true, messages = [{ role = \"user\", content = \"Hello\" }] }"
            }
        };
        format!("name = \"doctor\"\n[load]\n{load}\ngraceful_stop = \"5s\"\n[[step]]\n{step}\n")
    }

    /// What was done, in its unit.
    fn reached(self, summary: &Summary) -> f64 {
        let requests = summary.requests_per_second.unwrap_or_default();
        match self {
            Self::Requests => requests,
            Self::Streams => requests * f64::from(TOKENS) / 10.0,
            Self::Events => (summary.streams.as_ref())
                .and_then(|streams| streams.tokens_per_second)
                .unwrap_or_default(),
        }
    }
}

/// Drives one level for that long.
///
/// # Errors
///
/// Where the target cannot be started, or the run cannot be made.
pub(super) fn drive(
    work: Work,
    level: u64,
    measured: Duration,
    crew: &Crew,
    stop: watch::Receiver<Stop>,
) -> Result<Level, Error> {
    let unmade = |error| Error::failed("start the embedded target", error);
    let free_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mock = Mock::start(work.settings(level, crew.target.len()), free_port).map_err(unmade)?;
    place("mock-", crew)?;
    let plan = plan(&work.scenario(level, measured), mock.url())?;
    let used_before = used_by_target();
    let summary = carry_out(plan, crew.workers, stop)?;
    let used = used_by_target().saturating_sub(used_before);
    let truth = mock.truth();
    mock.stop_within(Duration::ZERO);
    let lag = summary.generator.schedule_lag;
    let of_lag = |lag: LagFigures| (lag.p50.value, lag.p99.value);
    Ok(Level {
        asked: work.asked(level),
        reached: work.reached(&summary),
        off: off(work, &summary, &truth),
        lag: lag.map_or((Duration::ZERO, Duration::ZERO), of_lag),
        failed: summary.metrics.rate(Rate::HttpReqFailed).0,
        target_busy: used.as_secs_f64()
            / (summary.duration.as_secs_f64() * crew.target.len() as f64).max(f64::MIN_POSITIVE),
        shared: crew.shares(),
        clock: summary.generator.arrival_clock,
    })
}

fn plan(text: &str, target: String) -> Result<Plan, Error> {
    let overrides = Overrides {
        target: Some(Given::new(target, "doctor")),
        ..Overrides::default()
    };
    let source = SourceText {
        path: "doctor",
        text,
        stem: "doctor",
    };
    Ok(load(source, &overrides)?.plan)
}

fn carry_out(plan: Plan, workers: usize, stop: watch::Receiver<Stop>) -> Result<Summary, Error> {
    let connect = HttpConnect::new(Options::default())
        .map_err(|error| Error::failed("make connections", error))?;
    let settings = Settings {
        workers,
        seed: 1,
        placement: Placement::Threads,
        strict: false,
        allow_all_failed: true,
    };
    let mut watcher = Watcher(Monitor::start());
    let timing = PreciseTiming;
    let run = loadgen_engine::run(
        Arc::new(plan),
        settings,
        connect,
        timing,
        &mut watcher,
        stop,
    );
    let outcome = wiring::runtime()?.block_on(run);
    let outcome = outcome.map_err(|error| Error::failed("carry out a level", error))?;
    Ok(outcome.summary)
}

/// By how much the reported p99 is off what the target's truth says.
fn off(work: Work, summary: &Summary, truth: &[TruthRecord]) -> Duration {
    let first = |record: &TruthRecord| {
        let first = record.first_output_ns.or(record.events_ns.first().copied());
        first.map(|first| first.saturating_sub(record.received_ns))
    };
    let pace = |record: &TruthRecord| {
        let gaps = record
            .output_events
            .checked_sub(1)
            .filter(|gaps| *gaps > 0)?;
        Some(
            record
                .last_output_ns?
                .saturating_sub(record.first_output_ns?)
                / gaps,
        )
    };
    let p99 = |of: &dyn Fn(&TruthRecord) -> Option<u64>| {
        let mut all: Vec<u64> = truth.iter().filter_map(of).collect();
        all.sort_unstable();
        let place = (all.len() * 99).div_ceil(100).saturating_sub(1);
        Duration::from_nanos(all.get(place).copied().unwrap_or_default())
    };
    let told = |trend| {
        summary
            .metrics
            .trend(trend)
            .map_or(Duration::MAX, |figures| figures.p99.value)
    };
    match work {
        Work::Requests => told(Trend::HttpReqWaiting).abs_diff(p99(&first)),
        Work::Streams => told(Trend::TtftService).abs_diff(p99(&first)),
        Work::Events => {
            let first = told(Trend::TtftService).abs_diff(p99(&first));
            first.max(told(Trend::Tpot).abs_diff(p99(&pace)))
        }
    }
}

/// Puts the target's threads, then those that are started from now on, on their processors.
fn place(target: &str, crew: &Crew) -> Result<(), Error> {
    #[cfg(target_os = "linux")]
    {
        let failed = |error| Error::failed("share out the processors", error);
        loadgen_host::keep_threads_to(target, &crew.target).map_err(failed)?;
        loadgen_host::keep_to(&crew.processors).map_err(failed)?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (target, crew);
    Ok(())
}

fn used_by_target() -> Duration {
    #[cfg(target_os = "linux")]
    return loadgen_host::cpu_of_threads("mock-").unwrap_or_default();
    #[cfg(not(target_os = "linux"))]
    Duration::ZERO
}

struct Watcher(Monitor);

impl Observer for Watcher {
    fn generator(&mut self) -> Option<GeneratorSample> {
        Some(self.0.sample())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_broke_a_level_is_told() {
        let held = Level {
            asked: 1000.0,
            reached: 1000.0,
            off: Duration::ZERO,
            lag: (Duration::ZERO, Duration::ZERO),
            failed: 0,
            target_busy: 0.95,
            shared: true,
            clock: None,
        };
        assert_eq!(held.broke(), None);
        let check = |target_busy, shared, expected| {
            let late = Level {
                lag: (Duration::ZERO, TOLERANCE * 2),
                target_busy,
                shared,
                ..held
            };
            assert_eq!(late.broke(), Some(expected), "{target_busy} {shared}");
            assert_eq!(Broke::from_name(expected.name()), Some(expected));
        };
        check(0.5, false, Broke::Generator);
        check(0.95, false, Broke::Target);
        check(0.95, true, Broke::Target);
        check(0.5, true, Broke::Shared);
    }
}
