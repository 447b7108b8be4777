//! What right scenarios become: what is sent, what holds, what is hidden, and where each value comes from.

use loadgen_scenario::{
    Check, Given, Lowered, Method, OnFailure, Overrides, Plan, Request, SourceText, Step, Target,
    Text, Think, load,
};
use std::{collections::HashSet, time::Duration};

const LOAD: &str = "\n[load]\nduration = \"1s\"\n";

fn lowered(text: &str, overrides: &Overrides) -> Lowered {
    let text = if text.contains("[load]") {
        text.to_owned()
    } else {
        format!("{text}{LOAD}")
    };
    load(
        SourceText {
            path: "t.toml",
            text: &text,
            stem: "t",
        },
        overrides,
    )
    .unwrap_or_else(|error| panic!("{error}"))
}

fn plan(text: &str) -> Plan {
    lowered(text, &Overrides::default()).plan
}

/// The plan of one step with these lines, sent to `http://h`.
fn step(lines: &str) -> Plan {
    plan(&format!(
        "target = \"http://h\"\n[vars]\nmodel = \"m\"\nn = 3\nwords = [\"x\", \"y\"]\n[[step]]\n{lines}\n"
    ))
}

fn request(plan: &Plan) -> &Request {
    plan.requests().next().expect("a request")
}

/// What the first request of a plan sends, as `METHOD URL | name: value; … | body`.
fn sent(plan: &Plan, vu: u64, iteration: u64) -> String {
    let scope = plan.scope(vu, 1);
    scope.begin_iteration(iteration);
    let request = request(plan);
    match request.message.render(&plan.target, &scope) {
        Ok(rendered) => {
            let headers: Vec<String> = rendered
                .headers
                .iter()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect();
            let body = String::from_utf8_lossy(&rendered.body);
            format!(
                "{} {}{} | {} | {body}",
                request.method.name(),
                rendered.origin,
                rendered.path,
                headers.join("; ")
            )
        }
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn messages_are_rendered() {
    let cases = [
        ("get = \"/\"", "GET http://h/ |  | "),
        (
            "get = \"/a b?c={x}#d\"",
            "GET http://h/a%20b?c=%7Bx%7D |  | ",
        ),
        (
            "delete = \"https://other:8443/x\"",
            "DELETE https://other:8443/x |  | ",
        ),
        (
            "get = \"http://[::1]:81?q\"",
            "GET http://[::1]:81/?q |  | ",
        ),
        (
            "head = \"/{{ vu }}/{{ iteration }}\"",
            "HEAD http://h/3/7 |  | ",
        ),
        (
            "get = \"{{ '/x' if vu > 2 else 'http://o/' }}\"",
            "GET http://h/x |  | ",
        ),
        (
            "get = \"/?a=1\"\nquery = { b = \"x y&z\", c = [1, true, \"é\"], \"d e\" = 1.5 }",
            "GET http://h/?a=1&b=x%20y%26z&c=1&c=true&c=%C3%A9&d%20e=1.5 |  | ",
        ),
        (
            "get = \"/\"\nquery = { v = \"{{ vu }}/{{ model }}\" }",
            "GET http://h/?v=3%2Fm |  | ",
        ),
        (
            "put = \"/\"\nheaders = { X-B = \"b\", x-a = 5, x-c = true }",
            "PUT http://h/ | x-b: b; x-a: 5; x-c: true | ",
        ),
        (
            "put = \"/\"\nheaders = { a = \"  {{ vu }}  \" }",
            "PUT http://h/ | a: 3 | ",
        ),
        (
            "post = \"/\"\nbody = \"a={{ model }}\"",
            "POST http://h/ |  | a=m",
        ),
        (
            "post = \"/\"\nbody = \"\"\"\nline {{ vu }}\n\"\"\"",
            "POST http://h/ |  | line 3\n",
        ),
        (
            "post = \"/\"\njson = { z = 1, a = \"b\" }",
            "POST http://h/ | content-type: application/json | {\"z\":1,\"a\":\"b\"}",
        ),
        (
            "post = \"/\"\njson = []\nheaders = { Content-Type = \"x/y\" }",
            "POST http://h/ | content-type: x/y | []",
        ),
        (
            "patch = \"/\"\njson = \"{{ vu }}\"",
            "PATCH http://h/ | content-type: application/json | 3",
        ),
        ("options = \"/\"", "OPTIONS http://h/ |  | "),
    ];
    for (lines, want) in cases {
        assert_eq!(sent(&step(lines), 3, 7), want, "{lines}");
    }
}

#[test]
fn json_keeps_types_and_escapes_texts() {
    let cases = [
        ("1", "1"),
        ("1.0", "1.0"),
        ("0x10", "16"),
        ("18446744073709551616", "18446744073709551616"),
        ("true", "true"),
        ("2024-01-01", "\"2024-01-01\""),
        ("\"a\\\"b\\nc\\u0001\"", "\"a\\\"b\\nc\\u0001\""),
        ("\"{{ n }}\"", "3"),
        ("\"{{ n }} \"", "\"3 \""),
        ("\"{{ n * 1.5 }}\"", "4.5"),
        ("\"{{ n > 2 }}\"", "true"),
        ("\"is {{ n > 2 }}\"", "\"is true\""),
        ("\"{{ none }}\"", "null"),
        ("\"<{{ none }}>\"", "\"<>\""),
        ("\"{{ words }}\"", "[\"x\",\"y\"]"),
        ("\"{{ {'a': [1]} }}\"", "{\"a\":[1]}"),
        ("\"w: {{ words }}\"", "\"w: [\\\"x\\\",\\\"y\\\"]\""),
        ("\"{{ words | tojson }}\"", "\"[\\\"x\\\",\\\"y\\\"]\""),
        ("\"{{ model }}\"", "\"m\""),
        ("\"{{ 'a<b>&c' }}\"", "\"a<b>&c\""),
        ("\"{{ '\\\"' }}{{ vu }}\"", "\"\\\"3\""),
        ("\"{{ vu }}\"", "3"),
        ("\"{{ missing | default('d') }}\"", "\"d\""),
        ("\"{{ range(3) | list }}\"", "[0,1,2]"),
        (
            "[\"{{ vu }}\", { a = \"{{ iteration }}\" }]",
            "[3,{\"a\":7}]",
        ),
        ("{}", "{}"),
        (
            "{ \"a b\" = 1, \"{{ n }}\" = 2 }",
            "{\"a b\":1,\"{{ n }}\":2}",
        ),
        ("\"{# nothing #}\"", "\"\""),
        ("\"{% if n > 1 %}yes{% endif %}\"", "\"yes\""),
        ("\"}} {\"", "\"}} {\""),
    ];
    for (value, want) in cases {
        let plan = step(&format!("post = \"/\"\njson = {{ v = {value} }}"));
        let sent = sent(&plan, 3, 7);
        let body = sent.rsplit(" | ").next().unwrap_or_default().to_owned();
        assert_eq!(body, format!("{{\"v\":{want}}}"), "{value}");
        serde_json::from_str::<serde_json::Value>(&body).expect("JSON");
    }
}

#[test]
fn usage_is_asked_for_where_streams_do_not_tell_it() {
    let added = ",\"stream_options\":{\"include_usage\":true}";
    let cases = [
        (
            "/v1/chat/completions",
            "stream = true",
            "\"openai\"",
            format!("{{\"stream\":true{added}}}"),
        ),
        (
            "/v1/completions?x",
            "stream = true",
            "\"openai\"",
            format!("{{\"stream\":true{added}}}"),
        ),
        (
            "/v1/responses",
            "stream = true",
            "\"openai\"",
            "{\"stream\":true}".to_owned(),
        ),
        (
            "/custom",
            "stream = true",
            "{ dialect = \"openai\", include_usage = true }",
            format!("{{\"stream\":true{added}}}"),
        ),
        (
            "/v1/completions",
            "stream = true",
            "{ dialect = \"openai\", include_usage = false }",
            "{\"stream\":true}".to_owned(),
        ),
        (
            "/v1/completions",
            "stream = false",
            "\"openai\"",
            "{\"stream\":false}".to_owned(),
        ),
        (
            "/v1/completions",
            "stream = true",
            "\"anthropic\"",
            "{\"stream\":true}".to_owned(),
        ),
        (
            "/v1/completions",
            "stream = true, stream_options = { include_usage = false }",
            "\"openai\"",
            "{\"stream\":true,\"stream_options\":{\"include_usage\":false}}".to_owned(),
        ),
        (
            "/v1/completions",
            "stream = true, stream_options = { a = 1 }",
            "\"openai\"",
            "{\"stream\":true,\"stream_options\":{\"include_usage\":true,\"a\":1}}".to_owned(),
        ),
    ];
    for (path, json, stream, want) in cases {
        let plan = step(&format!(
            "post = \"{path}\"\njson = {{ {json} }}\nstream = {stream}"
        ));
        assert!(
            sent(&plan, 1, 0).ends_with(&format!("| {want}")),
            "{path} {json} {stream}: {}",
            sent(&plan, 1, 0)
        );
    }
    let text =
        step("post = \"/v1/chat/completions\"\nbody = '{ \"stream\": true }'\nstream = \"openai\"");
    assert!(
        sent(&text, 1, 0)
            .ends_with("| {\"stream_options\":{\"include_usage\":true}, \"stream\": true }")
    );
    let other = step(
        "post = \"/v1/chat/completions\"\nbody = '{ \"stream\": false }'\nstream = \"openai\"",
    );
    assert!(sent(&other, 1, 0).ends_with("| { \"stream\": false }"));
}

#[test]
fn defaults_and_names_are_filled_in() {
    let plan = plan(
        "target = \"http://h\"\n[defaults]\ntimeout = { total = \"5s\", idle = \"1s\" }\nheaders = { a = \"1\", b = \"2\" }\n\
         on_failure = \"stop_user\"\nexpect = { status = 200 }\nstall = \"9s\"\n\
         [[step]]\npost = \"/v1/{{ 1 + 1 }}\"\nheaders = { B = \"3\", c = \"4\" }\ntimeout = \"7s\"\nstream = \"sse\"\n\
         [[step]]\nname = \"n\"\nget = \"/\"\nexpect = { status = [\"2xx\", 404], body_contains = \"x\" }\n\
         [[step]]\nthink = \"2s\"\n[[step]]\nthink = \"1s..1m30s\"\n",
    );
    let requests: Vec<&Request> = plan.requests().collect();
    let [first, second] = requests.as_slice() else {
        panic!("{requests:?}")
    };
    assert_eq!(
        (first.name.as_str(), first.method),
        ("POST /v1/{{ 1 + 1 }}", Method::Post)
    );
    assert_eq!(
        sent(&plan, 1, 0),
        "POST http://h/v1/2 | a: 1; b: 3; c: 4 | "
    );
    let second_of = Duration::from_secs;
    assert_eq!(
        (first.timeouts.total, first.timeouts.connect),
        (second_of(7), second_of(10))
    );
    assert_eq!(
        (first.timeouts.idle, first.timeouts.first_byte),
        (Some(second_of(1)), None)
    );
    assert_eq!(
        first.stream.as_ref().and_then(|stream| stream.stall),
        Some(second_of(9))
    );
    assert_eq!(
        (
            first.expect.statuses.as_slice(),
            first.expect.status_is_check
        ),
        (&[(200, 200)][..], true)
    );
    assert_eq!(first.on_failure, OnFailure::StopUser);
    assert_eq!((second.index.0, second.timeouts.total), (1, second_of(5)));
    assert_eq!(second.expect.statuses, [(200, 299), (404, 404)]);
    assert_eq!(
        second.expect.checks,
        [Check::BodyContains(Text::Fixed("x".to_owned()))]
    );
    let pauses: Vec<Think> = plan.scenarios[0]
        .flow
        .iter()
        .filter_map(|step| {
            if let Step::Think(think) = step {
                Some(*think)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(
        pauses,
        [
            Think {
                min: second_of(2),
                max: second_of(2)
            },
            Think {
                min: second_of(1),
                max: second_of(90)
            }
        ]
    );
    let bare = step("get = \"/\"");
    assert_eq!(
        (
            request(&bare).expect.statuses.as_slice(),
            request(&bare).expect.status_is_check
        ),
        (&[(200, 399)][..], false)
    );
    assert_eq!(request(&bare).timeouts.total, second_of(60));
}

#[test]
fn constant_messages_are_rendered_once() {
    let cases = [
        ("get = \"/{{ model }}\"", true),
        (
            "get = \"/\"\nheaders = { a = \"{{ env.HOME | default('x') }}\" }",
            true,
        ),
        ("get = \"/\"\nquery = { a = \"{{ words | join }}\" }", true),
        ("post = \"/\"\njson = { a = \"{{ words }}\" }", true),
        ("get = \"/{{ vu }}\"", false),
        ("get = \"/{{ 'a' if iteration > 5 else 'b' }}\"", false),
        ("get = \"/\"\nheaders = { a = \"{{ uuid() }}\" }", false),
        ("get = \"/\"\nquery = { a = \"{{ unique() }}\" }", false),
        (
            "post = \"/\"\njson = { a = [\"{{ random_choice(words) }}\"] }",
            false,
        ),
        ("post = \"/\"\nbody = \"{{ random_int(1, 2) }}\"", false),
    ];
    for (lines, fixed) in cases {
        let plan = step(lines);
        assert_eq!(request(&plan).message.fixed.is_some(), fixed, "{lines}");
        assert_eq!(request(&plan).message.is_constant(), fixed, "{lines}");
    }
}

#[test]
fn the_target_can_be_filled_in_later() {
    let mut plan = plan(
        "target = \"mock\"\n[[step]]\nget = \"/x\"\n[[step]]\nget = \"/{{ vu }}\"\n[[step]]\nget = \"http://o/y\"\n",
    );
    assert_eq!(plan.target, Target::Mock);
    assert_eq!(
        sent(&plan, 1, 0),
        "error: failed to render the path: a path needs a target".replace("failed to ", "")
    );
    let fixed = |plan: &Plan| -> Vec<String> {
        let fixed = plan
            .requests()
            .map(|request| request.message.fixed.as_ref());
        fixed
            .map(|fixed| {
                fixed.map_or_else(String::new, |fixed| {
                    format!("{}{}", fixed.origin, fixed.path)
                })
            })
            .collect()
    };
    assert_eq!(fixed(&plan), ["", "", "http://o/y"]);
    plan.retarget(Target::parse("http://127.0.0.1:4567/api/").expect("a URL"));
    assert_eq!(
        fixed(&plan),
        ["http://127.0.0.1:4567/api/x", "", "http://o/y"]
    );
    assert_eq!(sent(&plan, 1, 0), "GET http://127.0.0.1:4567/api/x |  | ");
}

#[test]
fn randomness_follows_from_the_seed_alone() {
    let plan = step(
        "post = \"/\"\nbody = \"{{ random_int(1, 1000000) }} {{ random_float(0, 1) }} {{ random_choice(range(9) | list) }} \
         {{ random_string(8) }} {{ uuid() }}\"",
    );
    let one = |vu, seed, iteration| {
        let scope = plan.scope(vu, seed);
        scope.begin_iteration(iteration);
        let rendered = request(&plan)
            .message
            .render(&plan.target, &scope)
            .expect("renders");
        String::from_utf8_lossy(&rendered.body).into_owned()
    };
    assert_eq!(one(1, 7, 0), one(1, 7, 0));
    let different: HashSet<String> = [
        one(1, 7, 0),
        one(2, 7, 0),
        one(1, 8, 0),
        one(1, 7, 1),
        one(7, 1, 0),
    ]
    .into_iter()
    .collect();
    assert_eq!(different.len(), 5);
    let text = one(1, 7, 0);
    let uuid = text.rsplit(' ').next().unwrap_or_default();
    let shape: String = uuid
        .chars()
        .map(|c| if c.is_ascii_hexdigit() { 'x' } else { c })
        .collect();
    assert_eq!(shape, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
    assert_eq!(&uuid[14..15], "4");
    assert!(["8", "9", "a", "b"].contains(&&uuid[19..20]), "{uuid}");
}

#[test]
fn random_numbers_keep_their_bounds() {
    let plan = step(
        "post = \"/\"\nbody = \"{{ random_int(-1, 1) }} {{ random_float(2, 3) }} {{ random_string(3) }}\"",
    );
    let mut seen = HashSet::new();
    let scope = plan.scope(1, 1);
    for _ in 0..200 {
        let rendered = request(&plan)
            .message
            .render(&plan.target, &scope)
            .expect("renders");
        let text = String::from_utf8_lossy(&rendered.body).into_owned();
        let parts: Vec<&str> = text.split(' ').collect();
        let [int, float, string] = parts.as_slice() else {
            panic!("{text}")
        };
        seen.insert((*int).to_owned());
        assert!(
            (2.0..3.0).contains(&float.parse::<f64>().expect("a number")),
            "{text}"
        );
        assert!(
            string.len() == 3 && string.chars().all(|c| c.is_ascii_alphanumeric()),
            "{text}"
        );
    }
    assert_eq!(seen, HashSet::from(["-1", "0", "1"].map(str::to_owned)));
}

#[test]
fn unique_values_are_unique_in_the_run() {
    let plan = step("post = \"/\"\nbody = \"{{ unique() }}\"");
    let mut seen = HashSet::new();
    for vu in 1..=50 {
        let scope = plan.scope(vu, 1);
        for iteration in [0, 1, 1, 2] {
            scope.begin_iteration(iteration);
            for _ in 0..10 {
                let rendered = request(&plan)
                    .message
                    .render(&plan.target, &scope)
                    .expect("renders");
                assert!(seen.insert(rendered.body.to_vec()));
            }
        }
    }
    assert_eq!(seen.len(), 50 * 4 * 10);
}

#[test]
fn what_cannot_be_sent_is_an_error_of_the_request() {
    let cases = [
        (
            "get = \"/\"\nheaders = { a = \"{{ 'x' if vu == 1 else '\\\\n' }}\" }",
            "render the header a: a header cannot hold \\n",
        ),
        (
            "get = \"{{ '/' if vu == 1 else 'x' }}\"",
            "render the path: a URL without `http://` or `https://`",
        ),
        (
            "get = \"/{{ 'x' if vu == 1 else nope }}\"",
            "render the path: `nope` is undefined",
        ),
        (
            "post = \"/\"\njson = { a = \"{{ 1 if vu == 1 else 1 / 0 }}\" }",
            "render the body: unable to calculate 1 / 0",
        ),
        (
            "get = \"/\"\nquery = { q = \"{{ 'x' if vu == 1 else nope.a }}\" }",
            "render the query's q: `nope` is undefined",
        ),
    ];
    for (lines, want) in cases {
        let plan = step(lines);
        assert!(!sent(&plan, 1, 0).starts_with("error"), "{lines}");
        assert_eq!(sent(&plan, 2, 0), format!("error: {want}"), "{lines}");
    }
}

#[test]
fn secrets_are_hidden() {
    let environment = vec![
        ("API_KEY".to_owned(), "key-12345".to_owned()),
        ("MODEL".to_owned(), "gpt-9".to_owned()),
        ("OTHER_TOKEN".to_owned(), "unused-9".to_owned()),
        ("PLAIN".to_owned(), "plain-in-header".to_owned()),
    ];
    let overrides = Overrides {
        environment,
        variables: vec![Given::new("PASSWORD=p w/d", "-e")],
        ..Overrides::default()
    };
    let text = "target = \"http://h\"\n[vars]\ntokens = [\"tok-1111\", \"tok-2222\"]\nmodel = \"gpt-9\"\n\
        [[step]]\npost = \"/{{ env.MODEL }}?k={{ env.API_KEY }}\"\n\
        headers = { authorization = \"Bearer {{ random_choice(tokens) }}\", cookie = \"sid=literal-1\", x-api-key = \"{{ env.PLAIN }}\" }\n\
        json = { password = \"{{ env.PASSWORD }}\", secret = \"in-json\", model = \"{{ model }}\" }\n\
        query = { token = \"in-query\" }\n";
    let lowered = lowered(text, &overrides);
    let plan = &lowered.plan;
    let hidden = [
        "key-12345",
        "tok-1111",
        "tok-2222",
        "sid=literal-1",
        "plain-in-header",
        "p w/d",
        "p%20w%2Fd",
        "in-json",
        "in-query",
    ];
    for secret in hidden {
        assert_eq!(plan.mask(&format!("<{secret}>")), "<***>", "{secret}");
        assert!(!plan.canonical.contains(secret), "{secret}");
        assert!(!plan.describe(1).contains(secret), "{secret}");
        assert!(
            !format!("{:?}", lowered.explained).contains(secret),
            "{secret}"
        );
    }
    for open in ["gpt-9", "unused-9", "Bearer"] {
        assert_eq!(plan.mask(open), open);
    }
    assert_eq!(
        plan.mask(&sent(plan, 1, 0)).matches("***").count(),
        7,
        "{}",
        plan.mask(&sent(plan, 1, 0))
    );
}

#[test]
fn secrets_are_hidden_by_their_names_in_texts() {
    for lines in [
        "get = \"/x?api_key=hidden-1&z=open-1\"",
        "get = \"http://h/x?z=open-1&token=hidden-1\"",
        "post = \"/x\"\nbody = '{\"password\": \"hidden-1\", \"a\": \"open-1\"}'",
        "post = \"/x\"\nbody = '[{\"auth\": {\"user\": [\"hidden-1\"]}}, \"open-1\"]'",
        "post = \"/x\"\nbody = \"user=open-1&password=hidden-1\"",
    ] {
        let plan = step(lines);
        assert_eq!(plan.mask("<hidden-1>"), "<***>", "{lines}");
        assert_eq!(plan.mask("<open-1>"), "<open-1>", "{lines}");
        assert!(!plan.canonical.contains("hidden-1"), "{}", plan.canonical);
        assert!(!plan.describe(1).contains("hidden-1"), "{lines}");
        assert!(!request(&plan).name.contains("hidden-1"), "{lines}");
        assert!(sent(&plan, 1, 0).contains("hidden-1"), "{lines}");
    }
    let plan = step("get = \"/x?z=1&token={{ vu }}&key=hidden-1\"");
    assert_eq!(request(&plan).name, "GET /x?z=1&token={{ vu }}&key=***");
    // Prose is no form.
    let plan = step("post = \"/x\"\nbody = \"What is a key=value pair & why?\"");
    assert_eq!(plan.mask("value pair"), "value pair");
}

#[test]
fn long_bodies_stand_in_the_plan_by_their_hash() {
    let with = |body: &str| step(&format!("post = \"/x\"\n{body}"));
    for (length, whole) in [(64 << 10, true), ((64 << 10) + 1, false)] {
        let texts = ["a", "b"].map(|letter| with(&format!("body = '{}'", letter.repeat(length))));
        assert_ne!(texts[0].hash, texts[1].hash);
        assert_eq!(texts[0].canonical.len() > length, whole);
    }
    let tables = ["a", "b"].map(|letter| {
        let long = letter.repeat(70_000);
        with(&format!("json = {{ x = \"{long}\", y = 1 }}"))
    });
    let turned = with(&format!(
        "json = {{ y = 1, x = \"{}\" }}",
        "a".repeat(70_000)
    ));
    assert_ne!(tables[0].hash, tables[1].hash);
    assert_eq!(tables[0].hash, turned.hash);
    assert!(tables[0].canonical.len() < 2_000);
}

#[test]
fn equal_plans_have_equal_hashes() {
    let base = "target = \"http://h\"\n[load]\nvus = 5\nduration = \"60s\"\n[defaults]\nheaders = { a = \"1\", b = \"2\" }\n\
        [[step]]\npost = \"/x\"\njson = { a = 1, b = \"{{ vu }}\" }\nname = \"s\"\nheaders = { authorization = \"Bearer aaaa\" }\n";
    let hash = |text: &str| lowered(text, &Overrides::default()).plan.hash;
    let same = [
        ("60s", "1m"),
        ("60s", "60s\"\nwarm_up = \"0s\"\nstart_after = \"0s"),
        ("http://h", "https://other/"),
        ("{ a = \"1\", b = \"2\" }", "{ b = \"2\", A = \"1\" }"),
        ("{ a = 1, b = \"{{ vu }}\" }", "{ b = \"{{ vu }}\", a = 1 }"),
        ("aaaa", "bbbb"),
        (
            "[load]",
            "# a comment\n[thresholds]\nhttp_reqs = \"count > 1\"\n[mock]\nttft = \"1s\"\n[load]",
        ),
        ("target", "name = \"other\"\ntarget"),
        ("vus = 5", "graceful_stop = \"30s\"\nvus = 5"),
    ];
    for (from, to) in same {
        assert!(base.contains(from));
        assert_eq!(
            hash(&base.replacen(from, to, 1)),
            hash(base),
            "{from} → {to}"
        );
    }
    let different = [
        ("60s", "61s"),
        ("vus = 5", "vus = 6"),
        ("vus = 5\nduration", "rate = 5\nduration"),
        ("vus = 5", "vus = 5\nwarm_up = \"1s\""),
        ("vus = 5", "vus = 5\nstart_after = \"1s\""),
        ("a = \"1\"", "a = \"9\""),
        ("{ a = 1,", "{ a = 1.0,"),
        ("\"{{ vu }}\"", "\"{{ iteration }}\""),
        ("\"/x\"", "\"/y\""),
        ("post", "put"),
        ("name = \"s\"", "name = \"t\""),
        ("[load]", "[slo]\nhttp_req_duration = \"1s\"\n[load]"),
        ("[load]", "[vars]\na = 1\n[load]"),
    ];
    for (from, to) in different {
        assert!(base.contains(from));
        assert_ne!(
            hash(&base.replacen(from, to, 1)),
            hash(base),
            "{from} → {to}"
        );
    }
    assert_eq!(hash(base).len(), 64);
}

#[test]
fn the_command_line_wins_and_all_is_explained() {
    let text = "name = \"n\"\ntarget = \"http://file\"\n[load]\nvus = 5\nduration = \"1m\"\n[[step]]\nget = \"/\"\n";
    let overrides = Overrides {
        target: Some(Given::new("http://line", "--target")),
        vus: Some(Given::new("7", "LOADGEN_VUS")),
        thresholds: vec![Given::new("http_reqs: count > 5", "--threshold")],
        ..Overrides::default()
    };
    let lowered = lowered(text, &overrides);
    assert_eq!(lowered.plan.target.to_string(), "http://line");
    assert_eq!(lowered.plan.thresholds.len(), 1);
    let explained: Vec<String> = lowered
        .explained
        .iter()
        .map(|one| format!("{} = {} ({})", one.key, one.value, one.from))
        .collect();
    for want in [
        "name = n (line 1)",
        "target = http://line (--target)",
        "load.executor = constant-vus (default)",
        "load.vus = 7 (LOADGEN_VUS)",
        "load.duration = 1m (line 5)",
        "load.graceful_stop = 30s (default)",
        "defaults.timeout.total = 1m (default)",
        "thresholds.http_reqs = count > 5 (--threshold)",
    ] {
        assert!(
            explained.iter().any(|one| one == want),
            "{want}: {explained:#?}"
        );
    }
}

#[test]
fn limits_go_to_the_steps_that_can_have_them() {
    let plan = plan(
        "target = \"http://h\"\n[slo]\nttft = \"2s\"\nhttp_req_latency = \"9s\"\ntpot = \"50ms\"\n\
         [thresholds]\n\"http_req_duration{status=500}\" = \"p95 < 2s\"\n\
         [[step]]\nname = \"a\"\npost = \"/\"\nstream = \"openai\"\nslo = { ttft = \"1s\" }\n\
         [[step]]\nname = \"b\"\nget = \"/\"\n[[step]]\nname = \"c\"\nget = \"/\"\nstream = \"sse\"\n",
    );
    let layout = plan.layout();
    let limits: Vec<String> = layout
        .steps
        .iter()
        .map(|step| {
            let limits: Vec<String> = step
                .slo
                .iter()
                .map(|limit| format!("{} {:?}", limit.trend.name(), limit.limit))
                .collect();
            format!("{} {}: {}", step.name, step.stream, limits.join(", "))
        })
        .collect();
    assert_eq!(
        limits,
        [
            "a true: ttft 1s, http_req_latency 9s, tpot 50ms",
            "b false: http_req_latency 9s",
            "c true: ttft 2s, http_req_latency 9s",
        ]
    );
    assert_eq!(
        (
            layout.scenarios.len(),
            layout.scenarios[0].steps.clone(),
            layout.selected.len()
        ),
        (1, 0..3, 1)
    );
}

#[test]
fn needs_grow_with_users_steps_and_origins() {
    let with = |vus: u32, more: &str| {
        plan(&format!(
            "target = \"http://h\"\n[load]\nvus = {vus}\nduration = \"1s\"\n[[step]]\nget = \"/\"\n{more}"
        ))
    };
    let (one, many) = (with(1, "").needs(1), with(1000, "").needs(1));
    assert!(many.memory > one.memory && many.files == one.files + 999);
    let second_origin = with(1000, "[[step]]\nget = \"http://other/\"\n").needs(1);
    assert_eq!(second_origin.files, many.files + 1000);
    assert!(with(1000, "").needs(4).memory > many.memory);
    assert!(with(1, "").describe(1).contains("1 user, each"));
}

#[test]
fn a_hundred_thresholds_change_nothing_that_a_request_meets() {
    // Requests are recorded by the layout alone: who records knows of no threshold.
    let with = |thresholds: &str| {
        plan(&format!(
            "target = \"http://h\"\n[load]\nvus = 1\nduration = \"1m\"\n[[step]]\nget = \"/\"\n[thresholds]\n{thresholds}"
        ))
    };
    let metrics = [
        "http_req_duration",
        "http_req_latency",
        "iteration_duration",
        "schedule_lag",
    ];
    let hundred: String = metrics
        .iter()
        .map(|metric| {
            let limits: Vec<String> = (0..25)
                .map(|n| {
                    format!(
                        "\"p{} < {}s{}\"",
                        50 + n,
                        100 - n,
                        ["", " for 10s", " abort"][n % 3]
                    )
                })
                .collect();
            format!("{metric} = [{}]\n", limits.join(", "))
        })
        .collect();
    let (none, hundred) = (with(""), with(&hundred));
    assert_eq!((none.thresholds.len(), hundred.thresholds.len()), (0, 100));
    assert_eq!(none.layout(), hundred.layout());
    // One that selects by status has a recorder of its own.
    let one = with("\"http_req_duration{status=200}\" = \"p95 < 1s\"\n");
    assert_eq!(one.layout().selected.len(), 1);
}

#[test]
fn who_users_are_is_rendered_once_where_it_never_changes() {
    for (auth, fixed, asks) in [
        ("{ bearer = \"tok-1\" }", true, 0),
        (
            "{ basic = { user = \"ann\", password = \"pw-1\" } }",
            true,
            0,
        ),
        ("{ header = { x-key = \"key-1\" } }", true, 0),
        ("{ bearer = \"tok-{{ vu }}\" }", false, 0),
        ("{ token_command = \"token\" }", false, 1),
        ("\"none\"", true, 0),
    ] {
        let plan = step(&format!("get = \"/\"\nauth = {auth}"));
        assert_eq!(request(&plan).message.fixed.is_some(), fixed, "{auth}");
        assert_eq!(plan.token_asks().len(), asks, "{auth}");
    }
    // What is fetched for nobody is not fetched, and what is fetched in the same way is fetched once.
    let lines = "get = \"/a\"\nauth = { token_command = \"one\" }\n[[step]]\nget = \"/b\"\n\
        auth = { token_command = \"one\", in_header = \"x-key\" }\n[[step]]\nget = \"/c\"\n\
        auth = { token_command = \"one\", refresh = \"5m\" }\n[defaults]\nauth = { token_command = \"two\" }";
    let plan = step(lines);
    let asks = plan.token_asks();
    assert_eq!((asks.len(), plan.credentials.len()), (2, 3));
}

/// What each request of a plan says in `authorization`, by the names of their steps; or why it cannot be rendered.
fn said(plan: &Plan) -> Vec<String> {
    let scope = plan.scope(1, 1);
    let said = |request: &Request| match request.message.render(&plan.target, &scope) {
        Ok(rendered) => rendered.field("authorization").unwrap_or("-").to_owned(),
        Err(error) => error.reason,
    };
    let told = |request: &Request| format!("{}: {}", request.name, said(request));
    plan.requests().map(told).collect()
}

/// A user who asks for something, logs in, and asks for more.
const LOGIN: &str = "[[before]]\nname = \"look\"\nget = \"/\"\n\
    [[before]]\nname = \"login\"\npost = \"/login\"\nextract = { token = \"$.token\" }\n\
    [[before]]\nname = \"me\"\nget = \"/me\"\n\
    [[step]]\nname = \"x\"\nget = \"/x\"\n";

#[test]
fn what_is_inherited_is_sent_once_its_values_are_known() {
    let needs = "`token` is undefined";
    let check = |tables: &str, expected: &[(&str, &str)]| {
        let plan = plan(&format!("target = \"http://h\"\n{tables}"));
        let expected = expected.iter();
        let expected: Vec<String> = expected
            .map(|(name, said)| format!("{name}: {said}"))
            .collect();
        assert_eq!(said(&plan), expected, "{tables}");
        plan
    };
    let after_login = [("x", needs), ("look", "-"), ("login", "-"), ("me", needs)];
    for line in [
        "auth = { bearer = \"{{ token }}\" }",
        "auth = { basic = { user = \"ann\", password = \"{{ token }}\" } }",
        "auth = { header = { Authorization = \"{{ token }}\" } }",
        "headers = { authorization = \"Bearer {{ token }}\", x-other = \"1\" }",
    ] {
        let plan = check(&format!("{LOGIN}[defaults]\n{line}\n"), &after_login);
        let told = plan.describe(1);
        let yet = match line.starts_with("auth") {
            true => "no `auth` yet: `token` is not known",
            false => "no header `authorization` yet: `token` is not known",
        };
        assert_eq!(told.matches(yet).count(), 2, "{told}");
    }
    let steps = LOGIN.replace("[[step]]", "[[scenario.step]]");
    let of_scenario = steps.replacen(
        "[[scenario.step]]",
        "[[scenario]]\nname = \"s\"\nauth = { bearer = \"{{ token }}\" }\n[[scenario.step]]",
        1,
    );
    check(&of_scenario, &after_login);
    let bearer = "[defaults]\nauth = { bearer = \"{{ token }}\" }\n";
    // What the setup takes out of answers all know after it; who says something else inherits nothing.
    let of_run = LOGIN.replace("[[before]]", "[[setup]]");
    let last = "[[teardown]]\nname = \"end\"\nget = \"/\"\n";
    let expected = [
        ("look", "-"),
        ("login", "-"),
        ("me", needs),
        ("x", needs),
        ("end", needs),
    ];
    check(&format!("{of_run}{last}{bearer}"), &expected);
    let none = format!("{LOGIN}auth = \"none\"\n{last}auth = {{ bearer = \"tok\" }}\n{bearer}");
    let expected = [
        ("x", "-"),
        ("look", "-"),
        ("login", "-"),
        ("me", needs),
        ("end", "Bearer tok"),
    ];
    check(&none, &expected);
    // Where it has something to say until then, it says that.
    for (vars, bearer) in [
        ("", "{{ token | default('guest') }}"),
        ("[vars]\ntoken = \"guest\"\n", "{{ token }}"),
    ] {
        let line = format!("[defaults]\nauth = {{ bearer = \"{bearer}\" }}\n");
        let all = ["x", "look", "login", "me"].map(|name| (name, "Bearer guest"));
        let plan = check(&format!("{vars}{LOGIN}{line}"), &all);
        let fixed: Vec<bool> = plan
            .requests()
            .map(|one| one.message.fixed.is_some())
            .collect();
        assert_eq!(fixed, [false, true, true, false], "{bearer}");
    }
    // Steps at once do not know what the others take out of answers.
    let at_once = LOGIN.replace(
        "name = \"look\"\nget = \"/\"",
        "parallel = [{ name = \"a\", get = \"/a\" }]",
    );
    let expected = [("x", needs), ("a", "-"), ("login", "-"), ("me", needs)];
    check(&format!("{at_once}{bearer}"), &expected);
}

#[test]
fn an_inherited_auth_is_for_the_target_alone() {
    let told = "no inherited `auth`, which the target alone is told";
    for (target, place, inherited, is_told) in [
        ("http://h", "/x", true, false),
        ("http://h", "http://h/x", true, false),
        ("http://h", "http://h:80/x", true, false),
        ("http://h", "https://h/x", false, true),
        ("http://h", "http://h:81/x", false, true),
        ("http://h", "http://other/x", false, true),
        ("http://h", "{{ '/x' if vu else 'http://o/' }}", true, false),
        (
            "http://h",
            "{{ 'http://o/' if vu else '/x' }}",
            false,
            false,
        ),
        // Without one, it is for whoever the file names.
        ("", "http://other/x", true, false),
        ("", "http://other/{{ vu }}", true, false),
        ("", "http://h{{ vu }}/x", true, false),
    ] {
        let target = match target {
            "" => String::new(),
            target => format!("target = \"{target}\"\n"),
        };
        let step = format!("[[step]]\nname = \"s\"\nget = \"{place}\"\n");
        let auth = "auth = { bearer = \"tok\" }\n";
        for (text, goes) in [
            (format!("{target}{step}[defaults]\n{auth}"), inherited),
            (format!("{target}{step}{auth}"), true),
            (
                format!(
                    "{target}{step}headers = {{ authorization = \"Bearer tok\" }}\n[defaults]\n{auth}"
                ),
                true,
            ),
        ] {
            let plan = plan(&text);
            let expected = if goes { "s: Bearer tok" } else { "s: -" };
            assert_eq!(said(&plan), [expected], "{text}");
            let own = !text.contains("[defaults]");
            let tells = plan.describe(1).contains(told);
            assert_eq!(
                tells,
                is_told && !own && !text.contains("headers"),
                "{text}"
            );
        }
        // Nor is a token fetched that nobody is told.
        let token = "auth = { token_command = \"token\" }\n";
        let asks = plan(&format!("{target}{step}[defaults]\n{token}")).token_asks();
        assert_eq!(asks.len(), usize::from(!is_told), "{place}");
    }
}

#[test]
fn what_says_who_a_user_is_stands_nowhere() {
    // Neither its name nor its length tells that it is a secret.
    for auth in [
        "auth = { header = { x-pin = \"482913\" } }",
        "auth = { header = { x-pin = \"{{ 482913 }}\" } }",
    ] {
        let plan = step(&format!("get = \"/\"\n{auth}"));
        assert!(!plan.canonical.contains("482913"), "{}", plan.canonical);
        assert!(
            plan.canonical.contains(r#""x-pin":"***""#),
            "{}",
            plan.canonical
        );
        let message = &request(&plan).message;
        let rendered = message.render(&plan.target, &plan.scope(1, 1)).unwrap();
        assert_eq!(rendered.secrets(&message.of_one_origin), ["482913"]);
    }
    let plan = step("get = \"/\"\nauth = { basic = { user = \"{{ vu }}\", password = \"p\" } }");
    let message = &request(&plan).message;
    let rendered = message.render(&plan.target, &plan.scope(1, 1)).unwrap();
    assert_eq!(rendered.field("authorization"), Some("Basic MTpw"));
    assert_eq!(rendered.secrets(&message.of_one_origin), ["MTpw"]);
}

#[test]
fn tokens_are_asked_for_only_where_they_are_sent() {
    let text = "target = \"http://h\"\n\
        [[setup]]\nget = \"/setup\"\nauth = { token_command = \"of-setup\" }\n\
        [[scenario]]\nname = \"a\"\nstep = [{ get = \"/a\" }]\nauth = { token_command = \"of-a\" }\n\
        [[scenario]]\nname = \"b\"\nstep = [{ get = \"/b\" }]\nauth = { token_command = \"of-b\" }\n";
    let plan = plan(text);
    let asks = |scenarios| plan.token_asks_of(scenarios).len();
    assert_eq!(
        (asks(0..2), asks(0..1), asks(1..2), asks(0..0)),
        (3, 2, 2, 1)
    );
    assert_eq!(plan.token_asks().len(), 3);
}

#[test]
fn bodies_and_what_comes_before_are_in_what_a_plan_takes() {
    const MIB: u64 = 1 << 20;
    let needs = |steps: &str, workers| {
        let text =
            format!("target = \"http://h\"\nload = {{ vus = 3, duration = \"1s\" }}\n{steps}");
        let source = SourceText {
            path: "t.toml",
            text: &text,
            stem: "t",
        };
        let mut overrides = Overrides::default();
        let file = vec![b'x'; 10 << 20];
        overrides.files.insert("big".to_owned(), Ok(file));
        let lowered = load(source, &overrides).unwrap_or_else(|problems| panic!("{problems}"));
        lowered.plan.needs(workers)
    };
    let get = "[[step]]\nget = \"/\"\n";
    let post = "[[step]]\npost = \"/\"\nbody_file = \"big\"\n";
    let token = "headers = { authorization = \"Bearer {{ vu }}\" }\n";
    // (steps, workers, MiB more than a request without a body takes)
    let cases = [
        // The file, the message, and what each worker sends.
        (post.to_owned(), 1, 30),
        (post.to_owned(), 8, 100),
        // The file, and what each user sends.
        (format!("{post}{token}"), 8, 40),
        (format!("{post}{token}compress = \"gzip\"\n"), 8, 10),
    ];
    for (steps, workers, more) in cases {
        let grown = needs(&steps, workers).memory - needs(get, workers).memory;
        assert!(
            (more * MIB..=more * MIB + MIB / 2).contains(&grown),
            "{steps}: {grown}"
        );
    }
    let before = "[[before]]\nparallel = [{ post = \"http://auth/\" }, { get = \"/b\" }]\n";
    let (plain, prepared) = (needs(get, 1), needs(&format!("{before}{get}"), 1));
    assert_eq!(prepared.files - plain.files, 3 * (2 * 2 - 1));
}

#[test]
fn what_a_step_does_in_trouble_is_described() {
    let cases = [
        (
            "retry = { on = [429, \"5xx\", \"reset\"], max = 2 }",
            "tried again up to 2 times after 429, 5xx, reset",
        ),
        ("redirects = 0", "follows no redirection"),
        ("redirects = 3", "follows up to 3 redirections"),
        ("body = \"b\"\ncompress = \"gzip\"", "compressed with gzip"),
        ("stream = \"openai\"\nstall = \"5s\"", "stall 5s"),
        (
            "stream = \"openai\"\nfirst_token_timeout = \"2s\"",
            "first token 2s",
        ),
        (
            "on_failure = \"next_iteration\"",
            "a failure ends the iteration",
        ),
        ("on_failure = \"stop_user\"", "a failure ends the user"),
    ];
    for (lines, told) in cases {
        let described =
            |lines: &str| plan(&format!("[[step]]\npost = \"http://h/\"\n{lines}\n")).describe(1);
        let (with, without) = (described(lines), described(""));
        assert!(with.contains(told) && !without.contains(told), "{with}");
    }
}

/// A step that holds a conversation, with these further lines.
fn chat(name: &str, lines: &str, json: &str) -> String {
    format!(
        "[[step]]\nname = \"{name}\"\npost = \"/{name}\"\nstream = \"openai\"\nconversation = true\n{lines}\n\
         json = {{ {json}messages = [{{ role = \"user\", content = \"{name}{{{{ turn }}}}\" }}] }}\n"
    )
}

#[test]
fn conversations_at_once_each_know_their_own_turn() {
    let (one, other) = (chat("a", "turns = 3", ""), chat("b", "turns = 3", ""));
    let plan = plan(&format!("target = \"http://h\"\n{one}{other}"));
    let requests: Vec<&Request> = plan.requests().collect();
    let whole = plan.scope(1, 1);
    whole.begin_iteration(0);
    let ways = whole.fork(2);
    let body = |way: usize| {
        let rendered = requests[way].message.render(&plan.target, &ways[way]);
        rendered.map(|one| String::from_utf8(one.body.into_owned()).unwrap())
    };
    ways[0].begin_turn(requests[0].index);
    body(0).unwrap();
    ways[0].end_turn(requests[0].index, Some("well"));
    // Both have begun before either is rendered.
    ways[0].begin_turn(requests[0].index);
    ways[1].begin_turn(requests[1].index);
    for (way, said) in [(0, "a2"), (1, "b1"), (0, "a2")] {
        let body = body(way).unwrap();
        assert!(body.contains(said), "{said}: {body}");
    }
    // Afterwards it is no value of the iteration.
    ways[0].end_turn(requests[0].index, None);
    let error = body(0).unwrap_err().to_string();
    assert!(error.contains("turn"), "{error}");
    assert!(body(1).unwrap().contains("b1"));
    ways[1].begin_iteration(1);
    assert!(body(1).is_err(), "nor of the next one");
}

#[test]
fn what_is_said_in_conversations_is_in_what_a_plan_takes() {
    const USERS: u64 = 1_000;
    let plan = |load: &str, steps: &str| {
        plan(&format!(
            "target = \"http://h\"\nload = {{ {load} }}\n[data.talks]\nrows = [{{ text = \"{}\" }}]\n{steps}# [load]\n",
            "x".repeat(1_000)
        ))
    };
    let closed = format!("vus = {USERS}, duration = \"1s\"");
    let row = "user = \"{{ data.talks.text }}\", ";
    for (steps, least, most) in [
        ("[[step]]\nget = \"/\"\n".to_owned(), 0, 0),
        // What ends a conversation is all that bounds it, and it is held once more while it is sent.
        (chat("a", "turns = 100", ""), 2 << 20, 2 << 20),
        (chat("a", "turns = 3", ""), 2 << 20, 2 << 20),
        // Answers of 100 tokens.
        (chat("a", "turns = 3", "max_tokens = 100, "), 3_600, 4_500),
        (
            chat("a", "turns = \"1..3\"", "max_completion_tokens = 100, "),
            3_600,
            4_500,
        ),
        (
            chat("a", "turns = 3", "options = { num_predict = 100 }, "),
            3_600,
            4_600,
        ),
        (
            chat("a", "turns = 3\nrepeat = 2", "max_tokens = 100, "),
            7_200,
            9_000,
        ),
        // And what templates bring.
        (
            chat("a", "turns = 3", &format!("max_tokens = 100, {row}")),
            9_600,
            11_000,
        ),
        (
            chat("a", "turns = 900", "max_tokens = 1000, "),
            2 << 20,
            2 << 20,
        ),
    ] {
        let talks = plan(&closed, &steps).needs(1).talks;
        let each = talks / USERS;
        assert!((least..=most).contains(&each), "{steps}: {each}");
        let told = plan(&closed, &steps).describe(1);
        let said = " MiB for what is said in conversations\n";
        assert_eq!(told.contains(said), talks > 0, "{told}");
    }
    let two = chat("a", "turns = 3", "max_tokens = 100, ");
    let open = plan("rate = \"20/s\", duration = \"1s\"", &two);
    let (needs, each) = (open.needs(1), plan(&closed, &two).needs(1).talks / USERS);
    let growth = needs.open.expect("it grows");
    assert_eq!((needs.talks, growth.talks), (0, each * 20));
    assert!(
        open.describe(1).contains("and up to 1 MiB for"),
        "{}",
        open.describe(1)
    );
}

#[test]
fn caps_that_let_less_through_than_arrivals_ask_for_are_told() {
    const OPEN: &str = "load = { rate = \"100/s\", duration = \"1m\" }";
    let step = |lines: &str| format!("[[step]]\nname = \"a\"\nget = \"/\"\n{lines}\n");
    let asks = |asked: &str, of: &str, may: &str| {
        Some(format!(
            "arrivals ask for up to {asked} requests where the `rate_limit` of {of} lets {may} begin: the others wait in a line that grows"
        ))
    };
    let limited = step("rate_limit = \"50/s\"");
    let chat = chat("b", "turns = \"1..3\"\nrate_limit = \"150/s\"", "");
    let mixed = "load = { rate = \"100/s\", duration = \"1m\" }\n[[scenario]]\nname = \"x\"\nweight = 1\nrate_limit = \"20/s\"\nstep = [{ get = \"/x\" }]\n[[scenario]]\nname = \"y\"\nweight = 3\nrate_limit = \"80/s\"\nstep = [{ get = \"/y\" }]\n";
    for (text, told) in [
        (
            format!("{OPEN}\n{limited}"),
            asks("100/s", "the step `a`", "50/s"),
        ),
        (
            format!(
                "rate_limit = \"150/s\"\n{OPEN}\n{}[[step]]\nget = \"/b\"\n",
                step("")
            ),
            asks("200/s", "the file", "150/s"),
        ),
        (
            format!("rate_limit = \"1/min\"\n{OPEN}\n{}", step("")),
            asks("100/s", "the file", "1/min"),
        ),
        (mixed.to_owned(), asks("25/s", "the scenario `x`", "20/s")),
        (
            format!(
                "{OPEN}\n{}",
                step("rate_limit = \"150/s\"\nrepeat = \"1..3\"")
            ),
            asks("200/s", "the step `a`", "150/s"),
        ),
        (
            format!("{OPEN}\n{chat}"),
            asks("200/s", "the step `b`", "150/s"),
        ),
        // As much as may be, not for sure, with users that are bounded, or that wait for answers.
        (format!("{OPEN}\n{}", step("rate_limit = \"100/s\"")), None),
        (
            format!(
                "{OPEN}\n{}",
                step("rate_limit = \"50/s\"\nwhen = \"{{ vu == 1 }}\"")
            ),
            None,
        ),
        (
            format!("load = {{ rate = \"100/s\", duration = \"1m\", max_vus = 5 }}\n{limited}"),
            None,
        ),
        (
            format!("load = {{ vus = 100, duration = \"1m\" }}\n{limited}"),
            None,
        ),
    ] {
        let text = format!("target = \"http://h\"\n{text}# [load]\n");
        let crowded = plan(&text).crowded();
        let seen: Vec<String> = crowded.iter().map(ToString::to_string).collect();
        assert_eq!(seen, told.into_iter().collect::<Vec<_>>(), "{text}");
    }
}
