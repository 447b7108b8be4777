//! `loadgen stress`: steers one run through a search for the breaking point.

mod search;

use super::print;
use crate::{
    args::{Given, RequestArgs, StressArgs},
    carrying::{self, carry_out},
    environment::Environment,
    error::Error,
    exit::Exit,
    header::{self, Circumstances},
    observer::Watcher,
    outputs::Outputs,
    probing::Probing,
    progress::{Goal, Progress},
    room,
    run_log::RunLog,
    source::{Wanted, refuse_network},
    steering::Steering,
    tokens::TokenKeeping,
    wiring,
};
use jiff::Timestamp;
use loadgen_capacity::{Steersman, Stress};
use loadgen_engine::{Outcome, Settings};
use loadgen_host::Monitor;
use loadgen_report::{
    Closing, Header, Report, TextOptions, write_stress_text, write_stress_verdict,
};
use loadgen_stats::{StopReason, Summary};
use search::Search;
use std::sync::Arc;

/// Searches for the breaking point.
pub(crate) fn stress(
    args: &StressArgs,
    given: &Given,
    environment: &Environment,
    colour: bool,
) -> Result<Exit, Error> {
    refuse_network(&args.network)?;
    let wanted = Wanted {
        source: &args.source,
        load: None,
        request: &RequestArgs::default(),
        network: Some(&args.network),
        steered: true,
        connect_rate: &args.search.connect_rate,
        until: &args.limits.until,
        given,
    };
    if wanted.is_url() {
        return Err(Error::usage("stress takes a scenario file")
            .hint("loadgen new writes one to begin with"));
    }
    let mut plan = wanted.plan(environment)?.plan;
    let search = Search::of(args, &mut plan)?;
    if let Some(note) = search.note() {
        environment.err.say(&note);
    }
    if args.search.dry_run {
        return print(environment, &plan.mask(&search.describe(&plan)));
    }
    let connect = wiring::connect(&args.network, &plan, environment)?;
    wiring::hide_proxies(&mut plan, environment);
    let mut taken = wanted.taken(environment);
    let outputs = Outputs::open(&args.output.out, &mut taken, environment)?;
    let stop =
        (environment.signals)().map_err(|error| Error::failed("listen for signals", error))?;
    let settings = settings(args, environment);
    room::make(&plan, settings.workers, Some(&args.network), environment);
    // Until the end of the run: dropping it stops it.
    let embedded = wiring::embed(&mut plan)?;
    let Some(tokens) = TokenKeeping::of_run(&plan, &args.network, environment, &stop)? else {
        return Ok(Exit::Interrupted);
    };
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
    let logs = course.open_logs(args.output.no_log, circumstances.started, &search)?;
    let layout = Arc::new(plan.layout());
    let mut steering = Steering {
        watcher: Watcher {
            progress: Progress::new(&environment.err, Goal::Search, args.output.quiet),
            logs,
            hlogs: course.outputs.begin_hlogs(&course.header, environment)?,
            series: None,
            monitor: Monitor::start(),
            ports: connect.ports(),
            probing: Probing::start(&plan, &args.network, environment)?,
            tokens,
        },
        steersman: Steersman::new(search.settings, layout, search.limits.clone()),
        unit: search.unit,
        told: 0,
        quiet: args.output.quiet,
        standing: None,
    };
    let teller = steering.watcher.progress.teller();
    let outcome = carry_out(plan, settings, connect, &mut steering, teller, stop);
    steering.watcher.progress.finish();
    course.conclude(outcome?, steering, &search)
}

/// What surrounds a search and outlives it.
struct Course<'a> {
    header: Header,
    outputs: Outputs,
    environment: &'a Environment,
    colour: bool,
    quiet: bool,
}

impl Course<'_> {
    /// Begins the run logs, which say what is searched.
    fn open_logs(
        &mut self,
        unwanted: bool,
        started: Timestamp,
        search: &Search,
    ) -> Result<Vec<RunLog>, Error> {
        let asked = self.outputs.begin_logs(self.environment)?;
        let mut logs = RunLog::open_all(unwanted, started, asked, &self.header, self.environment);
        for log in &mut logs {
            if let Some(trouble) = search.begin(log) {
                self.environment.err.say(&trouble);
            }
        }
        Ok(logs)
    }

    /// Closes the run logs, writes every result, and tells what was found.
    fn conclude(
        &self,
        outcome: Outcome,
        mut steering: Steering<'_>,
        search: &Search,
    ) -> Result<Exit, Error> {
        let Outcome {
            mut summary,
            end,
            setup_failed,
        } = outcome;
        steering.steersman.stop();
        let found = search.found(&steering.steersman);
        summary.verdict = found.verdict(summary.stop_reason == StopReason::Interrupted);
        let closing = Closing {
            end,
            verdict: summary.verdict,
            warnings: summary.warnings.clone(),
        };
        let watcher = &mut steering.watcher;
        for log in &mut watcher.logs {
            let troubles = [log.found(&found), log.close(&closing)];
            let say = |trouble: &String| self.environment.err.say(trouble);
            troubles.iter().flatten().for_each(say);
            summary.warnings.extend(log.warning());
        }
        if let Some(note) = search.unrecovered(&found) {
            self.environment.err.say(note);
        }
        let run_log = watcher.logs.iter().find_map(RunLog::shown);
        let printed = match setup_failed {
            Some(reason) => Err(Error::setup(reason)),
            None => self.show(&summary, &found, run_log.as_deref()),
        };
        let hlogs = std::mem::take(&mut watcher.hlogs);
        let report = Report {
            header: &self.header,
            summary: &summary,
            comparison: None,
        };
        self.outputs
            .write_stress(&report, &found, hlogs, self.environment)?;
        printed?;
        RunLog::refuse_lost(&watcher.logs)?;
        Ok(Exit::of_run(summary.verdict, summary.stop_reason))
    }

    fn show(&self, summary: &Summary, found: &Stress, run_log: Option<&str>) -> Result<(), Error> {
        let elsewhere = self.outputs.take_standard_output();
        let mut text = Vec::new();
        // Writing to memory does not fail.
        let _ = if elsewhere || self.quiet {
            write_stress_verdict(&mut text, summary, found, self.colour && !elsewhere)
        } else {
            let options = TextOptions {
                color: self.colour,
                run_log,
            };
            write_stress_text(&mut text, &self.header, summary, found, &options)
        };
        let text = String::from_utf8_lossy(&text);
        if elsewhere {
            self.environment.err.say(text.trim_end());
            return Ok(());
        }
        print(self.environment, &text).map(|_| ())
    }
}

fn settings(args: &StressArgs, environment: &Environment) -> Settings {
    Settings {
        strict: args.output.strict,
        // Levels that break are findings.
        allow_all_failed: true,
        ..carrying::settings(args.output.seed, args.output.workers, environment)
    }
}
