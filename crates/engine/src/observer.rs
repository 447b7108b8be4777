//! The seam to whoever watches a run.

use loadgen_stats::{GeneratorSample, Live, StopReason, Window};

/// Watches a run and may steer it. Every callback is called from one task; none may block for long.
pub trait Observer {
    /// Figures of the generator itself for the interval that is about to be closed.
    fn generator(&mut self) -> Option<GeneratorSample> {
        None
    }

    /// An interval of about a second is complete. The answer steers the run.
    fn window(&mut self, window: &Window, live: &Live) -> Directive {
        let _ = (window, live);
        Directive::Continue
    }

    /// A moment that a person watching wants to know of.
    fn event(&mut self, event: &Event) {
        let _ = event;
    }
}

/// What an observer wants of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directive {
    /// Go on.
    Continue,
    /// Begin no more iterations, and end for this reason.
    Stop(StopReason),
}

/// A moment of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// No more iterations are begun; those that run may finish.
    Draining,
    /// What still runs is cut.
    Cutting,
}

impl Observer for () {}
