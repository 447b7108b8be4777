//! What probes tell, over windows and runs, and what thresholds say of it.

use super::*;
use crate::fixtures::{CHAT, layout, ms, plain};
use crate::ledger::Ledger;
use crate::{Recorder, RunEnd, StopReason, Summary, Threshold, Verdict, VusRange, Warning};
use std::sync::Arc;

#[test]
fn samples_merge_in_their_order() {
    let check = |parts: &[&[Result<f64, &str>]], expected: ProbeTotals| {
        let mut whole = ProbeTotals::default();
        for part in parts {
            let mut totals = ProbeTotals::default();
            for sample in *part {
                match sample {
                    Ok(value) => totals.add(*value),
                    Err(message) => totals.fail(message),
                }
            }
            whole.merge(&totals);
        }
        assert_eq!(whole, expected, "{parts:?}");
    };
    check(&[&[], &[]], ProbeTotals::default());
    check(
        &[
            &[Ok(3.0), Err("away"), Ok(-1.0)],
            &[],
            &[Err("gone"), Ok(2.0)],
        ],
        ProbeTotals {
            count: 3,
            sum: 4.0,
            min: -1.0,
            max: 3.0,
            last: 2.0,
            failed: 2,
            message: "away".to_owned(),
        },
    );
    check(
        &[&[Ok(f64::NAN)], &[Err("away")], &[Ok(f64::INFINITY)]],
        ProbeTotals {
            failed: 1,
            message: "away".to_owned(),
            ..ProbeTotals::default()
        },
    );
}

#[test]
fn a_value_stands_to_its_marks() {
    use ProbeStatus::{Critical, Ok, Warn};
    let probe = |warn, critical| ProbeLayout {
        name: "db_cpu".to_owned(),
        unit: Unit::Count,
        warn,
        critical,
    };
    let cases = [
        (None, None, 95.0, None, None),
        (Some(70.0), Some(90.0), 69.9, Some(Ok), Some(90.0 - 69.9)),
        (Some(70.0), Some(90.0), 70.0, Some(Warn), Some(20.0)),
        (Some(70.0), Some(90.0), 90.0, Some(Critical), Some(0.0)),
        (Some(70.0), None, 95.0, Some(Warn), Some(0.0)),
        (None, Some(90.0), 40.0, Some(Ok), Some(50.0)),
        (None, Some(90.0), 120.0, Some(Critical), Some(0.0)),
    ];
    for (warn, critical, value, status, available) in cases {
        let probe = probe(warn, critical);
        assert_eq!(probe.status(value), status, "{probe:?} at {value}");
        assert_eq!(probe.available(value), available, "{probe:?} at {value}");
    }
}

/// A run of seconds, in each of which two probes told something, of which the first second is warm-up.
fn told(thresholds: &[(&str, &str)], seconds: &[&[Result<f64, &str>]]) -> (Ledger, Summary) {
    let probe = |name: &str, unit| ProbeLayout {
        name: name.to_owned(),
        unit,
        warn: None,
        critical: None,
    };
    let layout = Arc::new(Layout {
        probes: vec![probe("db.cpu", Unit::Percent), probe("pool", Unit::Count)],
        ..layout()
    });
    let parse = |(metric, expression): &(&str, &str)| {
        Threshold::parse(metric, expression, &layout).unwrap()
    };
    let mut ledger = Ledger::new(Arc::clone(&layout), thresholds.iter().map(parse).collect());
    let until = 1000 * seconds.len() as u64;
    let mut ended = 0;
    for (second, samples) in seconds.iter().enumerate() {
        let start = 1000 * second as u64;
        let mut recorder = Recorder::new(Arc::clone(&layout));
        recorder.measure_all(ms(1000), ms(until));
        recorder.request(&plain(CHAT, start + 10, 100));
        ledger.add(recorder.totals());
        for sample in *samples {
            ledger.probe(ProbeIndex(0), *sample);
        }
        // There is no third one.
        ledger.probe(ProbeIndex(2), Ok(1.0));
        ended = start + 1000;
        ledger.close_window(ms(start), ms(ended), VusRange::steady(1), None);
        if ledger.stops() {
            break;
        }
    }
    let reason = match ledger.stops() {
        true => StopReason::Threshold,
        false => StopReason::Completed,
    };
    let end = RunEnd::new(reason, (ms(1000), ms(ended)), ms(ended));
    let summary = ledger.finish(&end);
    (ledger, summary)
}

const SECONDS: [&[Result<f64, &str>]; 5] = [
    // The warm-up.
    &[Ok(99.0), Err("too early")],
    &[Ok(40.0)],
    &[Err("away"), Err("gone")],
    &[Ok(80.0), Ok(60.0)],
    &[],
];

#[test]
fn a_run_counts_what_was_told_in_its_measured_part() {
    let (_, summary) = told(&[], &SECONDS);
    let of = |place: usize| &summary.probes[place];
    assert_eq!(of(0).probe.name, "db.cpu");
    let totals = &of(0).totals;
    assert_eq!(
        (totals.count, totals.mean(), totals.last),
        (3, Some(60.0), 60.0)
    );
    assert_eq!((totals.min, totals.max, totals.failed), (40.0, 80.0, 2));
    assert!(of(1).totals.is_empty());
    let means: Vec<Option<f64>> = summary
        .windows
        .iter()
        .map(|window| window.probes[0].mean())
        .collect();
    assert_eq!(means, [Some(99.0), Some(40.0), None, Some(70.0), None]);
    let failed = Warning::ProbeFailed {
        probe: "db.cpu".to_owned(),
        failed: 2,
        of: 5,
        reason: "away".to_owned(),
    };
    assert!(summary.warnings.contains(&failed), "{:?}", summary.warnings);
    assert_eq!(
        failed.message(),
        "the probe db.cpu failed 2 of 5 times: away"
    );
}

#[test]
fn thresholds_limit_what_was_told() {
    let check = |expression: &str, observed: Option<f64>, ok: bool| {
        let (_, summary) = told(&[("probe.db.cpu", expression)], &SECONDS);
        let judged = &summary.thresholds[0];
        assert_eq!(
            (judged.observed, judged.ok),
            (observed, ok),
            "{expression}: {judged:?}"
        );
        assert!(judged.judged && judged.too_few.is_none(), "{judged:?}");
        let verdict = if ok { Verdict::Pass } else { Verdict::Fail };
        assert_eq!(summary.verdict, verdict, "{expression}");
    };
    check("max < 85%", Some(80.0), true);
    check("max < 80", Some(80.0), false);
    check("max <= 80%", Some(80.0), true);
    check("avg < 60.5%", Some(60.0), true);
    check("min > 40%", Some(40.0), false);
    check("value == 60%", Some(60.0), true);
    check("count > 2", Some(3.0), true);
    check("max < 250%", Some(80.0), true);
    check("avg < 75% for 2s", Some(70.0), true);
    check("max < 75% for 2s", Some(80.0), false);
    let (_, none) = told(&[("probe.pool", "max < 10")], &SECONDS);
    assert_eq!(
        (none.thresholds[0].observed, none.verdict),
        (None, Verdict::Fail)
    );
    assert_eq!(none.thresholds[0].unit, Unit::Count);
}

#[test]
fn a_probe_stops_a_run() {
    let (ledger, summary) = told(&[("probe.db.cpu", "max < 70% abort")], &SECONDS);
    let judged = &summary.thresholds[0];
    assert_eq!(
        (judged.observed, judged.stopped_at),
        (Some(80.0), Some(ms(4000)))
    );
    assert_eq!(
        (summary.stop_reason, ledger.last_end()),
        (StopReason::Threshold, ms(4000))
    );
    let (ledger, _) = told(&[("probe.db.cpu", "max < 90% abort")], &SECONDS);
    assert_eq!(ledger.last_end(), ms(5000), "the warm-up stops nothing");
}

#[test]
fn limits_are_read_in_the_unit_of_their_probe() {
    let check = |unit: Unit, expression: &str, expected: Result<f64, &str>| {
        let layout = Layout {
            probes: vec![ProbeLayout {
                name: "p".to_owned(),
                unit,
                warn: None,
                critical: None,
            }],
            ..layout()
        };
        match (Threshold::parse("probe.p", expression, &layout), expected) {
            (Ok(threshold), Ok(limit)) => {
                let off = threshold.unit().shown(threshold.condition.limit) - limit;
                assert!(off.abs() < 1e-9, "{expression} of {unit:?}: {threshold:?}");
            }
            (Err(problems), Err(part)) => {
                assert!(
                    problems[0].to_string().contains(part),
                    "{expression}: {problems:?}"
                );
            }
            (parsed, expected) => panic!("{expression} of {unit:?}: {parsed:?}, not {expected:?}"),
        }
    };
    check(Unit::Percent, "max < 85%", Ok(85.0));
    check(Unit::Percent, "max < 85", Ok(85.0));
    check(Unit::Percent, "max < 400%", Ok(400.0));
    check(
        Unit::Percent,
        "max < 2GB",
        Err("does not fit here (the unit of this probe is `%`)"),
    );
    check(Unit::Bytes, "max < 1.5GiB", Ok(1.5 * 1_073_741_824.0));
    check(Unit::Bytes, "max < 200", Ok(200.0));
    check(Unit::Bytes, "max < 5%", Err("bytes are written with"));
    check(Unit::Milliseconds, "max < 2s", Ok(2000.0));
    check(Unit::PerSecond, "max < 50/s", Ok(50.0));
    check(Unit::Count, "max < 40", Ok(40.0));
    check(Unit::Count, "min > -3", Ok(-3.0));
    check(Unit::Count, "max < 0", Ok(0.0));
    check(Unit::Count, "max < 85%", Err("give the probe its `unit`"));
    check(Unit::Count, "p95 < 5", Err("has no `p95`"));
    check(Unit::Bytes, "count > 5", Ok(5.0));
}
