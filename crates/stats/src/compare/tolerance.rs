//! How large a change must be to count: `ttft p95: 10%`, `p99: 15%`, `http_req_failed: 0.5pp`.

use super::CompareError;
use super::figure::{RunFigure, Statistic};
use crate::spelling::nearest;
use crate::threshold::selector::{tag_parts, unquoted_text as unquoted};
use crate::{Metric, Rate, Threshold};
use std::{fmt, str::FromStr};

/// The relative change from which times and counts per second count.
const RELATIVE: f64 = 0.05;
/// The change of a time, in milliseconds, below which none counts.
const FLOOR_MS: f64 = 0.1;
/// The change of a share from which it counts.
const POINTS: f64 = 0.001;
/// The change of a share that may hide in chance without making it unclear: shares are rarely known to a thousandth.
const HIDDEN_POINTS: f64 = 0.01;
/// How many times its tolerance may hide in chance of a p99, which rests on a hundredth of the samples.
const HIDDEN_P99: f64 = 2.0;

/// How large a change of some statistics must be to count.
#[derive(Clone, Debug, PartialEq)]
pub struct Tolerance {
    text: String,
    metric: Option<Metric>,
    tags: Vec<(Tag, String)>,
    statistic: Option<Statistic>,
    relative: Option<f64>,
    absolute: Option<(Dimension, f64)>,
}

/// What is wrong with the text of a tolerance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToleranceProblem {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// From where a change of one row counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limits {
    /// Of the base.
    relative: f64,
    /// Milliseconds, a share, or a count per second.
    absolute: f64,
    /// What may hide in chance without making a row unclear, as a part of the base and as a difference.
    hidden: (f64, f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    Scenario,
    Step,
}

/// What a plain difference is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dimension {
    Milliseconds,
    Share,
    PerSecond,
}

impl Limits {
    /// The last tolerance that fits the row, over the default.
    pub(super) fn of(tolerances: &[Tolerance], figure: &RunFigure) -> Self {
        let dimension = Dimension::of(figure.subject.metric);
        let fitting = tolerances
            .iter()
            .rev()
            .find(|tolerance| tolerance.fits(figure));
        let given = fitting.map_or((None, None), |one| {
            (one.relative, one.absolute.map(|size| size.1))
        });
        let (relative, absolute) = match given {
            (Some(relative), None) => (relative, dimension.default().1),
            (relative, Some(absolute)) => (relative.unwrap_or(0.0), absolute),
            (None, None) => dimension.default(),
        };
        let is_p99 = figure.statistic == Statistic::P99
            && fitting.is_none_or(|tolerance| tolerance.statistic.is_none());
        let hidden = match (dimension, figure.subject.metric) {
            // These may lie anywhere between 0 and 1, where chance moves them by more.
            (Dimension::Share, Metric::Rate(Rate::Goodput | Rate::Checks)) if fitting.is_none() => {
                (RELATIVE, HIDDEN_POINTS)
            }
            (Dimension::Share, _) if fitting.is_none() => (relative, HIDDEN_POINTS),
            (Dimension::Milliseconds, _) if is_p99 => {
                (relative * HIDDEN_P99, absolute * HIDDEN_P99)
            }
            _ => (relative, absolute),
        };
        Self {
            relative,
            absolute,
            hidden,
        }
    }

    /// From where a change counts; `relative`: as a part of the base.
    pub(super) fn counts(self, base: f64, relative: bool) -> f64 {
        Self::either(self.relative, self.absolute, base, relative)
    }

    /// What may hide in chance without making the row unclear.
    pub(super) fn hides(self, base: f64, relative: bool) -> f64 {
        Self::either(self.hidden.0, self.hidden.1, base, relative)
    }

    fn either(part: f64, difference: f64, base: f64, relative: bool) -> f64 {
        if relative {
            part.max(difference / base)
        } else {
            difference.max(part * base)
        }
    }
}

impl Tolerance {
    fn fits(&self, figure: &RunFigure) -> bool {
        let subject = &figure.subject;
        let dimension = Dimension::of(subject.metric);
        let tag = |(tag, wanted): &(Tag, String)| {
            let value = match tag {
                Tag::Scenario => &subject.scenario,
                Tag::Step => &subject.step,
            };
            value.as_ref() == Some(wanted)
        };
        // Percent without a metric are no percentage points.
        let sized = match self.absolute {
            Some((own, _)) => own == dimension,
            None => dimension != Dimension::Share,
        };
        self.metric.is_none_or(|metric| metric == subject.metric)
            && self
                .statistic
                .is_none_or(|statistic| statistic == figure.statistic)
            && self.tags.iter().all(tag)
            && sized
    }
}

/// The first tolerance that fits none of the figures is an error: it was meant to change something.
pub(super) fn refuse_unused<'a>(
    tolerances: &[Tolerance],
    figures: impl Iterator<Item = &'a RunFigure> + Clone,
    whose: &str,
) -> Result<(), CompareError> {
    for tolerance in tolerances {
        if !figures.clone().any(|figure| tolerance.fits(figure)) {
            let names: Vec<String> = figures
                .map(|figure| format!("{} {}", figure.subject, figure.statistic.name()))
                .collect();
            let wanted = tolerance.text.split(':').next().unwrap_or_default();
            let near = nearest(wanted.trim(), names.iter().map(String::as_str));
            return Err(CompareError::Tolerance(ToleranceProblem {
                message: format!(
                    "the tolerance `{}` fits nothing that {whose}",
                    tolerance.text
                ),
                help: near.map(|name| format!("did you mean `{name}`?")),
            }));
        }
    }
    Ok(())
}

impl FromStr for Tolerance {
    type Err = ToleranceProblem;

    /// Reads `[METRIC[{step=NAME}]] [STATISTIC]: SIZE[, SIZE]`, or sizes alone.
    fn from_str(text: &str) -> Result<Self, ToleranceProblem> {
        let (words, sizes) = Threshold::split(text).unwrap_or(("", text));
        let mut tolerance = Self {
            text: text.trim().to_owned(),
            metric: None,
            tags: Vec::new(),
            statistic: None,
            relative: None,
            absolute: None,
        };
        tolerance.read_words(words)?;
        for size in sizes.split(',') {
            tolerance.read_size(size.trim())?;
        }
        Ok(tolerance)
    }
}

impl Tolerance {
    fn read_words(&mut self, text: &str) -> Result<(), ToleranceProblem> {
        let (before, behind) = match text.split_once('{') {
            None => (text, ""),
            Some((before, rest)) => {
                // A name may hold braces of its own.
                let (tags, behind) = rest.rsplit_once('}').ok_or_else(|| {
                    problem(
                        "the braces are not closed",
                        "write `ttft{step=chat} p95: 10%`",
                    )
                })?;
                self.read_tags(tags)?;
                (before, behind)
            }
        };
        for word in before.split_whitespace().chain(behind.split_whitespace()) {
            if let Some(metric) = Metric::from_name(word).filter(|_| self.metric.is_none()) {
                self.metric = Some(metric);
            } else if let Some(statistic) =
                Statistic::from_name(word).filter(|_| self.statistic.is_none())
            {
                self.statistic = Some(statistic);
            } else {
                return Err(unknown_word(word));
            }
        }
        match (self.metric, self.statistic) {
            (Some(metric), Some(statistic)) if !has(metric, statistic) => Err(problem(
                format!(
                    "`{}` is compared by {}, not by `{}`",
                    metric.name(),
                    statistics(metric),
                    statistic.name()
                ),
                "",
            )),
            (Some(Metric::Gauge(_) | Metric::Probe(_)), _) => {
                Err(problem("a gauge is not compared", ""))
            }
            _ => Ok(()),
        }
    }

    fn read_tags(&mut self, text: &str) -> Result<(), ToleranceProblem> {
        for tag in tag_parts(text) {
            let known = match tag
                .split_once('=')
                .map(|(name, value)| (name.trim(), value.trim()))
            {
                Some(("scenario", value)) => (Tag::Scenario, value),
                Some(("step", value)) => (Tag::Step, value),
                _ => {
                    let message = format!("rows have no tag `{}`", tag.trim());
                    return Err(problem(message, "write `step=NAME` or `scenario=NAME`"));
                }
            };
            self.tags.push((known.0, unquoted(known.1).to_owned()));
        }
        Ok(())
    }

    fn read_size(&mut self, text: &str) -> Result<(), ToleranceProblem> {
        let unread = || {
            problem(
                format!("`{text}` is no size of a change"),
                "write `5%`, `10ms`, `0.5pp` (percentage points) or `2/s`",
            )
        };
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let number: f64 = number.parse().map_err(|_| unread())?;
        let of_share = matches!(self.metric, Some(Metric::Rate(_)));
        let absolute = match unit.trim() {
            "%" if of_share => (Dimension::Share, number / 100.0),
            "%" => {
                self.relative = Some(number / 100.0);
                return Ok(());
            }
            "pp" => (Dimension::Share, number / 100.0),
            "us" | "µs" => (Dimension::Milliseconds, number / 1e3),
            "ms" => (Dimension::Milliseconds, number),
            "s" => (Dimension::Milliseconds, number * 1e3),
            "/s" => (Dimension::PerSecond, number),
            _ => return Err(unread()),
        };
        if let Some(metric) = self
            .metric
            .filter(|&metric| Dimension::of(metric) != absolute.0)
        {
            return Err(problem(
                format!(
                    "a change of `{}` is not measured in `{}`",
                    metric.name(),
                    unit.trim()
                ),
                format!("write {}", Dimension::of(metric).sizes()),
            ));
        }
        self.absolute = Some(absolute);
        Ok(())
    }
}

impl Dimension {
    const fn of(metric: Metric) -> Self {
        match metric {
            Metric::Trend(_) => Self::Milliseconds,
            Metric::Rate(_) => Self::Share,
            Metric::Counter(_) | Metric::Gauge(_) | Metric::Probe(_) => Self::PerSecond,
        }
    }

    /// From where a change counts: as a part of the base, and as a difference.
    const fn default(self) -> (f64, f64) {
        match self {
            Self::Milliseconds => (RELATIVE, FLOOR_MS),
            Self::Share => (0.0, POINTS),
            Self::PerSecond => (RELATIVE, 0.0),
        }
    }

    const fn sizes(self) -> &'static str {
        match self {
            Self::Milliseconds => "`5%` or `10ms`",
            Self::Share => "`0.5pp`, percentage points",
            Self::PerSecond => "`5%` or `2/s`",
        }
    }
}

fn has(metric: Metric, statistic: Statistic) -> bool {
    matches!(metric, Metric::Trend(_)) != (statistic == Statistic::Rate)
}

const fn statistics(metric: Metric) -> &'static str {
    match metric {
        Metric::Trend(_) => "p50, p90, p95, p99 and mean",
        _ => "its rate",
    }
}

fn unknown_word(word: &str) -> ToleranceProblem {
    let metrics = Metric::all().map(Metric::name);
    let known = metrics.chain(Statistic::OF_TREND.map(Statistic::name));
    let help = nearest(word, known).map_or_else(
        || {
            "write METRIC, one of p50, p90, p95, p99, mean, rate, or both: `ttft p95: 10%`"
                .to_owned()
        },
        |near| format!("did you mean `{near}`?"),
    );
    problem(
        format!("there is no metric and no statistic `{word}`"),
        help,
    )
}

/// A problem; an empty help is none.
fn problem(message: impl Into<String>, help: impl Into<String>) -> ToleranceProblem {
    let help = help.into();
    ToleranceProblem {
        message: message.into(),
        help: (!help.is_empty()).then_some(help),
    }
}

impl fmt::Display for ToleranceProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ToleranceProblem {}

#[cfg(test)]
mod tests;
