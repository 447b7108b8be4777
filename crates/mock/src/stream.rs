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

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;

    use super::*;
    use crate::Settings;
    use crate::clock::Clock;
    use crate::dialect::tests::three_tokens;
    use crate::openai::Chat;
    use crate::tap::Conn;
    use crate::truth::{Arrival, Log, TruthRecord};

    const MS: Duration = Duration::from_millis(1);

    /// A stream of three tokens, told to a client that takes each event `slow` after it is given.
    /// The times of the events since the start, and the record.
    async fn told(
        settings: &Settings,
        number: u64,
        slow: Duration,
    ) -> (Vec<Duration>, TruthRecord) {
        let start = Instant::now();
        let clock = Clock::start();
        let log = Arc::new(Log::new(clock, 10));
        let conn = Arc::new(Conn::new(1, clock));
        let arrival = Arrival {
            at: start.into_std(),
            connection: 1,
            method: "POST",
            path: "/",
            id: None,
        };
        let script = Script {
            dialect: &Chat,
            answer: three_tokens(),
            lot: Lot::draw(settings, number),
            start,
            ttft: settings.ttft,
            itl: settings.itl,
        };
        let mut stream = EventStream::new(Exchange::open(&log, &conn, &arrival), script);
        let mut times = Vec::new();
        while let Some(event) = poll_fn(|context| stream.poll_event(context)).await {
            event.unwrap();
            times.push(start.elapsed());
            tokio::time::sleep(slow).await;
            conn.flushed();
        }
        drop(stream);
        let record = log.kept().entries[0].record();
        (times, record)
    }

    fn settings() -> Settings {
        Settings {
            ttft: 200 * MS,
            itl: 20 * MS,
            ..Settings::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn events_come_when_they_are_due() {
        let (times, record) = told(&settings(), 1, Duration::ZERO).await;
        let expected = [0, 200, 220, 240, 240, 240, 240].map(|due| due * MS);
        assert_eq!(times, expected);
        let stamps = record
            .events_ns
            .iter()
            .map(|ns| Duration::from_nanos(ns - record.received_ns));
        assert_eq!(stamps.collect::<Vec<_>>(), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_client_is_not_waited_for_twice() {
        // The second token was late; the third is due by the start, not by the second.
        let (times, record) = told(&settings(), 1, 35 * MS).await;
        assert_eq!(times, [0, 200, 235, 270, 305, 340, 375].map(|due| due * MS));
        assert_eq!(record.ended, Ended::Complete);
    }

    #[tokio::test(start_paused = true)]
    async fn jitter_is_the_lots() {
        let settings = Settings {
            jitter: 0.5,
            seed: 9,
            ..settings()
        };
        let (times, _) = told(&settings, 4, Duration::ZERO).await;
        let mut lot = Lot::draw(&settings, 4);
        let mut due = Duration::ZERO;
        for (token, wait) in [200 * MS, 20 * MS, 20 * MS].into_iter().enumerate() {
            due += lot.wait(wait);
            // tokio's clock goes by milliseconds.
            let late = times[token + 1].checked_sub(due).unwrap();
            assert!(late <= MS, "token {token} {late:?} late");
        }
    }
}
