//! Loads under paused time, with 1, 2 and 7 workers.

mod closed;
mod flows;
mod laws;
mod mixes;
mod once;
mod open;
mod opening;
mod rows;
mod steered;
mod support;
mod thresholds;
mod tokens;
mod turns;
mod ways;
