//! Reads the arguments, does what they ask for, and ends with the code that scripts rely on.

mod args;
mod carrying;
mod commands;
mod comparing;
mod doctor;
mod environment;
mod error;
mod exit;
mod header;
mod interval_log;
mod observer;
mod outputs;
mod probing;
mod problems;
mod progress;
mod room;
mod run_log;
mod source;
mod steering;
mod story;
mod taken;
#[cfg(test)]
mod tests;
mod tokens;
mod url;
mod wiring;

use args::{Cli, Command, Given};
use environment::Environment;
use error::Error;
use exit::Exit;
use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(play(&Environment::of_process()).code())
}

/// The whole program, in any surroundings.
fn play(environment: &Environment) -> Exit {
    let (cli, given) = match args::parse(&environment.args, &environment.vars) {
        Ok(parsed) => parsed,
        Err(error) => return commands::usage(&error, environment),
    };
    for (variable, help) in args::misspelt(&environment.args, &environment.vars) {
        environment
            .err
            .say(&format!("warning: the variable {variable} is not read"));
        environment.err.say(&format!("hint: {help}"));
    }
    let colour = environment.colours(cli.no_color);
    let exit = obey(&cli, &given, environment).unwrap_or_else(|error| {
        error.show(environment, colour.err);
        error.exit()
    });
    environment.fresh.sweep();
    exit
}

fn obey(cli: &Cli, given: &Given, environment: &Environment) -> Result<Exit, Error> {
    let colour = environment.colours(cli.no_color);
    match &cli.command {
        Command::Run(args) => commands::run(args, given, environment, colour.out),
        Command::Stress(args) => commands::stress(args, given, environment, colour.out),
        Command::Check(args) => commands::check(args, given, environment),
        Command::Debug(args) => commands::debug(args, given, environment),
        Command::Report(args) => commands::report(args, environment, colour.out),
        Command::New(args) => commands::new(args, environment),
        Command::Compare(args) => commands::compare(args, environment, colour.out),
        Command::Doctor(args) => commands::doctor(args, environment),
        Command::Mock(args) => commands::mock(args, environment),
        Command::Schema(args) => commands::schema(args, environment),
        Command::Completions(args) => commands::completions(args, environment),
    }
}
