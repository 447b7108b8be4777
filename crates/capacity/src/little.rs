//! Little's law as a check of the measurement itself: who is there = how many come × how long they stay.

/// How far a level may be off before its numbers are doubted.
const TOLERANCE: f64 = 0.05;

/// Little's law on one level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Little {
    /// The users that were there, on average.
    pub users: f64,
    /// Throughput times mean stay: the users that there should have been.
    pub expected: f64,
}

impl Little {
    /// How far off they are, as a share of the users that were there.
    #[must_use]
    pub fn off(&self) -> f64 {
        (self.expected - self.users).abs() / self.users
    }

    /// Whether the numbers of the level do not fit together.
    #[must_use]
    pub fn is_doubtful(&self) -> bool {
        self.off() > TOLERANCE
    }
}

/// Checks `users` = `per_second` × `seconds` (iterations that came in a second, their mean length with all thinking);
/// none where one of them is nothing.
#[must_use]
pub fn little(users: f64, per_second: f64, seconds: f64) -> Option<Little> {
    let all = [users, per_second, seconds];
    all.iter()
        .all(|value| value.is_finite() && *value > 0.0)
        .then_some(Little {
            users,
            expected: per_second * seconds,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_do_not_fit_together_are_doubtful() {
        let cases = [
            (100.0, 50.0, 2.0, Some(false)),
            (100.0, 50.0, 1.92, Some(false)),
            (100.0, 50.0, 1.88, Some(true)),
            (100.0, 53.0, 2.0, Some(true)),
            (0.0, 50.0, 2.0, None),
            (100.0, 0.0, 2.0, None),
            (100.0, f64::NAN, 2.0, None),
        ];
        for (users, rate, stay, doubtful) in cases {
            let checked = little(users, rate, stay);
            assert_eq!(
                checked.map(|little| little.is_doubtful()),
                doubtful,
                "{users} = {rate} × {stay}"
            );
        }
    }
}
