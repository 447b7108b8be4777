//! Serves the endpoints that have nothing to do with tokens.

use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderValue, LOCATION};
use hyper::http::request::Parts;
use hyper::{StatusCode, Version};
use serde_json::{Map, Value, json};

use crate::body::Content;
use crate::openai;
use crate::reply::Reply;
use crate::truth::Ended;

/// The most bytes that `/plain?bytes=N` gives.
const MOST_BYTES: usize = 16 * 1024 * 1024;

const PLAIN: &[u8] = br#"{"message":"hello from the mock"}"#;

/// `/plain`: a small object, or as many bytes as the query asks for.
pub(crate) fn plain(query: Option<&str>) -> Reply {
    let asked = query
        .unwrap_or_default()
        .split('&')
        .find_map(|pair| pair.strip_prefix("bytes="));
    let content = match asked.map(str::parse::<usize>) {
        None => Content::Bytes(Bytes::from_static(PLAIN)),
        Some(Ok(size)) if size <= MOST_BYTES => Content::Fill(size),
        Some(_) => {
            let message = format!("'bytes' must be a number up to {MOST_BYTES}");
            return Reply::json(StatusCode::BAD_REQUEST, &openai::error(400, &message));
        }
    };
    Reply::content(StatusCode::OK, content)
}

/// `/analytics`: a list of rows.
pub(crate) fn analytics() -> Reply {
    let pages = [
        "/",
        "/pricing",
        "/docs",
        "/docs/install",
        "/blog",
        "/login",
        "/contact",
        "/about",
    ];
    let rows = pages.iter().zip(1u32..).map(|(page, id)| {
        json!({ "id": id, "page": page, "visits": 10_000 / id, "bounce_rate": 0.25 + f64::from(id) / 100.0 })
    });
    Reply::json(StatusCode::OK, &Value::Array(rows.collect()))
}

/// `/health`.
pub(crate) fn health() -> Reply {
    Reply::json(StatusCode::OK, &json!({ "status": "ok" }))
}

/// `/status/CODE`: that very status. 204, 205 and 304 have no body; redirects lead to `/plain`.
pub(crate) fn status(code: &str) -> Reply {
    let Some(status) = code.parse().ok().filter(|code| (200..=599).contains(code)) else {
        let message = "the status must be a number from 200 to 599";
        return Reply::json(StatusCode::BAD_REQUEST, &openai::error(400, message));
    };
    let Ok(status) = StatusCode::from_u16(status) else {
        return Reply::json(
            StatusCode::BAD_REQUEST,
            &openai::error(400, "no such status"),
        );
    };
    let mut reply = Reply::json(status, &json!({ "status": status.as_u16() }));
    reply.ended = Ended::Complete;
    match status.as_u16() {
        204 | 205 | 304 => {
            reply.content = Content::Fill(0);
            reply.headers.clear();
            reply
        }
        301..=303 | 307 | 308 => reply.with(LOCATION, HeaderValue::from_static("/plain")),
        _ => reply,
    }
}

/// `/echo`: the request as it arrived.
pub(crate) fn echo(head: &Parts, connection: u64, body: &[u8]) -> Reply {
    let version = match head.version {
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    };
    let told = json!({
        "method": head.method.as_str(),
        "path": head.uri.path(),
        "query": head.uri.query().unwrap_or_default(),
        "http_version": version,
        "connection": connection,
        "headers": headers(&head.headers),
        "body": String::from_utf8_lossy(body),
        "body_bytes": body.len(),
    });
    Reply::json(StatusCode::OK, &told)
}

/// Headers by lower-case name; the values of one that came several times are joined by commas.
fn headers(headers: &HeaderMap) -> Value {
    let mut told = Map::new();
    for name in headers.keys() {
        let values = headers.get_all(name).iter();
        let values: Vec<_> = values
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        told.insert(name.as_str().to_owned(), values.join(", ").into());
    }
    Value::Object(told)
}
