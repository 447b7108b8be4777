//! Hands each window of a run on: to the run log, to the progress, and asks the machine.

use crate::{
    interval_log::IntervalLog, probing::Probing, progress::Progress, run_log::RunLog,
    tokens::TokenKeeping,
};
use loadgen_engine::{Directive, Event, GeneratorSample, Observer, ProbeSample};
use loadgen_host::Monitor;
use loadgen_http::OpenPorts;
use loadgen_stats::{Live, SeriesBuilder, Window};

/// Watches a run for the command line.
pub(crate) struct Watcher<'a> {
    /// What the person sees.
    pub(crate) progress: Progress<'a>,
    /// The run logs.
    pub(crate) logs: Vec<RunLog>,
    /// The interval logs.
    pub(crate) hlogs: Vec<IntervalLog<'a>>,
    /// What a comparison takes in, where there will be one.
    pub(crate) series: Option<SeriesBuilder>,
    /// What the generator uses.
    pub(crate) monitor: Monitor,
    /// The ports of its connections.
    pub(crate) ports: OpenPorts,
    /// The probes of the target.
    pub(crate) probing: Probing,
    /// The tokens that it sends.
    pub(crate) tokens: TokenKeeping,
}

impl Observer for Watcher<'_> {
    fn generator(&mut self) -> Option<GeneratorSample> {
        Some(GeneratorSample {
            ports: Some(self.ports.look()),
            ..self.monitor.sample()
        })
    }

    fn probes(&mut self) -> Vec<ProbeSample> {
        self.probing.take(&self.progress.teller())
    }

    fn window(&mut self, window: &Window, live: &Live) -> Directive {
        let logs = self.logs.iter_mut().map(|log| log.window(window));
        let hlogs = self.hlogs.iter_mut().map(|log| log.window(window));
        for trouble in logs.chain(hlogs).flatten() {
            self.progress.teller().say(&trouble);
        }
        if let Some(series) = &mut self.series {
            series.push(window);
        }
        self.tokens.tell(&self.progress.teller());
        self.progress.show(window.end, live);
        Directive::Continue
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::SettingUp => self.progress.tell("setting up"),
            Event::TearingDown => self.progress.tell("tearing down"),
            // A signal was told of when it came, and an end tells itself.
            Event::Draining | Event::Cutting => {}
        }
    }
}
