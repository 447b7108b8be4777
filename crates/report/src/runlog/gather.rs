//! Windows as logs keep them: every one in the first hour, then ten seconds together.

use loadgen_stats::{Offset, Window};
use std::{borrow::Cow, time::Duration};

/// Up to here every window is kept by itself.
const FINE: Offset = Offset::from_nanos(3600 * 1_000_000_000);
/// From there on windows are gathered until they span this.
const COARSE: Duration = Duration::from_secs(10);

/// Gathers windows, so that the log of a long run stays small.
#[derive(Debug, Default)]
pub(crate) struct Gathering(Option<Window>);

impl Gathering {
    /// Takes in the next window; gives what is to be written, if that is complete.
    pub(crate) fn take<'a>(&mut self, window: &'a Window) -> Option<Cow<'a, Window>> {
        if window.start < FINE && self.0.is_none() {
            return Some(Cow::Borrowed(window));
        }
        let gathered = match self.0.take() {
            Some(mut gathered) => {
                gathered.extend(window);
                gathered
            }
            None => window.clone(),
        };
        // Windows end a little early or late: nearest counts, so that the tenth is never missed.
        let length = gathered.end.since(gathered.start) + Duration::from_millis(500);
        if length >= COARSE {
            return Some(Cow::Owned(gathered));
        }
        self.0 = Some(gathered);
        None
    }

    /// What is still gathered at the end.
    pub(crate) fn rest(&mut self) -> Option<Window> {
        self.0.take()
    }
}
