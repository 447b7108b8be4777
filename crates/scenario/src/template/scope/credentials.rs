//! What a user is known by: its cookies, and its tokens.

use super::Scope;
use crate::{
    cookies::Jar,
    plan::{Origin, Rendered, Token},
    template::kept::{Life, OwnToken},
};
use std::{sync::Arc, time::Duration};

/// How long a user waits before it asks again for a token of its own that was refused.
const RETRY: Duration = Duration::from_secs(5);

impl Scope {
    /// Gives a message the cookies that the user keeps for where it goes, after those in `own`, which its step sets.
    /// `now` counts from the start of the run. Whether that changes the message.
    pub fn add_cookies(
        &self,
        message: &mut Rendered<'_>,
        own: Option<&str>,
        now: Duration,
    ) -> bool {
        let place = (message.origin.as_ref(), message.path.as_ref());
        let kept = self
            .user
            .whole()
            .kept
            .cookies(|jar| jar.field(own, place, now));
        let field = kept.unwrap_or_else(|| own.map(ToOwned::to_owned));
        message.set("cookie", field)
    }

    /// Keeps the cookies that the answer with this head sets, to a request that went there at `now`.
    pub fn take_cookies(&self, head: &[u8], place: (&Origin, &str), now: Duration, life: Life) {
        let change = |jar: &mut Jar| jar.take(head, place, now, life);
        self.user.whole().kept.change_cookies(change);
    }

    /// Whether the user has a token of its own, and need not ask for another at `now`, since the start of the run.
    #[must_use]
    pub fn has_own_token(&self, credential: usize, now: Duration) -> bool {
        let own = self.user.whole().kept.own_token(credential);
        own.is_some_and(|own| own.outcome.is_ok() && own.again.is_none_or(|again| now < again))
    }

    /// Keeps what came of asking for a token of the user's own at `asked`. Where it was refused, the one before is used
    /// for as long as it lives. `refresh` is what the file says.
    pub fn keep_own_token(
        &self,
        credential: usize,
        outcome: Result<Token, String>,
        refresh: Option<Duration>,
        asked: Duration,
    ) {
        let before = self.user.whole().kept.own_token(credential);
        let lives = |own: &OwnToken| own.outcome.is_ok() && own.ends.is_none_or(|end| asked < end);
        let token = match (outcome, before.filter(lives)) {
            (Ok(token), _) => OwnToken {
                credential,
                again: token.renewed_after(refresh).map(|after| asked + after),
                ends: token.lives.map(|lives| asked + lives),
                outcome: Ok(token.text.into()),
            },
            (Err(_), Some(before)) => OwnToken {
                again: Some(
                    before
                        .ends
                        .map_or(asked + RETRY, |end| end.min(asked + RETRY)),
                ),
                ..before
            },
            (Err(reason), None) => OwnToken {
                credential,
                outcome: Err(self.mask(&reason).into_owned()),
                again: None,
                ends: None,
            },
        };
        self.user.whole().kept.keep_own_token(token);
    }

    /// The token of a credential; the user keeps the latest, so that it shares no lock with others.
    pub(crate) fn token(&self, credential: usize) -> Result<Arc<str>, String> {
        if let Some(own) = self.user.whole().kept.own_token(credential) {
            return own.outcome;
        }
        let tokens = &self.templates.tokens;
        let changes = tokens.changes(credential);
        if let Some(known) = self.user.whole().kept.token(credential, changes) {
            return Ok(known);
        }
        let token = tokens
            .latest(credential)
            .map_err(|reason| self.mask(&reason).into_owned())?;
        self.user
            .whole()
            .kept
            .keep_token(credential, changes, &token);
        Ok(token)
    }
}
