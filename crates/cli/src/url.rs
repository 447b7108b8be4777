//! Makes a scenario of a URL and the options that go with it.

use crate::{
    args::{LoadArgs, RequestArgs},
    environment::Environment,
    error::Error,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use std::{fmt::Write as _, path::Path};

/// Virtual users of a URL that no option says otherwise of.
const VUS: u32 = 50;
/// How long a URL is tested where no option says otherwise.
const DURATION: &str = "10s";

/// Whether the argument is a URL, not a file.
pub(crate) fn is_url(scenario: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        scenario
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })
}

/// The text of the scenario that sends one kind of request to a URL.
pub(crate) fn scenario(
    url: &str,
    request: &RequestArgs,
    load: Option<&LoadArgs>,
    environment: &Environment,
) -> Result<String, Error> {
    let parts = Parts::of(url)?;
    let body = body(request, environment)?;
    let method = request
        .method
        .as_deref()
        .unwrap_or(if body.is_some() { "POST" } else { "GET" })
        .to_lowercase();
    let step_name = format!("{} {}", method.to_uppercase(), parts.path_without_query());

    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "name = {}\ntarget = {}\n",
        quoted(parts.name()),
        quoted(&parts.target)
    );
    let _ = writeln!(text, "[load]\nvus = {VUS}");
    let iterations = load.and_then(|load| {
        load.iterations
            .as_deref()
            .filter(|_| load.duration.is_none())
    });
    let _ = match iterations {
        Some(_) => writeln!(text, "iterations = 1"),
        None => writeln!(text, "duration = {}", quoted(DURATION)),
    };
    let _ = writeln!(
        text,
        "\n[[step]]\nname = {}\n{method} = {}",
        quoted(&step_name),
        literal(&parts.path)
    );
    headers(&mut text, request, parts.user.as_deref(), body.is_some())?;
    if let Some(body) = &body {
        let _ = writeln!(text, "body = {}", literal(body));
    }
    if let Some(dialect) = &request.stream {
        let _ = writeln!(
            text,
            "stream = {}",
            quoted(
                dialect
                    .as_deref()
                    .unwrap_or_else(|| dialect_of(&parts.path))
            )
        );
    }
    if let Some(timeout) = &request.timeout {
        let _ = writeln!(text, "timeout = {}", quoted(timeout));
    }
    if let Some(statuses) = &request.expect {
        let _ = writeln!(text, "expect = {{ status = {} }}", quoted(statuses));
    }
    if request.http2 {
        text.push_str("http_version = \"2\"\n");
    }
    Ok(text)
}

/// A URL taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Parts {
    /// Scheme, host and port.
    target: String,
    /// User name and password in front of the host.
    user: Option<String>,
    /// Path and query.
    path: String,
}

impl Parts {
    fn of(url: &str) -> Result<Self, Error> {
        let bad = |what: &str| Error::usage(format!("`{url}` is no URL: {what}"));
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| bad("it has no scheme"))?;
        // What follows `#` stays with the client.
        let rest = rest.split('#').next().unwrap_or(rest);
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (user, host) = authority
            .rsplit_once('@')
            .map_or((None, authority), |(user, host)| (Some(user), host));
        if host.is_empty() {
            return Err(bad("it has no host"));
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self {
            target: format!("{}://{host}", scheme.to_lowercase()),
            user: user.map(str::to_owned),
            path: format!("{slash}{path}"),
        })
    }

    /// The host, which names the run.
    fn name(&self) -> &str {
        self.target
            .split_once("://")
            .map_or(self.target.as_str(), |(_, host)| host)
    }

    fn path_without_query(&self) -> &str {
        self.path.split('?').next().unwrap_or(&self.path)
    }
}

/// The body, if there is one.
fn body(request: &RequestArgs, environment: &Environment) -> Result<Option<String>, Error> {
    let given = match (&request.data, &request.json) {
        (Some(_), Some(Some(_))) => {
            return Err(Error::usage("there are two bodies, by -d and by --json"));
        }
        (None, Some(None)) => {
            return Err(Error::usage("--json without a value needs a body by -d"));
        }
        (data, json) => data.as_ref().or(json.as_ref().and_then(Option::as_ref)),
    };
    let Some(given) = given else { return Ok(None) };
    let Some(path) = given.strip_prefix('@') else {
        return Ok(Some(given.clone()));
    };
    let bytes = environment
        .read_bytes(Path::new(path))
        .map_err(|error| Error::unreadable(Path::new(path), error))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::usage(format!("the body in `{path}` is not UTF-8 text")))?;
    Ok(Some(text))
}

/// Writes the header fields; those that were given win over those that other options imply.
fn headers(
    text: &mut String,
    request: &RequestArgs,
    user: Option<&str>,
    has_body: bool,
) -> Result<(), Error> {
    let mut fields = Vec::new();
    for header in &request.headers {
        match header.split_once(':') {
            Some((name, value)) if !name.trim().is_empty() => {
                fields.push((name.trim().to_lowercase(), value.trim().to_owned()));
            }
            _ => {
                return Err(Error::usage(format!(
                    "-H takes `NAME: VALUE`, not `{}`",
                    masked(header)
                )));
            }
        }
    }
    let mut imply = |name: &str, value: String| {
        if fields.iter().all(|(given, _)| given != name) {
            fields.push((name.to_owned(), value));
        }
    };
    if request.json.is_some() {
        imply("content-type", "application/json".to_owned());
        imply("accept", "application/json, */*".to_owned());
    } else if has_body {
        imply(
            "content-type",
            "application/x-www-form-urlencoded".to_owned(),
        );
    }
    if let Some(user) = request.user.as_deref().or(user) {
        imply(
            "authorization",
            format!("Basic {}", BASE64_STANDARD.encode(user)),
        );
    }
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{} = {}", quoted(name), literal(value)))
        .collect();
    if !fields.is_empty() {
        let _ = writeln!(text, "headers = {{ {} }}", fields.join(", "));
    }
    Ok(())
}

/// The beginning of a text that may hold a secret.
fn masked(text: &str) -> String {
    let start: String = text.chars().take(8).collect();
    if start.len() == text.len() {
        start
    } else {
        format!("{start}…")
    }
}

/// The dialect that is spoken at a path.
fn dialect_of(path: &str) -> &'static str {
    let path = path.split('?').next().unwrap_or(path).trim_end_matches('/');
    let ends = |ends: &[&str]| ends.iter().any(|end| path.ends_with(end));
    match () {
        () if ends(&["/completions", "/responses"]) => "openai",
        () if ends(&["/messages"]) => "anthropic",
        () if ends(&["/api/chat", "/api/generate"]) => "ollama",
        () => "sse",
    }
}

/// A TOML string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => quoted.push_str(&format!("\\U{:08X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A TOML string whose text is no template, whatever stands in it.
fn literal(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, rest.peek()) {
            ('{', Some('{' | '%' | '#')) => plain.push_str("{{ '{' }}"),
            _ => plain.push(c),
        }
    }
    quoted(&plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::fake::Stage;

    #[test]
    fn urls_are_told_from_files() {
        for (scenario, expected) in [
            ("http://a", true),
            ("https://a/b", true),
            ("HTTP://a", true),
            ("chat.toml", false),
            ("http.toml", false),
            ("scenarios/http://a", false),
            ("ftp://a", false),
            ("", false),
            ("héé", false),
        ] {
            assert_eq!(is_url(scenario), expected, "{scenario}");
        }
    }

    #[test]
    fn urls_are_taken_apart() {
        let check = |url: &str, target: &str, user: Option<&str>, path: &str| {
            let expected = Parts {
                target: target.into(),
                user: user.map(str::to_owned),
                path: path.into(),
            };
            assert_eq!(Parts::of(url).unwrap(), expected, "{url}");
        };
        check("http://a", "http://a", None, "/");
        check(
            "HTTPS://A:8443/x/y?q=1#top",
            "https://A:8443",
            None,
            "/x/y?q=1",
        );
        check("http://a?q=/", "http://a", None, "/?q=/");
        check("http://me:pass@a/x@y", "http://a", Some("me:pass"), "/x@y");
        check("http://[::1]:80/x", "http://[::1]:80", None, "/x");
        assert!(Parts::of("http:///x").is_err());
        assert!(Parts::of("http://").is_err());
    }

    #[test]
    fn text_stays_what_it_is() {
        for (text, expected) in [
            ("plain", r#""plain""#),
            (
                "a \"b\" \\ \n\t\u{1}\u{7f}",
                r#""a \"b\" \\ \n\t\U00000001\U0000007F""#,
            ),
            ("{ a }", r#""{ a }""#),
            ("{{ a }}", r#""{{ '{' }}{ a }}""#),
            ("{{{", r#""{{ '{' }}{{ '{' }}{""#),
            ("{% if %}{# c #}", r#""{{ '{' }}% if %}{{ '{' }}# c #}""#),
        ] {
            assert_eq!(literal(text), expected, "{text}");
        }
    }

    #[test]
    fn dialects_by_path() {
        for (path, expected) in [
            ("/v1/chat/completions", "openai"),
            ("/v1/completions?x=1", "openai"),
            ("/v1/responses/", "openai"),
            ("/v1/messages", "anthropic"),
            ("/api/chat", "ollama"),
            ("/api/generate", "ollama"),
            ("/events", "sse"),
            ("/", "sse"),
        ] {
            assert_eq!(dialect_of(path), expected, "{path}");
        }
    }

    /// The lines of the step that options make.
    #[track_caller]
    fn check(change: impl FnOnce(&mut RequestArgs), expected: &[&str]) {
        let stage = Stage::new(&[]).file("body.json", "{\"a\": 1}");
        let mut request = RequestArgs::default();
        change(&mut request);
        let text = scenario("http://me:pw@h:1/x?q=1", &request, None, &stage.environment).unwrap();
        let step = text.split("[[step]]\n").nth(1).unwrap();
        assert_eq!(step.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn options_make_the_step() {
        let basic = r#"headers = { "authorization" = "Basic bWU6cHc=" }"#;
        check(|_| (), &[r#"name = "GET /x""#, r#"get = "/x?q=1""#, basic]);
        check(
            |request| {
                request.method = Some("put".into());
                request.data = Some("a=1".into());
                request.headers = vec!["X-A:  b ".into(), "Content-Type: text/plain".into()];
                request.user = Some("u:p".into());
            },
            &[
                r#"name = "PUT /x""#,
                r#"put = "/x?q=1""#,
                r#"headers = { "x-a" = "b", "content-type" = "text/plain", "authorization" = "Basic dTpw" }"#,
                r#"body = "a=1""#,
            ],
        );
        check(
            |request| {
                request.json = Some(Some("@body.json".into()));
                request.headers = vec!["authorization: Bearer x".into()];
                request.stream = Some(Some("openai".into()));
                request.timeout = Some("5s".into());
                request.expect = Some("200,429".into());
                request.http2 = true;
            },
            &[
                r#"name = "POST /x""#,
                r#"post = "/x?q=1""#,
                r#"headers = { "authorization" = "Bearer x", "content-type" = "application/json", "accept" = "application/json, */*" }"#,
                r#"body = "{\"a\": 1}""#,
                r#"stream = "openai""#,
                r#"timeout = "5s""#,
                r#"expect = { status = "200,429" }"#,
                r#"http_version = "2""#,
            ],
        );
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        let refused = |change: fn(&mut RequestArgs)| {
            let mut request = RequestArgs::default();
            change(&mut request);
            assert!(
                scenario("http://h", &request, None, &Stage::new(&[]).environment).is_err(),
                "{request:?}"
            );
        };
        refused(|request| request.data = Some("@missing".into()));
        refused(|request| request.json = Some(None));
        refused(|request| {
            (request.data, request.json) = (Some("a".into()), Some(Some("b".into())))
        });
        refused(|request| request.headers = vec!["no colon".into()]);
        refused(|request| request.headers = vec![": no name".into()]);
    }
}
