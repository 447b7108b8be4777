//! The workers of a run, and what ties them to it.

use crate::{
    connection::Connect,
    error::Error,
    phase::Phase,
    seats::Change,
    shard::{Common, Ties},
    timer::Timing,
    windows::Part,
    worker::{Placement, Start, Worker},
};
use loadgen_stats::Totals;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Parts and empty recorders that may be on their way, for each shard.
const DEPTH: usize = 2;

/// The workers and what ties them to the run.
pub(crate) struct Crew {
    workers: Vec<Worker>,
    go: watch::Sender<Option<Arc<Common>>>,
    /// The phases of the loads; the workers follow them.
    pub(crate) phases: watch::Sender<Vec<Phase>>,
    /// The changes of the loads that are steered.
    pub(crate) changes: watch::Sender<Vec<Change>>,
    /// What the workers hand over.
    pub(crate) parts: mpsc::Receiver<Part>,
    empties: Vec<mpsc::Sender<Totals>>,
}

impl Crew {
    /// Starts every worker and waits until each is ready.
    pub(crate) async fn muster<C: Connect + 'static, T: Timing + 'static>(
        shards: usize,
        placement: Placement,
        connect: &Arc<C>,
        timing: &Arc<T>,
    ) -> Result<Self, Error> {
        let (go, _) = watch::channel(None);
        let (phases, _) = watch::channel(Vec::new());
        let (changes, _) = watch::channel(Vec::new());
        let (part_sender, parts) = mpsc::channel(DEPTH * shards);
        let (ready_sender, mut ready) = mpsc::channel(shards);
        let mut crew = Self {
            workers: Vec::new(),
            go,
            phases,
            changes,
            parts,
            empties: Vec::new(),
        };
        for index in 0..shards {
            let (empty_sender, empties) = mpsc::channel(DEPTH);
            let ties = Ties {
                phases: crew.phases.subscribe(),
                changes: crew.changes.subscribe(),
                parts: part_sender.clone(),
                empties,
            };
            let (connect, timing) = (Arc::clone(connect), Arc::clone(timing));
            let start = Start {
                index,
                connect,
                timing,
                ready: ready_sender.clone(),
                go: crew.go.subscribe(),
                ties,
            };
            crew.workers
                .push(Worker::spawn(placement, start).map_err(Error::Worker)?);
            crew.empties.push(empty_sender);
        }
        drop(ready_sender);
        for _ in 0..shards {
            ready
                .recv()
                .await
                .ok_or(Error::BrokenWorker)?
                .map_err(Error::Worker)?;
        }
        Ok(crew)
    }

    /// Gives the word to begin.
    pub(crate) fn begin(&self, common: &Arc<Common>) {
        self.go.send_replace(Some(Arc::clone(common)));
    }

    /// Gives a shard totals back that it may count in again.
    pub(crate) fn give_back(&self, shard: usize, empty: Totals) {
        // A full return path means that the shard has spare ones.
        let _ = self.empties[shard].try_send(empty);
    }

    /// Waits for every worker. False where one broke down.
    pub(crate) async fn dismiss(self) -> bool {
        let Self { workers, go, .. } = self;
        // Where the word was never given, nobody waits for it any more.
        drop(go);
        let mut whole = true;
        for worker in workers {
            whole &= worker.join().await;
        }
        whole
    }
}
