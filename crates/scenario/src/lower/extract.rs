//! What a step takes out of its answer for those that follow.

use super::Lowering;
use crate::{
    document::{ExtractTable, StepTable},
    plan::{OnFailure, StreamSpec},
    problem::Problem,
    reply::{Extract, Finder},
    secrets::is_secret_name,
};
use std::collections::BTreeMap;

impl Lowering<'_> {
    /// What is taken out of the answer of a step; those that follow know it from here on.
    pub(super) fn extract(
        &mut self,
        step: &StepTable,
        stream: Option<&StreamSpec>,
    ) -> Option<Vec<Extract>> {
        if step.extract.is_absent() {
            return Some(Vec::new());
        }
        let given = step.extract.given()?;
        let before = self.problems.len();
        let extracts: Vec<Extract> = given
            .value
            .iter()
            .map(|table| self.one_extract(table, stream))
            .collect();
        (self.problems.len() == before).then_some(extracts)
    }

    fn one_extract(&mut self, table: &ExtractTable, stream: Option<&StreamSpec>) -> Extract {
        let name = &table.name.value;
        if let (Finder::Json(_), Some(_)) = (&table.finder.value, stream) {
            let message = "a stream is not one JSON value";
            let problem = Problem::new(&table.finder.place, message);
            self.tell(
                problem.help(
                    "take its text with { text = true }, or a part of it with { regex = '…' }",
                ),
            );
        }
        self.compiler.introduce(name);
        let secret = is_secret_name(name);
        if let Some(default) = table.default.as_ref().filter(|_| secret) {
            self.secrets.add(default.as_str().unwrap_or_default());
        }
        Extract {
            name: name.as_str().into(),
            finder: table.finder.value.clone(),
            all: table.all,
            default: table.default.clone(),
            secret,
        }
    }

    /// What a value that is not found does to the iteration: it ends, unless the file says something else of failures.
    pub(super) fn on_missing(&self, step: &StepTable) -> OnFailure {
        let said = step
            .common
            .on_failure
            .or(&self.document.defaults.common.on_failure);
        said.given()
            .map_or(OnFailure::NextIteration, |given| given.value)
    }
}

/// The names that these steps take out of their answers, each with how problems call its step.
pub(super) fn names<'s>(
    steps: impl IntoIterator<Item = &'s StepTable>,
) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for step in steps {
        let called = match step.name.given() {
            Some(name) => format!("the step `{}`", name.value),
            None => "a later step".to_owned(),
        };
        let given = step.extract.given();
        for table in given.into_iter().flat_map(|given| &given.value) {
            names
                .entry(table.name.value.clone())
                .or_insert_with(|| called.clone());
        }
    }
    names
}
