//! What there is to count in a plan.

use super::{Group, Once, Probe, Request, Scenario, Step};
use loadgen_stats::{Layout, ScenarioIndex, ScenarioLayout, StepLayout, StepRole, turn_name};

/// The layout of these scenarios, without what thresholds select.
///
/// The setup stands before the steps of the first scenario, the teardown behind those of the last.
pub(crate) fn layout(
    scenarios: &[Scenario],
    setup: &Once,
    teardown: &Once,
    probes: &[Probe],
) -> Layout {
    let mut layout = Layout {
        probes: probes.iter().map(|probe| probe.layout.clone()).collect(),
        ..Layout::default()
    };
    for (index, scenario) in scenarios.iter().enumerate() {
        let first = layout.steps.len();
        let own = ScenarioIndex(index);
        if index == 0 {
            layout.steps.extend(of_once(setup, own, StepRole::Setup));
        }
        layout.steps.extend(step_layouts(scenario, own));
        if index + 1 == scenarios.len() {
            layout
                .steps
                .extend(of_once(teardown, own, StepRole::Teardown));
        }
        layout.scenarios.push(ScenarioLayout {
            name: scenario.name.clone(),
            steps: first..layout.steps.len(),
            // Set once the loads are known.
            closed: false,
        });
    }
    layout
}

/// The steps of one scenario, in the order of their indices.
fn step_layouts(scenario: &Scenario, index: ScenarioIndex) -> Vec<StepLayout> {
    let request = |role| move |request| request_layout(request, index, role);
    let group = |group: &Group| StepLayout {
        name: group.name.clone(),
        scenario: index,
        stream: false,
        slo: Vec::new(),
        role: StepRole::Group,
    };
    let of_iterations = Step::requests(&scenario.flow).into_iter();
    let once = Step::requests(&scenario.before).into_iter();
    let groups = Step::groups(&scenario.flow).into_iter();
    let turns = Step::requests(&scenario.flow).into_iter();
    let turns = turns.flat_map(|request| turn_layouts(request, index));
    (of_iterations.map(request(StepRole::Request)))
        .chain(once.map(request(StepRole::Before)))
        .chain(groups.map(group))
        .chain(turns)
        .collect()
}

fn of_once(once: &Once, scenario: ScenarioIndex, role: StepRole) -> Vec<StepLayout> {
    let requests = Step::requests(&once.steps).into_iter();
    requests
        .map(|request| request_layout(request, scenario, role))
        .collect()
}

/// The turns of a conversation that have figures of their own.
fn turn_layouts(request: &Request, scenario: ScenarioIndex) -> Vec<StepLayout> {
    let places = request.conversation.as_ref();
    let turns = places.map_or(0, |talk| talk.places.len());
    let of = |turn| StepLayout {
        name: turn_name(&request.name, turn),
        ..request_layout(request, scenario, StepRole::Turn)
    };
    (1..).take(turns).map(of).collect()
}

fn request_layout(request: &Request, scenario: ScenarioIndex, role: StepRole) -> StepLayout {
    StepLayout {
        name: request.name.clone(),
        scenario,
        stream: request.stream.is_some(),
        slo: request.slo.clone(),
        role,
    }
}
