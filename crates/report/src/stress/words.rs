//! What there is to say of a search, in sentences: shared by all formats.

use crate::probes::amount;
use crate::text::units;
use loadgen_capacity::{
    Answer, Broken, Doubt, Ended, Growth, Level, LevelVerdict, LoadUnit, Purpose, Shortage, Stress,
};
use loadgen_stats::Verdict;

/// A load with its unit: `230 users`, `12.5/s`.
pub(crate) fn load(load: f64, unit: LoadUnit) -> String {
    match unit {
        LoadUnit::Users if (load - 1.0).abs() < 1e-9 => "1 user".to_owned(),
        LoadUnit::Users => format!("{} users", units::count(whole(load))),
        LoadUnit::PerSecond => format!("{}/s", number(load)),
    }
}

/// A load without its unit, as it stands in a table.
pub(crate) fn bare(load: f64, unit: LoadUnit) -> String {
    match unit {
        LoadUnit::Users => units::count(whole(load)),
        LoadUnit::PerSecond => number(load),
    }
}

/// At most three digits behind the point, and none that says nothing.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A share that a person has given.
fn share(share: f64) -> String {
    format!("{}%", number(share * 100.0))
}

fn whole(load: f64) -> u64 {
    load.round() as u64
}

/// The answer in one sentence.
pub(crate) fn answer(stress: &Stress) -> String {
    let Answer {
        highest_held,
        lowest_broke,
        ..
    } = stress.answer;
    let load = |at: f64| load(at, stress.unit);
    let broke = || {
        lowest_broke.map_or_else(String::new, |at| {
            format!("broke at {}{}", load(at), because(stress))
        })
    };
    match (stress.answer.ended, highest_held) {
        (Ended::Found | Ended::Top, Some(held)) if stress.answer.is_open_above() => {
            format!(
                "held at {}; whether it holds above could not be told",
                load(held)
            )
        }
        (Ended::Found, Some(held)) => {
            format!("held at {}, {}{}", load(held), broke(), between(stress))
        }
        (Ended::Top, Some(held)) => {
            format!("held at {}, the highest load that was tried", load(held))
        }
        (Ended::GoodputFell, Some(held)) => {
            let peak = stress.answer.peak.unwrap_or(held);
            format!(
                "past its peak: goodput was highest at {} and fell beyond it, though no limit broke up to {}",
                load(peak),
                load(held)
            )
        }
        (Ended::Generator, Some(held)) => {
            let limit = not_the_service(stress);
            format!("held at {}; above that {limit}", load(held))
        }
        (Ended::Generator, None) => {
            format!("{} from the first load on", not_the_service(stress))
        }
        (Ended::Stopped, Some(held)) if lowest_broke.is_some() => {
            format!("stopped; held at {}, {}", load(held), broke())
        }
        (Ended::Stopped, Some(held)) => format!("stopped; held at {} so far", load(held)),
        (Ended::Stopped, None) => "stopped before any load could be told".to_owned(),
        (_, None) if lowest_broke.is_some() => {
            format!(
                "{}, the first load that could be told: start lower",
                broke()
            )
        }
        (_, _) => "no load could be told: there were too few samples".to_owned(),
    }
}

/// What was the limit in the place of the service.
fn not_the_service(stress: &Stress) -> &'static str {
    let mut levels = stress.levels.iter().rev();
    let last = levels.find(|level| level.verdict == LevelVerdict::Generator);
    match last.and_then(|level| level.shortage) {
        None => "this machine, not the service, was the limit",
        Some(Shortage::MaxVus) => "`max_vus` of the load, not the service, was the limit",
        Some(Shortage::Late) => {
            "the load was not there: arrivals were begun too late, or without data left for them"
        }
        Some(Shortage::Users) => "the load was not there: users came to their end before the hold",
    }
}

/// What kept the gap from being narrowed, where that was not the service.
fn between(stress: &Stress) -> &'static str {
    let Answer {
        highest_held: Some(held),
        lowest_broke: Some(broke),
        ..
    } = stress.answer
    else {
        return "";
    };
    let within = |level: &&Level| held < level.load && level.load < broke;
    let last = stress.levels.iter().rfind(within);
    match last.is_some_and(|level| level.verdict == LevelVerdict::Generator) {
        true => "; between them this machine was the limit",
        false => "",
    }
}

/// Which limit broke, and where.
fn because(stress: &Stress) -> String {
    let guarded = || {
        let lowest = stress.answer.lowest_broke;
        stress
            .levels
            .iter()
            .rev()
            .find(|level| Some(level.load) == lowest && level.guarded)
    };
    match (stress.first_broken(), guarded()) {
        (Some(limit), _) => format!(": {}", broken(limit)),
        (None, Some(level)) => format!(": {} of the requests failed", units::percent(level.failed)),
        (None, None) => String::new(),
    }
}

/// A limit that broke, with what was observed.
pub(crate) fn broken(limit: &Broken) -> String {
    let observed = limit.observed.map_or_else(String::new, |value| {
        format!(" was {}", amount(value, limit.unit))
    });
    let step = limit
        .step
        .as_ref()
        .map_or_else(String::new, |step| format!(" (step {step})"));
    format!("{}: {}{observed}{step}", limit.metric, limit.expression)
}

/// The verdict of the search as a whole.
pub(crate) const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "found",
        Verdict::Fail => "failed",
        Verdict::Inconclusive => "inconclusive",
    }
}

/// The safe load, and whether it is enough.
pub(crate) fn safe(stress: &Stress) -> Option<String> {
    let headroom = share(stress.settings.headroom);
    let safe = stress
        .answer
        .safe
        .map(|safe| format!("{} ({headroom} headroom)", load(safe, stress.unit)));
    match (safe, stress.required) {
        (safe, None) => safe,
        (Some(safe), Some(required)) => {
            let enough = if stress.meets() == Some(true) {
                "enough for the required"
            } else {
                "less than the required"
            };
            Some(format!("{safe}, {enough} {}", load(required, stress.unit)))
        }
        (None, Some(required)) => Some(format!(
            "none, where {} is required",
            load(required, stress.unit)
        )),
    }
}

/// What was searched, in a few words.
pub(crate) fn search(stress: &Stress) -> String {
    let ladder = stress.settings.ladder;
    let growth = match ladder.growth {
        Growth::Step(step) => format!("by {}", bare(step, stress.unit)),
        Growth::Factor(factor) => format!("times {}", number(factor)),
    };
    let (start, max) = (
        bare(ladder.start, stress.unit),
        load(ladder.max, stress.unit),
    );
    format!(
        "from {start} to {max} {growth}, with a resolution of {}",
        share(stress.settings.resolution)
    )
}

/// What is to be known beside the answer: loads that held above a break, broke once, could not be told.
pub(crate) fn remarks(stress: &Stress) -> Vec<String> {
    let mut remarks: Vec<String> = strictly(stress).into_iter().collect();
    remarks.extend(of_levels(stress));
    remarks.extend(of_measurement(stress));
    remarks
}

/// Why the answer is none, where only a certain one counts.
fn strictly(stress: &Stress) -> Option<String> {
    let doubt = stress.doubt().filter(|_| stress.settings.strict)?;
    let at = |load| self::load(load, stress.unit);
    Some(match doubt {
        Doubt::TooFew(load) => format!(
            "strictly there is no answer: {} could not be told, and might have held",
            at(load)
        ),
        Doubt::Hindered(load) => format!(
            "strictly there is no answer: this machine could not put {} on, which might have held",
            at(load)
        ),
        Doubt::Spared(load) => format!(
            "strictly there is no answer: the generator was late or busy at {}, and may have spared the service",
            at(load)
        ),
    })
}

/// Several loads with their unit, ascending.
fn list(loads: &[f64], unit: LoadUnit) -> String {
    let mut loads = loads.to_vec();
    loads.sort_by(f64::total_cmp);
    loads.dedup();
    let shown: Vec<String> = loads.iter().map(|at| bare(*at, unit)).collect();
    match (loads.as_slice(), unit) {
        ([one], unit) => load(*one, unit),
        (_, LoadUnit::Users) => format!("{} users", shown.join(", ")),
        (_, LoadUnit::PerSecond) => format!("{} per second", shown.join(", ")),
    }
}

/// What is strange about the verdicts on the levels.
fn of_levels(stress: &Stress) -> Vec<String> {
    let answer = &stress.answer;
    let list = |loads: &[f64]| list(loads, stress.unit);
    let mut remarks = Vec::new();
    if let (false, Some(broke)) = (answer.held_above.is_empty(), answer.lowest_broke) {
        let above = list(&answer.held_above);
        remarks.push(format!(
            "not steady: it held at {above}, although {} broke",
            load(broke, stress.unit)
        ));
    }
    if !answer.broke_once.is_empty() {
        remarks.push(format!(
            "broke once at {}, and held there when it was tried again",
            list(&answer.broke_once)
        ));
    }
    let short: Vec<f64> = stress
        .levels
        .iter()
        .filter(|level| level.shortage == Some(Shortage::MaxVus))
        .map(|level| level.load)
        .collect();
    if !short.is_empty() {
        remarks.push(format!(
            "arrivals found all users of `max_vus` busy at {}: a higher one lets them come",
            list(&short)
        ));
    }
    if !answer.unclear.is_empty() {
        remarks.push(format!(
            "could not be told: {}; a longer --hold gives more samples",
            list(&answer.unclear)
        ));
    }
    remarks
}

/// What is strange about the numbers themselves.
fn of_measurement(stress: &Stress) -> Vec<String> {
    let mut remarks = Vec::new();
    let doubtful: Vec<f64> = stress
        .levels
        .iter()
        .filter(|level| level.little.is_some_and(|little| little.is_doubtful()))
        .map(|level| level.load)
        .collect();
    if !doubtful.is_empty() {
        remarks.push(format!(
            "by Little's law the numbers do not fit together at {}: the load was not steady in the hold, and a longer --settle helps",
            list(&doubtful, stress.unit)
        ));
    }
    if stress
        .levels
        .iter()
        .any(|level| level.generator_doubtful && level.verdict != LevelVerdict::Generator)
    {
        remarks.push(
            "the generator was late or busy in levels marked with *: their times may be its own"
                .to_owned(),
        );
    }
    remarks
}

/// What the laws say.
pub(crate) fn laws(stress: &Stress) -> Vec<(&'static str, String)> {
    let mut laws = Vec::new();
    if let Some(knee) = stress.knee {
        let (low, high) = (bare(knee.low, stress.unit), bare(knee.high, stress.unit));
        laws.push((
            "knee",
            format!(
                "{} by Kneedle, between {low} and {high}",
                load(knee.load, stress.unit)
            ),
        ));
    }
    laws.extend(scalability(stress));
    laws
}

/// What the Universal Scalability Law says.
fn scalability(stress: &Stress) -> Vec<(&'static str, String)> {
    let mut laws = Vec::new();
    let Some(usl) = stress.usl else {
        return laws;
    };
    let fit = format!(
        "R² {:.3}, off by {}",
        usl.r_squared,
        units::percent(usl.error)
    );
    if !usl.is_good() {
        laws.push((
            "scalability",
            format!("the Universal Scalability Law fits poorly ({fit}): nothing is predicted"),
        ));
        return laws;
    }
    let Some(errors) = usl.errors else {
        laws.push((
            "scalability",
            format!("these loads do not tell contention and coherency apart ({fit})"),
        ));
        return laws;
    };
    let give_or_take =
        |share: f64, error: f64| format!("{} ± {}", units::percent(share), units::percent(error));
    laws.push((
        "scalability",
        format!(
            "{} from one request under way, contention {}, coherency {} ({fit})",
            units::rate(usl.lambda),
            give_or_take(usl.contention, errors[1]),
            give_or_take(usl.coherency, errors[2]),
        ),
    ));
    if let Some((load, rate)) = usl.peak() {
        laws.push((
            "peak",
            format!(
                "{} at {} requests under way is the most it can do, by that law",
                units::rate(rate),
                units::count(whole(load))
            ),
        ));
    }
    laws
}

/// How the service recovered.
pub(crate) fn recovery(stress: &Stress) -> Option<String> {
    let recovery = stress.recovery?;
    let at = load(recovery.load, stress.unit);
    Some(match recovery.after {
        Some(after) => format!(
            "well again after {} at {at}",
            units::span(after.as_secs_f64())
        ),
        None => format!("not well again at {at} in the time it was given"),
    })
}

/// A level in one line, as it is told when it was measured: `230 users: held, 2,300/s good`.
#[must_use]
pub fn stress_level_line(level: &Level, unit: LoadUnit) -> String {
    let verdict = match (level.verdict, level.shortage) {
        (LevelVerdict::Held, _) => "held",
        (LevelVerdict::Broken, _) => "broken",
        (LevelVerdict::Unclear, _) => "unclear, there were too few samples",
        (LevelVerdict::Generator, Some(Shortage::MaxVus)) => {
            "arrivals found all of `max_vus` busy, so that the load was not there"
        }
        (LevelVerdict::Generator, Some(Shortage::Late)) => {
            "arrivals were begun too late, or without data left, so that the load was not there"
        }
        (LevelVerdict::Generator, Some(Shortage::Users)) => {
            "users came to their end, so that the load was not there"
        }
        (LevelVerdict::Generator, None) => "this machine was the limit",
    };
    let broken: Vec<String> = level.broken_expressions().collect();
    let broken = match broken.is_empty() {
        true => String::new(),
        false => format!(" ({})", broken.join("; ")),
    };
    format!(
        "{}: {verdict}{broken}, {} good",
        load(level.load, unit),
        units::rate(level.goodput_per_second)
    )
}

/// A load with its unit, as every text of a search has it: `230 users`, `12.5/s`.
#[must_use]
pub fn stress_load(at: f64, unit: LoadUnit) -> String {
    load(at, unit)
}

/// The verdict on a level, in one word.
pub(crate) const fn verdict(level: &Level) -> &'static str {
    match level.verdict {
        LevelVerdict::Held => "held",
        LevelVerdict::Broken => "broken",
        LevelVerdict::Unclear => "unclear",
        LevelVerdict::Generator => "generator",
    }
}

/// Why a level was tried, where that is not plain, as a mark and in words.
pub(crate) const fn purpose(level: &Level) -> (&'static str, &'static str) {
    match level.purpose {
        Purpose::Climb | Purpose::Bisect => ("", ""),
        Purpose::Retry => (" ↻", "tried once more"),
        Purpose::LookAbove => (" ↑", "a look above the break"),
    }
}
