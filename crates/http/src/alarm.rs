//! One timer per connection: holds all deadlines of a call without being set anew for each of them.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};
use tokio::{
    task::coop::has_budget_remaining,
    time::{Instant, Sleep, sleep_until},
};

/// A timer that is moved only when it must ring earlier, or when it rang too early.
#[derive(Debug)]
pub(crate) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    /// What the sleep will do; absent where that is not known for sure.
    set: Option<Set>,
}

/// Wakes a task at an instant.
#[derive(Debug)]
struct Set {
    rings: Instant,
    waker: Waker,
}

impl Alarm {
    /// A timer that has not been set yet.
    pub(crate) const fn new() -> Self {
        Self {
            sleep: None,
            set: None,
        }
    }

    /// When it rings, or has rung, for the task of `cx` without anything being done for it; none where that is not known for
    /// sure. It is still to ring if that is after an instant since the task was woken last.
    ///
    /// Does not touch the timer, which stands at a place of its own in memory.
    #[inline]
    pub(crate) fn rings(&self, cx: &Context<'_>) -> Option<Instant> {
        let set = self.set.as_ref();
        set.filter(|set| set.waker.will_wake(cx.waker()))
            .map(|set| set.rings)
    }

    /// Ready once `deadline` has passed. A deadline that moves on costs nothing before the old one has passed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let known = self.set.take();
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if deadline < sleep.deadline() {
            sleep.as_mut().reset(deadline);
        }
        loop {
            // Without a budget tokio does not look at its timer, and has the task polled again at once.
            let looks = has_budget_remaining();
            if sleep.as_mut().poll(cx).is_pending() {
                if looks {
                    let waker = match known {
                        Some(set) if set.waker.will_wake(cx.waker()) => set.waker,
                        _ => cx.waker().clone(),
                    };
                    let rings = sleep.deadline();
                    self.set = Some(Set { rings, waker });
                }
                return Poll::Pending;
            }
            if sleep.deadline() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{future::poll_fn, pin::pin, time::Duration};

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
    async fn it_is_known_when_it_rings_for_the_same_task() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut alarm = Alarm::new();
        poll_fn(|cx| {
            assert_eq!(alarm.rings(cx), None, "not yet set");
            assert!(alarm.poll(cx, at(60)).is_pending());
            assert_eq!(alarm.rings(cx), Some(at(60)));
            assert!(alarm.poll(cx, at(61)).is_pending());
            assert_eq!(alarm.rings(cx), Some(at(60)), "moved on when it rings");
            let other = Context::from_waker(Waker::noop());
            assert_eq!(alarm.rings(&other), None, "for another task");
            assert!(alarm.poll(cx, at(50)).is_pending());
            assert_eq!(alarm.rings(cx), Some(at(50)));
            Poll::Ready(())
        })
        .await;
        assert_eq!(rings(&mut alarm, start, 61).await.as_secs(), 61);
        let known = poll_fn(|cx| Poll::Ready(alarm.rings(cx))).await;
        assert_eq!(known, None, "it has rung");
    }

    /// Takes as much as that from the budget that tokio gives to one poll of a task; how much there was of it.
    fn spend(cx: &mut Context<'_>, most: usize) -> usize {
        let there = |_: &usize| has_budget_remaining();
        let spent = (0..most).take_while(there).map(|_| {
            let mut one = pin!(tokio::task::consume_budget());
            assert!(one.as_mut().poll(cx).is_ready());
        });
        spent.count()
    }

    /// Polls the alarm with so much of the budget left, `rung` where it has rung for an earlier deadline; whether it is held to
    /// be set then.
    async fn check_budget(left: usize, rung: bool, held: bool) {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut alarm = Alarm::new();
        if rung {
            poll_fn(|cx| {
                assert!(alarm.poll(cx, at(1)).is_pending());
                Poll::Ready(())
            })
            .await;
            tokio::time::sleep_until(at(2)).await;
        }
        let (mut polls, mut whole) = (0, 0);
        poll_fn(|cx| {
            polls += 1;
            // Each poll has the same budget: the second one sees how much that is.
            match polls {
                1 => {}
                2 => whole = spend(cx, 10_000),
                _ => {
                    assert_eq!(spend(cx, whole - left), whole - left);
                    assert!(alarm.poll(cx, at(9)).is_pending());
                    assert_eq!(alarm.rings(cx), held.then(|| at(9)), "{left} {rung}");
                    return Poll::Ready(());
                }
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        assert!((2..10_000).contains(&whole));
        assert_eq!(rings(&mut alarm, start, 9).await.as_secs(), 9);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_not_held_to_be_set_where_the_task_had_no_budget_left_to_look_at_it() {
        check_budget(0, false, false).await;
        check_budget(1, false, true).await;
        check_budget(0, true, false).await;
        check_budget(1, true, false).await;
        check_budget(2, true, true).await;
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
