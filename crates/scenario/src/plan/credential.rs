//! The tokens that a run needs: where each comes from, and how it is read.

use super::{Message, Plan, Rendered, Request, Step, unfit_for_header};
use crate::{quantity::format_duration, tokens::Tokens};
use serde_json::Value;
use std::{fmt, ops::Range, sync::Arc, time::Duration};

/// A token is asked for again so long before its end, or when four fifths of its life are over.
const EARLY: Duration = Duration::from_secs(60);
/// The least time from one token to the next.
const LEAST: Duration = Duration::from_secs(1);
/// The longest message of a service that is told.
const TOLD: usize = 200;
/// The longest life of a token that is believed: longer than any run.
const FOREVER: u64 = 1 << 32;

/// A token that is fetched before the run, and kept fresh while it goes on.
#[derive(Debug)]
pub struct Credential {
    /// Where it comes from.
    pub source: TokenSource,
    /// How often it is asked for again; absent: before it ends, where its end is told.
    pub refresh: Option<Duration>,
    /// Whether each user asks for one of its own.
    pub per_user: bool,
}

/// Where a token comes from.
#[derive(Debug)]
pub enum TokenSource {
    /// What a command writes: the program and its arguments.
    Command(Vec<String>),
    /// The answer to a POST, as OAuth 2 has it (RFC 6749, section 4.4).
    OAuth2(Box<Message>),
}

/// The header field of a message that holds a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenField {
    /// Its name, in lower case.
    pub name: String,
    /// What stands before the token, with its space.
    pub scheme: &'static str,
    /// Whose token: its place in [`super::Plan::credentials`].
    pub credential: usize,
}

/// How one token is asked for.
#[derive(Clone, Debug)]
pub struct TokenAsk {
    /// How messages call it.
    pub name: String,
    /// Who is asked.
    pub from: TokenFrom,
    /// How often it is asked for again.
    pub refresh: Option<Duration>,
}

/// Who is asked for a token.
#[derive(Clone, Debug)]
pub enum TokenFrom {
    /// A command: the program and its arguments.
    Command(Vec<String>),
    /// A service, by this POST.
    Service(Rendered<'static>),
}

/// A token.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// It itself.
    pub text: String,
    /// How long it may be used, where that is told: at least a second.
    pub lives: Option<Duration>,
}

impl Plan {
    /// The tokens of the run, for whoever keeps them fresh.
    #[must_use]
    pub fn tokens(&self) -> Arc<Tokens> {
        Arc::clone(self.templates.tokens())
    }

    /// How the tokens that requests need are asked for, each with its place among the credentials.
    #[must_use]
    pub fn token_asks(&self) -> Vec<(usize, TokenAsk)> {
        self.token_asks_of(0..self.scenarios.len())
    }

    /// The same where only these scenarios are played, with what is done once.
    #[must_use]
    pub fn token_asks_of(&self, scenarios: Range<usize>) -> Vec<(usize, TokenAsk)> {
        let played = self.scenarios.get(scenarios).unwrap_or_default().iter();
        let of_users = played.flat_map(|scenario| [&scenario.flow, &scenario.before]);
        let steps = of_users.chain([&self.setup.steps, &self.teardown.steps]);
        let requests: Vec<&Request> = steps.flat_map(|steps| Step::requests(steps)).collect();
        let needed = |place| {
            let mut tokens = requests
                .iter()
                .filter_map(|one| one.message.token_for(&self.target));
            tokens.any(|token| token.credential == place)
        };
        let asks = self.credentials.iter().enumerate();
        asks.filter(|(place, one)| !one.per_user && needed(*place))
            .filter_map(|(place, credential)| Some((place, credential.ask()?)))
            .collect()
    }
}

impl Credential {
    /// Whether the other is fetched in the same way.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let source = match (&self.source, &other.source) {
            (TokenSource::Command(own), TokenSource::Command(other)) => own == other,
            // What a message renders to is known where the target is; until then it is told by what it is made of.
            (TokenSource::OAuth2(own), TokenSource::OAuth2(other)) => {
                format!("{own:?}") == format!("{other:?}")
            }
            _ => false,
        };
        source && (self.refresh, self.per_user) == (other.refresh, other.per_user)
    }

    /// How it is asked for; absent where its message goes nowhere.
    pub(crate) fn ask(&self) -> Option<TokenAsk> {
        let (name, from) = match &self.source {
            TokenSource::Command(words) => {
                let from = TokenFrom::Command(words.clone());
                ("token_command".to_owned(), from)
            }
            TokenSource::OAuth2(message) => {
                let request = message.fixed.clone()?;
                let path = request.path.split('?').next().unwrap_or_default();
                (
                    format!("{}{path}", request.origin),
                    TokenFrom::Service(request),
                )
            }
        };
        Some(TokenAsk {
            name,
            from,
            refresh: self.refresh,
        })
    }
}

impl Token {
    /// How long after it was asked for it is asked for again; never where nobody knows its end. `refresh` is what the
    /// file says.
    #[must_use]
    pub fn renewed_after(&self, refresh: Option<Duration>) -> Option<Duration> {
        let early = |lives: Duration| lives.saturating_sub(EARLY).max(lives * 4 / 5);
        // What the service says of its end counts where it comes first.
        let after = refresh.into_iter().chain(self.lives.map(early)).min();
        after.map(|after| after.max(LEAST))
    }

    /// The token that a command wrote.
    ///
    /// # Errors
    ///
    /// Why it is none.
    pub fn of_output(written: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(written).map_err(|_| "it wrote no text".to_owned())?;
        let text = text.trim();
        let text = text.strip_prefix("Bearer ").unwrap_or(text).trim();
        match text {
            "" => Err("it wrote nothing".to_owned()),
            json if json.starts_with('{') => Err(
                "it wrote JSON: take the token out of it, for example with jq -r .access_token"
                    .to_owned(),
            ),
            token if token.chars().any(unfit) => Err("it wrote more than a token".to_owned()),
            token => Ok(Self {
                text: token.to_owned(),
                lives: None,
            }),
        }
    }

    /// The token in the answer of a service with this status and body.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn of_answer(status: u16, body: &[u8]) -> Result<Self, String> {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |key: &str| json[key].as_str().map(shortened);
        if !(200..300).contains(&status) {
            let said = [text("error"), text("error_description")];
            let said: String = said
                .into_iter()
                .flatten()
                .map(|one| format!(": {one}"))
                .collect();
            return Err(format!("status {status}{said}"));
        }
        if !json.is_object() {
            return Err("the answer is no JSON object".to_owned());
        }
        if let Some(other) = text("token_type").filter(|kind| !kind.eq_ignore_ascii_case("bearer"))
        {
            return Err(format!("the token is of the type {other}, not Bearer"));
        }
        let token = json["access_token"].as_str().unwrap_or_default();
        if token.is_empty() {
            return Err("the answer has no access_token".to_owned());
        }
        if token.chars().any(unfit) {
            return Err("the access_token cannot stand in a header".to_owned());
        }
        Ok(Self {
            text: token.to_owned(),
            lives: seconds(&json["expires_in"]),
        })
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, again) = match &self.source {
            TokenSource::Command(_) => ("token_command", "before the run"),
            TokenSource::OAuth2(message) => {
                let place = message.location.text.source();
                (
                    place.split('?').next().unwrap_or_default(),
                    "before the run, and before it ends",
                )
            }
        };
        match self.refresh {
            _ if self.per_user => write!(f, "{name}, by each user for itself"),
            None => write!(f, "{name}, {again}"),
            Some(time) => write!(
                f,
                "{name}, before the run, and every {}",
                format_duration(time)
            ),
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("lives", &self.lives)
            .finish_non_exhaustive()
    }
}

/// Whether a character has no place in a token.
fn unfit(c: char) -> bool {
    unfit_for_header(c) || c.is_whitespace()
}

/// A number of seconds, which some services write as text.
fn seconds(value: &Value) -> Option<Duration> {
    let number = value
        .as_f64()
        .or_else(|| value.as_str()?.trim().parse().ok())?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let most = FOREVER as f64;
    // Nobody gives a token that is over: those who say so mean one without an end.
    (number > 0.0).then(|| Duration::from_secs_f64(number.min(most)).max(LEAST))
}

/// A text of a service as it is told: on one line, cut where it grows long.
fn shortened(text: &str) -> String {
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    line.take(TOLD).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(outcome: Result<Token, String>, expected: Result<(&str, Option<f64>), &str>) {
        let outcome = outcome.map(|token| (token.text, token.lives.map(|one| one.as_secs_f64())));
        let expected = expected.map(|(text, lives)| (text.to_owned(), lives));
        assert_eq!(outcome, expected.map_err(ToOwned::to_owned));
    }

    #[test]
    fn a_command_writes_a_token() {
        for (written, expected) in [
            ("tok-1\n", Ok(("tok-1", None))),
            ("  Bearer tok-1\r\n", Ok(("tok-1", None))),
            ("", Err("it wrote nothing")),
            ("\n\n", Err("it wrote nothing")),
            ("two words", Err("it wrote more than a token")),
            ("tok-1\ntok-2\n", Err("it wrote more than a token")),
            (
                "{\"access_token\":\"tok-1\"}",
                Err(
                    "it wrote JSON: take the token out of it, for example with jq -r .access_token",
                ),
            ),
        ] {
            check(Token::of_output(written.as_bytes()), expected);
        }
        check(Token::of_output(b"\xff\xfe"), Err("it wrote no text"));
    }

    #[test]
    fn a_service_gives_a_token() {
        for (status, body, expected) in [
            (
                200,
                r#"{"access_token":"t","expires_in":60}"#,
                Ok(("t", Some(60.0))),
            ),
            (
                200,
                r#"{"access_token":"t","token_type":"bearer","expires_in":"3599"}"#,
                Ok(("t", Some(3599.0))),
            ),
            (
                201,
                r#"{"access_token":"t","expires_in":null}"#,
                Ok(("t", None)),
            ),
            (
                200,
                r#"{"access_token":"t","expires_in":-1}"#,
                Ok(("t", None)),
            ),
            (
                200,
                r#"{"access_token":"t","expires_in":0}"#,
                Ok(("t", None)),
            ),
            (
                200,
                r#"{"access_token":"t","expires_in":0.01}"#,
                Ok(("t", Some(1.0))),
            ),
            (
                200,
                r#"{"access_token":"t","expires_in":1e300}"#,
                Ok(("t", Some(4_294_967_296.0))),
            ),
            (
                200,
                r#"{"access_token":"t","token_type":"mac"}"#,
                Err("the token is of the type mac, not Bearer"),
            ),
            (
                200,
                r#"{"access_token":""}"#,
                Err("the answer has no access_token"),
            ),
            (
                200,
                r#"{"token":"t"}"#,
                Err("the answer has no access_token"),
            ),
            (
                200,
                r#"{"access_token":"a b"}"#,
                Err("the access_token cannot stand in a header"),
            ),
            (200, "<html>", Err("the answer is no JSON object")),
            (200, "[]", Err("the answer is no JSON object")),
            (
                401,
                r#"{"error":"invalid_client","error_description":"who\nis it?"}"#,
                Err("status 401: invalid_client: who is it?"),
            ),
            (503, "busy", Err("status 503")),
            (302, "", Err("status 302")),
        ] {
            check(Token::of_answer(status, body.as_bytes()), expected);
        }
    }

    #[test]
    fn a_token_is_asked_for_again_before_it_ends_whatever_the_file_says() {
        let check = |lives: Option<u64>, refresh: Option<u64>, expected: Option<u64>| {
            let seconds = |given: Option<u64>| given.map(Duration::from_secs);
            let token = Token {
                lives: seconds(lives),
                ..Token::of_output(b"tok-1").unwrap()
            };
            let after = token.renewed_after(seconds(refresh));
            assert_eq!(after, seconds(expected), "{lives:?} {refresh:?}");
        };
        check(None, None, None);
        check(None, Some(1_800), Some(1_800));
        check(Some(300), None, Some(240));
        check(Some(3_600), None, Some(3_540));
        check(Some(300), Some(60), Some(60));
        check(Some(300), Some(1_800), Some(240));
        check(Some(0), None, Some(1));
    }

    #[test]
    fn a_token_is_not_shown() {
        let token = Token::of_output(b"tok-1").unwrap();
        assert_eq!(format!("{token:?}"), "Token { lives: None, .. }");
    }
}
