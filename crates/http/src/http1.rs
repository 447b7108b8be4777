//! One request and its answer over HTTP/1.1.

use crate::{
    alarm::Alarm,
    answer::Answer,
    failure::{failure, transfer},
    limits::{Limits, Passed, Progress},
    request::Traits,
    response::Response,
    shard::{Ready, Shard},
    wire::{ReadResult, Want, Wire},
};
use loadgen_engine::{ErrorKind, Failure, Offset};

/// Why there is no whole answer.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The peer closed or reset the connection before any byte of an answer.
    Gone(Failure),
    /// The call was given up on purpose.
    Cancelled,
    /// All else.
    Failed(Failure),
}

impl Broken {
    /// The call is given up, unless its stream had failed before.
    pub(crate) fn cancelled(answer: &mut Answer<'_>, now: Offset) -> Self {
        answer.cancel(now).map_or(Self::Cancelled, Self::Failed)
    }
}

/// A request on its way, and its answer.
pub(crate) struct Http1<'a, 'b> {
    wire: &'a mut Wire,
    shard: &'a Shard,
    alarm: &'a mut Alarm,
    limits: &'a Limits,
    answer: Answer<'b>,
    response: Response,
    /// Bytes came that belong to no answer.
    surplus: bool,
    progress: Progress,
    /// When the newest write began.
    wrote: Offset,
}

impl<'a, 'b> Http1<'a, 'b> {
    /// Nothing has been sent yet.
    pub(crate) const fn new(
        wire: &'a mut Wire,
        shard: &'a Shard,
        alarm: &'a mut Alarm,
        limits: &'a Limits,
        answer: Answer<'b>,
        traits: Traits,
    ) -> Self {
        let response = Response::new(traits.head);
        let progress = Progress {
            sent: None,
            last_read: None,
        };
        Self {
            wire,
            shard,
            alarm,
            limits,
            answer,
            response,
            surplus: false,
            progress,
            wrote: Offset::ZERO,
        }
    }

    /// Sends the request and reads the answer; whether the connection may be used again.
    pub(crate) async fn run(&mut self, request: &Ready) -> Result<bool, Broken> {
        let sent = self.send(&request.wired().bytes).await;
        let whole = matches!(sent, Ok(true));
        // Where all went out, the end of sending is dated already.
        let stopped = (!whole).then(|| self.limits.clock.now());
        let received = match sent {
            Ok(true) => self.receive(None).await,
            // The answer was whole before the request was.
            Ok(false) => Ok(()),
            // What the peer said before it closed its end tells more than the failed write.
            Err(Sending::Write(failed)) => self.receive(Some(failed)).await,
            Err(Sending::Read(broken)) => Err(broken),
        };
        self.settle(stopped);
        received?;
        let close = self.surplus || request.wired().traits.close;
        Ok(whole && self.response.allows_reuse() && !close)
    }

    /// Dates the end of sending by what the answer tells of it. A peer that is near may answer before the write that
    /// gave it the last byte returns: that byte had been accepted by then. Where the answer was whole first, sending
    /// ended when it was `stopped`.
    fn settle(&mut self, stopped: Option<Offset>) {
        let exchange = &mut *self.answer.exchange;
        let Some(first_byte) = exchange.first_byte else {
            return;
        };
        match exchange.sent_last {
            Some(sent) if (self.wrote..sent).contains(&first_byte) => {
                exchange.sent_last = Some(first_byte);
            }
            None if exchange.whole => exchange.sent_last = stopped,
            _ => {}
        }
    }

    /// Sends the request: whether all of it went out; not so where the whole answer came first.
    async fn send(&mut self, bytes: &[u8]) -> Result<bool, Sending> {
        let begun = self.limits.clock.now();
        self.answer.exchange.sent_first = Some(begun);
        self.wire.dating.begin(begun);
        self.wrote = begun;
        let mut sent = 0;
        loop {
            let written = self.wire.write(&bytes[sent..]);
            self.count();
            sent += written.map_err(|error| Sending::Write(transfer(&error)))?;
            let whole = sent == bytes.len() && self.flushed()?;
            let now = self.limits.clock.now();
            if self.wrote == begun {
                self.answer.exchange.first_write = now.since(begun);
            }
            if whole {
                self.answer.exchange.sent_last = Some(now);
                self.progress.sent = Some(now);
                return Ok(true);
            }
            self.wait(Want::ReadOrWrite).await.map_err(Sending::Read)?;
            if self.read().map_err(Sending::Read)? {
                return Ok(false);
            }
            self.wrote = self.limits.clock.now();
        }
    }

    fn flushed(&mut self) -> Result<bool, Sending> {
        let flushed = self.wire.flush();
        self.count();
        flushed.map_err(|error| Sending::Write(transfer(&error)))
    }

    /// Reads to the end of the answer. `failed` is why the request could not be sent whole.
    async fn receive(&mut self, mut failed: Option<Failure>) -> Result<(), Broken> {
        loop {
            self.wait(Want::Read).await?;
            match (self.read(), failed.take()) {
                (Ok(true), _) => return Ok(()),
                (Ok(false), reason) => failed = reason,
                (Err(Broken::Gone(_)), Some(reason)) => return Err(Broken::Gone(reason)),
                (Err(broken), _) => return Err(broken),
            }
        }
    }

    async fn wait(&mut self, want: Want) -> Result<(), Broken> {
        loop {
            let (deadline, _) = self.limits.deadline(&self.answer, self.progress);
            if self.wire.wait(want, self.alarm, deadline).await.is_ok() {
                return Ok(());
            }
            let now = self.limits.clock.now();
            match self.limits.passed(&self.answer, self.progress, now) {
                Some(Passed::Cancelled) => return Err(Broken::cancelled(&mut self.answer, now)),
                Some(Passed::Failed(reason)) => return Err(self.broken(reason)),
                None => {}
            }
        }
    }

    /// One read; whether the answer is whole.
    fn read(&mut self) -> Result<bool, Broken> {
        let Self {
            wire,
            shard,
            answer,
            response,
            surplus,
            progress,
            ..
        } = self;
        let mut at = None;
        let result = wire.read(shard, &mut |dated, bytes| {
            answer.begin_read(dated);
            progress.last_read = Some(dated.read);
            at = Some(dated.at);
            let used = response.feed_knowing(bytes, answer, &mut shard.heads.borrow_mut())?;
            *surplus |= used < bytes.len();
            Ok(())
        });
        self.count();
        self.answer.end_read();
        let result = match result {
            Ok(ReadResult::Closed { clean }) => self.closed(clean),
            Ok(_) => Ok(()),
            Err(failed) => Err(failed),
        };
        result.map_err(|failed| self.broken(failed))?;
        if !self.response.is_done() {
            if at.is_some() && self.limits.enough(&self.answer) {
                let now = self.limits.clock.now();
                return Err(Broken::cancelled(&mut self.answer, now));
            }
            return match at.and_then(|_| self.limits.exhausted(self.progress.last_read)) {
                Some(reason) => Err(self.broken(reason)),
                None => Ok(false),
            };
        }
        let at = at.unwrap_or_else(|| self.limits.clock.now());
        self.answer.end(at);
        Ok(true)
    }

    fn closed(&mut self, clean: bool) -> Result<(), Failure> {
        let before = self.response.is_done();
        self.response.end()?;
        if !clean && !before {
            return Err(failure(
                ErrorKind::ClosedEarly,
                "the peer closed TLS without saying that the body is over",
            ));
        }
        self.surplus = true;
        Ok(())
    }

    /// Judges a failure by how far the answer came.
    fn broken(&mut self, reason: Failure) -> Broken {
        let silent = self.progress.last_read.is_none() && !self.answer.has_begun();
        if silent && matches!(reason.kind, ErrorKind::ClosedEarly | ErrorKind::Reset) {
            return Broken::Gone(reason);
        }
        let now = self.limits.clock.now();
        Broken::Failed(self.answer.cut(reason, now))
    }

    fn count(&mut self) {
        let counted = self.wire.take_counted();
        self.answer.exchange.bytes_sent += counted.sent;
        self.answer.exchange.bytes_received += counted.received;
    }
}

/// Where sending stopped.
enum Sending {
    /// A write failed: the peer takes no more, but may have answered.
    Write(Failure),
    /// The answer broke off.
    Read(Broken),
}
