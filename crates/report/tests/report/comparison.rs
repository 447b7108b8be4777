//! Comparisons: what is read for them, and golden files of what comes out.

use crate::runs::{self, Run};
use loadgen_report::{
    Error, Report, RunLogReader, compared_run, comparison_schema, read_compared_run, replay,
    write_comparison, write_comparison_github, write_comparison_json, write_comparison_junit,
    write_comparison_markdown, write_comparison_verdict, write_github, write_json, write_junit,
    write_markdown,
};
use loadgen_stats::{
    Caution, Change, CompareOptions, ComparedRow, ComparedRun, Comparison, Interval, Method,
    Metric, Objection, Outcome, Rate, RunData, RunFacts, SeriesBuilder, Side, Statistic,
    StopReason, Subject, Trend, Unit, Verdict, compare,
};
use serde_json::Value;
use std::io::Cursor;
use std::time::Duration;

fn facts(label: &str) -> RunFacts {
    RunFacts {
        label: label.to_owned(),
        name: "chat".to_owned(),
        load: String::new(),
        version: "0.1.0".to_owned(),
        plan_hash: "9f86d081".to_owned(),
        definitions: Some(1),
        hostname: Some("bench-1".to_owned()),
        cpus: Some(8),
        arch: Some("x86_64".to_owned()),
        started_at: "2026-03-01T12:00:00Z".to_owned(),
        seed: 7,
        measured: Duration::from_secs(30),
        verdict: Verdict::Pass,
        stop_reason: StopReason::Completed,
        ends_early: false,
    }
}

/// A row of times.
fn row(trend: Trend, step: Option<&str>, statistic: Statistic, verdict: Change) -> ComparedRow {
    let change = match verdict {
        Change::Worse => 0.138,
        Change::Better => -0.12,
        Change::Same => 0.004,
        Change::Unclear => 0.06,
    };
    ComparedRow {
        subject: Subject {
            step: step.map(str::to_owned),
            ..Subject::of_run(Metric::Trend(trend))
        },
        statistic,
        unit: Unit::Milliseconds,
        base: 312.4,
        current: 312.4 * (1.0 + change),
        relative: true,
        change,
        interval: Some(Interval {
            low: change - 0.031,
            high: change + 0.034,
        }),
        tolerance: 0.05,
        chance: Some(0.000_012),
        verdict,
        decides: verdict == Change::Unclear,
        longer: (verdict == Change::Unclear).then_some(8.7),
        rough: false,
        at_least: false,
        doubtful: false,
    }
}

fn share(rate: Rate, base: f64, current: f64, verdict: Change) -> ComparedRow {
    ComparedRow {
        subject: Subject::of_run(Metric::Rate(rate)),
        unit: Unit::Percent,
        base,
        current,
        relative: false,
        change: current - base,
        interval: Some(Interval {
            low: current - base - 0.2,
            high: current - base + 0.2,
        }),
        tolerance: 0.1,
        ..row(Trend::Ttft, None, Statistic::Rate, verdict)
    }
}

fn comparison(verdict: Change, rows: Vec<ComparedRow>) -> Comparison {
    Comparison {
        verdict,
        longer: rows.iter().find_map(|row| row.longer),
        rows,
        method: Method::Windows,
        base: vec![facts(".loadgen/runs/chat-20260301T120000Z.jsonl")],
        current: vec![facts(".loadgen/runs/chat-20260302T120000Z.jsonl")],
        objections: Vec::new(),
        cautions: Vec::new(),
    }
}

/// One of each verdict.
fn all() -> Vec<(&'static str, Comparison)> {
    let same = |trend| row(trend, None, Statistic::P50, Change::Same);
    let p99 = Statistic::P99;
    let worse = comparison(
        Change::Worse,
        vec![
            share(Rate::HttpReqFailed, 0.0, 1.25, Change::Worse),
            ComparedRow {
                at_least: true,
                rough: true,
                ..row(Trend::Ttft, Some("chat"), p99, Change::Worse)
            },
            row(
                Trend::HttpReqDuration,
                Some("a step with a name that is far too long"),
                Statistic::P95,
                Change::Worse,
            ),
            row(Trend::Itl, None, p99, Change::Unclear),
            ComparedRow {
                decides: false,
                rough: true,
                ..row(Trend::Tpot, None, p99, Change::Unclear)
            },
            row(Trend::StreamTail, None, Statistic::Mean, Change::Better),
            same(Trend::Ttft),
            share(Rate::Goodput, 99.99, 99.98, Change::Same),
        ],
    );
    let mut unclear = comparison(
        Change::Unclear,
        vec![
            row(Trend::Ttft, None, p99, Change::Unclear),
            same(Trend::Itl),
        ],
    );
    unclear.cautions.push(Caution::Hosts {
        hosts: vec!["bench-1".to_owned(), "bench-2".to_owned()],
    });
    let mut doubtful = comparison(
        Change::Unclear,
        vec![
            ComparedRow {
                doubtful: true,
                change: 0.21,
                longer: None,
                ..row(Trend::Ttft, None, p99, Change::Unclear)
            },
            same(Trend::Itl),
        ],
    );
    doubtful.cautions.push(Caution::Generator {
        runs: vec![("b.jsonl".to_owned(), 22.0, 30.0)],
    });
    let mut short = comparison(
        Change::Unclear,
        vec![ComparedRow {
            interval: None,
            chance: None,
            longer: None,
            ..row(Trend::Ttft, None, p99, Change::Unclear)
        }],
    );
    short.method = Method::Runs { paired: false };
    short.longer = None;
    let mut better = comparison(
        Change::Better,
        vec![
            row(Trend::Ttft, None, Statistic::P50, Change::Better),
            same(Trend::Itl),
        ],
    );
    better.method = Method::Runs { paired: true };
    better.base = ["a-1.jsonl", "a-2.jsonl", "a-3.jsonl"].map(facts).to_vec();
    better.current = ["b-1.jsonl", "b-2.jsonl", "b-3.jsonl"].map(facts).to_vec();
    let mut same = comparison(
        Change::Same,
        (0..30).map(|_| same(Trend::HttpReqWaiting)).collect(),
    );
    same.rows[0].subject.outcome = Some(Outcome::Ok);
    same.objections.push(Objection::Inconclusive {
        run: "b.jsonl".to_owned(),
        side: Side::Current,
    });
    same.objections.push(Objection::Cpus {
        run: "b.jsonl".to_owned(),
        cpus: (4, 8),
    });
    vec![
        ("worse", worse),
        ("unclear", unclear),
        ("doubtful", doubtful),
        ("short", short),
        ("better", better),
        ("same", same),
    ]
}

fn text(comparison: &Comparison, color: bool) -> String {
    let mut text = Vec::new();
    write_comparison(&mut text, comparison, color).unwrap();
    String::from_utf8(text).unwrap()
}

fn json(comparison: &Comparison) -> String {
    written(|out| write_comparison_json(out, comparison))
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut text = Vec::new();
    write(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn what_looks_better_in_doubt_is_told() {
    let mut found = all().pop().unwrap().1;
    for row in &mut found.rows[..2] {
        (row.verdict, row.doubtful, row.decides) = (Change::Unclear, true, false);
    }
    let told = text(&found, false).replace('\n', " ");
    let told: Vec<&str> = told.split_whitespace().collect();
    let told = told.join(" ");
    assert!(
        told.contains(
            "= same none of 30 rows is worse; 2 look better, but not where the generator kept up"
        ),
        "{told}"
    );
}

#[test]
fn comparisons_are_as_in_the_golden_files() {
    for (name, comparison) in all() {
        runs::golden(&format!("comparison-{name}.txt"), &text(&comparison, false));
        runs::golden(&format!("comparison-{name}.json"), &json(&comparison));
        let junit = written(|out| write_comparison_junit(out, &comparison));
        runs::golden(&format!("comparison-{name}.junit.xml"), &junit);
        let markdown = written(|out| write_comparison_markdown(out, &comparison));
        runs::golden(&format!("comparison-{name}.md"), &markdown);
        let github = written(|out| write_comparison_github(out, &comparison));
        runs::golden(&format!("comparison-{name}.github.txt"), &github);
    }
}

/// Where a run was compared, its reports hold both.
#[test]
fn runs_that_were_compared_are_as_in_the_golden_files() {
    let run = runs::chat();
    let summary = run.summary();
    for (name, comparison) in all() {
        let report = Report {
            header: &run.header,
            summary: &summary,
            comparison: Some(&comparison),
        };
        let junit = written(|out| write_junit(out, &report));
        let markdown = written(|out| write_markdown(out, &report));
        let github = written(|out| write_github(out, &report));
        if name == "worse" {
            runs::golden("chat-worse.junit.xml", &junit);
            runs::golden("chat-worse.md", &markdown);
            runs::golden("chat-worse.github.txt", &github);
        }
        let fails = comparison.verdict == Change::Worse;
        let complains = fails || comparison.verdict == Change::Unclear;
        assert_eq!(
            !junit.contains(" failures=\"0\" "),
            fails,
            "{name}: {junit}"
        );
        let silent = junit.contains(" failures=\"0\" errors=\"0\" ");
        assert_eq!(!silent, complains, "{name}: {junit}");
        assert_eq!(github.contains("::error "), complains, "{name}: {github}");
        assert_eq!(
            !markdown.starts_with("### ✅"),
            complains,
            "{name}: {markdown}"
        );
    }
}

/// A pipeline that looks at a report must come to the same end as one that looks at the exit code.
#[test]
fn reports_complain_where_the_exit_code_does() {
    for (name, comparison) in all() {
        let complains = matches!(comparison.verdict, Change::Worse | Change::Unclear);
        let junit = written(|out| write_comparison_junit(out, &comparison));
        let suite = roxmltree::Document::parse(&junit).unwrap();
        let suite = suite.root_element().first_element_child().unwrap();
        let count = |attribute| {
            suite
                .attribute(attribute)
                .unwrap()
                .parse::<usize>()
                .unwrap()
        };
        assert_eq!(count("failures"), comparison.count(Change::Worse), "{name}");
        assert_eq!(count("failures") + count("errors") > 0, complains, "{name}");
        assert_eq!(count("tests"), comparison.rows.len(), "{name}");
        let github = written(|out| write_comparison_github(out, &comparison));
        assert_eq!(github.contains("::error "), complains, "{name}: {github}");
        assert_eq!(github.contains("::notice "), !complains, "{name}: {github}");
    }
}

/// Every row that is worse is shown, as long as a person would read on.
#[test]
fn markdown_of_many_rows_stays_short() {
    let rows = |count, verdict| {
        let row = row(Trend::HttpReqWaiting, None, Statistic::P50, verdict);
        std::iter::repeat_n(row, count)
    };
    let all: Vec<ComparedRow> = rows(50, Change::Worse)
        .chain(rows(50, Change::Better))
        .chain(rows(500, Change::Same))
        .collect();
    for (from, shown, said) in [
        (0, 20, "and 580 more, 30 of them worse"),
        (40, 15, "and 545 more, none of them worse"),
        (50, 5, "and 545 more, none of them worse"),
        (100, 0, "\n500 rows, none of them worse"),
    ] {
        let comparison = comparison(Change::Worse, all[from..].to_vec());
        let markdown = written(|out| write_comparison_markdown(out, &comparison));
        let found = markdown
            .lines()
            .filter(|line| line.contains("`http_req_waiting p50`"));
        assert_eq!(found.count(), shown, "{markdown}");
        assert!(markdown.contains(said), "{markdown}");
    }
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for (name, comparison) in all() {
        let text = text(&comparison, false);
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 80, "{name}: {widest}\n{text}");
        assert!(self::text(&comparison, true).contains("\u{1b}["));
    }
}

#[test]
fn the_verdict_is_one_line() {
    for (name, comparison) in all() {
        let mut verdict = Vec::new();
        write_comparison_verdict(&mut verdict, &comparison, false).unwrap();
        let verdict = String::from_utf8(verdict).unwrap();
        assert_eq!(verdict.lines().count(), 1, "{name}: {verdict}");
        assert!(verdict.contains(comparison.verdict.name()), "{verdict}");
    }
}

#[test]
fn the_schema_is_committed_and_holds() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/comparison.schema.json"
    );
    runs::compare(path, &comparison_schema());
    let schema: Value = serde_json::from_str(&comparison_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, comparison) in all() {
        let mut found: Value = serde_json::from_str(&json(&comparison)).unwrap();
        let errors: Vec<_> = validator
            .iter_errors(&found)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        found["verdict"] = "fine".into();
        assert!(!validator.is_valid(&found));
    }
}

/// What reading the run's log gives.
fn of_log(run: &Run) -> ComparedRun {
    read_compared_run("run.jsonl", Cursor::new(run.log())).unwrap()
}

/// What reading the run's summary gives.
fn of_summary(run: &Run) -> ComparedRun {
    let mut text = Vec::new();
    write_json(&mut text, &run.header, &run.summary()).unwrap();
    read_compared_run("run.json", Cursor::new(text)).unwrap()
}

#[test]
fn a_log_and_a_run_that_has_just_ended_are_the_same() {
    let run = runs::chat();
    let mut series = SeriesBuilder::new(&run.header.layout);
    run.windows.iter().for_each(|window| series.push(window));
    let series = series.finish(run.end.measured);
    let live = compared_run("run.jsonl", &run.header, &run.summary(), series);
    let read = of_log(&run);
    assert_eq!(live.facts, read.facts);
    let other = runs::chat();
    let options = CompareOptions {
        force: true,
        ..CompareOptions::default()
    };
    let compared = |base: &ComparedRun| {
        compare(std::slice::from_ref(base), &[of_log(&other)], &options).unwrap()
    };
    assert_eq!(compared(&live), compared(&read));
}

#[test]
fn a_summary_tells_the_same_figures() {
    for run in [runs::chat(), runs::trouble()] {
        let (log, summary) = (of_log(&run), of_summary(&run));
        assert_eq!(
            (log.facts.cpus, &log.facts.arch),
            (summary.facts.cpus, &summary.facts.arch)
        );
        assert_eq!(
            (log.facts.definitions, log.facts.seed),
            (summary.facts.definitions, summary.facts.seed)
        );
        assert!(summary.facts.definitions.is_some());
        let options = CompareOptions {
            force: true,
            ..CompareOptions::default()
        };
        // Two a side, so that figures are compared and not windows.
        let twice = |run: ComparedRun| {
            let mut other = run.clone();
            other.facts.seed += 1;
            [run, other]
        };
        let sides = [twice(log), twice(summary)];
        let found = compare(&sides[0], &sides[1], &options).unwrap();
        assert!(found.rows.len() > 20, "{}", found.rows.len());
        for row in &found.rows {
            // Of a mean of microseconds a summary tells no more than four digits behind it.
            assert!(row.change.abs() < 1e-4 && row.interval.is_some(), "{row:?}");
        }
        assert!(matches!(sides[1][0].data, RunData::Figures(_)));
    }
}

#[test]
fn a_summary_tells_what_to_doubt() {
    let text = |code: &str, failed: u64, steps: &str| {
        let trend = r#"{"kind": "trend", "count": 9, "p50": 1.0}"#;
        format!(
            r#"{{"schema": "loadgen.summary/1", "name": "x", "version": "1", "plan_hash": "a", "started_at": "",
            "measured_s": 9, "stop_reason": "completed", "verdict": "pass", "metrics": {{"http_req_duration": {trend}}},
            "scenarios": {{"x": {{"metrics": {{}}, "steps": {{{steps}}}}}}},
            "outcomes": {{"ok": 90, "failed": {failed}, "rejected": 1, "redirected": 1,
                "ok_metrics": {{"http_req_duration": {{"count": 9, "p50": 7.0}}}}}},
            "warnings": [{{"code": "{code}"}}]}}"#
        )
    };
    let check = |text: String, doubtful: bool, outcomes: (u64, u64), ok: &[f64]| {
        let run = read_compared_run("x", Cursor::new(text)).unwrap();
        let RunData::Figures(digest) = run.data else {
            panic!("{:?}", run.data);
        };
        assert_eq!((digest.doubtful, digest.outcomes), (doubtful, outcomes));
        let seen: Vec<f64> = digest
            .ok_figures
            .iter()
            .map(|figure| figure.value)
            .collect();
        assert_eq!(seen, ok);
    };
    let (one, two) = (
        r#""a": {"metrics": {}}"#,
        r#""a": {"metrics": {}}, "b": {"metrics": {}}"#,
    );
    check(text("generator-late", 3, one), true, (90, 5), &[7.0]);
    check(text("generator-busy", 0, one), true, (90, 2), &[7.0]);
    check(text("too-few-samples", 0, one), false, (90, 2), &[7.0]);
    // Of several steps the times are unlike, and none is told apart.
    check(text("too-few-samples", 0, two), false, (90, 2), &[]);
}

#[test]
fn what_is_no_result_is_refused() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let error = read_compared_run("x", Cursor::new(text.to_owned())).unwrap_err();
        assert!(error.to_string().contains(expected), "{text}: {error}");
    }
    check("", "no run log of loadgen: it is empty");
    check("nonsense", "no run log of loadgen");
    check(
        "{\"schema\": \"something/1\"}",
        "names the schema \"something/1\"",
    );
    check(
        "{\"schema\": \"loadgen.runlog/2\"}",
        "this loadgen reads loadgen.runlog/1",
    );
    check(
        "{\n  \"schema\": \"loadgen.summary/2\"\n}",
        "this loadgen reads loadgen.summary/1",
    );
    check(
        "{\n  \"schema\": \"loadgen.summary/1\"\n}",
        "the summary is damaged",
    );
}

#[test]
fn a_torn_log_is_read_and_inconclusive() {
    let log = runs::chat().log();
    let torn = &log[..log.len() / 2];
    let run = read_compared_run("torn.jsonl", Cursor::new(torn)).unwrap();
    assert_eq!(run.facts.verdict, Verdict::Inconclusive);
    assert!(
        !replay(RunLogReader::new(torn).unwrap())
            .unwrap()
            .is_complete
    );
    // Damage in the middle is an error, as in a report.
    let text = String::from_utf8(log)
        .unwrap()
        .replacen("{\"window\"", "{\"windov\"", 1);
    assert!(matches!(
        read_compared_run("x", Cursor::new(text)),
        Err(Error::Damaged { .. })
    ));
}
