//! The levels of a search as CSV: a line of names, then one line for each level.

use super::words;
use crate::json::millis;
use crate::probes::{csv_means, csv_names};
use loadgen_capacity::{Level, Stress};
use std::io::{self, Write};
use std::time::Duration;

/// The columns; what is not known is empty.
const COLUMNS: [&str; 15] = [
    "load",
    "verdict",
    "holds",
    "from_s",
    "until_s",
    "http_reqs_per_second",
    "goodput_per_second",
    "http_req_failed",
    "http_req_latency_p50_ms",
    "http_req_latency_p95_ms",
    "http_req_latency_p99_ms",
    "ttft_p95_ms",
    "tokens_per_second",
    "in_flight",
    "broken",
];

/// Writes the levels of a search as CSV, with the names of the columns in the first line, in the order in which they were
/// tried. The last columns are the means of the probes, as `probe.NAME`.
///
/// # Errors
///
/// Where `out` fails.
pub fn write_stress_csv(mut out: impl Write, stress: &Stress) -> io::Result<()> {
    let mut text = COLUMNS.join(",");
    text.push_str(&csv_names(stress.probes.iter()));
    text.push('\n');
    for level in &stress.levels {
        text.push_str(&fields(level).join(","));
        text.push_str(&csv_means(&level.probes));
        text.push('\n');
    }
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// As many as there are [`COLUMNS`].
fn fields(level: &Level) -> [String; COLUMNS.len()] {
    let time =
        |time: Option<Duration>| time.map_or_else(String::new, |time| millis(time).to_string());
    let number = |number: Option<f64>| number.map_or_else(String::new, |number| number.to_string());
    let broken: Vec<String> = level.broken_expressions().collect();
    [
        level.load.to_string(),
        words::verdict(level).to_owned(),
        level.holds.to_string(),
        level.from.as_secs_f64().to_string(),
        level.until.as_secs_f64().to_string(),
        level.http_reqs_per_second.to_string(),
        level.goodput_per_second.to_string(),
        level.failed.to_string(),
        time(level.latency[0]),
        time(level.latency[1]),
        time(level.latency[2]),
        time(level.ttft_p95),
        number(level.tokens_per_second),
        level.in_flight.to_string(),
        quoted(&broken.join("; ")),
    ]
}

/// A field in quotes where it needs them.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
