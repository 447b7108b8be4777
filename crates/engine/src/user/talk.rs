//! How a user holds a conversation: turn after turn, each with all that was said before.

use super::{StepEnd, User};
use crate::{connection::Connector, flight::template_failed, timer::Timer};
use loadgen_scenario::{Conversation, Request};
use loadgen_stats::StepIndex;

impl<C: Connector, T: Timer> User<C, T> {
    /// Takes as many turns as the step says, unless one of them ends the conversation.
    pub(super) async fn converse(&mut self, request: &Request, talk: &Conversation) -> StepEnd {
        let turns = match talk.turns.repeat(&self.scope) {
            Ok(repeat) => self.luck.times(repeat),
            Err(error) => {
                let landing =
                    template_failed(&self.shard, (request.index, None), self.ready, &error);
                self.ready = landing.done;
                return StepEnd::of_failure(request.on_failure);
            }
        };
        let mut all = StepEnd::Next { failed: false };
        for _ in 0..turns {
            if self.scope.has_hung_up(request.index) {
                break;
            }
            // A step that is repeated goes on with its conversation.
            if self.scope.turn(request.index) > 0 && !self.take_breath(talk).await {
                return StepEnd::Leave;
            }
            self.scope.begin_turn(request.index);
            all = all.and(Box::pin(self.request(request)).await);
            if !matches!(all, StepEnd::Next { .. }) {
                break;
            }
        }
        all
    }

    /// Reads the answer and thinks of the next question; false where the user has to go.
    async fn take_breath(&mut self, talk: &Conversation) -> bool {
        // Turns that never wait must not keep the shard's other users from theirs.
        self.present = None;
        tokio::task::yield_now().await;
        if let Some(think) = talk.think
            && matches!(self.think(think).await, StepEnd::Leave)
        {
            return false;
        }
        !self.has_to_go()
    }

    /// The figures of the turn that a request is, where it is one that has some.
    pub(super) fn turn_of(&self, request: &Request) -> Option<StepIndex> {
        let talk = request.conversation.as_ref()?;
        talk.place(self.scope.turn(request.index))
    }
}
