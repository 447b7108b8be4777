//! Which runs one command makes: one, several, or several against two targets in turns.

use crate::{
    args::{Format, Given, Out, RunArgs, SourceArgs},
    environment::Environment,
    error::Error,
    outputs::Outputs,
    source::Wanted,
    taken::Taken,
    wiring,
};
use loadgen_scenario::Plan;
use loadgen_stats::Side;
use std::path::{Path, PathBuf};

/// What stands for the name of a run in the paths of outputs.
const PLACEHOLDER: &str = "{run}";

/// Which runs one command makes.
pub(super) struct Rounds {
    pub(super) all: Vec<Round>,
    /// Where the comparison goes, where several runs are compared at the end.
    pub(super) outputs: Outputs,
}

/// One run to be made.
pub(super) struct Round {
    pub(super) plan: Plan,
    pub(super) outputs: Outputs,
    /// What tells it apart from the others: `2`, or `b-2`; absent where there is only one.
    pub(super) name: Option<String>,
    /// The side it is on: without a second target every run is judged.
    pub(super) side: Side,
    /// Added to the seed, so that repeated runs are no copies of each other. Runs that are compared share it.
    pub(super) seed: u64,
}

impl Rounds {
    /// The runs in their order, each with its outputs opened; none of those may be in `taken`, where they are added.
    pub(super) fn of(
        args: &RunArgs,
        wanted: &Wanted<'_>,
        taken: &mut Taken,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let repeat = args.against.repeat;
        let Some(target) = args.against.target_b.as_deref() else {
            if repeat == 1 {
                return Self::one(args, wanted, taken, environment);
            }
            let given = wanted.given.clone();
            let side = (Side::Current, String::new(), args.source.clone(), given);
            return Self::several(args, wanted, taken, &[side], environment);
        };
        let other = other_target(args, target, wanted.is_url());
        let given = wanted.given.clone();
        let mut given_b = given.clone();
        given_b.insert("target", "--target-b".to_owned());
        let sides = [
            (Side::Base, "a-".to_owned(), args.source.clone(), given),
            (Side::Current, "b-".to_owned(), other, given_b),
        ];
        Self::several(args, wanted, taken, &sides, environment)
    }

    fn one(
        args: &RunArgs,
        wanted: &Wanted<'_>,
        taken: &mut Taken,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let plan = plan(wanted, environment)?;
        let outputs = Outputs::open(&args.output.out, taken, environment)?;
        let round = Round {
            plan,
            outputs,
            name: None,
            side: Side::Current,
            seed: 0,
        };
        Ok(Self {
            all: vec![round],
            outputs: Outputs::default(),
        })
    }

    fn several(
        args: &RunArgs,
        wanted: &Wanted<'_>,
        taken: &mut Taken,
        sides: &[(Side, String, SourceArgs, Given)],
        environment: &Environment,
    ) -> Result<Self, Error> {
        let all = args.output.out.iter().cloned();
        let (comparisons, outs): (Vec<Out>, Vec<Out>) =
            all.partition(|out| out.format == Format::Comparison);
        refuse_shared(&outs)?;
        let mut open = |outs: &[Out]| Outputs::open(outs, taken, environment);
        let mut rounds = Self {
            all: Vec::new(),
            outputs: open(&comparisons)?,
        };
        for number in 1..=args.against.repeat {
            for (side, prefix, source, given) in sides {
                let wanted = Wanted {
                    source,
                    given,
                    ..*wanted
                };
                let plan = plan(&wanted, environment)?;
                let name = format!("{prefix}{number}");
                rounds.all.push(Round {
                    plan,
                    outputs: open(&named(&outs, &name))?,
                    name: Some(name),
                    side: *side,
                    seed: u64::from(number - 1),
                });
            }
        }
        rounds.refuse_other_plans()?;
        Ok(rounds)
    }

    fn refuse_other_plans(&self) -> Result<(), Error> {
        let hashes = || self.all.iter().map(|round| &round.plan.hash);
        if hashes().all(|hash| Some(hash) == hashes().next()) {
            return Ok(());
        }
        let message = "the runs would not have the same plan, and could not be compared";
        Err(Error::usage(message).hint(
            "two URLs may differ in scheme, host and port only; the standard input is read once",
        ))
    }
}

fn plan(wanted: &Wanted<'_>, environment: &Environment) -> Result<Plan, Error> {
    let mut plan = wanted.plan(environment)?.plan;
    wiring::hide_proxies(&mut plan, environment);
    Ok(plan)
}

/// The same source, led to the second target; a URL is a target itself.
fn other_target(args: &RunArgs, target: &str, is_url: bool) -> SourceArgs {
    let source = args.source.clone();
    match is_url {
        true => SourceArgs {
            scenario: Some(target.to_owned()),
            ..source
        },
        false => SourceArgs {
            target: Some(target.to_owned()),
            ..source
        },
    }
}

/// What several runs cannot share.
fn refuse_shared(outs: &[Out]) -> Result<(), Error> {
    match outs
        .iter()
        .find(|out| !out.path.to_string_lossy().contains(PLACEHOLDER))
    {
        None => Ok(()),
        Some(out) => {
            let path = out.path.display();
            let message = format!("several runs cannot all be written to `{path}`");
            Err(Error::usage(message).hint(format!(
                "write {PLACEHOLDER} where their names belong: result-{PLACEHOLDER}.json"
            )))
        }
    }
}

/// The outputs of the run of that name.
fn named(outs: &[Out], name: &str) -> Vec<Out> {
    let path = |path: &Path| PathBuf::from(path.to_string_lossy().replace(PLACEHOLDER, name));
    outs.iter()
        .map(|out| Out {
            path: path(&out.path),
            ..*out
        })
        .collect()
}
