//! Whole comparisons of generated runs.

use super::*;
use crate::{
    Layout, Metric, Offset, Outcome, Rate, ScenarioIndex, ScenarioLayout, StepLayout, StopReason,
    Totals, Trend, Verdict, VusRange, Window,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;
use std::{slice, time::Duration};

/// A run of one step: a hundred requests a second, their times uniform around `time` ms by 20 %.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made {
    pub(super) seed: u64,
    pub(super) seconds: u64,
    pub(super) time: f64,
    /// Of each window, so many fail.
    pub(super) failed: u64,
    /// In so many windows the generator is late.
    pub(super) late: u64,
    /// In so many windows times are longer by this part; the same ones.
    pub(super) slow: (u64, f64),
}

impl Default for Made {
    fn default() -> Self {
        Self {
            seed: 1,
            seconds: 30,
            time: 20.0,
            failed: 0,
            late: 0,
            slow: (0, 0.0),
        }
    }
}

pub(super) fn layout() -> Layout {
    let (name, scenario) = ("get".to_owned(), ScenarioIndex(0));
    let step = StepLayout {
        name,
        scenario,
        stream: false,
        slo: Vec::new(),
        role: crate::StepRole::Request,
    };
    let scenario = ScenarioLayout {
        name: "plain".to_owned(),
        steps: 0..1,
        closed: false,
    };
    Layout {
        probes: Vec::new(),
        scenarios: vec![scenario],
        steps: vec![step],
        selected: Vec::new(),
    }
}

pub(super) fn facts(seed: u64) -> RunFacts {
    RunFacts {
        label: format!("run-{seed}.jsonl"),
        name: "plain".to_owned(),
        load: "100/s for 30 s".to_owned(),
        version: "1".to_owned(),
        plan_hash: "abc".to_owned(),
        definitions: Some(1),
        hostname: Some("here".to_owned()),
        cpus: Some(2),
        arch: Some("x86_64".to_owned()),
        started_at: format!("2026-11-21T10:00:{seed:02}Z"),
        seed,
        measured: Duration::from_secs(30),
        verdict: Verdict::Pass,
        stop_reason: StopReason::Completed,
        ends_early: false,
    }
}

impl Made {
    fn windows(self) -> impl Iterator<Item = Window> {
        let mut rng = Pcg64Mcg::seed_from_u64(self.seed);
        (0..self.seconds).map(move |second| {
            let mut totals = Totals::new(&layout());
            let step = &mut totals.steps[0];
            // Spread over the run.
            let turn = second * 7 % self.seconds;
            let lag = if turn < self.late { 30.0 } else { 0.01 };
            let slower = if turn < self.slow.0 {
                1.0 + self.slow.1
            } else {
                1.0
            };
            for place in 0..100 {
                let failed = place < self.failed;
                let outcome = if failed { Outcome::Failed } else { Outcome::Ok };
                // Failures are quick.
                let time = if failed {
                    1.0
                } else {
                    self.time * slower * (0.8 + 0.4 * rng.random::<f64>())
                };
                step.cell_mut(Trend::HttpReqDuration, Some(outcome))
                    .record(Duration::from_secs_f64(time / 1e3));
                step.cell_mut(Trend::ScheduleLag, None)
                    .record(Duration::from_secs_f64(lag / 1e3));
                step.outcomes[outcome.index()] += 1;
                let tally = step.tally(Some(if failed { 500 } else { 200 }), None);
                tally.count(crate::Counter::HttpReqs, 1, true);
                tally.rates[Rate::HttpReqFailed.index()].count(failed);
            }
            let at = |second: u64| Offset::from_nanos(second * 1_000_000_000);
            Window {
                start: at(second),
                end: at(second + 1),
                vus: VusRange::default(),
                totals,
                generator: None,
            }
        })
    }

    pub(super) fn series(self) -> RunSeries {
        let mut builder = SeriesBuilder::new(&layout());
        self.windows().for_each(|window| builder.push(&window));
        builder.finish((
            Offset::ZERO,
            Offset::from_nanos(self.seconds * 1_000_000_000),
        ))
    }

    fn run(self) -> ComparedRun {
        ComparedRun {
            facts: facts(self.seed),
            data: RunData::Windows(Box::new(self.series())),
        }
    }

    /// The same as a summary tells it.
    fn summary(self) -> ComparedRun {
        ComparedRun {
            facts: facts(self.seed),
            data: RunData::Figures(Box::new(RunDigest {
                figures: self.series().figures(false),
                ok_figures: self
                    .series()
                    .figures(true)
                    .into_iter()
                    .filter(|figure| figure.subject.outcome.is_some())
                    .collect(),
                outcomes: (100 - self.failed, self.failed),
                doubtful: self.late > 0,
            })),
        }
    }
}

fn made(seed: u64) -> Made {
    Made {
        seed,
        ..Made::default()
    }
}

fn options(tolerances: &[&str]) -> CompareOptions {
    CompareOptions {
        tolerances: tolerances
            .iter()
            .map(|text| text.parse().unwrap())
            .collect(),
        ..CompareOptions::default()
    }
}

fn row<'a>(comparison: &'a Comparison, name: &str) -> &'a ComparedRow {
    let mut rows = comparison.rows.iter();
    rows.find(|row| row.name() == name)
        .unwrap_or_else(|| panic!("{name} of {comparison:#?}"))
}

/// The verdict of the whole and of the median.
#[track_caller]
fn check(
    base: &[Made],
    current: &[Made],
    tolerances: &[&str],
    whole: Change,
    median: Change,
) -> Comparison {
    let side = |side: &[Made]| side.iter().map(|made| made.run()).collect::<Vec<_>>();
    let found = compare(&side(base), &side(current), &options(tolerances)).unwrap();
    let told = |change: Change, name| (change.name(), row(&found, name).clone());
    let name = "http_req_duration p50";
    assert_eq!(
        row(&found, name).verdict,
        median,
        "{:#?}",
        told(median, name)
    );
    assert_eq!(found.verdict, whole, "{:#?}", found.rows);
    found
}

#[test]
fn what_changed_is_seen() {
    use Change::{Better, Same, Unclear, Worse};
    let slower = |part: f64| Made {
        time: 20.0 * part,
        ..made(2)
    };
    let same = check(&[made(1)], &[made(2)], &[], Same, Same);
    assert_eq!(same.longer, None);
    let worse = check(&[made(1)], &[slower(1.1)], &[], Worse, Worse);
    let median = row(&worse, "http_req_duration p50");
    let interval = median.interval.unwrap();
    assert!(
        interval.low < 0.1 && 0.1 < interval.high && interval.high - interval.low < 0.04,
        "{interval:?}"
    );
    assert!((median.change - 0.1).abs() < 0.015 && median.relative && median.tolerance == 0.05);
    assert!(median.chance.unwrap() < 1e-6 && median.longer.is_none() && !median.decides);
    check(&[made(1)], &[slower(0.9)], &[], Better, Better);
    check(&[made(1)], &[slower(1.1)], &["15%"], Same, Same);
    check(&[made(1)], &[slower(1.05)], &["2%"], Worse, Worse);
    check(
        &[made(1)],
        &[slower(1.1)],
        &["http_req_duration p50: 50%"],
        Worse,
        Same,
    );
    check(
        &[made(1)],
        &[slower(1.1)],
        &["http_req_duration: 5ms"],
        Same,
        Same,
    );
    // Changes below a tenth of a millisecond never count.
    check(
        &[Made {
            time: 0.4,
            ..made(1)
        }],
        &[Made {
            time: 0.45,
            ..made(2)
        }],
        &[],
        Same,
        Same,
    );
    let unclear = check(&[made(1)], &[made(2)], &["0.1%"], Unclear, Unclear);
    let longer = unclear.longer.unwrap();
    assert!((2.0..100.0).contains(&longer), "{longer}");
}

#[test]
fn rows_stand_with_the_worst_first() {
    let current = Made {
        time: 22.0,
        failed: 3,
        ..made(2)
    };
    let found = compare(&[made(1).run()], &[current.run()], &options(&[])).unwrap();
    let ranks: Vec<u8> = found
        .rows
        .iter()
        .map(|row| match row.verdict {
            Change::Worse => 0,
            Change::Unclear => 1,
            Change::Better => 2,
            Change::Same => 3,
        })
        .collect();
    assert!(ranks.is_sorted(), "{ranks:?}");
    assert_eq!(found.rows[0].name(), "http_req_failed rate");
}

#[test]
fn failures_are_compared_in_points() {
    let failing = |failed| Made { failed, ..made(2) };
    for (base, current, expected) in [
        (0, 0, Change::Same),
        (0, 2, Change::Worse),
        (2, 0, Change::Better),
        (100, 100, Change::Same),
    ] {
        let runs = [
            Made {
                failed: base,
                ..made(1)
            }
            .run(),
            failing(current).run(),
        ];
        let found = compare(&runs[..1], &runs[1..], &options(&[])).unwrap();
        let failed = row(&found, "http_req_failed rate");
        assert_eq!(failed.verdict, expected, "{base} → {current}: {failed:?}");
        assert!(!failed.relative && (failed.change - (current as f64 - base as f64)).abs() < 1e-9);
    }
}

#[test]
fn quick_failures_do_not_flatter() {
    let found = compare(
        &[made(1).run()],
        &[Made {
            failed: 30,
            ..made(2)
        }
        .run()],
        &options(&[]),
    )
    .unwrap();
    let times: Vec<_> = found
        .rows
        .iter()
        .filter(|row| row.subject.metric == Metric::Trend(Trend::HttpReqDuration))
        .collect();
    assert!(
        times
            .iter()
            .all(|row| row.subject.outcome == Some(Outcome::Ok) && row.verdict == Change::Same),
        "{times:#?}"
    );
    assert_eq!(found.verdict, Change::Worse);
    assert_eq!(
        row(&found, "http_req_duration{outcome=ok} p50").base,
        row(&found, "http_req_duration{outcome=ok} p50").base
    );
}

#[test]
fn the_same_input_gives_the_same_answer() {
    let once = || compare(&[made(1).run()], &[made(2).run()], &options(&[])).unwrap();
    assert_eq!(once(), once());
}

#[test]
fn short_runs_are_unclear() {
    let short = |seed| Made {
        seconds: 2,
        ..made(seed)
    };
    let found = check(
        &[short(1)],
        &[short(2)],
        &[],
        Change::Unclear,
        Change::Unclear,
    );
    assert!(
        found
            .rows
            .iter()
            .all(|row| row.interval.is_none() || !row.relative)
    );
    assert_eq!(found.longer, None);
}

#[test]
fn several_runs_are_the_units() {
    use Change::{Same, Unclear, Worse};
    let side = |seeds: &[u64], time: f64| {
        seeds
            .iter()
            .map(|&seed| Made { time, ..made(seed) })
            .collect::<Vec<_>>()
    };
    let (base, same, slower) = (
        side(&[1, 2, 3], 20.0),
        side(&[4, 5, 6], 20.0),
        side(&[7, 8, 9], 22.0),
    );
    let unpaired = Method::Runs { paired: false };
    assert_eq!(check(&base, &same, &[], Same, Same).method, unpaired);
    assert_eq!(check(&base, &slower, &[], Worse, Worse).method, unpaired);
    check(&base[..1], &slower, &[], Worse, Worse);
    check(&base, &slower[..1], &[], Worse, Worse);
    // They took turns.
    let turns = |seeds: [u64; 5], time| side(&seeds, time);
    let (first, second) = (turns([1, 3, 5, 7, 9], 20.0), turns([2, 4, 6, 8, 10], 22.0));
    assert_eq!(
        check(&first, &second, &[], Worse, Worse).method,
        Method::Runs { paired: true }
    );
    // Runs that differ among each other by more than the two sides do: the windows of one would have been sure.
    let noisy = |seeds: [u64; 3], times: [f64; 3]| -> Vec<Made> {
        seeds
            .iter()
            .zip(times)
            .map(|(&seed, time)| Made { time, ..made(seed) })
            .collect()
    };
    check(
        &noisy([1, 2, 3], [20.0, 23.0, 18.0]),
        &noisy([4, 5, 6], [22.0, 19.0, 25.0]),
        &[],
        Unclear,
        Unclear,
    );
}

#[test]
fn summaries_are_compared_run_by_run() {
    let summaries = |seeds: &[u64], time: f64| -> Vec<ComparedRun> {
        seeds
            .iter()
            .map(|&seed| Made { time, ..made(seed) }.summary())
            .collect()
    };
    let (base, slower) = (summaries(&[1, 2, 3], 20.0), summaries(&[4, 5, 6], 22.0));
    assert_eq!(
        compare(&base, &slower, &options(&[])).unwrap().verdict,
        Change::Worse
    );
    let single = compare(&base[..1], &slower[..1], &options(&[]));
    assert_eq!(single, Err(CompareError::NoWindows));
    assert_eq!(
        compare(&[made(1).run()], &slower[..1], &options(&[])),
        Err(CompareError::NoWindows)
    );
    assert_eq!(
        compare(&[], &slower, &options(&[])),
        Err(CompareError::NothingInCommon)
    );
    assert_eq!(
        compare(&[made(1).run()], &slower, &options(&[]))
            .unwrap()
            .verdict,
        Change::Worse
    );
}

#[test]
fn summaries_are_doubted_as_logs_are() {
    let check = |current: Made, name: &str, expected: Change, cautions: usize| {
        let side = |seeds: [u64; 4], made: Made| seeds.map(|seed| Made { seed, ..made }.summary());
        let (base, current) = (side([1, 2, 3, 4], made(1)), side([5, 6, 7, 8], current));
        let found = compare(&base, &current, &options(&[])).unwrap();
        assert_eq!(row(&found, name).verdict, expected, "{name}");
        assert_eq!(found.cautions.len(), cautions, "{name}");
    };
    let slower = Made {
        time: 24.0,
        ..made(5)
    };
    check(slower, "http_req_duration p50", Change::Worse, 0);
    // The generator may have been it.
    check(
        Made { late: 9, ..slower },
        "http_req_duration p50",
        Change::Unclear,
        1,
    );
    // Quick failures do not hide it.
    let failing = Made {
        failed: 60,
        ..slower
    };
    check(
        failing,
        "http_req_duration{outcome=ok} p50",
        Change::Worse,
        0,
    );
    check(failing, "http_req_failed rate", Change::Worse, 0);
}

#[test]
fn a_tolerance_that_fits_nothing_is_an_error() {
    let error = |text: &str| {
        compare(&[made(1).run()], &[made(2).run()], &options(&[text]))
            .unwrap_err()
            .to_string()
    };
    assert!(
        error("ttft p95: 5%").contains("`ttft p95: 5%` fits nothing"),
        "{}",
        error("ttft p95: 5%")
    );
    assert!(
        error("http_req_duration{step=x} p95: 5%").contains("did you mean"),
        "{}",
        error("http_req_duration{step=x} p95: 5%")
    );
}

#[test]
fn a_baseline_is_checked_before_the_run() {
    let planned = RunFacts {
        verdict: Verdict::Pass,
        ..facts(9)
    };
    let check = |base: &[ComparedRun], runs, tolerance: &str| {
        check_baseline(base, &planned, runs, &options(&[tolerance]).tolerances)
    };
    let (run, summary) = (made(1).run(), made(1).summary());
    assert_eq!(check(slice::from_ref(&run), 1, "p99: 5%"), Ok(()));
    assert!(matches!(
        check(slice::from_ref(&run), 1, "itl: 5%"),
        Err(CompareError::Tolerance(_))
    ));
    assert_eq!(
        check(slice::from_ref(&summary), 1, "5%"),
        Err(CompareError::NoWindows)
    );
    assert_eq!(check(slice::from_ref(&summary), 2, "5%"), Ok(()));
    let mut other = run;
    other.facts.plan_hash = "other".to_owned();
    other.facts.verdict = Verdict::Inconclusive;
    match check(&[other], 1, "5%") {
        Err(CompareError::Refused(objections)) => assert_eq!(objections.len(), 2, "{objections:?}"),
        found => panic!("{found:?}"),
    }
}

/// Changes the facts of the second of three runs.
#[track_caller]
fn check_objection(change: impl Fn(&mut RunFacts), expected: &str) {
    let base = [made(1).run()];
    let mut current = [made(2).run(), made(3).run()];
    change(&mut current[0].facts);
    match compare(&base, &current, &options(&[])) {
        Err(CompareError::Refused(objections)) => {
            assert_eq!(objections.len(), 1);
            assert!(
                objections[0].to_string().contains(expected),
                "{}",
                objections[0]
            );
        }
        other => panic!("{expected}: {other:?}"),
    }
    let forced = CompareOptions {
        force: true,
        ..options(&[])
    };
    let found = compare(&base, &current, &forced).unwrap();
    assert_eq!(found.objections.len(), 1, "{expected}");
}

#[test]
fn runs_that_should_not_be_compared_are_not() {
    check_objection(
        |facts| facts.plan_hash = "other".to_owned(),
        "`run-2.jsonl` ran another plan than the base",
    );
    check_objection(
        |facts| {
            facts.plan_hash = "other".to_owned();
            facts.load = "100/s for 60 s".to_owned();
        },
        "another plan than the base: 100/s for 60 s, not 100/s for 30 s",
    );
    check_objection(|facts| facts.definitions = Some(2), "other definitions");
    check_objection(
        |facts| facts.cpus = Some(8),
        "came from 8 processors, that of the base from 2",
    );
    check_objection(|facts| facts.arch = Some("aarch64".to_owned()), "aarch64");
    check_objection(
        |facts| facts.verdict = Verdict::Inconclusive,
        "inconclusive itself",
    );
}

#[test]
fn a_run_counts_once() {
    let runs = |seeds: &[u64]| -> Vec<ComparedRun> {
        seeds.iter().map(|&seed| made(seed).run()).collect()
    };
    let refused = |base: &[u64], current: &[u64], expected: &str| {
        let mut current = runs(current);
        current[0].facts.label = "copy.jsonl".to_owned();
        let found = compare(&runs(base), &current, &options(&[]));
        let Err(CompareError::Refused(objections)) = found else {
            panic!("{base:?}: {found:?}");
        };
        let told: Vec<String> = objections.iter().map(ToString::to_string).collect();
        assert_eq!(told, [expected], "{base:?}");
    };
    refused(
        &[1, 2, 1],
        &[3, 4],
        "`run-1.jsonl` is given twice on one side",
    );
    refused(
        &[1],
        &[3, 4, 3],
        "`run-3.jsonl` is the same run as `copy.jsonl`, on the same side",
    );
    // One on each side is another matter.
    assert!(compare(&runs(&[1]), &runs(&[1]), &options(&[])).is_ok());
}

#[test]
fn what_is_not_told_is_no_objection() {
    let mut current = made(2).run();
    (
        current.facts.cpus,
        current.facts.arch,
        current.facts.definitions,
    ) = (None, None, None);
    let found = compare(&[made(1).run()], &[current], &options(&[])).unwrap();
    assert!(found.objections.is_empty() && found.cautions.is_empty());
}

#[test]
fn cautions() {
    let mut current = made(2).run();
    current.facts.hostname = Some("there".to_owned());
    current.facts.version = "2".to_owned();
    current.facts.stop_reason = StopReason::Interrupted;
    let found = compare(&[made(1).run()], &[current], &options(&[])).unwrap();
    let told: Vec<String> = found.cautions.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "`run-2.jsonl` did not go to its end: interrupted",
            "the loads came from several machines: here, there",
            "the loads came from several versions of loadgen: 1, 2",
        ]
    );
}

#[test]
fn changes_that_may_be_the_generators_own_are_judged_again() {
    use Change::{Better, Same, Unclear, Worse};
    let [even, slower, partly] =
        [(0, 0.0), (30, 0.12), (16, 0.25)].map(|slow| Made { slow, ..made(2) });
    for (base_late, current, late, expected, doubtful) in [
        // As slow where the generator was on time.
        (0, slower, 5, Worse, false),
        // Slow only where it was late.
        (0, partly, 16, Unclear, true),
        (0, partly, 0, Worse, false),
        // Too little is left to believe.
        (0, slower, 25, Unclear, true),
        (25, slower, 0, Unclear, true),
        // What did not change is not doubted.
        (0, even, 25, Same, false),
        (
            0,
            Made {
                slow: (30, -0.2),
                ..even
            },
            5,
            Better,
            false,
        ),
        (
            0,
            Made {
                slow: (30, -0.2),
                ..even
            },
            28,
            Unclear,
            true,
        ),
    ] {
        let base = Made {
            late: base_late,
            ..made(1)
        };
        let current = Made { late, ..current };
        let runs = [base.run(), current.run()];
        let found = compare(&runs[..1], &runs[1..], &options(&[])).unwrap();
        let median = row(&found, "http_req_duration p50");
        let told = format!("{base_late} {late} {current:?}: {median:?}");
        assert_eq!(
            (median.verdict, median.doubtful),
            (expected, doubtful),
            "{told}"
        );
        assert_eq!(median.decides, doubtful && current.slow.1 > 0.0, "{told}");
        assert_eq!(
            found.cautions.len(),
            usize::from(base_late + late > 0),
            "{told}"
        );
        assert_eq!(found.verdict == Worse, expected == Worse, "{told}");
    }
    let found = compare(
        &[made(1).run()],
        &[Made { late: 12, ..even }.run()],
        &options(&[]),
    )
    .unwrap();
    assert_eq!(
        found.cautions[0].to_string(),
        "the generator was late or busy in 12 of 30 s of `run-2.jsonl`"
    );
    // Failures are not the generator's doing.
    let failing = Made {
        failed: 30,
        late: 30,
        ..even
    };
    let found = compare(&[made(1).run()], &[failing.run()], &options(&[])).unwrap();
    assert_eq!(row(&found, "http_req_failed rate").verdict, Worse);
    // Runs as the units.
    let side = |seeds: [u64; 3], made: Made| seeds.map(|seed| Made { seed, ..made }.run());
    let (base, late) = (
        side([1, 2, 3], made(1)),
        side([4, 5, 6], Made { late: 16, ..partly }),
    );
    let found = compare(&base, &late, &options(&[])).unwrap();
    assert_eq!(row(&found, "http_req_duration p50").verdict, Unclear);
}
