//! Looks into answers: what is taken out of them, and what is expected of them beside their status.

mod bounds;
mod check;
mod extract;
mod path;
mod pattern;
mod view;
mod wanted;

pub use bounds::Bounds;
pub use check::{Check, Criterion};
pub use extract::{Extract, Finder};
pub use path::Path;
pub use pattern::Pattern;
pub use view::Reply;
pub use wanted::{Missed, WantedPattern, WantedValue};

/// Characters of a value that are shown where it is not what it should be.
const SHOWN: usize = 80;

/// What of an answer must be kept, so that it can be looked into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Status line and header fields.
    pub head: bool,
    /// The decoded body.
    pub body: bool,
    /// The text of a stream: the visible output of all its events, put together.
    pub text: bool,
}

impl Keep {
    /// What either of the two needs.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            head: self.head || other.head,
            body: self.body || other.body,
            text: self.text || other.text,
        }
    }
}

/// A text as it is shown in a message: in quotes, cut where it grows long.
fn shown(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(SHOWN).collect();
    format!("{:?}", format!("{start}…"))
}

/// A value of JSON as it is shown in a message.
fn shown_json(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => shown(text),
        other => {
            let text = other.to_string();
            if text.chars().count() <= SHOWN {
                return text;
            }
            let start: String = text.chars().take(SHOWN).collect();
            format!("{start}…")
        }
    }
}
