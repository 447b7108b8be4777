//! A value of a scenario with the place it stands at.

use crate::problem::Place;
use serde_json::{Number, Value};

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub place: Place,
}

/// What became of a key that a table may have.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) enum Field<T> {
    /// It is not there.
    #[default]
    Absent,
    /// It is there, but its value is a problem that has been told.
    Broken,
    /// It is there.
    Given(Located<T>),
}

/// A value as it stands in the text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// The value.
    pub kind: Kind,
    /// Where it stands.
    pub place: Place,
    /// Where a text has no escapes: how many bytes after the start of `place` it begins.
    pub verbatim: Option<usize>,
}

/// The kinds of values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A string.
    Text(String),
    /// A whole number.
    Integer(i128),
    /// A number with a fraction.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// A date or a time, as text.
    Date(String),
    /// A list.
    List(Vec<Node>),
    /// A table, in the order of the text.
    Table(Vec<(Located<String>, Node)>),
    /// Something that is a problem already told.
    Broken,
}

/// Text that may hold templates, with what it takes to point into it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Source {
    /// The text.
    pub text: String,
    /// Where it stands.
    pub place: Place,
    /// Where it has no escapes: how many bytes after the start of `place` it begins.
    pub verbatim: Option<usize>,
    /// Whether `{{ }}` in it is a template; false for texts of the command line.
    pub template: bool,
}

impl<T> Located<T> {
    /// A value at a place.
    pub(crate) fn new(value: T, place: impl Into<Place>) -> Self {
        Self {
            value,
            place: place.into(),
        }
    }

    /// The same place with another value.
    pub(crate) fn with<U>(&self, value: U) -> Located<U> {
        Located {
            value,
            place: self.place.clone(),
        }
    }
}

impl<T> Field<T> {
    /// The value, where it is there and right.
    pub(crate) const fn given(&self) -> Option<&Located<T>> {
        if let Self::Given(located) = self {
            Some(located)
        } else {
            None
        }
    }

    /// Whether the key is not there at all.
    pub(crate) const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// This one, or `other` where this one is absent.
    pub(crate) const fn or<'a>(&'a self, other: &'a Self) -> &'a Self {
        if self.is_absent() { other } else { self }
    }
}

impl Node {
    /// What it is, with an article.
    pub(crate) const fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Text(_) => "a string",
            Kind::Integer(_) => "a number",
            Kind::Float(_) => "a number with a fraction",
            Kind::Bool(_) => "a boolean",
            Kind::Date(_) => "a date",
            Kind::List(_) => "a list",
            Kind::Table(_) => "a table",
            Kind::Broken => "broken",
        }
    }

    /// The same as JSON: dates as text, `null` for what is broken.
    pub(crate) fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Text(text) | Kind::Date(text) => text.as_str().into(),
            Kind::Integer(number) => number
                .to_string()
                .parse::<Number>()
                .map_or(Value::Null, Into::into),
            Kind::Float(number) => (*number).into(),
            Kind::Bool(value) => (*value).into(),
            Kind::List(list) => list.iter().map(Self::to_json).collect(),
            Kind::Table(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, node)| (key.value.clone(), node.to_json()))
                    .collect(),
            ),
            Kind::Broken => Value::Null,
        }
    }

    /// Whether anything in it is a problem already told.
    pub(crate) fn is_broken(&self) -> bool {
        match &self.kind {
            Kind::List(list) => list.iter().any(Self::is_broken),
            Kind::Table(entries) => entries.iter().any(|(_, node)| node.is_broken()),
            kind => *kind == Kind::Broken,
        }
    }

    /// Where a part of its text stands.
    pub(crate) fn part(&self, span: &std::ops::Range<usize>) -> Place {
        match self.verbatim {
            Some(skip) => self.place.part(skip, span),
            None => self.place.clone(),
        }
    }

    /// Its text as a source of templates.
    pub(crate) fn source(&self, text: &str) -> Source {
        Source {
            text: text.to_owned(),
            place: self.place.clone(),
            verbatim: self.verbatim,
            template: true,
        }
    }
}

impl Source {
    /// Where a part of the text stands.
    pub(crate) fn part(&self, span: &std::ops::Range<usize>) -> Place {
        match self.verbatim {
            Some(skip) => self.place.part(skip, span),
            None => self.place.clone(),
        }
    }
}
