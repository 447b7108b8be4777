//! Hands what a running call tells to the shard's recorder.

use crate::connection::StreamSink;
use loadgen_stats::{Arrival, Offset, Recorder, StepIndex};
use std::{
    cell::{RefCell, RefMut},
    rc::Rc,
    time::Duration,
};

/// The sink of one request, and of the turn of a conversation that it is: tells the recorder of its worker.
#[derive(Clone, Debug)]
pub(crate) struct RecorderSink {
    pub(crate) recorder: Rc<RefCell<Recorder>>,
    pub(crate) step: StepIndex,
    /// The turn, where that has figures of its own.
    pub(crate) turn: Option<StepIndex>,
    pub(crate) due: Offset,
}

impl RecorderSink {
    /// Tells it of the step, and of the turn.
    fn each(&self, tell: impl Fn(&mut RefMut<'_, Recorder>, StepIndex, Offset)) {
        let mut recorder = self.recorder.borrow_mut();
        tell(&mut recorder, self.step, self.due);
        if let Some(turn) = self.turn {
            tell(&mut recorder, turn, self.due);
        }
    }
}

impl StreamSink for RecorderSink {
    fn first_output(&mut self, sent_first: Offset, at: Offset, uncertainty: Duration) {
        self.each(|recorder, step, due| recorder.first_output(step, due, sent_first, at));
        // What is told of the generator itself is told once.
        let mut recorder = self.recorder.borrow_mut();
        recorder.first_output_uncertainty(self.step, self.due, uncertainty);
    }

    fn first_text(&mut self, at: Offset) {
        self.each(|recorder, step, due| recorder.first_text(step, due, at));
    }

    fn gap(&mut self, gap: Duration) {
        self.each(|recorder, step, due| recorder.gap(step, due, gap));
    }

    fn zero_gaps(&mut self, count: u32) {
        self.each(|recorder, step, due| recorder.zero_gaps(step, due, count));
    }

    fn output_events(&mut self, _at: Offset, events: u32) {
        self.each(|recorder, step, due| recorder.output_events(step, due, events));
    }

    fn coalesced(&mut self, events: u32, late: bool) {
        let mut recorder = self.recorder.borrow_mut();
        recorder.coalesced(self.step, self.due, events, late);
    }

    fn arrival(&mut self, arrival: &Arrival) {
        let mut recorder = self.recorder.borrow_mut();
        recorder.arrival(self.step, self.due, arrival);
    }

    fn of_its_own(&self) -> Option<Box<dyn StreamSink>> {
        Some(Box::new(self.clone()))
    }
}
