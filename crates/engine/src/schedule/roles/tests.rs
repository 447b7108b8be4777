//! Tests.

use super::*;
use loadgen_scenario::{Load, LoadPlan, Member, StartAt, UserCount};
use proptest::prelude::*;
use std::time::Duration;

fn plan(weights: &[f64], users: u32) -> LoadPlan {
    let sum: f64 = weights.iter().sum();
    let member = |(place, weight): (usize, &f64)| Member {
        scenario: ScenarioIndex(place),
        share: weight / sum,
    };
    LoadPlan {
        load: Load::ConstantVus {
            vus: UserCount::new(users).expect("a possible number"),
            duration: Duration::from_secs(1),
        },
        start: StartAt::At(Duration::ZERO),
        warm_up: Duration::ZERO,
        graceful_stop: Duration::ZERO,
        connect_rate: None,
        members: weights.iter().enumerate().map(member).collect(),
    }
}

fn dealt(weights: &[f64], users: u32) -> Vec<usize> {
    let roles = Roles::new(&plan(weights, users), Some(users), 1);
    (0..users).map(|place| roles.of_user(place).0).collect()
}

#[test]
fn users_are_dealt_evenly() {
    let cases: [(&[f64], u32, &[usize]); 5] = [
        (&[1.0], 3, &[0, 0, 0]),
        (&[1.0, 1.0], 5, &[0, 1, 0, 1, 0]),
        (&[3.0, 1.0], 8, &[0, 0, 1, 0, 0, 0, 1, 0]),
        (&[1.0, 0.0, 1.0], 4, &[0, 2, 0, 2]),
        (&[80.0, 15.0, 5.0], 3, &[0, 0, 1]),
    ];
    for (weights, users, expected) in cases {
        let got = dealt(weights, users);
        let mut counts = (vec![0; weights.len()], vec![0; weights.len()]);
        for (got, expected) in got.iter().zip(expected) {
            counts.0[*got] += 1;
            counts.1[*expected] += 1;
        }
        assert_eq!(counts.0, counts.1, "{weights:?}: {got:?}");
        assert_eq!(got.len(), users as usize);
    }
    let counts = Roles::new(&plan(&[80.0, 15.0, 5.0], 100), Some(100), 1).users(100);
    assert_eq!(counts, [80, 15, 5]);
}

proptest! {
    #[test]
    fn every_level_is_split_as_the_shares_say(
        weights in prop::collection::vec(prop_oneof![3 => 1_u32..100, 1 => Just(0_u32), 1 => 1_u32..4], 1..8),
        users in 1_u32..300,
    ) {
        prop_assume!(weights.iter().sum::<u32>() > 0);
        let weights: Vec<f64> = weights.into_iter().map(f64::from).collect();
        let load = plan(&weights, users);
        let mut counts = vec![0_u32; weights.len()];
        for (place, role) in dealt(&weights, users).into_iter().enumerate() {
            counts[role] += 1;
            for (count, member) in counts.iter().zip(&load.members) {
                let share = member.share * (place + 1) as f64;
                let off = (f64::from(*count) - share).abs();
                // Users keep their role as others come, so now and then one more is off than in a split of that many alone:
                // 159 where the share is 157.92 came in some ten thousand cases.
                prop_assert!(off <= 1.5, "{count} of {} where the share is {share}", place + 1);
            }
        }
        prop_assert_eq!(counts, load.split(users));
    }

    #[test]
    fn a_split_is_whole_and_near_the_shares(
        weights in prop::collection::vec(0_u32..100, 1..8),
        count in prop_oneof![0_u64..1_000, Just(u64::MAX), Just(1 << 60)],
    ) {
        prop_assume!(weights.iter().sum::<u32>() > 0);
        let weights: Vec<f64> = weights.into_iter().map(f64::from).collect();
        let roles = Roles::new(&plan(&weights, 1), None, 1);
        let parts = roles.split(count);
        prop_assert_eq!(parts.iter().map(|part| u128::from(*part)).sum::<u128>(), u128::from(count));
        for (part, weight) in parts.iter().zip(&weights) {
            let share = weight / weights.iter().sum::<f64>() * count as f64;
            prop_assert!((*part as f64 - share).abs() <= 1.0 + 1e-9 * count as f64, "{part}, not {share}");
            prop_assert!(*weight > 0.0 || *part == 0);
        }
    }
}

#[test]
fn iterations_draw_their_roles_by_the_shares() {
    let roles = Roles::new(&plan(&[80.0, 0.0, 15.0, 5.0], 1), None, 9);
    let mut counts = [0_u32; 4];
    for number in 0..100_000 {
        let role = roles.of_iteration(number);
        assert_eq!(
            roles.of_iteration(number),
            role,
            "it depends on the number only"
        );
        counts[role.0] += 1;
    }
    for (count, expected) in counts.iter().zip([80_000, 0, 15_000, 5_000]) {
        assert!(count.abs_diff(expected) <= expected / 25, "{counts:?}");
    }
    let other = Roles::new(&plan(&[80.0, 0.0, 15.0, 5.0], 1), None, 10);
    let differ =
        (0..1_000).filter(|number| roles.of_iteration(*number) != other.of_iteration(*number));
    assert!(differ.count() > 200, "another seed draws others");
}
