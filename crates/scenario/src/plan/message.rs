//! What a request step sends: before rendering, and rendered for one request.

use super::{Body, Origin, Target, TokenField, body::gzip};
use crate::{
    secrets::Secrets,
    template::{Scope, TemplateError, Templates, Text},
    url,
};
use std::{borrow::Cow, sync::Arc};

/// What a request step sends, before rendering.
#[derive(Debug)]
pub struct Message {
    /// Where it goes.
    pub location: Location,
    /// The header fields in the order of the file, names in lower case; `content-type` is in here for `json`.
    pub headers: Vec<(String, Text)>,
    /// The field that holds a token, where one is fetched for it; none of `headers` has its name.
    pub token: Option<TokenField>,
    /// The names of the fields that say who the user is: a redirection does not take them along to another origin.
    pub of_one_origin: Vec<String>,
    /// The fields among them that not everybody is told to whom the message goes.
    pub confided: Confided,
    /// What it does not say of what its step inherits, and why, in words.
    pub unsaid: Vec<String>,
    /// The body.
    pub body: Body,
    /// Whether the body is compressed with gzip; `content-encoding` says so.
    pub compress: bool,
    /// The compressed body, where it is the same for every request but something else is not.
    pub packed: Option<Vec<u8>>,
    /// The rendered message, where nothing in it needs rendering for each request.
    pub fixed: Option<Rendered<'static>>,
}

/// What a step inherits with `auth`, and who is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confided {
    /// The names of the fields.
    pub names: Vec<String>,
    /// The origin that is told; the target's where absent.
    pub to: Option<Origin>,
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// A path on the target (begins with `/`), or a whole URL.
    pub text: Text,
    /// What is added to its query.
    pub query: Vec<QueryPart>,
}

/// A key of a query with its value; both are encoded when rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryPart {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Text,
}

/// What is sent: a message after rendering.
#[derive(Clone, Debug)]
pub struct Rendered<'a> {
    /// Where it goes: scheme, host and port.
    pub origin: Cow<'a, Origin>,
    /// Path and query, beginning with `/`.
    pub path: Cow<'a, str>,
    /// The header fields, names in lower case; checked to hold no line break.
    pub headers: Cow<'a, [(Cow<'a, str>, Cow<'a, str>)]>,
    /// The body.
    pub body: Cow<'a, [u8]>,
}

impl Confided {
    /// Whether a message to this origin does without the field.
    fn withholds(&self, name: &str, from: &Origin, target: &Target) -> bool {
        if !self.names.iter().any(|one| one == name) {
            return false;
        }
        match (&self.to, target) {
            (Some(origin), _) | (None, Target::Base { origin, .. }) => origin != from,
            (None, Target::Mock | Target::None) => true,
        }
    }
}

impl Message {
    /// The field that holds a token; none where the message goes to someone who is not told it.
    #[must_use]
    pub fn token_for(&self, target: &Target) -> Option<&TokenField> {
        let token = self.token.as_ref()?;
        let goes = self.location.text.fixed().map(Cow::Borrowed);
        let origin = goes.and_then(|text| Some(place(text, target).ok()?.0));
        let withheld =
            |origin: Cow<'_, Origin>| self.confided.withholds(&token.name, &origin, target);
        (!origin.is_some_and(withheld)).then_some(token)
    }

    /// The message for one request of the user whose values `scope` holds.
    ///
    /// # Errors
    ///
    /// Where a template cannot be rendered, or what it gives cannot be sent.
    pub fn render<'a>(
        &'a self,
        target: &'a Target,
        scope: &Scope,
    ) -> Result<Rendered<'a>, TemplateError> {
        match &self.fixed {
            Some(fixed) => Ok(fixed.borrowed()),
            None => self.render_anew(target, scope),
        }
    }

    /// Whether nothing in the message needs rendering for each request.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        self.body.is_constant()
            && self.token.is_none()
            && self.location.text.fixed().is_some()
            && self
                .location
                .query
                .iter()
                .all(|part| part.value.fixed().is_some())
            && self
                .headers
                .iter()
                .all(|(_, value)| value.fixed().is_some())
    }

    /// The bytes of memory that its body takes for as long as the run lasts, on so many workers: each keeps what it sends
    /// where that is always the same.
    pub(super) fn kept_bytes(&self, workers: u64) -> u64 {
        let fixed = self.fixed.as_ref().map_or(0, |fixed| length(&fixed.body));
        let packed = self.packed.as_ref().map_or(0, |packed| length(packed));
        let each = fixed.saturating_mul(workers.saturating_add(1));
        self.body
            .bytes()
            .saturating_add(each)
            .saturating_add(packed)
    }

    /// The bytes of memory that its body takes while it is sent, beside those that are kept.
    pub(super) fn rendered_bytes(&self) -> u64 {
        match self.fixed {
            Some(_) => 0,
            None => self
                .packed
                .as_ref()
                .map_or(self.body.bytes(), |packed| length(packed)),
        }
    }

    /// Gives what was rendered before the token that counts now.
    ///
    /// # Errors
    ///
    /// Where there is no token.
    pub fn renew_token<'a>(
        &'a self,
        rendered: &mut Rendered<'a>,
        scope: &Scope,
    ) -> Result<(), TemplateError> {
        let Some(token) = &self.token else {
            return Ok(());
        };
        let known = |(name, _): &(Cow<'_, str>, _)| *name == token.name;
        if let Some(place) = rendered.headers.iter().position(known) {
            rendered.headers.to_mut()[place] = token_field(token, scope)?;
        }
        Ok(())
    }

    /// Renders the message for good, where nothing in it changes and the target is known.
    pub(crate) fn fix(&mut self, target: &Target, templates: &Arc<Templates>) {
        let scope = Scope::new(templates.clone(), 1, 0);
        let rendered = self
            .is_constant()
            .then(|| self.render_anew(target, &scope).map(Rendered::into_owned));
        self.fixed = rendered.and_then(Result::ok);
        // Once, and not for each request on the thread that carries the load.
        let packs = self.compress && self.fixed.is_none() && self.body.is_constant();
        let body = packs.then(|| self.body.render(&scope).map(|body| gzip(&body)));
        self.packed = body.and_then(Result::ok);
    }

    fn render_anew<'a>(
        &'a self,
        target: &'a Target,
        scope: &Scope,
    ) -> Result<Rendered<'a>, TemplateError> {
        let (origin, path) = self.location.render(target, scope)?;
        let told = |name: &str| !self.confided.withholds(name, &origin, target);
        let headers = self.headers.iter().filter(|(name, _)| told(name));
        let headers = headers.map(|(name, value)| header(name, value, scope));
        let token = self.token.iter().filter(|field| told(&field.name));
        let token = token.map(|field| token_field(field, scope));
        let headers: Result<Vec<_>, _> = headers.chain(token).collect();
        let body = match &self.packed {
            Some(packed) => Cow::Borrowed(packed.as_slice()),
            None if self.compress => Cow::Owned(gzip(&self.body.render(scope)?)),
            None => self.body.render(scope)?,
        };
        Ok(Rendered {
            origin,
            path,
            headers: Cow::Owned(headers?),
            body,
        })
    }
}

impl Location {
    fn render<'a>(
        &'a self,
        target: &'a Target,
        scope: &Scope,
    ) -> Result<(Cow<'a, Origin>, Cow<'a, str>), TemplateError> {
        let text = self
            .text
            .render(scope)
            .map_err(|reason| error("the path", reason))?;
        let (origin, mut path) = place(text, target).map_err(|reason| error("the path", reason))?;
        for part in &self.query {
            let value = part
                .value
                .render(scope)
                .map_err(|reason| error(&format!("the query's {}", part.key), reason))?;
            let joint = if path.contains('?') { '&' } else { '?' };
            let (key, value) = (
                url::encode_component(&part.key),
                url::encode_component(&value),
            );
            path.to_mut().push_str(&format!("{joint}{key}={value}"));
        }
        Ok((origin, path))
    }
}

impl Rendered<'_> {
    /// The same, borrowed.
    #[must_use]
    pub fn borrowed(&self) -> Rendered<'_> {
        Rendered {
            origin: Cow::Borrowed(&self.origin),
            path: Cow::Borrowed(&self.path),
            headers: Cow::Borrowed(&self.headers),
            body: Cow::Borrowed(&self.body),
        }
    }

    /// Leaves fields out of a message that a redirection made of one to this origin, where it goes to another.
    pub fn withhold(&mut self, names: &[String], from: &Origin) {
        if *self.origin != *from && !names.is_empty() {
            let fields = self.headers.to_mut();
            fields.retain(|(name, _)| !names.iter().any(|one| one == name));
        }
    }

    /// What the fields of these names say, to be hidden, longest first: also what is too common to be hidden everywhere.
    #[must_use]
    pub fn secrets(&self, names: &[String]) -> Vec<String> {
        let mut secrets = Secrets::default();
        for (name, value) in self.headers.iter() {
            if names.iter().any(|one| one == name) {
                secrets.add_said(value);
            }
        }
        secrets.into_sorted()
    }

    /// Sets a header field, or takes it out; whether that changes the message.
    pub(crate) fn set(&mut self, name: &'static str, value: Option<String>) -> bool {
        let place = self.headers.iter().position(|(known, _)| known == name);
        match (place, value) {
            (None, None) => return false,
            (Some(place), Some(value)) if self.headers[place].1 == value => return false,
            (Some(place), Some(value)) => self.headers.to_mut()[place].1 = Cow::Owned(value),
            (Some(place), None) => _ = self.headers.to_mut().remove(place),
            (None, Some(value)) => {
                let field = (Cow::Borrowed(name), Cow::Owned(value));
                self.headers.to_mut().push(field);
            }
        }
        true
    }

    /// The value of a header field; the name in lower case.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_ref())
    }

    /// The same with nothing borrowed.
    #[must_use]
    pub fn into_owned(self) -> Rendered<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        let headers = self
            .headers
            .into_owned()
            .into_iter()
            .map(|(name, value)| (own(name), own(value)))
            .collect();
        Rendered {
            origin: Cow::Owned(self.origin.into_owned()),
            path: Cow::Owned(self.path.into_owned()),
            headers: Cow::Owned(headers),
            body: Cow::Owned(self.body.into_owned()),
        }
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Where a rendered location goes: the origin, and the path with its query, encoded.
fn place<'a>(
    text: Cow<'a, str>,
    target: &'a Target,
) -> Result<(Cow<'a, Origin>, Cow<'a, str>), String> {
    if text.starts_with('/') {
        let path = match text {
            Cow::Borrowed(text) => url::encode_location(text),
            Cow::Owned(text) => Cow::Owned(url::encode_location(&text).into_owned()),
        };
        return match target {
            Target::Base { origin, prefix } if prefix.is_empty() => {
                Ok((Cow::Borrowed(origin), path))
            }
            Target::Base { origin, prefix } => {
                Ok((Cow::Borrowed(origin), Cow::Owned(format!("{prefix}{path}"))))
            }
            Target::Mock | Target::None => Err("a path needs a target".to_owned()),
        };
    }
    let (origin, rest) = url::parse(&text).map_err(|misread| misread.message)?;
    let rest = url::encode_location(rest);
    let path = if rest.starts_with('/') {
        rest.into_owned()
    } else {
        format!("/{rest}")
    };
    Ok((Cow::Owned(origin), Cow::Owned(path)))
}

fn header<'a>(
    name: &'a str,
    value: &'a Text,
    scope: &Scope,
) -> Result<(Cow<'a, str>, Cow<'a, str>), TemplateError> {
    let what = || format!("the header {name}");
    let value = value
        .render(scope)
        .map_err(|reason| error(&what(), reason))?;
    if let Some(bad) = value.chars().find(|c| unfit_for_header(*c)) {
        return Err(error(
            &what(),
            format!("a header cannot hold {}", bad.escape_default()),
        ));
    }
    Ok((Cow::Borrowed(name), trimmed(value)))
}

fn token_field<'a>(
    field: &'a TokenField,
    scope: &Scope,
) -> Result<(Cow<'a, str>, Cow<'a, str>), TemplateError> {
    let token = scope
        .token(field.credential)
        .map_err(|reason| TemplateError {
            lacks_token: true,
            ..error("a token", reason)
        })?;
    let value = format!("{}{token}", field.scheme);
    Ok((Cow::Borrowed(&field.name), Cow::Owned(value)))
}

/// Whether a character cannot stand in the value of a header field.
pub(crate) fn unfit_for_header(c: char) -> bool {
    c != '\t' && c.is_ascii_control()
}

fn trimmed(value: Cow<'_, str>) -> Cow<'_, str> {
    let blank = |c: char| c == ' ' || c == '\t';
    match value {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_matches(blank)),
        Cow::Owned(text) if text.starts_with(blank) || text.ends_with(blank) => {
            Cow::Owned(text.trim_matches(blank).to_owned())
        }
        Cow::Owned(text) => Cow::Owned(text),
    }
}

fn error(what: &str, reason: String) -> TemplateError {
    TemplateError {
        what: what.to_owned(),
        reason,
        lacks_token: false,
    }
}
