//! The kinds of users of a file, and how they are called.

use super::Lowering;
use crate::{
    document::{Document, Field, LoadTable, Located, ScenarioTable, Steps},
    plan::{Credential, LoadPlan, Once, Request, Scenario, Step},
    problem::{Place, Problem},
    quantity::format_duration,
};
use std::{collections::BTreeSet, time::Duration};

/// What the users of one part do.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// Once, before the first iteration.
    pub before: Vec<Step>,
    /// In one iteration.
    pub steps: Vec<Step>,
    /// The data sets that the steps of an iteration use, by their places.
    pub data: BTreeSet<usize>,
    /// Those that what comes before uses.
    pub before_data: BTreeSet<usize>,
}

/// What the users of all parts do, and what is done once.
#[derive(Debug, Default)]
pub(super) struct Flows {
    /// Of each part.
    pub list: Vec<Flow>,
    /// Before the first user; absent where it is wrong.
    pub setup: Option<Once>,
    /// After the last user; absent where it is wrong.
    pub teardown: Option<Once>,
    /// Whether anything of a part is wrong.
    pub wrong: bool,
}

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

    /// The key `pace`: its own, else the file's.
    pub(super) fn pace<'d>(&'d self, document: &'d Document) -> &'d Field<Duration> {
        let own = self.scenario.map(|table| &table.routine.pace);
        let own = own.filter(|own| !own.is_absent());
        own.unwrap_or(&document.routine.pace)
    }

    /// What its users do once before their first iteration: its own, else the file's.
    pub(super) fn before<'d>(&'d self, document: &'d Document) -> &'d Steps {
        let own = self.scenario.map(|table| &table.routine.before);
        let own = own.filter(|own| own.given);
        own.unwrap_or(&document.routine.before)
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

    /// Tells a `pace` of what has a rate.
    pub(super) fn paces(&mut self, parts: &[Part<'_>], loads: &[LoadPlan]) {
        for (number, part) in parts.iter().enumerate() {
            let own = match part.scenario {
                Some(table) => &table.routine.pace,
                None => &self.document.routine.pace,
            };
            let has = |load: &&LoadPlan| load.members.iter().any(|one| one.scenario.0 == number);
            let open = loads
                .iter()
                .find(has)
                .is_some_and(|load| load.load.is_open());
            if let Some(given) = own.given() {
                self.explain_file("pace", &format_duration(given.value), &given.place);
                if open {
                    let message = "`pace` means nothing where a rate says when iterations begin";
                    let problem = Problem::new(&given.place, message);
                    self.tell(problem.help("take it out, or give the load `vus`"));
                }
            }
        }
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
    document: &Document,
    parts: &[Part<'_>],
    flows: Vec<Flow>,
    (loads, credentials): (&[LoadPlan], &[Credential]),
) -> Vec<Scenario> {
    let has_own_token = |request: &&Request| {
        let token = request.message.token.as_ref();
        token.is_some_and(|token| credentials[token.credential].per_user)
    };
    let load_of = |scenario| {
        let has = |load: &LoadPlan| load.members.iter().any(|one| one.scenario.0 == scenario);
        loads.iter().position(has).unwrap_or_default()
    };
    let scenario = |(number, (part, flow)): (usize, (&Part<'_>, Flow))| {
        let load = load_of(number);
        let pace = part.pace(document).given().map(|given| given.value);
        // Where a rate says when iterations begin, what the file says of all is not about this one.
        let paced = loads.get(load).is_some_and(|load| !load.load.is_open());
        Scenario {
            name: part.name.clone().unwrap_or_default(),
            converses: Step::requests(&flow.steps)
                .iter()
                .any(|request| request.conversation.is_some()),
            keeps_users: !flow.before.is_empty()
                || Step::requests(&flow.steps).iter().any(has_own_token),
            before: flow.before,
            flow: flow.steps,
            pace: pace.filter(|_| paced),
            load,
            data: flow.data.into_iter().collect(),
            before_data: flow.before_data.into_iter().collect(),
        }
    };
    parts.iter().zip(flows).enumerate().map(scenario).collect()
}
