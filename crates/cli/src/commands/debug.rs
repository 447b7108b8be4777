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
use loadgen_engine::{Clock, Connect as _, Turns};
use loadgen_http::HttpConnect;
use loadgen_scenario::Plan;
use std::ops::Range;
use tokio::{task::LocalSet, time::Instant};
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
    let _tokens = TokenKeeping::start(&plan, &args.network, environment)?;
    let seed = args.seed.unwrap_or_else(environment.draw_seed);
    show(&plan, which, &connect, seed, &environment.out)
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

/// Performs one iteration of each of these scenarios and tells it to `output`.
pub(super) fn show(
    plan: &Plan,
    which: Range<usize>,
    connect: &HttpConnect,
    seed: u64,
    output: &Output,
) -> Result<Exit, Error> {
    let runtime = wiring::runtime()?;
    let connector = {
        let _inside = runtime.enter();
        connect
            .connector(0)
            .map_err(|error| Error::failed("prepare a connection", error))?
    };
    plan.begin_run(seed);
    let say = |text: &str| say(plan, output, text);
    let of_each = if which.len() > 1 {
        " of each scenario"
    } else {
        ""
    };
    say(&format!(
        "one iteration of one user{of_each}, target {}, seed {seed}\n",
        plan.target
    ))?;
    let run = Run {
        plan,
        clock: Clock::starting_at(Instant::now()),
        turns: Turns::all(plan),
        output,
    };
    let user = |vu: u64, data: &[usize]| {
        let _inside = runtime.enter();
        User::new(&run, data, (vu, seed), &connector)
    };
    let all_data: Vec<usize> = (0..plan.data.len()).collect();
    let mut of_run = user(0, &all_data);
    let local = LocalSet::new();
    let setup = local.block_on(&runtime, of_run.play_once("setup", &plan.setup))?;
    if setup.over {
        say("\nno user would begin\n")?;
        return Ok(Exit::Threshold);
    }
    if !plan.setup.steps.is_empty() {
        plan.share(of_run.kept());
    }
    let mut any_failed = setup.failed;
    for (scenario, vu) in plan.scenarios[which].iter().zip(1..) {
        if plan.scenarios.len() > 1 {
            say(&format!("\nscenario {}\n", scenario.name))?;
        }
        let mut user = user(vu, &scenario.data);
        // What connections left to do ends with the runtime.
        any_failed |= LocalSet::new().block_on(&runtime, user.play(scenario))?;
    }
    let teardown = of_run.play_once("teardown", &plan.teardown);
    any_failed |= local.block_on(&runtime, teardown)?.failed;
    Ok(if any_failed {
        Exit::Threshold
    } else {
        Exit::Passed
    })
}

/// Prints with every secret hidden.
fn say(plan: &Plan, output: &Output, text: &str) -> Result<(), Error> {
    output
        .print(&plan.mask(text))
        .map_err(|error| Error::failed("tell of it", error))
}
