//! What is counted when, and that shards and parts add up.

use super::*;
use crate::fixtures::{
    CHAT, LIST, PING, failed, hung, layout, millis, ms, plain, refused, shared_layout, stream,
};
use crate::{Arrival, Ending, ErrorKind, Rate, RateCount, Selection, TrendCell, Usage};
use proptest::prelude::*;

fn recorder() -> Recorder {
    Recorder::new(shared_layout())
}

/// A recorder that measures from 1 s until 10 s.
fn measuring() -> Recorder {
    let mut recorder = recorder();
    recorder.measure_all(ms(1000), ms(10_000));
    recorder
}

fn count(recorder: &Recorder, counter: Counter) -> (u64, u64) {
    recorder
        .totals()
        .counter(&layout(), counter, &Selection::default())
}

fn samples(recorder: &Recorder, trend: Trend) -> u64 {
    recorder
        .totals()
        .trend(&layout(), trend, &Selection::default())
        .count()
}

fn rate(recorder: &Recorder, rate: Rate) -> RateCount {
    recorder
        .totals()
        .rate(&layout(), rate, &Selection::default())
}

#[test]
fn the_measured_part_decides_by_due() {
    // (due, took, counted, in the window, in trends and rates)
    let cases = [
        ("within warm-up", 0, 500, 0, 0, 0),
        ("due in warm-up, finished after it", 500, 2000, 0, 1, 0),
        (
            "due in warm-up, finished while draining",
            500,
            9500,
            0,
            0,
            0,
        ),
        ("within", 2000, 100, 1, 1, 1),
        ("finished while draining", 9000, 5000, 1, 0, 1),
        ("due while draining", 11_000, 100, 1, 0, 0),
    ];
    for (what, due, took, counted, in_window, measured) in cases {
        let mut recorder = measuring();
        recorder.request(&plain(LIST, due, took));
        assert_eq!(
            count(&recorder, Counter::HttpReqs),
            (counted, in_window),
            "{what}"
        );
        assert_eq!(
            samples(&recorder, Trend::HttpReqDuration),
            measured,
            "{what}"
        );
        assert_eq!(
            rate(&recorder, Rate::HttpReqFailed).total,
            measured,
            "{what}"
        );
        assert_eq!(rate(&recorder, Rate::Goodput).total, measured, "{what}");
        assert_eq!(recorder.totals().steps[LIST.0].live_finished, 1, "{what}");
    }
}

#[test]
fn counts_end_with_a_part_that_another_may_follow() {
    let check = |due, took, expected: (u64, u64)| {
        let mut recorder = recorder();
        for scenario in 0..layout().scenarios.len() {
            recorder.measure_next(ScenarioIndex(scenario), ms(1000), ms(10_000));
        }
        let sample = plain(LIST, due, took);
        recorder.request(&sample);
        recorder.retry(LIST, sample.due, sample.done, Some(429));
        recorder.dropped_iterations(ScenarioIndex(0), sample.due, DropReason::MaxVus, 1);
        for counter in [Counter::HttpReqs, Counter::Retries] {
            assert_eq!(
                count(&recorder, counter),
                expected,
                "{counter:?} due at {due}"
            );
        }
        let dropped = count(&recorder, Counter::DroppedIterations).0;
        assert_eq!(dropped, expected.0, "due at {due}");
    };
    check(500, 100, (0, 0));
    check(500, 1000, (0, 1));
    check(2000, 100, (1, 1));
    check(9900, 200, (1, 0));
    check(10_000, 100, (0, 0));
}

#[test]
fn iterations_are_measured_by_their_due_time() {
    let cases = [
        ("in warm-up", 0, 500, 0, 0, 0),
        ("out of warm-up", 500, 1500, 0, 1, 0),
        ("begun late, out of warm-up", 999, 3000, 0, 1, 0),
        ("within", 2000, 3000, 1, 1, 1),
        ("out of the measured part", 2000, 11_000, 1, 0, 1),
    ];
    for (what, due, ended, counted, in_window, measured) in cases {
        let mut recorder = measuring();
        let scenario = ScenarioIndex(0);
        recorder.iteration(&Iteration {
            scenario,
            due: ms(due),
            began: ms(due + 10),
            ended: ms(ended),
            failed: true,
        });
        assert_eq!(
            count(&recorder, Counter::Iterations),
            (counted, in_window),
            "{what}"
        );
        assert_eq!(
            count(&recorder, Counter::IterationsFailed),
            (counted, in_window),
            "{what}"
        );
        assert_eq!(
            samples(&recorder, Trend::IterationDuration),
            measured,
            "{what}"
        );
    }
}

#[test]
fn interrupted_and_dropped_iterations() {
    let mut recorder = measuring();
    let probe = ScenarioIndex(1);
    recorder.interrupted_iteration(probe, ms(1000));
    recorder.interrupted_iteration(probe, ms(999));
    recorder.dropped_iterations(probe, ms(2000), DropReason::End, 5);
    recorder.dropped_iterations(probe, ms(10_000), DropReason::MaxVus, 2);
    recorder.dropped_iterations(probe, ms(500), DropReason::MaxVus, 3);
    recorder.dropped_iterations(ScenarioIndex(7), ms(2000), DropReason::End, 5);
    assert_eq!(count(&recorder, Counter::InterruptedIterations).0, 1);
    assert_eq!(
        count(&recorder, Counter::DroppedIterations),
        (7, 5),
        "those of the warm-up are left out"
    );
    let mut totals = recorder.swap(Totals::new(&layout()));
    for (reason, expected) in [(DropReason::End, (5, 5)), (DropReason::MaxVus, (2, 0))] {
        let selection = Selection {
            reason: Some(reason),
            ..Selection::of_scenario(probe)
        };
        let counted = totals.counter(&layout(), Counter::DroppedIterations, &selection);
        assert_eq!(counted, expected, "{}", reason.name());
        assert_eq!(DropReason::from_name(reason.name()), Some(reason));
    }
    let other = totals.clone();
    totals.merge(&other);
    assert_eq!(totals.dropped(), [4, 10, 0, 0, 0]);
    totals.clear();
    assert!(totals.is_empty());
}

#[test]
fn each_scenario_is_measured_in_its_own_part() {
    let mut recorder = Recorder::new(shared_layout());
    recorder.measure(ScenarioIndex(0), ms(1000), ms(5000));
    recorder.measure(ScenarioIndex(1), ms(4000), ms(9000));
    for due in [500, 2000, 4500, 6000, 9500] {
        recorder.request(&plain(LIST, due, 10));
        recorder.request(&plain(PING, due, 10));
        recorder.first_output(CHAT, ms(due), ms(due), ms(due + 5000));
    }
    let layout = layout();
    let of = |recorder: &Recorder, step| {
        let (totals, selection) = (recorder.totals(), Selection::of_step(step));
        let trend = totals.trend(&layout, Trend::HttpReqDuration, &selection);
        (
            totals.counter(&layout, Counter::HttpReqs, &selection),
            trend.count(),
        )
    };
    // Of those due after the end of starting, the counts tell too.
    assert_eq!(of(&recorder, LIST), ((4, 2), 2));
    assert_eq!(of(&recorder, PING), ((3, 2), 2));
    let first = recorder
        .totals()
        .trend(&layout, Trend::Ttft, &Selection::default());
    assert_eq!(first.count(), 2, "it came while the other was measured");
    // A stop moves the ends; what is handed over says so, once.
    let part = |totals: &Totals| totals.scenarios.iter().map(|one| one.measured).collect();
    let told: Vec<_> = part(&recorder.swap(Totals::new(&layout)));
    assert_eq!(
        told,
        [Some((ms(1000), ms(5000))), Some((ms(4000), ms(9000)))]
    );
    let told: Vec<_> = part(recorder.totals());
    assert_eq!(told, [None, None]);
    recorder.measure(ScenarioIndex(1), ms(4000), ms(7000));
    recorder.measure(ScenarioIndex(3), ms(4000), ms(7000));
    let mut whole = Totals::new(&layout);
    whole.scenarios[1].measured = Some((ms(4000), ms(9000)));
    whole.merge(recorder.totals());
    assert_eq!(whole.scenarios[1].measured, Some((ms(4000), ms(7000))));
}

#[test]
fn tokens_that_come_after_the_end_of_starting_are_in_no_second() {
    let mut recorder = Recorder::new(shared_layout());
    recorder.measure_all(ms(0), ms(2500));
    let mut sample = stream(1000);
    if let Some(stream) = &mut sample.stream {
        stream.by_second = vec![(1, 2), (2, 2), (3, 2)];
    }
    recorder.request(&sample);
    let seconds: Vec<u32> = recorder
        .totals()
        .token_seconds
        .iter()
        .map(|&(second, _)| second)
        .collect();
    assert_eq!(seconds, [1, 2]);
}

#[test]
fn tokens_of_a_stream_that_was_due_in_the_warm_up_count_from_its_end_on() {
    // (end of the warm-up, seconds)
    for (from, expected) in [(500, vec![0, 1, 2]), (1001, vec![2]), (2000, vec![2])] {
        let mut recorder = Recorder::new(shared_layout());
        recorder.measure_all(ms(from), ms(9000));
        let mut sample = stream(999);
        sample.done = ms(2800);
        if let Some(stream) = &mut sample.stream {
            stream.by_second = vec![(0, 2), (1, 2), (2, 2)];
        }
        recorder.request(&sample);
        let tokens = &recorder.totals().token_seconds;
        let seconds: Vec<u32> = tokens.iter().map(|&(second, _)| second).collect();
        assert_eq!(seconds, expected, "from {from} ms");
    }
}

#[test]
fn first_outputs_are_known_at_arrival_and_by_outcome_at_the_end() {
    let mut recorder = measuring();
    let sample = stream(2000);
    let end = sample.stream.clone().unwrap();
    recorder.first_output(
        CHAT,
        sample.due,
        sample.sent_first.unwrap(),
        end.first_output.unwrap(),
    );
    recorder.first_text(CHAT, sample.due, end.first_text.unwrap());
    for trend in [Trend::Ttft, Trend::TtftService, Trend::TtftText] {
        assert_eq!(samples(&recorder, trend), 1, "{} at arrival", trend.name());
    }
    recorder.request(&sample);
    let layout = layout();
    for (trend, millis) in [
        (Trend::Ttft, 203),
        (Trend::TtftService, 200),
        (Trend::TtftText, 243),
    ] {
        for selection in [
            Selection::default(),
            Selection::default().with_outcome(Outcome::Ok),
        ] {
            let cell = recorder.totals().trend(&layout, trend, &selection);
            assert_eq!(
                (cell.count(), cell.max()),
                (1, Some(Duration::from_millis(millis))),
                "{}",
                trend.name()
            );
        }
    }
    // A wait in vain is known only at the end, and is in both.
    recorder.request(&hung(CHAT, 3000, 5000));
    let all = recorder
        .totals()
        .trend(&layout, Trend::Ttft, &Selection::default());
    assert_eq!((all.count(), all.censored()), (2, 1));
    let failed = Selection::default().with_outcome(Outcome::Failed);
    assert_eq!(
        recorder
            .totals()
            .trend(&layout, Trend::Ttft, &failed)
            .censored(),
        1
    );
}

#[test]
fn a_text_wait_is_shown_only_where_texts_are_known() {
    let mut recorder = recorder();
    recorder.request(&hung(CHAT, 0, 5000));
    assert_eq!(samples(&recorder, Trend::Ttft), 1);
    assert_eq!(
        samples(&recorder, Trend::TtftText),
        0,
        "no text was ever seen"
    );
    recorder.first_text(CHAT, ms(0), ms(70));
    assert_eq!(samples(&recorder, Trend::TtftText), 2);
}

#[test]
fn gaps_are_measured_by_the_due_of_their_stream() {
    let mut recorder = measuring();
    for (due, gap) in [(500, 10), (2000, 10), (2000, 0), (12_000, 0)] {
        recorder.gap(CHAT, ms(due), millis(gap));
    }
    assert_eq!(samples(&recorder, Trend::Itl), 2);
    assert_eq!(recorder.totals().steps[CHAT.0].stream.zero_gaps, 1);
}

#[test]
fn gaps_of_no_length_are_counted_together_as_one_by_one() {
    let (mut one_by_one, mut together) = (measuring(), measuring());
    for (due, gap, count) in [(500, 0, 3), (2000, 7, 1), (2000, 0, 0), (2000, 0, 63)] {
        (0..count).for_each(|_| one_by_one.gap(CHAT, ms(due), millis(gap)));
        match gap {
            0 => together.zero_gaps(CHAT, ms(due), count),
            gap => together.gap(CHAT, ms(due), millis(gap)),
        }
    }
    assert_eq!(samples(&together, Trend::Itl), 64);
    assert_eq!(together.totals(), one_by_one.totals());
}

#[test]
fn rates() {
    let expected_429 = || Sample {
        outcome: Outcome::Rejected,
        status: Some(429),
        stream: None,
        ..stream(2000)
    };
    let cut_short = |kind| {
        let mut sample = stream(2000);
        sample.stream.as_mut().unwrap().ended = None;
        failed(sample, Ending::Broken, kind, "")
    };
    let failed = |kind| failed(stream(2000), Ending::Whole, kind, "");
    // (sample, failed requests, failed streams, checks) as (hits, total)
    let cases = [
        ("good stream", stream(2000), (0, 1), (0, 1), (1, 1)),
        (
            "broken stream",
            failed(ErrorKind::StreamError),
            (1, 1),
            (1, 1),
            (1, 1),
        ),
        (
            "timed out within",
            cut_short(ErrorKind::Timeout),
            (1, 1),
            (1, 1),
            (1, 1),
        ),
        (
            "timed out after its end",
            failed(ErrorKind::Timeout),
            (1, 1),
            (0, 1),
            (1, 1),
        ),
        (
            "reset within",
            cut_short(ErrorKind::Reset),
            (1, 1),
            (1, 1),
            (1, 1),
        ),
        (
            "reset after its end",
            failed(ErrorKind::Reset),
            (1, 1),
            (0, 1),
            (1, 1),
        ),
        (
            "closed within",
            cut_short(ErrorKind::ClosedEarly),
            (1, 1),
            (1, 1),
            (1, 1),
        ),
        (
            "closed after its end",
            failed(ErrorKind::ClosedEarly),
            (1, 1),
            (0, 1),
            (1, 1),
        ),
        (
            "not as HTTP says",
            failed(ErrorKind::Protocol),
            (1, 1),
            (1, 1),
            (1, 1),
        ),
        (
            "whole stream with the wrong text",
            failed(ErrorKind::Check),
            (1, 1),
            (0, 1),
            (1, 1),
        ),
        ("expected refusal", expected_429(), (0, 1), (0, 0), (1, 1)),
        (
            "refused connection",
            refused(CHAT, 2000),
            (1, 1),
            (0, 0),
            (1, 1),
        ),
        (
            "plain",
            Sample {
                checks_held: 1,
                checks_made: 3,
                ..plain(PING, 2000, 1)
            },
            (0, 1),
            (0, 0),
            (1, 3),
        ),
    ];
    for (what, sample, requests, streams, checks) in cases {
        let mut recorder = measuring();
        recorder.request(&sample);
        let seen = |of| {
            let seen = rate(&recorder, of);
            (seen.hits, seen.total)
        };
        assert_eq!(seen(Rate::HttpReqFailed), requests, "{what}");
        assert_eq!(seen(Rate::StreamFailed), streams, "{what}");
        assert_eq!(seen(Rate::Checks), checks, "{what}");
    }
}

#[test]
fn tokens() {
    let usage = Some(Usage {
        input: 7,
        output: 11,
        reasoning: 0,
    });
    let failed = |sample| failed(sample, Ending::Whole, ErrorKind::StreamError, "");
    // (sample, input, output, wasted, booked by second)
    let cases = [
        ("usage", stream(2000), 7, 11, 0, 11.0),
        (
            "events stand in",
            Sample {
                usage: None,
                ..stream(2000)
            },
            0,
            6,
            0,
            6.0,
        ),
        ("failed", failed(stream(2000)), 7, 0, 11, 0.0),
        (
            "failed without usage",
            failed(Sample {
                usage: None,
                ..stream(2000)
            }),
            0,
            0,
            6,
            0.0,
        ),
        (
            "plain answer with usage",
            Sample {
                usage,
                ..plain(LIST, 2000, 5)
            },
            7,
            11,
            0,
            0.0,
        ),
        ("plain answer", plain(LIST, 2000, 5), 0, 0, 0, 0.0),
    ];
    for (what, sample, input, output, wasted, booked) in cases {
        let mut recorder = measuring();
        recorder.request(&sample);
        assert_eq!(count(&recorder, Counter::InputTokens).0, input, "{what}");
        assert_eq!(count(&recorder, Counter::OutputTokens).0, output, "{what}");
        assert_eq!(count(&recorder, Counter::WastedTokens).0, wasted, "{what}");
        let sum: f64 = recorder
            .totals()
            .token_seconds
            .iter()
            .map(|&(_, tokens)| tokens)
            .sum();
        assert!((sum - booked).abs() < 1e-9, "{what}: {sum}");
    }
}

#[test]
fn tokens_are_spread_over_the_seconds_of_their_events() {
    let mut recorder = recorder();
    let mut sample = stream(0);
    sample.stream.as_mut().unwrap().by_second = vec![(3, 2), (5, 4)];
    recorder.request(&sample);
    recorder.request(&sample);
    let rounded: Vec<_> = recorder
        .totals()
        .token_seconds
        .iter()
        .map(|&(second, tokens)| (second, (tokens * 1e6).round() as u64))
        .collect();
    assert_eq!(rounded, [(3, 7_333_333), (5, 14_666_667)]);
}

#[test]
fn a_broken_stream_wastes_no_less_than_was_seen() {
    // (kind of failure, tokens told, wasted)
    let cases = [
        (ErrorKind::StreamTruncated, 1, 6),
        (ErrorKind::StreamTruncated, 11, 11),
        (ErrorKind::Check, 1, 1),
    ];
    for (kind, output, wasted) in cases {
        let mut recorder = measuring();
        let usage = Usage {
            output,
            ..Usage::default()
        };
        recorder.request(&Sample {
            usage: Some(usage),
            ..failed(stream(2000), Ending::Whole, kind, "broken")
        });
        assert_eq!(
            count(&recorder, Counter::WastedTokens).0,
            wasted,
            "{kind:?} {output}"
        );
        assert_eq!(count(&recorder, Counter::OutputTokens).0, 0);
    }
}

#[test]
fn cut_requests_wait_beside_the_samples() {
    use Trend::{
        HttpReqDuration as Duration, HttpReqLatency as Latency, HttpReqReceiving as Receiving,
        HttpReqWaiting as Waiting, StreamDuration, Ttft, TtftService,
    };
    let cut = Cut {
        step: CHAT,
        due: ms(2000),
        sent_first: Some(ms(2010)),
        sent_last: Some(ms(2020)),
        sent_whole: true,
        first_byte: None,
        first_output: None,
        at: ms(2900),
        bytes_sent: 10,
        bytes_received: 20,
        resent: 1,
    };
    let begun = Cut {
        first_byte: Some(ms(2500)),
        ..cut
    };
    // (cut, trends in which its wait is noted, with how long)
    let plain = [(Duration, 890), (Latency, 900)];
    let silent = [(Ttft, 900), (TtftService, 890), (StreamDuration, 890)];
    let cases = [
        ("silent", cut, [&silent[..], &plain, &[(Waiting, 880)]]),
        ("begun", begun, [&silent[..], &plain, &[(Receiving, 400)]]),
        (
            "streaming",
            Cut {
                first_output: Some(ms(2600)),
                ..begun
            },
            [&silent[2..], &plain, &[(Receiving, 400)]],
        ),
        (
            "plain",
            Cut { step: LIST, ..cut },
            [&[], &plain, &[(Waiting, 880)]],
        ),
        (
            "sending cannot be told apart",
            Cut {
                step: LIST,
                sent_last: None,
                sent_whole: false,
                ..cut
            },
            [&[], &plain, &[(Waiting, 890)]],
        ),
        (
            "connecting",
            Cut {
                sent_first: None,
                sent_last: None,
                sent_whole: false,
                ..cut
            },
            [&silent[..1], &plain[1..], &[]],
        ),
        (
            "due in warm-up",
            Cut {
                due: ms(500),
                ..cut
            },
            [&[], &[], &[]],
        ),
    ];
    for (what, cut, expected) in cases {
        let mut recorder = measuring();
        recorder.cut(&cut);
        let totals = recorder.totals();
        let noted = |selection: &Selection| -> Vec<(Trend, u64)> {
            let waits = Trend::ALL.iter().filter_map(|&trend| {
                let cell = totals.trend(&layout(), trend, selection);
                let wait = cell.cut().filter(|cut| !cut.is_empty())?;
                assert_eq!(wait.len(), 1, "{what}: {}", trend.name());
                // Below a second a bucket is narrower than a millisecond.
                Some((trend, wait.max() / 1000))
            });
            waits.collect()
        };
        let mut expected = expected.concat();
        expected.sort_by_key(|(trend, _)| trend.index());
        assert_eq!(noted(&Selection::default()), expected, "{what}");
        let mut only_ok = noted(&Selection::default().with_outcome(Outcome::Ok));
        only_ok.retain(|&(trend, _)| trend != Trend::TtftText);
        assert_eq!(only_ok, expected, "{what}");
        assert_eq!(samples(&recorder, Trend::HttpReqDuration), 0, "{what}");
        assert_eq!(count(&recorder, Counter::HttpReqs).0, 0, "{what}");
        let counted = u64::from(cut.due >= ms(1000));
        assert_eq!(
            count(&recorder, Counter::DataSent).0,
            10 * counted,
            "{what}"
        );
        assert_eq!(
            count(&recorder, Counter::HttpReqsResent).0,
            counted,
            "{what}"
        );
        let step = &totals.steps[cut.step.0];
        assert_eq!(
            (step.in_flight, step.in_flight_sent),
            (1, u64::from(cut.sent_whole)),
            "{what}"
        );
        let since = cut.sent_first.unwrap_or(cut.due);
        assert_eq!(step.in_flight_longest, cut.at.since(since), "{what}");
    }
}

#[test]
fn arrivals_are_told_apart() {
    let mut recorder = measuring();
    let arrival = |at, read, kernel, fallback| Arrival {
        at: ms(at),
        read: ms(read),
        kernel,
        fallback,
        uncertainty: Duration::ZERO,
    };
    // What was due in the warm-up is left out, whenever it comes.
    let due = ms(500);
    recorder.arrival(CHAT, due, &arrival(2000, 2000, true, false));
    recorder.first_output_uncertainty(CHAT, due, millis(1));
    recorder.coalesced(CHAT, due, 3, true);
    recorder.output_events(CHAT, due, 9);
    assert!(recorder.totals().clock.is_empty(), "warm-up is left out");
    let due = ms(1500);
    recorder.arrival(CHAT, due, &arrival(2000, 2002, true, false));
    recorder.arrival(CHAT, due, &arrival(3000, 3000, false, true));
    recorder.first_output_uncertainty(CHAT, due, millis(1));
    recorder.coalesced(CHAT, due, 3, true);
    recorder.coalesced(CHAT, due, 4, false);
    recorder.output_events(CHAT, due, 9);
    let clock = &recorder.totals().clock;
    assert_eq!((clock.kernel, clock.read, clock.fallbacks), (1, 1, 1));
    assert_eq!(
        (clock.coalesced_late, clock.coalesced_prompt, clock.events),
        (3, 4, 9)
    );
    assert_eq!(
        (clock.read_lag.count(), clock.read_lag.max()),
        (1, Some(millis(2)))
    );
    assert_eq!(clock.uncertainty.count(), 1);
}

#[test]
fn a_trend_by_status_has_a_recorder_of_its_own() {
    let mut layout = layout();
    let of = |status, step, scenario| SelectedTrend {
        trend: Trend::HttpReqDuration,
        status,
        step,
        scenario,
    };
    layout.selected = vec![
        of(200, None, None),
        of(429, Some(LIST), None),
        of(200, None, Some(ScenarioIndex(1))),
    ];
    let mut recorder = Recorder::new(Arc::new(layout));
    for (step, status) in [
        (LIST, 200),
        (LIST, 429),
        (PING, 200),
        (PING, 429),
        (CHAT, 500),
    ] {
        recorder.request(&Sample {
            status: Some(status),
            ..plain(step, 0, 10)
        });
    }
    let counts: Vec<u64> = recorder
        .totals()
        .selected
        .iter()
        .map(TrendCell::count)
        .collect();
    assert_eq!(counts, [2, 1, 1]);
}

#[test]
fn an_unknown_step_is_ignored() {
    let mut recorder = recorder();
    let nowhere = StepIndex(99);
    recorder.request(&plain(nowhere, 0, 1));
    recorder.gap(nowhere, ms(0), millis(1));
    recorder.first_output(nowhere, ms(0), ms(0), ms(1));
    assert!(recorder.totals().is_empty());
}

#[test]
fn a_cleared_part_keeps_its_memory_and_counts_anew() {
    let mut recorder = recorder();
    let error = || {
        failed(
            plain(LIST, 0, 10),
            Ending::Broken,
            ErrorKind::Reset,
            "reset by peer",
        )
    };
    recorder.request(&error());
    let mut part = recorder.swap(Totals::new(&layout()));
    let (message, tallies) = (
        part.errors[0].message.as_ptr(),
        part.steps[LIST.0].tallies.as_ptr(),
    );
    part.clear();
    assert!(part.is_empty());
    recorder.swap(part);
    recorder.request(&error());
    let totals = recorder.totals();
    assert_eq!(totals.errors[0].count, 1);
    assert_eq!(
        totals.errors[0].message.as_ptr(),
        message,
        "the text was not made again"
    );
    assert_eq!(
        totals.steps[LIST.0].tallies.as_ptr(),
        tallies,
        "the list did not grow again"
    );
}

#[test]
fn messages_are_bounded_at_a_letter() {
    let mut recorder = recorder();
    let long = "ü".repeat(1000);
    recorder.request(&failed(
        plain(LIST, 0, 1),
        Ending::Broken,
        ErrorKind::Reset,
        &long,
    ));
    recorder.request(&failed(
        plain(LIST, 0, 1),
        Ending::Broken,
        ErrorKind::Reset,
        "another",
    ));
    let error = &recorder.totals().errors[0];
    assert_eq!((error.count, error.message.len()), (2, 300));
    assert!(error.message.chars().all(|letter| letter == 'ü'));
}

/// Some request of any kind.
fn any_sample() -> impl Strategy<Value = Sample<'static>> {
    (0_usize..3, 0_u64..12_000, 0_u64..4000, 0_u8..7).prop_map(|(step, due, took, kind)| {
        let step = StepIndex(step);
        match kind {
            0 => stream(due),
            1 => failed(
                stream(due),
                Ending::Broken,
                ErrorKind::StreamTruncated,
                "no end",
            ),
            2 => hung(step, due, took),
            3 => refused(step, due),
            4 => Sample {
                outcome: Outcome::Rejected,
                status: Some(429),
                ..plain(step, due, took)
            },
            _ => plain(step, due, took),
        }
    })
}

/// Tells a shard all that there is to tell of a request.
fn tell(recorder: &mut Recorder, sample: &Sample<'_>) {
    if let (Some(stream), Some(sent)) = (&sample.stream, sample.sent_first) {
        recorder.first_output(sample.step, sample.due, sent, stream.first_output.unwrap());
        recorder.gap(sample.step, sample.due, millis(40));
        recorder.output_events(sample.step, sample.due, 6);
    }
    recorder.request(sample);
    let (scenario, failed) = (
        ScenarioIndex(sample.step.0 / 2),
        sample.outcome == Outcome::Failed,
    );
    recorder.iteration(&Iteration {
        scenario,
        due: sample.due,
        began: sample.due,
        ended: sample.done,
        failed,
    });
}

/// The same totals in one order, with sums of fractions rounded.
fn sorted(mut totals: Totals) -> Totals {
    totals.errors.retain(|error| error.count > 0);
    totals.errors.sort_by_key(|error| (error.kind, error.step));
    for step in &mut totals.steps {
        step.tallies.retain(|tally| !tally.is_empty());
        step.tallies
            .sort_by_key(|tally| (tally.status, tally.error));
    }
    for (_, tokens) in &mut totals.token_seconds {
        *tokens = (*tokens * 1e6).round();
    }
    totals
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn shards_and_hand_overs_change_nothing(run in prop::collection::vec(any_sample(), 1..60), every in 1_usize..20) {
        let totals_of = |shards: usize| {
            let mut recorders: Vec<Recorder> = (0..shards).map(|_| measuring()).collect();
            let mut whole = Totals::new(&layout());
            let mut spare = Totals::new(&layout());
            for (place, sample) in run.iter().enumerate() {
                let recorder = &mut recorders[place % shards];
                tell(recorder, sample);
                if place % every == 0 {
                    let mut part = recorder.swap(spare);
                    whole.merge(&part);
                    part.clear();
                    spare = part;
                }
            }
            for recorder in &recorders {
                whole.merge(recorder.totals());
            }
            sorted(whole)
        };
        let one = totals_of(1);
        for shards in [2, 7] {
            prop_assert_eq!(&totals_of(shards), &one);
        }
    }
}

#[test]
fn lateness_is_known_when_a_request_begins() {
    let mut recorder = Recorder::new(shared_layout());
    recorder.measure_all(ms(1_000), ms(2_000));
    for due in [500, 1_000, 2_000] {
        recorder.began(LIST, ms(due), ms(due + 7));
    }
    let lag = |recorder: &Recorder, outcome| {
        let selection = Selection {
            outcome,
            ..Selection::default()
        };
        let cell = recorder
            .totals()
            .trend(&shared_layout(), Trend::ScheduleLag, &selection);
        (cell.count(), cell.max())
    };
    assert_eq!(lag(&recorder, None), (1, Some(millis(7))));
    assert_eq!(lag(&recorder, Some(Outcome::Ok)), (0, None));
    // At the end it is known of which outcome, and is not counted again.
    recorder.request(&plain(LIST, 1_000, 50));
    assert_eq!(lag(&recorder, None), (1, Some(millis(7))));
    assert_eq!(lag(&recorder, Some(Outcome::Ok)), (1, Some(millis(1))));
}

#[test]
fn a_cancelled_request_is_in_no_time_but_that_of_its_outputs() {
    let given_up = |sample: Sample<'static>| Sample {
        ending: Ending::Broken,
        outcome: Outcome::Cancelled,
        usage: None,
        ..sample
    };
    let silent = Sample {
        stream: None,
        status: None,
        first_byte: None,
        ..stream(2000)
    };
    // (what, sample, ttft of this outcome, waits of ttft, events, output, goodput)
    let cases = [
        ("in mid-stream", given_up(stream(2000)), 1, 0, 9, 6),
        ("before any output", given_up(silent), 0, 1, 0, 0),
        (
            "a plain answer",
            given_up(plain(LIST, 2000, 50)),
            0,
            0,
            0,
            0,
        ),
    ];
    for (what, sample, outputs, waits, events, output) in cases {
        let mut recorder = measuring();
        recorder.request(&sample);
        let of = |trend| {
            let cancelled = Selection::default().with_outcome(Outcome::Cancelled);
            let cell = recorder.totals().trend(&layout(), trend, &cancelled);
            (cell.count(), cell.cut_count())
        };
        assert_eq!(of(Trend::Ttft), (outputs, waits), "{what}");
        assert_eq!(of(Trend::TtftService), (outputs, waits), "{what}");
        for trend in [
            Trend::HttpReqDuration,
            Trend::HttpReqLatency,
            Trend::StreamDuration,
            Trend::Tpot,
        ] {
            assert_eq!(of(trend), (0, 0), "{what}: {}", trend.name());
        }
        // What had come is booked when it comes; the wait in vain at the end.
        let early = recorder
            .totals()
            .trend(&layout(), Trend::Ttft, &Selection::default());
        assert_eq!((early.count(), early.cut_count()), (0, waits), "{what}");
        assert_eq!(count(&recorder, Counter::HttpReqs).0, 1, "{what}");
        assert_eq!(count(&recorder, Counter::Cancelled).0, 1, "{what}");
        assert_eq!(count(&recorder, Counter::StreamEvents).0, events, "{what}");
        assert_eq!(count(&recorder, Counter::OutputTokens).0, output, "{what}");
        assert_eq!(count(&recorder, Counter::WastedTokens).0, 0, "{what}");
        let rates = [Rate::HttpReqFailed, Rate::StreamFailed, Rate::Goodput]
            .map(|name| rate(&recorder, name))
            .map(|rate| (rate.hits, rate.total));
        assert_eq!(rates, [(0, 1), (0, 0), (0, 0)], "{what}");
        assert_eq!(recorder.totals().steps[sample.step.0].stream.finished, 0);
    }
}

#[test]
fn what_is_sent_again_has_brought_nothing() {
    let again = |sample: Sample<'static>| Sample {
        outcome: Outcome::Rejected,
        retried: true,
        ..sample
    };
    let without_usage = Sample {
        usage: None,
        ending: Ending::Broken,
        ..stream(2000)
    };
    // (what, sample, wasted tokens, events, samples of ttft)
    let cases = [
        ("a stream with usage", again(stream(2000)), 11, 9, 1),
        (
            "one that broke before its usage",
            again(without_usage),
            6,
            9,
            1,
        ),
        ("a timeout", again(hung(CHAT, 2000, 500)), 0, 0, 1),
        ("a plain answer", again(plain(LIST, 2000, 50)), 0, 0, 0),
    ];
    for (what, sample, wasted, events, outputs) in cases {
        let mut recorder = measuring();
        recorder.request(&sample);
        assert_eq!(count(&recorder, Counter::OutputTokens).0, 0, "{what}");
        assert_eq!(count(&recorder, Counter::WastedTokens).0, wasted, "{what}");
        assert_eq!(count(&recorder, Counter::StreamEvents).0, events, "{what}");
        let rejected = Selection::default().with_outcome(Outcome::Rejected);
        let ttft = recorder.totals().trend(&layout(), Trend::Ttft, &rejected);
        assert_eq!(ttft.count(), outputs, "{what}");
        // Only the last attempt is judged.
        let rates = [Rate::HttpReqFailed, Rate::StreamFailed, Rate::Goodput]
            .map(|name| rate(&recorder, name))
            .map(|rate| (rate.hits, rate.total));
        assert_eq!(rates, [(0, 1), (0, 0), (0, 0)], "{what}");
        assert_eq!(recorder.totals().steps[sample.step.0].stream.finished, 0);
    }
}

#[test]
fn what_is_done_apart_from_iterations_tells_nothing_of_the_generator() {
    for role in StepRole::ALL {
        let mut layout = layout();
        layout.steps[CHAT.0].role = role;
        let mut recorder = Recorder::new(Arc::new(layout));
        recorder.measure_all(ms(1000), ms(10_000));
        let arrival = Arrival {
            at: ms(2000),
            read: ms(2050),
            kernel: true,
            fallback: true,
            uncertainty: millis(50),
        };
        recorder.arrival(CHAT, ms(2000), &arrival);
        recorder.first_output_uncertainty(CHAT, ms(2000), millis(50));
        recorder.coalesced(CHAT, ms(2000), 3, true);
        let clock = &recorder.totals().clock;
        let told = (
            clock.read_lag.count(),
            clock.uncertainty.count(),
            clock.coalesced_late,
        );
        let expected = if role.is_apart() {
            (0, 0, 0)
        } else {
            (1, 1, 3)
        };
        assert_eq!(told, expected, "{}", role.name());
    }
}

#[test]
fn a_group_that_was_cut_counts_against_limits_that_it_had_passed() {
    let mut layout = layout();
    layout.steps[LIST.0].role = StepRole::Group;
    for (due, waits) in [(500, 0), (2000, 1), (10_000, 0)] {
        let mut recorder = Recorder::new(Arc::new(layout.clone()));
        recorder.measure_all(ms(1000), ms(10_000));
        recorder.cut_group(LIST, ms(due), millis(7000));
        let totals = recorder.totals();
        let cell = totals.trend(&layout, Trend::GroupDuration, &Selection::default());
        assert_eq!((cell.count(), cell.cut_count()), (0, waits), "{due}");
    }
}
