//! `loadgen run`: one load test, from the plan to the exit code.

mod against;
mod keeping;
mod rounds;

use super::debug;
use crate::{
    args::{Given, OutputArgs, RunArgs},
    carrying::{self, carry_out},
    comparing,
    environment::Environment,
    error::Error,
    exit::Exit,
    header::{self, Circumstances},
    observer::Watcher,
    outputs::{Outputs, refuse_svg},
    probing::Probing,
    progress::Progress,
    room,
    run_log::RunLog,
    source::{Wanted, refuse_network},
    taken::End,
    tokens::TokenKeeping,
    wiring,
};
use against::Against;
use jiff::Timestamp;
use keeping::Keeping;
use loadgen_engine::{Outcome, Settings, Stop};
use loadgen_host::Monitor;
use loadgen_report::{
    Closing, Header, Report, TextOptions, compared_run, write_text, write_verdict,
};
use loadgen_stats::{Comparison, SeriesBuilder, Side, Summary};
use rounds::{Round, Rounds};
use tokio::sync::watch;

/// Carries out one load test, or several in a row.
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
        network: Some(&args.network),
        steered: false,
        connect_rate: &args.load.connect_rate,
        until: &[],
        given,
    };
    refuse(args, &wanted)?;
    let baseline = comparing::files(args.against.baseline.as_slice(), environment)?;
    let mut taken = wanted.taken(environment);
    for path in &baseline {
        taken.read(path, End::Baseline, environment);
    }
    let rounds = Rounds::of(args, &wanted, &mut taken, environment)?;
    let settings = settings(&args.output, environment);
    let mut against = Against::open(args, &baseline, &rounds, settings, environment)?;
    let keeping = Keeping::prepare(
        args.against.save_baseline.as_deref(),
        rounds.all.len(),
        &mut taken,
        environment,
    )?;
    let stop =
        (environment.signals)().map_err(|error| Error::failed("listen for signals", error))?;
    let bench = Bench {
        args,
        environment,
        colour,
        settings,
        keeping,
        stop,
        rounds: rounds.all.len(),
    };
    let ended = bench.play_all(rounds, &mut against);
    let unfit = match &ended {
        Ok(ended) => ended.unfit,
        Err(_) => Some("there was an error"),
    };
    let kept = bench.keeping.finish(unfit, environment);
    let exit = ended?.exit;
    kept.map(|()| exit)
}

/// What every run of one command has in common.
struct Bench<'a> {
    args: &'a RunArgs,
    environment: &'a Environment,
    colour: bool,
    settings: Settings,
    keeping: Keeping,
    stop: watch::Receiver<Stop>,
    /// How many runs there are.
    rounds: usize,
}

/// What came of one run, or of several.
#[derive(Clone, Copy)]
struct Ended {
    exit: Exit,
    /// Why it makes no baseline.
    unfit: Option<&'static str>,
}

/// What comes of a run that a signal ends.
const INTERRUPTED: Ended = Ended {
    exit: Exit::Interrupted,
    unfit: Some("a run was interrupted"),
};

impl Ended {
    fn and(self, other: Self) -> Self {
        Self {
            exit: self.exit.and(other.exit),
            unfit: self.unfit.or(other.unfit),
        }
    }
}

impl Bench<'_> {
    /// Makes the runs, and compares several when all have ended.
    fn play_all(&self, rounds: Rounds, against: &mut Against) -> Result<Ended, Error> {
        let mut ended = Ended {
            exit: Exit::Passed,
            unfit: None,
        };
        for (place, round) in rounds.all.into_iter().enumerate() {
            ended = ended.and(self.play(place, round, against)?);
            if self.rounds > 1 && *self.stop.borrow() != Stop::Run {
                against.give_up(self.environment);
                return Ok(ended.and(INTERRUPTED));
            }
        }
        if self.rounds > 1 {
            let (exit, comparison) = self.compare(against, &rounds.outputs)?;
            let unfit = against.unfit(comparison.as_ref());
            ended = ended.and(Ended { exit, unfit });
            if let Some(comparison) = comparison {
                let outputs = &rounds.outputs;
                outputs.write_comparison(&comparison, self.environment)?;
            }
        }
        Ok(ended)
    }

    /// Makes one run.
    fn play(&self, place: usize, round: Round, against: &mut Against) -> Result<Ended, Error> {
        let environment = self.environment;
        let mut plan = round.plan;
        let connect = wiring::connect(&self.args.network, &plan, environment)?;
        let settings = Settings {
            seed: self.settings.seed.wrapping_add(round.seed),
            ..self.settings
        };
        // Until the end of the run: dropping it stops it.
        let embedded = wiring::embed(&mut plan)?;
        let tokens = TokenKeeping::of_run(&plan, &self.args.network, environment, &self.stop)?;
        let Some(tokens) = tokens else {
            return Ok(INTERRUPTED);
        };
        if place == 0 {
            let network = Some(&self.args.network);
            room::make(&plan, settings.workers, network, environment);
            if self.args.verbose {
                let all = 0..plan.scenarios.len();
                let stage = (&connect, &environment.err, &self.stop);
                debug::show(&plan, all, settings.seed, stage)?;
            }
        }
        let circumstances = Circumstances {
            settings,
            started: (environment.now)(),
            embedded: embedded.is_some(),
        };
        let mut course = Course {
            header: header::of(&plan, &circumstances),
            outputs: round.outputs,
            name: round.name,
            side: round.side,
            bench: self,
        };
        course.announce(place);
        let mut watcher = Watcher {
            progress: Progress::new(
                &environment.err,
                header::goal(&plan),
                self.args.output.quiet,
            ),
            logs: course.open_logs(place, circumstances.started)?,
            hlogs: course.outputs.begin_hlogs(&course.header, environment)?,
            series: against
                .wanted
                .then(|| SeriesBuilder::new(&course.header.layout)),
            monitor: Monitor::start(),
            ports: connect.ports(),
            probing: Probing::start(&plan, &self.args.network, environment)?,
            tokens,
        };
        let teller = watcher.progress.teller();
        let stop = self.stop.clone();
        let outcome = carry_out(plan, settings, connect, &mut watcher, teller, stop);
        watcher.progress.finish();
        course.conclude(outcome?, &mut watcher, against)
    }

    fn compare(
        &self,
        against: &Against,
        outputs: &Outputs,
    ) -> Result<(Exit, Option<Comparison>), Error> {
        against.compare(
            outputs,
            self.args.output.quiet,
            self.environment,
            self.colour,
        )
    }
}

fn settings(args: &OutputArgs, environment: &Environment) -> Settings {
    Settings {
        strict: args.strict,
        allow_all_failed: args.allow_all_failed,
        ..carrying::settings(args.seed, args.workers, environment)
    }
}

/// What surrounds a run and outlives it.
struct Course<'a> {
    header: Header,
    outputs: Outputs,
    name: Option<String>,
    side: Side,
    bench: &'a Bench<'a>,
}

impl Course<'_> {
    /// Says which of several runs begins.
    fn announce(&self, place: usize) {
        let (number, all) = (place + 1, self.bench.rounds);
        if let Some(name) = self
            .name
            .as_deref()
            .filter(|_| !self.bench.args.output.quiet)
        {
            let target = self.header.target.as_deref().unwrap_or_default();
            let told = format!("run {name} ({number} of {all}) {target}");
            self.bench.environment.err.say(told.trim_end());
        }
    }

    /// Begins the run logs.
    fn open_logs(&mut self, place: usize, started: Timestamp) -> Result<Vec<RunLog>, Error> {
        let environment = self.bench.environment;
        let kept = self.bench.keeping.begin(place, environment)?;
        let asked = self.outputs.begin_logs(environment)?;
        let unwanted = self.bench.args.output.no_log;
        let asked = asked.into_iter().chain(kept);
        let logs = RunLog::open_all(unwanted, started, asked, &self.header, environment);
        Ok(logs)
    }

    /// Closes the run logs, compares where this run is the only one, writes every result, and tells how the run ended.
    fn conclude(
        &self,
        outcome: Outcome,
        watcher: &mut Watcher<'_>,
        against: &mut Against,
    ) -> Result<Ended, Error> {
        let environment = self.bench.environment;
        let Outcome {
            mut summary,
            end,
            setup_failed,
        } = outcome;
        let closing = Closing {
            end,
            verdict: summary.verdict,
            warnings: summary.warnings.clone(),
        };
        for log in &mut watcher.logs {
            if let Some(trouble) = log.close(&closing) {
                environment.err.say(&trouble);
            }
            summary.warnings.extend(log.warning());
        }
        if let Some(reason) = setup_failed {
            return self.refuse_setup(&summary, watcher, reason);
        }
        let shown = watcher.logs.iter().filter_map(RunLog::shown);
        let run_log = shown.into_iter().find(|path| !self.bench.keeping.has(path));
        let printed = self.print(&summary, run_log.as_deref());
        if let Some(series) = watcher.series.take() {
            let name = self.name.as_ref().map(|name| format!("run {name}"));
            let label = run_log.or(name).unwrap_or_else(|| "this run".to_owned());
            let series = series.finish(closing.end.measured);
            against.add(
                compared_run(&label, &self.header, &summary, series),
                self.side,
            );
        }
        let (compared, comparison) = match self.bench.rounds {
            1 => self.bench.compare(against, &self.outputs)?,
            _ => (Exit::Passed, None),
        };
        let hlogs = std::mem::take(&mut watcher.hlogs);
        let report = Report {
            header: &self.header,
            summary: &summary,
            comparison: comparison.as_ref(),
        };
        self.outputs.write(&report, hlogs, environment)?;
        printed?;
        RunLog::refuse_lost(&watcher.logs)?;
        let log_failed = watcher.logs.iter().any(|log| log.warning().is_some());
        let unfit = keeping::unfit(&summary, log_failed);
        let of_comparison = match self.bench.rounds {
            1 => against.unfit(comparison.as_ref()),
            // Several are compared when all have ended.
            _ => None,
        };
        Ok(Ended {
            exit: Exit::of_run(summary.verdict, summary.stop_reason).and(compared),
            unfit: unfit.or(of_comparison),
        })
    }

    /// Writes what there is of a run that nobody began, and says why.
    fn refuse_setup(
        &self,
        summary: &Summary,
        watcher: &mut Watcher<'_>,
        reason: String,
    ) -> Result<Ended, Error> {
        let hlogs = std::mem::take(&mut watcher.hlogs);
        let report = Report {
            header: &self.header,
            summary,
            comparison: None,
        };
        self.outputs.write(&report, hlogs, self.bench.environment)?;
        Err(Error::setup(reason))
    }

    fn print(&self, summary: &Summary, run_log: Option<&str>) -> Result<(), Error> {
        let Bench {
            args,
            environment,
            colour,
            ..
        } = *self.bench;
        let elsewhere = self.outputs.take_standard_output();
        let mut text = Vec::new();
        // Writing to memory does not fail.
        let _ = if elsewhere {
            write_verdict(&mut text, summary, false)
        } else if args.output.quiet || self.name.is_some() {
            write_verdict(&mut text, summary, colour)
        } else {
            write_text(
                &mut text,
                &self.header,
                summary,
                &TextOptions {
                    color: colour,
                    run_log,
                },
            )
        };
        let text = String::from_utf8_lossy(&text);
        if elsewhere {
            environment.err.say(text.trim_end());
            return Ok(());
        }
        environment
            .out
            .print(&text)
            .map_err(|error| Error::failed("write to the standard output", error))
    }
}

fn refuse(args: &RunArgs, wanted: &Wanted<'_>) -> Result<(), Error> {
    refuse_network(&args.network)?;
    refuse_svg(&args.output.out)?;
    against::refuse(args)?;
    if args.verbose && !wanted.is_url() {
        return Err(Error::usage("-v goes with a URL")
            .hint("loadgen debug shows one iteration of a scenario file"));
    }
    Ok(())
}
