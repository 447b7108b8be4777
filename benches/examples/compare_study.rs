//! How often a comparison errs: thousands of comparisons of generated runs whose truth is known.
//!
//! `cargo run --release -p loadgen-benches --example compare_study [REPEATS]` prints the tables of docs/compare.md.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use loadgen_benches::bed::argument;
use loadgen_stats::{
    Change, CompareOptions, ComparedRun, Comparison, Counter, Layout, Offset, Outcome, Rate,
    RunData, RunFacts, ScenarioIndex, ScenarioLayout, SeriesBuilder, Statistic, StepLayout,
    StopReason, Totals, Trend, Verdict, VusRange, Window, compare,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;
use std::{fmt, num::ParseIntError, thread, time::Duration};

/// Requests a second.
const RATE: usize = 100;
/// The median of the base, in seconds.
const MEDIAN: f64 = 0.1;

/// How the times of a run come about: every one is log-normal around a level that wanders from second to second, and
/// that each run begins somewhere else.
#[derive(Clone, Copy)]
struct World {
    /// Of the logarithm of single times.
    scatter: f64,
    /// Of the logarithm of the level, from second to second.
    level: f64,
    /// Of the level of neighbouring seconds (autoregressive).
    correlation: f64,
    /// Of the logarithm of the level of whole runs.
    between_runs: f64,
}

/// A service whose seconds are alike.
const STEADY: World = World {
    scatter: 0.3,
    level: 0.0,
    correlation: 0.0,
    between_runs: 0.0,
};
/// Its level moves by 3 %, half of which is still there a second later.
const MOVING: World = World {
    level: 0.03,
    correlation: 0.5,
    ..STEADY
};
/// Its level moves by 3 %, and slowly.
const SLOW: World = World {
    level: 0.03,
    correlation: 0.8,
    ..STEADY
};
/// Runs differ by 3 % for reasons that no run sees.
const UNEQUAL: World = World {
    between_runs: 0.03,
    ..MOVING
};

/// How one kind of comparison is repeated.
#[derive(Clone, Copy)]
struct Case {
    world: World,
    seconds: u64,
    runs: usize,
    effect: f64,
}

/// What came of the repeats: the whole, then the rows of p50, p95 and p99.
#[derive(Clone, Copy, Default)]
struct Tally {
    whole: [u32; 4],
    rows: [[u32; 4]; 3],
    covered: [u32; 3],
    widths: [f64; 3],
}

/// A share of the repeats in percent.
struct Percent(f64);

fn main() -> Result<(), ParseIntError> {
    let repeats = argument(0, 2_000)?;
    println!(
        "{repeats} comparisons a line. One step, {RATE} requests a second, times log-normal (sigma 0.3)."
    );
    let title = "| service | seconds a side | change | whole: worse | unclear | p50: worse | same | unclear | p95: worse | same | unclear | p99: worse | same | unclear | interval of p50 | holds the truth |";
    println!("\n{title}\n|{}", "---|".repeat(16));
    for (name, world) in [("steady", STEADY), ("moving", MOVING), ("slow", SLOW)] {
        for seconds in [30, 60, 120] {
            for effect in [0.0, 0.02, 0.05, 0.1] {
                let tally = repeated(
                    Case {
                        world,
                        seconds,
                        runs: 1,
                        effect,
                    },
                    repeats,
                );
                print_row(&format!("{name} | {seconds}"), effect, &tally, repeats);
            }
        }
    }
    println!(
        "\n{}\n|{}",
        title.replace("seconds a side", "runs a side, 20 s each"),
        "---|".repeat(16)
    );
    for (name, world) in [("moving", MOVING), ("unequal runs", UNEQUAL)] {
        for runs in [1, 3, 5, 10] {
            for effect in [0.0, 0.1] {
                let tally = repeated(
                    Case {
                        world,
                        seconds: 20,
                        runs,
                        effect,
                    },
                    repeats,
                );
                print_row(&format!("{name} | {runs}"), effect, &tally, repeats);
            }
        }
    }
    Ok(())
}

fn print_row(name: &str, effect: f64, tally: &Tally, repeats: u32) {
    let percent = |count: u32| Percent(f64::from(count) / f64::from(repeats));
    let [_, worse, _, unclear] = tally.whole.map(percent);
    let mut line = format!("| {name} | {:.0} % | {worse} | {unclear} |", effect * 100.0);
    for row in tally.rows {
        let [_, worse, same, unclear] = row.map(percent);
        line.push_str(&format!(" {worse} | {same} | {unclear} |"));
    }
    let width = 50.0 * tally.widths[0] / f64::from(repeats);
    println!("{line} ±{width:.1} % | {} |", percent(tally.covered[0]));
}

/// Repeats one kind of comparison, on every core.
fn repeated(case: Case, repeats: u32) -> Tally {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get) as u32;
    let of_core = move |core: u32| {
        let mut tally = Tally::default();
        (core..repeats)
            .step_by(cores as usize)
            .for_each(|repeat| tally.add(&case.once(repeat), case.effect));
        tally
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..cores)
            .map(|core| scope.spawn(move || of_core(core)))
            .collect();
        let tallies = threads.into_iter().filter_map(|thread| thread.join().ok());
        tallies.fold(Tally::default(), Tally::with)
    })
}

impl Case {
    fn once(self, repeat: u32) -> Comparison {
        // The same runs stand under every effect, so that lines differ by it alone.
        let mut rng =
            Pcg64Mcg::seed_from_u64(u64::from(repeat) << 16 | self.seconds << 4 | self.runs as u64);
        let mut side = |effect: f64, at: usize| -> Vec<ComparedRun> {
            (0..self.runs)
                .map(|run| self.run(effect, 2 * run + at, &mut rng))
                .collect()
        };
        let (base, current) = (side(0.0, 0), side(self.effect, 1));
        let options = CompareOptions {
            seed: u64::from(repeat),
            ..CompareOptions::default()
        };
        compare(&base, &current, &options).expect("generated runs can be compared")
    }

    fn run(self, effect: f64, place: usize, rng: &mut Pcg64Mcg) -> ComparedRun {
        let layout = layout();
        let world = self.world;
        let fresh = (1.0 - world.correlation * world.correlation).sqrt();
        let mean = effect.ln_1p() + world.between_runs * normal(rng);
        let mut level = world.level * normal(rng);
        let mut series = SeriesBuilder::new(&layout);
        for second in 0..self.seconds {
            level = world.correlation * level + fresh * world.level * normal(rng);
            let mut times = || MEDIAN * (mean + level + world.scatter * normal(rng)).exp();
            series.push(&window(second, &layout, &mut times));
        }
        let until = Offset::from_nanos(self.seconds * 1_000_000_000);
        ComparedRun {
            facts: facts(place, self.seconds),
            data: RunData::Windows(Box::new(series.finish((Offset::ZERO, until)))),
        }
    }
}

impl Tally {
    fn add(&mut self, comparison: &Comparison, effect: f64) {
        self.whole[place(comparison.verdict)] += 1;
        let wanted = [Statistic::P50, Statistic::P95, Statistic::P99];
        for (at, statistic) in wanted.into_iter().enumerate() {
            let metric = loadgen_stats::Metric::Trend(Trend::HttpReqDuration);
            let mut rows = comparison.rows.iter();
            let row = rows.find(|row| row.subject.metric == metric && row.statistic == statistic);
            let Some((row, interval)) = row.and_then(|row| Some((row, row.interval?))) else {
                continue;
            };
            self.rows[at][place(row.verdict)] += 1;
            self.covered[at] += u32::from(interval.low <= effect && effect <= interval.high);
            self.widths[at] += interval.high - interval.low;
        }
    }

    fn with(mut self, other: Self) -> Self {
        let counts = self
            .whole
            .iter_mut()
            .chain(self.rows.iter_mut().flatten())
            .chain(&mut self.covered);
        let others = other
            .whole
            .iter()
            .chain(other.rows.iter().flatten())
            .chain(&other.covered);
        counts
            .zip(others)
            .for_each(|(count, other)| *count += other);
        self.widths
            .iter_mut()
            .zip(other.widths)
            .for_each(|(width, other)| *width += other);
        self
    }
}

/// In the order of the tables: better, worse, same, unclear.
const fn place(change: Change) -> usize {
    match change {
        Change::Better => 0,
        Change::Worse => 1,
        Change::Same => 2,
        Change::Unclear => 3,
    }
}

fn window(second: u64, layout: &Layout, times: &mut dyn FnMut() -> f64) -> Window {
    let mut totals = Totals::new(layout);
    let step = &mut totals.steps[0];
    for _ in 0..RATE {
        let cell = step.cell_mut(Trend::HttpReqDuration, Some(Outcome::Ok));
        cell.record(Duration::from_secs_f64(times()));
        step.outcomes[Outcome::Ok.index()] += 1;
        let tally = step.tally(Some(200), None);
        tally.count(Counter::HttpReqs, 1, true);
        tally.rates[Rate::HttpReqFailed.index()].count(false);
    }
    let at = |second: u64| Offset::from_nanos(second * 1_000_000_000);
    Window {
        start: at(second),
        end: at(second + 1),
        vus: VusRange::steady(10),
        totals,
        generator: None,
    }
}

fn layout() -> Layout {
    let step = StepLayout {
        name: "step".to_owned(),
        scenario: ScenarioIndex(0),
        stream: false,
        slo: Vec::new(),
        role: loadgen_stats::StepRole::Request,
    };
    Layout {
        scenarios: vec![ScenarioLayout {
            name: "study".to_owned(),
            steps: 0..1,
            closed: false,
        }],
        steps: vec![step],
        selected: Vec::new(),
        probes: Vec::new(),
    }
}

/// Runs that took turns.
fn facts(place: usize, seconds: u64) -> RunFacts {
    RunFacts {
        label: format!("run {place}"),
        name: "study".to_owned(),
        load: String::new(),
        version: String::new(),
        plan_hash: String::new(),
        definitions: None,
        hostname: None,
        cpus: None,
        arch: None,
        started_at: format!("{place:06}"),
        seed: place as u64,
        measured: Duration::from_secs(seconds),
        verdict: Verdict::Pass,
        stop_reason: StopReason::Completed,
        ends_early: false,
    }
}

/// A standard normal number (Box and Muller).
fn normal(rng: &mut Pcg64Mcg) -> f64 {
    let (radius, angle): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.0 * 100.0;
        match percent {
            0.0 => f.write_str("0"),
            small if small < 10.0 => write!(f, "{small:.1} %"),
            percent => write!(f, "{percent:.0} %"),
        }
    }
}
