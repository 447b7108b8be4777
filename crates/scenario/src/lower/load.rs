//! How load is put on: the file's `[load]` and what the command line says instead.

use super::{Lowering, Provenance, read_given};
use crate::{
    document::{Executor, Field, LoadTable, Located},
    overrides::Given,
    plan::{Load, UserCount},
    problem::{Place, Problem},
    quantity::{Misread, format_duration, parse_duration},
};
use std::time::Duration;

/// How long running iterations may go on in the end, if nothing is said.
const GRACEFUL_STOP: Duration = Duration::from_secs(30);
/// How long a fixed number of iterations may take, if nothing is said; as k6.
const MAX_DURATION: Duration = Duration::from_secs(600);

/// What decides the load, after the command line has had its say.
struct Wish {
    executor: Option<Located<Executor>>,
    vus: Field<UserCount>,
    duration: Field<Duration>,
    iterations: Field<u64>,
    max_duration: Field<Duration>,
}

impl Lowering<'_> {
    /// The load and how long running iterations may go on; absent where something about it is wrong.
    pub(super) fn load(&mut self) -> Option<(Load, Duration)> {
        let absent = LoadTable::default();
        let document = self.document;
        let table = document.load.given().map_or(&absent, |given| &given.value);
        let mut wish = self.wish(table);
        let graceful = self.given_duration(self.overrides.graceful_stop.as_ref(), true);
        let graceful = graceful.or(&table.graceful_stop).clone();
        if document.load.is_absent() && wish.duration.is_absent() && wish.iterations.is_absent() {
            let problem = Problem::new(Place::Whole, "`[load]` is missing");
            self.missing(
                problem
                    .help("add `[load]` with `vus` and `duration`, or with `vus` and `iterations`"),
            );
            return None;
        }
        if matches!(document.load, Field::Broken) {
            return None;
        }
        let executor = self.executor(&mut wish)?;
        self.explain_executor(executor, wish.executor.as_ref());
        let load = self.load_of(executor, &wish)?;
        let graceful_stop =
            self.or_default("load.graceful_stop", &graceful, GRACEFUL_STOP, show_time);
        let broken = matches!(wish.vus, Field::Broken) || matches!(graceful, Field::Broken);
        (!broken).then_some((load, graceful_stop))
    }

    fn load_of(&mut self, executor: Executor, wish: &Wish) -> Option<Load> {
        let one = UserCount::new(1)?;
        let vus = self.or_default("load.vus", &wish.vus, one, |users| users.get().to_string());
        match executor {
            Executor::ConstantVus => {
                let Located {
                    value: duration,
                    place,
                } = wish.duration.given()?;
                self.explain_file("load.duration", &format_duration(*duration), place);
                Some(Load::ConstantVus {
                    vus,
                    duration: *duration,
                })
            }
            Executor::SharedIterations => {
                let Located {
                    value: iterations,
                    place,
                } = wish.iterations.given()?;
                self.explain_file("load.iterations", &iterations.to_string(), place);
                let max_duration = self.or_default(
                    "load.max_duration",
                    &wish.max_duration,
                    MAX_DURATION,
                    show_time,
                );
                Some(Load::SharedIterations {
                    vus,
                    iterations: *iterations,
                    max_duration,
                })
            }
        }
    }

    fn wish(&mut self, table: &LoadTable) -> Wish {
        let vus = self.given_users(self.overrides.vus.as_ref());
        let duration = self.given_duration(self.overrides.duration.as_ref(), false);
        let iterations = self.given_iterations(self.overrides.iterations.as_ref());
        let (by_time, by_count) = (!duration.is_absent(), !iterations.is_absent());
        let mut wish = Wish {
            executor: table.executor.given().cloned(),
            vus: vus.or(&table.vus).clone(),
            duration: duration.or(&table.duration).clone(),
            iterations: iterations.or(&table.iterations).clone(),
            max_duration: table.max_duration.clone(),
        };
        // As in k6, saying how long or how many on the command line replaces both of the file.
        if by_time || by_count {
            wish.executor = None;
        }
        match (by_time, by_count) {
            (true, false) => (wish.iterations, wish.max_duration) = (Field::Absent, Field::Absent),
            (false, true) => wish.duration = Field::Absent,
            (true, true) => wish.max_duration = std::mem::take(&mut wish.duration),
            (false, false) => {}
        }
        wish
    }

    /// The kind of load, where all that belongs to it is there and nothing else is.
    fn executor(&mut self, wish: &mut Wish) -> Option<Executor> {
        let before = self.problems.len();
        let wanted = wish.executor.as_ref().map(|executor| executor.value);
        let executor = match (wanted, &wish.duration, &wish.iterations) {
            (Some(executor), _, _) => executor,
            (None, Field::Given(duration), Field::Given(iterations)) => {
                let problem = Problem::new(
                    &duration.place,
                    "`duration` and `iterations` cannot both be given",
                );
                self.tell(
                    problem
                        .more(&iterations.place, "the other one")
                        .help("for iterations with a limit on time, write `max_duration` in the place of `duration`"),
                );
                return None;
            }
            (None, _, Field::Absent) => Executor::ConstantVus,
            (None, _, _) => Executor::SharedIterations,
        };
        match executor {
            Executor::ConstantVus => {
                self.needed(&wish.duration, "duration", "duration = \"30s\"", executor);
                self.foreign(&wish.iterations, "iterations", executor);
                self.foreign(&wish.max_duration, "max_duration", executor);
            }
            Executor::SharedIterations => {
                self.needed(&wish.iterations, "iterations", "iterations = 100", executor);
                self.foreign(&wish.duration, "duration", executor);
            }
        }
        (self.problems.len() == before).then_some(executor)
    }

    fn needed<T>(&mut self, field: &Field<T>, key: &str, example: &str, executor: Executor) {
        if field.is_absent() {
            let place = self
                .document
                .load
                .given()
                .map_or(Place::Whole, |given| given.place.clone());
            let help = if executor == Executor::ConstantVus {
                format!("add `{example}`, or `iterations = 100`")
            } else {
                format!("add `{example}`")
            };
            self.missing(Problem::new(place, format!("`[load]` needs `{key}`")).help(help));
        }
    }

    fn foreign<T>(&mut self, field: &Field<T>, key: &str, executor: Executor) {
        if let Field::Given(given) = field {
            let message = format!("`{key}` means nothing to the executor {}", executor.name());
            let help = match (executor, key) {
                (Executor::SharedIterations, _) => "write `max_duration` to limit the time",
                (Executor::ConstantVus, "max_duration") => "`duration` is all that limits the time",
                _ => "remove it, or write `executor = \"shared-iterations\"`",
            };
            self.tell(Problem::new(&given.place, message).help(help));
        }
    }

    fn explain_executor(&mut self, executor: Executor, written: Option<&Located<Executor>>) {
        let from = written.map_or(Provenance::Default, |written| {
            self.provenance(&written.place)
        });
        self.explain("load.executor", executor.name(), from);
    }

    fn given_duration(&mut self, given: Option<&Given>, zero: bool) -> Field<Duration> {
        self.given(given, |text| {
            let length = parse_duration(text)?;
            if length.is_zero() && !zero {
                return Err(misread(format!("`{text}` must be longer than zero"), text));
            }
            Ok(length)
        })
    }

    fn given_users(&mut self, given: Option<&Given>) -> Field<UserCount> {
        self.given(given, |text| {
            let count = text.trim().parse::<u32>().ok().and_then(UserCount::new);
            count.ok_or_else(|| {
                misread(
                    format!("`{text}` is no number of users: 1 to {}", UserCount::MAX),
                    text,
                )
            })
        })
    }

    fn given_iterations(&mut self, given: Option<&Given>) -> Field<u64> {
        self.given(given, |text| {
            let count = text.trim().parse::<u64>().ok().filter(|count| *count > 0);
            count.ok_or_else(|| {
                misread(
                    format!("`{text}` is no number of iterations: at least 1"),
                    text,
                )
            })
        })
    }

    fn given<T>(
        &mut self,
        given: Option<&Given>,
        read: impl FnOnce(&str) -> Result<T, Misread>,
    ) -> Field<T> {
        match given.map(|given| read_given(given, read, &mut self.problems)) {
            None => Field::Absent,
            Some(None) => Field::Broken,
            Some(Some(located)) => Field::Given(located),
        }
    }
}

fn misread(message: String, text: &str) -> Misread {
    Misread {
        message,
        span: 0..text.len(),
        help: None,
    }
}

fn show_time(length: &Duration) -> String {
    format_duration(*length)
}
