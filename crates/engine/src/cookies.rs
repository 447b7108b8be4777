//! The cookies of a user on the way of one request, and of those that it is sent on to.

use crate::{
    clock::Clock,
    connection::{Exchange, Rendered},
};
use loadgen_scenario::{Life, Request, Scope};

/// The cookies of a user, for one request.
#[derive(Debug)]
pub struct Cookies {
    scope: Scope,
    life: Life,
    clock: Clock,
    /// What the step sets itself.
    own: Option<String>,
}

impl Cookies {
    /// Those of a request; none where its step keeps no cookies.
    #[must_use]
    pub fn of(request: &Request, scope: &Scope, clock: Clock) -> Option<Self> {
        Some(Self {
            life: request.cookies?,
            scope: scope.clone(),
            clock,
            own: None,
        })
    }

    /// Gives a message the cookies that belong to it; whether that changes the message.
    pub fn add(&mut self, message: &mut Rendered<'_>) -> bool {
        self.own = message.field("cookie").map(ToOwned::to_owned);
        self.put(message)
    }

    /// The same for a message that a redirection asks for, and that has those of the request before.
    pub fn renew(&mut self, message: &mut Rendered<'_>) {
        // A redirection to another origin takes the step's own along no further.
        if message.field("cookie").is_none() {
            self.own = None;
        }
        self.put(message);
    }

    /// Keeps those that the answer to a message sets.
    pub fn take(&self, message: &Rendered<'_>, exchange: &Exchange) {
        if exchange.head.is_empty() {
            return;
        }
        let place = (message.origin.as_ref(), message.path.as_ref());
        let now = self.clock.now().as_duration();
        self.scope
            .take_cookies(&exchange.head, place, now, self.life);
    }

    fn put(&self, message: &mut Rendered<'_>) -> bool {
        let now = self.clock.now().as_duration();
        self.scope.add_cookies(message, self.own.as_deref(), now)
    }
}
