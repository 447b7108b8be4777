//! What is kept of each choice (parallel answer) of a stream.

use loadgen_engine::Offset;
use std::time::Duration;

/// The most choices that are told apart; those beyond share the last place. OpenAI allows 128.
const MOST: usize = 1024;

/// The choices of a stream. Most streams have one, which needs no memory of its own.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Choices {
    first: Choice,
    seen: u32,
    finished: u32,
    more: Vec<Choice>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Choice {
    seen: bool,
    finished: bool,
    last_output: Option<Offset>,
}

impl Choices {
    /// Notes output of a choice; returns the time since the one before.
    #[inline]
    pub(super) fn output(&mut self, index: u32, at: Offset) -> Option<Duration> {
        let choice = self.choice(index);
        choice.last_output.replace(at).map(|last| at.since(last))
    }

    /// Notes the finish reason of a choice.
    pub(super) fn finish(&mut self, index: u32) {
        let choice = self.choice(index);
        let newly = !std::mem::replace(&mut choice.finished, true);
        self.finished += u32::from(newly);
    }

    /// How many were seen.
    pub(super) const fn seen(&self) -> u32 {
        self.seen
    }

    /// Whether all that were seen are finished, and at least one.
    pub(super) const fn all_finished(&self) -> bool {
        self.seen > 0 && self.finished == self.seen
    }

    #[inline]
    fn choice(&mut self, index: u32) -> &mut Choice {
        let choice = match usize::try_from(index).unwrap_or(MOST).min(MOST - 1) {
            0 => &mut self.first,
            place => {
                if place > self.more.len() {
                    self.more.resize(place, Choice::default());
                }
                &mut self.more[place - 1]
            }
        };
        self.seen += u32::from(!choice.seen);
        choice.seen = true;
        choice
    }
}
