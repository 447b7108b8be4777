//! The options of `loadgen stress`.

use super::{Fraction, NetworkArgs, Out, SourceArgs, Span};
use clap::Args;

/// `loadgen stress`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
#[command(mut_arg("scenario", |scenario| {
    scenario.value_name("SCENARIO.toml").help("A scenario file: what users do, and the limits")
}))]
pub(crate) struct StressArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) search: SearchArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) output: StressOutputArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

const AFTER_HELP: &str = "\
The load of the file is replaced: by virtual users, or with --rate by arrivals per second. Limits are those of \
[thresholds], of --until, and a goodput of 99% where the file has an [slo]. A level that breaks is tried once more, then \
the level above it, and then the gap is halved. \
Ends with 0 where the search came to an answer, 97 where only this machine was the limit or the answer is unclear, 99 where \
the safe load is below --require.";

/// What is searched.
#[derive(Debug, Args)]
#[command(next_help_heading = "Search")]
pub(crate) struct SearchArgs {
    /// Count loads in arrivals per second instead of virtual users
    #[arg(long)]
    pub(crate) rate: bool,
    /// The first load: users, or with --rate a rate as 10/s
    #[arg(
        long,
        value_name = "N",
        default_value = "10",
        allow_hyphen_values = true
    )]
    pub(crate) start: String,
    /// What is added from level to level
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "factor",
        allow_hyphen_values = true
    )]
    pub(crate) step: Option<String>,
    /// What loads are multiplied by from level to level, above 1 [default: 2, unless --step is given]
    #[arg(long, value_name = "F", allow_hyphen_values = true)]
    pub(crate) factor: Option<f64>,
    /// The highest load that is tried
    #[arg(
        long,
        value_name = "N",
        default_value = "1000",
        allow_hyphen_values = true
    )]
    pub(crate) max: String,
    /// How long a level is measured; at least 1s
    #[arg(long, value_name = "D", default_value = "30s")]
    pub(crate) hold: Span,
    /// How long a level settles before it is measured; of users at least for two of their iterations, unless it is 0s
    #[arg(long, value_name = "D", default_value = "5s")]
    pub(crate) settle: Span,
    /// How many virtual users begin in a second at most, as 200/s; `off` where those of a level all do within half of
    /// --settle [default: 1000/s]
    #[arg(long, value_name = "N/s", allow_hyphen_values = true)]
    pub(crate) connect_rate: Option<String>,
    /// How narrow the gap is to become between what held and what broke, as a share of the load
    #[arg(long, value_name = "F", default_value = "5%")]
    pub(crate) resolution: Fraction,
    /// Go back to the safe load after a break, and measure how long the service takes to be well again
    #[arg(long)]
    pub(crate) recover: bool,
    /// Say what the search takes at worst, in time and requests, and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What a level must hold.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// A limit that breaks a level, beside those of the file: as 'http_req_latency: p95 < 5s' (repeatable)
    #[arg(long, visible_alias = "threshold", value_name = "METRIC: EXPR")]
    pub(crate) until: Vec<String>,
    /// The share of requests that must meet the file's `slo` [default: 99%]
    #[arg(long, value_name = "F")]
    pub(crate) goodput: Option<Fraction>,
    /// The share of the highest load that held which the safe one keeps free
    #[arg(long, value_name = "F", default_value = "25%")]
    pub(crate) headroom: Fraction,
    /// Fail with 99 where the safe load is below this
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) require: Option<String>,
}

/// What comes out.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
pub(crate) struct StressOutputArgs {
    /// Write the result to a file, `-` for the standard output (repeatable). FORMAT: json (the summary), csv (the levels),
    /// junit, markdown, github (annotations), svg (the chart), hlog (HdrHistogram's interval log), log (the run log)
    #[arg(long, value_name = "FORMAT=PATH")]
    pub(crate) out: Vec<Out>,
    /// Seed of everything random; drawn and shown where none is given
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Threads that carry the load; as many as there are cores where not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: Option<u16>,
    /// Call the search inconclusive where its answer rests on a level with too few samples to judge, or on one that held
    /// while the generator was late or busy
    #[arg(long)]
    pub(crate) strict: bool,
    /// Show no progress, and of the result the answer only
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Write no run log
    #[arg(long)]
    pub(crate) no_log: bool,
}
