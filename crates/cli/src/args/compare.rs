//! The options of `loadgen compare`, and those of comparing in general.

use super::Out;
use clap::Args;
use loadgen_stats::Tolerance;
use std::path::PathBuf;

/// `loadgen compare`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CompareArgs {
    /// What is measured against: a run log, or a folder of run logs. Summaries (JSON) will do where a side has several
    #[arg(value_name = "BASE", value_hint = clap::ValueHint::AnyPath)]
    pub(crate) base: PathBuf,
    /// What is judged: one run log or several, or folders of them
    #[arg(value_name = "CURRENT", required = true, value_hint = clap::ValueHint::AnyPath)]
    pub(crate) current: Vec<PathBuf>,
    /// One more run of the base (repeatable)
    #[arg(long = "base", value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    pub(crate) more_base: Vec<PathBuf>,
    /// How large a change must be to count, as 'ttft p95: 10%', 'p99: 15%', 'http_req_failed: 0.5pp' (percentage points)
    /// or 3% (repeatable; the last that fits a row is taken) [default: 5% of times and rates per second and at least
    /// 0.1ms, 0.1pp of shares]
    #[arg(
        long,
        value_name = "[METRIC][ STATISTIC:] SIZE",
        allow_hyphen_values = true
    )]
    pub(crate) tolerance: Vec<Tolerance>,
    /// Compare runs that should not be compared, and say so
    #[arg(long)]
    pub(crate) force: bool,
    /// Write the result to a file, `-` for the standard output (repeatable). FORMAT: json, junit, markdown, github
    /// (annotations)
    #[arg(long, value_name = "FORMAT=PATH")]
    pub(crate) out: Vec<Out>,
    /// Show the verdict only
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// What runs are compared with.
#[derive(Debug, Args)]
#[command(next_help_heading = "Comparison")]
pub(crate) struct AgainstArgs {
    /// Compare with earlier runs: a run log, or a folder of them. What could not be compared is refused before the run
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    pub(crate) baseline: Option<PathBuf>,
    /// Where the baseline is of another plan or another kind of machine, say so and let thresholds alone decide; else that
    /// is refused
    #[arg(long)]
    pub(crate) baseline_may_differ: bool,
    /// Keep the run log there, for --baseline of later runs, unless the run failed, was interrupted or may be worse than
    /// its own baseline; a folder of them with --repeat
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    pub(crate) save_baseline: Option<PathBuf>,
    /// Make so many runs, one after the other; {run} in a path of --out stands for their names
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) repeat: u32,
    /// Run against this base URL too, in turns with the target (A, B, A, B, …), and compare it with the target
    #[arg(long, value_name = "URL")]
    pub(crate) target_b: Option<String>,
    /// How large a change must be to count, as in loadgen compare (repeatable)
    #[arg(
        long,
        value_name = "[METRIC][ STATISTIC:] SIZE",
        allow_hyphen_values = true
    )]
    pub(crate) tolerance: Vec<Tolerance>,
}

const AFTER_HELP: &str = "\
Exit codes: 0 nothing is worse, 98 something is, 97 it is unclear; 2 the runs cannot be compared. \
One run log on each side: its seconds are drawn again and again to learn how far chance goes. Several on a side: the runs \
are the units, and pairs of them where they took turns.";
