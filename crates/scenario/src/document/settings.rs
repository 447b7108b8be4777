//! The tables of a scenario beside its load and its steps: variables and limits.

use super::{
    keys,
    node::{Field, Kind, Located, Node},
    reader::{Reader, unknown_word},
};
use crate::problem::{Place, Problem};
use loadgen_stats::Trend;
use std::time::Duration;

/// One limit of `[slo]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SloEntry {
    /// What is limited.
    pub trend: Located<Trend>,
    /// The longest time that is good.
    pub limit: Located<Duration>,
}

/// One expression of `[thresholds]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ThresholdEntry {
    /// The metric with its tags, as written.
    pub selector: Located<String>,
    /// Where the selector begins inside its place, if it has no escapes.
    pub selector_skip: Option<usize>,
    /// The expression, as written.
    pub expression: Located<String>,
    /// Where the expression begins inside its place, if it has no escapes.
    pub expression_skip: Option<usize>,
}

impl Reader {
    /// A name: some text on one line.
    pub(super) fn name(&mut self, node: Option<&Node>, what: &str) -> Field<String> {
        let name = self.text(node, what);
        if let Field::Given(given) = &name
            && (given.value.trim().is_empty() || given.value.contains(char::is_control))
        {
            let message = format!("{what} must be some text on one line");
            self.tell(Problem::new(&given.place, message));
            return Field::Broken;
        }
        name
    }

    pub(super) fn vars(&mut self, node: Option<&Node>) -> Vec<(Located<String>, Node)> {
        node.and_then(|node| self.entries(node, "`[vars]`"))
            .map(<[_]>::to_vec)
            .unwrap_or_default()
    }

    pub(super) fn slo(&mut self, node: Option<&Node>) -> Vec<SloEntry> {
        self.limits(node, "`slo`")
    }

    /// The longest times of one request.
    pub(super) fn limits(&mut self, node: Option<&Node>, what: &str) -> Vec<SloEntry> {
        let entries = node
            .and_then(|node| self.entries(node, what))
            .unwrap_or_default();
        let read = |(name, node): &(Located<String>, Node)| {
            let limit = self.duration(Some(node), &format!("the limit of `{}`", name.value), false);
            let Some(trend) = keys::slo().find(|trend| trend.name() == name.value) else {
                self.tell(not_for_slo(name));
                return None;
            };
            Some(SloEntry {
                trend: name.with(trend),
                limit: limit.given()?.clone(),
            })
        };
        entries.iter().filter_map(read).collect()
    }

    pub(super) fn thresholds(&mut self, node: Option<&Node>) -> Vec<ThresholdEntry> {
        let entries = node
            .and_then(|node| self.entries(node, "`[thresholds]`"))
            .unwrap_or_default();
        let mut thresholds = Vec::new();
        for (selector, node) in entries {
            let expressions: Vec<&Node> = match &node.kind {
                Kind::List(list) => list.iter().collect(),
                _ => vec![node],
            };
            if expressions.is_empty() {
                let message = format!("`{}` has no expression", selector.value);
                self.tell(
                    Problem::new(&node.place, message).help("write for example [\"p95 < 2s\"]"),
                );
            }
            for node in expressions {
                let Kind::Text(text) = &node.kind else {
                    self.wrong_type::<()>(node, "a threshold", "a string such as \"p95 < 2s\"");
                    continue;
                };
                thresholds.push(ThresholdEntry {
                    selector: selector.clone(),
                    selector_skip: key_skip(selector),
                    expression: Located::new(text.clone(), node.place.clone()),
                    expression_skip: node.verbatim,
                });
            }
        }
        thresholds
    }
}

fn not_for_slo(name: &Located<String>) -> Problem {
    if Trend::from_name(&name.value).is_some() {
        return Problem::new(
            &name.place,
            format!("`{}` is no time of one request", name.value),
        )
        .label("cannot be limited here")
        .help("use it in `[thresholds]`");
    }
    unknown_word(
        name.place.clone(),
        "time of a request",
        &name.value,
        keys::slo().map(Trend::name),
    )
}

/// Keys with quotes are one byte longer at each end; keys with escapes cannot be pointed into.
fn key_skip(key: &Located<String>) -> Option<usize> {
    let Place::File(span) = &key.place else {
        return Some(0);
    };
    match span.len().checked_sub(key.value.len()) {
        Some(0) => Some(0),
        Some(2) => Some(1),
        _ => None,
    }
}
