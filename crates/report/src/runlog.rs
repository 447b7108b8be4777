//! The run log: one line of JSON before the run, one for every interval, one at the end.

mod cell;
mod closing;
mod counts;
mod header;
mod reader;
mod replay;
mod step;
mod totals;
mod window;
mod writer;

pub(crate) use cell::encode;
pub use closing::Closing;
pub use header::{Header, Host, METRIC_DEFINITIONS, RUN_LOG_SCHEMA};
pub use reader::{LogEnd, RunLogReader};
pub use replay::{Replayed, replay, replay_each};
pub use writer::RunLogWriter;

use serde::{Deserialize, Serialize};

/// A line after the first.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Record {
    Window(Box<window::WindowRecord>),
    Closing(Box<closing::ClosingRecord>),
    /// What a search for the breaking point is to find.
    Search(Box<crate::stress::record::SearchJson>),
    /// A level that it has tried.
    Level(Box<crate::stress::record::LevelJson>),
    /// How it ended.
    Found(crate::stress::record::FoundRecord),
}
