//! Tests.

use super::*;
use crate::schedule::Role;
use loadgen_scenario::{Overrides, SourceText, load};
use std::collections::BTreeSet;

/// The loads of a file, on so many shards.
fn loads(text: &str, shards: usize) -> Vec<SharedLoad> {
    let step = |name: &str| format!("[[scenario.step]]\nname = \"{name}\"\nget = \"/\"\n");
    let text = text.replace("STEP", &step("s"));
    let source = SourceText {
        path: "test.toml",
        text: &format!("target = \"http://127.0.0.1:1\"\n{text}"),
        stem: "test",
    };
    match load(source, &Overrides::default()) {
        Ok(lowered) => SharedLoad::all(&lowered.plan, 7, shards),
        Err(problems) => panic!("{problems}"),
    }
}

const MIX: &str = r#"
[[scenario]]
name = "steady"
load = { vus = 3, duration = "10s" }
STEP
[[scenario]]
name = "open"
load = { rate = "100/s", duration = "10s" }
STEP
[[scenario]]
name = "waves"
load = { start_vus = 0, stages = [
  { duration = "4s", target = 4 }, { duration = "4s", target = 0 }, { duration = "4s", target = 2 } ] }
STEP
[[scenario]]
name = "open too"
load = { rate = "10/s", duration = "10s", arrivals = "poisson" }
STEP
"#;

#[test]
fn no_two_users_of_a_run_have_the_same_number_whatever_the_number_of_workers() {
    let mut all = Vec::new();
    for shards in [1, 2, 7] {
        let mut numbers = Vec::new();
        for load in &loads(MIX, shards) {
            for shard in 0..shards {
                let stays = load.schedule.stays(shard, shards);
                numbers.extend(stays.map(|stay| load.user(stay.user)));
                let arrivals = load.schedule.arrivals(load.seed, shard, shards);
                let arrivals = arrivals.into_iter().flatten();
                numbers.extend(arrivals.map(|(number, _)| load.user(number)));
            }
        }
        let unique: BTreeSet<u64> = numbers.iter().copied().collect();
        assert_eq!(unique.len(), numbers.len(), "{shards} shards");
        all.push(unique);
    }
    assert!(all[0] == all[1] && all[0] == all[2]);
    // Users of closed loads are numbered without a gap: 3, and 4 places that are taken up to twice.
    let closed = |number: &u64| *number < 3 + 8;
    assert_eq!(all[0].iter().filter(|number| closed(number)).count(), 3 + 6);
    assert!(
        all[0].contains(&11) && all[0].contains(&12),
        "arrivals follow"
    );
}

#[test]
fn loads_draw_apart_from_each_other() {
    let text = MIX.replace(
        "rate = \"100/s\"",
        "rate = \"10/s\", arrivals = \"poisson\"",
    );
    let loads = loads(&text, 1);
    let first = |load: usize| {
        let load: &SharedLoad = &loads[load];
        let mut arrivals = load
            .schedule
            .arrivals(load.seed, 0, 1)
            .expect("an open load");
        arrivals.next().expect("an arrival").1
    };
    assert_ne!(first(1), first(3));
}

#[test]
fn what_is_left_is_of_the_scenarios_that_would_have_played_it() {
    let text = |load: &str| {
        format!(
            "[load]\n{load}\n[[scenario]]\nname = \"a\"\nweight = 3\nSTEP[[scenario]]\nname = \"b\"\nweight = 1\nSTEP\
             [[scenario]]\nname = \"none\"\nweight = 0\nSTEP"
        )
    };
    let left = |load: &SharedLoad| load.left().map(|(_, left)| left).collect::<Vec<_>>();
    let per_user = &loads(
        &text("executor = \"per-vu-iterations\"\nvus = 8\niterations = 5"),
        2,
    )[0];
    assert_eq!(left(per_user), [30, 10, 0]);
    for _ in 0..10 {
        assert_eq!(per_user.take(Role(1)), Some(ScenarioIndex(1)));
    }
    assert_eq!(per_user.take(Role(1)), None, "the others are not its own");
    assert_eq!(left(per_user), [30, 0, 0]);
    let shared = &loads(&text("vus = 8\niterations = 100"), 2)[0];
    assert_eq!(left(shared), [75, 25, 0]);
    let taken: Vec<_> = (0..90).map_while(|_| shared.take(Role(0))).collect();
    let of_a = taken.iter().filter(|scenario| scenario.0 == 0).count();
    assert!((55..=80).contains(&of_a), "{of_a} of 90");
    assert_eq!(left(shared).iter().sum::<u64>(), 10);
    assert_eq!(
        left(&loads(&text("vus = 8\nduration = \"1s\""), 2)[0]),
        Vec::<u64>::new()
    );
}

#[test]
fn a_load_has_ended_when_it_has_in_every_shard() {
    let loads = loads(MIX, 3);
    let ends: Vec<bool> = (0..3).map(|_| loads[0].end_in_a_shard()).collect();
    assert_eq!(ends, [false, false, true]);
    assert!(loads[0].has_ended() && !loads[1].has_ended());
}
