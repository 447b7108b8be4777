//! A step that keeps what was said: each of its requests is one more turn of a conversation.

use super::{Repeat, Think};
use crate::template::{JsonTemplate, LONGEST_TALK, Scope, TemplateError, Text};
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
    /// How many turns an iteration has at most, with all repetitions of the step.
    pub most: u64,
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

/// Bytes of a token of an answer, as JSON; rather too many than too few.
const TOKEN_BYTES: u64 = 6;
/// The names under which requests say how many tokens an answer has at most.
const MOST_TOKENS: [&str; 4] = [
    "/max_tokens",
    "/max_completion_tokens",
    "/max_output_tokens",
    "/options/num_predict",
];

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

    /// Up to how many bytes a user keeps of what is said in so many turns, and holds of it while it is sent.
    ///
    /// `scope` is that of a user for whom nothing else is done. What answers bring is known where the body says how many
    /// tokens they have at most; otherwise nothing but the length at which a conversation ends bounds them.
    pub(super) fn talked_bytes(&self, scope: &Scope, most: u64) -> u64 {
        scope.begin_turn(self.step);
        let first = self.render(scope);
        scope.end_turn(self.step, None);
        let said = first.as_ref().map_or(self.source().len(), Vec::len) as u64;
        let answer = first.ok().and_then(|body| most_tokens(&body));
        let answer = answer.map_or(LONGEST_TALK, |tokens| tokens.saturating_mul(TOKEN_BYTES));
        let heard = said.saturating_add(answer).saturating_mul(most);
        heard.min(LONGEST_TALK).saturating_mul(2)
    }

    /// The JSON of a first turn, with its templates as they were written.
    #[must_use]
    pub fn source(&self) -> String {
        let (preamble, turn) = (self.preamble.source(), self.turn.source());
        let joint = if preamble.is_empty() { "" } else { "," };
        format!("{}{preamble}{joint}{turn}{TAIL}", self.head.source())
    }
}

/// How many tokens the answer to a request may have, where it says so.
fn most_tokens(body: &[u8]) -> Option<u64> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let mut said = MOST_TOKENS.iter().filter_map(|key| body.pointer(key));
    said.find_map(serde_json::Value::as_u64)
}
