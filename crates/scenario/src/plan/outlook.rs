//! Tells a load over time: in one line, row by row, and as a small picture.

use super::{Arrivals, Load, LoadPlan, Member, Plan, Stage, StartAt, load::rounded};
use crate::quantity::{format_duration, format_rate, format_share};
use std::{fmt, fmt::Write as _, time::Duration};

/// The most rows of one load; what is between the first and the last is left out above it.
const MOST_ROWS: usize = 24;
/// Columns of the picture.
const WIDTH: u32 = 48;
/// Lines of the picture.
const HEIGHT: u32 = 4;
/// A character filled from the bottom, by eighths.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

impl fmt::Display for Load {
    /// The load in a few words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = format_duration(self.length());
        match self {
            Self::ConstantVus { vus, .. } => write!(f, "{} for {length}", users(vus.get())),
            Self::SharedIterations {
                vus, iterations, ..
            } => write!(f, "{}, {}", users(vus.get()), times(*iterations)),
            Self::PerVuIterations {
                vus, iterations, ..
            } => write!(f, "{}, {} each", users(vus.get()), times(*iterations)),
            Self::ConstantArrivalRate { rate, .. } => {
                write!(f, "{} for {length}", format_rate(rate.get()))
            }
            Self::RampingVus { .. } | Self::RampingArrivalRate { .. } => {
                write!(f, "up to {} over {length}", level(self, self.highest()))
            }
            Self::SteeredVus { .. } | Self::SteeredArrivalRate { .. } => {
                write!(f, "up to {}, level by level", level(self, self.highest()))
            }
        }
    }
}

/// The most loads that are told one by one in a few words.
const MOST_LOADS: usize = 4;

impl Plan {
    /// Its loads in a few words.
    #[must_use]
    pub fn loads_in_words(&self) -> String {
        if let [only] = self.loads.as_slice()
            && only.members.len() == 1
        {
            return only.load.to_string();
        }
        if self.loads.len() > MOST_LOADS {
            return format!("{} loads", self.loads.len());
        }
        let words = |load: &LoadPlan| {
            let after = match load.start {
                StartAt::At(_) => String::new(),
                StartAt::After(before) => format!(" after {}", self.names(&self.loads[before])),
            };
            format!("{}: {}{after}", self.names(load), load.load)
        };
        let words: Vec<String> = self.loads.iter().map(words).collect();
        words.join("; ")
    }

    /// The names of those who share a load.
    fn names(&self, load: &LoadPlan) -> String {
        let name = |member: &Member| self.scenarios[member.scenario.0].name.as_str();
        let names: Vec<&str> = load.members.iter().map(name).collect();
        names.join(", ")
    }
}

/// Writes how the loads go over time.
pub(super) fn describe(text: &mut String, plan: &Plan) {
    let spans = plan.spans();
    for (load, span) in plan.loads.iter().zip(spans) {
        text.push_str(match (plan.scenarios.len(), load.members.len()) {
            (1, _) => "\nload",
            (_, 1) => "\nload of ",
            _ => "\nload shared by ",
        });
        if plan.scenarios.len() > 1 {
            text.push_str(&plan.names(load));
        }
        text.push('\n');
        if let StartAt::After(before) = load.start {
            let before = &plan.loads[before];
            let plural = if before.members.len() == 1 { "" } else { "s" };
            let (names, latest) = (plan.names(before), format_duration(span.latest_start));
            _ = writeln!(
                text,
                "  {:<10}  after scenario{plural} {names}: once the last iteration has ended, {latest} at the latest",
                "begins"
            );
        }
        over_time(text, load);
        shares(text, plan, load);
    }
}

/// Writes who has how much of a load.
fn shares(text: &mut String, plan: &Plan, load: &LoadPlan) {
    if load.members.len() < 2 {
        return;
    }
    let most = load.load.users().map_or(0, super::UserCount::get);
    let row = |(member, count): (&Member, u32)| {
        let name = plan.scenarios[member.scenario.0].name.clone();
        [name, format_share(member.share), part(load, member, count)]
    };
    let rows: Vec<[String; 3]> = load.members.iter().zip(load.split(most)).map(row).collect();
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or_default()
    };
    let (names, percentages) = (width(0), width(1));
    for (number, [name, share, what]) in rows.iter().enumerate() {
        let key = if number == 0 { "shares" } else { "" };
        _ = writeln!(
            text,
            "  {key:<10}  {name:<names$}  {share:>percentages$}  {what}"
        );
    }
}

/// What a share of a load comes to, with so many users at the most.
fn part(load: &LoadPlan, member: &Member, count: u32) -> String {
    match count {
        _ if member.share <= 0.0 => "nothing".to_owned(),
        _ if !load.splits_users() => "of the iterations, each drawn by the seed".to_owned(),
        0 => "no user: too few to share".to_owned(),
        count if matches!(load.load, Load::RampingVus { .. }) => format!("up to {}", users(count)),
        count => users(count),
    }
}

/// Writes how a load goes over time.
fn over_time(text: &mut String, plan: &LoadPlan) {
    _ = writeln!(text, "  {:<10}  {}", "executor", plan.load.executor());
    // What follows another load is told from its own start on.
    let sign = match plan.start {
        StartAt::At(_) => "",
        StartAt::After(_) => "+",
    };
    let mut before = None;
    for (at, what) in shortened(rows(plan)) {
        let shown = at
            .filter(|at| before != Some(*at))
            .map(|at| format!("{sign}{}", format_duration(at)))
            .unwrap_or_default();
        _ = writeln!(text, "  {shown:<10}  {what}");
        before = at.or(before);
    }
    for (key, what) in remarks(plan) {
        _ = writeln!(text, "  {key:<10}  {what}");
    }
    if matches!(
        plan.load,
        Load::RampingVus { .. } | Load::RampingArrivalRate { .. }
    ) {
        sketch(text, plan, sign);
    }
}

/// A number of iterations in words.
fn times(iterations: u64) -> String {
    let plural = if iterations == 1 { "" } else { "s" };
    format!("{iterations} iteration{plural}")
}

/// A number of users in words.
fn users(count: u32) -> String {
    if count == 1 {
        "1 user".to_owned()
    } else {
        format!("{count} users")
    }
}

fn level(load: &Load, level: f64) -> String {
    if load.is_open() {
        format_rate(level)
    } else {
        users(rounded(level))
    }
}

/// When the load begins; what follows another load counts from its own start.
const fn start(plan: &LoadPlan) -> Duration {
    match plan.start {
        StartAt::At(start) => start,
        StartAt::After(_) => Duration::ZERO,
    }
}

/// What happens when.
fn rows(plan: &LoadPlan) -> Vec<(Option<Duration>, String)> {
    let load = &plan.load;
    let start = start(plan);
    let end = start.saturating_add(load.length());
    let mut rows = beginning(load, start);
    if !plan.warm_up.is_zero() {
        let over = start.saturating_add(plan.warm_up);
        let at = rows
            .iter()
            .position(|(at, _)| *at > over)
            .unwrap_or(rows.len());
        let what = "the warm-up is over; what is due from here on is measured";
        rows.insert(at, (over, what.to_owned()));
    }
    let latest = match load {
        Load::SharedIterations { .. } | Load::PerVuIterations { .. } => "at the latest: ",
        _ => "",
    };
    let stop = format_duration(plan.graceful_stop);
    let ending = format!("{latest}no iteration begins; running ones have {stop} to end");
    rows.push((end, ending));
    let cut = end.saturating_add(plan.graceful_stop);
    rows.push((cut, format!("{latest}what still runs is cut")));
    rows.into_iter()
        .map(|(at, what)| (Some(at), what))
        .collect()
}

/// What happens until the last iteration has begun.
fn beginning(load: &Load, start: Duration) -> Vec<(Duration, String)> {
    let count = |vus: &super::UserCount| users(vus.get());
    let first = match load {
        Load::ConstantVus { vus, .. } => {
            format!("{}, each begins one iteration after the other", count(vus))
        }
        Load::SharedIterations {
            vus, iterations, ..
        } => {
            let does = if vus.get() == 1 { "does" } else { "share" };
            format!("{}, which {does} {}", count(vus), times(*iterations))
        }
        Load::PerVuIterations {
            vus, iterations, ..
        } => format!("{}, each does {}", count(vus), times(*iterations)),
        Load::ConstantArrivalRate { rate, .. } => {
            let rate = format_rate(rate.get());
            format!("{rate}: iterations begin at this rate, however long they take")
        }
        Load::RampingVus { .. } | Load::RampingArrivalRate { .. } => level(load, load.start()),
        Load::SteeredVus { .. } | Load::SteeredArrivalRate { .. } => load.to_string(),
    };
    let mut rows = vec![(start, first)];
    let mut at = start;
    let ramps = match load {
        Load::RampingVus { stages, .. } | Load::RampingArrivalRate { stages, .. } => {
            stages.as_slice()
        }
        _ => &[],
    };
    for stage in ramps {
        let target = level(load, stage.target);
        at = at.saturating_add(stage.duration);
        match rows.last_mut() {
            Some((_, row)) if stage.duration.is_zero() => {
                _ = write!(row, ", then at once {target}");
            }
            _ => rows.push((at, target)),
        }
    }
    rows
}

/// The rows, or the first and the last of them where they are many; a row without a time stands for those left out.
fn shortened(mut rows: Vec<(Option<Duration>, String)>) -> Vec<(Option<Duration>, String)> {
    if let Some(more) = rows.len().checked_sub(MOST_ROWS).filter(|more| *more > 0) {
        let from = MOST_ROWS / 2;
        let gap = (None, format!("… {} more stages", more + 1));
        rows.splice(from..=from + more, [gap]);
    }
    rows
}

/// What there is to say beside the times.
fn remarks(plan: &LoadPlan) -> Vec<(&'static str, String)> {
    let load = &plan.load;
    let begin = (!load.is_open()).then(|| beginnings(plan)).flatten();
    let mut remarks: Vec<_> = begin.into_iter().map(|begin| ("users", begin)).collect();
    remarks.extend(of_kind(load));
    remarks
}

/// How fast users begin, where there are several.
fn beginnings(plan: &LoadPlan) -> Option<String> {
    let load = &plan.load;
    let users = load.users().filter(|users| users.get() > 1)?.get();
    let Some(rate) = plan.connect_rate else {
        return Some("begin as the load says, however many at once (connect_rate off)".to_owned());
    };
    let at_most = format!("{} begin at most (connect_rate)", format_rate(rate.get()));
    let is_steep =
        |from: f64, stage: &Stage| stage.target - from > rate.get() * stage.duration.as_secs_f64();
    Some(match load {
        Load::RampingVus {
            start_vus, stages, ..
        } => {
            let mut from = f64::from(*start_vus);
            let mut steep = from > 1.0;
            for stage in stages {
                steep |= is_steep(from, stage);
                from = stage.target;
            }
            match steep {
                true => format!("{at_most}: later where the stages ask for more"),
                false => at_most,
            }
        }
        _ => match plan.unbegun() {
            Some(unbegun) => format!("{at_most}: only {} of them before the end", unbegun.begin),
            None => {
                let last = Duration::from_secs_f64(f64::from(users - 1) / rate.get());
                let millis = last.as_nanos().div_ceil(1_000_000);
                let last = Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX));
                format!("{at_most}, the last after {}", format_duration(last))
            }
        },
    })
}

/// What there is to say of one kind of load.
fn of_kind(load: &Load) -> Vec<(&'static str, String)> {
    match load {
        Load::ConstantArrivalRate {
            max_vus, arrivals, ..
        }
        | Load::RampingArrivalRate {
            max_vus, arrivals, ..
        } => {
            let all = whole(load.area());
            let arrivals = match arrivals {
                Arrivals::Uniform => format!("{all} in all, evenly spaced"),
                Arrivals::Poisson => format!("about {all} in all, by chance (poisson)"),
                Arrivals::Gamma { burstiness } => {
                    format!("about {all} in all, by chance (gamma, burstiness {burstiness})")
                }
            };
            let users = match max_vus {
                None => "as many as it takes; no arrival is dropped".to_owned(),
                Some(most) => format!(
                    "{} at most; an arrival that finds all busy is dropped",
                    most.get()
                ),
            };
            vec![("arrivals", arrivals), ("users", users)]
        }
        Load::RampingVus {
            graceful_ramp_down, ..
        } => {
            let time = format_duration(*graceful_ramp_down);
            let leaving =
                format!("a user that leaves before the end has {time} to end its iteration");
            vec![("leaving", leaving)]
        }
        _ => Vec::new(),
    }
}

/// The arrivals of an area: one is due wherever a whole number of them is reached before the end.
fn whole(area: f64) -> f64 {
    let near = area.round();
    if (area - near).abs() <= 1e-9 * near.max(1.0) {
        near
    } else {
        area.ceil()
    }
}

/// Draws the level over time.
fn sketch(text: &mut String, plan: &LoadPlan, sign: &str) {
    let load = &plan.load;
    let (highest, length) = (load.highest(), load.length().as_secs_f64());
    let eighths: Vec<u32> = (0..WIDTH)
        .map(|column| {
            let at = (f64::from(column) + 0.5) / f64::from(WIDTH) * length;
            let share = level_at(load.start(), &load.stages(), at) / highest;
            rounded(share * f64::from(HEIGHT * 8))
        })
        .collect();
    text.push('\n');
    for line in (0..HEIGHT).rev() {
        let label = if line + 1 == HEIGHT {
            level(load, highest)
        } else {
            String::new()
        };
        let bar = |eighths: &u32| BLOCKS[eighths.saturating_sub(line * 8).min(8) as usize];
        let drawn: String = eighths.iter().map(bar).collect();
        let drawn = format!("  {label:>12} │{drawn}");
        _ = writeln!(text, "{}", drawn.trim_end());
    }
    let at = |time: Duration| format!("{sign}{}", format_duration(time));
    let (from, until) = (
        at(start(plan)),
        at(start(plan).saturating_add(load.length())),
    );
    let gap = (WIDTH as usize).saturating_sub(from.len());
    _ = writeln!(text, "  {:>12}  {from}{until:>gap$}", "");
}

/// The level some seconds after the start of the load.
fn level_at(start: f64, stages: &[Stage], at: f64) -> f64 {
    let (mut level, mut before) = (start, 0.0);
    for stage in stages {
        let length = stage.duration.as_secs_f64();
        if at < before + length {
            return level + (stage.target - level) * (at - before) / length;
        }
        (level, before) = (stage.target, before + length);
    }
    level
}
