//! When iterations of an open load are due: the nth arrival is computed from the start, by the integral of the rate.

use super::line::Line;
use loadgen_scenario::Arrivals;
use loadgen_stats::Offset;
use rand::SeedableRng as _;
use rand_distr::{Distribution as _, Exp1, Gamma};
use rand_pcg::Pcg64Mcg;

/// The arrivals of one shard: every arrival n ≡ shard (mod shards), each with its due time from the start of the run.
///
/// Every shard walks the same seeded sequence of gaps and keeps its stripe, so that the same seed gives the same
/// instants for any number of workers.
#[derive(Clone, Debug)]
pub struct ArrivalTimes {
    line: Line,
    start: Offset,
    gaps: Gaps,
    /// The next arrival of the whole load, and the area under the rate at which it is due.
    next: u64,
    area: f64,
    shard: u64,
    shards: u64,
}

/// Unit-mean gaps between arrivals, in terms of the area under the rate.
#[derive(Clone, Debug)]
pub(super) enum Gaps {
    Uniform,
    Exponential(Pcg64Mcg),
    Gamma(Gamma<f64>, Pcg64Mcg),
}

impl ArrivalTimes {
    /// The arrivals of shard `shard` of `shards`, for a rate that begins at `start`.
    #[must_use]
    pub fn new(
        line: Line,
        start: Offset,
        arrivals: Arrivals,
        seed: u64,
        shard: usize,
        shards: usize,
    ) -> Self {
        let gaps = Gaps::new(arrivals, Pcg64Mcg::seed_from_u64(seed));
        let mut times = Self {
            line,
            start,
            gaps,
            next: 0,
            area: 0.0,
            shard: shard as u64,
            shards: shards.max(1) as u64,
        };
        if !matches!(times.gaps, Gaps::Uniform) {
            times.area = times.gaps.draw();
        }
        times
    }

    fn step(&mut self) {
        self.next += 1;
        self.area = match self.gaps {
            Gaps::Uniform => self.next as f64,
            Gaps::Exponential(_) | Gaps::Gamma(..) => self.area + self.gaps.draw(),
        };
    }
}

impl Iterator for ArrivalTimes {
    /// The arrival's number among all shards, and when it is due.
    type Item = (u64, Offset);

    fn next(&mut self) -> Option<Self::Item> {
        while self.next % self.shards != self.shard {
            self.step();
        }
        // The end of the line belongs to no arrival: [start, end).
        let due = (self.next, self.start.after(self.line.passes(self.area)?));
        self.step();
        Some(due)
    }
}

impl Gaps {
    pub(super) fn new(arrivals: Arrivals, rng: Pcg64Mcg) -> Self {
        match arrivals {
            Arrivals::Uniform => Self::Uniform,
            Arrivals::Poisson => Self::Exponential(rng),
            // A burstiness that is no shape cannot come out of a plan; such gaps would all be one.
            Arrivals::Gamma { burstiness } => Gamma::new(burstiness, 1.0 / burstiness)
                .map_or(Self::Uniform, |gamma| Self::Gamma(gamma, rng)),
        }
    }

    pub(super) fn draw(&mut self) -> f64 {
        match self {
            Self::Uniform => 1.0,
            Self::Exponential(rng) => Exp1.sample(rng),
            Self::Gamma(gamma, rng) => gamma.sample(rng),
        }
    }
}
