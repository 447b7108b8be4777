//! Memory of virtual users that mostly think: without a connection, and with an idle one that is kept alive.
//!
//! A generator with few users and one with many are processes of their own (this program again), and so is the server.
//! The difference of their resident memory, divided by the difference of their users, is what a user takes.
//!
//! `cargo run --release -p loadgen-benches --example idle_users [USERS]`

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use loadgen_benches::bed::{arguments, carry_out, plan};
use loadgen_engine::{Directive, Observer};
use loadgen_host::Monitor;
use loadgen_http::{HttpConnect, Options};
use loadgen_mock::Mock;
use loadgen_scenario::{Given, Overrides};
use loadgen_stats::{GeneratorSample, Live, StopReason, Window};
use std::{
    error::Error,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

/// The users of the small generator.
const FEW: u32 = 100;
/// The generators are looked at in this second: by then everyone thinks.
const SECOND: usize = 15;

/// What users do: the name, and what comes before they think.
const CASES: [(&str, &str); 2] = [
    ("no connection", ""),
    ("idle connection", "[[step]]\nget = \"/plain\"\n"),
];

fn main() -> Result<(), Box<dyn Error>> {
    match arguments().iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve"] => serve(),
        ["think", case, users, url] => think(case.parse()?, users, url),
        [] => compare(10_000),
        [users] => compare(users.parse()?),
        _ => Err("expected at most the number of users".into()),
    }
}

fn serve() -> Result<(), Box<dyn Error>> {
    loadgen_host::raise_file_limit()?;
    let settings = loadgen_mock::Settings {
        truth_requests: 1,
        ..loadgen_mock::Settings::default()
    };
    let mock = Mock::start(settings, "127.0.0.1:0".parse()?)?;
    println!("{}", mock.url());
    loop {
        std::thread::park();
    }
}

fn compare(users: u32) -> Result<(), Box<dyn Error>> {
    let (mut server, url) = start(&["serve"])?;
    println!("resident memory in second {SECOND} of users that think for an hour, one worker");
    for (number, (name, _)) in CASES.iter().enumerate() {
        let number = number.to_string();
        let measured = |users: u32| -> Result<f64, Box<dyn Error>> {
            let (mut child, line) = start(&["think", &number, &users.to_string(), &url])?;
            child.wait()?;
            Ok(line.parse::<u64>()? as f64)
        };
        let (few, many) = (measured(FEW)?, measured(users)?);
        let each = (many - few) / f64::from(users - FEW) / 1024.0;
        println!(
            "  {name:<16} {FEW} users {:.1} MiB, {users} users {:.1} MiB: {each:.2} KiB each",
            few / f64::from(1 << 20),
            many / f64::from(1 << 20)
        );
    }
    server.kill()?;
    server.wait()?;
    Ok(())
}

/// This program once more; its first line.
fn start(arguments: &[&str]) -> Result<(Child, String), Box<dyn Error>> {
    let mut child = Command::new("/proc/self/exe")
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    let output = child.stdout.take().ok_or("a child without output")?;
    BufReader::new(output).read_line(&mut line)?;
    Ok((child, line.trim().to_owned()))
}

/// Runs a generator until the second in which it is looked at.
fn think(case: usize, users: &str, url: &str) -> Result<(), Box<dyn Error>> {
    loadgen_host::raise_file_limit()?;
    let (_, before) = CASES.get(case).ok_or("there is no such case")?;
    let text = format!(
        "[load]\nvus = 1\nduration = \"2h\"\ngraceful_stop = \"0s\"\nconnect_rate = \"off\"\n{before}[[step]]\nthink = \"1h\"\n\
         [[step]]\nname = \"after\"\nget = \"/plain\"\n"
    );
    let overrides = Overrides {
        target: Some(Given::new(url, "the bench")),
        vus: Some(Given::new(users, "USERS")),
        ..Overrides::default()
    };
    let plan = plan("idle-users", &text, &overrides)?;
    let mut look = Look {
        monitor: Monitor::start(),
        seconds: 0,
    };
    carry_out(plan, HttpConnect::new(Options::default())?, &mut look)?;
    Ok(())
}

struct Look {
    monitor: Monitor,
    seconds: usize,
}

impl Observer for Look {
    fn generator(&mut self) -> Option<GeneratorSample> {
        Some(self.monitor.sample())
    }

    fn window(&mut self, window: &Window, _live: &Live) -> Directive {
        self.seconds += 1;
        if self.seconds < SECOND {
            return Directive::Continue;
        }
        if self.seconds == SECOND {
            let bytes = window
                .generator
                .as_ref()
                .map_or(0, |sample| sample.rss_bytes);
            println!("{bytes}");
        }
        Directive::Stop(StopReason::Completed)
    }
}
