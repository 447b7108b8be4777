//! JUnit reports: a test case for the run itself, one for each threshold, one for each row of a comparison.

use crate::comparison::{self, write_comparison};
use crate::findings::{self, Ending, Finding, Reason};
use crate::text::{TextOptions, write_text};
use crate::{Report, xml::Document};
use loadgen_stats::{Comparison, RunFacts, Summary};
use std::io::{self, Write};

/// What stands in a report, whatever it is of.
struct Suite<'a> {
    name: &'a str,
    host: &'a str,
    started_at: &'a str,
    seconds: f64,
    properties: Vec<(&'static str, String)>,
    cases: Vec<Finding>,
    /// As text for people.
    out: String,
    /// What to bear in mind.
    err: String,
}

/// Writes the run as a JUnit report, as Jenkins, GitLab and others read it: one suite, its first case `run`, then one for
/// each threshold and for each row of the comparison, if there is one. A limit that does not hold and a row that is worse
/// are failures; what cannot be judged is an error; a threshold that a signal kept from being judged is skipped. So the
/// report has a failure or an error exactly where the exit code is not 0.
///
/// # Errors
///
/// Where `out` fails.
pub fn write_junit(out: impl Write, report: &Report<'_>) -> io::Result<()> {
    let Report {
        header,
        summary,
        comparison,
    } = *report;
    let properties = vec![
        ("loadgen.version", header.version.clone()),
        ("loadgen.load", header.load.clone()),
        ("loadgen.target", header.shown_target().unwrap_or_default()),
        ("loadgen.seed", header.seed.to_string()),
        ("loadgen.plan_hash", header.plan_hash.clone()),
        ("loadgen.verdict", summary.verdict.name().to_owned()),
    ];
    let mut text = as_text(|out| write_text(out, header, summary, &TextOptions::default()))?;
    let mut suite = Suite {
        name: &header.name,
        host: &header.host.hostname,
        started_at: &header.started_at,
        seconds: summary.duration.as_secs_f64(),
        properties,
        cases: findings::of(header, summary),
        out: String::new(),
        err: warnings(summary),
    };
    if let Some(comparison) = comparison {
        text.push('\n');
        text.push_str(&as_text(|out| write_comparison(out, comparison, false))?);
        suite.cases.extend(comparison::findings(comparison));
        suite.properties.push(compared(comparison));
        suite.err.push_str(&remarks(comparison));
    }
    suite.out = text;
    suite.write(out)
}

/// Writes a comparison as a JUnit report: a case for each row.
///
/// # Errors
///
/// Where `out` fails.
pub fn write_comparison_junit(out: impl Write, comparison: &Comparison) -> io::Result<()> {
    let labels = |runs: &[RunFacts]| {
        let labels: Vec<&str> = runs.iter().map(|run| run.label.as_str()).collect();
        labels.join(" ")
    };
    let current = comparison.current.first();
    let suite = Suite {
        name: current.map_or("comparison", |run| &run.name),
        host: current
            .and_then(|run| run.hostname.as_deref())
            .unwrap_or_default(),
        started_at: current.map_or("1970-01-01T00:00:00Z", |run| &run.started_at),
        seconds: current.map_or(0.0, |run| run.measured.as_secs_f64()),
        properties: vec![
            ("loadgen.base", labels(&comparison.base)),
            ("loadgen.current", labels(&comparison.current)),
            compared(comparison),
        ],
        cases: comparison::findings(comparison).collect(),
        out: as_text(|out| write_comparison(out, comparison, false))?,
        err: remarks(comparison),
    };
    suite.write(out)
}

impl Suite<'_> {
    fn write(&self, mut out: impl Write) -> io::Result<()> {
        let mut document = Document::new();
        document.begin("testsuites", &[]);
        self.begin(&mut document);
        document.begin("properties", &[]);
        for (name, value) in &self.properties {
            document.empty("property", &[("name", name), ("value", value)]);
        }
        document.end();
        let class = format!("loadgen.{}", class_safe(self.name));
        for case in &self.cases {
            write_case(&mut document, &class, case);
        }
        document.text("system-out", &[], &self.out);
        document.text("system-err", &[], &self.err);
        out.write_all(document.finish().as_bytes())?;
        out.flush()
    }

    fn begin(&self, document: &mut Document) {
        let count = |wanted: fn(&Ending) -> bool| {
            let found = self.cases.iter().filter(|case| wanted(&case.ending));
            found.count().to_string()
        };
        let failures = count(|ending| matches!(ending, Ending::Failed(_)));
        let errors = count(|ending| matches!(ending, Ending::Error(_)));
        let skipped = count(|ending| matches!(ending, Ending::Skipped(_)));
        let host = if self.host.is_empty() {
            "localhost"
        } else {
            self.host
        };
        document.begin(
            "testsuite",
            &[
                ("name", self.name),
                ("package", "loadgen"),
                ("id", "0"),
                ("tests", &self.cases.len().to_string()),
                ("failures", &failures),
                ("errors", &errors),
                ("skipped", &skipped),
                ("time", &seconds(self.seconds)),
                // The schema has no place for a zone.
                ("timestamp", self.started_at.trim_end_matches('Z')),
                ("hostname", host),
            ],
        );
    }
}

fn write_case(document: &mut Document, class: &str, case: &Finding) {
    let time = seconds(case.seconds);
    let attributes = [
        ("name", case.name.as_str()),
        ("classname", class),
        ("time", &time),
    ];
    let reason = |document: &mut Document, name, Reason { kind, message }: &Reason| {
        document.text(name, &[("message", message), ("type", kind)], message);
    };
    if case.ending == Ending::Passed {
        return document.empty("testcase", &attributes);
    }
    document.begin("testcase", &attributes);
    match &case.ending {
        Ending::Passed => {}
        Ending::Failed(why) => reason(document, "failure", why),
        Ending::Error(why) => reason(document, "error", why),
        Ending::Skipped(why) => document.empty("skipped", &[("message", why)]),
    }
    document.end();
}

fn compared(comparison: &Comparison) -> (&'static str, String) {
    ("loadgen.comparison", comparison.verdict.name().to_owned())
}

fn as_text(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<String> {
    let mut text = Vec::new();
    write(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn warnings(summary: &Summary) -> String {
    let lines = summary.warnings.iter().map(|warning| {
        let (code, message, advice) = (warning.code(), warning.message(), warning.advice());
        format!("{code}: {message}; {advice}\n")
    });
    lines.collect()
}

fn remarks(comparison: &Comparison) -> String {
    let remarks = comparison::remarks(comparison);
    remarks.map(|remark| format!("{remark}\n")).collect()
}

/// A name without the dots at which readers cut the names of classes.
fn class_safe(name: &str) -> String {
    let unsafe_char = |char: char| matches!(char, '.' | '/' | ':') || char.is_whitespace();
    name.replace(unsafe_char, "_")
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.3}")
}
