//! What a search may cost at worst: before a request is sent.

use crate::search::{Order, Purpose, Search, SearchSettings, Seen, Sight};
use crate::steer::{LONGEST_SETTLE, RECOVERY_HOLD, RECOVERY_HOLDS, coming};
use std::time::Duration;

/// How long the parts of a level are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// Before measuring, at the least.
    pub settle: Duration,
    /// One hold.
    pub hold: Duration,
    /// The longest wait for what was sent in a hold: the longest timeout.
    pub answer: Duration,
    /// Whether, in the end, the service is broken once more and brought back.
    pub recover: bool,
    /// The most users that come in a second; none where that is not bounded, or where the load has none.
    pub connect_rate: Option<f64>,
}

impl Timing {
    /// The longest that a level settles. Iterations of users may be as long as their timeouts and thinking make them.
    fn longest_settle(&self, settings: &SearchSettings) -> Duration {
        if !settings.ladder.whole {
            return self.settle;
        }
        let coming = coming(settings.ladder.max, self.connect_rate);
        match self.settle.is_zero() {
            true => coming,
            false => self.settle.max(LONGEST_SETTLE).max(coming * 2),
        }
    }

    /// The longest that it takes to break the service once more and to bring it back.
    fn recovery(&self, settings: &SearchSettings) -> Duration {
        let breaking = self.longest_settle(settings) + self.hold;
        breaking + (RECOVERY_HOLD + self.answer) * RECOVERY_HOLDS
    }
}

/// The worst case of a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Worst {
    /// Levels, those tried twice counted twice.
    pub levels: usize,
    /// The time it takes.
    pub time: Duration,
    /// The load over that time, in load times seconds: arrivals of a rate; the seconds of all users together.
    pub load_seconds: f64,
    /// The highest load it may set.
    pub most: f64,
}

/// The most time and load that a search can take: whatever the service does, every level takes all its extensions, and
/// all that was sent in a hold takes its whole timeout.
#[must_use]
pub fn worst(settings: &SearchSettings, timing: &Timing) -> Worst {
    let steps: Vec<f64> = std::iter::successors(Some(settings.ladder.first()), |load| {
        settings.ladder.above(*load)
    })
    .collect();
    let mut worst = Worst {
        levels: 0,
        time: Duration::ZERO,
        load_seconds: 0.0,
        most: 0.0,
    };
    // Nothing breaks, or one of the steps does.
    for breaks in 0..=steps.len() {
        let cost = against(
            settings,
            timing,
            steps.get(breaks).copied().unwrap_or(f64::INFINITY),
        );
        worst = Worst {
            levels: worst.levels.max(cost.levels),
            time: worst.time.max(cost.time),
            load_seconds: worst.load_seconds.max(cost.load_seconds),
            most: worst.most.max(cost.most),
        };
    }
    worst
}

/// The cost against a service of which the step `breaks` and all above it break. Within the gap below it, levels break
/// too, which takes the most of them, and are counted at the load of that step.
fn against(settings: &SearchSettings, timing: &Timing, breaks: f64) -> Worst {
    let mut search = Search::new(*settings);
    let mut cost = Worst {
        levels: 0,
        time: Duration::ZERO,
        load_seconds: 0.0,
        most: 0.0,
    };
    while let Order::Hold { load, .. } = search.order() {
        let before = search.trials().last().map(|trial| trial.purpose);
        let gap = match search.purpose() {
            Purpose::Retry => before == Some(Purpose::Bisect),
            purpose => purpose == Purpose::Bisect,
        };
        let broken = gap || load >= breaks;
        let level = level(settings, timing, broken);
        cost.levels += 1;
        cost.time += level;
        cost.load_seconds += level.as_secs_f64() * if gap { breaks } else { load };
        cost.most = cost.most.max(load);
        search.see(Seen {
            sight: if broken { Sight::Broken } else { Sight::Held },
            goodput: load,
            goodput_error: 0.0,
            failed: 0.0,
            // Each level of the gap that breaks is tried twice.
            beyond: if broken { 0.0 } else { f64::INFINITY },
        });
    }
    if timing.recover && search.answer().lowest_broke.is_some() {
        let recovery = timing.recovery(settings);
        cost.time += recovery;
        cost.load_seconds += recovery.as_secs_f64() * breaks;
    }
    cost
}

/// The longest that one level takes.
fn level(settings: &SearchSettings, timing: &Timing, broken: bool) -> Duration {
    let holds = settings.extensions + 1;
    let drain = if broken {
        timing.answer
    } else {
        Duration::ZERO
    };
    timing.longest_settle(settings) + (timing.hold + timing.answer) * holds + drain
}
