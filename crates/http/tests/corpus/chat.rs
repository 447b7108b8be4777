//! The cases of `corpus/chat`: what the events of a stream mean, and how the stream ended.

use super::cases::{Case, load};
use loadgen_engine::{
    Arrival, DialectName, ErrorKind, Exchange, Offset, StreamSink, StreamSpec, Usage,
};
use loadgen_http::{
    dialect::{self, Reading},
    lines, sse,
    stream::{BodyEnd, StreamReader},
};
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn every_output_event_is_found_in_its_channel() {
    for case in load("chat") {
        let (events, output) = read_meaning(&case);
        assert_eq!(events, case.expected["events"], "{}: events", case.name);
        assert_eq!(
            output,
            *case.expected["output"].as_array().unwrap(),
            "{}: output",
            case.name
        );
    }
}

#[test]
fn every_stream_is_judged_as_expected_whatever_its_cuts() {
    let cases = load("chat");
    assert!(cases.len() >= 80, "only {} cases", cases.len());
    for case in &cases {
        for pieces in case.cuts() {
            check(case, &pieces);
        }
    }
}

fn check(case: &Case, pieces: &[&[u8]]) {
    let expected = &case.expected;
    let name = &case.name;
    let mut exchange = Exchange {
        sent_first: Some(Offset::ZERO),
        ..Exchange::default()
    };
    let mut told = Told::default();
    let mut reader = StreamReader::new(&spec(case), None);
    let mut at = 0;
    for piece in pieces {
        at += 1;
        reader
            .feed(piece, &arrival(at), &mut exchange, &mut told)
            .unwrap();
        reader.end_read(&arrival(at), &mut exchange, &mut told);
    }
    let end = if expected["end"] == "cut" {
        BodyEnd::Cut
    } else {
        BodyEnd::Clean
    };
    let failure = reader.finish(end, Offset::from_nanos(at + 1), &mut exchange, &mut told);

    let verdict = failure
        .as_ref()
        .map_or("good", |failure| failure.kind.name());
    assert_eq!(expected["verdict"], verdict, "{name}: {failure:?}");
    if let Some(message) = expected["message"].as_str() {
        let said = failure.as_ref().unwrap().message.clone();
        assert!(said.contains(message), "{name}: {said}");
    }
    let usage = exchange.usage.map(
        |Usage {
             input,
             output,
             reasoning,
         }| { json!({ "input": input, "output": output, "reasoning": reasoning }) },
    );
    assert_eq!(
        expected["usage"],
        usage.unwrap_or(Value::Null),
        "{name}: usage"
    );

    let output = expected["output"].as_array().unwrap();
    let mut events: Vec<u64> = output
        .iter()
        .map(|part| part["event"].as_u64().unwrap())
        .collect();
    events.dedup();
    let sample = exchange.stream.unwrap();
    assert_eq!(expected["events"], sample.events, "{name}: events");
    assert_eq!(
        sample.output_events,
        events.len() as u64,
        "{name}: output events"
    );
    let channel = |wanted: &str| output.iter().any(|part| part["channel"] == wanted);
    assert_eq!(
        sample.reasoning_shown,
        channel("reasoning"),
        "{name}: reasoning"
    );
    let tells = !matches!(spec(case).dialect, DialectName::Sse | DialectName::Ndjson);
    assert_eq!(
        sample.first_text.is_some(),
        tells && channel("visible"),
        "{name}: first text"
    );
    assert_eq!(
        sample.first_output.is_some(),
        !output.is_empty(),
        "{name}: first output"
    );
    told.agree(name, &sample, output);
}

/// What the sink was told.
#[derive(Default)]
struct Told {
    first_output: Option<Offset>,
    first_text: Option<Offset>,
    gaps: u64,
    sum_of_gaps: Duration,
    output_events: u64,
    coalesced: u64,
    reads: u64,
}

impl Told {
    fn agree(&self, name: &str, sample: &loadgen_engine::StreamSample, output: &[Value]) {
        assert_eq!(
            self.first_output, sample.first_output,
            "{name}: first output told"
        );
        assert_eq!(
            self.first_text, sample.first_text,
            "{name}: first text told"
        );
        assert_eq!(
            self.output_events, sample.output_events,
            "{name}: output events told"
        );
        assert_eq!(self.reads, sample.output_reads, "{name}: reads");
        assert_eq!(
            self.output_events - self.coalesced,
            self.reads,
            "{name}: coalesced"
        );
        let mut choices: Vec<_> = output.iter().map(|part| part["choice"].as_u64()).collect();
        choices.sort_unstable();
        choices.dedup();
        assert_eq!(
            self.gaps,
            (output.len() - choices.len()) as u64,
            "{name}: gaps"
        );
        if let ([_], Some(first), Some(last)) =
            (&choices[..], sample.first_output, sample.last_output)
        {
            assert_eq!(
                self.sum_of_gaps,
                last.since(first),
                "{name}: the gaps of a choice add up"
            );
        }
        let by_second: u64 = sample
            .by_second
            .iter()
            .map(|(_, events)| u64::from(*events))
            .sum();
        assert_eq!(by_second, sample.output_events, "{name}: by second");
    }
}

impl StreamSink for Told {
    fn first_output(&mut self, _sent_first: Offset, at: Offset, _uncertainty: Duration) {
        assert_eq!(self.first_output.replace(at), None, "once per stream");
    }
    fn first_text(&mut self, at: Offset) {
        assert_eq!(self.first_text.replace(at), None, "once per stream");
    }
    fn gap(&mut self, gap: Duration) {
        self.gaps += 1;
        self.sum_of_gaps += gap;
    }
    fn output_events(&mut self, _at: Offset, events: u32) {
        self.output_events += u64::from(events);
        self.reads += 1;
    }
    fn coalesced(&mut self, events: u32, _late: bool) {
        self.coalesced += u64::from(events);
    }
    fn arrival(&mut self, _arrival: &Arrival) {}
}

/// The number of events that count, and the output in the words of the corpus.
fn read_meaning(case: &Case) -> (u64, Vec<Value>) {
    let spec = spec(case);
    let dialect = dialect::of(&spec);
    let mut events = 0;
    let mut output = Vec::new();
    let mut read = |name: &[u8], data: &[u8], unterminated: bool| {
        let mut reading = Reading::default();
        let read = dialect.read(name, data, &mut reading);
        if read.is_err() && unterminated {
            return;
        }
        events += 1;
        let parts = reading.parts().filter(|_| read.is_ok());
        output.extend(parts.filter_map(|part| {
            let channel = match part {
                part if part.reasoning => "reasoning",
                part if part.visible => "visible",
                part if part.blank && spec.any_delta => "empty",
                _ => return None,
            };
            Some(json!({ "event": events, "channel": channel, "choice": part.choice }))
        }));
    };
    match dialect.framing() {
        dialect::Framing::Sse => {
            let mut parser = sse::Parser::new(1 << 20);
            let mut on_event =
                |event: sse::Event<'_>| read(event.name, event.data, event.unterminated);
            parser
                .feed(&case.bytes, &mut on_event)
                .and_then(|()| parser.finish(&mut on_event))
                .unwrap();
        }
        dialect::Framing::Lines => {
            let mut parser = lines::Parser::new(1 << 20);
            let mut on_line =
                |line: lines::Line<'_>| read(b"message", line.bytes, line.unterminated);
            parser
                .feed(&case.bytes, &mut on_line)
                .and_then(|()| parser.finish(&mut on_line))
                .unwrap();
        }
    }
    (events, output)
}

fn spec(case: &Case) -> StreamSpec {
    let expected = &case.expected;
    let dialect = match expected["dialect"].as_str().unwrap() {
        "openai" => DialectName::OpenAi,
        "anthropic" => DialectName::Anthropic,
        "ollama" => DialectName::Ollama,
        "sse" => DialectName::Sse,
        "ndjson" => DialectName::Ndjson,
        other => panic!("{}: no dialect {other}", case.name),
    };
    let pointer = expected["pointer"].as_str().map(str::to_owned);
    StreamSpec {
        dialect,
        any_delta: expected["any_delta"] == true,
        pointer,
        stall: None,
    }
}

fn arrival(at: u64) -> Arrival {
    let at = Offset::from_nanos(at);
    Arrival {
        at,
        read: at,
        kernel: true,
        fallback: false,
        uncertainty: Duration::ZERO,
    }
}

/// Every verdict of the corpus is a public error kind.
#[test]
fn verdicts_are_error_kinds() {
    for case in load("chat") {
        let verdict = case.expected["verdict"].as_str().unwrap();
        assert!(
            verdict == "good" || ErrorKind::from_name(verdict).is_some(),
            "{}: {verdict}",
            case.name
        );
    }
}
