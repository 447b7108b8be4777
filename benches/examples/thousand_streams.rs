//! A thousand concurrent streams, joined request by request with the server's own truth.
//!
//! The server (the embedded mock, on a thread of its own) notes when it read each request and when it wrote the first
//! output. The client notes first byte sent → arrival of the first output. The difference of the two is the error of
//! `ttft_service`: printed for the opening burst, when a thousand users connect at once, and for the time after it. With a
//! rate such as 1000/s they begin no faster than that.
//!
//! `cargo run --release -p loadgen-benches --example thousand_streams [STREAMS [SECONDS [RATE]]]`

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use loadgen_benches::{
    Notes, Seen, Tap,
    bed::{Watcher, argument, carry_out, plan},
    quantile,
};
use loadgen_http::{HttpConnect, Options};
use loadgen_mock::{Ended, Mock, TruthRecord};
use loadgen_scenario::{Given, Overrides};
use loadgen_stats::{Counter, Rate};
use std::{
    collections::HashMap,
    error::Error,
    sync::{Arc, PoisonError},
    time::Duration,
};

const SCENARIO: &str = r#"
[load]
vus = 1
duration = "1s"
[[step]]
name = "chat"
post = "/v1/chat/completions"
headers = { x-request-id = "{{ unique() }}" }
json = { model = "mock", stream = true, messages = [{ role = "user", content = "Hello" }] }
stream = "openai"
"#;

/// Requests sent within this of the start belong to the opening burst.
const BURST: Duration = Duration::from_secs(1);

fn main() -> Result<(), Box<dyn Error>> {
    let (streams, seconds) = (argument(0, 1_000_u32)?, argument(1, 15_u32)?);
    let rate = argument(2, "off".to_owned())?;
    let settings = loadgen_mock::Settings {
        ttft: Duration::from_millis(200),
        itl: Duration::from_millis(50),
        jitter: 0.3,
        tokens: 40,
        ..loadgen_mock::Settings::default()
    };
    loadgen_host::raise_file_limit()?;
    let mock = Mock::start(settings, "127.0.0.1:0".parse()?)?;
    let overrides = Overrides {
        target: Some(Given::new(mock.url(), "the bench")),
        vus: Some(Given::new(streams.to_string(), "STREAMS")),
        duration: Some(Given::new(format!("{seconds}s"), "SECONDS")),
        connect_rate: Some(Given::new(rate, "RATE")),
        ..Overrides::default()
    };
    let plan = plan("thousand-streams", SCENARIO, &overrides)?;
    let notes = Notes::default();
    let connect = Tap::new(HttpConnect::new(Options::default())?, Arc::clone(&notes));
    let outcome = carry_out(plan, connect, &mut Watcher::start())?;
    let seen = notes.lock().unwrap_or_else(PoisonError::into_inner);
    let truth = mock.truth();
    println!("{streams} streams for {seconds} s, one worker, the server on a thread of its own");
    let (failed, finished) = outcome.summary.metrics.rate(Rate::HttpReqFailed);
    println!(
        "requests {finished}, failed {failed}, tokens {}",
        outcome.summary.metrics.counter(Counter::OutputTokens)
    );
    println!(
        "generator {:.0} % of a core",
        outcome.summary.generator.cpu_percent.unwrap_or_default()
    );
    compare(&seen, &truth)
}

fn compare(seen: &[Seen], truth: &[TruthRecord]) -> Result<(), Box<dyn Error>> {
    let truth: HashMap<&str, &TruthRecord> = truth
        .iter()
        .filter_map(|record| Some((record.id.as_deref()?, record)))
        .collect();
    let (mut burst, mut after) = (Vec::new(), Vec::new());
    for request in seen {
        let record = truth
            .get(request.id.as_str())
            .ok_or("a request that the server never saw")?;
        let served = record
            .first_output_ns
            .map(|at| Duration::from_nanos(at - record.received_ns));
        let (Some(served), Some(measured), false) = (served, request.ttft_service, request.failed)
        else {
            return Err(format!("request {} failed", request.id).into());
        };
        if record.ended != Ended::Complete {
            return Err(format!(
                "the server says that request {} ended {:?}",
                request.id, record.ended
            )
            .into());
        }
        let difference = (measured.as_secs_f64() - served.as_secs_f64()) * 1e3;
        if request.sent < BURST {
            &mut burst
        } else {
            &mut after
        }
        .push(difference);
    }
    println!("ttft_service less the server's truth, joined by request id:");
    for (name, values) in [("opening burst", &mut burst), ("after it", &mut after)] {
        let (p50, p99) = (quantile(values, 0.5), quantile(values, 0.99));
        println!(
            "  {name:<14} {:>7} requests   p50 {p50:.3} ms   p99 {p99:.3} ms   max {:.3} ms",
            values.len(),
            quantile(values, 1.0)
        );
    }
    Ok(())
}
