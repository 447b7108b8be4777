//! Watches what the generator itself uses: processor time by thread, and memory.

use crate::proc;
use loadgen_engine::GeneratorSample;
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
/// Ticks of the kernel's thread clocks per second; every Linux shows this many to programs.
const TICKS_PER_SECOND: u64 = 100;

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

    /// What was used since the last sample. Figures that the system does not give are 0.
    pub fn sample(&mut self) -> GeneratorSample {
        let now = Snapshot::take();
        let used = now.since(&self.last);
        let (rss_bytes, peak_rss_bytes) = memory();
        self.last = now;
        GeneratorSample {
            workers: used.workers,
            cpu_percent: used.all * 100.0,
            rss_bytes,
            peak_rss_bytes,
        }
    }
}

/// What every thread of the generator has used up to an instant.
#[derive(Debug)]
struct Snapshot {
    at: Instant,
    threads: HashMap<String, Thread>,
}

#[derive(Clone, Copy, Debug)]
struct Thread {
    /// The worker's number; absent for a thread that is none.
    worker: Option<usize>,
    /// Its time on a processor so far.
    running: Duration,
}

/// Shares of one processor that were used between two snapshots: 1.0 is one processor all of the time.
#[derive(Clone, Debug, Default, PartialEq)]
struct Used {
    /// By all threads of the generator.
    all: f64,
    /// By each worker, in the order of their numbers.
    workers: Vec<f64>,
}

impl Snapshot {
    fn take() -> Self {
        let ids = proc::threads().into_iter().flatten();
        // A thread that ends while it is read is left out.
        let threads = ids
            .filter_map(|id| read_thread(&id).map(|thread| (id, thread)))
            .collect();
        Self {
            at: Instant::now(),
            threads,
        }
    }

    fn since(&self, earlier: &Self) -> Used {
        let elapsed = self.at.saturating_duration_since(earlier.at).as_secs_f64();
        if elapsed <= 0.0 {
            return Used::default();
        }
        let mut all = 0.0;
        let mut workers = BTreeMap::new();
        for (id, thread) in &self.threads {
            let before = earlier
                .threads
                .get(id)
                .map_or(Duration::ZERO, |thread| thread.running);
            let share = thread.running.saturating_sub(before).as_secs_f64() / elapsed;
            all += share;
            if let Some(worker) = thread.worker {
                *workers.entry(worker).or_insert(0.0) += share;
            }
        }
        Used {
            all,
            workers: workers.into_values().collect(),
        }
    }
}

/// The time of one thread; absent for one that has gone and for those of the embedded server.
fn read_thread(id: &str) -> Option<Thread> {
    let folder = format!("/proc/self/task/{id}");
    let text = fs::read_to_string(format!("{folder}/stat")).ok()?;
    let (name, ticks) = proc::stat(&text)?;
    if name.starts_with(MOCK) {
        return None;
    }
    // In nanoseconds where the kernel keeps them, in ticks otherwise.
    let exact = fs::read_to_string(format!("{folder}/schedstat"))
        .ok()
        .and_then(|text| proc::schedstat(&text));
    let in_ticks = || Duration::from_millis(ticks.saturating_mul(1000 / TICKS_PER_SECOND));
    let running = exact
        .filter(|running| !running.is_zero())
        .unwrap_or_else(in_ticks);
    let worker = name
        .strip_prefix(WORKER)
        .and_then(|number| number.parse().ok());
    Some(Thread { worker, running })
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
    use super::*;
    use std::{hint::black_box, sync::Barrier, thread};

    /// Threads as (id, number of the worker, milliseconds running).
    type Threads<'a> = &'a [(&'a str, Option<usize>, u64)];

    fn snapshot(at: Instant, threads: Threads<'_>) -> Snapshot {
        let threads = threads.iter().map(|&(id, worker, running)| {
            (
                id.to_owned(),
                Thread {
                    worker,
                    running: Duration::from_millis(running),
                },
            )
        });
        Snapshot {
            at,
            threads: threads.collect(),
        }
    }

    #[track_caller]
    fn check(before: Threads<'_>, after: Threads<'_>, seconds: u64, all: f64, workers: &[f64]) {
        let start = Instant::now();
        let used =
            snapshot(start + Duration::from_secs(seconds), after).since(&snapshot(start, before));
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(near(used.all, all), "{used:?}");
        assert_eq!(used.workers.len(), workers.len(), "{used:?}");
        assert!(
            used.workers.iter().zip(workers).all(|(&a, &b)| near(a, b)),
            "{used:?}"
        );
    }

    #[test]
    fn shares_are_of_the_time_between() {
        check(&[], &[], 1, 0.0, &[]);
        check(&[("1", None, 100)], &[("1", None, 350)], 1, 0.25, &[]);
        check(
            &[("1", None, 0), ("2", Some(1), 500), ("3", Some(0), 100)],
            &[("1", None, 200), ("2", Some(1), 2300), ("3", Some(0), 200)],
            2,
            1.05,
            &[0.05, 0.9],
        );
        // In the order of their numbers, not of their names.
        check(
            &[],
            &[
                ("7", Some(10), 100),
                ("8", Some(9), 200),
                ("9", Some(2), 300),
            ],
            1,
            0.6,
            &[0.3, 0.2, 0.1],
        );
        // A thread that came in between counts from its birth; one that ended is left out.
        check(
            &[("8", Some(0), 700)],
            &[("9", Some(0), 500)],
            1,
            0.5,
            &[0.5],
        );
        // An id that was given again to a younger thread is not counted backwards.
        check(
            &[("8", Some(0), 700)],
            &[("8", Some(0), 100)],
            1,
            0.0,
            &[0.0],
        );
        // No time has passed.
        check(&[("8", Some(0), 700)], &[("8", Some(0), 800)], 0, 0.0, &[]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn threads_are_told_apart_by_their_names() {
        let (here, go) = (Barrier::new(4), Barrier::new(4));
        let seen = thread::scope(|scope| {
            for name in ["worker-7", "mock-0", "worker-x"] {
                let body = || {
                    here.wait();
                    go.wait();
                };
                thread::Builder::new()
                    .name(name.to_owned())
                    .spawn_scoped(scope, body)
                    .unwrap();
            }
            here.wait();
            let seen = Snapshot::take();
            go.wait();
            seen
        });
        let workers: Vec<_> = seen
            .threads
            .values()
            .filter_map(|thread| thread.worker)
            .collect();
        assert_eq!(workers, [7], "{seen:?}");
        assert!(
            seen.threads.len() >= 3,
            "the worker, the test's own thread and `worker-x`: {seen:?}"
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_busy_process_is_seen() {
        let mut monitor = Monitor::start();
        let mut last = monitor.sample();
        // Bounded: work of some hundred milliseconds is seen by any clock of the kernel.
        for _ in 0..10_000 {
            black_box((0..10_000_u64).fold(0, |sum: u64, n| sum.wrapping_mul(31).wrapping_add(n)));
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
