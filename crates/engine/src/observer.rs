//! The seam to whoever watches a run.

use crate::schedule::Level;
use loadgen_stats::{GeneratorSample, Live, Offset, ProbeIndex, StopReason, Window};
use std::time::Duration;

/// Watches a run and may steer it. Every callback is called from one task; none may block for long.
pub trait Observer {
    /// Figures of the generator itself for the interval that is about to be closed.
    fn generator(&mut self) -> Option<GeneratorSample> {
        None
    }

    /// What probes of the target gave since this was last asked.
    fn probes(&mut self) -> Vec<ProbeSample> {
        Vec::new()
    }

    /// How the run stands at the end of the interval that is told of next.
    fn standing(&mut self, standing: &Standing) {
        let _ = standing;
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

/// What a probe of the target gave.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeSample {
    /// The probe: its place in the plan.
    pub probe: ProbeIndex,
    /// The value in its unit, or why there is none.
    pub outcome: Result<f64, String>,
}

/// How a run stands at the end of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The present.
    pub now: Offset,
    /// Requests under way that were due in the measured part.
    pub awaited: u64,
    /// The time for which requests were under way in the interval, of all together.
    pub in_flight: Duration,
    /// Whether every shard has told of the interval; what is missing is in a later one.
    pub complete: bool,
}

/// What an observer wants of the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Directive {
    /// Go on.
    Continue,
    /// Put another load on, where the load is one that can be steered; and measure another part.
    SetLoad(Level),
    /// Begin no more iterations, and end for this reason.
    Stop(StopReason),
}

/// A moment of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The setup begins, before the first user.
    SettingUp,
    /// The teardown begins, after the last user.
    TearingDown,
    /// No more iterations are begun; those that run may finish.
    Draining,
    /// What still runs is cut.
    Cutting,
}

impl Observer for () {}
