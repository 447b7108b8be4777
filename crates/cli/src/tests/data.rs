//! What each key of data sets does: which rows are sent, by whom, and until when. And prompts that are made up.

use super::*;
use loadgen_testkit::{ScriptedServer, Step};
use std::collections::{BTreeMap, BTreeSet};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const USERS: &str = "name,password\nann,pw1\nbob,pw2\ncy,pw3\n";

/// What was asked for in each request, in the order of arrival, and how the program ended.
struct Asked {
    paths: Vec<String>,
    played: Played,
}

/// Runs this load with these tables against a server; files stand beside the scenario.
#[track_caller]
fn asked(load: &str, tables: &str, files: &[(&str, &str)], workers: &str) -> Asked {
    let turn = [Step::ReadRequest, Step::write(OK)];
    let server = ScriptedServer::repeat(turn.into_iter().cycle().take(400).collect()).unwrap();
    let text = format!(
        "target = \"{}\"\nload = {{ {load} }}\n{tables}",
        server.url("")
    );
    let words = [
        "run",
        "in/a.toml",
        "--no-log",
        "--quiet",
        "--seed",
        "5",
        "--workers",
        workers,
        "--out",
        "json=out.json",
    ];
    let mut stage = Stage::new(&words).file("in/a.toml", &text);
    for (name, content) in files {
        stage = stage.file(&format!("in/{name}"), content);
    }
    let played = on(stage);
    let sent = String::from_utf8_lossy(&server.received().concat()).into_owned();
    let path = |line: &str| {
        Some(
            line.strip_prefix("GET /")?
                .strip_suffix(" HTTP/1.1")?
                .to_owned(),
        )
    };
    let paths = sent
        .lines()
        .filter_map(|line| path(line.trim_end()))
        .collect();
    Asked { paths, played }
}

fn step(path: &str) -> String {
    format!("[[step]]\nget = \"/{path}\"\n")
}

/// The paths of one user's iterations over these rows.
fn of_one(set: &str, iterations: u64, files: &[(&str, &str)], path: &str) -> Vec<String> {
    let load = format!("vus = 1, iterations = {iterations}");
    asked(
        &load,
        &format!("[data.d]\n{set}\n{}", step(path)),
        files,
        "1",
    )
    .paths
}

#[test]
fn rows_are_read_from_files_of_every_format() {
    let talk = r#"[{"id":"t","conversations":[{"from":"human","value":"one"},{"from":"gpt","value":"x"},{"from":"human","value":"two"}]}]"#;
    for (set, file, path, sent) in [
        (
            "file = \"d.csv\"",
            ("d.csv", USERS),
            "{{ data.d.name }}-{{ data.d.password }}",
            "ann-pw1",
        ),
        (
            "file = \"d.tsv\"",
            ("d.tsv", "a\tb\n1\t2\n"),
            "{{ data.d.b }}",
            "2",
        ),
        (
            "file = \"d.txt\"\nformat = \"csv\"\ndelimiter = \";\"",
            ("d.txt", "a;b\n1;2\n"),
            "{{ data.d.b }}",
            "2",
        ),
        (
            "file = \"d.csv\"\ncolumns = [\"x\", \"y\"]",
            ("d.csv", "1,2\n"),
            "{{ data.d.y }}",
            "2",
        ),
        (
            "file = \"d.json\"\nformat = \"json\"",
            ("d.json", r#"[{"a":[7]}]"#),
            "{{ data.d.a[0] }}",
            "7",
        ),
        (
            "file = \"d.data\"\nformat = \"jsonl\"",
            ("d.data", "{\"a\":7}\n"),
            "{{ data.d.a + 1 }}",
            "8",
        ),
        (
            "file = \"d.ndjson\"",
            ("d.ndjson", "5\n"),
            "{{ data.d }}",
            "5",
        ),
        (
            "file = \"d.json\"\nformat = \"sharegpt\"",
            ("d.json", talk),
            "{{ data.d.id }}/{{ data.d.prompt }}/{{ data.d.turns | join('+') }}/{{ data.d.messages[1].role }}",
            "t/one/one+two/assistant",
        ),
        (
            "rows = [{ a = \"z\" }]",
            ("none", ""),
            "{{ data.d.a }}",
            "z",
        ),
    ] {
        assert_eq!(of_one(set, 1, &[file], path), [sent], "{set}");
    }
}

#[test]
fn rows_are_picked_as_the_file_says() {
    let files = [("d.csv", USERS)];
    let pick = |line: &str, iterations| {
        of_one(
            &format!("file = \"d.csv\"\n{line}"),
            iterations,
            &files,
            "{{ data.d.name }}",
        )
    };
    assert_eq!(pick("", 5), ["ann", "bob", "cy", "ann", "bob"]);
    assert_eq!(
        pick("pick = \"sequential\"", 4),
        ["ann", "bob", "cy", "ann"]
    );
    assert_eq!(pick("at_end = \"stop\"", 5), ["ann", "bob", "cy"]);
    assert_eq!(pick("at_end = \"recycle\"", 4), ["ann", "bob", "cy", "ann"]);
    assert_eq!(pick("pick = \"unique\"", 5), ["ann", "bob", "cy"]);
    assert_eq!(
        pick("pick = \"unique\"\nat_end = \"recycle\"", 4),
        ["ann", "bob", "cy", "ann"]
    );
    assert_eq!(pick("per = \"user\"", 3), ["ann", "ann", "ann"]);
    assert_eq!(pick("per = \"iteration\"", 2), ["ann", "bob"]);
    let shuffled = pick("pick = \"shuffle\"", 60);
    let orders: BTreeSet<&[String]> = shuffled.chunks(3).collect();
    assert!(orders.len() > 1, "each pass has an order of its own");
    for pass in orders {
        assert_eq!(pass.iter().collect::<BTreeSet<_>>().len(), 3, "{pass:?}");
    }
    assert_eq!(shuffled, pick("pick = \"shuffle\"", 60), "the seed decides");
    let drawn = pick("pick = \"random\"", 60);
    let mut counts = BTreeMap::new();
    drawn
        .iter()
        .for_each(|name| *counts.entry(name).or_insert(0) += 1);
    assert!(
        counts.len() == 3 && counts.values().all(|count| *count < 60),
        "{counts:?}"
    );
    assert_ne!(drawn[..3], drawn[3..6]);
}

#[test]
fn rows_do_not_depend_on_the_number_of_workers() {
    let rows: String = (0..50).map(|n| format!("{n}\n")).collect();
    let file = [("d.csv", format!("n\n{rows}"))];
    let files = [("d.csv", file[0].1.as_str())];
    for (pick, path) in [
        ("pick = \"unique\"", "{{ data.d.n }}"),
        ("pick = \"shuffle\"", "{{ data.d.n }}"),
        (
            "pick = \"random\"",
            "{{ vu }}/{{ iteration }}/{{ data.d.n }}",
        ),
        (
            "pick = \"random\"\nper = \"user\"",
            "{{ vu }}/{{ iteration }}/{{ data.d.n }}",
        ),
        (
            "pick = \"unique\"\nper = \"user\"",
            "{{ iteration }}/{{ data.d.n }}",
        ),
    ] {
        let sent = |workers| {
            let load = "executor = \"per-vu-iterations\", vus = 10, iterations = 5";
            let tables = format!("[data.d]\nfile = \"d.csv\"\n{pick}\n{}", step(path));
            let mut paths = asked(load, &tables, &files, workers).paths;
            paths.sort();
            paths
        };
        let one = sent("1");
        assert_eq!(one.len(), 50, "{pick}");
        for workers in ["2", "7"] {
            assert_eq!(one, sent(workers), "{pick} {workers}");
        }
        if pick == "pick = \"unique\"" {
            assert_eq!(one.iter().collect::<BTreeSet<_>>().len(), 50);
        }
    }
}

#[test]
fn a_set_that_ends_ends_its_users() {
    let rows = "[data.d]\nrows = [1, 2, 3, 4]\npick = \"unique\"\n";
    for (load, begun, dropped) in [
        ("vus = 2, iterations = 9", 4, 5),
        ("vus = 3, duration = \"300ms\"", 4, 3),
        ("rate = \"100/s\", duration = \"100ms\"", 4, 6),
    ] {
        for workers in ["1", "2"] {
            let asked = asked(
                load,
                &format!("{rows}{}", step("{{ data.d }}")),
                &[],
                workers,
            );
            let mut paths = asked.paths.clone();
            paths.sort();
            assert_eq!(paths, ["1", "2", "3", "4"], "{load}");
            assert_eq!(asked.played.count("iterations"), begun, "{load}");
            assert_eq!(asked.played.count("dropped_iterations"), dropped, "{load}");
            let reason = asked.played.json("out.json")["dropped"]["data"].clone();
            assert_eq!(reason, dropped, "{load}");
            assert_eq!(asked.played.code, 0, "{load} {}", asked.played.err);
        }
    }
}

#[test]
fn what_is_wrong_with_a_file_is_told_before_the_run() {
    for (file, told) in [
        (None, "failed to read users.csv: No such file or directory"),
        (
            Some(""),
            "users.csv is empty: its first line names the columns",
        ),
        (
            Some("a,b\n1\n"),
            "line 2 of users.csv has 1 field, and there are 2 columns",
        ),
    ] {
        let text = "target = \"mock\"\nload = { iterations = 1 }\n[data.u]\nfile = \"users.csv\"\n[[step]]\nget = \"/plain\"\n";
        let mut stage = Stage::new(&["check", "in/a.toml"]).file("in/a.toml", text);
        if let Some(content) = file {
            stage = stage.file("in/users.csv", content);
        }
        let played = on(stage);
        assert_eq!(played.code, 2);
        assert!(
            played.err.contains(told) && played.err.contains(":4:8"),
            "{}",
            played.err
        );
    }
}

#[test]
fn a_plan_tells_of_its_data_and_depends_on_it() {
    let text = "target = \"mock\"\nload = { iterations = 1 }\n[data.users]\nfile = \"u.csv\"\nper = \"user\"\n[[step]]\nget = \"/plain?{{ data.users.name }}\"\n";
    let checked = |content: &str| {
        on(Stage::new(&["check", "a.toml"])
            .file("a.toml", text)
            .file("u.csv", content))
        .out
    };
    let (one, other) = (checked(USERS), checked("name\nann\n"));
    assert!(
        one.contains("users       3 rows of u.csv; sequential, then recycle; a row for each user"),
        "{one}"
    );
    let hash = |text: &str| text.lines().last().map(str::to_owned);
    assert_ne!(hash(&one), hash(&other));
    assert_eq!(hash(&one), hash(&checked(USERS)));
}

#[test]
fn secrets_of_rows_are_hidden() {
    let told = "no quartz-9, zircon-7 or opal-55.";
    let echo = format!(
        "HTTP/1.1 500 Oops\r\ncontent-length: {}\r\n\r\n{told}",
        told.len()
    );
    let turns = [
        Step::ReadRequest,
        Step::write(OK),
        Step::ReadRequest,
        Step::write(echo),
    ];
    let server = ScriptedServer::repeat(turns.into()).unwrap();
    let text = format!(
        "target = \"{}\"\nload = {{ vus = 1, iterations = 2 }}\n[data.u]\nfile = \"u.csv\"\n[[step]]\nget = \"/\"\n\
         headers = {{ authorization = \"{{{{ data.u.code }}}}\", x-a = \"{{{{ data.u.password }}}}\", x-b = \"{{{{ data.u.name }}}}\" }}\n",
        server.url("")
    );
    // The second row is one that nothing before the run has seen.
    let users = "name,password,code\nann,first-1,first-2\nopal-55,quartz-9,zircon-7\n";
    let words = [
        "run",
        "a.toml",
        "--no-log",
        "--quiet",
        "--out",
        "json=out.json",
    ];
    let played = on(Stage::new(&words)
        .file("a.toml", &text)
        .file("u.csv", users));
    let message = &played.json("out.json")["errors"][0]["message"];
    assert_eq!(message, "status 500: no ***, *** or opal-55.");
    let debug = on(Stage::new(&["debug", "a.toml"])
        .file("a.toml", &text)
        .file("u.csv", users));
    assert!(!debug.out.contains("first-"), "{}", debug.out);
    assert!(debug.out.contains("x-b: ann"), "{}", debug.out);
}

#[test]
fn prompts_have_their_length_and_their_beginning() {
    let prompts = |call: &str, seed: &str| -> Vec<Vec<String>> {
        let turn = [Step::ReadRequest, Step::write(OK)];
        let server = ScriptedServer::repeat(turn.into_iter().cycle().take(40).collect()).unwrap();
        let text = format!(
            "target = \"{}\"\nload = {{ executor = \"per-vu-iterations\", vus = 2, iterations = 3 }}\n[[step]]\nget = \"/{{{{ {call} | replace(' ', '.') }}}}\"\n",
            server.url("")
        );
        let words = [
            "run",
            "a.toml",
            "--no-log",
            "--quiet",
            "--seed",
            seed,
            "--workers",
            "1",
        ];
        let played = on(Stage::new(&words).file("a.toml", &text));
        assert_eq!(played.code, 0, "{}", played.err);
        let sent = String::from_utf8_lossy(&server.received().concat()).into_owned();
        let path = |line: &str| Some(line.strip_prefix("GET /")?.split(' ').next()?.to_owned());
        let mut paths: Vec<String> = sent.lines().filter_map(path).collect();
        paths.sort();
        paths
            .iter()
            .map(|path| path.split('.').map(str::to_owned).collect())
            .collect()
    };
    let same = |prompts: &[Vec<String>], words: usize| {
        prompts
            .iter()
            .all(|prompt| prompt[..words] == prompts[0][..words])
    };
    let plain = prompts("prompt(tokens=40)", "1");
    assert_eq!(plain.len(), 6);
    assert!(plain.iter().all(|prompt| prompt.len() == 40), "{plain:?}");
    assert_eq!(plain, prompts("prompt(40)", "1"), "the seed decides");
    assert_ne!(plain, prompts("prompt(40)", "2"));
    let shared = prompts("prompt(tokens=40, prefix_share=0.5)", "1");
    assert!(same(&shared, 20) && !same(&shared, 25), "{shared:?}");
    assert!(shared.iter().all(|prompt| prompt.len() == 40));
    assert_ne!(
        shared[0][..20],
        prompts("prompt(tokens=40, prefix_share=0.5)", "2")[0][..20]
    );
    let unique = prompts("prompt(tokens=40, unique=true)", "1");
    let beginnings: BTreeSet<&[String]> = unique.iter().map(|prompt| &prompt[..8]).collect();
    assert_eq!(beginnings.len(), 6, "{unique:?}");
    assert!(unique.iter().all(|prompt| prompt.len() == 40));
}
