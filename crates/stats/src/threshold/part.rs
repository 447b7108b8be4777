//! What a threshold is about, and the same limit on one step only.

use super::{Threshold, Unit};
use crate::{Layout, Metric, StepIndex};

impl Threshold {
    /// The metric that is limited.
    #[must_use]
    pub const fn limits(&self) -> Metric {
        self.metric
    }

    /// What the limit is measured in.
    #[must_use]
    pub const fn unit(&self) -> Unit {
        self.unit
    }

    /// The same limit on one step only; none where it is not about that step.
    #[must_use]
    pub fn at_step(&self, step: StepIndex, layout: &Layout) -> Option<Self> {
        let about = !self.metric.is_of_iterations()
            && !matches!(self.metric, Metric::Gauge(_) | Metric::Probe(_))
            && self.selection.has_step(layout, step);
        about.then(|| {
            let mut part = self.clone();
            part.selection.steps = Some(vec![step]);
            part
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Rate, ScenarioIndex, ScenarioLayout, StepLayout, Trend};

    fn layout() -> Layout {
        let step = |name: &str| StepLayout {
            name: name.to_owned(),
            scenario: ScenarioIndex(0),
            stream: false,
            slo: Vec::new(),
            role: crate::StepRole::Request,
        };
        Layout {
            scenarios: vec![ScenarioLayout {
                name: "s".to_owned(),
                steps: 0..2,
                closed: true,
            }],
            steps: vec![step("a"), step("b")],
            ..Layout::default()
        }
    }

    #[test]
    fn a_limit_is_narrowed_to_the_steps_it_is_about() {
        let layout = layout();
        let check = |metric: &str, expression: &str, about: [bool; 2]| {
            let limit = Threshold::parse(metric, expression, &layout).unwrap();
            let narrowed = [0, 1].map(|step| limit.at_step(StepIndex(step), &layout));
            assert_eq!(narrowed.each_ref().map(Option::is_some), about, "{metric}");
            for part in narrowed.into_iter().flatten() {
                assert_eq!(part.expression(), limit.expression());
            }
        };
        check("http_req_latency", "p95 < 1s", [true, true]);
        check("http_req_latency{step=b}", "p95 < 1s", [false, true]);
        check("http_req_failed", "rate < 1%", [true, true]);
        check("iteration_duration", "p95 < 1s", [false, false]);
        check("vus", "max < 5", [false, false]);
    }

    #[test]
    fn a_limit_says_what_it_is_about() {
        let layout = layout();
        let cases = [
            (
                "http_req_latency",
                "p95 < 1s",
                Metric::Trend(Trend::HttpReqLatency),
                Unit::Milliseconds,
            ),
            (
                "http_req_failed",
                "rate < 1%",
                Metric::Rate(Rate::HttpReqFailed),
                Unit::Percent,
            ),
        ];
        for (metric, expression, about, unit) in cases {
            let limit = Threshold::parse(metric, expression, &layout).unwrap();
            assert_eq!((limit.limits(), limit.unit()), (about, unit));
        }
    }
}
