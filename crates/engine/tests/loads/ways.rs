//! Connections of steps that are done at once, requests that are sent on or sent again, and groups that are cut.

use crate::support::{Service, count, plan, settings, undisturbed};
use loadgen_engine::{
    self as engine, Call, Connect, Connection, Connector, Directive, Exchange, Observer, Onward,
    Rendered, Standing, Stop, StreamSink, TokioTiming, run,
};
use loadgen_scenario::Plan;
use loadgen_stats::{Counter, Live, Summary, Window};
use std::{
    borrow::Cow,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::watch, task::LocalSet};

const TIME: Duration = Duration::from_millis(100);

fn text(load: &str, tables: &str) -> String {
    format!("target = \"http://127.0.0.1:1\"\nload = {{ {load} }}\n{tables}")
}

/// A service whose connections are counted, and which sends `/go` on to `/end`.
#[derive(Clone)]
struct Counted {
    service: Service,
    made: Arc<AtomicU64>,
}

impl Counted {
    fn new(service: Service) -> Self {
        Self {
            service,
            made: Arc::default(),
        }
    }
}

impl Connect for Counted {
    type Connector = Self;

    fn connector(&self, _shard: usize) -> io::Result<Self> {
        Ok(self.clone())
    }
}

impl Connector for Counted {
    type Connection = Self;

    fn connection(&self) -> Self {
        self.made.fetch_add(1, Ordering::Relaxed);
        self.clone()
    }
}

impl Connection for Counted {
    async fn call(&mut self, call: &Call<'_>, exchange: &mut Exchange, sink: &mut dyn StreamSink) {
        self.service.call(call, exchange, sink).await;
        if call.follow && call.message.path == "/go" {
            exchange.status = Some(302);
            let message = call.message.clone().into_owned();
            exchange.onward = Some(Box::new(Onward {
                method: call.method,
                message: Rendered {
                    path: Cow::Borrowed("/end"),
                    ..message
                },
            }));
        }
    }
}

/// Notes how many requests were awaited when each window closed, and for how long some were under way in it.
#[derive(Default)]
struct Seen(Vec<(u64, Duration)>);

impl Observer for Seen {
    fn standing(&mut self, standing: &Standing) {
        self.0.push((standing.awaited, standing.in_flight));
    }

    fn window(&mut self, _: &Window, _: &Live) -> Directive {
        Directive::Continue
    }
}

async fn carried_out(plan: Plan, workers: usize, service: &Counted, seen: &mut Seen) -> Summary {
    let (_keep, stop) = watch::channel(Stop::Run);
    let run = run(
        Arc::new(plan),
        settings(workers),
        service.clone(),
        TokioTiming,
        seen,
        stop,
    );
    let outcome: engine::Outcome = LocalSet::new()
        .run_until(run)
        .await
        .expect("the run takes place");
    outcome.summary
}

#[tokio::test(start_paused = true)]
async fn a_user_has_as_many_connections_as_it_goes_ways_at_once() {
    let cases = [
        (
            "[[step]]\nparallel = [{ get = \"/a\" }, { get = \"/b\" }]",
            2,
        ),
        (
            "[[step]]\nparallel = [{ get = \"/a\" }, { step = [{ parallel = [{ get = \"/b\" }, { get = \"/c\" }] }] }]",
            3,
        ),
        (
            "[[step]]\nparallel = [{ parallel = [{ get = \"/a\" }, { get = \"/b\" }] }, { parallel = [{ get = \"/c\" }, { get = \"/d\" }, { get = \"/e\" }] }]\n[[step]]\nparallel = [{ get = \"/f\" }, { get = \"/g\" }]",
            5,
        ),
    ];
    for (steps, width) in cases {
        for workers in [1, 2] {
            let load = "executor = \"per-vu-iterations\", vus = 3, iterations = 50";
            let service = Counted::new(Service::new(TIME));
            let seen = &mut Seen::default();
            let summary = carried_out(plan(&text(load, steps)), workers, &service, seen).await;
            assert_eq!(count(&summary, Counter::Iterations), 150);
            let made = service.made.load(Ordering::Relaxed);
            assert_eq!(made, 3 * width, "{steps}, {workers} workers");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirection_takes_nobody_elses_place_among_the_awaited() {
    let tables = "[[scenario]]\nname = \"slow\"\nload = { vus = 1, iterations = 1 }\nstep = [{ get = \"/slow\" }]\n[[scenario]]\nname = \"sent on\"\nload = { vus = 1, iterations = 4 }\nstep = [{ get = \"/go\" }]\n";
    for workers in [1, 2] {
        let service = Counted::new(Service::noting(TIME, &[("/slow", TIME * 45)]));
        let text = format!("target = \"http://127.0.0.1:1\"\n{tables}");
        let mut seen = Seen::default();
        let summary = carried_out(plan(&text), workers, &service, &mut seen).await;
        assert_eq!(count(&summary, Counter::Redirects), 4);
        let second = Duration::from_secs(1);
        // Four times two requests of 0.1 s are done in the first second.
        let first = second + TIME * 8;
        let expected = [
            (1, first),
            (1, second),
            (1, second),
            (1, second),
            (0, TIME * 5),
        ];
        assert_eq!(seen.0, expected, "{workers} workers");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_again_is_what_was_sent() {
    let tables = "[[step]]\nname = \"a\"\nget = \"/{{ uuid() }}/{{ unique() }}\"\nretry = { on = 429, backoff = \"1s\" }";
    let mut service = Service::noting(TIME, &[]);
    service.refuse_below = (2, Duration::ZERO);
    let load = text("vus = 1, iterations = 2", tables);
    let summary = undisturbed(plan(&load), 1, &service).await;
    assert_eq!(count(&summary, Counter::Retries), 2);
    let paths: Vec<String> = service.calls("/").into_iter().map(|call| call.0).collect();
    let [first, second, third, next] = paths.as_slice() else {
        panic!("{paths:?}");
    };
    assert_eq!([first, first], [second, third]);
    assert_ne!(first, next);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_the_end_of_the_run_cuts_counts_against_a_limit_it_had_passed() {
    // The first takes a second, and the one after it does not come to its end.
    for (duration, held) in [("12s", false), ("3s", true)] {
        let load = format!("vus = 1, duration = \"{duration}\", graceful_stop = \"0s\"");
        let tables = "[[step]]\ngroup = \"page\"\nstep = [{ get = \"/a\" }]\n[thresholds]\ngroup_duration = [\"p95 < 5s\", \"count == 1\"]";
        let service = Service {
            time: |now, usual| match now.as_nanos() {
                0 => usual,
                _ => usual * 1000,
            },
            ..Service::new(Duration::from_secs(1))
        };
        let summary = undisturbed(plan(&text(&load, tables)), 1, &service).await;
        let seen: Vec<bool> = summary.thresholds.iter().map(|one| one.ok).collect();
        assert_eq!(seen, [held, true], "{duration}");
    }
}
