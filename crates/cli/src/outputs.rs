//! The files that `--out` names: opened before the run, written after it.

use crate::{
    args::{Format, Out},
    environment::{Environment, overwrite},
    error::Error,
};
use std::{
    fs::File,
    path::{Path, PathBuf},
};

/// Where results go.
#[derive(Default)]
pub(crate) struct Outputs {
    json: Vec<Place>,
    /// The run log's place, where one was asked for.
    pub(crate) log: Option<(PathBuf, File)>,
}

enum Place {
    StandardOutput,
    File(PathBuf, File),
}

impl Outputs {
    /// Opens every place, so that a run is not for nothing.
    pub(crate) fn open(outs: &[Out], environment: &Environment) -> Result<Self, Error> {
        let mut outputs = Self::default();
        for (at, Out { format, path }) in outs.iter().enumerate() {
            if outs[..at].iter().any(|other| other.path == *path) {
                let path = path.display();
                return Err(Error::usage(format!("two outputs cannot go to `{path}`")));
            }
            let standard = path == Path::new("-");
            match format {
                Format::Json if standard => outputs.json.push(Place::StandardOutput),
                Format::Json => outputs
                    .json
                    .push(Place::File(path.clone(), open(path, environment)?)),
                Format::Log if standard => {
                    return Err(Error::usage(
                        "a run log needs a file: it is written as the run goes",
                    ));
                }
                Format::Log if outputs.log.is_some() => {
                    return Err(Error::usage("--out log= can be given once only"));
                }
                Format::Log => {
                    let file = open(path, environment)?;
                    // The log is appended to as the run goes; what was there would stand before it.
                    overwrite(&file, b"").map_err(|error| unwritable(path, error))?;
                    outputs.log = Some((path.clone(), file));
                }
            }
        }
        Ok(outputs)
    }

    /// Whether a result takes the standard output, so that text for people must go elsewhere.
    pub(crate) fn take_standard_output(&self) -> bool {
        self.json
            .iter()
            .any(|place| matches!(place, Place::StandardOutput))
    }

    /// Writes the summary to every place that asked for it as JSON.
    pub(crate) fn write_json(&self, text: &str, environment: &Environment) -> Result<(), Error> {
        for place in &self.json {
            match place {
                Place::StandardOutput => {
                    environment
                        .out
                        .print(text)
                        .map_err(|error| Error::failed("write to the standard output", error))?;
                }
                Place::File(path, file) => {
                    overwrite(file, text.as_bytes()).map_err(|error| unwritable(path, error))?;
                }
            }
        }
        Ok(())
    }
}

fn open(path: &Path, environment: &Environment) -> Result<File, Error> {
    environment
        .open_for_writing(path)
        .map_err(|error| unwritable(path, error))
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::failed(format!("write `{}`", path.display()), error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::fake::Stage;

    fn outs(texts: &[&str]) -> Vec<Out> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn what_cannot_be_written_is_told_before_the_run() {
        let stage = Stage::new(&[]).file("file", "");
        for (given, opens) in [
            (
                &["json=a.json", "json=b.json", "json=-", "log=run.jsonl"][..],
                true,
            ),
            (&["json=missing/a.json"], false),
            (&["json=file/a.json"], false),
            (&["log=-"], false),
            (&["log=a", "log=b"], false),
            (&["json=a", "log=a"], false),
            (&["json=a", "json=b", "json=a"], false),
            (&["json=-", "json=-"], false),
            (&[], true),
        ] {
            assert_eq!(
                Outputs::open(&outs(given), &stage.environment).is_ok(),
                opens,
                "{given:?}"
            );
        }
    }

    #[test]
    fn every_place_gets_the_text() {
        let stage = Stage::new(&[]).file("a.json", "something longer that was there before");
        let outputs = Outputs::open(
            &outs(&["json=a.json", "json=-", "json=b.json"]),
            &stage.environment,
        )
        .unwrap();
        assert!(outputs.take_standard_output());
        outputs.write_json("{}\n", &stage.environment).unwrap();
        assert_eq!(stage.out.text(), "{}\n");
        for path in ["a.json", "b.json"] {
            assert_eq!(
                stage.environment.read_text(Path::new(path)).unwrap(),
                "{}\n"
            );
        }
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let stage = Stage::new(&[]);
        let outputs = Outputs::open(&outs(&["json=/dev/full"]), &stage.environment).unwrap();
        assert!(outputs.write_json("{}\n", &stage.environment).is_err());
        assert!(!outputs.take_standard_output());
    }
}
