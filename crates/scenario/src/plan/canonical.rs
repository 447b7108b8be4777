//! The plan in one form whatever the file looked like, so that equal plans have equal hashes.

use super::{
    Alternative, Arrivals, Body, CONNECT_RATE, Condition, Expect, Limited, Load, LoadPlan, Message,
    Once, PartContent, Request, Scenario, Stage, StartAt, Step, StreamSpec, Timeouts, Turns,
    UserCount,
};
use crate::{
    data::DataSet, document::OFF, lower::flow::REDIRECTS, quantity::format_duration, reply::Check,
    secrets,
};
use loadgen_stats::SloLimit;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};

/// Bytes of the longest body that stands in the plan itself.
const LONGEST_BODY: usize = 64 << 10;

/// The canonical plan as JSON text, and its SHA-256 in hexadecimal.
///
/// `inputs` is what templates that are rendered for each request can use, secrets left out.
pub(crate) fn canonical(
    loads: &[LoadPlan],
    scenarios: &[Scenario],
    once: [&Once; 2],
    data: &[Arc<DataSet>],
    inputs: &Value,
    secrets: &[String],
) -> (String, String) {
    let mut value = json!({ "inputs": inputs });
    if let Some(shared) = loads.iter().find(|load| load.members.len() > 1) {
        value["load"] = Value::Object(load_plan(shared, loads, scenarios));
    }
    value["scenarios"] = scenarios
        .iter()
        .enumerate()
        .map(|(place, one)| scenario(place, one, loads, scenarios, secrets))
        .collect();
    // Only where there is some, so that plans without it keep their hash.
    for (key, once) in ["setup", "teardown"].into_iter().zip(once) {
        if !once.steps.is_empty() {
            value[key] = json!([time(once.limit), steps(&once.steps, secrets)]);
        }
    }
    if !data.is_empty() {
        let sets = data.iter().map(|set| (set.name.to_string(), data_set(set)));
        value["data"] = Value::Object(sets.collect());
    }
    let text = sorted(value).to_string();
    let digest = Sha256::digest(text.as_bytes());
    let hash = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    (text, hash)
}

fn data_set(set: &DataSet) -> Value {
    json!({
        "sha256": set.hash,
        "rows": set.len(),
        "pick": set.pick.name(),
        "at_end": set.at_end.name(),
        "per": set.per.name(),
    })
}

/// A scenario with its load, or with its share of the one that stands beside the scenarios.
fn scenario(
    place: usize,
    scenario: &Scenario,
    loads: &[LoadPlan],
    scenarios: &[Scenario],
    secrets: &[String],
) -> Value {
    let flow = steps(&scenario.flow, secrets);
    let plan = &loads[scenario.load];
    let mut value = match plan.members.as_slice() {
        [_] => load_plan(plan, loads, scenarios),
        members => {
            let share = members.iter().find(|member| member.scenario.0 == place);
            let share = share.map_or(Value::Null, |member| member.share.into());
            Map::from_iter([("share".to_owned(), share)])
        }
    };
    let name = (scenarios.len() > 1).then_some(scenario.name.as_str());
    value.insert("name".to_owned(), name.into());
    value.insert("flow".to_owned(), flow);
    if !scenario.before.is_empty() {
        value.insert("before".to_owned(), steps(&scenario.before, secrets));
    }
    if let Some(pace) = scenario.pace {
        value.insert("pace".to_owned(), time(pace));
    }
    Value::Object(value)
}

fn load_plan(plan: &LoadPlan, loads: &[LoadPlan], scenarios: &[Scenario]) -> Map<String, Value> {
    let mut value = Map::new();
    value.insert("load".to_owned(), load(&plan.load));
    value.insert("graceful_stop".to_owned(), time(plan.graceful_stop));
    match plan.start {
        StartAt::At(Duration::ZERO) => {}
        StartAt::At(length) => _ = value.insert("start_after".to_owned(), time(length)),
        StartAt::After(before) => {
            let first = loads[before].members.first();
            let name = first.map_or("", |member| &scenarios[member.scenario.0].name);
            let after = format!("scenario:{name}");
            value.insert("start_after".to_owned(), after.into());
        }
    }
    if !plan.warm_up.is_zero() {
        value.insert("warm_up".to_owned(), time(plan.warm_up));
    }
    // Only where it is not what it is without a word, so that plans that say nothing keep their hash.
    if !plan.load.is_open() && plan.connect_rate != plan.part_of(CONNECT_RATE, loads) {
        let rate = plan
            .connect_rate
            .map_or_else(|| OFF.into(), |rate| rate.get().into());
        value.insert("connect_rate".to_owned(), rate);
    }
    value
}

fn load(load: &Load) -> Value {
    let executor = load.executor();
    match load {
        Load::ConstantVus { vus, duration } => {
            json!({ "executor": executor, "vus": vus.get(), "duration": time(*duration) })
        }
        Load::SharedIterations {
            vus,
            iterations,
            max_duration,
        }
        | Load::PerVuIterations {
            vus,
            iterations,
            max_duration,
        } => json!({
            "executor": executor,
            "vus": vus.get(),
            "iterations": iterations,
            "max_duration": time(*max_duration),
        }),
        Load::RampingVus {
            start_vus,
            stages,
            graceful_ramp_down,
        } => json!({
            "executor": executor,
            "start_vus": start_vus,
            "stages": self::stages(stages),
            "graceful_ramp_down": time(*graceful_ramp_down),
        }),
        Load::ConstantArrivalRate {
            rate,
            duration,
            max_vus,
            arrivals,
        } => json!({
            "executor": executor,
            "rate": rate.get(),
            "duration": time(*duration),
            "max_vus": max_vus.map(UserCount::get),
            "arrivals": self::arrivals(*arrivals),
        }),
        Load::RampingArrivalRate {
            start_rate,
            stages,
            max_vus,
            arrivals,
        } => json!({
            "executor": executor,
            "start_rate": start_rate,
            "stages": self::stages(stages),
            "max_vus": max_vus.map(UserCount::get),
            "arrivals": self::arrivals(*arrivals),
        }),
        // How it goes is no part of the plan: it follows from what is found.
        Load::SteeredVus { .. } | Load::SteeredArrivalRate { .. } => {
            json!({ "executor": executor })
        }
    }
}

fn stages(stages: &[Stage]) -> Value {
    stages
        .iter()
        .map(|stage| json!([time(stage.duration), stage.target]))
        .collect()
}

fn arrivals(arrivals: Arrivals) -> Value {
    match arrivals {
        Arrivals::Gamma { burstiness } => json!([arrivals.name(), burstiness]),
        Arrivals::Uniform | Arrivals::Poisson => arrivals.name().into(),
    }
}

fn step(step: &Step, secrets: &[String]) -> Value {
    match step {
        Step::Think(think) => json!({ "think": [time(think.min), time(think.max)] }),
        Step::Request(request) => self::request(request, secrets),
        Step::Steps(inner) => json!({ "step": steps(inner, secrets) }),
        Step::Parallel(inner) => json!({ "parallel": steps(inner, secrets) }),
        Step::Choose(alternatives) => {
            let one = |one: &Alternative| json!([one.share, self::step(&one.step, secrets)]);
            json!({ "choose": alternatives.iter().map(one).collect::<Value>() })
        }
        Step::Group(group) => {
            json!({ "group": group.name, "step": self::step(&group.step, secrets) })
        }
        Step::Guarded(guarded) => {
            let when = guarded.when.as_ref().map(Condition::source);
            json!({
                "when": when.map(|when| secrets::mask(secrets, when).into_owned()),
                "repeat": [guarded.repeat.min, guarded.repeat.max],
                "step": self::step(&guarded.step, secrets),
            })
        }
    }
}

fn steps(steps: &[Step], secrets: &[String]) -> Value {
    steps.iter().map(|one| step(one, secrets)).collect()
}

fn request(request: &Request, secrets: &[String]) -> Value {
    let slo = limits(&request.slo);
    let mut value = json!({
        "name": request.name,
        "method": request.method.name(),
        "message": message(&request.message, secrets),
        "timeouts": timeouts(&request.timeouts),
        "stream": request.stream.as_ref().map(stream),
        "expect": hide(expect(&request.expect), secrets),
        "on_failure": request.on_failure.name(),
        "http_version": request.http_version.name(),
        "slo": slo,
    });
    if let Some(conversation) = &request.conversation {
        let think = conversation.think;
        let turns = match &conversation.turns {
            Turns::Drawn(repeat) => json!([repeat.min, repeat.max]),
            Turns::Computed(text) => secrets::mask(secrets, text.source()).into(),
        };
        value["conversation"] = json!({
            "turns": turns,
            "think": think.map(|think| [time(think.min), time(think.max)]),
        });
    }
    if request.new_connection {
        value["connection"] = "new".into();
    }
    if request.redirects != REDIRECTS {
        value["redirects"] = request.redirects.into();
    }
    // Only where it is asked for, so that plans without it keep their hash.
    if let Some(retry) = &request.retry {
        let kinds = retry.kinds.iter().map(|kind| kind.name());
        value["retry"] = json!({
            "statuses": retry.statuses,
            "kinds": kinds.collect::<Vec<_>>(),
            "max": retry.max,
            "backoff": [time(retry.backoff), time(retry.max_backoff)],
        });
    }
    if let Some(limit) = &request.rate_limit {
        let of = match limit.of {
            Limited::File => "file",
            Limited::Scenario(_) => "scenario",
            Limited::Step => "step",
        };
        value["rate_limit"] = json!([limit.rate.get(), of]);
    }
    if let Some(cancel) = &request.cancel {
        value["cancel"] = json!({
            "after": cancel.after.map(time),
            "after_tokens": cancel.after_tokens,
            "probability": cancel.probability,
        });
    }
    if let Some(life) = request.cookies {
        value["cookies"] = life.name().into();
    }
    if !request.extract.is_empty() {
        let extracts = request.extract.iter();
        let extracts = extracts.map(|one| (one.name.to_string(), one.canonical()));
        value["extract"] = Value::Object(extracts.collect());
        value["on_missing"] = request.on_missing.name().into();
    }
    value
}

fn limits(limits: &[SloLimit]) -> Map<String, Value> {
    let limit = |limit: &SloLimit| (limit.trend.name().to_owned(), time(limit.limit));
    limits.iter().map(limit).collect()
}

fn message(message: &Message, secrets: &[String]) -> Value {
    let hidden = |text: &str| Value::from(secrets::mask(secrets, text).into_owned());
    let query: Vec<Value> = message
        .location
        .query
        .iter()
        .map(|part| json!([part.key, hidden(part.value.source())]))
        .collect();
    let header = |(name, value): &(String, crate::Text)| {
        let secret = secrets::is_secret_header(name) || message.of_one_origin.contains(name);
        let value = if secret {
            Value::from("***")
        } else {
            hidden(value.source())
        };
        (name.clone(), value)
    };
    let body = match &message.body {
        Body::Empty => Value::Null,
        Body::Text(text) => bounded(hidden(text.source())),
        Body::Bytes(bytes) => Value::from(format!("{:x}", Sha256::digest(bytes))),
        Body::Json(json) => bounded(json_body(&json.source(), secrets)),
        Body::Chat(chat) => bounded(json_body(&chat.source(), secrets)),
        Body::Form(pairs) => pairs
            .iter()
            .map(|pair| json!([pair.key, hidden(pair.value.source())]))
            .collect(),
        Body::Multipart(body) => body
            .parts
            .iter()
            .map(|part| match &part.content {
                PartContent::Text(text) => json!([part.head, bounded(hidden(text.source()))]),
                PartContent::Bytes(bytes) => {
                    json!([part.head, format!("{:x}", Sha256::digest(bytes))])
                }
            })
            .collect(),
    };
    let mut headers: Map<_, _> = message.headers.iter().map(header).collect();
    if let Some(token) = &message.token {
        headers.insert(token.name.clone(), "***".into());
    }
    json!({
        "location": hidden(message.location.text.source()),
        "query": query,
        "headers": headers,
        "body": body,
    })
}

/// The body itself, or its length and hash where it is so long that it would fill the run log.
fn bounded(body: Value) -> Value {
    let text = match body {
        Value::String(text) if text.len() > LONGEST_BODY => text,
        Value::Object(_) => {
            let body = sorted(body);
            let text = body.to_string();
            if text.len() <= LONGEST_BODY {
                return body;
            }
            text
        }
        short => return short,
    };
    json!({ "sha256": format!("{:x}", Sha256::digest(&text)), "length": text.len() })
}

/// JSON as a tree, so that the order of its keys does not matter; secrets are hidden in its strings.
fn json_body(text: &str, secrets: &[String]) -> Value {
    let tree = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
    json!({ "json": hide(tree, secrets) })
}

fn hide(value: Value, secrets: &[String]) -> Value {
    match value {
        Value::String(text) => Value::from(secrets::mask(secrets, &text).into_owned()),
        Value::Array(values) => values
            .into_iter()
            .map(|value| hide(value, secrets))
            .collect(),
        Value::Object(entries) => Value::Object(
            entries
                .into_iter()
                .map(|(key, value)| (key, hide(value, secrets)))
                .collect(),
        ),
        other => other,
    }
}

fn timeouts(timeouts: &Timeouts) -> Value {
    let mut value = json!({
        "total": time(timeouts.total),
        "connect": time(timeouts.connect),
        "tls": time(timeouts.tls),
        "first_byte": timeouts.first_byte.map(time),
        "idle": timeouts.idle.map(time),
    });
    if let Some(length) = timeouts.first_token {
        value["first_token"] = time(length);
    }
    value
}

fn stream(stream: &StreamSpec) -> Value {
    json!({
        "dialect": stream.dialect.name(),
        "any_delta": stream.any_delta,
        "pointer": stream.pointer,
        "stall": stream.stall.map(time),
    })
}

fn expect(expect: &Expect) -> Value {
    let mut statuses = expect.statuses.clone();
    statuses.sort_unstable();
    let (texts, others): (Vec<_>, Vec<_>) = expect
        .checks
        .iter()
        .partition(|check| matches!(check, Check::BodyContains(_)));
    let text = |check: &&Check| match check {
        Check::BodyContains(text) => Some(Value::from(text.source())),
        _ => None,
    };
    let mut value = json!({
        "statuses": statuses,
        "status_is_check": expect.status_is_check,
        "body_contains": texts.iter().filter_map(text).collect::<Value>(),
    });
    if !others.is_empty() {
        value["checks"] = others.into_iter().map(Check::canonical).collect();
    }
    if !expect.within.is_empty() {
        value["within"] = Value::Object(limits(&expect.within));
    }
    value
}

fn time(length: Duration) -> Value {
    Value::from(format_duration(length))
}

/// The same value with the keys of every table in order.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(entries) => {
            let mut entries: Vec<(String, Value)> = entries.into_iter().collect();
            entries.sort_by(|left, right| left.0.cmp(&right.0));
            Value::Object(
                entries
                    .into_iter()
                    .map(|(key, value)| (key, sorted(value)))
                    .collect(),
            )
        }
        Value::Array(values) => Value::Array(values.into_iter().map(sorted).collect()),
        other => other,
    }
}
