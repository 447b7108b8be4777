//! Keeps the logs of runs as the baseline of later ones, once all of them have passed.

use crate::{
    environment::Environment,
    error::Error,
    run_log::EXTENSION,
    taken::{Taken, unwritable},
};
use loadgen_stats::{StopReason, Summary, Verdict};
use std::{
    ffi::OsString,
    fs::File,
    io,
    path::{Path, PathBuf},
};

/// Added to the name of a log that is not kept yet.
const UNFINISHED: &str = "part";

/// The logs to be kept; none where that is not wanted.
#[derive(Default)]
pub(super) struct Keeping {
    path: PathBuf,
    /// Where each log is written, and where it is kept.
    logs: Vec<(PathBuf, PathBuf)>,
}

impl Keeping {
    /// Sees that logs can be kept there: one is a file, several are files of a folder that holds no other logs. None may
    /// be in `taken`, where they are added.
    pub(super) fn prepare(
        path: Option<&Path>,
        runs: usize,
        taken: &mut Taken,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let folder = environment
            .files_of(path, EXTENSION)
            .map_err(|error| unwritable(path, error))?;
        let shown = path.display();
        let kept: Vec<PathBuf> = match runs {
            1 => vec![path.to_owned()],
            runs => (1..=runs)
                .map(|number| path.join(format!("{number:03}.{EXTENSION}")))
                .collect(),
        };
        match folder {
            Some(_) if runs == 1 => {
                let message = format!("`{shown}` is a folder: the baseline of one run is a file");
                return Err(Error::usage(message));
            }
            Some(held) => {
                if let Some(other) = held.iter().find(|file| !kept.contains(file)) {
                    let message = format!("`{shown}` already holds `{}`", other.display());
                    return Err(Error::usage(message)
                        .hint("a baseline of several runs has a folder of its own"));
                }
            }
            None => {}
        }
        let mut keep = |path: &Path| taken.keep(path, environment);
        let mut logs = Vec::new();
        for kept in kept {
            let kept = keep(&kept)?;
            logs.push((keep(&unfinished(&kept))?, kept));
        }
        Ok(Self {
            path: path.to_owned(),
            logs,
        })
    }

    /// Opens the log of a run.
    pub(super) fn begin(
        &self,
        run: usize,
        environment: &Environment,
    ) -> Result<Option<(PathBuf, File)>, Error> {
        let Some((path, _)) = self.logs.get(run) else {
            return Ok(None);
        };
        let file = environment
            .create_anew(path)
            .map_err(|error| unwritable(path, error))?;
        Ok(Some((path.clone(), file)))
    }

    /// Whether that is where a log is written that may be kept.
    pub(super) fn has(&self, path: &str) -> bool {
        self.logs
            .iter()
            .any(|(part, _)| part.display().to_string() == path)
    }

    /// Keeps the logs, or tells why they are not kept.
    pub(super) fn finish(
        &self,
        unfit: Option<&str>,
        environment: &Environment,
    ) -> Result<(), Error> {
        for (part, kept) in &self.logs {
            let done = match unfit {
                None => environment.rename(part, kept),
                Some(_) => environment.remove(part),
            };
            match done {
                // A run that was never begun has left nothing.
                Err(error) if unfit.is_some() && error.kind() == io::ErrorKind::NotFound => {}
                done => done.map_err(|error| unwritable(kept, error))?,
            }
        }
        if self.logs.is_empty() {
            return Ok(());
        }
        let path = self.path.display();
        environment.err.say(&match unfit {
            None => format!("baseline saved: {path}"),
            Some(reason) => format!("baseline not saved: {reason}"),
        });
        Ok(())
    }
}

/// Why a run makes no baseline.
pub(super) fn unfit(summary: &Summary, log_failed: bool) -> Option<&'static str> {
    match (summary.verdict, summary.stop_reason) {
        (Verdict::Fail, _) => Some("a run failed"),
        (Verdict::Inconclusive, _) => Some("a run was inconclusive"),
        (_, StopReason::Interrupted) => Some("a run was interrupted"),
        (_, StopReason::Threshold | StopReason::Error) => Some("a run did not go to its end"),
        _ if log_failed => Some("a run log is incomplete"),
        _ => None,
    }
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".");
    name.push(UNFINISHED);
    name.into()
}
