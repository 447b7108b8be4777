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
    #[arg(long, value_name = "[METRIC][ STATISTIC:] SIZE")]
    pub(crate) tolerance: Vec<Tolerance>,
    /// Compare runs that should not be compared, and say so
    #[arg(long)]
    pub(crate) force: bool,
    /// Write the result to a file, `-` for the standard output (repeatable). FORMAT: json
    #[arg(long, value_name = "FORMAT=PATH")]
    pub(crate) out: Vec<Out>,
    /// Show the verdict only
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

const AFTER_HELP: &str = "\
Exit codes: 0 nothing is worse, 98 something is, 97 it is unclear; 2 the runs cannot be compared. \
One run log on each side: its seconds are drawn again and again to learn how far chance goes. Several on a side: the runs \
are the units, and pairs of them where they took turns.";
