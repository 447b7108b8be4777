//! Hands what a running call tells to the shard's recorder.

use crate::connection::StreamSink;
use loadgen_stats::{Arrival, Offset, Recorder, StepIndex};
use std::{cell::RefCell, time::Duration};

/// The sink of one request.
pub(crate) struct RecorderSink<'a> {
    pub(crate) recorder: &'a RefCell<Recorder>,
    pub(crate) step: StepIndex,
    pub(crate) due: Offset,
}

impl StreamSink for RecorderSink<'_> {
    fn first_output(&mut self, sent_first: Offset, at: Offset, uncertainty: Duration) {
        let mut recorder = self.recorder.borrow_mut();
        recorder.first_output(self.step, self.due, sent_first, at);
        recorder.first_output_uncertainty(self.step, self.due, uncertainty);
    }

    fn first_text(&mut self, at: Offset) {
        self.recorder
            .borrow_mut()
            .first_text(self.step, self.due, at);
    }

    fn gap(&mut self, gap: Duration) {
        self.recorder.borrow_mut().gap(self.step, self.due, gap);
    }

    fn zero_gaps(&mut self, count: u32) {
        let mut recorder = self.recorder.borrow_mut();
        recorder.zero_gaps(self.step, self.due, count);
    }

    fn output_events(&mut self, _at: Offset, events: u32) {
        self.recorder
            .borrow_mut()
            .output_events(self.step, self.due, events);
    }

    fn coalesced(&mut self, events: u32, late: bool) {
        self.recorder
            .borrow_mut()
            .coalesced(self.step, self.due, events, late);
    }

    fn arrival(&mut self, arrival: &Arrival) {
        self.recorder
            .borrow_mut()
            .arrival(self.step, self.due, arrival);
    }
}

/// The sinks of a turn of a conversation: its step's, and its own.
impl StreamSink for (RecorderSink<'_>, RecorderSink<'_>) {
    fn first_output(&mut self, sent_first: Offset, at: Offset, uncertainty: Duration) {
        let (step, turn) = self;
        step.first_output(sent_first, at, uncertainty);
        let mut recorder = turn.recorder.borrow_mut();
        recorder.first_output(turn.step, turn.due, sent_first, at);
    }

    fn first_text(&mut self, at: Offset) {
        self.0.first_text(at);
        self.1.first_text(at);
    }

    fn gap(&mut self, gap: Duration) {
        self.0.gap(gap);
        self.1.gap(gap);
    }

    fn zero_gaps(&mut self, count: u32) {
        self.0.zero_gaps(count);
        self.1.zero_gaps(count);
    }

    fn output_events(&mut self, at: Offset, events: u32) {
        self.0.output_events(at, events);
        self.1.output_events(at, events);
    }

    // What is told of the generator itself is told once.
    fn coalesced(&mut self, events: u32, late: bool) {
        self.0.coalesced(events, late);
    }

    fn arrival(&mut self, arrival: &Arrival) {
        self.0.arrival(arrival);
    }
}
