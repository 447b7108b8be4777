//! A search as Markdown, for a comment on a pull request or a capacity document.

use super::words;
use crate::markdown::escape::{code, words as escaped};
use crate::text::units;
use crate::{Header, probes};
use loadgen_capacity::{Level, LevelVerdict, Stress};
use loadgen_stats::{StopReason, Summary, Verdict};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

/// Writes a search as Markdown, in GitHub's dialect: the answer, the figures, the levels by load, the remarks.
///
/// # Errors
///
/// Where `out` fails.
pub fn write_stress_markdown(
    mut out: impl Write,
    header: &Header,
    summary: &Summary,
    stress: &Stress,
) -> io::Result<()> {
    let verdict = stress.verdict(summary.stop_reason == StopReason::Interrupted);
    let sign = match verdict {
        Verdict::Pass => "✅",
        Verdict::Fail => "❌",
        Verdict::Inconclusive => "⚠️",
    };
    let mut text = format!(
        "### {sign} {}: {}\n\n",
        code(&header.name),
        escaped(&words::answer(stress))
    );
    figures(&mut text, stress);
    levels(&mut text, stress);
    let headroom = stress.headroom();
    if !headroom.is_empty() {
        text.push('\n');
        text.push_str(&probes::markdown("at the limit", &headroom));
    }
    for remark in words::remarks(stress) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "\n- {}", escaped(&remark));
    }
    let _ = writeln!(
        text,
        "\n<sub>{} · seed {} · loadgen {}</sub>",
        header.started_at, header.seed, header.version
    );
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn figures(text: &mut String, stress: &Stress) {
    let load = |load: Option<f64>| {
        load.map_or_else(|| "–".to_owned(), |load| words::load(load, stress.unit))
    };
    let answer = &stress.answer;
    let mut rows = vec![
        ("highest load that held", load(answer.highest_held)),
        ("lowest that broke", load(answer.lowest_broke)),
        (
            "safe",
            words::safe(stress).unwrap_or_else(|| "–".to_owned()),
        ),
    ];
    if let Some(limit) = stress.first_broken() {
        rows.push(("broke first", words::broken(limit)));
    }
    rows.extend(words::laws(stress));
    rows.extend(words::recovery(stress).map(|recovery| ("recovery", recovery)));
    text.push_str("| | |\n|---|---|\n");
    for (name, value) in rows {
        let _ = writeln!(text, "| {name} | {} |", escaped(&value));
    }
}

fn levels(text: &mut String, stress: &Stress) {
    let names: Vec<String> = stress
        .probes
        .iter()
        .map(|probe| escaped(&probe.name))
        .collect();
    let names: String = names.iter().map(|name| format!(" {name} |")).collect();
    let _ = writeln!(
        text,
        "\n| | load | req/s | good/s | failed | p50 | p95 | p99 | ttft p95 | tokens/s |{names} broke |",
    );
    let lines = "--:|".repeat(stress.probes.len());
    let _ = writeln!(text, "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|{lines}---|");
    let mut sorted: Vec<&Level> = stress.levels.iter().collect();
    sorted.sort_by(|one, other| one.load.total_cmp(&other.load));
    for level in sorted {
        let sign = match level.verdict {
            LevelVerdict::Held => "✅",
            LevelVerdict::Broken => "❌",
            LevelVerdict::Unclear | LevelVerdict::Generator => "⚠️",
        };
        let time = |time: Option<Duration>| time.map_or_else(|| "–".to_owned(), units::time);
        let broken: Vec<String> = level.broken.iter().map(words::broken).collect();
        let _ = writeln!(
            text,
            "| {sign} | {} | {} | {} | {} | {} | {} | {} | {} | {} |{} {} |",
            words::bare(level.load, stress.unit),
            units::rate(level.http_reqs_per_second),
            units::rate(level.goodput_per_second),
            units::percent(level.failed),
            time(level.latency[0]),
            time(level.latency[1]),
            time(level.latency[2]),
            time(level.ttft_p95),
            level
                .tokens_per_second
                .map_or_else(|| "–".to_owned(), units::rate),
            told(stress, level),
            escaped(&broken.join("; ")),
        );
    }
}

/// What the probes told, on average.
fn told(stress: &Stress, level: &Level) -> String {
    let probes = stress.probes.iter().zip(&level.probes);
    probes
        .map(|(probe, totals)| {
            let mean = totals.mean();
            mean.map_or_else(
                || " – |".to_owned(),
                |mean| format!(" {} |", probes::amount(mean, probe.unit)),
            )
        })
        .collect()
}
