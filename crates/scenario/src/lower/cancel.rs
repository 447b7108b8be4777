//! When a step gives its request up on purpose.

use super::Lowering;
use crate::{
    document::{Field, StepTable},
    plan::{Cancel, StreamSpec},
    problem::Problem,
};

impl Lowering<'_> {
    /// When the step gives up: outer absence where that is wrong. `stream` is how its answer is read.
    ///
    /// From `[defaults]`, `after_tokens` is for the steps that read streams.
    #[expect(clippy::option_option, reason = "wrong and never are two things")]
    pub(super) fn cancel(
        &mut self,
        step: &StepTable,
        stream: Option<&StreamSpec>,
    ) -> Option<Option<Cancel>> {
        let table = match step.common.cancel.or(&self.document.defaults.common.cancel) {
            Field::Broken => return None,
            Field::Absent => return Some(None),
            Field::Given(given) => &given.value,
        };
        let tokens = table.after_tokens.given();
        if let (Some(tokens), None, false) = (tokens, stream, step.common.cancel.is_absent()) {
            let message = "`after_tokens` means nothing to a step without `stream`";
            let problem = Problem::new(&tokens.place, message);
            self.tell(problem.help("`after` gives any request up"));
            return None;
        }
        let cancel = Cancel {
            after: table.after.given().map(|given| given.value),
            after_tokens: tokens.filter(|_| stream.is_some()).map(|given| given.value),
            probability: table.probability.given().map_or(1.0, |given| given.value),
        };
        let ever = cancel.after.is_some() || cancel.after_tokens.is_some();
        Some(ever.then_some(cancel))
    }
}
