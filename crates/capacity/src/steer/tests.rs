//! A steersman leads simulated runs: a recorder is told of every request, and windows are cut each second.

use super::*;
use crate::answer::Ended;
use crate::ladder::{Growth, Ladder};
use crate::level::Shortage;
use crate::search::Purpose;
use loadgen_stats::{
    DropReason, Ending, ErrorKind, GeneratorSample, Iteration, Outcome, Recorder, Sample,
    ScenarioIndex, ScenarioLayout, StepIndex, StepLayout, Totals, VusRange,
};

const SECOND: Duration = Duration::from_secs(1);

fn layout() -> Arc<Layout> {
    let step = |name: &str| StepLayout {
        name: name.to_owned(),
        scenario: ScenarioIndex(0),
        stream: false,
        slo: Vec::new(),
        role: loadgen_stats::StepRole::Request,
    };
    let scenarios = vec![ScenarioLayout {
        name: "s".to_owned(),
        steps: 0..2,
        closed: true,
    }];
    Arc::new(Layout {
        scenarios,
        steps: vec![step("list"), step("buy")],
        ..Layout::default()
    })
}

fn settings() -> SteerSettings {
    let ladder = Ladder {
        start: 50.0,
        growth: Growth::Step(50.0),
        max: 500.0,
        whole: true,
    };
    SteerSettings {
        search: SearchSettings::new(ladder),
        settle: 2 * SECOND,
        hold: 10 * SECOND,
        answer: 30 * SECOND,
        recover: false,
        connect_rate: None,
    }
}

/// What the service does with one request.
#[derive(Clone, Copy)]
struct Answered {
    after: Duration,
    failed: bool,
}

/// A run: users that send a request of each step every second, whatever becomes of them.
struct Run<F> {
    recorder: Recorder,
    layout: Arc<Layout>,
    service: F,
    /// What is under way: its step, when it was due, when it will be done.
    under_way: Vec<(usize, Offset, Answered)>,
    load: f64,
    span: (Offset, Offset),
    now: Offset,
    busy: f64,
    /// How long the iterations are of which one ends each second, if any does.
    iteration: Option<Duration>,
    /// The most users there are, or arrivals in a second that find one.
    most: u32,
    /// Whether the loads are arrivals: those that are too many are dropped.
    drops: Option<DropReason>,
}

impl<F: FnMut(f64, Offset, usize) -> Answered> Run<F> {
    fn new(service: F) -> Self {
        let layout = layout();
        Self {
            recorder: Recorder::new(Arc::clone(&layout)),
            layout,
            service,
            under_way: Vec::new(),
            load: 0.0,
            span: (Offset::ZERO, Offset::ZERO),
            now: Offset::ZERO,
            iteration: None,
            busy: 0.1,
            most: u32::MAX,
            drops: None,
        }
    }

    fn second(&mut self) -> (Window, Standing) {
        let (start, end) = (self.now, self.now.after(SECOND));
        let coming = (self.load as u32).min(self.most);
        if let Some(reason) = self.drops {
            let dropped = u64::from(self.load as u32 - coming);
            self.recorder
                .dropped_iterations(ScenarioIndex(0), start, reason, dropped);
        }
        for user in 0..coming {
            for step in 0..2 {
                let due = start.after(SECOND.mul_f64(f64::from(user) / self.load));
                let answered = (self.service)(self.load, due, step);
                self.under_way.push((step, due, answered));
            }
        }
        let in_flight: f64 = self
            .under_way
            .iter()
            .map(|(_, due, answered)| {
                due.after(answered.after)
                    .min(end)
                    .since((*due).max(start))
                    .as_secs_f64()
            })
            .sum();
        let (done, left) = std::mem::take(&mut self.under_way).into_iter().partition(
            |(_, due, answered): &(usize, Offset, Answered)| due.after(answered.after) <= end,
        );
        self.under_way = left;
        let done: Vec<(usize, Offset, Answered)> = done;
        for (step, due, answered) in done {
            self.recorder.request(&sample(step, due, answered));
        }
        if let Some(length) = self.iteration {
            self.recorder.iteration(&Iteration {
                scenario: ScenarioIndex(0),
                due: start,
                began: start,
                ended: start.after(length),
                failed: false,
            });
        }
        self.now = end;
        let vus = if self.load == 0.0 && self.under_way.is_empty() {
            0
        } else {
            1.max(u64::from(coming))
        };
        let window = Window {
            start,
            end,
            vus: VusRange::steady(vus),
            totals: self.recorder.swap(Totals::new(&self.layout)),
            generator: Some(GeneratorSample {
                workers: vec![self.busy],
                ..GeneratorSample::default()
            }),
        };
        let measured = |due: Offset| self.span.0 <= due && due < self.span.1;
        let awaited = self
            .under_way
            .iter()
            .filter(|(_, due, _)| measured(*due))
            .count() as u64;
        (
            window,
            Standing {
                now: end,
                awaited,
                complete: true,
                in_flight_seconds: in_flight,
            },
        )
    }

    /// Runs to the end of the search, or for so many seconds.
    fn steered(&mut self, steersman: &mut Steersman, most: u32) -> bool {
        for _ in 0..most {
            let (window, standing) = self.second();
            match steersman.window(&window, &standing) {
                Command::Stay => {}
                Command::Set { load, from, until } => {
                    self.load = load;
                    self.span = (from, until);
                    self.recorder.measure_next(ScenarioIndex(0), from, until);
                }
                Command::Stop => return true,
            }
        }
        false
    }
}

fn sample(step: usize, due: Offset, answered: Answered) -> Sample<'static> {
    let done = due.after(answered.after);
    Sample {
        follows: false,
        retried: false,
        step: StepIndex(step),
        due,
        started: due,
        connected: Some(due),
        dns: Duration::ZERO,
        connecting: Duration::ZERO,
        tls: Duration::ZERO,
        sent_first: Some(due),
        sent_last: Some(due),
        first_byte: Some(done),
        done,
        status: Some(if answered.failed { 500 } else { 200 }),
        ending: Ending::Whole,
        outcome: if answered.failed {
            Outcome::Failed
        } else {
            Outcome::Ok
        },
        error: answered.failed.then_some((ErrorKind::Http5xx, "500")),
        bytes_sent: 0,
        bytes_received: 0,
        bytes_decoded: 0,
        checks_held: 0,
        checks_made: 0,
        resent: 0,
        usage: None,
        stream: None,
    }
}

fn limits(texts: &[(&str, &str)]) -> Vec<Threshold> {
    texts
        .iter()
        .map(|(metric, expression)| Threshold::parse(metric, expression, &layout()).unwrap())
        .collect()
}

/// Answers in 100 ms up to a load, and in two seconds above it.
fn slow_above(limit: f64) -> impl FnMut(f64, Offset, usize) -> Answered {
    move |load, _, step| {
        let slow = load > limit && step == 1;
        Answered {
            after: Duration::from_millis(if slow { 2000 } else { 100 }),
            failed: false,
        }
    }
}

#[test]
fn a_limit_is_found_in_a_run() {
    let mut steersman = Steersman::new(
        settings(),
        layout(),
        limits(&[
            ("http_req_latency", "p90 < 1s"),
            ("http_req_failed", "rate < 1%"),
        ]),
    );
    let mut run = Run::new(slow_above(230.0));
    assert!(run.steered(&mut steersman, 1000));
    let answer = steersman.search().answer();
    assert_eq!(
        (answer.highest_held, answer.lowest_broke),
        (Some(225.0), Some(232.0))
    );
    let levels = steersman.levels();
    assert_eq!(levels.len(), steersman.search().trials().len());
    let last = levels
        .iter()
        .find(|level| level.load == 250.0 && level.purpose == Purpose::Retry)
        .unwrap();
    let broken = &last.broken[0];
    assert_eq!(
        (broken.expression.as_str(), broken.step.as_deref()),
        ("p90 < 1s", Some("buy"))
    );
    assert_eq!(last.broken.len(), 1);
    let first = &levels[0];
    assert_eq!(
        (first.verdict, first.holds, first.load),
        (LevelVerdict::Held, 1, 50.0)
    );
    assert!(
        (first.http_reqs_per_second - 100.0).abs() < 1.0,
        "{first:?}"
    );
    assert!((first.goodput_per_second - 100.0).abs() < 1.0, "{first:?}");
    assert_eq!(first.latency[1].map(|p95| p95.as_millis()), Some(100));
    assert!(
        (first.little.unwrap().users - 10.0).abs() < 0.2 && !first.little.unwrap().is_doubtful(),
        "{first:?}"
    );
    assert_eq!(first.seconds, 10.0);
}

#[test]
fn what_was_due_in_a_hold_is_awaited_and_nothing_else_is_counted() {
    let answer = 5 * SECOND;
    let mut due_in_hold = 0;
    let mut steersman = Steersman::new(
        settings(),
        layout(),
        limits(&[("http_req_failed", "rate < 50%")]),
    );
    let mut run = Run::new(|_, _, _| Answered {
        after: 5 * SECOND,
        failed: false,
    });
    while steersman.levels().is_empty() {
        let before = run.now;
        let (window, standing) = run.second();
        let measured = run.span.0 <= before && before < run.span.1;
        due_in_hold += if measured { 2 * run.load as u64 } else { 0 };
        if let Command::Set { load, from, until } = steersman.window(&window, &standing)
            && steersman.levels().is_empty()
        {
            (run.load, run.span) = (load, (from, until));
            run.recorder.measure_next(ScenarioIndex(0), from, until);
        }
    }
    let level = &steersman.levels()[0];
    assert_eq!(
        level.latency[0].map(|p50| p50.as_millis()),
        Some(answer.as_millis())
    );
    assert_eq!(due_in_hold, 1000);
    // Judged when the last of them was answered, with the load still on.
    assert_eq!(run.now.since(level.until), 5 * SECOND);
    // The settling of two seconds was too short for throughput to be that of the level from the start.
    assert!(level.http_reqs_per_second < 100.0, "{level:?}");
}

#[test]
fn few_samples_extend_the_hold() {
    let ladder = Ladder {
        start: 1.0,
        growth: Growth::Step(1.0),
        max: 2.0,
        whole: true,
    };
    let few = SteerSettings {
        search: SearchSettings::new(ladder),
        ..settings()
    };
    // With one user 20 requests a hold: a 1 % limit on errors takes 381.
    let mut steersman = Steersman::new(few, layout(), limits(&[("http_req_failed", "rate < 1%")]));
    assert!(Run::new(slow_above(9.0)).steered(&mut steersman, 1000));
    let holds: Vec<(f64, u32, LevelVerdict)> = steersman
        .levels()
        .iter()
        .map(|level| (level.load, level.holds, level.verdict))
        .collect();
    assert_eq!(
        holds,
        [
            (1.0, 5, LevelVerdict::Unclear),
            (2.0, 5, LevelVerdict::Unclear)
        ]
    );
    assert!(!steersman.search().answer().is_answer());
    // One of 10 % takes 35.
    let mut steersman = Steersman::new(few, layout(), limits(&[("http_req_failed", "rate < 10%")]));
    assert!(Run::new(slow_above(9.0)).steered(&mut steersman, 1000));
    let holds: Vec<(f64, u32, f64)> = steersman
        .levels()
        .iter()
        .map(|level| (level.load, level.holds, level.seconds))
        .collect();
    assert_eq!(holds, [(1.0, 2, 20.0), (2.0, 1, 10.0)]);
}

#[test]
fn a_hopeless_level_is_cut_short() {
    let mut steersman = Steersman::new(
        settings(),
        layout(),
        limits(&[("http_req_latency", "p90 < 1s")]),
    );
    let mut run = Run::new(|load, _, _| Answered {
        after: SECOND / 10,
        failed: load > 120.0,
    });
    assert!(run.steered(&mut steersman, 1000));
    let broken: Vec<&Level> = steersman
        .levels()
        .iter()
        .filter(|level| level.verdict == LevelVerdict::Broken)
        .collect();
    assert!(
        broken.iter().all(|level| level.guarded
            && level.seconds <= 2.0
            && level.until.since(level.from).as_secs_f64() <= 2.0),
        "{broken:?}"
    );
    assert_eq!(steersman.search().answer().highest_held, Some(119.0));
    assert!(
        steersman.levels().iter().all(|level| level.load <= 150.0),
        "nothing higher is tried"
    );
}

#[test]
fn the_backlog_drains_before_the_next_level() {
    let mut steersman = Steersman::new(
        settings(),
        layout(),
        limits(&[("http_req_latency", "p90 < 1s")]),
    );
    let mut run = Run::new(|load, _, _| Answered {
        after: if load > 120.0 {
            20 * SECOND
        } else {
            SECOND / 10
        },
        failed: false,
    });
    let mut loads = Vec::new();
    for _ in 0..400 {
        let (window, standing) = run.second();
        if let Command::Set { load, from, until } = steersman.window(&window, &standing) {
            // Nothing is under way but where a level follows one that held.
            let under_way = run
                .under_way
                .iter()
                .filter(|(_, _, answered)| answered.after > SECOND)
                .count();
            assert!(
                load == 0.0 || under_way == 0,
                "{load} is set on a backlog of {under_way}"
            );
            loads.push(load);
            (run.load, run.span) = (load, (from, until));
            run.recorder.measure_next(ScenarioIndex(0), from, until);
        }
    }
    assert_eq!(
        loads[..8],
        [50.0, 100.0, 150.0, 0.0, 150.0, 0.0, 200.0, 0.0]
    );
}

#[test]
fn a_generator_without_time_is_the_limit_it_is() {
    let check = |limit: (&str, &str), failed: bool, expected: Ended| {
        let mut steersman = Steersman::new(settings(), layout(), limits(&[limit]));
        let mut run = Run::new(move |load, _, _| Answered {
            after: SECOND / 10,
            failed: failed && load > 220.0,
        });
        for _ in 0..1000 {
            run.busy = if run.load > 220.0 { 0.99 } else { 0.5 };
            if run.steered(&mut steersman, 1) {
                break;
            }
        }
        let answer = steersman.search().answer();
        assert_eq!(
            (answer.ended, answer.highest_held.map(|held| held >= 200.0)),
            (expected, Some(true)),
            "{limit:?}"
        );
    };
    check(("http_req_latency", "p90 < 1s"), false, Ended::Generator);
    // Errors are the service's own, whatever the generator does.
    check(("http_req_failed", "rate < 10%"), true, Ended::Found);
}

#[test]
fn a_level_whose_load_never_came_is_not_held() {
    let check = |drops: Option<DropReason>, most, held: Option<f64>, shortage| {
        let mut settings = settings();
        settings.search.ladder.whole = drops.is_none();
        let limits = limits(&[("http_req_latency", "p90 < 1s")]);
        let mut steersman = Steersman::new(settings, layout(), limits);
        let mut run = Run::new(slow_above(330.0));
        (run.most, run.drops) = (most, drops);
        assert!(run.steered(&mut steersman, 2000));
        let answer = steersman.search().answer();
        let short = answer.ended == Ended::Generator;
        let at = answer.highest_held.filter(|_| short);
        assert_eq!(at, held, "{drops:?} {most}");
        let last = steersman.levels().last().unwrap();
        assert_eq!(last.shortage, shortage, "{drops:?} {most}");
    };
    let (late, busy) = (DropReason::Late, DropReason::MaxVus);
    check(Some(busy), 210, Some(200.0), Some(Shortage::MaxVus));
    check(Some(late), 210, Some(200.0), Some(Shortage::Late));
    check(None, 210, Some(200.0), Some(Shortage::Users));
    // One in a hundred makes no other level of it.
    check(None, 248, Some(250.0), Some(Shortage::Users));
    check(None, 10_000, None, None);
}

#[test]
fn a_limit_far_beyond_its_mark_is_told_before_one_that_is_barely() {
    let both = [
        ("http_req_failed", "rate < 1%"),
        ("http_req_latency", "p90 < 1s"),
    ];
    let mut steersman = Steersman::new(settings(), layout(), limits(&both));
    let mut count = 0;
    let mut run = Run::new(move |load, _, _| {
        count += 1;
        Answered {
            after: if load > 60.0 {
                20 * SECOND
            } else {
                SECOND / 10
            },
            failed: load > 60.0 && count % 20 == 0,
        }
    });
    while steersman.levels().len() < 2 {
        assert!(!run.steered(&mut steersman, 1));
    }
    let broken: Vec<&str> = steersman.levels()[1]
        .broken
        .iter()
        .map(|limit| limit.metric.as_str())
        .collect();
    assert_eq!(broken, ["http_req_latency", "http_req_failed"]);
}

#[test]
fn recovery_is_timed() {
    // It settles for as long as the service is ill, so that no level suffers from the one before.
    let recovering = SteerSettings {
        recover: true,
        settle: 10 * SECOND,
        ..settings()
    };
    let mut steersman = Steersman::new(
        recovering,
        layout(),
        limits(&[("http_req_latency", "p90 < 1s")]),
    );
    // Once broken, it stays slow for seven seconds.
    let mut ill_until = Offset::ZERO;
    let mut run = Run::new(move |load, due, _| {
        if load > 230.0 {
            ill_until = due.after(7 * SECOND);
        }
        Answered {
            after: if due < ill_until {
                3 * SECOND
            } else {
                SECOND / 10
            },
            failed: false,
        }
    });
    assert!(run.steered(&mut steersman, 2000));
    let recovery = steersman.recovery().unwrap();
    assert_eq!(Some(recovery.load), steersman.search().answer().safe);
    let after = recovery.after.unwrap().as_secs_f64();
    assert!((6.0..=12.0).contains(&after), "{after}");
    // Without a break there is nothing to recover from.
    let mut steersman = Steersman::new(
        recovering,
        layout(),
        limits(&[("http_req_latency", "p90 < 1s")]),
    );
    assert!(Run::new(slow_above(1e9)).steered(&mut steersman, 2000));
    assert_eq!(steersman.recovery(), None);
}

#[test]
fn a_run_that_ends_early_keeps_its_levels() {
    let mut steersman = Steersman::new(
        settings(),
        layout(),
        limits(&[("http_req_latency", "p90 < 1s")]),
    );
    assert!(!Run::new(slow_above(230.0)).steered(&mut steersman, 30));
    steersman.stop();
    // Those who are left make no level, however long they stay.
    let mut run = Run::new(slow_above(230.0));
    run.load = 150.0;
    for _ in 0..60 {
        let (window, standing) = run.second();
        assert_eq!(steersman.window(&window, &standing), Command::Stop);
    }
    let answer = steersman.search().answer();
    assert_eq!(
        (answer.ended, answer.highest_held, steersman.levels().len()),
        (Ended::Stopped, Some(100.0), 2)
    );
}

#[test]
fn users_settle_for_two_of_their_iterations() {
    // The gap from the end of the first level to the hold of the second, in seconds.
    let gap_at = |settle: u64, iteration: Option<u64>, whole: bool, connect_rate| {
        let mut settings = settings();
        settings.connect_rate = connect_rate;
        settings.settle = Duration::from_secs(settle);
        settings.search.ladder.whole = whole;
        let mut steersman = Steersman::new(
            settings,
            layout(),
            limits(&[("http_req_failed", "rate < 50%")]),
        );
        let mut run = Run::new(slow_above(1e9));
        run.iteration = iteration.map(Duration::from_secs);
        while steersman.levels().len() < 2 {
            assert!(!run.steered(&mut steersman, 1));
        }
        let [first, second] = [&steersman.levels()[0], &steersman.levels()[1]];
        second.from.since(first.until).as_secs()
    };
    let gap = |settle, iteration, whole| gap_at(settle, iteration, whole, None);
    let short = gap(5, None, true);
    assert_eq!(gap(5, Some(2), true), short);
    assert_eq!(gap(5, Some(8), true), short + 11);
    assert_eq!(gap(5, Some(100), true), short + 55, "at most a minute");
    assert_eq!(
        gap(5, Some(8), false),
        short,
        "arrivals have no step to act in"
    );
    assert_eq!(gap(0, Some(8), true), gap(0, None, true));
    // Fifty more users, who all come in the first half.
    assert_eq!(gap_at(5, None, true, Some(20.0)), short);
    assert_eq!(gap_at(5, None, true, Some(5.0)), short + 15);
    // Where a level is not to settle, it is not measured either while its users come.
    assert_eq!(gap_at(0, None, true, Some(5.0)), gap(0, None, true) + 10);
}
