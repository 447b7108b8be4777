//! What there is to count in a plan.

use super::{Group, Probe, Request, Scenario, Step};
use loadgen_stats::{Layout, ScenarioIndex, ScenarioLayout, StepLayout, StepRole};

/// The layout of these scenarios, without what thresholds select.
pub(crate) fn layout(scenarios: &[Scenario], probes: &[Probe]) -> Layout {
    let mut layout = Layout {
        probes: probes.iter().map(|probe| probe.layout.clone()).collect(),
        ..Layout::default()
    };
    for (index, scenario) in scenarios.iter().enumerate() {
        let first = layout.steps.len();
        layout
            .steps
            .extend(step_layouts(scenario, ScenarioIndex(index)));
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
    let request = |role| {
        move |request: &Request| StepLayout {
            name: request.name.clone(),
            scenario: index,
            stream: request.stream.is_some(),
            slo: request.slo.clone(),
            role,
        }
    };
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
    (of_iterations.map(request(StepRole::Request)))
        .chain(once.map(request(StepRole::Before)))
        .chain(groups.map(group))
        .collect()
}
