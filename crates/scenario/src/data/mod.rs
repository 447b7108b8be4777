//! Data sets: rows that users take turns with, read once and shared by all.

mod read;
mod sharegpt;

pub(crate) use read::{Source, read};

use minijinja::value::{Enumerator, Object, ObjectRepr, Serde, Value};
use std::{fmt, sync::Arc};

/// The largest file that is read, in bytes.
pub const LARGEST_FILE: u64 = 256 << 20;

/// A data set: its rows, and how users take them.
pub struct DataSet {
    /// Its name: templates call it `data.NAME`.
    pub name: Arc<str>,
    /// The order in which rows are taken.
    pub pick: Pick,
    /// What happens when all rows were taken.
    pub at_end: AtEnd,
    /// How long a user keeps a row.
    pub per: Per,
    /// SHA-256 of what its rows were read from, in hexadecimal.
    pub hash: String,
    /// Where the rows come from, for people: a path, or `the scenario`.
    pub from: String,
    rows: Rows,
}

/// The order in which rows are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// One after the other, whoever comes next.
    Sequential,
    /// Any row, drawn anew each time.
    Random,
    /// One after the other, in an order drawn anew for each pass.
    Shuffle,
    /// As `Sequential`, and no row a second time.
    Unique,
}

/// What happens when all rows were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtEnd {
    /// They are taken again.
    Recycle,
    /// Whoever comes next ends.
    Stop,
}

/// How long a user keeps a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// For one iteration.
    Iteration,
    /// For as long as it stays.
    User,
}

/// Rows, one text for all of them.
#[derive(Default)]
pub(crate) struct Rows {
    text: String,
    /// Where each value in the text ends.
    ends: Vec<usize>,
    /// The names of the columns, where every row has the same; else every value is a row of JSON.
    columns: Option<Arc<[String]>>,
}

impl DataSet {
    pub(crate) fn new(name: &str, rows: Rows, hash: String, from: String) -> Self {
        Self {
            name: name.into(),
            pick: Pick::Sequential,
            at_end: AtEnd::Recycle,
            per: Per::Iteration,
            hash,
            from,
            rows,
        }
    }

    /// How many rows there are; at least one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row; never so for the sets of a plan.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory that the rows take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.rows.text.len() + self.rows.ends.len() * size_of::<usize>()
    }

    /// The row at a place, as templates see it.
    pub(crate) fn row(self: &Arc<Self>, place: usize) -> Value {
        match &self.rows.columns {
            Some(_) => Value::from_object(Row {
                set: Arc::clone(self),
                place,
            }),
            None => {
                let row: serde_json::Value =
                    serde_json::from_str(self.rows.value(place)).unwrap_or_default();
                Value::from(Serde(row))
            }
        }
    }

    /// The texts of a row, with the names of their columns.
    pub(crate) fn texts(&self, place: usize) -> Vec<(String, String)> {
        match &self.rows.columns {
            Some(columns) => {
                let fields = (0..columns.len()).map(|at| place * columns.len() + at);
                let fields = fields.map(|at| self.rows.value(at).to_owned());
                columns.iter().cloned().zip(fields).collect()
            }
            None => {
                let row = serde_json::from_str(self.rows.value(place)).unwrap_or_default();
                let serde_json::Value::Object(members) = row else {
                    return Vec::new();
                };
                let text = |(key, value): (String, serde_json::Value)| {
                    value.as_str().map(|text| (key, text.to_owned()))
                };
                members.into_iter().filter_map(text).collect()
            }
        }
    }
}

impl Rows {
    /// Rows of JSON.
    pub(crate) fn of_json() -> Self {
        Self::default()
    }

    /// Rows of a table with these columns.
    pub(crate) fn of_table(columns: Vec<String>) -> Self {
        Self {
            columns: Some(columns.into()),
            ..Self::default()
        }
    }

    /// Adds a value: a field of a table, or a row of JSON.
    pub(crate) fn add(&mut self, value: &str) {
        self.text.push_str(value);
        self.ends.push(self.text.len());
    }

    pub(crate) fn len(&self) -> usize {
        match &self.columns {
            Some(columns) => self.ends.len() / columns.len().max(1),
            None => self.ends.len(),
        }
    }

    fn value(&self, place: usize) -> &str {
        let from = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[from..self.ends[place]]
    }
}

/// A row of a table.
struct Row {
    set: Arc<DataSet>,
    place: usize,
}

impl Object for Row {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let columns = self.set.rows.columns.as_ref()?;
        let key = key.as_str()?;
        let at = columns.iter().position(|column| column == key)?;
        let field = self.place * columns.len() + at;
        Some(Value::from(self.set.rows.value(field)))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let columns = self.set.rows.columns.as_deref().unwrap_or_default();
        Enumerator::Values(
            columns
                .iter()
                .map(|name| Value::from(name.as_str()))
                .collect(),
        )
    }
}

impl Pick {
    /// Every one by its name.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("sequential", Self::Sequential),
        ("random", Self::Random),
        ("shuffle", Self::Shuffle),
        ("unique", Self::Unique),
    ];

    /// Its name in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Random => "random",
            Self::Shuffle => "shuffle",
            Self::Unique => "unique",
        }
    }
}

impl AtEnd {
    /// Every one by its name.
    pub const NAMES: [(&'static str, Self); 2] = [("recycle", Self::Recycle), ("stop", Self::Stop)];

    /// Its name in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recycle => "recycle",
            Self::Stop => "stop",
        }
    }
}

impl Per {
    /// Every one by its name.
    pub const NAMES: [(&'static str, Self); 2] =
        [("iteration", Self::Iteration), ("user", Self::User)];

    /// Its name in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Iteration => "iteration",
            Self::User => "user",
        }
    }
}

impl fmt::Debug for DataSet {
    /// Rows may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataSet")
            .field("name", &self.name)
            .field("rows", &self.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
