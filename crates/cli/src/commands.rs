//! What the program can do, a file for each command.

mod check;
mod compare;
mod completions;
mod debug;
mod doctor;
mod mock;
mod new;
mod report;
mod run;
mod schema;
mod stress;

pub(crate) use check::check;
pub(crate) use compare::compare;
pub(crate) use completions::completions;
pub(crate) use debug::debug;
pub(crate) use doctor::doctor;
pub(crate) use mock::mock;
pub(crate) use new::new;
pub(crate) use report::report;
pub(crate) use run::run;
pub(crate) use schema::schema;
pub(crate) use stress::stress;

use crate::{environment::Environment, error::Error, exit::Exit};

/// Tells what is wrong with the arguments; also answers `--help` and `--version`, which come this way.
pub(crate) fn usage(error: &clap::Error, environment: &Environment) -> Exit {
    let text = error.to_string();
    if error.use_stderr() {
        environment.err.say(text.trim_end());
        return Exit::Usage;
    }
    match environment.out.print(&text) {
        Ok(()) => Exit::Passed,
        Err(_) => Exit::Failed,
    }
}

/// Prints what was asked for.
fn print(environment: &Environment, text: &str) -> Result<Exit, Error> {
    environment
        .out
        .print(text)
        .map_err(|error| Error::failed("write to the standard output", error))?;
    Ok(Exit::Passed)
}
