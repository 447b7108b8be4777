//! Which kind of load the keys say, and which keys each kind can have.

use super::{Lowering, Subject};
use crate::{
    document::{Executor, Field, Level, LoadTable, Located},
    problem::{Place, Problem},
};

impl LoadTable {
    /// The kind of load that the keys say.
    pub(super) fn kind(&self) -> Executor {
        if let Some(executor) = self.executor.given() {
            return executor.value;
        }
        if !self.stages.is_absent() {
            return if self.start_rate.is_absent() && !self.has_rates() {
                Executor::RampingVus
            } else {
                Executor::RampingArrivalRate
            };
        }
        match () {
            () if !self.start_rate.is_absent() => Executor::RampingArrivalRate,
            () if !self.rate.is_absent() => Executor::ConstantArrivalRate,
            () if !self.start_vus.is_absent() => Executor::RampingVus,
            () if !self.iterations.is_absent() => Executor::SharedIterations,
            () => Executor::ConstantVus,
        }
    }

    /// Whether the target of any stage is a rate.
    pub(super) fn has_rates(&self) -> bool {
        let targets = self.stages.given().map(|stages| stages.value.as_slice());
        targets.unwrap_or_default().iter().any(|stage| {
            matches!(
                stage.target,
                Field::Given(Located {
                    value: Level::Rate(_),
                    ..
                })
            )
        })
    }

    /// Where each key stands that only some kinds of load can have.
    fn places(&self) -> [(&'static str, Option<&Place>); 12] {
        [
            ("vus", place(&self.vus)),
            ("duration", place(&self.duration)),
            ("iterations", place(&self.iterations)),
            ("max_duration", place(&self.max_duration)),
            ("start_vus", place(&self.start_vus)),
            ("rate", place(&self.rate)),
            ("start_rate", place(&self.start_rate)),
            ("stages", place(&self.stages)),
            ("max_vus", place(&self.max_vus)),
            ("arrivals", place(&self.arrivals)),
            ("burstiness", place(&self.burstiness)),
            ("connect_rate", place(&self.connect_rate)),
        ]
    }
}

impl Lowering<'_> {
    /// The kind of load, where all that belongs to it is there and nothing else is.
    pub(super) fn executor(&mut self, subject: &Subject<'_>, wish: &LoadTable) -> Option<Executor> {
        let before = self.problems.len();
        if matches!(wish.executor, Field::Broken) {
            return None;
        }
        if wish.executor.is_absent() {
            self.not_both(
                ("duration", place(&wish.duration)),
                ("iterations", place(&wish.iterations)),
                "for iterations with a limit on time, write `max_duration` in the place of `duration`",
            )?;
            self.not_both(
                ("rate", place(&wish.rate)),
                ("stages", place(&wish.stages)),
                "for a rate that follows stages, write `start_rate` in the place of `rate`",
            )?;
            if wish.start_rate.is_absent() {
                self.users_and_rates(wish)?;
            }
        }
        let executor = wish.kind();
        let ramp_down = ("graceful_ramp_down", place(&wish.graceful_ramp_down));
        for (key, place) in wish.places().into_iter().chain([ramp_down]) {
            if let Some(place) = place.filter(|_| !executor.keys().contains(&key)) {
                let message = format!("`{key}` means nothing to the executor {}", executor.name());
                self.tell(Problem::new(place, message).help(instead(executor, key)));
            }
        }
        self.needed(subject, wish, executor);
        (self.problems.len() == before).then_some(executor)
    }

    /// Tells of two keys of which only one can be there.
    fn not_both(
        &mut self,
        (one, first): (&str, Option<&Place>),
        (other, second): (&str, Option<&Place>),
        help: &str,
    ) -> Option<()> {
        let (Some(first), Some(second)) = (first, second) else {
            return Some(());
        };
        let problem = Problem::new(first, format!("`{one}` and `{other}` cannot both be given"));
        self.tell(problem.more(second, "the other one").help(help));
        None
    }

    /// Tells of stages of which some have a rate and others a number, where nothing says what the numbers are.
    fn users_and_rates(&mut self, wish: &LoadTable) -> Option<()> {
        let stages = wish.stages.given().map(|stages| stages.value.as_slice());
        let targets = stages.unwrap_or_default().iter();
        let targets = targets.filter_map(|stage| stage.target.given());
        let (mut number, mut rate) = (None, None);
        for target in targets {
            match target.value {
                // No users are no rate.
                Level::Bare(0.0) => {}
                Level::Bare(level) => number = number.or(Some((level, &target.place))),
                Level::Rate(_) => rate = rate.or(Some(&target.place)),
            }
        }
        let (Some((level, first)), Some(second)) = (number, rate) else {
            return Some(());
        };
        let message = format!("`{level}` is a number of users beside a rate");
        let problem = Problem::new(first, message).more(second, "this is a rate");
        let help = match first {
            Place::Given { .. } => format!("write `{level}/s` for a rate"),
            _ => format!("write `\"{level}/s\"` for a rate, or say which with `executor`"),
        };
        self.tell(problem.help(help));
        None
    }

    /// Tells what a kind of load cannot do without.
    fn needed(&mut self, subject: &Subject<'_>, wish: &LoadTable, executor: Executor) {
        let stages = match executor {
            Executor::RampingVus => "stages = [{ duration = \"30s\", target = 100 }]",
            _ => "stages = [{ duration = \"30s\", target = \"100/s\" }]",
        };
        let keys = [
            ("rate", wish.rate.is_absent(), "rate = \"100/s\""),
            ("duration", wish.duration.is_absent(), "duration = \"30s\""),
            (
                "iterations",
                wish.iterations.is_absent(),
                "iterations = 100",
            ),
            ("stages", wish.stages.is_absent(), stages),
        ];
        if let (Some(place @ Place::Given { .. }), Field::Absent) =
            (place_of_rate(wish, executor), &wish.duration)
        {
            self.tell(Problem::new(place, "a rate needs a duration").help("add `--duration 30s`"));
            return;
        }
        for (key, absent, example) in keys {
            if absent && executor.keys().contains(&key) {
                let other = match executor {
                    Executor::ConstantVus => ", or `iterations = 100`",
                    _ => "",
                };
                let problem =
                    Problem::new(&subject.place, format!("{} needs `{key}`", subject.title));
                self.missing(problem.help(format!("add `{example}`{other}")));
            }
        }
    }
}

/// What to write in the place of a key that a kind of load cannot have.
fn instead(executor: Executor, key: &str) -> String {
    let words = match (executor, key) {
        (Executor::SharedIterations | Executor::PerVuIterations, "duration") => {
            "write `max_duration` to limit the time"
        }
        (Executor::ConstantVus, "max_duration") => "`duration` is all that limits the time",
        (Executor::ConstantVus, "iterations") => {
            "remove it, or write `executor = \"shared-iterations\"`"
        }
        (Executor::RampingVus, "vus") => {
            "write `start_vus` for the users at the start; the targets of `stages` say the rest"
        }
        (Executor::RampingVus, "max_vus") => {
            "the highest `target` of `stages` is the most; `max_vus` goes with rates"
        }
        (Executor::RampingVus | Executor::RampingArrivalRate, "duration" | "max_duration") => {
            "the durations of `stages` say how long it takes"
        }
        (_, "vus" | "start_vus") if executor.is_open() => {
            "users are made as they are needed; `max_vus` bounds them"
        }
        (Executor::ConstantArrivalRate, "stages" | "start_rate") => {
            "remove it, or write `executor = \"ramping-arrival-rate\"`"
        }
        (Executor::RampingArrivalRate, "rate") => "write `start_rate` for the rate at the start",
        (_, "graceful_ramp_down") => {
            "only users of ramping-vus leave before the end; `graceful_stop` is for the end"
        }
        (_, "connect_rate") => "remove it: iterations that begin at a rate are never held back",
        (_, "max_vus" | "arrivals" | "burstiness") => "remove it: it goes with a rate",
        _ => {
            let keys: Vec<String> = executor
                .keys()
                .iter()
                .map(|key| format!("`{key}`"))
                .collect();
            return format!("remove it; {} has {}", executor.name(), keys.join(", "));
        }
    };
    words.to_owned()
}

/// Where the rate of a load that stays at it stands.
fn place_of_rate(wish: &LoadTable, executor: Executor) -> Option<&Place> {
    place(&wish.rate).filter(|_| executor == Executor::ConstantArrivalRate)
}

fn place<T>(field: &Field<T>) -> Option<&Place> {
    field.given().map(|given| &given.place)
}
