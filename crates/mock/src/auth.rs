//! Serves a login and a page that asks for it.

use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue, SET_COOKIE, WWW_AUTHENTICATE};
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
