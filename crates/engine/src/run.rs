//! A whole run: starts the shards, merges what they hand over, ends in two deadlines.

use crate::{
    clock::Clock,
    connection::Connect,
    error::Error,
    gauge::Gauge,
    observer::{Directive, Event, Observer},
    permits::{BusyUsers, Iterations},
    phase::{Phase, Stop},
    schedule::{Budget, Schedule},
    shard::{Common, Part, Ties, WINDOW, end_of_starting, end_of_warm_up},
    timer::Timing,
    worker::{Placement, Start, Worker},
};
use loadgen_scenario::Plan;
use loadgen_stats::{
    DropReason, Ledger, Offset, Recorder, RunEnd, ScenarioIndex, StopReason, Summary, Totals,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
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

/// How long a window waits for the hand-over of a busy shard before it is closed without it.
const PATIENCE: Duration = Duration::from_millis(250);

/// Parts and empty recorders that may be on their way, for each shard.
const DEPTH: usize = 2;

/// Carries out a plan.
///
/// Ends when the load is done and every iteration has finished, was cut `graceful_stop` after the end of starting, or
/// `stop` asked for it. Whatever ends it, what was measured is in the summary.
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
    let common = Arc::new(Common {
        layout: Arc::new(plan.layout()),
        schedules: plan.loads.iter().map(Schedule::of).collect(),
        iterations: plan
            .loads
            .iter()
            .map(|load| Iterations::new(bound(&Schedule::of(load))))
            .collect(),
        busy_users: plan
            .loads
            .iter()
            .map(|load| BusyUsers::new(Schedule::of(load).max_vus()))
            .collect(),
        users: Gauge::new(
            plan.loads
                .iter()
                .map(|load| Schedule::of(load).first_users())
                .sum(),
        ),
        seed: settings.seed,
        shards,
        clock: Clock::starting_at(Instant::now()),
        plan,
    });
    crew.go.send_replace(Some(Arc::clone(&common)));
    let mut conductor = Conductor::new(&common, observer, crew.phase.clone());
    conductor.conduct(&mut crew, stop).await;
    conductor.close_last(&common);
    let whole = crew.dismiss().await;
    let outcome = conductor.finish(settings);
    if whole {
        Ok(outcome)
    } else {
        Err(Error::BrokenWorker)
    }
}

/// The iterations of a closed load in all, where it bounds them.
fn bound(schedule: &Schedule) -> Option<u64> {
    match schedule.budget() {
        Budget::Unlimited => None,
        Budget::Shared(iterations) => Some(iterations),
        Budget::PerUser(iterations) => {
            Some(iterations.saturating_mul(u64::from(schedule.most_users().unwrap_or_default())))
        }
    }
}

/// The workers and what ties them to the run.
struct Crew {
    workers: Vec<Worker>,
    go: watch::Sender<Option<Arc<Common>>>,
    phase: watch::Sender<Phase>,
    parts: mpsc::Receiver<Part>,
    empties: Vec<mpsc::Sender<Totals>>,
}

impl Crew {
    /// Starts every worker and waits until each is ready.
    async fn muster<C: Connect + 'static, T: Timing + 'static>(
        shards: usize,
        placement: Placement,
        connect: C,
        timing: T,
    ) -> Result<Self, Error> {
        let (go, _) = watch::channel(None);
        let (phase, _) = watch::channel(Phase::Running);
        let (part_sender, parts) = mpsc::channel(DEPTH * shards);
        let (ready_sender, mut ready) = mpsc::channel(shards);
        let (connect, timing) = (Arc::new(connect), Arc::new(timing));
        let mut crew = Self {
            workers: Vec::new(),
            go,
            phase,
            parts,
            empties: Vec::new(),
        };
        for index in 0..shards {
            let (empty_sender, empties) = mpsc::channel(DEPTH);
            let ties = Ties {
                phase: crew.phase.subscribe(),
                parts: part_sender.clone(),
                empties,
            };
            let (connect, timing) = (Arc::clone(&connect), Arc::clone(&timing));
            let start = Start {
                index,
                connect,
                timing,
                ready: ready_sender.clone(),
                go: crew.go.subscribe(),
                ties,
            };
            crew.workers
                .push(Worker::spawn(placement, start).map_err(Error::Worker)?);
            crew.empties.push(empty_sender);
        }
        drop(ready_sender);
        for _ in 0..shards {
            ready
                .recv()
                .await
                .ok_or(Error::BrokenWorker)?
                .map_err(Error::Worker)?;
        }
        Ok(crew)
    }

    /// Waits for every worker. False where one broke down.
    async fn dismiss(self) -> bool {
        let mut whole = true;
        for worker in self.workers {
            whole &= worker.join().await;
        }
        whole
    }
}

/// Merges what the shards hand over, tells the observer, and keeps the deadlines.
struct Conductor<'a, O: Observer> {
    common: Arc<Common>,
    observer: &'a mut O,
    phase: watch::Sender<Phase>,
    clock: Clock,
    ledger: Ledger,
    /// The window that is open.
    window: u64,
    /// The windows that each shard has closed; `u64::MAX` once it is done.
    closed: Vec<u64>,
    stop_reason: StopReason,
    end_of_warm_up: Offset,
    end_of_starting: Offset,
    graceful_stop: Duration,
}

impl<'a, O: Observer> Conductor<'a, O> {
    fn new(common: &Arc<Common>, observer: &'a mut O, phase: watch::Sender<Phase>) -> Self {
        Self {
            common: Arc::clone(common),
            observer,
            phase,
            clock: common.clock,
            ledger: Ledger::new(Arc::clone(&common.layout), common.plan.thresholds.clone()),
            window: 0,
            closed: vec![0; common.shards],
            stop_reason: StopReason::Completed,
            end_of_warm_up: end_of_warm_up(common),
            end_of_starting: end_of_starting(common),
            graceful_stop: common
                .schedules
                .iter()
                .map(Schedule::graceful_stop)
                .max()
                .unwrap_or_default(),
        }
    }

    /// Leads the run until every shard is done.
    async fn conduct(&mut self, crew: &mut Crew, mut stop: watch::Receiver<Stop>) {
        let mut stoppable = true;
        while self.closed.iter().any(|windows| *windows < u64::MAX) {
            tokio::select! {
                part = crew.parts.recv() => match part {
                    Some(part) => self.take(part, &crew.empties),
                    None => break,
                },
                () = sleep_until(self.clock.instant(self.window_end()) + PATIENCE) => self.close_window(self.window_end()),
                () = self.deadline() => self.next_phase(),
                changed = stop.changed(), if stoppable => match changed {
                    Ok(()) => self.obey(*stop.borrow_and_update()),
                    Err(_) => stoppable = false,
                },
            }
        }
    }

    /// Counts the iterations that were never begun, and closes the window in which the run ended.
    fn close_last(&mut self, common: &Common) {
        let mut recorder = Recorder::new(Arc::clone(&common.layout));
        for (scenario, iterations) in common.iterations.iter().enumerate() {
            let due = end_of_warm_up(common);
            recorder.dropped_iterations(
                ScenarioIndex(scenario),
                due,
                DropReason::End,
                iterations.left(),
            );
        }
        self.ledger.add(recorder.totals());
        self.close_window(self.clock.now());
    }

    fn take(&mut self, part: Part, empties: &[mpsc::Sender<Totals>]) {
        self.ledger.add(&part.totals);
        self.closed[part.shard] = part.window.saturating_add(1);
        let mut totals = part.totals;
        totals.clear();
        // A full return path means that the shard has spare ones.
        let _ = empties[part.shard].try_send(totals);
        if self.closed.iter().all(|windows| *windows > self.window)
            && self.closed.iter().any(|closed| *closed < u64::MAX)
        {
            self.close_window(self.window_end());
        }
    }

    fn window_end(&self) -> Offset {
        Offset::from(WINDOW * u32::try_from(self.window + 1).unwrap_or(u32::MAX))
    }

    fn close_window(&mut self, end: Offset) {
        let start = Offset::from(WINDOW * u32::try_from(self.window).unwrap_or(u32::MAX));
        if end <= start && self.window > 0 {
            return;
        }
        self.window += 1;
        let vus = self.common.users.look();
        let generator = self.observer.generator();
        self.ledger.close_window(start, end, vus, generator);
        let live = self.ledger.live();
        if let Directive::Stop(reason) = self.observer.window(self.ledger.last_window(), &live) {
            self.drain(reason);
        }
        if self.ledger.stops() && *self.phase.borrow() == Phase::Running {
            self.drain(StopReason::Threshold);
        }
    }

    /// Waits for the deadline of the present phase.
    async fn deadline(&self) {
        let at = match *self.phase.borrow() {
            Phase::Running => self.end_of_starting,
            Phase::Draining(at) => at.after(self.graceful_stop),
            Phase::Cut(_) => Offset::MAX,
        };
        if at == Offset::MAX {
            std::future::pending::<()>().await;
        }
        sleep_until(self.clock.instant(at)).await;
    }

    fn next_phase(&mut self) {
        let phase = *self.phase.borrow();
        match phase {
            Phase::Running => self.enter(Phase::Draining(self.end_of_starting)),
            Phase::Draining(ended_starting) => self.enter(Phase::Cut(ended_starting)),
            Phase::Cut(_) => {}
        }
    }

    fn obey(&mut self, stop: Stop) {
        match stop {
            Stop::Run => {}
            Stop::Drain => self.drain(StopReason::Interrupted),
            Stop::Cut => {
                self.stop_reason = StopReason::Interrupted;
                let ended_starting = self
                    .phase
                    .borrow()
                    .ended_starting()
                    .unwrap_or_else(|| self.clock.now());
                self.enter(Phase::Cut(ended_starting));
            }
        }
    }

    fn drain(&mut self, reason: StopReason) {
        if self.stop_reason == StopReason::Completed {
            self.stop_reason = reason;
        }
        if *self.phase.borrow() == Phase::Running {
            self.enter(Phase::Draining(self.clock.now()));
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase.send_replace(phase);
        self.observer.event(&match phase {
            Phase::Cut(_) => Event::Cutting,
            Phase::Running | Phase::Draining(_) => Event::Draining,
        });
    }

    fn finish(mut self, settings: Settings) -> Outcome {
        let ended = self.clock.now();
        let ended_starting = self.phase.borrow().ended_starting().unwrap_or(ended);
        let measured_until = ended_starting.min(self.end_of_starting).min(ended);
        let measured = (self.end_of_warm_up, measured_until.max(self.end_of_warm_up));
        let end = RunEnd {
            allow_all_failed: settings.allow_all_failed,
            strict: settings.strict,
            ..RunEnd::new(self.stop_reason, measured, ended)
        };
        Outcome {
            summary: self.ledger.finish(&end),
            end,
        }
    }
}
