//! The first line of a run log: all that is needed to read the rest, and to compare the run with another.

use crate::error::Damage;
use crate::probes::json::ProbeRecord;
use loadgen_stats::{
    Layout, Offset, ScenarioIndex, ScenarioLayout, SelectedTrend, SloLimit, StepIndex, StepLayout,
    StepRole, Threshold, Trend,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The format of the run logs written here. A reader of this one refuses a greater number.
pub const RUN_LOG_SCHEMA: &str = "loadgen.runlog/1";

/// The version of what the names of metrics mean; grows when a definition changes.
pub const METRIC_DEFINITIONS: u32 = 1;

/// What is known of a run before it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The version of loadgen that carries out the run.
    pub version: String,
    /// The name of the scenario file, or of the ad-hoc run.
    pub name: String,
    /// The load as a person says it: `50 users for 30 s`. May be empty.
    pub load: String,
    /// The canonical plan, without target, seed, secrets, outputs and thresholds.
    pub plan: serde_json::Value,
    /// SHA-256 of the canonical plan, in hexadecimal.
    pub plan_hash: String,
    /// The seed of every random choice.
    pub seed: u64,
    /// When the run began, in RFC 3339 and UTC.
    pub started_at: String,
    /// Where the requests go, without user and password; absent where every step has a URL of its own.
    pub target: Option<String>,
    /// Whether the target runs inside this process.
    pub target_is_embedded: bool,
    /// The machine that makes the load.
    pub host: Host,
    /// The scenarios and steps that the records count by their place.
    pub layout: Layout,
    /// The thresholds as (metric, expression).
    pub thresholds: Vec<(String, String)>,
    /// The measured part of due times as planned; the end is [`Offset::MAX`] where the plan does not tell it.
    pub measured: (Offset, Offset),
    /// Whether doubt makes the verdict inconclusive.
    pub strict: bool,
    /// Whether a run without a success may pass.
    pub allow_all_failed: bool,
}

/// Facts of the machine that makes the load.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Host {
    /// Its name; empty where it has none.
    pub hostname: String,
    /// The operating system: `Linux`.
    pub os: String,
    /// The release of its kernel.
    pub kernel: String,
    /// The architecture of its processors: `x86_64`.
    pub arch: String,
    /// Processors that the process may use.
    pub cpus: usize,
    /// Memory in bytes, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// File descriptors that the process may have open, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u64>,
    /// The first and the last port that outgoing connections get, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_ports: Option<(u16, u16)>,
}

impl Host {
    /// The ports that one local address has for one address of a target, where known.
    #[must_use]
    pub fn ports(&self) -> Option<u64> {
        let (first, last) = self.local_ports?;
        Some(u64::from(last.checked_sub(first)?) + 1)
    }
}

/// The line as written.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HeaderRecord {
    schema: String,
    version: String,
    metric_definitions: u32,
    name: String,
    #[serde(default)]
    load: String,
    plan_hash: String,
    seed: u64,
    started_at: String,
    #[serde(default)]
    target: Option<String>,
    #[serde(default)]
    target_is_embedded: bool,
    #[serde(default)]
    host: Host,
    layout: LayoutRecord,
    thresholds: Vec<ThresholdRecord>,
    measured_ns: (u64, u64),
    #[serde(default)]
    strict: bool,
    #[serde(default)]
    allow_all_failed: bool,
    plan: serde_json::Value,
}

#[derive(Debug, Serialize, Deserialize)]
struct ThresholdRecord {
    metric: String,
    expression: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct LayoutRecord {
    scenarios: Vec<ScenarioRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    selected: Vec<SelectedRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    probes: Vec<ProbeRecord>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ScenarioRecord {
    name: String,
    /// Whether its load waits for answers before it asks for more.
    #[serde(default)]
    closed: bool,
    steps: Vec<StepRecord>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StepRecord {
    name: String,
    #[serde(default)]
    stream: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    slo: Vec<SloRecord>,
    /// Absent: a request of iterations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SloRecord {
    trend: String,
    limit_ns: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct SelectedRecord {
    trend: String,
    status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scenario: Option<usize>,
}

impl Header {
    /// The thresholds as the statistics judge them.
    ///
    /// # Errors
    ///
    /// The first threshold that cannot be read, and why.
    pub fn parsed_thresholds(&self) -> Result<Vec<Threshold>, String> {
        let parse = |(metric, expression): &(String, String)| {
            Threshold::parse(metric, expression, &self.layout).map_err(|problems| {
                let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
                format!(
                    "the threshold `{metric}: {expression}`: {}",
                    problems.join("; ")
                )
            })
        };
        self.thresholds.iter().map(parse).collect()
    }

    /// Where the requests go, certainly without user and password.
    pub(crate) fn shown_target(&self) -> Option<String> {
        self.target.as_deref().map(without_userinfo)
    }
}

impl HeaderRecord {
    pub(super) fn of(header: &Header) -> Self {
        let thresholds = header.thresholds.iter();
        Self {
            schema: RUN_LOG_SCHEMA.to_owned(),
            version: header.version.clone(),
            metric_definitions: METRIC_DEFINITIONS,
            name: header.name.clone(),
            load: header.load.clone(),
            plan_hash: header.plan_hash.clone(),
            seed: header.seed,
            started_at: header.started_at.clone(),
            target: header.shown_target(),
            target_is_embedded: header.target_is_embedded,
            host: header.host.clone(),
            layout: LayoutRecord::of(&header.layout),
            thresholds: thresholds
                .map(|(metric, expression)| ThresholdRecord {
                    metric: metric.clone(),
                    expression: expression.clone(),
                })
                .collect(),
            measured_ns: (header.measured.0.as_nanos(), header.measured.1.as_nanos()),
            strict: header.strict,
            allow_all_failed: header.allow_all_failed,
            plan: header.plan.clone(),
        }
    }

    pub(super) const fn definitions(&self) -> u32 {
        self.metric_definitions
    }

    pub(super) fn restore(self) -> Result<Header, Damage> {
        let thresholds = self.thresholds.into_iter();
        Ok(Header {
            version: self.version,
            name: self.name,
            load: self.load,
            plan: self.plan,
            plan_hash: self.plan_hash,
            seed: self.seed,
            started_at: self.started_at,
            target: self.target,
            target_is_embedded: self.target_is_embedded,
            host: self.host,
            layout: self.layout.restore()?,
            thresholds: thresholds
                .map(|threshold| (threshold.metric, threshold.expression))
                .collect(),
            measured: (
                Offset::from_nanos(self.measured_ns.0),
                Offset::from_nanos(self.measured_ns.1),
            ),
            strict: self.strict,
            allow_all_failed: self.allow_all_failed,
        })
    }
}

impl LayoutRecord {
    fn of(layout: &Layout) -> Self {
        let scenarios = layout.scenarios.iter().map(|scenario| ScenarioRecord {
            name: scenario.name.clone(),
            closed: scenario.closed,
            steps: layout
                .steps
                .get(scenario.steps.clone())
                .unwrap_or_default()
                .iter()
                .map(StepRecord::of)
                .collect(),
        });
        let selected = layout.selected.iter().map(|selected| SelectedRecord {
            trend: selected.trend.name().to_owned(),
            status: selected.status,
            step: selected.step.map(|step| step.0),
            scenario: selected.scenario.map(|scenario| scenario.0),
        });
        Self {
            scenarios: scenarios.collect(),
            selected: selected.collect(),
            probes: layout.probes.iter().map(ProbeRecord::of).collect(),
        }
    }

    fn restore(self) -> Result<Layout, Damage> {
        let mut layout = Layout::default();
        for (place, scenario) in self.scenarios.into_iter().enumerate() {
            let first = layout.steps.len();
            for step in scenario.steps {
                layout.steps.push(step.restore(ScenarioIndex(place))?);
            }
            layout.scenarios.push(ScenarioLayout {
                name: scenario.name,
                steps: first..layout.steps.len(),
                closed: scenario.closed,
            });
        }
        for selected in self.selected {
            let known = selected.step.is_none_or(|step| step < layout.steps.len())
                && selected
                    .scenario
                    .is_none_or(|scenario| scenario < layout.scenarios.len());
            if !known {
                return Err(Damage::new(
                    "a trend is selected of a step or scenario that is not there",
                ));
            }
            layout.selected.push(SelectedTrend {
                trend: trend(&selected.trend)?,
                status: selected.status,
                step: selected.step.map(StepIndex),
                scenario: selected.scenario.map(ScenarioIndex),
            });
        }
        let probes = self.probes.into_iter().map(ProbeRecord::restore);
        layout.probes = probes.collect::<Result<_, Damage>>()?;
        Ok(layout)
    }
}

impl StepRecord {
    fn of(step: &StepLayout) -> Self {
        let slo = step.slo.iter().map(|slo| SloRecord {
            trend: slo.trend.name().to_owned(),
            limit_ns: u64::try_from(slo.limit.as_nanos()).unwrap_or(u64::MAX),
        });
        Self {
            name: step.name.clone(),
            stream: step.stream,
            slo: slo.collect(),
            role: (step.role != StepRole::Request).then(|| step.role.name().to_owned()),
        }
    }

    fn restore(self, scenario: ScenarioIndex) -> Result<StepLayout, Damage> {
        let slo = self.slo.into_iter().map(|slo| {
            Ok(SloLimit {
                trend: trend(&slo.trend)?,
                limit: Duration::from_nanos(slo.limit_ns),
            })
        });
        let role = self.role.as_deref().map(StepRole::from_name);
        let role = role.unwrap_or(Some(StepRole::Request));
        Ok(StepLayout {
            role: role.ok_or_else(|| Damage::new("a step has an unknown role"))?,
            name: self.name,
            scenario,
            stream: self.stream,
            slo: slo.collect::<Result<_, Damage>>()?,
        })
    }
}

/// The URL without `user:password@`.
fn without_userinfo(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}://{}", &rest[host..])
}

fn trend(name: &str) -> Result<Trend, Damage> {
    Trend::from_name(name).ok_or_else(|| Damage::new(format!("there is no trend `{name}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_are_left_out() {
        let cases = [
            ("http://host/path", "http://host/path"),
            (
                "https://me:secret@host:8443/a?b=c@d",
                "https://host:8443/a?b=c@d",
            ),
            ("http://a@b@host", "http://host"),
            ("http://[::1]:80/", "http://[::1]:80/"),
            ("http://host/mail/me@there", "http://host/mail/me@there"),
            ("mock", "mock"),
        ];
        for (url, expected) in cases {
            assert_eq!(without_userinfo(url), expected);
        }
    }
}
