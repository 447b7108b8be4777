//! What a step takes out of its answer, as the file has it.

use super::{
    keys,
    node::{Field, Kind, Located, Node},
    reader::{Reader, Table, field},
};
use crate::{
    problem::Problem,
    reply::{Finder, Path, Pattern},
};

/// One of `extract`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ExtractTable {
    /// What templates call it.
    pub name: Located<String>,
    /// Where it stands in an answer.
    pub finder: Located<Finder>,
    /// `all`.
    pub all: bool,
    /// `default`.
    pub default: Option<serde_json::Value>,
}

impl Reader {
    /// `extract`; what is wrong in it is left out.
    pub(super) fn extract(&mut self, node: Option<&Node>) -> Field<Vec<ExtractTable>> {
        field(node, |node| {
            let entries = self.entries(node, "`extract`")?;
            let mut complete = true;
            let mut extracts = Vec::new();
            for (name, node) in entries {
                match self.one_extract(name, node) {
                    Some(extract) => extracts.push(extract),
                    None => complete = false,
                }
            }
            complete.then_some(extracts)
        })
    }

    fn one_extract(&mut self, name: &Located<String>, node: &Node) -> Option<ExtractTable> {
        let named = self.variable_name(name);
        let (finder, all, default) = match &node.kind {
            Kind::Text(text) => {
                self.untemplated(node, text, "a JSONPath")?;
                let path = self.understand(node, Path::parse(text).map_err(or_a_table))?;
                (Finder::Json(path), false, None)
            }
            Kind::Table(_) => self.extract_table(name, node)?,
            _ => {
                return self.wrong_type(
                    node,
                    &format!("`{}`", name.value),
                    "a JSONPath such as \"$.id\", or a table",
                );
            }
        };
        named.then(|| ExtractTable {
            name: name.clone(),
            finder: Located::new(finder, node.place.clone()),
            all,
            default,
        })
    }

    /// Whether a name is one that templates can use.
    fn variable_name(&mut self, name: &Located<String>) -> bool {
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let text = &name.value;
        if let Some(help) = crate::template::reserved_help(text) {
            let message = format!("a variable cannot be called `{text}`");
            self.tell(Problem::new(&name.place, message).help(help));
            return false;
        }
        let good = !text.is_empty()
            && !text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(letters);
        if !good {
            let problem = Problem::new(&name.place, format!("`{text}` is no name of a variable"));
            self.tell(problem.help("a name is made of letters, digits and `_`"));
        }
        good
    }

    fn extract_table(
        &mut self,
        name: &Located<String>,
        node: &Node,
    ) -> Option<(Finder, bool, Option<serde_json::Value>)> {
        let before = self.problems.len();
        let table = self.table(node, &format!("`{}`", name.value), keys::EXTRACT)?;
        let found: Vec<_> = keys::FINDERS
            .iter()
            .filter_map(|key| table.entry(key))
            .collect();
        let finder = match found.as_slice() {
            [(key, node)] => self.finder(&key.value, node)?,
            // Whoever misspelt it has been told.
            [] if self.problems.len() > before => return None,
            [] => {
                let message = format!("`{}` is to be taken from where?", name.value);
                let problem = Problem::new(&node.place, message);
                self.tell(problem.help(
                    "write one of { json = \"$.id\" }, { regex = '…' }, { header = \"…\" }, { cookie = \"…\" }, { text = true }",
                ));
                return None;
            }
            [_, (second, _), ..] => {
                let message = format!("`{}` can be taken from one place only", name.value);
                let problem = Problem::new(&second.place, message);
                self.tell(problem.more(&found[0].0.place, "the other one"));
                return None;
            }
        };
        let all = self.all(&table, &finder)?;
        let default = match table.get("default") {
            None => None,
            Some(node) => {
                if let Kind::Text(text) = &node.kind {
                    self.untemplated(node, text, "`default`")?;
                }
                Some(node.to_json())
            }
        };
        Some((finder, all, default))
    }

    fn finder(&mut self, key: &str, node: &Node) -> Option<Finder> {
        let what = format!("`{key}`");
        if key == "text" {
            return match node.kind {
                Kind::Bool(true) => Some(Finder::Text),
                Kind::Bool(false) => {
                    let problem = Problem::new(&node.place, "`text` is true, or is left out");
                    self.tell(problem);
                    None
                }
                _ => self.wrong_type(node, &what, "true"),
            };
        }
        let Kind::Text(text) = &node.kind else {
            return self.wrong_type(node, &what, "a string");
        };
        self.untemplated(node, text, &what)?;
        match key {
            "json" => self.understand(node, Path::parse(text)).map(Finder::Json),
            "regex" => self
                .understand(node, Pattern::parse(text))
                .map(Finder::Regex),
            _ if text.trim().is_empty() => {
                self.tell(Problem::new(&node.place, format!("{what} is empty")));
                None
            }
            "header" => Some(Finder::Header(text.trim().to_ascii_lowercase())),
            _ => Some(Finder::Cookie(text.trim().to_owned())),
        }
    }

    fn untemplated(&mut self, node: &Node, text: &str, what: &str) -> Option<()> {
        let text = Located::new(text.to_owned(), node.place.clone());
        self.holds_no_template(&text, what).then_some(())
    }

    fn all(&mut self, table: &Table<'_>, finder: &Finder) -> Option<bool> {
        match self.bool(table.get("all"), "`all`") {
            Field::Absent => Some(false),
            Field::Broken => None,
            Field::Given(given) => {
                let several = matches!(finder, Finder::Json(_) | Finder::Regex(_));
                if given.value && !several {
                    let problem = Problem::new(&given.place, "there is only one to be taken");
                    self.tell(problem.help("`all` belongs to `json` and `regex`"));
                    return None;
                }
                Some(given.value)
            }
        }
    }
}

/// A text that is no path may be meant for another place.
fn or_a_table(error: crate::Misread) -> crate::Misread {
    let table = "or say where it stands: { regex = '…' }, { header = \"…\" }, { cookie = \"…\" }, { text = true }";
    crate::Misread {
        help: Some(match error.help {
            Some(help) => format!("{help}; {table}"),
            None => table.to_owned(),
        }),
        ..error
    }
}
