//! When a request is sent again: `retry`.

use super::{
    keys,
    node::{Field, Kind, Node},
    reader::{Reader, field},
};
use crate::{
    problem::{Problem, nearest},
    quantity::parse_statuses,
};
use loadgen_stats::ErrorKind;
use std::time::Duration;

/// The most times that a request is sent again.
const MOST: u64 = 100;
/// Kinds of errors after which a request cannot be sent again, or which `on` says by a status.
const NOT_TRIED: [ErrorKind; 5] = [
    ErrorKind::Http4xx,
    ErrorKind::Http5xx,
    ErrorKind::Check,
    ErrorKind::Template,
    ErrorKind::Auth,
];

/// `retry`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RetryTable {
    /// `on`.
    pub on: Field<Tried>,
    /// `max`.
    pub max: Field<u64>,
    /// `backoff`.
    pub backoff: Field<Duration>,
    /// `max_backoff`.
    pub max_backoff: Field<Duration>,
}

/// What a request is sent again after.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tried {
    /// Statuses, as inclusive ranges.
    pub statuses: Vec<(u16, u16)>,
    /// Kinds of errors.
    pub kinds: Vec<ErrorKind>,
}

impl Reader {
    pub(super) fn retry(&mut self, node: Option<&Node>) -> Field<RetryTable> {
        field(node, |node| {
            let table = self.table_such_as(node, "`retry`", keys::RETRY, "{ on = 429 }")?;
            let read = RetryTable {
                on: field(table.get("on"), |node| self.tried(node)),
                max: self.whole(table.get("max"), "`retry.max`", 1, MOST),
                backoff: self.duration(table.get("backoff"), "`retry.backoff`", false),
                max_backoff: self.duration(table.get("max_backoff"), "`retry.max_backoff`", false),
            };
            if read.on.is_absent() {
                let problem = Problem::new(&node.place, "`retry` does not say after what");
                self.tell(problem.help("add for example `on = [429, 503, \"reset\"]`"));
                return None;
            }
            let broken = matches!(read.on, Field::Broken)
                || matches!(read.max, Field::Broken)
                || matches!(read.backoff, Field::Broken)
                || matches!(read.max_backoff, Field::Broken);
            (!broken).then_some(read)
        })
    }

    fn tried(&mut self, node: &Node) -> Option<Tried> {
        let nodes = match &node.kind {
            Kind::List(list) if list.is_empty() => {
                let message = "`on` must name at least one status or kind of error";
                self.tell(Problem::new(&node.place, message));
                return None;
            }
            Kind::List(list) => list.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut all = Some(Tried::default());
        for node in nodes {
            let own = self.one_tried(node);
            all = all.zip(own).map(|(mut all, own)| {
                all.statuses.extend(own.statuses);
                all.kinds.extend(own.kinds);
                all
            });
        }
        all
    }

    fn one_tried(&mut self, node: &Node) -> Option<Tried> {
        let text = match &node.kind {
            Kind::Text(text) => text.clone(),
            Kind::Integer(number) => number.to_string(),
            _ => return self.wrong_type(node, "`on`", "a status or a kind of error"),
        };
        let mut tried = Tried::default();
        match (kind(&text), parse_statuses(&text)) {
            (Some(kind), _) => tried.kinds.push(kind),
            (None, Ok(statuses)) => tried.statuses = statuses,
            (None, Err(_)) => {
                let known = ErrorKind::ALL
                    .into_iter()
                    .filter(|one| !NOT_TRIED.contains(one));
                let known: Vec<&str> = known.map(ErrorKind::name).collect();
                let help = match nearest(&text, known.iter().copied()) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!(
                        "statuses are such as 429 or \"5xx\"; kinds: {}",
                        known.join(", ")
                    ),
                };
                let message = format!("`{text}` is nothing that a request is sent again after");
                self.tell(
                    Problem::new(&node.place, message)
                        .label("unknown")
                        .help(help),
                );
                return None;
            }
        }
        Some(tried)
    }
}

fn kind(text: &str) -> Option<ErrorKind> {
    ErrorKind::from_name(text).filter(|kind| !NOT_TRIED.contains(kind))
}
