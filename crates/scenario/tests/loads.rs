//! What `[load]` and the options of load become: the load itself, its words, where each part comes from, what it takes.

use loadgen_scenario::{
    Arrivals, Given, Load, Lowered, Overrides, Rate, SourceText, Stage, StartAt, UserCount, load,
};
use std::time::Duration;

/// The plan of a load with options, of which `stage` may be given several times.
fn loaded(lines: &str, options: &[(&str, &str)]) -> Lowered {
    let mut overrides = Overrides::default();
    for (option, value) in options {
        let given = Given::new(*value, format!("--{option}"));
        match *option {
            "stage" => overrides.stages.push(given),
            "rate" => overrides.rate = Some(given),
            "scale" => overrides.scale = Some(given),
            "duration" => overrides.duration = Some(given),
            "vus" => overrides.vus = Some(given),
            "iterations" => overrides.iterations = Some(given),
            "connect-rate" => overrides.connect_rate = Some(given),
            _ => panic!("{option}"),
        }
    }
    let text = format!("[load]\n{lines}\n[[step]]\nget = \"http://h/\"\n");
    let source = SourceText {
        path: "t.toml",
        text: &text,
        stem: "t",
    };
    load(source, &overrides).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_load_is_lowered_as_it_is_written() {
    let vus = |count| UserCount::new(count).expect("users");
    let rate = |rate| Rate::per_second(rate).expect("a rate");
    let secs = Duration::from_secs;
    let stage = |length, target| Stage {
        duration: secs(length),
        target,
    };
    let cases = [
        (
            "vus = 5\nduration = \"1m\"",
            Load::ConstantVus {
                vus: vus(5),
                duration: secs(60),
            },
        ),
        (
            "executor = \"per-vu-iterations\"\nvus = 5\niterations = 7",
            Load::PerVuIterations {
                vus: vus(5),
                iterations: 7,
                max_duration: secs(600),
            },
        ),
        (
            "stages = [{ duration = \"5s\", target = 9 }, { duration = \"0s\", target = 0 }]",
            Load::RampingVus {
                start_vus: 1,
                stages: vec![stage(5, 9.0), stage(0, 0.0)],
                graceful_ramp_down: secs(30),
            },
        ),
        (
            "start_vus = 0\ngraceful_ramp_down = \"0s\"\nstages = [{ duration = \"5s\", target = 9 }]",
            Load::RampingVus {
                start_vus: 0,
                stages: vec![stage(5, 9.0)],
                graceful_ramp_down: secs(0),
            },
        ),
        (
            "rate = \"30/min\"\nduration = \"1m\"",
            Load::ConstantArrivalRate {
                rate: rate(0.5),
                duration: secs(60),
                max_vus: None,
                arrivals: Arrivals::Uniform,
            },
        ),
        (
            "rate = 3\nduration = \"1m\"\nmax_vus = 8\narrivals = \"gamma\"\nburstiness = 2",
            Load::ConstantArrivalRate {
                rate: rate(3.0),
                duration: secs(60),
                max_vus: Some(vus(8)),
                arrivals: Arrivals::Gamma { burstiness: 2.0 },
            },
        ),
        (
            "start_rate = \"7200/h\"\narrivals = \"poisson\"\nstages = [{ duration = \"5s\", target = 9.5 }, { duration = \"1s\", target = \"6/min\" }]",
            Load::RampingArrivalRate {
                start_rate: 2.0,
                stages: vec![stage(5, 9.5), stage(1, 0.1)],
                max_vus: None,
                arrivals: Arrivals::Poisson,
            },
        ),
        (
            "executor = \"ramping-arrival-rate\"\nstages = [{ duration = \"5s\", target = 9 }]",
            Load::RampingArrivalRate {
                start_rate: 0.0,
                stages: vec![stage(5, 9.0)],
                max_vus: None,
                arrivals: Arrivals::Uniform,
            },
        ),
    ];
    for (lines, want) in cases {
        assert_eq!(loaded(lines, &[]).plan.loads[0].load, want, "{lines}");
    }
    let late = loaded(
        "duration = \"1m\"\nstart_after = \"9s\"\nwarm_up = \"5s\"",
        &[],
    );
    let load = &late.plan.loads[0];
    assert_eq!((load.start, load.warm_up), (StartAt::At(secs(9)), secs(5)));
}

#[test]
fn users_begin_at_a_bounded_rate() {
    type Options = &'static [(&'static str, &'static str)];
    // The rate, what the plan says of it, and what is said where it comes from.
    let cases: [(&str, Options, Option<f64>, &str, &str); 13] = [
        (
            "vus = 50\nduration = \"1m\"",
            &[],
            Some(1_000.0),
            "1000/s begin at most (connect_rate), the last after 49ms",
            "1000/s (default)",
        ),
        (
            "vus = 1\nduration = \"1m\"",
            &[],
            Some(1_000.0),
            "",
            "1000/s (default)",
        ),
        (
            "vus = 7\niterations = 9\nconnect_rate = 2",
            &[],
            Some(2.0),
            "2/s begin at most (connect_rate), the last after 3s",
            "2/s (line 4)",
        ),
        (
            "vus = 7\niterations = 4\nconnect_rate = \"90/min\"",
            &[],
            Some(1.5),
            "90/min begin at most (connect_rate), the last after 2s",
            "90/min (line 4)",
        ),
        (
            "vus = 7\nduration = \"1s\"\nconnect_rate = \"5/s\"",
            &[],
            Some(5.0),
            "5/s begin at most (connect_rate): only 5 of them before the end",
            "5/s (line 4)",
        ),
        (
            "vus = 7\nduration = \"1s\"\nconnect_rate = \"off\"",
            &[],
            None,
            "begin as the load says, however many at once (connect_rate off)",
            "off (line 4)",
        ),
        (
            "vus = 7\nduration = \"1s\"\nconnect_rate = \"off\"",
            &[("connect-rate", "70/s")],
            Some(70.0),
            "70/s begin at most (connect_rate), the last after 86ms",
            "70/s (--connect-rate)",
        ),
        (
            "vus = 7\nduration = \"1s\"",
            &[("connect-rate", "off")],
            None,
            "begin as the load says, however many at once (connect_rate off)",
            "off (--connect-rate)",
        ),
        (
            "vus = 7\nduration = \"1s\"",
            &[("scale", "2")],
            Some(1_000.0),
            "1000/s begin at most (connect_rate), the last after 13ms",
            "1000/s (default)",
        ),
        (
            "start_vus = 0\nstages = [{ duration = \"1s\", target = 1000 }]",
            &[],
            Some(1_000.0),
            "1000/s begin at most (connect_rate)",
            "1000/s (default)",
        ),
        (
            "start_vus = 0\nstages = [{ duration = \"1s\", target = 5 }, { duration = \"0s\", target = 9 }, { duration = \"1s\", target = 9 }]",
            &[],
            Some(1_000.0),
            "1000/s begin at most (connect_rate): later where the stages ask for more",
            "1000/s (default)",
        ),
        ("rate = \"10/s\"\nduration = \"1m\"", &[], None, "", ""),
        // An option that puts a rate in the place of the users leaves nobody to hold back.
        (
            "vus = 7\nduration = \"1s\"\nconnect_rate = 3",
            &[("rate", "10/s")],
            None,
            "",
            "",
        ),
    ];
    for (lines, options, rate, told, explained) in cases {
        let lowered = loaded(lines, options);
        let found = lowered.plan.loads[0].connect_rate;
        assert_eq!(found.map(Rate::get), rate, "{lines} {options:?}");
        let text = lowered.plan.describe(1);
        let line = text
            .lines()
            .find(|line| line.contains("begin at most") || line.contains("begin as"));
        let line = line.map_or("", |line| {
            line.trim_start().trim_start_matches("users").trim_start()
        });
        assert_eq!(line, told, "{lines} {options:?}");
        let mut rows = lowered.explained.iter();
        let row = rows.find(|row| row.key == "load.connect_rate");
        let row = row.map_or(String::new(), |row| format!("{} ({})", row.value, row.from));
        assert_eq!(row, explained, "{lines} {options:?}");
    }
}

#[test]
fn who_says_nothing_of_the_rate_has_the_same_plan_as_before() {
    let hash = |lines: &str| loaded(lines, &[]).plan.hash;
    let plain = "vus = 7\nduration = \"1s\"";
    let said = |rate: &str| hash(&format!("{plain}\nconnect_rate = {rate}"));
    assert_eq!(said("1000"), hash(plain));
    assert_eq!(said("\"60000/min\""), hash(plain));
    assert_ne!(said("999"), hash(plain));
    assert_ne!(said("\"off\""), hash(plain));
    assert_ne!(said("\"off\""), said("999"));
}

#[test]
fn options_say_rates_stages_and_a_scale() {
    type Options = &'static [(&'static str, &'static str)];
    let users = "vus = 5\nduration = \"1m\"";
    let rate = "rate = \"10/s\"\nduration = \"1m\"\nmax_vus = 3\narrivals = \"poisson\"";
    let ramp = "start_vus = 3\nstages = [{ duration = \"5s\", target = 9 }, { duration = \"1s\", target = 0 }]";
    let rates = "stages = [{ duration = \"5s\", target = \"9/s\" }]";
    let cases: [(&str, Options, &str); 17] = [
        (
            users,
            &[("rate", "90/min")],
            r#"{"arrivals":"uniform","duration":"1m","executor":"constant-arrival-rate","max_vus":null,"rate":1.5}"#,
        ),
        (
            users,
            &[("rate", "9"), ("duration", "9s")],
            r#"{"arrivals":"uniform","duration":"9s","executor":"constant-arrival-rate","max_vus":null,"rate":9.0}"#,
        ),
        (
            rate,
            &[("rate", "9/s")],
            r#"{"arrivals":"poisson","duration":"1m","executor":"constant-arrival-rate","max_vus":3,"rate":9.0}"#,
        ),
        (
            rate,
            &[("duration", "9s")],
            r#"{"arrivals":"poisson","duration":"9s","executor":"constant-arrival-rate","max_vus":3,"rate":10.0}"#,
        ),
        (
            rate,
            &[("scale", "2.5")],
            r#"{"arrivals":"poisson","duration":"1m","executor":"constant-arrival-rate","max_vus":8,"rate":25.0}"#,
        ),
        (
            users,
            &[("stage", "30s:50"), ("stage", "1m:200")],
            r#"{"executor":"ramping-vus","graceful_ramp_down":"30s","stages":[["30s",50.0],["1m",200.0]],"start_vus":1}"#,
        ),
        (
            users,
            &[("stage", "30s:50/s, 0s:0,1m:60/min")],
            r#"{"arrivals":"uniform","executor":"ramping-arrival-rate","max_vus":null,"stages":[["30s",50.0],["0s",0.0],["1m",1.0]],"start_rate":0.0}"#,
        ),
        (
            ramp,
            &[("stage", "3s:7")],
            r#"{"executor":"ramping-vus","graceful_ramp_down":"30s","stages":[["3s",7.0]],"start_vus":3}"#,
        ),
        (
            rates,
            &[("stage", "3s:7")],
            r#"{"arrivals":"uniform","executor":"ramping-arrival-rate","max_vus":null,"stages":[["3s",7.0]],"start_rate":0.0}"#,
        ),
        (
            ramp,
            &[("scale", "0.5")],
            r#"{"executor":"ramping-vus","graceful_ramp_down":"30s","stages":[["5s",5.0],["1s",0.0]],"start_vus":2}"#,
        ),
        (
            ramp,
            &[("scale", "0.01")],
            r#"{"executor":"ramping-vus","graceful_ramp_down":"30s","stages":[["5s",1.0],["1s",0.0]],"start_vus":1}"#,
        ),
        (
            rates,
            &[("scale", "0.01")],
            r#"{"arrivals":"uniform","executor":"ramping-arrival-rate","max_vus":null,"stages":[["5s",0.09]],"start_rate":0.0}"#,
        ),
        (
            users,
            &[("scale", "0.1")],
            r#"{"duration":"1m","executor":"constant-vus","vus":1}"#,
        ),
        (
            "duration = \"1m\"",
            &[("scale", "4")],
            r#"{"duration":"1m","executor":"constant-vus","vus":4}"#,
        ),
        (
            users,
            &[("scale", "2"), ("vus", "7"), ("iterations", "9")],
            r#"{"executor":"shared-iterations","iterations":9,"max_duration":"10m","vus":14}"#,
        ),
        (
            "executor = \"per-vu-iterations\"\niterations = 5",
            &[("iterations", "9"), ("duration", "9s")],
            r#"{"executor":"per-vu-iterations","iterations":9,"max_duration":"9s","vus":1}"#,
        ),
        (
            "executor = \"per-vu-iterations\"\niterations = 5",
            &[("duration", "9s")],
            r#"{"duration":"9s","executor":"constant-vus","vus":1}"#,
        ),
    ];
    for (lines, options, want) in cases {
        let plan = loaded(lines, options).plan;
        let canonical: serde_json::Value = serde_json::from_str(&plan.canonical).expect("JSON");
        let got = canonical["scenarios"][0]["load"].to_string();
        assert_eq!(got, want, "{lines} {options:?}");
    }
}

#[test]
fn who_may_speak_tls_is_known() {
    let cases = [
        ("", "get = \"http://h/\"", false),
        ("", "get = \"https://h/\"", true),
        ("target = \"http://h\"", "get = \"/\"", false),
        ("target = \"https://h\"", "get = \"/\"", true),
        ("target = \"mock\"", "get = \"/{{ vu }}\"", false),
        (
            "target = \"http://h\"",
            "get = \"http://h/{{ vu }}\"",
            false,
        ),
        (
            "target = \"http://h\"",
            "get = \"{{ random_choice(['http', 'https']) }}://h/\"",
            true,
        ),
        (
            "target = \"http://h\"",
            "get = \"/\"\n[[teardown]]\nget = \"https://h/\"",
            true,
        ),
    ];
    for (target, step, expected) in cases {
        let text = format!("{target}\nload = {{ duration = \"1s\" }}\n[[step]]\n{step}\n");
        let source = SourceText {
            path: "t.toml",
            text: &text,
            stem: "t",
        };
        let lowered = load(source, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(lowered.plan.may_speak_tls(), expected, "{target} {step}");
    }
}

#[test]
fn every_part_of_a_load_is_explained() {
    let explained = |lines, options: &[_]| -> Vec<String> {
        let explained = loaded(lines, options).explained;
        let loads = explained.iter().filter(|one| one.key.starts_with("load."));
        loads
            .map(|one| format!("{} = {} ({})", &one.key[5..], one.value, one.from))
            .collect()
    };
    let rate = "rate = \"10/s\"\nduration = \"1m\"\nmax_vus = 3\narrivals = \"gamma\"\nburstiness = 0.5\nwarm_up = \"5s\"";
    assert_eq!(
        explained(rate, &[("scale", "2.5")]),
        [
            "scale = 2.5 (--scale)",
            "executor = constant-arrival-rate (default)",
            "rate = 25/s (10/s × 2.5) (line 2)",
            "duration = 1m (line 3)",
            "max_vus = 8 (3 × 2.5) (line 4)",
            "burstiness = 0.5 (line 6)",
            "arrivals = gamma (line 5)",
            "start_after = 0s (default)",
            "warm_up = 5s (line 7)",
            "graceful_stop = 30s (default)",
        ]
    );
    assert_eq!(
        explained("vus = 5\nduration = \"1m\"", &[("stage", "30s:50,1m:20")]),
        [
            "vus = 5 (line 2, replaced by --stage)",
            "duration = 1m (line 3, replaced by --stage)",
            "executor = ramping-vus (default)",
            "start_vus = 1 (default)",
            "stages = 30s:50, 1m:20 (--stage)",
            "graceful_ramp_down = 30s (default)",
            "start_after = 0s (default)",
            "warm_up = 0s (default)",
            "graceful_stop = 30s (default)",
            "connect_rate = 1000/s (default)",
        ]
    );
}

#[test]
fn loads_are_described_over_time() {
    let described = |lines: &str| {
        let text = loaded(lines, &[]).plan.describe(1);
        let (_, load) = text.split_once("\nload\n").expect("a load");
        load.split("\n\nsteps").next().expect("its rows").to_owned()
    };
    let stages: Vec<String> = (0..60)
        .map(|n| format!("{{ duration = \"1s\", target = {n} }}"))
        .collect();
    let many = described(&format!("stages = [{}]", stages.join(", ")));
    assert!(many.contains("… 40 more stages"), "{many}");
    assert!(many.lines().count() < 40, "{many}");
    let cases = [
        (
            "executor = \"per-vu-iterations\"\nvus = 2\niterations = 5\nstart_after = \"1m\"",
            "  executor    per-vu-iterations
  1m          2 users, each does 5 iterations
  11m         at the latest: no iteration begins; running ones have 30s to end
  11m30s      at the latest: what still runs is cut
  users       1000/s begin at most (connect_rate), the last after 1ms",
        ),
        (
            "rate = \"7/s\"\nduration = \"1.5s\"\nmax_vus = 1\narrivals = \"gamma\"\nburstiness = 0.5",
            "  executor    constant-arrival-rate
  0s          7/s: iterations begin at this rate, however long they take
  1.5s        no iteration begins; running ones have 30s to end
  31.5s       what still runs is cut
  arrivals    about 11 in all, by chance (gamma, burstiness 0.5)
  users       1 at most; an arrival that finds all busy is dropped",
        ),
        (
            "start_vus = 8\nwarm_up = \"3s\"\ngraceful_stop = \"0s\"\n\
             stages = [{ duration = \"2s\", target = 8 }, { duration = \"0s\", target = 2 }, { duration = \"2s\", target = 2 }]",
            "  executor    ramping-vus
  0s          8 users
  2s          8 users, then at once 2 users
  3s          the warm-up is over; what is due from here on is measured
  4s          2 users
              no iteration begins; running ones have 0s to end
              what still runs is cut
  users       1000/s begin at most (connect_rate): later where the stages ask for more
  leaving     a user that leaves before the end has 30s to end its iteration

       8 users │████████████████████████
               │████████████████████████
               │████████████████████████
               │████████████████████████████████████████████████
                0s                                            4s",
        ),
    ];
    for (lines, want) in cases {
        assert_eq!(described(lines), want, "{lines}");
    }
}

#[test]
fn open_loads_need_more_the_longer_an_iteration_lasts() {
    let needs = |lines: &str| loaded(lines, &[]).plan.needs(1);
    let open = needs("rate = \"90/min\"\nduration = \"1m\"");
    assert_eq!(open.files, needs("duration = \"1m\"").files - 1);
    let growth = open.open.expect("a growth");
    assert_eq!((growth.users, growth.files), (2, 2));
    let bounded = needs("rate = \"90/min\"\nduration = \"1m\"\nmax_vus = 500");
    assert_eq!((bounded.files, bounded.open), (open.files + 500, None));
    let ramp = needs("start_vus = 3\nstages = [{ duration = \"1s\", target = 40 }]");
    assert_eq!((ramp.files, ramp.open), (open.files + 40, None));
    let plan = loaded("rate = 5\nduration = \"1m\"", &[]).plan;
    assert_eq!(plan.users(), None);
    assert!(
        plan.describe(1)
            .contains("for each second that one iteration lasts")
    );
}

#[test]
fn options_replace_the_files_way_to_load() {
    type Options = &'static [(&'static str, &'static str)];
    let cases: [(&str, Options, &str); 8] = [
        ("vus = 5\nduration = \"1m\"", &[], "5 users for 1m"),
        ("duration = \"1m\"", &[], "1 user for 1m"),
        (
            "vus = 5\niterations = 50",
            &[],
            "5 users, 50 iterations within 600s",
        ),
        (
            "vus = 5\niterations = 50\nmax_duration = \"5s\"",
            &[],
            "5 users, 50 iterations within 5s",
        ),
        (
            "vus = 5\nduration = \"1m\"",
            &[("iterations", "9")],
            "5 users, 9 iterations within 600s",
        ),
        (
            "iterations = 50\nmax_duration = \"5s\"",
            &[("duration", "9s"), ("vus", "2")],
            "2 users for 9s",
        ),
        (
            "vus = 5\nduration = \"1m\"",
            &[("iterations", "9"), ("duration", "9s")],
            "5 users, 9 iterations within 9s",
        ),
        (
            "executor = \"constant-vus\"\nduration = \"1m\"",
            &[("iterations", "9")],
            "1 user, 9 iterations within 600s",
        ),
    ];
    for (lines, options, want) in cases {
        let plan = loaded(lines, options).plan;
        let got = match &plan.loads[0].load {
            load @ Load::SharedIterations { max_duration, .. } => {
                format!("{load} within {}s", max_duration.as_secs())
            }
            load => load.to_string(),
        };
        assert_eq!(got, want, "{lines} {options:?}");
    }
}
