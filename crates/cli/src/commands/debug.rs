//! `loadgen debug`: one iteration of one virtual user of each kind, told as a story.

use crate::{
    args::{DebugArgs, Given},
    environment::{Environment, Output},
    error::Error,
    exit::Exit,
    source::{Wanted, refuse_network},
    story, wiring,
};
use loadgen_engine::{
    Arrival, Asked, Call, Clock, Connect as _, Connection, Connector as _, Cookies, Exchange,
    Judgement, LOOKED_INTO, Luck, Method, Offset, Rendered, StreamSink, judge,
    too_many_redirections,
};
use loadgen_http::HttpConnect;
use loadgen_scenario::{Guarded, OnFailure, Plan, Request, Scenario, Scope, Step};
use std::{ops::Range, time::Duration};
use tokio::{task::LocalSet, time::Instant};

/// Bytes of a body, and of a stream's text, that are kept to be shown and looked into.
const KEPT_BODY: usize = LOOKED_INTO;

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
        until: &[],
        given,
    };
    let mut plan = wanted.plan(environment)?.plan;
    let which = which(&plan, args.scenario_name.as_deref())?;
    let connect = wiring::connect(&args.network, &plan, environment)?;
    wiring::hide_proxies(&mut plan, environment);
    // Until the end: dropping it stops it.
    let _embedded = wiring::embed(&mut plan)?;
    show(
        &plan,
        which,
        &connect,
        args.seed.unwrap_or_else(environment.draw_seed),
        &environment.out,
    )
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
    say(&format!(
        "one iteration of one user, target {}, seed {seed}\n",
        plan.target
    ))?;
    let user = |vu: u64, data: &[usize]| {
        let _inside = runtime.enter();
        let scope = plan.scope(vu, seed);
        scope.begin_iteration(0);
        // The first of each, as the plan's own trial has it.
        data.iter().for_each(|set| scope.give_row(*set, 0));
        User {
            plan,
            connection: connector.connection(),
            scope,
            luck: Luck::of(seed, vu.wrapping_sub(1)),
            // One for all: a kept connection dates what it reads by the clock that it was opened with.
            clock: Clock::starting_at(Instant::now()),
            output,
        }
    };
    let all_data: Vec<usize> = (0..plan.data.len()).collect();
    let mut of_run = user(0, &all_data);
    let local = LocalSet::new();
    let setup = local.block_on(&runtime, of_run.play_once("setup", &plan.setup.steps))?;
    if setup.ended_early {
        say("\nno user would begin\n")?;
        return Ok(Exit::Threshold);
    }
    if !plan.setup.steps.is_empty() {
        plan.share(of_run.scope.kept());
    }
    let mut any_failed = setup.any_failed;
    for (scenario, vu) in plan.scenarios[which].iter().zip(1..) {
        if plan.scenarios.len() > 1 {
            say(&format!("\nscenario {}\n", scenario.name))?;
        }
        let mut user = user(vu, &scenario.data);
        // What connections left to do ends with the runtime.
        any_failed |= LocalSet::new().block_on(&runtime, user.play(scenario))?;
    }
    let teardown = of_run.play_once("teardown", &plan.teardown.steps);
    any_failed |= local.block_on(&runtime, teardown)?.any_failed;
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

/// One user.
struct User<'a, C> {
    plan: &'a Plan,
    connection: C,
    scope: Scope,
    luck: Luck,
    clock: Clock,
    output: &'a Output,
}

impl<C: Connection> User<'_, C> {
    /// Does what comes before the first iteration, and one iteration; tells whether a request failed.
    async fn play(&mut self, scenario: &Scenario) -> Result<bool, Error> {
        let mut any_failed = false;
        if !scenario.before.is_empty() {
            self.say("\nbefore the first iteration\n")?;
            any_failed |= self.walk(&scenario.before).await?.any_failed;
            self.say("\nthe iteration\n")?;
            self.scope.begin_iteration(0);
        }
        Ok(any_failed | self.walk(&scenario.flow).await?.any_failed)
    }

    /// Does what is done once in a run.
    async fn play_once(&mut self, title: &str, steps: &[Step]) -> Result<Walked, Error> {
        if !steps.is_empty() {
            self.say(&format!("\n{title}, once in a run\n"))?;
        }
        self.walk(steps).await
    }

    /// Walks steps.
    async fn walk(&mut self, steps: &[Step]) -> Result<Walked, Error> {
        let (mut any_failed, mut ended_early) = (false, false);
        let mut todo = in_turn("", steps);
        while let Some(next) = todo.pop() {
            let (number, step) = match next {
                Todo::Step(number, step) => (number, step),
                Todo::Times(number, guarded, left) => {
                    any_failed |= self.again(&mut todo, number, guarded, left)?;
                    continue;
                }
            };
            match step {
                Step::Think(think) => self.say(&story::think(&number, think))?,
                Step::Request(request) => {
                    let judgement = self.request(&number, request).await?;
                    let failed = judgement.as_ref().is_none_or(|one| one.error.is_some());
                    any_failed |= failed;
                    let lacking = judgement.is_some_and(|one| one.lacking);
                    ended_early = lacking && request.on_missing != OnFailure::Continue;
                    if ended_early {
                        self.say(&format!(
                            "\n{} ends here: what follows may need what is missing\n",
                            self.what()
                        ))?;
                        break;
                    }
                    ended_early = failed && request.on_failure != OnFailure::Continue;
                    if ended_early {
                        self.say(&format!(
                            "\n{} ends here, as on_failure says\n",
                            self.what()
                        ))?;
                        break;
                    }
                }
                // What is done at once is told one after the other, so that it can be read.
                Step::Steps(steps) | Step::Parallel(steps) => {
                    todo.extend(in_turn(&format!("{number}."), steps));
                }
                Step::Choose(alternatives) => {
                    let chosen = self.luck.choose(alternatives);
                    let number = format!("{number}.{}", chosen + 1);
                    todo.push(Todo::Step(number, &alternatives[chosen].step));
                }
                Step::Group(group) => todo.push(Todo::Step(number, &group.step)),
                Step::Guarded(guarded) => {
                    let times = self.luck.times(guarded.repeat);
                    todo.push(Todo::Times(number, guarded, times));
                }
            }
        }
        Ok(Walked {
            any_failed,
            ended_early,
        })
    }

    /// What the user is at.
    fn what(&self) -> &'static str {
        match self.scope.vu() {
            0 => "it",
            _ => "the iteration",
        }
    }

    /// Does a step once more, where its condition holds; tells whether that could not be told.
    fn again<'a>(
        &self,
        todo: &mut Vec<Todo<'a>>,
        number: String,
        guarded: &'a Guarded,
        left: u32,
    ) -> Result<bool, Error> {
        if left == 0 {
            return Ok(false);
        }
        let holds = guarded.when.as_ref().map(|when| when.holds(&self.scope));
        match holds {
            None | Some(Ok(true)) => {
                todo.push(Todo::Times(number.clone(), guarded, left - 1));
                todo.push(Todo::Step(number, &guarded.step));
                Ok(false)
            }
            Some(Ok(false)) => {
                self.say(&format!("\n{number}. left: `when` does not hold\n"))?;
                Ok(false)
            }
            Some(Err(error)) => {
                self.say(&format!("\n{number}. failed: template: {error}\n"))?;
                Ok(true)
            }
        }
    }

    /// Makes one request; what is thought of it, where it could be sent.
    async fn request(
        &mut self,
        number: &str,
        request: &Request,
    ) -> Result<Option<Judgement>, Error> {
        let plan = self.plan;
        let mut cookies = Cookies::of(request, &self.scope, self.clock);
        let rendered = match request.message.render(&plan.target, &self.scope) {
            Ok(mut rendered) => {
                if let Some(cookies) = &mut cookies {
                    cookies.add(&mut rendered);
                }
                rendered
            }
            Err(error) => {
                self.say(&format!(
                    "\n{number}. {}\n   failed: template: {error}\n",
                    request.name
                ))?;
                return Ok(None);
            }
        };
        self.say(&story::request(number, request, &rendered))?;
        let (mut method, mut message) = (request.method, rendered.into_owned());
        let (mut exchange, mut tokens) = (Exchange::default(), FirstTokens::default());
        let mut began = self.clock.now();
        for hop in 0..=request.redirects {
            let borrowed = message.borrowed();
            let call = self.call(request, method, &borrowed);
            self.connection
                .call(&call, &mut exchange, &mut tokens)
                .await;
            if let Some(cookies) = &cookies {
                cookies.take(&borrowed, &exchange);
            }
            let Some(mut onward) = exchange.onward.take() else {
                break;
            };
            if hop == request.redirects {
                exchange.failure = Some(too_many_redirections(hop, &onward.message.path));
                break;
            }
            self.say(&story::reply(&exchange))?;
            self.say(&story::times(&exchange, None, began))?;
            if let Some(cookies) = &mut cookies {
                cookies.renew(&mut onward.message);
            }
            (method, message) = (onward.method, onward.message);
            self.say(&story::redirected(method, &message))?;
            (exchange, began) = (Exchange::default(), self.clock.now());
        }
        let asked = Asked::of(request, began, began);
        let judgement = judge(&asked, &exchange);
        for (name, value) in &judgement.found {
            self.scope.keep(name, value.clone(), request.life);
        }
        self.tell(&exchange, tokens.output, began, &judgement)?;
        Ok(Some(judgement))
    }

    fn call<'c>(
        &self,
        request: &'c Request,
        method: Method,
        message: &'c Rendered<'c>,
    ) -> Call<'c> {
        Call {
            step: request.index,
            method,
            message,
            fixed: false,
            timeouts: request.timeouts,
            http_version: request.http_version,
            stream: request.stream.as_ref(),
            new_connection: request.new_connection,
            // One that is drawn is not drawn here: the whole answer tells more.
            cancel: request
                .cancel
                .as_ref()
                .filter(|cancel| cancel.probability >= 1.0),
            follow: request.redirects > 0,
            keep_body: KEPT_BODY,
            keep_text: KEPT_BODY,
            keep_head: true,
            heed: request.retry.is_some(),
            clock: self.clock,
        }
    }

    fn tell(
        &self,
        exchange: &Exchange,
        first_output: Option<Offset>,
        began: Offset,
        judgement: &Judgement,
    ) -> Result<(), Error> {
        self.say(&story::reply(exchange))?;
        self.say(&story::verdict(exchange, judgement))?;
        self.say(&story::times(exchange, first_output, began))
    }

    fn say(&self, text: &str) -> Result<(), Error> {
        say(self.plan, self.output, &self.scope.mask(text))
    }
}

/// How steps went.
#[derive(Clone, Copy)]
struct Walked {
    /// Whether a request failed.
    any_failed: bool,
    /// Whether a failure ended it.
    ended_early: bool,
}

/// What is still to be done.
enum Todo<'a> {
    /// A step, by its number.
    Step(String, &'a Step),
    /// A step so many more times.
    Times(String, &'a Guarded, u32),
}

/// Steps to be done one after the other, the first at the end.
fn in_turn<'a>(prefix: &str, steps: &'a [Step]) -> Vec<Todo<'a>> {
    let numbered = (1..).zip(steps);
    let mut todo: Vec<Todo<'a>> = numbered
        .map(|(number, step)| Todo::Step(format!("{prefix}{number}"), step))
        .collect();
    todo.reverse();
    todo
}

/// Notes when output began.
#[derive(Clone, Copy, Default)]
struct FirstTokens {
    output: Option<Offset>,
}

impl StreamSink for FirstTokens {
    fn first_output(&mut self, _sent_first: Offset, at: Offset, _uncertainty: Duration) {
        self.output = Some(at);
    }

    fn first_text(&mut self, _at: Offset) {}

    fn gap(&mut self, _gap: Duration) {}

    fn output_events(&mut self, _at: Offset, _events: u32) {}

    fn coalesced(&mut self, _events: u32, _late: bool) {}

    fn arrival(&mut self, _arrival: &Arrival) {}
}
