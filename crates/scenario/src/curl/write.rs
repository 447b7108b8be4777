//! Writes the scenario file of a cURL command.

use super::{
    CurlError, CurlSecret, FromCurl, literal,
    options::{Call, FormPart},
};
use crate::{
    plan::Method,
    secrets::{is_secret_header, is_secret_name},
    url,
};
use serde_json::Value;
use std::{fmt::Write as _, net::IpAddr};

/// Header fields that the connection makes itself.
const MADE_HERE: &[&str] = &[
    "host",
    "content-length",
    "connection",
    "transfer-encoding",
    "te",
    "upgrade",
    "keep-alive",
    "proxy-connection",
];

/// The file.
pub(super) fn scenario(call: &Call) -> Result<FromCurl, CurlError> {
    let mut file = File::default();
    file.notes.clone_from(&call.notes);
    let (origin, path) = file.location(call)?;
    let method = method(call)?;
    let body = body(call);
    let mut step = String::new();
    let name = method.name().to_ascii_lowercase();
    put(&mut step, &name, &literal::string(&path));
    file.headers(&mut step, call, body.as_deref())?;
    let sent = file.body(&mut step, call, body.as_deref());
    if let Some(dialect) = dialect(call, &path, sent.as_ref()) {
        put(&mut step, "stream", &literal::string(dialect));
    }
    file.limits(&mut step, call);
    let mut text = String::new();
    file.head(&mut text, &origin, call);
    text.push_str(&step);
    text.push_str(FOOT);
    Ok(FromCurl {
        text,
        secrets: file.secrets,
        notes: file.notes,
    })
}

const FOOT: &str = r#"
[[step]]
think = "1s..3s"                       # a person reads before the next request

[thresholds]
http_req_failed = "rate < 1%"          # more failures than this fail the run
"#;

/// What is gathered while the file is written.
#[derive(Default)]
struct File {
    secrets: Vec<CurlSecret>,
    notes: Vec<String>,
}

impl File {
    /// The origin, and the path with its query, as a template.
    fn location(&mut self, call: &Call) -> Result<(String, String), CurlError> {
        // cURL takes a URL without a scheme for HTTP.
        let whole = if call.url.contains("://") {
            call.url.clone()
        } else {
            format!("http://{}", call.url)
        };
        let (bare, _) = without_user(&whole);
        let (origin, rest) =
            url::parse(&bare).map_err(|misread| CurlError::Url(misread.message))?;
        let rest = rest.split('#').next().unwrap_or(rest);
        let mut rest = if rest.starts_with('/') {
            rest.to_owned()
        } else {
            format!("/{rest}")
        };
        if call.get && !call.data.is_empty() {
            rest.push(if rest.contains('?') { '&' } else { '?' });
            rest.push_str(&call.data.join("&"));
        }
        let path = match rest.split_once('?') {
            Some((path, query)) => format!("{}?{}", verbatim(path), self.query(query)),
            None => verbatim(&rest),
        };
        Ok((origin.to_string(), path))
    }

    /// A query, its secrets as variables.
    fn query(&mut self, query: &str) -> String {
        let pairs: Vec<String> = query
            .split('&')
            .map(|pair| match pair.split_once('=') {
                Some((name, value)) if is_secret_name(name) && !value.is_empty() => {
                    let place = format!("`{name}` of the query");
                    format!("{}={}", verbatim(name), self.secret(name, &place))
                }
                _ => verbatim(pair),
            })
            .collect();
        pairs.join("&")
    }

    /// The expression that stands for a secret.
    fn secret(&mut self, name: &str, stands_for: &str) -> String {
        let base: String = name
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_uppercase()
                } else {
                    '_'
                }
            })
            .collect();
        let base = if base.starts_with(|c: char| c.is_ascii_digit()) {
            format!("_{base}")
        } else {
            base
        };
        let taken = |name: &str| self.secrets.iter().any(|secret| secret.variable == name);
        let variable = std::iter::once(base.clone())
            .chain((2..).map(|number| format!("{base}_{number}")))
            .find(|name| !taken(name))
            .unwrap_or(base);
        let expression = format!("{{{{ env.{variable} | default('{variable} is not set') }}}}");
        self.secrets.push(CurlSecret {
            variable,
            stands_for: stands_for.to_owned(),
        });
        expression
    }

    fn head(&self, text: &mut String, origin: &str, call: &Call) {
        text.push_str("# Made from a cURL command by `loadgen new --from-curl`.\n");
        text.push_str(
            "#   loadgen check THIS_FILE          shows what it will do; nothing is sent\n",
        );
        text.push_str("#   loadgen debug THIS_FILE          sends it once and shows the answer\n");
        text.push_str("#   loadgen run THIS_FILE --vus 50 --duration 1m\n");
        for secret in &self.secrets {
            let _ = writeln!(
                text,
                "# Set {} before a run: it stands for {}.",
                secret.variable, secret.stands_for
            );
        }
        for note in &self.notes {
            let _ = writeln!(text, "# {note}.");
        }
        let _ = write!(
            text,
            "target = {}\n\n[load]\nvus = 10                               # virtual users: each waits for its answer before it asks again\nduration = \"30s\"\n\n",
            literal::string(origin)
        );
        if !call.resolve.is_empty() {
            let pins: Vec<String> = call.resolve.iter().map(pin).collect();
            let _ = writeln!(text, "[defaults]\nresolve = {{ {} }}\n", pins.join(", "));
        }
        text.push_str("[[step]]\n");
    }

    fn headers(
        &mut self,
        step: &mut String,
        call: &Call,
        body: Option<&str>,
    ) -> Result<(), CurlError> {
        let mut fields: Vec<(String, String)> = Vec::new();
        for (name, value) in &call.headers {
            if MADE_HERE.contains(&name.as_str()) || name.starts_with(':') {
                continue;
            }
            // The boundary of several parts is made here too.
            if name == "content-type" && !call.form.is_empty() {
                continue;
            }
            if fields.iter().any(|(other, _)| other == name) {
                self.notes.push(format!(
                    "the header `{name}` was given twice: the first one is kept"
                ));
                continue;
            }
            fields.push((name.clone(), self.header(name, value)));
        }
        let has = |fields: &[(String, String)], name| fields.iter().any(|(other, _)| other == name);
        let has_user = call.user.is_some() || without_user(&call.url).1.is_some();
        if has_user && !has(&fields, "authorization") {
            // The name is not shown: with many services it is the key.
            let place = "the Base64 text of `USER:PASSWORD`, of --user";
            let value = format!("Basic {}", self.secret("BASIC_AUTH", place));
            fields.push(("authorization".to_owned(), value));
        }
        let untyped = body.is_some() || call.data_file.is_some() && !call.upload;
        if untyped && !has(&fields, "content-type") {
            let form = "application/x-www-form-urlencoded";
            let kind = if call.json { "application/json" } else { form };
            fields.push(("content-type".to_owned(), kind.to_owned()));
        }
        if call.compressed && !has(&fields, "accept-encoding") {
            let codings = "deflate, gzip, br, zstd".to_owned();
            fields.push(("accept-encoding".to_owned(), codings));
        }
        if call.json && !has(&fields, "accept") {
            fields.push(("accept".to_owned(), "application/json".to_owned()));
        }
        for (name, value) in &fields {
            if value.chars().any(crate::plan::unfit_for_header) {
                return Err(CurlError::BadValue {
                    name: "--header".to_owned(),
                    message: format!(
                        "the value of `{name}` has a character that no header can have"
                    ),
                });
            }
            put(
                step,
                &format!("headers.{}", literal::key(name)),
                &literal::string(value),
            );
        }
        Ok(())
    }

    /// The value of a header field; what is secret in it as a variable.
    fn header(&mut self, name: &str, value: &str) -> String {
        if !is_secret_header(name) || value.is_empty() {
            return verbatim(value);
        }
        match value.split_once(' ') {
            Some((scheme, _))
                if name.ends_with("authorization")
                    && scheme.chars().all(|c| c.is_ascii_alphabetic()) =>
            {
                let place = format!("what follows `{scheme} ` in the header `{name}`");
                let variable = if scheme.eq_ignore_ascii_case("bearer") {
                    "API_TOKEN"
                } else {
                    "AUTHORIZATION"
                };
                format!("{scheme} {}", self.secret(variable, &place))
            }
            _ => self.secret(name, &format!("the header `{name}`")),
        }
    }

    /// Writes the body; hands out its JSON, where it is that.
    fn body(&mut self, step: &mut String, call: &Call, body: Option<&str>) -> Option<Value> {
        if let Some(file) = &call.data_file {
            put(step, "body_file", &literal::string(file));
        }
        if !call.form.is_empty() {
            let parts: Vec<String> = call.form.iter().map(|part| self.part(part)).collect();
            put(step, "multipart", &format!("[{}]", parts.join(", ")));
        }
        let body = body?;
        let typed = call.headers.iter().find(|(name, _)| name == "content-type");
        let says_json = call.json || typed.is_some_and(|(_, kind)| kind.contains("json"));
        let json: Option<Value> = serde_json::from_str(body).ok();
        let before = self.secrets.len();
        let members = json.clone().map(|json| self.members(json, None));
        let hides = self.secrets.len() > before;
        let boundary = typed.and_then(|(_, kind)| boundary(kind));
        match members {
            Some(members) if says_json || typed.is_none() => {
                put(step, "json", &literal::value(&members));
            }
            // What has no secret in it is sent to the byte.
            Some(members) if hides => put(step, "body", &literal::string(&members.to_string())),
            Some(_) => put(step, "body", &literal::string(&verbatim(body))),
            None => {
                let text = match boundary {
                    Some(boundary) => self.parts(body, boundary),
                    None => self.query(body),
                };
                put(step, "body", &literal::string(&text));
            }
        }
        json
    }

    /// A body of several parts as it was put together, its secrets as variables.
    fn parts(&mut self, body: &str, boundary: &str) -> String {
        let edge = format!("--{boundary}");
        let parts: Vec<String> = body
            .split(edge.as_str())
            .map(|part| match part.split_once("\r\n\r\n") {
                Some((head, content)) if is_secret_part(head) && !content.trim().is_empty() => {
                    let end = if content.ends_with("\r\n") {
                        "\r\n"
                    } else {
                        ""
                    };
                    let secret = self.secret("FORM_SECRET", "a field of the form");
                    format!("{}\r\n\r\n{secret}{end}", verbatim(head))
                }
                _ => verbatim(part),
            })
            .collect();
        parts.join(&edge)
    }

    /// One part of a body, as a table in one line.
    fn part(&mut self, part: &FormPart) -> String {
        let mut pairs = vec![("name", literal::string(&part.name))];
        if part.is_file {
            pairs.push(("file", literal::string(&part.content)));
        } else if is_secret_name(&part.name) && !part.content.is_empty() {
            let place = format!("`{}` of the form", part.name);
            pairs.push(("value", literal::string(&self.secret(&part.name, &place))));
        } else {
            pairs.push(("value", literal::string(&verbatim(&part.content))));
        }
        let more = [
            ("filename", &part.filename),
            ("content_type", &part.content_type),
        ];
        for (key, value) in more {
            pairs.extend(value.as_ref().map(|text| (key, literal::string(text))));
        }
        let pairs: Vec<String> = pairs
            .iter()
            .map(|(key, value)| format!("{key} = {value}"))
            .collect();
        format!("{{ {} }}", pairs.join(", "))
    }

    /// JSON whose texts are templates, and whose secrets are variables.
    fn members(&mut self, json: Value, secret: Option<&str>) -> Value {
        match json {
            Value::String(text) => match secret.filter(|_| !text.is_empty()) {
                Some(name) => Value::String(self.secret(name, &format!("`{name}` of the body"))),
                None => Value::String(verbatim(&text)),
            },
            Value::Array(list) => list
                .into_iter()
                .map(|value| self.members(value, secret))
                .collect(),
            Value::Object(members) => members
                .into_iter()
                .map(|(name, value)| {
                    let secret = is_secret_name(&name).then_some(name.as_str()).or(secret);
                    let value = self.members(value, secret);
                    (name.clone(), value)
                })
                .collect(),
            other => other,
        }
    }

    fn limits(&self, step: &mut String, call: &Call) {
        let parts: Vec<String> = [("total", call.timeout), ("connect", call.connect_timeout)]
            .into_iter()
            .filter_map(|(name, seconds)| {
                Some(format!("{name} = \"{}ms\"", (seconds? * 1e3).ceil()))
            })
            .collect();
        if !parts.is_empty() {
            put(step, "timeout", &format!("{{ {} }}", parts.join(", ")));
        }
        let follows = call.follow || is_of_browser(call);
        match call.redirects.filter(|_| follows) {
            Some(most) => put(step, "redirects", &most.to_string()),
            None if follows => {}
            None => put(
                step,
                "redirects",
                "0                          # without -L cURL follows none",
            ),
        }
        if let Some(most) = call.retry.filter(|most| *most > 0) {
            let on = "[408, 429, 500, 502, 503, 504, \"timeout\"]";
            put(step, "retry", &format!("{{ on = {on}, max = {most} }}"));
        }
        if call.http2 {
            put(step, "http_version", "\"2\"");
        }
    }
}

/// Whether a browser wrote the command: it follows redirections, and does not say so.
fn is_of_browser(call: &Call) -> bool {
    let mut headers = call.headers.iter();
    headers.any(|(name, value)| {
        name.starts_with("sec-") || name == "user-agent" && value.starts_with("Mozilla/")
    })
}

/// A name and the addresses that it is given, as a pair of a table.
fn pin((name, addresses): &(String, Vec<IpAddr>)) -> String {
    let addresses: Vec<String> = addresses
        .iter()
        .map(|address| literal::string(&address.to_string()))
        .collect();
    format!("{} = [{}]", literal::key(name), addresses.join(", "))
}

/// The boundary of a body of several parts, by its type.
fn boundary(kind: &str) -> Option<&str> {
    let (_, boundary) = kind.strip_prefix("multipart/")?.split_once("boundary=")?;
    let boundary = boundary.split(';').next()?.trim().trim_matches('"');
    Some(boundary).filter(|boundary| !boundary.is_empty())
}

/// Whether the field of a form is a secret by its name.
fn is_secret_part(head: &str) -> bool {
    let name = head.split_once("name=\"").map(|(_, rest)| rest);
    let name = name.and_then(|rest| rest.split('"').next());
    name.is_some_and(is_secret_name)
}

/// A URL without user and password, and these.
fn without_user(url: &str) -> (String, Option<String>) {
    let (scheme, rest) = url
        .split_once("://")
        .map_or(("", url), |(scheme, rest)| (scheme, rest));
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority].rsplit_once('@') {
        Some((user, _)) if !scheme.is_empty() => {
            let bare = format!("{scheme}://{}", &rest[user.len() + 1..]);
            (bare, Some(user.to_owned()))
        }
        Some((user, _)) => (rest[user.len() + 1..].to_owned(), Some(user.to_owned())),
        None => (url.to_owned(), None),
    }
}

fn put(text: &mut String, key: &str, value: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{key} = {value}");
}

fn method(call: &Call) -> Result<Method, CurlError> {
    let asked = match &call.method {
        Some(name) => name.as_str(),
        None if call.head => "HEAD",
        None if call.upload => "PUT",
        None if call.get => "GET",
        None if call.data.is_empty() && call.data_file.is_none() && call.form.is_empty() => "GET",
        None => "POST",
    };
    Method::ALL
        .into_iter()
        .find(|method| method.name() == asked)
        .ok_or_else(|| CurlError::BadValue {
            name: "--request".to_owned(),
            message: "a step can be GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS".to_owned(),
        })
}

fn body(call: &Call) -> Option<String> {
    if call.get || call.data.is_empty() {
        return None;
    }
    Some(call.data.join(if call.json { "" } else { "&" }))
}

/// The dialect of the answer, where the request asks for a stream.
fn dialect(call: &Call, path: &str, json: Option<&Value>) -> Option<&'static str> {
    let path = path.split('?').next().unwrap_or(path);
    let member = json
        .and_then(|json| json.get("stream"))
        .and_then(Value::as_bool);
    let is_ollama = path.ends_with("/api/chat") || path.ends_with("/api/generate");
    let accepts_events = call
        .headers
        .iter()
        .any(|(name, value)| name == "accept" && value.contains("text/event-stream"));
    match member {
        Some(true) if is_ollama => Some("ollama"),
        Some(true) if path.ends_with("/messages") => Some("anthropic"),
        Some(true) if path.ends_with("/completions") || path.ends_with("/responses") => {
            Some("openai")
        }
        Some(true) => Some("sse"),
        None if is_ollama && json.is_some() => Some("ollama"),
        None if accepts_events => Some("sse"),
        _ => None,
    }
}

/// Text that a template gives out as it is.
fn verbatim(text: &str) -> String {
    text.replace("{{", "{{ '{{' }}")
        .replace("{%", "{{ '{%' }}")
        .replace("{#", "{{ '{#' }}")
}
