//! The table that people keep by hand: a row for the run, and one for each step where there are several.

use super::escape::{code, words};
use super::{MOST, shortened, sign};
use crate::Header;
use crate::text::{units, verdict};
use loadgen_stats::{
    Counter, ErrorSummary, Judged, Layout, Metric, MetricValue, Metrics, Rate, ScenarioSummary,
    StepIndex, StepRole, StepSummary, Summary, Threshold, Trend,
};
use std::cmp::Reverse;
use std::fmt::Write as _;
use verdict::Standing;

const HEAD: &str = "| component | scenario | throughput | p95 | error rate | status | remark |\n\
    |---|---|---:|---:|---:|---|---|\n";

struct Row {
    scenario: String,
    throughput: String,
    p95: String,
    error_rate: String,
    status: &'static str,
    remarks: Vec<String>,
    /// The lower, the worse.
    rank: (Standing, Reverse<u64>, Reverse<u128>),
}

/// The table: the run, then its steps, the worst first.
pub(super) fn of(header: &Header, summary: &Summary) -> String {
    let component = code(&header.name);
    let mut text = HEAD.to_owned();
    let mut steps = steps(header, summary);
    steps.sort_by_key(|row| row.rank);
    let whole = of_run(header, summary);
    // The run is its only step.
    let shown = if steps.len() > 1 {
        steps.len().min(MOST)
    } else {
        0
    };
    for row in std::iter::once(&whole).chain(steps.iter().take(shown)) {
        let Row {
            scenario,
            throughput,
            p95,
            error_rate,
            status,
            remarks,
            ..
        } = row;
        let remark = remarks.join("; ");
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "| {component} | {scenario} | {throughput} | {p95} | {error_rate} | {status} | {remark} |"
        );
    }
    if steps.len() > MOST {
        let _ = writeln!(text, "\nand {} more steps", steps.len() - MOST);
    }
    text
}

fn of_run(header: &Header, summary: &Summary) -> Row {
    let load = if header.load.is_empty() {
        "all"
    } else {
        &header.load
    };
    let mut row = row(words(load), &summary.metrics);
    row.status = sign(summary);
    let broken = summary
        .thresholds
        .iter()
        .filter(|judged| verdict::standing(summary, judged) == Standing::Broken);
    row.remarks.extend(
        summary
            .nothing_succeeded
            .as_ref()
            .map(|_| "no request succeeded".to_owned()),
    );
    match broken.count() {
        0 => {}
        broken => row.remarks.push(format!(
            "{broken} of {} thresholds broken",
            summary.thresholds.len()
        )),
    }
    row.remarks.extend(most_frequent(summary.errors.first()));
    row.remarks.extend(first_token(&summary.metrics));
    row
}

fn steps(header: &Header, summary: &Summary) -> Vec<Row> {
    let thresholds = header.parsed_thresholds().unwrap_or_default();
    let several = summary.scenarios.len() > 1;
    let all = summary
        .scenarios
        .iter()
        .flat_map(|scenario| scenario.steps.iter().map(move |step| (scenario, step)));
    // A group has no requests, and those of a turn are in its step.
    let all = all
        .enumerate()
        .filter(|(_, (_, step))| !matches!(step.role, StepRole::Group | StepRole::Turn));
    let rows = all.map(|(place, (scenario, step))| {
        let name = match several {
            true => format!("{} / {}", code(&scenario.name), code(&step.name)),
            false => code(&step.name),
        };
        let own = thresholds.iter().zip(&summary.thresholds);
        let own =
            own.filter(|(threshold, _)| concerns(threshold, &header.layout, StepIndex(place)));
        let own: Vec<&Judged> = own.map(|(_, judged)| judged).collect();
        of_step(summary, name, (scenario, step), &own)
    });
    rows.collect()
}

fn of_step(
    summary: &Summary,
    name: String,
    (scenario, step): (&ScenarioSummary, &StepSummary),
    thresholds: &[&Judged],
) -> Row {
    let mut row = row(name, &step.metrics);
    let standings = thresholds
        .iter()
        .map(|judged| verdict::standing(summary, judged));
    let worst = standings.min();
    row.status = match worst {
        Some(Standing::Broken) => "❌",
        Some(Standing::Unsure) => "⚠️",
        Some(Standing::Held) => "✅",
        Some(Standing::NotJudged) | None => "➖",
    };
    row.rank.0 = worst.unwrap_or(Standing::Held);
    let broken = thresholds.iter().filter(|judged| judged.failed());
    row.remarks.extend(broken.take(2).map(|judged| {
        let (metric, limit) = (code(&judged.metric), code(&judged.expression));
        format!("{metric} {limit}: {}", words(&verdict::observed(judged)))
    }));
    let of_step =
        |error: &&ErrorSummary| error.scenario == scenario.name && error.step == step.name;
    row.remarks
        .extend(most_frequent(summary.errors.iter().find(of_step)));
    row.remarks.extend(first_token(&step.metrics));
    row
}

/// Whether the threshold is on that step, not on the run as a whole.
fn concerns(threshold: &Threshold, layout: &Layout, step: StepIndex) -> bool {
    let selection = threshold.selection();
    let narrow = selection.scenario.is_some() || selection.steps.is_some();
    narrow && selection.has_step(layout, step)
}

fn row(scenario: String, metrics: &Metrics) -> Row {
    let throughput = match metrics.get(Metric::Counter(Counter::HttpReqs)) {
        Some(&MetricValue::Counter {
            per_second: Some(rate),
            ..
        }) => units::rate(rate),
        _ => "–".to_owned(),
    };
    let (failed, total) = metrics.rate(Rate::HttpReqFailed);
    let share = failed as f64 / total.max(1) as f64;
    let p95 = metrics
        .trend(Trend::HttpReqDuration)
        .map(|figures| figures.p95);
    Row {
        scenario,
        throughput,
        p95: p95.map_or_else(|| "–".to_owned(), |p95| words(&units::figure(p95))),
        error_rate: match total {
            0 => "–".to_owned(),
            _ => words(&units::percent(share)),
        },
        status: "➖",
        remarks: Vec::new(),
        rank: (
            Standing::Held,
            Reverse((share * 1e9) as u64),
            Reverse(p95.map_or(0, |p95| p95.value.as_nanos())),
        ),
    }
}

fn most_frequent(error: Option<&ErrorSummary>) -> Option<String> {
    let error = error?;
    Some(format!(
        "{} × {}",
        units::count(error.count),
        code(&shortened(error.kind.name()))
    ))
}

fn first_token(metrics: &Metrics) -> Option<String> {
    let p95 = metrics.trend(Trend::Ttft)?.p95;
    Some(format!("`ttft` p95 {}", words(&units::figure(p95))))
}
