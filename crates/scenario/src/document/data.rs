//! The data sets of a scenario, as they stand in its file.

use super::{
    keys,
    node::{Field, Kind, Located, Node},
    reader::{Reader, field},
};
use crate::{
    data::{AtEnd, Per, Pick},
    problem::Problem,
};

/// One of `[data.NAME]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DataTable {
    /// Its name.
    pub name: Located<String>,
    /// `file`.
    pub file: Field<String>,
    /// `format`.
    pub format: Field<Format>,
    /// `columns`.
    pub columns: Field<Vec<String>>,
    /// `delimiter`.
    pub delimiter: Field<u8>,
    /// `rows`.
    pub rows: Field<Vec<Node>>,
    /// `pick`.
    pub pick: Field<Pick>,
    /// `at_end`.
    pub at_end: Field<AtEnd>,
    /// `per`.
    pub per: Field<Per>,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Fields with something between them.
    Csv,
    /// One array.
    Json,
    /// One value a line.
    JsonLines,
    /// Conversations.
    ShareGpt,
}

impl Format {
    /// Every one by its name.
    pub(crate) const NAMES: [(&'static str, Self); 4] = [
        ("csv", Self::Csv),
        ("json", Self::Json),
        ("jsonl", Self::JsonLines),
        ("sharegpt", Self::ShareGpt),
    ];
}

impl Reader {
    pub(super) fn data(&mut self, node: Option<&Node>) -> Vec<DataTable> {
        let entries = node
            .and_then(|node| self.entries(node, "`data`"))
            .unwrap_or_default();
        let read = |(name, node): &(Located<String>, Node)| self.data_set(name, node);
        entries.iter().filter_map(read).collect()
    }

    fn data_set(&mut self, name: &Located<String>, node: &Node) -> Option<DataTable> {
        let good = name
            .value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.value.starts_with(|c: char| c.is_ascii_digit());
        if !good || name.value.is_empty() {
            let message = format!("`{}` is no name of a data set", name.value);
            let problem = Problem::new(&name.place, message);
            self.tell(problem.help("a name is made of letters, digits and `_`"));
        }
        let table = self.table(node, &format!("`[data.{}]`", name.value), keys::DATA)?;
        let word = |key: &str| format!("`{key}`");
        let (pick, at_end, per) = (word("pick"), word("at_end"), word("per"));
        Some(DataTable {
            name: name.clone(),
            file: self.text(table.get("file"), "`file`"),
            format: self.word(
                table.get("format"),
                "`format`",
                "format of data",
                &Format::NAMES,
            ),
            columns: field(table.get("columns"), |node| self.columns(node)),
            delimiter: field(table.get("delimiter"), |node| self.delimiter(node)),
            rows: field(table.get("rows"), |node| self.rows(node)),
            pick: self.word(table.get("pick"), &pick, "value of `pick`", &Pick::NAMES),
            at_end: self.word(
                table.get("at_end"),
                &at_end,
                "value of `at_end`",
                &AtEnd::NAMES,
            ),
            per: self.word(table.get("per"), &per, "value of `per`", &Per::NAMES),
        })
    }

    fn columns(&mut self, node: &Node) -> Option<Vec<String>> {
        let Kind::List(list) = &node.kind else {
            return self.wrong_type(node, "`columns`", "a list of names");
        };
        if list.is_empty() {
            self.tell(Problem::new(&node.place, "`columns` names no column"));
            return None;
        }
        let name = |node: &Node| match &node.kind {
            Kind::Text(text) => Some(text.clone()),
            _ => self.wrong_type(node, "the name of a column", "a string"),
        };
        let names: Vec<_> = list.iter().map(name).collect();
        names.into_iter().collect()
    }

    fn delimiter(&mut self, node: &Node) -> Option<u8> {
        match &node.kind {
            Kind::Text(text) => match text.as_bytes() {
                [one] if one.is_ascii() && !matches!(one, b'"' | b'\n' | b'\r') => Some(*one),
                _ => {
                    let problem = Problem::new(&node.place, "`delimiter` must be one character");
                    self.tell(problem.help("such as \";\" or \"\\t\""));
                    None
                }
            },
            _ => self.wrong_type(node, "`delimiter`", "one character, such as \";\""),
        }
    }

    fn rows(&mut self, node: &Node) -> Option<Vec<Node>> {
        match &node.kind {
            Kind::List(list) if list.is_empty() => {
                self.tell(Problem::new(&node.place, "`rows` has no row"));
                None
            }
            Kind::List(list) => (!node.is_broken()).then(|| list.clone()),
            _ => self.wrong_type(node, "`rows`", "a list of rows"),
        }
    }
}
