//! Asks the probes of a plan while a run goes on, each at its own interval, on a thread of their own.

pub(crate) mod command;
mod process;

pub use command::Commands;

use crate::Error;
use loadgen_engine::{
    Call, Clock, Connect, Connection, Connector, Exchange, HttpVersion, Method, Probe, ProbeIndex,
    ProbeSample, ProbeSource, Rendered, StepIndex, Timeouts,
};
use process::{Looks, Processes};
use std::{rc::Rc, thread, time::Duration};
use tokio::{
    runtime::Builder,
    sync::{mpsc, watch},
    task::LocalSet,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

/// Samples that wait to be taken; the oldest are kept where nobody takes them.
const DEPTH: usize = 4096;
/// The longest answer that is read.
const LONGEST_ANSWER: usize = 1 << 20;

/// The probes at work. Dropping it stops them, and kills the commands that still run.
#[derive(Debug)]
pub struct Probes {
    samples: mpsc::Receiver<ProbeSample>,
    stop: watch::Sender<bool>,
    thread: Option<thread::JoinHandle<()>>,
}

/// What is asked, and by what means.
#[derive(Debug, Default)]
pub struct Questions {
    /// The probes, in the order of their places.
    pub probes: Vec<Probe>,
    /// What no reason may tell.
    pub secrets: Vec<String>,
    /// Where the commands that run are noted.
    pub commands: Commands,
}

impl Probes {
    /// Begins to ask. What goes over HTTP goes by connections of its own.
    ///
    /// # Errors
    ///
    /// Where the thread cannot be started.
    pub fn start<C: Connect + 'static>(questions: Questions, connect: C) -> Result<Self, Error> {
        let (sender, samples) = mpsc::channel(DEPTH);
        let (stop, stopped) = watch::channel(false);
        let thread = match questions.probes.is_empty() {
            true => None,
            false => Some(
                thread::Builder::new()
                    .name("probes".to_owned())
                    .spawn(move || work(questions, &connect, &sender, stopped))
                    .map_err(Error::Probes)?,
            ),
        };
        Ok(Self {
            samples,
            stop,
            thread,
        })
    }

    /// What came in since this was last asked.
    pub fn take(&mut self) -> Vec<ProbeSample> {
        std::iter::from_fn(|| self.samples.try_recv().ok()).collect()
    }
}

impl Drop for Probes {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to stop.
            let _ = thread.join();
        }
    }
}

/// Asks all probes until it is told to stop.
fn work<C: Connect>(
    questions: Questions,
    connect: &C,
    samples: &mpsc::Sender<ProbeSample>,
    mut stopped: watch::Receiver<bool>,
) {
    let told = |outcome: &str| {
        for place in 0..questions.probes.len() {
            let _ = samples.try_send(ProbeSample {
                probe: ProbeIndex(place),
                outcome: Err(outcome.to_owned()),
            });
        }
    };
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return told(&format!("cannot start: {error}")),
    };
    let local = LocalSet::new();
    let _inside = runtime.enter();
    let connector = match connect.connector(0) {
        Ok(connector) => connector,
        Err(error) => return told(&format!("cannot make connections: {error}")),
    };
    let (looks, secrets) = (Rc::new(Looks::default()), Rc::from(questions.secrets));
    for (place, probe) in questions.probes.into_iter().enumerate() {
        let asker = Asker {
            connection: connector.connection(),
            processes: Processes::sharing(&looks),
            commands: questions.commands.clone(),
            secrets: Rc::clone(&secrets),
            clock: Clock::starting_at(Instant::now()),
            place: ProbeIndex(place),
            probe,
        };
        local.spawn_local(asker.run(samples.clone()));
    }
    // An error says that whoever could stop it has gone.
    local.block_on(&runtime, async {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    });
}

/// Asks one probe.
struct Asker<C> {
    place: ProbeIndex,
    probe: Probe,
    connection: C,
    processes: Processes,
    commands: Commands,
    secrets: Rc<[String]>,
    clock: Clock,
}

impl<C: Connection> Asker<C> {
    async fn run(mut self, samples: mpsc::Sender<ProbeSample>) {
        let mut ticks = interval(self.probe.every);
        // One that took longer than its interval is not asked twice at once.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            let longest = self.probe.timeout;
            let outcome = match timeout(longest, self.ask()).await {
                Ok(Ok(None)) => continue,
                Ok(Ok(Some(value))) => Ok(value),
                Ok(Err(reason)) => Err(reason),
                Err(_) => Err(format!("no answer in {}", seconds(longest))),
            };
            let sample = ProbeSample {
                probe: self.place,
                outcome,
            };
            // Nobody takes them any more, or not for a long time.
            let _ = samples.try_send(sample);
        }
    }

    /// The value; none where it takes two looks, and this was the first.
    async fn ask(&mut self) -> Result<Option<f64>, String> {
        match &self.probe.source {
            source @ (ProbeSource::Prometheus(request) | ProbeSource::Http { request, .. }) => {
                let question = Question {
                    method: Method::Get,
                    request,
                    step: StepIndex(self.place.0),
                    longest: self.probe.timeout,
                    clock: self.clock,
                };
                let answer = fetch(&mut self.connection, question).await?;
                let value = source.read(&answer.body, &self.secrets);
                match (answer.status, value) {
                    (200..=299, value) => value.map(Some),
                    // Prometheus says what is wrong in the body.
                    (400..=499, Err(reason)) if reason.starts_with("Prometheus says") => {
                        Err(reason)
                    }
                    (status, _) => Err(format!("status {status}")),
                }
            }
            source @ ProbeSource::Command(words) => {
                let written = command::output(words, &self.commands).await?;
                source.read(&written, &self.secrets).map(Some)
            }
            ProbeSource::Process { which, figure } => {
                self.processes.look(which, *figure, Instant::now())
            }
        }
    }
}

/// What is asked over HTTP.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) method: Method,
    pub(crate) request: &'a Rendered<'static>,
    /// A number of its own.
    pub(crate) step: StepIndex,
    pub(crate) longest: Duration,
    pub(crate) clock: Clock,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Asks, and reads the answer, whatever its status.
pub(crate) async fn fetch(
    connection: &mut impl Connection,
    question: Question<'_>,
) -> Result<Answer, String> {
    let message = question.request.borrowed();
    let Question { longest, .. } = question;
    let call = Call {
        step: question.step,
        method: question.method,
        message: &message,
        fixed: false,
        timeouts: Timeouts {
            total: longest,
            connect: longest,
            tls: longest,
            first_byte: None,
            first_token: None,
            idle: None,
        },
        http_version: HttpVersion::Http1,
        stream: None,
        cancel: None,
        follow: false,
        new_connection: false,
        keep_body: LONGEST_ANSWER,
        keep_text: 0,
        keep_head: false,
        heed: false,
        started: question.clock.now(),
        clock: question.clock,
    };
    let mut exchange = Exchange::default();
    connection.call(&call, &mut exchange, &mut ()).await;
    match (exchange.failure, exchange.status) {
        (Some(failure), _) => Err(failure.message),
        (None, Some(status)) => Ok(Answer {
            status,
            body: exchange.body,
        }),
        (None, None) => Err("no answer".to_owned()),
    }
}

fn seconds(length: Duration) -> String {
    format!("{} s", length.as_secs_f64())
}

#[cfg(test)]
mod tests;
