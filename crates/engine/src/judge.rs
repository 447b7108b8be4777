//! Judges an answer by what the step expects of it.

use crate::connection::Exchange;
use loadgen_scenario::Expect;
use loadgen_stats::{Ending, ErrorKind, Outcome};
use std::borrow::Cow;

/// Bytes of a body that are looked at for the text of an error.
const BODY_LIMIT: usize = 2048;

/// What is thought of one exchange.
#[derive(Debug, PartialEq, Eq)]
pub struct Judgement<'a> {
    /// Whether it failed.
    pub outcome: Outcome,
    /// How it ended.
    pub ending: Ending,
    /// Why it failed, and what was seen.
    pub error: Option<(ErrorKind, Cow<'a, str>)>,
    /// Checks that held.
    pub checks_held: u32,
    /// Checks that were made.
    pub checks_made: u32,
}

/// Judges an exchange: the connection's own failure first, then the status, then the body.
///
/// `streams`: whether the step reads a stream. A redirection is no answer to such a step, as only the body of a 2xx is
/// read as a stream; for others it is as good as any.
#[must_use]
pub fn judge<'a>(expect: &Expect, streams: bool, exchange: &'a Exchange) -> Judgement<'a> {
    if let Some(judgement) = cancelled(expect, exchange) {
        return judgement;
    }
    let status_held = exchange.status.is_some_and(|status| allows(expect, status));
    let body_held =
        |text: &String| exchange.failure.is_none() && memmem(&exchange.body, text.as_bytes());
    let missing = expect.body_contains.iter().find(|text| !body_held(text));
    let held_in_body = expect
        .body_contains
        .iter()
        .filter(|text| body_held(text))
        .count();
    let checks_made = u32::from(expect.status_is_check) + count(expect.body_contains.len());
    let checks_held = u32::from(expect.status_is_check && status_held) + count(held_in_body);
    let error = match (&exchange.failure, exchange.status) {
        (Some(failure), _) => Some((failure.kind, Cow::Borrowed(failure.message.as_str()))),
        (None, Some(status)) if !status_held => Some(unexpected_status(status, exchange)),
        (None, _) => missing.map(|text| {
            (
                ErrorKind::Check,
                Cow::Owned(format!("the body does not contain {text:?}")),
            )
        }),
    };
    let outcome = match (&error, exchange.status) {
        (Some(_), _) | (None, None) => Outcome::Failed,
        (None, Some(200..300)) => Outcome::Ok,
        (None, Some(300..400)) if !streams => Outcome::Ok,
        (None, Some(_)) => Outcome::Rejected,
    };
    Judgement {
        outcome,
        ending: ending(exchange),
        error,
        checks_held,
        checks_made,
    }
}

/// A request that was given up with nothing wrong until then: its body is not checked, nor a status that never came.
fn cancelled<'a>(expect: &Expect, exchange: &'a Exchange) -> Option<Judgement<'a>> {
    let refused = exchange
        .status
        .is_some_and(|status| !allows(expect, status));
    let given_up = exchange.cancelled && exchange.failure.is_none() && !refused;
    let checks = u32::from(expect.status_is_check && exchange.status.is_some());
    given_up.then_some(Judgement {
        outcome: Outcome::Cancelled,
        ending: Ending::Broken,
        error: None,
        checks_held: checks,
        checks_made: checks,
    })
}

fn allows(expect: &Expect, status: u16) -> bool {
    expect
        .statuses
        .iter()
        .any(|(first, last)| (*first..=*last).contains(&status))
}

fn ending(exchange: &Exchange) -> Ending {
    let timed_out = exchange.failure.as_ref().is_some_and(|failure| {
        matches!(
            failure.kind,
            ErrorKind::Timeout | ErrorKind::ConnectTimeout | ErrorKind::StreamStalled
        )
    });
    match (timed_out, exchange.whole) {
        (true, _) => Ending::TimedOut,
        (false, true) => Ending::Whole,
        (false, false) => Ending::Broken,
    }
}

fn unexpected_status(status: u16, exchange: &Exchange) -> (ErrorKind, Cow<'_, str>) {
    let kind = match status {
        400..500 => ErrorKind::Http4xx,
        500.. => ErrorKind::Http5xx,
        _ => ErrorKind::Check,
    };
    let start = &exchange.body[..exchange.body.len().min(BODY_LIMIT)];
    let body = String::from_utf8_lossy(start);
    let body = body.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = if body.is_empty() {
        format!("status {status}")
    } else {
        format!("status {status}: {body}")
    };
    (kind, Cow::Owned(text))
}

fn memmem(haystack: &[u8], needle: &[u8]) -> bool {
    needle.is_empty()
        || haystack
            .windows(needle.len())
            .any(|window| window == needle)
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Failure;

    struct Case {
        name: &'static str,
        statuses: &'static [(u16, u16)],
        contains: &'static [&'static str],
        streams: bool,
        status: Option<u16>,
        body: &'static str,
        failure: Option<ErrorKind>,
        whole: bool,
        cancelled: bool,
        want: (Outcome, Ending, Option<ErrorKind>, u32, u32),
    }

    const DEFAULT: &[(u16, u16)] = &[(200, 399)];

    fn check(case: &Case) {
        let expect = Expect {
            statuses: case.statuses.to_vec(),
            status_is_check: case.statuses != DEFAULT,
            body_contains: case
                .contains
                .iter()
                .map(|text| (*text).to_owned())
                .collect(),
        };
        let exchange = Exchange {
            status: case.status,
            body: case.body.as_bytes().to_vec(),
            failure: case.failure.map(|kind| Failure {
                kind,
                message: "m".to_owned(),
            }),
            whole: case.whole,
            cancelled: case.cancelled,
            ..Exchange::default()
        };
        let got = judge(&expect, case.streams, &exchange);
        let error = got.error.as_ref().map(|(kind, _)| *kind);
        assert_eq!(
            (
                got.outcome,
                got.ending,
                error,
                got.checks_held,
                got.checks_made
            ),
            case.want,
            "{}",
            case.name
        );
    }

    #[test]
    fn answers_are_judged() {
        use {Ending::*, ErrorKind as E, Outcome::*};
        let plain = Case {
            name: "",
            statuses: DEFAULT,
            contains: &[],
            streams: false,
            status: Some(200),
            body: "",
            failure: None,
            whole: true,
            cancelled: false,
            want: (Ok, Whole, None, 0, 0),
        };
        let cases = [
            Case {
                name: "200",
                ..plain
            },
            Case {
                name: "302 by default",
                status: Some(302),
                ..plain
            },
            Case {
                name: "200 of a streaming step",
                streams: true,
                ..plain
            },
            Case {
                name: "302 of a streaming step",
                streams: true,
                status: Some(302),
                want: (Rejected, Whole, None, 0, 0),
                ..plain
            },
            Case {
                name: "expected 304",
                statuses: &[(200, 200), (304, 304)],
                status: Some(304),
                want: (Ok, Whole, None, 1, 1),
                ..plain
            },
            Case {
                name: "expected 304 of a streaming step",
                statuses: &[(200, 200), (304, 304)],
                streams: true,
                status: Some(304),
                want: (Rejected, Whole, None, 1, 1),
                ..plain
            },
            Case {
                name: "404",
                status: Some(404),
                want: (Failed, Whole, Some(E::Http4xx), 0, 0),
                ..plain
            },
            Case {
                name: "503",
                status: Some(503),
                want: (Failed, Whole, Some(E::Http5xx), 0, 0),
                ..plain
            },
            Case {
                name: "expected 429",
                statuses: &[(200, 200), (429, 429)],
                status: Some(429),
                want: (Rejected, Whole, None, 1, 1),
                ..plain
            },
            Case {
                name: "unexpected 302",
                statuses: &[(200, 200)],
                status: Some(302),
                want: (Failed, Whole, Some(E::Check), 0, 1),
                ..plain
            },
            Case {
                name: "body",
                contains: &["yes", "no"],
                body: "oh yes",
                want: (Failed, Whole, Some(E::Check), 1, 2),
                ..plain
            },
            Case {
                name: "timeout",
                statuses: &[(200, 200)],
                status: None,
                failure: Some(E::Timeout),
                whole: false,
                want: (Failed, TimedOut, Some(E::Timeout), 0, 1),
                ..plain
            },
            Case {
                name: "given up in the middle",
                statuses: &[(200, 200)],
                contains: &["the end"],
                whole: false,
                cancelled: true,
                want: (Cancelled, Broken, None, 1, 1),
                ..plain
            },
            Case {
                name: "given up before the head",
                statuses: &[(200, 200)],
                status: None,
                whole: false,
                cancelled: true,
                want: (Cancelled, Broken, None, 0, 0),
                ..plain
            },
            Case {
                name: "given up, but refused before",
                status: Some(503),
                whole: false,
                cancelled: true,
                want: (Failed, Broken, Some(E::Http5xx), 0, 0),
                ..plain
            },
            Case {
                name: "refused",
                status: None,
                failure: Some(E::ConnectRefused),
                whole: false,
                want: (Failed, Broken, Some(E::ConnectRefused), 0, 0),
                ..plain
            },
            Case {
                name: "error in mid-stream of a whole answer",
                failure: Some(E::StreamError),
                want: (Failed, Whole, Some(E::StreamError), 0, 0),
                ..plain
            },
        ];
        for case in &cases {
            check(case);
        }
    }

    #[test]
    fn the_text_of_a_status_holds_the_start_of_the_body() {
        let body = format!("{{\n  \"error\": \"{}\" }}", "é".repeat(500)).into_bytes();
        let exchange = Exchange {
            status: Some(500),
            body,
            whole: true,
            ..Exchange::default()
        };
        let expect = Expect {
            statuses: DEFAULT.to_vec(),
            status_is_check: false,
            body_contains: Vec::new(),
        };
        let (_, text) = judge(&expect, false, &exchange).error.expect("failed");
        assert!(text.starts_with("status 500: { \"error\": \"é"), "{text}");
        assert!(text.ends_with("é\" }"), "{text}");
    }
}
