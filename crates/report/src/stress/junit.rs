//! A search as a JUnit report: a case for its answer, one for what was required, one for each level.

use super::{text::write_stress_text, words};
use crate::text::TextOptions;
use crate::{Header, xml::Document};
use loadgen_capacity::{Level, LevelVerdict, Stress};
use loadgen_stats::{StopReason, Summary, Verdict};
use std::io::{self, Write};

/// Writes a search as a JUnit report: its suite has the case `stress`, which fails where the exit code is 99 and is an error
/// where it is 97, and a case for each level. A level that broke is a finding, no failure: its case is skipped with the
/// limit that broke.
///
/// # Errors
///
/// Where `out` fails.
pub fn write_stress_junit(
    mut out: impl Write,
    header: &Header,
    summary: &Summary,
    stress: &Stress,
) -> io::Result<()> {
    let verdict = stress.verdict(summary.stop_reason == StopReason::Interrupted);
    let not_held = stress
        .levels
        .iter()
        .filter(|level| level.verdict != LevelVerdict::Held)
        .count();
    let mut document = Document::new();
    let count = |is: bool| u32::from(is).to_string();
    let host = &header.host.hostname;
    document.begin("testsuites", &[]);
    document.begin(
        "testsuite",
        &[
            ("name", &header.name),
            ("package", "loadgen"),
            ("id", "0"),
            ("tests", &(stress.levels.len() + 1).to_string()),
            ("failures", &count(verdict == Verdict::Fail)),
            ("errors", &count(verdict == Verdict::Inconclusive)),
            ("skipped", &not_held.to_string()),
            ("time", &seconds(summary.duration.as_secs_f64())),
            ("timestamp", header.started_at.trim_end_matches('Z')),
            ("hostname", if host.is_empty() { "localhost" } else { host }),
        ],
    );
    properties(&mut document, header, stress);
    let class = format!("loadgen.{}", header.name.replace('.', "_"));
    search_case(&mut document, &class, summary, stress, verdict);
    for level in &stress.levels {
        level_case(&mut document, &class, stress, level);
    }
    let mut text = Vec::new();
    write_stress_text(&mut text, header, summary, stress, &TextOptions::default())?;
    document.text("system-out", &[], &String::from_utf8_lossy(&text));
    document.text("system-err", &[], "");
    out.write_all(document.finish().as_bytes())?;
    out.flush()
}

fn properties(document: &mut Document, header: &Header, stress: &Stress) {
    let load = |load: Option<f64>| load.map_or_else(String::new, |load| load.to_string());
    let answer = &stress.answer;
    let properties = [
        ("loadgen.version", header.version.clone()),
        ("loadgen.seed", header.seed.to_string()),
        ("loadgen.plan_hash", header.plan_hash.clone()),
        ("loadgen.stress.unit", stress.unit.name().to_owned()),
        ("loadgen.stress.highest_held", load(answer.highest_held)),
        ("loadgen.stress.lowest_broke", load(answer.lowest_broke)),
        ("loadgen.stress.safe", load(answer.safe)),
        (
            "loadgen.stress.limited_by",
            answer.limited_by().map_or("", |by| by.name()).to_owned(),
        ),
    ];
    document.begin("properties", &[]);
    for (name, value) in &properties {
        document.empty("property", &[("name", name), ("value", value)]);
    }
    document.end();
}

fn search_case(
    document: &mut Document,
    class: &str,
    summary: &Summary,
    stress: &Stress,
    verdict: Verdict,
) {
    let time = seconds(summary.duration.as_secs_f64());
    let attributes = [("name", "stress"), ("classname", class), ("time", &time)];
    let safe = words::safe(stress).map_or_else(String::new, |safe| format!("; safe: {safe}"));
    let message = format!("{}{safe}", words::answer(stress));
    let element = match verdict {
        Verdict::Pass => return document.empty("testcase", &attributes),
        Verdict::Fail => ("failure", "required"),
        Verdict::Inconclusive => ("error", "inconclusive"),
    };
    document.begin("testcase", &attributes);
    document.text(
        element.0,
        &[("message", &message), ("type", element.1)],
        &message,
    );
    document.end();
}

fn level_case(document: &mut Document, class: &str, stress: &Stress, level: &Level) {
    let name = match words::purpose(level) {
        (_, "") => words::load(level.load, stress.unit),
        (_, purpose) => format!("{}, {purpose}", words::load(level.load, stress.unit)),
    };
    let time = seconds(level.until.since(level.from).as_secs_f64());
    let attributes = [
        ("name", name.as_str()),
        ("classname", class),
        ("time", &time),
    ];
    if level.verdict == LevelVerdict::Held {
        return document.empty("testcase", &attributes);
    }
    let broken: Vec<String> = level.broken.iter().map(words::broken).collect();
    let message = match broken.as_slice() {
        [] => words::verdict(level).to_owned(),
        broken => format!("{}: {}", words::verdict(level), broken.join("; ")),
    };
    document.begin("testcase", &attributes);
    document.empty("skipped", &[("message", &message)]);
    document.end();
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.3}")
}
