//! Figures of distributions with what is to be said of them, under shared headings.

use super::style::{Paint, Span};
use super::units;
use loadgen_stats::{Figure, Summary, Trend, TrendFigures};
use std::time::Duration;

/// The quantiles that tables of trends show.
pub(super) const HEADS: [&str; 5] = ["p50", "p90", "p95", "p99", "max"];
/// The widths of such a table: names of trends and five times, so that tables stand under each other.
pub(super) const WIDTHS: [usize; 6] = [30, 10, 10, 10, 10, 10];

/// A figure: `≥` where timed-out requests reach, `~` where few samples lie beyond.
pub(super) fn figure(figure: Figure) -> Span {
    Paint::Plain.on(units::figure(figure))
}

/// The cells of a row: a name and its quantiles.
pub(super) fn row(name: Span, figures: &TrendFigures) -> Vec<Span> {
    let TrendFigures {
        p50,
        p90,
        p95,
        p99,
        max,
        ..
    } = *figures;
    std::iter::once(name)
        .chain([p50, p90, p95, p99, max].map(figure))
        .collect()
}

/// The heading of a table of trends.
pub(super) fn head(name: Span) -> Vec<Span> {
    std::iter::once(name)
        .chain(HEADS.map(|head| Paint::Dim.on(head)))
        .collect()
}

/// The figures of good requests alone, where failures and refusals are so many that they must come first.
pub(super) fn ok_only(summary: &Summary, trend: Trend) -> Option<(String, &TrendFigures)> {
    let ok = summary
        .outcomes
        .ok_trends
        .iter()
        .find(|(known, _)| *known == trend);
    ok.map(|(_, figures)| (format!("{} (ok only)", trend.name()), figures))
}

/// Whether any figure that is shown bears a mark: (`~`, `≥`).
pub(super) fn marks<'a>(all: impl IntoIterator<Item = &'a TrendFigures>) -> (bool, bool) {
    let shown = |figures: &TrendFigures| {
        [
            figures.p50,
            figures.p90,
            figures.p95,
            figures.p99,
            figures.max,
        ]
    };
    all.into_iter()
        .flat_map(shown)
        .fold((false, false), |(rough, at_least), figure| {
            (rough || figure.rough, at_least || figure.at_least)
        })
}

/// Whether a part of requests says nothing: 0 throughout, or the time that it takes to see that an address needs no
/// looking up.
pub(super) fn is_nothing(trend: Trend, figures: &TrendFigures) -> bool {
    const NO_LOOKUP: Duration = Duration::from_micros(100);
    let longest = figures.max.value;
    longest.is_zero() || (trend == Trend::HttpReqDns && longest < NO_LOOKUP)
}
