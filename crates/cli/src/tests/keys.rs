//! What each key of a scenario does: on the wire, or in what is told of the run.
//!
//! Every test looks at a run with the key and at one without it, or with another value.

use super::*;
use loadgen_testkit::{ScriptedServer, Step};
use std::net::{Ipv4Addr, TcpStream};
use tokio::net::TcpSocket;

pub(super) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
pub(super) const ONCE: &str = "load = { vus = 1, iterations = 1 }";
pub(super) const GET: &str = "get = \"/x\"";

/// Runs a scenario that has no problems; how it ends is for the test to judge.
#[track_caller]
pub(super) fn run(text: &str) -> Value {
    run_on(text, "1")
}

/// The same on so many workers.
#[track_caller]
pub(super) fn run_on(text: &str, workers: &str) -> Value {
    let words = [
        "run",
        "a.toml",
        "--no-log",
        "--quiet",
        "--allow-all-failed",
        "--seed",
        "1",
        "--workers",
        workers,
        "--out",
        "json=out.json",
    ];
    let played = on(Stage::new(&words).file("a.toml", text));
    assert!(
        matches!(played.code, 0 | 99),
        "{text}\n{}{}",
        played.out,
        played.err
    );
    played.json("out.json")
}

/// Runs one iteration of these tables against a server; what it was sent, and the summary.
#[track_caller]
pub(super) fn once(server: &ScriptedServer, tables: &str) -> (String, Value) {
    let summary = run(&format!(
        "target = \"{}\"\n{ONCE}\n{tables}",
        server.url("")
    ));
    let bytes = server.received().concat();
    (String::from_utf8_lossy(&bytes).into_owned(), summary)
}

/// A server that gives this answer to the first requests of every connection.
pub(super) fn server(answer: &str) -> ScriptedServer {
    let turn = [Step::ReadRequest, Step::write(answer)];
    ScriptedServer::repeat(turn.into_iter().cycle().take(16).collect()).unwrap()
}

/// A server that plays these steps once it has read a request.
pub(super) fn playing(steps: &[Step]) -> ScriptedServer {
    ScriptedServer::repeat([&[Step::ReadRequest], steps].concat()).unwrap()
}

/// A line in `[defaults]` over a step, and in the step itself.
pub(super) fn both(line: &str, step: &str) -> [String; 2] {
    [
        format!("[defaults]\n{line}\n[[step]]\n{step}\n"),
        format!("[[step]]\n{step}\n{line}\n"),
    ]
}

pub(super) fn count(summary: &Value, metric: &str) -> u64 {
    summary["metrics"][metric]["count"].as_u64().unwrap_or(0)
}

/// Hits and total of a rate.
pub(super) fn rate(summary: &Value, metric: &str) -> (u64, u64) {
    let rate = &summary["metrics"][metric];
    let part = |name: &str| rate[name].as_u64().unwrap_or(0);
    (part("hits"), part("total"))
}

/// Kind and message of the first error.
pub(super) fn error(summary: &Value) -> (&str, &str) {
    let error = &summary["errors"][0];
    let part = |name: &str| error[name].as_str().unwrap_or("");
    (part("kind"), part("message"))
}

#[test]
fn names_stand_in_the_summary() {
    let server = server(OK);
    let named = format!(
        "name = \"mine\"\ntarget = \"{}\"\n{ONCE}\n[[step]]\nname = \"first\"\n{GET}\n",
        server.url("")
    );
    let unnamed = named
        .replace("name = \"mine\"\n", "")
        .replace("name = \"first\"\n", "");
    for (text, name, step) in [(named, "mine", "first"), (unnamed, "a", "GET /x")] {
        let summary = run(&text);
        assert_eq!(summary["name"], name);
        let steps = &summary["scenarios"][name]["steps"];
        assert_eq!(steps[step]["metrics"]["http_reqs"]["count"], 1, "{steps}");
    }
}

#[test]
fn the_target_is_where_paths_go() {
    let server = server(OK);
    for (target, line) in [
        (server.url("/base"), "GET /base/x HTTP/1.1\r\n"),
        (
            server.url("/{{ env.PART | default('none') }}"),
            "GET /none/x HTTP/1.1\r\n",
        ),
    ] {
        run(&format!("target = \"{target}\"\n{ONCE}\n[[step]]\n{GET}\n"));
        let text = String::from_utf8(server.received().concat()).unwrap();
        assert!(
            text.contains(line) && text.contains(&format!("host: {}", server.address())),
            "{text}"
        );
    }
}

/// Runs a load over steps against the mock.
#[track_caller]
fn loaded(load: &str, steps: &str) -> Value {
    run(&format!("target = \"mock\"\nload = {{ {load} }}\n{steps}"))
}

const PLAIN_STEP: &str = "[[step]]\nget = \"/plain\"\n";

#[test]
fn users_and_iterations_are_as_many_as_the_file_says() {
    for (load, users, iterations) in [
        ("vus = 3, iterations = 9, connect_rate = \"off\"", 3, 9),
        ("vus = 2, iterations = 5, connect_rate = \"off\"", 2, 5),
        ("iterations = 4", 1, 4),
    ] {
        let summary = loaded(load, PLAIN_STEP);
        assert_eq!(summary["peak_vus"], users, "{load}");
        assert_eq!(count(&summary, "iterations"), iterations, "{load}");
    }
}

#[test]
fn the_load_ends_when_the_file_says() {
    let steps = format!("{PLAIN_STEP}[[step]]\nthink = \"5ms\"\n");
    for (duration, measured) in [("100ms", 0.1), ("200ms", 0.2)] {
        let summary = loaded(&format!("duration = \"{duration}\""), &steps);
        assert_eq!(summary["measured_s"], measured);
        assert!(count(&summary, "iterations") > 1);
    }
    let many = 1_000_000;
    for (limit, dropped) in [(", max_duration = \"100ms\"", true), ("", false)] {
        let iterations = if dropped { many } else { 3 };
        let summary = loaded(
            &format!("vus = 1, iterations = {iterations}{limit}"),
            &steps,
        );
        let lost = count(&summary, "dropped_iterations");
        assert_eq!(lost > 0, dropped, "{limit}");
        assert_eq!(summary["dropped"]["end"], lost, "{limit}");
        assert_eq!(lost + count(&summary, "iterations"), iterations);
    }
}

#[test]
fn running_iterations_may_go_on_for_as_long_as_the_file_says() {
    let steps = format!("[mock]\nplain_time = \"300ms\"\n{PLAIN_STEP}");
    for (line, finished, cut) in [(", graceful_stop = \"0s\"", 0, 1), ("", 1, 0)] {
        let summary = loaded(&format!("duration = \"50ms\"{line}"), &steps);
        assert_eq!(count(&summary, "iterations"), finished, "{line}");
        assert_eq!(count(&summary, "interrupted_iterations"), cut, "{line}");
        assert_eq!(summary["in_flight"]["count"], cut, "{line}");
    }
}

#[test]
fn an_executor_decides_what_belongs_to_a_load() {
    for (load, code, told) in [
        (
            "iterations = 2",
            0,
            "load.executor  shared-iterations  default",
        ),
        (
            "duration = \"1s\"",
            0,
            "load.executor  constant-vus  default",
        ),
        (
            "executor = \"shared-iterations\", iterations = 2",
            0,
            "load.executor  shared-iterations  line 2",
        ),
        (
            "executor = \"constant-vus\", duration = \"1s\"",
            0,
            "load.executor  constant-vus  line 2",
        ),
        (
            "executor = \"constant-vus\", iterations = 2",
            2,
            "means nothing to the executor constant-vus",
        ),
        (
            "executor = \"shared-iterations\", duration = \"1s\"",
            2,
            "means nothing to the executor shared-iterations",
        ),
    ] {
        let text = format!("target = \"mock\"\nload = {{ {load} }}\n{PLAIN_STEP}");
        let words = ["check", "a.toml", "--explain"];
        let played = on(Stage::new(&words).file("a.toml", &text));
        let said = format!("{}{}", played.out, played.err);
        let words: Vec<_> = said.split_whitespace().collect();
        let told: Vec<_> = told.split_whitespace().collect();
        assert_eq!(played.code, code, "{load}\n{said}");
        assert!(
            words.windows(told.len()).any(|part| part == told),
            "{load}: {told:?}\n{said}"
        );
    }
}

/// What is sent by these tables, and parts that must be in it or must not.
#[track_caller]
fn check(tables: &str, contains: &[&str], lacks: &[&str]) {
    let (text, summary) = once(&server(OK), tables);
    assert_eq!(rate(&summary, "http_req_failed"), (0, 1), "{tables}");
    for part in contains {
        assert!(text.contains(part), "{tables} lacks {part:?}:\n{text}");
    }
    for part in lacks {
        assert!(!text.contains(part), "{tables} sends {part:?}:\n{text}");
    }
}

#[test]
fn requests_are_as_their_keys_say() {
    for method in ["get", "post", "put", "patch", "delete", "options"] {
        let line = format!("{} /x HTTP/1.1\r\n", method.to_uppercase());
        check(&format!("[[step]]\n{method} = \"/x\"\n"), &[&line], &[]);
    }
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n";
    let (text, summary) = once(&server(head), "[[step]]\nhead = \"/x\"\n");
    assert!(text.starts_with("HEAD /x HTTP/1.1\r\n"), "{text}");
    assert_eq!(rate(&summary, "http_req_failed"), (0, 1));

    let post = |line: &str| format!("[[step]]\npost = \"/x\"\n{line}\n");
    check(
        &post("query = { a = 1, b = [\"x y\", true] }"),
        &["POST /x?a=1&b=x%20y&b=true HTTP/1.1\r\n"],
        &[],
    );
    check(
        &post("body = \"vu {{ vu }}\""),
        &["content-length: 4\r\n", "\r\n\r\nvu 1"],
        &["content-type"],
    );
    check(
        &post("json = { n = \"{{ 1 + 1 }}\", t = \"a\" }"),
        &[
            "content-type: application/json\r\n",
            "\r\n\r\n{\"n\":2,\"t\":\"a\"}",
        ],
        &[],
    );
    check(&post(""), &["POST /x HTTP/1.1\r\n"], &["content-type"]);
}

#[test]
fn headers_of_the_step_go_over_those_of_all() {
    check(
        "[defaults]\nheaders = { x-all = \"all\", x-one = \"all\" }\n\
         [[step]]\nget = \"/x\"\nheaders = { x-one = \"own\", x-vu = \"{{ vu }}\" }\n",
        &["x-all: all\r\n", "x-one: own\r\n", "x-vu: 1\r\n"],
        &["x-one: all"],
    );
    check("[[step]]\nget = \"/x\"\n", &[], &["x-"]);
}

#[test]
fn variables_stand_in_templates() {
    let tables = "[vars]\nword = \"hello\"\nlist = [4, 5]\n[[step]]\nget = \"/{{ vars.word }}\"\n\
        headers = { x-list = \"{{ list[1] }}\" }\n";
    check(tables, &["GET /hello HTTP/1.1\r\n", "x-list: 5\r\n"], &[]);
    let other = tables.replace("hello", "bye");
    check(&other, &["GET /bye HTTP/1.1\r\n"], &["hello"]);
}

#[test]
fn each_part_of_a_request_has_its_limit() {
    let halting = [
        Step::write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n1234"),
        Step::WaitForClose,
    ];
    let whole = "no whole answer within 40ms";
    let first_byte = "no first byte of an answer within 40ms";
    let idle = "no more of the answer within 40ms";
    for (line, steps, message) in [
        ("timeout = \"40ms\"", &halting[1..], whole),
        ("timeout = { total = \"40ms\" }", &halting[1..], whole),
        (
            "timeout = { total = \"2s\", first_byte = \"40ms\" }",
            &halting[1..],
            first_byte,
        ),
        (
            "timeout = { total = \"2s\", idle = \"40ms\" }",
            &halting,
            idle,
        ),
    ] {
        for tables in both(line, GET) {
            let (_, summary) = once(&playing(steps), &tables);
            assert_eq!(error(&summary), ("timeout", message), "{tables}");
        }
    }
    let own = "[defaults]\ntimeout = \"2s\"\n[[step]]\nget = \"/x\"\ntimeout = \"40ms\"\n";
    let (_, summary) = once(&playing(&halting), own);
    assert_eq!(error(&summary), ("timeout", whole), "the step's own wins");
}

#[test]
fn connecting_has_its_limit() {
    let runtime = crate::wiring::runtime().unwrap();
    let _inside = runtime.enter();
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let full = socket.listen(0).unwrap();
    let address = full.local_addr().unwrap();
    // The queue of connections that nobody accepts has room for one.
    let _first = TcpStream::connect(address).unwrap();
    for tables in both("timeout = { total = \"2s\", connect = \"40ms\" }", GET) {
        let summary = run(&format!("target = \"http://{address}\"\n{ONCE}\n{tables}"));
        let message = format!("no connection to {address} within 40ms");
        assert_eq!(error(&summary), ("connect_timeout", message.as_str()));
    }
}

#[test]
fn the_tls_handshake_has_its_limit() {
    let server = ScriptedServer::repeat(vec![Step::WaitForClose]).unwrap();
    for tables in both("timeout = { total = \"2s\", tls = \"40ms\" }", GET) {
        let target = format!("https://{}", server.address());
        let summary = run(&format!("target = \"{target}\"\n{ONCE}\n{tables}"));
        let (_, message) = error(&summary);
        assert!(
            message.contains("TLS") && message.contains("within 40ms"),
            "{message}"
        );
    }
}

#[test]
fn a_failed_step_decides_over_its_iteration() {
    let failing = "get = \"/status/500\"";
    for (word, first, second) in [
        ("", 3, 3),
        ("continue", 3, 3),
        ("next_iteration", 3, 0),
        ("stop_user", 1, 0),
    ] {
        let line = format!("on_failure = \"{word}\"");
        let line = if word.is_empty() { "" } else { &line };
        for tables in both(line, failing) {
            let tables = format!("{tables}[[step]]\nname = \"second\"\nget = \"/plain\"\n");
            let summary = loaded("vus = 1, iterations = 3", &tables);
            let reached = &summary["scenarios"]["a"]["steps"];
            let requests = |step: &str| {
                let count = &reached[step]["metrics"]["http_reqs"]["count"];
                count.as_u64().unwrap_or(0)
            };
            assert_eq!(
                (requests("GET /status/500"), requests("second")),
                (first, second),
                "{tables}"
            );
        }
    }
}

#[test]
fn the_version_of_http_is_as_the_file_says() {
    for (version, plain, alpn) in [
        ("1.1", "GET /x HTTP/1.1\r\n", [false, true]),
        ("2", "PRI * HTTP/2.0\r\n", [true, false]),
        ("auto", "GET /x HTTP/1.1\r\n", [true, true]),
    ] {
        let line = format!("http_version = \"{version}\"");
        for tables in both(&line, GET) {
            let (text, _) = once(&server(OK), &tables);
            assert!(text.starts_with(plain), "{version}: {text}");
            // The protocols stand in the greeting as they are, each after its length.
            let server = ScriptedServer::repeat(vec![Step::WaitForClose]).unwrap();
            let target = format!("https://{}", server.address());
            run(&format!(
                "target = \"{target}\"\n{ONCE}\n{}",
                tables.replace(&line, &format!("{line}\ntimeout = \"40ms\""))
            ));
            let greeting = server.received().concat();
            let offered = [&b"\x02h2"[..], b"\x08http/1.1"]
                .map(|name| greeting.windows(name.len()).any(|part| part == name));
            // Without a protocol to choose from, HTTP/1.1 may go unsaid.
            let silent = version == "1.1" && offered == [false, false];
            assert!(silent || offered == alpn, "{version}: {offered:?}");
        }
    }
}

#[test]
fn answers_are_held_against_what_is_expected() {
    let missing = "HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\n\r\nhello";
    for (line, failed, checks) in [
        ("", 1, (0, 0)),
        ("expect = { status = 404 }", 0, (1, 1)),
        ("expect = { status = [200, \"4xx\"] }", 0, (1, 1)),
        ("expect = { status = \"200-299\" }", 1, (0, 1)),
        (
            "expect = { status = 404, body_contains = \"hell\" }",
            0,
            (2, 2),
        ),
        (
            "expect = { status = 404, body_contains = [\"hell\", \"bye\"] }",
            1,
            (2, 3),
        ),
    ] {
        for tables in both(line, GET) {
            let (_, summary) = once(&server(missing), &tables);
            assert_eq!(rate(&summary, "http_req_failed"), (failed, 1), "{tables}");
            assert_eq!(rate(&summary, "checks"), checks, "{tables}");
        }
    }
}

/// An answer that is a stream of server-sent events and ends with its connection.
pub(super) fn events(events: &[&str]) -> Vec<Step> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    let data: String = events
        .iter()
        .map(|event| format!("data: {event}\n\n"))
        .collect();
    vec![Step::write(head), Step::write(data), Step::Close]
}

pub(super) const TOKEN: &str = r#"{"choices":[{"index":0,"delta":{"content":"a"}}]}"#;
const EMPTY: &str = r#"{"choices":[{"index":0,"delta":{"content":""}}]}"#;
pub(super) const FINISH: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":7}}"#;
pub(super) const DONE: &str = "[DONE]";

/// A stream in each dialect, with its content type, and the output tokens it tells of.
pub(super) const STREAMS: [(&str, &str, &str, u64); 5] = [
    (
        "openai",
        "text/event-stream",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n\
         data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
         data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":7}}\n\n\
         data: [DONE]\n\n",
        7,
    ),
    (
        "anthropic",
        "text/event-stream",
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n\
         event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n\
         event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":8}}\n\n\
         event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        8,
    ),
    (
        "ollama",
        "application/x-ndjson",
        "{\"message\":{\"role\":\"assistant\",\"content\":\"a\"},\"done\":false}\n\
         {\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":3,\"eval_count\":9}\n",
        9,
    ),
    ("sse", "text/event-stream", "data: a\n\ndata: b\n\n", 2),
    ("ndjson", "application/x-ndjson", "{}\n{}\n{}\n", 3),
];

#[test]
fn streams_are_read_in_their_dialect() {
    for (dialect, content, body, tokens) in STREAMS {
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {content}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        for line in [
            format!("stream = \"{dialect}\""),
            format!("stream = {{ dialect = \"{dialect}\" }}"),
        ] {
            let (_, summary) = once(&server(&answer), &format!("[[step]]\n{GET}\n{line}\n"));
            assert_eq!(rate(&summary, "stream_failed"), (0, 1), "{line} {summary}");
            assert_eq!(count(&summary, "output_tokens"), tokens, "{line}");
            assert_eq!(count(&summary, "ttft"), 1, "{line}");
        }
        let (_, summary) = once(&server(&answer), &format!("[[step]]\n{GET}\n"));
        assert_eq!(
            (
                rate(&summary, "stream_failed"),
                count(&summary, "output_tokens")
            ),
            ((0, 0), 0),
            "a plain body"
        );
    }
}

#[test]
fn what_counts_as_output_is_as_the_file_says() {
    let without_text = events(&[EMPTY, FINISH, DONE]);
    for (line, kind) in [
        ("", "stream_empty"),
        (", first_token = \"output\"", "stream_empty"),
        (", first_token = \"any_delta\"", ""),
    ] {
        let tables = format!("[[step]]\n{GET}\nstream = {{ dialect = \"openai\"{line} }}\n");
        let (_, summary) = once(&playing(&without_text), &tables);
        assert_eq!(error(&summary).0, kind, "{line}");
    }
    let mixed = events(&["{\"delta\":{\"text\":\"a\"}}", "{\"other\":1}"]);
    for (line, outputs) in [("", 2), (", pointer = \"/delta/text\"", 1)] {
        let tables = format!("[[step]]\n{GET}\nstream = {{ dialect = \"sse\"{line} }}\n");
        let (_, summary) = once(&playing(&mixed), &tables);
        assert_eq!(summary["streams"]["output_events"], outputs, "{line}");
    }
}

#[test]
fn usage_is_asked_for_unless_the_file_says_no() {
    let stream = events(&[TOKEN, FINISH, USAGE, DONE]);
    for (line, asked) in [
        ("", true),
        (", include_usage = true", true),
        (", include_usage = false", false),
    ] {
        let tables = format!(
            "[[step]]\npost = \"/v1/chat/completions\"\njson = {{ stream = true }}\nstream = {{ dialect = \"openai\"{line} }}\n"
        );
        let (text, _) = once(&playing(&stream), &tables);
        assert_eq!(text.contains("\"include_usage\":true"), asked, "{text}");
    }
}

#[test]
fn silence_in_a_stream_has_its_limit() {
    let after = |outputs: &[&str]| {
        let mut silent = events(outputs);
        *silent.last_mut().unwrap() = Step::WaitForClose;
        silent
    };
    let step = format!("{GET}\nstream = \"openai\"");
    for (outputs, line, kind) in [
        (&[TOKEN][..], "timeout = \"100ms\"", "timeout"),
        (
            &[TOKEN],
            "timeout = \"2s\"\nstall = \"40ms\"",
            "stream_stalled",
        ),
        (&[], "first_token_timeout = \"40ms\"", "timeout"),
        (
            &[TOKEN],
            "stall = \"700ms\"\nfirst_token_timeout = \"400ms\"",
            "stream_stalled",
        ),
    ] {
        for tables in both(line, &step) {
            let (_, summary) = once(&playing(&after(outputs)), &tables);
            assert_eq!(error(&summary).0, kind, "{tables}");
        }
    }
}

#[test]
fn users_think_for_as_long_as_the_file_says() {
    let load = "duration = \"50ms\", graceful_stop = \"0s\"";
    for (length, thinking) in [("1h", true), ("1h..2h", true), ("1ms", false)] {
        let steps = format!("{PLAIN_STEP}[[step]]\nthink = \"{length}\"\n");
        let summary = loaded(load, &steps);
        assert_eq!(count(&summary, "iterations") == 0, thinking, "{length}");
        assert_eq!(count(&summary, "http_reqs") == 1, thinking, "{length}");
    }
}

/// The times that may be limited, and that such a stream has.
pub(super) const LIMITS: [&str; 14] = [
    "ttft",
    "ttft_service",
    "ttft_text",
    "tpot",
    "stream_duration",
    "stream_tail",
    "http_req_duration",
    "http_req_latency",
    "http_req_blocked",
    "http_req_dns",
    "http_req_connecting",
    "http_req_sending",
    "http_req_waiting",
    "http_req_receiving",
];

/// Requests that were good, and requests judged, where each part of a stream takes its time.
#[track_caller]
fn good(tables: &str) -> (u64, u64) {
    let summary = slowly(tables);
    assert_eq!(rate(&summary, "http_req_failed"), (0, 1), "{summary}");
    rate(&summary, "goodput")
}

/// The summary of a run against a stream, each part of which takes its time.
#[track_caller]
pub(super) fn slowly(tables: &str) -> Value {
    // Long enough that two parts are seldom read as one.
    let pause = || Step::Pause(Duration::from_millis(15));
    let mut steps = Vec::new();
    for part in [
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n".to_owned(),
        format!("data: {TOKEN}\n\n"),
        format!("data: {TOKEN}\n\n"),
        format!("data: {FINISH}\n\ndata: {USAGE}\n\ndata: {DONE}\n\n"),
    ] {
        steps.extend([pause(), Step::write(part)]);
    }
    let server = playing(&steps);
    // A name, so that there is something to look up.
    let target = format!("http://localhost:{}", server.address().port());
    run(&format!("target = \"{target}\"\n{ONCE}\n{tables}"))
}

#[test]
fn limits_of_the_file_tell_good_from_bad() {
    let step = format!("[[step]]\n{GET}\nstream = \"openai\"\n");
    for key in LIMITS {
        let tables = format!("{step}[slo]\n{key} = \"1ns\"\n");
        assert_eq!(good(&tables), (0, 1), "{key}");
    }
    let wide: String = LIMITS.map(|key| format!("{key} = \"1h\"\n")).concat();
    assert_eq!(good(&format!("{step}[slo]\n{wide}")), (1, 1));
    assert_eq!(good(&step), (0, 0), "nothing is limited");
    // Without TLS there is no handshake: the limit applies, and is met.
    let tls = format!("{step}[slo]\nhttp_req_tls_handshaking = \"1ns\"\n");
    assert_eq!(good(&tls), (1, 1));
}

#[test]
fn limits_of_a_step_tell_good_from_bad() {
    let step = format!("[[step]]\n{GET}\nstream = \"openai\"\n");
    for key in LIMITS {
        let tables = format!("{step}slo = {{ {key} = \"1ns\" }}\n");
        assert_eq!(good(&tables), (0, 1), "{key}");
    }
    let wide = LIMITS.map(|key| format!("{key} = \"1h\"")).join(", ");
    assert_eq!(good(&format!("{step}slo = {{ {wide} }}\n")), (1, 1));
    let own = format!("{step}slo = {{ ttft = \"1h\" }}\n[slo]\nttft = \"1ns\"\n");
    assert_eq!(good(&own), (1, 1), "the step's own wins");
}

#[test]
fn thresholds_of_the_file_decide() {
    for (line, code, judged) in [
        ("", 0, 0),
        ("http_reqs = \"count == 6\"", 0, 1),
        ("http_reqs = [\"count > 5\", \"count > 6\"]", 99, 2),
        ("\"http_reqs{step=get}\" = \"count < 6\"", 99, 1),
    ] {
        let text = format!("{PLAIN}[thresholds]\n{line}\n");
        let words = ["run", "a.toml", "--no-log", "--out", "json=out.json"];
        let played = on(Stage::new(&words).file("a.toml", &text));
        assert_eq!(played.code, code, "{line}\n{}{}", played.out, played.err);
        let told = played.json("out.json")["thresholds"]
            .as_array()
            .unwrap()
            .len();
        assert_eq!(told, judged, "{line}");
    }
}
