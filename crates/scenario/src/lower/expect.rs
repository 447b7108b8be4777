//! What a step expects of its answer: what the defaults say, and what it says itself.

use super::{Lowering, limits::fits, pick_field};
use crate::{
    document::{Expectation, SloEntry, StepTable},
    plan::{Expect, StreamSpec},
    problem::Problem,
    reply::{Check, Criterion},
};
use loadgen_stats::SloLimit;

/// The statuses that are no failure, if nothing is said.
const STATUSES: (u16, u16) = (200, 399);

impl Lowering<'_> {
    /// What the answer must be; absent where something in it is wrong.
    pub(super) fn expect(
        &mut self,
        step: &StepTable,
        stream: Option<&StreamSpec>,
    ) -> Option<Expect> {
        let document = self.document;
        let (own, defaults) = (&step.common.expect, &document.defaults.common.expect);
        let status = own.status.or(&defaults.status).given();
        let before = self.problems.len();
        let checks = self.checks(own, defaults, stream);
        let within = self.within(own, defaults, stream);
        (self.problems.len() == before).then(|| Expect {
            statuses: status.map_or_else(|| vec![STATUSES], |given| given.value.clone()),
            status_is_check: status.is_some(),
            checks,
            within,
        })
    }

    fn checks(
        &mut self,
        own: &Expectation,
        defaults: &Expectation,
        stream: Option<&StreamSpec>,
    ) -> Vec<Check> {
        let mut checks = Vec::new();
        let headers = pick_field(&own.headers, &defaults.headers);
        let header = |(name, conditions): &(String, Vec<Criterion>)| {
            Check::Header(name.clone(), conditions.clone())
        };
        checks.extend(headers.into_iter().flatten().map(header));
        let texts = pick_field(&own.body_contains, &defaults.body_contains);
        checks.extend(
            texts
                .into_iter()
                .flatten()
                .cloned()
                .map(Check::BodyContains),
        );
        let patterns = pick_field(&own.body_matches, &defaults.body_matches);
        checks.extend(
            patterns
                .into_iter()
                .flatten()
                .cloned()
                .map(Check::BodyMatches),
        );
        let places = pick_field(&own.json, &defaults.json);
        let json = |(path, conditions): &(_, Vec<Criterion>)| {
            Check::Json(crate::reply::Path::clone(path), conditions.clone())
        };
        checks.extend(places.into_iter().flatten().map(json));
        checks.extend(
            pick_field(&own.body_size, &defaults.body_size)
                .copied()
                .map(Check::BodySize),
        );
        match (own.tokens.given(), defaults.tokens.given()) {
            (Some(given), _) if stream.is_none() => {
                let message = "`tokens` means nothing to a step without `stream`";
                self.tell(
                    Problem::new(&given.place, message)
                        .help("add for example `stream = \"openai\"`"),
                );
            }
            (Some(given), _) => checks.push(Check::Tokens(given.value)),
            // What the defaults say is for those that can have it.
            (None, Some(given)) if stream.is_some() => checks.push(Check::Tokens(given.value)),
            (None, _) => {}
        }
        checks
    }

    /// The longest times; of those in the defaults, the ones that the step can have.
    fn within(
        &mut self,
        own: &Expectation,
        defaults: &Expectation,
        stream: Option<&StreamSpec>,
    ) -> Vec<SloLimit> {
        let limit = |entry: &SloEntry| SloLimit {
            trend: entry.trend.value,
            limit: entry.limit.value,
        };
        if let Some(given) = own.within.given() {
            given
                .value
                .iter()
                .for_each(|entry| _ = self.can_have(entry, stream));
            return given.value.iter().map(limit).collect();
        }
        let given = defaults.within.given();
        let entries = given.into_iter().flat_map(|given| &given.value);
        let fitting = entries.filter(|entry| fits(entry.trend.value, stream));
        fitting.map(limit).collect()
    }
}
