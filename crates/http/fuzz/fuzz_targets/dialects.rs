//! Any bytes as a streamed answer of any dialect: no panic, sums that agree, and the same verdict under any cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loadgen_engine::{
    Arrival, DialectName, ErrorKind, Exchange, Offset, StreamSample, StreamSink, StreamSpec, Usage,
};
use loadgen_http::stream::{BodyEnd, StreamReader, error_of_plain, usage_of_plain};
use std::time::Duration;

const DIALECTS: [DialectName; 5] = [
    DialectName::OpenAi,
    DialectName::Anthropic,
    DialectName::Ollama,
    DialectName::Sse,
    DialectName::Ndjson,
];

type Judged = (Option<ErrorKind>, Option<Usage>, [u64; 3], bool);

fuzz_target!(|data: &[u8]| {
    let [choice, length, stream @ ..] = data else {
        return;
    };
    let dialect = DIALECTS[usize::from(choice % 5)];
    let pointer = (choice & 0x40 != 0).then(|| "/a/0".to_owned());
    let spec = StreamSpec {
        dialect,
        any_delta: choice & 0x80 != 0,
        pointer,
        stall: None,
    };
    let _ = usage_of_plain(&spec, stream);
    let _ = error_of_plain(&spec, stream);
    let end = if choice & 0x20 == 0 {
        BodyEnd::Clean
    } else {
        BodyEnd::Cut
    };
    let whole = read(&spec, stream, stream.len().max(1), end);
    assert_eq!(whole, read(&spec, stream, 1 + usize::from(*length), end));
});

fn read(spec: &StreamSpec, stream: &[u8], length: usize, end: BodyEnd) -> Judged {
    let mut exchange = Exchange {
        sent_first: Some(Offset::ZERO),
        ..Exchange::default()
    };
    let mut sums = Sums::default();
    let mut reader = StreamReader::new(spec, None);
    let mut at = 0;
    for piece in stream.chunks(length) {
        at += 300_000_000;
        let arrival = Arrival {
            at: Offset::from_nanos(at),
            read: Offset::from_nanos(at),
            kernel: true,
            fallback: false,
            uncertainty: Duration::ZERO,
        };
        if reader
            .feed(piece, &arrival, &mut exchange, &mut sums)
            .is_err()
        {
            break;
        }
        reader.end_read(&arrival, &mut exchange, &mut sums);
    }
    let failure = reader.finish(end, Offset::from_nanos(at), &mut exchange, &mut sums);
    let sample = exchange.stream.unwrap_or_default();
    sums.check(&sample);
    let text = sample.first_text.is_some();
    let kind = failure.map(|failure| failure.kind);
    (
        kind,
        exchange.usage,
        [
            sample.events,
            sample.output_events,
            u64::from(sample.choices),
        ],
        text,
    )
}

#[derive(Default)]
struct Sums {
    first: u64,
    output_events: u64,
    reads: u64,
    coalesced: u64,
}

impl Sums {
    fn check(&self, sample: &StreamSample) {
        assert_eq!(self.first, u64::from(sample.output_events > 0));
        assert_eq!(self.output_events, sample.output_events);
        assert_eq!(self.reads, sample.output_reads);
        assert_eq!(self.output_events, self.reads + self.coalesced);
        assert!(sample.output_events <= sample.events);
        assert!(sample.first_output <= sample.last_output);
        let booked: u64 = sample
            .by_second
            .iter()
            .map(|second| u64::from(second.1))
            .sum();
        assert_eq!(booked, sample.output_events);
        assert!(sample.by_second.is_sorted_by(|a, b| a.0 < b.0));
    }
}

impl StreamSink for Sums {
    fn first_output(&mut self, _: Offset, _: Offset, _: Duration) {
        self.first += 1;
    }
    fn first_text(&mut self, _: Offset) {}
    fn gap(&mut self, _: Duration) {}
    fn output_events(&mut self, _: Offset, events: u32) {
        self.output_events += u64::from(events);
        self.reads += 1;
    }
    fn coalesced(&mut self, events: u32, _: bool) {
        self.coalesced += u64::from(events);
    }
    fn arrival(&mut self, _: &Arrival) {}
}
