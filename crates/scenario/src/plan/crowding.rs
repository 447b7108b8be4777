//! Caps that let less through than arrivals are sure to ask for.

use super::{Limited, LoadPlan, Plan, RateLimit, Request, fresh::expected};
use crate::quantity::format_rate;
use std::fmt;

/// Rates are summed in millionths: a cap may be far below one a second.
const PARTS: f64 = 1e6;

/// A cap that lets less through than loads which make as many users as it takes are sure to ask for: the others wait in a
/// line that grows.
#[derive(Clone, Debug, PartialEq)]
pub struct Crowding {
    /// Whose cap it is, in words.
    pub of: String,
    /// Requests that may begin in a second.
    pub may: f64,
    /// Requests per second that are asked for, at the highest rate of the loads.
    pub asked: f64,
}

impl fmt::Display for Crowding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, may, asked } = self;
        let (asked, may) = (format_rate(*asked), format_rate(*may));
        write!(
            f,
            "arrivals ask for up to {asked} requests where the `rate_limit` of {of} lets {may} begin: the others wait in a line that grows"
        )
    }
}

impl Plan {
    /// The caps that hold more back than they let through, where nothing bounds the users who wait.
    #[must_use]
    pub fn crowded(&self) -> Vec<Crowding> {
        let limits = self.requests().filter_map(|request| request.rate_limit);
        let mut limits: Vec<RateLimit> = limits.collect();
        limits.sort_by_key(|limit| limit.place);
        limits.dedup_by_key(|limit| limit.place);
        let crowding = limits.into_iter().map(|limit| {
            let asked = |load: &LoadPlan| (self.asked(load, limit) * PARTS).round() as u64;
            Crowding {
                of: self.called(limit),
                may: limit.rate.get(),
                asked: self.most_at_once(asked) as f64 / PARTS,
            }
        });
        crowding
            .filter(|one| one.asked > one.may + 1.0 / PARTS)
            .collect()
    }

    /// The requests per second under a cap that arrivals of a load are sure to ask for at its highest rate.
    fn asked(&self, load: &LoadPlan, limit: RateLimit) -> f64 {
        if !load.load.is_open() || load.load.users().is_some() {
            return 0.0;
        }
        let mut each = 0.0;
        let mut note = |request: &Request, times: f64| {
            if request.rate_limit == Some(limit) {
                each += times;
            }
        };
        for member in &load.members {
            for step in &self.scenarios[member.scenario.0].flow {
                expected(step, member.share, &mut note);
            }
        }
        load.load.highest() * each
    }

    /// Whose cap it is, in words.
    fn called(&self, limit: RateLimit) -> String {
        match limit.of {
            Limited::File => "the file".to_owned(),
            Limited::Scenario(place) => format!("the scenario `{}`", self.scenarios[place.0].name),
            Limited::Step => {
                let mut all = self.requests();
                let own = all.find(|request| request.rate_limit == Some(limit));
                own.map_or_else(String::new, |step| format!("the step `{}`", step.name))
            }
        }
    }
}
