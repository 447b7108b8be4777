//! What makes a user known to a service: cookies, passwords, keys and tokens.

use super::{
    keys::{GET, both, error, run},
    *,
};
use loadgen_testkit::{ScriptedServer, Step};

pub(super) const PLAIN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// An answer with this status and these lines in its head.
pub(super) fn answer(status: u16, lines: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\n{lines}content-length: {length}\r\n\r\n{body}")
}

/// A server that gives these answers on each connection, one after the other.
pub(super) fn answering(answers: &[&str]) -> ScriptedServer {
    let turns = answers.iter();
    let turns = turns.flat_map(|answer| [Step::ReadRequest, Step::write(*answer)]);
    ScriptedServer::repeat(turns.collect()).unwrap()
}

/// The values of a field in the requests that a server got, in their order; "" where one has none.
pub(super) fn sent(server: &ScriptedServer, name: &str) -> Vec<String> {
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
pub(super) fn iterations(server: &ScriptedServer, count: u32, tables: &str) -> Value {
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

#[test]
fn another_origin_is_not_told_who_a_user_is() {
    for (auth, name) in [
        ("{ bearer = \"tok-1\" }", "authorization"),
        ("{ header = { x-plain = \"key-1\" } }", "x-plain"),
        ("{ token_command = \"echo tok-1\" }", "authorization"),
        (
            "{ token_command = \"echo key-1\", in_header = \"x-plain\" }",
            "x-plain",
        ),
    ] {
        for command in ["run", "debug"] {
            let other = answering(&[PLAIN]);
            let port = other.address().port();
            let near = answer(302, "location: /near\r\n", "");
            let far = format!("location: http://other.test:{port}/\r\n");
            let server = answering(&[&near, &answer(302, &far, "")]);
            let text = format!(
                "target = \"{}\"\n{}\n[defaults]\nresolve = {{ \"other.test\" = \"127.0.0.1\" }}\n\
                 headers = {{ x-open = \"1\" }}\n[[step]]\n{GET}\nauth = {auth}\n",
                server.url(""),
                keys::ONCE
            );
            let played = on(Stage::new(&[command, "a.toml"]).file("a.toml", &text));
            assert_eq!(played.code, 0, "{}{}", played.out, played.err);
            assert!(
                sent(&server, name).iter().all(|value| !value.is_empty()),
                "{auth}"
            );
            assert_eq!(sent(&server, name).len(), 2, "{auth}");
            assert_eq!(sent(&other, name), [""], "{command} {auth}");
            assert_eq!(sent(&other, "x-open"), ["1"], "{command} {auth}");
        }
    }
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

/// Runs one iteration of a step with this line against a server that echoes nothing; what it was sent in a field.
#[track_caller]
fn one_sent(line: &str, name: &str) -> [String; 2] {
    both(line, GET).map(|tables| {
        let server = answering(&[PLAIN]);
        iterations(&server, 1, &tables);
        sent(&server, name).concat()
    })
}

#[test]
fn who_users_are_is_sent_as_the_file_says() {
    for (auth, name, expected) in [
        ("{ bearer = \"tok-1\" }", "authorization", "Bearer tok-1"),
        (
            "{ bearer = \"{{ env.NO_SUCH | default('tok-2') }}\" }",
            "authorization",
            "Bearer tok-2",
        ),
        (
            "{ bearer = \"tok-{{ vu }}\" }",
            "authorization",
            "Bearer tok-1",
        ),
        (
            "{ basic = { user = \"ann\", password = \"a:b\" } }",
            "authorization",
            "Basic YW5uOmE6Yg==",
        ),
        (
            "{ basic = { user = \"ann-{{ vu }}\", password = 'a\"b{' } }",
            "authorization",
            "Basic YW5uLTE6YSJiew==",
        ),
        (
            "{ header = { X-Api-Key = \"key-1\" } }",
            "x-api-key",
            "key-1",
        ),
        (
            "{ token_command = \"echo tok-$((1 + 2))\" }",
            "authorization",
            "Bearer tok-3",
        ),
        (
            "{ token_command = [\"echo\", \"tok-4\"] }",
            "authorization",
            "Bearer tok-4",
        ),
        (
            "{ token_command = \"echo key-5\", in_header = \"X-Key\" }",
            "x-key",
            "key-5",
        ),
        ("\"none\"", "authorization", ""),
    ] {
        let both = [expected.to_owned(), expected.to_owned()];
        assert_eq!(one_sent(&format!("auth = {auth}"), name), both, "{auth}");
    }
}

#[test]
fn the_nearest_auth_counts() {
    let tables = r#"
[defaults]
auth = { bearer = "of-defaults" }
[[scenario]]
name = "a"
auth = { header = { x-key = "of-scenario" } }
step = [
    { get = "/1" },
    { get = "/2", auth = { bearer = "of-step" } },
    { get = "/3", auth = "none" },
    { get = "/4", headers = { x-key = "own" } },
    { get = "/5", auth = { token_command = "echo of-command" } },
]
"#;
    let server = answering(&[PLAIN; 5]);
    iterations(&server, 1, tables);
    let expected = ["", "Bearer of-step", "", "", "Bearer of-command"];
    assert_eq!(sent(&server, "authorization"), expected);
    assert_eq!(sent(&server, "x-key"), ["of-scenario", "", "", "own", ""]);
    let without = tables.replace("auth = { header = { x-key = \"of-scenario\" } }\n", "");
    let server = answering(&[PLAIN; 5]);
    iterations(&server, 1, &without);
    let inherited = "Bearer of-defaults";
    let expected = [
        inherited,
        "Bearer of-step",
        "",
        inherited,
        "Bearer of-command",
    ];
    assert_eq!(sent(&server, "authorization"), expected);
}

#[test]
fn credentials_are_shown_nowhere() {
    for auth in [
        "{ bearer = \"quartz-9\" }",
        "{ basic = { user = \"ann\", password = \"quartz-9\" } }",
        "{ header = { x-plain = \"quartz-9\" } }",
        "{ token_command = \"echo quartz-$((4 + 5))\" }",
        "{ token_command = \"echo quartz-$((4 + 5))\", in_header = \"x-plain\" }",
    ] {
        let shown = match auth.contains("basic") {
            true => "YW5uOnF1YXJ0ei05",
            false => "quartz-9",
        };
        let echo = answer(500, "x-plain: quartz-9\r\n", &format!("{shown} is wrong"));
        let text = |server: &ScriptedServer| {
            let url = server.url("");
            format!(
                "target = \"{url}\"\n{}\n[defaults]\nauth = {auth}\n[[step]]\n{GET}\n",
                keys::ONCE
            )
        };
        for words in [
            &[
                "run",
                "a.toml",
                "--out",
                "json=out.json",
                "--out",
                "markdown=out.md",
            ][..],
            &["check", "a.toml", "--explain"],
            &["debug", "a.toml"],
        ] {
            let server = answering(&[&echo]);
            let played = on(Stage::new(words).file("a.toml", &text(&server)));
            let told = format!("{}{}", played.out, played.err);
            let files = ["out.json", "out.md"].map(|path| {
                let file = played.stage.environment.read_text(Path::new(path));
                file.unwrap_or_default()
            });
            let told = format!("{told}{}", files.concat());
            for secret in ["quartz-9", "YW5uOnF1YXJ0ei05"] {
                assert!(!told.contains(secret), "{auth} {words:?}: {told}");
            }
            let masked = told.contains("status 500: *** is wrong");
            assert!(words[0] == "check" || masked, "{auth} {words:?}: {told}");
        }
    }
}

/// Users who have a token of OAuth 2.
const OAUTH2: &str = r#"
target = "mock"
load = { vus = 4, iterations = 20 }

[defaults.auth.oauth2]
token_url = "/oauth/token"
client_id = "load"
client_secret = "right"

[[step]]
get = "/me"
expect = { json = { "$.user" = "load" } }
"#;

#[test]
fn a_token_of_oauth2_is_asked_for_once_and_is_in_no_figure() {
    let summary = run(OAUTH2);
    assert_eq!(keys::rate(&summary, "checks"), (20, 20));
    assert_eq!(keys::count(&summary, "http_reqs"), 20);
    let without = run(&OAUTH2.replace("[[step]]", "[[step]]\nauth = \"none\""));
    assert_eq!(keys::rate(&without, "checks"), (0, 20));
    let words = ["run", "a.toml", "--no-log"];
    let wrong = OAUTH2.replace("right", "wrong");
    let played = on(Stage::new(&words).file("a.toml", &wrong));
    assert_eq!(played.code, 1, "{}{}", played.out, played.err);
    for part in [
        "failed to get a token from http://",
        "/oauth/token: status 401: invalid_client",
    ] {
        assert!(played.err.contains(part), "{}", played.err);
    }
    assert_eq!(played.out, "");
}

#[test]
fn a_token_of_oauth2_is_asked_for_as_the_file_says() {
    let token = r#"{"access_token":"tok-1","token_type":"bearer","expires_in":"3600"}"#;
    let token = answer(200, "content-type: application/json\r\n", token);
    for (lines, authorization, form) in [
        (
            "client_secret = \"s e\"",
            "Basic bG9hZDpzJTIwZQ==",
            "grant_type=client_credentials",
        ),
        (
            "client_secret = \"s\"\nclient_auth = \"header\"\nscope = \"a b\"",
            "Basic bG9hZDpz",
            "grant_type=client_credentials&scope=a%20b",
        ),
        (
            "client_secret = \"s&\"\nclient_auth = \"body\"\naudience = \"http://api/\"",
            "",
            "grant_type=client_credentials&audience=http%3A%2F%2Fapi%2F&client_id=load&client_secret=s%26",
        ),
    ] {
        let (giver, server) = (answering(&[&token]), answering(&[PLAIN; 8]));
        let url = giver.url("/token");
        let tables = format!(
            "[defaults]\ncookies = true\n[defaults.auth.oauth2]\ntoken_url = \"{url}\"\nclient_id = \"load\"\n{lines}\n\
             [[step]]\n{GET}\n"
        );
        run(&format!(
            "target = \"{}\"\nload = {{ vus = 8, iterations = 8 }}\n{tables}",
            server.url("")
        ));
        assert_eq!(sent(&server, "authorization"), ["Bearer tok-1"; 8]);
        let asked = String::from_utf8(giver.received().concat()).unwrap();
        assert!(asked.starts_with("POST /token HTTP/1.1\r\n"), "{asked}");
        assert!(asked.ends_with(&format!("\r\n\r\n{form}")), "{asked}");
        assert_eq!(asked.matches("grant_type").count(), 1, "{asked}");
        assert_eq!(sent(&giver, "authorization")[0], authorization, "{asked}");
        let kind = "application/x-www-form-urlencoded";
        assert_eq!(sent(&giver, "content-type")[0], kind, "{asked}");
    }
}

/// Runs three seconds of one user who sends a request all 50 ms.
#[track_caller]
fn for_a_while(server: &ScriptedServer, auth: &str) -> Played {
    let text = format!(
        "target = \"{}\"\nload = {{ vus = 1, duration = \"3s\" }}\n[defaults]\n{auth}\n\
         [[step]]\n{GET}\n[[step]]\nthink = \"50ms\"\n",
        server.url("")
    );
    let words = [
        "run",
        "a.toml",
        "--no-log",
        "--quiet",
        "--out",
        "json=out.json",
    ];
    on(Stage::new(&words).file("a.toml", &text))
}

#[test]
fn tokens_are_renewed_while_the_run_goes_on() {
    let server = answering(&[PLAIN; 100]);
    let auth = "auth = { token_command = \"mktemp -u tok-XXXXXXXX\", refresh = \"1s\" }";
    let played = for_a_while(&server, auth);
    assert_eq!(played.code, 0, "{}{}", played.out, played.err);
    let mut tokens = sent(&server, "authorization");
    tokens.dedup();
    assert!(tokens.len() > 1 && tokens.iter().all(|one| one.starts_with("Bearer tok-")));
}

#[test]
fn a_token_that_cannot_be_renewed_is_told_once() {
    // The command can do it once only.
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("done").display().to_string();
    let command =
        format!("mkdir {mark} 2>&- && echo tok-1 || {{ echo no more tok-1 >&2; exit 1; }}");
    let server = answering(&[PLAIN; 100]);
    let auth = format!("auth = {{ token_command = \"{command}\", refresh = \"1s\" }}");
    let played = for_a_while(&server, &auth);
    assert_eq!(played.code, 0, "{}{}", played.out, played.err);
    let warning =
        "warning: failed to get a new token from token_command: exit status: 1: no more ***";
    assert_eq!(played.err.matches(warning).count(), 1, "{}", played.err);
    // A token with an end is not used beyond it.
    let token = answer(200, "", r#"{"access_token":"tok-1","expires_in":1}"#);
    let busy = answer(503, "", "");
    let (giver, server) = (
        answering(&[&token, &busy, &busy, &busy]),
        answering(&[PLAIN; 100]),
    );
    let url = giver.url("/token");
    let auth = format!(
        "auth = {{ oauth2 = {{ token_url = \"{url}\", client_id = \"a\", client_secret = \"b\" }} }}"
    );
    let played = for_a_while(&server, &auth);
    let summary = played.json("out.json");
    assert_eq!(
        error(&summary),
        ("auth", "get a token: status 503"),
        "{}",
        played.err
    );
    assert_eq!(
        played.err.matches("failed to get a new token").count(),
        1,
        "{}",
        played.err
    );
}

#[test]
fn each_user_may_have_a_token_of_its_own() {
    for (per, granted) in [("", 1), ("per = \"run\"", 1), ("per = \"user\"", 4)] {
        let token = answer(200, "", r#"{"access_token":"tok-1","expires_in":3600}"#);
        let (giver, server) = (answering(&[token.as_str(); 4]), answering(&[PLAIN; 5]));
        let url = giver.url("/token");
        let summary = run(&format!(
            "target = \"{}\"\nload = {{ executor = \"per-vu-iterations\", vus = 4, iterations = 5 }}\n\
             [defaults.auth.oauth2]\ntoken_url = \"{url}\"\nclient_id = \"a\"\nclient_secret = \"b\"\n{per}\n\
             [[step]]\n{GET}\n",
            server.url("")
        ));
        assert_eq!(keys::count(&summary, "http_reqs"), 20, "{per}");
        assert_eq!(
            sent(&server, "authorization"),
            ["Bearer tok-1"; 20],
            "{per}"
        );
        let asked = String::from_utf8(giver.received().concat()).unwrap();
        assert_eq!(asked.matches("grant_type").count(), granted, "{per}");
    }
}

#[test]
fn a_user_asks_for_its_token_as_itself() {
    for client in ["{{ data.clients.id }}", "client-{{ vu }}"] {
        let own = OAUTH2
            .replace("\"load\"", &format!("\"{client}\""))
            .replace(
                "[defaults",
                "[data.clients]\nrows = [{ id = \"client-a\" }, { id = \"client-b\" }]\n[defaults",
            )
            .replace(
                "client_secret = \"right\"",
                "client_secret = \"{{ random_string(8) }}\"\nper = \"user\"",
            )
            .replace(
                &format!("{{ \"$.user\" = \"{client}\" }}"),
                "{ \"$.user\" = { matches = \"^client-\" } }",
            );
        let summary = run(&own);
        assert_eq!(keys::rate(&summary, "checks"), (20, 20), "{own}");
        let wrong = own.replace("{{ random_string(8) }}", "{% if vu %}wrong{% endif %}");
        let wrong = wrong.replace("iterations = 20", "iterations = 4");
        let summary = run(&wrong);
        let told = ("auth", "get a token: status 401: invalid_client");
        assert_eq!(error(&summary), told, "{wrong}");
        let played = on(Stage::new(&["debug", "a.toml"]).file("a.toml", &wrong));
        let told = format!("failed: auth: {}", told.1);
        assert!(
            played.code == 99 && played.out.contains(&told),
            "{}",
            played.out
        );
    }
}
