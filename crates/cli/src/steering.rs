//! Passes the windows of a run to the search that steers it, and its commands to the run.

use crate::observer::Watcher;
use loadgen_capacity::{Command, LoadUnit, Steersman};
use loadgen_engine::{Directive, Event, GeneratorSample, Observer, ProbeSample, Standing};
use loadgen_report::{stress_level_line, stress_load};
use loadgen_stats::{Live, StopReason, Window};

/// Watches a run for the command line, and lets a search steer it.
pub(crate) struct Steering<'a> {
    pub(crate) watcher: Watcher<'a>,
    pub(crate) steersman: Steersman,
    pub(crate) unit: LoadUnit,
    /// The levels that were logged and told.
    pub(crate) told: usize,
    pub(crate) quiet: bool,
    pub(crate) standing: Option<Standing>,
}

impl Observer for Steering<'_> {
    fn generator(&mut self) -> Option<GeneratorSample> {
        self.watcher.generator()
    }

    fn probes(&mut self) -> Vec<ProbeSample> {
        self.watcher.probes()
    }

    fn standing(&mut self, standing: &Standing) {
        self.standing = Some(*standing);
    }

    fn window(&mut self, window: &Window, live: &Live) -> Directive {
        let at = self.steersman.present().map_or_else(
            || "between levels".to_owned(),
            |load| format!("at {}", stress_load(load, self.unit)),
        );
        self.watcher.progress.note(&at);
        let directive = self.watcher.window(window, live);
        let Some(standing) = self.standing.take() else {
            return directive;
        };
        let standing = loadgen_capacity::Standing {
            now: standing.now,
            awaited: standing.awaited,
            complete: standing.complete,
            in_flight_seconds: standing.in_flight.as_secs_f64(),
        };
        let command = self.steersman.window(window, &standing);
        self.tell_levels();
        match command {
            Command::Stay => directive,
            Command::Set { load, from, until } => {
                Directive::SetLoad(loadgen_engine::Level { load, from, until })
            }
            Command::Stop => Directive::Stop(StopReason::Completed),
        }
    }

    fn event(&mut self, event: &Event) {
        // The load is not kept up any more: what is measured from here on is no level.
        if matches!(event, Event::Draining | Event::Cutting) {
            self.steersman.stop();
        }
        self.watcher.event(event);
    }
}

impl Steering<'_> {
    /// Logs and tells the levels that are new.
    fn tell_levels(&mut self) {
        let teller = self.watcher.progress.teller();
        for level in &self.steersman.levels()[self.told..] {
            for log in &mut self.watcher.logs {
                if let Some(trouble) = log.level(level) {
                    teller.say(&trouble);
                }
            }
            if !self.quiet {
                teller.say(&stress_level_line(level, self.unit));
            }
        }
        self.told = self.steersman.levels().len();
    }
}
