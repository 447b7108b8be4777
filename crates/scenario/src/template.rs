//! Templates: text with expressions in it, compiled once, rendered for each request.

/// Text that may hold templates.
#[derive(Clone, Debug)]
pub enum Text {
    /// Needs no rendering.
    Fixed(String),
}

/// JSON with templates in it.
#[derive(Clone, Debug)]
pub struct JsonTemplate(());

/// The values a user's templates can use.
#[derive(Debug)]
pub struct Scope(());

/// Why a template could not be rendered.
#[derive(Debug, thiserror::Error)]
#[error("render {what}: {reason}")]
pub struct TemplateError {
    /// What was rendered.
    pub what: String,
    /// Why it failed; holds no secret.
    pub reason: String,
}
