//! Draws the problems of a scenario: the marked text of each, what is wrong, what to write instead.

use loadgen_scenario::{Place, Problem, Problems};
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
    SourceSpan,
};
use std::{fmt, ops::Range};

/// Columns that the drawing takes at most.
const WIDTH: usize = 100;

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
    let mut text = String::new();
    for problem in &problems.list {
        // Writing to a string does not fail.
        let _ = handler.render_report(&mut text, &Drawing::new(problems, problem));
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
    source: Option<NamedSource<String>>,
    labels: Vec<LabeledSpan>,
}

impl Drawing {
    fn new(problems: &Problems, problem: &Problem) -> Self {
        let (source, mut labels) = match &problem.place {
            Place::File(span) => {
                let source = NamedSource::new(&problems.source, problems.text.clone());
                (Some(source), vec![label(&problem.label, span)])
            }
            Place::Given { origin, text, span } => (
                Some(NamedSource::new(origin, text.clone())),
                vec![label(&problem.label, span)],
            ),
            Place::Whole => (None, Vec::new()),
        };
        if matches!(problem.place, Place::File(_)) {
            labels.extend(
                problem
                    .more
                    .iter()
                    .map(|mark| label(&mark.label, &mark.span)),
            );
        }
        Self {
            message: problem.message.clone(),
            help: problem.help.clone(),
            source,
            labels,
        }
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
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (!self.labels.is_empty()).then(|| Box::new(self.labels.iter().cloned()) as Box<_>)
    }
}
