//! Draws the problems of a scenario: the marked text of each, what is wrong, what to write instead.

mod hide;

use hide::hide;
use loadgen_scenario::{Place, Problem, Problems};
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError,
    MietteSpanContents, NamedSource, SourceCode, SourceSpan, SpanContents,
};
use std::{fmt, ops::Range};

/// Columns that the drawing takes at most.
const WIDTH: usize = 100;
/// Bytes of the longest line that is drawn whole. Of longer ones, and beside longer ones, only what surrounds the mark
/// is shown: a body of 100 kB in one line hides what is wrong with it, and the drawing fails past column 65,535.
const LONGEST: usize = 400;
/// Bytes before a mark that are shown of a line that is too long.
const BEFORE: usize = 40;

/// All problems, drawn one after the other, and how many there are.
pub(crate) fn draw(problems: &Problems, colour: bool) -> String {
    let theme = if colour {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(WIDTH)
        .with_links(false);
    let file = hide(&problems.text);
    let mut text = String::new();
    for problem in &problems.list {
        // Writing to a string does not fail.
        let _ = handler.render_report(&mut text, &Drawing::new(&problems.source, &file, problem));
        text.push('\n');
    }
    let count = problems.list.len();
    text.push_str(&format!(
        "error: {count} problem{} in {}",
        if count == 1 { "" } else { "s" },
        problems.source
    ));
    text
}

/// A problem in the form that is drawn.
#[derive(Debug)]
struct Drawing {
    message: String,
    help: Option<String>,
    source: Option<Source>,
    labels: Vec<LabeledSpan>,
}

#[derive(Debug)]
enum Source {
    Whole(NamedSource<String>),
    Part(Excerpt),
}

impl Drawing {
    /// `text` is what may be shown of the file `path`.
    fn new(path: &str, text: &str, problem: &Problem) -> Self {
        let given;
        let (place, text, span) = match &problem.place {
            Place::File(span) => (path, text, span),
            Place::Given { origin, text, .. } if text.is_empty() => {
                // There is nothing to be drawn.
                let mut drawing = Self::of(problem, None, Vec::new());
                drawing.message = format!("{origin}: {}", problem.message);
                return drawing;
            }
            Place::Given { origin, text, span } => {
                given = hide(text);
                (origin.as_str(), given.as_str(), span)
            }
            Place::Whole => return Self::of(problem, None, Vec::new()),
        };
        if let Some(excerpt) = Excerpt::of(place, text, span.start) {
            let end = span.end.min(excerpt.start + excerpt.text.len());
            let labels = vec![label(&problem.label, &(span.start..end.max(span.start)))];
            return Self::of(problem, Some(Source::Part(excerpt)), labels);
        }
        let source = NamedSource::new(place, text.to_owned());
        let mut labels = vec![label(&problem.label, span)];
        if matches!(problem.place, Place::File(_)) {
            labels.extend(
                problem
                    .more
                    .iter()
                    .map(|mark| label(&mark.label, &mark.span)),
            );
        }
        Self::of(problem, Some(Source::Whole(source)), labels)
    }

    fn of(problem: &Problem, source: Option<Source>, labels: Vec<LabeledSpan>) -> Self {
        Self {
            message: problem.message.clone(),
            help: problem.help.clone(),
            source,
            labels,
        }
    }
}

/// What surrounds a mark in a line that is too long to be drawn.
#[derive(Debug)]
struct Excerpt {
    name: String,
    text: String,
    /// Where `text` begins: bytes from the begin of the whole, lines before it, bytes of its line before it.
    start: usize,
    line: usize,
    column: usize,
}

impl Excerpt {
    /// Absent where the line and its neighbours are short enough.
    fn of(name: &str, text: &str, mark: usize) -> Option<Self> {
        let mark = text.floor_char_boundary(mark.min(text.len()));
        let begin = text[..mark].rfind('\n').map_or(0, |at| at + 1);
        let end = text[mark..].find('\n').map_or(text.len(), |at| mark + at);
        let before = text[..begin].lines().next_back().map_or(0, str::len);
        let after = text[end..].lines().nth(1).map_or(0, str::len);
        if before.max(end - begin).max(after) <= LONGEST {
            return None;
        }
        let start = text.floor_char_boundary(mark.saturating_sub(BEFORE).max(begin));
        let stop = text.floor_char_boundary((mark + WIDTH - BEFORE).min(end));
        Some(Self {
            name: name.to_owned(),
            text: text[start..stop].to_owned(),
            start,
            line: text[..begin].matches('\n').count(),
            column: start - begin,
        })
    }
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        _: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        // Without lines before it, the mark itself is asked for: its line and column are shown.
        let skip = match lines_before {
            0 => span
                .offset()
                .saturating_sub(self.start)
                .min(self.text.len()),
            _ => 0,
        };
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            &self.text.as_bytes()[skip..],
            (self.start + skip, self.text.len() - skip).into(),
            self.line,
            self.column + skip,
            1,
        )))
    }
}

fn label(text: &str, span: &Range<usize>) -> LabeledSpan {
    let text = (!text.is_empty()).then(|| text.to_owned());
    LabeledSpan::new_primary_with_span(text, SourceSpan::from(span.clone()))
}

impl fmt::Display for Drawing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Drawing {}

impl Diagnostic for Drawing {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        match self.source.as_ref()? {
            Source::Whole(source) => Some(source),
            Source::Part(excerpt) => Some(excerpt),
        }
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (!self.labels.is_empty()).then(|| Box::new(self.labels.iter().cloned()) as Box<_>)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loadgen_scenario::Position;

    fn drawn(text: &str, spans: &[Range<usize>]) -> String {
        let problem = |span: &Range<usize>| Problem {
            message: "wrong".to_owned(),
            place: Place::File(span.clone()),
            label: "here".to_owned(),
            help: None,
            more: Vec::new(),
        };
        let problems = Problems {
            source: "a.toml".to_owned(),
            text: text.to_owned(),
            list: spans.iter().map(problem).collect(),
        };
        draw(&problems, false)
    }

    #[test]
    fn secrets_are_not_drawn() {
        let text = "target = \"http://bob:pw@h\"\nMARK\nauthorization = \"Bearer sk-1\"\n";
        let start = text.find("MARK").unwrap();
        let drawing = drawn(text, &[start..start + 4, 0..text.len()]);
        assert!(drawing.contains("Bearer ****"), "{drawing}");
        assert!(drawing.contains("http://******@h"), "{drawing}");
    }

    #[test]
    fn what_is_not_shown_has_no_frame() {
        for (given, framed) in [("", false), ("http://bob:pw@h", true)] {
            let problem = Problem {
                message: "wrong".to_owned(),
                place: Place::Given {
                    origin: "-H".to_owned(),
                    text: given.to_owned(),
                    span: 0..given.len(),
                },
                label: String::new(),
                help: None,
                more: Vec::new(),
            };
            let problems = Problems {
                source: "a.toml".to_owned(),
                text: String::new(),
                list: vec![problem],
            };
            let drawing = draw(&problems, false);
            assert_eq!(drawing.contains('╭'), framed, "{drawing}");
            assert!(
                drawing.contains("-H") && !drawing.contains("bob"),
                "{drawing}"
            );
        }
    }

    /// The mark is told with its line and column, and drawn in few lines of bounded length.
    #[track_caller]
    fn check(text: &str, mark: &str) {
        let start = text.find(mark).unwrap();
        let span = start..start + mark.len();
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let place = Position {
            line: text[..start].matches('\n').count() + 1,
            column: start - line_start + 1,
        };
        let drawing = drawn(text, &[span]);
        let expected = format!("[a.toml:{}:{}]", place.line, place.column);
        assert!(drawing.contains(&expected), "{expected}: {drawing}");
        let shown: String = mark.chars().take(20).collect();
        assert!(drawing.contains(shown.lines().next().unwrap()), "{drawing}");
        assert!(drawing.contains("here"), "{drawing}");
        let widest = drawing.lines().map(str::len).max();
        assert!(widest < Some(3 * LONGEST), "{widest:?}");
    }

    #[test]
    fn lines_of_any_length_are_drawn() {
        let long = "x".repeat(100_000);
        let wide = "ü".repeat(50_000);
        for text in [
            "a = 1\nMARK = 2\nb = 3".to_owned(),
            format!("a = '{long}', MARK"),
            format!("a = '{long}', MARK, b = '{long}'"),
            format!("a = 1\n\nb = '{long}'\nMARK\nc = 2"),
            format!("a = 1\nMARK\nb = '{long}'"),
            format!("a = 1\r\nMARK\r\nb = '{long}'\r\n"),
            format!("MARK{long}"),
            format!("a = '{wide}'MARK{wide}"),
            format!("{long}\nMARK"),
        ] {
            check(&text, "MARK");
        }
        let mark = "MARK".repeat(30_000);
        check(&format!("a = {mark}"), &mark);
        check(&format!("a = {mark}\nb"), &format!("{mark}\nb"));
    }

    #[test]
    fn marks_at_the_end_and_without_length_are_drawn() {
        for text in [String::new(), "a".to_owned(), "a".repeat(100_000)] {
            for span in [text.len()..text.len(), 0..0, 0..text.len()] {
                assert!(drawn(&text, &[span]).contains("wrong"));
            }
        }
    }
}
