//! Judges thresholds while a run goes on: over sliding windows, to stop it, and again where the generator was the limit.
//!
//! Once a window is closed, what each threshold needs of it is copied in a sparse form. So memory grows with the length
//! of sliding windows, never with that of the run, and recording knows nothing of thresholds.

mod distribution;
pub(crate) mod flags;
mod part;

use super::judge::{Again, Judged, TooFew, Unit, judged_on};
use super::observed::{Counted, Observed};
use super::{Aggregate, Operator, Threshold};
use crate::confidence::{more_for_quantile, quantile_is_open};
use crate::gathering::Gathering;
use crate::{Layout, Metric, Offset, Rate, ScenarioIndex, Selection, Totals, Trend, Window};
use flags::{Flag, Flags};
use part::{Part, Slide, Sum};
use std::{collections::VecDeque, sync::Arc, time::Duration};

/// Windows that wait until no busy while can reach back to them.
const PENDING: usize = 2;

/// Watches the thresholds of a run.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    gathering: Gathering,
    groups: Vec<Group>,
    entries: Vec<Entry>,
    flags: Flags,
    pending: VecDeque<Pending>,
    stops: bool,
}

/// How a run ended, for one threshold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    /// How long what it is about was measured.
    pub(crate) measured: Duration,
    /// Whether a threshold stopped it.
    pub(crate) by_threshold: bool,
    /// Whether the generator was the limit, over the whole run.
    pub(crate) doubtful: bool,
}

/// What thresholds of one metric and selection share.
#[derive(Debug)]
struct Group {
    metric: Metric,
    selection: Selection,
    /// Everything so far, where a threshold may stop the run by it.
    so_far: Option<Sum>,
    slides: Vec<Slide>,
    /// The windows in which the generator was not the limit, where a threshold may be judged again.
    clean: Option<Clean>,
}

#[derive(Debug, Default)]
struct Clean {
    sum: Sum,
    /// How much of the measured part it holds.
    length: Duration,
    slides: Vec<Slide>,
    /// Whether any window is left out.
    lacks: bool,
}

/// How one threshold stands.
#[derive(Debug)]
struct Entry {
    group: usize,
    /// Its place among the slides of the group.
    slide: Option<usize>,
    /// Whether the run was long enough for it.
    was_due: bool,
    worst: Option<Worst>,
    clean_worst: Option<Worst>,
    stopped: Option<(Offset, Observed)>,
}

/// The sliding window that came nearest to failing, or failed by the most.
#[derive(Clone, Copy, Debug)]
struct Worst {
    seen: Observed,
    window: (Offset, Offset),
    /// Samples within the limit of a quantile, and all of them.
    within: (u64, u64),
    /// Whether the generator was the limit in it.
    doubtful: bool,
}

/// A window that may still turn out to be one of a busy while.
#[derive(Debug)]
struct Pending {
    /// By group: what it came to, and whether it lies in the measured part.
    parts: Vec<(Arc<Part>, Place)>,
    start: Offset,
    flagged: bool,
}

/// Where a window lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It ends in warm-up.
    Before,
    /// Wholly in the measured part.
    Inside,
    /// It reaches beyond the end of starting, or into warm-up.
    Across,
}

impl Watch {
    pub(crate) fn new(thresholds: &[Threshold]) -> Self {
        let mut watch = Self::default();
        for threshold in thresholds {
            let known = watch.groups.iter().position(|group| group.is_of(threshold));
            let place = known.unwrap_or_else(|| {
                watch.groups.push(Group::of(threshold));
                watch.groups.len() - 1
            });
            let slide = watch.groups[place].make_room(threshold);
            watch.entries.push(Entry {
                group: place,
                slide,
                was_due: false,
                worst: None,
                clean_worst: None,
                stopped: None,
            });
        }
        watch
    }

    /// Takes a closed window in; `whole` holds it already.
    pub(crate) fn push(
        &mut self,
        window: &Window,
        whole: &Totals,
        layout: &Layout,
        thresholds: &[Threshold],
    ) {
        if self.entries.is_empty() {
            return;
        }
        let mut gathering = std::mem::take(&mut self.gathering);
        if let Some(window) = gathering.take(window) {
            self.take(&window, whole, layout, thresholds);
        }
        self.gathering = gathering;
    }

    /// Whether a threshold failed that stops the run.
    pub(crate) const fn stops(&self) -> bool {
        self.stops
    }

    /// Whether a worker was busy for too long; not looked at where no threshold asks for it.
    pub(crate) const fn was_busy(&self) -> bool {
        self.flags.was_busy
    }

    /// Takes in what was still waiting for more windows.
    pub(crate) fn close(&mut self, whole: &Totals, layout: &Layout, thresholds: &[Threshold]) {
        if let Some(window) = self.gathering.rest() {
            self.take(&window, whole, layout, thresholds);
        }
        while let Some(pending) = self.pending.pop_front() {
            self.settle(pending, thresholds);
        }
    }

    /// Adds to how the whole run was `judged` what only its course can tell.
    pub(crate) fn amend(
        &self,
        place: usize,
        threshold: &Threshold,
        judged: &mut Judged,
        ended: Ended,
    ) {
        let Some(entry) = self.entries.get(place) else {
            return;
        };
        let group = &self.groups[entry.group];
        let after = threshold.clauses.after;
        match threshold.clauses.span {
            Some(span) if !entry.was_due => judged.not_judged_before(after.max(span)),
            Some(_) => entry.amend_sliding(threshold, judged),
            None if ended.measured < after => judged.not_judged_before(after),
            None => {}
        }
        if let Some((at, seen)) = entry.stopped.filter(|_| ended.by_threshold) {
            judged.stopped_at = Some(at);
            // A sliding window keeps the worst.
            if judged.window.is_none() {
                judged.observe(seen.value, seen.at_least, false);
            }
            judged.ok = false;
        }
        if judged.judged && !judged.ok && judged.observed.is_some() {
            let again = group.judge_again(entry, threshold, judged.unit);
            let doubtful = match (judged.window, &entry.worst) {
                (Some(_), Some(worst)) => worst.doubtful,
                _ => ended.doubtful,
            };
            // A few single windows are late by chance. Where too little is left without them, they count only if the
            // generator was the limit over all that was judged.
            judged.again = again.filter(|again| again.tells() || doubtful);
        }
    }

    fn take(&mut self, window: &Window, whole: &Totals, layout: &Layout, thresholds: &[Threshold]) {
        let mut parts = Vec::with_capacity(self.groups.len());
        let mut begins = Vec::with_capacity(self.groups.len());
        for group in &mut self.groups {
            let part = Arc::new(Part::of(
                window,
                layout,
                group.metric,
                &group.selection,
                whole,
            ));
            let (from, until) = measured(whole, layout, &group.selection);
            let place = if window.end <= from {
                Place::Before
            } else if from <= window.start && window.end <= until {
                Place::Inside
            } else {
                Place::Across
            };
            if place == Place::Inside {
                group.so_far.iter_mut().for_each(|sum| sum.add(&part));
                group.slides.iter_mut().for_each(|slide| slide.push(&part));
            }
            begins.push(from);
            parts.push((part, place));
        }
        let flag = match self.groups.iter().any(|group| group.clean.is_some()) {
            true => self.flags.look(window, layout),
            false => Flag::default(),
        };
        for (entry, threshold) in self.entries.iter_mut().zip(thresholds) {
            let due = begins[entry.group].after(threshold.clauses.after);
            if parts[entry.group].1 == Place::Inside && due <= window.end {
                let group = &self.groups[entry.group];
                entry.look(group, threshold, window.end, &self.flags);
                self.stops |= entry.stopped.is_some();
            }
        }
        self.doubt(window, parts, flag);
        while self.pending.len() > PENDING {
            if let Some(pending) = self.pending.pop_front() {
                self.settle(pending, thresholds);
            }
        }
    }

    /// Flags the window, and those before it that belong to the same busy while.
    fn doubt(&mut self, window: &Window, parts: Vec<(Arc<Part>, Place)>, flag: Flag) {
        self.pending.push_back(Pending {
            parts,
            start: window.start,
            flagged: flag.late,
        });
        let mut busy_since = None;
        for pending in self.pending.iter_mut().rev().take(flag.busy) {
            pending.flagged = true;
            busy_since = Some(pending.start);
        }
        for worst in self
            .entries
            .iter_mut()
            .filter_map(|entry| entry.worst.as_mut())
        {
            worst.doubtful |= busy_since.is_some_and(|since| since < worst.window.1);
        }
    }

    /// Counts a window in where the generator was not the limit in it.
    fn settle(&mut self, pending: Pending, thresholds: &[Threshold]) {
        let mut slid = vec![false; self.groups.len()];
        for ((group, slid), (part, place)) in
            self.groups.iter_mut().zip(&mut slid).zip(pending.parts)
        {
            let Some(clean) = group.clean.as_mut().filter(|_| place != Place::Before) else {
                continue;
            };
            if pending.flagged {
                clean.lacks = true;
                continue;
            }
            // What became known while the run drained has no place in a count per second.
            if place == Place::Inside || !matches!(group.metric, Metric::Counter(_)) {
                clean.sum.add(&part);
            }
            if place == Place::Inside {
                clean.length += part.length();
                clean.slides.iter_mut().for_each(|slide| slide.push(&part));
                *slid = true;
            }
        }
        for (entry, threshold) in self.entries.iter_mut().zip(thresholds) {
            if let (true, Some(slide)) = (slid[entry.group], entry.slide)
                && let Some(clean) = &self.groups[entry.group].clean
            {
                worsen(&mut entry.clean_worst, &clean.slides[slide], threshold);
            }
        }
    }
}

impl Group {
    fn of(threshold: &Threshold) -> Self {
        Self {
            metric: threshold.metric,
            selection: threshold.selection.clone(),
            so_far: None,
            slides: Vec::new(),
            clean: None,
        }
    }

    fn is_of(&self, threshold: &Threshold) -> bool {
        self.metric == threshold.metric && self.selection == threshold.selection
    }

    /// Makes what the threshold needs; gives the place of its slide.
    fn make_room(&mut self, threshold: &Threshold) -> Option<usize> {
        let clauses = threshold.clauses;
        if clauses.abort && clauses.span.is_none() {
            self.so_far.get_or_insert_default();
        }
        if depends_on_generator(threshold) {
            self.clean.get_or_insert_default();
        }
        let place = clauses.span.map(|span| {
            let known = self.slides.iter().position(|slide| slide.span == span);
            known.unwrap_or_else(|| {
                self.slides.push(Slide::new(span));
                self.slides.len() - 1
            })
        });
        if let Some(clean) = &mut self.clean {
            let missing = self.slides.iter().skip(clean.slides.len());
            clean
                .slides
                .extend(missing.map(|slide| Slide::new(slide.span)));
        }
        place
    }

    /// Judges a threshold that failed on the windows in which the generator was not the limit; none where it was in none.
    fn judge_again(&self, entry: &Entry, threshold: &Threshold, unit: Unit) -> Option<Again> {
        let clean = self
            .clean
            .as_ref()
            .filter(|clean| clean.lacks && depends_on_generator(threshold))?;
        let condition = threshold.condition;
        let value = match (entry.slide, self.metric) {
            (Some(_), _) => entry.clean_worst.map(|worst| worst.seen.value),
            (None, Metric::Trend(_)) => {
                let cell = judged_on(condition, clean.sum.times.to_cell());
                Observed::of(threshold, &Counted::Times(&cell)).map(|seen| seen.value)
            }
            (None, _) => clean.sum.observe(threshold).map(|seen| seen.value),
        };
        let fails = value.is_some_and(|value| !condition.operator.holds(value, condition.limit));
        Some(Again {
            observed: value.map(|value| unit.shown(value)),
            length: clean.length,
            fails: fails && clean.length >= Again::LEAST,
            without_late: false,
        })
    }
}

impl Entry {
    /// Judges what is known by `now`.
    fn look(&mut self, group: &Group, threshold: &Threshold, now: Offset, flags: &Flags) {
        let observed = match self.slide {
            Some(slide) => {
                let slide = &group.slides[slide];
                self.was_due |= slide.full().is_some();
                let before = self.worst.map(|worst| worst.window);
                let seen = worsen(&mut self.worst, slide, threshold);
                if let Some(worst) = self
                    .worst
                    .as_mut()
                    .filter(|worst| Some(worst.window) != before)
                {
                    worst.doubtful = flags.was_limit_since(worst.window.0);
                }
                seen
            }
            None => group.so_far.as_ref().and_then(|sum| sum.observe(threshold)),
        };
        let condition = threshold.condition;
        let fails =
            |seen: &Observed| seen.firm && !condition.operator.holds(seen.value, condition.limit);
        if threshold.clauses.abort && self.stopped.is_none() {
            self.stopped = observed.filter(fails).map(|seen| (now, seen));
        }
    }

    /// A threshold on sliding windows holds if the worst of them does.
    fn amend_sliding(&self, threshold: &Threshold, judged: &mut Judged) {
        let Some(Worst {
            seen,
            window,
            within: (within, count),
            ..
        }) = self.worst
        else {
            judged.forget();
            return;
        };
        let rough = match threshold.condition.aggregate {
            Aggregate::Quantile(_) => !seen.firm,
            _ => false,
        };
        judged.observe(seen.value, seen.at_least, rough);
        judged.ok = threshold
            .condition
            .operator
            .holds(seen.value, threshold.condition.limit);
        judged.window = Some(window);
        judged.too_few = match (threshold.condition.aggregate, threshold.metric) {
            // How many streams a gap comes from is known of the whole run only.
            (Aggregate::Quantile(q), Metric::Trend(trend)) if trend != Trend::Itl => {
                quantile_is_open(q, count, within).then(|| TooFew {
                    more: more_for_quantile(q, count, within),
                    of_streams: false,
                })
            }
            _ => None,
        };
    }
}

/// Whether a failure of it may be the generator's: a limit on a time, on goodput, or on a rate per second.
fn depends_on_generator(threshold: &Threshold) -> bool {
    match threshold.metric {
        Metric::Trend(_) => threshold.condition.aggregate != Aggregate::Count,
        Metric::Counter(_) => threshold.condition.aggregate == Aggregate::Rate,
        Metric::Rate(rate) => rate == Rate::Goodput,
        Metric::Gauge(_) | Metric::Probe(_) => false,
    }
}

/// Keeps the worse of the worst so far and what the slide holds now, which it gives.
fn worsen(worst: &mut Option<Worst>, slide: &Slide, threshold: &Threshold) -> Option<Observed> {
    let condition = threshold.condition;
    let (sum, window) = slide.full()?;
    let seen = sum.observe(threshold)?;
    let badness = |value: f64| match condition.operator {
        Operator::Less | Operator::LessOrEqual => value,
        Operator::Greater | Operator::GreaterOrEqual => -value,
        Operator::Equal => (value - condition.limit).abs(),
    };
    if worst.is_none_or(|worst| badness(worst.seen.value) < badness(seen.value)) {
        let within = match condition.aggregate {
            Aggregate::Quantile(_) => sum.within(condition.limit),
            _ => (0, 0),
        };
        *worst = Some(Worst {
            seen,
            window,
            within,
            doubtful: false,
        });
    }
    Some(seen)
}

/// The measured part of the scenarios that a selection is about, as far as it is known; the whole run where it is not.
pub(crate) fn measured(whole: &Totals, layout: &Layout, selection: &Selection) -> (Offset, Offset) {
    let scenarios = whole.scenarios.iter().enumerate();
    let about = scenarios.filter(|&(place, _)| selection.is_about(layout, ScenarioIndex(place)));
    let parts = about.filter_map(|(_, totals)| totals.measured);
    let known = parts.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
    // Where others are noted, it has not begun.
    let unknown = match whole
        .scenarios
        .iter()
        .any(|totals| totals.measured.is_some())
    {
        true => (Offset::MAX, Offset::MAX),
        false => (Offset::ZERO, Offset::MAX),
    };
    known.unwrap_or(unknown)
}

#[cfg(test)]
mod tests;
