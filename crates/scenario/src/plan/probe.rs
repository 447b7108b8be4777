//! The probes of a plan: figures of the target that are asked for while a run goes on.

use super::Rendered;
use crate::secrets::mask;
use loadgen_stats::{ProbeLayout, Unit};
use serde_json::Value;
use std::{fmt, time::Duration};

/// The longest piece of an answer that is told.
const TOLD: usize = 60;

/// A figure of the target that is asked for while a run goes on.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Its name, its unit and its marks.
    pub layout: ProbeLayout,
    /// Who is asked.
    pub source: ProbeSource,
    /// The time from one question to the next.
    pub every: Duration,
    /// The longest that an answer may take.
    pub timeout: Duration,
}

/// Who is asked.
#[derive(Clone, Debug)]
pub enum ProbeSource {
    /// A Prometheus server, by a query for one number.
    Prometheus(Rendered<'static>),
    /// An answer in JSON, by a JSON pointer to a number in it.
    Http {
        /// What is fetched.
        request: Rendered<'static>,
        /// Where the number stands in the answer.
        pointer: String,
    },
    /// A command that writes a number: the program and its arguments.
    Command(Vec<String>),
    /// Processes of this machine, with all their children.
    Process {
        /// Which.
        which: WhichProcess,
        /// What of them.
        figure: ProcessFigure,
    },
}

/// Which process is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhichProcess {
    /// The one with this id.
    Id(u32),
    /// All of this name: that of the kernel, or that of the program file or script it runs.
    Name(String),
}

/// What is known of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessFigure {
    /// Processor time, in percent of one core.
    Cpu,
    /// Resident memory.
    Memory,
    /// Threads.
    Threads,
    /// Open file descriptors.
    Descriptors,
}

impl fmt::Display for WhichProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "process {id}"),
            Self::Name(name) => write!(f, "`{name}`"),
        }
    }
}

impl ProcessFigure {
    /// Every one by its name.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("cpu", Self::Cpu),
        ("memory", Self::Memory),
        ("threads", Self::Threads),
        ("descriptors", Self::Descriptors),
    ];

    /// Its unit.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::Cpu => Unit::Percent,
            Self::Memory => Unit::Bytes,
            Self::Threads | Self::Descriptors => Unit::Count,
        }
    }
}

impl ProbeSource {
    /// What kind of probe it is, as its key in the file.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Prometheus(_) => "prometheus",
            Self::Http { .. } => "http",
            Self::Command(_) => "command",
            Self::Process { .. } => "process",
        }
    }

    /// What is fetched, where it is fetched over HTTP.
    #[must_use]
    pub const fn request(&self) -> Option<&Rendered<'static>> {
        match self {
            Self::Prometheus(request) | Self::Http { request, .. } => Some(request),
            Self::Command(_) | Self::Process { .. } => None,
        }
    }

    /// The number in an answer, in the unit of the probe.
    ///
    /// # Errors
    ///
    /// Why there is none, fit for one line, and without secrets.
    pub fn read(&self, answer: &[u8], secrets: &[String]) -> Result<f64, String> {
        self.number_in(answer).or_else(|_| {
            // What is told of an answer is cut, and who looks for a whole secret finds no half of one.
            let text = String::from_utf8_lossy(answer);
            self.number_in(mask(secrets, &text).as_bytes())
        })
    }

    fn number_in(&self, answer: &[u8]) -> Result<f64, String> {
        match self {
            Self::Prometheus(_) => prometheus(answer),
            Self::Http { pointer, .. } => pointed(answer, pointer),
            Self::Command(_) | Self::Process { .. } => printed(answer),
        }
    }
}

/// The number that a Prometheus server answers.
fn prometheus(answer: &[u8]) -> Result<f64, String> {
    let value = json(answer)?;
    if value["status"] == "error" {
        let text = value["error"].as_str().unwrap_or("no reason given");
        return Err(format!("Prometheus says: {}", short(text)));
    }
    let result = &value["data"]["result"];
    let sample = match value["data"]["resultType"].as_str() {
        Some("scalar") => result,
        Some("vector") => match result.as_array().map(Vec::as_slice) {
            Some([]) => return Err("the query found nothing".to_owned()),
            Some([one]) => &one["value"],
            Some(all) => {
                let all = all.len();
                return Err(format!(
                    "the query found {all} series, not one: put sum() or max() around it"
                ));
            }
            None => return Err("not the answer of a Prometheus server".to_owned()),
        },
        Some(kind) => {
            return Err(format!("the query gives a {}, not a number", short(kind)));
        }
        None => return Err("not the answer of a Prometheus server".to_owned()),
    };
    let text = sample[1].as_str().unwrap_or_default();
    number(text).ok_or_else(|| format!("the query gives `{}`, which is no number", short(text)))
}

/// The number at a JSON pointer. Text that is a number counts as one.
fn pointed(answer: &[u8], pointer: &str) -> Result<f64, String> {
    let value = json(answer)?;
    let found = value
        .pointer(pointer)
        .ok_or_else(|| format!("nothing at {pointer} in the answer"))?;
    let read = match found {
        Value::Number(found) => found.as_f64().filter(|found| found.is_finite()),
        Value::String(text) => number(text),
        Value::Bool(found) => Some(f64::from(u8::from(*found))),
        _ => None,
    };
    read.ok_or_else(|| format!("no number at {pointer}, but {}", short(&found.to_string())))
}

/// The number that a command wrote, with nothing but white space around it.
fn printed(answer: &[u8]) -> Result<f64, String> {
    let text = String::from_utf8_lossy(answer);
    match text.trim() {
        "" => Err("it wrote nothing".to_owned()),
        text => number(text).ok_or_else(|| format!("it wrote `{}`, no number", short(text))),
    }
}

fn json(answer: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(answer).map_err(|_| match answer {
        [] => "an empty answer".to_owned(),
        _ => {
            let text = String::from_utf8_lossy(answer);
            format!("the answer is no JSON: {}", short(text.trim()))
        }
    })
}

fn number(text: &str) -> Option<f64> {
    text.trim()
        .parse()
        .ok()
        .filter(|value: &f64| value.is_finite())
}

/// The beginning of a text, on one line.
fn short(text: &str) -> String {
    let line: String = text
        .chars()
        .take(TOLD)
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    if text.chars().nth(TOLD).is_some() {
        format!("{line}…")
    } else {
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Origin;
    use std::borrow::Cow;

    fn request() -> Rendered<'static> {
        let origin = Origin {
            tls: false,
            host: "localhost".to_owned(),
            port: 9090,
        };
        Rendered {
            origin: Cow::Owned(origin),
            path: "/".into(),
            headers: Cow::Owned(Vec::new()),
            body: Cow::Borrowed(&[]),
        }
    }

    #[track_caller]
    fn check(source: &ProbeSource, cases: &[(&str, Result<f64, &str>)]) {
        for (answer, expected) in cases {
            let read = source.read(answer.as_bytes(), &["hunter2-hunter2".to_owned()]);
            let read = read.as_ref().map_err(String::as_str);
            assert_eq!(read.copied(), *expected, "{answer}");
        }
    }

    #[test]
    fn prometheus_answers_with_one_number() {
        let vector = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"0.25"]}]}}"#;
        let two = r#"{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"1"]},{"value":[1,"2"]}]}}"#;
        let none = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
        let nan = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"NaN"]}}"#;
        let matrix = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
        check(
            &ProbeSource::Prometheus(request()),
            &[
                (vector, Ok(0.25)),
                (
                    two,
                    Err("the query found 2 series, not one: put sum() or max() around it"),
                ),
                (none, Err("the query found nothing")),
                (nan, Err("the query gives `NaN`, which is no number")),
                (matrix, Err("the query gives a matrix, not a number")),
                (
                    r#"{"status":"error","error":"bad query"}"#,
                    Err("Prometheus says: bad query"),
                ),
                ("<html>", Err("the answer is no JSON: <html>")),
                ("{}", Err("not the answer of a Prometheus server")),
                ("", Err("an empty answer")),
            ],
        );
    }

    #[test]
    fn a_pointer_finds_a_number() {
        let source = ProbeSource::Http {
            request: request(),
            pointer: "/pool/used".to_owned(),
        };
        check(
            &source,
            &[
                (r#"{"pool":{"used":7}}"#, Ok(7.0)),
                (r#"{"pool":{"used":" 7.5 "}}"#, Ok(7.5)),
                (r#"{"pool":{"used":true}}"#, Ok(1.0)),
                (
                    r#"{"pool":{"used":null}}"#,
                    Err("no number at /pool/used, but null"),
                ),
                (r#"{"pool":{}}"#, Err("nothing at /pool/used in the answer")),
                ("[", Err("the answer is no JSON: [")),
            ],
        );
    }

    #[test]
    fn a_command_writes_a_number() {
        let long = "x".repeat(100);
        let told = format!("it wrote `{}…`, no number", "x".repeat(60));
        check(
            &ProbeSource::Command(vec!["true".to_owned()]),
            &[
                ("42\n", Ok(42.0)),
                ("  -1.5e3 \n\n", Ok(-1500.0)),
                ("", Err("it wrote nothing")),
                ("42 %", Err("it wrote `42 %`, no number")),
                ("inf", Err("it wrote `inf`, no number")),
                ("a\nb", Err("it wrote `a b`, no number")),
                ("not hunter2-hunter2", Err("it wrote `not ***`, no number")),
                (&long, Err(&told)),
            ],
        );
    }
}
