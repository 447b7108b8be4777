//! What holds of every run, whatever its loads and whenever it is stopped: nothing is lost or counted twice.

use crate::support::{Service, plan, settings};
use loadgen_engine::{Budget, Directive, Observer, Outcome, Schedule, Stop, TokioTiming, run};
use loadgen_scenario::{Arrivals, Load, Member, Plan};
use loadgen_stats::{Counter, Ledger, Live, Offset, ScenarioIndex, Selection, Totals, Window};
use proptest::prelude::*;
use std::{fmt::Write as _, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    task::LocalSet,
    time::{Instant, sleep_until},
};

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
const PATHS: [&str; 5] = ["/a", "/b", "/c", "/d", "/e"];

/// A run to be made.
#[derive(Clone, Debug)]
struct Case {
    text: String,
    /// How long the requests of each scenario take.
    times: Vec<u64>,
    stops: Vec<(u64, Stop)>,
}

/// Keeps every window that it is shown.
#[derive(Default)]
struct Keep(Vec<Window>);

impl Observer for Keep {
    fn window(&mut self, window: &Window, _live: &Live) -> Directive {
        self.0.push(window.clone());
        Directive::Continue
    }
}

fn load() -> impl Strategy<Value = String> {
    let closed = prop_oneof![
        (1_u32..9, 1_u32..40).prop_map(|(vus, tenths)| format!(
            "vus = {vus}, duration = \"{}ms\"",
            tenths * 100
        )),
        (1_u32..9, 0_u32..60, 1_u32..40).prop_map(|(vus, iterations, tenths)| format!(
            "vus = {vus}, iterations = {}, max_duration = \"{}ms\"",
            iterations + 1,
            tenths * 100
        )),
        (1_u32..9, 1_u32..9, 1_u32..40).prop_map(|(vus, iterations, tenths)| format!(
            "executor = \"per-vu-iterations\", vus = {vus}, iterations = {iterations}, max_duration = \"{}ms\"",
            tenths * 100
        )),
        (0_u32..5, stages(9), 0_u32..10).prop_map(|(start, stages, grace)| format!(
            "start_vus = {start}, stages = [{stages}], graceful_ramp_down = \"{}ms\"",
            grace * 100
        )),
    ];
    let arrivals = prop_oneof![
        Just(""),
        Just(", arrivals = \"poisson\""),
        Just(", arrivals = \"gamma\", burstiness = 0.3"),
    ];
    let max_vus = prop_oneof![2 => Just(String::new()), 1 => (1_u32..20).prop_map(|most| format!(", max_vus = {most}"))];
    let shape = prop_oneof![
        (1_u32..80, 1_u32..40).prop_map(|(rate, tenths)| format!(
            "rate = \"{rate}/s\", duration = \"{}ms\"",
            tenths * 100
        )),
        (0_u32..50, stages(80)).prop_map(|(start, stages)| format!(
            "start_rate = \"{start}/s\", stages = [{}]",
            stages
                .replace("target = ", "target = \"")
                .replace(" }", "/s\" }")
        )),
    ];
    let open = (shape, arrivals, max_vus)
        .prop_map(|(shape, arrivals, max_vus)| format!("{shape}{arrivals}{max_vus}"));
    let warm_up = prop_oneof![3 => Just(""), 1 => Just(", warm_up = \"60ms\"")];
    (prop_oneof![closed, open], 0_u32..20, warm_up).prop_map(|(load, grace, warm_up)| {
        format!("{load}, graceful_stop = \"{}ms\"{warm_up}", grace * 100)
    })
}

fn stages(highest: u32) -> impl Strategy<Value = String> {
    let stage = (1_u32..20, 0..highest).prop_map(|(tenths, target)| {
        format!("{{ duration = \"{}ms\", target = {target} }}", tenths * 100)
    });
    // One that does something: no load may be all zeros.
    (prop::collection::vec(stage, 0..3), 2_u32..10, 1..highest).prop_map(
        |(mut stages, tenths, target)| {
            stages.push(format!(
                "{{ duration = \"{}ms\", target = {target} }}",
                tenths * 100
            ));
            stages.join(", ")
        },
    )
}

/// Up to three loads: one that is shared, and others that begin beside it, later, or after another.
fn case() -> impl Strategy<Value = Case> {
    let own = (load(), 0_usize..8, 0_u32..20);
    let shared = (load(), prop::collection::vec(0_u32..9, 1..3));
    let stop = prop_oneof![
        2 => Just(Vec::new()),
        1 => (1_u64..6_000).prop_map(|at| vec![(at, Stop::Drain)]),
        1 => (1_u64..6_000).prop_map(|at| vec![(at, Stop::Cut)]),
        1 => (1_u64..6_000, 1_u64..900).prop_map(|(at, more)| vec![(at, Stop::Drain), (at + more, Stop::Cut)]),
    ];
    let times = prop::collection::vec(prop_oneof![3 => 1_u64..300, 1 => 300_u64..5_000], 5);
    (
        prop::option::of(shared),
        prop::collection::vec(own, 1..3),
        times,
        stop,
    )
        .prop_map(|(shared, own, times, stops)| Case {
            text: text(shared.as_ref(), &own),
            times,
            stops,
        })
}

fn text(shared: Option<&(String, Vec<u32>)>, own: &[(String, usize, u32)]) -> String {
    let mut text = "target = \"http://127.0.0.1:1\"\n".to_owned();
    let mut names = NAMES.iter();
    let mut tables = String::new();
    let mut table = |keys: String| {
        let name = names.next().expect("enough names");
        _ = write!(
            tables,
            "[[scenario]]\nname = \"{name}\"\n{keys}\n[[scenario.step]]\nname = \"{name}\"\nget = \"/{name}\"\n"
        );
        *name
    };
    let mut before = Vec::new();
    if let Some((load, weights)) = shared {
        _ = writeln!(text, "load = {{ {load} }}");
        before.push(table("weight = 3".to_owned()));
        for weight in weights {
            table(format!("weight = {weight}"));
        }
    }
    for (load, after, tenths) in own {
        let start = match before.get(*after) {
            Some(name) => format!("start_after = \"scenario:{name}\""),
            None => format!("start_after = \"{}ms\"", tenths * 100),
        };
        before.push(table(format!("load = {{ {load}, {start} }}")));
    }
    text + &tables
}

/// Carries a case out; gives the outcome and every window.
fn carry_out(case: &Case, workers: usize, service: &Service) -> (Outcome, Vec<Window>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let mut keep = Keep::default();
    let (sender, stop) = watch::channel(Stop::Run);
    let outcome = runtime.block_on(async {
        let stopping = async {
            let start = Instant::now();
            for (at, stop) in &case.stops {
                sleep_until(start + Duration::from_millis(*at)).await;
                sender.send_replace(*stop);
            }
            std::future::pending::<()>().await;
        };
        let run = run(
            Arc::new(plan(&case.text)),
            settings(workers),
            service.clone(),
            TokioTiming,
            &mut keep,
            stop,
        );
        let tasks = LocalSet::new();
        tokio::select! {
            outcome = tasks.run_until(run) => outcome.expect("the run takes place"),
            () = stopping => unreachable!("it never ends"),
        }
    });
    (outcome, keep.0)
}

/// What was due of one load in its measured part and after it, where that can be said: of open loads by the schedule, of
/// loads with a number of iterations by that.
fn due(plan: &Plan, load: usize, part: (Offset, Offset)) -> Option<u64> {
    let load_plan = &plan.loads[load];
    let start = Offset::from(part.0.as_duration() - load_plan.warm_up);
    let schedule = Schedule::of(load_plan).starting_at(start);
    let uniform = schedule.arrivals(0, 0, 1);
    let is_uniform = match load_plan.load {
        Load::ConstantArrivalRate { arrivals, .. } | Load::RampingArrivalRate { arrivals, .. } => {
            arrivals == Arrivals::Uniform
        }
        _ => false,
    };
    match (uniform, schedule.budget()) {
        (Some(arrivals), _) if is_uniform => {
            let measured = arrivals.filter(|(_, due)| part.0 <= *due && *due < part.1);
            Some(measured.count() as u64)
        }
        (None, Budget::Shared(iterations)) if load_plan.warm_up.is_zero() => Some(iterations),
        (None, Budget::PerUser(iterations)) if load_plan.warm_up.is_zero() => {
            Some(iterations * u64::from(schedule.most_users().unwrap_or_default()))
        }
        _ => None,
    }
}

fn check(case: &Case, workers: usize) -> Vec<u64> {
    let times = case.times.iter().map(|time| Duration::from_millis(*time));
    let service = Service {
        slow: PATHS.into_iter().zip(times).collect(),
        ..Service::noting(Duration::ZERO, &[])
    };
    let (outcome, windows) = carry_out(case, workers, &service);
    let (plan, summary) = (plan(&case.text), outcome.summary);
    let layout = Arc::new(plan.layout());
    let mut whole = Totals::new(&layout);
    let mut ledger = Ledger::new(Arc::clone(&layout), Vec::new());
    for window in &windows {
        whole.merge(&window.totals);
        ledger.replay(window);
    }
    assert_eq!(
        ledger.finish(&outcome.end),
        summary,
        "what windows tell is the run"
    );
    let mut dues = Vec::new();
    for (place, load) in plan.loads.iter().enumerate() {
        let counts = |counter| {
            let of = |member: &Member| {
                let selection = Selection::of_scenario(member.scenario);
                whole.counter(&layout, counter, &selection).0
            };
            load.members.iter().map(of).sum::<u64>()
        };
        let ended = counts(Counter::Iterations) + counts(Counter::InterruptedIterations);
        let dropped = counts(Counter::DroppedIterations);
        let accepted = |member: &Member| {
            let ScenarioIndex(scenario) = member.scenario;
            service.calls(path_of(&plan.scenarios[scenario].name)).len() as u64
        };
        let begun: u64 = load.members.iter().map(accepted).sum();
        if load.warm_up.is_zero() {
            assert_eq!(ended, begun, "begun = finished + interrupted");
        } else {
            assert!(
                ended <= begun,
                "what was begun in the warm-up is not counted"
            );
        }
        let part = whole.scenarios[load.members[0].scenario.0].measured;
        // A load that was to begin later says when, also where the run was stopped before.
        let begins = |(from, _): &(Offset, Offset)| from.as_duration() - load.warm_up;
        let stop = case.stops.first().map(|(at, _)| Duration::from_millis(*at));
        let part = part.filter(|part| stop.is_none_or(|stop| begins(part) <= stop));
        match part {
            None => assert_eq!((begun, ended, dropped), (0, 0, 0), "it never began"),
            Some(part) => {
                // Of a number of iterations no more was due once a load was stopped.
                let is_known = load.load.is_open() || case.stops.is_empty();
                if let Some(due) = due(&plan, place, part).filter(|_| is_known) {
                    assert_eq!(
                        due,
                        ended + dropped,
                        "due = begun + dropped, load {place}, {part:?}"
                    );
                }
            }
        }
        dues.push(ended + dropped);
    }
    dues
}

fn path_of(name: &str) -> &'static str {
    let place = NAMES.iter().position(|known| *known == name);
    PATHS[place.expect("a known name")]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_or_counted_twice(case in case()) {
        let dues = [1, 2, 7].map(|workers| check(&case, workers));
        // In an open load what is due hangs on nobody; a closed one without a number of iterations begins them as it can.
        let plan = plan(&case.text);
        let unstopped = case.stops.is_empty();
        for (place, load) in plan.loads.iter().enumerate() {
            if unstopped && load.load.is_open() {
                prop_assert_eq!(dues[0][place], dues[1][place]);
                prop_assert_eq!(dues[0][place], dues[2][place]);
            }
        }
    }
}
