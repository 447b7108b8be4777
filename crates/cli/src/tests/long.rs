//! A run of six hours under paused time: what it keeps in memory, and what its log takes on the disk.

use crate::header::{self, Circumstances};
use jiff::Timestamp;
use loadgen_engine::{
    Call, Connect, Connection, Connector, Directive, Exchange, Observer, Placement, Settings, Stop,
    StreamSink, TokioTiming, run,
};
use loadgen_host::Monitor;
use loadgen_report::RunLogWriter;
use loadgen_scenario::{Overrides, SourceText, load};
use loadgen_stats::{Counter, Live, Offset, StreamSample, Trend, Usage, Window};
use std::{
    cell::Cell,
    io::{self, Write},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::watch, task::LocalSet, time::sleep_until};

const HOURS: usize = 6;
/// What a record of one second takes at most, and one of ten: docs/run-log.md says so.
const SECOND: usize = 4_000;
const TEN_SECONDS: usize = 5_500;
/// Memory that a run may take more of after its second hour, the first of records of ten seconds: a byte for each request
/// would be 120 KB, one of a window 14 KB, and what is shown of the course grows by what it holds of 3,600 points.
const GROWTH: u64 = 2 << 20;

/// Streams, and checks so that every kind of count is there.
const SCENARIO: &str = r#"
name = "sustained"
target = "http://127.0.0.1:1"
load = { rate = "500/min", duration = "6h", max_vus = 2000 }
[[step]]
name = "chat"
post = "/v1/chat/completions"
json = { model = "mock", stream = true, messages = [{ role = "user", content = "{{ iteration }}" }] }
stream = "openai"
expect = { status = 200 }
[slo]
ttft = "1s"
[thresholds]
ttft = ["p95 < 1s", "p95 < 1s for 30s"]
http_req_failed = ["rate < 1%"]
"#;

/// Answers with streams of twenty tokens, each of which comes when chance has it.
#[derive(Clone, Default)]
struct Streams {
    asked: Arc<AtomicU64>,
}

impl Connect for Streams {
    type Connector = Self;

    fn connector(&self, _shard: usize) -> io::Result<Self> {
        Ok(self.clone())
    }
}

impl Connector for Streams {
    type Connection = Self;

    fn connection(&self) -> Self {
        self.clone()
    }
}

/// A time from `least` on, scattered over `width`, in microseconds.
fn scattered(n: u64, least: u64, width: u64) -> Duration {
    let hash = (n ^ 0x5851_f42d).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Duration::from_micros(least + (hash >> 32) % width)
}

impl Connection for Streams {
    async fn call(&mut self, call: &Call<'_>, exchange: &mut Exchange, sink: &mut dyn StreamSink) {
        let now = call.clock.now();
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        exchange.connected = Some(now);
        exchange.sent_first = Some(now);
        exchange.sent_last = Some(now);
        let first = now.after(scattered(number, 150_000, 250_000));
        exchange.first_byte = Some(first);
        let (mut at, mut by_second) = (first, Vec::new());
        let gaps: Vec<Duration> = (1..20)
            .map(|token| scattered(number * 20 + token, 15_000, 10_000))
            .collect();
        for gap in gaps.iter().copied().chain([Duration::ZERO]) {
            let second = u32::try_from(at.as_nanos() / 1_000_000_000).unwrap();
            match by_second.last_mut() {
                Some((known, events)) if *known == second => *events += 1,
                _ => by_second.push((second, 1)),
            }
            at = at.after(gap);
        }
        sleep_until(call.clock.instant(at)).await;
        sink.first_output(now, first, Duration::ZERO);
        sink.output_events(at, 20);
        gaps.into_iter().for_each(|gap| sink.gap(gap));
        exchange.stream = Some(StreamSample {
            first_output: Some(first),
            first_text: Some(first),
            last_output: Some(at),
            ended: Some(at),
            events: 23,
            output_events: 20,
            output_reads: 20,
            choices: 1,
            reasoning_shown: false,
            by_second,
        });
        exchange.usage = Some(Usage {
            input: 9,
            output: 20,
            reasoning: 0,
        });
        (exchange.status, exchange.whole, exchange.done) = (Some(200), true, Some(at));
        (exchange.bytes_sent, exchange.bytes_received) = (300, 4_000);
    }
}

/// Counts what is written.
#[derive(Clone, Default)]
struct Counted(Rc<Cell<usize>>);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.set(self.0.get() + bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the log, and looks at both at the end of each hour.
struct Watched {
    log: RunLogWriter<Counted>,
    written: Counted,
    monitor: Monitor,
    /// By hour: bytes of the log so far, and resident memory.
    hours: Vec<(usize, u64)>,
}

impl Observer for Watched {
    fn window(&mut self, window: &Window, _live: &Live) -> Directive {
        self.log.window(window).expect("it can be written");
        let hour = Offset::from(Duration::from_secs(3_600 * (self.hours.len() as u64 + 1)));
        if window.end >= hour {
            let memory = self.monitor.sample().rss_bytes;
            self.hours.push((self.written.0.get(), memory));
        }
        Directive::Continue
    }
}

#[tokio::test(start_paused = true)]
async fn six_hours_take_no_more_memory_than_two_and_a_log_of_bounded_size() {
    let source = SourceText {
        path: "a.toml",
        text: SCENARIO,
        stem: "a",
    };
    let plan = load(source, &Overrides::default())
        .expect("no problem")
        .plan;
    let settings = Settings {
        workers: 1,
        seed: 1,
        placement: Placement::Inline,
        strict: false,
        allow_all_failed: false,
    };
    let circumstances = Circumstances {
        settings,
        started: Timestamp::UNIX_EPOCH,
        embedded: false,
    };
    let written = Counted::default();
    let head = header::of(&plan, &circumstances);
    let mut watched = Watched {
        log: RunLogWriter::new(written.clone(), &head).expect("it can be written"),
        written,
        monitor: Monitor::start(),
        hours: Vec::new(),
    };
    let (_keep, stop) = watch::channel(Stop::Run);
    let service = Streams::default();
    let run = run(
        Arc::new(plan),
        settings,
        service,
        TokioTiming,
        &mut watched,
        stop,
    );
    let outcome = LocalSet::new().run_until(run).await;
    let summary = outcome.expect("the run takes place").summary;
    assert_eq!(summary.metrics.counter(Counter::Iterations), 180_000);
    assert_eq!(summary.metrics.counter(Counter::DroppedIterations), 0);
    let lag = summary.metrics.trend(Trend::ScheduleLag).expect("arrivals");
    assert!(lag.max.value <= Duration::from_millis(1), "{lag:?}");
    assert!(summary.windows.len() <= 3_600);

    let hours = watched.hours;
    assert_eq!(hours.len(), HOURS, "{hours:?}");
    let (first, last) = (hours[0], hours[HOURS - 1]);
    // Records of seconds in the first hour, of ten seconds after it; a quarter less would be worth saying in the docs.
    let (most, rest) = (3_600 * SECOND, (HOURS - 1) * 360 * TEN_SECONDS);
    assert!((most * 3 / 4..=most).contains(&first.0), "{hours:?}");
    let later = last.0 - first.0;
    assert!((rest * 3 / 4..=rest).contains(&later), "{hours:?}");
    let (second, last) = (hours[1].1, hours[HOURS - 1].1);
    let growth = last.saturating_sub(second);
    assert!(
        second > 0 && growth <= GROWTH,
        "{growth} bytes more: {hours:?}"
    );
}
