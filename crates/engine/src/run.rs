//! A whole run: starts the workers, gives the word, and waits for the end.

use crate::{
    clock::Clock, conductor::Conductor, connection::Connect, crew::Crew, error::Error,
    gauge::Gauge, load::SharedLoad, observer::Observer, phase::Stop, rows::TakenRows,
    shard::Common, timer::Timing, worker::Placement,
};
use loadgen_scenario::Plan;
use loadgen_stats::{RunEnd, Summary};
use std::sync::Arc;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

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
}

/// Carries out a plan.
///
/// Ends when every load is done and each of its iterations has finished, was cut `graceful_stop` after the end of
/// starting, or `stop` asked for it. Whatever ends it, what was measured is in the summary.
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
    let mut crew = Crew::muster(shards, settings.placement, connect, timing).await?;
    plan.begin_run(settings.seed);
    let loads = SharedLoad::all(&plan, settings.seed, shards);
    let first = loads.iter().map(|load| load.schedule.first_users());
    let common = Arc::new(Common {
        layout: Arc::new(plan.layout()),
        load_ended: Notify::new(),
        users: Gauge::new(first.sum()),
        rows: TakenRows::all(&plan, settings.seed),
        seed: settings.seed,
        shards,
        clock: Clock::starting_at(Instant::now()),
        loads,
        plan,
    });
    let mut conductor = Conductor::new(&common, observer, &crew);
    crew.begin(&common);
    conductor.conduct(&mut crew, stop).await;
    conductor.close_last();
    let whole = crew.dismiss().await;
    let outcome = conductor.finish(settings);
    if whole {
        Ok(outcome)
    } else {
        Err(Error::BrokenWorker)
    }
}
