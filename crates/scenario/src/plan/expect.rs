//! What a step expects of its answer, and what must be kept of it.

use super::{Expect, Request};
use crate::reply::Keep;

impl Expect {
    /// Whether anything was asked for in the file, so that answers count in `checks`.
    #[must_use]
    pub fn is_explicit(&self) -> bool {
        self.status_is_check || !self.checks.is_empty() || !self.within.is_empty()
    }

    /// Whether a status is one of those that are no failure.
    #[must_use]
    pub fn allows(&self, status: u16) -> bool {
        let mut ranges = self.statuses.iter();
        ranges.any(|(first, last)| (*first..=*last).contains(&status))
    }

    /// Whether a status is an expected refusal: allowed beside successes. Only answers that are none are looked into:
    /// a 429 that is fine does not hold what a 200 holds.
    #[must_use]
    pub fn is_refusal(&self, status: u16) -> bool {
        let success = |first: u16, last: u16| first < 400 && last >= 200;
        !(200..400).contains(&status)
            && self.allows(status)
            && self
                .statuses
                .iter()
                .any(|(first, last)| success(*first, *last))
    }
}

impl Request {
    /// What of its answer must be kept, so that it can be looked into.
    #[must_use]
    pub fn keep(&self) -> Keep {
        let streams = self.stream.is_some();
        let checks = self.expect.checks.iter().map(|check| check.keep(streams));
        let extracts = self.extract.iter().map(|extract| extract.keep(streams));
        let said = Keep {
            text: self.conversation.is_some(),
            ..Keep::default()
        };
        checks.chain(extracts).fold(said, Keep::and)
    }
}
