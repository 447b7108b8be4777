//! What each key of a scenario does to a request on its way: given up, sent on to another place, on which connection.

use super::keys::{
    DONE, FINISH, GET, OK, TOKEN, both, count, error, events, once, playing, rate, run, run_on,
    server,
};
use super::{Stage, on};
use loadgen_http::{decode::Decoder, response::Coding};
use loadgen_testkit::{ScriptedServer, Step};

#[test]
fn requests_are_given_up_as_the_file_says() {
    let mut endless = events(&[TOKEN, TOKEN, TOKEN]);
    *endless.last_mut().unwrap() = Step::WaitForClose;
    let whole = events(&[TOKEN, FINISH, DONE]);
    let step = format!("{GET}\nstream = \"openai\"\ntimeout = \"5s\"");
    for (line, given_up) in [
        ("cancel = { after = \"60ms\" }", true),
        ("cancel = { after_tokens = 3 }", true),
        ("cancel = { after = \"1h\", after_tokens = 2 }", true),
        ("cancel = { after_tokens = 4 }", false),
        ("cancel = { after = \"60ms\", probability = 0 }", false),
    ] {
        for tables in both(line, &step) {
            let tables = tables.replace("5s", if given_up { "20s" } else { "100ms" });
            let (_, summary) = once(&playing(&endless), &tables);
            let (failed, total) = rate(&summary, "http_req_failed");
            assert_eq!((failed, total), (u64::from(!given_up), 1), "{tables}");
            assert_eq!(
                count(&summary, "cancelled"),
                u64::from(given_up),
                "{tables}"
            );
            assert_eq!(
                summary["outcomes"]["cancelled"],
                u64::from(given_up),
                "{tables}"
            );
            assert_eq!(count(&summary, "ttft"), 1, "{tables}");
            // Only the one that timed out waited for an end.
            let durations = count(&summary, "http_req_duration");
            assert_eq!(durations, u64::from(!given_up), "{tables}");
            let streams = rate(&summary, "stream_failed");
            assert_eq!(streams, (u64::from(!given_up), u64::from(!given_up)));
            assert_eq!(error(&summary).0, if given_up { "" } else { "timeout" });
        }
        for tables in both(line, &step) {
            let (_, summary) = once(&playing(&whole), &tables);
            assert_eq!(count(&summary, "cancelled"), 0, "{tables}");
            assert_eq!(rate(&summary, "http_req_failed"), (0, 1), "{tables}");
        }
    }
}

#[test]
fn as_many_are_given_up_as_the_seed_draws() {
    let of = |probability: &str, workers: &str| {
        let summary = run_on(
            &format!(
                "target = \"mock\"\nload = {{ executor = \"per-vu-iterations\", vus = 4, iterations = 50 }}\n\
                 [mock]\nttft = \"1ms\"\nitl = \"200us\"\ntokens = 400\n\
                 [[step]]\npost = \"/v1/chat/completions\"\nstream = \"openai\"\n\
                 json = {{ model = \"m\", stream = true, messages = [] }}\n\
                 cancel = {{ after_tokens = 1, probability = {probability} }}\n"
            ),
            workers,
        );
        assert_eq!(rate(&summary, "http_req_failed"), (0, 200), "{probability}");
        assert_eq!(count(&summary, "http_reqs"), 200);
        let cancelled = count(&summary, "cancelled");
        assert_eq!(summary["outcomes"]["ok"], 200 - cancelled);
        cancelled
    };
    assert_eq!(of("\"0%\"", "1"), 0);
    assert_eq!(of("1.0", "1"), 200);
    // A standard deviation is 6.5.
    let some = of("\"30%\"", "1");
    assert!((30..=90).contains(&some), "{some}");
    assert_eq!(of("\"30%\"", "2"), some, "whatever the workers");
}

#[test]
fn redirections_are_followed_as_often_as_the_file_says() {
    let away = "HTTP/1.1 302 Found\r\nlocation: ?again\r\ncontent-length: 2\r\n\r\ngo";
    let ok = |count: u64| vec![("200", 1), ("302", count)];
    // (redirections before the page, what the step says, requests, redirects, statuses, kind of failure)
    let cases = [
        (0, "", 1, 0, vec![("200", 1)], ""),
        (1, "", 2, 1, ok(1), ""),
        (10, "", 11, 10, ok(10), ""),
        (11, "", 11, 10, vec![("302", 11)], "redirect"),
        (3, "redirects = 3", 4, 3, ok(3), ""),
        (3, "redirects = 2", 3, 2, vec![("302", 3)], "redirect"),
        (3, "redirects = 0", 1, 0, vec![("302", 1)], ""),
        (3, "expect = { status = 302 }", 1, 0, vec![("302", 1)], ""),
        (
            3,
            "expect = { status = \"2xx\" }\nredirects = 0",
            1,
            0,
            vec![("302", 1)],
            "check",
        ),
        (1, "expect = { status = \"2xx\" }", 2, 1, ok(1), ""),
    ];
    for (hops, line, requests, redirects, statuses, kind) in cases {
        for tables in both(line, GET) {
            let mut script = Vec::new();
            for _ in 0..hops {
                script.extend([Step::ReadRequest, Step::write(away)]);
            }
            script.extend([Step::ReadRequest, Step::write(OK)]);
            let server = ScriptedServer::start(vec![script]).unwrap();
            let (_, summary) = once(&server, &tables);
            let what = format!("{hops} {tables} {summary}");
            assert_eq!(count(&summary, "http_reqs"), requests, "{what}");
            assert_eq!(count(&summary, "redirects"), redirects, "{what}");
            assert_eq!(summary["outcomes"]["redirected"], redirects, "{what}");
            assert_eq!(error(&summary).0, kind, "{what}");
            let seen = summary["statuses"].as_object().unwrap().iter();
            let seen: Vec<_> = seen
                .map(|(status, count)| (status.as_str(), count.as_u64().unwrap()))
                .collect();
            assert_eq!(seen, statuses, "{what}");
            // Each has its own time; only the answer has one that a user waited for.
            assert_eq!(count(&summary, "http_req_duration"), requests, "{what}");
            assert_eq!(count(&summary, "http_req_latency"), 1, "{what}");
            assert_eq!(count(&summary, "schedule_lag"), 1, "{what}");
            let failed = u64::from(!kind.is_empty());
            assert_eq!(
                rate(&summary, "http_req_failed"),
                (failed, requests),
                "{what}"
            );
            assert_eq!(count(&summary, "iterations"), 1, "{what}");
        }
    }
}

#[test]
fn a_redirection_asks_as_the_standard_says() {
    let secrets = ["authorization", "x-api-key", "cookie"];
    let body = ["hello", "content-"];
    let token = "authorization: Bearer t0ken";
    let (get, post) = ("GET /b HTTP/1.1\r\n", "POST /b HTTP/1.1\r\n");
    let sent = "\r\n\r\nhello";
    // (status, whether it leads to another origin, what the next request has, what it lacks)
    let cases = [
        (301, false, vec![get, token, "x-own: 1"], body.to_vec()),
        (302, false, vec![get, token], body.to_vec()),
        (
            303,
            true,
            vec![get, "x-own: 1"],
            [&body[..], &secrets].concat(),
        ),
        (
            307,
            false,
            vec![post, sent, "content-type: text/x", "cookie: a=b"],
            vec![],
        ),
        (
            308,
            true,
            vec![post, sent, "content-type: text/x"],
            secrets.to_vec(),
        ),
    ];
    for (status, elsewhere, wanted, unwanted) in cases {
        let there = server(OK);
        let to = if elsewhere {
            there.url("/b")
        } else {
            "/b".to_owned()
        };
        let away = format!("HTTP/1.1 {status} Go\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
        let (ask, go, ok) = (Step::ReadRequest, Step::write(away), Step::write(OK));
        let here = ScriptedServer::start(vec![vec![ask.clone(), go, ask, ok]]).unwrap();
        let (text, summary) = once(
            &here,
            "[[step]]\npost = \"/a\"\nbody = \"hello\"\nheaders = { authorization = \"Bearer t0ken\", \
             cookie = \"a=b\", x-api-key = \"k3y\", x-own = \"1\", content-type = \"text/x\" }\n",
        );
        let text = if elsewhere {
            String::from_utf8(there.received().concat()).unwrap()
        } else {
            text.split_once("hello").unwrap().1.to_owned()
        };
        assert_eq!(count(&summary, "redirects"), 1, "{status}");
        for part in wanted {
            assert!(text.contains(part), "{status}: {part} in {text}");
        }
        for part in unwanted {
            assert!(!text.contains(part), "{status}: no {part} in {text}");
        }
    }
}

#[test]
fn a_redirection_to_nowhere_fails() {
    for (location, kind) in [
        ("location: mailto:me@example.org\r\n", "redirect"),
        ("location: http://\r\n", "redirect"),
        ("", ""),
    ] {
        let answer = format!("HTTP/1.1 302 Found\r\n{location}content-length: 0\r\n\r\n");
        let (_, summary) = once(&server(&answer), &format!("[[step]]\n{GET}\n"));
        assert_eq!(error(&summary).0, kind, "{location}");
        assert_eq!(count(&summary, "http_reqs"), 1, "{location}");
    }
}

#[test]
fn what_a_user_waits_for_is_the_answer_behind_a_redirection() {
    let text = "target = \"mock\"\nload = { vus = 1, iterations = 3 }\n[mock]\nplain_time = \"60ms\"\n\
                [[step]]\nget = \"/status/302\"\n";
    let summary = run(text);
    assert_eq!(count(&summary, "redirects"), 3, "{summary}");
    assert_eq!(summary["statuses"]["200"], 3, "{summary}");
    let least = |metric: &str| summary["metrics"][metric]["min"].as_f64().unwrap();
    // The page that it leads to takes 60 ms; the redirection itself does not.
    assert!(least("http_req_latency") >= 60.0, "{summary}");
    assert!(least("http_req_duration") < 60.0, "{summary}");
}

/// What one request of this step is, with the file `dir/file.bin` beside the scenario.
#[track_caller]
fn sent(step: &str) -> Vec<u8> {
    let server = server(OK);
    let text = format!(
        "target = \"{}\"\nload = {{ vus = 1, iterations = 1 }}\n{step}",
        server.url("")
    );
    let words = ["run", "some/a.toml", "--no-log", "--quiet"];
    let stage = Stage::new(&words)
        .file("some/a.toml", &text)
        .file("some/dir/file.bin", "from {{ a }} file");
    let played = on(stage);
    assert_eq!(played.code, 0, "{step}\n{}{}", played.out, played.err);
    server.received().concat()
}

#[test]
fn bodies_are_sent_as_the_file_says() {
    let form = "content-type: application/x-www-form-urlencoded";
    for (lines, body, field) in [
        (
            "form = { a = 1, b = [\"x y\", \"{{ 1 + 1 }}\"], c = true }",
            "a=1&b=x%20y&b=2&c=true",
            form,
        ),
        ("form = {}", "", form),
        (
            "form = { \"a&b\" = \"ü=\" }\nheaders = { content-type = \"x/y\" }",
            "a%26b=%C3%BC%3D",
            "content-type: x/y",
        ),
        (
            "body_file = \"dir/file.bin\"",
            "from {{ a }} file",
            "content-length: 17",
        ),
    ] {
        let bytes = sent(&format!("[[step]]\npost = \"/x\"\n{lines}\n"));
        let text = String::from_utf8(bytes).unwrap();
        assert!(
            text.ends_with(&format!("\r\n\r\n{body}")),
            "{lines}: {text}"
        );
        assert!(text.contains(field), "{lines}: {text}");
    }
    for place in ["defaults", "step"] {
        for (body, plain) in [
            ("form = { a = \"{{ iteration }}\" }", "a=0".to_owned()),
            ("body = \"hello\"", "hello".to_owned()),
            (
                "json = { long = \"{{ 'x' * 1000 }}\" }",
                format!("{{\"long\":\"{}\"}}", "x".repeat(1000)),
            ),
        ] {
            let compress = "compress = \"gzip\"\n";
            let tables = if place == "step" {
                format!("[[step]]\npost = \"/x\"\n{compress}{body}\n")
            } else {
                format!("[defaults]\n{compress}[[step]]\npost = \"/x\"\n{body}\n")
            };
            let bytes = sent(&tables);
            let head = bytes
                .windows(4)
                .position(|part| part == b"\r\n\r\n")
                .unwrap();
            let text = String::from_utf8_lossy(&bytes[..head]);
            assert!(text.contains("content-encoding: gzip"), "{text}");
            let mut decoder = Decoder::new(Coding::Gzip).unwrap().unwrap();
            let mut unpacked = Vec::new();
            let fed = decoder.feed(&bytes[head + 4..], &mut |piece| {
                unpacked.extend_from_slice(piece);
                Ok(())
            });
            assert!(fed.is_ok() && decoder.check_end().is_ok(), "{tables}");
            let unpacked = String::from_utf8(unpacked).unwrap();
            assert_eq!(unpacked, plain, "{tables}");
        }
    }
    let bytes = sent("[defaults]\ncompress = \"gzip\"\n[[step]]\nget = \"/x\"\n");
    assert!(!String::from_utf8_lossy(&bytes).contains("content-encoding"));
}

#[test]
fn bodies_are_sent_in_parts() {
    let bytes = sent(
        "[defaults]\nheaders = { content-type = \"replaced\" }\n[[step]]\npost = \"/x\"\nmultipart = [\n\
         { name = \"note\", value = \"it is {{ 1 + 1 }}\" },\n\
         { name = \"doc\", file = \"dir/file.bin\" },\n\
         { name = \"own\", file = \"dir/file.bin\", filename = \"b.txt\", content_type = \"text/x\" },\n]\n",
    );
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let boundary = head
        .split_once("content-type: multipart/form-data; boundary=")
        .unwrap()
        .1;
    let boundary = boundary.lines().next().unwrap();
    assert!(!head.contains("replaced"), "{head}");
    let body = body.replace(boundary, "B").replace("\r\n", "\n");
    let expected = "--B\ncontent-disposition: form-data; name=\"note\"\n\nit is 2\n\
        --B\ncontent-disposition: form-data; name=\"doc\"; filename=\"file.bin\"\ncontent-type: application/octet-stream\n\nfrom {{ a }} file\n\
        --B\ncontent-disposition: form-data; name=\"own\"; filename=\"b.txt\"\ncontent-type: text/x\n\nfrom {{ a }} file\n--B--\n";
    assert_eq!(body, expected);
}

#[test]
fn a_file_that_cannot_be_read_is_a_problem() {
    for (line, message) in [
        (
            "body_file = \"none.bin\"",
            "failed to read the file `none.bin`: No such file",
        ),
        (
            "multipart = [{ name = \"a\", file = \"dir\" }]",
            "failed to read the file `dir`: Is a directory",
        ),
        (
            "body_file = \"{{ name }}\"",
            "failed to read the file `{{ name }}`",
        ),
    ] {
        let text = format!(
            "target = \"http://h\"\nload = {{ vus = 1, iterations = 1 }}\n[[step]]\npost = \"/\"\n{line}\n"
        );
        let stage = Stage::new(&["check", "a.toml"])
            .file("a.toml", &text)
            .file("dir/file.bin", "");
        let played = on(stage);
        assert_eq!(played.code, 2, "{line}: {}", played.err);
        assert!(played.err.contains(message), "{line}: {}", played.err);
    }
}

#[test]
fn connections_are_kept_as_the_file_says() {
    let steps = |lines: [&str; 3]| {
        let step = |line| format!("[[step]]\nname = \"{line}\"\n{GET}\n");
        let steps = lines.iter().enumerate();
        let steps =
            steps.map(|(number, line)| step(number).replace("get", &format!("{line}\nget")));
        steps.collect::<String>()
    };
    let (new, reuse) = ("connection = \"new\"", "connection = \"reuse\"");
    // (defaults, steps, the requests of each connection)
    for (defaults, lines, expected) in [
        ("", ["", "", ""], vec![3]),
        ("", [new, new, new], vec![1, 1, 1]),
        ("", ["", new, ""], vec![2, 1]),
        (new, ["", "", ""], vec![1, 1, 1]),
        (new, [reuse, "", reuse], vec![2, 1]),
        (reuse, ["", new, ""], vec![2, 1]),
    ] {
        let server = server(OK);
        let tables = format!("[defaults]\n{defaults}\n{}", steps(lines));
        let (text, summary) = once(&server, &tables);
        assert_eq!(count(&summary, "http_reqs"), 3, "{tables}");
        let requests = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).matches("GET /x").count();
        let seen: Vec<_> = server.received().iter().map(requests).collect();
        assert_eq!(seen, expected, "{tables}");
        let closing = text.matches("connection: close").count();
        let ones = expected.iter().filter(|count| **count == 1).count();
        assert_eq!(closing, ones, "{tables}");
    }
}

#[test]
fn names_have_the_addresses_of_the_file() {
    let server = server(OK);
    let port = server.address().port();
    for (name, resolve, code) in [
        (
            "api.example.test",
            "\"API.example.test\" = \"127.0.0.1\"".to_owned(),
            0,
        ),
        (
            "api.example.test",
            format!(
                "\"api.example.test:{port}\" = [\"127.0.0.1\"], \"api.example.test\" = \"192.0.2.1\""
            ),
            0,
        ),
        (
            "api.example.test",
            "\"api.example.test:1\" = \"127.0.0.1\"".to_owned(),
            99,
        ),
    ] {
        let text = format!(
            "target = \"http://{name}:{port}\"\nload = {{ vus = 1, iterations = 1 }}\n\
             [defaults]\ntimeout = \"5s\"\nresolve = {{ {resolve} }}\n[[step]]\n{GET}\n"
        );
        let before = server.received().concat().len();
        let played = on(Stage::new(&["run", "a.toml", "--no-log"]).file("a.toml", &text));
        assert_eq!(played.code, code, "{resolve}\n{}{}", played.out, played.err);
        let sent = String::from_utf8(server.received().concat()[before..].to_vec()).unwrap();
        // The service is told the name, not the address.
        let host = format!("host: {name}:{port}\r\n");
        assert_eq!(sent.contains(&host), code == 0, "{sent}");
    }
}
