//! `loadgen new`: a scenario to begin with, or one made of a cURL command.

use crate::{args::NewArgs, environment::Environment, error::Error, exit::Exit};
use loadgen_scenario::{FromCurl, from_curl};
use std::{io, path::Path};

/// A commented scenario that runs anywhere.
const STARTER: &str = include_str!("starter.toml");
/// What stands for the file's name in a text that was made before it had one.
const PLACEHOLDER: &str = "THIS_FILE";

/// Writes the file, and says what to do with it.
pub(crate) fn new(args: &NewArgs, environment: &Environment) -> Result<Exit, Error> {
    let made = match &args.from_curl {
        Some(line) => made_of(line, environment)?,
        None => FromCurl {
            text: STARTER.to_owned(),
            secrets: Vec::new(),
            notes: Vec::new(),
        },
    };
    let path = args.path.as_path();
    let to_output = path == Path::new("-");
    let shown = if to_output {
        "FILE".into()
    } else {
        path.to_string_lossy()
    };
    let text = made.text.replace(PLACEHOLDER, &shown);
    if to_output {
        super::print(environment, &text)?;
    } else {
        write(path, &text, environment)?;
        super::print(environment, &format!("wrote {shown}\n"))?;
    }
    for secret in &made.secrets {
        environment.err.say(&format!(
            "hint: set {} before a run: it stands for {}",
            secret.variable, secret.stands_for
        ));
    }
    for note in &made.notes {
        environment.err.say(&format!("note: {note}"));
    }
    if !to_output {
        environment.err.say(&format!(
            "hint: `loadgen debug {shown}` sends it once and shows the answer"
        ));
    }
    Ok(Exit::Passed)
}

/// The scenario of a command: the text itself, or `-` for the standard input.
fn made_of(line: &str, environment: &Environment) -> Result<FromCurl, Error> {
    let read;
    let line = if line == "-" {
        let bytes = environment
            .read_bytes(Path::new("-"))
            .map_err(|error| Error::failed("read the standard input", error))?;
        read = String::from_utf8(bytes)
            .map_err(|_| Error::usage("the standard input is not UTF-8"))?;
        &read
    } else {
        line
    };
    from_curl(line).map_err(|error| {
        Error::usage_because("failed to read the cURL command", error)
            .hint("quote the whole command: loadgen new --from-curl 'curl https://…', or give `-` and paste it")
    })
}

fn write(path: &Path, text: &str, environment: &Environment) -> Result<(), Error> {
    let file = environment.create_new(path).map_err(|error| {
        let exists = error.kind() == io::ErrorKind::AlreadyExists;
        let failed = Error::usage_because(format!("failed to write `{}`", path.display()), error);
        if exists {
            failed.hint("give another path; nothing is overwritten")
        } else {
            failed
        }
    })?;
    crate::environment::overwrite(&file, text.as_bytes())
        .map_err(|error| Error::failed(format!("write `{}`", path.display()), error))
}
