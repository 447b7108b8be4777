//! What each key about answers does: what is expected of them, and what is taken out of them for later steps.

use super::{
    keys::{GET, both, error, once, playing, rate, run, server, slowly},
    *,
};
use loadgen_testkit::{ScriptedServer, Step};

const JSON: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-left: 9\r\n\
    set-cookie: sid=s-1; Path=/\r\ncontent-length: 55\r\n\r\n\
    {\"id\":7,\"name\":\"ann\",\"tags\":[\"a\",\"b\"],\"next\":\"/page/2\"}";

/// Streams the text "Order 42 is on its way" in three pieces.
fn stream() -> ScriptedServer {
    let piece = |text: &str| {
        format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
    };
    let body = ["Ord", "er 4", "2 is on its way"].map(piece).concat();
    let end = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    playing(&[Step::write(format!("{head}{body}{end}")), Step::Close])
}

#[test]
fn answers_are_looked_into() {
    for (line, message) in [
        (
            "headers = { Content-Type = \"application/json\", x-left = \"9\" }",
            "",
        ),
        ("headers = { x-left = 9 }", ""),
        (
            "headers = { x-left = 8 }",
            "the header x-left is \"9\", not 8",
        ),
        (
            "headers = { content-type = { contains = \"json\" }, etag = { exists = false } }",
            "",
        ),
        (
            "headers = { etag = { exists = true } }",
            "the header etag is absent",
        ),
        (
            "headers = { content-type = { matches = \"^text\" } }",
            "the header content-type is \"application/json\", which does not match ^text",
        ),
        (
            "headers = { x-left = { min = 10 } }",
            "the header x-left is \"9\", not at least 10",
        ),
        ("body_matches = '\"id\":\\d,'", ""),
        (
            "body_matches = ['id', '^id']",
            "the body does not match ^id",
        ),
        (
            "json = { \"$.id\" = 7, \"$.tags[1]\" = \"b\", \"$.name\" = { not = \"bob\" } }",
            "",
        ),
        (
            "json = { \"$.id\" = { min = 1, max = 7 }, \"$.tags\" = { contains = \"a\" }, \"$.x\" = { exists = false } }",
            "",
        ),
        (
            "json = { \"$.tags\" = { equals = [\"a\"] } }",
            "$.tags is [\"a\",\"b\"], not [\"a\"]",
        ),
        (
            "json = { \"$.id\" = { max = 6 } }",
            "$.id is 7, not at most 6",
        ),
        (
            "json = { \"$.name\" = { not = \"ann\" } }",
            "$.name is \"ann\"",
        ),
        (
            "json = { \"$.name\" = { matches = \"^b\" } }",
            "$.name is \"ann\", which does not match ^b",
        ),
        (
            "json = { \"$.name\" = { contains = \"z\" } }",
            "$.name is \"ann\", which does not contain \"z\"",
        ),
        ("json = { \"$.x\" = { exists = true } }", "$.x is absent"),
        ("body_size = 55", ""),
        (
            "body_size = { min = 56 }",
            "the body has 55 bytes, not at least 56",
        ),
        (
            "body_size = { max = 54 }",
            "the body has 55 bytes, not at most 54",
        ),
        ("within = \"1h\"", ""),
        ("within = \"1ns\"", "http_req_duration is"),
    ] {
        for tables in both(&format!("expect = {{ {line} }}"), GET) {
            let (_, summary) = once(&server(JSON), &tables);
            let (kind, told) = error(&summary);
            let failed = u64::from(!message.is_empty());
            assert_eq!(
                rate(&summary, "http_req_failed"),
                (failed, 1),
                "{tables}{told}"
            );
            assert_eq!(kind, if message.is_empty() { "" } else { "check" });
            assert!(told.starts_with(message), "{told}");
            let (held, made) = rate(&summary, "checks");
            assert_eq!(made - held, failed, "{tables}");
        }
    }
}

#[test]
fn what_is_expected_is_rendered() {
    let first = "extract = { n = \"$.id\", name = \"$.name\", open = { json = \"$.x\", default = \"(\" }, none = { json = \"$.x\", default = \"\" } }";
    for (line, kind, message) in [
        (
            "json = { \"$.id\" = \"{{ n }}\", \"$.name\" = \"{{ vars.who }}\" }",
            "",
            "",
        ),
        (
            "json = { \"$.id\" = { equals = \"{{ n + 1 }}\" } }",
            "check",
            "$.id is 7, not 8",
        ),
        (
            "json = { \"$.id\" = \"no {{ n }}\" }",
            "check",
            "$.id is 7, not \"no 7\"",
        ),
        ("json = { \"$.tags\" = [\"a\", \"{{ 'b' }}\"] }", "", ""),
        (
            "json = { \"$.tags\" = { contains = \"{{ name }}\" } }",
            "check",
            "$.tags is [\"a\",\"b\"], which does not contain \"ann\"",
        ),
        (
            "json = { \"$.name\" = { not = \"{{ name }}\" } }",
            "check",
            "$.name is \"ann\"",
        ),
        (
            "json = { \"$.name\" = { matches = '^{{ name }}$' } }",
            "",
            "",
        ),
        ("headers = { x-left = \"{{ n + 2 }}\" }", "", ""),
        (
            "headers = { x-left = { equals = \"{{ n }}\" } }",
            "check",
            "the header x-left is \"9\", not 7",
        ),
        ("body_contains = '\"id\":{{ n }}'", "", ""),
        (
            "body_contains = [\"id\", \"{{ n }}8\"]",
            "check",
            "the body does not contain \"78\"",
        ),
        ("body_matches = 'id\":{{ n }},'", "", ""),
        (
            "body_matches = '{{ name }}$'",
            "check",
            "the body does not match ann$",
        ),
        (
            "json = { \"$.id\" = \"{{ name + 1 }}\" }",
            "template",
            "render what is expected of $.id: ",
        ),
        (
            "body_contains = \"{{ none }}\"",
            "template",
            "render what is expected of the body: it is empty: every body contains it",
        ),
        (
            "headers = { x-left = { matches = '{{ open }}' } }",
            "template",
            "render what is expected of the header x-left: no regular expression: ",
        ),
    ] {
        let tables = format!(
            "[vars]\nwho = \"ann\"\n[[step]]\n{GET}\n{first}\n[[step]]\nname = \"second\"\nget = \"/\"\nexpect = {{ {line} }}\n"
        );
        let (_, summary) = once(&server(JSON), &tables);
        let (seen, told) = error(&summary);
        assert_eq!(seen, kind, "{line}: {told}");
        assert!(told.starts_with(message), "{line}: {told}");
        let (held, made) = rate(&summary, "checks");
        assert_eq!(made - held, u64::from(!kind.is_empty()), "{line}");
    }
}

#[test]
fn every_limit_on_one_request_can_be_expected() {
    for key in super::keys::LIMITS {
        for (limit, failed) in [("1ns", 1), ("1h", 0)] {
            let line = format!("expect = {{ within = {{ {key} = \"{limit}\" }} }}");
            for tables in both(&line, &format!("{GET}\nstream = \"openai\"")) {
                let summary = slowly(&tables);
                assert_eq!(rate(&summary, "http_req_failed"), (failed, 1), "{tables}");
                assert_eq!(rate(&summary, "checks"), (1 - failed, 1), "{tables}");
            }
        }
    }
}

#[test]
fn streams_are_looked_into_by_their_text_and_their_tokens() {
    let step = format!("{GET}\nstream = \"openai\"");
    for (line, message) in [
        ("body_contains = \"Order 42\"", ""),
        ("body_contains = \"[DONE]\"", ""),
        ("body_matches = '^Order \\d+ is'", ""),
        (
            "body_contains = \"Order 43\"",
            "the body does not contain \"Order 43\"",
        ),
        ("tokens = 3", ""),
        (
            "tokens = { min = 4 }",
            "the answer has 3 tokens, not at least 4",
        ),
        (
            "tokens = { max = 2 }",
            "the answer has 3 tokens, not at most 2",
        ),
    ] {
        for tables in both(&format!("expect = {{ {line} }}"), &step) {
            let (_, summary) = once(&stream(), &tables);
            assert_eq!(error(&summary).1, message, "{tables}");
        }
    }
}

/// Runs a first step with this `extract` against JSON or a stream, and a second that sends the value `v`; the path that it
/// was sent to, and the summary.
fn passed_on(server: &ScriptedServer, first: &str, second: &str) -> (String, Value) {
    let tables =
        format!("[[step]]\n{GET}\n{first}\n[[step]]\nname = \"second\"\nget = \"{second}\"\n");
    let (sent, summary) = once(server, &tables);
    let line = sent.lines().filter(|line| line.starts_with("GET ")).nth(1);
    (line.unwrap_or_default().to_owned(), summary)
}

#[test]
fn what_an_answer_gives_is_sent_by_later_steps() {
    for (extract, second, line) in [
        ("v = \"$.id\"", "/{{ v + 1 }}", "GET /8 HTTP/1.1"),
        (
            "v = { json = \"$.name\" }",
            "/{{ v | upper }}",
            "GET /ANN HTTP/1.1",
        ),
        (
            "v = { json = \"$.tags[*]\", all = true }",
            "/{{ v | join('-') }}",
            "GET /a-b HTTP/1.1",
        ),
        (
            "v = { json = \"$.tags[*]\" }",
            "/{{ v }}",
            "GET /a HTTP/1.1",
        ),
        (
            "v = { regex = '\"(\\w)\"', all = true }",
            "/{{ v | length }}",
            "GET /2 HTTP/1.1",
        ),
        (
            "v = { regex = 'name\":\"(\\w+)' }",
            "/{{ v }}",
            "GET /ann HTTP/1.1",
        ),
        ("v = { header = \"X-Left\" }", "/{{ v }}", "GET /9 HTTP/1.1"),
        ("v = { cookie = \"sid\" }", "/{{ v }}", "GET /s-1 HTTP/1.1"),
        (
            "v = { text = true }",
            "/{{ v | length }}",
            "GET /55 HTTP/1.1",
        ),
        (
            "v = { json = \"$.absent\", default = \"none\" }",
            "/{{ v }}",
            "GET /none HTTP/1.1",
        ),
        ("v = \"$.next\"", "{{ v }}", "GET /page/2 HTTP/1.1"),
    ] {
        let (sent, summary) =
            passed_on(&server(JSON), &format!("extract = {{ {extract} }}"), second);
        assert_eq!(sent, line, "{extract}");
        assert_eq!(rate(&summary, "checks"), (1, 1), "{extract}");
    }
    for (extract, second, line) in [
        (
            "v = { text = true }",
            "/{{ v | urlencode }}",
            "GET /Order%2042%20is%20on%20its%20way HTTP/1.1",
        ),
        (
            "v = { regex = 'Order (\\d+)' }",
            "/{{ v }}",
            "GET /42 HTTP/1.1",
        ),
    ] {
        let first = format!("stream = \"openai\"\nextract = {{ {extract} }}");
        let (sent, _) = passed_on(&stream(), &first, second);
        assert_eq!(sent, line, "{extract}");
    }
}

#[test]
fn what_is_missing_ends_the_iteration() {
    let busy = "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n";
    let extract = "extract = { v = \"$.absent\" }";
    let said = "extract v: there is nothing at $.absent in the body";
    for (answer, first, sent, failed, message) in [
        (JSON, extract.to_owned(), 1, 1, said),
        (
            JSON,
            format!("{extract}\non_failure = \"next_iteration\""),
            1,
            1,
            said,
        ),
        // Whoever goes on without it meets the hole in the template that needs it.
        (
            JSON,
            format!("{extract}\non_failure = \"continue\""),
            1,
            1,
            said,
        ),
        // A refusal that is fine is not looked into, and not followed by what needs its value.
        (
            busy,
            format!("{extract}\nexpect = {{ status = [200, 429] }}"),
            1,
            0,
            "",
        ),
        (
            busy,
            "extract = { v = { json = \"$.a\", default = 1 } }\nexpect = { status = [200, 429] }"
                .to_owned(),
            2,
            0,
            "",
        ),
    ] {
        let server = server(answer);
        let tables = format!(
            "[defaults]\nexpect = {{ status = [200, 429] }}\n[[step]]\n{GET}\n{first}\n[[step]]\nname = \"second\"\nget = \"/{{{{ v }}}}\"\n"
        );
        let (text, summary) = once(&server, &tables);
        assert_eq!(text.matches("GET ").count(), sent, "{first}");
        let errors = summary["errors"].as_array().unwrap();
        assert_eq!(error(&summary).1, message, "{first}");
        assert_eq!(
            summary["metrics"]["iterations_failed"]["count"], failed,
            "{first}"
        );
        let goes_on = first.contains("continue");
        assert_eq!(errors.len(), failed + usize::from(goes_on), "{summary}");
        if goes_on {
            assert_eq!(errors[1]["kind"], "template");
            assert_eq!(errors[1]["step"], "second");
            assert_eq!(errors[1]["message"], "render the path: `v` is undefined");
        }
    }
}

#[test]
fn a_template_that_fails_is_told_once() {
    let summary = run(
        "target = \"mock\"\nload = { vus = 3, iterations = 300 }\n[mock]\nplain_time = \"1us\"\n\
         [[step]]\nget = \"/plain\"\nextract = { n = { json = \"$.absent\", default = \"five\" } }\n\
         [[step]]\nname = \"sum\"\nget = \"/plain?n={{ n + iteration }}\"\n",
    );
    let errors = summary["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0]["kind"], "template");
    assert_eq!(errors[0]["step"], "sum");
    assert_eq!(errors[0]["count"], 300);
    let message = errors[0]["message"].as_str().unwrap();
    assert!(
        message.starts_with("render the query") || message.starts_with("render the path"),
        "{message}"
    );
}

#[test]
fn secrets_that_answers_give_are_hidden() {
    let given = "{\"access_token\":\"zircon-77\",\"v\":\"opal-55\"}";
    let told = "you sent zircon-77, opal-55 and quartz-9.";
    let length = |text: &str| format!("content-length: {}\r\n\r\n{text}", text.len());
    let answer = format!(
        "HTTP/1.1 200 OK\r\nset-cookie: sid=quartz-9\r\n{}",
        length(given)
    );
    let echo = format!("HTTP/1.1 500 Oops\r\n{}", length(told));
    let server = || {
        let turns = [
            Step::ReadRequest,
            Step::write(answer.as_str()),
            Step::ReadRequest,
            Step::write(echo.as_str()),
        ];
        ScriptedServer::repeat(turns.into()).unwrap()
    };
    let tables = "[[step]]\nget = \"/login\"\n\
        extract = { token = \"$.access_token\", v = \"$.v\", sid = { cookie = \"sid\" } }\n\
        [[step]]\nname = \"use\"\nget = \"/me\"\nheaders = { authorization = \"Bearer {{ v }}\", x-token = \"{{ token }}\", cookie = \"sid={{ sid }}\" }\n";
    let (sent, summary) = once(&server(), tables);
    assert!(
        sent.contains("authorization: Bearer opal-55") && sent.contains("x-token: zircon-77"),
        "{sent}"
    );
    assert_eq!(error(&summary).1, "status 500: you sent ***, *** and ***.");
    let server = server();
    let text = format!(
        "target = \"{}\"\nload = {{ vus = 1, iterations = 1 }}\n{tables}",
        server.url("")
    );
    let played = on(Stage::new(&["debug", "a.toml"]).file("a.toml", &text));
    for secret in ["zircon", "opal", "quartz"] {
        assert!(!played.out.contains(secret), "{}", played.out);
    }
    assert!(
        played.out.contains("extracted: token = ***"),
        "{}",
        played.out
    );
}

#[test]
fn what_a_check_finds_is_not_shown_where_it_is_a_secret() {
    let body = "{\"access_token\":\"zircon-77\",\"copy\":\"zircon-77\"}";
    let answer = format!(
        "HTTP/1.1 200 OK\r\nset-cookie: sid=quartz-9\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let cases = [
        (
            "expect.headers.set-cookie = { contains = \"Secure\" }",
            "the header set-cookie is ***, which does not contain \"Secure\"",
        ),
        (
            "expect.json.\"$.access_token\" = { matches = \"^ey\" }",
            "$.access_token is ***, which does not match ^ey",
        ),
        (
            "expect.json.\"$.copy\" = \"x\"\nextract = { token = \"$.access_token\" }",
            "$.copy is \"***\", not \"x\"",
        ),
    ];
    for (lines, told) in cases {
        let tables = format!("[[step]]\nget = \"/login\"\n{lines}\n");
        let (_, summary) = once(&server(&answer), &tables);
        assert_eq!(error(&summary).1, told, "{lines}");
    }
}

#[test]
fn what_comes_before_the_first_iteration_gives_values_for_all() {
    let token = "HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n{\"token\":\"a\"}";
    let server = server(token);
    let text = format!(
        "target = \"{}\"\nload = {{ vus = 1, iterations = 2 }}\n[[before]]\nname = \"login\"\nget = \"/login\"\nextract = {{ token = \"$.token\" }}\n\
         [[step]]\nname = \"use\"\nget = \"/use/{{{{ token }}}}\"\n",
        server.url("")
    );
    run(&text);
    let text = String::from_utf8(server.received().concat()).unwrap();
    let paths: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("GET "))
        .collect();
    assert_eq!(
        paths,
        ["/login HTTP/1.1", "/use/a HTTP/1.1", "/use/a HTTP/1.1"]
    );
}
