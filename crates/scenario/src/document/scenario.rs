//! The kinds of users of a file, as they stand in it.

use super::{
    auth::AuthTable,
    flow::Steps,
    keys,
    load::LoadTable,
    node::{Field, Kind, Node},
    reader::{Reader, Table, field},
};
use crate::problem::{Place, Problem};
use std::time::Duration;

/// The largest weight.
const MOST_WEIGHT: f64 = 1e9;

/// `[[scenario]]`, all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scenarios {
    /// Those that could be read.
    pub list: Vec<ScenarioTable>,
    /// Whether one could not be read at all.
    pub broken: bool,
    /// Whether `scenario` is there at all, right or wrong.
    pub given: bool,
}

/// One of `[[scenario]]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ScenarioTable {
    /// Where its head stands.
    pub place: Place,
    /// `name`.
    pub name: Field<String>,
    /// `weight`; zero or more.
    pub weight: Field<f64>,
    /// `auth`.
    pub auth: Field<AuthTable>,
    /// `[scenario.load]`.
    pub load: Field<LoadTable>,
    /// `[[scenario.step]]`.
    pub steps: Steps,
    /// What its users do besides.
    pub routine: Routine,
}

/// What users do besides the steps of their iterations.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Routine {
    /// `pace`.
    pub pace: Field<Duration>,
    /// `rate_limit`, per second.
    pub rate_limit: Field<f64>,
    /// `[[before]]`.
    pub before: Steps,
}

/// What is done once in a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ends {
    /// `[[setup]]`.
    pub setup: Steps,
    /// `setup_timeout`.
    pub setup_timeout: Field<Duration>,
    /// `[[teardown]]`.
    pub teardown: Steps,
    /// `teardown_timeout`.
    pub teardown_timeout: Field<Duration>,
}

impl Reader {
    pub(super) fn ends(&mut self, table: &Table<'_>) -> Ends {
        let mut limit = |key: &str| self.duration(table.get(key), &format!("`{key}`"), false);
        let (setup_timeout, teardown_timeout) = (limit("setup_timeout"), limit("teardown_timeout"));
        let mut steps = |key: &str| self.steps(table, key, &format!("[[{key}]]"));
        Ends {
            setup: steps("setup"),
            setup_timeout,
            teardown: steps("teardown"),
            teardown_timeout,
        }
    }

    pub(super) fn scenarios(&mut self, node: Option<&Node>) -> Scenarios {
        let (list, complete) = self.tables(node, "scenario", "[[scenario]]", Self::scenario);
        Scenarios {
            list,
            broken: !complete,
            given: node.is_some(),
        }
    }

    fn scenario(&mut self, node: &Node, head: &str) -> Option<ScenarioTable> {
        let table = self.table(node, &format!("`{head}`"), keys::SCENARIO)?;
        Some(ScenarioTable {
            place: node.place.clone(),
            name: self.name(table.get("name"), "`name`"),
            weight: self.weight(table.get("weight")),
            auth: self.auth(table.get("auth")),
            load: self.load(table.get("load"), "`[scenario.load]`"),
            steps: self.steps(&table, "step", "[[scenario.step]]"),
            routine: self.routine(&table, "[[scenario.before]]"),
        })
    }

    /// What users do besides; `head` is what stands above each step before.
    pub(super) fn routine(&mut self, table: &Table<'_>, head: &str) -> Routine {
        Routine {
            pace: self.duration(table.get("pace"), "`pace`", false),
            rate_limit: self.rate(table.get("rate_limit"), "`rate_limit`", false),
            before: self.steps(table, "before", head),
        }
    }

    pub(super) fn weight(&mut self, node: Option<&Node>) -> Field<f64> {
        field(node, |node| {
            let weight = match node.kind {
                #[expect(clippy::cast_precision_loss, reason = "bounds are far below 2^53")]
                Kind::Integer(number) => number as f64,
                Kind::Float(number) => number,
                _ => return self.wrong_type(node, "`weight`", "a number such as 80"),
            };
            if (0.0..=MOST_WEIGHT).contains(&weight) {
                return Some(weight);
            }
            let bound = if weight < 0.0 {
                "must be at least 0".to_owned()
            } else {
                format!("must be at most {MOST_WEIGHT}")
            };
            let problem = Problem::new(&node.place, format!("`weight` {bound}"));
            self.tell(problem.label("out of range"));
            None
        })
    }
}
