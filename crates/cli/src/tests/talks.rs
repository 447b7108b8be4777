//! Conversations: what each turn sends, how its figures stand apart, and the scenarios that are made of them.

use super::{keys::run, *};
use loadgen_testkit::{ScriptedServer, Step};
use std::fs;

/// A stream of one answer, as each dialect has it.
fn answer(dialect: &str, text: &str) -> String {
    let (kind, body) = match dialect {
        "openai" => (
            "text/event-stream",
            format!(
                "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n\
                 data: {{\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\ndata: [DONE]\n\n"
            ),
        ),
        "anthropic" => (
            "text/event-stream",
            format!(
                "event: message_start\ndata: {{\"type\":\"message_start\",\"message\":{{\"usage\":{{\"input_tokens\":1}}}}}}\n\n\
                 event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n\
                 event: message_delta\ndata: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"end_turn\"}},\"usage\":{{\"output_tokens\":1}}}}\n\n\
                 event: message_stop\ndata: {{\"type\":\"message_stop\"}}\n\n"
            ),
        ),
        _ => (
            "application/x-ndjson",
            format!(
                "{{\"message\":{{\"role\":\"assistant\",\"content\":\"{text}\"}},\"done\":false}}\n\
                 {{\"message\":{{\"role\":\"assistant\",\"content\":\"\"}},\"done\":true,\"done_reason\":\"stop\",\"eval_count\":1}}\n"
            ),
        ),
    };
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// A server that gives these answers on one connection.
fn server(answers: &[String]) -> ScriptedServer {
    let turns = answers
        .iter()
        .flat_map(|answer| [Step::ReadRequest, Step::write(answer.clone())]);
    ScriptedServer::start([turns.chain([Step::WaitForClose]).collect()]).unwrap()
}

/// The `messages` of every request that a server was sent, each as its role and content.
fn messages(server: &ScriptedServer) -> Vec<Vec<String>> {
    let received = String::from_utf8(server.received().concat()).unwrap();
    let bodies = received.split("\r\n\r\n").skip(1);
    let bodies = bodies.map(|body| body.split("POST /").next().unwrap());
    let message = |message: &Value| {
        let text = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
        format!("{}: {}", text("role"), text("content"))
    };
    let messages = bodies.map(|body| {
        let body: Value =
            serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"));
        body["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(message)
            .collect()
    });
    messages.collect()
}

/// A chat with these lines; `turn` is in what it says.
fn chat(dialect: &str, lines: &str) -> String {
    format!(
        "[[step]]\nname = \"chat\"\npost = \"/chat\"\nstream = \"{dialect}\"\nconversation = true\n{lines}\n\
         json = {{ model = \"m\", stream = true, messages = [{{ role = \"system\", content = \"brief\" }}, {{ role = \"user\", content = \"q{{{{ turn }}}}\" }}] }}\n"
    )
}

/// Runs these steps against a server that gives these answers; what each request said, and the summary.
#[track_caller]
fn talked(answers: &[String], iterations: u32, steps: &str) -> (Vec<Vec<String>>, Value) {
    let server = server(answers);
    let summary = run(&format!(
        "name = \"t\"\ntarget = \"{}\"\nload = {{ vus = 1, iterations = {iterations} }}\n{steps}",
        server.url("")
    ));
    (messages(&server), summary)
}

#[test]
fn each_turn_sends_what_was_said_before() {
    for dialect in ["openai", "anthropic", "ollama"] {
        let answers = ["one \\\"1\\\"", "two", "three"].map(|text| answer(dialect, text));
        let (said, summary) = talked(&answers, 1, &chat(dialect, "turns = 3"));
        let third = [
            "system: brief",
            "user: q1",
            "assistant: one \"1\"",
            "user: q2",
            "assistant: two",
            "user: q3",
        ];
        assert_eq!(said, [&third[..2], &third[..4], &third[..]], "{dialect}");
        let steps = &summary["scenarios"]["t"]["steps"];
        assert_eq!(steps["chat"]["metrics"]["http_reqs"]["count"], 3);
        assert_eq!(
            summary["metrics"]["http_reqs"]["count"], 3,
            "turns are in no sum"
        );
        for turn in 1..=3 {
            let turn = &steps[format!("chat (turn {turn})")];
            assert_eq!(turn["role"], "turn", "{summary}");
            for metric in ["http_reqs", "ttft", "stream_duration"] {
                assert_eq!(turn["metrics"][metric]["count"], 1, "{metric}");
            }
        }
    }
}

#[test]
fn a_conversation_is_as_long_as_the_file_says() {
    let many = |count: usize| vec![answer("openai", "a"); count];
    let data = "[data.talks]\nrows = [{ turns = [1, 2] }, { turns = [1, 2, 3] }]\n";
    let repeated = "[[step]]\nrepeat = 3\n".to_owned()
        + &chat("openai", "").replace("[[step]]", "[[step.step]]");
    for (steps, iterations, turns) in [
        // Without a number: once; the next iteration begins anew.
        (chat("openai", ""), 2, &[1, 1][..]),
        (chat("openai", "turns = \"2..2\""), 2, &[1, 2, 1, 2]),
        (
            format!(
                "{data}{}",
                chat("openai", "turns = \"{{ data.talks.turns | length }}\"")
            ),
            2,
            &[1, 2, 1, 2, 3],
        ),
        // A step that is done again goes on.
        (repeated, 1, &[1, 2, 3]),
        (chat("openai", "turns = 2\nrepeat = 2"), 1, &[1, 2, 3, 4]),
    ] {
        let (said, summary) = talked(&many(turns.len()), iterations, &steps);
        let numbers: Vec<usize> = said.iter().map(|said| said.len() / 2).collect();
        assert_eq!(numbers, turns, "{steps}");
        assert_eq!(summary["metrics"]["http_reqs"]["count"], turns.len());
    }
    for times in ["turns = 3", "repeat = 3"] {
        let lines = format!("{times}\nthink = \"60ms\"");
        let (said, summary) = talked(&many(3), 1, &chat("openai", &lines));
        assert_eq!(said.len(), 3, "{times}");
        let taken = summary["metrics"]["iteration_duration"]["max"]
            .as_f64()
            .unwrap();
        assert!(
            taken >= 120.0,
            "{times}: two pauses between three turns: {taken}"
        );
    }
}

#[test]
fn a_turn_that_is_not_answered_ends_the_conversation() {
    let refused = "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n".to_owned();
    let broken = "HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n".to_owned();
    let fine = || answer("openai", "a");
    let after = "[[step]]\nname = \"after\"\npost = \"/after\"\njson = { messages = [] }\nexpect = { status = [200, 500] }\n";
    for (second, expect, on_failure, requests, failed, iterations_failed) in [
        (&refused, "expect = { status = [200, 429] }", "", 3, 0, 0),
        (&broken, "", "", 3, 1, 1),
        (&broken, "", "on_failure = \"next_iteration\"", 2, 1, 1),
        (&answer("openai", ""), "", "", 3, 1, 1),
    ] {
        let lines = format!("turns = 4\n{expect}\n{on_failure}");
        let steps = chat("openai", &lines) + after;
        let answers = [fine(), second.clone(), fine()];
        let (said, summary) = talked(&answers, 1, &steps);
        assert_eq!(said.len(), requests, "{second} {on_failure}");
        let metrics = &summary["metrics"];
        assert_eq!(metrics["http_req_failed"]["hits"], failed, "{second}");
        assert_eq!(
            metrics["iterations_failed"]["count"], iterations_failed,
            "{second}"
        );
        // Told of the step, once.
        let errors = summary["errors"].as_array().unwrap();
        assert_eq!(errors.len(), failed, "{errors:?}");
        assert!(
            errors.iter().all(|error| error["step"] == "chat"),
            "{errors:?}"
        );
        let turns = &summary["scenarios"]["t"]["steps"];
        assert_eq!(turns["chat (turn 2)"]["metrics"]["http_reqs"]["count"], 1);
        assert_eq!(turns["chat (turn 3)"]["metrics"]["http_reqs"]["count"], 0);
    }
}

#[test]
fn who_presses_stop_goes_on_with_what_had_come() {
    let text = "target = \"mock\"\nname = \"t\"\nload = { vus = 1, iterations = 1 }\nmock = { ttft = \"1ms\", itl = \"5ms\", tokens = 50 }\n";
    let steps = chat("openai", "turns = 3\ncancel = { after_tokens = 4 }")
        .replace("/chat", "/v1/chat/completions");
    let summary = run(&format!("{text}{steps}"));
    assert_eq!(summary["metrics"]["cancelled"]["count"], 3);
    let turns = &summary["scenarios"]["t"]["steps"];
    assert_eq!(turns["chat (turn 3)"]["metrics"]["cancelled"]["count"], 1);
}

#[test]
fn prompts_grow_and_thresholds_look_at_turns() {
    let text = "target = \"mock\"\nname = \"t\"\nload = { executor = \"per-vu-iterations\", vus = 3, iterations = 2 }\nmock = { ttft = \"1ms\", itl = \"1ms\", tokens = 7 }\n";
    let steps = chat("openai", "turns = 12").replace("/chat", "/v1/chat/completions");
    let limits = "[thresholds]\n\"http_reqs{step=chat,turn=1}\" = \"count == 6\"\n\"http_reqs{turn=10}\" = \"count == 6\"\n\"ttft{step=chat,turn=2}\" = \"max < 60s\"\n\"http_reqs{step=chat}\" = \"count == 72\"\n";
    let words = [
        "run",
        "a.toml",
        "--no-color",
        "--no-log",
        "--out",
        "json=out.json",
    ];
    let played = on(Stage::new(&words).file("a.toml", &format!("{text}{steps}{limits}")));
    assert_eq!(played.code, 0, "{}{}", played.out, played.err);
    assert!(played.out.contains("  turn 2, chat "), "{}", played.out);
    let summary = played.json("out.json");
    let steps = &summary["scenarios"]["t"]["steps"];
    let tokens = |turn: u32| {
        let step = &steps[format!("chat (turn {turn})")];
        step["metrics"]["input_tokens"]["count"].as_u64().unwrap() / 6
    };
    for turn in 2..=10 {
        assert!(
            tokens(turn) >= tokens(turn - 1) + 7,
            "{turn}: {} {}",
            tokens(turn),
            tokens(turn - 1)
        );
    }
    // The first ten have figures of their own.
    assert_eq!(steps["chat (turn 11)"], Value::Null);
    let whole = summary["metrics"]["output_tokens"]["count"].as_u64();
    assert_eq!(whole, Some(72 * 7), "turns are in no sum");
}

#[test]
fn a_conversation_is_told() {
    let text = "target = \"mock\"\nname = \"t\"\nload = { vus = 1, iterations = 1 }\nmock = { ttft = \"1ms\", itl = \"1ms\", tokens = 2 }\n";
    let steps =
        chat("openai", "turns = 2\nthink = \"1s..2s\"").replace("/chat", "/v1/chat/completions");
    let text = format!("{text}{steps}");
    let checked = on(Stage::new(&["check", "a.toml"]).file("a.toml", &text));
    let line = "a conversation of 2 turns, 1s..2s between them";
    assert!(checked.out.contains(line), "{}", checked.out);
    let told = on(Stage::new(&["debug", "a.toml"]).file("a.toml", &text));
    assert_eq!(told.code, 0, "{}", told.out);
    for line in [
        "\n1 turn 1. chat\n",
        "\n1. think 1s..2s (not waited for)\n",
        "\n1 turn 2. chat\n",
        "{\"role\":\"assistant\",\"content\":\"",
        "\"},{\"role\":\"user\",\"content\":\"q2\"}",
    ] {
        assert!(told.out.contains(line), "{line}\n{}", told.out);
    }
    assert!(!told.out.contains("turn 3"), "{}", told.out);
}

#[test]
fn turns_that_cannot_be_told_fail_the_step() {
    let data = "[data.talks]\nrows = [{ n = 1 }, { n = \"many\" }]\n";
    let steps = chat("openai", "turns = \"{{ data.talks.n }}\"");
    let (said, summary) = talked(&[answer("openai", "a")], 2, &format!("{data}{steps}"));
    assert_eq!(said.len(), 1);
    let error = &summary["errors"][0];
    assert_eq!(
        (&error["kind"], &error["step"]),
        (&"template".into(), &"chat".into())
    );
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("which is no number of turns"), "{message}");
}

#[test]
fn answers_are_held_against_the_number_of_their_turn() {
    let expect = "turns = 3\nexpect = { body_contains = \"n{{ turn }}\" }";
    for (answers, held) in [(["n1", "n2", "n3"], 3), (["n1", "n2", "n2"], 2)] {
        let answers = answers.map(|text| answer("openai", text));
        let (said, summary) = talked(&answers, 1, &chat("openai", expect));
        assert_eq!(said.len(), 3);
        let checks = &summary["metrics"]["checks"];
        assert_eq!(
            (&checks["hits"], &checks["total"]),
            (&held.into(), &3.into())
        );
        let last = &summary["scenarios"]["t"]["steps"]["chat (turn 3)"]["metrics"];
        assert_eq!(last["http_req_failed"]["hits"], 3 - held);
    }
}

#[test]
fn a_turn_whose_template_fails_is_in_its_own_figures() {
    let data = "[data.talks]\nrows = [{ turns = [\"a\", \"b\"] }]\n";
    let steps =
        chat("openai", "turns = 4").replace("q{{ turn }}", "{{ data.talks.turns[turn - 1] }}");
    let limit = "[thresholds]\n\"http_req_failed{step=chat,turn=3}\" = \"rate < 1%\"\n";
    let answers = vec![answer("openai", "x"); 2];
    let server = server(&answers);
    let text = format!(
        "name = \"t\"\ntarget = \"{}\"\nload = {{ vus = 1, iterations = 1 }}\n{data}{steps}{limit}",
        server.url("")
    );
    let words = ["run", "a.toml", "--no-log", "--out", "json=out.json"];
    let played = on(Stage::new(&words).file("a.toml", &text));
    assert_eq!(played.code, 99, "{}{}", played.out, played.err);
    let summary = played.json("out.json");
    let steps = &summary["scenarios"]["t"]["steps"];
    let figures = |step: &str| {
        let metrics = &steps[step]["metrics"];
        let failed = &metrics["http_req_failed"];
        (failed["hits"].clone(), failed["total"].clone())
    };
    assert_eq!(figures("chat"), (1.into(), 3.into()));
    assert_eq!(figures("chat (turn 2)"), (0.into(), 1.into()));
    assert_eq!(figures("chat (turn 3)"), (1.into(), 1.into()));
    // The conversation is over.
    assert_eq!(figures("chat (turn 4)").1, 0);
    assert_eq!(summary["errors"].as_array().unwrap().len(), 1);
    assert_eq!(summary["errors"][0]["step"], "chat");
}

#[test]
fn a_repeated_conversation_is_told_turn_by_turn() {
    let mock = mock();
    let text = format!(
        "target = \"http://{}\"\nload = {{ vus = 1, iterations = 1 }}\n{}",
        mock.address(),
        chat("openai", "turns = 2\nrepeat = 2\nthink = \"1s\"")
            .replace("/chat", "/v1/chat/completions")
    );
    let told = on(Stage::new(&["debug", "a.toml"]).file("a.toml", &text));
    assert_eq!(told.code, 0, "{}", told.out);
    for turn in 1..=4 {
        assert!(
            told.out.contains(&format!("\n1 turn {turn}. chat\n")),
            "{}",
            told.out
        );
    }
    // Between any two of them.
    assert_eq!(told.out.matches("1. think 1s").count(), 3, "{}", told.out);
}

/// A scenario of the folder, with everything that takes its time shortened.
fn shortened(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../scenarios")
        .join(name);
    let text = fs::read_to_string(path).unwrap();
    let mut short = String::new();
    for line in text.lines() {
        let key = line.split('=').next().unwrap_or_default().trim();
        match key {
            "think" => short.push_str("think = \"1ms..5ms\""),
            "duration" => short.push_str("duration = \"1s\""),
            _ => short.push_str(line),
        }
        short.push('\n');
    }
    short + "\n[mock]\nttft = \"2ms\"\nitl = \"1ms\"\ntokens = 5\n"
}

/// Runs a file that has to pass; its summary.
#[track_caller]
fn passed(text: &str) -> Value {
    let words = [
        "run",
        "a.toml",
        "--no-log",
        "--seed",
        "1",
        "--out",
        "json=out.json",
    ];
    let played = on(Stage::new(&words).file("a.toml", text));
    assert_eq!(played.code, 0, "{text}\n{}{}", played.out, played.err);
    played.json("out.json")
}

#[test]
fn the_scenario_of_conversations_runs() {
    let summary = passed(&shortened("conversation.toml"));
    let steps = &summary["scenarios"]["conversation"]["steps"];
    let count = |name: &str| {
        steps[name]["metrics"]["http_reqs"]["count"]
            .as_u64()
            .unwrap()
    };
    let turns = [1, 2, 3, 4].map(|turn| count(&format!("chat (turn {turn})")));
    assert!(turns.is_sorted_by(|one, next| one > next), "{turns:?}");
    assert!(
        turns[3] > 0 && turns.iter().sum::<u64>() <= count("chat"),
        "{turns:?}"
    );
}

#[test]
fn the_scenario_of_a_chat_that_looks_things_up_runs() {
    let summary = passed(&shortened("rag-chat.toml"));
    let steps = &summary["scenarios"]["rag-chat"]["steps"];
    let count = |name: &str| {
        steps[name]["metrics"]["http_reqs"]["count"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(
        [count("admin"), count("login"), count("clear away")],
        [1, 10, 1]
    );
    for name in ["search", "chat", "feedback"] {
        assert!(count(name) > 10, "{name}: {}", count(name));
        assert_eq!(
            steps[name]["metrics"]["http_req_failed"]["hits"], 0,
            "{name}"
        );
    }
    let questions = &steps["question"]["metrics"]["group_duration"]["count"];
    assert!(questions.as_u64().unwrap() > 10, "{questions}");
}

/// Written from the reference page alone: fifty people chat in up to five turns, twenty watch dashboards, everyone logs in
/// first, and being told to wait is fine.
const WISH: &str = r#"
target = "mock"

[load]
vus = 70
duration = "2s"

[defaults]
expect = { status = [200, 429] }

[[before]]
name = "log in"
post = "/login"
json = { user = "user-{{ vu }}", password = "correct horse" }
extract = { token = "$.token" }
retry = { on = 429 }

[[scenario]]
name = "people"
weight = 50

[[scenario.step]]
name = "chat"
post = "/v1/chat/completions"
headers = { authorization = "Bearer {{ token }}" }
json = { model = "m", stream = true, messages = [{ role = "user", content = "Question {{ turn }}" }] }
stream = "openai"
conversation = true
turns = "1..5"
think = "10ms..50ms"

[[scenario]]
name = "dashboards"
weight = 20

[[scenario.step]]
name = "dashboard"
get = "/analytics"
headers = { authorization = "Bearer {{ token }}" }

[[scenario.step]]
think = "20ms..100ms"

[thresholds]
http_req_failed = "rate < 1%"
"#;

#[test]
fn what_people_do_is_said_in_a_short_file() {
    let checked = on(Stage::new(&["check", "a.toml"]).file("a.toml", WISH));
    assert_eq!(checked.code, 0, "{}", checked.err);
    let busy = "\n[mock]\nttft = \"20ms\"\nitl = \"1ms\"\ntokens = 5\nmax_concurrent = 30\n";
    let summary = passed(&format!("{WISH}{busy}"));
    let steps = |scenario: &str| summary["scenarios"][scenario]["steps"].clone();
    let count = |step: &Value| step["metrics"]["http_reqs"]["count"].as_u64().unwrap();
    let (people, dashboards) = (steps("people"), steps("dashboards"));
    assert_eq!(
        (
            people["log in"]["role"].as_str(),
            dashboards["log in"]["role"].as_str()
        ),
        (Some("before"), Some("before"))
    );
    // Who was refused at the door has come again.
    assert!(count(&people["log in"]) >= 50 && count(&dashboards["log in"]) >= 20);
    assert!(count(&people["chat"]) > 50 && count(&dashboards["dashboard"]) > 20);
    let turns: Vec<u64> = (1..=5)
        .map(|turn| count(&people[format!("chat (turn {turn})")]))
        .collect();
    assert!(
        turns.is_sorted_by(|one, next| one >= next) && turns[4] > 0,
        "{turns:?}"
    );
    assert_eq!(
        turns.iter().sum::<u64>(),
        count(&people["chat"]),
        "at most five"
    );
    assert!(
        summary["statuses"]["429"].as_u64() > Some(0),
        "{}",
        summary["statuses"]
    );
}
