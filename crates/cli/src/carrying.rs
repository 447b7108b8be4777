//! Carries a plan out, and says at once that a signal came.

use crate::{environment::Environment, error::Error, progress::Teller, source::workers, wiring};
use loadgen_engine::{Observer, Outcome, Placement, Settings, Stop};
use loadgen_host::PreciseTiming;
use loadgen_http::HttpConnect;
use loadgen_scenario::Plan;
use std::{convert::Infallible, future::pending, sync::Arc};
use tokio::sync::watch;

/// How a plan is carried out, where nothing else is said.
pub(crate) fn settings(
    seed: Option<u64>,
    threads: Option<u16>,
    environment: &Environment,
) -> Settings {
    Settings {
        workers: workers(threads),
        seed: seed.unwrap_or_else(environment.draw_seed),
        placement: Placement::Threads,
        strict: false,
        allow_all_failed: false,
    }
}

/// Carries a plan out, and answers each signal at once, whatever the run is busy with.
pub(crate) fn carry_out(
    plan: Plan,
    settings: Settings,
    connect: HttpConnect,
    observer: &mut impl Observer,
    teller: Teller<'_>,
    stop: watch::Receiver<Stop>,
) -> Result<Outcome, Error> {
    let mut stops = Stops {
        teller,
        stop: stop.clone(),
    };
    let plan = Arc::new(plan);
    let run = loadgen_engine::run(plan, settings, connect, PreciseTiming, observer, stop);
    let outcome = wiring::runtime()?.block_on(async {
        tokio::select! {
            outcome = run => outcome,
            never = stops.tell() => match never {},
        }
    });
    // A signal that ended the run in the same turn was obeyed, but not told yet.
    stops.tell_news();
    outcome.map_err(|error| Error::failed("carry out the run", error))
}

/// Answers each signal at once, whatever the run is busy with.
struct Stops<'a> {
    teller: Teller<'a>,
    stop: watch::Receiver<Stop>,
}

impl Stops<'_> {
    async fn tell(&mut self) -> Infallible {
        while self.stop.changed().await.is_ok() {
            self.stop.mark_changed();
            self.tell_news();
        }
        pending().await
    }

    fn tell_news(&mut self) {
        if !self.stop.has_changed().unwrap_or(false) {
            return;
        }
        let stop = *self.stop.borrow_and_update();
        match stop {
            Stop::Run => {}
            Stop::Drain => self.teller.say(
                "stopping: no new iterations; running ones may finish within graceful_stop (again: cut them)",
            ),
            Stop::Cut => self.teller.say("cutting what still runs (again: exit at once)"),
        }
    }
}
