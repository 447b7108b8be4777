//! What one request adds to counters, rates and cut waits.

use crate::{Counter, Cut, ErrorKind, Outcome, Rate, RateCount, Sample, StreamSample, Trend};
use std::time::Duration;

/// The stream of a sample; a refusal that `expect` allows is none.
pub(super) fn stream_of<'a>(sample: &'a Sample<'_>) -> Option<&'a StreamSample> {
    sample
        .stream
        .as_ref()
        .filter(|_| sample.outcome != Outcome::Rejected || sample.retried)
}

/// Whether a stream came to an end that is judged: not one that is sent again.
pub(super) fn is_finished_stream(sample: &Sample<'_>) -> bool {
    sample.outcome != Outcome::Cancelled && !sample.retried && stream_of(sample).is_some()
}

/// Tokens of the answer: by usage, else one per output event.
pub(super) fn tokens(sample: &Sample<'_>, stream: &StreamSample) -> u64 {
    sample
        .usage
        .map_or(stream.output_events, |usage| usage.output)
}

/// Visits what a finished request adds to each counter; those that it adds nothing to may be left out.
#[inline]
pub(super) fn each_count(sample: &Sample<'_>, mut add: impl FnMut(Counter, u64)) {
    add(Counter::HttpReqs, 1);
    add(Counter::DataSent, sample.bytes_sent);
    add(Counter::DataReceived, sample.bytes_received);
    add(Counter::DataDecoded, sample.bytes_decoded);
    if sample.resent > 0 {
        add(Counter::HttpReqsResent, u64::from(sample.resent));
    }
    match sample.outcome {
        Outcome::Redirected => add(Counter::Redirects, 1),
        Outcome::Cancelled => add(Counter::Cancelled, 1),
        Outcome::Ok | Outcome::Failed | Outcome::Rejected => {}
    }
    let early = sample
        .first_byte
        .zip(sample.sent_last)
        .is_some_and(|(first_byte, sent_last)| first_byte < sent_last);
    if early {
        add(Counter::EarlyReply, 1);
    }
    if sample.stream.is_some() || sample.usage.is_some() {
        each_count_of_tokens(sample, add);
    }
}

fn each_count_of_tokens(sample: &Sample<'_>, mut add: impl FnMut(Counter, u64)) {
    let stream = stream_of(sample);
    let output = match stream {
        // What a broken stream told of its tokens it may have told before they came.
        Some(stream) if sample.retried || is_broken(sample) => {
            tokens(sample, stream).max(stream.output_events)
        }
        Some(stream) => tokens(sample, stream),
        None => sample.usage.map_or(0, |usage| usage.output),
    };
    let wasted = sample.outcome == Outcome::Failed || sample.retried;
    let counter = match wasted {
        true => Counter::WastedTokens,
        false => Counter::OutputTokens,
    };
    add(counter, output);
    if let Some(usage) = sample.usage {
        add(Counter::InputTokens, usage.input);
    }
    if let Some(stream) = stream {
        add(Counter::StreamEvents, stream.events);
    }
}

pub(super) fn rate(rates: &mut [RateCount], sample: &Sample<'_>, good: Option<bool>) {
    let failed = sample.outcome == Outcome::Failed;
    rates[Rate::HttpReqFailed.index()].count(failed);
    let checks = &mut rates[Rate::Checks.index()];
    checks.hits += u64::from(sample.checks_held);
    checks.total += u64::from(sample.checks_made);
    if is_finished_stream(sample) {
        rates[Rate::StreamFailed.index()].count(is_broken(sample));
    }
    if let Some(good) = good {
        rates[Rate::Goodput.index()].count(good);
    }
}

/// Whether the stream itself failed. A check is about what a whole stream says; and where the stream had come to its
/// end, a connection that was lost or silent after it takes nothing from the stream.
fn is_broken(sample: &Sample<'_>) -> bool {
    let had_ended = || {
        let stream = sample.stream.as_ref();
        stream.is_some_and(|stream| stream.ended.is_some())
    };
    match sample.error {
        None | Some((ErrorKind::Check, _)) => false,
        Some((ErrorKind::ClosedEarly | ErrorKind::Reset | ErrorKind::Timeout, _)) => !had_ended(),
        Some(_) => true,
    }
}

/// How long a cancelled request had waited for its first output, by the trends in which that is known to be too short:
/// whoever gives up has not been answered sooner.
pub(super) fn waits_of_cancelled(
    sample: &Sample<'_>,
    streams: bool,
) -> impl Iterator<Item = (Trend, Duration)> {
    let stream = sample.stream.as_ref();
    let silent = streams
        && sample.outcome == Outcome::Cancelled
        && sample
            .status
            .is_none_or(|status| (200..300).contains(&status))
        && stream.is_none_or(|stream| stream.first_output.is_none());
    let since_due = sample.done.since(sample.due);
    let since_sent = sample.sent_first.map(|sent| sample.done.since(sent));
    [
        Some((Trend::Ttft, since_due)),
        Some((Trend::TtftText, since_due)),
        since_sent.map(|wait| (Trend::TtftService, wait)),
    ]
    .into_iter()
    .flatten()
    .filter(move |_| silent)
}

/// How long a cut request had waited, by the trends in which that is known to be too short.
pub(super) fn waits(cut: &Cut, streams: bool) -> impl Iterator<Item = (Trend, Duration)> {
    let since_due = cut.at.since(cut.due);
    let since_sent = cut.sent_first.map(|sent| cut.at.since(sent));
    // Where sending cannot be told apart, it is part of the wait.
    let waiting = cut
        .sent_last
        .or(cut.sent_first)
        .filter(|_| cut.first_byte.is_none());
    let silent = streams && cut.first_output.is_none();
    [
        Some((Trend::HttpReqLatency, since_due)),
        since_sent.map(|wait| (Trend::HttpReqDuration, wait)),
        waiting.map(|sent| (Trend::HttpReqWaiting, cut.at.since(sent))),
        cut.first_byte
            .map(|began| (Trend::HttpReqReceiving, cut.at.since(began))),
        silent.then_some((Trend::Ttft, since_due)),
        silent.then_some((Trend::TtftText, since_due)),
        since_sent
            .filter(|_| silent)
            .map(|wait| (Trend::TtftService, wait)),
        since_sent
            .filter(|_| streams)
            .map(|wait| (Trend::StreamDuration, wait)),
    ]
    .into_iter()
    .flatten()
}
