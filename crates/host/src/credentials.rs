//! Keeps the tokens of a run fresh: asks for each before the run and again before it ends, on a thread of their own.

use crate::{
    Error,
    probe::{Commands, Question, command, fetch},
};
use loadgen_engine::{
    Clock, Connect, Connection, Connector, Method, StepIndex, Stop, Token, TokenAsk, TokenFrom,
    Tokens,
};
use std::{future::pending, pin::pin, sync::Arc, thread, time::Duration};
use tokio::{
    runtime::Builder,
    select,
    sync::{mpsc, oneshot, watch},
    task::{JoinSet, LocalSet},
    time::{Instant, sleep, sleep_until, timeout},
};

/// How long one answer may take.
const LONGEST: Duration = Duration::from_secs(30);
/// How long after a failure it is asked for again, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));
/// Why there is no token, where one has ended before anyone answered.
const ENDED: &str = "the last one has ended, and there is no answer yet";
/// Troubles that wait to be told.
const DEPTH: usize = 16;

/// The tokens of a run, kept fresh. Dropping it ends that, and kills the commands that still run.
#[derive(Debug)]
pub struct Credentials {
    troubles: mpsc::Receiver<String>,
    over: watch::Sender<bool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Credentials {
    /// Asks for every token, each by its place in the plan, and waits until all are there, or until `stop` wants an end.
    /// What goes over HTTP goes by connections of its own; commands are among those that end with the program.
    ///
    /// # Errors
    ///
    /// Where a token cannot be had, where an end was wanted before, or where the thread cannot be started.
    pub fn start<C: Connect + 'static>(
        asks: Vec<(usize, TokenAsk)>,
        (tokens, commands): (Arc<Tokens>, Commands),
        connect: C,
        stop: watch::Receiver<Stop>,
    ) -> Result<Self, Error> {
        let (sender, troubles) = mpsc::channel(DEPTH);
        let (over, ended) = watch::channel(false);
        let (told, first) = oneshot::channel();
        let ends = (stop, ended);
        let thread = thread::Builder::new()
            .name("credentials".to_owned())
            .spawn(move || work(asks, (&tokens, &commands), &connect, &sender, told, ends))
            .map_err(Error::Credentials)?;
        let credentials = Self {
            troubles,
            over,
            thread: Some(thread),
        };
        match first.blocking_recv() {
            Ok(outcome) => outcome.map(|()| credentials),
            Err(_) => Err(Error::Token {
                name: "the first service".to_owned(),
                reason: "the thread that asks has ended".to_owned(),
            }),
        }
    }

    /// What went wrong since this was last asked: of each token once, until it is there again.
    pub fn take_troubles(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.troubles.try_recv().ok()).collect()
    }
}

impl Drop for Credentials {
    fn drop(&mut self) {
        self.over.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to stop.
            let _ = thread.join();
        }
    }
}

/// Asks for all tokens, tells whether they are there, and keeps them fresh until it is told that the run is over.
fn work<C: Connect>(
    asks: Vec<(usize, TokenAsk)>,
    (tokens, commands): (&Arc<Tokens>, &Commands),
    connect: &C,
    troubles: &mpsc::Sender<String>,
    told: oneshot::Sender<Result<(), Error>>,
    (stop, mut over): (watch::Receiver<Stop>, watch::Receiver<bool>),
) {
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(told.send(Err(Error::Credentials(error)))),
    };
    let local = LocalSet::new();
    let _inside = runtime.enter();
    let connector = match connect.connector(0) {
        Ok(connector) => connector,
        Err(error) => return drop(told.send(Err(Error::Credentials(error)))),
    };
    let keepers = asks.into_iter().map(|(place, ask)| Keeper {
        place,
        ask,
        connection: connector.connection(),
        clock: Clock::starting_at(Instant::now()),
        tokens: Arc::clone(tokens),
        commands: commands.clone(),
        troubles: troubles.clone(),
    });
    let keepers: Vec<_> = keepers.collect();
    local.block_on(&runtime, async {
        let first = select! {
            biased;
            () = wanted(stop) => Err(Error::Stopped),
            first = first_of_all(keepers) => first,
        };
        match first {
            Err(error) => drop(told.send(Err(error))),
            Ok(kept) => {
                for (keeper, token) in kept {
                    tokio::task::spawn_local(keeper.keep(token));
                }
                if told.send(Ok(())).is_ok() {
                    // An error says that whoever could stop it has gone.
                    let _ = over.wait_for(|over| *over).await;
                }
            }
        }
    });
    drop(local);
    // A name that is still looked up holds nobody up.
    runtime.shutdown_background();
}

/// Waits until somebody wants an end.
async fn wanted(mut stop: watch::Receiver<Stop>) {
    if stop.wait_for(|stop| *stop != Stop::Run).await.is_err() {
        pending::<()>().await;
    }
}

/// The first token of each, all asked for at once.
async fn first_of_all<C: Connection + 'static>(
    keepers: Vec<Keeper<C>>,
) -> Result<Vec<(Keeper<C>, Fresh)>, Error> {
    let mut asked = JoinSet::new();
    for mut keeper in keepers {
        asked.spawn_local(async move {
            let name = keeper.ask.name.clone();
            let outcome = keeper.ask().await;
            let outcome = outcome.map_err(|reason| Error::Token { name, reason });
            outcome.map(|fresh| (keeper, fresh))
        });
    }
    let mut kept = Vec::new();
    while let Some(ended) = asked.join_next().await {
        let whole = ended.map_err(|_| Error::Token {
            name: "a service".to_owned(),
            reason: "whoever asks has broken down".to_owned(),
        });
        kept.push(whole??);
    }
    Ok(kept)
}

/// Keeps one token fresh.
struct Keeper<C> {
    place: usize,
    ask: TokenAsk,
    connection: C,
    clock: Clock,
    tokens: Arc<Tokens>,
    commands: Commands,
    troubles: mpsc::Sender<String>,
}

/// What is known of a token that has been put in place.
#[derive(Clone, Copy, Debug)]
struct Fresh {
    /// When it is asked for again; never where it has no end.
    again: Option<Instant>,
    /// When it ends, where that is known.
    ends: Option<Instant>,
}

impl<C: Connection> Keeper<C> {
    async fn keep(mut self, first: Fresh) {
        let mut fresh = first;
        while let Some(again) = fresh.again {
            sleep_until(again).await;
            fresh = self.renew(fresh.ends).await;
        }
    }

    /// Asks until there is a token. The one before is used for as long as it lives.
    async fn renew(&mut self, ends: Option<Instant>) -> Fresh {
        let (mut pause, longest) = PAUSES;
        let mut is_told = false;
        loop {
            let reason = match self.ask_until(ends).await {
                Ok(fresh) => return fresh,
                Err(reason) => reason,
            };
            let left = ends.map(|ends| ends.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                self.tokens.set(self.place, Err(&reason));
            }
            if !std::mem::replace(&mut is_told, true) {
                let trouble = format!("{}: {reason}", self.ask.name);
                // Whoever takes them has enough to tell.
                let _ = self.troubles.try_send(trouble);
            }
            // Not beyond its end, which is to be told.
            let left = left.filter(|left| !left.is_zero());
            sleep(left.unwrap_or(pause).min(pause)).await;
            pause = (pause * 2).min(longest);
        }
    }

    /// Asks once. Where the token that is in use ends meanwhile, nobody uses it any more.
    async fn ask_until(&mut self, ends: Option<Instant>) -> Result<Fresh, String> {
        let (tokens, place) = (Arc::clone(&self.tokens), self.place);
        let is_used = tokens.latest(place).is_ok();
        let mut asking = pin!(self.ask());
        select! {
            biased;
            outcome = &mut asking => outcome,
            () = at(ends), if is_used => {
                tokens.set(place, Err(ENDED));
                asking.await
            }
        }
    }

    /// Asks once, and puts the token in place.
    async fn ask(&mut self) -> Result<Fresh, String> {
        let asked = Instant::now();
        let token = match timeout(LONGEST, self.fetch()).await {
            Ok(outcome) => outcome?,
            Err(_) => return Err(format!("no answer in {} s", LONGEST.as_secs())),
        };
        self.tokens.set(self.place, Ok(&token.text));
        let after = token.renewed_after(self.ask.refresh);
        Ok(Fresh {
            again: after.map(|after| asked + after),
            ends: token.lives.map(|lives| asked + lives),
        })
    }

    async fn fetch(&mut self) -> Result<Token, String> {
        match &self.ask.from {
            TokenFrom::Command(words) => {
                let written = command::output(words, &self.commands).await?;
                Token::of_output(&written)
            }
            TokenFrom::Service(request) => {
                let question = Question {
                    method: Method::Post,
                    request,
                    step: StepIndex(self.place),
                    longest: LONGEST,
                    clock: self.clock,
                };
                let answer = fetch(&mut self.connection, question).await?;
                Token::of_answer(answer.status, &answer.body)
            }
        }
    }
}

/// Waits for an instant; forever where there is none.
async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests;
