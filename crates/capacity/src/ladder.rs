//! The loads that a search may try: the steps up, and what lies between two of them.

/// How one step follows the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Growth {
    /// By so much each time.
    Step(f64),
    /// By this factor each time, above 1.
    Factor(f64),
}

/// The steps from the first load up to the highest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ladder {
    /// The first load, above zero: users, or arrivals per second.
    pub start: f64,
    /// How the next one is found.
    pub growth: Growth,
    /// The highest load that is tried.
    pub max: f64,
    /// Whether loads are whole numbers, as users are; else they have three digits.
    pub whole: bool,
}

impl Ladder {
    /// The first step: `start`, or `max` where that is lower.
    #[must_use]
    pub fn first(&self) -> f64 {
        self.round(self.start.min(self.max))
    }

    /// The step above `load`; none above the highest.
    #[must_use]
    pub fn above(&self, load: f64) -> Option<f64> {
        if load >= self.max {
            return None;
        }
        let next = self.round(match self.growth {
            Growth::Step(step) => load + step,
            Growth::Factor(factor) => load * factor,
        });
        // However small the growth, the next load is another one.
        Some(next.max(load + self.grain(load)).min(self.max))
    }

    /// A load half-way between two; none where nothing lies between them.
    #[must_use]
    pub fn between(&self, low: f64, high: f64) -> Option<f64> {
        let middle = self.round(low.midpoint(high));
        (low < middle && middle < high).then_some(middle)
    }

    /// `load` as it can be set, not above `load`.
    #[must_use]
    pub fn floor(&self, load: f64) -> f64 {
        let grain = self.grain(load);
        // The slack keeps 0.75 of 200 from becoming 149.
        times((load / grain + 1e-9).floor(), grain)
    }

    fn round(&self, load: f64) -> f64 {
        let grain = self.grain(load);
        times((load / grain).round().max(1.0), grain)
    }

    /// The distance between neighbouring loads that can be set.
    fn grain(&self, load: f64) -> f64 {
        if self.whole || load <= 0.0 {
            return 1.0;
        }
        10f64.powf(load.log10().floor() - 2.0)
    }
}

/// So many grains. A hundredth is no binary number, but a hundred is: 945 hundredths are 9.45, and not a little more.
fn times(grains: f64, grain: f64) -> f64 {
    if grain < 1.0 {
        grains / (1.0 / grain).round()
    } else {
        grains * grain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn climb(start: f64, growth: Growth, max: f64, whole: bool) -> Vec<f64> {
        let ladder = Ladder {
            start,
            growth,
            max,
            whole,
        };
        std::iter::successors(Some(ladder.first()), |load| ladder.above(*load))
            .take(50)
            .collect()
    }

    #[test]
    fn steps_go_up_to_the_highest() {
        use Growth::{Factor, Step};
        let cases: [(f64, Growth, f64, bool, &[f64]); 8] = [
            (50.0, Step(50.0), 200.0, true, &[50.0, 100.0, 150.0, 200.0]),
            (
                50.0,
                Step(50.0),
                220.0,
                true,
                &[50.0, 100.0, 150.0, 200.0, 220.0],
            ),
            (10.0, Factor(2.0), 70.0, true, &[10.0, 20.0, 40.0, 70.0]),
            (1.0, Factor(1.1), 4.0, true, &[1.0, 2.0, 3.0, 4.0]),
            (500.0, Step(50.0), 200.0, true, &[200.0]),
            (0.5, Step(0.25), 1.0, false, &[0.5, 0.75, 1.0]),
            (
                1000.0,
                Factor(1.5),
                3000.0,
                false,
                &[1000.0, 1500.0, 2250.0, 3000.0],
            ),
            (7.0, Step(0.1), 9.0, true, &[7.0, 8.0, 9.0]),
        ];
        for (start, growth, max, whole, expected) in cases {
            let steps = climb(start, growth, max, whole);
            let same = steps
                .iter()
                .zip(expected)
                .all(|(a, b)| (a - b).abs() < 1e-9);
            assert!(
                same && steps.len() == expected.len(),
                "{steps:?}, not {expected:?}"
            );
        }
    }

    #[test]
    fn between_two_loads_is_another_or_none() {
        let users = Ladder {
            start: 1.0,
            growth: Growth::Step(1.0),
            max: 1e6,
            whole: true,
        };
        let rates = Ladder {
            whole: false,
            ..users
        };
        let cases = [
            (users, 100.0, 150.0, Some(125.0)),
            (users, 100.0, 101.0, None),
            (users, 3.0, 5.0, Some(4.0)),
            (rates, 100.0, 101.0, None),
            (rates, 99.0, 101.0, Some(100.0)),
            (rates, 1.0, 1.5, Some(1.25)),
        ];
        for (ladder, low, high, expected) in cases {
            assert_eq!(ladder.between(low, high), expected, "{low} to {high}");
        }
    }

    #[test]
    fn a_load_is_rounded_down_to_one_that_can_be_set() {
        let users = Ladder {
            start: 1.0,
            growth: Growth::Step(1.0),
            max: 1e6,
            whole: true,
        };
        let cases = [(200.0 * 0.75, 150.0), (229.0 * 0.75, 171.0), (0.9, 0.0)];
        for (load, expected) in cases {
            assert!((users.floor(load) - expected).abs() < 1e-9, "{load}");
        }
        let rates = Ladder {
            whole: false,
            ..users
        };
        let cases = [
            (12.3456, 12.3),
            (12.6 * 0.75, 9.45),
            (0.7 * 0.75, 0.525),
            (1234.0, 1230.0),
        ];
        for (load, expected) in cases {
            assert_eq!(
                rates.floor(load).to_string(),
                expected.to_string(),
                "{load}"
            );
        }
    }
}
