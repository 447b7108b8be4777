//! Tests of the probes: real commands, canned answers.

use super::*;
use loadgen_engine::{ErrorKind, Failure, Origin, ProcessFigure, StreamSink, WhichProcess};
use std::{borrow::Cow, fs, io};

/// Answers every request with one status and body; without a status nobody is there.
#[derive(Clone)]
struct Canned(Option<u16>, &'static str);

impl Connect for Canned {
    type Connector = Self;

    fn connector(&self, _: usize) -> io::Result<Self> {
        Ok(self.clone())
    }
}

impl Connector for Canned {
    type Connection = Self;

    fn connection(&self) -> Self {
        self.clone()
    }
}

impl Connection for Canned {
    async fn call(&mut self, call: &Call<'_>, exchange: &mut Exchange, _: &mut dyn StreamSink) {
        assert_eq!(
            (call.method, call.message.path.as_ref()),
            (Method::Get, "/stats")
        );
        exchange.status = self.0;
        exchange.body = self.1.as_bytes().to_vec();
        if self.0.is_none() {
            exchange.failure = Some(Failure {
                kind: ErrorKind::ConnectRefused,
                message: "connection refused".to_owned(),
            });
        }
    }
}

fn request() -> Rendered<'static> {
    Rendered {
        origin: Cow::Owned(Origin {
            tls: false,
            host: "localhost".to_owned(),
            port: 9,
        }),
        path: "/stats".into(),
        headers: Cow::Owned(Vec::new()),
        body: Cow::Borrowed(&[]),
    }
}

fn shell(line: &str) -> ProbeSource {
    ProbeSource::Command(["sh", "-c", line].map(ToOwned::to_owned).to_vec())
}

fn probe(source: ProbeSource, timeout: Duration) -> Probe {
    Probe {
        layout: loadgen_engine::ProbeLayout {
            name: "p".to_owned(),
            unit: loadgen_engine::Unit::Count,
            warn: None,
            critical: None,
        },
        source,
        every: Duration::from_millis(100),
        timeout,
    }
}

fn start(probe: Probe, canned: Canned, commands: &Commands) -> Probes {
    let questions = Questions {
        probes: vec![probe],
        secrets: vec![SECRET.to_owned()],
        commands: commands.clone(),
    };
    Probes::start(questions, canned).unwrap()
}

/// Longer than what is told of an answer.
const SECRET: &str = "0123456789abcdefghijklmnopqrstuvwxyz-0123456789abcdefghijklmnopqrstuvwxyz";

/// The first outcome of a probe.
fn first(source: ProbeSource, timeout: Duration, canned: Canned) -> Result<f64, String> {
    let mut probes = start(probe(source, timeout), canned, &Commands::default());
    let sample = probes.samples.blocking_recv().unwrap();
    assert_eq!(sample.probe, ProbeIndex(0));
    sample.outcome
}

#[track_caller]
fn check(source: ProbeSource, canned: Canned, expected: Result<f64, &str>) {
    let outcome = first(source, Duration::from_secs(60), canned);
    match (&outcome, expected) {
        (Err(reason), Err(part)) => assert!(reason.contains(part), "{reason}, not {part}"),
        (outcome, expected) => assert_eq!(outcome.clone().ok(), expected.ok(), "{outcome:?}"),
    }
}

#[test]
fn a_command_gives_a_number_or_a_reason() {
    let nobody = || Canned(None, "");
    check(shell("echo 42.5"), nobody(), Ok(42.5));
    check(
        shell("echo many"),
        nobody(),
        Err("it wrote `many`, no number"),
    );
    check(shell("true"), nobody(), Err("it wrote nothing"));
    check(
        shell("echo 5; echo no database >&2; exit 3"),
        nobody(),
        Err("exit status: 3: no database"),
    );
    check(shell("exit 3"), nobody(), Err("exit status: 3"));
    let absent = ProbeSource::Command(vec!["/no/such/program".to_owned()]);
    check(absent, nobody(), Err("cannot start /no/such/program"));
    // It would not end by itself.
    check(shell("yes"), nobody(), Err("it wrote more than 64 KiB"));
}

#[test]
fn a_service_gives_a_number_or_a_reason() {
    let pointer = || ProbeSource::Http {
        request: request(),
        pointer: "/used".to_owned(),
    };
    let asked = || ProbeSource::Prometheus(request());
    let good = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"7"]}}"#;
    check(pointer(), Canned(Some(200), r#"{"used":7}"#), Ok(7.0));
    check(pointer(), Canned(Some(200), "{}"), Err("nothing at /used"));
    check(
        pointer(),
        Canned(Some(503), r#"{"used":7}"#),
        Err("status 503"),
    );
    check(pointer(), Canned(None, ""), Err("connection refused"));
    check(asked(), Canned(Some(200), good), Ok(7.0));
    let refused = r#"{"status":"error","error":"parse error"}"#;
    check(
        asked(),
        Canned(Some(400), refused),
        Err("Prometheus says: parse error"),
    );
    check(asked(), Canned(Some(404), "not found"), Err("status 404"));
}

#[test]
fn a_process_is_looked_at() {
    let own = |figure| ProbeSource::Process {
        which: WhichProcess::Id(std::process::id()),
        figure,
    };
    let outcome = first(
        own(ProcessFigure::Threads),
        Duration::from_secs(60),
        Canned(None, ""),
    );
    assert!(
        outcome.clone().is_ok_and(|threads| threads >= 2.0),
        "{outcome:?}"
    );
    let cpu = first(
        own(ProcessFigure::Cpu),
        Duration::from_secs(60),
        Canned(None, ""),
    );
    assert!(cpu.clone().is_ok_and(|used| used >= 0.0), "{cpu:?}");
}

/// Whether a process is gone, or dead and only not fetched yet.
fn is_dead(id: &str) -> bool {
    match fs::read_to_string(format!("/proc/{}/stat", id.trim())) {
        Ok(stat) => stat
            .rsplit_once(") ")
            .is_some_and(|(_, state)| state.starts_with('Z')),
        Err(_) => true,
    }
}

#[track_caller]
fn dies(id: &str) {
    let begun = Instant::now();
    while !is_dead(id) {
        assert!(
            begun + Duration::from_secs(20) > Instant::now(),
            "{id} lives on"
        );
        thread::yield_now();
    }
}

#[test]
fn a_command_that_hangs_is_killed_with_all_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("ids");
    let line = format!(
        "sleep 1000 & echo $! > {0}; echo $$ >> {0}; wait",
        place.display()
    );
    let mut probe = probe(shell(&line), Duration::from_millis(1500));
    probe.every = Duration::from_secs(1000);
    let mut probes = start(probe, Canned(None, ""), &Commands::default());
    let sample = probes.samples.blocking_recv().unwrap();
    assert_eq!(sample.outcome.unwrap_err(), "no answer in 1.5 s");
    let ids = fs::read_to_string(&place).unwrap();
    assert_eq!(ids.lines().count(), 2, "{ids}");
    ids.lines().for_each(dies);
}

#[test]
fn the_end_of_the_run_or_of_the_program_kills_what_still_runs() {
    let check = |end: fn(Probes, &Commands) -> Option<Probes>| {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("id");
        let line = format!(
            "echo $$ > {0}.new; mv {0}.new {0}; sleep 1000",
            place.display()
        );
        let commands = Commands::default();
        let probe = probe(shell(&line), Duration::from_secs(1000));
        let probes = start(probe, Canned(None, ""), &commands);
        let begun = Instant::now();
        while !place.exists() {
            assert!(
                begun + Duration::from_secs(20) > Instant::now(),
                "it never began"
            );
            thread::yield_now();
        }
        let _still_there = end(probes, &commands);
        dies(&fs::read_to_string(&place).unwrap());
    };
    check(|probes, _| {
        drop(probes);
        None
    });
    // The program is about to exit, and drops nothing.
    check(|probes, commands| {
        commands.end();
        Some(probes)
    });
    let ended = Commands::default();
    ended.end();
    let mut probes = start(
        probe(shell("echo 5"), Duration::from_secs(60)),
        Canned(None, ""),
        &ended,
    );
    let sample = probes.samples.blocking_recv().unwrap();
    assert!(sample.outcome.unwrap_err().contains("cannot start sh"));
}

#[test]
fn what_a_command_leaves_behind_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("id");
    let line = format!(
        "sleep 1000 > /dev/null 2>&1 & echo $! > {}; echo 5",
        place.display()
    );
    check(shell(&line), Canned(None, ""), Ok(5.0));
    dies(&fs::read_to_string(&place).unwrap());
}

#[test]
fn no_reason_tells_a_secret_nor_half_of_one() {
    let check = |source, canned| {
        let reason = first(source, Duration::from_secs(60), canned).unwrap_err();
        assert!(reason.contains("invalid token ***"), "{reason}");
        assert!(!reason.contains(&SECRET[..8]), "{reason}");
    };
    let answer: &'static str = format!("invalid token {SECRET} of you").leak();
    let http = ProbeSource::Http {
        request: request(),
        pointer: "/used".to_owned(),
    };
    check(shell(&format!("echo '{answer}'")), Canned(None, ""));
    check(http, Canned(Some(200), answer));
}

#[test]
fn without_probes_there_is_no_thread() {
    let mut probes = Probes::start(Questions::default(), Canned(None, "")).unwrap();
    assert!(probes.thread.is_none() && probes.take().is_empty());
}
