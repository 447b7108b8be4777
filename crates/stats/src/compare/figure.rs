//! One number of one run that is compared: which metric, of which part, and what is made of it.

use crate::{Counter, Metric, Outcome, Rate, Trend, Unit};
use std::fmt;

/// What a number is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The metric.
    pub metric: Metric,
    /// Only this scenario; set where a file has several.
    pub scenario: Option<String>,
    /// Only this step; set where a file has several.
    pub step: Option<String>,
    /// Only requests of this outcome.
    pub outcome: Option<Outcome>,
}

/// What is made of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// The median.
    P50,
    /// The 90th percentile.
    P90,
    /// The 95th percentile.
    P95,
    /// The 99th percentile.
    P99,
    /// The mean.
    Mean,
    /// The share of a rate, or a count per second.
    Rate,
}

/// One number of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunFigure {
    /// What it is about.
    pub subject: Subject,
    /// What is made of it.
    pub statistic: Statistic,
    /// Milliseconds, a share from 0 to 1, or a count per second.
    pub value: f64,
    /// How many samples it rests on.
    pub samples: u64,
    /// Of a share: what it counts among the samples.
    pub hits: Option<u64>,
    /// Whether fewer than ten samples lie beyond the quantile.
    pub rough: bool,
    /// Whether the truth is this or more, because requests timed out.
    pub at_least: bool,
}

impl Subject {
    /// A metric of the whole run.
    #[must_use]
    pub const fn of_run(metric: Metric) -> Self {
        Self {
            metric,
            scenario: None,
            step: None,
            outcome: None,
        }
    }

    /// Whether its metric is compared at all: no gauge, nothing that only tells of the generator, and of the counters
    /// those that stand for what was done.
    #[must_use]
    pub fn is_compared(&self) -> bool {
        match self.metric {
            Metric::Trend(trend) => trends().any(|one| one == trend),
            Metric::Counter(counter) => COUNTERS.contains(&counter),
            Metric::Rate(_) => true,
            Metric::Gauge(_) | Metric::Probe(_) => false,
        }
    }

    /// Whether it is a time that larger ones contain: what matters of it is seen in them.
    #[must_use]
    pub const fn is_part(&self) -> bool {
        matches!(
            self.metric,
            Metric::Trend(
                Trend::HttpReqDns
                    | Trend::HttpReqConnecting
                    | Trend::HttpReqTlsHandshaking
                    | Trend::HttpReqWaiting
                    | Trend::HttpReqReceiving
            )
        )
    }

    /// Whether a smaller number is the better one.
    #[must_use]
    pub const fn less_is_better(&self) -> bool {
        match self.metric {
            Metric::Trend(_) => true,
            Metric::Rate(rate) => matches!(rate, Rate::HttpReqFailed | Rate::StreamFailed),
            Metric::Counter(_) | Metric::Gauge(_) | Metric::Probe(_) => false,
        }
    }

    /// What its numbers are shown in.
    #[must_use]
    pub const fn unit(&self) -> Unit {
        match self.metric {
            Metric::Trend(_) => Unit::Milliseconds,
            Metric::Rate(_) => Unit::Percent,
            Metric::Counter(_) => Unit::PerSecond,
            Metric::Gauge(_) | Metric::Probe(_) => Unit::Count,
        }
    }
}

/// As a selector of thresholds reads: `ttft{step=chat}`.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.metric.name())?;
        let tags = [
            ("scenario", self.scenario.as_deref()),
            ("step", self.step.as_deref()),
            ("outcome", self.outcome.map(Outcome::name)),
        ];
        let mut before = '{';
        for (tag, value) in tags
            .into_iter()
            .filter_map(|(tag, value)| Some((tag, value?)))
        {
            match value.contains([',', '{', '}', '"', '\'']) || value.trim() != value {
                true => write!(f, "{before}{tag}=\"{value}\"")?,
                false => write!(f, "{before}{tag}={value}")?,
            }
            before = ',';
        }
        f.write_str(if before == ',' { "}" } else { "" })
    }
}

impl Statistic {
    /// Those of a trend, in the order in which they are shown.
    pub const OF_TREND: [Self; 5] = [Self::P50, Self::P90, Self::P95, Self::P99, Self::Mean];

    /// The public name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Mean => "mean",
            Self::Rate => "rate",
        }
    }

    /// The one of that name; `avg` and `med` are understood as in thresholds.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "avg" => Some(Self::Mean),
            "med" => Some(Self::P50),
            name => [
                Self::P50,
                Self::P90,
                Self::P95,
                Self::P99,
                Self::Mean,
                Self::Rate,
            ]
            .into_iter()
            .find(|one| one.name() == name),
        }
    }

    /// The quantile from 0 to 1, where it is one.
    #[must_use]
    pub const fn quantile(self) -> Option<f64> {
        match self {
            Self::P50 => Some(0.5),
            Self::P90 => Some(0.9),
            Self::P95 => Some(0.95),
            Self::P99 => Some(0.99),
            Self::Mean | Self::Rate => None,
        }
    }
}

impl RunFigure {
    /// Whether it is the same statistic of the same subject.
    #[must_use]
    pub fn is_alike(&self, other: &Self) -> bool {
        self.statistic == other.statistic && self.subject == other.subject
    }
}

/// The trends that are compared: all but those in which the generator waits for itself.
pub(super) fn trends() -> impl Iterator<Item = Trend> {
    const ITS_OWN: [Trend; 4] = [
        Trend::ScheduleLag,
        Trend::HttpReqBlocked,
        Trend::HttpReqSending,
        Trend::RateLimitWait,
    ];
    let all = Trend::ALL.iter().copied();
    all.filter(|trend| !ITS_OWN.contains(trend))
}

/// The counters that are compared, per second.
pub(super) const COUNTERS: [Counter; 3] = [
    Counter::HttpReqs,
    Counter::Iterations,
    Counter::OutputTokens,
];
