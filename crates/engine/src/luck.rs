//! What a user draws on its way: lengths of pauses, numbers of times, choices.

use crate::seed::{UserRng, think_rng};
use loadgen_scenario::{Alternative, Repeat, Think};
use rand::{RngExt as _, SeedableRng as _};
use std::time::Duration;

/// The draws of one user: they follow from the seed of the run and the user alone, apart from those of its templates.
#[derive(Clone, Debug)]
pub struct Luck(UserRng);

impl Luck {
    /// The draws of the user of that number, from 0.
    #[must_use]
    pub fn of(run_seed: u64, user: u64) -> Self {
        Self(think_rng(run_seed, user))
    }

    /// The length of a pause.
    pub fn pause(&mut self, think: Think) -> Duration {
        if think.min == think.max {
            return think.min;
        }
        let (min, max) = (think.min.as_secs_f64(), think.max.as_secs_f64());
        Duration::from_secs_f64(self.0.random_range(min..=max))
    }

    /// How many times a step is done.
    pub fn times(&mut self, repeat: Repeat) -> u32 {
        if repeat.min == repeat.max {
            return repeat.min;
        }
        self.0.random_range(repeat.min..=repeat.max)
    }

    /// A wait from the upper half of one that is this long at most: those who were refused together come back apart.
    pub fn backoff(&mut self, most: Duration) -> Duration {
        most.mul_f64(self.0.random_range(0.5..=1.0))
    }

    /// Whether something so likely happens; what is certain takes no draw.
    pub fn happens(&mut self, probability: f64) -> bool {
        probability >= 1.0 || self.0.random::<f64>() < probability
    }

    /// The place of the step that is chosen.
    pub fn choose(&mut self, alternatives: &[Alternative]) -> usize {
        let mut left = self.0.random::<f64>();
        let likely = |one: &Alternative| one.share > 0.0;
        for (place, one) in alternatives.iter().enumerate() {
            left -= one.share;
            if left < 0.0 {
                return place;
            }
        }
        // Shares sum to 1 but for a rounding.
        alternatives.iter().rposition(likely).unwrap_or_default()
    }

    /// The draws of one of several ways that the user goes at once: whichever comes first takes nothing from the others.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self(UserRng::seed_from_u64(self.0.random()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loadgen_scenario::Step;

    fn alternatives(shares: &[f64]) -> Vec<Alternative> {
        let one = |share: &f64| Alternative {
            share: *share,
            step: Step::Steps(Vec::new()),
        };
        shares.iter().map(one).collect()
    }

    /// How often each of these is chosen in 10,000 draws.
    fn drawn(shares: &[f64]) -> Vec<u32> {
        let alternatives = alternatives(shares);
        let mut luck = Luck::of(7, 3);
        let mut counts = vec![0; shares.len()];
        for _ in 0..10_000 {
            counts[luck.choose(&alternatives)] += 1;
        }
        counts
    }

    #[test]
    fn choices_are_as_frequent_as_their_shares() {
        for shares in [
            &[1.0][..],
            &[0.5, 0.5],
            &[0.7, 0.2, 0.1],
            &[0.0, 1.0, 0.0],
            &[0.1, 0.2, 0.3, 0.4],
        ] {
            for (count, share) in drawn(shares).into_iter().zip(shares) {
                let expected = share * 10_000.0;
                let deviation = (f64::from(count) - expected).abs();
                // Four standard deviations.
                let bound = 4.0 * (expected * (1.0 - share)).sqrt();
                assert!(deviation <= bound, "{shares:?}: {count}");
            }
        }
    }

    #[test]
    fn numbers_of_times_are_within_their_bounds_and_reach_them() {
        let mut luck = Luck::of(1, 1);
        let drawn: Vec<u32> = (0..1_000)
            .map(|_| luck.times(Repeat { min: 1, max: 5 }))
            .collect();
        assert_eq!(drawn.iter().min(), Some(&1));
        assert_eq!(drawn.iter().max(), Some(&5));
        assert_eq!(luck.times(Repeat { min: 3, max: 3 }), 3);
    }

    #[test]
    fn the_same_user_draws_the_same_and_others_do_not() {
        let draws = |seed, user| {
            let mut luck = Luck::of(seed, user);
            let mut fork = luck.fork();
            let repeat = Repeat {
                min: 0,
                max: 1_000_000,
            };
            (luck.times(repeat), fork.times(repeat))
        };
        assert_eq!(draws(1, 2), draws(1, 2));
        assert_ne!(draws(1, 2), draws(1, 3));
        assert_ne!(draws(1, 2), draws(2, 2));
        assert_ne!(draws(1, 2).0, draws(1, 2).1);
    }
}
