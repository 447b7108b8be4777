//! A scenario as it stands in its file: every value with its place, no default applied.

mod auth;
mod body;
mod cancel;
mod data;
mod expect;
mod extract;
mod flow;
pub(crate) mod keys;
mod load;
mod mock;
mod node;
mod probe;
pub(crate) mod reader;
mod resolve;
mod retry;
mod scenario;
mod settings;
mod syntax;
mod talk;
mod tree;

pub(crate) use auth::{AuthTable, OAuth2Table, TokenFrom, TokenTable};
pub(crate) use body::{Pairs, PartTable};
pub(crate) use data::{DataTable, Format};
pub(crate) use expect::{Condition, Expectation, PatternText};
pub(crate) use extract::ExtractTable;
pub(crate) use flow::{Common, Defaults, QueryValue, StepTable, Steps, StreamTable, TimeoutTable};
pub(crate) use load::{
    ArrivalsName, Executor, Level, LoadTable, OFF, StageTable, StartTable, connect_rate,
    rate_in_bounds,
};
pub(crate) use mock::MockTable;
pub(crate) use node::{Field, Kind, Located, Node, Source};
pub(crate) use probe::{CommandTable, Mark, ProbeTable};
pub(crate) use scenario::{Ends, Routine, ScenarioTable, Scenarios};
pub(crate) use settings::{SloEntry, ThresholdEntry};
pub(crate) use talk::{Talk, TurnsTable};
pub(crate) use tree::{Inner, Tree};

use crate::problem::Problem;
use reader::Reader;

/// A scenario as it stands in its file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Document {
    /// `name`.
    pub name: Field<String>,
    /// `target`.
    pub target: Field<Source>,
    /// `[load]`.
    pub load: Field<LoadTable>,
    /// `[vars]`, in the order of the file.
    pub vars: Vec<(Located<String>, Node)>,
    /// `[data.NAME]`, in the order of the file.
    pub data: Vec<DataTable>,
    /// `[defaults]`.
    pub defaults: Defaults,
    /// `[[step]]`.
    pub steps: Steps,
    /// What users do besides, where their scenario does not say.
    pub routine: Routine,
    /// What is done once, before the first user and after the last.
    pub ends: Ends,
    /// `[[scenario]]`.
    pub scenarios: Scenarios,
    /// `[slo]`.
    pub slo: Vec<SloEntry>,
    /// `[thresholds]`.
    pub thresholds: Vec<ThresholdEntry>,
    /// `[mock]`.
    pub mock: MockTable,
    /// `[[probe]]`.
    pub probes: Vec<ProbeTable>,
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
        reader.torn = torn;
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
            target: reader.template(table.get("target"), "`target`"),
            load: reader.load(table.get("load"), "`[load]`"),
            vars: reader.vars(table.get("vars")),
            data: reader.data(table.get("data")),
            defaults: reader.defaults(table.get("defaults")),
            steps: reader.steps(&table, "step", "[[step]]"),
            routine: reader.routine(&table, "[[before]]"),
            ends: reader.ends(&table),
            scenarios: reader.scenarios(table.get("scenario")),
            slo: reader.slo(table.get("slo")),
            thresholds: reader.thresholds(table.get("thresholds")),
            mock: reader.mock(table.get("mock")),
            probes: reader.probes(table.get("probe")),
            torn,
        };
        (document, reader.problems)
    }
}

/// The files whose contents a scenario sends, as its text names them. What cannot be read of the text names none.
#[must_use]
pub fn files(text: &str) -> Vec<String> {
    body::files(&syntax::parse(text, &mut Vec::new()))
}

/// The whole text as JSON, for the tests of the schema.
#[cfg(test)]
pub(crate) fn to_json(text: &str) -> (serde_json::Value, Vec<Problem>) {
    let mut problems = Vec::new();
    let root = syntax::parse(text, &mut problems);
    (root.to_json(), problems)
}
