//! Why the program did not do what it was asked, and how that is told.

use crate::{environment::Environment, exit::Exit, problems};
use loadgen_scenario::Problems;
use std::{error::Error as StdError, fmt, path::Path};

/// Why the program did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Error {
    /// The command line asks for something that cannot be.
    Usage(Told),
    /// The scenario has problems.
    Problems(Box<Problems>),
    /// Something failed on the way.
    Failed(Told),
}

/// A message, what caused it, and a way out.
#[derive(Debug)]
pub(crate) struct Told {
    message: String,
    cause: Option<Box<dyn StdError + Send + Sync>>,
    hint: Option<String>,
}

impl Error {
    /// Wrong usage.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(Told {
            message: message.into(),
            cause: None,
            hint: None,
        })
    }

    /// Wrong usage, found out by another part.
    pub(crate) fn usage_because(
        message: impl Into<String>,
        cause: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::Usage(Told {
            message: message.into(),
            cause: Some(cause.into()),
            hint: None,
        })
    }

    /// Failed to do `what`, a fragment that reads well after "failed to".
    pub(crate) fn failed(
        what: impl fmt::Display,
        cause: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::Failed(Told {
            message: format!("failed to {what}"),
            cause: Some(cause.into()),
            hint: None,
        })
    }

    /// The setup of a run failed, so that no user began.
    pub(crate) fn setup(reason: String) -> Self {
        Self::failed("set up, so that no user began", reason)
            .hint("loadgen debug shows each request of the setup with its answer")
    }

    /// A file that was named on the command line cannot be read.
    pub(crate) fn unreadable(path: &Path, cause: std::io::Error) -> Self {
        let message = format!("failed to read `{}`", path.display());
        Self::Usage(Told {
            message,
            cause: Some(cause.into()),
            hint: None,
        })
    }

    /// Adds a way out.
    pub(crate) fn hint(mut self, text: impl Into<String>) -> Self {
        match &mut self {
            Self::Usage(told) | Self::Failed(told) => told.hint = Some(text.into()),
            Self::Problems(_) => {}
        }
        self
    }

    /// An error and its causes, in one line.
    pub(crate) fn chain(error: &dyn StdError) -> String {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        text
    }

    /// How the program ends for this.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Problems(_) => Exit::Usage,
            Self::Failed(_) => Exit::Failed,
        }
    }

    /// Tells it to the user.
    pub(crate) fn show(&self, environment: &Environment, colour: bool) {
        match self {
            Self::Usage(told) | Self::Failed(told) => {
                environment.err.say(&format!("error: {told}"));
                if let Some(hint) = &told.hint {
                    environment.err.say(&format!("hint: {hint}"));
                }
            }
            Self::Problems(problems) => environment.err.say(&problems::draw(problems, colour)),
        }
    }
}

impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        Self::Problems(Box::new(problems))
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => write!(f, "{}: {}", self.message, Error::chain(cause.as_ref())),
            None => f.write_str(&self.message),
        }
    }
}
