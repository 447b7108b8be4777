//! The tokens that the user asks for itself, and requests that lack one.

use super::User;
use crate::error::Error;
use loadgen_engine::{Connector, Judgement, fetch_own_token, own_token_wanted};
use loadgen_scenario::{Request, TemplateError};

impl<C: Connector> User<'_, C> {
    /// Asks for the token of the user's own that a request needs, where the user has none.
    pub(super) async fn ask_for_token(&mut self, request: &Request) -> Result<(), Error> {
        let plan = self.plan;
        let Some(place) = own_token_wanted(request, plan, &self.scope, self.clock) else {
            return Ok(());
        };
        let mut connection = self.connector.connection();
        let user = (plan, &self.scope);
        fetch_own_token(&mut connection, place, user, self.clock).await;
        let credential = &plan.credentials[place];
        self.say(&format!("\n   asked for a token: {credential}\n"))
    }

    /// Tells that a request could not be sent.
    pub(super) fn not_sent(
        &mut self,
        number: &str,
        request: &Request,
        error: &TemplateError,
    ) -> Result<Option<Judgement>, Error> {
        let kind = if error.lacks_token {
            "auth"
        } else {
            "template"
        };
        let name = &request.name;
        if request.conversation.is_some() {
            self.scope.end_turn(request.index, None);
        }
        self.say(&format!("\n{number}. {name}\n   failed: {kind}: {error}\n"))?;
        Ok(None)
    }
}
