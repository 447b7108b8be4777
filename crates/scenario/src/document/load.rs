//! `[load]`: how load is put on, as it stands in the file.

use super::{
    keys,
    node::{Field, Kind, Located, Node},
    reader::{Reader, field},
};
use crate::{
    plan::{Rate, UserCount},
    problem::{Place, Problem},
    quantity::{Misread, format_rate, parse_duration, parse_rate},
};
use std::{ops::RangeInclusive, time::Duration};

/// The most iterations of a load.
const MOST_ITERATIONS: u64 = 1_000_000_000_000;
/// Shapes of a gamma distribution that can be drawn from.
const BURSTINESS: RangeInclusive<f64> = 0.001..=1_000.0;

/// What `connect_rate` says where users begin as the load says.
pub(crate) const OFF: &str = "off";

/// What stands before the name of a scenario in `start_after`.
const AFTER_SCENARIO: &str = "scenario:";

/// `[load]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LoadTable {
    /// `executor`.
    pub executor: Field<Executor>,
    /// `vus`.
    pub vus: Field<UserCount>,
    /// `duration`.
    pub duration: Field<Duration>,
    /// `iterations`.
    pub iterations: Field<u64>,
    /// `max_duration`.
    pub max_duration: Field<Duration>,
    /// `start_vus`.
    pub start_vus: Field<u32>,
    /// `rate`, per second; above zero.
    pub rate: Field<f64>,
    /// `start_rate`, per second.
    pub start_rate: Field<f64>,
    /// `stages`; never empty.
    pub stages: Field<Vec<StageTable>>,
    /// `max_vus`.
    pub max_vus: Field<UserCount>,
    /// `arrivals`.
    pub arrivals: Field<ArrivalsName>,
    /// `burstiness`.
    pub burstiness: Field<f64>,
    /// `start_after`.
    pub start_after: Field<StartTable>,
    /// `warm_up`.
    pub warm_up: Field<Duration>,
    /// `graceful_stop`.
    pub graceful_stop: Field<Duration>,
    /// `graceful_ramp_down`.
    pub graceful_ramp_down: Field<Duration>,
    /// `connect_rate`, per second; absent inside where it is `off`.
    pub connect_rate: Field<Option<Rate>>,
}

/// `start_after`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum StartTable {
    /// So long after the start of the run.
    Time(Duration),
    /// When the load of the scenario of this name has ended; its place is that of the name.
    Scenario(Located<String>),
}

/// One of `stages`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StageTable {
    /// Where it stands.
    pub place: Place,
    /// `duration`; may be zero.
    pub duration: Field<Duration>,
    /// `target`.
    pub target: Field<Level>,
}

/// The target of a stage; zero or more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Level {
    /// A number: of users, or per second where the load has a rate.
    Bare(f64),
    /// A rate with its unit, per second.
    Rate(f64),
}

/// The kinds of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Executor {
    /// A fixed number of users for some time.
    ConstantVus,
    /// A number of users that follows stages.
    RampingVus,
    /// A fixed number of iterations, taken by whichever user is free.
    SharedIterations,
    /// A fixed number of iterations for each user.
    PerVuIterations,
    /// Iterations that begin at a fixed rate.
    ConstantArrivalRate,
    /// Iterations that begin at a rate that follows stages.
    RampingArrivalRate,
}

/// The kinds of `arrivals`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArrivalsName {
    /// Evenly spaced.
    Uniform,
    /// Exponential gaps.
    Poisson,
    /// Gaps of a gamma distribution.
    Gamma,
}

impl LoadTable {
    /// Where it says how many users there are: for stages at the highest target.
    pub(crate) fn users_place(&self) -> Option<&Place> {
        let stages = self.stages.given().map(|given| given.value.as_slice());
        let targets = stages.unwrap_or_default().iter().filter_map(|stage| {
            let target = stage.target.given()?;
            let (Level::Bare(height) | Level::Rate(height)) = target.value;
            Some((height, &target.place))
        });
        let start = self
            .start_vus
            .given()
            .map(|given| (f64::from(given.value), &given.place));
        let highest = targets
            .chain(start)
            .max_by(|(one, _), (other, _)| one.total_cmp(other));
        let vus = self.vus.given().map(|given| &given.place);
        vus.or(highest.map(|(_, place)| place))
    }
}

impl Executor {
    /// Every kind.
    pub(crate) const ALL: [Self; 6] = [
        Self::ConstantVus,
        Self::RampingVus,
        Self::SharedIterations,
        Self::PerVuIterations,
        Self::ConstantArrivalRate,
        Self::RampingArrivalRate,
    ];

    /// Its name.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ConstantVus => "constant-vus",
            Self::RampingVus => "ramping-vus",
            Self::SharedIterations => "shared-iterations",
            Self::PerVuIterations => "per-vu-iterations",
            Self::ConstantArrivalRate => "constant-arrival-rate",
            Self::RampingArrivalRate => "ramping-arrival-rate",
        }
    }

    /// The keys that mean something to it alone or to a few; the others mean something to every one.
    pub(crate) const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::ConstantVus => &["vus", "duration", "connect_rate"],
            Self::RampingVus => &["start_vus", "stages", "graceful_ramp_down", "connect_rate"],
            Self::SharedIterations | Self::PerVuIterations => {
                &["vus", "iterations", "max_duration", "connect_rate"]
            }
            Self::ConstantArrivalRate => &["rate", "duration", "max_vus", "arrivals", "burstiness"],
            Self::RampingArrivalRate => {
                &["start_rate", "stages", "max_vus", "arrivals", "burstiness"]
            }
        }
    }

    /// Whether its iterations begin at a rate.
    pub(crate) const fn is_open(self) -> bool {
        matches!(self, Self::ConstantArrivalRate | Self::RampingArrivalRate)
    }
}

impl ArrivalsName {
    /// Every kind by its name.
    const NAMES: [(&'static str, Self); 3] = [
        ("uniform", Self::Uniform),
        ("poisson", Self::Poisson),
        ("gamma", Self::Gamma),
    ];
}

impl Reader {
    pub(super) fn load(&mut self, node: Option<&Node>, what: &str) -> Field<LoadTable> {
        field(node, |node| {
            let table = self.table(node, what, keys::LOAD)?;
            let executors = Executor::ALL.map(|one| (one.name(), one));
            let executor = table.get("executor");
            let mut time = |key: &str, zero| self.duration(table.get(key), &quoted(key), zero);
            let (duration, max_duration) = (time("duration", false), time("max_duration", false));
            let warm_up = time("warm_up", true);
            let graceful_stop = time("graceful_stop", true);
            let graceful_ramp_down = time("graceful_ramp_down", true);
            Some(LoadTable {
                executor: self.word(executor, "`executor`", "executor", &executors),
                vus: self.users(table.get("vus"), "`vus`"),
                duration,
                iterations: self.whole(table.get("iterations"), "`iterations`", 1, MOST_ITERATIONS),
                max_duration,
                start_vus: self.start_vus(table.get("start_vus")),
                rate: self.rate(table.get("rate"), "`rate`", false),
                start_rate: self.rate(table.get("start_rate"), "`start_rate`", true),
                stages: field(table.get("stages"), |node| self.stages(node)),
                max_vus: self.users(table.get("max_vus"), "`max_vus`"),
                arrivals: self.word(
                    table.get("arrivals"),
                    "`arrivals`",
                    "kind of arrivals",
                    &ArrivalsName::NAMES,
                ),
                burstiness: self.burstiness(table.get("burstiness")),
                start_after: self.start_after(table.get("start_after")),
                warm_up,
                graceful_stop,
                graceful_ramp_down,
                connect_rate: self.connect_rate(table.get("connect_rate")),
            })
        })
    }

    fn start_after(&mut self, node: Option<&Node>) -> Field<StartTable> {
        if let Some(node) = node
            && let Kind::Text(text) = &node.kind
            && let Some(name) = text.strip_prefix(AFTER_SCENARIO)
        {
            let place = node.part(&(AFTER_SCENARIO.len()..text.len()));
            let start = StartTable::Scenario(Located::new(name.to_owned(), place));
            return Field::Given(Located::new(start, &node.place));
        }
        field(node, |node| match &node.kind {
            Kind::Text(text) => {
                let length = parse_duration(text).map_err(|error| Misread {
                    help: Some("write a time such as \"10s\", or \"scenario:NAME\"".to_owned()),
                    ..error
                });
                self.understand(node, length).map(StartTable::Time)
            }
            _ => {
                let length = self.duration(Some(node), "`start_after`", true);
                length.given().map(|given| StartTable::Time(given.value))
            }
        })
    }

    fn connect_rate(&mut self, node: Option<&Node>) -> Field<Option<Rate>> {
        field(node, |node| match &node.kind {
            Kind::Text(text) => self.understand(node, connect_rate(text)),
            _ => {
                let rate = self.rate(Some(node), "`connect_rate`", false);
                rate.given().map(|given| Rate::per_second(given.value))
            }
        })
    }

    fn users(&mut self, node: Option<&Node>, what: &str) -> Field<UserCount> {
        let count = self.whole(node, what, 1, u64::from(UserCount::MAX));
        map(&count, |count| {
            u32::try_from(count).ok().and_then(UserCount::new)
        })
    }

    fn start_vus(&mut self, node: Option<&Node>) -> Field<u32> {
        let count = self.whole(node, "`start_vus`", 0, u64::from(UserCount::MAX));
        map(&count, |count| u32::try_from(count).ok())
    }

    pub(super) fn rate(&mut self, node: Option<&Node>, what: &str, zero: bool) -> Field<f64> {
        field(node, |node| {
            let rate = match &node.kind {
                Kind::Text(text) => self.understand(node, parse_rate(text))?,
                _ => self.number(node, what, "a rate such as \"100/s\"")?,
            };
            let checked = rate_in_bounds(rate, zero);
            if let Err(why) = &checked {
                self.tell(Problem::new(&node.place, format!("{what} {why}")).label("out of range"));
            }
            checked.ok()
        })
    }

    /// A number that is one: neither infinite nor undefined.
    pub(super) fn number(&mut self, node: &Node, what: &str, wanted: &str) -> Option<f64> {
        match node.kind {
            #[expect(clippy::cast_precision_loss, reason = "bounds are far below 2^53")]
            Kind::Integer(number) => Some(number as f64),
            Kind::Float(number) if number.is_finite() => Some(number),
            _ => self.wrong_type(node, what, wanted),
        }
    }

    fn burstiness(&mut self, node: Option<&Node>) -> Field<f64> {
        field(node, |node| {
            let shape = self.number(node, "`burstiness`", "a number such as 0.5")?;
            if BURSTINESS.contains(&shape) {
                return Some(shape);
            }
            let (least, most) = BURSTINESS.into_inner();
            let message = format!("`burstiness` must be between {least} and {most}");
            let problem = Problem::new(&node.place, message).label("out of range");
            self.tell(problem.help(
                "1 is as by chance; below 1 there are bursts, above 1 the gaps are more alike",
            ));
            None
        })
    }

    fn stages(&mut self, node: &Node) -> Option<Vec<StageTable>> {
        let Kind::List(list) = &node.kind else {
            return self.wrong_type(
                node,
                "`stages`",
                "a list of tables such as [{ duration = \"30s\", target = 100 }]",
            );
        };
        if list.is_empty() {
            let problem = Problem::new(&node.place, "`stages` has no stage");
            self.tell(problem.help("write for example [{ duration = \"30s\", target = 100 }]"));
            return None;
        }
        let stages: Vec<_> = list.iter().map(|node| self.stage(node)).collect();
        stages.into_iter().collect()
    }

    fn stage(&mut self, node: &Node) -> Option<StageTable> {
        let table = self.table(node, "a stage", keys::STAGE)?;
        for (key, example) in [("duration", "\"30s\""), ("target", "100")] {
            if table.get(key).is_none() {
                let problem = Problem::new(&node.place, format!("a stage needs `{key}`"));
                self.tell(problem.help(format!("add `{key} = {example}`")));
            }
        }
        Some(StageTable {
            place: node.place.clone(),
            duration: self.duration(table.get("duration"), "`duration`", true),
            target: field(table.get("target"), |node| self.target(node)),
        })
    }

    fn target(&mut self, node: &Node) -> Option<Level> {
        let level = match &node.kind {
            Kind::Text(text) => Level::Rate(self.understand(node, parse_rate(text))?),
            _ => Level::Bare(self.number(
                node,
                "`target`",
                "a number of users, or a rate such as \"100/s\"",
            )?),
        };
        if matches!(level, Level::Bare(number) if number < 0.0) {
            let message = "`target` must be at least 0";
            self.tell(Problem::new(&node.place, message).label("out of range"));
            return None;
        }
        Some(level)
    }
}

/// A rate that a load can have, or why it cannot, as the rest of a sentence.
pub(crate) fn rate_in_bounds(rate: f64, zero: bool) -> Result<f64, String> {
    if rate < 0.0 {
        Err("must be at least 0".to_owned())
    } else if rate == 0.0 && !zero {
        Err("must be more than zero".to_owned())
    } else if rate > Rate::MAX {
        Err(format!("must be at most {}", format_rate(Rate::MAX)))
    } else {
        Ok(rate)
    }
}

/// Reads a `connect_rate`: a rate above zero, or `off`.
pub(crate) fn connect_rate(text: &str) -> Result<Option<Rate>, Misread> {
    if text.trim() == OFF {
        return Ok(None);
    }
    let help = || Some(format!("write a rate such as \"200/s\", or \"{OFF}\""));
    let rate = parse_rate(text).map_err(|error| Misread {
        help: help(),
        ..error
    })?;
    match rate_in_bounds(rate, false) {
        Ok(rate) => Ok(Rate::per_second(rate)),
        Err(why) => Err(Misread {
            message: format!("`{text}` {why}"),
            span: 0..text.len(),
            help: help(),
        }),
    }
}

fn quoted(key: &str) -> String {
    format!("`{key}`")
}

fn map<T: Copy, U>(from: &Field<T>, to: impl FnOnce(T) -> Option<U>) -> Field<U> {
    match from {
        Field::Absent => Field::Absent,
        Field::Broken => Field::Broken,
        Field::Given(given) => {
            to(given.value).map_or(Field::Broken, |value| Field::Given(given.with(value)))
        }
    }
}
