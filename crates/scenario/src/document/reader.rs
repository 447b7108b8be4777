//! Reads located values as what they should be, and tells every one that is not.

use super::{
    keys,
    node::{Field, Kind, Located, Node, Source},
};
use crate::{
    problem::{Place, Problem, nearest},
    quantity::{Misread, parse_duration, parse_share},
};
use std::time::Duration;

/// Collects what is wrong while values are read.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) problems: Vec<Problem>,
    /// Whether the text has errors of syntax.
    pub(super) torn: bool,
}

/// A table whose keys are known.
pub(super) struct Table<'a> {
    entries: &'a [(Located<String>, Node)],
    pub(super) place: &'a Place,
}

impl<'a> Table<'a> {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        self.entries
            .iter()
            .find(|(name, _)| name.value == key)
            .map(|(_, node)| node)
    }

    /// The key itself and its value.
    pub(super) fn entry(&self, key: &str) -> Option<(&'a Located<String>, &'a Node)> {
        self.entries
            .iter()
            .find(|(name, _)| name.value == key)
            .map(|(name, node)| (name, node))
    }
}

impl Reader {
    pub(super) fn tell(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// A table with these keys and no other.
    pub(super) fn table<'a>(
        &mut self,
        node: &'a Node,
        what: &str,
        known: &[&str],
    ) -> Option<Table<'a>> {
        let entries = self.entries(node, what)?;
        for (key, _) in entries {
            if !known.contains(&key.value.as_str()) {
                self.unknown_key(key, what, known);
            }
        }
        Some(Table {
            entries,
            place: &node.place,
        })
    }

    /// The same for one that people write as a bare value; `example` is how it is meant.
    pub(super) fn table_such_as<'a>(
        &mut self,
        node: &'a Node,
        what: &str,
        known: &[&str],
        example: &str,
    ) -> Option<Table<'a>> {
        match node.kind {
            Kind::Table(_) => self.table(node, what, known),
            _ => self.wrong_type(node, what, &format!("a table such as {example}")),
        }
    }

    fn unknown_key(&mut self, key: &Located<String>, what: &str, known: &[&str]) {
        let help = if let Some(ours) = keys::known_elsewhere(&key.value, known) {
            format!("did you mean `{ours}`?")
        } else if let Some(place) =
            keys::belongs_elsewhere(&key.value, known).filter(|_| !self.torn)
        {
            place
        } else if keys::comes_later(&key.value) {
            "not built yet; a later version will know it".to_owned()
        } else if let Some(near) = nearest(&key.value, known.iter().copied()) {
            format!("did you mean `{near}`?")
        } else if self.torn {
            // What was swallowed by an error of syntax lets its keys drift into the table before it.
            return;
        } else {
            format!("{what} can have {}", list(known))
        };
        let problem = Problem::new(&key.place, format!("unknown key `{}` in {what}", key.value));
        self.tell(problem.label("unknown").help(help));
    }

    /// A table with any keys.
    pub(super) fn entries<'a>(
        &mut self,
        node: &'a Node,
        what: &str,
    ) -> Option<&'a [(Located<String>, Node)]> {
        match &node.kind {
            Kind::Table(entries) => Some(entries),
            _ => self.wrong_type(node, what, "a table"),
        }
    }

    /// Tells that a value has the wrong type.
    pub(super) fn wrong_type<T>(&mut self, node: &Node, what: &str, wanted: &str) -> Option<T> {
        if node.kind != Kind::Broken {
            let message = format!("{what} must be {wanted}, not {}", node.kind_name());
            self.tell(Problem::new(&node.place, message).label(format!("expected {wanted}")));
        }
        None
    }

    pub(super) fn text(&mut self, node: Option<&Node>, what: &str) -> Field<String> {
        field(node, |node| match &node.kind {
            Kind::Text(text) => Some(text.clone()),
            _ => self.wrong_type(node, what, "a string"),
        })
    }

    /// Text that may hold templates.
    pub(super) fn template(&mut self, node: Option<&Node>, what: &str) -> Field<Source> {
        field(node, |node| match &node.kind {
            Kind::Text(text) => Some(node.source(text)),
            _ => self.wrong_type(node, what, "a string"),
        })
    }

    /// Text that may hold templates; numbers and booleans stand for their text.
    pub(super) fn scalar(&mut self, node: &Node, what: &str) -> Option<Source> {
        match &node.kind {
            Kind::Text(text) => Some(node.source(text)),
            Kind::Integer(number) => Some(node.source(&number.to_string())),
            Kind::Float(number) => Some(node.source(&number.to_string())),
            Kind::Bool(value) => Some(node.source(&value.to_string())),
            _ => self.wrong_type(node, what, "a string, a number or a boolean"),
        }
    }

    pub(super) fn bool(&mut self, node: Option<&Node>, what: &str) -> Field<bool> {
        field(node, |node| match node.kind {
            Kind::Bool(value) => Some(value),
            _ => self.wrong_type(node, what, "true or false"),
        })
    }

    /// A whole number from `least` to `most`.
    pub(super) fn whole(
        &mut self,
        node: Option<&Node>,
        what: &str,
        least: u64,
        most: u64,
    ) -> Field<u64> {
        field(node, |node| match node.kind {
            Kind::Integer(number) => match u64::try_from(number) {
                Ok(number) if (least..=most).contains(&number) => Some(number),
                _ => {
                    let bound = if number < i128::from(least) {
                        format!("must be at least {least}")
                    } else {
                        format!("must be at most {most}")
                    };
                    self.tell(
                        Problem::new(&node.place, format!("{what} {bound}")).label("out of range"),
                    );
                    None
                }
            },
            _ => self.wrong_type(node, what, "a whole number"),
        })
    }

    pub(super) fn duration(
        &mut self,
        node: Option<&Node>,
        what: &str,
        zero: bool,
    ) -> Field<Duration> {
        field(node, |node| match &node.kind {
            Kind::Text(text) => {
                let length = self.understand(node, parse_duration(text))?;
                if length.is_zero() && !zero {
                    let message = format!("{what} must be longer than zero");
                    self.tell(Problem::new(&node.place, message).label("zero"));
                    return None;
                }
                Some(length)
            }
            Kind::Integer(number) => self.bare_number(node, what, &number.to_string()),
            Kind::Float(number) => self.bare_number(node, what, &number.to_string()),
            _ => self.wrong_type(node, what, "a duration such as \"30s\""),
        })
    }

    fn bare_number(&mut self, node: &Node, what: &str, number: &str) -> Option<Duration> {
        let problem = Problem::new(
            &node.place,
            format!("{what} must be a duration with its unit, not a number"),
        );
        let help = if number.starts_with('-') {
            "a duration is not negative".to_owned()
        } else {
            format!("write \"{number}s\" for seconds")
        };
        self.tell(problem.label("no unit").help(help));
        None
    }

    /// A share of 1: `"10%"` or `0.1`.
    pub(super) fn share(&mut self, node: Option<&Node>, what: &str) -> Field<f64> {
        field(node, |node| {
            let text = match &node.kind {
                Kind::Text(text) => text.clone(),
                Kind::Integer(number) => number.to_string(),
                Kind::Float(number) => number.to_string(),
                _ => return self.wrong_type(node, what, "a share such as \"10%\" or 0.1"),
            };
            self.understand(node, parse_share(&text))
        })
    }

    /// One of a few words; `noun` says what they are.
    pub(super) fn word<T: Copy>(
        &mut self,
        node: Option<&Node>,
        what: &str,
        noun: &str,
        words: &[(&str, T)],
    ) -> Field<T> {
        field(node, |node| {
            let Kind::Text(text) = &node.kind else {
                let example = words.last().map_or("", |(word, _)| word);
                return self.wrong_type(node, what, &format!("a string such as \"{example}\""));
            };
            let found = words
                .iter()
                .find(|(word, _)| word == text)
                .map(|(_, value)| *value);
            if found.is_none() {
                self.tell(unknown_word(
                    node.place.clone(),
                    noun,
                    text,
                    words.iter().map(|(word, _)| *word),
                ));
            }
            found
        })
    }

    /// A list of tables, and whether each of them could be read at all; `head` is what stands above each of them.
    pub(super) fn tables<T>(
        &mut self,
        node: Option<&Node>,
        key: &str,
        head: &str,
        mut read: impl FnMut(&mut Self, &Node, &str) -> Option<T>,
    ) -> (Vec<T>, bool) {
        let Some(node) = node else {
            return (Vec::new(), true);
        };
        let nodes = match &node.kind {
            Kind::List(list) => list.as_slice(),
            Kind::Table(_) => {
                let message = format!("`{key}` must be a list of tables");
                let help = format!("write `{head}` for each of them");
                self.tell(Problem::new(&node.place, message).help(help));
                std::slice::from_ref(node)
            }
            _ => {
                let wanted = format!("a list of tables, each `{head}`");
                self.wrong_type::<()>(node, &format!("`{key}`"), &wanted);
                return (Vec::new(), false);
            }
        };
        let tables: Vec<T> = nodes
            .iter()
            .filter_map(|node| read(self, node, head))
            .collect();
        let complete = tables.len() == nodes.len();
        (tables, complete)
    }

    /// The outcome of a small language, its error told where it is.
    pub(super) fn understand<T>(&mut self, node: &Node, outcome: Result<T, Misread>) -> Option<T> {
        let told = |error: Misread| {
            self.tell(Problem::new(node.part(&error.span), error.message).maybe_help(error.help));
        };
        outcome.map_err(told).ok()
    }
}

/// A value that may be absent, read by `read`, which tells what is wrong.
pub(super) fn field<T>(node: Option<&Node>, read: impl FnOnce(&Node) -> Option<T>) -> Field<T> {
    let Some(node) = node else {
        return Field::Absent;
    };
    match read(node) {
        Some(value) => Field::Given(Located::new(value, node.place.clone())),
        None => Field::Broken,
    }
}

/// Tells that a word is not one of those that can stand here.
pub(crate) fn unknown_word<'a>(
    place: Place,
    noun: &str,
    word: &str,
    words: impl Iterator<Item = &'a str> + Clone,
) -> Problem {
    let help = match nearest(word, words.clone()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("known are {}", list(&words.collect::<Vec<_>>())),
    };
    Problem::new(place, format!("`{word}` is no {noun}"))
        .label("unknown")
        .help(help)
}

fn list(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
