//! The schema of limits on one request.

use super::Duration;
use schemars::JsonSchema;

/// The longest times that make one request good.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Slo {
    /// From when the request was due to its first output. Streams only.
    #[schemars(example = &"2s")]
    ttft: Option<Duration>,
    /// From the first byte sent to the first output. Streams only.
    #[schemars(example = &"1s")]
    ttft_service: Option<Duration>,
    /// From when the request was due to its first visible output, reasoning left out. Streams only.
    #[schemars(example = &"5s")]
    ttft_text: Option<Duration>,
    /// Time per output token after the first. Streams only.
    #[schemars(example = &"100ms")]
    tpot: Option<Duration>,
    /// From the first byte sent to the last output. Streams only.
    #[schemars(example = &"20s")]
    stream_duration: Option<Duration>,
    /// From the last output to the end of the stream. Streams only.
    #[schemars(example = &"100ms")]
    stream_tail: Option<Duration>,
    /// From the first byte sent to the last byte of the answer.
    #[schemars(example = &"500ms")]
    http_req_duration: Option<Duration>,
    /// From when the request was due to the last byte of the answer.
    #[schemars(example = &"1s")]
    http_req_latency: Option<Duration>,
    /// Waiting for a connection, less the three parts below.
    #[schemars(example = &"10ms")]
    http_req_blocked: Option<Duration>,
    /// Looking the name up.
    #[schemars(example = &"5ms")]
    http_req_dns: Option<Duration>,
    /// Opening the TCP connection.
    #[schemars(example = &"20ms")]
    http_req_connecting: Option<Duration>,
    /// The TLS handshake.
    #[schemars(example = &"50ms")]
    http_req_tls_handshaking: Option<Duration>,
    /// From the first byte sent to the last.
    #[schemars(example = &"5ms")]
    http_req_sending: Option<Duration>,
    /// From the last byte sent to the first of the answer.
    #[schemars(example = &"200ms")]
    http_req_waiting: Option<Duration>,
    /// From the first byte of the answer to the last.
    #[schemars(example = &"100ms")]
    http_req_receiving: Option<Duration>,
}
