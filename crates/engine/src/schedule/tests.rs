//! Tests.

use super::*;
use loadgen_scenario::{Member, Rate};
use loadgen_stats::ScenarioIndex;
use std::collections::BTreeSet;

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn schedule(load: Load) -> Schedule {
    Schedule::of(&LoadPlan {
        load,
        start: StartAt::At(Duration::ZERO),
        warm_up: Duration::ZERO,
        graceful_stop: secs(3.0),
        connect_rate: None,
        members: vec![Member {
            scenario: ScenarioIndex(0),
            share: 1.0,
        }],
    })
}

fn vus(count: u32) -> UserCount {
    UserCount::new(count).expect("a possible number")
}

fn stages(stages: &[(f64, f64)]) -> Vec<Stage> {
    stages
        .iter()
        .map(|(duration, target)| Stage {
            duration: secs(*duration),
            target: *target,
        })
        .collect()
}

fn ramp(start_vus: u32, points: &[(f64, f64)]) -> Schedule {
    schedule(Load::RampingVus {
        start_vus,
        stages: stages(points),
        graceful_ramp_down: secs(2.0),
    })
}

fn rate(start_rate: f64, points: &[(f64, f64)], arrivals: Arrivals) -> Schedule {
    schedule(Load::RampingArrivalRate {
        start_rate,
        stages: stages(points),
        max_vus: None,
        arrivals,
    })
}

fn dues(schedule: &Schedule, shard: usize, shards: usize) -> Vec<(u64, Offset)> {
    schedule
        .arrivals(7, shard, shards)
        .expect("an open load")
        .collect()
}

#[test]
fn constant_users_until_the_end_of_starting() {
    let schedule = schedule(Load::ConstantVus {
        vus: vus(7),
        duration: secs(10.0),
    });
    for (at, users) in [(0.0, 7), (9.999, 7), (10.0, 0), (60.0, 0)] {
        assert_eq!(schedule.users_at(secs(at).into()), users, "at {at} s");
    }
    assert_eq!(schedule.budget(), Budget::Unlimited);
}

#[test]
fn shared_iterations_need_no_more_users_than_iterations() {
    for (users, iterations, most) in [
        (10, 3, 3),
        (10, 10, 10),
        (10, 1_000_000, 10),
        (1, u64::MAX, 1),
    ] {
        let load = Load::SharedIterations {
            vus: vus(users),
            iterations,
            max_duration: secs(600.0),
        };
        assert_eq!(
            schedule(load).most_users(),
            Some(most),
            "{users} users, {iterations} iterations"
        );
    }
}

#[test]
fn users_follow_the_stages() {
    let up_and_down = ramp(0, &[(10.0, 50.0), (5.0, 50.0), (5.0, 0.0)]);
    let jump = ramp(10, &[(10.0, 10.0), (0.0, 100.0), (10.0, 100.0)]);
    let cases = [
        (&up_and_down, 0.0, 0),
        (&up_and_down, 0.0999, 0),
        (&up_and_down, 0.1, 1),
        (&up_and_down, 5.0, 25),
        (&up_and_down, 12.0, 50),
        (&up_and_down, 17.5, 25),
        (&up_and_down, 20.0, 0),
        (&jump, 0.0, 10),
        (&jump, 9.999, 10),
        (&jump, 10.0, 100),
        (&jump, 20.0, 0),
    ];
    for (schedule, at, users) in cases {
        assert_eq!(schedule.users_at(secs(at).into()), users, "at {at} s");
    }
}

#[test]
fn the_stays_of_all_shards_are_the_users_at_every_instant() {
    let shapes = [
        ramp(0, &[(10.0, 50.0), (5.0, 50.0), (5.0, 0.0)]),
        ramp(20, &[(4.0, 5.0), (4.0, 30.0), (0.0, 2.0), (4.0, 2.0)]),
        schedule(Load::ConstantVus {
            vus: vus(13),
            duration: secs(12.0),
        }),
    ];
    for schedule in &shapes {
        for shards in [1, 2, 7, 200] {
            let stays: Vec<Stay> = (0..shards)
                .flat_map(|shard| schedule.stays(shard, shards))
                .collect();
            for step in 0..2_100 {
                // Beside the crossings, where rounding decides.
                let at = Offset::from(secs(f64::from(step) * 0.01 + 0.003));
                let present = stays
                    .iter()
                    .filter(|stay| stay.from <= at && at < stay.until)
                    .count();
                assert_eq!(
                    present,
                    schedule.users_at(at) as usize,
                    "{shards} shards at {at:?}"
                );
            }
            let first = stays
                .iter()
                .filter(|stay| stay.from == Offset::ZERO)
                .count();
            assert_eq!(first, schedule.first_users() as usize);
            let users: BTreeSet<u64> = stays.iter().map(|stay| stay.user).collect();
            assert_eq!(users.len(), stays.len(), "no number is given twice");
        }
    }
}

#[test]
fn who_leaves_before_the_end_is_given_the_graceful_ramp_down() {
    let cuts: Vec<_> = ramp(2, &[(10.0, 0.0), (10.0, 0.0)])
        .stays(0, 1)
        .map(|stay| (stay.until.as_secs_f64(), stay.cut.map(Offset::as_secs_f64)))
        .collect();
    assert_eq!(cuts, [(7.5, Some(9.5)), (2.5, Some(4.5))]);
    let constant = schedule(Load::ConstantVus {
        vus: vus(1),
        duration: secs(10.0),
    })
    .stays(0, 1);
    assert_eq!(constant.map(|stay| stay.cut).collect::<Vec<_>>(), [None]);
}

#[test]
fn arrivals_are_due_by_the_integral_of_the_rate() {
    let per_second = |rate, length| {
        let rate = Rate::per_second(rate).expect("a possible rate");
        schedule(Load::ConstantArrivalRate {
            rate,
            duration: secs(length),
            max_vus: None,
            arrivals: Arrivals::Uniform,
        })
    };
    let cases = [
        (
            per_second(100.0, 10.0),
            1_000,
            vec![(0, 0.0), (1, 0.01), (999, 9.99)],
        ),
        (
            per_second(500.0 / 60.0, 6.0 * 3_600.0),
            180_000,
            vec![(1, 0.12), (179_999, 21_599.88)],
        ),
        (
            per_second(0.1, 25.0),
            3,
            vec![(0, 0.0), (1, 10.0), (2, 20.0)],
        ),
        // t²·5 = n
        (
            rate(0.0, &[(10.0, 100.0)], Arrivals::Uniform),
            500,
            vec![(0, 0.0), (5, 1.0), (20, 2.0), (125, 5.0)],
        ),
        (
            rate(100.0, &[(10.0, 0.0)], Arrivals::Uniform),
            500,
            vec![(0, 0.0), (375, 5.0), (495, 9.0)],
        ),
        (
            rate(
                0.0,
                &[(5.0, 0.0), (0.0, 10.0), (1.0, 10.0)],
                Arrivals::Uniform,
            ),
            10,
            vec![(0, 5.0), (1, 5.1), (9, 5.9)],
        ),
        // What is due where a pause begins is due where it ends.
        (
            rate(
                10.0,
                &[
                    (1.0, 10.0),
                    (0.0, 0.0),
                    (5.0, 0.0),
                    (0.0, 10.0),
                    (1.0, 10.0),
                ],
                Arrivals::Uniform,
            ),
            20,
            vec![(9, 0.9), (10, 6.0), (19, 6.9)],
        ),
        // The same where the area up to the pause is not exact in binary.
        (
            rate(
                0.1,
                &[(30.0, 0.1), (0.0, 0.0), (5.0, 0.0), (0.0, 0.7), (10.0, 0.7)],
                Arrivals::Uniform,
            ),
            10,
            vec![(2, 20.0), (3, 35.0), (9, 35.0 + 6.0 / 0.7)],
        ),
    ];
    for (number, (schedule, count, points)) in cases.iter().enumerate() {
        let dues = dues(schedule, 0, 1);
        assert_eq!(dues.len(), *count, "case {number}");
        for (n, at) in points {
            let due = dues[*n].1.as_secs_f64();
            assert!(
                (due - at).abs() < 2e-9,
                "case {number}: arrival {n} due at {due}, not at {at}"
            );
        }
        assert!(
            dues.is_sorted_by_key(|(_, due)| *due),
            "case {number}: due times never go back"
        );
    }
}

#[test]
fn no_rounding_adds_or_loses_an_arrival_at_the_end() {
    for per_hour in 1..=400_u32 {
        for length in [7_u32, 60, 600, 3_600, 7_200] {
            let rate = Rate::per_second(f64::from(per_hour * 7) / 3_600.0);
            let schedule = schedule(Load::ConstantArrivalRate {
                rate: rate.expect("a possible rate"),
                duration: secs(f64::from(length)),
                max_vus: None,
                arrivals: Arrivals::Uniform,
            });
            let exact = (per_hour * 7 * length).div_ceil(3_600) as usize;
            let got = dues(&schedule, 0, 1);
            assert_eq!(got.len(), exact, "{per_hour}·7/h for {length} s");
            let last = got.last().expect("one at the start").1;
            assert!(last < schedule.end_of_starting(), "{last:?}");
        }
    }
}

#[test]
fn shards_together_have_the_arrivals_of_one() {
    for arrivals in [
        Arrivals::Uniform,
        Arrivals::Poisson,
        Arrivals::Gamma { burstiness: 0.3 },
    ] {
        let schedule = rate(5.0, &[(4.0, 200.0), (3.0, 10.0)], arrivals);
        let whole = dues(&schedule, 0, 1);
        for shards in [2, 7] {
            let mut parts: Vec<_> = (0..shards)
                .flat_map(|shard| dues(&schedule, shard, shards))
                .collect();
            parts.sort_unstable();
            assert_eq!(parts, whole, "{arrivals:?} on {shards} shards");
        }
    }
}

#[test]
fn random_gaps_have_the_mean_and_the_spread_that_they_should() {
    // The coefficient of variation of a gamma distribution is 1/√shape.
    let cases = [
        (Arrivals::Poisson, 1.0),
        (Arrivals::Gamma { burstiness: 0.25 }, 2.0),
        (Arrivals::Gamma { burstiness: 4.0 }, 0.5),
    ];
    for (arrivals, variation) in cases {
        let dues = dues(&rate(1_000.0, &[(100.0, 1_000.0)], arrivals), 0, 1);
        assert!(
            (dues.len() as f64 / 100_000.0 - 1.0).abs() < 0.03,
            "{arrivals:?}: {} arrivals",
            dues.len()
        );
        let gaps: Vec<f64> = dues
            .windows(2)
            .map(|pair| pair[1].1.since(pair[0].1).as_secs_f64())
            .collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        let got = variance.sqrt() / mean;
        assert!(
            (got / variation - 1.0).abs() < 0.05,
            "{arrivals:?}: variation {got}, not {variation}"
        );
    }
}
