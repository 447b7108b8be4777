//! What comparing takes from the outside: runs read, and what came of it told.

use crate::{
    environment::Environment, error::Error, exit::Exit, outputs::Outputs, run_log::EXTENSION,
};
use loadgen_report::{read_compared_run, write_comparison, write_comparison_verdict};
use loadgen_stats::{CompareError, CompareOptions, ComparedRun, Comparison, Objection, compare};
use std::path::{Path, PathBuf};

/// The extension of summaries.
const SUMMARIES: &str = "json";

/// The files that paths name: themselves, or the run logs of a folder; summaries where it has no run log.
pub(crate) fn files(paths: &[PathBuf], environment: &Environment) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for path in paths {
        let of_folder = |extension| {
            environment
                .files_of(path, extension)
                .map_err(|error| Error::unreadable(path, error))
        };
        match of_folder(EXTENSION)? {
            None => files.push(path.clone()),
            Some(logs) if !logs.is_empty() => files.extend(logs),
            Some(_) => match of_folder(SUMMARIES)?.filter(|found| !found.is_empty()) {
                Some(summaries) => files.extend(summaries),
                None => {
                    let path = path.display();
                    let message = format!("the folder `{path}` holds no run log and no summary");
                    return Err(
                        Error::usage(message).hint("run logs end in .jsonl, summaries in .json")
                    );
                }
            },
        }
    }
    Ok(files)
}

/// Reads runs.
pub(crate) fn read(
    files: &[PathBuf],
    environment: &Environment,
) -> Result<Vec<ComparedRun>, Error> {
    files
        .iter()
        .map(|path| read_one(path, environment))
        .collect()
}

fn read_one(path: &Path, environment: &Environment) -> Result<ComparedRun, Error> {
    let label = path.display().to_string();
    let file = environment
        .open_for_reading(path)
        .map_err(|error| Error::unreadable(path, error))?;
    read_compared_run(&label, file)
        .map_err(|error| Error::usage_because(format!("failed to read `{label}`"), error))
}

/// Compares; what stands against it is an error, or unclear where a run could not be trusted itself.
pub(crate) fn carry_out(
    base: &[ComparedRun],
    current: &[ComparedRun],
    options: &CompareOptions,
) -> Result<Comparison, Refusal> {
    compare(base, current, options).map_err(|error| Refusal::of(&error))
}

/// Why there is no comparison.
pub(crate) struct Refusal {
    pub(crate) error: Error,
    pub(crate) exit: Exit,
}

impl Refusal {
    /// Why runs that are still to be made, called `planned`, cannot be compared with that baseline.
    pub(crate) fn of_baseline(path: &Path, planned: &str, error: &CompareError) -> Error {
        if let CompareError::Tolerance(problem) = error {
            return Error::usage(problem.to_string())
                .hint("loadgen report shows what a run has: give it the baseline");
        }
        let (path, why) = (path.display(), Self::told_before(planned, error));
        let message = format!("the baseline `{path}` cannot be used: {why}");
        Error::usage(message).hint("--save-baseline makes a new one")
    }

    /// The same before the runs: what they were is not theirs to say, but the baseline's.
    pub(crate) fn told_before(planned: &str, error: &CompareError) -> String {
        let CompareError::Refused(objections) = error else {
            return error.to_string();
        };
        let told = |one: &Objection| match one {
            Objection::Plan { run, loads } if run == planned => match loads {
                Some((own, base)) => format!("it ran another plan: {base}, not {own}"),
                None => "it ran another plan".to_owned(),
            },
            Objection::Definitions { run } if run == planned => {
                "it was measured by other definitions of the metrics".to_owned()
            }
            Objection::Cpus {
                run,
                cpus: (own, base),
            } if run == planned => {
                format!("its load came from {base} processors; here there are {own}")
            }
            Objection::Arch {
                run,
                arch: (own, base),
            } if run == planned => {
                format!("its load came from {base} processors; these are {own}")
            }
            other => other.to_string(),
        };
        let told: Vec<String> = objections.iter().map(told).collect();
        told.join("; ")
    }

    /// Whether that is because the baseline is of something else, and may be whole and sound.
    pub(crate) fn is_of_another(error: &CompareError) -> bool {
        matches!(error, CompareError::Refused(objections) if objections.iter().all(Objection::is_difference))
    }

    fn of(error: &CompareError) -> Self {
        let told = Error::usage(format!("the runs cannot be compared: {error}"));
        let (hint, exit) = match error {
            CompareError::Refused(objections) => {
                let exit = match objections.iter().all(Objection::is_distrust) {
                    true => Exit::Inconclusive,
                    false => Exit::Usage,
                };
                (
                    "loadgen compare --force compares them all the same, and says so",
                    exit,
                )
            }
            CompareError::NoWindows => (
                "give run logs, as loadgen run leaves them in .loadgen/runs, or several summaries on a side",
                Exit::Usage,
            ),
            CompareError::NothingInCommon => ("look at each with loadgen report", Exit::Usage),
            CompareError::Tolerance(_) => (
                "--out json=PATH writes all rows that can be named",
                Exit::Usage,
            ),
        };
        Self {
            error: told.hint(hint),
            exit,
        }
    }
}

/// Prints a comparison where no result takes the standard output for itself.
pub(crate) fn print(
    comparison: &Comparison,
    outputs: &Outputs,
    quiet: bool,
    environment: &Environment,
    colour: bool,
) -> Result<(), Error> {
    let mut text = Vec::new();
    let elsewhere = outputs.take_standard_output();
    // Writing to memory does not fail.
    let _ = if quiet || elsewhere {
        write_comparison_verdict(&mut text, comparison, colour && !elsewhere)
    } else {
        write_comparison(&mut text, comparison, colour)
    };
    let text = String::from_utf8_lossy(&text);
    if elsewhere {
        environment.err.say(text.trim_end());
        return Ok(());
    }
    environment
        .out
        .print(&text)
        .map_err(|error| Error::failed("write to the standard output", error))
}
