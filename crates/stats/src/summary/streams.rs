//! What is said of the streams of a run.

use super::Material;
use crate::{Offset, Selection, StreamTotals, Trend};
use std::time::Duration;

/// The streams of a run. Counts are of streams due in the measured part.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StreamSummary {
    /// Finished streams.
    pub finished: u64,
    /// The part of them for which usage did not tell the tokens: their output is counted in events, not tokens.
    pub without_usage: u64,
    /// Output events of finished streams.
    pub output_events: u64,
    /// Output events per read of a socket; more than 1 where events came together.
    pub events_per_read: Option<f64>,
    /// The share of gaps in `itl` that are zero, from 0 to 1.
    pub zero_gap_share: Option<f64>,
    /// Tokens of good streams per second over the whole seconds of the measured part.
    pub tokens_per_second: Option<f64>,
    /// Tokens per second as one user sees them: one over the median of `tpot`.
    pub tokens_per_second_per_user: Option<f64>,
}

/// Sums the streams up; none where no step reads streams.
pub(super) fn sum_up(material: &Material<'_>, measured: (Offset, Offset)) -> Option<StreamSummary> {
    let &Material { layout, totals, .. } = material;
    if !layout.steps.iter().any(|step| step.stream) {
        return None;
    }
    let mut sum = StreamTotals::default();
    for step in totals.requests(layout) {
        sum.merge(step.stream);
    }
    let all = Selection::default();
    let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
    let gaps = totals.trend(layout, Trend::Itl, &all).count();
    let tpot = totals.trend(layout, Trend::Tpot, &all).quantile(0.5);
    Some(StreamSummary {
        finished: sum.finished,
        without_usage: sum.without_usage,
        output_events: sum.output_events,
        events_per_read: share(sum.output_events, sum.output_reads),
        zero_gap_share: share(sum.zero_gaps, gaps),
        tokens_per_second: tokens_per_second(&totals.token_seconds, measured),
        tokens_per_second_per_user: tpot
            .filter(|tpot| !tpot.is_zero())
            .map(|tpot| 1.0 / tpot.as_secs_f64()),
    })
}

/// Tokens over the whole seconds of the measured part. Where it has no whole second: those of the seconds it touches,
/// over its length.
fn tokens_per_second(seconds: &[(u32, f64)], (from, until): (Offset, Offset)) -> Option<f64> {
    const SECOND: u64 = 1_000_000_000;
    let (from, until) = (from.as_nanos(), until.as_nanos());
    let whole = from.div_ceil(SECOND)..until / SECOND;
    let (range, length) = if whole.is_empty() {
        (
            from / SECOND..until.div_ceil(SECOND),
            Duration::from_nanos(until.saturating_sub(from)).as_secs_f64(),
        )
    } else {
        let length = (whole.end - whole.start) as f64;
        (whole, length)
    };
    let inside = seconds
        .iter()
        .filter(|&&(second, _)| range.contains(&u64::from(second)));
    // The sum of no numbers would be -0.
    let tokens = inside.fold(0.0, |sum, &(_, tokens)| sum + tokens);
    (length > 0.0).then(|| tokens / length)
}
