//! JSON with templates in it: fixed bytes, and gaps that are rendered.

use super::{Scope, Text};

/// JSON with templates in it. Keys are as written; a string that is one expression keeps the expression's type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JsonTemplate {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Bytes of JSON.
    Fixed(String),
    /// A string with templates in it, written as a JSON string.
    Text(Text),
    /// An expression, written as the JSON of its value.
    Value(Text),
}

/// Puts a [`JsonTemplate`] together from left to right.
#[derive(Debug, Default)]
pub(crate) struct JsonBuilder {
    parts: Vec<Part>,
}

impl JsonTemplate {
    /// Writes the JSON for one request; the error does not say yet what was rendered.
    pub(crate) fn render(&self, scope: &Scope, out: &mut Vec<u8>) -> Result<(), String> {
        for part in &self.parts {
            match part {
                Part::Fixed(json) => out.extend_from_slice(json.as_bytes()),
                Part::Value(text) => out.extend_from_slice(text.render(scope)?.as_bytes()),
                Part::Text(text) => out.extend_from_slice(quote(&text.render(scope)?).as_bytes()),
            }
        }
        Ok(())
    }

    /// The JSON, where it needs no rendering.
    #[must_use]
    pub fn fixed(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Fixed(json)] => Some(json),
            _ => None,
        }
    }

    /// The JSON with its templates as they were written.
    #[must_use]
    pub fn source(&self) -> String {
        let source = |part: &Part| match part {
            Part::Fixed(json) => json.clone(),
            Part::Text(text) | Part::Value(text) => quote(text.source()),
        };
        self.parts.iter().map(source).collect()
    }
}

impl JsonBuilder {
    /// Adds JSON as it is.
    pub(crate) fn json(&mut self, json: &str) {
        match self.parts.last_mut() {
            Some(Part::Fixed(fixed)) => fixed.push_str(json),
            _ => self.parts.push(Part::Fixed(json.to_owned())),
        }
    }

    /// Adds a string.
    pub(crate) fn string(&mut self, text: Text) {
        match text {
            Text::Fixed(text) => self.json(&quote(&text)),
            Text::Template(_) => self.parts.push(Part::Text(text)),
        }
    }

    /// Adds an expression whose rendering is JSON.
    pub(crate) fn value(&mut self, text: Text) {
        match text {
            Text::Fixed(json) => self.json(&json),
            Text::Template(_) => self.parts.push(Part::Value(text)),
        }
    }

    /// The whole.
    pub(crate) fn finish(self) -> JsonTemplate {
        JsonTemplate { parts: self.parts }
    }
}

/// Whether a text is one expression and nothing else: `{{ … }}`.
pub(crate) fn sole_expression(text: &str) -> bool {
    let Some(inside) = text
        .strip_prefix("{{")
        .and_then(|rest| rest.strip_suffix("}}"))
    else {
        return false;
    };
    let mut quote = None;
    let mut depth = 0_usize;
    let mut chars = inside.char_indices();
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (Some(_), '\\') => _ = chars.next(),
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '{' | '(' | '[') => depth += 1,
            (None, '}') if depth == 0 && inside[at..].starts_with("}}") => return false,
            (None, '}' | ')' | ']') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
    }
    quote.is_none()
}

/// A text as a JSON string.
pub(crate) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sole_expression_is_told_from_text() {
        for text in [
            "{{ x }}",
            "{{x}}",
            "{{- x -}}",
            "{{ '}}' }}",
            "{{ {'a': {'b': 1}} }}",
            "{{ \"\\\"}}\" }}",
        ] {
            assert!(sole_expression(text), "{text}");
        }
        for text in [
            "{{ x }} ",
            " {{ x }}",
            "a{{ x }}",
            "{{ x }}{{ y }}",
            "{{ x }} and {{ y }}",
            "{% x %}",
            "{{",
            "}}",
            "",
        ] {
            assert!(!sole_expression(text), "{text}");
        }
    }
}
