//! What a request carries: before rendering, and its bytes for one request.

use super::{Chat, QueryPart};
use crate::{
    template::{JsonTemplate, Scope, TemplateError, Text},
    url,
};
use flate2::{Compression, write::GzEncoder};
use std::{borrow::Cow, io::Write as _};

/// A body, before rendering.
#[derive(Debug)]
pub enum Body {
    /// None.
    Empty,
    /// Text.
    Text(Text),
    /// Bytes that are sent as they are.
    Bytes(Vec<u8>),
    /// JSON with templates in it; rendered strings are escaped, a string that is one expression keeps its type.
    Json(JsonTemplate),
    /// JSON with templates in it, whose `messages` grow from turn to turn.
    Chat(Chat),
    /// Pairs, encoded as `application/x-www-form-urlencoded`.
    Form(Vec<QueryPart>),
    /// Several parts, as `multipart/form-data` (RFC 7578).
    Multipart(Multipart),
}

/// A body of several parts.
#[derive(Debug)]
pub struct Multipart {
    /// What stands between the parts; in none of them.
    pub boundary: String,
    /// The parts, in the order of the file.
    pub parts: Vec<Part>,
}

/// One part of a body.
#[derive(Debug)]
pub struct Part {
    /// Its header fields, each with its line break.
    pub head: String,
    /// What it carries.
    pub content: PartContent,
}

/// What a part carries.
#[derive(Debug)]
pub enum PartContent {
    /// Text.
    Text(Text),
    /// The bytes of a file.
    Bytes(Vec<u8>),
}

impl Body {
    /// Whether nothing in it needs rendering for each request.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        let fixed = |content: &PartContent| match content {
            PartContent::Text(text) => text.fixed().is_some(),
            PartContent::Bytes(_) => true,
        };
        match self {
            Self::Empty | Self::Bytes(_) => true,
            Self::Chat(_) => false,
            Self::Text(text) => text.fixed().is_some(),
            Self::Json(json) => json.fixed().is_some(),
            Self::Form(pairs) => pairs.iter().all(|pair| pair.value.fixed().is_some()),
            Self::Multipart(body) => body.parts.iter().all(|part| fixed(&part.content)),
        }
    }

    /// How many bytes it has, its templates as they are written.
    pub(super) fn bytes(&self) -> u64 {
        let part = |part: &Part| match &part.content {
            PartContent::Text(text) => text.source().len(),
            PartContent::Bytes(bytes) => bytes.len(),
        };
        let length = match self {
            Self::Empty => 0,
            Self::Json(json) => json.source().len(),
            // What is said before a turn is counted apart.
            Self::Chat(chat) => chat.source().len(),
            Self::Form(pairs) => pairs.iter().map(|pair| pair.value.source().len()).sum(),
            Self::Multipart(body) => body.parts.iter().map(part).sum(),
            Self::Text(text) => text.source().len(),
            Self::Bytes(bytes) => bytes.len(),
        };
        u64::try_from(length).unwrap_or(u64::MAX)
    }

    /// Its bytes for one request.
    pub(super) fn render(&self, scope: &Scope) -> Result<Cow<'_, [u8]>, TemplateError> {
        let rendered = match self {
            Self::Empty => Ok(Cow::Borrowed(&[][..])),
            Self::Text(text) => text.render(scope).map(|text| match text {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            }),
            Self::Bytes(bytes) => Ok(Cow::Borrowed(bytes.as_slice())),
            Self::Json(json) => {
                let mut body = Vec::new();
                json.render(scope, &mut body).map(|()| Cow::Owned(body))
            }
            Self::Chat(chat) => chat.render(scope).map(Cow::Owned),
            Self::Form(pairs) => form(pairs, scope),
            Self::Multipart(body) => body.render(scope),
        };
        rendered.map_err(|reason| TemplateError {
            lacks_token: false,
            what: "the body".to_owned(),
            reason,
        })
    }
}

impl Multipart {
    fn render(&self, scope: &Scope) -> Result<Cow<'_, [u8]>, String> {
        let mut body = Vec::new();
        let mut put = |parts: &[&[u8]]| parts.iter().for_each(|part| body.extend_from_slice(part));
        let boundary = self.boundary.as_bytes();
        for part in &self.parts {
            put(&[b"--", boundary, b"\r\n", part.head.as_bytes(), b"\r\n"]);
            match &part.content {
                PartContent::Text(text) => put(&[text.render(scope)?.as_bytes()]),
                PartContent::Bytes(bytes) => put(&[bytes]),
            }
            put(&[b"\r\n"]);
        }
        put(&[b"--", boundary, b"--\r\n"]);
        Ok(Cow::Owned(body))
    }
}

/// Pairs as forms of web pages send them.
fn form<'a>(pairs: &[QueryPart], scope: &Scope) -> Result<Cow<'a, [u8]>, String> {
    let mut body = String::new();
    for pair in pairs {
        let joint = if body.is_empty() { "" } else { "&" };
        let value = url::encode_component(&pair.value.render(scope)?);
        let key = url::encode_component(&pair.key);
        body.push_str(&format!("{joint}{key}={value}"));
    }
    Ok(Cow::Owned(body.into_bytes()))
}

/// The bytes, compressed with gzip.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing to a vector does not fail.
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.unwrap_or_default()
}
