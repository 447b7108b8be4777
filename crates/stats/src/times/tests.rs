//! Who is in which trend, request by request.

use super::*;
use crate::fixtures::{CHAT, LIST, PING, failed, hung, layout, millis, ms, plain, refused, stream};
use crate::{ErrorKind, StepIndex};

/// All times of a request in microseconds; `≥` marks those that are censored.
fn shown(sample: &Sample<'_>) -> String {
    let times = Times::of(sample, layout().steps[sample.step.0].stream);
    let one = |(trend, time): (Trend, Time)| {
        let mark = if time.censored { "≥" } else { "" };
        format!(
            "{} {mark}{}",
            trend.name().trim_start_matches("http_req_"),
            time.value.as_micros()
        )
    };
    let all = Trend::ALL
        .iter()
        .filter_map(|&trend| Some((trend, times.get(trend)?)));
    let shown: Vec<String> = all.clone().map(one).collect();
    let mut visited = Vec::new();
    times.each(|trend, nanos, censored| {
        let value = Duration::from_nanos(nanos);
        visited.push((trend, Time { value, censored }));
    });
    assert_eq!(visited, all.collect::<Vec<_>>());
    shown.join(", ")
}

const CONNECTION: &str = "blocked 500, dns 500, connecting 1000, tls_handshaking 0";

fn check(what: &str, sample: &Sample<'_>, expected: &str) {
    let expected = expected.replace("CONNECTION", CONNECTION);
    assert_eq!(shown(sample), expected, "{what}");
}

#[test]
fn plain_requests() {
    let whole = plain(LIST, 0, 100);
    let exchange = "duration 100000, latency 103000, CONNECTION, sending 1000, waiting 49000, receiving 50000, schedule_lag 1000";
    check("whole", &whole, exchange);
    let server_error = failed(
        whole.clone(),
        Ending::Whole,
        ErrorKind::Http5xx,
        "status 503",
    );
    check(
        "a status that is not expected",
        &Sample {
            status: Some(503),
            ..server_error
        },
        exchange,
    );
    check("refused", &refused(LIST, 0), "schedule_lag 1000");
    check(
        "reset in mid-answer: a connection, but no duration",
        &failed(whole.clone(), Ending::Broken, ErrorKind::Reset, "reset"),
        "CONNECTION, schedule_lag 1000",
    );
    check(
        "a reused connection",
        &Sample {
            connected: Some(ms(1)),
            dns: Duration::ZERO,
            connecting: Duration::ZERO,
            ..whole.clone()
        },
        "duration 100000, latency 103000, blocked 0, dns 0, connecting 0, tls_handshaking 0, sending 1000, waiting 49000, receiving 50000, schedule_lag 1000",
    );
    check(
        "sending cannot be told apart",
        &Sample {
            sent_last: None,
            ..whole.clone()
        },
        "duration 100000, latency 103000, CONNECTION, waiting 50000, receiving 50000, schedule_lag 1000",
    );
    check(
        "an answer before the request was out",
        &Sample {
            sent_last: Some(ms(90)),
            ..whole
        },
        "duration 100000, latency 103000, CONNECTION, sending 87000, waiting 0, receiving 50000, schedule_lag 1000",
    );
}

#[test]
fn timeouts_are_in_with_the_time_they_waited() {
    check(
        "before the answer",
        &hung(LIST, 0, 5000),
        "duration ≥5000000, latency ≥5003000, CONNECTION, sending 1000, waiting ≥4999000, schedule_lag 1000",
    );
    check(
        "within the answer",
        &Sample {
            first_byte: Some(ms(1003)),
            ..hung(LIST, 0, 5000)
        },
        "duration ≥5000000, latency ≥5003000, CONNECTION, sending 1000, waiting 999000, receiving ≥4000000, schedule_lag 1000",
    );
    let connecting = Sample {
        connected: None,
        sent_first: None,
        sent_last: None,
        ..hung(LIST, 0, 5000)
    };
    check(
        "while connecting",
        &connecting,
        "latency ≥5003000, schedule_lag 1000",
    );
    check(
        "while connecting, a stream",
        &Sample {
            step: CHAT,
            ..connecting
        },
        "ttft ≥5003000, ttft_text ≥5003000, latency ≥5003000, schedule_lag 1000",
    );
}

#[test]
fn streams() {
    let phases = "duration 500000, latency 503000, CONNECTION, sending 1000, waiting 249000, receiving 250000, schedule_lag 1000";
    let good = "ttft 203000, ttft_service 200000, ttft_text 243000, tpot 20000, stream_duration 400000, stream_tail 100000, ";
    check("good", &stream(0), &format!("{good}{phases}"));
    let first = "ttft 203000, ttft_service 200000, ttft_text 243000, ";
    let truncated = failed(
        stream(0),
        Ending::Broken,
        ErrorKind::StreamTruncated,
        "no end",
    );
    check(
        "truncated after its first output",
        &truncated,
        &format!("{first}CONNECTION, schedule_lag 1000"),
    );
    let error = failed(
        stream(0),
        Ending::Whole,
        ErrorKind::StreamError,
        "overloaded",
    );
    check(
        "an error in mid-stream",
        &error,
        &format!("{first}{phases}"),
    );
    let empty = Sample {
        stream: Some(StreamSample::default()),
        ..error
    };
    check("whole without output", &empty, phases);
    check(
        "stalled before its first output",
        &Sample {
            stream: Some(StreamSample::default()),
            ..hung(CHAT, 0, 900)
        },
        "ttft ≥903000, ttft_service ≥900000, ttft_text ≥903000, duration ≥900000, latency ≥903000, CONNECTION, sending 1000, waiting ≥899000, schedule_lag 1000",
    );
    check(
        "a refusal that timed out is no stream",
        &Sample {
            status: Some(503),
            first_byte: Some(ms(13)),
            ..hung(CHAT, 0, 900)
        },
        "duration ≥900000, latency ≥903000, CONNECTION, sending 1000, waiting 9000, receiving ≥890000, schedule_lag 1000",
    );
    let rejected = Sample {
        outcome: Outcome::Rejected,
        status: Some(429),
        stream: None,
        ..stream(0)
    };
    check("an expected 429", &rejected, phases);
    let again = |sample| Sample {
        outcome: Outcome::Rejected,
        retried: true,
        ..sample
    };
    check("a 429 that is sent again", &again(rejected), phases);
    check(
        "silent until the time was up, and sent again",
        &again(hung(CHAT, 0, 900)),
        "ttft ≥903000, ttft_service ≥900000, ttft_text ≥903000, duration ≥900000, latency ≥903000, CONNECTION, sending 1000, waiting ≥899000, schedule_lag 1000",
    );
    check(
        "broken after its first output, and sent again",
        &Sample {
            ending: Ending::Broken,
            ..again(stream(0))
        },
        "ttft 203000, ttft_service 200000, ttft_text 243000, CONNECTION, schedule_lag 1000",
    );
}

#[test]
fn time_per_token() {
    let usage = |output, reasoning| {
        Some(Usage {
            input: 1,
            output,
            reasoning,
        })
    };
    // (usage, choices, reasoning shown, microseconds per token)
    let cases = [
        (usage(11, 0), 1, false, Some(20_000)),
        (usage(3, 0), 1, false, Some(100_000)),
        (usage(2, 0), 1, false, Some(200_000)),
        (usage(1, 0), 1, false, None),
        (usage(0, 0), 1, false, None),
        (usage(21, 10), 1, false, Some(20_000)),
        (usage(21, 10), 1, true, Some(10_000)),
        (usage(10, 20), 1, false, None),
        (usage(11, 0), 2, false, None),
        (None, 1, false, None),
    ];
    for (usage, choices, reasoning_shown, expected) in cases {
        let mut sample = Sample { usage, ..stream(0) };
        let stream = sample.stream.as_mut().unwrap();
        (stream.choices, stream.reasoning_shown) = (choices, reasoning_shown);
        let seen = Times::of(&sample, true)
            .get(Trend::Tpot)
            .map(|time| time.value.as_micros());
        assert_eq!(
            seen, expected,
            "{usage:?}, {choices} choices, shown: {reasoning_shown}"
        );
    }
}

#[test]
fn goodput() {
    let slow = |step, due| plain(step, due, 400);
    let without_output = || Sample {
        stream: Some(StreamSample::default()),
        ..stream(0)
    };
    let one_token = || Sample {
        usage: Some(Usage {
            output: 1,
            ..Usage::default()
        }),
        ..stream(0)
    };
    let rejected = |sample| Sample {
        outcome: Outcome::Rejected,
        status: Some(429),
        stream: None,
        ..sample
    };
    let failed = |sample| failed(sample, Ending::Whole, ErrorKind::Check, "body");
    let cases = [
        ("within every limit", stream(0), Some(true)),
        (
            "first output too late",
            Sample {
                due: ms(0),
                ..stream(900)
            },
            Some(false),
        ),
        ("no first output", without_output(), Some(false)),
        ("fewer than two tokens meet tpot", one_token(), Some(true)),
        (
            "tokens not known, but ttft is",
            Sample {
                usage: None,
                ..stream(0)
            },
            Some(true),
        ),
        ("failed", failed(stream(0)), Some(false)),
        ("rejected stream", rejected(stream(0)), Some(false)),
        (
            "redirected stream",
            Sample {
                status: Some(302),
                ..plain(CHAT, 0, 1)
            },
            Some(false),
        ),
        ("plain within", plain(LIST, 0, 100), Some(true)),
        ("plain too slow", slow(LIST, 0), Some(false)),
        ("plain failed", failed(plain(LIST, 0, 100)), Some(false)),
        (
            "plain rejected in time is not failed",
            rejected(plain(LIST, 0, 100)),
            Some(true),
        ),
        ("no limit applies", slow(PING, 0), None),
        (
            "no limit applies to a failure either",
            failed(slow(PING, 0)),
            None,
        ),
        ("hung", hung(LIST, 0, 100), Some(false)),
    ];
    for (what, sample, expected) in cases {
        assert_eq!(judged(&sample, None), expected, "{what}");
    }
}

#[test]
fn a_limit_on_what_cannot_be_known_does_not_apply() {
    let limit = |trend| {
        Some(SloLimit {
            trend,
            limit: millis(1000),
        })
    };
    let cases = [
        (
            "tokens without usage",
            Sample {
                usage: None,
                ..stream(0)
            },
            Trend::Tpot,
            None,
        ),
        (
            "hidden sending",
            Sample {
                sent_last: None,
                ..plain(LIST, 0, 1)
            },
            Trend::HttpReqSending,
            None,
        ),
        (
            "known sending",
            plain(LIST, 0, 1),
            Trend::HttpReqSending,
            Some(true),
        ),
        ("a tail", stream(0), Trend::StreamTail, Some(true)),
        (
            "text that never came",
            stream_without_text(),
            Trend::TtftText,
            Some(false),
        ),
    ];
    for (what, sample, trend, expected) in cases {
        assert_eq!(judged(&sample, limit(trend)), expected, "{what}");
    }
}

fn stream_without_text() -> Sample<'static> {
    let mut sample = stream(0);
    sample.stream.as_mut().unwrap().first_text = None;
    sample
}

/// Whether a request is good by the limits of its step, or by the one given.
fn judged(sample: &Sample<'_>, limit: Option<SloLimit>) -> Option<bool> {
    let StepIndex(place) = sample.step;
    let step = layout().steps.swap_remove(place);
    let limits = limit.map_or(step.slo, |limit| vec![limit]);
    is_good(
        sample,
        &Times::of(sample, step.stream),
        &limits,
        step.stream,
    )
}
