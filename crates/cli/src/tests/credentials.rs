//! What makes a user known to a service: cookies.

use super::{
    keys::{GET, both, error, run},
    *,
};
use loadgen_testkit::{ScriptedServer, Step};

const PLAIN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// An answer with this status and these lines in its head.
fn answer(status: u16, lines: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\n{lines}content-length: {length}\r\n\r\n{body}")
}

/// A server that gives these answers on each connection, one after the other.
fn answering(answers: &[&str]) -> ScriptedServer {
    let turns = answers.iter();
    let turns = turns.flat_map(|answer| [Step::ReadRequest, Step::write(*answer)]);
    ScriptedServer::repeat(turns.collect()).unwrap()
}

/// The values of a field in the requests that a server got, in their order; "" where one has none.
fn sent(server: &ScriptedServer, name: &str) -> Vec<String> {
    let text = String::from_utf8(server.received().concat()).unwrap();
    let heads = text.split("\r\n\r\n").filter(|head| !head.is_empty());
    let start = format!("{name}: ");
    let value = |head: &str| {
        let found = head.lines().find_map(|line| line.strip_prefix(&start));
        found.unwrap_or_default().to_owned()
    };
    heads.map(value).collect()
}

/// Runs so many iterations of one user against a server.
#[track_caller]
fn iterations(server: &ScriptedServer, count: u32, tables: &str) -> Value {
    run(&format!(
        "target = \"{}\"\nload = {{ vus = 1, iterations = {count} }}\n{tables}",
        server.url("")
    ))
}

#[test]
fn cookies_are_kept_as_the_file_says() {
    let set = answer(200, "set-cookie: sid=quartz-9; Path=/\r\n", "");
    let away = "set-cookie: hop=topaz-3; Path=/\r\nlocation: /next\r\n";
    let away = answer(302, away, "");
    let echo = answer(500, "", "quartz-9 and topaz-3");
    let both_kept = "sid=quartz-9; hop=topaz-3";
    for (line, expected, told) in [
        (
            "cookies = true",
            ["", "sid=quartz-9", both_kept, both_kept],
            "*** and ***",
        ),
        (
            "cookies = \"user\"",
            ["", "sid=quartz-9", both_kept, both_kept],
            "*** and ***",
        ),
        (
            "cookies = \"iteration\"",
            ["", "", "hop=topaz-3", ""],
            "*** and ***",
        ),
        ("cookies = false", ["", "", "", ""], "quartz-9 and topaz-3"),
        ("", ["", "", "", ""], "quartz-9 and topaz-3"),
    ] {
        for tables in both(line, GET) {
            let server = answering(&[&set, &away, PLAIN, &echo]);
            let summary = iterations(&server, 3, &tables);
            assert_eq!(sent(&server, "cookie"), expected, "{tables}");
            assert_eq!(error(&summary).1, format!("status 500: {told}"), "{tables}");
        }
    }
}

#[test]
fn a_step_may_do_without_the_cookies_of_the_others() {
    let set = answer(200, "set-cookie: sid=1\r\n", "");
    let server = answering(&[&set, &set, PLAIN, PLAIN]);
    let tables = "[defaults]\ncookies = true\n[[step]]\nget = \"/a\"\n\
        [[step]]\nget = \"/b\"\ncookies = false\n\
        [[step]]\nget = \"/c\"\nheaders = { cookie = \"own=2\" }\n\
        [[step]]\nget = \"/d\"\nheaders = { cookie = \"sid=3\" }\n";
    iterations(&server, 1, tables);
    assert_eq!(sent(&server, "cookie"), ["", "", "own=2; sid=1", "sid=3"]);
}

#[test]
fn cookies_of_what_comes_before_stay() {
    let login = answer(200, "set-cookie: sid=login\r\n", "");
    let seen = answer(200, "set-cookie: sid=mine\r\nset-cookie: seen=1\r\n", "");
    let server = answering(&[&login, &seen, PLAIN, PLAIN, PLAIN]);
    let tables = "[defaults]\ncookies = \"iteration\"\n[[before]]\nget = \"/login\"\n\
        [[step]]\nget = \"/a\"\n[[step]]\nget = \"/b\"\n";
    iterations(&server, 2, tables);
    let first = ["", "sid=login", "sid=mine; seen=1"];
    let expected = [&first[..], &["sid=login"; 2]].concat();
    assert_eq!(sent(&server, "cookie"), expected);
}

#[test]
fn cookies_do_not_follow_to_another_host() {
    let other = answering(&[PLAIN]);
    let port = other.address().port();
    let lines = format!("set-cookie: sid=1; Path=/\r\nlocation: http://other.test:{port}/\r\n");
    let server = answering(&[&answer(302, &lines, "")]);
    let tables = "[defaults]\nresolve = { \"other.test\" = \"127.0.0.1\" }\n\
        [[step]]\nget = \"/a\"\ncookies = true\nheaders = { cookie = \"own=2\" }\n";
    iterations(&server, 1, tables);
    assert_eq!(sent(&server, "cookie"), ["own=2"]);
    assert_eq!(sent(&other, "cookie"), [""]);
}

/// A user logs in, and is known by its cookie.
const LOGIN: &str = r#"
target = "mock"
load = { vus = 2, iterations = 6 }

[defaults]
cookies = true

[[before]]
post = "/login"
json = { user = "ann-{{ vu }}", password = "right" }

[[step]]
get = "/me"
expect = { json = { "$.user" = { matches = "^ann-" } } }
"#;

#[test]
fn a_user_is_known_by_its_cookie() {
    let summary = run(LOGIN);
    assert_eq!(keys::rate(&summary, "checks"), (6, 6));
    let without = run(&LOGIN.replace("cookies = true", ""));
    assert_eq!(keys::rate(&without, "checks"), (0, 6));
}

#[test]
fn debug_and_check_tell_of_cookies_and_hide_them() {
    let played = on(Stage::new(&["debug", "a.toml"]).file("a.toml", LOGIN));
    assert_eq!(played.code, 0, "{}{}", played.out, played.err);
    for (text, there) in [
        ("> cookie: ***", true),
        ("< set-cookie: ***", true),
        ("\"user\":\"ann-1\"", true),
        ("mock-1-", false),
    ] {
        assert_eq!(played.out.contains(text), there, "{text}: {}", played.out);
    }
    for (value, told) in [
        ("true", "keeps cookies;"),
        ("\"iteration\"", "keeps cookies for the iteration;"),
        ("false", ""),
    ] {
        let text = LOGIN.replace("cookies = true", &format!("cookies = {value}"));
        let text = text.replace("[[before]]", "[[step]]");
        let played = on(Stage::new(&["check", "a.toml"]).file("a.toml", &text));
        assert_eq!(played.out.contains("keeps cookies"), !told.is_empty());
        assert!(played.out.contains(told), "{}", played.out);
    }
}
