//! When each scenario was measured: what rates per second are taken over.

use super::RunEnd;
use crate::{Layout, Offset, ScenarioIndex, Selection, Totals};
use std::time::Duration;

/// The measured parts of the scenarios of a run, each [from, until).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    /// By scenario; without length where it never began.
    of: Vec<(Offset, Offset)>,
}

impl Parts {
    /// The parts as recorders noted them. Where none did, all are as the end of the run says.
    ///
    /// An end of starting that lies after the run's end is not waited for.
    pub(crate) fn of(layout: &Layout, totals: &Totals, end: &RunEnd) -> Self {
        let noted = |place: usize| totals.scenarios.get(place)?.measured;
        let scenarios = 0..layout.scenarios.len().max(1);
        let none_noted = scenarios.clone().all(|place| noted(place).is_none());
        let part = |place| match noted(place) {
            Some(part) => part,
            None if none_noted => end.measured,
            None => (end.ended, end.ended),
        };
        let until_the_end = |(from, until): (Offset, Offset)| {
            let from = from.min(end.ended);
            (from, until.min(end.ended).max(from))
        };
        Self {
            of: scenarios.map(part).map(until_the_end).collect(),
        }
    }

    /// From the first scenario's part to the end of the last one's.
    pub(crate) fn whole(&self) -> (Offset, Offset) {
        span(self.of.iter().copied())
    }

    /// The length of that.
    pub(crate) fn whole_length(&self) -> Duration {
        let (from, until) = self.whole();
        until.since(from)
    }

    /// The same of the scenarios that a selection is about.
    pub(crate) fn length(&self, layout: &Layout, selection: &Selection) -> Duration {
        let about = |place: &usize| selection.is_about(layout, ScenarioIndex(*place));
        let (from, until) = span((0..self.of.len()).filter(about).map(|place| self.of[place]));
        until.since(from)
    }
}

/// From the earliest to the latest instant of all parts that have a length.
fn span(parts: impl Iterator<Item = (Offset, Offset)> + Clone) -> (Offset, Offset) {
    let long = parts.clone().filter(|(from, until)| from < until);
    let join =
        |one: (Offset, Offset), other: (Offset, Offset)| (one.0.min(other.0), one.1.max(other.1));
    // Without any, the place of an empty one tells where the run stood.
    long.reduce(join)
        .or_else(|| parts.last())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        StopReason,
        fixtures::{CHAT, LIST, PING, layout, ms},
    };

    const WHOLE: (u64, u64) = (1_000, 9_000);

    /// The lengths, in milliseconds, of the run, the scenario `users`, the scenario `probe`, and the steps `list` and
    /// `ping` together.
    fn check(noted: [Option<(u64, u64)>; 2], ended: u64, expected: [u128; 4]) {
        let layout = layout();
        let mut totals = Totals::new(&layout);
        for (totals, noted) in totals.scenarios.iter_mut().zip(noted) {
            totals.measured = noted.map(|(from, until)| (ms(from), ms(until)));
        }
        let whole = (ms(WHOLE.0), ms(WHOLE.1));
        let end = RunEnd::new(StopReason::Completed, whole, ms(ended));
        let parts = Parts::of(&layout, &totals, &end);
        let steps = Selection {
            steps: Some(vec![LIST, PING]),
            ..Selection::default()
        };
        let got = [
            parts.length(&layout, &Selection::default()),
            parts.length(&layout, &Selection::of_scenario(ScenarioIndex(0))),
            parts.length(&layout, &Selection::of_scenario(ScenarioIndex(1))),
            parts.length(&layout, &steps),
        ];
        assert_eq!(got.map(|length| length.as_millis()), expected, "{noted:?}");
        assert_eq!(parts.whole_length(), got[0]);
        let step = parts.length(&layout, &Selection::of_step(CHAT));
        assert_eq!(step, got[1], "a step is measured with its scenario");
    }

    #[test]
    fn rates_are_over_the_part_of_those_they_are_about() {
        let beside = [Some((0, 10_000)), Some((4_000, 12_000))];
        check(beside, 20_000, [12_000, 10_000, 8_000, 12_000]);
        // One after the other: the gap belongs to the run.
        let sequence = [Some((2_000, 5_000)), Some((8_000, 9_000))];
        check(sequence, 20_000, [7_000, 3_000, 1_000, 7_000]);
        check(sequence, 8_500, [6_500, 3_000, 500, 6_500]);
        // The second never began.
        check(
            [Some((2_000, 5_000)), None],
            6_000,
            [3_000, 3_000, 0, 3_000],
        );
        check(
            [Some((2_000, 5_000)), Some((8_000, 9_000))],
            6_000,
            [3_000, 3_000, 0, 3_000],
        );
        // Stopped in the warm-up.
        check([Some((2_000, 1_000)), None], 1_000, [0; 4]);
        check([None; 2], 20_000, [8_000; 4]);
        check([None; 2], 3_000, [2_000; 4]);
    }
}
