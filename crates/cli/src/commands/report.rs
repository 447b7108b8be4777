//! `loadgen report`: a run log rendered again.

use crate::{
    args::{Format, ReportArgs},
    environment::Environment,
    error::Error,
    exit::Exit,
    outputs::{Outputs, refuse_svg},
    run_log::{EXTENSION, FOLDER},
    taken::{End, Taken},
};
use loadgen_report::{
    Replayed, Report, RunLogReader, TextOptions, replay_each, write_stress_text,
    write_stress_verdict, write_text, write_verdict,
};
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

/// Renders a run log again. That the run failed is no failure of this command.
pub(crate) fn report(
    args: &ReportArgs,
    environment: &Environment,
    colour: bool,
) -> Result<Exit, Error> {
    if args.out.iter().any(|out| out.format == Format::Log) {
        return Err(
            Error::usage("--out log= writes the log of a run; a report is made from one")
                .hint("cp copies it"),
        );
    }
    if args.out.iter().any(|out| out.format == Format::Comparison) {
        return Err(
            Error::usage("--out comparison= goes with runs that are compared")
                .hint("loadgen compare BASE CURRENT --out json=PATH"),
        );
    }
    let path = match &args.run_log {
        Some(path) => path.clone(),
        None => last(environment)?,
    };
    let reader = open(&path, environment)?;
    let mut taken = Taken::default();
    taken.read(&path, End::Result, environment);
    let mut outputs = Outputs::open(&args.out, &mut taken, environment)?;
    let mut hlogs = outputs.begin_hlogs(reader.header(), environment)?;
    let replayed = replay_each(reader, |window| {
        let troubles = hlogs.iter_mut().filter_map(|log| log.window(window));
        troubles.for_each(|trouble| environment.err.say(&trouble));
    });
    let Replayed {
        header,
        summary,
        stress,
        ..
    } = replayed.map_err(|error| unusable(&path, error))?;
    if stress.is_none() {
        refuse_svg(&args.out)?;
    }
    let run_log = path.display().to_string();
    let options = TextOptions {
        color: colour,
        run_log: Some(&run_log),
    };
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = match (&stress, outputs.take_standard_output()) {
        (None, true) => write_verdict(&mut text, &summary, false),
        (None, false) => write_text(&mut text, &header, &summary, &options),
        (Some(stress), true) => write_stress_verdict(&mut text, &summary, stress, false),
        (Some(stress), false) => write_stress_text(&mut text, &header, &summary, stress, &options),
    };
    let text = String::from_utf8_lossy(&text);
    let printed = if outputs.take_standard_output() {
        environment.err.say(text.trim_end());
        Ok(Exit::Passed)
    } else {
        super::print(environment, &text)
    };
    let report = Report {
        header: &header,
        summary: &summary,
        comparison: None,
    };
    match &stress {
        None => outputs.write(&report, hlogs, environment)?,
        Some(stress) => outputs.write_stress(&report, stress, hlogs, environment)?,
    }
    printed
}

fn last(environment: &Environment) -> Result<PathBuf, Error> {
    let none =
        || Error::usage(format!("there is no run log in {FOLDER}")).hint("loadgen run writes one");
    environment
        .latest(Path::new(FOLDER), EXTENSION)
        .ok()
        .flatten()
        .ok_or_else(none)
}

fn open(path: &Path, environment: &Environment) -> Result<RunLogReader<impl BufRead>, Error> {
    let file = environment
        .open_for_reading(path)
        .map_err(|error| Error::unreadable(path, error))?;
    RunLogReader::new(BufReader::new(file)).map_err(|error| unusable(path, error))
}

fn unusable(path: &Path, error: loadgen_report::Error) -> Error {
    Error::usage_because(format!("failed to read `{}`", path.display()), error)
}
