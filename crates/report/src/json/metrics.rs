//! Metrics in a summary: one shape for each kind.

use super::named::Named;
use loadgen_stats::{Figure, LagFigures, MetricValue, Metrics as Values, TrendFigures};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// Metrics by name, in the order of the contract.
pub(super) type Metrics = Named<MetricJson>;

/// The value of one metric.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[schemars(rename = "Metric")]
pub(super) enum MetricJson {
    /// A distribution of times.
    Trend(TrendJson),
    /// A count.
    Counter {
        /// All that finished outside warm-up.
        count: u64,
        /// What finished inside the measured part, over its length; null where it has none.
        per_second: Option<f64>,
    },
    /// A share.
    Rate {
        /// What it counts.
        hits: u64,
        /// Among how many.
        total: u64,
        /// The share from 0 to 1; null where nothing was counted.
        rate: Option<f64>,
    },
    /// A level over the measured part.
    Gauge {
        /// At the end.
        last: u64,
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
}

/// A distribution of times. Without a sample every figure is null.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Trend")]
pub(super) struct TrendJson {
    /// The unit of every figure: milliseconds.
    #[schemars(extend("const" = "ms"))]
    unit: &'static str,
    /// Number of samples.
    count: u64,
    /// The shortest, exactly.
    min: Option<f64>,
    /// The mean, exactly.
    mean: Option<f64>,
    /// The median.
    p50: Option<f64>,
    /// The 90th percentile.
    p90: Option<f64>,
    /// The 95th percentile.
    p95: Option<f64>,
    /// The 99th percentile.
    p99: Option<f64>,
    /// The 99.9th percentile.
    p999: Option<f64>,
    /// The longest, exactly.
    max: Option<f64>,
    /// Samples that are lower bounds: the waits of requests that timed out.
    censored: u64,
    /// The figures that are only lower bounds, because timed-out requests lie at or below them; absent where none is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    at_least: Vec<&'static str>,
    /// The quantiles with fewer than ten samples beyond them; absent where none is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rough: Vec<&'static str>,
}

/// How late the generator was.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Lag")]
pub(super) struct LagJson {
    p50: f64,
    p99: f64,
    max: f64,
}

/// The table of metrics.
pub(super) fn of(metrics: &Values) -> Metrics {
    let values = metrics.0.iter();
    values
        .filter_map(|(metric, value)| Some((metric.name().to_owned(), MetricJson::of(value)?)))
        .collect()
}

impl MetricJson {
    /// None for a gauge that was never read.
    fn of(value: &MetricValue) -> Option<Self> {
        Some(match *value {
            MetricValue::Trend(figures) => Self::Trend(TrendJson::of(figures.as_ref())),
            MetricValue::Counter { count, per_second } => Self::Counter { count, per_second },
            MetricValue::Rate { hits, total } => Self::Rate {
                hits,
                total,
                rate: (total > 0).then(|| hits as f64 / total as f64),
            },
            MetricValue::Gauge(range) => {
                let range = range?;
                Self::Gauge {
                    last: range.last,
                    min: range.min,
                    max: range.max,
                }
            }
        })
    }
}

impl TrendJson {
    pub(super) fn of(figures: Option<&TrendFigures>) -> Self {
        let named = |figures: &TrendFigures| {
            [
                ("min", figures.min),
                ("mean", figures.mean),
                ("p50", figures.p50),
                ("p90", figures.p90),
                ("p95", figures.p95),
                ("p99", figures.p99),
                ("p999", figures.p999),
                ("max", figures.max),
            ]
        };
        let flagged = |flag: fn(&Figure) -> bool| {
            let all = figures.into_iter().flat_map(named);
            all.filter(|(_, figure)| flag(figure))
                .map(|(name, _)| name)
                .collect()
        };
        let ms =
            |pick: fn(&TrendFigures) -> Figure| figures.map(|figures| millis(pick(figures).value));
        Self {
            unit: "ms",
            count: figures.map_or(0, |figures| figures.count),
            min: ms(|figures| figures.min),
            mean: ms(|figures| figures.mean),
            p50: ms(|figures| figures.p50),
            p90: ms(|figures| figures.p90),
            p95: ms(|figures| figures.p95),
            p99: ms(|figures| figures.p99),
            p999: ms(|figures| figures.p999),
            max: ms(|figures| figures.max),
            censored: figures.map_or(0, |figures| figures.censored),
            at_least: flagged(|figure| figure.at_least),
            rough: flagged(|figure| figure.rough),
        }
    }
}

impl LagJson {
    pub(super) fn of(figures: &LagFigures) -> Self {
        Self {
            p50: millis(figures.p50.value),
            p99: millis(figures.p99.value),
            max: millis(figures.max),
        }
    }
}

/// Milliseconds, exact to the nanosecond.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e6
}
