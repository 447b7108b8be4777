//! A limit on a metric of the whole run.

/// Stands in for the one of the statistics until that is built.
#[derive(Clone, Debug)]
pub struct Threshold(());
