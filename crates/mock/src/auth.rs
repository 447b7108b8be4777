//! Serves a login, tokens of OAuth 2, and a page that asks for one of them.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::StatusCode;
use hyper::header::{
    AUTHORIZATION, CACHE_CONTROL, COOKIE, HeaderMap, HeaderValue, SET_COOKIE, WWW_AUTHENTICATE,
};
use hyper::http::request::Parts;
use serde_json::{Value, json};

use crate::openai;
use crate::reply::Reply;

/// The password that is refused.
const WRONG: &str = "wrong";

/// `POST /login`: a token, in the body and as a cookie, for any user whose password is not "wrong".
pub(crate) fn login(number: u64, body: &[u8]) -> Reply {
    let body: Value = match serde_json::from_slice(body) {
        Ok(body) => body,
        Err(error) => {
            return refuse(
                StatusCode::BAD_REQUEST,
                &format!("the body is not JSON: {error}"),
            );
        }
    };
    let (Some(user), Some(password)) = (body["user"].as_str(), body["password"].as_str()) else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "'user' and 'password' must be strings",
        );
    };
    if password == WRONG {
        return refuse(StatusCode::UNAUTHORIZED, "wrong password");
    }
    let token = token(number, user);
    let reply = Reply::json(
        StatusCode::OK,
        &json!({ "token": token, "user": user, "expires_in": 3600 }),
    );
    match HeaderValue::try_from(format!("session={token}; Path=/; HttpOnly")) {
        Ok(cookie) => reply.with(SET_COOKIE, cookie),
        Err(_) => refuse(StatusCode::BAD_REQUEST, "'user' does not fit into a cookie"),
    }
}

/// `POST /oauth/token`: a token of OAuth 2 for any client whose secret is not "wrong", given by `Authorization` or in the
/// form. `?expires_in=N` says how long it lives.
pub(crate) fn token_of_client(number: u64, head: &Parts, body: &[u8]) -> Reply {
    let form = pairs(&String::from_utf8_lossy(body));
    let field = |name: &str| {
        form.iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
    };
    let in_head = head
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| basic(value.to_str().ok()?));
    let client = in_head.or_else(|| Some((field("client_id")?, field("client_secret")?)));
    let refuse = |status, error: &str| Reply::json(status, &json!({ "error": error }));
    if field("grant_type").as_deref() != Some("client_credentials") {
        return refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    let Some((client, _)) = client.filter(|(_, secret)| secret != WRONG) else {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
    };
    let query = pairs(head.uri.query().unwrap_or_default());
    let lives = query.iter().find(|(key, _)| key == "expires_in");
    let lives = lives.and_then(|(_, value)| value.parse::<u64>().ok());
    let told = json!({
        "access_token": token(number, &client),
        "token_type": "Bearer",
        "expires_in": lives.unwrap_or(3600),
        "scope": field("scope").unwrap_or_default(),
    });
    Reply::json(StatusCode::OK, &told).with(CACHE_CONTROL, HeaderValue::from_static("no-store"))
}

/// Client and secret of an `Authorization: Basic`.
fn basic(value: &str) -> Option<(String, String)> {
    let encoded = value.strip_prefix("Basic ")?;
    let pair = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
    let (client, secret) = pair.split_once(':')?;
    Some((decoded(client), decoded(secret)))
}

/// The pairs of a form.
fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(key, value)| (decoded(key), decoded(value)))
        .collect()
}

/// A part of a form, decoded; what is no escape stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escape = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = escape.and_then(|two| u8::from_str_radix(two, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            (other, _) => bytes.push(*other),
        }
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `GET /me`: who is logged in; 401 without any `Authorization` or cookie.
pub(crate) fn me(headers: &HeaderMap) -> Reply {
    let Some(shown) = headers.get(AUTHORIZATION).or_else(|| headers.get(COOKIE)) else {
        let challenge = HeaderValue::from_static("Bearer");
        return refuse(StatusCode::UNAUTHORIZED, "log in first").with(WWW_AUTHENTICATE, challenge);
    };
    Reply::json(
        StatusCode::OK,
        &json!({ "user": shown.to_str().ok().and_then(user) }),
    )
}

/// A token in which the user's name can be found again, since the mock remembers no sessions.
fn token(number: u64, user: &str) -> String {
    let name: String = user.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("mock-{number}-{name}")
}

/// The user whose token stands in the header; none if it is not one of the mock's.
fn user(header: &str) -> Option<String> {
    let word = header
        .split([' ', ';', '='])
        .find(|word| word.starts_with("mock-"))?;
    let (_, name) = word.strip_prefix("mock-")?.split_once('-')?;
    let digits: Option<Vec<u8>> = name
        .chars()
        .map(|digit| {
            digit
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect();
    let bytes = digits?
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte * 16 + digit))
        .collect();
    String::from_utf8(bytes).ok()
}

fn refuse(status: StatusCode, message: &str) -> Reply {
    Reply::json(status, &openai::error(status.as_u16(), message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_in_headers() {
        let check = |header: String, expected: Option<&str>| {
            assert_eq!(user(&header).as_deref(), expected, "{header}");
        };
        check(format!("Bearer {}", token(1, "ann")), Some("ann"));
        check(
            format!("a=b; session={}; c=d", token(77, "Zoë-1")),
            Some("Zoë-1"),
        );
        check(format!("Bearer {}", token(1, "")), Some(""));
        check("Bearer test-token".to_owned(), None);
        check("Bearer mock-1-zz".to_owned(), None);
        check("Bearer mock-1-ff".to_owned(), None);
        check("Bearer mock-1".to_owned(), None);
        check(String::new(), None);
    }
}
