//! How long a thread waits for a processor: by the kernel's account, asked from the thread itself.

use crate::proc;
use loadgen_engine::account_for_waits;
use std::{fs::File, os::unix::fs::FileExt as _, str};

/// Room for the three numbers of a `schedstat`.
const ROOM: usize = 80;

/// Has the sleeps of this thread end when it was woken, not when it came to run. Where the kernel keeps no account,
/// nothing changes.
pub(crate) fn account() {
    let Ok(file) = File::open("/proc/thread-self/schedstat") else {
        return;
    };
    let mut bytes = [0; ROOM];
    let mut waited = move || {
        let length = file.read_at(&mut bytes, 0).ok()?;
        let text = str::from_utf8(bytes.get(..length)?).ok()?;
        proc::schedstat(text)
            .filter(|(running, _)| !running.is_zero())
            .map(|(_, queued)| queued)
    };
    if waited().is_some() {
        account_for_waits(waited);
    }
}
