//! What the generator took of its machine over a whole run, gathered from its windows.

use crate::{GeneratorSample, Window};

/// What the generator took of its machine so far.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// Seconds of windows that told of all workers.
    seconds: f64,
    pub(crate) workers: Vec<WorkerHealth>,
    pub(crate) open_files: Option<u64>,
    pub(crate) ports: Option<u64>,
    pub(crate) time_wait: Option<u64>,
}

/// What one worker thread had of a processor, in seconds, and the most of one second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WorkerHealth {
    running: f64,
    running_most: f64,
    /// Absent where the system does not tell.
    queued: Option<(f64, f64)>,
}

/// One worker thread over the whole run, in percent of one core.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WorkerSummary {
    /// Processor time.
    pub cpu_percent: f64,
    /// The same in its busiest second.
    pub cpu_percent_peak: f64,
    /// Time in which it could have run, but waited for a processor; none where the system does not tell.
    pub run_queue_percent: Option<f64>,
    /// The same in the second in which it waited most.
    pub run_queue_percent_peak: Option<f64>,
}

impl Health {
    pub(crate) fn push(&mut self, window: &Window) {
        let Some(sample) = &window.generator else {
            return;
        };
        // In the last window the first workers have ended, and those that are left have lost their numbers.
        if sample.workers.len() >= self.workers.len() {
            let seconds = window.end.since(window.start).as_secs_f64();
            self.seconds += seconds;
            self.workers
                .resize(sample.workers.len(), WorkerHealth::default());
            for (number, worker) in self.workers.iter_mut().enumerate() {
                worker.push(sample, number, seconds);
            }
        }
        self.open_files = self.open_files.max(sample.open_files);
        self.ports = self.ports.max(sample.ports);
        self.time_wait = self.time_wait.max(sample.time_wait);
    }

    /// The workers in the order of their numbers.
    pub(crate) fn workers(&self) -> Vec<WorkerSummary> {
        let mean = |seconds: f64| match self.seconds {
            whole if whole > 0.0 => percent(seconds / whole),
            _ => 0.0,
        };
        let workers = self.workers.iter().map(|worker| WorkerSummary {
            cpu_percent: mean(worker.running),
            cpu_percent_peak: percent(worker.running_most),
            run_queue_percent: worker.queued.map(|(all, _)| mean(all)),
            run_queue_percent_peak: worker.queued.map(|(_, most)| percent(most)),
        });
        workers.collect()
    }
}

impl WorkerHealth {
    fn push(&mut self, sample: &GeneratorSample, number: usize, seconds: f64) {
        let of = |figures: &[f64]| figures.get(number).copied();
        self.running += of(&sample.workers).unwrap_or(0.0) * seconds;
        self.running_most = self
            .running_most
            .max(of(sample.workers_most()).unwrap_or(0.0));
        if let Some(queued) = of(&sample.queued) {
            let most = of(sample.queued_most()).unwrap_or(queued);
            let (all, before) = self.queued.unwrap_or_default();
            self.queued = Some((all + queued * seconds, before.max(most)));
        }
    }
}

/// A share in percent, to the hundredth: what is below depends on how a run log gathered its windows.
fn percent(share: f64) -> f64 {
    (share * 10_000.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Layout, Offset, Totals, VusRange};
    use std::time::Duration;

    /// A window of so many seconds with what the workers ran and waited; no waits where the system does not tell.
    fn window(start: u64, end: u64, workers: &[f64], queued: &[f64], counts: [u64; 3]) -> Window {
        let at = |second| Offset::from(Duration::from_secs(second));
        let [open_files, ports, time_wait] = counts.map(|count| (count > 0).then_some(count));
        Window {
            start: at(start),
            end: at(end),
            vus: VusRange::default(),
            totals: Totals::new(&Layout::default()),
            generator: Some(GeneratorSample {
                workers: workers.to_vec(),
                queued: queued.to_vec(),
                open_files,
                ports,
                time_wait,
                ..GeneratorSample::default()
            }),
        }
    }

    fn gathered(windows: &[Window]) -> Health {
        let mut health = Health::default();
        windows.iter().for_each(|window| health.push(window));
        health
    }

    #[track_caller]
    fn check(windows: &[Window], workers: &[[f64; 4]], counts: [Option<u64>; 3]) {
        // What a run log makes of it: neighbours in one record.
        let mut merged = windows[0].clone();
        windows[1..].iter().for_each(|next| merged.extend(next));
        for health in [gathered(windows), gathered(&[merged])] {
            let told = health.workers();
            let told: Vec<_> = told
                .iter()
                .map(|worker| {
                    [
                        worker.cpu_percent,
                        worker.cpu_percent_peak,
                        worker.run_queue_percent.unwrap_or(-1.0),
                        worker.run_queue_percent_peak.unwrap_or(-1.0),
                    ]
                })
                .collect();
            assert_eq!(told.len(), workers.len(), "{told:?}");
            for (told, expected) in told.iter().flatten().zip(workers.iter().flatten()) {
                assert!((told - expected).abs() < 1e-9, "{told} {expected}");
            }
            assert_eq!([health.open_files, health.ports, health.time_wait], counts);
        }
    }

    #[test]
    fn a_window_in_which_workers_have_ended_says_nothing_of_the_others() {
        let health = gathered(&[
            window(0, 1, &[0.2, 0.4], &[0.1, 0.2], [5, 0, 0]),
            window(1, 2, &[0.1], &[0.0], [9, 0, 0]),
        ]);
        let told = health.workers();
        assert_eq!((told[0].cpu_percent, told[1].cpu_percent), (20.0, 40.0));
        assert_eq!(health.open_files, Some(9));
    }

    #[test]
    fn means_and_the_most_of_a_second_survive_the_run_log() {
        check(
            &[window(0, 1, &[0.5], &[0.1], [20, 10, 0])],
            &[[50.0, 50.0, 10.0, 10.0]],
            [Some(20), Some(10), None],
        );
        check(
            &[
                window(0, 1, &[0.2, 0.4], &[0.0, 0.3], [20, 9, 1]),
                window(1, 2, &[0.6, 0.4], &[0.1, 0.0], [30, 8, 7]),
                window(2, 4, &[0.2, 0.1], &[0.0, 0.0], [10, 7, 2]),
            ],
            &[[30.0, 60.0, 2.5, 10.0], [25.0, 40.0, 7.5, 30.0]],
            [Some(30), Some(9), Some(7)],
        );
        // Where the system tells no waits there are none, rather than zeros.
        check(
            &[
                window(0, 1, &[0.2], &[], [0, 0, 0]),
                window(1, 2, &[0.3], &[], [0, 0, 0]),
            ],
            &[[25.0, 30.0, -1.0, -1.0]],
            [None; 3],
        );
    }
}
