//! What the target uses at its limit, and what is left of it.

use crate::search::LevelVerdict;
use crate::stress::Stress;
use loadgen_stats::{ProbeLayout, ProbeStatus, ProbeTotals};

/// How much of something the target used.
#[derive(Clone, Debug, PartialEq)]
pub struct Headroom<'a> {
    /// The probe that tells it.
    pub probe: &'a ProbeLayout,
    /// How much was used on average, as probes keep it; none where the probe gave nothing.
    pub used: Option<f64>,
    /// The most that was used.
    pub most: Option<f64>,
    /// What is left until the mark `critical`, or `warn` where there is no other.
    pub available: Option<f64>,
    /// How the average stands to the marks.
    pub status: Option<ProbeStatus>,
}

impl<'a> Headroom<'a> {
    /// What samples say of a probe.
    #[must_use]
    pub fn of(probe: &'a ProbeLayout, totals: &ProbeTotals) -> Self {
        let used = totals.mean();
        Self {
            probe,
            used,
            most: totals.figure(|totals| totals.max),
            available: used.and_then(|used| probe.available(used)),
            status: used.and_then(|used| probe.status(used)),
        }
    }
}

impl Stress {
    /// What the probes told at the highest load that held; empty where none did.
    #[must_use]
    pub fn headroom(&self) -> Vec<Headroom<'_>> {
        let at_limit = self.answer.highest_held.and_then(|held| {
            let at = |load: f64| (load - held).abs() <= 1e-9 * held;
            let mut levels = self.levels.iter().rev();
            levels.find(|level| level.verdict == LevelVerdict::Held && at(level.load))
        });
        let Some(level) = at_limit else {
            return Vec::new();
        };
        let probes = self.probes.iter().zip(&level.probes);
        probes
            .map(|(probe, totals)| Headroom::of(probe, totals))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loadgen_stats::Unit;

    #[test]
    fn what_is_left_is_counted_from_the_average() {
        let probe = ProbeLayout {
            name: "pool".to_owned(),
            unit: Unit::Count,
            warn: Some(7.0),
            critical: Some(10.0),
        };
        let mut totals = ProbeTotals::default();
        let nothing = Headroom::of(&probe, &totals);
        assert_eq!(
            (nothing.used, nothing.available, nothing.status),
            (None, None, None)
        );
        [6.0, 10.0].iter().for_each(|value| totals.add(*value));
        let some = Headroom::of(&probe, &totals);
        assert_eq!((some.used, some.most), (Some(8.0), Some(10.0)));
        assert_eq!(
            (some.available, some.status),
            (Some(2.0), Some(ProbeStatus::Warn))
        );
    }
}
