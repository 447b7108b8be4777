//! The ports of connections that are opened for one request each: they are free again only some time after the answer.

use super::{LoadPlan, Member, Origin, Plan, RateLimit, Request, Step, load::rounded};
use crate::overrides::Room;
use std::time::Duration;

/// How long the system keeps the port of a connection that this side has closed.
pub(super) const REST: Duration = Duration::from_secs(60);
/// How long an iteration lasts at least, where nothing tells.
const ITERATION: Duration = Duration::from_secs(1);

/// More ports than there are, where iterations last as long as is assumed.
#[derive(Clone, Debug, PartialEq)]
pub struct Resting {
    /// Where the connections go.
    pub origin: Origin,
    /// The ports in use or not yet free again.
    pub ports: u64,
    /// The ports that there are.
    pub room: u64,
    /// The length of an iteration that was assumed, of the load that takes the most.
    pub iteration: Duration,
}

impl Plan {
    /// The ports to an origin that the connections for one request each of an open load take at one time: those of the
    /// minute with the most arrivals.
    pub(super) fn resting(&self, load: &LoadPlan, origin: &Origin) -> u64 {
        let arrivals = load.load.most_within(REST);
        if load.load.is_open() {
            self.fresh(load, origin, arrivals)
        } else {
            0
        }
    }

    /// The first origin for which the users of closed loads may take more ports than there are. How many they take
    /// follows from how fast the service answers, so this is no certainty.
    #[must_use]
    pub fn may_run_out_of_ports(&self, room: Room) -> Option<Resting> {
        let takes = |load: &LoadPlan, origin: &Origin| {
            let (iterations, _) = self.iterations(load);
            let sure = self.resting(load, origin);
            sure.saturating_add(self.fresh(load, origin, iterations))
        };
        let origins = self.origins().into_iter();
        let mut resting = origins.map(|origin| {
            let most = |load: &&LoadPlan| takes(load, &origin);
            let largest = self.loads.iter().max_by_key(most);
            Resting {
                ports: self.most_at_once(|load| takes(load, &origin)),
                room: self.room_to(&origin, room),
                iteration: largest.map_or(ITERATION, |load| self.iterations(load).1),
                origin,
            }
        });
        resting.find(|one| one.ports > one.room)
    }

    /// The iterations that a closed load can begin in a minute, and how long each is taken to last.
    fn iterations(&self, load: &LoadPlan) -> (f64, Duration) {
        let users = load.load.users().filter(|_| !load.load.is_open());
        let users = users.map_or(0.0, |users| f64::from(users.get()));
        let longest = |member: &Member| {
            let scenario = &self.scenarios[member.scenario.0];
            let thinks = scenario.flow.iter().map(Step::shortest_think);
            let thinks = thinks.fold(Duration::ZERO, Duration::saturating_add);
            thinks.max(scenario.pace.unwrap_or_default()).max(ITERATION)
        };
        let lengths = load.members.iter().map(longest);
        let length = lengths.min().unwrap_or(ITERATION);
        let time = REST.min(load.load.length()).as_secs_f64() / length.as_secs_f64();
        let most = load.load.iterations().unwrap_or(f64::INFINITY);
        ((users * time.max(1.0)).min(most), length)
    }

    /// The connections to an origin that so many iterations of a load open for one request each.
    fn fresh(&self, load: &LoadPlan, origin: &Origin, iterations: f64) -> u64 {
        let mut opened: Vec<(Option<RateLimit>, f64)> = Vec::new();
        let mut note = |request: &Request, times: f64| {
            let goes_there = || self.origin(request).as_ref() == Some(origin);
            if !request.new_connection || !goes_there() {
                return;
            }
            match opened
                .iter_mut()
                .find(|(limit, _)| *limit == request.rate_limit)
            {
                Some((_, known)) => *known += times,
                None => opened.push((request.rate_limit, times)),
            }
        };
        for member in &load.members {
            for step in &self.scenarios[member.scenario.0].flow {
                expected(step, iterations * member.share, &mut note);
            }
        }
        let sum: f64 = opened
            .into_iter()
            .map(|(limit, times)| {
                let most = limit.map(|limit| limit.rate.get() * REST.as_secs_f64() + 1.0);
                times.min(most.unwrap_or(f64::INFINITY))
            })
            .sum();
        u64::from(rounded(sum))
    }
}

/// How often requests are made that a step makes for sure, where it is done so many times.
pub(super) fn expected(step: &Step, times: f64, note: &mut impl FnMut(&Request, f64)) {
    match step {
        Step::Request(request) => note(request, times * request.mean_turns()),
        Step::Think(_) => {}
        Step::Steps(steps) | Step::Parallel(steps) => {
            for step in steps {
                expected(step, times, note);
            }
        }
        Step::Choose(alternatives) => {
            for one in alternatives {
                expected(&one.step, times * one.share, note);
            }
        }
        Step::Group(group) => expected(&group.step, times, note),
        Step::Guarded(guarded) if guarded.when.is_some() => {}
        Step::Guarded(guarded) => {
            let (min, max) = (guarded.repeat.min, guarded.repeat.max);
            let mean = f64::midpoint(f64::from(min), f64::from(max));
            expected(&guarded.step, times * mean, note);
        }
    }
}
