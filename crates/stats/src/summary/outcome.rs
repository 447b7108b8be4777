//! How the requests of a run ended.

use super::TrendFigures;
use crate::{Layout, Outcome, Selection, Totals, Trend};

/// How the requests due in the measured part ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutcomeSummary {
    /// A whole answer, as expected.
    pub ok: u64,
    /// Failed.
    pub failed: u64,
    /// An answer that `expect` allows but that is no success, such as an expected 429.
    pub rejected: u64,
    /// Given up in the middle, as `cancel` says.
    pub cancelled: u64,
    /// Redirections that were followed.
    pub redirected: u64,
    /// `http_req_duration`, `http_req_latency` and `ttft` of the first alone: set where failures, refusals and
    /// redirections exceed 1 %, so that fast ones do not flatter.
    pub ok_trends: Vec<(Trend, TrendFigures)>,
}

/// Sums the outcomes up.
pub(super) fn sum_up(layout: &Layout, totals: &Totals) -> OutcomeSummary {
    let [ok, failed, rejected, cancelled, redirected] =
        totals.outcomes(layout, &Selection::default());
    let mut ok_trends = Vec::new();
    let others = failed + rejected + redirected;
    if others * 100 > ok + others + cancelled {
        let only_ok = Selection::default().with_outcome(Outcome::Ok);
        for trend in [Trend::HttpReqDuration, Trend::HttpReqLatency, Trend::Ttft] {
            let figures = TrendFigures::of(&totals.trend(layout, trend, &only_ok));
            ok_trends.extend(figures.map(|figures| (trend, figures)));
        }
    }
    OutcomeSummary {
        ok,
        failed,
        rejected,
        cancelled,
        redirected,
        ok_trends,
    }
}
