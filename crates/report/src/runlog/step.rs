//! The requests of one step over an interval, as a run log writes them.

use super::cell::CellRecord;
use super::counts::{
    Counts, counters, error_kind, is_default, named_counts, outcome, places, restore_counters,
    sound, unknown,
};
use crate::error::Damage;
use loadgen_stats::{Outcome, Rate, RateCount, StepTotals, StreamTotals, Tally, Trend};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// The requests of one step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct StepRecord {
    /// By `TREND.OUTCOME`, or `TREND` where it was recorded before the outcome was known.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    trends: BTreeMap<String, CellRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tallies: Vec<TallyRecord>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    outcomes: Counts,
    #[serde(skip_serializing_if = "is_default")]
    good_in_window: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    stream: Counts,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    in_flight: Counts,
    /// (finished, failed), warm-up included.
    #[serde(skip_serializing_if = "is_default")]
    live: (u64, u64),
}

/// Requests that ended alike. Without `in_window` that equals `counters`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct TallyRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    counters: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_window: Option<Counts>,
    /// (hits, total).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    rates: BTreeMap<String, (u64, u64)>,
}

impl StepRecord {
    pub(super) fn of(step: &StepTotals) -> Self {
        let trends = step
            .cells()
            .map(|(trend, outcome, cell)| (cell_name(trend, outcome), CellRecord::of(cell)));
        let outcomes = Outcome::ALL
            .into_iter()
            .map(|outcome| (outcome.name(), step.outcomes[outcome.index()]));
        let stream = step.stream;
        let in_flight = [
            ("count", step.in_flight),
            ("sent", step.in_flight_sent),
            ("measured", step.in_flight_measured),
            (
                "longest_ns",
                u64::try_from(step.in_flight_longest.as_nanos()).unwrap_or(u64::MAX),
            ),
        ];
        Self {
            trends: trends.collect(),
            tallies: step
                .tallies
                .iter()
                .filter(|tally| !tally.is_empty())
                .map(TallyRecord::of)
                .collect(),
            outcomes: named_counts(outcomes),
            good_in_window: step.good_in_window,
            stream: named_counts([
                ("finished", stream.finished),
                ("without_usage", stream.without_usage),
                ("output_events", stream.output_events),
                ("output_reads", stream.output_reads),
                ("zero_gaps", stream.zero_gaps),
                ("live_events", stream.live_events),
            ]),
            in_flight: named_counts(in_flight),
            live: (step.live_finished, step.live_failed),
        }
    }

    pub(super) fn restore(&self) -> Result<StepTotals, Damage> {
        let mut step = StepTotals::default();
        for (name, record) in &self.trends {
            let (trend, outcome) = cell_key(name)?;
            *step.cell_mut(trend, outcome) = record.restore()?;
        }
        step.tallies = self
            .tallies
            .iter()
            .map(TallyRecord::restore)
            .collect::<Result<_, _>>()?;
        for (name, count) in &self.outcomes {
            step.outcomes[outcome(name)?.index()] = sound(*count)?;
        }
        step.good_in_window = sound(self.good_in_window)?;
        step.stream = restore_stream(&self.stream)?;
        let [count, sent, measured] = places(&self.in_flight, ["count", "sent", "measured"])?;
        (step.in_flight, step.in_flight_sent, step.in_flight_measured) = (count, sent, measured);
        step.in_flight_longest =
            Duration::from_nanos(self.in_flight.get("longest_ns").copied().unwrap_or(0));
        (step.live_finished, step.live_failed) = (sound(self.live.0)?, sound(self.live.1)?);
        Ok(step)
    }
}

impl TallyRecord {
    fn of(tally: &Tally) -> Self {
        let rates = Rate::ALL
            .iter()
            .map(|&rate| (rate.name().to_owned(), tally.rates[rate.index()]));
        let rates = rates.filter(|(_, rate)| rate.total > 0);
        Self {
            status: tally.status,
            error: tally.error.map(|kind| kind.name().to_owned()),
            counters: counters(&tally.counters),
            in_window: (tally.in_window != tally.counters).then(|| counters(&tally.in_window)),
            rates: rates
                .map(|(name, rate)| (name, (rate.hits, rate.total)))
                .collect(),
        }
    }

    fn restore(&self) -> Result<Tally, Damage> {
        let mut tally = Tally::new(
            self.status,
            self.error.as_deref().map(error_kind).transpose()?,
        );
        tally.counters = restore_counters(&self.counters)?;
        tally.in_window = self
            .in_window
            .as_ref()
            .map_or(Ok(tally.counters), restore_counters)?;
        for (name, &(hits, total)) in &self.rates {
            let rate = Rate::from_name(name).ok_or_else(|| unknown("rate", name))?;
            if hits > total {
                return Err(Damage::new(format!(
                    "{hits} of {total} are too many for `{name}`"
                )));
            }
            tally.rates[rate.index()] = RateCount {
                hits: sound(hits)?,
                total: sound(total)?,
            };
        }
        Ok(tally)
    }
}

fn restore_stream(record: &Counts) -> Result<StreamTotals, Damage> {
    let names = [
        "finished",
        "without_usage",
        "output_events",
        "output_reads",
        "zero_gaps",
        "live_events",
    ];
    let [
        finished,
        without_usage,
        output_events,
        output_reads,
        zero_gaps,
        live_events,
    ] = places(record, names)?;
    Ok(StreamTotals {
        finished,
        without_usage,
        output_events,
        output_reads,
        zero_gaps,
        live_events,
    })
}

fn cell_name(trend: Trend, outcome: Option<Outcome>) -> String {
    outcome.map_or_else(
        || trend.name().to_owned(),
        |outcome| format!("{}.{}", trend.name(), outcome.name()),
    )
}

fn cell_key(name: &str) -> Result<(Trend, Option<Outcome>), Damage> {
    let (trend, tag) = name
        .split_once('.')
        .map_or((name, None), |(trend, tag)| (trend, Some(tag)));
    let trend = Trend::from_name(trend).ok_or_else(|| unknown("trend", trend))?;
    Ok((trend, tag.map(outcome).transpose()?))
}
