//! What is done once in a run: the setup before its first user, and the teardown after its last.

use super::{
    Lowering, extract,
    inherited::Inherited,
    tree::{Walk, When},
};
use crate::{
    document::{Field, StepTable, Steps},
    plan::{Once, Target},
    problem::Problem,
    quantity::format_duration,
};
use std::time::Duration;

impl Lowering<'_> {
    /// The setup, whose requests come first of all; absent where it is wrong. What it takes out of answers all others know.
    pub(super) fn set_up(
        &mut self,
        defaults: Option<&Inherited>,
        target: Option<&Target>,
    ) -> Option<Once> {
        let ends = &self.document.ends;
        let tables = (&ends.setup, &ends.setup_timeout);
        let once = self.done_once("setup", tables, walk(defaults, target, 0, When::InSetup));
        self.compiler.end_setup();
        once
    }

    /// The teardown, whose requests come last of all and begin at that place; absent where it is wrong.
    pub(super) fn tear_down(
        &mut self,
        defaults: Option<&Inherited>,
        target: Option<&Target>,
        next: usize,
    ) -> Option<Once> {
        let ends = &self.document.ends;
        let tables = (&ends.teardown, &ends.teardown_timeout);
        self.done_once(
            "teardown",
            tables,
            walk(defaults, target, next, When::InTeardown),
        )
    }

    fn done_once(
        &mut self,
        key: &str,
        (steps, limit): (&Steps, &Field<Duration>),
        mut walk: Walk<'_>,
    ) -> Option<Once> {
        let before = self.problems.len();
        let own = requests(steps);
        walk.last = (walk.next + own.len()).saturating_sub(1);
        self.compiler.begin_steps(extract::names(own));
        let lowered = self.steps(&steps.list, false, &mut walk);
        // Nobody takes rows for it.
        self.used_data.clear();
        self.limit_of_nothing(key, steps, limit);
        let read = steps.complete || !steps.given;
        let right = read && before == self.problems.len();
        let usual = Once::default();
        lowered.filter(|_| right).map(|steps| Once {
            steps,
            limit: limit.given().map_or(usual.limit, |given| given.value),
        })
    }

    /// Tells a limit of what is not done at all.
    fn limit_of_nothing(&mut self, key: &str, steps: &Steps, limit: &Field<Duration>) {
        let Field::Given(given) = limit else { return };
        self.explain_file(
            &format!("{key}_timeout"),
            &format_duration(given.value),
            &given.place,
        );
        if !steps.given {
            let message = format!("`{key}_timeout` means nothing without `[[{key}]]`");
            let problem = Problem::new(&given.place, message);
            self.missing(problem.help(format!("add `[[{key}]]` with its steps, or take it out")));
        }
    }
}

/// The tables of all requests in these steps.
pub(super) fn requests(steps: &Steps) -> Vec<&StepTable> {
    steps.list.iter().flat_map(StepTable::requests).collect()
}

fn walk<'a>(
    defaults: Option<&'a Inherited>,
    target: Option<&'a Target>,
    next: usize,
    when: When,
) -> Walk<'a> {
    Walk {
        inherited: defaults,
        target,
        next,
        last: next,
        next_group: 0,
        next_turn: 0,
        times: 1,
        when,
    }
}
