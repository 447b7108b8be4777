//! The text summary against golden files, and what holds of every one.

use crate::runs::{self, Run, Script, ms};
use loadgen_report::{TextOptions, write_text, write_verdict};
use loadgen_stats::{
    Again, Judged, Layout, StepIndex, StopReason, Summary, Unit, Verdict, VusRange,
};
use std::time::Duration;

const COLUMNS: usize = 80;

fn text(run: &Run, summary: &Summary, color: bool) -> String {
    let options = TextOptions {
        color,
        run_log: Some(".loadgen/runs/chat-20260301T120000Z.jsonl"),
    };
    let mut bytes = Vec::new();
    write_text(&mut bytes, &run.header, summary, &options).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn verdict(summary: &Summary, color: bool) -> String {
    let mut bytes = Vec::new();
    write_verdict(&mut bytes, summary, color).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Without the sequences that colour it.
fn uncoloured(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| {
        plain + part.split_once('m').map_or("", |(_, rest)| rest)
    })
}

#[track_caller]
fn assert_readable(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= COLUMNS, "too wide: {line:?}");
        assert_eq!(line.trim_end(), line, "blanks at the end");
        assert!(
            !line.chars().any(char::is_control),
            "control characters: {line:?}"
        );
    }
    assert!(text.ends_with('\n') && !text.ends_with("\n\n"));
}

#[test]
fn summaries_are_as_in_the_golden_files() {
    for (name, run) in runs::all() {
        let plain = text(&run, &run.summary(), false);
        assert_readable(&plain);
        runs::golden(&format!("{name}.txt"), &plain);
    }
}

#[test]
fn colour_changes_nothing_but_the_colour() {
    for (name, run) in runs::all() {
        let summary = run.summary();
        let coloured = text(&run, &summary, true);
        assert!(coloured.contains("\u{1b}["), "{name}");
        assert_eq!(uncoloured(&coloured), text(&run, &summary, false), "{name}");
        assert_eq!(
            uncoloured(&verdict(&summary, true)),
            verdict(&summary, false),
            "{name}"
        );
    }
}

#[test]
fn the_verdict_comes_first_and_gives_its_reason() {
    let cases: [(&str, &str); 4] = [
        (
            "chat",
            "✓ passed  all 3 thresholds hold; 100 requests, none failed\n",
        ),
        (
            "trouble",
            "✗ failed  ttft p95 < 150ms was ~≥660 ms, and 2 more; interrupted after 7.4 s\n",
        ),
        (
            "refused",
            "✗ failed  no request succeeded: 80 × connect_refused: 127.0.0.1:8080 refused the connection\n",
        ),
        (
            "plain",
            "✓ passed  4,000 requests, none failed; no threshold was set\n",
        ),
    ];
    for ((name, expected), (run_name, run)) in cases.into_iter().zip(runs::all()) {
        assert_eq!(name, run_name);
        let summary = run.summary();
        assert_eq!(verdict(&summary, false), expected);
        let first = expected.split("  ").next().unwrap();
        assert!(text(&run, &summary, false).starts_with(first), "{name}");
    }
}

#[test]
fn every_verdict_and_end_has_its_words() {
    let cases: [(Verdict, StopReason, &str); 4] = [
        (
            Verdict::Inconclusive,
            StopReason::Completed,
            "? inconclusive  too few samples to be sure of",
        ),
        (
            Verdict::Pass,
            StopReason::Threshold,
            "; a threshold stopped the run after 10.0 s\n",
        ),
        (
            Verdict::Pass,
            StopReason::Error,
            "; an error stopped the run after 10.0 s\n",
        ),
        (Verdict::Fail, StopReason::Completed, "✗ failed  "),
    ];
    let run = runs::chat();
    for (verdict_given, stop_reason, expected) in cases {
        let mut summary = run.summary();
        (summary.verdict, summary.stop_reason) = (verdict_given, stop_reason);
        let line = verdict(&summary, false);
        assert!(line.contains(expected), "{line}");
        assert_readable(&text(&run, &summary, false));
    }
}

#[test]
fn what_was_due_after_the_end_of_starting_is_told() {
    let cases = [
        (0, None),
        (1, Some("  1 more was due after the end of starting")),
        (
            2_500,
            Some("  2,500 more were due after the end of starting"),
        ),
    ];
    for (late, line) in cases {
        let mut run = runs::plain_run();
        let mut script = Script::new(&run.header.layout, ms(2_000));
        for n in 0..late {
            script.request(&runs::plain(StepIndex(0), 2_000_000 + n, 90, 200));
        }
        script.close(2_600, VusRange::steady(50));
        run.windows.extend(script.finish());
        let text = text(&run, &run.summary(), false);
        assert_readable(&text);
        let told = text.lines().find(|line| line.contains("more w"));
        let expected = line.map(|line| format!("{line} (in counts and errors only)"));
        assert_eq!(told, expected.as_deref());
    }
}

#[test]
fn an_interrupted_run_without_a_request_has_not_passed() {
    let mut run = runs::chat();
    run.windows.clear();
    let mut summary = run.summary();
    (summary.verdict, summary.stop_reason) = (Verdict::Pass, StopReason::Interrupted);
    let line = verdict(&summary, false);
    assert_eq!(line, "– interrupted  no request finished in 10.0 s\n");
}

/// Names and numbers as wide as they come, each in every place where it is shown.
#[test]
fn nothing_is_wider_than_a_terminal() {
    let wide = "a-name-that-goes-on-".repeat(12);
    let cases = [
        wide.as_str(),
        "チャットの応答時間を測る手順の名前はとても長いので幅が足りません",
        "x\u{1b}[31m\r\ny\u{202e}z",
    ];
    for name in cases {
        for (run_name, mut run) in runs::all() {
            rename(&mut run.header.layout, name);
            run.header.name = name.to_owned();
            run.header.load = name.to_owned();
            run.header.target = Some(format!("http://{name}"));
            run.header.thresholds.clear();
            for window in &mut run.windows {
                for error in &mut window.totals.errors {
                    error.message = format!("{name} {name}");
                    error.count *= 1_000_003;
                }
                for step in &mut window.totals.steps {
                    for tally in &mut step.tallies {
                        tally
                            .counters
                            .iter_mut()
                            .chain(&mut tally.in_window)
                            .for_each(|count| *count *= 1_000_003);
                    }
                }
            }
            let summary = run.summary();
            let mut bytes = Vec::new();
            let path = format!("/var/{name}/run.jsonl");
            let options = TextOptions {
                color: false,
                run_log: Some(&path),
            };
            write_text(&mut bytes, &run.header, &summary, &options).unwrap();
            let text = String::from_utf8(bytes).unwrap();
            assert_readable(&text);
            assert!(
                text.contains("run.jsonl"),
                "{run_name}: the end of a path is kept"
            );
        }
    }
}

fn rename(layout: &mut Layout, name: &str) {
    for scenario in &mut layout.scenarios {
        scenario.name = name.to_owned();
    }
    for step in &mut layout.steps {
        step.name = name.to_owned();
    }
}

#[test]
fn what_else_is_to_be_said_of_a_threshold_stands_below_it() {
    type Change = fn(&mut Judged);
    let again = |observed, seconds, fails| {
        Some(Again {
            observed,
            length: Duration::from_secs(seconds),
            fails,
            without_late: false,
        })
    };
    let without_late = |observed, fails| {
        again(Some(observed), 20, fails).map(|again| Again {
            without_late: true,
            ..again
        })
    };
    let count: Change = |judged| judged.unit = Unit::Count;
    // What is changed, the sign, the remark.
    let cases: [(Change, Option<Again>, &str, &str); 10] = [
        (
            |judged| judged.window = Some((ms(8_000), ms(11_000))),
            None,
            "✗",
            "the worst 3.0 s began at 8.0 s",
        ),
        (
            |judged| judged.stopped_at = Some(ms(12_000)),
            None,
            "✗",
            "stopped the run at 12.0 s",
        ),
        (
            |judged| {
                (judged.judged, judged.observed) = (false, None);
                judged.needs = Some(Duration::from_secs(60));
            },
            None,
            "–",
            "the run was measured for less than 1m 00s",
        ),
        (
            |_| {},
            again(Some(97.0), 20, false),
            "?",
            "the generator was late or busy, and may be to blame: 97.0 ms in the 20.0 s in which the generator kept up",
        ),
        (
            |_| {},
            again(None, 4, false),
            "?",
            "the generator was late or busy: no sample in the 4.0 s in which the generator kept up, too little to tell",
        ),
        (
            |_| {},
            again(None, 0, false),
            "?",
            "the generator was late or busy, and never kept up for a whole second",
        ),
        (
            count,
            without_late(0.0, false),
            "?",
            "the generator was late, and is to blame: 0 besides what it was late with",
        ),
        (
            count,
            without_late(7.0, true),
            "✗",
            "it fails without the generator's part too: 7 besides what it was late with",
        ),
        (
            |_| {},
            again(Some(900.0), 20, true),
            "✗",
            "it fails without the generator's part too: 900 ms in the 20.0 s in which the generator kept up",
        ),
        (
            |judged| (judged.ok, judged.may_flatter) = (true, true),
            None,
            "✓",
            "may flatter: a generator that is late or busy spares the service in a closed load",
        ),
    ];
    let run = runs::trouble();
    for (change, again, sign, remark) in cases {
        let mut summary = run.summary();
        change(&mut summary.thresholds[0]);
        summary.thresholds[0].again = again;
        let text = text(&run, &summary, false);
        assert_readable(&text);
        let from = text.find("Thresholds\n").unwrap();
        let told = &text[from..text.find("Streams ").unwrap()];
        let lines: Vec<&str> = told.lines().map(str::trim_start).collect();
        assert!(lines[1].starts_with(sign), "{told}");
        let said = lines.join(" ");
        assert!(said.contains(remark), "{said}");
    }
}

#[test]
fn a_run_whose_generator_was_the_limit_says_so_first() {
    let mut summary = runs::trouble().summary();
    summary.verdict = Verdict::Inconclusive;
    summary.thresholds[0].again = Some(Again {
        observed: Some(97.0),
        length: Duration::from_secs(20),
        fails: false,
        without_late: false,
    });
    let line = verdict(&summary, false).replace('\n', " ");
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let expected = "? inconclusive ttft p95 < 150ms was ~≥660 ms; the generator was late or busy, and may be to blame: 97.0 ms in the 20.0 s";
    assert!(line.starts_with(expected), "{line}");
}
