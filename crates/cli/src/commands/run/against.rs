//! What runs are compared with: a baseline, or each other.

use super::rounds::{Round, Rounds};
use crate::{
    args::{Format, RunArgs},
    comparing::{self, Refusal},
    environment::Environment,
    error::Error,
    exit::Exit,
    header::{self, Circumstances},
    outputs::Outputs,
};
use loadgen_engine::Settings;
use loadgen_report::planned_facts;
use loadgen_stats::{
    Change, CompareOptions, ComparedRun, Comparison, Side, StopReason, Verdict, check_baseline,
};
use std::path::PathBuf;

/// What the run that is still to be made is called.
const PLANNED: &str = "this run";

/// What runs are compared with, and the runs so far.
pub(super) struct Against {
    base: Vec<ComparedRun>,
    current: Vec<ComparedRun>,
    options: CompareOptions,
    /// Whether there is anything to compare with.
    pub(super) wanted: bool,
}

impl Against {
    /// Reads the baseline, and refuses what could not be compared with it in the end.
    pub(super) fn open(
        args: &RunArgs,
        baseline: &[PathBuf],
        rounds: &Rounds,
        settings: Settings,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let args = &args.against;
        let options = CompareOptions {
            tolerances: args.tolerance.clone(),
            ..CompareOptions::default()
        };
        let mut against = Self {
            base: Vec::new(),
            current: Vec::new(),
            options,
            wanted: args.baseline.is_some() || args.target_b.is_some(),
        };
        let Some(path) = &args.baseline else {
            return Ok(against);
        };
        against.base = comparing::read(baseline, environment)
            .map_err(|error| error.hint("--baseline names it; --save-baseline makes one"))?;
        let circumstances = Circumstances {
            settings,
            started: (environment.now)(),
            embedded: false,
        };
        let planned =
            |round: &Round| planned_facts(PLANNED, &header::of(&round.plan, &circumstances));
        let (runs, tolerances) = (rounds.all.len(), &against.options.tolerances);
        let found = rounds
            .all
            .iter()
            .try_for_each(|round| check_baseline(&against.base, &planned(round), runs, tolerances));
        match found {
            Err(error) if args.baseline_may_differ && Refusal::is_of_another(&error) => {
                let why = Refusal::told_before(PLANNED, &error);
                environment.err.say(&format!(
                    "not compared with the baseline, thresholds alone decide: {why}"
                ));
                against.wanted = false;
            }
            found => found.map_err(|error| Refusal::of_baseline(path, PLANNED, &error))?,
        }
        Ok(against)
    }

    /// Takes in a run that has ended.
    pub(super) fn add(&mut self, run: ComparedRun, side: Side) {
        match side {
            Side::Base => self.base.push(run),
            Side::Current => self.current.push(run),
        }
    }

    /// Says that a signal kept the runs from being compared.
    pub(super) fn give_up(&self, environment: &Environment) {
        if self.wanted {
            environment.err.say("not compared: a signal ended the run");
        }
    }

    /// Compares, and tells what came of it; what kept it from being done is told as well. A run that a signal ended is
    /// not compared: whoever sent it does not want to wait for an answer.
    pub(super) fn compare(
        &self,
        outputs: &Outputs,
        quiet: bool,
        environment: &Environment,
        colour: bool,
    ) -> Result<(Exit, Option<Comparison>), Error> {
        let nothing = Ok((Exit::Passed, None));
        if !self.wanted {
            return nothing;
        }
        let runs = || self.base.iter().chain(&self.current).map(|run| &run.facts);
        let mut current = self.current.iter();
        if current.any(|run| run.facts.stop_reason == StopReason::Interrupted) {
            self.give_up(environment);
            return nothing;
        }
        if let Some(run) = runs().find(|run| run.verdict == Verdict::Inconclusive) {
            environment
                .err
                .say(&format!("not compared: {} was inconclusive", run.label));
            return Ok((Exit::Inconclusive, None));
        }
        match comparing::carry_out(&self.base, &self.current, &self.options) {
            Ok(comparison) => {
                comparing::print(&comparison, outputs, quiet, environment, colour)?;
                Ok((Exit::of_comparison(comparison.verdict), Some(comparison)))
            }
            Err(refusal) => {
                refusal
                    .error
                    .show(environment, environment.colours(false).err);
                Ok((refusal.exit, None))
            }
        }
    }

    /// Why what was compared makes no baseline: nothing may creep in while no one can tell.
    pub(super) fn unfit(&self, comparison: Option<&Comparison>) -> Option<&'static str> {
        match comparison.map(|comparison| comparison.verdict) {
            Some(Change::Worse) => Some("it is worse than its own baseline"),
            Some(Change::Unclear) => {
                Some("it is unclear whether it is worse than its own baseline")
            }
            Some(Change::Better | Change::Same) => None,
            None => self
                .wanted
                .then_some("it could not be compared with its own baseline"),
        }
    }
}

/// Options that say nothing without another.
pub(super) fn refuse(args: &RunArgs) -> Result<(), Error> {
    let against = &args.against;
    let compares = against.baseline.is_some() || against.target_b.is_some();
    if !compares && !against.tolerance.is_empty() {
        return Err(Error::usage(
            "--tolerance goes with --baseline or --target-b",
        ));
    }
    if !compares
        && args
            .output
            .out
            .iter()
            .any(|out| out.format == Format::Comparison)
    {
        return Err(Error::usage(
            "--out comparison= goes with --baseline or --target-b",
        ));
    }
    if against.baseline_may_differ && against.baseline.is_none() {
        return Err(Error::usage("--baseline-may-differ goes with --baseline"));
    }
    for (option, given) in [
        ("--baseline", against.baseline.is_some()),
        ("--save-baseline", against.save_baseline.is_some()),
    ] {
        if given && against.target_b.is_some() {
            let message =
                format!("{option} and --target-b cannot go together: the first target is the base");
            return Err(Error::usage(message));
        }
    }
    Ok(())
}
