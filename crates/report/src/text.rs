//! Summaries as text.
mod chart;
mod style;
mod table;
mod units;
