//! Watches what the generator itself uses: processor time and waits by thread, memory, files and ports.

use crate::proc::{self, TICKS_PER_SECOND};
use loadgen_engine::GeneratorSample;
use nix::time::{ClockId, clock_gettime};
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    time::Duration,
};
use tokio::time::Instant;

/// The beginning of the names of the threads that carry the load.
const WORKER: &str = "worker-";
/// The beginning of the names of the embedded server's threads: not a part of the generator.
const MOCK: &str = "mock-";

/// Watches this process; each sample tells of the time since the one before.
#[derive(Debug)]
pub struct Monitor {
    last: Snapshot,
}

impl Monitor {
    /// Begins to watch: the first sample tells of the time from now on.
    #[must_use]
    pub fn start() -> Self {
        Self {
            last: Snapshot::take(),
        }
    }

    /// What was used since the last sample. Figures that the system does not give are 0 or absent. The ports of
    /// connections are not told: who opens connections knows them.
    pub fn sample(&mut self) -> GeneratorSample {
        let now = Snapshot::take();
        let used = now.since(&self.last);
        let (rss_bytes, peak_rss_bytes) = memory();
        self.last = now;
        GeneratorSample {
            workers: used.workers,
            queued: used.queued.unwrap_or_default(),
            cpu_percent: used.all * 100.0,
            rss_bytes,
            peak_rss_bytes,
            open_files: proc::open_files(),
            time_wait: proc::read("/proc/net/sockstat", proc::time_wait).ok(),
            ..GeneratorSample::default()
        }
    }
}

/// What was used up to an instant.
#[derive(Debug)]
struct Snapshot {
    at: Instant,
    /// Processor time of the whole process, threads that have ended included.
    process: Duration,
    threads: HashMap<String, Thread>,
}

#[derive(Clone, Copy, Debug)]
struct Thread {
    kind: Kind,
    /// Its time on a processor so far.
    running: Duration,
    /// Its time in the queue for one so far, where the kernel keeps it.
    queued: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Carries load, with the worker's number.
    Worker(usize),
    /// A thread of the embedded server.
    Mock,
}

/// Shares of one processor that were used between two snapshots: 1.0 is one processor all of the time.
#[derive(Clone, Debug, Default, PartialEq)]
struct Used {
    /// By the generator: the process without the embedded server.
    all: f64,
    /// By each worker, in the order of their numbers.
    workers: Vec<f64>,
    /// The time that each worker waited for a processor; absent where the kernel does not keep it.
    queued: Option<Vec<f64>>,
}

impl Snapshot {
    fn take() -> Self {
        let ids = proc::threads().into_iter().flatten();
        // A thread that ends while it is read is left out.
        let threads = ids
            .filter_map(|id| read_thread(&id).map(|thread| (id, thread)))
            .collect();
        let process = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID);
        Self {
            at: Instant::now(),
            process: process.map(Duration::from).unwrap_or_default(),
            threads,
        }
    }

    fn since(&self, earlier: &Self) -> Used {
        let elapsed = self.at.saturating_duration_since(earlier.at).as_secs_f64();
        if elapsed <= 0.0 {
            return Used::default();
        }
        let mut all = self.process.saturating_sub(earlier.process);
        let share = |time: Duration| time.as_secs_f64() / elapsed;
        let mut workers = BTreeMap::new();
        for (id, thread) in &self.threads {
            let before = earlier.threads.get(id);
            let used = thread
                .running
                .saturating_sub(before.map_or(Duration::ZERO, |before| before.running));
            match thread.kind {
                Kind::Mock => all = all.saturating_sub(used),
                Kind::Worker(number) => {
                    let waited_before = before.and_then(|before| before.queued);
                    // The kernel books a wait when it is over: all of a long one may fall into a short interval.
                    let queued = thread
                        .queued
                        .map(|now| share(now.saturating_sub(waited_before.unwrap_or_default())))
                        .map(|share| share.min(1.0));
                    let sum = workers.entry(number).or_insert((0.0, Some(0.0)));
                    *sum = (
                        sum.0 + share(used),
                        sum.1.zip(queued).map(|(sum, queued)| sum + queued),
                    );
                }
            }
        }
        Used {
            all: share(all),
            queued: workers.values().map(|&(_, queued)| queued).collect(),
            workers: workers.into_values().map(|(used, _)| used).collect(),
        }
    }
}

/// The time of one thread; absent for one that has gone and for those of no interest.
fn read_thread(id: &str) -> Option<Thread> {
    let folder = format!("/proc/self/task/{id}");
    let text = fs::read_to_string(format!("{folder}/stat")).ok()?;
    let (name, ticks) = proc::stat(&text)?;
    let kind = kind(name)?;
    // In nanoseconds where the kernel keeps them (a thread that is looked at has run); otherwise the time on a
    // processor is known in ticks, and the time in the queue not at all.
    let exact = fs::read_to_string(format!("{folder}/schedstat"))
        .ok()
        .and_then(|text| proc::schedstat(&text))
        .filter(|(running, _)| !running.is_zero());
    let in_ticks = || Duration::from_millis(ticks.saturating_mul(1000 / TICKS_PER_SECOND));
    let (running, queued) = match exact {
        Some((running, queued)) => (running, Some(queued)),
        None => (in_ticks(), None),
    };
    Some(Thread {
        kind,
        running,
        queued,
    })
}

/// What a thread of this name does.
fn kind(name: &str) -> Option<Kind> {
    if name.starts_with(MOCK) {
        return Some(Kind::Mock);
    }
    let number = name.strip_prefix(WORKER)?;
    number.parse().ok().map(Kind::Worker)
}

/// Resident memory of this process and the most it ever was, in bytes.
fn memory() -> (u64, u64) {
    let status = |text: &str| {
        Some((
            proc::kib_line(text, "VmRSS:")?,
            proc::kib_line(text, "VmHWM:")?,
        ))
    };
    proc::read("/proc/self/status", status).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Kind::{Mock, Worker};
    use super::*;
    use std::{hint::black_box, sync::Barrier, thread};

    /// Milliseconds of the process, and its threads as (id, kind, milliseconds running).
    type State<'a> = (u64, &'a [(&'a str, Kind, u64)]);

    fn snapshot(at: Instant, (process, threads): State<'_>) -> Snapshot {
        let threads = threads.iter().map(|&(id, kind, running)| {
            let running = Duration::from_millis(running);
            (
                id.to_owned(),
                Thread {
                    kind,
                    running,
                    queued: None,
                },
            )
        });
        Snapshot {
            at,
            process: Duration::from_millis(process),
            threads: threads.collect(),
        }
    }

    #[track_caller]
    fn check(before: State<'_>, after: State<'_>, seconds: u64, all: f64, workers: &[f64]) {
        let start = Instant::now();
        let end = start + Duration::from_secs(seconds);
        let used = snapshot(end, after).since(&snapshot(start, before));
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(near(used.all, all), "{used:?}");
        assert_eq!(used.workers.len(), workers.len(), "{used:?}");
        let mut pairs = used.workers.iter().zip(workers);
        assert!(pairs.all(|(&a, &b)| near(a, b)), "{used:?}");
    }

    #[test]
    fn shares_are_of_the_time_between() {
        check((0, &[]), (0, &[]), 1, 0.0, &[]);
        check((100, &[]), (350, &[]), 1, 0.25, &[]);
        check(
            (600, &[("2", Worker(1), 500), ("3", Worker(0), 100)]),
            (2700, &[("2", Worker(1), 2300), ("3", Worker(0), 200)]),
            2,
            1.05,
            &[0.05, 0.9],
        );
        // In the order of their numbers, not of their names.
        check(
            (0, &[]),
            (
                600,
                &[
                    ("7", Worker(10), 100),
                    ("8", Worker(9), 200),
                    ("9", Worker(2), 300),
                ],
            ),
            1,
            0.6,
            &[0.3, 0.2, 0.1],
        );
        // The embedded server is not the generator.
        check(
            (1000, &[("5", Mock, 400), ("6", Mock, 100)]),
            (2000, &[("5", Mock, 800), ("6", Mock, 200)]),
            1,
            0.5,
            &[],
        );
        // A worker that ended is in the whole still; one that came counts from its birth.
        check(
            (700, &[("8", Worker(0), 700)]),
            (1500, &[("9", Worker(1), 500)]),
            1,
            0.8,
            &[0.5],
        );
        // An id that was given again to a younger thread is not counted backwards.
        check(
            (700, &[("8", Worker(0), 700)]),
            (800, &[("8", Worker(0), 100)]),
            1,
            0.1,
            &[0.0],
        );
        // No time has passed.
        check((700, &[]), (800, &[("8", Worker(0), 800)]), 0, 0.0, &[]);
    }

    #[test]
    fn waits_are_told_where_the_kernel_keeps_them() {
        // Milliseconds in the queue of two workers before and after two seconds.
        for (before, after, expected) in [
            (
                [Some(5), Some(0)],
                [Some(105), Some(500)],
                Some([0.05, 0.25]),
            ),
            ([Some(9), Some(0)], [Some(3), Some(2)], Some([0.0, 0.001])),
            ([Some(9), Some(0)], [Some(9), Some(9_000)], Some([0.0, 1.0])),
            ([None, None], [None, None], None),
            ([None, Some(1)], [None, Some(2)], None),
        ] {
            let start = Instant::now();
            let at = |at: Instant, queued: [Option<u64>; 2]| Snapshot {
                at,
                process: Duration::ZERO,
                threads: (0..2)
                    .map(|number| {
                        let thread = Thread {
                            kind: Worker(number),
                            running: Duration::ZERO,
                            queued: queued[number].map(Duration::from_millis),
                        };
                        (number.to_string(), thread)
                    })
                    .collect(),
            };
            let used = at(start + Duration::from_secs(2), after).since(&at(start, before));
            assert_eq!(used.queued, expected.map(Vec::from), "{before:?} {after:?}");
        }
    }

    /// Two threads that spin on one processor: each waits while the other runs.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_worker_that_must_wait_for_its_processor_is_seen() {
        use nix::{
            sched::{CpuSet, sched_getaffinity, sched_setaffinity},
            unistd::Pid,
        };
        use std::sync::atomic::{AtomicBool, Ordering};
        let here = Pid::from_raw(0);
        let allowed = sched_getaffinity(here).unwrap();
        let first = (0..CpuSet::count()).find(|&cpu| allowed.is_set(cpu).unwrap());
        let mut one = CpuSet::new();
        one.set(first.unwrap()).unwrap();
        let seen = AtomicBool::new(false);
        let spin = || {
            sched_setaffinity(here, &one).unwrap();
            while !seen.load(Ordering::Relaxed) {
                black_box(seen.load(Ordering::Relaxed));
            }
        };
        let mut last = None;
        thread::scope(|scope| {
            let mut monitor = Monitor::start();
            for name in ["worker-3", "hog"] {
                let builder = thread::Builder::new().name(name.to_owned());
                builder.spawn_scoped(scope, spin).unwrap();
            }
            for _ in 0..100_000 {
                let sample = monitor.sample();
                let waited = sample.queued.first().is_some_and(|&queued| queued > 0.0);
                last = Some(sample);
                if waited {
                    break;
                }
            }
            seen.store(true, Ordering::Relaxed);
        });
        let queued = last.unwrap().queued;
        assert!(
            queued.first().is_some_and(|&queued| queued > 0.0),
            "{queued:?}"
        );
    }

    #[test]
    fn names_tell_what_a_thread_does() {
        for (name, expected) in [
            ("worker-0", Some(Worker(0))),
            ("worker-12", Some(Worker(12))),
            ("worker-x", None),
            ("worker-", None),
            ("mock-0", Some(Mock)),
            ("loadgen", None),
            ("", None),
        ] {
            assert_eq!(kind(name), expected, "{name}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn threads_of_this_process_are_found() {
        let (here, go) = (Barrier::new(4), Barrier::new(4));
        let seen = thread::scope(|scope| {
            for name in ["worker-7", "mock-0", "other"] {
                let body = || {
                    here.wait();
                    go.wait();
                };
                let builder = thread::Builder::new().name(name.to_owned());
                builder.spawn_scoped(scope, body).unwrap();
            }
            here.wait();
            let seen = Snapshot::take();
            go.wait();
            seen
        });
        let mut kinds: Vec<_> = seen.threads.values().map(|thread| thread.kind).collect();
        kinds.sort_by_key(|kind| *kind == Mock);
        assert_eq!(kinds, [Worker(7), Mock]);
        assert!(!seen.process.is_zero());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_busy_process_is_seen() {
        let mut monitor = Monitor::start();
        let mut last = monitor.sample();
        // Bounded: work of some hundred milliseconds is seen by any clock of the kernel.
        for _ in 0..10_000 {
            let mix = |sum: u64, n| sum.wrapping_mul(31).wrapping_add(n);
            black_box((0..10_000_u64).fold(0, mix));
            last = monitor.sample();
            if last.cpu_percent > 0.0 {
                break;
            }
        }
        assert!(last.cpu_percent > 0.0, "{last:?}");
        assert!(
            last.rss_bytes > 0 && last.peak_rss_bytes >= last.rss_bytes,
            "{last:?}"
        );
    }
}
