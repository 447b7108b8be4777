//! Templates: text with expressions in it, compiled once, rendered for each request.

mod compile;
mod functions;
mod json;
mod kept;
mod prompt;
mod scope;
mod talk;

pub(crate) use compile::{Compiler, Folded, reserved_help};
pub use json::JsonTemplate;
pub(crate) use json::{JsonBuilder, quote, sole_expression};
pub use kept::{Extracted, Life};
pub use scope::Scope;
pub(crate) use scope::Shared;
pub(crate) use talk::LONGEST_TALK;

use crate::tokens::Tokens;
use minijinja::{Environment, Error, ErrorKind};
use std::{borrow::Cow, sync::Arc};

/// The name by which templates of a conversation know the number of the turn.
pub(crate) const TURN: &str = "turn";

/// The templates of a plan, compiled, with the variables they can use. Shared by all users of all threads.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    shared: Arc<Shared>,
    secrets: Vec<String>,
    secret_values: std::collections::BTreeSet<String>,
    tokens: Arc<Tokens>,
}

/// Text that may hold templates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// Needs no rendering.
    Fixed(String),
    /// Is rendered for each request.
    Template(TemplateName),
}

/// A compiled template of a plan.
///
/// Its name is its mode and its text; the text lives as long as the process, because minijinja gives out templates
/// that it owns only behind a lock that all threads would share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemplateName(&'static str);

/// Why a template could not be rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct TemplateError {
    /// What was rendered: `the path`, `the header x-id`, `the body`.
    pub what: String,
    /// Why it failed; holds no secret.
    pub reason: String,
    /// Whether a token could not be had: no template is wrong then.
    pub lacks_token: bool,
}

impl std::fmt::Display for TemplateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verb = if self.lacks_token { "get" } else { "render" };
        write!(f, "{verb} {}: {}", self.what, self.reason)
    }
}

/// How the value of an expression is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As text: strings as they are, lists and tables as JSON, nothing for `none`.
    Text,
    /// As JSON: the type of the value is kept.
    Json,
}

impl Text {
    /// The text for one request; the error does not say yet what was rendered.
    pub(crate) fn render<'a>(&'a self, scope: &Scope) -> Result<Cow<'a, str>, String> {
        match self {
            Self::Fixed(text) => Ok(Cow::Borrowed(text)),
            Self::Template(name) => scope.render(*name).map(Cow::Owned),
        }
    }

    /// The text, where it needs no rendering.
    #[must_use]
    pub fn fixed(&self) -> Option<&str> {
        match self {
            Self::Fixed(text) => Some(text),
            Self::Template(_) => None,
        }
    }

    pub(crate) fn into_fixed(self) -> Option<String> {
        match self {
            Self::Fixed(text) => Some(text),
            Self::Template(_) => None,
        }
    }

    /// The text as it was written, or as it was rendered once.
    #[must_use]
    pub fn source(&self) -> &str {
        match self {
            Self::Fixed(text) => text,
            Self::Template(name) => name.source(),
        }
    }
}

impl TemplateName {
    const TEXT: &'static str = "text:";
    const JSON: &'static str = "json:";

    /// The text of the template.
    #[must_use]
    pub fn source(self) -> &'static str {
        self.0.get(Self::TEXT.len()..).unwrap_or_default()
    }
}

impl Mode {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Text => TemplateName::TEXT,
            Self::Json => TemplateName::JSON,
        }
    }

    fn of(name: &str) -> Self {
        if name.starts_with(TemplateName::JSON) {
            Self::Json
        } else {
            Self::Text
        }
    }
}

impl Templates {
    /// Tells the seed of the run.
    pub(crate) fn begin_run(&self, seed: u64) {
        self.shared
            .run_seed
            .store(seed, std::sync::atomic::Ordering::Relaxed);
    }

    /// Tells all users what the setup came to know; once.
    pub(crate) fn share(&self, values: Vec<(Arc<str>, Extracted)>) {
        // A second call would change values under the hands of users.
        let _ = self.shared.of_setup.set(values);
    }

    /// The tokens of the run.
    pub(crate) fn tokens(&self) -> &Arc<Tokens> {
        &self.tokens
    }

    fn render(&self, name: TemplateName, scope: &Scope) -> Result<String, Error> {
        self.environment
            .get_template(name.0)?
            .render(scope.context())
    }
}

/// The words of an error, without the name of its template.
fn explain(error: &Error) -> String {
    let detail = error.detail().map(ToOwned::to_owned);
    match error.kind() {
        ErrorKind::OutOfFuel => "the template takes too many steps".to_owned(),
        ErrorKind::UndefinedError | ErrorKind::InvalidOperation | ErrorKind::UnknownMethod => {
            detail.unwrap_or_else(|| error.kind().to_string())
        }
        kind => detail.map_or_else(|| kind.to_string(), |detail| format!("{kind}: {detail}")),
    }
}
