//! One timer per connection: holds all deadlines of a call without being set anew for each of them.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that is moved only when it must ring earlier, or when it rang too early.
#[derive(Debug)]
pub(crate) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// A timer that has not been set yet.
    pub(crate) const fn new() -> Self {
        Self { sleep: None }
    }

    /// Ready once `deadline` has passed. A deadline that moves on costs nothing before the old one has passed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if deadline < sleep.deadline() {
            sleep.as_mut().reset(deadline);
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if sleep.deadline() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{future::poll_fn, time::Duration};

    async fn rings(alarm: &mut Alarm, start: Instant, deadline: u64) -> Duration {
        let deadline = start + Duration::from_secs(deadline);
        poll_fn(|cx| alarm.poll(cx, deadline)).await;
        Instant::now() - start
    }

    #[tokio::test(start_paused = true)]
    async fn it_rings_at_the_deadline_of_each_call() {
        let start = Instant::now();
        let mut alarm = Alarm::new();
        for deadline in [60, 61, 61, 75, 80] {
            assert_eq!(rings(&mut alarm, start, deadline).await.as_secs(), deadline);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_may_move_in_both_directions_while_it_waits() {
        let start = Instant::now();
        let mut alarm = Alarm::new();
        let mut polls = 0;
        let at = |seconds| start + Duration::from_secs(seconds);
        poll_fn(|cx| {
            polls += 1;
            // First far away, then near, then a little further: as when reads move an idle limit on.
            let deadline = if Instant::now() < at(5) { at(5) } else { at(7) };
            if polls == 1 {
                assert!(alarm.poll(cx, at(60)).is_pending());
            }
            match alarm.poll(cx, deadline) {
                Poll::Ready(()) if deadline == at(5) => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                other => other,
            }
        })
        .await;
        assert_eq!(Instant::now(), at(7));
    }
}
