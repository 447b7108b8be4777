//! What probes told, as JSON: values in the unit of their probe, percent in its hundreds.

use crate::error::Damage;
use loadgen_capacity::Headroom;
use loadgen_stats::{ProbeLayout, ProbeStatus, ProbeSummary, ProbeTotals, Unit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a probe of the target told over the measured part of a run.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Probe")]
pub(crate) struct ProbeJson {
    /// What its values are measured in: "%", "ms", "/s", "bytes", or empty for a plain number.
    unit: &'static str,
    /// What it told.
    #[serde(flatten)]
    samples: SamplesJson,
    /// The value from which it is to be watched.
    warn: Option<f64>,
    /// The value from which nothing is left.
    critical: Option<f64>,
    /// What is left at the mean until `critical`, or until `warn` where there is no other.
    available: Option<f64>,
    /// How the mean stands to the marks; null where there are none.
    status: Option<StatusJson>,
}

/// The samples of a probe.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ProbeSamples")]
pub(crate) struct SamplesJson {
    /// How many.
    count: u64,
    /// Their sum.
    sum: f64,
    /// Their mean; null where there is none, as with those below.
    mean: Option<f64>,
    /// The least.
    min: Option<f64>,
    /// The most.
    max: Option<f64>,
    /// The last.
    last: Option<f64>,
    /// How often the probe failed, which gave no sample.
    failed: u64,
    /// Why it failed first; absent where it did not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    failure: String,
}

/// How a value stands to the marks of its probe.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ProbeStatus")]
enum StatusJson {
    Ok,
    Warn,
    Critical,
}

/// What the target used at the highest load that held.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Headroom")]
pub(crate) struct HeadroomJson {
    /// The name of the probe.
    probe: String,
    /// What its values are measured in.
    unit: &'static str,
    /// How much was used on average; null where the probe told nothing, as with those below.
    used: Option<f64>,
    /// The most that was used.
    most: Option<f64>,
    /// The value from which it is to be watched.
    warn: Option<f64>,
    /// The value from which nothing is left.
    critical: Option<f64>,
    /// What is left until `critical`, or until `warn` where there is no other.
    available: Option<f64>,
    /// How what was used stands to the marks; null where there are none.
    status: Option<StatusJson>,
}

/// A probe, as the header of a run log has it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ProbeRecord {
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    unit: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    warn: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    critical: Option<f64>,
}

impl ProbeJson {
    pub(crate) fn of(summary: &ProbeSummary) -> Self {
        let ProbeSummary { probe, totals } = summary;
        let headroom = Headroom::of(probe, totals);
        Self {
            unit: probe.unit.name(),
            samples: SamplesJson::of(totals),
            warn: probe.warn,
            critical: probe.critical,
            available: headroom.available,
            status: headroom.status.map(Into::into),
        }
    }
}

impl SamplesJson {
    pub(crate) fn of(totals: &ProbeTotals) -> Self {
        Self {
            count: totals.count,
            sum: totals.sum,
            mean: totals.mean(),
            min: totals.figure(|totals| totals.min),
            max: totals.figure(|totals| totals.max),
            last: totals.figure(|totals| totals.last),
            failed: totals.failed,
            failure: totals.message.clone(),
        }
    }

    pub(crate) fn restore(&self) -> Result<ProbeTotals, Damage> {
        let figure = |figure: Option<f64>| match (self.count, figure) {
            (0, _) => Ok(0.0),
            (_, Some(figure)) if figure.is_finite() => Ok(figure),
            _ => Err(Damage::new("a probe has samples, but no figures")),
        };
        Ok(ProbeTotals {
            count: self.count,
            sum: self.sum,
            min: figure(self.min)?,
            max: figure(self.max)?,
            last: figure(self.last)?,
            failed: self.failed,
            message: self.failure.clone(),
        })
    }
}

impl HeadroomJson {
    pub(crate) fn of(row: &Headroom<'_>) -> Self {
        Self {
            probe: row.probe.name.clone(),
            unit: row.probe.unit.name(),
            used: row.used,
            most: row.most,
            warn: row.probe.warn,
            critical: row.probe.critical,
            available: row.available,
            status: row.status.map(Into::into),
        }
    }
}

impl ProbeRecord {
    pub(crate) fn of(probe: &ProbeLayout) -> Self {
        Self {
            name: probe.name.clone(),
            unit: probe.unit.name().to_owned(),
            warn: probe.warn,
            critical: probe.critical,
        }
    }

    pub(crate) fn restore(self) -> Result<ProbeLayout, Damage> {
        let unit = Unit::from_name(&self.unit)
            .ok_or_else(|| Damage::new(format!("there is no unit `{}`", self.unit)))?;
        Ok(ProbeLayout {
            name: self.name,
            unit,
            warn: self.warn,
            critical: self.critical,
        })
    }
}

impl From<ProbeStatus> for StatusJson {
    fn from(status: ProbeStatus) -> Self {
        match status {
            ProbeStatus::Ok => Self::Ok,
            ProbeStatus::Warn => Self::Warn,
            ProbeStatus::Critical => Self::Critical,
        }
    }
}
