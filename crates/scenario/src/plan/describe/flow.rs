//! Tells in words what one iteration does, step by step.

use crate::{
    lower::flow::REDIRECTS,
    plan::{
        Alternative, Cancel, Condition, Guarded, Limited, OnFailure, RateLimit, Request, Retry,
        Step, Think,
    },
    quantity::{format_duration, format_rate},
    reply::Check,
    template::Life,
};
use loadgen_stats::SloLimit;
use std::fmt::Write as _;

/// Writes the steps, numbered, those inside others further to the right.
pub(super) fn describe(text: &mut String, steps: &[Step]) {
    describe_below(text, steps, "", "  ");
}

/// Steps whose numbers begin with `prefix`.
fn describe_below(text: &mut String, steps: &[Step], prefix: &str, margin: &str) {
    for (number, step) in (1..).zip(steps) {
        describe_step(text, step, &format!("{prefix}{number}"), margin, "");
    }
}

/// One step; `lead` stands before what it does.
fn describe_step(text: &mut String, step: &Step, number: &str, margin: &str, lead: &str) {
    // Writing to a string does not fail.
    let inside = format!("{margin}   ");
    let (prefix, start) = (format!("{number}."), format!("{margin}{number}. {lead}"));
    match step {
        Step::Think(think) => {
            _ = writeln!(text, "{start}think {}", pause(*think));
        }
        Step::Request(request) => describe_request(text, &start, &inside, request),
        Step::Steps(steps) => {
            _ = writeln!(text, "{start}in order");
            describe_below(text, steps, &prefix, &inside);
        }
        Step::Parallel(steps) => {
            _ = writeln!(text, "{start}at once");
            describe_below(text, steps, &prefix, &inside);
        }
        Step::Choose(alternatives) => {
            _ = writeln!(text, "{start}one of");
            for (number, Alternative { share, step }) in (1..).zip(alternatives) {
                let lead = format!("{}%: ", (share * 1e4).round() / 1e2);
                describe_step(text, step, &format!("{prefix}{number}"), &inside, &lead);
            }
        }
        Step::Group(group) => {
            let lead = format!("{lead}group {}, ", group.name);
            describe_step(text, &group.step, number, margin, &lead);
        }
        Step::Guarded(guarded) => {
            let lead = format!("{lead}{}: ", guard(guarded));
            describe_step(text, &guarded.step, number, margin, &lead);
        }
    }
}

fn pause(think: Think) -> String {
    let (min, max) = (format_duration(think.min), format_duration(think.max));
    if min == max {
        min
    } else {
        format!("{min}..{max}")
    }
}

/// How often a step is done, and when.
fn guard(guarded: &Guarded) -> String {
    let (min, max) = (guarded.repeat.min, guarded.repeat.max);
    let times = match (min, max) {
        (1, 1) => None,
        (min, max) if min == max => Some(format!("{min} times")),
        (min, max) => Some(format!("{min} to {max} times")),
    };
    let when = guarded.when.as_ref().map(Condition::source);
    match (times, when) {
        (Some(times), Some(when)) => format!("{times}, as long as {when}"),
        (Some(times), None) => times,
        (None, when) => format!("when {}", when.unwrap_or_default()),
    }
}

fn describe_request(text: &mut String, start: &str, inside: &str, request: &Request) {
    let title = format!(
        "{} {}",
        request.method.name(),
        request.message.location.text.source()
    );
    let name = if request.name == title {
        String::new()
    } else {
        format!("{}: ", request.name)
    };
    _ = writeln!(text, "{start}{name}{title}");
    _ = writeln!(text, "{inside}{}", about(request).join("; "));
    if !request.extract.is_empty() {
        let names = request.extract.iter().map(|one| one.name.as_ref());
        let names: Vec<&str> = names.collect();
        _ = writeln!(text, "{inside}extracts {}", names.join(", "));
    }
    if !request.slo.is_empty() {
        _ = writeln!(text, "{inside}good within {}", limits(&request.slo));
    }
}

fn about(request: &Request) -> Vec<String> {
    let expect = &request.expect;
    let expected: Vec<String> = expect
        .statuses
        .iter()
        .map(|range| statuses(*range))
        .collect();
    let mut about: Vec<String> = request
        .stream
        .iter()
        .map(|stream| format!("stream {}", stream.dialect.name()))
        .collect();
    about.extend(request.conversation.as_ref().map(|talk| {
        let between = talk
            .think
            .map(|think| format!(", {} between them", pause(think)));
        let turns = talk.turns.describe();
        format!("a conversation of {turns}{}", between.unwrap_or_default())
    }));
    about.extend(
        request
            .new_connection
            .then(|| "on a connection of its own".to_owned()),
    );
    about.extend(request.retry.as_ref().map(|retry| {
        let times = if retry.max == 1 { "time" } else { "times" };
        let after = causes(retry).join(", ");
        format!("tried again up to {} {times} after {after}", retry.max)
    }));
    about.extend(redirections(request.redirects));
    about.extend((request.message.compress).then(|| "compressed with gzip".to_owned()));
    about.extend(request.message.unsaid.iter().cloned());
    about.extend(request.cookies.map(|life| match life {
        Life::Iteration => "keeps cookies for the iteration".to_owned(),
        Life::User => "keeps cookies".to_owned(),
    }));
    about.extend(request.rate_limit.as_ref().map(rate_limit));
    about.extend(request.cancel.as_ref().map(Cancel::to_string));
    about.push(format!(
        "timeout {}",
        format_duration(request.timeouts.total)
    ));
    let first_token = request.timeouts.first_token;
    let stall = request.stream.as_ref().and_then(|stream| stream.stall);
    for (what, limit) in [("first token", first_token), ("stall", stall)] {
        about.extend(limit.map(|limit| format!("{what} {}", format_duration(limit))));
    }
    about.push(format!("expects {}", expected.join(", ")));
    about.extend(ends(request.on_failure));
    let is_text = |check: &&Check| matches!(check, Check::BodyContains(_));
    let texts = expect.checks.iter().filter(is_text).count();
    for (count, one, several) in [
        (texts, "text in the body", "texts in the body"),
        (expect.checks.len() - texts, "more check", "more checks"),
    ] {
        match count {
            0 => {}
            1 => about.push(format!("1 {one}")),
            _ => about.push(format!("{count} {several}")),
        }
    }
    if !expect.within.is_empty() {
        about.push(format!("within {}", limits(&expect.within)));
    }
    let constant = request.message.is_constant();
    about.push(
        if constant {
            "the same every time"
        } else {
            "rendered for each request"
        }
        .to_owned(),
    );
    about
}

/// How often it may begin, and with whom it shares that.
fn rate_limit(limit: &RateLimit) -> String {
    let shared = match limit.of {
        Limited::File => ", shared by all requests of the file",
        Limited::Scenario(_) => ", shared by all requests of its scenario",
        Limited::Step => "",
    };
    format!("at most {}{shared}", format_rate(limit.rate.get()))
}

/// How many redirections are followed, where that is not the usual number.
fn redirections(most: u32) -> Option<String> {
    match most {
        REDIRECTS => None,
        0 => Some("follows no redirection".to_owned()),
        1 => Some("follows 1 redirection".to_owned()),
        most => Some(format!("follows up to {most} redirections")),
    }
}

/// What a failure ends, if anything.
fn ends(on_failure: OnFailure) -> Option<String> {
    match on_failure {
        OnFailure::Continue => None,
        OnFailure::NextIteration => Some("a failure ends the iteration".to_owned()),
        OnFailure::StopUser => Some("a failure ends the user".to_owned()),
    }
}

/// What a request is sent again after.
fn causes(retry: &Retry) -> Vec<String> {
    let of_statuses = retry.statuses.iter().map(|range| statuses(*range));
    let of_errors = retry.kinds.iter().map(|kind| kind.name().to_owned());
    of_statuses.chain(of_errors).collect()
}

fn limits(limits: &[SloLimit]) -> String {
    let limit =
        |limit: &SloLimit| format!("{} {}", limit.trend.name(), format_duration(limit.limit));
    limits.iter().map(limit).collect::<Vec<_>>().join(", ")
}

fn statuses((first, last): (u16, u16)) -> String {
    if first == last {
        first.to_string()
    } else if first % 100 == 0 && last == first + 99 {
        format!("{}xx", first / 100)
    } else {
        format!("{first}-{last}")
    }
}
