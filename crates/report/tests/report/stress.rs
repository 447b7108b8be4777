//! Searches for the breaking point: golden files of every form, and the way through the run log.

use crate::runs::{self, Run};
use loadgen_capacity::{
    Broken, Ended, Growth, Ladder, Level, LevelVerdict, LoadUnit, Purpose, Recovery,
    SearchSettings, Shortage, Stress, little,
};
use loadgen_report::{
    RunLogReader, RunLogWriter, TextOptions, replay, stress_level_line, summary_schema,
    write_stress_csv, write_stress_github, write_stress_json, write_stress_junit,
    write_stress_markdown, write_stress_svg, write_stress_text, write_stress_verdict,
};
use loadgen_stats::{Offset, ProbeLayout, ProbeTotals, Unit, Verdict};
use serde_json::Value;
use std::{io, time::Duration};

fn ladder(whole: bool) -> Ladder {
    Ladder {
        start: 50.0,
        growth: Growth::Step(50.0),
        max: 500.0,
        whole,
    }
}

fn level(number: u64, load: f64, purpose: Purpose, verdict: LevelVerdict) -> Level {
    // Ten requests a second from each user up to 230, where a queue begins.
    let rate = 10.0 * load.min(230.0);
    let p95 = 0.1 + 0.02 * (load - 230.0).max(0.0);
    let broken = Broken {
        metric: "http_req_latency".to_owned(),
        expression: "p95 < 500ms".to_owned(),
        observed: Some(p95 * 1000.0),
        unit: Unit::Milliseconds,
        step: Some("buy <now>".to_owned()),
    };
    let second = |at: u64| Offset::from(Duration::from_secs(at));
    let time = |seconds: f64| Some(Duration::from_micros((seconds * 1e6).round() as u64));
    Level {
        probes: Vec::new(),
        load,
        purpose,
        verdict,
        guarded: false,
        holds: 1,
        from: second(40 * number + 5),
        until: second(40 * number + 35),
        seconds: 30.0,
        http_reqs_per_second: rate,
        goodput_per_second: rate * if load > 230.0 { 0.9 } else { 1.0 },
        failed: if load > 230.0 { 0.1 } else { 0.0 },
        latency: [time(p95 / 2.0), time(p95), time(p95 * 1.5)],
        ttft_p95: time(0.05),
        tokens_per_second: Some(rate * 12.0),
        in_flight: load,
        little: little(load, rate, load / rate),
        broken: if verdict == LevelVerdict::Broken {
            vec![broken]
        } else {
            Vec::new()
        },
        generator_doubtful: false,
        shortage: None,
    }
}

fn found() -> Stress {
    use LevelVerdict::{Broken, Held};
    use Purpose::{Bisect, Climb, LookAbove, Retry};
    let levels = [
        (50.0, Climb, Held),
        (100.0, Climb, Held),
        (150.0, Climb, Held),
        (200.0, Climb, Held),
        (250.0, Climb, Broken),
        (250.0, Retry, Broken),
        (300.0, LookAbove, Broken),
        (225.0, Bisect, Held),
        (238.0, Bisect, Broken),
        (232.0, Bisect, Broken),
    ];
    let levels = levels
        .into_iter()
        .zip(0..)
        .map(|((load, purpose, verdict), number)| level(number, load, purpose, verdict));
    let recovery = Recovery {
        load: 168.0,
        after: Some(Duration::from_millis(7250)),
    };
    Stress {
        recovery: Some(recovery),
        required: Some(200.0),
        limits: vec!["http_req_latency: p95 < 500ms".to_owned()],
        ..Stress::of(
            SearchSettings::new(ladder(true)),
            LoadUnit::Users,
            levels.collect(),
            Ended::Found,
        )
    }
}

/// A search in arrivals of a service that is not steady, which this machine cannot load any further.
fn unsteady() -> Stress {
    use LevelVerdict::{Broken, Generator, Held, Unclear};
    use Purpose::{Climb, Retry};
    let mut levels: Vec<Level> = [
        (50.0, Climb, Held),
        (100.0, Climb, Broken),
        (100.0, Retry, Held),
        (150.0, Climb, Unclear),
        (200.0, Climb, Held),
        (250.0, Climb, Generator),
        (250.0, Retry, Generator),
    ]
    .into_iter()
    .zip(0..)
    .map(|((load, purpose, verdict), number)| level(number, load, purpose, verdict))
    .collect();
    levels[3].little = little(120.0, 1500.0, 0.1);
    levels[3].in_flight = 120.0;
    levels[4].generator_doubtful = true;
    for level in &mut levels {
        (level.ttft_p95, level.tokens_per_second) = (None, None);
    }
    Stress::of(
        SearchSettings::new(ladder(false)),
        LoadUnit::PerSecond,
        levels,
        Ended::Generator,
    )
}

/// One that broke at once.
fn at_start() -> Stress {
    let mut first = level(0, 300.0, Purpose::Climb, LevelVerdict::Broken);
    (first.broken, first.guarded, first.failed) = (Vec::new(), true, 0.74);
    let again = Level {
        purpose: Purpose::Retry,
        ..first.clone()
    };
    Stress::of(
        SearchSettings::new(ladder(true)),
        LoadUnit::Users,
        vec![first, again],
        Ended::AtStart,
    )
}

/// One in arrivals that found no free user from 200 on.
fn short() -> Stress {
    let mut stress = unsteady();
    stress.levels = [50.0, 100.0, 150.0, 200.0, 200.0]
        .into_iter()
        .zip(0..)
        .map(|(load, number)| level(number, load, Purpose::Climb, LevelVerdict::Held))
        .collect();
    for level in &mut stress.levels[3..] {
        level.verdict = LevelVerdict::Generator;
        level.shortage = Some(Shortage::MaxVus);
    }
    stress.levels[4].purpose = Purpose::Retry;
    Stress::of(
        stress.settings,
        stress.unit,
        stress.levels,
        Ended::Generator,
    )
}

/// One of a service that probes watched: its pool is used up, its processor is not, and of a third they told nothing.
fn probed() -> Stress {
    let probe = |name: &str, unit, warn, critical| ProbeLayout {
        name: name.to_owned(),
        unit,
        warn,
        critical,
    };
    let probes = vec![
        probe("db.cpu", Unit::Percent, Some(70.0), Some(90.0)),
        probe("pool", Unit::Count, None, Some(20.0)),
        probe("memory", Unit::Bytes, Some(2e9), None),
        probe("silent", Unit::Milliseconds, None, None),
    ];
    let told = |values: &[f64]| {
        let mut totals = ProbeTotals::default();
        values.iter().for_each(|value| totals.add(*value));
        totals
    };
    let mut stress = found();
    for level in &mut stress.levels {
        let load = level.load;
        let mut silent = told(&[]);
        silent.fail("connection refused");
        level.probes = vec![
            told(&[load / 3.0, load / 3.1]),
            told(&[(load / 10.0).min(20.0), 20.0]),
            told(&[1e6 * load]),
            silent,
        ];
    }
    stress.probes = probes;
    stress
}

fn all() -> [(&'static str, Stress); 5] {
    [
        ("short", short()),
        ("probed", probed()),
        ("found", found()),
        ("unsteady", unsteady()),
        ("at-start", at_start()),
    ]
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut bytes = Vec::new();
    write(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn text(run: &Run, stress: &Stress, color: bool) -> String {
    let options = TextOptions {
        color,
        run_log: Some(".loadgen/runs/chat-20260301T120000Z.jsonl"),
    };
    written(|out| write_stress_text(out, &run.header, &run.summary(), stress, &options))
}

fn json(run: &Run, stress: &Stress) -> String {
    written(|out| write_stress_json(out, &run.header, &run.summary(), stress))
}

#[test]
fn searches_are_as_in_the_golden_files() {
    let run = runs::chat();
    let (header, summary) = (&run.header, run.summary());
    for (name, stress) in all() {
        let shown = text(&run, &stress, false);
        assert!(
            shown
                .lines()
                .all(|line| line.chars().count() <= 80 && line.trim_end() == line),
            "{shown}"
        );
        runs::golden(&format!("stress-{name}.txt"), &shown);
        runs::golden(
            &format!("stress-{name}.csv"),
            &written(|out| write_stress_csv(out, &stress)),
        );
        runs::golden(
            &format!("stress-{name}.junit.xml"),
            &written(|out| write_stress_junit(out, header, &summary, &stress)),
        );
        runs::golden(
            &format!("stress-{name}.md"),
            &written(|out| write_stress_markdown(out, header, &summary, &stress)),
        );
        runs::golden(
            &format!("stress-{name}.github.txt"),
            &written(|out| write_stress_github(out, header, &summary, &stress)),
        );
        runs::golden(
            &format!("stress-{name}.svg"),
            &written(|out| write_stress_svg(out, "chat & <co>", &stress)),
        );
        let value: Value = serde_json::from_str(&json(&run, &stress)).unwrap();
        runs::golden(
            &format!("stress-{name}.json"),
            &format!("{:#}\n", value["stress"]),
        );
    }
}

#[test]
fn the_answer_is_one_line() {
    let run = runs::chat();
    for (_, stress) in all() {
        let line = written(|out| write_stress_verdict(out, &run.summary(), &stress, false));
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        assert!(
            text(&run, &stress, true).contains("\u{1b}["),
            "colour where it is asked for"
        );
    }
}

/// A search in users that came to levels with these verdicts.
fn of(levels: &[(f64, LevelVerdict)], ended: Ended) -> Stress {
    let levels = levels.iter().zip(0..);
    let levels =
        levels.map(|((load, verdict), number)| level(number, *load, Purpose::Climb, *verdict));
    let settings = SearchSettings::new(ladder(true));
    Stress::of(settings, LoadUnit::Users, levels.collect(), ended)
}

#[test]
fn the_answer_says_what_was_told_and_what_could_not_be() {
    use LevelVerdict::{Broken, Generator, Held, Unclear};
    let run = runs::chat();
    let check = |stress: &Stress, contains: &str, limited_by: Value, verdict: Verdict| {
        let line = written(|out| write_stress_verdict(out, &run.summary(), stress, false));
        assert!(line.contains(contains), "{line}");
        let value: Value = serde_json::from_str(&json(&run, stress)).unwrap();
        assert_eq!(value["stress"]["limited_by"], limited_by, "{line}");
        assert_eq!(stress.verdict(false), verdict, "{line}");
    };
    check(
        &of(
            &[(50.0, Held), (100.0, Unclear), (150.0, Unclear)],
            Ended::Top,
        ),
        "held at 50 users; whether it holds above could not be told",
        Value::Null,
        Verdict::Inconclusive,
    );
    check(
        &of(&[(50.0, Held), (100.0, Unclear)], Ended::Found),
        "whether it holds above could not be told",
        Value::Null,
        Verdict::Inconclusive,
    );
    check(
        &of(&[(50.0, Unclear), (100.0, Held)], Ended::Top),
        "held at 100 users, the highest load that was tried",
        "max".into(),
        Verdict::Pass,
    );
    check(
        &of(
            &[(50.0, Held), (200.0, Broken), (125.0, Generator)],
            Ended::Found,
        ),
        "(step buy <now>); between them this machine was the limit",
        "service".into(),
        Verdict::Pass,
    );
    check(
        &short(),
        "held at 150/s; above that `max_vus` of the load, not the service, was the limit",
        "generator".into(),
        Verdict::Inconclusive,
    );
    check(
        &unsteady(),
        "above that this machine, not the service, was the limit",
        "generator".into(),
        Verdict::Inconclusive,
    );
}

#[test]
fn what_broke_first_is_that_of_the_lowest_load_that_broke() {
    use LevelVerdict::{Broken, Held};
    // 100 broke once, and held when it was tried again after 150 had broken.
    let levels = [
        (50.0, Held),
        (150.0, Broken),
        (100.0, Broken),
        (100.0, Held),
    ];
    let mut stress = of(&levels, Ended::Found);
    stress.levels[2].broken[0].metric = "http_req_failed".to_owned();
    assert_eq!(stress.first_broken().unwrap().metric, "http_req_latency");
}

#[test]
fn many_levels_are_thinned_on_a_terminal_and_all_drawn_in_a_picture() {
    let verdict = |load| match load <= 300.0 {
        true => LevelVerdict::Held,
        false => LevelVerdict::Broken,
    };
    let levels: Vec<(f64, LevelVerdict)> = (1..=50)
        .map(|step| f64::from(step) * 10.0)
        .map(|load| (load, verdict(load)))
        .collect();
    let stress = of(&levels, Ended::Found);
    let knee = stress.knee.unwrap().load;
    let shown = text(&runs::chat(), &stress, false);
    let bars: Vec<&str> = shown
        .lines()
        .skip_while(|line| !line.contains("good requests per second"))
        .filter(|line| line.contains(" ✓ ") || line.contains(" ✗ "))
        .collect();
    assert!((27..=30).contains(&bars.len()), "{shown}");
    for load in [10.0, 300.0, 310.0, 500.0, knee] {
        let begins = |line: &&&str| line.trim_start().starts_with(&format!("{load} "));
        assert!(bars.iter().any(|line| begins(&line)), "{load}: {shown}");
    }
    assert!(bars.iter().any(|line| line.ends_with("← knee")), "{shown}");
    let drawn = written(|out| write_stress_svg(out, "chat", &stress));
    // One dot for its throughput, one for its latency.
    assert_eq!(drawn.matches("<circle").count(), 2 * 50);
}

#[test]
fn a_level_is_told_in_one_line() {
    let check = |shortage, verdict, contains: &str| {
        let level = Level {
            shortage,
            ..level(0, 1250.0, Purpose::Climb, verdict)
        };
        let line = stress_level_line(&level, LoadUnit::Users);
        assert!(
            line.starts_with("1,250 users: ") && line.contains(contains),
            "{line}"
        );
    };
    check(None, LevelVerdict::Held, ": held, 2,070/s good");
    check(
        None,
        LevelVerdict::Broken,
        "broken (http_req_latency: p95 < 500ms)",
    );
    check(None, LevelVerdict::Unclear, "too few samples");
    let generator = LevelVerdict::Generator;
    check(None, generator, "this machine was the limit");
    check(
        Some(Shortage::MaxVus),
        generator,
        "found all of `max_vus` busy",
    );
    check(Some(Shortage::Late), generator, "begun too late");
    check(Some(Shortage::Users), generator, "users came to their end");
}

#[test]
fn verdicts_are_those_of_the_exit_code() {
    let run = runs::chat();
    let with = |required: Option<f64>, stress: Stress| Stress { required, ..stress };
    let cases = [
        ("an answer", with(None, found()), Verdict::Pass),
        (
            "an answer that is enough",
            with(Some(168.0), found()),
            Verdict::Pass,
        ),
        ("too little", with(Some(169.0), found()), Verdict::Fail),
        ("only the generator", unsteady(), Verdict::Inconclusive),
        (
            "enough, though the generator was the limit",
            with(Some(100.0), unsteady()),
            Verdict::Pass,
        ),
        ("broken at once", at_start(), Verdict::Pass),
        (
            "broken at once, where something is required",
            with(Some(1.0), at_start()),
            Verdict::Fail,
        ),
    ];
    for (what, stress, expected) in cases {
        assert_eq!(stress.verdict(false), expected, "{what}");
        let value: Value = serde_json::from_str(&json(&run, &stress)).unwrap();
        assert_eq!(value["verdict"], expected.name(), "{what}");
    }
    let mut nothing = at_start();
    nothing
        .levels
        .iter_mut()
        .for_each(|level| level.goodput_per_second = 0.0);
    assert_eq!(
        nothing.verdict(false),
        Verdict::Inconclusive,
        "a service that answers nothing has no capacity to be told"
    );
    nothing.required = Some(1.0);
    assert_eq!(
        nothing.verdict(false),
        Verdict::Fail,
        "but less than is required"
    );
    let stopped = Stress::of(
        SearchSettings::new(ladder(true)),
        LoadUnit::Users,
        Vec::new(),
        Ended::Stopped,
    );
    assert_eq!(
        (stopped.verdict(true), stopped.verdict(false)),
        (Verdict::Pass, Verdict::Inconclusive)
    );
}

#[test]
fn summaries_of_searches_fit_the_schema() {
    let schema: Value = serde_json::from_str(&summary_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let run = runs::chat();
    for (name, stress) in all() {
        let value: Value = serde_json::from_str(&json(&run, &stress)).unwrap();
        assert!(validator.is_valid(&value), "{name}");
        let mut wrong = value;
        wrong["stress"]["levels"][0]["verdict"] = "maybe".into();
        assert!(!validator.is_valid(&wrong), "{name}");
    }
}

#[test]
fn the_probes_of_a_search_are_those_of_its_levels() {
    let value: Value = serde_json::from_str(&json(&runs::chat(), &probed())).unwrap();
    let levels = value["stress"]["levels"].as_array().unwrap();
    for name in ["db.cpu", "pool", "memory"] {
        let counts = levels.iter().map(|level| &level["probes"][name]["count"]);
        let counts: u64 = counts.map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(value["probes"][name]["count"], counts, "{name}");
    }
    assert_eq!(value["probes"]["memory"]["max"], 3e8);
    assert_eq!(value["probes"]["silent"]["failed"], levels.len());
    let without: Value = serde_json::from_str(&json(&runs::chat(), &found())).unwrap();
    assert_eq!(without["probes"], Value::Null);
}

#[test]
fn a_search_comes_back_from_its_log() {
    let mut run = runs::chat();
    for (name, stress) in all() {
        run.header.layout.probes.clone_from(&stress.probes);
        let mut log = Vec::new();
        let mut writer = RunLogWriter::new(&mut log, &run.header).unwrap();
        writer
            .search(
                &stress.settings,
                stress.unit,
                stress.required,
                &stress.limits,
            )
            .unwrap();
        for (at, window) in run.windows.iter().enumerate() {
            writer.window(window).unwrap();
            if let Some(level) = stress.levels.get(at) {
                writer.level(level).unwrap();
            }
        }
        for level in stress.levels.iter().skip(run.windows.len()) {
            writer.level(level).unwrap();
        }
        writer.found(&stress).unwrap();
        writer.close(&run.closing()).unwrap();
        let replayed = replay(RunLogReader::new(log.as_slice()).unwrap()).unwrap();
        let again = replayed.stress.unwrap();
        assert_eq!(again, stress, "{name}");
        assert_eq!(json(&run, &again), json(&run, &stress), "{name}");
        // Killed after the last level: all but the answer is there, which is that of a search that was stopped.
        let text = String::from_utf8(log).unwrap();
        let killed: String = text
            .lines()
            .filter(|line| !line.starts_with("{\"found\"") && !line.starts_with("{\"closing\""))
            .map(|line| format!("{line}\n"))
            .collect();
        let replayed = replay(RunLogReader::new(killed.as_bytes()).unwrap()).unwrap();
        let again = replayed.stress.unwrap();
        assert_eq!(
            (again.answer.ended, again.levels.len()),
            (Ended::Stopped, stress.levels.len()),
            "{name}"
        );
        assert_eq!(
            again.answer.highest_held, stress.answer.highest_held,
            "{name}"
        );
    }
    run.header.layout.probes.clear();
    let plain = replay(RunLogReader::new(run.log().as_slice()).unwrap()).unwrap();
    assert_eq!(plain.stress, None);
}

#[test]
fn a_damaged_search_is_told_and_never_a_panic() {
    let run = runs::chat();
    let log = String::from_utf8(run.log()).unwrap();
    let (header, rest) = log.split_once('\n').unwrap();
    let stress = found();
    let mut level = Vec::new();
    let mut writer = RunLogWriter::new(&mut level, &run.header).unwrap();
    writer
        .search(&stress.settings, stress.unit, None, &[])
        .unwrap();
    writer.level(&stress.levels[0]).unwrap();
    let records = String::from_utf8(level).unwrap();
    let records: Vec<&str> = records.lines().skip(1).collect();
    let damages = [
        records[0].replace("\"step\":50.0", "\"step\":null"),
        records[0].replace("\"unit\":\"users\"", "\"unit\":\"people\""),
        format!(
            "{}\n{}",
            records[0],
            records[1].replace("\"from_s\":5.0", "\"from_s\":-5.0")
        ),
        format!(
            "{}\n{}",
            records[0],
            records[1].replace("\"p50\":50.0", "\"p50\":1e300")
        ),
    ];
    for damage in damages {
        assert!(
            damage != records[0] && damage != records.join("\n"),
            "{damage}"
        );
        let damaged = format!("{header}\n{damage}\n{rest}");
        assert!(
            replay(RunLogReader::new(damaged.as_bytes()).unwrap()).is_err(),
            "{damage}"
        );
    }
}
