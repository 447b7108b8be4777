//! Which times one finished request has: the one place that says who is in which trend.

use crate::cell::nanos;
use crate::{Ending, Outcome, Sample, SloLimit, StreamSample, Trend, Usage};
use std::time::Duration;

/// A time of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time {
    /// How long it was.
    pub(crate) value: Duration,
    /// Whether it is only how long the request had waited when it timed out.
    pub(crate) censored: bool,
}

/// The times of one finished request, by [`Trend::index`].
///
/// Made and read for every request, hence bare: a place that is not marked as known holds nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    nanos: [u64; TRENDS],
    /// A bit for each trend that the request has.
    known: u32,
    /// A bit for each time that is only how long the request had waited.
    censored: u32,
}

const TRENDS: usize = Trend::ALL.len();
const _: () = assert!(TRENDS <= u32::BITS as usize, "a bit for each trend");

impl Times {
    /// The times of `sample`; `streams`: whether its step reads streams.
    pub(crate) fn of(sample: &Sample<'_>, streams: bool) -> Self {
        let mut times = Self::default();
        times.connection(sample);
        times.exchange(sample);
        // A fine refusal is no stream; an attempt that is sent again may have been one, whatever became of it.
        let is_refusal = sample.outcome == Outcome::Rejected && !sample.retried;
        let may_stream = streams || sample.stream.is_some();
        if may_stream && !is_refusal && sample.outcome != Outcome::Redirected {
            times.first_outputs(sample, streams);
            if let (Outcome::Ok, Some(stream)) = (sample.outcome, &sample.stream) {
                times.good_stream(sample, stream);
            }
        }
        times
    }

    /// The time of one trend, where the request has it.
    pub(crate) const fn get(&self, trend: Trend) -> Option<Time> {
        let bit = 1 << trend.index();
        if self.known & bit == 0 {
            return None;
        }
        Some(Time {
            value: Duration::from_nanos(self.nanos[trend.index()]),
            censored: self.censored & bit != 0,
        })
    }

    /// Visits every time the request has: in nanoseconds, and whether it is only how long the request had waited.
    #[inline]
    pub(crate) fn each(&self, mut visit: impl FnMut(Trend, u64, bool)) {
        let mut left = self.known;
        while left != 0 {
            let place = left.trailing_zeros() as usize;
            left &= left - 1;
            if let (Some(&trend), Some(&nanos)) = (Trend::ALL.get(place), self.nanos.get(place)) {
                visit(trend, nanos, self.censored >> place & 1 == 1);
            }
        }
    }

    /// How the connection came about: of every request that got one, however it ended.
    fn connection(&mut self, sample: &Sample<'_>) {
        if !sample.follows {
            self.set(Trend::ScheduleLag, sample.started.nanos_since(sample.due));
        }
        let Some(connected) = sample.connected else {
            return;
        };
        let phases = [sample.dns, sample.connecting, sample.tls].map(nanos);
        let [dns, connecting, tls] = phases;
        let all = phases.into_iter().fold(0, u64::saturating_add);
        let waited = connected.nanos_since(sample.started);
        self.set(Trend::HttpReqBlocked, waited.saturating_sub(all));
        self.set(Trend::HttpReqDns, dns);
        self.set(Trend::HttpReqConnecting, connecting);
        self.set(Trend::HttpReqTlsHandshaking, tls);
    }

    /// Request and answer: of answers that came whole, and of timeouts with the time they had waited.
    fn exchange(&mut self, sample: &Sample<'_>) {
        let timed_out = match sample.ending {
            Ending::Whole => false,
            Ending::TimedOut => true,
            Ending::Broken => return,
        };
        let done = sample.done;
        // Nobody waits for a redirection, but for the answer that it leads to.
        if sample.outcome != Outcome::Redirected {
            self.put(
                Trend::HttpReqLatency,
                done.nanos_since(sample.due),
                timed_out,
            );
        }
        let Some(sent_first) = sample.sent_first else {
            return;
        };
        self.put(
            Trend::HttpReqDuration,
            done.nanos_since(sent_first),
            timed_out,
        );
        if let Some(sent_last) = sample.sent_last {
            self.set(Trend::HttpReqSending, sent_last.nanos_since(sent_first));
        }
        // Where sending cannot be told apart, it is part of the wait.
        let sent = sample.sent_last.unwrap_or(sent_first);
        match sample.first_byte {
            Some(first_byte) => {
                self.set(Trend::HttpReqWaiting, first_byte.nanos_since(sent));
                self.put(
                    Trend::HttpReqReceiving,
                    done.nanos_since(first_byte),
                    timed_out,
                );
            }
            None if timed_out => self.put(Trend::HttpReqWaiting, done.nanos_since(sent), true),
            None => {}
        }
    }

    /// The waits for the first output: of every stream that had one, and of those that timed out before it.
    fn first_outputs(&mut self, sample: &Sample<'_>, streams: bool) {
        let stream = sample.stream.as_ref();
        let first_output = stream.and_then(|stream| stream.first_output);
        let first_text = stream.and_then(|stream| stream.first_text);
        let waited_in_vain =
            sample.ending == Ending::TimedOut && streams && is_no_refusal(sample.status);
        let end = |arrived| match arrived {
            Some(at) => Some((at, false)),
            None => waited_in_vain.then_some((sample.done, true)),
        };
        if let Some((at, censored)) = end(first_output) {
            self.put(Trend::Ttft, at.nanos_since(sample.due), censored);
            if let Some(sent_first) = sample.sent_first {
                self.put(Trend::TtftService, at.nanos_since(sent_first), censored);
            }
        }
        if let Some((at, censored)) = end(first_text) {
            self.put(Trend::TtftText, at.nanos_since(sample.due), censored);
        }
    }

    fn good_stream(&mut self, sample: &Sample<'_>, stream: &StreamSample) {
        let Some(last_output) = stream.last_output else {
            return;
        };
        if let Some(sent_first) = sample.sent_first {
            self.set(Trend::StreamDuration, last_output.nanos_since(sent_first));
        }
        if let Some(ended) = stream.ended {
            self.set(Trend::StreamTail, ended.nanos_since(last_output));
        }
        if let (Some(first_output), Some(tokens)) =
            (stream.first_output, shown_tokens(sample.usage, stream))
            && tokens >= 2
            && stream.choices <= 1
        {
            let span = last_output.nanos_since(first_output);
            self.set(Trend::Tpot, span / (tokens - 1));
        }
    }

    const fn set(&mut self, trend: Trend, nanos: u64) {
        self.put(trend, nanos, false);
    }

    const fn put(&mut self, trend: Trend, nanos: u64, censored: bool) {
        let place = trend.index();
        self.nanos[place] = nanos;
        self.known |= 1 << place;
        self.censored |= (censored as u32) << place;
    }
}

/// Whether a request met the limits of its step: `None` where no limit applies to it.
///
/// A limit whose time cannot be known does not apply: the token time of a good stream without usage or with several
/// choices, the sending time where it cannot be told apart.
pub(crate) fn is_good(
    sample: &Sample<'_>,
    times: &Times,
    limits: &[SloLimit],
    streams: bool,
) -> Option<bool> {
    if limits.is_empty() {
        return None;
    }
    // Nobody knows what it would have come to; and a redirection comes to what the request after it does.
    if matches!(sample.outcome, Outcome::Cancelled | Outcome::Redirected) {
        return None;
    }
    // The attempt after it is judged.
    if sample.retried {
        return None;
    }
    // On a step that reads streams an answer outside 2xx is none, whatever `expect` makes of it.
    if sample.outcome == Outcome::Failed || (streams && !is_no_refusal(sample.status)) {
        return Some(false);
    }
    let mut verdict = None;
    for limit in limits {
        if let Some(met) = meets(sample, times, *limit) {
            verdict = Some(verdict.unwrap_or(true) && met);
        }
    }
    verdict
}

/// The first of these limits that a finished request does not meet, with the time that it took, where it has one.
#[must_use]
pub fn over_limit(
    sample: &Sample<'_>,
    limits: &[SloLimit],
    streams: bool,
) -> Option<(SloLimit, Option<Duration>)> {
    let times = Times::of(sample, streams);
    let mut limits = limits.iter().copied();
    let over = limits.find(|limit| meets(sample, &times, *limit) == Some(false))?;
    Some((over, times.get(over.trend).map(|time| time.value)))
}

fn meets(sample: &Sample<'_>, times: &Times, limit: SloLimit) -> Option<bool> {
    if let Some(time) = times.get(limit.trend) {
        return Some(!time.censored && time.value <= limit.limit);
    }
    match limit.trend {
        Trend::Tpot => {
            let stream = sample.stream.as_ref()?;
            let few = shown_tokens(sample.usage, stream).is_some_and(|tokens| tokens < 2);
            few.then_some(true)
        }
        Trend::HttpReqSending
        | Trend::Itl
        | Trend::RateLimitWait
        | Trend::IterationDuration
        | Trend::GroupDuration => None,
        // Every other time is there unless what it waits for never came.
        _ => Some(false),
    }
}

/// The tokens that the stream showed, by usage; reasoning that was not shown is taken off.
fn shown_tokens(usage: Option<Usage>, stream: &StreamSample) -> Option<u64> {
    let usage = usage?;
    let hidden = if stream.reasoning_shown {
        0
    } else {
        usage.reasoning
    };
    Some(usage.output.saturating_sub(hidden))
}

/// Whether the answer, as far as it came, may be a stream: dialects read 2xx bodies only.
fn is_no_refusal(status: Option<u16>) -> bool {
    status.is_none_or(|status| (200..300).contains(&status))
}

#[cfg(test)]
mod tests;
