//! Writes and reads the run log; renders summaries and verdicts.

mod error;
mod json;
mod runlog;
mod text;

pub use error::Error;
pub use json::{SUMMARY_SCHEMA, summary_schema, write_json};
pub use runlog::{
    Closing, Header, Host, LogEnd, METRIC_DEFINITIONS, RUN_LOG_SCHEMA, Replayed, RunLogReader,
    RunLogWriter, replay,
};
pub use text::{TextOptions, write_text, write_verdict};
