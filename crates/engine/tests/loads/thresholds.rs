//! Thresholds while a run goes on: one that stops it, and one that fails because the generator was late.

use crate::support::{Service, count, plan, settings};
use loadgen_engine::{Clock, Observer, Outcome, Settings, Stop, Timer, Timing, TokioTiming, run};
use loadgen_stats::{
    Counter, GeneratorSample, Judged, Ledger, Offset, StopReason, Summary, Verdict, Warning, Window,
};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    task::LocalSet,
    time::{Instant, sleep_until},
};

const OPEN: &str = r#"
target = "http://127.0.0.1:1"
[load]
rate = "20/s"
duration = "40s"
graceful_stop = "5s"
[[step]]
get = "/"
[thresholds]
"#;

/// Keeps every window, and says how busy a worker was in it.
struct Keeper {
    windows: Vec<Window>,
    busy: fn(u64) -> f64,
}

impl Observer for Keeper {
    fn generator(&mut self) -> Option<GeneratorSample> {
        let busy = (self.busy)(self.windows.len() as u64);
        Some(GeneratorSample {
            workers: vec![busy],
            ..GeneratorSample::default()
        })
    }

    fn window(
        &mut self,
        window: &Window,
        _live: &loadgen_stats::Live,
    ) -> loadgen_engine::Directive {
        self.windows.push(window.clone());
        loadgen_engine::Directive::Continue
    }
}

/// A timer that is late by so much while the run is at an age at which `late` says so.
#[derive(Clone, Copy)]
struct LateTiming {
    clock: Clock,
    late: fn(u64) -> Duration,
}

impl Timing for LateTiming {
    type Timer = Self;

    fn timer(&self, _shard: usize) -> io::Result<Self> {
        Ok(*self)
    }
}

impl Timer for LateTiming {
    async fn sleep_until(&self, deadline: Instant) {
        let second = self.clock.offset(deadline).as_nanos() / 1_000_000_000;
        sleep_until(deadline + (self.late)(second)).await;
    }
}

/// Carries it out, with 2 workers; the log of it must give the same.
async fn carry_out<T: Timing + 'static>(
    text: &str,
    settings: Settings,
    service: Service,
    timing: T,
    busy: fn(u64) -> f64,
) -> Summary {
    let plan = plan(text);
    let mut ledger = Ledger::new(Arc::new(plan.layout()), plan.thresholds.clone());
    let mut keeper = Keeper {
        windows: Vec::new(),
        busy,
    };
    let (_keep, stop) = watch::channel(Stop::Run);
    let run = run(Arc::new(plan), settings, service, timing, &mut keeper, stop);
    let Outcome { summary, end, .. } = LocalSet::new()
        .run_until(run)
        .await
        .expect("the run takes place");
    keeper
        .windows
        .iter()
        .for_each(|window| ledger.replay(window));
    assert_eq!(ledger.finish(&end), summary);
    summary
}

/// A service that takes a second from the 10th second on.
fn slowing() -> Service {
    Service {
        time: |at, usual| match at < Offset::from(Duration::from_secs(10)) {
            true => usual,
            false => Duration::from_secs(1),
        },
        ..Service::new(Duration::from_millis(50))
    }
}

const CALM: fn(u64) -> f64 = |_| 0.1;

#[tokio::test(start_paused = true)]
async fn a_threshold_stops_the_run_and_everything_is_still_reported() {
    let cases = [
        // The slow ones are known from 11 s on: they are half of what the three seconds up to 12 s hold.
        ("http_req_duration = \"p50 < 500ms for 3s abort\"", 12),
        (
            "http_req_duration = \"p50 < 500ms for 3s after 20s abort\"",
            20,
        ),
        // Two hundred fast ones: as many slow ones must come.
        ("http_req_duration = \"p50 < 500ms abort\"", 21),
        ("http_req_duration = \"max < 500ms abort\"", 11),
    ];
    for (threshold, stopped) in cases {
        for workers in [1, 2, 7] {
            let text = format!("{OPEN}{threshold}\n");
            let summary = carry_out(&text, settings(workers), slowing(), TokioTiming, CALM).await;
            assert_eq!(summary.stop_reason, StopReason::Threshold, "{threshold}");
            assert_eq!(summary.verdict, Verdict::Fail, "{threshold}");
            let judged = &summary.thresholds[0];
            let at = judged.stopped_at.map(|at| at.as_duration().as_secs());
            assert_eq!(at, Some(stopped), "{threshold}");
            // What had begun may finish, and nothing else is begun.
            let begun = count(&summary, Counter::Iterations);
            assert!(begun <= stopped * 20 + 1, "{threshold}: {begun}");
            assert!(begun >= stopped * 20, "{threshold}: {begun}");
            assert_eq!(count(&summary, Counter::InterruptedIterations), 0);
            assert!(summary.duration < Duration::from_secs(stopped + 2));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_threshold_that_fails_with_the_end_of_the_load_stops_nothing() {
    let text = format!("{OPEN}http_req_duration = \"max < 20ms after 40s abort\"\n");
    let service = Service::new(Duration::from_millis(50));
    let summary = carry_out(&text, settings(2), service, TokioTiming, CALM).await;
    assert_eq!(summary.stop_reason, StopReason::Completed);
    let judged = &summary.thresholds[0];
    assert!(judged.failed() && judged.stopped_at.is_none(), "{judged:?}");
}

/// How the one threshold is judged where the generator is late by 300 ms up to the 15th second.
async fn late(threshold: &str, strict: bool, service: Service) -> (Verdict, Judged) {
    let timing = LateTiming {
        clock: Clock::starting_at(Instant::now()),
        late: |second| Duration::from_millis(if second < 15 { 300 } else { 0 }),
    };
    let settings = Settings {
        strict,
        ..settings(2)
    };
    let text = format!("{OPEN}{threshold}\n");
    let mut summary = carry_out(&text, settings, service, timing, CALM).await;
    let warned = |warning: &Warning| matches!(warning, Warning::GeneratorLate { .. });
    assert!(summary.warnings.iter().any(warned));
    (summary.verdict, summary.thresholds.remove(0))
}

#[tokio::test(start_paused = true)]
async fn what_fails_only_while_the_generator_is_late_is_inconclusive() {
    let latency = "http_req_latency = \"p95 < 200ms\"";
    let fast = || Service::new(Duration::from_millis(50));
    let (verdict, judged) = late(latency, false, fast()).await;
    assert_eq!(verdict, Verdict::Inconclusive, "{judged:?}");
    let again = judged.again.expect("it is judged again");
    assert!(
        !again.fails && again.length >= Duration::from_secs(24),
        "{again:?}"
    );
    assert!(
        again
            .observed
            .is_some_and(|seen| (49.0..60.0).contains(&seen)),
        "{again:?}"
    );
    // A service that is slow by itself fails, however late the generator was.
    let (verdict, judged) = late(latency, false, Service::new(Duration::from_millis(250))).await;
    assert_eq!(verdict, Verdict::Fail, "{judged:?}");
    assert!(judged.again.is_some_and(|again| again.fails), "{judged:?}");
    // A limit that holds all the same holds: an open load is not spared by a late generator.
    let (verdict, judged) = late("http_req_duration = \"p50 < 200ms\"", true, fast()).await;
    assert_eq!(verdict, Verdict::Pass, "{judged:?}");
    assert!(!judged.may_flatter);
    // Shares of failures are the service's own.
    let failing = Service {
        fail_each: 3,
        ..fast()
    };
    let (verdict, judged) = late("http_req_failed = \"rate < 1%\"", false, failing).await;
    assert_eq!((verdict, judged.again), (Verdict::Fail, None));
}

#[tokio::test(start_paused = true)]
async fn what_fails_only_while_a_worker_is_busy_is_inconclusive() {
    let slow_at_first = Service {
        time: |at, usual| match at < Offset::from(Duration::from_secs(10)) {
            true => Duration::from_millis(400),
            false => usual,
        },
        ..Service::new(Duration::from_millis(50))
    };
    let text = format!("{OPEN}http_req_duration = \"p95 < 200ms\"\n");
    let busy: fn(u64) -> f64 = |second| if second < 11 { 0.97 } else { 0.2 };
    for (busy, expected) in [(busy, Verdict::Inconclusive), (CALM, Verdict::Fail)] {
        let service = slow_at_first.clone();
        let summary = carry_out(&text, settings(2), service, TokioTiming, busy).await;
        assert_eq!(summary.verdict, expected, "{:?}", summary.thresholds);
    }
}
