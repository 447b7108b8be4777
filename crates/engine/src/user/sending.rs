//! How a user sends a request, with all that may come of it: attempts, redirections, cookies, tokens.

use super::{StepEnd, User, walk::lost};
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
use loadgen_scenario::{Rendered, Request, Scope, TemplateError};
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
        // Once for all attempts: what is sent again is what was sent, but for a token.
        let mut rendered = match self.message(request, &shard).await {
            Some(Ok(rendered)) => rendered,
            Some(Err(error)) => return self.not_sent(request, &error),
            None => return StepEnd::Leave,
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
            if !self.has_asked(request).await {
                return StepEnd::Leave;
            }
            if let Err(error) = request.message.renew_token(&mut rendered, &self.scope) {
                return self.not_sent(request, &error);
            }
            time += 1;
        }
    }

    /// Waits for a turn where the rate of the requests is capped; false where the user has to leave.
    async fn has_turn(&mut self, request: &Request) -> bool {
        match request.rate_limit {
            // Who waits for a token of its own keeps nobody waiting, and does not use up a turn that it cannot take.
            Some(limit) => {
                Box::pin(async {
                    self.has_asked(request).await && self.turn(limit, request.index).await
                })
                .await
            }
            None => true,
        }
    }

    /// The message of a request; none where the user has to leave. Where its token has ended, and there is no other, the
    /// user waits a while for one: asking at once, again and again, would only make failures by the thousand.
    async fn message<'r>(
        &mut self,
        request: &'r Request,
        shard: &'r Shard<C, T>,
    ) -> Option<Result<Rendered<'r>, TemplateError>> {
        let target = &shard.plan.target;
        if !self.has_asked(request).await {
            return None;
        }
        let message = request.message.render(target, &self.scope);
        if !matches!(&message, Err(error) if error.lacks_token) {
            return Some(message);
        }
        self.ready = shard.clock.now().after(TOKEN_WAIT);
        if !Box::pin(self.is_still_here()).await || !self.has_asked(request).await {
            return None;
        }
        Some(request.message.render(target, &self.scope))
    }

    /// Asks for the token of the user's own that a request needs, where it is time for that, over a connection of its
    /// own; false where the user has to leave before there is an answer.
    async fn has_asked(&mut self, request: &Request) -> bool {
        if request.message.token.is_none() {
            return true;
        }
        let shard = Rc::clone(&self.shard);
        let wants = |scope: &Scope| own_token_wanted(request, &shard.plan, scope, shard.clock);
        if wants(&self.scope).is_none() {
            return true;
        }
        self.present = None;
        let (asking, scope) = (Rc::clone(&self.more().asking), self.scope.clone());
        let answer = Box::pin(async {
            // Of several ways that it goes at once, one asks for all.
            let _alone = asking.lock().await;
            if let Some(place) = wants(&scope) {
                let _among_few = shard.token_ask().await;
                let mut connection = shard.connector.connection();
                let user = (&*shard.plan, &scope);
                fetch_own_token(&mut connection, place, user, shard.clock).await;
            }
        });
        let stays = tokio::select! {
            () = answer => true,
            () = lost(&mut self.seat) => false,
        };
        self.ready = shard.clock.now();
        stays
    }

    /// A request could not be sent: for want of a token, or because a template failed.
    fn not_sent(&mut self, request: &Request, error: &TemplateError) -> StepEnd {
        let steps = (request.index, self.turn_of(request));
        if request.conversation.is_some() {
            self.scope.end_turn(request.index, None);
        }
        let landing = Landing {
            lacking: !request.extract.is_empty(),
            ..template_failed(&self.shard, steps, self.ready, error)
        };
        self.landed(request, &landing)
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
        let sink: &mut dyn StreamSink = &mut RecorderSink {
            recorder: Rc::clone(&shard.recorder),
            step: request.index,
            turn,
            due,
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
        let landing = flight.land(&self.scope, rendered);
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
