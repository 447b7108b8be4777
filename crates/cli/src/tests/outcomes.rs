//! Runs against the mock: exit codes, results, run logs.

use super::*;
use std::fs;

/// The exit code of a run of the plain scenario with further words.
#[track_caller]
fn check(words: &[&str], code: u8) -> Played {
    let all = [&["run", "plain.toml", "--out", "json=out.json"], words].concat();
    let played = on(Stage::new(&all).file("plain.toml", PLAIN));
    assert_eq!(played.code, code, "{words:?}\n{}{}", played.out, played.err);
    played
}

#[test]
fn a_run_passes() {
    let played = check(&["--seed", "11", "--workers", "1"], 0);
    assert!(
        played.out.contains("passed") && played.out.contains("target shares this machine"),
        "{}",
        played.out
    );
    assert_eq!(
        (played.count("http_reqs"), played.count("iterations")),
        (6, 6)
    );
    let summary = played.json("out.json");
    assert_eq!(summary["schema"], "loadgen.summary/1");
    assert_eq!(
        (&summary["name"], &summary["seed"]),
        (&"plain".into(), &11.into())
    );
    assert_eq!(
        (&summary["verdict"], &summary["stop_reason"]),
        (&"pass".into(), &"completed".into())
    );
}

#[test]
fn every_arrival_of_a_rate_is_sent() {
    let played = check(&["--rate", "200/s", "--duration", "500ms"], 0);
    assert_eq!(
        (
            played.count("http_reqs"),
            played.count("dropped_iterations")
        ),
        (100, 0)
    );
    // 40 at the mean of 0 and 200/s, and as many again after a jump, all of it halved.
    let stages = ["--stage", "400ms:200/s", "--stage", "0s:100/s,400ms:100/s"];
    let played = check(&[&stages[..], &["--scale", "0.5"]].concat(), 0);
    assert_eq!(played.count("iterations"), 40);
}

#[test]
fn users_follow_stages() {
    let stages = [
        "--stage",
        "0s:3",
        "--stage",
        "300ms:3",
        "--stage",
        "0s:7,300ms:7",
    ];
    let played = check(&stages, 0);
    let users = &played.json("out.json")["metrics"]["vus"];
    assert_eq!(users["max"], 7, "{users}");
}

#[test]
fn a_warm_up_is_in_no_statistic() {
    let text = PLAIN.replace(
        "vus = 2\niterations = 6",
        "rate = \"100/s\"\nduration = \"600ms\"\nwarm_up = \"200ms\"\nstart_after = \"100ms\"",
    );
    let words = ["run", "plain.toml", "--out", "json=out.json"];
    let played = on(Stage::new(&words).file("plain.toml", &text));
    assert_eq!(played.code, 0, "{}{}", played.out, played.err);
    assert_eq!(played.count("http_reqs"), 40);
    let header = played.json("out.json");
    assert_eq!(
        header["metrics"]["http_req_duration"]["count"], 40,
        "{header}"
    );
}

#[test]
fn thresholds_decide() {
    check(&["--threshold", "http_reqs: count == 6"], 0);
    check(
        &[
            "--threshold",
            "http_reqs: count == 6",
            "--threshold",
            "iterations: count > 6",
        ],
        99,
    );
    // The two can never both hold.
    check(
        &[
            "--threshold",
            "http_reqs: count == 6",
            "--threshold",
            "http_reqs: count > 6",
        ],
        2,
    );
    check(
        &["--threshold", "http_req_duration{status=500}: p95 < 2s"],
        99,
    );
    // Six requests cannot show a rate under 1 %.
    check(&["--threshold", "http_req_failed: rate < 1%"], 0);
    check(
        &["--threshold", "http_req_failed: rate < 1%", "--strict"],
        97,
    );
}

#[test]
fn a_threshold_with_abort_stops_the_run() {
    let slow = format!("{PLAIN}[mock]\nplain_time = \"20ms\"\n");
    let threshold = "http_req_failed: rate > 50% for 1s abort";
    let words = [
        "run",
        "slow.toml",
        "--vus",
        "20",
        "--duration",
        "60s",
        "--threshold",
        threshold,
    ];
    let outs = ["--out", "json=out.json", "--out", "log=run.jsonl"];
    let played = on(Stage::new(&[&words[..], &outs].concat()).file("slow.toml", &slow));
    assert_eq!(played.code, 99, "{}{}", played.out, played.err);
    let told = played.json("out.json");
    assert_eq!(told["stop_reason"], "threshold");
    assert!(told["duration_s"].as_f64().unwrap() < 30.0, "{told}");
    let judged = &told["thresholds"][0];
    assert_eq!(judged["stopped_at_s"], 1.0, "{judged}");
    assert_eq!(judged["window"]["start_s"], 0.0, "{judged}");
    assert!(played.out.contains("stopped the run at"), "{}", played.out);
    // The log of it says the same.
    let mut stage = Stage::new(&["report", "run.jsonl", "--out", "json=again.json"]);
    let folder = &played.stage.environment.folder;
    stage.environment.folder.clone_from(folder);
    let again = on(stage);
    assert_eq!(again.code, 0, "{}", again.err);
    assert_eq!(again.json("again.json"), told);
}

#[test]
fn a_threshold_is_judged_after_a_while_or_not_at_all() {
    let never = ["--threshold", "http_req_duration: p50 < 1us after 9m"];
    let played = check(&never, 97);
    assert!(played.out.contains("not judged"), "{}", played.out);
    assert_eq!(played.json("out.json")["thresholds"][0]["judged"], false);
    check(&[&never[..], &["--strict"]].concat(), 97);
    // The load lasts ten minutes at most.
    let too_late = ["--threshold", "http_req_duration: p50 < 1us after 1h"];
    let played = check(&too_late, 2);
    let told = "`after 1h` never comes: what `http_req_duration` is about is measured for 10m";
    assert!(played.err.contains(told), "{}", played.err);
    let slow = format!("{PLAIN}\n[mock]\nplain_time = \"20ms\"\n");
    let words = ["run", "slow.toml", "--no-log", "--threshold"];
    let threshold = ["http_reqs: count > 9 after 1ms"];
    let played = on(Stage::new(&[&words[..], &threshold].concat()).file("slow.toml", &slow));
    assert_eq!(played.code, 99, "{}{}", played.out, played.err);
}

#[test]
fn a_run_without_a_success_fails() {
    let nobody = loadgen_testkit::refused_address().unwrap();
    let target = format!("http://{nobody}");
    let played = check(&["--target", &target], 99);
    assert!(played.out.contains("connect_refused"), "{}", played.out);
    check(&["--target", &target, "--allow-all-failed"], 0);
    check(
        &[
            "--target",
            &target,
            "--allow-all-failed",
            "--threshold",
            "http_req_failed: rate < 1%",
        ],
        99,
    );
}

#[test]
fn a_run_of_nothing_but_expected_refusals_fails() {
    let scenario = PLAIN.replace(
        "get = \"/plain\"",
        "get = \"/status/429\"\nexpect = { status = [200, 429] }",
    );
    let run = |words: &[&str]| {
        let all = [&["run", "s.toml", "--out", "json=out.json"], words].concat();
        on(Stage::new(&all).file("s.toml", &scenario))
    };
    let played = run(&[]);
    assert_eq!(played.code, 99, "{}\n{}", played.out, played.err);
    let reason = "6 × status 429, which the scenario expects";
    assert!(
        played
            .out
            .contains(&format!("failed  no request succeeded: {reason}")),
        "{}",
        played.out
    );
    let summary = played.json("out.json");
    assert_eq!(summary["verdict"], "fail");
    assert_eq!(summary["nothing_succeeded"], reason);
    assert_eq!(run(&["--allow-all-failed"]).code, 0);
}

#[test]
fn the_load_can_be_another() {
    let words = ["--iterations", "9", "--vus", "4", "--connect-rate", "off"];
    let played = check(&words, 0);
    assert_eq!(played.count("iterations"), 9);
    assert_eq!(played.json("out.json")["peak_vus"], 4);
    let stage =
        Stage::new(&["run", "plain.toml", "--out", "json=out.json"]).file("plain.toml", PLAIN);
    let played = on(stage
        .var("LOADGEN_ITERATIONS", "5")
        .var("LOADGEN_SEED", "3"));
    assert_eq!((played.code, played.count("iterations")), (0, 5));
    assert_eq!(played.json("out.json")["seed"], 3);
}

#[test]
fn a_stopped_run_says_so() {
    for (stop, words, code) in [
        (Stop::Drain, &["--duration", "60s"][..], 130),
        (Stop::Cut, &["--duration", "60s"], 130),
        (
            Stop::Drain,
            &[
                "--duration",
                "60s",
                "--threshold",
                "http_reqs: count > 1000000",
            ],
            99,
        ),
    ] {
        let text = PLAIN.replace("iterations = 6\n", "duration = \"60s\"\n");
        let all = [&["run", "plain.toml", "--out", "json=out.json"], words].concat();
        let stage = Stage::new(&all).file("plain.toml", &text);
        stage.stop.send_replace(stop);
        let played = on(stage);
        assert_eq!(
            played.code, code,
            "{stop:?} {words:?}\n{}{}",
            played.out, played.err
        );
        assert_eq!(played.json("out.json")["stop_reason"], "interrupted");
        assert!(
            played.err.contains(if stop == Stop::Cut {
                "cutting"
            } else {
                "stopping"
            }),
            "{}",
            played.err
        );
    }
}

#[test]
fn a_report_tells_the_same_again() {
    let played = check(&["--seed", "1"], 0);
    let log = ".loadgen/runs/plain-19700101T000000Z.jsonl";
    assert!(played.out.contains(log), "{}", played.out);
    let again = Stage {
        environment: played.stage.environment,
        ..Stage::new(&[])
    };
    for words in [
        &["report", "--out", "json=again.json"][..],
        &["report", log, "--out", "json=again.json"],
    ] {
        let mut stage = Stage::new(words);
        stage
            .environment
            .folder
            .clone_from(&again.environment.folder);
        let reported = on(stage);
        assert_eq!(reported.code, 0, "{}", reported.err);
        assert_eq!(reported.out, played.out);
        assert_eq!(reported.json("again.json"), reported.json("out.json"));
    }
}

#[test]
fn the_log_goes_where_it_is_wanted() {
    let played = check(&["--no-log"], 0);
    assert!(!played.stage.folder.path().join(".loadgen").exists());
    assert!(!played.out.contains("run log"), "{}", played.out);

    let read = |played: &Played, path| {
        let text = played.stage.environment.read_text(Path::new(path)).unwrap();
        assert!(
            text.lines().count() >= 3,
            "a head, a window, an end: {text}"
        );
        text
    };
    let own = ".loadgen/runs/plain-19700101T000000Z.jsonl";
    let played = check(&["--out", "log=mine.jsonl"], 0);
    assert!(played.out.contains(own), "{}", played.out);
    assert_eq!(read(&played, "mine.jsonl"), read(&played, own));

    let played = check(&["--no-log", "--out", "log=mine.jsonl"], 0);
    assert!(!played.stage.folder.path().join(".loadgen").exists());
    assert!(played.out.contains("mine.jsonl"), "{}", played.out);
    read(&played, "mine.jsonl");
}

#[test]
fn trouble_with_the_log_stops_no_run() {
    // It was asked for, so that losing it is an error; the run goes on to its end.
    let played = check(&["--out", "log=/dev/full"], 1);
    assert_eq!(
        played
            .err
            .matches("the run log `/dev/full` is incomplete")
            .count(),
        1,
        "{}",
        played.err
    );
    assert!(played.out.contains("log-incomplete"), "{}", played.out);
    assert_eq!(played.count("http_reqs"), 6);

    // A file where the folder should be.
    let stage = Stage::new(&["run", "plain.toml"])
        .file("plain.toml", PLAIN)
        .file(".loadgen", "");
    let played = on(stage);
    assert_eq!(played.code, 0, "{}", played.err);
    assert!(
        played.err.contains("there is no run log") && played.out.contains("log-incomplete"),
        "{}",
        played.err
    );
}

#[test]
fn every_format_tells_of_the_run() {
    let words = [
        "--threshold",
        "http_reqs: count > 6",
        "--out",
        "csv=out.csv",
        "--out",
        "junit=out.xml",
        "--out",
        "markdown=out.md",
        "--out",
        "hlog=out.hlog",
        "--out",
        "github=-",
    ];
    let played = check(&words, 99);
    let read = |path| played.stage.environment.read_text(Path::new(path)).unwrap();
    let csv = read("out.csv");
    let column = csv
        .lines()
        .next()
        .unwrap()
        .split(',')
        .position(|name| name == "http_reqs");
    let requests = csv
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(column.unwrap()).unwrap());
    assert_eq!(
        requests
            .map(|count| count.parse::<u64>().unwrap())
            .sum::<u64>(),
        6
    );
    assert!(read("out.hlog").contains("\nTag=http_req_duration,0.000,"));
    assert!(read("out.xml").contains("<failure message=\"was 6\" type=\"threshold\">"));
    assert!(read("out.md").contains("| ❌ | `http_reqs` | `count > 6` | **6** |"));
    let error = "::error title=plain%3A http_reqs%3A count > 6::was 6\n";
    assert!(
        played.out.starts_with("✗ failed") && played.out.contains(error),
        "{}",
        played.out
    );
}

#[test]
fn an_interval_log_is_made_again_from_the_run_log() {
    let played = check(&["--out", "hlog=out.hlog"], 0);
    let mut stage = Stage::new(&["report", "--out", "hlog=-"]);
    let folder = played.stage.environment.folder.clone();
    stage.environment.folder = folder;
    let reported = on(stage);
    assert_eq!(reported.code, 0, "{}", reported.err);
    let written = played.stage.environment.read_text(Path::new("out.hlog"));
    assert_eq!(reported.out, written.unwrap());
}

#[test]
fn trouble_with_an_interval_log_is_told_at_the_end() {
    let played = check(&["--out", "hlog=/dev/full"], 1);
    let told = "error: failed to write `/dev/full`";
    assert_eq!(played.err.matches(told).count(), 1, "{}", played.err);
    assert!(played.out.contains("passed"), "{}", played.out);
    assert_eq!(played.count("http_reqs"), 6);
}

#[test]
fn results_on_the_standard_output_are_alone_there() {
    let played =
        on(Stage::new(&["run", "plain.toml", "--out", "json=-"]).file("plain.toml", PLAIN));
    assert_eq!(played.code, 0, "{}", played.err);
    let summary: Value = serde_json::from_str(&played.out).unwrap();
    assert_eq!(summary["metrics"]["http_reqs"]["count"], 6);
    assert!(played.err.contains("passed"), "{}", played.err);
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let played =
        on(Stage::new(&["run", "plain.toml", "--out", "json=/dev/full"]).file("plain.toml", PLAIN));
    assert_eq!(played.code, 1);
    assert!(
        played.out.contains("passed") && played.err.contains("/dev/full"),
        "{}",
        played.err
    );
}

/// Runs long enough for one line of progress; how many there were.
fn lines_of_progress(words: &[&str]) -> usize {
    let timed = PLAIN
        .replace("iterations = 6\n", "duration = \"6s\"\n")
        .replace("[[step]]", "[[step]]\nthink = \"1s\"\n[[step]]");
    let all = [&["run", "plain.toml"], words].concat();
    let played = on(Stage::new(&all).file("plain.toml", &timed));
    assert_eq!(played.code, 0, "{}", played.err);
    assert!(played.out.contains("passed"), "{}", played.out);
    played.err.matches("2 vus").count()
}

#[test]
fn progress_comes_by_itself() {
    assert_eq!(lines_of_progress(&[]), 1);
}

#[test]
fn progress_stays_away_where_it_is_unwanted() {
    assert_eq!(lines_of_progress(&["--quiet"]), 0);
}

#[test]
fn a_quiet_run_says_its_verdict_in_one_line() {
    let played = on(Stage::new(&["run", "plain.toml", "--quiet"]).file("plain.toml", PLAIN));
    assert_eq!(played.out.lines().count(), 1, "{}", played.out);
    assert!(played.out.starts_with("✓ passed"), "{}", played.out);
}

#[test]
fn a_killed_run_is_reported_as_far_as_it_came() {
    let played = check(&["--out", "log=run.jsonl"], 0);
    let path = played.stage.folder.path().join("run.jsonl");
    let whole = fs::read(&path).unwrap();
    // Cut in the middle of its last line, as a crash may.
    fs::write(&path, &whole[..whole.len() - 10]).unwrap();
    let mut stage = Stage::new(&["report", "run.jsonl", "--out", "json=again.json"]);
    stage
        .environment
        .folder
        .clone_from(&played.stage.environment.folder);
    let reported = on(stage);
    assert_eq!(reported.code, 0, "{}", reported.err);
    assert!(reported.out.contains("log-incomplete"), "{}", reported.out);
    let first = reported.out.lines().next().unwrap_or_default();
    assert!(
        first.starts_with("? inconclusive  the run log ends"),
        "{first}"
    );
    assert_eq!(
        reported.json("again.json")["metrics"]["http_reqs"]["count"],
        6
    );
}

#[test]
fn colours_are_for_those_who_see_them() {
    for (terminal, words, coloured) in [
        (true, &["run", "plain.toml", "--quiet"][..], true),
        (true, &["run", "plain.toml", "--quiet", "--no-color"], false),
        (false, &["run", "plain.toml"], false),
    ] {
        let mut stage = Stage::new(words).file("plain.toml", PLAIN);
        stage.environment.out.terminal = terminal;
        let played = on(stage);
        assert_eq!(played.out.contains("\x1b["), coloured, "{words:?}");
    }
}

#[test]
fn the_load_has_as_many_threads_as_asked_for() {
    // A thread without users would end at once.
    let timed = PLAIN.replace("vus = 2\niterations = 6\n", "vus = 3\nduration = \"2s\"\n");
    for workers in [1, 3] {
        let asked = workers.to_string();
        let words = [
            "run",
            "plain.toml",
            "--workers",
            &asked,
            "--out",
            "log=run.jsonl",
        ];
        let played = on(Stage::new(&words).file("plain.toml", &timed));
        assert_eq!(played.code, 0, "{}", played.err);
        let log = played
            .stage
            .environment
            .read_text(Path::new("run.jsonl"))
            .unwrap();
        // On a busy machine, a window may close before all workers have handed in their part.
        let seen = log
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter_map(|line| Some(line["window"]["generator"]["workers"].as_array()?.len()))
            .max();
        assert_eq!(seen, Some(workers));
    }
}

#[test]
fn what_the_generator_took_is_told() {
    let text = PLAIN.replace("vus = 2\niterations = 6\n", "vus = 3\nduration = \"2s\"\n");
    let words = [
        "run",
        "plain.toml",
        "--workers",
        "1",
        "--out",
        "json=out.json",
    ];
    let played = on(Stage::new(&words).file("plain.toml", &text));
    assert_eq!(played.code, 0, "{}", played.err);
    let summary = played.json("out.json");
    let generator = &summary["generator"];
    let count = |name: &str| generator[name].as_u64().unwrap();
    // Each user holds one port, and no more than that.
    assert_eq!(count("ports_peak"), 3);
    assert!(count("open_files_peak") > 6, "both ends of each connection");
    assert!(count("open_files_limit") >= count("open_files_peak"));
    assert!(count("ports_limit") > 1 && count("peak_rss_bytes") > 1 << 20);
    let worker = |name: &str| generator["workers"][0][name].as_f64().unwrap();
    assert!(worker("cpu_percent") > 0.0 && worker("cpu_percent_peak") >= worker("cpu_percent"));
    assert!(worker("run_queue_percent_peak") >= worker("run_queue_percent"));
    assert!(played.out.contains("3 of "), "{}", played.out);
}

#[test]
fn what_runs_at_the_end_has_so_long_to_finish() {
    let text = PLAIN
        .replace("iterations = 6\n", "duration = \"1h\"\n")
        .replace("[[step]]", "[mock]\nplain_time = \"1h\"\n[[step]]");
    let words = [
        "run",
        "plain.toml",
        "--duration",
        "1s",
        "--graceful-stop",
        "0s",
        "--out",
        "json=out.json",
    ];
    let played = on(Stage::new(&words).file("plain.toml", &text));
    assert_eq!(
        played.json("out.json")["in_flight"]["count"],
        2,
        "{}",
        played.out
    );
    assert_eq!(played.count("interrupted_iterations"), 2);
    assert_eq!(played.code, 99, "nothing succeeded");
}

#[test]
fn what_came_of_a_stream_that_the_end_cuts_counts() {
    let text = "target = \"mock\"\nload = { vus = 2, duration = \"1s\", graceful_stop = \"0s\" }\n\
        mock = { ttft = \"1ms\", itl = \"5ms\", tokens = 100000 }\n\
        [[step]]\npost = \"/v1/chat/completions\"\nstream = \"openai\"\n\
        json = { model = \"m\", stream = true, messages = [{ role = \"user\", content = \"Hello\" }] }\n";
    let summary = keys::run(text);
    let count = |name: &str| summary["metrics"][name]["count"].as_u64().unwrap();
    assert_eq!(count("interrupted_iterations"), 2);
    assert_eq!((count("http_reqs"), count("ttft")), (0, 2));
    // Each event has over 100 bytes; between two of them is a gap.
    assert!(count("itl") > 20, "{}", count("itl"));
    let least = 100 * count("itl");
    assert!(count("data_received") > least, "{}", count("data_received"));
}
