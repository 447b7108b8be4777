//! Raises the warnings of a run.

use super::Material;
use crate::{
    Amount, Counter, DropReason, ErrorKind, Judged, Late, Selection, Trend, TrendCell, Warning,
};
use std::time::Duration;

/// Lag that is never held against the generator.
const HARMLESS: Duration = Duration::from_millis(1);
/// The share of events read late, and of requests cut, above which a run is doubted.
pub(crate) const FEW: f64 = 0.01;

/// Every warning that the totals give reason to.
pub(super) fn raise(
    material: &Material<'_>,
    thresholds: &[Judged],
    nothing_succeeded: Option<&str>,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if let Some(reason) = nothing_succeeded {
        warnings.push(Warning::NothingSucceeded {
            reason: reason.to_owned(),
            in_warm_up: super::verdict::over_in_warm_up(material) > 0,
        });
    }
    generator_late(material, &mut warnings);
    if let Some((share, waited)) = material.machine.busiest {
        warnings.push(Warning::GeneratorBusy { share, waited });
    }
    exhausted(material, &mut warnings);
    arrival_uncertain(material, &mut warnings);
    unfinished(material, &mut warnings);
    too_few_samples(thresholds, &mut warnings);
    probes_failed(material, &mut warnings);
    warnings
}

pub(super) fn generator_late(material: &Material<'_>, warnings: &mut Vec<Warning>) {
    let lag = all(material, Trend::ScheduleLag);
    let duration = all(material, Trend::HttpReqDuration);
    let limit = tolerated(duration.quantile(0.5), 20);
    let clock = &material.totals.clock;
    for (what, cell) in [(Late::Starting, &lag), (Late::Reading, &clock.read_lag)] {
        if let Some(seen) = cell.quantile(0.99).filter(|&seen| seen > limit) {
            let (seen, limit) = (Amount::Time(seen), Amount::Time(limit));
            warnings.push(Warning::GeneratorLate { what, seen, limit });
        }
    }
    let late = clock.coalesced_late as f64 / clock.events.max(1) as f64;
    if late > FEW {
        let (seen, limit) = (Amount::Share(late.min(1.0)), Amount::Share(FEW));
        warnings.push(Warning::GeneratorLate {
            what: Late::Events,
            seen,
            limit,
        });
    }
}

fn probes_failed(material: &Material<'_>, warnings: &mut Vec<Warning>) {
    let probes = material.layout.probes.iter().zip(&material.totals.probes);
    let failed = probes.filter(|(_, totals)| totals.failed > 0);
    warnings.extend(failed.map(|(probe, totals)| Warning::ProbeFailed {
        probe: probe.name.clone(),
        failed: totals.failed,
        of: totals.failed + totals.count,
        reason: totals.message.clone(),
    }));
}

fn exhausted(material: &Material<'_>, warnings: &mut Vec<Warning>) {
    let count = |kind| {
        let of_kind = Selection {
            error: Some(kind),
            ..Selection::default()
        };
        material
            .totals
            .counter(material.layout, Counter::HttpReqs, &of_kind)
            .0
    };
    let (ports, files) = (count(ErrorKind::NoPorts), count(ErrorKind::NoFiles));
    if ports > 0 {
        warnings.push(Warning::PortsExhausted { count: ports });
    }
    if files > 0 {
        warnings.push(Warning::FilesExhausted { count: files });
    }
}

fn arrival_uncertain(material: &Material<'_>, warnings: &mut Vec<Warning>) {
    let limit = tolerated(all(material, Trend::Ttft).quantile(0.5), 100);
    let seen = material.totals.clock.uncertainty.quantile(0.99);
    if let Some(seen) = seen.filter(|&seen| seen > limit) {
        warnings.push(Warning::ArrivalUncertain { seen, limit });
    }
}

fn unfinished(material: &Material<'_>, warnings: &mut Vec<Warning>) {
    let &Material { layout, totals, .. } = material;
    let part = Selection::default();
    for (reason, count) in DropReason::ALL.into_iter().zip(totals.dropped()) {
        if count > 0 {
            warnings.push(Warning::DroppedIterations { reason, count });
        }
    }
    let left = totals.counter(layout, Counter::RateLimitCut, &part).0;
    let turns = totals.trend(layout, Trend::RateLimitWait, &part).count();
    let share = left as f64 / (left + turns).max(1) as f64;
    if share > FEW {
        warnings.push(Warning::CutInLine { count: left, share });
    }
    let late = totals.counter(layout, Counter::LateIterations, &part).0;
    if late > 0 {
        let all = totals.counter(layout, Counter::Iterations, &part).0;
        let share = late as f64 / all.max(late) as f64;
        warnings.push(Warning::PaceMissed { count: late, share });
    }
    let cut: u64 = totals
        .requests(layout)
        .map(|step| step.in_flight_measured)
        .sum();
    let finished: u64 = totals.outcomes(layout, &part).iter().sum();
    let share = cut as f64 / (cut + finished).max(1) as f64;
    if share > FEW {
        warnings.push(Warning::CutRequests { count: cut, share });
    }
}

/// One warning for all thresholds, of the one that needs the most: a short run would raise it for each.
fn too_few_samples(thresholds: &[Judged], warnings: &mut Vec<Warning>) {
    let unsure = || {
        thresholds
            .iter()
            .filter_map(|threshold| Some((threshold, threshold.too_few?)))
    };
    let most = unsure()
        .rev()
        .max_by_key(|(_, too_few)| too_few.more.unwrap_or(u64::MAX));
    if let Some((threshold, too_few)) = most {
        warnings.push(Warning::TooFewSamples {
            thresholds: unsure().count() as u64,
            threshold: format!("{}: {}", threshold.metric, threshold.expression),
            more: too_few.more,
            of: if too_few.of_streams {
                "streams"
            } else {
                "samples"
            },
        });
    }
}

/// One millisecond, or that part of the median where it is more.
pub(crate) fn tolerated(median: Option<Duration>, part: u32) -> Duration {
    median.map_or(HARMLESS, |median| HARMLESS.max(median / part))
}

fn all(material: &Material<'_>, trend: Trend) -> TrendCell {
    material
        .totals
        .trend(material.layout, trend, &Selection::default())
}
