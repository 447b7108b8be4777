//! What a plan asks of the machine that drives it.

use super::{LoadPlan, Member, Plan, Step, load::rounded};
use std::time::Duration;

/// What a plan asks of the machine that drives it, as far as the plan tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Requests per second of the loads with a rate, at their highest.
    pub requests_per_second: u64,
    /// Streams at the same time of the loads with users, each of whom may have one.
    pub streams: u64,
}

/// What the users or arrivals of a load send at the most.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outgoing {
    /// Requests of an arrival, on average over the scenarios that share the load; each may have to log in first.
    pub per_arrival: f64,
    /// Requests of an iteration of the scenario that has the most.
    pub per_iteration: u64,
    /// Requests per second of a user of the scenario that has the most; none where nothing but the answers holds one back.
    pub per_second: Option<f64>,
    /// Requests of a user before its first iteration.
    pub before: u64,
}

impl Plan {
    /// What the users or arrivals of a load send at the most.
    #[must_use]
    pub fn outgoing(&self, load: &LoadPlan) -> Outgoing {
        let mut most = Outgoing {
            per_second: Some(0.0),
            ..Outgoing::default()
        };
        let sent = |steps: &[Step]| -> u64 { steps.iter().map(Step::most_requests).sum() };
        for member in load.members.iter().filter(|member| member.share > 0.0) {
            let scenario = &self.scenarios[member.scenario.0];
            let (requests, before) = (sent(&scenario.flow), sent(&scenario.before));
            let think: Duration = scenario.flow.iter().map(Step::shortest_think).sum();
            let apart = think.max(scenario.pace.unwrap_or_default());
            let rate = (!apart.is_zero()).then(|| requests as f64 / apart.as_secs_f64());
            most = Outgoing {
                per_arrival: most.per_arrival + member.share * (requests + before) as f64,
                per_iteration: most.per_iteration.max(requests),
                per_second: most.per_second.zip(rate).map(|(one, other)| one.max(other)),
                before: most.before.max(before),
            };
        }
        most
    }

    /// What it asks of the machine. Loads of users have the rate that the service allows, and those of rates the streams
    /// that it leaves open: neither is known before.
    #[must_use]
    pub fn demand(&self) -> Demand {
        Demand {
            requests_per_second: self.most_at_once(|load| self.requests_per_second(load)),
            streams: self.most_at_once(|load| self.streams(load)),
        }
    }

    fn requests_per_second(&self, load: &LoadPlan) -> u64 {
        if !load.load.is_open() {
            return 0;
        }
        let requests = |member: &Member| {
            let flow = &self.scenarios[member.scenario.0].flow;
            let requests: u64 = flow.iter().map(Step::most_requests).sum();
            member.share * f64::from(u32::try_from(requests).unwrap_or(u32::MAX))
        };
        let each: f64 = load.members.iter().map(requests).sum();
        u64::from(rounded((load.load.highest() * each).ceil()))
    }

    fn streams(&self, load: &LoadPlan) -> u64 {
        let Some(users) = load.load.users().filter(|_| !load.load.is_open()) else {
            return 0;
        };
        let streams = |member: &&Member| {
            let requests = Step::requests(&self.scenarios[member.scenario.0].flow);
            requests.iter().any(|request| request.stream.is_some())
        };
        let streaming = load.members.iter().filter(streams);
        let share: f64 = streaming.map(|member| member.share).sum();
        u64::from(rounded((share * f64::from(users.get())).ceil()))
    }
}
