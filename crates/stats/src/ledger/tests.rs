//! Windows, live figures, and the same summary from a run and from its log.

use super::*;
use crate::fixtures::{CHAT, LIST, failed, millis, ms, plain, shared_layout, stream};
use crate::summary::StopReason;
use crate::{Counter, Ending, ErrorKind, Recorder, Selection};

fn ledger() -> Ledger {
    let layout = shared_layout();
    let thresholds = [
        ("http_req_duration", "p95 < 1s"),
        ("ttft", "p95 < 1s"),
        ("http_req_failed", "rate < 1%"),
    ];
    let parsed = thresholds
        .map(|(metric, expression)| Threshold::parse(metric, expression, &layout).unwrap());
    Ledger::new(layout, parsed.into())
}

/// What a shard recorded in one second: a stream, a plain request and, in odd seconds, a failure.
fn part(second: u64) -> Totals {
    let mut recorder = Recorder::new(shared_layout());
    let due = second * 1000;
    let sample = stream(due);
    recorder.first_output(CHAT, sample.due, ms(due + 3), ms(due + 203));
    recorder.output_events(CHAT, sample.done, 6);
    recorder.request(&sample);
    recorder.request(&plain(LIST, due, 50 + second));
    if second % 2 == 1 {
        recorder.request(&failed(
            plain(LIST, due, 10),
            Ending::Broken,
            ErrorKind::Reset,
            "reset by peer",
        ));
    }
    recorder.totals().clone()
}

fn generator(worker: f64) -> Option<GeneratorSample> {
    Some(GeneratorSample {
        workers: vec![0.1, worker],
        cpu_percent: worker * 100.0,
        rss_bytes: 1000,
        peak_rss_bytes: 2000,
        ..GeneratorSample::default()
    })
}

fn close(ledger: &mut Ledger, second: u64, worker: f64) -> Window {
    let (start, end) = (ms(second * 1000), ms(second * 1000 + 1000));
    ledger
        .close_window(start, end, VusRange::steady(second), generator(worker))
        .clone()
}

#[test]
fn a_window_holds_what_the_shards_handed_over_since_the_last() {
    let mut ledger = ledger();
    let count = |totals: &Totals, ledger: &Ledger| {
        totals
            .counter(ledger.layout(), Counter::HttpReqs, &Selection::default())
            .0
    };
    ledger.add(&part(0));
    ledger.add(&part(1));
    let first = close(&mut ledger, 0, 0.0);
    assert_eq!(count(&first.totals, &ledger), 5);
    let empty = close(&mut ledger, 1, 0.0);
    assert!(empty.totals.is_empty());
    ledger.add(&part(2));
    let third = close(&mut ledger, 2, 0.0);
    assert_eq!(count(&third.totals, &ledger), 2);
    assert_eq!(count(ledger.totals(), &ledger), 7);
    assert_eq!(ledger.last_end(), ms(3000));
}

#[test]
fn live_figures_are_of_the_last_windows_and_of_all() {
    let mut ledger = ledger();
    for second in 0..20 {
        ledger.add(&part(second));
        close(&mut ledger, second, 0.0);
    }
    let live = ledger.live();
    assert_eq!(
        (live.requests, live.failed, live.vus),
        (50, 10, VusRange::steady(19))
    );
    // Seconds 15 to 19: three odd ones.
    assert!((live.requests_per_second - 13.0 / 5.0).abs() < 1e-9);
    assert!((live.output_events_per_second - 6.0).abs() < 1e-9);
    assert!(
        live.http_req_duration_p95
            .is_some_and(|p95| p95.value >= millis(500))
    );
    assert!(live.ttft_p95.is_some_and(|p95| p95.value == millis(203)));
    assert_eq!(
        Ledger::new(shared_layout(), Vec::new()).live(),
        Live::default()
    );
}

#[test]
fn a_log_gives_the_summary_of_its_run() {
    let end = RunEnd::new(StopReason::Completed, (ms(0), ms(12_000)), ms(12_500));
    let (mut run, mut log, mut coarse) = (ledger(), ledger(), ledger());
    let mut pair: Option<Window> = None;
    for second in 0..12 {
        run.add(&part(second));
        let window = close(&mut run, second, 0.2);
        log.replay(&window);
        match pair.take() {
            Some(mut first) => {
                first.extend(&window);
                coarse.replay(&first);
            }
            None => pair = Some(window),
        }
    }
    let summary = run.finish(&end);
    assert_eq!(log.finish(&end), summary);
    // Two-second records lose the single seconds and nothing else.
    let mut expected = summary.clone();
    let coarse = coarse.finish(&end);
    assert_eq!(coarse.windows.len(), 6);
    expected.windows.clone_from(&coarse.windows);
    expected.generator.cpu_percent = coarse.generator.cpu_percent;
    assert_eq!(coarse, expected);
    assert!((coarse.generator.cpu_percent.unwrap() - 20.0).abs() < 1e-9);
}

#[test]
fn what_came_after_the_last_window_is_summed_up_once() {
    let end = RunEnd::new(StopReason::Interrupted, (ms(0), ms(1000)), ms(1000));
    let mut ledger = ledger();
    ledger.add(&part(0));
    close(&mut ledger, 0, 0.0);
    ledger.add(&part(1));
    let first = ledger.finish(&end);
    assert_eq!(first.metrics.counter(Counter::HttpReqs), 5);
    assert_eq!(ledger.finish(&end), first);
}

#[test]
fn a_worker_is_busy_after_three_windows_or_seconds() {
    #[track_caller]
    fn check(used: &[f64], waited: &[f64], seconds: u64, expected: Option<(f64, f64)>) {
        let mut ledger = ledger();
        for (place, (&used, &waited)) in (0_u64..).zip(used.iter().zip(waited)) {
            let (start, end) = (ms(place * seconds * 1000), ms((place + 1) * seconds * 1000));
            let sample = generator(used).map(|sample| GeneratorSample {
                queued: vec![waited],
                ..sample
            });
            ledger.close_window(start, end, VusRange::default(), sample);
        }
        assert_eq!(ledger.machine.busiest, expected, "{used:?} {waited:?}");
    }
    let none = [0.0; 7];
    check(&[0.95, 0.95, 0.5, 0.95], &none, 1, None);
    let least = Some((0.93, 0.0));
    check(&[0.5, 0.95, 0.93, 0.99], &none, 1, least);
    let busiest = [0.91, 0.91, 0.91, 0.1, 0.97, 0.97, 0.97];
    check(&busiest, &none, 1, Some((0.97, 0.0)));
    check(&[0.9, 0.9, 0.9], &none, 1, None);
    check(&[0.95], &none, 10, Some((0.95, 0.0)));
    // It would run, and does not come to it.
    check(&[0.1; 3], &[0.5; 3], 1, None);
    check(&[0.1; 3], &[0.6, 0.7, 0.51], 1, Some((0.1, 0.51)));
}
