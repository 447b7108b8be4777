//! Whose turn it is to be written, and an alarm for the next one.

use nix::sys::{
    time::TimeSpec,
    timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
};
use std::{cmp::Reverse, collections::BinaryHeap, io, time::Duration};

/// Turns that lie closer than this are taken together: one core cannot wake a hundred thousand times a second and write
/// as well. The truth notes when each event was really written.
const GRAIN: u64 = 100_000;

/// An event that is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    /// Nanoseconds of the monotonic clock.
    pub(super) due: u64,
    pub(super) connection: usize,
    /// The stream's place in the truth, which no other stream will have.
    pub(super) record: usize,
}

/// The turns to come.
#[derive(Debug)]
pub(super) struct Pace {
    turns: BinaryHeap<Reverse<Turn>>,
    alarm: TimerFd,
    armed: Option<u64>,
}

impl Pace {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            turns: BinaryHeap::new(),
            alarm: timer()?,
            armed: None,
        })
    }

    /// Becomes readable when the first turn is due.
    pub(super) fn alarm(&self) -> &TimerFd {
        &self.alarm
    }

    pub(super) fn push(&mut self, turn: Turn) {
        self.turns.push(Reverse(turn));
    }

    /// The first turn, if its time has come.
    pub(super) fn pop(&mut self, now: u64) -> Option<Turn> {
        let first = self.turns.peek()?;
        if first.0.due > now {
            return None;
        }
        self.turns.pop().map(|turn| turn.0)
    }

    /// Sets the alarm to the first turn.
    pub(super) fn arm(&mut self) -> io::Result<()> {
        let due = self.turns.peek().map(|turn| turn.0.due);
        let wake = due.map(|due| due.next_multiple_of(GRAIN).max(1));
        // An alarm that has rung stays readable until it is set again.
        if wake == self.armed {
            return Ok(());
        }
        match wake {
            Some(at) => self.alarm.set(
                Expiration::OneShot(TimeSpec::from(Duration::from_nanos(at))),
                TimerSetTimeFlags::TFD_TIMER_ABSTIME,
            )?,
            None => self.alarm.unset()?,
        }
        self.armed = wake;
        Ok(())
    }
}

/// Stops this thread, and so the whole server.
pub(super) fn wait(length: Duration) -> io::Result<()> {
    let alarm = timer()?;
    alarm.set(
        Expiration::OneShot(TimeSpec::from(length)),
        TimerSetTimeFlags::empty(),
    )?;
    Ok(alarm.wait()?)
}

fn timer() -> io::Result<TimerFd> {
    Ok(TimerFd::new(
        ClockId::CLOCK_MONOTONIC,
        TimerFlags::TFD_CLOEXEC,
    )?)
}
