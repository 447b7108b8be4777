//! A scenario as it stands in its file: every value with its place, no default applied.

mod flow;
pub(crate) mod keys;
mod node;
pub(crate) mod reader;
mod settings;
mod syntax;

pub(crate) use flow::{Common, QueryValue, StepTable, StreamTable};
pub(crate) use node::{Field, Kind, Located, Node, Source};
pub(crate) use settings::{Executor, LoadTable, MockTable, SloEntry, ThresholdEntry};

use crate::problem::Problem;
use reader::Reader;

/// A scenario as it stands in its file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Document {
    /// `name`.
    pub name: Field<String>,
    /// `target`.
    pub target: Field<String>,
    /// `[load]`.
    pub load: Field<LoadTable>,
    /// `[vars]`, in the order of the file.
    pub vars: Vec<(Located<String>, Node)>,
    /// `[defaults]`.
    pub defaults: Common,
    /// `[[step]]`.
    pub steps: Vec<StepTable>,
    /// Whether `step` is there at all, right or wrong.
    pub has_steps: bool,
    /// `[slo]`.
    pub slo: Vec<SloEntry>,
    /// `[thresholds]`.
    pub thresholds: Vec<ThresholdEntry>,
    /// `[mock]`.
    pub mock: MockTable,
    /// Whether the text could not be read to its end, so that what is missing may only be unread.
    pub torn: bool,
}

impl Document {
    /// Reads a scenario's text as far as it goes, and tells all that is wrong with its values one by one.
    #[must_use]
    pub(crate) fn parse(text: &str) -> (Self, Vec<Problem>) {
        let mut reader = Reader::default();
        let root = syntax::parse(text, &mut reader.problems);
        let torn = !reader.problems.is_empty();
        let Some(table) = reader.table(&root, "a scenario", keys::ROOT) else {
            return (
                Self {
                    torn: true,
                    ..Self::default()
                },
                reader.problems,
            );
        };
        let document = Self {
            name: reader.name(table.get("name"), "`name`"),
            target: reader.text(table.get("target"), "`target`"),
            load: reader.load(table.get("load")),
            vars: reader.vars(table.get("vars")),
            defaults: reader.defaults(table.get("defaults")),
            steps: reader.steps(table.get("step")),
            has_steps: table.get("step").is_some(),
            slo: reader.slo(table.get("slo")),
            thresholds: reader.thresholds(table.get("thresholds")),
            mock: reader.mock(table.get("mock")),
            torn,
        };
        (document, reader.problems)
    }
}
