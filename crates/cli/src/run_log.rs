//! The run log on disk: its place, and what happens when the disk fails.

use crate::{
    environment::{Environment, Output},
    error::Error,
};
use jiff::Timestamp;
use loadgen_capacity::{Level, LoadUnit, SearchSettings, Stress};
use loadgen_report::{Closing, Header, RunLogWriter};
use loadgen_stats::{Warning, Window};
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

/// Where run logs are kept, below the working folder.
pub(crate) const FOLDER: &str = ".loadgen/runs";
/// The extension of run logs.
pub(crate) const EXTENSION: &str = "jsonl";
/// Runs of the same name and second are told apart up to this number.
const TWINS: u32 = 100;

/// The run log of a run that goes on. Once it fails it is silent: a full disk stops no run.
pub(crate) struct RunLog {
    path: Option<PathBuf>,
    writer: Option<RunLogWriter<File>>,
    trouble: Option<String>,
    /// Whether it was asked for at that place.
    asked: bool,
}

impl RunLog {
    /// Makes the file of a run in the folder of run logs.
    pub(crate) fn create(
        name: &str,
        started: Timestamp,
        environment: &Environment,
    ) -> io::Result<(PathBuf, File)> {
        let stem = format!("{}-{}", file_safe(name), started.strftime("%Y%m%dT%H%M%SZ"));
        let mut twin = 1;
        loop {
            let stem = if twin == 1 {
                stem.clone()
            } else {
                format!("{stem}-{twin}")
            };
            let path = Path::new(FOLDER).join(format!("{stem}.{EXTENSION}"));
            match environment.create_new(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && twin < TWINS => {
                    twin += 1;
                }
                made => return made.map(|file| (path, file)),
            }
        }
    }

    /// Begins the log in a file that was opened; tells what troubles it.
    pub(crate) fn begin(path: PathBuf, file: File, header: &Header) -> (Self, Option<String>) {
        let mut log = Self {
            path: Some(path),
            writer: None,
            trouble: None,
            asked: false,
        };
        let begun = RunLogWriter::new(file, header).map(|writer| log.writer = Some(writer));
        let trouble = log.note(begun);
        (log, trouble)
    }

    /// Begins the log at its place. Where that cannot be made or written it is missing, which is told; the run goes on.
    pub(crate) fn open(place: io::Result<(PathBuf, File)>, header: &Header, err: &Output) -> Self {
        match place {
            Ok((path, file)) => {
                let (log, trouble) = Self::begin(path, file, header);
                trouble.inspect(|trouble| err.say(trouble));
                log
            }
            Err(error) => {
                err.say(&format!(
                    "warning: there is no run log: {error}; the run goes on"
                ));
                Self::absent(&error)
            }
        }
    }

    /// Begins the logs of a run: its own, unless that is unwanted, and those that were asked for. One whose file cannot be
    /// made or written is missing; the run goes on.
    pub(crate) fn open_all(
        unwanted: bool,
        started: Timestamp,
        asked: impl IntoIterator<Item = (PathBuf, File)>,
        header: &Header,
        environment: &Environment,
    ) -> Vec<Self> {
        let err = &environment.err;
        let own = (!unwanted).then(|| Self::create(&header.name, started, environment));
        let own = own.map(|place| Self::open(place, header, err));
        let asked = asked
            .into_iter()
            .map(|place| Self::asked(place, header, err));
        own.into_iter().chain(asked).collect()
    }

    /// Begins a log that was asked for at that place.
    pub(crate) fn asked(place: (PathBuf, File), header: &Header, err: &Output) -> Self {
        Self {
            asked: true,
            ..Self::open(Ok(place), header, err)
        }
    }

    /// A log that was asked for and is not whole is an error: a script would take it for what it wanted.
    pub(crate) fn refuse_lost(logs: &[Self]) -> Result<(), Error> {
        let asked = logs.iter().filter(|log| log.asked);
        let mut lost = asked.filter_map(|log| Some((log.shown()?, log.trouble.clone()?)));
        match lost.next() {
            Some((path, trouble)) => Err(Error::failed(format!("write `{path}`"), trouble)),
            None => Ok(()),
        }
    }

    /// The log of a run whose file could not be made.
    pub(crate) fn absent(error: &io::Error) -> Self {
        Self {
            path: None,
            writer: None,
            trouble: Some(format!("its file could not be made: {error}")),
            asked: false,
        }
    }

    /// Where it is, as the user may type it.
    pub(crate) fn shown(&self) -> Option<String> {
        self.path.as_ref().map(|path| path.display().to_string())
    }

    /// Appends a window. Tells the first trouble, once.
    pub(crate) fn window(&mut self, window: &Window) -> Option<String> {
        let written = self
            .writer
            .as_mut()
            .map_or(Ok(()), |writer| writer.window(window));
        self.note(written)
    }

    /// Notes that the run is a search. Tells the first trouble, once.
    pub(crate) fn search(
        &mut self,
        settings: &SearchSettings,
        unit: LoadUnit,
        required: Option<f64>,
        limits: &[String],
    ) -> Option<String> {
        let written = self.writer.as_mut().map_or(Ok(()), |writer| {
            writer.search(settings, unit, required, limits)
        });
        self.note(written)
    }

    /// Appends a level of a search. Tells the first trouble, once.
    pub(crate) fn level(&mut self, level: &Level) -> Option<String> {
        let written = self
            .writer
            .as_mut()
            .map_or(Ok(()), |writer| writer.level(level));
        self.note(written)
    }

    /// Appends how a search ended. Tells the first trouble, once.
    pub(crate) fn found(&mut self, stress: &Stress) -> Option<String> {
        let written = self
            .writer
            .as_mut()
            .map_or(Ok(()), |writer| writer.found(stress));
        self.note(written)
    }

    /// Appends the closing record. Tells the first trouble, once.
    pub(crate) fn close(&mut self, closing: &Closing) -> Option<String> {
        let written = self
            .writer
            .as_mut()
            .map_or(Ok(()), |writer| writer.close(closing));
        self.note(written)
    }

    /// What the summary must say of it.
    pub(crate) fn warning(&self) -> Option<Warning> {
        self.trouble
            .clone()
            .map(|reason| Warning::LogIncomplete { reason })
    }

    fn note(&mut self, written: Result<(), loadgen_report::Error>) -> Option<String> {
        let trouble = reason(&written.err()?);
        self.trouble = Some(trouble.clone());
        let path = self.shown().unwrap_or_default();
        Some(format!(
            "warning: the run log `{path}` is incomplete: {trouble}; the run goes on"
        ))
    }
}

/// The error and what caused it, in one line.
fn reason(error: &loadgen_report::Error) -> String {
    Error::chain(error)
}

/// The name as a part of a file's name.
fn file_safe(name: &str) -> String {
    let safe = |c: char| {
        if c.is_alphanumeric() || matches!(c, '.' | '_' | '-') {
            c
        } else {
            '-'
        }
    };
    let text: String = name.chars().take(80).map(safe).collect();
    let text = text.trim_matches(['.', '-']);
    if text.is_empty() {
        "run".to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::fake::Stage;

    #[test]
    fn names_are_safe_for_files() {
        for (name, expected) in [
            ("chat", "chat"),
            ("a b/c\\d:e", "a-b-c-d-e"),
            ("../../etc/passwd", "etc-passwd"),
            ("127.0.0.1:8080", "127.0.0.1-8080"),
            ("größe", "größe"),
            ("..", "run"),
            ("\n\0", "run"),
            ("", "run"),
        ] {
            assert_eq!(file_safe(name), expected, "{name:?}");
        }
        assert_eq!(file_safe(&"x".repeat(300)).len(), 80);
    }

    #[test]
    fn runs_of_one_second_are_told_apart() {
        let stage = Stage::new(&[]);
        let started = Timestamp::UNIX_EPOCH;
        for expected in [
            "chat-19700101T000000Z",
            "chat-19700101T000000Z-2",
            "chat-19700101T000000Z-3",
        ] {
            let (path, _) = RunLog::create("chat", started, &stage.environment).unwrap();
            assert_eq!(path, Path::new(FOLDER).join(format!("{expected}.jsonl")));
        }
    }
}
