//! Makes the reference page of the scenario file from its schema.
//!
//! What the page says around its tables is in `page.txt`; `<!-- table NAME -->` stands for the keys of a definition,
//! `<!-- rest -->` for the tables that have no place of their own.

use super::value;
use serde_json::Value;
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

/// The page.
pub(super) fn page() -> String {
    let schema = value();
    let mut placed = BTreeSet::new();
    let mut page = String::new();
    for line in TEXT.lines() {
        match line
            .strip_prefix("<!-- ")
            .and_then(|line| line.strip_suffix(" -->"))
        {
            Some("table") => page.push_str(&keys(&schema, &schema)),
            Some("rest") => page.push_str(&rest(&schema, &placed)),
            Some(command) => {
                let name = command.strip_prefix("table ").expect("a table or the rest");
                placed.insert(name.to_owned());
                page.push_str(&keys(&schema, &schema["$defs"][name]));
            }
            None => _ = writeln!(page, "{line}"),
        }
    }
    page
}

/// The tables that the text has no place for.
fn rest(schema: &Value, placed: &BTreeSet<String>) -> String {
    let mut text = String::new();
    let defs = schema["$defs"].as_object().expect("definitions");
    for (name, def) in defs {
        let later = TEXT.contains(&format!("<!-- table {name} -->"));
        if def["properties"].is_object() && !placed.contains(name) && !later {
            let about = def["description"].as_str().unwrap_or_default();
            _ = write!(text, "### {name}\n\n{about}\n\n");
            text.push_str(&keys(schema, def));
            text.push('\n');
        }
    }
    text.trim_end().to_owned() + if text.is_empty() { "" } else { "\n\n" }
}

/// The keys of a table, one after the other.
fn keys(schema: &Value, table: &Value) -> String {
    let mut text = String::new();
    let properties = table["properties"].as_object().expect("a table has keys");
    for (key, property) in properties {
        let about = property["description"].as_str().unwrap_or_default();
        let kind = kind(schema, property);
        _ = writeln!(text, "- **`{key}`** ({kind}) — {about}");
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
        let mut kinds: Vec<String> = choices.iter().map(|choice| kind(schema, choice)).collect();
        kinds.dedup();
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
        Some("array") => format!("list; each: {}", kind(schema, &property["items"])),
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

/// The heading below which the keys of a definition stand, as links write it.
fn anchor(name: &str) -> String {
    let place = TEXT.find(&format!("<!-- table {name} -->"));
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
