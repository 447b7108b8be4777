//! Limits on metrics that a run must hold: `ttft{step=chat}` with `p95 < 2s`.

mod contradiction;
mod expression;
pub(crate) mod judge;
mod observed;
mod part;
pub(crate) mod selector;
pub(crate) mod watch;

pub use judge::{Again, Judged, Span, TooFew, Unit};

use crate::{Layout, Metric, ScenarioIndex, ScenarioLayout, SelectedTrend, Selection};
use std::{fmt, ops::Range, time::Duration};

/// A limit on one metric: over the whole run, or over each of its sliding windows.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    metric_text: String,
    expression_text: String,
    pub(crate) metric: Metric,
    pub(crate) selection: Selection,
    pub(crate) condition: Condition,
    pub(crate) clauses: Clauses,
    pub(crate) unit: Unit,
}

/// What is wrong with the text of a threshold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThresholdProblem {
    /// Which of the two texts is wrong.
    pub place: ThresholdPlace,
    /// The wrong bytes in that text; empty where something is missing.
    pub span: Range<usize>,
    /// What is wrong with them.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// One of the two texts of a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThresholdPlace {
    /// The metric with its tags.
    Metric,
    /// The expression.
    Expression,
}

/// What is compared with what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Condition {
    pub(crate) aggregate: Aggregate,
    pub(crate) operator: Operator,
    /// Milliseconds, a count, a count per second, or a share from 0 to 1.
    pub(crate) limit: f64,
}

/// What an expression says after its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clauses {
    /// Every sliding window of this length is judged, in the place of the whole run.
    pub(crate) span: Option<Duration>,
    /// It is not judged before.
    pub(crate) after: Duration,
    /// Whether it stops the run when it fails.
    pub(crate) abort: bool,
}

/// The one number made of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Aggregate {
    /// A quantile from 0 to 1.
    Quantile(f64),
    Mean,
    Min,
    Max,
    Count,
    Rate,
    Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
}

impl Threshold {
    /// Reads a metric such as `http_req_duration{step=chat}` and an expression such as `p95 < 2s`.
    ///
    /// # Errors
    ///
    /// Every problem of the two texts, each with its place.
    pub fn parse(
        metric: &str,
        expression: &str,
        layout: &Layout,
    ) -> Result<Self, Vec<ThresholdProblem>> {
        let selected = selector::parse(metric, layout);
        // Without a known metric the expression is read as far as it goes without one.
        let kind = selected
            .as_ref()
            .map_or_else(|failed| failed.metric, |&(metric, _)| Some(metric));
        let condition = expression::parse(expression, kind, layout);
        match (selected, condition) {
            (Ok((known, selection)), Ok((condition, clauses))) => Ok(Self {
                metric_text: metric.to_owned(),
                expression_text: expression.trim().to_owned(),
                metric: known,
                selection,
                condition,
                clauses,
                unit: judge::unit(known, condition.aggregate, layout),
            }),
            (selected, condition) => {
                let mut problems = selected
                    .err()
                    .map(|failed| failed.problems)
                    .unwrap_or_default();
                problems.extend(condition.err().unwrap_or_default());
                Err(problems)
            }
        }
    }

    /// Cuts the form of the command line, `METRIC: EXPRESSION`, in two; none where there is no colon.
    #[must_use]
    pub fn split(option: &str) -> Option<(&str, &str)> {
        let tags_end = option.rfind('}').unwrap_or(0);
        let colon = tags_end + option.get(tags_end..)?.find(':')?;
        Some((option[..colon].trim(), option[colon + 1..].trim()))
    }

    /// The metric with its tags, as written.
    #[must_use]
    pub fn metric(&self) -> &str {
        &self.metric_text
    }

    /// The expression, as written.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression_text
    }

    /// The part of the run that it is on.
    #[must_use]
    pub const fn selection(&self) -> &Selection {
        &self.selection
    }

    /// The length of the sliding windows that are judged; none where the whole run is.
    #[must_use]
    pub const fn sliding(&self) -> Option<Duration> {
        self.clauses.span
    }

    /// How long the run must have been measured before it is judged.
    #[must_use]
    pub const fn after(&self) -> Duration {
        self.clauses.after
    }

    /// Whether it stops the run when it fails.
    #[must_use]
    pub const fn aborts(&self) -> bool {
        self.clauses.abort
    }

    /// What it says of the course of a run, as written: `for 30s abort`. None where it says nothing.
    #[must_use]
    pub fn course(&self) -> Option<&str> {
        let begin = expression::begin_of_clauses(&self.expression_text)?;
        Some(&self.expression_text[begin..])
    }

    /// The same limit on the whole of what is judged, whatever its course: what [`Self::judge`] makes of it.
    #[must_use]
    pub fn of_the_whole(mut self) -> Self {
        if let Some(begin) = expression::begin_of_clauses(&self.expression_text) {
            self.expression_text.truncate(begin);
            let length = self.expression_text.trim_end().len();
            self.expression_text.truncate(length);
        }
        self.clauses = Clauses::default();
        self
    }

    /// Whether it limits a time, of a part of the run whose load waits for answers.
    pub(crate) fn is_on_time_in_closed_load(&self, layout: &Layout) -> bool {
        let closed = |(place, scenario): (usize, &ScenarioLayout)| {
            scenario.closed && self.selection.is_about(layout, ScenarioIndex(place))
        };
        matches!(self.metric, Metric::Trend(_))
            && self.condition.aggregate != Aggregate::Count
            && layout.scenarios.iter().enumerate().any(closed)
    }

    /// The trends by status that `thresholds` need recorders of their own for: what [`Layout::selected`] must hold.
    #[must_use]
    pub fn selected<'a>(thresholds: impl IntoIterator<Item = &'a Self>) -> Vec<SelectedTrend> {
        let mut all: Vec<SelectedTrend> = Vec::new();
        for one in thresholds
            .into_iter()
            .flat_map(|threshold| threshold.selection.selected(threshold.metric))
        {
            if !all.contains(&one) {
                all.push(one);
            }
        }
        all
    }
}

impl Operator {
    pub(crate) fn holds(self, observed: f64, limit: f64) -> bool {
        match self {
            Self::Less => observed < limit,
            Self::LessOrEqual => observed <= limit,
            Self::Greater => observed > limit,
            Self::GreaterOrEqual => observed >= limit,
            Self::Equal => (observed - limit).abs() <= f64::EPSILON * limit.abs(),
        }
    }
}

impl fmt::Display for ThresholdProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ThresholdProblem {}

#[cfg(test)]
mod tests;
