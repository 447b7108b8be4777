//! Memory over time at a fixed load: resident memory after ten minutes beside that after one.
//!
//! The server is a process of its own (this program again, with `serve`), so that what is measured is the generator
//! alone: streams and plain requests, all statistics on, the run log left out.
//!
//! `cargo run --release -p loadgen-benches --example flat_memory [MINUTES]`

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use loadgen_benches::bed::{arguments, carry_out, plan};
use loadgen_host::Monitor;
use loadgen_http::{HttpConnect, Options};
use loadgen_mock::Mock;
use loadgen_scenario::{Given, Overrides};
use loadgen_stats::{GeneratorSample, Live, Window};
use std::{
    error::Error,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

const SCENARIO: &str = r#"
[load]
vus = 200
duration = "1m"
[[step]]
name = "chat"
post = "/v1/chat/completions"
json = { model = "mock", stream = true, messages = [{ role = "user", content = "{{ random_string(200) }}" }] }
stream = "openai"
[[step]]
name = "plain"
get = "/plain"
[slo]
ttft = "1s"
[thresholds]
ttft = ["p95 < 1s"]
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let argument = arguments().into_iter().next();
    if argument.as_deref() == Some("serve") {
        return serve();
    }
    let minutes = argument.map_or(Ok(10), |text| text.parse::<u32>())?;
    let (mut server, url) = start_server()?;
    let report = measure(&url, minutes);
    server.kill()?;
    server.wait()?;
    report
}

fn serve() -> Result<(), Box<dyn Error>> {
    let settings = loadgen_mock::Settings {
        ttft: Duration::from_millis(50),
        itl: Duration::from_millis(10),
        jitter: 0.5,
        truth_requests: 1_000,
        ..loadgen_mock::Settings::default()
    };
    let mock = Mock::start(settings, "127.0.0.1:0".parse()?)?;
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

fn measure(url: &str, minutes: u32) -> Result<(), Box<dyn Error>> {
    let overrides = Overrides {
        target: Some(Given::new(url, "the bench")),
        duration: Some(Given::new(format!("{minutes}m"), "MINUTES")),
        ..Overrides::default()
    };
    let plan = plan("flat-memory", SCENARIO, &overrides)?;
    let mut memory = Memory {
        monitor: Monitor::start(),
        by_second: Vec::new(),
    };
    let outcome = carry_out(plan, HttpConnect::new(Options::default())?, &mut memory)?;
    println!("requests {}", outcome.summary.outcomes.ok);
    let at = |minute: u32| memory.by_second.get((minute * 60 - 1) as usize).copied();
    let (first, last) = (
        at(1).ok_or("the run was too short")?,
        at(minutes).ok_or("the run was too short")?,
    );
    for (second, bytes) in memory
        .by_second
        .iter()
        .enumerate()
        .filter(|(second, _)| (second + 1) % 60 == 0)
    {
        println!(
            "after {:>2} min: {:>8.2} MiB",
            (second + 1) / 60,
            mebibytes(*bytes)
        );
    }
    let limit = first + (2 << 20) + first / 50;
    let verdict = if last <= limit { "flat" } else { "GROWS" };
    println!(
        "{verdict}: {:.2} MiB at the end, at most {:.2} allowed",
        mebibytes(last),
        mebibytes(limit)
    );
    if last <= limit {
        Ok(())
    } else {
        Err("memory grows".into())
    }
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

struct Memory {
    monitor: Monitor,
    by_second: Vec<u64>,
}

impl loadgen_engine::Observer for Memory {
    fn generator(&mut self) -> Option<GeneratorSample> {
        Some(self.monitor.sample())
    }

    fn window(&mut self, window: &Window, _live: &Live) -> loadgen_engine::Directive {
        self.by_second
            .extend(window.generator.as_ref().map(|sample| sample.rss_bytes));
        loadgen_engine::Directive::Continue
    }
}
