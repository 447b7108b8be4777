//! The opening of closed loads: users begin at a bounded pace, whatever the number of workers.

use crate::support::{Service, count, plan, scenario, settings, undisturbed};
use loadgen_engine::{
    Call, Connect, Connection, Connector, Exchange, Stop, StreamSink, TokioTiming, run,
};
use loadgen_stats::{Counter, Offset, StreamSample, Summary, Trend};
use std::{io, sync::Arc, time::Duration};
use tokio::{sync::watch, task::LocalSet, time::sleep};

/// One request of each user is all there is time for.
const ONCE: &str = r#"
target = "http://127.0.0.1:1"
[load]
LOAD
graceful_stop = "1m"
[[step]]
get = "/"
"#;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// When the requests of a load came, in milliseconds; each takes a minute.
async fn came(load: &str, workers: usize) -> (Vec<u128>, Summary) {
    let service = Service::noting(Duration::from_secs(60), &[]);
    let text = ONCE.replace("LOAD", load);
    let summary = undisturbed(plan(&text), workers, &service).await;
    let at = |call: &(String, Offset)| Duration::from_nanos(call.1.as_nanos()).as_millis();
    (service.calls("/").iter().map(at).collect(), summary)
}

#[tokio::test(start_paused = true)]
async fn users_begin_one_after_the_other() {
    let each: Vec<u128> = (0..20).map(|user| user * 50).collect();
    let late: Vec<u128> = each.iter().map(|at| at + 3_000).collect();
    let ramp: Vec<u128> = (0..20).map(|user| 25 + user * 50).collect();
    let jump: Vec<u128> = (0..20)
        .map(|user| if user < 2 { user * 50 } else { 925 + user * 50 })
        .collect();
    let cases = [
        (
            "vus = 20\nduration = \"9s\"\nconnect_rate = \"20/s\"",
            &each,
        ),
        (
            "vus = 20\nduration = \"9s\"\nconnect_rate = 20\nstart_after = \"3s\"",
            &late,
        ),
        ("vus = 20\niterations = 20\nconnect_rate = \"20/s\"", &each),
        (
            "executor = \"per-vu-iterations\"\nvus = 20\niterations = 1\nconnect_rate = \"20/s\"",
            &each,
        ),
        // Steeper than it may be, and a jump in mid-course.
        (
            "start_vus = 0\nstages = [{ duration = \"100ms\", target = 20 }, { duration = \"9s\", target = 20 }]\n\
             connect_rate = \"20/s\"",
            &ramp,
        ),
        (
            "start_vus = 2\nstages = [{ duration = \"1s\", target = 2 }, { duration = \"0s\", target = 20 }, \
             { duration = \"9s\", target = 20 }]\nconnect_rate = \"20/s\"",
            &jump,
        ),
    ];
    for (load, expected) in cases {
        for workers in [1, 2, 7] {
            let (came, summary) = came(load, workers).await;
            assert_eq!(came, *expected, "{load}, {workers} workers");
            // Nobody was late: whoever begins later is due later.
            let of = |trend| summary.metrics.trend(trend).expect("requests").max.value;
            assert_eq!(of(Trend::ScheduleLag), Duration::ZERO, "{load}");
            assert_eq!(of(Trend::HttpReqLatency), Duration::from_secs(60), "{load}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_gentle_ramp_and_one_that_is_not_bounded_are_as_they_are_written() {
    let ramp = "start_vus = 0\nstages = [{ duration = \"10s\", target = 10 }, { duration = \"1s\", target = 10 }]";
    let (written, _) = came(&format!("{ramp}\nconnect_rate = \"off\""), 2).await;
    assert_eq!(
        written,
        (0..10).map(|user| 500 + user * 1_000).collect::<Vec<_>>()
    );
    let (gentle, _) = came(&format!("{ramp}\nconnect_rate = \"1/s\""), 2).await;
    assert_eq!(gentle, written);
    let (at_once, _) = came("vus = 300\nduration = \"1s\"\nconnect_rate = \"off\"", 2).await;
    assert_eq!(at_once, [0; 300]);
}

#[tokio::test(start_paused = true)]
async fn a_load_ends_on_time_whoever_has_not_begun() {
    for workers in [1, 2, 7] {
        let (came, summary) = came(
            "executor = \"per-vu-iterations\"\nvus = 20\niterations = 2\nmax_duration = \"2s\"\nconnect_rate = \"5/s\"",
            workers,
        )
        .await;
        assert_eq!(came.len(), 10, "{workers} workers");
        assert_eq!(summary.measured, Duration::from_secs(2));
        assert_eq!(count(&summary, Counter::DroppedIterations), 30);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_waited_for_once_nothing_is_left_to_do() {
    for workers in [1, 2, 7] {
        let service = Service::noting(millis(10), &[]);
        let text = ONCE.replace("LOAD", "vus = 30\niterations = 50\nconnect_rate = \"1/s\"");
        let summary = undisturbed(plan(&text), workers, &service).await;
        assert_eq!(service.calls("/").len(), 50);
        assert_eq!(summary.duration, millis(500), "{workers} workers");
        assert_eq!(count(&summary, Counter::DroppedIterations), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn who_finds_nothing_left_to_do_is_there_no_more() {
    for workers in [1, 2, 7] {
        let service = Service::noting(millis(3_500), &[]);
        let text = ONCE.replace(
            "LOAD",
            "vus = 9000\niterations = 100\nconnect_rate = \"off\"",
        );
        let summary = undisturbed(plan(&text), workers, &service).await;
        assert_eq!(service.calls("/").len(), 100, "{workers} workers");
        let last = summary.windows.last().expect("four seconds");
        assert_eq!(last.vus.last, 0, "{workers} workers");
        let third = &summary.windows[2];
        assert_eq!(third.vus.last, 100, "{workers} workers");
    }
}

#[tokio::test(start_paused = true)]
async fn who_begins_in_the_warm_up_is_in_no_figure() {
    for workers in [1, 2, 7] {
        let load = "vus = 20\nduration = \"2s\"\nwarm_up = \"500ms\"\nconnect_rate = \"20/s\"";
        let (came, summary) = came(load, workers).await;
        assert_eq!(came.len(), 20);
        // Those of 0 ms to 450 ms are not measured; the others are, and so is all of the time that is left.
        assert_eq!(count(&summary, Counter::HttpReqs), 10, "{workers} workers");
        assert_eq!(summary.measured, millis(1_500));
    }
}

#[tokio::test(start_paused = true)]
async fn loads_have_a_rate_each() {
    let text = "target = \"http://127.0.0.1:1\"\n\
        [[scenario]]\nname = \"a\"\nstep = [{ get = \"/a\" }]\n\
        load = { vus = 3, iterations = 3, connect_rate = \"10/s\" }\n\
        [[scenario]]\nname = \"b\"\nstep = [{ get = \"/b\" }]\n\
        load = { vus = 3, iterations = 3, connect_rate = \"5/s\", start_after = \"scenario:a\" }\n\
        [[scenario]]\nname = \"c\"\nstep = [{ get = \"/c\" }]\n\
        load = { rate = \"1000/s\", duration = \"4ms\" }\n";
    for workers in [1, 2, 7] {
        let service = Service::noting(Duration::from_secs(1), &[]);
        let summary = undisturbed(plan(text), workers, &service).await;
        let came = |path: &str| {
            let calls = service.calls(path).into_iter();
            let millis = calls.map(|call| Duration::from_nanos(call.1.as_nanos()).as_millis());
            millis.collect::<Vec<_>>()
        };
        assert_eq!(came("/a"), [0, 100, 200], "{workers} workers");
        assert_eq!(came("/b"), [1_200, 1_400, 1_600], "{workers} workers");
        assert_eq!(came("/c"), [0, 1, 2, 3], "arrivals are never held back");
        let b = scenario(&summary, "b").metrics.trend(Trend::ScheduleLag);
        assert_eq!(b.expect("requests").max.value, Duration::ZERO);
    }
}

/// A service of streams to which it takes long to connect.
#[derive(Clone)]
struct Slow;

const CONNECTING: Duration = Duration::from_millis(700);
const FIRST: Duration = Duration::from_millis(200);

impl Connect for Slow {
    type Connector = Self;

    fn connector(&self, _shard: usize) -> io::Result<Self> {
        Ok(Self)
    }
}

impl Connector for Slow {
    type Connection = Self;

    fn connection(&self) -> Self {
        Self
    }
}

impl Connection for Slow {
    async fn call(&mut self, call: &Call<'_>, exchange: &mut Exchange, sink: &mut dyn StreamSink) {
        sleep(CONNECTING).await;
        let connected = call.clock.now();
        exchange.connecting = CONNECTING;
        exchange.connected = Some(connected);
        exchange.sent_first = Some(connected);
        exchange.sent_last = Some(connected);
        sleep(FIRST).await;
        let now = call.clock.now();
        sink.first_output(connected, now, Duration::ZERO);
        exchange.first_byte = Some(now);
        exchange.done = Some(now);
        exchange.status = Some(200);
        exchange.whole = true;
        exchange.stream = Some(StreamSample {
            first_output: Some(now),
            last_output: Some(now),
            ended: Some(now),
            events: 1,
            output_events: 1,
            output_reads: 1,
            choices: 1,
            ..StreamSample::default()
        });
    }
}

#[tokio::test(start_paused = true)]
async fn connecting_is_never_booked_on_the_service() {
    let text = ONCE.replace(
        "LOAD",
        "vus = 100\niterations = 100\nconnect_rate = \"50/s\"",
    );
    let text = text.replace("get = \"/\"", "post = \"/\"\nstream = \"openai\"");
    for workers in [1, 2, 7] {
        let (_keep, stop) = watch::channel(Stop::Run);
        let plan = Arc::new(plan(&text));
        let observer = &mut ();
        let run = run(plan, settings(workers), Slow, TokioTiming, observer, stop);
        let outcome = LocalSet::new().run_until(run).await;
        let summary = outcome.expect("the run takes place").summary;
        let of = |trend| {
            let figures = summary.metrics.trend(trend).expect("streams");
            (figures.count, figures.min.value, figures.max.value)
        };
        assert_eq!(of(Trend::TtftService), (100, FIRST, FIRST));
        let whole = CONNECTING + FIRST;
        assert_eq!(of(Trend::Ttft), (100, whole, whole), "neither is the pace");
        assert_eq!(of(Trend::HttpReqConnecting), (100, CONNECTING, CONNECTING));
    }
}
