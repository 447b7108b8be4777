//! Holds the dating, counting and judging of streams to `measurement.md`.

use super::{BodyEnd, MAX_LINE, StreamReader, error_of_plain, is_stream, usage_of_plain};
use loadgen_engine::{
    Arrival, DialectName, ErrorKind, Exchange, Failure, Offset, StreamSample, StreamSink,
    StreamSpec, Usage,
};
use std::time::Duration;

const MS: u64 = 1_000_000;
const ROLE: &str = r#"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#;
const STOP: &str = r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const USAGE: &str = r#"data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3}}"#;
const DONE: &str = "data: [DONE]";

/// What the sink is told, in order.
#[derive(Clone, Debug, PartialEq)]
enum Told {
    First {
        sent: u64,
        at: u64,
        uncertainty: u64,
    },
    Text(u64),
    Gap(u64),
    Events(u64, u32),
    Coalesced(u32, bool),
}

/// A stream that is being read; times in milliseconds.
struct Play {
    reader: StreamReader,
    exchange: Exchange,
    told: Log,
}

/// All that was told.
#[derive(Default)]
struct Log(Vec<Told>);

impl Play {
    fn of(dialect: DialectName) -> Self {
        Self::with(&spec(dialect), None)
    }

    fn with(spec: &StreamSpec, content_type: Option<&[u8]>) -> Self {
        let exchange = Exchange {
            sent_first: Some(Offset::from_nanos(7 * MS)),
            ..Exchange::default()
        };
        Self {
            reader: StreamReader::new(spec, content_type),
            exchange,
            told: Log::default(),
        }
    }

    /// One read, `uncertainty` in milliseconds.
    fn read_uncertain(&mut self, at: u64, uncertainty: u64, pieces: &[&str]) -> u32 {
        let arrival = Arrival {
            at: Offset::from_nanos(at * MS),
            read: Offset::from_nanos(at * MS),
            kernel: true,
            fallback: false,
            uncertainty: Duration::from_millis(uncertainty),
        };
        for piece in pieces {
            self.reader
                .feed(
                    piece.as_bytes(),
                    &arrival,
                    &mut self.exchange,
                    &mut self.told,
                )
                .unwrap();
        }
        self.reader
            .end_read(&arrival, &mut self.exchange, &mut self.told)
    }

    /// One read of whole events.
    fn read(&mut self, at: u64, events: &[&str]) -> &mut Self {
        self.read_uncertain(at, 0, &[&(events.join("\n\n") + "\n\n")]);
        self
    }

    fn end(&mut self, end: BodyEnd, at: u64) -> Option<Failure> {
        self.reader.finish(
            end,
            Offset::from_nanos(at * MS),
            &mut self.exchange,
            &mut self.told,
        )
    }

    fn sample(&self) -> &StreamSample {
        self.exchange.stream.as_ref().unwrap()
    }
}

impl StreamSink for Log {
    fn first_output(&mut self, sent: Offset, at: Offset, uncertainty: Duration) {
        let uncertainty = uncertainty.as_millis() as u64;
        self.0.push(Told::First {
            sent: sent.as_nanos() / MS,
            at: at.as_nanos() / MS,
            uncertainty,
        });
    }
    fn first_text(&mut self, at: Offset) {
        self.0.push(Told::Text(at.as_nanos() / MS));
    }
    fn gap(&mut self, gap: Duration) {
        self.0.push(Told::Gap(gap.as_millis() as u64));
    }
    fn output_events(&mut self, at: Offset, events: u32) {
        self.0.push(Told::Events(at.as_nanos() / MS, events));
    }
    fn coalesced(&mut self, events: u32, late: bool) {
        self.0.push(Told::Coalesced(events, late));
    }
    fn arrival(&mut self, _arrival: &Arrival) {
        panic!("the connection reports arrivals");
    }
}

#[test]
fn a_good_stream_is_dated_by_its_output_events() {
    let mut play = Play::of(DialectName::OpenAi);
    play.read(50, &[ROLE]);
    play.read(300, &[&text("a")])
        .read(400, &[&text("b")])
        .read(450, &[&text("c")]);
    play.read(500, &[STOP]).read(700, &[USAGE]);
    assert!(!play.reader.terminated());
    play.read(900, &[DONE]);
    assert!(play.reader.terminated());
    assert_eq!(play.reader.last_event(), Some(Offset::from_nanos(900 * MS)));
    assert_eq!(play.end(BodyEnd::Clean, 950), None);
    let expected = [
        Told::First {
            sent: 7,
            at: 300,
            uncertainty: 0,
        },
        Told::Text(300),
        Told::Events(300, 1),
        Told::Gap(100),
        Told::Events(400, 1),
        Told::Gap(50),
        Told::Events(450, 1),
    ];
    assert_eq!(play.told.0, expected);
    let at = |ms: u64| Some(Offset::from_nanos(ms * MS));
    let expected = StreamSample {
        first_output: at(300),
        first_text: at(300),
        last_output: at(450),
        ended: at(900),
        events: 7,
        output_events: 3,
        output_reads: 3,
        choices: 1,
        reasoning_shown: false,
        by_second: vec![(0, 3)],
    };
    assert_eq!(*play.sample(), expected);
    assert_eq!(
        play.exchange.usage,
        Some(Usage {
            input: 5,
            output: 3,
            reasoning: 0
        })
    );
}

#[test]
fn reasoning_is_output_but_no_text() {
    let mut play = Play::of(DialectName::OpenAi);
    let thought = r#"data: {"choices":[{"delta":{"reasoning_content":"hm"}}]}"#;
    play.read(300, &[thought]).read(600, &[&text("a"), DONE]);
    assert_eq!(play.end(BodyEnd::Clean, 600), None);
    let sample = play.sample();
    assert_eq!(sample.first_output.unwrap().as_nanos(), 300 * MS);
    assert_eq!(sample.first_text.unwrap().as_nanos(), 600 * MS);
    assert!(sample.reasoning_shown);
}

#[test]
fn events_of_one_read_share_its_stamp() {
    let check = |uncertainty: u64, first_write: u64, late: bool| {
        let mut play = Play::of(DialectName::OpenAi);
        play.exchange.first_write = Duration::from_millis(first_write);
        let (a, b, c) = (text("a"), text("b"), text("c"));
        assert_eq!(
            play.read_uncertain(
                300,
                uncertainty,
                &[&format!("{a}\n\n{b}\n\n{c}\n\n{DONE}\n\n")]
            ),
            3
        );
        let expected = [
            Told::First {
                sent: 7,
                at: 300,
                uncertainty: uncertainty + first_write,
            },
            Told::Text(300),
            Told::Gap(0),
            Told::Gap(0),
            Told::Events(300, 3),
            Told::Coalesced(2, late),
        ];
        assert_eq!(play.told.0, expected);
        assert_eq!(
            (play.sample().output_events, play.sample().output_reads),
            (3, 1)
        );
    };
    check(0, 0, false);
    check(1, 0, false);
    check(2, 0, true);
    // What is uncertain of the sending blurs the time to the first output, not the arrival of the others.
    check(1, 4, false);
}

/// A read may come in several pieces: chunks of the body, or what a decoder gives out.
#[test]
fn pieces_of_one_read_are_one_read() {
    let mut play = Play::of(DialectName::OpenAi);
    let (a, b) = (text("a") + "\n\n", text("b") + "\n\n");
    assert_eq!(play.read_uncertain(10, 0, &[&a[..9], &a[9..], &b]), 2);
    assert_eq!(play.read_uncertain(20, 0, &[&a[..9]]), 0);
    assert_eq!(play.read_uncertain(30, 0, &[&a[9..]]), 1);
    let reads: Vec<_> = play
        .told
        .0
        .iter()
        .filter(|told| matches!(told, Told::Events(..) | Told::Coalesced(..)))
        .collect();
    assert_eq!(
        reads,
        [
            &Told::Events(10, 2),
            &Told::Coalesced(1, false),
            &Told::Events(30, 1)
        ]
    );
    assert_eq!(play.sample().output_reads, 2);
}

#[test]
fn gaps_are_within_a_choice() {
    let mut play = Play::of(DialectName::OpenAi);
    play.read(100, &[&text_of(0, "a")])
        .read(130, &[&text_of(2, "A")])
        .read(150, &[&text_of(0, "b")]);
    play.read(190, &[&text_of(2, "B")])
        .read(195, &[&text_of(4_000_000_000, "x")]);
    play.read(200, &[DONE]);
    assert_eq!(play.end(BodyEnd::Clean, 200), None);
    let gaps: Vec<_> = play
        .told
        .0
        .iter()
        .filter(|told| matches!(told, Told::Gap(_)))
        .collect();
    assert_eq!(gaps, [&Told::Gap(50), &Told::Gap(60)]);
    assert_eq!(play.sample().choices, 3);
}

#[test]
fn output_is_booked_by_the_second_of_the_run() {
    let mut play = Play::of(DialectName::Sse);
    for at in [999, 1_000, 1_999, 5_000, 5_001] {
        play.read(at, &["data: x"]);
    }
    // A stamp before an earlier one is taken for that one.
    play.read(4_000, &["data: x"]);
    assert_eq!(play.told.0.last(), Some(&Told::Events(5_001, 1)));
    assert_eq!(play.end(BodyEnd::Clean, 5_002), None);
    assert_eq!(play.sample().by_second, [(0, 1), (1, 2), (5, 3)]);
    assert_eq!(
        play.sample().first_text,
        None,
        "a plain dialect knows no difference"
    );
}

#[test]
fn the_end_is_the_terminator_or_the_end_of_the_body() {
    let ended = |reads: &[&[&str]], end: BodyEnd| {
        let mut play = Play::of(DialectName::OpenAi);
        for (at, read) in reads.iter().enumerate() {
            play.read(100 * (at as u64 + 1), read);
        }
        play.end(end, 1_000);
        play.sample().ended.map(|at| at.as_nanos() / MS)
    };
    let a = text("a");
    assert_eq!(ended(&[&[&a], &[STOP], &[DONE]], BodyEnd::Clean), Some(300));
    assert_eq!(ended(&[&[&a], &[DONE], &[DONE]], BodyEnd::Cut), Some(200));
    assert_eq!(ended(&[&[&a], &[STOP]], BodyEnd::Clean), Some(1_000));
    assert_eq!(ended(&[&[&a]], BodyEnd::Clean), Some(1_000));
    assert_eq!(ended(&[&[&a], &[STOP]], BodyEnd::Cut), Some(200));
    assert_eq!(ended(&[&[&a], &[STOP], &[USAGE]], BodyEnd::Cut), Some(300));
    assert_eq!(ended(&[&[&a]], BodyEnd::Cut), None);
    let other = text_of(1, "b");
    assert_eq!(ended(&[&[&a, &other], &[STOP]], BodyEnd::Cut), None);
}

#[test]
fn usage_without_the_tokens_of_the_answer_is_none() {
    let check = |dialect, events: &[&str], tokens: Option<(u64, u64)>| {
        let mut play = Play::of(dialect);
        play.read(10, events).end(BodyEnd::Clean, 20);
        let seen = play.exchange.usage.map(|usage| (usage.input, usage.output));
        assert_eq!(seen, tokens, "{events:?}");
    };
    let prompt = r#"data: {"choices":[],"usage":{"prompt_tokens":5}}"#;
    check(DialectName::OpenAi, &[&text("a"), prompt, DONE], None);
    check(
        DialectName::OpenAi,
        &[&text("a"), prompt, USAGE, DONE],
        Some((5, 3)),
    );
    let answer = r#"data: {"choices":[],"usage":{"completion_tokens":0}}"#;
    check(DialectName::OpenAi, &[answer, DONE], Some((0, 0)));
    let start = r#"data: {"type":"message_start","message":{"usage":{"input_tokens":7}}}"#;
    let delta = r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":4}}"#;
    check(DialectName::Anthropic, &[start], None);
    check(DialectName::Anthropic, &[start, delta], Some((7, 4)));
    let done = r#"{"message":{"content":"a"},"done":true,"prompt_eval_count":9}"#;
    check(DialectName::Ollama, &[done], None);
}

#[test]
fn the_first_failure_is_told() {
    let check = |events: &[&str], end: BodyEnd, kind: ErrorKind, message: &str| {
        let mut play = Play::of(DialectName::OpenAi);
        let failure = play.read(10, events).end(end, 20).unwrap();
        assert_eq!(failure.kind, kind, "{events:?}");
        assert!(failure.message.contains(message), "{}", failure.message);
    };
    let (a, error) = (text("a"), r#"data: {"error":{"message":"out of memory"}}"#);
    check(
        &[&a, error, DONE],
        BodyEnd::Clean,
        ErrorKind::StreamError,
        "out of memory",
    );
    check(
        &[error, "data: {"],
        BodyEnd::Cut,
        ErrorKind::StreamError,
        "out of memory",
    );
    check(
        &[&a, "data: {", error],
        BodyEnd::Clean,
        ErrorKind::StreamMalformed,
        "not JSON at byte 1: {",
    );
    check(
        &[&a],
        BodyEnd::Clean,
        ErrorKind::StreamTruncated,
        "after 1 output events without",
    );
    check(
        &[&a, &a],
        BodyEnd::Cut,
        ErrorKind::StreamTruncated,
        "cut after 2 output events",
    );
    check(
        &[ROLE, STOP, DONE],
        BodyEnd::Clean,
        ErrorKind::StreamEmpty,
        "none of its 3 events",
    );
    check(
        &[ROLE],
        BodyEnd::Clean,
        ErrorKind::StreamTruncated,
        "after 0 output events",
    );
    check(
        &["event: error\ndata:"],
        BodyEnd::Clean,
        ErrorKind::StreamError,
        "without data",
    );
    let long = format!("data: {}", "\u{20ac}".repeat(1_000));
    check(&[&long], BodyEnd::Clean, ErrorKind::StreamMalformed, "…");
}

#[test]
fn an_event_over_the_limit_ends_the_reading() {
    let mut play = Play::of(DialectName::OpenAi);
    play.read(10, &[&text("a")]);
    let arrival = Arrival {
        at: Offset::from_nanos(20 * MS),
        read: Offset::from_nanos(20 * MS),
        kernel: false,
        fallback: false,
        uncertainty: Duration::ZERO,
    };
    let part = vec![b'x'; 1 << 16];
    let mut fed = 0;
    let failure = loop {
        match play
            .reader
            .feed(&part, &arrival, &mut play.exchange, &mut play.told)
        {
            Ok(()) => fed += part.len(),
            Err(failure) => break failure,
        }
        assert!(fed <= MAX_LINE, "no end is in sight");
    };
    assert_eq!(failure.kind, ErrorKind::TooLarge);
    assert_eq!(
        play.end(BodyEnd::Cut, 30).unwrap().kind,
        ErrorKind::TooLarge
    );
    assert_eq!(play.sample().output_events, 1);
}

#[test]
fn a_torn_last_event_counts_for_nothing() {
    let mut play = Play::of(DialectName::OpenAi);
    play.read(10, &[&text("a"), STOP]);
    play.read_uncertain(20, 0, &["data: {\"choi"]);
    assert_eq!(play.end(BodyEnd::Cut, 30), None, "the finish reason came");
    assert_eq!(play.sample().events, 2);
    // An unterminated event is dated by the read that brought it, not by the end of the body.
    let mut play = Play::of(DialectName::OpenAi);
    play.read_uncertain(20, 0, &[&text("a")]);
    play.end(BodyEnd::Clean, 900);
    assert_eq!(play.sample().last_output.unwrap().as_nanos(), 20 * MS);
    assert_eq!(play.told.0.last(), Some(&Told::Events(20, 1)));
}

#[test]
fn empty_deltas_count_where_asked() {
    let check = |any_delta: bool, count: u64| {
        let mut play = Play::with(
            &StreamSpec {
                any_delta,
                ..spec(DialectName::OpenAi)
            },
            None,
        );
        play.read(10, &[ROLE])
            .read(20, &[&text("")])
            .read(30, &[&text("a"), DONE]);
        assert_eq!(play.end(BodyEnd::Clean, 40), None);
        let first = play.sample().first_output.unwrap().as_nanos() / MS;
        assert_eq!(
            (play.sample().output_events, first),
            (count, 40 - 10 * count)
        );
        assert_eq!(play.sample().first_text.unwrap().as_nanos(), 30 * MS);
    };
    check(false, 1);
    check(true, 2);
}

#[test]
fn the_content_type_tells_streams_from_plain_answers() {
    let check = |dialect: DialectName, content_type: Option<&str>, stream: bool| {
        assert_eq!(
            is_stream(&spec(dialect), content_type.map(str::as_bytes)),
            stream,
            "{dialect:?} {content_type:?}"
        );
    };
    for dialect in [
        DialectName::OpenAi,
        DialectName::Anthropic,
        DialectName::Ollama,
    ] {
        check(dialect, None, true);
        check(dialect, Some("text/event-stream; charset=utf-8"), true);
        check(dialect, Some("application/x-ndjson"), true);
        check(dialect, Some("text/plain"), true);
        check(dialect, Some("application/json"), false);
        check(dialect, Some("Application/JSON; charset=utf-8"), false);
    }
    check(DialectName::Sse, Some("application/json"), true);
    check(DialectName::Ndjson, Some("application/json"), true);
}

#[test]
fn the_content_type_tells_how_a_provider_frames() {
    let check = |dialect: DialectName, content_type: &str, body: &str, output: u64| {
        let mut play = Play::with(&spec(dialect), Some(content_type.as_bytes()));
        play.read_uncertain(10, 0, &[body]);
        play.end(BodyEnd::Clean, 20);
        assert_eq!(
            play.sample().output_events,
            output,
            "{dialect:?} {content_type}"
        );
    };
    let line = r#"{"message":{"content":"a"},"done":false}"#;
    check(
        DialectName::Ollama,
        "application/x-ndjson",
        &format!("{line}\n"),
        1,
    );
    check(
        DialectName::Ollama,
        "text/event-stream",
        &format!("data: {line}\n\n"),
        1,
    );
    check(DialectName::Ollama, "text/plain", &format!("{line}\n"), 1);
    let chunk = r#"{"choices":[{"delta":{"content":"a"}}]}"#;
    check(
        DialectName::OpenAi,
        "Text/Event-Stream;charset=UTF-8",
        &format!("data: {chunk}\n\n"),
        1,
    );
    check(
        DialectName::OpenAi,
        "application/jsonl",
        &format!("{chunk}\n"),
        1,
    );
    check(DialectName::Sse, "application/x-ndjson", "data: 1\n\n", 1);
    check(DialectName::Ndjson, "text/event-stream", "1\n2\n", 2);
}

#[test]
fn a_plain_answer_may_be_an_error() {
    use DialectName::{Anthropic, Ndjson, Ollama, OpenAi};
    let cases: [(DialectName, &str, Option<&str>); 14] = [
        (
            OpenAi,
            r#"{"error":{"message":"slow down","type":"busy"}}"#,
            Some("slow down"),
        ),
        (
            OpenAi,
            r#"{"error":"no such model"}"#,
            Some("no such model"),
        ),
        (
            OpenAi,
            r#"{"object":"error","message":"too long"}"#,
            Some("too long"),
        ),
        (
            OpenAi,
            r#"{"error":null,"choices":[{"message":{"content":"hi"}}]}"#,
            None,
        ),
        (
            OpenAi,
            r#"{"choices":[{"message":{"content":"{\"error\":\"x\"}"}}]}"#,
            None,
        ),
        (
            OpenAi,
            r#"{"choices":[{"message":{"content":"a","error":"inside"}}]}"#,
            None,
        ),
        (
            OpenAi,
            r#"{"object":"response","status":"failed","error":{"message":"no"}}"#,
            Some("no"),
        ),
        (OpenAi, r#"{"error":"torn"#, None),
        (OpenAi, "", None),
        (
            Anthropic,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            Some("Overloaded"),
        ),
        (
            Anthropic,
            r#"{"type":"message","content":[{"type":"text","text":"hi"}]}"#,
            None,
        ),
        (
            Ollama,
            r#"{"error":"model not found"}"#,
            Some("model not found"),
        ),
        (Ollama, r#"{"message":{"content":"hi"},"done":true}"#, None),
        (Ndjson, r#"{"error":"of no provider"}"#, None),
    ];
    for (dialect, body, message) in cases {
        let failure = error_of_plain(&spec(dialect), body.as_bytes());
        let seen = failure
            .as_ref()
            .map(|failure| (failure.kind, failure.message.as_str()));
        let wanted = message.map(|message| (ErrorKind::StreamError, message));
        assert_eq!(seen, wanted, "{dialect:?} {body}");
    }
}

#[test]
fn a_plain_answer_gives_its_usage() {
    let body = br#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
    assert_eq!(
        usage_of_plain(&spec(DialectName::OpenAi), body),
        Some(Usage {
            input: 1,
            output: 2,
            reasoning: 0
        })
    );
    assert_eq!(usage_of_plain(&spec(DialectName::Ndjson), body), None);
}

fn text(content: &str) -> String {
    text_of(0, content)
}

fn text_of(choice: u32, content: &str) -> String {
    format!(
        r#"data: {{"choices":[{{"index":{choice},"delta":{{"content":"{content}"}},"finish_reason":null}}]}}"#
    )
}

fn spec(dialect: DialectName) -> StreamSpec {
    StreamSpec {
        dialect,
        any_delta: false,
        pointer: None,
        stall: None,
    }
}
