//! Metrics with tags, right and wrong.

use super::*;

#[test]
fn commas_in_quotes_part_nothing() {
    for (inner, expected) in [
        ("step=a", &["step=a"][..]),
        ("step=a,status=2", &["step=a", "status=2"]),
        ("step=\"b,c d\"", &["step=\"b,c d\""]),
        ("step = 'b,c' , status=2", &["step = 'b,c' ", " status=2"]),
        ("step=it's,status=2", &["step=it's", "status=2"]),
        (
            "step='it's,here',status=2",
            &["step='it's,here'", "status=2"],
        ),
        ("step=\"a,status=2", &["step=\"a", "status=2"]),
        ("", &[""]),
    ] {
        assert_eq!(tag_parts(inner), expected, "{inner}");
    }
}
use crate::fixtures::{CHAT, LIST, layout};
use crate::{Counter, Gauge, Rate, turn_name};

#[test]
fn selections() {
    let all = Selection::default;
    let step = |step| Selection::of_step(step);
    let users = ScenarioIndex(0);
    let cases = [
        ("ttft", Metric::Trend(Trend::Ttft), all()),
        ("  vus ", Metric::Gauge(Gauge::Vus), all()),
        ("ttft{step=chat}", Metric::Trend(Trend::Ttft), step(CHAT)),
        ("itl{ step = chat }", Metric::Trend(Trend::Itl), step(CHAT)),
        (
            r#"http_reqs{step="list"}"#,
            Metric::Counter(Counter::HttpReqs),
            step(LIST),
        ),
        (
            "http_reqs{step='list'} ",
            Metric::Counter(Counter::HttpReqs),
            step(LIST),
        ),
        (
            "iterations{scenario=users}",
            Metric::Counter(Counter::Iterations),
            Selection::of_scenario(users),
        ),
        (
            "http_req_duration{scenario=users,step=list,outcome=ok}",
            Metric::Trend(Trend::HttpReqDuration),
            Selection {
                scenario: Some(users),
                ..step(LIST).with_outcome(Outcome::Ok)
            },
        ),
        (
            "http_req_duration{status=429}",
            Metric::Trend(Trend::HttpReqDuration),
            Selection {
                status: Some(429),
                ..all()
            },
        ),
        (
            "http_req_failed{error=timeout,step=chat}",
            Metric::Rate(Rate::HttpReqFailed),
            Selection {
                error: Some(ErrorKind::Timeout),
                ..step(CHAT)
            },
        ),
        (
            "dropped_iterations{reason=max_vus,scenario=users}",
            Metric::Counter(Counter::DroppedIterations),
            Selection {
                reason: Some(DropReason::MaxVus),
                ..Selection::of_scenario(users)
            },
        ),
        (
            "iteration_duration{outcome=failed}",
            Metric::Trend(Trend::IterationDuration),
            all().with_outcome(Outcome::Failed),
        ),
    ];
    for (text, metric, selection) in cases {
        assert_eq!(
            parse(text, &layout()).unwrap(),
            (metric, selection),
            "{text}"
        );
    }
}

#[test]
fn a_step_name_of_several_scenarios_means_all_of_them() {
    let mut layout = layout();
    layout.steps[2].name = "chat".to_owned();
    layout.steps[2].stream = true;
    let both = parse("ttft{step=chat}", &layout).unwrap().1;
    assert_eq!(both.steps, Some(vec![CHAT, StepIndex(2)]));
    let one = parse("ttft{step=chat,scenario=probe}", &layout).unwrap().1;
    assert_eq!(one.steps, Some(vec![StepIndex(2)]));
}

/// The marked text of every problem, what is wrong and what helps.
fn problems(text: &str) -> Vec<String> {
    let problems = parse(text, &layout()).unwrap_err().problems;
    let shown = |problem: &ThresholdProblem| {
        assert_eq!(problem.place, ThresholdPlace::Metric);
        let help = problem.help.as_deref().unwrap_or("-");
        format!(
            "[{}] {} | {help}",
            &text[problem.span.clone()],
            problem.message
        )
    };
    problems.iter().map(shown).collect()
}

#[test]
fn every_problem_is_marked() {
    let cases: [(&str, &[&str]); 20] = [
        (
            "ttftt",
            &["[ttftt] unknown metric `ttftt` | did you mean `ttft`?"],
        ),
        (
            "",
            &[
                "[] a metric is missing | such as `http_req_duration`, `http_req_failed`, `http_reqs`, `checks`, `ttft` or `itl`",
            ],
        ),
        (
            "{step=chat}",
            &[
                "[] a metric is missing | such as `http_req_duration`, `http_req_failed`, `http_reqs`, `checks`, `ttft` or `itl`",
            ],
        ),
        (
            "htp",
            &[
                "[htp] unknown metric `htp` | such as `http_req_duration`, `http_req_failed`, `http_reqs`, `checks`, `ttft` or `itl`",
            ],
        ),
        (
            "latency",
            &["[latency] unknown metric `latency` | did you mean `http_req_latency`?"],
        ),
        (
            "ttft{step=chta}",
            &["[chta] unknown step `chta` | did you mean `chat`?"],
        ),
        (
            "ttft{stepp=chat}",
            &["[stepp] `ttft` has no tag `stepp` | did you mean `step`?"],
        ),
        (
            "itl{outcome=ok}",
            &["[outcome] `itl` has no tag `outcome` | its tags are scenario, step, turn"],
        ),
        (
            "iterations{step=chat}",
            &["[step] `iterations` has no tag `step` | its tags are scenario"],
        ),
        (
            "iterations{reason=end}",
            &["[reason] `iterations` has no tag `reason` | its tags are scenario"],
        ),
        (
            "dropped_iterations{reason=max_vu}",
            &["[max_vu] unknown reason `max_vu` | did you mean `max_vus`?"],
        ),
        (
            "iteration_duration{status=200}",
            &["[status] `iteration_duration` has no tag `status` | its tags are scenario, outcome"],
        ),
        (
            "vus{scenario=users}",
            &["[scenario] `vus` has no tag `scenario` | it has no tags"],
        ),
        (
            "ttft{step:chat}",
            &["[step:chat] this is no tag with a value | write `step=chat`"],
        ),
        (
            "ttft{step=chat",
            &["[{step=chat] the braces are not closed | write `metric{tag=value}`"],
        ),
        (
            "http_reqs{status=2xx}",
            &["[2xx] `2xx` is no HTTP status | write three digits, such as 200"],
        ),
        (
            "http_reqs{status=20}",
            &["[20] `20` is no HTTP status | write three digits, such as 200"],
        ),
        (
            "ttft{step=chat,step=list}",
            &["[step] tag `step` is given twice | -"],
        ),
        (
            "ttft{step=ping,scenario=users}",
            &["[{step=ping,scenario=users}] the scenario has no such step | -"],
        ),
        (
            "tfft{step=chta,scenario=user,error=timout,outcome=fail}",
            &[
                "[tfft] unknown metric `tfft` | did you mean `ttft`?",
                "[chta] unknown step `chta` | did you mean `chat`?",
                "[user] unknown scenario `user` | did you mean `users`?",
                "[timout] unknown error kind `timout` | did you mean `timeout`?",
                "[fail] unknown outcome `fail` | there are `ok`, `failed`, `rejected`, `cancelled`, `redirected`",
            ],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(problems(text), expected, "{text}");
    }
}

#[test]
fn a_metric_that_the_selected_steps_cannot_have_is_a_problem() {
    let help = "only streams have it: add `stream` to a step";
    let cases = [
        ("ttft{step=list}", format!("[list] step `list` cannot have `ttft` | {help}")),
        ("tpot{scenario=probe}", format!("[probe] scenario `probe` cannot have `tpot` | {help}")),
        (
            "stream_failed{ step = list, status = 200 }",
            format!("[list] step `list` cannot have `stream_failed` | {help}"),
        ),
        (
            "goodput{step=ping}",
            "[ping] step `ping` cannot have `goodput` | only requests with limits have it: add `[slo]`".to_owned(),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(problems(text), [expected], "{text}");
    }
    let mut plain = layout();
    for step in &mut plain.steps {
        (step.stream, step.slo) = (false, Vec::new());
    }
    for name in ["ttft", "itl", "stream_failed", "goodput"] {
        let failed = parse(name, &plain).unwrap_err().problems;
        assert_eq!(failed[0].message, format!("no step can have `{name}`"));
        // Of steps that are not known nothing is said.
        assert!(parse(name, &Layout::default()).is_ok(), "{name}");
    }
}

#[test]
fn a_trend_is_selected_by_status_or_outcome() {
    let expected = "[{status=200,outcome=ok}] a trend is selected by status or by outcome, not by both | keep one of the two";
    assert_eq!(problems("ttft{status=200,outcome=ok}"), [expected]);
}

/// A layout in which the step `chat` is a conversation.
fn with_turns() -> Layout {
    let mut layout = layout();
    for turn in [1, 2] {
        layout.steps.push(StepLayout {
            name: turn_name("chat", turn),
            role: StepRole::Turn,
            ..layout.steps[CHAT.0].clone()
        });
    }
    layout
}

#[test]
fn turns_are_selected_with_their_step() {
    let layout = with_turns();
    let places = |turn| vec![StepIndex(layout.steps.len() - 3 + turn)];
    for (text, turn) in [
        ("ttft{step=chat,turn=1}", 1),
        ("itl{turn=2,step=chat}", 2),
        ("http_reqs{turn=2}", 2),
        ("http_req_failed{scenario=users,turn=1}", 1),
        ("http_req_duration{step=chat,turn=2,outcome=ok}", 2),
    ] {
        let (_, selection) = parse(text, &layout).unwrap();
        assert_eq!(selection.steps, Some(places(turn)), "{text}");
    }
    for (text, told) in [
        ("ttft{step=chat,turn=3}", "there are no figures of a turn 3"),
        (
            "http_reqs{step=list,turn=1}",
            "there are no figures of a turn 1",
        ),
        ("ttft{turn=0}", "`0` is no number of a turn"),
        ("ttft{turn=two}", "`two` is no number of a turn"),
        ("ttft{step=chatt,turn=1}", "unknown step `chatt`"),
        ("iterations{turn=1}", "`iterations` has no tag `turn`"),
    ] {
        let problems = parse(text, &layout).unwrap_err().problems;
        let messages: Vec<&str> = problems.iter().map(|one| one.message.as_str()).collect();
        assert_eq!(messages, [told], "{text}");
    }
}
