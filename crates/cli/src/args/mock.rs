//! The options of `loadgen mock`.

use super::{Fraction, PerSecond, Span};
use clap::Args;

/// `loadgen mock`. What is not given keeps the server's own default.
#[derive(Debug, Args)]
pub(crate) struct MockArgs {
    /// Port on the loopback address; 0 for any free one
    #[arg(long, value_name = "N", default_value_t = 8080)]
    pub(crate) port: u16,
    /// Time to the first token [default: 200ms]
    #[arg(long, value_name = "D")]
    pub(crate) ttft: Option<Span>,
    /// Time from one token to the next [default: 20ms]
    #[arg(long, value_name = "D")]
    pub(crate) itl: Option<Span>,
    /// Scale each wait by a uniform factor from 1-F to 1+F, as 0.2 or 20% [default: 0]
    #[arg(long, value_name = "F")]
    pub(crate) jitter: Option<Fraction>,
    /// Tokens of one answer [default: 128]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) tokens: Option<u32>,
    /// Share of requests that are answered 500 [default: 0]
    #[arg(long, value_name = "F")]
    pub(crate) error_rate: Option<Fraction>,
    /// Answer 429 above this many requests at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_concurrent: Option<u32>,
    /// Share of streams that go silent [default: 0]
    #[arg(long, value_name = "F")]
    pub(crate) stall_rate: Option<Fraction>,
    /// Share of streams that are cut without an end [default: 0]
    #[arg(long, value_name = "F")]
    pub(crate) truncate_rate: Option<Fraction>,
    /// Share of streams that carry an event which is not JSON [default: 0]
    #[arg(long, value_name = "F")]
    pub(crate) garbage_rate: Option<Fraction>,
    /// Share of streams that end with an error event [default: 0]
    #[arg(long, value_name = "F")]
    pub(crate) stream_error_rate: Option<Fraction>,
    /// Time that /plain takes [default: 0s]
    #[arg(long, value_name = "D")]
    pub(crate) plain_time: Option<Span>,
    /// Mean of the exponential time for which a server is busy with a request before its answer begins; requests
    /// queue for it
    #[arg(long, value_name = "D")]
    pub(crate) service_time: Option<Span>,
    /// Servers of the queue; needs --service-time [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) servers: Option<u32>,
    /// How much longer a service takes for each other one under way, as 2%; needs --service-time [default: 0]
    #[arg(long, value_name = "F")]
    pub(crate) contention: Option<Fraction>,
    /// How much longer a service takes for each ordered pair of services under way, as 0.01%; needs --service-time
    /// [default: 0]
    #[arg(long, value_name = "F")]
    pub(crate) coherency: Option<Fraction>,
    /// How much longer services take with each 100 requests served, as 10%; needs --service-time [default: 0]
    #[arg(long, value_name = "F")]
    pub(crate) leak: Option<Fraction>,
    /// Scale all waits of a second by one factor from 1-F to 1+F [default: 0]
    #[arg(long, value_name = "F")]
    pub(crate) noise: Option<Fraction>,
    /// Answer 429 above this many requests in a second, as 200/s
    #[arg(long, value_name = "N/s")]
    pub(crate) rate_limit: Option<PerSecond>,
    /// Threads [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<usize>,
    /// Seed of all that is drawn [default: 0]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}
