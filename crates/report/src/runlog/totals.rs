//! What is counted over an interval, as a run log writes it: names for places, and nothing that is empty.

use super::cell::{CellRecord, LARGEST_COUNT};
use super::counts::{
    Counts, counters, error_kind, filled, is_default, named_counts, no_such, places, restore_cell,
    restore_counters, sound, unknown,
};
use super::step::StepRecord;
use crate::error::Damage;
use crate::probes::json::SamplesJson;
use loadgen_stats::{
    ClockTotals, Counter, DropReason, ErrorTotal, Layout, Offset, ScenarioTotals, StepIndex, Totals,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// What probes of the target told, by their place in the header's layout.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    probes: BTreeMap<usize, SamplesJson>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct ScenarioRecord {
    counters: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_window: Option<Counts>,
    /// The counter `dropped_iterations` by reason.
    #[serde(skip_serializing_if = "Counts::is_empty")]
    dropped: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped_in_window: Option<Counts>,
    /// The measured part of its due times, where it became known or changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    measured_ns: Option<(u64, u64)>,
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
        let probes = totals.probes.iter().enumerate();
        let probes = probes.filter(|(_, probe)| !probe.is_empty());
        Self {
            probes: probes
                .map(|(place, probe)| (place, SamplesJson::of(probe)))
                .collect(),
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
        for (&place, record) in &self.probes {
            *slot(&mut totals.probes, place, "probe")? = record.restore()?;
        }
        totals.clock = self.clock.restore()?;
        Ok(totals)
    }
}

impl ScenarioRecord {
    fn of(scenario: &ScenarioTotals) -> Self {
        Self {
            counters: counters(&scenario.counters),
            in_window: (scenario.in_window != scenario.counters)
                .then(|| counters(&scenario.in_window)),
            dropped: reasons(scenario.dropped),
            dropped_in_window: (scenario.dropped_in_window != scenario.dropped)
                .then(|| reasons(scenario.dropped_in_window)),
            measured_ns: scenario
                .measured
                .map(|(from, until)| (from.as_nanos(), until.as_nanos())),
            ok: filled(&scenario.ok),
            failed: filled(&scenario.failed),
        }
    }

    fn restore(&self) -> Result<ScenarioTotals, Damage> {
        let counters = restore_counters(&self.counters)?;
        let dropped = restore_reasons(&self.dropped)?;
        if dropped.iter().sum::<u64>() != counters[Counter::DroppedIterations.index()] {
            return Err(Damage::new(
                "the reasons of dropped iterations do not add up to them",
            ));
        }
        Ok(ScenarioTotals {
            counters,
            in_window: self
                .in_window
                .as_ref()
                .map_or(Ok(counters), restore_counters)?,
            dropped,
            dropped_in_window: self
                .dropped_in_window
                .as_ref()
                .map_or(Ok(dropped), restore_reasons)?,
            measured: self
                .measured_ns
                .map(|(from, until)| (Offset::from_nanos(from), Offset::from_nanos(until))),
            ok: restore_cell(self.ok.as_ref())?,
            failed: restore_cell(self.failed.as_ref())?,
        })
    }
}

type Reasons = [u64; DropReason::ALL.len()];

fn reasons(counts: Reasons) -> Counts {
    named_counts(
        DropReason::ALL
            .map(DropReason::name)
            .into_iter()
            .zip(counts),
    )
}

fn restore_reasons(record: &Counts) -> Result<Reasons, Damage> {
    if let Some(name) = record
        .keys()
        .find(|name| DropReason::from_name(name).is_none())
    {
        return Err(unknown("reason to drop an iteration", name));
    }
    places(record, DropReason::ALL.map(DropReason::name))
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
            counts: named_counts(Self::COUNTS.into_iter().zip(values)),
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

fn slot<'a, T>(slots: &'a mut [T], place: usize, what: &str) -> Result<&'a mut T, Damage> {
    slots.get_mut(place).ok_or_else(|| no_such(what, place))
}
