//! One interval of a run, as a run log writes it.

use super::totals::TotalsRecord;
use crate::error::Damage;
use loadgen_stats::{GeneratorSample, Layout, Offset, VusRange, Window};
use serde::{Deserialize, Serialize};

/// A run of over ten years is damage.
pub(super) const LONGEST_RUN_NS: u64 = 10 * 366 * 24 * 3600 * 1_000_000_000;
/// Shards hand over a little later than the interval ends.
const SLACK_S: u64 = 2;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct WindowRecord {
    start_ns: u64,
    end_ns: u64,
    vus: VusRecord,
    #[serde(default, skip_serializing_if = "TotalsRecord::is_empty")]
    totals: TotalsRecord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    generator: Option<GeneratorRecord>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct VusRecord {
    last: u64,
    min: u64,
    max: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct GeneratorRecord {
    workers: Vec<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    workers_peak: Vec<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    queued: Vec<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    queued_peak: Vec<f64>,
    cpu_percent: f64,
    rss_bytes: u64,
    peak_rss_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open_files: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ports: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_wait: Option<u64>,
}

impl WindowRecord {
    pub(super) fn of(window: &Window) -> Self {
        let VusRange { last, min, max } = window.vus;
        let generator = window.generator.as_ref().map(GeneratorRecord::of);
        Self {
            start_ns: window.start.as_nanos(),
            end_ns: window.end.as_nanos(),
            vus: VusRecord { last, min, max },
            totals: TotalsRecord::of(&window.totals),
            generator,
        }
    }

    /// The window; `after`: where the one before it ended.
    pub(super) fn restore(&self, layout: &Layout, after: Offset) -> Result<Window, Damage> {
        let (start, end) = (
            Offset::from_nanos(self.start_ns),
            Offset::from_nanos(self.end_ns),
        );
        if start < after || end < start || self.end_ns > LONGEST_RUN_NS {
            let (start, end, after) = (start.as_secs_f64(), end.as_secs_f64(), after.as_secs_f64());
            return Err(Damage::new(format!(
                "an interval from {start} s to {end} s cannot follow one up to {after} s"
            )));
        }
        let VusRecord { last, min, max } = self.vus;
        if last < min || max < last {
            return Err(Damage::new(
                "the number of virtual users lies outside its own range",
            ));
        }
        let generator = self.generator.as_ref().map(GeneratorRecord::restore);
        let last_second = self.end_ns / 1_000_000_000 + SLACK_S;
        let totals = self.totals.restore(layout, last_second)?;
        Ok(Window {
            start,
            end,
            vus: VusRange { last, min, max },
            totals,
            generator,
        })
    }
}

impl GeneratorRecord {
    fn of(sample: &GeneratorSample) -> Self {
        Self {
            workers: sample.workers.clone(),
            workers_peak: sample.workers_peak.clone(),
            queued: sample.queued.clone(),
            queued_peak: sample.queued_peak.clone(),
            cpu_percent: sample.cpu_percent,
            rss_bytes: sample.rss_bytes,
            peak_rss_bytes: sample.peak_rss_bytes,
            open_files: sample.open_files,
            ports: sample.ports,
            time_wait: sample.time_wait,
        }
    }

    fn restore(&self) -> GeneratorSample {
        GeneratorSample {
            workers: self.workers.clone(),
            workers_peak: self.workers_peak.clone(),
            queued: self.queued.clone(),
            queued_peak: self.queued_peak.clone(),
            cpu_percent: self.cpu_percent,
            rss_bytes: self.rss_bytes,
            peak_rss_bytes: self.peak_rss_bytes,
            open_files: self.open_files,
            ports: self.ports,
            time_wait: self.time_wait,
        }
    }
}
