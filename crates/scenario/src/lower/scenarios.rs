//! The kinds of users of a file, and how they are called.

use super::Lowering;
use crate::{
    document::{Field, LoadTable, Located, ScenarioTable, Steps},
    plan::{LoadPlan, Scenario, Step},
    problem::{Place, Problem},
};

/// One kind of user, as the document has it.
pub(super) struct Part<'a> {
    /// Its name; absent where it has none.
    pub name: Option<String>,
    /// What one iteration does.
    pub steps: &'a Steps,
    /// Its table; absent where the file itself is the one kind of user.
    pub scenario: Option<&'a ScenarioTable>,
}

impl Part<'_> {
    /// How problems call it.
    pub(super) fn called(&self) -> String {
        match &self.name {
            Some(name) => format!("the scenario `{name}`"),
            None => "the scenario".to_owned(),
        }
    }

    /// Where its problems are drawn.
    pub(super) fn place(&self) -> Place {
        self.scenario
            .map_or(Place::Whole, |table| table.place.clone())
    }

    /// Its `weight`.
    pub(super) fn weight(&self) -> &Field<f64> {
        self.scenario.map_or(&Field::Absent, |table| &table.weight)
    }

    /// The load of its own, where it has one, right or wrong.
    pub(super) fn own_load(&self) -> Option<&Field<LoadTable>> {
        let load = self.scenario.map(|table| &table.load)?;
        (!load.is_absent()).then_some(load)
    }
}

impl<'a> Lowering<'a> {
    /// The kinds of users, `name` being that of the file.
    pub(super) fn parts(&mut self, name: &str) -> Vec<Part<'a>> {
        let document = self.document;
        if !document.scenarios.given {
            return vec![Part {
                name: Some(name.to_owned()),
                steps: &document.steps,
                scenario: None,
            }];
        }
        if document.steps.given {
            let first = document.steps.list.first();
            let place = first.map_or(Place::Whole, |step| step.place.clone());
            let problem = Problem::new(place, "`[[step]]` and `[[scenario]]` cannot both be given");
            self.tell(problem.help("write `[[scenario.step]]` below the scenario it belongs to"));
        }
        if document.scenarios.list.is_empty() && !document.scenarios.broken {
            let problem = Problem::new(Place::Whole, "`scenario` has no scenario");
            self.missing(problem.help("add `[[scenario]]` with a `name` and its steps"));
        }
        self.scenario_names();
        let part = |table: &'a ScenarioTable| Part {
            name: table.name.given().map(|given| given.value.clone()),
            steps: &table.steps,
            scenario: Some(table),
        };
        document.scenarios.list.iter().map(part).collect()
    }

    /// Tells scenarios without a name, and those that have the same.
    fn scenario_names(&mut self) {
        let mut seen: Vec<&Located<String>> = Vec::new();
        for table in &self.document.scenarios.list {
            match &table.name {
                Field::Absent => {
                    let problem = Problem::new(&table.place, "a scenario needs a `name`");
                    self.missing(problem.help("add for example `name = \"chat\"`"));
                }
                Field::Broken => {}
                Field::Given(name) => match seen.iter().find(|known| known.value == name.value) {
                    Some(first) => {
                        let message = format!("two scenarios are called `{}`", name.value);
                        let problem = Problem::new(&name.place, message);
                        self.tell(
                            problem
                                .more(&first.place, "first here")
                                .help("give each scenario a `name` of its own"),
                        );
                    }
                    None => seen.push(name),
                },
            }
        }
    }
}

/// The scenarios of a plan: the parts with what they do.
pub(super) fn together(
    parts: &[Part<'_>],
    flows: Vec<Vec<Step>>,
    loads: &[LoadPlan],
) -> Vec<Scenario> {
    let load_of = |scenario| {
        let has = |load: &LoadPlan| load.members.iter().any(|one| one.scenario.0 == scenario);
        loads.iter().position(has).unwrap_or_default()
    };
    let scenario = |(number, (part, flow)): (usize, (&Part<'_>, Vec<Step>))| Scenario {
        name: part.name.clone().unwrap_or_default(),
        flow,
        load: load_of(number),
    };
    parts.iter().zip(flows).enumerate().map(scenario).collect()
}
