//! A plan from text, a service without a network, and a run of both.

use loadgen_engine::{
    self as engine, Connect, Connection, Connector, Exchange, Failure, Outcome, Placement,
    Settings, Stop, StreamSink, TokioTiming, run,
};
use loadgen_scenario::{Overrides, Plan, SourceText, load};
use loadgen_stats::{Counter, ErrorKind, Offset, ScenarioSummary, Summary};
use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::watch,
    task::LocalSet,
    time::{Instant, sleep, sleep_until},
};

/// The plan of a scenario that has no problems. Where it does not say how fast users begin, they do so when the load says,
/// so that times are whole.
pub(crate) fn plan(text: &str) -> Plan {
    let mut plan = whole_plan(text);
    if !text.contains("connect_rate") {
        plan.loads
            .iter_mut()
            .for_each(|load| load.connect_rate = None);
    }
    plan
}

fn whole_plan(text: &str) -> Plan {
    let source = SourceText {
        path: "test.toml",
        text,
        stem: "test",
    };
    match load(source, &Overrides::default()) {
        Ok(lowered) => lowered.plan,
        Err(problems) => panic!("{problems}"),
    }
}

/// A service that answers after a fixed time, its head maybe before, and fails every nth request; counts what it
/// accepted.
#[derive(Clone)]
pub(crate) struct Service {
    /// How long a request takes that is accepted at an instant.
    pub(crate) time: fn(Offset, Duration) -> Duration,
    pub(crate) usual: Duration,
    /// When the head of the answer comes; with the rest where absent.
    pub(crate) head: Option<Duration>,
    pub(crate) fail_each: u64,
    /// So many requests fail at first.
    pub(crate) fail_below: u64,
    /// So many requests are refused at first, and asked to wait so long.
    pub(crate) refuse_below: (u64, Duration),
    pub(crate) accepted: Arc<AtomicU64>,
    /// Requests for paths that begin so take another time than usual.
    pub(crate) slow: Vec<(&'static str, Duration)>,
    /// For how many seconds the token of that number from 1 lives that is asked for at `/token`; refused where absent.
    pub(crate) tokens: fn(u64) -> Option<u64>,
    /// How many were asked for; they are not among what was accepted.
    pub(crate) tokens_asked: Arc<AtomicU64>,
    /// The path of every request, with its token if it has one, and when it came, where that is wanted.
    pub(crate) calls: Option<Arc<Mutex<Vec<Call>>>>,
}

/// A request as the service saw it: its path, and when it came.
pub(crate) type Call = (String, Offset);

impl Service {
    pub(crate) fn new(usual: Duration) -> Self {
        Self {
            time: |_, usual| usual,
            usual,
            head: None,
            fail_each: u64::MAX,
            fail_below: 0,
            refuse_below: (0, Duration::ZERO),
            accepted: Arc::default(),
            slow: Vec::new(),
            tokens: |_| Some(3600),
            tokens_asked: Arc::default(),
            calls: None,
        }
    }

    /// A service that notes the requests it sees, and takes another time for some of them.
    pub(crate) fn noting(usual: Duration, slow: &[(&'static str, Duration)]) -> Self {
        Self {
            slow: slow.to_vec(),
            calls: Some(Arc::default()),
            ..Self::new(usual)
        }
    }

    /// The requests that it saw, in order, whose paths begin so.
    pub(crate) fn calls(&self, path: &str) -> Vec<Call> {
        let calls = self.calls.as_ref().expect("it notes them");
        let mut calls = calls.lock().expect("nobody panicked").clone();
        calls.retain(|call| call.0.starts_with(path));
        calls.sort_by_key(|call| call.1);
        calls
    }

    async fn give_token(&self, exchange: &mut Exchange) {
        let number = self.tokens_asked.fetch_add(1, Ordering::Relaxed) + 1;
        sleep(self.usual("/token")).await;
        exchange.whole = true;
        exchange.status = Some(401);
        if let Some(lives) = (self.tokens)(number) {
            let body = format!("{{\"access_token\":\"tok-{number}\",\"expires_in\":{lives}}}");
            (exchange.status, exchange.body) = (Some(200), body.into_bytes());
        }
    }

    fn usual(&self, path: &str) -> Duration {
        let mut slow = self.slow.iter();
        let slow = slow.find(|(prefix, _)| path.starts_with(prefix));
        slow.map_or(self.usual, |(_, time)| *time)
    }

    pub(crate) fn accepted(&self) -> u64 {
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
    async fn call(
        &mut self,
        call: &engine::Call<'_>,
        exchange: &mut Exchange,
        _sink: &mut dyn StreamSink,
    ) {
        let now = call.clock.now();
        exchange.connected = Some(now);
        exchange.sent_first = Some(now);
        exchange.sent_last = Some(now);
        let path = &call.message.path;
        if let Some(calls) = &self.calls {
            let token = call.message.field("authorization");
            let token = token.and_then(|value| value.strip_prefix("Bearer "));
            let token = token.map_or(String::new(), |token| format!(" {token}"));
            let mut calls = calls.lock().expect("nobody panicked");
            calls.push((format!("{path}{token}"), now));
        }
        if path == "/token" {
            return self.give_token(exchange).await;
        }
        let number = self.accepted.fetch_add(1, Ordering::Relaxed) + 1;
        let time = (self.time)(now, self.usual(path));
        let head = self.head.unwrap_or(time);
        sleep(head).await;
        exchange.first_byte = Some(call.clock.now());
        sleep(time - head).await;
        exchange.done = Some(call.clock.now());
        if number.is_multiple_of(self.fail_each) || number <= self.fail_below {
            exchange.failure = Some(Failure {
                kind: ErrorKind::Reset,
                message: "the peer reset the connection".into(),
            });
        } else if number <= self.refuse_below.0 {
            exchange.status = Some(429);
            exchange.retry_after = Some(self.refuse_below.1);
            exchange.whole = true;
        } else {
            exchange.status = Some(200);
            exchange.whole = true;
        }
    }
}

/// Carries the plan out under the clock of the test.
pub(crate) async fn carry_out(
    plan: Plan,
    workers: usize,
    service: &Service,
    stop: watch::Receiver<Stop>,
) -> Summary {
    outcome(plan, workers, service, stop).await.summary
}

/// The same with all that it came to.
pub(crate) async fn outcome(
    plan: Plan,
    workers: usize,
    service: &Service,
    stop: watch::Receiver<Stop>,
) -> Outcome {
    let observer = &mut ();
    let run = run(
        Arc::new(plan),
        settings(workers),
        service.clone(),
        TokioTiming,
        observer,
        stop,
    );
    LocalSet::new()
        .run_until(run)
        .await
        .expect("the run takes place")
}

/// The same without a stop.
pub(crate) async fn undisturbed(plan: Plan, workers: usize, service: &Service) -> Summary {
    let (_keep, stop) = watch::channel(Stop::Run);
    carry_out(plan, workers, service, stop).await
}

pub(crate) fn settings(workers: usize) -> Settings {
    Settings {
        workers,
        seed: 1,
        placement: Placement::Inline,
        strict: false,
        allow_all_failed: false,
    }
}

pub(crate) fn count(summary: &Summary, counter: Counter) -> u64 {
    summary.metrics.counter(counter)
}

/// The metrics of one scenario.
pub(crate) fn scenario<'a>(summary: &'a Summary, name: &str) -> &'a ScenarioSummary {
    let mut scenarios = summary.scenarios.iter();
    let found = scenarios.find(|scenario| scenario.name == name);
    found.unwrap_or_else(|| panic!("there is no scenario {name}"))
}

/// Carries the plan out, and asks for stops at their instants.
pub(crate) async fn stopped(
    plan: Plan,
    workers: usize,
    service: &Service,
    stops: &[(Duration, Stop)],
) -> Summary {
    outcome_stopped(plan, workers, service, stops).await.summary
}

/// The same with all that it came to.
pub(crate) async fn outcome_stopped(
    plan: Plan,
    workers: usize,
    service: &Service,
    stops: &[(Duration, Stop)],
) -> Outcome {
    let (sender, receiver) = watch::channel(Stop::Run);
    let stopping = async {
        let start = Instant::now();
        for (after, stop) in stops {
            sleep_until(start + *after).await;
            sender.send_replace(*stop);
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        outcome = outcome(plan, workers, service, receiver) => outcome,
        () = stopping => unreachable!("it never ends"),
    }
}
