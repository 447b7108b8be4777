//! Counts by name: only those that are not zero are written, and impossible ones are refused.

use super::cell::{CellRecord, LARGEST_COUNT};
use crate::error::Damage;
use loadgen_stats::{Counter, ErrorKind, Outcome, TrendCell};
use std::collections::BTreeMap;

/// Counts by name.
pub(super) type Counts = BTreeMap<String, u64>;
type Counters = [u64; Counter::ALL.len()];

pub(super) fn named_counts<'a>(named: impl IntoIterator<Item = (&'a str, u64)>) -> Counts {
    let used = named.into_iter().filter(|&(_, count)| count > 0);
    used.map(|(name, count)| (name.to_owned(), count)).collect()
}

pub(super) fn counters(values: &Counters) -> Counts {
    named_counts(
        Counter::ALL
            .iter()
            .map(|&counter| (counter.name(), values[counter.index()])),
    )
}

pub(super) fn restore_counters(record: &Counts) -> Result<Counters, Damage> {
    let mut values = Counters::default();
    for (name, count) in record {
        let counter = Counter::from_name(name).ok_or_else(|| unknown("counter", name))?;
        values[counter.index()] = sound(*count)?;
    }
    Ok(values)
}

/// The counts of some names; absent ones are 0.
pub(super) fn places<const N: usize>(
    record: &Counts,
    names: [&str; N],
) -> Result<[u64; N], Damage> {
    let mut values = [0; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = sound(record.get(name).copied().unwrap_or(0))?;
    }
    Ok(values)
}

pub(super) fn filled(cell: &TrendCell) -> Option<CellRecord> {
    (!cell.is_empty()).then(|| CellRecord::of(cell))
}

pub(super) fn restore_cell(record: Option<&CellRecord>) -> Result<TrendCell, Damage> {
    record.map_or_else(|| Ok(TrendCell::new()), CellRecord::restore)
}

pub(super) fn sound(count: u64) -> Result<u64, Damage> {
    if count > LARGEST_COUNT {
        return Err(Damage::new(format!(
            "a count of {count} is out of all bounds"
        )));
    }
    Ok(count)
}

pub(super) fn outcome(name: &str) -> Result<Outcome, Damage> {
    Outcome::from_name(name).ok_or_else(|| unknown("outcome", name))
}

pub(super) fn error_kind(name: &str) -> Result<ErrorKind, Damage> {
    ErrorKind::from_name(name).ok_or_else(|| unknown("error kind", name))
}

pub(super) fn unknown(what: &str, name: &str) -> Damage {
    Damage::new(format!("there is no {what} `{name}`"))
}

pub(super) fn no_such(what: &str, place: usize) -> Damage {
    Damage::new(format!("the header has no {what} number {place}"))
}

pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
