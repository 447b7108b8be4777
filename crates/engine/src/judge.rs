//! Judges an answer by what the step expects of it, and takes out of it what later steps use.

use crate::{connection::Exchange, flight::sample};
use loadgen_scenario::{
    Expect, Extract, Extracted, Missed, Reply, Request, Scope, format_duration,
};
use loadgen_stats::{Ending, ErrorKind, Offset, Outcome, StepIndex, over_limit};
use std::sync::Arc;

/// Bytes of a body that are looked at for the text of an error.
const BODY_LIMIT: usize = 2048;

/// Bytes of a body, or of a stream's text, that are kept where a step looks into them.
pub const LOOKED_INTO: usize = 4 << 20;

/// What a step wants to know of its answer.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its place in the statistics.
    pub step: StepIndex,
    /// What the answer must be.
    pub expect: &'a Expect,
    /// What is taken out of it.
    pub extract: &'a [Extract],
    /// The values of the user who asked.
    pub scope: &'a Scope,
    /// Whether the step reads a stream. A redirection is no answer to such a step, as only the body of a 2xx is read as
    /// a stream; for others it is as good as any.
    pub streams: bool,
    /// When the request was due.
    pub due: Offset,
    /// When it began to get a connection.
    pub started: Offset,
}

/// What is thought of one exchange.
#[derive(Debug)]
pub struct Judgement {
    /// Whether it failed.
    pub outcome: Outcome,
    /// How it ended.
    pub ending: Ending,
    /// Why it failed, and what was seen; it may hold secrets.
    pub error: Option<(ErrorKind, String)>,
    /// Checks that held.
    pub checks_held: u32,
    /// Checks that were made.
    pub checks_made: u32,
    /// What was taken out of the answer.
    pub found: Vec<(Arc<str>, Extracted)>,
    /// Whether something that was to be taken out of it is not there: the steps that follow may miss it.
    pub lacking: bool,
}

impl<'a> Asked<'a> {
    /// What a request of the plan wants to know.
    #[must_use]
    pub fn of(request: &'a Request, scope: &'a Scope, (due, started): (Offset, Offset)) -> Self {
        Self {
            step: request.index,
            expect: &request.expect,
            extract: &request.extract,
            scope,
            streams: request.stream.is_some(),
            due,
            started,
        }
    }
}

/// Judges an exchange: the connection's own failure first, then the status, then the other checks in their order, then
/// what was to be taken out of it.
#[must_use]
pub fn judge(asked: &Asked<'_>, exchange: &Exchange) -> Judgement {
    let expect = asked.expect;
    let allowed = exchange.status.is_some_and(|status| expect.allows(status));
    if exchange.cancelled && exchange.failure.is_none() && (allowed || exchange.status.is_none()) {
        return cancelled(asked, exchange);
    }
    let mut judgement = Judgement {
        outcome: Outcome::Failed,
        ending: ending(exchange),
        error: match (&exchange.failure, exchange.status) {
            (Some(failure), _) => Some((failure.kind, failure.message.clone())),
            (None, Some(status)) if !allowed => Some(unexpected_status(status, exchange)),
            (None, _) => None,
        },
        checks_held: u32::from(expect.status_is_check && allowed),
        checks_made: u32::from(expect.status_is_check),
        found: Vec::new(),
        lacking: false,
    };
    let refused = exchange
        .status
        .is_some_and(|status| expect.is_refusal(status));
    if refused {
        judgement.leave_out(asked.extract);
    } else {
        judgement.look_into(asked, exchange);
    }
    judgement.outcome = match (&judgement.error, exchange.status) {
        (Some(_), _) | (None, None) => Outcome::Failed,
        (None, Some(200..300)) => Outcome::Ok,
        (None, Some(300..400)) if !asked.streams => Outcome::Ok,
        (None, Some(_)) => Outcome::Rejected,
    };
    judgement
}

impl Judgement {
    /// Makes the checks beside that of the status, and takes out what is wanted.
    fn look_into(&mut self, asked: &Asked<'_>, exchange: &Exchange) {
        let expect = asked.expect;
        let nothing =
            expect.checks.is_empty() && expect.within.is_empty() && asked.extract.is_empty();
        if nothing {
            return;
        }
        let reply = reply(asked, exchange);
        let broken = exchange.failure.is_some();
        for check in &expect.checks {
            self.note(check.hold(&reply, asked.scope), broken);
        }
        for limit in &expect.within {
            let over = (!broken)
                .then(|| self.over(asked, exchange, *limit))
                .flatten();
            self.note(over.map_or(Ok(()), |over| Err(Missed::Check(over))), broken);
        }
        let allowed = exchange.status.is_some_and(|status| expect.allows(status));
        if broken || !allowed {
            self.checks_made += count(asked.extract.len());
            return self.leave_out(asked.extract);
        }
        for extract in asked.extract {
            match extract.find(&reply) {
                Ok(value) => {
                    self.note(Ok(()), false);
                    self.found.push((Arc::clone(&extract.name), value));
                }
                Err(reason) => {
                    self.note(Err(Missed::Check(reason)), false);
                    self.lacking = true;
                }
            }
        }
    }

    /// Counts a check. None holds of an answer that is broken.
    fn note(&mut self, outcome: Result<(), Missed>, broken: bool) {
        self.checks_made += 1;
        let error = match outcome {
            Ok(()) => {
                self.checks_held += u32::from(!broken);
                return;
            }
            Err(Missed::Check(reason)) => (ErrorKind::Check, reason),
            Err(Missed::Template(reason)) => (ErrorKind::Template, reason),
        };
        self.error.get_or_insert(error);
    }

    /// What is wrong, where a request took longer than a limit says.
    fn over(
        &self,
        asked: &Asked<'_>,
        exchange: &Exchange,
        limit: loadgen_stats::SloLimit,
    ) -> Option<String> {
        let mut taken = sample(asked.step, (asked.due, asked.started), exchange, self);
        (taken.outcome, taken.error) = (Outcome::Ok, None);
        taken.stream.clone_from(&exchange.stream);
        let (limit, time) = over_limit(&taken, &[limit], asked.streams)?;
        let (name, most) = (limit.trend.name(), format_duration(limit.limit));
        Some(match time {
            Some(time) => format!(
                "{name} is {:.1} ms, more than {most}",
                time.as_secs_f64() * 1e3
            ),
            None => format!("there is no {name}, which was to be at most {most}"),
        })
    }

    /// Takes the defaults of what was not looked for.
    fn leave_out(&mut self, extracts: &[Extract]) {
        for extract in extracts {
            match extract.fallback() {
                Some(value) => self.found.push((Arc::clone(&extract.name), value)),
                None => self.lacking = true,
            }
        }
    }
}

/// A request that was given up with nothing wrong until then: its body is not looked into, nor a status that never came.
fn cancelled(asked: &Asked<'_>, exchange: &Exchange) -> Judgement {
    let checks = u32::from(asked.expect.status_is_check && exchange.status.is_some());
    let mut judgement = Judgement {
        outcome: Outcome::Cancelled,
        ending: Ending::Broken,
        error: None,
        checks_held: checks,
        checks_made: checks,
        found: Vec::new(),
        lacking: false,
    };
    judgement.leave_out(asked.extract);
    judgement
}

/// The answer as it is looked into.
fn reply<'a>(asked: &Asked<'_>, exchange: &'a Exchange) -> Reply<'a> {
    let mut reply = Reply::new(&exchange.head, &exchange.body);
    reply.length = exchange.bytes_decoded;
    if asked.streams {
        reply.text = Some(&exchange.text);
        reply.text_is_cut = exchange.text.len() > LOOKED_INTO;
    }
    let events = exchange.stream.as_ref().map(|stream| stream.output_events);
    reply.tokens = exchange.usage.map(|usage| usage.output).or(events);
    reply
}

/// How far an exchange came.
pub(crate) fn ending(exchange: &Exchange) -> Ending {
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

fn unexpected_status(status: u16, exchange: &Exchange) -> (ErrorKind, String) {
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
    (kind, text)
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Failure;
    use loadgen_scenario::{Check, Finder, Overrides, Path, SourceText, Text, load};
    use loadgen_stats::{SloLimit, Trend};
    use std::{sync::LazyLock, time::Duration};

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

    fn expect(statuses: &[(u16, u16)]) -> Expect {
        Expect {
            statuses: statuses.to_vec(),
            status_is_check: statuses != DEFAULT,
            checks: Vec::new(),
            within: Vec::new(),
        }
    }

    /// The values of some user.
    static SCOPE: LazyLock<Scope> = LazyLock::new(|| {
        let source = SourceText {
            path: "t.toml",
            text: "load = { duration = \"1s\" }\n[[step]]\nget = \"http://h/\"\n",
            stem: "t",
        };
        load(source, &Overrides::default())
            .unwrap()
            .plan
            .scope(1, 1)
    });

    fn asked<'a>(expect: &'a Expect, extract: &'a [Extract], streams: bool) -> Asked<'a> {
        Asked {
            step: StepIndex(0),
            expect,
            extract,
            scope: &SCOPE,
            streams,
            due: Offset::ZERO,
            started: Offset::ZERO,
        }
    }

    fn check(case: &Case) {
        let contains = case.contains.iter();
        let contains = contains.map(|text| Check::BodyContains(Text::Fixed((*text).to_owned())));
        let expect = Expect {
            checks: contains.collect(),
            ..expect(case.statuses)
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
        let got = judge(&asked(&expect, &[], case.streams), &exchange);
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
        let expect = expect(DEFAULT);
        let judgement = judge(&asked(&expect, &[], false), &exchange);
        let (_, text) = judgement.error.expect("failed");
        assert!(text.starts_with("status 500: { \"error\": \"é"), "{text}");
        assert!(text.ends_with("é\" }"), "{text}");
    }

    fn id(default: Option<serde_json::Value>) -> Extract {
        Extract {
            name: "id".into(),
            finder: Finder::Json(Path::parse("$.id").expect("a path")),
            all: false,
            default,
            secret: false,
        }
    }

    /// What is found in an answer of that status, whether something is lacking, the error, checks held and made.
    fn taken(
        statuses: &[(u16, u16)],
        extract: Extract,
        status: u16,
        body: &str,
        failure: Option<ErrorKind>,
    ) -> (Option<String>, bool, Option<ErrorKind>, u32, u32) {
        let exchange = Exchange {
            status: Some(status),
            body: body.as_bytes().to_vec(),
            bytes_decoded: body.len() as u64,
            failure: failure.map(|kind| Failure {
                kind,
                message: "m".to_owned(),
            }),
            whole: true,
            ..Exchange::default()
        };
        let (expect, extracts) = (expect(statuses), [extract]);
        let got = judge(&asked(&expect, &extracts, false), &exchange);
        let found = got.found.first().map(|(_, value)| value.to_string());
        let kind = got.error.map(|(kind, _)| kind);
        (found, got.lacking, kind, got.checks_held, got.checks_made)
    }

    #[test]
    fn what_is_not_found_is_a_failed_check() {
        use ErrorKind as E;
        let fine_refused: &[(u16, u16)] = &[(200, 200), (429, 429)];
        let zero = || Some(serde_json::json!(0));
        let seven = || Some("7".to_owned());
        let none = || Some("0".to_owned());
        let cases = [
            (
                DEFAULT,
                None,
                200,
                "{\"id\":7}",
                None,
                (seven(), false, None, 1, 1),
            ),
            (
                DEFAULT,
                None,
                200,
                "{}",
                None,
                (None, true, Some(E::Check), 0, 1),
            ),
            (
                DEFAULT,
                zero(),
                200,
                "{}",
                None,
                (none(), false, None, 1, 1),
            ),
            (
                DEFAULT,
                None,
                500,
                "{\"id\":7}",
                None,
                (None, true, Some(E::Http5xx), 0, 1),
            ),
            (
                DEFAULT,
                zero(),
                500,
                "{\"id\":7}",
                None,
                (none(), false, Some(E::Http5xx), 0, 1),
            ),
            (
                DEFAULT,
                None,
                200,
                "{\"id\":7}",
                Some(E::ClosedEarly),
                (None, true, Some(E::ClosedEarly), 0, 1),
            ),
            // A refusal that is fine is not looked into.
            (
                fine_refused,
                None,
                429,
                "{\"id\":7}",
                None,
                (None, true, None, 1, 1),
            ),
            (
                fine_refused,
                zero(),
                429,
                "{}",
                None,
                (none(), false, None, 1, 1),
            ),
            (
                fine_refused,
                None,
                200,
                "{\"id\":7}",
                None,
                (seven(), false, None, 2, 2),
            ),
            // Where nothing else is expected, it is.
            (
                &[(404, 404)],
                None,
                404,
                "{\"id\":7}",
                None,
                (seven(), false, None, 2, 2),
            ),
        ];
        for (statuses, default, status, body, failure, want) in cases {
            let got = taken(statuses, id(default), status, body, failure);
            assert_eq!(got, want, "{statuses:?} {status} {body} {failure:?}");
        }
    }

    #[test]
    fn a_time_over_its_limit_is_a_failed_check() {
        let at = |millis| Some(Offset::from(Duration::from_millis(millis)));
        let exchange = Exchange {
            status: Some(200),
            connected: at(5),
            sent_first: at(10),
            sent_last: at(10),
            first_byte: at(200),
            done: at(260),
            whole: true,
            ..Exchange::default()
        };
        for (trend, limit, error) in [
            (Trend::HttpReqDuration, 250, None),
            (
                Trend::HttpReqDuration,
                249,
                Some("http_req_duration is 250.0 ms, more than 249ms"),
            ),
            (Trend::HttpReqWaiting, 190, None),
            (
                Trend::HttpReqWaiting,
                100,
                Some("http_req_waiting is 190.0 ms, more than 100ms"),
            ),
            (
                Trend::Ttft,
                1_000,
                Some("there is no ttft, which was to be at most 1s"),
            ),
        ] {
            let expect = Expect {
                within: vec![SloLimit {
                    trend,
                    limit: Duration::from_millis(limit),
                }],
                ..expect(DEFAULT)
            };
            let got = judge(&asked(&expect, &[], trend == Trend::Ttft), &exchange);
            let held = u32::from(error.is_none());
            assert_eq!((got.checks_held, got.checks_made), (held, 1));
            assert_eq!(
                got.error,
                error.map(|text| (ErrorKind::Check, text.to_owned()))
            );
        }
    }
}
