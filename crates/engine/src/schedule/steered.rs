//! A load that is steered from outside: which users and arrivals a change of its level brings.

use super::arrivals::Gaps;
use loadgen_scenario::Arrivals;
use loadgen_stats::Offset;
use rand::SeedableRng as _;
use rand_pcg::Pcg64Mcg;
use std::time::Duration;

/// What the load is to be from an instant on, and what of it is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Level {
    /// Users, or arrivals per second; zero lets all that runs come to its end.
    pub load: f64,
    /// What is due from here on is measured.
    pub from: Offset,
    /// What is due from here on is not.
    pub until: Offset,
}

/// The arrivals of one shard of a steered load: every arrival n ≡ shard (mod shards).
///
/// As with any other load, all shards walk one seeded sequence of gaps, in terms of the area under the rate; a change of
/// the rate bends what lies ahead, and moves nothing that was due.
#[derive(Clone, Debug)]
pub(crate) struct SteeredArrivals {
    gaps: Gaps,
    /// The next arrival of the whole load, and the area under the rate at which it is due.
    next: u64,
    area: f64,
    shard: u64,
    shards: u64,
    /// The rate, since when, and the area under it until then.
    rate: f64,
    since: Offset,
    before: f64,
}

impl SteeredArrivals {
    /// Arrivals at a rate of zero.
    pub(crate) fn new(arrivals: Arrivals, seed: u64, shard: usize, shards: usize) -> Self {
        let mut gaps = Gaps::new(arrivals, Pcg64Mcg::seed_from_u64(seed));
        // The first arrival at once would be one at every change from zero.
        let area = gaps.draw();
        let mut times = Self {
            gaps,
            next: 0,
            area,
            shard: shard as u64,
            shards: shards.max(1) as u64,
            rate: 0.0,
            since: Offset::ZERO,
            before: 0.0,
        };
        times.skip_to_own();
        times
    }

    /// Changes the rate at an instant, which is not before the last change.
    pub(crate) fn steer(&mut self, rate: f64, at: Offset) {
        self.before += self.rate * at.since(self.since).as_secs_f64();
        (self.rate, self.since) = (rate.max(0.0), at);
    }

    /// The next arrival's number among all shards, and when it is due; none while the rate is zero.
    pub(crate) fn peek(&self) -> Option<(u64, Offset)> {
        let ahead = (self.area - self.before).max(0.0) / self.rate;
        let ahead = Duration::try_from_secs_f64(ahead).ok()?;
        (self.rate > 0.0).then(|| (self.next, self.since.after(ahead)))
    }

    /// Goes on to the arrival after it.
    pub(crate) fn advance(&mut self) {
        self.step();
        self.skip_to_own();
    }

    fn skip_to_own(&mut self) {
        while self.next % self.shards != self.shard {
            self.step();
        }
    }

    fn step(&mut self) {
        self.next += 1;
        self.area += self.gaps.draw();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Offset {
        Offset::from(Duration::from_secs_f64(seconds))
    }

    /// The due times in seconds until an instant, the rate changing on the way.
    fn due(
        arrivals: Arrivals,
        changes: &[(f64, f64)],
        until: f64,
        shards: usize,
    ) -> Vec<(u64, f64)> {
        let mut all = Vec::new();
        for shard in 0..shards {
            let mut times = SteeredArrivals::new(arrivals, 7, shard, shards);
            let ends = changes.iter().skip(1).map(|(at, _)| *at).chain([until]);
            for ((begin, rate), end) in changes.iter().zip(ends) {
                times.steer(*rate, at(*begin));
                while let Some((number, due)) = times.peek().filter(|(_, due)| *due < at(end)) {
                    all.push((number, due.as_secs_f64()));
                    times.advance();
                }
            }
        }
        all.sort_by_key(|(number, _)| *number);
        all
    }

    #[test]
    fn arrivals_follow_the_rate() {
        let uniform = |changes: &[(f64, f64)], until| -> Vec<f64> {
            due(Arrivals::Uniform, changes, until, 1)
                .into_iter()
                .map(|(_, due)| (due * 1000.0).round() / 1000.0)
                .collect()
        };
        assert_eq!(uniform(&[(0.0, 2.0)], 2.1), [0.5, 1.0, 1.5, 2.0]);
        assert_eq!(
            uniform(&[(1.0, 2.0), (2.25, 4.0)], 3.0),
            [1.5, 2.0, 2.375, 2.625, 2.875]
        );
        assert_eq!(
            uniform(&[(0.0, 2.0), (1.1, 0.0), (5.0, 1.0)], 7.0),
            [0.5, 1.0, 5.8, 6.8]
        );
        assert_eq!(uniform(&[(0.0, 0.0)], 100.0), [0.0; 0]);
    }

    #[test]
    fn shards_together_are_the_whole() {
        let changes = [(0.0, 50.0), (3.0, 200.0), (5.0, 0.0), (6.0, 20.0)];
        for arrivals in [
            Arrivals::Uniform,
            Arrivals::Poisson,
            Arrivals::Gamma { burstiness: 0.5 },
        ] {
            let whole = due(arrivals, &changes, 10.0, 1);
            assert!(whole.len() > 550, "{}", whole.len());
            for shards in [2, 7] {
                assert_eq!(
                    due(arrivals, &changes, 10.0, shards),
                    whole,
                    "{arrivals:?}, {shards} shards"
                );
            }
        }
    }
}
