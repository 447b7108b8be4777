//! The bed that examples lie on: arguments, a plan from text, and a run with one worker on a thread of its own.

use loadgen_engine::{Connect, Observer, Outcome, Placement, Settings, Stop, Timing, run};
use loadgen_host::{Monitor, PreciseTiming};
use loadgen_scenario::{Overrides, Plan, SourceText, load};
use loadgen_stats::GeneratorSample;
use std::{error::Error, str::FromStr, sync::Arc};
use tokio::sync::watch;

/// The program's arguments, after its name.
#[must_use]
pub fn arguments() -> Vec<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a bench reads its own arguments, in this one place"
    )]
    std::env::args().skip(1).collect()
}

/// The argument at `place`, or `default` where there is none.
///
/// # Errors
///
/// If it is there and cannot be read.
pub fn argument<T: FromStr>(place: usize, default: T) -> Result<T, T::Err> {
    arguments()
        .get(place)
        .map_or(Ok(default), |text| text.parse())
}

/// The plan of a scenario that is built into a bench.
///
/// # Errors
///
/// The scenario's problems, as text.
pub fn plan(name: &str, text: &str, overrides: &Overrides) -> Result<Plan, Box<dyn Error>> {
    let source = SourceText {
        path: "built in",
        text,
        stem: name,
    };
    let lowered = load(source, overrides).map_err(|problems| problems.to_string())?;
    Ok(lowered.plan)
}

/// Carries the plan out to its end, with one worker on a thread of its own and the same seed every time.
///
/// # Errors
///
/// If the run could not begin.
pub fn carry_out<C: Connect + 'static>(
    plan: Plan,
    connect: C,
    observer: &mut impl Observer,
) -> Result<Outcome, Box<dyn Error>> {
    carry_out_with(PreciseTiming, plan, connect, observer)
}

/// As [`carry_out`], with another timer.
///
/// # Errors
///
/// If the run could not begin.
pub fn carry_out_with<C: Connect + 'static>(
    timing: impl Timing + 'static,
    plan: Plan,
    connect: C,
    observer: &mut impl Observer,
) -> Result<Outcome, Box<dyn Error>> {
    let settings = Settings {
        workers: 1,
        seed: 1,
        placement: Placement::Threads,
        strict: false,
        allow_all_failed: false,
    };
    let (_go_on, stop) = watch::channel(Stop::Run);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let running = run(Arc::new(plan), settings, connect, timing, observer, stop);
    Ok(runtime.block_on(running)?)
}

/// Watches what the generator uses, so that the summary has it.
#[derive(Debug)]
pub struct Watcher(Monitor);

impl Watcher {
    /// Begins to watch.
    #[must_use]
    pub fn start() -> Self {
        Self(Monitor::start())
    }
}

impl Observer for Watcher {
    fn generator(&mut self) -> Option<GeneratorSample> {
        Some(self.0.sample())
    }
}
