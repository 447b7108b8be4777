//! Measures what this machine can drive truthfully, and looks for what would limit it.

mod bench;
mod calibration;
mod machine;
mod search;

pub(crate) use bench::Work;
pub(crate) use calibration::{Calibration, Ceiling};
pub(crate) use machine::{Finding, findings};

use crate::{environment::Environment, error::Error};
use bench::{Broke, Crew, Level, drive};
use jiff::Timestamp;
use loadgen_engine::Stop;
use loadgen_host::Facts;
use loadgen_stats::ArrivalClock;
use search::Found;
use std::{path::PathBuf, time::Duration};
use tokio::sync::watch;

/// Bytes of memory that one stream takes on both its ends, generously.
const STREAM_BYTES: u64 = 64 << 10;
/// Open files beside the connections.
const OTHER_FILES: u64 = 100;

/// How long levels are measured, and up to which levels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub measured: Duration,
    /// No level of any work is higher.
    pub most: u64,
}

/// What was seen on the way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// How late requests began at the first level, at p50 and p99.
    pub lag: Option<(Duration, Duration)>,
    /// What dated arrivals.
    pub clock: Option<ArrivalClock>,
    /// The part of the machine's processor time that a hypervisor gave to others meanwhile.
    pub stolen: Option<f64>,
}

/// Measures this machine. Absent where a signal came before it was done.
pub(crate) fn calibrate(
    effort: Effort,
    environment: &Environment,
    stop: &watch::Receiver<Stop>,
) -> Result<Option<(Calibration, Seen)>, Error> {
    let mut calibration = Calibration::here(today(environment), &Facts::read());
    let mut seen = Seen::default();
    let processors = processors();
    let before = loadgen_host::stolen().ok();
    for crew in crews(&processors) {
        for work in Work::ALL {
            environment.err.say(&format!(
                "measuring {} with {} worker(s)",
                work.unit(),
                crew.workers
            ));
            let found = search(work, &crew, effort, stop, &mut seen);
            give_back(&processors);
            match found {
                Ok(found) => (calibration.ceilings).push(Ceiling::new(work, crew.workers, found)),
                Err(Halt::Signal) => return Ok(None),
                Err(Halt::Error(error)) => return Err(error),
            }
        }
    }
    seen.stolen = before
        .zip(loadgen_host::stolen().ok())
        .and_then(stolen_part);
    Ok(Some((calibration, seen)))
}

/// The highest level of one kind of work that a crew holds.
fn search(
    work: Work,
    crew: &Crew,
    effort: Effort,
    stop: &watch::Receiver<Stop>,
    seen: &mut Seen,
) -> Result<Found<Broke>, Halt> {
    let most = most(work).min(effort.most);
    search::highest(work.first(), most, |level| {
        let driven = drive(work, level, effort.measured, crew, stop.clone());
        if *stop.borrow() != Stop::Run {
            return Err(Halt::Signal);
        }
        let driven = driven.map_err(Halt::Error)?;
        seen.note(work, &driven);
        Ok(driven.broke())
    })
}

/// Keeps a calibration for later runs; where it is, if there is a place for it.
pub(crate) fn keep(
    calibration: &Calibration,
    environment: &Environment,
) -> Result<Option<PathBuf>, Error> {
    let unkept = |error| Error::failed("keep the calibration", error);
    calibration.save(environment).map_err(unkept)
}

/// Why a search was given up.
enum Halt {
    Signal,
    Error(Error),
}

impl Seen {
    fn note(&mut self, work: Work, level: &Level) {
        if work == Work::Requests {
            self.lag.get_or_insert(level.lag);
        } else {
            self.clock = self.clock.or(level.clock);
        }
    }
}

/// One worker with a processor of its own, where the target has another; then as many as there are processors, which the
/// target, with as many, has to share.
fn crews(processors: &[usize]) -> Vec<Crew> {
    let (Some(first), Some(last)) = (processors.first(), processors.last()) else {
        return Vec::new();
    };
    let mut crews = vec![Crew {
        workers: 1,
        processors: vec![*last],
        target: vec![*first],
    }];
    if processors.len() > 1 {
        crews.push(Crew {
            workers: processors.len(),
            processors: processors.to_vec(),
            target: processors.to_vec(),
        });
    }
    crews
}

/// The highest level worth trying: both ends of a stream are open files of this process, and take its memory.
fn most(work: Work) -> u64 {
    match work {
        Work::Requests | Work::Events => 1_000_000,
        Work::Streams => {
            let files = loadgen_host::file_limit().unwrap_or(1_024);
            let files = files.saturating_sub(OTHER_FILES) / 2;
            let memory = loadgen_host::available_memory().unwrap_or(u64::MAX) / 2 / STREAM_BYTES;
            // Users whose stream is at its end stand beside those whose stream begins.
            (files.min(memory) * 9 / 10).max(1)
        }
    }
}

fn processors() -> Vec<usize> {
    #[cfg(target_os = "linux")]
    if let Ok(processors) = loadgen_host::processors() {
        return processors;
    }
    (0..loadgen_host::cpus()).collect()
}

/// Lets this thread run wherever it could before.
fn give_back(processors: &[usize]) {
    // What could be chosen before can be chosen again.
    #[cfg(target_os = "linux")]
    let _ = loadgen_host::keep_to(processors);
    #[cfg(not(target_os = "linux"))]
    let _ = processors;
}

fn stolen_part((before, after): ((u64, u64), (u64, u64))) -> Option<f64> {
    let all = after.1.checked_sub(before.1).filter(|ticks| *ticks > 0)?;
    Some(after.0.saturating_sub(before.0) as f64 / all as f64)
}

fn today(environment: &Environment) -> String {
    let now: Timestamp = (environment.now)();
    now.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_worker_has_a_processor_of_its_own_and_all_share_all() {
        #[track_caller]
        fn check(processors: &[usize], expected: &[(usize, &[usize], &[usize])]) {
            let crews = crews(processors);
            let found: Vec<_> = crews
                .iter()
                .map(|crew| (crew.workers, &*crew.processors, &*crew.target))
                .collect();
            assert_eq!(found, expected);
        }
        check(&[], &[]);
        check(&[3], &[(1, &[3], &[3])]);
        check(&[0, 1], &[(1, &[1], &[0]), (2, &[0, 1], &[0, 1])]);
        let all = [0, 1, 2, 5];
        check(&all, &[(1, &[5], &[0]), (4, &all, &all)]);
    }

    #[test]
    fn time_that_was_given_to_others_is_a_part() {
        assert_eq!(stolen_part(((1, 100), (11, 200))), Some(0.1));
        assert_eq!(stolen_part(((1, 100), (1, 100))), None);
    }
}
