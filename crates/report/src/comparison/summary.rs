//! Reads a summary in JSON as far as a comparison needs it.

use crate::error::Error;
use crate::json::SUMMARY_SCHEMA;
use loadgen_stats::{
    ComparedRun, Metric, Outcome, RunData, RunDigest, RunFacts, RunFigure, Statistic, StopReason,
    Subject, Verdict,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

/// Warnings that say that the generator was the limit.
const GENERATOR: [&str; 2] = ["generator-late", "generator-busy"];
/// No summary is longer.
const LONGEST: u64 = 64 * 1024 * 1024;

#[derive(Deserialize)]
struct Schema {
    schema: String,
}

#[derive(Deserialize)]
struct Told {
    name: String,
    version: String,
    plan_hash: String,
    started_at: String,
    measured_s: f64,
    stop_reason: String,
    verdict: String,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    metric_definitions: Option<u32>,
    #[serde(default)]
    host: Option<HostTold>,
    #[serde(default)]
    outcomes: OutcomesTold,
    #[serde(default)]
    warnings: Vec<WarningTold>,
    metrics: Table,
    scenarios: BTreeMap<String, ScenarioTold>,
}

#[derive(Deserialize)]
struct HostTold {
    hostname: String,
    cpus: u64,
    arch: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OutcomesTold {
    ok: u64,
    failed: u64,
    rejected: u64,
    redirected: u64,
    ok_metrics: BTreeMap<String, TrendTold>,
}

#[derive(Deserialize)]
struct WarningTold {
    code: String,
}

#[derive(Deserialize)]
struct ScenarioTold {
    metrics: Table,
    steps: BTreeMap<String, StepTold>,
}

#[derive(Deserialize)]
struct StepTold {
    metrics: Table,
}

type Table = BTreeMap<String, MetricTold>;

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum MetricTold {
    Trend(TrendTold),
    Counter {
        count: u64,
        per_second: Option<f64>,
    },
    Rate {
        hits: u64,
        total: u64,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct TrendTold {
    count: u64,
    mean: Option<f64>,
    p50: Option<f64>,
    p90: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
    #[serde(default)]
    at_least: Vec<String>,
    #[serde(default)]
    rough: Vec<String>,
}

/// Reads a summary; `no_log`: why it is no run log.
pub(super) fn read(label: &str, input: impl Read, no_log: String) -> Result<ComparedRun, Error> {
    let mut text = Vec::new();
    input.take(LONGEST).read_to_end(&mut text)?;
    let Ok(Schema { schema }) = serde_json::from_slice(&text) else {
        return Err(Error::NoRunLog { reason: no_log });
    };
    if schema != SUMMARY_SCHEMA {
        let is_newer = schema.starts_with("loadgen.summary/");
        return Err(match is_newer {
            true => Error::NewerSummary { found: schema },
            false => Error::NoRunLog {
                reason: format!("it names the schema {schema:?}"),
            },
        });
    }
    let broken = |reason: String| Error::BrokenSummary { reason };
    let told: Told = serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
    told.run(label).map_err(broken)
}

impl Told {
    fn run(&self, label: &str) -> Result<ComparedRun, String> {
        let verdicts = [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive];
        let verdict = verdicts
            .into_iter()
            .find(|verdict| verdict.name() == self.verdict);
        let host = self.host.as_ref();
        let facts = RunFacts {
            label: label.to_owned(),
            name: self.name.clone(),
            load: String::new(),
            version: self.version.clone(),
            plan_hash: self.plan_hash.clone(),
            definitions: self.metric_definitions,
            hostname: host.map(|host| host.hostname.clone()),
            cpus: host.map(|host| host.cpus),
            arch: host.map(|host| host.arch.clone()),
            started_at: self.started_at.clone(),
            seed: self.seed,
            measured: Duration::try_from_secs_f64(self.measured_s)
                .map_err(|_| format!("it measured {} s", self.measured_s))?,
            verdict: verdict.ok_or_else(|| format!("there is no verdict `{}`", self.verdict))?,
            stop_reason: StopReason::from_name(&self.stop_reason)
                .ok_or_else(|| format!("there is no reason to stop `{}`", self.stop_reason))?,
            ends_early: false,
        };
        Ok(ComparedRun {
            facts,
            data: RunData::Figures(Box::new(self.digest())),
        })
    }

    fn digest(&self) -> RunDigest {
        let outcomes = &self.outcomes;
        let told = |warning: &WarningTold| GENERATOR.contains(&warning.code.as_str());
        RunDigest {
            figures: self.figures(),
            ok_figures: self.ok_figures(),
            outcomes: (
                outcomes.ok,
                outcomes.failed + outcomes.rejected + outcomes.redirected,
            ),
            doubtful: self.warnings.iter().any(told),
        }
    }

    /// Times of successful requests, which are told of the whole run only: none where it has several steps.
    fn ok_figures(&self) -> Vec<RunFigure> {
        if self.steps() > 1 {
            return Vec::new();
        }
        let mut figures = Vec::new();
        for (name, told) in &self.outcomes.ok_metrics {
            let Some(metric) = Metric::from_name(name).filter(|&metric| is_compared(metric)) else {
                continue;
            };
            figures.extend(told.figures(Subject {
                outcome: Some(Outcome::Ok),
                ..Subject::of_run(metric)
            }));
        }
        figures
    }

    /// How many steps there are.
    fn steps(&self) -> usize {
        let scenarios = self.scenarios.values();
        scenarios.map(|scenario| scenario.steps.len()).sum()
    }

    /// Those that a run log gives: of the run; of each scenario and each step where there are several.
    fn figures(&self) -> Vec<RunFigure> {
        let mut figures = Vec::new();
        let several = self.scenarios.len() > 1;
        let steps = self.steps();
        let run = Mixes {
            requests: steps > 1,
            iterations: several,
        };
        add(&self.metrics, run, None, None, &mut figures);
        for (name, scenario) in &self.scenarios {
            let own = several.then_some(name.as_str());
            if several {
                let mixes = Mixes {
                    iterations: false,
                    ..run
                };
                add(&scenario.metrics, mixes, own, None, &mut figures);
            }
            for (step, told) in scenario.steps.iter().filter(|_| steps > 1) {
                add(
                    &told.metrics,
                    Mixes::default(),
                    own,
                    Some(step),
                    &mut figures,
                );
            }
        }
        figures
    }
}

/// What of a table is of unlike things, whose times have no common middle.
#[derive(Clone, Copy, Default)]
struct Mixes {
    /// Of several steps.
    requests: bool,
    /// Of several scenarios.
    iterations: bool,
}

impl Mixes {
    const fn hide(self, metric: Metric) -> bool {
        if metric.is_of_iterations() {
            self.iterations
        } else {
            self.requests
        }
    }
}

/// The figures of one table. A metric that is not known here cannot be compared.
fn add(
    table: &Table,
    mixes: Mixes,
    scenario: Option<&str>,
    step: Option<&str>,
    into: &mut Vec<RunFigure>,
) {
    for (name, told) in table {
        let Some(metric) = Metric::from_name(name).filter(|&metric| is_compared(metric)) else {
            continue;
        };
        let subject = Subject {
            scenario: scenario.map(str::to_owned),
            step: step.map(str::to_owned),
            ..Subject::of_run(metric)
        };
        let figure = |statistic, value, samples, hits| RunFigure {
            subject: subject.clone(),
            statistic,
            value,
            samples,
            hits,
            rough: false,
            at_least: false,
        };
        match told {
            MetricTold::Trend(_) if mixes.hide(metric) => {}
            MetricTold::Trend(trend) => into.extend(trend.figures(subject)),
            MetricTold::Counter {
                count,
                per_second: Some(rate),
            } if *count > 0 => {
                into.push(figure(Statistic::Rate, *rate, *count, None));
            }
            MetricTold::Rate { hits, total } if *total > 0 => {
                let share = *hits as f64 / *total as f64;
                into.push(figure(Statistic::Rate, share, *total, Some(*hits)));
            }
            _ => {}
        }
    }
}

fn is_compared(metric: Metric) -> bool {
    Subject::of_run(metric).is_compared()
}

impl TrendTold {
    fn figures(&self, subject: Subject) -> impl Iterator<Item = RunFigure> {
        self.values().map(move |(statistic, value)| {
            let named = |names: &[String]| names.iter().any(|name| name == statistic.name());
            RunFigure {
                subject: subject.clone(),
                statistic,
                value,
                samples: self.count,
                hits: None,
                rough: named(&self.rough),
                at_least: named(&self.at_least),
            }
        })
    }

    fn values(&self) -> impl Iterator<Item = (Statistic, f64)> {
        let values = [self.p50, self.p90, self.p95, self.p99, self.mean];
        let pairs = Statistic::OF_TREND.into_iter().zip(values);
        pairs.filter_map(|(statistic, value)| Some((statistic, value?)))
    }
}
