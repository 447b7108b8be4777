//! Searches for the breaking point, from the arguments to the exit code.

use super::{mocking::has_thread, *};
use loadgen_testkit::{ScriptedServer, Step};
use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixListener,
    thread,
};

/// A service that lets twelve requests a second pass.
const LIMITED: &str = r#"
name = "limited"
target = "mock"
[mock]
rate_limit = "12/s"
[[step]]
name = "get"
get = "/plain"
"#;

/// Three levels: ten a second hold, twenty break, and break again.
const SEARCH: [&str; 14] = [
    "stress",
    "a.toml",
    "--rate",
    "--start",
    "10/s",
    "--factor",
    "2",
    "--max",
    "20/s",
    "--settle",
    "0s",
    "--resolution=100%",
    "--until",
    "http_req_failed: rate < 20%",
];

/// One level of five a second, which is the highest.
const ONE: [&str; 12] = [
    "stress",
    "a.toml",
    "--rate",
    "--start=5/s",
    "--max=5/s",
    "--settle=0s",
    "--hold=1s",
    "--until",
    "http_req_failed: rate < 60%",
    "--out",
    "json=out.json",
    "--workers=1",
];

fn searched(words: &[&str], text: &str) -> Played {
    on(Stage::new(words).file("a.toml", text))
}

#[track_caller]
fn stress(played: &Played) -> Value {
    assert!(
        [0, 97, 99, 130].contains(&played.code),
        "{}{}",
        played.out,
        played.err
    );
    played.json("out.json")["stress"].clone()
}

#[test]
fn the_limit_of_a_service_is_found_and_told_in_every_form() {
    let outs = [
        "json=out.json",
        "csv=a.csv",
        "junit=a.xml",
        "markdown=a.md",
        "github=a.txt",
        "svg=a.svg",
        "log=run.jsonl",
    ];
    let mut words = [
        &SEARCH[..],
        &["--hold", "2s", "--recover", "--seed", "3", "--no-log"],
    ]
    .concat();
    outs.iter().for_each(|out| words.extend(["--out", out]));
    let played = searched(&words, LIMITED);
    assert_eq!(played.code, 0, "{}{}", played.out, played.err);
    let found = stress(&played);
    assert_eq!(
        (&found["highest_held"], &found["lowest_broke"]),
        (&10.0.into(), &20.0.into()),
        "{found}"
    );
    assert_eq!(
        (&found["safe"], &found["limited_by"], &found["ended"]),
        (&7.5.into(), &"service".into(), &"found".into())
    );
    let verdicts: Vec<&str> = found["levels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|level| level["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["held", "broken", "broken"]);
    assert_eq!(found["search"]["limits"][0], "http_req_failed: rate < 20%");
    // A limit on the rate has no memory: the service is well at once.
    assert!(
        found["recovery"]["after_s"].as_f64() < Some(10.0),
        "{}",
        found["recovery"]
    );
    let held = &found["levels"][0];
    assert!(
        (held["http_reqs_per_second"].as_f64().unwrap() - 10.0).abs() <= 2.0,
        "{held}"
    );
    assert!(
        played
            .out
            .starts_with("✓ found  held at 10/s, broke at 20/s"),
        "{}",
        played.out
    );
    assert!(
        played.err.contains("10/s: held") && played.err.contains("20/s: broken"),
        "{}",
        played.err
    );
    let text = |path: &str| played.stage.environment.read_text(Path::new(path)).unwrap();
    for (path, part) in [
        ("a.csv", "\n10,held,"),
        ("a.xml", "<testcase name=\"20/s, tried once more\""),
        ("a.md", "| highest load that held | 10/s |"),
        ("a.txt", "::notice title=limited%3A found::held at 10/s"),
        ("a.svg", "limited: breaking point"),
    ] {
        assert!(text(path).contains(part), "{path}: {}", text(path));
    }
    // The run log tells the same again.
    let log = played.stage.folder.path().join("run.jsonl");
    let again = on(Stage::new(&[
        "report",
        log.to_str().unwrap(),
        "--out",
        "json=out.json",
        "--out",
        "svg=a.svg",
    ]));
    assert_eq!(
        again.json("out.json")["stress"],
        played.json("out.json")["stress"]
    );
    let body = |text: &str| text.split_once("\nRun\n").unwrap().0.to_owned();
    assert_eq!(body(&again.out), body(&played.out));
    let drawn = again
        .stage
        .environment
        .read_text(Path::new("a.svg"))
        .unwrap();
    assert_eq!(drawn, text("a.svg"));
}

#[test]
fn the_safe_load_is_below_what_held_and_can_be_required() {
    for (words, safe, code) in [
        (&[][..], 3.75, 0),
        (&["--headroom=50%"], 2.5, 0),
        (&["--require=3/s"], 3.75, 0),
        (&["--require=4/s"], 3.75, 99),
    ] {
        let played = searched(&[&ONE[..], words].concat(), LIMITED);
        assert_eq!(played.code, code, "{words:?} {}{}", played.out, played.err);
        let found = stress(&played);
        assert_eq!(
            (&found["safe"], &found["limited_by"]),
            (&safe.into(), &"max".into()),
            "{words:?}"
        );
        let verdict = &played.json("out.json")["verdict"];
        assert_eq!(verdict, if code == 0 { "pass" } else { "fail" });
    }
}

#[test]
fn users_are_levels_too_and_goodput_is_a_limit() {
    // Two users, each slower than the file calls good.
    let text = "target = \"mock\"\n[mock]\nplain_time = \"40ms\"\n[slo]\nhttp_req_duration = \"1ms\"\n[[step]]\nget = \"/plain\"\n";
    let one = [
        "stress",
        "a.toml",
        "--start=2",
        "--max=2",
        "--settle=0s",
        "--hold=1s",
        "--out",
        "json=out.json",
    ];
    for (words, held) in [(&[][..], false), (&["--goodput=0%"], true)] {
        let found = stress(&searched(&[&one[..], words].concat(), text));
        assert_eq!(
            found["levels"][0]["verdict"] == "held",
            held,
            "{words:?} {found}"
        );
        assert_eq!(found["search"]["unit"], "users");
        if !held {
            // A machine that is busy may blame itself.
            let ended = found["ended"].as_str().unwrap();
            assert!(["at_start", "generator"].contains(&ended), "{found}");
            let broken = &found["levels"][0]["broken"][0];
            assert_eq!(broken, "goodput: rate >= 99%", "{found}");
        }
    }
}

#[test]
fn the_worst_case_is_told_and_nothing_is_sent() {
    let said = |words: &[&str]| {
        let played = searched(
            &[&["stress", "a.toml", "--dry-run"], words].concat(),
            LIMITED,
        );
        assert_eq!(
            (played.code, played.err.as_str()),
            (0, ""),
            "{words:?} {}",
            played.out
        );
        played.out
    };
    let until = ["--until", "http_req_failed: rate < 1%"];
    let usual = said(&until);
    assert!(
        usual.contains("limits\n  http_req_failed: rate < 1%\n")
            && usual.contains("nothing was sent"),
        "{usual}"
    );
    assert!(usual.contains("1000 users"), "{usual}");
    let mut seen = vec![usual];
    for words in [
        &["--rate"][..],
        &["--start=20"],
        &["--step=50"],
        &["--factor=1.5"],
        &["--max=2000"],
        &["--hold=60s"],
        &["--settle=90s"],
        &["--connect-rate=10/s"],
        &["--recover"],
        &["--resolution=1%"],
        &["--until", "http_req_latency: p95 < 1s"],
    ] {
        let said = said(&[&until[..], words].concat());
        assert!(!seen.contains(&said), "{words:?} changes nothing: {said}");
        seen.push(said);
    }
    // Nor is anybody asked, a probe of the target least of all.
    let server = ScriptedServer::repeat(vec![Step::ReadRequest]).unwrap();
    let text = format!(
        "target = \"{0}\"\n[[step]]\nget = \"/\"\n[[probe]]\nname = \"p\"\nhttp = \"{0}/p\"\npointer = \"/a\"\n",
        server.url("")
    );
    let words = [&["stress", "a.toml", "--dry-run"], &until[..]].concat();
    let played = searched(&words, &text);
    assert_eq!(played.code, 0, "{}", played.err);
    assert_eq!(server.received().concat(), b"");
    assert!(!played.stage.folder.path().join(".loadgen").exists());
}

#[test]
fn a_search_in_arrivals_has_nobody_to_hold_back() {
    let words = [
        "stress",
        "a.toml",
        "--dry-run",
        "--rate",
        "--connect-rate=5/s",
        "--until",
        "http_req_failed: rate < 1%",
    ];
    let played = searched(&words, LIMITED);
    assert_eq!(played.code, 2, "{}", played.out);
    assert!(
        played
            .err
            .contains("--connect-rate goes with virtual users"),
        "{}",
        played.err
    );
}

#[test]
fn the_worst_case_is_that_of_the_scenario_that_sends_the_most() {
    let check = |text: &str, words: &[&str], contains: &str| {
        let until = ["--until", "http_req_failed: rate < 1%", "--max=10"];
        let dry = [&["stress", "a.toml", "--dry-run"], &until[..], words].concat();
        let played = searched(&dry, text);
        assert!(
            played.out.contains(contains),
            "{}{}",
            played.out,
            played.err
        );
    };
    let text = |more: &str| {
        format!(
            "target = \"mock\"\n[[scenario]]\nname = \"a\"\nweight = 1\nstep = [{{ get = \"/plain\" }}, {{ think = \"10s\" }}]\n\
             [[scenario]]\nname = \"b\"\nweight = 3\n{more}\n"
        )
    };
    let never = text("step = [{ get = \"/plain\" }, { name = \"two\", get = \"/plain\" }]");
    check(&never, &[], "as many as the service answers");
    // A quarter of the arrivals sends one request, the others two.
    check(&never, &["--rate"], "up to 1.75 for each of");
    check(
        &text("pace = \"2s\"\nstep = [{ get = \"/plain\" }]"),
        &[],
        "30/min or less from each",
    );
    // Two levels of ten users, each of up to five holds of 10 s with 61 s for the answers, and 61 s in which it drains: 8320
    // seconds of users, of whom each comes twice at most, and begins with a request.
    let thinks = "target = \"mock\"\nstep = [{ get = \"/plain\" }, { think = \"10s\" }]\n";
    let short = ["--start=10", "--hold=10s", "--settle=0s"];
    check(
        thinks,
        &short,
        "at most 852 but for redirections and retries",
    );
    let login =
        text("before = [{ name = \"login\", get = \"/plain\" }]\nstep = [{ get = \"/plain\" }]");
    check(&login, &["--rate"], "up to 1.75 for each of");
}

#[test]
fn a_recovery_that_is_not_measured_is_told() {
    let played = searched(&[&ONE[..], &["--recover"]].concat(), LIMITED);
    assert_eq!(played.code, 0, "{}{}", played.out, played.err);
    assert!(
        played.err.contains("nothing broke, so that"),
        "{}",
        played.err
    );
}

#[test]
fn a_search_is_silent_where_that_is_wanted() {
    let played = searched(&[&ONE[..], &["--quiet", "--no-log"]].concat(), LIMITED);
    assert_eq!(
        (played.err.as_str(), played.out.lines().count()),
        ("", 1),
        "{}",
        played.out
    );
    let runs = played.stage.folder.path().join(".loadgen");
    assert!(!runs.exists());
    let played = searched(&ONE, LIMITED);
    assert!(played.stage.folder.path().join(".loadgen/runs").is_dir());
    assert!(
        played.err.contains("5/s: held") && played.out.lines().count() > 10,
        "{}",
        played.out
    );
}

#[test]
fn a_search_takes_its_seed_target_and_variables() {
    let target = mock();
    let text = LIMITED.replace("\"mock\"", "\"http://{{ env.WHERE }}\"");
    let address = target.address().to_string();
    let (at, where_to) = (target.url(), format!("WHERE={address}"));
    for (words, variable) in [
        (
            &["--target", at.as_str(), "--seed=5", "-e", "WHERE=nowhere"][..],
            "",
        ),
        (&["-e", where_to.as_str()], "5"),
    ] {
        let stage = Stage::new(&[&ONE[..], words].concat()).file(
            "a.toml",
            &text.replace("[mock]\nrate_limit = \"12/s\"\n", ""),
        );
        let played = on(stage
            .var("LOADGEN_SEED", variable)
            .var("LOADGEN_RATE", "7/s"));
        assert_eq!(played.code, 0, "{words:?} {}{}", played.out, played.err);
        assert_eq!(played.json("out.json")["seed"], 5, "{words:?}");
        assert_eq!(
            stress(&played)["search"]["max"],
            5.0,
            "a rate of a run is none of a search"
        );
    }
    assert!(target.truth().len() >= 8);
}

#[test]
fn a_search_has_as_many_threads_as_asked_for() {
    let words: Vec<&str> = ONE
        .iter()
        .copied()
        .filter(|word| !word.starts_with("--workers"))
        .chain(["--workers=23"])
        .collect();
    let words: Vec<String> = words.into_iter().map(ToOwned::to_owned).collect();
    let run = thread::spawn(move || {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        searched(&words, LIMITED).code
    });
    while !has_thread("worker-22") && !run.is_finished() {
        thread::yield_now();
    }
    assert!(!run.is_finished(), "it ran with fewer threads");
    assert_eq!(run.join().unwrap(), 0);
}

#[test]
fn a_search_makes_connections_as_it_is_told() {
    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let text = "target = \"http://example.invalid\"\n[[step]]\nget = \"/x\"\n";
    let turn = [Step::ReadRequest, Step::write(OK)];
    for (more, kept) in [
        (&[][..], true),
        (
            &["--disable-keepalive", "--source-address=127.0.0.9"],
            false,
        ),
    ] {
        let server =
            ScriptedServer::repeat(turn.clone().into_iter().cycle().take(64).collect()).unwrap();
        let to = format!("::{}", server.address());
        let played = searched(&[&ONE[..], &["--connect-to", &to], more].concat(), text);
        assert_eq!(played.code, 0, "{}{}", played.out, played.err);
        assert!(stress(&played)["levels"][0]["goodput_per_second"].as_f64() > Some(0.0));
        let seen = server.connections();
        assert_eq!(seen.len() <= 2, kept, "{} connections", seen.len());
        let from = if kept { "127.0.0.1" } else { "127.0.0.9" };
        assert!(
            seen.iter()
                .all(|one| one.from.unwrap().ip().to_string() == from)
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut bytes = vec![0; 4096];
                while stream.read(&mut bytes).is_ok_and(|count| count > 0)
                    && stream.write_all(OK.as_bytes()).is_ok()
                {}
            });
        }
    });
    let played = searched(
        &[&ONE[..], &["--unix-socket", path.to_str().unwrap()]].concat(),
        text,
    );
    assert!(
        stress(&played)["levels"][0]["goodput_per_second"].as_f64() > Some(0.0),
        "{}",
        played.out
    );
}

#[test]
fn a_service_that_answers_nothing_is_no_answer() {
    let text = LIMITED.replace("[mock]\n", "[mock]\nerror_rate = \"100%\"\n");
    let played = searched(&ONE, &text);
    assert_eq!(played.code, 97, "{}", played.out);
    let found = stress(&played);
    assert_eq!(
        (&found["ended"], &found["highest_held"]),
        (&"at_start".into(), &Value::Null)
    );
    assert!(
        played.out.contains("http_req_failed: rate < 60% was 100%"),
        "{}",
        played.out
    );
    // Whatever is required is more than nothing.
    let played = searched(&[&ONE[..], &["--require=1/s"]].concat(), &text);
    assert_eq!(played.code, 99, "{}", played.out);
}

#[test]
fn strictly_what_cannot_be_told_is_no_answer() {
    // Some thirty requests say nothing of one in a hundred; of two hundred a second most are refused.
    let text = LIMITED.replace("12/s", "40/s");
    let words = [
        "stress",
        "a.toml",
        "--rate",
        "--start=5/s",
        "--factor=40",
        "--max=200/s",
        "--settle=0s",
        "--hold=1s",
        "--until",
        "http_req_failed: rate < 1%",
        "--out",
        "json=out.json",
        "--out",
        "log=run.jsonl",
    ];
    for (more, code, verdict) in [(&[][..], 0, "pass"), (&["--strict"], 97, "inconclusive")] {
        let played = searched(&[&words[..], more].concat(), &text);
        assert_eq!(played.code, code, "{more:?} {}{}", played.out, played.err);
        let found = stress(&played);
        assert_eq!(
            (&found["unclear"], &found["lowest_broke"]),
            (&serde_json::json!([5.0]), &200.0.into()),
            "{more:?} {found}"
        );
        assert_eq!(played.json("out.json")["verdict"], verdict);
        let told = "strictly there is no answer: 5/s could not be told";
        assert_eq!(played.out.contains(told), code == 97, "{}", played.out);
        // The run log knows that it was strict.
        let log = played.stage.folder.path().join("run.jsonl");
        let report = ["report", log.to_str().unwrap(), "--out", "json=out.json"];
        assert_eq!(on(Stage::new(&report)).json("out.json")["verdict"], verdict);
    }
}

#[test]
fn a_signal_ends_a_search_which_keeps_what_it_found() {
    // So far below what the service takes that a busy machine does not matter, and a search that goes on.
    let higher: Vec<&str> = ONE
        .into_iter()
        .map(|word| {
            if word == "--max=5/s" {
                "--max=40/s"
            } else {
                word
            }
        })
        .collect();
    let stage = Stage::new(&higher).file("a.toml", LIMITED);
    let (stop, err) = (stage.stop.clone(), stage.err.clone());
    let run = thread::spawn(move || on(stage));
    while !err.text().contains("5/s: held") && !run.is_finished() {
        thread::yield_now();
    }
    stop.send_replace(Stop::Drain);
    let played = run.join().unwrap();
    assert_eq!(played.code, 130, "{}{}", played.out, played.err);
    let found = stress(&played);
    assert_eq!(found["ended"], "stopped", "{found}");
    assert!(found["highest_held"].as_f64() >= Some(5.0), "{found}");
    assert!(played.out.contains("stopped; held at "), "{}", played.out);
}

#[test]
fn those_who_are_left_after_a_signal_make_no_level() {
    // An iteration lasts for longer than the search has left: four users go on until they are done.
    let text = "target = \"mock\"\n[mock]\nplain_time = \"100ms\"\n[[step]]\nrepeat = 40\nstep = [{ get = \"/plain\" }]\n";
    let words = [
        "stress",
        "a.toml",
        "--start=4",
        "--max=8",
        "--settle=0s",
        "--hold=1s",
        "--until",
        "http_req_failed: rate < 60%",
        "--out",
        "json=out.json",
    ];
    let stage = Stage::new(&words).file("a.toml", text);
    let (stop, err) = (stage.stop.clone(), stage.err.clone());
    let run = thread::spawn(move || on(stage));
    while !err.text().contains("4 users: ") && !run.is_finished() {
        thread::yield_now();
    }
    stop.send_replace(Stop::Drain);
    let played = run.join().unwrap();
    assert_eq!(played.code, 130, "{}{}", played.out, played.err);
    let found = stress(&played);
    let levels = found["levels"].as_array().unwrap();
    assert_eq!(
        (levels.len(), &found["ended"]),
        (1, &"stopped".into()),
        "{found}"
    );
}

#[test]
fn arrivals_that_find_no_user_are_no_load_that_holds() {
    // Two users who are busy for a tenth of a second: twenty a second at the most.
    let text = "target = \"mock\"\nload = { rate = \"1/s\", duration = \"5s\", max_vus = 2 }\n[mock]\nplain_time = \"100ms\"\n[[step]]\nget = \"/plain\"\n";
    let words = [
        "stress",
        "a.toml",
        "--rate",
        "--start=5/s",
        "--factor=16",
        "--max=80/s",
        "--settle=0s",
        "--hold=4s",
        "--until",
        "http_req_failed: rate < 60%",
        "--out",
        "json=out.json",
    ];
    let played = searched(&words, text);
    assert_eq!(played.code, 97, "{}{}", played.out, played.err);
    let found = stress(&played);
    assert_eq!(
        (&found["highest_held"], &found["limited_by"]),
        (&5.0.into(), &"generator".into()),
        "{found}"
    );
    let last = found["levels"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["verdict"], &last["shortage"]),
        (&"unclear".into(), &"max_vus".into())
    );
    assert!(
        played.out.contains("above that `max_vus` of the load")
            && played.err.contains("80/s: arrivals found all"),
        "{}{}",
        played.out,
        played.err
    );
}

#[test]
fn searches_that_cannot_be_are_refused() {
    let check = |words: &[&str], contains: &str| {
        let played = searched(&[&["stress", "a.toml"], words].concat(), LIMITED);
        assert_eq!(played.code, 2, "{words:?} {}{}", played.out, played.err);
        assert!(
            played.err.contains(contains),
            "{words:?} does not tell of `{contains}`:\n{}",
            played.err
        );
    };
    let until = "--until=http_req_failed: rate < 1%";
    check(&[], "there is no limit that a level could break");
    check(&[], "--until 'http_req_failed: rate < 1%'");
    check(&["--until", "http_req_faild: rate < 1%"], "http_req_failed");
    check(
        &[until, "--start=0"],
        "--start 0: a number of users is 1 to 1000000",
    );
    check(&[until, "--start=10/s"], "--rate counts loads in arrivals");
    check(
        &[until, "--rate", "--max=many"],
        "--max many: a rate is a number above zero",
    );
    check(
        &[until, "--start=50", "--max=20"],
        "--start 50 is above --max 20",
    );
    check(&[until, "--step=0"], "--step 0");
    check(&[until, "--step=5", "--factor=2"], "cannot be used with");
    check(&[until, "--factor=1"], "--factor must be above 1");
    check(&[until, "--hold=500ms"], "--hold must be at least 1s");
    check(&[until, "--goodput=90%"], "--goodput needs an [slo]");
    check(&[until, "--require=-1"], "--require -1");
    let url = on(Stage::new(&["stress", "http://127.0.0.1:1/", until]));
    assert!(
        url.code == 2 && url.err.contains("stress takes a scenario file"),
        "{}",
        url.err
    );
    let run = on(Stage::new(&["run", "a.toml", "--out", "svg=a.svg"]).file("a.toml", PLAIN));
    assert!(
        run.code == 2 && run.err.contains("--out svg= draws the levels of a search"),
        "{}",
        run.err
    );
}

#[test]
fn the_example_of_a_search_has_a_limit_to_find() {
    // What the page of the breaking point searches: so many users, of whom the embedded server answers 230 at once.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/chat.toml");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains("think = \"1s..3s\""), "users think for 2 s");
    let words = [
        "stress",
        "a.toml",
        "--dry-run",
        "--start=50",
        "--step=50",
        "--max=500",
        "--hold=10s",
        "--until",
        "http_req_failed: rate < 1%",
    ];
    let played = searched(&words, &format!("{text}\n[mock]\nmax_concurrent = 230\n"));
    assert_eq!(played.code, 0, "{}{}", played.out, played.err);
    let usual = Settings::default();
    let answer = usual.ttft + usual.itl * (usual.tokens - 1);
    let at_once = |users: f64| users * answer.as_secs_f64() / (answer.as_secs_f64() + 2.0);
    assert!(
        at_once(350.0) < 205.0 && at_once(450.0) > 255.0,
        "an answer takes {answer:?}"
    );
}

#[test]
fn what_is_said_of_the_course_of_runs_is_none_of_a_search() {
    // In a file that is run as well it is passed over, and said so.
    let text = format!("{LIMITED}[thresholds]\nhttp_req_failed = \"rate < 60% for 10s abort\"\n");
    let played = searched(&ONE, &text);
    assert_eq!(played.code, 0, "{}{}", played.out, played.err);
    assert!(
        played
            .err
            .contains("`for 10s abort` of the file's limits is about runs"),
        "{}",
        played.err
    );
    let limits = &stress(&played)["search"]["limits"];
    assert_eq!(limits, &serde_json::json!(["http_req_failed: rate < 60%"]));
    // Given to a search it is refused.
    let more = ["--threshold", "http_req_latency: p95 < 5s for 10s"];
    let played = searched(&[&ONE[..], &more].concat(), LIMITED);
    assert!(
        played.code == 2
            && played
                .err
                .contains("`for 10s` is about the course of a run"),
        "{}",
        played.err
    );
}

#[test]
fn limits_select_by_status_and_are_told_once() {
    let text = format!("{LIMITED}[thresholds]\nhttp_req_failed = \"rate < 60%\"\n");
    let more = ["--threshold", "http_req_latency{status=200}: max < 50s"];
    let found = stress(&searched(&[&ONE[..], &more].concat(), &text));
    assert_eq!(found["levels"][0]["verdict"], "held", "{found}");
    let limits = &found["search"]["limits"];
    assert_eq!(
        limits,
        &serde_json::json!([
            "http_req_failed: rate < 60%",
            "http_req_latency{status=200}: max < 50s"
        ])
    );
}
