//! Reads `p95 < 2s`.

mod aggregate;
mod clause;

pub(super) use clause::{LONGEST_SPAN, begin as begin_of_clauses};

use super::{Aggregate, Clauses, Condition, Operator, ThresholdPlace, ThresholdProblem, judge};
use crate::{Layout, Metric, Unit};
use std::ops::Range;

/// A piece of the expression with its place.
#[derive(Clone, Debug)]
struct Piece<'a> {
    text: &'a str,
    span: Range<usize>,
}

/// What the number is measured in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Measure {
    Time,
    Count,
    PerSecond,
    Share,
    /// A probe's percent, which may pass 100 and needs no sign.
    Percent,
    Bytes,
}

impl Measure {
    const fn of(unit: Unit) -> Self {
        match unit {
            Unit::Milliseconds => Self::Time,
            Unit::Count => Self::Count,
            Unit::PerSecond => Self::PerSecond,
            Unit::Percent => Self::Percent,
            Unit::Bytes => Self::Bytes,
        }
    }
}

/// Reads an expression on a metric; without one, only what holds for all.
pub(super) fn parse(
    text: &str,
    metric: Option<Metric>,
    layout: &Layout,
) -> Result<(Condition, Clauses), Vec<ThresholdProblem>> {
    let mut rest = Rest { text, at: 0 };
    let aggregate = rest.take(|letter| !letter.is_whitespace() && !is_operator(letter));
    let operator = rest.take(is_operator);
    let number = rest.take_number();
    let unit = rest.take(|letter| letter.is_alphabetic() || matches!(letter, '%' | '/'));
    let mut problems = Vec::new();
    let mut unit = unit;
    // `p95 < 2 for 30s`: what follows may follow a number without unit.
    if clause::begins_with(unit.text) {
        rest.at = unit.span.start;
        unit = Piece {
            text: "",
            span: number.span.end..number.span.end,
        };
    }
    let aggregate = aggregate::read(&aggregate, metric, &mut problems);
    let operator = read_operator(&operator, aggregate, &mut problems);
    let measure = aggregate
        .zip(metric)
        .map(|(aggregate, metric)| match metric {
            Metric::Probe(_) => Measure::of(judge::unit(metric, aggregate, layout)),
            _ => measure(metric, aggregate),
        });
    let probe = matches!(metric, Some(Metric::Probe(_)));
    let limit = read_limit(&number, &unit, measure, probe, &mut problems);
    // What a probe tells may be anything.
    if !probe {
        never_holds(&number, operator, limit, measure, &mut problems);
    }
    let clauses = clause::read(&mut rest, &mut problems);
    let (Some(aggregate), Some(operator), Some(limit)) = (aggregate, operator, limit) else {
        return Err(problems);
    };
    let condition = Condition {
        aggregate,
        operator,
        limit,
    };
    clause::fits(&clauses, condition, &mut problems);
    if problems.is_empty() {
        Ok((condition, clauses.plain()))
    } else {
        Err(problems)
    }
}

struct Rest<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Rest<'a> {
    /// Skips blanks and takes what belongs together.
    fn take(&mut self, belongs: impl Fn(char) -> bool) -> Piece<'a> {
        self.skip_blanks();
        let rest = &self.text[self.at..];
        let length = rest.find(|letter| !belongs(letter)).unwrap_or(rest.len());
        let span = self.at..self.at + length;
        self.at = span.end;
        Piece {
            text: &self.text[span.clone()],
            span,
        }
    }

    /// Takes a number, as `0.5`, `1_000` or `1e9`.
    fn take_number(&mut self) -> Piece<'a> {
        let digits =
            self.take(|letter| letter.is_ascii_digit() || matches!(letter, '.' | '_' | '-' | '+'));
        let exponent = self.text[self.at..].strip_prefix(['e', 'E']).map(|rest| {
            let number = rest.strip_prefix(['-', '+']).unwrap_or(rest);
            let length = number.find(|letter: char| !letter.is_ascii_digit());
            (rest.len() - number.len(), length.unwrap_or(number.len()))
        });
        match exponent {
            Some((sign, length)) if !digits.text.is_empty() && length > 0 => {
                let span = digits.span.start..digits.span.end + 1 + sign + length;
                self.at = span.end;
                Piece {
                    text: &self.text[span.clone()],
                    span,
                }
            }
            _ => digits,
        }
    }

    fn skip_blanks(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }
}

const fn is_operator(letter: char) -> bool {
    matches!(letter, '<' | '>' | '=' | '!')
}

fn read_operator(
    piece: &Piece<'_>,
    aggregate: Option<Aggregate>,
    problems: &mut Vec<ThresholdProblem>,
) -> Option<Operator> {
    let operator = match piece.text {
        "<" => Operator::Less,
        "<=" => Operator::LessOrEqual,
        ">" => Operator::Greater,
        ">=" => Operator::GreaterOrEqual,
        "==" => Operator::Equal,
        text => {
            let message = match text {
                "" => "a comparison is missing".to_owned(),
                text => format!("unknown comparison `{text}`"),
            };
            let help = match text {
                "=" | "===" => "write `==`",
                "=<" => "write `<=`",
                "=>" => "write `>=`",
                _ => "write one of <, <=, >, >=, ==",
            };
            problems.push(problem(piece, message, Some(help.to_owned())));
            return None;
        }
    };
    if operator == Operator::Equal && matches!(aggregate, Some(Aggregate::Quantile(_))) {
        let message = "a quantile is never exactly equal to a number".to_owned();
        problems.push(problem(
            piece,
            message,
            Some("write `<` or `<=`".to_owned()),
        ));
        return None;
    }
    Some(operator)
}

const fn measure(metric: Metric, aggregate: Aggregate) -> Measure {
    match (metric, aggregate) {
        (Metric::Trend(_), Aggregate::Count) => Measure::Count,
        (Metric::Trend(_), _) => Measure::Time,
        (Metric::Rate(_), _) => Measure::Share,
        (Metric::Counter(_), Aggregate::Rate) => Measure::PerSecond,
        (Metric::Counter(_) | Metric::Gauge(_) | Metric::Probe(_), _) => Measure::Count,
    }
}

fn read_limit(
    number: &Piece<'_>,
    unit: &Piece<'_>,
    measure: Option<Measure>,
    probe: bool,
    problems: &mut Vec<ThresholdProblem>,
) -> Option<f64> {
    let plain = number.text.replace('_', "");
    let Some(value) = plain.parse::<f64>().ok().filter(|value| value.is_finite()) else {
        let message = match number.text {
            "" => "a number is missing".to_owned(),
            text => format!("`{text}` is no number"),
        };
        problems.push(problem(number, message, None));
        return None;
    };
    let factor = read_unit(unit, measure, probe, problems)?;
    let limit = value * factor;
    if limit < 0.0 && !probe {
        problems.push(problem(number, "no metric is below zero".to_owned(), None));
        return None;
    }
    if measure == Some(Measure::Share) && limit > 1.0 {
        let help = (unit.text.is_empty() && value <= 100.0).then(|| format!("write `{value}%`"));
        problems.push(problem(
            number,
            "a rate lies between 0 and 1".to_owned(),
            help,
        ));
        return None;
    }
    Some(limit)
}

/// Tells a limit on the wrong side of all that can be observed.
fn never_holds(
    number: &Piece<'_>,
    operator: Option<Operator>,
    limit: Option<f64>,
    measure: Option<Measure>,
    problems: &mut Vec<ThresholdProblem>,
) {
    let (Some(operator), Some(limit)) = (operator, limit) else {
        return;
    };
    let (message, help) = match operator {
        Operator::Less if limit <= 0.0 => ("nothing is ever below zero", "write `<= 0`"),
        Operator::Greater if measure == Some(Measure::Share) && limit >= 1.0 => {
            ("no share is ever above 100 %", "write `>= 100%`")
        }
        _ => return,
    };
    problems.push(problem(number, message.to_owned(), Some(help.to_owned())));
}

/// What a number of that unit must be multiplied by.
fn read_unit(
    unit: &Piece<'_>,
    measure: Option<Measure>,
    probe: bool,
    problems: &mut Vec<ThresholdProblem>,
) -> Option<f64> {
    const ALL: [(&str, Measure, f64); 15] = [
        ("us", Measure::Time, 0.001),
        ("µs", Measure::Time, 0.001),
        ("ms", Measure::Time, 1.0),
        ("s", Measure::Time, 1000.0),
        ("%", Measure::Share, 0.01),
        ("/s", Measure::PerSecond, 1.0),
        ("%", Measure::Percent, 0.01),
        ("bytes", Measure::Bytes, 1.0),
        ("B", Measure::Bytes, 1.0),
        ("kB", Measure::Bytes, 1e3),
        ("MB", Measure::Bytes, 1e6),
        ("GB", Measure::Bytes, 1e9),
        ("KiB", Measure::Bytes, 1024.0),
        ("MiB", Measure::Bytes, 1_048_576.0),
        ("GiB", Measure::Bytes, 1_073_741_824.0),
    ];
    if unit.text.is_empty() {
        let percent = measure == Some(Measure::Percent);
        return Some(if percent { 0.01 } else { 1.0 });
    }
    let of = |&(name, of, _): &(&str, Measure, f64)| (name == unit.text, measure == Some(of));
    let known = ALL.into_iter().find(|unit| of(unit) == (true, true));
    let known = known.or_else(|| ALL.into_iter().find(|unit| of(unit).0));
    let message = match (known, measure) {
        (Some((_, of, factor)), Some(measure)) if of == measure => return Some(factor),
        (Some((.., factor)), None) => return Some(factor),
        (Some(_), Some(_)) => format!("the unit `{}` does not fit here", unit.text),
        (None, _) => format!("unknown unit `{}`", unit.text),
    };
    let near = known
        .is_none()
        .then(|| nearest_unit(unit.text, measure))
        .flatten();
    if let Some(near) = near {
        problems.push(problem(
            unit,
            message,
            Some(format!("did you mean `{near}`?")),
        ));
        return None;
    }
    let help = match measure {
        Some(Measure::Time) => "a time is written with `us`, `ms` or `s`",
        Some(Measure::Share) => "a share is written with `%`, or as a number from 0 to 1",
        Some(Measure::PerSecond) => "a rate per second is written with `/s`, or without a unit",
        Some(Measure::Count) if probe => {
            "give the probe its `unit`: \"%\", \"ms\", \"/s\" or \"bytes\""
        }
        Some(Measure::Count) => "a count has no unit",
        Some(Measure::Percent) => "the unit of this probe is `%`",
        Some(Measure::Bytes) => {
            "bytes are written with `kB`, `MB`, `GB`, `MiB`, `GiB`, or without a unit"
        }
        None => "the units are `us`, `ms`, `s`, `%` and `/s`",
    };
    problems.push(problem(unit, message, Some(help.to_owned())));
    None
}

/// The unit that is most likely meant by other ways to write it.
fn nearest_unit(text: &str, measure: Option<Measure>) -> Option<&'static str> {
    const OTHERS: [(&str, Measure, &[&str]); 4] = [
        (
            "ms",
            Measure::Time,
            &[
                "msec",
                "msecs",
                "millis",
                "millisecond",
                "milliseconds",
                "MS",
                "Ms",
            ],
        ),
        (
            "s",
            Measure::Time,
            &["sec", "secs", "second", "seconds", "S"],
        ),
        ("%", Measure::Share, &["pct", "percent", "%%"]),
        (
            "/s",
            Measure::PerSecond,
            &["rps", "ps", "/sec", "/second", "req/s", "reqs/s"],
        ),
    ];
    let mut fits = OTHERS
        .into_iter()
        .filter(|&(_, of, _)| measure.is_none_or(|measure| measure == of));
    fits.find(|(_, _, others)| others.contains(&text))
        .map(|(unit, ..)| unit)
}

fn problem(piece: &Piece<'_>, message: String, help: Option<String>) -> ThresholdProblem {
    ThresholdProblem {
        place: ThresholdPlace::Expression,
        span: piece.span.clone(),
        message,
        help,
    }
}

#[cfg(test)]
mod tests;
