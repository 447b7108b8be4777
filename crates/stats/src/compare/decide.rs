//! The verdict of each row and of the whole.

use super::comparison::{Change, ComparedRow, Interval};
use super::contrast::{Contrast, is_relative, typical};
use super::figure::RunFigure;
use super::tolerance::Limits;
use crate::Unit;
use std::cmp::Ordering;

/// How often a change may be seen where there is none: in one comparison of twenty, whatever the number of its rows.
const ERROR: f64 = 0.05;
/// The importance of a time that larger ones contain, where those have 1: so that these many rows cost others little.
const OF_PART: f64 = 0.1;
/// Nobody runs a test more times as long than this to settle a row.
const MOST: f64 = 100.0;

/// One statistic of both sides, with all that its verdict rests on.
pub(super) struct Judgement<'a> {
    pub(super) base: &'a [&'a RunFigure],
    pub(super) current: &'a [&'a RunFigure],
    pub(super) contrast: Option<Contrast>,
    pub(super) limits: Limits,
}

/// The rows, the worst first.
pub(super) fn rows(judgements: &[Judgement<'_>]) -> Vec<ComparedRow> {
    let chances: Vec<(f64, Option<f64>)> = judgements
        .iter()
        .map(|judgement| {
            let chance = judgement.contrast.map(Contrast::chance);
            (judgement.importance(), chance)
        })
        .collect();
    let corrected = holm(&chances);
    let open =
        |(_, corrected): &(&(f64, _), &Option<f64>)| corrected.is_some_and(|chance| chance > ERROR);
    let open = chances.iter().zip(&corrected).filter(open);
    let open: f64 = open.map(|((importance, _), _)| importance).sum();
    let mut rows: Vec<ComparedRow> = judgements
        .iter()
        .zip(corrected)
        .map(|(judgement, chance)| {
            let share = judgement.importance() / open.max(judgement.importance());
            judgement.row(chance, ERROR * share)
        })
        .collect();
    sort(&mut rows);
    rows
}

/// The worst first.
pub(super) fn sort(rows: &mut [ComparedRow]) {
    rows.sort_by(|one, other| {
        let (one, other) = (weight(one), weight(other));
        one.partial_cmp(&other).unwrap_or(Ordering::Equal)
    });
}

/// The verdict of the whole: one row that is worse makes it so, and one that could be makes it unclear.
pub(super) fn whole(rows: &[ComparedRow]) -> Change {
    let any = |wanted: &dyn Fn(&ComparedRow) -> bool| rows.iter().any(wanted);
    if any(&|row| row.verdict == Change::Worse) {
        Change::Worse
    } else if any(&|row| row.decides) {
        Change::Unclear
    } else if any(&|row| row.verdict == Change::Better) {
        Change::Better
    } else {
        Change::Same
    }
}

/// How many times as long settles every row that decides; none where there is none, or where one cannot be settled.
pub(super) fn longer(rows: &[ComparedRow]) -> Option<f64> {
    let mut most: Option<f64> = None;
    for row in rows.iter().filter(|row| row.decides) {
        most = Some(most.unwrap_or(0.0).max(row.longer?));
    }
    most
}

/// Holm's step-down correction with importances: each chance as it must be read among so many.
fn holm(chances: &[(f64, Option<f64>)]) -> Vec<Option<f64>> {
    let mut order: Vec<(usize, f64, f64)> = chances
        .iter()
        .enumerate()
        .filter_map(|(place, &(importance, chance))| Some((place, importance, chance?)))
        .collect();
    order.sort_by(|one, other| (one.2 / one.1).total_cmp(&(other.2 / other.1)));
    let mut corrected = vec![None; chances.len()];
    let mut left: f64 = order.iter().map(|(_, importance, _)| importance).sum();
    let mut least: f64 = 0.0;
    for (place, importance, chance) in order {
        least = least.max(chance / importance * left).min(1.0);
        left -= importance;
        corrected[place] = Some(least);
    }
    corrected
}

impl Judgement<'_> {
    fn importance(&self) -> f64 {
        if self.base[0].subject.is_part() {
            OF_PART
        } else {
            1.0
        }
    }

    fn row(&self, chance: Option<f64>, hurdle: f64) -> ComparedRow {
        let first = self.base[0];
        let all = || self.base.iter().chain(self.current);
        let relative = self.contrast.map_or_else(
            || all().all(|figure| is_relative(figure)),
            |contrast| contrast.relative,
        );
        let (base, current) = (
            typical(self.base, relative),
            typical(self.current, relative),
        );
        let change = if relative {
            current / base - 1.0
        } else {
            current - base
        };
        let interval = self.contrast.map(|contrast| contrast.interval(ERROR));
        let tolerance = self.limits.counts(base, relative);
        let hidden = self.limits.hides(base, relative);
        let counts = chance.is_some_and(|chance| chance <= ERROR) && change.abs() > tolerance;
        let verdict = self.verdict(change, counts, interval, hidden);
        let is_unclear = verdict == Change::Unclear;
        let rough = all().any(|figure| figure.rough);
        let could_be_worse = interval.is_none_or(|interval| self.worst(interval) > hidden);
        // Shares are told in percent, and their changes in points.
        let unit = first.subject.unit();
        let scale = if unit == Unit::Percent { 100.0 } else { 1.0 };
        ComparedRow {
            subject: first.subject.clone(),
            statistic: first.statistic,
            unit,
            base: base * scale,
            current: current * scale,
            relative,
            change: change * scale,
            interval: interval.map(|interval| interval.times(scale)),
            tolerance: tolerance * scale,
            chance,
            verdict,
            decides: is_unclear && could_be_worse && !rough && !first.subject.is_part(),
            longer: self
                .longer(change, tolerance, hidden, hurdle)
                .filter(|_| is_unclear),
            rough,
            at_least: all().any(|figure| figure.at_least),
            doubtful: false,
        }
    }

    /// `counts`: whether the change is more than chance and more than the tolerance.
    fn verdict(
        &self,
        change: f64,
        counts: bool,
        interval: Option<Interval>,
        hidden: f64,
    ) -> Change {
        match interval {
            _ if self.nothing_happened() => Change::Same,
            Some(_) if counts && (change < 0.0) == self.base[0].subject.less_is_better() => {
                Change::Better
            }
            Some(_) if counts => Change::Worse,
            Some(interval) if -hidden <= interval.low && interval.high <= hidden => Change::Same,
            _ => Change::Unclear,
        }
    }

    /// Whether a share is that of nothing, or of everything, on both sides.
    fn nothing_happened(&self) -> bool {
        let mut all = self.base.iter().chain(self.current);
        all.clone().all(|figure| figure.hits == Some(0))
            || all.all(|figure| figure.hits == Some(figure.samples))
    }

    /// How much worse it could be.
    fn worst(&self, interval: Interval) -> f64 {
        if self.base[0].subject.less_is_better() {
            interval.high
        } else {
            -interval.low
        }
    }

    /// How many times as long would settle it, if all else stays as it is: until the interval has left either no change
    /// behind or the tolerance before it.
    fn longer(&self, change: f64, tolerance: f64, hidden: f64, hurdle: f64) -> Option<f64> {
        let contrast = self.contrast?;
        let worse = if self.base[0].subject.less_is_better() {
            1.0
        } else {
            -1.0
        };
        let edge = match contrast.relative {
            true => (worse * hidden).max(-0.99).ln_1p(),
            false => worse * hidden,
        };
        let room = worse * (edge - contrast.change);
        let times = |but, distance| contrast.times(but, distance);
        let harmless = (room > 0.0).then(|| times(ERROR, room));
        let counted = (change.abs() > tolerance).then(|| times(hurdle, contrast.change));
        let least = harmless
            .into_iter()
            .chain(counted)
            .fold(f64::INFINITY, f64::min);
        (least <= MOST).then(|| least.max(1.0))
    }
}

/// Where a row stands: smaller is higher up.
fn weight(row: &ComparedRow) -> (u8, f64) {
    let rank = match (row.verdict, row.decides) {
        (Change::Worse, _) => 0,
        (Change::Unclear, true) => 1,
        (Change::Unclear, false) => 2,
        (Change::Better, _) => 3,
        (Change::Same, _) => 4,
    };
    let change = match (row.verdict, row.interval) {
        (Change::Unclear, Some(interval)) if row.subject.less_is_better() => interval.high,
        (Change::Unclear, Some(interval)) => -interval.low,
        _ => row.change.abs(),
    };
    if row.verdict == Change::Same {
        // In the order of the metrics.
        return (rank, 0.0);
    }
    (rank, -change / row.tolerance.max(f64::MIN_POSITIVE))
}

#[cfg(test)]
mod tests;
