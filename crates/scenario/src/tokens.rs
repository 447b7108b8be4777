//! The tokens of a run: someone else keeps them fresh, every message that needs one has the latest.

use crate::secrets::Secrets;
use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// How many tokens that are used no longer are still hidden.
const PAST: usize = 4;

/// The latest token of each credential of a plan, shared by all users of all threads.
pub struct Tokens(Vec<Slot>);

/// The token of one credential.
#[derive(Default)]
struct Slot {
    /// How often it has changed: who knows the latest need not ask for it again.
    changes: AtomicU64,
    state: RwLock<State>,
}

struct State {
    token: Result<Arc<str>, String>,
    /// Earlier ones, the oldest first.
    past: Vec<Arc<str>>,
}

impl Tokens {
    /// So many credentials, without tokens.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self((0..count).map(|_| Slot::default()).collect())
    }

    /// Sets the token of a credential, by its place in the plan; or why there is none any more.
    pub fn set(&self, credential: usize, outcome: Result<&str, &str>) {
        let Some(slot) = self.0.get(credential) else {
            return;
        };
        let mut state = slot.state.write().unwrap_or_else(PoisonError::into_inner);
        let outcome = outcome.map(Arc::from).map_err(ToOwned::to_owned);
        if let Ok(before) = std::mem::replace(&mut state.token, outcome) {
            let excess = (state.past.len() + 1).saturating_sub(PAST);
            state.past.drain(..excess);
            state.past.push(before);
        }
        slot.changes.fetch_add(1, Ordering::Release);
    }

    /// How often the token of a credential has changed.
    pub(crate) fn changes(&self, credential: usize) -> u64 {
        let slot = self.0.get(credential);
        slot.map_or(0, |slot| slot.changes.load(Ordering::Acquire))
    }

    /// The token of a credential, or why there is none.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn latest(&self, credential: usize) -> Result<Arc<str>, String> {
        let slot = self.0.get(credential).ok_or("it was not asked for")?;
        let state = slot.state.read().unwrap_or_else(PoisonError::into_inner);
        state.token.clone()
    }

    /// The tokens of the run so far, to be hidden, longest first.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets = Secrets::default();
        for slot in &self.0 {
            let state = slot.state.read().unwrap_or_else(PoisonError::into_inner);
            let known = state.token.iter().chain(&state.past);
            known.for_each(|token| secrets.add(token));
        }
        secrets.into_sorted()
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            token: Err("it was not asked for".to_owned()),
            past: Vec::new(),
        }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tokens").field(&self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_token_is_told_and_the_earlier_ones_are_hidden() {
        let tokens = Tokens::new(2);
        assert_eq!(tokens.latest(0), Err("it was not asked for".to_owned()));
        assert_eq!((tokens.changes(0), tokens.secrets()), (0, Vec::new()));
        for number in 0..PAST + 2 {
            tokens.set(0, Ok(&format!("token-{number}")));
        }
        assert_eq!(tokens.latest(0).as_deref(), Ok("token-5"));
        assert_eq!((tokens.changes(0), tokens.changes(1)), (6, 0));
        tokens.set(0, Err("status 500"));
        assert_eq!(tokens.latest(0), Err("status 500".to_owned()));
        let hidden = ["token-2", "token-3", "token-4", "token-5"];
        assert_eq!(tokens.secrets(), hidden);
        tokens.set(9, Ok("of no credential"));
        assert!(!format!("{tokens:?}").contains("token-"));
    }
}
