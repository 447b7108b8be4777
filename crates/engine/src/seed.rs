//! Random streams that depend on the run's seed and the user only, never on the number of workers.

use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

/// The random stream of one user.
pub(crate) type UserRng = Pcg64Mcg;

/// The seed of the values of a user, by its number from 0: f(seed, user), well mixed, so that neighbouring users share
/// nothing.
#[must_use]
pub const fn user_seed(run_seed: u64, user: u64) -> u64 {
    mix(mix(run_seed) ^ user.wrapping_add(0x9e37_79b9_7f4a_7c15))
}

/// The generator of a user's think times, apart from the one of its templates.
pub(crate) fn think_rng(run_seed: u64, user: u64) -> UserRng {
    Pcg64Mcg::seed_from_u64(mix(user_seed(run_seed, user) ^ 0x7468_696e_6b00_0000))
}

/// The seed of what a load draws: apart from that of users, and of other loads.
pub(crate) const fn load_seed(run_seed: u64, load: usize) -> u64 {
    mix(mix(run_seed ^ 0x6c6f_6164_0000_0000).wrapping_add(load as u64))
}

/// A number in [0, 1) for each of a load's draws, alike for whoever asks.
pub(crate) const fn draw(load_seed: u64, number: u64) -> f64 {
    (mix(load_seed ^ mix(number)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
pub(crate) const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn users_and_runs_differ_and_repeat() {
        let seeds: HashSet<u64> = (0..10)
            .flat_map(|run| (0..1_000).map(move |user| user_seed(run, user)))
            .collect();
        assert_eq!(seeds.len(), 10_000);
        assert_eq!(user_seed(7, 3), user_seed(7, 3));
    }
}
