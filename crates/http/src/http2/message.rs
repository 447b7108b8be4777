//! Requests and heads of answers in hyper's types.

use super::Request;
use crate::{
    answer::Answer,
    failure::{failure, protocol},
    request::{FRAMING_FIELDS, Habits, Traits, host, method_name},
    response::{Coding, Head, Receive},
};
use bytes::Bytes;
use http_body_util::Full;
use hyper::http::{HeaderName, HeaderValue, Method, Uri, header, response::Parts};
use loadgen_engine::{Call, ErrorKind, Failure};

/// Fields that belong to a connection of HTTP/1.1 (RFC 9113, section 8.2.2), and `host`, which has become a
/// pseudo-field.
const LEFT_OUT: [&str; 5] = [
    "connection",
    "host",
    "keep-alive",
    "proxy-connection",
    "upgrade",
];

/// Builds a request.
pub(crate) fn request(call: &Call<'_>, habits: Habits<'_>) -> Result<(Request, Traits), Failure> {
    let message = call.message;
    let named = |name: &str| {
        message
            .headers
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_ref())
    };
    let scheme = if message.origin.tls { "https" } else { "http" };
    let authority = named("host").map_or_else(|| host(message), str::to_owned);
    let uri = format!("{scheme}://{authority}{}", message.path);
    let uri: Uri = uri.parse().map_err(|_| refused("the URL"))?;
    let method = Method::from_bytes(method_name(call.method).as_bytes())
        .map_err(|_| refused("the method"))?;
    let mut request = hyper::Request::new(Full::new(Bytes::copy_from_slice(&message.body)));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    let mut traits = Traits {
        head: false,
        decode: false,
        close: !habits.keep_alive,
    };
    let fields = request.headers_mut();
    if named("user-agent").is_none() && !habits.user_agent.is_empty() {
        fields.append(
            header::USER_AGENT,
            value(header::USER_AGENT.as_str(), habits.user_agent)?,
        );
    }
    if named("accept").is_none() {
        fields.append(header::ACCEPT, HeaderValue::from_static("*/*"));
    }
    for (name, text) in message.headers.iter() {
        traits.notice(name, text);
        let trailers_only = name != "te" || text.eq_ignore_ascii_case("trailers");
        if trailers_only
            && !LEFT_OUT.contains(&name.as_ref())
            && !FRAMING_FIELDS.contains(&name.as_ref())
        {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused(name))?;
            let value = value(name.as_str(), text)?;
            fields.append(name, value);
        }
    }
    Ok((request, traits))
}

/// Hands the head of an answer over.
pub(super) fn take_head(parts: &Parts, answer: &mut Answer<'_>) -> Result<(), Failure> {
    let codings: Vec<_> = parts
        .headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .collect();
    let coding = match codings.as_slice() {
        [] => Coding::Identity,
        [one] => Coding::of(one.as_bytes()),
        _ => Coding::Unknown,
    };
    let content_type = parts
        .headers
        .get(header::CONTENT_TYPE)
        .map(HeaderValue::as_bytes);
    let head = Head::of_frames(parts.status.as_u16(), coding, content_type);
    let raw = if answer.needs_head(parts.status.as_u16()) {
        rendered(parts)
    } else {
        Vec::new()
    };
    answer.head(&head, &raw)
}

/// The head as HTTP/1.1 would write it.
fn rendered(parts: &Parts) -> Vec<u8> {
    let mut out = format!("HTTP/2 {}\r\n", parts.status.as_u16()).into_bytes();
    for (name, value) in &parts.headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
    out.extend_from_slice(b"\r\n");
    out
}

fn value(name: &str, text: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_bytes(text.as_bytes()).map_err(|_| refused(name))
}

/// The value is not shown: it may be a secret.
fn refused(what: &str) -> Failure {
    failure(
        ErrorKind::Template,
        format!("{what} holds characters that HTTP/2 cannot send"),
    )
}

/// The peer did not agree to HTTP/2.
pub(crate) fn not_agreed() -> Failure {
    protocol("the server does not offer HTTP/2: http_version should be \"1.1\" or \"auto\"")
}
