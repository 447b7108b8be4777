//! The steps of an iteration: what each of them sends, expects and waits for.

use super::{
    Lowering,
    headers::{Headers, merge},
};
use crate::{
    document::{Common, Field, Located, Source, StepTable, keys},
    plan::{
        Body, DialectName, Expect, HttpVersion, Message, Method, OnFailure, Request, Step,
        StreamSpec, Target, Think, Timeouts,
    },
    problem::{Place, Problem},
    template::Text,
};
use loadgen_stats::StepIndex;
use std::time::Duration;

/// How long a request may take, if nothing is said.
const TOTAL: Duration = Duration::from_secs(60);
/// How long connecting and the TLS handshake may take, if nothing is said.
const CONNECT: Duration = Duration::from_secs(10);
/// The statuses that are no failure, if nothing is said.
const STATUSES: (u16, u16) = (200, 399);

impl Lowering<'_> {
    /// The steps, and whether all of them are right.
    pub(super) fn flow(&mut self, target: &Option<Target>) -> (Vec<Step>, bool) {
        let document = self.document;
        let defaults = self.headers(&document.defaults.headers);
        self.explain_defaults();
        if !document.has_steps {
            let problem = Problem::new(Place::Whole, "there is no `[[step]]`");
            self.missing(problem.help("add `[[step]]` with for example `get = \"/\"`"));
        }
        let before = self.problems.len();
        self.names();
        let mut flow = Vec::new();
        let mut requests = 0;
        for step in &document.steps {
            let lowered = match &step.think {
                Field::Absent => self.request(
                    step,
                    defaults.as_ref(),
                    target.as_ref(),
                    StepIndex(requests),
                ),
                _ => self.think(step),
            };
            requests += usize::from(matches!(lowered, Some(Step::Request(_))));
            flow.extend(lowered);
        }
        let only_pauses = document.steps.iter().all(|step| !step.think.is_absent());
        if document.has_steps
            && document.steps_complete
            && only_pauses
            && before == self.problems.len()
        {
            let problem = Problem::new(Place::Whole, "no step sends a request");
            self.missing(problem.help("add `[[step]]` with for example `get = \"/\"`"));
        }
        let complete = flow.len() == document.steps.len() && before == self.problems.len();
        (flow, complete)
    }

    /// Tells steps that have the same name.
    fn names(&mut self) {
        let document = self.document;
        let mut seen: Vec<(String, Place)> = Vec::new();
        for step in document.steps.iter().filter(|step| step.think.is_absent()) {
            let Some((name, place)) = step_name(step) else {
                continue;
            };
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
    }

    fn think(&mut self, step: &StepTable) -> Option<Step> {
        for key in &step.keys {
            let problem = Problem::new(
                &key.place,
                format!("a step with `think` cannot have `{}`", key.value),
            );
            self.tell(problem.help("a pause is a step of its own: put it in its own `[[step]]`"));
        }
        let (min, max) = step.think.given()?.value;
        step.keys
            .is_empty()
            .then_some(Step::Think(Think { min, max }))
    }

    fn request(
        &mut self,
        step: &StepTable,
        defaults: Option<&Headers>,
        target: Option<&Target>,
        index: StepIndex,
    ) -> Option<Step> {
        let (method, place) = self.method(step)?;
        let source = place.given().map(|given| given.value.clone());
        let location = source
            .as_ref()
            .and_then(|source| self.location(step, source, target));
        let own = self.headers(&step.common.headers);
        let path = location
            .as_ref()
            .map_or("", |location| location.text.source());
        let body = self.body(step, path);
        let stream = self.stream(step);
        let slo = self.slo_of(step, stream.as_ref().and_then(Option::as_ref));
        let (name, _) = step_name(step)?;
        let mut headers = merge(defaults?, own?);
        let body = body?;
        if matches!(body, Body::Json(_)) && !headers.iter().any(|(name, _)| name == "content-type")
        {
            headers.push((
                "content-type".to_owned(),
                Text::Fixed("application/json".to_owned()),
            ));
        }
        let common = &self.document.defaults;
        Some(Step::Request(Box::new(Request {
            index,
            name,
            method,
            message: Message {
                location: location?,
                headers,
                body,
                fixed: None,
            },
            timeouts: timeouts(common, &step.common),
            stream: stream?,
            expect: expect(common, &step.common),
            on_failure: pick(&step.common.on_failure, &common.on_failure)
                .unwrap_or(OnFailure::Continue),
            http_version: pick(&step.common.http_version, &common.http_version)
                .unwrap_or(HttpVersion::Http1),
            slo: slo?,
        })))
    }

    /// The one method of a step, and where it goes.
    fn method<'s>(&mut self, step: &'s StepTable) -> Option<(Method, &'s Field<Source>)> {
        let mut methods = step.methods.iter();
        let Some((method, location)) = methods.next() else {
            let problem = Problem::new(&step.place, "the step does nothing");
            // A misspelt method has been told already.
            if step
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
            self.tell(problem.help("put each request in its own `[[step]]`"));
            single = false;
        }
        single.then_some((method.value, location))
    }

    /// How the answer is read: outer absence where it is wrong, inner for a plain body.
    #[expect(clippy::option_option, reason = "wrong and plain are two things")]
    fn stream(&mut self, step: &StepTable) -> Option<Option<StreamSpec>> {
        let stall = step.common.stall.or(&self.document.defaults.stall);
        let table = match &step.stream {
            Field::Broken => return None,
            Field::Given(given) => &given.value,
            Field::Absent => {
                if let Field::Given(stall) = &step.common.stall {
                    let problem = Problem::new(
                        &stall.place,
                        "`stall` means nothing to a step without `stream`",
                    );
                    self.tell(
                        problem.help("`timeout = { idle = … }` limits silence in plain answers"),
                    );
                    return None;
                }
                return Some(None);
            }
        };
        let dialect = table.dialect.given()?.value;
        let plain = matches!(dialect, DialectName::Sse | DialectName::Ndjson);
        if let Field::Given(pointer) = &table.pointer
            && !plain
        {
            let message = format!("`pointer` means nothing to the dialect {}", dialect.name());
            self.tell(
                Problem::new(&pointer.place, message).help("it belongs to `sse` and `ndjson`"),
            );
            return None;
        }
        if let Field::Given(usage) = &table.include_usage
            && dialect != DialectName::OpenAi
        {
            let message = format!(
                "`include_usage` means nothing to the dialect {}",
                dialect.name()
            );
            self.tell(Problem::new(&usage.place, message).help("it belongs to `openai`"));
            return None;
        }
        let good =
            !matches!(table.pointer, Field::Broken) && !matches!(table.any_delta, Field::Broken);
        good.then(|| {
            Some(StreamSpec {
                dialect,
                any_delta: table.any_delta.given().is_some_and(|given| given.value),
                pointer: table.pointer.given().map(|given| given.value.clone()),
                stall: stall.given().map(|given| given.value),
            })
        })
    }

    fn explain_defaults(&mut self) {
        let document = self.document;
        let defaults = &document.defaults;
        let show = |length: &Duration| crate::format_duration(*length);
        self.or_default(
            "defaults.timeout.total",
            &defaults.timeout.total,
            TOTAL,
            show,
        );
        self.or_default(
            "defaults.timeout.connect",
            &defaults.timeout.connect,
            CONNECT,
            show,
        );
        self.or_default("defaults.timeout.tls", &defaults.timeout.tls, CONNECT, show);
        for (key, field) in [
            ("defaults.timeout.first_byte", &defaults.timeout.first_byte),
            ("defaults.timeout.idle", &defaults.timeout.idle),
            ("defaults.stall", &defaults.stall),
        ] {
            if let Some(given) = field.given() {
                self.explain_file(key, &show(&given.value), &given.place);
            }
        }
        self.or_default(
            "defaults.on_failure",
            &defaults.on_failure,
            OnFailure::Continue,
            |one| one.name().to_owned(),
        );
        self.or_default(
            "defaults.http_version",
            &defaults.http_version,
            HttpVersion::Http1,
            |one| one.name().to_owned(),
        );
        for (name, source) in &defaults.headers {
            let value = if crate::secrets::is_secret_header(&name.value) {
                "***"
            } else {
                source.text.as_str()
            };
            self.explain_file(
                &format!("defaults.headers.{}", name.value),
                value,
                &name.place,
            );
        }
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
            let shown = crate::url::without_userinfo(&source.text);
            Some((
                format!("{} {shown}", method.value.name()),
                source.place.clone(),
            ))
        }
    }
}

fn timeouts(defaults: &Common, own: &Common) -> Timeouts {
    let part = |of: fn(&Common) -> &Field<Duration>| pick(of(own), of(defaults));
    Timeouts {
        total: part(|common| &common.timeout.total).unwrap_or(TOTAL),
        connect: part(|common| &common.timeout.connect).unwrap_or(CONNECT),
        tls: part(|common| &common.timeout.tls).unwrap_or(CONNECT),
        first_byte: part(|common| &common.timeout.first_byte),
        idle: part(|common| &common.timeout.idle),
    }
}

fn expect(defaults: &Common, own: &Common) -> Expect {
    let status = own.expect.status.or(&defaults.expect.status).given();
    let body_contains = own
        .expect
        .body_contains
        .or(&defaults.expect.body_contains)
        .given();
    Expect {
        statuses: status.map_or_else(|| vec![STATUSES], |given| given.value.clone()),
        status_is_check: status.is_some(),
        body_contains: body_contains
            .map(|given| given.value.clone())
            .unwrap_or_default(),
    }
}

fn pick<T: Copy>(own: &Field<T>, defaults: &Field<T>) -> Option<T> {
    own.or(defaults)
        .given()
        .map(|given: &Located<T>| given.value)
}
