//! What the recorder is told of a request before it has ended.

use super::Recorder;
use crate::cell::nanos;
use crate::{Arrival, Counter, Offset, StepIndex, StepRole, Trend};
use std::time::Duration;

impl Recorder {
    /// A user's turn for a request came, which was due then, after so long a wait.
    pub fn turn(&mut self, step: StepIndex, due: Offset, waited: Duration) {
        self.early(step, due, Trend::RateLimitWait, nanos(waited));
    }

    /// A user was cut while it waited for its turn for a request, for which it was ready since then.
    pub fn cut_in_line(&mut self, step: StepIndex, ready: Offset) {
        let counts = self.part_of(step).counts(ready);
        if let Some(step) = self.totals.steps.get_mut(step.0).filter(|_| counts) {
            let tally = step.tally(None, None);
            tally.book(Counter::RateLimitCut, 1, true, false);
        }
    }

    /// A user began to get a connection for a request.
    pub fn began(&mut self, step: StepIndex, due: Offset, started: Offset) {
        self.early(step, due, Trend::ScheduleLag, started.nanos_since(due));
    }

    /// The first output of a stream arrived.
    pub fn first_output(&mut self, step: StepIndex, due: Offset, sent_first: Offset, at: Offset) {
        self.early(step, due, Trend::Ttft, at.nanos_since(due));
        self.early(step, due, Trend::TtftService, at.nanos_since(sent_first));
    }

    /// The first visible output of a stream arrived.
    pub fn first_text(&mut self, step: StepIndex, due: Offset, at: Offset) {
        self.early(step, due, Trend::TtftText, at.nanos_since(due));
    }

    /// An output event arrived `gap` after its neighbour of the same choice.
    pub fn gap(&mut self, step: StepIndex, due: Offset, gap: Duration) {
        self.early(step, due, Trend::Itl, nanos(gap));
        if gap.is_zero()
            && self.part_of(step).holds(due)
            && let Some(step) = self.totals.steps.get_mut(step.0)
        {
            step.stream.zero_gaps += 1;
        }
    }

    /// So many output events arrived together with their neighbours of the same choice.
    pub fn zero_gaps(&mut self, step: StepIndex, due: Offset, count: u32) {
        if self.part_of(step).holds(due)
            && let Some(step) = self.totals.steps.get_mut(step.0)
        {
            let count = u64::from(count);
            step.cell_mut(Trend::Itl, None).record_zeros(count);
            step.stream.zero_gaps += count;
        }
    }

    /// Output events arrived: for the live view of tokens per second, before usage is known.
    pub fn output_events(&mut self, step: StepIndex, due: Offset, events: u32) {
        if self.part_of(step).counts(due) && self.layout.role(step) == StepRole::Request {
            self.totals.clock.events += u64::from(events);
        }
        if let Some(step) = self.totals.steps.get_mut(step.0) {
            step.stream.live_events += u64::from(events);
        }
    }

    /// A read that carried the first byte of an answer, or output.
    pub fn arrival(&mut self, step: StepIndex, due: Offset, arrival: &Arrival) {
        if self.tells_of_clock(step, due) {
            let lag = arrival.read.nanos_since(arrival.at);
            self.totals
                .clock
                .arrival(lag, arrival.kernel, arrival.fallback);
        }
    }

    /// How much earlier than its stamp the first output of a stream may have come.
    pub fn first_output_uncertainty(
        &mut self,
        step: StepIndex,
        due: Offset,
        uncertainty: Duration,
    ) {
        if self.tells_of_clock(step, due) {
            self.totals.clock.uncertainty.record(uncertainty);
        }
    }

    /// Extra events shared a read: `late` where the reader was late, else the service sent them together.
    pub fn coalesced(&mut self, step: StepIndex, due: Offset, events: u32, late: bool) {
        if self.tells_of_clock(step, due) {
            let clock = &mut self.totals.clock;
            *(if late {
                &mut clock.coalesced_late
            } else {
                &mut clock.coalesced_prompt
            }) += u64::from(events);
        }
    }

    /// Whether how the answers of a step were read is told of the run's generator: not of what is in no figure of a load.
    fn tells_of_clock(&self, step: StepIndex, due: Offset) -> bool {
        !self.layout.role(step).is_apart() && self.part_of(step).counts(due)
    }

    #[inline]
    fn early(&mut self, step: StepIndex, due: Offset, trend: Trend, nanos: u64) {
        if self.part_of(step).holds(due)
            && let Some(step) = self.totals.steps.get_mut(step.0)
        {
            step.cell_mut(trend, None).record_nanos(nanos);
        }
    }
}
