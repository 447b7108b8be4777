//! Everyone logs in first: what steps inherit of `auth`, whom they tell, and what becomes of it at a signal.

use super::{
    credentials::{PLAIN, answer, answering, iterations, sent},
    keys::{self, GET, error, run},
    *,
};
use loadgen_testkit::{ScriptedServer, Step};
use std::{
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
    thread,
    time::Duration,
};

/// Everyone logs in, and says so from then on.
const EVERYONE: &str = r#"
target = "mock"
load = { LOAD }

[defaults]
AUTH

[[before]]
name = "log in"
post = "/login"
json = { user = "ann-{{ vu }}", password = "right" }
extract = { token = "$.token", user = "$.user" }

[[step]]
name = "me"
get = "/me"
expect = { json = { "$.user" = { matches = "^ann-" } } }
"#;

#[test]
fn everyone_logs_in_first() {
    let with = |load: &str, auth: &str| EVERYONE.replace("LOAD", load).replace("AUTH", auth);
    let loads = ["vus = 3, iterations = 9", "rate = 90, duration = \"100ms\""];
    let bearer = "auth.bearer = \"{{ token }}\"";
    for (load, auth) in [
        (loads[0], bearer),
        (loads[1], bearer),
        (
            loads[0],
            "auth = { header = { authorization = \"Bearer {{ token }}\" } }",
        ),
        (
            loads[0],
            "headers = { authorization = \"Bearer {{ token }}\" }",
        ),
    ] {
        let summary = run(&with(load, auth));
        assert_eq!(keys::rate(&summary, "checks"), (9, 9), "{auth}");
        let before = with(load, auth).replace("[[before]]", "[[setup]]");
        let summary = run(&before.replace("ann-{{ vu }}", "ann-0"));
        assert_eq!(keys::rate(&summary, "checks"), (9, 9), "{auth}");
    }
    let without = with(loads[0], "");
    assert_eq!(keys::rate(&run(&without), "checks"), (0, 9));
    let text = with(loads[0], bearer);
    let played = on(Stage::new(&["debug", "a.toml"]).file("a.toml", &text));
    assert_eq!(played.code, 0, "{}{}", played.out, played.err);
    assert_eq!(
        played.out.matches("> authorization: Bearer ***\n").count(),
        1
    );
    let played = on(Stage::new(&["check", "a.toml"]).file("a.toml", &text));
    assert!(
        played.out.contains("no `auth` yet: `token` is not known"),
        "{}",
        played.out
    );
}

#[test]
fn who_logs_in_sends_no_token_yet() {
    let token = answer(200, "", r#"{"token":"tok-1"}"#);
    let server = answering(&[PLAIN, &token, PLAIN, PLAIN, PLAIN]);
    let tables = "[defaults]\nauth.bearer = \"{{ token }}\"\n\
        [[before]]\nget = \"/first\"\n\
        [[before]]\npost = \"/login\"\nextract = { token = \"$.token\" }\n\
        [[before]]\nget = \"/then\"\n\
        [[step]]\nget = \"/x\"\n";
    iterations(&server, 2, tables);
    let known = "Bearer tok-1";
    assert_eq!(
        sent(&server, "authorization"),
        ["", "", known, known, known]
    );
}

#[test]
fn who_cannot_know_a_token_is_told_what_to_do() {
    let text = EVERYONE
        .replace("LOAD", "vus = 1, iterations = 1")
        .replace("AUTH", "auth.bearer = \"{{ token }}\"")
        .replace("[[before]]", "[[step]]");
    let played = on(Stage::new(&["check", "a.toml"]).file("a.toml", &text));
    assert_eq!(played.code, 2);
    for part in [
        "this step cannot know `token` yet, which the `auth` needs that it inherits",
        "inherited from here",
        "do that in `[[before]]`",
        "give this step `auth = \"none\"`",
    ] {
        let told = played.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(part), "{part}\n{}", played.err);
    }
    // And that is enough.
    let none = text.replace("post = \"/login\"", "post = \"/login\"\nauth = \"none\"");
    let summary = run(&none);
    assert_eq!(
        keys::rate(&summary, "checks"),
        (3, 3),
        "two values, and who it is"
    );
}

#[test]
fn an_inherited_auth_goes_to_nobody_but_the_target() {
    for command in ["run", "debug"] {
        for (own, expected) in [
            ("", ""),
            ("auth = { bearer = \"tok-1\" }\n", "Bearer tok-1"),
        ] {
            for step in ["get = \"{{ next }}\"", "get = \"http://other.test:PORT/x\""] {
                let other = answering(&[PLAIN]);
                let port = other.address().port();
                let next = format!(r#"{{"next":"http://other.test:{port}/x"}}"#);
                let server = answering(&[&answer(200, "", &next), PLAIN]);
                let text = format!(
                    "target = \"{}\"\n{}\n[defaults]\nresolve = {{ \"other.test\" = \"127.0.0.1\" }}\n\
                     auth = {{ bearer = \"tok-1\" }}\n[[step]]\nname = \"first\"\n{GET}\nextract = {{ next = \"$.next\" }}\n\
                     [[step]]\n{}\n{own}[[step]]\nget = \"/last\"\n",
                    server.url(""),
                    keys::ONCE,
                    step.replace("PORT", &port.to_string()),
                );
                let played = on(Stage::new(&[command, "a.toml"]).file("a.toml", &text));
                assert_eq!(played.code, 0, "{}{}", played.out, played.err);
                let told = format!("{command} {step} {own}");
                assert_eq!(
                    sent(&server, "authorization"),
                    ["Bearer tok-1"; 2],
                    "{told}"
                );
                assert_eq!(sent(&other, "authorization"), [expected], "{told}");
            }
        }
    }
}

#[test]
fn a_token_of_a_user_is_asked_for_over_a_connection_of_its_own() {
    let token = answer(200, "", r#"{"access_token":"tok-1","expires_in":3600}"#);
    let auth = "[defaults.auth.oauth2]\ntoken_url = \"/token\"\nclient_id = \"a\"\nclient_secret = \"b\"\nper = \"user\"\n";
    let turn = |answer: &str| [Step::ReadRequest, Step::write(answer)];
    // What connects first is given a token, and what connects then is answered.
    let server = ScriptedServer::start(vec![
        turn(&token).to_vec(),
        [turn(PLAIN), turn(PLAIN)].concat(),
    ]);
    let server = server.unwrap();
    let summary = iterations(&server, 2, &format!("{auth}[[step]]\n{GET}\n"));
    assert_eq!(sent(&server, "authorization")[1..], ["Bearer tok-1"; 2]);
    assert_eq!(keys::count(&summary, "http_reqs"), 2);
    // The first request of the user connects, as it would without a token.
    let connecting = summary["metrics"]["http_req_connecting"]["max"].as_f64();
    assert!(connecting.unwrap() > 0.0, "{connecting:?}");
}

#[test]
fn what_says_who_a_user_is_is_shown_nowhere_whatever_it_is() {
    let data = "[data.users]\nrows = [{ name = \"ann\", password = \"pw-quartz\" }]\n";
    for (auth, echo) in [
        ("{ header = { x-pin = \"482913\" } }", "482913"),
        (
            "{ header = { x-pin = \"{{ 482900 + 13 * vu }}\" } }",
            "482913",
        ),
        (
            "{ token_command = \"echo 482913\", in_header = \"x-pin\" }",
            "482913",
        ),
        (
            "{ basic = { user = \"{{ data.users.name }}\", password = \"{{ data.users.password }}\" } }",
            "YW5uOnB3LXF1YXJ0eg==",
        ),
    ] {
        let refusal = answer(
            500,
            &format!("x-echo: {echo}\r\n"),
            &format!("{echo} is wrong"),
        );
        for words in [
            &[
                "run",
                "a.toml",
                "--out",
                "json=out.json",
                "--out",
                "log=a.jsonl",
            ][..],
            &["check", "a.toml"],
            &["debug", "a.toml"],
        ] {
            let server = answering(&[&refusal]);
            let text = format!(
                "target = \"{}\"\n{}\n{data}[defaults]\nauth = {auth}\n[[step]]\n{GET}\n",
                server.url(""),
                keys::ONCE
            );
            let played = on(Stage::new(words).file("a.toml", &text));
            let files = ["out.json", "a.jsonl"].map(|path| {
                let file = played.stage.environment.read_text(Path::new(path));
                file.unwrap_or_default()
            });
            let told = format!("{}{}{}", played.out, played.err, files.concat());
            assert!(!told.contains(echo), "{auth} {words:?}: {told}");
            let masked = told.contains("status 500: *** is wrong");
            assert!(words[0] == "check" || masked, "{auth} {words:?}: {told}");
            let field = match auth.contains("x-pin") {
                true => "> x-pin: ***\n",
                false => "> authorization: Basic ***\n",
            };
            assert_eq!(told.contains(field), words[0] == "debug", "{told}");
        }
    }
}

#[test]
fn who_refuses_a_token_may_repeat_what_it_was_sent() {
    let refusal = r#"{"error":"invalid_client","error_description":"Basic MTpwLTE= is wrong"}"#;
    let giver = answering(&[&answer(401, "", refusal)]);
    let server = answering(&[PLAIN]);
    let auth = format!(
        "[defaults.auth.oauth2]\ntoken_url = \"{}\"\nclient_id = \"{{{{ vu }}}}\"\n\
         client_secret = \"p-{{{{ vu }}}}\"\nper = \"user\"\n",
        giver.url("/token")
    );
    let summary = iterations(&server, 1, &format!("{auth}[[step]]\n{GET}\n"));
    let told = "get a token: status 401: invalid_client: Basic *** is wrong";
    assert_eq!(error(&summary), ("auth", told));
}

/// A pipe with a name on a stage, for what a command tells.
fn pipe(stage: &Stage) -> String {
    let path = stage.folder.path().join("pipe").display().to_string();
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    path
}

#[test]
fn a_signal_ends_the_wait_for_first_tokens() {
    for words in [
        &["run", "a.toml"][..],
        &["stress", "a.toml", "--until", "http_req_failed: rate < 5%"],
        &["debug", "a.toml"],
    ] {
        let server = answering(&[PLAIN]);
        let stage = Stage::new(words);
        let path = pipe(&stage);
        let command = format!("exec 3>{path}; echo begun >&3; sleep 1000");
        let text = format!(
            "target = \"{}\"\nload = {{ vus = 1, duration = \"1s\" }}\n[[step]]\n{GET}\n\
             auth = {{ token_command = \"{command}\" }}\n",
            server.url("")
        );
        let stop = stage.stop.clone();
        let watching = thread::spawn(move || {
            let mut lines = BufReader::new(File::open(path).unwrap()).lines();
            let begun = lines.next().unwrap().unwrap();
            stop.send_replace(Stop::Drain);
            // The command ends, and all that it started.
            (begun, lines.count())
        });
        let played = on(stage.file("a.toml", &text));
        assert_eq!(played.code, 130, "{words:?} {}{}", played.out, played.err);
        assert_eq!(watching.join().unwrap(), ("begun".to_owned(), 0));
        let told = "stopped by a signal before the first tokens were there";
        assert!(played.err.contains(told), "{}", played.err);
        assert_eq!(server.received().len(), 0);
    }
}

#[test]
fn a_signal_ends_debug() {
    let server = answering(&[PLAIN]);
    let text = format!(
        "target = \"{}\"\n{}\n[[step]]\n{GET}\n",
        server.url(""),
        keys::ONCE
    );
    let stage = Stage::new(&["debug", "a.toml"]);
    stage.stop.send_replace(Stop::Drain);
    let played = on(stage.file("a.toml", &text));
    assert_eq!(played.code, 130, "{}", played.err);
    assert!(
        played.out.ends_with("\nstopped by a signal\n"),
        "{}",
        played.out
    );
    assert_eq!(server.received().len(), 0);
}

#[test]
fn debug_clears_away_after_a_signal_what_its_setup_made() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let step =
        |kind: &str, path: &str| format!("[[{kind}]]\nget = \"{path}\"\nname = \"{kind}\"\n");
    let text = format!(
        "target = \"http://{}\"\n{}\n{}{}{}",
        listener.local_addr().unwrap(),
        keys::ONCE,
        step("setup", "/made"),
        step("step", "/hangs"),
        step("teardown", "/cleared"),
    );
    let stage = Stage::new(&["debug", "a.toml"]);
    let stop = stage.stop.clone();
    let serving = thread::spawn(move || {
        let mut asked = String::new();
        let mut read = |stream: &TcpStream| {
            stream
                .set_read_timeout(Some(Duration::from_secs(60)))
                .unwrap();
            let lines = BufReader::new(stream).lines().map(Result::unwrap);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            asked += head.first().map_or("nothing", String::as_str);
        };
        let (mut of_run, _) = listener.accept().unwrap();
        read(&of_run);
        of_run.write_all(PLAIN.as_bytes()).unwrap();
        let (of_user, _) = listener.accept().unwrap();
        read(&of_user);
        stop.send_replace(Stop::Drain);
        read(&of_run);
        of_run.write_all(PLAIN.as_bytes()).unwrap();
        asked
    });
    let played = on(stage.file("a.toml", &text));
    let asked = serving.join().unwrap();
    let wanted = ["/made", "/hangs", "/cleared"].map(|path| format!("GET {path} HTTP/1.1"));
    assert_eq!(asked, wanted.concat(), "{}{}", played.out, played.err);
    assert_eq!(played.code, 130, "{}{}", played.out, played.err);
    let end = played.out.ends_with("\nstopped by a signal\n");
    assert!(end, "{}", played.out);
}

#[test]
fn debug_fetches_the_tokens_of_what_it_shows() {
    let server = answering(&[PLAIN; 2]);
    let text = format!(
        "target = \"{}\"\nload = {{ vus = 2, duration = \"1s\" }}\n\
         [[scenario]]\nname = \"a\"\nstep = [{{ {GET} }}]\nauth = {{ token_command = \"echo tok-1\" }}\n\
         [[scenario]]\nname = \"b\"\nstep = [{{ {GET} }}]\nauth = {{ token_command = \"exit 3\" }}\n",
        server.url("")
    );
    for (words, code) in [
        (&["debug", "a.toml", "--scenario", "a"][..], 0),
        (&["debug", "a.toml", "--scenario", "b"], 1),
        (&["debug", "a.toml"], 1),
    ] {
        let played = on(Stage::new(words).file("a.toml", &text));
        assert_eq!(played.code, code, "{words:?} {}{}", played.out, played.err);
    }
}
