//! Fetches the tokens that a plan needs, and tells when one cannot be had again.

use crate::{args::NetworkArgs, environment::Environment, error::Error, progress::Teller, wiring};
use loadgen_host::{Credentials, Error as HostError};
use loadgen_scenario::{Plan, Tokens, mask};
use std::sync::Arc;

/// The tokens of a run, kept fresh.
#[derive(Debug, Default)]
pub(crate) struct TokenKeeping {
    credentials: Option<Credentials>,
    secrets: Vec<String>,
    /// Those in use are secrets too.
    tokens: Option<Arc<Tokens>>,
}

impl TokenKeeping {
    /// Fetches every token that the plan needs, before anything else is sent.
    pub(crate) fn start(
        plan: &Plan,
        args: &NetworkArgs,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let asks = plan.token_asks();
        if asks.is_empty() {
            return Ok(Self::default());
        }
        let connect = wiring::connect(args, plan, environment)?;
        let shared = (plan.tokens(), environment.commands.clone());
        let started = Credentials::start(asks, shared, connect);
        let credentials = started.map_err(|error| match error {
            HostError::Token { name, reason } => {
                let what = plan.mask(&format!("get a token from {name}")).into_owned();
                Error::failed(what, plan.mask(&reason).into_owned())
            }
            error => Error::failed("begin", error),
        })?;
        Ok(Self {
            credentials: Some(credentials),
            secrets: plan.secrets.clone(),
            tokens: Some(plan.tokens()),
        })
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
