//! Values from the command line and the environment, which win over those of the file.

use std::collections::BTreeMap;

/// A value given outside of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The text as given.
    pub value: String,
    /// Where it was given, as the user knows it: `--vus`, `LOADGEN_VUS`, `-e`.
    pub origin: String,
}

/// The contents of the files that a scenario names, by the names as they are written in it; or why one could not be read.
pub type Files = BTreeMap<String, Result<Vec<u8>, String>>;

/// All that can win over the file, and what stands beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// A base URL, or `mock`.
    pub target: Option<Given>,
    /// The number of users.
    pub vus: Option<Given>,
    /// How long iterations are begun.
    pub duration: Option<Given>,
    /// Iterations in all.
    pub iterations: Option<Given>,
    /// The rate at which iterations begin: `100/s`.
    pub rate: Option<Given>,
    /// Stages, each `DURATION:TARGET`; several in one with commas between them.
    pub stages: Vec<Given>,
    /// What users, rates and the targets of stages are multiplied by.
    pub scale: Option<Given>,
    /// Whether the load is to be steered, so that the file needs none.
    pub steered: bool,
    /// How long running iterations may go on in the end.
    pub graceful_stop: Option<Given>,
    /// The most users of closed loads that begin in a second: `500/s`, or `off`.
    pub connect_rate: Option<Given>,
    /// `NAME=VALUE`: what templates see as `env.NAME`, before the environment.
    pub variables: Vec<Given>,
    /// `METRIC: EXPRESSION`: further thresholds.
    pub thresholds: Vec<Given>,
    /// The files that the scenario names: those of [`files`](crate::files).
    pub files: Files,
    /// The process's environment, for `env` in templates.
    pub environment: Vec<(String, String)>,
    /// What there is to connect from; absent where it does not count.
    pub room: Option<Room>,
}

/// What the machine has to connect from: a plan whose users need more is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Connections that one local address can have open to one address and port.
    pub ports: u32,
    /// The local addresses that were asked for outside of the file; zero where none were.
    pub sources: u32,
    /// The local addresses that there are for a target on loopback, where none were asked for.
    pub loopbacks: u32,
}

impl Given {
    /// A value and where it was given.
    pub fn new(value: impl Into<String>, origin: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            origin: origin.into(),
        }
    }
}
