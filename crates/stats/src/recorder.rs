//! What one shard has counted: everything it is told goes into its [`Totals`].
//!
//! Recording takes no lock. It allocates only where a trend, a status or an error is seen for the first time.

mod amounts;
mod early;

use crate::times::{Times, is_good};
use crate::{
    Counter, Cut, DropReason, Iteration, Layout, Offset, Outcome, Sample, ScenarioIndex,
    SelectedTrend, StepIndex, StepRole, Totals, Trend,
};
use amounts::{each_count, is_finished_stream, rate, stream_of, tokens, waits, waits_of_cancelled};
use std::{sync::Arc, time::Duration};

/// The recorder of one shard.
///
/// What is recorded when: counters hold all that was due outside warm-up, and outside the measured parts where one follows
/// the other; trends and rates hold what was due in the
/// measured part of its scenario, even if it finished later; and what counts per second holds all that ended inside the
/// measured part, whenever it was due. An index that the layout does not have is ignored.
#[derive(Debug)]
pub struct Recorder {
    layout: Arc<Layout>,
    totals: Totals,
    /// The measured part of each scenario.
    parts: Vec<Part>,
}

/// The measured part [`from`, `until`) of due times.
#[derive(Clone, Copy, Debug)]
struct Part {
    from: Offset,
    until: Offset,
    /// Whether another one may follow it: then counts, too, end with it.
    closed: bool,
}

impl Part {
    /// Of what belongs to no load.
    const ALWAYS: Self = Self {
        from: Offset::ZERO,
        until: Offset::MAX,
        closed: false,
    };
    /// Of a scenario that the layout does not have.
    const NONE: Self = Self {
        from: Offset::MAX,
        until: Offset::MAX,
        closed: false,
    };

    fn holds(self, at: Offset) -> bool {
        self.from <= at && at < self.until
    }

    /// Whether what was due then is in counts: not in warm-up, nor between two measured parts.
    fn counts(self, due: Offset) -> bool {
        self.from <= due && (due < self.until || !self.closed)
    }
}

impl Recorder {
    /// A recorder that measures from the start without end.
    #[must_use]
    pub fn new(layout: Arc<Layout>) -> Self {
        let totals = Totals::new(&layout);
        Self {
            parts: vec![Part::ALWAYS; layout.scenarios.len()],
            layout,
            totals,
        }
    }

    /// Sets the measured part [`from`, `until`) of due times of one scenario, and notes it in the totals. `until` may
    /// move earlier when a run is stopped.
    pub fn measure(&mut self, scenario: ScenarioIndex, from: Offset, until: Offset) {
        if let Some((part, totals)) = self
            .parts
            .get_mut(scenario.0)
            .zip(self.totals.scenarios.get_mut(scenario.0))
        {
            *part = Part {
                from,
                until,
                closed: false,
            };
            totals.measured = Some((from, until));
        }
    }

    /// Sets another measured part of one scenario, one of several that follow each other: how long they are together is
    /// for whoever sets them to note in the totals.
    pub fn measure_next(&mut self, scenario: ScenarioIndex, from: Offset, until: Offset) {
        if let Some(part) = self.parts.get_mut(scenario.0) {
            *part = Part {
                from,
                until,
                closed: true,
            };
        }
    }

    /// Sets the same measured part for every scenario.
    pub fn measure_all(&mut self, from: Offset, until: Offset) {
        for scenario in 0..self.parts.len() {
            self.measure(ScenarioIndex(scenario), from, until);
        }
    }

    /// Whether what is due then is in the trends and rates of a step of a load; none where no load's measured part is about
    /// the step.
    #[must_use]
    pub fn measures(&self, step: StepIndex, due: Offset) -> Option<bool> {
        let of_load = !self.layout.role(step).is_apart();
        of_load.then(|| self.part_of(step).holds(due))
    }

    fn part(&self, scenario: ScenarioIndex) -> Part {
        self.parts.get(scenario.0).copied().unwrap_or(Part::NONE)
    }

    fn part_of(&self, step: StepIndex) -> Part {
        match self.layout.steps.get(step.0) {
            None => Part::NONE,
            // No load's measured part is about it.
            Some(step) if step.role.is_apart() => Part::ALWAYS,
            Some(step) => self.part(step.scenario),
        }
    }

    /// What was counted since the last [`Self::swap`].
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Hands out what was counted, and goes on counting in `empty`: fresh for this layout, or cleared.
    pub const fn swap(&mut self, empty: Totals) -> Totals {
        std::mem::replace(&mut self.totals, empty)
    }

    /// A request finished.
    pub fn request(&mut self, sample: &Sample<'_>) {
        let part = self.part_of(sample.step);
        let (measured, in_window) = (part.holds(sample.due), part.holds(sample.done));
        let Some((layout, step)) = self
            .layout
            .steps
            .get(sample.step.0)
            .zip(self.totals.steps.get_mut(sample.step.0))
        else {
            return;
        };
        let times = Times::of(sample, layout.stream);
        let good = is_good(sample, &times, &layout.slo, layout.stream);
        step.live_finished += 1;
        step.live_failed += u64::from(sample.outcome == Outcome::Failed);
        let counted = part.counts(sample.due);
        if !counted && !in_window {
            return;
        }
        let tally = step.tally(sample.status, sample.error.map(|(kind, _)| kind));
        each_count(sample, |counter, amount| {
            tally.book(counter, amount, counted, in_window);
        });
        if measured {
            rate(&mut tally.rates, sample, good);
            step.outcomes[sample.outcome.index()] += 1;
        }
        step.good_in_window += u64::from(in_window && good == Some(true));
        self.book_tokens(sample);
        if counted {
            self.fail(sample);
        }
        if measured {
            self.trends(sample, &times);
            self.stream(sample);
            self.given_up(sample);
        }
    }

    /// A request that was due then ended with that status, and is sent again as the step's `retry` says.
    pub fn retry(&mut self, step: StepIndex, due: Offset, at: Offset, status: Option<u16>) {
        let part = self.part_of(step);
        let (counted, in_window) = (part.counts(due), part.holds(at));
        if (counted || in_window)
            && let Some(step) = self.totals.steps.get_mut(step.0)
        {
            let tally = step.tally(status, None);
            tally.book(Counter::Retries, 1, counted, in_window);
        }
    }

    /// The end of the run cut a request.
    pub fn cut(&mut self, cut: &Cut) {
        let part = self.part_of(cut.step);
        let (measured, counts) = (part.holds(cut.due), part.counts(cut.due));
        let in_window = part.holds(cut.at);
        let Some((layout, step)) = self
            .layout
            .steps
            .get(cut.step.0)
            .zip(self.totals.steps.get_mut(cut.step.0))
        else {
            return;
        };
        step.in_flight += 1;
        step.in_flight_sent += u64::from(cut.sent_whole);
        step.in_flight_measured += u64::from(measured);
        let under_way = cut.at.since(cut.sent_first.unwrap_or(cut.due));
        step.in_flight_longest = step.in_flight_longest.max(under_way);
        if counts || in_window {
            let tally = step.tally(None, None);
            let amounts = [
                (Counter::DataSent, cut.bytes_sent),
                (Counter::DataReceived, cut.bytes_received),
                (Counter::HttpReqsResent, u64::from(cut.resent)),
            ];
            for (counter, amount) in amounts {
                tally.book(counter, amount, counts, in_window);
            }
        }
        if measured {
            for (trend, waited) in waits(cut, layout.stream) {
                // It has no outcome, and would have been a good one for all that is known.
                step.cell_mut(trend, Some(Outcome::Ok)).record_cut(waited);
                if trend.is_early() {
                    step.cell_mut(trend, None).record_cut(waited);
                }
            }
        }
    }

    /// A group of steps was gone through that was due then.
    pub fn group(&mut self, step: StepIndex, due: Offset, length: Duration, failed: bool) {
        let outcome = if failed { Outcome::Failed } else { Outcome::Ok };
        if self.part_of(step).holds(due)
            && let Some(step) = self.totals.steps.get_mut(step.0)
        {
            step.cell_mut(Trend::GroupDuration, Some(outcome))
                .record(length);
        }
    }

    /// A group of steps that was due then was cut after so long.
    pub fn cut_group(&mut self, step: StepIndex, due: Offset, waited: Duration) {
        if self.part_of(step).holds(due)
            && let Some(step) = self.totals.steps.get_mut(step.0)
        {
            // It would have been a good one for all that is known.
            step.cell_mut(Trend::GroupDuration, Some(Outcome::Ok))
                .record_cut(waited);
        }
    }

    /// An iteration finished.
    pub fn iteration(&mut self, iteration: &Iteration) {
        let part = self.part(iteration.scenario);
        let (measured, counts) = (part.holds(iteration.due), part.counts(iteration.due));
        let in_window = part.holds(iteration.ended);
        let Some(scenario) = self.totals.scenarios.get_mut(iteration.scenario.0) else {
            return;
        };
        scenario.book(Counter::Iterations, 1, counts, in_window);
        let failed = u64::from(iteration.failed);
        scenario.book(Counter::IterationsFailed, failed, counts, in_window);
        if measured {
            let took = iteration.ended.nanos_since(iteration.began);
            scenario.duration(took, iteration.failed);
        }
    }

    /// An iteration that was due then took longer than the pace of its scenario.
    pub fn late_iteration(&mut self, scenario: ScenarioIndex, due: Offset) {
        let part = self.part(scenario);
        if part.counts(due)
            && let Some(scenario) = self.totals.scenarios.get_mut(scenario.0)
        {
            scenario.book(Counter::LateIterations, 1, true, part.holds(due));
        }
    }

    /// An iteration that was due then was cut.
    pub fn interrupted_iteration(&mut self, scenario: ScenarioIndex, due: Offset) {
        let part = self.part(scenario);
        if part.counts(due)
            && let Some(scenario) = self.totals.scenarios.get_mut(scenario.0)
        {
            scenario.book(Counter::InterruptedIterations, 1, true, false);
        }
    }

    /// Iterations were due then but never begun.
    pub fn dropped_iterations(
        &mut self,
        scenario: ScenarioIndex,
        due: Offset,
        reason: DropReason,
        count: u64,
    ) {
        let part = self.part(scenario);
        if part.counts(due)
            && let Some(scenario) = self.totals.scenarios.get_mut(scenario.0)
        {
            scenario.drop(reason, count, part.holds(due));
        }
    }

    fn fail(&mut self, sample: &Sample<'_>) {
        // What failed in a turn is told of the step that it belongs to.
        if let Some((kind, message)) = sample.error
            && self.layout.role(sample.step) != StepRole::Turn
        {
            self.totals.add_error(kind, sample.step, 1, message);
        }
    }

    /// Spreads the tokens of a good stream over the seconds in which its output arrived, as far as its scenario was
    /// still measured in them.
    fn book_tokens(&mut self, sample: &Sample<'_>) {
        let (Outcome::Ok | Outcome::Cancelled, Some(stream)) = (sample.outcome, &sample.stream)
        else {
            return;
        };
        if stream.output_events == 0 || self.layout.role(sample.step) != StepRole::Request {
            return;
        }
        let per_event = tokens(sample, stream) as f64 / stream.output_events as f64;
        let part = self.part_of(sample.step);
        for &(second, events) in &stream.by_second {
            let begins = Offset::from(Duration::from_secs(second.into()));
            // Of a stream that was due before the part, what arrived in the second in which the part begins may have
            // arrived before it.
            if begins < part.until && (part.counts(sample.due) || part.from <= begins) {
                self.totals
                    .add_tokens(second, f64::from(events) * per_event);
            }
        }
    }

    fn trends(&mut self, sample: &Sample<'_>, times: &Times) {
        let step = &mut self.totals.steps[sample.step.0];
        times.each(|trend, nanos, censored| {
            let cell = step.cell_mut(trend, Some(sample.outcome));
            if !censored {
                cell.record_nanos(nanos);
                return;
            }
            cell.record_censored_nanos(nanos);
            // What arrived is there already; a wait in vain is known only now.
            if trend.is_early() {
                step.cell_mut(trend, None).record_censored_nanos(nanos);
            }
        });
        for (selected, cell) in self.layout.selected.iter().zip(&mut self.totals.selected) {
            if is_selected(selected, sample, &self.layout)
                && let Some(time) = times.get(selected.trend)
            {
                if time.censored {
                    cell.record_censored(time.value);
                } else {
                    cell.record(time.value);
                }
            }
        }
    }

    fn stream(&mut self, sample: &Sample<'_>) {
        let Some(stream) = stream_of(sample).filter(|_| is_finished_stream(sample)) else {
            return;
        };
        let totals = &mut self.totals.steps[sample.step.0].stream;
        totals.finished += 1;
        totals.without_usage += u64::from(sample.usage.is_none());
        totals.output_events += stream.output_events;
        totals.output_reads += stream.output_reads;
    }

    /// The waits of a cancelled request: no samples, but held against limits that they had passed, as if it were cut.
    fn given_up(&mut self, sample: &Sample<'_>) {
        let layout = self.layout.steps.get(sample.step.0);
        let Some(layout) = layout.filter(|_| sample.outcome == Outcome::Cancelled) else {
            return;
        };
        let step = &mut self.totals.steps[sample.step.0];
        for (trend, waited) in waits_of_cancelled(sample, layout.stream) {
            step.cell_mut(trend, Some(sample.outcome))
                .record_cut(waited);
            step.cell_mut(trend, None).record_cut(waited);
        }
    }
}

fn is_selected(selected: &SelectedTrend, sample: &Sample<'_>, layout: &Layout) -> bool {
    let scenario = || layout.steps.get(sample.step.0).map(|step| step.scenario);
    let role = || layout.role(sample.step);
    sample.status == Some(selected.status)
        && (selected.step).map_or_else(|| role() == StepRole::Request, |step| step == sample.step)
        && selected
            .scenario
            .is_none_or(|wanted| scenario() == Some(wanted))
}

#[cfg(test)]
mod tests;
