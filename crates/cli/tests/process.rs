//! The program as a process: signals, pipes, sudden death.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

use loadgen_testkit::{ScriptedServer, Step as ScriptStep};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
};
use tempfile::TempDir;

/// Requests that take a second each, for as long as a test could take.
const SLOW: &str = r#"
name = "slow"
target = "mock"

[load]
vus = 3
duration = "10m"
graceful_stop = "10m"

[mock]
plain_time = "PLAIN"

[[step]]
get = "/plain"
"#;

fn command(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command
        .args(words)
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null());
    command
}

fn folder(plain_time: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("slow.toml"),
        SLOW.replace("PLAIN", plain_time),
    )
    .unwrap();
    folder
}

/// A run whose first window is in its log.
fn started(folder: &Path, words: &[&str]) -> Child {
    let all = [
        &[
            "run",
            "slow.toml",
            "--out",
            "log=run.jsonl",
            "--out",
            "json=out.json",
        ],
        words,
    ]
    .concat();
    let child = command(folder, &all)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_windows(folder, 1);
    child
}

/// Waits until so many windows are in the log, for a minute at most.
fn wait_for_windows(folder: &Path, count: usize) {
    let log = folder.join("run.jsonl");
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    while tokio::time::Instant::now() < deadline {
        // The head is the first line.
        if fs::read_to_string(&log).is_ok_and(|text| text.lines().count() > count) {
            return;
        }
        std::thread::yield_now();
    }
    panic!("no window within a minute");
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

/// Reads what the program says on stderr up to a line that contains this.
fn hear(child: &mut Child, text: &str) -> String {
    let mut heard = String::new();
    let mut reader = BufReader::new(child.stderr.as_mut().unwrap());
    while !heard.contains(text) {
        assert!(
            reader.read_line(&mut heard).unwrap() > 0,
            "it never said {text:?}: {heard}"
        );
    }
    heard
}

fn summary(folder: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join("out.json")).unwrap()).unwrap()
}

fn report(folder: &Path) -> Output {
    let words = ["report", "run.jsonl", "--out", "json=report.json"];
    command(folder, &words).output().unwrap()
}

#[test]
fn the_first_signal_lets_requests_finish() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let folder = folder("1s");
        let mut child = started(folder.path(), &[]);
        send(&child, signal);
        assert!(hear(&mut child, "stopping").contains("stopping"));
        let code = child.wait().unwrap().code();
        assert_eq!(code, Some(130));
        let summary = summary(folder.path());
        assert_eq!(summary["stop_reason"], "interrupted");
        assert_eq!(summary["in_flight"]["count"], 0, "they were let finish");
        assert_eq!(summary["metrics"]["http_req_failed"]["hits"], 0);
    }
}

#[test]
fn the_second_signal_cuts_them_and_still_reports() {
    let folder = folder("1h");
    let mut child = started(folder.path(), &["--allow-all-failed"]);
    send(&child, Signal::SIGINT);
    hear(&mut child, "stopping");
    send(&child, Signal::SIGINT);
    hear(&mut child, "cutting");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let summary = summary(folder.path());
    assert_eq!(summary["in_flight"]["count"], 3);
    assert_eq!(summary["metrics"]["interrupted_iterations"]["count"], 3);
    assert!(report(folder.path()).status.success());
}

#[test]
fn a_failed_threshold_outranks_the_signal() {
    let folder = folder("10ms");
    let mut child = started(
        folder.path(),
        &["--threshold", "http_reqs: count > 1_000_000"],
    );
    send(&child, Signal::SIGINT);
    assert_eq!(ended(&mut child).code(), Some(99));
}

/// Waits for the end while what it says is read, so that it never waits for room.
fn ended(child: &mut Child) -> ExitStatus {
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    child.wait().unwrap()
}

#[test]
fn the_third_signal_ends_it_at_once_with_a_readable_log() {
    let folder = folder("1h");
    // A pipe that is full and never read: after the second signal the program hangs in its last words.
    let (_reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[b' '; 64 * 1024]).unwrap();
    let words = ["run", "slow.toml", "--out", "log=run.jsonl"];
    let mut child = command(folder.path(), &words)
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_windows(folder.path(), 1);
    send(&child, Signal::SIGINT);
    hear(&mut child, "stopping");
    send(&child, Signal::SIGTERM);
    hear(&mut child, "cutting");
    send(&child, Signal::SIGINT);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(report(folder.path()).status.success());
}

#[test]
fn a_killed_run_is_reported() {
    let folder = folder("10ms");
    let mut child = started(folder.path(), &[]);
    wait_for_windows(folder.path(), 2);
    send(&child, Signal::SIGKILL);
    assert_eq!(child.wait().unwrap().code(), None, "the signal ended it");
    let output = report(folder.path());
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("log-incomplete"), "{text}");
    let report: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("report.json")).unwrap())
            .unwrap();
    assert!(report["metrics"]["http_reqs"]["count"].as_u64().unwrap() > 0);
    assert_eq!(report["stop_reason"], "interrupted");
}

/// The log may not grow past the limit: the run goes on without it, and reports.
#[test]
fn a_file_that_may_not_grow_ends_no_run() {
    let folder = folder("1ms");
    let words = "run slow.toml --vus 1 --duration 2s --out log=run.jsonl";
    let script = format!("ulimit -f 4 && exec \"$0\" {words}");
    let output = Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_loadgen")])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{:?} {told}", output.status);
    assert!(
        told.contains("the run log `run.jsonl` is incomplete"),
        "{told}"
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("passed"));
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let folder = folder("1ms");
    let words = ["run", "slow.toml", "--iterations", "3", "--vus", "1"];
    for words in [
        &words[..],
        &["schema"],
        &["--help"],
        &["check", "slow.toml"],
    ] {
        let mut child = command(folder.path(), words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // As `| head -0`.
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {said}");
        assert!(
            !said.contains("panicked") && !said.contains("error"),
            "{words:?}: {said}"
        );
    }
}

#[test]
fn the_mock_serves_until_a_signal() {
    let folder = folder("1ms");
    let words = [
        "mock",
        "--port",
        "0",
        "--tokens",
        "2",
        "--plain-time",
        "1ms",
        "--workers",
        "2",
    ];
    let mut child = command(folder.path(), &words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    let url = line
        .split_whitespace()
        .find_map(|word| word.strip_suffix(';'))
        .unwrap();
    let words = [
        "run",
        &format!("{url}/plain"),
        "-n",
        "3",
        "-c",
        "1",
        "--no-log",
    ];
    let output = command(folder.path(), &words).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    send(&child, Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn runs_leave_their_logs_side_by_side() {
    let folder = folder("1ms");
    for _ in 0..2 {
        let words = ["run", "slow.toml", "--iterations", "1", "--vus", "1"];
        assert_eq!(
            command(folder.path(), &words)
                .output()
                .unwrap()
                .status
                .code(),
            Some(0)
        );
    }
    let logs: Vec<PathBuf> = fs::read_dir(folder.path().join(".loadgen/runs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(logs.len(), 2, "{logs:?}");
    let output = command(folder.path(), &["report"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).contains("passed"));
}

/// The old script's arguments, carried out by this program.
fn load_test(words: &[&str], more: &[(&str, &str)]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/load-test.sh");
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("bash");
    command
        .arg(script.canonicalize().unwrap())
        .args(words)
        .current_dir(folder.path())
        .env("LOADGEN", env!("CARGO_BIN_EXE_loadgen"))
        .env("LOADGEN_OPTIONS", "--no-log --quiet")
        .envs(more.iter().copied())
        .stdin(Stdio::null());
    command.output().unwrap()
}

#[test]
fn old_pipelines_go_on_with_the_old_script() {
    let answer = |status: &str| format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok");
    let serve = |status: &str| {
        let turn = [ScriptStep::ReadRequest, ScriptStep::write(answer(status))];
        ScriptedServer::repeat(turn.into_iter().cycle().take(20_000).collect()).unwrap()
    };
    let json = r#"{"say": "it's {{ two }} \"words\""}"#;
    for (status, body, code, line) in [
        ("200 OK", "", 0, "GET /x HTTP/1.1"),
        ("200 OK", json, 0, "POST /x HTTP/1.1"),
        ("503 Busy", "", 99, "GET /x HTTP/1.1"),
    ] {
        let server = serve(status);
        let words = [&server.url("/x"), "t0ken-of-ours", "2", "1"];
        let output = load_test(&words, &[("LOAD_TEST_BODY", body)]);
        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(!told.contains("t0ken-of-ours"), "{told}");
        let sent = server.received();
        assert!(sent.len() >= 2, "each user has a connection: {told}");
        let text = String::from_utf8_lossy(&sent[0]).into_owned();
        assert!(text.starts_with(line), "{text}");
        assert!(
            text.contains("authorization: Bearer t0ken-of-ours\r\n"),
            "{text}"
        );
        assert!(text.contains(&format!("\r\n\r\n{body}")), "{text}");
    }
    for words in [
        &["http://127.0.0.1:9/", "t", "2"][..],
        &["http://127.0.0.1:9/", "t", "2", "1s"],
    ] {
        assert_eq!(load_test(words, &[]).status.code(), Some(2), "{words:?}");
    }
}
