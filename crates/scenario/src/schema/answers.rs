//! The schema of what is expected of answers, and of what is taken out of them.

use super::{Duration, slo::Slo, steps::Texts};
use schemars::JsonSchema;
use serde_json::Value;
use std::collections::BTreeMap;

/// What an answer must be. Each entry is a check; one that fails counts in `checks` and fails the request. Where
/// `status` allows refusals beside successes, such as 429, the other checks are made on successes only.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Expect {
    /// The statuses that are no failure. Default: 200 to 399.
    status: Option<Statuses>,
    /// Header fields of the answer: the value, or a table that says more of it. Values may hold templates.
    #[schemars(example = &serde_json::json!({ "content-type": { "contains": "json" }, "etag": { "exists": true } }))]
    headers: Option<BTreeMap<String, Condition>>,
    /// Text that the body must contain, or several texts. Of a stream: in its text, or in its body as received. May hold
    /// templates.
    #[schemars(example = &"ok", example = &"order {{ order_id }}")]
    body_contains: Option<Texts>,
    /// A regular expression that must match somewhere in the body, or several. Of a stream: in its text, or in its body
    /// as received. May hold templates; what they give is part of the expression.
    #[schemars(example = &"order-[0-9]+")]
    body_matches: Option<Texts>,
    /// Values in a JSON body, by their JSONPath (RFC 9535); where a path leads to several, the first. Values may hold
    /// templates; one that is an expression and nothing else keeps its type.
    #[schemars(example = &serde_json::json!({ "$.status": "ok", "$.items[0]": { "exists": true }, "$.total": { "min": 1 } }), example = &serde_json::json!({ "$.id": "{{ id }}" }))]
    json: Option<BTreeMap<String, Condition>>,
    /// Bytes of the decoded body.
    #[schemars(example = &serde_json::json!({ "max": 65536 }))]
    body_size: Option<Bounds>,
    /// Output tokens of a stream: by the provider's usage, else the events with output.
    #[schemars(example = &serde_json::json!({ "min": 10 }))]
    tokens: Option<Bounds>,
    /// The longest times: of `http_req_duration`, or of each that a table names.
    #[schemars(example = &"2s", example = &serde_json::json!({ "ttft": "1s", "http_req_duration": "10s" }))]
    within: Option<Within>,
}

/// What a value must be: the value itself, or a table that says more of it. All that it says must hold.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Condition {
    Text(String),
    Number(f64),
    Bool(bool),
    List(Vec<Value>),
    Table(Box<ConditionTable>),
}

/// What a value must be.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1))]
#[expect(dead_code, reason = "only its schema is used")]
struct ConditionTable {
    /// This value, of any type.
    #[schemars(example = &"ok")]
    equals: Option<Value>,
    /// Any other value than this.
    #[schemars(example = &"error")]
    not: Option<Value>,
    /// Whether it is there at all.
    exists: Option<bool>,
    /// A text that holds this one, or a list with this value in it.
    #[schemars(example = &"json")]
    contains: Option<Value>,
    /// A text that this regular expression matches somewhere.
    #[schemars(example = &"^[a-z]+$")]
    matches: Option<String>,
    /// A number, this or greater.
    #[schemars(example = 1)]
    min: Option<f64>,
    /// A number, this or smaller.
    #[schemars(example = 100)]
    max: Option<f64>,
}

/// A number, or its bounds, both included.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Bounds {
    Exactly(f64),
    Between(BoundsTable),
}

/// The bounds of a number, both included.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1))]
#[expect(dead_code, reason = "only its schema is used")]
struct BoundsTable {
    /// The least.
    #[schemars(example = 1)]
    min: Option<f64>,
    /// The most.
    #[schemars(example = 100)]
    max: Option<f64>,
}

/// The longest time, or one for each metric.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Within {
    Duration(Duration),
    Each(Box<Slo>),
}

/// Where a value stands in an answer: a JSONPath (RFC 9535) such as "$.items[0].id", or a table.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum Extract {
    Path(#[schemars(regex(pattern = r"^\$"), example = &"$.items[0].id")] String),
    Table(ExtractTable),
}

/// Where a value stands in an answer: one of `json`, `regex`, `header`, `cookie`, `text`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct ExtractTable {
    /// At this JSONPath (RFC 9535) of the body. Not for streams.
    #[schemars(example = &"$.items[*].id")]
    json: Option<String>,
    /// What the first group of this regular expression matches in the body, or in the text of a stream; all that it
    /// matches where it has no group.
    #[schemars(example = &"id=([0-9]+)")]
    regex: Option<String>,
    /// In this header field.
    #[schemars(example = &"location")]
    header: Option<String>,
    /// In this cookie that the answer sets.
    #[schemars(example = &"sid")]
    cookie: Option<String>,
    /// The whole text of the stream, reasoning left out; of other answers, the whole body.
    #[schemars(extend("const" = true))]
    text: Option<bool>,
    /// For `json` and `regex`: whether all that is found is taken, as a list. Default: false, the first.
    all: Option<bool>,
    /// The value where there is nothing to be found. Default: none; that is then a failed check.
    #[schemars(example = &"none")]
    default: Option<Value>,
}

/// A status, a class such as "2xx", a range such as "200-299", or a list of them.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Statuses {
    One(Status),
    Many(#[schemars(length(min = 1))] Vec<Status>),
}

/// A status, a class such as "2xx", or a range such as "200-299".
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum Status {
    Number(#[schemars(range(min = 100, max = 599), example = 200)] u16),
    Text(#[schemars(example = &"2xx", example = &"200-299")] String),
}
