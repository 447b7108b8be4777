//! Knows which values must not be shown, and hides them in texts.

use std::{borrow::Cow, collections::BTreeSet};

/// What stands in the place of a secret.
pub(crate) const MASK: &str = "***";
/// Shorter values are not hidden: they would be found in every text.
const SHORTEST: usize = 4;
/// Names of header fields whose values are secrets.
const HEADERS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "api-key",
    "x-api-key",
    "x-auth-token",
    "x-goog-api-key",
    "ocp-apim-subscription-key",
];

/// Whether a text is a secret as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// No; only what variables with secret names put into it.
    Open,
    /// Yes.
    Secret,
    /// Yes, as the value of a header field: after a scheme such as `Bearer`, if there is one.
    SecretHeader,
}

impl Secrecy {
    /// A secret, where `secret` says so.
    pub(crate) const fn when(secret: bool) -> Self {
        if secret { Self::Secret } else { Self::Open }
    }
}

/// Collects secrets.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    values: BTreeSet<String>,
}

impl Secrets {
    /// Those that are known already.
    pub(crate) fn of(values: Vec<String>) -> Self {
        Self {
            values: values.into_iter().collect(),
        }
    }

    /// Adds a value, in the forms in which it can be met.
    pub(crate) fn add(&mut self, value: &str) {
        let value = value.trim();
        if worth_hiding(value) {
            self.insert(value);
        }
    }

    /// Adds what a header field of one message says: a number is hidden too, as not every text is looked through for it.
    pub(crate) fn add_said(&mut self, value: &str) {
        let value = without_scheme(value.trim());
        if value.chars().count() >= SHORTEST {
            self.insert(value);
        }
    }

    fn insert(&mut self, value: &str) {
        let escaped = serde_json::Value::from(value).to_string();
        self.values.insert(crate::url::encode_component(value));
        self.values.insert(escaped.trim_matches('"').to_owned());
        self.values.insert(value.to_owned());
    }

    /// Adds the value of a header field: the scheme of an authorization is no secret.
    pub(crate) fn add_header(&mut self, value: &str) {
        self.add(without_scheme(value.trim()));
    }

    /// Adds what stands in a body behind names that say it is a secret: members of JSON, or pairs of a form.
    pub(crate) fn add_body(&mut self, text: &str) {
        match serde_json::from_str(text) {
            Ok(value) => self.add_members(&value, false),
            Err(_) => self.add_pairs(text),
        }
    }

    /// Adds the values of the pairs `name=value` whose names say that they are secrets.
    pub(crate) fn add_pairs(&mut self, pairs: &str) {
        for (name, value) in pairs.split('&').filter_map(|pair| pair.split_once('=')) {
            // Prose with an `=` in it is no form.
            if is_secret_name(name) && !name.contains(char::is_whitespace) {
                self.add(value);
            }
        }
    }

    fn add_members(&mut self, value: &serde_json::Value, secret: bool) {
        match value {
            serde_json::Value::String(text) if secret => self.add(text),
            serde_json::Value::Array(list) => {
                list.iter()
                    .for_each(|value| self.add_members(value, secret));
            }
            serde_json::Value::Object(members) => members
                .iter()
                .for_each(|(name, value)| self.add_members(value, secret || is_secret_name(name))),
            _ => {}
        }
    }

    /// The secrets, longest first.
    pub(crate) fn into_sorted(self) -> Vec<String> {
        let mut values: Vec<String> = self.values.into_iter().collect();
        values.sort_by(|left, right| right.len().cmp(&left.len()).then_with(|| left.cmp(right)));
        values
    }
}

/// The value of a header field without the scheme of an authorization.
fn without_scheme(value: &str) -> &str {
    match value.split_once(' ') {
        Some((scheme, rest)) if scheme.chars().all(|c| c.is_ascii_alphabetic()) => rest.trim(),
        _ => value,
    }
}

/// Whether the values of a header field are secrets.
#[must_use]
pub fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    HEADERS.contains(&name.as_str()) || is_secret_name(&name)
}

/// Whether a name says that what it names is a secret.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let mut words: Vec<String> = vec![String::new()];
    let mut before_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || c.is_uppercase() && before_lower {
            words.push(String::new());
        }
        before_lower = c.is_lowercase();
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    words.iter().any(|word| {
        matches!(
            word.as_str(),
            "key" | "keys" | "apikey" | "apikeys" | "auth" | "pass" | "pwd" | "bearer" | "jwt"
        ) || [
            "token",
            "secret",
            "passw",
            "passphrase",
            "credential",
            "cookie",
            "session",
            "authorization",
        ]
        .iter()
        .any(|start| word.contains(start) && word != "tokens" && word != "tokenizer")
    }) || matches!(name, "tokens" | "TOKENS")
}

/// A location as it may be shown: what its query says of secrets is hidden; templates name them only.
pub(crate) fn shown_location(text: &str) -> String {
    let Some((path, query)) = text.split_once('?') else {
        return text.to_owned();
    };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, value)) if is_secret_name(name) && !value.contains("{{") => {
            format!("{name}={MASK}")
        }
        _ => pair.to_owned(),
    });
    format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
}

/// Hides secrets, longest first, in a text that may have been cut off within one.
#[must_use]
pub fn mask<'a>(secrets: &[String], text: &'a str) -> Cow<'a, str> {
    let mut masked = Cow::Borrowed(text);
    for secret in secrets {
        if masked.contains(secret.as_str()) {
            masked = Cow::Owned(masked.replace(secret.as_str(), MASK));
        }
    }
    let cut = secrets
        .iter()
        .map(|secret| begun_at_end(secret, &masked))
        .max()
        .unwrap_or(0);
    if cut > 0 {
        let kept = masked.len() - cut;
        masked = Cow::Owned(format!("{}{MASK}", &masked[..kept]));
    }
    masked
}

/// How many bytes at the end of a text are the beginning of a secret; 0 where they are too few to tell anything.
fn begun_at_end(secret: &str, text: &str) -> usize {
    (SHORTEST..secret.len())
        .rev()
        .filter(|length| secret.is_char_boundary(*length))
        .find(|length| text.ends_with(&secret[..*length]))
        .unwrap_or(0)
}

fn worth_hiding(value: &str) -> bool {
    let short_number = value.len() < 8 && value.chars().all(|c| c.is_ascii_digit() || c == '.');
    value.chars().count() >= SHORTEST
        && !short_number
        && !matches!(value, "true" | "false" | "null" | "none" | "None")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_whole_and_where_the_text_ends_within_it() {
        let secrets = ["sk-1234567890".to_owned(), "géheim".to_owned()];
        let cases = [
            ("key sk-1234567890 refused", "key *** refused"),
            ("key sk-1234567890", "key ***"),
            ("key sk-12345", "key ***"),
            ("key sk-1", "key ***"),
            ("key sk-", "key sk-"),
            ("key sk-99", "key sk-99"),
            ("ein géhe", "ein ***"),
            ("", ""),
        ];
        for (text, hidden) in cases {
            assert_eq!(mask(&secrets, text), hidden, "{text}");
        }
    }

    #[test]
    fn names_tell_secrets() {
        for name in [
            "TOKEN",
            "OPENAI_API_KEY",
            "apiKey",
            "DB_PASSWORD",
            "client_secret",
            "SESSION_ID",
            "x-auth",
            "tokens",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "MODEL",
            "KEYBOARD",
            "AUTHOR",
            "HOME",
            "max_tokens",
            "tokenizer",
            "monkey",
            "COMPASS",
            "bypass",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn headers_tell_secrets() {
        for name in ["Authorization", "cookie", "x-api-key", "X-My-Token"] {
            assert!(is_secret_header(name), "{name}");
        }
        for name in ["content-type", "accept", "x-request-id"] {
            assert!(!is_secret_header(name), "{name}");
        }
    }

    #[test]
    fn the_longest_secret_is_hidden_first() {
        let mut secrets = Secrets::default();
        for value in ["abcd", "abcdef", "abc", "12345", "true", "a b/c\"d"] {
            secrets.add(value);
        }
        secrets.add_header("Bearer sk-12345");
        secrets.add_header("sid=77777");
        let secrets = secrets.into_sorted();
        let cases = [
            ("x abcdef y", "x *** y"),
            ("abcd", "***"),
            ("abc 12345 true", "abc 12345 true"),
            (
                "authorization: Bearer sk-12345",
                "authorization: Bearer ***",
            ),
            ("cookie: sid=77777;", "cookie: ***;"),
            ("/?q=a%20b%2Fc%22d", "/?q=***"),
            (r#"{"v":"a b/c\"d"}"#, r#"{"v":"***"}"#),
            ("nothing", "nothing"),
        ];
        for (text, want) in cases {
            assert_eq!(mask(&secrets, text), want);
        }
    }
}
