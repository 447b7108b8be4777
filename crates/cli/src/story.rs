//! Tells one request and its reply: what was sent, what came back, how long each part took.

mod phases;

pub(crate) use phases::times;

use loadgen_engine::{Exchange, Judgement, Method};
use loadgen_scenario::{
    Rendered, Request, Think, format_duration, is_secret_header, is_secret_name,
};
use std::{fmt::Write as _, time::Duration};

/// Bytes of a body that are shown.
const SHOWN: usize = 4096;
/// Characters of a value that are shown.
const SHOWN_VALUE: usize = 200;
/// Words before a secret that are none themselves.
const SCHEMES: [&str; 6] = ["Bearer", "Basic", "Digest", "Token", "ApiKey", "Negotiate"];
/// What stands in the place of a secret.
const MASK: &str = "***";

/// A pause of the flow.
pub(crate) fn think(number: &str, think: &Think) -> String {
    let (min, max) = (format_duration(think.min), format_duration(think.max));
    let length = if min == max {
        min
    } else {
        format!("{min}..{max}")
    };
    format!("\n{number}. think {length} (not waited for)\n")
}

/// The wait for a turn, where the rate of the requests has a cap; empty where there was none.
pub(crate) fn waited(number: &str, length: Duration) -> String {
    let millis = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    match millis {
        0 => String::new(),
        _ => format!(
            "\n{number}. waited {} for its turn (rate_limit)\n",
            format_duration(Duration::from_millis(millis))
        ),
    }
}

/// What is sent, every line with `> `.
pub(crate) fn request(number: &str, request: &Request, rendered: &Rendered<'_>) -> String {
    let mut text = format!("\n{number}. {}\n", request.name);
    message(&mut text, request, request.method, rendered);
    text
}

/// What is sent where an answer sent the request on.
pub(crate) fn redirected(request: &Request, method: Method, rendered: &Rendered<'_>) -> String {
    let mut text = "  redirected:\n".to_owned();
    message(&mut text, request, method, rendered);
    text
}

/// What is sent where `retry` says that the request is sent again.
pub(crate) fn sent_again(request: &Request, rendered: &Rendered<'_>) -> String {
    let mut text = "  sent again:\n".to_owned();
    message(&mut text, request, request.method, rendered);
    text
}

fn message(text: &mut String, request: &Request, method: Method, rendered: &Rendered<'_>) {
    let method = method.name();
    // Writing to a string does not fail.
    let path = masked_pairs(&rendered.path);
    let _ = writeln!(text, "> {method} {}{path}", rendered.origin);
    for (name, value) in rendered.headers.iter() {
        let mut said = request.message.of_one_origin.iter();
        let secret = is_secret_header(name) || said.any(|one| one == name);
        let value = if secret {
            &masked_value(value)
        } else {
            value.as_ref()
        };
        let _ = writeln!(text, "> {name}: {value}");
    }
    let coding = rendered
        .headers
        .iter()
        .find(|(name, _)| name == "content-encoding");
    match coding {
        Some((_, coding)) if !rendered.body.is_empty() => {
            let _ = writeln!(text, ">\n> ({} bytes of {coding})", rendered.body.len());
        }
        _ => body(text, '>', &rendered.body),
    }
}

/// What is shown of a value that is a secret: the scheme before it, which tells what is wrong with many a request.
fn masked_value(value: &str) -> String {
    match value.split_once(' ') {
        Some((scheme, _)) if SCHEMES.iter().any(|one| scheme.eq_ignore_ascii_case(one)) => {
            format!("{scheme} {MASK}")
        }
        _ => MASK.to_owned(),
    }
}

/// What came back, every line with `< `; empty where nothing did.
pub(crate) fn reply(exchange: &Exchange) -> String {
    let mut text = String::new();
    for line in String::from_utf8_lossy(&exchange.head)
        .lines()
        .filter(|line| !line.is_empty())
    {
        let _ = match line.split_once(':') {
            Some((name, _)) if is_secret_header(name.trim()) => writeln!(text, "< {name}: {MASK}"),
            // Where it leads to may have secrets in its query.
            Some((name, place)) if leads_on(name.trim()) => {
                writeln!(text, "< {name}:{}", masked_pairs(place))
            }
            _ => writeln!(text, "< {line}"),
        };
    }
    body(&mut text, '<', &exchange.body);
    text
}

/// That a request is sent again, for the time of that number, after a wait.
pub(crate) fn retried(exchange: &Exchange, wait: Duration, request: &Request, time: u32) -> String {
    let why = match (&exchange.failure, exchange.status) {
        (Some(failure), _) => format!("{}: {}", failure.kind.name(), failure.message),
        (None, status) => status.map_or("no status".to_owned(), |s| format!("status {s}")),
    };
    let wait = format_duration(Duration::from_millis(
        u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
    ));
    let most = request.retry.as_ref().map_or(0, |retry| retry.max);
    format!("  {why}: to be sent again in {wait} (retry {time} of {most})\n")
}

/// Whether it is as expected, and what a stream carried.
pub(crate) fn verdict(exchange: &Exchange, judgement: &Judgement) -> String {
    let mut text = match (&judgement.error, exchange.status) {
        (None, status) if exchange.cancelled => format!(
            "  cancelled as the step says: {}\n",
            status.map_or("before any answer".to_owned(), |s| format!("status {s}"))
        ),
        (Some((kind, message)), _) => format!("  failed: {}: {message}\n", kind.name()),
        (None, status) => format!(
            "  as expected: {}\n",
            status.map_or("no status".to_owned(), |s| format!("status {s}"))
        ),
    };
    if judgement.checks_made > 0 {
        let _ = writeln!(
            text,
            "  checks: {} of {} held",
            judgement.checks_held, judgement.checks_made
        );
    }
    for (name, value) in &judgement.found {
        let value = if value.is_secret() {
            MASK.to_owned()
        } else {
            shortened(&value.to_string())
        };
        let _ = writeln!(text, "  extracted: {name} = {value}");
    }
    if let Some(stream) = &exchange.stream {
        let _ = writeln!(
            text,
            "  stream: {} events, {} with output",
            stream.events, stream.output_events
        );
    }
    if let Some(usage) = &exchange.usage {
        let _ = writeln!(
            text,
            "  usage: {} tokens in, {} out",
            usage.input, usage.output
        );
    }
    text
}

/// The beginning of a text, on one line.
fn shortened(text: &str) -> String {
    let mut chars = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let start: String = chars.by_ref().take(SHOWN_VALUE).collect();
    match chars.next() {
        None => start,
        Some(_) => format!("{start}…"),
    }
}

/// A body with a mark before each of its lines, cut where it grows long.
fn body(text: &mut String, mark: char, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    let _ = writeln!(text, "{mark}");
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]);
    let form = !shown.contains(['{', ' ', '\n']);
    let shown = if form {
        masked_pairs(&shown)
    } else {
        masked_json(&shown)
    };
    let printable = |c: char| {
        if c.is_control() && c != '\t' {
            '\u{fffd}'
        } else {
            c
        }
    };
    for line in shown.lines() {
        let line: String = line.chars().map(printable).collect();
        let _ = writeln!(text, "{}", format!("{mark} {line}").trim_end());
    }
    if bytes.len() > SHOWN {
        let _ = writeln!(text, "{mark} … {} bytes more", bytes.len() - SHOWN);
    }
}

/// Whether a header field of an answer holds a place to go to.
fn leads_on(name: &str) -> bool {
    let fields = ["location", "content-location", "refresh"];
    fields.iter().any(|field| name.eq_ignore_ascii_case(field))
}

/// Pairs as in a query or a form, without the values of those whose names tell of secrets.
fn masked_pairs(text: &str) -> String {
    let start = text.find('?').map_or(0, |mark| mark + 1);
    let (before, pairs) = text.split_at(start);
    let masked = pairs.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_secret_name(name) => format!("{name}={MASK}"),
        _ => pair.to_owned(),
    });
    format!("{before}{}", masked.collect::<Vec<_>>().join("&"))
}

/// JSON, whole or in pieces, without the texts whose keys tell of secrets.
fn masked_json(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, key, after)) = next_string(rest) {
        masked.push_str(before);
        let _ = write!(masked, "\"{key}\"");
        rest = after;
        let colon = after.trim_start().strip_prefix(':');
        let value = colon.filter(|value| value.trim_start().starts_with('"'));
        if let Some(value) = value.filter(|_| is_secret_name(key)) {
            let _ = write!(masked, ":\"{MASK}\"");
            // A text that was cut off is hidden to its end.
            rest = next_string(value).map_or("", |(_, _, after)| after);
        }
    }
    masked.push_str(rest);
    masked
}

/// What stands before the next string of JSON, what stands in it, and what follows.
fn next_string(text: &str) -> Option<(&str, &str, &str)> {
    let (before, inside) = text.split_once('"')?;
    let mut escaped = false;
    let end = inside.find(|c: char| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    Some((before, &inside[..end], &inside[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use loadgen_engine::{ErrorKind, Failure, Usage};
    use loadgen_stats::{Ending, Outcome, StreamSample};

    #[test]
    fn secrets_in_the_head_are_hidden() {
        let exchange = Exchange {
            head: b"HTTP/1.1 200 OK\r\nset-cookie: sid=1234\r\nLocation: /cb?access_token=abc&x=1\r\nrefresh: 1;url=/cb?session=7\r\ncontent-type: text/plain\r\n\r\n"
                .to_vec(),
            body: b"one\ntwo\x1b[31m".to_vec(),
            ..Exchange::default()
        };
        let expected = "< HTTP/1.1 200 OK\n< set-cookie: ***\n< Location: /cb?access_token=***&x=1\n< refresh: 1;url=/cb?session=***\n< content-type: text/plain\n<\n< one\n< two\u{fffd}[31m\n";
        assert_eq!(reply(&exchange), expected);
        assert_eq!(reply(&Exchange::default()), "");
    }

    #[test]
    fn the_scheme_before_a_secret_is_shown() {
        for (value, expected) in [
            ("Bearer tok-1", "Bearer ***"),
            ("basic YTpi", "basic ***"),
            ("Bearer", "***"),
            ("my secret", "***"),
            ("", "***"),
        ] {
            assert_eq!(masked_value(value), expected, "{value}");
        }
    }

    #[test]
    fn values_are_hidden_where_their_names_tell_of_secrets() {
        for (text, expected) in [
            (
                r#"{"token": "a\"b", "user":"me"}"#,
                r#"{"token":"***", "user":"me"}"#,
            ),
            (
                r#"data: {"a":{"api_key":"x"}}"#,
                r#"data: {"a":{"api_key":"***"}}"#,
            ),
            (
                r#"{"password":5,"x":["token"]}"#,
                r#"{"password":5,"x":["token"]}"#,
            ),
            (r#"{"token":"cut he"#, r#"{"token":"***""#),
            (
                r#"{"say":"token","token" : ""}"#,
                r#"{"say":"token","token":"***"}"#,
            ),
            ("no json \" at all", "no json \" at all"),
            ("", ""),
        ] {
            assert_eq!(masked_json(text), expected);
        }
        for (text, expected) in [
            ("/x?api_key=1&q=2&token", "/x?api_key=***&q=2&token"),
            ("user=me&password=secret", "user=me&password=***"),
            ("", ""),
        ] {
            assert_eq!(masked_pairs(text), expected);
        }
    }

    #[test]
    fn long_bodies_are_cut() {
        let mut text = String::new();
        body(&mut text, '<', &[b'a'; SHOWN + 7]);
        assert!(text.ends_with("a\n< … 7 bytes more\n"), "{text}");
    }

    #[test]
    fn verdicts() {
        let judgement = |error| Judgement {
            outcome: Outcome::Ok,
            ending: Ending::Whole,
            error,
            checks_held: 1,
            checks_made: 2,
            found: Vec::new(),
            lacking: false,
        };
        let failed = Exchange {
            failure: Some(Failure {
                kind: ErrorKind::Timeout,
                message: "after 60 s".into(),
            }),
            ..Exchange::default()
        };
        let error = Some((ErrorKind::Timeout, "after 60 s".into()));
        assert_eq!(
            verdict(&failed, &judgement(error)),
            "  failed: timeout: after 60 s\n  checks: 1 of 2 held\n"
        );
        let well = Exchange {
            status: Some(200),
            stream: Some(StreamSample {
                events: 6,
                output_events: 3,
                ..StreamSample::default()
            }),
            usage: Some(Usage {
                input: 5,
                output: 3,
                reasoning: 0,
            }),
            ..Exchange::default()
        };
        let expected = "  as expected: status 200\n  checks: 1 of 2 held\n  stream: 6 events, 3 with output\n  usage: 5 tokens in, 3 out\n";
        assert_eq!(verdict(&well, &judgement(None)), expected);
    }
}
