//! Which part of the totals is meant: a scenario, steps, a status, an error, an outcome.

use crate::{
    Counter, DropReason, ErrorKind, Layout, Metric, Outcome, Rate, RateCount, ScenarioIndex,
    SelectedTrend, StepIndex, StepRole, Totals, Trend, TrendCell,
};

/// A part of the totals; what is absent limits nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only this scenario.
    pub scenario: Option<ScenarioIndex>,
    /// Only these steps: all of one name, as several scenarios may have it.
    pub steps: Option<Vec<StepIndex>>,
    /// Only requests with this status.
    pub status: Option<u16>,
    /// Only requests that failed so. Of a rate it selects the hits, never the total: the share of all requests that
    /// failed so.
    pub error: Option<ErrorKind>,
    /// Only requests judged so.
    pub outcome: Option<Outcome>,
    /// Only iterations dropped for this reason.
    pub reason: Option<DropReason>,
}

impl Selection {
    /// One scenario.
    #[must_use]
    pub fn of_scenario(scenario: ScenarioIndex) -> Self {
        Self {
            scenario: Some(scenario),
            ..Self::default()
        }
    }

    /// One step.
    #[must_use]
    pub fn of_step(step: StepIndex) -> Self {
        Self {
            steps: Some(vec![step]),
            ..Self::default()
        }
    }

    /// The same part, of one outcome.
    #[must_use]
    pub fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = Some(outcome);
        self
    }

    /// Whether it holds that step. Only requests of iterations are held without being named.
    #[must_use]
    pub fn has_step(&self, layout: &Layout, step: StepIndex) -> bool {
        let of_scenario = |wanted| {
            layout
                .steps
                .get(step.0)
                .is_some_and(|step| step.scenario == wanted)
        };
        self.scenario.is_none_or(of_scenario)
            && self
                .steps
                .as_ref()
                .map_or(layout.role(step) == StepRole::Request, |steps| {
                    steps.contains(&step)
                })
    }

    /// Whether it holds that group of steps.
    fn has_group(&self, layout: &Layout, step: StepIndex) -> bool {
        let every = Self {
            steps: Some(vec![step]),
            ..self.clone()
        };
        let part = if self.steps.is_some() { self } else { &every };
        layout.role(step) == StepRole::Group && part.has_step(layout, step)
    }

    /// Whether it is about that scenario, or a part of it.
    #[must_use]
    pub fn is_about(&self, layout: &Layout, scenario: ScenarioIndex) -> bool {
        let of_steps = |steps: &Vec<StepIndex>| {
            let mut of = steps.iter().filter_map(|step| layout.steps.get(step.0));
            of.any(|step| step.scenario == scenario)
        };
        self.scenario.is_none_or(|wanted| wanted == scenario)
            && self.steps.as_ref().is_none_or(of_steps)
    }

    /// The recorders that a trend needs so that it can be selected by status.
    pub(crate) fn selected(&self, metric: Metric) -> Vec<SelectedTrend> {
        let (Metric::Trend(trend), Some(status)) = (metric, self.status) else {
            return Vec::new();
        };
        let one = |step| SelectedTrend {
            trend,
            status,
            step,
            scenario: self.scenario,
        };
        match &self.steps {
            Some(steps) => steps.iter().map(|&step| one(Some(step))).collect(),
            None => vec![one(None)],
        }
    }
}

impl Totals {
    /// The distribution of a trend, merged over the selected part. A trend by status is there only if
    /// [`Layout::selected`] names it.
    #[must_use]
    pub fn trend(&self, layout: &Layout, trend: Trend, selection: &Selection) -> TrendCell {
        let mut merged = TrendCell::new();
        self.each_cell(layout, trend, selection, self, |cell| merged.merge(cell));
        merged
    }

    /// Visits every distribution that [`Self::trend`] merges. `seen` are totals that these are a part of: waits in vain
    /// for a text count where the step has texts in them.
    pub(crate) fn each_cell(
        &self,
        layout: &Layout,
        trend: Trend,
        selection: &Selection,
        seen: &Self,
        mut visit: impl FnMut(&TrendCell),
    ) {
        if selection.status.is_some() {
            let wanted = selection.selected(Metric::Trend(trend));
            let selected = layout.selected.iter().zip(&self.selected);
            for (_, cell) in selected.filter(|(selected, _)| wanted.contains(selected)) {
                visit(cell);
            }
        } else if trend == Trend::IterationDuration {
            for scenario in self.scenarios_of(selection) {
                scenario.each_duration(selection.outcome, &mut visit);
            }
        } else if trend == Trend::GroupDuration {
            let steps = self.steps.iter().enumerate();
            for (_, step) in steps.filter(|(at, _)| selection.has_group(layout, StepIndex(*at))) {
                step.each_cell(trend, selection.outcome, &mut visit);
            }
        } else {
            let seen = seen.steps_of(layout, selection);
            for (step, seen) in self.steps_of(layout, selection).zip(seen) {
                if trend != Trend::TtftText || seen.has_texts() {
                    step.each_cell(trend, selection.outcome, &mut visit);
                }
            }
        }
    }

    /// A counter over the selected part: what finished and was due outside warm-up, and what finished inside the measured
    /// part, whenever it was due.
    #[must_use]
    pub fn counter(&self, layout: &Layout, counter: Counter, selection: &Selection) -> (u64, u64) {
        let place = counter.index();
        if counter.is_of_iterations() {
            let counts = |totals: &crate::ScenarioTotals| match selection.reason {
                Some(reason) if counter == Counter::DroppedIterations => (
                    totals.dropped[reason.index()],
                    totals.dropped_in_window[reason.index()],
                ),
                _ => (totals.counters[place], totals.in_window[place]),
            };
            return self.scenarios_of(selection).map(counts).fold((0, 0), add);
        }
        let tallies = self
            .steps_of(layout, selection)
            .flat_map(|step| &step.tallies);
        let selected = tallies.filter(|tally| {
            selection
                .status
                .is_none_or(|status| tally.status == Some(status))
                && selection
                    .error
                    .is_none_or(|error| tally.error == Some(error))
        });
        selected
            .map(|tally| (tally.counters[place], tally.in_window[place]))
            .fold((0, 0), add)
    }

    /// A rate over the selected part. A selected error limits the hits and leaves the total; of failed requests a status
    /// does so too: where none has it the share is 0, and not unknown.
    #[must_use]
    pub fn rate(&self, layout: &Layout, rate: Rate, selection: &Selection) -> RateCount {
        let mut sum = RateCount::default();
        for tally in self
            .steps_of(layout, selection)
            .flat_map(|step| &step.tallies)
        {
            let other_status = selection
                .status
                .is_some_and(|status| tally.status != Some(status));
            let other_error = selection
                .error
                .is_some_and(|error| tally.error != Some(error));
            if other_status && rate != Rate::HttpReqFailed {
                continue;
            }
            let mut part = tally.rates[rate.index()];
            if other_status || other_error {
                part.hits = 0;
            }
            sum.merge(part);
        }
        sum
    }

    /// Iterations of all scenarios that were due but never begun, by [`DropReason::index`].
    #[must_use]
    pub fn dropped(&self) -> [u64; DropReason::ALL.len()] {
        let mut sum = [0; DropReason::ALL.len()];
        for scenario in &self.scenarios {
            crate::totals::add(&mut sum, &scenario.dropped);
        }
        sum
    }

    /// Finished requests of the selected part that were due in the measured part, by [`Outcome::index`].
    #[must_use]
    pub fn outcomes(&self, layout: &Layout, selection: &Selection) -> [u64; Outcome::ALL.len()] {
        let mut sum = [0; Outcome::ALL.len()];
        for step in self.steps_of(layout, selection) {
            for (sum, count) in sum.iter_mut().zip(step.outcomes) {
                *sum += count;
            }
        }
        sum
    }

    /// What was counted of the requests of iterations.
    pub(crate) fn requests<'a>(
        &'a self,
        layout: &'a Layout,
    ) -> impl Iterator<Item = &'a crate::StepTotals> {
        let steps = self.steps.iter().enumerate();
        let own = move |at: usize| layout.role(StepIndex(at)) == StepRole::Request;
        steps.filter(move |(at, _)| own(*at)).map(|(_, step)| step)
    }

    fn steps_of<'a>(
        &'a self,
        layout: &'a Layout,
        selection: &'a Selection,
    ) -> impl Iterator<Item = &'a crate::StepTotals> {
        let selected = move |&(place, _): &(usize, _)| selection.has_step(layout, StepIndex(place));
        self.steps
            .iter()
            .enumerate()
            .filter(selected)
            .map(|(_, step)| step)
    }

    fn scenarios_of<'a>(
        &'a self,
        selection: &'a Selection,
    ) -> impl Iterator<Item = &'a crate::ScenarioTotals> {
        let selected = |place| {
            selection
                .scenario
                .is_none_or(|wanted| wanted == ScenarioIndex(place))
        };
        self.scenarios
            .iter()
            .enumerate()
            .filter(move |&(place, _)| selected(place))
            .map(|(_, totals)| totals)
    }
}

const fn add(left: (u64, u64), right: (u64, u64)) -> (u64, u64) {
    (left.0 + right.0, left.1 + right.1)
}
