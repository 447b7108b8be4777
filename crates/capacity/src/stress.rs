//! What a whole search came to: its levels, its answer, and what the laws make of them.

use crate::answer::{Answer, Ended};
use crate::knee::{Knee, knee};
use crate::level::{Broken, Level, Recovery};
use crate::search::{LevelVerdict, SearchSettings, Seen, Sight, Trial};
use crate::usl::{LoadPoint, Usl, usl};
use loadgen_stats::{ProbeLayout, Verdict};

/// What loads are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadUnit {
    /// Virtual users.
    Users,
    /// Arrivals per second.
    PerSecond,
}

/// Why an answer is none for those who are strict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Doubt {
    /// There were too few samples at this load, which might have held.
    TooFew(f64),
    /// This load held while the generator was late or busy, which may have spared the service.
    Spared(f64),
    /// This machine could not put this load on, which might have held.
    Hindered(f64),
}

/// The result of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct Stress {
    /// What was searched.
    pub settings: SearchSettings,
    /// What loads are counted in.
    pub unit: LoadUnit,
    /// The levels in the order in which they were tried.
    pub levels: Vec<Level>,
    /// What was found.
    pub answer: Answer,
    /// The Universal Scalability Law, where it could be fitted: over the requests under way. Of users who think, fewer act
    /// upon the service than there are.
    pub usl: Option<Usl>,
    /// The knee of the good throughput over the load.
    pub knee: Option<Knee>,
    /// How the service recovered, where that was measured.
    pub recovery: Option<Recovery>,
    /// The load that was asked for.
    pub required: Option<f64>,
    /// The limits, as `METRIC: EXPRESSION`.
    pub limits: Vec<String>,
    /// The probes of the target.
    pub probes: Vec<ProbeLayout>,
}

impl LoadUnit {
    /// The public name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::PerSecond => "per_second",
        }
    }
}

impl Stress {
    /// Sums a search up.
    #[must_use]
    pub fn of(settings: SearchSettings, unit: LoadUnit, levels: Vec<Level>, ended: Ended) -> Self {
        let trials: Vec<Trial> = levels.iter().map(trial).collect();
        let points = points(&levels);
        let over_load = points
            .iter()
            .map(|level| (level.load, level.goodput_per_second));
        let under_way = points.iter().map(|level| LoadPoint {
            load: level.in_flight,
            rate: level.goodput_per_second,
            count: level.goodput_per_second * level.seconds,
        });
        let law = usl(&under_way.collect::<Vec<_>>());
        let knee = knee(&over_load.collect::<Vec<_>>());
        Self {
            answer: Answer::of(&trials, ended, &settings),
            usl: law,
            knee,
            recovery: None,
            required: None,
            limits: Vec::new(),
            probes: Vec::new(),
            settings,
            unit,
            levels,
        }
    }

    /// The limit that broke first, as the load grew: of those of the lowest load that broke, the one furthest beyond.
    #[must_use]
    pub fn first_broken(&self) -> Option<&Broken> {
        let lowest = self.answer.lowest_broke?;
        let levels = self.levels.iter().rev();
        let at = |load: f64| (load - lowest).abs() <= 1e-9 * lowest;
        let mut at_lowest =
            levels.filter(|level| at(level.load) && level.verdict == LevelVerdict::Broken);
        at_lowest.next()?.broken.first()
    }

    /// Whether the search came to an answer, and to what was asked for. One that a person stopped passes as far as it goes.
    #[must_use]
    pub fn verdict(&self, interrupted: bool) -> Verdict {
        let nothing = self
            .levels
            .iter()
            .all(|level| level.goodput_per_second <= 0.0);
        match (self.answer.ended, self.meets()) {
            (Ended::Stopped, _) if interrupted => Verdict::Pass,
            (Ended::Stopped, _) => Verdict::Inconclusive,
            (_, meets) if !self.answer.is_answer() && meets != Some(true) => Verdict::Inconclusive,
            _ if self.settings.strict && self.doubt().is_some() => Verdict::Inconclusive,
            (_, Some(false)) => Verdict::Fail,
            // Of a service that answers nothing there is no capacity to be told.
            _ if nothing => Verdict::Inconclusive,
            (_, _) => Verdict::Pass,
        }
    }

    /// Whether the safe load is what was asked for, or more; none where nothing was.
    #[must_use]
    pub fn meets(&self) -> Option<bool> {
        self.required
            .map(|required| self.answer.safe.is_some_and(|safe| safe >= required))
    }
}

impl Stress {
    /// What a strict reader holds against the answer; of a load that is required only what may turn whether it is met.
    #[must_use]
    pub fn doubt(&self) -> Option<Doubt> {
        let Answer {
            ended,
            highest_held,
            lowest_broke,
            peak,
            ..
        } = self.answer;
        if ended == Ended::Stopped {
            return None;
        }
        let safe = |load: f64| {
            self.settings
                .ladder
                .floor(load * (1.0 - self.settings.headroom))
        };
        let may_turn = |load: f64| match self.required {
            None => true,
            Some(required) => self.meets() != Some(true) && safe(load) >= required,
        };
        let (from, to) = (
            highest_held.unwrap_or(0.0),
            lowest_broke.unwrap_or(f64::INFINITY),
        );
        let open = |load: &f64| from < *load && *load < to && may_turn(*load);
        if let Some(load) = self.answer.unclear.iter().copied().find(open) {
            return Some(Doubt::TooFew(load));
        }
        let mut hindered = self.levels.iter().filter(|level| self.was_hindered(level));
        if let Some(level) = hindered.find(|level| open(&level.load)) {
            return Some(Doubt::Hindered(level.load));
        }
        // What holds only because the generator spared the service is too high, and so is what is safe; a load that is
        // required may be met without it.
        let met_without = self.required.is_some_and(|required| {
            let sure = |level: &&Level| {
                level.verdict == LevelVerdict::Held && !self.was_spared(level.load)
            };
            let below = self
                .levels
                .iter()
                .filter(|level| level.load <= peak.unwrap_or(from));
            below.filter(sure).any(|level| safe(level.load) >= required)
        });
        let spared = [peak, highest_held.filter(|_| peak.is_none())];
        let mut spared = spared
            .into_iter()
            .flatten()
            .filter(|load| self.meets() != Some(false) && !met_without && self.was_spared(*load));
        spared.next().map(Doubt::Spared)
    }

    /// Whether this was the last try of its load, and this machine could not put it on.
    fn was_hindered(&self, level: &Level) -> bool {
        let at = |other: &&Level| (other.load - level.load).abs() <= 1e-9 * level.load;
        let last = self.levels.iter().rev().find(at);
        last.is_some_and(|last| last.verdict == LevelVerdict::Generator)
    }

    /// Whether the generator was late or busy when a load held.
    fn was_spared(&self, load: f64) -> bool {
        let at = |level: &&Level| (level.load - load).abs() <= 1e-9 * load;
        let mut levels = self.levels.iter().rev().filter(at);
        let held = levels.find(|level| level.verdict == LevelVerdict::Held);
        held.is_some_and(|level| level.generator_doubtful)
    }
}

/// The levels that tell of the service's throughput: the last try of each load, unless the generator was in the way.
fn points(levels: &[Level]) -> Vec<&Level> {
    let known = |level: &&Level| level.verdict != LevelVerdict::Generator;
    let mut points: Vec<&Level> = Vec::new();
    for level in levels.iter().filter(known) {
        points.retain(|other| (other.load - level.load).abs() > 1e-9 * level.load);
        points.push(level);
    }
    points
}

fn trial(level: &Level) -> Trial {
    let sight = match level.verdict {
        LevelVerdict::Held => Sight::Held,
        LevelVerdict::Broken => Sight::Broken,
        LevelVerdict::Unclear => Sight::TooFew,
        LevelVerdict::Generator => Sight::Generator,
    };
    Trial {
        load: level.load,
        purpose: level.purpose,
        verdict: level.verdict,
        holds: level.holds,
        guarded: level.guarded,
        seen: Seen {
            sight,
            goodput: level.goodput_per_second,
            goodput_error: 0.0,
            failed: level.failed,
            beyond: 0.0,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ladder::{Growth, Ladder};
    use crate::search::Purpose;
    use LevelVerdict::{Broken as Broke, Generator, Held, Unclear};
    use loadgen_stats::Offset;

    fn level(load: f64, verdict: LevelVerdict, generator_doubtful: bool) -> Level {
        Level {
            load,
            purpose: Purpose::Climb,
            verdict,
            guarded: false,
            holds: 1,
            from: Offset::ZERO,
            until: Offset::ZERO,
            seconds: 30.0,
            http_reqs_per_second: load,
            goodput_per_second: load,
            failed: 0.0,
            latency: [None; 3],
            ttft_p95: None,
            tokens_per_second: None,
            in_flight: load,
            little: None,
            probes: Vec::new(),
            broken: Vec::new(),
            shortage: None,
            generator_doubtful,
        }
    }

    /// A search that came to such levels and ended so.
    fn searched(strict: bool, levels: &[(f64, LevelVerdict, bool)], ended: Ended) -> Stress {
        let ladder = Ladder {
            start: 100.0,
            growth: Growth::Step(100.0),
            max: 400.0,
            whole: true,
        };
        let settings = SearchSettings {
            strict,
            ..SearchSettings::new(ladder)
        };
        let levels = levels
            .iter()
            .map(|(load, verdict, doubtful)| level(*load, *verdict, *doubtful));
        Stress::of(settings, LoadUnit::Users, levels.collect(), ended)
    }

    #[test]
    fn strictly_an_answer_rests_on_what_could_be_told() {
        use Verdict::{Fail, Inconclusive, Pass};
        let check =
            |levels: &[(f64, LevelVerdict, bool)], ended, required, expected: [Verdict; 2]| {
                let verdict = |strict| {
                    let stress = Stress {
                        required,
                        ..searched(strict, levels, ended)
                    };
                    stress.verdict(false)
                };
                let found = [verdict(false), verdict(true)];
                assert_eq!(found, expected, "{levels:?} {ended:?} {required:?}");
            };
        let clear = [(100.0, Held, false), (200.0, Broke, false)];
        check(&clear, Ended::Found, None, [Pass, Pass]);
        check(&clear, Ended::Found, Some(80.0), [Fail, Fail]);
        // Between what held and what broke nothing is known; of 200, 150 would be safe.
        let open = [
            (100.0, Held, false),
            (200.0, Unclear, false),
            (300.0, Broke, false),
        ];
        check(&open, Ended::Found, None, [Pass, Inconclusive]);
        check(&open, Ended::Found, Some(75.0), [Pass, Pass]);
        check(&open, Ended::Found, Some(150.0), [Fail, Inconclusive]);
        check(&open, Ended::Found, Some(151.0), [Fail, Fail]);
        // What is unclear below one that held, or above one that broke, turns nothing.
        let below = [
            (100.0, Unclear, false),
            (200.0, Held, false),
            (300.0, Broke, false),
        ];
        check(&below, Ended::Found, None, [Pass, Pass]);
        let above = [
            (100.0, Held, false),
            (200.0, Broke, false),
            (300.0, Unclear, false),
        ];
        check(&above, Ended::Found, None, [Pass, Pass]);
        let nothing = [(100.0, Unclear, false), (200.0, Broke, false)];
        check(&nothing, Ended::AtStart, None, [Pass, Inconclusive]);
        // A load that held under a busy generator may not hold.
        let spared = [(100.0, Held, true), (200.0, Broke, false)];
        check(&spared, Ended::Found, None, [Pass, Inconclusive]);
        check(&spared, Ended::Found, Some(75.0), [Pass, Inconclusive]);
        check(&spared, Ended::Found, Some(80.0), [Fail, Fail]);
        // What is required is met by one below it that held for certain; and is missed if even that one does not reach.
        let over = [
            (100.0, Held, false),
            (200.0, Held, false),
            (300.0, Held, true),
            (400.0, Broke, false),
        ];
        check(&over, Ended::Found, Some(100.0), [Pass, Pass]);
        check(&over, Ended::Found, Some(150.0), [Pass, Pass]);
        check(&over, Ended::Found, Some(151.0), [Pass, Inconclusive]);
        check(&over, Ended::Found, None, [Pass, Inconclusive]);
        // A load in the gap that this machine could not put on: of 150, 112 would be safe.
        let hindered = [
            (100.0, Held, false),
            (200.0, Broke, false),
            (150.0, Generator, true),
        ];
        check(&hindered, Ended::Found, None, [Pass, Inconclusive]);
        check(&hindered, Ended::Found, Some(110.0), [Fail, Inconclusive]);
        check(&hindered, Ended::Found, Some(113.0), [Fail, Fail]);
        check(&hindered, Ended::Found, Some(75.0), [Pass, Pass]);
        let lower = [
            (100.0, Held, true),
            (200.0, Held, false),
            (300.0, Broke, true),
        ];
        check(&lower, Ended::Found, None, [Pass, Pass]);
        let peak = [(100.0, Held, true), (200.0, Held, false)];
        check(&peak, Ended::GoodputFell, None, [Pass, Pass]);
        // What is none without strictness is none with it; what was stopped is not judged.
        let generator = [(100.0, Held, false), (200.0, Generator, true)];
        check(
            &generator,
            Ended::Generator,
            None,
            [Inconclusive, Inconclusive],
        );
        assert_eq!(searched(true, &open, Ended::Stopped).verdict(true), Pass);
    }
}
