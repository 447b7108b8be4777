//! What the user of a story waits for: its turns, and the next attempt at a request.

use super::User;
use crate::{error::Error, story};
use loadgen_engine::{Connector, Exchange, TokioTiming, Turns};
use loadgen_scenario::Request;
use std::time::Duration;

impl<'a, C: Connector> User<'a, C> {
    /// The turns under the cap of a request, where its rate has one.
    pub(super) fn turns_of(&self, request: &Request) -> Option<&'a Turns> {
        self.run.turns.get(request.rate_limit?.place)
    }

    /// Waits for the turn of a request whose rate has a cap, and tells how long that was.
    pub(super) async fn take_turn(&mut self, number: &str, request: &Request) -> Result<(), Error> {
        let Some(turns) = self.turns_of(request) else {
            return Ok(());
        };
        let ready = self.clock.now();
        let due = turns.wait(ready, self.clock, &TokioTiming).await;
        self.say(&story::waited(number, due.since(ready)))
    }

    /// How long a run would wait before it sends the request again; none where this was the last time.
    pub(super) fn wait_before_retry(
        &mut self,
        request: &Request,
        exchange: &Exchange,
        time: u32,
    ) -> Option<Duration> {
        let retry = request.retry.as_ref()?;
        let failure = exchange.failure.as_ref().map(|failure| failure.kind);
        let again = time < retry.max && retry.names(exchange.status, failure);
        let asked = exchange.retry_after.unwrap_or_default();
        again.then(|| self.luck.backoff(retry.backoff(time)).max(asked))
    }
}
