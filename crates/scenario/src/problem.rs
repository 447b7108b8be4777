//! What is wrong with a scenario: located, explained, and all of it at once.

use std::{fmt, ops::Range};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, as a lowercase fragment.
    pub message: String,
    /// Where it is.
    pub place: Place,
    /// A few words for the marked text; may be empty.
    pub label: String,
    /// What to write instead, or what to do.
    pub help: Option<String>,
    /// Other parts of the file that have to do with it.
    pub more: Vec<Mark>,
}

/// Where a value comes from, and so where its problems are drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Bytes of the scenario's text.
    File(Range<usize>),
    /// A value given outside of the file.
    Given {
        /// The option or variable as the user knows it: `--vus`, `LOADGEN_VUS`.
        origin: String,
        /// The value as given.
        text: String,
        /// The part of `text` that is meant, in bytes.
        span: Range<usize>,
    },
    /// The scenario as a whole.
    Whole,
}

/// A part of the scenario's text with a few words about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Bytes of the scenario's text.
    pub span: Range<usize>,
    /// The words.
    pub label: String,
}

/// All that is wrong with a scenario, with the text it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    /// What the text is called: its path as given.
    pub source: String,
    /// The text; empty where there is no file.
    pub text: String,
    /// The problems in the order of the text, then those of options; never empty.
    pub list: Vec<Problem>,
}

/// A line and a column, both counted from 1; the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Problem {
    /// A problem with nothing but a message and a place.
    pub(crate) fn new(place: impl Into<Place>, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            place: place.into(),
            label: String::new(),
            help: None,
            more: Vec::new(),
        }
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    pub(crate) fn more(mut self, place: &Place, label: &str) -> Self {
        if let Place::File(span) = place {
            self.more.push(Mark {
                span: span.clone(),
                label: label.to_owned(),
            });
        }
        self
    }

    fn order(&self) -> (u8, usize, usize) {
        match &self.place {
            Place::File(span) => (0, span.start, span.end),
            Place::Whole => (1, 0, 0),
            // In the order in which they were found.
            Place::Given { .. } => (2, 0, 0),
        }
    }
}

impl Place {
    /// The part `span` of a value whose text has no escapes and begins `skip` bytes after the place does.
    pub(crate) fn part(&self, skip: usize, span: &Range<usize>) -> Self {
        match self {
            Self::File(whole) => {
                let start = (whole.start + skip + span.start).min(whole.end);
                let end = (whole.start + skip + span.end).min(whole.end);
                Self::File(start..end.max(start))
            }
            Self::Given { origin, text, .. } => {
                let end = span.end.min(text.len());
                Self::Given {
                    origin: origin.clone(),
                    text: text.clone(),
                    span: span.start.min(end)..end,
                }
            }
            Self::Whole => Self::Whole,
        }
    }
}

impl From<Range<usize>> for Place {
    fn from(span: Range<usize>) -> Self {
        Self::File(span)
    }
}

impl From<&Place> for Place {
    fn from(place: &Place) -> Self {
        place.clone()
    }
}

impl Problems {
    /// The problems of a text, in order, without repetitions; absent where there are none.
    pub(crate) fn collect(source: &str, text: &str, mut list: Vec<Problem>) -> Option<Self> {
        list.sort_by_key(Problem::order);
        list.dedup();
        (!list.is_empty()).then(|| Self {
            source: source.to_owned(),
            text: text.to_owned(),
            list,
        })
    }

    /// Where a byte of the text is.
    #[must_use]
    pub fn position(&self, byte: usize) -> Position {
        position(&self.text, byte)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.list.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            match &problem.place {
                Place::File(span) => {
                    let Position { line, column } = self.position(span.start);
                    write!(f, "{}:{line}:{column}: ", self.source)?;
                }
                Place::Given { origin, .. } => write!(f, "{origin}: ")?,
                Place::Whole => write!(f, "{}: ", self.source)?,
            }
            f.write_str(&problem.message)?;
            if let Some(help) = &problem.help {
                write!(f, " (help: {help})")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Where a byte of a text is.
pub(crate) fn position(text: &str, byte: usize) -> Position {
    let before = text.get(..text.floor_char_boundary(byte)).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position {
        line: before.matches('\n').count() + 1,
        column: before[line_start..]
            .chars()
            .filter(|c| *c != '\u{feff}')
            .count()
            + 1,
    }
}

/// The candidate that is most like `word`, if one is like it at all.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (likeness(&lower, candidate), candidate))
        .filter(|(score, _)| *score >= 0.78)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

fn likeness(lower: &str, candidate: &str) -> f64 {
    let candidate = candidate.to_lowercase();
    if lower.len() > 2
        && lower.replace(['-', '_', ' '], "") == candidate.replace(['-', '_', ' '], "")
    {
        return 1.0;
    }
    let edits = strsim::damerau_levenshtein(lower, &candidate);
    let longest = lower.chars().count().max(candidate.chars().count());
    // One slip in a short word, or an abbreviation that begins the same, is still meant.
    if edits <= 1 && longest >= 3 {
        return 0.95;
    }
    if lower.chars().count() < 3 {
        return 0.0;
    }
    strsim::jaro_winkler(lower, &candidate)
}
