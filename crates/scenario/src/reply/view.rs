//! An answer as it is looked into: its head, its body, the text of its stream.

use serde_json::Value;
use std::{borrow::Cow, cell::OnceCell};

/// An answer as it is looked into.
#[derive(Debug, Default)]
pub struct Reply<'a> {
    head: &'a [u8],
    body: &'a [u8],
    /// Bytes of the whole decoded body, of which `body` may be the beginning only.
    pub length: u64,
    /// The text of the stream, where the answer was one.
    pub text: Option<&'a str>,
    /// Whether the text was cut because it grew too long.
    pub text_is_cut: bool,
    /// Output tokens: by usage, else the events with output.
    pub tokens: Option<u64>,
    json: OnceCell<Result<Value, String>>,
}

impl<'a> Reply<'a> {
    /// An answer with this head as received, and this body as far as it was kept.
    #[must_use]
    pub fn new(head: &'a [u8], body: &'a [u8]) -> Self {
        Self {
            head,
            body,
            length: u64::try_from(body.len()).unwrap_or(u64::MAX),
            ..Self::default()
        }
    }

    /// The body as far as it was kept.
    pub(super) const fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Whether some of the body was not kept.
    pub(super) fn is_cut(&self) -> bool {
        u64::try_from(self.body.len()).is_ok_and(|kept| kept < self.length)
    }

    /// What a failed look into the body has to add where the body was cut.
    pub(super) fn cut_note(&self) -> String {
        if self.is_cut() {
            format!(
                " (only its first {} bytes are looked into)",
                self.body.len()
            )
        } else {
            String::new()
        }
    }

    /// The body as JSON, read once; or why it is none.
    pub(super) fn json(&self) -> Result<&Value, String> {
        let read = || {
            if self.is_cut() {
                return Err(format!(
                    "the body of {} bytes is too long to be looked into",
                    self.length
                ));
            }
            if self.body.trim_ascii().is_empty() {
                return Err("the body is empty".to_owned());
            }
            serde_json::from_slice(self.body).map_err(|error| {
                let start = String::from_utf8_lossy(&self.body[..self.body.len().min(200)]);
                format!(
                    "the body is not JSON ({error}): {}",
                    super::shown(start.trim())
                )
            })
        };
        self.json.get_or_init(read).as_ref().map_err(Clone::clone)
    }

    /// The values of a header field; the name in lower case.
    pub(super) fn headers(&self, name: &str) -> impl Iterator<Item = Cow<'a, str>> {
        self.head
            .split(|byte| *byte == b'\n')
            .skip(1)
            .filter_map(move |line| {
                let colon = line.iter().position(|byte| *byte == b':')?;
                let (found, value) = line.split_at(colon);
                found
                    .eq_ignore_ascii_case(name.as_bytes())
                    .then(|| String::from_utf8_lossy(value[1..].trim_ascii()))
            })
    }

    /// The value of a header field; several of the same name as one list (RFC 9110, section 5.3).
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self.headers(name).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// The value that the answer gives a cookie; the last where it gives several.
    pub(super) fn cookie(&self, name: &str) -> Option<String> {
        let value = |field: Cow<'_, str>| {
            let pair = field.split(';').next().unwrap_or_default();
            let (found, value) = pair.split_once('=')?;
            (found.trim() == name).then(|| value.trim().to_owned())
        };
        self.headers("set-cookie").filter_map(value).last()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nx-a: 1\r\nX-A:2 \r\nempty:\r\n\
            set-cookie: sid=a=b; Path=/; HttpOnly\r\nSet-Cookie: theme = dark \r\nset-cookie: sid=new\r\nodd\r\n\r\n";
        let reply = Reply::new(head, b"");
        for (name, value) in [
            ("content-type", Some("text/html")),
            ("x-a", Some("1, 2")),
            ("empty", Some("")),
            ("http/1.1 200 ok", None),
            ("odd", None),
            ("absent", None),
        ] {
            assert_eq!(reply.header(name).as_deref(), value, "{name}");
        }
        for (name, value) in [
            ("sid", Some("new")),
            ("theme", Some("dark")),
            ("Path", None),
        ] {
            assert_eq!(reply.cookie(name).as_deref(), value, "{name}");
        }
        assert_eq!(Reply::default().header("x"), None);
    }

    #[test]
    fn bodies_are_json_or_it_is_told_why_not() {
        let mut cut = Reply::new(b"", b"{\"a\":");
        cut.length = 9;
        for (reply, told) in [
            (Reply::new(b"", b" "), "the body is empty"),
            (
                Reply::new(b"", b"<html>\nno"),
                "the body is not JSON (expected value at line 1 column 1): \"<html>\\nno\"",
            ),
            (cut, "the body of 9 bytes is too long to be looked into"),
        ] {
            assert_eq!(reply.json(), Err(told.to_owned()));
        }
        assert_eq!(Reply::new(b"", b"[1]").json(), Ok(&serde_json::json!([1])));
    }
}
