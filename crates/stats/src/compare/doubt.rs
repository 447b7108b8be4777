//! Changes that may be the generator's own: judged again on the windows in which it was not the limit.

use super::comparison::{Change, CompareError, ComparedRow};
use super::facts::Caution;
use super::series::Believed;
use super::{ComparedRun, RunData, Sides, decide};
use crate::{Metric, Rate};

/// The runs in which, or in parts of which, the generator was the limit.
pub(super) fn cautions(base: &[ComparedRun], current: &[ComparedRun]) -> Vec<Caution> {
    let warned = base.iter().chain(current).filter(|run| match &run.data {
        RunData::Figures(digest) => digest.doubtful,
        RunData::Windows(_) => false,
    });
    let warned: Vec<String> = warned.map(|run| run.facts.label.clone()).collect();
    let warned = (!warned.is_empty()).then_some(Caution::Warned { runs: warned });
    in_parts(base, current).into_iter().chain(warned).collect()
}

fn in_parts(base: &[ComparedRun], current: &[ComparedRun]) -> Option<Caution> {
    let runs = base.iter().chain(current).filter_map(|run| {
        let (seconds, of) = run.data.series()?.doubtful_seconds();
        (seconds > 0.0).then(|| (run.facts.label.clone(), seconds, of))
    });
    let runs: Vec<_> = runs.collect();
    (!runs.is_empty()).then_some(Caution::Generator { runs })
}

/// Judges the changes again, as limits on times are: what is not seen in the windows that are to be believed cannot be
/// told, and the same where too little is left of those. A row that stayed as it was is not doubted.
pub(super) fn again(
    rows: &mut [ComparedRow],
    sides: &Sides<'_>,
    judge: impl FnOnce(&Sides<'_>) -> Result<Vec<ComparedRow>, CompareError>,
) {
    let believed = sides.each_ref().map(|side| {
        let runs: Vec<Believed> = side.iter().copied().map(believed).collect();
        runs
    });
    let all = || believed.iter().flatten();
    if all().all(|run| matches!(run, Believed::Whole)) {
        return;
    }
    let enough = !all().any(|run| matches!(run, Believed::TooLittle));
    let parts = [0, 1].map(|side| kept(&sides[side], &believed[side]));
    let parts = parts.each_ref().map(|side| side.iter().collect());
    let second = if enough {
        judge(&parts).unwrap_or_default()
    } else {
        Vec::new()
    };
    let changed = |row: &&mut ComparedRow| {
        matches!(row.verdict, Change::Worse | Change::Better) && hangs_on_time(row.subject.metric)
    };
    for row in rows.iter_mut().filter(changed) {
        let seen = second.iter().find(|other| other.is_alike(row));
        if seen.is_none_or(|seen| seen.verdict != row.verdict) {
            row.decides = row.verdict == Change::Worse;
            row.verdict = Change::Unclear;
            row.doubtful = true;
        }
    }
    decide::sort(rows);
}

/// Whether a late generator moves it: times, goodput and rates per second, but not how many requests failed.
const fn hangs_on_time(metric: Metric) -> bool {
    match metric {
        Metric::Trend(_) | Metric::Counter(_) | Metric::Rate(Rate::Goodput) => true,
        Metric::Rate(_) | Metric::Gauge(_) | Metric::Probe(_) => false,
    }
}

fn believed(run: &RunData) -> Believed {
    match run {
        RunData::Windows(series) => series.believed(),
        RunData::Figures(digest) if digest.doubtful => Believed::TooLittle,
        RunData::Figures(_) => Believed::Whole,
    }
}

fn kept(runs: &[&RunData], believed: &[Believed]) -> Vec<RunData> {
    let pairs = runs.iter().zip(believed);
    let data = pairs.map(|(run, believed)| match believed {
        Believed::Part(series) => RunData::Windows(Box::new(series.clone())),
        Believed::Whole | Believed::TooLittle => (*run).clone(),
    });
    data.collect()
}
