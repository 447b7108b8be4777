//! `loadgen check`: the plan of a scenario, without a byte being sent.

use super::print;
use crate::{
    args::{CheckArgs, Given, NetworkArgs},
    environment::Environment,
    error::Error,
    exit::Exit,
    room,
    source::{Wanted, workers},
};
use loadgen_scenario::Explained;
use std::fmt::Write as _;

/// Prints the plan, or everything that is wrong with it.
pub(crate) fn check(
    args: &CheckArgs,
    given: &Given,
    environment: &Environment,
) -> Result<Exit, Error> {
    let network = NetworkArgs {
        source_address: args.source_address.clone(),
        ..NetworkArgs::default()
    };
    let wanted = Wanted {
        source: &args.source,
        load: Some(&args.load),
        request: &args.request,
        network: Some(&network),
        steered: false,
        connect_rate: &args.load.connect_rate,
        until: &[],
        given,
    };
    let lowered = wanted.plan(environment)?;
    let room = room::to_connect_from(Some(&network), environment);
    let mut text = lowered.plan.describe_within(workers(None), room);
    if args.explain {
        text.push('\n');
        text.push_str(&lowered.plan.mask(&explanation(&lowered.explained)));
    }
    let exit = print(environment, &text)?;
    room::make(&lowered.plan, workers(None), Some(&network), environment);
    Ok(exit)
}

/// Where each value came from, in columns.
fn explanation(explained: &[Explained]) -> String {
    let width = |of: fn(&Explained) -> &str| {
        explained
            .iter()
            .map(|one| of(one).chars().count())
            .max()
            .unwrap_or(0)
    };
    let (keys, values) = (width(|one| &one.key), width(|one| &one.value).min(40));
    let mut text = String::from("where each value came from\n");
    for Explained { key, value, from } in explained {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {key:keys$}  {value:values$}  {from}");
    }
    text
}
