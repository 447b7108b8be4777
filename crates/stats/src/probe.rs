//! Figures of the target that are taken while a run goes on: what a probe is, and what its samples come to.

use crate::{Layout, Unit};

/// A probe by its place in [`Layout::probes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeIndex(pub usize);

/// What is known of a probe before a run begins.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeLayout {
    /// Its name: its metric is `probe.NAME`.
    pub name: String,
    /// What its values are measured in. Unlike others, those of [`Unit::Percent`] are 85 for 85 %.
    pub unit: Unit,
    /// The value from which it is to be watched.
    pub warn: Option<f64>,
    /// The value from which nothing is left.
    pub critical: Option<f64>,
}

/// How a value stands to the marks of its probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbeStatus {
    /// Below both.
    Ok,
    /// At `warn` or above.
    Warn,
    /// At `critical` or above.
    Critical,
}

/// What the samples of a probe come to. A probe that failed gave no sample: it is counted apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeTotals {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The least; only where there are any, as the two below.
    pub min: f64,
    /// The most.
    pub max: f64,
    /// The last.
    pub last: f64,
    /// How often it failed.
    pub failed: u64,
    /// Why it failed first.
    pub message: String,
}

impl ProbeLayout {
    /// How a value stands to the marks; none where there are none.
    #[must_use]
    pub fn status(&self, value: f64) -> Option<ProbeStatus> {
        let at = |mark: Option<f64>| mark.is_some_and(|mark| value >= mark);
        match (at(self.warn), at(self.critical)) {
            (_, true) => Some(ProbeStatus::Critical),
            (true, false) => Some(ProbeStatus::Warn),
            _ => (self.warn.is_some() || self.critical.is_some()).then_some(ProbeStatus::Ok),
        }
    }

    /// What is left of it at a value: until `critical`, else until `warn`; never below zero.
    #[must_use]
    pub fn available(&self, value: f64) -> Option<f64> {
        self.critical
            .or(self.warn)
            .map(|mark| (mark - value).max(0.0))
    }
}

impl ProbeStatus {
    /// The public name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Critical => "critical",
        }
    }
}

impl ProbeTotals {
    /// Takes in a value. One that is no number is none.
    pub fn add(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        self.merge(&Self {
            count: 1,
            sum: value,
            min: value,
            max: value,
            last: value,
            ..Self::default()
        });
    }

    /// Counts a failure.
    pub fn fail(&mut self, message: &str) {
        self.merge(&Self {
            failed: 1,
            message: super::totals::shortened(message).to_owned(),
            ..Self::default()
        });
    }

    /// Adds those that came `later`.
    pub fn merge(&mut self, later: &Self) {
        if self.failed == 0 && later.failed > 0 {
            self.message.clone_from(&later.message);
        }
        self.failed += later.failed;
        if later.count == 0 {
            return;
        }
        if self.count == 0 {
            (self.min, self.max) = (later.min, later.max);
        }
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        self.last = later.last;
        self.sum += later.sum;
        self.count += later.count;
    }

    /// Whether it neither gave a value nor failed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0 && self.failed == 0
    }

    /// The mean; none where there is no sample.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// A figure of the samples; none where there are none.
    #[must_use]
    pub fn figure(&self, figure: impl Fn(&Self) -> f64) -> Option<f64> {
        (self.count > 0).then(|| figure(self))
    }
}

impl Layout {
    /// The probe that a metric `probe.NAME` means.
    #[must_use]
    pub fn probe(&self, metric: &str) -> Option<ProbeIndex> {
        let name = metric.strip_prefix("probe.")?;
        let place = self.probes.iter().position(|probe| probe.name == name)?;
        Some(ProbeIndex(place))
    }
}

#[cfg(test)]
mod tests;
