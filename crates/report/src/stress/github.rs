//! A search as a line that GitHub Actions turns into an annotation.

use super::words;
use crate::Header;
use crate::github::command;
use loadgen_capacity::Stress;
use loadgen_stats::{StopReason, Summary, Verdict};
use std::io::{self, Write};

/// Writes a search as workflow commands of GitHub Actions: its answer as a notice, or as an error where it came to
/// none or the safe load is less than required; and a warning for each remark.
///
/// # Errors
///
/// Where `out` fails.
pub fn write_stress_github(
    mut out: impl Write,
    header: &Header,
    summary: &Summary,
    stress: &Stress,
) -> io::Result<()> {
    let verdict = stress.verdict(summary.stop_reason == StopReason::Interrupted);
    let kind = match verdict {
        Verdict::Pass => "notice",
        Verdict::Fail | Verdict::Inconclusive => "error",
    };
    let title = format!("{}: {}", header.name, words::word(verdict));
    let safe = words::safe(stress).map_or_else(String::new, |safe| format!("; safe: {safe}"));
    let mut text = command(kind, &(title, format!("{}{safe}", words::answer(stress))));
    for remark in words::remarks(stress) {
        text.push_str(&command(
            "warning",
            &(format!("{}: search", header.name), remark),
        ));
    }
    out.write_all(text.as_bytes())?;
    out.flush()
}
