//! The search for the breaking point, as a machine without a clock: what to try next, given what was seen.
//!
//! It climbs the ladder until a level breaks, tries that level once more (noise breaks a level too), looks at the level
//! above (a service that fails at 100 and holds at 150 is a finding), and then halves the gap between the highest level
//! that held and the lowest that did not, until it is narrower than the resolution. The second try and the look above
//! are the only two levels that a plain step-then-bisect would not have visited; but a level in the gap that breaks by
//! so little that it may be chance is tried twice as well, as one slow hold there would mislead the search for good.

use crate::answer::{Answer, Ended};
use crate::ladder::Ladder;

/// What a search is to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SearchSettings {
    /// The loads.
    pub ladder: Ladder,
    /// The gap at which the search is content, as a share of the highest load that held.
    pub resolution: f64,
    /// How often the hold of a level is extended where there are too few samples.
    pub extensions: u32,
    /// The share of failed requests above which a level is broken whatever the limits say, and no higher one is tried.
    pub error_guard: f64,
    /// The share of the highest load that held which is kept free in the safe one.
    pub headroom: f64,
    /// Whether an answer counts only where each level that it rests on could be told, and the generator kept up at it.
    pub strict: bool,
}

impl SearchSettings {
    /// The usual settings on a ladder: a resolution of 5 %, four extensions, a guard at half of the requests, a quarter of
    /// headroom.
    #[must_use]
    pub const fn new(ladder: Ladder) -> Self {
        Self {
            ladder,
            resolution: 0.05,
            extensions: 4,
            error_guard: 0.5,
            headroom: 0.25,
            strict: false,
        }
    }
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Order {
    /// Set this load, let it settle, and measure one hold.
    Hold {
        /// The load.
        load: f64,
        /// Whether the backlog of a level that did not hold is to drain first.
        drain: bool,
    },
    /// Keep the load, and measure for one more hold.
    Extend,
    /// The search is over.
    Done,
}

/// What the samples of a level say so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Whether the limits held.
    pub sight: Sight,
    /// Requests per second that were answered well.
    pub goodput: f64,
    /// The standard error of that.
    pub goodput_error: f64,
    /// The share of failed requests.
    pub failed: f64,
    /// Where a limit broke, how far beyond it the worst of them is, in times of the limit.
    pub beyond: f64,
}

/// What the limits say of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Every limit held, and clearly.
    Held,
    /// A limit broke, and clearly.
    Broken,
    /// There are too few samples to tell.
    TooFew,
    /// The generator could not do what was asked, so that nothing is known of the service.
    Generator,
    /// The load was not there, and no limit broke under what was.
    Short,
}

/// What is finally said of one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LevelVerdict {
    /// Every limit held.
    Held,
    /// A limit broke.
    Broken,
    /// It could not be told, however long the hold.
    Unclear,
    /// The generator was the limit, or what it was given to make the load of.
    Generator,
}

/// Why a level was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// As a step of the ladder.
    Climb,
    /// Once more, as it had not held.
    Retry,
    /// Above a level that broke, to see whether that holds.
    LookAbove,
    /// To narrow the gap.
    Bisect,
}

/// One level that was tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// The load.
    pub load: f64,
    /// Why.
    pub purpose: Purpose,
    /// What came of it.
    pub verdict: LevelVerdict,
    /// How many holds were measured.
    pub holds: u32,
    /// Whether the share of errors passed the guard.
    pub guarded: bool,
    /// What was seen in the end.
    pub seen: Seen,
}

/// Levels beyond those of a plain step-then-bisect.
const SPARE: u32 = 2;
/// A limit that broke by no more than this, in times of itself, may have broken by chance.
const MARGIN: f64 = 0.1;
/// A goodput is lower than another where it is so by more than this share…
const FALL: f64 = 0.01;
/// … and by so many standard errors.
const FALL_ERRORS: f64 = 2.0;

/// A search under way.
#[derive(Clone, Debug)]
pub struct Search {
    settings: SearchSettings,
    trials: Vec<Trial>,
    /// The level that is measured now: its load, why it is, and how many holds it has had.
    now: (f64, Purpose, u32),
    spare: u32,
    ended: Option<Ended>,
}

impl Search {
    /// A search that is about to try the first step.
    #[must_use]
    pub fn new(settings: SearchSettings) -> Self {
        Self {
            now: (settings.ladder.first(), Purpose::Climb, 0),
            settings,
            trials: Vec::new(),
            spare: SPARE,
            ended: None,
        }
    }

    /// What is to be done now. The same until the next [`Self::see`].
    #[must_use]
    pub fn order(&self) -> Order {
        if self.ended.is_some() {
            return Order::Done;
        }
        let (load, _, holds) = self.now;
        if holds > 0 {
            return Order::Extend;
        }
        let drain = self
            .trials
            .last()
            .is_some_and(|trial| trial.verdict != LevelVerdict::Held);
        Order::Hold { load, drain }
    }

    /// Why the present level is tried.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        self.now.1
    }

    /// Takes in what the level that was ordered showed in all its holds so far. Ignored once the search is over.
    pub fn see(&mut self, seen: Seen) {
        if self.ended.is_some() {
            return;
        }
        let (load, purpose, holds) = self.now;
        let holds = holds + 1;
        let told = !matches!(seen.sight, Sight::Generator | Sight::TooFew);
        let guarded = told && seen.failed > self.settings.error_guard;
        let verdict = match seen.sight {
            _ if guarded => LevelVerdict::Broken,
            Sight::Held => LevelVerdict::Held,
            Sight::Broken => LevelVerdict::Broken,
            Sight::Generator | Sight::Short => LevelVerdict::Generator,
            Sight::TooFew if holds <= self.settings.extensions => {
                self.now.2 = holds;
                return;
            }
            Sight::TooFew => LevelVerdict::Unclear,
        };
        let trial = Trial {
            load,
            purpose,
            verdict,
            holds,
            guarded,
            seen,
        };
        self.trials.push(trial);
        match self.next(&trial) {
            Ok((load, purpose)) => self.now = (load, purpose, 0),
            Err(ended) => self.ended = Some(ended),
        }
    }

    /// Ends the search before its time.
    pub fn stop(&mut self) {
        self.ended.get_or_insert(Ended::Stopped);
    }

    /// The levels tried so far, in their order.
    #[must_use]
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// What is known: the answer once the search is over, and what there is of one before.
    #[must_use]
    pub fn answer(&self) -> Answer {
        Answer::of(
            &self.trials,
            self.ended.unwrap_or(Ended::Stopped),
            &self.settings,
        )
    }

    /// The next level to try, or the end.
    fn next(&mut self, trial: &Trial) -> Result<(f64, Purpose), Ended> {
        use LevelVerdict::{Broken, Generator, Held, Unclear};
        use Purpose::{Bisect, Climb, LookAbove, Retry};
        match (trial.purpose, trial.verdict) {
            (Climb | Bisect, Generator) if self.spend() => Ok((trial.load, Retry)),
            (LookAbove, _) => self.halve(),
            (_, Generator) => self.after_generator(trial.load),
            (Climb, Broken) if self.spend() => Ok((trial.load, Retry)),
            (Bisect, Broken) if trial.seen.beyond <= MARGIN && !trial.guarded => {
                Ok((trial.load, Retry))
            }
            (Bisect, _) => self.halve(),
            (Climb | Retry, Held | Unclear) => self.after_step(trial.load),
            (Climb | Retry, Broken) => self.after_break(trial),
        }
    }

    /// After a step that did not break, or a level in the gap that was tried twice.
    fn after_step(&self, load: f64) -> Result<(f64, Purpose), Ended> {
        if self
            .trials
            .iter()
            .any(|trial| trial.verdict == LevelVerdict::Broken && trial.load > load)
        {
            return self.halve();
        }
        if self.goodput_fell_twice() {
            return Err(Ended::GoodputFell);
        }
        let next = self.settings.ladder.above(load).ok_or(Ended::Top)?;
        Ok((next, Purpose::Climb))
    }

    /// After a level that this machine could not load. Where a higher one broke, that is the answer, with a gap as wide as
    /// it is; and one that broke at its first try broke.
    fn after_generator(&self, load: f64) -> Result<(f64, Purpose), Ended> {
        match self.answer().lowest_broke {
            None => Err(Ended::Generator),
            Some(broke) if broke <= load => self.halve(),
            Some(_) if Answer::gap(&self.trials).is_some() => Err(Ended::Found),
            Some(_) => Err(Ended::AtStart),
        }
    }

    /// After a step that broke for good.
    fn after_break(&mut self, trial: &Trial) -> Result<(f64, Purpose), Ended> {
        Answer::gap(&self.trials).ok_or(Ended::AtStart)?;
        // Within the gap there is nothing to look at above: that level is known.
        let climbing = self.trials.iter().all(|known| known.load <= trial.load);
        match self.settings.ladder.above(trial.load) {
            Some(above) if climbing && !trial.guarded && self.spend() => {
                Ok((above, Purpose::LookAbove))
            }
            _ => self.halve(),
        }
    }

    /// A level between the highest that held and the lowest above it that did not.
    fn halve(&self) -> Result<(f64, Purpose), Ended> {
        let Some((held, not)) = Answer::gap(&self.trials) else {
            return Err(Ended::AtStart);
        };
        if not - held <= self.settings.resolution * held {
            return Err(Ended::Found);
        }
        let middle = self
            .settings
            .ladder
            .between(held, not)
            .ok_or(Ended::Found)?;
        Ok((middle, Purpose::Bisect))
    }

    /// Whether the goodput of the last two steps was lower than that of the step before.
    fn goodput_fell_twice(&self) -> bool {
        let steps: Vec<&Seen> = self
            .trials
            .iter()
            .rev()
            .filter(|trial| trial.verdict == LevelVerdict::Held)
            .map(|trial| &trial.seen)
            .take(3)
            .collect();
        let [last, middle, first] = steps[..] else {
            return false;
        };
        is_lower(middle, first) && is_lower(last, middle)
    }

    fn spend(&mut self) -> bool {
        let any = self.spare > 0;
        self.spare = self.spare.saturating_sub(1);
        any
    }
}

fn is_lower(later: &Seen, earlier: &Seen) -> bool {
    let fall = earlier.goodput - later.goodput;
    fall > FALL * earlier.goodput
        && fall > FALL_ERRORS * earlier.goodput_error.hypot(later.goodput_error)
}

#[cfg(test)]
mod tests;
