//! Renders a search for the breaking point: as text, JSON, CSV, JUnit, Markdown, and as a chart.

mod chart;
mod csv;
mod github;
mod junit;
mod markdown;
pub(crate) mod record;
mod svg;
mod text;
mod words;

pub use csv::write_stress_csv;
pub use github::write_stress_github;
pub use junit::write_stress_junit;
pub use markdown::write_stress_markdown;
pub use svg::write_stress_svg;
pub use text::{write_stress_text, write_stress_verdict};
pub use words::{stress_level_line, stress_load};
