//! What there is to count: scenarios and their request steps.

use crate::Trend;
use std::{ops::Range, time::Duration};

/// A scenario by its place in [`Layout::scenarios`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScenarioIndex(pub usize);

/// A request step by its place in [`Layout::steps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepIndex(pub usize);

/// The scenarios and request steps of a run: fixed before it begins, so that recording needs no look-up by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// The scenarios, in the order of the file.
    pub scenarios: Vec<ScenarioLayout>,
    /// The request steps of all scenarios, scenario after scenario.
    pub steps: Vec<StepLayout>,
    /// Trends that a threshold selects by status, each with a recorder of its own.
    pub selected: Vec<SelectedTrend>,
}

/// One scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioLayout {
    /// Its name.
    pub name: String,
    /// Its steps in [`Layout::steps`].
    pub steps: Range<usize>,
    /// Whether its load waits for answers before it asks for more, so that a slow generator spares the service.
    pub closed: bool,
}

/// One request step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepLayout {
    /// Its name.
    pub name: String,
    /// The scenario it belongs to.
    pub scenario: ScenarioIndex,
    /// Whether its answer is read as a stream.
    pub stream: bool,
    /// The limits that make a request of this step good; only those that the step can have.
    pub slo: Vec<SloLimit>,
}

/// A limit on one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SloLimit {
    /// What is limited.
    pub trend: Trend,
    /// The longest time that is still good.
    pub limit: Duration,
}

/// A trend of the requests with one status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectedTrend {
    /// The trend.
    pub trend: Trend,
    /// The status it is limited to.
    pub status: u16,
    /// The step it is limited to, if any.
    pub step: Option<StepIndex>,
    /// The scenario it is limited to, if any.
    pub scenario: Option<ScenarioIndex>,
}
