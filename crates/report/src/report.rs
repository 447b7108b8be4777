//! All that is reported of a run.

use crate::Header;
use loadgen_stats::{Comparison, Summary};

/// All that is reported of a run.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// What was known before it began.
    pub header: &'a Header,
    /// What came of it.
    pub summary: &'a Summary,
    /// How it compares with earlier runs, where it was compared.
    pub comparison: Option<&'a Comparison>,
}
