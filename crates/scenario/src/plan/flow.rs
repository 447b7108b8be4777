//! The tree of steps that an iteration walks.

use super::{OnFailure, Request, Turns};
use crate::template::{Scope, TemplateError, Text};
use loadgen_stats::StepIndex;
use std::time::Duration;

/// One step of an iteration.
#[derive(Debug)]
pub enum Step {
    /// Sends a request and reads its answer.
    Request(Box<Request>),
    /// Waits as a person would.
    Think(Think),
    /// Steps one after the other.
    Steps(Vec<Self>),
    /// One of several, drawn anew each time; never empty, and their shares sum to 1.
    Choose(Vec<Alternative>),
    /// Steps at once, each with a connection of its own; over when all of them are.
    Parallel(Vec<Self>),
    /// Steps that are timed together, under a name.
    Group(Box<Group>),
    /// A step with a condition, or with a number of times.
    Guarded(Box<Guarded>),
}

/// A pause: uniform between the two, which are equal for a fixed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Think {
    /// The shortest.
    pub min: Duration,
    /// The longest.
    pub max: Duration,
}

/// One of the steps among which is chosen.
#[derive(Debug)]
pub struct Alternative {
    /// How likely it is, from 0 to 1.
    pub share: f64,
    /// What is done.
    pub step: Step,
}

/// Steps that are timed together, under a name.
#[derive(Debug)]
pub struct Group {
    /// Its place in the statistics' layout.
    pub index: StepIndex,
    /// Its name.
    pub name: String,
    /// What is done.
    pub step: Step,
}

/// A step with a condition, or with a number of times.
#[derive(Debug)]
pub struct Guarded {
    /// Asked before each time; where it does not hold, the step is left.
    pub when: Option<Condition>,
    /// How many times the step is done.
    pub repeat: Repeat,
    /// What is done.
    pub step: Step,
}

/// A number of times: uniform between the two, which are equal for a fixed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// The fewest.
    pub min: u32,
    /// The most.
    pub max: u32,
}

/// What must hold before a step is done.
#[derive(Debug)]
pub struct Condition {
    /// An expression, rendered as JSON.
    text: Text,
    /// The request step that fails where it cannot be told whether the condition holds.
    pub step: StepIndex,
    /// What that failure does to the iteration.
    pub on_failure: OnFailure,
}

impl Step {
    /// The request steps of these, as they stand in the file.
    #[must_use]
    pub fn requests(steps: &[Self]) -> Vec<&Request> {
        let mut found = Vec::new();
        steps.iter().for_each(|step| step.find(&mut found));
        found
    }

    /// The groups in these, as they stand in the file.
    #[must_use]
    pub fn groups(steps: &[Self]) -> Vec<&Group> {
        let mut found = Vec::new();
        for step in steps {
            if let Self::Group(group) = step {
                found.push(&**group);
            }
            found.extend(
                step.inner()
                    .flat_map(|step| Self::groups(std::slice::from_ref(step))),
            );
        }
        found
    }

    /// The steps that stand directly in this one.
    pub fn inner(&self) -> Box<dyn Iterator<Item = &Self> + '_> {
        match self {
            Self::Request(_) | Self::Think(_) => Box::new(std::iter::empty()),
            Self::Steps(steps) | Self::Parallel(steps) => Box::new(steps.iter()),
            Self::Choose(alternatives) => Box::new(alternatives.iter().map(|one| &one.step)),
            Self::Group(group) => Box::new(std::iter::once(&group.step)),
            Self::Guarded(guarded) => Box::new(std::iter::once(&guarded.step)),
        }
    }

    /// The most requests that the step sends.
    #[must_use]
    pub fn most_requests(&self) -> u64 {
        let inner = self.inner().map(Self::most_requests);
        match self {
            Self::Request(request) => request.most_turns(),
            Self::Think(_) => 0,
            Self::Steps(_) | Self::Parallel(_) | Self::Group(_) => {
                inner.fold(0, u64::saturating_add)
            }
            Self::Choose(_) => inner.max().unwrap_or_default(),
            Self::Guarded(guarded) => {
                let once = guarded.step.most_requests();
                once.saturating_mul(guarded.repeat.max.into())
            }
        }
    }

    /// The shortest time that the step spends thinking.
    #[must_use]
    pub fn shortest_think(&self) -> Duration {
        let inner = self.inner().map(Self::shortest_think);
        match self {
            Self::Request(request) => request.shortest_think(),
            Self::Think(think) => think.min,
            Self::Steps(_) | Self::Group(_) => inner.fold(Duration::ZERO, Duration::saturating_add),
            Self::Parallel(_) => inner.max().unwrap_or_default(),
            Self::Choose(_) => inner.min().unwrap_or_default(),
            Self::Guarded(guarded) if guarded.when.is_some() => Duration::ZERO,
            Self::Guarded(guarded) => {
                let once = guarded.step.shortest_think();
                once.saturating_mul(guarded.repeat.min)
            }
        }
    }

    /// The most connections that the step uses at once.
    pub(crate) fn width(&self) -> u64 {
        let widths = self.inner().map(Self::width);
        let width = match self {
            Self::Parallel(_) => widths.sum(),
            _ => widths.max().unwrap_or(1),
        };
        width.max(1)
    }

    fn find<'a>(&'a self, found: &mut Vec<&'a Request>) {
        match self {
            Self::Request(request) => found.push(request),
            other => other.inner().for_each(|step| step.find(found)),
        }
    }

    pub(crate) fn each_request_mut(&mut self, change: &mut impl FnMut(&mut Request)) {
        match self {
            Self::Request(request) => change(request),
            Self::Think(_) => {}
            Self::Steps(steps) | Self::Parallel(steps) => {
                for step in steps {
                    step.each_request_mut(change);
                }
            }
            Self::Choose(alternatives) => {
                for one in alternatives {
                    one.step.each_request_mut(change);
                }
            }
            Self::Group(group) => group.step.each_request_mut(change),
            Self::Guarded(guarded) => guarded.step.each_request_mut(change),
        }
    }
}

impl Request {
    /// The most times that it is sent each time the step is done.
    fn most_turns(&self) -> u64 {
        let turns = self.conversation.as_ref();
        turns.map_or(1, |talk| talk.turns.bounds().max.into())
    }

    /// How often it is sent each time the step is done, on average; at least, where only the run can tell.
    pub(super) fn mean_turns(&self) -> f64 {
        match self.conversation.as_ref().map(|talk| &talk.turns) {
            Some(Turns::Drawn(repeat)) => {
                f64::midpoint(f64::from(repeat.min), f64::from(repeat.max))
            }
            None | Some(Turns::Computed(_)) => 1.0,
        }
    }

    /// The shortest time that is spent thinking between its turns.
    fn shortest_think(&self) -> Duration {
        let Some(talk) = &self.conversation else {
            return Duration::ZERO;
        };
        let pause = talk.think.map_or(Duration::ZERO, |think| think.min);
        pause.saturating_mul(talk.turns.bounds().min.saturating_sub(1))
    }
}

impl Repeat {
    /// Once.
    pub const ONCE: Self = Self { min: 1, max: 1 };
}

impl Condition {
    /// A condition; `text` is an expression that is rendered as JSON.
    pub(crate) const fn new(text: Text, step: StepIndex, on_failure: OnFailure) -> Self {
        Self {
            text,
            step,
            on_failure,
        }
    }

    /// Whether it holds for the user whose values `scope` holds: whether its value is anything but false, zero, none or
    /// empty.
    ///
    /// # Errors
    ///
    /// Where the expression cannot be evaluated.
    pub fn holds(&self, scope: &Scope) -> Result<bool, TemplateError> {
        let value = self.text.render(scope).map_err(|reason| TemplateError {
            lacks_token: false,
            what: "`when`".to_owned(),
            reason,
        })?;
        let nothing = ["", "false", "null", "0", "0.0", "-0.0", "\"\"", "[]", "{}"];
        Ok(!nothing.contains(&value.trim()))
    }

    /// The expression as it was written, or what it always comes to.
    #[must_use]
    pub fn source(&self) -> &str {
        self.text.source()
    }
}
