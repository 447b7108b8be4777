//! One request and its answer over HTTP/1.1.

use crate::{
    alarm::Alarm,
    answer::{Answer, Taken},
    failure::{failure, transfer},
    limits::{Limits, Passed, Progress},
    request::Traits,
    response::Response,
    shard::{Ready, Shard},
    wire::{ReadResult, Want, Wire},
};
use loadgen_engine::{ErrorKind, Failure, Offset};
use std::{
    future::poll_fn,
    ops::ControlFlow,
    task::{Context, Poll, ready},
};

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
pub(crate) struct Http1<'a> {
    pub(crate) wire: &'a mut Wire,
    pub(crate) shard: &'a Shard,
    pub(crate) alarm: &'a mut Alarm,
    pub(crate) limits: &'a Limits,
    pub(crate) answer: Answer<'a>,
    pub(crate) course: &'a mut Course,
}

/// How far a request and its answer have come, but for what has been taken of the answer.
///
/// What every read of a stream looks at comes first, so that it lies together.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Course {
    /// The clock as it was read last, unless the task has waited since.
    now: Option<Offset>,
    /// No limit passes before that, and the alarm rings by then; zero where that is not known.
    safe_until: Offset,
    /// Whether the next thing to do for the request is a write.
    writes: bool,
    /// Whether the last thing done was a wait.
    waited: bool,
    /// Bytes came that belong to no answer.
    surplus: bool,
    progress: Progress,
    response: Response,
    /// When the newest write began.
    wrote: Offset,
}

/// What is known of one exchange: its course, and what has been taken of its answer.
#[derive(Default)]
#[repr(C)]
pub(crate) struct State {
    pub(crate) course: Course,
    pub(crate) taken: Taken,
}

/// What came of reading an answer.
pub(crate) enum Ran {
    /// All of it was read; whether the connection may be used again, as far as the answer can tell.
    Whole(bool),
    /// It lets wait for itself.
    Waits,
}

impl State {
    /// That of a request of which nothing has been sent yet; nothing has been taken of its answer.
    pub(crate) fn begin(&mut self, traits: Traits) {
        self.course = Course {
            response: Response::new(traits.head),
            ..Course::default()
        };
    }
}

impl Course {
    /// Whether the connection may be used again after the whole answer.
    const fn allows_reuse(&self) -> bool {
        !self.surplus && self.response.allows_reuse()
    }
}

impl Http1<'_> {
    /// Sends the request and reads the answer. Where it `may_leave`, not beyond the first wait for the answer: the rest is
    /// left to who calls [`Self::poll_rest`] from then on.
    ///
    /// The memory of the request is given back once it is sent: a stream may go on for long.
    pub(crate) async fn run(
        &mut self,
        request: &mut Ready,
        may_leave: bool,
    ) -> Result<Ran, Broken> {
        // One future for all writes and one for all reads: each level of futures is one more place in memory that every
        // read has to look at.
        let mut unsent = self.begin(&request.wired().bytes);
        let sent = poll_fn(|cx| self.poll_send(cx, &mut unsent)).await;
        self.shard.recycle(std::mem::take(request));
        let Sent {
            stopped,
            mut failed,
        } = match self.has_sent(sent) {
            ControlFlow::Continue(sent) => sent,
            ControlFlow::Break(ended) => return ended.map(|()| Ran::Whole(false)),
        };
        let may_leave = may_leave && failed.is_none();
        let received = poll_fn(|cx| match self.poll_receive(cx, &mut failed) {
            Poll::Pending if may_leave => Poll::Ready(None),
            received => received.map(Some),
        })
        .await;
        let Some(received) = received else {
            return Ok(Ran::Waits);
        };
        self.settle(stopped);
        received?;
        Ok(Ran::Whole(stopped.is_none() && self.course.allows_reuse()))
    }

    /// Reads on from where [`Self::run`] left; whether the connection may be used again, as far as the answer can tell.
    pub(crate) fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Broken>> {
        let received = ready!(self.poll_receive(cx, &mut None));
        self.settle(None);
        Poll::Ready(received.map(|()| self.course.allows_reuse()))
    }

    /// Whether the answer is still to be read, or all has ended.
    fn has_sent(&mut self, sent: Result<bool, Sending>) -> ControlFlow<Result<(), Broken>, Sent> {
        let ended = match sent {
            // The end of sending is dated already.
            Ok(true) => return ControlFlow::Continue(Sent::default()),
            // What the peer said before it closed its end tells more than the failed write.
            Err(Sending::Write(failed)) => {
                return ControlFlow::Continue(Sent {
                    stopped: Some(self.limits.clock.now()),
                    failed: Some(Box::new(failed)),
                });
            }
            // The answer was whole before the request was.
            Ok(false) => Ok(()),
            Err(Sending::Read(broken)) => Err(broken),
        };
        self.settle(Some(self.limits.clock.now()));
        ControlFlow::Break(ended)
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
            Some(sent) if (self.course.wrote..sent).contains(&first_byte) => {
                exchange.sent_last = Some(first_byte);
            }
            None if exchange.whole => exchange.sent_last = stopped,
            _ => {}
        }
    }

    /// Notes that the request is sent from now on; what of it is to be sent.
    fn begin<'c>(&mut self, bytes: &'c [u8]) -> &'c [u8] {
        let begun = self.limits.clock.now();
        self.answer.exchange.sent_first = Some(begun);
        self.wire.dating.begin(begun);
        self.course.wrote = begun;
        self.course.writes = true;
        bytes
    }

    /// Sends the request: whether all of it went out; not so where the whole answer came first.
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        unsent: &mut &[u8],
    ) -> Poll<Result<bool, Sending>> {
        loop {
            if std::mem::take(&mut self.course.writes) && self.write(unsent)? {
                return Poll::Ready(Ok(true));
            }
            ready!(self.poll_wanted(cx, Want::ReadOrWrite)).map_err(Sending::Read)?;
            if self.read().map_err(Sending::Read)? {
                return Poll::Ready(Ok(false));
            }
            self.course.wrote = self.limits.clock.now();
            self.course.writes = true;
        }
    }

    /// One write; whether all of the request is out.
    fn write(&mut self, unsent: &mut &[u8]) -> Result<bool, Sending> {
        let written = self.wire.write(unsent);
        self.count();
        *unsent = &unsent[written.map_err(|error| Sending::Write(transfer(&error)))?..];
        let whole = unsent.is_empty() && self.flushed()?;
        let now = self.limits.clock.now();
        let exchange = &mut *self.answer.exchange;
        if exchange.sent_first == Some(self.course.wrote) {
            exchange.first_write = now.since(self.course.wrote);
        }
        if whole {
            exchange.sent_last = Some(now);
            self.course.progress.sent = Some(now);
            self.course.now = Some(now);
        }
        Ok(whole)
    }

    fn flushed(&mut self) -> Result<bool, Sending> {
        let flushed = self.wire.flush();
        self.count();
        flushed.map_err(|error| Sending::Write(transfer(&error)))
    }

    /// Reads to the end of the answer. `failed` is why the request could not be sent whole.
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        failed: &mut Option<Box<Failure>>,
    ) -> Poll<Result<(), Broken>> {
        loop {
            ready!(self.poll_wanted(cx, Want::Read))?;
            match (self.read(), failed.take()) {
                (Ok(true), _) => return Poll::Ready(Ok(())),
                (Ok(false), reason) => *failed = reason,
                (Err(Broken::Gone(_)), Some(reason)) => {
                    return Poll::Ready(Err(Broken::Gone(*reason)));
                }
                (Err(broken), _) => return Poll::Ready(Err(broken)),
            }
        }
    }

    /// Ready when a read (or a write, where it is wanted too) may do something; fails where a limit has passed.
    fn poll_wanted(&mut self, cx: &mut Context<'_>, want: Want) -> Poll<Result<(), Broken>> {
        // What wakes the task the next time may be the alarm.
        let now = self.course.now.take();
        // Who comes back from a wait looks first whether it was for this: then nothing has to be waited for anew. Not so
        // who has not waited: a socket that always has more must not keep others from theirs.
        let waited = std::mem::take(&mut self.course.waited);
        if waited && self.wire.socket.is_readable() || self.wire.poll_wanted(cx, want).is_ready() {
            return Poll::Ready(Ok(()));
        }
        self.course.waited = true;
        if now.is_some_and(|now| now < self.course.safe_until) && self.alarm.rings(cx).is_some() {
            return Poll::Pending;
        }
        self.poll_limits(cx, now)
    }

    /// Fails where a limit has passed; else has the alarm ring for the next one.
    fn poll_limits(
        &mut self,
        cx: &mut Context<'_>,
        mut now: Option<Offset>,
    ) -> Poll<Result<(), Broken>> {
        let clock = self.limits.clock;
        loop {
            let (deadline, _) = self.limits.deadline(&self.answer, self.course.progress);
            let rings = self.alarm.rings(cx).filter(|rings| *rings <= deadline);
            let to_come = (now.take().zip(rings)).is_some_and(|(now, at)| clock.instant(now) < at);
            if to_come || self.alarm.poll(cx, deadline).is_pending() {
                let safe = Limits::only_move_on(&self.answer);
                let rings = self.alarm.rings(cx).filter(|_| safe);
                self.course.safe_until = rings.map_or(Offset::ZERO, |rings| clock.offset(rings));
                return Poll::Pending;
            }
            let now = clock.now();
            match self.limits.passed(&self.answer, self.course.progress, now) {
                Some(Passed::Cancelled) => {
                    return Poll::Ready(Err(Broken::cancelled(&mut self.answer, now)));
                }
                Some(Passed::Failed(reason)) => return Poll::Ready(Err(self.broken(reason))),
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
            course,
            ..
        } = self;
        let mut at = None;
        let result = wire.read(shard, &mut |dated, bytes| {
            answer.begin_read(dated);
            course.progress.last_read = Some(dated.read);
            course.now = Some(dated.read);
            at = Some(dated.at);
            let heads = &mut shard.heads.borrow_mut();
            let used = course.response.feed_knowing(bytes, answer, heads)?;
            course.surplus |= used < bytes.len();
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
        if !self.course.response.is_done() {
            if at.is_some() && self.limits.enough(&self.answer) {
                let now = self.limits.clock.now();
                return Err(Broken::cancelled(&mut self.answer, now));
            }
            return match at.and_then(|_| self.limits.exhausted(self.course.progress.last_read)) {
                Some(reason) => Err(self.broken(reason)),
                None => Ok(false),
            };
        }
        let at = at.unwrap_or_else(|| self.limits.clock.now());
        self.answer.end(at);
        Ok(true)
    }

    fn closed(&mut self, clean: bool) -> Result<(), Failure> {
        let before = self.course.response.is_done();
        self.course.response.end()?;
        if !clean && !before {
            return Err(failure(
                ErrorKind::ClosedEarly,
                "the peer closed TLS without saying that the body is over",
            ));
        }
        self.course.surplus = true;
        Ok(())
    }

    /// Judges a failure by how far the answer came.
    fn broken(&mut self, reason: Failure) -> Broken {
        let silent = self.course.progress.last_read.is_none() && !self.answer.has_begun();
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

/// What sending came to, where an answer may still come.
#[derive(Default)]
struct Sent {
    /// When it stopped, and why, where not all went out.
    stopped: Option<Offset>,
    failed: Option<Box<Failure>>,
}

/// Where sending stopped.
enum Sending {
    /// A write failed: the peer takes no more, but may have answered.
    Write(Failure),
    /// The answer broke off.
    Read(Broken),
}
