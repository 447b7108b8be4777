//! The hot pieces one by one: what a core spends on an event, a sample, a request, an arrival, and what it allocates.
//!
//! `cargo bench -p loadgen-benches`, or some: `cargo bench -p loadgen-benches -- events`

use divan::AllocProfiler;

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

const fn millis(millis: u64) -> loadgen_engine::Offset {
    loadgen_engine::Offset::from_nanos(millis * 1_000_000)
}

/// From the bytes of an answer to its events and their meaning.
mod events {
    use super::millis;
    use divan::{Bencher, black_box, counter::ItemsCount};
    use loadgen_benches::target::flooded;
    use loadgen_engine::{Arrival, DialectName, Exchange, Failure, Offset, StreamSink, StreamSpec};
    use loadgen_http::{
        response::{Head, Receive, Response},
        sse::Parser,
        stream::{BodyEnd, MAX_LINE, StreamReader},
    };
    use std::time::Duration;

    const EVENTS: u32 = 64;
    const SPEC: StreamSpec = StreamSpec {
        dialect: DialectName::OpenAi,
        any_delta: false,
        pointer: None,
        stall: None,
    };
    const ARRIVAL: Arrival = Arrival {
        at: millis(2),
        read: millis(2),
        kernel: true,
        fallback: false,
        uncertainty: Duration::ZERO,
    };

    /// The transfer coding alone.
    #[divan::bench]
    fn chunks(bencher: Bencher<'_, '_>) {
        let reply = flooded(EVENTS);
        bencher.counter(ItemsCount::new(EVENTS)).bench(|| {
            let mut pieces = Pieces::default();
            Response::new(false)
                .feed(black_box(&reply), &mut pieces)
                .map(|_| pieces.0.len())
        });
    }

    /// The events alone.
    #[divan::bench]
    fn parsed(bencher: Bencher<'_, '_>) {
        let body = pieces().concat();
        bencher.counter(ItemsCount::new(EVENTS)).bench(|| {
            let mut bytes = 0;
            let fed = Parser::new(MAX_LINE).feed(black_box(&body), &mut |event| {
                bytes += event.data.len();
            });
            (fed, bytes)
        });
    }

    /// Events, and which of them carry output: the first token found, gaps, tokens, the end judged.
    #[divan::bench(args = [1, 64])]
    fn understood(bencher: Bencher<'_, '_>, chunks_per_read: usize) {
        let pieces = pieces();
        bencher.counter(ItemsCount::new(EVENTS)).bench(|| {
            let (mut reader, mut exchange) = (StreamReader::new(&SPEC, None), Exchange::default());
            let mut sink = Silent::default();
            for read in pieces.chunks(chunks_per_read) {
                for piece in read {
                    let _fed = reader.feed(black_box(piece), &ARRIVAL, &mut exchange, &mut sink);
                }
                reader.end_read(&ARRIVAL, &mut exchange, &mut sink);
            }
            let end = reader.finish(BodyEnd::Clean, ARRIVAL.at, &mut exchange, &mut sink);
            (end, exchange, sink)
        });
    }

    /// The decoded pieces of an answer, one a chunk.
    fn pieces() -> Vec<Vec<u8>> {
        let mut pieces = Pieces::default();
        let fed = Response::new(false).feed(&flooded(EVENTS), &mut pieces);
        assert!(fed.is_ok(), "the target's own reply can be read");
        pieces.0
    }

    #[derive(Default)]
    struct Pieces(Vec<Vec<u8>>);

    impl Receive for Pieces {
        fn head_begins(&mut self) {}

        fn informational(&mut self) {}

        fn head(&mut self, _: &Head<'_>, _: &[u8]) -> Result<(), Failure> {
            Ok(())
        }

        fn body(&mut self, bytes: &[u8]) -> Result<(), Failure> {
            self.0.push(bytes.to_vec());
            Ok(())
        }
    }

    /// Keeps a little of what it is told, so that nothing is optimised away.
    #[derive(Default)]
    struct Silent {
        at: Offset,
        events: u32,
    }

    impl StreamSink for Silent {
        fn first_output(&mut self, _: Offset, at: Offset, _: Duration) {
            self.at = at;
        }

        fn first_text(&mut self, at: Offset) {
            self.at = at;
        }

        fn gap(&mut self, _: Duration) {
            self.events += 1;
        }

        fn output_events(&mut self, at: Offset, events: u32) {
            self.at = at;
            self.events += events;
        }

        fn coalesced(&mut self, events: u32, _: bool) {
            self.events += events;
        }

        fn arrival(&mut self, arrival: &Arrival) {
            self.at = arrival.at;
        }
    }
}

/// From a finished request to the statistics.
mod records {
    use super::millis;
    use divan::{Bencher, black_box};
    use loadgen_benches::bed::plan;
    use loadgen_scenario::Overrides;
    use loadgen_stats::{
        Ending, Outcome, Recorder, Sample, StepIndex, StreamSample, TrendCell, Usage,
    };
    use std::{sync::Arc, time::Duration};

    const SCENARIO: &str = r#"
target = "http://127.0.0.1:1"
load = { vus = 1, duration = "1s" }
[[step]]
get = "/plain"
[[step]]
get = "/chat"
stream = "openai"
"#;

    #[divan::bench]
    fn request(bencher: Bencher<'_, '_>) {
        record(bencher, &sample(0, None));
    }

    #[divan::bench]
    fn stream(bencher: Bencher<'_, '_>) {
        let stream = StreamSample {
            first_output: Some(millis(201)),
            last_output: Some(millis(900)),
            ended: Some(millis(901)),
            events: 66,
            output_events: 64,
            output_reads: 64,
            choices: 1,
            by_second: vec![(0, 64)],
            ..StreamSample::default()
        };
        record(bencher, &sample(1, Some(stream)));
    }

    /// An output event: one gap.
    #[divan::bench]
    fn gap(bencher: Bencher<'_, '_>) {
        let mut recorder = recorder();
        let mut micros = 0;
        bencher.bench_local(|| {
            micros = (micros + 7) % 100_000;
            recorder.gap(
                StepIndex(1),
                millis(1),
                Duration::from_micros(black_box(micros)),
            );
        });
    }

    #[divan::bench]
    fn cell(bencher: Bencher<'_, '_>) {
        let mut cell = TrendCell::new();
        let mut micros = 0;
        bencher.bench_local(|| {
            micros = (micros + 7) % 100_000;
            cell.record(Duration::from_micros(black_box(micros)));
        });
    }

    fn record(bencher: Bencher<'_, '_>, sample: &Sample<'static>) {
        let mut recorder = recorder();
        bencher.bench_local(|| recorder.request(black_box(sample)));
    }

    fn recorder() -> Recorder {
        let plan = plan("records", SCENARIO, &Overrides::default()).expect("the scenario is good");
        Recorder::new(Arc::new(plan.layout()))
    }

    fn sample(step: usize, stream: Option<StreamSample>) -> Sample<'static> {
        Sample {
            step: StepIndex(step),
            due: millis(1),
            follows: false,
            retried: false,
            started: millis(1),
            connected: Some(millis(1)),
            dns: Duration::ZERO,
            connecting: Duration::ZERO,
            tls: Duration::ZERO,
            sent_first: Some(millis(1)),
            sent_last: Some(millis(1)),
            first_byte: Some(millis(201)),
            done: millis(902),
            status: Some(200),
            ending: Ending::Whole,
            outcome: Outcome::Ok,
            error: None,
            bytes_sent: 90,
            bytes_received: 9_000,
            bytes_decoded: 8_000,
            checks_held: 1,
            checks_made: 1,
            resent: 0,
            usage: stream.as_ref().map(|_| Usage {
                input: 9,
                output: 64,
                reasoning: 0,
            }),
            stream,
        }
    }
}

/// From the plan's templates to a message.
mod requests {
    use divan::Bencher;
    use loadgen_benches::bed::plan;
    use loadgen_scenario::{Overrides, Scope, Step};

    const FIXED: &str = r#"get = "/plain""#;
    const TEMPLATED: &str = r#"
post = "/v1/chat/completions"
headers = { x-request-id = "{{ unique() }}" }
json = { model = "mock", stream = true, messages = [{ role = "user", content = "{{ random_string(20) }}" }] }
"#;

    #[divan::bench(args = ["fixed", "templated"])]
    fn rendered(bencher: Bencher<'_, '_>, kind: &str) {
        let step = if kind == "fixed" { FIXED } else { TEMPLATED };
        let text = format!(
            "target = \"http://127.0.0.1:1\"\nload = {{ vus = 1, duration = \"1s\" }}\n[[step]]\n{step}"
        );
        let plan = plan("requests", &text, &Overrides::default()).expect("the scenario is good");
        let Some(Step::Request(request)) = plan.scenarios[0].flow.first() else {
            panic!("the scenario has one request");
        };
        let scope = Scope::new(plan.templates.clone(), 1, 1);
        bencher.bench_local(|| {
            let rendered = request.message.render(&plan.target, &scope);
            rendered.map(|message| message.body.len()).ok()
        });
    }
}

/// When the next arrival is due.
mod schedule {
    use divan::Bencher;
    use loadgen_benches::bed::plan;
    use loadgen_engine::Schedule;
    use loadgen_scenario::Overrides;

    #[divan::bench(args = ["uniform", "poisson", "ramp"])]
    fn next_arrival(bencher: Bencher<'_, '_>, kind: &str) {
        let load = match kind {
            "ramp" => r#"start_rate = "10/s", stages = [{ duration = "9h", target = "5000/s" }]"#
                .to_owned(),
            arrivals => format!(r#"rate = "5000/s", duration = "9h", arrivals = "{arrivals}""#),
        };
        let text = format!(
            "target = \"http://127.0.0.1:1\"\nload = {{ {load} }}\n[[step]]\nget = \"/\"\n"
        );
        let plan = plan("schedule", &text, &Overrides::default()).expect("the scenario is good");
        let schedule = Schedule::of(&plan.loads[0]);
        let mut arrivals = schedule.arrivals(1, 0, 1).expect("the load is open");
        bencher.bench_local(|| arrivals.next());
    }
}
