//! Steers a run through a search: from the windows of the run to what the load is to be next.
//!
//! A level is set, settles, and is held; its samples are the requests due in its hold, which are awaited while the load
//! stays on. Time comes in with the windows: there is no clock here.

use crate::hold::{Hold, Limits, Standing};
use crate::level::{Level, Recovery};
use crate::search::{LevelVerdict, Order, Search, SearchSettings, Sight};
use loadgen_stats::{Layout, Offset, Threshold, Window};
use std::sync::Arc;
use std::time::Duration;

/// The shortest hold in which a service may be found well again.
pub(crate) const RECOVERY_HOLD: Duration = Duration::from_secs(2);
/// However long iterations are, a level does not settle for longer.
pub(crate) const LONGEST_SETTLE: Duration = Duration::from_secs(60);
/// How often such a hold is tried.
pub(crate) const RECOVERY_HOLDS: u32 = 60;

/// How a run is steered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SteerSettings {
    /// What is searched.
    pub search: SearchSettings,
    /// How long a level settles before it is measured.
    pub settle: Duration,
    /// How long it is measured.
    pub hold: Duration,
    /// The longest that what was sent may take: no answer is awaited for longer, and no backlog drains for longer.
    pub answer: Duration,
    /// Whether to measure, in the end, how long the service takes to be well again.
    pub recover: bool,
    /// The most users that come in a second; none where that is not bounded, or where the load has none.
    pub connect_rate: Option<f64>,
}

/// What is to be done with the load after a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Command {
    /// Nothing: it stays.
    Stay,
    /// Set it, and measure what is due from the one instant until the other.
    Set {
        /// The load; zero lets all that runs come to its end.
        load: f64,
        /// What is due from here on is measured.
        from: Offset,
        /// What is due from here on is not.
        until: Offset,
    },
    /// The run is over.
    Stop,
}

/// A search on its way through a run.
#[derive(Debug)]
pub struct Steersman {
    settings: SteerSettings,
    search: Search,
    limits: Limits,
    phase: Phase,
    levels: Vec<Level>,
    recovery: Option<Recovery>,
    /// The longest mean length of an iteration at a level that held.
    iteration: Duration,
}

#[derive(Debug)]
enum Phase {
    /// No load was set yet.
    Before,
    /// The backlog drains, until that instant at the latest.
    Draining(Offset),
    /// A level is measured.
    Level(Hold),
    /// The load that broke is put on once more, to recover from.
    Breaking(Hold),
    /// Back at the safe load, since that instant; so many holds were measured, and the last so many were good.
    Recovering {
        since: Offset,
        hold: Hold,
        tried: u32,
        good_since: Option<Offset>,
    },
    /// The search is over.
    After,
}

impl Steersman {
    /// A search that is to begin. `limits` decide what holds.
    #[must_use]
    pub fn new(settings: SteerSettings, layout: Arc<Layout>, limits: Vec<Threshold>) -> Self {
        Self {
            search: Search::new(settings.search),
            limits: Limits::new(layout, limits, settings.search.ladder.whole),
            phase: Phase::Before,
            levels: Vec::new(),
            recovery: None,
            iteration: Duration::ZERO,
            settings,
        }
    }

    /// Takes in a window of the run, and says what the load is to be.
    pub fn window(&mut self, window: &Window, standing: &Standing) -> Command {
        let now = standing.now;
        match &mut self.phase {
            Phase::Before => self.follow(now),
            Phase::Draining(most) => {
                if window.vus.last == 0 || now >= *most {
                    self.follow(now)
                } else {
                    Command::Stay
                }
            }
            Phase::Level(hold) => {
                hold.add(window, standing);
                if hold.is_over(standing, self.settings.answer)
                    || hold.is_hopeless(&self.settings.search, &self.limits)
                {
                    self.judge(now)
                } else {
                    Command::Stay
                }
            }
            Phase::Breaking(hold) => {
                hold.add(window, standing);
                if window.end < hold.until() {
                    return Command::Stay;
                }
                self.go_back(now)
            }
            Phase::Recovering { hold, .. } => {
                hold.add(window, standing);
                if hold.is_over(standing, self.settings.answer) {
                    self.judge_recovery(now)
                } else {
                    Command::Stay
                }
            }
            Phase::After => Command::Stop,
        }
    }

    /// The search, as it stands.
    #[must_use]
    pub const fn search(&self) -> &Search {
        &self.search
    }

    /// The levels that were measured so far.
    #[must_use]
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// How the service recovered, where that was measured.
    #[must_use]
    pub const fn recovery(&self) -> Option<Recovery> {
        self.recovery
    }

    /// The load that is on now, and whether it is measured; none while nothing is on.
    #[must_use]
    pub fn present(&self) -> Option<f64> {
        match &self.phase {
            Phase::Level(hold) | Phase::Breaking(hold) | Phase::Recovering { hold, .. } => {
                Some(hold.load())
            }
            Phase::Before | Phase::Draining(_) | Phase::After => None,
        }
    }

    /// The run ends before the search does. What is measured now is no level: the load is not kept up any more.
    pub fn stop(&mut self) {
        self.search.stop();
        self.phase = Phase::After;
    }

    fn judge(&mut self, now: Offset) -> Command {
        let Phase::Level(hold) = std::mem::replace(&mut self.phase, Phase::Before) else {
            return Command::Stay;
        };
        let purpose = self.search.purpose();
        let mut judged = hold.judge(&self.limits);
        if judged.seen.sight == Sight::TooFew
            && hold.is_hopeless(&self.settings.search, &self.limits)
        {
            // Too few may have been answered for any limit, and yet so many failed that more would be no news.
            judged.seen.sight = Sight::Broken;
        }
        self.search.see(judged.seen);
        if self.search.order() == Order::Extend {
            let (from, until) = self.span(now, Duration::ZERO, self.settings.hold);
            let load = hold.load();
            self.phase = Phase::Level(hold.extended(from, until));
            return Command::Set { load, from, until };
        }
        if let Some(trial) = self.search.trials().last() {
            if trial.verdict == LevelVerdict::Held {
                self.iteration = self.iteration.max(hold.iteration(&self.limits));
            }
            self.levels
                .push(Level::of(trial, purpose, &hold, judged, &self.limits));
        }
        self.follow(now)
    }

    /// Does what the search orders.
    fn follow(&mut self, now: Offset) -> Command {
        let was_draining = matches!(self.phase, Phase::Draining(_));
        match self.search.order() {
            Order::Hold { drain: true, .. } if !was_draining => {
                self.phase = Phase::Draining(now.after(self.settings.answer));
                Command::Set {
                    load: 0.0,
                    from: now,
                    until: now,
                }
            }
            Order::Hold { load, .. } => {
                let before = match was_draining {
                    true => 0.0,
                    false => self.search.trials().last().map_or(0.0, |trial| trial.load),
                };
                let settle = self.settle(load - before);
                let (hold, command) = self.set(load, now, settle, self.settings.hold);
                self.phase = Phase::Level(hold);
                command
            }
            Order::Extend => Command::Stay,
            Order::Done => self.begin_recovery(now),
        }
    }

    /// How long a level settles that brings so much more load than there is. New users come in the first half of it: over
    /// one iteration at least, or they would act in step for a long time, and be more at once than so many users ever
    /// are; and no more of them in a second than may come.
    fn settle(&self, more: f64) -> Duration {
        let settle = self.settings.settle;
        if !self.settings.search.ladder.whole {
            return settle;
        }
        let coming = coming(more, self.settings.connect_rate);
        match settle.is_zero() {
            // Not settled, but not measured either while its users come.
            true => coming,
            false => settle
                .max((2 * self.iteration).min(LONGEST_SETTLE))
                .max(coming * 2),
        }
    }

    /// Sets a load, to be measured once it has settled.
    fn set(&self, load: f64, now: Offset, settle: Duration, length: Duration) -> (Hold, Command) {
        let (from, until) = self.span(now, settle, length);
        (
            Hold::new(load, from, until, &self.limits),
            Command::Set { load, from, until },
        )
    }

    /// Whole seconds, as windows have them.
    fn span(&self, now: Offset, settle: Duration, length: Duration) -> (Offset, Offset) {
        let from = whole_seconds(now.after(settle));
        (from, whole_seconds(from.after(length)))
    }

    /// Puts the load on that broke, where there is one to recover from.
    fn begin_recovery(&mut self, now: Offset) -> Command {
        let answer = self.search.answer();
        match (self.settings.recover, answer.lowest_broke, answer.safe) {
            (true, Some(broke), Some(safe)) if safe > 0.0 => {
                let settle = self.settle(broke);
                let (hold, command) = self.set(broke, now, settle, self.settings.hold);
                self.phase = Phase::Breaking(hold);
                command
            }
            _ => self.end(),
        }
    }

    /// Back to the safe load, without letting anything drain.
    fn go_back(&mut self, now: Offset) -> Command {
        let Some(safe) = self.search.answer().safe else {
            return self.end();
        };
        let (hold, command) = self.set(safe, now, Duration::ZERO, RECOVERY_HOLD);
        self.phase = Phase::Recovering {
            since: now,
            hold,
            tried: 0,
            good_since: None,
        };
        command
    }

    fn judge_recovery(&mut self, now: Offset) -> Command {
        let Phase::Recovering {
            since,
            hold,
            tried,
            good_since,
        } = std::mem::replace(&mut self.phase, Phase::After)
        else {
            return Command::Stop;
        };
        let (tried, safe, begun) = (tried + 1, hold.load(), hold.from());
        let is_good = hold.looks_good(&self.limits);
        if let (true, Some(well)) = (is_good, good_since) {
            self.recovery = Some(Recovery {
                load: safe,
                after: Some(well.since(since)),
            });
            return self.end();
        }
        if tried >= RECOVERY_HOLDS {
            self.recovery = Some(Recovery {
                load: safe,
                after: None,
            });
            return self.end();
        }
        let (hold, command) = self.set(safe, now, Duration::ZERO, RECOVERY_HOLD);
        self.phase = Phase::Recovering {
            since,
            hold,
            tried,
            good_since: is_good.then_some(begun),
        };
        command
    }

    fn end(&mut self) -> Command {
        self.phase = Phase::After;
        Command::Stop
    }
}

/// How long it takes until so many users have come.
pub(crate) fn coming(users: f64, connect_rate: Option<f64>) -> Duration {
    let time = connect_rate.and_then(|rate| Duration::try_from_secs_f64(users / rate).ok());
    time.unwrap_or_default()
}

fn whole_seconds(at: Offset) -> Offset {
    let nanos = at.as_nanos();
    Offset::from_nanos(nanos.div_ceil(1_000_000_000).saturating_mul(1_000_000_000))
}

#[cfg(test)]
mod tests;
