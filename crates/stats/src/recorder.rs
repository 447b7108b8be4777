//! What one shard has counted: everything it is told goes into its [`Totals`].
//!
//! Recording takes no lock. It allocates only where a trend, a status or an error is seen for the first time.

mod amounts;

use crate::times::{Time, Times, is_good};
use crate::{
    Arrival, Counter, Cut, Iteration, Layout, Offset, Outcome, Sample, ScenarioIndex,
    SelectedTrend, StepIndex, Totals, Trend, TrendCell,
};
use amounts::{counts, rate, stream_of, tokens, waits};
use std::{sync::Arc, time::Duration};

/// The recorder of one shard.
///
/// What is recorded when: counters hold all that was due outside warm-up; trends and rates hold what was due in the
/// measured part, even if it finished later. An index that the layout does not have is ignored.
#[derive(Debug)]
pub struct Recorder {
    layout: Arc<Layout>,
    totals: Totals,
    from: Offset,
    until: Offset,
    latest_arrival: Offset,
}

impl Recorder {
    /// A recorder that measures from the start without end.
    #[must_use]
    pub fn new(layout: Arc<Layout>) -> Self {
        let totals = Totals::new(&layout);
        Self {
            layout,
            totals,
            from: Offset::ZERO,
            until: Offset::MAX,
            latest_arrival: Offset::ZERO,
        }
    }

    /// Sets the measured part [`from`, `until`) of due times. `until` may move earlier when a run is stopped.
    pub const fn measure(&mut self, from: Offset, until: Offset) {
        (self.from, self.until) = (from, until);
    }

    /// Whether what was due then is in the trends and rates.
    #[must_use]
    pub fn measures(&self, due: Offset) -> bool {
        self.from <= due && due < self.until
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
        let measured = self.measures(sample.due);
        let in_window = self.measures(sample.done);
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
        let tally = step.tally(sample.status, sample.error.map(|(kind, _)| kind));
        let counts_at_all = sample.due >= self.from;
        if counts_at_all {
            for (counter, amount) in counts(sample) {
                tally.count(counter, amount, in_window);
            }
        }
        if measured {
            rate(&mut tally.rates, sample, good);
            step.outcomes[sample.outcome.index()] += 1;
        }
        step.good_in_window += u64::from(counts_at_all && in_window && good == Some(true));
        if counts_at_all {
            self.fail(sample);
            self.book_tokens(sample);
        }
        if measured {
            self.trends(sample, &times);
            self.stream(sample);
        }
    }

    /// The first output of a stream arrived.
    pub fn first_output(&mut self, step: StepIndex, due: Offset, sent_first: Offset, at: Offset) {
        self.early(step, due, Trend::Ttft, at.since(due));
        self.early(step, due, Trend::TtftService, at.since(sent_first));
    }

    /// The first visible output of a stream arrived.
    pub fn first_text(&mut self, step: StepIndex, due: Offset, at: Offset) {
        self.early(step, due, Trend::TtftText, at.since(due));
    }

    /// An output event arrived `gap` after its neighbour of the same choice.
    pub fn gap(&mut self, step: StepIndex, due: Offset, gap: Duration) {
        self.early(step, due, Trend::Itl, gap);
        if gap.is_zero()
            && self.measures(due)
            && let Some(step) = self.totals.steps.get_mut(step.0)
        {
            step.stream.zero_gaps += 1;
        }
    }

    /// Output events arrived: for the live view of tokens per second, before usage is known.
    pub fn output_events(&mut self, step: StepIndex, at: Offset, events: u32) {
        if let Some(step) = self.totals.steps.get_mut(step.0) {
            step.stream.live_events += u64::from(events);
        }
        if at >= self.from {
            self.totals.clock.events += u64::from(events);
        }
    }

    /// A read that carried the first byte of an answer, or output.
    pub fn arrival(&mut self, arrival: &Arrival) {
        self.latest_arrival = self.latest_arrival.max(arrival.at);
        if arrival.at >= self.from {
            let lag = arrival.read.since(arrival.at);
            self.totals
                .clock
                .arrival(lag, arrival.kernel, arrival.fallback);
        }
    }

    /// How much earlier than its stamp the first output of a stream may have come. Told after its arrival.
    pub fn first_output_uncertainty(&mut self, uncertainty: Duration) {
        if self.latest_arrival >= self.from {
            self.totals.clock.uncertainty.record(uncertainty);
        }
    }

    /// Extra events shared a read: `late` where the reader was late, else the service sent them together. Told after
    /// their arrival.
    pub fn coalesced(&mut self, events: u32, late: bool) {
        if self.latest_arrival >= self.from {
            let clock = &mut self.totals.clock;
            *(if late {
                &mut clock.coalesced_late
            } else {
                &mut clock.coalesced_prompt
            }) += u64::from(events);
        }
    }

    /// The end of the run cut a request.
    pub fn cut(&mut self, cut: &Cut) {
        let measured = self.measures(cut.due);
        let (in_window, counts) = (self.measures(cut.at), cut.due >= self.from);
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
        if counts {
            let tally = step.tally(None, None);
            tally.count(Counter::DataSent, cut.bytes_sent, in_window);
            tally.count(Counter::DataReceived, cut.bytes_received, in_window);
            tally.count(Counter::HttpReqsResent, u64::from(cut.resent), in_window);
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

    /// An iteration finished.
    pub fn iteration(&mut self, iteration: &Iteration) {
        let measured = self.measures(iteration.began);
        let (in_window, counts) = (self.measures(iteration.ended), iteration.began >= self.from);
        let Some(scenario) = self.totals.scenarios.get_mut(iteration.scenario.0) else {
            return;
        };
        if counts {
            scenario.count(Counter::Iterations, 1, in_window);
            scenario.count(
                Counter::IterationsFailed,
                u64::from(iteration.failed),
                in_window,
            );
        }
        if measured {
            scenario.duration(iteration.ended.since(iteration.began), iteration.failed);
        }
    }

    /// The end of the run cut an iteration.
    pub fn interrupted_iteration(&mut self, scenario: ScenarioIndex) {
        if let Some(scenario) = self.totals.scenarios.get_mut(scenario.0) {
            scenario.count(Counter::InterruptedIterations, 1, false);
        }
    }

    /// Iterations were due but never begun.
    pub fn dropped_iterations(&mut self, scenario: ScenarioIndex, count: u64) {
        if let Some(scenario) = self.totals.scenarios.get_mut(scenario.0) {
            scenario.count(Counter::DroppedIterations, count, true);
        }
    }

    fn early(&mut self, step: StepIndex, due: Offset, trend: Trend, value: Duration) {
        if self.measures(due)
            && let Some(step) = self.totals.steps.get_mut(step.0)
        {
            step.cell_mut(trend, None).record(value);
        }
    }

    fn fail(&mut self, sample: &Sample<'_>) {
        if let Some((kind, message)) = sample.error {
            self.totals.add_error(kind, sample.step, 1, message);
        }
    }

    /// Spreads the tokens of a good stream over the seconds in which its output arrived.
    fn book_tokens(&mut self, sample: &Sample<'_>) {
        let (Outcome::Ok, Some(stream)) = (sample.outcome, &sample.stream) else {
            return;
        };
        if stream.output_events == 0 {
            return;
        }
        let per_event = tokens(sample, stream) as f64 / stream.output_events as f64;
        for &(second, events) in &stream.by_second {
            self.totals
                .add_tokens(second, f64::from(events) * per_event);
        }
    }

    fn trends(&mut self, sample: &Sample<'_>, times: &Times) {
        let step = &mut self.totals.steps[sample.step.0];
        for (trend, time) in times.iter() {
            record(step.cell_mut(trend, Some(sample.outcome)), time);
            // What arrived is there already; a wait in vain is known only now.
            if trend.is_early() && time.censored {
                record(step.cell_mut(trend, None), time);
            }
        }
        for (selected, cell) in self.layout.selected.iter().zip(&mut self.totals.selected) {
            if is_selected(selected, sample, &self.layout)
                && let Some(time) = times.get(selected.trend)
            {
                record(cell, time);
            }
        }
    }

    fn stream(&mut self, sample: &Sample<'_>) {
        let Some(stream) = stream_of(sample) else {
            return;
        };
        let totals = &mut self.totals.steps[sample.step.0].stream;
        totals.finished += 1;
        totals.without_usage += u64::from(sample.usage.is_none());
        totals.output_events += stream.output_events;
        totals.output_reads += stream.output_reads;
    }
}

fn record(cell: &mut TrendCell, time: Time) {
    if time.censored {
        cell.record_censored(time.value);
    } else {
        cell.record(time.value);
    }
}

fn is_selected(selected: &SelectedTrend, sample: &Sample<'_>, layout: &Layout) -> bool {
    let scenario = || layout.steps.get(sample.step.0).map(|step| step.scenario);
    sample.status == Some(selected.status)
        && selected.step.is_none_or(|step| step == sample.step)
        && selected
            .scenario
            .is_none_or(|wanted| scenario() == Some(wanted))
}

#[cfg(test)]
mod tests;
