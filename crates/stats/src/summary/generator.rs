//! What is said of the generator.

use super::{ArrivalClock, Material};
use crate::{Figure, Selection, Trend, TrendCell, WorkerSummary};
use std::time::Duration;

/// What the generator did.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratorSummary {
    /// Processor time in percent of one core, where it is known.
    pub cpu_percent: Option<f64>,
    /// The worker threads, in the order of their numbers; empty where nothing is known of them.
    pub workers: Vec<WorkerSummary>,
    /// The most resident memory in bytes, where it is known.
    pub peak_rss_bytes: Option<u64>,
    /// The most open file descriptors of the process that a look each second saw, where it is known.
    pub open_files_peak: Option<u64>,
    /// The most local ports that connections to targets had at once, where it is known.
    pub ports_peak: Option<u64>,
    /// The most ports of the whole machine that a look each second saw waiting out the end of a connection.
    pub time_wait_peak: Option<u64>,
    /// What dated the arrivals; none where nothing arrived.
    pub arrival_clock: Option<ArrivalClock>,
    /// How late requests began.
    pub schedule_lag: Option<LagFigures>,
    /// How late arrivals were read, where the kernel stamped them.
    pub read_lag: Option<LagFigures>,
    /// Kernel stamps that had to be refused.
    pub clock_fallbacks: u64,
    /// Extra events of a read that the service, or a proxy, sent together.
    pub coalesced_prompt: u64,
    /// Extra events of a read that was late.
    pub coalesced_late: u64,
}

/// How late the generator was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LagFigures {
    /// The median.
    pub p50: Figure,
    /// The 99th percentile.
    pub p99: Figure,
    /// The longest.
    pub max: Duration,
}

/// Sums the generator up.
pub(super) fn sum_up(material: &Material<'_>) -> GeneratorSummary {
    let &Material {
        layout,
        totals,
        machine,
        health,
        end,
        ..
    } = material;
    let clock = &totals.clock;
    let mean_cpu = (machine.cpu.1 > 0.0).then(|| machine.cpu.0 / machine.cpu.1);
    let mostly = match (clock.kernel, clock.read) {
        (0, 0) => None,
        (kernel, read) if kernel > read => Some(ArrivalClock::Kernel),
        _ => Some(ArrivalClock::Read),
    };
    GeneratorSummary {
        cpu_percent: end.cpu_percent.or(mean_cpu),
        workers: health.workers(),
        open_files_peak: health.open_files,
        ports_peak: health.ports,
        time_wait_peak: health.time_wait,
        peak_rss_bytes: end
            .peak_rss_bytes
            .or_else(|| (machine.peak_rss_bytes > 0).then_some(machine.peak_rss_bytes)),
        arrival_clock: end.arrival_clock.or(mostly),
        schedule_lag: LagFigures::of(&totals.trend(
            layout,
            Trend::ScheduleLag,
            &Selection::default(),
        )),
        read_lag: LagFigures::of(&clock.read_lag),
        clock_fallbacks: clock.fallbacks,
        coalesced_prompt: clock.coalesced_prompt,
        coalesced_late: clock.coalesced_late,
    }
}

impl LagFigures {
    fn of(cell: &TrendCell) -> Option<Self> {
        Some(Self {
            p50: cell.figure(0.5)?,
            p99: cell.figure(0.99)?,
            max: cell.max()?,
        })
    }
}
