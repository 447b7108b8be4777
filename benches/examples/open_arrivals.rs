//! How well an open load keeps its schedule: when the server read each request, beside when it was due.
//!
//! The server is the embedded mock on a thread of its own; it notes on the monotonic clock when it had read a request.
//! Arrival n is due n / rate after the start. The earliest arrival, as seen by the server, is taken for the start, so
//! that what is printed is how much later than the most punctual one the others came.
//!
//! `cargo run --release -p loadgen-benches --example open_arrivals [RATE [SECONDS [precise|tokio]]]`

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use loadgen_benches::{
    bed::{argument, carry_out, carry_out_with, plan},
    quantile,
};
use loadgen_engine::TokioTiming;
use loadgen_http::{HttpConnect, Options};
use loadgen_mock::Mock;
use loadgen_scenario::{Given, Overrides};
use loadgen_stats::Counter;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let (rate, seconds) = (argument(0, 1_000_u32)?, argument(1, 10_u32)?);
    let text = format!(
        "load = {{ rate = \"{rate}/s\", duration = \"{seconds}s\" }}\n\
         [[step]]\nget = \"/plain\"\nheaders = {{ x-request-id = \"{{{{ vu }}}}\" }}\n"
    );
    loadgen_host::raise_file_limit()?;
    let mock = Mock::start(loadgen_mock::Settings::default(), "127.0.0.1:0".parse()?)?;
    let overrides = Overrides {
        target: Some(Given::new(mock.url(), "the bench")),
        ..Overrides::default()
    };
    let plan = plan("open-arrivals", &text, &overrides)?;
    let connect = HttpConnect::new(Options::default())?;
    let timer = argument(2, "precise".to_owned())?;
    let outcome = match timer.as_str() {
        "precise" => carry_out(plan, connect, &mut ())?,
        "tokio" => carry_out_with(TokioTiming, plan, connect, &mut ())?,
        _ => return Err("the timer is precise or tokio".into()),
    };
    let mut late = Vec::new();
    for record in mock.truth() {
        let number: u64 = record.id.ok_or("a request without a number")?.parse()?;
        let due = (number - 1) as f64 / f64::from(rate);
        late.push(record.received_ns as f64 / 1e9 - due);
    }
    let earliest = late.iter().copied().fold(f64::INFINITY, f64::min);
    late.iter_mut()
        .for_each(|late| *late = (*late - earliest) * 1e3);
    let metrics = &outcome.summary.metrics;
    println!(
        "{rate}/s for {seconds} s, one worker, {timer} timer, the server on a thread of its own"
    );
    println!(
        "due {}, arrived {}, dropped {}",
        u64::from(rate) * u64::from(seconds),
        late.len(),
        metrics.counter(Counter::DroppedIterations)
    );
    println!(
        "later than the schedule at the server: p50 {:.3} ms  p99 {:.3} ms  max {:.3} ms",
        quantile(&mut late, 0.5),
        quantile(&mut late, 0.99),
        quantile(&mut late, 1.0)
    );
    Ok(())
}
