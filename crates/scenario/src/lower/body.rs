//! The body of a step: one of its forms, text and JSON with templates in it here.

use super::Lowering;
use crate::{
    document::{Field, Kind, Located, Node, Source, StepTable},
    plan::{Body, DialectName},
    problem::{Place, Problem},
    secrets::{Secrecy, is_secret_name},
    template::{JsonBuilder, JsonTemplate, Mode, Text, quote, sole_expression},
};

impl Lowering<'_> {
    /// The body of a step; absent where it is wrong.
    pub(super) fn body(&mut self, step: &StepTable, location: &str) -> Option<Body> {
        if !self.one_body(step) {
            return None;
        }
        match (&step.body, &step.json, &step.form) {
            (Field::Broken, ..) | (_, Field::Broken, _) | (.., Field::Broken) => return None,
            (Field::Given(body), ..) => return self.text(&body.value, step, location),
            (_, Field::Given(json), _) if step.talk.converses() => {
                return self.chat(json, step, location);
            }
            (_, Field::Given(json), _) => return self.json(json, step, location),
            (.., Field::Given(pairs)) => return self.form(&pairs.value),
            (Field::Absent, Field::Absent, Field::Absent) => {}
        }
        match (&step.multipart, &step.body_file) {
            (Field::Broken, _) | (_, Field::Broken) => None,
            (Field::Given(parts), _) => self.multipart(&parts.value),
            (_, Field::Given(file)) => self.file(file).map(Body::Bytes),
            (Field::Absent, Field::Absent) => {
                Some(step.bytes.clone().map_or(Body::Empty, Body::Bytes))
            }
        }
    }

    /// Whether a step has one body at most.
    fn one_body(&mut self, step: &StepTable) -> bool {
        let place = |given: Option<&Place>, key| given.map(|place| (key, place.clone()));
        let kinds = [
            place(step.body.given().map(|one| &one.place), "body"),
            place(step.json.given().map(|one| &one.place), "json"),
            place(step.form.given().map(|one| &one.place), "form"),
            place(step.multipart.given().map(|one| &one.place), "multipart"),
            place(step.body_file.given().map(|one| &one.place), "body_file"),
        ];
        let mut kinds = kinds.into_iter().flatten();
        let Some((first, first_place)) = kinds.next() else {
            return true;
        };
        let mut single = true;
        for (other, place) in kinds {
            let message = format!("`{first}` and `{other}` cannot both be given");
            let problem = Problem::new(&place, message).more(&first_place, "the other one");
            self.tell(problem.help("remove one of them"));
            single = false;
        }
        single
    }

    fn text(&mut self, body: &Source, step: &StepTable, location: &str) -> Option<Body> {
        let folded = self.fold(body, Mode::Text, Secrecy::Open)?;
        self.secrets.add_body(&folded.trial);
        let text = folded.text;
        let asked = text
            .fixed()
            .filter(|_| wants_usage(step, location))
            .and_then(text_with_usage);
        Some(Body::Text(asked.map_or(text, Text::Fixed)))
    }

    fn json(&mut self, json: &Located<Node>, step: &StepTable, location: &str) -> Option<Body> {
        let mut builder = JsonBuilder::default();
        let complete = match &json.value.kind {
            Kind::Table(entries) if asks_for_usage(entries, step, location) => {
                builder.json("{");
                let complete = self.json_entries(entries, true, &mut builder);
                builder.json("}");
                complete
            }
            _ => self.json_value(&json.value, Secrecy::Open, &mut builder),
        };
        complete.then(|| Body::Json(builder.finish()))
    }

    /// A value with templates in it; absent where something in it is wrong.
    pub(super) fn json_template(&mut self, node: &Node) -> Option<JsonTemplate> {
        let mut builder = JsonBuilder::default();
        let complete = self.json_value(node, Secrecy::Open, &mut builder);
        complete.then(|| builder.finish())
    }

    /// Writes a value; whether nothing in it is wrong.
    pub(super) fn json_value(
        &mut self,
        node: &Node,
        secrecy: Secrecy,
        out: &mut JsonBuilder,
    ) -> bool {
        match &node.kind {
            Kind::Text(text) => return self.json_text(node, text, secrecy, out),
            Kind::Integer(number) => out.json(&number.to_string()),
            Kind::Float(number) => out.json(&serde_json::Value::from(*number).to_string()),
            Kind::Bool(value) => out.json(if *value { "true" } else { "false" }),
            Kind::Date(text) => out.json(&quote(text)),
            Kind::List(list) => {
                let mut complete = true;
                for (number, node) in list.iter().enumerate() {
                    out.json(if number == 0 { "[" } else { "," });
                    complete &= self.json_value(node, secrecy, out);
                }
                out.json(if list.is_empty() { "[]" } else { "]" });
                return complete;
            }
            Kind::Table(entries) => {
                out.json("{");
                let complete = self.json_entries(entries, false, out);
                out.json("}");
                return complete;
            }
            Kind::Broken => return false,
        }
        true
    }

    fn json_text(
        &mut self,
        node: &Node,
        text: &str,
        secrecy: Secrecy,
        out: &mut JsonBuilder,
    ) -> bool {
        let source = node.source(text);
        let sole = sole_expression(text);
        let mode = if sole { Mode::Json } else { Mode::Text };
        let Some(folded) = self.fold(&source, mode, secrecy) else {
            return false;
        };
        if sole {
            out.value(folded.text);
        } else {
            out.string(folded.text);
        }
        true
    }

    fn json_entry(&mut self, (key, node): &(Located<String>, Node), out: &mut JsonBuilder) -> bool {
        out.json(&quote(&key.value));
        out.json(":");
        self.json_value(node, Secrecy::when(is_secret_name(&key.value)), out)
    }

    /// Writes what stands between the brackets of a table; with `usage`, `stream_options.include_usage` too.
    pub(super) fn json_entries(
        &mut self,
        entries: &[(Located<String>, Node)],
        usage: bool,
        out: &mut JsonBuilder,
    ) -> bool {
        let mut complete = true;
        let mut lacking = usage;
        for (number, entry) in entries.iter().enumerate() {
            if number > 0 {
                out.json(",");
            }
            match (&entry.1.kind, entry.0.value.as_str()) {
                (Kind::Table(options), "stream_options") if usage => {
                    out.json("\"stream_options\":{\"include_usage\":true");
                    for entry in options {
                        out.json(",");
                        complete &= self.json_entry(entry, out);
                    }
                    out.json("}");
                    lacking = false;
                }
                _ => complete &= self.json_entry(entry, out),
            }
        }
        if lacking {
            out.json(",\"stream_options\":{\"include_usage\":true}");
        }
        complete
    }
}

/// Whether usage is to be asked for in a body that says nothing of it.
pub(super) fn asks_for_usage(
    entries: &[(Located<String>, Node)],
    step: &StepTable,
    location: &str,
) -> bool {
    wants_usage(step, location) && lacks_usage(entries)
}

/// Whether usage is to be asked for, where the body asks for a stream: chat completions and completions do not tell it
/// by themselves.
fn wants_usage(step: &StepTable, location: &str) -> bool {
    let Some(stream) = step.stream.given() else {
        return false;
    };
    let openai = stream
        .value
        .dialect
        .given()
        .is_some_and(|dialect| dialect.value == DialectName::OpenAi);
    let path = location.split(['?', '#']).next().unwrap_or_default();
    let untold = path.trim_end_matches('/').ends_with("/completions");
    openai
        && stream
            .value
            .include_usage
            .given()
            .map_or(untold, |given| given.value)
}

/// Whether a body asks for a stream and says nothing of usage.
fn lacks_usage(entries: &[(Located<String>, Node)]) -> bool {
    let get = |entries: &[(Located<String>, Node)], key: &str| {
        entries
            .iter()
            .find(|(name, _)| name.value == key)
            .map(|(_, node)| node.kind.clone())
    };
    let told = match get(entries, "stream_options") {
        None => false,
        Some(Kind::Table(options)) => get(&options, "include_usage").is_some(),
        Some(_) => true,
    };
    !told && get(entries, "stream") == Some(Kind::Bool(true))
}

/// A text that is JSON and asks for a stream, with usage asked for; absent where nothing is to be added.
fn text_with_usage(text: &str) -> Option<String> {
    let tree: serde_json::Value = serde_json::from_str(text).ok()?;
    let lacking = tree.get("stream") == Some(&true.into()) && tree.get("stream_options").is_none();
    // Put behind the first bracket, so that the rest stays as it was written.
    let rest = text.trim_start().strip_prefix('{').filter(|_| lacking)?;
    Some(format!(
        "{{\"stream_options\":{{\"include_usage\":true}},{rest}"
    ))
}
