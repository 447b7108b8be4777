//! How long a call may take, part by part.

use crate::{
    answer::Answer,
    failure::{failure, timeout},
};
use loadgen_engine::{Call, Cancel, Clock, ErrorKind, Failure, Offset, Timeouts};
use std::time::Duration;
use tokio::time::Instant;

/// The limits on the time of one call.
///
/// What every read of a stream looks at comes first, so that it lies together.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Limits {
    pub(crate) clock: Clock,
    /// When the whole call must be over.
    total: Offset,
    /// When the call is given up on purpose.
    cancel: Option<Cancel>,
    /// Silence between two events of a stream.
    stall: Option<Duration>,
    pub(crate) timeouts: Timeouts,
}

/// How far a call has come, as far as limits depend on it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    /// When the request was sent.
    pub(crate) sent: Option<Offset>,
    /// When the last read brought something.
    pub(crate) last_read: Option<Offset>,
}

/// Which limit comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    Total,
    FirstByte,
    Idle,
    Stall,
    FirstToken,
    Cancel,
}

/// What comes of a limit that has passed.
#[derive(Debug)]
pub(crate) enum Passed {
    /// The call is given up, as was wanted.
    Cancelled,
    /// It has failed.
    Failed(Failure),
}

impl From<Failure> for Passed {
    fn from(reason: Failure) -> Self {
        Self::Failed(reason)
    }
}

impl Limits {
    /// For a call that begins now.
    pub(crate) fn new(call: &Call<'_>, started: Offset) -> Self {
        let stall = call.stream.and_then(|spec| spec.stall);
        Self {
            clock: call.clock,
            total: started.after(call.timeouts.total),
            timeouts: call.timeouts,
            stall,
            cancel: call.cancel.copied(),
        }
    }

    /// When the whole call must be over.
    pub(crate) const fn total(&self) -> Offset {
        self.total
    }

    /// The earlier of the end of the call and `length` from `since` on.
    pub(crate) fn part(&self, since: Offset, length: Duration) -> Instant {
        self.clock.instant(since.after(length).min(self.total()))
    }

    /// The limit that passes next while the answer is awaited.
    pub(crate) fn next(&self, answer: &Answer<'_>, progress: Progress) -> (Offset, Limit) {
        let begun = answer.has_begun();
        let after = |since: Option<Offset>, length: Option<Duration>| Some(since?.after(length?));
        let first_byte = after(progress.sent, self.timeouts.first_byte).filter(|_| !begun);
        let idle = after(progress.last_read, self.timeouts.idle).filter(|_| begun);
        let stall = after(answer.last_event(), self.stall);
        let sent = answer.exchange.sent_first;
        let first_token = after(sent, self.timeouts.first_token).filter(|_| answer.awaits_output());
        let cancel = after(sent, self.cancel.and_then(|cancel| cancel.after));
        let parts = [
            (cancel, Limit::Cancel),
            (first_token, Limit::FirstToken),
            (first_byte, Limit::FirstByte),
            (stall, Limit::Stall),
            (idle, Limit::Idle),
        ];
        let mut next = (self.total(), Limit::Total);
        for (at, limit) in parts {
            if let Some(at) = at
                && at < next.0
            {
                next = (at, limit);
            }
        }
        next
    }

    /// Whether limits only move on from now: whatever comes, none passes earlier than [`Limits::next`] says. So it is once
    /// the final head has come: silence is counted from the newest read or event, all else from instants that are known.
    pub(crate) const fn only_move_on(answer: &Answer<'_>) -> bool {
        answer.exchange.status.is_some()
    }

    /// The instant of [`Limits::next`].
    pub(crate) fn deadline(&self, answer: &Answer<'_>, progress: Progress) -> (Instant, Limit) {
        let (at, limit) = self.next(answer, progress);
        (self.clock.instant(at), limit)
    }

    /// What comes of the limit that has passed at `now`, if one has.
    pub(crate) fn passed(
        &self,
        answer: &Answer<'_>,
        progress: Progress,
        now: Offset,
    ) -> Option<Passed> {
        let (at, limit) = self.next(answer, progress);
        (at <= now).then(|| match limit {
            Limit::Cancel => Passed::Cancelled,
            limit => Passed::Failed(self.failure(limit)),
        })
    }

    /// Whether so much of a stream has come that the call is given up.
    pub(crate) fn enough(&self, answer: &Answer<'_>) -> bool {
        self.cancel
            .and_then(|cancel| cancel.after_tokens)
            .is_some_and(|tokens| answer.output_events() >= tokens)
    }

    /// The failure of the whole call, where reads that keep coming have used its time up.
    pub(crate) fn exhausted(&self, last_read: Option<Offset>) -> Option<Failure> {
        last_read
            .filter(|at| *at >= self.total())
            .map(|_| self.failure(Limit::Total))
    }

    /// What is told of a limit that has passed.
    pub(crate) fn failure(&self, limit: Limit) -> Failure {
        match limit {
            Limit::Total | Limit::Cancel => timeout("no whole answer", self.timeouts.total),
            Limit::FirstToken => timeout(
                "no output of the stream",
                self.timeouts.first_token.unwrap_or_default(),
            ),
            Limit::FirstByte => timeout(
                "no first byte of an answer",
                self.timeouts.first_byte.unwrap_or_default(),
            ),
            Limit::Idle => timeout(
                "no more of the answer",
                self.timeouts.idle.unwrap_or_default(),
            ),
            Limit::Stall => {
                let length = self.stall.unwrap_or_default();
                failure(ErrorKind::StreamStalled, format!("no event for {length:?}"))
            }
        }
    }
}
