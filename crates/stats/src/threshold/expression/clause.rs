//! Reads what follows a limit: `for 30s`, `after 10s`, `abort`.

use super::{Piece, Rest, problem};
use crate::spelling::nearest;
use crate::threshold::{Aggregate, Clauses, Condition, Operator, ThresholdProblem};
use std::time::Duration;

const WORDS: [&str; 3] = ["for", "after", "abort"];
/// Sliding windows are kept in memory second by second.
pub(in crate::threshold) const LONGEST_SPAN: Duration = Duration::from_secs(600);

/// What was read, with its places.
#[derive(Debug, Default)]
pub(super) struct Read<'a> {
    span: Option<Duration>,
    after: Option<Duration>,
    abort: Option<Piece<'a>>,
}

impl Read<'_> {
    pub(super) fn plain(&self) -> Clauses {
        Clauses {
            span: self.span,
            after: self.after.unwrap_or_default(),
            abort: self.abort.is_some(),
        }
    }
}

/// Where in an expression that is right begins what follows the limit. No aggregate and no unit holds one of these words.
pub(in crate::threshold) fn begin(expression: &str) -> Option<usize> {
    WORDS.iter().filter_map(|word| expression.find(word)).min()
}

/// Whether what follows a limit begins with this word, as far as it can be told from a unit.
pub(super) fn begins_with(word: &str) -> bool {
    is_clause(word) || (word.len() > 2 && nearest(word, WORDS).is_some())
}

fn is_clause(word: &str) -> bool {
    WORDS.contains(&word)
}

/// Reads to the end, in any order, each once.
pub(super) fn read<'a>(rest: &mut Rest<'a>, problems: &mut Vec<ThresholdProblem>) -> Read<'a> {
    let mut read = Read::default();
    let mut seen: Vec<&str> = Vec::new();
    loop {
        rest.skip_blanks();
        let word = rest.take(char::is_alphabetic);
        if !is_clause(word.text) {
            let Some(strange) = strange(rest, word.span.start) else {
                return read;
            };
            problems.push(too_much(&strange));
            continue;
        }
        if seen.contains(&word.text) {
            let message = format!("`{}` is given twice", word.text);
            problems.push(problem(&word, message, None));
        }
        seen.push(word.text);
        match word.text {
            "for" => {
                let time = time(&word, rest, problems);
                read.span = time.and_then(|(span, piece)| fitting(span, &piece, problems));
            }
            "after" => read.after = time(&word, rest, problems).map(|(time, _)| time),
            _ => read.abort = Some(word),
        }
    }
}

/// What belongs to nothing, up to a word that does; none at the end.
fn strange<'a>(rest: &mut Rest<'a>, start: usize) -> Option<Piece<'a>> {
    rest.at = start;
    let first = rest.take(|letter| !letter.is_whitespace());
    let mut end = first.span.end;
    loop {
        let before = rest.at;
        let next = rest.take(|letter| !letter.is_whitespace());
        if next.text.is_empty() || is_clause(next.text) {
            rest.at = before;
            break;
        }
        end = next.span.end;
    }
    (start < end).then(|| Piece {
        text: &rest.text[start..end],
        span: start..end,
    })
}

/// Tells a run that would be stopped before anything could be counted.
pub(super) fn fits(read: &Read<'_>, condition: Condition, problems: &mut Vec<ThresholdProblem>) {
    let grows = condition.aggregate == Aggregate::Count && read.span.is_none();
    let lower = !matches!(condition.operator, Operator::Less | Operator::LessOrEqual);
    if let (Some(abort), true, None) = (&read.abort, grows && lower, read.after) {
        let message =
            "a count begins at zero: this would stop the run in its first second".to_owned();
        let help = Some("say from when on it must hold, such as `after 60s`".to_owned());
        problems.push(problem(abort, message, help));
    }
}

/// A time after a word, such as `30s`, `1m30s` or `500ms`.
fn time<'a>(
    word: &Piece<'a>,
    rest: &mut Rest<'a>,
    problems: &mut Vec<ThresholdProblem>,
) -> Option<(Duration, Piece<'a>)> {
    rest.skip_blanks();
    let ahead = rest.text[rest.at..]
        .starts_with(|letter: char| letter.is_ascii_digit() || matches!(letter, '.' | '-' | '+'));
    let piece = if ahead {
        rest.take(|letter| !letter.is_whitespace())
    } else {
        Piece {
            text: "",
            span: word.span.clone(),
        }
    };
    let read = duration(piece.text);
    if read.is_none() {
        let message = match piece.text {
            "" => format!("a time is missing after `{}`", word.text),
            text => format!("`{text}` is no time"),
        };
        let help = match piece.text.parse::<f64>() {
            Ok(_) => format!("write `{} {}s`", word.text, piece.text),
            Err(_) => format!("write for example `{} 30s`", word.text),
        };
        problems.push(problem(&piece, message, Some(help)));
    }
    Some((read?, piece))
}

fn duration(text: &str) -> Option<Duration> {
    let mut left = text;
    let mut sum = Duration::ZERO;
    while !left.is_empty() {
        let digits = left.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, after) = left.split_at(digits);
        let letters = after
            .find(|letter: char| !letter.is_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
        sum = sum.checked_add(part)?;
        left = after;
    }
    (!text.is_empty()).then_some(sum)
}

/// Sliding windows move by the second.
fn fitting(
    span: Duration,
    piece: &Piece<'_>,
    problems: &mut Vec<ThresholdProblem>,
) -> Option<Duration> {
    let message = if span.is_zero() || span.subsec_nanos() > 0 {
        "sliding windows are whole seconds long"
    } else if span > LONGEST_SPAN {
        "sliding windows are ten minutes long at most"
    } else {
        return Some(span);
    };
    let help = match span
        .as_secs_f64()
        .ceil()
        .clamp(1.0, LONGEST_SPAN.as_secs_f64())
    {
        600.0 => "write `for 10m`".to_owned(),
        seconds => format!("write `for {seconds}s`"),
    };
    problems.push(problem(piece, message.to_owned(), Some(help)));
    None
}

fn too_much(piece: &Piece<'_>) -> ThresholdProblem {
    let word = piece.text.split_whitespace().next().unwrap_or_default();
    let help = match nearest(word, WORDS) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "after the limit come `for 30s`, `after 10s` and `abort`, or nothing".to_owned(),
    };
    problem(piece, format!("`{}` is too much", piece.text), Some(help))
}
