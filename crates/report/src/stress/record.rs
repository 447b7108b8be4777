//! A search for the breaking point as JSON: in the summary, and line by line in the run log.

mod build;

use crate::probes::json::{HeadroomJson, SamplesJson};
pub(crate) use build::restore;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a search for the breaking point came to.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Stress")]
pub(crate) struct StressJson {
    /// What was searched.
    search: SearchJson,
    /// The levels, in the order in which they were tried.
    levels: Vec<LevelJson>,
    /// The highest load that held below every load that broke; null where none did.
    highest_held: Option<f64>,
    /// The lowest load that broke; null where none did.
    lowest_broke: Option<f64>,
    /// The load that keeps the headroom free below the highest that held.
    safe: Option<f64>,
    /// The limit that broke first, as `METRIC: EXPRESSION`.
    first_broken: Option<String>,
    /// The step at which it was furthest beyond the limit.
    first_broken_step: Option<String>,
    /// What kept the load from going higher; null where that could not be told, or the search was stopped before.
    limited_by: Option<LimitedByJson>,
    /// How the search ended.
    ended: EndedJson,
    /// The safe load that was asked for.
    required: Option<f64>,
    /// Loads that held although a lower one broke: the service is not steady.
    held_above: Vec<f64>,
    /// Loads that broke once, and held when they were tried again.
    broke_once: Vec<f64>,
    /// Loads that could not be told.
    unclear: Vec<f64>,
    /// The load with the most goodput, where goodput fell beyond it.
    peak: Option<f64>,
    /// The Universal Scalability Law fitted to the levels; null where there are too few.
    usl: Option<UslJson>,
    /// The knee of goodput over load, by Kneedle; null where there is none.
    knee: Option<KneeJson>,
    /// How the service recovered; null where that was not measured.
    recovery: Option<RecoveryJson>,
    /// What the probes of the target told at the highest load that held; absent where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headroom: Vec<HeadroomJson>,
}

/// What is searched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Search")]
pub(crate) struct SearchJson {
    /// What loads are counted in.
    unit: UnitJson,
    /// The first load.
    start: f64,
    /// What is added from step to step; null where loads are multiplied.
    step: Option<f64>,
    /// What loads are multiplied by from step to step; null where something is added.
    factor: Option<f64>,
    /// The highest load.
    max: f64,
    /// Whether loads are whole numbers.
    whole: bool,
    /// The gap at which the search is content, as a share of the load.
    resolution: f64,
    /// The share of the highest load that held which the safe one keeps free.
    headroom: f64,
    /// How often the hold of a level may be extended.
    extensions: u32,
    /// The share of failed requests above which a level is broken whatever the limits say.
    error_guard: f64,
    /// Whether an answer counts only where each level that it rests on could be told, and the generator kept up at it.
    #[serde(default)]
    strict: bool,
    /// The safe load that is asked for.
    required: Option<f64>,
    /// The limits that break a level, as `METRIC: EXPRESSION`.
    limits: Vec<String>,
}

/// What loads are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "LoadUnit")]
enum UnitJson {
    Users,
    PerSecond,
}

/// What kept the load from going higher.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "LimitedBy")]
enum LimitedByJson {
    Service,
    Generator,
    Max,
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Ended")]
enum EndedJson {
    Found,
    AtStart,
    Top,
    GoodputFell,
    Generator,
    Stopped,
}

/// One level that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Level")]
pub(crate) struct LevelJson {
    /// The load.
    load: f64,
    /// What came of it.
    verdict: VerdictJson,
    /// Finished requests per second.
    http_reqs_per_second: f64,
    /// The same without failed ones, expected refusals, followed redirections and attempts that were sent again, and
    /// without those that missed `[slo]`.
    goodput_per_second: f64,
    /// The limits that broke, as `METRIC: EXPRESSION`, the one furthest beyond its mark first.
    broken: Vec<String>,
    /// Why it was tried.
    purpose: PurposeJson,
    /// How many holds were measured.
    holds: u32,
    /// When the first hold began.
    from_s: f64,
    /// When the last hold ended, or was cut short.
    until_s: f64,
    /// How long was measured.
    measured_s: f64,
    /// The share of failed requests.
    http_req_failed: f64,
    /// Quantiles of `http_req_latency`.
    http_req_latency: QuantilesJson,
    /// The 95th percentile of `ttft`; null where there are no streams.
    ttft_p95: Option<f64>,
    /// Output tokens per second; null where there are no streams.
    tokens_per_second: Option<f64>,
    /// Requests under way, on average.
    #[serde(default)]
    in_flight: f64,
    /// Little's law on the level; null where requests had no end that can be timed.
    little: Option<LittleJson>,
    /// The limits that broke, with what was observed, and the step that was furthest beyond.
    broken_limits: Vec<BrokenJson>,
    /// Whether the share of errors passed the guard.
    guarded: bool,
    /// Whether the generator was the limit, so that nothing is known of the service.
    generator_limited: bool,
    /// What kept the load from being there, where so much of it was missing that nothing is known of the service at it;
    /// else null.
    #[serde(default)]
    shortage: Option<ShortageJson>,
    /// Whether the generator was too late or too busy for its times to be believed.
    generator_doubtful: bool,
    /// What the probes of the target told in the holds, by name; absent where there are none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    probes: BTreeMap<String, SamplesJson>,
}

/// What came of a level.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "LevelVerdict")]
enum VerdictJson {
    Held,
    Broken,
    Unclear,
}

/// What kept a level from having its load.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Shortage")]
enum ShortageJson {
    /// Arrivals found all of `max_vus` busy.
    MaxVus,
    /// Arrivals were begun too late, or had no row of data left.
    Late,
    /// Users came to their end before the hold did.
    Users,
}

/// Why a level was tried.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Purpose")]
enum PurposeJson {
    Climb,
    Retry,
    LookAbove,
    Bisect,
}

/// Quantiles in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "LevelQuantiles")]
struct QuantilesJson {
    /// 50 %.
    p50: Option<f64>,
    /// 95 %.
    p95: Option<f64>,
    /// 99 %.
    p99: Option<f64>,
}

/// Requests under way, against what Little's law makes of their number and their length.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Little")]
struct LittleJson {
    /// Requests under way, on average.
    in_flight: f64,
    /// Requests a second times their mean latency.
    expected: f64,
}

/// A limit that broke.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "BrokenLimit")]
struct BrokenJson {
    /// The metric with its tags.
    metric: String,
    /// The expression.
    expression: String,
    /// What was observed.
    observed: Option<f64>,
    /// The unit: "ms", "%", "/s" or empty.
    unit: String,
    /// The step that was furthest beyond the limit.
    step: Option<String>,
}

/// The Universal Scalability Law.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Usl")]
struct UslJson {
    /// Throughput of one request under way, per second.
    lambda: f64,
    /// Contention.
    contention: f64,
    /// Coherency.
    coherency: f64,
    /// The standard errors of the three, by what was counted; null where the levels do not tell them apart.
    standard_errors: Option<UslErrorsJson>,
    /// The share of the variance that is explained.
    r_squared: f64,
    /// The root mean square of the relative errors.
    error: f64,
    /// Whether the fit is good enough to say anything beyond what was measured.
    good: bool,
    /// The requests under way with the most throughput; null where none is predicted.
    peak: Option<f64>,
    /// The throughput there.
    peak_per_second: Option<f64>,
}

/// The standard errors of the Universal Scalability Law.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[schemars(rename = "UslErrors")]
struct UslErrorsJson {
    /// Of `lambda`.
    lambda: f64,
    /// Of `contention`.
    contention: f64,
    /// Of `coherency`.
    coherency: f64,
}

/// The knee.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Knee")]
struct KneeJson {
    /// The load at the knee.
    load: f64,
    /// The lowest at which it may be.
    low: f64,
    /// The highest at which it may be.
    high: f64,
}

/// How a service recovered.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Recovery")]
struct RecoveryJson {
    /// The load it was brought back to.
    load: f64,
    /// Seconds until it was well again; null where it was not within the time it was given.
    after_s: Option<f64>,
}

/// The end of a search, in the run log.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct FoundRecord {
    ended: EndedJson,
    recovery: Option<RecoveryJson>,
}
