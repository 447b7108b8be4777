//! Makes a service slower in one second and faster in the next, as a machine that others use as well.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::time::Duration;

use crate::faults::mix;

/// The factor of all waits, drawn for each second since the start from the seed and the second alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    noise: f64,
    seed: u64,
}

/// Sets the draws of seconds apart from those of requests.
const SECONDS: u64 = 0x5ec0_5ec0_5ec0_5ec0;

impl Weather {
    pub(crate) const fn new(noise: f64, seed: u64) -> Self {
        Self { noise, seed }
    }

    /// The factor at a time since the start: between 1 - noise and 1 + noise.
    pub(crate) fn factor(self, since_start: Duration) -> f64 {
        if self.noise == 0.0 {
            return 1.0;
        }
        let mut rng = Pcg64Mcg::seed_from_u64(mix(self.seed ^ SECONDS, since_start.as_secs()));
        1.0 + self.noise * (2.0 * rng.random::<f64>() - 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_a_factor_of_its_own() {
        let weather = Weather::new(0.4, 7);
        let factors: Vec<f64> = (0..2000)
            .map(|second| weather.factor(Duration::from_millis(1000 * second + 999)))
            .collect();
        assert!(factors.iter().all(|factor| (0.6..=1.4).contains(factor)));
        let mean = factors.iter().sum::<f64>() / 2000.0;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
        let same: Vec<f64> = (0..2000)
            .map(|second| weather.factor(Duration::from_secs(second)))
            .collect();
        assert_eq!(factors, same);
        assert_ne!(
            weather.factor(Duration::ZERO),
            Weather::new(0.4, 8).factor(Duration::ZERO)
        );
        assert!((Weather::new(0.0, 7).factor(Duration::ZERO) - 1.0).abs() < f64::EPSILON);
    }
}
