//! Values that are taken out of an answer, for later steps to use.

use super::{Keep, Path, Pattern, Reply};
use crate::template::Extracted;
use minijinja::value::{Serde, Value};
use std::sync::Arc;

/// A value that is taken out of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Extract {
    /// What templates call it.
    pub name: Arc<str>,
    /// Where it stands.
    pub finder: Finder,
    /// Whether every place is wanted, as a list, rather than the first.
    pub all: bool,
    /// What it is where there is nothing to be found; absent: that is a failed check.
    pub default: Option<serde_json::Value>,
    /// Whether it is hidden wherever it would be shown.
    pub secret: bool,
}

/// Where a value stands in an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Finder {
    /// In the body, which is JSON.
    Json(Path),
    /// In the body, or in the text of a stream: the first group of the expression, or all that it matches.
    Regex(Pattern),
    /// A header field; the name in lower case.
    Header(String),
    /// A cookie that the answer sets.
    Cookie(String),
    /// The whole text of the stream, or the whole body.
    Text,
}

impl Extract {
    /// The value in this answer.
    ///
    /// # Errors
    ///
    /// Why there is none, where there is no default.
    pub fn find(&self, reply: &Reply<'_>) -> Result<Extracted, String> {
        match self.look(reply) {
            Ok(value) => Ok(Extracted::new(value, self.secret)),
            Err(reason) => self
                .fallback()
                .ok_or_else(|| format!("extract {}: {reason}", self.name)),
        }
    }

    /// The value where there is nothing to be found, or no answer to be looked into.
    #[must_use]
    pub fn fallback(&self) -> Option<Extracted> {
        let default = self.default.as_ref()?;
        Some(Extracted::new(Value::from(Serde(default)), self.secret))
    }

    fn look(&self, reply: &Reply<'_>) -> Result<Value, String> {
        match &self.finder {
            Finder::Json(path) => {
                let json = reply.json()?;
                let nothing = || format!("there is nothing at {} in the body", path.text());
                if self.all {
                    let found = path.all(json);
                    let found = Some(found).filter(|found| !found.is_empty());
                    return found
                        .map(|found| Value::from(Serde(found)))
                        .ok_or_else(nothing);
                }
                let found = path.first(json).map(|found| Value::from(Serde(found)));
                found.ok_or_else(nothing)
            }
            Finder::Regex(pattern) => {
                let (bytes, note) = match reply.text {
                    Some(text) => (text.as_bytes(), String::new()),
                    None => (reply.body(), reply.cut_note()),
                };
                let nothing = || format!("nothing matches {}{note}", pattern.text());
                if self.all {
                    let found = pattern.all(bytes);
                    let found = Some(found).filter(|found| !found.is_empty());
                    return found.map(Value::from).ok_or_else(nothing);
                }
                pattern.first(bytes).map(Value::from).ok_or_else(nothing)
            }
            Finder::Header(name) => reply
                .header(name)
                .map(Value::from)
                .ok_or_else(|| format!("the answer has no header {name}")),
            Finder::Cookie(name) => reply
                .cookie(name)
                .map(Value::from)
                .ok_or_else(|| format!("the answer sets no cookie {name}")),
            Finder::Text => match reply.text {
                Some("") => Err("the stream has no text".to_owned()),
                Some(_) if reply.text_is_cut => Err("the text is too long to be kept".to_owned()),
                Some(text) => Ok(Value::from(text)),
                None if reply.is_cut() => Err("the body is too long to be kept".to_owned()),
                None => Ok(Value::from(String::from_utf8_lossy(reply.body()))),
            },
        }
    }

    /// What of an answer it needs; `streams`: whether its step reads streams.
    pub(crate) const fn keep(&self, streams: bool) -> Keep {
        let content = Keep {
            head: false,
            body: !streams,
            text: streams,
        };
        match self.finder {
            Finder::Json(_) => Keep {
                head: false,
                body: true,
                text: false,
            },
            Finder::Regex(_) | Finder::Text => content,
            Finder::Header(_) | Finder::Cookie(_) => Keep {
                head: true,
                body: false,
                text: false,
            },
        }
    }

    /// What it is, as JSON, for the canonical plan.
    pub(crate) fn canonical(&self) -> serde_json::Value {
        let (kind, from) = match &self.finder {
            Finder::Json(path) => ("json", path.text()),
            Finder::Regex(pattern) => ("regex", pattern.text()),
            Finder::Header(name) => ("header", name.as_str()),
            Finder::Cookie(name) => ("cookie", name.as_str()),
            Finder::Text => ("text", ""),
        };
        let default = if self.secret {
            self.default.as_ref().map(|_| "***".into())
        } else {
            self.default.clone()
        };
        serde_json::json!({ "from": [kind, from], "all": self.all, "default": default })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn extract(finder: Finder, all: bool) -> Extract {
        Extract {
            name: "v".into(),
            finder,
            all,
            default: None,
            secret: false,
        }
    }

    fn json(path: &str) -> Finder {
        Finder::Json(Path::parse(path).unwrap())
    }

    fn regex(pattern: &str) -> Finder {
        Finder::Regex(Pattern::parse(pattern).unwrap())
    }

    #[test]
    fn values_are_found_or_it_is_told_why_not() {
        let head =
            b"HTTP/1.1 201 Created\r\nLocation: /items/7\r\nset-cookie: sid=abc; Path=/\r\n\r\n";
        let body = br#"{"token":"t-1","items":[{"id":7},{"id":8}],"none":null,"n":1.5}"#;
        let one = [
            (json("$.token"), "t-1"),
            (json("$.n"), "1.5"),
            (json("$.items[*].id"), "7"),
            (json("$.items[1]"), r#"{"id":8}"#),
            (json("$.none"), ""),
            (regex(r#""id":(\d+)"#), "7"),
            (regex(r#"\d+"#), "1"),
            (regex(r#"(x)|"id":(\d)"#), "7"),
            (Finder::Header("location".to_owned()), "/items/7"),
            (Finder::Cookie("sid".to_owned()), "abc"),
            (Finder::Text, std::str::from_utf8(body).unwrap()),
        ];
        for (finder, value) in one {
            let told = format!("{finder:?}");
            let found = extract(finder, false).find(&Reply::new(head, body));
            assert_eq!(
                found.map(|found| found.to_string()),
                Ok(value.to_owned()),
                "{told}"
            );
        }
        for (finder, value) in [
            (json("$.items[*].id"), "[7,8]"),
            (json("$.token"), r#"["t-1"]"#),
            (regex(r#""id":(\d+)"#), r#"["7","8"]"#),
        ] {
            let found = extract(finder, true).find(&Reply::new(head, body));
            assert_eq!(found.map(|found| found.to_string()), Ok(value.to_owned()));
        }
        for (finder, all, reason) in [
            (
                json("$.absent"),
                false,
                "extract v: there is nothing at $.absent in the body",
            ),
            (
                json("$.absent[*]"),
                true,
                "extract v: there is nothing at $.absent[*] in the body",
            ),
            (regex("zzz"), false, "extract v: nothing matches zzz"),
            (regex("zzz"), true, "extract v: nothing matches zzz"),
            (
                Finder::Header("etag".to_owned()),
                false,
                "extract v: the answer has no header etag",
            ),
            (
                Finder::Cookie("Path".to_owned()),
                false,
                "extract v: the answer sets no cookie Path",
            ),
        ] {
            let mut extract = extract(finder, all);
            let reply = Reply::new(head, body);
            assert_eq!(extract.find(&reply).map(|_| ()), Err(reason.to_owned()));
            extract.default = Some(json!({ "id": 0 }));
            assert_eq!(extract.find(&reply).unwrap().to_string(), r#"{"id":0}"#);
        }
    }

    #[test]
    fn streams_are_looked_into_by_their_text() {
        let mut reply = Reply::new(
            b"",
            b"data: {\"delta\":\"4\"}\n\ndata: {\"delta\":\"2\"}\n\n",
        );
        reply.text = Some("42");
        let find = |finder, reply: &Reply<'_>| {
            let found = extract(finder, false).find(reply);
            found.map(|found| found.to_string())
        };
        assert_eq!(find(Finder::Text, &reply), Ok("42".to_owned()));
        assert_eq!(find(regex(r"\d\d"), &reply), Ok("42".to_owned()));
        assert!(find(regex("delta"), &reply).is_err());
        reply.text = Some("");
        assert_eq!(
            find(Finder::Text, &reply),
            Err("extract v: the stream has no text".to_owned())
        );
    }

    #[test]
    fn what_was_not_kept_is_not_taken_for_absent() {
        let mut reply = Reply::new(b"", b"abc");
        reply.length = 10;
        for (finder, reason) in [
            (
                regex("z"),
                "nothing matches z (only its first 3 bytes are looked into)",
            ),
            (
                json("$"),
                "the body of 10 bytes is too long to be looked into",
            ),
            (Finder::Text, "the body is too long to be kept"),
        ] {
            let found = extract(finder, false).find(&reply);
            assert_eq!(found.map(|_| ()), Err(format!("extract v: {reason}")));
        }
    }
}
