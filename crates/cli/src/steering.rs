//! Passes the windows of a run to the search that steers it, and its commands to the run.

use crate::observer::Watcher;
use loadgen_capacity::{Command, Level, LevelVerdict, LoadUnit, Steersman};
use loadgen_engine::{Directive, Event, GeneratorSample, Observer, ProbeSample, Standing};
use loadgen_scenario::format_rate;
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
            |load| format!("at {}", self.load(load)),
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
                teller.say(&self.line(level));
            }
        }
        self.told = self.steersman.levels().len();
    }

    fn line(&self, level: &Level) -> String {
        let verdict = match level.verdict {
            LevelVerdict::Held => "held",
            LevelVerdict::Broken => "broken",
            LevelVerdict::Unclear => "unclear, there were too few samples",
            LevelVerdict::Generator => "this machine was the limit",
        };
        let broken: Vec<String> = level.broken_expressions().collect();
        let broken = if broken.is_empty() {
            String::new()
        } else {
            format!(" ({})", broken.join("; "))
        };
        format!(
            "{}: {verdict}{broken}, {:.1}/s good",
            self.load(level.load),
            level.goodput_per_second
        )
    }

    fn load(&self, load: f64) -> String {
        match self.unit {
            LoadUnit::Users if (load - 1.0).abs() < 1e-9 => "1 user".to_owned(),
            LoadUnit::Users => format!("{load} users"),
            LoadUnit::PerSecond => format_rate(load),
        }
    }
}
