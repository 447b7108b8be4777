//! `loadgen debug`: one iteration of one virtual user, told as a story.

use crate::{
    args::{DebugArgs, Given},
    environment::{Environment, Output},
    error::Error,
    exit::Exit,
    source::{Wanted, refuse_network},
    story, wiring,
};
use loadgen_engine::{
    Arrival, Call, Clock, Connect as _, Connection, Connector as _, Exchange, Judgement, Offset,
    StreamSink, judge,
};
use loadgen_http::HttpConnect;
use loadgen_scenario::{OnFailure, Plan, Request, Scope, Step};
use std::time::Duration;
use tokio::{task::LocalSet, time::Instant};

/// Bytes of a body that are kept to be shown and checked.
const KEPT_BODY: usize = 1 << 20;

/// Shows one iteration.
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
        given,
    };
    let mut plan = wanted.plan(environment)?.plan;
    let connect = wiring::connect(&args.network, environment)?;
    wiring::hide_proxies(&mut plan, environment);
    // Until the end: dropping it stops it.
    let _embedded = wiring::embed(&mut plan)?;
    show(
        &plan,
        &connect,
        args.seed.unwrap_or_else(environment.draw_seed),
        &environment.out,
    )
}

/// Performs one iteration of the first scenario and tells it to `output`.
pub(super) fn show(
    plan: &Plan,
    connect: &HttpConnect,
    seed: u64,
    output: &Output,
) -> Result<Exit, Error> {
    let runtime = wiring::runtime()?;
    let mut user = {
        let _inside = runtime.enter();
        let connector = connect
            .connector(0)
            .map_err(|error| Error::failed("prepare a connection", error))?;
        let scope = plan.scope(1, seed);
        scope.begin_iteration(0);
        User {
            plan,
            connection: connector.connection(),
            scope,
            output,
        }
    };
    user.say(&format!(
        "one iteration of one user, target {}, seed {seed}\n",
        plan.target
    ))?;
    let failed = LocalSet::new().block_on(&runtime, user.iteration())?;
    // What connections left to do ends with the runtime.
    drop(user);
    Ok(if failed {
        Exit::Threshold
    } else {
        Exit::Passed
    })
}

/// The one user.
struct User<'a, C> {
    plan: &'a Plan,
    connection: C,
    scope: Scope,
    output: &'a Output,
}

impl<C: Connection> User<'_, C> {
    /// Walks the flow; tells whether a request failed.
    async fn iteration(&mut self) -> Result<bool, Error> {
        let plan = self.plan;
        let mut any_failed = false;
        for (number, step) in plan
            .scenarios
            .iter()
            .take(1)
            .flat_map(|scenario| &scenario.flow)
            .enumerate()
        {
            let number = number + 1;
            match step {
                Step::Think(think) => self.say(&story::think(number, think))?,
                Step::Request(request) => {
                    let failed = self.request(number, request).await?;
                    any_failed |= failed;
                    if failed && request.on_failure != OnFailure::Continue {
                        self.say("\nthe iteration ends here, as on_failure says\n")?;
                        break;
                    }
                }
            }
        }
        Ok(any_failed)
    }

    async fn request(&mut self, number: usize, request: &Request) -> Result<bool, Error> {
        let plan = self.plan;
        let rendered = match request.message.render(&plan.target, &self.scope) {
            Ok(rendered) => rendered,
            Err(error) => {
                self.say(&format!(
                    "\n{number}. {}\n   failed: template: {error}\n",
                    request.name
                ))?;
                return Ok(true);
            }
        };
        self.say(&story::request(number, request, &rendered))?;
        let call = Call {
            step: request.index,
            method: request.method,
            message: &rendered,
            fixed: false,
            timeouts: request.timeouts,
            http_version: request.http_version,
            stream: request.stream.as_ref(),
            keep_body: KEPT_BODY,
            keep_head: true,
            clock: Clock::starting_at(Instant::now()),
        };
        let (mut exchange, mut tokens) = (Exchange::default(), FirstTokens::default());
        self.connection
            .call(&call, &mut exchange, &mut tokens)
            .await;
        let judgement = judge(&request.expect, request.stream.is_some(), &exchange);
        let failed = judgement.error.is_some();
        self.tell(&exchange, tokens, &judgement)?;
        Ok(failed)
    }

    fn tell(
        &self,
        exchange: &Exchange,
        tokens: FirstTokens,
        judgement: &Judgement<'_>,
    ) -> Result<(), Error> {
        self.say(&story::reply(exchange))?;
        self.say(&story::verdict(exchange, judgement))?;
        self.say(&story::times(exchange, tokens.output))
    }

    /// Prints with every secret hidden.
    fn say(&self, text: &str) -> Result<(), Error> {
        self.output
            .print(&self.plan.mask(text))
            .map_err(|error| Error::failed("tell of it", error))
    }
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
