//! How far a run has come, load by load: when each begins, and the two deadlines of its end.

use loadgen_stats::Offset;
use tokio::sync::watch;

/// What whoever started the run wants of it; later values are stronger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Nothing: go on.
    #[default]
    Run,
    /// Begin no more iterations; running ones may finish within `graceful_stop`.
    Drain,
    /// Cut what still runs, and report.
    Cut,
}

/// A phase of one load, told to every shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It waits for another load to end.
    Waiting,
    /// Iterations are begun as the load says, from that start on.
    Running(Offset),
    /// No more iterations are begun; requests due after the end of starting are not measured.
    Draining(Starting),
    /// What still runs is cut.
    Cut(Starting),
    /// The run was stopped before it began.
    Never,
}

/// When a load began iterations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Starting {
    pub(crate) began: Offset,
    pub(crate) ended: Offset,
}

/// The phases of all loads, as every shard sees them.
pub(crate) type Phases = watch::Receiver<Vec<Phase>>;

impl Phase {
    /// When the load began, or will.
    pub(crate) const fn start(self) -> Option<Offset> {
        match self {
            Self::Waiting | Self::Never => None,
            Self::Running(start) => Some(start),
            Self::Draining(starting) | Self::Cut(starting) => Some(starting.began),
        }
    }

    /// When it came to begin no more iterations.
    pub(crate) const fn ended_starting(self) -> Option<Offset> {
        match self {
            Self::Draining(starting) | Self::Cut(starting) => Some(starting.ended),
            Self::Waiting | Self::Running(_) | Self::Never => None,
        }
    }

    /// Whether iterations may still be begun in it, now or later.
    pub(crate) const fn may_begin(self) -> bool {
        matches!(self, Self::Waiting | Self::Running(_))
    }

    /// The phase after a stop at `now`.
    pub(crate) fn stopped(self, now: Offset) -> Self {
        match self {
            Self::Waiting => Self::Never,
            Self::Running(start) if now < start => Self::Never,
            Self::Running(began) => Self::Draining(Starting { began, ended: now }),
            stopped => stopped,
        }
    }

    /// The phase after all that runs is to be cut at `now`.
    pub(crate) fn cut(self, now: Offset) -> Self {
        match self.stopped(now) {
            Self::Draining(starting) => Self::Cut(starting),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stop_does_to_a_load() {
        use Phase::*;
        let at = Offset::from_nanos;
        let starting = |began, ended| Starting {
            began: at(began),
            ended: at(ended),
        };
        let cases = [
            (Waiting, Never, Never),
            (Running(at(8)), Never, Never),
            // One that begins in that instant has begun.
            (
                Running(at(7)),
                Draining(starting(7, 7)),
                Cut(starting(7, 7)),
            ),
            (
                Running(at(2)),
                Draining(starting(2, 7)),
                Cut(starting(2, 7)),
            ),
            (
                Draining(starting(2, 5)),
                Draining(starting(2, 5)),
                Cut(starting(2, 5)),
            ),
            (
                Cut(starting(2, 5)),
                Cut(starting(2, 5)),
                Cut(starting(2, 5)),
            ),
            (Never, Never, Never),
        ];
        for (phase, stopped, cut) in cases {
            assert_eq!(
                (phase.stopped(at(7)), phase.cut(at(7))),
                (stopped, cut),
                "{phase:?}"
            );
        }
    }
}
