//! When a step gives its request up: `cancel`.

use super::{
    keys,
    node::{Field, Node},
    reader::{Reader, field},
};
use crate::problem::Problem;
use std::time::Duration;

/// `cancel`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CancelTable {
    /// `after`.
    pub after: Field<Duration>,
    /// `after_tokens`.
    pub after_tokens: Field<u64>,
    /// `probability`.
    pub probability: Field<f64>,
}

/// The most tokens after which a request can be given up.
const MOST_TOKENS: u64 = 1_000_000_000;

impl Reader {
    pub(super) fn cancel(&mut self, node: Option<&Node>) -> Field<CancelTable> {
        field(node, |node| {
            let example = "{ after = \"2s\" }";
            let table = self.table_such_as(node, "`cancel`", keys::CANCEL, example)?;
            let read = CancelTable {
                after: self.duration(table.get("after"), "`cancel.after`", false),
                after_tokens: self.whole(
                    table.get("after_tokens"),
                    "`cancel.after_tokens`",
                    1,
                    MOST_TOKENS,
                ),
                probability: self.share(table.get("probability"), "`cancel.probability`"),
            };
            if read.after.is_absent() && read.after_tokens.is_absent() {
                let problem = Problem::new(&node.place, "`cancel` does not say when");
                let help = "add `after = \"2s\"`, or `after_tokens = 20` for streams";
                self.tell(problem.help(help));
                return None;
            }
            let broken = matches!(read.after, Field::Broken)
                || matches!(read.after_tokens, Field::Broken)
                || matches!(read.probability, Field::Broken);
            (!broken).then_some(read)
        })
    }
}
