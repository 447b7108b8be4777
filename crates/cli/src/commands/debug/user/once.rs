//! How the user of a story does what is done once in a run.

use super::{User, Walked, in_turn};
use crate::error::Error;
use loadgen_engine::Connector;
use loadgen_scenario::{Extracted, Once, format_duration};
use std::sync::Arc;
use tokio::time::timeout;

impl<C: Connector> User<'_, C> {
    /// Does what is done once in a run, for as long as that may take; `key` is what it is called.
    pub(in super::super) async fn play_once(
        &mut self,
        key: &str,
        once: &Once,
    ) -> Result<Walked, Error> {
        if once.steps.is_empty() {
            return Ok(Walked::default());
        }
        self.say(&format!("\n{key}, once in a run\n"))?;
        let walk = self.walk(in_turn("", &once.steps));
        if let Ok(walked) = timeout(once.limit, walk).await {
            return walked;
        }
        self.tell_aside()?;
        // It may have been left while it did steps at once.
        self.aside = None;
        let limit = format_duration(once.limit);
        self.say(&format!(
            "\nit ends here: it took longer than {limit} ({key}_timeout)\n"
        ))?;
        Ok(Walked {
            failed: true,
            over: true,
            unfit: true,
        })
    }

    /// What the user keeps for its whole life.
    pub(in super::super) fn kept(&self) -> Vec<(Arc<str>, Extracted)> {
        self.scope.kept()
    }
}
