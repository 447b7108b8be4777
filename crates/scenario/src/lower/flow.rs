//! The steps of an iteration: what each of them sends, expects and waits for.

use super::{
    Lowering, extract,
    headers::Headers,
    once, rate_limit,
    scenarios::{Flow, Flows, Part},
    tree::{Walk, When},
};
use crate::{
    document::{Common, Field, Located, Source, StepTable, keys},
    plan::{
        Body, COUNTED_TURNS, HttpVersion, Message, Method, OnFailure, Request, Retry, Target,
        Timeouts,
    },
    problem::{Place, Problem},
    secrets::shown_location,
    template::{Life, TURN, Text},
};
use loadgen_stats::{StepIndex, turn_name};
use std::time::Duration;

/// How long a request may take, if nothing is said.
pub(super) const TOTAL: Duration = Duration::from_secs(60);
/// How long connecting and the TLS handshake may take, if nothing is said.
pub(super) const CONNECT: Duration = Duration::from_secs(10);
/// How many redirections are followed, if nothing is said.
pub(crate) const REDIRECTS: u32 = 10;
/// How often a request is sent again, and after what wait at first and at most, if nothing is said.
const RETRIES: u32 = 3;
const BACKOFF: Duration = Duration::from_millis(500);
const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// The statuses that send a request on.
const REDIRECTIONS: [u16; 5] = [301, 302, 303, 307, 308];

impl Lowering<'_> {
    /// What one iteration of each part does, and what is done once in the run.
    pub(super) fn flows(&mut self, parts: &[Part<'_>], target: Option<&Target>) -> Flows {
        let document = self.document;
        let defaults = self.inherited();
        self.explain_defaults();
        let of_defaults = std::mem::take(&mut self.used_data);
        let (setup, teardown) = (&document.ends.setup, &document.ends.teardown);
        let (setup, teardown) = (once::requests(setup), once::requests(teardown));
        let mut requests = setup.len();
        let mut flows = Flows {
            setup: self.set_up(defaults.as_ref(), target),
            ..Flows::default()
        };
        let of_file = self.rate_limit_of_file();
        for (number, part) in parts.iter().enumerate() {
            let before = self.problems.len();
            let tables = &part.steps.list;
            let sent: Vec<&StepTable> = tables.iter().flat_map(StepTable::requests).collect();
            let groups: Vec<_> = tables.iter().flat_map(StepTable::groups).collect();
            let prelude = part.before(document);
            let first: Vec<&StepTable> =
                prelude.list.iter().flat_map(StepTable::requests).collect();
            let mut named = [&sent[..], &first].concat();
            let rate_limit = self.rate_limit_of(number, part, &named, of_file);
            // What is done once stands with the first scenario and with the last.
            named.extend(setup.iter().filter(|_| number == 0));
            named.extend(teardown.iter().filter(|_| number + 1 == parts.len()));
            self.step_names(&named, &groups);
            let in_turn = first.iter().chain(&sent).copied();
            self.compiler.begin_steps(extract::names(in_turn));
            let inherited = self.inherited_by(part, defaults.as_ref());
            let walk = |next: usize, count: usize, when| Walk {
                inherited: inherited.as_ref(),
                target,
                next,
                last: (next + count).saturating_sub(1),
                next_group: requests + sent.len() + first.len(),
                next_turn: requests + sent.len() + first.len() + groups.len(),
                times: 1,
                when,
            };
            // What it takes out of answers is known to the steps after it, so it comes first.
            let mut prelude_walk = walk(requests + sent.len(), first.len(), When::BeforeIterations);
            let of_defaults_too = of_defaults.iter().filter(|_| !first.is_empty()).copied();
            let mut prelude = self.steps(&prelude.list, false, &mut prelude_walk);
            let mut before_data = std::mem::take(&mut self.used_data);
            before_data.extend(of_defaults_too);
            let mut walk = walk(requests, sent.len(), When::InIterations);
            let mut flow = self.steps(tables, false, &mut walk);
            for steps in prelude.iter_mut().chain(&mut flow) {
                rate_limit::share(steps, rate_limit);
            }
            requests = walk.next_turn;
            if before == self.problems.len() {
                self.sends_something(part, sent.is_empty());
            }
            let right = flow.is_some() && prelude.is_some() && before == self.problems.len();
            flows.wrong |= !right;
            self.used_data.extend(of_defaults.iter().copied());
            flows.list.push(Flow {
                before: prelude.unwrap_or_default(),
                steps: flow.unwrap_or_default(),
                data: std::mem::take(&mut self.used_data),
                before_data,
            });
        }
        flows.teardown = self.tear_down(defaults.as_ref(), target, requests);
        flows
    }

    /// Tells a part that sends nothing.
    fn sends_something(&mut self, part: &Part<'_>, only_pauses: bool) {
        let steps = part.steps;
        let (head, none, no_request) = match part.scenario {
            None => (
                "[[step]]",
                "there is no `[[step]]`".to_owned(),
                "no step sends a request".to_owned(),
            ),
            Some(_) => (
                "[[scenario.step]]",
                format!("{} has no step", part.called()),
                format!("no step of {} sends a request", part.called()),
            ),
        };
        let message = match () {
            // Whoever wrote `[[step]]` for them has been told.
            () if !steps.given && part.scenario.is_some() && self.document.steps.given => return,
            () if !steps.given => none,
            () if only_pauses && steps.complete && steps.list.iter().all(StepTable::complete) => {
                no_request
            }
            () => return,
        };
        let problem = Problem::new(part.place(), message);
        self.missing(problem.help(format!("add `{head}` with for example `get = \"/\"`")));
    }

    /// Tells steps of one scenario that have the same name.
    fn step_names(&mut self, steps: &[&StepTable], groups: &[&Located<String>]) {
        let mut seen: Vec<(String, Place)> = Vec::new();
        let of_steps = steps.iter().filter_map(|step| step_name(step));
        let of_groups = groups
            .iter()
            .map(|one| (one.value.clone(), one.place.clone()));
        for (name, place) in of_steps.chain(of_groups) {
            match seen.iter().find(|(known, _)| *known == name) {
                Some((_, first)) => {
                    let problem = Problem::new(place, format!("two steps are called `{name}`"));
                    self.tell(
                        problem
                            .more(first, "first here")
                            .help("give each step a `name` of its own"),
                    );
                }
                None => seen.push((name, place)),
            }
        }
        self.names_of_turns(steps, &seen);
    }

    /// Tells names that the figures of turns have.
    fn names_of_turns(&mut self, steps: &[&StepTable], names: &[(String, Place)]) {
        let talks = steps.iter().filter(|step| step.talk.converses());
        for (talk, _) in talks.filter_map(|step| step_name(step)) {
            let turns = (1..=COUNTED_TURNS).map(|turn| turn_name(&talk, turn));
            for turn in turns {
                let Some((name, place)) = names.iter().find(|(name, _)| *name == turn) else {
                    continue;
                };
                let message =
                    format!("`{name}` is what the figures of a turn of `{talk}` are called");
                let problem = Problem::new(place.clone(), message);
                self.tell(problem.help("give the step another `name`"));
            }
        }
    }

    pub(super) fn request(&mut self, step: &StepTable, walk: &mut Walk<'_>) -> Option<Request> {
        let index = StepIndex(walk.next);
        let (method, place) = self.method(step)?;
        let source = place.given().map(|given| given.value.clone());
        self.know_turn(step, true);
        let goes = source
            .as_ref()
            .and_then(|source| self.location(step, source, walk.target));
        let own = self.headers(&step.common.headers);
        let auth = self.auth(&step.common.auth, &step.common.headers);
        let inherited = self.inherited_of(step, walk);
        let path = goes.as_ref().map_or("", |goes| goes.location.text.source());
        let body = self.body(step, path);
        self.know_turn(step, false);
        let stream = self.stream(step);
        let reads = stream.as_ref().and_then(Option::as_ref);
        let conversation = self.conversation(step, reads, walk);
        let slo = self.slo_of(step, reads);
        let cancel = self.cancel(step, reads);
        self.know_turn(step, true);
        let expect = self.expect(step, reads);
        self.know_turn(step, false);
        // Last of all: its own message cannot use what its answer gives.
        let extract = self.extract(step, reads);
        let rate_limit = self.own_rate_limit(step);
        let (name, _) = step_name(step)?;
        let goes = goes?;
        let head = inherited?.with(own?, auth?, (&goes, walk.target));
        let mut headers = head.headers;
        let mut body = body?;
        if let Body::Chat(chat) = &mut body {
            chat.step = index;
        }
        let common = &self.document.defaults.common;
        let compress = step.common.compress.or(&common.compress).given().is_some()
            && !matches!(body, Body::Empty);
        let fits = self.headers_fit(step, &body, compress);
        describe_body(&mut headers, &body, compress);
        Some(Request {
            index,
            name,
            method,
            message: Message {
                location: goes.location,
                headers,
                token: head.token,
                of_one_origin: head.of_one_origin,
                confided: head.confided,
                unsaid: head.unsaid,
                body,
                compress,
                packed: None,
                fixed: None,
            },
            timeouts: timeouts(common, &step.common, matches!(stream, Some(Some(_)))),
            stream: stream.filter(|_| fits)?,
            conversation: conversation?,
            cancel: cancel?,
            retry: retry(common, &step.common),
            rate_limit,
            new_connection: pick(&step.common.connection, &common.connection).unwrap_or(false),
            redirects: redirects(common, &step.common),
            expect: expect?,
            extract: extract?,
            on_missing: self.on_missing(step),
            life: Life::Iteration,
            // Where the step stands decides over it.
            on_failure: OnFailure::Continue,
            cookies: pick(&step.common.cookies, &common.cookies).flatten(),
            http_version: pick(&step.common.http_version, &common.http_version)
                .unwrap_or(HttpVersion::Http1),
            slo: slo?,
        })
    }

    /// Lets templates know the number of the turn, or not any more, where the step is a conversation: it is known to what
    /// is sent in a turn and to what is expected of its answer.
    fn know_turn(&mut self, step: &StepTable, known: bool) {
        match known {
            _ if !step.talk.converses() => {}
            true => self.compiler.introduce(TURN),
            false => self.compiler.withdraw(TURN),
        }
    }

    /// Tells header fields of a step that its own body makes untrue; true where there are none. Those of the defaults give way.
    fn headers_fit(&mut self, step: &StepTable, body: &Body, compress: bool) -> bool {
        let multipart = matches!(body, Body::Multipart(_));
        let rules = [
            (
                "content-type",
                multipart,
                "`multipart` needs a boundary that nobody else knows: take the header out",
            ),
            (
                "content-encoding",
                compress,
                "`compress` says it already: take one of them out",
            ),
        ];
        let before = self.problems.len();
        for (name, _) in &step.common.headers {
            let mut rules = rules.iter();
            let lower = name.value.to_ascii_lowercase();
            if let Some((_, _, help)) = rules.find(|(known, goes, _)| *goes && *known == lower) {
                let message = format!("the header `{lower}` follows from the body");
                self.tell(Problem::new(&name.place, message).help(*help));
            }
        }
        self.problems.len() == before
    }

    /// The one method of a step, and where it goes.
    fn method<'s>(&mut self, step: &'s StepTable) -> Option<(Method, &'s Field<Source>)> {
        let mut methods = step.methods.iter();
        let Some((method, location)) = methods.next() else {
            let problem = Problem::new(&step.place, "the step does nothing");
            // A misspelt method has been told already.
            if step.tree.group.is_absent()
                && step
                    .keys
                    .iter()
                    .all(|key| keys::step().contains(&key.value.as_str()))
            {
                self.missing(
                    problem.help(
                        "add a method with a path, such as `get = \"/\"`, or `think = \"1s\"`",
                    ),
                );
            }
            return None;
        };
        let mut single = true;
        for (other, _) in methods {
            let message = format!(
                "a step has one method, and this one has `{}` already",
                method.value.key()
            );
            let problem = Problem::new(&other.place, message).more(&method.place, "the first one");
            self.tell(problem.help("put each request in a step of its own"));
            single = false;
        }
        single.then_some((method.value, location))
    }
}

/// The name of a step and where it is given: without one, its method and path as written.
fn step_name(step: &StepTable) -> Option<(String, Place)> {
    match &step.name {
        Field::Given(given) => Some((given.value.clone(), given.place.clone())),
        Field::Broken => None,
        Field::Absent => {
            let (method, location) = step.methods.first()?;
            let source = &location.given()?.value;
            let shown = shown_location(&crate::url::without_userinfo(&source.text));
            Some((
                format!("{} {shown}", method.value.name()),
                source.place.clone(),
            ))
        }
    }
}

fn timeouts(defaults: &Common, own: &Common, streams: bool) -> Timeouts {
    let part = |of: fn(&Common) -> &Field<Duration>| pick(of(own), of(defaults));
    Timeouts {
        total: part(|common| &common.timeout.total).unwrap_or(TOTAL),
        connect: part(|common| &common.timeout.connect).unwrap_or(CONNECT),
        tls: part(|common| &common.timeout.tls).unwrap_or(CONNECT),
        first_byte: part(|common| &common.timeout.first_byte),
        idle: part(|common| &common.timeout.idle),
        first_token: part(|common| &common.first_token_timeout).filter(|_| streams),
    }
}

/// Adds the fields that say what the body is.
fn describe_body(headers: &mut Headers, body: &Body, compress: bool) {
    if compress {
        headers.retain(|(name, _)| name != "content-encoding");
    }
    let kind = match body {
        Body::Json(_) | Body::Chat(_) => "application/json",
        Body::Form(_) => "application/x-www-form-urlencoded",
        Body::Multipart(body) => {
            // Nobody else can know the boundary.
            headers.retain(|(name, _)| name != "content-type");
            &format!("multipart/form-data; boundary={}", body.boundary)
        }
        Body::Empty | Body::Text(_) | Body::Bytes(_) => "",
    };
    let coding = if compress { "gzip" } else { "" };
    for (name, value) in [("content-type", kind), ("content-encoding", coding)] {
        if !value.is_empty() && !headers.iter().any(|(known, _)| known == name) {
            headers.push((name.to_owned(), Text::Fixed(value.to_owned())));
        }
    }
}

/// When a request is sent again.
fn retry(defaults: &Common, own: &Common) -> Option<Retry> {
    let table = &own.retry.or(&defaults.retry).given()?.value;
    let on = table.on.given()?.value.clone();
    let backoff = table.backoff.given().map_or(BACKOFF, |given| given.value);
    let most = table
        .max_backoff
        .given()
        .map_or(MAX_BACKOFF, |given| given.value);
    Some(Retry {
        statuses: on.statuses,
        kinds: on.kinds,
        max: pick(&table.max, &Field::Absent)
            .and_then(|max| u32::try_from(max).ok())
            .unwrap_or(RETRIES),
        backoff,
        max_backoff: most.max(backoff),
    })
}

/// How many redirections are followed: none where a redirection is what the step expects.
fn redirects(defaults: &Common, own: &Common) -> u32 {
    let status = own.expect.status.or(&defaults.expect.status).given();
    let is_wanted = |code: &u16| {
        status.is_some_and(|ranges| {
            let mut ranges = ranges.value.iter();
            ranges.any(|(first, last)| (*first..=*last).contains(code))
        })
    };
    let default = if REDIRECTIONS.iter().any(is_wanted) {
        0
    } else {
        REDIRECTS
    };
    pick(&own.redirects, &defaults.redirects)
        .and_then(|most| u32::try_from(most).ok())
        .unwrap_or(default)
}

pub(super) fn pick<T: Copy>(own: &Field<T>, defaults: &Field<T>) -> Option<T> {
    own.or(defaults)
        .given()
        .map(|given: &Located<T>| given.value)
}
