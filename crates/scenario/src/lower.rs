//! From a document and what the command line says to a plan: defaults, overrides, every rule.

mod auth;
mod body;
mod cancel;
mod data;
mod expect;
mod explain;
mod extract;
pub(crate) mod flow;
mod form;
mod headers;
mod inherited;
mod limits;
mod load;
mod location;
mod once;
mod probe;
mod rate_limit;
mod scenarios;
mod sequence;
mod shares;
mod stream;
mod talk;
mod tree;
mod variables;

pub use explain::{Explained, Provenance};

use crate::{
    document::{Document, Field, Located, Source},
    overrides::{Given, Overrides, Room},
    plan::{self, Plan, Target, canonical},
    problem::{Place, Problem, Problems},
    quantity::Misread,
    secrets::{Secrecy, Secrets},
    template::{Compiler, Folded, Mode, Text},
};
use std::collections::BTreeSet;

/// A scenario's text and what it is called.
#[derive(Clone, Copy, Debug)]
pub struct SourceText<'a> {
    /// Its path as given, for problems.
    pub path: &'a str,
    /// The text.
    pub text: &'a str,
    /// The name where the text gives none: the file's name without folder and ending.
    pub stem: &'a str,
}

/// A plan, and where its values come from.
#[derive(Debug)]
pub struct Lowered {
    /// What a run does.
    pub plan: Plan,
    /// Each resolved value and where it comes from, in the order of the file's tables.
    pub explained: Vec<Explained>,
}

/// Turns a scenario's text and what is given beside it into a plan.
///
/// # Errors
///
/// All that is wrong with the text and with what is given beside it.
pub fn load(source: SourceText<'_>, overrides: &Overrides) -> Result<Lowered, Problems> {
    let (document, problems) = Document::parse(source.text);
    lower(&document, problems, source, overrides)
}

/// Turns a document into a plan; `problems` are those found while it was read.
pub(crate) fn lower(
    document: &Document,
    problems: Vec<Problem>,
    source: SourceText<'_>,
    overrides: &Overrides,
) -> Result<Lowered, Problems> {
    let mut lowering = Lowering::new(document, problems, source, overrides);
    let name = lowering.name();
    let target = lowering.target();
    let parts = lowering.parts(&name);
    let loads = lowering.loads(&parts);
    let flows = lowering.flows(&parts, target.as_ref());
    let complete = !flows.wrong && flows.setup.is_some() && flows.teardown.is_some();
    let complete = complete && parts.iter().all(|part| part.name.is_some());
    let (setup, teardown) = (
        flows.setup.unwrap_or_default(),
        flows.teardown.unwrap_or_default(),
    );
    lowering.paces(&parts, loads.as_deref().unwrap_or_default());
    let planned = loads.as_deref().unwrap_or_default();
    let known = (planned, lowering.credentials.as_slice());
    let scenarios = scenarios::together(document, &parts, flows.list, known);
    let probes = lowering.probes();
    let layout = complete.then(|| plan::layout(&scenarios, &setup, &teardown, &probes));
    let thresholds = lowering.thresholds(layout.as_ref(), loads.as_deref(), &scenarios);
    lowering.explain_mock();
    let broken = Problems::collect(
        source.path,
        source.text,
        std::mem::take(&mut lowering.problems),
    );
    match (loads, target, thresholds, broken) {
        (Some(loads), Some(target), Some(thresholds), None) => {
            let inputs = lowering.inputs();
            let secrets = std::mem::take(&mut lowering.secrets).into_sorted();
            let data = lowering.compiler.data().to_vec();
            let once = [&setup, &teardown];
            let (canonical, hash) = canonical(&loads, &scenarios, once, &data, &inputs, &secrets);
            let secret_values = std::mem::take(&mut lowering.secret_values);
            let count = lowering.credentials.len();
            let templates = lowering.compiler.finish(&secrets, secret_values, count);
            let mut plan = Plan {
                name,
                target: Target::None,
                loads,
                scenarios,
                setup,
                teardown,
                thresholds,
                source_addresses: source_addresses(document),
                resolve: document.defaults.resolve.clone(),
                mock: document.mock.settings.clone(),
                probes,
                limits: Vec::new(),
                data,
                credentials: lowering.credentials,
                templates,
                secrets,
                hash,
                canonical,
            };
            plan.retarget(target);
            let crowded = crowded(&plan, overrides.room, &lowering.users);
            match Problems::collect(source.path, source.text, crowded.into_iter().collect()) {
                Some(problems) => Err(problems),
                None => Ok(Lowered {
                    plan,
                    explained: lowering.explained,
                }),
            }
        }
        (_, _, _, Some(problems)) => Err(problems),
        // Whatever is missing has been told; this keeps the promise that the list is never empty.
        _ => Err(Problems {
            source: source.path.to_owned(),
            text: source.text.to_owned(),
            list: vec![Problem::new(Place::Whole, "the scenario is not complete")],
        }),
    }
}

/// The addresses that connections come from.
fn source_addresses(document: &Document) -> Vec<std::net::IpAddr> {
    let given = document.defaults.source_addresses.given();
    given.map(|given| given.value.clone()).unwrap_or_default()
}

/// What is at hand while a document is lowered.
struct Lowering<'a> {
    document: &'a Document,
    source: SourceText<'a>,
    overrides: &'a Overrides,
    problems: Vec<Problem>,
    compiler: Compiler,
    secrets: Secrets,
    explained: Vec<Explained>,
    /// The environment variables in templates that are rendered for each request.
    changing_env: BTreeSet<String>,
    /// Whether any template is rendered for each request.
    changing: bool,
    /// Where the users of each load are said.
    users: Vec<Place>,
    /// The data sets that templates of the steps at hand use, by their places.
    used_data: BTreeSet<usize>,
    /// The names of values that answers give and that are used where secrets stand.
    secret_values: BTreeSet<String>,
    /// How many caps on the rate of requests there are so far.
    rate_limits: usize,
    /// The tokens that are fetched.
    credentials: Vec<plan::Credential>,
}

impl<'a> Lowering<'a> {
    fn new(
        document: &'a Document,
        mut problems: Vec<Problem>,
        source: SourceText<'a>,
        overrides: &'a Overrides,
    ) -> Self {
        let mut explained = Vec::new();
        let shared = variables::shared(document, overrides, &mut problems, &mut explained);
        Self {
            document,
            source,
            overrides,
            problems,
            compiler: Compiler::new(shared),
            secrets: variables::secrets(document),
            explained,
            changing_env: BTreeSet::new(),
            changing: false,
            users: Vec::new(),
            used_data: BTreeSet::new(),
            secret_values: BTreeSet::new(),
            rate_limits: 0,
            credentials: Vec::new(),
        }
    }

    /// Tells a problem; what many steps inherit may have it many times.
    fn tell(&mut self, problem: Problem) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Tells that something is missing: not where the text could not be read to its end.
    fn missing(&mut self, problem: Problem) {
        if !self.document.torn {
            self.problems.push(problem);
        }
    }

    fn name(&mut self) -> String {
        match self.document.name.given() {
            Some(given) => {
                self.explain_file("name", &given.value, &given.place);
                given.value.clone()
            }
            None => {
                self.explain("name", self.source.stem, Provenance::Default);
                self.source.stem.to_owned()
            }
        }
    }

    /// A text after its trial, with the secrets in it noted.
    fn fold(&mut self, source: &Source, mode: Mode, secrecy: Secrecy) -> Option<Folded> {
        let folded = match self.compiler.fold(source, mode) {
            Ok(folded) => folded,
            Err(problem) => {
                let problem = self.without_secrets(*problem);
                // What is wrong with the set has been told.
                let of_set = |name: &str| format!("template: `data.{name}` is undefined");
                let mut sets = self.document.data.iter();
                if sets.any(|set| problem.message == of_set(&set.name.value)) {
                    return None;
                }
                // What stands in the defaults is tried for each step.
                let same = |known: &Problem| {
                    (&known.place, &known.message) == (&problem.place, &problem.message)
                };
                if !self.problems.iter().any(same) {
                    self.tell(problem);
                }
                return None;
            }
        };
        self.note_secrets(&folded, secrecy);
        self.used_data.extend(folded.data.iter().copied());
        if matches!(folded.text, Text::Template(_)) {
            self.changing = true;
            self.changing_env.extend(folded.env.iter().cloned());
        }
        Some(folded)
    }

    /// A problem of a template names types and variables, and at times a value: none that is a secret.
    fn without_secrets(&self, mut problem: Problem) -> Problem {
        let mut secrets = Secrets::default();
        for (name, value) in self.compiler.env() {
            if crate::secrets::is_secret_name(name) {
                secrets.add(value);
            }
        }
        problem.message =
            crate::secrets::mask(&secrets.into_sorted(), &problem.message).into_owned();
        problem
    }
}

/// That more users go to one origin than there is room for.
fn crowded(plan: &Plan, room: Option<Room>, places: &[Place]) -> Option<Problem> {
    let crowd = plan.crowd(room?)?;
    let (users, room) = (crowd.users, crowd.room);
    let to = match crowd.origin.port {
        0 => "the embedded target".to_owned(),
        _ => crowd.origin.to_string(),
    };
    let message = match (users, crowd.resting) {
        (_, 0) => format!(
            "{users} users at a time are more than the {room} ports that connections to {to} can have"
        ),
        (0, fresh) => format!(
            "{fresh} connections to {to} in a minute are more than the {room} ports that they can have"
        ),
        (_, fresh) => format!(
            "{users} users at a time and {fresh} further connections to {to} in a minute are more than the {room} ports that they can have"
        ),
    };
    let place = places.get(crowd.load).cloned().unwrap_or(Place::Whole);
    let problem = Problem::new(place, message);
    Some(problem.help(if crowd.resting > 0 {
        "with `connection = \"new\"` each request takes a port, which is free again after 60 s: keep connections, \
         lower the rate, or name more addresses of this machine (`source_addresses`, --source-address)"
    } else {
        "name more addresses of this machine (`source_addresses`, --source-address), widen the range of ports \
         (net.ipv4.ip_local_port_range), or share the users among several machines"
    }))
}

/// The value of a key, or that of the defaults where it is not there.
fn pick_field<'f, T>(own: &'f Field<T>, defaults: &'f Field<T>) -> Option<&'f T> {
    own.or(defaults).given().map(|given| &given.value)
}

/// Reads a value that was given outside of the file.
pub(crate) fn read_given<T>(
    given: &Given,
    read: impl FnOnce(&str) -> Result<T, Misread>,
    problems: &mut Vec<Problem>,
) -> Option<Located<T>> {
    let text = given.value.as_str();
    let place = |span| Place::Given {
        origin: given.origin.clone(),
        text: text.to_owned(),
        span,
    };
    match read(text) {
        Ok(value) => Some(Located::new(value, place(0..text.len()))),
        Err(error) => {
            problems.push(Problem::new(place(error.span), error.message).maybe_help(error.help));
            None
        }
    }
}
