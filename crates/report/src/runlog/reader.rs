//! Reads a run log, also one whose writer was killed.

use super::closing::Closing;
use super::header::{Header, HeaderRecord, RUN_LOG_SCHEMA};
use super::{Record, window::WindowRecord};
use crate::error::{Damage, Error};
use crate::stress::record::{self, FoundRecord, LevelJson, SearchJson};
use loadgen_capacity::Stress;
use loadgen_stats::{Offset, Window};
use serde::Deserialize;
use std::io::{BufRead, Read as _};

/// No record is longer; a longer line is no run log.
const LONGEST_LINE: u64 = 64 * 1024 * 1024;

/// Reads a run log window by window, so that a long one needs no more memory than a short one.
#[derive(Debug)]
pub struct RunLogReader<R> {
    input: R,
    header: Header,
    definitions: u32,
    line: u64,
    windows: u64,
    after: Offset,
    end: Option<LogEnd>,
    search: SearchLog,
}

/// What a log tells of a search for the breaking point.
#[derive(Debug, Default)]
struct SearchLog {
    search: Option<SearchJson>,
    levels: Vec<LevelJson>,
    found: Option<FoundRecord>,
}

/// How a run log ends.
#[derive(Clone, Debug, PartialEq)]
pub enum LogEnd {
    /// With the closing record.
    Closed(Box<Closing>),
    /// Without: the run was killed, or still goes on.
    Early {
        /// Whether the last line is only a part of a record.
        torn: bool,
    },
}

/// The one field that tells run logs apart from other files.
#[derive(Deserialize)]
struct Schema {
    schema: String,
}

/// One line.
enum Line {
    Whole(Vec<u8>),
    /// The last one, without a line end.
    Torn(Vec<u8>),
    None,
}

impl<R: BufRead> RunLogReader<R> {
    /// Reads the first line.
    ///
    /// # Errors
    ///
    /// Where the input is no run log, or one of a newer format.
    pub fn new(mut input: R) -> Result<Self, Error> {
        let no_run_log = |reason: String| Error::NoRunLog { reason };
        let line = match next_line(&mut input, 1)? {
            Line::Whole(line) => line,
            // Without its line end nothing can follow, but the header itself may be whole.
            Line::Torn(line) => line,
            Line::None => return Err(no_run_log("it is empty".to_owned())),
        };
        let schema = serde_json::from_slice::<Schema>(&line).map_err(|_| {
            no_run_log("its first line is no JSON object with a `schema`".to_owned())
        })?;
        check_schema(&schema.schema)?;
        let record: HeaderRecord =
            serde_json::from_slice(&line).map_err(|error| damaged(&error).on(1))?;
        let definitions = record.definitions();
        let header = record.restore().map_err(|damage| damage.on(1))?;
        Ok(Self {
            input,
            header,
            definitions,
            line: 1,
            windows: 0,
            after: Offset::ZERO,
            end: None,
            search: SearchLog::default(),
        })
    }

    /// What was known before the run began.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The version of what the names of metrics mean in it.
    #[must_use]
    pub const fn definitions(&self) -> u32 {
        self.definitions
    }

    /// The next window; none at the end, where [`Self::end`] tells how the log ends.
    ///
    /// # Errors
    ///
    /// Where a line other than a torn last one is damaged.
    pub fn next_window(&mut self) -> Result<Option<Window>, Error> {
        while self.end.is_none() {
            self.line += 1;
            let record = match next_line(&mut self.input, self.line)? {
                Line::None => {
                    self.end = Some(LogEnd::Early { torn: false });
                    break;
                }
                Line::Whole(line) => parse(&line).map_err(|damage| damage.on(self.line))?,
                // Either cut by one byte, its line end, or in the middle.
                Line::Torn(line) => match parse(&line) {
                    Ok(record) => record,
                    Err(_) => {
                        self.end = Some(LogEnd::Early { torn: true });
                        break;
                    }
                },
            };
            if let Some(window) = self.take(record)? {
                return Ok(Some(window));
            }
        }
        Ok(None)
    }

    /// The search for the breaking point that the run was, as far as it was read; none where it was none.
    ///
    /// # Errors
    ///
    /// Where its records are damaged.
    pub fn stress(&self) -> Result<Option<Stress>, Error> {
        let SearchLog {
            search,
            levels,
            found,
        } = &self.search;
        let restored = search.as_ref().map(|search| {
            record::restore(search, levels, found.as_ref(), &self.header.layout.probes)
        });
        restored.transpose().map_err(|damage| damage.on(self.line))
    }

    /// How the log ends, once every window was read.
    #[must_use]
    pub const fn end(&self) -> Option<&LogEnd> {
        self.end.as_ref()
    }

    /// The end of the last window that was read.
    #[must_use]
    pub const fn last_end(&self) -> Offset {
        self.after
    }

    fn take(&mut self, record: Record) -> Result<Option<Window>, Error> {
        let line = self.line;
        match record {
            Record::Window(record) => {
                let window = self.restore(&record).map_err(|damage| damage.on(line))?;
                self.after = window.end;
                self.windows += 1;
                Ok(Some(window))
            }
            Record::Closing(record) => {
                let closing = record
                    .restore(self.windows)
                    .map_err(|damage| damage.on(line))?;
                if !matches!(next_line(&mut self.input, line + 1)?, Line::None) {
                    return Err(Damage::new("it follows the closing record").on(line + 1));
                }
                self.end = Some(LogEnd::Closed(Box::new(closing)));
                Ok(None)
            }
            Record::Search(search) => {
                self.search.search = Some(*search);
                Ok(None)
            }
            Record::Level(level) => {
                self.search.levels.push(*level);
                Ok(None)
            }
            Record::Found(found) => {
                self.search.found = Some(found);
                Ok(None)
            }
        }
    }

    fn restore(&self, record: &WindowRecord) -> Result<Window, Damage> {
        record.restore(&self.header.layout, self.after)
    }
}

fn check_schema(found: &str) -> Result<(), Error> {
    let number = |schema: &str| {
        schema
            .strip_prefix("loadgen.runlog/")
            .and_then(|number| number.parse::<u32>().ok())
    };
    match (number(found), number(RUN_LOG_SCHEMA)) {
        (Some(found_number), Some(known)) if found_number > known => Err(Error::NewerFormat {
            found: found.to_owned(),
        }),
        (Some(_), _) if found == RUN_LOG_SCHEMA => Ok(()),
        _ => Err(Error::NoRunLog {
            reason: format!("its first line names the schema {found:?}"),
        }),
    }
}

fn parse(line: &[u8]) -> Result<Record, Damage> {
    serde_json::from_slice(line).map_err(|error| damaged(&error))
}

fn damaged(error: &serde_json::Error) -> Damage {
    Damage::new(error.to_string())
}

fn next_line(input: &mut impl BufRead, number: u64) -> Result<Line, Error> {
    let mut line = Vec::new();
    input
        .by_ref()
        .take(LONGEST_LINE)
        .read_until(b'\n', &mut line)?;
    match line.last() {
        None => Ok(Line::None),
        Some(b'\n') => {
            line.pop();
            Ok(Line::Whole(line))
        }
        Some(_) if line.len() as u64 == LONGEST_LINE => {
            Err(Damage::new("it is too long").on(number))
        }
        Some(_) => Ok(Line::Torn(line)),
    }
}
