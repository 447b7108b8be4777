//! What makes a tree of steps: conditions, repetitions, and steps inside a step.

use super::{
    flow::Steps,
    node::{Field, Kind, Located, Node, Source},
    reader::{Reader, Table, field},
};
use crate::{problem::Problem, quantity::parse_duration_range};
use std::time::Duration;

/// The deepest that steps may stand in each other.
const DEEPEST: usize = 8;
/// The most times that a step is repeated.
const MOST_TIMES: u64 = 1_000_000;

/// What makes a tree of steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tree {
    /// `when`.
    pub when: Field<Source>,
    /// `repeat`: the fewest and the most times.
    pub repeat: Field<(u32, u32)>,
    /// `weight`, where the step is one of `choose`; zero or more.
    pub weight: Field<f64>,
    /// `group`.
    pub group: Field<String>,
    /// The lists of steps inside; one, if the step is right.
    pub inner: Vec<(Located<Inner>, Steps)>,
}

/// How the steps inside a step are walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inner {
    /// `step`: one after the other.
    InOrder,
    /// `choose`: one of them.
    OneOf,
    /// `parallel`: all at once.
    AtOnce,
}

impl Inner {
    pub(crate) const ALL: [Self; 3] = [Self::InOrder, Self::OneOf, Self::AtOnce];

    /// The key of it.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::InOrder => "step",
            Self::OneOf => "choose",
            Self::AtOnce => "parallel",
        }
    }
}

impl Reader {
    /// What of a step makes it a part of a tree; `head` is what stands above the step.
    pub(super) fn tree(&mut self, table: &Table<'_>, head: &str) -> Tree {
        Tree {
            when: self.template(table.get("when"), "`when`"),
            repeat: field(table.get("repeat"), |node| {
                self.times(node, "repeat", MOST_TIMES)
            }),
            weight: self.weight(table.get("weight")),
            group: self.name(table.get("group"), "`group`"),
            inner: self.inner(table, head),
        }
    }

    fn inner(&mut self, table: &Table<'_>, head: &str) -> Vec<(Located<Inner>, Steps)> {
        let mut lists = Vec::new();
        for inner in Inner::ALL {
            let Some((key, node)) = table.entry(inner.key()) else {
                continue;
            };
            let path = head.trim_matches(['[', ']']);
            if path.split('.').count() > DEEPEST {
                let message = format!("steps stand in each other at most {DEEPEST} deep");
                self.tell(Problem::new(&key.place, message));
                lists.push((key.with(inner), Steps::default()));
                continue;
            }
            let steps = self.steps_below(inner.key(), node, &format!("[[{path}.{}]]", inner.key()));
            lists.push((key.with(inner), steps));
        }
        lists
    }

    pub(super) fn think(&mut self, node: &Node) -> Option<(Duration, Duration)> {
        match &node.kind {
            Kind::Text(text) => self.understand(node, parse_duration_range(text)),
            _ => {
                let length = self.duration(Some(node), "`think`", true);
                length.given().map(|given| (given.value, given.value))
            }
        }
    }
}
