//! What each key of a scenario does to a request on its way: given up, sent on to another place, on which connection.

use super::keys::{
    DONE, FINISH, GET, TOKEN, both, count, error, events, once, playing, rate, run_on,
};
use loadgen_testkit::Step;

#[test]
fn requests_are_given_up_as_the_file_says() {
    let mut endless = events(&[TOKEN, TOKEN, TOKEN]);
    *endless.last_mut().unwrap() = Step::WaitForClose;
    let whole = events(&[TOKEN, FINISH, DONE]);
    let step = format!("{GET}\nstream = \"openai\"\ntimeout = \"5s\"");
    for (line, given_up) in [
        ("cancel = { after = \"60ms\" }", true),
        ("cancel = { after_tokens = 3 }", true),
        ("cancel = { after = \"1h\", after_tokens = 2 }", true),
        ("cancel = { after_tokens = 4 }", false),
        ("cancel = { after = \"60ms\", probability = 0 }", false),
    ] {
        for tables in both(line, &step) {
            let tables = tables.replace("5s", if given_up { "20s" } else { "100ms" });
            let (_, summary) = once(&playing(&endless), &tables);
            let (failed, total) = rate(&summary, "http_req_failed");
            assert_eq!((failed, total), (u64::from(!given_up), 1), "{tables}");
            assert_eq!(
                count(&summary, "cancelled"),
                u64::from(given_up),
                "{tables}"
            );
            assert_eq!(
                summary["outcomes"]["cancelled"],
                u64::from(given_up),
                "{tables}"
            );
            assert_eq!(count(&summary, "ttft"), 1, "{tables}");
            // Only the one that timed out waited for an end.
            let durations = count(&summary, "http_req_duration");
            assert_eq!(durations, u64::from(!given_up), "{tables}");
            let streams = rate(&summary, "stream_failed");
            assert_eq!(streams, (u64::from(!given_up), u64::from(!given_up)));
            assert_eq!(error(&summary).0, if given_up { "" } else { "timeout" });
        }
        for tables in both(line, &step) {
            let (_, summary) = once(&playing(&whole), &tables);
            assert_eq!(count(&summary, "cancelled"), 0, "{tables}");
            assert_eq!(rate(&summary, "http_req_failed"), (0, 1), "{tables}");
        }
    }
}

#[test]
fn as_many_are_given_up_as_the_seed_draws() {
    let of = |probability: &str, workers: &str| {
        let summary = run_on(
            &format!(
                "target = \"mock\"\nload = {{ executor = \"per-vu-iterations\", vus = 4, iterations = 50 }}\n\
                 [mock]\nttft = \"1ms\"\nitl = \"200us\"\ntokens = 400\n\
                 [[step]]\npost = \"/v1/chat/completions\"\nstream = \"openai\"\n\
                 json = {{ model = \"m\", stream = true, messages = [] }}\n\
                 cancel = {{ after_tokens = 1, probability = {probability} }}\n"
            ),
            workers,
        );
        assert_eq!(rate(&summary, "http_req_failed"), (0, 200), "{probability}");
        assert_eq!(count(&summary, "http_reqs"), 200);
        let cancelled = count(&summary, "cancelled");
        assert_eq!(summary["outcomes"]["ok"], 200 - cancelled);
        cancelled
    };
    assert_eq!(of("\"0%\"", "1"), 0);
    assert_eq!(of("1.0", "1"), 200);
    // A standard deviation is 6.5.
    let some = of("\"30%\"", "1");
    assert!((30..=90).contains(&some), "{some}");
    assert_eq!(of("\"30%\"", "2"), some, "whatever the workers");
}
