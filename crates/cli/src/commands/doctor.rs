//! `loadgen doctor`: what this machine can drive truthfully, what limits it, and what to change.

use super::print;
use crate::{
    args::DoctorArgs,
    doctor::{self, Calibration, Ceiling, Effort, Finding, Work},
    environment::Environment,
    error::Error,
    exit::Exit,
};
use loadgen_host::Facts;
use std::{fmt::Write as _, time::Duration};

/// How long each level is measured.
const MEASURED: Duration = Duration::from_secs(2);
/// The same where it should be quick.
const MEASURED_QUICKLY: Duration = Duration::from_millis(500);

const EXPLAINED: &str = "
  the most that was driven while times at p99 were within 5 ms of the target's own
  truth, and requests began within 5 ms of their due time at p99; and what was the
  limit: where it is not the generator, but the target, the processors that both
  share, or the highest level that was tried (+), more may be possible

This machine
";

/// Measures, tells, and keeps the result for later runs.
pub(crate) fn doctor(args: &DoctorArgs, environment: &Environment) -> Result<Exit, Error> {
    let stop =
        (environment.signals)().map_err(|error| Error::failed("listen for signals", error))?;
    if let Err(error) = loadgen_host::raise_file_limit() {
        let told = format!("warning: failed to {}", Error::chain(&error));
        environment.err.say(&told);
    }
    let effort = Effort {
        measured: if args.quick {
            MEASURED_QUICKLY
        } else {
            MEASURED
        },
        most: args.most.unwrap_or(u64::MAX),
    };
    let Some((calibration, seen)) = doctor::calibrate(effort, environment, &stop)? else {
        environment.err.say("stopped by a signal: nothing was kept");
        return Ok(Exit::Interrupted);
    };
    let findings = doctor::findings(&seen);
    let text = if args.json {
        format!("{:#}\n", json(&calibration, &findings))
    } else {
        text(&calibration, &findings)
    };
    let exit = print(environment, &text)?;
    if !args.no_save {
        keep(&calibration, environment)?;
    }
    Ok(exit)
}

/// Keeps the result for later runs, and says where.
fn keep(calibration: &Calibration, environment: &Environment) -> Result<(), Error> {
    match doctor::keep(calibration, environment)? {
        Some(path) => environment.err.say(&format!(
            "kept in {}: loadgen run holds its plans against it",
            path.display()
        )),
        None => environment
            .err
            .say("warning: it is not kept: neither HOME nor XDG_CACHE_HOME is set"),
    }
    Ok(())
}

fn json(calibration: &Calibration, findings: &[Finding]) -> serde_json::Value {
    let finding = |one: &Finding| serde_json::json!({ "name": one.name, "told": one.told, "advice": one.advice });
    let mut all = calibration.to_json();
    all["findings"] = findings.iter().map(finding).collect();
    all
}

fn text(calibration: &Calibration, findings: &[Finding]) -> String {
    let facts = Facts::read();
    let mut text = format!(
        "loadgen doctor · {} processor{} · {} {} · {}\n\n{}",
        facts.cpus,
        plural(facts.cpus),
        facts.system,
        facts.kernel,
        facts.arch,
        table(&calibration.ceilings)
    );
    text.push_str(EXPLAINED);
    for one in findings {
        let mark = if one.advice.is_none() { '✓' } else { '!' };
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {mark} {:<12} {}", one.name, one.told);
        if let Some(advice) = one.advice {
            let _ = writeln!(text, "    → {advice}");
        }
    }
    text
}

/// The ceilings: a line for each kind of work, a column for each number of workers.
fn table(ceilings: &[Ceiling]) -> String {
    let mut crews: Vec<usize> = ceilings.iter().map(|one| one.workers).collect();
    crews.dedup();
    let mut text = format!("{:<14}", "Ceilings");
    for workers in crews {
        let head = format!("{workers} worker{}", plural(workers));
        // Writing to a string does not fail.
        let _ = write!(text, "{head:>18} ");
    }
    for work in Work::ALL {
        let _ = write!(text, "\n  {:<12}", work.unit());
        for one in ceilings.iter().filter(|one| one.work == work) {
            let _ = write!(text, "{:>19}", ceiling(one));
        }
    }
    text
}

const fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// A ceiling with what was the limit.
fn ceiling(one: &Ceiling) -> String {
    match one.limited_by() {
        "bound" => format!("{}+", one.held),
        limit => format!("{} {limit}", one.held),
    }
}
