//! The JSON Schema of the scenario file, made from types that say what each key means.
//!
//! The types are never read into: the reader works on located values. A test holds both to the same keys.

mod answers;
mod auth;
mod data;
mod load;
mod probe;
mod retry;
mod slo;
mod steps;

use auth::Auth;
use data::Data;
use load::{Load, Rate};
use probe::Probe;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value};
use slo::Slo;
use std::collections::BTreeMap;
use steps::{Defaults, Step, Texts};

/// The JSON Schema of the scenario file, as text with a line break at its end.
#[must_use]
pub fn schema() -> String {
    let mut text = format!("{:#}", value());
    text.push('\n');
    text
}

/// The JSON Schema of the scenario file.
pub(crate) fn value() -> Value {
    tidy(
        SchemaSettings::draft2020_12()
            .into_generator()
            .into_root_schema_for::<File>()
            .to_value(),
    )
}

/// Takes out what does not fit TOML, which has no null, and what is only Rust's: widths of numbers, broken lines.
fn tidy(value: Value) -> Value {
    match value {
        Value::Object(entries) => {
            let mut tidied = Map::new();
            for (key, value) in entries {
                match (key.as_str(), tidy(value)) {
                    ("format", Value::String(_)) => {}
                    ("type", Value::Array(types)) => {
                        let types: Vec<Value> =
                            types.into_iter().filter(|kind| kind != "null").collect();
                        tidied.insert(
                            key,
                            if types.len() == 1 {
                                types[0].clone()
                            } else {
                                types.into()
                            },
                        );
                    }
                    ("anyOf", Value::Array(choices)) => {
                        let null = serde_json::json!({ "type": "null" });
                        let choices: Vec<Value> = choices
                            .into_iter()
                            .filter(|choice| *choice != null)
                            .collect();
                        match choices.as_slice() {
                            [Value::Object(only)] => tidied.extend(only.clone()),
                            _ => _ = tidied.insert(key, choices.into()),
                        }
                    }
                    ("description", Value::String(text)) => {
                        _ = tidied.insert(key, text.replace('\n', " ").into());
                    }
                    (_, value) => _ = tidied.insert(key, value),
                }
            }
            Value::Object(tidied)
        }
        Value::Array(values) => values.into_iter().map(tidy).collect(),
        other => other,
    }
}

/// A load test: who asks for what, how often, and what must hold.
#[derive(JsonSchema)]
#[schemars(title = "loadgen scenario", deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["step"] }, { "required": ["scenario"] }]))]
#[expect(dead_code, reason = "only its schema is used")]
struct File {
    /// The name of the test. Default: the name of the file.
    #[schemars(example = &"chat")]
    name: Option<String>,
    /// Where paths go: a base URL, or "mock" for the embedded server. May be a template. Needed unless every step has a
    /// whole URL.
    #[schemars(example = &"http://localhost:8080", example = &"mock")]
    target: Option<String>,
    /// How much load, and for how long. With several kinds of users: what those share that have no load of their own.
    #[schemars(example = &serde_json::json!({ "vus": 10, "duration": "30s" }))]
    load: Option<Load>,
    /// Values that templates see as `vars.NAME`, and as `NAME`. They hold no templates themselves.
    #[schemars(example = &serde_json::json!({ "model": "gpt-4o-mini" }))]
    vars: Option<BTreeMap<String, Value>>,
    /// Data sets: rows, of files mostly, which templates see as `data.NAME.COLUMN`.
    #[schemars(example = &serde_json::json!({ "users": { "file": "users.csv", "pick": "unique", "per": "user" } }))]
    data: Option<BTreeMap<String, Data>>,
    /// What all steps have in common. A step's own value wins; headers are merged.
    #[schemars(example = &serde_json::json!({ "timeout": "30s", "headers": { "accept": "application/json" } }))]
    defaults: Option<Defaults>,
    /// Steps that are done once in the run, before its first user begins, such as to make what all of them need. Templates
    /// of all steps know what it takes out of answers. Its requests have figures of their own, and are in none of the run.
    /// A failure ends the run (exit code 1), unless the step itself has `on_failure = "continue"`.
    #[schemars(example = &serde_json::json!([{ "post": "/rooms", "json": { "name": "load test" }, "extract": { "room": "$.id" } }]))]
    setup: Option<Vec<Step>>,
    /// How long all of `setup` may take. Default: 60s.
    #[schemars(example = &"5m")]
    setup_timeout: Option<Duration>,
    /// Steps that are done once in the run, after its last user has ended, such as to clear away what `setup` has made;
    /// also after one Ctrl-C, not after two, and not where `setup` failed. A failure is a warning.
    #[schemars(example = &serde_json::json!([{ "delete": "/rooms/{{ room }}" }]))]
    teardown: Option<Vec<Step>>,
    /// How long all of `teardown` may take. Default: 60s.
    #[schemars(example = &"5m")]
    teardown_timeout: Option<Duration>,
    /// The time from the beginning of one iteration of a user to the beginning of its next. One that takes longer is
    /// followed at once, and counted in `late_iterations`. With several kinds of users, for those that have none of their
    /// own. Not for loads with a rate.
    #[schemars(example = &"10s")]
    pace: Option<Duration>,
    /// How often requests may begin, all of the file together: no more than so many in a second, evenly spread, over all
    /// users. A request that comes sooner waits for its turn; the metric `rate_limit_wait` says how long. The wait is part
    /// of the iteration, and of no time of a request.
    #[schemars(example = &"100/s")]
    rate_limit: Option<Rate>,
    /// Steps that each user does once, before its first iteration, such as to log in. Its requests have figures of their
    /// own, and are in none of the run. A failure ends the user unless `on_failure` says otherwise. With several kinds of
    /// users, for those that have none of their own.
    #[schemars(example = &serde_json::json!([{ "post": "/login", "json": { "user": "user-{{ vu }}" } }]))]
    before: Option<Vec<Step>>,
    /// The steps of one iteration, in order.
    #[schemars(length(min = 1), example = &serde_json::json!([{ "get": "/" }, { "think": "1s" }]))]
    step: Option<Vec<Step>>,
    /// Several kinds of users, in the place of `step`.
    #[schemars(length(min = 1), example = &serde_json::json!([{ "name": "readers", "weight": 80, "step": [{ "get": "/" }] }]))]
    scenario: Option<Vec<Scenario>>,
    /// What makes one request good: the longest times. The metric `goodput` is the share of good requests.
    #[schemars(example = &serde_json::json!({ "ttft": "2s", "tpot": "100ms" }))]
    slo: Option<Slo>,
    /// What must hold for the run as a whole. The key is a metric, perhaps with tags; the value one expression or several.
    #[schemars(example = &serde_json::json!({ "ttft": ["p95 < 2s"], "http_req_failed": ["rate < 1%"], "http_req_duration{step=chat}": "p99 < 10s" }))]
    thresholds: Option<BTreeMap<String, Texts>>,
    /// The embedded server, used where `target = "mock"`.
    #[schemars(example = &serde_json::json!({ "ttft": "50ms", "tokens": 100 }))]
    mock: Option<Mock>,
    /// Figures of the target, taken while a run goes on. The metric of each is `probe.NAME`.
    #[schemars(example = &serde_json::json!([{ "name": "queue", "command": "redis-cli llen jobs", "every": "2s", "critical": 1000 }]))]
    probe: Option<Vec<Probe>>,
}

/// One kind of user: a share of `[load]`, or a load of its own.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(extend("not" = { "required": ["weight", "load"] }))]
#[expect(dead_code, reason = "only its schema is used")]
struct Scenario {
    /// The name in reports, thresholds and `start_after`.
    #[schemars(length(min = 1), example = &"chat")]
    name: String,
    /// Its share of `[load]`, as against the weights of the others: of the users of a closed load, of the iterations of
    /// one with a rate or with shared iterations. Default: 1.
    #[schemars(range(min = 0, max = 1_000_000_000), example = 80)]
    weight: Option<f64>,
    /// A load of its own, beside `[load]` and those of the others.
    #[schemars(example = &serde_json::json!({ "rate": "5/s", "duration": "1m" }))]
    load: Option<Load>,
    /// Who these users say they are, in the place of what `[defaults]` say.
    #[schemars(example = &serde_json::json!({ "bearer": "{{ env.ADMIN_TOKEN }}" }))]
    auth: Option<Auth>,
    /// The time from the beginning of one iteration of a user to the beginning of its next. One that takes longer is
    /// followed at once, and counted in `late_iterations`. Not for loads with a rate.
    #[schemars(example = &"10s")]
    pace: Option<Duration>,
    /// How often requests of these users may begin, of all of them together.
    #[schemars(example = &"20/s")]
    rate_limit: Option<Rate>,
    /// Steps that each of these users does once, before its first iteration, in the place of those of the file.
    #[schemars(example = &serde_json::json!([{ "post": "/login", "json": { "user": "user-{{ vu }}" } }]))]
    before: Option<Vec<Step>>,
    /// The steps of one iteration, in order.
    #[schemars(length(min = 1), example = &serde_json::json!([{ "get": "/" }]))]
    step: Vec<Step>,
}

/// A duration with its unit: us, ms, s, m, h, d; `1m30s` is one too.
#[derive(JsonSchema)]
#[schemars(transparent)]
#[expect(dead_code, reason = "only its schema is used")]
struct Duration(
    #[schemars(regex(pattern = r"^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d))+$"), example = &"30s", example = &"250ms")]
     String,
);

/// A share: `"10%"` or `0.1`.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Share {
    /// A number from 0 to 1.
    Number(#[schemars(range(min = 0, max = 1))] f64),
    /// A percentage.
    Percent(#[schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?%?$"), example = &"10%")] String),
}

/// The embedded server, used where `target = "mock"`. The keys are the options of `loadgen mock`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Mock {
    /// Time from the request to its first token. Default: 200ms; at most 1h.
    #[schemars(example = &"50ms")]
    ttft: Option<Duration>,
    /// Time from one token to the next. Default: 20ms; at most 1h.
    #[schemars(example = &"10ms")]
    itl: Option<Duration>,
    /// Each wait is scaled by a factor between 1 - jitter and 1 + jitter. Default: 0.
    jitter: Option<Share>,
    /// Tokens of one answer. Default: 128.
    #[schemars(range(min = 1, max = 1_000_000), example = 100)]
    tokens: Option<u32>,
    /// Share of requests that are answered 500. Default: 0.
    error_rate: Option<Share>,
    /// The most requests served at the same time; those above it are answered 429. Default: no limit.
    #[schemars(range(min = 1), example = 50)]
    max_concurrent: Option<u32>,
    /// Share of streams that go silent half-way. Default: 0.
    stall_rate: Option<Share>,
    /// Share of streams that are cut half-way. Default: 0.
    truncate_rate: Option<Share>,
    /// Share of streams with an event that is not JSON. Default: 0.
    garbage_rate: Option<Share>,
    /// Share of streams that end with an error event. Default: 0.
    stream_error_rate: Option<Share>,
    /// Time that `/plain` takes. Default: 0s; at most 1h.
    #[schemars(example = &"20ms")]
    plain_time: Option<Duration>,
    /// Mean of the exponential time for which a server is busy with a request before its answer begins; requests
    /// queue for it. Default: no queue; at most 1h.
    #[schemars(example = &"100ms")]
    service_time: Option<Duration>,
    /// Servers of the queue. Needs `service_time`. Default: 1.
    #[schemars(range(min = 1, max = 1_000_000), example = 4)]
    servers: Option<u32>,
    /// How much longer a service takes for each other one under way. Needs `service_time`. Default: 0.
    contention: Option<Share>,
    /// How much longer a service takes for each ordered pair of services under way. Needs `service_time`. Default: 0.
    coherency: Option<Share>,
    /// How much longer services take with each 100 requests served. Needs `service_time`. Default: 0.
    leak: Option<Share>,
    /// All waits of a second are scaled by one factor between 1 - noise and 1 + noise. Default: 0.
    noise: Option<Share>,
    /// The most requests per second; those above it are answered 429. Default: no limit.
    rate_limit: Option<Rate>,
    /// Threads of the server. Default: 1.
    #[schemars(range(min = 1, max = 256), example = 2)]
    workers: Option<u32>,
    /// Seed of all that the server draws. Default: 0.
    #[schemars(range(min = 0), example = 7)]
    seed: Option<u64>,
}

#[cfg(test)]
mod page;
#[cfg(test)]
mod tests;
