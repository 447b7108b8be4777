//! Fetches the tokens that a plan needs, and tells when one cannot be had again.

use crate::{args::NetworkArgs, environment::Environment, error::Error, progress::Teller, wiring};
use loadgen_engine::Stop;
use loadgen_host::{Credentials, Error as HostError};
use loadgen_scenario::{Plan, TokenAsk, Tokens, mask};
use std::sync::Arc;
use tokio::sync::watch;

/// The tokens of a run, kept fresh.
#[derive(Debug, Default)]
pub(crate) struct TokenKeeping {
    credentials: Option<Credentials>,
    secrets: Vec<String>,
    /// Those in use are secrets too.
    tokens: Option<Arc<Tokens>>,
}

impl TokenKeeping {
    /// Fetches every token that the plan needs.
    pub(crate) fn of_run(
        plan: &Plan,
        args: &NetworkArgs,
        environment: &Environment,
        stop: &watch::Receiver<Stop>,
    ) -> Result<Option<Self>, Error> {
        Self::start((plan, plan.token_asks()), args, environment, stop)
    }

    /// Fetches these tokens of the plan, before anything else is sent; none where a signal comes before they are there.
    pub(crate) fn start(
        (plan, asks): (&Plan, Vec<(usize, TokenAsk)>),
        args: &NetworkArgs,
        environment: &Environment,
        stop: &watch::Receiver<Stop>,
    ) -> Result<Option<Self>, Error> {
        if asks.is_empty() {
            return Ok(Some(Self::default()));
        }
        let connect = wiring::connect(args, plan, environment)?;
        let shared = (plan.tokens(), environment.commands.clone());
        let credentials = match Credentials::start(asks, shared, connect, stop.clone()) {
            Ok(credentials) => credentials,
            Err(HostError::Stopped) => {
                let told =
                    "stopped by a signal before the first tokens were there: no step was begun";
                environment.err.say(told);
                return Ok(None);
            }
            Err(error) => return Err(told(plan, error)),
        };
        Ok(Some(Self {
            credentials: Some(credentials),
            secrets: plan.secrets.clone(),
            tokens: Some(plan.tokens()),
        }))
    }

    /// Tells what went wrong since this was last asked, without secrets.
    pub(crate) fn tell(&mut self, teller: &Teller<'_>) {
        let troubles = self.credentials.as_mut().map(Credentials::take_troubles);
        for trouble in troubles.unwrap_or_default() {
            let trouble = mask(&self.secrets, &trouble);
            let tokens = self.tokens.as_ref().map(|tokens| tokens.secrets());
            let trouble = mask(&tokens.unwrap_or_default(), &trouble).into_owned();
            teller.say(&format!(
                "warning: failed to get a new token from {trouble} (asked again until it is there; told once)"
            ));
        }
    }
}

/// An error without secrets.
fn told(plan: &Plan, error: HostError) -> Error {
    match error {
        HostError::Token { name, reason } => {
            let what = plan.mask(&format!("get a token from {name}")).into_owned();
            Error::failed(what, plan.mask(&reason).into_owned())
        }
        error => Error::failed("begin", error),
    }
}
