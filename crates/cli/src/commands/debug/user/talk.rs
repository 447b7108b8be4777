//! How the user of a story holds a conversation.

use super::{Todo, User};
use crate::{error::Error, story};
use loadgen_engine::Connector;
use loadgen_scenario::{Request, Step};

impl<C: Connector> User<'_, C> {
    /// Begins a conversation; tells whether the number of its turns could not be told.
    pub(super) fn converse<'s>(
        &mut self,
        todo: &mut Vec<Todo<'s>>,
        number: String,
        step: &'s Step,
        request: &Request,
    ) -> Result<bool, Error> {
        let turns = request.conversation.as_ref().map(|talk| &talk.turns);
        match turns.map(|turns| turns.repeat(&self.scope)) {
            Some(Ok(repeat)) => {
                let turns = self.luck.times(repeat);
                todo.push(Todo::Turn(number, step, turns));
                Ok(false)
            }
            Some(Err(error)) => {
                self.say(&format!("\n{number}. failed: template: {error}\n"))?;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Begins the next turn of a conversation, of so many that are left, unless it is over: the number of the turn in the
    /// iteration. Those after it are still to be done then.
    pub(super) fn begin_turn<'s>(
        &mut self,
        todo: &mut Vec<Todo<'s>>,
        number: &str,
        step: &'s Step,
        left: u32,
    ) -> Result<Option<u32>, Error> {
        let Step::Request(request) = step else {
            return Ok(None);
        };
        let index = request.index;
        if left == 0 || self.scope.has_hung_up(index) {
            return Ok(None);
        }
        let think = request.conversation.as_ref().and_then(|talk| talk.think);
        // A step that is repeated goes on with its conversation.
        if let Some(think) = think.filter(|_| self.scope.turn(index) > 0) {
            self.say(&story::think(number, &think))?;
        }
        self.scope.begin_turn(index);
        todo.push(Todo::Turn(number.to_owned(), step, left - 1));
        Ok(Some(self.scope.turn(index)))
    }
}
