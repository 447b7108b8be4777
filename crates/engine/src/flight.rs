//! A request on its way, from its start until it is recorded.

use crate::{
    connection::{Connector, Exchange},
    judge::{Asked, Judgement, LOOKED_INTO, ending, judge},
    shard::Shard,
    timer::Timer,
};
use loadgen_scenario::{Rendered, Request, Scope, TemplateError, mask};
use loadgen_stats::{Cut, Ending, ErrorKind, Offset, Outcome, Sample, StepIndex};
use std::time::Duration;

/// A request on its way; dropped before it lands, it is booked as cut with what it had come to.
pub(crate) struct Flight<'a, C: Connector, T: Timer> {
    shard: &'a Shard<C, T>,
    request: &'a Request,
    /// The turn of a conversation that it is, where that has figures of its own.
    turn: Option<StepIndex>,
    due: Offset,
    /// Whether it follows a redirection.
    follows: bool,
    started: Offset,
    exchange: Exchange,
    landed: bool,
    /// Whether it was due in the measured part; none of what no load is measured by.
    measured: Option<bool>,
}

impl<'a, C: Connector, T: Timer> Flight<'a, C, T> {
    pub(crate) fn begin(
        shard: &'a Shard<C, T>,
        request: &'a Request,
        turn: Option<StepIndex>,
        (due, started): (Offset, Offset),
    ) -> Self {
        let measured = {
            let mut recorder = shard.recorder.borrow_mut();
            for step in turn.into_iter().chain([request.index]) {
                recorder.began(step, due, started);
            }
            recorder.measures(request.index, due)
        };
        if let Some(measured) = measured {
            shard.flights.begin(started, measured);
        }
        Self {
            shard,
            request,
            turn,
            due,
            follows: false,
            started,
            exchange: Exchange::default(),
            landed: false,
            measured,
        }
    }

    /// Records it, in its turn too.
    fn record(&self, mut sample: Sample<'_>) {
        let mut recorder = self.shard.recorder.borrow_mut();
        recorder.request(&sample);
        if let Some(step) = self.turn {
            sample.step = step;
            recorder.request(&sample);
        }
    }

    /// The answer was a redirection: records it, and begins the request that it leads to.
    pub(crate) fn go_on(mut self) -> Self {
        self.landed = true;
        let judgement = Judgement {
            outcome: Outcome::Redirected,
            ending: Ending::Whole,
            error: None,
            checks_held: 0,
            checks_made: 0,
            found: Vec::new(),
            lacking: false,
        };
        let times = (self.due, self.started);
        let mut sample = sample(self.request.index, times, &self.exchange, &judgement);
        sample.follows = self.follows;
        self.record(sample);
        let started = self.shard.clock.now();
        let limit = self.request.rate_limit;
        if let Some(turns) = limit.and_then(|limit| self.shard.turns(limit)) {
            turns.owe(started);
        }
        if let Some(measured) = self.measured {
            // The one that it follows ends as it is dropped.
            self.shard.flights.begin(started, measured);
        }
        Self {
            follows: true,
            started,
            exchange: Exchange::default(),
            landed: false,
            ..self
        }
    }

    /// Whether the request is sent again, for the time of that number from 0.
    pub(crate) fn is_tried_again(&self, time: u32) -> bool {
        let failure = self.exchange.failure.as_ref().map(|failure| failure.kind);
        let retry = self.request.retry.as_ref();
        retry.is_some_and(|retry| time < retry.max && retry.names(self.exchange.status, failure))
    }

    /// Records it as one that is followed by another attempt: it has not failed. Returns when it was done, and how long
    /// the answer asks to be left alone.
    pub(crate) fn give_way(mut self) -> (Offset, Option<Duration>) {
        self.landed = true;
        let done = *self
            .exchange
            .done
            .get_or_insert_with(|| self.shard.clock.now());
        let stream = self.exchange.stream.take();
        let judgement = Judgement {
            outcome: Outcome::Rejected,
            ending: ending(&self.exchange),
            error: None,
            checks_held: 0,
            checks_made: 0,
            found: Vec::new(),
            lacking: false,
        };
        let times = (self.due, self.started);
        let mut sample = sample(self.request.index, times, &self.exchange, &judgement);
        (sample.stream, sample.follows, sample.retried) = (stream, self.follows, true);
        self.record(sample);
        let mut recorder = self.shard.recorder.borrow_mut();
        for step in self.turn.into_iter().chain([self.request.index]) {
            recorder.retry(step, self.due, done, self.exchange.status);
        }
        drop(recorder);
        (done, self.exchange.retry_after)
    }

    /// The names of the fields that no other origin is told.
    pub(crate) fn of_one_origin(&self) -> &'a [String] {
        &self.request.message.of_one_origin
    }

    /// When the user began to get a connection.
    pub(crate) const fn started(&self) -> Offset {
        self.started
    }

    pub(crate) fn exchange(&mut self) -> &mut Exchange {
        &mut self.exchange
    }

    /// The request has ended: judges and records it, and keeps for the user what is taken out of its answer. `sent` is what
    /// was sent first.
    pub(crate) fn land(&mut self, scope: &Scope, sent: &Rendered<'_>) -> Landing {
        self.landed = true;
        let done = *self
            .exchange
            .done
            .get_or_insert_with(|| self.shard.clock.now());
        let asked = Asked::of(self.request, scope, (self.due, self.started));
        let mut judgement = judge(&asked, &self.exchange);
        // A provider's message or an error page may repeat what it was sent.
        if let Some((_, text)) = &mut judgement.error {
            let said = sent.secrets(self.of_one_origin());
            let masked = mask(&said, text);
            *text = scope.mask(&self.shard.plan.mask(&masked)).into_owned();
        }
        for (name, value) in std::mem::take(&mut judgement.found) {
            scope.keep(&name, value, self.request.life);
        }
        // And a check may show what was taken out of the same answer.
        if let Some((_, text)) = &mut judgement.error {
            *text = scope.mask(text).into_owned();
        }
        if self.request.conversation.is_some() {
            scope.end_turn(self.request.index, answer(&judgement, &self.exchange));
        }
        let stream = self.exchange.stream.take();
        let times = (self.due, self.started);
        let mut sample = sample(self.request.index, times, &self.exchange, &judgement);
        (sample.stream, sample.follows) = (stream, self.follows);
        self.record(sample);
        Landing {
            done,
            outcome: judgement.outcome,
            lacking: judgement.lacking,
        }
    }
}

/// What came of a request, for the user who sent it.
pub(crate) struct Landing {
    /// When it was done.
    pub(crate) done: Offset,
    /// How it is judged.
    pub(crate) outcome: Outcome,
    /// Whether something that was to be taken out of it is not there.
    pub(crate) lacking: bool,
}

impl<C: Connector, T: Timer> Drop for Flight<'_, C, T> {
    fn drop(&mut self) {
        let ended = self.exchange.done.filter(|_| self.landed);
        let ended = ended.unwrap_or_else(|| self.shard.clock.now());
        if let Some(measured) = self.measured {
            self.shard.flights.end(ended, measured);
        }
        if self.landed {
            return;
        }
        let exchange = &self.exchange;
        let cut = Cut {
            step: self.request.index,
            due: self.due,
            sent_first: exchange.sent_first,
            sent_last: exchange.sent_last,
            sent_whole: exchange.sent_last.or(exchange.first_byte).is_some(),
            first_byte: exchange.first_byte,
            first_output: exchange
                .stream
                .as_ref()
                .and_then(|stream| stream.first_output),
            at: ended,
            bytes_sent: exchange.bytes_sent,
            bytes_received: exchange.bytes_received,
            resent: exchange.resent,
        };
        let mut recorder = self.shard.recorder.borrow_mut();
        recorder.cut(&cut);
        if let Some(step) = self.turn {
            recorder.cut(&Cut { step, ..cut });
        }
    }
}

/// What a turn of a conversation was answered, so that it can go on: the text of a good answer, or as much of it as had
/// come when it was given up on purpose.
#[must_use]
pub fn answer<'a>(judgement: &Judgement, exchange: &'a Exchange) -> Option<&'a str> {
    let heard = matches!(judgement.outcome, Outcome::Ok | Outcome::Cancelled);
    let whole = !exchange.text.is_empty() && exchange.text.len() <= LOOKED_INTO;
    (heard && whole).then_some(exchange.text.as_str())
}

/// Records a request whose message could not be built: for want of a token, or because a template failed. It is in the
/// figures of its step, and in those of its turn where it is one.
pub(crate) fn template_failed<C: Connector, T: Timer>(
    shard: &Shard<C, T>,
    (step, turn): (StepIndex, Option<StepIndex>),
    due: Offset,
    error: &TemplateError,
) -> Landing {
    let kind = match error.lacks_token {
        true => ErrorKind::Auth,
        false => ErrorKind::Template,
    };
    let now = shard.clock.now();
    let exchange = Exchange {
        done: Some(now),
        ..Exchange::default()
    };
    let judgement = Judgement {
        outcome: Outcome::Failed,
        ending: Ending::Broken,
        error: Some((kind, error.to_string())),
        checks_held: 0,
        checks_made: 0,
        found: Vec::new(),
        lacking: false,
    };
    let mut recorder = shard.recorder.borrow_mut();
    for step in turn.into_iter().chain([step]) {
        recorder.request(&sample(step, (due, now), &exchange, &judgement));
    }
    Landing {
        done: now,
        outcome: Outcome::Failed,
        lacking: false,
    }
}

/// What is recorded of an exchange, its stream left out. `due` and `started` are those of its request.
pub(crate) fn sample<'a>(
    step: StepIndex,
    (due, started): (Offset, Offset),
    exchange: &Exchange,
    judgement: &'a Judgement,
) -> Sample<'a> {
    Sample {
        step,
        due,
        follows: false,
        retried: false,
        started,
        connected: exchange.connected,
        dns: exchange.dns,
        connecting: exchange.connecting,
        tls: exchange.tls,
        sent_first: exchange.sent_first,
        sent_last: exchange.sent_last,
        first_byte: exchange.first_byte,
        done: exchange.done.unwrap_or(started),
        status: exchange.status,
        ending: judgement.ending,
        outcome: judgement.outcome,
        error: judgement
            .error
            .as_ref()
            .map(|(kind, text)| (*kind, text.as_str())),
        bytes_sent: exchange.bytes_sent,
        bytes_received: exchange.bytes_received,
        bytes_decoded: exchange.bytes_decoded,
        checks_held: judgement.checks_held,
        checks_made: judgement.checks_made,
        resent: exchange.resent,
        usage: exchange.usage,
        stream: None,
    }
}
