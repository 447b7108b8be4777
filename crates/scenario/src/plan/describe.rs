//! Tells in words what a plan will do, and roughly what it will take.

use super::{Load, Plan, Request, Scenario, Step, Target};
use crate::quantity::format_duration;
use std::{collections::HashSet, fmt::Write as _};

/// Memory of the program itself, in bytes.
const BASE_BYTES: u64 = 12 << 20;
/// Memory of one user with its connection, in bytes: buffers of a stream and the state of the user.
const USER_BYTES: u64 = 12 << 10;
/// The same, where TLS is spoken.
const TLS_USER_BYTES: u64 = 48 << 10;
/// Memory of the recorders of one step on one worker, in bytes.
const STEP_BYTES: u64 = 1 << 20;
/// Open files beside the connections: standard streams, the log, timers, the listening mock.
const OTHER_FILES: u64 = 32;

/// Roughly what a run takes from its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Resident memory, in bytes.
    pub memory: u64,
    /// Open files at the same time, most of them sockets.
    pub files: u64,
}

impl Plan {
    /// Roughly what the run takes with that many worker threads.
    #[must_use]
    pub fn needs(&self, workers: usize) -> Needs {
        let origins: HashSet<String> = self.requests().filter_map(origin).collect();
        let per_user = u64::try_from(origins.len()).unwrap_or(1).max(1);
        let tls = origins.iter().any(|origin| origin.starts_with("https"));
        let steps = u64::try_from(self.requests().count() * workers.max(1)).unwrap_or(u64::MAX);
        let user_bytes = if tls { TLS_USER_BYTES } else { USER_BYTES };
        Needs {
            memory: BASE_BYTES
                .saturating_add(
                    self.users()
                        .saturating_mul(per_user)
                        .saturating_mul(user_bytes),
                )
                .saturating_add(steps.saturating_mul(STEP_BYTES)),
            files: self
                .users()
                .saturating_mul(per_user)
                .saturating_add(OTHER_FILES),
        }
    }

    /// The plan in words: loads over time, steps, limits, and what it takes with that many worker threads.
    #[must_use]
    pub fn describe(&self, workers: usize) -> String {
        let mut text = format!("{}\n  target      {}\n", self.name, self.target);
        if self.target == Target::Mock {
            text.push_str("              (embedded; it shares this machine with the generator)\n");
        }
        for scenario in &self.scenarios {
            if self.scenarios.len() > 1 {
                _ = writeln!(text, "\nscenario {}", scenario.name);
            }
            describe_load(&mut text, scenario);
            describe_flow(&mut text, scenario);
        }
        if !self.thresholds.is_empty() {
            text.push_str("\nthresholds\n");
            for threshold in &self.thresholds {
                _ = writeln!(
                    text,
                    "  {:<36}  {}",
                    threshold.metric(),
                    threshold.expression()
                );
            }
        }
        let Needs { memory, files } = self.needs(workers);
        _ = write!(
            text,
            "\ntakes roughly\n  memory      {} MiB\n  open files  {files}\n",
            memory.div_ceil(1 << 20)
        );
        _ = writeln!(text, "\nplan {}", self.hash.get(..16).unwrap_or(&self.hash));
        self.mask(&text).into_owned()
    }
}

fn describe_load(text: &mut String, scenario: &Scenario) {
    let stop = format_duration(scenario.graceful_stop);
    text.push_str("\nload\n");
    let rows = match &scenario.load {
        Load::ConstantVus { vus, duration } => {
            let end = format_duration(*duration);
            let cut = format_duration(duration.saturating_add(scenario.graceful_stop));
            vec![
                ("executor".to_owned(), "constant-vus".to_owned()),
                (
                    "0s".to_owned(),
                    format!(
                        "{}, each begins one iteration after the other",
                        users(vus.get())
                    ),
                ),
                (
                    end,
                    format!("no iteration begins; running ones have {stop} to end"),
                ),
                (cut, "what still runs is cut".to_owned()),
            ]
        }
        Load::SharedIterations {
            vus,
            iterations,
            max_duration,
        } => {
            let end = format_duration(*max_duration);
            let cut = format_duration(max_duration.saturating_add(scenario.graceful_stop));
            vec![
                ("executor".to_owned(), "shared-iterations".to_owned()),
                (
                    "0s".to_owned(),
                    format!(
                        "{} take {iterations} iterations between them",
                        users(vus.get())
                    ),
                ),
                (
                    end,
                    format!("at the latest: no iteration begins; running ones have {stop} to end"),
                ),
                (cut, "at the latest: what still runs is cut".to_owned()),
            ]
        }
    };
    for (when, what) in rows {
        _ = writeln!(text, "  {when:<10}  {what}");
    }
}

fn users(count: u32) -> String {
    if count == 1 {
        "1 user".to_owned()
    } else {
        format!("{count} users")
    }
}

fn describe_flow(text: &mut String, scenario: &Scenario) {
    text.push_str("\nsteps of one iteration\n");
    for (number, step) in scenario.flow.iter().enumerate() {
        match step {
            Step::Think(think) if think.min == think.max => {
                _ = writeln!(
                    text,
                    "  {}. think {}",
                    number + 1,
                    format_duration(think.min)
                );
            }
            Step::Think(think) => {
                let (min, max) = (format_duration(think.min), format_duration(think.max));
                _ = writeln!(text, "  {}. think {min}..{max}", number + 1);
            }
            Step::Request(request) => describe_request(text, number + 1, request),
        }
    }
}

fn describe_request(text: &mut String, number: usize, request: &Request) {
    let location = request.message.location.text.source();
    let title = format!("{} {location}", request.method.name());
    let name = if request.name == title {
        String::new()
    } else {
        format!("{}: ", request.name)
    };
    _ = writeln!(text, "  {number}. {name}{title}");
    let mut about = Vec::new();
    if let Some(stream) = &request.stream {
        about.push(format!("stream {}", stream.dialect.name()));
    }
    about.push(format!(
        "timeout {}",
        format_duration(request.timeouts.total)
    ));
    let statuses: Vec<String> = request
        .expect
        .statuses
        .iter()
        .map(|range| statuses(*range))
        .collect();
    about.push(format!("expects {}", statuses.join(", ")));
    if !request.expect.body_contains.is_empty() {
        about.push(format!(
            "{} in the body",
            request.expect.body_contains.len()
        ));
    }
    about.push(
        if request.message.is_constant() {
            "the same every time"
        } else {
            "rendered for each request"
        }
        .to_owned(),
    );
    _ = writeln!(text, "     {}", about.join("; "));
    if !request.slo.is_empty() {
        let limits = request
            .slo
            .iter()
            .map(|limit| format!("{} {}", limit.trend.name(), format_duration(limit.limit)));
        _ = writeln!(
            text,
            "     good within {}",
            limits.collect::<Vec<_>>().join(", ")
        );
    }
}

fn statuses((first, last): (u16, u16)) -> String {
    if first == last {
        first.to_string()
    } else if first % 100 == 0 && last == first + 99 {
        format!("{}xx", first / 100)
    } else {
        format!("{first}-{last}")
    }
}

/// Where a request goes: its target counts as one origin.
fn origin(request: &Request) -> Option<String> {
    if let Some(fixed) = &request.message.fixed {
        return Some(fixed.origin.to_string());
    }
    let text = request.message.location.text.source();
    let whole = text
        .starts_with("http")
        .then(|| crate::url::parse(text).ok())
        .flatten();
    Some(whole.map_or_else(|| "target".to_owned(), |(origin, _)| origin.to_string()))
}
