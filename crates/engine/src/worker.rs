//! Workers: a thread with a runtime of its own for each shard, or all shards as tasks of the caller's runtime.

use crate::{
    connection::Connect,
    nap::{nap_begins, nap_ends},
    shard::{self, Common, Ties},
    timer::Timing,
};
use std::{io, sync::Arc, thread};
use tokio::{
    runtime::LocalOptions,
    sync::{mpsc, watch},
    task,
};

/// Where shards run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// Each on a thread of its own, named `worker-0`, `worker-1`, …
    #[default]
    Threads,
    /// All on the caller's thread, inside its `LocalSet`: for tests under paused time.
    Inline,
}

/// What a worker needs before it may begin.
pub(crate) struct Start<C, T> {
    pub(crate) index: usize,
    pub(crate) connect: Arc<C>,
    pub(crate) timing: Arc<T>,
    /// Tells that the worker is ready, or why it cannot be.
    pub(crate) ready: mpsc::Sender<io::Result<()>>,
    /// Gives the word to begin; closed without one where the run does not take place.
    pub(crate) go: watch::Receiver<Option<Arc<Common>>>,
    pub(crate) ties: Ties,
}

/// A worker that was started.
pub(crate) enum Worker {
    Thread(thread::JoinHandle<()>),
    Task(task::JoinHandle<()>),
}

impl Worker {
    pub(crate) fn spawn<C: Connect + 'static, T: Timing + 'static>(
        placement: Placement,
        start: Start<C, T>,
    ) -> io::Result<Self> {
        match placement {
            Placement::Inline => Ok(Self::Task(task::spawn_local(work(start)))),
            Placement::Threads => {
                let name = format!("worker-{}", start.index);
                thread::Builder::new()
                    .name(name)
                    .spawn(move || on_this_thread(start))
                    .map(Self::Thread)
            }
        }
    }

    /// Waits for the worker, which has handed over its last window or is gone. False where it panicked.
    pub(crate) async fn join(self) -> bool {
        match self {
            Self::Thread(thread) => thread.join().is_ok(),
            Self::Task(task) => task.await.is_ok(),
        }
    }
}

fn on_this_thread<C: Connect, T: Timing>(start: Start<C, T>) {
    match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_park(nap_begins)
        .on_thread_unpark(nap_ends)
        .build_local(LocalOptions::default())
    {
        Ok(runtime) => runtime.block_on(work(start)),
        Err(error) => {
            // The run gives up on the first word of failure; with nobody listening there is no run.
            let _ = start.ready.try_send(Err(error));
        }
    }
}

async fn work<C: Connect, T: Timing>(start: Start<C, T>) {
    let Start {
        index,
        connect,
        timing,
        ready,
        mut go,
        ties,
    } = start;
    let parts = connect
        .connector(index)
        .and_then(|connector| Ok((connector, timing.timer(index)?)));
    let (connector, timer) = match parts {
        Ok(parts) => parts,
        Err(error) => return drop(ready.send(Err(error)).await),
    };
    if ready.send(Ok(())).await.is_err() {
        return;
    }
    drop(ready);
    let common = go
        .wait_for(Option::is_some)
        .await
        .ok()
        .and_then(|common| common.clone());
    if let Some(common) = common {
        shard::run(index, common, ties, connector, timer).await;
    }
}
