//! Asks the probes of the target while a run goes on, and tells when one fails for the first time.

use crate::{args::NetworkArgs, environment::Environment, error::Error, progress::Teller, wiring};
use loadgen_engine::ProbeSample;
use loadgen_host::{Probes, Questions};
use loadgen_scenario::{Plan, mask};

/// The probes of a run at work.
#[derive(Debug, Default)]
pub(crate) struct Probing {
    probes: Option<Probes>,
    /// Their names, and whether it was told that one fails.
    names: Vec<(String, bool)>,
    secrets: Vec<String>,
}

impl Probing {
    /// Begins to ask what the plan wants asked.
    pub(crate) fn start(
        plan: &Plan,
        args: &NetworkArgs,
        environment: &Environment,
    ) -> Result<Self, Error> {
        if plan.probes.is_empty() {
            return Ok(Self::default());
        }
        let connect = wiring::connect_probes(args, plan, environment)?;
        let questions = Questions {
            probes: plan.probes.clone(),
            secrets: plan.secrets.clone(),
            commands: environment.commands.clone(),
        };
        let probes =
            Probes::start(questions, connect).map_err(|error| Error::failed("begin", error))?;
        let names = plan.probes.iter();
        Ok(Self {
            probes: Some(probes),
            names: names
                .map(|probe| (probe.layout.name.clone(), false))
                .collect(),
            secrets: plan.secrets.clone(),
        })
    }

    /// What they gave since this was last asked, without secrets.
    pub(crate) fn take(&mut self, teller: &Teller<'_>) -> Vec<ProbeSample> {
        let mut samples = self.probes.as_mut().map(Probes::take).unwrap_or_default();
        for ProbeSample { probe, outcome } in &mut samples {
            let Err(reason) = outcome else {
                continue;
            };
            *reason = mask(&self.secrets, reason).into_owned();
            if let Some((name, told @ false)) = self.names.get_mut(probe.0) {
                *told = true;
                teller.say(&format!(
                    "warning: the probe {name} failed: {reason} (a gap; told once)"
                ));
            }
        }
        samples
    }
}
