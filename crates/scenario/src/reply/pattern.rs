//! Regular expressions over bytes, as answers need not be text.

use crate::quantity::Misread;
use regex::bytes::{Captures, Regex, RegexBuilder};

/// The largest compiled expression, in bytes.
const LARGEST: usize = 4 << 20;

/// A regular expression, compiled.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    compiled: Regex,
}

impl Pattern {
    /// Compiles an expression.
    ///
    /// # Errors
    ///
    /// Where the text is no regular expression, or one that takes too much memory.
    pub fn parse(text: &str) -> Result<Self, Misread> {
        let misread = |message: String, span| Misread {
            message,
            span,
            help: Some("in TOML, '…' keeps backslashes as they are: '\\d+'".to_owned()),
        };
        match RegexBuilder::new(text).size_limit(LARGEST).build() {
            Ok(compiled) => Ok(Self {
                text: text.to_owned(),
                compiled,
            }),
            Err(regex::Error::CompiledTooBig(_)) => Err(misread(
                "the regular expression takes too much memory".to_owned(),
                0..text.len(),
            )),
            Err(error) => {
                let told = error.to_string();
                let reason = told.lines().last().unwrap_or(&told);
                let reason = reason.strip_prefix("error: ").unwrap_or(reason);
                Err(misread(
                    format!("no regular expression: {reason}"),
                    0..text.len(),
                ))
            }
        }
    }

    /// Whether it matches anywhere.
    #[must_use]
    pub fn matches(&self, bytes: &[u8]) -> bool {
        self.compiled.is_match(bytes)
    }

    /// Every match: the first of its groups that took part, or the whole where none did.
    pub(crate) fn all(&self, bytes: &[u8]) -> Vec<String> {
        let matches = self.compiled.captures_iter(bytes);
        matches.filter_map(|captures| meant(&captures)).collect()
    }

    /// The first match, likewise.
    pub(crate) fn first(&self, bytes: &[u8]) -> Option<String> {
        meant(&self.compiled.captures(bytes)?)
    }

    /// The expression as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

fn meant(captures: &Captures<'_>) -> Option<String> {
    let group = captures.iter().skip(1).flatten().next();
    let found = group.or_else(|| captures.get(0))?;
    Some(String::from_utf8_lossy(found.as_bytes()).into_owned())
}
