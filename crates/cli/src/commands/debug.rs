//! `loadgen debug`: one iteration of one virtual user of each kind, told as a story.

mod first_tokens;
mod user;

use crate::{
    args::{DebugArgs, Given},
    environment::{Environment, Output},
    error::Error,
    exit::Exit,
    source::{Wanted, refuse_network},
    tokens::TokenKeeping,
    wiring,
};
use loadgen_engine::{Clock, Connect as _, Connector, Stop, Turns};
use loadgen_http::HttpConnect;
use loadgen_scenario::{Plan, Scenario};
use std::ops::Range;
use tokio::{runtime::Runtime, sync::watch, task::LocalSet, time::Instant};
use user::{Run, User};

/// Shows one iteration of every scenario, or of the one that is asked for.
pub(crate) fn debug(
    args: &DebugArgs,
    given: &Given,
    environment: &Environment,
) -> Result<Exit, Error> {
    refuse_network(&args.network)?;
    let wanted = Wanted {
        source: &args.source,
        load: None,
        request: &args.request,
        network: Some(&args.network),
        steered: false,
        connect_rate: &None,
        until: &[],
        given,
    };
    let mut plan = wanted.plan(environment)?.plan;
    let which = which(&plan, args.scenario_name.as_deref())?;
    let connect = wiring::connect(&args.network, &plan, environment)?;
    wiring::hide_proxies(&mut plan, environment);
    // Until the end: dropping it stops it.
    let _embedded = wiring::embed(&mut plan)?;
    let stop =
        (environment.signals)().map_err(|error| Error::failed("listen for signals", error))?;
    let asks = (&plan, plan.token_asks_of(which.clone()));
    let Some(_tokens) = TokenKeeping::start(asks, &args.network, environment, &stop)? else {
        return Ok(Exit::Interrupted);
    };
    let seed = args.seed.unwrap_or_else(environment.draw_seed);
    show(&plan, which, seed, (&connect, &environment.out, &stop))
}

/// The places of the scenarios that are asked for.
fn which(plan: &Plan, name: Option<&str>) -> Result<Range<usize>, Error> {
    let all = 0..plan.scenarios.len();
    let Some(name) = name else { return Ok(all) };
    let names = || plan.scenarios.iter().map(|one| one.name.as_str());
    match names().position(|one| one == name) {
        Some(place) => Ok(place..place + 1),
        None => {
            let known = names().collect::<Vec<_>>().join(", ");
            let error = Error::usage(format!("there is no scenario `{name}`"));
            Err(error.hint(format!("known are: {known}")))
        }
    }
}

/// Performs one iteration of each of these scenarios and tells it to an output; a signal ends that at once.
pub(super) fn show(
    plan: &Plan,
    which: Range<usize>,
    seed: u64,
    (connect, output, stop): (&HttpConnect, &Output, &watch::Receiver<Stop>),
) -> Result<Exit, Error> {
    plan.begin_run(seed);
    let stage = Stage {
        runtime: wiring::runtime()?,
        plan,
        output,
        stop,
    };
    let of_each = match which.len() > 1 {
        true => " of each scenario",
        false => "",
    };
    stage.say(&format!(
        "one iteration of one user{of_each}, target {}, seed {seed}\n",
        plan.target
    ))?;
    match stage.play(which, seed, connect) {
        Ok(exit) => Ok(exit),
        Err(Ended::Failed(error)) => Err(error),
        Err(Ended::Signal) => {
            stage.say("\nstopped by a signal\n")?;
            Ok(Exit::Interrupted)
        }
    }
}

/// What surrounds the users whose iterations are told.
struct Stage<'a> {
    runtime: Runtime,
    plan: &'a Plan,
    output: &'a Output,
    stop: &'a watch::Receiver<Stop>,
}

/// Why the story does not come to its end.
enum Ended {
    Signal,
    Failed(Error),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Stage<'_> {
    fn play(&self, which: Range<usize>, seed: u64, connect: &HttpConnect) -> Result<Exit, Ended> {
        let plan = self.plan;
        let connector = {
            let _inside = self.runtime.enter();
            let connector = connect.connector(0);
            connector.map_err(|error| Error::failed("prepare a connection", error))?
        };
        let run = Run {
            plan,
            clock: Clock::starting_at(Instant::now()),
            turns: Turns::all(plan),
            output: self.output,
        };
        let user = |vu: u64, data: &[usize]| {
            let _inside = self.runtime.enter();
            User::new(&run, data, (vu, seed), &connector)
        };
        let all_data: Vec<usize> = (0..plan.data.len()).collect();
        let (mut of_run, local) = (user(0, &all_data), LocalSet::new());
        let setup = self.unless(Stop::Drain, &local, of_run.play_once("setup", &plan.setup))?;
        if setup.over {
            self.say("\nno user would begin\n")?;
            return Ok(Exit::Threshold);
        }
        if !plan.setup.steps.is_empty() {
            plan.share(of_run.kept());
        }
        let users = self.play_users(which, |scenario, vu| user(vu, &scenario.data));
        // What the setup made is cleared away after one signal, too; another one cuts that.
        let teardown = of_run.play_once("teardown", &plan.teardown);
        let teardown = self.unless(Stop::Cut, &local, teardown)?;
        if *self.stop.borrow() != Stop::Run {
            return Err(Ended::Signal);
        }
        Ok(match setup.failed | users? | teardown.failed {
            true => Exit::Threshold,
            false => Exit::Passed,
        })
    }

    /// Tells one iteration of a user of each of these scenarios; whether anything failed.
    fn play_users<'u, C: Connector>(
        &self,
        which: Range<usize>,
        user: impl Fn(&Scenario, u64) -> User<'u, C>,
    ) -> Result<bool, Ended> {
        let plan = self.plan;
        let mut any_failed = false;
        for (scenario, vu) in plan.scenarios[which].iter().zip(1..) {
            if plan.scenarios.len() > 1 {
                self.say(&format!("\nscenario {}\n", scenario.name))?;
            }
            let mut user = user(scenario, vu);
            // What connections left to do ends with the runtime.
            any_failed |= self.unless(Stop::Drain, &LocalSet::new(), user.play(scenario))?;
        }
        Ok(any_failed)
    }

    /// What comes of something, unless that signal comes before, or a stronger one.
    fn unless<T>(
        &self,
        end: Stop,
        local: &LocalSet,
        told: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Ended> {
        let mut stop = self.stop.clone();
        let signal = async {
            if stop
                .wait_for(|stop| *stop == end || *stop == Stop::Cut)
                .await
                .is_err()
            {
                std::future::pending::<()>().await;
            }
        };
        local.block_on(&self.runtime, async {
            tokio::select! {
                biased;
                () = signal => Err(Ended::Signal),
                told = told => told.map_err(Ended::Failed),
            }
        })
    }

    fn say(&self, text: &str) -> Result<(), Error> {
        say(self.plan, self.output, text)
    }
}

/// Prints with every secret hidden.
fn say(plan: &Plan, output: &Output, text: &str) -> Result<(), Error> {
    output
        .print(&plan.mask(text))
        .map_err(|error| Error::failed("tell of it", error))
}
