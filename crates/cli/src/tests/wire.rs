//! What each option does on the wire.

use super::*;
use loadgen_testkit::{ScriptedServer, Step};
use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixListener,
    thread,
};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A server that gives this answer to the first requests of every connection.
fn server(answer: &str) -> ScriptedServer {
    let turn = [Step::ReadRequest, Step::write(answer)];
    ScriptedServer::repeat(turn.into_iter().cycle().take(8).collect()).unwrap()
}

/// Runs once against the server's URL in place of `URL`, with the variables; what the server was sent.
fn sent(server: &ScriptedServer, words: &[&str], variables: &[(&str, &str)]) -> (String, Played) {
    let url = server.url("/x?q=1");
    let words = words.iter().map(|word| {
        word.replace("URL", &url)
            .replace("ADDRESS", &server.address().to_string())
    });
    let mut all: Vec<String> = words.collect();
    let once = [
        "-n",
        "1",
        "-c",
        "1",
        "--no-log",
        "--out",
        "json=out.json",
        "--allow-all-failed",
    ];
    all.insert(0, "run".to_owned());
    if !all.iter().any(|word| word == "-n") {
        all.extend(once.map(str::to_owned));
    }
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let mut stage = Stage::new(&all)
        .file("body.json", "{\"from\": \"file\"}")
        .file("env.toml", ENV);
    for (name, value) in variables {
        stage = stage.var(name, value);
    }
    let played = on(stage);
    let bytes = server.received().concat();
    (String::from_utf8_lossy(&bytes).into_owned(), played)
}

const ENV: &str = "
target = \"http://127.0.0.1:9\"
load = { vus = 1, iterations = 1 }
[[step]]
get = \"/env\"
headers = { x-env = \"{{ env.GREETING }}\" }
";

/// What is sent once, and what must be in it.
#[track_caller]
fn check(words: &[&str], variables: &[(&str, &str)], contains: &[&str]) {
    let (text, played) = sent(&server(OK), words, variables);
    assert_eq!(played.code, 0, "{words:?}\n{}{}", played.out, played.err);
    for part in contains {
        assert!(
            text.contains(part),
            "{words:?} does not send {part:?}:\n{text}"
        );
    }
}

#[test]
fn the_request_is_as_the_options_say() {
    check(
        &["URL"],
        &[],
        &["GET /x?q=1 HTTP/1.1\r\n", "host: 127.0.0.1:"],
    );
    check(&["URL", "-X", "PUT"], &[], &["PUT /x?q=1 HTTP/1.1\r\n"]);
    check(
        &["URL", "-X", "delete"],
        &[],
        &["DELETE /x?q=1 HTTP/1.1\r\n"],
    );
    check(
        &["URL", "-H", "X-A: b", "-H", "X-B:c"],
        &[],
        &["x-a: b\r\n", "x-b: c\r\n"],
    );
    // The same name twice: both are sent, as curl does.
    check(
        &["URL", "-H", "X-A: b", "-H", "x-a: c", "-H", "Cookie: a=1"],
        &[],
        &["x-a: b\r\nx-a: c\r\n", "cookie: a=1\r\n"],
    );
    check(
        &["URL", "-d", "a=1"],
        &[],
        &["POST /x", "\r\ncontent-length: 3\r\n", "\r\n\r\na=1"],
    );
    check(
        &["URL", "-d", "@body.json"],
        &[],
        &["POST /x", "\r\n\r\n{\"from\": \"file\"}"],
    );
    check(
        &["URL", "--json", "[1]"],
        &[],
        &[
            "POST /x",
            "content-type: application/json\r\n",
            "\r\n\r\n[1]",
        ],
    );
    check(
        &["URL", "-d", "[1]", "--json"],
        &[],
        &["content-type: application/json\r\n", "\r\n\r\n[1]"],
    );
    check(
        &["URL", "-u", "me:pass"],
        &[],
        &["authorization: Basic bWU6cGFzcw==\r\n"],
    );
    // Text of the command line is no template.
    check(
        &["URL", "-d", "{{ 1 }} {% raw"],
        &[],
        &["\r\n\r\n{{ 1 }} {% raw"],
    );
}

#[test]
fn files_take_targets_and_variables() {
    check(
        &[
            "env.toml",
            "--target",
            "http://ADDRESS/base",
            "-e",
            "GREETING=hello",
        ],
        &[],
        &["GET /base/env ", "x-env: hello\r\n"],
    );
    check(
        &["env.toml", "--target", "http://ADDRESS"],
        &[("GREETING", "outside")],
        &["GET /env ", "x-env: outside\r\n"],
    );
    check(
        &[
            "env.toml",
            "--target",
            "http://ADDRESS",
            "-e",
            "GREETING=in",
        ],
        &[("GREETING", "out")],
        &["x-env: in\r\n"],
    );
}

#[test]
fn connections_go_where_they_are_sent() {
    let host = "host: example.invalid\r\n";
    check(
        &["http://example.invalid/y", "--connect-to", "::ADDRESS"],
        &[],
        &["GET /y HTTP/1.1\r\n", host],
    );
    let (server, played) = (server(OK), "http://example.invalid/y");
    let proxy = server.url("");
    let (text, _) = sent(&server, &[played], &[("http_proxy", &proxy)]);
    assert!(
        text.contains("GET http://example.invalid/y HTTP/1.1\r\n"),
        "{text}"
    );
    let (_, played) = sent(
        &server,
        &[played],
        &[("http_proxy", &proxy), ("NO_PROXY", "example.invalid")],
    );
    assert_eq!(
        played.json("out.json")["errors"][0]["kind"],
        "dns",
        "{}",
        played.out
    );
}

#[test]
fn connections_come_from_where_they_are_told() {
    let from = |server: &ScriptedServer| {
        let seen = server.connections();
        let mut seen: Vec<_> = seen
            .iter()
            .map(|one| one.from.unwrap().ip().to_string())
            .collect();
        seen.sort();
        seen
    };
    let run = [
        "URL",
        "-n",
        "6",
        "-c",
        "6",
        "--no-log",
        "--disable-keepalive",
    ];
    for (more, expected) in [
        (&[][..], ["127.0.0.1"; 6]),
        (&["--source-address", "127.0.0.9"], ["127.0.0.9"; 6]),
    ] {
        let server = server(OK);
        let (_, played) = sent(&server, &[&run[..], more].concat(), &[]);
        assert_eq!(played.code, 0, "{}{}", played.out, played.err);
        assert_eq!(from(&server), expected);
    }
    let (server, two) = (
        server(OK),
        [
            "--source-address",
            "127.0.0.2",
            "--source-address",
            "127.0.0.3",
        ],
    );
    // Each of two users comes from its own address, with every connection.
    let words = [&["URL", "-n", "2", "-c", "2", "--no-log"][..], &two].concat();
    let (_, played) = sent(&server, &words, &[]);
    assert_eq!(played.code, 0, "{}{}", played.out, played.err);
    assert!(
        from(&server)
            .iter()
            .all(|from| ["127.0.0.2", "127.0.0.3"].contains(&from.as_str()))
    );
    let words = ["debug", &server.url("/"), "--source-address", "127.0.0.7"];
    assert_eq!(on(Stage::new(&words)).code, 0);
    assert!(from(&server).contains(&"127.0.0.7".to_owned()));
}

#[test]
fn a_file_says_where_connections_come_from() {
    for (addresses, more, code, expected) in [
        ("[\"127.0.0.6\"]", &[][..], 0, "127.0.0.6"),
        // The command line wins.
        (
            "[\"127.0.0.6\"]",
            &["--source-address", "127.0.0.8"],
            0,
            "127.0.0.8",
        ),
        (
            "[\"192.0.2.1\"]",
            &[],
            2,
            "192.0.2.1 is none of this machine",
        ),
    ] {
        let server = server(OK);
        let file = format!(
            "target = \"http://{}\"\nload = {{ vus = 1, iterations = 1 }}\n\
             defaults = {{ source_addresses = {addresses} }}\n[[step]]\nget = \"/\"\n",
            server.address()
        );
        let words = [&["run", "a.toml", "--no-log"][..], more].concat();
        let played = on(Stage::new(&words).file("a.toml", &file));
        assert_eq!(played.code, code, "{}{}", played.out, played.err);
        let from = server.connections();
        match from.first() {
            Some(one) => assert_eq!(one.from.unwrap().ip().to_string(), expected),
            None => assert!(played.err.contains(expected), "{}", played.err),
        }
    }
}

#[test]
fn connections_are_kept_unless_that_is_unwanted() {
    let twice = ["URL", "-n", "2", "-c", "1", "--no-log"];
    for (more, connections) in [(&[][..], 1), (&["--disable-keepalive"], 2)] {
        let server = server(OK);
        let (text, played) = sent(&server, &[&twice[..], more].concat(), &[]);
        assert_eq!(played.code, 0, "{}{}", played.out, played.err);
        assert_eq!(text.matches("GET /x").count(), 2);
        assert_eq!(server.received().len(), connections, "{more:?}");
    }
}

#[test]
fn http2_is_spoken_where_it_is_wanted() {
    let (text, _) = sent(&server(OK), &["URL", "--http2", "--timeout", "2s"], &[]);
    assert!(text.starts_with("PRI * HTTP/2.0\r\n"), "{text}");
}

#[test]
fn a_unix_socket_takes_every_connection() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = vec![0; 4096];
        let count = stream.read(&mut bytes).unwrap();
        stream.write_all(OK.as_bytes()).unwrap();
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    });
    let (_, played) = sent(
        &server(OK),
        &[
            "http://example.invalid/u",
            "--unix-socket",
            path.to_str().unwrap(),
        ],
        &[],
    );
    let text = served.join().unwrap();
    assert_eq!(played.code, 0, "{}{}", played.out, played.err);
    assert!(text.starts_with("GET /u HTTP/1.1\r\n"), "{text}");
}

#[test]
fn a_request_may_take_only_so_long() {
    let silent = ScriptedServer::repeat(vec![Step::ReadRequest, Step::WaitForClose]).unwrap();
    let (_, played) = sent(&silent, &["URL", "--timeout", "50ms"], &[]);
    assert_eq!(
        played.json("out.json")["errors"][0]["kind"],
        "timeout",
        "{}",
        played.out
    );
}

#[test]
fn statuses_are_judged_by_what_is_expected() {
    let missing = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    for (words, failed) in [
        (&["URL"][..], 1),
        (&["URL", "--expect", "200,404"], 0),
        (&["URL", "--expect", "200"], 1),
    ] {
        let (_, played) = sent(&server(missing), words, &[]);
        assert_eq!(
            played.json("out.json")["metrics"]["http_req_failed"]["hits"],
            failed,
            "{words:?}"
        );
    }
}

#[test]
fn answers_are_read_as_streams_where_that_is_wanted() {
    let mock = mock();
    for (path, body, words) in [
        (
            "/v1/chat/completions",
            r#"{"stream":true,"messages":[]}"#,
            &["--stream"][..],
        ),
        (
            "/v1/chat/completions",
            r#"{"stream":true,"messages":[]}"#,
            &["--stream=openai"],
        ),
        (
            "/v1/messages",
            r#"{"stream":true,"messages":[],"max_tokens":9}"#,
            &["--stream"],
        ),
        ("/api/chat", r#"{"messages":[]}"#, &["--stream"]),
        (
            "/v1/chat/completions",
            r#"{"stream":true,"messages":[]}"#,
            &["--stream=sse"],
        ),
    ] {
        let url = format!("{}{path}", mock.url());
        let (_, played) = sent(
            &server(OK),
            &[&[url.as_str(), "--json", body], words].concat(),
            &[],
        );
        assert_eq!(played.code, 0, "{}{}", played.out, played.err);
        let summary = played.json("out.json");
        assert_eq!(
            summary["metrics"]["stream_failed"]["hits"], 0,
            "{path} {}",
            played.out
        );
        assert_eq!(summary["metrics"]["ttft"]["count"], 1, "{path} {words:?}");
    }
}

#[test]
fn one_exchange_is_shown_before_the_load() {
    let server = server(OK);
    let (text, played) = sent(&server, &["URL", "-v", "-u", "me:topsecret"], &[]);
    assert_eq!(
        text.matches("GET /x").count(),
        2,
        "one to show, one of the load"
    );
    assert_eq!(played.count("http_reqs"), 1);
    for part in [
        "> authorization: Basic ***",
        "< HTTP/1.1 200 OK",
        "< ok",
        "as expected: status 200",
    ] {
        assert!(played.err.contains(part), "{part}\n{}", played.err);
    }
    assert!(
        !played.err.contains("dG9wc2VjcmV0") && !played.err.contains("bWU6dG9wc2VjcmV0"),
        "{}",
        played.err
    );
}

#[test]
fn an_iteration_is_told_as_a_story() {
    let text = "
target = \"mock\"
load = { vus = 9, iterations = 9 }
[mock]
ttft = \"1ms\"
itl = \"1ms\"
tokens = 2
[[step]]
name = \"chat\"
post = \"/v1/chat/completions\"
headers = { authorization = \"Bearer {{ env.TOKEN }}\" }
json = { stream = true, messages = [{ role = \"user\", content = \"Hello\" }] }
stream = \"openai\"
[[step]]
think = \"1h\"
[[step]]
name = \"missing\"
get = \"/status/404\"
on_failure = \"stop_user\"
[[step]]
name = \"never\"
get = \"/plain\"
";
    let words = ["debug", "a.toml", "--seed", "1", "-e", "TOKEN=sk-topsecret"];
    let played = on(Stage::new(&words).file("a.toml", text));
    assert_eq!(played.code, 99, "{}", played.err);
    for part in [
        "1. chat\n> POST http://127.0.0.1:",
        "> authorization: Bearer ***\n",
        "\"content\":\"Hello\"",
        "< HTTP/1.1 200 OK\n",
        "< data: {",
        "usage:",
        "  waiting      ",
        "  first output ",
        " ▲ ",
        "█",
        "2. think 1h (not waited for)\n",
        "3. missing\n",
        "failed: http_4xx: status 404",
        "the iteration ends here",
    ] {
        assert!(played.out.contains(part), "{part}\n{}", played.out);
    }
    assert!(
        !played.out.contains("topsecret") && !played.out.contains("never"),
        "{}",
        played.out
    );
}
