//! The JSON summary: golden files, its schema, its names and their order.

use crate::runs::{self, Run};
use loadgen_report::{summary_schema, write_json};
use serde_json::Value;

fn json(run: &Run) -> String {
    let mut bytes = Vec::new();
    write_json(&mut bytes, &run.header, &run.summary()).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn value(run: &Run) -> Value {
    serde_json::from_str(&json(run)).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn summaries_are_as_in_the_golden_files() {
    for (name, run) in runs::all() {
        runs::golden(&format!("{name}.json"), &json(&run));
    }
}

#[test]
fn the_schema_is_the_committed_one() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/summary.schema.json"
    );
    runs::compare(path, &summary_schema());
}

#[test]
fn summaries_fit_the_schema() {
    let schema: Value = serde_json::from_str(&summary_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, run) in runs::all() {
        let summary = value(&run);
        let errors: Vec<String> = validator
            .iter_errors(&summary)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{name}: {:.2000}", errors.join("\n"));
    }
    // The schema is no rubber stamp.
    let broken: [(&str, Value); 5] = [
        ("schema", "loadgen.summary/2".into()),
        ("verdict", "maybe".into()),
        (
            "metrics",
            serde_json::json!({ "ttft": { "kind": "trend", "count": "many" } }),
        ),
        ("seed", Value::Null),
        ("windows", serde_json::json!([{ "start_s": 0.0 }])),
    ];
    for (field, wrong) in broken {
        let mut summary = value(&runs::chat());
        summary[field] = wrong;
        assert!(!validator.is_valid(&summary), "{field}");
    }
}

/// The names of the contract, in its order, however the types are called here.
#[test]
fn names_are_those_of_the_contract() {
    let summary = value(&runs::trouble());
    let contract = [
        "schema",
        "name",
        "version",
        "plan_hash",
        "seed",
        "started_at",
        "duration_s",
        "stop_reason",
        "verdict",
        "metrics",
        "scenarios",
        "statuses",
        "in_flight",
        "thresholds",
        "errors",
        "warnings",
        "windows",
        "generator",
    ];
    let found: Vec<&str> = keys(&summary)
        .into_iter()
        .filter(|key| contract.contains(key))
        .collect();
    assert_eq!(found, contract);
    let has = |pointer: &str, names: &[&str]| {
        let part = summary
            .pointer(pointer)
            .unwrap_or_else(|| panic!("{pointer} is missing"));
        let found: Vec<&str> = keys(part)
            .into_iter()
            .filter(|key| names.contains(key))
            .collect();
        assert_eq!(found, names, "{pointer}");
    };
    let trend = [
        "kind", "unit", "count", "min", "mean", "p50", "p90", "p95", "p99", "p999", "max",
    ];
    has("/metrics/ttft", &trend);
    has("/metrics/http_reqs", &["kind", "count", "per_second"]);
    has(
        "/metrics/http_req_failed",
        &["kind", "hits", "total", "rate"],
    );
    has("/metrics/vus", &["kind", "last", "min", "max"]);
    has("/scenarios/writers", &["metrics", "steps"]);
    has("/scenarios/writers/steps/chat/metrics/tpot", &trend);
    has("/in_flight", &["count", "longest_ms"]);
    has(
        "/thresholds/0",
        &["metric", "expression", "observed", "unit", "ok", "judged"],
    );
    has(
        "/errors/0",
        &["kind", "scenario", "step", "count", "message"],
    );
    has("/warnings/0", &["code", "message", "advice"]);
    has(
        "/windows/0",
        &[
            "start_s",
            "end_s",
            "vus",
            "iterations",
            "http_reqs",
            "http_req_failed",
            "http_req_duration",
            "ttft",
        ],
    );
    has("/windows/0/ttft", &["p50", "p95", "p99"]);
    has(
        "/generator",
        &[
            "cpu_percent",
            "workers",
            "peak_rss_bytes",
            "open_files_peak",
            "open_files_limit",
            "ports_peak",
            "ports_limit",
            "time_wait_peak",
            "arrival_clock",
            "schedule_lag",
            "read_lag",
            "coalesced_prompt",
            "coalesced_late",
        ],
    );
    has(
        "/generator/workers/0",
        &[
            "cpu_percent",
            "cpu_percent_peak",
            "run_queue_percent",
            "run_queue_percent_peak",
        ],
    );
    has("/generator/read_lag", &["p50", "p99", "max"]);
    assert_eq!(
        summary["statuses"],
        serde_json::json!({ "200": 100, "429": 10, "503": 5 })
    );
    // What was dropped in the warm-up of the readers is in no count.
    let readers = &summary["scenarios"]["readers of everything there is to read"];
    let dropped =
        serde_json::json!({ "max_vus": 12, "end": 3, "late": 2, "stop_user": 4, "data": 0 });
    assert_eq!(
        (&summary["dropped"], &readers["dropped"]),
        (&dropped, &dropped)
    );
    let lengths = [&summary, &summary["scenarios"]["writers"], readers];
    assert_eq!(
        lengths.map(|part| part["measured_s"].as_f64()),
        [7.0, 7.0, 5.0].map(Some)
    );
}

#[test]
fn what_a_run_does_not_have_is_absent() {
    let summary = value(&runs::plain_run());
    for absent in [
        "ttft",
        "itl",
        "tpot",
        "stream_failed",
        "output_tokens",
        "goodput",
    ] {
        assert!(summary["metrics"].get(absent).is_none(), "{absent}");
    }
    assert_eq!(summary["streams"], Value::Null);
    assert_eq!(summary["windows"][0]["ttft"], Value::Null);
    // A metric that a threshold names is there even without a sample.
    let named = &value(&runs::trouble())["metrics"]["ttft_text"];
    assert_eq!((&named["count"], &named["p95"]), (&0.into(), &Value::Null));
}
