//! The loads of a plan: when each begins, and the scenarios among which it is shared.

use super::{Load, Plan, Rate, Scenario};
use loadgen_stats::ScenarioIndex;
use std::time::Duration;

/// One load, and the scenarios among which it is shared.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadPlan {
    /// How load is put on.
    pub load: Load,
    /// When it begins.
    pub start: StartAt,
    /// The first part of the load, which is run but kept out of every statistic.
    pub warm_up: Duration,
    /// How long iterations that run at the end may go on.
    pub graceful_stop: Duration,
    /// The most users of a closed load that begin in a second; none where they all begin when the load says, as arrivals
    /// of an open one always do.
    pub connect_rate: Option<Rate>,
    /// Who shares it, in the order of the file; never empty. The shares sum to 1.
    pub members: Vec<Member>,
}

/// When a load begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// So long after the start of the run.
    At(Duration),
    /// When the last iteration of that load has ended, finished or cut: its place in [`Plan::loads`](super::Plan). The
    /// loads never wait for each other in a circle.
    After(usize),
}

/// A scenario that shares a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Member {
    /// Whose iterations are begun.
    pub scenario: ScenarioIndex,
    /// Its part of the users or of the iterations, from 0 to 1; zero where it has none of it.
    pub share: f64,
}

/// When a load can run, as far as that is known before the run; offsets from the start of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// It begins no earlier.
    pub earliest_start: Duration,
    /// It begins no later.
    pub latest_start: Duration,
    /// Its last iteration has ended by then.
    pub latest_end: Duration,
}

/// A scenario that has a share of a load, but none of its users: there are too few to share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unplayed<'a> {
    /// Its name.
    pub scenario: &'a str,
    /// The users that there are.
    pub users: u32,
    /// With so many everyone who has a share has one; none where that takes too many to be meant.
    pub enough: Option<u32>,
}

/// That a load ends before all of its users can have begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbegun {
    /// The users that it is to have.
    pub users: u32,
    /// Those that begin in time.
    pub begin: u32,
}

/// Users that begin in a second, of all loads that begin together, if nothing is said: a service that is slow to take
/// connections has half a second before the queue of most is full, and the handshakes of TLS leave two cores some time.
pub(crate) const CONNECT_RATE: f64 = 1_000.0;

/// More users than this to give everyone one are not meant.
const TOO_MANY: u32 = 10_000;

impl LoadPlan {
    /// The members that have a share, but none of so many users.
    fn left_out(&self, users: u32) -> impl Iterator<Item = &Member> {
        let split = self.members.iter().zip(self.split(users));
        let none = split.filter(|(member, users)| *users == 0 && member.share > 0.0);
        none.map(|(member, _)| member)
    }

    /// So many users split among the members: each gets the whole part of its share, and those left over go to the
    /// largest remainders, the earlier member first where they are alike.
    #[must_use]
    pub fn split(&self, users: u32) -> Vec<u32> {
        // Products of shares are a hair off whole numbers; that must not decide.
        let quota = |member: &Member| ((member.share * f64::from(users)) * 1e9).round() / 1e9;
        let quotas: Vec<f64> = self.members.iter().map(quota).collect();
        let mut split: Vec<u32> = quotas.iter().map(|quota| floor(*quota)).collect();
        let mut order: Vec<usize> = (0..split.len()).collect();
        order.sort_by(|left, right| {
            let rest = |place: &usize| quotas[*place].fract();
            rest(right).total_cmp(&rest(left))
        });
        let left_over = users.saturating_sub(split.iter().sum());
        let some = |place: &usize| self.members[*place].share > 0.0;
        for place in order
            .into_iter()
            .filter(some)
            .cycle()
            .take(left_over as usize)
        {
            split[place] += 1;
        }
        split
    }

    /// What this load has of a rate at which users begin in a run: the part that its users are of those of all loads that
    /// begin with it. None for an open load.
    pub(crate) fn part_of(&self, rate: f64, loads: &[Self]) -> Option<Rate> {
        let users = |load: &Self| match load.load.is_open() {
            true => 0.0,
            false => f64::from(load.load.users().map_or(0, super::UserCount::get)),
        };
        let together = loads.iter().filter(|load| load.start == self.start);
        Rate::per_second(rate * users(self) / together.map(users).sum::<f64>())
    }

    /// Where the load is too short for all of its users to begin.
    #[must_use]
    pub fn unbegun(&self) -> Option<Unbegun> {
        let users = self.load.users()?.get();
        let rate = self.connect_rate?.get();
        let begin = match self.load {
            Load::ConstantVus { .. }
            | Load::SharedIterations { .. }
            | Load::PerVuIterations { .. } => {
                floor((self.load.length().as_secs_f64() * rate).ceil())
            }
            _ => users,
        };
        (begin < users).then_some(Unbegun { users, begin })
    }

    /// Whether users are split among the members, and not iterations.
    #[must_use]
    pub const fn splits_users(&self) -> bool {
        matches!(
            self.load,
            Load::ConstantVus { .. }
                | Load::RampingVus { .. }
                | Load::PerVuIterations { .. }
                | Load::SteeredVus { .. }
        )
    }

    /// The shortest time from its start to its end.
    fn shortest(&self) -> Duration {
        match self.load {
            Load::SharedIterations { .. } | Load::PerVuIterations { .. } => Duration::ZERO,
            _ => self.load.length(),
        }
    }

    /// The longest time from its start to its end.
    fn longest(&self) -> Duration {
        self.load.length().saturating_add(self.graceful_stop)
    }
}

impl Plan {
    /// The scenarios that nobody will play, as their load has too few users to share.
    #[must_use]
    pub fn unplayed(&self) -> Vec<Unplayed<'_>> {
        unplayed(&self.loads, &self.scenarios)
    }

    /// When each of the loads can run.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        let mut spans: Vec<Option<Span>> = vec![None; self.loads.len()];
        for load in self.in_sequence() {
            let plan = &self.loads[load];
            let (earliest_start, latest_start) = match plan.start {
                StartAt::At(start) => (start, start),
                StartAt::After(before) => match (spans[before], &self.loads[before]) {
                    (Some(span), first) => (
                        span.earliest_start.saturating_add(first.shortest()),
                        span.latest_end,
                    ),
                    // Only in a circle, of which there is none.
                    (None, _) => (Duration::ZERO, Duration::MAX),
                },
            };
            spans[load] = Some(Span {
                earliest_start,
                latest_start,
                latest_end: latest_start.saturating_add(plan.longest()),
            });
        }
        spans.into_iter().flatten().collect()
    }

    /// The most there can be at one time of what each load takes: those that wait for each other never run together.
    pub(super) fn most_at_once(&self, takes: impl Fn(&LoadPlan) -> u64) -> u64 {
        let takes: Vec<u64> = self.loads.iter().map(takes).collect();
        let (order, spans) = (self.in_sequence(), self.spans());
        let mut instants: Vec<Duration> = spans.iter().map(|span| span.earliest_start).collect();
        instants.sort_unstable();
        instants.dedup();
        let at = |instant: Duration| {
            // What the loads that wait for one of them take together, and whoever waits for those.
            let mut after = vec![0_u64; takes.len()];
            let mut sum = 0_u64;
            for load in order.iter().rev() {
                let span = &spans[*load];
                let here = span.earliest_start <= instant && instant <= span.latest_end;
                let most = after[*load].max(if here { takes[*load] } else { 0 });
                match self.loads[*load].start {
                    StartAt::At(_) => sum = sum.saturating_add(most),
                    StartAt::After(before) => after[before] = after[before].saturating_add(most),
                }
            }
            sum
        };
        instants.into_iter().map(at).max().unwrap_or_default()
    }

    /// The loads, each behind the one that it waits for.
    fn in_sequence(&self) -> Vec<usize> {
        let mut order = Vec::with_capacity(self.loads.len());
        let mut placed = vec![false; self.loads.len()];
        for first in 0..self.loads.len() {
            let mut chain = Vec::new();
            let mut next = Some(first);
            while let Some(load) = next.filter(|load| !placed[*load]) {
                placed[load] = true;
                chain.push(load);
                next = match self.loads[load].start {
                    StartAt::At(_) => None,
                    StartAt::After(before) => Some(before),
                };
            }
            order.extend(chain.into_iter().rev());
        }
        order
    }
}

/// The scenarios that nobody will play, as their load has too few users to share.
pub(crate) fn unplayed<'a>(loads: &[LoadPlan], scenarios: &'a [Scenario]) -> Vec<Unplayed<'a>> {
    let mut unplayed = Vec::new();
    for load in loads.iter().filter(|load| load.splits_users()) {
        let users = load.load.users().map_or(0, super::UserCount::get);
        let is_enough = |users: &u32| load.left_out(*users).next().is_none();
        for member in load.left_out(users) {
            unplayed.push(Unplayed {
                scenario: &scenarios[member.scenario.0].name,
                users,
                enough: (users..=TOO_MANY).find(is_enough),
            });
        }
    }
    unplayed
}

/// The whole part of a number that is no less than zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of users is no less than zero, and `as` saturates"
)]
fn floor(number: f64) -> u32 {
    number.floor() as u32
}
