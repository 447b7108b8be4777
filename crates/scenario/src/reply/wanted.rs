//! What is expected: values and expressions that may hold templates, rendered when an answer is looked into.

use super::Pattern;
use crate::template::{JsonTemplate, Scope, TemplateError, Text};
use serde_json::Value;
use std::borrow::Cow;

/// A value that is expected.
#[derive(Clone, Debug, PartialEq)]
pub enum WantedValue {
    /// The same for every request.
    Fixed(Value),
    /// Rendered for each request.
    Template(JsonTemplate),
}

/// A regular expression that is to match.
#[derive(Clone, Debug, PartialEq)]
pub enum WantedPattern {
    /// The same for every request.
    Fixed(Pattern),
    /// Rendered and compiled for each request.
    Template(Text),
}

/// Why a check does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missed {
    /// The answer is not as expected.
    Check(String),
    /// What is expected cannot be told.
    Template(String),
}

impl WantedValue {
    /// The value that this comes to.
    pub(crate) fn of(json: JsonTemplate) -> Self {
        match json.fixed().map(serde_json::from_str) {
            Some(Ok(value)) => Self::Fixed(value),
            _ => Self::Template(json),
        }
    }

    /// The value for one answer; `what` is what it is expected of.
    pub(super) fn get(&self, scope: &Scope, what: &str) -> Result<Cow<'_, Value>, Missed> {
        match self {
            Self::Fixed(value) => Ok(Cow::Borrowed(value)),
            Self::Template(json) => {
                let mut bytes = Vec::new();
                let value = json
                    .render(scope, &mut bytes)
                    .and_then(|()| serde_json::from_slice(&bytes).map_err(|_| "no value".into()));
                value.map(Cow::Owned).map_err(|reason| failed(what, reason))
            }
        }
    }

    /// The value with its templates as they were written.
    pub(crate) fn source(&self) -> Value {
        match self {
            Self::Fixed(value) => value.clone(),
            Self::Template(json) => serde_json::from_str(&json.source()).unwrap_or_default(),
        }
    }
}

impl WantedPattern {
    /// The expression for one answer; `what` is what it is expected of.
    pub(super) fn get(&self, scope: &Scope, what: &str) -> Result<Cow<'_, Pattern>, Missed> {
        match self {
            Self::Fixed(pattern) => Ok(Cow::Borrowed(pattern)),
            Self::Template(text) => {
                let pattern = text.render(scope).and_then(|text| {
                    Pattern::parse(&text).map_err(|error| scope.mask(&error.message).into_owned())
                });
                pattern
                    .map(Cow::Owned)
                    .map_err(|reason| failed(what, reason))
            }
        }
    }

    /// The expression with its templates as they were written.
    pub(crate) fn source(&self) -> &str {
        match self {
            Self::Fixed(pattern) => pattern.text(),
            Self::Template(text) => text.source(),
        }
    }
}

/// What is expected cannot be told, for this reason.
pub(super) fn failed(what: &str, reason: String) -> Missed {
    let what = format!("what is expected of {what}");
    Missed::Template(
        TemplateError {
            what,
            reason,
            lacks_token: false,
        }
        .to_string(),
    )
}
