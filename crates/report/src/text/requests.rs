//! Requests by step, how long each part of them took, and how the times spread.

use super::figures::{self, WIDTHS, figure};
use super::style::{Line, Paint, Span, fit};
use super::table::Table;
use super::{chart, heading, labelled, units};
use loadgen_stats::{
    Counter, Metric, MetricValue, Metrics, Rate, ScenarioSummary, StepRole, StepSummary, Summary,
    Trend, TrendFigures,
};

/// The parts of a request that are left out where they never took time.
const PARTS: [Trend; 6] = [
    Trend::HttpReqBlocked,
    Trend::HttpReqDns,
    Trend::HttpReqConnecting,
    Trend::HttpReqTlsHandshaking,
    Trend::HttpReqSending,
    Trend::HttpReqWaiting,
];

/// The widths of the table by step: its times stand under those of the other tables.
const STEP_WIDTHS: [usize; 8] = [17, 7, 9, 7, 10, 10, 10, 10];

/// The room that a name has in a line with others.
const NAME: usize = 24;

/// How many requests, how fast, how many failed, by step.
pub(super) fn by_step(summary: &Summary, columns: usize) -> Vec<Line> {
    let mut table = Table::new().at_least(&STEP_WIDTHS);
    let heads =
        ["count", "rate", "failed", "p50", "p95", "p99", "max"].map(|head| Paint::Dim.on(head));
    table.head(std::iter::once(heading("Requests")).chain(heads));
    let several = summary.scenarios.len() > 1;
    for scenario in &summary.scenarios {
        if several {
            table.row(
                0,
                requests(scenario.name.as_str().into(), &scenario.metrics),
            );
        }
        for step in scenario.steps.iter().filter(|step| is_shown(step)) {
            table.row(usize::from(several), requests(name(step), &step.metrics));
        }
    }
    if summary
        .scenarios
        .iter()
        .map(|scenario| scenario.steps.len())
        .sum::<usize>()
        != 1
    {
        table.row(0, requests(Paint::Bold.on("all"), &summary.metrics));
    }
    let mut lines = table.lines(columns);
    lines.extend(labelled("status codes", &statuses(summary), columns));
    lines.extend(labelled("outcomes", &outcomes(summary), columns));
    lines.extend(labelled("goodput", &goodput(summary), columns));
    lines.extend(labelled("checks", &checks(summary), columns));
    lines.extend(labelled("measured for", &parts(summary), columns));
    lines.extend(unmeasured(summary));
    lines
}

/// The times of requests and their parts; those of the good ones first where the others are many.
pub(super) fn times(summary: &Summary, columns: usize) -> Vec<Line> {
    // Without an answer there is nothing that a time could be of.
    if summary.metrics.trend(Trend::HttpReqLatency).is_none() {
        return Vec::new();
    }
    let rows = rows_of_times(summary);
    let of_streams = [Trend::Ttft, Trend::Itl, Trend::Tpot].into_iter();
    let of_streams = of_streams.filter_map(|trend| summary.metrics.trend(trend));
    let judged = summary
        .thresholds
        .iter()
        .map(|judged| (judged.rough, judged.at_least));
    let shown = rows.iter().map(|(_, figures)| *figures).chain(of_streams);
    let marks = judged.fold(figures::marks(shown), |all, one| {
        (all.0 || one.0, all.1 || one.1)
    });
    let mut table = Table::new().at_least(&WIDTHS);
    table.head(figures::head(heading("Times")));
    for (name, figures) in rows {
        table.row(0, figures::row(name.into(), figures));
    }
    let mut lines = table.lines(columns);
    lines.extend(legend(marks));
    lines
}

fn rows_of_times(summary: &Summary) -> Vec<(String, &TrendFigures)> {
    let mut rows = Vec::new();
    let whole = |trend: Trend| Some((trend.name().to_owned(), summary.metrics.trend(trend)?));
    for trend in [Trend::HttpReqDuration, Trend::HttpReqLatency] {
        rows.extend(figures::ok_only(summary, trend));
        rows.extend(whole(trend));
    }
    for trend in PARTS {
        rows.extend(whole(trend).filter(|(_, figures)| !figures::is_nothing(trend, figures)));
    }
    rows.extend(whole(Trend::HttpReqReceiving));
    rows.extend(whole(Trend::RateLimitWait));
    rows.extend(whole(Trend::IterationDuration));
    let steps = || summary.scenarios.iter().flat_map(|one| &one.steps);
    rows.extend(steps().filter_map(|step| {
        let figures = step.metrics.trend(Trend::GroupDuration)?;
        Some((format!("group {}", step.name), figures))
    }));
    rows
}

/// Whether a step has a row of requests: a group sends none, and a turn that nobody came to is no news.
fn is_shown(step: &StepSummary) -> bool {
    let sent = || step.metrics.counter(Counter::HttpReqs) > 0;
    match step.role {
        StepRole::Group => false,
        StepRole::Turn => sent(),
        StepRole::Request | StepRole::Before | StepRole::Setup | StepRole::Teardown => true,
    }
}

/// The name of a step, after what it is where its requests are not among all: a long name is cut at its end.
fn name(step: &StepSummary) -> Span {
    let name = step.name.as_str();
    match step.role {
        StepRole::Request => name.into(),
        StepRole::Turn => {
            let parts = name.strip_suffix(')').and_then(|it| it.rsplit_once(" ("));
            parts.map_or_else(|| name.into(), |(of, turn)| format!("{turn}, {of}").into())
        }
        role => format!("{}: {name}", role.name()).into(),
    }
}

/// `http_req_duration` as bars.
pub(super) fn distribution(summary: &Summary, columns: usize) -> Vec<Line> {
    let bars = chart::lines(&summary.durations, columns);
    if bars.is_empty() {
        return bars;
    }
    let count = units::plural(summary.durations.count(), "request", "requests");
    let mut lines = vec![
        Line::new()
            .with(heading("Distribution"))
            .with(Paint::Dim.on(format!("  http_req_duration of {count}"))),
    ];
    lines.extend(bars);
    lines
}

fn requests(name: Span, metrics: &Metrics) -> Vec<Span> {
    let count = metrics.counter(Counter::HttpReqs);
    let rate = match metrics.get(Metric::Counter(Counter::HttpReqs)) {
        Some(&MetricValue::Counter {
            per_second: Some(rate),
            ..
        }) => units::short_rate(rate),
        _ => "–".to_owned(),
    };
    let (hits, total) = metrics.rate(Rate::HttpReqFailed);
    let failed = match (hits, total) {
        (_, 0) => Paint::Dim.on("–"),
        (0, _) => Paint::Plain.on("0%"),
        (hits, total) => Paint::Red.on(units::percent(hits as f64 / total as f64)),
    };
    let mut row = vec![name, units::short_count(count).into(), rate.into(), failed];
    match metrics.trend(Trend::HttpReqDuration) {
        Some(figures) => {
            row.extend([figures.p50, figures.p95, figures.p99, figures.max].map(figure));
        }
        None => row.extend([(); 4].map(|()| Paint::Dim.on("–"))),
    }
    row
}

fn statuses(summary: &Summary) -> Vec<String> {
    let statuses = summary.statuses.iter();
    statuses
        .map(|&(status, count)| format!("{status} × {}", units::count(count)))
        .collect()
}

/// Said only where not all went well.
fn outcomes(summary: &Summary) -> Vec<String> {
    let outcomes = &summary.outcomes;
    let others = outcomes.rejected + outcomes.cancelled + outcomes.redirected;
    if outcomes.failed + others == 0 {
        return Vec::new();
    }
    let mut parts = vec![
        format!("{} ok", units::count(outcomes.ok)),
        format!("{} failed", units::count(outcomes.failed)),
    ];
    if outcomes.rejected > 0 {
        parts.push(format!(
            "{} rejected as expected",
            units::count(outcomes.rejected)
        ));
    }
    if outcomes.cancelled > 0 {
        parts.push(format!(
            "{} cancelled on purpose",
            units::count(outcomes.cancelled)
        ));
    }
    if outcomes.redirected > 0 {
        parts.push(format!("{} redirected", units::count(outcomes.redirected)));
    }
    parts
}

fn goodput(summary: &Summary) -> Vec<String> {
    let (good, total) = summary.metrics.rate(Rate::Goodput);
    if total == 0 {
        return Vec::new();
    }
    let share = units::percent(good as f64 / total as f64);
    let mut parts = vec![format!(
        "{share} of {} met every limit of [slo]",
        units::count(total)
    )];
    parts.extend(summary.goodput_per_second.map(units::rate));
    parts
}

fn checks(summary: &Summary) -> Vec<String> {
    let (held, total) = summary.metrics.rate(Rate::Checks);
    if total == 0 || held == total {
        return Vec::new();
    }
    let share = units::percent(held as f64 / total as f64);
    vec![format!(
        "{} of {} held ({share})",
        units::count(held),
        units::count(total)
    )]
}

/// For how long each scenario was measured, where they were not alike: what its rates are over.
fn parts(summary: &Summary) -> Vec<String> {
    let mut scenarios = summary.scenarios.iter();
    if scenarios.all(|scenario| scenario.measured == summary.measured) {
        return Vec::new();
    }
    let part = |scenario: &ScenarioSummary| {
        let name = fit(&scenario.name, NAME);
        if scenario.measured.is_zero() {
            return format!("{name} never");
        }
        format!("{name} {}", units::span(scenario.measured.as_secs_f64()))
    };
    summary.scenarios.iter().map(part).collect()
}

/// How many of the counted requests are in no time and no rate.
fn unmeasured(summary: &Summary) -> Option<Line> {
    let outcomes = &summary.outcomes;
    let others = outcomes.rejected + outcomes.cancelled + outcomes.redirected;
    let measured = outcomes.ok + outcomes.failed + others;
    let counted = summary.metrics.counter(Counter::HttpReqs);
    let more = counted.checked_sub(measured).filter(|&more| more > 0)?;
    let was = if more == 1 { "was" } else { "were" };
    Some(Line::new().with("  ").with(Paint::Dim.on(format!(
        "{} more {was} due after the end of starting (in counts and errors only)",
        units::count(more)
    ))))
}

fn legend((rough, at_least): (bool, bool)) -> Option<Line> {
    let rough = rough.then_some("~ fewer than 10 samples beyond");
    let at_least = at_least.then_some("≥ timed out or cut, counted with their wait");
    let parts: Vec<&str> = rough.into_iter().chain(at_least).collect();
    (!parts.is_empty()).then(|| {
        Line::new()
            .with("  ")
            .with(Paint::Dim.on(parts.join(" · ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_among_all_says_so_first() {
        let check = |role, name: &str, expected: &str| {
            let step = StepSummary {
                name: name.to_owned(),
                role,
                metrics: Metrics::default(),
            };
            assert_eq!(super::name(&step).text(), expected);
        };
        check(StepRole::Request, "chat", "chat");
        check(StepRole::Turn, "chat (turn 2)", "turn 2, chat");
        check(StepRole::Turn, "a (b) (turn 10)", "turn 10, a (b)");
        check(StepRole::Before, "log in", "before: log in");
        check(StepRole::Teardown, "log out", "teardown: log out");
    }
}
