//! What a user is known by: its cookies, and its tokens.

use super::{Scope, mix};
use crate::{
    cookies::Jar,
    plan::{Origin, Rendered, Token},
    template::kept::{Life, OwnToken},
};
use std::{sync::Arc, time::Duration};

/// How long after a refusal a user asks again for a token of its own, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

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

    /// Whether the user has to ask for a token of its own at `now`, since the start of the run: it has none, or one that
    /// is about to end, and none was refused a moment ago.
    #[must_use]
    pub fn wants_own_token(&self, credential: usize, now: Duration) -> bool {
        let own = self.user.whole().kept.own_token(credential);
        own.is_none_or(|own| own.again.is_some_and(|again| again <= now))
    }

    /// Keeps what came, by `now`, of asking for a token of the user's own at `asked`. Where it was refused, the one before
    /// is used for as long as it lives. `refresh` is what the file says. Users who began together do not ask together
    /// again: each asks some time before it must.
    pub fn keep_own_token(
        &self,
        credential: usize,
        outcome: Result<Token, String>,
        refresh: Option<Duration>,
        (asked, now): (Duration, Duration),
    ) {
        let before = self.user.whole().kept.own_token(credential);
        let apart = self.apart(now);
        let token = match outcome {
            Ok(token) => OwnToken {
                credential,
                again: (token.renewed_after(refresh))
                    .map(|after| asked + after.mul_f64(1.0 - 0.1 * apart)),
                ends: token.lives.map(|lives| asked + lives),
                outcome: Ok(token.text.into()),
                refusals: 0,
            },
            Err(reason) => {
                let refusals = before.as_ref().map_or(0, |one| one.refusals);
                let pause = PAUSES.0.saturating_mul(1 << refusals.min(16)).min(PAUSES.1);
                let again = now + pause.mul_f64(1.0 + 0.5 * apart);
                let lives =
                    |own: &OwnToken| own.outcome.is_ok() && own.ends.is_none_or(|end| now < end);
                let kept = before.filter(lives).unwrap_or_else(|| OwnToken {
                    credential,
                    outcome: Err(self.mask(&reason).into_owned()),
                    again: None,
                    ends: None,
                    refusals,
                });
                OwnToken {
                    again: Some(kept.ends.map_or(again, |ends| ends.min(again))),
                    refusals: refusals.saturating_add(1),
                    ..kept
                }
            }
        };
        self.user.whole().kept.keep_own_token(token);
    }

    /// A share that differs from user to user, below 1.
    fn apart(&self, now: Duration) -> f64 {
        let (seed, vu) = (self.user.seed, self.user.vu);
        let nanos = u64::from(now.subsec_nanos()) ^ now.as_secs();
        let bits = mix(seed ^ mix(vu ^ mix(nanos))) >> 32;
        u32::try_from(bits).map_or(0.0, f64::from) / 4_294_967_296.0
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

#[cfg(test)]
mod tests {
    use crate::{SourceText, Token, load};
    use std::time::Duration;

    const TEXT: &str = "target = \"http://h\"\nload = { vus = 1, duration = \"1s\" }\n\
        [[step]]\nget = \"/\"\n[step.auth.oauth2]\ntoken_url = \"/token\"\nclient_id = \"a\"\n\
        client_secret = \"b\"\nper = \"user\"\n";

    /// What comes of asking, in seconds: when it was asked and answered, and how long the token lives; none is a refusal.
    type Asked = ((u32, u32), Option<u32>);

    /// What a user knows at an instant, after what came of asking: whether it asks again, and whether it has a token.
    #[track_caller]
    fn check(asked: &[Asked], looks: &[(f64, bool, bool)]) {
        let source = SourceText {
            path: "t.toml",
            text: TEXT,
            stem: "t",
        };
        let plan = load(source, &crate::Overrides::default()).unwrap().plan;
        let message = &plan.requests().next().unwrap().message;
        for vu in 1..20 {
            let scope = plan.scope(vu, 7);
            assert!(scope.wants_own_token(0, Duration::ZERO));
            for ((at, now), lives) in asked {
                let outcome = lives.map(|lives| {
                    let body = format!("{{\"access_token\":\"t\",\"expires_in\":{lives}}}");
                    Token::of_answer(200, body.as_bytes()).unwrap()
                });
                let outcome = outcome.ok_or_else(|| "status 503".to_owned());
                let times = [at, now].map(|one| Duration::from_secs(u64::from(*one)));
                scope.keep_own_token(0, outcome, None, times.into());
            }
            let has = message.render(&plan.target, &scope).is_ok();
            for (at, wanted, there) in looks {
                let at = Duration::from_secs_f64(*at);
                let told = (scope.wants_own_token(0, at), has);
                assert_eq!(told, (*wanted, *there), "{asked:?} at {at:?}, user {vu}");
            }
        }
    }

    #[test]
    fn a_token_of_a_user_is_asked_for_again_before_it_ends() {
        let looks = [(71.9, false, true), (80.0, true, true)];
        check(&[((0, 1), Some(100))], &looks);
        let looks = [(3185.9, false, true), (3540.0, true, true)];
        check(&[((0, 1), Some(3600))], &looks);
        // One without an end is good for ever.
        check(&[((0, 1), Some(0))], &[(1e9, false, true)]);
    }

    #[test]
    fn a_token_that_is_refused_is_not_asked_for_with_each_request() {
        let refused = ((0, 0), None);
        check(&[refused], &[(0.9, false, false), (1.5, true, false)]);
        check(&[refused; 2], &[(1.9, false, false), (3.0, true, false)]);
        let looks = [(29.9, false, false), (45.0, true, false)];
        check(&[refused; 9], &looks);
        // A good one begins anew.
        let asked = [refused, refused, ((0, 0), Some(1)), ((2, 2), None)];
        check(&asked, &[(2.9, false, false), (3.5, true, false)]);
    }

    #[test]
    fn a_token_is_used_until_it_ends_where_another_is_refused() {
        let first = ((0, 0), Some(100));
        let looks = [(85.9, false, true), (86.5, true, true)];
        check(&[first, ((80, 85), None)], &looks);
        // It is asked for at its end, whatever the pause says.
        let refused = ((98, 99), None);
        check(
            &[first, refused, refused, refused],
            &[(99.9, false, true), (100.0, true, true)],
        );
        // Who refuses after the end leaves nothing to use.
        check(
            &[first, ((80, 110), None)],
            &[(110.5, false, false), (111.5, true, false)],
        );
    }

    #[test]
    fn users_who_began_together_do_not_ask_together_again() {
        let source = SourceText {
            path: "t.toml",
            text: TEXT,
            stem: "t",
        };
        let plan = load(source, &crate::Overrides::default()).unwrap().plan;
        let token = Token::of_answer(200, br#"{"access_token":"t","expires_in":1000}"#).unwrap();
        let asking_at = |seconds: u64| {
            let wants = |vu: &u64| {
                let scope = plan.scope(*vu, 7);
                let times = (Duration::ZERO, Duration::from_secs(1));
                scope.keep_own_token(0, Ok(token.clone()), None, times);
                scope.wants_own_token(0, Duration::from_secs(seconds))
            };
            (1..=1000).filter(wants).count()
        };
        let [early, middle, late] = [845, 893, 940].map(asking_at);
        assert_eq!((early, late), (0, 1000));
        // Half of them, within four standard deviations.
        assert!((436..565).contains(&middle), "{middle}");
    }
}
