//! What must hold: `slo` for one request, thresholds for the whole run.

use super::{Lowering, Provenance};
use crate::{
    document::{SloEntry, StepTable, ThresholdEntry},
    plan::{
        DialectName, Load, LoadPlan, Request, Scenario, StartAt, Step, StreamSpec, Unplayed,
        unplayed,
    },
    problem::{Place, Problem},
    quantity::format_duration,
};
use loadgen_stats::{
    Layout, Metric, Rate, ScenarioIndex, SloLimit, Threshold, ThresholdPlace, ThresholdProblem,
    Trend,
};
use std::time::Duration;

/// A threshold as it was given: the two texts and how to point into them.
struct Wanted<'a> {
    metric: &'a str,
    expression: &'a str,
    place: &'a dyn Fn(&ThresholdProblem) -> Place,
}

impl Lowering<'_> {
    /// The limits of a step: the file's that it can have, with its own over them.
    pub(super) fn slo_of(
        &mut self,
        step: &StepTable,
        stream: Option<&StreamSpec>,
    ) -> Option<Vec<SloLimit>> {
        let before = self.problems.len();
        let document = self.document;
        let limit = |entry: &SloEntry| SloLimit {
            trend: entry.trend.value,
            limit: entry.limit.value,
        };
        let mut limits: Vec<SloLimit> = document
            .slo
            .iter()
            .filter(|entry| fits(entry.trend.value, stream))
            .map(limit)
            .collect();
        for entry in &step.slo {
            if !self.can_have(entry, stream) {
                continue;
            }
            match limits
                .iter_mut()
                .find(|known| known.trend == entry.trend.value)
            {
                Some(known) => known.limit = entry.limit.value,
                None => limits.push(limit(entry)),
            }
        }
        (self.problems.len() == before).then_some(limits)
    }

    /// Whether a step can have the time of a limit; told where it cannot.
    pub(super) fn can_have(&mut self, entry: &SloEntry, stream: Option<&StreamSpec>) -> bool {
        let can = fits(entry.trend.value, stream);
        if !can {
            let message = format!("the step cannot have `{}`", entry.trend.value.name());
            let help = match stream {
                None => "only streams have it: add `stream`".to_owned(),
                Some(stream) => {
                    format!("the dialect {} does not tell it", stream.dialect.name())
                }
            };
            self.tell(Problem::new(&entry.trend.place, message).help(help));
        }
        can
    }

    /// The thresholds; absent where one is wrong, or where the steps that they can name are not known.
    pub(super) fn thresholds(
        &mut self,
        layout: Option<&Layout>,
        loads: Option<&[LoadPlan]>,
        scenarios: &[Scenario],
    ) -> Option<Vec<Threshold>> {
        if let Some(layout) = layout {
            self.useless_limits(layout);
        }
        let mut thresholds = Vec::new();
        let mut places = Vec::new();
        let document = self.document;
        for entry in &document.thresholds {
            let place = |problem: &ThresholdProblem| in_file(entry, problem);
            let wanted = Wanted {
                metric: &entry.selector.value,
                expression: &entry.expression.value,
                place: &place,
            };
            let from = self.provenance(&entry.expression.place);
            if let Some(threshold) = self.threshold(&wanted, layout, from) {
                thresholds.push(threshold);
                places.push(entry.expression.place.clone());
            }
        }
        for given in &self.overrides.thresholds {
            let text = given.value.as_str();
            let marked = |span| Place::Given {
                origin: given.origin.clone(),
                text: text.to_owned(),
                span,
            };
            let Some((metric, expression)) = Threshold::split(text) else {
                let problem =
                    Problem::new(marked(0..text.len()), "a threshold is METRIC: EXPRESSION");
                self.tell(problem.help("write for example 'ttft: p95 < 2s'"));
                continue;
            };
            let place = |problem: &ThresholdProblem| {
                let part = if problem.place == ThresholdPlace::Metric {
                    metric
                } else {
                    expression
                };
                let skip = part.as_ptr() as usize - text.as_ptr() as usize;
                marked(skip + problem.span.start..skip + problem.span.end)
            };
            let wanted = Wanted {
                metric,
                expression,
                place: &place,
            };
            let from = Provenance::Given(given.origin.clone());
            if let Some(threshold) = self.threshold(&wanted, layout, from) {
                self.of_a_course(&threshold, marked(0..text.len()));
                thresholds.push(threshold);
                places.push(marked(0..text.len()));
            }
        }
        self.contradictions(&thresholds, &places);
        if let (Some(layout), Some(loads)) = (layout, loads) {
            // How long a load that is steered lasts is not the file's to say, nor how many users it has.
            if !self.overrides.steered {
                self.never_judged(&thresholds, &places, layout, loads);
                let unplayed = unplayed(loads, scenarios);
                self.never_played(&thresholds, &places, layout, &unplayed);
            }
        }
        if let Some(layout) = layout {
            self.never_had(&thresholds, &places, layout, scenarios);
        }
        layout.map(|_| thresholds)
    }

    fn threshold(
        &mut self,
        wanted: &Wanted<'_>,
        layout: Option<&Layout>,
        from: Provenance,
    ) -> Option<Threshold> {
        let unknown = Layout::default();
        match Threshold::parse(wanted.metric, wanted.expression, layout.unwrap_or(&unknown)) {
            Ok(threshold) => {
                self.explain(
                    &format!("thresholds.{}", wanted.metric),
                    threshold.expression(),
                    from,
                );
                Some(threshold)
            }
            Err(problems) => {
                // Without the steps a selector cannot be judged; the expression can.
                let told = |problem: &ThresholdProblem| {
                    layout.is_some()
                        || problem.place == ThresholdPlace::Expression
                        || !wanted.metric.contains('{')
                };
                for problem in problems.into_iter().filter(told) {
                    let place = (wanted.place)(&problem);
                    self.tell(Problem::new(place, problem.message).maybe_help(problem.help));
                }
                None
            }
        }
    }

    /// Tells a limit of a search that says something of the course of a run: levels are judged as a whole.
    fn of_a_course(&mut self, threshold: &Threshold, place: Place) {
        if let (true, Some(course)) = (self.overrides.steered, threshold.course()) {
            let message = format!(
                "`{course}` is about the course of a run, and levels are judged as a whole"
            );
            self.tell(Problem::new(place, message).help("leave it out"));
        }
    }

    /// Tells thresholds that cannot hold together, so that no run could pass.
    fn contradictions(&mut self, thresholds: &[Threshold], places: &[Place]) {
        for (first, second) in Threshold::contradictions(thresholds) {
            let message = format!(
                "`{}` of `{}` cannot hold together with `{}`",
                thresholds[second].expression(),
                thresholds[second].metric(),
                thresholds[first].expression(),
            );
            let problem = Problem::new(places[second].clone(), message);
            self.tell(problem.more(&places[first], "the other one"));
        }
    }

    /// Tells thresholds on what no selected step has: they would stay without a sample, and fail.
    fn never_had(
        &mut self,
        thresholds: &[Threshold],
        places: &[Place],
        layout: &Layout,
        scenarios: &[Scenario],
    ) {
        let steps = || scenarios.iter().flat_map(|one| [&one.flow, &one.before]);
        for (threshold, place) in thresholds.iter().zip(places) {
            let (has, help): (fn(&Request) -> bool, _) = match threshold.limits() {
                Metric::Rate(Rate::Checks) => (
                    |request| request.expect.is_explicit() || !request.extract.is_empty(),
                    "only steps with `expect` have it",
                ),
                Metric::Trend(Trend::RateLimitWait) => (
                    |request| request.rate_limit.is_some(),
                    "only steps with a `rate_limit`, or whose scenario or file has one, have it",
                ),
                _ => continue,
            };
            let mut requests = steps().flat_map(|steps| Step::requests(steps));
            let selection = threshold.selection();
            if !requests.any(|one| has(one) && selection.has_step(layout, one.index)) {
                let message = format!("no step can have `{}`", threshold.metric());
                self.tell(Problem::new(place.clone(), message).help(help));
            }
        }
    }

    /// Tells thresholds for which the load ends too soon.
    fn never_judged(
        &mut self,
        thresholds: &[Threshold],
        places: &[Place],
        layout: &Layout,
        loads: &[LoadPlan],
    ) {
        for (threshold, place) in thresholds.iter().zip(places) {
            let about = loads.iter().filter(|load| {
                let mut members = load.members.iter();
                members.any(|member| threshold.selection().is_about(layout, member.scenario))
            });
            let Some((from, until)) = measured(about) else {
                continue;
            };
            // Sliding windows are made of whole seconds.
            let seconds = until
                .as_secs()
                .saturating_sub(from.as_secs_f64().ceil() as u64);
            let clauses = [
                ("for", threshold.sliding(), Duration::from_secs(seconds)),
                ("after", Some(threshold.after()), until.saturating_sub(from)),
            ];
            for (word, needed, there) in clauses {
                if let Some(needed) = needed.filter(|&needed| needed > there) {
                    let (needed, there) = (format_duration(needed), format_duration(there));
                    let message = format!(
                        "`{word} {needed}` never comes: what `{}` is about is measured for {there}",
                        threshold.metric()
                    );
                    let problem = Problem::new(place.clone(), message);
                    self.tell(problem.help("run for longer, or judge it sooner"));
                }
            }
        }
    }

    /// Tells thresholds on scenarios that get no user: they would stay without a sample, and fail.
    fn never_played(
        &mut self,
        thresholds: &[Threshold],
        places: &[Place],
        layout: &Layout,
        unplayed: &[Unplayed<'_>],
    ) {
        // Nothing is a count as well.
        let has_samples = |threshold: &Threshold| {
            matches!(threshold.limits(), Metric::Trend(_) | Metric::Rate(_))
        };
        let pairs = thresholds.iter().zip(places);
        for (threshold, place) in pairs.filter(|(threshold, _)| has_samples(threshold)) {
            let selection = threshold.selection();
            let scenarios = layout.scenarios.iter().enumerate();
            let about = scenarios
                .filter(|(number, _)| selection.is_about(layout, ScenarioIndex(*number)))
                .map(|(_, scenario)| unplayed.iter().find(|one| one.scenario == scenario.name));
            let about: Option<Vec<&Unplayed<'_>>> = about.collect();
            let Some(one) = about.as_deref().and_then(<[_]>::first) else {
                continue;
            };
            let users = match one.users {
                1 => "only user".to_owned(),
                users => format!("{users} users"),
            };
            let message = format!(
                "`{}` never has a sample: the share of scenario `{}` comes to none of the {users}",
                threshold.metric(),
                one.scenario
            );
            let problem = Problem::new(place.clone(), message);
            self.tell(problem.help(match one.enough {
                Some(enough) => format!("with {enough} users everyone who has a share has one"),
                None => "give the scenario a larger share, or a load of its own".to_owned(),
            }));
        }
    }

    /// Tells limits of `[slo]` that no step can have.
    fn useless_limits(&mut self, layout: &Layout) {
        let document = self.document;
        for entry in &document.slo {
            let trend = entry.trend.value;
            let used = layout
                .steps
                .iter()
                .any(|step| step.slo.iter().any(|limit| limit.trend == trend));
            if !used {
                let problem = Problem::new(
                    &entry.trend.place,
                    format!("no step can have `{}`", trend.name()),
                );
                self.tell(problem.help("only streams have it: add `stream` to a step"));
            }
        }
    }
}

/// From when until when at most the loads are measured; none where that cannot be told before.
fn measured<'a>(loads: impl Iterator<Item = &'a LoadPlan>) -> Option<(Duration, Duration)> {
    let mut whole: Option<(Duration, Duration)> = None;
    for load in loads {
        let StartAt::At(start) = load.start else {
            return None;
        };
        if let Load::SteeredVus { .. } | Load::SteeredArrivalRate { .. } = load.load {
            return None;
        }
        let (from, until) = (
            start.saturating_add(load.warm_up),
            start.saturating_add(load.load.length()),
        );
        let (first, last) = whole.unwrap_or((from, until));
        whole = Some((first.min(from), last.max(until)));
    }
    whole
}

/// Whether a step can have the time.
pub(super) fn fits(trend: Trend, stream: Option<&StreamSpec>) -> bool {
    let Some(stream) = stream else {
        return !trend.is_of_streams();
    };
    match trend {
        Trend::TtftText => stream.dialect.tells_text(),
        Trend::Tpot => stream.dialect != DialectName::Sse && stream.dialect != DialectName::Ndjson,
        _ => true,
    }
}

fn in_file(entry: &ThresholdEntry, problem: &ThresholdProblem) -> Place {
    let (located, skip) = match problem.place {
        ThresholdPlace::Metric => (&entry.selector, entry.selector_skip),
        ThresholdPlace::Expression => (&entry.expression, entry.expression_skip),
    };
    match skip {
        Some(skip) => located.place.part(skip, &problem.span),
        None => located.place.clone(),
    }
}
