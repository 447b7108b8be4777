//! Tokens that users ask for themselves: when, how many at once, and until when they are used.

use crate::support::{Call, Service, count, plan, undisturbed};
use loadgen_stats::{Counter, ErrorKind, Summary};
use std::time::Duration;

const TIME: Duration = Duration::from_millis(10);
const AUTH: &str =
    "token_url = \"/token\"\nclient_id = \"a\"\nclient_secret = \"b\"\nper = \"user\"\n";
const STEP: &str = "[[step]]\nget = \"/x\"\n";
const EACH_SECOND: &str = "[[step]]\nget = \"/x\"\n[[step]]\nthink = \"1s\"\n";

/// Runs steps whose users have tokens of their own; what comes of it.
async fn run(load: &str, steps: &str, workers: usize, service: &Service) -> Summary {
    let text = format!(
        "target = \"http://127.0.0.1:1\"\nload = {{ {load} }}\n{steps}\n[defaults.auth.oauth2]\n{AUTH}"
    );
    undisturbed(plan(&text), workers, service).await
}

/// A service whose tokens take so long, and live as told.
fn service(token: Duration, tokens: fn(u64) -> Option<u64>) -> Service {
    Service {
        tokens,
        ..Service::noting(TIME, &[("/token", token)])
    }
}

fn seconds(call: &Call) -> f64 {
    call.1.as_duration().as_secs_f64()
}

#[tokio::test(start_paused = true)]
async fn of_steps_at_once_one_asks_for_all() {
    let inner = "{ get = \"/a\" }, { step = [{ get = \"/b\" }, { parallel = [{ get = \"/c\" }, { get = \"/d\" }] }] }";
    let steps = format!("[[step]]\nparallel = [{inner}]\n{STEP}");
    let service = service(TIME, |_| Some(3600));
    let summary = run("vus = 3, iterations = 3", &steps, 1, &service).await;
    assert_eq!(service.calls("/token").len(), 3);
    assert_eq!(count(&summary, Counter::HttpReqs), 15);
    assert_eq!(summary.errors.len(), 0);
    // Refused, each way waits and fails, and asks no more than the user may.
    let service = Service {
        tokens: |_| None,
        ..service
    };
    let before = service.calls("/token").len();
    let summary = run("vus = 1, iterations = 1", &steps, 1, &service).await;
    assert_eq!(service.calls("/token").len() - before, 2);
    assert_eq!(count(&summary, Counter::HttpReqs), 5);
    assert_eq!(summary.errors[0].kind, ErrorKind::Auth);
}

#[tokio::test(start_paused = true)]
async fn not_all_users_ask_at_once() {
    for workers in [1, 2, 7] {
        let service = service(Duration::from_millis(100), |_| Some(3600));
        let load = "executor = \"per-vu-iterations\", vus = 200, iterations = 1";
        run(load, STEP, workers, &service).await;
        let calls = service.calls("/token");
        let at = |tenth: u32| {
            let tenth = f64::from(tenth) / 10.0;
            let near = |call: &&Call| (seconds(call) - tenth).abs() < 0.05;
            calls.iter().filter(near).count()
        };
        assert_eq!([0, 1, 2, 3].map(at), [64, 64, 64, 8], "{workers}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_is_asked_for_less_and_less() {
    let service = service(TIME, |_| None);
    let summary = run("vus = 1, duration = \"60s\"", STEP, 1, &service).await;
    let failed = count(&summary, Counter::HttpReqs);
    assert!((55..=61).contains(&failed), "one a second: {failed}");
    assert_eq!(summary.errors[0].kind, ErrorKind::Auth);
    // After 1, 2, 4, 8, 16 and 30 seconds, each half as long again at most.
    let asked: Vec<f64> = service.calls("/token").iter().map(seconds).collect();
    assert!((5..=7).contains(&asked.len()), "{asked:?}");
    let gaps = asked.windows(2).map(|pair| pair[1] - pair[0]);
    for (gap, pause) in gaps.zip([1.0, 2.0, 4.0, 8.0, 16.0, 30.0]) {
        assert!((pause..pause * 1.5 + 1.1).contains(&gap), "{asked:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_is_kept_with_its_token_where_a_rate_says_when_iterations_begin() {
    for (steps, asked) in [(STEP, 1), ("[[step]]\nget = \"/x\"\nauth = \"none\"\n", 0)] {
        let service = service(TIME, |_| Some(3600));
        let load = "rate = 10, duration = \"3s\"";
        let summary = run(load, steps, 1, &service).await;
        assert_eq!(count(&summary, Counter::Iterations), 30);
        assert_eq!(service.calls("/token").len(), asked, "{steps}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_token_is_used_beyond_its_end() {
    // Another is asked for after 7 to 8 s of 10 s, and refused when the first has ended.
    let service = service(Duration::from_secs(5), |number| (number != 2).then_some(10));
    run("vus = 1, duration = \"40s\"", EACH_SECOND, 1, &service).await;
    let used = |token: &str| {
        let calls = service.calls("/x");
        let with = calls.iter().filter(|call| call.0.ends_with(token));
        with.map(seconds).collect::<Vec<_>>()
    };
    let (first, third) = (used("tok-1"), used("tok-3"));
    assert!(
        first.len() > 1 && first.iter().all(|at| *at < 10.0),
        "{first:?}"
    );
    assert!(third.len() > 1, "{:?}", service.calls("/"));
    assert_eq!(used("tok-2"), [0.0; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_again_has_the_token_that_counts_then() {
    let mut service = service(TIME, |_| Some(10));
    service.refuse_below = (1, Duration::from_secs(20));
    let step = "[[step]]\nget = \"/x\"\nretry = { on = 429 }\n";
    let summary = run("vus = 1, iterations = 1", step, 1, &service).await;
    let paths: Vec<String> = service.calls("/x").into_iter().map(|call| call.0).collect();
    assert_eq!(paths, ["/x tok-1", "/x tok-2"]);
    assert_eq!(summary.errors.len(), 0);
    // Where there is none any more, it is not sent again.
    let mut service = self::service(TIME, |number| (number == 1).then_some(10));
    service.refuse_below = (1, Duration::from_secs(20));
    let summary = run("vus = 1, iterations = 1", step, 1, &service).await;
    assert_eq!(service.calls("/x").len(), 1);
    assert_eq!(summary.errors[0].kind, ErrorKind::Auth);
}

#[tokio::test(start_paused = true)]
async fn a_token_of_the_setup_has_ended_by_the_teardown() {
    for (lives, last) in [(60, "/end tok-2"), (3600, "/end tok-1")] {
        let mut service = service(TIME, |_| Some(60));
        if lives == 3600 {
            service.tokens = |_| Some(3600);
        }
        let steps = "[[setup]]\nget = \"/begin\"\n[[teardown]]\nget = \"/end\"\n\
            [[step]]\nget = \"/x\"\nauth = \"none\"\n[[step]]\nthink = \"1s\"\n";
        run("vus = 1, duration = \"10m\"", steps, 1, &service).await;
        assert_eq!(service.calls("/begin")[0].0, "/begin tok-1");
        assert_eq!(service.calls("/end")[0].0, last);
    }
}
