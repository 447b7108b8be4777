//! A number's bounds, both included.

use std::fmt;

/// The bounds of a number, both included; one of them may be absent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounds {
    /// The least.
    pub min: Option<f64>,
    /// The most.
    pub max: Option<f64>,
}

impl Bounds {
    /// Nothing but this number.
    #[must_use]
    pub const fn exactly(number: f64) -> Self {
        Self {
            min: Some(number),
            max: Some(number),
        }
    }

    /// Whether a number is inside.
    #[must_use]
    pub fn hold(&self, number: f64) -> bool {
        self.min.is_none_or(|min| number >= min) && self.max.is_none_or(|max| number <= max)
    }

    /// The bounds as JSON, for the canonical plan.
    pub(crate) fn canonical(&self) -> serde_json::Value {
        serde_json::json!([self.min, self.max])
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min, self.max) {
            (Some(min), Some(max)) if min == max => write!(f, "{min}"),
            (Some(min), Some(max)) => write!(f, "from {min} to {max}"),
            (Some(min), None) => write!(f, "at least {min}"),
            (None, Some(max)) => write!(f, "at most {max}"),
            (None, None) => f.write_str("any"),
        }
    }
}
