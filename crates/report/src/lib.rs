//! Writes and reads the run log; renders summaries and verdicts.

mod comparison;
mod csv;
mod error;
mod findings;
mod github;
mod hlog;
mod json;
mod junit;
mod markdown;
mod probes;
mod report;
mod runlog;
mod stress;
mod text;
mod xml;

pub use comparison::{
    COMPARISON_SCHEMA, compared_run, comparison_schema, planned_facts, read_compared_run,
    write_comparison, write_comparison_json, write_comparison_markdown, write_comparison_verdict,
};
pub use csv::write_csv;
pub use error::Error;
pub use github::{write_comparison_github, write_github};
pub use hlog::HlogWriter;
pub use json::{SUMMARY_SCHEMA, summary_schema, write_json, write_stress_json};
pub use junit::{write_comparison_junit, write_junit};
pub use markdown::write_markdown;
pub use report::Report;
pub use runlog::{
    Closing, Header, Host, LogEnd, METRIC_DEFINITIONS, RUN_LOG_SCHEMA, Replayed, RunLogReader,
    RunLogWriter, replay, replay_each,
};
pub use stress::{
    stress_level_line, stress_load, write_stress_csv, write_stress_github, write_stress_junit,
    write_stress_markdown, write_stress_svg, write_stress_text, write_stress_verdict,
};
pub use text::{TextOptions, write_text, write_verdict};
