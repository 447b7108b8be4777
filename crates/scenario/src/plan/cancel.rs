//! When a request is given up on purpose.

use crate::quantity::format_duration;
use std::{fmt, time::Duration};

/// When a request is given up, as people press stop; whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cancel {
    /// So long after its first byte was sent.
    pub after: Option<Duration>,
    /// Once so many output events of its stream have come.
    pub after_tokens: Option<u64>,
    /// The share of requests that are given up, from 0 to 1.
    pub probability: f64,
}

impl fmt::Display for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self
            .after
            .map(|length| format!("after {}", format_duration(length)));
        let tokens = self
            .after_tokens
            .map(|tokens| format!("after {tokens} tokens"));
        let when: Vec<String> = time.into_iter().chain(tokens).collect();
        write!(f, "cancelled {}", when.join(" or "))?;
        if self.probability < 1.0 {
            write!(f, " in {}% of cases", self.probability * 100.0)?;
        }
        Ok(())
    }
}
