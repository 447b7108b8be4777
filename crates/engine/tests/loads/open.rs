//! Open loads: every arrival is begun when it is due or counted as dropped, and lateness is never lost.

use crate::support::{Service, carry_out, count, plan, settings, undisturbed};
use loadgen_engine::{Clock, Stop, Timer, Timing, run};
use loadgen_scenario::{Arrivals, Load, Plan, Rate, Stage, UserCount};
use loadgen_stats::{Counter, DropReason, Offset, Trend};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    task::LocalSet,
    time::{Instant, sleep_until},
};

const ONE: &str = r#"
target = "http://127.0.0.1:1"
load = { vus = 1, duration = "10s", graceful_stop = "2s" }
[[step]]
get = "/"
"#;

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn constant(rate: f64, length: f64, max_vus: Option<u32>, arrivals: Arrivals) -> Plan {
    let mut plan = plan(ONE);
    let rate = Rate::per_second(rate).expect("a possible rate");
    let max_vus = max_vus.and_then(UserCount::new);
    plan.loads[0].load = Load::ConstantArrivalRate {
        rate,
        duration: seconds(length),
        max_vus,
        arrivals,
    };
    plan
}

fn latency(summary: &loadgen_stats::Summary) -> (f64, f64) {
    let latency = summary
        .metrics
        .trend(Trend::HttpReqLatency)
        .expect("requests");
    (
        latency.p95.value.as_secs_f64(),
        latency.p99.value.as_secs_f64(),
    )
}

#[tokio::test(start_paused = true)]
async fn every_arrival_is_begun_however_long_they_take() {
    for workers in [1, 2, 7] {
        let service = Service::new(seconds(1.5));
        let summary = undisturbed(
            constant(100.0, 10.0, None, Arrivals::Uniform),
            workers,
            &service,
        )
        .await;
        assert_eq!(
            count(&summary, Counter::Iterations),
            1_000,
            "{workers} workers"
        );
        assert_eq!(count(&summary, Counter::DroppedIterations), 0);
        assert_eq!(service.accepted(), 1_000);
        let rate = summary.requests_per_second.expect("a measured part");
        // Those that begin in the last 1.5 s end after the measured part.
        assert!((84.0..=86.0).contains(&rate), "{rate} per second");
    }
}

#[tokio::test(start_paused = true)]
async fn an_arrival_that_finds_all_users_busy_is_dropped_and_counted() {
    for workers in [1, 2, 7] {
        let service = Service::new(seconds(1.0));
        let summary = undisturbed(
            constant(100.0, 10.0, Some(20), Arrivals::Uniform),
            workers,
            &service,
        )
        .await;
        let begun =
            count(&summary, Counter::Iterations) + count(&summary, Counter::InterruptedIterations);
        // Twenty users of one second each.
        assert!(
            (190..=210).contains(&begun),
            "{begun} with {workers} workers"
        );
        assert_eq!(
            begun + count(&summary, Counter::DroppedIterations),
            1_000,
            "due = begun + dropped"
        );
        assert_eq!(service.accepted(), begun);
        assert!(summary.peak_vus <= 20, "{}", summary.peak_vus);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stalls_is_seen_as_slow_as_it_is() {
    // It stalls for 500 ms in every 5 s; who comes then waits for the end of the stall. A tenth of the arrivals wait,
    // evenly between 0 and 500 ms: p95 250 ms, p99 450 ms.
    let mut service = Service::new(seconds(0.0001));
    service.time = |now: Offset, usual| {
        let into = Duration::from_nanos(now.as_nanos() % 5_000_000_000);
        usual + Duration::from_millis(500).saturating_sub(into)
    };
    for workers in [1, 2] {
        let summary = undisturbed(
            constant(1_000.0, 20.0, None, Arrivals::Uniform),
            workers,
            &service,
        )
        .await;
        let (p95, p99) = latency(&summary);
        assert!((p95 / 0.25 - 1.0).abs() < 0.02, "p95 {p95}");
        assert!((p99 / 0.45 - 1.0).abs() < 0.02, "p99 {p99}");
        assert_eq!(count(&summary, Counter::DroppedIterations), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn random_arrivals_are_the_same_for_any_number_of_workers() {
    for arrivals in [Arrivals::Poisson, Arrivals::Gamma { burstiness: 0.5 }] {
        let mut counts = Vec::new();
        for workers in [1, 2, 7] {
            let service = Service::new(seconds(0.2));
            let summary =
                undisturbed(constant(50.0, 20.0, None, arrivals), workers, &service).await;
            counts.push((
                count(&summary, Counter::Iterations),
                summary.peak_vus.min(1),
            ));
        }
        assert!((800..1_200).contains(&counts[0].0), "{counts:?}");
        assert_eq!(counts[0], counts[1]);
        assert_eq!(counts[0], counts[2]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stopped_run_begins_no_more_arrivals() {
    let service = Service::new(seconds(0.1));
    let (sender, receiver) = watch::channel(Stop::Run);
    let stopping = async {
        let clock = Clock::starting_at(tokio::time::Instant::now());
        tokio::time::sleep_until(clock.instant(Offset::from(seconds(3.005)))).await;
        sender.send_replace(Stop::Drain);
        std::future::pending::<()>().await;
    };
    let summary = tokio::select! {
        summary = carry_out(constant(100.0, 10.0, None, Arrivals::Uniform), 2, &service, receiver) => summary,
        () = stopping => unreachable!("it never ends"),
    };
    assert_eq!(count(&summary, Counter::Iterations), 301);
    assert_eq!(count(&summary, Counter::DroppedIterations), 0);
    assert_eq!(summary.measured, seconds(3.005));
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_ramps_has_the_arrivals_of_its_integral() {
    let service = Service::new(seconds(0.01));
    let mut plan = plan(ONE);
    let stage = |duration, target| Stage {
        duration: seconds(duration),
        target,
    };
    let stages = vec![
        stage(10.0, 100.0),
        stage(10.0, 100.0),
        stage(0.0, 20.0),
        stage(10.0, 20.0),
        stage(10.0, 0.0),
    ];
    plan.loads[0].load = Load::RampingArrivalRate {
        start_rate: 0.0,
        stages,
        max_vus: None,
        arrivals: Arrivals::Uniform,
    };
    let summary = undisturbed(plan, 2, &service).await;
    assert_eq!(
        count(&summary, Counter::Iterations),
        500 + 1_000 + 200 + 100
    );
    assert_eq!(service.accepted(), 1_800);
}

#[tokio::test(start_paused = true)]
async fn six_hours_drift_by_nothing() {
    let service = Service::new(seconds(0.75));
    let summary = undisturbed(
        constant(500.0 / 60.0, 6.0 * 3_600.0, None, Arrivals::Uniform),
        2,
        &service,
    )
    .await;
    assert_eq!(count(&summary, Counter::Iterations), 180_000);
    let lag = summary.metrics.trend(Trend::ScheduleLag).expect("arrivals");
    // Tokio's clock has steps of a millisecond; sums of waits would be late by minutes.
    assert!(
        lag.max.value <= Duration::from_millis(1),
        "{:?}",
        lag.max.value
    );
    assert_eq!(
        summary.duration,
        seconds(21_599.88 + 0.75).max(summary.duration)
    );
    assert!(
        summary.duration < seconds(6.0 * 3_600.0 + 1.0),
        "{:?}",
        summary.duration
    );
    assert!(summary.windows.len() <= 3_600, "{}", summary.windows.len());
}

/// A timer that oversleeps once: what is due from one time on has to wait until another.
#[derive(Clone, Copy)]
struct Oversleeping {
    from: Duration,
    until: Duration,
}

struct Oversleeper {
    from: Instant,
    until: Instant,
}

impl Timing for Oversleeping {
    type Timer = Oversleeper;

    fn timer(&self, _shard: usize) -> io::Result<Oversleeper> {
        let now = Instant::now();
        Ok(Oversleeper {
            from: now + self.from,
            until: now + self.until,
        })
    }
}

impl Timer for Oversleeper {
    fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> {
        let late = self.from <= deadline && deadline < self.until;
        sleep_until(if late { self.until } else { deadline })
    }
}

/// How a run went whose generator was late once; ranges from the first to the second, both included.
#[derive(Clone, Copy)]
struct Late {
    what: &'static str,
    /// How long a request takes.
    takes: f64,
    /// How many users there are at most.
    max_vus: Option<u32>,
    /// When the generator wakes again that fell asleep at 2 s.
    until: f64,
    /// What is dropped because all users were busy, because the generator was late, and how late the latest begins.
    max_vus_drops: (u64, u64),
    late_drops: (u64, u64),
    lag: (f64, f64),
}

/// 500 arrivals a second for 4 s.
async fn check_late(case: &Late, workers: usize) {
    let mut plan = constant(500.0, 4.0, case.max_vus, Arrivals::Uniform);
    plan.loads[0].graceful_stop = seconds(1.0);
    let timing = Oversleeping {
        from: seconds(2.0),
        until: seconds(case.until),
    };
    let (_keep, stop) = watch::channel(Stop::Run);
    let service = Service::new(seconds(case.takes));
    let (plan, observer) = (Arc::new(plan), &mut ());
    let run = run(plan, settings(workers), service, timing, observer, stop);
    let outcome = LocalSet::new().run_until(run).await;
    let summary = outcome.expect("the run takes place").summary;
    let of = |reason: DropReason| summary.dropped[reason.index()];
    let (max_vus, late) = (of(DropReason::MaxVus), of(DropReason::Late));
    let lag = summary.metrics.trend(Trend::ScheduleLag);
    let lag = lag.map_or(0.0, |lag| lag.max.value.as_secs_f64());
    let as_expected = (case.max_vus_drops.0..=case.max_vus_drops.1).contains(&max_vus)
        && (case.late_drops.0..=case.late_drops.1).contains(&late)
        && (case.lag.0..=case.lag.1).contains(&lag);
    assert!(
        as_expected,
        "{}, {workers} workers: {max_vus} for all were busy, {late} for it was late, at most {lag} s late",
        case.what
    );
    assert_eq!(of(DropReason::End), 0, "{}", case.what);
    let begun =
        count(&summary, Counter::Iterations) + count(&summary, Counter::InterruptedIterations);
    let dropped = count(&summary, Counter::DroppedIterations);
    assert_eq!(
        begun + dropped,
        2_000,
        "{}: due = begun + dropped",
        case.what
    );
}

#[tokio::test(start_paused = true)]
async fn a_late_generator_catches_up_and_loses_nothing_that_would_have_begun() {
    let usual = Late {
        what: "in time",
        takes: 0.002,
        max_vus: Some(5),
        until: 2.0,
        max_vus_drops: (0, 0),
        late_drops: (0, 0),
        lag: (0.0, 0.002),
    };
    let cases = [
        usual,
        Late {
            what: "asleep: all wait for a user, as one would have been free for each",
            until: 2.3,
            lag: (0.299, 0.33),
            ..usual
        },
        Late {
            what: "asleep, with hardly a user to spare",
            takes: 0.009,
            until: 2.3,
            lag: (0.299, 0.33),
            ..usual
        },
        Late {
            what: "asleep beyond the end",
            until: 9.0,
            late_drops: (999, 1000),
            ..usual
        },
        Late {
            what: "asleep beyond the end, with as many users as it takes",
            max_vus: None,
            until: 9.0,
            late_drops: (999, 1000),
            ..usual
        },
        Late {
            what: "asleep, with as many users as it takes",
            max_vus: None,
            until: 2.3,
            lag: (0.299, 0.33),
            ..usual
        },
        Late {
            what: "a service that is slow all the while",
            takes: 60.0,
            until: 2.3,
            max_vus_drops: (1_995, 1995),
            ..usual
        },
        // Half of them find all users busy; a twentieth of the run's users have nothing to do while it sleeps.
        Late {
            what: "twice the load that the users can carry",
            takes: 0.020,
            until: 2.3,
            max_vus_drops: (940, 999),
            late_drops: (0, 40),
            lag: (0.299, 0.46),
            ..usual
        },
    ];
    for workers in [1, 2, 7] {
        for case in &cases {
            check_late(case, workers).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_that_catches_up_holds_up_no_other() {
    // One user for two requests of a second each that are due at once, the generator having slept; beside it a load without
    // a bound.
    let text = r#"
target = "http://127.0.0.1:1"
[[scenario]]
name = "bound"
load = { rate = "2/s", duration = "4s", max_vus = 1, graceful_stop = "10s" }
[[scenario.step]]
get = "/slow"
[[scenario]]
name = "free"
load = { rate = "100/s", duration = "4s" }
[[scenario.step]]
get = "/fast"
"#;
    let timing = Oversleeping {
        from: seconds(0.4),
        until: seconds(1.6),
    };
    let (_keep, stop) = watch::channel(Stop::Run);
    let service = Service::noting(seconds(0.001), &[("/slow", seconds(0.3))]);
    let (plan, observer) = (Arc::new(plan(text)), &mut ());
    let run = run(plan, settings(1), service.clone(), timing, observer, stop);
    LocalSet::new()
        .run_until(run)
        .await
        .expect("the run takes place");
    let slow: Vec<f64> = service
        .calls("/slow")
        .iter()
        .map(|call| call.1.as_secs_f64())
        .collect();
    // Due at 0, 0.5, 1 and 1.5 s, and so on: the second began late, and the next two waited for it.
    for (seen, due) in slow.iter().zip([0.0, 1.6, 1.9, 2.2]) {
        assert!((seen - due).abs() < 0.005, "{slow:?}");
    }
    assert_eq!(slow.len(), 8, "{slow:?}");
    let fast = service.calls("/fast");
    assert_eq!(fast.len(), 400);
    let while_waiting = fast
        .iter()
        .filter(|call| (1.602..2.2).contains(&call.1.as_secs_f64()));
    assert!((55..=61).contains(&while_waiting.count()));
}
