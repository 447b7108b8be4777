//! What is told about wrong scenarios: hundreds of cases as data.
//!
//! A file in `tests/problems/` holds cases. Each begins with `=== title`; lines that begin with `> ` are what is given
//! beside the file (`> --vus 0`, `> env TOKEN=x`); the scenario follows, and after `---` the problems it must give:
//! position, marked text, message, label, help, other marks; or the name, and the load where it is no usual one. A case without `[load]` or `[[step]]` gets them at its
//! end, unless its title ends with `(bare)`. `LOADGEN_UPDATE=1 cargo test` writes the expectations anew.

use loadgen_scenario::{Given, Overrides, Place, Problem, Problems, Room, SourceText, load};
use std::{fmt::Write as _, fs, path::Path};

const UPDATE: Option<&str> = option_env!("LOADGEN_UPDATE");

struct Case<'a> {
    title: &'a str,
    given: Vec<&'a str>,
    scenario: &'a str,
    expected: &'a str,
}

#[test]
fn problems_are_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/problems");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let mut rewritten = String::new();
        for case in cases(&text) {
            let told = check(&case);
            if UPDATE.is_none() {
                assert_eq!(told, case.expected, "{}: {}", path.display(), case.title);
            }
            let given: String = case
                .given
                .iter()
                .map(|line| format!("> {line}\n"))
                .collect();
            _ = write!(
                rewritten,
                "=== {}\n{given}{}---\n{told}\n",
                case.title, case.scenario
            );
            count += 1;
        }
        if UPDATE.is_some() {
            fs::write(&path, rewritten).unwrap();
        }
    }
    assert!(count > 200, "{count} cases");
}

fn cases(text: &str) -> Vec<Case<'_>> {
    let parts = text.split("=== ").skip(1);
    let read = |part| {
        let part: &str = part;
        let (title, rest) = part.split_once('\n').unwrap_or((part, ""));
        let (body, expected) = rest.split_once("---\n").unwrap_or((rest, ""));
        let given: Vec<&str> = body
            .lines()
            .map_while(|line| line.strip_prefix("> "))
            .collect();
        let skip: usize = given.iter().map(|line| line.len() + 3).sum();
        let expected = expected.strip_suffix('\n').unwrap_or(expected);
        Case {
            title,
            given,
            scenario: &body[skip..],
            expected,
        }
    };
    parts.map(read).collect()
}

/// The problems of a case as text.
fn check(case: &Case<'_>) -> String {
    let mut text = case.scenario.to_owned();
    if !case.title.ends_with("(bare)") {
        if !text.contains("step]") {
            text.push_str("[[step]]\nget = \"http://h/\"\n");
        }
        if !text.contains("load") {
            text.push_str("[load]\nduration = \"1s\"\n");
        }
    }
    let overrides = overrides(&case.given);
    match load(
        SourceText {
            path: "test.toml",
            text: &text,
            stem: "test",
        },
        &overrides,
    ) {
        Ok(lowered) => {
            let load = lowered.plan.loads[0].load.to_string();
            let load = Some(load).filter(|load| load != "1 user for 1s");
            let load = load.map(|load| format!(", {load}")).unwrap_or_default();
            format!("ok: {}{load}\n", lowered.plan.name)
        }
        Err(problems) => {
            assert!(!problems.list.is_empty(), "{}", case.title);
            problems
                .list
                .iter()
                .map(|problem| line(&problems, problem))
                .collect()
        }
    }
}

fn overrides(lines: &[&str]) -> Overrides {
    let mut overrides = Overrides::default();
    for line in lines {
        let (option, value) = line.split_once(' ').unwrap_or((line, ""));
        let given = Given::new(value, option);
        match option {
            "--target" | "LOADGEN_TARGET" => overrides.target = Some(given),
            "--vus" | "LOADGEN_VUS" => overrides.vus = Some(given),
            "--duration" => overrides.duration = Some(given),
            "--iterations" => overrides.iterations = Some(given),
            "--rate" | "LOADGEN_RATE" => overrides.rate = Some(given),
            "--stage" | "LOADGEN_STAGE" => overrides.stages.push(given),
            "--scale" | "LOADGEN_SCALE" => overrides.scale = Some(given),
            "--graceful-stop" => overrides.graceful_stop = Some(given),
            "--connect-rate" => overrides.connect_rate = Some(given),
            "--threshold" => overrides.thresholds.push(given),
            "file" => {
                let (path, content) = value.split_once(' ').expect("PATH CONTENT");
                let content = content.replace('⏎', "\n").into_bytes();
                overrides.files.insert(path.to_owned(), Ok(content));
            }
            "-e" => overrides.variables.push(given),
            "room" => {
                overrides.room = Some(Room {
                    ports: value.parse().expect("a number of ports"),
                    sources: 0,
                    loopbacks: 250,
                });
            }
            "--source-address" => {
                overrides
                    .room
                    .as_mut()
                    .expect("`> room` stands before")
                    .sources += 1;
            }
            "env" => {
                let (name, value) = value.split_once('=').expect("NAME=VALUE");
                overrides
                    .environment
                    .push((name.to_owned(), value.to_owned()));
            }
            _ => panic!("{option}"),
        }
    }
    overrides
}

fn line(problems: &Problems, problem: &Problem) -> String {
    let mut line = match &problem.place {
        Place::File(span) => {
            let position = problems.position(span.start);
            format!(
                "{}:{} «{}»",
                position.line,
                position.column,
                &problems.text[span.clone()]
            )
        }
        Place::Given { origin, text, span } => format!("{origin} «{}»", &text[span.clone()]),
        Place::Whole => "whole".to_owned(),
    };
    _ = write!(line, " {}", problem.message);
    if !problem.label.is_empty() {
        _ = write!(line, " [{}]", problem.label);
    }
    for mark in &problem.more {
        let position = problems.position(mark.span.start);
        _ = write!(
            line,
            " [{}:{} «{}» {}]",
            position.line,
            position.column,
            &problems.text[mark.span.clone()],
            mark.label
        );
    }
    line = line.replace('\n', "⏎");
    line.push('\n');
    if let Some(help) = &problem.help {
        _ = writeln!(line, "    {help}");
    }
    line
}
