//! What steps inherit of heads: each step as far as the values in it are known where the step stands.

use super::{
    Lowering,
    auth::Fields,
    extract,
    headers::Headers,
    location::Whither,
    once,
    scenarios::Part,
    tree::{Walk, When},
};
use crate::{
    document::{AuthTable, Document, Field, Located, Source, StepTable},
    plan::{Confided, Target, TokenField},
    problem::{Place, Problem},
    url,
};
use std::collections::BTreeMap;

/// What steps inherit of heads.
#[derive(Clone, Debug, Default)]
pub(super) struct Inherited {
    headers: Headers,
    auth: Fields,
    /// What uses values of answers: it is read for each step.
    late: Late,
    /// How problems call who inherits it.
    by: String,
}

/// What is read for each step.
#[derive(Clone, Debug, Default)]
struct Late {
    /// All headers, where one of them is late.
    headers: Vec<(Located<String>, Source)>,
    auth: Field<AuthTable>,
}

/// What one step inherits.
#[derive(Default)]
pub(super) struct OfStep {
    headers: Headers,
    auth: Fields,
    /// What it does not send of it, and why.
    unsaid: Vec<String>,
}

/// The head of a step's messages.
pub(super) struct Head {
    pub(super) headers: Headers,
    pub(super) token: Option<TokenField>,
    pub(super) of_one_origin: Vec<String>,
    pub(super) confided: Confided,
    pub(super) unsaid: Vec<String>,
}

/// Something that is inherited, as problems speak of it.
struct Heirloom<'a> {
    /// `auth`, or a header.
    what: String,
    place: &'a Place,
    /// What a step does that can do without.
    way_out: String,
}

impl OfStep {
    /// The head of a step that has these fields of its own, and goes there.
    pub(super) fn with(
        self,
        own: Headers,
        auth: Option<Fields>,
        (goes, target): (&Whither, Option<&Target>),
    ) -> Head {
        let below = Fields::of(self.headers);
        let mut unsaid = self.unsaid;
        let mut confided = Confided::default();
        let said = auth.as_ref().unwrap_or(&self.auth);
        let of_one_origin: Vec<String> = said.names().map(ToOwned::to_owned).collect();
        if auth.is_none() {
            let is_own = |name: &String| own.iter().any(|(known, _)| known == name);
            let names = of_one_origin.iter().filter(|name| !is_own(name));
            confided = confide(names.cloned().collect(), goes, target);
            unsaid.extend(goes_elsewhere(&confided, goes, target));
        }
        let own = Fields::of(own);
        let Fields { headers, token } = match auth {
            Some(auth) => below.below(own).below(auth),
            None => below.below(self.auth).below(own),
        };
        Head {
            headers,
            token,
            of_one_origin,
            confided,
            unsaid,
        }
    }
}

impl Lowering<'_> {
    /// What all steps inherit; absent where it is wrong.
    pub(super) fn inherited(&mut self) -> Option<Inherited> {
        let document = self.document;
        let common = &document.defaults.common;
        self.compiler.begin_file(names(document));
        let mut late = Late::default();
        let answers = |source| self.compiler.uses_answers(source);
        let headers = if common.headers.iter().any(|(_, source)| answers(source)) {
            late.headers.clone_from(&common.headers);
            Some(Headers::new())
        } else {
            self.headers(&common.headers)
        };
        let auth = self.inherited_auth(&common.auth, &common.headers, &mut late);
        Some(Inherited {
            headers: headers?,
            auth: auth?.unwrap_or_default(),
            late,
            by: String::new(),
        })
    }

    /// What the steps of one kind of user inherit.
    pub(super) fn inherited_by(
        &mut self,
        part: &Part<'_>,
        defaults: Option<&Inherited>,
    ) -> Option<Inherited> {
        let by = part.called();
        let Some(table) = part.scenario else {
            return defaults.cloned().map(|one| Inherited { by, ..one });
        };
        if let Some(given) = table.auth.given() {
            self.explain_file("auth", given.value.name(), &given.place);
        }
        let mut late = Late::default();
        let own = self.inherited_auth(&table.auth, &[], &mut late)?;
        let mut inherited = Inherited {
            by,
            ..defaults?.clone()
        };
        if let Some(own) = own {
            inherited.auth = own;
            inherited.late.auth = late.auth;
        }
        Some(inherited)
    }

    /// The fields of an `auth` for many steps: outer absence where it is wrong, inner where there is none. One that uses
    /// values of answers is late.
    #[expect(clippy::option_option, reason = "wrong and none are two things")]
    fn inherited_auth(
        &mut self,
        field: &Field<AuthTable>,
        beside: &[(Located<String>, Source)],
        late: &mut Late,
    ) -> Option<Option<Fields>> {
        let is_late = |auth: &AuthTable| {
            let mut sources = auth.sources_of_users().into_iter();
            sources.any(|source| self.compiler.uses_answers(source))
        };
        match field.given() {
            Some(given) if is_late(&given.value) => {
                late.auth = field.clone();
                let once = self.said_once(given, beside);
                once.then(|| Some(Fields::default()))
            }
            _ => self.auth(field, beside),
        }
    }

    /// What a step inherits; absent where it is wrong, or where nobody can know yet what it needs.
    pub(super) fn inherited_of(&mut self, step: &StepTable, walk: &Walk<'_>) -> Option<OfStep> {
        let inherited = walk.inherited?;
        let mut of_step = OfStep {
            headers: inherited.headers.clone(),
            ..OfStep::default()
        };
        let mut complete = true;
        for entry in &inherited.late.headers {
            let (name, source) = entry;
            let mut own = step.common.headers.iter();
            if own.any(|(known, _)| known.value.eq_ignore_ascii_case(&name.value)) {
                continue;
            }
            let heirloom = Heirloom {
                what: format!("the header `{}`", name.value),
                place: &source.place,
                way_out: "give the header to the steps that know it".to_owned(),
            };
            let read = |lowering: &mut Self| lowering.headers(std::slice::from_ref(entry));
            match self.late(&[source], &heirloom, (step, walk), read) {
                Some(Ok(headers)) => of_step.headers.extend(headers),
                Some(Err(unsaid)) => of_step.unsaid.push(unsaid),
                None => complete = false,
            }
        }
        if !step.common.auth.is_absent() {
            return complete.then_some(of_step);
        }
        match &inherited.late.auth {
            Field::Given(given) => {
                let heirloom = Heirloom {
                    what: "the `auth`".to_owned(),
                    place: &given.place,
                    way_out: "give this step `auth = \"none\"`, or one of its own".to_owned(),
                };
                let read = |lowering: &mut Self| {
                    let auth = lowering.auth(&inherited.late.auth, &[])?;
                    Some(auth.unwrap_or_default())
                };
                let sources = given.value.sources_of_users();
                match self.late(&sources, &heirloom, (step, walk), read) {
                    Some(Ok(auth)) => of_step.auth = auth,
                    Some(Err(unsaid)) => of_step.unsaid.push(unsaid),
                    None => complete = false,
                }
            }
            _ => of_step.auth = inherited.auth.clone(),
        }
        complete.then_some(of_step)
    }

    /// Reads for a step what uses values of answers: what it says, or why it says nothing there; absent where it is wrong.
    fn late<T>(
        &mut self,
        sources: &[&Source],
        heirloom: &Heirloom<'_>,
        (step, walk): (&StepTable, &Walk<'_>),
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Result<T, String>> {
        let unknown = |source: &&Source| self.compiler.unknown(source);
        let Some(name) = sources.iter().find_map(unknown) else {
            return read(self).map(Ok);
        };
        // It may have a default for that.
        let before = self.problems.len();
        if let Some(said) = read(self) {
            return Some(Ok(said));
        }
        self.problems.truncate(before);
        let extracted_by = self.compiler.later(&name).map(ToOwned::to_owned);
        let comes_before = match walk.when {
            When::InSetup => true,
            When::BeforeIterations | When::InTeardown => extracted_by.is_some(),
            When::InIterations => false,
        };
        if comes_before {
            let what = heirloom.what.trim_start_matches("the ");
            return Some(Err(format!("no {what} yet: `{name}` is not known")));
        }
        self.tell(unknown_to(&name, heirloom, extracted_by, (step, walk)));
        None
    }
}

/// That a step inherits something which needs a value that it cannot know.
fn unknown_to(
    name: &str,
    heirloom: &Heirloom<'_>,
    extracted_by: Option<String>,
    (step, walk): (&StepTable, &Walk<'_>),
) -> Problem {
    let Heirloom {
        what,
        place,
        way_out,
    } = heirloom;
    let own = walk.inherited.map(|inherited| inherited.by.as_str());
    let (by, place_of_by, help) = match (walk.when, extracted_by) {
        (When::InTeardown, _) => (
            "a step of `[[teardown]]`",
            &step.place,
            format!("it knows what `[[setup]]` extracts: {way_out}"),
        ),
        (_, Some(step_of)) => (
            "this step",
            &step.place,
            format!("{step_of} extracts it: do that in `[[before]]`, or else {way_out}"),
        ),
        // Told once for all its steps.
        (_, None) => {
            let by = own.unwrap_or("the scenario");
            let message = format!("no step of {by} extracts `{name}`, which {what} needs");
            let help = format!("extract it in a `[[before]]` of {by}, or else {way_out}");
            return Problem::new((*place).clone(), message).help(help.replace("this step", "it"));
        }
    };
    let message = format!("{by} cannot know `{name}` yet, which {what} needs that it inherits");
    let problem = Problem::new(place_of_by.clone(), message);
    problem.more(place, "inherited from here").help(help)
}

/// The names of all values that steps take out of answers, each with how problems call its step.
fn names(document: &Document) -> BTreeMap<String, String> {
    let (ends, routine) = (&document.ends, &document.routine);
    let of_file = [&ends.setup, &routine.before, &document.steps];
    let scenarios = document.scenarios.list.iter();
    let of_scenarios = scenarios.flat_map(|one| [&one.routine.before, &one.steps]);
    let all = of_file.into_iter().chain(of_scenarios);
    extract::names(all.chain([&ends.teardown]).flat_map(once::requests))
}

/// Who is told the fields of an inherited `auth`: the target alone; without one, whoever the file itself names.
fn confide(mut names: Vec<String>, goes: &Whither, target: Option<&Target>) -> Confided {
    let has_target = !matches!(target, None | Some(Target::None));
    if !has_target && !goes.open {
        names.clear();
    }
    Confided {
        names,
        to: goes.origin.clone().filter(|_| !has_target),
    }
}

/// That a step goes to one who is not told.
fn goes_elsewhere(confided: &Confided, goes: &Whither, target: Option<&Target>) -> Option<String> {
    let origin = goes.origin.as_ref()?;
    // What templates make of it is known in the run.
    let written = url::parse(goes.location.text.source());
    written.ok().filter(|(written, _)| written == origin)?;
    let home = match target? {
        Target::Base { origin, .. } => Some(origin),
        Target::Mock => None,
        Target::None => return None,
    };
    let elsewhere = !confided.names.is_empty() && home != Some(origin);
    elsewhere.then(|| "no inherited `auth`, which the target alone is told".to_owned())
}
