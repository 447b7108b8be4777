//! The loads of a file: who shares which of them, and what is missing.

use super::{
    Lowering, Provenance,
    load::{Placed, Scale, Subject},
    scenarios::Part,
};
use crate::{
    document::{Field, OFF},
    plan::{CONNECT_RATE, LoadPlan, Member, Rate, StartAt},
    problem::{Place, Problem},
    quantity::{format_rate, format_share},
};
use loadgen_stats::ScenarioIndex;

/// A load that is asked for, and the parts that share it.
pub(super) struct Asked<'a> {
    pub subject: Subject<'a>,
    /// Whether the file's table of it could be read.
    pub broken: bool,
    /// Their places among the parts; never empty.
    pub members: Vec<usize>,
}

impl<'a> Lowering<'a> {
    /// The loads, with who shares them; absent where something about one of them is wrong.
    pub(super) fn loads(&mut self, parts: &[Part<'a>]) -> Option<Vec<LoadPlan>> {
        let document = self.document;
        let before = self.problems.len();
        self.weights_without_load(parts);
        let missing = self.load_is_missing(parts);
        let scale = self.scale();
        let asked = self.asked(parts, &scale, !missing);
        let single = asked.len() == 1 && !document.scenarios.broken;
        if asked.len() > 1 {
            self.refuse_for_several(asked.len());
        }
        let starts = self.starts(parts, &asked);
        let mut loads = Vec::new();
        let mut connecting = Vec::new();
        for (one, start) in asked.iter().zip(starts) {
            let wish = if single {
                let wish = self.wish(one.subject.table);
                self.explain_replaced(&one.subject, &wish);
                wish
            } else {
                self.wish_to_end(one.subject.table)
            };
            let placed = if one.broken {
                None
            } else {
                self.load(&one.subject, &wish)
            };
            let members = self.members(parts, &one.members);
            let users = wish.users_place().unwrap_or(&one.subject.place);
            self.users.push(users.clone());
            connecting.push((one.subject.key("connect_rate"), wish.connect_rate.clone()));
            loads.extend(placed.zip(members).map(|(placed, members)| LoadPlan {
                start: start.unwrap_or(StartAt::At(placed.start_after)),
                members,
                ..unshared(placed)
            }));
        }
        let complete = loads.len() == asked.len() && !missing;
        if complete {
            self.connect_rates(&mut loads, &connecting);
        }
        (complete && before == self.problems.len()).then_some(loads)
    }

    /// How many users of each load begin in a second at most. What a load says is its own; what an option says, or nobody,
    /// is of all loads that begin together.
    fn connect_rates(&mut self, loads: &mut [LoadPlan], said: &[(String, Field<Option<Rate>>)]) {
        let given = self.given_connect_rate();
        let options = self.overrides;
        let of_users = |load: &LoadPlan| options.steered || !load.load.is_open();
        if let (Some(option), false) = (&options.connect_rate, loads.iter().any(of_users)) {
            let message = format!("`{}` is about loads of users", option.origin);
            let help = "iterations that begin at a rate are never held back";
            self.refuse(option, &message, help);
            return;
        }
        // One that has a rate will be replaced by users, or is not asked.
        let part = |load: &LoadPlan, rate: f64| match load.load.is_open() {
            true => Rate::per_second(rate),
            false => load.part_of(rate, loads),
        };
        let rates: Vec<Option<Rate>> = loads
            .iter()
            .zip(said)
            .map(|(load, (_, said))| match (given.given(), said.given()) {
                (Some(given), _) => given.value.and_then(|rate| part(load, rate.get())),
                (None, Some(said)) => said.value,
                (None, None) => part(load, CONNECT_RATE),
            })
            .collect();
        for ((load, rate), (key, said)) in loads.iter_mut().zip(rates).zip(said) {
            if !of_users(load) {
                continue;
            }
            load.connect_rate = rate;
            let place = given.given().map(|given| &given.place);
            let place = place.or(said.given().map(|said| &said.place));
            let from = place.map_or(Provenance::Default, |place| self.provenance(place));
            let shown = rate.map_or(OFF.to_owned(), |rate| format_rate(rate.get()));
            self.explain(key, &shown, from);
        }
    }

    /// Tells that there is no load at all, or none for some scenarios. True where that is so.
    fn load_is_missing(&mut self, parts: &[Part<'_>]) -> bool {
        let without: Vec<&Part<'_>> = parts
            .iter()
            .filter(|part| part.own_load().is_none())
            .collect();
        let own = without.len() < parts.len();
        let options = !own && self.options_make_a_load();
        if !self.document.load.is_absent() || options {
            return false;
        }
        let Some((first, more)) = without.split_first() else {
            return false;
        };
        let what = "`[load]` with `vus` and `duration`, with `vus` and `iterations`, \
                    with `rate` and `duration`, or with `stages`";
        if !own {
            let problem = Problem::new(Place::Whole, "`[load]` is missing");
            self.missing(problem.help(format!("add {what}")));
            return true;
        }
        let weight = first.weight().given();
        let problem = match weight {
            Some(weight) => {
                let message = "`weight` is a share of `[load]`, which is missing";
                Problem::new(&weight.place, message)
            }
            None => {
                let message = format!("{} has no load, and there is no `[load]`", first.called());
                Problem::new(first.place(), message)
            }
        };
        let problem = more.iter().fold(problem, |problem, part| {
            problem.more(&part.place(), "it has none either")
        });
        self.missing(problem.help("add `[load]`, or give each of them a `[scenario.load]`"));
        true
    }

    /// Tells weights beside a load of one's own, and a `[load]` in which nobody has a share.
    fn weights_without_load(&mut self, parts: &[Part<'_>]) {
        for part in parts {
            if let (Some(weight), Some(Field::Given(load))) =
                (part.weight().given(), part.own_load())
            {
                let message = format!("{} has a load of its own and a `weight`", part.called());
                let problem = Problem::new(&weight.place, message).more(&load.place, "its load");
                self.tell(problem.help("`weight` is a share of `[load]`: remove one of them"));
            }
        }
        let document = self.document;
        if let Field::Given(load) = &document.load
            && !document.scenarios.broken
            && !parts.is_empty()
            && parts.iter().all(|part| part.own_load().is_some())
        {
            let problem = Problem::new(&load.place, "nobody has a share of `[load]`");
            self.tell(problem.label("no use").help(
                "every scenario has a load of its own: remove `[load]`, or one of these loads",
            ));
        }
    }

    /// The loads in the order of the file, that which is shared where its first scenario stands.
    fn asked<'s>(&self, parts: &[Part<'s>], scale: &'s Scale, top: bool) -> Vec<Asked<'s>>
    where
        'a: 's,
    {
        let mut all: Vec<Asked<'s>> = Vec::new();
        let mut of_all: Option<usize> = None;
        for (number, part) in parts.iter().enumerate() {
            let (load, title, key) = match part.scenario.map(|table| &table.load) {
                Some(load) if !load.is_absent() => {
                    let name = part.name.as_deref().unwrap_or_default();
                    let title = format!("the load of {}", part.called());
                    (load, title, format!("scenario.{name}.load"))
                }
                _ => {
                    if let Some(known) = of_all {
                        all[known].members.push(number);
                        continue;
                    }
                    if !top {
                        continue;
                    }
                    of_all = Some(all.len());
                    let load = &self.document.load;
                    (load, "`[load]`".to_owned(), "load".to_owned())
                }
            };
            let given = load.given();
            all.push(Asked {
                subject: Subject {
                    table: given.map(|given| &given.value),
                    place: given.map_or(Place::Whole, |given| given.place.clone()),
                    title,
                    key,
                    scale,
                },
                broken: matches!(load, Field::Broken),
                members: vec![number],
            });
        }
        all
    }

    /// Who shares a load, and how much of it each of them has.
    fn members(&mut self, parts: &[Part<'_>], members: &[usize]) -> Option<Vec<Member>> {
        let weights: Vec<f64> = members
            .iter()
            .map(|number| match parts[*number].weight() {
                Field::Absent => Some(1.0),
                Field::Broken => None,
                Field::Given(weight) => Some(weight.value),
            })
            .collect::<Option<_>>()?;
        let sum: f64 = weights.iter().sum();
        if sum <= 0.0 {
            let places: Vec<&Place> = members
                .iter()
                .filter_map(|number| Some(&parts[*number].weight().given()?.place))
                .collect();
            let (first, more) = places.split_first()?;
            let problem = Problem::new(*first, "the weights sum to nothing: nobody would run");
            let problem = more.iter().fold(problem, |problem, place| {
                problem.more(place, "zero as well")
            });
            self.tell(problem.help("give one of them a `weight` above zero"));
            return None;
        }
        let member = |(number, weight): (&usize, f64)| Member {
            scenario: ScenarioIndex(*number),
            share: weight / sum,
        };
        let shared: Vec<Member> = members.iter().zip(weights).map(member).collect();
        for (member, number) in shared.iter().zip(members) {
            self.explain_share(&parts[*number], member.share);
        }
        Some(shared)
    }

    fn explain_share(&mut self, part: &Part<'_>, share: f64) {
        let (Some(name), Some(_), None) = (&part.name, part.scenario, part.own_load()) else {
            return;
        };
        let share = format_share(share);
        let show = |weight: &f64| format!("{weight} ({share} of `[load]`)");
        self.or_default(&format!("scenario.{name}.weight"), part.weight(), 1.0, show);
    }
}

fn unshared(placed: Placed) -> LoadPlan {
    LoadPlan {
        load: placed.load,
        start: StartAt::At(placed.start_after),
        warm_up: placed.warm_up,
        graceful_stop: placed.graceful_stop,
        connect_rate: None,
        members: Vec::new(),
    }
}
