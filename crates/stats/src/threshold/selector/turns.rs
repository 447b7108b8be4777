//! Selects the figures of one turn of conversations.

use super::{Tag, problem};
use crate::threshold::ThresholdProblem;
use crate::{Layout, Selection, StepIndex, StepLayout, StepRole, turn_name};

/// The tag of a turn.
pub(super) const TURN: &str = "turn";

const ONLY_TURNS: &str =
    "steps with `conversation` have turns; those up to the tenth have figures of their own";

/// Takes the figures of one turn in the place of those of their steps.
pub(super) fn narrow_turns(
    selection: &mut Selection,
    tag: &Tag<'_>,
    layout: &Layout,
    problems: &mut Vec<ThresholdProblem>,
) {
    let Some(turn) = tag.value.parse::<u32>().ok().filter(|turn| *turn > 0) else {
        let message = format!("`{}` is no number of a turn", tag.value);
        let help = Some("turns count from 1".to_owned());
        problems.push(problem(tag.value_span.clone(), message, help));
        return;
    };
    if selection.steps.as_ref().is_some_and(Vec::is_empty) {
        return;
    }
    let of_step = |own: &StepLayout, StepIndex(step): &StepIndex| {
        let step = layout.steps.get(*step);
        step.is_some_and(|step| {
            step.scenario == own.scenario && own.name == turn_name(&step.name, turn)
        })
    };
    let is_wanted = |own: &StepLayout| match &selection.steps {
        Some(steps) => steps.iter().any(|step| of_step(own, step)),
        None => own.name.ends_with(&turn_name("", turn)),
    };
    let all = layout.steps.iter().enumerate();
    let of_turn = all.filter(|(_, step)| step.role == StepRole::Turn && is_wanted(step));
    let found: Vec<StepIndex> = of_turn.map(|(place, _)| StepIndex(place)).collect();
    if found.is_empty() && !layout.steps.is_empty() {
        let message = format!("there are no figures of a turn {turn}");
        problems.push(problem(
            tag.value_span.clone(),
            message,
            Some(ONLY_TURNS.to_owned()),
        ));
    }
    selection.steps = Some(found);
}
