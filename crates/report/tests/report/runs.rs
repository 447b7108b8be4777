//! Runs made by hand, second by second, through the recorder and the ledger.

use loadgen_report::{Closing, Header, Host, RunLogWriter};
use loadgen_stats::{
    Arrival, Cut, DropReason, Ending, ErrorKind, GeneratorSample, Iteration, Layout, Ledger,
    Offset, Outcome, Recorder, RunEnd, Sample, ScenarioIndex, ScenarioLayout, SelectedTrend,
    SloLimit, StepIndex, StepLayout, StopReason, StreamSample, Summary, Totals, Trend, Usage,
    VusRange, Warning, Window,
};
use std::{sync::Arc, time::Duration};

/// A run: what was known before, its windows, its end.
pub(crate) struct Run {
    pub(crate) header: Header,
    pub(crate) windows: Vec<Window>,
    pub(crate) end: RunEnd,
    pub(crate) warnings: Vec<Warning>,
}

/// A recorder and the windows closed so far.
pub(crate) struct Script {
    layout: Arc<Layout>,
    pub(crate) recorder: Recorder,
    windows: Vec<Window>,
}

pub(crate) const STREAM: StepIndex = StepIndex(0);
pub(crate) const PLAIN: StepIndex = StepIndex(1);

pub(crate) const fn ms(millis: u64) -> Offset {
    Offset::from_nanos(millis * 1_000_000)
}

pub(crate) const fn us(micros: u64) -> Offset {
    Offset::from_nanos(micros * 1000)
}

/// A stream step alone, or with plain steps; each scenario has the steps of its line.
pub(crate) fn layout(scenarios: &[(&str, &[(&str, bool)])]) -> Layout {
    let mut layout = Layout::default();
    for (place, (name, steps)) in scenarios.iter().enumerate() {
        let first = layout.steps.len();
        layout
            .steps
            .extend(steps.iter().map(|&(name, stream)| StepLayout {
                name: name.to_owned(),
                scenario: ScenarioIndex(place),
                stream,
                slo: Vec::new(),
                role: loadgen_stats::StepRole::Request,
            }));
        layout.scenarios.push(ScenarioLayout {
            name: (*name).to_owned(),
            steps: first..layout.steps.len(),
            closed: true,
        });
    }
    layout
}

pub(crate) fn header(name: &str, layout: Layout, thresholds: &[(&str, &str)]) -> Header {
    Header {
        version: "0.1.0".to_owned(),
        name: name.to_owned(),
        load: "10 users for 10 s".to_owned(),
        plan: serde_json::json!({ "scenarios": [{ "name": name, "load": { "vus": 10, "duration_ms": 10_000 } }] }),
        plan_hash: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
        seed: 42,
        started_at: "2026-03-01T12:00:00Z".to_owned(),
        target: Some("http://127.0.0.1:8080".to_owned()),
        target_is_embedded: false,
        host: Host {
            hostname: "bench-1".to_owned(),
            os: "Linux".to_owned(),
            kernel: "6.12.0".to_owned(),
            arch: "x86_64".to_owned(),
            cpus: 8,
            memory_bytes: Some(16_000_000_000),
            open_files: Some(1_048_576),
            local_ports: Some((32_768, 60_999)),
        },
        layout,
        thresholds: thresholds
            .iter()
            .map(|&(metric, text)| (metric.to_owned(), text.to_owned()))
            .collect(),
        measured: (Offset::ZERO, ms(10_000)),
        strict: false,
        allow_all_failed: false,
    }
}

impl Script {
    pub(crate) fn new(layout: &Layout, until: Offset) -> Self {
        let layout = Arc::new(layout.clone());
        let mut recorder = Recorder::new(Arc::clone(&layout));
        recorder.measure_all(Offset::ZERO, until);
        Self {
            layout,
            recorder,
            windows: Vec::new(),
        }
    }

    /// Closes the window that ends after so many milliseconds.
    /// A request from its begin to its end.
    pub(crate) fn request(&mut self, sample: &Sample<'_>) {
        self.recorder.began(sample.step, sample.due, sample.started);
        self.recorder.request(sample);
    }

    pub(crate) fn close(&mut self, end: u64, vus: VusRange) {
        let start = self
            .windows
            .last()
            .map_or(Offset::ZERO, |window| window.end);
        let totals = self.recorder.swap(Totals::new(&self.layout));
        let generator = Some(GeneratorSample {
            workers: vec![0.1 + 0.001 * self.windows.len() as f64, 0.2],
            queued: vec![0.004, 0.001 * self.windows.len() as f64],
            cpu_percent: 31.5,
            rss_bytes: 21_000_000,
            peak_rss_bytes: 22_500_000,
            open_files: Some(40 + self.windows.len() as u64 % 5),
            ports: Some(20),
            time_wait: Some(3),
            ..GeneratorSample::default()
        });
        self.windows.push(Window {
            start,
            end: ms(end),
            vus,
            totals,
            generator,
        });
    }

    pub(crate) fn finish(self) -> Vec<Window> {
        self.windows
    }
}

impl Run {
    /// As the command line does it: the ledger sums up, the command line adds its warnings.
    pub(crate) fn summary(&self) -> Summary {
        let thresholds = self.header.parsed_thresholds().unwrap();
        let mut ledger = Ledger::new(Arc::new(self.header.layout.clone()), thresholds);
        for window in &self.windows {
            ledger.replay(window);
        }
        let mut summary = ledger.finish(&self.end);
        summary.warnings.extend(self.warnings.iter().cloned());
        summary
    }

    pub(crate) fn closing(&self) -> Closing {
        Closing {
            end: self.end.clone(),
            verdict: self.summary().verdict,
            warnings: self.warnings.clone(),
        }
    }

    /// The bytes of its log.
    pub(crate) fn log(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = RunLogWriter::new(&mut bytes, &self.header).unwrap();
        for window in &self.windows {
            writer.window(window).unwrap();
        }
        writer.close(&self.closing()).unwrap();
        assert!(writer.is_complete());
        bytes
    }
}

/// A plain request: due at `due` µs, its first byte sent 120 µs later, `took` µs long.
pub(crate) fn plain(step: StepIndex, due: u64, took: u64, status: u16) -> Sample<'static> {
    Sample {
        step,
        due: us(due),
        follows: false,
        retried: false,
        started: us(due + 40),
        connected: Some(us(due + 110)),
        dns: Duration::ZERO,
        connecting: Duration::ZERO,
        tls: Duration::ZERO,
        sent_first: Some(us(due + 120)),
        sent_last: Some(us(due + 135)),
        first_byte: Some(us(due + 120 + took * 3 / 4)),
        done: us(due + 120 + took),
        status: Some(status),
        ending: Ending::Whole,
        outcome: Outcome::Ok,
        error: None,
        bytes_sent: 412,
        bytes_received: 3_876,
        bytes_decoded: 3_400,
        checks_held: 1,
        checks_made: 1,
        resent: 0,
        usage: None,
        stream: None,
    }
}

/// The same on a fresh connection.
pub(crate) fn connecting(sample: Sample<'_>) -> Sample<'_> {
    Sample {
        dns: Duration::from_micros(310),
        connecting: Duration::from_micros(95),
        connected: Some(sample.started.after(Duration::from_micros(420))),
        ..sample
    }
}

pub(crate) fn failed<'a>(
    sample: Sample<'a>,
    ending: Ending,
    kind: ErrorKind,
    message: &'a str,
) -> Sample<'a> {
    let checks_held = if kind == ErrorKind::Check {
        0
    } else {
        sample.checks_held
    };
    Sample {
        outcome: Outcome::Failed,
        ending,
        error: Some((kind, message)),
        checks_held,
        ..sample
    }
}

/// Records a good stream of 20 tokens in 20 events: the first after `first` µs, one every `gap` µs.
pub(crate) fn stream(script: &mut Script, due: u64, first: u64, gap: u64) -> u64 {
    let sent = due + 120;
    let at = |event: u64| us(sent + first + event * gap);
    let recorder = &mut script.recorder;
    let stamp = |at: Offset, late: u64| Arrival {
        at,
        read: at.after(Duration::from_micros(late)),
        kernel: true,
        fallback: false,
        uncertainty: Duration::from_micros(12),
    };
    recorder.arrival(STREAM, us(due), &stamp(at(0), 9));
    recorder.first_output(STREAM, us(due), us(sent), at(0));
    recorder.first_output_uncertainty(STREAM, us(due), Duration::from_micros(12));
    for event in 1..20 {
        recorder.arrival(STREAM, us(due), &stamp(at(event), 9 + event % 7));
        // Every tenth pair comes together.
        let gap = if event % 10 == 0 { 0 } else { gap };
        recorder.gap(STREAM, us(due), Duration::from_micros(gap));
        recorder.output_events(STREAM, us(due), 1);
    }
    let (last, done) = (at(19), sent + first + 19 * gap + 900);
    let sample = Sample {
        first_byte: Some(us(sent + first - 500)),
        done: us(done),
        bytes_received: 5_120,
        usage: Some(Usage {
            input: 35,
            output: 20,
            reasoning: 0,
        }),
        stream: Some(StreamSample {
            first_output: Some(at(0)),
            first_text: Some(at(0)),
            last_output: Some(last),
            ended: Some(us(done)),
            events: 22,
            output_events: 20,
            output_reads: 18,
            choices: 1,
            reasoning_shown: false,
            by_second: vec![((at(0).as_nanos() / 1_000_000_000) as u32, 20)],
        }),
        ..plain(STREAM, due, 0, 200)
    };
    script.request(&sample);
    done
}

pub(crate) fn iteration(
    script: &mut Script,
    scenario: usize,
    began: u64,
    ended: u64,
    failed: bool,
) {
    let iteration = Iteration {
        scenario: ScenarioIndex(scenario),
        due: us(began),
        began: us(began),
        ended: us(ended),
        failed,
    };
    script.recorder.iteration(&iteration);
}

/// Times that differ, the same on every machine.
pub(crate) fn scatter(n: u64, around: u64, spread: u64) -> u64 {
    around + (n.wrapping_mul(2_654_435_761) >> 7) % spread.max(1)
}

/// The contract's example: ten users that chat, all well.
pub(crate) fn chat() -> Run {
    let mut layout = layout(&[("chat", &[("chat", true)])]);
    layout.steps[0].slo = vec![SloLimit {
        trend: Trend::Ttft,
        limit: Duration::from_millis(240),
    }];
    let thresholds = [
        ("ttft", "p95 < 2s"),
        ("http_req_failed", "rate < 1%"),
        ("http_req_duration{step=chat}", "p99 < 10s"),
    ];
    let mut header = header("chat", layout.clone(), &thresholds);
    header.target_is_embedded = true;
    let mut script = Script::new(&layout, ms(10_000));
    for second in 0..10_u64 {
        for user in 0..10 {
            let n = second * 10 + user;
            let due = second * 1_000_000 + user * 1_300;
            let done = stream(
                &mut script,
                due,
                scatter(n, 200_000, 60_000),
                scatter(n, 20_000, 400),
            );
            iteration(&mut script, 0, due, done, false);
        }
        script.close((second + 1) * 1000, VusRange::steady(10));
    }
    let end = RunEnd::new(
        StopReason::Completed,
        (Offset::ZERO, ms(10_000)),
        ms(10_000),
    );
    Run {
        header,
        windows: script.finish(),
        end,
        warnings: Vec::new(),
    }
}

/// Two kinds of users against a service in trouble, stopped by a signal.
pub(crate) fn trouble() -> Run {
    let mut layout = layout(&[
        ("writers", &[("chat", true)]),
        (
            "readers of everything there is to read",
            &[
                ("list", false),
                (
                    "a page with a name that is far too long for its column",
                    false,
                ),
            ],
        ),
    ]);
    layout.selected = vec![SelectedTrend {
        trend: Trend::HttpReqDuration,
        status: 200,
        step: Some(PLAIN),
        scenario: None,
    }];
    let thresholds = [
        ("ttft", "p95 < 150ms"),
        ("http_req_failed", "rate < 1%"),
        ("http_req_duration{step=list,status=200}", "p99 < 10s"),
        ("iterations", "count > 10"),
        ("ttft_text{scenario=writers}", "avg < 500ms"),
    ];
    let header = header("trouble", layout.clone(), &thresholds);
    let mut script = Script::new(&layout, ms(7_000));
    // The readers have a warm-up of their own, and too few users.
    let readers = ScenarioIndex(1);
    script.recorder.measure(readers, ms(2_000), ms(7_000));
    for (due, reason, count) in [
        (1_500, DropReason::MaxVus, 5),
        (3_500, DropReason::MaxVus, 12),
        (7_000, DropReason::End, 3),
        (4_500, DropReason::Late, 2),
        (4_600, DropReason::StopUser, 4),
    ] {
        script
            .recorder
            .dropped_iterations(readers, ms(due), reason, count);
    }
    for second in 0..7_u64 {
        for user in 0..20 {
            trouble_of(
                &mut script,
                second * 20 + user,
                second * 1_000_000 + user * 31_000,
            );
        }
        let vus = VusRange {
            last: 20,
            min: 20,
            max: 24,
        };
        script.close((second + 1) * 1000, vus);
    }
    for user in 0..23 {
        script.recorder.cut(&Cut {
            step: if user % 2 == 0 { STREAM } else { PLAIN },
            due: ms(6_900 - user * 10),
            sent_first: (user > 2).then(|| ms(6_901 - user * 10)),
            sent_last: (user > 3).then(|| ms(6_902 - user * 10)),
            sent_whole: user > 3,
            first_byte: None,
            first_output: None,
            at: ms(7_400),
            bytes_sent: 412,
            bytes_received: 0,
            resent: 0,
        });
        script
            .recorder
            .interrupted_iteration(ScenarioIndex(user as usize % 2), ms(7_000));
    }
    script.close(
        7_400,
        VusRange {
            last: 0,
            min: 0,
            max: 20,
        },
    );
    let end = RunEnd::new(
        StopReason::Interrupted,
        (Offset::ZERO, ms(7_000)),
        ms(7_400),
    );
    let warnings = vec![Warning::FilesExhausted { count: 3 }];
    Run {
        header,
        windows: script.finish(),
        end,
        warnings,
    }
}

fn trouble_of(script: &mut Script, n: u64, due: u64) {
    let took = scatter(n, 2_000, 90_000);
    let mut end = due + took;
    match n % 20 {
        0..8 => end = stream(script, due, scatter(n, 120_000, 90_000), scatter(n, 9_000, 4_000)),
        8 => script.request(&failed(
            Sample { stream: Some(StreamSample::default()), ..plain(STREAM, due, took, 200) },
            Ending::Broken,
            ErrorKind::StreamTruncated,
            "the stream ended without [DONE] and without a finish reason",
        )),
        9 => script.request(&failed(
            Sample { stream: Some(StreamSample::default()), ..plain(STREAM, due, took, 200) },
            Ending::Whole,
            ErrorKind::StreamError,
            "{\"error\":{\"message\":\"The server is overloaded or not ready yet. Please try again later, or ask whoever runs it; this text goes on and on until it is far too long for two lines of a terminal\"}}",
        )),
        10 => script.request(&failed(plain(PLAIN, due, took, 503), Ending::Whole, ErrorKind::Http5xx, "status 503: no \u{1b}[31mupstream\n\nfor you")),
        11 => script.request(&failed(
            Sample { first_byte: None, status: None, ..plain(PLAIN, due, 900_000, 200) },
            Ending::TimedOut,
            ErrorKind::Timeout,
            "no answer within 900 ms",
        )),
        12 | 13 => script.request(&Sample { outcome: Outcome::Rejected, ..plain(PLAIN, due, 400, 429) }),
        14 => script.request(&plain(StepIndex(2), due, took, 200)),
        _ => script.request(&connecting(plain(PLAIN, due, took, 200))),
    }
    iteration(
        script,
        usize::from(n % 20 >= 10),
        due,
        end,
        matches!(n % 20, 8..12),
    );
}

/// Nobody listens.
pub(crate) fn refused() -> Run {
    let layout = layout(&[("plain", &[("get", false)])]);
    let header = header("plain", layout.clone(), &[]);
    let mut script = Script::new(&layout, ms(2_000));
    for second in 0..2_u64 {
        for n in 0..40 {
            let due = second * 1_000_000 + n * 20_000;
            let sample = Sample {
                connected: None,
                sent_first: None,
                sent_last: None,
                first_byte: None,
                status: None,
                bytes_sent: 0,
                bytes_received: 0,
                bytes_decoded: 0,
                checks_held: 0,
                checks_made: 0,
                ..plain(StepIndex(0), due, 100, 200)
            };
            script.request(&failed(
                sample,
                Ending::Broken,
                ErrorKind::ConnectRefused,
                "127.0.0.1:8080 refused the connection",
            ));
            iteration(&mut script, 0, due, due + 220, true);
        }
        script.close((second + 1) * 1000, VusRange::steady(1));
    }
    let end = RunEnd::new(StopReason::Completed, (Offset::ZERO, ms(2_000)), ms(2_000));
    Run {
        header,
        windows: script.finish(),
        end,
        warnings: Vec::new(),
    }
}

/// An ad-hoc run against one URL, without thresholds.
pub(crate) fn plain_run() -> Run {
    let layout = layout(&[("http://127.0.0.1:8080/plain", &[("GET /plain", false)])]);
    let mut header = header("http://127.0.0.1:8080/plain", layout.clone(), &[]);
    header.target = None;
    header.load = "50 users for 2 s".to_owned();
    let mut script = Script::new(&layout, ms(2_000));
    for n in 0..4_000_u64 {
        let due = n * 500;
        let sample = plain(
            StepIndex(0),
            due,
            scatter(n, 90, 500) + (n % 100) * (n % 100) / 8,
            200,
        );
        script.request(&if n < 50 { connecting(sample) } else { sample });
        iteration(&mut script, 0, due, due + 700, false);
        if n % 2_000 == 1_999 {
            script.close(n.div_ceil(2), VusRange::steady(50));
        }
    }
    let end = RunEnd::new(StopReason::Completed, (Offset::ZERO, ms(2_000)), ms(2_000));
    Run {
        header,
        windows: script.finish(),
        end,
        warnings: Vec::new(),
    }
}

/// Every run, by name.
pub(crate) fn all() -> Vec<(&'static str, Run)> {
    vec![
        ("chat", chat()),
        ("trouble", trouble()),
        ("refused", refused()),
        ("plain", plain_run()),
    ]
}

/// Compares with a golden file, or writes it where `GOLDEN=write` is set.
#[track_caller]
pub(crate) fn golden(file: &str, found: &str) {
    let path = format!("{}/tests/report/golden/{file}", env!("CARGO_MANIFEST_DIR"));
    compare(&path, found);
}

/// Compares with a committed file, or writes it where `GOLDEN=write` is set.
#[track_caller]
#[expect(
    clippy::disallowed_methods,
    reason = "how a person asks for new golden files"
)]
pub(crate) fn compare(path: &str, found: &str) {
    if std::env::var("GOLDEN").is_ok_and(|value| value == "write") {
        std::fs::write(path, found).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == expected,
        "{path} differs; to write it anew: GOLDEN=write cargo test -p loadgen-report\n{found}"
    );
}
