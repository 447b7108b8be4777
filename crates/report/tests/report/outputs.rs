//! CSV, JUnit, Markdown and annotations: golden files, and what holds of every one.

use crate::runs::{self, Run};
use loadgen_report::{Report, write_csv, write_github, write_junit, write_markdown};
use loadgen_stats::{StopReason, Summary, Verdict};
use roxmltree::{Document, Node};
use std::io;

fn text(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut bytes = Vec::new();
    write(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn report<'a>(run: &'a Run, summary: &'a Summary) -> Report<'a> {
    Report {
        header: &run.header,
        summary,
        comparison: None,
    }
}

fn csv(summary: &Summary) -> String {
    text(|out| write_csv(out, summary))
}

fn junit(run: &Run, summary: &Summary) -> String {
    text(|out| write_junit(out, &report(run, summary)))
}

fn markdown(run: &Run, summary: &Summary) -> String {
    text(|out| write_markdown(out, &report(run, summary)))
}

fn github(run: &Run, summary: &Summary) -> String {
    text(|out| write_github(out, &report(run, summary)))
}

#[test]
fn outputs_are_as_in_the_golden_files() {
    for (name, run) in runs::all() {
        let summary = run.summary();
        runs::golden(&format!("{name}.csv"), &csv(&summary));
        runs::golden(&format!("{name}.junit.xml"), &junit(&run, &summary));
        runs::golden(&format!("{name}.md"), &markdown(&run, &summary));
        runs::golden(&format!("{name}.github.txt"), &github(&run, &summary));
    }
}

#[test]
fn csv_tells_what_the_windows_tell() {
    for (name, run) in runs::all() {
        let summary = run.summary();
        let csv = csv(&summary);
        let mut lines = csv.lines();
        let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
        let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
        assert_eq!(rows.len(), summary.windows.len(), "{name}");
        let column = |wanted| columns.iter().position(|&column| column == wanted).unwrap();
        let numbers = |wanted: &'static str| {
            let at = column(wanted);
            rows.iter().map(move |row| row[at].parse::<f64>().ok())
        };
        assert!(rows.iter().all(|row| row.len() == columns.len()), "{name}");
        let requests: f64 = numbers("http_reqs").flatten().sum();
        let expected: u64 = summary.windows.iter().map(|window| window.http_reqs).sum();
        assert_eq!(requests, expected as f64, "{name}");
        for (window, p95) in summary
            .windows
            .iter()
            .zip(numbers("http_req_duration_p95_ms"))
        {
            let expected = window
                .http_req_duration
                .map(|quantiles| quantiles.p95.value);
            let expected = expected.map(|time| time.as_nanos() as f64 / 1e6);
            assert_eq!(p95, expected, "{name}");
        }
    }
}

/// The suite of a report, after what must hold of every one.
#[track_caller]
fn suite<'a>(document: &'a Document<'a>) -> Node<'a, 'a> {
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "testsuites");
    let suites: Vec<_> = root.children().filter(Node::is_element).collect();
    let [suite] = suites[..] else {
        panic!("{} suites", suites.len())
    };
    let count = |name| {
        let found = suite.descendants().filter(|node| node.has_tag_name(name));
        found.count().to_string()
    };
    for (attribute, name) in [
        ("tests", "testcase"),
        ("failures", "failure"),
        ("errors", "error"),
        ("skipped", "skipped"),
    ] {
        assert_eq!(
            suite.attribute(attribute),
            Some(count(name).as_str()),
            "{attribute}"
        );
    }
    suite
}

fn case<'a>(suite: Node<'a, 'a>, name: &str) -> Node<'a, 'a> {
    let mut cases = suite
        .children()
        .filter(|node| node.has_tag_name("testcase"));
    let found = cases.find(|case| case.attribute("name") == Some(name));
    found.unwrap_or_else(|| panic!("no case {name}"))
}

/// What a case says of itself: the name of its child, and the child's message.
fn ending<'a>(case: Node<'a, 'a>) -> Option<(&'a str, &'a str)> {
    let child = case.first_element_child()?;
    Some((child.tag_name().name(), child.attribute("message").unwrap()))
}

#[test]
fn junit_has_a_case_for_each_threshold() {
    let run = runs::trouble();
    let text = junit(&run, &run.summary());
    let document = Document::parse(&text).unwrap();
    let suite = suite(&document);
    for (name, expected) in [
        ("ttft: p95 < 150ms", Some(("failure", "was ~≥660 ms"))),
        ("http_req_failed: rate < 1%", Some(("failure", "was 20.0%"))),
        ("http_req_duration{step=list,status=200}: p99 < 10s", None),
        (
            "ttft_text{scenario=writers}: avg < 500ms",
            Some(("failure", "no sample")),
        ),
        (
            "run",
            Some((
                "error",
                "ttft p95 < 150ms was ~≥660 ms, and 2 more; interrupted after 7.4 s",
            )),
        ),
    ] {
        assert_eq!(ending(case(suite, name)), expected, "{name}");
    }
    let out = suite
        .children()
        .find(|node| node.has_tag_name("system-out"))
        .unwrap();
    // The message of a service holds what no XML may.
    assert!(
        out.text()
            .unwrap()
            .contains("status 503: no \u{fffd}[31mupstream")
    );
}

/// A pipeline that looks at the report must come to the same end as one that looks at the exit code.
#[test]
fn junit_and_annotations_complain_where_the_exit_code_does() {
    let stops = [
        StopReason::Completed,
        StopReason::Interrupted,
        StopReason::Threshold,
        StopReason::Error,
    ];
    for (name, run) in runs::all() {
        for (verdict, stop_reason) in [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive]
            .into_iter()
            .flat_map(|verdict| stops.map(|stop| (verdict, stop)))
        {
            let mut summary = run.summary();
            if verdict != Verdict::Fail {
                if summary.verdict == Verdict::Fail {
                    continue;
                }
                summary.nothing_succeeded = None;
            }
            (summary.verdict, summary.stop_reason) = (verdict, stop_reason);
            let passes = verdict == Verdict::Pass
                && matches!(stop_reason, StopReason::Completed | StopReason::Threshold);
            let text = junit(&run, &summary);
            let document = Document::parse(&text).unwrap();
            let suite = suite(&document);
            let (failures, errors) = (suite.attribute("failures"), suite.attribute("errors"));
            let told = format!("{name} {verdict:?} {stop_reason:?}: {failures:?} {errors:?}");
            assert_eq!(
                (failures, errors) == (Some("0"), Some("0")),
                passes,
                "{told}"
            );
            assert_eq!(failures != Some("0"), verdict == Verdict::Fail, "{told}");
            let lines = github(&run, &summary);
            assert_eq!(!lines.contains("::error "), passes, "{told}\n{lines}");
        }
    }
}

#[test]
fn a_run_without_a_success_is_a_failure_unless_that_is_allowed() {
    let mut run = runs::refused();
    for (allowed, expected) in [(false, "1"), (true, "0")] {
        run.header.allow_all_failed = allowed;
        run.end.allow_all_failed = allowed;
        let text = junit(&run, &run.summary());
        let document = Document::parse(&text).unwrap();
        assert_eq!(suite(&document).attribute("failures"), Some(expected));
    }
}

#[test]
fn a_threshold_that_was_not_judged_is_skipped() {
    let run = runs::chat();
    let mut summary = run.summary();
    let judged = &mut summary.thresholds[0];
    (judged.judged, judged.ok, judged.observed) = (false, false, None);
    let text = junit(&run, &summary);
    let document = Document::parse(&text).unwrap();
    let case = case(suite(&document), "ttft: p95 < 2s");
    assert_eq!(ending(case), Some(("skipped", "not judged")));
    assert!(markdown(&run, &summary).contains("| ➖ | `ttft` | `p95 < 2s` | not judged |"));
    assert!(!github(&run, &summary).contains("::error "));
}

#[test]
fn doubt_is_no_failure() {
    let mut run = runs::chat();
    run.end.strict = true;
    let summary = run.summary();
    assert_eq!(summary.verdict, Verdict::Inconclusive);
    let text = junit(&run, &summary);
    let document = Document::parse(&text).unwrap();
    let suite = suite(&document);
    assert_eq!(suite.attribute("failures"), Some("0"));
    assert_eq!(
        ending(case(suite, "http_req_failed: rate < 1%")),
        Some(("error", "was 0%"))
    );
    assert_eq!(ending(case(suite, "ttft: p95 < 2s")), None);
    let markdown = markdown(&run, &summary);
    assert!(
        markdown.contains("### ⚠️ `chat` inconclusive"),
        "{markdown}"
    );
    assert!(
        markdown.contains("| ⚠️ | `http_req_failed` | `rate < 1%` | 0% |"),
        "{markdown}"
    );
}

/// The columns that people keep by hand.
#[test]
fn markdown_has_the_worst_first() {
    let run = runs::trouble();
    let markdown = markdown(&run, &run.summary());
    let rows = |head: &str| -> Vec<Vec<String>> {
        let table = markdown.split_once(head).unwrap().1;
        let rows = table
            .lines()
            .skip(1)
            .take_while(|line| line.starts_with('|'));
        let rows = rows.map(|row| row.replace("\\|", "¦"));
        rows.map(|row| row.split('|').map(|cell| cell.trim().to_owned()).collect())
            .collect()
    };
    let head = "| component | scenario | throughput | p95 | error rate | status | remark |\n";
    let steps = rows(head);
    assert!(steps.iter().all(|row| row.len() == 9), "{steps:?}");
    let shown: Vec<(&str, &str)> = steps
        .iter()
        .map(|row| (row[2].as_str(), row[6].as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            ("10 users for 10 s", "❌"),
            ("`writers` / `chat`", "❌"),
            ("`readers of everything there is to read` / `list`", "✅"),
            (
                "`readers of everything there is to read` / `a page with a name that is far too long for its column`",
                "➖"
            ),
        ]
    );
    let thresholds = rows("| | threshold | limit | observed |\n");
    let signs: Vec<&str> = thresholds.iter().map(|row| row[1].as_str()).collect();
    assert_eq!(signs, ["❌", "❌", "❌", "✅", "✅"]);
}

#[test]
fn markdown_stays_short() {
    let mut run = runs::trouble();
    for step in 0..60 {
        let mut layout = run.header.layout.steps[1].clone();
        layout.name = format!("step {step} ") + &"x".repeat(200);
        run.header.layout.steps.push(layout);
    }
    run.header.layout.scenarios[1].steps.end = run.header.layout.steps.len();
    let thresholds = (0..100).map(|n| ("iterations".to_owned(), format!("count > {n}")));
    run.header.thresholds.extend(thresholds);
    let markdown = markdown(&run, &run.summary());
    assert!(markdown.contains("\nand 43 more steps\n"), "{markdown}");
    assert!(
        markdown.contains("\nand 85 more, all of which hold\n"),
        "{markdown}"
    );
    // A comment on GitHub may have 65,536 characters.
    assert!(markdown.len() < 16_384, "{}", markdown.len());
}

/// Names and messages that would be markup, commands or the end of a document.
#[test]
fn foreign_words_stay_words() {
    let nasty =
        "]]>\" | `x` <b>&amp; @you #1 \u{1b}[31m\u{0}\u{202e}\n::error::no\r\n| a | b |\n% 😀";
    for (name, mut run) in runs::all() {
        run.header.thresholds.clear();
        run.header.name = nasty.to_owned();
        run.header.load = nasty.to_owned();
        run.header.host.hostname = nasty.to_owned();
        run.header.target = Some(format!("http://me:secret@{nasty}"));
        for scenario in &mut run.header.layout.scenarios {
            scenario.name = nasty.to_owned();
        }
        for window in &mut run.windows {
            for error in &mut window.totals.errors {
                error.message = nasty.to_owned();
            }
        }
        let summary = run.summary();
        let xml = junit(&run, &summary);
        let document = Document::parse(&xml).unwrap();
        let kept = suite(&document).attribute("name").unwrap().to_owned();
        let expected = nasty.replace(['\u{1b}', '\u{0}'], "\u{fffd}");
        assert_eq!(kept, expected, "{name}");
        let commands = github(&run, &summary);
        let kinds = ["::error ", "::warning ", "::notice "];
        assert!(
            commands
                .lines()
                .all(|line| kinds.iter().any(|kind| line.starts_with(kind))),
            "{commands}"
        );
        let markdown = markdown(&run, &summary);
        let cells = |line: &str| line.replace("\\|", "").matches('|').count();
        let rows = markdown.lines().filter(|line| line.starts_with('|'));
        assert!(
            rows.map(cells).all(|bars| bars == 8 || bars == 5),
            "{markdown}"
        );
        for text in [&xml, &commands, &markdown] {
            assert!(!text.contains("secret"), "{name}");
            assert!(
                !text.chars().any(|char| char.is_control() && char != '\n'),
                "{name}"
            );
        }
    }
}
