//! Reads TOML as far as it goes: a tree of located values, and every error of syntax.

use super::node::{Kind, Located, Node};
use crate::problem::{Place, Problem};
use std::ops::Range;
use toml::de::{DeInteger, DeTable, DeValue};

/// How many errors of syntax are told: what follows them is mostly echo.
const MOST_ERRORS: usize = 20;

/// Reads a text. The node is always a table.
pub(super) fn parse(text: &str, problems: &mut Vec<Problem>) -> Node {
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut broken: Vec<Range<usize>> = Vec::new();
    for error in errors.iter().take(MOST_ERRORS) {
        let span = visible(text, error.span().unwrap_or(0..0));
        if broken.last() != Some(&span) {
            problems.push(describe(text, error.message(), span.clone()));
        }
        broken.push(error.span().unwrap_or(0..0));
    }
    let mut tree = Tree {
        text,
        broken,
        problems,
    };
    let kind = tree.table(root.get_ref());
    Node {
        kind,
        place: Place::File(0..0),
        verbatim: None,
    }
}

/// A span that has something in it to mark, where there is anything near it.
fn visible(text: &str, span: Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = text.ceil_char_boundary(span.end.min(text.len()).max(start));
    if start < end || start < text.len() && !text[start..].starts_with(['\n', '\r']) {
        return start..end.max(text.ceil_char_boundary((start + 1).min(text.len())));
    }
    start..end
}

fn describe(text: &str, message: &str, span: Range<usize>) -> Problem {
    let (what, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let marked = text.get(span.clone()).unwrap_or("");
    let plain = |message: String, help: &str| Problem::new(span.clone(), message).help(help);
    match what {
        "string values must be quoted" if marked.trim().is_empty() => plain(
            "not TOML: the value is missing".to_owned(),
            "write the value behind the `=`",
        ),
        "string values must be quoted" => {
            let quotable = !marked.contains(['"', '\\']) && !marked.contains(char::is_control);
            let help = quotable.then(|| format!("write \"{marked}\""));
            Problem::new(span, "not TOML: a text needs quotes").maybe_help(help)
        }
        "invalid boolean" => plain(
            format!("not TOML: `{marked}` is no value"),
            "write `true` or `false`",
        ),
        "duplicate key" => plain(
            format!("the key `{marked}` stands twice"),
            "a key may stand once in its table; remove one",
        ),
        _ => {
            let label = if expected.is_empty() {
                String::new()
            } else {
                format!("expected {expected}")
            };
            Problem::new(span, format!("not TOML: {what}")).label(label)
        }
    }
}

struct Tree<'a> {
    text: &'a str,
    broken: Vec<Range<usize>>,
    problems: &'a mut Vec<Problem>,
}

impl Tree<'_> {
    fn table(&mut self, table: &DeTable<'_>) -> Kind {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let read = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
            let name: &std::borrow::Cow<'_, str> = key.get_ref();
            let key_broken = key.span().is_empty() || self.touches(&key.span());
            (!key_broken).then(|| {
                (
                    Located::new(name.clone().into_owned(), key.span()),
                    self.node(value.get_ref(), value.span()),
                )
            })
        };
        Kind::Table(entries.into_iter().filter_map(read).collect())
    }

    fn node(&mut self, value: &DeValue<'_>, span: Range<usize>) -> Node {
        let kind = match value {
            DeValue::Table(table) => self.table(table),
            DeValue::Array(list) => Kind::List(
                list.iter()
                    .map(|value| self.node(value.get_ref(), value.span()))
                    .collect(),
            ),
            _ if self.touches(&span) => Kind::Broken,
            DeValue::String(text) => Kind::Text(text.clone().into_owned()),
            DeValue::Integer(number) => self.integer(number, &span),
            DeValue::Float(number) => self.float(number.as_str(), &span),
            DeValue::Boolean(value) => Kind::Bool(*value),
            DeValue::Datetime(date) => Kind::Date(date.to_string()),
        };
        let verbatim = if let Kind::Text(text) = &kind {
            self.verbatim(text, &span)
        } else {
            None
        };
        Node {
            kind,
            place: Place::File(span),
            verbatim,
        }
    }

    fn integer(&mut self, number: &DeInteger<'_>, span: &Range<usize>) -> Kind {
        if let Ok(value) = i128::from_str_radix(number.as_str(), number.radix()) {
            return Kind::Integer(value);
        }
        self.problems
            .push(Problem::new(span.clone(), "the number is too large"));
        Kind::Broken
    }

    fn float(&mut self, text: &str, span: &Range<usize>) -> Kind {
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => return Kind::Float(value),
            Ok(_) => self
                .problems
                .push(Problem::new(span.clone(), "a number must be finite here")),
            Err(_) => self
                .problems
                .push(Problem::new(span.clone(), "not a number")),
        }
        Kind::Broken
    }

    fn touches(&self, span: &Range<usize>) -> bool {
        self.broken
            .iter()
            .any(|error| error.start <= span.end && span.start <= error.end)
    }

    /// Where the text begins inside its quotes, if it stands there as it is.
    fn verbatim(&self, text: &str, span: &Range<usize>) -> Option<usize> {
        let raw = self.text.get(span.clone())?;
        [1, 3, 4, 5].into_iter().find(|skip| {
            raw.get(*skip..).is_some_and(|rest| rest.starts_with(text)) && {
                let quotes = &raw[..*skip];
                let after = &raw[skip + text.len()..];
                !quotes.contains(|c: char| !matches!(c, '"' | '\'' | '\n' | '\r'))
                    && after.len() == quotes.trim_end().len()
            }
        })
    }
}
