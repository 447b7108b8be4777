//! Reads the bodies that are no plain text: forms, parts, files.

use super::{
    flow::QueryValue,
    keys,
    node::{Field, Kind, Located, Node, Source},
    reader::{Reader, field},
};
use crate::problem::{Place, Problem};

/// The pairs of `form`.
pub(crate) type Pairs = Vec<(Located<String>, QueryValue)>;

/// One of `multipart`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PartTable {
    /// Where it stands.
    pub place: Place,
    /// `name`.
    pub name: Field<String>,
    /// `value`.
    pub value: Field<Source>,
    /// `file`.
    pub file: Field<String>,
    /// `filename`.
    pub filename: Field<String>,
    /// `content_type`.
    pub content_type: Field<String>,
}

impl Reader {
    /// A form: pairs, in the order of the file.
    pub(super) fn form(&mut self, node: Option<&Node>) -> Field<Pairs> {
        field(node, |node| {
            let before = self.problems.len();
            let pairs = self.pairs(Some(node), "`form`", "the form's");
            (before == self.problems.len()).then_some(pairs)
        })
    }

    /// The parts of a body.
    pub(super) fn multipart(&mut self, node: Option<&Node>) -> Field<Vec<PartTable>> {
        field(node, |node| match &node.kind {
            Kind::List(list) if list.is_empty() => {
                let problem = Problem::new(&node.place, "`multipart` has no part");
                self.tell(problem.help("add for example { name = \"note\", value = \"hello\" }"));
                None
            }
            Kind::List(list) => {
                let parts: Vec<_> = list.iter().map(|node| self.part(node)).collect();
                parts.into_iter().collect()
            }
            _ => self.wrong_type(node, "`multipart`", "a list of parts"),
        })
    }

    fn part(&mut self, node: &Node) -> Option<PartTable> {
        let before = self.problems.len();
        let table = self.table(node, "a part of `multipart`", keys::PART)?;
        let part = PartTable {
            place: node.place.clone(),
            name: self.name(table.get("name"), "`name`"),
            value: field(table.get("value"), |node| self.scalar(node, "`value`")),
            file: self.name(table.get("file"), "`file`"),
            filename: self.name(table.get("filename"), "`filename`"),
            content_type: self.name(table.get("content_type"), "`content_type`"),
        };
        if part.name.is_absent() {
            self.tell(Problem::new(&node.place, "a part needs a `name`"));
        }
        match (&part.value, &part.file) {
            (Field::Absent, Field::Absent) => {
                let problem = Problem::new(&node.place, "a part needs a `value` or a `file`");
                self.tell(problem);
            }
            (Field::Given(_), Field::Given(file)) => {
                let message = "a part cannot have both `value` and `file`";
                self.tell(Problem::new(&file.place, message).help("remove one of them"));
            }
            _ => {}
        }
        (before == self.problems.len()).then_some(part)
    }
}

/// The files whose contents the steps of a scenario send, as they are written in it.
pub(super) fn files(root: &Node) -> Vec<String> {
    let mut files = Vec::new();
    steps(root, &mut |step| {
        files.extend(text(step, "body_file"));
        if let Some(Kind::List(parts)) = get(step, "multipart").map(|node| &node.kind) {
            files.extend(parts.iter().filter_map(|part| text(part, "file")));
        }
    });
    if let Some(Kind::Table(sets)) = get(root, "data").map(|node| &node.kind) {
        files.extend(sets.iter().filter_map(|(_, set)| text(set, "file")));
    }
    files.sort_unstable();
    files.dedup();
    files
}

/// Visits every table that stands below a key of steps, however deep.
fn steps(node: &Node, visit: &mut impl FnMut(&Node)) {
    match &node.kind {
        Kind::Table(entries) => {
            visit(node);
            let inner = entries.iter().filter(|(key, _)| {
                // What is sent may look like a step, and is none.
                !matches!(
                    key.value.as_str(),
                    "json" | "vars" | "headers" | "query" | "form" | "data"
                )
            });
            inner.for_each(|(_, node)| steps(node, visit));
        }
        Kind::List(list) => list.iter().for_each(|node| steps(node, visit)),
        _ => {}
    }
}

fn get<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let Kind::Table(entries) = &node.kind else {
        return None;
    };
    entries
        .iter()
        .find(|(name, _)| name.value == key)
        .map(|(_, node)| node)
}

fn text(node: &Node, key: &str) -> Option<String> {
    match &get(node, key)?.kind {
        Kind::Text(text) => Some(text.clone()),
        _ => None,
    }
}
