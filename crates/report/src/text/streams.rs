//! What a service that streams is judged by: the first token, the gaps, the flow of tokens.

use super::figures::{self, WIDTHS};
use super::style::Line;
use super::table::Table;
use super::{heading, labelled, units};
use loadgen_stats::{Counter, Rate, StreamSummary, Summary, Trend};

/// The trends in the order of a stream's life.
const TRENDS: [Trend; 7] = [
    Trend::Ttft,
    Trend::TtftService,
    Trend::TtftText,
    Trend::Itl,
    Trend::Tpot,
    Trend::StreamDuration,
    Trend::StreamTail,
];

/// The streams of the run; none where no step reads any.
pub(super) fn lines(summary: &Summary, columns: usize) -> Vec<Line> {
    let Some(streams) = &summary.streams else {
        return Vec::new();
    };
    let mut table = Table::new().at_least(&WIDTHS);
    table.head(figures::head(heading("Streams")));
    for trend in TRENDS {
        if let Some((name, figures)) = figures::ok_only(summary, trend) {
            table.row(0, figures::row(name.into(), figures));
        }
        if let Some(figures) = summary.metrics.trend(trend) {
            table.row(0, figures::row(trend.name().into(), figures));
        }
    }
    let mut lines = table.lines(columns);
    lines.extend(labelled("tokens", &tokens(summary, streams), columns));
    lines.extend(labelled("events", &events(streams), columns));
    lines.extend(labelled("streams", &finished(summary, streams), columns));
    lines
}

fn tokens(summary: &Summary, streams: &StreamSummary) -> Vec<String> {
    let count = |counter| summary.metrics.counter(counter);
    let mut parts = vec![format!(
        "{} out",
        units::count(count(Counter::OutputTokens))
    )];
    parts.extend(
        streams
            .tokens_per_second
            .map(|rate| format!("{} in total", units::rate(rate))),
    );
    parts.extend(
        streams
            .tokens_per_second_per_user
            .map(|rate| format!("{} per user", units::rate(rate))),
    );
    if count(Counter::InputTokens) > 0 {
        parts.push(format!("{} in", units::count(count(Counter::InputTokens))));
    }
    if count(Counter::WastedTokens) > 0 {
        parts.push(format!(
            "{} wasted in failed streams",
            units::count(count(Counter::WastedTokens))
        ));
    }
    if streams.without_usage > 0 && streams.without_usage == streams.finished {
        parts.push("events, not tokens: the service told no usage".to_owned());
    } else if streams.without_usage > 0 {
        let some = units::plural(streams.without_usage, "stream", "streams");
        parts.push(format!("events, not tokens, for {some} without usage"));
    }
    parts
}

fn events(streams: &StreamSummary) -> Vec<String> {
    let per_read = streams
        .events_per_read
        .map(|count| format!("{} per read", units::three_digits(count)));
    let zero = streams
        .zero_gap_share
        .map(|share| format!("{} of the gaps are zero", units::percent(share)));
    if streams.output_events == 0 {
        return Vec::new();
    }
    let count = format!("{} with output", units::count(streams.output_events));
    std::iter::once(count).chain(per_read).chain(zero).collect()
}

/// How many finished, and why others failed.
fn finished(summary: &Summary, streams: &StreamSummary) -> Vec<String> {
    let (failed, total) = summary.metrics.rate(Rate::StreamFailed);
    let mut parts = vec![format!("{} finished", units::count(streams.finished))];
    if failed == 0 {
        parts.push("none failed".to_owned());
        return parts;
    }
    let share = units::percent(failed as f64 / total.max(1) as f64);
    parts.push(format!("{} failed ({share})", units::count(failed)));
    let mut kinds: Vec<(&str, u64)> = Vec::new();
    for error in summary
        .errors
        .iter()
        .filter(|error| error.kind.name().starts_with("stream_"))
    {
        match kinds
            .iter_mut()
            .find(|(name, _)| *name == error.kind.name())
        {
            Some((_, count)) => *count += error.count,
            None => kinds.push((error.kind.name(), error.count)),
        }
    }
    parts.extend(
        kinds
            .into_iter()
            .map(|(name, count)| format!("{} {name}", units::count(count))),
    );
    parts
}
