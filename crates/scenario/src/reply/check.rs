//! What is expected of an answer beside its status.

use super::{
    Bounds, Keep, Missed, Path, Reply, WantedPattern, WantedValue, shown, shown_json, wanted,
};
use crate::{
    secrets::{MASK, is_secret_header, is_secret_name},
    template::{Scope, Text},
};
use serde_json::Value;

/// One thing that is expected of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// The body holds a text.
    BodyContains(Text),
    /// A regular expression matches in the body.
    BodyMatches(WantedPattern),
    /// A header field, its name in lower case, is as these conditions say.
    Header(String, Vec<Criterion>),
    /// The value at a place of the body is as these conditions say.
    Json(Path, Vec<Criterion>),
    /// Bytes of the decoded body.
    BodySize(Bounds),
    /// Output tokens.
    Tokens(Bounds),
}

/// What a value must be.
#[derive(Clone, Debug, PartialEq)]
pub enum Criterion {
    /// This value.
    Equals(WantedValue),
    /// Any other value than this.
    Not(WantedValue),
    /// There, or not there.
    Exists(bool),
    /// A text that holds this one, or a list with it.
    Contains(WantedValue),
    /// A text that the expression matches.
    Matches(WantedPattern),
    /// A number within bounds.
    Within(Bounds),
}

/// A value that is looked at.
struct Seen<'a> {
    value: Option<&'a Value>,
    /// How messages call it.
    what: &'a str,
    /// Whether it can be a text only, so that numbers are compared as they are written.
    is_text: bool,
    /// Whether its name tells of a secret: messages hide it.
    secret: bool,
}

impl Check {
    /// Whether it holds, for the user whose values `scope` holds.
    ///
    /// # Errors
    ///
    /// What is not as it should be, or why that cannot be told.
    pub fn hold(&self, reply: &Reply<'_>, scope: &Scope) -> Result<(), Missed> {
        match self {
            Self::BodyContains(text) => body_contains(text, reply, scope),
            Self::BodyMatches(pattern) => {
                let pattern = pattern.get(scope, "the body")?;
                let held = pattern.matches(reply.body())
                    || reply
                        .text
                        .is_some_and(|text| pattern.matches(text.as_bytes()));
                let note = reply.cut_note();
                unless(held, || {
                    format!("the body does not match {}{note}", pattern.text())
                })
            }
            Self::Header(name, conditions) => {
                let value = reply.header(name).map(Value::from);
                let seen = Seen {
                    value: value.as_ref(),
                    what: &format!("the header {name}"),
                    is_text: true,
                    secret: is_secret_header(name),
                };
                all(conditions, &seen, scope)
            }
            Self::Json(path, conditions) => {
                let json = reply.json().map_err(Missed::Check)?;
                let seen = Seen {
                    value: path.first(json),
                    what: path.text(),
                    is_text: false,
                    secret: is_secret_name(path.text()),
                };
                all(conditions, &seen, scope)
            }
            Self::BodySize(bounds) => within(*bounds, Some(reply.length), "bytes", "the body"),
            Self::Tokens(bounds) => within(*bounds, reply.tokens, "tokens", "the answer"),
        }
    }

    /// What of an answer it needs; `streams`: whether its step reads streams.
    pub(crate) const fn keep(&self, streams: bool) -> Keep {
        let (head, body, text) = match self {
            Self::BodyContains(_) | Self::BodyMatches(_) => (false, true, streams),
            Self::Header(..) => (true, false, false),
            Self::Json(..) => (false, true, false),
            Self::BodySize(_) | Self::Tokens(_) => (false, false, false),
        };
        Keep { head, body, text }
    }

    /// What it is, as JSON, for the canonical plan.
    pub(crate) fn canonical(&self) -> Value {
        let list = |conditions: &[Criterion]| -> Value {
            conditions.iter().map(Criterion::canonical).collect()
        };
        match self {
            Self::BodyContains(text) => serde_json::json!(["body_contains", text.source()]),
            Self::BodyMatches(pattern) => serde_json::json!(["body_matches", pattern.source()]),
            Self::Header(name, conditions) => {
                serde_json::json!(["header", name, list(conditions)])
            }
            Self::Json(path, conditions) => {
                serde_json::json!(["json", path.text(), list(conditions)])
            }
            Self::BodySize(bounds) => serde_json::json!(["body_size", bounds.canonical()]),
            Self::Tokens(bounds) => serde_json::json!(["tokens", bounds.canonical()]),
        }
    }
}

impl Criterion {
    fn hold(&self, seen: &Seen<'_>, scope: &Scope) -> Result<(), Missed> {
        let what = seen.what;
        let Some(value) = seen.value else {
            let held = matches!(self, Self::Exists(false));
            return unless(held, || format!("{what} is absent"));
        };
        let is = |wanted: String| format!("{what} is {}, {wanted}", seen.shown(value));
        match self {
            Self::Exists(there) => {
                unless(*there, || format!("{what} is there: {}", seen.shown(value)))
            }
            Self::Equals(wanted) => {
                let wanted = wanted.get(scope, what)?;
                unless(seen.is(value, &wanted), || {
                    is(format!("not {}", seen.shown(&wanted)))
                })
            }
            Self::Not(unwanted) => {
                let unwanted = unwanted.get(scope, what)?;
                unless(!seen.is(value, &unwanted), || {
                    format!("{what} is {}", seen.shown(value))
                })
            }
            Self::Contains(part) => {
                let part = part.get(scope, what)?;
                unless(contains(value, &part), || {
                    is(format!("which does not contain {}", shown_json(&part)))
                })
            }
            Self::Matches(pattern) => {
                let pattern = pattern.get(scope, what)?;
                unless(pattern.matches(text_of(value).as_bytes()), || {
                    is(format!("which does not match {}", pattern.text()))
                })
            }
            Self::Within(bounds) => match number_of(value) {
                Some(number) => unless(bounds.hold(number), || is(format!("not {bounds}"))),
                None => Err(Missed::Check(is("which is no number".to_owned()))),
            },
        }
    }

    fn canonical(&self) -> Value {
        match self {
            Self::Equals(value) => serde_json::json!(["equals", value.source()]),
            Self::Not(value) => serde_json::json!(["not", value.source()]),
            Self::Exists(there) => serde_json::json!(["exists", there]),
            Self::Contains(value) => serde_json::json!(["contains", value.source()]),
            Self::Matches(pattern) => serde_json::json!(["matches", pattern.source()]),
            Self::Within(bounds) => serde_json::json!(["within", bounds.canonical()]),
        }
    }
}

impl Seen<'_> {
    /// A value as messages show it.
    fn shown(&self, value: &Value) -> String {
        match self.secret {
            true => MASK.to_owned(),
            false => shown_json(value),
        }
    }

    /// Whether it is the value that is wanted.
    fn is(&self, value: &Value, wanted: &Value) -> bool {
        let scalar = !wanted.is_array() && !wanted.is_object();
        same(value, wanted) || self.is_text && scalar && text_of(value) == text_of(wanted)
    }
}

fn body_contains(text: &Text, reply: &Reply<'_>, scope: &Scope) -> Result<(), Missed> {
    let failed = |reason| wanted::failed("the body", reason);
    let text = text.render(scope).map_err(failed)?;
    if text.is_empty() {
        return Err(failed("it is empty: every body contains it".to_owned()));
    }
    let held = holds(reply.body(), text.as_bytes())
        || reply.text.is_some_and(|found| found.contains(&*text));
    let note = reply.cut_note();
    unless(held, || {
        format!("the body does not contain {}{note}", shown(&text))
    })
}

fn all(conditions: &[Criterion], seen: &Seen<'_>, scope: &Scope) -> Result<(), Missed> {
    let mut conditions = conditions.iter();
    conditions.try_for_each(|condition| condition.hold(seen, scope))
}

fn within(bounds: Bounds, count: Option<u64>, unit: &str, what: &str) -> Result<(), Missed> {
    let Some(count) = count else {
        let reason = format!("{what} does not tell its {unit}");
        return Err(Missed::Check(reason));
    };
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    let held = bounds.hold(count as f64);
    unless(held, || format!("{what} has {count} {unit}, not {bounds}"))
}

/// What is not as it should be, unless it is.
fn unless(held: bool, reason: impl FnOnce() -> String) -> Result<(), Missed> {
    if held {
        Ok(())
    } else {
        Err(Missed::Check(reason()))
    }
}

/// Whether two values are the same; numbers by what they count, so that 1 is 1.0.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, one)| other.get(key).is_some_and(|other| same(one, other)))
        }
        _ => left == right,
    }
}

fn contains(value: &Value, part: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(|value| same(value, part)),
        _ => text_of(value).contains(&text_of(part)),
    }
}

/// A value as text: strings as they are, others as JSON.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A number, also one that is written as text, as in header fields.
fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text
            .trim()
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite()),
        other => other.as_f64(),
    }
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(haystack, needle).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::Pattern;
    use serde_json::json;

    fn at(path: &str, condition: Criterion) -> Check {
        Check::Json(Path::parse(path).unwrap(), vec![condition])
    }

    fn pattern(text: &str) -> WantedPattern {
        WantedPattern::Fixed(Pattern::parse(text).unwrap())
    }

    fn value(value: Value) -> WantedValue {
        WantedValue::Fixed(value)
    }

    fn text(text: &str) -> Check {
        Check::BodyContains(Text::Fixed(text.to_owned()))
    }

    /// The values of some user.
    fn scope() -> Scope {
        let source = crate::SourceText {
            path: "t.toml",
            text: "load = { duration = \"1s\" }\n[[step]]\nget = \"http://h/\"\n",
            stem: "t",
        };
        crate::load(source, &crate::Overrides::default())
            .unwrap()
            .plan
            .scope(7, 1)
    }

    fn check(check: &Check, reply: &Reply<'_>, outcome: Result<(), &str>) {
        assert_eq!(
            check.hold(reply, &scope()),
            outcome.map_err(|reason| Missed::Check(reason.to_owned())),
            "{check:?}"
        );
    }

    #[test]
    fn values_in_json_are_judged() {
        use Criterion::{Contains, Equals, Exists, Matches, Not, Within};
        let body = br#"{"status":"ok","n":3,"big":1e2,"none":null,"tags":["a",1],"o":{"a":1.0}}"#;
        let reply = Reply::new(b"", body);
        let bounds = |min, max| Within(Bounds { min, max });
        let cases = [
            (at("$.status", Equals(value(json!("ok")))), Ok(())),
            (
                at("$.status", Equals(value(json!("bad")))),
                Err(r#"$.status is "ok", not "bad""#),
            ),
            (at("$.n", Equals(value(json!(3.0)))), Ok(())),
            (
                at("$.n", Equals(value(json!("3")))),
                Err(r#"$.n is 3, not "3""#),
            ),
            (at("$.o", Equals(value(json!({ "a": 1 })))), Ok(())),
            (at("$.tags", Equals(value(json!(["a", 1])))), Ok(())),
            (
                at("$.tags", Equals(value(json!(["a"])))),
                Err(r#"$.tags is ["a",1], not ["a"]"#),
            ),
            (at("$.x", Equals(value(json!(null)))), Err("$.x is absent")),
            (at("$.none", Equals(value(json!(null)))), Ok(())),
            (at("$.n", Not(value(json!(4)))), Ok(())),
            (at("$.n", Not(value(json!(3)))), Err("$.n is 3")),
            (at("$.none", Exists(true)), Ok(())),
            (at("$.x", Exists(true)), Err("$.x is absent")),
            (at("$.x", Exists(false)), Ok(())),
            (at("$.n", Exists(false)), Err("$.n is there: 3")),
            (at("$.status", Contains(value(json!("o")))), Ok(())),
            (at("$.tags", Contains(value(json!("a")))), Ok(())),
            (
                at("$.tags", Contains(value(json!("b")))),
                Err(r#"$.tags is ["a",1], which does not contain "b""#),
            ),
            (at("$.status", Matches(pattern("^o.$"))), Ok(())),
            (
                at("$.status", Matches(pattern("^x"))),
                Err(r#"$.status is "ok", which does not match ^x"#),
            ),
            (at("$.n", bounds(Some(3.0), None)), Ok(())),
            (at("$.big", bounds(None, Some(100.0))), Ok(())),
            (
                at("$.n", bounds(Some(4.0), None)),
                Err("$.n is 3, not at least 4"),
            ),
            (
                at("$.n", bounds(None, Some(2.5))),
                Err("$.n is 3, not at most 2.5"),
            ),
            (
                at("$.n", bounds(Some(1.0), Some(2.0))),
                Err("$.n is 3, not from 1 to 2"),
            ),
            (
                at("$.status", bounds(Some(1.0), None)),
                Err(r#"$.status is "ok", which is no number"#),
            ),
        ];
        for (one, outcome) in cases {
            check(&one, &reply, outcome);
        }
        let both = Check::Json(
            Path::parse("$.n").unwrap(),
            vec![Exists(true), bounds(Some(9.0), None)],
        );
        check(&both, &reply, Err("$.n is 3, not at least 9"));
        let broken = at("$.n", Exists(false));
        check(&broken, &Reply::new(b"", b""), Err("the body is empty"));
    }

    #[test]
    fn values_with_secret_names_are_hidden() {
        use Criterion::{Contains, Equals, Exists, Matches, Not};
        let head = b"HTTP/1.1 200 OK\r\nset-cookie: sid=1\r\n\r\n";
        let body = br#"{"token":"tok-1","session":{"id":"tok-1"},"user":"ann"}"#;
        let reply = Reply::new(head, body);
        let header = |condition| Check::Header("set-cookie".to_owned(), vec![condition]);
        let cases = [
            (
                at("$.token", Equals(value(json!("x")))),
                "$.token is ***, not ***",
            ),
            (
                at("$['token']", Matches(pattern("^ey"))),
                "$['token'] is ***, which does not match ^ey",
            ),
            (
                at("$.session.id", Exists(false)),
                "$.session.id is there: ***",
            ),
            (at("$.token", Not(value(json!("tok-1")))), "$.token is ***"),
            (at("$.user", Exists(false)), "$.user is there: \"ann\""),
            (
                header(Contains(value(json!("Secure")))),
                "the header set-cookie is ***, which does not contain \"Secure\"",
            ),
        ];
        for (one, told) in cases {
            check(&one, &reply, Err(told));
        }
    }

    #[test]
    fn heads_bodies_and_counts_are_judged() {
        use Criterion::{Contains, Equals, Exists, Within};
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nx-left: 9\r\n\r\n";
        let mut reply = Reply::new(head, b"hello wor");
        reply.length = 11;
        reply.tokens = Some(5);
        let header = |name: &str, condition| Check::Header(name.to_owned(), vec![condition]);
        let bounds = |min, max| Bounds { min, max };
        let cases = [
            (
                header("content-type", Contains(value(json!("json")))),
                Ok(()),
            ),
            (
                header("content-type", Equals(value(json!("application/json")))),
                Err(
                    r#"the header content-type is "application/json; charset=utf-8", not "application/json""#,
                ),
            ),
            (
                header("etag", Exists(true)),
                Err("the header etag is absent"),
            ),
            (header("etag", Exists(false)), Ok(())),
            (header("x-left", Within(bounds(Some(5.0), None))), Ok(())),
            (text("hello"), Ok(())),
            (
                text("world"),
                Err("the body does not contain \"world\" (only its first 9 bytes are looked into)"),
            ),
            (Check::BodyMatches(pattern("^h.*o")), Ok(())),
            (
                Check::BodyMatches(pattern("^o")),
                Err("the body does not match ^o (only its first 9 bytes are looked into)"),
            ),
            (Check::BodySize(bounds(Some(11.0), Some(11.0))), Ok(())),
            (
                Check::BodySize(bounds(None, Some(10.0))),
                Err("the body has 11 bytes, not at most 10"),
            ),
            (Check::Tokens(Bounds::exactly(5.0)), Ok(())),
            (
                Check::Tokens(bounds(Some(6.0), None)),
                Err("the answer has 5 tokens, not at least 6"),
            ),
        ];
        for (one, outcome) in cases {
            check(&one, &reply, outcome);
        }
        let tokens = Check::Tokens(Bounds::exactly(5.0));
        check(
            &tokens,
            &Reply::default(),
            Err("the answer does not tell its tokens"),
        );
        let mut stream = Reply::new(b"", b"data: he\n\ndata: llo\n\n");
        stream.text = Some("hello");
        check(&text("hello"), &stream, Ok(()));
        check(&text("data:"), &stream, Ok(()));
        check(&Check::BodyMatches(pattern("^hello$")), &stream, Ok(()));
    }
}
