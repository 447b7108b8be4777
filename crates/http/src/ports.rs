//! Counts the local ports that connections of a run hold at the same time.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// The local ports that TCP connections of a run hold; shared by all shards.
#[derive(Clone, Debug, Default)]
pub struct OpenPorts {
    level: Arc<Level>,
}

#[derive(Debug, Default)]
struct Level {
    now: AtomicU64,
    most: AtomicU64,
}

/// A port that is held until this is dropped.
#[derive(Debug)]
pub(crate) struct HeldPort(Arc<Level>);

impl OpenPorts {
    /// The most that were held at once since the last look.
    #[must_use]
    pub fn look(&self) -> u64 {
        let now = self.level.now.load(Ordering::Relaxed);
        self.level.most.swap(now, Ordering::Relaxed).max(now)
    }

    /// How many are held now, without that of who asks.
    pub(crate) fn held_by_others(&self) -> u64 {
        self.level.now.load(Ordering::Relaxed).saturating_sub(1)
    }

    pub(crate) fn hold(&self) -> HeldPort {
        let now = self.level.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.level.most.fetch_max(now, Ordering::Relaxed);
        HeldPort(Arc::clone(&self.level))
    }
}

impl Drop for HeldPort {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_look_sees_the_most_since_the_last() {
        let ports = OpenPorts::default();
        assert_eq!(ports.look(), 0);
        let first = ports.hold();
        drop((ports.hold(), ports.hold()));
        assert_eq!(ports.look(), 3);
        assert_eq!(ports.look(), 1);
        drop(first);
        assert_eq!(ports.look(), 1);
        assert_eq!(ports.look(), 0);
    }
}
