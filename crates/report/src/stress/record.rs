//! A search for the breaking point as JSON: in the summary, and line by line in the run log.

use crate::error::Damage;
use crate::json::millis;
use loadgen_capacity::{
    Answer, Broken, Ended, Growth, Ladder, Level, LevelVerdict, Little, LoadUnit, Purpose,
    Recovery, SearchSettings, Stress,
};
use loadgen_stats::{Offset, Unit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

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
    /// What kept the load from going higher; null where the search was stopped before that was known.
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
    /// The same without failed ones, and without those that missed `[slo]`.
    goodput_per_second: f64,
    /// The limits that broke, as `METRIC: EXPRESSION`.
    broken: Vec<String>,
    /// Why it was tried.
    purpose: PurposeJson,
    /// How many holds were measured.
    holds: u32,
    /// When the first hold began.
    from_s: f64,
    /// When the last hold ended.
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
    /// Little's law on the level; null where requests had no end that can be timed.
    little: Option<LittleJson>,
    /// The limits that broke, with what was observed, and the step that was furthest beyond.
    broken_limits: Vec<BrokenJson>,
    /// Whether the share of errors passed the guard.
    guarded: bool,
    /// Whether the generator was the limit, so that nothing is known of the service.
    generator_limited: bool,
    /// Whether the generator was too late or too busy for its times to be believed.
    generator_doubtful: bool,
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
    /// Throughput of one user, per second.
    lambda: f64,
    /// Contention.
    contention: f64,
    /// Coherency.
    coherency: f64,
    /// The share of the variance that is explained.
    r_squared: f64,
    /// The root mean square of the relative errors.
    error: f64,
    /// Whether the fit is good enough to say anything beyond what was measured.
    good: bool,
    /// The load with the most throughput; null where none is predicted.
    peak: Option<f64>,
    /// The throughput there.
    peak_per_second: Option<f64>,
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

impl StressJson {
    pub(crate) fn of(stress: &Stress) -> Self {
        let answer = &stress.answer;
        let first = stress.first_broken();
        Self {
            search: SearchJson::of(
                &stress.settings,
                stress.unit,
                stress.required,
                &stress.limits,
            ),
            levels: stress.levels.iter().map(LevelJson::of).collect(),
            highest_held: answer.highest_held,
            lowest_broke: answer.lowest_broke,
            safe: answer.safe,
            first_broken: first.map(|limit| format!("{}: {}", limit.metric, limit.expression)),
            first_broken_step: first.and_then(|limit| limit.step.clone()),
            limited_by: limited_by(answer),
            ended: answer.ended.into(),
            required: stress.required,
            held_above: answer.held_above.clone(),
            broke_once: answer.broke_once.clone(),
            unclear: answer.unclear.clone(),
            peak: answer.peak,
            usl: stress.usl.map(|usl| {
                let peak = usl.peak();
                UslJson {
                    lambda: usl.lambda,
                    contention: usl.contention,
                    coherency: usl.coherency,
                    r_squared: usl.r_squared,
                    error: usl.error,
                    good: usl.is_good(),
                    peak: peak.map(|(load, _)| load),
                    peak_per_second: peak.map(|(_, rate)| rate),
                }
            }),
            knee: stress.knee.map(|knee| KneeJson {
                load: knee.load,
                low: knee.low,
                high: knee.high,
            }),
            recovery: stress.recovery.map(Into::into),
        }
    }
}

fn limited_by(answer: &Answer) -> Option<LimitedByJson> {
    use loadgen_capacity::LimitedBy;
    match answer.limited_by() {
        None => None,
        Some(LimitedBy::Service) => Some(LimitedByJson::Service),
        Some(LimitedBy::Generator) => Some(LimitedByJson::Generator),
        Some(LimitedBy::Max) => Some(LimitedByJson::Max),
    }
}

impl SearchJson {
    pub(crate) fn of(
        settings: &SearchSettings,
        unit: LoadUnit,
        required: Option<f64>,
        limits: &[String],
    ) -> Self {
        let ladder = settings.ladder;
        let (step, factor) = match ladder.growth {
            Growth::Step(step) => (Some(step), None),
            Growth::Factor(factor) => (None, Some(factor)),
        };
        Self {
            unit: match unit {
                LoadUnit::Users => UnitJson::Users,
                LoadUnit::PerSecond => UnitJson::PerSecond,
            },
            start: ladder.start,
            step,
            factor,
            max: ladder.max,
            whole: ladder.whole,
            resolution: settings.resolution,
            headroom: settings.headroom,
            extensions: settings.extensions,
            error_guard: settings.error_guard,
            required,
            limits: limits.to_vec(),
        }
    }

    /// The settings again, and what loads are counted in.
    fn restore(&self) -> Result<(SearchSettings, LoadUnit), Damage> {
        let growth = match (self.step, self.factor) {
            (Some(step), None) => Growth::Step(step),
            (None, Some(factor)) => Growth::Factor(factor),
            _ => {
                return Err(Damage::new(
                    "the search goes up neither by steps nor by a factor",
                ));
            }
        };
        let ladder = Ladder {
            start: self.start,
            growth,
            max: self.max,
            whole: self.whole,
        };
        let settings = SearchSettings {
            resolution: self.resolution,
            extensions: self.extensions,
            error_guard: self.error_guard,
            headroom: self.headroom,
            ..SearchSettings::new(ladder)
        };
        let unit = match self.unit {
            UnitJson::Users => LoadUnit::Users,
            UnitJson::PerSecond => LoadUnit::PerSecond,
        };
        Ok((settings, unit))
    }
}

impl LevelJson {
    pub(crate) fn of(level: &Level) -> Self {
        let [p50, p95, p99] = level.latency.map(|time| time.map(millis));
        Self {
            load: level.load,
            verdict: match level.verdict {
                LevelVerdict::Held => VerdictJson::Held,
                LevelVerdict::Broken => VerdictJson::Broken,
                LevelVerdict::Unclear | LevelVerdict::Generator => VerdictJson::Unclear,
            },
            http_reqs_per_second: level.http_reqs_per_second,
            goodput_per_second: level.goodput_per_second,
            broken: level.broken_expressions().collect(),
            purpose: match level.purpose {
                Purpose::Climb => PurposeJson::Climb,
                Purpose::Retry => PurposeJson::Retry,
                Purpose::LookAbove => PurposeJson::LookAbove,
                Purpose::Bisect => PurposeJson::Bisect,
            },
            holds: level.holds,
            from_s: level.from.as_secs_f64(),
            until_s: level.until.as_secs_f64(),
            measured_s: level.seconds,
            http_req_failed: level.failed,
            http_req_latency: QuantilesJson { p50, p95, p99 },
            ttft_p95: level.ttft_p95.map(millis),
            tokens_per_second: level.tokens_per_second,
            little: level.little.map(|little| LittleJson {
                in_flight: little.users,
                expected: little.expected,
            }),
            broken_limits: level.broken.iter().map(BrokenJson::of).collect(),
            guarded: level.guarded,
            generator_limited: level.verdict == LevelVerdict::Generator,
            generator_doubtful: level.generator_doubtful,
        }
    }

    fn restore(&self) -> Result<Level, Damage> {
        let latency = [
            self.http_req_latency.p50,
            self.http_req_latency.p95,
            self.http_req_latency.p99,
        ];
        Ok(Level {
            load: self.load,
            purpose: match self.purpose {
                PurposeJson::Climb => Purpose::Climb,
                PurposeJson::Retry => Purpose::Retry,
                PurposeJson::LookAbove => Purpose::LookAbove,
                PurposeJson::Bisect => Purpose::Bisect,
            },
            verdict: match self.verdict {
                _ if self.generator_limited => LevelVerdict::Generator,
                VerdictJson::Held => LevelVerdict::Held,
                VerdictJson::Broken => LevelVerdict::Broken,
                VerdictJson::Unclear => LevelVerdict::Unclear,
            },
            guarded: self.guarded,
            holds: self.holds,
            from: Offset::from(duration(self.from_s)?),
            until: Offset::from(duration(self.until_s)?),
            seconds: self.measured_s,
            http_reqs_per_second: self.http_reqs_per_second,
            goodput_per_second: self.goodput_per_second,
            failed: self.http_req_failed,
            latency: [time(latency[0])?, time(latency[1])?, time(latency[2])?],
            ttft_p95: time(self.ttft_p95)?,
            tokens_per_second: self.tokens_per_second,
            little: self.little.map(|little| Little {
                users: little.in_flight,
                expected: little.expected,
            }),
            broken: self
                .broken_limits
                .iter()
                .map(BrokenJson::restore)
                .collect::<Result<_, _>>()?,
            generator_doubtful: self.generator_doubtful,
        })
    }
}

impl BrokenJson {
    fn of(limit: &Broken) -> Self {
        Self {
            metric: limit.metric.clone(),
            expression: limit.expression.clone(),
            observed: limit.observed,
            unit: limit.unit.name().to_owned(),
            step: limit.step.clone(),
        }
    }

    fn restore(&self) -> Result<Broken, Damage> {
        let units = [
            Unit::Milliseconds,
            Unit::Count,
            Unit::PerSecond,
            Unit::Percent,
        ];
        let unit = units.into_iter().find(|unit| unit.name() == self.unit);
        Ok(Broken {
            metric: self.metric.clone(),
            expression: self.expression.clone(),
            observed: self.observed,
            unit: unit.ok_or_else(|| Damage::new(format!("there is no unit `{}`", self.unit)))?,
            step: self.step.clone(),
        })
    }
}

impl From<Ended> for EndedJson {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Found => Self::Found,
            Ended::AtStart => Self::AtStart,
            Ended::Top => Self::Top,
            Ended::GoodputFell => Self::GoodputFell,
            Ended::Generator => Self::Generator,
            Ended::Stopped => Self::Stopped,
        }
    }
}

impl From<Recovery> for RecoveryJson {
    fn from(recovery: Recovery) -> Self {
        Self {
            load: recovery.load,
            after_s: recovery.after.map(|after| after.as_secs_f64()),
        }
    }
}

impl FoundRecord {
    pub(crate) fn of(stress: &Stress) -> Self {
        Self {
            ended: stress.answer.ended.into(),
            recovery: stress.recovery.map(Into::into),
        }
    }
}

/// A search, as far as its log tells; a log that ends early is one of a search that was stopped.
pub(crate) fn restore(
    search: &SearchJson,
    levels: &[LevelJson],
    found: Option<&FoundRecord>,
) -> Result<Stress, Damage> {
    let (settings, unit) = search.restore()?;
    let levels = levels
        .iter()
        .map(LevelJson::restore)
        .collect::<Result<_, _>>()?;
    let ended = match found.map(|found| found.ended) {
        Some(EndedJson::Found) => Ended::Found,
        Some(EndedJson::AtStart) => Ended::AtStart,
        Some(EndedJson::Top) => Ended::Top,
        Some(EndedJson::GoodputFell) => Ended::GoodputFell,
        Some(EndedJson::Generator) => Ended::Generator,
        Some(EndedJson::Stopped) | None => Ended::Stopped,
    };
    let recovery = found.and_then(|found| found.recovery);
    let recovery = recovery.map(|recovery| {
        let after = recovery.after_s.map(duration).transpose()?;
        Ok(Recovery {
            load: recovery.load,
            after,
        })
    });
    Ok(Stress {
        required: search.required,
        limits: search.limits.clone(),
        recovery: recovery.transpose()?,
        ..Stress::of(settings, unit, levels, ended)
    })
}

fn duration(seconds: f64) -> Result<Duration, Damage> {
    Duration::try_from_secs_f64(seconds).map_err(|_| Damage::new(format!("{seconds} s is no time")))
}

fn time(millis: Option<f64>) -> Result<Option<Duration>, Damage> {
    millis.map(|millis| duration(millis / 1000.0)).transpose()
}
