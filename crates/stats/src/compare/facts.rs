//! Whether runs may be compared at all: what each was, and what sets two of them apart.

use super::ComparedRun;
use crate::{StopReason, Verdict};
use std::{fmt, time::Duration};

/// What is known of a run beside its numbers. What a summary does not tell is absent.
#[derive(Clone, Debug, PartialEq)]
pub struct RunFacts {
    /// What to call it: its path.
    pub label: String,
    /// The name of its scenario.
    pub name: String,
    /// Its load as a person says it; empty where it is not told.
    pub load: String,
    /// The version of loadgen that carried it out.
    pub version: String,
    /// SHA-256 of its canonical plan.
    pub plan_hash: String,
    /// The version of what the names of metrics mean.
    pub definitions: Option<u32>,
    /// The name of the machine that made the load.
    pub hostname: Option<String>,
    /// The processors of that machine.
    pub cpus: Option<u64>,
    /// Their architecture.
    pub arch: Option<String>,
    /// When it began, in RFC 3339 and UTC.
    pub started_at: String,
    /// The seed of its random choices.
    pub seed: u64,
    /// Length of its measured part.
    pub measured: Duration,
    /// Its own verdict.
    pub verdict: Verdict,
    /// Why it ended.
    pub stop_reason: StopReason,
    /// Whether its log has no end: it was killed, or the disk was full.
    pub ends_early: bool,
}

/// A side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What is measured against.
    Base,
    /// What is judged.
    Current,
}

/// Why runs should not be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objection {
    /// They did not do the same.
    Plan {
        /// The run that differs from the first of the base.
        run: String,
        /// Its load, and that of the first of the base, where they differ.
        loads: Option<(String, String)>,
    },
    /// The names of metrics did not mean the same.
    Definitions {
        /// The run that differs.
        run: String,
    },
    /// The loads came from machines with other numbers of processors.
    Cpus {
        /// The run that differs.
        run: String,
        /// Its processors, and those of the first of the base.
        cpus: (u64, u64),
    },
    /// The loads came from machines of other architectures.
    Arch {
        /// The run that differs.
        run: String,
        /// Its architecture, and that of the first of the base.
        arch: (String, String),
    },
    /// A run stands twice on a side, and would count as two.
    Twice {
        /// The run.
        run: String,
        /// What it is called where it stands first.
        other: String,
    },
    /// The log of a run has no end, so that nobody knows what is missing.
    EndsEarly {
        /// The run.
        run: String,
        /// The side it is on.
        side: Side,
    },
    /// A run cannot be trusted itself.
    Inconclusive {
        /// The run.
        run: String,
        /// The side it is on.
        side: Side,
    },
}

/// What to bear in mind where runs are compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Caution {
    /// The loads came from several machines.
    Hosts {
        /// Their names.
        hosts: Vec<String>,
    },
    /// Several versions of loadgen carried them out.
    Versions {
        /// The versions.
        versions: Vec<String>,
    },
    /// In parts of runs the generator was the limit.
    Generator {
        /// Each run, the seconds of its measured part in which it was, and all of them.
        runs: Vec<(String, f64, f64)>,
    },
    /// Of runs whose course is not known the generator is said to have been late or busy.
    Warned {
        /// The runs.
        runs: Vec<String>,
    },
    /// A run did not go to its end.
    Stopped {
        /// The run.
        run: String,
        /// Why.
        reason: StopReason,
    },
}

/// What speaks against comparing the runs, and what to bear in mind.
pub(super) fn examine(
    base: &[ComparedRun],
    current: &[ComparedRun],
) -> (Vec<Objection>, Vec<Caution>) {
    let all = || base.iter().chain(current).map(|run| &run.facts);
    let mut cautions = Vec::new();
    for facts in all() {
        let is_whole = facts.stop_reason == StopReason::Completed || facts.ends_early;
        if !is_whole && facts.verdict != Verdict::Inconclusive {
            let (run, reason) = (facts.label.clone(), facts.stop_reason);
            cautions.push(Caution::Stopped { run, reason });
        }
    }
    let hosts = distinct(all().filter_map(|facts| facts.hostname.as_deref()));
    if hosts.len() > 1 {
        cautions.push(Caution::Hosts { hosts });
    }
    let versions = distinct(all().map(|facts| facts.version.as_str()));
    if versions.len() > 1 {
        cautions.push(Caution::Versions { versions });
    }
    let current = current.iter().map(|run| &run.facts);
    (objections(base, current), cautions)
}

/// What speaks against comparing the runs.
pub(super) fn objections<'a>(
    base: &'a [ComparedRun],
    current: impl Iterator<Item = &'a RunFacts>,
) -> Vec<Objection> {
    let base = base.iter().map(|run| (Side::Base, &run.facts));
    let all: Vec<(Side, &RunFacts)> = base
        .chain(current.map(|facts| (Side::Current, facts)))
        .collect();
    let mut objections = Vec::new();
    for (place, &(side, facts)) in all.iter().enumerate() {
        let same = |&&(other, first): &&(Side, &RunFacts)| other == side && facts.is_same(first);
        if let Some((_, first)) = all[..place].iter().find(same) {
            let (run, other) = (facts.label.clone(), first.label.clone());
            objections.push(Objection::Twice { run, other });
            continue;
        }
        objections.extend(facts.differs_from(all[0].1));
        let run = || facts.label.clone();
        if facts.ends_early {
            objections.push(Objection::EndsEarly { run: run(), side });
        } else if facts.verdict == Verdict::Inconclusive {
            objections.push(Objection::Inconclusive { run: run(), side });
        }
    }
    objections
}

impl Objection {
    /// Whether the runs are sound, and only of different things.
    #[must_use]
    pub const fn is_difference(&self) -> bool {
        !self.is_distrust() && !matches!(self, Self::Twice { .. })
    }

    /// Whether a run cannot be trusted itself, whatever it is compared with.
    #[must_use]
    pub const fn is_distrust(&self) -> bool {
        matches!(self, Self::EndsEarly { .. } | Self::Inconclusive { .. })
    }
}

impl RunFacts {
    /// Whether it is the same run, by whatever name.
    fn is_same(&self, other: &Self) -> bool {
        let run = |facts: &Self| (facts.started_at.clone(), facts.seed, facts.hostname.clone());
        run(self) == run(other)
    }

    /// Why it should not be compared with `first`. What one of the two does not tell is no reason.
    fn differs_from(&self, first: &Self) -> Vec<Objection> {
        let run = || self.label.clone();
        let mut objections = Vec::new();
        if self.plan_hash != first.plan_hash {
            let told = [self, first].map(|facts| Some(&facts.load).filter(|load| !load.is_empty()));
            let loads = differ(told[0], told[1]);
            objections.push(Objection::Plan { run: run(), loads });
        }
        if differ(self.definitions.as_ref(), first.definitions.as_ref()).is_some() {
            objections.push(Objection::Definitions { run: run() });
        }
        if let Some(cpus) = differ(self.cpus.as_ref(), first.cpus.as_ref()) {
            objections.push(Objection::Cpus { run: run(), cpus });
        }
        if let Some(arch) = differ(self.arch.as_ref(), first.arch.as_ref()) {
            objections.push(Objection::Arch { run: run(), arch });
        }
        objections
    }
}

fn differ<T: PartialEq + Clone>(one: Option<&T>, other: Option<&T>) -> Option<(T, T)> {
    let (one, other) = (one?, other?);
    (one != other).then(|| (one.clone(), other.clone()))
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for name in names.filter(|name| !name.is_empty()) {
        if !seen.iter().any(|known| known == name) {
            seen.push(name.to_owned());
        }
    }
    seen
}

/// Pairs from which it pays to look at each: fewer tell too little of how much pairs vary.
const PAIRS: usize = 5;

/// Whether the runs of the two sides took turns: as many on each, and never two of one side in a row.
pub(super) fn interleaved(base: &[ComparedRun], current: &[ComparedRun]) -> bool {
    if base.len() != current.len() || base.len() < PAIRS {
        return false;
    }
    let pairs = base.iter().zip(current);
    let mut order: Vec<&str> = Vec::new();
    for (one, other) in pairs {
        order.extend([
            one.facts.started_at.as_str(),
            other.facts.started_at.as_str(),
        ]);
    }
    // RFC 3339 in UTC sorts as text.
    order.is_sorted_by(|earlier, later| earlier < later)
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plan { run, loads: None } => {
                write!(f, "`{run}` ran another plan than the base")
            }
            Self::Plan {
                run,
                loads: Some((own, first)),
            } => write!(
                f,
                "`{run}` ran another plan than the base: {own}, not {first}"
            ),
            Self::Definitions { run } => {
                write!(
                    f,
                    "`{run}` was measured by other definitions of the metrics than the base"
                )
            }
            Self::Cpus {
                run,
                cpus: (found, first),
            } => {
                write!(
                    f,
                    "the load of `{run}` came from {found} processors, that of the base from {first}"
                )
            }
            Self::Arch {
                run,
                arch: (found, first),
            } => {
                write!(
                    f,
                    "the load of `{run}` came from {found} processors, that of the base from {first}"
                )
            }
            Self::Twice { run, other } if run == other => {
                write!(f, "`{run}` is given twice on one side")
            }
            Self::Twice { run, other } => {
                write!(f, "`{run}` is the same run as `{other}`, on the same side")
            }
            Self::EndsEarly { run, .. } => write!(f, "the log `{run}` ends early"),
            Self::Inconclusive { run, .. } => write!(f, "`{run}` was inconclusive itself"),
        }
    }
}

impl fmt::Display for Caution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hosts { hosts } => {
                write!(
                    f,
                    "the loads came from several machines: {}",
                    hosts.join(", ")
                )
            }
            Self::Versions { versions } => {
                write!(
                    f,
                    "the loads came from several versions of loadgen: {}",
                    versions.join(", ")
                )
            }
            Self::Generator { runs } => {
                let told = |(run, seconds, of): &(String, f64, f64)| {
                    format!("in {seconds:.0} of {of:.0} s of `{run}`")
                };
                let told: Vec<String> = runs.iter().map(told).collect();
                write!(f, "the generator was late or busy {}", told.join(", "))
            }
            Self::Warned { runs } => {
                let told: Vec<String> = runs.iter().map(|run| format!("`{run}`")).collect();
                let told = told.join(", ");
                write!(
                    f,
                    "the generator was late or busy, by the summary of {told}"
                )
            }
            Self::Stopped { run, reason } => {
                write!(f, "`{run}` did not go to its end: {}", reason.name())
            }
        }
    }
}
