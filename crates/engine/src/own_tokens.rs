//! The tokens that users ask for themselves, each its own.

use crate::{
    clock::Clock,
    connection::{Call, Connection, Exchange, HttpVersion, Method, Rendered, Timeouts},
};
use loadgen_scenario::{Plan, Request, Scope, Token, TokenSource, mask};
use loadgen_stats::StepIndex;
use std::time::Duration;

/// The most that are asked for at once in a run.
pub(crate) const AT_ONCE: usize = 64;
/// How long the answer may take.
const LONGEST: Duration = Duration::from_secs(30);
/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 1 << 20;

/// The credential, by its place in the plan, of which a request needs a token that is the user's own, where the user has
/// to ask for one now.
#[must_use]
pub fn own_token_wanted(
    request: &Request,
    plan: &Plan,
    scope: &Scope,
    clock: Clock,
) -> Option<usize> {
    let place = request.message.token.as_ref()?.credential;
    let wanted =
        plan.credentials[place].per_user && scope.wants_own_token(place, clock.now().as_duration());
    // Nobody asks for what is then withheld.
    let told = || request.message.token_for(&plan.target).is_some();
    (wanted && told()).then_some(place)
}

/// Asks for a token that is the user's own, and lets the user keep it, or why there is none. It is in no figure.
pub async fn fetch_own_token(
    connection: &mut impl Connection,
    place: usize,
    (plan, scope): (&Plan, &Scope),
    clock: Clock,
) {
    let credential = &plan.credentials[place];
    let TokenSource::OAuth2(message) = &credential.source else {
        return;
    };
    let asked = clock.now().as_duration();
    let outcome = match message.render(&plan.target, scope) {
        Err(error) => Err(error.to_string()),
        Ok(rendered) => {
            let exchange = fetch(connection, &rendered, clock).await;
            let outcome = match (exchange.failure, exchange.status) {
                (Some(failure), _) => Err(failure.message),
                (None, Some(status)) => Token::of_answer(status, &exchange.body),
                (None, None) => Err("no answer".to_owned()),
            };
            // Who refuses may repeat what it was sent.
            let said = rendered.secrets(&message.of_one_origin);
            outcome.map_err(|reason| mask(&said, &reason).into_owned())
        }
    };
    let times = (asked, clock.now().as_duration());
    scope.keep_own_token(place, outcome, credential.refresh, times);
}

async fn fetch(connection: &mut impl Connection, message: &Rendered<'_>, clock: Clock) -> Exchange {
    let message = message.borrowed();
    let call = Call {
        // Nothing is prepared for a message that is not fixed.
        step: StepIndex(0),
        method: Method::Post,
        message: &message,
        fixed: false,
        timeouts: Timeouts {
            total: LONGEST,
            connect: LONGEST,
            tls: LONGEST,
            first_byte: None,
            first_token: None,
            idle: None,
        },
        http_version: HttpVersion::Http1,
        stream: None,
        new_connection: false,
        cancel: None,
        follow: false,
        keep_body: LONGEST_ANSWER,
        keep_text: 0,
        keep_head: false,
        heed: false,
        started: clock.now(),
        clock,
    };
    let mut exchange = Exchange::default();
    connection.call(&call, &mut exchange, &mut ()).await;
    exchange
}
