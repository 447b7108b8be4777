//! `loadgen completions`: the completions of a shell.

use super::print;
use crate::{
    args::{Cli, CompletionsArgs},
    environment::Environment,
    error::Error,
    exit::Exit,
};
use clap::CommandFactory;

/// Prints the completions of a shell.
pub(crate) fn completions(
    args: &CompletionsArgs,
    environment: &Environment,
) -> Result<Exit, Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "loadgen", &mut script);
    print(environment, &String::from_utf8_lossy(&script))
}
