//! The course of a run as CSV: a line of names, then one line for each interval.

use crate::json::millis;
use crate::probes::{csv_means, csv_names};
use loadgen_stats::{Quantiles, Summary, SummaryWindow};
use std::io::{self, Write};

/// The columns. Counts are of what finished in the interval; what is not known is empty.
const COLUMNS: [&str; 12] = [
    "start_s",
    "end_s",
    "vus",
    "iterations",
    "http_reqs",
    "http_req_failed",
    "http_req_duration_p50_ms",
    "http_req_duration_p95_ms",
    "http_req_duration_p99_ms",
    "ttft_p50_ms",
    "ttft_p95_ms",
    "ttft_p99_ms",
];

/// Writes the windows of a run as CSV, with the names of the columns in the first line; the last ones are the means of
/// the probes, as `probe.NAME`.
///
/// The windows are those of the JSON summary: at most 3,600, coarsened evenly beyond. Every field is a number or empty,
/// so nothing needs quotes.
///
/// # Errors
///
/// Where `out` fails.
pub fn write_csv(mut out: impl Write, summary: &Summary) -> io::Result<()> {
    let mut text = COLUMNS.join(",");
    text.push_str(&csv_names(summary.probes.iter().map(|one| &one.probe)));
    text.push('\n');
    for window in &summary.windows {
        text.push_str(&fields(window).join(","));
        text.push_str(&csv_means(&window.probes));
        text.push('\n');
    }
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// As many as there are [`COLUMNS`].
fn fields(window: &SummaryWindow) -> [String; COLUMNS.len()] {
    let [p50, p95, p99] = quantiles(window.http_req_duration);
    let [ttft_p50, ttft_p95, ttft_p99] = quantiles(window.ttft);
    [
        window.start.as_secs_f64().to_string(),
        window.end.as_secs_f64().to_string(),
        window.vus.last.to_string(),
        window.iterations.to_string(),
        window.http_reqs.to_string(),
        window.http_req_failed.to_string(),
        p50,
        p95,
        p99,
        ttft_p50,
        ttft_p95,
        ttft_p99,
    ]
}

fn quantiles(quantiles: Option<Quantiles>) -> [String; 3] {
    quantiles.map_or_else(Default::default, |quantiles| {
        [quantiles.p50, quantiles.p95, quantiles.p99].map(|figure| millis(figure.value).to_string())
    })
}
