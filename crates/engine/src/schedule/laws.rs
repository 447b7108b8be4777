//! What holds of every schedule, whatever its shape: the laws that the tables cannot list.

use super::*;
use loadgen_scenario::{Member, Rate};
use loadgen_stats::ScenarioIndex;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Off by so little that only rounding can be the reason.
const ROUNDING: f64 = 1e-6;

fn planned(load: Load, start: f64) -> Schedule {
    connecting(load, start, None)
}

/// The same where so many users begin in a second at most.
fn connecting(load: Load, start: f64, rate: Option<f64>) -> Schedule {
    Schedule::of(&LoadPlan {
        load,
        start: StartAt::At(Duration::from_secs_f64(start)),
        warm_up: Duration::ZERO,
        graceful_stop: Duration::ZERO,
        connect_rate: rate.and_then(Rate::per_second),
        members: vec![Member {
            scenario: ScenarioIndex(0),
            share: 1.0,
        }],
    })
}

/// Stages of lengths down to nothing, so that levels jump, pause and ramp.
fn stages(highest: f64) -> impl Strategy<Value = Vec<Stage>> {
    let length = prop_oneof![1 => Just(0_u64), 4 => 1_u64..30_000];
    let target = prop_oneof![1 => Just(0.0), 1 => (0..5).prop_map(f64::from), 3 => 0.0..highest];
    let stage = (length, target).prop_map(|(millis, target)| Stage {
        duration: Duration::from_millis(millis),
        target,
    });
    prop::collection::vec(stage, 1..8)
}

fn arrivals() -> impl Strategy<Value = Arrivals> {
    prop_oneof![
        Just(Arrivals::Uniform),
        Just(Arrivals::Poisson),
        (0.05..20.0).prop_map(|burstiness| Arrivals::Gamma { burstiness }),
    ]
}

/// The level at the start and the stages of an open load.
#[derive(Clone, Debug)]
struct Shape {
    from: f64,
    stages: Vec<Stage>,
}

impl Shape {
    /// The area under the rate up to a time, piece by piece, apart from the code that is tested.
    fn area(&self, until: f64) -> f64 {
        let (mut level, mut at, mut area) = (self.from, 0.0, 0.0);
        for stage in &self.stages {
            let length = stage.duration.as_secs_f64();
            let part = (until - at).clamp(0.0, length);
            let reached = if length > 0.0 {
                level + (stage.target - level) * part / length
            } else {
                level
            };
            area += part * (level + reached) / 2.0;
            (level, at) = (stage.target, at + length);
        }
        area
    }

    fn length(&self) -> f64 {
        self.stages
            .iter()
            .map(|stage| stage.duration.as_secs_f64())
            .sum()
    }
}

/// Any of the two open loads with its shape.
fn open() -> impl Strategy<Value = (Shape, Load)> {
    let steady =
        (0.01..400.0_f64, 1_u64..60_000, arrivals()).prop_map(|(rate, millis, arrivals)| {
            let duration = Duration::from_millis(millis);
            let load = Load::ConstantArrivalRate {
                rate: Rate::per_second(rate).expect("a possible rate"),
                duration,
                max_vus: None,
                arrivals,
            };
            let stages = vec![Stage {
                duration,
                target: rate,
            }];
            (Shape { from: rate, stages }, load)
        });
    let ramps = (
        prop_oneof![Just(0.0), 0.0..200.0],
        stages(200.0),
        arrivals(),
    )
        .prop_map(|(from, stages, arrivals)| {
            let load = Load::RampingArrivalRate {
                start_rate: from,
                stages: stages.clone(),
                max_vus: None,
                arrivals,
            };
            (Shape { from, stages }, load)
        });
    prop_oneof![1 => steady, 3 => ramps]
}

/// Any of the four closed loads.
fn closed() -> impl Strategy<Value = Load> {
    let vus = (1_u32..40).prop_map(|vus| UserCount::new(vus).expect("a possible number"));
    let time = (1_u64..60_000).prop_map(Duration::from_millis);
    prop_oneof![
        (vus.clone(), time.clone()).prop_map(|(vus, duration)| Load::ConstantVus { vus, duration }),
        (vus.clone(), 1_u64..100, time.clone()).prop_map(|(vus, iterations, max_duration)| {
            Load::SharedIterations {
                vus,
                iterations,
                max_duration,
            }
        }),
        (vus, 1_u64..100, time).prop_map(|(vus, iterations, max_duration)| {
            Load::PerVuIterations {
                vus,
                iterations,
                max_duration,
            }
        }),
        (0_u32..40, stages(40.0), 0_u64..5_000).prop_map(|(start_vus, stages, grace)| {
            Load::RampingVus {
                start_vus,
                stages,
                graceful_ramp_down: Duration::from_millis(grace),
            }
        }),
    ]
}

fn dues(schedule: &Schedule, shard: usize, shards: usize) -> Vec<(u64, Offset)> {
    let arrivals = schedule.arrivals(3, shard, shards);
    arrivals.expect("an open load").collect()
}

/// The unit-mean gaps that a seed gives, summed: where the nth arrival lies in terms of area.
fn unit_gaps(arrivals: Arrivals, count: usize) -> Vec<f64> {
    let one_a_second = Load::ConstantArrivalRate {
        rate: Rate::per_second(1.0).expect("a possible rate"),
        duration: Duration::from_secs(1_000_000),
        max_vus: None,
        arrivals,
    };
    let schedule = planned(one_a_second, 0.0);
    let arrivals = schedule.arrivals(3, 0, 1).expect("an open load");
    arrivals
        .take(count)
        .map(|(_, due)| due.as_secs_f64())
        .collect()
}

proptest! {
    /// The nth arrival is due where the area under the rate is the nth sum of unit-mean gaps: n itself where they are
    /// uniform. So as many are due as the area holds, and never one where there is no rate.
    #[test]
    fn arrivals_are_where_the_area_says((shape, load) in open(), start in 0.0..100.0_f64) {
        let kind = match load {
            Load::ConstantArrivalRate { arrivals, .. } | Load::RampingArrivalRate { arrivals, .. } => arrivals,
            _ => Arrivals::Uniform,
        };
        let schedule = planned(load, start);
        let whole = dues(&schedule, 0, 1);
        let total = shape.area(shape.length());
        let tolerance = ROUNDING * (1.0 + total);
        let sums = unit_gaps(kind, whole.len() + 1);
        prop_assert!(sums[whole.len()] > total - tolerance, "one more was due: {} of {total}", sums[whole.len()]);
        for ((number, due), sum) in whole.iter().zip(&sums) {
            let area = shape.area((due.as_nanos() - schedule.start().as_nanos()) as f64 / 1e9);
            prop_assert!((area - sum).abs() < tolerance, "arrival {number} is due at an area of {area}, not {sum}");
            let soon = shape.area((due.as_nanos() - schedule.start().as_nanos()) as f64 / 1e9 + 0.1);
            prop_assert!(soon > area || kind != Arrivals::Uniform, "arrival {number} is due in a pause");
        }
        if kind == Arrivals::Uniform {
            prop_assert!((whole.len() as f64 - total).abs() < 1.0 + tolerance, "{} for {total}", whole.len());
        }
        prop_assert!(whole.is_sorted_by_key(|(_, due)| *due), "due times never go back");
        prop_assert!(whole.iter().enumerate().all(|(place, (number, _))| place as u64 == *number));
        let (first, end) = (schedule.start(), schedule.end_of_starting());
        prop_assert!(whole.iter().all(|(_, due)| first <= *due && *due < end), "within the load");
    }

    #[test]
    fn shards_together_have_the_arrivals_of_one((_, load) in open(), start in 0.0..100.0_f64) {
        let schedule = planned(load, start);
        let whole = dues(&schedule, 0, 1);
        for shards in [2, 7] {
            let mut parts = Vec::new();
            for shard in 0..shards {
                let part = dues(&schedule, shard, shards);
                prop_assert!(part.iter().all(|(number, _)| number % shards as u64 == shard as u64));
                parts.extend(part);
            }
            parts.sort_unstable();
            prop_assert_eq!(&parts, &whole);
        }
    }

    /// Whoever begins a load later begins all of it later.
    #[test]
    fn a_start_moves_all_of_a_load((_, load) in open(), ramp in closed(), start in 0_u64..1_000_000) {
        let start = Offset::from(Duration::from_millis(start));
        let moved = |at: Offset| start.after(at.as_duration());
        let schedule = planned(load, 0.0);
        let later: Vec<_> = dues(&schedule, 0, 1).into_iter().map(|(number, due)| (number, moved(due))).collect();
        prop_assert_eq!(dues(&schedule.starting_at(start), 0, 1), later);
        let schedule = planned(ramp, 0.0);
        let later: Vec<_> = schedule.stays(0, 1).map(|stay| Stay {
            from: moved(stay.from),
            until: moved(stay.until),
            cut: stay.cut.map(moved),
            ..stay
        }).collect();
        prop_assert_eq!(schedule.starting_at(start).stays(0, 1).collect::<Vec<_>>(), later);
    }

    #[test]
    fn the_stays_of_all_shards_are_the_users_at_every_instant(
        load in closed(),
        rate in prop_oneof![1 => Just(None), 2 => (0.01..200.0).prop_map(Some)],
        start in 0_u64..5_000,
        instants in prop::collection::vec(0.0..1.0_f64, 20),
    ) {
        let schedule = connecting(load, start as f64 / 1_000.0, rate);
        let length = schedule.length().as_secs_f64();
        let most = schedule.most_users().expect("a closed load");
        let mut sets = Vec::new();
        for shards in [1, 2, 7] {
            for shard in 0..shards {
                let by_time: Vec<Offset> = schedule.stays(shard, shards).map(|stay| stay.from).collect();
                prop_assert!(by_time.is_sorted(), "by when they come: {by_time:?}");
            }
            let mut stays: Vec<Stay> = (0..shards).flat_map(|shard| schedule.stays(shard, shards)).collect();
            stays.sort_by_key(|stay| (stay.place, stay.from));
            for pair in stays.windows(2).filter(|pair| pair[0].place == pair[1].place) {
                prop_assert!(pair[0].until < pair[1].from, "one user at a place: {pair:?}");
            }
            for stay in &stays {
                prop_assert!(stay.from < stay.until && stay.place < most);
                prop_assert!(schedule.start() <= stay.from && stay.until <= schedule.end_of_starting());
            }
            for part in &instants {
                let at = schedule.start().after(Duration::from_secs_f64(part * length));
                let present = stays.iter().filter(|stay| stay.from <= at && at < stay.until);
                // A line that crosses in this very nanosecond may be rounded to either side.
                let near = |nanos: i64| {
                    let nanos = at.as_nanos().saturating_add_signed(nanos);
                    schedule.users_at(Offset::from_nanos(nanos)).min(most)
                };
                let level = [near(-2), near(0), near(2)];
                let present = present.count() as u32;
                let (least, highest) = (level.iter().min(), level.iter().max());
                prop_assert!(least <= Some(&present) && Some(&present) <= highest, "{present} at {at:?}, not {level:?}");
            }
            let first = stays.iter().filter(|stay| stay.from == Offset::ZERO).count();
            prop_assert_eq!(first as u32, schedule.first_users());
            let numbers: BTreeSet<u64> = stays.iter().map(|stay| stay.user).collect();
            prop_assert_eq!(numbers.len(), stays.len(), "no number is given twice");
            let all = schedule.stays_in_all().expect("a closed load");
            prop_assert!(numbers.iter().all(|number| *number < all));
            sets.push(stays);
        }
        prop_assert!(sets[0] == sets[1] && sets[0] == sets[2]);
    }
}

proptest! {
    #[test]
    fn no_more_users_begin_in_a_second_than_may_and_none_begins_too_soon(
        load in closed(),
        rate in prop_oneof![0.01..200.0, 1_000.0..10_000_000.0],
        instants in prop::collection::vec((0.0..1.0_f64, 0.0..1.0_f64), 20),
    ) {
        let asked = planned(load.clone(), 1.5);
        let given = connecting(load, 1.5, Some(rate));
        prop_assert_eq!(asked.end_of_starting(), given.end_of_starting());
        prop_assert_eq!(asked.most_users(), given.most_users());
        let length = asked.length().as_secs_f64();
        let at = |part: f64| asked.start().after(Duration::from_secs_f64(part * length));
        for (one, other) in instants {
            let (first, then) = (at(one.min(other)), at(one.max(other)));
            let more = given.users_at(then).saturating_sub(given.users_at(first));
            let most = rate * then.since(first).as_secs_f64() + 1.0 + ROUNDING;
            prop_assert!(f64::from(more) <= most, "{more} more, not {most}");
            // In this very nanosecond rounding decides.
            let near = [-2, 0, 2].map(|nanos| then.as_nanos().saturating_add_signed(nanos));
            let wanted = near.map(|nanos| asked.users_at(Offset::from_nanos(nanos))).into_iter().max();
            prop_assert!(Some(given.users_at(then)) <= wanted, "{} of {wanted:?}", given.users_at(then));
        }
        // Whoever has the time comes in the end: a level that holds for long enough is reached.
        let stays: Vec<Stay> = given.stays(0, 1).collect();
        for stay in asked.stays(0, 1) {
            let due = stay.from.after(Duration::from_secs_f64((f64::from(stay.place) + 1.0) / rate));
            let rounded = Duration::from_nanos(2);
            let due = due.after(rounded);
            let there = |one: &&Stay| {
                one.place == stay.place && one.from.after(rounded) >= stay.from && one.from <= due
            };
            prop_assert!(due >= stay.until || stays.iter().any(|one| there(&one)), "{stay:?} of {stays:?}");
        }
    }
}

/// A rate that holds for six hours and more drifts by nothing.
#[test]
fn the_last_arrival_of_a_long_run_is_as_exact_as_the_first() {
    for per_minute in [500.0, 1_000.0 / 3.0, 59.9] {
        let rate = per_minute / 60.0;
        let load = Load::ConstantArrivalRate {
            rate: Rate::per_second(rate).expect("a possible rate"),
            duration: Duration::from_secs(24 * 3_600),
            max_vus: None,
            arrivals: Arrivals::Uniform,
        };
        let dues = dues(&planned(load, 0.0), 0, 1);
        for (number, due) in dues.iter().step_by(997).chain(dues.last()) {
            let exact = *number as f64 / rate;
            assert!(
                (due.as_secs_f64() - exact).abs() < 1e-7,
                "{number}: {due:?}"
            );
        }
    }
}
