//! `loadgen compare`: says with statistics whether runs are worse than others.

use crate::{
    args::{CompareArgs, Format},
    comparing,
    environment::Environment,
    error::Error,
    exit::Exit,
    outputs::Outputs,
    taken::{End, Taken},
};
use loadgen_stats::CompareOptions;
use std::path::PathBuf;

/// Compares runs that were made before.
pub(crate) fn compare(
    args: &CompareArgs,
    environment: &Environment,
    colour: bool,
) -> Result<Exit, Error> {
    let of_runs = [Format::Csv, Format::Svg, Format::Hlog, Format::Log];
    if args.out.iter().any(|out| of_runs.contains(&out.format)) {
        let message = "a comparison has no windows: csv, hlog and log are written of a run";
        return Err(Error::usage(message).hint("--out json, junit, markdown and github"));
    }
    let base: Vec<PathBuf> = [&args.base]
        .into_iter()
        .chain(&args.more_base)
        .cloned()
        .collect();
    let (base, current) = (
        comparing::files(&base, environment)?,
        comparing::files(&args.current, environment)?,
    );
    let mut taken = Taken::default();
    for path in base.iter().chain(&current) {
        taken.read(path, End::Result, environment);
    }
    let (base, outputs) = (
        comparing::read(&base, environment)?,
        Outputs::open(&args.out, &mut taken, environment)?,
    );
    let current = comparing::read(&current, environment)?;
    let options = CompareOptions {
        tolerances: args.tolerance.clone(),
        force: args.force,
        ..CompareOptions::default()
    };
    match comparing::carry_out(&base, &current, &options) {
        Ok(comparison) => {
            let printed = comparing::print(&comparison, &outputs, args.quiet, environment, colour);
            outputs.write_comparison(&comparison, environment)?;
            printed?;
            Ok(Exit::of_comparison(comparison.verdict))
        }
        Err(refusal) => {
            refusal
                .error
                .show(environment, environment.colours(false).err);
            Ok(refusal.exit)
        }
    }
}
