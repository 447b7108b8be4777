//! Tells an answer event by event, each at its due time, which is computed from the request's own.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::body::Cut;
use crate::dialect::{Answer, Delta, Dialect, Took};
use crate::exchange::Exchange;
use crate::faults::Lot;
use crate::truth::{Ended, Fault};

/// What is told, and when.
pub(crate) struct Script {
    pub(crate) dialect: &'static dyn Dialect,
    pub(crate) answer: Answer,
    pub(crate) lot: Lot,
    /// The instant from which all due times are computed.
    pub(crate) start: Instant,
    pub(crate) ttft: Duration,
    pub(crate) itl: Duration,
}

/// A streamed answer on its way.
pub(crate) struct EventStream {
    exchange: Exchange,
    script: Script,
    delta: Delta,
    /// Events that are made, and due at once.
    made: VecDeque<Bytes>,
    /// Whether nothing comes after those.
    last: bool,
    /// Tokens given so far.
    given: u32,
    /// The fault ahead, and how many tokens come before it.
    fault: Option<(u32, Fault)>,
    first_token: Option<Instant>,
    next: Step,
    /// When that is due.
    due: Instant,
    /// Whether the wait for the first token is over, or under way.
    waited: bool,
    timer: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Made,
    Token,
    Fault(Fault),
    Closing,
    Silence,
    End,
}

impl Script {
    /// How long the whole answer takes that is not streamed.
    pub(crate) fn whole_time(&mut self) -> Duration {
        let first = self.lot.wait(self.ttft);
        (0..self.answer.tokens).fold(first, |time, _| time + self.lot.wait(self.itl))
    }
}

impl EventStream {
    pub(crate) fn new(exchange: Exchange, script: Script) -> Self {
        let before = script.lot.tokens_before_fault(script.answer.tokens);
        let mut stream = Self {
            exchange,
            delta: script.dialect.delta(&script.answer),
            made: script.dialect.opening(&script.answer).into(),
            last: false,
            given: 0,
            fault: script.lot.fault.map(|fault| (before, fault)),
            first_token: None,
            next: Step::End,
            due: script.start,
            waited: false,
            timer: None,
            script,
        };
        stream.next = stream.following();
        stream
    }

    pub(crate) fn is_end(&self) -> bool {
        self.next == Step::End
    }

    pub(crate) fn poll_event(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Cut>>> {
        ready!(self.poll_due(context));
        ready!(self.exchange.conn.poll_free(context));
        match self.next {
            Step::Made => self.give_made(),
            Step::Closing => {
                self.made = self
                    .script
                    .dialect
                    .closing(&self.script.answer, &self.took())
                    .into();
                self.last = true;
                self.give_made()
            }
            Step::Token => {
                self.first_token.get_or_insert_with(Instant::now);
                let event = self.delta.event(&self.script.answer, self.given);
                self.given += 1;
                self.give(event, true)
            }
            Step::Fault(fault) => self.befall(fault),
            // Only the client's leaving, which drops this body, ends it.
            Step::Silence => Poll::Pending,
            Step::End => {
                self.exchange.finished();
                Poll::Ready(None)
            }
        }
    }

    /// Waits for the due time of what comes next.
    fn poll_due(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.due {
            return Poll::Ready(());
        }
        let due = self.due;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if timer.deadline() != due {
            timer.as_mut().reset(due);
        }
        timer.as_mut().poll(context)
    }

    /// Decides what comes next, and sets when it is due.
    fn following(&mut self) -> Step {
        if !self.made.is_empty() {
            Step::Made
        } else if self.last {
            Step::End
        } else if let Some((_, fault)) = self.fault.take_if(|(before, _)| self.given >= *before) {
            self.wait();
            Step::Fault(fault)
        } else if self.given < self.script.answer.tokens {
            self.wait();
            Step::Token
        } else {
            // What closes the stream follows at once, but an empty answer takes its time too.
            if !self.waited {
                self.wait();
            }
            Step::Closing
        }
    }

    fn wait(&mut self) {
        let wait = if self.waited {
            self.script.itl
        } else {
            self.script.ttft
        };
        self.waited = true;
        self.due += self.script.lot.wait(wait);
    }

    fn took(&self) -> Took {
        let since = |instant: Instant| instant.saturating_duration_since(self.script.start);
        let total = since(Instant::now());
        Took {
            first: self.first_token.map_or(total, since),
            total,
        }
    }

    fn give_made(&mut self) -> Poll<Option<Result<Bytes, Cut>>> {
        match self.made.pop_front() {
            Some(event) => self.give(event, false),
            None => Poll::Ready(None),
        }
    }

    fn give(&mut self, event: Bytes, output: bool) -> Poll<Option<Result<Bytes, Cut>>> {
        self.next = self.following();
        self.exchange.event(event.len(), output);
        if self.is_end() {
            self.exchange.finished();
        }
        Poll::Ready(Some(Ok(event)))
    }

    fn befall(&mut self, fault: Fault) -> Poll<Option<Result<Bytes, Cut>>> {
        self.exchange.fault(fault);
        match fault {
            Fault::Stall => {
                self.exchange.stalled();
                self.next = Step::Silence;
                Poll::Pending
            }
            Fault::Truncate if self.script.lot.abrupt => {
                self.exchange.cut();
                self.next = Step::End;
                Poll::Ready(Some(Err(Cut)))
            }
            Fault::Truncate => {
                self.exchange.ends_as(Ended::Truncated);
                self.exchange.finished();
                self.next = Step::End;
                Poll::Ready(None)
            }
            Fault::Garbage => self.give(self.script.dialect.garbage(), false),
            Fault::Error => {
                self.exchange.ends_as(Ended::Error);
                self.last = true;
                self.give(
                    self.script
                        .dialect
                        .error_event("the mock broke this stream on purpose"),
                    false,
                )
            }
        }
    }
}
