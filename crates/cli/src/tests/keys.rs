//! What keys of the scenario file do in a whole run, against the embedded target.

use super::*;

/// The summary of one stream, with lines for the top, for `[mock]` and for the step.
fn streamed(top: &str, mock: &str, step: &str) -> Value {
    let quick = if mock.contains("ttft") {
        ""
    } else {
        "ttft = \"20ms\""
    };
    let text = format!(
        "target = \"mock\"\n{top}\n[mock]\n{quick}\nitl = \"5ms\"\ntokens = 4\n{mock}\n\
         [[step]]\npost = \"/v1/chat/completions\"\njson = {{ stream = true, messages = [] }}\n\
         stream = \"openai\"\n{step}\n"
    );
    let words = [
        "run",
        "a.toml",
        "--no-log",
        "--quiet",
        "--allow-all-failed",
        "--out",
        "json=out.json",
    ];
    let played = on(Stage::new(&words).file("a.toml", &text));
    assert_eq!(played.code, 0, "{text}\n{}", played.err);
    played.json("out.json")
}

const ONCE: &str = "load = { vus = 1, iterations = 1 }";

#[test]
fn faults_of_the_target_have_their_kinds() {
    for (top, mock, step, kind) in [
        ("", "error_rate = 1", "", "http_5xx"),
        ("", "truncate_rate = 1", "", "stream_truncated"),
        ("", "garbage_rate = 1", "", "stream_malformed"),
        ("", "stream_error_rate = 1", "", "stream_error"),
        ("", "stall_rate = 1", "stall = \"60ms\"", "stream_stalled"),
        (
            "defaults = { stall = \"60ms\" }",
            "stall_rate = 1",
            "",
            "stream_stalled",
        ),
        (
            "defaults = { timeout = \"60ms\" }",
            "stall_rate = 1",
            "",
            "timeout",
        ),
    ] {
        let summary = streamed(&format!("{ONCE}\n{top}"), mock, step);
        let errors = summary["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{mock} {step}: {errors:?}");
        assert_eq!(errors[0]["kind"], kind, "{mock} {step}");
    }
    let summary = streamed(ONCE, "", "");
    assert_eq!(summary["errors"].as_array().unwrap().len(), 0);
}

#[test]
fn a_crowd_is_turned_away() {
    let both = "load = { vus = 2, iterations = 2 }";
    for (mock, statuses) in [
        (
            "max_concurrent = 1",
            serde_json::json!({ "200": 1, "429": 1 }),
        ),
        ("max_concurrent = 2", serde_json::json!({ "200": 2 })),
    ] {
        // So long that both are there at once.
        let slow = format!("{mock}\nttft = \"1s\"");
        assert_eq!(streamed(both, &slow, "")["statuses"], statuses, "{mock}");
    }
}

/// Limits that no stream meets, and limits that every one meets.
#[test]
fn every_limit_decides_what_is_good() {
    for (limit, least) in [
        ("ttft = \"1ns\"", 0),
        ("ttft_service = \"1ns\"", 0),
        ("ttft_text = \"1ns\"", 0),
        ("tpot = \"1ns\"", 0),
        ("stream_duration = \"1ns\"", 0),
        ("http_req_duration = \"1ns\"", 0),
        ("http_req_latency = \"1ns\"", 0),
        ("http_req_connecting = \"1ns\"", 0),
        ("http_req_sending = \"1ns\"", 0),
        ("http_req_receiving = \"1ns\"", 0),
        // These may be nothing, and then meet any limit; without one, `goodput` would have no sample.
        ("stream_tail = \"1h\"", 1),
        ("http_req_blocked = \"1h\"", 1),
        ("http_req_dns = \"1h\"", 1),
        ("http_req_tls_handshaking = \"1h\"", 1),
        ("http_req_waiting = \"1h\"", 1),
    ] {
        for (limit, good) in [(limit.to_owned(), least), (limit.replace("1ns", "1h"), 1)] {
            let table = format!("slo = {{ {limit} }}");
            for (top, step) in [(&*table, ""), ("", &*table)] {
                let summary = streamed(&format!("{ONCE}\n{top}"), "", step);
                let goodput = &summary["metrics"]["goodput"];
                assert_eq!(
                    (&goodput["hits"], &goodput["total"]),
                    (&good.into(), &1.into()),
                    "{top} {step}"
                );
            }
        }
    }
    let summary = streamed(ONCE, "", "");
    assert_eq!(
        summary["metrics"]["goodput"]["total"].as_u64().unwrap_or(0),
        0
    );
}
