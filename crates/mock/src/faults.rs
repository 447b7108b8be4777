//! Draws what befalls a request, from the seed and the request's number alone.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::Settings;
use crate::truth::Fault;

/// What was drawn for one request: its faults, and the source of its jitter.
#[derive(Debug, Clone)]
pub(crate) struct Lot {
    /// Whether it is answered 500.
    pub(crate) error: bool,
    /// What happens in mid-stream, if the answer is streamed.
    pub(crate) fault: Option<Fault>,
    /// Whether a cut closes the connection (otherwise the body ends well-formed).
    pub(crate) abrupt: bool,
    /// Its service time, in means of the exponential distribution.
    pub(crate) service: f64,
    position: f64,
    jitter: f64,
    /// What else scales its waits.
    pub(crate) factor: f64,
    rng: Pcg64Mcg,
}

impl Lot {
    /// Draws for request `number`.
    pub(crate) fn draw(settings: &Settings, number: u64) -> Self {
        // The same values are drawn in the same order whatever the rates, so that a changed
        // rate changes nothing else.
        let mut rng = Pcg64Mcg::seed_from_u64(mix(settings.seed, number));
        let error = rng.random::<f64>() < settings.error_rate;
        let fault = pick(settings, rng.random());
        let position = rng.random();
        let abrupt = rng.random();
        let service = -(1.0 - rng.random::<f64>()).ln();
        Self {
            error,
            fault,
            abrupt,
            service,
            position,
            jitter: settings.jitter,
            factor: 1.0,
            rng,
        }
    }

    /// How many of `tokens` are sent before the fault: at least one and not all, where possible.
    pub(crate) fn tokens_before_fault(&self, tokens: u32) -> u32 {
        let last = tokens.saturating_sub(1).max(1);
        // Truncation is meant: the position is a fraction below 1.
        let before = 1 + (self.position * f64::from(last)) as u32;
        before.min(last).min(tokens)
    }

    /// `wait`, scaled by the next factor of the jitter.
    pub(crate) fn wait(&mut self, wait: Duration) -> Duration {
        let mut factor = self.factor;
        if self.jitter != 0.0 {
            factor *= 1.0 + self.jitter * (2.0 * self.rng.random::<f64>() - 1.0);
        }
        wait.mul_f64(factor.max(0.0))
    }
}

fn pick(settings: &Settings, drawn: f64) -> Option<Fault> {
    let faults = [
        (settings.stall_rate, Fault::Stall),
        (settings.truncate_rate, Fault::Truncate),
        (settings.garbage_rate, Fault::Garbage),
        (settings.stream_error_rate, Fault::Error),
    ];
    let mut upto = 0.0;
    faults.into_iter().find_map(|(rate, fault)| {
        upto += rate;
        (drawn < upto).then_some(fault)
    })
}

/// Spreads seed and number over 64 bits (the finisher of SplitMix64), so that neighbouring
/// numbers get unrelated generators.
pub(crate) fn mix(seed: u64, number: u64) -> u64 {
    let mut z = seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faulty(seed: u64) -> Settings {
        Settings {
            seed,
            jitter: 0.5,
            error_rate: 0.1,
            stall_rate: 0.1,
            truncate_rate: 0.2,
            garbage_rate: 0.3,
            stream_error_rate: 0.05,
            ..Settings::default()
        }
    }

    type Story = Vec<(bool, Option<Fault>, bool, u32, Duration, Duration)>;

    fn story(settings: &Settings) -> Story {
        let wait = Duration::from_millis(100);
        (1..=200)
            .map(|number| {
                let mut lot = Lot::draw(settings, number);
                let (first, second) = (lot.wait(wait), lot.wait(wait));
                (
                    lot.error,
                    lot.fault,
                    lot.abrupt,
                    lot.tokens_before_fault(32),
                    first,
                    second,
                )
            })
            .collect()
    }

    #[test]
    fn seed_and_number_decide() {
        assert_eq!(story(&faulty(7)), story(&faulty(7)));
        assert_ne!(story(&faulty(7)), story(&faulty(8)));
    }

    #[test]
    fn a_changed_rate_changes_nothing_else() {
        let without = Settings {
            error_rate: 0.9,
            ..faulty(7)
        };
        let strip = |story: Story| {
            story
                .into_iter()
                .map(|s| (s.1, s.2, s.3, s.4, s.5))
                .collect::<Vec<_>>()
        };
        assert_eq!(strip(story(&faulty(7))), strip(story(&without)));
    }

    #[test]
    fn shares_are_near_their_rates() {
        let settings = faulty(3);
        let lots: Vec<Lot> = (0..20_000).map(|n| Lot::draw(&settings, n)).collect();
        let check = |name: &str, expected: f64, hit: &dyn Fn(&Lot) -> bool| {
            let share = lots.iter().filter(|lot| hit(lot)).count() as f64 / 20_000.0;
            assert!(
                (share - expected).abs() < 0.015,
                "{name}: {share} instead of {expected}"
            );
        };
        check("error", 0.1, &|lot| lot.error);
        check("stall", 0.1, &|lot| lot.fault == Some(Fault::Stall));
        check("truncate", 0.2, &|lot| lot.fault == Some(Fault::Truncate));
        check("garbage", 0.3, &|lot| lot.fault == Some(Fault::Garbage));
        check("stream error", 0.05, &|lot| lot.fault == Some(Fault::Error));
        check("short service", 1.0 - (-0.5f64).exp(), &|lot| {
            lot.service < 0.5
        });
        check("long service", (-2.0f64).exp(), &|lot| lot.service > 2.0);
        check("none", 0.35, &|lot| lot.fault.is_none());
        check("abrupt", 0.5, &|lot| lot.abrupt);
    }

    #[test]
    fn faults_fall_in_mid_stream() {
        let settings = faulty(3);
        for (tokens, allowed) in [(0, 0..=0), (1, 1..=1), (2, 1..=1), (3, 1..=2), (32, 1..=31)] {
            let mut seen: Vec<u32> = (0..2000)
                .map(|n| Lot::draw(&settings, n).tokens_before_fault(tokens))
                .collect();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen, allowed.collect::<Vec<_>>(), "of {tokens} tokens");
        }
    }

    #[test]
    fn jitter_stays_in_its_bounds() {
        let wait = Duration::from_millis(100);
        for jitter in [0.0, 0.25, 1.0] {
            let settings = Settings {
                jitter,
                ..Settings::default()
            };
            let waits: Vec<f64> = (0..2000)
                .map(|n| Lot::draw(&settings, n).wait(wait).as_secs_f64() / 0.1)
                .collect();
            let least = waits.iter().copied().fold(f64::MAX, f64::min);
            let most = waits.iter().copied().fold(0.0, f64::max);
            assert!(
                least >= 1.0 - jitter - 1e-6 && least <= 1.0 - 0.97 * jitter,
                "{least}"
            );
            assert!(
                most <= 1.0 + jitter + 1e-6 && most >= 1.0 + 0.97 * jitter,
                "{most}"
            );
        }
    }
}
