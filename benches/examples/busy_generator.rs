//! A generator that is made busy on purpose: does what it reports stay true, and does it say so where it cannot?
//!
//! The server (the embedded mock, on one processor) notes when it read each request and when it wrote the first output.
//! The generator has the other processor to itself, or shares it with hogs: processes (this program again) that never
//! pause. Two services: one whose tokens come further apart than the hogs can delay a reader, so that one segment waits
//! at a time, and one whose tokens come closer together.
//!
//! Requests of the first second are left out: twenty users connect at once then, and both sides share that moment.
//! Printed is `ttft_service` as reported (arrivals dated by the kernel) and as it would be by the time of the read, both
//! less the server's truth, joined request by request; and the warnings of the run.
//!
//! `cargo run --release -p loadgen-benches --example busy_generator [HOGS [SECONDS]]`

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use loadgen_benches::{
    Notes, Seen, Tap,
    bed::{Watcher, arguments, carry_out, plan},
    quantile,
};
use loadgen_http::{HttpConnect, Options};
use loadgen_mock::{Ended, Mock, TruthRecord};
use loadgen_scenario::{Given, Overrides};
use loadgen_stats::Summary;
use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};
use std::{
    collections::HashMap,
    error::Error,
    hint::black_box,
    process::{Child, Command},
    sync::{Arc, PoisonError},
    time::Duration,
};

/// The processor of the generator and the hogs, and that of the server.
const GENERATOR: usize = 0;
const SERVER: usize = 1;

const SCENARIO: &str = r#"
[load]
vus = 20
duration = "10s"
[[step]]
name = "chat"
post = "/v1/chat/completions"
headers = { x-request-id = "{{ unique() }}" }
json = { model = "mock", stream = true, messages = [{ role = "user", content = "Hello" }] }
stream = "openai"
"#;

/// Requests sent within this of the start are left out.
const BURST: Duration = Duration::from_secs(1);

/// A service: how far apart its tokens come.
struct Service {
    name: &'static str,
    ttft: Duration,
    itl: Duration,
    tokens: u32,
}

/// What one run came to, in milliseconds.
struct Outcome {
    /// As reported, and by the time of the read, both less the truth.
    kernel: Vec<f64>,
    read: Vec<f64>,
    /// By how much what is reported may be too long, as the run knows.
    uncertain: Vec<f64>,
    summary: Summary,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = arguments().into_iter();
    let first = arguments.next();
    if first.as_deref() == Some("hog") {
        return hog();
    }
    let hogs = first.map_or(Ok(8), |text| text.parse::<usize>())?;
    let seconds = arguments
        .next()
        .map_or(Ok(10), |text| text.parse::<u32>())?;
    let millis = Duration::from_millis;
    let services = [
        Service {
            name: "tokens 100 ms apart",
            ttft: millis(300),
            itl: millis(100),
            tokens: 10,
        },
        Service {
            name: "tokens 1 ms apart",
            ttft: millis(300),
            itl: millis(1),
            tokens: 500,
        },
    ];
    println!(
        "20 streams for {seconds} s on one worker; the server on another processor; {hogs} hogs on the generator's.\n\
         ttft_service less the server's truth, in milliseconds:\n"
    );
    println!(
        "                                  | reported        | by time of read | uncertain | waited"
    );
    println!(
        "                     hogs requests|    p50      p99 |    p50      p99 |       p99 | for core  warnings"
    );
    for service in &services {
        let quiet = measure(service, 0, seconds)?;
        let busy = measure(service, hogs, seconds)?;
        show(service, 0, &quiet);
        show(service, hogs, &busy);
    }
    Ok(())
}

/// Never pauses; ended by whoever started it.
fn hog() -> Result<(), Box<dyn Error>> {
    stay_on(GENERATOR)?;
    let mut sum = 0_u64;
    loop {
        sum = black_box(sum.wrapping_mul(31).wrapping_add(7));
    }
}

/// Keeps this thread, and those that it starts from now on, to one processor.
fn stay_on(processor: usize) -> Result<(), nix::Error> {
    let mut set = CpuSet::new();
    set.set(processor)?;
    sched_setaffinity(Pid::from_raw(0), &set)
}

/// Processes that are ended when this is dropped.
struct Hogs(Vec<Child>);

impl Hogs {
    fn start(count: usize) -> Result<Self, std::io::Error> {
        let mut hogs = Self(Vec::new());
        for _ in 0..count {
            hogs.0
                .push(Command::new("/proc/self/exe").arg("hog").spawn()?);
        }
        Ok(hogs)
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        for hog in &mut self.0 {
            // One that has gone by itself needs no ending.
            let _ = hog.kill();
            let _ = hog.wait();
        }
    }
}

fn measure(service: &Service, hogs: usize, seconds: u32) -> Result<Outcome, Box<dyn Error>> {
    stay_on(SERVER)?;
    let settings = loadgen_mock::Settings {
        ttft: service.ttft,
        itl: service.itl,
        tokens: service.tokens,
        jitter: 0.3,
        ..loadgen_mock::Settings::default()
    };
    let mock = Mock::start(settings, "127.0.0.1:0".parse()?)?;
    stay_on(GENERATOR)?;
    let overrides = Overrides {
        target: Some(Given::new(mock.url(), "the bench")),
        duration: Some(Given::new(format!("{seconds}s"), "SECONDS")),
        ..Overrides::default()
    };
    let plan = plan("busy-generator", SCENARIO, &overrides)?;
    let notes = Notes::default();
    let connect = Tap::new(HttpConnect::new(Options::default())?, Arc::clone(&notes));
    let started = Hogs::start(hogs)?;
    let mut watcher = Watcher::start();
    let outcome = carry_out(plan, connect, &mut watcher)?;
    drop(started);
    let seen = notes.lock().unwrap_or_else(PoisonError::into_inner);
    join(&seen, &mock.truth(), outcome.summary)
}

fn join(seen: &[Seen], truth: &[TruthRecord], summary: Summary) -> Result<Outcome, Box<dyn Error>> {
    let truth: HashMap<&str, &TruthRecord> = truth
        .iter()
        .filter_map(|record| Some((record.id.as_deref()?, record)))
        .collect();
    let mut outcome = Outcome {
        kernel: Vec::new(),
        read: Vec::new(),
        uncertain: Vec::new(),
        summary,
    };
    for request in seen.iter().filter(|request| request.sent >= BURST) {
        let record = truth
            .get(request.id.as_str())
            .ok_or("a request that the server never saw")?;
        let (Some(first), Some(reported), Some(read), Ended::Complete) = (
            record.first_output_ns,
            request.ttft_service,
            request.ttft_service_by_read,
            record.ended,
        ) else {
            return Err(format!("request {} did not end well", request.id).into());
        };
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        let served = millis(Duration::from_nanos(first - record.received_ns));
        outcome.kernel.push(millis(reported) - served);
        outcome.read.push(millis(read) - served);
        outcome.uncertain.push(millis(request.uncertainty));
    }
    Ok(outcome)
}

fn show(service: &Service, hogs: usize, outcome: &Outcome) {
    let both = |values: &[f64]| {
        let mut values = values.to_vec();
        (quantile(&mut values, 0.5), quantile(&mut values, 0.99))
    };
    let ((kernel, kernel_99), (read, read_99)) = (both(&outcome.kernel), both(&outcome.read));
    let (_, uncertain) = both(&outcome.uncertain);
    let waited = outcome.summary.generator.workers.first();
    let waited = waited.and_then(|worker| worker.run_queue_percent);
    let codes = outcome.summary.warnings.iter();
    let mut warnings: Vec<_> = codes.map(loadgen_stats::Warning::code).collect();
    warnings.dedup();
    let requests = outcome.kernel.len();
    println!(
        "{:<20} {hogs:>4} {requests:>8} | {kernel:>7.3} {kernel_99:>8.3} | {read:>7.3} {read_99:>8.3} | {uncertain:>9.3} | {:>6.1} %  {}",
        service.name,
        waited.unwrap_or(f64::NAN),
        if warnings.is_empty() {
            "none".to_owned()
        } else {
            warnings.join(", ")
        }
    );
}
