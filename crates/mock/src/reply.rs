//! Is an answer that is no stream, before it is sent.

use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde_json::Value;

use crate::body::Content;
use crate::truth::Ended;

/// An answer that is no stream.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) content: Content,
    /// How the exchange ends once this is written.
    pub(crate) ended: Ended,
}

impl Reply {
    /// A body of JSON. A 4xx ends as rejected, a 5xx as error.
    pub(crate) fn json(status: StatusCode, body: &Value) -> Self {
        Self::content(status, Content::Bytes(body.to_string().into()))
    }

    /// A body of JSON that is made elsewhere.
    pub(crate) fn content(status: StatusCode, content: Content) -> Self {
        let ended = match status.as_u16() {
            400..=499 => Ended::Rejected,
            500.. => Ended::Error,
            _ => Ended::Complete,
        };
        let json = HeaderValue::from_static("application/json");
        Self {
            status,
            headers: vec![(CONTENT_TYPE, json)],
            content,
            ended,
        }
    }

    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}
