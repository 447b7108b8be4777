//! The benches' server as a program of its own.
//!
//! `bench-target [--port N] [--truth FILE] [--stall MS/PERIOD_MS]`
//!
//! Its first line of output is its address. It serves until its standard input, a pipe, is closed; then it writes a line
//! per request into FILE, and its counts, as JSON, to the standard output.

#![expect(clippy::print_stdout, reason = "its output is read by scripts/bench")]

use loadgen_benches::{
    bed::arguments,
    target::{Options, Server, Stall},
};
use std::{error::Error, fs::File, io::BufWriter, time::Duration};

#[expect(
    clippy::disallowed_methods,
    reason = "its input is its lifeline, and no one else's"
)]
fn main() -> Result<(), Box<dyn Error>> {
    let mut options = Options::default();
    let mut truth_file = None;
    let mut arguments = arguments().into_iter();
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or(format!("{name} needs a value"))?;
        match name.as_str() {
            "--port" => options.port = value.parse()?,
            "--truth" => truth_file = Some(value),
            "--stall" => options.stall = Some(stall(&value)?),
            _ => return Err(format!("no option {name}").into()),
        }
    }
    let server = Server::listen(options)?;
    println!("http://127.0.0.1:{}", server.port()?);
    let truth = server.run(std::io::stdin())?;
    if let Some(path) = truth_file {
        truth.write_records(BufWriter::new(File::create(path)?))?;
    }
    println!("{}", truth.counts());
    Ok(())
}

fn stall(text: &str) -> Result<Stall, Box<dyn Error>> {
    let (length, period) = text.split_once('/').ok_or("--stall needs MS/PERIOD_MS")?;
    let (length, period): (u64, u64) = (length.parse()?, period.parse()?);
    if length >= period {
        return Err("a stall is shorter than its period".into());
    }
    Ok(Stall {
        length: Duration::from_millis(length),
        period: Duration::from_millis(period),
    })
}
