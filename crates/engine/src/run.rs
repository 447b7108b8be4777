//! A whole run: starts the workers, gives the word, and waits for the end.

use crate::{
    conductor::Conductor,
    connection::Connect,
    crew::Crew,
    error::Error,
    observer::{Event, Observer},
    once::{Errands, Trouble},
    phase::Stop,
    shard::Common,
    timer::Timing,
    worker::Placement,
};
use loadgen_scenario::Plan;
use loadgen_stats::{RunEnd, StopReason, Summary, Warning};
use std::sync::Arc;
use tokio::sync::watch;

/// How a run is carried out.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Workers: shards of the load, each with a thread. At least one is started.
    pub workers: usize,
    /// The seed of everything random.
    pub seed: u64,
    /// Where the shards run.
    pub placement: Placement,
    /// Whether too few samples to judge a threshold make the verdict inconclusive.
    pub strict: bool,
    /// Whether a run in which nothing succeeded may pass.
    pub allow_all_failed: bool,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What is said of it.
    pub summary: Summary,
    /// How it ended: what a run log's closing record holds.
    pub end: RunEnd,
    /// Why the setup failed, so that no user began; absent where it did not.
    pub setup_failed: Option<String>,
}

/// Carries out a plan.
///
/// Ends when every load is done and each of its iterations has finished, was cut `graceful_stop` after the end of
/// starting, or `stop` asked for it. Whatever ends it, what was measured is in the summary. What the plan does once is
/// done before the first user begins and after the last has ended; where the setup fails, nobody begins.
///
/// # Errors
///
/// Where a worker cannot be set up, before anything is sent; or where one breaks down.
pub async fn run<C: Connect + 'static, T: Timing + 'static, O: Observer>(
    plan: Arc<Plan>,
    settings: Settings,
    connect: C,
    timing: T,
    observer: &mut O,
    stop: watch::Receiver<Stop>,
) -> Result<Outcome, Error> {
    let shards = settings.workers.max(1);
    let (connect, timing) = (Arc::new(connect), Arc::new(timing));
    let mut crew = Crew::muster(shards, settings.placement, &connect, &timing).await?;
    plan.begin_run(settings.seed);
    let mut errands = Errands::new(&plan, settings, connect, timing, stop.clone());
    if errands.has_setup() {
        observer.event(&Event::SettingUp);
    }
    let setup = errands.set_up().await?;
    let common = Arc::new(Common::new(&plan, settings.seed, shards));
    let mut conductor = Conductor::new(&common, observer, &crew);
    if let Some(done) = &setup {
        conductor.take_first(&done.totals);
    }
    let trouble = setup.and_then(|done| done.trouble);
    match &trouble {
        None => {
            crew.begin(&common);
            conductor.conduct(&mut crew, stop).await;
        }
        Some(Trouble::Stopped) => conductor.give_up(StopReason::Interrupted),
        Some(_) => conductor.give_up(StopReason::Error),
    }
    conductor.close_last();
    let teardown = match trouble {
        None if errands.has_teardown() => {
            conductor.tell_of(&Event::TearingDown);
            errands.tear_down().await?
        }
        _ => None,
    };
    if let Some(done) = &teardown {
        conductor.take_last(&done.totals);
    }
    let whole = crew.dismiss().await;
    let mut outcome = conductor.finish(settings);
    let failed = teardown.and_then(|done| done.trouble);
    outcome.summary.warnings.extend(failed.map(|trouble| {
        let reason = trouble.to_string();
        Warning::TeardownFailed { reason }
    }));
    outcome.setup_failed = trouble
        .filter(|trouble| *trouble != Trouble::Stopped)
        .map(|trouble| trouble.to_string());
    if whole {
        Ok(outcome)
    } else {
        Err(Error::BrokenWorker)
    }
}
