//! The options of `loadgen doctor`.

use clap::Args;

/// `loadgen doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Measure each level for half a second instead of two: quicker, and less sure
    #[arg(long)]
    pub(crate) quick: bool,
    /// Try no level above this one: requests a second, streams, events a second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) most: Option<u64>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Do not keep the result for later runs
    #[arg(long)]
    pub(crate) no_save: bool,
}
