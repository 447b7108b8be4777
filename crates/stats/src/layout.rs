//! What there is to count: scenarios and their request steps.

use crate::{ProbeLayout, Trend};
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
    /// The probes of the target, in the order of the file.
    pub probes: Vec<ProbeLayout>,
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

/// One step that has figures of its own.
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
    /// What it is in the figures of its scenario and of the run.
    pub role: StepRole,
}

/// What a step is in the figures of its scenario and of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StepRole {
    /// A request of iterations: its figures make up those of its scenario and of the run.
    #[default]
    Request,
    /// Several steps that are timed together: it has `group_duration`, and nothing else.
    Group,
    /// A request that a user makes once, before its first iteration: it has figures of its own only.
    Before,
    /// A request that is made once, before the run: it has figures of its own only.
    Setup,
    /// A request that is made once, after the run: it has figures of its own only.
    Teardown,
    /// One turn of conversations: the figures of requests that belong to another step.
    Turn,
}

impl StepRole {
    /// Every role.
    pub const ALL: [Self; 6] = [
        Self::Request,
        Self::Group,
        Self::Before,
        Self::Setup,
        Self::Teardown,
        Self::Turn,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Group => "group",
            Self::Before => "before",
            Self::Setup => "setup",
            Self::Teardown => "teardown",
            Self::Turn => "turn",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Whether it stands outside of iterations, so that no load's measured part is about it.
    #[must_use]
    pub const fn is_apart(self) -> bool {
        matches!(self, Self::Before | Self::Setup | Self::Teardown)
    }
}

impl Layout {
    /// The role of a step.
    #[must_use]
    pub fn role(&self, step: StepIndex) -> StepRole {
        let step = self.steps.get(step.0);
        step.map_or(StepRole::Request, |step| step.role)
    }
}

/// What the figures of one turn of a conversation step are called; turns count from 1.
#[must_use]
pub fn turn_name(step: &str, turn: u32) -> String {
    format!("{step} (turn {turn})")
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
