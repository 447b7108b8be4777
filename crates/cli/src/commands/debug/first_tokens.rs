//! Notes when the output of a stream began.

use loadgen_engine::{Arrival, Offset, StreamSink};
use std::time::Duration;

/// Notes when output began.
#[derive(Clone, Copy, Default)]
pub(super) struct FirstTokens {
    pub(super) output: Option<Offset>,
}

impl StreamSink for FirstTokens {
    fn first_output(&mut self, _sent_first: Offset, at: Offset, _uncertainty: Duration) {
        self.output = Some(at);
    }

    fn first_text(&mut self, _at: Offset) {}

    fn gap(&mut self, _gap: Duration) {}

    fn output_events(&mut self, _at: Offset, _events: u32) {}

    fn coalesced(&mut self, _events: u32, _late: bool) {}

    fn arrival(&mut self, _arrival: &Arrival) {}
}
