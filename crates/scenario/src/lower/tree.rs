//! The tree of steps: conditions, repetitions, choices and what happens at once.

use super::{Lowering, flow::pick, inherited::Inherited};
use crate::{
    document::{Field, Inner, Located, Source, StepTable, Steps},
    plan::{Alternative, Condition, Group, Guarded, OnFailure, Repeat, Step, Target, Think},
    problem::Problem,
    secrets::Secrecy,
    template::{Life, Mode, sole_expression},
};
use loadgen_stats::StepIndex;

/// The keys that a pause can have.
const OF_PAUSES: &[&str] = &["think", "when", "repeat", "weight"];
/// The keys that a step with steps inside can have.
const OF_TREES: &[&str] = &[
    "when", "repeat", "weight", "group", "step", "choose", "parallel",
];

/// What is wrong with a key, and what to do about it.
struct Wrong(&'static str, &'static str);

impl Wrong {
    fn told(&self) -> (String, &'static str) {
        (self.0.to_owned(), self.1)
    }
}

const GROUP_ONCE: Wrong = Wrong(
    "only steps of iterations can be a `group`",
    "what is done once has figures for each of its steps",
);
const GROUP_OF_ONE: Wrong = Wrong(
    "only a step with steps inside can be a `group`",
    "write them below it as `[[step.step]]`",
);
const WEIGHT_OF_ONE: Wrong = Wrong(
    "only a step of `choose` has a `weight`",
    "write the steps to choose from as `[[step.choose]]`",
);

/// What is at hand while the steps of one scenario are lowered.
pub(super) struct Walk<'a> {
    pub(super) inherited: Option<&'a Inherited>,
    pub(super) target: Option<&'a Target>,
    /// The index of the request step that comes next.
    pub(super) next: usize,
    /// The index of the scenario's last request step.
    pub(super) last: usize,
    /// The index of the group that comes next.
    pub(super) next_group: usize,
    /// The index of the turn of a conversation that comes next.
    pub(super) next_turn: usize,
    /// The most times that the step at hand is done in one iteration, as the steps around it say.
    pub(super) times: u64,
    /// When they are done.
    pub(super) when: When,
}

/// When steps are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// In each iteration.
    InIterations,
    /// Once by each user, before its first iteration.
    BeforeIterations,
    /// Once in the run, before its first user begins.
    InSetup,
    /// Once in the run, after its last user has ended.
    InTeardown,
}

/// What a step does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Request,
    Pause,
    Tree,
}

impl Kind {
    fn of(table: &StepTable) -> Self {
        match () {
            () if !table.think.is_absent() && !table.talk.converses() => Self::Pause,
            () if !table.tree.inner.is_empty() => Self::Tree,
            () => Self::Request,
        }
    }
}

impl StepTable {
    /// The tables of all requests in it, as they stand in the file.
    pub(super) fn requests(&self) -> Vec<&Self> {
        match Kind::of(self) {
            Kind::Request => vec![self],
            Kind::Pause => Vec::new(),
            Kind::Tree => {
                let lists = self.tree.inner.iter();
                let tables = lists.flat_map(|(_, steps)| &steps.list);
                tables.flat_map(Self::requests).collect()
            }
        }
    }

    /// The names of the groups in it, and where they stand.
    pub(super) fn groups(&self) -> Vec<&Located<String>> {
        let lists = self.tree.inner.iter();
        let tables = lists.flat_map(|(_, steps)| &steps.list);
        let own = self.tree.group.given().into_iter();
        own.chain(tables.flat_map(Self::groups)).collect()
    }

    /// Whether all steps in it could be read.
    pub(super) fn complete(&self) -> bool {
        let mut lists = self.tree.inner.iter();
        lists.all(|(_, steps)| steps.complete && steps.list.iter().all(Self::complete))
    }
}

impl Lowering<'_> {
    /// Steps; absent where one of them is wrong. `chosen` says whether they may have a weight.
    pub(super) fn steps(
        &mut self,
        tables: &[StepTable],
        chosen: bool,
        walk: &mut Walk<'_>,
    ) -> Option<Vec<Step>> {
        let mut steps = Vec::new();
        for table in tables {
            steps.push(self.step(table, chosen, walk));
        }
        steps.into_iter().collect()
    }

    fn step(&mut self, table: &StepTable, chosen: bool, walk: &mut Walk<'_>) -> Option<Step> {
        let once = walk.when != When::InIterations;
        let fits = self.keys_fit(table, chosen, once);
        let on_failure = self.on_failure(table, walk.when);
        let step = StepIndex(walk.next.min(walk.last));
        let when = self.when(&table.tree.when, step, on_failure);
        let repeat = repeat(&table.tree.repeat);
        let times = walk.times;
        walk.times = times.saturating_mul(repeat.map_or(1, |repeat| repeat.max.into()));
        let step = match Kind::of(table) {
            Kind::Request => {
                let request = self.request(table, walk);
                walk.next += 1;
                request.map(|mut request| {
                    request.on_failure = on_failure;
                    if once {
                        request.on_missing = on_failure;
                        request.life = Life::User;
                        request.cookies = request.cookies.map(|_| Life::User);
                    }
                    Step::Request(Box::new(request))
                })
            }
            Kind::Pause => table.think.given().map(|given| {
                let (min, max) = given.value;
                Step::Think(Think { min, max })
            }),
            Kind::Tree => self.tree(table, walk),
        };
        walk.times = times;
        let (step, when, repeat) = (step.filter(|_| fits)?, when?, repeat?);
        Some(if when.is_none() && repeat == Repeat::ONCE {
            step
        } else {
            Step::Guarded(Box::new(Guarded { when, repeat, step }))
        })
    }

    /// What a failure does. What the file says of all steps is about users, and not about what is done for all of them.
    fn on_failure(&self, table: &StepTable, when: When) -> OnFailure {
        let (defaults, own) = (&self.document.defaults.common, &table.common.on_failure);
        match when {
            When::InIterations => pick(own, &defaults.on_failure).unwrap_or(OnFailure::Continue),
            When::BeforeIterations => {
                pick(own, &defaults.on_failure).unwrap_or(OnFailure::StopUser)
            }
            When::InSetup | When::InTeardown => {
                pick(own, &Field::Absent).unwrap_or(OnFailure::StopUser)
            }
        }
    }

    /// Tells keys that do not belong to what the step does; true where there are none.
    fn keys_fit(&mut self, table: &StepTable, chosen: bool, once: bool) -> bool {
        let before = self.problems.len();
        let (what, own, help) = match Kind::of(table) {
            Kind::Request => ("", None, ""),
            Kind::Pause => (
                "`think`",
                Some(OF_PAUSES),
                "a pause is a step of its own: give the rest another one",
            ),
            Kind::Tree => (
                "steps inside",
                Some(OF_TREES),
                "give it to the steps inside, or to a step of its own",
            ),
        };
        for key in &table.keys {
            let name = key.value.as_str();
            let (message, help) = match name {
                _ if own.is_some_and(|own| !own.contains(&name)) => {
                    (format!("a step with {what} cannot have `{name}`"), help)
                }
                "group" if once => GROUP_ONCE.told(),
                "group" if own.is_none() => GROUP_OF_ONE.told(),
                "weight" if !chosen => WEIGHT_OF_ONE.told(),
                _ => continue,
            };
            self.tell(Problem::new(&key.place, message).help(help));
        }
        self.problems.len() == before
    }

    /// A condition: outer absence where it is wrong, inner where there is none.
    #[expect(clippy::option_option, reason = "wrong and none are two things")]
    fn when(
        &mut self,
        field: &Field<Source>,
        step: StepIndex,
        on_failure: OnFailure,
    ) -> Option<Option<Condition>> {
        let source = match field {
            Field::Absent => return Some(None),
            Field::Broken => return None,
            Field::Given(given) => &given.value,
        };
        if !sole_expression(&source.text) {
            let text = source.text.trim();
            let problem = Problem::new(&source.place, "`when` must be one expression");
            let bare = !text.is_empty() && !text.contains(['{', '}']);
            let shown = if bare { text } else { "vu == 1" };
            self.tell(problem.help(format!("write \"{{{{ {shown} }}}}\"")));
            return None;
        }
        let text = self.fold(source, Mode::Json, Secrecy::Open)?.text;
        Some(Some(Condition::new(text, step, on_failure)))
    }

    /// A step with steps inside.
    fn tree(&mut self, table: &StepTable, walk: &mut Walk<'_>) -> Option<Step> {
        let (first, steps) = table.tree.inner.first()?;
        let single = self.has_one_list(table);
        if steps.list.is_empty() {
            if steps.complete {
                let key = first.value.key();
                let problem = Problem::new(&first.place, format!("`{key}` has no step"));
                self.tell(problem.help(format!("add `{{ get = \"/\" }}`, or take `{key}` out")));
            }
            return None;
        }
        let group = self.group(table, walk);
        let inner = match first.value {
            Inner::AtOnce => self.at_once(&steps.list, walk),
            kind => self.steps(&steps.list, kind == Inner::OneOf, walk),
        };
        let step = match first.value {
            Inner::InOrder => Step::Steps(inner?),
            Inner::AtOnce => Step::Parallel(inner?),
            Inner::OneOf => Step::Choose(self.alternatives(first, steps, inner)?),
        };
        let step = match group? {
            None => step,
            Some((index, name)) => Step::Group(Box::new(Group { index, name, step })),
        };
        (single && steps.complete).then_some(step)
    }

    /// Steps that are done at once: none knows what the others take out of answers, and what follows knows all of it.
    fn at_once(&mut self, tables: &[StepTable], walk: &mut Walk<'_>) -> Option<Vec<Step>> {
        let before = self.compiler.known();
        let mut after = before.clone();
        let mut steps = Vec::new();
        for table in tables {
            self.compiler.know(before.clone());
            steps.push(self.step(table, false, walk));
            after.join(self.compiler.known());
        }
        self.compiler.know(after);
        steps.into_iter().collect()
    }

    /// Tells further lists of steps; true where there are none.
    fn has_one_list(&mut self, table: &StepTable) -> bool {
        let mut lists = table.tree.inner.iter();
        let Some((first, _)) = lists.next() else {
            return true;
        };
        let mut single = true;
        for (other, _) in lists {
            let message = format!(
                "a step has one list of steps, and this one has `{}` already",
                first.value.key()
            );
            let problem = Problem::new(&other.place, message).more(&first.place, "the first one");
            self.tell(problem.help("put each list into a step of its own"));
            single = false;
        }
        single
    }

    /// Place and name of a group: outer absence where it is wrong, inner where the step is none.
    #[expect(clippy::option_option, reason = "wrong and none are two things")]
    fn group(
        &mut self,
        table: &StepTable,
        walk: &mut Walk<'_>,
    ) -> Option<Option<(StepIndex, String)>> {
        match &table.tree.group {
            Field::Absent => Some(None),
            Field::Broken => None,
            Field::Given(name) => {
                let index = StepIndex(walk.next_group);
                walk.next_group += 1;
                Some(Some((index, name.value.clone())))
            }
        }
    }

    fn alternatives(
        &mut self,
        key: &Located<Inner>,
        tables: &Steps,
        steps: Option<Vec<Step>>,
    ) -> Option<Vec<Alternative>> {
        let weight = |table: &StepTable| match &table.tree.weight {
            Field::Absent => Some(1.0),
            Field::Broken => None,
            Field::Given(given) => Some(given.value),
        };
        let weights: Vec<f64> = tables.list.iter().map(weight).collect::<Option<_>>()?;
        let sum: f64 = weights.iter().sum();
        if sum <= 0.0 {
            let problem = Problem::new(&key.place, "the weights sum to nothing");
            self.tell(problem.help("give at least one step a `weight` above 0"));
            return None;
        }
        let with = |(weight, step): (f64, Step)| Alternative {
            share: weight / sum,
            step,
        };
        Some(weights.into_iter().zip(steps?).map(with).collect())
    }
}

/// How many times a step is done; absent where that is wrong.
fn repeat(field: &Field<(u32, u32)>) -> Option<Repeat> {
    match field {
        Field::Absent => Some(Repeat::ONCE),
        Field::Broken => None,
        Field::Given(Located { value, .. }) => Some(Repeat {
            min: value.0,
            max: value.1,
        }),
    }
}
