//! Makes a request of a URL and the options that go with it.

use crate::{args::RequestArgs, environment::Environment, error::Error};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use loadgen_scenario::{Given, UrlRequest};
use std::path::Path;

/// Whether the argument is a URL, not a file.
pub(crate) fn is_url(scenario: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        scenario
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })
}

/// The request that the options make of the URL.
pub(crate) fn request(
    url: &str,
    args: &RequestArgs,
    environment: &Environment,
) -> Result<UrlRequest, Error> {
    let (url, user) = without_user(url);
    let body = body(args, environment)?;
    let given = |value: &Option<String>, option: &str| {
        value.as_ref().map(|value| Given::new(value, option))
    };
    let stream = args
        .stream
        .as_ref()
        .map(|dialect| dialect.as_deref().unwrap_or_else(|| dialect_of(&url)));
    Ok(UrlRequest {
        headers: headers(args, user.as_deref(), body.is_some()),
        body,
        method: given(&args.method, "-X"),
        stream: stream.map(|dialect| Given::new(dialect, "--stream")),
        timeout: given(&args.timeout, "--timeout"),
        expect: given(&args.expect, "--expect"),
        http2: args.http2,
        url: Given::new(url, "the URL"),
    })
}

/// The URL without user name and password, and these as they are meant.
pub(crate) fn without_user(url: &str) -> (String, Option<String>) {
    let Some((scheme, rest)) = url.split_once("://") else {
        return (url.to_owned(), None);
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rsplit_once('@') {
        Some((user, host)) => (
            format!("{scheme}://{host}{}", &rest[end..]),
            Some(decoded(user)),
        ),
        None => (url.to_owned(), None),
    }
}

/// Text with each `%` and two digits replaced by what they stand for.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let byte = after
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(b'%');
                rest = after;
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The body, if there is one.
fn body(args: &RequestArgs, environment: &Environment) -> Result<Option<Vec<u8>>, Error> {
    let given = match (&args.data, &args.json) {
        (Some(_), Some(Some(_))) => {
            return Err(Error::usage("there are two bodies, by -d and by --json"));
        }
        (None, Some(None)) => {
            return Err(Error::usage("--json without a value needs a body by -d"));
        }
        (data, json) => data.as_ref().or(json.as_ref().and_then(Option::as_ref)),
    };
    let Some(given) = given else {
        return Ok(None);
    };
    let Some(path) = given.strip_prefix('@').map(Path::new) else {
        return Ok(Some(given.clone().into_bytes()));
    };
    environment
        .read_bytes(path)
        .map(Some)
        .map_err(|error| Error::unreadable(path, error))
}

/// The header fields; those that were given win over those that other options imply.
fn headers(args: &RequestArgs, user: Option<&str>, has_body: bool) -> Vec<Given> {
    let mut fields: Vec<Given> = args
        .headers
        .iter()
        .map(|text| Given::new(text, "-H"))
        .collect();
    let mut imply = |name: &str, value: &str, option: &str| {
        let named = |field: &Given| {
            field
                .value
                .split_once(':')
                .is_some_and(|(given, _)| given.trim().eq_ignore_ascii_case(name))
        };
        if !fields.iter().any(named) {
            fields.push(Given::new(format!("{name}: {value}"), option));
        }
    };
    if args.json.is_some() {
        imply("content-type", "application/json", "--json");
        imply("accept", "application/json, */*", "--json");
    } else if has_body {
        imply("content-type", "application/x-www-form-urlencoded", "-d");
    }
    if let Some(user) = args.user.as_deref().or(user) {
        let value = format!("Basic {}", BASE64_STANDARD.encode(user));
        imply("authorization", &value, "-u");
    }
    fields
}

/// The dialect that is spoken at a path.
fn dialect_of(url: &str) -> &'static str {
    let path = url
        .split(['?', '#'])
        .next()
        .unwrap_or(url)
        .trim_end_matches('/');
    let ends = |ends: &[&str]| ends.iter().any(|end| path.ends_with(end));
    match () {
        () if ends(&["/completions", "/responses"]) => "openai",
        () if ends(&["/messages"]) => "anthropic",
        () if ends(&["/api/chat", "/api/generate"]) => "ollama",
        () => "sse",
    }
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
    fn users_are_taken_out() {
        for (url, expected, user) in [
            ("http://a/x", "http://a/x", None),
            ("http://me:pass@a/x@y", "http://a/x@y", Some("me:pass")),
            ("http://a/x@y?z=@", "http://a/x@y?z=@", None),
            (
                "https://m%40il:p%3Aw%@[::1]:80",
                "https://[::1]:80",
                Some("m@il:p:w%"),
            ),
            ("nonsense@a", "nonsense@a", None),
        ] {
            let (url_without, found) = without_user(url);
            assert_eq!((url_without.as_str(), found.as_deref()), (expected, user));
        }
    }

    #[test]
    fn dialects_by_path() {
        for (path, expected) in [
            ("/v1/chat/completions", "openai"),
            ("/v1/completions?x=1", "openai"),
            ("/v1/responses/", "openai"),
            ("/v1/messages#top", "anthropic"),
            ("/api/chat", "ollama"),
            ("/api/generate", "ollama"),
            ("/events", "sse"),
            ("", "sse"),
        ] {
            assert_eq!(dialect_of(&format!("http://h{path}")), expected, "{path}");
        }
    }

    /// The header fields and the body that options make.
    #[track_caller]
    fn check(change: impl FnOnce(&mut RequestArgs), headers: &[&str], body: Option<&str>) {
        let stage = Stage::new(&[]).file("body.json", "{\"a\": 1}");
        let mut args = RequestArgs::default();
        change(&mut args);
        let request = request("http://me:pw@h:1/x?q=1", &args, &stage.environment).unwrap();
        let fields: Vec<_> = request.headers.iter().map(|field| &field.value).collect();
        assert_eq!(fields, headers);
        assert_eq!(request.body.as_deref(), body.map(str::as_bytes));
        assert_eq!(request.url.value, "http://h:1/x?q=1");
    }

    #[test]
    fn options_make_header_fields_and_a_body() {
        let basic = "authorization: Basic bWU6cHc=";
        check(|_| (), &[basic], None);
        check(
            |args| {
                args.data = Some("a=1".into());
                args.headers = vec!["X-A:  b ".into(), "Content-Type: text/plain".into()];
                args.user = Some("u:p".into());
            },
            &[
                "X-A:  b ",
                "Content-Type: text/plain",
                "authorization: Basic dTpw",
            ],
            Some("a=1"),
        );
        check(
            |args| {
                args.json = Some(Some("@body.json".into()));
                args.headers = vec!["authorization: Bearer x".into()];
            },
            &[
                "authorization: Bearer x",
                "content-type: application/json",
                "accept: application/json, */*",
            ],
            Some("{\"a\": 1}"),
        );
        let form = "content-type: application/x-www-form-urlencoded";
        check(
            |args| args.data = Some("@body.json".into()),
            &[form, basic],
            Some("{\"a\": 1}"),
        );
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        let refused = |change: fn(&mut RequestArgs)| {
            let mut args = RequestArgs::default();
            change(&mut args);
            let stage = Stage::new(&[]);
            assert!(
                request("http://h", &args, &stage.environment).is_err(),
                "{args:?}"
            );
        };
        refused(|args| args.data = Some("@missing".into()));
        refused(|args| args.json = Some(None));
        refused(|args| {
            args.data = Some("a".into());
            args.json = Some(Some("b".into()));
        });
    }
}
