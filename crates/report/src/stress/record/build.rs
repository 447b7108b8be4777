//! Fills the JSON of a search from what the search came to, and reads it back from a run log.

use super::{
    BrokenJson, EndedJson, FoundRecord, KneeJson, LevelJson, LimitedByJson, LittleJson,
    PurposeJson, QuantilesJson, RecoveryJson, SearchJson, ShortageJson, StressJson, UnitJson,
    UslErrorsJson, UslJson, VerdictJson,
};
use crate::error::Damage;
use crate::json::millis;
use crate::probes::json::{HeadroomJson, SamplesJson};
use loadgen_capacity::{
    Answer, Broken, Ended, Growth, Ladder, Level, LevelVerdict, LimitedBy, Little, LoadUnit,
    Purpose, Recovery, SearchSettings, Shortage, Stress,
};
use loadgen_stats::{Offset, ProbeLayout, ProbeTotals, Unit};
use std::time::Duration;

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
            levels: stress
                .levels
                .iter()
                .map(|level| LevelJson::of(level, &stress.probes))
                .collect(),
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
                    standard_errors: usl.errors.map(|[lambda, contention, coherency]| {
                        UslErrorsJson {
                            lambda,
                            contention,
                            coherency,
                        }
                    }),
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
            headroom: stress.headroom().iter().map(HeadroomJson::of).collect(),
        }
    }
}

fn limited_by(answer: &Answer) -> Option<LimitedByJson> {
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
            strict: settings.strict,
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
            strict: self.strict,
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
    pub(crate) fn of(level: &Level, probes: &[ProbeLayout]) -> Self {
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
            purpose: level.purpose.into(),
            holds: level.holds,
            from_s: level.from.as_secs_f64(),
            until_s: level.until.as_secs_f64(),
            measured_s: level.seconds,
            http_req_failed: level.failed,
            http_req_latency: QuantilesJson { p50, p95, p99 },
            ttft_p95: level.ttft_p95.map(millis),
            tokens_per_second: level.tokens_per_second,
            in_flight: level.in_flight,
            little: level.little.map(|little| LittleJson {
                in_flight: little.users,
                expected: little.expected,
            }),
            broken_limits: level.broken.iter().map(BrokenJson::of).collect(),
            guarded: level.guarded,
            generator_limited: level.verdict == LevelVerdict::Generator,
            shortage: level.shortage.map(Into::into),
            generator_doubtful: level.generator_doubtful,
            probes: probes
                .iter()
                .zip(&level.probes)
                .map(|(probe, totals)| (probe.name.clone(), SamplesJson::of(totals)))
                .collect(),
        }
    }

    fn restore(&self, probes: &[ProbeLayout]) -> Result<Level, Damage> {
        let latency = [
            self.http_req_latency.p50,
            self.http_req_latency.p95,
            self.http_req_latency.p99,
        ];
        Ok(Level {
            load: self.load,
            purpose: self.purpose.into(),
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
            // Logs of before have it beside Little's law only.
            in_flight: match (self.in_flight > 0.0, self.little) {
                (false, Some(little)) => little.in_flight,
                _ => self.in_flight,
            },
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
            shortage: self.shortage.map(Into::into),
            probes: probes
                .iter()
                .map(|probe| match self.probes.get(&probe.name) {
                    Some(samples) => samples.restore(),
                    None => Ok(ProbeTotals::default()),
                })
                .collect::<Result<_, _>>()?,
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
        let unit = Unit::from_name(&self.unit);
        Ok(Broken {
            metric: self.metric.clone(),
            expression: self.expression.clone(),
            observed: self.observed,
            unit: unit.ok_or_else(|| Damage::new(format!("there is no unit `{}`", self.unit)))?,
            step: self.step.clone(),
        })
    }
}

impl From<Shortage> for ShortageJson {
    fn from(shortage: Shortage) -> Self {
        match shortage {
            Shortage::MaxVus => Self::MaxVus,
            Shortage::Late => Self::Late,
            Shortage::Users => Self::Users,
        }
    }
}

impl From<ShortageJson> for Shortage {
    fn from(shortage: ShortageJson) -> Self {
        match shortage {
            ShortageJson::MaxVus => Self::MaxVus,
            ShortageJson::Late => Self::Late,
            ShortageJson::Users => Self::Users,
        }
    }
}

impl From<Purpose> for PurposeJson {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Climb => Self::Climb,
            Purpose::Retry => Self::Retry,
            Purpose::LookAbove => Self::LookAbove,
            Purpose::Bisect => Self::Bisect,
        }
    }
}

impl From<PurposeJson> for Purpose {
    fn from(purpose: PurposeJson) -> Self {
        match purpose {
            PurposeJson::Climb => Self::Climb,
            PurposeJson::Retry => Self::Retry,
            PurposeJson::LookAbove => Self::LookAbove,
            PurposeJson::Bisect => Self::Bisect,
        }
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
    probes: &[ProbeLayout],
) -> Result<Stress, Damage> {
    let (settings, unit) = search.restore()?;
    let levels = levels
        .iter()
        .map(|level| level.restore(probes))
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
        probes: probes.to_vec(),
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
