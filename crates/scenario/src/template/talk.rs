//! What was said in the conversation of one user with one step: kept until the iteration ends.

use super::{Scope, quote};
use loadgen_stats::StepIndex;
use std::sync::atomic::Ordering;

/// Bytes of JSON that one conversation keeps. One that would grow longer ends.
pub(crate) const LONGEST_TALK: u64 = LONGEST as u64;
const LONGEST: usize = 1 << 20;

/// What was said.
#[derive(Clone, Debug)]
pub(super) struct Talk {
    /// The place of the step.
    pub(super) step: usize,
    /// How many turns have begun.
    pub(super) turns: u32,
    /// Whether nothing more is said: so while a turn is under way, and for good where it fails.
    pub(super) over: bool,
    /// All messages that were heard and answered, as JSON with commas between them.
    heard: Vec<u8>,
    /// Those of the turn that is under way.
    said: Vec<u8>,
}

impl Scope {
    /// Begins the next turn of the conversation with a step: until it ends, templates know its number as `turn`. Of
    /// conversations that are held at once, each on its own way, each has its own.
    pub fn begin_turn(&self, StepIndex(step): StepIndex) {
        let turn = self.user.whole().kept.begin_turn(step);
        self.user.turn.store(turn, Ordering::Relaxed);
    }

    /// The number of the latest turn of the conversation with a step, from 1; 0 before the first.
    #[must_use]
    pub fn turn(&self, StepIndex(step): StepIndex) -> u32 {
        let turn = self.user.whole().kept.talk(step, |talk| talk.turns);
        turn.unwrap_or_default()
    }

    /// Whether the conversation with a step is over, so that no turn follows in this iteration.
    #[must_use]
    pub fn has_hung_up(&self, StepIndex(step): StepIndex) -> bool {
        self.user.whole().kept.talk(step, |talk| talk.over) == Some(true)
    }

    /// Ends a turn with what was answered. Without an answer the conversation is over.
    pub fn end_turn(&self, StepIndex(step): StepIndex, answer: Option<&str>) {
        self.user.turn.store(0, Ordering::Relaxed);
        self.user.whole().kept.talk(step, |talk| talk.hear(answer));
    }

    /// Forgets what was said in the iteration that has ended.
    pub fn end_conversations(&self) {
        self.user.whole().kept.end_talks();
    }

    /// Whether nothing was heard in the conversation with a step.
    pub(crate) fn is_silent(&self, StepIndex(step): StepIndex) -> bool {
        let silent = self.user.whole().kept.talk(step, |talk| talk.is_silent());
        silent.unwrap_or(true)
    }

    /// Says something in the conversation with a step: writes it to `body`, behind all that was said before.
    pub(crate) fn say(&self, StepIndex(step): StepIndex, said: Vec<u8>, body: &mut Vec<u8>) {
        let mut said = Some(said);
        let kept = &self.user.whole().kept;
        kept.talk(step, |talk| talk.say(said.take().unwrap_or_default(), body));
        // Outside of a conversation, as where a plan is looked at.
        if let Some(said) = said {
            body.extend_from_slice(&said);
        }
    }
}

impl Talk {
    pub(super) const fn new(step: usize) -> Self {
        Self {
            step,
            turns: 0,
            over: false,
            heard: Vec::new(),
            said: Vec::new(),
        }
    }

    /// Begins the next turn; its number, from 1.
    pub(super) const fn begin_turn(&mut self) -> u32 {
        self.over = true;
        self.turns = self.turns.saturating_add(1);
        self.turns
    }

    /// Whether nothing was heard yet.
    pub(super) const fn is_silent(&self) -> bool {
        self.heard.is_empty()
    }

    /// Says something more: writes all that was heard and this to `body`.
    pub(super) fn say(&mut self, said: Vec<u8>, body: &mut Vec<u8>) {
        if !self.heard.is_empty() {
            body.extend_from_slice(&self.heard);
            body.push(b',');
        }
        body.extend_from_slice(&said);
        self.said = said;
    }

    /// Takes the answer of the turn in. Without one the conversation is over, and what was said is forgotten.
    pub(super) fn hear(&mut self, answer: Option<&str>) {
        let said = std::mem::take(&mut self.said);
        let answer = answer.map(|text| {
            let text = quote(text);
            format!(",{{\"role\":\"assistant\",\"content\":{text}}}")
        });
        let room = LONGEST.saturating_sub(self.heard.len() + said.len() + 1);
        let Some(answer) = answer.filter(|answer| answer.len() <= room) else {
            self.heard = Vec::new();
            return;
        };
        if !self.heard.is_empty() {
            self.heard.push(b',');
        }
        self.heard.extend_from_slice(&said);
        self.heard.extend_from_slice(answer.as_bytes());
        self.over = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the next turn sends that says this.
    fn sent(talk: &mut Talk, said: &str) -> String {
        talk.begin_turn();
        let mut body = Vec::new();
        talk.say(said.as_bytes().to_vec(), &mut body);
        String::from_utf8(body).unwrap()
    }

    #[test]
    fn what_was_heard_comes_before_what_is_said() {
        let mut talk = Talk::new(0);
        assert_eq!(sent(&mut talk, "a"), "a");
        assert!(talk.over && talk.is_silent());
        talk.hear(Some("b \"c\""));
        assert!(!talk.over);
        let b = r#"a,{"role":"assistant","content":"b \"c\""}"#;
        assert_eq!(sent(&mut talk, "d"), format!("{b},d"));
        // Said again: the first time it was not heard.
        assert_eq!(sent(&mut talk, "e"), format!("{b},e"));
        talk.hear(Some("f"));
        let f = r#"{"role":"assistant","content":"f"}"#;
        assert_eq!(sent(&mut talk, "g"), format!("{b},e,{f},g"));
        assert_eq!(talk.turns, 4);
        talk.hear(None);
        assert!(talk.over && talk.is_silent());
    }

    #[test]
    fn a_conversation_that_grows_too_long_ends() {
        for (length, over) in [(LONGEST - 100, false), (LONGEST, true)] {
            let mut talk = Talk::new(0);
            sent(&mut talk, "a");
            talk.hear(Some(&"x".repeat(length)));
            assert_eq!(talk.over, over, "{length}");
        }
        let mut talk = Talk::new(0);
        let mut turns = 0;
        while !talk.over && turns < 1_000 {
            turns += 1;
            assert!(sent(&mut talk, "a").len() <= LONGEST);
            talk.hear(Some(&"x".repeat(10_000)));
        }
        assert_eq!(turns, 105);
        assert!(talk.is_silent(), "it holds no memory");
    }
}
