//! What a step expects of its answer: what the defaults say, and what it says itself.

use super::{Lowering, limits::fits, pick_field};
use crate::{
    document::{Condition, Expectation, PatternText, SloEntry, StepTable},
    plan::{Expect, StreamSpec},
    problem::Problem,
    reply::{Check, Criterion, Pattern, WantedPattern, WantedValue},
    secrets::Secrecy,
    template::{Mode, Text},
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
        for (name, conditions) in pick_field(&own.headers, &defaults.headers)
            .into_iter()
            .flatten()
        {
            let criteria = self.criteria(conditions);
            checks.extend(criteria.map(|criteria| Check::Header(name.clone(), criteria)));
        }
        let texts = pick_field(&own.body_contains, &defaults.body_contains);
        for text in texts.into_iter().flatten() {
            let folded = self.fold(text, Mode::Text, Secrecy::Open);
            checks.extend(folded.map(|folded| Check::BodyContains(folded.text)));
        }
        let patterns = pick_field(&own.body_matches, &defaults.body_matches);
        for pattern in patterns.into_iter().flatten() {
            checks.extend(self.pattern(pattern).map(Check::BodyMatches));
        }
        for (path, conditions) in pick_field(&own.json, &defaults.json).into_iter().flatten() {
            let criteria = self.criteria(conditions);
            checks.extend(criteria.map(|criteria| Check::Json(path.clone(), criteria)));
        }
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

    /// What a value must be; absent where something in it is wrong.
    fn criteria(&mut self, conditions: &[Condition]) -> Option<Vec<Criterion>> {
        let read: Vec<_> = conditions.iter().map(|one| self.criterion(one)).collect();
        read.into_iter().collect()
    }

    fn criterion(&mut self, condition: &Condition) -> Option<Criterion> {
        let mut value = |node| self.json_template(node).map(WantedValue::of);
        Some(match condition {
            Condition::Equals(node) => Criterion::Equals(value(node)?),
            Condition::Not(node) => Criterion::Not(value(node)?),
            Condition::Contains(node) => Criterion::Contains(value(node)?),
            Condition::Exists(there) => Criterion::Exists(*there),
            Condition::Within(bounds) => Criterion::Within(*bounds),
            Condition::Matches(pattern) => Criterion::Matches(self.pattern(pattern)?),
        })
    }

    fn pattern(&mut self, pattern: &PatternText) -> Option<WantedPattern> {
        let source = match pattern {
            PatternText::Fixed(pattern) => return Some(WantedPattern::Fixed(pattern.clone())),
            PatternText::Template(source) => source,
        };
        let folded = self.fold(source, Mode::Text, Secrecy::Open)?;
        // What a trial cannot tell may be an expression in the run.
        if folded.open {
            return Some(WantedPattern::Template(folded.text));
        }
        match (Pattern::parse(&folded.trial), folded.text) {
            (Err(error), _) => {
                let problem = Problem::new(&source.place, error.message);
                self.tell(problem.help("what templates give is taken as it is"));
                None
            }
            (Ok(pattern), Text::Fixed(_)) => Some(WantedPattern::Fixed(pattern)),
            (Ok(_), text) => Some(WantedPattern::Template(text)),
        }
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
