//! Tests the endpoints that have nothing to do with tokens.

use std::time::Duration;

use loadgen_mock::{Ended, Settings};
use serde_json::{Value, json};

use crate::client::{Client, ended, fast, now, start};

/// Method, path, body; the status; where in the JSON, and what.
type Case = (
    &'static str,
    &'static str,
    &'static str,
    u16,
    &'static str,
    Value,
);

fn cases() -> Vec<Case> {
    vec![
        (
            "GET",
            "/plain",
            "",
            200,
            "/message",
            json!("hello from the mock"),
        ),
        (
            "POST",
            "/plain",
            "any body",
            200,
            "/message",
            json!("hello from the mock"),
        ),
        (
            "DELETE",
            "/plain?x=1",
            "",
            200,
            "/message",
            json!("hello from the mock"),
        ),
        ("GET", "/plain?bytes=4", "", 200, "", json!("xx")),
        ("GET", "/plain?x=1&bytes=1", "", 200, "", json!(0)),
        (
            "GET",
            "/plain?bytes=-1",
            "",
            400,
            "/error/type",
            json!("invalid_request_error"),
        ),
        (
            "GET",
            "/plain?bytes=16777217",
            "",
            400,
            "/error/type",
            json!("invalid_request_error"),
        ),
        ("GET", "/analytics", "", 200, "/0/page", json!("/")),
        (
            "POST",
            "/analytics",
            "",
            405,
            "/error/message",
            json!("/analytics takes GET, HEAD, not POST"),
        ),
        ("GET", "/health", "", 200, "/status", json!("ok")),
        ("GET", "/status/418", "", 418, "/status", json!(418)),
        ("POST", "/status/503", "", 503, "/status", json!(503)),
        (
            "GET",
            "/status/199",
            "",
            400,
            "/error/message",
            json!("the status must be a number from 200 to 599"),
        ),
        (
            "GET",
            "/status/ok",
            "",
            400,
            "/error/message",
            json!("the status must be a number from 200 to 599"),
        ),
        (
            "GET",
            "/nowhere",
            "",
            404,
            "/error/message",
            json!("there is no /nowhere"),
        ),
        (
            "GET",
            "/",
            "",
            404,
            "/error/message",
            json!("there is no /"),
        ),
        (
            "GET",
            "/me",
            "",
            401,
            "/error/message",
            json!("log in first"),
        ),
        (
            "POST",
            "/login",
            r#"{"user":"ann","password":"wrong"}"#,
            401,
            "/error/message",
            json!("wrong password"),
        ),
        (
            "POST",
            "/login",
            r#"{"user":"ann"}"#,
            400,
            "/error/type",
            json!("invalid_request_error"),
        ),
        (
            "POST",
            "/login",
            "user=ann",
            400,
            "/error/type",
            json!("invalid_request_error"),
        ),
        (
            "POST",
            "/login",
            r#"{"user":"ann","password":"right"}"#,
            200,
            "/user",
            json!("ann"),
        ),
        (
            "GET",
            "/login",
            "",
            405,
            "/error/message",
            json!("/login takes POST, not GET"),
        ),
        (
            "GET",
            "/search?limit=5&q=a%20b",
            "",
            200,
            "/documents/2/rank",
            json!(3),
        ),
        (
            "GET",
            "/search?q=",
            "",
            400,
            "/error/message",
            json!("the query must hold 'q', what is searched for"),
        ),
        (
            "POST",
            "/search?q=a",
            "",
            405,
            "/error/message",
            json!("/search takes GET, HEAD, not POST"),
        ),
        (
            "POST",
            "/feedback",
            r#"{"rating":5,"source":"doc-1"}"#,
            201,
            "/rating",
            json!(5),
        ),
        (
            "POST",
            "/feedback",
            r#"{"rating":"5"}"#,
            400,
            "/error/message",
            json!("'rating' must be a whole number from 1 to 5"),
        ),
        (
            "POST",
            "/feedback",
            r#"{"rating":6}"#,
            400,
            "/error/type",
            json!("invalid_request_error"),
        ),
        (
            "GET",
            "/feedback",
            "",
            405,
            "/error/message",
            json!("/feedback takes POST, not GET"),
        ),
        ("POST", "/_truth", "", 405, "", json!(null)),
    ]
}

#[test]
fn pages_answer_over_one_connection() {
    let mock = start(fast());
    let mut client = Client::connect(&mock);
    for (method, path, body, status, pointer, expected) in cases() {
        let answer = client.ask(method, path, body);
        assert_eq!(
            (answer.status, answer.whole),
            (status, true),
            "{method} {path} {body}"
        );
        if expected.is_null() {
            assert_eq!(answer.text(), "");
        } else {
            assert_eq!(
                answer.json().pointer(pointer),
                Some(&expected),
                "{method} {path} {body}"
            );
        }
    }
    assert!(mock.truth().iter().all(|record| record.connection == 1));
}

#[test]
fn ends_follow_the_status() {
    let mock = start(fast());
    let mut client = Client::connect(&mock);
    for (number, (path, expected)) in (1..).zip([
        ("/plain", Ended::Complete),
        ("/nowhere", Ended::Rejected),
        ("/me", Ended::Rejected),
        ("/status/404", Ended::Complete),
        ("/status/500", Ended::Complete),
        ("/status/204", Ended::Complete),
    ]) {
        client.ask("GET", path, "");
        assert_eq!(ended(&mock, number).ended, expected, "{path}");
    }
}

#[test]
fn statuses_without_a_body_and_redirects() {
    let mock = start(fast());
    let mut client = Client::connect(&mock);
    for status in ["204", "205", "304"] {
        let answer = client.ask("GET", &format!("/status/{status}"), "");
        assert_eq!(
            (answer.status.to_string().as_str(), answer.text().as_str()),
            (status, "")
        );
    }
    for status in ["301", "302", "303", "307", "308"] {
        let answer = client.ask("GET", &format!("/status/{status}"), "");
        assert_eq!(answer.header("location").as_deref(), Some("/plain"));
    }
}

#[test]
fn head_gives_the_length_and_no_body() {
    let mock = start(fast());
    let mut client = Client::connect(&mock);
    for (path, length) in [
        ("/plain", "33"),
        ("/plain?bytes=100000", "100000"),
        ("/health", "15"),
    ] {
        let answer = client.ask("HEAD", path, "");
        assert_eq!(
            (answer.status, answer.header("content-length").as_deref()),
            (200, Some(length)),
            "{path}"
        );
        // The next answer stands where this one's body would.
        assert_eq!(client.ask("GET", "/health", "").json()["status"], "ok");
    }
    assert!((1..=6).all(|number| ended(&mock, number).ended == Ended::Complete));
}

#[test]
fn bodies_have_the_size_asked_for() {
    let mock = start(fast());
    let mut client = Client::connect(&mock);
    for (number, size) in (1..).zip([0, 1, 2, 1000, 65_536, 1_000_000, 16_777_216]) {
        let answer = client.ask("GET", &format!("/plain?bytes={size}"), "");
        assert_eq!((answer.status, answer.body().len()), (200, size));
        let record = ended(&mock, number);
        assert_eq!((record.bytes, record.ended), (size as u64, Ended::Complete));
        assert_eq!(record.events, u64::from(size > 0));
    }
}

#[test]
fn a_login_is_known_by_token_and_by_cookie() {
    let mock = start(fast());
    let mut client = Client::connect(&mock);
    let login = client.ask("POST", "/login", r#"{ "user": "Zoë", "password": "x" }"#);
    let token = login.json()["token"].as_str().unwrap().to_owned();
    let cookie = login.header("set-cookie").unwrap();
    let cookie = cookie.split(';').next().unwrap();
    for (headers, status, user) in [
        (
            format!("authorization: Bearer {token}\r\n"),
            200,
            json!("Zoë"),
        ),
        (format!("cookie: {cookie}\r\n"), 200, json!("Zoë")),
        (
            "authorization: Bearer other\r\n".to_owned(),
            200,
            json!(null),
        ),
        ("cookie: a=b\r\n".to_owned(), 200, json!(null)),
        ("x-other: 1\r\n".to_owned(), 401, json!(null)),
    ] {
        client.send("GET", "/me", &headers, "");
        let answer = client.answer(false);
        assert_eq!(
            (answer.status, &answer.json()["user"]),
            (status, &user),
            "{headers}"
        );
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
    }
}

#[test]
fn clients_are_given_tokens() {
    let mock = start(fast());
    let mut client = Client::connect(&mock);
    let basic = "authorization: Basic Wm/Dqzp4\r\n";
    let encoded = "authorization: Basic Wm8lQzMlQUI6eCUyRnk=\r\n";
    let form = "grant_type=client_credentials";
    for (path, headers, body, status, user, lives) in [
        ("/oauth/token", basic, form, 200, "Zoë", 3600),
        ("/oauth/token?expires_in=5", encoded, form, 200, "Zoë", 5),
        (
            "/oauth/token",
            "",
            "grant_type=client_credentials&client_id=Zo%C3%AB+1&client_secret=x",
            200,
            "Zoë 1",
            3600,
        ),
        ("/oauth/token", "", form, 401, "invalid_client", 0),
        (
            "/oauth/token",
            "",
            "grant_type=client_credentials&client_id=a&client_secret=wrong",
            401,
            "invalid_client",
            0,
        ),
        (
            "/oauth/token",
            basic,
            "grant_type=password",
            400,
            "unsupported_grant_type",
            0,
        ),
        ("/oauth/token", basic, "", 400, "unsupported_grant_type", 0),
    ] {
        client.send("POST", path, headers, body);
        let answer = client.answer(false);
        let told = answer.json();
        assert_eq!(answer.status, status, "{path} {headers} {body}");
        if status != 200 {
            assert_eq!(told["error"], user);
            continue;
        }
        assert_eq!(
            (&told["expires_in"], &told["token_type"]),
            (&json!(lives), &json!("Bearer"))
        );
        let token = told["access_token"].as_str().unwrap();
        client.send(
            "GET",
            "/me",
            &format!("authorization: Bearer {token}\r\n"),
            "",
        );
        assert_eq!(client.answer(false).json()["user"], user);
    }
}

#[test]
fn echo_tells_what_arrived() {
    let mock = start(fast());
    let mut client = Client::connect(&mock);
    client.send(
        "PATCH",
        "/echo?a=1&b=%20",
        "X-One: 1\r\nx-two: a\r\nX-Two: b\r\n",
        "héllo",
    );
    assert_eq!(
        client.answer(false).json(),
        json!({
            "method": "PATCH",
            "path": "/echo",
            "query": "a=1&b=%20",
            "http_version": "1.1",
            "connection": 1,
            "headers": { "host": "mock", "x-one": "1", "x-two": "a, b", "content-length": "6" },
            "body": "héllo",
            "body_bytes": 6,
        })
    );
    client.write("GET /echo HTTP/1.0\r\n\r\n");
    assert_eq!(client.answer(false).json()["http_version"], "1.0");
}

#[test]
fn bodies_may_come_in_chunks() {
    let mock = start(fast());
    let mut client = Client::connect(&mock);
    client.write("POST /echo HTTP/1.1\r\nhost: mock\r\ntransfer-encoding: chunked\r\n\r\n");
    client.write("3\r\nabc\r\n");
    client.write("2;ext=1\r\nde\r\n0\r\n\r\n");
    assert_eq!(client.answer(false).json()["body"], "abcde");
}

#[test]
fn requests_may_be_pipelined() {
    let mock = start(fast());
    let mut client = Client::connect(&mock);
    let one = "GET /health HTTP/1.1\r\nhost: mock\r\n\r\n";
    let stream = "POST /api/generate HTTP/1.1\r\nhost: mock\r\ncontent-length: 2\r\n\r\n{}";
    client.write(&[one, stream, one].concat());
    assert_eq!(client.answer(false).status, 200);
    assert_eq!(client.answer(false).chunks.len(), 9);
    assert_eq!(client.answer(false).json()["status"], "ok");
}

#[test]
fn old_clients_get_bodies_that_end_with_the_connection() {
    let mock = start(fast());
    let mut client = Client::connect(&mock);
    let body = r#"{"stream":true}"#;
    client.write(&format!(
        "POST /v1/chat/completions HTTP/1.0\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ));
    let answer = client.answer(false);
    assert_eq!(
        (answer.status, answer.header("transfer-encoding")),
        (200, None)
    );
    assert!(answer.text().ends_with("data: [DONE]\n\n"));
    assert_eq!(ended(&mock, 1).ended, Ended::Complete);
}

#[test]
fn bodies_over_the_limit_are_refused() {
    let mock = start(fast());
    let mut known = Client::connect(&mock);
    known.write("POST /v1/messages HTTP/1.1\r\nhost: mock\r\ncontent-length: 16777217\r\n\r\n");
    let answer = known.answer(false);
    assert_eq!(
        (answer.status, answer.header("connection").as_deref()),
        (413, Some("close"))
    );
    assert_eq!(answer.json()["error"]["type"], "request_too_large");
    assert_eq!(ended(&mock, 1).ended, Ended::Rejected);

    let mut unknown = Client::connect(&mock);
    unknown.write("POST /echo HTTP/1.1\r\nhost: mock\r\ntransfer-encoding: chunked\r\n\r\n");
    let mebibyte = format!("100000\r\n{}\r\n", "x".repeat(0x10_0000));
    for _ in 0..16 {
        unknown.write(&mebibyte);
    }
    // One byte over the limit, and no more, so that nothing unread can reset the answer away.
    unknown.write("1\r\nx\r\n");
    assert_eq!(unknown.answer(false).status, 413);
}

#[test]
fn plain_takes_its_time() {
    let mock = start(Settings {
        plain_time: Duration::from_millis(60),
        ..fast()
    });
    let mut client = Client::connect(&mock);
    let before = now();
    assert_eq!(client.ask("GET", "/plain", "").status, 200);
    let slow = now();
    assert!(slow - before >= Duration::from_millis(60));
    let record = ended(&mock, 1);
    assert!(
        record.events_ns[0] - record.received_ns >= 60_000_000,
        "{record:?}"
    );
}
