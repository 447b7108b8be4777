//! The exit codes that scripts rely on, and which one wins where several apply.

use loadgen_stats::{Change, StopReason, Verdict};

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All went as asked.
    Passed,
    /// It could not run, or broke down on the way.
    Failed,
    /// Wrong usage, or a scenario with problems.
    Usage,
    /// The generator was the limit, there were too few samples to judge, or a comparison is unclear.
    Inconclusive,
    /// A comparison found something worse.
    Regression,
    /// A threshold failed, or no request succeeded.
    Threshold,
    /// Stopped by a signal with every threshold holding.
    Interrupted,
}

/// Those that win stand first.
const PRECEDENCE: [Exit; 7] = [
    Exit::Failed,
    Exit::Usage,
    Exit::Threshold,
    Exit::Regression,
    Exit::Inconclusive,
    Exit::Interrupted,
    Exit::Passed,
];

impl Exit {
    /// The code.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Inconclusive => 97,
            Self::Regression => 98,
            Self::Threshold => 99,
            Self::Interrupted => 130,
        }
    }

    /// The end of a run with this verdict that ended for this reason.
    pub(crate) fn of_run(verdict: Verdict, stop_reason: StopReason) -> Self {
        let judged = match verdict {
            Verdict::Pass => Self::Passed,
            Verdict::Fail => Self::Threshold,
            Verdict::Inconclusive => Self::Inconclusive,
        };
        let stopped = match stop_reason {
            StopReason::Completed | StopReason::Threshold => Self::Passed,
            StopReason::Interrupted => Self::Interrupted,
            StopReason::Error => Self::Failed,
        };
        judged.and(stopped)
    }

    /// The end of a comparison with this verdict.
    pub(crate) const fn of_comparison(verdict: Change) -> Self {
        match verdict {
            Change::Better | Change::Same => Self::Passed,
            Change::Worse => Self::Regression,
            Change::Unclear => Self::Inconclusive,
        }
    }

    /// The one of the two that wins.
    pub(crate) fn and(self, other: Self) -> Self {
        PRECEDENCE
            .into_iter()
            .find(|exit| [self, other].contains(exit))
            .unwrap_or(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_end_as_the_contract_says() {
        use {StopReason as S, Verdict as V};
        for (verdict, stop_reason, code) in [
            (V::Pass, S::Completed, 0),
            (V::Pass, S::Interrupted, 130),
            (V::Pass, S::Error, 1),
            (V::Pass, S::Threshold, 0),
            (V::Fail, S::Completed, 99),
            (V::Fail, S::Interrupted, 99),
            (V::Fail, S::Threshold, 99),
            (V::Fail, S::Error, 1),
            (V::Inconclusive, S::Completed, 97),
            (V::Inconclusive, S::Interrupted, 97),
            (V::Inconclusive, S::Threshold, 97),
            (V::Inconclusive, S::Error, 1),
        ] {
            assert_eq!(
                Exit::of_run(verdict, stop_reason).code(),
                code,
                "{verdict:?} {stop_reason:?}"
            );
        }
    }

    #[test]
    fn the_winner_does_not_depend_on_the_order() {
        let order = [1, 2, 99, 98, 97, 130, 0];
        for (at, first) in PRECEDENCE.into_iter().enumerate() {
            assert_eq!(first.code(), order[at]);
            for second in PRECEDENCE {
                let expected = order
                    .into_iter()
                    .find(|code| [first.code(), second.code()].contains(code));
                assert_eq!(
                    Some(first.and(second).code()),
                    expected,
                    "{first:?} {second:?}"
                );
                assert_eq!(first.and(second), second.and(first));
            }
        }
    }
}
