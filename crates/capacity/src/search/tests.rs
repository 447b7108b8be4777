//! The search against simulated services, thousands of them, without any clock.

use super::*;
use crate::answer::LimitedBy;
use crate::cost::{Timing, worst};
use crate::ladder::Growth;
use std::time::Duration;

const LADDER: Ladder = Ladder {
    start: 50.0,
    growth: Growth::Step(50.0),
    max: 500.0,
    whole: true,
};

/// A seeded draw: SplitMix64.
struct Chance(u64);

impl Chance {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to 1.
    fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn from(&mut self, least: f64, most: f64) -> f64 {
        least + (most - least) * self.unit()
    }

    /// Of a normal distribution, near enough.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

fn seen(sight: Sight, goodput: f64) -> Seen {
    Seen {
        sight,
        goodput,
        goodput_error: goodput.sqrt() / 5.0,
        failed: 0.0,
        // Clearly.
        beyond: f64::INFINITY,
    }
}

/// Holds up to `limit`.
fn holds_to(limit: f64) -> impl FnMut(f64) -> Seen {
    move |load| {
        seen(
            if load <= limit {
                Sight::Held
            } else {
                Sight::Broken
            },
            load.min(limit),
        )
    }
}

/// A search run to its end; what is shown for each hold is `service`'s.
fn searched(settings: SearchSettings, mut service: impl FnMut(f64) -> Seen) -> Search {
    let mut search = Search::new(settings);
    let mut load = 0.0;
    for _ in 0..100_000 {
        match search.order() {
            Order::Hold { load: next, .. } => load = next,
            Order::Extend => {}
            Order::Done => return search,
        }
        search.see(service(load));
    }
    panic!("it never ends: {settings:?}");
}

fn settings(ladder: Ladder) -> SearchSettings {
    SearchSettings::new(ladder)
}

fn loads(search: &Search) -> Vec<f64> {
    search.trials().iter().map(|trial| trial.load).collect()
}

/// The fewest levels of a step-then-bisect that comes to the same end: the steps up to the one that breaks, and the
/// halvings of the gap below it.
fn at_its_best(settings: &SearchSettings, limit: f64) -> usize {
    let ladder = settings.ladder;
    let (mut held, mut next, mut levels) = (None, Some(ladder.first()), 0);
    let mut broke = None;
    while let Some(load) = next {
        levels += 1;
        if load > limit {
            broke = Some(load);
            break;
        }
        held = Some(load);
        next = ladder.above(load);
    }
    let (Some(mut low), Some(mut high)) = (held, broke) else {
        return levels;
    };
    while high - low > settings.resolution * low {
        let Some(middle) = ladder.between(low, high) else {
            break;
        };
        levels += 1;
        *(if middle <= limit { &mut low } else { &mut high }) = middle;
    }
    levels
}

#[test]
fn a_limit_is_found_step_by_step() {
    let found = searched(settings(LADDER), holds_to(230.0));
    assert_eq!(
        loads(&found),
        [
            50.0, 100.0, 150.0, 200.0, 250.0, 250.0, 300.0, 225.0, 238.0, 232.0
        ]
    );
    let answer = found.answer();
    assert_eq!(
        (answer.highest_held, answer.lowest_broke),
        (Some(225.0), Some(232.0))
    );
    assert_eq!((answer.ended, answer.safe), (Ended::Found, Some(168.0)));
    assert_eq!(answer.limited_by(), Some(LimitedBy::Service));
    assert!(answer.is_answer());
}

#[test]
fn every_limit_is_found_within_the_resolution_and_two_levels() {
    let mut chance = Chance(1);
    for seed in 0..5000 {
        let start = chance.from(1.0, 100.0).round();
        let growth = if chance.unit() < 0.5 {
            Growth::Step(chance.from(1.0, 100.0).round())
        } else {
            Growth::Factor(chance.from(1.1, 3.0))
        };
        let ladder = Ladder {
            start,
            growth,
            max: chance.from(500.0, 2000.0).round(),
            whole: chance.unit() < 0.5,
        };
        let settings = SearchSettings {
            resolution: chance.from(0.01, 0.2),
            ..settings(ladder)
        };
        let limit = chance.from(start, 2500.0);
        let search = searched(settings, holds_to(limit));
        let answer = search.answer();
        let best = at_its_best(&settings, limit);
        let levels = search.trials().len();
        assert!(
            levels <= best + 2,
            "seed {seed}: {levels} levels, at best {best}: {search:?}"
        );
        let (held, whole) = (
            answer.highest_held.unwrap(),
            if ladder.whole { 1.0 } else { 0.0 },
        );
        if answer.ended == Ended::Top {
            assert!(
                limit >= held && (held - ladder.max).abs() < 1e-9,
                "seed {seed}: {answer:?}"
            );
        } else {
            let off = limit - held;
            assert!(
                (0.0..=(settings.resolution * held).max(whole) + held * 0.01).contains(&off),
                "seed {seed}: {answer:?}, not {limit}"
            );
            assert!(answer.lowest_broke.unwrap() > limit, "seed {seed}");
        }
    }
}

/// An M/M/1 service: the 95th percentile of its answer time is 3 / (capacity - load), measured with an error that
/// shrinks with the square root of the samples.
fn queue(capacity: f64, limit: f64, hold: f64, seed: u64) -> impl FnMut(f64) -> Seen {
    let mut chance = Chance(seed);
    let mut holds = std::collections::BTreeMap::new();
    move |load| {
        let holds: &mut f64 = holds.entry(load as u64).or_default();
        *holds += hold;
        let samples = load * *holds;
        let p95 = if load < capacity {
            3.0 / (capacity - load)
        } else {
            1e6
        };
        // The relative standard error of a 95th percentile of an exponential distribution.
        let error = (0.05f64 / 0.95 / samples).sqrt() / (0.05f64 * 3.0);
        let observed = p95 * (1.0 + error * chance.normal());
        let sight = if (observed - limit).abs() < 1.96 * error * p95 {
            Sight::TooFew
        } else if observed < limit {
            Sight::Held
        } else {
            Sight::Broken
        };
        Seen {
            sight,
            goodput: load.min(capacity),
            goodput_error: (samples).sqrt() / *holds,
            failed: 0.0,
            beyond: observed / limit - 1.0,
        }
    }
}

/// How many of `runs` find a limit within the resolution.
fn within(runs: u64, limit: f64, mut answer: impl FnMut(u64) -> Answer) -> u64 {
    (0..runs)
        .filter(|seed| {
            let held = answer(*seed).highest_held.unwrap_or(0.0);
            (held - limit).abs() <= 0.05 * limit + 1.0
        })
        .count() as u64
}

#[test]
fn a_noisy_queue_is_found_in_nineteen_of_twenty() {
    // The 95th percentile passes 100 ms at 270.
    let hits = within(2000, 270.0, |seed| {
        searched(settings(LADDER), queue(300.0, 0.1, 30.0, seed)).answer()
    });
    assert!(hits >= 1900, "{hits} of 2000");
}

#[test]
fn a_break_by_chance_misleads_no_one() {
    let service = |seed: u64| {
        let mut chance = Chance(seed);
        move |load: f64| {
            let broken = load > 330.0 || chance.unit() < 0.02;
            seen(
                if broken { Sight::Broken } else { Sight::Held },
                load.min(330.0),
            )
        }
    };
    let hits = within(4000, 330.0, |seed| {
        searched(settings(LADDER), service(seed)).answer()
    });
    assert!(hits >= 3800, "{hits} of 4000");
    for seed in 0..4000 {
        let search = searched(settings(LADDER), service(seed));
        let spare = search
            .trials()
            .iter()
            .filter(|trial| matches!(trial.purpose, Purpose::Retry | Purpose::LookAbove))
            .count();
        assert!(spare <= 2, "{search:?}");
    }
}

#[test]
fn a_leak_is_found_where_it_is_by_then() {
    for seed in 0..2000 {
        let mut chance = Chance(seed);
        let (fresh, loss) = (chance.from(200.0, 400.0), chance.from(0.0, 0.004));
        let mut worn = 0.0;
        let search = searched(settings(LADDER), |load| {
            worn += 1.0;
            seen(
                if load <= fresh * (1.0 - loss * worn) {
                    Sight::Held
                } else {
                    Sight::Broken
                },
                load,
            )
        });
        let (answer, end) = (search.answer(), fresh * (1.0 - loss * worn));
        let held = answer.highest_held.unwrap();
        assert!(
            held <= fresh && held >= end * 0.95 - 1.0,
            "seed {seed}: {held} of {fresh} to {end}"
        );
    }
}

#[test]
fn a_service_that_fails_and_holds_above_is_noticed() {
    let search = searched(settings(LADDER), |load| {
        seen(
            if (80.0..120.0).contains(&load) || load > 300.0 {
                Sight::Broken
            } else {
                Sight::Held
            },
            load,
        )
    });
    let answer = search.answer();
    assert_eq!(answer.held_above, [150.0]);
    assert!(
        answer.lowest_broke.unwrap() <= 100.0 && answer.highest_held.unwrap() < 80.0,
        "{answer:?}"
    );
}

#[test]
fn a_break_that_does_not_come_again_is_told() {
    let mut tries = 0;
    let search = searched(settings(LADDER), |load| {
        tries += u32::from(load == 100.0);
        seen(
            if load == 100.0 && tries == 1 || load > 310.0 {
                Sight::Broken
            } else {
                Sight::Held
            },
            load,
        )
    });
    let answer = search.answer();
    assert_eq!(answer.broke_once, [100.0]);
    assert_eq!(answer.held_above, [0.0; 0]);
    assert!(
        (300.0..=310.0).contains(&answer.highest_held.unwrap()),
        "{answer:?}"
    );
}

#[test]
fn a_break_in_the_gap_that_may_be_chance_is_tried_once_more() {
    // A service that holds to 230; 225 breaks the first time, or always, by so much.
    let check = |beyond: f64, always: bool, gap: &[f64], held: f64, once: &[f64]| {
        let mut tries = 0;
        let search = searched(settings(LADDER), |load| {
            tries += u32::from(load == 225.0);
            if load == 225.0 && (always || tries == 1) {
                return Seen {
                    beyond,
                    ..seen(Sight::Broken, load)
                };
            }
            holds_to(230.0)(load)
        });
        assert_eq!(loads(&search)[7..], *gap, "by {beyond}");
        let answer = search.answer();
        assert_eq!(answer.highest_held, Some(held), "by {beyond}");
        assert_eq!(answer.broke_once, once, "by {beyond}");
        let retries = search.trials()[7..].iter();
        let retries = retries
            .filter(|trial| trial.purpose == Purpose::Retry)
            .count();
        assert_eq!(retries, usize::from(beyond <= 0.1), "by {beyond}");
    };
    check(0.05, false, &[225.0, 225.0, 238.0, 232.0], 225.0, &[225.0]);
    check(0.05, true, &[225.0, 225.0, 213.0, 219.0], 219.0, &[]);
    check(0.5, false, &[225.0, 213.0, 219.0], 219.0, &[]);
}

#[test]
fn what_broke_drains_before_the_next_level() {
    let mut search = Search::new(settings(LADDER));
    let mut drained = Vec::new();
    let mut service = holds_to(130.0);
    while let Order::Hold { load, drain } = search.order() {
        drained.push((load, drain));
        search.see(service(load));
    }
    assert_eq!(
        drained[..5],
        [
            (50.0, false),
            (100.0, false),
            (150.0, false),
            (150.0, true),
            (200.0, true)
        ]
    );
    assert_eq!(drained[5..7], [(125.0, true), (138.0, false)]);
}

#[test]
fn too_few_samples_extend_a_level_and_never_break_it() {
    // Above 200 nothing can be told.
    let search = searched(settings(LADDER), |load| {
        seen(
            if load <= 200.0 {
                Sight::Held
            } else {
                Sight::TooFew
            },
            load,
        )
    });
    let answer = search.answer();
    assert_eq!(
        (answer.highest_held, answer.lowest_broke),
        (Some(200.0), None)
    );
    assert_eq!(answer.unclear, [250.0, 300.0, 350.0, 400.0, 450.0, 500.0]);
    assert_eq!(answer.ended, Ended::Top);
    assert!(answer.is_open_above() && !answer.is_answer());
    assert_eq!(answer.limited_by(), None);
    let unclear: Vec<u32> = search
        .trials()
        .iter()
        .skip(4)
        .map(|trial| trial.holds)
        .collect();
    assert_eq!(unclear, [5; 6], "four times extended");
    // Nor only there: what is tried above held again.
    let answer = searched(settings(LADDER), |load| {
        let known = load <= 200.0 || load > 450.0;
        seen(if known { Sight::Held } else { Sight::TooFew }, load)
    })
    .answer();
    assert_eq!(
        (answer.highest_held, answer.limited_by()),
        (Some(500.0), Some(LimitedBy::Max))
    );
    assert!(answer.is_answer());
    // Between 180 and 220 it cannot be told: the gap is narrowed towards what held.
    let search = searched(settings(LADDER), |load| {
        seen(
            if load <= 180.0 {
                Sight::Held
            } else if load < 220.0 {
                Sight::TooFew
            } else {
                Sight::Broken
            },
            load,
        )
    });
    let answer = search.answer();
    assert_eq!(
        (answer.ended, answer.lowest_broke),
        (Ended::Found, Some(250.0))
    );
    assert!(
        (171.0..=180.0).contains(&answer.highest_held.unwrap()),
        "{answer:?}"
    );
    assert!(answer.is_answer());
    // Nothing at all can be told.
    let answer = searched(settings(LADDER), |load| seen(Sight::TooFew, load)).answer();
    assert!(!answer.is_answer() && answer.highest_held.is_none() && answer.safe.is_none());
}

#[test]
fn a_service_that_is_broken_at_once_ends_the_search_at_once() {
    let search = searched(settings(LADDER), holds_to(20.0));
    assert_eq!(loads(&search), [50.0, 50.0]);
    let answer = search.answer();
    assert_eq!(
        (answer.ended, answer.highest_held, answer.safe),
        (Ended::AtStart, None, None)
    );
    assert_eq!(answer.lowest_broke, Some(50.0));
}

#[test]
fn goodput_that_falls_twice_ends_the_climb() {
    let service = |load: f64| {
        seen(
            Sight::Held,
            if load <= 200.0 {
                load * 10.0
            } else {
                3000.0 - load * 5.0
            },
        )
    };
    let search = searched(settings(LADDER), service);
    assert_eq!(loads(&search), [50.0, 100.0, 150.0, 200.0, 250.0, 300.0]);
    let answer = search.answer();
    assert_eq!(
        (answer.ended, answer.peak),
        (Ended::GoodputFell, Some(200.0))
    );
    assert_eq!(
        (answer.highest_held, answer.safe),
        (Some(300.0), Some(150.0))
    );
    assert_eq!(answer.limited_by(), Some(LimitedBy::Service));
    // One that only wavers does not.
    for seed in 0..500 {
        let mut chance = Chance(seed);
        let search = searched(settings(LADDER), |load| {
            let goodput = (load * 10.0).min(1500.0) + 10.0 * chance.normal();
            Seen {
                goodput_error: 10.0,
                ..seen(Sight::Held, goodput)
            }
        });
        let ended = search.answer().ended;
        assert_eq!(ended, Ended::Top, "seed {seed}");
    }
}

#[test]
fn errors_past_the_guard_break_a_level_and_nothing_higher_is_tried() {
    let search = searched(settings(LADDER), |load| Seen {
        failed: if load > 220.0 { 0.6 } else { 0.1 },
        ..seen(Sight::Held, load)
    });
    assert_eq!(
        loads(&search)[..6],
        [50.0, 100.0, 150.0, 200.0, 250.0, 250.0]
    );
    assert!(loads(&search)[6] < 250.0);
    assert!(search.trials()[4].guarded);
    let held = search.answer().highest_held.unwrap();
    assert!((209.0..=220.0).contains(&held), "{held}");
    // Three of five requests are more than half, and too few to tell anything.
    let search = searched(settings(LADDER), |load| Seen {
        failed: 0.6,
        ..seen(Sight::TooFew, load)
    });
    let unclear = |trial: &Trial| trial.verdict == LevelVerdict::Unclear && !trial.guarded;
    assert!(search.trials().iter().all(unclear), "{:?}", search.trials());
}

#[test]
fn a_generator_that_is_the_limit_is_said_to_be() {
    let search = searched(settings(LADDER), |load| {
        seen(
            if load <= 320.0 {
                Sight::Held
            } else {
                Sight::Generator
            },
            load,
        )
    });
    let answer = search.answer();
    assert_eq!(
        (answer.ended, answer.highest_held, answer.lowest_broke),
        (Ended::Generator, Some(300.0), None)
    );
    assert_eq!(loads(&search)[6..], [350.0, 350.0]);
    assert_eq!(answer.limited_by(), Some(LimitedBy::Generator));
    assert!(!answer.is_answer());
    // Once late by chance is not.
    let mut late = true;
    let search = searched(settings(LADDER), |load| {
        if load == 150.0 && std::mem::take(&mut late) {
            return seen(Sight::Generator, load);
        }
        holds_to(230.0)(load)
    });
    assert_eq!(search.answer().highest_held, Some(225.0));
}

#[test]
fn a_break_above_what_this_machine_can_load_is_the_answer() {
    // What is seen of a load at its nth try in a row.
    let check = |sight: fn(f64, u32) -> Sight, held: Option<f64>, broke, ended| {
        let mut last = (0.0, 0);
        let search = searched(settings(LADDER), |load| {
            last = (load, if load == last.0 { last.1 + 1 } else { 1 });
            seen(sight(load, last.1), load)
        });
        let answer = search.answer();
        assert_eq!(
            (answer.highest_held, answer.lowest_broke, answer.ended),
            (held, broke, ended),
            "{search:?}"
        );
        assert_eq!(answer.limited_by(), Some(LimitedBy::Service));
        assert!(answer.is_answer());
    };
    let between = |load, _| match load {
        ..120.0 => Sight::Held,
        150.0.. => Sight::Broken,
        _ => Sight::Generator,
    };
    check(between, Some(100.0), Some(150.0), Ended::Found);
    // Broken at the first try, and not to be loaded at the second: what is below is looked at.
    let once = |load, tries| match (load, tries) {
        (..=130.0, _) => Sight::Held,
        (150.0, 1) => Sight::Broken,
        (150.0.., _) => Sight::Generator,
        _ => Sight::Broken,
    };
    check(once, Some(129.0), Some(132.0), Ended::Found);
    let at_once = |_, tries| {
        if tries == 1 {
            Sight::Broken
        } else {
            Sight::Generator
        }
    };
    check(at_once, None, Some(50.0), Ended::AtStart);
}

#[test]
fn a_load_that_is_not_there_is_never_held() {
    let search = searched(settings(LADDER), |load| {
        seen(
            if load <= 200.0 {
                Sight::Held
            } else {
                Sight::Short
            },
            load,
        )
    });
    let answer = search.answer();
    assert_eq!(
        (answer.ended, answer.highest_held),
        (Ended::Generator, Some(200.0))
    );
    assert_eq!(loads(&search)[4..], [250.0, 250.0]);
    // What fails is the service's own, however little of it came.
    let search = searched(settings(LADDER), |load| Seen {
        failed: if load > 200.0 { 0.6 } else { 0.0 },
        ..seen(
            if load <= 200.0 {
                Sight::Held
            } else {
                Sight::Short
            },
            load,
        )
    });
    assert_eq!(search.answer().limited_by(), Some(LimitedBy::Service));
}

#[test]
fn one_that_is_stopped_says_what_it_knows() {
    let mut search = Search::new(settings(LADDER));
    for load in [50.0, 100.0] {
        search.see(seen(Sight::Held, load));
    }
    search.stop();
    search.see(seen(Sight::Broken, 0.0));
    assert_eq!(search.order(), Order::Done);
    let answer = search.answer();
    assert_eq!(
        (answer.ended, answer.highest_held),
        (Ended::Stopped, Some(100.0))
    );
    assert!(!answer.is_answer() && answer.limited_by().is_none());
}

#[test]
fn all_that_a_search_may_wait_for_is_in_its_worst_case() {
    let seconds = Duration::from_secs;
    let of = |timing: Timing, whole: bool| {
        let one = Ladder {
            max: 50.0,
            whole,
            ..LADDER
        };
        worst(&settings(one), &timing)
    };
    let timing = Timing {
        settle: seconds(5),
        hold: seconds(10),
        answer: seconds(2),
        recover: false,
        connect_rate: None,
    };
    // The only load breaks, drains, and breaks again; with up to five holds each.
    let levels = 2 * 5 * (10 + 2) + 2 * 2;
    assert_eq!(of(timing, false).time, seconds(levels + 2 * 5));
    // Users settle for two of their iterations, however long these are.
    assert_eq!(of(timing, true).time, seconds(levels + 2 * 60));
    let long = Timing {
        settle: seconds(90),
        ..timing
    };
    assert_eq!(of(long, true).time, seconds(levels + 2 * 90));
    let at_once = Timing {
        settle: Duration::ZERO,
        ..timing
    };
    assert_eq!(of(at_once, true).time, seconds(levels));
    // Or until the last of fifty has come, who do so in the first half.
    let slow = Timing {
        connect_rate: Some(0.5),
        ..timing
    };
    assert_eq!(of(slow, true).time, seconds(levels + 2 * 200));
    let recovering = Timing {
        recover: true,
        ..timing
    };
    let recovery = 5 + 10 + 60 * (2 + 2);
    let (with, without) = (of(recovering, false), of(timing, false));
    assert_eq!(with.time, without.time + seconds(recovery));
    let load = with.load_seconds - without.load_seconds;
    assert!((load - 50.0 * recovery as f64).abs() < 1e-6, "{load}");
}

#[test]
fn no_service_costs_more_than_the_worst_case() {
    let timing = Timing {
        settle: Duration::from_secs(5),
        hold: Duration::from_secs(30),
        answer: Duration::from_secs(60),
        recover: false,
        connect_rate: None,
    };
    let mut chance = Chance(7);
    for seed in 0..1000 {
        let growth = if chance.unit() < 0.5 {
            Growth::Step(chance.from(5.0, 100.0).round())
        } else {
            Growth::Factor(chance.from(1.1, 3.0))
        };
        let ladder = Ladder {
            start: chance.from(1.0, 100.0).round(),
            growth,
            max: 1000.0,
            whole: true,
        };
        let settings = settings(ladder);
        let worst = worst(&settings, &timing);
        // One that does what it likes.
        let mut levels = (0, 0.0f64);
        let mut spent = Duration::ZERO;
        let mut weight = 0.0;
        let limit = chance.from(0.0, 1200.0);
        let wild = chance.unit() < 0.5;
        let mut search = Search::new(settings);
        loop {
            let load = match search.order() {
                Order::Hold { load, drain } => {
                    let time = timing.settle + if drain { timing.answer } else { Duration::ZERO };
                    levels = (levels.0 + 1, load);
                    spent += time;
                    weight += time.as_secs_f64() * load;
                    load
                }
                Order::Extend => levels.1,
                Order::Done => break,
            };
            spent += timing.hold + timing.answer;
            weight += (timing.hold + timing.answer).as_secs_f64() * load;
            let sights = [Sight::Held, Sight::Broken, Sight::TooFew, Sight::Generator];
            let sight = if wild {
                sights[(chance.bits() % 4) as usize]
            } else if load <= limit {
                Sight::Held
            } else {
                Sight::Broken
            };
            search.see(seen(sight, load));
        }
        assert!(
            levels.0 <= worst.levels && spent <= worst.time && weight <= worst.load_seconds,
            "seed {seed}: {levels:?}, {spent:?}, {weight}: {worst:?} {search:?}"
        );
    }
}
