//! What several kinds of users in one file become: loads, shares, sequences, what they take, and what is said of them.

use loadgen_scenario::{
    Given, Load, LoadPlan, Lowered, Member, Overrides, Plan, Problems, Room, SourceText, Span,
    StartAt, UserCount, load,
};
use loadgen_stats::ScenarioIndex;
use proptest::{collection::vec, option, prelude::*, sample::select};
use std::time::Duration;

fn lowered(text: &str, overrides: &Overrides) -> Result<Lowered, Problems> {
    let source = SourceText {
        path: "t.toml",
        text,
        stem: "t",
    };
    load(source, overrides)
}

fn plan(text: &str) -> Plan {
    match lowered(text, &Overrides::default()) {
        Ok(lowered) => lowered.plan,
        Err(problems) => panic!("{text}\n{problems}"),
    }
}

/// A scenario with these lines and one request.
fn scenario(name: &str, lines: &str) -> String {
    format!(
        "[[scenario]]\nname = \"{name}\"\n{lines}\n[[scenario.step]]\nget = \"http://h/{name}\"\n"
    )
}

/// A file with these lines at its head, and scenarios with these of their own.
fn file(lines: &str, scenarios: &[(&str, &str)]) -> String {
    let scenarios: String = scenarios
        .iter()
        .map(|(name, lines)| scenario(name, lines))
        .collect();
    format!("{lines}\n{scenarios}")
}

/// Ten users for ten seconds, and five more to end.
const TEN: &str = "load = { vus = 10, duration = \"10s\", graceful_stop = \"5s\" }";

/// The loads as text: when they begin, and who has how much of them.
fn loads(plan: &Plan) -> Vec<String> {
    let member = |member: &Member| {
        let name = &plan.scenarios[member.scenario.0].name;
        format!("{name} {:.3}", member.share)
    };
    let load = |one: &LoadPlan| {
        let members: Vec<String> = one.members.iter().map(member).collect();
        let start = match one.start {
            StartAt::At(start) => format!("at {}s", start.as_secs()),
            StartAt::After(load) => format!("after {load}"),
        };
        format!("{start}: {} of {}", members.join(", "), one.load)
    };
    plan.loads.iter().map(load).collect()
}

#[test]
fn loads_are_shared_or_of_ones_own() {
    let own = "load = { rate = \"5/s\", duration = \"1m\", start_after = \"7s\" }";
    let after = "load = { vus = 3, duration = \"1m\", start_after = \"scenario:b\" }";
    let late = format!("{TEN}\nload.start_after = \"scenario:c\"");
    let late = late.replace("\" }\nload.start_after = ", "\", start_after = ") + " }";
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);
    let cases: [Case<'_>; 6] = [
        (
            TEN,
            &[
                ("a", "weight = 80"),
                ("b", "weight = 15"),
                ("c", "weight = 5"),
            ],
            &["at 0s: a 0.800, b 0.150, c 0.050 of 10 users for 10s"],
        ),
        (
            TEN,
            &[("a", ""), ("b", "weight = 0"), ("c", "weight = 0.25")],
            &["at 0s: a 0.800, b 0.000, c 0.200 of 10 users for 10s"],
        ),
        ("", &[("a", own)], &["at 7s: a 1.000 of 5/s for 1m"]),
        (TEN, &[("a", "")], &["at 0s: a 1.000 of 10 users for 10s"]),
        (
            TEN,
            &[("x", own), ("a", ""), ("y", after), ("b", "weight = 3")],
            &[
                "at 7s: x 1.000 of 5/s for 1m",
                "at 0s: a 0.250, b 0.750 of 10 users for 10s",
                "after 1: y 1.000 of 3 users for 1m",
            ],
        ),
        (
            &late,
            &[("a", ""), ("b", ""), ("c", own)],
            &[
                "after 1: a 0.500, b 0.500 of 10 users for 10s",
                "at 7s: c 1.000 of 5/s for 1m",
            ],
        ),
    ];
    for (lines, scenarios, want) in cases {
        let plan = plan(&file(lines, scenarios));
        assert_eq!(loads(&plan), want, "{lines} {scenarios:?}");
        consistent(&plan);
    }
}

#[test]
fn users_are_split_by_the_largest_remainder() {
    let cases: [(&[f64], u32, &[u32]); 10] = [
        (&[0.8, 0.15, 0.05], 100, &[80, 15, 5]),
        (&[0.8, 0.15, 0.05], 20, &[16, 3, 1]),
        (&[0.8, 0.15, 0.05], 10, &[8, 2, 0]),
        (&[0.8, 0.15, 0.05], 1, &[1, 0, 0]),
        (&[0.5, 0.5], 1, &[1, 0]),
        (&[0.5, 0.5], 3, &[2, 1]),
        (&[1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0], 11, &[4, 4, 3]),
        (&[0.0, 0.3, 0.7], 5, &[0, 2, 3]),
        (&[0.1, 0.2, 0.7], 1_000_000, &[100_000, 200_000, 700_000]),
        (&[1.0], 7, &[7]),
    ];
    for (shares, users, want) in cases {
        assert_eq!(shared(shares).split(users), want, "{shares:?} {users}");
    }
}

/// A load that is shared so.
fn shared(shares: &[f64]) -> LoadPlan {
    let member = |(number, share): (usize, &f64)| Member {
        scenario: ScenarioIndex(number),
        share: *share,
    };
    LoadPlan {
        load: Load::ConstantVus {
            vus: UserCount::new(1).expect("a possible number"),
            duration: Duration::from_secs(1),
        },
        start: StartAt::At(Duration::ZERO),
        warm_up: Duration::ZERO,
        graceful_stop: Duration::ZERO,
        connect_rate: None,
        members: shares.iter().enumerate().map(member).collect(),
    }
}

#[test]
fn loads_of_a_sequence_take_no_more_than_the_largest() {
    let counted =
        "load = { vus = 4, iterations = 9, max_duration = \"20s\", graceful_stop = \"0s\" }";
    let after = |name: &str, vus: u32| {
        format!(
            "load = {{ vus = {vus}, duration = \"10s\", graceful_stop = \"0s\", start_after = \"{name}\" }}"
        )
    };
    let (after_a, after_b) = (after("scenario:a", 7), after("scenario:b", 2));
    let (beside, late) = (after("5s", 20), after("1m", 30));
    let secs = Duration::from_secs;
    let span = |earliest_start, latest_start, latest_end| Span {
        earliest_start: secs(earliest_start),
        latest_start: secs(latest_start),
        latest_end: secs(latest_end),
    };
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [Span], u64);
    let cases: [Case<'_>; 4] = [
        (
            &[("a", counted), ("b", &after_a), ("c", &after_b)],
            &[span(0, 0, 20), span(0, 20, 30), span(10, 30, 40)],
            7,
        ),
        // Two that wait for the same one run side by side.
        (
            &[("a", counted), ("b", &after_a), ("c", &after_a)],
            &[span(0, 0, 20), span(0, 20, 30), span(0, 20, 30)],
            14,
        ),
        (
            &[
                ("c", &after_b),
                ("b", &after_a),
                ("a", counted),
                ("d", &beside),
            ],
            &[
                span(10, 30, 40),
                span(0, 20, 30),
                span(0, 0, 20),
                span(5, 5, 15),
            ],
            27,
        ),
        (
            &[("a", counted), ("d", &late)],
            &[span(0, 0, 20), span(60, 60, 70)],
            30,
        ),
    ];
    for (scenarios, spans, users) in cases {
        let plan = plan(&file("", scenarios));
        assert_eq!(plan.spans(), spans, "{scenarios:?}");
        assert_eq!(plan.users(), Some(users), "{scenarios:?}");
        let needs = plan.needs(1);
        assert_eq!(needs.files, users + 32, "{scenarios:?}");
    }
}

#[test]
fn what_users_of_a_kind_connect_to_counts() {
    let two = "[[scenario.step]]\nget = \"https://other/\"";
    let of = |first: &str, second: &str| {
        let text = file(TEN, &[("a", first), ("b", second)]);
        plan(&text).needs(1).files - 32
    };
    assert_eq!(of("", ""), 10);
    assert_eq!(of("", two), 20, "any of them may be of the second kind");
    assert_eq!(of("", &format!("weight = 0\n{two}")), 10);
    let own = "load = { vus = 3, duration = \"1s\" }";
    assert_eq!(of("", &format!("{own}\n{two}")), 16);
}

#[test]
fn ports_are_those_of_the_address_with_the_least_room() {
    let room = Room {
        ports: 28_000,
        sources: 0,
        loopbacks: 250,
    };
    let check = |load: &str, steps: &[&str], told: (u64, u64, Option<u64>), lasts: Option<u64>| {
        let steps = steps
            .iter()
            .map(|url| format!("[[step]]\nget = \"{url}\"\n"));
        let text = format!("load = {{ {load} }}\n{}", steps.collect::<String>());
        let ports = plan(&text).ports(Some(room));
        assert_eq!((ports.bounded, ports.growing, ports.room), told, "{text}");
        assert_eq!(ports.last_for(), lasts.map(Duration::from_secs), "{text}");
        let without = plan(&text).ports(None);
        assert_eq!((without.bounded, without.room), (told.0, None), "{text}");
    };
    let (here, there) = ("http://127.0.0.1/", "http://10.0.0.1/");
    let users = "vus = 10, duration = \"1s\"";
    check(users, &[there], (10, 0, Some(28_000)), None);
    check(users, &[here], (10, 0, Some(7_000_000)), None);
    check(
        users,
        &[here, there, "http://10.0.0.1/b"],
        (10, 0, Some(28_000)),
        None,
    );
    let rate = "rate = \"1000/s\", duration = \"1s\"";
    check(rate, &[there], (0, 1_000, Some(28_000)), Some(28));
    check(
        &format!("{rate}, max_vus = 500"),
        &[there],
        (500, 0, Some(28_000)),
        None,
    );
    // Where it goes is known only when it is sent.
    check(
        users,
        &["{{ env.URL | default('http://h') }}/{{ iteration }}"],
        (10, 0, None),
        None,
    );
}

#[test]
fn equal_mixes_have_equal_hashes() {
    let base = file(TEN, &[("a", "weight = 80"), ("b", "weight = 20")]);
    let hash = |text: &str| plan(text).hash;
    let same = [
        base.replace("80", "4").replace("20", "1"),
        base.replace("weight = 80\n", "weight = 4\n")
            .replace("weight = 20\n", ""),
        base.replace("\"10s\"", "\"10000ms\""),
    ];
    for text in same {
        assert_eq!(hash(&text), hash(&base), "{text}");
    }
    let own = "load = { vus = 10, duration = \"10s\", graceful_stop = \"5s\" }";
    let different = [
        base.replace("80", "81"),
        base.replace("name = \"a\"", "name = \"c\""),
        file(TEN, &[("b", "weight = 20"), ("a", "weight = 80")]),
        file("", &[("a", own), ("b", own)]),
        file(
            "",
            &[
                ("a", own),
                ("b", &own.replace(" }", ", start_after = \"scenario:a\" }")),
            ],
        ),
        file(
            "",
            &[
                ("a", own),
                ("b", &own.replace(" }", ", start_after = \"1s\" }")),
            ],
        ),
    ];
    let mut hashes: Vec<String> = different.iter().map(|text| hash(text)).collect();
    hashes.push(hash(&base));
    let count = hashes.len();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), count);
    // One kind of user is the same whether it is called by a name or not.
    let single = format!("{own}\n[[step]]\nget = \"http://h/a\"\n");
    assert_eq!(hash(&single), hash(&file("", &[("a", own)])));
}

#[test]
fn every_load_and_share_is_explained() {
    let own = "load = { rate = \"5/s\", duration = \"1m\", start_after = \"scenario:b\" }";
    let text = file(TEN, &[("a", "weight = 3"), ("b", ""), ("c", own)]);
    let overrides = Overrides {
        scale: Some(Given::new("2", "--scale")),
        graceful_stop: Some(Given::new("9s", "--graceful-stop")),
        ..Overrides::default()
    };
    let explained = lowered(&text, &overrides).expect("no problem").explained;
    let rows: Vec<String> = explained
        .iter()
        .filter(|one| one.key.contains("load.") || one.key.contains("weight"))
        .map(|one| format!("{} = {} ({})", one.key, one.value, one.from))
        .collect();
    let want = [
        "load.scale = 2 (--scale)",
        "load.executor = constant-vus (default)",
        "load.vus = 20 (10 × 2) (line 1)",
        "load.duration = 10s (line 1)",
        "load.start_after = 0s (default)",
        "load.warm_up = 0s (default)",
        "load.graceful_stop = 9s (--graceful-stop)",
        "scenario.a.weight = 3 (75% of `[load]`) (line 4)",
        "scenario.b.weight = 1 (25% of `[load]`) (default)",
        "scenario.c.load.executor = constant-arrival-rate (default)",
        "scenario.c.load.rate = 10/s (5/s × 2) (line 14)",
        "scenario.c.load.duration = 1m (line 14)",
        "scenario.c.load.max_vus = as many as it takes (default)",
        "scenario.c.load.arrivals = uniform (default)",
        "scenario.c.load.start_after = scenario:b (line 14)",
        "scenario.c.load.warm_up = 0s (default)",
        "scenario.c.load.graceful_stop = 9s (--graceful-stop)",
        "load.connect_rate = 1000/s (default)",
    ];
    assert_eq!(rows, want);
}

#[test]
fn loads_that_begin_together_share_the_rate_of_their_users() {
    let own = |vus: u32, more: &str| format!("load = {{ vus = {vus}, duration = \"10s\"{more} }}");
    let text = file(
        TEN,
        &[
            ("a", "weight = 1"),
            ("b", own(30, "").as_str()),
            ("c", own(5, ", start_after = \"3s\"").as_str()),
            ("d", own(15, ", start_after = \"3s\"").as_str()),
            ("e", own(7, ", start_after = \"scenario:a\"").as_str()),
            ("f", own(40, ", connect_rate = \"9/s\"").as_str()),
            ("g", "load = { rate = \"5/s\", duration = \"1m\" }"),
        ],
    );
    let rates = |option: Option<&str>| -> Vec<Option<f64>> {
        let overrides = Overrides {
            connect_rate: option.map(|rate| Given::new(rate, "--connect-rate")),
            ..Overrides::default()
        };
        let plan = lowered(&text, &overrides).expect("no problem").plan;
        let rate = |load: &LoadPlan| load.connect_rate.map(|rate| rate.get().round());
        plan.loads.iter().map(rate).collect()
    };
    // 10, 30 and 40 users begin with the run; 5 and 15 later; 7 when the first are done.
    let usual = [125.0, 375.0, 250.0, 750.0, 1_000.0, 9.0].map(Some);
    assert_eq!(rates(None), [&usual[..], &[None]].concat());
    let asked = [10.0, 30.0, 20.0, 60.0, 80.0, 40.0].map(Some);
    assert_eq!(rates(Some("80/s")), [&asked[..], &[None]].concat());
    assert_eq!(rates(Some("off")), [None; 7]);
}

#[test]
fn loads_are_told_in_a_few_words() {
    let own = "load = { rate = \"5/s\", duration = \"1m\", start_after = \"scenario:b\" }";
    let many: Vec<(String, &str)> = (0..6).map(|n| (format!("s{n}"), TEN)).collect();
    let many: Vec<(&str, &str)> = many
        .iter()
        .map(|(name, load)| (name.as_str(), *load))
        .collect();
    let cases = [
        (file(TEN, &[("a", "")]), "10 users for 10s"),
        (file(TEN, &[("a", ""), ("b", "")]), "a, b: 10 users for 10s"),
        (
            file(TEN, &[("a", ""), ("b", ""), ("c", own)]),
            "a, b: 10 users for 10s; c: 5/s for 1m after a, b",
        ),
        (file("", &many), "6 loads"),
    ];
    for (text, want) in cases {
        assert_eq!(plan(&text).loads_in_words(), want);
    }
}

#[test]
fn shares_are_described_as_the_load_has_them() {
    let described = |load: &str, weights: [&str; 3]| {
        let names = ["a", "bb", "c"];
        let parts: Vec<(&str, &str)> = names.into_iter().zip(weights).collect();
        let text = plan(&file(load, &parts)).describe(1);
        let (_, shares) = text.split_once("  shares      ").expect("shares");
        shares
            .split("\n\n")
            .next()
            .expect("rows")
            .trim_end()
            .to_owned()
    };
    let weights = ["weight = 80", "weight = 15", "weight = 0"];
    assert_eq!(
        described(TEN, weights),
        "a   84.21%  8 users\n              bb  15.79%  2 users\n              c       0%  nothing"
    );
    assert_eq!(
        described("load = { vus = 1, duration = \"1s\" }", weights),
        "a   84.21%  1 user\n              bb  15.79%  no user: too few to share\n              c       0%  nothing"
    );
    let ramp = "load = { stages = [{ duration = \"9s\", target = 30 }] }";
    assert!(described(ramp, ["", "", ""]).starts_with("a   33.33%  up to 10 users"));
    for load in [
        "load = { vus = 3, iterations = 9 }",
        "load = { rate = 5, duration = \"1s\" }",
    ] {
        let shares = described(load, ["", "", ""]);
        assert!(
            shares.starts_with("a   33.33%  of the iterations, each drawn by the seed"),
            "{shares}"
        );
    }
}

/// What holds for every plan of scenarios.
fn consistent(plan: &Plan) {
    assert!(!plan.loads.is_empty() && !plan.scenarios.is_empty());
    let mut seen = vec![0; plan.scenarios.len()];
    for (number, load) in plan.loads.iter().enumerate() {
        let sum: f64 = load.members.iter().map(|member| member.share).sum();
        assert!(
            (sum - 1.0).abs() < 1e-9 && !load.members.is_empty(),
            "{sum}"
        );
        for member in &load.members {
            assert!((0.0..=1.0).contains(&member.share), "{}", member.share);
            seen[member.scenario.0] += 1;
            assert_eq!(plan.scenarios[member.scenario.0].load, number);
        }
        // No circle: the chain of those that are waited for ends.
        let mut next = load.start;
        for _ in 0..plan.loads.len() {
            if let StartAt::After(before) = next {
                assert!(before < plan.loads.len());
                next = plan.loads[before].start;
            }
        }
        assert!(matches!(next, StartAt::At(_)), "a circle through {number}");
        for users in [0, 1, 7, 100, 999] {
            let split = load.split(users);
            assert_eq!(split.iter().sum::<u32>(), users);
            for (count, member) in split.iter().zip(&load.members) {
                let exact = member.share * f64::from(users);
                assert!(
                    (f64::from(*count) - exact).abs() < 1.0 + 1e-6,
                    "{count} {exact}"
                );
            }
        }
    }
    assert!(seen.iter().all(|count| *count == 1), "{seen:?}");
    assert_eq!(plan.spans().len(), plan.loads.len());
    assert_eq!(plan.layout().scenarios.len(), plan.scenarios.len());
    let indices: Vec<usize> = plan.requests().map(|request| request.index.0).collect();
    assert_eq!(indices, (0..indices.len()).collect::<Vec<_>>());
}

/// What a scenario of a random file has in the place of its load.
const LOADS: &[&str] = &[
    "",
    "",
    "vus = 3, duration = \"1s\"",
    "vus = 3, iterations = 5",
    "rate = \"5/min\", duration = \"1h\", max_vus = 2",
    "start_vus = 0, stages = [{ duration = \"0s\", target = 3 }, { duration = \"1s\", target = 9 }]",
    "stages = [{ duration = \"1s\", target = \"3/s\" }]",
    "vus = 0",
    "rate = 0, duration = \"1s\"",
    "stages = [{ duration = \"0s\", target = -1 }]",
];
/// What it has for its start.
const STARTS: &[&str] = &[
    "",
    "",
    "1s",
    "scenario:s0",
    "scenario:s1",
    "scenario:s2",
    "scenario:s9",
    "x",
];
/// What it has for its weight.
const WEIGHTS: &[&str] = &[
    "",
    "",
    "weight = 0",
    "weight = 1e-9",
    "weight = 80",
    "weight = 1e9",
    "weight = -1",
    "weight = \"a\"",
];
/// What it has for its name and its steps.
const REST: &[&str] = &[
    "name = \"sN\"\nstep = [{ get = \"http://h/\" }]",
    "name = \"sN\"\nstep = [{ get = \"http://h/\" }]",
    "name = \"sN\"\nstep = [{ think = \"1s\" }, { post = \"http://h/\", body = \"é\" }]",
    "name = \"s0\"\nstep = [{ get = \"http://h/\" }]",
    "name = \"sN\"",
    "name = \"\"\nstep = [{ get = \"http://h/\" }]",
    "step = 5",
];

/// One scenario of a random file, by what is picked from the lists.
fn random(number: usize, picked: (&str, &str, &str, &str)) -> String {
    let (load, start, weight, rest) = picked;
    let start = match (load, start) {
        ("", _) | (_, "") => String::new(),
        (_, start) => format!(", start_after = \"{start}\""),
    };
    let load = match load {
        "" => String::new(),
        load => format!("load = {{ {load}{start} }}"),
    };
    let rest = rest.replace("sN", &format!("s{number}"));
    format!("[[scenario]]\n{weight}\n{load}\n{rest}\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_mixes_become_plans_or_problems_in_their_place(
        top in option::of((select(&LOADS[2..7]), select(STARTS))),
        scenarios in vec((select(LOADS), select(STARTS), select(WEIGHTS), select(REST)), 0..5),
        mild in any::<bool>(),
        scale in option::of(select(&["2", "0.001", "1e9"][..])),
    ) {
        // Half of the files have hardly anything wrong in them, so that many become plans.
        let scenarios: String = scenarios
            .iter()
            .enumerate()
            .map(|(number, (load, start, weight, rest))| {
                if !mild {
                    return random(number, (load, start, weight, rest));
                }
                let load = if LOADS[..7].contains(load) { *load } else { "" };
                let start = if STARTS[..4].contains(start) && number > 0 { *start } else { "" };
                let weight = if load.is_empty() && WEIGHTS[..6].contains(weight) { *weight } else { "" };
                random(number, (load, start, weight, REST[0]))
            })
            .collect();
        let top = match top {
            Some((load, start)) => {
                let start = if mild || start.is_empty() { String::new() } else { format!(", start_after = \"{start}\"") };
                format!("load = {{ {load}{start} }}\n")
            }
            None => String::new(),
        };
        let text = format!("{top}{scenarios}");
        let overrides = Overrides { scale: scale.map(|scale| Given::new(scale, "--scale")), ..Overrides::default() };
        match lowered(&text, &overrides) {
            Ok(lowered) => {
                consistent(&lowered.plan);
                prop_assert!(!lowered.plan.describe(2).is_empty() && !lowered.plan.loads_in_words().is_empty());
                prop_assert!(lowered.plan.needs(2).files > 32 || lowered.plan.needs(2).open.is_some());
            }
            Err(problems) => {
                prop_assert!(!problems.list.is_empty());
                for problem in &problems.list {
                    let marks = problem.more.iter().map(|mark| mark.span.clone());
                    let place = match &problem.place {
                        loadgen_scenario::Place::File(span) => Some(span.clone()),
                        _ => None,
                    };
                    for span in marks.chain(place) {
                        prop_assert!(text.get(span.clone()).is_some(), "{:?}", problem);
                    }
                }
            }
        }
    }

    #[test]
    fn splits_are_fair_for_any_weights(weights in vec(0.0..1e9_f64, 1..9), users in 0..100_000_u32) {
        let sum: f64 = weights.iter().sum();
        prop_assume!(sum > 0.0);
        let shares: Vec<f64> = weights.iter().map(|weight| weight / sum).collect();
        let split = shared(&shares).split(users);
        prop_assert_eq!(split.iter().sum::<u32>(), users);
        for (count, share) in split.iter().zip(&shares) {
            prop_assert!((f64::from(*count) - share * f64::from(users)).abs() < 1.0 + 1e-6);
        }
    }
}

#[test]
fn pairs_of_scenarios_become_plans_or_problems() {
    // So that both outcomes of the property above are known to come up.
    let (mut plans, mut refused) = (0, 0);
    for (first, second) in LOADS
        .iter()
        .flat_map(|one| LOADS.iter().map(move |two| (one, two)))
    {
        for start in STARTS {
            let text =
                random(0, (first, start, "", REST[0])) + &random(1, (second, "", "", REST[2]));
            match lowered(&text, &Overrides::default()) {
                Ok(lowered) => {
                    consistent(&lowered.plan);
                    plans += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    // Five loads are right, and so are four starts.
    assert_eq!((plans, refused), (5 * 5 * 4, 10 * 10 * 8 - 5 * 5 * 4));
}

#[test]
fn long_sequences_and_many_scenarios_are_read() {
    let count = 400;
    let chain: String = (0..count)
        .map(|number| {
            let start = match number {
                0 => "0s".to_owned(),
                _ => format!("scenario:s{}", number - 1),
            };
            random(number, (LOADS[2], &start, "", REST[0]))
        })
        .collect();
    let plan = plan(&chain);
    consistent(&plan);
    assert_eq!(plan.users(), Some(3));
    let circle = chain.replace("start_after = \"0s\"", "start_after = \"scenario:s399\"");
    let problems = lowered(&circle, &Overrides::default()).expect_err("a circle");
    assert_eq!(problems.list.len(), 1, "{problems}");
    assert_eq!(problems.list[0].more.len(), count - 1);
}
