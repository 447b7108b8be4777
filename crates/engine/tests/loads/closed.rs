//! Closed loads: what begins, what ends, what is cut, and that nothing is lost on the way.

use crate::support::{Service, carry_out, count, plan, settings, stopped, undisturbed};
use loadgen_engine::{Clock, Stop, TokioTiming, run};
use loadgen_scenario::{Load, Stage, StartAt, UserCount};
use loadgen_stats::{
    Counter, DropReason, ErrorKind, Gauge, Metric, MetricValue, Rate, StopReason, Trend, VusRange,
};
use std::{cell::Cell, rc::Rc, sync::Arc, time::Duration};
use tokio::{sync::watch, task::LocalSet};

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
        let summary = undisturbed(plan(CHAT), workers, &service).await;
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
    let summary = undisturbed(plan(text), 2, &Service::new(Duration::from_millis(150))).await;
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
        let summary = undisturbed(plan(text), workers, &service).await;
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
    let summary = undisturbed(plan(text), 2, &service).await;
    let begun =
        count(&summary, Counter::Iterations) + count(&summary, Counter::InterruptedIterations);
    assert_eq!(begun, 50);
    assert_eq!(count(&summary, Counter::DroppedIterations), 950);
}

#[tokio::test(start_paused = true)]
async fn what_outlasts_the_graceful_stop_is_cut_and_told() {
    for workers in [1, 2, 7] {
        let service = Service::new(Duration::from_secs(7));
        let summary = undisturbed(plan(CHAT), workers, &service).await;
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
            head: Some(Duration::from_secs(head)),
            ..Service::new(Duration::from_secs(60))
        };
        let limits = "http_req_waiting = \"max < 5s\"\nhttp_req_receiving = \"max < 5s\"";
        let text = format!("{CHAT}[thresholds]\n{limits}\n");
        let thresholds = undisturbed(plan(&text), 2, &service).await.thresholds;
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
            summary = carry_out(plan(CHAT), 2, &service, receiver) => summary,
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
        let summary = undisturbed(plan(text), workers, &service).await;
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
        let summary = undisturbed(plan(&text), 1, &service).await;
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
    let summary = undisturbed(plan(text), 1, &service).await;
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
        let run = run(
            Arc::new(plan(CHAT)),
            settings(2),
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

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn stage(duration: f64, target: f64) -> Stage {
    Stage {
        duration: seconds(duration),
        target,
    }
}

#[tokio::test(start_paused = true)]
async fn ramping_users_come_and_go_as_the_stages_say() {
    for workers in [1, 2, 7] {
        let service = Service::new(seconds(0.1));
        let mut plan = plan(CHAT);
        let stages = vec![stage(10.0, 20.0), stage(10.0, 20.0), stage(10.0, 0.0)];
        plan.loads[0].load = Load::RampingVus {
            start_vus: 0,
            stages,
            graceful_ramp_down: seconds(5.0),
        };
        let summary = undisturbed(plan, workers, &service).await;
        // ∫ users dt = 100 + 200 + 100 user seconds at ten iterations a second each; each stay ends in a whole one.
        let iterations = count(&summary, Counter::Iterations);
        assert!(
            (4_000..=4_020).contains(&iterations),
            "{iterations} with {workers} workers"
        );
        assert_eq!(count(&summary, Counter::InterruptedIterations), 0);
        assert_eq!((summary.peak_vus, service.accepted()), (20, iterations));
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_to_leave_is_cut_after_the_graceful_ramp_down() {
    let service = Service::new(seconds(60.0));
    let mut plan = plan(CHAT);
    let stages = vec![stage(10.0, 10.0), stage(0.0, 4.0), stage(100.0, 4.0)];
    plan.loads[0].load = Load::RampingVus {
        start_vus: 10,
        stages,
        graceful_ramp_down: seconds(5.0),
    };
    let summary = undisturbed(plan, 2, &service).await;
    // Six leave at 10 s and are cut at 15 s; four finish at 60 s, and are cut 2 s after the end at 110 s.
    assert_eq!(count(&summary, Counter::Iterations), 4);
    assert_eq!(count(&summary, Counter::InterruptedIterations), 10);
    assert_eq!(summary.in_flight.longest, seconds(52.0));
    assert_eq!(summary.duration, seconds(112.0));
}

#[tokio::test(start_paused = true)]
async fn each_user_does_its_own_iterations() {
    for workers in [1, 2, 7] {
        let service = Service::new(seconds(1.0));
        let mut plan = plan(CHAT);
        let vus = UserCount::new(8).expect("a possible number");
        plan.loads[0].load = Load::PerVuIterations {
            vus,
            iterations: 5,
            max_duration: seconds(600.0),
        };
        let summary = undisturbed(plan, workers, &service).await;
        assert_eq!(
            count(&summary, Counter::Iterations),
            40,
            "{workers} workers"
        );
        assert_eq!(count(&summary, Counter::DroppedIterations), 0);
        assert_eq!(summary.duration, seconds(5.0));
    }
}

#[tokio::test(start_paused = true)]
async fn iterations_of_each_user_that_time_leaves_over_are_dropped() {
    let service = Service::new(seconds(1.0));
    let mut plan = plan(CHAT);
    let vus = UserCount::new(3).expect("a possible number");
    plan.loads[0].load = Load::PerVuIterations {
        vus,
        iterations: 100,
        max_duration: seconds(10.0),
    };
    let summary = undisturbed(plan, 2, &service).await;
    assert_eq!(
        (
            count(&summary, Counter::Iterations),
            count(&summary, Counter::DroppedIterations)
        ),
        (30, 270)
    );
}

#[tokio::test(start_paused = true)]
async fn rates_per_second_hold_what_was_begun_in_the_warm_up_and_ended_after_it() {
    let service = Service::new(seconds(2.0));
    let mut plan = plan(CHAT);
    plan.loads[0].warm_up = seconds(3.0);
    let summary = undisturbed(plan, 2, &service).await;
    // Ten users from 0 s until 10 s; within the measured 7 s they end at 4, 6 and 8 s, and at 10 s, which is its end.
    assert_eq!(summary.measured, seconds(7.0));
    let per_second = Some(30.0 / 7.0);
    assert_eq!(summary.requests_per_second, per_second);
    for counter in [Counter::HttpReqs, Counter::Iterations] {
        // Those that were due in it: at 4, 6 and 8 s.
        let count = 30;
        assert_eq!(
            summary.metrics.get(Metric::Counter(counter)),
            Some(&MetricValue::Counter { count, per_second }),
            "{}",
            counter.name()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_left_over_is_dropped_only_where_the_load_came_to_its_own_end() {
    let shared = "iterations = 1000, max_duration = \"5s\"";
    let each = "executor = \"per-vu-iterations\", iterations = 100, max_duration = \"5s\"";
    // (load, when it is stopped, every how many-th request fails, begun, dropped, why)
    let cases = [
        (shared, None, u64::MAX, 50, 950, DropReason::End),
        (each, None, u64::MAX, 50, 950, DropReason::End),
        (shared, Some(1.7), u64::MAX, 20, 0, DropReason::End),
        (each, Some(1.7), u64::MAX, 20, 0, DropReason::End),
        (shared, None, 1, 10, 990, DropReason::StopUser),
        (each, None, 1, 10, 990, DropReason::StopUser),
        // Its users had stopped before it was.
        (shared, Some(1.7), 1, 10, 990, DropReason::StopUser),
    ];
    for (load, stop, fail_each, begun, dropped, reason) in cases {
        // Another load goes on beside it.
        let text = format!(
            r#"target = "http://127.0.0.1:1"
[[scenario]]
name = "a"
load = {{ vus = 10, {load}, graceful_stop = "2s" }}
[[scenario.step]]
get = "/a"
on_failure = "stop_user"
[[scenario]]
name = "b"
load = {{ vus = 1, duration = "8s" }}
[[scenario.step]]
get = "/b"
"#
        );
        let service = Service {
            fail_each,
            ..Service::noting(seconds(1.0), &[])
        };
        let stops: Vec<_> = stop
            .map(|at| (seconds(at), Stop::Drain))
            .into_iter()
            .collect();
        let summary = stopped(plan(&text), 2, &service, &stops).await;
        let what = format!("{load}, stopped at {stop:?}, every {fail_each}th fails");
        assert_eq!(service.calls("/a").len(), begun, "{what}");
        let mut expected = [0; DropReason::ALL.len()];
        expected[reason.index()] = dropped;
        assert_eq!(summary.dropped, expected, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_warm_up_is_run_but_in_no_statistic() {
    let service = Service::new(seconds(0.5));
    let mut plan = plan(CHAT);
    plan.loads[0].warm_up = seconds(4.0);
    plan.loads[0].start = StartAt::At(seconds(2.0));
    let summary = undisturbed(plan, 2, &service).await;
    // Ten users from 2 s until 12 s; the measured part begins at 6 s.
    assert_eq!(service.accepted(), 200);
    assert_eq!(
        summary
            .metrics
            .trend(Trend::HttpReqDuration)
            .map(|trend| trend.count),
        Some(120)
    );
    assert_eq!(summary.measured, seconds(6.0));
}
