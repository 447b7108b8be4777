//! What a hundred thresholds cost: of one core, counted by itself, and of the throughput of a flood.
//!
//! Sixty of the hundred judge sliding windows of 10 and 30 s, ten of them may stop the run, on eleven metrics.
//!
//! `cargo run --release -p loadgen-benches --example hundred_thresholds [SECONDS [ROUNDS]]`

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use loadgen_benches::bed::{Watcher, argument, arguments, carry_out, plan};
use loadgen_http::{HttpConnect, Options};
use loadgen_mock::Mock;
use loadgen_scenario::{Given, Overrides};
use loadgen_stats::{
    Ending, GeneratorSample, Ledger, Offset, Outcome, Recorder, Sample, StepIndex, VusRange,
};
use std::{
    error::Error,
    fmt::Write as _,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

const SCENARIO: &str = r#"
[load]
vus = 50
duration = "10s"
[[step]]
name = "plain"
get = "/plain"
[thresholds]
"#;

const METRICS: [&str; 11] = [
    "http_req_duration",
    "http_req_latency",
    "http_req_blocked",
    "http_req_dns",
    "http_req_connecting",
    "http_req_tls_handshaking",
    "http_req_sending",
    "http_req_waiting",
    "http_req_receiving",
    "iteration_duration",
    "schedule_lag",
];
/// None of them ever fails.
const EXPRESSIONS: [&str; 9] = [
    "p50 < 1000s",
    "p95 < 1000s",
    "p99 < 1000s abort",
    "p50 < 1000s for 10s",
    "p95 < 1000s for 10s",
    "p99 < 1000s for 10s",
    "p90 < 1000s for 5s",
    "p95 < 1000s for 5s",
    "max < 1000s for 5s after 2s",
];
/// Simulated seconds, and requests in each.
const SECONDS: u64 = 120;
const REQUESTS: u64 = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    if arguments().first().is_some_and(|first| first == "serve") {
        return serve();
    }
    let (seconds, rounds) = (argument(0, 10_u32)?, argument(1, 5_usize)?);
    counted()?;
    flood(seconds, rounds)
}

/// The scenario with a hundred thresholds, or with none.
fn scenario(thresholds: bool) -> String {
    let mut text = SCENARIO.to_owned();
    if thresholds {
        for metric in METRICS {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{metric} = {EXPRESSIONS:?}");
        }
        text.push_str("http_reqs = [\"rate > 0/s for 10s\"]\n");
    }
    text
}

/// The time that closing a window takes, of seconds that are made up.
fn counted() -> Result<(), Box<dyn Error>> {
    let [none, hundred] = [false, true].map(|thresholds| {
        let plan = plan(
            "thresholds",
            &scenario(thresholds),
            &target("http://127.0.0.1:9"),
        )?;
        let layout = Arc::new(plan.layout());
        let mut ledger = Ledger::new(Arc::clone(&layout), plan.thresholds);
        let mut spent = Duration::ZERO;
        for second in 0..SECONDS {
            let mut recorder = Recorder::new(Arc::clone(&layout));
            for number in 0..REQUESTS {
                recorder.request(&request(second, number));
            }
            let began = Instant::now();
            ledger.add(recorder.totals());
            let (start, end) = (at(second * 1_000_000), at((second + 1) * 1_000_000));
            let generator = GeneratorSample {
                workers: vec![0.5],
                ..GeneratorSample::default()
            };
            ledger.close_window(start, end, VusRange::steady(50), Some(generator));
            spent += began.elapsed();
        }
        Ok::<_, Box<dyn Error>>(spent.as_secs_f64() * 1000.0 / SECONDS as f64)
    });
    let (none, hundred) = (none?, hundred?);
    println!("merging a second of {REQUESTS} requests: {none:.2} ms");
    println!(
        "with a hundred thresholds:              {hundred:.2} ms, {:.2} % of a core more",
        (hundred - none) / 10.0
    );
    Ok(())
}

/// A request of a second, spread over times from 0.2 to about 100 ms.
fn request(second: u64, number: u64) -> Sample<'static> {
    let done = second * 1_000_000 + number * 1_000_000 / REQUESTS;
    let took = 200 + (number * number * 7919 + second * 104_729) % 100_000;
    let due = done.saturating_sub(took);
    Sample {
        step: StepIndex(0),
        due: at(due),
        follows: false,
        retried: false,
        started: at(due + number % 40),
        connected: Some(at(due + number % 50)),
        dns: Duration::ZERO,
        connecting: Duration::ZERO,
        tls: Duration::ZERO,
        sent_first: Some(at(due + number % 60)),
        sent_last: Some(at(due + number % 60 + number % 7)),
        first_byte: Some(at(done.saturating_sub(number % 90))),
        done: at(done),
        status: Some(200),
        ending: Ending::Whole,
        outcome: Outcome::Ok,
        error: None,
        bytes_sent: 100,
        bytes_received: 1000,
        bytes_decoded: 900,
        checks_held: 0,
        checks_made: 0,
        resent: 0,
        usage: None,
        stream: None,
    }
}

/// Requests per second of a flood, with and without, in turns.
fn flood(seconds: u32, rounds: usize) -> Result<(), Box<dyn Error>> {
    let (mut server, url) = start_server()?;
    let report = rounds_of(&url, seconds, rounds);
    server.kill()?;
    server.wait()?;
    report
}

fn rounds_of(url: &str, seconds: u32, rounds: usize) -> Result<(), Box<dyn Error>> {
    let overrides = Overrides {
        duration: Some(Given::new(format!("{seconds}s"), "SECONDS")),
        ..target(url)
    };
    let mut rates = [Vec::new(), Vec::new()];
    for round in 0..rounds * 2 {
        // A, B, B, A: what drifts takes from both.
        let thresholds = matches!(round % 4, 1 | 2);
        let plan = plan("thresholds", &scenario(thresholds), &overrides)?;
        let mut watcher = Watcher::start();
        let outcome = carry_out(plan, HttpConnect::new(Options::default())?, &mut watcher)?;
        let rate = outcome.summary.requests_per_second.unwrap_or_default();
        println!(
            "{:>4} thresholds: {rate:.0} requests/s",
            if thresholds { 100 } else { 0 }
        );
        rates[usize::from(thresholds)].push(rate);
    }
    let [none, hundred] = rates.map(median);
    println!(
        "medians: {none:.0} without, {hundred:.0} with a hundred thresholds: {:+.2} %",
        (hundred / none - 1.0) * 100.0
    );
    Ok(())
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

fn target(url: &str) -> Overrides {
    Overrides {
        target: Some(Given::new(url, "the bench")),
        ..Overrides::default()
    }
}

fn at(micros: u64) -> Offset {
    Offset::from_nanos(micros * 1000)
}

fn serve() -> Result<(), Box<dyn Error>> {
    let mock = Mock::start(loadgen_mock::Settings::default(), "127.0.0.1:0".parse()?)?;
    println!("{}", mock.url());
    loop {
        std::thread::park();
    }
}

/// This program once more, as the server; its first line is its address.
fn start_server() -> Result<(Child, String), Box<dyn Error>> {
    let mut server = Command::new("/proc/self/exe")
        .arg("serve")
        .stdout(Stdio::piped())
        .spawn()?;
    let mut url = String::new();
    let output = server.stdout.take().ok_or("the server has no output")?;
    BufReader::new(output).read_line(&mut url)?;
    Ok((server, url.trim().to_owned()))
}
