//! The probes: each has one source with what belongs to it, and marks in its unit.

use super::{Lowering, headers::Headers};
use crate::{
    document::{CommandTable, Field, Located, Mark, ProbeTable, Source},
    plan::{Origin, Probe, ProbeSource, ProcessFigure, Rendered, WhichProcess},
    problem::{Place, Problem},
    quantity::format_duration,
    secrets::Secrecy,
    template::{Mode, Text},
    url,
};
use loadgen_stats::{ProbeLayout, Unit};
use std::{borrow::Cow, time::Duration};

/// Sources, and the keys that only they have.
const SOURCES: [Owned; 4] = [
    ("prometheus", &["query", "headers"]),
    ("http", &["pointer", "headers"]),
    ("command", &[]),
    ("process", &["figure"]),
];
/// A source and the keys that only it has.
type Owned = (&'static str, &'static [&'static str]);
const NOBODY: &str =
    "give it `prometheus` with `query`, `http` with `pointer`, `command`, or `process`";
/// How often the machine's own files are looked at, and everybody else is asked.
const EVERY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));
/// More often, a probe is itself a load.
const SHORTEST: Duration = Duration::from_millis(100);
const TIMEOUT: Duration = Duration::from_secs(5);

impl Lowering<'_> {
    /// The probes; those that are wrong are told and left out.
    pub(super) fn probes(&mut self) -> Vec<Probe> {
        let document = self.document;
        let mut probes: Vec<Probe> = Vec::new();
        for table in &document.probes {
            let Some(probe) = self.probe(table) else {
                continue;
            };
            let name = probe.layout.name.clone();
            if probes.iter().any(|known| known.layout.name == name) {
                let place = table.name.given().map_or(&table.place, |name| &name.place);
                self.tell(
                    Problem::new(place, format!("two probes are called `{name}`"))
                        .help("thresholds name a probe by its name: give each its own"),
                );
            }
            probes.push(probe);
        }
        probes
    }

    fn probe(&mut self, table: &ProbeTable) -> Option<Probe> {
        let name = self.probe_name(table);
        let source = self.probe_source(table);
        let unit = self.probe_unit(table, source.as_ref());
        let every = self.every(table, source.as_ref());
        let timeout = table.timeout.given().map_or(TIMEOUT, |given| given.value);
        let value = |mark: &Field<Mark>| Some(mark.given()?.value.value);
        let layout = ProbeLayout {
            name: name?,
            unit: unit?,
            warn: value(&table.warn),
            critical: value(&table.critical),
        };
        if let (Some(warn), Some(critical)) = (layout.warn, layout.critical)
            && warn > critical
            && let Some(given) = table.warn.given()
        {
            self.tell(Problem::new(&given.place, "`warn` is above `critical`"));
        }
        let key = format!("probe.{}", layout.name);
        let source = source?;
        let told = format!("{} every {}", source.key(), format_duration(every));
        self.explain_file(&key, &told, &table.place);
        Some(Probe {
            layout,
            source,
            every,
            timeout,
        })
    }

    fn every(&mut self, table: &ProbeTable, source: Option<&ProbeSource>) -> Duration {
        let Some(given) = table.every.given() else {
            let own = matches!(source, Some(ProbeSource::Process { .. }));
            return if own { EVERY.0 } else { EVERY.1 };
        };
        if given.value < SHORTEST {
            let message = format!("`every` must be at least {}", format_duration(SHORTEST));
            self.tell(Problem::new(&given.place, message));
        }
        given.value
    }

    fn probe_name(&mut self, table: &ProbeTable) -> Option<String> {
        let given = match &table.name {
            Field::Given(given) => given,
            Field::Broken => return None,
            Field::Absent => {
                let problem = Problem::new(&table.place, "a probe needs a name");
                self.missing(problem.help("its metric is `probe.NAME`"));
                return None;
            }
        };
        let fits = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
        if !given.value.chars().all(fits) {
            let problem = Problem::new(&given.place, "the name of a probe is part of a metric");
            self.tell(problem.help("write it with letters, digits, `_`, `-` and `.`"));
            return None;
        }
        Some(given.value.clone())
    }

    fn probe_source(&mut self, table: &ProbeTable) -> Option<ProbeSource> {
        let (key, own) = self.one_source(table)?;
        let strange = SOURCES
            .iter()
            .flat_map(|(_, keys)| *keys)
            .filter(|other| !own.contains(other))
            .find_map(|other| named(table, other));
        if let Some(strange) = strange {
            let message = format!("`{}` does not belong to `{key}`", strange.value);
            self.tell(Problem::new(&strange.place, message));
            return None;
        }
        match key {
            "prometheus" => self.prometheus(table),
            "http" => self.asked_by_http(table),
            "command" => self.command(table.command.given()?),
            _ => self.process(table),
        }
    }

    /// The one source that a probe may have, with the keys that belong to it.
    fn one_source(&mut self, table: &ProbeTable) -> Option<Owned> {
        let mut given = SOURCES
            .iter()
            .filter(|(key, _)| named(table, key).is_some());
        let problem = match (given.next(), given.next()) {
            (Some(one), None) => return Some(*one),
            (Some((first, _)), Some((second, _))) => {
                let (first, second) = (named(table, first)?, named(table, second)?);
                let message = format!("a probe has `{}` or `{}`", first.value, second.value);
                let problem = Problem::new(&second.place, message);
                problem
                    .more(&first.place, "the other one")
                    .help("make it two probes")
            }
            _ => Problem::new(&table.place, "a probe needs someone to ask").help(NOBODY),
        };
        self.missing(problem);
        None
    }

    fn prometheus(&mut self, table: &ProbeTable) -> Option<ProbeSource> {
        let server = table.prometheus.given()?;
        let Some(query) = table.query.given() else {
            if table.query == Field::Absent {
                let problem = Problem::new(&server.place, "`prometheus` needs a `query`");
                self.missing(problem.help("for example query = 'sum(up)'"));
            }
            return None;
        };
        let base = self.same_for_all(&server.value, Secrecy::Open)?;
        let query = self.same_for_all(&query.value, Secrecy::Open)?;
        let (origin, prefix) = match url::parse_base(&base) {
            Ok(base) => base,
            Err(error) => {
                self.tell(Problem::new(&server.place, error.message).maybe_help(error.help));
                return None;
            }
        };
        let path = format!(
            "{prefix}/api/v1/query?query={}",
            url::encode_component(&query)
        );
        let request = self.question(table, origin, path)?;
        Some(ProbeSource::Prometheus(request))
    }

    fn asked_by_http(&mut self, table: &ProbeTable) -> Option<ProbeSource> {
        let given = table.http.given()?;
        let pointer = self.pointer(table, &given.place)?;
        let text = self.same_for_all(&given.value, Secrecy::Open)?;
        let (origin, rest) = match url::parse(&text) {
            Ok((origin, rest)) => (origin, url::encode_location(rest).into_owned()),
            Err(error) => {
                self.tell(Problem::new(&given.place, error.message).maybe_help(error.help));
                return None;
            }
        };
        if let Some((_, query)) = text.split_once('?') {
            self.secrets.add_pairs(query);
        }
        let slash = if rest.starts_with('/') { "" } else { "/" };
        let request = self.question(table, origin, format!("{slash}{rest}"))?;
        Some(ProbeSource::Http { request, pointer })
    }

    /// Where the number stands in the answer of a probe over HTTP.
    fn pointer(&mut self, table: &ProbeTable, http: &Place) -> Option<String> {
        let pointer =
            match &table.pointer {
                Field::Given(pointer) => pointer,
                Field::Broken => return None,
                Field::Absent => {
                    let problem = Problem::new(http, "`http` needs a `pointer`");
                    self.missing(problem.help(
                        "a JSON pointer to the number in the answer: pointer = \"/pool/used\"",
                    ));
                    return None;
                }
            };
        if !pointer.value.is_empty() && !pointer.value.starts_with('/') {
            let problem = Problem::new(&pointer.place, "a JSON pointer begins with `/`");
            self.tell(problem.help(format!("write \"/{}\"", pointer.value.replace('.', "/"))));
            return None;
        }
        Some(pointer.value.clone())
    }

    fn question(
        &mut self,
        table: &ProbeTable,
        origin: Origin,
        path: String,
    ) -> Option<Rendered<'static>> {
        let headers: Headers = self.headers(&table.headers)?;
        let mut fixed = Vec::new();
        for ((name, value), (written, _)) in headers.into_iter().zip(&table.headers) {
            match value {
                Text::Fixed(value) => fixed.push((Cow::Owned(name), Cow::Owned(value))),
                Text::Template(_) => {
                    self.changes_with_users(written);
                    return None;
                }
            }
        }
        Some(Rendered {
            origin: Cow::Owned(origin),
            path: Cow::Owned(path),
            headers: Cow::Owned(fixed),
            body: Cow::Borrowed(&[]),
        })
    }

    fn command(&mut self, given: &Located<CommandTable>) -> Option<ProbeSource> {
        let words = match &given.value {
            CommandTable::Line(line) => {
                let line = self.same_for_all(line, Secrecy::Open)?;
                if line.trim().is_empty() {
                    self.tell(Problem::new(&given.place, "`command` is empty"));
                    return None;
                }
                vec!["sh".to_owned(), "-c".to_owned(), line]
            }
            CommandTable::Words(words) => words
                .iter()
                .map(|word| self.same_for_all(word, Secrecy::Open))
                .collect::<Option<_>>()?,
        };
        Some(ProbeSource::Command(words))
    }

    fn process(&mut self, table: &ProbeTable) -> Option<ProbeSource> {
        let given = table.process.given()?;
        let text = self.same_for_all(&given.value, Secrecy::Open)?;
        let text = text.trim();
        let is_id = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let which = match (is_id, text.parse::<i32>()) {
            (false, _) if text.is_empty() || text.contains('/') => None,
            (false, _) => Some(WhichProcess::Name(text.to_owned())),
            (true, Ok(id)) if id > 0 => u32::try_from(id).ok().map(WhichProcess::Id),
            (true, _) => None,
        };
        let Some(which) = which else {
            let problem = Problem::new(&given.place, "neither the name nor the id of a process");
            self.tell(problem.help("write for example \"uvicorn\", or 4711"));
            return None;
        };
        let figure = table.figure.given();
        let figure = figure.map_or(ProcessFigure::Cpu, |given| given.value);
        Some(ProbeSource::Process { which, figure })
    }

    /// A text that is the same for all users: a probe has none.
    fn same_for_all(&mut self, source: &Source, secrecy: Secrecy) -> Option<String> {
        let folded = self.fold(source, Mode::Text, secrecy)?;
        match folded.text {
            Text::Fixed(text) => Some(text),
            Text::Template(_) => {
                self.changes_with_users(&Located::new((), source.place.clone()));
                None
            }
        }
    }

    fn changes_with_users<T>(&mut self, located: &Located<T>) {
        let problem = Problem::new(&located.place, "a probe asks the same every time");
        self.tell(problem.help("use `env` and `vars` only: a probe belongs to no user"));
    }

    /// The unit: as given, else that of the figure, else that of the marks.
    fn probe_unit(&mut self, table: &ProbeTable, source: Option<&ProbeSource>) -> Option<Unit> {
        let marks = [&table.warn, &table.critical];
        let of_marks = marks.into_iter().find_map(|mark| mark.given()?.value.unit);
        let own = match (&table.unit, source) {
            (Field::Broken, _) => return None,
            (_, Some(ProbeSource::Process { figure, .. })) => Some(figure.unit()),
            (Field::Given(given), _) => Some(given.value),
            (Field::Absent, _) => None,
        };
        if let (Some(given), Some(own)) = (table.unit.given(), own)
            && given.value != own
        {
            let message = format!("the unit of this figure is {}", told(own));
            self.tell(Problem::new(&given.place, message));
        }
        let unit = own.or(of_marks).unwrap_or(Unit::Count);
        for mark in marks.into_iter().filter_map(Field::given) {
            if mark.value.unit.is_some_and(|of_mark| of_mark != unit) {
                let message = format!("the unit of this probe is {}", told(unit));
                self.tell(Problem::new(&mark.place, message));
            }
        }
        Some(unit)
    }
}

/// A key of the table, where it has it.
fn named<'a>(table: &'a ProbeTable, name: &str) -> Option<&'a Located<String>> {
    table.keys.iter().find(|key| key.value == name)
}

fn told(unit: Unit) -> String {
    match unit {
        Unit::Count => "none: it is a plain number".to_owned(),
        unit => format!("\"{}\"", unit.name()),
    }
}
