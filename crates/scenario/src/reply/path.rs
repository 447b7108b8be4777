//! JSONPath (RFC 9535).

use crate::quantity::Misread;
use serde_json::Value;
use serde_json_path::JsonPath;

/// A JSONPath (RFC 9535), compiled.
#[derive(Clone, Debug)]
pub struct Path {
    text: String,
    compiled: JsonPath,
}

impl Path {
    /// Compiles a path.
    ///
    /// # Errors
    ///
    /// Where the text is no JSONPath.
    pub fn parse(text: &str) -> Result<Self, Misread> {
        if !text.starts_with('$') {
            return Err(Misread {
                message: format!("`{text}` is no JSONPath: it begins with `$`"),
                span: 0..text.len(),
                help: Some(format!(
                    "write \"$.{}\"",
                    text.trim_start_matches(['.', '/'])
                )),
            });
        }
        match JsonPath::parse(text) {
            Ok(compiled) => Ok(Self {
                text: text.to_owned(),
                compiled,
            }),
            Err(error) => {
                let at = text.floor_char_boundary(error.position().min(text.len()));
                let reason = match error.message() {
                    "parser error" => "it cannot be read from here on",
                    reason => reason,
                };
                Err(Misread {
                    message: format!("no JSONPath: {reason}"),
                    // Where all of it was read, the end is missing something: the whole is marked.
                    span: if at < text.len() { at } else { 0 }..text.len(),
                    help: Some(
                        "for example \"$.items[0].id\", \"$..name\", \"$.items[?@.ok == true].id\""
                            .to_owned(),
                    ),
                })
            }
        }
    }

    /// The values that it leads to, in the order of the document.
    #[must_use]
    pub fn all<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        self.compiled.query(value).all()
    }

    /// The first value that it leads to.
    #[must_use]
    pub fn first<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.compiled.query(value).first()
    }

    /// The path as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_lead_to_values() {
        let document = json!({
            "items": [{ "id": 1, "tags": ["a"] }, { "id": 2, "ok": true }, { "id": 3 }],
            "a b": { "": null },
            "é": "x",
            "total": 3,
        });
        let cases = [
            ("$.items[0].id", json!([1])),
            ("$.items[-1].id", json!([3])),
            ("$.items[*].id", json!([1, 2, 3])),
            ("$.items[1:].id", json!([2, 3])),
            ("$.items[::2].id", json!([1, 3])),
            ("$.items[?@.ok == true].id", json!([2])),
            ("$.items[?@.id > 1 && !@.ok].id", json!([3])),
            ("$.items[?length(@.tags) == 1].id", json!([1])),
            ("$.items[?match(@.tags[0], '[a-z]')].id", json!([1])),
            ("$..id", json!([1, 2, 3])),
            ("$['a b']['']", json!([null])),
            ("$.é", json!(["x"])),
            ("$['total', 'é']", json!([3, "x"])),
            ("$.absent", json!([])),
            ("$.items.id", json!([])),
            ("$", json!([document.clone()])),
        ];
        for (text, found) in cases {
            let path = Path::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
            let values: Vec<Value> = path.all(&document).into_iter().cloned().collect();
            assert_eq!(Value::from(values.clone()), found, "{text}");
            assert_eq!(path.first(&document), values.first(), "{text}");
        }
    }

    #[test]
    fn what_is_no_path_is_told_where_it_breaks() {
        let marked = |text: &'static str| {
            let error = Path::parse(text).expect_err(text);
            assert!(error.help.is_some(), "{text}");
            (text, &text[error.span])
        };
        let told = [
            ("items.id", "items.id"),
            ("", ""),
            ("$.", "$."),
            ("$.items[", "["),
            ("$.items[0]]", "]"),
            ("$[?@.a = 1]", "= 1]"),
            ("$[?unknown(@)]", "unknown(@)]"),
            ("$ .a ", " "),
        ];
        assert_eq!(told.map(|(text, _)| marked(text)), told);
    }
}
