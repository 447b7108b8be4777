//! Reads rows from the bytes of a file.

use super::{Rows, sharegpt};
use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// The most rows of one set.
const MOST_ROWS: usize = u32::MAX as usize;

/// How the bytes of a file are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Lines of fields; the first line names the columns, unless they are given.
    Csv {
        /// What stands between fields.
        delimiter: u8,
        /// The names of the columns, where no line gives them.
        columns: Option<Vec<String>>,
    },
    /// One JSON array.
    Json,
    /// One JSON value a line.
    JsonLines,
    /// Conversations, as an array or one a line.
    ShareGpt,
}

/// Reads rows; `path` is what the file is called.
///
/// # Errors
///
/// What is wrong with the bytes, and at which line.
pub(crate) fn read(bytes: &[u8], source: &Source, path: &str) -> Result<Rows, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = line_of(bytes, error.valid_up_to());
        format!("line {line} of {path} is not UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rows = match source {
        Source::Csv { delimiter, columns } => csv(text, *delimiter, columns.clone(), path)?,
        Source::Json => {
            let mut rows = Rows::of_json();
            elements(text, path, &mut |value| rows.add(&value.to_string()))?;
            rows
        }
        Source::JsonLines => {
            let mut rows = Rows::of_json();
            lines(text, path, &mut |line, _| rows.add(line))?;
            rows
        }
        Source::ShareGpt => {
            let mut rows = Rows::of_json();
            let mut add = |value: &Value| {
                if let Some(row) = sharegpt::row(value) {
                    rows.add(&row.to_string());
                }
            };
            if text.trim_start().starts_with('[') {
                elements(text, path, &mut add)?;
            } else {
                lines(text, path, &mut |_, value| add(value))?;
            }
            if rows.len() == 0 {
                return Err(format!(
                    "{path} holds no conversation with a turn of a person"
                ));
            }
            rows
        }
    };
    match rows.len() {
        0 => Err(format!("{path} holds no rows")),
        rows if rows > MOST_ROWS => Err(format!("{path} holds more than {MOST_ROWS} rows")),
        _ => Ok(rows),
    }
}

fn csv(
    text: &str,
    delimiter: u8,
    columns: Option<Vec<String>>,
    path: &str,
) -> Result<Rows, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(delimiter)
        // Told below, with the line and both numbers.
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    let mut next = |record: &mut csv::StringRecord| {
        reader
            .read_record(record)
            .map_err(|error| format!("failed to read {path}: {error}"))
    };
    let columns = match columns {
        Some(columns) => columns,
        None if next(&mut record)? => record.iter().map(|name| name.trim().to_owned()).collect(),
        None => return Err(format!("{path} is empty: its first line names the columns")),
    };
    if let Some(name) = twice(&columns) {
        return Err(format!("{path} has two columns called `{name}`"));
    }
    let count = columns.len();
    let mut rows = Rows::of_table(columns);
    while next(&mut record)? {
        if record.len() != count {
            let line = record.position().map_or(0, csv::Position::line);
            let fields = record.len();
            let s = if fields == 1 { "" } else { "s" };
            return Err(format!(
                "line {line} of {path} has {fields} field{s}, and there are {count} columns"
            ));
        }
        record.iter().for_each(|field| rows.add(field));
    }
    Ok(rows)
}

/// A name that stands twice in a list.
fn twice(names: &[String]) -> Option<&String> {
    let mut names = names.iter().enumerate();
    let all = names.clone();
    names
        .find(|(at, name)| {
            all.clone()
                .any(|(other, known)| other < *at && known == *name)
        })
        .map(|(_, name)| name)
}

/// Every line that is not blank, as text and as JSON.
fn lines(text: &str, path: &str, add: &mut dyn FnMut(&str, &Value)) -> Result<(), String> {
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let value = serde_json::from_str(line)
            .map_err(|error| format!("line {number} of {path} is not JSON: {}", reason(&error)))?;
        add(line, &value);
    }
    Ok(())
}

/// Every element of a JSON array, one in memory at a time.
fn elements(text: &str, path: &str, add: &mut dyn FnMut(&Value)) -> Result<(), String> {
    struct Elements<'a>(&'a mut dyn FnMut(&Value));

    impl<'de> Visitor<'de> for Elements<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array of rows")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
            while let Some(element) = elements.next_element::<Value>()? {
                (self.0)(&element);
            }
            Ok(())
        }
    }

    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = deserializer.deserialize_seq(Elements(add));
    read.and_then(|()| deserializer.end()).map_err(|error| {
        format!(
            "line {} of {path} is no array of rows: {}",
            error.line(),
            reason(&error)
        )
    })
}

/// What is wrong, without the line: that is told before.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    text.to_owned()
}

fn line_of(bytes: &[u8], at: usize) -> usize {
    bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}
