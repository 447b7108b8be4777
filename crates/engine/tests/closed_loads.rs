//! Closed loads under paused time: what begins, what ends, what is cut, and that nothing is lost on the way.

use loadgen_engine::{
    Call, Clock, Connect, Connection, Connector, Exchange, Failure, Placement, Settings, Stop,
    StreamSink, TokioTiming, run,
};
use loadgen_stats::{
    Counter, ErrorKind, Gauge, Metric, MetricValue, Rate, StopReason, Summary, Trend, VusRange,
};
use std::{
    cell::Cell,
    io,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::watch, task::LocalSet, time::sleep};

mod support;
use support::plan;

/// A service that answers after a fixed time, its head maybe before, and fails every nth request; counts what it
/// accepted.
#[derive(Clone)]
struct Service {
    time: Duration,
    head: Duration,
    fail_each: u64,
    accepted: Arc<AtomicU64>,
}

impl Service {
    fn new(time: Duration) -> Self {
        Self {
            time,
            head: time,
            fail_each: u64::MAX,
            accepted: Arc::default(),
        }
    }

    fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }
}

impl Connect for Service {
    type Connector = Self;

    fn connector(&self, _shard: usize) -> io::Result<Self> {
        Ok(self.clone())
    }
}

impl Connector for Service {
    type Connection = Self;

    fn connection(&self) -> Self {
        self.clone()
    }
}

impl Connection for Service {
    async fn call(&mut self, call: &Call<'_>, exchange: &mut Exchange, _sink: &mut dyn StreamSink) {
        let now = call.clock.now();
        exchange.connected = Some(now);
        exchange.sent_first = Some(now);
        exchange.sent_last = Some(now);
        let number = self.accepted.fetch_add(1, Ordering::Relaxed) + 1;
        sleep(self.head).await;
        exchange.first_byte = Some(call.clock.now());
        sleep(self.time - self.head).await;
        exchange.done = Some(call.clock.now());
        if number.is_multiple_of(self.fail_each) {
            exchange.failure = Some(Failure {
                kind: ErrorKind::Reset,
                message: "the peer reset the connection".into(),
            });
        } else {
            exchange.status = Some(200);
            exchange.whole = true;
        }
    }
}

async fn carry_out(
    text: &str,
    workers: usize,
    service: &Service,
    stop: watch::Receiver<Stop>,
) -> Summary {
    let settings = Settings {
        workers,
        seed: 1,
        placement: Placement::Inline,
        strict: false,
        allow_all_failed: false,
    };
    let service = service.clone();
    LocalSet::new()
        .run_until(run(
            Arc::new(plan(text)),
            settings,
            service,
            TokioTiming,
            &mut (),
            stop,
        ))
        .await
        .expect("the run takes place")
        .summary
}

async fn undisturbed(text: &str, workers: usize, service: &Service) -> Summary {
    let (_keep, stop) = watch::channel(Stop::Run);
    carry_out(text, workers, service, stop).await
}

fn count(summary: &Summary, counter: Counter) -> u64 {
    summary.metrics.counter(counter)
}

const CHAT: &str = r#"
target = "http://127.0.0.1:1"
[load]
vus = 10
duration = "10s"
graceful_stop = "2s"
[[step]]
get = "/"
"#;

#[tokio::test(start_paused = true)]
async fn constant_users_repeat_until_the_end_whatever_the_number_of_workers() {
    for workers in [1, 2, 7] {
        let service = Service::new(Duration::from_millis(300));
        let summary = undisturbed(CHAT, workers, &service).await;
        // 33 whole iterations of 300 ms, and one more that begins at 9.9 s and ends in the drain.
        assert_eq!(count(&summary, Counter::HttpReqs), 340, "{workers} workers");
        assert_eq!(
            count(&summary, Counter::Iterations),
            340,
            "{workers} workers"
        );
        assert_eq!(count(&summary, Counter::InterruptedIterations), 0);
        assert_eq!(service.accepted(), 340);
        assert_eq!(summary.stop_reason, StopReason::Completed);
        let duration = summary
            .metrics
            .trend(Trend::HttpReqDuration)
            .expect("requests");
        assert_eq!(
            (duration.min.value, duration.max.value),
            (Duration::from_millis(300), Duration::from_millis(300))
        );
        assert_eq!(summary.duration, Duration::from_millis(10_200));
        assert_eq!(
            summary.metrics.get(Metric::Gauge(Gauge::Vus)),
            Some(&MetricValue::Gauge(Some(VusRange::steady(10))))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn users_that_leave_in_the_drain_are_no_part_of_the_level() {
    let text = &CHAT.replace("10s", "2500ms");
    let summary = undisturbed(text, 2, &Service::new(Duration::from_millis(150))).await;
    assert_eq!(
        summary.metrics.get(Metric::Gauge(Gauge::Vus)),
        Some(&MetricValue::Gauge(Some(VusRange::steady(10))))
    );
}

#[tokio::test(start_paused = true)]
async fn shared_iterations_are_done_exactly_once_each() {
    for workers in [1, 2, 7] {
        let service = Service::new(Duration::from_millis(100));
        let text = &CHAT.replace("vus = 10\nduration = \"10s\"", "vus = 8\niterations = 101");
        let summary = undisturbed(text, workers, &service).await;
        assert_eq!(
            count(&summary, Counter::Iterations),
            101,
            "{workers} workers"
        );
        assert_eq!(count(&summary, Counter::DroppedIterations), 0);
        assert_eq!(service.accepted(), 101);
        // 12 rounds of 8 users, and one more for the last 5.
        assert_eq!(
            summary.duration,
            Duration::from_millis(1_300),
            "{workers} workers"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn iterations_that_time_leaves_over_are_dropped() {
    let service = Service::new(Duration::from_secs(1));
    let text = &CHAT.replace(
        "duration = \"10s\"",
        "iterations = 1000\nmax_duration = \"5s\"",
    );
    let summary = undisturbed(text, 2, &service).await;
    let begun =
        count(&summary, Counter::Iterations) + count(&summary, Counter::InterruptedIterations);
    assert_eq!(begun, 50);
    assert_eq!(count(&summary, Counter::DroppedIterations), 950);
}

#[tokio::test(start_paused = true)]
async fn what_outlasts_the_graceful_stop_is_cut_and_told() {
    for workers in [1, 2, 7] {
        let service = Service::new(Duration::from_secs(7));
        let summary = undisturbed(CHAT, workers, &service).await;
        // The second request of each user begins at 7 s and would end at 14 s; the cut comes at 12 s.
        assert_eq!(count(&summary, Counter::HttpReqs), 10, "{workers} workers");
        assert_eq!(
            count(&summary, Counter::InterruptedIterations),
            10,
            "{workers} workers"
        );
        assert_eq!(summary.in_flight.count, 10);
        assert_eq!(summary.in_flight.longest, Duration::from_secs(5));
        assert_eq!(service.accepted(), 20);
        assert_eq!(summary.duration, Duration::from_secs(12));
    }
}

#[tokio::test(start_paused = true)]
async fn a_hang_is_seen_in_the_part_of_the_request_in_which_it_is() {
    let judged = |head: u64| async move {
        let service = Service {
            head: Duration::from_secs(head),
            ..Service::new(Duration::from_secs(60))
        };
        let limits = "http_req_waiting = \"max < 5s\"\nhttp_req_receiving = \"max < 5s\"";
        let text = format!("{CHAT}[thresholds]\n{limits}\n");
        let thresholds = undisturbed(&text, 2, &service).await.thresholds;
        let observed = thresholds.iter().map(|judged| {
            let seconds = judged.observed.map(|observed| (observed / 1000.0).round());
            (judged.metric.clone(), judged.ok, seconds)
        });
        observed.collect::<Vec<_>>()
    };
    let of = |waiting, receiving| {
        [
            ("http_req_waiting".to_owned(), false, waiting),
            ("http_req_receiving".to_owned(), false, receiving),
        ]
    };
    // All are cut at 12 s; a part in which nothing ended and nothing was cut has no sample.
    assert_eq!(judged(60).await, of(Some(12.0), None));
    assert_eq!(judged(2).await, of(None, Some(10.0)));
}

#[tokio::test(start_paused = true)]
async fn the_first_stop_lets_iterations_finish_and_the_second_cuts_them() {
    let cases = [
        (vec![(3_100, Stop::Drain)], 40, 0, 4_000),
        (
            vec![(3_100, Stop::Drain), (3_200, Stop::Cut)],
            30,
            10,
            3_200,
        ),
    ];
    for (stops, finished, interrupted, ends) in cases {
        let service = Service::new(Duration::from_secs(1));
        let (sender, receiver) = watch::channel(Stop::Run);
        let stopping = async {
            let clock = Clock::starting_at(tokio::time::Instant::now());
            for (millis, stop) in stops {
                tokio::time::sleep_until(clock.instant(Duration::from_millis(millis).into())).await;
                sender.send_replace(stop);
            }
            std::future::pending::<()>().await;
        };
        let summary = tokio::select! {
            summary = carry_out(CHAT, 2, &service, receiver) => summary,
            () = stopping => unreachable!("it never ends"),
        };
        assert_eq!(count(&summary, Counter::Iterations), finished);
        assert_eq!(count(&summary, Counter::InterruptedIterations), interrupted);
        assert_eq!(summary.in_flight.count, interrupted);
        assert_eq!(service.accepted(), finished + interrupted);
        assert_eq!(summary.stop_reason, StopReason::Interrupted);
        assert_eq!(summary.duration, Duration::from_millis(ends));
    }
}

#[tokio::test(start_paused = true)]
async fn think_time_is_within_its_bounds_and_the_same_for_any_number_of_workers() {
    let text = &format!("{CHAT}\n[[step]]\nthink = \"1s..3s\"\n");
    let mut durations = Vec::new();
    for workers in [1, 2, 7] {
        let service = Service::new(Duration::from_millis(500));
        let summary = undisturbed(text, workers, &service).await;
        let iterations = summary
            .metrics
            .trend(Trend::IterationDuration)
            .expect("iterations");
        assert!(
            iterations.min.value >= Duration::from_millis(1_500),
            "{:?}",
            iterations.min.value
        );
        assert!(
            iterations.max.value <= Duration::from_millis(3_501),
            "{:?}",
            iterations.max.value
        );
        durations.push((iterations.count, iterations.min.value, iterations.max.value));
    }
    assert_eq!(durations[0], durations[1]);
    assert_eq!(durations[0], durations[2]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_does_to_the_iteration_what_the_step_says() {
    // Each request takes 1 s, for 10 s. Going on: two an iteration, and both fail for every second user.
    let cases = [
        ("continue", 100, 25),
        ("next_iteration", 100, 100),
        ("stop_user", 10, 10),
    ];
    for (on_failure, requests, failed_iterations) in cases {
        let mut service = Service::new(Duration::from_secs(1));
        service.fail_each = if on_failure == "continue" { 2 } else { 1 };
        let second = "\n[[step]]\nget = \"/second\"\n";
        let text = CHAT.replace(
            "get = \"/\"",
            &format!("get = \"/\"\non_failure = \"{on_failure}\""),
        );
        let text = if on_failure == "continue" {
            format!("{text}{second}")
        } else {
            text
        };
        let summary = undisturbed(&text, 1, &service).await;
        assert_eq!(count(&summary, Counter::HttpReqs), requests, "{on_failure}");
        assert_eq!(
            count(&summary, Counter::IterationsFailed),
            failed_iterations,
            "{on_failure}"
        );
        let (failed, total) = summary.metrics.rate(Rate::HttpReqFailed);
        assert!(
            failed > 0 && total == requests,
            "{on_failure}: {failed} of {total}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_template_that_fails_at_run_time_fails_the_request_and_sends_nothing() {
    let service = Service::new(Duration::from_secs(1));
    let text = &CHAT
        .replace("get = \"/\"", "get = \"/{{ [1, 2][iteration] + 1 }}\"")
        .replace("vus = 10\nduration = \"10s\"", "vus = 1\niterations = 20");
    let summary = undisturbed(text, 1, &service).await;
    assert_eq!(
        (service.accepted(), count(&summary, Counter::HttpReqs)),
        (2, 20)
    );
    assert_eq!(summary.errors.len(), 1);
    assert_eq!(
        (summary.errors[0].kind, summary.errors[0].count),
        (ErrorKind::Template, 18)
    );
}

/// Counts the windows it sees and asks for a stop at one of them.
struct Watch {
    windows: Rc<Cell<u64>>,
    stop_at: u64,
}

impl loadgen_engine::Observer for Watch {
    fn window(
        &mut self,
        window: &loadgen_stats::Window,
        _live: &loadgen_stats::Live,
    ) -> loadgen_engine::Directive {
        assert_eq!(
            window.start.as_nanos(),
            self.windows.get() * 1_000_000_000,
            "windows follow one another"
        );
        self.windows.set(self.windows.get() + 1);
        if self.windows.get() == self.stop_at {
            loadgen_engine::Directive::Stop(StopReason::Threshold)
        } else {
            loadgen_engine::Directive::Continue
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_sees_every_second_and_may_stop_the_run() {
    for (stop_at, windows, reason) in [
        (u64::MAX, 11, StopReason::Completed),
        (4, 5, StopReason::Threshold),
    ] {
        let service = Service::new(Duration::from_millis(300));
        let seen = Rc::new(Cell::new(0));
        let mut watch = Watch {
            windows: Rc::clone(&seen),
            stop_at,
        };
        let (_keep, stop) = watch::channel(Stop::Run);
        let settings = Settings {
            workers: 2,
            seed: 1,
            placement: Placement::Inline,
            strict: false,
            allow_all_failed: false,
        };
        let run = run(
            Arc::new(plan(CHAT)),
            settings,
            service,
            TokioTiming,
            &mut watch,
            stop,
        );
        let summary = LocalSet::new()
            .run_until(run)
            .await
            .expect("the run takes place")
            .summary;
        assert_eq!((seen.get(), summary.stop_reason), (windows, reason));
    }
}
