//! How a user sends a request, with all that may come of it: attempts, redirections, cookies, tokens.

use super::{StepEnd, User};
use crate::{
    connection::{Call, Cancel, Connection, Connector, StreamSink},
    cookies::Cookies,
    flight::{Flight, Landing, template_failed},
    hops::follow,
    judge::LOOKED_INTO,
    own_tokens::{fetch_own_token, own_token_wanted},
    shard::Shard,
    sink::RecorderSink,
    timer::Timer,
};
use loadgen_scenario::{Rendered, Request, TemplateError};
use std::{rc::Rc, time::Duration};

/// How long a user without a token waits for one.
const TOKEN_WAIT: Duration = Duration::from_secs(1);

/// What became of one attempt at a request.
enum Attempt {
    /// It was the last, and did this to the iteration.
    Last(StepEnd),
    /// Another one follows; the answer asks to be left alone for so long.
    Again(Option<Duration>),
}

impl<C: Connector, T: Timer> User<C, T> {
    /// Sends a request, again where the step's `retry` says so; the waits between are the user's, as thinking is.
    pub(super) async fn request(&mut self, request: &Request) -> StepEnd {
        let shard = Rc::clone(&self.shard);
        // Before it is rendered: a token may end while the user waits.
        if !self.has_turn(request).await {
            return StepEnd::Leave;
        }
        // Once for all attempts: what is sent again is what was sent.
        let rendered = match self.message(request, &shard).await {
            Ok(rendered) => rendered,
            Err(error) => {
                let steps = (request.index, self.turn_of(request));
                if request.conversation.is_some() {
                    self.scope.end_turn(request.index, None);
                }
                let landing = Landing {
                    lacking: !request.extract.is_empty(),
                    ..template_failed(&shard, steps, self.ready, &error)
                };
                return self.landed(request, &landing);
            }
        };
        let mut time = 0;
        loop {
            let asked = match self.attempt(request, &rendered, time).await {
                Attempt::Last(end) => return end,
                Attempt::Again(asked) => asked.unwrap_or_default(),
            };
            let own = request.retry.as_ref().map(|retry| retry.backoff(time));
            let own = self.luck.backoff(own.unwrap_or_default());
            self.ready = self.ready.after(own.max(asked));
            if !self.is_still_here().await || !self.has_turn(request).await {
                return StepEnd::Leave;
            }
            time += 1;
        }
    }

    /// Waits for a turn where the rate of the requests is capped; false where the user has to leave.
    async fn has_turn(&mut self, request: &Request) -> bool {
        match request.rate_limit {
            Some(limit) => Box::pin(self.turn(limit, request.index)).await,
            None => true,
        }
    }

    /// The message of a request. Where its token has ended, and there is no other, the user waits a while for one: asking
    /// at once, again and again, would only make failures by the thousand.
    async fn message<'r>(
        &mut self,
        request: &'r Request,
        shard: &'r Shard<C, T>,
    ) -> Result<Rendered<'r>, TemplateError> {
        let target = &shard.plan.target;
        let wanted = own_token_wanted(request, &shard.plan, &self.scope, shard.clock);
        if let Some(place) = wanted {
            self.present.forget();
            let user = (&*shard.plan, &self.scope);
            let connection = &mut self.connection;
            Box::pin(fetch_own_token(connection, place, user, shard.clock)).await;
            self.ready = shard.clock.now();
        }
        let message = request.message.render(target, &self.scope);
        if !matches!(&message, Err(error) if error.lacks_token) {
            return message;
        }
        self.ready = shard.clock.now().after(TOKEN_WAIT);
        self.present.forget();
        let until = shard.clock.instant(self.ready);
        Box::pin(shard.timer.sleep_until(until)).await;
        request.message.render(target, &self.scope)
    }

    /// Sends a request for the time of that number, from 0.
    async fn attempt(&mut self, request: &Request, rendered: &Rendered<'_>, time: u32) -> Attempt {
        let shard = Rc::clone(&self.shard);
        let due = self.ready;
        let mut message = rendered.borrowed();
        let mut cookies = Cookies::of(request, &self.scope, shard.clock);
        let changed = (cookies.as_mut()).is_some_and(|one| one.add(&mut message));
        let keep = request.keep();
        let fixed = request.message.fixed.is_some() && !changed;
        // What renders takes its time.
        let present = self.present.take().filter(|_| fixed);
        let started = present.unwrap_or_else(|| shard.clock.now());
        let call = Call {
            step: request.index,
            method: request.method,
            message: &message,
            fixed,
            timeouts: request.timeouts,
            http_version: request.http_version,
            stream: request.stream.as_ref(),
            new_connection: request.new_connection,
            cancel: self.cancel(request),
            follow: request.redirects > 0,
            keep_body: if keep.body { LOOKED_INTO } else { 0 },
            keep_text: if keep.text { LOOKED_INTO } else { 0 },
            keep_head: keep.head || cookies.is_some(),
            heed: request.retry.is_some(),
            started,
            clock: shard.clock,
        };
        let turn = self.turn_of(request);
        let mut flight = Flight::begin(&shard, request, turn, (due, started));
        let sink_of = |step| RecorderSink {
            recorder: &shard.recorder,
            step,
            due,
        };
        let mut own = sink_of(request.index);
        let mut both;
        let sink: &mut dyn StreamSink = match turn {
            None => &mut own,
            Some(turn) => {
                both = (own, sink_of(turn));
                &mut both
            }
        };
        self.connection.call(&call, flight.exchange(), sink).await;
        if let Some(cookies) = &cookies {
            cookies.take(&message, flight.exchange());
        }
        if flight.exchange().onward.is_some() {
            // In a box: few requests are sent on, and the others need no room for it.
            let most = request.redirects;
            let (connection, cookies) = (&mut self.connection, cookies.as_mut());
            let hops = follow(flight, &call, most, connection, sink, cookies);
            flight = Box::pin(hops).await;
        }
        if flight.is_tried_again(time) {
            let (done, asked) = flight.give_way();
            self.ready = done;
            return Attempt::Again(asked);
        }
        let landing = flight.land(&self.scope);
        Attempt::Last(self.landed(request, &landing))
    }

    /// A request is done: what that does to its iteration.
    fn landed(&mut self, request: &Request, landing: &Landing) -> StepEnd {
        self.ready = landing.done;
        StepEnd::of(request, landing)
    }

    /// When this request is given up, where the draw says that it is.
    fn cancel<'r>(&mut self, request: &'r Request) -> Option<&'r Cancel> {
        let cancel = request.cancel.as_ref()?;
        self.luck.happens(cancel.probability).then_some(cancel)
    }
}
