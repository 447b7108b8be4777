//! What templates can use: environment variables, `-e`, and `[vars]`.

use super::{Explained, Lowering, Provenance};
use crate::{
    document::{Document, Kind, Node},
    overrides::{Given, Overrides},
    problem::{Place, Problem},
    secrets::{Secrecy, Secrets, is_secret_name},
    template::{Folded, Shared, reserved_help},
};
use minijinja::Value;
use std::collections::BTreeMap;

/// The variables of all users.
pub(super) fn shared(
    document: &Document,
    overrides: &Overrides,
    problems: &mut Vec<Problem>,
    explained: &mut Vec<Explained>,
) -> Shared {
    let mut env: BTreeMap<String, String> = overrides.environment.iter().cloned().collect();
    for given in &overrides.variables {
        match assignment(given) {
            Ok((name, value)) => {
                let shown = if is_secret_name(name) { "***" } else { value };
                explained.push(Explained {
                    key: format!("env.{name}"),
                    value: shown.to_owned(),
                    from: Provenance::Given(given.origin.clone()),
                });
                env.insert(name.to_owned(), value.to_owned());
            }
            Err(problem) => problems.push(*problem),
        }
    }
    for (name, _) in &document.vars {
        if let Some(help) = reserved_help(&name.value) {
            let message = format!("a variable cannot be called `{}`", name.value);
            problems.push(Problem::new(&name.place, message).help(help));
        }
    }
    let vars: BTreeMap<String, Value> = document
        .vars
        .iter()
        .map(|(name, node)| (name.value.clone(), value(node)))
        .collect();
    let all_vars = Value::from_pairs(
        vars.iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    Shared {
        env,
        vars,
        all_vars,
        data: super::data::sets(document, overrides, problems),
        ..Shared::default()
    }
}

/// The texts of variables with secret names.
pub(super) fn secrets(document: &Document) -> Secrets {
    let mut secrets = Secrets::default();
    for (name, node) in &document.vars {
        if is_secret_name(&name.value) {
            add_texts(node, &mut secrets);
        }
    }
    secrets
}

impl Lowering<'_> {
    /// Notes what is secret in a text: all of it, or what comes from variables with secret names.
    pub(super) fn note_secrets(&mut self, folded: &Folded, secrecy: Secrecy) {
        let whole = secrecy != Secrecy::Open;
        for name in &folded.env {
            if let Some(value) = self.compiler.env().get(name)
                && (whole || is_secret_name(name))
            {
                self.secrets.add(value);
            }
        }
        if !whole {
            return;
        }
        self.secret_values.extend(folded.vars.iter().cloned());
        self.secret_values.extend(folded.data_paths.iter().cloned());
        if folded.open {
            return;
        }
        for (_, node) in self
            .document
            .vars
            .iter()
            .filter(|(name, _)| folded.vars.contains(&name.value))
        {
            add_texts(node, &mut self.secrets);
        }
        match (secrecy, serde_json::from_str(&folded.trial)) {
            (Secrecy::SecretHeader, _) => self.secrets.add_header(&folded.trial),
            // An expression in JSON was rendered with its quotes.
            (_, Ok(serde_json::Value::String(text))) => self.secrets.add(&text),
            _ => self.secrets.add(&folded.trial),
        }
    }

    /// What templates that are rendered for each request can use, secrets left out.
    pub(super) fn inputs(&self) -> serde_json::Value {
        if !self.changing {
            return serde_json::Value::Null;
        }
        let hidden = |name: &str, value: serde_json::Value| {
            let value = if is_secret_name(name) {
                "***".into()
            } else {
                value
            };
            (name.to_owned(), value)
        };
        let vars: serde_json::Map<_, _> = self
            .document
            .vars
            .iter()
            .map(|(name, node)| hidden(&name.value, node.to_json()))
            .collect();
        let used = self
            .compiler
            .env()
            .iter()
            .filter(|(name, _)| self.changing_env.contains(*name));
        let env: serde_json::Map<_, _> = used
            .map(|(name, value)| hidden(name, value.as_str().into()))
            .collect();
        serde_json::json!({ "vars": vars, "env": env })
    }
}

/// The two sides of `NAME=VALUE`. A value is never told: it may be a secret.
fn assignment(given: &Given) -> Result<(&str, &str), Box<Problem>> {
    let (name, value) = given.value.split_once('=').unwrap_or((&given.value, ""));
    let place = || Place::Given {
        origin: given.origin.clone(),
        text: name.to_owned(),
        span: 0..name.len(),
    };
    if !given.value.contains('=') {
        let problem = Problem::new(place(), format!("`{name}` has no value"));
        return Err(Box::new(
            problem.help(format!("write `{} {name}=VALUE`", given.origin)),
        ));
    }
    let valid = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !valid {
        let problem = Problem::new(place(), format!("`{name}` is no name of a variable"));
        return Err(Box::new(
            problem.help("a name is made of letters, digits and `_`"),
        ));
    }
    Ok((name, value))
}

fn value(node: &Node) -> Value {
    match &node.kind {
        Kind::Text(text) | Kind::Date(text) => Value::from(text.as_str()),
        Kind::Integer(number) => {
            i64::try_from(*number).map_or_else(|_| Value::from(*number), Value::from)
        }
        Kind::Float(number) => Value::from(*number),
        Kind::Bool(value) => Value::from(*value),
        Kind::List(list) => list.iter().map(value).collect(),
        Kind::Table(entries) => Value::from_pairs(
            entries
                .iter()
                .map(|(key, node)| (key.value.clone(), value(node))),
        ),
        Kind::Broken => Value::from(()),
    }
}

fn add_texts(node: &Node, secrets: &mut Secrets) {
    match &node.kind {
        Kind::Text(text) => secrets.add(text),
        Kind::List(list) => list.iter().for_each(|node| add_texts(node, secrets)),
        Kind::Table(entries) => entries
            .iter()
            .for_each(|(_, node)| add_texts(node, secrets)),
        _ => {}
    }
}
