//! Steered loads: the level follows the observer, and only what is due in a span is measured.

use crate::support::{Service, count, plan, settings};
use loadgen_engine::{
    Directive, Level, Observer, Offset, Outcome, Standing, Stop, TokioTiming, run,
};
use loadgen_scenario::{Arrivals, Load, Plan, Rate, UserCount};
use loadgen_stats::{Counter, Live, StopReason, Totals, Trend, Window};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::LocalSet};

const FLOW: &str = r#"
target = "http://127.0.0.1:1"
load = { vus = 1, duration = "10s", graceful_stop = "5s" }
[[step]]
get = "/"
"#;

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn users(flow: &str) -> Plan {
    let mut plan = plan(flow);
    let most = UserCount::new(100).expect("a possible number");
    plan.loads[0].load = Load::SteeredVus {
        most,
        longest: seconds(1000.0),
    };
    plan
}

fn rate(arrivals: Arrivals) -> Plan {
    let mut plan = plan(FLOW);
    let most = Rate::per_second(1000.0).expect("a possible rate");
    plan.loads[0].load = Load::SteeredArrivalRate {
        most,
        longest: seconds(1000.0),
        max_vus: None,
        arrivals,
    };
    plan
}

/// Sets levels at the ends of windows: the window, the load, and when measuring begins and ends.
struct Steering {
    levels: Vec<(u64, f64, (f64, f64))>,
    stop: u64,
    window: u64,
    standing: Option<Standing>,
    /// The virtual users and what was awaited at the end of each window.
    seen: Vec<(u64, u64)>,
    in_flight: Vec<f64>,
    totals: Vec<Totals>,
}

impl Steering {
    fn new(levels: &[(u64, f64, (f64, f64))], stop: u64) -> Self {
        Self {
            levels: levels.to_vec(),
            stop,
            window: 0,
            standing: None,
            seen: Vec::new(),
            in_flight: Vec::new(),
            totals: Vec::new(),
        }
    }
}

impl Observer for Steering {
    fn standing(&mut self, standing: &Standing) {
        self.standing = Some(*standing);
    }

    fn window(&mut self, window: &Window, _live: &Live) -> Directive {
        let standing = self.standing.take().expect("told before each window");
        self.seen.push((window.vus.last, standing.awaited));
        self.in_flight.push(standing.in_flight.as_secs_f64());
        self.totals.push(window.totals.clone());
        self.window += 1;
        if self.window == self.stop {
            return Directive::Stop(StopReason::Completed);
        }
        let level = self
            .levels
            .iter()
            .find(|(window, ..)| *window == self.window);
        level.map_or(Directive::Continue, |(_, load, (from, until))| {
            let offset = |at: f64| Offset::from(seconds(at));
            Directive::SetLoad(Level {
                load: *load,
                from: offset(*from),
                until: offset(*until),
            })
        })
    }
}

async fn steered(
    plan: Plan,
    workers: usize,
    service: &Service,
    steering: &mut Steering,
) -> Outcome {
    let (_keep, stop) = watch::channel(Stop::Run);
    let run = run(
        Arc::new(plan),
        settings(workers),
        service.clone(),
        TokioTiming,
        steering,
        stop,
    );
    LocalSet::new()
        .run_until(run)
        .await
        .expect("the run takes place")
}

#[tokio::test(start_paused = true)]
async fn users_come_and_go_as_they_are_set() {
    for workers in [1, 2, 7] {
        let service = Service::new(seconds(0.1));
        let levels = [
            (1, 20.0, (3.0, 6.0)),
            (7, 35.0, (9.0, 12.0)),
            (13, 0.0, (13.0, 13.0)),
            (15, 5.0, (17.0, 20.0)),
        ];
        let mut steering = Steering::new(&levels, 21);
        let outcome = steered(users(FLOW), workers, &service, &mut steering).await;
        let vus: Vec<u64> = [1, 6, 12, 14, 20]
            .iter()
            .map(|window| steering.seen[*window - 1].0)
            .collect();
        assert_eq!(vus, [0, 20, 35, 0, 5], "{workers} workers");
        // Only what was due in the nine seconds of the spans: twenty, thirty-five and five users, ten each second.
        let summary = outcome.summary;
        let measured = summary
            .metrics
            .trend(Trend::HttpReqLatency)
            .expect("requests")
            .count;
        assert_eq!(measured, 1800, "{workers} workers");
        assert!(
            (summary.measured.as_secs_f64() - 9.0).abs() < 1e-6,
            "{:?}",
            summary.measured
        );
        let begun =
            count(&summary, Counter::Iterations) + count(&summary, Counter::InterruptedIterations);
        // And so are counts.
        assert_eq!(begun, 1800, "{workers} workers");
        assert!(service.accepted() > begun, "{}", service.accepted());
        // Users are always busy: as many request seconds as users in each second.
        assert!(
            (steering.in_flight[10] - 35.0).abs() < 1.0,
            "{:?}",
            steering.in_flight
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_due_is_awaited_while_the_load_stays_on() {
    let service = Service::new(seconds(4.5));
    let mut steering = Steering::new(&[(1, 10.0, (2.0, 6.0))], 16);
    let outcome = steered(users(FLOW), 2, &service, &mut steering).await;
    let awaited: Vec<u64> = steering.seen.iter().map(|(_, awaited)| *awaited).collect();
    // The users came within the first half second, so their second requests are due before 6 s, and end before 11 s.
    assert_eq!(awaited[5], 10, "{awaited:?}");
    assert_eq!(awaited[10], 0, "{awaited:?}");
    assert!(
        steering.seen[6..15].iter().all(|(vus, _)| *vus == 10),
        "{:?}",
        steering.seen
    );
    assert_eq!(
        outcome
            .summary
            .metrics
            .trend(Trend::HttpReqLatency)
            .expect("requests")
            .count,
        10
    );
}

#[tokio::test(start_paused = true)]
async fn who_logs_in_is_neither_awaited_nor_under_way() {
    let flow = format!("{FLOW}[[before]]\npost = \"/login\"\n");
    let service = Service::noting(seconds(0.5), &[("/login", seconds(4.5))]);
    let mut steering = Steering::new(&[(1, 10.0, (2.0, 12.0))], 12);
    steered(users(&flow), 2, &service, &mut steering).await;
    assert_eq!(service.calls("/login").len(), 10);
    // They come until 1.5 s, and are logged in by 6 s.
    let of = |window: usize| (steering.seen[window].1, steering.in_flight[window].round());
    assert_eq!((of(3), of(9)), ((0, 0.0), (10, 10.0)));
}

#[tokio::test(start_paused = true)]
async fn users_who_wait_go_at_once() {
    let thinking = "[[step]]\nthink = \"600s\"\n";
    let both = "[[step]]\nparallel = [{ think = \"600s\" }, { step = [{ think = \"300s\" }, { think = \"300s\" }] }]\n";
    let refused = "[defaults]\nretry = { on = 429 }\n";
    let waits_for_token = "[defaults.auth.oauth2]\ntoken_url = \"/token\"\nclient_id = \"a\"\nclient_secret = \"b\"\nper = \"user\"\n";
    for (more, refuses, sent) in [
        (thinking, 0, 50),
        (both, 0, 50),
        (refused, u64::MAX, 50),
        (waits_for_token, 0, 0),
    ] {
        let flow = format!("{FLOW}{more}");
        let mut service = Service::noting(seconds(0.1), &[("/token", seconds(600.0))]);
        service.refuse_below = (refuses, seconds(600.0));
        let mut steering = Steering::new(
            &[
                (1, 50.0, (1.0, 5.0)),
                (6, 10.0, (6.0, 8.0)),
                (9, 0.0, (9.0, 9.0)),
            ],
            12,
        );
        steered(users(&flow), 2, &service, &mut steering).await;
        let vus: Vec<u64> = [5, 7, 10]
            .iter()
            .map(|window| steering.seen[*window - 1].0)
            .collect();
        assert_eq!(vus, [50, 10, 0], "{more}");
        assert_eq!(
            service.accepted(),
            sent,
            "each had sent one request: {more}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn arrivals_come_at_the_rate_that_is_set() {
    for arrivals in [Arrivals::Uniform, Arrivals::Poisson] {
        let mut measured = Vec::new();
        for workers in [1, 2, 7] {
            let service = Service::new(seconds(0.2));
            let levels = [
                (1, 100.0, (2.0, 12.0)),
                (13, 0.0, (13.0, 13.0)),
                (15, 300.0, (16.0, 26.0)),
            ];
            let mut steering = Steering::new(&levels, 28);
            let outcome = steered(rate(arrivals), workers, &service, &mut steering).await;
            let summary = outcome.summary;
            let seen = summary
                .metrics
                .trend(Trend::HttpReqLatency)
                .expect("requests")
                .count;
            measured.push(seen);
            assert!(
                seen.abs_diff(4000)
                    <= if arrivals == Arrivals::Uniform {
                        2
                    } else {
                        200
                    },
                "{seen} with {workers} workers"
            );
            assert_eq!(steering.seen[13].0, 0, "nobody is left at a rate of zero");
            assert_eq!(count(&summary, Counter::DroppedIterations), 0);
            let p99 = summary
                .metrics
                .trend(Trend::ScheduleLag)
                .expect("lags")
                .p99
                .value;
            assert!(p99 < seconds(0.002), "{p99:?}");
        }
        assert!(
            measured.iter().all(|seen| *seen == measured[0]),
            "the same for any number of workers: {measured:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_steered_run_ends_when_its_time_is_over() {
    let mut plan = users(FLOW);
    let most = UserCount::new(10).expect("a possible number");
    plan.loads[0].load = Load::SteeredVus {
        most,
        longest: seconds(8.0),
    };
    let service = Service::new(seconds(0.1));
    let mut steering = Steering::new(&[(1, 4.0, (2.0, 100.0))], 1000);
    let outcome = steered(plan, 2, &service, &mut steering).await;
    assert!(
        (outcome.summary.measured.as_secs_f64() - 6.0).abs() < 1e-6,
        "{:?}",
        outcome.summary.measured
    );
    assert!(
        outcome.end.ended < Offset::from(seconds(9.0)),
        "{:?}",
        outcome.end.ended
    );
    let seen = outcome
        .summary
        .metrics
        .trend(Trend::HttpReqLatency)
        .expect("requests")
        .count;
    assert!(seen.abs_diff(240) <= 4, "{seen}");
}
