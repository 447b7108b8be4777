//! Rows of data sets, what comes before the first iteration, and what is never begun for want of either.

use crate::support::{Service, count, plan, stopped, undisturbed};
use loadgen_engine::Stop;
use loadgen_stats::{Counter, DropReason, Summary, Warning};
use std::{collections::BTreeSet, time::Duration};

const TIME: Duration = Duration::from_millis(100);

fn text(load: &str, tables: &str) -> String {
    format!("target = \"http://127.0.0.1:1\"\nload = {{ {load} }}\n{tables}")
}

/// A set of so many rows, of which each is given once.
fn unique(rows: u32) -> String {
    let rows: Vec<String> = (0..rows).map(|row| row.to_string()).collect();
    format!(
        "[data.q]\nrows = [{}]\npick = \"unique\"\n",
        rows.join(", ")
    )
}

/// The ends of the paths that begin so, in the order in which they came.
fn tails(service: &Service, path: &str) -> Vec<String> {
    let calls = service.calls(path).into_iter();
    calls
        .map(|(whole, _)| whole.strip_prefix(path).expect("it begins so").to_owned())
        .collect()
}

/// What was dropped, by reason; only those for which something was.
fn dropped(summary: &Summary) -> Vec<(DropReason, u64)> {
    let counts = DropReason::ALL.into_iter().zip(summary.dropped);
    counts.filter(|(_, count)| *count > 0).collect()
}

#[tokio::test(start_paused = true)]
async fn where_no_row_is_left_what_is_not_begun_says_so() {
    let each = "executor = \"per-vu-iterations\", vus = 2, iterations = 9";
    // (load, dropped, whether it ends before its time)
    let cases = [
        ("rate = 10, duration = \"2s\"", 16, false),
        ("vus = 2, iterations = 9", 5, true),
        (each, 14, true),
        ("vus = 3, duration = \"60s\"", 3, true),
    ];
    for (load, expected, ends) in cases {
        for workers in [1, 2, 7] {
            let tables = format!("{}[[step]]\nget = \"/{{{{ data.q }}}}\"", unique(4));
            let service = Service::noting(TIME, &[]);
            let summary = undisturbed(plan(&text(load, &tables)), workers, &service).await;
            let what = format!("{load}, {workers} workers");
            assert_eq!(count(&summary, Counter::Iterations), 4, "{what}");
            assert_eq!(dropped(&summary), [(DropReason::Data, expected)], "{what}");
            let codes: Vec<&str> = summary.warnings.iter().map(Warning::code).collect();
            assert_eq!(codes, ["dropped-iterations"], "{what}");
            // Where nobody is left, nothing is measured any more: counts per second are those of the time before.
            let short = summary.measured <= Duration::from_millis(1_100);
            assert_eq!(short, ends, "{what}: {:?}", summary.measured);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn arrivals_whose_users_do_not_come_to_begin_are_dropped_with_the_reason() {
    let before = "[[before]]\nname = \"login\"\nget = \"/login\"\n";
    let load = "rate = 10, duration = \"1s\", graceful_stop = \"0s\"";
    // (how long a login takes, whether it fails, why)
    let cases = [
        (TIME, true, DropReason::StopUser),
        (TIME * 100, false, DropReason::End),
    ];
    for (time, fails, reason) in cases {
        let mut service = Service::noting(TIME, &[("/login", time)]);
        service.fail_below = if fails { u64::MAX } else { 0 };
        let tables = format!("{before}[[step]]\nget = \"/a\"");
        let summary = undisturbed(plan(&text(load, &tables)), 2, &service).await;
        assert_eq!(dropped(&summary), [(reason, 10)], "{time:?}");
        assert_eq!(service.calls("/a").len(), 0);
        assert_eq!(count(&summary, Counter::Iterations), 0);
        assert_eq!(count(&summary, Counter::InterruptedIterations), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn users_who_fail_before_they_begin_are_missed() {
    let tables = "[[before]]\nname = \"login\"\nget = \"/login\"\n[[step]]\nget = \"/a\"";
    let stages = "start_vus = 0, stages = [{ duration = \"3s\", target = 3 }, { duration = \"9s\", target = 3 }]";
    for load in ["vus = 3, duration = \"60s\"", stages] {
        for workers in [1, 2, 7] {
            let mut service = Service::noting(TIME, &[]);
            service.fail_below = u64::MAX;
            let summary = undisturbed(plan(&text(load, tables)), workers, &service).await;
            let what = format!("{load}, {workers} workers");
            assert_eq!(dropped(&summary), [(DropReason::StopUser, 3)], "{what}");
            assert_eq!(service.calls("/login").len(), 3, "{what}");
            let codes: Vec<&str> = summary.warnings.iter().map(Warning::code).collect();
            assert!(codes.contains(&"dropped-iterations"), "{what}: {codes:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_users_prepare_drops_nothing_of_a_number_of_iterations() {
    let tables = "[[before]]\nname = \"login\"\nget = \"/login\"\n[[step]]\nget = \"/a\"";
    for load in [
        "vus = 2, iterations = 9",
        "executor = \"per-vu-iterations\", vus = 2, iterations = 9",
    ] {
        let service = Service::noting(TIME, &[("/login", TIME * 100)]);
        let cut = [(TIME, Stop::Cut)];
        let summary = stopped(plan(&text(load, tables)), 2, &service, &cut).await;
        assert_eq!(dropped(&summary), [], "{load}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_before_and_the_first_iteration_share_their_rows() {
    let load = "executor = \"per-vu-iterations\", vus = 3, iterations = 4";
    let flow = "[[step]]\nget = \"/a/{{ vu }}/{{ data.q }}\"";
    for (login, rows) in [
        ("/login/{{ vu }}/{{ data.q }}", 12),
        ("/login/{{ vu }}", 12),
    ] {
        for workers in [1, 2, 7] {
            let tables = format!("{}[[before]]\nget = \"{login}\"\n{flow}", unique(rows));
            let service = Service::noting(TIME, &[]);
            let summary = undisturbed(plan(&text(load, &tables)), workers, &service).await;
            let what = format!("{login}, {workers} workers");
            assert_eq!(dropped(&summary), [], "{what}");
            let sent = tails(&service, "/a/");
            let different: BTreeSet<&String> = sent.iter().collect();
            assert_eq!((sent.len(), different.len()), (12, 12), "{what}");
            if login.contains("data") {
                let mut first: Vec<String> = sent[..3].to_vec();
                let mut logins = tails(&service, "/login/");
                first.sort();
                logins.sort();
                assert_eq!(first, logins, "{what}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_iteration_keeps_its_number_and_its_row_where_a_user_prepares_for_it() {
    let tables = format!(
        "{}[[scenario]]\nname = \"a\"\nbefore = [{{ get = \"/login/{{{{ iteration }}}}\" }}]\nstep = [{{ get = \"/n/{{{{ iteration }}}}/{{{{ data.q }}}}\" }}]\n[[scenario]]\nname = \"b\"\nbefore = [{{ get = \"/other/{{{{ iteration }}}}\" }}]\nstep = [{{ get = \"/n/{{{{ iteration }}}}/{{{{ data.q }}}}\" }}]\n",
        unique(20)
    );
    let service = Service::noting(TIME, &[]);
    let text = text("vus = 1, iterations = 20", &tables);
    let summary = undisturbed(plan(&text), 1, &service).await;
    assert_eq!(dropped(&summary), []);
    let expected: Vec<String> = (0..20).map(|number| format!("{number}/{number}")).collect();
    assert_eq!(tails(&service, "/n/"), expected);
    assert_eq!(tails(&service, "/login/"), ["0"]);
    assert_eq!(tails(&service, "/other/"), ["0"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_drawn_before_is_not_drawn_again() {
    let tables =
        "[[before]]\nname = \"login\"\nget = \"/{{ uuid() }}\"\n[[step]]\nget = \"/{{ uuid() }}\"";
    for load in [
        "executor = \"per-vu-iterations\", vus = 3, iterations = 4",
        "rate = 10, duration = \"1s\"",
    ] {
        let service = Service::noting(TIME, &[]);
        undisturbed(plan(&text(load, tables)), 1, &service).await;
        let sent = tails(&service, "/");
        let different: BTreeSet<&String> = sent.iter().collect();
        assert!(sent.len() > 10, "{load}");
        assert_eq!(different.len(), sent.len(), "{load}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_an_iteration_that_there_is_not() {
    let minute = Duration::from_secs(60);
    for (load, length) in [
        (
            "executor = \"per-vu-iterations\", vus = 2, iterations = 1",
            TIME,
        ),
        (
            "executor = \"per-vu-iterations\", vus = 2, iterations = 3",
            minute * 2 + TIME,
        ),
        ("vus = 2, iterations = 2", TIME),
        ("vus = 2, iterations = 4", minute + TIME),
    ] {
        for workers in [1, 2, 7] {
            let tables = "pace = \"1m\"\n[[step]]\nget = \"/a\"";
            let service = Service::noting(TIME, &[]);
            let summary = undisturbed(plan(&text(load, tables)), workers, &service).await;
            assert_eq!(summary.duration, length, "{load}, {workers} workers");
            assert_eq!(summary.measured, length, "{load}, {workers} workers");
        }
    }
}
