//! Several things that one task does at once.

use std::{future::poll_fn, pin::Pin, task::Poll};

/// One of several things that are done at once.
pub type Way<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Goes all ways at once, and comes to how each of them ended, in their order.
pub async fn all_of<T>(mut ways: Vec<Way<'_, T>>) -> Vec<T> {
    let mut ends: Vec<Option<T>> = ways.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut left = false;
        for (way, end) in ways.iter_mut().zip(&mut ends) {
            if end.is_none() {
                match way.as_mut().poll(context) {
                    Poll::Ready(ended) => *end = Some(ended),
                    Poll::Pending => left = true,
                }
            }
        }
        if left { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    ends.into_iter().flatten().collect()
}
