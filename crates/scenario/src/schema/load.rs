//! The schema of `[load]`.

use super::Duration;
use schemars::JsonSchema;

/// How much load, and for how long: `vus` with `duration`; `vus` with `iterations`; `stages` of users; `rate` with
/// `duration`; `start_rate` with `stages` of rates.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Load {
    /// The kind of load, as k6 calls it. Default: what the other keys say; it is needed for `per-vu-iterations` alone.
    executor: Option<Executor>,
    /// How many virtual users there are, with `duration` or `iterations`. Default: 1.
    #[schemars(range(min = 1, max = 1_000_000), example = 10)]
    vus: Option<u32>,
    /// How long iterations are begun, with `vus` or with `rate`. Those under way at its end may go on for `graceful_stop`.
    duration: Option<Duration>,
    /// How many iterations there are: of all users together; with `executor = "per-vu-iterations"`, of each.
    #[schemars(range(min = 1), example = 1000)]
    iterations: Option<u64>,
    /// With `iterations`: no iteration begins after this. Default: 10m.
    #[schemars(example = &"5m")]
    max_duration: Option<Duration>,
    /// Virtual users at the start, with `stages` of users. Default: 1.
    #[schemars(range(min = 0, max = 1_000_000), example = 0)]
    start_vus: Option<u32>,
    /// How many iterations begin in a second, a minute or an hour, with `duration`. They begin on time, however long the
    /// service takes.
    rate: Option<Rate>,
    /// The rate at the start, with `stages` of rates. Default: 0.
    start_rate: Option<Rate>,
    /// Users or a rate that change over time: each stage moves them in a straight line to its target.
    #[schemars(length(min = 1), example = &serde_json::json!([{ "duration": "30s", "target": 100 }, { "duration": "1m", "target": 100 }]))]
    stages: Option<Vec<Stage>>,
    /// The most virtual users at once, for loads with a rate. An arrival that finds all of them busy is dropped and
    /// counted. Default: as many as it takes, and nothing is dropped.
    #[schemars(range(min = 1, max = 1_000_000), example = 500)]
    max_vus: Option<u32>,
    /// How the gaps between arrivals are spread, for loads with a rate. Default: "uniform".
    arrivals: Option<Arrivals>,
    /// The shape of the gaps, for `arrivals = "gamma"`: 1 is as by chance, below it arrivals come in bursts, above it
    /// they are more even.
    #[schemars(range(min = 0.001, max = 1000), example = 0.5)]
    burstiness: Option<f64>,
    /// When the load begins: so long after the start of the run, or ("scenario:NAME") when the load of another scenario
    /// has ended, its last iteration finished or cut. Default: 0s.
    start_after: Option<StartAfter>,
    /// The first part of the load, which is run but kept out of every statistic. Shorter than the load. Default: 0s.
    #[schemars(example = &"5s")]
    warm_up: Option<Duration>,
    /// How long iterations that are under way at the end of the load may go on, pauses included, before they are cut; "0s"
    /// cuts them at once. Default: 30s.
    #[schemars(example = &"10s")]
    graceful_stop: Option<Duration>,
    /// With `stages` of users: how long the iteration of a user that leaves before the end may go on. Default: 30s.
    #[schemars(example = &"5s")]
    graceful_ramp_down: Option<Duration>,
    /// How many users begin in a second at most, so that they do not falsify each other's first times; "off" where all
    /// begin at once when the load says so. For loads without a rate. Default: 1000/s of all loads that begin together,
    /// each having the part that its users are of them.
    #[schemars(example = &"200/s", example = &"off")]
    connect_rate: Option<ConnectRate>,
}

/// A duration, or `scenario:` and the name of a scenario.
#[derive(JsonSchema)]
#[schemars(transparent)]
#[expect(dead_code, reason = "only its schema is used")]
struct StartAfter(
    #[schemars(regex(pattern = r"^(([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d))+|scenario:.+)$"), example = &"10s", example = &"scenario:warm")]
     String,
);

/// A rate above zero, or `off`.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum ConnectRate {
    /// A number per second.
    Number(#[schemars(range(min = 0, max = 10_000_000))] f64),
    /// A number with its unit, or `off`.
    Text(
        #[schemars(regex(pattern = r"^( *[0-9]+(\.[0-9]+)? *(/ *(s|min|h) *)?|off)$"), example = &"200/s", example = &"off")]
         String,
    ),
}

/// The kinds of load.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only its schema is used")]
enum Executor {
    /// A fixed number of users, each beginning one iteration after the other until the time is over.
    ConstantVus,
    /// A number of users that follows stages.
    RampingVus,
    /// A fixed number of iterations, taken by whichever user is free.
    SharedIterations,
    /// A fixed number of iterations for each user.
    PerVuIterations,
    /// Iterations that begin at a fixed rate, however long they take.
    ConstantArrivalRate,
    /// Iterations that begin at a rate that follows stages, however long they take.
    RampingArrivalRate,
}

/// How the gaps between arrivals are spread; their mean is given by the rate.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum Arrivals {
    /// All gaps alike.
    Uniform,
    /// By chance, as from many people who know nothing of each other.
    Poisson,
    /// By chance, with a `burstiness`.
    Gamma,
}

/// A part of a ramp. One without length is a jump.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Stage {
    /// How long the level takes to reach the target; "0s" is a jump.
    duration: Duration,
    /// The level at the end of the stage: a number of users, or a rate. Where the load has a rate, a bare number is
    /// one per second.
    #[schemars(example = 100, example = &"200/s")]
    target: Rate,
}

/// A rate: `"100/s"`, `"500/min"`, `"1000/h"`; a bare number is one per second.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum Rate {
    /// A number per second.
    Number(#[schemars(range(min = 0, max = 10_000_000))] f64),
    /// A number with its unit.
    Text(
        #[schemars(regex(pattern = r"^ *[0-9]+(\.[0-9]+)? *(/ *(s|min|h) *)?$"), example = &"100/s", example = &"500/min")]
         String,
    ),
}
