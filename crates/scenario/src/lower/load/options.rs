//! What the command line says over the file's `[load]`, and what it may not replace.

use super::super::{Lowering, read_given};
use crate::{
    document::{
        Executor, Field, Level, LoadTable, Located, StageTable, connect_rate, rate_in_bounds,
    },
    overrides::Given,
    plan::{Rate, UserCount},
    problem::{Place, Problem},
    quantity::{Misread, format_duration, parse_duration, parse_rate, plain_number},
};
use std::{ops::Range, time::Duration};

/// How a stage is written on the command line.
const STAGE: &str = "a stage is DURATION:TARGET, for example `30s:50` or `1m:200/s`";

impl<'a> Lowering<'a> {
    /// The load that is asked for: that of the file where no option says otherwise.
    ///
    /// An option changes the part of the load that it names. It may replace users, duration and iterations of a plain
    /// load, as in k6, but never a rate or stages that it does not name.
    pub(in crate::lower) fn wish(&mut self, file: Option<&LoadTable>) -> LoadTable {
        let kind = file.map(LoadTable::kind);
        let mut wish = self.wish_to_end(file);
        let options = self.overrides;
        let rate = self.given_rate(options.rate.as_ref());
        let stages = self.given_stages(&options.stages);
        if !options.stages.is_empty() {
            self.stages_instead(&mut wish, kind, stages);
        } else if let Some(given) = &options.rate {
            self.rate_instead(&mut wish, kind, given, rate);
        } else {
            self.parts_instead(&mut wish, kind);
        }
        if wish.kind().is_open() && kind.is_some_and(|kind| !kind.is_open()) {
            // What the file says of its users is nothing to the rate that an option puts in their place.
            wish.connect_rate = Field::Absent;
        }
        if options.steered && file.is_none() {
            // It will be replaced; until then it is one that could be.
            let second = Located::new(Duration::from_secs(1), Place::Whole);
            wish.duration = Field::Given(second);
        }
        wish
    }

    /// One of several loads: what an option could say of it is only how it ends.
    pub(in crate::lower) fn wish_to_end(&mut self, file: Option<&LoadTable>) -> LoadTable {
        let mut wish = file.cloned().unwrap_or_default();
        let graceful = self.given_duration(self.overrides.graceful_stop.as_ref(), true);
        wish.graceful_stop = graceful.or(&wish.graceful_stop).clone();
        wish
    }

    /// Tells options that do not say which of several loads they mean.
    pub(in crate::lower) fn refuse_for_several(&mut self, loads: usize) {
        for given in self.options_of_load() {
            let message = format!(
                "`{}` does not say which of the {loads} loads it means",
                given.origin
            );
            self.refuse(
                given,
                &message,
                "`--scale 2` multiplies them all; the file says the rest",
            );
        }
    }

    /// Whether the options alone say what load there is.
    pub(in crate::lower) const fn options_make_a_load(&self) -> bool {
        let options = self.overrides;
        options.steered
            || options.duration.is_some()
            || options.iterations.is_some()
            || options.rate.is_some()
            || !options.stages.is_empty()
    }

    /// The options that say how much load there is, where they are given.
    pub(in crate::lower) fn options_of_load(&self) -> impl Iterator<Item = &'a Given> + use<'a> {
        let options = self.overrides;
        let named = [
            &options.vus,
            &options.duration,
            &options.iterations,
            &options.rate,
        ];
        named.into_iter().flatten().chain(&options.stages)
    }

    /// `--stage`: other stages, or stages in the place of a plain load.
    fn stages_instead(
        &mut self,
        wish: &mut LoadTable,
        kind: Option<Executor>,
        stages: Field<Vec<StageTable>>,
    ) {
        let options = self.overrides;
        for (option, help) in [
            (
                &options.rate,
                "the targets of stages say the rates: `--stage 30s:100/s`",
            ),
            (&options.vus, "the targets of stages say the users"),
            (&options.duration, "the stages say how long it takes"),
            (&options.iterations, "the stages say how long it takes"),
        ] {
            if let Some(given) = option {
                self.refuse(
                    given,
                    &format!("`{}` does not go with stages", given.origin),
                    help,
                );
            }
        }
        let Some(first) = options.stages.first() else {
            return;
        };
        match kind {
            Some(Executor::ConstantArrivalRate) => {
                let message = format!("`{}` would replace the `rate` of the file", first.origin);
                self.refuse(first, &message, "`--rate` sets it, `--scale` multiplies it");
            }
            // Other targets do not make another kind of load of it.
            Some(kind @ (Executor::RampingVus | Executor::RampingArrivalRate)) => {
                if wish.executor.is_absent() {
                    wish.executor = Field::Given(Located::new(kind, Place::Whole));
                }
                wish.stages = stages;
            }
            Some(_) | None => {
                clear_plain(wish);
                wish.duration = Field::Absent;
                wish.stages = stages;
            }
        }
    }

    /// `--rate`: another rate, or a rate in the place of the users of a plain load.
    fn rate_instead(
        &mut self,
        wish: &mut LoadTable,
        kind: Option<Executor>,
        given: &Given,
        rate: Field<f64>,
    ) {
        let options = self.overrides;
        if let Some(given) = &options.vus {
            let message = format!("`{}` does not go with a rate", given.origin);
            let help = "users are made as they are needed; `max_vus` in the file bounds them";
            self.refuse(given, &message, help);
        }
        let duration = self.given_duration(options.duration.as_ref(), false);
        if let Some(given) = &options.iterations {
            let message = format!("`{}` does not go with a rate", given.origin);
            let help = enough_time(given, &rate);
            self.refuse(given, &message, &help);
        }
        if matches!(
            kind,
            Some(Executor::RampingVus | Executor::RampingArrivalRate)
        ) {
            let message = format!("`{}` would replace the `stages` of the file", given.origin);
            self.refuse(given, &message, STAGES_INSTEAD);
            return;
        }
        if kind != Some(Executor::ConstantArrivalRate) {
            clear_plain(wish);
        }
        wish.rate = rate;
        wish.duration = duration.or(&wish.duration).clone();
    }

    /// `--vus`, `--duration`, `--iterations`.
    fn parts_instead(&mut self, wish: &mut LoadTable, kind: Option<Executor>) {
        let options = self.overrides;
        let vus = self.given_users(options.vus.as_ref());
        let duration = self.given_duration(options.duration.as_ref(), false);
        let iterations = self.given_iterations(options.iterations.as_ref());
        let named = [&options.vus, &options.duration, &options.iterations];
        match kind {
            Some(Executor::RampingVus | Executor::RampingArrivalRate) => {
                for given in named.into_iter().flatten() {
                    let message =
                        format!("`{}` would replace the `stages` of the file", given.origin);
                    self.refuse(given, &message, STAGES_INSTEAD);
                }
            }
            Some(Executor::ConstantArrivalRate) => {
                for given in [&options.vus, &options.iterations].into_iter().flatten() {
                    let message =
                        format!("`{}` would replace the `rate` of the file", given.origin);
                    let help =
                        "`--rate` sets it, `--scale` multiplies it, `--duration` says how long";
                    self.refuse(given, &message, help);
                }
                wish.duration = duration.or(&wish.duration).clone();
            }
            Some(_) | None => {
                wish.vus = vus.or(&wish.vus).clone();
                how_long(wish, kind, duration, iterations);
            }
        }
    }

    /// `--connect-rate`: users that begin in a second, of all loads that begin together.
    pub(in crate::lower) fn given_connect_rate(&mut self) -> Field<Option<Rate>> {
        self.given(self.overrides.connect_rate.as_ref(), connect_rate)
    }

    /// Tells that an option cannot be had.
    pub(in crate::lower) fn refuse(&mut self, given: &Given, message: &str, help: &str) {
        let place = Place::Given {
            origin: given.origin.clone(),
            text: given.value.clone(),
            span: 0..given.value.len(),
        };
        self.tell(Problem::new(place, message).help(help));
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
                let most = UserCount::MAX;
                misread(format!("`{text}` is no number of users: 1 to {most}"), text)
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

    fn given_rate(&mut self, given: Option<&Given>) -> Field<f64> {
        self.given(given, |text| {
            rate_in_bounds(parse_rate(text)?, false)
                .map_err(|why| misread(format!("`{text}` {why}"), text))
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

    /// The stages of all `--stage`, several in one with commas between them.
    fn given_stages(&mut self, all: &[Given]) -> Field<Vec<StageTable>> {
        let mut stages = Vec::new();
        let mut broken = false;
        for given in all {
            let mut at = 0;
            for part in given.value.split(',') {
                let place = |span: Range<usize>| Place::Given {
                    origin: given.origin.clone(),
                    text: given.value.clone(),
                    span: at + span.start..at + span.end,
                };
                match stage(part, place) {
                    Ok(stage) => stages.push(stage),
                    Err(error) => {
                        let problem = Problem::new(place(error.span), error.message);
                        self.tell(problem.maybe_help(error.help));
                        broken = true;
                    }
                }
                at += part.len() + 1;
            }
        }
        match stages.first().map(|first| first.place.clone()) {
            Some(place) if !broken => Field::Given(Located::new(stages, place)),
            Some(_) | None if broken => Field::Broken,
            _ => Field::Absent,
        }
    }
}

/// What to do where an option would replace stages.
const STAGES_INSTEAD: &str =
    "`--scale 2` multiplies their targets; `--stage 30s:100`, repeated, says other stages";

/// Takes out what says how much a load without rate and stages is, except for its duration.
fn clear_plain(wish: &mut LoadTable) {
    wish.executor = Field::Absent;
    wish.vus = Field::Absent;
    wish.iterations = Field::Absent;
    wish.max_duration = Field::Absent;
}

/// As in k6, saying how long or how many on the command line replaces both of the file.
fn how_long(
    wish: &mut LoadTable,
    kind: Option<Executor>,
    duration: Field<Duration>,
    iterations: Field<u64>,
) {
    let (by_time, by_count) = (!duration.is_absent(), !iterations.is_absent());
    let each = by_count && kind == Some(Executor::PerVuIterations);
    if (by_time || by_count) && !each {
        wish.executor = Field::Absent;
    }
    match (by_time, by_count) {
        (true, false) => {
            (wish.iterations, wish.max_duration) = (Field::Absent, Field::Absent);
            wish.duration = duration;
        }
        (false, true) => (wish.iterations, wish.duration) = (iterations, Field::Absent),
        (true, true) => {
            (wish.iterations, wish.max_duration) = (iterations, duration);
            wish.duration = Field::Absent;
        }
        (false, false) => {}
    }
}

/// How to say a number of iterations where they come at a rate.
fn enough_time(iterations: &Given, rate: &Field<f64>) -> String {
    let count = iterations
        .value
        .trim()
        .parse::<u32>()
        .ok()
        .filter(|count| *count > 0);
    let time = count
        .zip(rate.given())
        .and_then(|(count, rate)| Duration::try_from_secs_f64(f64::from(count) / rate.value).ok());
    match time {
        Some(time) => {
            let millis = Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
            let time = format_duration(millis.max(Duration::from_millis(1)));
            format!("say how long instead: `--duration {time}`")
        }
        None => "say how long instead, with `--duration`".to_owned(),
    }
}

/// Reads `DURATION:TARGET`.
fn stage(text: &str, place: impl Fn(Range<usize>) -> Place) -> Result<StageTable, Misread> {
    let (duration, target) = text.split_once(':').ok_or_else(|| Misread {
        message: format!("`{}` is no stage", text.trim()),
        span: 0..text.len(),
        help: Some(STAGE.to_owned()),
    })?;
    let skip = duration.len() + 1;
    let moved = |by: usize| {
        move |error: Misread| Misread {
            span: by + error.span.start..by + error.span.end,
            ..error
        }
    };
    let lead = duration.len() - duration.trim_start().len();
    let length = parse_duration(duration.trim()).map_err(moved(lead))?;
    let level = level(target).map_err(moved(skip))?;
    Ok(StageTable {
        place: place(0..text.len()),
        duration: Field::Given(Located::new(length, place(0..duration.len()))),
        target: Field::Given(Located::new(level, place(skip..text.len()))),
    })
}

fn level(text: &str) -> Result<Level, Misread> {
    match plain_number(text.trim()).filter(|number| number.is_finite()) {
        Some(number) => Ok(Level::Bare(number)),
        None if text.trim_start().starts_with('-') => {
            Err(misread("a target is zero or more".to_owned(), text))
        }
        None => parse_rate(text).map(Level::Rate),
    }
}

fn misread(message: String, text: &str) -> Misread {
    Misread {
        message,
        span: 0..text.len(),
        help: None,
    }
}
