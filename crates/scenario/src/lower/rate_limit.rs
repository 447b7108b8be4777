//! How often requests may begin: each of them takes turns under one cap at most.

use super::{Lowering, scenarios::Part};
use crate::{
    document::{Field, Located, StepTable},
    plan::{Limited, Rate, RateLimit, Step},
    problem::Problem,
    quantity::format_rate,
};
use loadgen_stats::ScenarioIndex;

/// What to do about two caps on the same requests.
const ONE_TURN: &str =
    "a request waits for one turn: give caps to steps, to scenarios, or to the file";

impl Lowering<'_> {
    /// The cap of one step.
    pub(super) fn own_rate_limit(&mut self, step: &StepTable) -> Option<RateLimit> {
        let rate = Rate::per_second(step.rate_limit.given()?.value)?;
        Some(self.rate_limit(rate, Limited::Step))
    }

    /// The cap that all requests of the file share.
    pub(super) fn rate_limit_of_file(&mut self) -> Option<RateLimit> {
        let given = self.document.routine.rate_limit.given()?;
        self.explain_file("rate_limit", &format_rate(given.value), &given.place);
        Some(self.rate_limit(Rate::per_second(given.value)?, Limited::File))
    }

    /// The cap that the requests of one part share. `tables` are all of its requests, `of_file` what the file has.
    pub(super) fn rate_limit_of(
        &mut self,
        place: usize,
        part: &Part<'_>,
        tables: &[&StepTable],
        of_file: Option<RateLimit>,
    ) -> Option<RateLimit> {
        let document = self.document;
        let file = &document.routine.rate_limit;
        let own = part.scenario.map(|table| &table.routine.rate_limit);
        let own = own.and_then(Field::given);
        let above = own.or(file.given());
        if let (Some(own), Some(file)) = (own, file.given()) {
            self.two_caps(own, "the file", file);
        }
        for step in tables.iter().filter_map(|table| table.rate_limit.given()) {
            if let Some(above) = above {
                let what = if own.is_some() {
                    "its scenario"
                } else {
                    "the file"
                };
                self.two_caps(step, what, above);
            }
        }
        match own {
            Some(own) => {
                let rate = Rate::per_second(own.value)?;
                Some(self.rate_limit(rate, Limited::Scenario(ScenarioIndex(place))))
            }
            None => of_file,
        }
    }

    fn two_caps(&mut self, inner: &Located<f64>, what: &str, outer: &Located<f64>) {
        let message = format!("{what} has a `rate_limit` already");
        let problem = Problem::new(&inner.place, message).more(&outer.place, "the other one");
        self.tell(problem.help(ONE_TURN));
    }

    fn rate_limit(&mut self, rate: Rate, of: Limited) -> RateLimit {
        let place = self.rate_limits;
        self.rate_limits += 1;
        RateLimit { rate, of, place }
    }
}

/// Gives a cap to all requests of these steps.
pub(super) fn share(steps: &mut [Step], limit: Option<RateLimit>) {
    if let Some(limit) = limit {
        for step in steps {
            step.each_request_mut(&mut |request| request.rate_limit = Some(limit));
        }
    }
}
