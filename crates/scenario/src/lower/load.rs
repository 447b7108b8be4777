//! How load is put on: a load of the file and what the command line says instead.

mod options;
mod rules;
mod scale;

use super::{Lowering, Provenance};
use crate::{
    document::{ArrivalsName, Executor, Field, Level, LoadTable, Located, StageTable, StartTable},
    plan::{Arrivals, Load, Rate, Stage, UserCount},
    problem::{Place, Problem},
    quantity::{LONGEST, format_duration, format_rate},
};
pub(super) use scale::Scale;
use std::time::Duration;

/// How long running iterations may go on in the end, and those of users who leave, if nothing is said.
const GRACE: Duration = Duration::from_secs(30);
/// How long a fixed number of iterations may take, if nothing is said; as k6.
const MAX_DURATION: Duration = Duration::from_secs(600);
/// The users that stages begin with, if nothing is said; as k6.
const START_VUS: u32 = 1;

/// A load, but for when it begins and who shares it.
pub(super) struct Placed {
    pub load: Load,
    /// How long after the start of the run it begins; zero where another load decides.
    pub start_after: Duration,
    pub warm_up: Duration,
    pub graceful_stop: Duration,
}

/// One load of the document, and how it is called.
pub(super) struct Subject<'a> {
    /// What the file says of it; absent where the file has no `[load]`.
    pub table: Option<&'a LoadTable>,
    /// Where it stands.
    pub place: Place,
    /// How problems call it: "`[load]`".
    pub title: String,
    /// What stands before the keys of its values when they are explained.
    pub key: String,
    /// What users and rates are multiplied by.
    pub scale: &'a Scale,
}

impl Subject<'_> {
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.key)
    }
}

impl Lowering<'_> {
    /// A load as it is asked for; absent where something about it is wrong.
    pub(super) fn load(&mut self, subject: &Subject<'_>, wish: &LoadTable) -> Option<Placed> {
        let executor = self.executor(subject, wish)?;
        self.explain_executor(subject, executor, wish.executor.given());
        let load = self.load_of(executor, subject, wish)?;
        let start_after = self.start_after(subject, wish);
        let warm_up = self.warm_up(subject, &wish.warm_up, &load)?;
        let graceful_stop = self.or_default(
            &subject.key("graceful_stop"),
            &wish.graceful_stop,
            GRACE,
            show_time,
        );
        Some(Placed {
            load,
            start_after,
            warm_up,
            graceful_stop,
        })
    }

    fn start_after(&mut self, subject: &Subject<'_>, wish: &LoadTable) -> Duration {
        let show = |start: &StartTable| match start {
            StartTable::Time(length) => show_time(length),
            StartTable::Scenario(name) => format!("scenario:{}", name.value),
        };
        let none = StartTable::Time(Duration::ZERO);
        let key = subject.key("start_after");
        match self.or_default(&key, &wish.start_after, none, show) {
            StartTable::Time(length) => length,
            StartTable::Scenario(_) => Duration::ZERO,
        }
    }

    fn load_of(
        &mut self,
        executor: Executor,
        subject: &Subject<'_>,
        wish: &LoadTable,
    ) -> Option<Load> {
        match executor {
            Executor::ConstantVus => Some(Load::ConstantVus {
                vus: self.vus(subject, wish)?,
                duration: self.shown(&subject.key("duration"), &wish.duration, show_time)?,
            }),
            Executor::SharedIterations => {
                let (vus, iterations, max_duration) = self.counted(subject, wish)?;
                Some(Load::SharedIterations {
                    vus,
                    iterations,
                    max_duration,
                })
            }
            Executor::PerVuIterations => {
                let (vus, iterations, max_duration) = self.counted(subject, wish)?;
                Some(Load::PerVuIterations {
                    vus,
                    iterations,
                    max_duration,
                })
            }
            Executor::RampingVus => self.ramping_vus(subject, wish),
            Executor::ConstantArrivalRate => self.constant_rate(subject, wish),
            Executor::RampingArrivalRate => self.ramping_rate(subject, wish),
        }
    }

    fn vus(&mut self, subject: &Subject<'_>, wish: &LoadTable) -> Option<UserCount> {
        let one = UserCount::new(1)?;
        let written = wish.vus.given().map_or(one, |given| given.value).get();
        let vus = self.scaled_users(written, subject.scale)?;
        let show = |_: &UserCount| subject.scale.show(&written, &vus);
        self.or_default(&subject.key("vus"), &wish.vus, one, show);
        UserCount::new(vus)
    }

    /// Users, iterations and the longest time of a fixed number of iterations.
    fn counted(
        &mut self,
        subject: &Subject<'_>,
        wish: &LoadTable,
    ) -> Option<(UserCount, u64, Duration)> {
        let vus = self.vus(subject, wish)?;
        let iterations =
            self.shown(&subject.key("iterations"), &wish.iterations, u64::to_string)?;
        let longest = self.or_default(
            &subject.key("max_duration"),
            &wish.max_duration,
            MAX_DURATION,
            show_time,
        );
        Some((vus, iterations, longest))
    }

    fn ramping_vus(&mut self, subject: &Subject<'_>, wish: &LoadTable) -> Option<Load> {
        let written = wish
            .start_vus
            .given()
            .map_or(START_VUS, |given| given.value);
        let start_vus = self.scaled_users(written, subject.scale)?;
        let show = |_: &u32| subject.scale.show(&written, &start_vus);
        self.or_default(&subject.key("start_vus"), &wish.start_vus, START_VUS, show);
        let stages = self.stages(subject, &wish.stages, Self::user_target)?;
        let graceful_ramp_down = self.or_default(
            &subject.key("graceful_ramp_down"),
            &wish.graceful_ramp_down,
            GRACE,
            show_time,
        );
        let load = Load::RampingVus {
            start_vus,
            stages,
            graceful_ramp_down,
        };
        self.does_something(load, &wish.stages)
    }

    fn constant_rate(&mut self, subject: &Subject<'_>, wish: &LoadTable) -> Option<Load> {
        let written = wish.rate.given()?.value;
        let rate = self.scaled_rate(written, subject.scale)?;
        let show = |_: &f64| {
            subject
                .scale
                .show(&format_rate(written), &format_rate(rate))
        };
        self.shown(&subject.key("rate"), &wish.rate, show)?;
        Some(Load::ConstantArrivalRate {
            rate: Rate::per_second(rate)?,
            duration: self.shown(&subject.key("duration"), &wish.duration, show_time)?,
            max_vus: self.max_vus(subject, wish)?,
            arrivals: self.arrivals(subject, wish)?,
        })
    }

    fn ramping_rate(&mut self, subject: &Subject<'_>, wish: &LoadTable) -> Option<Load> {
        let written = wish.start_rate.given().map_or(0.0, |given| given.value);
        let start_rate = self.scaled_rate(written, subject.scale)?;
        let show = |_: &f64| {
            subject
                .scale
                .show(&format_rate(written), &format_rate(start_rate))
        };
        self.or_default(&subject.key("start_rate"), &wish.start_rate, 0.0, show);
        let stages = self.stages(subject, &wish.stages, Self::rate_target)?;
        let load = Load::RampingArrivalRate {
            start_rate,
            stages,
            max_vus: self.max_vus(subject, wish)?,
            arrivals: self.arrivals(subject, wish)?,
        };
        self.does_something(load, &wish.stages)
    }

    fn max_vus(&mut self, subject: &Subject<'_>, wish: &LoadTable) -> Option<Option<UserCount>> {
        let Some(given) = wish.max_vus.given() else {
            self.explain(
                &subject.key("max_vus"),
                "as many as it takes",
                Provenance::Default,
            );
            return Some(None);
        };
        let written = given.value.get();
        let most = self.scaled_users(written, subject.scale)?;
        self.explain_file(
            &subject.key("max_vus"),
            &subject.scale.show(&written, &most),
            &given.place,
        );
        UserCount::new(most).map(Some)
    }

    fn arrivals(&mut self, subject: &Subject<'_>, wish: &LoadTable) -> Option<Arrivals> {
        let before = self.problems.len();
        let name = wish.arrivals.given().map(|given| given.value);
        let arrivals = match (name, wish.burstiness.given()) {
            (Some(ArrivalsName::Gamma), Some(burstiness)) => {
                let shape = burstiness.value;
                self.explain_file(
                    &subject.key("burstiness"),
                    &shape.to_string(),
                    &burstiness.place,
                );
                Arrivals::Gamma { burstiness: shape }
            }
            (Some(ArrivalsName::Gamma), None) => {
                if let (Some(given), true) = (wish.arrivals.given(), wish.burstiness.is_absent()) {
                    let problem = Problem::new(&given.place, "`gamma` needs `burstiness`");
                    self.tell(problem.help("add `burstiness = 0.5`; 1 is the same as `poisson`"));
                }
                return None;
            }
            (_, Some(burstiness)) => {
                let message = "`burstiness` goes with `arrivals = \"gamma\"` alone";
                let problem = Problem::new(&burstiness.place, message);
                self.tell(problem.help("remove it, or write `arrivals = \"gamma\"`"));
                return None;
            }
            (Some(ArrivalsName::Poisson), None) => Arrivals::Poisson,
            (Some(ArrivalsName::Uniform) | None, None) => Arrivals::Uniform,
        };
        let show = |_: &ArrivalsName| arrivals.name().to_owned();
        self.or_default(
            &subject.key("arrivals"),
            &wish.arrivals,
            ArrivalsName::Uniform,
            show,
        );
        (self.problems.len() == before).then_some(arrivals)
    }

    /// The stages with their targets read by `target`.
    fn stages(
        &mut self,
        subject: &Subject<'_>,
        field: &Field<Vec<StageTable>>,
        target: fn(&mut Self, &Located<Level>, &Scale) -> Option<f64>,
    ) -> Option<Vec<Stage>> {
        let Located { value, place } = field.given()?;
        let read = |stage: &StageTable| {
            let target = target(self, stage.target.given()?, subject.scale);
            let duration = stage.duration.given()?.value;
            target.map(|target| Stage { duration, target })
        };
        let stages: Vec<Option<Stage>> = value.iter().map(read).collect();
        let stages: Vec<Stage> = stages.into_iter().collect::<Option<_>>()?;
        let length: Duration = stages.iter().map(|stage| stage.duration).sum();
        if length.is_zero() {
            let problem = Problem::new(place, "the stages take no time in all");
            self.tell(
                problem.help("a stage without length is a jump; at least one must take time"),
            );
            return None;
        }
        if length > LONGEST {
            self.tell(Problem::new(
                place,
                "the stages take longer than a year in all",
            ));
            return None;
        }
        self.explain_file(&subject.key("stages"), &show_stages(&stages, value), place);
        Some(stages)
    }

    /// The target of a stage whose targets are users.
    fn user_target(&mut self, target: &Located<Level>, scale: &Scale) -> Option<f64> {
        let problem = |message: String| Problem::new(&target.place, message);
        match target.value {
            Level::Rate(_) => {
                let problem = problem("`target` must be a number of users, not a rate".to_owned());
                self.tell(problem.help("for rates write `executor = \"ramping-arrival-rate\"`"));
                None
            }
            Level::Bare(users) if users.fract() != 0.0 => {
                self.tell(problem(
                    "`target` must be a whole number of users".to_owned(),
                ));
                None
            }
            Level::Bare(users) if users > f64::from(UserCount::MAX) => {
                let message = format!("`target` must be at most {}", UserCount::MAX);
                self.tell(problem(message).label("out of range"));
                None
            }
            Level::Bare(users) => self.scaled(users, scale).map(f64::from),
        }
    }

    /// The target of a stage whose targets are rates.
    fn rate_target(&mut self, target: &Located<Level>, scale: &Scale) -> Option<f64> {
        let (Level::Bare(rate) | Level::Rate(rate)) = target.value;
        if let Err(why) = crate::document::rate_in_bounds(rate, true) {
            let message = format!("`target` {why}");
            self.tell(Problem::new(&target.place, message).label("out of range"));
            return None;
        }
        self.scaled_rate(rate, scale)
    }

    /// A ramp, where there is any time at which it asks for something.
    fn does_something(&mut self, load: Load, stages: &Field<Vec<StageTable>>) -> Option<Load> {
        if load.area() > 0.0 {
            return Some(load);
        }
        let message = if load.is_open() {
            "the rate is never above zero: nothing would ever begin"
        } else {
            "there is never a user: nothing would ever begin"
        };
        let place = &stages.given()?.place;
        self.tell(
            Problem::new(place, message).help("give a stage that takes time a `target` above zero"),
        );
        None
    }

    fn warm_up(
        &mut self,
        subject: &Subject<'_>,
        wish: &Field<Duration>,
        load: &Load,
    ) -> Option<Duration> {
        let warm_up = self.or_default(&subject.key("warm_up"), wish, Duration::ZERO, show_time);
        let given = wish.given().filter(|given| given.value >= load.length());
        if let Some(given) = given {
            let length = format_duration(load.length());
            let message = format!("`warm_up` must be shorter than the load, which takes {length}");
            let problem = Problem::new(&given.place, message).label("nothing would be measured");
            // As long as was asked for, once the warm-up is over.
            let enough = format_duration(given.value.saturating_add(load.length()));
            let asked = self.overrides.duration.as_ref();
            let help = asked.map(|asked| format!("`{} {enough}` would do", asked.origin));
            self.tell(problem.maybe_help(help));
            return None;
        }
        Some(warm_up)
    }

    /// The value of a field that is there, explained.
    fn shown<T: Clone>(
        &mut self,
        key: &str,
        field: &Field<T>,
        show: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        let Located { value, place } = field.given()?;
        self.explain_file(key, &show(value), place);
        Some(value.clone())
    }

    /// Tells of the parts of the file's load that options have replaced.
    pub(super) fn explain_replaced(&mut self, subject: &Subject<'_>, wish: &LoadTable) {
        let options = self.overrides;
        let by = (options.stages.first())
            .or(options.rate.as_ref())
            .or(options.duration.as_ref())
            .or(options.iterations.as_ref());
        let (Some(file), Some(by)) = (subject.table, by) else {
            return;
        };
        let replaced = [
            (
                "vus",
                replaced(&file.vus, &wish.vus, |vus| vus.get().to_string()),
            ),
            (
                "iterations",
                replaced(&file.iterations, &wish.iterations, u64::to_string),
            ),
            (
                "duration",
                replaced(&file.duration, &wish.duration, show_time),
            ),
            (
                "max_duration",
                replaced(&file.max_duration, &wish.max_duration, show_time),
            ),
        ];
        for (key, given) in replaced {
            let given = given.map(|(value, place)| (value, self.provenance(place)));
            if let Some((value, Provenance::File(position))) = given {
                let from = Provenance::Replaced(position, by.origin.clone());
                self.explain(&subject.key(key), &value, from);
            }
        }
    }

    fn explain_executor(
        &mut self,
        subject: &Subject<'_>,
        executor: Executor,
        written: Option<&Located<Executor>>,
    ) {
        let from = written.map_or(Provenance::Default, |written| {
            self.provenance(&written.place)
        });
        self.explain(&subject.key("executor"), executor.name(), from);
    }
}

/// What the file says and the wish no longer has, as it is shown, and where it stands.
fn replaced<'a, T>(
    file: &'a Field<T>,
    wish: &Field<T>,
    show: fn(&T) -> String,
) -> Option<(String, &'a Place)> {
    let given = file.given().filter(|_| wish.is_absent())?;
    Some((show(&given.value), &given.place))
}

/// Stages as `--stage` has them.
fn show_stages(stages: &[Stage], written: &[StageTable]) -> String {
    let show = |(stage, written): (&Stage, &StageTable)| {
        let rate = matches!(
            written.target.given().map(|given| given.value),
            Some(Level::Rate(_))
        );
        let length = format_duration(stage.duration);
        if rate {
            format!("{length}:{}", format_rate(stage.target))
        } else {
            format!("{length}:{}", stage.target)
        }
    };
    let shown: Vec<String> = stages.iter().zip(written).map(show).collect();
    shown.join(", ")
}

fn show_time(length: &Duration) -> String {
    format_duration(*length)
}
