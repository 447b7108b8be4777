//! Long runs in coarser windows: how run logs are written, and how thresholds are judged.

use crate::{Offset, Window};
use std::{borrow::Cow, time::Duration};

/// Up to here every window stands for itself.
const FINE: Offset = Offset::from_nanos(3600 * 1_000_000_000);
/// From there on windows are gathered until they span this.
const COARSE: Duration = Duration::from_secs(10);
/// Windows end a little early or late: nearest counts, so that the last of a span is never missed.
const SLACK: Duration = Duration::from_millis(500);

/// Gathers the windows of a run: the first hour as they are, after it ten seconds at a time.
///
/// What was gathered once is passed on as it is, so that a run and its log are judged by the same windows.
#[derive(Debug, Default)]
pub struct Gathering {
    open: Option<Window>,
}

impl Gathering {
    /// Takes the next window in; gives one where a span is complete.
    pub fn take<'a>(&mut self, window: &'a Window) -> Option<Cow<'a, Window>> {
        if window.start < FINE && self.open.is_none() {
            return Some(Cow::Borrowed(window));
        }
        let open = match self.open.take() {
            Some(mut open) => {
                open.extend(window);
                open
            }
            None => window.clone(),
        };
        if open.end.since(open.start) + SLACK >= COARSE {
            return Some(Cow::Owned(open));
        }
        self.open = Some(open);
        None
    }

    /// What is left when no more windows come.
    pub const fn rest(&mut self) -> Option<Window> {
        self.open.take()
    }
}
