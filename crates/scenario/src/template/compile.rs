//! Compiles templates while a scenario is lowered, and renders once what needs no more.

mod answers;

use super::{
    Mode, TURN, TemplateName, Templates, Text, explain, functions,
    scope::{Probe, Shared, Touched, User},
};
use crate::{
    data::DataSet,
    document::Source,
    problem::{Problem, nearest},
    tokens::Tokens,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use minijinja::{
    Environment, Error, ErrorKind, UndefinedBehavior,
    syntax::SyntaxConfig,
    value::{Value, ValueKind},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

/// How many steps one rendering may take: far more than a request needs, few enough to come to an end.
const FUEL: u64 = 2_000_000;

/// Names that templates already know, so that no variable can have them.
const RESERVED: [&str; 5] = ["env", "vars", "data", "vu", "iteration"];

/// Names that the language itself knows.
const BUILTIN: [&str; 4] = ["range", "dict", "namespace", "loop"];

/// Compiles templates, and renders once what needs no more.
#[derive(Debug)]
pub(crate) struct Compiler {
    environment: Environment<'static>,
    shared: Arc<Shared>,
    probe: Arc<User>,
    /// Names of values that the setup takes out of answers: all steps after it know them.
    of_setup: BTreeSet<String>,
    /// Names of values that any step of the file takes out of answers.
    of_answers: BTreeSet<String>,
    /// Names of values that only later steps take out of answers, with how problems call those steps.
    later: BTreeMap<String, String>,
}

/// What templates know of the values that answers give.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    introduced: BTreeSet<String>,
    later: BTreeMap<String, String>,
}

impl Known {
    /// What is known to either.
    pub(crate) fn join(&mut self, other: Self) {
        self.introduced.extend(other.introduced);
        self.later.retain(|name, _| !self.introduced.contains(name));
    }
}

/// A text after its trial rendering.
#[derive(Clone, Debug)]
pub(crate) struct Folded {
    /// What is left to render.
    pub(crate) text: Text,
    /// The environment variables in it.
    pub(crate) env: BTreeSet<String>,
    /// The variables in it, by their bare names.
    pub(crate) vars: BTreeSet<String>,
    /// The data sets in it, by their places.
    pub(crate) data: BTreeSet<usize>,
    /// What it takes out of data sets: `data.users.name`.
    pub(crate) data_paths: BTreeSet<String>,
    /// What the trial gave.
    pub(crate) trial: String,
    /// Whether the trial tells little, as a value in it is known only in the run.
    pub(crate) open: bool,
}

impl Compiler {
    pub(crate) fn new(shared: Shared) -> Self {
        let shared = Arc::new(shared);
        let probe = Arc::new(User::new(
            shared.clone(),
            1,
            0,
            Some(Box::<Probe>::default()),
        ));
        Self {
            environment: environment(),
            shared,
            probe,
            of_setup: BTreeSet::new(),
            of_answers: BTreeSet::new(),
            later: BTreeMap::new(),
        }
    }

    /// Begins the steps of another kind of user: what answers will give is unknown again. `later` is what its steps
    /// will take out of answers, each with how problems call the step.
    pub(crate) fn begin_steps(&mut self, later: BTreeMap<String, String>) {
        self.probe.forget_introduced();
        let of_setup = self.of_setup.iter();
        of_setup.for_each(|name| self.probe.introduce(name));
        self.later = later;
    }

    /// From here on no value of this name is known.
    pub(crate) fn withdraw(&mut self, name: &str) {
        self.probe.withdraw(name);
    }

    /// The steps so far were those of the setup: what they take out of answers is known to all others.
    pub(crate) fn end_setup(&mut self) {
        self.of_setup = self.probe.introduced();
    }

    /// A step takes a value of this name out of its answer: those that follow can use it.
    pub(crate) fn introduce(&mut self, name: &str) {
        self.probe.introduce(name);
        self.later.remove(name);
    }

    /// What is known of the values that answers give.
    pub(crate) fn known(&self) -> Known {
        Known {
            introduced: self.probe.introduced(),
            later: self.later.clone(),
        }
    }

    /// From here on that much is known.
    pub(crate) fn know(&mut self, known: Known) {
        self.probe.forget_introduced();
        for name in &known.introduced {
            self.probe.introduce(name);
        }
        self.later = known.later;
    }

    /// Compiles a text, tries it, and keeps the outcome where it is always the same.
    pub(crate) fn fold(&mut self, source: &Source, mode: Mode) -> Result<Folded, Box<Problem>> {
        if !source.template || !is_template(&source.text) {
            let trial = source.text.clone();
            return Ok(Folded {
                text: Text::Fixed(trial.clone()),
                env: BTreeSet::new(),
                vars: BTreeSet::new(),
                data: BTreeSet::new(),
                data_paths: BTreeSet::new(),
                trial,
                open: false,
            });
        }
        let (trial, touched, paths) = self
            .try_out(&source.text, mode)
            .map_err(|error| self.problem(source, &error))?;
        if trial.is_none() {
            self.all_known(source, &paths)?;
        }
        let trial = trial.unwrap_or_default();
        let after = |prefix: &str| {
            let names = paths.iter().filter_map(|path| path.strip_prefix(prefix));
            names
                .map(|name| name.split('.').next().unwrap_or(name).to_owned())
                .collect::<BTreeSet<_>>()
        };
        let text = if touched.changing {
            Text::Template(
                self.keep(&source.text, mode)
                    .map_err(|error| self.problem(source, &error))?,
            )
        } else {
            Text::Fixed(trial.clone())
        };
        let env = touched.env.union(&after("env.")).cloned().collect();
        let vars = after("vars.").union(&after("")).cloned().collect();
        let named = after("data.");
        let sets = (0..).zip(&self.shared.data);
        let named = sets.filter(|(_, set)| named.contains(set.name.as_ref()));
        let data = named.map(|(place, _)| place).chain(touched.data).collect();
        let data_paths = paths.iter().filter(|path| path.starts_with("data."));
        let data_paths = data_paths.cloned().collect();
        Ok(Folded {
            text,
            env,
            vars,
            data,
            data_paths,
            trial,
            open: touched.unknown,
        })
    }

    /// Tells the first name in a template that nothing stands behind; its trial did not come so far.
    fn all_known(&self, source: &Source, paths: &HashSet<String>) -> Result<(), Box<Problem>> {
        let known = self.names();
        let roots = paths
            .iter()
            .map(|path| path.split('.').next().unwrap_or(path));
        let known = |root: &&str| BUILTIN.contains(root) || known.iter().any(|one| one == root);
        let Some(name) = roots.filter(|root| !known(root)).min() else {
            return Ok(());
        };
        let at = source.text.find(name).unwrap_or_default();
        let place = source.part(&(at..at + name.len()));
        let problem = Problem::new(place, format!("template: `{name}` is undefined"));
        Err(Box::new(problem.help(self.undefined_help(name))))
    }

    /// What to do about a data set, or a column of one, that is not there.
    fn data_help(&self, path: &str) -> Option<String> {
        let (name, column) = path.split_once('.').unwrap_or((path, ""));
        let sets: Vec<&str> = self
            .shared
            .data
            .iter()
            .map(|set| set.name.as_ref())
            .collect();
        let set = self
            .shared
            .data
            .iter()
            .find(|set| set.name.as_ref() == name);
        let (word, words) = match set {
            Some(set) => (
                column,
                set.texts(0).into_iter().map(|(name, _)| name).collect(),
            ),
            None => (
                name,
                sets.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ),
        };
        match nearest(word, words.iter().map(String::as_str)) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if words.is_empty() => Some("add `[data.NAME]` with a `file`".to_owned()),
            None => Some(format!("known are {}", list(&words))),
        }
    }

    /// What to do about a name that nothing stands behind.
    fn undefined_help(&self, name: &str) -> String {
        if let Some(step) = self.later.get(name) {
            return format!(
                "{step} does not extract it before this use: put that step first, or give `{name}` a first value in [vars]"
            );
        }
        if name == TURN {
            return "steps with `conversation = true` know it".to_owned();
        }
        if self.of_answers.contains(name) {
            return "other users extract it; what `[[setup]]` extracts, all know".to_owned();
        }
        let names = self.names();
        let all = names.iter().chain(&self.of_answers);
        match nearest(name, all.map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are {}", list(&names)),
        }
    }

    /// Renders a text once: the outcome, what it used, and the paths of variables that stand anywhere in it. There is no
    /// outcome where it fails over a value that is known only in the run: it may do well then.
    fn try_out(
        &self,
        text: &str,
        mode: Mode,
    ) -> Result<(Option<String>, Touched, HashSet<String>), Error> {
        let template = self
            .environment
            .template_from_named_str(mode.prefix(), text)?;
        let outcome = template.render(self.probe.context());
        let touched = self.probe.take_touched();
        let outcome = match outcome {
            Err(error) if touched.unknown && !is_always_wrong(&error) => None,
            outcome => Some(outcome?),
        };
        Ok((outcome, touched, template.undeclared_variables(true)))
    }

    /// Keeps a template for the run.
    fn keep(&mut self, text: &str, mode: Mode) -> Result<TemplateName, Error> {
        let name = format!("{}{text}", mode.prefix());
        let name: &'static str = Box::leak(name.into_boxed_str());
        self.environment
            .add_template(name, name.get(mode.prefix().len()..).unwrap_or_default())?;
        Ok(TemplateName(name))
    }

    /// The data sets that templates can use.
    pub(crate) fn data(&self) -> &[Arc<DataSet>] {
        &self.shared.data
    }

    /// The environment variables that templates can use.
    pub(crate) fn env(&self) -> &BTreeMap<String, String> {
        &self.shared.env
    }

    /// Ends compiling: the templates for the run.
    /// `secret_values` are the names of values that answers give and that are secrets, `credentials` the number of tokens
    /// that are fetched.
    pub(crate) fn finish(
        self,
        secrets: &[String],
        secret_values: BTreeSet<String>,
        credentials: usize,
    ) -> Arc<Templates> {
        Arc::new(Templates {
            environment: self.environment,
            shared: self.shared,
            secrets: secrets.to_vec(),
            secret_values,
            tokens: Arc::new(Tokens::new(credentials)),
        })
    }

    fn problem(&self, source: &Source, error: &Error) -> Box<Problem> {
        let end = source.text.len();
        let span = error.range().unwrap_or(0..end);
        let span = source.text.floor_char_boundary(span.start.min(end))
            ..source.text.ceil_char_boundary(span.end.min(end));
        let marked = source.text.get(span.clone()).unwrap_or_default();
        let message = format!("template: {}", explain(error));
        Box::new(Problem::new(source.part(&span), message).maybe_help(self.help(error, marked)))
    }

    fn help(&self, error: &Error, marked: &str) -> Option<String> {
        let quoted = error
            .detail()
            .and_then(|detail| detail.split('`').nth(1))
            .unwrap_or_default();
        let near = |word: &str, words: Vec<String>| {
            nearest(word, words.iter().map(String::as_str))
                .map(|near| format!("did you mean `{near}`?"))
        };
        match error.kind() {
            ErrorKind::UndefinedError => match quoted.split_once('.').unwrap_or((quoted, "")) {
                ("env", name) => Some(format!(
                    "set the variable {name}, give `-e {name}=…`, or write `env.{name} | default('…')`"
                )),
                ("data", path) => self.data_help(path),
                ("vars", name) => near(name, self.shared.vars.keys().cloned().collect()),
                (name, _) => Some(self.undefined_help(name)),
            },
            ErrorKind::UnknownFunction => {
                near(marked.split('(').next()?, self.names()).or_else(|| {
                    Some(format!(
                        "the functions are {}",
                        list(&functions::NAMES.map(String::from))
                    ))
                })
            }
            ErrorKind::UnknownFilter => {
                near(marked, FILTERS.iter().map(ToString::to_string).collect())
            }
            _ => None,
        }
    }

    /// Every name that a template can use.
    fn names(&self) -> Vec<String> {
        let fixed = RESERVED.iter().chain(&functions::NAMES).chain(&["range"]);
        fixed
            .map(ToString::to_string)
            .chain(self.shared.vars.keys().cloned())
            .chain(self.probe.introduced())
            .collect()
    }
}

/// What to do about a variable with a reserved name.
pub(crate) fn reserved_help(name: &str) -> Option<&'static str> {
    let taken =
        RESERVED.contains(&name) || functions::NAMES.contains(&name) || BUILTIN.contains(&name);
    match taken {
        true => Some("templates know this name already; choose another"),
        false if name == TURN => {
            Some("in a conversation it is the number of the turn; choose another")
        }
        false => None,
    }
}

/// The filters that are suggested.
const FILTERS: [&str; 31] = [
    "abs",
    "base64",
    "capitalize",
    "default",
    "dictsort",
    "first",
    "float",
    "format",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "max",
    "min",
    "replace",
    "reverse",
    "round",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "upper",
    "urlencode",
];

fn list(words: &[String]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Whether a template fails so whatever the values in it.
fn is_always_wrong(error: &Error) -> bool {
    let kinds = [
        ErrorKind::UndefinedError,
        ErrorKind::UnknownFilter,
        ErrorKind::UnknownTest,
    ];
    kinds.contains(&error.kind())
}

fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|open| text.contains(open))
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    // Errors name what is undefined only with this; it costs nothing until there is one.
    environment.set_debug(true);
    environment.set_fuel(Some(FUEL));
    if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
        environment.set_syntax(syntax);
    }
    environment.set_formatter(
        |out, state, value| match (Mode::of(state.name()), value.kind()) {
            (Mode::Text, ValueKind::Undefined | ValueKind::None) => Ok(()),
            (Mode::Text, ValueKind::Plain) => write_text(out, &value.to_string()),
            (Mode::Text, ValueKind::String) => write_text(out, value.as_str().unwrap_or_default()),
            _ => write_text(out, &to_json(value)?),
        },
    );
    environment.add_filter("tojson", |value: &Value| to_json(value));
    environment.add_filter("base64", |text: &str| BASE64_STANDARD.encode(text));
    // `debug()` would show every variable; the others mark strings as safe, which means nothing here.
    environment.remove_global("debug");
    for filter in ["safe", "escape", "e", "pprint"] {
        environment.remove_filter(filter);
    }
    environment
}

fn write_text(out: &mut minijinja::Output<'_>, text: &str) -> Result<(), Error> {
    out.write_str(text).map_err(Error::from)
}

fn to_json(value: &Value) -> Result<String, Error> {
    serde_json::to_string(value)
        .map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))
}
