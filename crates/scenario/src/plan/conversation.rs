//! A step that keeps what was said: each of its requests is one more turn of a conversation.

use super::{Repeat, Think};
use crate::template::{JsonTemplate, Scope, TemplateError, Text};
use loadgen_stats::StepIndex;
use std::ops::Range;

/// The most turns that a step takes at a time.
pub(crate) const MOST_TURNS: u32 = 1_000;
/// So many turns of a step have figures of their own.
pub(crate) const COUNTED_TURNS: u32 = 10;

/// What makes a request step a conversation.
#[derive(Debug)]
pub struct Conversation {
    /// How many turns are taken each time the step is done.
    pub turns: Turns,
    /// The pause between two of them.
    pub think: Option<Think>,
    /// The places of the first turns in the statistics' layout. Those that follow are in the figures of their step only.
    pub places: Range<usize>,
}

/// A number of turns.
#[derive(Debug)]
pub enum Turns {
    /// One of these, drawn each time.
    Drawn(Repeat),
    /// What an expression says, rendered as JSON.
    Computed(Text),
}

/// The body of a turn: JSON whose `messages` begin with all that was said before.
#[derive(Debug)]
pub struct Chat {
    /// The place of the step, by which a user keeps what was said.
    pub step: StepIndex,
    /// All but the messages, up to the bracket before them.
    pub(crate) head: JsonTemplate,
    /// The messages that stand before the first turn, once.
    pub(crate) preamble: JsonTemplate,
    /// The messages of each turn.
    pub(crate) turn: JsonTemplate,
}

/// What stands behind the messages.
const TAIL: &str = "]}";

impl Conversation {
    /// The place of a turn in the statistics' layout, where it has figures of its own. Turns count from 1.
    #[must_use]
    pub fn place(&self, turn: u32) -> Option<StepIndex> {
        let place = usize::try_from(turn.checked_sub(1)?).ok()?;
        self.places.clone().nth(place).map(StepIndex)
    }
}

impl Turns {
    /// How many there are, for the user whose values `scope` holds.
    ///
    /// # Errors
    ///
    /// Where the expression gives no such number.
    pub fn repeat(&self, scope: &Scope) -> Result<Repeat, TemplateError> {
        let text = match self {
            Self::Drawn(repeat) => return Ok(*repeat),
            Self::Computed(text) => text,
        };
        let error = |reason| TemplateError {
            lacks_token: false,
            what: "`turns`".to_owned(),
            reason,
        };
        let value = text.render(scope).map_err(error)?;
        let number = value.trim().trim_matches('"').parse::<u32>().ok();
        match number.filter(|number| *number <= MOST_TURNS) {
            Some(number) => Ok(Repeat {
                min: number,
                max: number,
            }),
            None => Err(error(format!(
                "it is {value}, which is no number of turns from 0 to {MOST_TURNS}"
            ))),
        }
    }

    /// The fewest and the most, for all that is known before.
    #[must_use]
    pub const fn bounds(&self) -> Repeat {
        match self {
            Self::Drawn(repeat) => *repeat,
            Self::Computed(_) => Repeat {
                min: 0,
                max: MOST_TURNS,
            },
        }
    }

    /// In words.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Drawn(Repeat { min: 1, max: 1 }) => "1 turn".to_owned(),
            Self::Drawn(Repeat { min, max }) if min == max => format!("{min} turns"),
            Self::Drawn(Repeat { min, max }) => format!("{min} to {max} turns"),
            Self::Computed(text) => format!("{} turns", text.source()),
        }
    }
}

impl Chat {
    /// The JSON of one turn; what it says anew is kept with the user, until the answer tells whether it was heard.
    pub(super) fn render(&self, scope: &Scope) -> Result<Vec<u8>, String> {
        let mut said = Vec::new();
        if scope.is_silent(self.step) {
            self.preamble.render(scope, &mut said)?;
            if !said.is_empty() {
                said.push(b',');
            }
        }
        self.turn.render(scope, &mut said)?;
        let mut body = Vec::new();
        self.head.render(scope, &mut body)?;
        scope.say(self.step, said, &mut body);
        body.extend_from_slice(TAIL.as_bytes());
        Ok(body)
    }

    /// The JSON of a first turn, with its templates as they were written.
    #[must_use]
    pub fn source(&self) -> String {
        let (preamble, turn) = (self.preamble.source(), self.turn.source());
        let joint = if preamble.is_empty() { "" } else { "," };
        format!("{}{preamble}{joint}{turn}{TAIL}", self.head.source())
    }
}
