//! What is counted over an interval, as a run log writes it: names for places, and nothing that is empty.

use super::cell::{CellRecord, LARGEST_COUNT};
use crate::error::Damage;
use loadgen_stats::{
    ClockTotals, Counter, ErrorKind, ErrorTotal, Layout, Outcome, Rate, RateCount, ScenarioTotals,
    StepIndex, StepTotals, StreamTotals, Tally, Totals, Trend, TrendCell,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

type Counts = BTreeMap<String, u64>;
type Counters = [u64; Counter::ALL.len()];

/// Everything counted over an interval. Steps, scenarios and selected trends by their place in the header's layout.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct TotalsRecord {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    steps: BTreeMap<usize, StepRecord>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    scenarios: BTreeMap<usize, ScenarioRecord>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    selected: BTreeMap<usize, CellRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorRecord>,
    /// (second of the run, tokens).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    token_seconds: Vec<(u32, f64)>,
    #[serde(skip_serializing_if = "is_default")]
    clock: ClockRecord,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct StepRecord {
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

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct ScenarioRecord {
    counters: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_window: Option<Counts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ok: Option<CellRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<CellRecord>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct ErrorRecord {
    kind: String,
    step: usize,
    count: u64,
    message: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct ClockRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    read_lag: Option<CellRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uncertainty: Option<CellRecord>,
    #[serde(flatten)]
    counts: Counts,
}

impl TotalsRecord {
    pub(super) fn of(totals: &Totals) -> Self {
        let steps = totals
            .steps
            .iter()
            .enumerate()
            .filter(|(_, step)| !step.is_empty());
        let scenarios = totals
            .scenarios
            .iter()
            .enumerate()
            .filter(|(_, scenario)| !scenario.is_empty());
        let selected = totals
            .selected
            .iter()
            .enumerate()
            .filter(|(_, cell)| !cell.is_empty());
        let errors = totals.errors.iter().filter(|error| error.count > 0);
        Self {
            steps: steps
                .map(|(place, step)| (place, StepRecord::of(step)))
                .collect(),
            scenarios: scenarios
                .map(|(place, scenario)| (place, ScenarioRecord::of(scenario)))
                .collect(),
            selected: selected
                .map(|(place, cell)| (place, CellRecord::of(cell)))
                .collect(),
            errors: errors.map(ErrorRecord::of).collect(),
            token_seconds: totals.token_seconds.clone(),
            clock: ClockRecord::of(&totals.clock),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        is_default(self)
    }

    /// The totals, shaped for `layout`; `last_second`: no token can have arrived after it.
    pub(super) fn restore(&self, layout: &Layout, last_second: u64) -> Result<Totals, Damage> {
        let mut totals = Totals::new(layout);
        for (&place, record) in &self.steps {
            *slot(&mut totals.steps, place, "step")? = record.restore()?;
        }
        for (&place, record) in &self.scenarios {
            *slot(&mut totals.scenarios, place, "scenario")? = record.restore()?;
        }
        for (&place, record) in &self.selected {
            *slot(&mut totals.selected, place, "selected trend")? = record.restore()?;
        }
        for record in &self.errors {
            totals.errors.push(record.restore(layout)?);
        }
        for &(second, tokens) in &self.token_seconds {
            if u64::from(second) > last_second || !(0.0..=LARGEST_COUNT as f64).contains(&tokens) {
                return Err(Damage::new(format!(
                    "{tokens} tokens in second {second} are impossible"
                )));
            }
            totals.add_tokens(second, tokens);
        }
        totals.clock = self.clock.restore()?;
        Ok(totals)
    }
}

impl StepRecord {
    fn of(step: &StepTotals) -> Self {
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
            outcomes: counts(outcomes),
            good_in_window: step.good_in_window,
            stream: counts([
                ("finished", stream.finished),
                ("without_usage", stream.without_usage),
                ("output_events", stream.output_events),
                ("output_reads", stream.output_reads),
                ("zero_gaps", stream.zero_gaps),
                ("live_events", stream.live_events),
            ]),
            in_flight: counts(in_flight),
            live: (step.live_finished, step.live_failed),
        }
    }

    fn restore(&self) -> Result<StepTotals, Damage> {
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

impl ScenarioRecord {
    fn of(scenario: &ScenarioTotals) -> Self {
        Self {
            counters: counters(&scenario.counters),
            in_window: (scenario.in_window != scenario.counters)
                .then(|| counters(&scenario.in_window)),
            ok: filled(&scenario.ok),
            failed: filled(&scenario.failed),
        }
    }

    fn restore(&self) -> Result<ScenarioTotals, Damage> {
        let counters = restore_counters(&self.counters)?;
        Ok(ScenarioTotals {
            counters,
            in_window: self
                .in_window
                .as_ref()
                .map_or(Ok(counters), restore_counters)?,
            ok: restore_cell(self.ok.as_ref())?,
            failed: restore_cell(self.failed.as_ref())?,
        })
    }
}

impl ErrorRecord {
    fn of(error: &ErrorTotal) -> Self {
        let message = error.message.clone();
        Self {
            kind: error.kind.name().to_owned(),
            step: error.step.0,
            count: error.count,
            message,
        }
    }

    fn restore(&self, layout: &Layout) -> Result<ErrorTotal, Damage> {
        if self.step >= layout.steps.len() {
            return Err(no_such("step", self.step));
        }
        let (kind, count) = (error_kind(&self.kind)?, sound(self.count)?);
        Ok(ErrorTotal {
            kind,
            step: StepIndex(self.step),
            count,
            message: self.message.clone(),
        })
    }
}

impl ClockRecord {
    const COUNTS: [&str; 6] = [
        "kernel",
        "read",
        "fallbacks",
        "coalesced_prompt",
        "coalesced_late",
        "events",
    ];

    fn of(clock: &ClockTotals) -> Self {
        let values = [
            clock.kernel,
            clock.read,
            clock.fallbacks,
            clock.coalesced_prompt,
            clock.coalesced_late,
            clock.events,
        ];
        Self {
            read_lag: filled(&clock.read_lag),
            uncertainty: filled(&clock.uncertainty),
            counts: counts(Self::COUNTS.into_iter().zip(values)),
        }
    }

    fn restore(&self) -> Result<ClockTotals, Damage> {
        let [
            kernel,
            read,
            fallbacks,
            coalesced_prompt,
            coalesced_late,
            events,
        ] = places(&self.counts, Self::COUNTS)?;
        let (read_lag, uncertainty) = (
            restore_cell(self.read_lag.as_ref())?,
            restore_cell(self.uncertainty.as_ref())?,
        );
        Ok(ClockTotals {
            read_lag,
            uncertainty,
            kernel,
            read,
            fallbacks,
            coalesced_prompt,
            coalesced_late,
            events,
        })
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

fn counts<'a>(named: impl IntoIterator<Item = (&'a str, u64)>) -> Counts {
    let used = named.into_iter().filter(|&(_, count)| count > 0);
    used.map(|(name, count)| (name.to_owned(), count)).collect()
}

fn counters(values: &Counters) -> Counts {
    counts(
        Counter::ALL
            .iter()
            .map(|&counter| (counter.name(), values[counter.index()])),
    )
}

fn restore_counters(record: &Counts) -> Result<Counters, Damage> {
    let mut values = Counters::default();
    for (name, count) in record {
        let counter = Counter::from_name(name).ok_or_else(|| unknown("counter", name))?;
        values[counter.index()] = sound(*count)?;
    }
    Ok(values)
}

/// The counts of some names; absent ones are 0.
fn places<const N: usize>(record: &Counts, names: [&str; N]) -> Result<[u64; N], Damage> {
    let mut values = [0; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = sound(record.get(name).copied().unwrap_or(0))?;
    }
    Ok(values)
}

fn filled(cell: &TrendCell) -> Option<CellRecord> {
    (!cell.is_empty()).then(|| CellRecord::of(cell))
}

fn restore_cell(record: Option<&CellRecord>) -> Result<TrendCell, Damage> {
    record.map_or_else(|| Ok(TrendCell::new()), CellRecord::restore)
}

fn slot<'a, T>(slots: &'a mut [T], place: usize, what: &str) -> Result<&'a mut T, Damage> {
    slots.get_mut(place).ok_or_else(|| no_such(what, place))
}

fn sound(count: u64) -> Result<u64, Damage> {
    if count > LARGEST_COUNT {
        return Err(Damage::new(format!(
            "a count of {count} is out of all bounds"
        )));
    }
    Ok(count)
}

fn outcome(name: &str) -> Result<Outcome, Damage> {
    Outcome::from_name(name).ok_or_else(|| unknown("outcome", name))
}

fn error_kind(name: &str) -> Result<ErrorKind, Damage> {
    ErrorKind::from_name(name).ok_or_else(|| unknown("error kind", name))
}

fn unknown(what: &str, name: &str) -> Damage {
    Damage::new(format!("there is no {what} `{name}`"))
}

fn no_such(what: &str, place: usize) -> Damage {
    Damage::new(format!("the header has no {what} number {place}"))
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
