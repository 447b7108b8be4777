//! The run log: what was written comes out again, however the writer ended.

use crate::runs::{self, Run, ms};
use loadgen_report::{
    Error, LogEnd, RUN_LOG_SCHEMA, Replayed, RunLogReader, RunLogWriter, TextOptions, replay,
    write_json, write_text,
};
use loadgen_stats::{StopReason, Summary, Verdict, VusRange, Window};
use proptest::prelude::*;
use std::{
    io::{self, Write},
    sync::OnceLock,
};

fn read(bytes: &[u8]) -> Result<Replayed, Error> {
    replay(RunLogReader::new(bytes)?)
}

fn json(run: &Run, summary: &Summary) -> String {
    let mut bytes = Vec::new();
    write_json(&mut bytes, &run.header, summary).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Every window and the way the log ends.
fn contents(bytes: &[u8]) -> Result<(Vec<Window>, LogEnd), Error> {
    let mut reader = RunLogReader::new(bytes)?;
    let mut windows = Vec::new();
    while let Some(window) = reader.next_window()? {
        windows.push(window);
    }
    Ok((windows, reader.end().unwrap().clone()))
}

#[test]
fn everything_comes_out_again() {
    for (name, run) in runs::all() {
        let log = run.log();
        let reader = RunLogReader::new(log.as_slice()).unwrap();
        assert_eq!(reader.header(), &run.header, "{name}");
        let (windows, end) = contents(&log).unwrap();
        assert_eq!(windows, run.windows, "{name}");
        assert_eq!(end, LogEnd::Closed(Box::new(run.closing())), "{name}");
    }
}

#[test]
fn a_replayed_run_has_the_same_summary() {
    for (name, run) in runs::all() {
        let replayed = read(&run.log()).unwrap();
        assert!(replayed.is_complete);
        assert_eq!(
            json(&run, &replayed.summary),
            json(&run, &run.summary()),
            "{name}"
        );
        assert_eq!(replayed.summary, run.summary(), "{name}");
    }
}

/// As `kill -9` leaves it: cut at every byte of the last records.
#[test]
fn a_killed_run_loses_at_most_the_torn_line() {
    let run = short(runs::refused());
    let log = run.log();
    let ends: Vec<usize> = log
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at + 1)
        .collect();
    assert_eq!(ends.len(), 4);
    for cut in ends[0]..=log.len() {
        let (windows, end) = contents(&log[..cut]).unwrap();
        // A record is whole without its line end as well.
        let whole = ends.iter().filter(|&&end| end <= cut + 1).count() - 1;
        assert_eq!(
            windows,
            run.windows[..whole.min(run.windows.len())],
            "cut at {cut}"
        );
        let torn = !ends.iter().any(|&end| end == cut || end == cut + 1);
        match end {
            LogEnd::Closed(closing) => assert!(cut + 1 >= log.len() && *closing == run.closing()),
            LogEnd::Early { torn: found } => assert_eq!(found, torn, "cut at {cut}"),
        }
    }
}

#[test]
fn a_log_that_ends_early_is_summed_up_as_interrupted() {
    let run = runs::chat();
    let log = run.log();
    let lines: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
    let cases = [
        (4, 0, "without its closing record"),
        (4, 100, "in the middle of a record"),
        (1, 0, "without its closing"),
    ];
    for (whole, part, how) in cases {
        let mut cut = lines[..whole].concat();
        cut.extend_from_slice(&lines[whole][..part]);
        let Replayed {
            summary,
            is_complete,
            header,
            measured,
            stress: None,
        } = read(&cut).unwrap()
        else {
            panic!("a run is no search");
        };
        assert!(!is_complete);
        assert_eq!(measured.1.as_duration(), summary.duration);
        assert_eq!(summary.stop_reason, StopReason::Interrupted);
        assert_ne!(summary.verdict, Verdict::Pass);
        assert_eq!(summary.duration.as_secs(), whole as u64 - 1);
        assert_eq!(summary.windows.len(), whole - 1);
        let warning = summary.warnings.first().unwrap();
        assert_eq!(warning.code(), "log-incomplete");
        assert!(warning.message().contains(how), "{}", warning.message());
        let mut text = Vec::new();
        write_text(&mut text, &header, &summary, &TextOptions::default()).unwrap();
        assert!(String::from_utf8(text).unwrap().contains("log-incomplete"));
    }
}

#[test]
fn what_is_no_log_or_damaged_is_told_with_its_line() {
    let log = String::from_utf8(runs::trouble().log()).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    // The log with one line put another way.
    let with = |line: usize, changed: String| {
        let mut all: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
        all[line - 1] = changed;
        all.join("\n") + "\n"
    };
    let replace = |line: usize, from: &str, to: &str| {
        assert!(
            lines[line - 1].contains(from),
            "{from} is not in line {line}"
        );
        with(line, lines[line - 1].replacen(from, to, 1))
    };
    let swapped = format!("{}\n{}\n{}\n{}\n", lines[0], lines[2], lines[1], lines[3]);
    let missing: String = log
        .lines()
        .enumerate()
        .filter(|&(at, _)| at != 3)
        .map(|(_, line)| format!("{line}\n"))
        .collect();
    let hdr = |text: &str| {
        let start = text.find("\"hdr\":\"").unwrap() + 7;
        text[start..].split('"').next().unwrap().to_owned()
    };
    let first_hdr = hdr(lines[1]);
    // From the count of a distribution to its histogram.
    let end = lines[1].find(&first_hdr).unwrap();
    let counted = lines[1][lines[1][..end].rfind("\"n\":").unwrap()..end].to_owned();
    let cases: Vec<(String, &str)> = vec![
        (String::new(), "no run log of loadgen: it is empty"),
        ("\n".to_owned(), "no run log of loadgen: its first line"),
        (
            "hello\nworld\n".to_owned(),
            "no run log of loadgen: its first line",
        ),
        (
            "{\"schema\":\"loadgen.summary/1\"}\n".to_owned(),
            "names the schema \"loadgen.summary/1\"",
        ),
        (
            "{\"schema\":\"loadgen.runlog/x\"}\n".to_owned(),
            "names the schema",
        ),
        (
            "{\"schema\":\"loadgen.runlog/2\"}\n".to_owned(),
            "has the format loadgen.runlog/2, this loadgen reads loadgen.runlog/1",
        ),
        (
            format!("{{\"schema\":\"{RUN_LOG_SCHEMA}\"}}\n"),
            "line 1 of the run log is damaged: missing field",
        ),
        (
            replace(1, "rate < 1%", "rate << 1%"),
            "line 1 of the run log is damaged: the threshold `http_req_failed: rate << 1%`",
        ),
        (
            with(3, "garbage".to_owned()),
            "line 3 of the run log is damaged: expected value",
        ),
        (with(3, String::new()), "line 3 of the run log is damaged"),
        (
            with(4, lines[3][..90].to_owned()),
            "line 4 of the run log is damaged: EOF",
        ),
        (
            replace(2, "\"max_vus\":12", "\"max_vus\":11"),
            "line 2 of the run log is damaged: the reasons of dropped iterations do not add up",
        ),
        (
            replace(2, "\"max_vus\":12", "\"max_vux\":12"),
            "line 2 of the run log is damaged: there is no reason to drop an iteration `max_vux`",
        ),
        (
            replace(3, "{\"window\"", "{\"windoo\""),
            "line 3 of the run log is damaged: unknown variant",
        ),
        (
            swapped,
            "line 3 of the run log is damaged: an interval from 0 s to 1 s cannot follow one up to 2 s",
        ),
        (
            missing,
            "line 9 of the run log is damaged: the log has 7 intervals where its end tells of 8",
        ),
        (
            format!("{log}{}\n", lines[2]),
            "line 11 of the run log is damaged: it follows the closing record",
        ),
        (
            replace(2, "\"0\":{", "\"7\":{"),
            "line 2 of the run log is damaged: the header has no step number 7",
        ),
        (
            replace(2, "\"http_reqs\"", "\"http_rags\""),
            "there is no counter `http_rags`",
        ),
        (
            replace(2, "\"http_req_failed\"", "\"http_req_fooled\""),
            "there is no rate `http_req_fooled`",
        ),
        (
            replace(2, "\"tpot.ok\"", "\"tpot.yes\""),
            "there is no outcome `yes`",
        ),
        (
            replace(2, "\"tpot.ok\"", "\"typo.ok\""),
            "there is no trend `typo`",
        ),
        (
            replace(2, "stream_truncated", "stream_mutated"),
            "there is no error kind `stream_mutated`",
        ),
        (
            replace(2, "\"max_ns\":", "\"max_ns\":9"),
            "contradict its histogram",
        ),
        (
            replace(2, "\"sum_ns\":", "\"sum_ns\":9"),
            "contradict its histogram",
        ),
        (
            replace(2, &counted, &counted.replace("\"n\":", "\"n\":9")),
            "samples where",
        ),
        (
            replace(2, "\"http_reqs\":", "\"http_reqs\":9999999999999"),
            "out of all bounds",
        ),
        (
            replace(2, &first_hdr, "*"),
            "line 2 of the run log is damaged: a histogram is no base64",
        ),
        (
            replace(2, &first_hdr, "AAAA"),
            "a histogram is broken: it is too short",
        ),
        (
            replace(2, &first_hdr, "AAAAAAAAAAA="),
            "it is not in the compressed V2 encoding",
        ),
        (
            replace(2, &first_hdr[..20], &first_hdr[4..24]),
            "line 2 of the run log is damaged: a histogram is",
        ),
        (
            replace(10, "\"interrupted\"", "\"exploded\""),
            "there is no reason to stop `exploded`",
        ),
        (
            replace(10, "\"fail\"", "\"fool\""),
            "there is no verdict `fool`",
        ),
    ];
    for (bytes, expected) in cases {
        match read(bytes.as_bytes()) {
            Err(error) => assert!(
                error.to_string().contains(expected),
                "{error}\nis not: {expected}"
            ),
            Ok(_) => panic!("this was read: {expected}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    /// Bytes changed, put in or left out anywhere: an error or a summary, never a panic.
    #[test]
    fn no_damage_makes_the_reader_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..6_u8), 1..4),
    ) {
        let mut log = small_log();
        for (place, byte, how) in changes {
            let at = place.index(log.len());
            match how {
                0 => log[at] = byte,
                1 => log[at] = b"0123456789"[usize::from(byte) % 10],
                2 => log.insert(at, byte),
                3 => drop(log.remove(at)),
                _ => exaggerate(&mut log, at, byte),
            }
        }
        if let Ok(Replayed { header, summary, .. }) = read(&log) {
            let mut out = Vec::new();
            write_text(&mut out, &header, &summary, &TextOptions { color: true, run_log: None }).unwrap();
            write_json(&mut out, &header, &summary).unwrap();
        }
    }
}

/// Puts an extreme number in the place of the first one from there on.
fn exaggerate(log: &mut Vec<u8>, from: usize, choice: u8) {
    const EXTREMES: [&str; 8] = [
        "0",
        "18446744073709551615",
        "9223372036854775807",
        "1099511627776",
        "-1",
        "1e308",
        "0.5",
        "4294967295",
    ];
    let digit = |at: &usize| log[*at].is_ascii_digit();
    let Some(start) = (from..log.len()).find(digit) else {
        return;
    };
    let end = (start..log.len())
        .find(|at| !digit(at))
        .unwrap_or(log.len());
    let extreme = EXTREMES[usize::from(choice) % EXTREMES.len()];
    log.splice(start..end, extreme.bytes());
}

/// The header, two windows and the end of a run.
fn small_log() -> Vec<u8> {
    static LOG: OnceLock<Vec<u8>> = OnceLock::new();
    LOG.get_or_init(|| short(runs::trouble()).log()).clone()
}

fn short(mut run: Run) -> Run {
    run.windows.truncate(2);
    run
}

#[test]
fn windows_are_gathered_after_the_first_hour() {
    let run = runs::chat();
    let mut bytes = Vec::new();
    let mut writer = RunLogWriter::new(&mut bytes, &run.header).unwrap();
    let window = |second: u64, end: u64| Window {
        start: ms(second * 1000),
        end: ms(end),
        vus: VusRange::steady(second),
        ..run.windows[0].clone()
    };
    for second in 3590..3625 {
        // The ticker is never exact.
        writer
            .window(&window(second, second * 1000 + 1000 - second % 3))
            .unwrap();
    }
    writer.close(&run.closing()).unwrap();
    let (windows, _) = contents(&bytes).unwrap();
    let spans: Vec<(u64, u64)> = windows
        .iter()
        .map(|window| {
            (
                window.start.as_nanos() / 1_000_000,
                window.end.as_nanos() / 1_000_000,
            )
        })
        .collect();
    assert_eq!(spans[..2], [(3_590_000, 3_590_998), (3_591_000, 3_592_000)]);
    assert_eq!(
        spans[10..],
        [
            (3_600_000, 3_610_000),
            (3_610_000, 3_620_000),
            (3_620_000, 3_624_998)
        ]
        .map(|(start, end)| {
            (
                start,
                windows
                    .iter()
                    .map(|window| window.end.as_nanos() / 1_000_000)
                    .filter(|&at| at.abs_diff(end) < 3)
                    .max()
                    .unwrap(),
            )
        })
    );
    assert_eq!(
        windows[10].vus,
        VusRange {
            last: 3609,
            min: 3600,
            max: 3609
        }
    );
    let count = |window: &Window| window.totals.steps[0].outcomes[0];
    assert_eq!(
        (count(&windows[0]), count(&windows[10]), count(&windows[12])),
        (10, 100, 50)
    );
}

#[test]
fn gathered_windows_change_no_figure() {
    let mut run = runs::chat();
    let windows = (3_590..3_625_u64).zip(run.windows.iter().cycle());
    run.windows = windows
        .map(|(second, window)| Window {
            start: ms(second * 1000),
            end: ms(second * 1000 + 1000),
            ..window.clone()
        })
        .collect();
    run.end.measured.1 = ms(3_625_000);
    run.end.ended = ms(3_625_000);
    let (live, replayed) = (run.summary(), read(&run.log()).unwrap().summary);
    assert!(replayed.windows.len() < live.windows.len());
    assert_eq!(
        Summary {
            windows: live.windows.clone(),
            ..replayed
        },
        live
    );
}

/// A disk with so much room.
struct Disk {
    room: usize,
    writes: usize,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writes += 1;
        if self.room == 0 {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                "no space left on device",
            ));
        }
        let taken = bytes.len().min(self.room);
        self.room -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_told_once() {
    let run = runs::chat();
    let mut disk = Disk {
        room: run.log().len() / 2,
        writes: 0,
    };
    let mut writer = RunLogWriter::new(&mut disk, &run.header).unwrap();
    let errors = run
        .windows
        .iter()
        .filter(|window| writer.window(window).is_err())
        .count();
    assert_eq!(errors, 1);
    assert!(!writer.is_complete());
    writer.close(&run.closing()).unwrap();
    let writes = disk.writes;
    assert!(writes < run.windows.len() + 2, "{writes} writes");
    let mut full = Disk { room: 0, writes: 0 };
    assert!(RunLogWriter::new(&mut full, &run.header).is_err());
}

#[test]
fn every_record_is_one_write_of_one_line() {
    struct Lines(Vec<Vec<u8>>);
    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push(bytes.to_vec());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let run = runs::trouble();
    let mut lines = Lines(Vec::new());
    let mut writer = RunLogWriter::new(&mut lines, &run.header).unwrap();
    for window in &run.windows {
        writer.window(window).unwrap();
    }
    writer.close(&run.closing()).unwrap();
    assert_eq!(lines.0.len(), run.windows.len() + 2);
    for line in &lines.0 {
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(line.last(), Some(&b'\n'));
    }
}

#[test]
fn no_secret_of_the_target_is_written() {
    let mut run = runs::plain_run();
    run.header.target = Some("https://me:secret@host:8443/api".to_owned());
    let log = String::from_utf8(run.log()).unwrap();
    let json = json(&run, &run.summary());
    let mut text = Vec::new();
    write_text(
        &mut text,
        &run.header,
        &run.summary(),
        &TextOptions::default(),
    )
    .unwrap();
    let text = String::from_utf8(text).unwrap();
    for shown in [log, json, text] {
        assert!(
            shown.contains("host:8443") && !shown.contains("secret"),
            "{shown:.500}"
        );
    }
}
