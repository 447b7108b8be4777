//! Comparing run logs that were made by hand.

use super::*;
use loadgen_report::{Closing, Header, Host, RunLogWriter, write_json};
use loadgen_stats::{
    Counter, Layout, Ledger, Offset, Outcome, Rate, RunEnd, ScenarioIndex, ScenarioLayout,
    StepLayout, StopReason, Totals, Trend, Verdict, VusRange, Window,
};
use std::sync::Arc;

const SECONDS: u64 = 30;

/// A run of fifty requests a second, whose times scatter by 10 % around `time` ms.
pub(super) struct Made {
    pub(super) number: u64,
    pub(super) time: f64,
    pub(super) header: Header,
    pub(super) verdict: Verdict,
}

pub(super) fn made(number: u64, time: f64) -> Made {
    let scenario = ScenarioIndex(0);
    let step = StepLayout {
        name: "get".to_owned(),
        scenario,
        stream: false,
        slo: Vec::new(),
        role: loadgen_stats::StepRole::Request,
    };
    let header = Header {
        version: "0.1.0".to_owned(),
        name: "plain".to_owned(),
        load: String::new(),
        plan: Value::Null,
        plan_hash: "abc".to_owned(),
        seed: number,
        started_at: format!("2026-03-01T12:{number:02}:00Z"),
        target: None,
        target_is_embedded: false,
        host: Host {
            cpus: 2,
            arch: "x86_64".to_owned(),
            hostname: "here".to_owned(),
            ..Host::default()
        },
        layout: Layout {
            scenarios: vec![ScenarioLayout {
                name: "plain".to_owned(),
                steps: 0..1,
                closed: true,
            }],
            steps: vec![step],
            selected: Vec::new(),
            probes: Vec::new(),
        },
        thresholds: Vec::new(),
        measured: (Offset::ZERO, at(SECONDS)),
        strict: false,
        allow_all_failed: false,
    };
    Made {
        number,
        time,
        header,
        verdict: Verdict::Pass,
    }
}

fn at(second: u64) -> Offset {
    Offset::from_nanos(second * 1_000_000_000)
}

impl Made {
    pub(super) fn with(mut self, change: impl Fn(&mut Header)) -> Self {
        change(&mut self.header);
        self
    }

    fn windows(&self) -> impl Iterator<Item = Window> {
        (0..SECONDS).map(|second| {
            let mut totals = Totals::new(&self.header.layout);
            let step = &mut totals.steps[0];
            for place in 0..50 {
                // A scatter that repeats, and differs from run to run.
                let scatter = (second * 50 + place + self.number) * 7_919 % 1_009;
                let time = self.time * (0.9 + 0.2 * scatter as f64 / 1_009.0);
                let cell = step.cell_mut(Trend::HttpReqDuration, Some(Outcome::Ok));
                cell.record(Duration::from_secs_f64(time / 1e3));
                step.outcomes[0] += 1;
                let tally = step.tally(Some(200), None);
                tally.count(Counter::HttpReqs, 1, true);
                tally.rates[Rate::HttpReqFailed.index()].count(false);
            }
            let (start, end) = (at(second), at(second + 1));
            Window {
                start,
                end,
                vus: VusRange::steady(1),
                totals,
                generator: None,
            }
        })
    }

    fn end(&self) -> RunEnd {
        RunEnd::new(
            StopReason::Completed,
            (Offset::ZERO, at(SECONDS)),
            at(SECONDS),
        )
    }

    pub(super) fn log(&self) -> String {
        let mut bytes = Vec::new();
        let mut writer = RunLogWriter::new(&mut bytes, &self.header).unwrap();
        self.windows()
            .for_each(|window| writer.window(&window).unwrap());
        let closing = Closing {
            end: self.end(),
            verdict: self.verdict,
            warnings: Vec::new(),
        };
        writer.close(&closing).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn summary(&self) -> String {
        let mut ledger = Ledger::new(Arc::new(self.header.layout.clone()), Vec::new());
        self.windows().for_each(|window| ledger.replay(&window));
        let mut bytes = Vec::new();
        write_json(&mut bytes, &self.header, &ledger.finish(&self.end())).unwrap();
        String::from_utf8(bytes).unwrap()
    }
}

/// Files to compare: two that are alike, one that is slower, more runs of both in folders, and some that are none.
fn stage(words: &[&str]) -> Stage {
    let all = [&["compare"], words].concat();
    let mut stage = Stage::new(&all)
        .file("base.jsonl", &made(1, 20.0).log())
        .file("same.jsonl", &made(2, 20.0).log())
        .file("slower.jsonl", &made(3, 22.0).log())
        .file("base.json", &made(1, 20.0).summary())
        .file(
            "other.jsonl",
            &made(4, 20.0)
                .with(|header| header.plan_hash = "other".to_owned())
                .log(),
        )
        .file("torn.jsonl", &made(5, 20.0).log()[..9_000])
        .file("newer.jsonl", "{\"schema\": \"loadgen.runlog/2\"}\n")
        .file("notes.txt", "nothing\n")
        .file("empty/notes.txt", "nothing\n");
    for number in 11..15 {
        stage = stage
            .file(&format!("a/{number}.jsonl"), &made(number, 20.0).log())
            .file(
                &format!("b/{number}.json"),
                &made(number + 10, 22.0).summary(),
            );
    }
    stage
}

/// The exit code of a comparison, and what it says.
#[track_caller]
fn check(words: &[&str], code: u8, says: &str) -> Played {
    let played = on(stage(words));
    assert_eq!(played.code, code, "{words:?}\n{}{}", played.out, played.err);
    let told = [played.out.as_str(), &played.err].concat();
    assert!(
        told.contains(says),
        "{words:?} does not say {says:?}:\n{told}"
    );
    played
}

#[test]
fn runs_are_compared() {
    check(&["base.jsonl", "same.jsonl"], 0, "= same");
    check(&["base.jsonl", "slower.jsonl"], 98, "✗ worse");
    check(&["slower.jsonl", "base.jsonl"], 0, "✓ better");
    let unclear = check(
        &["base.jsonl", "same.jsonl", "--tolerance", "0.01%, 0.001ms"],
        97,
        "? unclear",
    );
    assert!(unclear.out.contains("to be sure"), "{}", unclear.out);
}

#[test]
fn tolerances_decide() {
    let files = ["base.jsonl", "slower.jsonl"];
    for (tolerances, code) in [
        (&["20%"][..], 0),
        (&["http_req_duration: 20%"], 0),
        (&["p50: 20%"], 98),
        (&["1%", "20%"], 0),
        (&["http_req_duration: 5ms"], 0),
    ] {
        let given = tolerances.iter().flat_map(|text| ["--tolerance", text]);
        let words: Vec<&str> = files.into_iter().chain(given).collect();
        check(&words, code, "");
    }
    check(
        &[&files[..], &["--tolerance", "http_req_duraton: 2%"]].concat(),
        2,
        "did you mean `http_req_duration`?",
    );
    check(
        &[&files[..], &["--tolerance", "ttft: 2%"]].concat(),
        2,
        "`ttft: 2%` fits nothing",
    );
}

#[test]
fn several_runs_are_given_as_files_and_folders() {
    check(&["a", "b"], 98, "4 and 4 runs");
    check(&["a", "same.jsonl", "base.jsonl"], 0, "4 and 2 runs");
    check(
        &[
            "a/11.jsonl",
            "--base",
            "a/12.jsonl",
            "--base",
            "a/13.jsonl",
            "b",
        ],
        98,
        "3 and 4 runs",
    );
    check(&["a", "slower.jsonl"], 98, "4 and 1 runs");
    check(
        &["a", "empty"],
        2,
        "`empty` holds no run log and no summary",
    );
}

#[test]
fn what_should_not_be_compared_can_be_forced() {
    check(
        &["base.jsonl", "other.jsonl"],
        2,
        "`other.jsonl` ran another plan than the base",
    );
    check(&["base.jsonl", "other.jsonl"], 2, "--force");
    check(&["base.jsonl", "other.jsonl", "--force"], 0, "by force");
    check(
        &["base.jsonl", "torn.jsonl"],
        97,
        "the log `torn.jsonl` ends early",
    );
    check(
        &["torn.jsonl", "base.jsonl", "--force"],
        0,
        "compared by force",
    );
}

#[test]
fn what_is_no_run_is_told() {
    check(
        &["base.jsonl", "missing.jsonl"],
        2,
        "failed to read `missing.jsonl`",
    );
    check(
        &["newer.jsonl", "base.jsonl"],
        2,
        "this loadgen reads loadgen.runlog/1",
    );
    check(&["notes.txt", "base.jsonl"], 2, "no run log of loadgen");
    check(
        &["base.json", "base.json"],
        2,
        "several summaries on a side",
    );
    check(&["base.jsonl", "base.json"], 2, "a summary has no windows");
    check(&["base.jsonl"], 2, "CURRENT");
}

#[test]
fn a_comparison_is_written() {
    let files = ["base.jsonl", "slower.jsonl"];
    let played = check(
        &[&files[..], &["--out", "json=out.json", "--quiet"]].concat(),
        98,
        "",
    );
    assert_eq!(played.out.lines().count(), 1, "{}", played.out);
    let found = played.json("out.json");
    assert_eq!(
        (&found["schema"], &found["verdict"]),
        (&"loadgen.comparison/1".into(), &"worse".into())
    );
    assert_eq!(found["rows"][0]["metric"], "http_req_duration");
    for (format, says) in [
        ("junit", "<failure message=\""),
        ("markdown", "### ❌ `"),
        ("github", "::error title="),
    ] {
        let out = format!("{format}=out.txt");
        let played = check(&[&files[..], &["--out", &out]].concat(), 98, "");
        let text = played.stage.environment.read_text(Path::new("out.txt"));
        let text = text.unwrap();
        assert!(
            text.contains(says) && text.contains("http_req_duration p50"),
            "{text}"
        );
    }
    let played = check(&[&files[..], &["--out", "json=-"]].concat(), 98, "");
    assert!(serde_json::from_str::<Value>(&played.out).is_ok() && played.err.contains("✗ worse"));
    check(
        &[&files[..], &["--out", "csv=out.csv"]].concat(),
        2,
        "a comparison has no windows",
    );
    check(
        &[&files[..], &["--out", "json=base.jsonl"]].concat(),
        2,
        "`base.jsonl` cannot be written: it is what is read",
    );
    check(
        &[&files[..], &["--out", "json=no/where.json"]].concat(),
        1,
        "no/where.json",
    );
}

/// A mock that fails that share of requests: what a comparison sees of it, no busy machine can hide.
fn failing(error_rate: f64) -> Mock {
    let settings = Settings {
        error_rate,
        ..Settings::default()
    };
    Mock::start(settings, SocketAddr::from(([127, 0, 0, 1], 0))).unwrap()
}

/// Plays once more in the same folder.
fn again(played: Played, words: &[&str]) -> Played {
    let mut stage = Stage::new(words);
    std::mem::swap(&mut stage.folder, &mut { played.stage }.folder);
    stage.environment.folder = stage.folder.path().to_owned();
    on(stage)
}

/// Runs of the plain scenario, in the folder of what was played before.
#[track_caller]
fn run_again(played: Played, words: &[&str], code: u8, says: &str) -> Played {
    let played = again(played, &[&["run", "plain.toml"], words].concat());
    assert_eq!(played.code, code, "{words:?}\n{}{}", played.out, played.err);
    let told = [played.out.as_str(), &played.err].concat();
    assert!(
        told.contains(says),
        "{words:?} does not say {says:?}:\n{told}"
    );
    played
}

fn plain() -> Played {
    on(Stage::new(&["check", "plain.toml"]).file("plain.toml", PLAIN))
}

#[test]
fn runs_are_repeated() {
    let (mock, seeds) = (mock(), ["--seed", "5"]);
    let url = mock.url();
    let words = [
        &[
            "--target",
            &url,
            "--repeat",
            "3",
            "--out",
            "json=out-{run}.json",
        ],
        &seeds[..],
    ]
    .concat();
    let played = run_again(plain(), &words, 0, "run 3 (3 of 3)");
    for number in 1..=3 {
        let summary = played.json(&format!("out-{number}.json"));
        assert_eq!(
            (&summary["seed"], &summary["metrics"]["http_reqs"]["count"]),
            (&(4 + number).into(), &6.into())
        );
    }
    assert_eq!(played.out.matches("passed").count(), 3, "{}", played.out);
    run_again(
        played,
        &["--repeat", "2", "--out", "json=out.json"],
        2,
        "{run}",
    );
}

#[test]
fn a_baseline_is_kept_and_compared_with() {
    let (good, bad) = (failing(0.0), failing(0.8));
    let [good, bad] = [&good, &bad].map(Mock::url);
    let with = |target: &str, words: &str| -> Vec<String> {
        let all = format!("run plain.toml --target {target} -n 40 {words}");
        all.split_whitespace().map(str::to_owned).collect()
    };
    let play = |played, target: &str, words: &str| {
        let words = with(target, words);
        again(
            played,
            &words.iter().map(String::as_str).collect::<Vec<_>>(),
        )
    };
    let check = |played: Played, code: u8, says: &str| {
        let told = [played.out.as_str(), &played.err].concat();
        assert!(
            played.code == code && told.contains(says),
            "{} {says}\n{told}",
            played.code
        );
        played
    };
    let kept = play(plain(), &good, "--repeat 3 --save-baseline kept/good");
    let played = check(kept, 0, "baseline saved: kept/good");
    let held = played
        .stage
        .environment
        .files_of(Path::new("kept/good"), "jsonl");
    assert_eq!(held.unwrap().unwrap().len(), 3);
    let against = "--repeat 3 --baseline kept/good";
    let worse = play(played, &bad, &format!("{against} --out comparison=c.json"));
    let played = check(worse, 98, "✗ worse");
    let found = played.json("c.json");
    assert_eq!(
        (&found["verdict"], &found["unit"]),
        (&"worse".into(), &"runs".into())
    );
    assert_eq!(found["base"].as_array().unwrap().len(), 3);
    assert_eq!(found["rows"][0]["metric"], "http_req_failed");
    // What the tolerance allows is no regression; how long requests took is anyone's guess here.
    let allowed = play(
        played,
        &bad,
        &format!("{against} --tolerance http_req_failed:99.9pp"),
    );
    let worse = allowed
        .out
        .lines()
        .any(|line| line.contains("✗ http_req_failed"));
    assert!(!worse, "{}", allowed.out);
    // A failed threshold comes before a regression, and makes no baseline.
    let words = format!("{against} --threshold http_reqs:count>50 --save-baseline new");
    let played = check(
        play(allowed, &bad, &words),
        99,
        "baseline not saved: a run failed",
    );
    assert!(played.out.contains("✗ worse"), "{}", played.out);
    let held = played.stage.environment.files_of(Path::new("new"), "jsonl");
    assert!(held.unwrap().unwrap_or_default().is_empty());
    // Nor does what is worse than its own baseline.
    let words = format!("{against} --save-baseline new");
    check(
        play(played, &bad, &words),
        98,
        "baseline not saved: it is worse than its own baseline",
    );
}

#[test]
fn a_single_run_is_compared_with_a_single_baseline() {
    let mock = mock();
    let url = mock.url();
    let target = ["--target", url.as_str()];
    let played = run_again(
        plain(),
        &[&target[..], &["--save-baseline", "base.jsonl", "--no-log"]].concat(),
        0,
        "baseline saved: base.jsonl",
    );
    // A tenth of a second tells nothing, and is not taken for the same.
    let words = [
        &target[..],
        &[
            "--baseline",
            "base.jsonl",
            "--no-log",
            "--out",
            "comparison=c.json",
            "--save-baseline",
            "next.jsonl",
        ],
    ]
    .concat();
    let played = run_again(played, &words, 97, "? unclear");
    assert!(
        played.err.contains("baseline not saved: it is unclear"),
        "{}",
        played.err
    );
    for path in ["next.jsonl", "next.jsonl.part"] {
        assert!(!played.stage.folder.path().join(path).exists(), "{path}");
    }
    assert_eq!(played.json("c.json")["unit"], "windows");
    assert_eq!(played.json("c.json")["current"][0]["path"], "this run");
    let words = [&target[..], &["--baseline", "base.jsonl"]].concat();
    let tolerance = ["--tolerance", "ttft: 5%"];
    let played = run_again(
        played,
        &[&words[..], &tolerance].concat(),
        2,
        "error: the tolerance `ttft: 5%` fits nothing that the baseline has",
    );
    assert!(!played.err.contains("cannot be used"), "{}", played.err);
    // A baseline of another plan is refused, unless thresholds alone may decide.
    let other = [&words[..], &["-n", "7"]].concat();
    let says = "the baseline `base.jsonl` cannot be used: it ran another plan: ";
    let played = run_again(played, &other, 2, says);
    let other = [
        &other[..],
        &["--baseline-may-differ", "--out", "comparison=none.json"],
    ]
    .concat();
    let says = "not compared with the baseline, thresholds alone decide: it ran another plan: ";
    let played = run_again(played, &other, 0, says);
    assert!(!played.stage.folder.path().join("none.json").exists());
    let words = [
        &target[..],
        &[
            "--baseline",
            "base.jsonl",
            "--quiet",
            "--out",
            "log=base.jsonl",
        ],
    ]
    .concat();
    let says = "`base.jsonl` cannot be written: it is the baseline";
    run_again(played, &words, 2, says);
}

#[test]
fn two_targets_take_turns() {
    let (good, bad) = (failing(0.0), failing(0.8));
    let [good, bad] = [&good, &bad].map(Mock::url);
    let outs = ["--out", "json=r-{run}.json", "--out", "comparison=c.json"];
    let words = [
        &["--target", good.as_str(), "--target-b", &bad, "-n", "40"][..],
        &["--repeat", "3"],
        &outs[..],
    ]
    .concat();
    let played = run_again(plain(), &words, 98, "✗ worse");
    for (name, target) in [("a-1", &good), ("b-1", &bad), ("a-3", &good), ("b-3", &bad)] {
        let found = played.json(&format!("r-{name}.json"))["target"]
            .as_str()
            .unwrap()
            .to_owned();
        assert_eq!(
            found.trim_end_matches('/'),
            target.trim_end_matches('/'),
            "{name}"
        );
    }
    let order: Vec<&str> = played
        .err
        .lines()
        .filter_map(|line| line.strip_prefix("run ")?.split(' ').next())
        .collect();
    assert_eq!(order, ["a-1", "b-1", "a-2", "b-2", "a-3", "b-3"]);
    let found = played.json("c.json");
    assert_eq!(
        (
            found["base"].as_array().unwrap().len(),
            found["current"].as_array().unwrap().len()
        ),
        (3, 3)
    );
    // A URL is a target itself.
    let [good, bad] = [good, bad].map(|url| format!("{}/plain", url.trim_end_matches('/')));
    let words = [
        "run",
        &good,
        "--target-b",
        &bad,
        "-n",
        "40",
        "-c",
        "2",
        "--repeat",
        "3",
    ];
    let played = again(played, &words);
    assert_eq!(played.code, 98, "{}{}", played.out, played.err);
    let elsewhere = format!("{bad}/elsewhere");
    let played = again(played, &["run", &good, "--target-b", &elsewhere, "-n", "6"]);
    assert!(
        played.code == 2 && played.err.contains("would not have the same plan"),
        "{}",
        played.err
    );
}

#[test]
fn what_could_not_be_compared_is_refused_before_the_run() {
    let run_log = || made(1, 20.0).log();
    let base = || {
        plain_with(&[
            ("other.jsonl", run_log()),
            ("torn.jsonl", run_log()[..9_000].to_owned()),
            (
                "newer.jsonl",
                "{\"schema\": \"loadgen.runlog/2\"}\n".to_owned(),
            ),
            ("notes.txt", "nothing".to_owned()),
            ("folder/other.jsonl", run_log()),
        ])
    };
    for (words, says) in [
        (
            &["--baseline", "other.jsonl"][..],
            "the baseline `other.jsonl` cannot be used: it ran another plan",
        ),
        (
            &["--baseline", "torn.jsonl"],
            "cannot be used: the log `torn.jsonl` ends early; it ran another plan",
        ),
        (
            &["--baseline", "newer.jsonl"],
            "this loadgen reads loadgen.runlog/1",
        ),
        (&["--baseline", "notes.txt"], "no run log of loadgen"),
        (
            &["--baseline", "missing.jsonl"],
            "failed to read `missing.jsonl`",
        ),
        (
            &["--baseline", "missing.jsonl"],
            "hint: --baseline names it; --save-baseline makes one",
        ),
        (
            &["--baseline", "torn.jsonl", "--baseline-may-differ"],
            "the log `torn.jsonl` ends early",
        ),
        (
            &["--baseline-may-differ"],
            "--baseline-may-differ goes with --baseline",
        ),
        (
            &["--tolerance", "5%"],
            "--tolerance goes with --baseline or --target-b",
        ),
        (
            &["--out", "comparison=c.json"],
            "goes with --baseline or --target-b",
        ),
        (
            &["--baseline", "other.jsonl", "--target-b", "mock"],
            "cannot go together",
        ),
        (
            &["--save-baseline", "x", "--target-b", "mock"],
            "cannot go together",
        ),
        (&["--save-baseline", "folder"], "`folder` is a folder"),
        (
            &["--save-baseline", "folder", "--repeat", "2"],
            "already holds `folder/other.jsonl`",
        ),
        (
            &["--save-baseline", "plain.toml"],
            "`plain.toml` cannot be written: it is the scenario",
        ),
        (
            &["--out", "json=s.json", "--save-baseline", "s.json"],
            "`s.json` cannot be written: it is another output",
        ),
        (
            &["--out", "log=notes.txt", "--save-baseline", "./notes.txt"],
            "it is the same file as another output, `notes.txt`",
        ),
        (
            &["--out", "log=n.jsonl.part", "--save-baseline", "n.jsonl"],
            "`n.jsonl.part` cannot be written: it is another output",
        ),
        (&["--target-b", "nonsense"], "--target-b"),
        (
            &["--baseline", "other.jsonl", "--tolerance", "-5%"],
            "`-5%` is no size of a change",
        ),
        (&["--repeat", "0"], "--repeat"),
        (
            &[
                "--repeat",
                "2",
                "--target-b",
                "mock",
                "--out",
                "comparison=no/c.json",
            ],
            "no/c.json",
        ),
    ] {
        let played = again(base(), &[&["run", "plain.toml"], words].concat());
        assert!(
            [1, 2].contains(&played.code) && played.err.contains(says),
            "{words:?} {}: {}",
            played.code,
            played.err
        );
        let folder = played.stage.folder.path();
        assert!(!folder.join(".loadgen").exists(), "{words:?} was run");
        for path in ["s.json", "n.jsonl.part", "x"] {
            assert!(!folder.join(path).exists(), "{words:?} left {path}");
        }
        let held = std::fs::read_to_string(folder.join("notes.txt")).unwrap();
        assert_eq!(held, "nothing", "{words:?}");
    }
}

#[test]
fn a_refused_run_leaves_every_file_as_it_was() {
    let files = [
        ("other.jsonl", made(1, 20.0).log()),
        ("held.jsonl", "held".to_owned()),
    ];
    let outs = ["log=held.jsonl", "hlog=new.hlog", "json=new.json"];
    let outs = outs.iter().flat_map(|out| ["--out", out]);
    let words = ["run", "plain.toml", "--baseline", "other.jsonl"];
    let words: Vec<&str> = words.into_iter().chain(outs).collect();
    let played = again(plain_with(&files), &words);
    assert_eq!(played.code, 2, "{}", played.err);
    let folder = played.stage.folder.path();
    for (path, text) in &files {
        let held = std::fs::read_to_string(folder.join(path)).unwrap();
        assert_eq!(held, *text, "{path}");
    }
    for path in ["new.hlog", "new.json"] {
        assert!(!folder.join(path).exists(), "{path}");
    }
}

#[test]
fn a_log_that_was_asked_for_and_lost_is_an_error() {
    let mock = mock();
    let url = mock.url();
    let words = ["--target", &url, "--no-log", "--out", "log=/dev/full"];
    let outs = ["--out", "json=out.json"];
    let words = [&words[..], &outs[..]].concat();
    let played = run_again(plain(), &words, 1, "failed to write `/dev/full`");
    let summary = played.json("out.json");
    let mut warnings = summary["warnings"].as_array().unwrap().iter();
    assert!(warnings.any(|warning| warning["code"] == "log-incomplete"));
}

fn plain_with(files: &[(&str, String)]) -> Played {
    let mut stage = Stage::new(&["check", "plain.toml"]).file("plain.toml", PLAIN);
    for (path, text) in files {
        stage = stage.file(path, text);
    }
    on(stage)
}
