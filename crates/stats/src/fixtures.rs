//! A small run for tests: two scenarios, a streaming and two plain steps.

use crate::{
    Ending, ErrorKind, Layout, Offset, Outcome, Sample, ScenarioIndex, ScenarioLayout, SloLimit,
    StepIndex, StepLayout, StreamSample, Trend, Usage,
};
use std::{sync::Arc, time::Duration};

/// The streaming step of the first scenario.
pub(crate) const CHAT: StepIndex = StepIndex(0);
/// The plain step of the first scenario.
pub(crate) const LIST: StepIndex = StepIndex(1);
/// The plain step of the second scenario, without limits.
pub(crate) const PING: StepIndex = StepIndex(2);

pub(crate) fn ms(millis: u64) -> Offset {
    Offset::from_nanos(millis * 1_000_000)
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn layout() -> Layout {
    let step = |name: &str, scenario, stream, slo: &[(Trend, u64)]| StepLayout {
        name: name.to_owned(),
        scenario: ScenarioIndex(scenario),
        stream,
        slo: slo
            .iter()
            .map(|&(trend, limit)| SloLimit {
                trend,
                limit: millis(limit),
            })
            .collect(),
        role: crate::StepRole::Request,
    };
    let scenario = |name: &str, steps| ScenarioLayout {
        name: name.to_owned(),
        steps,
        closed: name == "users",
    };
    Layout {
        probes: Vec::new(),
        scenarios: vec![scenario("users", 0..2), scenario("probe", 2..3)],
        steps: vec![
            step("chat", 0, true, &[(Trend::Ttft, 1000), (Trend::Tpot, 50)]),
            step("list", 0, false, &[(Trend::HttpReqLatency, 200)]),
            step("ping", 1, false, &[]),
        ],
        selected: Vec::new(),
    }
}

pub(crate) fn shared_layout() -> Arc<Layout> {
    Arc::new(layout())
}

/// A plain request that was due at `due` ms, began 1 ms later on a fresh connection (2 ms: 0.5 looking up, 1 opening)
/// and took `took` ms from the first byte sent.
pub(crate) fn plain(step: StepIndex, due: u64, took: u64) -> Sample<'static> {
    Sample {
        step,
        due: ms(due),
        follows: false,
        retried: false,
        started: ms(due + 1),
        connected: Some(ms(due + 3)),
        dns: Duration::from_micros(500),
        connecting: millis(1),
        tls: Duration::ZERO,
        sent_first: Some(ms(due + 3)),
        sent_last: Some(ms(due + 4)),
        first_byte: Some(ms(due + 3 + took / 2)),
        done: ms(due + 3 + took),
        status: Some(200),
        ending: Ending::Whole,
        outcome: Outcome::Ok,
        error: None,
        bytes_sent: 100,
        bytes_received: 1000,
        bytes_decoded: 900,
        checks_held: 1,
        checks_made: 1,
        resent: 0,
        usage: None,
        stream: None,
    }
}

/// A good stream of 11 tokens in 6 output events: the first 200 ms after its request was sent, one every 40 ms, the
/// terminator 100 ms after the last.
pub(crate) fn stream(due: u64) -> Sample<'static> {
    let sent = due + 3;
    Sample {
        done: ms(sent + 500),
        usage: Some(Usage {
            input: 7,
            output: 11,
            reasoning: 0,
        }),
        stream: Some(StreamSample {
            first_output: Some(ms(sent + 200)),
            first_text: Some(ms(sent + 240)),
            last_output: Some(ms(sent + 400)),
            ended: Some(ms(sent + 500)),
            events: 9,
            output_events: 6,
            output_reads: 5,
            choices: 1,
            reasoning_shown: false,
            by_second: vec![((due / 1000) as u32, 6)],
        }),
        ..plain(CHAT, due, 500)
    }
}

/// The same request, failed.
pub(crate) fn failed<'a>(
    sample: Sample<'a>,
    ending: Ending,
    kind: ErrorKind,
    message: &'a str,
) -> Sample<'a> {
    Sample {
        ending,
        outcome: Outcome::Failed,
        error: Some((kind, message)),
        ..sample
    }
}

/// A request that waited for `waited` ms after it was sent and got nothing.
pub(crate) fn hung(step: StepIndex, due: u64, waited: u64) -> Sample<'static> {
    let silent = Sample {
        first_byte: None,
        status: None,
        ..plain(step, due, waited)
    };
    failed(
        silent,
        Ending::TimedOut,
        ErrorKind::Timeout,
        "no answer in time",
    )
}

/// A request whose connection was refused.
pub(crate) fn refused(step: StepIndex, due: u64) -> Sample<'static> {
    let unsent = Sample {
        connected: None,
        sent_first: None,
        sent_last: None,
        first_byte: None,
        status: None,
        bytes_sent: 0,
        bytes_received: 0,
        ..plain(step, due, 0)
    };
    failed(
        unsent,
        Ending::Broken,
        ErrorKind::ConnectRefused,
        "connection refused",
    )
}
