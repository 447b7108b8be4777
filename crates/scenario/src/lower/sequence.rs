//! Which load waits for which, and that none waits for itself.

use super::{Lowering, scenarios::Part, shares::Asked};
use crate::{
    document::{Located, StartTable},
    plan::StartAt,
    problem::{Problem, nearest},
};

impl Lowering<'_> {
    /// Which load each of them waits for, if any.
    pub(super) fn starts(
        &mut self,
        parts: &[Part<'_>],
        loads: &[Asked<'_>],
    ) -> Vec<Option<StartAt>> {
        let waits: Vec<Option<&Located<String>>> = loads
            .iter()
            .map(|one| match &one.subject.table?.start_after.given()?.value {
                StartTable::Time(_) => None,
                StartTable::Scenario(name) => Some(name),
            })
            .collect();
        let starts: Vec<Option<usize>> = (0..loads.len())
            .map(|number| self.waits_for(waits[number]?, number, parts, loads))
            .collect();
        self.circles(&starts, &waits, loads);
        starts
            .into_iter()
            .map(|start| start.map(StartAt::After))
            .collect()
    }

    /// The load of the scenario of a name.
    fn waits_for(
        &mut self,
        name: &Located<String>,
        load: usize,
        parts: &[Part<'_>],
        loads: &[Asked<'_>],
    ) -> Option<usize> {
        let wanted = name.value.trim();
        let called = |part: &Part<'_>| part.name.as_deref() == Some(wanted);
        let Some(part) = parts.iter().position(called) else {
            self.unknown_scenario(name, parts);
            return None;
        };
        let found = loads.iter().position(|one| one.members.contains(&part))?;
        if found == load {
            let problem = Problem::new(&name.place, "a load cannot start after itself");
            let help = match loads[load].members.len() {
                1 => "name another scenario, or write a time such as \"10s\"".to_owned(),
                _ => format!("`{wanted}` has a share of it: name a scenario with another load"),
            };
            self.tell(problem.help(help));
            return None;
        }
        Some(found)
    }

    fn unknown_scenario(&mut self, name: &Located<String>, parts: &[Part<'_>]) {
        let names: Vec<&str> = parts
            .iter()
            .filter_map(|part| part.name.as_deref())
            .collect();
        if names.len() < parts.len() || self.document.scenarios.broken {
            // What could not be read may be the one that is meant.
            return;
        }
        let wanted = name.value.trim();
        let help = match nearest(wanted, names.iter().copied()) {
            _ if !self.document.scenarios.given => {
                "a sequence needs several `[[scenario]]`; write a time such as \"10s\"".to_owned()
            }
            Some(near) => format!("did you mean `scenario:{near}`?"),
            None => format!("known are {}", in_code(&names)),
        };
        let message = match wanted {
            "" => "`scenario:` needs a name behind it".to_owned(),
            wanted => format!("there is no scenario `{wanted}`"),
        };
        let problem = Problem::new(&name.place, message);
        self.tell(problem.label("unknown").help(help));
    }

    /// Tells loads that wait for each other in a circle, each circle once.
    fn circles(
        &mut self,
        starts: &[Option<usize>],
        waits: &[Option<&Located<String>>],
        loads: &[Asked<'_>],
    ) {
        let mut seen = vec![false; starts.len()];
        for first in 0..starts.len() {
            let mut path = Vec::new();
            let mut next = Some(first);
            while let Some(load) = next.filter(|load| !seen[*load]) {
                seen[load] = true;
                path.push(load);
                next = starts[load];
            }
            let Some(from) = next.and_then(|back| path.iter().position(|load| *load == back))
            else {
                continue;
            };
            let mut circle = path.split_off(from);
            // The one that stands first in the file begins the story.
            let lead = circle.iter().enumerate().min_by_key(|(_, load)| **load);
            let lead = lead.map_or(0, |(place, _)| place);
            circle.rotate_left(lead);
            self.circle(&circle, waits, loads);
        }
    }

    fn circle(
        &mut self,
        circle: &[usize],
        waits: &[Option<&Located<String>>],
        loads: &[Asked<'_>],
    ) {
        let mut places = circle.iter().filter_map(|load| waits[*load]);
        let Some(first) = places.next() else { return };
        let called = |load: &usize| match loads[*load].subject.key.as_str() {
            "load" => "`[load]`".to_owned(),
            key => {
                let name = key
                    .trim_start_matches("scenario.")
                    .trim_end_matches(".load");
                format!("`{name}`")
            }
        };
        let next = circle.iter().cycle().skip(1);
        let waits: Vec<String> = circle
            .iter()
            .zip(next)
            .map(|(load, before)| format!("{} after {}", called(load), called(before)))
            .collect();
        let message = format!(
            "the loads wait for each other in a circle: {}",
            waits.join(", ")
        );
        let problem = places.fold(
            Problem::new(&first.place, message).label("waits"),
            |problem, place| problem.more(&place.place, "waits too"),
        );
        self.tell(problem.help("let one of them start at a time, such as \"0s\""));
    }
}

fn in_code(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
