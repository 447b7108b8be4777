//! The user whose iteration is told: walks the steps as a run does, and says what it sees.

mod once;
mod talk;
mod tokens;
mod waits;

use super::{first_tokens::FirstTokens, say};
use crate::{environment::Output, error::Error, story};
use loadgen_engine::{
    Asked, Call, Clock, Connection as _, Connector, Cookies, Exchange, Judgement, LOOKED_INTO,
    Luck, Method, Offset, Rendered, Turns, Way, all_of, answer_of_turn, judge,
    too_many_redirections, user_seed,
};
use loadgen_scenario::{Guarded, OnFailure, Plan, Request, Scenario, Scope, Step, mask};
use tokio::time::sleep;

/// Bytes of a body, and of a stream's text, that are kept to be shown and looked into.
const KEPT_BODY: usize = LOOKED_INTO;

/// What all users of a story share.
pub(super) struct Run<'a> {
    pub(super) plan: &'a Plan,
    /// One for all: a kept connection dates what it reads by the clock that it was opened with, and what the setup was
    /// given may have ended by the teardown.
    pub(super) clock: Clock,
    pub(super) turns: Vec<Turns>,
    pub(super) output: &'a Output,
}

/// One user, or one of several ways that it goes at once.
pub(super) struct User<'a, C: Connector> {
    run: &'a Run<'a>,
    plan: &'a Plan,
    connector: &'a C,
    connection: C::Connection,
    /// Connections of steps that were done at once.
    spare: Vec<C::Connection>,
    scope: Scope,
    luck: Luck,
    clock: Clock,
    /// What the request at hand says of who the user is: hidden in all that is told of it.
    said: Vec<String>,
    /// What is to be told in one piece, while others tell of theirs.
    aside: Option<String>,
}

/// What came of some steps.
#[derive(Clone, Copy, Default)]
pub(super) struct Walked {
    /// Whether a request failed.
    pub(super) failed: bool,
    /// Whether something ended them before their end.
    pub(super) over: bool,
    /// Whether that ends the user as well, where it has not begun an iteration.
    unfit: bool,
}

impl<'a, C: Connector> User<'a, C> {
    /// The user of that number, who has the first row of these data sets, as the plan's own trial has it.
    pub(super) fn new(
        run: &'a Run<'a>,
        data: &[usize],
        (vu, seed): (u64, u64),
        connector: &'a C,
    ) -> Self {
        let plan = run.plan;
        let number = vu.wrapping_sub(1);
        let scope = plan.scope(vu, user_seed(seed, number));
        scope.begin_iteration(0);
        data.iter().for_each(|set| scope.give_row(*set, 0));
        Self {
            run,
            plan,
            connector,
            connection: connector.connection(),
            spare: Vec::new(),
            scope,
            luck: Luck::of(seed, number),
            clock: run.clock,
            said: Vec::new(),
            aside: None,
        }
    }

    /// Does what comes before the first iteration, and one iteration; tells whether a request failed.
    pub(super) async fn play(&mut self, scenario: &Scenario) -> Result<bool, Error> {
        let mut any_failed = false;
        if !scenario.before.is_empty() {
            self.say("\nbefore the first iteration\n")?;
            self.scope.begin_before();
            let before = self.walk(in_turn("", &scenario.before)).await?;
            if before.unfit {
                self.say("\nthe user ends before its first iteration\n")?;
                return Ok(true);
            }
            any_failed |= before.failed;
            self.say("\nthe iteration\n")?;
            self.scope.begin_iteration(0);
        }
        Ok(any_failed | self.walk(in_turn("", &scenario.flow)).await?.failed)
    }

    /// What the user is at.
    fn what(&self) -> &'static str {
        match self.scope.vu() {
            0 => "it",
            _ => "the iteration",
        }
    }

    /// Walks steps.
    async fn walk<'s>(&mut self, mut todo: Vec<Todo<'s>>) -> Result<Walked, Error> {
        let mut walked = Walked::default();
        while let Some(next) = todo.pop() {
            let mut is_turn = false;
            let (number, step) = match next {
                Todo::Step(number, step) => (number, step),
                Todo::Times(number, guarded, left) => {
                    walked = walked.and(self.again(&mut todo, number, guarded, left)?);
                    if walked.over {
                        break;
                    }
                    continue;
                }
                Todo::Turn(number, step, left) => {
                    let Some(turn) = self.begin_turn(&mut todo, &number, step, left)? else {
                        continue;
                    };
                    is_turn = true;
                    (format!("{number} turn {turn}"), step)
                }
            };
            match step {
                Step::Think(think) => self.say(&story::think(&number, think))?,
                Step::Request(request) if request.conversation.is_some() && !is_turn => {
                    walked.failed |= self.converse(&mut todo, number, step, request)?;
                }
                Step::Request(request) => walked = walked.and(self.step(&number, request).await?),
                Step::Steps(steps) => todo.extend(in_turn(&format!("{number}."), steps)),
                Step::Parallel(steps) => {
                    walked = walked.and(Box::pin(self.at_once(&number, steps)).await?);
                }
                Step::Choose(alternatives) => {
                    let chosen = self.luck.choose(alternatives);
                    let number = format!("{number}.{}", chosen + 1);
                    todo.push(Todo::Step(number, &alternatives[chosen].step));
                }
                Step::Group(group) => todo.push(Todo::Step(number, &group.step)),
                Step::Guarded(guarded) => {
                    let times = self.luck.times(guarded.repeat);
                    todo.push(Todo::Times(number, guarded, times));
                }
            }
            self.tell_aside()?;
            if walked.over {
                break;
            }
        }
        Ok(walked)
    }

    /// Does steps at once, each on a connection of its own, and tells of each request when its answer is there.
    async fn at_once(&mut self, number: &str, steps: &[Step]) -> Result<Walked, Error> {
        let Some((own, others)) = steps.split_first() else {
            return Ok(Walked::default());
        };
        self.say(&format!(
            "\n{number}. at once, each request told when it is done\n"
        ))?;
        self.tell_aside()?;
        let whole = self.scope.clone();
        let scopes = whole.fork(steps.len());
        let mut ways = scopes.iter().cloned();
        self.scope = ways.next().unwrap_or_else(|| whole.clone());
        let mut companions: Vec<Self> = ways.map(|scope| self.companion(scope)).collect();
        let apart = self.aside.is_none();
        self.aside.get_or_insert_default();
        let todo = |place: usize, step| vec![Todo::Step(format!("{number}.{place}"), step)];
        let walked = {
            let mut ways: Vec<Way<'_, _>> = vec![Box::pin(self.walk(todo(1, own)))];
            for ((place, step), companion) in (2..).zip(others).zip(&mut companions) {
                ways.push(Box::pin(companion.walk(todo(place, step))));
            }
            all_of(ways).await
        };
        if apart {
            self.aside = None;
        }
        whole.join(&scopes);
        self.scope = whole;
        for companion in companions {
            self.spare.extend(companion.spare);
            self.spare.push(companion.connection);
        }
        let walked: Vec<Walked> = walked.into_iter().collect::<Result<_, _>>()?;
        Ok(walked.into_iter().fold(Walked::default(), Walked::and))
    }

    /// The same user on another connection.
    fn companion(&mut self, scope: Scope) -> Self {
        let spare = self.spare.pop();
        Self {
            connection: spare.unwrap_or_else(|| self.connector.connection()),
            spare: Vec::new(),
            scope,
            luck: self.luck.fork(),
            aside: Some(String::new()),
            said: Vec::new(),
            plan: self.plan,
            connector: self.connector,
            clock: self.clock,
            run: self.run,
        }
    }

    /// A request, and what it does to the iteration.
    async fn step(&mut self, number: &str, request: &Request) -> Result<Walked, Error> {
        let judgement = self.request(number, request).await?;
        let failed = judgement.as_ref().is_none_or(|one| one.error.is_some());
        // What could not be sent gives nothing.
        let lacking = judgement.map_or(!request.extract.is_empty(), |one| one.lacking);
        let end = if lacking && request.on_missing != OnFailure::Continue {
            Some(": what follows may need what is missing")
        } else if failed && request.on_failure != OnFailure::Continue {
            Some(", as on_failure says")
        } else {
            None
        };
        if let Some(end) = end {
            self.say(&format!("\n{} ends here{end}\n", self.what()))?;
        }
        let on_failure = match lacking {
            true => request.on_missing,
            false => request.on_failure,
        };
        Ok(Walked {
            failed,
            over: end.is_some(),
            // A fine refusal that lacks something leaves nothing to go on with.
            unfit: end.is_some() && (on_failure == OnFailure::StopUser || !failed),
        })
    }

    /// Does a step once more, where its condition holds.
    fn again<'s>(
        &mut self,
        todo: &mut Vec<Todo<'s>>,
        number: String,
        guarded: &'s Guarded,
        left: u32,
    ) -> Result<Walked, Error> {
        if left == 0 {
            return Ok(Walked::default());
        }
        let may = match &guarded.when {
            None => Ok(true),
            Some(when) => when.holds(&self.scope).map_err(|error| (error, when)),
        };
        match may {
            Ok(true) => {
                todo.push(Todo::Times(number.clone(), guarded, left - 1));
                todo.push(Todo::Step(number, &guarded.step));
            }
            Ok(false) => self.say(&format!("\n{number}. left: `when` does not hold\n"))?,
            Err((error, when)) => {
                self.say(&format!("\n{number}. failed: template: {error}\n"))?;
                let over = when.on_failure != OnFailure::Continue;
                if over {
                    let what = self.what();
                    self.say(&format!("\n{what} ends here, as on_failure says\n"))?;
                }
                return Ok(Walked {
                    failed: true,
                    over,
                    unfit: when.on_failure == OnFailure::StopUser,
                });
            }
        }
        Ok(Walked::default())
    }

    /// Makes one request, again where the step's `retry` says so; what is thought of it, where it could be sent.
    async fn request(
        &mut self,
        number: &str,
        request: &Request,
    ) -> Result<Option<Judgement>, Error> {
        self.said.clear();
        // Before it is rendered, as in a run.
        self.take_turn(number, request).await?;
        self.ask_for_token(request).await?;
        // Once for all attempts: what is sent again is what was sent, but for a token.
        let mut rendered = match request.message.render(&self.plan.target, &self.scope) {
            Ok(rendered) => rendered,
            Err(error) => return self.not_sent(number, request, &error),
        };
        self.said = rendered.secrets(&request.message.of_one_origin);
        let mut time = 0;
        let (exchange, tokens, began) = loop {
            let mut message = rendered.borrowed();
            let mut cookies = Cookies::of(request, &self.scope, self.clock);
            if let Some(cookies) = &mut cookies {
                cookies.add(&mut message);
            }
            match time {
                0 => self.say(&story::request(number, request, &message))?,
                _ => self.say(&story::sent_again(request, &message))?,
            }
            let attempt = self.attempt(request, message.into_owned(), cookies);
            let (exchange, tokens, began) = attempt.await?;
            let Some(wait) = self.wait_before_retry(request, &exchange, time) else {
                break (exchange, tokens, began);
            };
            time += 1;
            self.say(&story::reply(&exchange))?;
            self.say(&story::retried(&exchange, wait, request, time))?;
            self.say(&story::times(&exchange, tokens.output, began))?;
            sleep(wait).await;
            self.take_turn(number, request).await?;
            self.ask_for_token(request).await?;
            if let Err(error) = request.message.renew_token(&mut rendered, &self.scope) {
                return self.not_sent(number, request, &error);
            }
            self.said = rendered.secrets(&request.message.of_one_origin);
        };
        let scope = self.scope.clone();
        let judgement = judge(&Asked::of(request, &scope, (began, began)), &exchange);
        for (name, value) in &judgement.found {
            self.scope.keep(name, value.clone(), request.life);
        }
        if request.conversation.is_some() {
            let answer = answer_of_turn(&judgement, &exchange);
            self.scope.end_turn(request.index, answer);
        }
        self.tell(&exchange, tokens.output, began, &judgement)?;
        Ok(Some(judgement))
    }

    /// Sends a request once, and follows where its answers lead; what came of the last, and when that began.
    async fn attempt(
        &mut self,
        request: &Request,
        mut message: Rendered<'static>,
        mut cookies: Option<Cookies>,
    ) -> Result<(Exchange, FirstTokens, Offset), Error> {
        let mut method = request.method;
        let (mut exchange, mut tokens) = (Exchange::default(), FirstTokens::default());
        let mut began = self.clock.now();
        for hop in 0..=request.redirects {
            let borrowed = message.borrowed();
            let call = self.call(request, method, &borrowed);
            self.connection
                .call(&call, &mut exchange, &mut tokens)
                .await;
            if let Some(cookies) = &cookies {
                cookies.take(&borrowed, &exchange);
            }
            let Some(mut onward) = exchange.onward.take() else {
                break;
            };
            if hop == request.redirects {
                exchange.failure = Some(too_many_redirections(hop, &onward.message.path));
                break;
            }
            self.say(&story::reply(&exchange))?;
            self.say(&story::times(&exchange, None, began))?;
            let names = &request.message.of_one_origin;
            onward.message.withhold(names, &message.origin);
            if let Some(cookies) = &mut cookies {
                cookies.renew(&mut onward.message);
            }
            (method, message) = (onward.method, onward.message);
            self.say(&story::redirected(request, method, &message))?;
            (exchange, began) = (Exchange::default(), self.clock.now());
            if let Some(turns) = self.turns_of(request) {
                turns.owe(began);
            }
        }
        Ok((exchange, tokens, began))
    }

    fn call<'c>(
        &self,
        request: &'c Request,
        method: Method,
        message: &'c Rendered<'c>,
    ) -> Call<'c> {
        Call {
            step: request.index,
            method,
            message,
            fixed: false,
            timeouts: request.timeouts,
            http_version: request.http_version,
            stream: request.stream.as_ref(),
            new_connection: request.new_connection,
            // One that is drawn is not drawn here: the whole answer tells more.
            cancel: request
                .cancel
                .as_ref()
                .filter(|cancel| cancel.probability >= 1.0),
            follow: request.redirects > 0,
            keep_body: KEPT_BODY,
            keep_text: KEPT_BODY,
            keep_head: true,
            heed: request.retry.is_some(),
            started: self.clock.now(),
            clock: self.clock,
        }
    }

    fn tell(
        &mut self,
        exchange: &Exchange,
        first_output: Option<Offset>,
        began: Offset,
        judgement: &Judgement,
    ) -> Result<(), Error> {
        self.say(&story::reply(exchange))?;
        self.say(&story::verdict(exchange, judgement))?;
        self.say(&story::times(exchange, first_output, began))
    }

    fn say(&mut self, text: &str) -> Result<(), Error> {
        let text = mask(&self.said, text);
        let text = self.scope.mask(&text);
        match &mut self.aside {
            Some(aside) => aside.push_str(&text),
            None => say(self.plan, self.run.output, &text)?,
        }
        Ok(())
    }

    /// Tells in one piece what was not told at once.
    fn tell_aside(&mut self) -> Result<(), Error> {
        let aside = self.aside.as_mut().map(std::mem::take);
        let aside = aside.filter(|aside| !aside.is_empty());
        aside.map_or(Ok(()), |aside| say(self.plan, self.run.output, &aside))
    }
}

impl Walked {
    /// What two came to, one after the other or at once.
    const fn and(self, other: Self) -> Self {
        Self {
            failed: self.failed || other.failed,
            over: self.over || other.over,
            unfit: self.unfit || other.unfit,
        }
    }
}

/// What is still to be done.
enum Todo<'a> {
    /// A step, by its number.
    Step(String, &'a Step),
    /// A step so many more times.
    Times(String, &'a Guarded, u32),
    /// Turns of a conversation, so many more.
    Turn(String, &'a Step, u32),
}

/// Steps to be done one after the other, the first at the end.
fn in_turn<'a>(prefix: &str, steps: &'a [Step]) -> Vec<Todo<'a>> {
    let numbered = (1..).zip(steps);
    let mut todo: Vec<Todo<'a>> = numbered
        .map(|(number, step)| Todo::Step(format!("{prefix}{number}"), step))
        .collect();
    todo.reverse();
    todo
}
