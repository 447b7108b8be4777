//! Comparisons of runs: their sources read, their outcome rendered.

mod findings;
mod json;
mod markdown;
mod source;
mod summary;
mod text;

pub(crate) use findings::{findings, remarks};
pub use json::{COMPARISON_SCHEMA, comparison_schema, write_comparison_json};
pub use markdown::write_comparison_markdown;
pub(crate) use markdown::{section, sign, told};
pub use source::{compared_run, planned_facts, read_compared_run};
pub use text::{write_comparison, write_comparison_verdict};
