//! Everything that is counted over an interval: by step, by scenario, and for the run.

mod clock;
mod scenario;
mod step;
mod tally;

pub use clock::ClockTotals;
pub use scenario::ScenarioTotals;
pub use step::{StepTotals, StreamTotals};
pub(crate) use tally::add;
pub use tally::{RateCount, Tally};

use crate::{ErrorKind, Layout, ProbeIndex, ProbeTotals, StepIndex, TrendCell};

/// The longest message of an error that is kept, in bytes.
const MESSAGE: usize = 300;

/// Everything counted over an interval. Parts of shards, intervals and machines merge exactly.
///
/// The fields are public so that a run log can write them down and build them again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// The steps, as in [`Layout::steps`].
    pub steps: Vec<StepTotals>,
    /// The scenarios, as in [`Layout::scenarios`].
    pub scenarios: Vec<ScenarioTotals>,
    /// The trends selected by status, as in [`Layout::selected`].
    pub selected: Vec<TrendCell>,
    /// Failures outside warm-up, by kind and step. An entry whose count is 0 was kept for its memory.
    pub errors: Vec<ErrorTotal>,
    /// Tokens of good streams by the second of the run in which they arrived, ascending; settled when a stream ends.
    pub token_seconds: Vec<(u32, f64)>,
    /// How arrivals were dated.
    pub clock: ClockTotals,
    /// What probes of the target gave, as in [`Layout::probes`].
    pub probes: Vec<ProbeTotals>,
}

/// Failures of one kind in one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorTotal {
    /// Their kind.
    pub kind: ErrorKind,
    /// Their step.
    pub step: StepIndex,
    /// How many.
    pub count: u64,
    /// The text of the first, of bounded length.
    pub message: String,
}

impl Totals {
    /// Totals without any sample, shaped for `layout`.
    #[must_use]
    pub fn new(layout: &Layout) -> Self {
        Self {
            steps: layout.steps.iter().map(|_| StepTotals::default()).collect(),
            scenarios: layout
                .scenarios
                .iter()
                .map(|_| ScenarioTotals::default())
                .collect(),
            selected: layout.selected.iter().map(|_| TrendCell::new()).collect(),
            probes: vec![ProbeTotals::default(); layout.probes.len()],
            ..Self::default()
        }
    }

    /// Adds all of `other`, which must be shaped for the same layout.
    pub fn merge(&mut self, other: &Self) {
        merge_all(&mut self.steps, &other.steps, StepTotals::merge);
        merge_all(&mut self.scenarios, &other.scenarios, ScenarioTotals::merge);
        merge_all(&mut self.selected, &other.selected, TrendCell::merge);
        for error in other.errors.iter().filter(|error| error.count > 0) {
            self.add_error(error.kind, error.step, error.count, &error.message);
        }
        for &(second, tokens) in &other.token_seconds {
            self.add_tokens(second, tokens);
        }
        self.clock.merge(&other.clock);
        merge_all(&mut self.probes, &other.probes, ProbeTotals::merge);
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.steps.iter_mut().for_each(StepTotals::clear);
        self.scenarios.iter_mut().for_each(ScenarioTotals::clear);
        self.selected.iter_mut().for_each(TrendCell::clear);
        for error in &mut self.errors {
            error.count = 0;
        }
        self.token_seconds.clear();
        self.clock.clear();
        self.probes.fill(ProbeTotals::default());
    }

    /// Whether nothing at all was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(StepTotals::is_empty)
            && self.scenarios.iter().all(ScenarioTotals::is_empty)
            && self.selected.iter().all(TrendCell::is_empty)
            && self.errors.iter().all(|error| error.count == 0)
            && self.token_seconds.is_empty()
            && self.clock.is_empty()
            && self.probes.iter().all(ProbeTotals::is_empty)
    }

    /// Counts `count` failures. The message is kept only if it is the first of its kind and step.
    pub fn add_error(&mut self, kind: ErrorKind, step: StepIndex, count: u64, message: &str) {
        if let Some(known) = self
            .errors
            .iter_mut()
            .find(|error| error.kind == kind && error.step == step)
        {
            known.count += count;
        } else {
            let message = shortened(message).to_owned();
            self.errors.push(ErrorTotal {
                kind,
                step,
                count,
                message,
            });
        }
    }

    /// Takes in what a probe gave: a value, or why it failed.
    pub fn add_probe(&mut self, ProbeIndex(place): ProbeIndex, sample: Result<f64, &str>) {
        if let Some(probe) = self.probes.get_mut(place) {
            match sample {
                Ok(value) => probe.add(value),
                Err(message) => probe.fail(message),
            }
        }
    }

    /// What a probe gave; none where there is no such probe.
    #[must_use]
    pub fn probe(&self, ProbeIndex(place): ProbeIndex) -> Option<&ProbeTotals> {
        self.probes.get(place)
    }

    /// Books tokens that arrived in a second of the run.
    pub fn add_tokens(&mut self, second: u32, tokens: f64) {
        match self
            .token_seconds
            .binary_search_by_key(&second, |&(known, _)| known)
        {
            Ok(place) => self.token_seconds[place].1 += tokens,
            Err(place) => self.token_seconds.insert(place, (second, tokens)),
        }
    }
}

fn merge_all<T: Default>(into: &mut Vec<T>, from: &[T], merge: impl Fn(&mut T, &T)) {
    // A longer part comes from a log of another layout: its extra entries are kept rather than lost.
    while into.len() < from.len() {
        into.push(T::default());
    }
    for (mine, theirs) in into.iter_mut().zip(from) {
        merge(mine, theirs);
    }
}

pub(crate) fn shortened(message: &str) -> &str {
    if message.len() <= MESSAGE {
        return message;
    }
    &message[..message.floor_char_boundary(MESSAGE)]
}
