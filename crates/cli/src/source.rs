//! From the arguments to the plan: the file or the URL, and what the command line and the environment say over it.

use crate::{
    args::{Given, LoadArgs, NetworkArgs, RequestArgs, SourceArgs},
    environment::Environment,
    error::Error,
    room,
    taken::{End, Taken},
    url,
};
use loadgen_scenario::{
    Files, Given as Value, Lowered, Overrides, SourceText, files, load, load_url,
};
use std::{
    io::{self, Read as _},
    path::Path,
};

/// The longest file that a request can send, in bytes.
const MOST_CONTENT: u64 = 256 << 20;

/// What is to be tested, and how.
pub(crate) struct Wanted<'a> {
    pub(crate) source: &'a SourceArgs,
    pub(crate) load: Option<&'a LoadArgs>,
    pub(crate) request: &'a RequestArgs,
    pub(crate) network: Option<&'a NetworkArgs>,
    /// Whether the load is steered, whatever the file says.
    pub(crate) steered: bool,
    /// How many users begin in a second at most.
    pub(crate) connect_rate: &'a Option<String>,
    /// Limits of `--until`.
    pub(crate) until: &'a [String],
    pub(crate) given: &'a Given,
}

impl Wanted<'_> {
    /// The plan, or everything that is wrong with it.
    pub(crate) fn plan(&self, environment: &Environment) -> Result<Lowered, Error> {
        let scenario = self.scenario()?;
        let mut overrides = self.overrides(environment);
        if url::is_url(scenario) {
            self.refuse_target()?;
            let request = url::request(scenario, self.request, environment)?;
            return Ok(load_url(&request, &overrides)?);
        }
        self.refuse_request()?;
        let stem = Path::new(scenario)
            .file_stem()
            .and_then(|stem| stem.to_str());
        let text = read(scenario, environment)?;
        overrides.files = named_files(scenario, &text, environment);
        let source = SourceText {
            path: scenario,
            text: &text,
            stem: stem.unwrap_or("run"),
        };
        Ok(load(source, &overrides)?)
    }

    /// Whether it is a URL that is tested.
    pub(crate) fn is_url(&self) -> bool {
        self.scenario().is_ok_and(url::is_url)
    }

    /// The files that are read, which no output may replace.
    pub(crate) fn taken(&self, environment: &Environment) -> Taken {
        let mut taken = Taken::default();
        if let Ok(scenario) = self.scenario()
            && !url::is_url(scenario)
        {
            taken.read(Path::new(scenario), End::Scenario, environment);
        }
        taken
    }

    /// The file or URL. `--json` takes a value or none, so it may have swallowed the URL behind it.
    fn scenario(&self) -> Result<&str, Error> {
        let swallowed = || {
            self.request
                .json
                .as_ref()?
                .as_deref()
                .filter(|text| url::is_url(text))
        };
        match (self.source.scenario.as_deref(), swallowed()) {
            (Some(scenario), _) => Ok(scenario),
            (None, Some(url)) => {
                let hint = format!("write it before the options: {url} … --json");
                Err(Error::usage("--json took the URL for its value").hint(hint))
            }
            (None, None) => Err(Error::usage("a scenario file or a URL is missing")
                .hint("loadgen run scenarios/chat.toml, or loadgen run https://example.com/")),
        }
    }

    fn refuse_target(&self) -> Result<(), Error> {
        match self.source.target {
            Some(_) => Err(Error::usage(
                "--target goes with a scenario file: a URL says itself where it goes",
            )),
            None => Ok(()),
        }
    }

    fn refuse_request(&self) -> Result<(), Error> {
        match self.request.given().as_slice() {
            [] => Ok(()),
            options => {
                let verb = if options.len() == 1 { "goes" } else { "go" };
                Err(Error::usage(format!(
                    "{} {verb} with a URL: a scenario file says it itself",
                    options.join(", ")
                )))
            }
        }
    }

    fn stages(&self) -> Vec<Value> {
        let stages = self.load.map(|load| load.stage.as_slice());
        let variable = self.given.get("stage").cloned();
        let origin = variable.unwrap_or_else(|| "--stage".to_owned());
        let value = |text: &String| Value::new(text, &origin);
        stages.unwrap_or_default().iter().map(value).collect()
    }

    fn overrides(&self, environment: &Environment) -> Overrides {
        let value = |value: &Option<String>, option: &'static str| {
            let value = value.as_ref()?;
            let variable = self.given.get(option).cloned();
            Some(Value::new(
                value,
                variable.unwrap_or_else(|| format!("--{option}")),
            ))
        };
        let load = |pick: fn(&LoadArgs) -> &Option<String>, option| {
            self.load.and_then(|load| value(pick(load), option))
        };
        let thresholds = self
            .load
            .map(|load| load.threshold.as_slice())
            .unwrap_or_default();
        Overrides {
            target: value(&self.source.target, "target"),
            vus: load(|load| &load.vus, "vus"),
            duration: load(|load| &load.duration, "duration"),
            iterations: load(|load| &load.iterations, "iterations"),
            rate: load(|load| &load.rate, "rate"),
            stages: self.stages(),
            scale: load(|load| &load.scale, "scale"),
            steered: self.steered,
            graceful_stop: load(|load| &load.graceful_stop, "graceful-stop"),
            connect_rate: value(self.connect_rate, "connect-rate"),
            variables: self
                .source
                .env
                .iter()
                .map(|text| Value::new(text, "-e"))
                .collect(),
            thresholds: thresholds
                .iter()
                .map(|text| Value::new(text, "--threshold"))
                .chain(self.until.iter().map(|text| Value::new(text, "--until")))
                .collect(),
            files: Files::new(),
            environment: environment
                .vars
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            // Without a load there is one user.
            room: (self.load).and_then(|_| room::to_connect_from(self.network, environment)),
        }
    }
}

/// How many cores, or as many workers as were asked for.
pub(crate) fn workers(asked: Option<u16>) -> usize {
    asked.map_or_else(loadgen_host::cpus, usize::from)
}

/// Refuses options of connections that cannot go together.
pub(crate) fn refuse_network(network: &NetworkArgs) -> Result<(), Error> {
    let others = [
        ("--connect-to", network.connect_to.is_empty()),
        ("--source-address", network.source_address.is_empty()),
    ];
    match (
        &network.unix_socket,
        others.iter().find(|(_, absent)| !absent),
    ) {
        (Some(_), Some((other, _))) => Err(Error::usage(format!(
            "--unix-socket and {other} cannot go together"
        ))),
        _ => Ok(()),
    }
}

/// The files that a scenario names; relative ones begin at its folder.
fn named_files(scenario: &str, text: &str, environment: &Environment) -> Files {
    let folder = Path::new(scenario).parent();
    let folder = folder
        .filter(|folder| *folder != Path::new(""))
        .unwrap_or(Path::new("."));
    let read = |name: String| {
        let content = content(&folder.join(&name), environment);
        (name, content.map_err(|error| error.to_string()))
    };
    files(text).into_iter().map(read).collect()
}

fn content(path: &Path, environment: &Environment) -> io::Result<Vec<u8>> {
    let file = environment.open_for_reading(path)?;
    let mut bytes = Vec::new();
    file.take(MOST_CONTENT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_CONTENT {
        let message = format!("larger than {} MiB", MOST_CONTENT >> 20);
        return Err(io::Error::other(message));
    }
    Ok(bytes)
}

fn read(path: &str, environment: &Environment) -> Result<String, Error> {
    let path = Path::new(path);
    environment
        .read_text(path)
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => {
                Error::unreadable(path, error).hint("a scenario is UTF-8 text")
            }
            std::io::ErrorKind::NotFound => {
                Error::unreadable(path, error).hint("a URL begins with http:// or https://")
            }
            _ => Error::unreadable(path, error),
        })
}
