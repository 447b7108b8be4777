//! What `loadgen stress` searches: from the arguments and the plan to levels, limits and the worst case.

use crate::{
    args::{SearchArgs, StressArgs},
    error::Error,
    run_log::RunLog,
};
use loadgen_capacity::{
    Ended, Growth, Ladder, LoadUnit, SearchSettings, SteerSettings, Steersman, Stress, Timing,
    Worst, worst,
};
use loadgen_scenario::{
    Arrivals, Load, Plan, Rate, UserCount, format_duration, format_rate, parse_rate,
};
use loadgen_stats::{Layout, Metric, ProbeLayout, Threshold};
use std::time::Duration;

/// The share of good requests that a file's `[slo]` asks for, where nothing else is said.
const GOODPUT: f64 = 0.99;
/// A search may take so much longer than its worst case, which knows nothing of a slow machine.
const SLACK: Duration = Duration::from_secs(600);
const NO_LIMIT: &str = "for example --until 'http_req_failed: rate < 1%', --until 'http_req_latency: p95 < 5s', \
    or an [slo] in the file";

/// What is searched, and by which limits.
pub(super) struct Search {
    pub(super) settings: SteerSettings,
    pub(super) unit: LoadUnit,
    required: Option<f64>,
    pub(super) limits: Vec<Threshold>,
    worst: Worst,
    probes: Vec<ProbeLayout>,
    /// What the file's limits say of the course of runs.
    courses: Vec<String>,
}

impl Search {
    /// The search that the arguments ask for. The plan's load becomes one that is steered, its thresholds the limits.
    pub(super) fn of(args: &StressArgs, plan: &mut Plan) -> Result<Self, Error> {
        let unit = if args.search.rate {
            LoadUnit::PerSecond
        } else {
            LoadUnit::Users
        };
        let search = SearchSettings {
            resolution: args.search.resolution.0.max(1e-4),
            headroom: args.limits.headroom.0,
            strict: args.output.strict,
            ..SearchSettings::new(ladder(&args.search, unit)?)
        };
        let hold = args.search.hold.0;
        if hold < Duration::from_secs(1) {
            return Err(Error::usage("--hold must be at least 1s"));
        }
        let longest = plan
            .requests()
            .map(|request| request.timeouts.total)
            .max()
            .unwrap_or_default();
        if args.search.rate && args.search.connect_rate.is_some() {
            return Err(Error::usage("--connect-rate goes with virtual users")
                .hint("--rate counts loads in arrivals, which are never held back"));
        }
        let connect_rate = plan.loads.first().and_then(|load| load.connect_rate);
        let connect_rate = connect_rate
            .map(Rate::get)
            .filter(|_| unit == LoadUnit::Users);
        let settings = SteerSettings {
            search,
            settle: args.search.settle.0,
            hold,
            answer: longest + Duration::from_secs(1),
            recover: args.search.recover,
            connect_rate,
        };
        let timing = Timing {
            settle: settings.settle,
            hold,
            answer: settings.answer,
            recover: settings.recover,
            connect_rate,
        };
        let worst = worst(&search, &timing);
        let required = args.limits.require.as_deref();
        let required = required
            .map(|text| load("--require", text, unit))
            .transpose()?;
        let course = |limit: &Threshold| limit.course().map(|course| format!("`{course}`"));
        let mut courses: Vec<String> = plan.thresholds.iter().filter_map(course).collect();
        courses.dedup();
        let limits = limits(args, plan)?;
        let longest = worst.time.saturating_mul(2).saturating_add(SLACK);
        let is_steered =
            steered(plan, &search.ladder, unit, longest).is_some_and(|load| plan.steer(load));
        if !is_steered {
            return Err(
                Error::usage("the file has several loads; a search steers one")
                    .hint("give its scenarios a `weight` each and one [load]"),
            );
        }
        Ok(Self {
            settings,
            unit,
            required,
            limits,
            worst,
            probes: plan.layout().probes,
            courses,
        })
    }

    /// What is to be known before it begins.
    pub(super) fn note(&self) -> Option<String> {
        (!self.courses.is_empty()).then(|| {
            let courses = self.courses.join(", ");
            format!(
                "note: levels are judged as a whole: {courses} of the file's limits is about runs"
            )
        })
    }

    /// The limits as they were written.
    fn told(&self) -> Vec<String> {
        let told = |limit: &Threshold| format!("{}: {}", limit.metric(), limit.expression());
        self.limits.iter().map(told).collect()
    }

    /// Notes in a run log what is searched; tells what troubles it.
    pub(super) fn begin(&self, log: &mut RunLog) -> Option<String> {
        log.search(
            &self.settings.search,
            self.unit,
            self.required,
            &self.told(),
        )
    }

    /// What the steersman came to.
    pub(super) fn found(&self, steersman: &Steersman) -> Stress {
        let ended = steersman.search().answer().ended;
        Stress {
            recovery: steersman.recovery(),
            required: self.required,
            limits: self.told(),
            probes: self.probes.clone(),
            ..Stress::of(
                self.settings.search,
                self.unit,
                steersman.levels().to_vec(),
                ended,
            )
        }
    }

    /// Why it was not measured how the service recovers, where it was to be and the search came to its end.
    pub(super) fn unrecovered(&self, found: &Stress) -> Option<&'static str> {
        let wanted = self.settings.recover && found.recovery.is_none();
        match (
            wanted && found.answer.ended != Ended::Stopped,
            found.answer.lowest_broke,
        ) {
            (false, _) => None,
            (true, None) => Some("note: nothing broke, so that there was nothing to recover from"),
            (true, Some(_)) => Some("note: no load is safe, so that there was none to recover at"),
        }
    }

    /// What it takes at worst.
    pub(super) fn describe(&self, plan: &Plan) -> String {
        let Worst {
            levels,
            time,
            load_seconds,
            most,
        } = self.worst;
        let sent = plan.loads.first().map(|load| plan.outgoing(load));
        let sent = sent.unwrap_or_default();
        // Whoever was there at one level may have gone by the next.
        let comings = levels as f64 * most;
        let before = comings * sent.before as f64;
        let most_requests = match (self.unit, sent.per_second) {
            (LoadUnit::PerSecond, _) => format!(
                "about {:.0}, up to {} for each of {load_seconds:.0} arrivals",
                load_seconds * sent.per_arrival,
                sent.per_arrival
            ),
            (LoadUnit::Users, None) => format!(
                "as many as the service answers in {load_seconds:.0} seconds of users: {:.0} if an iteration takes one second",
                load_seconds * sent.per_iteration as f64 + before
            ),
            (LoadUnit::Users, Some(per_second)) => format!(
                "at most {:.0} but for redirections and retries, as a user thinks between them: {} or less from each",
                // Nobody thinks before the first iteration.
                load_seconds * per_second + comings * sent.per_iteration as f64 + before,
                format_rate(per_second)
            ),
        };
        let load = match self.unit {
            LoadUnit::Users => format!("{most} users"),
            LoadUnit::PerSecond => format_rate(most),
        };
        let limits: String = self
            .told()
            .iter()
            .map(|limit| format!("  {limit}\n"))
            .collect();
        format!(
            "{}\nlimits\n{limits}at worst\n  levels      {levels}, each measured for up to {}\n  load        {load}\n  \
             time        {}\n  requests    {most_requests}\nnothing was sent\n",
            plan.name,
            format_duration(self.settings.hold * (self.settings.search.extensions + 1)),
            format_duration(Duration::from_secs(time.as_secs())),
        )
    }
}

fn ladder(args: &SearchArgs, unit: LoadUnit) -> Result<Ladder, Error> {
    let growth = match (&args.step, args.factor) {
        (Some(step), _) => Growth::Step(load("--step", step, unit)?),
        (None, Some(factor)) if factor.is_finite() && factor > 1.0 => Growth::Factor(factor),
        (None, Some(_)) => return Err(Error::usage("--factor must be above 1")),
        (None, None) => Growth::Factor(2.0),
    };
    let ladder = Ladder {
        start: load("--start", &args.start, unit)?,
        growth,
        max: load("--max", &args.max, unit)?,
        whole: unit == LoadUnit::Users,
    };
    if ladder.start > ladder.max {
        return Err(Error::usage(format!(
            "--start {} is above --max {}",
            args.start, args.max
        )));
    }
    Ok(ladder)
}

/// A number of users, or a rate.
fn load(option: &str, text: &str, unit: LoadUnit) -> Result<f64, Error> {
    let load = match unit {
        LoadUnit::Users => text
            .parse()
            .ok()
            .and_then(UserCount::new)
            .map(|users| f64::from(users.get())),
        LoadUnit::PerSecond => parse_rate(text)
            .ok()
            .and_then(Rate::per_second)
            .map(Rate::get),
    };
    load.ok_or_else(|| match unit {
        LoadUnit::Users => Error::usage(format!(
            "{option} {text}: a number of users is 1 to {}",
            UserCount::MAX
        ))
        .hint("--rate counts loads in arrivals per second"),
        LoadUnit::PerSecond => Error::usage(format!(
            "{option} {text}: a rate is a number above zero, as 50/s or 300/min"
        )),
    })
}

/// The load that is steered. Arrivals are spread, and users bounded, as the file's own load has it.
fn steered(plan: &Plan, ladder: &Ladder, unit: LoadUnit, longest: Duration) -> Option<Load> {
    let (max_vus, arrivals) = match plan.loads.first().map(|load| &load.load) {
        Some(
            Load::ConstantArrivalRate {
                max_vus, arrivals, ..
            }
            | Load::RampingArrivalRate {
                max_vus, arrivals, ..
            },
        ) => (*max_vus, *arrivals),
        _ => (None, Arrivals::Uniform),
    };
    match unit {
        LoadUnit::Users => {
            UserCount::new(ladder.max as u32).map(|most| Load::SteeredVus { most, longest })
        }
        LoadUnit::PerSecond => Rate::per_second(ladder.max).map(|most| Load::SteeredArrivalRate {
            most,
            longest,
            max_vus,
            arrivals,
        }),
    }
}

/// The limits: those of the plan, which judges no run by them any more, and the goodput.
fn limits(args: &StressArgs, plan: &mut Plan) -> Result<Vec<Threshold>, Error> {
    let mut limits: Vec<Threshold> = std::mem::take(&mut plan.thresholds)
        .into_iter()
        .map(Threshold::of_the_whole)
        .collect();
    // --until may say again what the file says.
    let mut known: Vec<Threshold> = Vec::new();
    limits.retain(|limit| {
        let is_new = !known.contains(limit);
        known.push(limit.clone());
        is_new
    });
    // So that the run counts what they are about.
    plan.limits.clone_from(&limits);
    let layout = plan.layout();
    let has_slo = layout.steps.iter().any(|step| !step.slo.is_empty());
    if args.limits.goodput.is_some() && !has_slo {
        return Err(Error::usage("--goodput needs an [slo] in the file")
            .hint("it says what makes a request good, as ttft = \"2s\""));
    }
    let named = limits
        .iter()
        .any(|limit| limit.limits() == Metric::Rate(loadgen_stats::Rate::Goodput));
    if has_slo && (!named || args.limits.goodput.is_some()) {
        limits.push(goodput(
            args.limits.goodput.map_or(GOODPUT, |share| share.0),
            &layout,
        )?);
    }
    if limits.is_empty() {
        return Err(Error::usage("there is no limit that a level could break").hint(NO_LIMIT));
    }
    Ok(limits)
}

fn goodput(share: f64, layout: &Layout) -> Result<Threshold, Error> {
    let expression = format!("rate >= {}%", share * 100.0);
    Threshold::parse("goodput", &expression, layout).map_err(|problems| {
        Error::usage(
            problems
                .first()
                .map_or_else(|| expression.clone(), ToString::to_string),
        )
    })
}
