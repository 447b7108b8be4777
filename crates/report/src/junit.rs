//! A run as a JUnit report: a test case for the run itself, and one for each threshold.

use crate::findings::{self, Ending, Finding, Reason};
use crate::text::{TextOptions, write_text};
use crate::{Header, xml::Document};
use loadgen_stats::Summary;
use std::io::{self, Write};

/// Writes the run as a JUnit report, as Jenkins, GitLab and others read it: one suite, its first case `run`, then one for
/// each threshold. A limit that does not hold is a failure; what cannot be judged is an error; a threshold that a signal
/// kept from being judged is skipped. So the report has a failure or an error exactly where the exit code is not 0.
///
/// # Errors
///
/// Where `out` fails.
pub fn write_junit(mut out: impl Write, header: &Header, summary: &Summary) -> io::Result<()> {
    let cases = findings::of(header, summary);
    let mut document = Document::new();
    document.begin("testsuites", &[]);
    begin_suite(&mut document, header, summary, &cases);
    properties(&mut document, header, summary);
    let class = format!("loadgen.{}", class_safe(&header.name));
    for case in &cases {
        write_case(&mut document, &class, case);
    }
    document.text("system-out", &[], &as_text(header, summary)?);
    document.text("system-err", &[], &warnings(summary));
    out.write_all(document.finish().as_bytes())?;
    out.flush()
}

fn begin_suite(document: &mut Document, header: &Header, summary: &Summary, cases: &[Finding]) {
    let count = |wanted: fn(&Ending) -> bool| {
        let found = cases.iter().filter(|case| wanted(&case.ending));
        found.count().to_string()
    };
    let host = &header.host.hostname;
    document.begin(
        "testsuite",
        &[
            ("name", &header.name),
            ("package", "loadgen"),
            ("id", "0"),
            ("tests", &cases.len().to_string()),
            (
                "failures",
                &count(|ending| matches!(ending, Ending::Failed(_))),
            ),
            (
                "errors",
                &count(|ending| matches!(ending, Ending::Error(_))),
            ),
            (
                "skipped",
                &count(|ending| matches!(ending, Ending::Skipped(_))),
            ),
            ("time", &seconds(summary.duration.as_secs_f64())),
            // The schema has no place for a zone.
            ("timestamp", header.started_at.trim_end_matches('Z')),
            ("hostname", if host.is_empty() { "localhost" } else { host }),
        ],
    );
}

fn properties(document: &mut Document, header: &Header, summary: &Summary) {
    let target = header.shown_target().unwrap_or_default();
    let properties = [
        ("loadgen.version", header.version.as_str()),
        ("loadgen.load", &header.load),
        ("loadgen.target", &target),
        ("loadgen.seed", &header.seed.to_string()),
        ("loadgen.plan_hash", &header.plan_hash),
        ("loadgen.verdict", summary.verdict.name()),
    ];
    document.begin("properties", &[]);
    for (name, value) in properties {
        document.empty("property", &[("name", name), ("value", value)]);
    }
    document.end();
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
    if matches!(case.ending, Ending::Passed) {
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

fn as_text(header: &Header, summary: &Summary) -> io::Result<String> {
    let mut text = Vec::new();
    write_text(&mut text, header, summary, &TextOptions::default())?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn warnings(summary: &Summary) -> String {
    let lines = summary.warnings.iter().map(|warning| {
        let (code, message, advice) = (warning.code(), warning.message(), warning.advice());
        format!("{code}: {message}; {advice}\n")
    });
    lines.collect()
}

/// A name without the dots at which readers cut the names of classes.
fn class_safe(name: &str) -> String {
    let unsafe_char = |char: char| matches!(char, '.' | '/' | ':') || char.is_whitespace();
    name.replace(unsafe_char, "_")
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.3}")
}
