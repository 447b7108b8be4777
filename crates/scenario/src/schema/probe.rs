//! The schema of `[[probe]]`.

use super::{Duration, steps::Scalar};
use schemars::JsonSchema;
use std::collections::BTreeMap;

/// A figure of the target that is taken while a run goes on: by Prometheus, over HTTP, by a command, or of a process.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    { "required": ["prometheus", "query"] },
    { "required": ["http", "pointer"] },
    { "required": ["command"] },
    { "required": ["process"] }
]))]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Probe {
    /// The name: its metric is `probe.NAME`.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_.-]+$"), example = &"db_cpu")]
    name: String,
    /// The base URL of a Prometheus server.
    #[schemars(example = &"http://localhost:9090")]
    prometheus: Option<String>,
    /// What the Prometheus server is asked: a query for one number.
    #[schemars(example = &"100 * avg(rate(process_cpu_seconds_total[30s]))")]
    query: Option<String>,
    /// A URL that answers in JSON.
    #[schemars(example = &"http://localhost:8080/stats")]
    http: Option<String>,
    /// A JSON pointer to the number in the answer of `http`.
    #[schemars(regex(pattern = r"^(/.*)?$"), example = &"/pool/in_use")]
    pointer: Option<String>,
    /// A command that writes a number: a line for the shell, or a program with its arguments.
    #[schemars(example = &"redis-cli llen jobs")]
    command: Option<Command>,
    /// The name or the id of a process of this machine; its children count with it.
    #[schemars(example = &"uvicorn")]
    process: Option<Process>,
    /// What is asked of `process`. Default: cpu, in percent of one core.
    figure: Option<Figure>,
    /// Header fields for `prometheus` and `http`.
    #[schemars(example = &serde_json::json!({ "authorization": "Bearer {{ env.PROMETHEUS_TOKEN }}" }))]
    headers: Option<BTreeMap<String, Scalar>>,
    /// The time from one question to the next, at least 100ms. Default: 1s for `process`, 5s for the others.
    every: Option<Duration>,
    /// The longest that an answer may take. Default: 5s.
    timeout: Option<Duration>,
    /// What the value is measured in. Default: that of `figure`, or that of `warn` and `critical`, or none.
    unit: Option<Unit>,
    /// The value from which it is to be watched.
    #[schemars(example = &"70%")]
    warn: Option<Mark>,
    /// The value from which nothing is left.
    #[schemars(example = &"90%")]
    critical: Option<Mark>,
}

/// A command.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Command {
    /// A line for the shell.
    Line(String),
    /// A program with its arguments.
    Words(#[schemars(length(min = 1))] Vec<Scalar>),
}

/// A process.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Process {
    /// Its name.
    Name(String),
    /// Its id.
    Id(#[schemars(range(min = 1))] u32),
}

/// What is known of a process.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum Figure {
    /// Processor time, in percent of one core.
    Cpu,
    /// Resident memory, in bytes.
    Memory,
    /// Threads.
    Threads,
    /// Open file descriptors.
    Descriptors,
}

/// What a value is measured in.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
enum Unit {
    /// Percent: 85 for 85 %.
    #[schemars(rename = "%")]
    Percent,
    /// Milliseconds.
    #[schemars(rename = "ms")]
    Milliseconds,
    /// Per second.
    #[schemars(rename = "/s")]
    PerSecond,
    /// Bytes.
    #[schemars(rename = "bytes")]
    Bytes,
}

/// A value with its unit: "70%", "512MB", "200ms", or a number.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Mark {
    /// A number in the unit of the probe.
    Number(f64),
    /// A number with its unit.
    Text(String),
}
