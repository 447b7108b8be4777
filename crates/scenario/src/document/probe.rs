//! The probes of a file, as they stand in it.

use super::{
    keys,
    node::{Field, Kind, Located, Node, Source},
    reader::{Reader, field},
};
use crate::{
    plan::ProcessFigure,
    problem::{Place, Problem},
};
use loadgen_stats::Unit;
use std::time::Duration;

/// Multiples of units that marks may have.
const MULTIPLES: [(&str, Unit, f64); 12] = [
    ("%", Unit::Percent, 1.0),
    ("ms", Unit::Milliseconds, 1.0),
    ("s", Unit::Milliseconds, 1000.0),
    ("/s", Unit::PerSecond, 1.0),
    ("bytes", Unit::Bytes, 1.0),
    ("B", Unit::Bytes, 1.0),
    ("kB", Unit::Bytes, 1e3),
    ("MB", Unit::Bytes, 1e6),
    ("GB", Unit::Bytes, 1e9),
    ("KiB", Unit::Bytes, 1024.0),
    ("MiB", Unit::Bytes, 1_048_576.0),
    ("GiB", Unit::Bytes, 1_073_741_824.0),
];

/// One of `[[probe]]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ProbeTable {
    /// Where its head stands.
    pub place: Place,
    /// `name`.
    pub name: Field<String>,
    /// `prometheus`.
    pub prometheus: Field<Source>,
    /// `query`.
    pub query: Field<Source>,
    /// `http`.
    pub http: Field<Source>,
    /// `pointer`.
    pub pointer: Field<String>,
    /// `command`.
    pub command: Field<CommandTable>,
    /// `process`.
    pub process: Field<Source>,
    /// `figure`.
    pub figure: Field<ProcessFigure>,
    /// `headers`.
    pub headers: Vec<(Located<String>, Source)>,
    /// `every`.
    pub every: Field<Duration>,
    /// `timeout`.
    pub timeout: Field<Duration>,
    /// `unit`.
    pub unit: Field<Unit>,
    /// `warn`.
    pub warn: Field<Mark>,
    /// `critical`.
    pub critical: Field<Mark>,
    /// Every key of it, with its place.
    pub keys: Vec<Located<String>>,
}

/// A command: for the shell, or a program with its arguments.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CommandTable {
    /// A line for the shell.
    Line(Source),
    /// A program with its arguments.
    Words(Vec<Source>),
}

/// A mark on the values of a probe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mark {
    /// The value, in the unit: 70 for 70 %.
    pub value: f64,
    /// The unit, where one was written.
    pub unit: Option<Unit>,
}

impl Reader {
    pub(super) fn probes(&mut self, node: Option<&Node>) -> Vec<ProbeTable> {
        self.tables(node, "probe", "[[probe]]", Self::probe).0
    }

    fn probe(&mut self, node: &Node, head: &str) -> Option<ProbeTable> {
        let table = self.table(node, &format!("`{head}`"), keys::PROBE)?;
        let units: Vec<(&str, Unit)> = Unit::ALL
            .into_iter()
            .filter(|unit| *unit != Unit::Count)
            .map(|unit| (unit.name(), unit))
            .collect();
        let keys = self.entries(node, head).unwrap_or_default();
        let keys = keys.iter().map(|(key, _)| key.clone()).collect();
        Some(ProbeTable {
            place: node.place.clone(),
            name: self.name(table.get("name"), "`name`"),
            prometheus: self.template(table.get("prometheus"), "`prometheus`"),
            query: self.template(table.get("query"), "`query`"),
            http: self.template(table.get("http"), "`http`"),
            pointer: self.text(table.get("pointer"), "`pointer`"),
            command: field(table.get("command"), |node| self.command(node, "`command`")),
            process: field(table.get("process"), |node| self.process(node)),
            figure: self.word(
                table.get("figure"),
                "`figure`",
                "figure of a process",
                &ProcessFigure::NAMES,
            ),
            headers: self.headers(table.get("headers")),
            every: self.duration(table.get("every"), "`every`", false),
            timeout: self.duration(table.get("timeout"), "`timeout`", false),
            unit: self.word(table.get("unit"), "`unit`", "unit of a probe", &units),
            warn: field(table.get("warn"), |node| self.mark(node, "`warn`")),
            critical: field(table.get("critical"), |node| self.mark(node, "`critical`")),
            keys,
        })
    }

    /// A command under a key.
    pub(super) fn command(&mut self, node: &Node, what: &str) -> Option<CommandTable> {
        const WANTED: &str = "a line for the shell, or a list of a program and its arguments";
        match &node.kind {
            Kind::Text(text) => Some(CommandTable::Line(node.source(text))),
            Kind::List(list) if !list.is_empty() => list
                .iter()
                .map(|word| self.scalar(word, &format!("a word of {what}")))
                .collect::<Option<_>>()
                .map(CommandTable::Words),
            _ => self.wrong_type(node, what, WANTED),
        }
    }

    /// A name, or an id.
    fn process(&mut self, node: &Node) -> Option<Source> {
        match &node.kind {
            Kind::Text(text) => Some(node.source(text)),
            Kind::Integer(id) => Some(node.source(&id.to_string())),
            _ => self.wrong_type(node, "`process`", "a name or the id of a process"),
        }
    }

    fn mark(&mut self, node: &Node, what: &str) -> Option<Mark> {
        let text = match &node.kind {
            Kind::Text(text) => text.clone(),
            Kind::Integer(number) => number.to_string(),
            Kind::Float(number) => number.to_string(),
            _ => return self.wrong_type(node, what, "a number, or one with its unit as \"70%\""),
        };
        let mark = read_mark(&text);
        if mark.is_none() {
            let problem = Problem::new(&node.place, format!("{what} is no number with a unit"));
            self.tell(problem.help("write for example \"70%\", \"512MB\", \"200ms\" or 40"));
        }
        mark
    }
}

fn read_mark(text: &str) -> Option<Mark> {
    let text = text.trim();
    let end = text
        .find(|letter: char| !(letter.is_ascii_digit() || "+-._".contains(letter)))
        .unwrap_or(text.len());
    let (number, unit) = (text[..end].replace('_', ""), text[end..].trim());
    let value: f64 = number
        .parse()
        .ok()
        .filter(|value: &f64| value.is_finite())?;
    if unit.is_empty() {
        return Some(Mark { value, unit: None });
    }
    let (_, unit, factor) = MULTIPLES.into_iter().find(|(name, ..)| *name == unit)?;
    Some(Mark {
        value: value * factor,
        unit: Some(unit),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_numbers_with_units() {
        let mark = |value, unit| Some(Mark { value, unit });
        let cases = [
            ("70%", mark(70.0, Some(Unit::Percent))),
            (" 70 % ", mark(70.0, Some(Unit::Percent))),
            ("1.5GB", mark(1.5e9, Some(Unit::Bytes))),
            ("2KiB", mark(2048.0, Some(Unit::Bytes))),
            ("2s", mark(2000.0, Some(Unit::Milliseconds))),
            ("40", mark(40.0, None)),
            ("-1_000", mark(-1000.0, None)),
            ("", None),
            ("%", None),
            ("70pct", None),
            ("many", None),
        ];
        for (text, expected) in cases {
            assert_eq!(read_mark(text), expected, "{text}");
        }
    }
}
