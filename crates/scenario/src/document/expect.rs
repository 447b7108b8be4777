//! What a step expects of its answer, as the file has it.

use super::{
    keys,
    node::{Field, Kind, Located, Node, Source},
    reader::{Reader, Table, field},
    settings::SloEntry,
};
use crate::{
    problem::Problem,
    quantity::parse_statuses,
    reply::{Bounds, Path, Pattern},
};
use loadgen_stats::Trend;

/// `expect`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Expectation {
    /// `status`, as inclusive ranges.
    pub status: Field<Vec<(u16, u16)>>,
    /// `headers`: names in lower case.
    pub headers: Field<Vec<(String, Vec<Condition>)>>,
    /// `body_contains`.
    pub body_contains: Field<Vec<Source>>,
    /// `body_matches`.
    pub body_matches: Field<Vec<PatternText>>,
    /// `json`.
    pub json: Field<Vec<(Path, Vec<Condition>)>>,
    /// `body_size`, in bytes.
    pub body_size: Field<Bounds>,
    /// `tokens`.
    pub tokens: Field<Bounds>,
    /// `within`: one duration is that of `http_req_duration`.
    pub within: Field<Vec<SloEntry>>,
}

/// What a value is expected to be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Condition {
    Equals(Node),
    Not(Node),
    Exists(bool),
    Contains(Node),
    Matches(PatternText),
    Within(Bounds),
}

/// A regular expression, which may hold templates.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PatternText {
    /// It holds none.
    Fixed(Pattern),
    /// It does.
    Template(Source),
}

impl Reader {
    pub(super) fn expect(&mut self, node: Option<&Node>) -> Expectation {
        const EXAMPLE: &str = "{ status = [200, 429] }";
        let table =
            node.and_then(|node| self.table_such_as(node, "`expect`", keys::EXPECT, EXAMPLE));
        let Some(table) = table else {
            return Expectation::default();
        };
        Expectation {
            status: field(table.get("status"), |node| self.statuses(node)),
            headers: field(table.get("headers"), |node| self.expected_headers(node)),
            body_contains: field(table.get("body_contains"), |node| {
                self.texts(node, "`body_contains`")
            }),
            body_matches: field(table.get("body_matches"), |node| {
                self.patterns(node, "`body_matches`")
            }),
            json: field(table.get("json"), |node| self.expected_json(node)),
            body_size: field(table.get("body_size"), |node| {
                self.bounds(node, "`body_size`")
            }),
            tokens: field(table.get("tokens"), |node| self.bounds(node, "`tokens`")),
            within: field(table.get("within"), |node| self.within(node)),
        }
    }

    fn statuses(&mut self, node: &Node) -> Option<Vec<(u16, u16)>> {
        match &node.kind {
            Kind::List(list) if list.is_empty() => {
                self.tell(Problem::new(
                    &node.place,
                    "`status` must name at least one status",
                ));
                None
            }
            Kind::List(list) => {
                let read: Vec<_> = list.iter().map(|node| self.status(node)).collect();
                read.into_iter()
                    .collect::<Option<Vec<_>>>()
                    .map(|ranges| ranges.concat())
            }
            _ => self.status(node),
        }
    }

    fn status(&mut self, node: &Node) -> Option<Vec<(u16, u16)>> {
        match &node.kind {
            Kind::Text(text) => self.understand(node, parse_statuses(text)),
            Kind::Integer(number) => {
                let status = self.understand(node, parse_statuses(&number.to_string()));
                status.filter(|_| *number > 0)
            }
            _ => self.wrong_type(
                node,
                "a status",
                "a number such as 200, or a string such as \"2xx\"",
            ),
        }
    }

    fn texts(&mut self, node: &Node, what: &str) -> Option<Vec<Source>> {
        self.one_or_several(node, |reader, node| match &node.kind {
            Kind::Text(text) if !text.is_empty() => Some(node.source(text)),
            Kind::Text(_) => {
                let message = format!("{what} is empty: every body contains it");
                reader.tell(Problem::new(&node.place, message));
                None
            }
            _ => reader.wrong_type(node, what, "a string, or a list of strings"),
        })
    }

    fn patterns(&mut self, node: &Node, what: &str) -> Option<Vec<PatternText>> {
        self.one_or_several(node, |reader, node| {
            reader.pattern(node, what, "a regular expression, or a list of them")
        })
    }

    fn pattern(&mut self, node: &Node, what: &str, wanted: &str) -> Option<PatternText> {
        match &node.kind {
            // Braces that are meant as such have a backslash before each.
            Kind::Text(text) if text.contains("{{") => {
                Some(PatternText::Template(node.source(text)))
            }
            Kind::Text(text) => self
                .understand(node, Pattern::parse(text))
                .map(PatternText::Fixed),
            _ => self.wrong_type(node, what, wanted),
        }
    }

    fn one_or_several<T>(
        &mut self,
        node: &Node,
        mut read: impl FnMut(&mut Self, &Node) -> Option<T>,
    ) -> Option<Vec<T>> {
        let nodes = if let Kind::List(list) = &node.kind {
            list.as_slice()
        } else {
            std::slice::from_ref(node)
        };
        let values: Vec<_> = nodes.iter().map(|node| read(self, node)).collect();
        values.into_iter().collect()
    }

    fn expected_headers(&mut self, node: &Node) -> Option<Vec<(String, Vec<Condition>)>> {
        let entries = self.entries(node, "`expect.headers`")?;
        let mut complete = true;
        let mut headers = Vec::new();
        for (name, node) in entries {
            let lower = name.value.to_ascii_lowercase();
            if lower.is_empty() || lower.contains(|c: char| c.is_whitespace() || c == ':') {
                let message = format!("`{}` is no name of a header", name.value);
                self.tell(Problem::new(&name.place, message));
                complete = false;
            }
            match self.conditions(node, &format!("the header `{}`", name.value)) {
                Some(conditions) => headers.push((lower, conditions)),
                None => complete = false,
            }
        }
        complete.then_some(headers)
    }

    fn expected_json(&mut self, node: &Node) -> Option<Vec<(Path, Vec<Condition>)>> {
        let entries = self.entries(node, "`expect.json`")?;
        let mut complete = true;
        let mut checks = Vec::new();
        for (path, node) in entries {
            let conditions = self.conditions(node, &format!("`{}`", path.value));
            if !self.holds_no_template(path, "a JSONPath") {
                complete = false;
                continue;
            }
            let path = match Path::parse(&path.value) {
                Ok(path) => Some(path),
                Err(error) => {
                    let problem = Problem::new(&path.place, error.message);
                    self.tell(problem.maybe_help(error.help));
                    None
                }
            };
            match path.zip(conditions) {
                Some(check) => checks.push(check),
                None => complete = false,
            }
        }
        complete.then_some(checks)
    }

    /// A value that is expected, or a table that says more of it.
    fn conditions(&mut self, node: &Node, what: &str) -> Option<Vec<Condition>> {
        if !matches!(node.kind, Kind::Table(_)) {
            return (!node.is_broken()).then(|| vec![Condition::Equals(node.clone())]);
        }
        let before = self.problems.len();
        let table = self.table(node, what, keys::CONDITION)?;
        let mut conditions = Vec::new();
        let value = |key: &str, of: fn(Node) -> Condition| table.get(key).cloned().map(of);
        conditions.extend(value("equals", Condition::Equals));
        conditions.extend(value("not", Condition::Not));
        conditions.extend(value("contains", Condition::Contains));
        let exists = self.bool(table.get("exists"), "`exists`");
        conditions.extend(exists.given().map(|given| Condition::Exists(given.value)));
        let matches = field(table.get("matches"), |node| {
            self.pattern(node, "`matches`", "a regular expression")
        });
        let matches = matches.given();
        conditions.extend(matches.map(|given| Condition::Matches(given.value.clone())));
        let bounds = self.bounds_of(&table)?;
        conditions.extend(bounds.map(Condition::Within));
        if conditions.is_empty() && self.problems.len() == before {
            let problem = Problem::new(&node.place, format!("{what} is to be what?"));
            self.tell(
                problem.help(
                    "write a value, or for example { exists = true } or { min = 1, max = 10 }",
                ),
            );
        }
        (!conditions.is_empty()).then_some(conditions)
    }

    /// Tells a template where none is rendered; true where there is none.
    pub(super) fn holds_no_template(&mut self, text: &Located<String>, what: &str) -> bool {
        let template = text.value.contains("{{");
        if template {
            let problem = Problem::new(&text.place, format!("{what} holds no templates"));
            self.tell(problem.label("not rendered"));
        }
        !template
    }

    /// A number, or a table with `min` and `max`.
    fn bounds(&mut self, node: &Node, what: &str) -> Option<Bounds> {
        if !matches!(node.kind, Kind::Table(_)) {
            return self
                .number(node, what, "a number, or { min = …, max = … }")
                .map(Bounds::exactly);
        }
        let before = self.problems.len();
        let table = self.table(node, what, keys::BOUNDS)?;
        let bounds = self.bounds_of(&table)?;
        if bounds.is_none() && self.problems.len() == before {
            let problem = Problem::new(&node.place, format!("{what} has no bound"));
            self.tell(problem.help("write for example { min = 1, max = 100 }"));
        }
        bounds
    }

    /// `min` and `max` of a table: inner absence where it has neither, outer where one is wrong.
    #[expect(clippy::option_option, reason = "wrong and absent are two things")]
    fn bounds_of(&mut self, table: &Table<'_>) -> Option<Option<Bounds>> {
        let min = field(table.get("min"), |node| {
            self.number(node, "`min`", "a number")
        });
        let max = field(table.get("max"), |node| {
            self.number(node, "`max`", "a number")
        });
        let value = |field: &Field<f64>| field.given().map(|given| given.value);
        let bounds = Bounds {
            min: value(&min),
            max: value(&max),
        };
        match (&min, &max) {
            (Field::Broken, _) | (_, Field::Broken) => None,
            (Field::Absent, Field::Absent) => Some(None),
            (Field::Given(min), Field::Given(max)) if min.value > max.value => {
                let problem = Problem::new(&max.place, "`max` is below `min`: nothing can hold");
                self.tell(problem.more(&min.place, "`min`"));
                None
            }
            _ => Some(Some(bounds)),
        }
    }

    fn within(&mut self, node: &Node) -> Option<Vec<SloEntry>> {
        if matches!(node.kind, Kind::Table(_)) {
            let before = self.problems.len();
            let limits = self.limits(Some(node), "`expect.within`");
            return (self.problems.len() == before).then_some(limits);
        }
        let limit = self.duration(Some(node), "`within`", false);
        let limit = limit.given()?.clone();
        Some(vec![SloEntry {
            trend: limit.with(Trend::HttpReqDuration),
            limit,
        }])
    }
}
