//! Which values of answers templates use, and who knows them.

use super::{Compiler, is_template};
use crate::document::Source;
use std::collections::{BTreeMap, HashSet};

impl Compiler {
    /// Tells the names of all values that the steps of the file take out of answers, each with how problems call the step.
    pub(crate) fn begin_file(&mut self, names: BTreeMap<String, String>) {
        self.of_answers = names.into_keys().collect();
    }

    /// Whether a text uses a value that some step takes out of an answer.
    pub(crate) fn uses_answers(&self, source: &Source) -> bool {
        let names = self.names_in(source);
        names.iter().any(|name| self.of_answers.contains(name))
    }

    /// The name in a text of a value that a step takes out of an answer, but none before here.
    pub(crate) fn unknown(&self, source: &Source) -> Option<String> {
        let introduced = self.probe.introduced();
        let known =
            |name: &String| introduced.contains(name) || self.shared.vars.contains_key(name);
        let names = self.names_in(source).into_iter();
        let of_answers = names.filter(|name| self.of_answers.contains(name));
        of_answers.filter(|name| !known(name)).min()
    }

    /// How problems call the step, of those that follow here, that takes a value of this name out of its answer.
    pub(crate) fn later(&self, name: &str) -> Option<&str> {
        self.later.get(name).map(String::as_str)
    }

    /// The names in a text; none where it is no good template, which is told elsewhere.
    fn names_in(&self, source: &Source) -> HashSet<String> {
        if !source.template || !is_template(&source.text) {
            return HashSet::new();
        }
        let template = self.environment.template_from_str(&source.text);
        template.map_or_else(
            |_| HashSet::new(),
            |template| template.undeclared_variables(false),
        )
    }
}
