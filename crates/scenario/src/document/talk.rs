//! What makes a step a conversation: `conversation` and `turns`.

use super::{
    node::{Field, Kind, Node, Source},
    reader::{Reader, Table, field},
};
use crate::{plan::MOST_TURNS, problem::Problem};

/// What makes a step a conversation.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Talk {
    /// `conversation`.
    pub conversation: Field<bool>,
    /// `turns`.
    pub turns: Field<TurnsTable>,
}

/// `turns`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TurnsTable {
    /// The fewest and the most.
    Range(u32, u32),
    /// An expression.
    Expression(Source),
}

impl Talk {
    /// Whether the step is a conversation.
    pub(crate) fn converses(&self) -> bool {
        self.conversation.given().is_some_and(|given| given.value)
    }
}

impl Reader {
    pub(super) fn talk(&mut self, table: &Table<'_>) -> Talk {
        Talk {
            conversation: self.bool(table.get("conversation"), "`conversation`"),
            turns: field(table.get("turns"), |node| self.turns(node)),
        }
    }

    fn turns(&mut self, node: &Node) -> Option<TurnsTable> {
        let most = u64::from(MOST_TURNS);
        match &node.kind {
            Kind::Text(text) if text.contains("{{") => {
                Some(TurnsTable::Expression(node.source(text)))
            }
            Kind::Text(_) | Kind::Integer(_) => {
                let (least, most) = self.times(node, "turns", most)?;
                Some(TurnsTable::Range(least, most))
            }
            Kind::Broken => None,
            _ => {
                let wanted = "a number, a range such as \"1..5\", or an expression";
                self.wrong_type(node, "`turns`", wanted)
            }
        }
    }

    /// A number of times from 1 to `most`, or a range of them: the fewest, and the most.
    pub(super) fn times(&mut self, node: &Node, key: &str, most: u64) -> Option<(u32, u32)> {
        let (least, last) = match &node.kind {
            Kind::Text(text) => self.understand(node, crate::quantity::parse_count_range(text))?,
            Kind::Integer(_) => {
                let times = self.whole(Some(node), &format!("`{key}`"), 1, most);
                let times = times.given()?.value;
                (times, times)
            }
            _ => {
                let wanted = "a number, or a range such as \"1..5\"";
                return self.wrong_type(node, &format!("`{key}`"), wanted);
            }
        };
        if last == 0 || last > most {
            let message = format!("`{key}` must be from 1 to {most}");
            self.tell(Problem::new(&node.place, message).label("out of range"));
            return None;
        }
        u32::try_from(least).ok().zip(u32::try_from(last).ok())
    }
}
