//! Makes the reference page of the scenario file from its schema.
//!
//! What the page says around the keys is in `page.txt`. There `<!-- keys NAME -->` stands for all keys of a definition,
//! `<!-- keys NAME: a b -->` for these, in this order, and `<!-- shared NAME OTHER -->` for the names of those that it has
//! in common with another one, where they are explained. The file itself is the definition `File`.

use super::value;
use serde_json::{Map, Value};
use std::{collections::BTreeSet, fmt::Write as _};

const TEXT: &str = include_str!("page.txt");
/// Definitions that are values, each with what the page calls it.
const VALUES: &[(&str, &str)] = &[
    ("Duration", "duration"),
    ("Rate", "rate"),
    ("Share", "share"),
    ("Status", "status"),
    ("Statuses", "status, or list of statuses"),
    ("Scalar", "string, number or boolean"),
    ("Scalars", "string, number or boolean, or list of them"),
    ("Texts", "string, or list of strings"),
];

/// A line of the text, or what it stands for.
enum Line {
    Text(&'static str),
    /// Keys of a definition.
    Keys(&'static str, Vec<String>),
    /// Keys of a definition that are explained with another one.
    Shared(&'static str, Vec<String>),
}

/// The page.
pub(super) fn page() -> String {
    let schema = value();
    let mut page = String::new();
    for line in lines(&schema) {
        match line {
            Line::Text(text) => _ = writeln!(page, "{text}"),
            Line::Keys(name, keys) => {
                let entries = keys.iter().map(|key| entry(&schema, name, key));
                page.extend(entries);
            }
            Line::Shared(_, keys) => {
                let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
                _ = writeln!(page, "{}.", keys.join(", "));
            }
        }
    }
    page
}

/// The keys that the page explains, as `Definition.key`.
pub(super) fn explained(schema: &Value) -> BTreeSet<String> {
    let mut explained = BTreeSet::new();
    for line in lines(schema) {
        if let Line::Keys(name, keys) | Line::Shared(name, keys) = line {
            explained.extend(keys.iter().map(|key| format!("{name}.{key}")));
        }
    }
    explained
}

/// The lines of the text.
fn lines(schema: &Value) -> Vec<Line> {
    let all = |name: &str| properties(schema, name).keys().cloned();
    let line = |text: &'static str| {
        let command = text
            .strip_prefix("<!-- ")
            .and_then(|text| text.strip_suffix(" -->"));
        let Some(command) = command else {
            return Line::Text(text);
        };
        if let Some((name, other)) = command
            .strip_prefix("shared ")
            .and_then(|rest| rest.split_once(' '))
        {
            let other = properties(schema, other);
            return Line::Shared(
                name,
                all(name).filter(|key| other.contains_key(key)).collect(),
            );
        }
        let keys = command.strip_prefix("keys ").expect("a known command");
        match keys.split_once(": ") {
            Some((name, keys)) => Line::Keys(name, keys.split(' ').map(str::to_owned).collect()),
            None => Line::Keys(keys, all(keys).collect()),
        }
    };
    TEXT.lines().map(line).collect()
}

/// The keys of a definition.
fn properties<'a>(schema: &'a Value, name: &str) -> &'a Map<String, Value> {
    let definition = match name {
        "File" => schema,
        _ => &schema["$defs"][name],
    };
    let properties = definition["properties"].as_object();
    properties.unwrap_or_else(|| panic!("{name} is no table"))
}

/// What is told of one key of a definition.
fn entry(schema: &Value, name: &str, key: &str) -> String {
    let property = properties(schema, name).get(key);
    let property = property.unwrap_or_else(|| panic!("{name} has no key {key}"));
    let about = property["description"].as_str().unwrap_or_default();
    let mut text = format!("- **`{key}`** ({}) — {about}\n", kind(schema, property));
    let examples: Vec<String> = examples(schema, property)
        .iter()
        .map(|example| format!("`{} = {}`", self::key(key), toml(example)))
        .collect();
    if !examples.is_empty() {
        _ = writeln!(text, "  For example {}.", examples.join(", "));
    }
    for (word, about) in words(schema, property) {
        _ = writeln!(text, "  - `{}`: {about}", toml(&word));
    }
    text
}

/// What a value can be, in words.
fn kind(schema: &Value, property: &Value) -> String {
    if let Some(name) = name_of(property) {
        let def = &schema["$defs"][name];
        if let Some((_, known)) = VALUES.iter().find(|(known, _)| *known == name) {
            return (*known).to_owned();
        }
        if def["properties"].is_object() {
            return format!("[table](#{})", anchor(name));
        }
        return kind(schema, def);
    }
    if let Some(choices) = choices(property) {
        if choices.iter().all(|choice| choice["const"].is_string()) {
            return "one of the words below".to_owned();
        }
        let mut kinds: Vec<String> = Vec::new();
        for choice in choices {
            // "status, or list of them" rather than "status, or list of: status".
            let of = choice["items"]
                .is_object()
                .then(|| kind(schema, &choice["items"]));
            let kind = match of {
                Some(of) if kinds.contains(&of) => "list of them".to_owned(),
                _ => kind(schema, choice),
            };
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        return kinds.join(", or ");
    }
    match property["type"].as_str() {
        Some("string") if property["enum"].is_array() || property["const"].is_string() => {
            "one of the words below".to_owned()
        }
        Some("string") => "string".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("integer") => format!("whole number{}", range(property)),
        Some("number") => format!("number{}", range(property)),
        Some("array") => match kind(schema, &property["items"]).as_str() {
            "any value" => "list".to_owned(),
            each => format!("list; each: {each}"),
        },
        Some("object") if property["additionalProperties"].is_object() => {
            format!(
                "table; each: {}",
                kind(schema, &property["additionalProperties"])
            )
        }
        Some("object") => "table".to_owned(),
        _ => "any value".to_owned(),
    }
}

fn range(property: &Value) -> String {
    match (property["minimum"].as_f64(), property["maximum"].as_f64()) {
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
        (Some(least), None) => format!(", at least {least}"),
        (None, Some(most)) => format!(", at most {most}"),
        (None, None) => String::new(),
    }
}

/// The words that a value can be, each with what it means.
fn words(schema: &Value, property: &Value) -> Vec<(Value, String)> {
    if let Some(name) = name_of(property) {
        let is_value = VALUES.iter().any(|(known, _)| *known == name);
        return if is_value {
            Vec::new()
        } else {
            words(schema, &schema["$defs"][name])
        };
    }
    let about = |word: &Value| word["description"].as_str().unwrap_or_default().to_owned();
    let mut found = Vec::new();
    if property["const"].is_string() {
        found.push((property["const"].clone(), about(property)));
    }
    for word in property["enum"].as_array().into_iter().flatten() {
        found.push((word.clone(), about(property)));
    }
    for choice in choices(property).into_iter().flatten() {
        found.extend(words(schema, choice));
    }
    found
}

/// Examples of a value: its own, else those of what it can be.
pub(super) fn examples(schema: &Value, property: &Value) -> Vec<Value> {
    if let Some(own) = property["examples"].as_array() {
        return own.clone();
    }
    if property["const"].is_string() {
        return vec![property["const"].clone()];
    }
    if property["type"] == "boolean" {
        return vec![Value::Bool(true)];
    }
    let inner = match name_of(property) {
        Some(name) => examples(schema, &schema["$defs"][name]),
        None => {
            let choices = choices(property).into_iter().flatten();
            let mut inner = choices.map(|choice| examples(schema, choice));
            inner.find(|found| !found.is_empty()).unwrap_or_default()
        }
    };
    inner.into_iter().take(1).collect()
}

fn name_of(property: &Value) -> Option<&str> {
    property["$ref"].as_str()?.strip_prefix("#/$defs/")
}

fn choices(property: &Value) -> Option<&Vec<Value>> {
    ["anyOf", "oneOf"]
        .into_iter()
        .find_map(|key| property[key].as_array())
        .filter(|choices| choices.iter().all(|choice| choice["required"].is_null()))
}

/// The heading below which the keys of a definition stand first, as links write it.
fn anchor(name: &str) -> String {
    let whole = TEXT.find(&format!("<!-- keys {name} -->"));
    let some = TEXT.find(&format!("<!-- keys {name}: "));
    let place = whole.into_iter().chain(some).min();
    let before = place.map_or("", |place| &TEXT[..place]);
    let heading = before.lines().rev().find(|line| line.starts_with('#'));
    let heading = heading.map_or(name, |line| line.trim_start_matches('#').trim());
    heading.to_ascii_lowercase().replace(' ', "-")
}

/// A value as TOML writes it in one line.
fn toml(value: &Value) -> String {
    match value {
        Value::Array(list) => {
            let list: Vec<String> = list.iter().map(toml).collect();
            format!("[{}]", list.join(", "))
        }
        Value::Object(entries) => {
            let entries = entries.iter();
            let entries: Vec<String> = entries
                .map(|(name, value)| format!("{} = {}", key(name), toml(value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.chars().all(bare) {
        name.to_owned()
    } else {
        Value::from(name).to_string()
    }
}
