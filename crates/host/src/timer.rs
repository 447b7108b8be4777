//! A timer that is late by hundredths of a millisecond: one timer descriptor per shard, on the monotonic clock.

use crate::{waiters::Waiters, waits};
use loadgen_engine::{Timer, Timing};
use nix::{
    sys::{
        prctl,
        time::TimeSpec,
        timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
    },
    time::{ClockId as Clock, clock_gettime},
};
use std::{
    future::Future,
    io,
    os::fd::{AsFd, AsRawFd, RawFd},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    runtime::Handle,
    task::{JoinHandle, coop},
    time::Instant,
};

/// Timers over a timer descriptor of the kernel.
///
/// Waits end at the first wake-up of the shard's runtime after the deadline, never before it. Paused tokio time is not
/// obeyed: tests of schedules use [`loadgen_engine::TokioTiming`].
#[derive(Clone, Copy, Debug, Default)]
pub struct PreciseTiming;

/// The timer of one shard.
///
/// However many users wait, there is one descriptor and one task that watches it; a wait that is dropped leaves
/// nothing behind.
#[derive(Debug)]
pub struct PreciseTimer {
    shared: Arc<Shared>,
    driver: JoinHandle<()>,
}

impl Timing for PreciseTiming {
    type Timer = PreciseTimer;

    fn timer(&self, _shard: usize) -> io::Result<PreciseTimer> {
        PreciseTimer::new()
    }
}

impl Timer for PreciseTimer {
    fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> {
        Sleep {
            shared: &self.shared,
            deadline,
            ticket: None,
        }
    }
}

impl Drop for PreciseTimer {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl PreciseTimer {
    /// Makes the timer of this thread, whose runtime must have its I/O enabled.
    fn new() -> io::Result<Self> {
        let handle = Handle::try_current().map_err(io::Error::other)?;
        // Only how punctual epoll's own time-outs are hangs on it, so a refusal does no harm.
        let _ = prctl::set_timerslack(1);
        waits::account();
        let alarm = TimerFd::new(
            ClockId::CLOCK_MONOTONIC,
            TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC,
        )?;
        let shared = Arc::new(Shared {
            anchor: Anchor::take()?,
            alarm: register(alarm)?,
            waiters: Mutex::default(),
        });
        let driver = handle.spawn(drive(Arc::clone(&shared)));
        Ok(Self { shared, driver })
    }
}

/// What the waits of a shard and the task that wakes them share. Only the shard's thread touches it, so the lock is
/// never waited for.
#[derive(Debug)]
struct Shared {
    alarm: AsyncFd<Alarm>,
    anchor: Anchor,
    waiters: Mutex<Waiters>,
}

impl Shared {
    fn waiters(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the descriptor become readable at `deadline`; any earlier setting is replaced.
    fn arm(&self, deadline: Instant) {
        let at = Expiration::OneShot(TimeSpec::from_duration(self.anchor.monotonic(deadline)));
        // The kernel refuses only times that are negative or not normalised, and `at` is made from a `Duration`.
        let armed = self
            .alarm
            .get_ref()
            .0
            .set(at, TimerSetTimeFlags::TFD_TIMER_ABSTIME);
        debug_assert_eq!(armed, Ok(()), "a normalised time is taken");
    }
}

/// The descriptor in the form that the runtime takes.
#[derive(Debug)]
struct Alarm(TimerFd);

impl AsRawFd for Alarm {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

#[expect(
    deprecated,
    reason = "what replaces it is an unsafe function; this descriptor is owned, and closed after it"
)]
fn register(alarm: TimerFd) -> io::Result<AsyncFd<Alarm>> {
    AsyncFd::with_interest(Alarm(alarm), Interest::READABLE)
}

/// One instant read on both clocks, to turn others into times of the kernel's clock.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    instant: Instant,
    monotonic: Duration,
}

impl Anchor {
    fn take() -> io::Result<Self> {
        let mut best: Option<(Duration, Self)> = None;
        for _ in 0..8 {
            let before = Duration::from(clock_gettime(Clock::CLOCK_MONOTONIC)?);
            let instant = Instant::now();
            // The later of the two readings, so that the alarm never comes early.
            let monotonic = Duration::from(clock_gettime(Clock::CLOCK_MONOTONIC)?);
            let span = monotonic.saturating_sub(before);
            if best.is_none_or(|(least, _)| span < least) {
                best = Some((span, Self { instant, monotonic }));
            }
        }
        best.map(|(_, anchor)| anchor)
            .ok_or_else(|| io::Error::other("read the monotonic clock"))
    }

    fn monotonic(&self, instant: Instant) -> Duration {
        match instant.checked_duration_since(self.instant) {
            Some(after) => self.monotonic.saturating_add(after),
            // Zero would switch the alarm off.
            None => self
                .monotonic
                .saturating_sub(self.instant - instant)
                .max(Duration::from_nanos(1)),
        }
    }
}

/// Wakes whoever is due each time the descriptor becomes readable.
async fn drive(shared: Arc<Shared>) {
    let mut due = Vec::new();
    loop {
        let Ok(mut guard) = shared.alarm.readable().await else {
            return;
        };
        // Cleared before the clock is read: an alarm that comes in between is a new edge and seen by the next turn.
        // The descriptor need not be read, setting it again resets its count.
        guard.clear_ready();
        wake_due(&shared, &mut due);
    }
}

fn wake_due(shared: &Shared, due: &mut Vec<Waker>) {
    let next = shared.waiters().take_due(Instant::now(), due);
    if let Some(deadline) = next {
        shared.arm(deadline);
    }
    // In the order of their deadlines, and outside the lock: a waker may poll its task's other waits.
    for waker in due.drain(..) {
        waker.wake();
    }
}

/// One wait.
struct Sleep<'a> {
    shared: &'a Shared,
    deadline: Instant,
    /// Its place among the waiters; absent until it was polled, and again once it is over.
    ticket: Option<u64>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // A user whose deadlines have all passed must still let others of its shard run.
        let budget = ready!(coop::poll_proceed(context));
        let this = &mut *self;
        let mut waiters = this.shared.waiters();
        if let Some(ticket) = this.ticket {
            if waiters.renew(this.deadline, ticket, context.waker()) {
                return Poll::Pending;
            }
            this.ticket = None;
        } else if this.deadline > Instant::now() {
            let (ticket, first) = waiters.add(this.deadline, context.waker());
            this.ticket = Some(ticket);
            drop(waiters);
            if first {
                this.shared.arm(this.deadline);
            }
            return Poll::Pending;
        }
        budget.made_progress();
        Poll::Ready(())
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.shared.waiters().remove(self.deadline, ticket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        cell::{Cell, RefCell},
        future::poll_fn,
        rc::Rc,
    };
    use tokio::{runtime::Builder, task::LocalSet, time::timeout};

    const MS: Duration = Duration::from_millis(1);

    /// Runs a test on a runtime like a shard's, and fails if it hangs.
    fn on_shard<F: Future<Output = ()>>(test: impl FnOnce(Rc<PreciseTimer>) -> F) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let timer = Rc::new(PreciseTiming.timer(0).unwrap());
            timeout(Duration::from_secs(60), test(timer))
                .await
                .expect("ends in time");
        });
    }

    #[test]
    fn waits_end_in_the_order_of_their_deadlines_and_never_early() {
        // Delays in milliseconds in the order in which the waits begin, and the order in which they must end.
        for (delays, expected) in [
            (vec![3, 1, 2], vec![1, 2, 0]),
            (vec![1, 2, 3], vec![0, 1, 2]),
            (vec![5, 5, 5], vec![0, 1, 2]),
            (vec![9, 1, 9, 1, 4], vec![1, 3, 4, 0, 2]),
        ] {
            on_shard(|timer| async move {
                let ended = Rc::new(RefCell::new(Vec::new()));
                let start = Instant::now();
                let waits: Vec<_> = delays
                    .iter()
                    .enumerate()
                    .map(|(at, &delay)| {
                        let (timer, ended) = (Rc::clone(&timer), Rc::clone(&ended));
                        tokio::task::spawn_local(async move {
                            let deadline = start + delay * MS;
                            timer.sleep_until(deadline).await;
                            assert!(Instant::now() >= deadline, "never early");
                            ended.borrow_mut().push(at);
                        })
                    })
                    .collect();
                for wait in waits {
                    wait.await.unwrap();
                }
                assert_eq!(*ended.borrow(), expected);
            });
        }
    }

    #[test]
    fn a_deadline_that_has_passed_is_no_wait() {
        on_shard(|timer| async move {
            timer.sleep_until(Instant::now()).await;
            timer
                .sleep_until(Instant::now().checked_sub(Duration::from_secs(1)).unwrap())
                .await;
            assert_eq!(timer.shared.waiters().len(), 0);
        });
    }

    #[test]
    fn passed_deadlines_let_others_run() {
        on_shard(|timer| async move {
            let done = Rc::new(Cell::new(false));
            let other = tokio::task::spawn_local({
                let done = Rc::clone(&done);
                async move { done.set(true) }
            });
            let past = Instant::now();
            for _ in 0..100_000 {
                if done.get() {
                    break;
                }
                timer.sleep_until(past).await;
            }
            assert!(done.get(), "the other task had its turn");
            other.await.unwrap();
        });
    }

    #[test]
    fn ten_thousand_waits_share_the_descriptor() {
        on_shard(|timer| async move {
            let start = Instant::now();
            let waits: Vec<_> = (0..10_000_u32)
                .map(|at| {
                    let timer = Rc::clone(&timer);
                    tokio::task::spawn_local(async move {
                        let deadline = start + Duration::from_micros(u64::from(at * 7919 % 50_000));
                        timer.sleep_until(deadline).await;
                        assert!(Instant::now() >= deadline, "never early");
                    })
                })
                .collect();
            for wait in waits {
                wait.await.unwrap();
            }
            assert_eq!(timer.shared.waiters().len(), 0);
        });
    }

    #[test]
    fn dropped_waits_leave_nothing_behind() {
        on_shard(|timer| async move {
            let far = Instant::now() + Duration::from_secs(3600);
            let mut waits: Vec<_> = (0..10_000)
                .map(|_| Box::pin(timer.sleep_until(far)))
                .collect();
            poll_fn(|context| {
                for wait in &mut waits {
                    // The budget of one poll is spent long before the last of them.
                    let waited = std::pin::pin!(coop::unconstrained(wait.as_mut())).poll(context);
                    assert!(waited.is_pending());
                }
                Poll::Ready(())
            })
            .await;
            assert_eq!(timer.shared.waiters().len(), 10_000);
            drop(waits);
            assert_eq!(timer.shared.waiters().len(), 0);
            // The alarm that was set for them disturbs nobody.
            timer.sleep_until(Instant::now() + MS).await;
        });
    }

    #[test]
    fn a_wait_outlives_the_first_of_its_kind() {
        on_shard(|timer| async move {
            let early = Instant::now() + 2 * MS;
            let late = early + 3 * MS;
            let lost = timeout(Duration::ZERO, timer.sleep_until(early)).await;
            assert!(lost.is_err(), "it was dropped while it waited");
            timer.sleep_until(late).await;
            assert!(Instant::now() >= late);
        });
    }

    #[test]
    fn a_wait_moves_with_its_task() {
        on_shard(|timer| async move {
            let deadline = Instant::now() + 2 * MS;
            let mut wait = Box::pin(timer.sleep_until(deadline));
            // Polled once by a waker that nobody listens to; the next poll's waker must take its place.
            assert!(
                wait.as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_pending()
            );
            wait.await;
            assert!(Instant::now() >= deadline);
        });
    }

    #[test]
    fn outside_a_runtime_there_is_no_timer() {
        assert!(PreciseTiming.timer(0).is_err());
    }

    #[test]
    fn the_task_ends_with_its_timer() {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let timer = PreciseTiming.timer(0).unwrap();
            let shared = Arc::downgrade(&timer.shared);
            drop(timer);
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            assert_eq!(shared.strong_count(), 0);
        });
    }
}
