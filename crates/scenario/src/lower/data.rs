//! The data sets of a scenario: their files read, their rules held.

use crate::{
    data::{AtEnd, DataSet, Per, Pick, Rows, Source, read},
    document::{DataTable, Document, Field, Format, Located},
    overrides::Overrides,
    problem::{Place, Problem},
};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The data sets that are right; those that are not are told.
pub(super) fn sets(
    document: &Document,
    overrides: &Overrides,
    problems: &mut Vec<Problem>,
) -> Vec<Arc<DataSet>> {
    let mut reading = Reading {
        overrides,
        problems,
        torn: document.torn,
    };
    let sets = document.data.iter().filter_map(|table| reading.set(table));
    sets.map(Arc::new).collect()
}

/// What is at hand while data sets are read.
struct Reading<'a> {
    overrides: &'a Overrides,
    problems: &'a mut Vec<Problem>,
    torn: bool,
}

impl Reading<'_> {
    fn tell(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    fn set(&mut self, table: &DataTable) -> Option<DataSet> {
        let name = &table.name.value;
        let mut set = match (&table.file, &table.rows) {
            (Field::Given(file), Field::Absent) => self.of_file(table, file)?,
            (Field::Absent, Field::Given(rows)) => {
                self.means_nothing(table);
                let mut kept = Rows::of_json();
                let rows: Vec<String> = rows
                    .value
                    .iter()
                    .map(|row| row.to_json().to_string())
                    .collect();
                rows.iter().for_each(|row| kept.add(row));
                let hash = hash(rows.join("\n").as_bytes());
                DataSet::new(name, kept, hash, "the scenario".to_owned())
            }
            (Field::Given(_), Field::Given(rows)) => {
                let problem = Problem::new(&rows.place, "`file` and `rows` cannot both be given");
                self.tell(problem.help("remove one of them"));
                return None;
            }
            (Field::Absent, Field::Absent) => {
                let message = format!("the data set `{name}` has no rows");
                let problem = Problem::new(&table.name.place, message);
                if !self.torn {
                    self.tell(problem.help("add `file = \"users.csv\"`, or `rows = [{ … }]`"));
                }
                return None;
            }
            _ => return None,
        };
        let of = |field: &Field<Pick>| field.given().map(|given| given.value);
        set.pick = of(&table.pick).unwrap_or(Pick::Sequential);
        set.per = table
            .per
            .given()
            .map_or(Per::Iteration, |given| given.value);
        set.at_end = match table.at_end.given() {
            Some(given) if set.pick == Pick::Random => {
                let problem = Problem::new(&given.place, "rows that are drawn have no end");
                self.tell(problem.help("`at_end` goes with the other kinds of `pick`"));
                AtEnd::Recycle
            }
            Some(given) => given.value,
            None if set.pick == Pick::Unique => AtEnd::Stop,
            None => AtEnd::Recycle,
        };
        Some(set)
    }

    /// Tells keys that belong to files.
    fn means_nothing(&mut self, table: &DataTable) {
        let places: [(&str, Option<&Place>); 3] = [
            ("format", table.format.given().map(|given| &given.place)),
            ("columns", table.columns.given().map(|given| &given.place)),
            (
                "delimiter",
                table.delimiter.given().map(|given| &given.place),
            ),
        ];
        for (key, place) in places {
            if let Some(place) = place {
                let message = format!("`{key}` means nothing to rows of the scenario");
                self.tell(Problem::new(place, message).help("it belongs to `file`"));
            }
        }
    }

    fn of_file(&mut self, table: &DataTable, file: &Located<String>) -> Option<DataSet> {
        let path = &file.value;
        let format = self.format(table, file)?;
        let source = self.source_of(table, format, path);
        let given = self.overrides.files.get(path);
        let read = match given {
            None => Err(format!("failed to read {path}: there are no files here")),
            Some(Err(reason)) => Err(format!("failed to read {path}: {reason}")),
            Some(Ok(bytes)) => read(bytes, &source, path).map(|rows| {
                // The way in which they are read decides what they are, too.
                let mut digest = Sha256::new_with_prefix(bytes.as_slice());
                digest.update(format!("{source:?}"));
                (rows, hex(&digest.finalize()))
            }),
        };
        match read {
            Ok((rows, hash)) => Some(DataSet::new(&table.name.value, rows, hash, path.clone())),
            Err(message) => {
                let unread = !matches!(given, Some(Ok(_)));
                let help = "the path begins in the folder of the scenario";
                let problem = Problem::new(&file.place, message);
                self.tell(problem.maybe_help(unread.then(|| help.to_owned())));
                None
            }
        }
    }

    /// As `format` says, or as the ending of the file does.
    fn format(&mut self, table: &DataTable, file: &Located<String>) -> Option<Format> {
        match &table.format {
            Field::Given(given) => return Some(given.value),
            Field::Broken => return None,
            Field::Absent => {}
        }
        let ending = file
            .value
            .rsplit_once('.')
            .map(|(_, ending)| ending.to_ascii_lowercase());
        match ending.as_deref() {
            Some("csv" | "tsv") => Some(Format::Csv),
            Some("json") => Some(Format::Json),
            Some("jsonl" | "ndjson") => Some(Format::JsonLines),
            _ => {
                let problem =
                    Problem::new(&file.place, "the file's ending does not tell its format");
                self.tell(
                    problem.help("add `format = \"csv\"`, \"json\", \"jsonl\" or \"sharegpt\""),
                );
                None
            }
        }
    }

    fn source_of(&mut self, table: &DataTable, format: Format, path: &str) -> Source {
        if format != Format::Csv {
            let places = [
                ("columns", table.columns.given().map(|given| &given.place)),
                (
                    "delimiter",
                    table.delimiter.given().map(|given| &given.place),
                ),
            ];
            for (key, place) in places {
                if let Some(place) = place {
                    let message = format!("`{key}` belongs to the format \"csv\"");
                    self.tell(Problem::new(place, message));
                }
            }
        }
        let tabs = path.to_ascii_lowercase().ends_with(".tsv");
        match format {
            Format::Csv => Source::Csv {
                delimiter: table
                    .delimiter
                    .given()
                    .map_or(if tabs { b'\t' } else { b',' }, |given| given.value),
                columns: table.columns.given().map(|given| given.value.clone()),
            },
            Format::Json => Source::Json,
            Format::JsonLines => Source::JsonLines,
            Format::ShareGpt => Source::ShareGpt,
        }
    }
}

fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
