//! Serves as a queueing system does: first come, first served, by so many servers, each for a random time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use crate::Settings;

/// Requests over which a leak adds its share of the service time once.
const LEAK_REQUESTS: f64 = 100.0;
/// The longest a service is made by what slows it.
const LONGEST_SERVICE: Duration = Duration::from_secs(3600);

/// The servers and their queue.
#[derive(Debug)]
pub(crate) struct Station {
    mean: Duration,
    contention: f64,
    coherency: f64,
    leak: f64,
    servers: Arc<Semaphore>,
    most: usize,
    begun: AtomicU64,
    /// Nanoseconds that services took longer than they should have, as timers are late, and which later ones make up for.
    late: AtomicI64,
}

impl Station {
    /// The station, where the settings give one.
    pub(crate) fn new(settings: &Settings) -> Option<Self> {
        let most = settings.servers.unwrap_or(1) as usize;
        Some(Self {
            mean: settings.service_time?,
            contention: settings.contention,
            coherency: settings.coherency,
            leak: settings.leak,
            servers: Arc::new(Semaphore::new(most)),
            most,
            begun: AtomicU64::new(0),
            late: AtomicI64::new(0),
        })
    }

    /// Waits for a server, and is served for `share` of the mean service time.
    ///
    /// Dropped before, it leaves the queue or the server.
    pub(crate) async fn serve(&self, share: f64) {
        let Ok(_server) = self.server().await else {
            // Nobody closes the queue.
            return;
        };
        let time = self
            .mean
            .mul_f64(share * self.slowdown())
            .min(LONGEST_SERVICE);
        let credit = Duration::from_nanos(self.take_credit(time));
        let begun = Instant::now();
        sleep_until(begun + (time - credit)).await;
        let took = begun.elapsed() + credit;
        self.late
            .fetch_add(nanos(took) - nanos(time), Ordering::Relaxed);
    }

    async fn server(&self) -> Result<OwnedSemaphorePermit, tokio::sync::AcquireError> {
        Arc::clone(&self.servers).acquire_owned().await
    }

    /// How many times the mean service time is what it would be on an idle, fresh service.
    fn slowdown(&self) -> f64 {
        let others = (self.most - self.servers.available_permits()).saturating_sub(1) as f64;
        let served = self.begun.fetch_add(1, Ordering::Relaxed) as f64;
        let crowd = 1.0 + self.contention * others + self.coherency * others * (others + 1.0);
        crowd * (1.0 + self.leak * served / LEAK_REQUESTS)
    }

    /// Lateness that this service makes up for.
    fn take_credit(&self, time: Duration) -> u64 {
        let most = nanos(time);
        let late = self
            .late
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |late| {
                Some(late - late.clamp(0, most))
            });
        late.unwrap_or_else(|late| late)
            .clamp(0, most)
            .unsigned_abs()
    }
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn settings(servers: u32) -> Settings {
        Settings {
            service_time: Some(100 * MS),
            servers: Some(servers),
            ..Settings::default()
        }
    }

    /// When requests that all come at once are done, in milliseconds; each is served for its share of the mean.
    async fn done(settings: &Settings, shares: &[f64]) -> Vec<u128> {
        let station = Station::new(settings).unwrap();
        let start = Instant::now();
        let served = shares.iter().map(|share| {
            let station = &station;
            async move {
                station.serve(*share).await;
                start.elapsed().as_millis()
            }
        });
        join_all(served.collect()).await
    }

    /// Drives futures together, in their order.
    async fn join_all<F: Future<Output = u128>>(futures: Vec<F>) -> Vec<u128> {
        let mut futures: Vec<_> = futures
            .into_iter()
            .map(|future| (Box::pin(future), None))
            .collect();
        std::future::poll_fn(|context| {
            let mut open = false;
            for (future, output) in &mut futures {
                if output.is_none() {
                    match future.as_mut().poll(context) {
                        std::task::Poll::Ready(value) => *output = Some(value),
                        std::task::Poll::Pending => open = true,
                    }
                }
            }
            if open {
                std::task::Poll::Pending
            } else {
                std::task::Poll::Ready(())
            }
        })
        .await;
        futures
            .into_iter()
            .filter_map(|(_, output)| output)
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn requests_wait_their_turn() {
        let cases: [(u32, &[f64], &[u128]); 4] = [
            (1, &[1.0, 1.0, 1.0], &[100, 200, 300]),
            (1, &[2.0, 0.5], &[200, 250]),
            (2, &[1.0, 2.0, 1.0, 1.0], &[100, 200, 200, 300]),
            (9, &[1.0, 0.0, 3.0], &[100, 0, 300]),
        ];
        for (servers, shares, expected) in cases {
            let done = done(&settings(servers), shares).await;
            let near = done
                .iter()
                .zip(expected)
                .all(|(done, expected)| done.abs_diff(*expected) <= 2);
            assert!(
                near && done.len() == expected.len(),
                "{servers} servers: {done:?}, not {expected:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_makes_service_slow() {
        let crowded = Settings {
            contention: 0.5,
            coherency: 0.25,
            ..settings(9)
        };
        // The third to begin finds two others: 1 + 0.5*2 + 0.25*2*3.
        let done = done(&crowded, &[1.0, 1.0, 1.0]).await;
        let expected = [100, 200, 350];
        assert!(
            done.iter()
                .zip(expected)
                .all(|(done, expected)| done.abs_diff(expected) <= 2),
            "{done:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_leak_makes_later_requests_slow() {
        let station = Station::new(&Settings {
            leak: 0.5,
            ..settings(1)
        })
        .unwrap();
        for _ in 0..100 {
            station.serve(0.0).await;
        }
        let start = Instant::now();
        station.serve(1.0).await;
        assert!(
            start.elapsed().as_millis().abs_diff(150) <= 2,
            "{:?}",
            start.elapsed()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn late_timers_do_not_add_up() {
        // tokio's timers go by whole milliseconds, always late: 1000 services of 0.35 ms take 0.35 s all the same.
        let station = Station::new(&settings(1)).unwrap();
        let start = Instant::now();
        for _ in 0..1000 {
            station.serve(0.0035).await;
        }
        assert!(
            start.elapsed().as_millis().abs_diff(350) <= 5,
            "{:?}",
            start.elapsed()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_the_queue_is_not_served() {
        let station = Station::new(&settings(1)).unwrap();
        let start = Instant::now();
        let first = station.serve(1.0);
        let impatient = tokio::time::timeout(10 * MS, station.serve(5.0));
        let (_, gave_up) = tokio::join!(first, impatient);
        assert!(gave_up.is_err());
        station.serve(1.0).await;
        assert!(
            start.elapsed().as_millis().abs_diff(200) <= 2,
            "{:?}",
            start.elapsed()
        );
    }

    #[test]
    fn without_a_service_time_there_is_no_station() {
        assert!(Station::new(&Settings::default()).is_none());
    }
}
