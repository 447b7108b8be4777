//! `loadgen run`: one load test, from the plan to the exit code.

use super::debug;
use crate::{
    args::{Given, OutputArgs, RunArgs},
    environment::Environment,
    error::Error,
    exit::Exit,
    header::{self, Circumstances},
    observer::Watcher,
    outputs::Outputs,
    progress::{Progress, Teller},
    run_log::RunLog,
    source::{Wanted, refuse_network, workers},
    wiring,
};
use jiff::Timestamp;
use loadgen_engine::{Outcome, Placement, Settings, Stop};
use loadgen_host::{Monitor, PreciseTiming};
use loadgen_http::HttpConnect;
use loadgen_report::{Closing, Header, TextOptions, write_text, write_verdict};
use loadgen_scenario::Plan;
use loadgen_stats::Summary;
use std::{convert::Infallible, fs::File, future::pending, io, path::PathBuf, sync::Arc};
use tokio::sync::watch;

/// Carries out one load test.
pub(crate) fn run(
    args: &RunArgs,
    given: &Given,
    environment: &Environment,
    colour: bool,
) -> Result<Exit, Error> {
    let wanted = Wanted {
        source: &args.source,
        load: Some(&args.load),
        request: &args.request,
        given,
    };
    refuse(args, &wanted)?;
    let mut plan = wanted.plan(environment)?.plan;
    let connect = wiring::connect(&args.network, environment)?;
    wiring::hide_proxies(&mut plan, environment);
    let outputs = Outputs::open(&args.output.out, &wanted.inputs(), environment)?;
    let stop =
        (environment.signals)().map_err(|error| Error::failed("listen for signals", error))?;
    let settings = settings(&args.output, environment);
    make_room(&plan, settings.workers, environment);
    // Until the end of the run: dropping it stops it.
    let embedded = wiring::embed(&mut plan)?;
    if args.verbose {
        debug::show(&plan, &connect, settings.seed, &environment.err)?;
    }
    let circumstances = Circumstances {
        settings,
        started: (environment.now)(),
        embedded: embedded.is_some(),
    };
    let mut course = Course {
        header: header::of(&plan, &circumstances),
        outputs,
        environment,
        colour,
        quiet: args.output.quiet,
    };
    let mut watcher = Watcher {
        progress: Progress::new(&environment.err, header::goal(&plan), args.output.quiet),
        logs: course.open_logs(args.output.no_log, circumstances.started),
        hlogs: course.outputs.begin_hlogs(&course.header, environment),
        monitor: Monitor::start(),
        ports: connect.ports(),
    };
    let outcome = carry_out(plan, settings, connect, &mut watcher, stop);
    watcher.progress.finish();
    course.conclude(outcome?, &mut watcher)
}

fn settings(args: &OutputArgs, environment: &Environment) -> Settings {
    Settings {
        workers: workers(args.workers),
        seed: args.seed.unwrap_or_else(environment.draw_seed),
        placement: Placement::Threads,
        strict: args.strict,
        allow_all_failed: args.allow_all_failed,
    }
}

/// Raises the limit of open files, and warns where it is still too low for the plan.
fn make_room(plan: &Plan, workers: usize, environment: &Environment) {
    let needs = plan.needs(workers);
    // A load that makes as many users as it takes is given those of iterations that last a second.
    let growth = needs.open.map_or(0, |growth| growth.files);
    let needed = needs.files.saturating_add(growth);
    match loadgen_host::raise_file_limit() {
        Ok(limit) if limit.after >= needed => {}
        Ok(limit) => {
            let after = limit.after;
            environment.err.say(&format!(
                "warning: the run needs about {needed} open files{}, and may have {after}",
                if growth == 0 {
                    ""
                } else {
                    " if an iteration lasts a second"
                }
            ));
            environment
                .err
                .say("hint: raise the limit of open files (ulimit -n)");
        }
        Err(error) => environment
            .err
            .say(&format!("warning: failed to {}", Error::chain(&error))),
    }
}

/// What surrounds a run and outlives it.
struct Course<'a> {
    header: Header,
    outputs: Outputs,
    environment: &'a Environment,
    colour: bool,
    quiet: bool,
}

impl Course<'_> {
    /// Begins the run logs. One whose file cannot be made or written is missing; the run goes on.
    fn open_logs(&mut self, unwanted: bool, started: Timestamp) -> Vec<RunLog> {
        let own = (!unwanted).then(|| RunLog::create(&self.header.name, started, self.environment));
        let asked = std::mem::take(&mut self.outputs.logs).into_iter().map(Ok);
        let places = own.into_iter().chain(asked);
        places.map(|place| self.open_log(place)).collect()
    }

    fn open_log(&self, place: io::Result<(PathBuf, File)>) -> RunLog {
        match place {
            Ok((path, file)) => {
                let (log, trouble) = RunLog::begin(path, file, &self.header);
                trouble.inspect(|trouble| self.environment.err.say(trouble));
                log
            }
            Err(error) => {
                self.environment.err.say(&format!(
                    "warning: there is no run log: {error}; the run goes on"
                ));
                RunLog::absent(&error)
            }
        }
    }

    /// Closes the run logs, writes every result, and tells how the run ended.
    fn conclude(&self, outcome: Outcome, watcher: &mut Watcher<'_>) -> Result<Exit, Error> {
        let Outcome { mut summary, end } = outcome;
        let closing = Closing {
            end,
            verdict: summary.verdict,
            warnings: summary.warnings.clone(),
        };
        for log in &mut watcher.logs {
            if let Some(trouble) = log.close(&closing) {
                self.environment.err.say(&trouble);
            }
            summary.warnings.extend(log.warning());
        }
        let run_log = watcher.logs.iter().find_map(RunLog::shown);
        let printed = self.print(&summary, run_log.as_deref());
        let hlogs = std::mem::take(&mut watcher.hlogs);
        self.outputs
            .write(&self.header, &summary, hlogs, self.environment)?;
        printed?;
        Ok(Exit::of_run(summary.verdict, summary.stop_reason))
    }

    fn print(&self, summary: &Summary, run_log: Option<&str>) -> Result<(), Error> {
        let mut text = Vec::new();
        // Writing to memory does not fail.
        let _ = if self.outputs.take_standard_output() {
            write_verdict(&mut text, summary, false)
        } else if self.quiet {
            write_verdict(&mut text, summary, self.colour)
        } else {
            write_text(
                &mut text,
                &self.header,
                summary,
                &TextOptions {
                    color: self.colour,
                    run_log,
                },
            )
        };
        let text = String::from_utf8_lossy(&text);
        if self.outputs.take_standard_output() {
            self.environment.err.say(text.trim_end());
            return Ok(());
        }
        self.environment
            .out
            .print(&text)
            .map_err(|error| Error::failed("write to the standard output", error))
    }
}

fn refuse(args: &RunArgs, wanted: &Wanted<'_>) -> Result<(), Error> {
    refuse_network(&args.network)?;
    if args.verbose && !wanted.is_url() {
        return Err(Error::usage("-v goes with a URL")
            .hint("loadgen debug shows one iteration of a scenario file"));
    }
    Ok(())
}

fn carry_out(
    plan: Plan,
    settings: Settings,
    connect: HttpConnect,
    watcher: &mut Watcher<'_>,
    stop: watch::Receiver<Stop>,
) -> Result<Outcome, Error> {
    let mut stops = Stops {
        teller: watcher.progress.teller(),
        stop: stop.clone(),
    };
    let plan = Arc::new(plan);
    let run = loadgen_engine::run(plan, settings, connect, PreciseTiming, watcher, stop);
    let outcome = wiring::runtime()?.block_on(async {
        tokio::select! {
            outcome = run => outcome,
            never = stops.tell() => match never {},
        }
    });
    // A signal that ended the run in the same turn was obeyed, but not told yet.
    stops.tell_news();
    outcome.map_err(|error| Error::failed("carry out the run", error))
}

/// Answers each signal at once, whatever the run is busy with.
struct Stops<'a> {
    teller: Teller<'a>,
    stop: watch::Receiver<Stop>,
}

impl Stops<'_> {
    async fn tell(&mut self) -> Infallible {
        while self.stop.changed().await.is_ok() {
            self.stop.mark_changed();
            self.tell_news();
        }
        pending().await
    }

    fn tell_news(&mut self) {
        if !self.stop.has_changed().unwrap_or(false) {
            return;
        }
        let stop = *self.stop.borrow_and_update();
        match stop {
            Stop::Run => {}
            Stop::Drain => self.teller.say(
                "stopping: no new iterations; running ones may finish within graceful_stop (again: cut them)",
            ),
            Stop::Cut => self.teller.say("cutting what still runs (again: exit at once)"),
        }
    }
}
