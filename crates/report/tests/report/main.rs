//! Hand-made runs, written and read in every form.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers as well"
)]

mod comparison;
mod hlog;
mod json;
mod log;
mod outputs;
mod runs;
mod size;
mod stress;
mod text;
