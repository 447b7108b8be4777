//! The schema of `retry`.

use super::{Duration, answers::Status};
use schemars::JsonSchema;

/// When a request is sent again.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Retry {
    /// Statuses such as 429 or "5xx", and kinds of errors such as "reset" or "timeout".
    #[schemars(example = &serde_json::json!([429, "5xx", "reset"]))]
    on: RetryOn,
    /// How many times it is sent again at most. Default: 3.
    #[schemars(range(min = 1, max = 100), example = 5)]
    max: Option<u32>,
    /// The wait before the first time; each further one is twice as long. Drawn from its upper half. Default: 500ms.
    #[schemars(example = &"500ms")]
    backoff: Option<Duration>,
    /// The longest wait, unless the answer's `retry-after` asks for more. Default: 30s.
    #[schemars(example = &"30s")]
    max_backoff: Option<Duration>,
}

/// What a request is sent again after: a status, a kind of error, or a list of them.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum RetryOn {
    One(Status),
    Many(#[schemars(length(min = 1))] Vec<Status>),
}
