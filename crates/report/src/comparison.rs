//! Comparisons of runs: their sources read, their outcome rendered.

mod json;
mod source;
mod summary;
mod text;

pub use json::{COMPARISON_SCHEMA, comparison_schema, write_comparison_json};
pub use source::{compared_run, planned_facts, read_compared_run};
pub use text::{write_comparison, write_comparison_verdict};
